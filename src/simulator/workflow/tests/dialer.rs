//! Tests of nodes whose rows are called by agents: the notices and queries of the dialer and the workflow agree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{DAY, Vendor, a_vendor_with, create, row, rows, text, with_template};
use crate::simulator::rules::dialer::{Group, Rules};
use crate::simulator::{Behaviour, CallbackBody};

const MINUTE: Duration = Duration::from_secs(60);

const TEMPLATE: &str = r#"
[[workflow_templates]]
id = 7
name = "Agents, then a push by what came of it"
nodes = [
    { id = "agents", name = "Agents call", kind = "dialer", group = "Evening", repeat_number = 2, repeat_interval = "5m", next = "reached" },
    { id = "reached", kind = "branch", cases = [
        { when = ["talked"], next = "talked" },
        { when = ["no_agent"], next = "nobody" },
        { when = ["not_dialled"], next = "held" },
        { when = ["busy", "no_answer"], next = "silent" },
    ], next = "end" },
    { id = "talked", kind = "api" },
    { id = "nobody", kind = "api" },
    { id = "held", kind = "api" },
    { id = "silent", kind = "api" },
    { id = "end", kind = "end" },
]
"#;

pub(super) fn evening() -> Behaviour {
    let group = |name: &str, agents: &[&str]| Group {
        name: name.to_owned(),
        agents: agents.iter().map(|agent| (*agent).to_owned()).collect(),
    };
    let groups = vec![group("Morning", &["ani"]), group("Evening", &["sari", "budi"])];
    let dialer = Arc::new(Rules { groups, ..Rules::default() });
    Behaviour { dialer, ..with_template(TEMPLATE) }
}

/// Returns the dialer's notices of one kind.
fn notices(vendor: &Vendor, event: &str) -> Vec<Value> {
    vendor.sent(event).into_iter().map(|notice| notice["body"].clone()).collect()
}

/// Returns the task of the dialer node, as the workflow's own query names it.
fn task_of(vendor: &mut Vendor, workflow: &str) -> String {
    text(&vendor.list("workflow.subtasks", workflow)[0]["task_id"])
}

/// Returns the calls of a task as the dialer lists them.
fn calls(vendor: &mut Vendor, task: &str) -> Vec<Value> {
    let fields = json!({ "taskId": task, "limit": 1000, "needCustomerInfo": "Y" });
    let answer = vendor.request("dialer.task_detail", fields).unwrap();
    let list = answer["list"].as_array().unwrap().clone();
    assert_eq!(answer["total"], list.len());
    list
}

#[test]
fn rows_go_on_by_what_came_of_their_calls() {
    let mut vendor = a_vendor_with(1, evening());
    let cases = [
        ("talked", "talked", "Succ"),
        ("agent_rejects", "nobody", "AgentReject"),
        ("no_agent", "nobody", ""),
        ("fusing", "held", "Fusing"),
        ("busy", "silent", "NoRinging"),
        ("answers_on_2", "talked", "Succ"),
        ("hung_up", "end", "UserHangupBeforeAssign"),
        ("do_not_call", "end", "Dnc"),
    ];
    let list: Vec<Value> =
        (1..).zip(cases).map(|(number, (mock_outcome, ..))| row(number, mock_outcome)).collect();
    let workflow = vendor.create(7, &list);
    vendor.pass(DAY);
    assert_eq!(vendor.statuses(&workflow), ["created", "running", "finished"]);
    assert!(!vendor.simulator.is_busy());
    let task = task_of(&mut vendor, &workflow);
    let rows = calls(&mut vendor, &task);
    let completed = vendor.sent("workflow.contact_completed");
    for (number, (mock_outcome, last, result)) in (1..).zip(cases) {
        let callee = format!("+62811{number:08}");
        let sent = completed.iter().find(|body| body["callee_number"] == callee.as_str()).unwrap();
        let path = sent["rows"].as_array().unwrap();
        assert_eq!(path.last().unwrap()["nodetask_name"], last, "{mock_outcome}");
        assert_eq!((&path[0]["node_type"], &path[0]["task_id"]), (&json!("dialer"), &json!(task)));
        let of: Vec<&Value> = rows.iter().filter(|row| row["phoneNumber"] == callee.as_str()).collect();
        let twice = ["agent_rejects", "no_agent", "fusing", "busy", "answers_on_2"].contains(&mock_outcome);
        assert_eq!(of.len(), if twice { 2 } else { 1 }, "{mock_outcome}");
        assert!(text(&of.last().unwrap()["callResultType"]).starts_with(result), "{mock_outcome}");
    }
    // The robots' queries do not include it.
    assert_eq!(vendor.list("workflow.call_tasks", &workflow), [] as [Value; 0]);
    assert_eq!(vendor.sent("workflow.call_completed"), [] as [Value; 0]);
    let (code, message) = vendor.request("workflow.call_task_detail", json!({ "TaskID": task })).unwrap_err();
    assert!(code == 400 && message.contains("querytaskdetail"), "{message}");
}

#[test]
fn numbers_that_are_too_long_for_the_dialer_are_not_dialled() {
    let mut vendor = a_vendor_with(1, evening());
    let mut long = row(1, "talked");
    long["callee"] = "+123456789012345".into();
    let workflow = vendor.create(7, &[long, row(2, "talked")]);
    vendor.pass(DAY);
    let completed = vendor.sent("workflow.contact_completed");
    let last = |case: &str| {
        let body = completed.iter().find(|body| body["case_id"] == case).unwrap();
        body["rows"].as_array().unwrap().last().unwrap()["nodetask_name"].clone()
    };
    assert_eq!((last("case-1"), last("case-2")), (json!("held"), json!("talked")));
    let task = task_of(&mut vendor, &workflow);
    assert_eq!(calls(&mut vendor, &task).len(), 1);
    assert_eq!(vendor.statuses(&workflow), ["created", "running", "finished"]);
}

#[test]
fn notices_and_queries_of_both_agree() {
    let mut vendor = a_vendor_with(3, evening());
    let workflow = vendor.create(7, &rows(60));
    vendor.pass(DAY);
    let task = task_of(&mut vendor, &workflow);
    let all = vendor.request("dialer.tasks", json!({ "state": "Finished", "limit": 100 })).unwrap();
    let listed = &all["list"].as_array().unwrap()[..];
    let name = "flow 7 - Agents call";
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (&listed[0]["taskId"], &listed[0]["name"], &listed[0]["groupName"]),
        (&json!(task), &json!(name), &json!("Evening"))
    );
    // The task as both families report it.
    let states: Vec<Value> =
        notices(&vendor, "dialer.task_status").iter().map(|body| body["state"].clone()).collect();
    assert_eq!(states, ["Not Started", "Running", "Finished"]);
    let last = vendor.sent("workflow.status_changed").pop().unwrap();
    assert_eq!(
        (&last["actions"][0]["task_id"], &last["actions"][0]["task_status"]),
        (&json!(task), &json!("finished"))
    );

    // Every reported call can be queried, and its contact is a row of the instance.
    let rows = calls(&mut vendor, &task);
    let mut ends: BTreeMap<String, Value> = BTreeMap::new();
    for body in notices(&vendor, "dialer.contact_status") {
        assert_eq!((&body["taskId"], &body["taskName"]), (&json!(task), &json!(name)));
        if body["state"] == "HANGUP" {
            assert!(ends.insert(text(&body["callid"]), body).is_none());
        }
    }
    assert_eq!(ends.len(), rows.len());
    let found = json!({ "start_time": "2029-12-31 00:00:00+00:00", "end_time": "2030-01-03 00:00:00+00:00" });
    for call in &rows {
        let sent = &ends[&text(&call["callid"])];
        assert_eq!(
            (&sent["hangupReason"], &sent["phoneNumber"]),
            (&call["hangupReason"], &call["phoneNumber"])
        );
        assert_eq!(sent["customerInfo"], call["customerInfo"]);
        assert_eq!(
            (&call["customerName"], &call["customerInfo"]["amount"]),
            (&json!("Budi Santoso"), &json!("1500"))
        );
        assert!(call["customerInfo"].get("mock_outcome").is_none());
        let mut asked = found.clone();
        asked["case_id"] = call["customerInfo"]["case_id"].clone();
        let found = vendor.request("workflow.find", asked).unwrap();
        assert_eq!(found["list"][0]["wfdetail_uuid"], call["wfContactId"]);
    }
    let numbers: BTreeSet<String> = rows.iter().map(|call| text(&call["phoneNumber"])).collect();
    assert_eq!(numbers.len(), 60);
    assert_eq!(vendor.list("workflow.subtasks", &workflow)[0]["total"], 60);
    // Agents of the node's group took them, and the results that they saved are there.
    let agents: BTreeSet<String> =
        notices(&vendor, "dialer.agent_status").iter().map(|body| text(&body["agentName"])).collect();
    assert_eq!(agents, BTreeSet::from(["budi".to_owned(), "sari".to_owned()]));
    for call in rows.iter().filter(|call| call["reclink"] != "") {
        let link = vendor.request("dialer.recording", json!({ "callid": call["callid"] })).unwrap();
        assert_eq!(link["link"], call["reclink"]);
        let parts: Vec<String> = text(&call["reclink"]).rsplit(['/', '.']).map(str::to_owned).collect();
        assert!(vendor.simulator.download(&parts[2], &parts[1], vendor.now).is_ok());
    }
}

#[test]
fn the_workflow_alone_changes_its_tasks() {
    let mut vendor = a_vendor_with(1, evening());
    let workflow =
        vendor.create(7, &[row(1, "long_talk"), row(2, "talked"), row(3, "talked"), row(4, "talked")]);
    vendor.pass(MINUTE);
    let task = task_of(&mut vendor, &workflow);
    let cancel = json!({ "TaskID": task, "contactList": ["+6281100000004"] });
    assert_eq!(vendor.request("dialer.cancel_contacts", cancel).unwrap_err().0, 10704);
    let copy = json!({ "fromTask": task, "taskName": "copy", "groupName": "Evening" });
    assert_eq!(vendor.request("dialer.copy_task", copy).unwrap_err().0, 10704);

    // A call under way continues to its end, and nothing else is dialled.
    vendor.request("workflow.stop", json!({ "workflow_id": workflow })).unwrap();
    let before = calls(&mut vendor, &task).len();
    vendor.pass(DAY);
    assert_eq!(calls(&mut vendor, &task).len(), before);
    assert_eq!(vendor.statuses(&workflow), ["created", "running", "stopped"]);
    let states = notices(&vendor, "dialer.task_status");
    assert_eq!(states.last().unwrap()["state"], "Finished");
    assert!(!vendor.simulator.is_busy());
}

#[test]
fn a_row_that_is_taken_out_is_not_dialled_again() {
    let mut vendor = a_vendor_with(1, evening());
    let workflow = vendor.create(7, &[row(1, "no_answer"), row(2, "no_answer")]);
    let is_ringing = |vendor: &Vendor| !notices(vendor, "dialer.contact_status").is_empty();
    while !is_ringing(&vendor) {
        vendor.pass(Duration::from_secs(1));
    }
    let cancel = json!({ "workflow_id": workflow, "case_id": "case-1" });
    vendor.request("workflow.cancel_contact", cancel).unwrap();
    vendor.pass(DAY);
    let task = task_of(&mut vendor, &workflow);
    let of = |rows: &[Value], number: &str| rows.iter().filter(|row| row["phoneNumber"] == number).count();
    let rows = calls(&mut vendor, &task);
    assert_eq!((of(&rows, "+6281100000001"), of(&rows, "+6281100000002")), (1, 2));
    let summary = vendor.summary(&workflow);
    assert_eq!((&summary["finished"], &summary["cancelled"]), (&json!(1), &json!(1)));
}

#[test]
fn the_end_time_ends_the_dialers_task_too() {
    let mut vendor = a_vendor_with(1, evening());
    let mut fields = create(7);
    // Ten minutes from now; two agents cannot handle so many calls in that time.
    fields["end_time"] = "2030-01-01 10:10:00+08:00".into();
    fields["details"] = (1..80).map(|number| row(number, "talked")).collect();
    let workflow = text(&vendor.request("workflow.create", fields).unwrap()["workflow_id"]);
    vendor.pass(DAY);
    let task = task_of(&mut vendor, &workflow);
    let called = calls(&mut vendor, &task).len();
    assert!((2..79).contains(&called), "{called}");
    let list = vendor.request("dialer.tasks", json!({ "state": "Finished", "limit": 100 })).unwrap();
    assert_eq!(list["list"][0]["taskId"], task.as_str());
    assert_eq!(vendor.statuses(&workflow), ["created", "running", "finished"]);
    let summary = vendor.summary(&workflow);
    assert_eq!(summary["finished"].as_i64().unwrap() + summary["cancelled"].as_i64().unwrap(), 79);
    assert!(!vendor.simulator.is_busy() && vendor.simulator.next_wakeup().is_none());
}

#[test]
fn notices_go_where_callbacks_go_or_to_nobody() {
    let mut vendor = a_vendor_with(1, evening());
    vendor.create(7, &[row(1, "talked")]);
    let until = vendor.now + DAY;
    let mut targets = Vec::new();
    while let Some(callbacks) = vendor.step(until) {
        for callback in callbacks.into_iter().filter(|callback| callback.event.starts_with("dialer.")) {
            assert!(matches!(callback.body, CallbackBody::Text(_)));
            targets.push(callback.target);
        }
    }
    assert!(targets.len() > 9 && targets.iter().all(Option::is_none), "{targets:?}");

    let mut vendor = a_vendor_with(1, Behaviour { has_callback_url: false, ..evening() });
    let workflow = vendor.create(7, &[row(1, "talked")]);
    vendor.pass(DAY);
    assert_eq!(vendor.sent.len(), 0);
    assert_eq!(vendor.summary(&workflow)["finished"], 1);
}

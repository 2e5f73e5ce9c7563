//! Tests of how instances begin and end, and of changes in between.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::{DAY, Vendor, a_vendor, a_vendor_with, create, row, rows, text, with_template};
use crate::simulator::Behaviour;
use crate::simulator::calling::Rules;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn templates_are_listed_newest_first() {
    let mut vendor = a_vendor(1);
    let answer = vendor.request("workflow.templates", json!({})).unwrap();
    let ids: Vec<i64> = answer["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|template| template["workflow_template_id"].as_i64().unwrap())
        .collect();
    assert_eq!((&answer["total"], ids), (&json!(3), vec![1003, 1002, 1001]));
    let nodes = answer["list"][0]["nodes"].as_array().unwrap();
    assert_eq!((&nodes[0]["node_type"], &nodes[0]["node_name"]), (&json!("voice"), &json!("Check call")));
}

#[test]
fn auto_finish_says_when_an_instance_ends() {
    for (auto_finish, after_half_an_hour) in [(0, "running"), (1, "finished"), (2, "finished")] {
        let mut vendor = a_vendor(1);
        let mut fields = create(1003);
        fields["auto_finish"] = auto_finish.into();
        fields["details"] = json!([row(1, "talked")]);
        let workflow = text(&vendor.request("workflow.create", fields).unwrap()["workflow_id"]);
        vendor.pass(MINUTE * 4);
        let early = vendor.summary(&workflow)["status"] == "finished";
        assert_eq!(early, auto_finish == 1);
        if auto_finish != 1 {
            // Rows that come in time keep it open.
            let more = json!({ "workflow_id": workflow, "details": [row(2, "talked")] });
            assert_eq!(vendor.request("workflow.add_contacts", more).unwrap(), json!(null));
        }
        vendor.pass(MINUTE * 30);
        assert_eq!(vendor.summary(&workflow)["status"], after_half_an_hour);
        vendor.pass(DAY * 4);
        assert_eq!(vendor.summary(&workflow)["status"], "finished");
        assert_eq!(vendor.statuses(&workflow), ["created", "running", "finished"]);
        assert_eq!(vendor.sent("workflow.contact_completed").len(), if auto_finish == 1 { 1 } else { 2 });
    }
}

#[test]
fn an_instance_without_rows_waits_for_them() {
    let mut vendor = a_vendor(1);
    let workflow = text(&vendor.request("workflow.create", create(1001)).unwrap()["workflow_id"]);
    assert!(vendor.simulator.is_busy());
    vendor.pass(DAY);
    assert!(!vendor.simulator.is_busy());
    assert_eq!(vendor.summary(&workflow)["status"], "created");
    let more = json!({ "workflow_id": workflow, "details": rows(3) });
    vendor.request("workflow.add_contacts", more).unwrap();
    vendor.pass(DAY);
    assert_eq!(vendor.statuses(&workflow), ["created", "running", "finished"]);
}

#[test]
fn the_end_time_cuts_off_what_is_not_through() {
    let behaviour = with_template(
        r#"
[[workflow_templates]]
id = 7
name = "Request, then message"
nodes = [
    { id = "call", kind = "voice", repeat_number = 2, repeat_interval = "2m", next = "message" },
    { id = "message", kind = "whatsapp" },
]
"#,
    );
    let calling = Arc::new(Rules { channels: 1, ..Rules::default() });
    let mut vendor = a_vendor_with(1, Behaviour { calling, ..behaviour });
    let mut fields = create(7);
    // Ten minutes from now. The talk of the second row lasts longer, and the line has only one channel: neither the second
    // attempt of the first row nor the first of the third ever takes place.
    fields["end_time"] = "2030-01-01 10:10:00+08:00".into();
    fields["details"] = json!([row(1, "no_answer"), row(2, "long_talk"), row(3, "talked")]);
    let workflow = text(&vendor.request("workflow.create", fields).unwrap()["workflow_id"]);
    vendor.pass(MINUTE * 10);
    // A row that was attempted is finished, so that its call is reported; its flow has not reached the end.
    assert_eq!(vendor.sent("workflow.call_completed")[0]["case_id"], "case-1");
    assert_eq!(vendor.statuses(&workflow), ["created", "running"]);
    vendor.pass(DAY);
    assert_eq!(vendor.sent("workflow.call_completed").len(), 2);
    assert_eq!(vendor.sent("workflow.contact_completed").len(), 0);
    assert_eq!(vendor.sent("workflow.waba_status").len(), 0);
    assert_eq!(vendor.list("workflow.waba_tasks", &workflow).len(), 0);
    assert_eq!(vendor.summary(&workflow)["cancelled"], 3);
    assert_eq!(vendor.statuses(&workflow), ["created", "running", "finished"]);
}

#[test]
fn stopping_lets_calls_and_sessions_end_and_nothing_else() {
    let mut vendor = a_vendor(1);
    let mut replying = row(1, "");
    replying["variables"]["mock_whatsapp"] = "replied".into();
    let mut reading = row(2, "");
    reading["variables"]["mock_whatsapp"] = "read".into();
    let chats = vendor.create(1002, &[replying, reading]);
    let calls = vendor.create(1003, &[row(3, "long_talk"), row(4, "no_answer")]);
    let is_talking = |vendor: &mut Vendor| {
        let task = vendor.list("workflow.waba_tasks", &chats);
        task.first().is_some_and(|task| task["replied"] == 1)
    };
    while !is_talking(&mut vendor) {
        vendor.pass(Duration::from_secs(1));
    }
    for workflow in [&chats, &calls] {
        vendor.request("workflow.stop", json!({ "workflow_id": workflow })).unwrap();
        let (code, why) = vendor.request("workflow.stop", json!({ "workflow_id": workflow })).unwrap_err();
        assert!(code == 400 && why.contains("already being stopped"), "{why}");
    }
    // Instance and call task agree until the last call has ended.
    assert_eq!(vendor.summary(&calls)["status"], "running");
    assert_eq!(vendor.list("workflow.call_tasks", &calls)[0]["Status"], "running");
    assert_eq!(vendor.sent("workflow.session_ended").len(), 0);
    vendor.pass(DAY);
    assert_eq!(vendor.sent("workflow.session_ended").len(), 1);
    assert_eq!(vendor.statuses(&chats), ["created", "running", "stopped"]);
    assert_eq!(vendor.statuses(&calls), ["created", "running", "stopped"]);
    let last = vendor.sent.last().unwrap();
    assert_eq!((last.1.as_str(), &last.2["status"]), ("workflow.status_changed", &json!("stopped")));
    let sent = vendor.sent("workflow.call_completed");
    assert_eq!((sent.len(), &sent[0]["case_id"]), (1, &json!("case-3")));
    // The instance has no row left, and its task no waiting number.
    assert_eq!(vendor.summary(&calls)["cancelled"], 2);
    let task = vendor.list("workflow.call_tasks", &calls);
    assert_eq!((&task[0]["Status"], &task[0]["Pending"]), (&json!("cancelled"), &json!(0)));
    let (_, why) = vendor.request("workflow.stop", json!({ "workflow_id": calls })).unwrap_err();
    assert_eq!(why, "the workflow is already stopped");
}

#[test]
fn a_row_is_taken_out_wherever_it_is() {
    let mut vendor = a_vendor(1);
    let rows = [row(1, "no_answer"), row(2, "long_talk"), row(3, "talked")];
    let workflow = vendor.create(1001, &rows);
    let cancel = |vendor: &mut Vendor, case: &str| {
        vendor.request("workflow.cancel_contact", json!({ "workflow_id": workflow, "case_id": case }))
    };
    // Before it has begun.
    cancel(&mut vendor, "case-3").unwrap();
    vendor.pass(MINUTE * 2);
    // While a redial is due later, and while the person talks.
    cancel(&mut vendor, "case-1").unwrap();
    cancel(&mut vendor, "case-2").unwrap();
    cancel(&mut vendor, "case-2").unwrap_err();
    vendor.pass(DAY);
    assert_eq!(vendor.sent("workflow.call_completed").len(), 1);
    assert_eq!(vendor.sent("workflow.contact_completed").len(), 0);
    assert_eq!(vendor.summary(&workflow)["cancelled"], 3);
    assert_eq!(vendor.statuses(&workflow), ["created", "running", "finished"]);
}

#[test]
fn new_variables_count_from_the_next_node_on() {
    let mut vendor = a_vendor(1);
    let workflow = vendor.create(1003, &[row(1, "talked")]);
    vendor.pass(Duration::from_secs(3));
    let update = json!({
        "workflow_id": workflow, "callee": "+6281100000001",
        "variables": { "amount": "2000", "extra_a": "late", "callee_gender": "female" },
    });
    vendor.request("workflow.update_contact", update).unwrap();
    vendor.pass(DAY);
    let call = &vendor.sent("workflow.call_completed")[0];
    assert_eq!(call["CheckResults"][1]["Expected"], "1500");
    let push = vendor.sent("workflow.api_push")[0].clone();
    insta::assert_snapshot!(serde_json::to_string_pretty(&push["callee"]).unwrap());
}

#[test]
fn a_row_that_is_taken_out_is_not_called_again() {
    let mut vendor = a_vendor(1);
    let workflow = vendor.create(1003, &[row(1, "no_answer"), row(2, "no_answer")]);
    vendor.pass(Duration::from_secs(5));
    let cancel = json!({ "workflow_id": workflow, "case_id": "case-1" });
    vendor.request("workflow.cancel_contact", cancel).unwrap();
    vendor.pass(DAY);
    let calls = vendor.sent("workflow.call_completed");
    let attempts =
        |case: &str| calls.iter().find(|call| call["case_id"] == case).unwrap()["Attempts"].clone();
    assert_eq!((attempts("case-1"), attempts("case-2")), (json!(1), json!(3)));
    let summary = vendor.summary(&workflow);
    assert_eq!((&summary["finished"], &summary["cancelled"]), (&json!(1), &json!(1)));
}

#[test]
fn a_template_of_ones_own_branches_on_what_people_want() {
    let behaviour = with_template(
        r#"
[[workflow_templates]]
id = 7
name = "Agents for those who ask"
nodes = [
    { id = "call", kind = "voice", next = "branch" },
    { id = "branch", kind = "branch", cases = [{ when = ["intention_e"], next = "agents" }], next = "end" },
    { id = "agents", kind = "dialer", group = "Collections", next = "end" },
    { id = "end", kind = "end" },
]
"#,
    );
    let mut vendor = a_vendor_with(1, behaviour);
    let workflow = vendor.create(7, &[row(1, "intention_e"), row(2, "intention_a")]);
    vendor.pass(DAY);
    assert_eq!(vendor.list("workflow.call_tasks", &workflow).len(), 1);
    let tasks = vendor.request("dialer.tasks", json!({ "limit": 10 })).unwrap();
    assert_eq!(
        (tasks["list"].as_array().map(Vec::len), &tasks["list"][0]["groupName"]),
        (Some(1), &json!("Collections"))
    );
    let paths: Vec<usize> = vendor
        .sent("workflow.contact_completed")
        .iter()
        .map(|body| body["rows"].as_array().unwrap().len())
        .collect();
    assert_eq!(paths.iter().sum::<usize>(), 4 + 3);
}

#[test]
fn nothing_is_sent_to_nobody() {
    let mut vendor = a_vendor_with(1, Behaviour { has_callback_url: false, ..Behaviour::default() });
    let workflow = vendor.create(1001, &rows(20));
    vendor.pass(DAY);
    assert!(vendor.sent.is_empty());
    assert_eq!(vendor.summary(&workflow)["finished"], 20);
    // The vendor does not confirm what was not pushed.
    let node = vendor.list("workflow.subtasks", &workflow)[3].clone();
    assert_eq!((&node["node_type"], node["total"].as_i64() > Some(0)), (&json!("api"), true));
    let asked = json!({ "workflow_id": workflow, "node_id": node["node_id"], "callee": "+6281100000001" });
    assert_eq!(vendor.request("workflow.verify_push", asked).unwrap(), json!({ "valid": false }));
}

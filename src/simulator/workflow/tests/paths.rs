//! Tests that the notices alone say the same about every row as the queries.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::dialer::evening;
use super::{DAY, Vendor, a_vendor, a_vendor_with, row, rows, text};
use crate::content::Country;
use crate::recordings::Recording;
use crate::seed::Seed;
use crate::simulator::Opening;
use crate::simulator::calling::Download;

/// What the notices say about one row.
#[derive(Debug, Default)]
struct Heard {
    /// The nodes that it passed, by type.
    path: Vec<String>,
    /// The node runs and tasks on the way.
    passed: Vec<Value>,
    calls: Vec<Value>,
    statuses: Vec<String>,
    session: Option<Value>,
    pushes: Vec<Value>,
    completed: usize,
}

fn heard(vendor: &Vendor) -> BTreeMap<String, Heard> {
    let mut all: BTreeMap<String, Heard> = BTreeMap::new();
    let mut by_row: BTreeMap<String, String> = BTreeMap::new();
    // Rows have an id of their own in the notices of messages; the number leads to the case.
    for body in vendor.sent("workflow.contact_completed") {
        let case = text(&body["case_id"]);
        by_row.insert(text(&body["callee_number"]), case.clone());
        let row = all.entry(case).or_default();
        row.completed += 1;
        row.passed = body["rows"].as_array().unwrap().clone();
        row.path = row.passed.iter().map(|node| text(&node["node_type"])).collect();
    }
    for (_, event, body) in &vendor.sent {
        let case = match event.as_str() {
            "workflow.call_completed" => text(&body["case_id"]),
            "workflow.api_push" => text(&body["callee"]["case_id"]),
            "workflow.waba_status" | "workflow.session_ended" => by_row[&text(&body["callee"])].clone(),
            _ => continue,
        };
        let row = all.entry(case).or_default();
        match event.as_str() {
            "workflow.call_completed" => row.calls.push(body.clone()),
            "workflow.api_push" => row.pushes.push(body.clone()),
            "workflow.waba_status" => row.statuses.push(text(&body["status"])),
            _ => row.session = Some(body.clone()),
        }
    }
    all
}

/// Returns the call data of a notice in the form of the task's details.
fn as_detail(notice: &Value) -> Value {
    let own = ["TaskID", "TaskName", "workflow_id", "workflow_name", "nodetask_id", "nodetask_name"];
    let fields: Map<String, Value> = notice.as_object().unwrap().clone();
    Value::Object(fields.into_iter().filter(|(name, _)| !own.contains(&name.as_str())).collect())
}

fn by_case(detail: &Value) -> BTreeMap<String, Value> {
    let list = detail["detail"].as_array().unwrap();
    list.iter().map(|row| (text(&row["case_id"]), row.clone())).collect()
}

/// Runs a template over a thousand rows and compares.
/// How many rows a workflow has: enough for every path.
const ROWS: u32 = 400;

fn compare(template: i64) -> (Vendor, String, BTreeMap<String, Heard>) {
    let mut vendor = a_vendor(7);
    let workflow = vendor.create(template, &rows(ROWS));
    // The sums are recounted after every event of the first hour, and occasionally after it.
    vendor.pass(DAY / 24);
    vendor.check = None;
    for _ in 0..30 {
        vendor.pass(DAY / 24);
        super::assert_sums(&vendor.simulator);
    }
    assert_eq!(vendor.statuses(&workflow), ["created", "running", "finished"]);
    assert!(!vendor.simulator.is_busy());
    let summary = vendor.summary(&workflow);
    assert_eq!((&summary["status"], &summary["finished"]), (&json!("finished"), &json!(ROWS)));

    let heard = heard(&vendor);
    assert_eq!(heard.len(), ROWS as usize);
    // The call tasks.
    let mut calls = 0;
    for task in vendor.list("workflow.call_tasks", &workflow) {
        assert_eq!((&task["Status"], &task["Type"]), (&json!("finished"), &json!("workflow")));
        let detail =
            vendor.request("workflow.call_task_detail", json!({ "TaskID": task["TaskID"] })).unwrap();
        assert_eq!(detail["workflow_id"], workflow);
        for (case, row) in by_case(&detail) {
            let notice = heard[&case].calls.iter().find(|call| call["TaskID"] == task["TaskID"]).unwrap();
            assert_eq!(as_detail(notice), row);
            let id = vendor.request("call.by_id", json!({ "CallID": row["CallID"] })).unwrap();
            assert_eq!(id["Dialog"], row["Dialog"]);
            calls += 1;
        }
    }
    assert_eq!(calls, vendor.sent("workflow.call_completed").len());
    // The messages.
    let mut messages = 0;
    for task in vendor.list("workflow.waba_tasks", &workflow) {
        let detail = vendor
            .request("workflow.waba_task_detail", json!({ "waba_task_id": task["waba_task_id"] }))
            .unwrap();
        let mut replied = 0;
        for (case, row) in by_case(&detail) {
            let known = &heard[&case];
            assert_eq!(row["status"], *known.statuses.last().unwrap());
            match &known.session {
                Some(session) => {
                    assert_eq!(session["call_id"], row["call_id"]);
                    assert_eq!(session["intention"], row["intention"]);
                    assert_eq!(session["wfdetail_uuid"], row["wfdetail_uuid"]);
                    assert_eq!(session["waba_task_id"], task["waba_task_id"]);
                    replied += 1;
                }
                None => assert_eq!((&row["call_id"], &row["intention"]), (&json!(""), &json!("--"))),
            }
            messages += 1;
        }
        assert_eq!(task["replied"], replied);
        let sum: i64 = ["pending", "send", "delivery", "read", "failed"]
            .iter()
            .map(|key| task[*key].as_i64().unwrap())
            .sum();
        assert_eq!(task["total"], sum);
    }
    assert_eq!(messages, heard.values().filter(|row| !row.statuses.is_empty()).count());
    // The nodes, and all pushed data.
    for node in vendor.list("workflow.subtasks", &workflow) {
        let passed = heard.values().flat_map(|row| &row.passed);
        let count = passed.filter(|passed| passed["nodetask_id"] == node["nodetask_id"]).count();
        assert_eq!((&node["total"], &node["running"]), (&json!(count), &json!(0)), "{node}");
    }
    for (case, row) in &heard {
        assert_eq!(row.completed, 1);
        let pushes = row.path.iter().filter(|node| *node == "api").count();
        assert_eq!(row.pushes.len(), pushes);
        for push in &row.pushes {
            let asked = json!({
                "workflow_id": workflow, "node_id": push["node_id"], "case_id": case,
                "callee": push["callee"]["callee_number"],
            });
            let answer = vendor.request("workflow.verify_push", asked.clone()).unwrap();
            assert_eq!(answer, json!({ "valid": true, "push": push }));
            let mut foreign = asked;
            foreign["case_id"] = "another".into();
            assert_eq!(vendor.request("workflow.verify_push", foreign).unwrap(), json!({ "valid": false }));
        }
    }
    (vendor, workflow, heard)
}

/// Returns the results of a row's calls, in order.
fn rings(row: &Heard) -> Vec<String> {
    row.calls.iter().map(|call| text(&call["RingType"])).collect()
}

#[test]
fn voice_then_whatsapp() {
    let (mut vendor, workflow, heard) = compare(1001);
    for row in heard.values() {
        let call = &row.calls[0];
        let expected: &[&str] = match text(&call["RingType"]).as_str() {
            "answered" if call["TalkDuration"].as_i64() > Some(0) && call["RecordLink"] != "" => {
                &["voice", "branch", "api", "end"]
            }
            "invalid_number" | "do_not_call" => &["voice", "branch", "end"],
            _ => &["voice", "branch", "waba", "api", "end"],
        };
        assert_eq!(row.path, expected, "{call}");
        assert_eq!(row.passed[0]["task_id"], call["TaskID"]);
    }
    let sessions = heard.values().filter(|row| row.session.is_some()).count();
    let voicemails = heard.values().filter(|row| rings(row) == ["voicemail"]).count();
    assert!(sessions > 20 && voicemails > 4, "{sessions} {voicemails}");

    // The recordings of one number, by their links.
    let (case, row) = heard.iter().find(|(_, row)| row.path.len() == 4).unwrap();
    let asked = json!({ "workflow_id": workflow, "case_id": case });
    let list = vendor.request("workflow.recordings", asked.clone()).unwrap();
    assert_eq!((&list["total"], &list["list"][0]["link"]), (&json!(1), &row.calls[0]["RecordLink"]));
    assert_eq!(vendor.request("workflow.call_info", asked).unwrap(), list);
    let link = text(&list["list"][0]["link"]);
    let parts: Vec<&str> = link.rsplit(['/', '.']).collect();
    let Ok(Download::One { recording: Recording::Made(recording), .. }) =
        vendor.simulator.download(parts[2], parts[1], vendor.now)
    else {
        panic!("nothing behind {link}")
    };
    let seconds = row.calls[0]["TalkDuration"].as_u64().unwrap();
    assert_eq!(u64::from(recording.seconds), seconds);
}

#[test]
fn whatsapp_then_voice() {
    let (_, _, heard) = compare(1002);
    for row in heard.values() {
        let expected: &[&str] = match row.session {
            Some(_) => &["waba", "branch", "end"],
            None => &["waba", "branch", "wait", "voice", "end"],
        };
        assert_eq!(row.path, expected);
        let statuses: Vec<&str> = row.statuses.iter().map(String::as_str).collect();
        let known: [&[&str]; 3] = [&["send", "failed"], &["send", "delivery"], &["send", "delivery", "read"]];
        assert!(known.contains(&statuses.as_slice()), "{statuses:?}");
        assert!(row.session.is_none() || statuses.len() == 3);
    }
    let session = heard.values().find_map(|row| row.session.clone()).unwrap();
    let messages = session["messages"].as_array().unwrap();
    assert_eq!(messages[0]["content"]["system"]["type"], "conversation.start");
    assert_eq!(messages[1]["reply"]["content"]["template"]["info"]["name"], "loan_offer");
    assert_eq!(session["talk_round"], messages.iter().filter(|said| said["sender_type"] == "user").count());
    insta::assert_snapshot!(serde_json::to_string_pretty(&session).unwrap());
}

#[test]
fn information_check() {
    let (vendor, _, heard) = compare(1003);
    for row in heard.values() {
        assert_eq!(row.path, ["voice", "api", "end"]);
        assert!(row.calls[0]["CheckResults"].is_array());
    }
    let talked = vendor.sent("workflow.call_completed").into_iter().find(|call| call["RecordLink"] != "");
    let results = talked.unwrap()["CheckResults"].clone();
    let items: Vec<&Value> = results.as_array().unwrap().iter().map(|result| &result["Item"]).collect();
    assert_eq!(items, ["callee_name", "amount"]);
}

#[test]
fn every_row_ends_however_many_there_are() {
    for (template, count) in [(1001, 600), (7, 200)] {
        let mut vendor = a_vendor_with(7, evening());
        vendor.check = None;
        let mut rows = rows(count);
        // One more row, whose number forces a refusal.
        rows.push(row(9_030, ""));
        let workflow = vendor.create(template, &rows);
        // Two agents take long for so many rows; the end time cuts that off.
        vendor.pass(DAY * 4);
        let summary = vendor.summary(&workflow);
        let over = ["finished", "cancelled"].map(|name| summary[name].as_i64().unwrap());
        assert_eq!(over.iter().sum::<i64>(), i64::from(count));
        assert!(template == 7 || over[1] == 0);
    }
}

/// Collects the paths of all values in a body, each with the kind of its value.
fn places(value: &Value, place: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                places(value, &format!("{place}.{name}"), found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| places(item, &format!("{place}[]"), found)),
        Value::String(_) => drop(found.insert(format!("{place} text"))),
        Value::Number(_) => drop(found.insert(format!("{place} number"))),
        Value::Bool(_) | Value::Null => drop(found.insert(format!("{place} {value}"))),
    }
}

fn shape(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    places(value, "", &mut found);
    found
}

#[test]
fn what_is_emitted_alone_looks_like_what_comes_of_an_instance() {
    let mut vendor = a_vendor(3);
    let mut replies = row(1, "no_answer");
    replies["variables"] =
        json!({ "callee_name": "Budi", "mock_outcome": "no_answer", "mock_whatsapp": "replied" });
    let mut talks = row(2, "talked");
    talks["variables"] = json!({ "callee_name": "Sari", "mock_outcome": "talked" });
    vendor.create(1001, &[replies, talks]);
    vendor.leap(DAY);
    let opening = Opening { story: None, seed: Seed(5), country: Country::Id, locale: None, now: vendor.now };
    let key = vendor.simulator.open(opening);
    for event in [
        "workflow.call_completed",
        "workflow.api_push",
        "workflow.contact_completed",
        "workflow.status_changed",
        "workflow.waba_status",
        "workflow.session_ended",
    ] {
        let real: Vec<BTreeSet<String>> = vendor.sent(event).iter().map(shape).collect();
        let emitted = shape(&vendor.simulator.emit(key, event, Value::Null, vendor.now).unwrap());
        let ever: BTreeSet<String> = real.iter().flatten().cloned().collect();
        let always = real.iter().cloned().reduce(|one, other| &one & &other).unwrap();
        // The values of a row come from the customer.
        let foreign: Vec<&String> = emitted.difference(&ever).collect();
        let missing: Vec<&String> =
            always.difference(&emitted).filter(|place| !place.starts_with(".variables.")).collect();
        assert!(foreign.is_empty() && missing.is_empty(), "{event}: {foreign:?} {missing:?}");
    }
}

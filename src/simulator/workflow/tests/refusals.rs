//! Tests of refused requests.

use serde_json::{Value, json};

use super::{DAY, a_vendor, create, row, rows};

fn with(mut fields: Value, name: &str, value: Value) -> Value {
    fields[name] = value;
    fields
}

#[test]
fn every_refusal_names_its_parameter() {
    let mut vendor = a_vendor(1);
    let workflow = vendor.create(1003, &[row(1, "talked")]);
    vendor.pass(DAY / 2);
    let open = vendor.create(1003, &[row(2, "talked")]);
    let (over, open) = (json!({ "workflow_id": workflow }), json!({ "workflow_id": open }));
    let none = json!({});
    let many: Vec<Value> = rows(10_001);
    let calls = [
        ("workflow.create", none.clone()),
        ("workflow.create", with(create(1001), "workflow_template_id", json!("first"))),
        ("workflow.create", create(7)),
        ("workflow.create", with(create(1001), "name", json!(""))),
        ("workflow.create", with(create(1001), "name", json!("x".repeat(64)))),
        ("workflow.create", with(create(1001), "auto_finish", json!(3))),
        ("workflow.create", with(create(1001), "end_time", Value::Null)),
        ("workflow.create", with(create(1001), "end_time", json!("2030-01-04 10:00:00"))),
        ("workflow.create", with(create(1001), "end_time", json!("2029-01-04 10:00:00+08:00"))),
        ("workflow.create", with(create(1001), "details", json!({}))),
        ("workflow.create", with(create(1001), "details", json!(many))),
        ("workflow.add_contacts", none.clone()),
        ("workflow.add_contacts", json!({ "workflow_id": "0123" })),
        ("workflow.add_contacts", open.clone()),
        ("workflow.add_contacts", with(open.clone(), "details", json!([]))),
        ("workflow.add_contacts", with(open.clone(), "details", json!(many[..10_000]))),
        ("workflow.add_contacts", with(over.clone(), "details", json!(many[..1]))),
        ("workflow.update_contact", with(open.clone(), "variables", json!({}))),
        ("workflow.update_contact", with(open.clone(), "callee", json!("0811"))),
        (
            "workflow.update_contact",
            json!({ "workflow_id": open["workflow_id"], "case_id": "nobody", "variables": {} }),
        ),
        ("workflow.update_contact", with(open.clone(), "case_id", json!("case-2"))),
        (
            "workflow.update_contact",
            json!({ "workflow_id": open["workflow_id"], "case_id": "case-2", "variables": { "a": 1 } }),
        ),
        ("workflow.cancel_contact", with(over.clone(), "case_id", json!("case-1"))),
        ("workflow.stop", over.clone()),
        ("workflow.list", json!({ "status": "done", "size": 5 })),
        ("workflow.list", json!({ "size": 5_000 })),
        ("workflow.subtasks", none.clone()),
        ("workflow.call_tasks", json!({ "workflow_id": "nowhere" })),
        ("workflow.call_task_detail", none.clone()),
        ("workflow.call_task_detail", json!({ "TaskID": "nowhere" })),
        ("workflow.call_info", json!({ "case_id": "case-1" })),
        ("workflow.call_info", over.clone()),
        ("workflow.recordings", with(over.clone(), "callee", json!("+6281199999999"))),
        ("workflow.find", json!({ "callee": "+6281100000001" })),
        ("workflow.find", json!({ "case_id": "case-1", "start_time": "soon", "end_time": "later" })),
        (
            "workflow.find",
            json!({ "case_id": "a", "start_time": "2030-01-02 00:00:00", "end_time": "2030-01-01 00:00:00" }),
        ),
        ("workflow.verify_push", over.clone()),
        ("workflow.verify_push", with(over, "callee", json!("+6281100000001"))),
        ("workflow.waba_tasks", none.clone()),
        ("workflow.waba_task_detail", none),
        ("workflow.waba_task_detail", json!({ "waba_task_id": "nowhere" })),
    ];
    let mut lines = Vec::new();
    for (id, fields) in calls {
        let (code, message) = vendor.request(id, fields).unwrap_err();
        lines.push(format!("{id:26} {code} {message}"));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn rows_are_refused_one_by_one() {
    let mut vendor = a_vendor(1);
    let mut fields = create(1001);
    fields["details"] = json!([
        row(1, "talked"),
        1,
        {},
        { "callee": "0811" },
        { "callee": "+6281100000002", "case_id": 7 },
        { "callee": "+6281100000002", "variables": [] },
        { "callee": "+6281100000002", "variables": { "amount": 5 } },
        row(2, "buzy"),
        row(3, "refused"),
        { "callee": "+6281100009030" },
        { "callee": "+6281100000002", "variables": { "mock_whatsapp": "repleid" } },
        { "callee": "+6281100000002", "variables": { "mock_whatsapp": "carrier pigeon" } },
        { "callee": "+6281100000004" },
    ]);
    let answer = vendor.request("workflow.create", fields).unwrap();
    vendor.pass(DAY / 24);
    assert_eq!(vendor.summary(answer["workflow_id"].as_str().unwrap())["total"], 2);
    let lines: Vec<String> =
        answer["detail_error_list"].as_array().unwrap().iter().map(Value::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn accounts_do_not_see_each_others() {
    let mut vendor = a_vendor(1);
    let workflow = vendor.create(1001, &[row(1, "no_answer")]);
    vendor.pass(DAY / 2);
    let task = vendor.list("workflow.call_tasks", &workflow)[0]["TaskID"].clone();
    let waba = vendor.list("workflow.waba_tasks", &workflow)[0]["waba_task_id"].clone();
    for (id, fields) in [
        ("workflow.subtasks", json!({ "workflow_id": workflow })),
        ("workflow.stop", json!({ "workflow_id": workflow })),
        ("workflow.call_task_detail", json!({ "TaskID": task })),
        ("workflow.waba_task_detail", json!({ "waba_task_id": waba })),
    ] {
        assert_eq!(vendor.request_as(1, id, fields.clone()).unwrap_err().0, 404, "{id}");
        if id != "workflow.stop" {
            vendor.request(id, fields).unwrap();
        }
    }
    assert_eq!(vendor.request_as(1, "workflow.list", json!({})).unwrap()["total"], 0);
    // Tasks of workflows are not tasks of the calling API, but the results of their calls can be queried there.
    assert_eq!(vendor.request("task.list", json!({})).unwrap()["total"], 0);
    let (code, message) =
        vendor.request("task.stop", json!({ "TaskID": task, "Action": "Stop" })).unwrap_err();
    assert_eq!((code, message.contains("belongs to a workflow")), (400, true), "{message}");
}

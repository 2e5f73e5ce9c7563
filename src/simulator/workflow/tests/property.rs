//! Tests of requests and time in any order.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::dialer::evening;
use super::{Sent, Vendor, a_vendor_with, create, row, text};

#[derive(Clone, Debug)]
enum Op {
    Create { template: i64, auto_finish: i64, rows: u32, minutes: u32 },
    Add { workflow: usize, rows: u32 },
    Update { workflow: usize, row: u32 },
    Cancel { workflow: usize, row: u32 },
    Stop { workflow: usize },
    Pass { seconds: u64 },
    Leap { seconds: u64 },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (prop_oneof![1001..=1003_i64, Just(7_i64)], 0..=2_i64, 0..12_u32, 1..600_u32)
            .prop_map(|(template, auto_finish, rows, minutes)| Op::Create { template, auto_finish, rows, minutes }),
        2 => (0..4_usize, 0..6_u32).prop_map(|(workflow, rows)| Op::Add { workflow, rows }),
        2 => (0..4_usize, 0..20_u32).prop_map(|(workflow, row)| Op::Update { workflow, row }),
        3 => (0..4_usize, 0..20_u32).prop_map(|(workflow, row)| Op::Cancel { workflow, row }),
        1 => (0..4_usize).prop_map(|workflow| Op::Stop { workflow }),
        6 => (0..4_000_u64).prop_map(|seconds| Op::Pass { seconds }),
        2 => (0..40_000_u64).prop_map(|seconds| Op::Leap { seconds }),
    ]
}

/// Carries out the operations and lets everything end.
fn live(seed: u64, ops: &[Op]) -> Vendor {
    let mut vendor = a_vendor_with(seed, evening());
    let mut workflows: Vec<String> = Vec::new();
    let mut next = 0;
    for op in ops {
        let of = |workflow: &usize| workflows.get(*workflow).cloned().unwrap_or_default();
        let mut fresh = |count: u32| -> Vec<Value> {
            let rows = (next..next + count).map(|number| row(number, ""));
            next += count;
            rows.collect()
        };
        // Refusals are allowed; none of them breaks anything.
        match op {
            Op::Create { template, auto_finish, rows, minutes } => {
                let mut fields = create(*template);
                let ends = vendor.now + Duration::from_secs(u64::from(*minutes) * 60);
                fields["end_time"] = ends.strftime("%Y-%m-%d %H:%M:%S+00:00").to_string().into();
                fields["auto_finish"] = (*auto_finish).into();
                if *rows > 0 {
                    fields["details"] = fresh(*rows).into();
                }
                workflows.push(text(&vendor.request("workflow.create", fields).unwrap()["workflow_id"]));
            }
            Op::Add { workflow, rows } => {
                let fields = json!({ "workflow_id": of(workflow), "details": fresh(*rows) });
                let _ = vendor.request("workflow.add_contacts", fields);
            }
            Op::Update { workflow, row } => {
                let fields = json!({
                    "workflow_id": of(workflow), "case_id": format!("case-{row}"),
                    "variables": { "mock_whatsapp": "replied", "mock_outcome": "busy" },
                });
                let _ = vendor.request("workflow.update_contact", fields);
            }
            Op::Cancel { workflow, row } => {
                let fields = json!({ "workflow_id": of(workflow), "case_id": format!("case-{row}") });
                let _ = vendor.request("workflow.cancel_contact", fields);
            }
            Op::Stop { workflow } => {
                let _ = vendor.request("workflow.stop", json!({ "workflow_id": of(workflow) }));
            }
            Op::Pass { seconds } => vendor.pass(Duration::from_secs(*seconds)),
            Op::Leap { seconds } => vendor.leap(Duration::from_secs(*seconds)),
        }
        super::assert_sums(&vendor.simulator);
    }
    vendor.pass(Duration::from_secs(20 * 3_600));
    vendor
}

/// Checks that queries know whatever a notice names.
fn resolves(vendor: &mut Vendor, (_, event, body): &Sent) {
    if event.starts_with("dialer.") {
        let sent = &body["body"];
        let like = json!([{ "field": "callid", "pattern": sent["callid"] }]);
        let like = if sent["callid"].is_null() { json!([]) } else { like };
        let fields = json!({ "taskId": sent["taskId"], "like": like });
        let answer = vendor.request("dialer.task_detail", fields).unwrap();
        let is_of_task = sent["callid"].is_null() || answer["list"][0]["phoneNumber"] == sent["phoneNumber"];
        assert!(is_of_task, "{body}");
        return;
    }
    let workflow = text(&body["workflow_id"]);
    let nodes = vendor.list("workflow.subtasks", &workflow);
    let knows = |id: &Value| nodes.iter().any(|node| node["nodetask_id"] == *id);
    match event.as_str() {
        "workflow.call_completed" => {
            assert!(knows(&body["nodetask_id"]));
            let call = vendor.request("call.by_id", json!({ "CallID": body["CallID"] })).unwrap();
            assert_eq!(call["CalleeNumber"], body["CalleeNumber"]);
        }
        "workflow.contact_completed" => {
            assert!(body["rows"].as_array().unwrap().iter().all(|node| knows(&node["nodetask_id"])));
        }
        "workflow.status_changed" => {
            assert!(body["actions"].as_array().unwrap().iter().all(|node| knows(&node["nodetask_id"])));
        }
        "workflow.waba_status" | "workflow.session_ended" => {
            let asked = json!({ "waba_task_id": body["waba_task_id"] });
            let task = vendor.request("workflow.waba_task_detail", asked).unwrap();
            let detail = task["detail"].as_array().unwrap();
            assert!(detail.iter().any(|row| row["wfdetail_uuid"] == body["wfdetail_uuid"]));
        }
        "workflow.api_push" => assert!(nodes.iter().any(|node| node["node_id"] == body["node_id"])),
        other => panic!("{other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 10, ..ProptestConfig::default() })]

    #[test]
    fn requests_and_time_in_any_order(seed: u64, ops in prop::collection::vec(op(), 1..24)) {
        let mut vendor = live(seed, &ops);
        prop_assert!(!vendor.simulator.is_busy());
        let again = live(seed, &ops);
        prop_assert_eq!(&again.sent, &vendor.sent);
        let instances = vendor.request("workflow.list", json!({ "size": 1_000 })).unwrap();
        for instance in instances["list"].as_array().unwrap() {
            // Every end time has passed.
            let workflow = text(&instance["workflow_id"]);
            let status = text(&instance["status"]);
            prop_assert!(["finished", "stopped"].contains(&status.as_str()), "{instance}");
            let sent = vendor.statuses(&workflow);
            prop_assert_eq!(sent.last(), Some(&status));
            prop_assert_eq!(sent.iter().collect::<BTreeSet<_>>().len(), sent.len());
            let completed = vendor.sent("workflow.contact_completed");
            let completed = completed.iter().filter(|body| body["workflow_id"] == workflow).count();
            prop_assert_eq!(&instance["finished"], completed);
            for node in vendor.list("workflow.subtasks", &workflow) {
                prop_assert_eq!(&node["running"], 0);
            }
            for task in vendor.list("workflow.call_tasks", &workflow) {
                let is_over = ["finished", "cancelled"].contains(&text(&task["Status"]).as_str());
                prop_assert!(is_over && task["Pending"] == 0 && task["Calling"] == 0, "{task}");
            }
        }
        let tasks = vendor.request("dialer.tasks", json!({ "limit": 1_000 })).unwrap();
        let over = ["Finished", "Cancelled"].map(|state| {
            let asked = json!({ "limit": 1_000, "state": state });
            vendor.request("dialer.tasks", asked).unwrap()["list"].as_array().map_or(0, Vec::len)
        });
        prop_assert_eq!(tasks["list"].as_array().map(Vec::len), Some(over[0] + over[1]));
        let all = vendor.sent.clone();
        for sent in &all {
            resolves(&mut vendor, sent);
        }
    }
}

//! Tests of the life of tasks and plans, on virtual time.

mod outcomes;
mod phone;
mod plans;
mod property;
mod queries;
mod rounds;
mod schedule;
mod strict;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::simulator::Behaviour;
use crate::simulator::Simulator;
use crate::simulator::testing::{DAY, Sent, Vendor};

fn a_vendor(rules: Rules) -> Vendor {
    Vendor::new(1, Behaviour { calling: Arc::new(rules), ..Behaviour::default() }, assert_sums)
}

fn assert_sums(simulator: &Simulator) {
    let calling = &simulator.calling;
    for task in calling.tasks.objects() {
        assert_eq!(task.sums, task.recount());
        assert_eq!(task.sums.created() as usize, task.rows.list.len() + task.sums.refused as usize);
        assert!(!task.status.is_over() || task.is_finished());
    }
    for line in &calling.lines {
        assert!(line.busy <= line.channels, "{line:?}");
    }
    let calling_now: u32 = calling.tasks.objects().map(|task| task.sums.calling).sum();
    let busy: u32 = calling.lines.iter().map(|line| line.busy).sum();
    assert_eq!(calling_now, busy);
}

fn row(last: &str) -> Value {
    json!({ "Mobile": format!("+62811123{last}"), "Debtor": "Budi Santoso", "Comments": last, "Arrears": 150_000,
        "LoanAmount": 150_000, "LoanDate": "2029-12-01" })
}

fn task(name: &str, rows: &[Value]) -> Value {
    json!({ "TaskName": name, "RobotID": "Payment reminder", "RepeatNumber": 3, "RepeatInterval": 10, "Details": rows })
}

fn id(answer: Value) -> String {
    answer["TaskID"].as_str().unwrap().to_owned()
}

/// Returns `detail` by the client's own id of the row.
fn details(vendor: &mut Vendor, task: &str) -> BTreeMap<String, Value> {
    let answer = vendor.request("task.detail", json!({ "TaskID": task })).unwrap();
    let detail = answer["detail"].as_array().unwrap();
    detail.iter().map(|row| (row["Comments"].as_str().unwrap().to_owned(), row.clone())).collect()
}

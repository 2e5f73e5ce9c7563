//! Tests of plans and their rounds.

use super::*;

fn strategy(vendor: &mut Vendor, name: &str) -> Value {
    let list = vendor.request("strategy.list", json!({})).unwrap();
    let found = list["list"].as_array().unwrap().iter().find(|it| it["StrategyName"] == name).cloned();
    found.unwrap()["StrategyID"].take()
}

#[test]
fn each_round_of_a_plan_calls_whom_the_strategy_selects() {
    let mut vendor = a_vendor(Rules::default());
    let strategy = strategy(&mut vendor, "Three rounds until reached");
    let rows: Vec<Value> = ["9001", "9002", "9004", "9005", "9008"].map(row).to_vec();
    let fields = json!({ "PlanName": "p", "StrategyID": strategy, "Details": rows });
    let plan = vendor.request("plan.create", fields.clone()).unwrap()["PlanID"].as_str().unwrap().to_owned();
    assert_eq!(vendor.request("plan.create", fields).unwrap_err().0, 409);
    let ask = |vendor: &mut Vendor, call: &str| vendor.request(call, json!({ "PlanID": plan })).unwrap();
    assert_eq!(ask(&mut vendor, "plan.status")["Status"], "running");
    // Between the first round and the second, one number is taken out.
    vendor.pass(Duration::from_secs(1_800));
    assert_eq!(ask(&mut vendor, "plan.status")["Round"], 1);
    let cancel = json!({ "PlanID": plan, "CalleeNumber": "+628111239005" });
    vendor.request("plan.cancel_call", cancel).unwrap();
    vendor.pass(DAY);

    let rounds = ask(&mut vendor, "plan.rounds");
    let totals: Vec<i64> =
        rounds["list"].as_array().unwrap().iter().map(|round| round["Total"].as_i64().unwrap()).collect();
    assert_eq!(totals, [5, 1, 1]);
    let status = ask(&mut vendor, "plan.status");
    assert_eq!(status["Status"], "finished");
    let sums = ["Total", "Connected", "NotConnected", "Cancelled"].map(|name| status[name].as_i64().unwrap());
    assert_eq!(sums, [5, 2, 3, 0]);
    let sent = vendor.sent("plan.finished");
    assert_eq!(sent.len(), 1);
    for name in
        ["PlanID", "PlanName", "StrategyID", "Status", "Total", "Connected", "NotConnected", "Cancelled"]
    {
        assert_eq!(sent[0][name], status[name], "{name}");
    }
    let tasks: BTreeSet<&str> =
        rounds["list"].as_array().unwrap().iter().map(|round| round["TaskID"].as_str().unwrap()).collect();
    let sent_tasks: BTreeSet<&str> =
        sent[0]["TaskIDs"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    assert_eq!(tasks, sent_tasks);
    assert_eq!(vendor.sent("task.finished").len(), 3);
    assert_eq!(vendor.sent("call.completed").len(), 7);
    // The last callback is the end of the plan.
    assert_eq!(vendor.sent.last().unwrap().1, "plan.finished");

    let list = vendor.request("task.list", json!({ "Type": "plan" })).unwrap();
    assert_eq!(list["total"], 3);
    assert_eq!(vendor.request("task.list", json!({ "Type": "normal" })).unwrap()["total"], 0);
    let calls =
        vendor.request("plan.recordings", json!({ "PlanID": plan, "Callee": "628111239004" })).unwrap();
    assert_eq!(calls["list"].as_array().unwrap().len(), 3);
    let calls =
        vendor.request("plan.recordings", json!({ "PlanID": plan, "Callee": "+628111239001" })).unwrap();
    assert!(calls["list"][0]["link"].as_str().unwrap().ends_with(".wav"));
}

#[test]
fn a_round_that_would_call_nobody_does_not_begin() {
    let mut vendor = a_vendor(Rules::default());
    let strategy = strategy(&mut vendor, "Busy lines again");
    let fields = json!({ "PlanName": "p", "StrategyID": strategy, "Details": [row("9005"), row("9001")] });
    let plan = vendor.request("plan.create", fields).unwrap()["PlanID"].as_str().unwrap().to_owned();
    vendor.pass(Duration::from_secs(1_800));
    let cancel = json!({ "PlanID": plan, "CalleeNumber": "+628111239005" });
    vendor.request("plan.cancel_call", cancel).unwrap();
    vendor.pass(DAY);
    let rounds = vendor.request("plan.rounds", json!({ "PlanID": plan })).unwrap();
    assert_eq!(rounds["list"].as_array().unwrap().len(), 1);
    assert_eq!(vendor.request("plan.status", json!({ "PlanID": plan })).unwrap()["Status"], "finished");
    assert_eq!(vendor.sent("task.finished").len(), 1);
    assert_eq!(vendor.sent("plan.finished").len(), 1);
}

#[test]
fn stopping_a_round_ends_the_plan() {
    let mut vendor = a_vendor(Rules::default());
    let strategy = strategy(&mut vendor, "Busy lines again");
    let fields = json!({ "PlanName": "p", "StrategyID": strategy, "Details": [row("9005"), row("9005")], "RepeatNumber": 9, "RepeatInterval": 1 });
    let plan = vendor.request("plan.create", fields).unwrap()["PlanID"].as_str().unwrap().to_owned();
    vendor.pass(Duration::from_secs(90));
    let rounds = vendor.request("plan.rounds", json!({ "PlanID": plan })).unwrap();
    let task = &rounds["list"][0]["TaskID"];
    vendor.request("task.stop", json!({ "TaskID": task, "Action": "Stop" })).unwrap();
    vendor.pass(DAY);
    assert_eq!(vendor.sent("plan.finished")[0]["Status"], "cancelled");
    assert_eq!(
        vendor.request("plan.rounds", json!({ "PlanID": plan })).unwrap()["list"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn a_plan_is_stopped_between_its_rounds_through_the_last_task() {
    let mut vendor = a_vendor(Rules::default());
    let strategy = strategy(&mut vendor, "Busy lines again");
    let fields = json!({ "PlanName": "p", "StrategyID": strategy, "Details": [row("9005")] });
    let plan = vendor.request("plan.create", fields).unwrap()["PlanID"].as_str().unwrap().to_owned();
    vendor.pass(Duration::from_secs(1_800));
    let rounds = vendor.request("plan.rounds", json!({ "PlanID": plan })).unwrap();
    let stop = json!({ "TaskID": rounds["list"][0]["TaskID"], "Action": "Stop" });
    vendor.request("task.stop", stop.clone()).unwrap();
    assert_eq!(vendor.request("task.stop", stop).unwrap_err().1, "the task is already finished");
    vendor.pass(DAY);
    assert_eq!(vendor.sent("plan.finished")[0]["Status"], "cancelled");
    assert_eq!(
        vendor.request("plan.rounds", json!({ "PlanID": plan })).unwrap()["list"].as_array().unwrap().len(),
        1
    );
}

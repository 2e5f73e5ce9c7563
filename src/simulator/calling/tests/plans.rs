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
    let stop = json!({ "PlanID": plan, "Action": "Stop" });
    assert_eq!(vendor.request("task.stop", stop).unwrap_err().1, "the plan is already stopped");
    vendor.pass(DAY);
    assert_eq!(vendor.sent("plan.finished")[0]["Status"], "cancelled");
    assert_eq!(
        vendor.request("plan.rounds", json!({ "PlanID": plan })).unwrap()["list"].as_array().unwrap().len(),
        1
    );
}

/// A plan's number is taken out of all its calls, whatever is done with it now: none, ringing, waiting for a redial.
#[test]
fn a_number_taken_out_of_a_plan_is_not_called_again() {
    for seconds in [0, 10, 120] {
        let mut vendor = a_vendor(Rules::default());
        let strategy = strategy(&mut vendor, "Three rounds until reached");
        let fields = json!({ "PlanName": "p", "StrategyID": strategy, "RepeatNumber": 3, "RepeatInterval": 5,
            "Details": [row("9004")] });
        let plan = vendor.request("plan.create", fields).unwrap()["PlanID"].as_str().unwrap().to_owned();
        vendor.pass(Duration::from_secs(seconds));
        let number = json!({ "PlanID": plan, "CalleeNumber": "+628111239004" });
        vendor.request("plan.cancel_call", number).unwrap();
        vendor.pass(DAY);
        let calls = json!({ "PlanID": plan, "Callee": "+628111239004" });
        let calls = vendor.request("plan.recordings", calls).unwrap();
        assert_eq!(calls["list"].as_array().unwrap().len(), 1, "after {seconds} s: {calls}");
        let end = &vendor.sent("plan.finished")[0];
        let sums = ["Connected", "NotConnected", "Cancelled"].map(|name| end[name].as_i64().unwrap());
        // A call that was under way has counted.
        assert_eq!(sums, if seconds == 120 { [0, 0, 1] } else { [0, 1, 0] }, "after {seconds} s");
        assert_eq!(vendor.sent("task.finished").len(), 1);
    }
}

#[test]
fn a_plan_that_ends_before_its_start_never_began() {
    let mut vendor = a_vendor(Rules::default());
    let strategy = strategy(&mut vendor, "Busy lines again");
    let fields = json!({ "PlanName": "p", "StrategyID": strategy, "Details": [row("9005")],
        "ScheduleStartTime": "2030-02-03 09:00:00" });
    let plan = vendor.request("plan.create", fields).unwrap()["PlanID"].as_str().unwrap().to_owned();
    let act = |vendor: &mut Vendor, action: &str| {
        vendor.request("task.stop", json!({ "PlanID": plan, "Action": action })).map_err(|(_, why)| why)
    };
    assert_eq!(act(&mut vendor, "Pause"), Err("the plan is not running".to_owned()));
    assert_eq!(act(&mut vendor, "Resume"), Err("the plan is not paused".to_owned()));
    act(&mut vendor, "Stop").unwrap();
    assert_eq!(act(&mut vendor, "Stop"), Err("the plan is already stopped".to_owned()));
    vendor.pass(Duration::from_secs(10));
    let sent = &vendor.sent("plan.finished")[0];
    assert_eq!((&sent["PlanStartTime"], &sent["PlanEndTime"]), (&json!(""), &json!("2030-01-01T02:00:00Z")));
    let status = vendor.request("plan.status", json!({ "PlanID": plan })).unwrap();
    let rounds = vendor.request("plan.rounds", json!({ "PlanID": plan })).unwrap();
    let task = &vendor.sent("task.finished")[0];
    for (name, notice, answer) in [("Plan", sent, &status), ("Task", task, &rounds["list"][0])] {
        for field in ["StartTime", "EndTime"] {
            let field = format!("{name}{field}");
            assert_eq!(notice[&field], answer[&field], "{field}");
        }
        assert_eq!(notice["Status"], answer["Status"]);
    }
}

#[test]
fn a_stopped_plan_is_running_until_its_last_call_has_ended() {
    let mut vendor = a_vendor(Rules::default());
    let strategy = strategy(&mut vendor, "Busy lines again");
    let fields = json!({ "PlanName": "p", "StrategyID": strategy, "Details": [row("9010")] });
    let plan = vendor.request("plan.create", fields).unwrap()["PlanID"].as_str().unwrap().to_owned();
    vendor.pass(Duration::from_secs(60));
    let stop = json!({ "PlanID": plan, "Action": "Stop" });
    vendor.request("task.stop", stop.clone()).unwrap();
    let status = |vendor: &mut Vendor| {
        let status = vendor.request("plan.status", json!({ "PlanID": plan })).unwrap();
        (status["Status"].as_str().unwrap().to_owned(), status["PlanEndTime"] == "")
    };
    assert_eq!(status(&mut vendor), ("running".to_owned(), true));
    let again = vendor.request("task.stop", stop).unwrap_err().1;
    assert_eq!(again, "the plan is already being stopped: its last calls are still going on");
    vendor.pass(Duration::from_secs(700));
    assert_eq!(status(&mut vendor), ("cancelled".to_owned(), false));
}

#[test]
fn a_request_names_a_task_or_a_plan() {
    let mut vendor = a_vendor(Rules::default());
    let strategy = strategy(&mut vendor, "Busy lines again");
    let fields = json!({ "PlanName": "p", "StrategyID": strategy, "Details": [row("9005")] });
    let plan = vendor.request("plan.create", fields).unwrap()["PlanID"].clone();
    let task = id(vendor.request("task.create", task("t", &[row("9010")])).unwrap());
    for plan in [plan, json!("0".repeat(32))] {
        let both = json!({ "TaskID": task, "PlanID": plan, "Action": "Stop" });
        let why = vendor.request("task.stop", both).unwrap_err();
        assert_eq!(why, (400, "TaskID and PlanID are both given: give only one of them".to_owned()));
    }
    let list = vendor.request("task.list", json!({})).unwrap();
    assert_eq!(
        (&list["list"][0]["Status"], &list["list"][1]["Status"]),
        (&json!("running"), &json!("running"))
    );
}

/// Rounds are tasks, and the names of tasks are unique within the account.
#[test]
fn rounds_share_no_name_with_other_tasks() {
    let mut vendor = a_vendor(Rules::default());
    let strategy = strategy(&mut vendor, "Three rounds until reached");
    let plan = |name: &str| json!({ "PlanName": name, "StrategyID": strategy, "Details": [row("9004")] });
    let one = |name: &str| task(name, &[row("9001")]);
    vendor.request("task.create", one("z (round 2)")).unwrap();
    let (code, why) = vendor.request("plan.create", plan("z")).unwrap_err();
    assert_eq!(code, 409);
    assert!(why.contains("a round of the plan would be called `z (round 2)`"), "{why}");
    vendor.request("plan.create", plan("y")).unwrap();
    // Also those that have not begun, and none that never will.
    for (name, is_taken) in
        [("y (round 1)", true), ("y (round 3)", true), ("y (round 4)", false), ("y", false)]
    {
        let answer = vendor.request("task.create", one(name));
        assert_eq!(answer.as_ref().is_err_and(|(code, _)| *code == 409), is_taken, "{name}: {answer:?}");
    }
    // Another account has names of its own.
    vendor.request_as(1, "task.create", one("y (round 1)")).unwrap();
}

//! Tests that plans and their rounds agree at every moment, and that no response contains a future time.

use super::*;

fn plan(vendor: &mut Vendor, rows: &[Value]) -> String {
    let strategy = vendor.request("strategy.list", json!({})).unwrap()["list"][0]["StrategyID"].clone();
    let fields = json!({
        "PlanName": "plan", "StrategyID": strategy, "RepeatNumber": 2, "RepeatInterval": 5, "Details": rows,
    });
    vendor.request("plan.create", fields).unwrap()["PlanID"].as_str().unwrap().to_owned()
}

/// Collects every text in a response that is a moment.
fn moments(value: &Value, found: &mut Vec<Timestamp>) {
    match value {
        Value::String(text) => found.extend(text.parse::<Timestamp>()),
        Value::Array(list) => list.iter().for_each(|one| moments(one, found)),
        Value::Object(fields) => fields.values().for_each(|one| moments(one, found)),
        _ => {}
    }
}

#[test]
fn status_and_rounds_agree_at_every_moment_and_nothing_lies_in_the_future() {
    let mut vendor = a_vendor(Rules::default());
    let rows: Vec<Value> = (0..40).map(|number| row(&format!("{number:04}"))).collect();
    let id = plan(&mut vendor, &rows);
    let mut statuses = BTreeSet::new();
    for _ in 0..600 {
        let status = vendor.request("plan.status", json!({ "PlanID": id })).unwrap();
        let rounds = vendor.request("plan.rounds", json!({ "PlanID": id })).unwrap();
        let list = rounds["list"].as_array().unwrap();
        assert_eq!(status["Round"], list.len());
        let sum = |name: &str| list.iter().map(|round| round[name].as_i64().unwrap()).sum::<i64>();
        // A number that was reached is not called in a later round, and counts at once.
        assert_eq!(status["Connected"], sum("Connected"), "{status} {rounds}");
        if list.len() == 1 {
            assert_eq!(status["NotConnected"], sum("NotConnected"));
        }
        statuses.insert(status["Status"].as_str().unwrap().to_owned());
        let mut seen = Vec::new();
        for answer in [&status, &rounds] {
            moments(answer, &mut seen);
        }
        for round in list {
            moments(&vendor.request("task.detail", json!({ "TaskID": round["TaskID"] })).unwrap(), &mut seen);
        }
        assert!(seen.iter().all(|moment| *moment <= vendor.now), "{seen:?} at {}", vendor.now);
        vendor.pass(Duration::from_secs(47));
    }
    assert_eq!(statuses, BTreeSet::from(["running".to_owned(), "finished".to_owned()]));
}

#[test]
fn notices_name_plan_and_round_and_every_attempt_is_a_call_of_its_own() {
    let mut vendor = a_vendor(Rules::default());
    let scripted =
        json!({ "Mobile": "+6281112340001", "Comments": "x", "mock_outcome": "reached_in_round_2" });
    let id = plan(&mut vendor, &[scripted]);
    vendor.pass(DAY);
    let notices: Vec<(i64, String)> = vendor
        .sent("call.completed")
        .iter()
        .map(|call| {
            assert_eq!((&call["PlanID"], &call["PlanName"]), (&json!(id), &json!("plan")));
            (call["Round"].as_i64().unwrap(), call["RingType"].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(notices, [(1, "no_answer".to_owned()), (2, "answered".to_owned())]);
    let rounds: Vec<Value> = vendor.sent("task.finished").iter().map(|task| task["Round"].clone()).collect();
    assert_eq!(rounds, [1, 2]);
    let asked = json!({ "PlanID": id, "Callee": "+6281112340001" });
    let calls = vendor.request("plan.recordings", asked).unwrap()["list"].as_array().unwrap().clone();
    let of =
        |call: &Value| (call["Attempts"].as_i64().unwrap(), call["RingType"].as_str().unwrap().to_owned());
    let all: Vec<_> = calls.iter().map(of).collect();
    let silent = || "no_answer".to_owned();
    assert_eq!(all, [(1, silent()), (2, silent()), (1, "answered".to_owned())]);
    let ids: BTreeSet<&str> = calls.iter().map(|call| call["CallID"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    for call in &calls {
        let found = vendor.request("call.by_id", json!({ "CallID": call["CallID"] })).unwrap();
        assert_eq!(found, *call);
    }
    // Tasks without a plan do not name one.
    vendor.request("task.create", task("alone", &[row("9002")])).unwrap();
    vendor.pass(DAY);
    assert!(vendor.sent("task.finished").last().unwrap().get("PlanID").is_none());
}

#[test]
fn a_plan_is_paused_and_stopped_by_its_own_id() {
    let mut vendor = a_vendor(Rules { channels: 1, ..Rules::default() });
    let rows: Vec<Value> = (0..40).map(|number| row(&format!("{number:04}"))).collect();
    let id = plan(&mut vendor, &rows);
    let act = |vendor: &mut Vendor, action: &str| {
        vendor.request("task.stop", json!({ "PlanID": id, "Action": action })).unwrap();
        vendor.request("plan.status", json!({ "PlanID": id })).unwrap()["Status"].as_str().unwrap().to_owned()
    };
    vendor.pass(Duration::from_secs(60));
    assert_eq!(act(&mut vendor, "Pause"), "paused");
    vendor.pass(DAY);
    assert!(vendor.sent("plan.finished").is_empty());
    assert_eq!(act(&mut vendor, "Resume"), "running");
    assert_eq!(act(&mut vendor, "Stop"), "running", "a call is still going on");
    vendor.pass(DAY);
    assert_eq!(vendor.sent("plan.finished")[0]["Status"], "cancelled");
    let status = vendor.request("plan.status", json!({ "PlanID": id })).unwrap();
    assert_eq!(status["Status"], "cancelled");
    assert_eq!(vendor.request("task.stop", json!({ "Action": "Stop" })).unwrap_err().0, 400);
}

#[test]
fn a_plan_is_paused_and_stopped_between_its_rounds() {
    for (late, stops) in [(false, false), (true, false), (true, true)] {
        let mut vendor = a_vendor(Rules::default());
        let scripted = json!({ "Mobile": "+6281112340001", "mock_outcome": "reached_in_round_2" });
        let id = plan(&mut vendor, &[scripted]);
        let act = |vendor: &mut Vendor, action: &str| {
            vendor
                .request("task.stop", json!({ "PlanID": id, "Action": action }))
                .map_err(|(_, message)| message)
        };
        let status = |vendor: &mut Vendor| {
            let status = vendor.request("plan.status", json!({ "PlanID": id })).unwrap();
            (status["Status"].as_str().unwrap().to_owned(), status["Round"].as_i64().unwrap())
        };
        while vendor.sent("task.finished").is_empty() {
            vendor.step(Timestamp::MAX);
        }
        assert_eq!(status(&mut vendor), ("running".to_owned(), 1), "it waits for its next round");
        assert_eq!(act(&mut vendor, "Resume"), Err("the plan is not paused".to_owned()));
        act(&mut vendor, "Pause").unwrap();
        assert_eq!(act(&mut vendor, "Pause"), Err("the plan is already paused".to_owned()));
        assert_eq!(status(&mut vendor).0, "paused");
        // The next round is due in an hour.
        vendor.pass(if late { DAY } else { Duration::from_secs(60) });
        assert_eq!(status(&mut vendor), ("paused".to_owned(), 1));
        if stops {
            act(&mut vendor, "Stop").unwrap();
            assert_eq!(status(&mut vendor), ("cancelled".to_owned(), 1));
            continue;
        }
        act(&mut vendor, "Resume").unwrap();
        assert_eq!(status(&mut vendor).1, if late { 2 } else { 1 });
        vendor.pass(DAY);
        assert_eq!(status(&mut vendor), ("finished".to_owned(), 2));
    }
}

#[test]
fn rounds_have_outcomes_of_their_own() {
    let mut vendor = a_vendor(Rules::default());
    let scripted = json!({
        "Mobile": "+6281112340001", "Debtor": "Budi Santoso", "RobotID": "Information check",
        "mock_outcome": "busy round_2:mismatch_1",
    });
    plan(&mut vendor, &[scripted]);
    vendor.pass(DAY);
    let calls = vendor.sent("call.completed");
    assert_eq!((&calls[0]["Round"], &calls[0]["RingType"]), (&json!(1), &json!("busy")));
    assert_eq!((&calls[1]["Round"], &calls[1]["RingType"]), (&json!(2), &json!("answered")));
    let checks = calls[1]["CheckResults"].as_array().unwrap();
    assert_eq!(checks[0]["Result"], "mismatch", "{checks:?}");
}

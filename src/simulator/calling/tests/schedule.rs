//! Tests of when tasks dial: lines, schedules, stops and pauses.

use super::*;

#[test]
fn a_line_makes_as_many_calls_at_a_time_as_it_has_channels() {
    let rules = Rules { channels: 3, lines: BTreeMap::from([("fast".to_owned(), 10)]), ..Rules::default() };
    let mut vendor = a_vendor(rules);
    let rows: Vec<Value> = (0..40).map(|n| row(&format!("{n:04}"))).collect();
    for (name, line) in [("a", ""), ("b", ""), ("c", "fast")] {
        let mut fields = task(name, &rows);
        fields["SIPLine"] = line.into();
        vendor.request("task.create", fields).unwrap();
    }
    let calling = |vendor: &Vendor, task: u32| vendor.simulator.calling.tasks[TaskKey(task)].sums.calling;
    vendor.pass(Duration::from_secs(1));
    assert_eq!(calling(&vendor, 0) + calling(&vendor, 1), 3);
    assert_eq!(calling(&vendor, 2), 10);
    vendor.pass(Duration::from_secs(60));
    assert!(calling(&vendor, 0) > 0 && calling(&vendor, 1) > 0, "both tasks get their turns");
    vendor.pass(DAY);
    assert_eq!(vendor.sent("task.finished").len(), 3);
}

#[test]
fn tasks_keep_to_their_schedule_in_the_accounts_zone() {
    let mut vendor = a_vendor(Rules::default());
    // 02:00 UTC is 09:00 in Jakarta.
    let mut fields = task("later", &[row("9004"), row("9001")]);
    fields["ScheduleStartTime"] = "2030-01-01 10:00:00".into();
    fields["ScheduleEndTime"] = "2030-01-01 10:05:00".into();
    let task_id = id(vendor.request("task.create", fields).unwrap());
    vendor.pass(Duration::from_secs(3_590));
    let status = |vendor: &mut Vendor| {
        vendor.request("task.detail", json!({ "TaskID": task_id })).unwrap()["Status"].clone()
    };
    assert_eq!(status(&mut vendor), "pending");
    vendor.pass(Duration::from_secs(30));
    assert_eq!(status(&mut vendor), "running");
    vendor.pass(Duration::from_secs(600));
    assert_eq!(status(&mut vendor), "finished");
    // The second attempt would have been after the end.
    let rows = details(&mut vendor, &task_id);
    assert_eq!((&rows["9004"]["Status"], &rows["9004"]["Attempts"]), (&json!("finished"), &json!(1)));

    let refused = |vendor: &mut Vendor, from: &str, to: &str| {
        let mut fields = task("wrong", &[row("9001")]);
        fields["ScheduleStartTime"] = from.into();
        fields["ScheduleEndTime"] = to.into();
        vendor.request("task.create", fields).unwrap_err().1
    };
    assert_eq!(
        refused(&mut vendor, "2030-01-02 10:00:00", "2030-01-02 09:00:00"),
        "ScheduleEndTime must be after ScheduleStartTime"
    );
    assert!(
        refused(&mut vendor, "2029-01-01 10:00:00", "2029-01-02 10:00:00")
            .contains("is in the past: it is 2030-01-01 10:1")
    );
}

#[test]
fn what_the_schedule_cuts_off_is_through_or_cancelled() {
    let mut vendor = a_vendor(Rules { channels: 1, ..Rules::default() });
    let mut fields = task("short", &[row("9004"), row("9010"), row("9001"), row("9001")]);
    fields["ScheduleEndTime"] = "2030-01-01 09:01:00".into();
    let task_id = id(vendor.request("task.create", fields).unwrap());
    vendor.pass(DAY);
    let task = &vendor.simulator.calling.tasks[TaskKey(0)];
    assert_eq!((task.sums.finished, task.sums.cancelled), (2, 2));
    assert_eq!(vendor.sent("call.completed").len(), 2, "who was never called is not sent of");
    assert_eq!(vendor.sent("task.finished")[0]["Cancelled"], 2);
    let answer = vendor.request("task.detail", json!({ "TaskID": task_id })).unwrap();
    for row in answer["detail"].as_array().unwrap() {
        assert_eq!(row.get("CallStartTime").is_none(), row["Status"] == "cancelled", "{row}");
    }
}

#[test]
fn stopping_pausing_and_cancelling() {
    let mut vendor = a_vendor(Rules { channels: 1, ..Rules::default() });
    let task = id(vendor
        .request("task.create", task("t", &[row("9001"), row("9002"), row("9004"), row("9005")]))
        .unwrap());
    vendor.pass(Duration::from_secs(1));
    let cancel = json!({ "TaskID": task, "CalleeNumber": "+628111239005" });
    vendor.request("task.cancel_call", cancel.clone()).unwrap();
    assert_eq!(details(&mut vendor, &task)["9005"]["Status"], "cancelled");
    let (code, message) = vendor.request("task.cancel_call", cancel).unwrap_err();
    assert_eq!((code, message.as_str()), (400, "+628111239005 cannot be cancelled: it is cancelled"));
    let unknown = json!({ "TaskID": task, "CalleeNumber": "+628111111111" });
    assert_eq!(vendor.request("task.cancel_call", unknown).unwrap_err().0, 404);

    let operate = |vendor: &mut Vendor, action: &str| {
        vendor.request("task.stop", json!({ "TaskID": task, "Action": action }))
    };
    assert_eq!(operate(&mut vendor, "Resume").unwrap_err().1, "the task is not paused");
    operate(&mut vendor, "Pause").unwrap();
    assert_eq!(operate(&mut vendor, "Pause").unwrap_err().1, "the task is already paused");
    vendor.pass(DAY);
    assert_eq!(
        vendor.simulator.calling.tasks[TaskKey(0)].sums.pending,
        2,
        "nobody is called while it is paused"
    );
    operate(&mut vendor, "Resume").unwrap();
    vendor.pass(Duration::from_secs(1));
    assert_eq!(vendor.simulator.calling.tasks[TaskKey(0)].sums.calling, 1);
    operate(&mut vendor, "Stop").unwrap();
    let again = operate(&mut vendor, "Stop").unwrap_err().1;
    assert_eq!(again, "the task is already being stopped: its last calls are still going on");
    vendor.pass(DAY);
    assert_eq!(operate(&mut vendor, "Stop").unwrap_err().1, "the task is already stopped");
    let rows = details(&mut vendor, &task);
    assert_eq!(rows["9002"]["Status"], "finished", "a call under way goes on to its end");
    assert_eq!(rows["9004"]["Status"], "cancelled");
    assert_eq!(vendor.sent("task.finished")[0]["Status"], "cancelled");
}

#[test]
fn a_day_of_a_long_list_comes_in_parts() {
    let mut vendor = a_vendor(Rules { channels: 10_000, ..Rules::default() });
    let rows = vec![row("9001"); 5_000];
    vendor.request("task.create", task("long", &rows)).unwrap();
    vendor.now += DAY;
    let (mut parts, mut sent) = (0, 0);
    while vendor.simulator.next_wakeup().is_some_and(|at| at <= vendor.now) {
        let part = vendor.simulator.advance(vendor.now).len();
        assert!(part <= crate::simulator::vendor::AT_ONCE);
        (parts, sent) = (parts + 1, sent + part);
        assert_sums(&vendor.simulator);
    }
    assert!(parts > 2);
    assert_eq!(sent, 5_001);
}

/// A run waits for what is under way. It does not wait for what was stopped, however far off its start or its redials are.
#[test]
fn nobody_waits_for_what_was_stopped() {
    let mut vendor = a_vendor(Rules::default());
    let mut later = task("later", &[row("9001")]);
    later["ScheduleStartTime"] = "2031-01-01 09:00:00".into();
    let mut again = task("again", &[row("9004")]);
    again["RepeatInterval"] = 100_000.into();
    for fields in [later, again] {
        let task = id(vendor.request("task.create", fields).unwrap());
        vendor.pass(Duration::from_secs(120));
        assert!(vendor.simulator.is_busy());
        vendor.request("task.stop", json!({ "TaskID": task, "Action": "Stop" })).unwrap();
        vendor.pass(Duration::from_secs(1));
        assert!(!vendor.simulator.is_busy());
        assert_eq!(vendor.simulator.next_wakeup(), None);
    }
}

/// Clients poll the details until the status is a final one: nothing changes after it.
#[test]
fn a_stopped_task_is_running_until_its_last_call_has_ended() {
    let mut vendor = a_vendor(Rules { channels: 2, ..Rules::default() });
    let task = id(vendor
        .request("task.create", task("t", &[row("9010"), row("9005"), row("9001"), row("9002")]))
        .unwrap());
    vendor.pass(Duration::from_secs(1));
    vendor.request("task.stop", json!({ "TaskID": task, "Action": "Stop" })).unwrap();
    let mut last = Value::Null;
    let mut statuses = Vec::new();
    for _ in 0..100 {
        let listed = vendor.request("task.list", json!({})).unwrap()["list"][0].take();
        let detail = vendor.request("task.detail", json!({ "TaskID": task })).unwrap();
        assert_eq!(listed["Status"], detail["Status"]);
        assert_eq!(listed["Status"] == "cancelled", listed["Calling"] == 0, "{listed}");
        if statuses.last() == Some(&json!("cancelled")) {
            assert_eq!(listed, last);
        }
        if statuses.last() != Some(&listed["Status"]) {
            statuses.push(listed["Status"].clone());
        }
        last = listed;
        vendor.pass(Duration::from_secs(10));
    }
    assert_eq!(statuses, ["running", "cancelled"]);
    assert_eq!((&last["Connected"], &last["Cancelled"]), (&json!(1), &json!(2)));
    assert_eq!(vendor.sent("task.finished")[0]["Status"], "cancelled");
}

#[test]
fn a_task_that_ends_before_its_start_never_began() {
    let at_once = |vendor: &mut Vendor, name: &str, call: &str, mut asked: Value| {
        let mut fields = task(name, &[row("9001")]);
        fields["ScheduleStartTime"] = "2030-02-03 09:00:00".into();
        let task = id(vendor.request("task.create", fields).unwrap());
        asked["TaskID"] = task.into();
        vendor.request(call, asked).unwrap();
        vendor.pass(Duration::from_secs(2));
        let sent = vendor.sent("task.finished").pop().expect("it does not wait for its start");
        assert_eq!(sent["TaskName"], name);
        ["Status", "TaskStartTime", "TaskEndTime"].map(|field| sent[field].as_str().unwrap().to_owned())
    };
    let mut vendor = a_vendor(Rules::default());
    let stopped = at_once(&mut vendor, "stopped", "task.stop", json!({ "Action": "Stop" }));
    assert_eq!(stopped, ["cancelled", "", "2030-01-01T02:00:00Z"]);
    let number = json!({ "CalleeNumber": "+628111239001" });
    let emptied = at_once(&mut vendor, "emptied", "task.cancel_call", number);
    assert_eq!(emptied, ["finished", "", "2030-01-01T02:00:02Z"]);
    assert_eq!(vendor.simulator.next_wakeup(), None);
}

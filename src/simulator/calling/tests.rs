//! The life of tasks and plans, on virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Account, Answer, Behaviour, Call, EmissionBody, Simulator};
use super::*;

/// A simulator and its clock.
struct Vendor {
    simulator: Simulator,
    now: Timestamp,
    /// Everything it told: event and body, with the moment.
    told: Vec<(Timestamp, String, Value)>,
}

impl Vendor {
    fn new(rules: Rules) -> Self {
        let other = Account { app_key: "other".into(), ..Account::default() };
        let behaviour = Behaviour {
            calling: Arc::new(rules),
            accounts: vec![Account::default(), other],
            ..Behaviour::default()
        };
        let now = "2030-01-01T02:00:00Z".parse().unwrap();
        Self { simulator: Simulator::new(Seed(1), behaviour), now, told: Vec::new() }
    }

    fn call_as(&mut self, account: u32, id: &str, mut fields: Value) -> Result<Value, (i64, String)> {
        let rows = match fields.get("Details") {
            Some(Value::Array(_)) => RawRows::new(Bytes::from(fields["Details"].take().to_string())),
            _ => None,
        };
        let account = AccountKey(account);
        let zone = self.simulator.access().account(account).zone;
        let call =
            Call { id, fields: &fields, rows: rows.as_ref(), files: &[], account, zone, now: self.now };
        match self.simulator.handle(&call) {
            Answer::Data(data) => Ok(data),
            Answer::Text(text) => Ok(serde_json::from_str(&text).unwrap()),
            Answer::Long(long) => Ok(serde_json::from_str(&long.text()).unwrap()),
            Answer::Error { code, message } => Err((code, message)),
            Answer::NotSimulated => panic!("{id} is not simulated"),
        }
    }

    fn call(&mut self, id: &str, fields: Value) -> Result<Value, (i64, String)> {
        self.call_as(0, id, fields)
    }

    /// Lets so much time pass, event by event.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.simulator.next_wakeup().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            for emission in self.simulator.advance(self.now) {
                let EmissionBody::Text(text) = &emission.body else { panic!("{emission:?}") };
                let body = serde_json::from_str(text).unwrap();
                self.told.push((self.now, emission.event.to_string(), body));
            }
            self.assert_sums();
        }
        self.now = until;
    }

    fn assert_sums(&self) {
        let calling = &self.simulator.calling;
        for task in &calling.tasks {
            assert_eq!(task.sums, task.recount());
            assert_eq!(task.sums.created() as usize, task.rows.list.len() + task.sums.refused as usize);
            assert!(!task.phase.is_over() || task.is_through());
        }
        for line in &calling.lines {
            assert!(line.busy <= line.channels, "{line:?}");
        }
        let calling_now: u32 = calling.tasks.iter().map(|task| task.sums.calling).sum();
        let busy: u32 = calling.lines.iter().map(|line| line.busy).sum();
        assert_eq!(calling_now, busy);
    }

    fn told(&self, event: &str) -> Vec<&Value> {
        self.told.iter().filter(|(_, name, _)| name == event).map(|(.., body)| body).collect()
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);

fn row(last: &str) -> Value {
    json!({ "Mobile": format!("+62811123{last}"), "Debtor": "Budi Santoso", "Comments": last, "Arrears": 150_000 })
}

fn task(name: &str, rows: &[Value]) -> Value {
    json!({ "TaskName": name, "RobotID": "Payment reminder", "RepeatNumber": 3, "RepeatInterval": 10, "Details": rows })
}

fn id(answer: Value) -> String {
    answer["TaskID"].as_str().unwrap().to_owned()
}

/// `detail` by the caller's own id of the row.
fn details(vendor: &mut Vendor, task: &str) -> BTreeMap<String, Value> {
    let answer = vendor.call("task.detail", json!({ "TaskID": task })).unwrap();
    let detail = answer["detail"].as_array().unwrap();
    detail.iter().map(|row| (row["Comments"].as_str().unwrap().to_owned(), row.clone())).collect()
}

#[test]
fn every_magic_outcome_is_told_and_queried_alike() {
    let mut vendor = Vendor::new(Rules::default());
    let lasts: Vec<&str> = MAGIC.iter().map(|(last, _)| *last).take(22).collect();
    let rows: Vec<Value> = lasts.iter().map(|last| row(last)).collect();
    let task = id(vendor.call("task.create", task("all", &rows)).unwrap());
    vendor.pass(DAY);
    let rows = details(&mut vendor, &task);
    let mut lines = Vec::new();
    for last in lasts {
        let row = &rows[last];
        assert_eq!(row["Status"], "finished");
        lines.push(format!(
            "{last} {:15} {:6} {} attempts {} talk {} recorded {} turns {}",
            row["RingType"].as_str().unwrap(),
            row["HangupType"].as_str().unwrap(),
            row["Intention"].as_str().unwrap(),
            row["Attempts"],
            row["TalkDuration"],
            row["RecordLink"].as_str().unwrap().len() > 60,
            row["Dialog"].as_array().unwrap().len(),
        ));
        let told: Vec<&Value> =
            vendor.told("call.completed").into_iter().filter(|call| call["Comments"] == *last).collect();
        assert_eq!(told.len(), 1, "{last}");
        for (name, value) in row.as_object().unwrap() {
            assert_eq!(told[0][name], *value, "{last} {name}");
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
    let finished = vendor.told("task.finished");
    assert_eq!(finished.len(), 1);
    assert_eq!(finished[0]["Total"], 22);
    let sum = |name: &str| finished[0][name].as_i64().unwrap();
    assert_eq!(sum("Total"), sum("Connected") + sum("NotConnected") + sum("Cancelled"));
}

#[test]
fn notices_come_once_twice_late_or_never_as_wished() {
    let mut vendor = Vendor::new(Rules::default());
    let wish = |comments: &str, wish: &str| json!({ "Mobile": "+6281112340000", "Comments": comments, "mock_outcome": wish });
    let rows = [
        wish("usual", "busy"),
        wish("twice", "busy callback_twice"),
        wish("late", "busy callback_late"),
        wish("never", "busy callback_never"),
    ];
    let fields = json!({ "TaskName": "t", "Details": rows });
    vendor.call("task.create", fields).unwrap();
    vendor.pass(DAY);
    let moments = |comments: &str| -> Vec<Timestamp> {
        let of = |(_, event, body): &&(Timestamp, String, Value)| {
            event == "call.completed" && body["Comments"] == comments
        };
        vendor.told.iter().filter(of).map(|(at, ..)| *at).collect()
    };
    assert_eq!(["usual", "twice", "late", "never"].map(|name| moments(name).len()), [1, 2, 1, 0]);
    let usual = moments("usual")[0];
    assert!(moments("late")[0].duration_since(usual).as_secs() > 20);
}

#[test]
fn numbers_are_called_again_at_the_interval_until_one_answers() {
    let mut vendor = Vendor::new(Rules::default());
    let task = id(vendor.call("task.create", task("again", &[row("9023"), row("9004")])).unwrap());
    vendor.pass(Duration::from_secs(120));
    let rows = details(&mut vendor, &task);
    assert_eq!((&rows["9023"]["Status"], &rows["9023"]["Attempts"]), (&json!("pending"), &json!(1)));
    let first_call = rows["9023"]["CallID"].as_str().unwrap().to_owned();
    assert!(vendor.told("call.completed").is_empty(), "a number is told when it is through");
    vendor.pass(DAY);
    let rows = details(&mut vendor, &task);
    assert_eq!((&rows["9023"]["RingType"], &rows["9023"]["Attempts"]), (&json!("answered"), &json!(3)));
    assert_eq!((&rows["9004"]["RingType"], &rows["9004"]["Attempts"]), (&json!("no_answer"), &json!(3)));
    // Every try has an id of its own, and can be asked for.
    let facts = vendor.call("call.by_id", json!({ "CallID": first_call })).unwrap();
    assert_eq!(
        (&facts["RingType"], &facts["Attempts"], &facts["link"]),
        (&json!("no_answer"), &json!(1), &json!(""))
    );
    let last = rows["9023"]["CallID"].as_str().unwrap();
    assert_ne!(last, first_call);
    let facts = vendor.call("call.by_id", json!({ "CallID": last })).unwrap();
    assert_eq!(facts["link"], rows["9023"]["RecordLink"]);
    let from: Timestamp = rows["9004"]["CallStartTime"].as_str().unwrap().parse().unwrap();
    assert!(from.duration_since("2030-01-01T02:20:00Z".parse::<Timestamp>().unwrap()).as_secs() < 200);
}

#[test]
fn a_line_makes_as_many_calls_at_a_time_as_it_has_channels() {
    let rules = Rules { channels: 3, lines: BTreeMap::from([("fast".to_owned(), 10)]), ..Rules::default() };
    let mut vendor = Vendor::new(rules);
    let rows: Vec<Value> = (0..40).map(|n| row(&format!("{n:04}"))).collect();
    for (name, line) in [("a", ""), ("b", ""), ("c", "fast")] {
        let mut fields = task(name, &rows);
        fields["SIPLine"] = line.into();
        vendor.call("task.create", fields).unwrap();
    }
    let calling = |vendor: &Vendor, task: usize| vendor.simulator.calling.tasks[task].sums.calling;
    vendor.pass(Duration::from_secs(1));
    assert_eq!(calling(&vendor, 0) + calling(&vendor, 1), 3);
    assert_eq!(calling(&vendor, 2), 10);
    vendor.pass(Duration::from_secs(60));
    assert!(calling(&vendor, 0) > 0 && calling(&vendor, 1) > 0, "both tasks get their turns");
    vendor.pass(DAY);
    assert_eq!(vendor.told("task.finished").len(), 3);
}

#[test]
fn tasks_keep_to_their_schedule_in_the_accounts_zone() {
    let mut vendor = Vendor::new(Rules::default());
    // 02:00 UTC is 09:00 in Jakarta.
    let mut fields = task("later", &[row("9004"), row("9001")]);
    fields["ScheduleStartTime"] = "2030-01-01 10:00:00".into();
    fields["ScheduleEndTime"] = "2030-01-01 10:05:00".into();
    let task_id = id(vendor.call("task.create", fields).unwrap());
    vendor.pass(Duration::from_secs(3_590));
    let status = |vendor: &mut Vendor| {
        vendor.call("task.detail", json!({ "TaskID": task_id })).unwrap()["Status"].clone()
    };
    assert_eq!(status(&mut vendor), "pending");
    vendor.pass(Duration::from_secs(60));
    assert_eq!(status(&mut vendor), "running");
    vendor.pass(Duration::from_secs(600));
    assert_eq!(status(&mut vendor), "finished");
    // The second try would have been after the end.
    let rows = details(&mut vendor, &task_id);
    assert_eq!((&rows["9004"]["Status"], &rows["9004"]["Attempts"]), (&json!("finished"), &json!(1)));

    let refused = |vendor: &mut Vendor, from: &str, to: &str| {
        let mut fields = task("wrong", &[row("9001")]);
        fields["ScheduleStartTime"] = from.into();
        fields["ScheduleEndTime"] = to.into();
        vendor.call("task.create", fields).unwrap_err().1
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
    let mut vendor = Vendor::new(Rules { channels: 1, ..Rules::default() });
    let mut fields = task("short", &[row("9004"), row("9010"), row("9001"), row("9001")]);
    fields["ScheduleEndTime"] = "2030-01-01 09:01:00".into();
    let task_id = id(vendor.call("task.create", fields).unwrap());
    vendor.pass(DAY);
    let task = &vendor.simulator.calling.tasks[0];
    assert_eq!((task.sums.finished, task.sums.cancelled), (2, 2));
    assert_eq!(vendor.told("call.completed").len(), 2, "who was never called is not told of");
    assert_eq!(vendor.told("task.finished")[0]["Cancelled"], 2);
    let answer = vendor.call("task.detail", json!({ "TaskID": task_id })).unwrap();
    for row in answer["detail"].as_array().unwrap() {
        assert_eq!(row.get("CallStartTime").is_none(), row["Status"] == "cancelled", "{row}");
    }
}

#[test]
fn stopping_pausing_and_cancelling() {
    let mut vendor = Vendor::new(Rules { channels: 1, ..Rules::default() });
    let task = id(vendor
        .call("task.create", task("t", &[row("9001"), row("9002"), row("9004"), row("9005")]))
        .unwrap());
    vendor.pass(Duration::from_secs(1));
    let cancel = json!({ "TaskID": task, "CalleeNumber": "+628111239005" });
    vendor.call("task.cancel_call", cancel.clone()).unwrap();
    assert_eq!(details(&mut vendor, &task)["9005"]["Status"], "cancelled");
    let (code, message) = vendor.call("task.cancel_call", cancel).unwrap_err();
    assert_eq!((code, message.as_str()), (400, "+628111239005 cannot be cancelled: it is cancelled"));
    let unknown = json!({ "TaskID": task, "CalleeNumber": "+628111111111" });
    assert_eq!(vendor.call("task.cancel_call", unknown).unwrap_err().0, 404);

    let operate = |vendor: &mut Vendor, action: &str| {
        vendor.call("task.stop", json!({ "TaskID": task, "Action": action }))
    };
    assert_eq!(operate(&mut vendor, "Resume").unwrap_err().1, "the task is not paused");
    operate(&mut vendor, "Pause").unwrap();
    vendor.pass(DAY);
    assert_eq!(vendor.simulator.calling.tasks[0].sums.pending, 2, "nobody is called while it is paused");
    operate(&mut vendor, "Resume").unwrap();
    vendor.pass(Duration::from_secs(1));
    assert_eq!(vendor.simulator.calling.tasks[0].sums.calling, 1);
    operate(&mut vendor, "Stop").unwrap();
    assert_eq!(operate(&mut vendor, "Stop").unwrap_err().1, "the task is stopped already");
    vendor.pass(DAY);
    let rows = details(&mut vendor, &task);
    assert_eq!(rows["9002"]["Status"], "finished", "a call under way goes on to its end");
    assert_eq!(rows["9004"]["Status"], "cancelled");
    assert_eq!(vendor.told("task.finished")[0]["Status"], "cancelled");
}

#[test]
fn lists_are_paged_the_newest_first_and_each_account_sees_its_own() {
    let mut vendor = Vendor::new(Rules::default());
    for n in 1..=5 {
        vendor.call("task.create", task(&format!("t{n}"), &[row("9001")])).unwrap();
    }
    let foreign = id(vendor.call_as(1, "task.create", task("t1", &[row("9001")])).unwrap());
    let page = |vendor: &mut Vendor, number: i64, page: i64| {
        let list = vendor.call("task.list", json!({ "Number": number, "Page": page.to_string() })).unwrap();
        let names =
            list["list"].as_array().unwrap().iter().map(|task| task["TaskName"].as_str().unwrap().to_owned());
        (list["total"].as_i64().unwrap(), names.collect::<Vec<_>>().join(" "))
    };
    assert_eq!(page(&mut vendor, 2, 1), (5, "t5 t4".to_owned()));
    assert_eq!(page(&mut vendor, 2, 3), (5, "t1".to_owned()));
    assert_eq!(page(&mut vendor, 2, 4), (5, String::new()));
    assert_eq!(vendor.call("task.list", json!({ "Page": 0 })).unwrap_err().0, 400);
    assert_eq!(vendor.call("task.detail", json!({ "TaskID": foreign })).unwrap_err().0, 404);
    let taken = vendor.call("task.create", task("t1", &[row("9001")])).unwrap_err();
    assert_eq!(taken, (409, "TaskName `t1` is taken: names are unique".to_owned()));
}

#[test]
fn wrong_parameters_are_named() {
    let mut vendor = Vendor::new(Rules::default());
    let good = task("t", &[row("9001")]);
    let mut lines = Vec::new();
    for (field, value) in [
        ("TaskName", Value::Null),
        ("TaskName", json!(7)),
        ("TaskName", json!("x".repeat(64))),
        ("RobotMethod", json!("both")),
        ("Type", json!("plan")),
        ("Perform", json!(2)),
        ("RepeatNumber", json!(0)),
        ("RepeatInterval", json!("soon")),
        ("ScheduleStartTime", json!("2030-13-01 00:00:00")),
        ("Details", Value::Null),
        ("Details", json!({})),
        ("Details", json!([])),
    ] {
        let mut fields = good.clone();
        fields[field] = value;
        let (code, message) = vendor.call("task.create", fields).unwrap_err();
        lines.push(format!("{code} {message}"));
    }
    for (id, fields) in [
        ("task.detail", json!({})),
        ("task.detail", json!({ "TaskID": "x\n".repeat(200) })),
        ("task.stop", json!({})),
        ("task.list", json!({ "Number": 100_000 })),
        ("call.by_id", json!({ "CallID": "0".repeat(32) })),
        ("plan.create", json!({ "PlanName": "p", "StrategyID": "none" })),
        ("plan.status", json!({ "PlanID": 7 })),
    ] {
        let (code, message) = vendor.call(id, fields).unwrap_err();
        lines.push(format!("{code} {message}"));
    }
    let task = id(vendor.call("task.create", good).unwrap());
    for (id, fields) in [
        ("task.stop", json!({ "TaskID": task })),
        ("task.stop", json!({ "TaskID": task, "Action": "stop" })),
        ("task.cancel_call", json!({ "TaskID": task, "CalleeNumber": "08111" })),
        ("task.recording", json!({ "TaskID": task, "Callee": "+628111239001" })),
        ("task.recordings", json!({ "TaskID": task })),
    ] {
        let (code, message) = vendor.call(id, fields).unwrap_err();
        lines.push(format!("{code} {message}"));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn rows_that_are_refused_come_back_while_the_rest_is_dialled() {
    let mut vendor = Vendor::new(Rules::default());
    let wrong = json!({ "Mobile": "0811", "Comments": "mine" });
    let answer = vendor.call("task.create", task("t", &[wrong, row("9001"), row("9030")])).unwrap();
    let errors = answer["detail_error_list"].as_array().unwrap();
    assert_eq!(errors.len(), 2);
    assert_eq!((&errors[0]["Comments"], &errors[0]["Mobile"]), (&json!("mine"), &json!("0811")));
    vendor.pass(DAY);
    assert_eq!(vendor.told("call.completed").len(), 1);
    let task = &vendor.simulator.calling.tasks[0];
    assert_eq!((task.sums.refused, task.sums.finished), (2, 1));
    // A task of which nothing is left is over as soon as it begins.
    let empty = id(vendor.call("task.create", task_of_nothing()).unwrap());
    assert_eq!(vendor.call("task.detail", json!({ "TaskID": empty })).unwrap()["Status"], "finished");
}

fn task_of_nothing() -> Value {
    task("nothing", &[json!(1)])
}

#[test]
fn info_checks_have_fields_of_their_own() {
    let mut vendor = Vendor::new(Rules::default());
    let robots = vendor.call("robot.list", json!({})).unwrap();
    let check =
        robots["list"].as_array().unwrap().iter().find(|robot| robot["Business"] == "info_check").unwrap();
    for robot in [&check["RobotID"], &check["RobotName"]] {
        let row = json!({ "Mobile": "+628111239001", "Debtor": "Budi", "company_name": "Toko Jaya", "RobotID": robot });
        let fields = json!({ "TaskName": robot, "Details": [row] });
        let task = id(vendor.call("task.create", fields).unwrap());
        vendor.pass(DAY);
        let answer = vendor.call("task.detail", json!({ "TaskID": task })).unwrap();
        let checks = answer["detail"][0]["CheckResults"].as_array().unwrap();
        let items: Vec<&str> = checks.iter().map(|check| check["Item"].as_str().unwrap()).collect();
        assert_eq!(items, ["Debtor", "company_name"]);
        assert_eq!(&answer["detail"][0]["RobotID"], robot);
    }
    let usual = id(vendor.call("task.create", task("usual", &[row("9001")])).unwrap());
    let answer = vendor.call("task.detail", json!({ "TaskID": usual })).unwrap();
    assert!(answer["detail"][0].get("CheckResults").is_none());
}

fn strategy(vendor: &mut Vendor, name: &str) -> Value {
    let list = vendor.call("strategy.list", json!({})).unwrap();
    let found = list["list"].as_array().unwrap().iter().find(|it| it["StrategyName"] == name).cloned();
    found.unwrap()["StrategyID"].take()
}

#[test]
fn each_round_of_a_plan_calls_whom_the_strategy_selects() {
    let mut vendor = Vendor::new(Rules::default());
    let strategy = strategy(&mut vendor, "Three rounds until reached");
    let rows: Vec<Value> = ["9001", "9002", "9004", "9005", "9008"].map(row).to_vec();
    let fields = json!({ "PlanName": "p", "StrategyID": strategy, "Details": rows });
    let plan = vendor.call("plan.create", fields.clone()).unwrap()["PlanID"].as_str().unwrap().to_owned();
    assert_eq!(vendor.call("plan.create", fields).unwrap_err().0, 409);
    let ask = |vendor: &mut Vendor, call: &str| vendor.call(call, json!({ "PlanID": plan })).unwrap();
    assert_eq!(ask(&mut vendor, "plan.status")["Status"], "running");
    // Between the first round and the second, one number is taken out.
    vendor.pass(Duration::from_secs(1_800));
    assert_eq!(ask(&mut vendor, "plan.status")["Round"], 1);
    let cancel = json!({ "PlanID": plan, "CalleeNumber": "+628111239005" });
    vendor.call("plan.cancel_call", cancel).unwrap();
    vendor.pass(DAY);

    let rounds = ask(&mut vendor, "plan.rounds");
    let totals: Vec<i64> =
        rounds["list"].as_array().unwrap().iter().map(|round| round["Total"].as_i64().unwrap()).collect();
    assert_eq!(totals, [5, 1, 1]);
    let status = ask(&mut vendor, "plan.status");
    assert_eq!(status["Status"], "finished");
    let sums = ["Total", "Connected", "NotConnected", "Cancelled"].map(|name| status[name].as_i64().unwrap());
    assert_eq!(sums, [5, 2, 3, 0]);
    let told = vendor.told("plan.finished");
    assert_eq!(told.len(), 1);
    for name in
        ["PlanID", "PlanName", "StrategyID", "Status", "Total", "Connected", "NotConnected", "Cancelled"]
    {
        assert_eq!(told[0][name], status[name], "{name}");
    }
    let tasks: BTreeSet<&str> =
        rounds["list"].as_array().unwrap().iter().map(|round| round["TaskID"].as_str().unwrap()).collect();
    let told_tasks: BTreeSet<&str> =
        told[0]["TaskIDs"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    assert_eq!(tasks, told_tasks);
    assert_eq!(vendor.told("task.finished").len(), 3);
    assert_eq!(vendor.told("call.completed").len(), 7);
    // The last thing told is that the plan is over.
    assert_eq!(vendor.told.last().unwrap().1, "plan.finished");

    let list = vendor.call("task.list", json!({ "Type": "plan" })).unwrap();
    assert_eq!(list["total"], 3);
    assert_eq!(vendor.call("task.list", json!({ "Type": "normal" })).unwrap()["total"], 0);
    let calls = vendor.call("plan.recordings", json!({ "PlanID": plan, "Callee": "628111239004" })).unwrap();
    assert_eq!(calls["list"].as_array().unwrap().len(), 3);
    let calls = vendor.call("plan.recordings", json!({ "PlanID": plan, "Callee": "+628111239001" })).unwrap();
    assert!(calls["list"][0]["link"].as_str().unwrap().ends_with(".wav"));
}

#[test]
fn a_round_that_would_call_nobody_does_not_begin() {
    let mut vendor = Vendor::new(Rules::default());
    let strategy = strategy(&mut vendor, "Busy lines again");
    let fields = json!({ "PlanName": "p", "StrategyID": strategy, "Details": [row("9005"), row("9001")] });
    let plan = vendor.call("plan.create", fields).unwrap()["PlanID"].as_str().unwrap().to_owned();
    vendor.pass(Duration::from_secs(1_800));
    let cancel = json!({ "PlanID": plan, "CalleeNumber": "+628111239005" });
    vendor.call("plan.cancel_call", cancel).unwrap();
    vendor.pass(DAY);
    let rounds = vendor.call("plan.rounds", json!({ "PlanID": plan })).unwrap();
    assert_eq!(rounds["list"].as_array().unwrap().len(), 1);
    assert_eq!(vendor.call("plan.status", json!({ "PlanID": plan })).unwrap()["Status"], "finished");
    assert_eq!(vendor.told("task.finished").len(), 1);
    assert_eq!(vendor.told("plan.finished").len(), 1);
}

#[test]
fn a_day_of_a_long_list_comes_in_parts() {
    let mut vendor = Vendor::new(Rules { channels: 10_000, ..Rules::default() });
    let rows = vec![row("9001"); 5_000];
    vendor.call("task.create", task("long", &rows)).unwrap();
    vendor.now += DAY;
    let (mut parts, mut told) = (0, 0);
    while vendor.simulator.next_wakeup().is_some_and(|at| at <= vendor.now) {
        let part = vendor.simulator.advance(vendor.now).len();
        assert!(part <= dial::AT_ONCE);
        (parts, told) = (parts + 1, told + part);
        vendor.assert_sums();
    }
    assert!(parts > 2);
    assert_eq!(told, 5_001);
}

/// A run waits for what is under way; what was stopped is not, however far off its start or its redials are.
#[test]
fn nobody_waits_for_what_was_stopped() {
    let mut vendor = Vendor::new(Rules::default());
    let mut later = task("later", &[row("9001")]);
    later["ScheduleStartTime"] = "2031-01-01 09:00:00".into();
    let mut again = task("again", &[row("9004")]);
    again["RepeatInterval"] = 100_000.into();
    for fields in [later, again] {
        let task = id(vendor.call("task.create", fields).unwrap());
        vendor.pass(Duration::from_secs(120));
        assert!(vendor.simulator.is_busy());
        vendor.call("task.stop", json!({ "TaskID": task, "Action": "Stop" })).unwrap();
        vendor.pass(Duration::from_secs(1));
        assert!(!vendor.simulator.is_busy());
        assert_eq!(vendor.simulator.next_wakeup(), None);
    }
}

#[test]
fn the_largest_number_there_is_can_be_checked() {
    let mut vendor = Vendor::new(Rules::default());
    let rows: Vec<Value> = (0..60)
        .map(|_| json!({ "Mobile": "+628111239001", "salary": i64::MAX.to_string(), "debts": i64::MIN.to_string() }))
        .collect();
    let mut fields = task("checks", &rows);
    fields["RobotID"] = "Information check".into();
    let task = id(vendor.call("task.create", fields).unwrap());
    vendor.pass(DAY);
    let detail = vendor.call("task.detail", json!({ "TaskID": task })).unwrap().to_string();
    assert!(detail.contains("mismatch"));
}

#[test]
fn stopping_a_round_ends_the_plan() {
    let mut vendor = Vendor::new(Rules::default());
    let strategy = strategy(&mut vendor, "Busy lines again");
    let fields = json!({ "PlanName": "p", "StrategyID": strategy, "Details": [row("9005"), row("9005")], "RepeatNumber": 9, "RepeatInterval": 1 });
    let plan = vendor.call("plan.create", fields).unwrap()["PlanID"].as_str().unwrap().to_owned();
    vendor.pass(Duration::from_secs(90));
    let rounds = vendor.call("plan.rounds", json!({ "PlanID": plan })).unwrap();
    let task = &rounds["list"][0]["TaskID"];
    vendor.call("task.stop", json!({ "TaskID": task, "Action": "Stop" })).unwrap();
    vendor.pass(DAY);
    assert_eq!(vendor.told("plan.finished")[0]["Status"], "cancelled");
    assert_eq!(
        vendor.call("plan.rounds", json!({ "PlanID": plan })).unwrap()["list"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn a_plan_is_stopped_between_its_rounds_through_the_last_task() {
    let mut vendor = Vendor::new(Rules::default());
    let strategy = strategy(&mut vendor, "Busy lines again");
    let fields = json!({ "PlanName": "p", "StrategyID": strategy, "Details": [row("9005")] });
    let plan = vendor.call("plan.create", fields).unwrap()["PlanID"].as_str().unwrap().to_owned();
    vendor.pass(Duration::from_secs(1_800));
    let rounds = vendor.call("plan.rounds", json!({ "PlanID": plan })).unwrap();
    let stop = json!({ "TaskID": rounds["list"][0]["TaskID"], "Action": "Stop" });
    vendor.call("task.stop", stop.clone()).unwrap();
    assert_eq!(vendor.call("task.stop", stop).unwrap_err().1, "the task is finished already");
    vendor.pass(DAY);
    assert_eq!(vendor.told("plan.finished")[0]["Status"], "cancelled");
    assert_eq!(
        vendor.call("plan.rounds", json!({ "PlanID": plan })).unwrap()["list"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn a_long_detail_is_the_same_as_a_short_one() {
    let mut vendor = Vendor::new(Rules::default());
    let rows: Vec<Value> = (0..600).map(|n| row(&format!("{n:04}"))).collect();
    let long = id(vendor.call("task.create", task("long", &rows)).unwrap());
    vendor.pass(DAY);
    let answer = vendor.call("task.detail", json!({ "TaskID": long })).unwrap();
    let detail = answer["detail"].as_array().unwrap();
    assert_eq!(detail.len(), 600);
    let told: BTreeMap<&str, &Value> = vendor
        .told("call.completed")
        .into_iter()
        .map(|call| (call["CallID"].as_str().unwrap(), call))
        .collect();
    assert_eq!(told.len(), 600, "ids are unique");
    for row in detail {
        let told = told[row["CallID"].as_str().unwrap()];
        assert_eq!((&told["Intention"], &told["Dialog"]), (&row["Intention"], &row["Dialog"]));
    }
}

#[test]
fn the_texts_are_in_the_language_of_the_number() {
    let mut vendor = Vendor::new(Rules::default());
    let row = |number: &str| json!({ "Mobile": number, "Comments": number, "mock_outcome": "intention_a" });
    let task = id(vendor
        .call("task.create", task("t", &[row("+628111230001"), row("+66811234567"), row("+4915112345678")]))
        .unwrap());
    vendor.pass(DAY);
    let rows = details(&mut vendor, &task);
    let text = |number: &str| rows[number]["Dialog"][0]["Text"].as_str().unwrap().to_owned();
    assert!(text("+66811234567").chars().any(|c| ('\u{e00}'..'\u{e80}').contains(&c)));
    assert!(text("+628111230001").is_ascii() || !text("+628111230001").is_empty());
    // A country nobody has texts for is spoken to in the account's language.
    assert!(text("+4915112345678").chars().all(|c| !('\u{e00}'..'\u{e80}').contains(&c)));
}

/// Something that happens to the vendor.
#[derive(Clone, Debug)]
enum Happening {
    Create { rows: u8, repeat: u8, interval: u8, channels: bool, window: Option<u16> },
    Plan { rows: u8, strategy: u8 },
    Pass(u16),
    Cancel { task: u8, row: u8 },
    Operate { task: u8, action: u8 },
    CancelInPlan { plan: u8, row: u8 },
    Ask { task: u8 },
}

fn happening() -> impl Strategy_<Value = Happening> {
    prop_oneof![
        3 => (1_u8..30, 1_u8..4, 0_u8..5, any::<bool>(), proptest::option::of(1_u16..2_000)).prop_map(
            |(rows, repeat, interval, channels, window)| Happening::Create { rows, repeat, interval, channels, window }
        ),
        1 => (1_u8..20, 0_u8..3).prop_map(|(rows, strategy)| Happening::Plan { rows, strategy }),
        6 => (0_u16..4_000).prop_map(Happening::Pass),
        2 => (any::<u8>(), any::<u8>()).prop_map(|(task, row)| Happening::Cancel { task, row }),
        2 => (any::<u8>(), 0_u8..3).prop_map(|(task, action)| Happening::Operate { task, action }),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(plan, row)| Happening::CancelInPlan { plan, row }),
        2 => any::<u8>().prop_map(|task| Happening::Ask { task }),
    ]
}

use proptest::strategy::Strategy as Strategy_;

/// Lets it all happen; what was told comes back as text.
fn live(happenings: &[Happening]) -> String {
    let mut vendor = Vendor::new(Rules { channels: 4, ..Rules::default() });
    let (mut tasks, mut plans) = (Vec::new(), Vec::new());
    let list = |rows: u8| (0..rows).map(|n| row(&format!("{:04}", 9_000 + u16::from(n)))).collect::<Vec<_>>();
    let strategies = vendor.call("strategy.list", json!({})).unwrap();
    for (number, happening) in happenings.iter().enumerate() {
        let pick = |of: &[String], at: u8| of.get(usize::from(at) % of.len().max(1)).cloned();
        match happening {
            Happening::Create { rows, repeat, interval, channels, window } => {
                let mut fields = task(&format!("t{number}"), &list(*rows));
                fields["RepeatNumber"] = (*repeat).into();
                fields["RepeatInterval"] = (*interval).into();
                fields["SIPLine"] = if *channels { "a" } else { "" }.into();
                if let Some(seconds) = window {
                    let ends = vendor.now + Duration::from_secs(u64::from(*seconds));
                    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(7));
                    fields["ScheduleEndTime"] = crate::contract::bodies::local_text(ends, &zone).into();
                }
                tasks.push(id(vendor.call("task.create", fields).unwrap()));
            }
            Happening::Plan { rows, strategy } => {
                let strategy = &strategies["list"][usize::from(*strategy)]["StrategyID"];
                let fields = json!({ "PlanName": format!("p{number}"), "StrategyID": strategy, "Details": list(*rows) });
                plans
                    .push(vendor.call("plan.create", fields).unwrap()["PlanID"].as_str().unwrap().to_owned());
            }
            Happening::Pass(seconds) => vendor.pass(Duration::from_secs(u64::from(*seconds))),
            Happening::Cancel { task, row } => {
                if let Some(task) = pick(&tasks, *task) {
                    let number = format!("+62811123{}", 9_000 + u16::from(*row % 30));
                    let _ =
                        vendor.call("task.cancel_call", json!({ "TaskID": task, "CalleeNumber": number }));
                }
            }
            Happening::Operate { task, action } => {
                if let Some(task) = pick(&tasks, *task) {
                    let action = ["Stop", "Pause", "Resume"][usize::from(*action)];
                    let _ = vendor.call("task.stop", json!({ "TaskID": task, "Action": action }));
                }
            }
            Happening::CancelInPlan { plan, row } => {
                if let Some(plan) = pick(&plans, *plan) {
                    let number = format!("+62811123{}", 9_000 + u16::from(*row % 20));
                    let _ =
                        vendor.call("plan.cancel_call", json!({ "PlanID": plan, "CalleeNumber": number }));
                }
            }
            Happening::Ask { task } => {
                if let Some(task) = pick(&tasks, *task) {
                    let answer = vendor.call("task.detail", json!({ "TaskID": task })).unwrap();
                    let count = |status: &str| {
                        answer["detail"]
                            .as_array()
                            .unwrap()
                            .iter()
                            .filter(|row| row["Status"] == status)
                            .count()
                    };
                    let calling = &vendor.simulator.calling;
                    let (at, ..) = calling.ids.open(Kind::Task, &task).unwrap();
                    let sums = calling.tasks[at as usize].sums;
                    assert_eq!(count("pending"), sums.pending as usize);
                    assert_eq!(count("calling"), sums.calling as usize);
                    assert_eq!(count("finished"), sums.finished as usize);
                    assert_eq!(count("cancelled"), sums.cancelled as usize);
                }
            }
        }
        vendor.assert_sums();
    }
    // Whatever is not paused comes to its end.
    vendor.pass(DAY * 10);
    for task in &vendor.simulator.calling.tasks {
        assert!(task.phase.is_over() || task.phase == task::Phase::Paused, "{:?}", task.phase);
        assert!(task.phase == task::Phase::Paused || task.sums.calling == 0);
    }
    // Everybody is told of once, apart from those who wish otherwise.
    let mut seen = BTreeSet::new();
    for call in vendor.told("call.completed") {
        let number = call["CalleeNumber"].as_str().unwrap();
        let key = (call["TaskID"].to_string(), number.to_owned());
        assert!(seen.insert(key) || number.ends_with("9031"), "{number} was told of twice");
    }
    vendor.told.iter().map(|(at, event, body)| format!("{at} {event} {body}\n")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn sums_match_whatever_happens_and_equal_lives_are_equal(happenings in proptest::collection::vec(happening(), 1..25)) {
        let told = live(&happenings);
        prop_assert_eq!(live(&happenings), told);
    }
}

//! Tests of the names in tasks, and of required fields of rows.

use serde_json::json;

use super::*;
use crate::simulator::rules::calling::{Business, Robot};
use crate::simulator::{Account, FindingKind, Strictness};

fn vendor(strict: Strictness, rules: Rules) -> Vendor {
    let accounts = vec![Account { strict, ..Account::default() }];
    Vendor::new(1, Behaviour { accounts, calling: Arc::new(rules), ..Behaviour::default() }, assert_sums)
}

fn declared() -> Rules {
    let robots =
        vec![Robot { name: "Mine".to_owned(), business: Business::Telemarketing, ..Robot::default() }];
    let lines = BTreeMap::from([("narrow".to_owned(), 1)]);
    Rules { robots, are_robots_declared: true, lines, ..Rules::default() }
}

fn order(name: &str, field: &str, value: &str) -> Value {
    let mut order = task(name, &[row("9001")]);
    order["RobotID"] = "Mine".into();
    order[field] = value.into();
    order
}

#[test]
fn robots_and_lines_that_nobody_declared_are_refused_where_some_are() {
    let strict = &mut vendor(Strictness::Standard, declared());
    let lenient = &mut vendor(Strictness::Lenient, declared());
    for (field, value, wanted) in [
        ("RobotID", "Min", "RobotID `Min` is not a robot of the account, did you mean `Mine`?"),
        ("RobotID", "Payment reminder", "RobotID `Payment reminder` is not a robot of the account"),
        ("SIPLine", "narow", "SIPLine `narow` is not a line of the account, did you mean `narrow`?"),
    ] {
        for id in ["task.create", "plan.create"] {
            let mut fields = order(value, field, value);
            fields["PlanName"] = value.into();
            fields["StrategyID"] = "Busy lines again".into();
            let refusal = strict.request(id, fields.clone()).unwrap_err();
            assert_eq!(refusal, (400, wanted.to_owned()), "{id}");
            lenient.request(id, fields).unwrap();
        }
    }
    strict.request("task.create", order("right", "SIPLine", "narrow")).unwrap();
    let mut rows = order("rows", "SIPLine", "narrow");
    rows["Details"][0]["RobotID"] = "Nobody".into();
    let answer = strict.request("task.create", rows).unwrap();
    assert_eq!(answer["detail_error_list"][0]["reason"], "RobotID `Nobody` is not a robot of the account");
    assert!(!strict.simulator.findings().counts().contains_key(&FindingKind::UnknownName));
    assert_eq!(lenient.simulator.findings().counts()[&FindingKind::LetPass], 6);
}

#[test]
fn an_unknown_robot_is_noted_once_where_none_are_declared() {
    let vendor = &mut vendor(Strictness::Standard, Rules::default());
    for name in ["a", "b"] {
        vendor.request("task.create", order(name, "RobotID", "Paymnt reminder")).unwrap();
    }
    let found: Vec<_> = vendor.simulator.findings().all().cloned().collect();
    assert_eq!((found.len(), found[0].kind, found[0].count), (1, FindingKind::UnknownName, 2));
    assert!(found[0].message.contains("did you mean `Payment reminder`?"), "{}", found[0].message);
}

#[test]
fn a_schedule_in_the_past_counts_as_now_and_says_so() {
    let vendor = &mut vendor(Strictness::Standard, Rules::default());
    let fields = order("late", "ScheduleStartTime", "2001-01-01 00:00:00");
    let begun = vendor.now;
    vendor.request("task.create", fields).unwrap();
    vendor.pass(DAY);
    let found = vendor.simulator.findings().all().find(|found| found.kind == FindingKind::PastSchedule);
    assert!(found.unwrap().message.contains("counts as now"));
    let completed = vendor.sent("call.completed");
    let started: Timestamp = completed[0]["CallStartTime"].as_str().unwrap().parse().unwrap();
    assert!(started >= begun, "{started} is before {begun}");
}

#[test]
fn no_repeats_mean_no_redial() {
    let vendor = &mut vendor(Strictness::Standard, Rules::default());
    let mut fields = task("once", &[row("9005")]);
    fields["RepeatNumber"] = 0.into();
    let task = id(vendor.request("task.create", fields).unwrap());
    vendor.pass(DAY);
    assert_eq!(details(vendor, &task)["9005"]["Attempts"], 1);
}

#[test]
fn every_row_must_state_its_loan_and_is_refused_without_for_a_robot_that_collects_debts() {
    let bare = json!({ "Mobile": "+6281112349001", "Comments": "x" });
    let half = json!({ "Mobile": "+6281112349001", "Comments": "y", "LoanAmount": 5 });
    let other = json!({ "Mobile": "+6281112349001", "Comments": "z", "RobotID": "Welcome call" });
    let rows = [bare, half, other.clone(), other, row("9001")];
    let reasons = |strict| {
        let vendor = &mut vendor(strict, Rules::default());
        let answer = vendor.request("task.create", task("t", &rows)).unwrap();
        let list = answer["detail_error_list"].as_array().cloned().unwrap_or_default();
        let reasons: Vec<String> =
            list.iter().map(|row| row["reason"].as_str().unwrap().to_owned()).collect();
        let found = vendor.simulator.findings().all();
        (reasons, found.map(|found| (found.kind, found.count, found.errors)).collect::<Vec<_>>())
    };
    let needs = "is missing: every row must have it, whatever its robot";
    let of_collection = [format!("LoanAmount {needs}"), format!("LoanDate {needs}")];
    // Once for the task, however many rows there are.
    let found = vec![(FindingKind::MissingField, 1, 0)];
    assert_eq!(reasons(Strictness::Standard), (of_collection.to_vec(), found));
    assert_eq!(reasons(Strictness::Lenient), (Vec::new(), Vec::new()));
    let of_others = vec![format!("LoanAmount {needs}"); 2];
    assert_eq!(reasons(Strictness::Strict), ([of_collection.to_vec(), of_others].concat(), Vec::new()));
}

#[test]
fn a_field_of_the_other_version_is_found() {
    let found = |route: usize, field: &str, value: Value| -> Vec<(FindingKind, String)> {
        let vendor = &mut vendor(Strictness::Standard, Rules::default());
        let mut fields = task("t", &[row("9001")]);
        fields[field] = value;
        vendor.route = route;
        vendor.request("task.create", fields).unwrap();
        vendor.simulator.findings().all().map(|found| (found.kind, found.what.clone())).collect()
    };
    let unread = |field: &str| vec![(FindingKind::UnreadField, field.to_owned())];
    assert_eq!(found(0, "Perform", json!(1)), unread("Perform"));
    assert_eq!(found(1, "Perform", json!(1)), []);
    assert_eq!(found(0, "Type", json!("normal")), []);
    assert_eq!(found(1, "Type", json!("normal")), unread("Type"));
}

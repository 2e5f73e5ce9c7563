//! Tests of the outcomes of calls, and their callbacks.

use super::*;

#[test]
fn every_magic_outcome_is_reported_and_queried_alike() {
    let mut vendor = a_vendor(Rules::default());
    let lasts: Vec<&str> = MAGIC.iter().map(|(last, _)| *last).take(22).collect();
    let rows: Vec<Value> = lasts.iter().map(|last| row(last)).collect();
    let task = id(vendor.request("task.create", task("all", &rows)).unwrap());
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
        let sent: Vec<Value> =
            vendor.sent("call.completed").into_iter().filter(|call| call["Comments"] == *last).collect();
        assert_eq!(sent.len(), 1, "{last}");
        for (name, value) in row.as_object().unwrap() {
            assert_eq!(sent[0][name], *value, "{last} {name}");
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
    let finished = vendor.sent("task.finished");
    assert_eq!(finished.len(), 1);
    assert_eq!(finished[0]["Total"], 22);
    let sum = |name: &str| finished[0][name].as_i64().unwrap();
    assert_eq!(sum("Total"), sum("Connected") + sum("NotConnected") + sum("Cancelled"));
}

#[test]
fn notices_come_once_twice_late_or_never_as_asked_for() {
    let mut vendor = a_vendor(Rules::default());
    let mock_outcome = |comments: &str, mock_outcome: &str| json!({ "Mobile": "+6281112340000", "Comments": comments, "mock_outcome": mock_outcome });
    let rows = [
        mock_outcome("usual", "busy"),
        mock_outcome("twice", "busy callback_twice"),
        mock_outcome("late", "busy callback_late"),
        mock_outcome("never", "busy callback_never"),
    ];
    let fields = json!({ "TaskName": "t", "Details": rows });
    vendor.request("task.create", fields).unwrap();
    vendor.pass(DAY);
    let moments = |comments: &str| -> Vec<Timestamp> {
        let of = |(_, event, body): &&Sent| event == "call.completed" && body["Comments"] == comments;
        vendor.sent.iter().filter(of).map(|(at, ..)| *at).collect()
    };
    assert_eq!(["usual", "twice", "late", "never"].map(|name| moments(name).len()), [1, 2, 1, 0]);
    let usual = moments("usual")[0];
    assert!(moments("late")[0].duration_since(usual).as_secs() > 20);
}

#[test]
fn numbers_are_called_again_at_the_interval_until_one_answers() {
    let mut vendor = a_vendor(Rules::default());
    let task = id(vendor.request("task.create", task("again", &[row("9023"), row("9004")])).unwrap());
    vendor.pass(Duration::from_secs(120));
    let rows = details(&mut vendor, &task);
    assert_eq!((&rows["9023"]["Status"], &rows["9023"]["Attempts"]), (&json!("pending"), &json!(1)));
    let first_call = rows["9023"]["CallID"].as_str().unwrap().to_owned();
    assert!(vendor.sent("call.completed").is_empty(), "a number is reported when it is finished");
    vendor.pass(DAY);
    let rows = details(&mut vendor, &task);
    assert_eq!((&rows["9023"]["RingType"], &rows["9023"]["Attempts"]), (&json!("answered"), &json!(3)));
    assert_eq!((&rows["9004"]["RingType"], &rows["9004"]["Attempts"]), (&json!("no_answer"), &json!(3)));
    // Every attempt has an id of its own, and can be queried.
    let facts = vendor.request("call.by_id", json!({ "CallID": first_call })).unwrap();
    assert_eq!(
        (&facts["RingType"], &facts["Attempts"], &facts["link"]),
        (&json!("no_answer"), &json!(1), &json!(""))
    );
    let last = rows["9023"]["CallID"].as_str().unwrap();
    assert_ne!(last, first_call);
    let facts = vendor.request("call.by_id", json!({ "CallID": last })).unwrap();
    assert_eq!(facts["link"], rows["9023"]["RecordLink"]);
    let from: Timestamp = rows["9004"]["CallStartTime"].as_str().unwrap().parse().unwrap();
    assert!(from.duration_since("2030-01-01T02:20:00Z".parse::<Timestamp>().unwrap()).as_secs() < 200);
}

#[test]
fn rows_that_are_refused_come_back_while_the_rest_is_dialled() {
    let mut vendor = a_vendor(Rules::default());
    let wrong = json!({ "Mobile": "0811", "Comments": "mine" });
    let answer = vendor.request("task.create", task("t", &[wrong, row("9001"), row("9030")])).unwrap();
    let errors = answer["detail_error_list"].as_array().unwrap();
    assert_eq!(errors.len(), 2);
    assert_eq!((&errors[0]["Comments"], &errors[0]["Mobile"]), (&json!("mine"), &json!("0811")));
    vendor.pass(DAY);
    assert_eq!(vendor.sent("call.completed").len(), 1);
    let task = &vendor.simulator.calling.tasks[TaskKey(0)];
    assert_eq!((task.sums.refused, task.sums.finished), (2, 1));
    // A task without remaining numbers is over as soon as it begins.
    let empty = id(vendor.request("task.create", task_of_nothing()).unwrap());
    assert_eq!(vendor.request("task.detail", json!({ "TaskID": empty })).unwrap()["Status"], "finished");
}

fn task_of_nothing() -> Value {
    task("nothing", &[json!(1)])
}

#[test]
fn info_checks_have_fields_of_their_own() {
    let mut vendor = a_vendor(Rules::default());
    let robots = vendor.request("robot.list", json!({})).unwrap();
    let check =
        robots["list"].as_array().unwrap().iter().find(|robot| robot["Business"] == "info_check").unwrap();
    for robot in [&check["RobotID"], &check["RobotName"]] {
        let row = json!({ "Mobile": "+628111239001", "Debtor": "Budi", "company_name": "Toko Jaya", "RobotID": robot });
        let fields = json!({ "TaskName": robot, "Details": [row] });
        let task = id(vendor.request("task.create", fields).unwrap());
        vendor.pass(DAY);
        let answer = vendor.request("task.detail", json!({ "TaskID": task })).unwrap();
        let checks = answer["detail"][0]["CheckResults"].as_array().unwrap();
        let items: Vec<&str> = checks.iter().map(|check| check["Item"].as_str().unwrap()).collect();
        assert_eq!(items, ["Debtor", "company_name"]);
        assert_eq!(&answer["detail"][0]["RobotID"], robot);
    }
    let usual = id(vendor.request("task.create", task("usual", &[row("9001")])).unwrap());
    let answer = vendor.request("task.detail", json!({ "TaskID": usual })).unwrap();
    assert!(answer["detail"][0].get("CheckResults").is_none());
}

#[test]
fn the_largest_number_there_is_can_be_checked() {
    let mut vendor = a_vendor(Rules::default());
    let rows: Vec<Value> = (0..60)
        .map(|_| json!({ "Mobile": "+628111239001", "salary": i64::MAX.to_string(), "debts": i64::MIN.to_string() }))
        .collect();
    let mut fields = task("checks", &rows);
    fields["RobotID"] = "Information check".into();
    let task = id(vendor.request("task.create", fields).unwrap());
    vendor.pass(DAY);
    let detail = vendor.request("task.detail", json!({ "TaskID": task })).unwrap().to_string();
    assert!(detail.contains("mismatch"));
}

#[test]
fn the_texts_are_in_the_language_of_the_number() {
    let mut vendor = a_vendor(Rules::default());
    let row = |number: &str| {
        json!({ "Mobile": number, "Comments": number, "mock_outcome": "intention_a", "LoanAmount": 5,
            "LoanDate": "2029-12-01" })
    };
    let task = id(vendor
        .request(
            "task.create",
            task("t", &[row("+628111230001"), row("+66811234567"), row("+4915112345678")]),
        )
        .unwrap());
    vendor.pass(DAY);
    let rows = details(&mut vendor, &task);
    let text = |number: &str| rows[number]["Dialog"][0]["Text"].as_str().unwrap().to_owned();
    assert!(text("+66811234567").chars().any(|c| ('\u{e00}'..'\u{e80}').contains(&c)));
    assert!(text("+628111230001").is_ascii() || !text("+628111230001").is_empty());
    // In a country without texts, people are spoken to in the account's language.
    assert!(text("+4915112345678").chars().all(|c| !('\u{e00}'..'\u{e80}').contains(&c)));
}

/// The documentation of the notice is about connections and redials, and a cancelled number has neither.
#[test]
fn a_cancelled_number_has_no_notice_of_its_own() {
    let mut vendor = a_vendor(Rules::default());
    // One is reached at the first call; two are busy and wait for the next one.
    let mut other = row("9005");
    (other["Mobile"], other["Comments"]) = (json!("+628111249005"), json!("other"));
    let task = id(vendor.request("task.create", task("t", &[row("9001"), row("9005"), other])).unwrap());
    vendor.pass(Duration::from_secs(540));
    vendor.request("task.cancel_call", json!({ "TaskID": task, "CalleeNumber": "+628111239005" })).unwrap();
    vendor.request("task.stop", json!({ "TaskID": task, "Action": "Stop" })).unwrap();
    vendor.pass(DAY);
    let statuses: Vec<(String, Value)> = details(&mut vendor, &task)
        .into_iter()
        .map(|(row, detail)| (row, detail["Status"].clone()))
        .collect();
    let status = |row: &str, status: &str| (row.to_owned(), json!(status));
    assert_eq!(
        statuses,
        [status("9001", "finished"), status("9005", "cancelled"), status("other", "cancelled")]
    );
    let noticed: Vec<Value> =
        vendor.sent("call.completed").iter().map(|body| body["Comments"].clone()).collect();
    assert_eq!(noticed, ["9001"]);
    let sum = &vendor.sent("task.finished")[0];
    assert_eq!((&sum["Total"], &sum["Cancelled"]), (&json!(3), &json!(2)));
}

/// Rows need no due date. A robot that asks for overdue money names a day that has passed, and is after that of the loan.
#[test]
fn overdue_money_was_due_before_the_call() {
    let mut vendor = a_vendor(Rules::default());
    let rows: Vec<Value> = ["2029-11-01", "2029-12-30"]
        .into_iter()
        .flat_map(|loan| (0..30).map(move |n| (loan, n)))
        .map(|(loan, n)| {
            json!({ "Mobile": "+6281112340001", "Comments": format!("{loan} {n}"), "LoanAmount": 5, "LoanDate": loan,
                "mock_outcome": "intention_a" })
        })
        .collect();
    let task = id(vendor.request("task.create", task("t", &rows)).unwrap());
    // The calls are on the first of January.
    vendor.pass(DAY);
    let (mut dates, mut latest) = (0, 0);
    for (comments, detail) in details(&mut vendor, &task) {
        let said = detail["Dialog"].to_string();
        assert!(!said.contains("Januari"), "{said}");
        dates += usize::from(said.contains("Desember"));
        if comments.starts_with("2029-12-30") && said.contains("Desember") {
            assert!(said.contains("31 Desember"), "{said}");
            latest += 1;
        }
    }
    assert!(dates > 30 && latest > 10, "{dates} {latest}");
}

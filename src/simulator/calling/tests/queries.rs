//! Tests of lists, details, and refused requests.

use super::*;
use crate::recordings::{Recording, WavFile};

#[test]
fn lists_are_paged_the_newest_first_and_each_account_sees_its_own() {
    let mut vendor = a_vendor(Rules::default());
    for n in 1..=5 {
        vendor.request("task.create", task(&format!("t{n}"), &[row("9001")])).unwrap();
    }
    let foreign = id(vendor.request_as(1, "task.create", task("t1", &[row("9001")])).unwrap());
    let page = |vendor: &mut Vendor, number: i64, page: i64| {
        let list =
            vendor.request("task.list", json!({ "Number": number, "Page": page.to_string() })).unwrap();
        let names =
            list["list"].as_array().unwrap().iter().map(|task| task["TaskName"].as_str().unwrap().to_owned());
        (list["total"].as_i64().unwrap(), names.collect::<Vec<_>>().join(" "))
    };
    assert_eq!(page(&mut vendor, 2, 1), (5, "t5 t4".to_owned()));
    assert_eq!(page(&mut vendor, 2, 3), (5, "t1".to_owned()));
    assert_eq!(page(&mut vendor, 2, 4), (5, String::new()));
    assert_eq!(vendor.request("task.list", json!({ "Page": 0 })).unwrap_err().0, 400);
    assert_eq!(vendor.request("task.detail", json!({ "TaskID": foreign })).unwrap_err().0, 404);
    let taken = vendor.request("task.create", task("t1", &[row("9001")])).unwrap_err();
    assert_eq!(taken, (409, "TaskName `t1` is taken: names are unique".to_owned()));
}

#[test]
fn wrong_parameters_are_named() {
    let mut vendor = a_vendor(Rules::default());
    let good = task("t", &[row("9001")]);
    let mut lines = Vec::new();
    for (field, value) in [
        ("TaskName", Value::Null),
        ("TaskName", json!(7)),
        ("TaskName", json!("x".repeat(64))),
        ("RobotMethod", json!("both")),
        ("Type", json!("plan")),
        ("Perform", json!(2)),
        ("RepeatNumber", json!(-1)),
        ("RepeatInterval", json!("soon")),
        ("ScheduleStartTime", json!("2030-13-01 00:00:00")),
        ("Details", Value::Null),
        ("Details", json!({})),
        ("Details", json!([])),
    ] {
        let mut fields = good.clone();
        fields[field] = value;
        let (code, message) = vendor.request("task.create", fields).unwrap_err();
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
        let (code, message) = vendor.request(id, fields).unwrap_err();
        lines.push(format!("{code} {message}"));
    }
    let task = id(vendor.request("task.create", good).unwrap());
    for (id, fields) in [
        ("task.stop", json!({ "TaskID": task })),
        ("task.stop", json!({ "TaskID": task, "Action": "stop" })),
        ("task.cancel_call", json!({ "TaskID": task, "CalleeNumber": "08111" })),
        ("task.recording", json!({ "TaskID": task, "Callee": "+628111239001" })),
        ("task.recordings", json!({ "TaskID": task })),
    ] {
        let (code, message) = vendor.request(id, fields).unwrap_err();
        lines.push(format!("{code} {message}"));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_long_detail_is_the_same_as_a_short_one() {
    let mut vendor = a_vendor(Rules::default());
    let rows: Vec<Value> = (0..600).map(|n| row(&format!("{n:04}"))).collect();
    let long = id(vendor.request("task.create", task("long", &rows)).unwrap());
    vendor.pass(DAY);
    let answer = vendor.request("task.detail", json!({ "TaskID": long })).unwrap();
    let detail = answer["detail"].as_array().unwrap();
    assert_eq!(detail.len(), 600);
    let sent: BTreeMap<String, Value> = vendor
        .sent("call.completed")
        .into_iter()
        .map(|call| (call["CallID"].as_str().unwrap().to_owned(), call))
        .collect();
    assert_eq!(sent.len(), 600, "ids are unique");
    for row in detail {
        let sent = &sent[row["CallID"].as_str().unwrap()];
        assert_eq!((&sent["Intention"], &sent["Dialog"]), (&row["Intention"], &row["Dialog"]));
    }
}

#[test]
fn a_robot_may_have_a_recording_of_the_users_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.wav");
    std::fs::write(&path, Recording::of_dialog(3, &[]).wav()).unwrap();
    let own = Recording::Own(WavFile::read(&path).unwrap());
    let ids = a_vendor(Rules::default()).request("robot.list", json!({})).unwrap();
    let welcome = ids["list"][1]["RobotID"].as_str().unwrap().to_owned();
    for (named, called, is_own) in [
        ("Welcome call", "Welcome call", true),
        ("Welcome call", &*welcome, true),
        (&*welcome, "Welcome call", true),
        (&*welcome, &*welcome, true),
        ("Welcome call", "Payment reminder", false),
        ("Somebody", "Somebody", true),
    ] {
        let recordings = BTreeMap::from([(named.to_owned(), WavFile::read(&path).unwrap())]);
        let mut vendor = a_vendor(Rules { recordings, ..Rules::default() });
        let mut fields = task("t", &[row("9001")]);
        fields["RobotID"] = called.into();
        let task = id(vendor.request("task.create", fields).unwrap());
        vendor.pass(DAY);
        let link = details(&mut vendor, &task)["9001"]["RecordLink"].as_str().unwrap().to_owned();
        let parts: Vec<&str> = link.rsplit(['/', '.']).collect();
        let Ok(Download::One { recording, .. }) = vendor.simulator.download(parts[2], parts[1], vendor.now)
        else {
            panic!("nothing behind {link}")
        };
        assert_eq!(recording == own, is_own, "{called} by {named}");
    }
}

#[test]
fn details_that_are_kept_are_those_that_are_made() {
    let mut vendor = a_vendor(Rules::default());
    let task =
        id(vendor.request("task.create", task("kept", &[row("9001"), row("9002"), row("9003")])).unwrap());
    let asked = json!({ "TaskID": task });
    let mut last = Value::Null;
    for minute in 0..120 {
        if minute == 3 {
            vendor.request("task.stop", json!({ "TaskID": task, "Action": "Stop" })).unwrap();
        }
        let twice = [(); 2].map(|()| vendor.request("task.detail", asked.clone()).unwrap());
        vendor.simulator.calling.details = KeptResponses::new();
        last = vendor.request("task.detail", asked.clone()).unwrap();
        assert_eq!(twice, [last.clone(), last.clone()], "minute {minute}");
        vendor.pass(Duration::from_secs(60));
    }
    assert_eq!(last["Status"], "cancelled");
}

#[test]
fn why_there_is_no_recording_is_told_truly() {
    let mut vendor = a_vendor(Rules { channels: 1, ..Rules::default() });
    let mut fields = task("t", &[row("9010"), row("9005")]);
    fields["ScheduleStartTime"] = "2030-01-01 10:00:00".into();
    let task = id(vendor.request("task.create", fields).unwrap());
    let why = |vendor: &mut Vendor| {
        let of = |number: &str| json!({ "TaskID": task, "Callee": format!("+62811123{number}") });
        ["9010", "9005"].map(|number| {
            let (code, message) = vendor.request("task.recording", of(number)).unwrap_err();
            assert_eq!(code, 404);
            message
        })
    };
    let all = |vendor: &mut Vendor| {
        vendor.request("task.recordings", json!({ "TaskID": task })).map_err(|(_, message)| message)
    };
    let no = |number: &str, why: &str| format!("there is no recording of +62811123{number}{why}");
    let to_call = " yet: it is still to be called";
    assert_eq!(why(&mut vendor), [no("9010", to_call), no("9005", to_call)]);
    assert_eq!(all(&mut vendor).unwrap_err(), "this task has no recordings yet: it has not begun");
    vendor.pass(Duration::from_secs(3_620));
    assert_eq!(why(&mut vendor), [no("9010", " yet: it is being called"), no("9005", to_call)]);
    assert_eq!(all(&mut vendor).unwrap_err(), "this task has no recordings yet: its calls are not over");
    vendor.pass(DAY);
    all(&mut vendor).unwrap();
    let busy = json!({ "TaskID": task, "Callee": "+628111239005" });
    assert_eq!(vendor.request("task.recording", busy).unwrap_err().1, no("9005", ": nobody talked"));
}

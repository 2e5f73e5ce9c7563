//! Tests of the order in which contacts are dialled, and how often.

use super::*;
use crate::simulator::rules::dialer::Pace;

/// Returns the reasons of the calls to a contact, in order, with the last four digits of the dialled number and its column.
fn dialled(vendor: &mut Vendor, task: &str, last: u32) -> Vec<(i64, String, String)> {
    let like = json!([{ "field": "mainNumber", "pattern": number(last) }]);
    let answer = vendor.request("dialer.task_detail", json!({ "taskId": task, "like": like })).unwrap();
    let call = |row: &Value| {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        (row["hangupReason"].as_i64().unwrap(), text("phoneNumber").split_off(9), text("phoneTag"))
    };
    answer["list"].as_array().unwrap().iter().map(call).collect()
}

fn sent(calls: &[(i64, &str, &str)]) -> Vec<(i64, String, String)> {
    calls.iter().map(|(reason, last, column)| (*reason, (*last).to_owned(), (*column).to_owned())).collect()
}

#[test]
fn the_numbers_of_a_contact_are_dialled_in_the_order_of_the_columns() {
    let mut vendor = Vendor::new();
    // Their outcomes are in their last digits.
    let contact = |main: u32, home: &str, office: &str| {
        let mut row = json!({ "PhoneNumber": number(main), "Home": home, "Office": office });
        row.as_object_mut().unwrap().retain(|_, value| value != "");
        row
    };
    let rows = vec![
        contact(9005, &number(9001), &number(9004)),
        contact(9006, "none", &number(9006)),
        contact(9008, &number(9009), &number(9001)),
        contact(9002, &number(9005), ""),
    ];
    let order = json!({
        "dialingOrder": ["Office", "PhoneNumber", "Home"], "contactNumberInterval": 20,
        "repeatTimes": 1, "bulkCallInterval": 600,
    });
    let id = vendor.create(with(task("numbers", rows), order));
    vendor.pass(DAY);
    let first = dialled(&mut vendor, &id, 9005);
    assert_eq!(first, sent(&[(2, "9004", "Office"), (3, "9005", "PhoneNumber"), (12, "9001", "Home")]));
    // A column without a valid number is skipped, each number is dialled once, and the second attempt starts from the
    // beginning.
    assert_eq!(dialled(&mut vendor, &id, 9006), sent(&[(6, "9006", "Office"), (6, "9006", "Office")]));
    assert_eq!(dialled(&mut vendor, &id, 9008), sent(&[(12, "9001", "Office")]));
    // A person who hangs up has been reached.
    assert_eq!(dialled(&mut vendor, &id, 9002), sent(&[(19, "9002", "PhoneNumber")]));
    let rows = vendor.request("dialer.task_detail", json!({ "taskId": id, "limit": 100 })).unwrap();
    let moment = |row: &Value, name: &str| row[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    let of = |main: u32| -> Vec<Value> {
        let rows = rows["list"].as_array().unwrap().iter();
        rows.filter(|row| row["mainNumber"] == number(main)).cloned().collect()
    };
    let gap = |calls: &[Value], at: usize| {
        moment(&calls[at], "calltime").duration_since(moment(&calls[at - 1], "endtime")).as_secs()
    };
    let (numbers, attempts) = (of(9005), of(9006));
    assert!((19..120).contains(&gap(&numbers, 1)) && (19..120).contains(&gap(&numbers, 2)));
    assert!(gap(&attempts, 1) >= 599);
    assert_eq!(numbers.iter().map(|row| row["nthCall"].as_i64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn after_some_results_contacts_are_tried_in_a_way_of_their_own() {
    let mut vendor = Vendor::new();
    let rows = vec![row(1, "no_answer"), row(2, "busy"), row(3, "hung_up"), row(4, "fusing")];
    let strategies = json!([
        { "callResultType": "NoRinging", "repeatTimes": 3, "bulkCallInterval": 300 },
        { "callResultType": "UserHangupBeforeAssign", "repeatTimes": 1, "bulkCallInterval": 7200 },
        { "callResultType": "Fusing", "repeatTimes": 0 },
    ]);
    let id = vendor.create(with(
        task("results", rows),
        json!({ "repeatTimes": 1, "bulkCallInterval": 60, "resultStrategies": strategies }),
    ));
    vendor.pass(DAY);
    let calls = [1, 2, 3, 4].map(|last| vendor.rows(&id, &number(last)));
    assert_eq!(calls.each_ref().map(Vec::len), [2, 4, 2, 1]);
    let gap = |calls: &[Value]| {
        let moment = |row: &Value, name: &str| row[name].as_str().unwrap().parse::<Timestamp>().unwrap();
        moment(&calls[1], "calltime").duration_since(moment(&calls[0], "endtime")).as_secs()
    };
    assert!((59..299).contains(&gap(&calls[0])));
    assert!((299..7_199).contains(&gap(&calls[1])));
    assert!(gap(&calls[2]) >= 7_199);
}

#[test]
fn the_mode_says_whether_the_factor_counts() {
    let most = |vendor: &mut Vendor, mode: Value| {
        let rows = (1..30).map(|last| row(last, "talked")).collect();
        let pace = json!({ "slotFactor": 3, "agentName": ["agent_01"], "dialingMode": mode });
        vendor.create(with(task("mode", rows), pace));
        let mut most = 0;
        for _ in 0..300 {
            vendor.pass(Duration::from_secs(3));
            let calls = &vendor.simulator.dialer.tasks[TaskKey(0)].calls;
            most = most.max(calls.iter().filter(|call| call.is_open).count());
        }
        most
    };
    assert_eq!(most(&mut Vendor::new(), json!("predictive")), 3);
    assert_eq!(most(&mut Vendor::new(), json!("progressive")), 1);
    assert_eq!(most(&mut Vendor::new(), json!("")), 3);
    let own = |word: &str| {
        let dialing_modes = [(word.to_owned(), Pace::OnePerAgent)].into();
        Vendor::with(Rules { dialing_modes, ..Rules::default() })
    };
    assert_eq!(most(&mut own("2"), json!(2)), 1);
    assert_eq!(most(&mut own("slow"), json!("slow")), 1);
    // The vendor's words are not known: one of them may be right.
    let mut vendor = Vendor::new();
    assert_eq!(most(&mut vendor, json!("preview")), 3);
    let note = "dialingMode `preview` has no effect: the vendor's words are not known; here they are \
        predictive and progressive (settings: [dialer] dialing_modes)";
    assert_eq!(vendor.simulator.take_notes(), [note]);
    vendor.create(with(task("again", vec![row(9, "busy")]), json!({ "dialingMode": 7 })));
    assert!(vendor.simulator.take_notes().is_empty());
}

#[test]
fn tasks_are_listed_in_the_order_asked_for() {
    let mut vendor = Vendor::new();
    let end = json!({ "startTime": "2030-01-01 18:00:00", "autoEndTime": "2030-01-01 19:00:00" });
    vendor.create(with(task("evening", vec![row(1, "busy")]), end));
    vendor.create(with(task("noon", vec![row(2, "busy")]), json!({ "startTime": "2030-01-01 12:00:00" })));
    vendor.create(task("now", vec![row(3, "busy")]));
    vendor.pass(Duration::from_secs(4 * 3_600));
    let mut names = |order: Value| -> Vec<String> {
        let list = vendor.request("dialer.tasks", json!({ "orderBy": order, "limit": 10 })).unwrap();
        list["list"]
            .as_array()
            .unwrap()
            .iter()
            .map(|task| task["name"].as_str().unwrap().to_owned())
            .collect()
    };
    for (order, expected) in [
        (json!(null), ["now", "noon", "evening"]),
        // The default, named.
        (json!("CreatedAt"), ["now", "noon", "evening"]),
        (json!("CreatedAt asc"), ["evening", "noon", "now"]),
        (json!("actualStartTime"), ["noon", "now", "evening"]),
        (json!("actualStartTime DESC"), ["noon", "now", "evening"]),
        (json!("actualStartTime asc"), ["now", "noon", "evening"]),
        (json!("-startTime"), ["evening", "noon", "now"]),
        (json!("startTime"), ["evening", "noon", "now"]),
        (json!("endTime"), ["evening", "now", "noon"]),
    ] {
        assert_eq!(names(order.clone()), expected, "{order}");
    }
}

#[test]
fn tasks_are_found_by_their_plan_or_by_their_beginning() {
    let mut vendor = Vendor::new();
    let soon = vendor.create(task("soon", vec![row(1, "busy")]));
    let pause = json!({ "startTime": "2030-01-01 09:30:00" });
    let planned = vendor.create(with(task("planned", vec![row(2, "busy")]), pause));
    vendor.pass(DAY);
    let mut found = |filter: &str, from: &str| -> Vec<Value> {
        let fields = json!({ "filterTime": filter, "minstarttime": from, "limit": 10 });
        let list = vendor.request("dialer.tasks", fields).unwrap();
        list["list"].as_array().unwrap().iter().map(|task| task["taskId"].clone()).collect()
    };
    // It was requested at 09:00:00, and began a second later.
    let both = [json!(planned), json!(soon)];
    assert_eq!(found("actualStartTime", "2030-01-01 09:00:01"), both);
    assert_eq!(found("", "2030-01-01 09:00:01"), both);
    assert_eq!(found("startTime", "2030-01-01 09:00:01"), both[..1]);
    assert_eq!(found("startTime", "2030-01-01 09:00:00"), both);
}

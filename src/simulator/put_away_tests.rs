//! Tests that finished objects are evicted, that requests for them say so, and that eviction does not change what is sent.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::content::Country;
use crate::seed::Seed;
use crate::simulator::rules::retention::Retention;
use crate::simulator::testing::{DAY, Vendor};
use crate::simulator::{Behaviour, Opening, Simulator};

const FOR_EVER: Retention = Retention { keep_for: None, conversations: usize::MAX / 2, rows: usize::MAX / 2 };

fn a_vendor(seed: u64, retention: Retention) -> Vendor {
    Vendor::new(seed, Behaviour { retention, ..Behaviour::default() }, |_: &Simulator| ())
}

fn row(last: u32) -> Value {
    json!({ "Mobile": format!("+6281112{last:06}"), "Debtor": "Budi", "Arrears": 1, "LoanAmount": 1, "LoanDate": "2029-12-01" })
}

fn rows(first: u32, count: u32) -> Vec<Value> {
    (first..first + count).map(row).collect()
}

fn task(vendor: &mut Vendor, name: &str, rows: &[Value]) -> String {
    let fields = json!({ "TaskName": name, "RobotID": "Payment reminder", "Details": rows });
    vendor.request("task.create", fields).unwrap()["TaskID"].as_str().unwrap().to_owned()
}

fn single(vendor: &mut Vendor, last: u32) -> (String, String) {
    let fields = json!({ "template_id": 41, "language": "en", "to": format!("+63917{last:07}") });
    let sent = vendor.request("chatbot.send_single_template", fields).unwrap();
    let text = |name: &str| sent[name].as_str().unwrap().to_owned();
    (text("call_id"), text("task_id"))
}

#[test]
fn what_is_beyond_the_number_goes_and_says_so() {
    let mut vendor = a_vendor(1, Retention { rows: 60, ..FOR_EVER });
    let tasks: Vec<String> = (0..6)
        .map(|number| {
            let id = task(&mut vendor, &format!("task {number}"), &rows(number * 10, 3));
            vendor.pass(DAY);
            id
        })
        .collect();
    // Each weighs 13. Nine tenths of 60 leave room for four, and one was added after the scan.
    let answers: Vec<_> =
        tasks.iter().map(|id| vendor.request("task.detail", json!({ "TaskID": id })).map(|_| ())).collect();
    let gone = answers.iter().take_while(|answer| answer.is_err()).count();
    assert_eq!(gone, 1, "{answers:?}");
    assert!(answers[gone..].iter().all(Result::is_ok), "{answers:?}");
    let (code, message) = answers[0].clone().unwrap_err();
    let words = "has finished and is no longer kept: see `[limits]`";
    assert!(code == 404 && message.ends_with(words), "{message}");
    let list = vendor.request("task.list", json!({ "Page": 1, "Size": 100 })).unwrap();
    assert_eq!(list["list"].as_array().map(Vec::len), Some(5), "{list}");
    // Its name is free again, and the names of others are not.
    task(&mut vendor, "task 0", &rows(900, 1));
    let again = json!({ "TaskName": "task 5", "RobotID": "Payment reminder", "Details": rows(901, 1) });
    assert_eq!(vendor.request("task.create", again).unwrap_err().0, 409);
}

#[test]
fn what_is_too_old_goes_and_what_goes_on_stays() {
    let mut vendor = a_vendor(1, Retention { keep_for: Some(3 * DAY), ..FOR_EVER });
    let old = task(&mut vendor, "old", &rows(1, 2));
    let (call_id, task_id) = single(&mut vendor, 1_234_567);
    let far = json!({
        "TaskName": "far", "RobotID": "Payment reminder", "Details": rows(5, 1),
        "ScheduleStartTime": "2030-01-20 10:00:00",
    });
    let far = vendor.request("task.create", far).unwrap()["TaskID"].as_str().unwrap().to_owned();
    vendor.pass(2 * DAY);
    vendor.request("task.detail", json!({ "TaskID": old })).unwrap();
    vendor.request("chatbot.template_result", json!({ "task_id": task_id })).unwrap();
    vendor.pass(10 * DAY);
    assert_eq!(vendor.request("task.detail", json!({ "TaskID": old })).unwrap_err().0, 404);
    let asked = [("chatbot.template_result", "task_id", task_id), ("chatbot.messages", "call_id", call_id)];
    for (request, field, id) in asked {
        let (code, message) = vendor.request(request, json!({ field: id })).unwrap_err();
        assert!(code == 404 && message.ends_with("are no longer kept: see `[limits]`"), "{message}");
    }
    vendor.request("task.detail", json!({ "TaskID": far })).unwrap();
    vendor.pass(9 * DAY);
    let detail = vendor.request("task.detail", json!({ "TaskID": far })).unwrap();
    assert_eq!(detail["detail"].as_array().map(Vec::len), Some(1), "it was called in its own time");
}

#[test]
fn conversations_of_forgotten_stories_go_and_those_of_others_stay() {
    let mut vendor = a_vendor(1, Retention { conversations: 20, ..FOR_EVER });
    let mut kept = Vec::new();
    for story in 0..12_000 {
        let (seed, now) = (Seed(story.into()), vendor.now);
        let opening = Opening { story: Some(story), seed, country: Country::Id, locale: None, now };
        let key = vendor.simulator.open(opening);
        if story % 1_000 == 0 {
            kept.push((story, key));
        } else {
            vendor.simulator.forget_story(story);
        }
        vendor.pass(Duration::from_secs(1));
        vendor.simulator.advance(vendor.now);
    }
    assert!(vendor.simulator.size() < 100, "{}", vendor.simulator.size());
    let causes = vendor.simulator.context.causes.len();
    assert!(causes < 5_000, "{causes}");
    for (story, key) in kept {
        assert_eq!(vendor.simulator.story_of(key), Some(story));
    }
}

/// An action, or time that passes.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Task(u32),
    Plan(u32),
    Dialer(u32),
    Workflow(u32),
    Campaign(u32),
    Single,
    Write,
    Pass(u32),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (1_u32..6).prop_map(Deed::Task),
        (1_u32..6).prop_map(Deed::Plan),
        (1_u32..4).prop_map(Deed::Dialer),
        (1_u32..4).prop_map(Deed::Workflow),
        (1_u32..4).prop_map(Deed::Campaign),
        Just(Deed::Single),
        Just(Deed::Write),
        (0_u32..600).prop_map(Deed::Pass),
        (0_u32..400_000).prop_map(Deed::Pass),
    ]
}

fn done(deeds: &[Deed], seed: u64, retention: Retention) -> Vendor {
    let mut vendor = a_vendor(seed, retention);
    let strategies = vendor.request("strategy.list", json!({})).unwrap();
    let strategy = strategies["list"][0]["StrategyID"].clone();
    let mut next = 0;
    for deed in deeds {
        next += 10;
        let name = format!("number {next}");
        let (id, fields) = match *deed {
            Deed::Task(count) => (
                "task.create",
                json!({ "TaskName": name, "RobotID": "Payment reminder", "RepeatNumber": 2, "Details": rows(next, count) }),
            ),
            Deed::Plan(count) => (
                "plan.create",
                json!({ "PlanName": name, "StrategyID": strategy, "Details": rows(next, count) }),
            ),
            Deed::Dialer(count) => {
                let contact =
                    |last: u32| json!({ "PhoneNumber": format!("+6281113{last:06}"), "name": "Budi" });
                let list: Vec<Value> = (next..next + count).map(contact).collect();
                let fields = json!({
                    "taskName": name, "startTime": "", "groupName": "Customer care", "customizeContacts": list,
                    "callback": "aHR0cDovLzEyNy4wLjAuMTo5L2RpYWxlcg==",
                });
                ("dialer.create_task", fields)
            }
            Deed::Workflow(count) => {
                let rows: Vec<Value> = (next..next + count)
                    .map(|last| json!({ "callee": format!("+6281114{last:06}"), "case_id": format!("case-{last}"), "variables": { "callee_name": "Budi", "amount": "1500" } }))
                    .collect();
                let ends = (vendor.now + 2 * DAY).strftime("%Y-%m-%d %H:%M:%S+00:00").to_string();
                let template = 1_001 + i64::from(count % 3);
                let fields = json!({ "workflow_template_id": template, "name": name, "end_time": ends, "details": rows });
                ("workflow.create", fields)
            }
            Deed::Campaign(count) => {
                let to: Vec<String> = (next..next + count).map(|last| format!("+6281115{last:06}")).collect();
                ("chatbot.send_template", json!({ "template_id": 47, "to": to }))
            }
            Deed::Single => {
                single(&mut vendor, next);
                continue;
            }
            Deed::Write => (
                "chatbot.channel_message",
                json!({
                    "channel": "HuaWei", "channel_id": "5", "user": { "id": format!("u{next}") },
                    "messages": [{ "type": "text", "text": "hi" }],
                }),
            ),
            Deed::Pass(seconds) => {
                vendor.pass(Duration::from_secs(seconds.into()));
                continue;
            }
        };
        vendor.request(id, fields).unwrap_or_else(|error| panic!("{id}: {error:?}"));
    }
    vendor.pass(5 * DAY);
    vendor
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 20, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sent_does_not_depend_on_what_is_kept(deeds in prop::collection::vec(deed(), 0..40), seed: u64) {
        let all = done(&deeds, seed, FOR_EVER);
        let tiny = Retention { keep_for: Some(Duration::from_secs(600)), conversations: 1, rows: 15 };
        let few = done(&deeds, seed, tiny);
        prop_assert_eq!(&all.sent, &few.sent);
        let few = done(&deeds, seed, Retention { keep_for: None, ..tiny });
        prop_assert_eq!(&all.sent, &few.sent);
    }
}

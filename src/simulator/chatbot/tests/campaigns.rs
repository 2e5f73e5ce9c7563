//! Tests that the callbacks and queries of campaigns agree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::simulator::Behaviour;
use crate::simulator::calling::Rules;

/// Counts the last status of each number of a task, according to the callbacks so far.
fn count(sent: &[(String, Value)], task_id: &str) -> BTreeMap<String, usize> {
    let mut of = BTreeMap::new();
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    for (event, body) in sent {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let user = body["user"]["id"].as_str().unwrap_or_default().to_owned();
        match event.as_str() {
            "template.result" if text("task_id") == task_id => {
                if !text("msg_id").is_empty() {
                    of.insert(text("msg_id"), user.clone());
                }
                last.insert(user, text("status"));
            }
            "message.status" => {
                if let Some(user) = of.get(&text("msg_id")) {
                    last.insert(user.clone(), text("status"));
                }
            }
            _ => {}
        }
    }
    let mut counts = BTreeMap::new();
    for status in last.into_values() {
        *counts.entry(status).or_default() += 1;
    }
    counts
}

pub(super) fn assert_agrees(vendor: &mut Vendor, task_id: &str) {
    let result = vendor.ok("chatbot.template_result", json!({ "task_id": task_id, "size": 1_000 }));
    let counts = count(&vendor.sent, task_id);
    let total: u64 =
        result["counts"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(json!(total), result["total"]);
    for status in ["send", "delivery", "read", "failed"] {
        let counted = counts.get(status).copied().unwrap_or_default();
        assert_eq!(result["counts"][status], json!(counted), "{status}: {result}");
    }
    for row in result["list"].as_array().unwrap() {
        let call_id = row["call_id"].as_str().unwrap();
        let listed = vendor.messages(call_id);
        let own = listed.iter().find(|message| message["msg_id"] == row["msg_id"]);
        match row["status"].as_str().unwrap() {
            "pending" | "failed" => assert_eq!(own, None),
            status => assert_eq!(own.unwrap()["status"], status),
        }
    }
}

#[test]
fn a_campaign_is_reported_and_queried_alike_at_every_moment() {
    let vendor = &mut Vendor::new(1);
    let to: Vec<String> = (0..60).map(|at| format!("+62811123{:04}", 9_055 + at)).collect();
    let sent = vendor.ok("chatbot.send_template", json!({ "template_id": 35, "to": to }));
    let task = sent["task_id"].as_str().unwrap().to_owned();
    for _ in 0..40 {
        assert_agrees(vendor, &task);
        vendor.pass(Duration::from_millis(700));
    }
    for _ in 0..20 {
        vendor.minutes(40);
        assert_agrees(vendor, &task);
    }
    let row = |vendor: &mut Vendor, end: &str| -> Value {
        let result = vendor.ok("chatbot.template_result", json!({ "task_id": task, "size": 100 }));
        let rows = result["list"].as_array().unwrap().clone();
        rows.into_iter().find(|row| row["number"].as_str().unwrap().ends_with(end)).unwrap()
    };
    for (end, status, replied) in [
        ("9060", "failed", false),
        ("9061", "failed", false),
        ("9062", "send", false),
        ("9063", "delivery", false),
        ("9064", "read", false),
        ("9065", "read", true),
        ("9066", "read", true),
        ("9067", "read", true),
        ("9068", "read", true),
        ("9069", "read", true),
    ] {
        let row = row(vendor, end);
        assert_eq!((&row["status"], &row["replied"]), (&json!(status), &json!(replied)), "{end}");
    }
    // A user who opted out gets no more messages.
    let again = json!({ "template_id": 35, "to": "+628111239069" });
    vendor.ok("chatbot.send_single_template", again);
    let result = vendor.until("template.result");
    assert_eq!((&result["status"], &result["error"]["code"]), (&json!("failed"), &json!(1002)));
    assert_eq!(vendor.wrong("chatbot.template_result", json!({ "task_id": "x" })).0, 404);
}

#[test]
fn notices_come_as_often_as_is_asked_for() {
    let vendor = &mut Vendor::new(1);
    let to = ["+628111239031", "+628111239032", "+628111239033"];
    let sent = vendor.ok("chatbot.send_template", json!({ "template_id": 36, "to": to }));
    vendor.pass(Duration::from_secs(10));
    let results = |vendor: &Vendor, end: &str| {
        let is_it = |(event, body): &&(String, Value)| {
            event == "template.result" && body["user"]["id"].as_str().unwrap().ends_with(end)
        };
        vendor.sent.iter().filter(is_it).count()
    };
    assert_eq!(["9031", "9032", "9033"].map(|end| results(vendor, end)), [2, 0, 0]);
    vendor.pass(Duration::from_secs(40));
    assert_eq!(["9031", "9032", "9033"].map(|end| results(vendor, end)), [2, 0, 1]);
    assert!(sent["error_list"].as_array().unwrap().is_empty());
}

#[test]
fn stories_keep_their_sessions_to_themselves() {
    let rules = Rules { magic: BTreeMap::new(), ..Rules::default() };
    let mut numbers = (0..40).map(|at| format!("+62811123{:04}", 5_000 + at));
    let vendor = &mut Vendor::behaving(6, Behaviour { calling: Arc::new(rules), ..Behaviour::default() });
    let to: Vec<String> = numbers.by_ref().collect();
    vendor.ok("chatbot.send_template", json!({ "template_id": 35, "to": to }));
    let cause = vendor.simulator.last_cause();
    vendor.simulator.assign(cause, 3);
    vendor.minutes(24 * 60);
    let events: BTreeSet<&str> = vendor.events().into_iter().collect();
    assert_eq!(events, ["message.status", "template.result"].into());
    let before = vendor.events().len();
    vendor.ok("chatbot.send_single_template", json!({ "template_id": 36, "to": "+6281112345000" }));
    let cause = vendor.simulator.last_cause();
    vendor.simulator.mute(cause);
    vendor.minutes(60);
    assert_eq!(vendor.events().len(), before);
}

#[test]
fn a_user_of_a_story_replies_as_the_request_says_until_the_story_speaks() {
    for (outcome, is_led, replies) in
        [("wa_agent", false, true), ("wa_agent", true, false), ("wa_silent", false, false)]
    {
        let vendor = &mut Vendor::new(6);
        let call_id = vendor.chat(outcome);
        let cause = vendor.simulator.last_cause();
        vendor.simulator.assign(cause, 3);
        let key = vendor.simulator.find_conversation(&json!({ "call_id": call_id })).unwrap();
        assert!(vendor.simulator.leaves_user_to_story(key), "{outcome}");
        if is_led {
            vendor.simulator.lead(key);
        }
        vendor.minutes(120);
        let asked = vendor.events().contains(&"session.transfer");
        assert_eq!((vendor.events().contains(&"template.reply"), asked), (replies, replies), "{outcome}");
    }
}

#[test]
fn the_rules_of_calling_hold_for_chats_too() {
    let magic = BTreeMap::from([(1_234, "wa_silent".parse().unwrap())]);
    let rules = Rules { magic, ..Rules::default() };
    let vendor = &mut Vendor::behaving(1, Behaviour { calling: Arc::new(rules), ..Behaviour::default() });
    vendor.ok("chatbot.send_template", json!({ "template_id": 35, "to": "+628111231234" }));
    vendor.minutes(60);
    assert_eq!(vendor.events(), ["template.result", "message.status", "message.status"]);
}

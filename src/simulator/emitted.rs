//! Tests of the callbacks that `emit` and stories send: the generated body of every callback in the catalog.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{Behaviour, ConversationKey, Opening, Simulator};
use crate::content::Country;
use crate::contract::Catalog;
use crate::seed::Seed;

fn now() -> Timestamp {
    "2030-01-01T00:00:00Z".parse().unwrap()
}

fn opened(country: Country) -> (Simulator, ConversationKey) {
    let mut simulator = Simulator::new(Seed(1), Behaviour::default());
    let opening = Opening { story: None, seed: Seed(5), country, locale: None, now: now() };
    let key = simulator.open(opening);
    (simulator, key)
}

#[test]
fn every_callback_is_generated_with_all_its_fields() {
    for entry in Catalog::builtin().callbacks() {
        let (mut simulator, key) = opened(Country::Id);
        let body = simulator.emit(key, &entry.id, Value::Null, now()).unwrap();
        let named = body.get("event").or_else(|| body.get("type")).and_then(Value::as_str);
        assert_eq!(named, entry.event.as_deref(), "{}: the event's name on the wire", entry.id);
        insta::assert_snapshot!(entry.id.as_str(), serde_json::to_string_pretty(&body).unwrap());
    }
}

/// The person of a call or of a workflow's notice has written nothing, so nothing falls silent a day later either.
#[test]
fn only_the_callbacks_of_chats_begin_one() {
    for entry in Catalog::builtin().callbacks() {
        let (mut simulator, key) = opened(Country::Id);
        simulator.emit(key, &entry.id, Value::Null, now()).unwrap();
        let is_chat =
            ["session.", "message.", "agent.", "template."].iter().any(|group| entry.id.starts_with(group));
        assert_eq!(simulator.count_chats(), usize::from(is_chat), "{}", entry.id);
        assert_eq!(simulator.next_wakeup().is_some(), is_chat, "{}", entry.id);
    }
}

#[test]
fn texts_are_filled_in_everywhere() {
    for country in Country::ALL {
        let (mut simulator, key) = opened(country);
        for entry in Catalog::builtin().callbacks() {
            let body = simulator.emit(key, &entry.id, Value::Null, now());
            let body = body.unwrap_or_else(|error| panic!("{}: {error}", entry.id));
            assert!(!body.to_string().contains("{name}"), "{body}");
        }
    }
}

#[test]
fn what_is_emitted_of_one_case_agrees() {
    let (mut simulator, key) = opened(Country::Id);
    let mut emit = |event: &str, seconds: u64| {
        simulator.emit(key, event, Value::Null, now() + Duration::from_secs(seconds)).unwrap()
    };
    let call = emit("workflow.call_completed", 0);
    let contact = emit("workflow.contact_completed", 60);
    let status = emit("workflow.status_changed", 120);
    for field in ["workflow_id", "workflow_name"] {
        assert_eq!(call[field], contact[field]);
        assert_eq!(call[field], status[field]);
    }
    assert_eq!(call["case_id"], contact["case_id"]);
    assert_eq!(call["CalleeNumber"], contact["callee_number"]);
    assert_eq!(call["TaskID"], contact["rows"][0]["task_id"]);
    assert_eq!(call["nodetask_id"], contact["rows"][0]["nodetask_id"]);
}

#[test]
fn the_talk_of_a_call_fits_its_times() {
    let (mut simulator, key) = opened(Country::Mx);
    let call = simulator.emit(key, "call.completed", Value::Null, now()).unwrap();
    let moment = |name: &str| call[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    let talk = call["TalkDuration"].as_i64().unwrap();
    let lasted = moment("CallEndTime").duration_since(moment("CallStartTime")).as_secs();
    assert!(talk > 0 && talk < lasted, "{talk} of {lasted}");
    let turns = call["Dialog"].as_array().unwrap();
    assert!(turns.len() >= 2 && turns.iter().all(|turn| turn["Offset"].as_i64().unwrap() < talk), "{call}");
}

#[test]
fn a_reply_to_a_template_presses_one_of_its_buttons() {
    for country in Country::ALL {
        let (mut simulator, key) = opened(country);
        let result = simulator.emit(key, "template.result", Value::Null, now()).unwrap();
        let reply = simulator.emit(key, "template.reply", Value::Null, now()).unwrap();
        assert_eq!(result["template"], reply["template"], "{country}");
        let message = &reply["messages"][0];
        let answered = &message["reply"]["content"]["template"];
        assert_eq!(answered["info"], reply["template"], "{country}");
        let labels = answered["content"]["button"].as_array().unwrap();
        let pressed = labels.iter().find(|button| button["text"] == message["content"]["text"]);
        assert_eq!(pressed.unwrap()["type"], "QUICK_REPLY", "{country}");
        assert!(message["reply"]["timestamp"].as_i64() < message["timestamp"].as_i64());
    }
}

#[test]
fn a_conversation_that_ends_had_a_chat() {
    let moment = |body: &Value, name: &str| body[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    for country in Country::ALL {
        let (mut simulator, key) = opened(country);
        let end = simulator.emit(key, "session.end", Value::Null, now()).unwrap();
        let (began, ended) = (moment(&end, "session_start_time"), moment(&end, "session_end_time"));
        assert!(began < ended, "{country}: {end}");
        let later = now() + Duration::from_secs(2);
        let report = simulator.emit(key, "session.report", Value::Null, later).unwrap();
        for name in ["call_id", "session_start_time", "session_end_time", "session_end_reason"] {
            assert_eq!(report[name], end[name], "{country}");
        }
        assert_ne!(report["talk_round"], 0);
        assert_eq!(report["intention"].as_str().map(str::len), Some(1), "{report}");
        let messages = report["messages"].as_array().unwrap();
        assert!(messages.len() >= 3, "{report}");
        assert!(messages.iter().all(|one| one["timestamp"].as_i64() <= Some(ended.as_second())));
        let alone = opened(country);
        let alone = { alone }.0.emit(key, "session.report", Value::Null, now()).unwrap();
        assert_eq!(alone["messages"], report["messages"], "{country}: with and without an end before");
    }
}

#[test]
fn callbacks_of_an_agent_name_a_seat() {
    let (mut simulator, key) = opened(Country::Id);
    let mut emit = |event: &str| simulator.emit(key, event, Value::Null, now()).unwrap();
    let message = emit("agent.message");
    let seat = message["seat_id"].as_str().unwrap();
    assert!(!seat.is_empty());
    assert_eq!(emit("agent.message_status")["seat_id"], seat);
    let transfer = emit("agent.transfer")["transfer"].clone();
    assert_eq!(transfer["from_seat_id"], seat);
    let next = transfer["to_seat_id"].as_str().unwrap();
    assert!(!next.is_empty() && next != seat);
    assert_eq!(emit("session.end")["seat_id"], seat);
    // The first callback of a conversation may be any of them.
    let (mut simulator, key) = opened(Country::Id);
    assert_eq!(simulator.emit(key, "agent.message_status", Value::Null, now()).unwrap()["seat_id"], seat);
    let (mut simulator, key) = opened(Country::Id);
    assert_eq!(simulator.emit(key, "agent.transfer", Value::Null, now()).unwrap()["transfer"], transfer);
}

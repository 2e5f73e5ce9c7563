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

//! The user's own endpoints inside the engine: their callbacks are delivered like the vendor's.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::{Value, json};

use super::Engine;
use crate::Mock;
use crate::content::Country;
use crate::delivery::{AttemptResult, ReceiverResponse};
use crate::engine::RequestOutcome;
use crate::seed::Seed;
use crate::simulator::{AccountKey, Opening, Request, Response as Simulated};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_893_456_000_000 + millis).unwrap()
}

fn engine(text: &str) -> Engine {
    let mock = Mock::builder()
        .settings_text(&format!("{text}\n[delivery]\npreset = 'once'\n"))
        .callback_url("http://127.0.0.1:9/callbacks")
        .seed(3);
    mock.engine().unwrap()
}

fn data(engine: &mut Engine, id: &str, fields: Value, now: Timestamp) -> Value {
    let account = AccountKey::default();
    let request = Request {
        id,
        fields: &fields,
        route: 0,
        is_typed: true,
        rows: None,
        files: &[],
        account,
        zone: Offset::UTC,
        now,
    };
    match engine.request(&request) {
        RequestOutcome { response: Ok(Simulated::Data(data)), .. } => data,
        other => panic!("{other:?}"),
    }
}

/// Delivers everything that is due. Returns events, targets and bodies.
fn delivered(engine: &mut Engine, now: Timestamp) -> Vec<(String, String, Value)> {
    let mut sent = Vec::new();
    engine.advance(now);
    while let Some(attempt) = engine.start(now) {
        let callback = &attempt.callback;
        let body = serde_json::from_slice(&callback.body).unwrap();
        sent.push((callback.event.to_string(), callback.target.to_string(), body));
        let answer = ReceiverResponse {
            status: 200,
            headers: Vec::new(),
            body: bytes::Bytes::new(),
            truncated: false,
        };
        engine.finish(&attempt, AttemptResult { result: Ok(answer), elapsed: Duration::ZERO }, now);
        engine.advance(now);
    }
    sent
}

#[test]
fn a_request_leads_to_the_callback_and_the_state_changes_with_it() {
    let mut engine = engine(include_str!("../../scenarios/custom/flex-route.toml"));
    assert!(engine.is_over());
    let fields = json!({"Name": "day shift", "CallbackUrl": "http://127.0.0.1:9/own"});
    let id = data(&mut engine, "flex.route_create", fields, at(0))["RouteID"].clone();
    assert!(!engine.is_over(), "a run waits for what is planned");
    assert!(delivered(&mut engine, at(1_999)).is_empty());
    let status =
        |engine: &mut Engine, now| data(engine, "flex.route_get", json!({"id": id}), now)["status"].clone();
    assert_eq!(status(&mut engine, at(1_999)), json!("running"));
    let wakeup = engine.next_wakeup().unwrap();
    assert!((at(2_000)..=at(4_000)).contains(&wakeup), "{wakeup}");
    let sent = delivered(&mut engine, wakeup);
    let [(event, target, body)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((event.as_str(), target.as_str()), ("flex.route_finished", "http://127.0.0.1:9/own"));
    assert_eq!(
        (&body["event"], &body["route_id"], &body["status"]),
        (&json!("route.finished"), &id, &json!("finished"))
    );
    assert_eq!(status(&mut engine, at(5_000)), json!("finished"));
    assert!(engine.is_over());
}

#[test]
fn an_event_of_the_vendors_own_gets_believable_values() {
    let mut engine = engine(include_str!("../../scenarios/custom/api-store.toml"));
    let fields = json!({"product": "number-check", "contact": {"phone": "628111222333"}});
    data(&mut engine, "store.order", fields, at(0));
    let sent = delivered(&mut engine, at(9_000));
    let events: BTreeSet<&str> = sent.iter().map(|(event, ..)| event.as_str()).collect();
    assert_eq!(events, BTreeSet::from(["sms.receipt", "store.order_changed"]));
    let receipt = sent.iter().find(|(event, ..)| event == "sms.receipt").unwrap();
    assert!(receipt.2.as_object().is_some_and(|body| body.len() > 2), "{}", receipt.2);
}

#[test]
fn bodies_of_both_kinds_are_made() {
    let mut engine = engine(include_str!("../../scenarios/custom/flex-route.toml"));
    let opening = Opening { story: None, seed: Seed(1), country: Country::Id, locale: None, now: at(0) };
    let session = engine.simulator().open(opening);
    let own =
        engine.simulator().emit(session, "flex.route_removed", json!({"route_id": "r"}), at(0)).unwrap();
    assert_eq!(own, json!({"event": "route.removed", "route_id": "r", "removed_at": "2030-01-01T00:00:00Z"}));
    let vendors = engine.simulator().emit(session, "session.end", Value::Null, at(0)).unwrap();
    assert_eq!(vendors["event"], json!("session.end"));
    assert!(engine.simulator().emit(session, "nothing.such", Value::Null, at(0)).is_err());
    assert!(!engine.is_open("flex.route_get"));
}

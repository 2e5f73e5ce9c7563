//! The user's own endpoints and callbacks inside the engine.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::core::Engine;
use super::dispatch::{NewCallback, Origin};
use super::host::emit;
use crate::content::Country;
use crate::journal::Event;
use crate::scenario::{Body, SendError};
use crate::simulator::user_endpoints::UserCallback;
use crate::simulator::{AccountKey, ConversationKey, Opening};

impl Engine {
    /// The body of an event of a conversation, with `patch` (a table or null) over it.
    ///
    /// # Errors
    ///
    /// There is no such event, or its body can't be made.
    pub fn emit(
        &mut self,
        session: ConversationKey,
        event: &str,
        patch: Value,
        now: Timestamp,
    ) -> Result<Value, SendError> {
        emit(&mut self.custom, &mut self.simulator, session, event, patch, now)
    }

    /// Whether a call is served without any proof of the caller because the user's settings say so.
    pub fn is_open(&self, id: &str) -> bool {
        self.custom.is_open(id)
    }

    /// What a call planned belongs to who called, and to the story that took the call or else to the only one there
    /// is.
    pub(super) fn assign_custom(&mut self, checkpoint: u64, taker: Option<usize>, account: AccountKey) {
        let story = taker.or_else(|| (self.stories.len() == 1).then_some(0));
        self.custom.assign(checkpoint, story, account);
    }

    /// Does what the user's own endpoints have to do by now.
    pub(super) fn advance_custom(&mut self, now: Timestamp) {
        for callback in self.custom.advance(now) {
            let event = Arc::clone(&callback.event);
            let story = callback.story;
            if let Err(error) = self.send_custom(callback, now) {
                self.custom_failed(story, format!("`{event}` was not sent: {error}"), now);
            }
        }
        for (story, message) in self.custom.take_failures() {
            self.custom_failed(story, message, now);
        }
    }

    fn send_custom(&mut self, callback: UserCallback, now: Timestamp) -> Result<(), SendError> {
        let UserCallback { event, body, target, story, account, order_key } = callback;
        let (body, order_key) = if self.custom.declares(&event) {
            (body, order_key)
        } else {
            let session = self.session_of(&body, now);
            let emitted = self.simulator.emit(session, &event, body, now);
            let body = emitted.map_err(|error| SendError::Body(error.to_string()))?;
            (body, Some(self.simulator.order_key(session)))
        };
        let index = story;
        let story = index.and_then(|index| self.stories.get(index));
        let own_target = target.is_some();
        let order = NewCallback {
            event: &event,
            headers: &[],
            target: target.or_else(|| story.and_then(|story| story.callback_url())),
            own_target,
            policy: Arc::clone(story.map_or(&self.dispatch.policy, |story| &story.story().policy)),
            order_key,
            account,
        };
        let origin = Origin {
            story: story.and(index),
            label: story.map(|story| Arc::clone(story.name())),
            body: body.clone(),
            took: Duration::ZERO,
        };
        self.dispatch.send(order, Body::Json(body), origin, now).map(|_| ())
    }

    /// The conversation a body speaks of, or else one of its own.
    fn session_of(&mut self, body: &Value, now: Timestamp) -> ConversationKey {
        if let Some(session) = self.simulator.find_conversation(body) {
            return session;
        }
        let seed = self.custom.stranger();
        self.simulator.open(Opening { story: None, seed, country: Country::Id, locale: None, now })
    }

    /// Nothing is lost silently: where it belongs to a story, the story fails.
    fn custom_failed(&mut self, story: Option<usize>, message: String, now: Timestamp) {
        let story = story.and_then(|index| self.stories.get_mut(index));
        let (label, event) = match story {
            Some(story) => {
                story.count_failure();
                let label = Arc::clone(story.name());
                (Some(Arc::clone(&label)), Event::Failed { place: label, message })
            }
            None => (None, Event::Note(message)),
        };
        self.dispatch.journal.write(now, label, event);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::tz::Offset;
    use serde_json::json;

    use super::*;
    use crate::Mock;
    use crate::delivery::{AttemptResult, Policy, ReceiverResponse};
    use crate::engine::RequestOutcome;
    use crate::seed::Seed;
    use crate::simulator::{Request, Response as Simulated};

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_893_456_000_000 + millis).unwrap()
    }

    fn engine(text: &str) -> Engine {
        let mock = Mock::builder().settings_text(text).callback_url("http://127.0.0.1:9/callbacks").seed(3);
        mock.policy(Policy::once()).engine().unwrap()
    }

    fn data(engine: &mut Engine, id: &str, fields: Value, now: Timestamp) -> Value {
        let account = AccountKey::default();
        let call = Request { id, fields: &fields, rows: None, files: &[], account, zone: Offset::UTC, now };
        match engine.call(&call) {
            RequestOutcome::Simulated { response: Ok(Simulated::Data(data)), .. } => data,
            other => panic!("{other:?}"),
        }
    }

    /// Delivers everything that is due: events, targets and bodies.
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
    fn a_call_leads_to_the_callback_and_the_state_changes_with_it() {
        let mut engine = engine(include_str!("../../scenarios/custom/flex-route.toml"));
        assert!(engine.is_over());
        let fields = json!({"Name": "day shift", "CallbackUrl": "http://127.0.0.1:9/own"});
        let id = data(&mut engine, "flex.route_create", fields, at(0))["RouteID"].clone();
        assert!(!engine.is_over(), "a run waits for what is planned");
        assert!(delivered(&mut engine, at(1_999)).is_empty());
        let status = |engine: &mut Engine, now| {
            data(engine, "flex.route_get", json!({"id": id}), now)["status"].clone()
        };
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
    fn an_event_of_the_vendors_own_gets_generated_values() {
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
        let own = engine.emit(session, "flex.route_removed", json!({"route_id": "r"}), at(0)).unwrap();
        assert_eq!(
            own,
            json!({"event": "route.removed", "route_id": "r", "removed_at": "2030-01-01T00:00:00Z"})
        );
        let vendors = engine.emit(session, "session.end", Value::Null, at(0)).unwrap();
        assert_eq!(vendors["event"], json!("session.end"));
        assert!(engine.emit(session, "nothing.such", Value::Null, at(0)).is_err());
        assert!(!engine.is_open("flex.route_get"));
    }
}

//! The user's own endpoints and callbacks inside the engine.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::core::{CallOutcome, Engine};
use super::stage::{Order, Origin};
use crate::custom::{Custom, CustomEmission, Reply};
use crate::journal::Event;
use crate::scenario::Body;
use crate::simulator::identity::Country;
use crate::simulator::{Opening, SessionKey, Simulator};

/// The body of an event: of a declared one as declared, of any other as the simulator makes it; `patch` is over it.
pub(super) fn emit(
    custom: &mut Custom,
    simulator: &mut Simulator,
    session: SessionKey,
    event: &str,
    patch: Value,
    now: Timestamp,
) -> Result<Value, String> {
    if custom.declares(event) {
        let body = custom.default_body(event, patch, now);
        return body.unwrap_or_else(|| Err(format!("there is no body for `{event}`")));
    }
    simulator.emit(session, event, patch, now)
}

/// What comes of a call: what a story tells wins over the usual answer.
pub(super) fn outcome(told: Option<(u16, Option<Value>)>, usual: Reply) -> CallOutcome {
    match (told, usual) {
        (Some((status, body)), Reply::Answer(usual)) => CallOutcome::Told { status, body, usual },
        (Some((status, Some(body))), Reply::Whole { .. }) => {
            CallOutcome::Whole { status, headers: Vec::new(), body }
        }
        (Some((status, None)), Reply::Whole { headers, body, .. }) => {
            CallOutcome::Whole { status, headers, body }
        }
        (None, Reply::Answer(answer)) => CallOutcome::Simulated(answer),
        (None, Reply::Whole { status, headers, body }) => CallOutcome::Whole { status, headers, body },
    }
}

impl Engine {
    /// The body of an event of a conversation, with `patch` (a table or null) over it. Errs in words.
    pub fn emit(
        &mut self,
        session: SessionKey,
        event: &str,
        patch: Value,
        now: Timestamp,
    ) -> Result<Value, String> {
        emit(&mut self.custom, &mut self.simulator, session, event, patch, now)
    }

    /// Whether a call is served without any proof of the caller because the user's settings say so.
    pub fn is_open(&self, id: &str) -> bool {
        self.custom.is_open(id)
    }

    /// What a call planned belongs to the story that took the call, or else to the only one there is.
    pub(super) fn assign_custom(&mut self, mark: u64, taker: Option<usize>) {
        if let Some(play) = taker.or_else(|| (self.plays.len() == 1).then_some(0)) {
            self.custom.assign(mark, play);
        }
    }

    /// Does what the user's own endpoints have to do by now.
    pub(super) fn advance_custom(&mut self, now: Timestamp) {
        for emission in self.custom.advance(now) {
            let event = Arc::clone(&emission.event);
            let play = emission.play;
            if let Err(error) = self.send_custom(emission, now) {
                self.custom_failed(play, format!("`{event}` was not sent: {error}"), now);
            }
        }
        for (play, message) in self.custom.take_failures() {
            self.custom_failed(play, message, now);
        }
    }

    fn send_custom(&mut self, emission: CustomEmission, now: Timestamp) -> Result<(), String> {
        let CustomEmission { event, body, target, play, order_key } = emission;
        let (body, order_key) = if self.custom.declares(&event) {
            (body, order_key)
        } else {
            let session = self.session_of(&body, now);
            let body = self.simulator.emit(session, &event, body, now)?;
            (body, self.simulator.order_key(session))
        };
        let story = play.and_then(|index| self.plays.get(index));
        let own_target = target.is_some();
        let order = Order {
            event: &event,
            headers: &[],
            target: target.or_else(|| story.and_then(|story| story.callback_url())),
            own_target,
            policy: Arc::clone(story.map_or(&self.delivery.policy, |story| &story.story().policy)),
            order_key,
        };
        let origin = Origin {
            play: story.and(play),
            label: story.map(|story| Arc::clone(story.label())),
            body: body.clone(),
            took: Duration::ZERO,
        };
        self.delivery.send(order, Body::Json(body), origin, now).map(|_| ())
    }

    /// The conversation a body speaks of, or else one of its own.
    fn session_of(&mut self, body: &Value, now: Timestamp) -> SessionKey {
        if let Some(session) = self.simulator.find_session(body) {
            return session;
        }
        let seed = self.custom.stranger();
        self.simulator.open(Opening { play: None, seed, country: Country::Id, locale: None, now })
    }

    /// Nothing is lost silently: where it belongs to a story, the story fails.
    fn custom_failed(&mut self, play: Option<usize>, message: String, now: Timestamp) {
        let story = play.and_then(|index| self.plays.get_mut(index));
        let (label, event) = match story {
            Some(story) => {
                story.count_failure();
                let label = Arc::clone(story.label());
                (Some(Arc::clone(&label)), Event::Failed { place: label, message })
            }
            None => (None, Event::Note(message)),
        };
        self.delivery.journal.write(now, label, event);
    }
}

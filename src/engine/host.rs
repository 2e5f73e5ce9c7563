//! The engine as seen by running stories.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::dispatch::{Dispatch, NewCallback, Origin};
use crate::delivery::CallbackId;
use crate::files::Place;
use crate::journal::{Event, SkippedStep};
use crate::scenario::{Arrivals, FailureKind, RealTime, SendError, Sending, StoryHost};
use crate::simulator::{AccountKey, Simulator};

/// The engine as seen by one story.
pub(super) struct EngineHost<'a> {
    pub(super) dispatch: &'a mut Dispatch,
    pub(super) simulator: &'a mut Simulator,
    pub(super) arrivals: &'a mut Arrivals,
    pub(super) story: usize,
    pub(super) label: Arc<str>,
    pub(super) now: Timestamp,
    pub(super) real_time: RealTime,
}

impl EngineHost<'_> {
    fn write(&mut self, event: Event) {
        self.dispatch.journal.write(self.now, Some(Arc::clone(&self.label)), event);
    }
}

impl StoryHost for EngineHost<'_> {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn simulator(&mut self) -> &mut Simulator {
        self.simulator
    }

    fn send(&mut self, sending: Sending) -> Result<CallbackId, SendError> {
        let order_key = Some(self.simulator.order_key(sending.session));
        // A story keeps the body of a callback it sends itself.
        let origin =
            Origin { story: Some(self.story), label: Some(Arc::clone(&self.label)), ..Origin::default() };
        let order = NewCallback {
            event: &sending.event,
            headers: &sending.headers,
            target: sending.target,
            own_target: sending.own_target,
            policy: sending.policy,
            order_key,
            part_of: Vec::new(),
            sums_up: None,
            account: AccountKey::default(),
            flow: None,
            again: sending.again,
            faults: sending.faults,
        };
        self.dispatch
            .send(order, sending.body, origin, self.now)
            .map(|callback| callback.id)
            .map_err(|error| SendError::OfStory { event: sending.event, error: Box::new(error) })
    }

    fn story_started(&mut self) {
        self.write(Event::StoryStarted);
    }

    fn story_finished(&mut self, passed: bool) {
        self.write(Event::StoryFinished { passed });
    }

    fn waiting(&mut self, request: &str, within: Duration) {
        self.write(Event::Waiting { request: Arc::from(request), within });
    }

    fn skipped(&mut self, steps: Vec<(Place, String)>) {
        let steps = steps.into_iter().map(|(place, step)| SkippedStep { place: place.to_string(), step });
        self.write(Event::Skipped(steps.collect()));
    }

    fn failed(&mut self, place: &Place, kind: FailureKind, message: &str) {
        let place = Arc::from(place.to_string());
        self.write(Event::Failed { place, kind: kind.as_str(), message: message.to_owned() });
    }

    fn explained(&mut self, place: &Place, message: &str) {
        let place = Arc::from(place.to_string());
        self.write(Event::Explained { place, message: message.to_owned() });
    }

    fn arrivals(&mut self) -> &mut Arrivals {
        self.arrivals
    }

    fn real_time(&self) -> RealTime {
        self.real_time
    }

    fn has_room(&self) -> bool {
        self.dispatch.room() > 0
    }

    fn is_under_way(&self, event: &str) -> bool {
        let origins = &self.dispatch.origins;
        let is_ours = |id| origins.get(&id).is_some_and(|origin| origin.story == Some(self.story));
        self.dispatch.outbox.unfinished().any(|(id, callback)| *callback.event == *event && is_ours(id))
    }
}

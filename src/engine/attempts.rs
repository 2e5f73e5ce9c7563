//! Attempts: what a due callback sends, and the effect of the result on the callback, its story and the vendor.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::core::Engine;
use super::dispatch::Origin;
use crate::delivery::{
    Attempt, AttemptOutcome, AttemptResult, End, ErrorClass, Failure, QueuedCallback, as_sent,
};
use crate::faults::FaultName;
use crate::journal::Event;
use crate::scenario::DeliveryEnd;
use crate::simulator::workflow::PushReach;

impl Engine {
    /// Returns the next attempt to make now, signed. It counts as in flight until [`Engine::finish`]. If there is none, the
    /// only change is that callbacks may have ended without an attempt, as [`Engine::given_up`] shows.
    pub fn start(&mut self, now: Timestamp) -> Option<Arc<Attempt>> {
        if self.stopped {
            return None;
        }
        loop {
            let (callback, number) = self.dispatch.outbox.start(now)?;
            self.dispatch.held.started(callback.id);
            if let Some(attempt) = self.as_sent(callback, number, now) {
                return Some(attempt);
            }
        }
    }

    /// Whether [`Engine::start_beside`] has something to do.
    pub fn has_beside(&self) -> bool {
        self.dispatch.held.has_beside()
    }

    /// Returns an attempt to make at the same time as the one that has just started, because of a fault.
    pub fn start_beside(&mut self, now: Timestamp) -> Option<Arc<Attempt>> {
        while let Some(id) = self.dispatch.held.next_beside() {
            let started = self.dispatch.outbox.start_this(id, now);
            let attempt = started.and_then(|(callback, number)| self.as_sent(callback, number, now));
            if attempt.is_some() {
                return attempt;
            }
        }
        None
    }

    /// Builds the attempt of a started callback; `None` if it was dropped.
    fn as_sent(
        &mut self,
        callback: Arc<QueuedCallback>,
        number: u32,
        now: Timestamp,
    ) -> Option<Arc<Attempt>> {
        let fault = callback.delivery_fault().map(|fault| fault.name);
        if fault == Some(FaultName::Drop) {
            self.end_unsent(&callback, Failure::dropped(), now);
            return None;
        }
        if self.dispatch.outbox.is_disabled(&callback) {
            self.end_unsent(&callback, Failure::disabled(&callback.target), now);
            return None;
        }
        if let Some(push) = self.dispatch.origins.get(&callback.id).and_then(|origin| origin.push) {
            self.simulator.push_reached(push, PushReach::UnderWay);
        }
        if fault == Some(FaultName::AtOnce) && number == 1 {
            let copy = QueuedCallback::clone(&callback);
            let id = self.dispatch.copy(copy, FaultName::AtOnce, now, now);
            self.dispatch.held.start_beside(id);
        }
        let sent = as_sent(callback, number, now);
        for (fault, why) in sent.missed {
            let note =
                format!("the fault {fault} makes no difference to `{}`: {why}", sent.attempt.callback.event);
            self.dispatch.note_once(note, now);
        }
        Some(Arc::new(sent.attempt))
    }

    /// Notes, once for each event, why a receiver may refuse it.
    fn note_refused_unsigned(&mut self, attempt: &Attempt, result: &AttemptResult, now: Timestamp) {
        if let Some(note) = refused_unsigned(attempt, result) {
            self.dispatch.note_once(note, now);
        }
    }

    /// Ends a callback that was started without sending it, because a fault drops it or its receiver is disabled.
    fn end_unsent(&mut self, callback: &Arc<QueuedCallback>, failure: Failure, now: Timestamp) {
        let is_dropped = failure.class == ErrorClass::Dropped;
        let attempts = self.dispatch.outbox.end_started(callback, is_dropped, now);
        if attempts == 0 {
            self.dispatch.passed(callback, None, now);
        }
        let end = End { attempts, failure: Some(failure) };
        let story = self.dispatch.origins.get(&callback.id).and_then(|origin| origin.label.clone());
        self.dispatch.journal.write(
            now,
            story,
            Event::Ended { callback: Arc::clone(callback), end: end.clone() },
        );
        let origin = self.dispatch.origins.remove(&callback.id).unwrap_or_default();
        if let Some(push) = origin.push {
            self.simulator.push_reached(push, PushReach::Lost);
        }
        let Origin { story: Some(index), body, took, .. } = origin else { return };
        let end = DeliveryEnd { end, answer: None, took };
        let (id, event) = (callback.id, Arc::clone(&callback.event));
        self.with_story(index, now, |story, host| story.on_end(id, &event, &body, &end, host));
    }

    /// Takes the result of an attempt.
    pub fn finish(&mut self, attempt: &Arc<Attempt>, result: AttemptResult, now: Timestamp) {
        self.note_deed(["the result of a callback, ", &attempt.callback.event]);
        let judged = self.unexpected(attempt, &result, now);
        let outcome = self.dispatch.outbox.finish(attempt, judged.as_ref().unwrap_or(&result), now);
        for note in self.dispatch.outbox.take_notes() {
            self.dispatch.journal.write(now, None, Event::Note(note));
        }
        let result = Arc::new(result);
        let id = attempt.callback.id;
        let mut story = None;
        let retry_at = match &outcome {
            AttemptOutcome::Retry { at } => Some(*at),
            AttemptOutcome::Ended(_) => None,
        };
        if let Some(origin) = self.dispatch.origins.get_mut(&id) {
            story = origin.label.clone();
            // Responses take real time, and gaps take the story's time, whatever its speed.
            let gap = retry_at.map_or(Duration::ZERO, |at| span(now, at));
            origin.took = origin.took.saturating_add(result.elapsed).saturating_add(gap);
            if let Some(push) = origin.push {
                let was_answered = result.result.is_ok();
                let reach = if was_answered { PushReach::Answered } else { PushReach::Lost };
                self.simulator.push_reached(push, reach);
            }
        }
        let attempted =
            Event::Attempted { attempt: Arc::clone(attempt), result: Arc::clone(&result), retry_at };
        self.dispatch.journal.write(now, story.clone(), attempted);
        self.note_refused_unsigned(attempt, &result, now);
        let is_sent = !matches!(&result.result, Err(Failure { class: ErrorClass::NoDescriptors, .. }));
        if attempt.number == 1 && is_sent {
            self.dispatch.passed(&attempt.callback, Some(attempt), now);
        }
        let AttemptOutcome::Ended(end) = outcome else { return };
        self.dispatch.journal.write(
            now,
            story,
            Event::Ended { callback: Arc::clone(&attempt.callback), end: end.clone() },
        );
        let Some(Origin { story: Some(index), body, took, .. }) = self.dispatch.origins.remove(&id) else {
            return;
        };
        let answer = result.result.as_ref().ok().cloned();
        let end = DeliveryEnd { end, answer, took };
        let event = Arc::clone(&attempt.callback.event);
        self.with_story(index, now, |story, host| story.on_end(id, &event, &body, &end, host));
    }
}

/// Returns what a receiver that refuses an unsigned callback seems to expect. `None` if the callback is signed or refused for
/// another reason.
fn refused_unsigned(attempt: &Attempt, result: &AttemptResult) -> Option<String> {
    let QueuedCallback { event, signer, .. } = &*attempt.callback;
    let status = result.result.as_ref().ok()?.status;
    (signer.is_none() && matches!(status, 401 | 403)).then(|| {
        format!(
            "`{event}` was answered with {status}. As far as is known about the vendor, it carries no \
            signature, but your receiver seems to require one; [catalog.\"{event}\"] signed = true in \
            the settings signs it"
        )
    })
}

/// Returns the time from one moment to a later one.
fn span(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

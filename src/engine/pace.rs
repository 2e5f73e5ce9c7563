//! Holds back a jumping clock while an external integrator, who lives in real time, may still react.
//!
//! Real time is passed in as the time since the start.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// After this many deliveries of an event without a following request, it counts as one that triggers none.
const SILENT_AFTER: u32 = 3;

/// The part of the usual wait that remains after a callback that triggers no requests.
const SILENT_PART: u32 = 20;

/// How long a jumping clock waits, in real time, for the outside.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// For requests, after a callback was delivered and after each request, before anything later happens.
    pub settle: Duration,
    /// For a request that a story awaits, instead of the time the story gives.
    pub patience: Option<Duration>,
    /// For a receiver that refuses connections.
    pub refused: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { settle: Duration::from_millis(100), patience: None, refused: Duration::from_secs(5) }
    }
}

/// The state of the integrator outside: when it got a callback, and when it last made a request.
#[derive(Debug, Default)]
pub(super) struct Outside {
    /// Callbacks that were delivered without a request since.
    unanswered: Vec<Arc<str>>,
    /// Number of deliveries in a row without a following request, by event.
    silent: BTreeMap<Arc<str>, u32>,
    /// Until when a request may be on its way.
    until: Duration,
    /// Since when the present jump is held back.
    put_off: Option<Duration>,
    /// When it last got a callback, was awaited, or made a request.
    last: Duration,
    /// Since when each receiver refuses connections.
    refusing: BTreeMap<String, Duration>,
}

impl Outside {
    /// Records that the integrator accepted a callback.
    pub(super) fn delivered(&mut self, event: &Arc<str>, pace: &Pace, real: Duration) {
        let is_silent = self.silent.get(event).is_some_and(|times| *times >= SILENT_AFTER);
        let wait = if is_silent { pace.settle / SILENT_PART } else { pace.settle };
        self.until = self.until.max(real + wait);
        self.unanswered.push(Arc::clone(event));
        self.last = real;
    }

    /// Records that the integrator made a request, after which others may follow.
    pub(super) fn heard(&mut self, pace: &Pace, real: Duration) {
        for event in self.unanswered.drain(..) {
            self.silent.remove(&event);
        }
        self.until = real + pace.settle;
        self.last = real;
    }

    /// Records that a story begins to await the integrator.
    pub(super) fn asked(&mut self, real: Duration) {
        self.last = real;
    }

    /// Returns how long a jump over `gap` must still be held back. `None` if it may happen now. In real life the gap is all
    /// the time there is.
    pub(super) fn put_off(&mut self, gap: Duration, real: Duration) -> Option<Duration> {
        let window = self.until.saturating_sub(real);
        if window.is_zero() {
            for event in self.unanswered.drain(..) {
                *self.silent.entry(event).or_default() += 1;
            }
        }
        let since = *self.put_off.get_or_insert(real);
        let left = window.min(since.saturating_add(gap).saturating_sub(real));
        if left.is_zero() {
            self.put_off = None;
        }
        (!left.is_zero()).then_some(left)
    }

    /// Returns how long, in real time, to wait for an awaited request. `None` if there is no limit.
    pub(super) fn patience(&self, pace: &Pace, real: Duration) -> Option<Duration> {
        Some((self.last + pace.patience?).saturating_sub(real))
    }

    /// Records that a receiver refused a connection. Returns whether another attempt makes sense, and whether this is the
    /// first refusal.
    pub(super) fn refused(&mut self, receiver: &str, pace: &Pace, real: Duration) -> (bool, bool) {
        let is_first = !self.refusing.contains_key(receiver);
        let since = *self.refusing.entry(receiver.to_owned()).or_insert(real);
        (real < since + pace.refused, is_first)
    }

    /// Records that a receiver accepted a connection.
    pub(super) fn reached(&mut self, receiver: &str) {
        self.refusing.remove(receiver);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_jump_is_put_off_while_an_answer_may_be_on_its_way() {
        let (mut outside, pace, event) = (Outside::default(), Pace::default(), Arc::from("agent.message"));
        assert_eq!(outside.put_off(DAY, ms(0)), None);
        outside.delivered(&event, &pace, ms(10));
        assert_eq!(outside.put_off(DAY, ms(10)), Some(ms(100)));
        outside.heard(&pace, ms(50));
        assert_eq!(outside.put_off(DAY, ms(60)), Some(ms(90)));
        assert_eq!(outside.put_off(DAY, ms(150)), None);
    }

    #[test]
    fn it_is_put_off_no_longer_than_it_jumps_over() {
        let (mut outside, pace, event) = (Outside::default(), Pace::default(), Arc::from("agent.message"));
        outside.delivered(&event, &pace, ms(0));
        assert_eq!(outside.put_off(ms(30), ms(10)), Some(ms(30)));
        assert_eq!(outside.put_off(ms(30), ms(40)), None);
        // The next jump has the rest of the time.
        assert_eq!(outside.put_off(DAY, ms(40)), Some(ms(60)));
    }

    #[test]
    fn callbacks_that_nobody_answers_hold_up_little() {
        let (mut outside, pace, event) =
            (Outside::default(), Pace::default(), Arc::from("agent.message_status"));
        let mut real = ms(0);
        let mut waits = Vec::new();
        for _ in 0..5 {
            outside.delivered(&event, &pace, real);
            let wait = outside.put_off(DAY, real).unwrap();
            waits.push(wait);
            real += wait;
            assert_eq!(outside.put_off(DAY, real), None);
        }
        assert_eq!(waits, [100, 100, 100, 5, 5].map(ms));
        outside.delivered(&event, &pace, real);
        outside.heard(&pace, real);
        outside.delivered(&event, &pace, real + ms(1));
        assert_eq!(outside.put_off(DAY, real + ms(1)), Some(ms(100)), "answered after all");
    }

    #[test]
    fn patience_counts_from_what_happened_last() {
        let pace = Pace { patience: Some(ms(500)), ..Pace::default() };
        let mut outside = Outside::default();
        outside.asked(ms(100));
        assert_eq!(outside.patience(&pace, ms(200)), Some(ms(400)));
        outside.heard(&pace, ms(300));
        assert_eq!(outside.patience(&pace, ms(900)), Some(ms(0)));
        assert_eq!(outside.patience(&Pace::default(), ms(900)), None);
    }

    #[test]
    fn a_receiver_that_refuses_is_waited_for_once() {
        let (mut outside, pace) = (Outside::default(), Pace::default());
        assert_eq!(outside.refused("a", &pace, ms(0)), (true, true));
        assert_eq!(outside.refused("a", &pace, ms(4_999)), (true, false));
        assert_eq!(outside.refused("a", &pace, ms(5_000)), (false, false));
        assert_eq!(outside.refused("a", &pace, ms(90_000)), (false, false));
        outside.reached("a");
        assert_eq!(outside.refused("a", &pace, ms(90_000)), (true, true));
    }
}

//! How a clock that jumps gives those outside their time: they live in real time, and a jump must not overtake them.
//!
//! Real time is handed in as the length of time since the start.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// So often in a row nothing follows a callback before it counts as one that nobody answers by a request.
const SILENT_AFTER: u32 = 3;

/// The part of the usual wait that is left after a callback that nobody answers.
const SILENT_PART: u32 = 20;

/// How long a clock that jumps waits in real time for what lives outside.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// For requests, after a callback was delivered and after each request, before anything later happens.
    pub settle: Duration,
    /// For a request that a story awaits, in place of as long as the story says.
    pub patience: Option<Duration>,
    /// For a receiver that refuses connections.
    pub refused: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { settle: Duration::from_millis(100), patience: None, refused: Duration::from_secs(5) }
    }
}

/// What is known about the integrator outside: when it was told something, and when it was heard.
#[derive(Debug, Default)]
pub(super) struct Outside {
    /// Delivered, and no request came since.
    unanswered: Vec<Arc<str>>,
    /// How often in a row no request followed a callback, by its event.
    silent: BTreeMap<Arc<str>, u32>,
    /// Until when a request may be on its way.
    until: Duration,
    /// Since when the present jump is put off.
    put_off: Option<Duration>,
    /// When it was told something, asked for something or heard last.
    last: Duration,
    /// Since when each receiver refuses connections.
    refusing: BTreeMap<String, Duration>,
}

impl Outside {
    /// It took a callback.
    pub(super) fn delivered(&mut self, event: &Arc<str>, pace: &Pace, real: Duration) {
        let is_silent = self.silent.get(event).is_some_and(|times| *times >= SILENT_AFTER);
        let wait = if is_silent { pace.settle / SILENT_PART } else { pace.settle };
        self.until = self.until.max(real + wait);
        self.unanswered.push(Arc::clone(event));
        self.last = real;
    }

    /// It made a request, and others may follow.
    pub(super) fn heard(&mut self, pace: &Pace, real: Duration) {
        for event in self.unanswered.drain(..) {
            self.silent.remove(&event);
        }
        self.until = real + pace.settle;
        self.last = real;
    }

    /// A story begins to wait for it.
    pub(super) fn asked(&mut self, real: Duration) {
        self.last = real;
    }

    /// How long a jump over `gap` has to be put off yet; nothing if it may happen now. In real life the gap is all the time
    /// there is.
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

    /// For how long a request that is awaited is still waited for in real time; nothing if as long as it takes.
    pub(super) fn patience(&self, pace: &Pace, real: Duration) -> Option<Duration> {
        Some((self.last + pace.patience?).saturating_sub(real))
    }

    /// A receiver refused a connection. Whether it is worth another try, and whether that is the first time.
    pub(super) fn refused(&mut self, receiver: &str, pace: &Pace, real: Duration) -> (bool, bool) {
        let is_first = !self.refusing.contains_key(receiver);
        let since = *self.refusing.entry(receiver.to_owned()).or_insert(real);
        (real < since + pace.refused, is_first)
    }

    /// A receiver took a connection.
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
        // The next jump has what is left.
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

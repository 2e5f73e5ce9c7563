//! Sums of what several workers, or several runs, found out.

use super::data::{Counts, Failures, Interval, Latency};

impl Counts {
    /// Adds the counts of another part.
    pub fn add(&mut self, other: &Self) {
        let Self { planned, sent, ok, wrong_status, failed, timed_out, late, dropped } = other;
        add_to(&mut self.planned, *planned);
        add_to(&mut self.sent, *sent);
        add_to(&mut self.ok, *ok);
        add_to(&mut self.wrong_status, *wrong_status);
        add_to(&mut self.failed, *failed);
        add_to(&mut self.timed_out, *timed_out);
        add_to(&mut self.late, *late);
        add_to(&mut self.dropped, *dropped);
    }
}

impl Failures {
    /// Adds the failures of another part; the words of the first one stay.
    pub fn add(&mut self, other: Self) {
        if self.count == 0 {
            self.first = other.first;
        }
        add_to(&mut self.count, other.count);
    }
}

impl Latency {
    /// Adds the times of another part.
    pub fn add(&mut self, other: &Self) {
        let Self { planned, sent, lag } = other;
        self.planned.add(planned);
        self.sent.add(sent);
        self.lag.add(lag);
    }
}

impl Interval {
    /// Adds the same interval of another part.
    pub fn add(&mut self, other: &Self) {
        let Self { planned, sent, ok, bad, in_flight, latency } = other;
        add_to(&mut self.planned, *planned);
        add_to(&mut self.sent, *sent);
        add_to(&mut self.ok, *ok);
        add_to(&mut self.bad, *bad);
        add_to(&mut self.in_flight, *in_flight);
        self.latency.add(latency);
    }
}

/// Adds without overflow: what reports in files say may be anything.
pub(crate) fn add_to(sum: &mut u64, part: u64) {
    *sum = sum.saturating_add(part);
}

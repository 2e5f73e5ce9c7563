//! Sums of what several workers, or several runs, found out.

use super::report::{Counts, Failures, Interval, Latency};

impl Counts {
    /// Adds the counts of another part.
    pub fn add(&mut self, other: &Self) {
        let Self { planned, sent, ok, wrong_status, failed, timed_out, late, dropped } = other;
        self.planned += planned;
        self.sent += sent;
        self.ok += ok;
        self.wrong_status += wrong_status;
        self.failed += failed;
        self.timed_out += timed_out;
        self.late += late;
        self.dropped += dropped;
    }
}

impl Failures {
    /// Adds the failures of another part; the words of the first one stay.
    pub fn add(&mut self, other: Self) {
        if self.count == 0 {
            self.first = other.first;
        }
        self.count += other.count;
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
        self.planned += planned;
        self.sent += sent;
        self.ok += ok;
        self.bad += bad;
        self.in_flight += in_flight;
        self.latency.add(latency);
    }
}

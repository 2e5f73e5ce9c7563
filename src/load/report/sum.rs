//! Sums of the results of several workers or several runs.

use std::collections::BTreeMap;

use super::data::{Counts, Failures, Interval, Latency, MOST_NAMED, Receipts, Share};

impl Counts {
    /// Adds the counts of another part.
    pub fn add(&mut self, other: &Self) {
        let Self {
            planned,
            sent,
            ok,
            wrong_status,
            failed,
            timed_out,
            late,
            dropped,
            unfinished,
            withheld,
            held_back,
        } = other;
        add_to(&mut self.planned, *planned);
        add_to(&mut self.sent, *sent);
        add_to(&mut self.ok, *ok);
        add_to(&mut self.wrong_status, *wrong_status);
        add_to(&mut self.failed, *failed);
        add_to(&mut self.timed_out, *timed_out);
        add_to(&mut self.late, *late);
        add_to(&mut self.dropped, *dropped);
        add_to(&mut self.unfinished, *unfinished);
        add_to(&mut self.withheld, *withheld);
        add_to(&mut self.held_back, *held_back);
    }
}

impl Failures {
    /// Adds the failures of another part. Which of the first messages is kept can't depend on the order of the parts: it is
    /// the first in the alphabet.
    pub fn add(&mut self, other: Self) {
        add_to(&mut self.count, other.count);
        if self.first.is_empty() || (!other.first.is_empty() && other.first < self.first) {
            self.first = other.first;
        }
    }
}

impl Receipts {
    /// Adds the comparison of another part with the list. Each part takes the ids of the others for unknown ones, so
    /// nothing can be said about unknown ids.
    pub fn add(&mut self, other: Self) {
        add_to(&mut self.accepted, other.accepted);
        add_to(&mut self.lost, other.lost);
        add_to(&mut self.doubled, other.doubled);
        add_to(&mut self.unanswered, other.unanswered);
        add_to(&mut self.uncompared, other.uncompared);
        self.listed = self.listed.max(other.listed);
        self.unknown = 0;
        self.unknown_ids.clear();
        for (ids, more) in [(&mut self.lost_ids, other.lost_ids), (&mut self.doubled_ids, other.doubled_ids)]
        {
            ids.extend(more);
            ids.sort();
            ids.truncate(MOST_NAMED);
        }
        for (text, other) in [(&mut self.source, &other.source), (&mut self.error, &other.error)] {
            if text.is_empty() || (!other.is_empty() && *other < *text) {
                text.clone_from(other);
            }
        }
        if self.field.is_empty() {
            self.field = other.field;
        }
        if let (Some(received), Some(more)) = (&mut self.received, &other.received) {
            received.add(more);
        }
    }
}

impl Share {
    /// Adds the results of the same story in another part.
    pub fn add(&mut self, other: &Self) {
        add_to(&mut self.started, other.started);
        add_to(&mut self.failed, other.failed);
        if self.first_failure.is_empty() {
            self.first_failure.clone_from(&other.first_failure);
        }
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
        let Self { planned, sent, ok, bad, in_flight, latency, took_us } = other;
        add_to(&mut self.planned, *planned);
        add_to(&mut self.sent, *sent);
        add_to(&mut self.ok, *ok);
        add_to(&mut self.bad, *bad);
        add_to(&mut self.in_flight, *in_flight);
        self.latency.add(latency);
        add_to(&mut self.took_us, *took_us);
    }
}

/// Adds counts by status, or by name.
pub(crate) fn add_counts<K: Ord>(sum: &mut BTreeMap<K, u64>, part: BTreeMap<K, u64>) {
    for (key, count) in part {
        add_to(sum.entry(key).or_default(), count);
    }
}

/// Adds failures by class.
pub(crate) fn add_errors(sum: &mut BTreeMap<String, Failures>, part: BTreeMap<String, Failures>) {
    for (class, failures) in part {
        sum.entry(class).or_default().add(failures);
    }
}

/// Adds interval by interval.
pub(crate) fn add_series(sum: &mut Vec<Interval>, part: Vec<Interval>) {
    for (index, interval) in part.into_iter().enumerate() {
        match sum.get_mut(index) {
            Some(same) => same.add(&interval),
            None => sum.push(interval),
        }
    }
}

/// Adds without overflow: reports in files may hold any number.
pub(crate) fn add_to(sum: &mut u64, part: u64) {
    *sum = sum.saturating_add(part);
}

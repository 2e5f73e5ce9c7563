//! Which side limited a run: the sender, its limit of events in flight, or the receiver.

use std::ops::Range;
use std::time::Duration;

use super::data::{Finding, Interval, Report, Side};
use super::histogram::Histogram;
use super::units::{count, duration, millis, plural, rate, share, time};
use super::void::held_back;

/// Share of its cores from which the sender may distort what is measured.
const BUSY: f64 = 0.8;

/// Share of the limit of events in flight from which it counts as reached.
const FULL: f64 = 0.95;

/// A backlog of fewer events than this may be chance.
const FEW: f64 = 10.0;

/// Whether events had to wait for responses to others, because of the limit of events in flight.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    /// They did not.
    Free,
    /// They did, though responses took about as long as otherwise: the limit is too low.
    Low,
    /// They did, since each response took this many times as long as otherwise.
    Slow(f64),
}

/// A report together with what several findings need.
pub(crate) struct Analyzer<'a> {
    report: &'a Report,
    /// The intervals within the planned time, without those in which only the last responses arrived.
    planned: &'a [Interval],
    interval_s: f64,
    /// Whether the load waits for responses, so that it never lags and is always at its limit.
    closed: bool,
    /// The share of its cores that the busiest sender used.
    busy: f64,
    limit: Limit,
    /// Stretches in which the receiver stood still.
    stalls: Vec<Range<usize>>,
}

impl<'a> Analyzer<'a> {
    pub(crate) fn at(report: &'a Report) -> Self {
        let interval_s = report.plan.interval_ms as f64 / 1e3;
        let last = report.series.iter().rposition(|interval| interval.planned > 0);
        let mut analyzer = Self {
            report,
            planned: last.and_then(|last| report.series.get(..=last)).unwrap_or_default(),
            interval_s,
            closed: report.plan.arrivals == "closed",
            busy: report.merged.as_ref().map_or(report.sender.busy, |merged| merged.busiest),
            limit: Limit::Free,
            stalls: Vec::new(),
        };
        analyzer.stalls = analyzer.stood_still();
        analyzer.limit = analyzer.limit_reached();
        analyzer
    }

    fn is_full(&self, interval: &Interval) -> bool {
        interval.in_flight as f64 >= f64::from(self.report.plan.in_flight) * FULL
    }

    /// Returns how long a response takes, from the sending, while hardly anything waits: the mean of the interval at the
    /// fastest tenth, or the quickest responses overall if even that is far from them.
    fn unloaded(&self) -> Option<Duration> {
        let mut means: Vec<Duration> = self.planned.iter().filter_map(mean_of).collect();
        means.sort_unstable();
        let quickest = self.report.latency.sent.percentile(0.1);
        means.get(means.len() / 10).map(|mean| if *mean > quickest * 4 { quickest } else { *mean })
    }

    /// Compares the response time in full intervals with that of intervals in which hardly anything waited. It is measured
    /// from the sending, and so excludes the waiting before.
    fn limit_reached(&self) -> Limit {
        let full: Vec<&Interval> = self.planned.iter().filter(|interval| self.is_full(interval)).collect();
        // A limit that made nothing wait did no harm.
        let waited = self.report.counts.late + self.report.counts.dropped > 0;
        if full.is_empty() || self.closed || !waited {
            return Limit::Free;
        }
        let answering: Vec<&Interval> = self.full_otherwise().collect();
        let full = if answering.is_empty() { full } else { answering };
        let answered: u64 = full.iter().map(|interval| interval.latency.count()).sum();
        let took = match answered {
            // Events in flight, divided by the rate of sending, is how long each takes.
            0 => {
                let sent: u64 = full.iter().map(|interval| interval.sent).sum();
                let in_flight: u64 = full.iter().map(|interval| interval.in_flight).sum();
                in_flight as f64 * self.interval_s / (sent as f64).max(0.5)
            }
            _ => full.iter().map(|interval| interval.took_us).sum::<u64>() as f64 / answered as f64 / 1e6,
        };
        let usual = self.unloaded().unwrap_or_else(|| self.report.latency.sent.percentile(1.0));
        let factor = took / usual.as_secs_f64().max(1e-6);
        if factor >= 2.0 { Limit::Slow(factor) } else { Limit::Low }
    }

    /// Whether this side was so short of CPU time that it may have distorted what it measured.
    pub(crate) fn is_blind(&self) -> bool {
        let is_void = held_back(self.report) > self.report.plan.most_held_back;
        !self.closed && is_void || self.busy >= BUSY && self.report.busy().is_some()
    }

    /// Finds a receiver whose rate of responses is limited, however many events wait.
    pub(crate) fn saturated(&self) -> Option<Finding> {
        let unloaded = self.unloaded()?;
        if self.closed || self.is_blind() {
            return None;
        }
        let has_stalled = |index: &usize| self.stalls.iter().any(|stall| stall.contains(index));
        // The first interval begins and the last one ends with events in flight that it does not count as answered, however
        // quick the receiver is.
        let inner = 1..self.planned.len().saturating_sub(1);
        let loaded = self.planned.iter().enumerate().filter(|(index, interval)| {
            let is_slow = mean_of(interval).is_some_and(|took| took >= unloaded * 3);
            is_slow && interval.latency.count() >= 10 && inner.contains(index) && !has_stalled(index)
        });
        let loaded: Vec<&Interval> = loaded.map(|(_, interval)| interval).collect();
        if loaded.len() < 3 || loaded.len() * 5 < self.planned.len() {
            return None;
        }
        let sum = |of: fn(&Interval) -> u64| loaded.iter().map(|interval| of(interval)).sum::<u64>() as f64;
        let (planned, answered) =
            (sum(|interval| interval.planned), sum(|interval| interval.latency.count()));
        let mean = answered / loaded.len() as f64;
        let spread = loaded.iter().map(|interval| (interval.latency.count() as f64 - mean).powi(2));
        let spread = (spread.sum::<f64>() / loaded.len() as f64).sqrt();
        // A receiver that keeps up is only slow, and one that works off the backlog of a peak could do more than it is
        // asked for: the backlog has to grow, from the beginning to the end.
        let (early, late) = loaded.split_at(loaded.len() / 2);
        let grows = |part: &[&Interval]| {
            let answered: u64 = part.iter().map(|interval| interval.latency.count()).sum();
            part.iter().map(|interval| interval.planned).sum::<u64>() > answered
        };
        let has_grown = planned >= (answered * 1.03).max(answered + FEW) && grows(early) && grows(late);
        if spread > mean * 0.25 || !has_grown {
            return None;
        }
        let capacity = mean / self.interval_s;
        let at_a_time = (capacity * unloaded.as_secs_f64()).round().max(1.0) as u64;
        let longest = loaded.iter().filter_map(|interval| mean_of(interval)).max()?;
        let waiting = loaded.iter().map(|interval| interval.in_flight).max().unwrap_or_default();
        Some(Finding::receiver(format!(
            "The receiver is saturated: it answers about {}, however many wait ({} in flight at most), and its response \
             time grew from {} to {}. At {} each that is {} at a time: the limit is the number of its own workers, \
             threads or connections to its backend.",
            rate(capacity),
            count(waiting),
            time(unloaded),
            time(longest),
            time(unloaded),
            count(at_a_time),
        )))
    }

    /// Whether the sender itself, or its machine, was the bottleneck.
    pub(crate) fn sender(&self) -> Option<Finding> {
        let Report { plan, counts, latency, .. } = self.report;
        let workers = plural(u64::from(plan.workers), "worker");
        let busy = format!("{:.0} %", self.busy * 100.0);
        let holds = self.holds();
        let lag = time(latency.lag.percentile(99.0));
        let advice = format!(
            "Give it more cores with `--workers {}`, or more processes or machines with `--shard`.",
            (plan.workers / plan.runs.max(1)).max(1).saturating_mul(2)
        );
        let which = if self.report.merged.is_some() { "The busiest sender" } else { "The sender" };
        let is_late = !self.closed && counts.late * 100 >= counts.sent && counts.late > 0;
        let late = is_late.then(|| {
            let (share, late) = (share(counts.late, counts.sent), millis(plan.late_ms));
            format!("{share} of the events were written more than {late} late (p99 of the lag: {lag})")
        });
        let behind = self.behind();
        // A very short run consists of little more than starting up.
        if self.busy >= BUSY && self.report.busy().is_some() {
            let text = match (behind, late) {
                _ if self.closed => {
                    "the rate it found may be its own limit and not the receiver's".to_owned()
                }
                (Some(behind), _) => {
                    format!("it could not send as planned and was {behind} behind at the end")
                }
                (None, Some(late)) => late,
                (None, None) => {
                    format!("it still sent in time (p99 of the lag: {lag}), but has little to spare")
                }
            };
            if plan.mode == "simulated" {
                return Some(Finding::sender(format!(
                    "The mock itself was the limit: it simulates these stories on one core, of which it used {busy}; {text}. \
                     It can sustain about {holds}. Share the stories among more processes or machines with `--shard`."
                )));
            }
            let holds = if self.closed { String::new() } else { format!(" It can sustain about {holds}.") };
            return Some(Finding::sender(format!(
                "{which} used {busy} of its cores ({workers} in all); {text}.{holds} {advice}"
            )));
        }
        if self.limit != Limit::Free || self.closed {
            return None;
        }
        let behind =
            behind.map(|behind| format!("It fell further and further behind, by {behind} at the end"));
        let text = behind.or(late)?;
        Some(Finding::sender(format!(
            "{text}, though only {busy} of the workers' cores were used: something else kept the sender from its \
             cores, such as other programs, a limit on CPU, or a machine that was suspended."
        )))
    }

    /// Returns the rate that leaves all workers together a little spare capacity.
    fn holds(&self) -> String {
        let Report { plan, sender, .. } = self.report;
        let most = f64::from(plan.workers) * BUSY * 1e6 / sender.cpu_per_event_us.max(0.01);
        rate((most / 10.0).round().max(1.0) * 10.0)
    }

    /// Returns how far the sending was behind the plan at the end, if the lag grew over the run.
    fn behind(&self) -> Option<String> {
        let course = self.planned.iter().scan(0_i128, |behind, interval| {
            *behind += i128::from(interval.planned) - i128::from(interval.sent);
            Some(*behind)
        });
        let course: Vec<i128> = course.collect();
        let (half, end) = (course.get(course.len() / 2)?, course.last()?);
        let few = i128::from(self.report.counts.wanted() / 50).max(10);
        let grew = !self.closed && *end >= few && *end * 2 >= *half * 3;
        grew.then(|| plural(u64::try_from(*end).unwrap_or_default(), "event"))
    }

    pub(crate) fn limit(&self) -> Option<Finding> {
        let Report { plan, counts, latency, .. } = self.report;
        let full = self.planned.iter().filter(|interval| self.is_full(interval)).count();
        let often = format!("{full} of {} intervals", self.planned.len());
        let limit = count(u64::from(plan.in_flight));
        match self.limit {
            Limit::Free => None,
            // A sender short of CPU can't tell anything about the receiver.
            _ if self.is_blind() => None,
            Limit::Low => {
                let most = self.planned.iter().map(|interval| interval.planned).max().unwrap_or_default();
                let peak = most as f64 / self.interval_s;
                let needed = peak * latency.sent.percentile(99.0).as_secs_f64() * 1.5;
                // A merged report has the sum of all limits; the option applies to each run.
                let needed = needed.max(f64::from(plan.in_flight) * 2.0) / f64::from(plan.runs.max(1));
                let each = if plan.runs > 1 { " in each" } else { "" };
                let needed = round_up(needed);
                Some(Finding::sender(format!(
                    "The limit of {limit} events in flight was reached, or nearly, in {often}, while responses took about as \
                     long as usual (p50 {}); {} waited longer than {} to be written. Raise `--in-flight` to \
                     {needed}{each}.",
                    time(latency.sent.percentile(50.0)),
                    plural(counts.late + counts.dropped, "event"),
                    millis(plan.late_ms),
                )))
            }
            // A limit that was full because nothing was answered at all is reported as such.
            Limit::Slow(_) if self.full_otherwise().next().is_none() || self.saturated().is_some() => None,
            Limit::Slow(factor) => {
                let intervals = self.full_otherwise().count();
                let answered: u64 = self.full_otherwise().map(|interval| interval.latency.count()).sum();
                Some(Finding::receiver(format!(
                    "The receiver did not keep up: the limit of {limit} events in flight was reached, or nearly, in \
             {often}; responses then took about {} times as long as usual, and arrived at {}. If they wait in its \
             queue, more in flight would only make it longer; if every request takes that long, raise \
             `--in-flight`.",
                    count(factor.round() as u64),
                    rate(answered as f64 / (intervals as f64 * self.interval_s))
                )))
            }
        }
    }

    /// Returns the intervals at the limit in which the receiver did answer.
    fn full_otherwise(&self) -> impl Iterator<Item = &Interval> {
        let has_stalled = |index: &usize| self.stalls.iter().any(|stall| stall.contains(index));
        let answering = self.planned.iter().enumerate().filter(move |(index, _)| !has_stalled(index));
        answering.map(|(_, interval)| interval).filter(|interval| self.is_full(interval))
    }

    pub(crate) fn dropped(&self) -> Option<Finding> {
        let Report { plan, counts, .. } = self.report;
        if counts.dropped == 0 {
            return None;
        }
        let many = plural(counts.dropped, "event");
        let share = share(counts.dropped, counts.wanted());
        let within = millis(plan.drop_ms);
        let (side, because) = match self.limit {
            _ if self.is_blind() => (Side::Sender, "the sender had no time for them"),
            Limit::Slow(_) => (Side::Receiver, "the receiver had not answered those before them"),
            Limit::Low => (Side::Sender, "too few may be in flight"),
            Limit::Free => (Side::Sender, "the sender did not get to them"),
        };
        let (its, was, effect) = match counts.dropped {
            1 => ("its", "was", "It counts as an error"),
            _ => ("their", "were", "They count as errors"),
        };
        let text = format!(
            "{many} ({share}) could not be sent within {within} of {its} planned time, or by the end of the run, and {was} \
             dropped: {because}. {effect}, but in no latency."
        );
        Some(Finding { side, text })
    }

    /// Finds intervals in which nothing was sent though events were due and free to go.
    pub(crate) fn frozen(&self) -> Option<Finding> {
        let still = |interval: &Interval| {
            interval.planned >= 10 && interval.sent == 0 && !self.is_full(interval) && !self.closed
        };
        let stretch = stretches(self.planned, still).into_iter().max_by_key(ExactSizeIterator::len)?;
        Some(Finding::sender(format!(
            "The sender sent nothing {}, although events were due and could have been sent: it did not get its cores. \
             Times of that period say little about the receiver.",
            self.when(&stretch)
        )))
    }

    /// Finds stretches with next to no responses while more events than usual waited for one.
    fn stood_still(&self) -> Vec<Range<usize>> {
        let usual = self.usual_answers();
        let usual_in_flight = median(self.planned.iter().map(|interval| interval.in_flight));
        if usual < 10 {
            return Vec::new();
        }
        // A sender that stands still does not read responses either.
        let still = |interval: &Interval| {
            interval.latency.count() * 50 < usual
                && interval.in_flight >= (usual_in_flight * 2).max(10)
                && (interval.sent > 0 || self.is_full(interval))
        };
        stretches(self.planned, still)
    }

    fn usual_answers(&self) -> u64 {
        median(self.planned.iter().map(|interval| interval.latency.count()))
    }

    pub(crate) fn stalls(&self) -> Option<Finding> {
        if self.is_blind() {
            return None;
        }
        let longest = self.stalls.iter().max_by_key(|stall| stall.len())?;
        let intervals = &self.planned[longest.clone()];
        let waiting = intervals.iter().map(|interval| interval.in_flight).max().unwrap_or_default();
        let full = if self.limit != Limit::Free && intervals.iter().any(|interval| self.is_full(interval)) {
            let limit = count(u64::from(self.report.plan.in_flight));
            format!(
                " That is the limit of events in flight ({limit}), or nearly, so those after them waited to be sent."
            )
        } else {
            String::new()
        };
        let more = match self.stalls.len() {
            1 => String::new(),
            several => format!(" It is the longest of {several} such periods."),
        };
        Some(Finding::receiver(format!(
            "The receiver stalled {}: almost nothing was answered while up to {} waited, and a usual interval \
             has {}.{full}{more}",
            self.when(longest),
            plural(waiting, "event"),
            plural(self.usual_answers(), "answer"),
        )))
    }

    /// Whether responses took longer towards the end.
    pub(crate) fn slowing(&self) -> Option<Finding> {
        let third = self.planned.len() / 3;
        let is_reported = matches!(self.limit, Limit::Slow(_)) || self.saturated().is_some();
        if third < 2 || self.closed || self.is_blind() || is_reported {
            return None;
        }
        let (early, late) = (&self.planned[..third], &self.planned[self.planned.len() - third..]);
        let (first, last) = (merged(early), merged(late));
        if first.count() < 100 || last.count() < 100 {
            return None;
        }
        let (before, after) = (first.percentile(50.0), last.percentile(50.0));
        let growth = after.saturating_sub(before);
        // Times from the planned instants include the lag: it must not be the part that grew.
        let lag = self.report.latency.lag.percentile(90.0);
        if after < before * 2 || growth.as_micros() < 1_000 || lag * 5 > growth {
            return None;
        }
        let planned = |part: &[Interval]| {
            let sum: u64 = part.iter().map(|interval| interval.planned).sum();
            sum as f64 / (part.len() as f64 * self.interval_s)
        };
        let (slow, fast) = (planned(early), planned(late));
        let rates = if fast > slow * 1.2 {
            format!("while the rate rose from {} to {}", rate(slow), rate(fast))
        } else if fast < slow * 0.8 {
            format!("though the rate fell from {} to {}", rate(slow), rate(fast))
        } else {
            "at the same rate".to_owned()
        };
        Some(Finding::receiver(format!(
            "The receiver got slower: p50 was {} in the first third of the run and {} in the last, {rates}.",
            time(before),
            time(after)
        )))
    }

    /// Formats a stretch of the run: `for 2s, from 8s to 10s`.
    fn when(&self, stretch: &Range<usize>) -> String {
        let at = |index: usize| duration(index as f64 * self.interval_s);
        let Range { start, end } = stretch;
        format!("for {}, from {} to {} into the run", at(stretch.len()), at(*start), at(*end))
    }
}

/// Returns the mean response time of an interval, from the sending, if it has a few responses.
fn mean_of(interval: &Interval) -> Option<Duration> {
    let answers = interval.latency.count();
    (answers >= 3).then(|| Duration::from_micros(interval.took_us / answers))
}

fn merged<'a>(intervals: impl IntoIterator<Item = &'a Interval>) -> Histogram {
    let mut sum = Histogram::fine();
    for interval in intervals {
        sum.add(&interval.latency);
    }
    sum
}

fn median(numbers: impl Iterator<Item = u64>) -> u64 {
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

/// Finds stretches of consecutive intervals of a kind.
fn stretches(intervals: &[Interval], kind: impl Fn(&Interval) -> bool) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (index, _) in intervals.iter().enumerate().filter(|(_, interval)| kind(interval)) {
        match found.last_mut() {
            Some(last) if last.end == index => last.end += 1,
            _ => found.push(index..index + 1),
        }
    }
    found
}

/// Rounds up to a number that is easy to type.
fn round_up(number: f64) -> u64 {
    let mut step = 1.0;
    while number / step > 50.0 {
        step *= 10.0;
    }
    ((number / step).ceil() * step) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_options_are_easy_to_type() {
        assert_eq!([47.0, 51.0, 1_337.0, 25_001.0].map(round_up), [47, 60, 1_400, 26_000]);
    }

    #[test]
    fn stretches_are_kept_apart() {
        let interval = |planned| Interval { planned, ..Interval::default() };
        let series = [1, 0, 0, 1, 0].map(interval);
        assert_eq!(stretches(&series, |interval| interval.planned == 0), [1..3, 4..5]);
        assert!(stretches(&[], |_| true).is_empty());
    }
}

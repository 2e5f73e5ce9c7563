//! What to think of a run: which side set the pace, said with numbers. Nothing is said that the numbers don't show.

use super::histogram::Histogram;
use super::report::{Finding, Interval, Report, Side};
use super::units;

/// From this share of its cores on, the sender may be what is measured.
const BUSY: f64 = 0.8;

/// This share of the limit of events in flight counts as full.
const FULL: f64 = 0.95;

/// What to think of a run. The findings that the report already has count for nothing.
pub fn findings(report: &Report) -> Vec<Finding> {
    if report.counts.planned == 0 {
        return vec![run("No event was planned, so nothing was measured.".to_owned())];
    }
    let look = Look::at(report);
    let mut found: Vec<Finding> = Vec::new();
    found.extend(sums(report));
    found.extend(shards(report));
    found.extend(cut_short(report));
    found.extend(look.sender());
    found.extend(look.limit());
    found.extend(look.dropped());
    found.extend(look.frozen());
    found.extend(look.stalls());
    found.extend(look.slowing());
    found.extend(failures(report));
    found.extend(statuses(report));
    found.extend(connections(report));
    found.extend(stories(report));
    found.extend(gap(report));
    if found.is_empty() {
        found.push(held(report));
    }
    found
}

fn run(text: String) -> Finding {
    Finding { side: Side::Run, text }
}

fn sender(text: String) -> Finding {
    Finding { side: Side::Sender, text }
}

fn receiver(text: String) -> Finding {
    Finding { side: Side::Receiver, text }
}

/// Whether events had to wait for others to be answered, because no more may be in flight.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    /// Never.
    Free,
    /// Yes, though the receiver answered as fast as ever: the limit is too low.
    Low,
    /// Yes, since each answer took longer, so many times as long as otherwise.
    Slow(f64),
}

/// A report with what several findings need.
struct Look<'a> {
    report: &'a Report,
    /// The intervals that belong to the planned time, without those in which the last answers came in.
    planned: &'a [Interval],
    interval_s: f64,
    /// Whether the load waits for answers, so that it never lags and is always at its limit.
    closed: bool,
    /// The busiest sender's share of its cores.
    busy: f64,
    limit: Limit,
    /// Stretches in which the receiver stood still: from the first interval to behind the last.
    stalls: Vec<(usize, usize)>,
}

impl<'a> Look<'a> {
    fn at(report: &'a Report) -> Self {
        let interval_s = report.plan.interval_ms as f64 / 1e3;
        let last = report.series.iter().rposition(|interval| interval.planned > 0);
        let mut look = Self {
            report,
            planned: last.and_then(|last| report.series.get(..=last)).unwrap_or_default(),
            interval_s,
            closed: report.plan.arrivals == "closed",
            busy: report.merged.as_ref().map_or(report.sender.busy, |merged| merged.busiest),
            limit: Limit::Free,
            stalls: Vec::new(),
        };
        look.stalls = look.stood_still();
        look.limit = look.told_by_limit();
        look
    }

    fn is_full(&self, interval: &Interval) -> bool {
        interval.in_flight as f64 >= f64::from(self.report.plan.in_flight) * FULL
    }

    fn full(&self) -> usize {
        self.planned.iter().filter(|interval| self.is_full(interval)).count()
    }

    /// How many are in flight, by how many are sent in that time, is how long each takes: so the time of answers is
    /// known for full intervals without what events waited before they were sent.
    fn told_by_limit(&self) -> Limit {
        let (full, free): (Vec<&Interval>, Vec<&Interval>) =
            self.planned.iter().partition(|interval| self.is_full(interval));
        // A limit that made nothing wait did no harm.
        let waited = self.report.counts.late + self.report.counts.dropped > 0;
        if full.is_empty() || self.closed || !waited {
            return Limit::Free;
        }
        let answering: Vec<&Interval> = self.full_otherwise().collect();
        let full = if answering.is_empty() { full } else { answering };
        let sent: u64 = full.iter().map(|interval| interval.sent).sum();
        let in_flight: u64 = full.iter().map(|interval| interval.in_flight).sum();
        let took = in_flight as f64 * self.interval_s / (sent as f64).max(0.5);
        let answered = merged(free.iter().copied());
        let times = &self.report.latency.sent;
        let usual = if answered.count() > 0 {
            answered.percentile(50.0)
        } else {
            // Full from the start: the quickest answers came before the queue was long.
            times.percentile(1.0)
        };
        let factor = took / usual.as_secs_f64().max(1e-6);
        if factor >= 3.0 { Limit::Slow(factor) } else { Limit::Low }
    }

    /// The most events planned in an interval, per second.
    fn peak(&self) -> f64 {
        self.planned.iter().map(|interval| interval.planned).max().unwrap_or_default() as f64
            / self.interval_s
    }

    /// Whether the sender itself was the bottleneck, or the machine it ran on.
    fn sender(&self) -> Option<Finding> {
        let Report { plan, counts, latency, .. } = self.report;
        let workers = units::plural(u64::from(plan.workers), "worker");
        let busy = format!("{:.0} %", self.busy * 100.0);
        let lag = units::time(latency.lag.percentile(99.0));
        let advice = format!(
            "Give it more cores with `--workers {}`, or more processes or machines with `--shard`.",
            plan.workers.saturating_mul(2)
        );
        let which = if self.report.merged.is_some() { "The busiest sender" } else { "The sender" };
        let late = !self.closed && counts.late * 100 >= counts.sent && counts.late > 0;
        let behind = self.behind();
        let share = units::share(counts.late, counts.sent);
        let late_ms = units::lapse(plan.late_ms as f64 / 1e3);
        if self.busy >= BUSY {
            let told = if self.closed {
                "the rate it found may be its own limit and not the receiver's".to_owned()
            } else if let Some(behind) = behind {
                format!("it could not send as planned and was {behind} behind at the end")
            } else if late {
                format!("{share} of the events were written more than {late_ms} late (p99 of the lag: {lag})")
            } else {
                format!("it still sent in time (p99 of the lag: {lag}), but has little to spare")
            };
            return Some(sender(format!(
                "{which} used {busy} of its cores ({workers} in all); {told}. {advice}"
            )));
        }
        if self.limit != Limit::Free || self.closed {
            return None;
        }
        let told = match behind {
            Some(behind) => format!("It fell more and more behind, by {behind} at the end"),
            None if late => {
                format!("{share} of the events were written more than {late_ms} late (p99 of the lag: {lag})")
            }
            None => return None,
        };
        Some(sender(format!(
            "{told}, though only {busy} of the workers' cores were used: something else kept the sender from its \
             cores, such as other programs, a limit on CPU, or a machine that was suspended."
        )))
    }

    /// How far the sending was behind the plan at its end, if that grew over the run.
    fn behind(&self) -> Option<String> {
        let mut behind = 0_i128;
        let course: Vec<i128> = self
            .planned
            .iter()
            .map(|interval| {
                behind += i128::from(interval.planned) - i128::from(interval.sent);
                behind
            })
            .collect();
        let (half, end) = (course.get(course.len() / 2)?, course.last()?);
        let few = i128::from(self.report.counts.planned / 50).max(10);
        let grew = !self.closed && *end >= few && *end * 2 >= *half * 3;
        grew.then(|| units::plural(u64::try_from(*end).unwrap_or_default(), "event"))
    }

    fn limit(&self) -> Option<Finding> {
        let Report { plan, counts, latency, .. } = self.report;
        let often = format!("{} of {} intervals", self.full(), self.planned.len());
        let limit = units::count(u64::from(plan.in_flight));
        match self.limit {
            Limit::Free => None,
            // What a sender without CPU measures says nothing of the receiver.
            _ if self.busy >= BUSY => None,
            Limit::Low => {
                let needed = self.peak() * latency.sent.percentile(99.0).as_secs_f64() * 1.5;
                let needed = round_up(needed.max(f64::from(plan.in_flight) * 2.0));
                Some(sender(format!(
                    "All {limit} events that may be in flight were in {often}, while the receiver answered as fast as \
                     ever (p50 {}); {} waited longer than {} to be written. Raise `--in-flight` to {needed}.",
                    units::time(latency.sent.percentile(50.0)),
                    units::plural(counts.late + counts.dropped, "event"),
                    units::lapse(plan.late_ms as f64 / 1e3),
                )))
            }
            // What was full because nothing was answered at all is told as such.
            Limit::Slow(_) if self.full_otherwise().next().is_none() => None,
            Limit::Slow(factor) => {
                let intervals = self.full_otherwise().count();
                let answered: u64 = self.full_otherwise().map(|interval| interval.latency.count()).sum();
                Some(receiver(format!(
                    "The receiver did not keep up: in {often} as many events were in flight as may be ({limit}), or \
                     nearly; answers then took about {} times as long as otherwise, and came at {}. If \
                     that is its queue, more in flight would only make it longer; if it takes that long for \
                     anything, raise `--in-flight`.",
                    units::count(factor.round() as u64),
                    units::rate(answered as f64 / (intervals as f64 * self.interval_s))
                )))
            }
        }
    }

    /// Intervals at the limit in which the receiver did answer.
    fn full_otherwise(&self) -> impl Iterator<Item = &Interval> {
        let intervals = self.planned.iter().enumerate();
        let answering =
            intervals.filter(|(index, _)| !self.stalls.iter().any(|(from, to)| (*from..*to).contains(index)));
        answering.map(|(_, interval)| interval).filter(|interval| self.is_full(interval))
    }

    fn dropped(&self) -> Option<Finding> {
        let Report { plan, counts, .. } = self.report;
        if counts.dropped == 0 {
            return None;
        }
        let many = units::plural(counts.dropped, "event");
        let share = units::share(counts.dropped, counts.planned);
        let within = units::lapse(plan.drop_ms as f64 / 1e3);
        let (side, because) = match self.limit {
            _ if self.busy >= BUSY => (Side::Sender, "the sender had no CPU left for them"),
            Limit::Slow(_) => (Side::Receiver, "the receiver had not answered those before them"),
            Limit::Low => (Side::Sender, "too few may be in flight"),
            Limit::Free => (Side::Sender, "the sender did not get to them"),
        };
        let text = format!(
            "{many} ({share}) could not be sent within {within} of their instant, or by the end of the run, and were \
             dropped: {because}. They count as errors, and are in no latency."
        );
        Some(Finding { side, text })
    }

    /// Intervals in which nothing was sent though events were due and free to go.
    fn frozen(&self) -> Option<Finding> {
        let still = |interval: &Interval| {
            interval.planned >= 10 && interval.sent == 0 && !self.is_full(interval) && !self.closed
        };
        let stretch = stretches(self.planned, still).into_iter().max_by_key(|(from, to)| to - from)?;
        Some(sender(format!(
            "The sender wrote nothing {}, though events were due and could have been sent: it was kept from its cores. \
             Times of that stretch say little about the receiver.",
            self.told(stretch)
        )))
    }

    /// Where next to nothing was answered while more than usual waited for it.
    fn stood_still(&self) -> Vec<(usize, usize)> {
        let usual = self.usual_answers();
        let usual_in_flight = median(self.planned.iter().map(|interval| interval.in_flight));
        if usual < 10 {
            return Vec::new();
        }
        // A sender that stands still does not read answers either.
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

    fn stalls(&self) -> Option<Finding> {
        let longest = *self.stalls.iter().max_by_key(|(from, to)| to - from)?;
        let intervals = self.planned.get(longest.0..longest.1).unwrap_or_default();
        let waiting = intervals.iter().map(|interval| interval.in_flight).max().unwrap_or_default();
        let full = if self.limit != Limit::Free && intervals.iter().any(|interval| self.is_full(interval)) {
            let limit = units::count(u64::from(self.report.plan.in_flight));
            format!(
                " That is as many as may be in flight ({limit}), or nearly, so events after them waited to be sent."
            )
        } else {
            String::new()
        };
        let more = match self.stalls.len() {
            1 => String::new(),
            several => format!(" It is the longest of {several} such stretches."),
        };
        Some(receiver(format!(
            "The receiver stood still {}: next to nothing was answered while up to {} waited, where an interval \
             otherwise has {}.{full}{more}",
            self.told(longest),
            units::plural(waiting, "event"),
            units::plural(self.usual_answers(), "answer"),
        )))
    }

    /// Whether answers took longer towards the end.
    fn slowing(&self) -> Option<Finding> {
        let third = self.planned.len() / 3;
        if third < 2 || self.closed || self.busy >= BUSY || self.limit != Limit::Free {
            return None;
        }
        let (early, late) = (&self.planned[..third], &self.planned[self.planned.len() - third..]);
        let (first, last) = (merged(early), merged(late));
        if first.count() < 100 || last.count() < 100 {
            return None;
        }
        let (before, after) = (first.percentile(50.0), last.percentile(50.0));
        let growth = after.saturating_sub(before);
        // Times from the planned instants hold the lag too: it must not be what grew.
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
            format!("while the rate rose from {} to {}", units::rate(slow), units::rate(fast))
        } else if fast < slow * 0.8 {
            format!("though the rate fell from {} to {}", units::rate(slow), units::rate(fast))
        } else {
            "at the same rate".to_owned()
        };
        Some(receiver(format!(
            "The receiver got slower: p50 was {} in the first third of the run and {} in the last, {rates}.",
            units::time(before),
            units::time(after)
        )))
    }

    /// `for 2s, from 8s to 10s`.
    fn told(&self, (from, to): (usize, usize)) -> String {
        let at = |index: usize| units::lapse(index as f64 * self.interval_s);
        format!("for {}, from {} to {} into the run", at(to - from), at(from), at(to))
    }
}

/// Counts that belong together. If they don't agree, nothing else here can be trusted.
fn sums(report: &Report) -> Option<Finding> {
    let counts = &report.counts;
    let sum = |parts: &[u64]| parts.iter().fold(0_u64, |sum, part| sum.saturating_add(*part));
    let series = |of: fn(&Interval) -> u64| report.series.iter().map(of).fold(0, u64::saturating_add);
    let statuses = report.statuses.values().copied().fold(0, u64::saturating_add);
    let errors = report.errors.values().map(|failures| failures.count).fold(0, u64::saturating_add);
    let answered = sum(&[counts.ok, counts.wrong_status]);
    let bad = sum(&[counts.wrong_status, counts.failed, counts.timed_out, counts.dropped]);
    let pairs = [
        ("planned", counts.planned, "sent + dropped", sum(&[counts.sent, counts.dropped])),
        (
            "sent",
            counts.sent,
            "ok + wrong_status + failed + timed_out",
            sum(&[answered, counts.failed, counts.timed_out]),
        ),
        ("ok + wrong_status", answered, "all statuses", statuses),
        ("failed + timed_out", sum(&[counts.failed, counts.timed_out]), "all errors", errors),
        ("planned", counts.planned, "planned of all intervals", series(|interval| interval.planned)),
        ("sent", counts.sent, "sent of all intervals", series(|interval| interval.sent)),
        ("ok", counts.ok, "ok of all intervals", series(|interval| interval.ok)),
        ("not ok", bad, "bad of all intervals", series(|interval| interval.bad)),
    ];
    let wrong: Vec<String> = pairs
        .iter()
        .filter(|(_, left, _, right)| left != right)
        .map(|(left, a, right, b)| format!("{left} is {}, {right} is {}", units::count(*a), units::count(*b)))
        .collect();
    let told = || {
        run(format!(
            "Counts do not agree: {}. Do not rely on this report; it is a mistake of the program.",
            wrong.join("; ")
        ))
    };
    (!wrong.is_empty()).then(told)
}

/// What a merged report lacks.
fn shards(report: &Report) -> Vec<Finding> {
    let Some(merged) = &report.merged else { return Vec::new() };
    let mut found = Vec::new();
    let missing: Vec<u32> = (0..merged.of).filter(|index| !merged.shards.contains(index)).collect();
    if let [first, rest @ ..] = missing.as_slice() {
        let which = match rest {
            [] => format!("Shard {first} of {} is missing", merged.of),
            _ => format!("{} of {} shards are missing, among them {first}", missing.len(), merged.of),
        };
        found.push(run(format!("{which}: these are the numbers of a part of the load.")));
    }
    let apart = merged.last_started.duration_since(report.started).as_secs_f64();
    if apart * 1e3 > report.plan.interval_ms as f64 {
        found.push(run(format!(
            "The shards started up to {} apart, so the load was not the planned one. Intervals are counted from the \
             start of each.",
            units::seconds(apart)
        )));
    }
    found
}

fn cut_short(report: &Report) -> Option<Finding> {
    let planned = report.plan.duration_s;
    (report.elapsed_s < planned * 0.9 && report.counts.planned >= 20).then(|| {
        run(format!(
            "The run ended after {} of the planned {}.",
            units::seconds(report.elapsed_s),
            units::lapse(planned)
        ))
    })
}

/// What brought no answer, by class.
fn failures(report: &Report) -> Vec<Finding> {
    let mut classes: Vec<_> = report.errors.iter().filter(|(_, failures)| failures.count > 0).collect();
    classes.sort_by_key(|(_, failures)| std::cmp::Reverse(failures.count));
    classes.into_iter().map(|(class, failures)| failed(report, class, failures.count)).collect()
}

fn failed(report: &Report, class: &str, count: u64) -> Finding {
    let many = format!("{} ({})", units::plural(count, "event"), units::share(count, report.counts.sent));
    let was = if count == 1 { "was" } else { "were" };
    let target = &report.plan.target;
    match class {
        "refused" => receiver(format!(
            "{many} {was} refused: nobody listens at {target}, or the queue of new connections there is full."
        )),
        "reset" => receiver(format!(
            "{many} ended with the connection closed by the receiver before it answered: it may have crashed, or close \
             connections when it has too much to do."
        )),
        "timeout" => receiver(format!(
            "{many} {was} not answered within {}.",
            units::lapse(report.plan.timeout_ms as f64 / 1e3)
        )),
        "tls" => receiver(format!("{many} failed because no TLS connection to {target} came about.")),
        "unresolved" => run(format!("{many} failed because the host of {target} has no address.")),
        _ => run(format!("{many} failed as `{class}`.")),
    }
}

/// Answers that don't count as success.
fn statuses(report: &Report) -> Option<Finding> {
    let wrong = report.counts.wrong_status;
    if wrong == 0 {
        return None;
    }
    let mut others: Vec<(u16, u64)> = report
        .statuses
        .iter()
        .filter(|(status, _)| !(200..300).contains(*status))
        .map(|(s, n)| (*s, *n))
        .collect();
    others.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let told: Vec<String> = others
        .iter()
        .take(3)
        .map(|(status, count)| format!("{} had status {status}", units::count(*count)))
        .collect();
    let advice = match others.first() {
        Some((401 | 403, _)) => {
            " Perhaps the receiver verifies signatures by another secret: see `--secret`."
        }
        Some((404 | 405, _)) => " Perhaps the path of the callback URL is wrong.",
        Some((413, _)) => " The receiver finds the bodies too large.",
        Some((429, _)) => " The receiver, or a proxy before it, limits the rate.",
        Some((502..=504, _)) => " Usually a proxy says so when the server behind it does not keep up.",
        Some((500.., _)) => " Its log should tell why.",
        _ => "",
    };
    let list = if told.is_empty() { "their bodies were not as wanted".to_owned() } else { told.join(", ") };
    Some(receiver(format!(
        "{} ({}) got an answer that is no success: {list}.{advice}",
        units::plural(wrong, "event"),
        units::share(wrong, report.counts.sent)
    )))
}

/// Whether connections were kept.
fn connections(report: &Report) -> Option<Finding> {
    let (opened, counts) = (report.sender.connections, &report.counts);
    let many = opened > u64::from(report.plan.in_flight) && opened.saturating_mul(2) > counts.sent;
    // After a failure a new connection is only natural.
    (many && counts.failed * 10 < counts.sent).then(|| {
        receiver(format!(
            "The receiver does not keep connections open: {} for {}. Setting up connections is part of every time here.",
            units::plural(opened, "connection"),
            units::plural(counts.sent, "event")
        ))
    })
}

fn stories(report: &Report) -> Option<Finding> {
    let told: u64 = report.plan.stories.iter().map(|story| story.told).sum();
    let failed: u64 = report.plan.stories.iter().map(|story| story.failed).sum();
    let worst = report.plan.stories.iter().max_by_key(|story| story.failed)?;
    (failed > 0).then(|| {
        receiver(format!(
            "{} of {} failed their expectations, most of them of `{}` ({}).",
            units::count(failed),
            units::plural(told, "story").replace("storys", "stories"),
            worst.name,
            units::count(worst.failed)
        ))
    })
}

/// What a tester that waits for answers would not have seen.
fn gap(report: &Report) -> Option<Finding> {
    let (planned, sent) = (report.latency.planned.percentile(99.0), report.latency.sent.percentile(99.0));
    let gap = planned.saturating_sub(sent);
    (gap.as_micros() >= 1_000 && gap * 10 >= sent).then(|| {
        run(format!(
            "Counted from the instants that were planned, p99 is {}; counted from the writing it is {}. The first is \
             what users would feel: events wait while those before them are stuck.",
            units::time(planned),
            units::time(sent)
        ))
    })
}

fn held(report: &Report) -> Finding {
    let Report { plan, counts, latency, .. } = report;
    let late = match counts.late {
        0 => String::new(),
        late => format!(
            ", {} of them written more than {} late",
            units::count(late),
            units::lapse(plan.late_ms as f64 / 1e3)
        ),
    };
    let asked = if plan.arrivals == "closed" {
        "as fast as answers came".to_owned()
    } else {
        format!("at {}", plan.rate)
    };
    run(format!(
        "It held: {} {asked}, all answered as wanted{late}. p99 is {}, and the sender used {:.0} % of its cores.",
        units::plural(counts.planned, "event"),
        units::time(latency.planned.percentile(99.0)),
        report.sender.busy * 100.0
    ))
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

/// Where intervals of a kind follow each other: from the first to behind the last.
fn stretches(intervals: &[Interval], kind: impl Fn(&Interval) -> bool) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for index in intervals.iter().enumerate().filter(|(_, interval)| kind(interval)).map(|(index, _)| index) {
        match found.last_mut() {
            Some((_, end)) if *end == index => *end += 1,
            _ => found.push((index, index + 1)),
        }
    }
    found
}

/// The next number that is easy to type.
fn round_up(number: f64) -> u64 {
    let mut step = 1.0;
    while number / step > 50.0 {
        step *= 10.0;
    }
    ((number / step).ceil() * step) as u64
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, Model, STEADY};
    use super::*;

    fn told(report: &Report) -> String {
        let lines: Vec<String> =
            findings(report).iter().map(|finding| format!("{:?}: {}", finding.side, finding.text)).collect();
        lines.join("\n")
    }

    #[test]
    fn a_run_that_held_says_only_that() {
        insta::assert_snapshot!(told(&samples::steady()));
    }

    #[test]
    fn a_stall_is_the_receivers() {
        insta::assert_snapshot!(told(&samples::stall()));
        // The same with a limit that is reached while it lasts.
        let full = Model { stall: Some((8.0, 10.0)), in_flight: 256, ..STEADY }.report();
        insta::assert_snapshot!(told(&full));
    }

    #[test]
    fn a_sender_without_cpu_blames_itself_alone() {
        // It needs more for an event than there is time between two.
        let report = Model { cost: 2_300.0, ..STEADY }.report();
        assert!(findings(&report).iter().all(|finding| finding.side != Side::Receiver));
        insta::assert_snapshot!(told(&report));
    }

    #[test]
    fn a_low_limit_is_the_senders() {
        // 500/s of 100 ms each are 50 in flight.
        let report = Model { in_flight: 40, service: |_| 100_000, ..STEADY }.report();
        assert!(findings(&report).iter().all(|finding| finding.side != Side::Receiver));
        insta::assert_snapshot!(told(&report));
    }

    #[test]
    fn a_receiver_that_gets_slower_is_told() {
        let report = Model { service: |at| 2_000 + (at * 4_000.0) as u64, ..STEADY }.report();
        insta::assert_snapshot!(told(&report));
    }

    #[test]
    fn failures_are_told_by_class() {
        insta::assert_snapshot!(told(&samples::refused()));
        let slow = Model { stall: Some((2.0, 6.0)), timeout_ms: 1_000, ..STEADY }.report();
        insta::assert_snapshot!(told(&slow));
    }

    #[test]
    fn a_sender_that_stood_still_is_no_stall_of_the_receiver() {
        let mut report = samples::steady();
        let (before, frozen) = report.series.split_at_mut(11);
        let (still, after) = (&mut before[10], &mut frozen[0]);
        after.sent += std::mem::take(&mut still.sent);
        after.ok += std::mem::take(&mut still.ok);
        let times = std::mem::replace(&mut still.latency, Histogram::coarse());
        after.latency.add(&times);
        insta::assert_snapshot!(told(&report));
    }

    #[test]
    fn counts_that_do_not_agree_are_told() {
        let mut report = samples::steady();
        report.counts.dropped += 7;
        report.statuses.insert(500, 1);
        insta::assert_snapshot!(told(&report));
    }

    #[test]
    fn a_closed_load_is_at_its_limit_by_nature() {
        let mut report = samples::steady();
        report.plan.arrivals = "closed".to_owned();
        report.plan.rate = "max".to_owned();
        report.plan.in_flight = 4;
        report.series.iter_mut().for_each(|interval| interval.in_flight = 4);
        insta::assert_snapshot!(told(&report));
        report.sender.busy = 0.97;
        insta::assert_snapshot!(told(&report));
    }

    #[test]
    fn a_receiver_that_does_not_keep_up_is_told() {
        // From the sixth second on each takes 2 s, so that 400 in flight are no more than 200/s.
        let service = |at: f64| if at < 6.0 { 2_000 } else { 2_000_000 };
        let report = Model { in_flight: 400, service, ..STEADY }.report();
        assert!(findings(&report).iter().all(|finding| finding.side != Side::Sender));
        insta::assert_snapshot!(told(&report));
    }

    #[test]
    fn what_else_there_is_to_say() {
        let mut report = samples::steady();
        report.sender.connections = report.counts.sent;
        report.plan.stories[0].failed = 12;
        report.plan.duration_s = 60.0;
        insta::assert_snapshot!(told(&report));
        insta::assert_snapshot!(told(&samples::empty()));
    }

    #[test]
    fn a_busy_sender_that_keeps_up_is_warned_of() {
        let mut report = samples::steady();
        report.sender.busy = 0.9;
        insta::assert_snapshot!(told(&report));
    }

    #[test]
    fn answers_that_are_no_success_come_with_advice() {
        for (status, word) in
            [(401, "--secret"), (404, "path"), (429, "limits"), (503, "proxy"), (500, "log")]
        {
            let mut report = samples::steady();
            report.counts.ok -= 9;
            report.counts.wrong_status = 9;
            report.statuses.insert(status, 9);
            *report.statuses.get_mut(&200).unwrap() -= 9;
            let text = &statuses(&report).unwrap().text;
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn numbers_for_options_are_easy_to_type() {
        assert_eq!([47.0, 51.0, 1_337.0, 25_001.0].map(round_up), [47, 60, 1_400, 26_000]);
    }
}

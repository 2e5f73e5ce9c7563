//! Two reports side by side: what changed from a baseline.

use super::data::Report;
use super::metric::{Clock, Metric, Statistic, Unit};

/// A change of so many percent is taken for chance, since no two runs are alike.
const CHANCE: f64 = 5.0;

/// The same for metrics that are shares, in points.
const CHANCE_POINTS: f64 = 0.05;

/// A difference of so many microseconds is nothing to anybody, whatever it is in percent.
const CHANCE_MICROS: f64 = 100.0;

/// What changed from a baseline to a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// One row per metric, in the order of reading.
    pub changes: Vec<Change>,
    /// What was asked for differently, in words. Unless it is empty, the numbers are of different loads.
    pub plans: Vec<String>,
}

/// One metric before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which.
    pub metric: Metric,
    /// Its value in the baseline, in the metric's unit; none if it had none.
    pub before: Option<f64>,
    /// Its value now.
    pub after: Option<f64>,
    /// By how much it changed, in percent of the value before; of shares, in points. None if one of them is missing,
    /// or the first is zero.
    pub change: Option<f64>,
    /// What to think of it.
    pub judgement: Judgement,
}

/// What to think of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It got better by more than chance.
    Better,
    /// It got worse by more than chance.
    Worse,
    /// Neither.
    Same,
}

/// Compares a report with a baseline.
pub fn compare(baseline: &Report, report: &Report) -> Comparison {
    let time = |clock| move |statistic| Metric::Time(clock, statistic);
    let planned = [50.0, 90.0, 99.0, 99.9].map(Statistic::Percentile).map(time(Clock::Planned));
    let mut metrics = vec![Metric::Rate, Metric::Errors, Metric::Dropped, Metric::Late];
    metrics.extend(planned);
    metrics.extend([
        Metric::Time(Clock::Planned, Statistic::Max),
        Metric::Time(Clock::Send, Statistic::Percentile(99.0)),
        Metric::Time(Clock::Lag, Statistic::Percentile(99.0)),
        Metric::Cpu,
        Metric::Memory,
    ]);
    let changes = metrics.into_iter().map(|metric| change(metric, baseline, report)).collect();
    Comparison { changes, plans: plans(baseline, report) }
}

fn change(metric: Metric, baseline: &Report, report: &Report) -> Change {
    let (before, after) = (metric.of(baseline), metric.of(report));
    let difference = before.zip(after).map(|(before, after)| after - before);
    let change = before.zip(difference).and_then(|(before, difference)| match metric.unit() {
        Unit::Percent => Some(difference),
        _ => (before != 0.0).then(|| difference * 100.0 / before),
    });
    let by_chance = match metric.unit() {
        Unit::Percent => difference.is_none_or(|points| points.abs() <= CHANCE_POINTS),
        unit => {
            change.is_none_or(|percent| percent.abs() <= CHANCE)
                || unit == Unit::Micros && difference.is_none_or(|micros| micros.abs() <= CHANCE_MICROS)
        }
    };
    let judgement = match difference {
        Some(difference) if !by_chance => {
            if (difference > 0.0) == metric.more_is_better() {
                Judgement::Better
            } else {
                Judgement::Worse
            }
        }
        _ => Judgement::Same,
    };
    Change { metric, before, after, change, judgement }
}

impl Change {
    /// The value before as people read it.
    pub fn before_text(&self) -> String {
        self.text(self.before)
    }

    /// The value now as people read it.
    pub fn after_text(&self) -> String {
        self.text(self.after)
    }

    /// The change as people read it: `+12.3 %`, `×5.9`, `-0.40 points`; a dash if there is none to tell.
    pub fn change_text(&self) -> String {
        let unit = if self.metric.unit() == Unit::Percent { "points" } else { "%" };
        match self.change {
            Some(change) if format!("{change:.1}").trim_start_matches('-') == "0.0" && unit == "%" => {
                "=".to_owned()
            }
            Some(0.0) => "=".to_owned(),
            Some(change) if unit == "points" => format!("{change:+.2} {unit}"),
            // Nobody reads thousands of percent.
            Some(change) if change >= 1_000.0 => format!("×{:.0}", 1.0 + change / 100.0),
            Some(change) if change >= 200.0 => format!("×{:.1}", 1.0 + change / 100.0),
            Some(change) => format!("{change:+.1} {unit}"),
            None => "–".to_owned(),
        }
    }

    fn text(&self, value: Option<f64>) -> String {
        value.map_or_else(|| "–".to_owned(), |value| self.metric.unit().show(value))
    }
}

/// What the plans do not share, as far as it changes the numbers.
fn plans(baseline: &Report, report: &Report) -> Vec<String> {
    let (before, after) = (&baseline.plan, &report.plan);
    let stories = |report: &Report| {
        let names: Vec<String> =
            report.plan.stories.iter().map(|story| format!("{} ×{}", story.name, story.weight)).collect();
        names.join(", ")
    };
    let pairs = [
        ("rate", before.rate.clone(), after.rate.clone()),
        ("unit", before.unit.clone(), after.unit.clone()),
        ("arrivals", before.arrivals.clone(), after.arrivals.clone()),
        ("duration", super::units::lapse(before.duration_s), super::units::lapse(after.duration_s)),
        ("stories", stories(baseline), stories(report)),
        ("target", before.target.clone(), after.target.clone()),
        ("protocol", before.protocol.clone(), after.protocol.clone()),
        ("in flight", before.in_flight.to_string(), after.in_flight.to_string()),
        ("workers", before.workers.to_string(), after.workers.to_string()),
    ];
    let differ = pairs.into_iter().filter(|(_, before, after)| before != after);
    differ.map(|(what, before, after)| format!("{what} was {before}, is {after}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::samples;

    fn row(change: &Change) -> String {
        let (before, after, by) = (change.before_text(), change.after_text(), change.change_text());
        format!("{:<9} {before:>9} {after:>9} {by:>14} {:?}", change.metric.to_string(), change.judgement)
    }

    #[test]
    fn a_stall_is_worse() {
        let comparison = compare(&samples::steady(), &samples::stall());
        let rows: Vec<String> = comparison.changes.iter().map(row).collect();
        assert_eq!(comparison.plans, Vec::<String>::new());
        insta::assert_snapshot!(rows.join("\n"));
    }

    #[test]
    fn the_other_way_round_it_is_better() {
        let there = compare(&samples::steady(), &samples::stall());
        let back = compare(&samples::stall(), &samples::steady());
        for (there, back) in there.changes.iter().zip(&back.changes) {
            assert_eq!(there.judgement == Judgement::Worse, back.judgement == Judgement::Better);
        }
    }

    #[test]
    fn what_has_no_value_has_no_change() {
        let comparison = compare(&samples::refused(), &samples::steady());
        let p99 = comparison.changes.iter().find(|change| change.metric.to_string() == "p99").unwrap();
        assert_eq!((p99.before, p99.change, p99.judgement), (None, None, Judgement::Same));
        assert_eq!(comparison.plans, ["duration was 3s, is 20s"]);
    }
}

//! Two reports side by side: what changed from a baseline.

use super::data::{Plan, Report};
use super::metric::{Clock, Metric, Statistic, Unit};

/// Changes up to this many percent count as chance, since no two runs are alike.
const CHANCE: f64 = 5.0;

/// The same for metrics that are shares, in points.
const CHANCE_POINTS: f64 = 0.05;

/// Differences up to this many microseconds are insignificant, whatever they are in percent.
const CHANCE_MICROS: f64 = 100.0;

/// The changes from a baseline to a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// One row per metric, in the order of reading.
    pub changes: Vec<Change>,
    /// Differences between the plans, in words. Unless it is empty, the numbers are of different loads.
    pub plans: Vec<String>,
}

/// One metric before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The metric.
    pub metric: Metric,
    /// Its value in the baseline, in the metric's unit; `None` if it had none.
    pub before: Option<f64>,
    /// Its value now.
    pub after: Option<f64>,
    /// The change, in percent of the value before; for shares, in points. `None` if one of them is missing, or the first is
    /// zero.
    pub change: Option<f64>,
    /// The judgement of the change.
    pub judgement: Judgement,
}

/// The judgement of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Better by more than chance.
    Better,
    /// Worse by more than chance.
    Worse,
    /// No significant change.
    Same,
}

/// Compares a report with a baseline.
pub fn compare(baseline: &Report, report: &Report) -> Comparison {
    let percentile = |clock, percent| Metric::Time(clock, Statistic::Percentile(percent));
    let metrics = [
        Metric::Rate,
        Metric::Errors,
        Metric::Dropped,
        Metric::Late,
        percentile(Clock::Planned, 50.0),
        percentile(Clock::Planned, 90.0),
        percentile(Clock::Planned, 99.0),
        percentile(Clock::Planned, 99.9),
        Metric::Time(Clock::Planned, Statistic::Max),
        percentile(Clock::Send, 99.0),
        percentile(Clock::Lag, 99.0),
        Metric::Cpu,
        Metric::Memory,
    ];
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
    let within = |change: Option<f64>, chance: f64| change.is_none_or(|change| change.abs() <= chance);
    let by_chance = match metric.unit() {
        Unit::Percent => within(difference, CHANCE_POINTS),
        Unit::Micros => within(change, CHANCE) || within(difference, CHANCE_MICROS),
        Unit::PerSecond | Unit::Bytes => within(change, CHANCE),
    };
    let judgement = match difference {
        Some(difference) if !by_chance && (difference > 0.0) == metric.more_is_better() => Judgement::Better,
        Some(_) if !by_chance => Judgement::Worse,
        _ => Judgement::Same,
    };
    Change { metric, before, after, change, judgement }
}

impl Change {
    /// Formats the value before.
    pub fn before_text(&self) -> String {
        self.text(self.before)
    }

    /// Formats the value now.
    pub fn after_text(&self) -> String {
        self.text(self.after)
    }

    /// Formats the change: `+12.3 %`, `×5.9`, `-0.40 points`; a dash if there is none.
    pub fn change_text(&self) -> String {
        let is_points = self.metric.unit() == Unit::Percent;
        match self.change {
            None => "–".to_owned(),
            Some(0.0) => "=".to_owned(),
            Some(change) if is_points => format!("{change:+.2} points"),
            Some(change) if change.abs() < 0.05 => "=".to_owned(),
            // Thousands of percent are hard to read.
            Some(change) if change >= 1_000.0 => format!("×{:.0}", 1.0 + change / 100.0),
            Some(change) if change >= 200.0 => format!("×{:.1}", 1.0 + change / 100.0),
            Some(change) => format!("{change:+.1} %"),
        }
    }

    fn text(&self, value: Option<f64>) -> String {
        value.map_or_else(|| "–".to_owned(), |value| self.metric.unit().show(value))
    }
}

/// Returns the differences between the plans that affect the numbers.
fn plans(baseline: &Report, report: &Report) -> Vec<String> {
    let all = |plan: &Plan| {
        let mut all = plan.common();
        all.extend([
            ("target", plan.target.clone()),
            ("limit in flight", plan.in_flight.to_string()),
            ("number of workers", plan.workers.to_string()),
        ]);
        all
    };
    let pairs = all(&baseline.plan).into_iter().zip(all(&report.plan));
    let differ = pairs.filter(|((_, before), (_, after))| before != after);
    differ.map(|((what, before), (_, after))| format!("{what} was {before}, is {after}")).collect()
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

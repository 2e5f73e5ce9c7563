//! The charts of a report: rates, times and events in flight over the run, and times by percentile.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::chart::{Chart, Line, Scale, Spot, Tick, step};
use super::data::{Interval, Report};
use super::histogram::Histogram;
use super::units;

/// Maximum number of columns of a chart; in a longer run each covers several intervals.
const COLUMNS: usize = 240;

/// A chart with its heading and legend.
#[derive(Serialize)]
pub(super) struct ChartCard {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// Classes of lines and their names.
    pub(super) legend: &'static [(&'static str, &'static str)],
    #[serde(serialize_with = "svg")]
    pub(super) chart: Chart,
}

fn svg<S: Serializer>(chart: &Chart, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&chart.svg())
}

/// Builds the charts of a report.
pub(super) fn charts(report: &Report) -> Vec<ChartCard> {
    let columns = columns(report);
    let card = |name, about, legend, chart| ChartCard { name, about, legend, chart };
    vec![
        card(
            "Rate",
            "events per second",
            &[("planned", "planned"), ("sent", "sent"), ("ok", "ok"), ("bad", "bad")],
            rates(&columns),
        ),
        card(
            "Latency",
            "from the planned time, by the time it ended",
            &[("p50", "p50"), ("p99", "p99"), ("max", "max")],
            times(&columns),
        ),
        card(
            "In flight",
            "events waiting for a response",
            &[("flight", "in flight"), ("limit", "limit")],
            in_flight(report, &columns),
        ),
        card(
            "Percentiles",
            "how many responses took at most this long",
            &[("p99", "from planned"), ("sent", "from sending"), ("lag", "sending lag")],
            percentiles(report),
        ),
    ]
}

/// Several intervals as one point of the charts.
struct Column {
    from: f64,
    to: f64,
    /// Their sums, and the maximum that was in flight.
    sums: Interval,
}

impl Column {
    fn per_second(&self, count: u64) -> f64 {
        count as f64 / (self.to - self.from)
    }
}

fn columns(report: &Report) -> Vec<Column> {
    let interval_s = (report.plan.interval_ms as f64 / 1e3).max(1e-3);
    let each = report.series.len().div_ceil(COLUMNS).max(1);
    let column = |(index, part): (usize, &[Interval])| {
        let from = (index * each) as f64 * interval_s;
        let whole = part.len() as f64 * interval_s;
        // The run may end within the last column. Dividing by its full length would draw a fall that did not happen.
        let length = whole.min(report.elapsed_s - from);
        if index > 0 && length < whole / 2.0 {
            return None;
        }
        let mut sums = Interval::default();
        part.iter().for_each(|interval| sums.add(interval));
        sums.in_flight = part.iter().map(|interval| interval.in_flight).max().unwrap_or_default();
        Some(Column { from, to: from + if length > 0.0 { length } else { whole }, sums })
    };
    report.series.chunks(each).enumerate().filter_map(column).collect()
}

/// Builds a chart over the time of the run.
fn over_time(
    title: &'static str,
    columns: &[Column],
    scale: Scale,
    lines: Vec<Line>,
    show: fn(f64) -> String,
    describe: impl Fn(&Column) -> String,
) -> Chart {
    let end = columns.last().map_or(1.0, |column| column.to);
    let step = time_step(end);
    let ticks = (0..=(end / step).floor() as u32)
        .map(|index| f64::from(index) * step)
        .map(|at| Tick { at, label: if at == 0.0 { "0".to_owned() } else { units::duration(at) } });
    let spots = columns.iter().map(|column| {
        let (from, to) = (column.from, column.to);
        Spot {
            from,
            to,
            text: format!("{} to {}\n{}", units::duration(from), units::duration(to), describe(column)),
        }
    });
    Chart { title, lines, scale, range: (0.0, end), ticks: ticks.collect(), spots: spots.collect(), show }
}

/// Returns the distance of ticks in time, for five to ten of them.
fn time_step(end: f64) -> f64 {
    let steps = [5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0];
    if end < 30.0 {
        return step(end);
    }
    steps.into_iter().find(|step| end / step <= 9.0).unwrap_or_else(|| (end / 8.0 / 3_600.0).ceil() * 3_600.0)
}

/// Builds a line with a point in the middle of each column.
fn line(class: &'static str, columns: &[Column], of: impl Fn(&Column) -> Option<f64>) -> Line {
    let points = columns.iter().map(|column| ((column.from + column.to) / 2.0, of(column))).collect();
    Line { class, points }
}

fn rates(columns: &[Column]) -> Chart {
    let rate = |class, of: fn(&Interval) -> u64| {
        line(class, columns, move |column| Some(column.per_second(of(&column.sums))))
    };
    let lines = vec![
        rate("bad fill", |sums| sums.bad),
        rate("ok fill", |sums| sums.ok),
        rate("sent", |sums| sums.sent),
        rate("planned", |sums| sums.planned),
    ];
    over_time("Rate over time", columns, Scale::Linear, lines, units::rate, |column| {
        let Interval { planned, sent, ok, bad, .. } = column.sums;
        let [planned, sent, ok, bad] =
            [planned, sent, ok, bad].map(|count| units::rate(column.per_second(count)));
        format!("planned {planned}\nsent {sent}\nok {ok}\nbad {bad}")
    })
}

fn times(columns: &[Column]) -> Chart {
    let of = |class, pick: fn(&Histogram) -> Duration| {
        line(class, columns, move |column| {
            let times = &column.sums.latency;
            (times.count() > 0).then(|| pick(times).as_secs_f64() * 1e6)
        })
    };
    let lines = vec![
        of("max", Histogram::max),
        of("p99", |times| times.percentile(99.0)),
        of("p50", |times| times.percentile(50.0)),
    ];
    over_time("Latency over time", columns, Scale::Log, lines, axis_time, |column| {
        let times = &column.sums.latency;
        if times.count() == 0 {
            return "nothing was answered".to_owned();
        }
        let [p50, p99, max] = [times.percentile(50.0), times.percentile(99.0), times.max()].map(units::time);
        format!("p50 {p50}\np99 {p99}\nmax {max}\n{}", units::plural(times.count(), "answer"))
    })
}

fn in_flight(report: &Report, columns: &[Column]) -> Chart {
    let limit = f64::from(report.plan.in_flight);
    let most = columns.iter().map(|column| column.sums.in_flight).max().unwrap_or_default() as f64;
    let mut lines = vec![line("flight fill", columns, |column| Some(column.sums.in_flight as f64))];
    // A distant limit would press the line to the bottom.
    if most * 2.0 >= limit {
        lines.push(line("limit", columns, |_| Some(limit)));
    }
    let show = |number| units::count(number as u64);
    over_time("Events in flight over time", columns, Scale::Count, lines, show, |column| {
        format!("{} in flight at most", units::count(column.sums.in_flight))
    })
}

/// Builds the chart of times by percentile, on an axis of nines: each tenfold rarer response is the same distance further.
fn percentiles(report: &Report) -> Chart {
    // The number of nines of a percentage; the curve ends where the events do.
    let nines = |percent: f64| (100.0 / (100.0 - percent).max(1e-9)).log10();
    let times = &report.latency;
    let end = (times.planned.count().max(10) as f64).log10().ceil().clamp(2.0, 7.0);
    let curve = |class, times: &Histogram| {
        let points = times.curve().into_iter().filter(|(percent, _)| *percent < 100.0);
        let mut points: Vec<(f64, Option<f64>)> = points
            .map(|(percent, time)| (nines(percent), Some(time.as_secs_f64() * 1e6)))
            .filter(|(nines, _)| *nines <= end)
            .collect();
        if times.count() > 0 {
            points.push((end, Some(times.max().as_secs_f64() * 1e6)));
        }
        Line { class, points }
    };
    let names = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %", "99.99999 %"];
    let ticks =
        names.iter().enumerate().map(|(index, name)| Tick { at: index as f64, label: (*name).to_owned() });
    let steps = (end * 20.0) as u32;
    let spots = (0..steps).map(|index| {
        let (from, to) = (f64::from(index) / 20.0, f64::from(index + 1) / 20.0);
        let percent = 100.0 - 100.0 / 10_f64.powf((from + to) / 2.0);
        let [planned, sent, lag] =
            [&times.planned, &times.sent, &times.lag].map(|times| units::time(times.percentile(percent)));
        let digits = from as usize + 1;
        let text = format!("{percent:.digits$} %\nfrom planned {planned}\nfrom sending {sent}\nlag {lag}");
        Spot { from, to, text }
    });
    Chart {
        title: "Latency by percentile",
        lines: vec![
            curve("lag", &times.lag),
            curve("p99 wide", &times.planned),
            curve("sent over", &times.sent),
        ],
        scale: Scale::Log,
        range: (0.0, end),
        ticks: ticks.filter(|tick| tick.at <= end).collect(),
        spots: spots.collect(),
        show: axis_time,
    }
}

/// Formats a power of ten of microseconds without superfluous digits.
fn axis_time(micros: f64) -> String {
    match micros {
        _ if micros < 999.0 => format!("{micros:.0} µs"),
        _ if micros < 999_000.0 => format!("{:.0} ms", micros / 1e3),
        _ => format!("{:.0} s", micros / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::samples;

    #[test]
    fn long_runs_have_few_columns() {
        let mut long = samples::steady();
        long.series = long.series.iter().cycle().take(5_000).cloned().collect();
        long.elapsed_s = 5_000.0;
        assert_eq!(columns(&long).len(), 239);
    }

    #[test]
    fn ticks_of_time_are_few_and_round() {
        assert_eq!([20.0, 60.0, 90.0, 600.0, 3_600.0].map(time_step), [5.0, 10.0, 10.0, 120.0, 600.0]);
    }
}

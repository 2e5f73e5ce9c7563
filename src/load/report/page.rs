//! The report as one HTML page that needs nothing else: no network, no fonts, no other file.

use minijinja::{AutoEscape, Environment, Value, context};

use super::chart::{Chart, Line, Scale, Spot, Tick, step};
use super::compare::{Comparison, Judgement};
use super::data::{Finding, Interval, Report, Side};
use super::histogram::{Histogram, PERCENTILES};
use super::units;

const TEMPLATE: &str = include_str!("page.html");

/// No chart has more columns; a longer run has several intervals in each.
const COLUMNS: usize = 240;

/// The report as HTML, with what changed from a baseline and why the run failed, if it did.
pub fn page(report: &Report, comparison: Option<&Comparison>, failed: &[String]) -> String {
    let mut env = Environment::new();
    env.set_auto_escape_callback(|_| AutoEscape::Html);
    let columns = columns(report);
    let (verdict, mood) = verdict(report, failed);
    let latency = &report.latency;
    let answered = latency.planned.count() > 0;
    let values = context! {
        plan => plan(report),
        started => report.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        version => report.version.as_str(),
        verdict, mood,
        failed => failed.to_vec(),
        figures => figures(report, comparison),
        findings => report.findings.iter().map(finding).collect::<Vec<_>>(),
        charts => vec![
            chart("Rate", "events per second", &[("planned", "planned"), ("sent", "sent"), ("ok", "ok"), ("bad", "bad")], &rates(&columns)),
            chart("Latency", "from the planned instant, by when it ended", &[("p50", "p50"), ("p99", "p99"), ("max", "max")], &times(&columns)),
            chart("In flight", "events being answered", &[("flight", "in flight"), ("limit", "limit")], &in_flight(report, &columns)),
            chart("Percentiles", "how many answers took at most so long", &[("p99", "from planned"), ("sent", "from sending"), ("lag", "sending lag")], &percentiles(report)),
        ],
        latency => if answered { rows(report) } else { Vec::new() },
        answers => answers(report),
        counts => counts(report),
        sender => sender(report),
        stories => stories(report),
        search => report.search.as_ref().map(|search| context! {
            slo => search.slo.as_str(),
            best => units::rate(search.best),
            found => search.best > 0.0,
            probes => search.probes.iter().map(|probe| context! {
                rate => units::rate(probe.rate),
                achieved => units::rate(probe.achieved),
                p99 => units::micros(probe.p99_us as f64),
                errors => units::percent(probe.errors * 100.0),
                held => probe.held,
                why => probe.why.as_str(),
            }).collect::<Vec<_>>(),
        }),
        changes => comparison.map(|comparison| comparison.changes.iter().map(|change| context! {
            metric => change.metric.to_string(),
            before => change.before_text(),
            after => change.after_text(),
            by => change.change_text(),
            mood => match change.judgement {
                Judgement::Better => "good",
                Judgement::Worse => "bad",
                Judgement::Same => "",
            },
        }).collect::<Vec<_>>()),
        plans => comparison.map(|comparison| comparison.plans.clone()),
        // In JSON `<` stands only in texts, where it may be written like this; so nothing ends the element early.
        raw => Value::from_safe_string(report.write().replace('<', "\\u003c")),
    };
    env.render_str(TEMPLATE, values).expect("the template is constant and its values are always there")
}

/// What stands above everything, and how it is coloured.
fn verdict(report: &Report, failed: &[String]) -> (&'static str, &'static str) {
    let of = |side| report.findings.iter().any(|finding| finding.side == side);
    let errors = report.error_share() > 0.0;
    match (of(Side::Sender), of(Side::Receiver)) {
        _ if !failed.is_empty() => ("Failed", "bad"),
        _ if report.counts.planned == 0 => ("Nothing was measured", "warn"),
        (true, true) => ("Trouble on both sides", "bad"),
        (false, true) => ("Trouble at the receiver", "bad"),
        (true, false) => ("Limited by the sender", "warn"),
        (false, false) if errors => ("With errors", "warn"),
        (false, false) if report.findings.len() > 1 => ("Held, with remarks", "good"),
        (false, false) => ("Held", "good"),
    }
}

fn finding(finding: &Finding) -> Value {
    let side = match finding.side {
        Side::Sender => "sender",
        Side::Receiver => "receiver",
        Side::Run => "run",
    };
    let pieces: Vec<(bool, String)> =
        finding.pieces().into_iter().map(|(code, piece)| (code, piece.to_owned())).collect();
    context! { side, pieces }
}

/// What was asked for, as pairs of name and value.
fn plan(report: &Report) -> Value {
    let plan = &report.plan;
    let mut details = vec![
        ("for", units::lapse(plan.duration_s)),
        ("arrivals", plan.arrivals.clone()),
        ("protocol", plan.protocol.clone()),
        ("workers", plan.workers.to_string()),
        ("in flight", format!("{} at most", units::count(u64::from(plan.in_flight)))),
        ("time-out", units::lapse(plan.timeout_ms as f64 / 1e3)),
        ("late from", units::lapse(plan.late_ms as f64 / 1e3)),
        ("dropped after", units::lapse(plan.drop_ms as f64 / 1e3)),
        ("seed", plan.seed.to_string()),
    ];
    if let Some(shard) = plan.shard {
        details.push(("shard", format!("{} of {}", shard.index, shard.of)));
    }
    if plan.runs > 1 {
        details.push(("merged from", format!("{} runs", plan.runs)));
    }
    context! { rate => plan.rate.as_str(), unit => plan.unit.as_str(), target => plan.target.as_str(), details }
}

/// The few numbers that everybody asks for first.
fn figures(report: &Report, comparison: Option<&Comparison>) -> Vec<Value> {
    let Report { counts, latency, sender, .. } = report;
    let percentile = |percent| {
        if latency.planned.count() == 0 {
            "–".to_owned()
        } else {
            units::time(latency.planned.percentile(percent))
        }
    };
    let change = |metric: &str| {
        let changes = comparison.map(|comparison| comparison.changes.as_slice()).unwrap_or_default();
        let found = changes.iter().find(|change| change.metric.to_string() == metric);
        found.map(|change| {
            context! { text => change.change_text(), mood => match change.judgement {
                Judgement::Better => "good",
                Judgement::Worse => "bad",
                Judgement::Same => "",
            } }
        })
    };
    let wrong = counts.planned.saturating_sub(counts.ok);
    vec![
        context! { name => "answered", value => units::rate(report.throughput()),
        note => format!("{} as wanted", units::count(counts.ok)), change => change("rate") },
        context! { name => "p50", value => percentile(50.0), note => "from planned", change => change("p50") },
        context! { name => "p99", value => percentile(99.0), note => format!("p99.9 is {}", percentile(99.9)), change => change("p99") },
        context! { name => "errors", value => units::percent(report.error_share() * 100.0), mood => if wrong > 0 { "bad" } else { "good" },
        note => format!("{} of {}", units::count(wrong), units::plural(counts.planned, "event")), change => change("errors") },
        context! { name => "dropped", value => units::count(counts.dropped), mood => if counts.dropped > 0 { "bad" } else { "" },
        note => format!("{} sent late", units::count(counts.late)), change => change("dropped") },
        context! { name => "sender's cores", value => format!("{:.0} %", sender.busy * 100.0), mood => if sender.busy >= 0.8 { "warn" } else { "" },
        note => format!("{} CPU per event", units::micros(sender.cpu_per_event_us)), change => change("cpu") },
    ]
}

/// Several intervals as one point of the charts.
struct Column {
    from: f64,
    to: f64,
    /// Per second.
    planned: f64,
    sent: f64,
    ok: f64,
    bad: f64,
    in_flight: u64,
    latency: Histogram,
}

fn columns(report: &Report) -> Vec<Column> {
    let interval_s = (report.plan.interval_ms as f64 / 1e3).max(1e-3);
    let each = report.series.len().div_ceil(COLUMNS).max(1);
    let column = |(index, part): (usize, &[Interval])| {
        let from = (index * each) as f64 * interval_s;
        let whole = part.len() as f64 * interval_s;
        // The run may end within the last one. What little is left of it would draw a fall that never was.
        let length = whole.min(report.elapsed_s - from);
        if index > 0 && length < whole / 2.0 {
            return None;
        }
        let length = if length > 0.0 { length } else { whole };
        let rate =
            |of: fn(&Interval) -> u64| part.iter().map(|interval| of(interval) as f64).sum::<f64>() / length;
        let mut latency = Histogram::coarse();
        part.iter().for_each(|interval| latency.add(&interval.latency));
        Some(Column {
            from,
            to: from + length,
            planned: rate(|interval| interval.planned),
            sent: rate(|interval| interval.sent),
            ok: rate(|interval| interval.ok),
            bad: rate(|interval| interval.bad),
            in_flight: part.iter().map(|interval| interval.in_flight).max().unwrap_or_default(),
            latency,
        })
    };
    report.series.chunks(each).enumerate().filter_map(column).collect()
}

/// A chart with its heading and legend.
fn chart(name: &str, about: &str, legend: &[(&'static str, &'static str)], chart: &Chart) -> Value {
    context! { name, about, legend => legend.to_vec(), svg => Value::from_safe_string(chart.svg()) }
}

/// A chart over the time of the run.
fn over_time(
    title: &'static str,
    columns: &[Column],
    scale: Scale,
    lines: Vec<Line>,
    show: fn(f64) -> String,
    tell: impl Fn(&Column) -> String,
) -> Chart {
    let end = columns.last().map_or(1.0, |column| column.to);
    let step = time_step(end);
    let ticks = (0..=(end / step).floor() as u32)
        .map(|index| f64::from(index) * step)
        .map(|at| Tick { at, label: if at == 0.0 { "0".to_owned() } else { units::lapse(at) } });
    let spots = columns.iter().map(|column| Spot {
        from: column.from,
        to: column.to,
        text: format!("{} to {}\n{}", units::lapse(column.from), units::lapse(column.to), tell(column)),
    });
    Chart { title, lines, scale, range: (0.0, end), ticks: ticks.collect(), spots: spots.collect(), show }
}

/// The distance of ticks in time, for five to ten of them.
fn time_step(end: f64) -> f64 {
    let steps = [5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0];
    if end < 30.0 {
        return step(end);
    }
    steps.into_iter().find(|step| end / step <= 9.0).unwrap_or_else(|| (end / 8.0 / 3_600.0).ceil() * 3_600.0)
}

/// A line with a point in the middle of each column.
fn line(class: &'static str, columns: &[Column], of: impl Fn(&Column) -> Option<f64>) -> Line {
    let points = columns.iter().map(|column| ((column.from + column.to) / 2.0, of(column))).collect();
    Line { class, points }
}

fn rates(columns: &[Column]) -> Chart {
    let lines = vec![
        line("bad fill", columns, |column| Some(column.bad)),
        line("ok fill", columns, |column| Some(column.ok)),
        line("sent", columns, |column| Some(column.sent)),
        line("planned", columns, |column| Some(column.planned)),
    ];
    over_time("Rate over time", columns, Scale::Linear, lines, units::rate, |column| {
        let Column { planned, sent, ok, bad, .. } = column;
        let [planned, sent, ok, bad] = [planned, sent, ok, bad].map(|rate| units::rate(*rate));
        format!("planned {planned}\nsent {sent}\nok {ok}\nbad {bad}")
    })
}

fn times(columns: &[Column]) -> Chart {
    let of = |class, pick: fn(&Histogram) -> std::time::Duration| {
        line(class, columns, move |column| {
            (column.latency.count() > 0).then(|| pick(&column.latency).as_secs_f64() * 1e6)
        })
    };
    let lines = vec![
        of("max", Histogram::max),
        of("p99", |times| times.percentile(99.0)),
        of("p50", |times| times.percentile(50.0)),
    ];
    over_time("Latency over time", columns, Scale::Log, lines, axis_time, |column| {
        let times = &column.latency;
        if times.count() == 0 {
            return "nothing was answered".to_owned();
        }
        let [p50, p99, max] = [times.percentile(50.0), times.percentile(99.0), times.max()].map(units::time);
        format!("p50 {p50}\np99 {p99}\nmax {max}\n{}", units::plural(times.count(), "answer"))
    })
}

fn in_flight(report: &Report, columns: &[Column]) -> Chart {
    let limit = f64::from(report.plan.in_flight);
    let most = columns.iter().map(|column| column.in_flight).max().unwrap_or_default() as f64;
    let mut lines = vec![line("flight fill", columns, |column| Some(column.in_flight as f64))];
    // A limit far away would press the line to the floor.
    if most * 2.0 >= limit {
        lines.push(line("limit", columns, |_| Some(limit)));
    }
    over_time(
        "Events in flight over time",
        columns,
        Scale::Count,
        lines,
        |count| units::count(count as u64),
        |column| format!("{} in flight at most", units::count(column.in_flight)),
    )
}

/// Times by percentile, on an axis of nines: each tenfold rarer answer is as far away as the last.
fn percentiles(report: &Report) -> Chart {
    // How many nines a percentage has; the curve ends where the events do.
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

/// A power of ten of microseconds, without digits that say nothing.
fn axis_time(micros: f64) -> String {
    match micros {
        _ if micros < 999.0 => format!("{micros:.0} µs"),
        _ if micros < 999_000.0 => format!("{:.0} ms", micros / 1e3),
        _ => format!("{:.0} s", micros / 1e6),
    }
}

/// The table of latency.
fn rows(report: &Report) -> Vec<Value> {
    let times = &report.latency;
    let row = |name: String, of: &dyn Fn(&Histogram) -> std::time::Duration| {
        let [planned, sent, lag] =
            [&times.planned, &times.sent, &times.lag].map(|times| units::time(of(times)));
        context! { name, planned, sent, lag }
    };
    let mut rows: Vec<Value> = PERCENTILES
        .iter()
        .map(|percent| row(format!("p{percent}"), &|times| times.percentile(*percent)))
        .collect();
    rows.push(row("max".to_owned(), &Histogram::max));
    rows.push(row("mean".to_owned(), &Histogram::mean));
    rows
}

/// Statuses and errors, each with its share of the sent events for a bar.
fn answers(report: &Report) -> Vec<Value> {
    let sent = report.counts.sent;
    let width =
        |count: u64| if sent == 0 { 0.0 } else { (count as f64 * 100.0 / sent as f64).clamp(0.4, 100.0) };
    let statuses = report.statuses.iter().map(|(status, count)| {
        let mood = if (200..300).contains(status) { "good" } else { "bad" };
        context! { name => status.to_string(), count => units::count(*count), share => units::share(*count, sent), mood,
            width => format!("{:.1}", width(*count)), first => "" }
    });
    let errors = report.errors.iter().map(|(class, failures)| {
        context! { name => class.as_str(), count => units::count(failures.count), share => units::share(failures.count, sent),
            mood => "bad", width => format!("{:.1}", width(failures.count)), first => failures.first.as_str() }
    });
    statuses.chain(errors).collect()
}

fn counts(report: &Report) -> Vec<(&'static str, String)> {
    let counts = &report.counts;
    let all = [
        ("planned", counts.planned),
        ("sent", counts.sent),
        ("answered as wanted", counts.ok),
        ("wrong status", counts.wrong_status),
        ("failed", counts.failed),
        ("timed out", counts.timed_out),
        ("dropped", counts.dropped),
        ("late", counts.late),
    ];
    all.into_iter().map(|(name, count)| (name, units::count(count))).collect()
}

fn sender(report: &Report) -> Vec<(&'static str, String)> {
    let sender = &report.sender;
    let mut rows = vec![
        (
            "cores used",
            format!(
                "{:.0} % of {}",
                sender.busy * 100.0,
                units::plural(u64::from(report.plan.workers), "worker")
            ),
        ),
        ("CPU per event", units::micros(sender.cpu_per_event_us)),
        ("CPU in user mode", units::seconds(sender.user_s)),
        ("CPU in the kernel", units::seconds(sender.system_s)),
    ];
    if sender.peak_bytes > 0 {
        rows.push(("memory at most", units::bytes(sender.peak_bytes)));
    }
    rows.push(("connections", units::count(sender.connections)));
    rows
}

fn stories(report: &Report) -> Vec<Value> {
    let stories = report.plan.stories.iter().map(|story| {
        context! { name => story.name.as_str(), weight => story.weight, told => units::count(story.told),
        failed => (story.failed > 0).then(|| units::count(story.failed)) }
    });
    stories.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{compare, samples};

    #[test]
    fn the_page_has_everything() {
        let (steady, stall) = (samples::steady(), samples::stall());
        let failed = ["p99>+20%: p99 is 1.83 s".to_owned()];
        let page = page(&stall, Some(&compare(&steady, &stall)), &failed);
        for part in [
            "<!doctype html>",
            "prefers-color-scheme: dark",
            "p99&gt;+20%: p99 is 1.83 s",
            "The receiver stood still",
            "Reminder &lt;by voice&gt;",
            "5.11 ms",
            "id=\"raw\"",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert_eq!(page.matches("<svg class=\"chart\"").count(), 4);
        // Nothing is fetched from anywhere.
        let outside = [" src=", "<link", "@import", "url(", "fetch("];
        assert!(outside.iter().all(|word| !page.contains(word)));
    }

    #[test]
    fn the_raw_report_can_be_taken_out_again() {
        let report = samples::stall();
        let page = page(&report, None, &[]);
        let (_, from) = page.split_once(r#"<script type="application/json" id="raw">"#).unwrap();
        let (raw, _) = from.split_once("</script>").unwrap();
        assert_eq!(Report::read(raw).unwrap(), Report::read(&report.write()).unwrap());
    }

    #[test]
    fn text_from_elsewhere_stays_text() {
        let mut report = samples::refused();
        let evil = "</script><script>alert(1)</script>\"'";
        report.errors.get_mut("refused").unwrap().first = evil.to_owned();
        report.plan.target = evil.to_owned();
        report.plan.rate = evil.to_owned();
        report.version = evil.to_owned();
        report.plan.stories[0].name = evil.to_owned();
        report.findings.push(Finding { side: Side::Run, text: evil.to_owned() });
        let page = page(&report, Some(&compare(&samples::steady(), &report)), &[evil.to_owned()]);
        assert!(!page.contains("<script>alert"));
    }

    #[test]
    fn runs_without_events_and_long_runs_have_pages() {
        assert!(page(&samples::empty(), None, &[]).contains("Nothing was measured"));
        assert!(page(&samples::refused(), None, &[]).contains("Trouble at the receiver"));
        assert!(page(&samples::search(), None, &[]).contains("6,000&#x2f;s"));
        let mut long = samples::steady();
        long.series = long.series.iter().cycle().take(5_000).cloned().collect();
        long.elapsed_s = 5_000.0;
        assert_eq!(columns(&long).len(), 239);
        assert!(page(&long, None, &[]).len() < 1_000_000 + long.write().len());
    }

    #[test]
    fn ticks_of_time_are_few_and_round() {
        assert_eq!([20.0, 60.0, 90.0, 600.0, 3_600.0].map(time_step), [5.0, 10.0, 10.0, 120.0, 600.0]);
    }
}

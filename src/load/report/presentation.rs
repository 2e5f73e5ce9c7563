//! The content of a report, once for all renderings: a heading, conclusions, charts, and sections of rows. The terminal,
//! Markdown and the page only lay it out.

use serde::Serialize;

use super::charts::{ChartCard, charts};
use super::compare::{Comparison, Judgement};
use super::data::{Report, Search, Side};
use super::histogram::{Histogram, PERCENTILES};
use super::units::{bytes, count, duration, micros, millis, percent, plural, rate, seconds, share, time};

/// Shown where there is no value.
const NONE: &str = "–";

/// The mood of a text, for colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mood {
    Plain,
    Strong,
    Dim,
    Good,
    Warn,
    Bad,
}

use Mood::{Bad, Dim, Good, Plain, Strong, Warn};

/// A text with its mood.
#[derive(Debug, Serialize)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) mood: Mood,
}

fn cell(text: impl Into<String>, mood: Mood) -> Cell {
    Cell { text: text.into(), mood }
}

/// A remark on the run.
#[derive(Debug, Serialize)]
pub(super) struct Remark {
    /// The side it concerns: `sender`, `receiver`, `run`, or `failed`.
    pub(super) side: &'static str,
    pub(super) mood: Mood,
    /// Pieces of its text; those marked true are to be typed.
    pub(super) pieces: Vec<(bool, String)>,
}

/// One of the numbers that readers look at first.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) value: Cell,
    pub(super) note: String,
    /// The change from the baseline.
    pub(super) change: Option<Cell>,
}

/// A titled list of rows.
#[derive(Debug, Serialize)]
pub(super) struct Section {
    pub(super) title: &'static str,
    /// An introductory sentence, if there is one.
    pub(super) lead: Option<Cell>,
    /// The names of the columns; empty if rows are pairs of a name and a value.
    pub(super) columns: &'static [&'static str],
    pub(super) rows: Vec<Row>,
    /// Whether it is only for a closer look.
    pub(super) is_detail: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) cells: Vec<Cell>,
    /// A note below it.
    pub(super) note: String,
    /// Length of its bar, in percent.
    pub(super) bar: Option<f64>,
}

fn row(cells: impl IntoIterator<Item = Cell>) -> Row {
    Row { cells: cells.into_iter().collect(), note: String::new(), bar: None }
}

fn pair(name: &str, value: String, mood: Mood) -> Row {
    row([cell(name, Plain), cell(value, mood)])
}

/// A report as it is presented.
#[derive(Serialize)]
pub(super) struct Presentation {
    pub(super) version: String,
    pub(super) verdict: Cell,
    pub(super) rate: String,
    pub(super) unit: String,
    pub(super) target: String,
    pub(super) started: String,
    /// Further options of the plan, by name and value.
    pub(super) details: Vec<(&'static str, String)>,
    pub(super) figures: Vec<Figure>,
    pub(super) remarks: Vec<Remark>,
    pub(super) charts: Vec<ChartCard>,
    pub(super) sections: Vec<Section>,
}

impl Presentation {
    /// Presents a report, with the changes from a baseline and the reasons why the run failed, if it did.
    pub(super) fn of(report: &Report, comparison: Option<&Comparison>, failed: &[String]) -> Self {
        let mut sections =
            vec![events(report), latency(report), responses(report), sender(report), stories(report)];
        sections.extend(report.search.as_ref().map(search));
        sections.extend(comparison.map(baseline));
        Self {
            version: report.version.clone(),
            verdict: verdict(report, failed),
            rate: report.plan.rate.clone(),
            unit: report.plan.unit.clone(),
            target: report.plan.target.clone(),
            started: report.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            details: details(report),
            figures: figures(report, comparison),
            remarks: remarks(report, failed),
            charts: charts(report),
            sections,
        }
    }
}

/// Returns the heading.
fn verdict(report: &Report, failed: &[String]) -> Cell {
    let of = |side| report.findings.iter().any(|finding| finding.side == side);
    let errors = report.error_share() > 0.0;
    if let Some(why) = &report.void {
        return cell(format!("VOID: {why}"), Bad);
    }
    let (text, mood) = match (of(Side::Sender), of(Side::Receiver)) {
        _ if !failed.is_empty() => ("Failed", Bad),
        _ if report.counts.wanted() == 0 => ("Nothing was measured", Warn),
        (true, true) => ("Trouble on both sides", Bad),
        (false, true) => ("Trouble at the receiver", Bad),
        (true, false) => ("Limited by the sender", Warn),
        (false, false) if errors => ("With errors", Warn),
        (false, false) if report.findings.len() > 1 => ("Held, with remarks", Good),
        (false, false) => ("Held", Good),
    };
    cell(text, mood)
}

fn details(report: &Report) -> Vec<(&'static str, String)> {
    let plan = &report.plan;
    let mut details = vec![
        ("for", duration(plan.duration_s)),
        ("arrivals", plan.arrivals.clone()),
        ("protocol", plan.protocol.clone()),
        ("workers", plan.workers.to_string()),
        ("in flight at most", count(u64::from(plan.in_flight))),
        ("timeout", millis(plan.timeout_ms)),
        ("late after", millis(plan.late_ms)),
        ("dropped after", millis(plan.drop_ms)),
        ("seed", plan.seed.to_string()),
    ];
    details.extend(plan.shard.map(|shard| ("shard", format!("{} of {}", shard.index, shard.of))));
    if plan.runs > 1 {
        details.push(("merged from", format!("{} runs", plan.runs)));
    }
    details
}

fn mood_of(judgement: Judgement) -> Mood {
    match judgement {
        Judgement::Better => Good,
        Judgement::Worse => Bad,
        Judgement::Same => Dim,
    }
}

fn cores_used(report: &Report) -> Cell {
    match report.busy() {
        Some(busy) => cell(format!("{:.0} %", busy * 100.0), if busy >= 0.8 { Warn } else { Plain }),
        None => cell(NONE, Dim),
    }
}

fn figures(report: &Report, comparison: Option<&Comparison>) -> Vec<Figure> {
    let Report { counts, latency, sender, .. } = report;
    let percentile = |percent| match latency.planned.count() {
        0 => NONE.to_owned(),
        _ => time(latency.planned.percentile(percent)),
    };
    let changes = comparison.map(|comparison| &*comparison.changes).unwrap_or_default();
    let change = |metric: &str| {
        let found = changes.iter().find(|change| change.metric.to_string() == metric);
        found.map(|change| cell(change.change_text(), mood_of(change.judgement)))
    };
    let wrong = counts.wanted().saturating_sub(counts.ok);
    let errors = cell(percent(report.error_share() * 100.0), if wrong > 0 { Bad } else { Good });
    let wrong = format!("{} of {}", count(wrong), plural(counts.wanted(), "event"));
    let dropped = cell(count(counts.dropped), if counts.dropped > 0 { Bad } else { Plain });
    let cpu = format!("{} CPU per event", micros(sender.cpu_per_event_us));
    let answered = cell(rate(report.throughput()), Plain);
    let figures = [
        ("answered", answered, format!("{} as expected", count(counts.ok)), "rate"),
        ("p50", cell(percentile(50.0), Plain), "from planned".to_owned(), "p50"),
        ("p99", cell(percentile(99.0), Plain), format!("p99.9 is {}", percentile(99.9)), "p99"),
        ("errors", errors, wrong, "errors"),
        ("dropped", dropped, format!("{} sent late", count(counts.late)), "dropped"),
        ("sender's cores", cores_used(report), cpu, "cpu"),
    ];
    let void = |value: Cell| match report.void {
        Some(_) => cell(format!("VOID {}", value.text), Bad),
        None => value,
    };
    figures
        .map(|(name, value, note, metric)| Figure { name, value: void(value), note, change: change(metric) })
        .into()
}

fn remarks(report: &Report, failed: &[String]) -> Vec<Remark> {
    let failed =
        failed.iter().map(|hit| Remark { side: "failed", mood: Bad, pieces: vec![(false, hit.clone())] });
    let findings = report.findings.iter().map(|finding| {
        let (side, mood) = match finding.side {
            Side::Sender => ("sender", Warn),
            Side::Receiver => ("receiver", Bad),
            Side::Run => ("run", Strong),
        };
        Remark { side, mood, pieces: finding.pieces() }
    });
    findings.chain(failed).collect()
}

fn events(report: &Report) -> Section {
    let Report { counts, plan, .. } = report;
    // The rate of a story run counts stories, that of its responses events; a shard has only its part of the rate.
    let unit = if plan.unit == "stories" { " stories" } else { "" };
    let part = plan.shard.map_or_else(String::new, |shard| format!(" by {} shards together", shard.of));
    let void = if report.void.is_some() { "VOID: " } else { "" };
    let lead = format!(
        "{void}{}{unit} requested{part}, {} answered as expected, over {}",
        plan.rate,
        rate(report.throughput()),
        seconds(report.elapsed_s)
    );
    let rows = [
        ("planned", counts.planned, Plain),
        ("sent", counts.sent, Plain),
        ("ok", counts.ok, Good),
        ("wrong status", counts.wrong_status, Bad),
        ("failed", counts.failed, Bad),
        ("timed out", counts.timed_out, Bad),
        ("dropped", counts.dropped, Bad),
        ("late", counts.late, Warn),
    ];
    let rare = [
        ("unfinished", counts.unfinished, Bad),
        ("dropped on purpose", counts.withheld, Plain),
        ("held back by the sender", counts.held_back, Warn),
    ];
    let rows = rows.into_iter().chain(rare.into_iter().filter(|(_, number, _)| *number > 0));
    let rows =
        rows.map(|(name, number, mood)| pair(name, count(number), if number == 0 { Dim } else { mood }));
    Section {
        title: "Events",
        lead: Some(cell(lead, Plain)),
        columns: &[],
        rows: rows.collect(),
        is_detail: true,
    }
}

fn latency(report: &Report) -> Section {
    let times = &report.latency;
    let is_empty = times.planned.count() == 0;
    let statistic = |name: String, of: &dyn Fn(&Histogram) -> std::time::Duration| {
        let [planned, sent, lag] = [&times.planned, &times.sent, &times.lag].map(|times| time(of(times)));
        row([cell(name, Plain), cell(planned, Strong), cell(sent, Plain), cell(lag, Dim)])
    };
    let mut rows = Vec::new();
    if !is_empty {
        rows.extend(
            PERCENTILES.map(|percent| {
                statistic(format!("p{percent}"), &|times: &Histogram| times.percentile(percent))
            }),
        );
        rows.push(statistic("max".to_owned(), &Histogram::max));
        rows.push(statistic("mean".to_owned(), &Histogram::mean));
    }
    let lead = match &report.void {
        _ if is_empty => Some(cell("no event was answered", Plain)),
        Some(_) => Some(cell("VOID: these times do not measure the receiver", Bad)),
        None => None,
    };
    let received = report.receipts.as_ref().and_then(|receipts| receipts.received.as_ref());
    if let Some(received) = received.filter(|received| received.count() > 0) {
        let text =
            format!("p50 {}, p99 {}", time(received.percentile(50.0)), time(received.percentile(99.0)));
        rows.push(row([cell("received", Plain), cell(NONE, Dim), cell(text, Plain), cell(NONE, Dim)]));
    }
    Section {
        title: "Latency",
        lead,
        columns: &["", "from planned", "from sending", "sending lag"],
        rows,
        is_detail: false,
    }
}

fn responses(report: &Report) -> Section {
    let sent = report.counts.sent;
    let line = |name: String, mood, number: u64, note: &str| Row {
        cells: vec![cell(name, mood), cell(count(number), Plain), cell(share(number, sent), Dim)],
        note: note.to_owned(),
        bar: (sent > 0).then(|| (number as f64 * 100.0 / sent as f64).clamp(0.4, 100.0)),
    };
    let statuses = report.statuses.iter().map(|(status, number)| {
        let mood = if (200..300).contains(status) { Good } else { Bad };
        line(status.to_string(), mood, *number, "")
    });
    let errors = report.errors.iter();
    let errors = errors.map(|(class, failures)| line(class.clone(), Bad, failures.count, &failures.first));
    let rows: Vec<Row> = statuses.chain(errors).collect();
    let lead = rows.is_empty().then(|| cell("none", Plain));
    Section { title: "Responses", lead, columns: &["", "events", "share"], rows, is_detail: true }
}

fn sender(report: &Report) -> Section {
    let sender = &report.sender;
    let mut rows = vec![
        row([cell("cores used", Plain), cores_used(report)]),
        pair("CPU per event", micros(sender.cpu_per_event_us), Plain),
        pair("user CPU", seconds(sender.user_s), Plain),
        pair("system CPU", seconds(sender.system_s), Plain),
    ];
    if sender.peak_bytes > 0 {
        rows.push(pair("memory at most", bytes(sender.peak_bytes), Plain));
    }
    let connections = if sender.connections == 1 { "connection" } else { "connections" };
    rows.push(pair(connections, count(sender.connections), Plain));
    Section { title: "Sender", lead: None, columns: &[], rows, is_detail: true }
}

fn stories(report: &Report) -> Section {
    let rows = report.plan.stories.iter().map(|story| {
        let failed = if story.failed == 0 { cell(NONE, Dim) } else { cell(count(story.failed), Bad) };
        let weight = cell(story.weight.to_string(), Plain);
        let cells = [cell(&*story.name, Plain), weight, cell(count(story.started), Plain), failed];
        Row { note: story.first_failure.clone(), ..row(cells) }
    });
    let columns = &["", "weight", "started", "failed"];
    Section { title: "Stories", lead: None, columns, rows: rows.collect(), is_detail: true }
}

fn search(search: &Search) -> Section {
    let lead = match search.best {
        0.0 => cell(format!("no rate met {}", search.slo), Bad),
        best => cell(format!("{} is the highest rate that met {}", rate(best), search.slo), Good),
    };
    let rows = search.probes.iter().map(|probe| {
        let plain = [
            rate(probe.rate),
            rate(probe.achieved),
            micros(probe.p99_us as f64),
            percent(probe.errors * 100.0),
        ];
        let outcome = if probe.held { cell("held", Good) } else { cell(&*probe.why, Bad) };
        row(plain.map(|text| cell(text, Plain)).into_iter().chain([outcome]))
    });
    let columns = &["rate", "answered", "p99", "errors", "outcome"];
    Section { title: "Search", lead: Some(lead), columns, rows: rows.collect(), is_detail: false }
}

fn baseline(comparison: &Comparison) -> Section {
    let rows = comparison.changes.iter().map(|change| {
        row([
            cell(change.metric.to_string(), Plain),
            cell(change.before_text(), Dim),
            cell(change.after_text(), Plain),
            cell(change.change_text(), mood_of(change.judgement)),
        ])
    });
    let plans = &comparison.plans;
    let differ = || cell(format!("The plans differ: {}.", plans.join("; ")), Warn);
    let lead = (!plans.is_empty()).then(differ);
    let columns = &["metric", "baseline", "now", "change"];
    Section { title: "Baseline", lead, columns, rows: rows.collect(), is_detail: false }
}

//! What there is to read in a report, once for all ways of showing it: a heading, what to think of the run, charts, and
//! sections of rows. The terminal, Markdown and the page only lay it out.

use std::time::Duration;

use serde::Serialize;

use super::charts::{ChartCard, charts};
use super::compare::{Comparison, Judgement};
use super::data::{Report, Search, Side};
use super::histogram::{Histogram, PERCENTILES};
use super::units;

/// What stands where there is no value.
const NONE: &str = "–";

/// How something is meant, for colours.
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

/// A text with its mood.
#[derive(Debug, Serialize)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) mood: Mood,
}

impl Cell {
    fn new(text: impl Into<String>, mood: Mood) -> Self {
        Self { text: text.into(), mood }
    }

    fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Mood::Plain)
    }
}

/// A remark on the run.
#[derive(Debug, Serialize)]
pub(super) struct Remark {
    /// Whose it is: `sender`, `receiver`, `run`, or `failed`.
    pub(super) side: &'static str,
    pub(super) mood: Mood,
    /// Those marked true are what one types.
    pub(super) pieces: Vec<(bool, String)>,
}

/// One of the numbers that everybody asks for first.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) value: Cell,
    pub(super) note: String,
    /// Against the baseline.
    pub(super) change: Option<Cell>,
}

/// A titled list of rows.
#[derive(Debug, Serialize)]
pub(super) struct Section {
    pub(super) title: &'static str,
    /// What it says in a sentence, if anything.
    pub(super) lead: Option<Cell>,
    /// The names of the columns; none where rows are pairs of a name and a value.
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Row>,
    /// Whether it is for those who look closer.
    pub(super) is_detail: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) cells: Vec<Cell>,
    /// What stands below it.
    pub(super) note: String,
    /// How long its bar is, in percent.
    pub(super) bar: Option<f64>,
}

impl Row {
    fn new(cells: impl IntoIterator<Item = Cell>) -> Self {
        Self { cells: cells.into_iter().collect(), note: String::new(), bar: None }
    }

    fn pair(name: &str, value: String, mood: Mood) -> Self {
        Self::new([Cell::plain(name), Cell::new(value, mood)])
    }
}

/// A report as it is read.
#[derive(Serialize)]
pub(super) struct Presentation {
    pub(super) version: String,
    pub(super) verdict: Cell,
    pub(super) rate: String,
    pub(super) unit: String,
    pub(super) target: String,
    pub(super) started: String,
    /// What else was asked for, by name and value.
    pub(super) details: Vec<(&'static str, String)>,
    pub(super) figures: Vec<Figure>,
    pub(super) remarks: Vec<Remark>,
    pub(super) charts: Vec<ChartCard>,
    pub(super) sections: Vec<Section>,
}

impl Presentation {
    /// A report with what changed from a baseline and why the run failed, if it did.
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

/// What stands above everything.
fn verdict(report: &Report, failed: &[String]) -> Cell {
    let of = |side| report.findings.iter().any(|finding| finding.side == side);
    let errors = report.error_share() > 0.0;
    let (text, mood) = match (of(Side::Sender), of(Side::Receiver)) {
        _ if !failed.is_empty() => ("Failed", Mood::Bad),
        _ if report.counts.planned == 0 => ("Nothing was measured", Mood::Warn),
        (true, true) => ("Trouble on both sides", Mood::Bad),
        (false, true) => ("Trouble at the receiver", Mood::Bad),
        (true, false) => ("Limited by the sender", Mood::Warn),
        (false, false) if errors => ("With errors", Mood::Warn),
        (false, false) if report.findings.len() > 1 => ("Held, with remarks", Mood::Good),
        (false, false) => ("Held", Mood::Good),
    };
    Cell::new(text, mood)
}

fn details(report: &Report) -> Vec<(&'static str, String)> {
    let plan = &report.plan;
    let mut details = vec![
        ("for", units::duration(plan.duration_s)),
        ("arrivals", plan.arrivals.clone()),
        ("protocol", plan.protocol.clone()),
        ("workers", plan.workers.to_string()),
        ("in flight at most", units::count(u64::from(plan.in_flight))),
        ("timeout", units::duration(plan.timeout_ms as f64 / 1e3)),
        ("late after", units::duration(plan.late_ms as f64 / 1e3)),
        ("dropped after", units::duration(plan.drop_ms as f64 / 1e3)),
        ("seed", plan.seed.to_string()),
    ];
    if let Some(shard) = plan.shard {
        details.push(("shard", format!("{} of {}", shard.index, shard.of)));
    }
    if plan.runs > 1 {
        details.push(("merged from", format!("{} runs", plan.runs)));
    }
    details
}

fn mood_of(judgement: Judgement) -> Mood {
    match judgement {
        Judgement::Better => Mood::Good,
        Judgement::Worse => Mood::Bad,
        Judgement::Same => Mood::Dim,
    }
}

fn figures(report: &Report, comparison: Option<&Comparison>) -> Vec<Figure> {
    let Report { counts, latency, sender, .. } = report;
    let percentile = |percent| match latency.planned.count() {
        0 => NONE.to_owned(),
        _ => units::time(latency.planned.percentile(percent)),
    };
    let change = |metric: &str| {
        let changes = comparison.map(|comparison| comparison.changes.as_slice()).unwrap_or_default();
        let found = changes.iter().find(|change| change.metric.to_string() == metric);
        found.map(|change| Cell::new(change.change_text(), mood_of(change.judgement)))
    };
    let wrong = counts.planned.saturating_sub(counts.ok);
    let bad_if = |is_bad: bool, otherwise| if is_bad { Mood::Bad } else { otherwise };
    let busy = if sender.busy >= 0.8 { Mood::Warn } else { Mood::Plain };
    let figure = |name, value: String, mood, note: String, metric| Figure {
        name,
        value: Cell::new(value, mood),
        note,
        change: change(metric),
    };
    vec![
        figure(
            "answered",
            units::rate(report.throughput()),
            Mood::Plain,
            format!("{} as wanted", units::count(counts.ok)),
            "rate",
        ),
        figure("p50", percentile(50.0), Mood::Plain, "from planned".to_owned(), "p50"),
        figure("p99", percentile(99.0), Mood::Plain, format!("p99.9 is {}", percentile(99.9)), "p99"),
        figure(
            "errors",
            units::percent(report.error_share() * 100.0),
            bad_if(wrong > 0, Mood::Good),
            format!("{} of {}", units::count(wrong), units::plural(counts.planned, "event")),
            "errors",
        ),
        figure(
            "dropped",
            units::count(counts.dropped),
            bad_if(counts.dropped > 0, Mood::Plain),
            format!("{} sent late", units::count(counts.late)),
            "dropped",
        ),
        figure(
            "sender's cores",
            format!("{:.0} %", sender.busy * 100.0),
            busy,
            format!("{} CPU per event", units::micros(sender.cpu_per_event_us)),
            "cpu",
        ),
    ]
}

fn remarks(report: &Report, failed: &[String]) -> Vec<Remark> {
    let failed = failed.iter().map(|hit| Remark {
        side: "failed",
        mood: Mood::Bad,
        pieces: vec![(false, hit.clone())],
    });
    let findings = report.findings.iter().map(|finding| {
        let (side, mood) = match finding.side {
            Side::Sender => ("sender", Mood::Warn),
            Side::Receiver => ("receiver", Mood::Bad),
            Side::Run => ("run", Mood::Strong),
        };
        let pieces = finding.pieces().into_iter().map(|(code, piece)| (code, piece.to_owned()));
        Remark { side, mood, pieces: pieces.collect() }
    });
    findings.chain(failed).collect()
}

fn events(report: &Report) -> Section {
    let Report { counts, plan, .. } = report;
    // The rate of a story run counts stories, that of its responses events; a shard is asked for its part.
    let unit = if plan.unit == "stories" { " stories" } else { "" };
    let part = plan.shard.map_or_else(String::new, |shard| format!(" by {} shards together", shard.of));
    let lead = format!(
        "{}{unit} asked for{part}, {} answered as wanted, over {}",
        plan.rate,
        units::rate(report.throughput()),
        units::seconds(report.elapsed_s)
    );
    let row = |(name, count, mood): (&str, u64, Mood)| {
        Row::pair(name, units::count(count), if count == 0 { Mood::Dim } else { mood })
    };
    let rows = [
        ("planned", counts.planned, Mood::Plain),
        ("sent", counts.sent, Mood::Plain),
        ("ok", counts.ok, Mood::Good),
        ("wrong status", counts.wrong_status, Mood::Bad),
        ("failed", counts.failed, Mood::Bad),
        ("timed out", counts.timed_out, Mood::Bad),
        ("dropped", counts.dropped, Mood::Bad),
        ("late", counts.late, Mood::Warn),
    ]
    .map(row);
    Section {
        title: "Events",
        lead: Some(Cell::plain(lead)),
        columns: Vec::new(),
        rows: rows.into(),
        is_detail: true,
    }
}

fn latency(report: &Report) -> Section {
    let times = &report.latency;
    let row = |name: String, of: &dyn Fn(&Histogram) -> Duration| {
        let [planned, sent, lag] =
            [&times.planned, &times.sent, &times.lag].map(|times| units::time(of(times)));
        Row::new([
            Cell::plain(name),
            Cell::new(planned, Mood::Strong),
            Cell::plain(sent),
            Cell::new(lag, Mood::Dim),
        ])
    };
    let percentiles = PERCENTILES
        .iter()
        .map(|percent| row(format!("p{percent}"), &|times: &Histogram| times.percentile(*percent)));
    let mut rows: Vec<Row> = percentiles.collect();
    rows.push(row("max".to_owned(), &Histogram::max));
    rows.push(row("mean".to_owned(), &Histogram::mean));
    let is_empty = times.planned.count() == 0;
    Section {
        title: "Latency",
        lead: is_empty.then(|| Cell::plain("no event was answered")),
        columns: vec!["", "from planned", "from sending", "sending lag"],
        rows: if is_empty { Vec::new() } else { rows },
        is_detail: false,
    }
}

fn responses(report: &Report) -> Section {
    let sent = report.counts.sent;
    let row = |name: String, mood, count: u64, note: &str| Row {
        cells: vec![
            Cell::new(name, mood),
            Cell::plain(units::count(count)),
            Cell::new(units::share(count, sent), Mood::Dim),
        ],
        note: note.to_owned(),
        bar: (sent > 0).then(|| (count as f64 * 100.0 / sent as f64).clamp(0.4, 100.0)),
    };
    let statuses = report.statuses.iter().map(|(status, count)| {
        let mood = if (200..300).contains(status) { Mood::Good } else { Mood::Bad };
        row(status.to_string(), mood, *count, "")
    });
    let errors = report
        .errors
        .iter()
        .map(|(class, failures)| row(class.clone(), Mood::Bad, failures.count, &failures.first));
    let rows: Vec<Row> = statuses.chain(errors).collect();
    Section {
        title: "Responses",
        lead: rows.is_empty().then(|| Cell::plain("none")),
        columns: vec!["", "events", "share"],
        rows,
        is_detail: true,
    }
}

fn sender(report: &Report) -> Section {
    let sender = &report.sender;
    let busy = if sender.busy >= 0.8 { Mood::Warn } else { Mood::Plain };
    let mut rows = vec![
        Row::pair("cores used", format!("{:.0} %", sender.busy * 100.0), busy),
        Row::pair("CPU per event", units::micros(sender.cpu_per_event_us), Mood::Plain),
        Row::pair("user CPU", units::seconds(sender.user_s), Mood::Plain),
        Row::pair("system CPU", units::seconds(sender.system_s), Mood::Plain),
    ];
    if sender.peak_bytes > 0 {
        rows.push(Row::pair("memory at most", units::bytes(sender.peak_bytes), Mood::Plain));
    }
    rows.push(Row::pair("connections", units::count(sender.connections), Mood::Plain));
    Section { title: "Sender", lead: None, columns: Vec::new(), rows, is_detail: true }
}

fn stories(report: &Report) -> Section {
    let rows = report.plan.stories.iter().map(|story| {
        let failed = match story.failed {
            0 => Cell::new(NONE, Mood::Dim),
            failed => Cell::new(units::count(failed), Mood::Bad),
        };
        let cells = [
            Cell::plain(&*story.name),
            Cell::plain(story.weight.to_string()),
            Cell::plain(units::count(story.started)),
            failed,
        ];
        Row { note: story.first_failure.clone(), ..Row::new(cells) }
    });
    Section {
        title: "Stories",
        lead: None,
        columns: vec!["", "weight", "started", "failed"],
        rows: rows.collect(),
        is_detail: true,
    }
}

fn search(search: &Search) -> Section {
    let lead = match search.best {
        0.0 => Cell::new(format!("no rate held {}", search.slo), Mood::Bad),
        best => Cell::new(
            format!("{} is the highest rate that held {}", units::rate(best), search.slo),
            Mood::Good,
        ),
    };
    let rows = search.probes.iter().map(|probe| {
        let (outcome, mood) = if probe.held { ("held", Mood::Good) } else { (&*probe.why, Mood::Bad) };
        Row::new([
            Cell::plain(units::rate(probe.rate)),
            Cell::plain(units::rate(probe.achieved)),
            Cell::plain(units::micros(probe.p99_us as f64)),
            Cell::plain(units::percent(probe.errors * 100.0)),
            Cell::new(outcome, mood),
        ])
    });
    Section {
        title: "Search",
        lead: Some(lead),
        columns: vec!["rate", "answered", "p99", "errors", "outcome"],
        rows: rows.collect(),
        is_detail: false,
    }
}

fn baseline(comparison: &Comparison) -> Section {
    let rows = comparison.changes.iter().map(|change| {
        Row::new([
            Cell::plain(change.metric.to_string()),
            Cell::new(change.before_text(), Mood::Dim),
            Cell::plain(change.after_text()),
            Cell::new(change.change_text(), mood_of(change.judgement)),
        ])
    });
    let plans = &comparison.plans;
    let differ = || Cell::new(format!("The plans differ: {}.", plans.join("; ")), Mood::Warn);
    Section {
        title: "Baseline",
        lead: (!plans.is_empty()).then(differ),
        columns: vec!["metric", "baseline", "now", "change"],
        rows: rows.collect(),
        is_detail: false,
    }
}

//! The summary of a run for the terminal.

use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::compare::{Comparison, Judgement};
use super::data::{Report, Side};
use super::histogram::{Histogram, PERCENTILES};
use super::units;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default();

/// How many columns text may take.
const WIDTH: usize = 100;

/// Where the values begin: behind the name of their line.
const INDENT: usize = 11;

/// The summary: several lines with ANSI colours, each ended. What changed from a baseline, what to think of it and why
/// the run failed, if it did, come last.
pub fn summary(report: &Report, comparison: Option<&Comparison>, failed: &[String]) -> String {
    let mut lines = head(report);
    lines.push(String::new());
    lines.extend(counts(report));
    lines.push(String::new());
    lines.extend(latency(report));
    lines.push(String::new());
    lines.extend(answers(report));
    lines.extend(sender(report));
    if let Some(search) = &report.search {
        lines.push(String::new());
        let best = match search.best {
            0.0 => format!("{BAD}no rate held {}{BAD:#}", search.slo),
            best => {
                format!("{GOOD}{}{GOOD:#} is the highest rate that held {}", units::rate(best), search.slo)
            }
        };
        lines.push(line("Search", &best));
        for probe in &search.probes {
            let (mark, style) = if probe.held { ("✓", GOOD) } else { ("✗", BAD) };
            let p99 = units::micros(probe.p99_us as f64);
            let rate = units::rate(probe.rate);
            lines.push(line(
                "",
                &format!("{style}{mark}{style:#} {rate:>9}  p99 {p99:>8}  {DIM}{}{DIM:#}", probe.why),
            ));
        }
    }
    if let Some(comparison) = comparison {
        lines.push(String::new());
        lines.extend(changes(comparison));
    }
    lines.push(String::new());
    lines.extend(findings(report));
    lines.extend(failures(failed));
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A line under a name; none for what belongs to the line before.
fn line(name: &str, text: &str) -> String {
    format!("{BOLD}{name:<width$}{BOLD:#}{text}", width = INDENT)
}

fn head(report: &Report) -> Vec<String> {
    let plan = &report.plan;
    let mut lines = vec![line(
        "Load",
        &format!(
            "{} {}, {}, for {} to {}",
            plan.rate,
            plan.unit,
            plan.arrivals,
            units::lapse(plan.duration_s),
            plan.target
        ),
    )];
    let mut details = vec![
        plan.protocol.clone(),
        units::plural(u64::from(plan.workers), "worker"),
        format!("{} in flight at most", units::count(u64::from(plan.in_flight))),
        format!("time-out {}", units::lapse(plan.timeout_ms as f64 / 1e3)),
        format!("seed {}", plan.seed),
    ];
    if let Some(shard) = plan.shard {
        details.push(format!("shard {} of {}", shard.index, shard.of));
    }
    if plan.runs > 1 {
        details.push(format!("merged from {} runs", plan.runs));
    }
    lines.push(line("", &format!("{DIM}{}{DIM:#}", details.join(", "))));
    let one = plan.stories.len() == 1;
    for story in plan.stories.iter().filter(|story| !one || story.failed > 0 || plan.unit == "stories") {
        let failed = match story.failed {
            0 => String::new(),
            failed => {
                let first = &story.first_failure;
                let first = if first.is_empty() { String::new() } else { format!(", first: {first}") };
                format!(", {BAD}{} failed{BAD:#}{first}", units::count(failed))
            }
        };
        let text = format!("{} of `{}` told{failed}", units::count(story.told), story.name);
        lines.push(line("", &text));
    }
    lines
}

fn counts(report: &Report) -> Vec<String> {
    let counts = &report.counts;
    let tell = |number: u64, what: &str, style: Style| {
        let style = if number == 0 { DIM } else { style };
        format!("{style}{} {what}{style:#}", units::count(number))
    };
    let plain = Style::new();
    let first = [
        tell(counts.planned, "planned", plain),
        tell(counts.sent, "sent", plain),
        tell(counts.ok, "ok", GOOD),
    ];
    let second = [
        tell(counts.wrong_status, "wrong status", BAD),
        tell(counts.failed, "failed", BAD),
        tell(counts.timed_out, "timed out", BAD),
        tell(counts.dropped, "dropped", BAD),
        tell(counts.late, "late", WARN),
    ];
    let achieved = units::rate(report.throughput());
    // The rate of a story run counts stories, that of its answers events; a shard is asked for its part.
    let counts = if report.plan.unit == "stories" { " of stories" } else { "" };
    let part =
        report.plan.shard.map_or_else(String::new, |shard| format!(" of {} shards together", shard.of));
    let events = if counts.is_empty() { "" } else { " events" };
    vec![
        line("Events", &first.join("   ")),
        line("", &second.join("   ")),
        line(
            "Rate",
            &format!(
                "{}{counts} asked{part}   {achieved}{events} answered as wanted, over {}",
                report.plan.rate,
                units::seconds(report.elapsed_s)
            ),
        ),
    ]
}

fn latency(report: &Report) -> Vec<String> {
    let times = &report.latency;
    if times.planned.count() == 0 {
        return vec![line("Latency", "no event was answered")];
    }
    let row = |name: &str, of: &dyn Fn(&Histogram) -> Duration| {
        let [planned, sent, lag] =
            [&times.planned, &times.sent, &times.lag].map(|times| units::time(of(times)));
        line("", &format!("{name:<7}{BOLD}{planned:>13}{BOLD:#}{sent:>15}{DIM}{lag:>13}{DIM:#}"))
    };
    let mut lines = vec![line(
        "Latency",
        &format!("{DIM}{:<7}{:>13}{:>15}{:>13}{DIM:#}", "", "from planned", "from sending", "sending lag"),
    )];
    for percent in PERCENTILES {
        lines.push(row(&format!("p{percent}"), &|times| times.percentile(percent)));
    }
    lines.push(row("max", &Histogram::max));
    lines.push(row("mean", &Histogram::mean));
    lines
}

fn answers(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    let sent = report.counts.sent;
    for (index, (status, count)) in report.statuses.iter().enumerate() {
        let style = if (200..300).contains(status) { GOOD } else { BAD };
        let name = if index == 0 { "Statuses" } else { "" };
        let (number, share) = (units::count(*count), units::share(*count, sent));
        lines.push(line(name, &format!("{style}{status:<11}{style:#}{number:>11}{share:>10}")));
    }
    for (index, (class, failures)) in report.errors.iter().enumerate() {
        let name = if index == 0 { "Errors" } else { "" };
        let (number, share) = (units::count(failures.count), units::share(failures.count, sent));
        lines.push(line(name, &format!("{BAD}{class:<11}{BAD:#}{number:>11}{share:>10}")));
        let first = failures.first.replace(char::is_control, " ");
        lines.extend(wrap(&first).into_iter().map(|part| line("", &format!("  {DIM}{part}{DIM:#}"))));
    }
    lines
}

fn sender(report: &Report) -> Vec<String> {
    let sender = &report.sender;
    let busy = format!("{:.0} %", sender.busy * 100.0);
    let style = if sender.busy >= 0.8 { WARN } else { Style::new() };
    let mut parts = vec![
        format!("{style}{busy} of its cores{style:#}"),
        format!("{} CPU per event", units::micros(sender.cpu_per_event_us)),
        format!("{} user + {} system", units::seconds(sender.user_s), units::seconds(sender.system_s)),
    ];
    if sender.peak_bytes > 0 {
        parts.push(format!("{} of memory", units::bytes(sender.peak_bytes)));
    }
    parts.push(units::plural(sender.connections, "connection"));
    let (cpu, other) = parts.split_at(3);
    vec![line("Sender", &cpu.join("   ")), line("", &other.join("   "))]
}

fn changes(comparison: &Comparison) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, change) in comparison.changes.iter().enumerate() {
        let style = match change.judgement {
            Judgement::Better => GOOD,
            Judgement::Worse => BAD,
            Judgement::Same => DIM,
        };
        let name = if index == 0 { "Baseline" } else { "" };
        let (before, after, by) = (change.before_text(), change.after_text(), change.change_text());
        let metric = change.metric.to_string();
        lines.push(line(
            name,
            &format!("{metric:<10}{DIM}{before:>10} →{DIM:#}{after:>10}   {style}{by}{style:#}"),
        ));
    }
    if !comparison.plans.is_empty() {
        let text = format!("The plans differ: {}.", comparison.plans.join("; "));
        lines.extend(wrap(&text).into_iter().map(|part| line("", &format!("{WARN}{part}{WARN:#}"))));
    }
    lines
}

fn findings(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, finding) in report.findings.iter().enumerate() {
        let (side, style) = match finding.side {
            Side::Sender => ("sender", WARN),
            Side::Receiver => ("receiver", BAD),
            Side::Run => ("run", BOLD),
        };
        for (number, part) in wrap(&finding.text).into_iter().enumerate() {
            let name = if index + number == 0 { "Findings" } else { "" };
            let side = if number == 0 { side } else { "" };
            lines.push(line(name, &format!("{style}{side:<10}{style:#}{part}")));
        }
    }
    lines
}

fn failures(failed: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, hit) in failed.iter().enumerate() {
        for (number, part) in wrap(hit).into_iter().enumerate() {
            let name = if index + number == 0 { "Failed" } else { "" };
            lines.push(line(name, &format!("{BAD}{part}{BAD:#}")));
        }
    }
    lines
}

/// Breaks text between words, so that it fits beside the names and sides.
fn wrap(text: &str) -> Vec<String> {
    let room = WIDTH - INDENT - 10;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{compare, samples};

    fn plain(report: &Report, baseline: Option<&Report>) -> String {
        let failed = match baseline {
            Some(_) => {
                vec!["p99>+20%: p99 is 1.83 s, above 6.13 ms; it was 5.11 ms in the baseline".to_owned()]
            }
            None => Vec::new(),
        };
        let comparison = baseline.map(|baseline| compare(baseline, report));
        anstream::adapter::strip_str(&summary(report, comparison.as_ref(), &failed)).to_string()
    }

    #[test]
    fn a_run_that_held() {
        insta::assert_snapshot!(plain(&samples::steady(), None));
    }

    #[test]
    fn a_stall_beside_its_baseline() {
        insta::assert_snapshot!(plain(&samples::stall(), Some(&samples::steady())));
    }

    #[test]
    fn nobody_listened() {
        insta::assert_snapshot!(plain(&samples::refused(), None));
    }

    #[test]
    fn a_search() {
        insta::assert_snapshot!(plain(&samples::search(), None));
    }

    #[test]
    fn text_from_elsewhere_controls_no_terminal() {
        let mut report = samples::refused();
        report.errors.get_mut("refused").unwrap().first = "a\u{1b}[2Jb".to_owned();
        assert!(plain(&report, None).contains("a [2Jb"));
    }
}

//! The report as Markdown: fit for a comment under a pull request.

use std::time::Duration;

use super::compare::{Comparison, Judgement};
use super::data::{Report, Side};
use super::histogram::{Histogram, PERCENTILES};
use super::units;

/// The report as Markdown, with what changed from a baseline and why the run failed, if it did.
pub fn markdown(report: &Report, comparison: Option<&Comparison>, failed: &[String]) -> String {
    let Report { plan, counts, sender, .. } = report;
    let mut out = String::new();
    let mut say = |line: &str| {
        out.push_str(line);
        out.push('\n');
    };
    say(&format!(
        "### Load: {} {} for {}\n",
        escape(&plan.rate),
        escape(&plan.unit),
        units::lapse(plan.duration_s)
    ));
    say(&format!(
        "**{}** answered as wanted of {} planned ({} wrong), at **{}**; p99 **{}** from the planned instant.\n",
        units::count(counts.ok),
        units::plural(counts.planned, "event"),
        units::percent(report.error_share() * 100.0),
        units::rate(report.throughput()),
        if report.latency.planned.count() == 0 {
            "–".to_owned()
        } else {
            units::time(report.latency.planned.percentile(99.0))
        },
    ));
    for hit in failed {
        say(&format!("- ❌ **Failed:** {}", escape(hit)));
    }
    for finding in &report.findings {
        let side = match finding.side {
            Side::Sender => "⚠️ **Sender:**",
            Side::Receiver => "❌ **Receiver:**",
            Side::Run => "ℹ️ **Run:**",
        };
        let text: String = finding
            .pieces()
            .into_iter()
            .map(|(code, piece)| if code { format!("<code>{}</code>", escape(piece)) } else { escape(piece) })
            .collect();
        say(&format!("- {side} {text}"));
    }
    say("");
    if let Some(comparison) = comparison {
        say("| metric | baseline | now | change | |\n| --- | ---: | ---: | ---: | --- |");
        for change in &comparison.changes {
            let mark = match change.judgement {
                Judgement::Better => "🟢 better",
                Judgement::Worse => "🔴 worse",
                Judgement::Same => "",
            };
            let (before, after, by) = (change.before_text(), change.after_text(), change.change_text());
            say(&format!("| {} | {} | {} | {by} | {mark} |", change.metric, escape(&before), escape(&after)));
        }
        say("");
        if !comparison.plans.is_empty() {
            say(&format!("The plans differ: {}.\n", escape(&comparison.plans.join("; "))));
        }
    }
    if let Some(search) = &report.search {
        say(&format!(
            "Highest rate that held <code>{}</code>: **{}**\n",
            escape(&search.slo),
            units::rate(search.best)
        ));
        say("| rate | answered | p99 | errors | held |\n| ---: | ---: | ---: | ---: | --- |");
        for probe in &search.probes {
            say(&format!(
                "| {} | {} | {} | {} | {} |",
                units::rate(probe.rate),
                units::rate(probe.achieved),
                units::micros(probe.p99_us as f64),
                escape(&units::percent(probe.errors * 100.0)),
                if probe.held { "yes".to_owned() } else { escape(&probe.why) }
            ));
        }
        say("");
    }
    let times = &report.latency;
    if times.planned.count() > 0 {
        say("| latency | from planned | from sending | sending lag |\n| --- | ---: | ---: | ---: |");
        let mut row = |name: &str, of: &dyn Fn(&Histogram) -> Duration| {
            let [planned, sent, lag] =
                [&times.planned, &times.sent, &times.lag].map(|times| units::time(of(times)));
            say(&format!("| {name} | {planned} | {sent} | {lag} |"));
        };
        for percent in PERCENTILES {
            row(&format!("p{percent}"), &|times| times.percentile(percent));
        }
        row("max", &Histogram::max);
        row("mean", &Histogram::mean);
        say("");
    }
    say("<details><summary>Counts, answers, sender</summary>\n");
    say("| events | |\n| --- | ---: |");
    for (name, number) in [
        ("planned", counts.planned),
        ("sent", counts.sent),
        ("ok", counts.ok),
        ("wrong status", counts.wrong_status),
        ("failed", counts.failed),
        ("timed out", counts.timed_out),
        ("dropped", counts.dropped),
        ("late", counts.late),
    ] {
        say(&format!("| {name} | {} |", units::count(number)));
    }
    for (status, number) in &report.statuses {
        say(&format!("| status {status} | {} |", units::count(*number)));
    }
    for (class, failures) in &report.errors {
        say(&format!(
            "| {}: {} | {} |",
            escape(class),
            escape(&failures.first),
            units::count(failures.count)
        ));
    }
    say(&format!(
        "\nTo {} over {}, {} in flight at most, {}, seed {}. The sender used {:.0} % of its cores, {} CPU per event, {}.",
        escape(&plan.target),
        escape(&plan.protocol),
        units::count(u64::from(plan.in_flight)),
        units::plural(u64::from(plan.workers), "worker"),
        plan.seed,
        sender.busy * 100.0,
        units::micros(sender.cpu_per_event_us),
        units::bytes(sender.peak_bytes),
    ));
    say(&format!("\nairudder-mock {}, {}\n\n</details>", escape(&report.version), report.started));
    out
}

/// Text that Markdown shows as it is, also in a table.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '@' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{compare, samples};

    #[test]
    fn a_stall_beside_its_baseline() {
        let (steady, stall) = (samples::steady(), samples::stall());
        insta::assert_snapshot!(markdown(
            &stall,
            Some(&compare(&steady, &stall)),
            &["p99>+20%: p99 is 1.83 s".to_owned()]
        ));
    }

    #[test]
    fn a_search_and_no_answer_at_all() {
        insta::assert_snapshot!(format!(
            "{}\n---\n\n{}",
            markdown(&samples::search(), None, &[]),
            markdown(&samples::refused(), None, &[])
        ));
    }

    #[test]
    fn text_from_elsewhere_stays_text() {
        let mut report = samples::refused();
        report.errors.get_mut("refused").unwrap().first = "<b>|x\n| y".to_owned();
        let text = markdown(&report, None, &[]);
        assert!(text.contains("| refused: &lt;b&gt;\\|x \\| y | 1,500 |"), "{text}");
    }
}

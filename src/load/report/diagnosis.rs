//! Conclusions about a run: which side limited it, with numbers. They state only what the numbers show.

use std::time::Duration;

use super::analyzer::Analyzer;
use super::data::{Failures, Finding, Receipts, Report, Side};
use super::units::{count, duration, millis, plural, seconds, share, time};
use super::void::{imbalance, void};

/// Fills in the conclusions about a run: whether it is void, and the findings. Conclusions that the report already has are
/// replaced.
pub(crate) fn conclude(report: &mut Report) {
    report.void = void(report);
    report.findings = diagnose(report);
}

fn diagnose(report: &Report) -> Vec<Finding> {
    if report.counts.planned == 0 {
        return vec![Finding::run("No event was planned, so nothing was measured.".to_owned())];
    }
    if report.counts.wanted() == 0 {
        let dropped = plural(report.counts.withheld, "event");
        return vec![Finding::run(format!("A fault dropped all of the {dropped}, so nothing was measured."))];
    }
    let analyzer = Analyzer::at(report);
    let mut found: Vec<Finding> = Vec::new();
    found.extend(sums(report));
    found.extend(shards(report));
    found.extend(cut_short(report));
    found.extend(analyzer.sender());
    found.extend(analyzer.limit());
    found.extend(analyzer.dropped());
    found.extend(analyzer.frozen());
    found.extend(analyzer.saturated());
    found.extend(analyzer.stalls());
    found.extend(analyzer.slowing());
    found.extend(failures(report, analyzer.is_blind()));
    found.extend(statuses(report));
    found.extend(report.receipts.iter().flat_map(receipts));
    found.extend(connections(report));
    found.extend(stories(report));
    found.extend(faults(report));
    found.extend(gap(report));
    if found.is_empty() {
        found.push(held(report));
    }
    found
}

/// Checks counts that belong together. If they don't agree, nothing else here can be trusted.
fn sums(report: &Report) -> Option<Finding> {
    imbalance(report).map(|wrong| {
        Finding::run(format!(
            "Counts do not agree: {wrong}. Do not rely on this report; this is a bug in airudder-mock."
        ))
    })
}

/// Reports what a merged report lacks.
fn shards(report: &Report) -> Vec<Finding> {
    let Some(merged) = &report.merged else { return Vec::new() };
    let mut found = Vec::new();
    found.extend(merged.missing().map(|missing| Finding::run(format!("{missing}."))));
    let apart = merged.last_started.duration_since(report.started).as_secs_f64();
    if apart * 1e3 > report.plan.interval_ms as f64 {
        found.push(Finding::run(format!(
            "The shards started up to {} apart, so the load was not the planned one. Intervals are counted from the \
             start of each.",
            seconds(apart)
        )));
    }
    found
}

fn cut_short(report: &Report) -> Option<Finding> {
    let planned = report.plan.duration_s;
    (report.elapsed_s < planned * 0.9 && report.counts.planned >= 20).then(|| {
        let (elapsed, planned) = (seconds(report.elapsed_s), duration(planned));
        Finding::run(format!("The run ended after {elapsed} of the planned {planned}."))
    })
}

/// Reports events without a response, by class.
fn failures(report: &Report, is_blind: bool) -> Vec<Finding> {
    let mut classes: Vec<_> = report.errors.iter().filter(|(_, failures)| failures.count > 0).collect();
    classes.sort_by_key(|(_, failures)| std::cmp::Reverse(failures.count));
    classes.into_iter().map(|(class, failures)| failed(report, class, failures, is_blind)).collect()
}

fn failed(report: &Report, class: &str, failures: &Failures, is_blind: bool) -> Finding {
    let count = failures.count;
    let many = format!("{} ({})", plural(count, "event"), share(count, report.counts.sent));
    let was = if count == 1 { "was" } else { "were" };
    let target = &report.plan.target;
    let text = match class {
        "refused" => {
            format!("{was} refused: nothing listens at {target}, or its queue of new connections is full")
        }
        "reset" => {
            let first = if failures.first.is_empty() { "" } else { ". The first one: " };
            format!(
                "ended with the connection closed before the response was complete{first}{}",
                failures.first
            )
        }
        "timeout" if is_blind => format!(
            "{was} not recorded as answered within {}, because the sender had no time to read the response: that says nothing \
             about the receiver",
            millis(report.plan.timeout_ms)
        ),
        "timeout" => format!("{was} not answered within {}", millis(report.plan.timeout_ms)),
        "interrupted" => format!("{was} in flight when the run was ended"),
        "tls" => format!("failed because no TLS connection to {target} could be established"),
        "unresolved" => format!("failed because the host of {target} has no address"),
        _ => format!("failed as `{class}`"),
    };
    let side = match class {
        "timeout" if is_blind => Side::Run,
        "refused" | "reset" | "timeout" | "tls" => Side::Receiver,
        _ => Side::Run,
    };
    Finding { side, text: format!("{many} {text}.") }
}

/// Reports responses that don't count as success.
fn statuses(report: &Report) -> Option<Finding> {
    let wrong = report.counts.wrong_status;
    if wrong == 0 {
        return None;
    }
    let others = report.statuses.iter().filter(|(status, _)| !(200..300).contains(*status));
    let mut others: Vec<(&u16, &u64)> = others.collect();
    others.sort_by_key(|(_, number)| std::cmp::Reverse(**number));
    let listed = others.iter().take(3);
    let listed: Vec<String> =
        listed.map(|(status, number)| format!("{} had status {status}", count(**number))).collect();
    let advice = match others.first() {
        // A wrong signature is refused, as it should be.
        _ if !report.faults.is_empty() => "",
        Some((301..=303 | 307 | 308, _)) => {
            " Callbacks do not follow redirects: set the callback URL to the final address."
        }
        Some((401 | 403, _)) => {
            " Perhaps the receiver verifies signatures with another secret: see `--secret`."
        }
        Some((404 | 405, _)) => " Perhaps the path of the callback URL is wrong.",
        Some((413, _)) => " The receiver finds the bodies too large.",
        Some((429, _)) => " The receiver, or a proxy before it, limits the rate.",
        Some((502..=504, _)) => " Usually a proxy sends this when the server behind it does not keep up.",
        Some((500.., _)) => " Its log should say why.",
        _ => "",
    };
    let list =
        if listed.is_empty() { "their bodies were not as expected".to_owned() } else { listed.join(", ") };
    Some(Finding::receiver(format!(
        "{} ({}) were answered with an error: {list}.{advice}",
        plural(wrong, "event"),
        share(wrong, report.counts.sent)
    )))
}

/// Reports the comparison with the receiver's own list.
fn receipts(receipts: &Receipts) -> Vec<Finding> {
    let Receipts { source, error, field, listed, accepted, .. } = receipts;
    if !error.is_empty() {
        return vec![Finding::run(format!(
            "The received events were not compared with the sent ones: {error}."
        ))];
    }
    let named = |ids: &[String]| match ids {
        [] => String::new(),
        ids => format!(", among them {}", ids.join(", ")),
    };
    let mut found = Vec::new();
    if *listed == 0 {
        found.push(Finding::run(format!("{source} lists nothing.")));
    }
    if receipts.lost > 0 {
        found.push(Finding::receiver(format!(
            "{} of {} that were answered as expected ({}) are not in {source}{}: the receiver lost them after it had \
             accepted them.",
            count(receipts.lost),
            plural(*accepted, "event"),
            share(receipts.lost, *accepted),
            named(&receipts.lost_ids)
        )));
    }
    if receipts.doubled > 0 {
        found.push(Finding::receiver(format!(
            "{} more in {source} than were sent{}: the receiver accepted some events twice.",
            plural(receipts.doubled, "entry"),
            named(&receipts.doubled_ids)
        )));
    }
    if receipts.unknown > 0 && !field.is_empty() {
        found.push(Finding::run(format!(
            "{} of the {} in {source} belong to no event of this run{}.",
            count(receipts.unknown),
            count(*listed),
            named(&receipts.unknown_ids)
        )));
    }
    if receipts.uncompared > 0 {
        found.push(Finding::run(format!(
            "{} have no id of the kind that {source} lists, and were not compared.",
            plural(receipts.uncompared, "event")
        )));
    }
    if found.is_empty() {
        found.push(Finding::run(format!(
            "Nothing was lost or duplicated: {} by `{field}` in {source}.",
            plural(*accepted, "event")
        )));
    }
    found
}

/// Reports whether connections were kept.
fn connections(report: &Report) -> Option<Finding> {
    let (opened, counts) = (report.sender.connections, &report.counts);
    let many = opened > u64::from(report.plan.in_flight) && opened.saturating_mul(2) > counts.sent;
    // After a failure a new connection is to be expected.
    (many && counts.failed * 10 < counts.sent).then(|| {
        Finding::receiver(format!(
            "The receiver does not keep connections open: {} for {}. All times here include setting up connections.",
            plural(opened, "connection"),
            plural(counts.sent, "event")
        ))
    })
}

fn stories(report: &Report) -> Option<Finding> {
    let started: u64 = report.plan.stories.iter().map(|story| story.started).sum();
    let failed: u64 = report.plan.stories.iter().map(|story| story.failed).sum();
    let worst = report.plan.stories.iter().max_by_key(|story| story.failed)?;
    (failed > 0).then(|| {
        let first = match worst.first_failure.as_str() {
            "" => String::new(),
            first => format!(" The first one: {first}"),
        };
        let started = plural(started, "story");
        let (failed, name, most) = (count(failed), &worst.name, count(worst.failed));
        Finding::receiver(format!(
            "{failed} of {started} failed their expectations, most of them of `{name}` ({most}).{first}"
        ))
    })
}

/// Reports what went wrong on purpose.
fn faults(report: &Report) -> Option<Finding> {
    let hits: Vec<String> =
        report.faults.iter().map(|(name, hits)| format!("{name} {}", plural(*hits, "time"))).collect();
    (!hits.is_empty()).then(|| Finding::run(format!("Faults have hit on purpose: {}.", hits.join(", "))))
}

/// Reports what a closed-loop tester would not have seen.
fn gap(report: &Report) -> Option<Finding> {
    let (planned, sent) = (report.latency.planned.percentile(99.0), report.latency.sent.percentile(99.0));
    let gap = planned.saturating_sub(sent);
    // Differences below the limit for late events are noise of this machine.
    let late = Duration::from_millis(report.plan.late_ms.max(1));
    (gap >= late && gap * 10 >= sent).then(|| {
        Finding::run(format!(
        "Counted from the planned times, p99 is {}; counted from the sending it is {}. The \
         difference is the time that events waited to be sent; a test that sends only after responses would hide it.",
            time(planned),
            time(sent)
        ))
    })
}

fn held(report: &Report) -> Finding {
    let Report { plan, counts, latency, .. } = report;
    let late = match counts.late {
        0 => String::new(),
        late => format!(", {} of them written more than {} late", count(late), millis(plan.late_ms)),
    };
    let asked = match plan.arrivals.as_str() {
        "closed" => "as fast as responses arrived".to_owned(),
        _ if plan.unit == "stories" => format!("at {} (stories)", plan.rate),
        _ => format!("at {}", plan.rate),
    };
    let busy = report.busy().map(|busy| format!(", and the sender used {:.0} % of its cores", busy * 100.0));
    Finding::run(format!(
        "It held: {} {asked}, all answered as expected{late}. p99 is {}{}.",
        plural(counts.wanted(), "event"),
        time(latency.planned.percentile(99.0)),
        busy.unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::report::histogram::Histogram;
    use crate::load::samples::{self, Model, STEADY};

    fn text(report: &Report) -> String {
        let lines: Vec<String> =
            diagnose(report).iter().map(|finding| format!("{:?}: {}", finding.side, finding.text)).collect();
        lines.join("\n")
    }

    #[test]
    fn a_run_that_held_says_only_that() {
        insta::assert_snapshot!(text(&samples::steady()));
    }

    #[test]
    fn a_stall_is_the_receivers() {
        insta::assert_snapshot!(text(&samples::stall()));
        // The same, with a limit that is reached while the stall lasts.
        let full = Model { stall: Some((8.0, 10.0)), in_flight: 256, ..STEADY }.report();
        insta::assert_snapshot!(text(&full));
    }

    #[test]
    fn a_sender_without_cpu_blames_itself_alone() {
        // An event takes the sender longer than the time between two events.
        let report = Model { cost: 2_300.0, ..STEADY }.report();
        assert!(diagnose(&report).iter().all(|finding| finding.side != Side::Receiver));
        insta::assert_snapshot!(text(&report));
    }

    #[test]
    fn a_low_limit_is_the_senders() {
        // 500/s of 100 ms each are 50 in flight.
        let report = Model { in_flight: 40, service: |_| 100_000, ..STEADY }.report();
        assert!(diagnose(&report).iter().all(|finding| finding.side != Side::Receiver));
        insta::assert_snapshot!(text(&report));
    }

    #[test]
    fn a_receiver_that_gets_slower_is_reported() {
        let report = Model { service: |at| 2_000 + (at * 4_000.0) as u64, ..STEADY }.report();
        insta::assert_snapshot!(text(&report));
    }

    #[test]
    fn failures_are_reported_by_class() {
        insta::assert_snapshot!(text(&samples::refused()));
        let slow = Model { stall: Some((2.0, 6.0)), timeout_ms: 1_000, ..STEADY }.report();
        insta::assert_snapshot!(text(&slow));
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
        insta::assert_snapshot!(text(&report));
    }

    #[test]
    fn counts_that_do_not_agree_are_reported() {
        let mut report = samples::steady();
        report.counts.dropped += 7;
        report.statuses.insert(500, 1);
        insta::assert_snapshot!(text(&report));
    }

    #[test]
    fn a_closed_load_is_at_its_limit_by_nature() {
        let mut report = samples::steady();
        report.plan.arrivals = "closed".to_owned();
        report.plan.rate = "max".to_owned();
        report.plan.in_flight = 4;
        report.series.iter_mut().for_each(|interval| interval.in_flight = 4);
        insta::assert_snapshot!(text(&report));
        report.sender.busy = 0.97;
        insta::assert_snapshot!(text(&report));
    }

    #[test]
    fn a_receiver_that_does_not_keep_up_is_reported() {
        // From the sixth second on each takes 2 s, so that 400 in flight are at most 200/s.
        let service = |at: f64| if at < 6.0 { 2_000 } else { 2_000_000 };
        let report = Model { in_flight: 400, service, ..STEADY }.report();
        assert!(diagnose(&report).iter().all(|finding| finding.side != Side::Sender));
        insta::assert_snapshot!(text(&report));
    }

    #[test]
    fn a_receiver_that_is_capped_by_its_workers_is_named() {
        // 4 at a time of 10 ms each are 400 a second, of which 500 are requested; the limit is far away for most of the
        // run.
        let report = Model { in_flight: 1_500, servers: 4, service: |_| 10_000, ..STEADY }.report();
        let found = diagnose(&report);
        let text = &found[0].text;
        let rate = text.strip_prefix("The receiver is saturated: it answers about ");
        let rate: f64 = rate.and_then(|rest| rest.split('/').next()?.parse().ok()).unwrap_or_default();
        assert!((380.0..=420.0).contains(&rate), "{found:?}");
        let is_few = |few: u32| text.contains(&format!("that is {few} at a time"));
        assert!((3..=5).any(is_few), "{found:?}");
        assert!(found.iter().all(|finding| finding.side != Side::Sender), "{found:?}");
        // Neither one interval at the limit nor many of them hide it.
        for in_flight in [1_100, 300] {
            let report = Model { in_flight, servers: 4, service: |_| 10_000, ..STEADY }.report();
            let found = diagnose(&report);
            let is_named = |finding: &Finding| finding.text.starts_with("The receiver is saturated");
            assert!(found.iter().any(is_named), "{in_flight}: {found:?}");
            assert!(found.iter().all(|finding| finding.side != Side::Sender), "{in_flight}: {found:?}");
        }
    }

    #[test]
    fn a_receiver_that_is_slow_but_keeps_up_is_not_saturated() {
        // 20 events in each interval, which take 400 ms but for the first few: 8 are always in flight.
        let service = |at: f64| if at < 0.2 { 10_000 } else { 400_000 };
        let report = Model { rate: 20, seconds: 10, service, ..STEADY }.report();
        let found = diagnose(&report);
        assert!(found.iter().all(|finding| !finding.text.contains("saturated")), "{found:?}");
    }

    #[test]
    fn a_mock_that_is_the_limit_says_so_and_blames_nobody() {
        let mut report = Model { cost: 2_500.0, service: |_| 40_000, ..STEADY }.report();
        report.plan.mode = "simulated".to_owned();
        report.sender.busy = 0.98;
        conclude(&mut report);
        assert!(report.findings[0].text.contains("The mock itself was the limit"), "{:?}", report.findings);
        assert!(report.findings[0].text.contains("It can sustain about "), "{:?}", report.findings);
        assert!(
            report.findings.iter().all(|finding| finding.side != Side::Receiver),
            "{:?}",
            report.findings
        );
        assert!(report.void.is_some());
    }

    #[test]
    fn what_else_there_is_to_say() {
        let mut report = samples::steady();
        report.sender.connections = report.counts.sent;
        report.plan.stories[0].failed = 12;
        report.plan.duration_s = 60.0;
        insta::assert_snapshot!(text(&report));
        insta::assert_snapshot!(text(&samples::empty()));
    }

    #[test]
    fn what_faults_did_is_told() {
        let mut report = samples::steady();
        report.faults.extend([("duplicate".to_owned(), 1), ("signature-wrong".to_owned(), 9_999)]);
        report.counts.ok -= 9;
        report.counts.wrong_status = 9;
        report.statuses.insert(401, 9);
        *report.statuses.get_mut(&200).unwrap() -= 9;
        let text = text(&report);
        assert!(
            text.contains("Faults have hit on purpose: duplicate 1 time, signature-wrong 9,999 times."),
            "{text}"
        );
        assert!(!text.contains("another secret"), "{text}");
    }

    #[test]
    fn a_run_that_held_is_described_as_it_was() {
        let mut report = samples::steady();
        report.plan.unit = "stories".to_owned();
        // Too short to say anything of the sender.
        report.elapsed_s = 0.001;
        report.sender.busy = 1.54;
        let text = held(&report).text;
        assert!(text.contains("10,000 events at 500/s (stories), all answered"), "{text}");
        assert!(!text.contains("cores"), "{text}");
    }

    #[test]
    fn a_broken_response_is_told_as_it_was() {
        let mut report = samples::refused();
        let failures = report.errors.remove("refused").unwrap();
        let first = "127.0.0.1:3000 closed the connection within its 200 response".to_owned();
        report.errors.insert("reset".to_owned(), Failures { first, ..failures });
        let text = text(&report);
        assert!(
            text.contains("before the response was complete. The first one: 127.0.0.1:3000 closed the"),
            "{text}"
        );
    }

    #[test]
    fn a_busy_sender_that_keeps_up_is_warned_of() {
        let mut report = samples::steady();
        report.sender.busy = 0.9;
        insta::assert_snapshot!(text(&report));
    }

    #[test]
    fn answers_that_are_no_success_come_with_advice() {
        for (status, word) in [
            (302, "do not follow redirects"),
            (401, "--secret"),
            (404, "path"),
            (429, "limits"),
            (503, "proxy"),
            (500, "log"),
        ] {
            let mut report = samples::steady();
            report.counts.ok -= 9;
            report.counts.wrong_status = 9;
            report.statuses.insert(status, 9);
            *report.statuses.get_mut(&200).unwrap() -= 9;
            let text = &statuses(&report).unwrap().text;
            assert!(text.contains(word), "{text}");
        }
    }
}

//! The report as one self-contained HTML page: no network, no fonts, no other file.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};

use super::compare::Comparison;
use super::data::Report;
use super::presentation::Presentation;

const TEMPLATE: &str = include_str!("page.html");

/// Renders the report as HTML, with the changes from a baseline and the reasons why the run failed, if it did.
pub fn page(report: &Report, comparison: Option<&Comparison>, failed: &[String]) -> String {
    let mut env = Environment::new();
    env.set_auto_escape_callback(|_| AutoEscape::Html);
    let values = context! {
        report => Value::from(Serde(Presentation::of(report, comparison, failed))),
        // In JSON `<` occurs only in texts, where it may be escaped like this; so nothing ends the element early.
        raw => Value::from_safe_string(report.write().replace('<', "\\u003c")),
    };
    env.render_str(TEMPLATE, values).expect("the template is constant and its values are always there")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::report::Finding;
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
            "The receiver stalled",
            "Reminder &lt;by voice&gt;",
            "5.11 ms",
            "id=\"raw\"",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert_eq!(page.matches("<svg class=\"chart\"").count(), 4);
        // Nothing is loaded from anywhere.
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
        report.findings.push(Finding::run(evil.to_owned()));
        let page = page(&report, Some(&compare(&samples::steady(), &report)), &[evil.to_owned()]);
        assert!(!page.contains("<script>alert"));
    }

    #[test]
    fn runs_without_events_and_long_runs_have_pages() {
        assert!(page(&samples::empty(), None, &[]).contains("Nothing was measured"));
        assert!(page(&samples::refused(), None, &[]).contains("Trouble at the receiver"));
        assert!(page(&samples::search(), None, &[]).contains("6,000&#x2f;s"));
        let mut long = samples::steady();
        long.series = long.series.iter().cycle().take(1_500).cloned().collect();
        long.elapsed_s = 1_500.0;
        assert!(page(&long, None, &[]).len() < 1_000_000 + long.write().len());
    }
}

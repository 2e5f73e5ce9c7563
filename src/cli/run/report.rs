//! The reports of a run: JSON for programs, JUnit XML for CI servers.

use std::collections::BTreeMap;
use std::io::Write;

use jiff::Timestamp;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event as Xml};
use quick_xml::writer::Writer;
use serde_json::{Value, json};

use super::tally::{FailureTally, StoryTally, Tally};
use crate::delivery::Totals;
use crate::simulator::{FindingKind, Found};

/// The test case of requests that are wrong and belong to no story.
const REQUESTS: &str = "requests of no story";

/// What a report says beside the tally.
pub(super) struct Facts {
    /// Whether every story passed and no callback failed.
    pub(super) passed: bool,
    pub(super) seed: u64,
    pub(super) epoch: Timestamp,
    pub(super) totals: Totals,
    pub(super) verified: Option<(u64, u64)>,
    pub(super) interrupted: bool,
    /// What was found wrong with the requests.
    pub(super) found: Vec<Found>,
    /// How often each kind of thing was found.
    pub(super) counts: BTreeMap<FindingKind, u64>,
    /// What of it is an error and belongs to no story.
    pub(super) errors_alone: Vec<Found>,
    /// Real seconds; nothing while time jumps, so that equal runs write equal reports.
    pub(super) seconds: Option<f64>,
}

/// The JSON report.
pub(super) fn json(tally: &Tally, facts: &Facts) -> Value {
    let mut callbacks = json!(facts.totals);
    // The old name of `failed`.
    callbacks["dead"] = callbacks["failed"].clone();
    json!({
        "passed": facts.passed,
        "interrupted": facts.interrupted,
        "seed": facts.seed,
        "epoch": facts.epoch.to_string(),
        "seconds": facts.seconds,
        "stories": tally.stories.values().collect::<Vec<_>>(),
        "callbacks": callbacks,
        "calls": { "answered": tally.calls, "refused": tally.refused_calls },
        "assumed": tally.assumed,
        "found": facts.found,
        "signatures": facts.verified.map(|(right, wrong)| json!({ "verified": right, "wrong": wrong })),
    })
}

/// The JUnit report: a test case per story, and one for the requests if some of them are wrong and belong to no story.
pub(super) fn junit(tally: &Tally, facts: &Facts, out: &mut impl Write) -> std::io::Result<()> {
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Xml::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let failed = tally.stories.values().filter(|story| !story.failures.is_empty()).count();
    let alone = !facts.errors_alone.is_empty();
    let skipped =
        tally.stories.values().filter(|story| story.passed.is_none() && story.failures.is_empty()).count();
    let counts = [
        ("tests", (tally.stories.len() + usize::from(alone)).to_string()),
        ("failures", (failed + usize::from(alone)).to_string()),
        ("skipped", skipped.to_string()),
    ];
    let with_counts = |name: &'static str| {
        let mut start = BytesStart::new(name);
        start.push_attribute(("name", "airudder-mock"));
        for (key, value) in &counts {
            start.push_attribute((*key, value.as_str()));
        }
        start
    };
    xml.write_event(Xml::Start(with_counts("testsuites")))?;
    xml.write_event(Xml::Start(with_counts("testsuite")))?;
    if !facts.counts.is_empty() {
        xml.write_event(Xml::Start(BytesStart::new("properties")))?;
        for (kind, count) in &facts.counts {
            let mut property = BytesStart::new("property");
            property.push_attribute(("name", format!("found.{}", kind.as_str()).as_str()));
            property.push_attribute(("value", count.to_string().as_str()));
            xml.write_event(Xml::Empty(property))?;
        }
        xml.write_event(Xml::End(BytesEnd::new("properties")))?;
    }
    for story in tally.stories.values() {
        case(&mut xml, story)?;
    }
    if alone {
        let failures = facts
            .errors_alone
            .iter()
            .map(|found| FailureTally { place: found.id.clone(), message: found.message.clone() });
        let (name, passed) = (REQUESTS.to_owned(), Some(false));
        case(&mut xml, &StoryTally { name, passed, failures: failures.collect(), ..StoryTally::default() })?;
    }
    xml.write_event(Xml::End(BytesEnd::new("testsuite")))?;
    xml.write_event(Xml::End(BytesEnd::new("testsuites")))?;
    xml.get_mut().write_all(b"\n")
}

fn case<W: Write>(xml: &mut Writer<W>, story: &StoryTally) -> std::io::Result<()> {
    let mut start = BytesStart::new("testcase");
    start.push_attribute(("classname", "airudder-mock"));
    start.push_attribute(("name", story.name.as_str()));
    if let (Some(from), Some(to)) = (story.started, story.finished) {
        let seconds = to.duration_since(from).as_secs_f64();
        start.push_attribute(("time", format!("{seconds:.3}").as_str()));
    }
    if story.failures.is_empty() && story.passed.is_some() {
        return xml.write_event(Xml::Empty(start));
    }
    xml.write_event(Xml::Start(start))?;
    for failure in &story.failures {
        let mut element = BytesStart::new("failure");
        let message: String = failure.message.chars().filter(|c| !c.is_control() || *c == '\n').collect();
        element.push_attribute(("message", message.as_str()));
        xml.write_event(Xml::Start(element))?;
        xml.write_event(Xml::Text(BytesText::new(&format!("{}: {message}", failure.place))))?;
        xml.write_event(Xml::End(BytesEnd::new("failure")))?;
    }
    if story.passed.is_none() && story.failures.is_empty() {
        xml.write_event(Xml::Empty(BytesStart::new("skipped")))?;
    }
    xml.write_event(Xml::End(BytesEnd::new("testcase")))
}

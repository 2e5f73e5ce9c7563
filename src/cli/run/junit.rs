//! The JUnit report of a run, for CI servers: a suite for each scenario file, a test case for each story.

use std::io::{self, Write};
use std::time::Duration;

use indexmap::IndexMap;
use jiff::Timestamp;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event as Xml};
use quick_xml::writer::Writer;

use super::report::Facts;
use super::tally::{FailureTally, StoryTally, Tally};
use crate::files::visible;
use crate::scenario::FailureKind;

/// The suite of everything that belongs to no file.
const NO_FILE: &str = "airudder-mock";

/// The test case of wrong requests that belong to no story.
const REQUESTS: &str = "requests outside of stories";

/// The test case of a run that could not begin.
const THE_RUN: &str = "start of the run";

/// Writes the report. Times are real; the duration of a story on its own clock is a property of its suite.
pub(super) fn junit(tally: &Tally, facts: &Facts, out: &mut impl Write) -> io::Result<()> {
    let mut suites: IndexMap<&str, Vec<&StoryTally>> = IndexMap::new();
    for story in tally.stories.values() {
        suites.entry(&story.file).or_default().push(story);
    }
    let alone = requests_of_no_story(facts);
    if let Some(alone) = &alone {
        suites.insert(NO_FILE, vec![alone]);
    }
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Xml::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all = Counts::of(suites.values().flatten().copied());
    xml.write_event(Xml::Start(all.element("testsuites", NO_FILE, facts.took)))?;
    for (number, (file, stories)) in suites.iter().enumerate() {
        // Findings and hits of faults belong to the whole run; they are counted once, so that the sums are right.
        suite(&mut xml, file, stories, facts, number == 0)?;
    }
    xml.write_event(Xml::End(BytesEnd::new("testsuites")))?;
    xml.get_mut().write_all(b"\n")
}

/// Writes a report with one test case: the run that could not begin, and why.
pub(super) fn could_not_run(
    error: &str,
    began: Timestamp,
    took: Duration,
    out: &mut impl Write,
) -> io::Result<()> {
    let counts = Counts { tests: 1, errors: 1, ..Counts::default() };
    let error = visible(error);
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Xml::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.write_event(Xml::Start(counts.element("testsuites", NO_FILE, took)))?;
    let mut suite = counts.element("testsuite", NO_FILE, took);
    suite.push_attribute(("timestamp", moment(began).as_str()));
    xml.write_event(Xml::Start(suite))?;
    let mut case = BytesStart::new("testcase");
    case.push_attribute(("classname", NO_FILE));
    case.push_attribute(("name", THE_RUN));
    case.push_attribute(("time", seconds(took).as_str()));
    xml.write_event(Xml::Start(case))?;
    let mut element = BytesStart::new("error");
    element.push_attribute(("message", error.lines().next().unwrap_or_default()));
    element.push_attribute(("type", "start"));
    xml.write_event(Xml::Start(element))?;
    xml.write_event(Xml::Text(BytesText::new(&error)))?;
    for end in ["error", "testcase", "testsuite", "testsuites"] {
        xml.write_event(Xml::End(BytesEnd::new(end)))?;
    }
    xml.get_mut().write_all(b"\n")
}

/// Returns the errors in requests that belong to no story.
fn requests_of_no_story(facts: &Facts) -> Option<StoryTally> {
    let failure = |found: &crate::simulator::Found| FailureTally {
        place: found.id.clone(),
        kind: FailureKind::Request.as_str(),
        message: found.message.clone(),
    };
    let failures: Vec<FailureTally> = facts.errors_alone.iter().map(failure).collect();
    (!failures.is_empty()).then(|| StoryTally {
        name: REQUESTS.to_owned(),
        passed: Some(false),
        failures,
        ..StoryTally::default()
    })
}

fn suite<W: Write>(
    xml: &mut Writer<W>,
    file: &str,
    stories: &[&StoryTally],
    facts: &Facts,
    is_first: bool,
) -> io::Result<()> {
    // The stories of a file run at the same time.
    let took = stories.iter().map(|story| story.took).max().unwrap_or_default();
    let mut start = Counts::of(stories.iter().copied()).element("testsuite", file, took);
    start.push_attribute(("timestamp", moment(facts.began).as_str()));
    xml.write_event(Xml::Start(start))?;
    let mut properties = vec![("seed".to_owned(), facts.seed.to_string())];
    for story in stories {
        let seconds = story.simulated().map(seconds);
        properties.extend(seconds.map(|seconds| (format!("story_seconds: {}", story.name), seconds)));
    }
    for (kind, count) in facts.counts.iter().filter(|_| is_first) {
        properties.push((format!("found.{}", kind.as_str()), count.to_string()));
    }
    for (fault, count) in facts.hits.iter().filter(|_| is_first) {
        properties.push((format!("fault.{fault}"), count.to_string()));
    }
    xml.write_event(Xml::Start(BytesStart::new("properties")))?;
    for (name, value) in &properties {
        let mut property = BytesStart::new("property");
        property.push_attribute(("name", &*visible(name)));
        property.push_attribute(("value", value.as_str()));
        xml.write_event(Xml::Empty(property))?;
    }
    xml.write_event(Xml::End(BytesEnd::new("properties")))?;
    for story in stories {
        case(xml, story)?;
    }
    xml.write_event(Xml::End(BytesEnd::new("testsuite")))
}

fn case<W: Write>(xml: &mut Writer<W>, story: &StoryTally) -> io::Result<()> {
    let mut start = BytesStart::new("testcase");
    start.push_attribute(("classname", classname(&story.file).as_str()));
    start.push_attribute(("name", &*visible(&story.name)));
    start.push_attribute(("time", seconds(story.took).as_str()));
    if !story.file.is_empty() {
        start.push_attribute(("file", &*visible(&story.file)));
        // The place of the failure, or else of the beginning.
        let line = story.failures.iter().find_map(|failure| line_of(&failure.place, &story.file));
        start.push_attribute(("line", line.unwrap_or("1")));
    }
    if story.failures.is_empty() && story.passed.is_some() {
        return xml.write_event(Xml::Empty(start));
    }
    xml.write_event(Xml::Start(start))?;
    for failure in &story.failures {
        let mut element = BytesStart::new("failure");
        let message = visible(&failure.message);
        element.push_attribute(("message", &*message));
        element.push_attribute(("type", failure.kind));
        xml.write_event(Xml::Start(element))?;
        xml.write_event(Xml::Text(BytesText::new(&format!("{}: {message}", visible(&failure.place)))))?;
        xml.write_event(Xml::End(BytesEnd::new("failure")))?;
    }
    if story.passed.is_none() && story.failures.is_empty() {
        let mut element = BytesStart::new("error");
        element.push_attribute(("message", "the run was interrupted before the story had finished"));
        element.push_attribute(("type", "interrupted"));
        xml.write_event(Xml::Empty(element))?;
    }
    if !story.skipped.is_empty() {
        let steps =
            story.skipped.iter().map(|skipped| format!("skipped {} ({})\n", skipped.step, skipped.place));
        xml.write_event(Xml::Start(BytesStart::new("system-out")))?;
        xml.write_event(Xml::Text(BytesText::new(&visible(&steps.collect::<String>()))))?;
        xml.write_event(Xml::End(BytesEnd::new("system-out")))?;
    }
    xml.write_event(Xml::End(BytesEnd::new("testcase")))
}

/// The number of test cases, and their results.
#[derive(Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn of<'a>(stories: impl Iterator<Item = &'a StoryTally>) -> Self {
        stories.fold(Self::default(), |counts, story| Self {
            tests: counts.tests + 1,
            failures: counts.failures + usize::from(!story.failures.is_empty()),
            errors: counts.errors + usize::from(story.failures.is_empty() && story.passed.is_none()),
            skipped: counts.skipped,
        })
    }

    fn element(&self, element: &'static str, name: &str, took: Duration) -> BytesStart<'static> {
        let mut start = BytesStart::new(element);
        start.push_attribute(("name", &*visible(name)));
        for (key, count) in [
            ("tests", self.tests),
            ("failures", self.failures),
            ("errors", self.errors),
            ("skipped", self.skipped),
        ] {
            start.push_attribute((key, count.to_string().as_str()));
        }
        start.push_attribute(("time", seconds(took).as_str()));
        start
    }
}

/// Formats a moment for JUnit: UTC, without a fraction.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

/// Returns `scenarios/agent-transfer.toml` as CI servers group it: `scenarios.agent-transfer`.
fn classname(file: &str) -> String {
    if file.is_empty() {
        return NO_FILE.to_owned();
    }
    let stem = file.strip_suffix(".toml").unwrap_or(file);
    let parts: Vec<&str> = stem.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".").collect();
    visible(&parts.join(".")).into_owned()
}

/// Returns the line of a place in this file.
fn line_of<'a>(place: &'a str, file: &str) -> Option<&'a str> {
    let line = place.strip_prefix(file)?.strip_prefix(':')?;
    line.chars().all(|c| c.is_ascii_digit()).then_some(line)
}

#[cfg(test)]
#[path = "junit_tests.rs"]
mod tests;

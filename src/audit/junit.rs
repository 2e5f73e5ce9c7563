//! The report as JUnit XML, for CI servers: a suite for each group, a test case for each check.

use std::io::{self, Write};

use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event as Xml};
use quick_xml::writer::Writer;

use super::battery::Grade;
use super::report::{Finding, Outcome, Report, Threshold, Verdict};
use crate::files::visible;

impl Report {
    /// Writes the report as JUnit XML. A finding is a failure if it reaches the threshold and is not accepted; checks that
    /// could not be judged are skipped.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub fn junit(&self, threshold: Threshold, out: &mut impl Write) -> io::Result<()> {
        let mut xml = Writer::new_with_indent(out, b' ', 2);
        xml.write_event(Xml::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let all: Vec<&Outcome> = self.checks.iter().collect();
        xml.write_event(Xml::Start(counted("testsuites", "audit", &all, threshold)))?;
        for (group, outcomes) in self.groups() {
            xml.write_event(Xml::Start(counted("testsuite", group, &outcomes, threshold)))?;
            for outcome in outcomes {
                case(&mut xml, outcome, threshold)?;
            }
            xml.write_event(Xml::End(BytesEnd::new("testsuite")))?;
        }
        xml.write_event(Xml::End(BytesEnd::new("testsuites")))?;
        xml.get_mut().write_all(b"\n")
    }
}

fn fails(outcome: &Outcome, threshold: Threshold) -> bool {
    outcome.open_finding().is_some() && threshold.is_reached_by(outcome.grade)
}

fn counted(
    element: &'static str,
    name: &str,
    outcomes: &[&Outcome],
    threshold: Threshold,
) -> BytesStart<'static> {
    let failures = outcomes.iter().filter(|outcome| fails(outcome, threshold)).count();
    let skipped = outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::NotJudged(_))).count();
    let mut start = BytesStart::new(element);
    start.push_attribute(("name", &*visible(name)));
    for (key, count) in
        [("tests", outcomes.len()), ("failures", failures), ("errors", 0), ("skipped", skipped)]
    {
        start.push_attribute((key, count.to_string().as_str()));
    }
    let took: f64 = outcomes.iter().map(|outcome| outcome.seconds).sum();
    start.push_attribute(("time", format!("{took:.3}").as_str()));
    start
}

fn case<W: Write>(xml: &mut Writer<W>, outcome: &Outcome, threshold: Threshold) -> io::Result<()> {
    let mut start = BytesStart::new("testcase");
    let classname = format!("audit.{}", outcome.group.to_lowercase().replace(' ', "-"));
    start.push_attribute(("classname", &*visible(&classname)));
    start.push_attribute(("name", &*visible(&outcome.id)));
    start.push_attribute(("time", format!("{:.3}", outcome.seconds).as_str()));
    let text = |xml: &mut Writer<W>, element: BytesStart<'static>, text: &str| {
        let end = element.to_end().into_owned();
        xml.write_event(Xml::Start(element))?;
        xml.write_event(Xml::Text(BytesText::new(&visible(text))))?;
        xml.write_event(Xml::End(end))
    };
    match &outcome.verdict {
        Verdict::Passed => return xml.write_event(Xml::Empty(start)),
        Verdict::NotJudged(why) => {
            xml.write_event(Xml::Start(start))?;
            let mut skipped = BytesStart::new("skipped");
            skipped.push_attribute(("message", &*visible(why)));
            xml.write_event(Xml::Empty(skipped))?;
        }
        Verdict::Found(finding) if fails(outcome, threshold) => {
            xml.write_event(Xml::Start(start))?;
            let mut failure = BytesStart::new("failure");
            failure.push_attribute(("message", &*visible(&finding.came)));
            failure.push_attribute(("type", outcome.grade.as_str()));
            text(xml, failure, &explanation(outcome.grade, finding))?;
        }
        Verdict::Found(finding) => {
            xml.write_event(Xml::Start(start))?;
            text(xml, BytesStart::new("system-out"), &explanation(outcome.grade, finding))?;
        }
    }
    xml.write_event(Xml::End(BytesEnd::new("testcase")))
}

/// Returns a finding as text.
fn explanation(grade: Grade, finding: &Finding) -> String {
    let known = finding.accepted.as_ref().map(|reason| format!("\naccepted: {reason}")).unwrap_or_default();
    format!(
        "{}: {}\nsent: {}\nwhy: {}\nfix: {}\nrerun: {}{known}",
        grade.as_str(),
        finding.came,
        finding.sent,
        finding.why,
        finding.fix,
        finding.curl.as_ref().unwrap_or(&finding.again),
    )
}

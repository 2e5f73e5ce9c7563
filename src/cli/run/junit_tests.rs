use std::collections::BTreeMap;

use jiff::Timestamp;
use quick_xml::events::Event as Xml;
use quick_xml::reader::Reader;

use super::*;
use crate::delivery::Totals;
use crate::journal::{Hits, SkippedStep};

/// An element with its attributes and its content.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Element>,
    text: String,
}

impl Element {
    fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).unwrap_or_else(|| panic!("{} has no {name}", self.name))
    }

    fn named(&self, name: &str) -> Vec<&Element> {
        self.children.iter().filter(|child| child.name == name).collect()
    }
}

fn read(text: &str) -> Element {
    let mut reader = Reader::from_str(text);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().unwrap() {
            Xml::Start(start) => open.push(element(&start)),
            Xml::Empty(start) => {
                let empty = element(&start);
                open.last_mut().unwrap().children.push(empty);
            }
            Xml::End(_) => {
                let done = open.pop().unwrap();
                open.last_mut().unwrap().children.push(done);
            }
            Xml::Text(part) => open.last_mut().unwrap().text.push_str(&part.decode().unwrap()),
            Xml::GeneralRef(_) | Xml::Decl(_) => {}
            Xml::Eof => break,
            other => panic!("{other:?}"),
        }
    }
    open.pop().unwrap().children.pop().unwrap()
}

fn element(start: &BytesStart<'_>) -> Element {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let attributes = start.attributes().map(|attribute| {
        let attribute = attribute.unwrap();
        (text(attribute.key.as_ref()), text(&attribute.value))
    });
    Element { name: text(start.name().as_ref()), attributes: attributes.collect(), ..Element::default() }
}

/// Checks what the schemas of Jenkins and Ant have in common: the nesting, order and attributes of elements.
fn assert_usual(root: &Element) {
    let allowed = |element: &Element, children: &[&str]| {
        let places: Vec<usize> = element
            .children
            .iter()
            .map(|child| {
                let place = children.iter().position(|name| *name == child.name);
                place.unwrap_or_else(|| panic!("{} in {}", child.name, element.name))
            })
            .collect();
        assert!(places.is_sorted(), "the order in {}: {places:?}", element.name);
    };
    let number = |element: &Element, name: &str| element.attribute(name).parse::<f64>().unwrap();
    assert_eq!(root.name, "testsuites");
    allowed(root, &["testsuite"]);
    for count in ["tests", "failures", "errors", "skipped"] {
        let sum: f64 = root.children.iter().map(|suite| number(suite, count)).sum();
        assert_eq!(number(root, count), sum, "{count}");
    }
    assert!(number(root, "time") >= 0.0);
    for suite in &root.children {
        allowed(suite, &["properties", "testcase"]);
        assert!(!suite.attribute("name").is_empty() && number(suite, "time") >= 0.0);
        assert_eq!(suite.attribute("timestamp").len(), "2030-01-01T00:00:00".len());
        let cases = suite.named("testcase");
        assert_eq!(number(suite, "tests"), cases.len() as f64);
        let with = |name| cases.iter().filter(|case| !case.named(name).is_empty()).count() as f64;
        for (count, element) in [("failures", "failure"), ("errors", "error"), ("skipped", "skipped")] {
            assert_eq!(number(suite, count), with(element), "{count}");
        }
        for case in cases {
            allowed(case, &["skipped", "error", "failure", "system-out"]);
            assert!(!case.attribute("name").is_empty() && !case.attribute("classname").is_empty());
            assert!(number(case, "time") >= 0.0);
            assert!(case.named("failure").iter().all(|failure| !failure.attribute("message").is_empty()));
        }
        for property in suite.named("properties").iter().flat_map(|properties| &properties.children) {
            assert!(!property.attribute("name").is_empty() && !property.attribute("value").is_empty());
        }
    }
}

fn facts() -> Facts {
    Facts {
        passed: false,
        seed: 7,
        epoch: Timestamp::UNIX_EPOCH,
        totals: Totals::default(),
        hits: Hits::default(),
        unused_faults: Vec::new(),
        verified: None,
        awaited_at: None,
        interrupted: false,
        found: Vec::new(),
        counts: BTreeMap::new(),
        errors_alone: Vec::new(),
        took: Duration::from_millis(1_500),
        began: "2030-01-01T00:00:00Z".parse().unwrap(),
        seconds: None,
    }
}

fn story(name: &str, file: &str) -> StoryTally {
    let moment = |text: &str| Some(text.parse().unwrap());
    StoryTally {
        name: name.to_owned(),
        file: file.to_owned(),
        passed: Some(true),
        started: moment("2030-01-01T00:00:00Z"),
        finished: moment("2030-01-01T01:00:00Z"),
        took: Duration::from_millis(250),
        ..StoryTally::default()
    }
}

fn written(stories: Vec<StoryTally>) -> Element {
    let stories = stories.into_iter().map(|story| (story.name.clone(), story)).collect();
    let tally = Tally { stories, ..Tally::default() };
    let mut out = Vec::new();
    junit(&tally, &facts(), &mut out).unwrap();
    let root = read(&String::from_utf8(out).unwrap());
    assert_usual(&root);
    root
}

#[test]
fn a_suite_for_each_file_with_real_times() {
    let file = "tests/stories/a.toml";
    let root = written(vec![story("one", file), story("other", "b.toml"), story("one #2", file)]);
    let names: Vec<&str> = root.children.iter().map(|suite| suite.attribute("name")).collect();
    assert_eq!(names, [file, "b.toml"]);
    assert_eq!(root.attribute("time"), "1.500");
    let case = root.children[0].named("testcase")[1];
    assert_eq!(case.attribute("classname"), "tests.stories.a");
    assert_eq!((case.attribute("file"), case.attribute("line")), (file, "1"));
    assert_eq!(case.attribute("time"), "0.250");
    let properties = &root.children[0].named("properties")[0].children;
    let simulated = properties.iter().find(|one| one.attribute("name") == "story_seconds: one").unwrap();
    assert_eq!(simulated.attribute("value"), "3600.000");
}

#[test]
fn a_failure_has_its_place_and_what_was_skipped() {
    let failed = StoryTally {
        passed: Some(false),
        failures: vec![FailureTally {
            place: "a.toml:12".into(),
            kind: "await.nothing",
            message: "never\u{1} came <&>".into(),
        }],
        skipped: vec![SkippedStep { place: "a.toml:20".into(), step: "await session.end".into() }],
        ..story("fails", "a.toml")
    };
    let unfinished = StoryTally { passed: None, finished: None, ..story("interrupted", "a.toml") };
    let root = written(vec![failed, unfinished]);
    let cases = root.children[0].named("testcase");
    assert_eq!(cases[0].attribute("line"), "12");
    let failure = cases[0].named("failure")[0];
    assert_eq!(failure.attribute("type"), "await.nothing");
    assert_eq!(failure.attribute("message"), "never\\u{1} came &lt;&amp;&gt;");
    assert!(failure.text.starts_with("a.toml:12: never\\u{1} came"), "{}", failure.text);
    assert_eq!(cases[0].named("system-out")[0].text.trim(), "skipped await session.end (a.toml:20)");
    // It counts as an error, so that a run that was ended from outside is not green.
    assert_eq!(cases[1].named("error")[0].attribute("type"), "interrupted");
    assert_eq!(root.attribute("errors"), "1");
}

#[test]
fn a_run_that_could_not_begin_is_one_error() {
    let mut out = Vec::new();
    could_not_run("nobody listens\n  at <b>", facts().began, Duration::from_secs(2), &mut out).unwrap();
    let root = read(&String::from_utf8(out).unwrap());
    assert_usual(&root);
    assert_eq!((root.attribute("tests"), root.attribute("errors")), ("1", "1"));
    let error = root.children[0].named("testcase")[0].named("error")[0];
    assert_eq!((error.attribute("type"), error.attribute("message")), ("start", "nobody listens"));
    assert!(error.text.contains("at"), "{}", error.text);
}

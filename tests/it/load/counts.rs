//! Every event arrives once, signed and unique, and is counted once.

use std::collections::BTreeSet;

use super::harness::{SECRET, load, load_story, number, story};
use super::receiver::Receiver;

#[test]
fn everything_arrives_signed_unique_and_counted() {
    let receiver = Receiver::new();
    let run = load(&receiver.url(), &["--count", "5000", "--rate", "max"]);
    run.assert_all_well(5000);
    let arrived = receiver.arrived();
    assert_eq!(arrived.len(), 5000);
    let (mut users, mut calls) = (BTreeSet::new(), BTreeSet::new());
    for request in &arrived {
        request.assert_signed(SECRET);
        let body = request.json();
        users.insert(body["user"]["id"].as_str().unwrap().to_owned());
        calls.insert(body["transfer"]["call_id"].as_str().unwrap().to_owned());
    }
    assert_eq!((users.len(), calls.len()), (5000, 5000));
    assert_eq!(number(&run.report["statuses"]["200"]), 5000);
    assert_eq!(number(&run.report["sender"]["connections"]), receiver.connections());
    assert!(receiver.connections() <= 32, "connections are kept open: {}", receiver.connections());
    assert_eq!(number(&run.report["plan"]["stories"][0]["started"]), 5000);
}

#[test]
fn one_is_one() {
    let receiver = Receiver::new();
    for rate in ["max", "100/s", "0.1/s"] {
        let before = receiver.count();
        load(&receiver.url(), &["--count", "1", "--rate", rate]).assert_all_well(1);
        assert_eq!(receiver.count() - before, 1, "{rate}");
    }
}

#[test]
fn a_count_of_events_ends_with_the_story_that_reaches_it() {
    let (_folder, file) = story("[[steps]]\nsend = \"session.transfer\"\nrepeat = 3\n");
    let receiver = Receiver::new();
    for (count, sent) in [("1", 3), ("3", 3), ("4", 6), ("9", 9)] {
        load_story(&file, &receiver.url(), &["--count", count, "--rate", "max"]).assert_all_well(sent);
    }
    load_story(&file, &receiver.url(), &["--count", "2", "--rate", "max", "--unit", "stories"])
        .assert_all_well(6);
}

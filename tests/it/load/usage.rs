//! What is typed wrong is explained, before anything is sent.

use super::receiver::Receiver;
use crate::support::{assert_code, run, stderr, stdout};

/// What the program says to these arguments.
fn message(args: &[&str]) -> String {
    let receiver = Receiver::new();
    let url = receiver.url();
    let common: &[&str] = match args.contains(&"--callback-url") || args.contains(&"none") {
        true => &[],
        false => &["--callback-url", &url],
    };
    let args: Vec<&str> = args.iter().copied().filter(|arg| *arg != "none").collect();
    let output = run(&[&["load", "scenarios/load-transfer.toml"], &args[..], common].concat());
    assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
    assert_eq!(stdout(&output), "");
    assert_eq!(receiver.count(), 0, "{args:?}");
    let text = stderr(&output);
    // The usage and the hint to the help are those of every command.
    let text =
        text.split("\n\nUsage").next().unwrap().split("\n\nFor more").next().unwrap().trim_end().to_owned();
    format!("$ load {}\n{text}\n", args.join(" "))
}

#[test]
fn mistakes_are_explained() {
    let mistakes: &[&[&str]] = &[
        &["--rate", "5000"],
        &["--rate", "-5/s"],
        &["--rate", "NaN/s"],
        &["--rate", "inf/s"],
        &["--rate", "20000000/s"],
        &["--rate", "5/x"],
        &["--rate", "fast"],
        &["--rate", "1/s..2"],
        &["--rate", "0/s"],
        &["--rate", "1/s~5/s"],
        &["--duration", "10"],
        &["--duration", "0s"],
        &["--duration", "-1s"],
        &["--duration", "NaNs"],
        &["--count", "0"],
        &["--in-flight", "0"],
        &["--workers", "0"],
        &["--timeout", "0s"],
        &["--timeout", "soon"],
        &["--find-max", "--slo", "p99<50"],
        &["--find-max", "--slo", "errors<0.1"],
        &["--find-max", "--slo", "p99>50ms"],
        &["--find-max", "--rate", "max"],
        &["--slo", "p99<50ms"],
        &["--find-max", "--shard", "0/2"],
        &["--find-max", "--count", "5"],
        &["--fail-if", "p99>50"],
        &["--fail-if", "erors>1%"],
        &["--fail-if", "p99>+20%"],
        &["--shard", "4/4"],
        &["--shard", "0/0"],
        &["--shard", "one/two"],
        &["--start-at", "tomorrow"],
        &["--arrivals", "random"],
        &["--unit", "calls"],
        &["--report", "page.pdf"],
        &["--baseline", "nowhere.json"],
        &["none"],
        &["--callback-url", "127.0.0.1:3000"],
        &["--callback-url", "ftp://127.0.0.1/"],
        &["--callback-url", "http://192.0.2.1/hook"],
        &["--receipts", "http://192.0.2.1/ids"],
        &["--set", "colour=red"],
        &["--raet", "5/s"],
    ];
    let messages: Vec<String> = mistakes.iter().map(|args| message(args)).collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn a_wrong_table_is_shown_in_its_file() {
    let receiver = Receiver::new();
    let output = run(&["load", "tests/broken/scenario/load.toml", "--callback-url", &receiver.url()]);
    assert_code(&output, 2);
    let text = stderr(&output);
    assert!(text.contains("tests/broken/scenario/load.toml:") && text.contains("5000/s"), "{text}");
    assert_eq!(receiver.count(), 0);
}

//! Several processes that share one run, and the one report of theirs.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Child;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::harness::{assert_sums, command, finished, number, transfer};
use super::receiver::Receiver;
use crate::support::{assert_code, run};

const PLAN: [&str; 6] = ["--rate", "400/s", "--duration", "1s", "--seed", "11"];

fn ids(receiver: &Receiver) -> Vec<(String, String)> {
    let id = |value: &Value| value.as_str().unwrap().to_owned();
    let bodies = receiver.arrived().into_iter().map(|request| request.json());
    bodies.map(|body| (id(&body["user"]["id"]), id(&body["transfer"]["call_id"]))).collect()
}

/// The four parts of a run and the moment at which they begin, all of them ready before it: how long a process takes to
/// come up depends on what else the machine does.
fn four_parts() -> (Vec<Receiver>, Vec<(Child, TempDir)>, jiff::Timestamp) {
    for lead in [1, 2, 4, 8, 16].map(Duration::from_secs) {
        let receivers: Vec<Receiver> = (0..4).map(|_| Receiver::new()).collect();
        let moment = jiff::Timestamp::now() + lead;
        let start = moment.to_string();
        let begin = |(index, receiver): (usize, &Receiver)| {
            let folder = tempfile::tempdir().unwrap();
            // One of them has its number from Kubernetes.
            let shard = if index == 2 { "4".to_owned() } else { format!("{index}/4") };
            let args = [&PLAN[..], &["--shard", &shard, "--start-at", &start]].concat();
            let mut command = command(folder.path(), &transfer(), &receiver.url(), &args);
            command.env("JOB_COMPLETION_INDEX", "2");
            (command.spawn().unwrap(), folder)
        };
        let mut begun: Vec<_> = receivers.iter().enumerate().map(begin).collect();
        let are_ready: Vec<bool> = begun.iter_mut().map(|(child, _)| is_ready_in_time(child)).collect();
        if are_ready.iter().all(|is_ready| *is_ready) {
            return (receivers, begun, moment);
        }
        for (mut child, _) in begun {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    panic!("four processes take longer than 16 s to come up");
}

/// Waits until a part that has its start says so: either that it begins then, or that the moment is past.
fn is_ready_in_time(child: &mut Child) -> bool {
    let mut out = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("begins at") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "it ended without a word of its start");
    }
    !line.contains("is in the past")
}

#[test]
fn four_parts_are_one_whole() {
    let whole = Receiver::new();
    let (parts, begun, moment) = four_parts();
    let runs: Vec<_> = begun.into_iter().map(|(child, folder)| finished(child, folder)).collect();
    let folder = tempfile::tempdir().unwrap();
    let unsharded = command(folder.path(), &transfer(), &whole.url(), &PLAN).spawn().unwrap();
    finished(unsharded, folder).assert_all_well(400);

    let mut joined: BTreeSet<(String, String)> = BTreeSet::new();
    for (run, receiver) in runs.iter().zip(&parts) {
        run.assert_all_well(100);
        assert_eq!(receiver.count(), 100);
        joined.extend(ids(receiver));
    }
    assert_eq!(joined.len(), 400, "no two parts have an id in common");
    assert_eq!(joined, ids(&whole).into_iter().collect(), "together they are the whole");

    let folder = tempfile::tempdir().unwrap();
    let merged = folder.path().join("merged.json");
    let files: Vec<String> =
        runs.iter().map(|run| run.folder.path().join("report.json").display().to_string()).collect();
    let mut args = vec!["merge", "--report", merged.to_str().unwrap()];
    args.extend(files.iter().map(String::as_str));
    assert_code(&run(&args), 0);
    let merged: Value = serde_json::from_str(&fs::read_to_string(merged).unwrap()).unwrap();
    assert_sums(&merged);
    for name in ["planned", "sent", "ok", "late"] {
        let sum: u64 = runs.iter().map(|run| run.count(name)).sum();
        assert_eq!(number(&merged["counts"][name]), sum, "{name}");
    }
    assert_eq!(number(&merged["latency"]["planned"]["count"]), 400);
    let highest = runs.iter().map(|run| number(&run.report["latency"]["planned"]["max_us"])).max().unwrap();
    assert_eq!(number(&merged["latency"]["planned"]["max_us"]), highest);
    // They began together: all were ready before the moment, and none began before it.
    for run in &runs {
        let started: jiff::Timestamp = run.report["started"].as_str().unwrap().parse().unwrap();
        assert!(started >= moment, "{started}, before {moment}");
    }
}

#[test]
fn parts_of_a_count_are_the_count() {
    let receiver = Receiver::new();
    for index in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let shard = format!("{index}/3");
        let args = ["--count", "100", "--rate", "max", "--shard", &shard];
        let child = command(folder.path(), &transfer(), &receiver.url(), &args).spawn().unwrap();
        finished(child, folder).assert_code(0);
    }
    assert_eq!(ids(&receiver).into_iter().collect::<BTreeSet<_>>().len(), 100);
    assert_eq!(receiver.count(), 100);
}

#[test]
fn a_shard_without_its_number_is_refused() {
    let output = run(&["load", "scenarios/load-transfer.toml", "--shard", "4"]);
    assert_code(&output, 2);
    let text = crate::support::stderr(&output);
    assert!(text.contains("JOB_COMPLETION_INDEX is not set"), "{text}");
}

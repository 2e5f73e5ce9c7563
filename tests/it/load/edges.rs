//! Odd sizes: hardly any time, no events, far too many, few files, few lanes.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::harness::{SECRET, command, each, finished, interrupt, load, number, transfer};
use super::receiver::{OK, Receiver, Then, answer};
use crate::support::{program, stderr, stdout};

#[test]
fn hardly_any_time_and_no_events() {
    let receiver = Receiver::new();
    load(&receiver.url(), &["--rate", "1000/s", "--duration", "1ms"]).assert_all_well(1);
    // The plan ends before its second step.
    let run = load(&receiver.url(), &["--rate", "0/s for 1m, 5/s", "--duration", "100ms"]);
    run.assert_code(1);
    assert_eq!(run.count("planned"), 0);
    assert!(stdout(&run.output).contains("No event was planned"), "{}", stdout(&run.output));
    load(&receiver.url(), &["--rate", "0/s for 100ms, 100/s for 100ms"]).assert_all_well(10);
}

#[test]
fn far_more_than_can_be_sent() {
    let receiver = Receiver::new();
    let begun = Instant::now();
    let args = ["--rate", "10_000_000/s", "--duration", "100ms", "--drop-after", "300ms"];
    let run = load(&receiver.url(), &args);
    // What is dropped went wrong, too.
    run.assert_code(1);
    assert_eq!(run.count("planned"), 1_000_000);
    assert!(run.count("dropped") > 0, "{}", run.report["counts"]);
    assert_eq!(run.count("ok"), receiver.count());
    let peak = run.report["sender"]["peak_bytes"].as_u64().unwrap();
    assert!(peak < 200_000_000, "{peak} bytes");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn no_more_in_flight_than_allowed() {
    each([("1", "1"), ("1", "4"), ("3", "2"), ("2", "8")], |(in_flight, workers)| {
        let (present, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let highest = Arc::clone(&most);
        let receiver = Receiver::with(move |stream, _| {
            most.fetch_max(present.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(2));
            present.fetch_sub(1, Ordering::SeqCst);
            answer(stream, OK)
        });
        for rate in ["max", "100000/s"] {
            let args = ["--in-flight", in_flight, "--workers", workers, "--rate", rate, "--count", "50"];
            let run = load(&receiver.url(), &args);
            run.assert_all_well(50);
            assert!(
                highest.load(Ordering::SeqCst) <= in_flight.parse().unwrap(),
                "{in_flight} with {workers}"
            );
            assert_eq!(run.report["plan"]["in_flight"].to_string(), in_flight);
        }
    });
}

#[test]
fn several_workers_share_the_whole() {
    let receiver = Receiver::new();
    let run = load(&receiver.url(), &["--workers", "4", "--rate", "500/s", "--duration", "500ms"]);
    run.assert_all_well(250);
    let mut ids: Vec<String> =
        receiver.arrived().iter().map(|request| request.json()["transfer"]["call_id"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 250);
}

/// Runs a load with few open files.
fn with_few_files(url: &str, limit: &str, args: &[&str]) -> super::harness::Loaded {
    let folder = tempfile::tempdir().unwrap();
    let inner = command(folder.path(), &transfer(), url, args);
    let mut shell = Command::new("sh");
    shell.current_dir(env!("CARGO_MANIFEST_DIR")).env("NO_COLOR", "1").stdin(Stdio::null());
    shell.args(["-c", &format!("ulimit -n {limit} && exec \"$0\" \"$@\"")]);
    shell.arg(inner.get_program()).args(inner.get_args());
    let child = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    finished(child, folder)
}

#[test]
fn few_open_files_are_reported() {
    // Nobody gets an answer, so that all have to be open at once.
    let receiver = Receiver::with(|stream, _| {
        let _ = stream.read(&mut [0; 1]);
        Then::Close
    });
    let args = ["--in-flight", "256", "--rate", "1000/s", "--duration", "200ms", "--timeout", "1s"];
    each([&[][..], &["--workers", "4"]], |more| {
        let run = with_few_files(&receiver.url(), "64", &[&args[..], more].concat());
        assert_eq!(run.count("planned"), 200);
        assert!(run.errors("local") > 50, "{}", run.report["errors"]);
        assert!(
            run.first("local").contains("raise the limit of open files (`ulimit -n`)"),
            "{}",
            run.first("local")
        );
        assert!(run.count("timed_out") > 20, "{}", run.report["counts"]);
    });
}

#[test]
fn files_are_given_back() {
    // More connections one after the other than there may be open.
    let receiver = Receiver::saying("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    let run =
        with_few_files(&receiver.url(), "64", &["--in-flight", "8", "--rate", "max", "--count", "1000"]);
    run.assert_all_well(1000);
}

#[test]
fn a_start_in_the_past_is_now() {
    let receiver = Receiver::new();
    let args = ["--start-at", "2001-01-01T00:00:00Z", "--rate", "100/s", "--duration", "100ms"];
    load(&receiver.url(), &args).assert_all_well(10);
}

#[test]
fn nothing_is_sent_before_the_start() {
    let receiver = Receiver::new();
    each([&[][..], &["--http2"]], |more| {
        let folder = tempfile::tempdir().unwrap();
        let args = [&["--start-at", "2100-01-01T00:00:00Z", "--rate", "100/s", "--duration", "100ms"], more]
            .concat();
        let mut child = command(folder.path(), &transfer(), &receiver.url(), &args).spawn().unwrap();
        // What waits for its start can be interrupted.
        let mut out = std::io::BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        assert!(line.contains("2100-01-01"), "{line}");
        interrupt(&child);
        let run = finished(child, folder);
        run.assert_code(130);
        assert_eq!(run.count("planned"), 0);
    });
    assert_eq!(receiver.count(), 0);
}

#[test]
fn waiting_costs_next_to_nothing() {
    let receiver = Receiver::new();
    let run = load(&receiver.url(), &["--rate", "2/s", "--duration", "1s"]);
    run.assert_all_well(2);
    let sender = &run.report["sender"];
    let cpu = sender["user_s"].as_f64().unwrap() + sender["system_s"].as_f64().unwrap();
    assert!(cpu < 0.3, "{sender}");
}

#[test]
fn the_present_memory_does_not_grow_with_the_events() {
    let receiver = Receiver::new();
    let peak = |count: &str| {
        let run = load(&receiver.url(), &["--rate", "max", "--count", count]);
        number(&run.report["sender"]["peak_bytes"])
    };
    let (few, many) = (peak("200"), peak("10000"));
    assert!(many < few + 8_000_000, "{few} bytes for a few, {many} for many");
}

#[test]
fn nothing_is_sent_to_others_than_loopback() {
    let output = program()
        .args([
            "load",
            "scenarios/load-transfer.toml",
            "--callback-url",
            "http://192.0.2.1/",
            "--secret",
            SECRET,
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("--allow-target 192.0.2.1"), "{}", stderr(&output));
}

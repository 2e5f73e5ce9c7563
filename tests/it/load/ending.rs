//! How a run ends and what it leaves: interruptions, reports, gates, what is shown meanwhile.

use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

use super::harness::{command, each, finished, interrupt, load, number, transfer};
use super::receiver::{Receiver, Then};
use crate::support::{assert_code, run, stderr, stdout};

#[test]
fn an_interruption_ends_with_a_summary() {
    each([&["--rate", "300/s", "--duration", "60s"][..], &["--rate", "max", "--duration", "60s"]], |args| {
        let receiver = Receiver::new();
        let folder = tempfile::tempdir().unwrap();
        let begun = Instant::now();
        let child = command(folder.path(), &transfer(), &receiver.url(), args).spawn().unwrap();
        receiver.wait_for(100);
        interrupt(&child);
        let run = finished(child, folder);
        run.assert_code(130);
        assert!(run.count("ok") >= 100, "{}", run.report["counts"]);
        assert_eq!(run.count("sent"), receiver.count());
        assert!(stdout(&run.output).contains("ok"), "{}", stdout(&run.output));
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    });
}

#[test]
fn what_is_in_flight_at_an_interruption_is_counted() {
    // Nobody is answered; the time-out is far away.
    let receiver = Receiver::with(|stream, _| {
        let _ = std::io::Read::read(stream, &mut [0; 1]);
        Then::Close
    });
    let folder = tempfile::tempdir().unwrap();
    let args = ["--rate", "200/s", "--duration", "60s", "--in-flight", "16", "--timeout", "50s"];
    let child = command(folder.path(), &transfer(), &receiver.url(), &args).spawn().unwrap();
    receiver.wait_for(16);
    interrupt(&child);
    let run = finished(child, folder);
    run.assert_code(130);
    assert_eq!((run.count("sent"), run.errors("interrupted")), (16, 16), "{}", run.report["errors"]);
}

#[test]
fn reports_in_every_form_and_a_comparison() {
    let receiver = Receiver::new();
    let files = tempfile::tempdir().unwrap();
    let path = |name: &str| files.path().join(name).display().to_string();
    let args = ["--rate", "200/s", "--duration", "200ms"];
    let first =
        [&args[..], &["--report", &path("a.json"), "--report", &path("a.html"), "--report", &path("a.md")]];
    load(&receiver.url(), &first.concat()).assert_all_well(40);
    assert!(fs::read_to_string(path("a.html")).unwrap().starts_with("<!doctype html>"));
    assert!(fs::read_to_string(path("a.md")).unwrap().contains("40"));

    let before = path("a.json");
    let second = [&args[..], &["--baseline", &before, "--fail-if", "p99>+10000000%"]].concat();
    let run = load(&receiver.url(), &second);
    run.assert_all_well(40);
    assert!(stdout(&run.output).contains("aseline"), "{}", stdout(&run.output));

    let third = [&args[..], &["--baseline", &before, "--fail-if", "p50>-99.999%", "--fail-if", "errors>1%"]];
    let run = load(&receiver.url(), &third.concat());
    run.assert_code(1);
    assert!(stdout(&run.output).contains("p50>-99.999%: p50 is"), "{}", stdout(&run.output));
    assert!(!stdout(&run.output).contains("errors>1%"), "{}", stdout(&run.output));
}

#[test]
fn a_condition_that_is_met_fails_the_run() {
    each(
        [("errors>1%", 1), ("errors>=100%", 0), ("timeouts>0%", 0), ("rate<1000/s", 1)],
        |(condition, code)| {
            let receiver = Receiver::with(|stream, number| {
                // Every other one is refused.
                let status = if number % 2 == 0 { "200 OK" } else { "500 No" };
                let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                Then::Keep
            });
            let args = ["--rate", "200/s", "--duration", "100ms", "--fail-if", condition];
            load(&receiver.url(), &args).assert_code(code);
        },
    );
}

#[test]
fn what_is_shown_meanwhile_goes_to_standard_error_and_can_be_silenced() {
    let receiver = Receiver::new();
    let folder = tempfile::tempdir().unwrap();
    let child =
        command(folder.path(), &transfer(), &receiver.url(), &["--rate", "20/s", "--duration", "6500ms"]);
    let quiet = tempfile::tempdir().unwrap();
    let args = ["--rate", "20/s", "--duration", "6500ms", "--quiet"];
    let silent = command(quiet.path(), &transfer(), &receiver.url(), &args);
    // Both at once: it takes five seconds until there is something to show.
    let [child, silent] = [child, silent].map(|mut command| command.spawn().unwrap());
    let (shown, silent) = (finished(child, folder), finished(silent, quiet));
    let (shown, silent) = (shown.assert_all_well(130), silent.assert_all_well(130));
    assert!(stderr(&shown.output).starts_with("5s of 6.5s  "), "{}", stderr(&shown.output));
    assert_eq!(stderr(&silent.output), "");
    assert!(stdout(&silent.output).contains("130"), "the summary: {}", stdout(&silent.output));
}

#[test]
fn a_report_that_can_not_be_written_is_an_error_before_the_run() {
    let receiver = Receiver::new();
    let output = run(&[
        "load",
        "scenarios/load-transfer.toml",
        "--callback-url",
        &receiver.url(),
        "--report",
        "/nowhere/a.json",
    ]);
    assert_code(&output, 2);
    assert!(stderr(&output).contains("the folder /nowhere does not exist"), "{}", stderr(&output));
    assert_eq!(receiver.count(), 0);
}

#[test]
fn the_plan_is_in_the_report() {
    let receiver = Receiver::new();
    let run = load(&receiver.url(), &["--rate", "50/s", "--duration", "100ms", "--seed", "9"]);
    let plan = &run.report["plan"];
    assert_eq!((&plan["rate"], number(&plan["seed"])), (&serde_json::json!("50/s"), 9));
    assert_eq!(plan["target"], receiver.url());
    assert!(!run.output.stdout.is_empty());
    let again = fs::read_to_string(run.folder.path().join("report.json")).unwrap();
    assert!(again.starts_with("{\n  \"format\": \"airudder-mock load 2\""), "{again}");
}

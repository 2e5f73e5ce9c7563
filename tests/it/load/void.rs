//! Runs whose figures say nothing, and the receiver's own list of what it took.

use std::fs;
use std::sync::Mutex;

use serde_json::Value;

use super::harness::{SECRET, command, ended, load, number, story, transfer};
use super::receiver::{OK, Receiver, answer};
use crate::support::{assert_code, stdout};

/// A receiver that answers everything with 200 and gives a list of the call ids of which it keeps some.
fn with_list(keeps: impl Fn(u64) -> bool + Send + Sync + 'static) -> Receiver {
    let ids = Mutex::new(Vec::<String>::new());
    Receiver::seeing(move |stream, number, arrived| {
        if arrived.head.starts_with("GET /ids ") {
            let list = serde_json::to_string(&*ids.lock().unwrap()).unwrap();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{list}", list.len());
            return answer(stream, head.as_bytes());
        }
        let id = arrived.json()["transfer"]["call_id"].as_str().unwrap().to_owned();
        if keeps(number) {
            ids.lock().unwrap().push(id);
        }
        answer(stream, OK)
    })
}

#[test]
fn a_receiver_that_loses_one_in_a_hundred_is_found_by_its_list() {
    for (keeps, lost) in [((|_| true) as fn(u64) -> bool, 0), (|number| number % 100 != 42, 5)] {
        let receiver = with_list(keeps);
        let list = format!("http://{}/ids", receiver.address);
        let run = load(&receiver.url(), &["--count", "500", "--rate", "max", "--receipts", &list]);
        run.assert_code(if lost == 0 { 0 } else { 1 });
        let receipts = &run.report["receipts"];
        assert_eq!(number(&receipts["lost"]), lost, "{receipts}");
        assert_eq!((number(&receipts["accepted"]), number(&receipts["unknown"])), (500, 0), "{receipts}");
        assert_eq!(receipts["field"], "transfer.call_id");
        let said = stdout(&run.output);
        assert_eq!(
            said.contains("5 of 500 events that were answered as expected (1.00 %)"),
            lost > 0,
            "{said}"
        );
    }
}

#[test]
fn a_list_may_be_a_file_and_of_simulated_stories() {
    let (folder, file) = story(
        "[[steps]]\nsend = \"session.transfer\"\n[[steps]]\npause = \"1ms\"\n[[steps]]\nsend = \"session.end\"\n",
    );
    let receiver = Receiver::new();
    let list = folder.path().join("ids.txt");
    let at = list.display().to_string();
    fs::write(&list, "").unwrap();
    let args = [
        "--rate",
        "100/s",
        "--duration",
        "200ms",
        "--unit",
        "stories",
        "--listen",
        "127.0.0.1:0",
        "--mode",
        "simulated",
    ];
    // It is read when the run is over, and not before it is complete or five seconds are over.
    let child =
        command(folder.path(), &file, &receiver.url(), &[&args[..], &["--receipts", &at]].concat()).spawn();
    receiver.wait_for(40);
    let ids = receiver.arrived().into_iter().map(|request| {
        let body: Value = request.json();
        format!("{{\"body\":{body},\"received_at\":\"{}\"}}\n", jiff::Timestamp::now())
    });
    fs::write(&list, ids.collect::<String>()).unwrap();
    let output = ended(child.unwrap());
    assert_code(&output, 0);
    assert!(stdout(&output).contains("Nothing was lost or duplicated"), "{}", stdout(&output));
    assert!(stdout(&output).contains("received"), "{}", stdout(&output));
}

/// What `receive --json` prints is a list, as anybody would try first.
#[test]
fn the_lines_of_the_own_receiver_are_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let (list, url) = (folder.path().join("callbacks.ndjson"), folder.path().join("url"));
    let mut receiving = crate::support::program()
        .args([
            "receive",
            "--json",
            "--listen",
            "127.0.0.1:0",
            "--secret",
            SECRET,
            "--count",
            "20",
            "--url-file",
        ])
        .arg(&url)
        .stdout(fs::File::create(&list).unwrap())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begun = std::time::Instant::now();
    let to = loop {
        match fs::read_to_string(&url) {
            Ok(text) if text.ends_with('\n') => break text.trim().to_owned(),
            _ => assert!(begun.elapsed() < crate::support::TIMEOUT, "the receiver has not begun"),
        }
        std::thread::yield_now();
    };
    let args = ["--count", "20", "--rate", "max", "--receipts", list.to_str().unwrap()];
    let run = load(&to, &args);
    assert!(receiving.wait().unwrap().success());
    run.assert_code(0);
    let receipts = &run.report["receipts"];
    assert_eq!((number(&receipts["accepted"]), number(&receipts["lost"])), (20, 0), "{receipts}");
    // A list of something else accuses nobody.
    let other = folder.path().join("other.txt");
    fs::write(&other, "one\ntwo\n").unwrap();
    let receiver = Receiver::new();
    let run =
        load(&receiver.url(), &["--count", "5", "--rate", "max", "--receipts", other.to_str().unwrap()]);
    run.assert_code(1);
    assert_eq!(number(&run.report["receipts"]["lost"]), 0);
    let said = stdout(&run.output);
    assert!(said.contains("not compared") && said.contains("such as `one`"), "{said}");
    assert!(!said.contains("the receiver lost them"), "{said}");
}

#[test]
fn a_list_that_is_missing_fails_the_run() {
    let receiver = Receiver::new();
    let run = load(&receiver.url(), &["--count", "5", "--rate", "max", "--receipts", "nowhere/ids.json"]);
    run.assert_code(1);
    let error = run.report["receipts"]["error"].as_str().unwrap();
    assert!(error.contains("nowhere/ids.json can't be read"), "{error}");
}

#[test]
fn a_sender_that_holds_back_its_events_makes_the_run_void() {
    let receiver = Receiver::new();
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html").display().to_string();
    // Nothing is written at the very nanosecond it is due: so all is late where no lag is allowed.
    let args = ["--rate", "200/s", "--duration", "200ms", "--late", "0s", "--report", &page];
    let run = |more: &[&str]| {
        let args = [&args[..], more].concat();
        let output = ended(command(folder.path(), &transfer(), &receiver.url(), &args).spawn().unwrap());
        let report = fs::read_to_string(folder.path().join("report.json")).unwrap();
        (output, serde_json::from_str::<Value>(&report).unwrap())
    };
    let (output, report) = run(&["--void-above", "20%"]);
    assert_code(&output, 5);
    let why = "the sender was the limit: it held back 40 of 40 events (100 %) by more than 0ms, but only 20.0 % is allowed";
    assert_eq!(report["void"], why);
    let said = stdout(&output);
    assert!(said.contains("VOID: the sender was the limit") && said.contains("VOID: these times"), "{said}");
    assert!(fs::read_to_string(&page).unwrap().contains("<title>VOID: "));
    // What is void stays so in whatever is made of it.
    let merged = crate::support::run(&["merge", folder.path().join("report.json").to_str().unwrap()]);
    assert_code(&merged, 5);
    let (output, report) = run(&["--void-above", "100%"]);
    assert_code(&output, 0);
    assert!(report.get("void").is_none(), "{}", report["void"]);
}

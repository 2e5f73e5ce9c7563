//! Stories that are simulated, with pauses, waits and expectations.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::harness::{SECRET, command, finished, interrupt, load_story, number, seen, story, transfer};
use super::receiver::{OK, Receiver, answer};
use crate::support::{free_address, independent_hmac, post_signed, stderr, stdout};

/// From templates and simulated alike: the pause is between what comes.
#[test]
fn stories_with_pauses() {
    let (_folder, file) = story(
        "[[steps]]\nsend = \"session.transfer\"\n[[steps]]\npause = \"50ms\"\n[[steps]]\nsend = \"session.end\"\n",
    );
    let args = ["--rate", "100/s", "--duration", "500ms", "--unit", "stories", "--listen", "127.0.0.1:0"];
    for (mode, more) in [("compiled", &[][..]), ("simulated", &["--mode", "simulated"])] {
        let receiver = Receiver::new();
        let run = load_story(&file, &receiver.url(), &[&args, more].concat());
        run.assert_all_well(100);
        assert_eq!(run.report["plan"]["mode"], mode);
        assert_eq!(number(&run.report["plan"]["stories"][0]["started"]), 50);
        for request in receiver.arrived() {
            request.assert_signed(SECRET);
        }
        assert_eq!(receiver.count(), 100);
        let mut begun = HashMap::new();
        for request in receiver.arrived() {
            let body = request.json();
            let id = body.pointer("/transfer/call_id").or(body.get("call_id")).unwrap().to_string();
            match begun.entry(id) {
                Entry::Vacant(first) => drop(first.insert(request.at)),
                Entry::Occupied(first) => assert!(request.at - *first.get() >= Duration::from_millis(49)),
            }
        }
        assert!((1..=50).contains(&number(&run.report["sender"]["connections"])), "{}", run.report["sender"]);
    }
}

/// A fault is not ignored because the story could be compiled: each callback is decided by the engine.
#[test]
fn faults_of_callbacks() {
    let receiver = Receiver::new();
    let args = [
        "--rate",
        "200/s",
        "--count",
        "40",
        "--fault",
        "signature-wrong, first 30",
        "--listen",
        "127.0.0.1:0",
    ];
    let run = load_story(&transfer(), &receiver.url(), &args);
    run.assert_all_well(40);
    assert_eq!(run.report["plan"]["mode"], "simulated");
    assert_eq!(run.report["faults"], json!({ "signature-wrong": 30 }));
    let is_right = |request: &&super::receiver::Arrived| {
        request.header("X-AIRudder-Sign") == Some(&*independent_hmac(SECRET, &request.body))
    };
    assert_eq!(receiver.arrived().iter().filter(is_right).count(), 10);
    assert!(
        stderr(&run.output).contains("there are faults of callbacks (signature-wrong)"),
        "{}",
        stderr(&run.output)
    );
    assert!(stdout(&run.output).contains("signature-wrong 30 times"), "{}", stdout(&run.output));
}

const AWAITS: &str = r#"
[[steps]]
send = "session.transfer"
save = "transfer"
[[steps]]
await = "chatbot.agent_transfer_result"
where = { call_id = "{{ transfer.body.transfer.call_id }}" }
within = "1s"
"#;

#[test]
fn stories_that_wait_for_requests() {
    let (_folder, file) = story(AWAITS);
    let mock = free_address();
    let receiver = Receiver::new();
    let folder = tempfile::tempdir().unwrap();
    let listen = mock.to_string();
    let args = ["--rate", "20/s", "--duration", "500ms", "--listen", &listen];
    let child = command(folder.path(), &file, &receiver.url(), &args).spawn().unwrap();
    for expected in 0..10 {
        receiver.wait_for(expected + 1);
        // Every fifth is never called back.
        if expected % 5 == 4 {
            continue;
        }
        let body = receiver.arrived()[expected as usize].json();
        let fields = json!({
            "call_id": body["transfer"]["call_id"], "channel": body["channel"], "channel_id": body["channel_id"],
            "user": body["user"], "result": "accepted",
        });
        let (status, answer) = post_signed(mock, "/api/v1/session/transfer_result", SECRET, &fields);
        assert_eq!(status, 200, "{answer}");
    }
    let run = finished(child, folder);
    assert_eq!((run.count("planned"), run.count("ok")), (10, 10), "{}", run.report["errors"]);
    let share = &run.report["plan"]["stories"][0];
    assert_eq!((number(&share["started"]), number(&share["failed"])), (10, 2), "{share}");
    let first = share["first_failure"].as_str().unwrap();
    assert!(first.contains("chatbot.agent_transfer_result") && first.contains("story.toml:5"), "{first}");
    assert!(stdout(&run.output).contains("chatbot.agent_transfer_result"), "{}", stdout(&run.output));
}

#[test]
fn an_expectation_that_fails_is_a_failure_of_the_story_alone() {
    let (_folder, file) = story(
        "[[steps]]\nsend = \"session.end\"\nexpect = { status = 200, within = \"50ms\" }\n[[steps]]\npause = \"1ms\"\n",
    );
    let receiver = Receiver::with(|stream, number| {
        if number.is_multiple_of(2) {
            thread::sleep(Duration::from_millis(200));
        }
        answer(stream, OK)
    });
    let args = ["--rate", "20/s", "--duration", "500ms", "--listen", "127.0.0.1:0", "--mode", "simulated"];
    let run = load_story(&file, &receiver.url(), &args);
    assert_eq!(run.count("ok"), 10, "{}", run.report["counts"]);
    let share = &run.report["plan"]["stories"][0];
    assert!((5..=8).contains(&number(&share["failed"])), "{share}");
    assert!(share["first_failure"].as_str().unwrap().contains("50ms"), "{share}");
}

#[test]
fn a_receiver_that_is_away_fails_the_stories() {
    let (_folder, file) =
        story("[delivery]\ntries = 1\n[[steps]]\nsend = \"session.end\"\n[[steps]]\npause = \"1ms\"\n");
    let args = ["--rate", "50/s", "--duration", "200ms", "--listen", "127.0.0.1:0", "--mode", "simulated"];
    let run = load_story(&file, &format!("http://{}/", free_address()), &args);
    assert_eq!((run.count("planned"), run.errors("refused")), (10, 10), "{}", run.report["errors"]);
    assert_eq!(number(&run.report["plan"]["stories"][0]["failed"]), 10);
}

#[test]
fn an_interruption_between_stories_is_one() {
    let (_folder, file) = story("[[steps]]\nsend = \"session.end\"\n[[steps]]\npause = \"1ms\"\n");
    let receiver = Receiver::new();
    let (mock, folder) = (free_address(), tempfile::tempdir().unwrap());
    let listen = mock.to_string();
    let args = ["--rate", "1/m", "--duration", "10m", "--listen", &listen, "--mode", "simulated"];
    let child = command(folder.path(), &file, &receiver.url(), &args).spawn().unwrap();
    // The only event of the only story so far.
    seen(mock, |run| run["counts"]["ok"] == 1);
    interrupt(&child);
    let run = finished(child, folder);
    run.assert_code(130);
    assert_eq!(run.count("ok"), 1);
}

#[test]
fn nothing_is_sent_before_the_start() {
    let (_folder, file) = story("[[steps]]\nsend = \"session.end\"\n[[steps]]\npause = \"1ms\"\n");
    let receiver = Receiver::new();
    let folder = tempfile::tempdir().unwrap();
    let args = [
        "--start-at",
        "2100-01-01T00:00:00Z",
        "--duration",
        "100ms",
        "--listen",
        "127.0.0.1:0",
        "--mode",
        "simulated",
    ];
    let mut child = command(folder.path(), &file, &receiver.url(), &args).spawn().unwrap();
    let mut out = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains("2100-01-01") {
        assert!(std::io::BufRead::read_line(&mut out, &mut text).unwrap() > 0, "{text}");
    }
    interrupt(&child);
    let run = finished(child, folder);
    run.assert_code(130);
    assert_eq!((run.count("planned"), receiver.count()), (0, 0));
}

#[test]
fn requests_are_served_beside_plain_sends() {
    let mock = free_address();
    let receiver = Receiver::new();
    let folder = tempfile::tempdir().unwrap();
    let listen = mock.to_string();
    let args = ["--rate", "50/s", "--duration", "60s", "--listen", &listen];
    let child = command(folder.path(), &super::harness::transfer(), &receiver.url(), &args).spawn().unwrap();
    receiver.wait_for(3);
    let body = receiver.arrived()[1].json();
    let accept = |call_id: &serde_json::Value| {
        json!({
            "call_id": call_id, "channel": body["channel"], "channel_id": body["channel_id"],
            "user": body["user"], "result": "accepted",
        })
    };
    // What was sent is known by its id, and answered once; what was not sent is unknown.
    let path = "/api/v1/session/transfer_result";
    let (status, answer) = post_signed(mock, path, SECRET, &accept(&body["transfer"]["call_id"]));
    assert_eq!((status, &answer["code"]), (200, &json!(200)), "{answer}");
    let (_, answer) = post_signed(mock, path, SECRET, &accept(&body["transfer"]["call_id"]));
    assert_ne!(answer["code"], 200, "{answer}");
    let (_, answer) = post_signed(mock, path, SECRET, &accept(&json!("0123456789abcdef0123456789abcdef")));
    assert_ne!(answer["code"], 200, "{answer}");
    interrupt(&child);
    let run = finished(child, folder);
    assert!(!stderr(&run.output).contains("simulated"), "{}", stderr(&run.output));
    assert_eq!(run.report["plan"]["mode"], "compiled");
}

#[test]
fn routes_of_the_settings_hold() {
    let (folder, file) = story("[[steps]]\nsend = \"session.transfer\"\n");
    let (usual, routed) = (Receiver::new(), Receiver::new());
    let config = folder.path().join("mock.toml");
    let text = format!(
        "callback_url = \"{}\"\n[[routes]]\nevent = \"session.transfer\"\nurl = \"{}\"\nsecret = \"of the route\"\n",
        usual.url(),
        routed.url()
    );
    std::fs::write(&config, text).unwrap();
    for mode in ["auto", "simulated"] {
        let before = routed.count();
        let output = crate::support::program()
            .args(["--config", config.to_str().unwrap(), "load"])
            .arg(&file)
            .args(["--rate", "100/s", "--duration", "100ms", "--mode", mode, "--listen", "127.0.0.1:0"])
            .args(["--void-above", "100%"])
            .output()
            .unwrap();
        crate::support::assert_code(&output, 0);
        assert_eq!((usual.count(), routed.count() - before), (0, 10), "{mode}");
    }
    for request in routed.arrived() {
        request.assert_signed("of the route");
    }
}

#[test]
fn how_a_load_goes_is_seen_beside_it() {
    let receiver = Receiver::new();
    for file in [transfer(), Path::new("scenarios").join("agent-transfer.toml")] {
        let (mock, folder) = (free_address(), tempfile::tempdir().unwrap());
        let args = ["--rate", "50/s", "--duration", "40s", "--listen", &mock.to_string()];
        let child = command(folder.path(), &file, &receiver.url(), &args).spawn().unwrap();
        let run = seen(mock, |run| run["points"].as_array().is_some_and(|points| points.len() > 2));
        assert_eq!(
            (&run["target"], &run["rate"], &run["duration_s"]),
            (&json!(receiver.url()), &json!("50/s"), &json!(40.0))
        );
        let count = |name: &str| number(&run["counts"][name]);
        assert!(
            count("planned") >= count("sent") && count("sent") >= count("ok") + count("wrong_status"),
            "{run}"
        );
        let before = count("sent");
        seen(mock, |run| number(&run["counts"]["sent"]) > before && run["points"][0]["planned"].is_f64());
        interrupt(&child);
        let ended = finished(child, folder);
        ended.assert_code(130);
        let told = stderr(&ended.output);
        assert!(told.contains(&format!("note: http://{mock}/_mock/ shows the progress")), "{told}");
    }
    let serving = crate::serving::Serving::new();
    assert_eq!(serving.control("GET", "/_mock/load", &json!(null)).1, json!({ "run": null }));
}

//! What goes wrong on purpose, by settings, by header, by magic text and by a scenario, and the limit of an account.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use airudder_mock::contract::aes::{Cipher, digest};
use serde_json::{Value, json};

use crate::serving::{JSON, Reply, Serving, request};
use crate::support::{Receiver, assert_code, free_address, plain, post, run};

const ROBOTS: &str = "/service/cloud/robot";
const LIST: &str = "/service/cloud/list";

#[test]
fn settings_hit_the_next_requests_or_every_nth() {
    let settings = r#"
        [[faults]]
        call = "task.list"
        times = 2
        status = 503
        code = 1503
        message = "come back"
        retry_after = "1500ms"
        [[faults]]
        call = "robot.*"
        every = 5
        kind = "close"
        [[faults]]
        call = "task.create"
        where = { TaskName = "unlucky" }
        skip = 1
        times = 1
        status = 500
        effect = true
    "#;
    let serving = Serving::with(settings, &[]);
    let token = serving.token();
    let own = [("Authorization", token.as_str())];
    for at in 1..=4 {
        let reply = serving.request("GET", LIST, &own, b"");
        if at > 2 {
            assert_eq!(reply.status, 200, "request {at}: {}", reply.text());
            continue;
        }
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("2")), "request {at}");
        let answer = reply.json();
        assert_eq!((&answer["code"], answer.to_string().contains("come back")), (&json!(1503), true));
    }
    for at in 1..=11 {
        let mut wire = serving.wire();
        wire.send(&request("GET", ROBOTS, &own, b""));
        if at % 5 == 0 {
            assert_eq!(wire.rest().unwrap(), b"", "request {at} is closed without a word");
        } else {
            assert_eq!(wire.reply().status, 200, "request {at}");
        }
    }
    let create = |name: &str| {
        let fields = json!({ "TaskName": name, "Details": [{ "Mobile": "+6281110009001" }] });
        serving.post(&token, "/service/cloud/task", &fields).0
    };
    assert_eq!(create("lucky"), 200);
    // The second is hit although it takes effect: it takes nothing, the name being taken.
    assert_eq!([create("unlucky"), create("unlucky"), create("unlucky")], [200, 500, 409]);
    serving.end();
}

/// A GET whose header asks for a fault.
fn asking(token: &str, fault: &str) -> Vec<u8> {
    request("GET", ROBOTS, &[("Authorization", token), ("X-Mock-Fault", fault)], b"")
}

#[test]
fn a_header_asks_for_any_fault() {
    let serving = Serving::new();
    let token = serving.token();
    let ask = |fault: &str| -> Reply {
        let mut wire = serving.wire();
        wire.send(&asking(&token, fault));
        wire.reply()
    };
    let reply = ask("429");
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("1")));
    assert_eq!(reply.json()["code"], 429);
    assert_eq!(ask("418").status, 418);
    assert_eq!(ask("no such fault").status, 400);
    let reply = ask("garbage");
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/html")));
    assert!(serde_json::from_slice::<Value>(&reply.body).is_err());
    let begun = Instant::now();
    assert_eq!(ask("slow-150ms").status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(150));

    let mut wire = serving.wire();
    wire.send(&asking(&token, "close"));
    assert_eq!(wire.rest().unwrap(), b"");
    let mut wire = serving.wire();
    wire.send(&asking(&token, "reset"));
    assert_eq!(wire.rest().unwrap_err().kind(), ErrorKind::ConnectionReset);
    let mut wire = serving.wire();
    wire.send(&asking(&token, "half"));
    let head = wire.head();
    let announced: usize = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok())
        .expect("a length");
    let came = wire.rest().unwrap().len();
    assert!(head.starts_with("HTTP/1.1 200") && came == announced / 2, "{came} of {announced}");

    // Silence lasts until the client goes; nobody else has to wait for it.
    let mut silent = serving.wire();
    silent.send(&asking(&token, "never"));
    assert_eq!(ask("").status, 200);
    drop(silent);

    // Other tests of the client's renewal need nothing but this.
    assert_eq!(ask("expired-token").status, 401);
    assert_eq!(serving.get(&token, ROBOTS).0, 401);
    assert_eq!(serving.get(&serving.token(), ROBOTS).0, 200);
    serving.end();
}

/// Faults of requests with names of their own, as texts in settings.
#[test]
fn names_say_what_becomes_of_a_request() {
    let settings = r#"
        faults = [
            "done-then-closed of task.create, the 1st",
            "refused-though-done of task.create, the 2nd",
            "late after=150ms of task.list, first 1",
        ]
    "#;
    let serving = Serving::with(settings, &[]);
    let token = serving.token();
    let own = [("Authorization", token.as_str())];
    let begun = Instant::now();
    assert_eq!(serving.request("GET", LIST, &own, b"").status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(150), "late");
    let create = |name: &str| {
        let fields = json!({ "TaskName": name, "Details": [{ "Mobile": "+6281110009001" }] }).to_string();
        let mut wire = serving.wire();
        wire.send(&request("POST", "/service/cloud/task", &[own[0], JSON], fields.as_bytes()));
        wire
    };
    assert_eq!(create("first").rest().unwrap(), b"");
    assert_eq!(create("second").reply().status, 503);
    assert_eq!(serving.get(&token, LIST).1["data"]["total"], 2, "both took effect");
    assert_eq!(create("mock:done-then-closed").rest().unwrap(), b"");
    assert_eq!(create("mock:refused-though-done").reply().status, 503);
    assert_eq!(serving.get(&token, LIST).1["data"]["total"], 4);
    serving.end();
}

#[test]
fn a_text_asks_for_a_fault() {
    let serving = Serving::new();
    let token = serving.token();
    let create = |name: &str| {
        let fields = json!({ "TaskName": name, "Details": [{ "Mobile": "+6281110009001" }] }).to_string();
        let mut wire = serving.wire();
        let headers = [("Authorization", token.as_str()), JSON];
        wire.send(&request("POST", "/service/cloud/task", &headers, fields.as_bytes()));
        wire
    };
    let total = || serving.get(&token, LIST).1["data"]["total"].clone();
    assert_eq!(create("campaign mock:503").reply().status, 503);
    assert_eq!(create("mock:close").rest().unwrap(), b"");
    assert_eq!(total(), 0, "neither took effect");
    let mut half = create("mock:half");
    half.head();
    half.rest().unwrap();
    assert_eq!(total(), 1, "half an answer is one to a request that took effect");
    assert_eq!(create("hammock:503").reply().status, 200);
    serving.end();
}

#[test]
fn faults_on_encrypted_requests_are_encrypted() {
    let settings = r#"
        [[accounts]]
        app_key = "AIRudderMockKey0000001"
        app_secret = "AIRudderMockSecret0001"
        encryption_key = "airudderredduria"
    "#;
    let serving = Serving::with(settings, &[]);
    let token = serving.token();
    let cipher = Cipher::new("airudderredduria").unwrap();
    let ask = |fault: &str| {
        let query = "Number=5";
        let signed = digest(query.as_bytes());
        let own = [
            ("Authorization", token.as_str()),
            ("Is-Encrypted", "1"),
            ("Signed", signed.as_str()),
            ("X-Mock-Fault", fault),
        ];
        serving.request("GET", &format!("{LIST}?{}", cipher.encrypt(query.as_bytes())), &own, b"")
    };
    for (fault, status, code) in [("503", 503, 503), ("code-500", 500, 500), ("slow-1ms", 200, 200)] {
        let reply = ask(fault);
        let plain = cipher.decrypt(&reply.text()).unwrap();
        assert_eq!((reply.status, reply.header("is-encrypted")), (status, Some("1")), "{fault}");
        assert_eq!(reply.header("signed"), Some(digest(&plain).as_str()), "{fault}");
        assert_eq!(serde_json::from_slice::<Value>(&plain).unwrap()["code"], code, "{fault}");
    }
    // A token that has expired is noticed before anything is decrypted.
    let reply = ask("expired-token");
    assert_eq!((reply.status, reply.header("is-encrypted"), &reply.json()["code"]), (401, None, &json!(401)));
    serving.end();
}

#[test]
fn a_scenario_brings_its_own_faults() {
    let mock = free_address();
    let receiver = Receiver::with(move |request| {
        let call_id = request.json()["transfer"]["call_id"].clone();
        let fields = json!({ "call_id": call_id, "result": "accepted" });
        let statuses: Vec<u16> =
            (0..3).map(|_| post(mock, "/api/v1/session/transfer_result", &fields).0).collect();
        assert_eq!(statuses, [502, 502, 200]);
        plain("200 OK", "{}")
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("story.toml");
    // Its requests are not signed, and the story says that this does not matter here.
    let text = r#"
        allow = ["signature"]
        [[faults]]
        call = "chatbot.agent_transfer_result"
        times = 2
        status = 502
        [[steps]]
        send = "session.transfer"
        [[steps]]
        await = "chatbot.agent_transfer_result"
        within = "10s"
    "#;
    std::fs::write(&path, text).unwrap();
    let args = ["--callback-url", &receiver.url(), "--speed", "max", "--listen", &mock.to_string()];
    let output = run(&[&["run", path.to_str().unwrap()], &args[..]].concat());
    assert_code(&output, 0);
}

#[test]
fn an_account_has_its_limit() {
    let settings = r#"
        [[accounts]]
        app_key = "AIRudderMockKey0000001"
        app_secret = "AIRudderMockSecret0001"
        rate_limit = "3/min"
        [[accounts]]
        app_key = "free"
        app_secret = "secret"
    "#;
    let serving = Serving::with(settings, &[]);
    let other = |fields: &Value| serving.post("", "/service/cloud/auth", fields);
    let free = json!({ "APPKey": "free", "APPSecret": "secret" });
    let token = serving.token();
    let own = [("Authorization", token.as_str())];
    let ask = || serving.request("GET", ROBOTS, &own, b"");
    assert_eq!([ask().status, ask().status], [200, 200]);
    let reply = ask();
    let wait: u64 = reply.header("retry-after").and_then(|wait| wait.parse().ok()).expect("Retry-After");
    assert_eq!((reply.status, &reply.json()["code"]), (429, &json!(429)));
    assert!((1..=60).contains(&wait), "{wait}");
    // Somebody who has stopped the clock would wait for ever.
    let message = reply.json()["message"].as_str().unwrap().to_owned();
    assert!(message.ends_with(&format!("retry in {wait} s on the mock's clock")), "{message}");
    // Asking for a token counts for the account that asks: the other one is free to.
    let (status, answer) = other(&free);
    assert_eq!(status, 200, "{answer}");
    let free = format!("Token {}", answer["data"]["token"].as_str().unwrap());
    assert!((0..5).all(|_| serving.get(&free, ROBOTS).0 == 200));
    serving.skip(&format!("{wait}s"));
    assert_eq!([ask().status, ask().status, ask().status, ask().status], [200, 200, 200, 429]);
    serving.end();
}

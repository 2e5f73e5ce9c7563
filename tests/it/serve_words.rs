//! What `serve` says to those who err: in their family's envelope, with what they probably meant.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use airudder_mock::contract::aes::{Cipher, digest};
use serde_json::{Value, json};

use crate::serving::{APP_KEY, APP_SECRET, JSON, Serving, Wire, request};
use crate::support::{Receiver, plain, program};

#[test]
fn what_is_not_served_is_refused_in_the_envelope_of_its_family() {
    let serving = Serving::new();
    for (path, status, keys) in [
        ("/service/cloud/nope", 404, &["code", "status", "message"][..]),
        ("/service/cloud/workflow/nope", 404, &["code", "message"]),
        ("/api/v1/nope", 404, &["request_id", "code", "message"]),
        ("/service/callcenter/call/predict/nope", 404, &["code", "message", "status"]),
        ("/service/sms/nope", 404, &["code", "message"]),
        ("/nope", 404, &["code", "message"]),
        ("/service/cloud/task", 405, &["code", "status", "message"]),
        ("/api/v1/message/send", 405, &["request_id", "code", "message"]),
        ("/service/cloud/emptycheck", 405, &["code", "msg"]),
    ] {
        let reply = serving.request("PUT", path, &[JSON], b"{}");
        let body = reply.json();
        let found: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!((reply.status, &found[..]), (status, keys), "{path}");
        assert_eq!(body["code"], status);
        assert_eq!(reply.header("allow").is_some(), status == 405, "{path}");
    }
}

#[test]
fn a_fault_that_nobody_knows_is_refused_with_the_known_ones() {
    let serving = Serving::new();
    let token = serving.token();
    let authorized = ("Authorization", token.as_str());
    let reply =
        serving.request("GET", "/service/cloud/robot", &[authorized, ("X-Mock-Fault", "expird-token")], b"");
    let message = reply.json()["message"].as_str().unwrap().to_owned();
    assert_eq!(reply.status, 400, "{message}");
    assert!(message.contains("did you mean `expired-token`?") && message.contains("garbage"), "{message}");
    let mut task = json!({ "TaskName": "a mock:halv one", "RobotID": "Payment reminder", "Details": [] });
    let (status, answer) = serving.post(&token, "/service/cloud/task", &task);
    assert_eq!(
        (status, answer["message"].as_str().unwrap().contains("did you mean `half`?")),
        (400, true),
        "{answer}"
    );
    task["TaskName"] = "at http://mock:2478/".into();
    task["Details"] = json!([{ "Mobile": "+6281112349011" }]);
    assert_eq!(serving.post(&token, "/service/cloud/task", &task).0, 200);
}

#[test]
fn a_name_in_another_letter_case_is_told() {
    let serving = Serving::new();
    let message = |path: &str, fields: Value| {
        let (status, answer) = serving.post(&serving.token(), path, &fields);
        assert!(status == 400 || answer["code"] != 0, "{answer}");
        answer["message"].as_str().unwrap().to_owned()
    };
    let auth = message("/service/cloud/auth", json!({ "appKey": "x", "appSecret": "y" }));
    assert!(
        auth.contains("APPKey is missing") && auth.contains("`appKey` differs only in letter case"),
        "{auth}"
    );
    let dialer = message("/service/callcenter/call/predict/auth", json!({ "appkey": "x" }));
    assert!(dialer.contains("`appkey` differs only in letter case"), "{dialer}");
    let other = message("/service/cloud/auth", json!({ "key": "x" }));
    assert!(!other.contains("differs"), "{other}");
}

#[test]
fn links_begin_as_the_request_reached_the_mock() {
    for (settings, host, begin) in [
        ("hosts = ['mock.test', 'other.test']\n", "mock.test:1234", "http://mock.test:1234/download/"),
        ("hosts = ['*']\n", "bad/host", "http://127.0.0.1:"),
        (
            "public_url = 'http://outside.test/'\nhosts = ['mock.test', 'other.test']\n",
            "mock.test:1234",
            "http://outside.test/download/",
        ),
    ] {
        let serving = Serving::with(settings, &["--speed", "max"]);
        let token = serving.token();
        let task = serving.task(&token, "links", &json!([{ "Mobile": "+6281112349001" }]));
        serving.settle();
        for (host, begin) in [
            (host, begin),
            ("other.test", if settings.starts_with("hosts") { "http://other.test/" } else { begin }),
        ] {
            let path = format!("/service/cloud/detail?TaskID={task}");
            let bytes = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\n\r\n");
            let mut wire = serving.wire();
            wire.send(bytes.as_bytes());
            let text = wire.reply().text();
            assert!(text.contains(&format!("\"{begin}")), "{host}: {text}");
        }
    }
}

#[test]
fn a_swallowed_notice_is_noted() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let serving = Serving::with("", &["--speed", "max", "--callback-url", &receiver.url()]);
    let rows = json!([{ "Mobile": "+6281112349032" }, { "Mobile": "+6281112359032" }]);
    serving.task(&serving.token(), "swallowed", &rows);
    serving.settle();
    let (_, record) = serving.end();
    let notes: Vec<&str> = record
        .iter()
        .filter(|line| line["kind"] == "note")
        .filter_map(|line| line["text"].as_str())
        .collect();
    assert_eq!(notes.iter().filter(|note| note.contains("`callback_never`")).count(), 1, "{notes:?}");
    assert_eq!(receiver.requests().len(), 1, "the task's notice alone");
}

/// What an encrypted account accepts.
const ENCRYPTED: &str = "[[accounts]]\napp_key = 'AIRudderMockKey0000001'\napp_secret = 'AIRudderMockSecret0001'\n\
                         encryption_key = 'airudderredduria'\nencryption = 'require'\n";

#[test]
fn a_get_without_parameters_needs_nothing_encrypted() {
    let serving = Serving::with(ENCRYPTED, &[]);
    let token = serving.token();
    let headers = [("Authorization", token.as_str()), ("Is-Encrypted", "1")];
    let reply = serving.request("GET", "/service/cloud/robot", &headers, b"");
    assert_eq!((reply.status, reply.header("is-encrypted")), (200, Some("1")), "{}", reply.text());
    // Spelled as documented.
    assert!(reply.head.contains("\r\nIs-Encrypted: 1\r\nSigned: "), "{}", reply.head);
}

#[test]
fn a_token_is_asked_for_in_plain_or_encrypted() {
    let serving = Serving::with(ENCRYPTED, &[]);
    let cipher = Cipher::new("airudderredduria").unwrap();
    let plain = json!({ "APPKey": APP_KEY, "APPSecret": APP_SECRET }).to_string();
    let signed = digest(plain.as_bytes());
    let headers = [("Is-Encrypted", "1"), ("Signed", signed.as_str()), JSON];
    let reply =
        serving.request("POST", "/service/cloud/auth", &headers, cipher.encrypt(plain.as_bytes()).as_bytes());
    let opened = cipher.decrypt(&reply.text()).unwrap();
    let answer: Value = serde_json::from_slice(&opened).unwrap();
    assert_eq!((reply.status, reply.header("signed")), (200, Some(digest(&opened).as_str())));
    let token = format!("Token {}", answer["data"]["token"].as_str().unwrap());
    let headers = [("Authorization", token.as_str()), ("Is-Encrypted", "1")];
    assert_eq!(serving.request("GET", "/service/cloud/robot", &headers, b"").status, 200);
    assert_eq!(serving.request("POST", "/service/cloud/auth", &[JSON], plain.as_bytes()).status, 200);
}

/// The lines of a mock in the terminal: the code that was sent, and what is assumed, at its first use.
#[test]
fn the_terminal_shows_what_was_sent_and_what_is_assumed() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("settings.toml");
    std::fs::write(&config, "[codes]\ncloud = { 401 = 4011, 404 = 40400, 405 = 4050 }\n").unwrap();
    let mut child = program()
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(&config)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let ask = |method: &str, path: &str| {
        let mut wire = Wire::to(address.parse().unwrap());
        wire.send(&request(method, path, &[("Authorization", "Token wrong"), JSON], b"{}"));
        wire.reply().json()["code"].clone()
    };
    assert_eq!(ask("GET", "/service/cloud/robot"), 4011);
    assert_eq!(ask("GET", "/service/cloud/nothing"), 40400);
    assert_eq!(ask("GET", "/service/cloud/auth"), 4050);
    for _ in 0..2 {
        ask("POST", "/api/v1/session/transfer_result");
    }
    // The lines are there while it serves.
    let mut lines = Vec::new();
    while lines.iter().filter(|line: &&String| line.contains("chatbot.agent_transfer_result  ")).count() < 2 {
        let mut line = String::new();
        assert_ne!(out.read_line(&mut line).unwrap(), 0, "{lines:?}");
        lines.push(line);
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap();
    let has = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!((has("401 code 4011"), has("404 code 40400"), has("405 code 4050")), (1, 1, 1), "{lines:?}");
    let first_use = "note `chatbot.agent_transfer_result` is assumed; correct under \
                     [catalog.\"chatbot.agent_transfer_result\"] in airudder-mock.toml: ";
    assert_eq!(has(first_use), 1, "{lines:?}");
}

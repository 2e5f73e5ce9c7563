//! What `serve` says to those who err: in their family's envelope, with what they probably meant.

use serde_json::{Value, json};

use crate::serving::{JSON, Serving};
use crate::support::{Receiver, plain};

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

#[test]
fn a_get_without_parameters_needs_nothing_encrypted() {
    let settings = "[[accounts]]\napp_key = 'AIRudderMockKey0000001'\napp_secret = 'AIRudderMockSecret0001'\n\
                    encryption_key = 'airudderredduria'\nencryption = 'require'\n";
    let serving = Serving::with(settings, &[]);
    let token = serving.token();
    let headers = [("Authorization", token.as_str()), ("Is-Encrypted", "1")];
    let reply = serving.request("GET", "/service/cloud/robot", &headers, b"");
    assert_eq!((reply.status, reply.header("is-encrypted")), (200, Some("1")), "{}", reply.text());
    assert!(reply.header("signed").is_some());
}

//! A mock inside a program: what the documentation of the library promises.

use std::net::SocketAddr;
use std::process::Command;

use airudder_mock::{Builder, Mock, Speed, Timestamp};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::support::{Receiver, independent_hmac, plain, post};

/// The variable that a test of the environment sets for itself.
const SECRET_VARIABLE: &str = "AIRUDDER_MOCK_SECRET";

fn ok() -> Receiver {
    Receiver::answering(vec![plain("200 OK", "{}")])
}

/// POSTs to a mock that runs on the same thread.
async fn ask(address: SocketAddr, path: &'static str, body: Value) -> (u16, Value) {
    spawn_blocking(move || post(address, path, &body)).await.unwrap()
}

/// The callback of a mock to a receiver, once it has arrived.
async fn delivered(builder: Builder, receiver: &Receiver) -> crate::support::Request {
    let mock = builder.callback_url(receiver.url()).start().await.unwrap();
    assert_eq!(ask(mock.address(), "/_mock/emit", json!({ "event": "session.transfer" })).await.0, 201);
    let (status, answer) =
        ask(mock.address(), "/_mock/wait", json!({ "callback": "session.transfer" })).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(mock.stop().await.totals.delivered, 1);
    receiver.requests().remove(0)
}

#[tokio::test]
async fn the_control_surface_does_what_it_does_in_the_program() {
    let receiver = ok();
    let epoch: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
    let builder = || Mock::builder().callback_url(receiver.url()).epoch(epoch).speed(Speed::Still);
    let mock = builder().start().await.unwrap();
    // Nobody names a port, and both have one.
    let other = builder().start().await.unwrap();
    assert_ne!(mock.address(), other.address());
    let at = mock.address();
    assert_eq!(ask(at, "/_mock/snapshots", json!({ "name": "begun" })).await.0, 201);
    assert_eq!(ask(at, "/_mock/emit", json!({ "event": "session.transfer" })).await.0, 201);
    let (status, answer) = ask(at, "/_mock/wait", json!({ "callback": "session.transfer" })).await;
    assert_eq!((status, &answer["met"]), (200, &json!(true)), "{answer}");
    assert_eq!(ask(at, "/_mock/snapshots/begun/restore", json!({})).await.0, 200);
    assert_eq!(ask(at, "/_mock/reset", json!({})).await.0, 200);
    assert_eq!(mock.now(), epoch);
}

#[tokio::test]
async fn a_mock_that_keeps_no_journal_says_so() {
    let builder = Mock::builder().settings_text("[limits]\njournal_entries = 0\n").speed(Speed::Max);
    let mock = builder.start().await.unwrap();
    let (status, answer) = ask(mock.address(), "/_mock/wait", json!({ "callback": "session.end" })).await;
    assert_eq!(status, 409, "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("journal_entries"), "{answer}");
    // The end of a story is known without it.
    let story = json!({ "text": "name = \"short\"\n[[steps]]\npause = \"200ms\"\n" });
    assert_eq!(ask(mock.address(), "/_mock/stories", story).await.0, 201);
    let (status, answer) = ask(mock.address(), "/_mock/wait", json!({ "story": 1 })).await;
    assert_eq!((status, &answer["met"]), (200, &json!(true)), "{answer}");
}

#[tokio::test]
async fn settings_come_from_the_file_and_the_builder_alone() {
    // A test can't set variables for itself: it runs again in a process that has one.
    if std::env::var_os(SECRET_VARIABLE).is_none() {
        let test = "embedded::settings_come_from_the_file_and_the_builder_alone";
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", test, "--nocapture"]).env(SECRET_VARIABLE, "of-environment");
        let output = spawn_blocking(move || again.output()).await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "secret = \"of-file\"\n").unwrap();
    let of_file = || Mock::builder().settings_file(file.path());
    for (builder, secret) in [
        (of_file(), "of-file"),
        (of_file().secret("of-builder"), "of-builder"),
        (Mock::builder().secret("of-builder").settings_file(file.path()), "of-builder"),
        (Mock::builder(), "airudder-mock-secret"),
    ] {
        let receiver = ok();
        let request = delivered(builder, &receiver).await;
        let signature = request.exact_header("X-AIRudder-Sign").unwrap();
        assert_eq!(signature, independent_hmac(secret, &request.body), "{secret}");
    }
}

#[tokio::test]
async fn errors_are_readable_and_name_what_the_library_has() {
    let shown = |result: Result<Mock, airudder_mock::StartError>| {
        let error = result.unwrap_err();
        let text = error.to_string();
        assert_eq!(format!("{error:?}"), text, "`?` in a test shows it by `Debug`");
        assert!(
            !text.contains('\u{1b}') && !text.contains(" --allow-target") && !text.contains(" --listen"),
            "{text}"
        );
        text
    };
    let text = shown(Mock::builder().settings_text("speeed = 1").start().await);
    assert!(text.starts_with("error: ") && text.contains("speeed") && text.contains('\n'), "{text}");
    let text = shown(Mock::builder().callback_url("http://example.com/x").start().await);
    assert!(text.contains("`Builder::allow_target(\"example.com\")`, or `[target] allow`"), "{text}");
    let mock = Mock::builder().start().await.unwrap();
    let text = shown(Mock::builder().listen(mock.address().to_string()).start().await);
    assert!(text.contains("is taken") && text.contains("`Builder::listen(\"127.0.0.1:0\")`"), "{text}");
    // 192.0.2.0/24 is reserved for documentation.
    let far = Mock::builder().callback_url("http://192.0.2.1:9/hook");
    far.allow_target("192.0.2.0/24").start().await.unwrap();
    let text = shown(Mock::builder().allow_target("a b").start().await);
    assert!(text.contains("`a b` is neither"), "{text}");
}

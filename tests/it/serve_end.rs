//! The end of `serve`: nothing new is begun, and what is left is said.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::serving::{Serving, eventually};
use crate::support::program;

fn text_message(serving: &Serving, token: &str, url: &str) -> u16 {
    let fields = json!({ "to": ["+6281112345678"], "message": "Hi", "from": "A", "callbackUrl": url });
    serving.post(token, "/service/sms/message/v2/send", &fields).0
}

#[test]
fn what_is_left_is_listed_and_told_by_the_exit_code() {
    // Nobody listens there any more.
    let url = format!("http://{}/hook", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let serving = Serving::leaving_nothing("", &["--speed", "0", "--callback-url", &url]);
    let token = serving.token();
    assert_eq!(text_message(&serving, &token, &url), 200);
    serving.skip("10s");
    let task = json!({
        "TaskName": "later",
        "ScheduleStartTime": "2030-02-01 09:00:00",
        "Details": [{ "Mobile": "+6281112345678" }],
    });
    assert_eq!(serving.post(&token, "/service/cloud/task", &task).0, 200);
    assert_eq!(text_message(&serving, &token, &url), 200);
    let (_, record) = serving.end_with(4);
    let record: String = record.iter().map(Value::to_string).collect();
    for left in [
        format!("left: callback waiting for a retry after 1 attempt: #1 `sms.receipt` to {url}"),
        "left: number not dialled: +6281112345678 of the task `later`".to_owned(),
        "left: notice planned for 2030-01-01T00:00:1".to_owned(),
    ] {
        assert_eq!(record.matches(&left).count(), 1, "{left} in {record}");
    }
}

#[test]
fn nothing_new_is_begun_while_an_attempt_is_under_way() {
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", receiver.local_addr().unwrap());
    let serving = Serving::leaving_nothing("", &["--speed", "0"]);
    let token = serving.token();
    assert_eq!(text_message(&serving, &token, &url), 200);
    let clock = json!({ "by": "10s", "within": "1ms" }).to_string();
    serving.request("POST", "/_mock/clock", &[], clock.as_bytes());
    let (mut attempt, _) = receiver.accept().unwrap();
    assert_eq!(serving.request("GET", "/_mock/ready", &[], b"").status, 200);
    serving.ask_to_stop();
    eventually("new requests are refused", || (text_message(&serving, &token, &url) == 503).then_some(()));
    assert_eq!(serving.request("GET", "/_mock/ready", &[], b"").status, 503);
    attempt.read_exact(&mut [0; 4]).unwrap();
    attempt.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}").unwrap();
    let (rest, _) = serving.ended();
    assert_eq!(rest, "");
}

/// A story that repeats what takes no time, a million times a million times.
#[test]
fn a_story_that_never_pauses_keeps_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let story = folder.path().join("busy.toml");
    std::fs::write(
        &story,
        "[[steps]]\nrepeat = 1000000\ngroup = [ { repeat = 1000000, set = { x = 1 } } ]\n",
    )
    .unwrap();
    let serving = Serving::with("", &[story.to_str().unwrap()]);
    let token = serving.token();
    assert_eq!(serving.request("GET", "/_mock/ready", &[], b"").status, 200);
    assert_eq!(text_message(&serving, &token, "http://127.0.0.1:9/"), 200);
    serving.ask_to_stop();
    serving.ended();
}

/// For a program that starts the mock and may be killed: only the system closes its end then.
#[test]
fn a_mock_may_end_with_its_standard_input() {
    let mut child = program()
        .args(["serve", "--listen", "127.0.0.1:0", "--quiet", "--until-stdin-closes"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let address = address.trim().strip_prefix("http://").unwrap().to_owned();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"nobody reads this\n").unwrap();
    TcpStream::connect(&address).unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    TcpStream::connect(&address).unwrap_err();
}

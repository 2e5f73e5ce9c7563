//! What people keep open beside their work: the chat in the terminal, and the timeline of a running mock.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver as Receiving, channel};
use std::thread;

use serde_json::{Value, json};

use crate::serving::{Serving, eventually, is_there};
use crate::support::{Receiver, TIMEOUT, assert_code, plain, program, run_with_input, stderr, stdout};

#[test]
fn a_script_is_the_end_user_from_hello_to_the_end() {
    // The system of the customer: takes every transfer, greets, and ends the conversation once the user thanks.
    let mock = std::sync::Arc::new(std::sync::OnceLock::<std::net::SocketAddr>::new());
    let own = std::sync::Arc::clone(&mock);
    let receiver = Receiver::with(move |request| {
        let told = request.json();
        let address = *own.get().unwrap();
        let ask = |path: &str, fields: Value| {
            let (status, answer) =
                crate::support::post_signed(address, path, crate::support::DEFAULT_SECRET, &fields);
            assert_eq!(status, 200, "{answer}");
        };
        let call_id = &told["call_id"];
        match told["event"].as_str() {
            Some("session.transfer") => {
                let call_id = &told["transfer"]["call_id"];
                ask(
                    "/api/v1/session/transfer_result",
                    json!({ "call_id": call_id, "result": "accepted", "seat_id": "s7" }),
                );
                let hello = json!([{ "type": "text", "text": "\u{1b}[2JAna here" }]);
                ask("/api/v1/message/send", json!({ "call_id": call_id, "messages": hello }));
            }
            Some("agent.message") if told.to_string().contains("thank you") => {
                ask("/api/v1/session/end", json!({ "call_id": call_id }));
            }
            _ => {}
        }
        plain("200 OK", "{}")
    });
    let serving = Serving::with("", &["--speed", "max", "--callback-url", &receiver.url()]);
    mock.set(serving.address).unwrap();
    let url = serving.url();
    let script = "hello\n/press 2\n/pres 1\n/press nothing\n/media file a.pdf\n/agent\n/wait agent 30s\nthank you\n/wait end 30s\n/chats\n";
    let output = run_with_input(&["chat", "--url", &url, "--name", "Dinda"], script.as_bytes());
    let text = stdout(&output);
    // Two of the lines were wrong.
    assert_code(&output, 1);
    for says in [
        "you    hello  ✓✓",
        "  [2] ",
        "! there is no /pres, did you mean `/press`?",
        "! there is no `nothing` to press: choose from [1]",
        "[file] a.pdf",
        "· agent s7 has the conversation",
        "agent  (s7) \\u{1b}[2JAna here",
        "you    thank you",
        "· the conversation has ended",
        "[1] Dinda",
    ] {
        assert!(text.contains(says), "no {says:?} in\n{text}");
    }
    assert!(text.contains("bot    ") && !text.contains('\u{1b}'), "{text}");
    // The same conversation, entered from outside.
    let (_, chats) = serving.control("GET", "/_mock/chats", &Value::Null);
    let conversation = chats["chats"][0]["conversation"].as_str().unwrap().to_owned();
    let entered =
        run_with_input(&["chat", "--url", &url, "--conversation", &conversation], b"/quit\nnever\n");
    assert_code(&entered, 0);
    assert!(stdout(&entered).contains("you    thank you") && !stdout(&entered).contains("never"));
    let output = run_with_input(&["chat", "--url", &url, "--conversation", "nobody"], b"");
    assert_code(&output, 1);
    assert!(stderr(&output).contains("there is no conversation `nobody`"), "{}", stderr(&output));
}

#[test]
fn a_chat_brings_its_own_mock() {
    let args = ["chat", "--start", "--speed", "max", "--seed", "7", "--number", "+6281234567890"];
    let output = run_with_input(&args, b"hello\n/again\n");
    assert_code(&output, 0);
    let text = stdout(&output);
    assert!(text.starts_with("mock  http://127.0.0.1:") && text.contains("started for this chat"), "{text}");
    assert_eq!(text.matches("you    hello").count(), 2, "{text}");
    assert!(text.contains("bot    ") && text.contains("number +6281234567890"), "{text}");
    // One that was named has to be there.
    let nobody = crate::support::free_address();
    let output = run_with_input(&["chat", "--url", &format!("http://{nobody}")], b"hello\n");
    assert_code(&output, 3);
    assert!(stderr(&output).contains("no mock answers at"), "{}", stderr(&output));
}

/// `tail` while it runs.
struct Tail {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Tail {
    fn of(serving: &Serving, args: &[&str]) -> Self {
        let mut child = program()
            .args(["tail", "--url", &serving.url()])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

#[test]
fn the_timeline_of_a_running_mock_is_watched() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let serving = Serving::with("", &["--callback-url", &receiver.url()]);
    let emit = |event: &str| serving.control("POST", "/_mock/emit", &json!({ "event": event }));
    serving.get("Token nonsense", "/service/cloud/robot");
    emit("session.transfer");
    serving.settle();
    let mut all = Tail::of(&serving, &[]);
    let mut some = Tail::of(&serving, &["--json", "event=agent.*", "kind=tried"]);
    let refused = all.line();
    assert!(refused.contains("← robot.list") && refused.contains("401 code 401"), "{refused}");
    let sent = all.line();
    assert!(sent.contains("→ #1    session.transfer") && sent.contains("200"), "{sent}");
    emit("agent.transfer");
    let line = all.line();
    assert!(line.contains("→ #2    agent.transfer") && line.contains("company"), "{line}");
    let line: Value = serde_json::from_str(&some.line()).unwrap();
    assert_eq!(
        (&line["event"], &line["callback"], &line["body"]),
        (&json!("agent.transfer"), &json!(2), &Value::Null)
    );
    // As many lines as were asked for, although some entries have none.
    let output = run_with_input(&["tail", "--url", &serving.url(), "since=0", "limit=3"], b"");
    assert_code(&output, 0);
    assert_eq!(stdout(&output).lines().count(), 3, "{}", stdout(&output));
    // What is wrong is told as by `ctl journal`.
    let output = run_with_input(&["tail", "--url", &serving.url(), "knd=called"], b"");
    assert_code(&output, 2);
    assert!(stderr(&output).contains("did you mean `kind`?"), "{}", stderr(&output));
    // The end of the mock ends it.
    serving.end();
    assert_eq!(all.line(), "the mock has ended");
    let mut rest = String::new();
    some.out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    assert!(all.child.wait().unwrap().success() && some.child.wait().unwrap().success());
}

/// `tail | head -1`: nothing more happens, and nothing more would be read.
#[test]
#[cfg(unix)]
fn the_timeline_ends_with_its_reader() {
    let serving = Serving::new();
    serving.get("Token nonsense", "/service/cloud/robot");
    for args in [&["--json"][..], &[]] {
        let Tail { mut child, mut out } = Tail::of(&serving, args);
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert!(line.contains("robot.list"), "{line}");
        drop(out);
        let ended = eventually("it ends", || child.try_wait().unwrap());
        assert_eq!(ended.code(), Some(0), "{args:?}");
    }
}

/// `ctl stream | head -1`.
#[test]
#[cfg(unix)]
fn a_stream_ends_with_its_reader() {
    let serving = Serving::new();
    let mut child = program()
        .args(["ctl", "--url", &serving.url(), "stream", "since=0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    serving.get("Token nonsense", "/service/cloud/robot");
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    drop(out);
    assert_eq!(eventually("it ends", || child.try_wait().unwrap()).code(), Some(0));
}

#[test]
fn on_a_terminal_there_are_colours_and_keys() {
    if !is_there("script") {
        return;
    }
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let serving = Serving::with("", &["--speed", "max", "--callback-url", &receiver.url()]);
    serving.control("POST", "/_mock/emit", &json!({ "event": "session.transfer" }));
    serving.settle();
    let mut tail = Terminal::running(&serving, "tail");
    tail.shows("\u{1b}[32m200");
    tail.types("r 1\n");
    tail.shows("#1 is sent again as #2");
    tail.types("o 1\n");
    tail.shows("attempt 1: 200");
    tail.shows("X-AIRudder-Sign: ");
    tail.shows("/_mock/?sel=c1");
    // What is opened next is what was shown last.
    serving.settle();
    serving.get("Token nonsense", "/service/cloud/robot");
    tail.shows("robot.list");
    tail.types("o\n");
    tail.shows("GET /service/cloud/robot: 401");
    tail.shows("/_mock/?sel=r");
    tail.types("o 99\n");
    tail.shows("! the journal has no callback 99");
    tail.types("what\n");
    tail.shows("! there is no command `what`");
    tail.types("q\n");
    tail.ends();
    assert_eq!(receiver.requests().len(), 2);

    let mut chat = Terminal::running(&serving, "chat");
    chat.shows("> ");
    chat.types("hello\n");
    chat.shows("\u{1b}[32myou");
    chat.shows("\u{1b}[36mbot");
    chat.types("/quit\n");
    chat.ends();
}

/// The program on a terminal of its own.
struct Terminal {
    child: Child,
    pieces: Receiving<Vec<u8>>,
    /// What it has shown since somebody looked.
    shown: String,
}

impl Terminal {
    fn running(serving: &Serving, command: &str) -> Self {
        let command = format!("{} {command} --url {}", env!("CARGO_BIN_EXE_airudder-mock"), serving.url());
        let mut child = std::process::Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .env_remove("NO_COLOR")
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = child.stdout.take().unwrap();
        let (sender, pieces) = channel();
        thread::spawn(move || {
            let mut piece = [0; 1024];
            while let Ok(length @ 1..) = out.read(&mut piece) {
                if sender.send(piece[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, pieces, shown: String::new() }
    }

    fn types(&mut self, keys: &str) {
        self.child.stdin.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Reads on until this is shown.
    #[track_caller]
    fn shows(&mut self, text: &str) {
        let end = loop {
            if let Some(at) = self.shown.find(text) {
                break at + text.len();
            }
            let Ok(piece) = self.pieces.recv_timeout(TIMEOUT) else {
                let _ = self.child.kill();
                panic!("no {text:?} in {:?}", self.shown);
            };
            self.shown.push_str(&String::from_utf8_lossy(&piece));
        };
        self.shown.drain(..end);
    }

    fn ends(mut self) {
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn who_is_ready_says_so_also_to_whom_it_is_in_the_way() {
    let serving = Serving::with("", &[]);
    let url = serving.url();
    let output = run_with_input(&["ready", "--url", &url, "--wait", "60s"], b"");
    assert_code(&output, 0);
    assert_eq!(stdout(&output), format!("airudder-mock {} is ready at {url}\n", env!("CARGO_PKG_VERSION")));
    // Another one at the same address is told who is there.
    let (status, answer) = serving.control("POST", "/_mock/namespaces", &json!({ "name": "blue" }));
    assert_eq!(status, 201, "{answer}");
    let output = run_with_input(&["serve", "--listen", &serving.address.to_string()], b"");
    assert_code(&output, 3);
    let who = format!("another mock, airudder-mock {} with the namespaces blue", env!("CARGO_PKG_VERSION"));
    let error = stderr(&output);
    assert!(error.contains(&who) && error.contains("--listen 127.0.0.1:0"), "{error}");
    let at = serving.address.to_string();
    let run_there = ["run", "first-transfer", "--callback-url", "http://127.0.0.1:9/", "--listen", &at];
    for command in [&run_there[..], &["receive", "--listen", &at], &["exec", "--listen", &at, "--", "true"]] {
        let output = run_with_input(command, b"");
        assert_code(&output, 3);
        assert!(stderr(&output).contains(&who), "{command:?}: {}", stderr(&output));
    }
    // One that speaks TLS, and that not everybody may ask.
    let serving = Serving::with("", &["--tls", "--control-token", "secret"]);
    let output = run_with_input(&["serve", "--listen", &serving.address.to_string()], b"");
    assert_code(&output, 3);
    let who = format!("airudder-mock {} at https://{}: stop it", env!("CARGO_PKG_VERSION"), serving.address);
    assert!(stderr(&output).contains(&who), "{}", stderr(&output));
    // Nobody, and somebody else.
    let nobody = format!("http://{}", crate::support::free_address());
    let output = run_with_input(&["ready", "--url", &nobody, "--wait", "100ms"], b"");
    assert_code(&output, 1);
    assert!(stderr(&output).contains("no mock answers at"), "{}", stderr(&output));
    for body in ["hello", "{}"] {
        let other = Receiver::answering(vec![plain("200 OK", body)]);
        let output = run_with_input(&["ready", "--url", &format!("http://{}", other.address)], b"");
        assert_code(&output, 1);
        assert!(stderr(&output).contains("is not a mock AI Rudder"), "{}", stderr(&output));
    }
    let output = run_with_input(&["ready", "--quiet", "--url", &nobody], b"");
    assert_code(&output, 1);
    assert_eq!(stderr(&output), "");
}

#[test]
fn files_that_change_are_taken_over_or_told_to_be_wrong() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let folder = tempfile::tempdir().unwrap();
    let story = folder.path().join("story.toml");
    let write = |path: &std::path::Path, text: &str| {
        // Appears whole, as editors write.
        let aside = path.with_extension("new");
        std::fs::write(&aside, text).unwrap();
        std::fs::rename(aside, path).unwrap();
    };
    write(&story, "name = \"one\"\n[[steps]]\nawait = \"task.create\"\nwithin = \"1h\"\n");
    let serving = Serving::with("", &["--watch", story.to_str().unwrap()]);
    let config = serving.settings();
    let files = |what: &str, is_it: &dyn Fn(&Value) -> bool| -> Value {
        eventually(what, || Some(serving.state()["files"].clone()).filter(|files| is_it(files)))
    };
    let watched = files("it watches", &|files| files["watched"] == true);
    assert_eq!((&watched["taken"], &watched["mistake"]), (&json!(0), &Value::Null));
    let auth = || serving.request("POST", "/service/cloud/auth", &[crate::serving::JSON], b"{}").status;
    assert_eq!(auth(), 400);
    // A fault, a callback URL, and something that has to wait; the story begins anew.
    let right = format!(
        "callback_url = \"{}/{{event}}\"\nlisten = \":1\"\n[[faults]]\ncall = \"auth.token\"\nstatus = 503\n",
        receiver.url()
    );
    write(&config, &right);
    write(&story, "name = \"one\"\n[[steps]]\nsend = \"session.transfer\"\n");
    let taken = files("both are taken over", &|files| files["taken"] == 2);
    assert_eq!((&taken["waiting"], &taken["mistake"]), (&json!(["listen"]), &Value::Null));
    assert_eq!(auth(), 503);
    let sent = eventually("the new story sends", || receiver.requests().into_iter().next());
    assert!(sent.head.starts_with("POST /hook/session.transfer "), "{}", sent.head);
    // What is wrong changes nothing, and is told with its place.
    write(&config, &right.replace("status", "sttus"));
    write(&story, "name = \"one\"\n[[steps]]\nsend = \"session.transfr\"\n");
    let wrong = files("both are wrong", &|files| {
        files["mistake"]
            .as_str()
            .is_some_and(|text| text.contains("sttus") && text.contains("session.transfr"))
    });
    assert!(wrong["mistake"].as_str().unwrap().contains("settings.toml:5"), "{wrong}");
    assert_eq!((&wrong["taken"], auth()), (&json!(2), 503));
    write(&config, "");
    write(&story, "name = \"one\"\n[[steps]]\nsend = \"session.transfer\"\n");
    files("both are right again", &|files| files["taken"] == 4 && files["mistake"].is_null());
    assert_eq!(auth(), 400);
}

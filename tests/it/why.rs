//! Why an `await` fails: every way of it told by its own reason, the same in the terminal, in JUnit and in the report.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use quick_xml::events::Event as Xml;
use serde_json::{Value, json};

use crate::serving::{Serving, eventually};
use crate::support::{
    Answer, DEFAULT_SECRET, Receiver, assert_code, free_address, plain, post, post_signed, run, scenario,
    stdout,
};

/// A way to fail: the name of its story, the rest of that, and the lines of the reason.
struct Case {
    name: &'static str,
    /// How the type of the failure begins.
    kind: &'static str,
    story: &'static str,
    reasons: &'static [&'static str],
}

/// A story that sends a transfer to a company, at which the integrator does what its name says, and then waits.
const WAITS: &str = "[[steps]]\nsend = 'session.transfer'\nbody = { transfer = { company = '{{ story }}' } }\n[[steps]]\nwithin = '20ms'\nawait = ";

const CASES: [Case; 14] = [
    Case {
        name: "other fields",
        kind: "await.other-fields",
        story: "'chatbot.agent_transfer_result'\nwhere = { result = 'accepted', seat_id = '7' }\n",
        reasons: &[
            "before the step, but with other fields:",
            "`result` is \"refused\", expected \"accepted\"",
            "`seat_id` is missing, expected \"7\"",
        ],
    },
    Case {
        name: "other conversation",
        kind: "await.other-conversation",
        story: "'chatbot.agent_transfer_result'\nconversation = 'b'\noptional = true\nwithin = '1ms'\n",
        reasons: &["in another conversation, ", " (the story's `main`); the conversation of the step is "],
    },
    Case {
        name: "taken",
        kind: "await.taken",
        story: "'chatbot.agent_transfer_result'\n[[steps]]\nawait = 'chatbot.agent_transfer_result'\nwithin = '20ms'\n",
        reasons: &["before the step, but the step at ", "taken.toml:5 took it"],
    },
    Case {
        name: "too early",
        kind: "await.refused",
        story: "'chatbot.send_message'\n",
        reasons: &["but the mock refused it: code 409, the transfer is not accepted yet"],
    },
    Case {
        name: "incomplete",
        kind: "await.refused",
        story: "'chatbot.end_session'\n",
        reasons: &["but the mock refused it: code 400, call_id is missing"],
    },
    Case {
        name: "unsigned",
        kind: "await.unproved",
        story: "'chatbot.mark_read'\n",
        reasons: &["but without valid credentials: code 401, the header X-AIRudder-Sign-Key is missing"],
    },
    Case {
        name: "other host",
        kind: "await.refused",
        story: "'robot.list'\n",
        reasons: &["but the mock refused it: code 421, the Host header is `mock.test`"],
    },
    Case {
        name: "without token",
        kind: "await.unproved",
        story: "'workflow.stop'\n",
        reasons: &["but without valid credentials: code 401, "],
    },
    Case {
        name: "other path",
        kind: "await.other-path",
        story: "'chatbot.messages'\n",
        reasons: &[
            "POST /api/v1/session/message arrived ",
            "where nothing is served; this is probably the request that was meant",
        ],
    },
    Case {
        name: "other method",
        kind: "await.other-path",
        story: "'chatbot.sessions'\n",
        reasons: &[
            "GET /api/v1/session/list arrived ",
            "where nothing is served; this is probably the request that was meant",
        ],
    },
    Case {
        name: "fault",
        kind: "await.fault",
        story: "'chatbot.templates'\n[[faults]]\ncall = 'chatbot.templates'\nstatus = 503\n",
        reasons: &["but a fault of a story or of the settings kept it from taking effect"],
    },
    Case {
        name: "undelivered",
        kind: "await.undelivered",
        story: "'session.report'\n[delivery]\nattempts = 1\n",
        reasons: &["the mock sent it, but gave up ", "the receiver answered 500 instead of 2xx"],
    },
    Case {
        name: "another story",
        kind: "await.other-story",
        story: "'chatbot.template_detail'\n",
        reasons: &["but belongs to the story \"taker\""],
    },
    Case {
        name: "late",
        kind: "await.",
        story: "'chatbot.channel_message'\n",
        reasons: &["`chatbot.channel_message` arrived ", " too late"],
    },
];

fn get(mock: SocketAddr, path: &str, host: &str) {
    let mut stream = TcpStream::connect(mock).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    stream.read_to_string(&mut String::new()).unwrap();
}

/// An integrator that makes every mistake.
fn mistaken(mock: SocketAddr) -> Receiver {
    Receiver::with(move |request| {
        let body = request.json();
        if body["event"] == "session.report" {
            return plain("500 Oops", "{}");
        }
        let Some(call_id) = body["transfer"]["call_id"].as_str() else { return plain("200 OK", "{}") };
        let signed = |path: &str, fields: Value| post_signed(mock, path, DEFAULT_SECRET, &fields).0;
        let result = |result: &str| {
            let fields = json!({ "call_id": call_id, "result": result });
            assert_eq!(signed("/api/v1/session/transfer_result", fields), 200);
        };
        let text = json!([{ "type": "text", "text": "hello" }]);
        match body["transfer"]["company"].as_str().unwrap() {
            "other fields" => result("refused"),
            "other conversation" | "taken" => result("accepted"),
            "too early" => {
                signed("/api/v1/message/send", json!({ "call_id": call_id, "messages": text }));
            }
            "incomplete" => {
                signed("/api/v1/session/end", json!({}));
            }
            "unsigned" => {
                post(mock, "/api/v1/message/read", &json!({ "call_id": call_id }));
            }
            "without token" => {
                post(mock, "/service/cloud/workflow/stopinstance", &json!({ "workflow_id": "1" }));
            }
            "other path" => {
                signed("/api/v1/session/message", json!({ "call_id": call_id }));
            }
            "other method" => get(mock, "/api/v1/session/list", &mock.to_string()),
            "other host" => get(mock, "/service/cloud/robot", "mock.test"),
            "fault" => {
                signed("/api/v1/template/list", json!({}));
            }
            "undelivered" => {
                assert_eq!(
                    signed("/api/v1/session/end", json!({ "call_id": call_id, "reason": "seat" })),
                    200
                );
            }
            "another story" => {
                signed("/api/v1/template/detail", json!({ "template_id": 35 }));
            }
            "at last" => {
                let user = json!({ "id": "u-1" });
                let pushed =
                    json!({ "channel": "HuaWei", "channel_id": "77", "user": user, "messages": text });
                assert_eq!(signed("/api/v1/channel/huawei/message", pushed), 200);
            }
            other => panic!("no case {other}"),
        }
        plain("200 OK", "{}")
    })
}

/// Each failure, with the name of its story.
type Failures = Vec<(String, String)>;

/// Runs stories against a receiver. What the terminal says, and each failure by its story: in JUnit and in the report.
fn run_all(
    folder: &Path,
    files: &[String],
    mock: SocketAddr,
    receiver: &Receiver,
) -> (String, Failures, Failures) {
    let settings = folder.join("airudder-mock.toml");
    fs::write(&settings, "[access]\nchatbot_signature = 'require'\n").unwrap();
    let [junit, report] = ["junit.xml", "report.json"].map(|name| folder.join(name));
    let (listen, url) = (mock.to_string(), receiver.url());
    let mut args = vec!["run", "--speed", "max", "--listen", &listen, "--callback-url", &url];
    args.extend(["--config", settings.to_str().unwrap(), "--seed", "7"]);
    args.extend(["--junit", junit.to_str().unwrap(), "--report", report.to_str().unwrap()]);
    args.extend(files.iter().map(String::as_str));
    let output = run(&args);
    assert_code(&output, 1);
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    let mut reported = Vec::new();
    for story in report["stories"].as_array().unwrap() {
        for failure in story["failures"].as_array().unwrap() {
            reported.push((text(&story["name"]), told(&text(&failure["type"]), &text(&failure["message"]))));
        }
    }
    (stdout(&output), of_junit(&fs::read_to_string(junit).unwrap()), reported)
}

/// A failure as the tests look at it.
fn told(kind: &str, message: &str) -> String {
    format!("[{kind}] {message}")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The text of each failure, by the name of its case.
fn of_junit(xml: &str) -> Failures {
    let mut reader = quick_xml::Reader::from_str(xml);
    let (mut case, mut failures) = (String::new(), Vec::new());
    loop {
        let attribute = |tag: &quick_xml::events::BytesStart<'_>, name: &str| {
            let found = tag.try_get_attribute(name).unwrap().unwrap();
            found.normalized_value(quick_xml::XmlVersion::Explicit1_0).unwrap().into_owned()
        };
        match reader.read_event().unwrap() {
            Xml::Start(tag) if tag.name().as_ref() == b"testcase" => case = attribute(&tag, "name"),
            Xml::Start(tag) if tag.name().as_ref() == b"failure" => {
                failures.push((case.clone(), told(&attribute(&tag, "type"), &attribute(&tag, "message"))));
            }
            Xml::Eof => return failures,
            _ => {}
        }
    }
}

/// Whether the failures of a story give these reasons.
fn gives(failures: &[(String, String)], story: &str, reasons: &[&str]) -> bool {
    let of_story = failures.iter().filter(|(name, _)| name == story).map(|(_, message)| message.as_str());
    let all = of_story.collect::<Vec<_>>().join("\n");
    reasons.iter().all(|reason| all.contains(reason))
}

#[test]
fn every_way_to_fail_has_its_reason_in_terminal_junit_and_report() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(format!("{name}.toml"));
        fs::write(&path, format!("name = '{name}'\n{text}")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    // Of two stories that wait for it, the first takes what comes.
    let mut files = vec![write("taker", "[[steps]]\nawait = 'chatbot.template_detail'\n")];
    for Case { name, story, .. } in &CASES {
        files.push(match *name {
            // It waits from the beginning, and what it waits for comes when another story has gone on.
            "late" => write(name, &format!("[[steps]]\nwithin = '20ms'\nawait = {story}")),
            "other conversation" => {
                let b = "[[steps]]\nsend = 'session.end'\nconversation = 'b'\n";
                let wait = "[[steps]]\nconversation = 'b'\nwithin = '20ms'\nawait = 'chatbot.agent_transfer_result'\n";
                write(name, &format!("{}{b}{wait}", WAITS.split("[[steps]]\nwithin").next().unwrap()))
            }
            // It comes by the mock's own time.
            "undelivered" => {
                write(name, &format!("keep_going = true\n{}{story}", WAITS.replace("20ms", "1m")))
            }
            _ => write(name, &format!("{WAITS}{story}")),
        });
    }
    files.push(write(
        "at last",
        &format!("[[steps]]\npause = '60ms'\n{}", WAITS.split("[[steps]]\nwithin").next().unwrap()),
    ));
    let mock = free_address();
    let (terminal, junit, report) = run_all(folder.path(), &files, mock, &mistaken(mock));
    for Case { name, kind, reasons, .. } in &CASES {
        for reason in *reasons {
            assert!(terminal.contains(reason), "{name}: `{reason}`\n{terminal}");
        }
        assert!(gives(&junit, name, reasons), "{name} {reasons:?}\n{junit:#?}");
        assert!(gives(&report, name, reasons), "{name} {reasons:?}\n{report:#?}");
        let kind = format!("[{kind}");
        assert!(gives(&junit, name, &[&kind]) && gives(&report, name, &[&kind]), "{name} {kind}\n{junit:#?}");
    }
    // The timeline says why each was refused, with the vendor's code.
    assert!(terminal.contains("409 code 409  the transfer is not accepted yet"), "{terminal}");
    assert!(!terminal.contains("note `"), "{terminal}");
    assert!(terminal.contains("are assumed about the vendor"), "{terminal}");
}

#[test]
fn who_asks_for_nothing_or_for_something_else_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("story.toml");
    fs::write(&path, format!("name = 'alone'\n{WAITS}'chatbot.end_session'\n")).unwrap();
    let files = [path.to_str().unwrap().to_owned()];
    let silent = Receiver::answering(vec![plain("200 OK", "{}")]);
    let nothing = [
        "expected the request `chatbot.end_session` within 20ms: it never arrived, nor did any other request",
    ];
    let mock = free_address();
    let (terminal, junit, report) = run_all(folder.path(), &files, mock, &silent);
    assert!(terminal.contains(nothing[0]), "{terminal}");
    assert!(gives(&junit, "alone", &nothing) && gives(&report, "alone", &nothing), "{junit:?} {report:?}");

    let mock = free_address();
    let busy = Receiver::with(move |_| -> Answer {
        assert_eq!(post_signed(mock, "/api/v1/session/list", DEFAULT_SECRET, &json!({})).0, 200);
        plain("200 OK", "{}")
    });
    let other = ["it never arrived; the last request was `chatbot.sessions`, "];
    let (terminal, junit, report) = run_all(folder.path(), &files, mock, &busy);
    assert!(terminal.contains(other[0]), "{terminal}");
    assert!(gives(&junit, "alone", &other) && gives(&report, "alone", &other), "{junit:?} {report:?}");
}

/// An integrator that begins by itself, with one mistake if asked for: the ready stories tell it.
fn beginner(mock: SocketAddr, mistake: &'static str) -> Receiver {
    // Whoever answers the bot each time is answered each time.
    let has_answered = AtomicBool::new(false);
    Receiver::with(move |request| {
        let body = request.json();
        let call_id = body["transfer"]["call_id"].as_str().or(body["call_id"].as_str()).unwrap_or_default();
        let signed = |path: &str, fields: Value| post_signed(mock, path, DEFAULT_SECRET, &fields).0;
        match body["event"].as_str().unwrap() {
            "message.send" if !has_answered.swap(true, Ordering::Relaxed) => {
                let call_id = if mistake == "another conversation" { "" } else { call_id };
                let user = if call_id.is_empty() { "u-2" } else { "u-1" };
                push(mock, call_id, user);
            }
            "session.transfer" if mistake == "refuses" => {
                signed("/api/v1/session/transfer_result", json!({ "call_id": call_id, "result": "refused" }));
            }
            "session.transfer" => {
                let accept =
                    json!({ "call_id": call_id, "result": "accepted", "seat_id": "1", "seat_name": "Ana" });
                assert_eq!(signed("/api/v1/session/transfer_result", accept), 200);
                let text = json!([{ "type": "text", "text": "hello" }]);
                signed("/api/v1/message/send", json!({ "call_id": call_id, "messages": text }));
            }
            _ => {}
        }
        plain("200 OK", "{}")
    })
}

fn push(mock: SocketAddr, call_id: &str, user: &str) {
    let text = json!([{ "type": "text", "text": "Where is my parcel?" }]);
    let user = json!({ "id": user });
    let fields = json!({ "call_id": call_id, "channel": "HuaWei", "channel_id": "77", "user": user, "messages": text });
    assert_eq!(post_signed(mock, "/api/v1/channel/huawei/message", DEFAULT_SECRET, &fields).0, 200);
}

/// Runs a ready story with shorter waits. The integrator begins as soon as the mock is there.
fn begun(name: &str, mistake: &'static str, begin: impl FnOnce(SocketAddr)) -> (bool, String) {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;

    let folder = tempfile::tempdir().unwrap();
    let story = fs::read_to_string(scenario(name)).unwrap();
    // A broken integrator is waited for in vain: not for long.
    let story = match mistake {
        "" => story,
        _ => {
            let result = "await = \"chatbot.agent_transfer_result\"";
            let short = "within = \"200ms\"\n";
            let story = story.replace("within = \"2m\"\n", short);
            story.replace(result, &format!("{short}{result}"))
        }
    };
    let path = folder.path().join(name);
    fs::write(&path, story).unwrap();
    let mock = free_address();
    let receiver = beginner(mock, mistake);
    let mut child = crate::support::program()
        .args(["run", path.to_str().unwrap(), "--speed", "max", "--listen", &mock.to_string()])
        .args(["--callback-url", &receiver.url(), "--seed", "7"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("waiting for") && reader.read_line(&mut text).unwrap() > 0 {}
    begin(mock);
    reader.read_to_string(&mut text).unwrap();
    (child.wait().unwrap().success(), text)
}

#[test]
fn a_channel_of_ones_own_passes_and_fails_with_the_right_reason() {
    let (passed, text) = begun("own-channel.toml", "", |mock| push(mock, "", "u-1"));
    assert!(passed, "{text}");
    for (mistake, reason) in [
        ("another conversation", "in another conversation, 77/u-2 (which has no name in the story)"),
        ("refuses", "`result` is \"refused\", expected \"accepted\""),
    ] {
        let (passed, text) = begun("own-channel.toml", mistake, |mock| push(mock, "", "u-1"));
        assert!(!passed && text.contains(reason), "{mistake}\n{text}");
    }
}

#[test]
fn a_story_runs_beside_a_server() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let folder = tempfile::tempdir().unwrap();
    let story = |name: &str, within: &str| {
        let path = folder.path().join(name);
        let text = format!(
            "name = '{name}'\n[[steps]]\nawait = 'chatbot.channel_message'\n{within}[[steps]]\nsend = 'session.end'\n"
        );
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let url = receiver.url();
    let file = story("passes", "");
    let mock = Serving::with("", &["--callback-url", &url, &file, "--seed", "7"]);
    push(mock.address, "", "u-1");
    eventually("the story is over", || (mock.state()["stories"]["over"] == 1).then_some(()));
    let (printed, record) = mock.end();
    assert!(printed.contains("stories 1 passed, 0 failed"), "{printed}");
    let finished = record.iter().find(|line| line["kind"] == "story_finished").unwrap();
    assert_eq!((&finished["story"], &finished["passed"]), (&json!("passes"), &json!(true)));

    // Time stands still until somebody moves it.
    let file = story("fails", "within = '5s'\n");
    let mock = Serving::with("", &["--callback-url", &url, &file, "--speed", "0"]);
    mock.skip("1m");
    let (printed, _) = mock.end_with(1);
    assert!(
        printed
            .contains("✗ fails: expected the request `chatbot.channel_message` within 5s: it never arrived"),
        "{printed}"
    );
}

#[test]
fn a_campaign_of_ones_own_passes_and_fails_with_the_right_reason() {
    let send = |number: &'static str| {
        move |mock: SocketAddr| {
            let fields = json!({ "template_id": 35, "language": "id", "to": [number] });
            assert_eq!(post_signed(mock, "/api/v1/template/send", DEFAULT_SECRET, &fields).0, 200);
        }
    };
    let (passed, text) = begun("your-campaign.toml", "", send("+6281112349064"));
    assert!(passed, "{text}");
    let (passed, text) = begun("your-campaign.toml", "fails", send("+6281112349060"));
    assert!(!passed && text.contains("`status` is \"failed\", expected \"send\""), "{text}");
    let (passed, text) = begun("your-campaign.toml", "refuses", send("+6281112349064"));
    assert!(!passed && text.contains("`result` is \"refused\", expected \"accepted\""), "{text}");
}

/// Of a message to several numbers each conversation is that of the step that waits for it.
#[test]
fn the_conversations_of_a_campaign_are_those_of_its_steps() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("three.toml");
    let mut story =
        "name = 'three'\n[[steps]]\nconversation = 'one'\nawait = 'chatbot.send_template'\n".to_owned();
    for name in ["one", "two", "three"] {
        story.push_str(&format!(
            "[[steps]]\nconversation = '{name}'\nawait = 'message.status'\nwhere = {{ status = 'delivery' }}\n\
             save = '{name}'\nwithin = '5m'\n"
        ));
    }
    for name in ["one", "two", "three"] {
        story.push_str(&format!(
            "[[steps]]\nconversation = '{name}'\ncheck = '{{{{ session.call_id == {name}.body.call_id }}}}'\n\
             [[steps]]\nconversation = '{name}'\nsend = 'session.transfer'\nsave = 'transfer'\n\
             [[steps]]\nconversation = '{name}'\n\
             check = '{{{{ transfer.body.transfer.call_id == {name}.body.call_id }}}}'\n"
        ));
    }
    story.push_str("[[steps]]\ncheck = '{{ [one.body.call_id, two.body.call_id, three.body.call_id] | unique | length == 3 }}'\n");
    fs::write(&path, story).unwrap();
    let (mock, receiver) = (free_address(), Receiver::answering(vec![plain("200 OK", "{}")]));
    let mut child = crate::support::program()
        .args(["run", path.to_str().unwrap(), "--speed", "max", "--listen", &mock.to_string()])
        .args(["--callback-url", &receiver.url(), "--seed", "7", "--settle", "1ms"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("waiting for") && reader.read_line(&mut text).unwrap() > 0 {}
    let numbers = ["+6281112349064", "+6281122349064", "+6281132349064"];
    let fields = json!({ "template_id": 35, "language": "id", "to": numbers });
    assert_eq!(post_signed(mock, "/api/v1/template/send", DEFAULT_SECRET, &fields).0, 200);
    reader.read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success(), "{text}");
}

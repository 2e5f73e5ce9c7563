//! Stories run by the real program: the ready ones, against the embedded integrator and against receivers of our own.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    Answer, Receiver, Request, assert_code, free_address, independent_hmac, plain, post, post_signed,
    post_with, program, run, scenario, stderr, stdout,
};

const SECRET: &str = "s3cret of the tests";

fn story(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("story.toml");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

/// `run` at full speed, on any free port.
fn run_fast(args: &[&str]) -> std::process::Output {
    run(&[&["run", "--speed", "max", "--listen", "127.0.0.1:0"], args].concat())
}

/// Runs a story at full speed against this receiver and returns the JSON report too.
fn run_against(text: &str, receiver: &Receiver, code: i32) -> (Value, String) {
    let (folder, path) = story(text);
    let report = folder.path().join("report.json");
    let output = run_fast(&[
        &path,
        "--callback-url",
        &receiver.url(),
        "--secret",
        SECRET,
        "--report",
        report.to_str().unwrap(),
    ]);
    assert_code(&output, code);
    (serde_json::from_slice(&fs::read(report).unwrap()).unwrap(), stdout(&output))
}

fn assert_sums(report: &Value) {
    let totals = &report["callbacks"];
    let of = |name: &str| totals[name].as_u64().unwrap();
    assert_eq!(
        of("queued"),
        of("pending") + of("in_flight") + of("waiting") + of("delivered") + of("dead"),
        "{totals}"
    );
}

fn assert_signed(request: &Request) {
    assert_eq!(
        request.exact_header("X-AIRudder-Sign"),
        Some(independent_hmac(SECRET, &request.body).as_str()),
        "{}",
        request.head
    );
}

#[test]
fn every_ready_story_passes_with_the_embedded_integrator() {
    for entry in fs::read_dir(scenario("")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let output = run_fast(&[path.to_str().unwrap()]);
        assert_code(&output, 0);
        let text = stdout(&output);
        assert!(text.contains(" 0 wrong"), "{}\n{text}", path.display());
        assert!(!text.contains(" 0 verified"), "{}\n{text}", path.display());
    }
}

/// Every callback of the vendor's menu, with its mark.
fn callbacks_of_the_menu() -> BTreeSet<String> {
    let menu = include_str!("menu.tsv");
    let rows =
        menu.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect::<Vec<_>>());
    rows.filter(|row| row.get(2) == Some(&"callback")).map(|row| row[1].to_owned()).collect()
}

#[test]
fn all_events_emits_every_callback_of_the_menu() {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record.ndjson");
    let path = scenario("all-events.toml");
    let output = run_fast(&[path.to_str().unwrap(), "--quiet", "--record", record.to_str().unwrap()]);
    assert_code(&output, 0);
    let sent: BTreeSet<String> = fs::read_to_string(record)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["kind"] == "queued")
        .map(|line| line["event"].as_str().unwrap().to_owned())
        .collect();
    let menu = callbacks_of_the_menu();
    assert!(menu.len() > 25, "the copy of the menu is whole");
    assert_eq!(menu.difference(&sent).collect::<Vec<_>>(), Vec::<&String>::new(), "callbacks never sent");
}

#[test]
fn equal_runs_write_equal_records() {
    let folder = tempfile::tempdir().unwrap();
    let run_seed = |name: &str, seed: &str, stories: &[&str]| {
        let record = folder.path().join(name);
        let report = folder.path().join(format!("{name}.json"));
        let (record, report) = (record.to_str().unwrap(), report.to_str().unwrap());
        let mut args = stories.to_vec();
        args.extend(["--seed", seed, "--epoch", "2030-01-01T00:00:00Z", "--quiet"]);
        args.extend(["--record", record, "--report", report]);
        let output = run_fast(&args);
        assert_code(&output, 0);
        (fs::read(record).unwrap(), fs::read(report).unwrap())
    };
    let short =
        ["scenarios/agent-transfer.toml", "scenarios/template-campaign.toml", "scenarios/user-silent.toml"];
    // Fewer copies than at its place, in a folder of its own.
    let busy = fs::read_to_string(scenario("busy-day.toml")).unwrap().replace("copies = 300", "copies = 60");
    let parts = format!("\"{}", scenario("parts/").display());
    fs::write(folder.path().join("busy-day.toml"), busy.replace("\"parts/", &parts)).unwrap();
    let busy = folder.path().join("busy-day.toml").display().to_string();
    let all = [&short[..], &[&busy]].concat();
    let (first, second) = (run_seed("first", "7", &all), run_seed("second", "7", &all));
    assert!(first.0.len() > 500_000, "the record is {} bytes long", first.0.len());
    assert!(first == second, "two runs with one seed differ");
    let (seven, eight) = (run_seed("seven", "7", &short), run_seed("eight", "8", &short));
    assert!(seven.0 != eight.0, "another seed changes nothing");
}

/// Without a seed every run has ids of its own; a run that fails names the flags that make them again.
#[test]
fn a_failing_run_says_how_to_repeat_it() {
    let folder = tempfile::tempdir().unwrap();
    let story = folder.path().join("late.toml");
    let text = "[[steps]]\nsend = \"session.transfer\"\n[[steps]]\nawait = \"chatbot.end_session\"\nwithin = \"1s\"\n";
    fs::write(&story, text).unwrap();
    let once = |name: &str, flags: &[&str]| {
        let record = folder.path().join(name);
        let own = [story.to_str().unwrap(), "--quiet", "--record", record.to_str().unwrap()];
        let output = run_fast(&[&own[..], flags].concat());
        assert_code(&output, 1);
        let text = String::from_utf8(output.stdout).unwrap();
        let again = text.lines().find_map(|line| line.strip_prefix("reproduce   with ")).unwrap();
        (again.to_owned(), fs::read_to_string(record).unwrap())
    };
    let (again, first) = once("first", &[]);
    assert_ne!(once("other", &[]).1, first, "ids of its own");
    let flags: Vec<&str> = again.split(' ').collect();
    assert_eq!(once("again", &flags), (again.clone(), first));
}

/// An integrator of our own: accepts the transfer while it still handles the callback, answers every message of the
/// user, and ends the conversation when the user has said so many things.
pub(crate) fn own_integrator(mock: SocketAddr, secret: &str, last: u32) -> Receiver {
    let secret = secret.to_owned();
    let heard = std::sync::Mutex::new(0_u32);
    Receiver::with(move |request| {
        let body = request.json();
        let call_id = body["transfer"]["call_id"].as_str().or(body["call_id"].as_str()).unwrap_or_default();
        let ask = |path: &str, fields: Value| {
            let (status, answer) = post_signed(mock, path, &secret, &fields);
            assert_eq!((status, &answer["code"]), (200, &json!(200)), "{path}: {answer}");
            answer
        };
        match body["event"].as_str().unwrap() {
            "session.transfer" => {
                let accept =
                    json!({ "call_id": call_id, "result": "accepted", "seat_id": "s-1", "seat_name": "Ana" });
                ask("/api/v1/session/transfer_result", accept);
                let hello = json!({ "call_id": call_id, "messages": [{ "type": "text", "text": "Hello!" }] });
                let answer = ask("/api/v1/message/send", hello);
                assert_eq!(answer["data"]["messages"][0]["msg_id"].as_str().unwrap().len(), 32);
            }
            "agent.message" => {
                let ids: Vec<&Value> =
                    body["messages"].as_array().unwrap().iter().map(|message| &message["msg_id"]).collect();
                ask("/api/v1/message/read", json!({ "call_id": call_id, "msg_ids": ids }));
                let mut heard = heard.lock().unwrap();
                *heard += 1;
                if *heard == last {
                    // Everything said so far can be asked for, newest first.
                    let list = ask("/api/v1/session/messages", json!({ "call_id": call_id, "size": 2 }));
                    assert_eq!(list["data"][0]["content"], body["messages"][0]["content"]);
                    assert_eq!(list["data"][0]["status"], "read");
                    assert_eq!(list["data"][1]["sender_type"], "seat");
                    ask("/api/v1/session/end", json!({ "call_id": call_id, "reason": "agent" }));
                } else {
                    let text = format!("answer {heard}");
                    let answer =
                        json!({ "call_id": call_id, "messages": [{ "type": "text", "text": text }] });
                    ask("/api/v1/message/send", answer);
                }
            }
            _ => {}
        }
        plain("200 OK", "{}")
    })
}

#[test]
fn a_conversation_goes_both_ways_with_an_integrator_of_ones_own() {
    let mock = free_address();
    let receiver = own_integrator(mock, SECRET, 3);
    let (folder, path) = story(
        r#"
        [[steps]]
        send = "session.transfer"
        save = "transfer"
        [[steps]]
        await = "chatbot.agent_transfer_result"
        where = { call_id = "{{ transfer.body.transfer.call_id }}", result = "accepted" }
        [[steps]]
        await = "chatbot.send_message"
        [[steps]]
        repeat = 3
        every = "10ms"
        send = "agent.message"
        body = { messages = [{ content = { type = "text", text = "question {{ loop_index }}" } }] }
        [[steps]]
        await = "chatbot.end_session"
        within = "10s"
        [[steps]]
        await = "session.report"
        within = "30s"
        "#,
    );
    let report = folder.path().join("report.json");
    let output = run(&[
        "run",
        &path,
        "--callback-url",
        &receiver.url(),
        "--secret",
        SECRET,
        "--speed",
        "max",
        "--listen",
        &mock.to_string(),
        "--report",
        report.to_str().unwrap(),
    ]);
    assert_code(&output, 0);
    let requests = receiver.requests();
    for request in &requests {
        assert_signed(request);
        assert_eq!(request.exact_header("User-Agent"), Some("Airudder"));
        assert_eq!(request.exact_header("Content-Type"), Some("application/json"));
    }
    let events: Vec<String> =
        requests.iter().map(|request| request.json()["event"].as_str().unwrap().to_owned()).collect();
    let statuses = events.iter().filter(|event| *event == "agent.message_status").count();
    assert_eq!(statuses, 9, "three messages of the agent, three statuses each: {events:?}");
    assert!(events.contains(&"session.end".to_owned()) && events.contains(&"session.report".to_owned()));
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert_sums(&report);
    assert_eq!(report["calls"]["refused"], 0);
}

const ONE_STEP: &str = "[[steps]]\nsend = \"session.transfer\"\n";

#[test]
fn an_answer_that_is_no_success_is_tried_again_and_then_given_up() {
    for (status, attempts) in [("500 Oops", 5), ("302 Found", 5), ("404 Not Found", 5)] {
        let receiver = Receiver::answering(vec![plain(status, "{}")]);
        let (report, text) = run_against(ONE_STEP, &receiver, 1);
        assert_eq!(receiver.requests().len(), attempts, "{status}\n{text}");
        assert_eq!(report["callbacks"]["dead"], 1);
        assert_sums(&report);
        let bodies: BTreeSet<Vec<u8>> = receiver.requests().into_iter().map(|request| request.body).collect();
        assert_eq!(bodies.len(), 1, "every try sends the same bytes");
        assert!(text.contains("next in 1m") && text.contains("given up after 5 attempts"), "{text}");
    }
}

#[test]
fn any_2xx_is_a_success_and_the_third_try_counts() {
    let receiver = Receiver::answering(vec![Answer::Bytes("HTTP/1.1 204 No Content\r\n\r\n".into())]);
    let (report, _) = run_against(ONE_STEP, &receiver, 0);
    assert_eq!(report["callbacks"]["attempts"], 1);
    let receiver = Receiver::answering(vec![
        plain("500 Oops", ""),
        plain("503 Busy", ""),
        plain("200 OK", "{\"code\":200}"),
    ]);
    let expecting = "[[steps]]\nsend = \"session.transfer\"\nexpect = { status = 200, attempts = 3, body = { code = 200 } }\n";
    let (report, _) = run_against(expecting, &receiver, 0);
    assert_eq!(report["callbacks"]["attempts"], 3);
    assert_sums(&report);
}

#[test]
fn broken_receivers_are_told_apart_and_nothing_is_lost() {
    let huge = format!("HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n{}", "x".repeat(9_000_000));
    for (answer, error) in [
        (Answer::Close, "reset"),
        (Answer::Never, "timeout"),
        (Answer::BytesThenClose("this is not HTTP\r\n\r\n".into()), "bad_answer"),
        (Answer::BytesThenClose("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".into()), "reset"),
    ] {
        let receiver = Receiver::answering(vec![answer.clone()]);
        // Short only where it has to run out: a busy machine must not turn another error into this one.
        let timeout = if error == "timeout" { "150ms" } else { "30s" };
        let text = format!(
            "delivery = {{ timeout = \"{timeout}\", attempts = 2 }}\n[[steps]]\nsend = \"session.transfer\"\nexpect = {{ outcome = \"failed\", error = \"{error}\", attempts = 2 }}\n"
        );
        let (report, _) = run_against(&text, &receiver, 0);
        assert_eq!(receiver.requests().len(), 2, "{answer:?}");
        assert_sums(&report);
    }
    let receiver = Receiver::answering(vec![Answer::BytesThenClose(huge)]);
    let (report, _) = run_against(ONE_STEP, &receiver, 0);
    assert_eq!(report["callbacks"]["delivered"], 1);
}

#[test]
fn a_slow_receiver_is_waited_for_within_the_timeout() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"code\":200}";
    let receiver = Receiver::answering(vec![Answer::Trickle(answer.into())]);
    let text = "[[steps]]\nsend = \"session.transfer\"\nexpect = { attempts = 1, body = { code = 200 } }\n";
    let (report, _) = run_against(text, &receiver, 0);
    assert_eq!(report["callbacks"]["attempts"], 1);
    let text = "delivery = { timeout = \"60ms\", attempts = 2 }\n[[steps]]\nsend = \"session.transfer\"\nexpect = { error = \"timeout\", attempts = 2 }\n";
    let (report, _) = run_against(text, &receiver, 0);
    assert_eq!(report["callbacks"]["dead"], 1);
    assert_sums(&report);
}

#[test]
fn a_dead_receiver_is_refused_with_advice() {
    let address = free_address();
    let url = format!("http://{address}/hook");
    let (_folder, path) = story("delivery = { preset = \"once\" }\n[[steps]]\nsend = \"session.transfer\"\n");
    let output =
        run(&["run", &path, "--callback-url", &url, "--listen", "127.0.0.1:0", "--wait-for-receiver", "0"]);
    assert_code(&output, 1);
    assert!(stdout(&output).contains(&format!("nothing listens on {address}")), "{}", stdout(&output));
}

#[test]
fn a_failed_expectation_shows_the_place_and_both_sides() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{\"code\":500}")]);
    let text = "name = \"wants more\"\n[[steps]]\nsend = \"session.transfer\"\nexpect = { status = 204, body = { code = 200 } }\n";
    let (report, output) = run_against(text, &receiver, 1);
    assert!(output.contains("expected status 204, got 200"), "{output}");
    assert!(output.contains("in the response, `code` is 500, expected 200"), "{output}");
    assert!(output.contains("story.toml:2"), "{output}");
    assert_eq!(report["stories"][0]["failures"].as_array().unwrap().len(), 2);
}

#[test]
fn an_await_that_nothing_answers_says_what_came_instead() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let text = "[[steps]]\nsend = \"session.transfer\"\n[[steps]]\nawait = \"chatbot.agent_transfer_result\"\nwithin = \"50ms\"\n";
    let (_, output) = run_against(text, &receiver, 1);
    let message = "expected the request `chatbot.agent_transfer_result` within 50ms: it never arrived";
    assert!(output.contains(message), "{output}");
    assert!(output.contains("none arrived: does your server send them to http://127.0.0.1:"), "{output}");
}

#[test]
fn junit_has_a_case_per_story() {
    let (folder, path) = story("name = \"a < b & \\\"c\\\"\"\n[[steps]]\nsend = \"session.transfer\"\n");
    let junit = folder.path().join("junit.xml");
    let output = run_fast(&[&path, "--quiet", "--junit", junit.to_str().unwrap()]);
    assert_code(&output, 0);
    let xml = fs::read_to_string(junit).unwrap();
    assert!(
        xml.contains(r#"tests="1" failures="0""#) && xml.contains("a &lt; b &amp; &quot;c&quot;"),
        "{xml}"
    );
}

#[test]
fn a_taken_address_says_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["run", "scenarios/agent-transfer.toml", "--listen", &address]);
    assert_code(&output, 3);
    assert!(stderr(&output).contains("127.0.0.1:0"), "{}", stderr(&output));
}

#[test]
fn a_command_without_the_dashes_before_it_and_a_story_that_is_not_there_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let told = |args: &[&str]| {
        let output = program().current_dir(folder.path()).args(args).output().unwrap();
        assert_code(&output, 2);
        stderr(&output)
    };
    fs::write(folder.path().join("receiver.js"), "").unwrap();
    let text = told(&["run", "first-transfer", "node", "receiver.js"]);
    assert!(text.contains("airudder-mock run first-transfer -- node receiver.js"), "{text}");
    let text = told(&["run", "first-transfer", "nosuch.toml"]);
    assert!(text.contains("`nosuch.toml`") && !text.contains("--"), "{text}");
    for args in [
        &["run", "nosuch.toml"][..],
        &["check", "nosuch"],
        &["load", "nosuch", "--callback-url", "http://127.0.0.1:1/"],
        &["run"],
    ] {
        let text = told(args);
        assert!(text.contains("first-transfer, ") && text.contains("your-workflow"), "{args:?}: {text}");
    }
}

#[test]
fn targets_outside_of_loopback_need_permission() {
    let outside = "http://192.0.2.1/hook";
    let output = run(&["run", "scenarios/media.toml", "--callback-url", outside, "--listen", "127.0.0.1:0"]);
    assert_code(&output, 2);
    assert!(stderr(&output).contains("--allow-target 192.0.2.1"), "{}", stderr(&output));
    // A step's own URL is known only when it is filled in.
    let (_folder, path) = story(&format!("[[steps]]\nsend = \"session.transfer\"\ntarget = \"{outside}\"\n"));
    let output = run(&["run", &path, "--listen", "127.0.0.1:0"]);
    assert_code(&output, 1);
    assert!(stdout(&output).contains("--allow-target 192.0.2.1"), "{}", stdout(&output));
}

#[cfg(unix)]
#[test]
fn an_interruption_tells_what_was_not_sent() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;

    let receiver = Receiver::answering(vec![plain("500 Oops", "")]);
    let (_folder, path) = story(ONE_STEP);
    let mut child = program()
        .args(["run", &path, "--callback-url", &receiver.url(), "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    // The first try has failed and the second is a minute away.
    let mut line = String::new();
    while !line.contains("next in 1m") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "the program ended early");
    }
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains("not sent:") && rest.contains("session.transfer"), "{rest}");
    assert!(rest.contains("1 not sent of 1"), "{rest}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written_does_not_hide_how_the_run_ended() {
    let (_folder, path) = story(ONE_STEP);
    for (status, code) in [("500 Oops", 1), ("200 OK", 3)] {
        let receiver = Receiver::answering(vec![plain(status, "")]);
        let url = receiver.url();
        let flags =
            ["--speed", "max", "--patience", "0s", "--listen", "127.0.0.1:0", "--report", "/dev/full"];
        let output = run(&[&["run", &path, "--callback-url", &url][..], &flags].concat());
        assert_code(&output, code);
        assert!(stderr(&output).contains("/dev/full"), "{}", stderr(&output));
    }
}

/// Runs a story and returns what the receiver got, with the exit code asserted.
fn requests_of(text: &str, code: i32) -> (Vec<Request>, String) {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let (_, output) = run_against(text, &receiver, code);
    (receiver.requests(), output)
}

#[test]
fn steps_change_bodies_headers_and_targets() {
    let other = Receiver::answering(vec![plain("200 OK", "{}")]);
    let text = format!(
        r#"
        [vars]
        amount = 100
        [[steps]]
        set = {{ amount = "{{{{ amount + 50 }}}}" }}
        [[steps]]
        send = "message.receive"
        omit = ["user.name", "company"]
        headers = {{ X-AIRudder-Sign = "wrong on purpose", X-Amount = "{{{{ amount }}}}", User-Agent = "" }}
        body = {{ amount = "{{{{ amount }}}}", text = "Rp {{{{ amount }}}}", messages = [{{}}, {{ content = {{ type = "image", media = {{ origin_url = "u" }} }} }}] }}
        [[steps]]
        send = "session.end"
        target = "{}"
        [[steps]]
        send = "session.transfer"
        headers = {{ x-airudder-sign = "" }}
        raw = " {{ \"n\" : {{{{ amount }}}} }} "
        [[steps]]
        when = "{{{{ amount > 1000 }}}}"
        send = "session.report"
        "#,
        other.url()
    );
    let (requests, _) = requests_of(&text, 0);
    assert_eq!(requests.len(), 2);
    let body = requests[0].json();
    assert_eq!((&body["amount"], &body["text"]), (&json!(150), &json!("Rp 150")));
    assert!(body["user"].get("name").is_none() && body.get("company").is_none(), "{body}");
    assert_eq!(body["messages"][0]["content"]["type"], "text");
    assert_eq!(body["messages"][1]["content"], json!({ "type": "image", "media": { "origin_url": "u" } }));
    assert_eq!(requests[0].exact_header("X-AIRudder-Sign"), Some("wrong on purpose"));
    assert_eq!(requests[0].exact_header("X-Amount"), Some("150"));
    assert_eq!(requests[0].exact_header("User-Agent"), None);
    assert_eq!(requests[1].body, b" { \"n\" : 150 } ");
    assert!(!requests[1].head.to_lowercase().contains("x-airudder-sign"), "{}", requests[1].head);
    assert_eq!(other.requests().len(), 1);
    assert_signed(&other.requests()[0]);
}

#[test]
fn reactions_answer_set_and_replace_what_the_mock_would_send() {
    let mock = free_address();
    let receiver = Receiver::with(move |request| {
        let body = request.json();
        if body["event"] == "session.transfer" {
            let call_id = &body["transfer"]["call_id"];
            let message = json!({ "call_id": call_id, "messages": [{ "type": "text", "text": "hello" }] });
            let (status, answer) = post_signed(mock, "/api/v1/message/send", SECRET, &message);
            assert_eq!((status, answer), (202, json!({ "mine": "hello" })));
            // A request that the mock would refuse, answered by the story; and one that it refuses.
            let credentials =
                json!({ "APPKey": "AIRudderMockKey0000001", "APPSecret": "AIRudderMockSecret0001" });
            let (_, answer) = post(mock, "/service/cloud/auth", &credentials);
            let token = format!("Authorization: Token {}\r\n", answer["data"]["token"].as_str().unwrap());
            let (status, answer) =
                post_with(mock, "/service/cloud/task", &token, &json!({ "TaskName": "x" }));
            assert_eq!((status, &answer["data"]["TaskID"]), (200, &json!("t-x")));
            let (status, answer) =
                post_with(mock, "/service/cloud/workflow/stopinstance", &token, &json!({}));
            assert_eq!((status, &answer["code"]), (400, &json!(400)));
            let (status, answer) = post(mock, "/api/v1/mesage/send", &json!({}));
            assert_eq!(status, 404);
            assert!(answer["message"].as_str().unwrap().contains("/api/v1/message/send"), "{answer}");
        }
        plain("200 OK", "{}")
    });
    let (folder, path) = story(
        r#"
        [[on]]
        call = "chatbot.send_message"
        answer = { status = 202, body = { mine = "{{ call.body.messages[0].text }}" } }
        set = { heard = "{{ call.body.messages[0].text }}" }
        send = [{ event = "agent.message_status", body = { status = "failed" }, after = "50ms" }]
        [[steps]]
        send = "session.transfer"
        [[steps]]
        await = "task.create"
        answer = { body = { code = 200, data = { TaskID = "t-{{ call.body.TaskName }}" } } }
        optional = true
        within = "1ms"
        [[on]]
        call = "task.create"
        answer = { body = { code = 200, data = { TaskID = "t-{{ call.body.TaskName }}" } } }
        [[steps]]
        pause = "1s"
        [[steps]]
        send = "session.end"
        body = { heard = "{{ heard }}" }
        "#,
    );
    let report = folder.path().join("report.json");
    let output = run(&[
        "run",
        &path,
        "--callback-url",
        &receiver.url(),
        "--secret",
        SECRET,
        "--speed",
        "max",
        "--listen",
        &mock.to_string(),
        "--report",
        report.to_str().unwrap(),
        "--set",
        "heard=nothing",
    ]);
    assert_code(&output, 0);
    let bodies: Vec<Value> = receiver.requests().iter().map(Request::json).collect();
    let events: Vec<&str> = bodies.iter().map(|body| body["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["session.transfer", "agent.message_status", "session.end"]);
    assert_eq!((&bodies[1]["status"], &bodies[2]["heard"]), (&json!("failed"), &json!("hello")));
}

#[test]
fn an_await_takes_only_what_belongs_to_its_conversation() {
    let mock = free_address();
    let receiver = Receiver::with(move |request| {
        let body = request.json();
        if body["user"]["id"] == "a" && body["event"] == "session.transfer" {
            let fields = json!({ "call_id": body["transfer"]["call_id"], "result": "accepted" });
            assert_eq!(post(mock, "/api/v1/session/transfer_result", &fields).0, 200);
        }
        plain("200 OK", "{}")
    });
    let (_folder, path) = story(
        r#"
        [[steps]]
        send = "session.transfer"
        conversation = "a"
        body = { user = { id = "a" } }
        [[steps]]
        send = "session.transfer"
        conversation = "b"
        body = { user = { id = "b" } }
        [[steps]]
        await = "chatbot.agent_transfer_result"
        conversation = "b"
        within = "30ms"
        [[steps]]
        await = "chatbot.agent_transfer_result"
        conversation = "a"
        within = "30ms"
        "#,
    );
    let output = run(&[
        "run",
        &path,
        "--callback-url",
        &receiver.url(),
        "--speed",
        "max",
        "--keep-going",
        "--listen",
        &mock.to_string(),
    ]);
    assert_code(&output, 1);
    let text = stdout(&output);
    assert_eq!(text.matches("expected the request").count(), 1, "{text}");
}

#[test]
fn stories_of_the_same_name_are_told_apart() {
    let output = run_fast(&["scenarios/media.toml", "scenarios/media.toml", "--quiet"]);
    assert_code(&output, 0);
    assert!(stdout(&output).contains("2 passed, 0 failed"), "{}", stdout(&output));
}

#[test]
fn what_dies_after_the_last_step_fails_the_story() {
    let mock = free_address();
    let receiver = Receiver::with(move |request| {
        let body = request.json();
        if body["event"] == "session.end" {
            return plain("500 Oops", "");
        }
        if body["event"] == "session.transfer" {
            post(mock, "/api/v1/session/end", &json!({ "call_id": body["transfer"]["call_id"] }));
        }
        plain("200 OK", "{}")
    });
    let (folder, path) = story("delivery = { attempts = 1 }\n[[steps]]\nsend = \"session.transfer\"\n");
    let report = folder.path().join("report.json");
    let output = run(&[
        "run",
        &path,
        "--callback-url",
        &receiver.url(),
        "--speed",
        "max",
        "--listen",
        &mock.to_string(),
        "--report",
        report.to_str().unwrap(),
    ]);
    assert_code(&output, 1);
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert_eq!((&report["passed"], &report["stories"][0]["passed"]), (&json!(false), &json!(false)));
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_ends_nothing() {
    use std::process::Stdio;

    for args in [
        vec!["run", "scenarios/media.toml", "--speed", "max"],
        vec!["emit", "message.status", "--print", "--count", "2000"],
    ] {
        let mut child = program().args(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_code(&output, 0);
    }
}

#[test]
fn a_file_of_reactions_alone_is_no_story() {
    let (_folder, path) = story("[[on]]\ncallback = \"message.send\"\nset = { x = 1 }\n");
    let output = run(&["run", &path, "--listen", "127.0.0.1:0"]);
    assert_code(&output, 2);
    assert!(stderr(&output).contains("has no steps"), "{}", stderr(&output));
}

#[test]
fn a_refused_request_is_not_what_a_story_waits_for() {
    let mock = free_address();
    let receiver = Receiver::with(move |_| {
        let mistaken = json!({ "call_id": "no such conversation", "result": "accepted" });
        assert_eq!(post(mock, "/api/v1/session/transfer_result", &mistaken).0, 404);
        plain("200 OK", "{}")
    });
    let (_folder, path) = story(
        "[[steps]]\nsend = \"session.transfer\"\n[[steps]]\nawait = \"chatbot.agent_transfer_result\"\nwithin = \"30ms\"\n",
    );
    let output = run(&[
        "run",
        &path,
        "--callback-url",
        &receiver.url(),
        "--speed",
        "max",
        "--listen",
        &mock.to_string(),
    ]);
    assert_code(&output, 1);
    let why =
        "but the mock refused it: code 404, there is no conversation with call_id `no such conversation`";
    assert!(stdout(&output).contains(why), "{}", stdout(&output));
}

#[test]
fn what_the_settings_refuse_fails_the_story_that_needs_it() {
    let mock = free_address();
    let receiver = Receiver::with(move |request| {
        let body = request.json();
        post(mock, "/api/v1/session/end", &json!({ "call_id": body["transfer"]["call_id"] }));
        plain("200 OK", "{}")
    });
    let (folder, path) = story("[[steps]]\nsend = \"session.transfer\"\n[[steps]]\npause = \"1m\"\n");
    let config = folder.path().join("settings.toml");
    let known = "assumed = \"refuse\"\n[catalog.\"chatbot.end_session\"]\nprovenance = \"documented\"\n";
    fs::write(&config, known).unwrap();
    let output = run(&[
        "run",
        &path,
        "--callback-url",
        &receiver.url(),
        "--speed",
        "max",
        "--listen",
        &mock.to_string(),
        "--config",
        config.to_str().unwrap(),
    ]);
    assert_code(&output, 1);
    let text = stdout(&output);
    assert!(text.contains("`session.end` was not sent") && text.contains("0 passed, 1 failed"), "{text}");
}

/// What is most likely a slip of the pen is warned of and sent all the same; `check` fails because of it.
#[test]
fn slips_of_the_pen_are_warned_of() {
    let text = "[[steps]]\nsend = 'message.status'\nbody = { status = 'delivered', msgid = 'x' }\nextra = { own = 1 }\n";
    let (_folder, path) = story(text);
    let checked = run(&["check", &path]);
    assert_code(&checked, 2);
    let told = stderr(&checked);
    for word in ["did you mean `delivery`?", "did you mean `msg_id`?", "story.toml:3", "2 problems in 1 file"]
    {
        assert!(told.contains(word), "{word}: {told}");
    }
    let receiver = Receiver::with(|_| plain("200 OK", "{}"));
    let output = run_fast(&[&path, "--callback-url", &receiver.url(), "--secret", SECRET]);
    assert_code(&output, 0);
    assert!(
        stderr(&output).contains("warning: `message.status` has no field `msgid`"),
        "{}",
        stderr(&output)
    );
    let body = receiver.requests()[0].json();
    assert_eq!(
        (&body["status"], &body["msgid"], &body["own"]),
        (&json!("delivered"), &json!("x"), &json!(1))
    );

    let emitted = run(&[
        "emit",
        "message.receive",
        "--print",
        "--set",
        "messages[0].content.text=hi",
        "--set",
        "usr.id=7",
        "--extra",
        "own=1",
    ]);
    assert_code(&emitted, 0);
    let (printed, told) = (stdout(&emitted), stderr(&emitted));
    assert!(printed.contains("\"text\":\"hi\"") && printed.contains("\"own\":1"), "{printed}");
    assert!(told.contains("has no field `usr`, did you mean `user`?") && !told.contains("own"), "{told}");
}

/// The clock does not jump past the request that a receiver makes soon after it has answered.
#[test]
fn a_forbidden_request_has_time_to_arrive() {
    let mock = free_address();
    let receiver = Receiver::with(move |request| {
        let call_id = request.json()["transfer"]["call_id"].clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            let result = json!({ "call_id": call_id, "result": "accepted" });
            post_signed(mock, "/api/v1/session/transfer_result", SECRET, &result)
        });
        plain("200 OK", "{}")
    });
    let (_folder, path) = story(
        "[[steps]]\nsend = 'session.transfer'\n[[steps]]\nnever = 'chatbot.agent_transfer_result'\n[[steps]]\npause = '5s'\n",
    );
    let mock = mock.to_string();
    let output = run(&[
        "run",
        &path,
        "--speed",
        "max",
        "--listen",
        &mock,
        "--callback-url",
        &receiver.url(),
        "--secret",
        SECRET,
    ]);
    assert_code(&output, 1);
    assert!(stdout(&output).contains("a `never` step forbids it here"), "{}", stdout(&output));
}

/// Duplicates are the same requests byte for byte, and blocks, checks and `never` judge what a real integrator does.
#[test]
fn a_duplicate_is_the_same_request() {
    let receiver = Receiver::with(|_| plain("200 OK", "{\"code\":0}"));
    let text = r#"
        [[steps]]
        send = "session.transfer"
        save = "transfer"
        [[steps]]
        repeat = 2
        [[steps.group]]
        never = "chatbot.agent_transfer_result"
        [[steps.group]]
        resend = "transfer"
        save = "again"
        expect = { body = { code = { below = 1 } }, check = "{{ callback.answer.status == 200 }}" }
        [[steps.group]]
        check = { again = { body = { user = { id = "{{ transfer.body.user.id }}" } }, attempts = 1 } }
        [[steps]]
        check = { transfer = { answer = { body = { code = 5 } } } }
    "#;
    let (report, told) = run_against(text, &receiver, 1);
    let requests = receiver.requests();
    assert_eq!(requests.len(), 3);
    for again in &requests {
        assert_signed(again);
        assert_eq!((&again.head, &again.body), (&requests[0].head, &requests[0].body));
    }
    assert!(told.contains("the check failed, `transfer.answer.body.code` is 0, expected 5"), "{told}");
    assert_sums(&report);
}

//! Faults of delivery over raw sockets: which callbacks come, when, how often and where.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

use crate::serving::{APP_KEY, APP_SECRET, JSON, Serving, Wire, request};
use crate::support::{Receiver, Request, TIMEOUT, assert_code, plain, program, run, stderr, stdout};

/// Four callbacks of one conversation, a second apart.
const STORY: &str = r#"
delivery = { attempts = 3, gaps = ["5s"] }
[[steps]]
send = "session.end"
raw = '{"n":1}'
wait = false
[[steps]]
pause = "1s"
[[steps]]
send = "session.end"
raw = '{"n":2}'
wait = false
[[steps]]
pause = "1s"
[[steps]]
send = "session.end"
raw = '{"n":3}'
wait = false
[[steps]]
pause = "1s"
[[steps]]
send = "session.transfer"
raw = '{"n":4}'
wait = false
"#;

fn number(request: &Request) -> u64 {
    request.json()["n"].as_u64().unwrap()
}

/// A receiver that answers only when so many requests stand before it at the same time.
fn all_at_once(count: usize) -> Receiver {
    let state = Arc::new((Mutex::new(0), Condvar::new()));
    Receiver::with(move |_| {
        let (came, changed) = &*state;
        let mut came = came.lock().unwrap();
        *came += 1;
        changed.notify_all();
        while *came < count {
            let (waited, timeout) = changed.wait_timeout(came, TIMEOUT).unwrap();
            assert!(!timeout.timed_out(), "they do not come at the same time");
            came = waited;
        }
        plain("200 OK", "{}")
    })
}

/// What a receiver gets of the story when a fault is asked for, and the record of the run.
fn told(folder: &Path, receiver: &Receiver, fault: &str, more: &[&str]) -> (Vec<Request>, Vec<Value>) {
    let (story, record) = (folder.join("story.toml"), folder.join("record.ndjson"));
    std::fs::write(&story, STORY).unwrap();
    let (story, record) = (story.to_str().unwrap(), record.to_str().unwrap());
    let url = receiver.url();
    let args = ["run", story, "--callback-url", &url, "--seed", "1", "--speed", "max", "--record", record];
    let args = [&args[..], &["--epoch", "2030-01-01T00:00:00Z"]].concat();
    let output = run(&[&args[..], &["--listen", "127.0.0.1:0", "--fault", fault], more].concat());
    assert_code(&output, 0);
    let lines = std::fs::read_to_string(record).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (receiver.requests(), lines)
}

/// The head without what every request has of its own.
fn signed(request: &Request) -> &str {
    &request.head
}

#[test]
fn every_fault_of_delivery_goes_over_the_wire() {
    let folder = tempfile::tempdir().unwrap();
    let other = Receiver::answering(vec![plain("200 OK", "{}")]);
    let elsewhere = format!("elsewhere to={} of session.end, the 2nd", other.url());
    for (fault, wanted, marked) in [
        ("duplicate of session.end, the 2nd", vec![1, 2, 2, 3, 4], 2),
        ("duplicate count=2 the 1st", vec![1, 1, 1, 2, 3, 4], 3),
        ("signed-anew the 2nd", vec![1, 2, 2, 3, 4], 2),
        ("reorder the 2nd", vec![1, 3, 2, 4], 1),
        ("delay after=1500ms the 2nd", vec![1, 3, 2, 4], 1),
        ("drop the 2nd", vec![1, 3, 4], 0),
        ("hold count=2 the 1st", vec![2, 3, 1, 4], 1),
        ("hold within=90s the 1st", vec![2, 3, 4, 1], 1),
        ("replay of session.end where n=1", vec![1, 2, 3, 4, 1], 2),
        ("answer-lost the 1st", vec![1, 2, 3, 4, 1], 1),
        (&elsewhere, vec![1, 3, 4], 1),
    ] {
        let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
        let (requests, record) = told(folder.path(), &receiver, fault, &[]);
        let mut numbers: Vec<u64> = requests.iter().map(number).collect();
        let name = fault.split(' ').next().unwrap();
        if name == "answer-lost" {
            // A conversation keeps its order while one of its callbacks is tried again.
            assert_eq!(numbers, [1, 1, 2, 3, 4], "{fault}");
            numbers = wanted.clone();
        }
        assert_eq!(numbers, wanted, "{fault}");
        let hits = record.iter().filter(|line| line["kind"] == "tried" && line["faults"] == json!([name]));
        assert_eq!(hits.count(), marked, "every hit of {fault} is marked");
        match name {
            "duplicate" | "replay" => {
                let of = |n| requests.iter().filter(move |request| number(request) == n).map(signed);
                for n in 1..=4 {
                    let first = of(n).next().unwrap();
                    assert!(of(n).all(|head| head == first), "the same headers");
                }
            }
            "drop" => {
                let dropped = record.iter().find(|line| line["kind"] == "dropped").unwrap();
                assert_eq!((&dropped["callback"], &dropped["error"]), (&json!(2), &json!("dropped")));
            }
            "elsewhere" => assert_eq!(other.requests().iter().map(number).collect::<Vec<_>>(), [2]),
            _ => {}
        }
    }
}

#[test]
fn some_come_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    for (fault, together, wanted) in
        [("at-once the 1st", 2, vec![1, 1, 2, 3, 4]), ("burst count=3", 3, vec![1, 2, 3, 4])]
    {
        let receiver = all_at_once(together);
        let (requests, record) = told(folder.path(), &receiver, fault, &[]);
        let mut first: Vec<u64> = requests[..together].iter().map(number).collect();
        first.sort_unstable();
        let numbers: Vec<u64> = [first, requests[together..].iter().map(number).collect()].concat();
        assert_eq!(numbers, wanted, "{fault}");
        // Who answers first decides nothing: results are taken in their order.
        let tried: Vec<_> = record.iter().filter(|line| line["kind"] == "tried").collect();
        assert!(tried[..together].is_sorted_by_key(|line| line["callback"].as_u64()), "{tried:?}");
    }
}

#[test]
fn a_new_signature_has_an_id_of_its_own_and_a_reused_one_has_not() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("settings.toml");
    std::fs::write(&config, "secret = 'd2hhdGV2ZXI='\nsignature = { preset = 'standard-webhooks' }\n")
        .unwrap();
    let more = ["--config", config.to_str().unwrap()];
    let ids = |fault: &str| {
        let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
        let (requests, _) = told(folder.path(), &receiver, fault, &more);
        let id = |request: &Request| request.exact_header("webhook-id").unwrap().to_owned();
        requests.iter().map(id).collect::<Vec<_>>()
    };
    let anew = ids("signed-anew the 1st");
    assert!(anew.len() == 5 && anew[0] != anew[1], "{anew:?}");
    let same = ids("duplicate the 1st");
    assert!(same.len() == 5 && same[0] == same[1], "{same:?}");
    let reused = ids("signature-reused-nonce the 2nd");
    assert!(reused.len() == 4 && reused[0] == reused[1] && reused[1] != reused[2], "{reused:?}");
}

/// A story, a step, settings, the command line, the control surface and a magic word say it in the same words.
#[test]
fn one_grammar_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = || {
        Receiver::with(|request| match request.exact_header("X-AIRudder-Sign") {
            Some(_) => plain("200 OK", "{}"),
            None => plain("401 Unauthorized", "{}"),
        })
    };
    let story = |top: &str, step: &str| {
        let path = folder.path().join("one.toml");
        let text = format!("{top}\n[[steps]]\nsend = 'session.end'\n{step}\nexpect = {{ attempts = 2 }}\n");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let config = folder.path().join("settings.toml");
    let run_of = |story: &str, more: &[&str]| {
        let receiver = receiver();
        let url = receiver.url();
        let args = ["run", story, "--callback-url", &url, "--speed", "max", "--listen", "127.0.0.1:0"];
        let output = run(&[&args[..], more].concat());
        assert_code(&output, 0);
        assert_eq!(receiver.requests().len(), 2, "the second attempt is right: {}", stdout(&output));
        assert!(stdout(&output).contains("on purpose: signature-missing"), "{}", stdout(&output));
    };
    run_of(&story("faults = ['signature-missing of session.end, first 1']", ""), &[]);
    run_of(
        &story("[[faults]]\nkind = 'signature-missing'\ncallback = 'session.*'\nwhen = 'the 1st'\n", ""),
        &[],
    );
    run_of(&story("", "faults = ['signature-missing']"), &[]);
    run_of(&story("", "body = { note = 'mock:signature-missing' }"), &[]);
    run_of(&story("", ""), &["--fault", "signature-missing of session.*"]);
    std::fs::write(&config, "faults = ['signature-missing']\n").unwrap();
    run_of(&story("", ""), &["--config", config.to_str().unwrap()]);

    let receiver = receiver();
    let serving = Serving::with(&format!("callback_url = '{}'\n", receiver.url()), &["--speed", "max"]);
    let ask = |method: &str, path: &str, body: &Value| {
        let reply = serving.request(
            method,
            path,
            &[("Content-Type", "application/json")],
            body.to_string().as_bytes(),
        );
        (reply.status, reply.json())
    };
    let (status, added) =
        ask("POST", "/_mock/faults", &json!({ "fault": "signature-missing of session.end, every 2nd" }));
    assert_eq!((status, &added["fault"]), (201, &json!(1)));
    let (status, refused) = ask("POST", "/_mock/faults", &json!({ "fault": "signature-mising" }));
    assert!(status == 400 && refused.to_string().contains("did you mean `signature-missing`?"), "{refused}");
    for _ in 0..2 {
        assert_eq!(ask("POST", "/_mock/emit", &json!({ "event": "session.end" })).0, 201);
    }
    assert_eq!(ask("POST", "/_mock/settle", &json!({ "within": "10s" })).0, 200);
    let (_, listed) = ask("GET", "/_mock/faults", &Value::Null);
    let fault = &listed["faults"][0];
    let shown = ["callback", "kind", "matched", "hit"].map(|key| fault[key].clone());
    assert_eq!(shown, [json!("session.end"), json!("signature-missing"), json!(2), json!(1)]);
    assert_eq!(fault["line"], "signature-missing of session.end, every 2nd");
    assert_eq!(fault["spent"], false);
    assert!(receiver.requests()[1].exact_header("X-AIRudder-Sign").is_none());
    // One that can't hit any more says so.
    ask("POST", "/_mock/faults", &json!({ "fault": "drop of agent.transfer, the 1st" }));
    let spent = || ask("GET", "/_mock/faults", &Value::Null).1["faults"][0]["spent"].clone();
    assert_eq!(spent(), json!(false));
    ask("POST", "/_mock/emit", &json!({ "event": "agent.transfer" }));
    assert_eq!(spent(), json!(true));
    serving.end();
}

#[test]
fn a_record_is_compared_and_sent_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let record = |name: &str, fault: &str| {
        told(folder.path(), &receiver, fault, &[]);
        let to = folder.path().join(name);
        std::fs::rename(folder.path().join("record.ndjson"), &to).unwrap();
        to.to_str().unwrap().to_owned()
    };
    let mix = "body-emoji 50%";
    let (a, b) = (record("a.ndjson", mix), record("b.ndjson", mix));
    let output = run(&["diff", &a, &b]);
    assert_code(&output, 0);
    assert!(stdout(&output).starts_with("the same: "), "{}", stdout(&output));
    let other = record("other.ndjson", "drop the 2nd");
    let output = run(&["diff", &a, &other, "--ignore", "faults"]);
    assert_code(&output, 1);
    assert!(stdout(&output).contains("story story: entry"), "{}", stdout(&output));

    let again = Receiver::answering(vec![plain("200 OK", "{}")]);
    let url = again.url();
    let output = run(&["replay", &a, "--callback-url", &url, "--speed", "max"]);
    assert_code(&output, 0);
    assert!(stdout(&output).ends_with("4 attempts sent again, 4 accepted\n"), "{}", stdout(&output));
    let sent = |receiver: &Receiver| -> Vec<_> {
        let of = |request: &Request| {
            (request.exact_header("X-AIRudder-Sign").unwrap().to_owned(), request.body.clone())
        };
        receiver.requests().iter().take(4).map(of).collect()
    };
    assert_eq!(sent(&again), sent(&receiver), "the same bytes");
    let still = run(&["replay", &a, "--callback-url", &url, "--speed", "0"]);
    assert_code(&still, 2);
    assert!(stderr(&still).contains("only `serve` and `exec` accept 0"), "{}", stderr(&still));
    let output =
        run(&["replay", &a, "--callback-url", &url, "--speed", "max", "--sign", "--secret", "another"]);
    assert_code(&output, 0);
    let (old, new) = (&again.requests()[0], &again.requests()[4]);
    assert_eq!(old.body, new.body);
    assert_ne!(old.exact_header("X-AIRudder-Sign"), new.exact_header("X-AIRudder-Sign"));
}

#[test]
fn mistakes_are_told_where_they_are() {
    let output = run(&["emit", "session.end", "--print", "--fault", "duplicat"]);
    assert_code(&output, 2);
    let said = stderr(&output);
    assert!(said.contains("--fault: there is no fault `duplicat`, did you mean `duplicate`?"), "{said}");
    let output = run(&["emit", "session.end", "--print", "--fault", "drop of session.endd"]);
    assert!(stderr(&output).contains("did you mean `session.end`?"), "{}", stderr(&output));
    let output = run(&["emit", "session.end", "--print", "--seed", "1", "--fault", "signature-empty"]);
    assert_code(&output, 0);
    assert!(stdout(&output).contains("X-AIRudder-Sign: \n"), "{}", stdout(&output));
}

/// What hit how often stands in the summary and in every report, and is not what the vendor or a receiver did.
#[test]
fn what_goes_wrong_on_purpose_is_counted_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    let (story, json, junit, trace) = (path("s.toml"), path("r.json"), path("r.xml"), path("r.html"));
    std::fs::write(&story, STORY).unwrap();
    let args = ["run", &story, "--speed", "max", "--seed", "1", "--report", &json, "--junit", &junit];
    let args = [&args[..], &["--trace", &trace, "--listen", "127.0.0.1:0"]].concat();
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let url = receiver.url();
    let faults =
        ["--fault", "duplicate count=2 of session.*", "--fault", "signature-wrong attempts=3, every 2nd"];
    let output = run(&[&args[..], &["--callback-url", &url, "--fault", "drop the 3rd"], &faults].concat());
    assert_code(&output, 0);
    let text = stdout(&output);
    assert!(
        text.contains("callbacks   9 delivered, 0 failed, 1 dropped on purpose of 10 (9 attempts)\n"),
        "{text}"
    );
    assert!(text.contains("\non purpose  drop once, duplicate 3 times, signature-wrong 2 times\n"), "{text}");
    let report: Value = serde_json::from_str(&read("r.json")).unwrap();
    assert_eq!(report["faults"], json!({ "drop": 1, "duplicate": 3, "signature-wrong": 2 }));
    assert!(read("r.xml").contains(r#"<property name="fault.duplicate" value="3"/>"#), "{}", read("r.xml"));
    assert!(read("r.html").contains("drop once, duplicate 3 times, signature-wrong 2 times"));
    assert_eq!(report["unused_faults"], json!([]));
    // A fault that never applies is probably misspelt.
    let misses = ["--callback-url", &url, "--fault", "drop of session.end where session_end_reason=never"];
    let output = run(&[&args[..], &misses].concat());
    let said = "\nnever hit   the fault `drop of session.end where session_end_reason=never`\n";
    assert!(stdout(&output).contains(said), "{}", stdout(&output));
    let report: Value = serde_json::from_str(&read("r.json")).unwrap();
    assert_eq!(report["unused_faults"], json!(["drop of session.end where session_end_reason=never"]));
    // Without faults nothing is said.
    let output = run(&[&args[..], &["--callback-url", &url]].concat());
    assert!(!stdout(&output).contains("on purpose"), "{}", stdout(&output));

    // Requests, in the end words of a server.
    let mut child = program()
        .args(["serve", "--listen", "127.0.0.1:0", "--fault", "503 of auth.token, the 2nd"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let fields = json!({ "APPKey": APP_KEY, "APPSecret": APP_SECRET }).to_string();
    let statuses = [(); 3].map(|()| {
        let mut wire = Wire::to(address.parse().unwrap());
        wire.send(&request("POST", "/service/cloud/auth", &[JSON], fields.as_bytes()));
        wire.reply().status
    });
    assert_eq!(statuses, [200, 503, 200]);
    let stopped = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    child.wait().unwrap();
    assert!(rest.contains("503 on purpose: 503") && rest.contains("\non purpose  503 once\n"), "{rest}");
}

/// Whose a callback or request is, and which workflow it comes of.
#[test]
fn faults_ask_whose_it_is() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let settings = format!(
        "callback_url = '{}'\nfaults = ['drop of call.completed where account=second', 'drop where workflow=7 node=push', \
         '503 of robot.* where account=second, first 1', 'duplicate where account=thrid']\n\
         [[accounts]]\napp_key = '{APP_KEY}'\napp_secret = '{APP_SECRET}'\n\
         [[accounts]]\nname = 'second'\napp_key = 'second key'\napp_secret = 'second secret'\n\
         [workflow]\nquiet = '1ms'\n\
         [[workflow_templates]]\nid = 7\nname = 'Push'\n\
         nodes = [{{ id = 'push', kind = 'api', next = 'end' }}, {{ id = 'end', kind = 'end' }}]\n",
        receiver.url()
    );
    let serving = Serving::with(&settings, &["--speed", "max"]);
    let fields = json!({ "APPKey": "second key", "APPSecret": "second secret" });
    let (_, answer) = serving.post("", "/service/cloud/auth", &fields);
    let (first, second) = (serving.token(), format!("Token {}", answer["data"]["token"].as_str().unwrap()));
    let robots = |token: &str| serving.get(token, "/service/cloud/robot").0;
    assert_eq!([&first, &second, &second].map(|token| robots(token)), [200, 503, 200]);
    let rows = json!([{ "Mobile": "+6281112349011" }]);
    serving.task(&first, "of the first", &rows);
    serving.task(&second, "of the second", &rows);
    let workflow = |name: &str, fields: &Value| {
        let (status, answer) = serving.post(&first, &format!("/service/cloud/workflow/{name}"), fields);
        assert_eq!(status, 200, "{answer}");
        answer["data"]["workflow_id"].clone()
    };
    let end = "2199-01-01 00:00:00+08:00";
    let id = workflow("createinstance", &json!({ "workflow_template_id": 7, "name": "w", "end_time": end }));
    let row = json!({ "callee": "+6281112345001", "case_id": "case 1", "variables": {} });
    workflow("uploaddetails", &json!({ "workflow_id": id, "details": [row] }));
    serving.settle();
    let (_, listed) = serving.control("GET", "/_mock/faults", &Value::Null);
    assert_eq!(listed["hits"], json!({ "503": 1, "drop": 2 }), "{listed}");
    assert_eq!(listed["faults"][3]["matched"], 0);
    // A fault that is added says so, too, where it can't hit.
    let added = serving.control("POST", "/_mock/faults", &json!({ "fault": "drop where account=thrid" }));
    assert_eq!(added.0, 201);
    let bodies: Vec<Value> = receiver.requests().iter().map(Request::json).collect();
    let requests = |name: &str| {
        bodies.iter().filter(|body| body["TaskName"] == name && body.get("CallID").is_some()).count()
    };
    assert_eq!((requests("of the first"), requests("of the second")), (1, 0), "{bodies:#?}");
    assert!(bodies.iter().any(|body| body.get("actions").is_some()), "other notices of the workflow come");
    assert!(bodies.iter().all(|body| body.get("callee").is_none_or(|callee| !callee.is_object())));
    let (_, record) = serving.end();
    let requested = record.iter().find(|line| line["call"] == "robot.list" && line["status"] == 503).unwrap();
    assert_eq!(requested["faults"], json!(["503"]));
    let is_told = |line: &&Value| line.to_string().contains("there is no account");
    assert_eq!(record.iter().filter(is_told).count(), 1, "{record:#?}");
}

/// The table lists every fault, and the tests know each of them.
#[test]
fn every_fault_has_a_row_and_a_test() {
    let output = run(&["catalog", "--faults", "--format", "json"]);
    assert_code(&output, 0);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(rows.len() >= 60, "{} faults", rows.len());
    // The other groups are matched by name in a unit test over raw sockets, which names no default.
    let own = include_str!("faults.rs");
    let api = [include_str!("serve_faults.rs"), include_str!("recordings.rs")].concat();
    for row in rows {
        let (name, group) = (row["name"].as_str().unwrap(), row["group"].as_str().unwrap());
        let is_tested = match group {
            "delivery" => own.contains(&format!("(\"{name}")) || name == "elsewhere",
            "api" => api.contains(name),
            _ => true,
        };
        assert!(is_tested, "{name} has no test over a raw socket");
    }
}

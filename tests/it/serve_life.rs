//! The whole life of tokens, tasks, plans and messages, seen by Python's standard library, by curl and by a receiver.

use std::fmt::Write as _;
use std::fs;

use serde_json::{Value, json};

use crate::serving::{APP_KEY, APP_SECRET, Serving, curl, eventually, is_there, python};
use crate::support::{Receiver, Request, assert_code, plain, program, run, stderr};

/// A receiver that is content with everything.
fn receiver() -> Receiver {
    Receiver::answering(vec![plain("200 OK", r#"{"code":200,"msg":"ok"}"#)])
}

/// A mock that calls this receiver back.
fn calling_back(receiver: &Receiver, settings: &str) -> Serving {
    Serving::with(settings, &["--callback-url", &receiver.url()])
}

/// Asserts what all callbacks of these families have in common.
fn assert_unsigned(request: &Request) {
    assert!(request.head.starts_with("POST /hook HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.exact_header("User-Agent"), Some("Airudder"));
    assert_eq!(request.exact_header("Content-Type"), Some("application/json"));
    assert!(!request.head.to_lowercase().contains("x-airudder-sign"), "{}", request.head);
}

#[test]
fn tokens_live_as_documented() {
    if !is_there("python3") {
        return;
    }
    let serving = Serving::new();
    python("access.py", &serving, &[], 23);
    serving.end();
}

#[test]
fn tasks_live_and_are_told() {
    if !is_there("python3") {
        return;
    }
    let receiver = receiver();
    let serving = calling_back(&receiver, "[calling.lines]\nnarrow = 2\nwide = 50\n");
    python("task.py", &serving, &[], 34);
    serving.run_out();
    let sent: Vec<Value> =
        receiver.requests().iter().inspect(|request| assert_unsigned(request)).map(Request::json).collect();
    let (calls, ends): (Vec<&Value>, Vec<&Value>) =
        sent.iter().partition(|body| body.get("CalleeNumber").is_some());
    let mut numbers: Vec<(&str, &str)> = calls
        .iter()
        .map(|call| (call["TaskName"].as_str().unwrap(), call["CalleeNumber"].as_str().unwrap()))
        .collect();
    numbers.sort_unstable();
    let once = numbers.len();
    numbers.dedup();
    assert_eq!((numbers.len(), once), (8, 8), "every number that was called is reported once: {numbers:?}");
    let echoed: Vec<&Value> =
        calls.iter().filter(|call| call["TaskName"] == "second").map(|call| &call["Comments"]).collect();
    assert!(echoed.contains(&&json!("text")) && echoed.contains(&&json!(4711)), "{echoed:?}");
    let end = |name: &str| {
        let mut of_task = ends.iter().filter(|end| end["TaskName"] == name);
        let end = of_task.next().unwrap_or_else(|| panic!("the end of {name} is not reported"));
        assert!(of_task.next().is_none(), "the end of {name} is reported once");
        ["Status", "Total", "Connected", "NotConnected", "Cancelled"].map(|field| end[field].clone())
    };
    assert_eq!(end("long talks"), [json!("cancelled"), json!(6), json!(4), json!(0), json!(2)]);
    assert_eq!(end("second"), [json!("finished"), json!(3), json!(2), json!(1), json!(0)]);
    assert_eq!(ends.len(), 3);
    serving.end();
}

#[test]
fn recordings_are_sound() {
    if !is_there("python3") {
        return;
    }
    let serving = Serving::new();
    python("recordings.py", &serving, &[], 27);
    serving.end();
}

#[test]
fn plans_live_and_are_told() {
    if !is_there("python3") {
        return;
    }
    let receiver = receiver();
    let settings = r#"
        [[calling.strategies]]
        name = "Twice"
        rounds = [{}, { select = ["busy"], after = "1h" }]
        [[calling.strategies]]
        name = "Once"
        rounds = [{}]
    "#;
    let serving = calling_back(&receiver, settings);
    python("plan.py", &serving, &[], 13);
    serving.run_out();
    let sent: Vec<Value> =
        receiver.requests().iter().inspect(|request| assert_unsigned(request)).map(Request::json).collect();
    let plans: Vec<&Value> = sent.iter().filter(|body| body.get("StrategyID").is_some()).collect();
    assert_eq!(plans.len(), 1, "{sent:?}");
    assert!(sent.iter().all(|body| body["PlanID"] == plans[0]["PlanID"]), "every notice names its plan");
    assert_eq!(plans[0]["TaskIDs"].as_array().unwrap().len(), 2, "{}", plans[0]);
    assert_eq!((&plans[0]["Status"], &plans[0]["Total"]), (&json!("finished"), &json!(4)));
    assert_eq!(sent.iter().filter(|body| body.get("CalleeNumber").is_some()).count(), 5);
    serving.end();
}

/// A plan that is paused and goes on, reaches its person in the second round, and lists every attempt as a call.
#[test]
fn every_attempt_of_a_plan_is_a_call_of_its_own() {
    let receiver = receiver();
    let serving = Serving::with("", &["--speed", "0", "--callback-url", &receiver.url()]);
    let token = serving.token();
    let (_, strategies) = serving.get(&token, "/service/cloud/strategy");
    let fields = json!({
        "PlanName": "July", "StrategyID": strategies["data"]["list"][0]["StrategyID"], "RepeatNumber": 2,
        "RepeatInterval": 5,
        "Details": [{ "Mobile": "+6281112340001", "mock_outcome": "reached_in_round_2 round_2:intention_b" }],
    });
    let (status, answer) = serving.post(&token, "/service/cloud/plan", &fields);
    assert_eq!(status, 200, "{answer}");
    let plan = answer["data"]["PlanID"].as_str().unwrap();
    let act = |action: &str| {
        let fields = json!({ "PlanID": plan, "Action": action });
        assert_eq!(serving.post(&token, "/service/cloud/operation", &fields).0, 200, "{action}");
    };
    let asked = |query: &str| {
        let (status, answer) = serving.get(&token, &format!("/service/cloud/{query}"));
        assert_eq!(status, 200, "{query}: {answer}");
        answer["data"].clone()
    };
    let state = || asked(&format!("plan/status?PlanID={plan}"))["Status"].clone();
    serving.skip("1m");
    act("Pause");
    serving.skip("6h");
    assert_eq!(state(), "paused");
    act("Resume");
    serving.skip("12h");
    assert_eq!(state(), "finished");
    let rounds = asked(&format!("plan/rounds?PlanID={plan}"))["list"].as_array().unwrap().len();
    let calls = asked(&format!("plan/recordings?PlanID={plan}&Callee=%2B6281112340001"))["list"].clone();
    let calls = calls.as_array().unwrap();
    assert_eq!((rounds, calls.len()), (2, 3));
    let mut ids: Vec<&str> = calls.iter().map(|call| call["CallID"].as_str().unwrap()).collect();
    for (id, call) in ids.iter().zip(calls) {
        assert_eq!(asked(&format!("callinfo?CallID={id}")), *call);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert_eq!((&calls[2]["RingType"], &calls[2]["Intention"]), (&json!("answered"), &json!("B")));
    let told: Vec<Value> = receiver.requests().iter().map(Request::json).collect();
    let rounds_told: Vec<&Value> =
        told.iter().filter(|body| body.get("CalleeNumber").is_some()).map(|body| &body["Round"]).collect();
    assert_eq!(rounds_told, [1, 2]);
    assert!(told.iter().all(|body| body["PlanName"] == "July"), "{told:?}");
    assert_eq!(
        told.last().unwrap()["StrategyID"],
        strategies["data"]["list"][0]["StrategyID"],
        "the plan's end comes last"
    );
    serving.end();
}

#[test]
fn numbers_are_detected_and_texts_confirmed() {
    if !is_there("python3") {
        return;
    }
    let receiver = receiver();
    // Both go to the URL of the call; none is needed beside it.
    let serving = Serving::new();
    python("detection.py", &serving, &[&receiver.url()], 12);
    serving.run_out();
    let mut found = Vec::new();
    let mut receipts = Vec::new();
    for request in receiver.requests() {
        assert_unsigned(&request);
        let body = request.json();
        match body.get("business") {
            Some(business) => found.push(business.clone()),
            None => receipts.push((body["to"].clone(), body["status"].clone())),
        }
    }
    found.sort_by_key(|business| business["numstatus"].as_i64());
    let given = json!(["mine 0", 1, 2.5, true, { "case": 4 }, [5, "five"], "6", "", "mine 8", {}]);
    let wanted: Vec<Value> = (0..10)
        .map(|at| json!({ "callee": format!("+62811100{at}904{at}"), "numstatus": at, "prvdata": given[at] }))
        .collect();
    assert_eq!(found, wanted);
    receipts.sort_by_key(|(to, _)| to.to_string());
    assert_eq!(
        receipts,
        [(json!("+6281110009042"), json!("delivered")), (json!("+6281110009050"), json!("failed"))]
    );
    serving.end();
}

#[test]
fn nothing_is_sent_beyond_loopback() {
    if !is_there("python3") {
        return;
    }
    let serving = Serving::new();
    let token = serving.token();
    let outside = "http://192.0.2.1/";
    let text = json!({ "to": ["+6281110009042"], "message": "Halo", "from": "MOCK", "callbackUrl": outside });
    let (status, answer) = serving.post(&token, "/service/sms/message/v2/send", &text);
    assert_eq!((status, &answer["code"]), (200, &json!(0)), "{answer}");
    python("detection.py", &serving, &[outside], 12);
    serving.run_out();
    let (_, record) = serving.end();
    let queued: Vec<&Value> = record.iter().filter(|line| line["kind"] == "queued").collect();
    assert_eq!(queued.len(), 1 + 12);
    assert!(queued.iter().all(|line| line["url"] == outside), "{queued:?}");
    let tried: Vec<&Value> = record.iter().filter(|line| line["kind"] == "tried").collect();
    assert!(tried.len() >= queued.len());
    for line in tried {
        assert_eq!(line["error"], "not_allowed", "{line}");
        assert!(line["message"].as_str().unwrap().contains("192.0.2.1"), "{line}");
    }
    let failed = record.iter().filter(|line| line["kind"] == "dead" && line["error"] == "not_allowed");
    assert_eq!(failed.count(), queued.len());
}

/// Accounts that differ in how they want to be called.
const SEALED: &str = r#"
    [[accounts]]
    app_key = "accept"
    app_secret = "secret"
    encryption_key = "airudderredduria"
    encrypt_callbacks = true
    [[accounts]]
    app_key = "off"
    app_secret = "secret"
    encryption_key = "airudderredduria"
    encryption = "off"
    [[accounts]]
    app_key = "require"
    app_secret = "secret"
    encryption_key = "airudderredduria"
    encryption = "require"
    [[accounts]]
    app_key = "keyless"
    app_secret = "secret"
"#;

#[test]
fn encryption_goes_both_ways() {
    if !is_there("python3") {
        return;
    }
    let serving = Serving::with(SEALED, &[]);
    python("encryption.py", &serving, &[], 21);
    serving.end();
}

#[test]
fn callbacks_are_encrypted_where_the_account_says_so() {
    if !is_there("python3") {
        return;
    }
    let receiver = receiver();
    let serving = calling_back(&receiver, SEALED);
    let rows = json!([{ "Mobile": "+6281110009001" }, { "Mobile": "+6281110009005" }]);
    let task = |key: &str| {
        let fields = json!({ "APPKey": key, "APPSecret": "secret" });
        let (_, answer) = serving.post("", "/service/cloud/auth", &fields);
        let token = format!("Token {}", answer["data"]["token"].as_str().unwrap());
        serving.task(&token, "sent", &rows);
        serving.run_out();
    };
    task("keyless");
    let plain = receiver.requests();
    assert_eq!(plain.len(), 3);
    assert!(plain.iter().all(|request| request.exact_header("Is-Encrypted").is_none()));
    assert!(plain.iter().all(|request| request.json()["Status"] == "finished"));
    task("accept");
    let mut lines = String::new();
    for request in &receiver.requests()[3..] {
        assert_unsigned(request);
        assert_eq!(request.exact_header("Is-Encrypted"), Some("1"));
        let digest = request.exact_header("Signed").unwrap();
        writeln!(lines, "{digest} {}", String::from_utf8(request.body.clone()).unwrap()).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("callbacks.txt");
    fs::write(&path, lines).unwrap();
    python("sealed_callbacks.py", &serving, &[path.to_str().unwrap()], 5);
    serving.end();
}

#[test]
fn settings_may_refuse_bearer() {
    let works = |settings: &str, scheme: &str| {
        let serving = Serving::with(settings, &[]);
        let token = serving.token();
        let header = token.replace("Token", scheme);
        let (status, answer) = serving.get(&header, "/service/cloud/robot");
        serving.end();
        (status, answer["message"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(works("", "Bearer").0, 200);
    assert_eq!(works("[access]\nbearer = false\n", "Token").0, 200);
    let (status, message) = works("[access]\nbearer = false\n", "Bearer");
    assert_eq!(status, 401);
    assert!(message.contains("Bearer"), "{message}");
}

#[test]
fn curl_leads_the_same_life() {
    if !is_there("curl") {
        return;
    }
    let serving = Serving::new();
    let auth = "/service/cloud/auth";
    let (key, secret) = (format!("APPKey={APP_KEY}"), format!("APPSecret={APP_SECRET}"));
    let token = |args: &[&str]| {
        let (status, body) = curl(&serving, auth, args);
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        format!("Authorization: Token {}", answer["data"]["token"].as_str().unwrap())
    };
    // The `+` and `/` of a base64 secret would need care in a form; the ready account has none.
    token(&["-d", &key, "-d", &secret]);
    token(&["-F", &key, "-F", &secret]);
    let header = token(&["--json", &json!({ "APPKey": APP_KEY, "APPSecret": APP_SECRET }).to_string()]);
    assert_eq!(curl(&serving, auth, &["-d", &key, "-d", "APPSecret=wrong"]).0, 401);

    let json_of = |path: &str, args: &[&str]| -> Value {
        let (status, body) = curl(&serving, path, &[&["-H", &header], args].concat());
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, &answer["code"], &answer["status"]),
            (200, &json!(200), &json!("OK")),
            "{answer}"
        );
        answer["data"].clone()
    };
    let fields = json!({
        "TaskName": "curl",
        "Details": [{ "Mobile": "+6281110009001", "Comments": 1 }, { "Mobile": "+6281110009010", "Comments": "2" }],
    });
    let task =
        json_of("/service/cloud/task", &["-d", &fields.to_string()])["TaskID"].as_str().unwrap().to_owned();
    assert_eq!(json_of("/service/cloud/list?Number=10&Page=1", &[])["total"], 1);
    let detail =
        |task: &str| json_of("/service/cloud/detail", &["-G", "--data-urlencode", &format!("TaskID={task}")]);
    let states = |task: &str| -> Vec<String> {
        let rows = detail(task)["detail"].as_array().unwrap().clone();
        rows.iter().map(|row| row["Status"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(curl(&serving, "/_mock/clock", &["--json", r#"{"by": "1s"}"#]).0, 200);
    assert_eq!(states(&task), ["calling", "calling"]);
    assert_eq!(curl(&serving, "/_mock/clock", &["--json", r#"{"by": "8m"}"#]).0, 200);
    assert_eq!(states(&task), ["finished", "calling"]);
    json_of("/service/cloud/operation", &["-d", &format!("TaskID={task}"), "-d", "Action=Stop"]);
    assert_eq!(curl(&serving, "/_mock/clock", &["--json", r#"{"by": "1h"}"#]).0, 200);
    assert_eq!(detail(&task)["Status"], "cancelled");
    let query = format!("TaskID={task}");
    let case = ["-G", "-d", &query, "--data-urlencode", "Callee=+6281110009001"];
    let link = json_of("/service/cloud/case", &case)["link"].as_str().unwrap().to_owned();
    let path = link.strip_prefix(&serving.url()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("talk.wav");
    assert_eq!(curl(&serving, path, &["-o", file.to_str().unwrap()]).0, 200);
    let whole = fs::read(&file).unwrap();
    assert!(whole.starts_with(b"RIFF") && whole.len() > 16_000);
    // A download that broke off goes on where it was.
    fs::write(&file, &whole[..1000]).unwrap();
    assert_eq!(curl(&serving, path, &["-C", "-", "-o", file.to_str().unwrap()]).0, 206);
    assert_eq!(fs::read(&file).unwrap(), whole);
    assert_eq!(curl(&serving, "/_mock/clock", &["--json", r#"{"by": "25h"}"#]).0, 200);
    assert_eq!(curl(&serving, "/service/cloud/robot", &["-H", &header]).0, 401);
    serving.end();
}

#[test]
fn nobody_waits_at_full_speed() {
    let receiver = receiver();
    let serving = Serving::with("", &["--speed", "max", "--callback-url", &receiver.url()]);
    let token = serving.token();
    let rows: Vec<Value> = (0..20).map(|at| json!({ "Mobile": format!("+6281110{at:02}9004") })).collect();
    let fields = json!({ "TaskName": "t", "RepeatNumber": 3, "RepeatInterval": 60, "Details": rows });
    assert_eq!(serving.post(&token, "/service/cloud/task", &fields).0, 200);
    // Three attempts an hour apart, and the vendor's time flies over them.
    let sent = eventually("all is reported", || Some(receiver.requests()).filter(|sent| sent.len() >= 21));
    assert_eq!(sent.len(), 21);
    assert_eq!(sent[20].json()["NotConnected"], 20);
    assert_eq!(sent[0].json()["Attempts"], 3);
    assert_eq!(serving.get(&token, "/service/cloud/robot").0, 200, "the day of the token is not over");
    serving.end();
}

#[test]
fn nobody_waits_for_what_is_planned_behind_a_silence() {
    let receiver = receiver();
    let serving = Serving::with("", &["--speed", "max", "--callback-url", &receiver.url()]);
    let token = serving.token();
    let sent = |event: &'static str| {
        eventually(event, || {
            receiver.requests().iter().any(|sent| sent.json().to_string().contains(event)).then_some(())
        });
    };
    let to = json!({ "number": "+6281110000001", "mock_outcome": "wa_text" });
    let template = json!({ "template_id": 35, "to": to });
    assert_eq!(serving.post("", "/api/v1/template/send_single", &template).0, 200);
    sent("template.reply");
    eventually("nothing is under way", || (serving.state()["busy"] == false).then_some(()));
    // All that is due now is that the conversation may fall silent a day later, and nobody waits for that.
    let fields = json!({
        "TaskName": "t",
        "ScheduleStartTime": "2099-01-01 00:00:00",
        "Details": [{ "Mobile": "+6281110009001" }],
    });
    assert_eq!(serving.post(&token, "/service/cloud/task", &fields).0, 200);
    sent("\"TaskName\"");
    serving.end();
}

/// Idle connections make room when no descriptor is left for another one.
#[test]
#[cfg(unix)]
fn a_new_client_is_served_when_descriptors_have_run_out() {
    let serving = Serving::with_descriptors(64);
    let idle: Vec<_> = (0..150)
        .map(|_| {
            let stream = std::net::TcpStream::connect(serving.url().trim_start_matches("http://")).unwrap();
            std::io::Write::write_all(&mut &stream, b"GET /_mock/ready HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                .unwrap();
            stream
        })
        .collect();
    let begun = std::time::Instant::now();
    let (status, health) = serving.control("GET", "/_mock/ready", &Value::Null);
    assert_eq!(status, 200, "{health}");
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    drop(idle);
}

/// A variable without content must not leave the control surface open.
#[test]
fn an_empty_token_and_an_empty_secret_are_refused() {
    for args in [["serve", "--control-token", ""], ["serve", "--secret", ""]] {
        assert_code(&run(&args), 2);
    }
    let output = program().arg("serve").env("AIRUDDER_MOCK_CONTROL_TOKEN", "").output().unwrap();
    assert_code(&output, 2);
    assert!(stderr(&output).contains("the token is empty"), "{}", stderr(&output));
}

//! Where callbacks go, over real sockets: every notice on its own route, signed and delivered as that route says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use crate::serving::{APP_KEY, APP_SECRET, Serving};
use crate::support::{Receiver, Request, assert_code, independent_hmac, plain, run, stderr, stdout};

/// Eleven notices, each with the path of its own.
const NOTICES: [(&str, &str); 11] = [
    ("task.finished", "/tasks"),
    ("call.completed", "/calls"),
    ("plan.finished", "/plans"),
    ("template.result", "/templates"),
    ("session.transfer", "/transfers"),
    ("workflow.call_completed", "/flow/calls"),
    ("workflow.api_push", "/flow/push"),
    ("workflow.contact_completed", "/flow/contacts"),
    ("workflow.status_changed", "/flow/status"),
    ("workflow.waba_status", "/flow/waba"),
    ("workflow.session_ended", "/flow/chats"),
];

fn path(request: &Request) -> String {
    request.head.split(' ').nth(1).unwrap().to_owned()
}

/// Makes every one of the notices happen.
fn cause_all(serving: &Serving, token: &str) {
    let ok = |path: &str, fields: Value| {
        let (status, answer) = serving.post(token, path, &fields);
        assert_eq!(status, 200, "{path}: {answer}");
        answer["data"].clone()
    };
    serving.task(
        token,
        "a task",
        &json!([{ "Mobile": "+6281112349011", "LoanAmount": "1", "LoanDate": "2030-01-01" }]),
    );
    let strategies = serving.get(token, "/service/cloud/strategy").1["data"].clone();
    let strategy = strategies["list"][0]["StrategyID"].clone();
    ok(
        "/service/cloud/plan",
        json!({ "PlanName": "a plan", "StrategyID": strategy, "RobotID": "Welcome call", "Details": [{ "Mobile": "+6281112349011" }] }),
    );
    ok("/api/v1/template/send_single", json!({ "template_id": 36, "to": "+6281112349066" }));
    ok(
        "/service/cloud/workflow/createinstance",
        json!({
            "workflow_template_id": 1001, "name": "a flow", "end_time": "2199-01-01 00:00:00+08:00",
            "details": [
                { "callee": "+6281112345001", "case_id": "1", "variables": { "mock_outcome": "talked" } },
                { "callee": "+6281112345002", "case_id": "2", "variables": { "mock_outcome": "no_answer", "mock_whatsapp": "replied" } },
            ],
        }),
    );
}

#[test]
fn eleven_routes_get_each_notice_on_its_own() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let base = format!("http://{}", receiver.address);
    let mut settings = format!("secret = 'of all'\ncallback_url = '{base}/rest/{{event}}'\n");
    for (event, path) in NOTICES {
        settings += &format!("[[routes]]\nevent = '{event}'\nurl = '{base}{path}'\n");
    }
    // The push is set in the workflow's node; chats have a secret and a delivery of their own.
    settings += &format!(
        "[[routes]]\nevent = 'workflow.api_push'\nworkflow = 1001\nnode = 'push'\nurl = '{base}/node/{{event}}'\n"
    );
    settings += "[[routes]]\nfamily = 'chatbot'\nsecret = 'of chats'\ndelivery = { attempts = 1 }\n";
    let serving = Serving::with(&settings, &["--speed", "max"]);
    cause_all(&serving, &serving.token());
    serving.settle();
    let mut expected: BTreeMap<&str, &str> = NOTICES.into_iter().collect();
    expected.insert("workflow.api_push", "/node/workflow.api_push");
    let (_, record) = serving.end();
    let mut seen = BTreeSet::new();
    for line in record.iter().filter(|line| line["kind"] == "queued") {
        let (event, url) = (line["event"].as_str().unwrap(), line["url"].as_str().unwrap());
        let rest = format!("/rest/{event}");
        let path = expected.get(event).copied().unwrap_or(&rest);
        assert_eq!(url, format!("{base}{path}"), "{event}");
        seen.insert(event);
    }
    for (event, _) in NOTICES {
        assert!(seen.contains(event), "no {event} among {seen:?}");
    }
    // What was recorded is what came, signed by the secret of its route.
    let requests = receiver.requests();
    let paths: BTreeSet<String> = requests.iter().map(path).collect();
    assert!(expected.values().all(|path| paths.contains(*path)), "{paths:?}");
    for request in &requests {
        let wanted = match path(request).as_str() {
            "/flow/chats" => Some("of all"),
            "/templates" | "/transfers" => Some("of chats"),
            other if other.starts_with("/rest/") => continue,
            _ => None,
        };
        let wanted = wanted.map(|secret| independent_hmac(secret, &request.body));
        assert_eq!(request.exact_header("X-AIRudder-Sign"), wanted.as_deref(), "{}", request.head);
    }
}

#[test]
fn accounts_have_urls_and_secrets_of_their_own() {
    let receiver = Receiver::answering(vec![plain("500 Internal Server Error", "{}")]);
    let base = format!("http://{}", receiver.address);
    let settings = format!(
        "[[accounts]]\napp_key = '{APP_KEY}'\napp_secret = '{APP_SECRET}'\n\
         [[accounts]]\nname = 'second'\napp_key = 'second key'\napp_secret = 'second secret'\nsign_secret = 'of the second'\n\
         [[routes]]\naccount = 'second'\nurl = '{base}/second'\ndelivery = {{ attempts = 2, gaps = ['1s'] }}\n\
         [catalog.'call.completed']\nsigned = true\n"
    );
    let serving = Serving::with(&settings, &["--speed", "max"]);
    let fields = json!({ "APPKey": "second key", "APPSecret": "second secret" });
    let (_, answer) = serving.post("", "/service/cloud/auth", &fields);
    let second = format!("Token {}", answer["data"]["token"].as_str().unwrap());
    let rows = json!([{ "Mobile": "+6281112349011" }]);
    serving.task(&second, "of the second", &rows);
    serving.task(&serving.token(), "of the first", &rows);
    serving.settle();
    let requests = receiver.requests();
    // Two notices, and each was attempted twice; nobody gave a URL for those of the first account.
    assert_eq!(requests.len(), 4);
    for request in &requests {
        assert_eq!(path(request), "/second");
        assert_eq!(request.json()["TaskName"], "of the second");
        if let Some(sign) = request.exact_header("X-AIRudder-Sign") {
            assert_eq!(sign, independent_hmac("of the second", &request.body));
        }
    }
    assert!(requests.iter().any(|request| request.exact_header("X-AIRudder-Sign").is_some()));
    let (_, record) = serving.end();
    let notes: Vec<&str> = record
        .iter()
        .filter(|line| line["kind"] == "note")
        .filter_map(|line| line["text"].as_str())
        .collect();
    assert_eq!(notes.iter().filter(|note| note.contains("was not sent")).count(), 2, "{notes:?}");
}

#[test]
fn check_and_the_start_page_say_where_each_event_goes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    fs::write(
        &file,
        "callback_url = 'http://127.0.0.1:3000/hook'\n[[routes]]\nevent = 'workflow.*'\nurl = 'http://127.0.0.1:3000/{event}'\n\
         delivery = { attempts = 1 }\n[[routes]]\nevent = 'session.end'\nsecret = 'other'\n",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    for args in [&["check", "--routes", file][..], &["check", "--routes", "--config", file]] {
        let output = run(args);
        assert_code(&output, 0);
        let text = stdout(&output);
        let line = |event: &str| {
            text.lines().find(|line| line.starts_with(event)).unwrap_or_else(|| panic!("{text}"))
        };
        assert!(
            line("call.completed ")
                .ends_with("http://127.0.0.1:3000/hook  (not signed; 5 attempts, 1m apart)")
        );
        assert!(
            line("workflow.api_push ")
                .contains("http://127.0.0.1:3000/workflow.api_push  (not signed; 1 attempt)")
        );
        assert!(line("session.end ").contains("/hook  (signed by the secret in ") && !text.contains("other"));
    }
    let output = run(&["serve", "--config", file, "--listen", "127.0.0.1:0", "--allow-target", "x y"]);
    assert_code(&output, 2);
}

/// A route for a node is told of what such a node can cause.
#[test]
fn check_shows_of_a_node_what_comes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    fs::write(
        &file,
        "callback_url = 'http://127.0.0.1:3000/hook'\n[[routes]]\nworkflow = 1001\nnode = 'push'\nurl = 'http://127.0.0.1:3000/push'\n\
         [[routes]]\nworkflow = 1002\nurl = 'http://127.0.0.1:3000/1002'\n",
    )
    .unwrap();
    let output = run(&["check", "--routes", file.to_str().unwrap()]);
    assert_code(&output, 0);
    let text = stdout(&output);
    let of = |url: &str| -> BTreeSet<String> {
        let lines = text.lines().filter(|line| line.contains(&format!("  {url}  ")));
        lines.map(|line| line.split("  ").next().unwrap().to_owned()).collect()
    };
    let named = |events: &[&str], of: &str| -> BTreeSet<String> {
        events.iter().map(|event| format!("workflow.{event} ({of})")).collect()
    };
    assert_eq!(of("http://127.0.0.1:3000/push"), named(&["api_push"], "workflow 1001, node push"), "{text}");
    let events = ["call_completed", "contact_completed", "status_changed", "waba_status", "session_ended"];
    assert_eq!(of("http://127.0.0.1:3000/1002"), named(&events, "workflow 1002"), "{text}");
}

#[test]
fn a_host_nobody_allowed_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    fs::write(&file, "[[routes]]\nevent = 'call.completed'\nurl = 'http://hook.example/calls'\n").unwrap();
    let file = file.to_str().unwrap();
    let commands: [&[&str]; 4] = [
        &["check", file],
        &["serve", "--config", file, "--listen", "127.0.0.1:0"],
        &["emit", "session.end", "--config", file],
        &["run", "scenarios/first-transfer.toml", "--config", file, "--listen", "127.0.0.1:0"],
    ];
    for command in commands {
        let output = run(command);
        assert_code(&output, 2);
        let text = stderr(&output);
        assert!(text.contains("settings.toml:3:7") && text.contains("--allow-target hook.example"), "{text}");
    }
    assert_code(&run(&["check", file, "--allow-target", "hook.example"]), 0);
    // By its name alone: this one has no address that could be asked for.
    let output = run(&["serve", "--callback-url", "http://no.such.host.invalid/", "--listen", "127.0.0.1:0"]);
    assert_code(&output, 2);
    assert!(stderr(&output).contains("--allow-target no.such.host.invalid"), "{}", stderr(&output));
}

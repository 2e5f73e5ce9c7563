//! What the mock finds wrong with an integrator, and how strict it is about it.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::serving::{JSON, Serving};
use crate::support::{DEFAULT_SECRET, Receiver, assert_code, free_address, plain, post_signed, run, stdout};

/// What was found of a kind: the id, what of it, and how often.
fn found(state: &Value, kind: &str) -> Vec<(String, String, u64)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of_kind = state["found"].as_array().unwrap().iter().filter(|found| found["kind"] == kind);
    of_kind
        .map(|found| (text(&found["id"]), text(&found["what"]), found["count"].as_u64().unwrap()))
        .collect()
}

fn one(id: &str, what: &str, count: u64) -> (String, String, u64) {
    (id.to_owned(), what.to_owned(), count)
}

#[test]
fn what_nothing_reads_is_told_once_with_the_name_that_was_meant_and_counted() {
    let serving = Serving::new();
    let credentials = json!({ "appKey": "AIRudderMockKey0000001", "APPSecret": "AIRudderMockSecret0001" });
    let reply = serving.call("POST", "/service/cloud/auth", &[JSON], credentials.to_string().as_bytes());
    assert_eq!(reply.status, 400);
    let message = reply.json()["message"].to_string();
    assert!(message.contains("`appKey` came, did you mean `APPKey`?"), "{message}");
    let token = serving.token();
    for name in ["a", "b"] {
        let rows = json!([{ "Mobile": "+6281112345678", "mobile": "+6281112345678", "comments": "7", "Plan": "gold" }]);
        let fields =
            json!({ "TaskName": name, "RobotID": "Payment reminder", "RepeatNumbr": 2, "Details": rows });
        let (status, answer) = serving.post(&token, "/service/cloud/task", &fields);
        assert_eq!(status, 200, "{answer}");
    }
    assert_eq!(
        found(&serving.state(), "unread_field"),
        [
            one("auth.token", "appKey", 1),
            one("task.create", "RepeatNumbr", 2),
            one("task.create", "Details[].comments", 2),
        ]
    );
    let (_, record) = serving.end();
    let notes: Vec<&str> = record
        .iter()
        .filter(|line| line["kind"] == "note")
        .filter_map(|line| line["text"].as_str().filter(|text| text.contains("RepeatNumbr")))
        .collect();
    assert_eq!(notes, ["`RepeatNumbr` of `task.create` is read by nothing, did you mean `RepeatNumber`?"]);
}

#[test]
fn a_strict_mock_counts_notes_and_assumptions_as_errors_and_a_right_integrator_passes() {
    let task = |extra: Value| {
        let mut fields = json!({ "TaskName": "a", "RobotID": "Payment reminder", "SIPLine": "line",
            "RepeatNumber": 1, "RepeatInterval": 5, "Type": "normal", "Details": [{ "Mobile": "+6281112345678",
            "LoanAmount": 100, "LoanDate": "2029-12-01", "mock_outcome": "busy", "my_variable": 1 }] });
        fields.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        fields
    };
    let right = Serving::with("strict = 'strict'", &[]);
    let token = right.token();
    let (status, answer) = right.post(&token, "/service/cloud/task", &task(json!({})));
    assert_eq!(status, 200, "{answer}");
    let id = answer["data"]["TaskID"].as_str().unwrap();
    assert_eq!(right.get(&token, &format!("/service/cloud/detail?TaskID={id}")).0, 200);
    assert_eq!(right.state()["found"], json!([]));
    right.end();

    let wrong = Serving::with("strict = 'strict'", &[]);
    let token = wrong.token();
    assert_eq!(wrong.post(&token, "/service/cloud/task", &task(json!({ "Coment": 1 }))).0, 200);
    assert_eq!(wrong.post("", "/api/v1/session/list", &json!({})).0, 200);
    let state = wrong.state();
    assert_eq!(found(&state, "unread_field"), [one("task.create", "Coment", 1)]);
    assert_eq!(found(&state, "assumed"), [one("chatbot.sessions", "path and fields", 1)]);
    wrong.end_with(1);

    // What the user vouches for is no assumption, and each account is as strict as it says.
    let settings = "strict = 'strict'\nconfirmed = ['chatbot.*']\n[[accounts]]\nname = 'easy'\nstrict = 'lenient'\n\
                    app_key = 'AIRudderMockKey0000001'\napp_secret = 'AIRudderMockSecret0001'\n";
    let easy = Serving::with(settings, &[]);
    assert_eq!(easy.post(&easy.token(), "/service/cloud/task", &task(json!({ "Coment": 1 }))).0, 200);
    assert_eq!(easy.post("", "/api/v1/session/list", &json!({})).0, 200);
    let state = easy.state();
    assert!(found(&state, "assumed").is_empty(), "{state}");
    assert!(state["found"].as_array().unwrap().iter().all(|found| found["errors"] == 0), "{state}");
    easy.end();
}

/// Runs a story whose integrator answers every transfer, signed with this secret.
fn run_transfer(folder: &Path, secret: &'static str, head: &str, settings: &str) -> (Output, Value, String) {
    let mock = free_address();
    let receiver = Receiver::with(move |request| {
        let body = request.json();
        if body["event"] == "session.transfer" {
            let fields = json!({ "call_id": body["transfer"]["call_id"], "result": "accepted" });
            assert_eq!(post_signed(mock, "/api/v1/session/transfer_result", secret, &fields).0, 200);
        }
        plain("200 OK", "{}")
    });
    let steps = "[[steps]]\nsend = 'session.transfer'\n[[steps]]\nawait = 'chatbot.agent_transfer_result'\n";
    let [story, config, report, junit] =
        ["story.toml", "settings.toml", "report.json", "report.xml"].map(|name| folder.join(name));
    fs::write(&story, format!("name = 'Transfer'\n{head}\n{steps}")).unwrap();
    fs::write(&config, settings).unwrap();
    let listen = mock.to_string();
    let args = [
        story.to_str().unwrap(),
        "--config",
        config.to_str().unwrap(),
        "--listen",
        &listen,
        "--speed",
        "max",
    ];
    let reports = ["--report", report.to_str().unwrap(), "--junit", junit.to_str().unwrap()];
    let url = receiver.url();
    let output = run(&[&["run"], &args[..], &["--callback-url", &url], &reports[..]].concat());
    let report = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    (output, report, fs::read_to_string(junit).unwrap())
}

#[test]
fn a_wrong_secret_fails_the_story_unless_it_says_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let (output, report, junit) = run_transfer(folder.path(), "not the secret", "", "");
    assert_code(&output, 1);
    let text = stdout(&output);
    assert!(text.contains("X-AIRudder-Sign-Key a17d0de2a17d0de2a17d0de2a17d0de2"), "{text}");
    assert!(text.contains("found       1 wrongly signed request"), "{text}");
    assert_eq!(found(&report, "signature").len(), 1);
    assert!(report["stories"][0]["failures"][0]["message"].to_string().contains("not signed"), "{report}");
    assert!(junit.contains("<property name=\"found.signature\" value=\"1\"/>"), "{junit}");
    assert!(junit.contains("failures=\"1\"") && junit.contains("not signed as it should be"), "{junit}");

    for (secret, head, settings) in [
        (DEFAULT_SECRET, "", ""),
        ("not the secret", "allow = ['signature']", ""),
        ("not the secret", "", "strict = 'lenient'"),
        ("not the secret", "", "access = { chatbot_signature = 'off' }"),
    ] {
        let (output, report, _) = run_transfer(folder.path(), secret, head, settings);
        assert_code(&output, 0);
        assert_eq!(report["passed"], true);
    }
}

#[test]
fn a_strict_run_fails_for_assumptions_that_nobody_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    let strict = "strict = 'strict'\n";
    let (output, report, junit) = run_transfer(folder.path(), DEFAULT_SECRET, "", strict);
    assert_code(&output, 1);
    assert_eq!(found(&report, "assumed"), [one("chatbot.agent_transfer_result", "path and fields", 1)]);
    assert!(junit.contains("confirmed = ["), "{junit}");
    assert!(stdout(&output).contains("strict      strict"), "{}", stdout(&output));
    for more in [
        "confirmed = ['chatbot.agent_transfer_result']",
        "[catalog.'chatbot.agent_transfer_result']\nprovenance = 'client'",
    ] {
        let (output, ..) = run_transfer(folder.path(), DEFAULT_SECRET, "", &format!("{strict}{more}"));
        assert_code(&output, 0);
    }
}

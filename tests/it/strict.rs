//! What the mock finds wrong with an integrator, and how strict it is about it.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::serving::{JSON, Serving};
use crate::support::{
    DEFAULT_SECRET, Receiver, assert_code, free_address, plain, post, post_signed, run, stdout,
};

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
    let reply = serving.request("POST", "/service/cloud/auth", &[JSON], credentials.to_string().as_bytes());
    assert_eq!(reply.status, 400);
    let message = reply.json()["message"].to_string();
    assert!(message.contains("`appKey` differs only in letter case"), "{message}");
    let token = serving.token();
    let (_, answer) = serving.post(&token, "/service/cloud/task", &json!({ "TaskNme": "x" }));
    let message = answer["message"].to_string();
    assert!(message.contains("got `TaskNme`, did you mean `TaskName`?"), "{message}");
    for name in ["a", "b"] {
        let rows = json!([{ "Mobile": "+6281112345678", "mobile": "+6281112345678", "comments": "7", "Plan": "gold" }]);
        let fields =
            json!({ "TaskName": name, "RobotID": "Welcome call", "RepeatNumbr": 2, "Details": rows });
        let (status, answer) = serving.post(&token, "/service/cloud/task", &fields);
        assert_eq!(status, 200, "{answer}");
    }
    assert_eq!(
        found(&serving.state(), "unread_field"),
        [
            one("auth.token", "appKey", 1),
            one("task.create", "TaskNme", 1),
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
    let note = "`RepeatNumbr` of `task.create` is not used by the mock, did you mean `RepeatNumber`?";
    assert_eq!(notes, [note]);
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

#[test]
fn a_number_that_comes_as_a_text_in_json_is_found_and_in_a_form_it_is_not() {
    let rows = json!([{ "Mobile": "+6281112345678", "LoanAmount": 1, "LoanDate": "2029-12-01" }]);
    let fields = |name: &str| json!({ "TaskName": name, "RepeatNumber": "3", "Details": rows });
    let ask = |serving: &Serving, name: &str| {
        let token = serving.token();
        assert_eq!(serving.post(&token, "/service/cloud/task", &fields(name)).0, 200);
        let form =
            format!("TaskName={name}2&RepeatNumber=3&Details={}", rows.to_string().replace('+', "%2B"));
        let headers = [("Authorization", &*token), ("Content-Type", "application/x-www-form-urlencoded")];
        assert_eq!(serving.request("POST", "/service/cloud/task", &headers, form.as_bytes()).status, 200);
        serving.state()
    };
    let standard = Serving::new();
    let state = ask(&standard, "a");
    assert_eq!(found(&state, "wrong_type"), [one("task.create", "RepeatNumber", 1)]);
    assert!(state.to_string().contains("was sent as the text \\\"3\\\" in JSON: write 3"), "{state}");
    standard.end();
    let strict = Serving::with("strict = 'strict'", &[]);
    assert_eq!(found(&ask(&strict, "a"), "wrong_type"), [one("task.create", "RepeatNumber", 1)]);
    strict.end_with(1);
}

#[test]
fn a_number_without_its_plus_and_a_text_in_place_of_a_list_are_found_in_json_only() {
    let ask = |serving: &Serving| {
        let token = serving.token();
        let rows = json!([{ "Mobile": "+6281112349010", "LoanAmount": 1, "LoanDate": "2029-12-01" }]);
        let task = json!({ "TaskName": "t", "ScheduleStartTime": "2099-01-01 00:00:00", "Details": rows });
        let (_, created) = serving.post(&token, "/service/cloud/task", &task);
        let id = created["data"]["TaskID"].as_str().unwrap();
        let message = json!({ "to": "6281112349042", "message": "Hi", "from": "Shop" });
        let (_, sent) = serving.post(&token, "/service/sms/message/v2/send", &message);
        assert_eq!(sent["code"], 0, "{sent}");
        let form = "to=6281112349042&message=Hi&from=Shop";
        let headers = [("Authorization", &*token), ("Content-Type", "application/x-www-form-urlencoded")];
        let path = "/service/sms/message/v2/send";
        assert_eq!(serving.request("POST", path, &headers, form.as_bytes()).json()["code"], 0);
        let (status, _) =
            serving.get(&token, &format!("/service/cloud/case?TaskID={id}&Callee=6281112349010"));
        assert_eq!(status, 404, "nobody has talked yet");
        let call = json!({ "TaskID": id, "CalleeNumber": "6281112349010" });
        let (status, answer) = serving.post(&token, "/service/cloud/cancelphonecall", &call);
        assert_eq!(status, 200, "{answer}");
        serving.state()
    };
    let wanted =
        [one("sms.send", "to", 1), one("sms.send", "to[]", 1), one("task.cancel_call", "CalleeNumber", 1)];
    let standard = Serving::new();
    let state = ask(&standard);
    assert_eq!(found(&state, "wrong_type"), wanted);
    assert!(state.to_string().contains("write \\\"+6281112349010\\\""), "{state}");
    standard.end();
    let strict = Serving::with("strict = 'strict'\nconfirmed = ['*']", &[]);
    assert_eq!(found(&ask(&strict), "wrong_type"), wanted);
    strict.end_with(1);
}

#[test]
fn a_word_that_is_only_assumed_is_an_error_in_strict_unless_somebody_vouches_for_it() {
    let pause = |settings: &str| {
        let serving = Serving::with(settings, &[]);
        let token = serving.token();
        let fields = json!({ "TaskID": "0".repeat(32), "Action": "Pause" });
        assert_eq!(serving.post(&token, "/service/cloud/operation", &fields).0, 404);
        let assumed = found(&serving.state(), "assumed");
        if assumed.is_empty() {
            serving.end();
        } else {
            serving.end_with(1);
        }
        assumed
    };
    assert_eq!(pause("strict = 'strict'"), [one("task.stop", "Action Pause", 1)]);
    assert_eq!(pause("strict = 'standard'"), []);
    assert_eq!(pause("strict = 'strict'\nconfirmed = ['task.stop']"), []);
}

#[test]
fn what_the_user_has_renamed_is_no_assumption_and_is_meant_by_its_new_name() {
    let renamed = "strict = 'strict'\naccess = { chatbot_signature = 'off' }\n[catalog.'chatbot.messages'.request]\n\
                   channel_id = 'channel'\nsize = 'page_size'\n";
    let serving = Serving::with(renamed, &[]);
    let fields = json!({ "call_id": "none", "channel": "7", "user": { "id": "8" }, "sise": 20 });
    assert_eq!(serving.post("", "/api/v1/session/messages", &fields).0, 404);
    let state = serving.state();
    assert_eq!(found(&state, "unread_field"), [one("chatbot.messages", "sise", 1)]);
    assert_eq!(found(&state, "assumed"), [one("chatbot.messages", "user", 1)]);
    assert!(state.to_string().contains("did you mean `page_size`?"), "{state}");
    serving.end_with(1);
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
    assert!(junit.contains("failures=\"1\"") && junit.contains("is not signed correctly"), "{junit}");

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

/// Runs a story against a receiver that does this with each callback.
fn run_against(
    text: &str,
    settings: &str,
    react: impl Fn(std::net::SocketAddr, &Value) -> crate::support::Answer + Send + Sync + 'static,
) -> (Output, Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let mock = free_address();
    let receiver = Receiver::with(move |request| react(mock, &request.json()));
    let [story, config, report, junit] =
        ["story.toml", "settings.toml", "report.json", "report.xml"].map(|name| folder.path().join(name));
    fs::write(&story, text).unwrap();
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

/// The code and the message of a chatbot request.
fn ask(mock: std::net::SocketAddr, path: &str, fields: &Value) -> (u64, String) {
    let (_, answer) = post_signed(mock, path, DEFAULT_SECRET, fields);
    (answer["code"].as_u64().unwrap(), answer["message"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn transfers_are_a_protocol() {
    let text = "[[steps]]\nsend = 'message.receive'\n[[steps]]\nsend = 'session.transfer'\n\
                [[steps]]\nsend = 'agent.transfer'\n[[steps]]\npause = '1m'\n";
    let settings = "[chatbot]\ncodes = { not_asked = 4021 }";
    let (output, report, _) = run_against(text, settings, |mock, body| {
        let call_id = body["transfer"]["call_id"].as_str().or(body["call_id"].as_str()).unwrap_or_default();
        let result = |result: &str| {
            ask(mock, "/api/v1/session/transfer_result", &json!({ "call_id": call_id, "result": result }))
        };
        let say = || {
            let messages = json!([{ "type": "text", "text": "hello" }]);
            ask(mock, "/api/v1/message/send", &json!({ "call_id": call_id, "messages": messages }))
        };
        match body["event"].as_str().unwrap() {
            "message.receive" => assert_eq!(result("accepted").0, 4021),
            "session.transfer" => {
                let (code, message) = say();
                assert!(code == 409 && message.contains("not accepted yet"), "{code} {message}");
                assert_eq!(result("accepted").0, 200);
                assert_eq!(result("accepted").0, 409);
                assert_eq!(say().0, 200);
            }
            "agent.transfer" => {
                assert_eq!(result("refused").0, 200);
                let (code, message) = result("accepted");
                assert!(code == 409 && message.contains("already refused"), "{code} {message}");
                assert_eq!(ask(mock, "/api/v1/session/end", &json!({ "call_id": call_id })).0, 200);
            }
            "session.end" => {
                assert_eq!(say(), (400, "the conversation has ended".to_owned()));
                assert_eq!(result("accepted").0, 400);
            }
            _ => {}
        }
        plain("200 OK", "{}")
    });
    assert_code(&output, 0);
    // The code that the settings name is no HTTP status, and its request is refused all the same.
    assert_eq!(report["calls"]["refused"], 6, "{report}");
}

#[test]
fn an_opted_out_user_is_not_written_to_and_a_number_behaves_as_it_should() {
    let text = r#"
        name = "Opted out"
        [[steps]]
        send = "template.reply"
        body = { messages = [{ content = { type = "button", text = "stop" }, reply = { content = { type = "template", template = { type = "WhatsApp", content = { button = [{ type = "OPT_OUT", text = "stop" }] } } } } }] }
        [[steps]]
        send = "message.receive"
        conversation = "unregistered"
        body = { user = { id = "6281112349060" } }
        [[steps]]
        pause = "1m"
    "#;
    let statuses = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&statuses);
    let (output, report, junit) = run_against(text, "", move |mock, body| {
        let call_id = &body["call_id"];
        match body["event"].as_str().unwrap() {
            "template.reply" | "message.receive" => {
                let wrong = json!({ "call_id": call_id, "messages": [{ "type": "image" }] });
                let (code, message) = ask(mock, "/api/v1/message/send", &wrong);
                assert!(
                    code == 400 && message.starts_with("messages[0].media is missing"),
                    "{code} {message}"
                );
                let right = json!({ "call_id": call_id, "messages": [{ "type": "text", "text": "hello" }] });
                assert_eq!(ask(mock, "/api/v1/message/send", &right).0, 200);
            }
            "message.status" => {
                let error = body["error"]["code"].clone();
                seen.lock().unwrap().push((body["status"].clone(), error));
            }
            _ => {}
        }
        plain("200 OK", "{}")
    });
    assert_code(&output, 1);
    let mut statuses = statuses.lock().unwrap().clone();
    statuses.sort_by_key(|(_, code)| code.as_u64());
    assert_eq!(statuses, [(json!("failed"), json!(1001)), (json!("failed"), json!(1002))]);
    assert_eq!(found(&report, "opted_out").len(), 1, "{report}");
    assert!(
        report["stories"][0]["failures"][0]["message"].to_string().contains("opted out of messages"),
        "{report}"
    );
    assert!(junit.contains("found.opted_out"), "{junit}");
    assert!(stdout(&output).contains("1 message to a user who opted out"), "{}", stdout(&output));
}

#[test]
fn a_response_that_the_vendor_does_not_expect_is_noted_and_in_strict_not_delivered() {
    let text = "delivery = { attempts = 1 }\n[[steps]]\nsend = 'session.transfer'\n";
    for (settings, code) in [("", 0), ("strict = 'strict'", 1)] {
        let (output, report, _) = run_against(text, settings, |_, _| plain("204 No Content", ""));
        assert_code(&output, code);
        assert_eq!(found(&report, "response").len(), 1, "{report}");
        let delivered = if code == 0 { 1 } else { 0 };
        assert_eq!(report["callbacks"]["delivered"], delivered, "{report}");
        assert!(stdout(&output).contains("asks for 200 with a JSON object"), "{}", stdout(&output));
    }
    let (output, report, _) = run_against(text, "strict = 'strict'", |_, _| plain("200 OK", "{}"));
    assert_code(&output, 0);
    assert_eq!(report["found"], json!([]));
}

#[test]
fn tasks_name_what_there_is_and_rows_have_what_their_robot_needs() {
    let settings = "[calling]\nlines = { main = 5 }\nrobots = [{ name = 'Mine' }]";
    let serving = Serving::with(settings, &[]);
    let token = serving.token();
    let create = |robot: &str, line: &str, starts: &str| {
        let fields = json!({ "TaskName": format!("{robot}{line}{starts}"), "RobotID": robot, "SIPLine": line,
            "ScheduleStartTime": starts, "RepeatNumber": 0, "Details": [{ "Mobile": "+6281112349005" }] });
        serving.post(&token, "/service/cloud/task", &fields)
    };
    for (robot, line, wanted) in
        [("Mien", "main", "did you mean `Mine`?"), ("Mine", "mian", "did you mean `main`?")]
    {
        let (status, answer) = create(robot, line, "");
        assert!(status == 400 && answer["message"].to_string().contains(wanted), "{answer}");
    }
    let (status, answer) = create("Mine", "main", "2001-01-01 00:00:00");
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        answer["data"]["detail_error_list"][0]["reason"],
        "LoanAmount is missing: every row must have it, whatever its robot"
    );
    assert_eq!(found(&serving.state(), "past_schedule"), [one("task.create", "ScheduleStartTime", 1)]);
    serving.end();
}

#[test]
fn what_belongs_to_no_story_fails_the_run() {
    let text = "name = 'Two'\ncopies = 2\n[[steps]]\nsend = 'session.transfer'\n";
    let (output, report, junit) = run_against(text, "", |mock, _| {
        // It names no conversation, and is not signed.
        assert_eq!(post(mock, "/api/v1/session/list", &json!({})).0, 200);
        plain("200 OK", "{}")
    });
    assert_code(&output, 1);
    assert_eq!((&report["passed"], &report["stories"][0]["passed"]), (&json!(false), &json!(true)));
    assert_eq!(found(&report, "signature")[0].2, 2);
    assert!(
        junit.contains("tests=\"3\" failures=\"1\"") && junit.contains("requests outside of stories"),
        "{junit}"
    );
    let text = stdout(&output);
    assert!(text.contains("2 passed, 0 failed") && text.contains("2 wrongly signed requests"), "{text}");
}

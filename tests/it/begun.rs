//! Stories that begin in a mock that runs: started, watched, ended, put back with all the rest, and branched off.

use std::fs;

use serde_json::{Value, json};

use crate::serving::Serving;
use crate::support::{DEFAULT_SECRET, Receiver, assert_code, plain, post_signed, program, stdout};

const GREETS: &str = r#"
# Somebody asks for a person.
name = "Greets"

[vars]
company = "Indonesia"

[[steps]]
send = "session.transfer"
body = { transfer = { company = "{{ company }}" } }
expect = { status = 200 }
save = "transfer"

[[steps]]
await = "chatbot.agent_transfer_result"
where = { call_id = "{{ transfer.body.transfer.call_id }}" }
within = "1h"
"#;

fn ok() -> Receiver {
    Receiver::answering(vec![plain("200 OK", "{}")])
}

fn begin(serving: &Serving, fields: &Value) -> Value {
    let (status, begun) = serving.control("POST", "/_mock/stories", fields);
    assert_eq!(status, 201, "{begun}");
    begun["stories"][0].clone()
}

fn story(serving: &Serving, number: u64) -> Value {
    let (status, story) = serving.control("GET", &format!("/_mock/stories/{number}"), &Value::Null);
    assert_eq!(status, 200, "{story}");
    story
}

fn wait(serving: &Serving, fields: &Value) -> (u16, Value) {
    serving.control("POST", "/_mock/wait", fields)
}

/// The `call_id` of the latest transfer, once it is delivered.
fn transfer(serving: &Serving, base: &str) -> String {
    let path = format!("{base}/_mock/wait");
    let (status, met) = serving.control("POST", &path, &json!({ "callback": "session.transfer" }));
    assert_eq!(status, 200, "{met}");
    let body: Value = serde_json::from_str(met["entries"][0]["body"].as_str().unwrap()).unwrap();
    body["transfer"]["call_id"].as_str().unwrap().to_owned()
}

/// The customer takes a transfer.
fn accept(serving: &Serving, base: &str, call_id: &str) {
    let fields = json!({ "call_id": call_id, "result": "accepted", "seat_id": "s7" });
    let path = format!("{base}/api/v1/session/transfer_result");
    let (status, answer) = post_signed(serving.address, &path, DEFAULT_SECRET, &fields);
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn a_story_is_begun_watched_and_ended() {
    let receiver = ok();
    let serving = Serving::with("", &["--callback-url", &receiver.url()]);
    let (_, listed) = serving.control("GET", "/_mock/scenarios", &Value::Null);
    let all = listed["scenarios"].as_array().unwrap();
    let transfers = all.iter().find(|one| one["scenario"] == "agent-transfer").unwrap();
    assert!(transfers["given"] == false && transfers["steps"].as_u64() > Some(3), "{transfers}");

    let begun = begin(&serving, &json!({ "text": GREETS, "set": { "company": "Elsewhere" } }));
    assert_eq!((&begun["story"], &begun["name"]), (&json!(1), &json!("Greets")), "{begun}");
    let of_elsewhere =
        json!({ "callback": "session.transfer", "where": { "transfer": { "company": "Elsewhere" } } });
    assert_eq!(wait(&serving, &of_elsewhere).0, 200);
    let call_id = transfer(&serving, "");
    let at = story(&serving, 1);
    assert_eq!((&at["state"], &at["taken"], &at["steps"]), (&json!("running"), &json!(1), &json!(2)), "{at}");
    assert_eq!(at["at"][0]["step"], "await chatbot.agent_transfer_result", "{at}");
    let (status, not_yet) = wait(&serving, &json!({ "story": 1, "within": "0s" }));
    assert_eq!(status, 417, "{not_yet}");
    let why = not_yet["why"].as_str().unwrap();
    assert!(why.contains("is not over: 1 of 2 steps are done, at await"), "{why}");
    accept(&serving, "", &call_id);
    let (status, over) = wait(&serving, &json!({ "story": 1 }));
    assert_eq!((status, &over["story"]["state"]), (200, &json!("passed")), "{over}");

    // One that fails says why; one that is ended has neither passed nor failed.
    let wrong = GREETS.replace("status = 200", "status = 204");
    assert_eq!(begin(&serving, &json!({ "text": wrong }))["name"], "Greets (time 2)");
    let (status, failed) = wait(&serving, &json!({ "story": 2 }));
    assert_eq!(status, 417, "{failed}");
    let failure = &failed["story"]["failed"][0];
    assert_eq!(
        (&failed["story"]["state"], &failure["kind"]),
        (&json!("failed"), &json!("expectation")),
        "{failed}"
    );
    assert!(failure["place"].as_str().unwrap().starts_with("posted.toml:"), "{failed}");
    begin(&serving, &json!({ "text": GREETS }));
    let (status, stopped) = serving.control("DELETE", "/_mock/stories/3", &Value::Null);
    assert_eq!((status, &stopped["state"]), (200, &json!("stopped")), "{stopped}");
    assert_eq!(wait(&serving, &json!({ "story": 3 })).0, 417);
    let (_, all) = serving.control("GET", "/_mock/stories?limit=2", &Value::Null);
    assert_eq!((&all["total"], &all["stories"][0]["story"]), (&json!(3), &json!(3)), "{all}");
    // Ids are the mock's own: the same scenario once more has others.
    begin(&serving, &json!({ "scenario": "first-transfer" }));
    begin(&serving, &json!({ "scenario": "first-transfer" }));
    let (_, sent) = wait(&serving, &json!({ "callback": "session.transfer", "state": "queued", "times": 5 }));
    let bodies: std::collections::BTreeSet<&str> =
        sent["entries"].as_array().unwrap().iter().map(|entry| entry["body"].as_str().unwrap()).collect();
    assert_eq!(bodies.len(), 5, "{sent}");

    for (fields, status, says) in [
        (json!({ "scenario": "agent-transfr" }), 404, "did you mean `agent-transfer`?"),
        (json!({}), 400, "the scenario is missing"),
        (json!({ "scenario": "agent-transfer", "text": GREETS }), 400, "the scenario is missing"),
        (
            json!({ "scenario": "first-transfer", "set": { "nobody": 1 } }),
            400,
            "no story has a variable `nobody`",
        ),
        (json!({ "text": "[[steps]]\nsned = \"session.end\"\n" }), 400, "did you mean `send`?"),
    ] {
        let (was, answer) = serving.control("POST", "/_mock/stories", &fields);
        let message = answer["message"].as_str().unwrap();
        assert!(was == status && message.contains(says), "{fields}: {was} {message}");
    }
    for (method, says) in [("GET", "there are stories 1 to 5"), ("DELETE", "there is no story 9")] {
        let (status, answer) = serving.control(method, "/_mock/stories/9", &Value::Null);
        assert!(status == 404 && answer["message"].as_str().unwrap().contains(says), "{answer}");
    }
    let output = program().args(["ctl", "wait", "story=2", "--url", &serving.url()]).output().unwrap();
    assert_code(&output, 1);
    assert!(
        stdout(&output).contains("\"why\": \"story 2 (`Greets (time 2)`) failed at "),
        "{}",
        stdout(&output)
    );
    // A story has failed, as the exit code says.
    let (text, _) = serving.end_with(1);
    assert!(text.contains("stories 1 passed, 1 failed, 3 not finished"), "{text}");
}

#[test]
fn what_stories_have_come_to_is_put_back_as_well() {
    let receiver = ok();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.toml");
    fs::write(&file, GREETS.replace("Greets", "From a file")).unwrap();
    let file = file.to_str().unwrap();
    let serving = Serving::with("", &["--speed", "0", "--callback-url", &receiver.url(), "--offer", file]);
    begin(&serving, &json!({ "scenario": file }));
    let call_id = transfer(&serving, "");
    assert_eq!(serving.control("POST", "/_mock/snapshots", &json!({ "name": "asked" })).0, 201);
    for _ in 0..2 {
        assert_eq!(story(&serving, 1)["state"], "running");
        accept(&serving, "", &call_id);
        assert_eq!(wait(&serving, &json!({ "story": 1 })).0, 200);
        let (status, answer) = serving.control("POST", "/_mock/snapshots/asked/restore", &json!({}));
        assert_eq!(status, 200, "{answer}");
    }
    // A branch goes on by itself, with the same ids.
    let (status, branch) =
        serving.control("POST", "/_mock/branch", &json!({ "name": "b", "snapshot": "asked" }));
    assert_eq!(status, 201, "{branch}");
    assert_eq!(branch["app_key"], crate::serving::APP_KEY, "{branch}");
    accept(&serving, "/_ns/b", &call_id);
    let (_, in_branch) = serving.control("GET", "/_ns/b/_mock/stories/1", &Value::Null);
    assert_eq!((&in_branch["state"], &story(&serving, 1)["state"]), (&json!("passed"), &json!("running")));
    // One more, from the present of the branch.
    let (status, second) = serving.control("POST", "/_mock/branch", &json!({ "of": "b" }));
    assert_eq!(status, 201, "{second}");
    let path = format!("/_ns/{}/_mock/stories/1", second["name"].as_str().unwrap());
    assert_eq!(serving.control("GET", &path, &Value::Null).1["state"], "passed");
    for (fields, status) in [
        (json!({ "snapshot": "askd" }), 404),
        (json!({ "of": "nobody" }), 404),
        (json!({ "name": "b" }), 409),
    ] {
        let (was, answer) = serving.control("POST", "/_mock/branch", &fields);
        assert_eq!(was, status, "{fields}: {answer}");
    }
    assert_eq!(serving.control("POST", "/_ns/b/_mock/branch", &json!({})).0, 404);
    assert_eq!(serving.control("POST", "/_mock/reset", &json!({})).0, 200);
    assert_eq!(serving.control("GET", "/_mock/stories", &Value::Null).1["total"], 0);

    // So are those that run beside the mock from its start on.
    let serving = Serving::with("", &[file, "--speed", "0", "--callback-url", &receiver.url()]);
    let first = transfer(&serving, "");
    assert_eq!(serving.control("POST", "/_mock/snapshots", &json!({ "name": "asked" })).0, 201);
    accept(&serving, "", &first);
    assert_eq!(wait(&serving, &json!({ "story": 1 })).0, 200);
    serving.control("POST", "/_mock/snapshots/asked/restore", &json!({}));
    assert_eq!(story(&serving, 1)["state"], "running");
    serving.control("POST", "/_mock/reset", &json!({}));
    assert_eq!(transfer(&serving, ""), first);
    assert_eq!(story(&serving, 1)["taken"], 1);

    // And those of a mock whose process has ended.
    let data = folder.path().join("data");
    let args = ["--speed", "0", "--callback-url", &receiver.url()];
    let serving = Serving::keeping(&data, &args);
    begin(&serving, &json!({ "text": GREETS }));
    let call_id = transfer(&serving, "");
    serving.kill();
    let serving = Serving::keeping(&data, &args);
    assert_eq!(story(&serving, 1)["at"][0]["step"], "await chatbot.agent_transfer_result");
    accept(&serving, "", &call_id);
    assert_eq!(wait(&serving, &json!({ "story": 1 })).0, 200);
}

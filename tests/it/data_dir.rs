//! The state of a mock: kept in a folder beyond its process, put back, and taken elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::serving::{JSON, Serving, eventually};
use crate::support::{Receiver, assert_code, plain, run, stderr};

fn rows(count: usize) -> Value {
    (0..count).map(|n| json!({ "Mobile": format!("+6281112{n:02}9001") })).collect()
}

/// How often each callback came, by its event and body.
fn came(receiver: &Receiver) -> BTreeMap<String, usize> {
    let mut came = BTreeMap::new();
    for request in receiver.requests() {
        *came.entry(String::from_utf8_lossy(&request.body).into_owned()).or_default() += 1;
    }
    came
}

fn task_ids(serving: &Serving, token: &str) -> Vec<Value> {
    let (status, answer) = serving.get(token, "/service/cloud/list?Number=1000");
    assert_eq!(status, 200, "{answer}");
    answer["data"]["list"].as_array().unwrap().iter().map(|task| task["TaskID"].clone()).collect()
}

#[test]
fn what_was_answered_survives_the_end_of_the_process() {
    let receiver = Receiver::with(|_| plain("200 OK", "{}"));
    let data = tempfile::tempdir().unwrap();
    let start = || Serving::keeping(data.path(), &["--speed", "0", "--callback-url", &receiver.url()]);
    let first = Serving::keeping(
        data.path(),
        &[
            "--speed",
            "0",
            "--seed",
            "7",
            "--epoch",
            "2030-01-01T00:00:00Z",
            "--callback-url",
            &receiver.url(),
        ],
    );
    let token = first.token();
    let mut tasks = vec![json!(first.task(&token, "before", &rows(3)))];
    let chat = first.control("POST", "/_mock/chats", &json!({ "write": "hello" })).1;
    let talk = |serving: &Serving| {
        let say = json!({ "conversation": chat["conversation"], "write": "more" });
        serving.control("POST", "/_mock/user", &say)
    };
    first.skip("20s");
    first.kill();
    for life in 0..4 {
        let serving = start();
        // The token, the clock, the tasks and the chat are there; ids go on and never begin again.
        let now = serving.state()["now"].clone();
        assert_eq!(now, format!("2030-01-01T00:00:{}Z", 20 + life), "life {life}");
        tasks.push(json!(serving.task(&token, &format!("life {life}"), &rows(2))));
        let mut ids = task_ids(&serving, &token);
        let (listed, mut wanted) = (ids.len(), tasks.clone());
        let text = |id: &Value| id.to_string();
        ids.sort_by_key(text);
        ids.dedup();
        wanted.sort_by_key(text);
        assert_eq!((listed, &ids), (tasks.len(), &wanted), "life {life}");
        assert_eq!(talk(&serving).0, 200);
        serving.skip("1s");
        serving.kill();
    }
    let last = start();
    last.run_out();
    let state = last.state();
    assert_eq!(state["callbacks"]["delivered"], state["callbacks"]["queued"], "{state}");
    let finished = last.control("GET", "/_mock/journal?event=task.finished&kind=delivered", &Value::Null).1;
    assert_eq!(finished["entries"].as_array().unwrap().len(), tasks.len(), "{finished}");
    last.kill();
    // Time stood still at each end and nothing was under way, so that nothing came twice.
    let came = came(&receiver);
    assert!(came.len() > 20, "{}", came.len());
    assert!(came.values().all(|times| *times == 1), "{came:?}");
    assert_eq!(came.len(), usize::try_from(state["callbacks"]["queued"].as_u64().unwrap()).unwrap());
}

#[test]
fn an_attempt_under_way_at_the_end_is_made_once_more() {
    let data = tempfile::tempdir().unwrap();
    // It takes the request and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", silent.local_addr().unwrap());
    let serving = Serving::keeping(data.path(), &["--seed", "7", "--callback-url", &url]);
    assert_eq!(serving.control("POST", "/_mock/emit", &json!({ "event": "agent.transfer" })).0, 201);
    let (first, _) = silent.accept().unwrap();
    serving.kill();
    drop(first);
    drop(silent);
    let receiver = Receiver::with(|_| plain("200 OK", "{}"));
    let settings = ["--callback-url", &receiver.url()];
    let again = Serving::keeping(data.path(), &settings);
    // It goes where it went before: what was promised was promised to that receiver.
    let tried = eventually("it is tried again", || {
        let tried = again.control("GET", "/_mock/journal?kind=tried", &Value::Null).1;
        tried["entries"].as_array().filter(|entries| !entries.is_empty()).cloned()
    });
    assert_eq!(tried[0]["event"], "agent.transfer");
}

#[test]
fn a_folder_that_cannot_be_used_says_why() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().to_str().unwrap();
    let file = data.path().join("inputs.ndjson");
    let serve = |more: &[&str]| {
        run(&[&["serve", "--quiet", "--listen", "127.0.0.1:0", "--data-dir", path][..], more].concat())
    };
    for (more, says) in [
        (&["--watch"][..], "would lead to a different state"),
        (&["scenarios/first-transfer.toml"], "offer the file with --offer FILE"),
    ] {
        let refused = serve(more);
        assert_code(&refused, 2);
        assert!(stderr(&refused).contains(says), "{}", stderr(&refused));
    }
    let serving = Serving::keeping(data.path(), &["--seed", "7", "--speed", "0"]);
    let taken = serve(&[]);
    assert_code(&taken, 3);
    assert!(stderr(&taken).contains("another mock uses this folder"), "{}", stderr(&taken));
    serving.token();
    serving.kill();
    for (more, says) in [
        (["--seed", "8"], "was created with seed 7"),
        (["--epoch", "2031-01-01T00:00:00Z"], "continues from where it was"),
    ] {
        let refused = serve(&more);
        assert_code(&refused, 2);
        assert!(stderr(&refused).contains(says), "{}", stderr(&refused));
    }
    let whole = fs::read_to_string(&file).unwrap();
    // A line that was not written to its end is no loss: nobody was answered.
    fs::write(&file, format!("{whole}{{\"at\":\"2030")).unwrap();
    let serving = Serving::keeping(data.path(), &["--speed", "0"]);
    serving.kill();
    assert_eq!(fs::read_to_string(&file).unwrap(), whole);
    for (text, says) in [
        (whole.replace("\"request\"", "\"wish\""), "inputs.ndjson:2: it has none of `request`"),
        ("hello\n".to_owned(), "inputs.ndjson:1: this is not an inputs file of airudder-mock"),
        (whole.replace("\"format\":1", "\"format\":99"), "it has format 99"),
        (
            format!("{whole}{{\"at\":\"2030-01-01T00:00:00Z\",\"attempt\":9}}\n"),
            "now lead to a different state, from input 2 on",
        ),
    ] {
        fs::write(&file, text).unwrap();
        let refused = serve(&[]);
        assert_code(&refused, 3);
        assert!(stderr(&refused).contains(says), "{says}: {}", stderr(&refused));
    }
}

#[test]
fn a_full_disk_refuses_requests_until_there_is_room() {
    if !crate::serving::is_there("prlimit") {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let serving = Serving::with_file_limits(data.path(), &["--seed", "7", "--speed", "0"]);
    let limit = |size: &str| {
        let process = serving.process().to_string();
        assert!(
            Command::new("prlimit")
                .args(["--pid", &process, &format!("--fsize={size}:")])
                .status()
                .unwrap()
                .success()
        );
    };
    let token = serving.token();
    let length = fs::metadata(data.path().join("inputs.ndjson")).unwrap().len();
    // A part of the next line fits.
    limit(&(length + 100).to_string());
    let fields = json!({ "TaskName": "t", "RobotID": "Welcome call", "Details": rows(1) });
    let (status, answer) = serving.post(&token, "/service/cloud/task", &fields);
    assert!(answer.to_string().contains("can't be stored"), "{answer}");
    assert_eq!(status, 503);
    let (status, answer) = serving.control("POST", "/_mock/chats", &json!({}));
    assert_eq!((status, answer["message"].to_string().contains("can't be stored")), (503, true), "{answer}");
    assert_eq!(task_ids_or_none(&serving, &token), None, "what cannot be stored has no effect");
    let (status, health) = serving.control("GET", "/_mock/ready", &Value::Null);
    let why = health["message"].as_str().unwrap_or_default();
    assert_eq!((status, why.contains("data folder can't be written")), (503, true), "{health}");
    limit("unlimited");
    crate::serving::eventually("it accepts requests again", || {
        (serving.control("GET", "/_mock/ready", &Value::Null).0 == 200).then_some(())
    });
    let (_, journal) = serving.control("GET", "/_mock/journal?kind=note", &Value::Null);
    assert_eq!(journal.to_string().matches("the data folder can").count(), 2, "{journal}");
    serving.task(&token, "with room", &rows(1));
    serving.kill();
    let again = Serving::keeping(data.path(), &["--speed", "0"]);
    assert_eq!(task_ids(&again, &token).len(), 1);
}

/// The tasks, unless requests are refused.
fn task_ids_or_none(serving: &Serving, token: &str) -> Option<usize> {
    let (status, _) = serving.get(token, "/service/cloud/list?Number=1000");
    (status == 200).then(|| task_ids(serving, token).len())
}

#[test]
fn a_state_is_put_back_and_taken_elsewhere() {
    let receiver = Receiver::with(|_| plain("200 OK", "{}"));
    let url = receiver.url();
    let args = ["--speed", "0", "--seed", "7", "--callback-url", &url];
    let serving = Serving::with("", &args);
    let token = serving.token();
    let control = |method: &str, path: &str, fields: Value| serving.control(method, path, &fields);
    let (status, taken) = control("POST", "/_mock/snapshots", json!({ "name": "logged in" }));
    assert_eq!((status, &taken["at"]), (201, &json!("2030-01-01T00:00:00Z")), "{taken}");
    let first = serving.task(&token, "t", &rows(2));
    serving.run_out();
    let before = came(&receiver);
    assert!(before.keys().any(|body| body.contains(&first)));
    let (status, back) = control("POST", "/_mock/snapshots/logged%20in/restore", json!({}));
    assert_eq!((status, &back), (200, &taken));
    // What has happened since is as if it had not: the token is valid, the task is not there, the next has the same id.
    assert_eq!(serving.state()["now"], "2030-01-01T00:00:00Z");
    assert_eq!(task_ids(&serving, &token).len(), 0);
    assert_eq!(serving.task(&token, "t", &rows(2)), first);
    serving.run_out();
    assert!(came(&receiver).iter().all(|(body, times)| *times == 2 || !before.contains_key(body)));

    // Elsewhere, and the same again when it is exported there.
    let whole = serving.request("GET", "/_mock/export", &[], b"");
    assert_eq!(whole.status, 200);
    let other = Serving::with("", &["--speed", "0", "--seed", "99", "--callback-url", &url]);
    assert_eq!(other.get(&token, "/service/cloud/list?Number=1000").0, 401);
    let imported = other.request("POST", "/_mock/import", &[JSON], whole.text().as_bytes());
    assert_eq!(imported.status, 200, "{}", imported.text());
    assert_eq!(task_ids(&other, &token), [json!(first)]);
    assert_eq!(other.state()["now"], serving.state()["now"]);
    // The list of tasks above was given to it as well.
    let exported = other.request("GET", "/_mock/export", &[], b"").json();
    let mut wanted = whole.json();
    let asked = exported["inputs"].as_array().unwrap().last().unwrap().clone();
    wanted["inputs"].as_array_mut().unwrap().push(asked);
    assert_eq!(exported, wanted);
    let third = Serving::with("", &args);
    let text = whole.text();
    assert_eq!(third.request("POST", "/_mock/import", &[JSON], text.as_bytes()).status, 200);
    assert_eq!(third.request("GET", "/_mock/export", &[], b"").text(), text, "byte for byte");

    let (status, _) = control("POST", "/_mock/reset", json!({}));
    assert_eq!(status, 200);
    assert_eq!(serving.get(&token, "/service/cloud/list?Number=1000").0, 401, "tokens are gone");
    assert_eq!(serving.token(), token, "the same requests give the same ids");
    let listed = control("GET", "/_mock/snapshots", Value::Null).1;
    assert_eq!(listed["snapshots"], json!([taken]));
    for (method, path, fields, status, says) in [
        ("POST", "/_mock/snapshots/loged%20in/restore", json!({}), 404, "did you mean `logged in`?"),
        ("POST", "/_mock/snapshots", json!({ "name": "" }), 400, "name is missing"),
        (
            "POST",
            "/_mock/import",
            json!({ "airudder_mock": "9", "format": 9, "beginning": { "seed": "1" }, "inputs": [] }),
            400,
            "format is 9",
        ),
        (
            "POST",
            "/_mock/import",
            json!({ "airudder_mock": "9", "format": 1, "beginning": { "seed": "1" }, "inputs": [{ "at": "2030-01-01T00:00:00Z", "attempt": 3 }] }),
            409,
            "from input 1 on: the record's next attempt is of callback 3",
        ),
    ] {
        let (got, answer) = control(method, path, fields);
        assert_eq!(got, status, "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(says), "{answer}");
    }
    assert_eq!(control("DELETE", "/_mock/snapshots/logged%20in", Value::Null).0, 200);
    // A namespace has snapshots of its own.
    let made = control("POST", "/_mock/namespaces", json!({ "name": "own" })).1;
    assert_eq!(control("POST", "/_ns/own/_mock/snapshots", json!({ "name": "s" })).0, 201);
    assert_eq!(control("POST", "/_ns/own/_mock/snapshots/s/restore", json!({})).0, 200);
    let credentials = json!({ "APPKey": made["app_key"], "APPSecret": made["app_secret"] });
    assert_eq!(serving.post("", "/_ns/own/service/cloud/auth", &credentials).0, 200);
    assert_eq!(control("GET", "/_mock/snapshots", Value::Null).1["snapshots"], json!([]));
}

//! The page under `/_mock/`, what it is made from, and the trace of a run. What they look like in a browser is tested in
//! `tests/browser/`.

use serde_json::{Value, json};

use crate::serving::Serving;
use crate::support::{Receiver, assert_code, independent_hmac, plain, run, stderr};

#[test]
fn browsers_get_a_page_and_programs_a_list() {
    let serving = Serving::new();
    let html = [("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let page = serving.request("GET", "/_mock/?chat=1&q=x", &html, b"");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let script = serving.request("GET", "/_mock/assets/main.js", &[("Accept", "*/*")], b"");
    assert_eq!((script.status, script.header("content-type")), (200, Some("text/javascript; charset=utf-8")));
    assert_eq!(serving.request("GET", "/_mock/assets/other.js", &[], b"").status, 404);
    assert_eq!(serving.request("GET", "/_mock", &html, b"").header("location"), Some("_mock/"));
    assert!(serving.request("GET", "/_mock/", &[("Accept", "*/*")], b"").json()["calls"].is_array());
}

#[test]
fn signatures_are_taken_apart_and_objects_listed() {
    let receiver = Receiver::answering(vec![plain("401 Unauthorized", "{}")]);
    let serving = Serving::with("", &["--speed", "0", "--callback-url", &receiver.url()]);
    let ok = |method: &str, path: &str, fields: &Value| {
        let (status, answer) = serving.control(method, path, fields);
        assert!((200..300).contains(&status), "{path}: {answer}");
        answer
    };
    ok("POST", "/_mock/emit", &json!({ "event": "session.transfer" }));
    let wait = json!({ "callback": "session.transfer", "state": "tried", "within": "30s" });
    let seq = ok("POST", "/_mock/wait", &wait)["entries"][0]["seq"].clone();
    let sent = String::from_utf8(receiver.requests()[0].body.clone()).unwrap();
    let path = format!("/_mock/journal/{seq}/signature");
    let apart = ok("POST", &path, &json!({}));
    let right = independent_hmac("airudder-mock-secret", sent.as_bytes());
    assert_eq!(
        (&apart["right"], &apart["sent"], &apart["expected"]),
        (&json!(true), &json!(right), &json!(right))
    );
    assert_eq!(apart["parts"], json!([{ "part": "body", "bytes": sent.len() }]));
    let spaced = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&sent).unwrap()).unwrap();
    let other = independent_hmac("airudder-mock-secret", spaced.as_bytes());
    let explained = ok("POST", &path, &json!({ "computed": other }));
    assert_eq!(explained["fits"], false);
    let why = explained["why"]["message"].as_str().unwrap();
    assert!(why.contains("not over the bytes received"), "{why}");
    assert_eq!(ok("POST", &path, &json!({ "computed": right }))["fits"], true);
    let (status, refused) = serving.control("POST", "/_mock/journal/1/signature", &json!({}));
    assert_eq!(status, 400, "{refused}");

    let token = serving.token();
    let task = serving.task(
        &token,
        "seen",
        &json!([{ "Mobile": "+6281110009011" }, { "Mobile": "+6281110009005" }]),
    );
    serving.skip("10m");
    let objects = ok("GET", "/_mock/objects", &Value::Null);
    let seen = &objects["objects"][0];
    assert_eq!((&seen["kind"], &seen["id"], &seen["name"]), (&json!("task"), &json!(task), &json!("seen")));
    assert_eq!((&seen["total"], &seen["done"], &seen["status"]), (&json!(2), &json!(2), &json!("finished")));
    assert_eq!(objects["accounts"][0]["tokens"][0]["kind"], "cloud");
    for name in ["two", "three"] {
        serving.task(&token, name, &json!([{ "Mobile": "+6281110009011" }]));
    }
    // What is not listed is counted.
    let objects = ok("GET", "/_mock/objects?limit=2", &Value::Null);
    assert_eq!(objects["objects"].as_array().unwrap().len(), 2);
    let totals = json!({ "plan": 0, "task": 3, "dialer_task": 0, "workflow": 0, "campaign": 0 });
    assert_eq!(objects["totals"], totals);
    serving.skip("3s");
    let calls = ok("GET", "/_mock/calls?limit=1", &Value::Null);
    assert_eq!((calls["calls"].as_array().unwrap().len(), &calls["total"]), (1, &json!(2)));
    let entry = ok("GET", "/_mock/catalog/task.create", &Value::Null);
    let fields = entry["fields"]["endpoint"]["request"].as_array().unwrap();
    assert!(fields.iter().any(|field| field["path"] == "TaskName" && field["provenance"].is_string()));
    let (status, missing) = serving.control("GET", "/_mock/catalog/task.creat", &Value::Null);
    assert_eq!(status, 404);
    assert!(missing["message"].as_str().unwrap().contains("task.create"), "{missing}");
}

#[test]
fn a_failed_run_leaves_one_file_for_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace.html");
    let story = folder.path().join("story.toml");
    let traced = |expected: u16| {
        let step = format!("[[steps]]\nsend = \"session.end\"\nexpect = {{ status = {expected} }}\n");
        std::fs::write(&story, format!("name = \"Traced\"\n{step}")).unwrap();
        let to = [story.to_str().unwrap(), "--trace", file.to_str().unwrap()];
        run(&[&["run", to[0], to[1], to[2]][..], &["--trace-on-failure", "--speed", "max", "--seed", "7"]]
            .concat())
    };
    assert_code(&traced(200), 0);
    assert!(!file.exists(), "it has not failed");
    let nowhere = folder.path().join("nowhere/trace.html");
    let output = run(&["serve", "--listen", "127.0.0.1:0", "--trace", nowhere.to_str().unwrap()]);
    assert_code(&output, 3);
    assert!(stderr(&output).contains("trace.html can't be written"), "{}", stderr(&output));
    let failed = traced(418);
    assert_code(&failed, 1);
    assert!(stderr(&failed).contains("trace.html"), "{}", stderr(&failed));
    let text = std::fs::read_to_string(&file).unwrap();
    let (_, rest) = text.split_once("id=\"trace\">").unwrap();
    let data: Value = serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap();
    assert_eq!(data["passed"], false);
    let texts = |line: &Value| line.to_string().contains("418") && line.to_string().contains("story.toml:2");
    assert!(data["lines"].as_array().unwrap().iter().any(texts), "{}", data["lines"]);
}

#[test]
fn a_chat_says_what_its_person_can_do() {
    let serving = Serving::with("", &["--speed", "0"]);
    let begun = serving.control("POST", "/_mock/chats", &json!({ "name": "Ana", "write": "hello" })).1;
    let conversation = begun["conversation"].as_str().unwrap();
    let history = || serving.control("GET", &format!("/_mock/chats/{conversation}"), &Value::Null).1;
    serving.skip("1m");
    let before = history();
    let can = |chat: &Value| (chat["playable"].clone(), chat["opted_out"].clone());
    assert_eq!(can(&before), (json!(true), json!(false)));
    let asked = before["messages"].as_array().unwrap().last().unwrap();
    let option = asked["options"][0]["title"].clone();
    serving.control("POST", "/_mock/user", &json!({ "conversation": conversation, "choose": option }));
    let chosen = history()["messages"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&chosen["text"], &chosen["reply"]), (&option, &asked["text"]));
    serving.control("POST", "/_mock/user", &json!({ "conversation": conversation, "opt_out": true }));
    assert_eq!(can(&history()), (json!(true), json!(true)));
    serving.control("POST", "/_mock/chats", &json!({ "name": "Budi", "write": "hello" }));
    let chats = serving.control("GET", "/_mock/chats?limit=1", &Value::Null).1;
    assert_eq!((&chats["chats"][0]["name"], &chats["total"]), (&json!("Budi"), &json!(2)));
    let listed = serving.control("GET", "/_mock/chats", &Value::Null).1["chats"][1].clone();
    assert_eq!(listed["last_at"], history()["messages"].as_array().unwrap().last().unwrap()["at"]);
}

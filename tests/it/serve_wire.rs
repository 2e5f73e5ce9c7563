//! What clients in real use do to HTTP, byte by byte, and that the mock takes it.

use std::fmt::Write as _;
use std::fs;

use serde_json::{Value, json};

use crate::serving::{APP_KEY, APP_SECRET, JSON, Serving, curl, is_there, request};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn credentials() -> String {
    json!({ "APPKey": APP_KEY, "APPSecret": APP_SECRET }).to_string()
}

#[test]
fn json_is_json_whatever_it_is_called() {
    let serving = Serving::new();
    for headers in [
        &[FORM][..],
        &[],
        &[("Content-Type", "text/plain")],
        &[("Content-Type", "application/json; charset=utf-8")],
    ] {
        let reply = serving.request("POST", "/service/cloud/auth", headers, credentials().as_bytes());
        assert_eq!(reply.status, 200, "{headers:?}: {}", reply.text());
    }
    // The same for the body that matters most.
    let token = serving.token();
    let task =
        json!({ "TaskName": "50% + 1 = a&b", "Details": [{ "Mobile": "+6281110009001" }] }).to_string();
    let reply =
        serving.request("POST", "/service/cloud/task", &[("Authorization", &token), FORM], task.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    let (_, list) = serving.get(&token, "/service/cloud/list");
    assert_eq!(list["data"]["list"][0]["TaskName"], "50% + 1 = a&b");
    serving.end();
}

#[test]
fn a_form_may_carry_the_rows_of_a_task() {
    let serving = Serving::new();
    let token = serving.token();
    let body = "TaskName=form&Details=%5B%7B%22Mobile%22%3A%22%2B6281110009001%22%7D%5D";
    let reply =
        serving.request("POST", "/service/cloud/task", &[("Authorization", &token), FORM], body.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    serving.end();
}

#[test]
fn the_body_of_a_get_is_dropped_and_the_connection_lives() {
    let serving = Serving::new();
    let token = serving.token();
    let task = serving.task(&token, "asked for", &json!([{ "Mobile": "+6281110009001" }]));
    let path = format!("/service/cloud/detail?TaskID={task}");
    let repeated = format!(
        "--limit\r\nContent-Disposition: form-data; name=\"TaskID\"\r\n\r\n{task}\r\n--limit--\r\nGET /not/a/request HTTP/1.1\r\n\r\n"
    );
    let headers =
        [("Authorization", token.as_str()), ("Content-Type", "multipart/form-data; boundary=limit")];
    let mut wire = serving.wire();
    for _ in 0..3 {
        wire.send(&request("GET", &path, &headers, repeated.as_bytes()));
        let reply = wire.reply();
        assert_eq!((reply.status, &reply.json()["data"]["TaskID"]), (200, &json!(task)));
    }
    // A chunked body is framed in another way and dropped all the same.
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    wire.send(head.as_bytes());
    wire.send(b"5\r\nTaskI\r\n2\r\nD=\r\n0\r\n\r\n");
    assert_eq!(wire.reply().status, 200);
    serving.end();
}

/// Many rows, and with their filler 20 MB: more than any buffer on the way holds.
const ROWS: usize = 18_000;

fn large_task() -> String {
    let filler = "x".repeat(1_100);
    let mut body = String::with_capacity(21 << 20);
    body.push_str(r#"{"TaskName":"large","SIPLine":"wide","Details":["#);
    for at in 0..ROWS {
        let comma = if at > 0 { "," } else { "" };
        write!(
            body,
            r#"{comma}{{"Mobile":"+62811{at:05}0000","Comments":{at},"Debtor":"Ibu Sri {at}","Arrears":{}.5,"note":"{filler}"}}"#,
            at + 1
        )
        .unwrap();
    }
    body.push_str("]}");
    assert!(body.len() > 20_000_000, "{}", body.len());
    body
}

#[test]
fn large_tasks_wait_for_the_word_to_continue() {
    let serving = Serving::new();
    let token = serving.token();
    let body = large_task();
    let mut wire = serving.wire();
    let head = format!(
        "POST /service/cloud/task HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    wire.send(head.as_bytes());
    assert!(wire.head().starts_with("HTTP/1.1 100 Continue\r\n"));
    wire.send(body.as_bytes());
    let reply = wire.reply();
    let answer = reply.json();
    assert_eq!(reply.status, 200, "{answer}");
    assert!(answer["data"].get("detail_error_list").is_none(), "{answer}");
    let task = answer["data"]["TaskID"].as_str().unwrap();
    // The long answer comes over the same connection.
    let path = format!("/service/cloud/detail?TaskID={task}");
    wire.send(&request("GET", &path, &[("Authorization", &token)], b""));
    let reply = wire.reply();
    assert_eq!(reply.status, 200);
    let text = reply.text();
    assert_eq!(text.matches(r#""CalleeNumber":"+62811"#).count(), ROWS);
    assert!(text.contains(&format!(r#""Comments":{}"#, ROWS - 1)) && text.ends_with("}]}}"));
    serving.end();
}

#[test]
fn curl_sends_large_tasks_and_asks_before() {
    if !is_there("curl") {
        return;
    }
    let serving = Serving::new();
    let token = serving.token();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("task.json");
    fs::write(&file, large_task()).unwrap();
    let data = format!("@{}", file.display());
    let authorization = format!("Authorization: {token}");
    let args = ["-i", "-H", &authorization, "-H", "Expect: 100-continue", "--data-binary", &data];
    let (status, body) = curl(&serving, "/service/cloud/task", &args);
    assert_eq!(status, 200, "{body}");
    assert!(body.starts_with("HTTP/1.1 100 Continue"), "{body}");
    let (_, list) = serving.get(&token, "/service/cloud/list");
    assert_eq!(list["data"]["list"][0]["Total"], ROWS);
    serving.end();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let serving = Serving::new();
    let token = serving.token();
    let own = ("Authorization", token.as_str());
    let create =
        |name: &str| json!({ "TaskName": name, "Details": [{ "Mobile": "+6281110009001" }] }).to_string();
    let mut wire = serving.wire();
    let all = [
        // The first takes longest.
        request(
            "POST",
            "/service/cloud/task",
            &[own, JSON, ("X-Mock-Fault", "slow-100ms")],
            create("one").as_bytes(),
        ),
        request("GET", "/service/cloud/list", &[own], b""),
        request("GET", "/service/nowhere", &[own], b""),
        request("POST", "/service/cloud/task", &[own, JSON], create("one").as_bytes()),
        request("GET", "/service/cloud/list", &[own], b""),
    ];
    wire.send(&all.concat());
    let replies: Vec<(u16, Value)> =
        (0..all.len()).map(|_| wire.reply()).map(|reply| (reply.status, reply.json())).collect();
    let statuses: Vec<u16> = replies.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [200, 200, 404, 409, 200]);
    assert_eq!(replies[1].1["data"]["total"], 1);
    serving.end();
}

#[test]
fn who_has_said_everything_may_still_listen() {
    let serving = Serving::new();
    let token = serving.token();
    let mut wire = serving.wire();
    wire.send(&request("GET", "/service/cloud/robot", &[("Authorization", &token)], b""));
    wire.close_half();
    assert_eq!(wire.reply().status, 200);
    assert_eq!(wire.rest().unwrap(), b"");
    // A request that is cut off does no harm to anybody.
    let mut broken = serving.wire();
    broken
        .send(b"POST /service/cloud/task HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"Task");
    broken.close_half();
    assert!(broken.rest().unwrap().is_empty() || serving.state()["busy"] == false);
    assert_eq!(serving.get(&token, "/service/cloud/list").1["data"]["total"], 0);
    serving.end();
}

#[test]
fn a_plus_survives_in_a_query() {
    let serving = Serving::new();
    let token = serving.token();
    let task = serving.task(&token, "plus", &json!([{ "Mobile": "+6281110009001" }]));
    serving.skip("1h");
    for number in ["%2B6281110009001", "+6281110009001", "%20%2B6281110009001", "6281110009001"] {
        let (status, answer) =
            serving.get(&token, &format!("/service/cloud/case?TaskID={task}&Callee={number}"));
        assert_eq!(status, 200, "{number}: {answer}");
        assert_eq!(answer["data"]["CalleeNumber"], "+6281110009001", "{number}");
    }
    serving.end();
}

#[test]
fn errors_do_not_break_the_connection() {
    let serving = Serving::new();
    let token = serving.token();
    let own = ("Authorization", token.as_str());
    let mut wire = serving.wire();
    for (method, path, headers, body, status) in [
        ("POST", "/service/cloud/task", &[own, JSON][..], "this is no JSON", 400),
        ("POST", "/service/cloud/task", &[own, JSON], "{\"TaskName\": ", 400),
        ("POST", "/service/cloud/task", &[own, JSON], "\u{0}\u{1}", 400),
        ("POST", "/service/cloud/task", &[own, ("Content-Type", "application/xml")], "<task/>", 400),
        ("POST", "/service/cloud/task", &[JSON], "{}", 401),
        ("POST", "/nowhere", &[own], "anything", 404),
        ("DELETE", "/service/cloud/task", &[own], "anything", 405),
        ("GET", "/service/cloud/detail?TaskID=x", &[own], "", 404),
        ("GET", "/service/cloud/robot", &[own], "", 200),
    ] {
        wire.send(&request(method, path, headers, body.as_bytes()));
        let reply = wire.reply();
        assert_eq!(reply.status, status, "{method} {path} {body}: {}", reply.text());
        assert_eq!(reply.json()["code"], status, "{method} {path} {body}");
    }
    serving.end();
}

#[test]
fn head_has_the_length_and_nothing_else() {
    let serving = Serving::new();
    let token = serving.token();
    let own = [("Authorization", token.as_str())];
    let mut wire = serving.wire();
    wire.send(&request("HEAD", "/service/cloud/robot", &own, b""));
    let head = wire.reply_to_head();
    wire.send(&request("GET", "/service/cloud/robot", &own, b""));
    let get = wire.reply();
    assert_eq!((head.status, get.status), (200, 200));
    assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()));
    assert_eq!(head.header("content-type"), Some("application/json"));
    serving.end();
}

#[test]
fn unknown_paths_and_methods_are_told() {
    let serving = Serving::new();
    let reply = serving.request("POST", "/service/cloud/atuh", &[JSON], b"{}");
    assert_eq!((reply.status, &reply.json()["code"]), (404, &json!(404)));
    assert!(reply.text().contains("did you mean /service/cloud/auth?"), "{}", reply.text());
    let reply = serving.request("GET", "/service/cloud/auth", &[], b"");
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
    let reply = serving.request("POST", "/service/cloud/list", &[JSON], b"{}");
    assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD")));
    let reply = serving.request("GET", "/_mock/wait", &[], b"");
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
    let reply = serving.request("GET", "/_mock/nothing", &[], b"");
    assert_eq!(reply.status, 404);
    serving.end();
}

#[test]
fn curl_speaks_http2_at_once() {
    if !is_there("curl") {
        return;
    }
    let serving = Serving::new();
    let args = ["--http2-prior-knowledge", "-i", "-d", &credentials()];
    let (status, text) = curl(&serving, "/service/cloud/auth", &args);
    assert!(status == 200 && text.starts_with("HTTP/2 200"), "{text}");
    assert!(text.contains("\"token\":"), "{text}");
    let (status, text) = curl(&serving, "/service/cloud/robot", &["--http2-prior-knowledge", "-i"]);
    assert!(status == 401 && text.starts_with("HTTP/2 401"), "{text}");
    serving.end();
}

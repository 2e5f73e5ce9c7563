//! Conversations and campaigns through the real program, over real sockets.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{
    Receiver, Request, TIMEOUT, assert_code, free_address, independent_hmac, plain, post, post_with, program,
    run, scenario, stdout,
};

const SECRET: &str = "s3cret of the chats";
const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A mock that lasts as long as the test, its clock jumping, and the receiver of its callbacks.
struct Mock {
    child: Child,
    address: SocketAddr,
    receiver: Receiver,
    _folder: tempfile::TempDir,
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Mock {
    fn start(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("settings.toml");
        fs::write(&config, settings).unwrap();
        let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
        let address = free_address();
        let child = program()
            .args(["serve", "--speed", "max", "--quiet", "--epoch", "2030-01-01T00:00:00Z"])
            .args(["--config", config.to_str().unwrap(), "--secret", SECRET])
            .args(["--callback-url", &receiver.url(), "--listen", &address.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(started.elapsed() < TIMEOUT, "the mock does not listen");
            thread::yield_now();
        }
        Self { child, address, receiver, _folder: folder }
    }

    /// A signed request.
    fn request(&self, path: &str, body: &Value) -> (u16, Value) {
        let signature = independent_hmac(SECRET, body.to_string().as_bytes());
        let headers = format!("X-AIRudder-Sign-Key: {KEY}\r\nX-AIRudder-Sign: {signature}\r\n");
        post_with(self.address, path, &headers, body)
    }

    #[track_caller]
    fn ok(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.request(path, body);
        assert_eq!((status, &answer["code"]), (200, &json!(200)), "{path} {body}: {answer}");
        answer["data"].clone()
    }

    fn skip(&self, by: &str) {
        assert_eq!(post(self.address, "/_mock/clock", &json!({ "by": by })).0, 200);
    }

    /// Waits until this is so; the mock's time jumps meanwhile.
    #[track_caller]
    fn until<T>(&self, what: &str, mut is_so: impl FnMut(&Self) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = is_so(self) {
                return found;
            }
            assert!(started.elapsed() < TIMEOUT, "{what} does not come: {:?}", self.events());
            thread::yield_now();
        }
    }

    /// Waits for the n-th callback of an event of a conversation, from 1.
    #[track_caller]
    fn nth(&self, event: &str, call_id: &str, n: usize) -> Value {
        self.until(event, |mock| mock.of(event, call_id).into_iter().nth(n - 1))
    }

    fn bodies(&self) -> Vec<Value> {
        self.receiver.requests().iter().map(Request::json).collect()
    }

    fn events(&self) -> Vec<String> {
        self.bodies().iter().map(|body| body["event"].to_string()).collect()
    }

    fn of(&self, event: &str, call_id: &str) -> Vec<Value> {
        let is_it = |body: &Value| {
            body["event"] == event && (body["call_id"] == call_id || body["transfer"]["call_id"] == call_id)
        };
        self.bodies().into_iter().filter(is_it).collect()
    }

    /// Sends one template message to a number that behaves so, and waits for its reply.
    fn chat(&self, outcome: &str) -> String {
        let to = json!({ "number": "+6281112345678", "mock_outcome": outcome });
        let sent = self.ok("/api/v1/template/send_single", &json!({ "template_id": 35, "to": to }));
        let call_id = sent["call_id"].as_str().unwrap().to_owned();
        self.nth("template.reply", &call_id, 1);
        call_id
    }

    fn messages(&self, call_id: &str) -> Vec<Value> {
        let list = self.ok("/api/v1/session/messages", &json!({ "call_id": call_id, "size": 200 }));
        list.as_array().unwrap().clone()
    }
}

fn settings() -> String {
    format!(
        "[access]\nchatbot_signature = 'require'\n\
         [[accounts]]\napp_key = 'k'\napp_secret = 's'\nsign_key = '{KEY}'\n"
    )
}

fn say(call_id: &str, text: &str) -> Value {
    json!({ "call_id": call_id, "messages": [{ "type": "text", "text": text }] })
}

#[test]
fn a_transfer_is_accepted_and_ten_messages_go_each_way() {
    let mock = Mock::start(&settings());
    let call_id = mock.chat("wa_agent");
    mock.nth("session.transfer", &call_id, 1);
    let accepted = json!({ "call_id": call_id, "result": "accepted", "seat_id": "1001" });
    mock.ok("/api/v1/session/transfer_result", &accepted);
    for n in 1..=10 {
        let sent = mock.nth("agent.message", &call_id, n);
        assert_eq!((&sent["seat_id"], sent["messages"].as_array().unwrap().len()), (&json!("1001"), 1));
        let ids = json!({ "call_id": call_id, "msg_ids": [sent["messages"][0]["msg_id"]] });
        mock.ok("/api/v1/message/read", &ids);
        mock.ok("/api/v1/message/send", &say(&call_id, &format!("answer {n}")));
    }
    mock.nth("agent.message_status", &call_id, 30);
    mock.ok("/api/v1/session/end", &json!({ "call_id": call_id }));
    assert_eq!(mock.nth("session.end", &call_id, 1)["session_end_reason"], "seat");
    let report = mock.nth("session.report", &call_id, 1);
    let said = mock.messages(&call_id);
    let count = |sender: &str| said.iter().filter(|message| message["sender_type"] == sender).count();
    assert_eq!(count("seat"), 10);
    assert!(count("user") >= 11);
    assert_eq!(report["messages"].as_array().unwrap().len(), said.len());
    for request in mock.receiver.requests() {
        let signature = independent_hmac(SECRET, &request.body);
        assert_eq!(request.exact_header("X-AIRudder-Sign"), Some(signature.as_str()));
    }
}

#[test]
fn a_transfer_is_refused_and_the_bot_goes_on() {
    let mock = Mock::start(&settings());
    let call_id = mock.chat("wa_agent");
    mock.nth("session.transfer", &call_id, 1);
    mock.ok("/api/v1/session/transfer_result", &json!({ "call_id": call_id, "result": "refused" }));
    assert_eq!(mock.nth("session.report", &call_id, 1)["session_end_reason"], "robot");
    assert!(mock.of("agent.message", &call_id).is_empty());
    assert!(!mock.of("message.receive", &call_id).is_empty());
}

#[test]
fn a_user_says_no_more_and_the_window_closes() {
    let mock = Mock::start(&settings().replace("[access]", "[chatbot]\nwindow = '6h'\n[access]"));
    let call_id = mock.chat("wa_once");
    mock.skip("5h");
    mock.ok("/api/v1/message/send", &say(&call_id, "are you there?"));
    mock.nth("message.status", &call_id, 5);
    mock.skip("2h");
    let (status, refused) = mock.request("/api/v1/message/send", &say(&call_id, "hello?"));
    assert_eq!((status, &refused["code"]), (400, &json!(400)));
    assert!(refused["message"].as_str().unwrap().contains("the window is closed"), "{refused}");
    let template = json!({ "call_id": call_id, "template_id": 36 });
    mock.ok("/api/v1/template/send_single", &template);
    mock.until("template.result", |mock| {
        mock.bodies().into_iter().filter(|body| body["event"] == "template.result").nth(1)
    });
    // A day from the last word on.
    mock.skip("25h");
    mock.skip("25h");
    assert_eq!(mock.nth("session.end", &call_id, 1)["session_end_reason"], "timeout");
    mock.nth("session.report", &call_id, 1);
}

#[test]
fn requests_need_their_signature() {
    let mock = Mock::start(&settings());
    let (status, answer) = post(mock.address, "/api/v1/session/list", &json!({}));
    assert_eq!((status, &answer["code"]), (401, &json!(401)));
    assert!(answer["message"].as_str().unwrap().contains("X-AIRudder-Sign-Key is missing"), "{answer}");
    let wrong = format!("X-AIRudder-Sign-Key: {KEY}\r\nX-AIRudder-Sign: abc\r\n");
    let (status, answer) = post_with(mock.address, "/api/v1/session/list", &wrong, &json!({}));
    assert_eq!(status, 401, "{answer}");
    mock.ok("/api/v1/session/list", &json!({}));
    // By default such a request is served.
    let lenient = Mock::start("");
    assert_eq!(post(lenient.address, "/api/v1/session/list", &json!({})).0, 200);
}

/// The embedded integrator proves who it is, so that its stories run where proof is required.
#[test]
fn the_embedded_integrator_signs_its_requests() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("settings.toml");
    let secret = "sign_secret = 'another one'\n";
    fs::write(&config, format!("{}{secret}", settings())).unwrap();
    let story = scenario("agent-transfer.toml");
    let args = ["run", story.to_str().unwrap(), "--config", config.to_str().unwrap()];
    let output = run(&[&args[..], &["--speed", "max", "--listen", "127.0.0.1:0"]].concat());
    assert_code(&output, 0);
    assert!(!stdout(&output).contains(" 401 "), "{}", stdout(&output));
}

/// An HTTP exchange; head and body of the answer come back.
fn exchange(address: SocketAddr, head: &str, body: &[u8]) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let length = body.len();
    write!(stream, "{head}\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n")
        .unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    (String::from_utf8_lossy(&answer[..end]).into_owned(), answer[end + 4..].to_vec())
}

#[test]
fn an_uploaded_file_comes_back() {
    let mock = Mock::start("");
    let picture: Vec<u8> = (0..=255).collect();
    let mut body = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"bill 1.jpg\"\r\n\
        Content-Type: image/jpeg\r\n\r\n"
        .to_vec();
    body.extend(&picture);
    body.extend(b"\r\n--b--\r\n");
    for path in ["upload", "upload_map"] {
        let head =
            format!("POST /api/v1/media/{path} HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b");
        let (_, answer) = exchange(mock.address, &head, &body);
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let url = answer["data"]["url"].as_str().unwrap();
        let link = url.strip_prefix(&format!("http://{}", mock.address)).unwrap();
        let (head, back) = exchange(mock.address, &format!("GET {link} HTTP/1.1"), b"");
        assert!(
            head.starts_with("HTTP/1.1 200") && head.to_lowercase().contains("content-type: image/jpeg"),
            "{head}"
        );
        assert_eq!(back, picture);
        let (head, _) = exchange(mock.address, &format!("GET {link}x HTTP/1.1"), b"");
        assert!(head.starts_with("HTTP/1.1 404"), "{head}");
    }
}

#[test]
fn a_campaign_agrees_in_every_count() {
    let mock = Mock::start(&settings());
    // Ten numbers for each of the magic outcomes.
    let to: Vec<String> =
        (0..100).map(|at| format!("+62811{:02}{}", 10 + at / 10, 9_060 + at % 10)).collect();
    let sent = mock.ok("/api/v1/template/send", &json!({ "template_id": 35, "language": "id", "to": to }));
    assert_eq!((&sent["accepted"], &sent["error_list"]), (&json!(100), &json!([])));
    let task = sent["task_id"].as_str().unwrap().to_owned();
    let query = |page: usize| {
        let fields = json!({ "task_id": task, "size": 1_000, "page": page });
        mock.ok("/api/v1/template/result", &fields)
    };
    mock.until("the end of the campaign", |mock| {
        let result = query(2);
        let (status, state) = {
            let (head, body) = exchange(mock.address, "GET /_mock/state HTTP/1.1", b"");
            (head.starts_with("HTTP/1.1 200"), serde_json::from_slice::<Value>(&body).unwrap())
        };
        let is_over = status && state["busy"] == false && result["counts"]["pending"] == 0;
        is_over.then_some(())
    });
    let result = query(1);
    let expected = json!({ "pending": 0, "send": 10, "delivery": 10, "read": 60, "failed": 20 });
    assert_eq!((&result["counts"], &result["replied"]), (&expected, &json!(50)));
    let (mut last, mut opened) = (BTreeMap::new(), 0);
    for body in mock.bodies() {
        let user = body["user"]["id"].as_str().unwrap().to_owned();
        match body["event"].as_str().unwrap() {
            "template.result" => {
                assert_eq!(body["task_id"], json!(task));
                assert!(last.insert(user, (body["status"].clone(), body["msg_id"].clone())).is_none());
            }
            "message.status" => {
                let of = last.get_mut(&user).unwrap();
                assert_eq!(of.1, body["msg_id"]);
                of.0 = body["status"].clone();
            }
            "message.receive" => opened += 1,
            _ => {}
        }
    }
    assert!(opened >= 50, "{opened}");
    assert_eq!(last.len(), 100);
    for row in result["list"].as_array().unwrap() {
        let (status, msg_id) = &last[row["user"]["id"].as_str().unwrap()];
        assert_eq!((&row["status"], &row["msg_id"]), (status, msg_id));
    }
    let sessions = mock.ok("/api/v1/session/list", &json!({ "size": 200 }));
    assert_eq!(sessions["total"], 50);
    for row in result["list"].as_array().unwrap() {
        let list = mock.messages(row["call_id"].as_str().unwrap());
        let own = list.iter().find(|message| message["msg_id"] == row["msg_id"]);
        match row["status"].as_str().unwrap() {
            "failed" => assert_eq!(own, None),
            status => assert_eq!(own.unwrap()["status"], status),
        }
    }
}

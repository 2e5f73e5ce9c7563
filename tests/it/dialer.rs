//! The predictive dialer over real sockets: a token, a task, its notices at the receiver, the query, the recording.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{PATIENCE, Receiver, plain, post, post_with, program};

const PREFIX: &str = "/service/callcenter/call/predict";

/// The base64 of a text, as a client's library makes it.
fn base64(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let encode = |chunk: &[u8]| {
        let byte = |at: usize| chunk.get(at).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let letter = |at: usize| match at <= chunk.len() {
            true => char::from(LETTERS[(bits >> (18 - 6 * at) & 63) as usize]),
            false => '=',
        };
        (0..4).map(letter).collect::<String>()
    };
    text.as_bytes().chunks(3).map(encode).collect()
}

/// A mock that runs as long as this lives.
struct Mock {
    child: Child,
    address: SocketAddr,
    token: String,
}

impl Mock {
    fn start() -> Self {
        let mut child = program()
            .args(["serve", "--quiet", "--listen", "127.0.0.1:0", "--speed", "max"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().trim_start_matches("http://").parse().unwrap();
        Self { child, address, token: String::new() }
    }

    fn call(&self, path: &str, body: &Value) -> (u16, Value) {
        let header = format!("Authorization: Token {}\r\n", self.token);
        post_with(self.address, &format!("{PREFIX}{path}"), &header, body)
    }

    fn get(&self, path: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    }

    /// Waits until nothing is under way.
    fn settle(&self) {
        let started = Instant::now();
        while !String::from_utf8_lossy(&self.get("/_mock/state")).contains("\"busy\":false") {
            assert!(started.elapsed() < PATIENCE, "the mock does not come to rest");
            std::thread::yield_now();
        }
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A token by the urlencoded call that clients make.
fn authorize(mock: &Mock, key: &str) -> (u16, Value) {
    let body = format!("APPKey={key}&APPSecret=AIRudderMockSecret0001");
    let mut stream = TcpStream::connect(mock.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "POST {PREFIX}/auth HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        mock.address,
        body.len()
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

#[test]
fn a_task_from_its_token_to_its_recordings() {
    let mut mock = Mock::start();
    let receiver = Receiver::answering(vec![plain("200 OK", "{\"status\":\"success\"}")]);

    // Tokens of other families do not count here, nor this family's there.
    let credentials = json!({ "APPKey": "AIRudderMockKey0000001", "APPSecret": "AIRudderMockSecret0001" });
    let (_, cloud) = post(mock.address, "/service/cloud/auth", &credentials);
    mock.token = cloud["data"]["token"].as_str().unwrap().to_owned();
    let (status, refused) = mock.call("/querytasklist", &json!({}));
    assert_eq!((status, &refused["code"], &refused["status"]), (401, &json!(401), &json!("ERROR")));
    let (status, wrong) = authorize(&mock, "nobody");
    assert_eq!((status, &wrong["code"]), (200, &json!(10301)));
    let (status, answer) = authorize(&mock, "AIRudderMockKey0000001");
    assert_eq!((status, &answer["code"], &answer["message"]), (200, &json!(0), &json!("successfully")));
    mock.token = answer["body"]["token"].as_str().unwrap().to_owned();
    let header = format!("Authorization: Token {}\r\n", mock.token);
    let (status, _) = post_with(mock.address, "/service/cloud/task", &header, &json!({}));
    assert_eq!(status, 401);

    let contact = |last: u32, wish: &str| json!({ "PhoneNumber": format!("+62811123{last:04}"), "name": "Budi", "mock_outcome": wish });
    let task = json!({
        "taskName": "evening", "startTime": "", "groupName": "Customer care",
        "callback": base64(&receiver.url()),
        "customizeContacts": [
            contact(1, "talked"), contact(2, "no_answer"), contact(3, "agent_rejects"), contact(4, "voicemail"),
        ],
    });
    let (status, created) = mock.call("/createtask", &task);
    assert_eq!((status, &created["message"]), (200, &json!("successfully")), "{created}");
    let id = created["body"]["taskId"].as_str().unwrap();
    mock.settle();

    let notices: Vec<Value> = receiver.requests().iter().map(|request| request.json()).collect();
    assert!(receiver.requests().iter().all(|request| request.exact_header("X-AIRudder-Sign").is_none()));
    let states = |last: u32| -> Vec<String> {
        let number = format!("+62811123{last:04}");
        let of_call = notices.iter().filter(|notice| notice["body"]["phoneNumber"] == number.as_str());
        let state = |notice: &Value| match notice["type"].as_str() {
            Some("AgentStatus") => format!("A {}", notice["body"]["State"].as_str().unwrap()),
            _ => notice["body"]["state"].as_str().unwrap().to_owned(),
        };
        of_call.map(state).collect()
    };
    let answered = ["CALLING", "RINGING", "ANSWERED"];
    let agent = ["A CALLING", "A RINGING"];
    let end = ["HANGUP", "A HANGUP"];
    let talked = [&answered[..], &agent, &["A ANSWERED"], &end, &["A TALKRESULT"]].concat();
    assert_eq!(states(1), talked);
    assert_eq!(states(2), ["CALLING", "RINGING", "HANGUP"]);
    assert_eq!(states(3), [&answered[..], &agent, &end].concat());
    assert_eq!(states(4), ["CALLING", "RINGING", "ANSWERED", "HANGUP"]);
    let of_task: Vec<&Value> =
        notices.iter().filter(|n| n["type"] == "TaskStatus").map(|n| &n["body"]["state"]).collect();
    assert_eq!(of_task, ["Not Started", "Running", "Finished"]);

    let (_, detail) =
        mock.call("/querytaskdetail", &json!({ "taskId": id, "limit": 10, "orderBy": "calltime" }));
    assert_eq!(detail["body"]["total"], 4);
    let rows = detail["body"]["list"].as_array().unwrap();
    let row = |last: u32| {
        let number = format!("+62811123{last:04}");
        rows.iter().find(|row| row["phoneNumber"] == number.as_str()).unwrap()
    };
    for (last, reason, result) in [(2, 2, "NoAnswered"), (3, 13, "AgentReject"), (4, 16, "Voicemail")] {
        assert_eq!(
            (&row(last)["hangupReason"], &row(last)["callResultType"]),
            (&json!(reason), &json!(result))
        );
    }
    assert_eq!(row(1)["hangupReason"], 12);

    let (_, link) = mock.call("/case/recording", &json!({ "callid": row(1)["callid"] }));
    let link = link["body"]["link"].as_str().unwrap();
    assert_eq!(row(1)["reclink"], link);
    let answer = mock.get(link.split_once(&mock.address.to_string()).unwrap().1);
    let body = answer.windows(4).position(|four| four == b"RIFF").unwrap();
    let wav = &answer[body..];
    let number = |at: usize| u32::from_le_bytes(wav[at..at + 4].try_into().unwrap());
    let (bytes_per_second, data) = (number(28), number(40));
    assert_eq!(i64::from(data / bytes_per_second), row(1)["talkDuration"].as_i64().unwrap());
    let (_, refused) = mock.call("/case/recording", &json!({ "callid": row(2)["callid"] }));
    assert_eq!(refused["code"], 10612);
}

#[test]
fn tokens_run_out_after_a_day() {
    let mut mock = Mock::start();
    let (_, answer) = authorize(&mock, "AIRudderMockKey0000001");
    mock.token = answer["body"]["token"].as_str().unwrap().to_owned();
    assert_eq!(mock.call("/querytasklist", &json!({ "limit": 10 })).0, 200);
    post(mock.address, "/_mock/clock", &json!({ "by": "25h" }));
    let (status, refused) = mock.call("/querytasklist", &json!({ "limit": 10 }));
    assert_eq!((status, &refused["code"]), (401, &json!(401)));
}

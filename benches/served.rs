//! What a served request costs, in CPU of the whole server process, against a bare hyper server in the same run.
//!
//! `cargo bench --bench served` prints its method and its figures, `cargo bench --bench served -- chatbot` those of the
//! requests with that in their names. Linux only: CPU is read from `/proc`.

use std::convert::Infallible;
use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use sha2::Sha256;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Alternating rounds; the medians count.
const ROUNDS: usize = 7;
/// Calls of one round.
const CALLS: usize = 40_000;
/// Connections kept alive, each with one request at a time.
const CONNECTIONS: usize = 16;
/// Conversations in which messages are sent: so many that each has about 40 in the end, as one of people has.
const CONVERSATIONS: usize = 8_000;
/// The largest page of a list.
const PAGE: usize = 200;
/// Clock ticks of `/proc/PID/stat` in a second: fixed by Linux's interface to programs.
const TICKS: f64 = 100.0;
/// The secret of the signatures.
const SECRET: &str = "of the bench";
/// The default key of chatbot requests, as `serve` prints it.
const SIGN_KEY: &str = "a17d0de2a17d0de2a17d0de2a17d0de2";

fn main() -> Outcome<()> {
    // Cargo tells every bench that it is one.
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    match words.next() {
        Some(word) if word == "bare" => bare(words.next().unwrap_or_default()),
        only => measure(&only.unwrap_or_default()),
    }
}

/// A server whose address is known and whose process is ours.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(mut command: Command) -> Outcome<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or("no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().trim_start_matches("http://").parse()?;
        Ok(Self { child, address })
    }

    /// Seconds of CPU so far, user and system.
    fn cpu(&self) -> Outcome<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in parentheses may hold anything.
        let (_, rest) = stat.rsplit_once(')').ok_or("no stat")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / TICKS)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request that is measured.
struct Case {
    name: &'static str,
    /// The requests as they go out, one after the other and then again.
    requests: Arc<[String]>,
    /// The body of its answer.
    answer: String,
}

impl Case {
    /// Asks once, for the answer that every request is expected to be as long as.
    fn new(
        mock: &Server,
        name: &'static str,
        method: &str,
        path: &str,
        proof: &str,
        body: &str,
    ) -> Outcome<Self> {
        let (status, answer) = once(mock.address, method, path, proof, body)?;
        let answer = String::from_utf8(answer)?;
        if status != 200 {
            return Err(format!("{name}: status {status}, {answer}").into());
        }
        let requests = [request(mock.address, method, path, proof, body)].into();
        Ok(Self { name, requests, answer })
    }

    /// Microseconds of CPU of one request.
    fn cost(&self, server: &Server) -> Outcome<f64> {
        let before = server.cpu()?;
        load(server.address, &self.requests, self.answer.len())?;
        Ok((server.cpu()? - before) * 1e6 / CALLS as f64)
    }
}

/// A proof of an account's token.
fn token(token: &str) -> String {
    format!("Authorization: Token {token}\r\n")
}

/// The proof of a chatbot request: the key's name and the signature over the body.
fn signed(body: &str) -> Outcome<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    mac.update(body.as_bytes());
    let sign = hex::encode(mac.finalize().into_bytes());
    Ok(format!("X-AIRudder-Sign-Key: {SIGN_KEY}\r\nX-AIRudder-Sign: {sign}\r\n"))
}

/// A task, conversations and a workflow, all of them through, and the requests that ask for them.
fn cases(mock: &Server) -> Outcome<Vec<Case>> {
    let post = |path: &str, proof: &str, body: &str| once(mock.address, "POST", path, proof, body);
    let auth = r#"{"APPKey":"AIRudderMockKey0000001","APPSecret":"AIRudderMockSecret0001"}"#;
    let token = token(&field(&post("/service/cloud/auth", "", auth)?, "token")?);
    let rows: Vec<String> = ["9001", "9005", "9003"]
        .iter()
        .map(|last| format!(r#"{{"Mobile":"+62811123{last}","Debtor":"Budi Santoso","Comments":"{last}"}}"#))
        .collect();
    let create = format!(r#"{{"TaskName":"small","RobotID":"r","Details":[{}]}}"#, rows.join(","));
    let task = field(&post("/service/cloud/task", &token, &create)?, "TaskID")?;
    let create = r#"{"workflow_template_id":1003,"name":"small","end_time":"2199-01-01 00:00:00+08:00","details":[
        {"callee":"+628111239001","case_id":"1"},{"callee":"+628111239002","case_id":"2"},{"callee":"+628111239003","case_id":"3"}]}"#;
    let workflow = post("/service/cloud/workflow/createinstance", &token, create)?;
    let workflow = format!(r#"{{"workflow_id":"{}"}}"#, field(&workflow, "workflow_id")?);
    let mut calls = Vec::new();
    for last in ["9066", "9165", "9265"] {
        let body =
            format!(r#"{{"template_id":35,"to":{{"number":"+62811123{last}","mock_outcome":"wa_agent"}}}}"#);
        calls.push(field(&post("/api/v1/template/send_single", &signed(&body)?, &body)?, "call_id")?);
    }
    // All of it runs to its end, so that every round asks for the same.
    post("/_mock/clock", "", r#"{"by":"20h"}"#)?;
    let called = post("/service/cloud/workflow/tasklist", &token, &workflow)?;
    let called = format!(r#"{{"TaskID":"{}"}}"#, field(&called, "TaskID")?);
    let messages = format!(r#"{{"call_id":"{}","last_msg_id":"","size":20}}"#, calls[0]);
    let case =
        |name, method, path: &str, proof: &str, body: &str| Case::new(mock, name, method, path, proof, body);
    Ok(vec![
        case("task.detail, 3 numbers", "GET", &format!("/service/cloud/detail?TaskID={task}"), &token, "")?,
        case("workflow.list, 1 instance", "GET", "/service/cloud/workflow/instancelist", &token, "")?,
        case(
            "workflow.call_task_detail, 3 calls",
            "POST",
            "/service/cloud/workflow/taskdetail",
            &token,
            &called,
        )?,
        case("chatbot.sessions, 3", "POST", "/api/v1/session/list", &signed("{}")?, "{}")?,
        case("chatbot.messages", "POST", "/api/v1/session/messages", &signed(&messages)?, &messages)?,
    ])
}

/// The request that sends a message, in many conversations in turn. They are begun here: lists are measured before.
fn sending(mock: &Server) -> Outcome<Case> {
    let post = |path: &str, body: &str| once(mock.address, "POST", path, &signed(body)?, body);
    let to: Vec<String> = (0..CONVERSATIONS)
        .map(|number| format!(r#"{{"number":"+6281{number:08}","mock_outcome":"wa_agent"}}"#))
        .collect();
    post("/api/v1/template/send", &format!(r#"{{"template_id":35,"to":[{}]}}"#, to.join(",")))?;
    // By then all of them have asked for a person.
    post("/_mock/clock", r#"{"by":"1h","within":"5m"}"#)?;
    let mut calls: Vec<String> = Vec::new();
    while calls.len() < CONVERSATIONS {
        let last = calls.last().map_or("", String::as_str);
        let (_, page) =
            post("/api/v1/session/list", &format!(r#"{{"size":{PAGE},"last_call_id":"{last}"}}"#))?;
        let page = String::from_utf8(page)?;
        let found = page.split("\"call_id\":\"").skip(1).filter_map(|rest| rest.split('"').next());
        let before = calls.len();
        calls.extend(found.map(str::to_owned));
        if calls.len() == before {
            return Err(format!("{before} conversations of {CONVERSATIONS} have begun: {page}").into());
        }
    }
    for call in &calls {
        let accepted = format!(r#"{{"call_id":"{call}","result":"accepted","seat_id":"1"}}"#);
        post("/api/v1/session/transfer_result", &accepted)?;
    }
    let say = |call: &String| {
        format!(r#"{{"call_id":"{call}","messages":[{{"type":"text","text":"One moment, please."}}]}}"#)
    };
    let path = "/api/v1/message/send";
    let bodies: Vec<String> = calls.iter().map(say).collect();
    let case = Case::new(mock, "chatbot.send_message", "POST", path, &signed(&bodies[0])?, &bodies[0])?;
    let requests: Outcome<Vec<String>> =
        bodies.iter().map(|body| Ok(request(mock.address, "POST", path, &signed(body)?, body))).collect();
    Ok(Case { requests: requests?.into(), ..case })
}

/// Measures the requests with this in their names.
fn measure(only: &str) -> Outcome<()> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_airudder-mock"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--quiet", "--seed", "1", "--secret", SECRET]);
    let mock = Server::start(command)?;
    let cases = cases(&mock)?;
    println!("Method: small calls, those of the chatbot signed, the others with a token;");
    println!(
        "{CALLS} calls a round over {CONNECTIONS} kept-alive connections from another process, {ROUNDS} rounds,"
    );
    println!("alternating with a hyper server that answers the same bytes and does nothing else.");
    println!("Messages are sent in {CONVERSATIONS} conversations in turn.");
    println!("CPU is user and system of the whole server process, from /proc: medians, and the range.\n");
    println!("| call | answer | airudder-mock | bare hyper | ratio |");
    println!("| --- | --- | --- | --- | --- |");
    for case in cases.into_iter().map(Ok).chain(std::iter::once_with(|| sending(&mock))) {
        let case = case?;
        if !case.name.contains(only) {
            continue;
        }
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bare", &case.answer]);
        let bare = Server::start(command)?;
        let mut costs = [Vec::new(), Vec::new()];
        for round in 0..=ROUNDS {
            for (server, costs) in [&mock, &bare].into_iter().zip(&mut costs) {
                let cost = case.cost(server)?;
                // The first round warms up.
                if round > 0 {
                    costs.push(cost);
                }
            }
        }
        let [(mock, least, most), (bare, ..)] = costs.map(median);
        println!(
            "| {} | {} bytes | {mock:.1} us ({least:.1} to {most:.1}) | {bare:.1} us | {:.2} |",
            case.name,
            case.answer.len(),
            mock / bare
        );
    }
    Ok(())
}

/// The median, the least and the most.
fn median(mut costs: Vec<f64>) -> (f64, f64, f64) {
    costs.sort_by(f64::total_cmp);
    (costs[costs.len() / 2], costs[0], costs[costs.len() - 1])
}

/// The text of a field, without a JSON parser.
fn field((_, body): &(u16, Vec<u8>), name: &str) -> Outcome<String> {
    let text = std::str::from_utf8(body)?;
    let (_, rest) =
        text.split_once(&format!("\"{name}\":\"")).ok_or_else(|| format!("no {name} in {text}"))?;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}

fn head(address: SocketAddr, method: &str, path: &str, proof: &str, length: usize) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{proof}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

fn request(address: SocketAddr, method: &str, path: &str, proof: &str, body: &str) -> String {
    format!("{}{body}", head(address, method, path, proof, body.len()))
}

fn once(address: SocketAddr, method: &str, path: &str, proof: &str, body: &str) -> Outcome<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request(address, method, path, proof, body).as_bytes())?;
    answer(&mut BufReader::new(stream))
}

/// Reads an answer with a known length.
fn answer(reader: &mut BufReader<TcpStream>) -> Outcome<(u16, Vec<u8>)> {
    let (mut status, mut length) = (0, 0);
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err("the server closed the connection".into());
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
            status = rest[..3].parse()?;
        }
        if let Some(rest) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = rest.parse()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((status, body))
}

/// All requests of one round.
fn load(address: SocketAddr, requests: &Arc<[String]>, length: usize) -> Outcome<()> {
    let work = |first: usize| {
        let requests = Arc::clone(requests);
        thread::spawn(move || -> Outcome<()> {
            let mut stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            let mut reader = BufReader::new(stream.try_clone()?);
            for number in 0..CALLS / CONNECTIONS {
                let request = &requests[(number * CONNECTIONS + first) % requests.len()];
                stream.write_all(request.as_bytes())?;
                let (status, body) = answer(&mut reader)?;
                if (status, body.len()) != (200, length) {
                    return Err(format!("status {status}, {} bytes", body.len()).into());
                }
            }
            Ok(())
        })
    };
    let workers: Vec<_> = (0..CONNECTIONS).map(work).collect();
    for worker in workers {
        worker.join().map_err(|_| "a worker panicked")??;
    }
    Ok(())
}

/// The peer: hyper on one thread, as the mock is, that reads the request and answers always the same.
fn bare(body: String) -> Outcome<()> {
    let body = Bytes::from(body);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let body = body.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let body = body.clone();
                    async move {
                        let _ = request.into_body().collect().await;
                        let mut response = Response::new(Full::new(body));
                        let json = hyper::header::HeaderValue::from_static("application/json");
                        response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
                        Ok::<_, Infallible>(response)
                    }
                });
                let mut http = http1::Builder::new();
                let _ = http.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}

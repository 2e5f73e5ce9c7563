//! What a served call costs, in CPU of the whole server process, against a bare hyper server in the same run.
//!
//! `cargo bench --bench served` prints its method and its figures. Linux only: CPU is read from `/proc`.

use std::convert::Infallible;
use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Alternating rounds; the medians count.
const ROUNDS: usize = 7;
/// Calls of one round.
const CALLS: usize = 60_000;
/// Connections kept alive, each with one call at a time.
const CONNECTIONS: usize = 16;
/// Clock ticks of `/proc/PID/stat` in a second: fixed by Linux's interface to programs.
const TICKS: f64 = 100.0;

fn main() -> Outcome<()> {
    match std::env::args().nth(1).as_deref() {
        Some("bare") => bare(std::env::args().nth(2).unwrap_or_default()),
        _ => measure(),
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

fn measure() -> Outcome<()> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_airudder-mock"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--quiet"]);
    let mock = Server::start(command)?;
    let auth = r#"{"APPKey":"AIRudderMockKey0000001","APPSecret":"AIRudderMockSecret0001"}"#;
    let token = field(&once(mock.address, "POST", "/service/cloud/auth", None, auth)?, "token")?;
    let rows: Vec<String> = ["9001", "9005", "9003"]
        .iter()
        .map(|last| format!(r#"{{"Mobile":"+62811123{last}","Debtor":"Budi Santoso","Comments":"{last}"}}"#))
        .collect();
    let create = format!(r#"{{"TaskName":"small","RobotID":"r","Details":[{}]}}"#, rows.join(","));
    let task = field(&once(mock.address, "POST", "/service/cloud/task", Some(&token), &create)?, "TaskID")?;
    // The task runs to its end, so that every round asks for the same.
    once(mock.address, "POST", "/_mock/clock", None, r#"{"by":"1h"}"#)?;
    let path = format!("/service/cloud/detail?TaskID={task}");
    let (_, body) = once(mock.address, "GET", &path, Some(&token), "")?;

    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bare", std::str::from_utf8(&body)?]);
    let bare = Server::start(command)?;

    println!(
        "Method: GET task.detail of a task of 3 numbers ({} bytes of answer, with a token),",
        body.len()
    );
    println!(
        "{CALLS} calls a round over {CONNECTIONS} kept-alive connections from another process, {ROUNDS} rounds,"
    );
    println!("alternating with a hyper server that answers the same bytes and does nothing else.");
    println!("CPU is user and system of the whole server process, from /proc.\n");
    let mut costs = [Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        for (server, costs) in [&mock, &bare].into_iter().zip(&mut costs) {
            let before = server.cpu()?;
            load(server.address, &path, &token, body.len())?;
            let cost = (server.cpu()? - before) * 1e6 / CALLS as f64;
            // The first round warms up.
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    let [mock, bare] = costs.map(median);
    println!("airudder-mock  {mock:.1} us of CPU per call");
    println!("bare hyper     {bare:.1} us");
    println!("ratio          {:.2}", mock / bare);
    Ok(())
}

fn median(mut costs: Vec<f64>) -> f64 {
    costs.sort_by(f64::total_cmp);
    costs[costs.len() / 2]
}

/// The text of a field, without a JSON parser.
fn field((_, body): &(u16, Vec<u8>), name: &str) -> Outcome<String> {
    let text = std::str::from_utf8(body)?;
    let (_, rest) =
        text.split_once(&format!("\"{name}\":\"")).ok_or_else(|| format!("no {name} in {text}"))?;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}

fn head(address: SocketAddr, method: &str, path: &str, token: Option<&str>, length: usize) -> String {
    let token = token.map(|token| format!("Authorization: Token {token}\r\n")).unwrap_or_default();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{token}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

fn once(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> Outcome<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(format!("{}{body}", head(address, method, path, token, body.len())).as_bytes())?;
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

/// All calls of one round.
fn load(address: SocketAddr, path: &str, token: &str, length: usize) -> Outcome<()> {
    let request = head(address, "GET", path, Some(token), 0);
    let work = |_| {
        let request = request.clone();
        thread::spawn(move || -> Outcome<()> {
            let mut stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            let mut reader = BufReader::new(stream.try_clone()?);
            for _ in 0..CALLS / CONNECTIONS {
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

//! What an event of `load` costs, in CPU of the whole sending process, against `wrk` and `oha` in the same run; and
//! whether a long run is true to its plan.
//!
//! `cargo bench --bench load` prints its method and its figures; `-- verify [EVENTS]` has an independent receiver check
//! every signature and id, over both protocols; `-- stories` measures simulated stories; `-- pacing` measures rates and
//! memory. Linux only. `wrk` is in most distributions, `oha` on
//! the Rust package registry; what is missing is left out.

use std::cell::RefCell;
use std::collections::HashSet;
use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use ring::hmac;
use serde_json::Value;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Alternating rounds; the medians count.
const ROUNDS: usize = 7;
/// How long a program sends in a round.
const SECONDS: u64 = 4;
/// Connections kept alive, each with one event at a time.
const CONNECTIONS: usize = 32;
/// Events in flight over the one connection of HTTP/2.
const STREAMS: usize = 256;
const SECRET: &str = "secret-of-the-bench";
const PROGRAM: &str = env!("CARGO_BIN_EXE_airudder-mock");
const STORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/load-transfer.toml");

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["receiver"] => receiver(false),
        ["receiver", "verify"] => receiver(true),
        ["integrator", mock] => integrator(mock.parse()?),
        ["verify"] => verify(1_000_000),
        ["verify", events] => verify(events.parse()?),
        ["stories"] => stories(),
        ["pacing"] => pacing(),
        [] => compare(),
        other => Err(format!("{other:?}: nothing, `verify [EVENTS]`, `stories` or `pacing`").into()),
    }
}

/// A program pinned to a core, where the machine has two and can pin.
fn pinned(core: usize, program: &str) -> Command {
    let can = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) && exists("taskset");
    if !can {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string(), program]);
    command
}

fn exists(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// CPU of all children that have ended, user and system.
fn cpu_of_children() -> Outcome<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let time = |value: TimeVal| {
        Duration::from_micros(u64::try_from(value.tv_sec() * 1_000_000 + value.tv_usec()).unwrap_or(0))
    };
    Ok(time(usage.user_time()) + time(usage.system_time()))
}

/// A receiver in a process of its own, on the second core.
struct Receiver {
    child: Child,
    address: SocketAddr,
}

impl Receiver {
    fn start(args: &[&str]) -> Outcome<Self> {
        Self::begin(&[&["receiver"], args].concat())
    }

    /// This program once more, in another part.
    fn begin(args: &[&str]) -> Outcome<Self> {
        let own = std::env::current_exe()?;
        let mut command = pinned(1, own.to_str().ok_or("a path that is no text")?);
        let mut child = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.as_mut().ok_or("no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(Self { address: line.trim().parse()?, child })
    }

    fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// What it has seen; ends it.
    fn end(mut self) -> Outcome<Value> {
        // The end of its input is the end of its work.
        drop(self.child.stdin.take());
        let mut text = String::new();
        let stdout = self.child.stdout.take().ok_or("no output")?;
        BufReader::new(stdout).read_line(&mut text)?;
        self.child.wait()?;
        Ok(serde_json::from_str(&text)?)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Default)]
struct Seen {
    requests: u64,
    wrong: u64,
    users: HashSet<Box<str>>,
    calls: HashSet<Box<str>>,
    connections: u64,
}

/// Answers 200 to everything, until its input ends. It shares no code with the program: hyper, and HMAC by ring.
fn receiver(verifies: bool) -> Outcome<()> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let seen = Rc::new(RefCell::new(Seen::default()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    let (done, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = done.send(());
    });
    let counted = Rc::clone(&seen);
    local.block_on(&runtime, async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let accept = async {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let (key, seen) = (key.clone(), Rc::clone(&counted));
                seen.borrow_mut().connections += 1;
                tokio::task::spawn_local(async move {
                    let service = service_fn(move |request| {
                        let (key, seen) = (key.clone(), Rc::clone(&seen));
                        async move {
                            take(request, verifies.then_some(&key), &seen).await;
                            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"{}"))))
                        }
                    });
                    serve(stream, service).await;
                });
            }
        };
        tokio::select! {
            () = accept => {}
            _ = end => {}
        }
        Ok::<_, std::io::Error>(())
    })?;
    let seen = seen.borrow();
    println!(
        "{}",
        serde_json::json!({
            "requests": seen.requests, "wrong": seen.wrong, "users": seen.users.len(), "calls": seen.calls.len(),
            "connections": seen.connections,
        })
    );
    Ok(())
}

/// Serves HTTP/2 to whoever begins with it, else HTTP/1.1.
async fn serve<S, F>(stream: tokio::net::TcpStream, service: S)
where
    S: hyper::service::Service<
            Request<Incoming>,
            Response = Response<Full<Bytes>>,
            Error = Infallible,
            Future = F,
        >,
    F: Future<Output = Result<Response<Full<Bytes>>, Infallible>> + 'static,
{
    let mut first = [0; 3];
    let is_http2 = stream.peek(&mut first).await.is_ok_and(|count| first[..count] == *b"PRI");
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(stream);
    if is_http2 {
        // As wide as the receiver of anybody who asks for many streams is.
        let mut builder = http2::Builder::new(LocalExecutor);
        builder.timer(TokioTimer::new()).max_concurrent_streams(STREAMS as u32);
        builder.initial_connection_window_size(16 << 20);
        let _ = builder.serve_connection(io, service).await;
    } else {
        let _ = http1::Builder::new().serve_connection(io, service).await;
    }
}

/// Runs the streams of a connection on the one thread there is.
#[derive(Clone, Copy)]
struct LocalExecutor;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

async fn take(request: Request<Incoming>, key: Option<&hmac::Key>, seen: &RefCell<Seen>) {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let mut seen = seen.borrow_mut();
    seen.requests += 1;
    let Some(key) = key else { return };
    let signature = head.headers.get("X-AIRudder-Sign").and_then(|value| hex::decode(value.as_bytes()).ok());
    if signature.is_none_or(|signature| hmac::verify(key, &body, &signature).is_err()) {
        seen.wrong += 1;
    }
    let fields: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |path: &str| fields.pointer(path).and_then(Value::as_str).unwrap_or_default().into();
    seen.users.insert(text("/user/id"));
    seen.calls.insert(text("/transfer/call_id"));
}

/// A run of a program: CPU of the whole process, and events answered with 200.
struct Round {
    cpu: Duration,
    events: u64,
}

impl Round {
    fn micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.events as f64
    }
}

fn measured(mut command: Command, count: impl Fn(&str) -> Option<u64>) -> Outcome<Round> {
    let before = cpu_of_children()?;
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let cpu = cpu_of_children()? - before;
    let text = String::from_utf8_lossy(&output.stdout);
    let events = count(&text).filter(|count| *count > 0).ok_or_else(|| format!("no count in: {text}"))?;
    Ok(Round { cpu, events })
}

fn ours(url: &str) -> Outcome<Round> {
    loaded(url, CONNECTIONS, &[])
}

fn ours_http2(url: &str) -> Outcome<Round> {
    loaded(url, STREAMS, &["--http2"])
}

fn loaded(url: &str, in_flight: usize, more: &[&str]) -> Outcome<Round> {
    let folder = tempfile::tempdir()?;
    let report = folder.path().join("report.json");
    let mut command = pinned(0, PROGRAM);
    command.args([
        "load",
        STORY,
        "--rate",
        "max",
        "--workers",
        "1",
        "--quiet",
        "--secret",
        SECRET,
        "--callback-url",
        url,
    ]);
    command
        .args(["--in-flight", &in_flight.to_string(), "--duration", &format!("{SECONDS}s"), "--report"])
        .arg(&report)
        .args(more);
    let read = |_: &str| {
        let report: Value = serde_json::from_slice(&std::fs::read(&report).ok()?).ok()?;
        let counts = &report["counts"];
        (counts["ok"] == counts["sent"]).then(|| counts["ok"].as_u64()).flatten()
    };
    measured(command, read)
}

/// The headers and the body that the peers send again and again: those of one event of ours.
fn fixed(url: &str) -> Outcome<(Vec<(String, String)>, String)> {
    let args =
        ["emit", "session.transfer", "--print", "--secret", SECRET, "--callback-url", url, "--seed", "5"];
    let output = Command::new(PROGRAM).args(args).output()?;
    let text = String::from_utf8(output.stdout)?.replace('\r', "");
    let (head, body) = text.trim_end().split_once("\n\n").ok_or("no body")?;
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let kept = headers.filter(|(name, _)| !matches!(*name, "Host" | "Content-Length"));
    Ok((kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(), body.to_owned()))
}

fn wrk(url: &str) -> Outcome<Round> {
    let (headers, body) = fixed(url)?;
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("post.lua");
    let mut lua = format!("wrk.method = \"POST\"\nwrk.body = [[{body}]]\n");
    for (name, value) in headers {
        lua.push_str(&format!("wrk.headers[\"{name}\"] = \"{value}\"\n"));
    }
    std::fs::write(&script, lua)?;
    let mut command = pinned(0, "wrk");
    command.args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{SECONDS}s"), "-s"]).arg(&script).arg(url);
    measured(command, |text| {
        let line = text.lines().find(|line| line.contains(" requests in "))?;
        if text.contains("Non-2xx") { None } else { line.split_whitespace().next()?.parse().ok() }
    })
}

fn oha(url: &str) -> Outcome<Round> {
    let (headers, body) = fixed(url)?;
    let mut command = pinned(0, "oha");
    command.args([
        "--no-tui",
        "--output-format",
        "json",
        "-m",
        "POST",
        "-d",
        &body,
        "-c",
        &CONNECTIONS.to_string(),
    ]);
    command.args(["-z", &format!("{SECONDS}s"), "--wait-ongoing-requests-after-deadline"]);
    for (name, value) in headers {
        command.args(["-H", &format!("{name}: {value}")]);
    }
    command.arg(url);
    measured(command, |text| {
        serde_json::from_str::<Value>(text).ok()?["statusCodeDistribution"]["200"].as_u64()
    })
}

fn compare() -> Outcome<()> {
    let receiver = Receiver::start(&[])?;
    let url = receiver.url();
    println!(
        "CPU of the sending process, user and system, per event answered with 200; closed loop over {CONNECTIONS}\n\
         kept-alive connections of HTTP/1.1, or with `--http2` {STREAMS} streams of one connection, for {SECONDS} s, {ROUNDS} rounds in\n\
         turns, medians. Sender on core 0, receiver (hyper, answers 200) on core 1, its CPU not counted. `load` fills,\n\
         signs and sends a session.transfer with ids of its own each time, and starts anew in each round; the peers send\n\
         one fixed body of the same size over HTTP/1.1.\n"
    );
    type Sender = fn(&str) -> Outcome<Round>;
    let senders: [(&str, Sender); 4] =
        [("load", ours), ("load --http2", ours_http2), ("wrk", wrk), ("oha", oha)];
    let senders: Vec<_> =
        senders.into_iter().filter(|(name, _)| name.starts_with("load") || exists(name)).collect();
    let mut micros: Vec<Vec<f64>> = vec![Vec::new(); senders.len()];
    for round in 1..=ROUNDS {
        let mut line = format!("round {round}:");
        for (index, (name, send)) in senders.iter().enumerate() {
            let one = send(&url)?;
            micros[index].push(one.micros());
            line.push_str(&format!("  {name} {:.2} us ({} events)", one.micros(), one.events));
        }
        println!("{line}");
    }
    let medians: Vec<f64> = micros.iter_mut().map(|values| median(values)).collect();
    println!();
    for ((name, _), median) in senders.iter().zip(&medians) {
        let (http1, http2) = (medians[0] / median, medians[1] / median);
        println!("{name:12} {median:6.2} us    load/{name} {http1:.2}, load --http2/{name} {http2:.2}");
    }
    let missing: Vec<&str> = ["wrk", "oha"].into_iter().filter(|name| !exists(name)).collect();
    if !missing.is_empty() {
        println!("not here, so not compared: {}", missing.join(", "));
    }
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs whose every signature and id is checked by somebody else, over both protocols.
fn verify(events: u64) -> Outcome<()> {
    for more in [&[][..], &["--http2"]] {
        verify_one(events, more)?;
    }
    Ok(())
}

fn verify_one(events: u64, more: &[&str]) -> Outcome<()> {
    let receiver = Receiver::start(&["verify"])?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("report.json");
    let mut command = pinned(0, PROGRAM);
    command.args([
        "load",
        STORY,
        "--rate",
        "max",
        "--workers",
        "1",
        "--secret",
        SECRET,
        "--duration",
        "600s",
        "--quiet",
    ]);
    command.args(["--count", &events.to_string(), "--callback-url", &receiver.url(), "--report"]).arg(&path);
    command.args(more);
    let status = command.stdout(Stdio::null()).status()?;
    let report: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    let seen = receiver.end()?;
    println!("load:     {} ({status})", report["counts"]);
    println!("receiver: {seen}");
    let all = [
        &report["counts"]["sent"],
        &report["counts"]["ok"],
        &seen["requests"],
        &seen["users"],
        &seen["calls"],
    ];
    if all.iter().any(|count| count.as_u64() != Some(events)) || seen["wrong"] != 0 {
        return Err("the counts of both sides do not agree".into());
    }
    let over = if more.is_empty() { "HTTP/1.1" } else { "HTTP/2" };
    println!("{events} events over {over}: every signature right, no id twice, both sides count the same");
    Ok(())
}

/// Three callbacks and two pauses, nothing of it to be awaited.
const PAUSES: &str = "name = \"Pauses\"\nseed = 3\n[[steps]]\nsend = \"session.transfer\"\n[[steps]]\npause = \"20ms\"\n\
    [[steps]]\nsend = \"message.receive\"\n[[steps]]\npause = \"20ms\"\n[[steps]]\nsend = \"session.end\"\n";

/// A callback, and the signed request that it causes.
const CALLED_BACK: &str = "name = \"Called back\"\nseed = 3\n[[steps]]\nsend = \"session.transfer\"\nsave = \"transfer\"\n\
    [[steps]]\nawait = \"chatbot.agent_transfer_result\"\nwhere = { call_id = \"{{ transfer.body.transfer.call_id }}\" }\n\
    within = \"5s\"\n";

/// What simulated stories cost.
fn stories() -> Outcome<()> {
    println!(
        "CPU of the whole process, user and system, by getrusage, per callback; simulated stories at a planned rate for\n\
         {SECONDS} s, {ROUNDS} rounds, medians. At lower rates each event also pays for waking up. Sender on core 0,\n\
         receiver on core 1. With REST the receiver accepts each transfer by a signed request to the mock, over one kept\n\
         connection, and the figure is per callback and request.\n"
    );
    let folder = tempfile::tempdir()?;
    for (name, story, rate) in
        [("pauses", PAUSES, "10000/s"), ("callback and request", CALLED_BACK, "10000/s")]
    {
        let file = folder.path().join("story.toml");
        std::fs::write(&file, story)?;
        let mut micros = Vec::new();
        let (mut slowest, mut late) = (0.0_f64, 0);
        for _ in 0..ROUNDS {
            let mock = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
            let receiver = match name {
                "pauses" => Receiver::start(&[])?,
                _ => Receiver::begin(&["integrator", &mock.to_string()])?,
            };
            let report = folder.path().join("report.json");
            let mut command = pinned(0, PROGRAM);
            command.arg("load").arg(&file).args([
                "--rate",
                rate,
                "--quiet",
                "--secret",
                SECRET,
                "--void-above",
                "100%",
            ]);
            command.args(["--duration", &format!("{SECONDS}s"), "--listen", &mock.to_string()]);
            command.args(["--callback-url", &receiver.url(), "--report"]).arg(&report);
            let read = |_: &str| {
                let report: Value = serde_json::from_slice(&std::fs::read(&report).ok()?).ok()?;
                let counts = &report["counts"];
                let is_well =
                    counts["ok"] == counts["planned"] && report["plan"]["stories"][0]["failed"] == 0;
                is_well.then(|| counts["ok"].as_u64()).flatten()
            };
            micros.push(measured(command, read)?.micros());
            let report: Value = serde_json::from_slice(&std::fs::read(&report)?)?;
            let p99 = report.pointer("/latency/sent/p99").and_then(Value::as_f64).unwrap_or(f64::NAN);
            slowest = slowest.max(p99);
            late += report["counts"]["held_back"].as_u64().unwrap_or(0);
        }
        println!(
            "{name}: {:.1} us at {rate} ({micros:.1?}); p99 from sending {slowest:.0} us at most, {late} held back",
            median(&mut micros.clone())
        );
    }
    Ok(())
}

/// Answers 200 at once, and accepts each transfer by a call to the mock: signed calls one after the other over one
/// connection, with what the transfer said.
fn integrator(mock: SocketAddr) -> Outcome<()> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    let (done, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = done.send(());
    });
    local.block_on(&runtime, async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let (calls, due) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
        tokio::task::spawn_local(call_back(mock, key, due));
        let accept = async {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let calls = calls.clone();
                tokio::task::spawn_local(async move {
                    let service = service_fn(move |request: Request<Incoming>| {
                        let calls = calls.clone();
                        async move {
                            let body = request.into_body().collect().await;
                            let _ = calls.send(body.map(|body| body.to_bytes()).unwrap_or_default());
                            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"{}"))))
                        }
                    });
                    serve(stream, service).await;
                });
            }
        };
        tokio::select! {
            () = accept => {}
            _ = end => {}
        }
        Ok::<_, std::io::Error>(())
    })?;
    println!("{{}}");
    Ok(())
}

async fn call_back(mock: SocketAddr, key: hmac::Key, mut due: tokio::sync::mpsc::UnboundedReceiver<Bytes>) {
    let mut sender = None;
    while let Some(body) = due.recv().await {
        if sender.is_none() {
            let Ok(stream) = tokio::net::TcpStream::connect(mock).await else { continue };
            let _ = stream.set_nodelay(true);
            let Ok((made, connection)) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await
            else {
                continue;
            };
            tokio::task::spawn_local(connection);
            sender = Some(made);
        }
        let Some(sender) = &mut sender else { continue };
        let transfer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let call = serde_json::json!({
            "call_id": transfer["transfer"]["call_id"], "channel": transfer["channel"],
            "channel_id": transfer["channel_id"], "user": transfer["user"], "result": "accepted",
        });
        let call = call.to_string();
        let signature = hex::encode(hmac::sign(&key, call.as_bytes()).as_ref());
        let request = Request::post("/api/v1/session/transfer_result")
            .header("host", mock.to_string())
            .header("content-type", "application/json")
            .header("X-AIRudder-Sign-Key", "a17d0de2a17d0de2a17d0de2a17d0de2")
            .header("X-AIRudder-Sign", signature)
            .body(Full::new(Bytes::from(call)));
        let Ok(request) = request else { continue };
        if let Ok(response) = sender.send_request(request).await {
            let _ = response.into_body().collect().await;
        }
    }
}

/// Rates over 30 s, and memory over 10 s and 60 s.
fn pacing() -> Outcome<()> {
    let receiver = Receiver::start(&[])?;
    for (rate, seconds) in [(1_000, 30), (10_000, 30), (10_000, 10), (10_000, 60)] {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("report.json");
        let mut command = pinned(0, PROGRAM);
        command
            .args(["load", STORY, "--workers", "1", "--quiet", "--callback-url", &receiver.url(), "--report"])
            .arg(&path);
        command.args(["--rate", &format!("{rate}/s"), "--duration", &format!("{seconds}s")]);
        command.stdout(Stdio::null()).status()?;
        let report: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN);
        let achieved = number("/counts/ok") / number("/elapsed_s");
        println!(
            "{rate}/s for {seconds} s: achieved {achieved:.2}/s ({:+.4} %), release lag p50 {} us, p99 {} us, latency p99 {} us \
             from the planned instant, late {}, CPU {:.1} us per event, memory {:.1} MB",
            (achieved / f64::from(rate) - 1.0) * 100.0,
            number("/latency/lag/p50"),
            number("/latency/lag/p99"),
            number("/latency/planned/p99"),
            number("/counts/late"),
            number("/sender/cpu_per_event_us"),
            number("/sender/peak_bytes") / 1e6,
        );
    }
    Ok(())
}

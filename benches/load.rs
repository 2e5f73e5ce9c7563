//! What an event of `load` costs, in CPU of the whole sending process, against `wrk` and `oha` in the same run; and
//! whether a long run is true to its plan.
//!
//! `cargo bench --bench load` prints its method and its figures; `-- verify [EVENTS]` has an independent receiver check
//! every signature and id; `-- pacing` measures rates and memory. Linux only. `wrk` is in most distributions, `oha` on
//! the Rust package registry; what is missing is left out.

use std::cell::RefCell;
use std::collections::HashSet;
use std::convert::Infallible;
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
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
const SECRET: &str = "secret-of-the-bench";
const PROGRAM: &str = env!("CARGO_BIN_EXE_airudder-mock");
const STORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/load-transfer.toml");

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["receiver"] => receiver(false),
        ["receiver", "verify"] => receiver(true),
        ["verify"] => verify(1_000_000),
        ["verify", events] => verify(events.parse()?),
        ["pacing"] => pacing(),
        [] => compare(),
        other => Err(format!("{other:?}: nothing, `verify [EVENTS]` or `pacing`").into()),
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
        let own = std::env::current_exe()?;
        let mut command = pinned(1, own.to_str().ok_or("a path that is no text")?);
        let mut child =
            command.arg("receiver").args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
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
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
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
        .args(["--in-flight", &CONNECTIONS.to_string(), "--duration", &format!("{SECONDS}s"), "--report"])
        .arg(&report);
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
         kept-alive connections for {SECONDS} s, {ROUNDS} rounds in turns, medians. Sender on core 0, receiver (hyper,\n\
         answers 200) on core 1, its CPU not counted. `load` fills, signs and sends a session.transfer with ids of its\n\
         own each time, and starts anew in each round; the peers send one fixed body of the same size.\n"
    );
    type Sender = fn(&str) -> Outcome<Round>;
    let senders: [(&str, Sender); 3] = [("load", ours), ("wrk", wrk), ("oha", oha)];
    let senders: Vec<_> = senders.into_iter().filter(|(name, _)| *name == "load" || exists(name)).collect();
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
        println!("{name:5} {median:6.2} us    load/{name} {:.2}", medians[0] / median);
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

/// A run whose every signature and id is checked by somebody else.
fn verify(events: u64) -> Outcome<()> {
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
    println!("{events} events: every signature right, no id twice, both sides count the same");
    Ok(())
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

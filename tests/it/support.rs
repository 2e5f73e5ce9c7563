//! The program under test, and a receiver written without any of its code.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How long a test waits for the program at most; reached only when something hangs.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// The program, in the repository's folder and without the user's settings in the environment.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_airudder-mock"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    for name in ["SECRET", "CALLBACK_URL", "LISTEN", "URL", "CONTROL_TOKEN"]
        .map(|name| format!("AIRUDDER_MOCK_{name}"))
    {
        command.env_remove(name);
    }
    // Not that of whoever runs the tests.
    command.env("AIRUDDER_MOCK_CA_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("ca"));
    // What a command starts finds the same program.
    let folder = Path::new(env!("CARGO_BIN_EXE_airudder-mock")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", folder.display()));
    command.env("NO_COLOR", "1");
    command
}

/// Runs the program with these arguments.
pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Output {
    program().args(args).output().expect("the program starts")
}

/// Runs the program with this standard input.
/// Runs a story under these settings to a receiver, with the mock at an address of its own.
pub(crate) fn run_story(
    story: &Path,
    settings: &Path,
    receiver: &str,
    mock: SocketAddr,
    speed: &str,
) -> Output {
    let (story, settings) = (story.to_str().unwrap(), settings.to_str().unwrap());
    let listen = mock.to_string();
    let run_at = ["run", story, "--config", settings, "--callback-url", receiver, "--listen", &listen];
    run(&[&run_at[..], &["--speed", speed]].concat())
}

pub(crate) fn run_with_input(args: &[&str], input: &[u8]) -> Output {
    let mut child = program()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asserts an exit code, showing everything the program said otherwise.
#[track_caller]
pub(crate) fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "stdout:\n{}\nstderr:\n{}", stdout(output), stderr(output));
}

pub(crate) fn scenario(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name)
}

/// A request as a receiver reads it off the socket.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The bytes up to and without the empty line.
    pub head: String,
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header whose name is written exactly so.
    pub(crate) fn exact_header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

/// What a receiver does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// These bytes, and the connection stays open.
    Bytes(String),
    /// These bytes, and the connection is closed.
    BytesThenClose(String),
    /// The connection is closed without an answer.
    Close,
    /// These bytes, one by one with a breath between them: what a slow receiver is, not a wait for something.
    Trickle(String),
    /// No answer until the client gives up.
    Never,
}

pub(crate) fn plain(status: &str, body: &str) -> Answer {
    Answer::Bytes(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

/// A receiver on a free port. Answers in the order given; the last answer repeats.
pub(crate) struct Receiver {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Receiver {
    pub(crate) fn answering(answers: Vec<Answer>) -> Self {
        let answers = Mutex::new(VecDeque::from(answers));
        Self::with(move |_| {
            let mut answers = answers.lock().unwrap();
            if answers.len() > 1 { answers.pop_front().unwrap() } else { answers.front().cloned().unwrap() }
        })
    }

    /// A receiver that decides for each request, and may call the mock meanwhile.
    pub(crate) fn with(decide: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let decide = Arc::new(decide);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { break };
                let (seen, decide) = (Arc::clone(&seen), Arc::clone(&decide));
                thread::spawn(move || serve(stream, &seen, &*decide));
            }
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, seen: &Mutex<Vec<Request>>, decide: &dyn Fn(&Request) -> Answer) {
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = read_request(&mut reader) {
        seen.lock().unwrap().push(request.clone());
        match decide(&request) {
            Answer::Bytes(bytes) => {
                if stream.write_all(bytes.as_bytes()).is_err() {
                    return;
                }
            }
            Answer::BytesThenClose(bytes) => {
                let _ = stream.write_all(bytes.as_bytes());
                return;
            }
            Answer::Trickle(bytes) => {
                for byte in bytes.as_bytes() {
                    thread::sleep(Duration::from_millis(5));
                    if stream.write_all(&[*byte]).is_err() {
                        return;
                    }
                }
            }
            Answer::Close => return,
            Answer::Never => {
                // Ends when the client closes.
                let _ = reader.read(&mut [0; 1]);
                return;
            }
        }
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.trim().parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { head, body })
}

/// POSTs JSON with nothing but a socket; status and body come back.
pub(crate) fn post(address: SocketAddr, path: &str, body: &serde_json::Value) -> (u16, serde_json::Value) {
    post_with(address, path, "", body)
}

/// The same with further header lines, each with its line end.
pub(crate) fn post_with(
    address: SocketAddr,
    path: &str,
    headers: &str,
    body: &serde_json::Value,
) -> (u16, serde_json::Value) {
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Content-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("an HTTP answer");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).unwrap_or(serde_json::Value::Null))
}

/// The secret that signs where nobody names one, and the key of the account there is then.
pub(crate) const DEFAULT_SECRET: &str = "airudder-mock-secret";
const DEFAULT_KEY: &str = "a17d0de2a17d0de2a17d0de2a17d0de2";

/// POSTs JSON signed with this secret, as chatbot requests are; status and body come back.
pub(crate) fn post_signed(
    address: SocketAddr,
    path: &str,
    secret: &str,
    body: &serde_json::Value,
) -> (u16, serde_json::Value) {
    post_signed_by(address, path, DEFAULT_KEY, secret, body)
}

/// The same by another key.
pub(crate) fn post_signed_by(
    address: SocketAddr,
    path: &str,
    key: &str,
    secret: &str,
    body: &serde_json::Value,
) -> (u16, serde_json::Value) {
    let signature = independent_hmac(secret, body.to_string().as_bytes());
    let headers = format!("X-AIRudder-Sign-Key: {key}\r\nX-AIRudder-Sign: {signature}\r\n");
    post_with(address, path, &headers, body)
}

/// An HMAC-SHA256 in hex by a library that the program does not use for it.
pub(crate) fn independent_hmac(secret: &str, body: &[u8]) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    ring::hmac::sign(&key, body).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A free port, for programs that must be given one. It is none of those that the system gives to connections, and no
/// other test of this process gets it.
pub(crate) fn free_address() -> SocketAddr {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(97);
    loop {
        let number = first.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let address = SocketAddr::from(([127, 0, 0, 1], 10_000 + (number % 22_000) as u16));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// The base64 of a text, as a client's library makes it.
pub(crate) fn base64(text: &str) -> String {
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

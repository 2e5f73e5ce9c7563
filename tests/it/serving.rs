//! `airudder-mock serve` as a process, and a client that is nothing but a socket.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{TIMEOUT, program};

pub(crate) const APP_KEY: &str = "AIRudderMockKey0000001";
pub(crate) const APP_SECRET: &str = "AIRudderMockSecret0001";

/// A mock that serves until the test is over.
pub(crate) struct Serving {
    child: Child,
    out: BufReader<ChildStdout>,
    pub address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Serving {
    /// A mock without any settings.
    pub(crate) fn new() -> Self {
        Self::with("", &[])
    }

    /// A mock with these settings and further arguments. It writes a record, and its time begins with 2030. What it leaves
    /// at its end is no failure.
    pub(crate) fn with(settings: &str, args: &[&str]) -> Self {
        Self::leaving_nothing(settings, &[args, &["--may-leave"]].concat())
    }

    /// The same, where it is one.
    pub(crate) fn leaving_nothing(settings: &str, args: &[&str]) -> Self {
        Self::started(settings, &[&["--epoch", "2030-01-01T00:00:00Z"], args].concat())
    }

    /// A mock that keeps its state in a folder and goes on from what is there.
    pub(crate) fn keeping(data: &Path, args: &[&str]) -> Self {
        Self::started("", &[&["--may-leave", "--data-dir", data.to_str().unwrap()], args].concat())
    }

    /// The same, where a file that may not grow any more is an error and not the end.
    pub(crate) fn with_file_limits(data: &Path, args: &[&str]) -> Self {
        let mut under = Command::new("env");
        under.arg("--ignore-signal=XFSZ").arg(program().get_program());
        Self::spawned(under, "", &[&["--may-leave", "--data-dir", data.to_str().unwrap()], args].concat())
    }

    /// A mock that may have no more than this many files open.
    #[cfg(unix)]
    pub(crate) fn with_descriptors(most: u32) -> Self {
        let mut under = Command::new("sh");
        under.args(["-c", &format!("ulimit -n {most}; exec \"$0\" \"$@\"")]).arg(program().get_program());
        Self::spawned(under, "", &["--may-leave"])
    }

    fn started(settings: &str, args: &[&str]) -> Self {
        Self::spawned(program(), settings, args)
    }

    fn spawned(mut program: Command, settings: &str, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("settings.toml");
        fs::write(&config, settings).unwrap();
        let mut child = program
            .args(["serve", "--listen", "127.0.0.1:0", "--quiet"])
            .arg("--config")
            .arg(&config)
            .arg("--record")
            .arg(folder.path().join("record.ndjson"))
            .args(args)
            .stdout(Stdio::piped())
            // What is left at the end may be thousands of lines; they are shown if the test fails.
            .stderr(fs::File::create(folder.path().join("stderr.txt")).unwrap())
            .spawn()
            .expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line.trim().split_once("://").and_then(|(_, address)| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("the first line is no address: {line:?}"));
        Self { child, out, address, folder }
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line
    }

    /// Its settings file.
    pub(crate) fn settings(&self) -> PathBuf {
        self.folder.path().join("settings.toml")
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn wire(&self) -> Wire {
        Wire::to(self.address)
    }

    /// Makes a request over a connection of its own.
    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut wire = self.wire();
        wire.send(&request(method, path, headers, body));
        wire.reply()
    }

    /// A token of the account there is without any settings.
    pub(crate) fn token(&self) -> String {
        let fields = json!({ "APPKey": APP_KEY, "APPSecret": APP_SECRET });
        let reply = self.request("POST", "/service/cloud/auth", &[JSON], fields.to_string().as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text());
        format!("Token {}", reply.json()["data"]["token"].as_str().unwrap())
    }

    /// A token of the dialer, for the same account.
    pub(crate) fn dialer_token(&self) -> String {
        let fields = json!({ "APPKey": APP_KEY, "APPSecret": APP_SECRET });
        let (status, answer) = self.post("", "/service/callcenter/call/predict/auth", &fields);
        assert_eq!((status, &answer["code"]), (200, &json!(0)), "{answer}");
        format!("Token {}", answer["body"]["token"].as_str().unwrap())
    }

    /// Waits until nothing is under way, where time jumps by itself.
    pub(crate) fn settle(&self) {
        self.settled(&json!({ "within": "60s" }));
    }

    /// POSTs JSON under this token; status and envelope come back.
    pub(crate) fn post(&self, token: &str, path: &str, fields: &Value) -> (u16, Value) {
        let headers = [("Authorization", token), JSON];
        let reply = self.request("POST", path, &headers, fields.to_string().as_bytes());
        (reply.status, reply.json())
    }

    /// GETs under this token; status and envelope come back.
    pub(crate) fn get(&self, token: &str, path: &str) -> (u16, Value) {
        let reply = self.request("GET", path, &[("Authorization", token)], b"");
        (reply.status, reply.json())
    }

    /// Creates a task of these rows and returns its id.
    pub(crate) fn task(&self, token: &str, name: &str, rows: &Value) -> String {
        // A robot of the kind that needs nothing more of a row than its number.
        let fields = json!({ "TaskName": name, "RobotID": "Welcome call", "Details": rows });
        let (status, answer) = self.post(token, "/service/cloud/task", &fields);
        assert_eq!(status, 200, "{answer}");
        answer["data"]["TaskID"].as_str().unwrap().to_owned()
    }

    /// Moves the vendor's time forward.
    pub(crate) fn skip(&self, by: &str) {
        let fields = json!({ "by": by }).to_string();
        let reply = self.request("POST", "/_mock/clock", &[], fields.as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text());
    }

    pub(crate) fn state(&self) -> Value {
        self.request("GET", "/_mock/state", &[], b"").json()
    }

    /// Lets the vendor's time go on until nothing is under way any more.
    pub(crate) fn run_out(&self) {
        self.settled(&json!({ "advance": true, "within": "60s" }));
    }

    fn settled(&self, how: &Value) {
        let reply = self.request("POST", "/_mock/settle", &[JSON], how.to_string().as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text());
    }

    /// A request of the control surface, which takes and gives JSON.
    pub(crate) fn control(&self, method: &str, path: &str, fields: &Value) -> (u16, Value) {
        let body = if fields.is_null() { String::new() } else { fields.to_string() };
        let reply = self.request(method, path, &[JSON], body.as_bytes());
        (reply.status, reply.json())
    }

    /// Ends the process at once, in the midst of whatever it does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Asks for the end; it comes when what is running is through.
    pub(crate) fn ask_to_stop(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Ends the mock in order and returns what it printed and recorded since the start.
    pub(crate) fn end(self) -> (String, Vec<Value>) {
        self.ask_to_stop();
        self.ended()
    }

    /// The same, with another exit code than 0.
    pub(crate) fn end_with(self, code: i32) -> (String, Vec<Value>) {
        self.ask_to_stop();
        self.ended_with(code)
    }

    /// Waits for the end that was asked for.
    pub(crate) fn ended(self) -> (String, Vec<Value>) {
        self.ended_with(0)
    }

    fn ended_with(mut self, code: i32) -> (String, Vec<Value>) {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(code), "{rest}");
        let record = fs::read_to_string(self.folder.path().join("record.ndjson")).unwrap();
        (rest, record.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // After an orderly end there is nothing left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let said = fs::read_to_string(self.folder.path().join("stderr.txt")).unwrap_or_default();
            eprintln!("{}", said.lines().take(100).collect::<Vec<_>>().join("\n"));
        }
    }
}

pub(crate) const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Looks again and again until there is something, without sleeping.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < TIMEOUT, "waited in vain until {what}");
        thread::yield_now();
    }
}

/// A request as bytes.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() || method == "POST" {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}

/// A connection to the mock.
pub(crate) struct Wire {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Reply {
    pub status: u16,
    /// The bytes up to and without the empty line.
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    /// The value of a header, whatever the case of its letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (own, value) = line.split_once(": ")?;
            own.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}\n{}", self.head, self.text()))
    }
}

impl Wire {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream.set_nodelay(true).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        Self { stream, reader }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // Links begin as the mock was reached, and tests follow them.
        let host = b"\r\nHost: localhost\r\n";
        match bytes.windows(host.len()).take(4_096).position(|window| window == host) {
            Some(at) => {
                let own = format!("\r\nHost: {}\r\n", self.stream.peer_addr().unwrap());
                self.stream
                    .write_all(&[&bytes[..at], own.as_bytes(), &bytes[at + host.len()..]].concat())
                    .unwrap();
            }
            None => self.stream.write_all(bytes).unwrap(),
        }
    }

    /// Says that nothing more is coming, and goes on listening.
    pub(crate) fn close_half(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// The lines up to the next empty one.
    pub(crate) fn head(&mut self) -> String {
        let mut head = String::new();
        loop {
            let mut line = String::new();
            assert!(self.reader.read_line(&mut line).unwrap() > 0, "the connection ended within: {head:?}");
            if line == "\r\n" {
                return head;
            }
            head.push_str(&line);
        }
    }

    /// What comes up to a line with this text, without the lines of the chunks.
    pub(crate) fn until(&mut self, text: &str) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            assert!(
                self.reader.read_line(&mut line).unwrap() > 0,
                "the connection ended before {text}: {all}"
            );
            if !line.ends_with("\r\n") {
                all.push_str(&line);
            }
            if line.contains(text) {
                return all;
            }
        }
    }

    /// The next answer.
    pub(crate) fn reply(&mut self) -> Reply {
        self.answer(true)
    }

    /// The next answer, which is one to HEAD and has no body.
    pub(crate) fn reply_to_head(&mut self) -> Reply {
        self.answer(false)
    }

    fn answer(&mut self, has_body: bool) -> Reply {
        let head = self.head();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let mut reply = Reply { status, head, body: Vec::new() };
        if !has_body {
            return reply;
        }
        if reply.header("transfer-encoding") == Some("chunked") {
            loop {
                let mut size = String::new();
                self.reader.read_line(&mut size).unwrap();
                let size = usize::from_str_radix(size.trim(), 16).expect("the size of a chunk");
                let mut chunk = vec![0; size + 2];
                self.reader.read_exact(&mut chunk).unwrap();
                reply.body.extend_from_slice(&chunk[..size]);
                if size == 0 {
                    return reply;
                }
            }
        }
        let length = reply.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        reply.body = vec![0; length];
        self.reader.read_exact(&mut reply.body).unwrap();
        reply
    }

    /// Everything up to the end of the connection.
    pub(crate) fn rest(&mut self) -> std::io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.reader.read_to_end(&mut rest)?;
        Ok(rest)
    }
}

/// Whether a program that a test needs is there. Where it is not, the test has to be left out: this says so on the real
/// standard error, which the test runner does not capture, and fails where `CI` is set.
pub(crate) fn is_there(name: &str) -> bool {
    let answers =
        |flag: &&str| Command::new(name).arg(flag).output().is_ok_and(|output| output.status.success());
    let found = ["--version", "version"].iter().any(answers);
    assert!(found || std::env::var_os("CI").is_none(), "{name} is missing, and CI is set");
    if !found {
        let test = thread::current().name().unwrap_or_default().to_owned();
        let line = format!("SKIPPED {test}: {name} is not installed\n");
        std::io::stderr().lock().write_all(line.as_bytes()).unwrap();
    }
    found
}

/// Runs a Python client of `tests/clients` against the mock, and asserts how many checks it made.
pub(crate) fn python(client: &str, serving: &Serving, args: &[&str], checks: usize) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "clients", client].iter().collect();
    let output = Command::new("python3").arg("-B").arg(path).arg(serving.url()).args(args).output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{client} failed after\n{out}\n{error}");
    assert_eq!(out.lines().filter(|line| line.starts_with("ok ")).count(), checks, "{client}:\n{out}");
}

/// Runs curl on a path of the mock; status and body come back.
pub(crate) fn curl(serving: &Serving, path: &str, args: &[&str]) -> (u16, String) {
    let output = Command::new("curl")
        .args(["-sS", "--noproxy", "*", "-w", "\n%{http_code}"])
        .args(args)
        .arg(format!("{}{path}", serving.url()))
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "curl {args:?} {path}: {error}");
    let text = String::from_utf8_lossy(&output.stdout);
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

//! The program that is attacked, and a connection to it that speaks bytes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use airudder_mock::contract::aes::Cipher;
use serde_json::Value;

use crate::support::{TIMEOUT, program};

/// `airudder-mock serve`.
pub(super) struct Server {
    child: Child,
    address: SocketAddr,
    stderr: Option<JoinHandle<String>>,
    /// Holds the settings.
    _folder: tempfile::TempDir,
}

impl Server {
    pub(super) fn start(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("airudder-mock.toml");
        std::fs::write(&config, settings).unwrap();
        let mut child = program()
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--quiet",
                "--epoch",
                "2030-01-01T00:00:00Z",
                "--config",
            ])
            .arg(&config)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().trim_start_matches("http://").parse().expect("an address");
        let mut stderr = child.stderr.take().unwrap();
        let stderr = std::thread::spawn(move || {
            let mut said = String::new();
            let _ = stderr.read_to_string(&mut said);
            said
        });
        Self { child, address, stderr: Some(stderr), _folder: folder }
    }

    pub(super) fn connect(&self) -> Line {
        let stream = TcpStream::connect(self.address).expect("the program accepts connections");
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        Line { reader: BufReader::new(stream.try_clone().unwrap()), stream }
    }

    /// One request over a connection of its own.
    pub(super) fn ask(&self, request: &[u8]) -> Option<Answer> {
        let mut line = self.connect();
        line.send(request);
        line.answer()
    }

    /// Asks the program to end, and gives its exit code and what it said to standard error.
    pub(super) fn end(mut self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        (code, self.stderr.take().unwrap().join().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection.
pub(super) struct Line {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Line {
    /// The program may hang up before it has read everything.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Nothing more is sent.
    pub(super) fn end(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// The next answer; nothing if the connection ends before one is whole.
    pub(super) fn answer(&mut self) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if self.reader.read_until(b'\n', &mut head).ok()? == 0 {
                return None;
            }
        }
        let head = String::from_utf8(head).expect("a readable head");
        let status = head.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
        let mut answer = Answer { status, head, body: Vec::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        answer.body.resize(length, 0);
        self.reader.read_exact(&mut answer.body).ok()?;
        Some(answer)
    }
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(super) fn goes_on(&self) -> bool {
        self.header("connection") != Some("close")
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn json(&self) -> Value {
        let plain = match self.header("is-encrypted") {
            Some(_) => Cipher::new("airudderredduria").unwrap().decrypt(&self.text()).unwrap(),
            None => self.body.clone(),
        };
        serde_json::from_slice(&plain).unwrap_or_default()
    }
}

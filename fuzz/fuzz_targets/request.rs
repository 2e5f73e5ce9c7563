//! Requests to the whole REST side, from the router to the simulator and back, with time passing between them.
//!
//! An input is a list of requests with a byte 0xFF between them, each nearly as it stands in HTTP: `METHOD TARGET`,
//! headers, an empty line, a body. `+SECONDS` alone on the first line lets time pass before. Some words in braces are
//! filled in, for no mutation would ever find a token: see [`World::fill`].

#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use airudder_mock::contract::aes::{self, Cipher};
use airudder_mock::fuzzing::{
    DEFAULT_APP_KEY, DEFAULT_APP_SECRET, Driver, HttpRequest, Reply, Service, TokenKind, service,
};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// Splits requests: UTF-8 has no such byte, and 0xFE stands for all broken text.
const BETWEEN: u8 = 0xff;

/// More requests than this tell nothing new.
const MOST_REQUESTS: usize = 32;

/// 2030-01-01T00:00:00Z.
const EPOCH: i64 = 1_893_456_000;

/// Its timers are paused and jump, so that nothing here ever waits.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
});

const KEY: &str = "airudderredduria";

static CIPHER: LazyLock<Cipher> = LazyLock::new(|| Cipher::new(KEY).expect("16 bytes"));

fuzz_target!(|input: &[u8]| {
    let answers = World::new().live(input);
    // Equal requests at equal moments have equal answers, to the byte. Not always asked: it takes the time twice.
    if input.len() % 4 == 0 {
        assert_eq!(answers, World::new().live(input), "the same requests were answered otherwise");
    }
});

/// An API without sockets, and what its answers named so far.
struct World {
    driver: Driver,
    mock: Service,
    token: String,
    task: String,
    plan: String,
    call: String,
    link: String,
}

impl World {
    fn new() -> Self {
        let settings = format!(
            "[[accounts]]\napp_key = \"{DEFAULT_APP_KEY}\"\napp_secret = \"{DEFAULT_APP_SECRET}\"\nencryption_key = \"{KEY}\""
        );
        // It is never driven: callbacks wait in the outbox, and time passes only when it is moved.
        let mock = service(&settings, Timestamp::from_second(EPOCH).expect("a moment"));
        let driver = mock.driver().clone();
        let token = driver.with(|engine, now| {
            engine.simulator().access_mut().token(TokenKind::Cloud, DEFAULT_APP_KEY, DEFAULT_APP_SECRET, now).expect("a token")
        });
        let unknown = "0123456789abcdef0123456789abcdef".to_owned();
        Self {
            driver,
            mock,
            token,
            task: unknown.clone(),
            plan: unknown.clone(),
            call: unknown.clone(),
            link: unknown,
        }
    }

    /// Makes all requests, lets days pass, and gives the answers.
    fn live(mut self, input: &[u8]) -> Vec<Vec<u8>> {
        let mut answers = Vec::new();
        for part in input.split(|byte| *byte == BETWEEN).take(MOST_REQUESTS) {
            if let Some((wait, request)) = self.request(part) {
                self.pass(Duration::from_secs(wait));
                answers.push(self.answer(request));
                self.check_sums();
            }
        }
        self.pass(Duration::from_secs(40 * 24 * 3600));
        self.check_sums();
        answers
    }

    fn pass(&self, by: Duration) {
        self.driver.skip(by);
        self.driver.with(|engine, now| engine.advance(now));
    }

    /// Reads a request, leniently: almost anything is one.
    fn request(&self, part: &[u8]) -> Option<(u64, HttpRequest)> {
        let (head, body) = match part.windows(2).position(|pair| pair == b"\n\n") {
            Some(at) => (&part[..at], &part[at + 2..]),
            None => (part, &b""[..]),
        };
        let head = self.fill(&String::from_utf8_lossy(head));
        let mut lines = head.lines();
        let mut first = lines.next()?;
        let mut wait = 0;
        if let Some(seconds) = first.strip_prefix('+') {
            // A century is as long as for ever.
            wait = seconds.parse().unwrap_or(0).min(100 * 366 * 24 * 3600);
            first = lines.next()?;
        }
        let (method, target) = first.split_once(' ').unwrap_or(("GET", first));
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        let headers = lines.filter_map(|line| line.split_once(": "));
        let mut request = HttpRequest {
            method: method.to_owned().into(),
            path: path.to_owned(),
            query,
            headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect(),
            body: match std::str::from_utf8(body) {
                Ok(text) => self.fill(text).into_bytes().into(),
                Err(_) => body.to_vec().into(),
            },
            ..HttpRequest::default()
        };
        if request.header("signed") == Some("{encrypt}") {
            encrypt(&mut request);
        }
        Some((wait, request))
    }

    fn fill(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        [
            ("{token}", &self.token),
            ("{task}", &self.task),
            ("{plan}", &self.plan),
            ("{call}", &self.call),
            ("{link}", &self.link),
        ]
        .into_iter()
        .fold(text.to_owned(), |text, (word, value)| text.replace(word, value))
    }

    /// Makes a request and checks what is true of every answer.
    fn answer(&mut self, request: HttpRequest) -> Vec<u8> {
        let wishes_fault = request.header("x-mock-fault").is_some()
            || String::from_utf8_lossy(&request.body).contains("mock:")
            || request.query.as_deref().is_some_and(|query| query.contains("mock"))
            || request.header("is-encrypted").is_some()
            || request.body.contains(&b'\\')
            || request.body.contains(&b'%');
        let is_vendors = !request.path.starts_with("/_mock") && !request.path.starts_with("/download/");
        let shown = format!("{request:?}");
        let (status, headers, body) = RUNTIME.block_on(async {
            match self.mock.answer(request).await.here().await {
                Reply::Answer(answer) | Reply::Half(answer) => {
                    (answer.status, answer.headers, answer.body.to_vec())
                }
                Reply::Stream(mut stream) => {
                    let mut body = Vec::new();
                    while let Some(part) = stream.parts.recv().await {
                        body.extend_from_slice(&part);
                    }
                    (stream.status, stream.headers, body)
                }
                Reply::Close | Reply::Reset | Reply::Never | Reply::Later(_) => (0, Vec::new(), Vec::new()),
            }
        });
        if wishes_fault
            && (status == 0 || headers.contains(&("content-type".into(), "text/html".into())))
        {
            return body;
        }
        assert!(matches!(status, 200..=499 | 501) || wishes_fault, "{status} to {shown}");
        if !is_vendors {
            return body;
        }
        let header = |name: &str| {
            headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
        };
        let plain = match header("is-encrypted") {
            None => body.clone(),
            Some(_) => {
                let text = std::str::from_utf8(&body).expect("base64");
                let plain = CIPHER.decrypt(text).expect("what was encrypted can be decrypted");
                assert_eq!(header("signed"), Some(aes::digest(&plain).as_str()), "{shown}");
                plain
            }
        };
        let value: Value = serde_json::from_slice(&plain).unwrap_or_else(|error| {
            panic!("{error} in the answer {} to {shown}", String::from_utf8_lossy(&plain))
        });
        assert!(value["code"].is_i64(), "{value} to {shown}");
        self.learn(&value);
        body
    }

    /// Remembers what later requests may ask for.
    fn learn(&mut self, answer: &Value) {
        let text = |path: &str| {
            answer.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let known = [
            (&mut self.task, ["/data/TaskID", "/data/list/0/TaskID"]),
            (&mut self.plan, ["/data/PlanID", "/data/list/0/PlanID"]),
            (&mut self.call, ["/data/detail/0/CallID", "/data/list/0/CallID"]),
            (&mut self.link, ["/data/link", "/data/detail/0/RecordLink"]),
        ];
        for (place, paths) in known {
            if let Some(found) = paths.into_iter().find_map(text) {
                // Of a link the path is asked for.
                *place = found.strip_prefix("http://127.0.0.1:2478").unwrap_or(&found).to_owned();
            }
        }
    }

    /// The sums of every task match at every moment.
    fn check_sums(&mut self) {
        let token = self.driver.with(|engine, now| {
            engine.simulator().access_mut().token(TokenKind::Cloud, DEFAULT_APP_KEY, DEFAULT_APP_SECRET, now).expect("a token")
        });
        let list = HttpRequest {
            method: "GET".into(),
            path: "/service/cloud/list".to_owned(),
            query: Some("Number=1000".to_owned()),
            headers: [("authorization", format!("Token {token}"))].into_iter().collect(),
            ..HttpRequest::default()
        };
        let Reply::Answer(answer) = RUNTIME.block_on(self.mock.answer(list)) else { panic!("no list") };
        let answer: Value = serde_json::from_slice(&answer.body).expect("JSON");
        for task in answer["data"]["list"].as_array().expect("a list") {
            let sum = |names: &[&str]| -> i64 {
                names.iter().map(|name| task[*name].as_i64().filter(|n| *n >= 0).expect("a count")).sum()
            };
            let parts = sum(&["Connected", "NotConnected", "Cancelled", "Pending", "Calling"]);
            assert_eq!(sum(&["Total"]), parts, "{task}");
            if matches!(task["Status"].as_str(), Some("finished")) {
                assert_eq!(sum(&["Pending", "Calling"]), 0, "{task}");
            }
        }
    }
}

/// Encrypts a request the way the vendor's clients do.
fn encrypt(request: &mut HttpRequest) {
    let is_query = matches!(&*request.method, "GET" | "HEAD");
    let plain =
        if is_query { request.query.clone().unwrap_or_default().into_bytes() } else { request.body.to_vec() };
    let digest = aes::digest(&plain);
    let signed = request.headers.iter().map(|(name, value)| (name, if name == "signed" { &digest } else { value }));
    request.headers = signed.collect();
    let text = CIPHER.encrypt(&plain);
    if is_query {
        request.query = Some(text);
    } else {
        request.body = text.into_bytes().into();
    }
}

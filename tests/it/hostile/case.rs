//! One row of the table, and what its requests are made of.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::server::{Answer, Server};

/// A request, and what is to come of it.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) wanted: Wanted,
    /// The client sends nothing more and says so, as one that gives up does.
    pub(super) ends: bool,
    /// What is left of the request is not where the next one begins.
    pub(super) garbles: bool,
}

impl Case {
    pub(super) fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>, wanted: Wanted) -> Self {
        Self { name: name.into(), bytes: bytes.into(), wanted, ends: false, garbles: false }
    }

    pub(super) fn ends(self) -> Self {
        Self { ends: true, ..self }
    }

    pub(super) fn garbles(self) -> Self {
        Self { garbles: true, ..self }
    }
}

/// What is to come of a request.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    /// It is served.
    Taken,
    /// The envelope of an error with this status, and a message with this word.
    Refused(Envelope, u16, &'static str),
    /// The task is made, but the row refused, with this word in the reason.
    RowRefused(&'static str),
    /// A status without a body to speak of: it was not clear what was asked for.
    Bare(u16),
    /// The connection is closed.
    Closed,
}

/// How a family reports an error.
#[derive(Clone, Copy, Debug)]
pub(super) enum Envelope {
    /// `code`, `status`, `message`.
    Cloud,
    /// `code`, `message`.
    Sms,
    /// `code`, `msg`.
    Detection,
    /// `code`, `message`: no endpoint of any family.
    Nobody,
    /// `message`: not even a whole request.
    Unread,
}

impl Envelope {
    pub(super) fn check(self, answer: &Answer, status: u16, word: &str) -> Result<(), String> {
        let body = answer.json();
        let names: &[&str] = match self {
            Self::Cloud => &["code", "status", "message"],
            Self::Sms | Self::Nobody => &["code", "message"],
            Self::Detection => &["code", "msg"],
            Self::Unread => &["message"],
        };
        let has: Vec<&str> =
            body.as_object().map(|table| table.keys().map(String::as_str).collect()).unwrap_or_default();
        if answer.status != status {
            return Err(format!("expected {status}"));
        }
        if has != names {
            return Err(format!("the envelope has {has:?}, expected {names:?}"));
        }
        if names.contains(&"code") && body["code"] != status {
            return Err(format!("expected the code {status}"));
        }
        let message = body[names[names.len() - 1]].as_str().unwrap_or_default();
        if !message.contains(word) {
            return Err(format!("the message does not say `{word}`"));
        }
        // Messages are for terminals and logs: one line, not too long, and nothing in it that moves a cursor.
        if message.chars().any(char::is_control) || message.chars().count() > 300 {
            return Err("the message is not fit to be shown".to_owned());
        }
        Ok(())
    }
}

/// What requests need to know.
pub(super) struct World {
    pub(super) token: String,
    /// A task with a number.
    pub(super) task: String,
    pub(super) plan: String,
    names: AtomicUsize,
}

impl World {
    pub(super) fn new(server: &Server) -> Self {
        let mut world = Self {
            token: String::new(),
            task: String::new(),
            plan: String::new(),
            names: AtomicUsize::new(0),
        };
        let text = |answer: Answer, name: &str| {
            answer.json()["data"][name]
                .as_str()
                .unwrap_or_else(|| panic!("no {name}: {}", answer.text()))
                .to_owned()
        };
        let ask = |request: &[u8]| server.ask(request).expect("an answer");
        let auth = json!({ "APPKey": "AIRudderMockKey0000001", "APPSecret": "AIRudderMockSecret0001" });
        world.token = text(ask(&world.post("/service/cloud/auth", &auth)), "token");
        world.task = text(ask(&world.post("/service/cloud/task", &world.new_task())), "TaskID");
        let mut plan = world.new_task();
        plan["PlanName"] = "a plan".into();
        plan["StrategyID"] = "Three rounds until reached".into();
        world.plan = text(ask(&world.post("/service/cloud/plan", &plan)), "PlanID");
        world
    }

    /// The fields of a task that is taken.
    pub(super) fn new_task(&self) -> Value {
        json!({
            "TaskName": format!("task {}", self.names.fetch_add(1, Ordering::Relaxed)),
            "ScheduleStartTime": "2030-01-02 09:00:00",
            "ScheduleEndTime": "2030-01-03 18:00:00",
            "RobotID": "robot",
            "SIPLine": "line",
            "RepeatInterval": 5,
            "RepeatNumber": 2,
            "Type": "normal",
            "Details": [{ "Mobile": "+6281112345678" }],
        })
    }

    fn request(&self, method: &str, target: &str, headers: &str, body: &[u8]) -> Vec<u8> {
        let mut bytes = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token {}\r\n{headers}\r\n",
            self.token
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        bytes
    }

    pub(super) fn get(&self, target: &str) -> Vec<u8> {
        self.request("GET", target, "", b"")
    }

    pub(super) fn bare(&self, method: &str, target: &str) -> Vec<u8> {
        self.request(method, target, "", b"")
    }

    pub(super) fn get_with(&self, target: &str, headers: &str) -> Vec<u8> {
        self.request("GET", target, headers, b"")
    }

    /// A POST whose framing is up to the client.
    pub(super) fn raw_post(&self, target: &str, headers: &str, body: &[u8]) -> Vec<u8> {
        self.request("POST", target, headers, body)
    }

    /// A POST with a body of any bytes, well framed.
    pub(super) fn post_bytes(&self, target: &str, headers: &str, body: &[u8]) -> Vec<u8> {
        self.request("POST", target, &format!("{headers}Content-Length: {}\r\n", body.len()), body)
    }

    pub(super) fn post_text(&self, target: &str, body: &str) -> Vec<u8> {
        self.post_bytes(target, "Content-Type: application/json\r\n", body.as_bytes())
    }

    pub(super) fn post(&self, target: &str, body: &Value) -> Vec<u8> {
        self.post_text(target, &body.to_string())
    }
}

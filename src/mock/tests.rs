//! All families together, without sockets: whatever is requested in whatever order, with time passing and faults in between,
//! nothing panics, the sums match, ids lead somewhere, and equal lives have equal bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Mock;
use super::assembly::Service;
use crate::contract::{Catalog, Direction, Family};
use crate::engine::{Driver, Speed};
use crate::net::{HttpRequest, Reply};
use crate::simulator::{DEFAULT_APP_KEY, DEFAULT_APP_SECRET, TokenKind};

/// One event in the life of the vendor.
#[derive(Clone, Debug)]
enum Happening {
    /// A request: its position in the catalog, a number from which its fields are made, and its fault.
    Request { which: usize, n: u8, fault: Option<&'static str> },
    /// Seconds that pass.
    Pass(u32),
}

fn happening() -> impl Strategy<Value = Happening> {
    let faults = ["503", "429", "expired-token", "garbage", "close", "half"];
    let fault = proptest::option::weighted(0.1, prop::sample::select(faults.to_vec()));
    prop_oneof![
        4 => (any::<usize>(), any::<u8>(), fault).prop_map(|(which, n, fault)| Happening::Request { which, n, fault }),
        1 => (0_u32..100_000).prop_map(Happening::Pass),
    ]
}

/// The last digits of the phone numbers used everywhere: one that talks, a busy line, WhatsApp users of two kinds.
const LAST: [u16; 5] = [9_011, 9_005, 9_064, 9_001, 9_063];

/// An API without sockets, and the ids in its responses so far, by the names of their fields without regard to case and
/// underscores: an id from one response is used in other requests.
struct Context {
    runtime: tokio::runtime::Runtime,
    driver: Driver,
    mock: Service,
    ids: BTreeMap<String, Vec<String>>,
}

impl Context {
    fn new() -> Self {
        // It is never driven: callbacks wait in the outbox, and time passes only when it is moved.
        let mut mock = Mock::builder()
            .settings_text("[delivery]\npreset = 'once'")
            .callback_url("http://127.0.0.1:9/hook")
            .epoch("2030-01-01T00:00:00Z".parse().unwrap())
            .speed(Speed::Max);
        mock.options.max_in_flight = 1;
        let mock = mock.service().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, driver: mock.driver().clone(), mock, ids: BTreeMap::new() }
    }

    fn token(&self, kind: TokenKind) -> String {
        self.driver.with(|engine, now| {
            let access = engine.simulator().access_mut();
            access.token(kind, DEFAULT_APP_KEY, DEFAULT_APP_SECRET, now).unwrap()
        })
    }

    fn pass(&self, by: Duration) {
        self.driver.skip(by);
        // The engine bounds its work per call.
        for _ in 0..200 {
            self.driver.with(|engine, now| engine.advance(now));
        }
    }

    /// Makes a request. Returns status and body.
    fn ask(&mut self, method: &str, path: &str, fields: &Value, fault: Option<&str>) -> (u16, Vec<u8>) {
        let kind = if path.contains("/callcenter/") { TokenKind::Dialer } else { TokenKind::Cloud };
        let mut headers = vec![("authorization".to_owned(), format!("Token {}", self.token(kind)))];
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        headers.extend(fault.map(|fault| ("x-mock-fault".to_owned(), fault.to_owned())));
        let query = fields.as_object().filter(|_| method == "GET").map(|fields| {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let pairs = fields.iter().filter(|(_, value)| !value.is_array() && !value.is_object());
            pairs
                .map(|(name, value)| format!("{name}={}", text(value).replace('+', "%2B")))
                .collect::<Vec<_>>()
                .join("&")
        });
        let body = if method == "GET" { Default::default() } else { fields.to_string().into() };
        let headers = headers.into_iter().collect();
        let request = HttpRequest {
            method: method.to_owned().into(),
            path: path.to_owned(),
            query,
            headers,
            body,
            ..HttpRequest::default()
        };
        self.runtime.block_on(async {
            match self.mock.answer(request).await.here().await {
                Reply::Answer(answer) | Reply::Half(answer) => (answer.status, answer.body.to_vec()),
                Reply::Stream(mut stream) => {
                    let mut body = Vec::new();
                    while let Some(part) = stream.parts.recv().await {
                        body.extend_from_slice(&part);
                    }
                    (stream.status, body)
                }
                Reply::Close | Reply::Reset | Reply::Never | Reply::Later(_) => (0, Vec::new()),
            }
        })
    }

    /// Returns an id that some response gave under this name, or an unknown one.
    fn id(&self, name: &str, n: u8) -> String {
        let known = self.ids.get(&plain(name));
        let one = known.and_then(|known| known.get(usize::from(n) % known.len()));
        one.cloned().unwrap_or_else(|| "0123456789abcdef0123456789abcdef".to_owned())
    }

    /// Returns fields that fit most requests: each request uses the names it knows.
    fn fields(&self, n: u8, serial: usize) -> Value {
        let all: Vec<String> = LAST.iter().map(|last| format!("+62811123{last}")).collect();
        let number = &all[usize::from(n) % all.len()];
        let id = |name: &str| self.id(name, n);
        // A campaign has many recipients, a text message has one.
        let to = if n.is_multiple_of(2) { all.as_slice() } else { std::slice::from_ref(number) };
        let url = "aHR0cDovLzEyNy4wLjAuMTo5L2NhbGxiYWNr";
        let action = ["Stop", "Pause", "Resume"][usize::from(n % 3)];
        let rows = all
            .iter()
            .map(|number| json!({ "Mobile": number, "Comments": n, "callee": number, "case_id": "c" }));
        let rows: Vec<Value> = rows.collect();
        let sign = crate::simulator::detection_signature(DEFAULT_APP_SECRET, "1", "1.0.0");
        let parts = [
            json!({ "APPKey": DEFAULT_APP_KEY, "APPSecret": DEFAULT_APP_SECRET, "Action": action }),
            json!({ "TaskName": format!("t{serial}"), "PlanName": format!("p{serial}") }),
            json!({ "StrategyID": "Busy lines again", "RepeatNumber": 1 + n % 3, "RepeatInterval": n % 5 }),
            json!({ "Details": rows, "details": rows, "CalleeNumber": number, "Callee": number }),
            json!({ "TaskID": id("TaskID"), "PlanID": id("PlanID"), "CallID": id("CallID") }),
            json!({ "workflow_id": id("workflow_id"), "task_id": id("task_id"), "taskId": id("task_id") }),
            json!({ "callid": id("callid"), "call_id": id("call_id"), "waba_task_id": id("waba_task_id") }),
            json!({ "node_id": id("node_id"), "fromTask": id("task_id"), "msg_id": id("msg_id"), "number": number }),
            json!({ "callee": number, "case_id": "c", "to": to, "message": "hello", "from": "mock" }),
            json!({ "callbackUrl": "http://127.0.0.1:9/receipt", "callback": url, "contactList": all }),
            json!({ "workflow_template_id": 1_001 + i64::from(n % 3), "name": format!("w{serial}") }),
            json!({ "auto_finish": n % 3, "end_time": "2031-01-01 00:00:00+08:00" }),
            json!({ "start_time": "2029-01-01 00:00:00", "taskName": format!("d{serial}"), "groupName": "Collections" }),
            json!({ "template_id": 35, "language": "id", "channel_id": id("channel_id"), "user": { "id": number } }),
            json!({ "result": if n.is_multiple_of(2) { "accepted" } else { "refused" }, "seat_id": "sari" }),
            json!({ "messages": [{ "type": "text", "text": "hello" }], "limit": 20, "offset": 0, "size": 20 }),
            json!({ "system": { "appkey": DEFAULT_APP_KEY, "charset": "UTF-8", "signtype": "MD5", "timestamp": "1",
                "version": "1.0.0", "sign": sign } }),
            json!({ "business": { "calls": [{ "callee": number, "callback": url, "prvdata": "p" }] } }),
        ];
        let parts = parts.into_iter().flat_map(|part| part.as_object().cloned().unwrap_or_default());
        let mut fields: serde_json::Map<String, Value> = parts.collect();
        // There is a request that takes only one of them.
        match n % 4 {
            0 => fields.remove("TaskID"),
            1 => fields.remove("PlanID"),
            _ => None,
        };
        Value::Object(fields)
    }

    /// Remembers every text in a response whose field name denotes an id.
    fn note(&mut self, name: &str, answer: &Value) {
        match answer {
            Value::String(text) if !text.is_empty() && plain(name).ends_with("id") => {
                let known = self.ids.entry(plain(name)).or_default();
                if known.len() < 50 && !known.contains(text) {
                    known.push(text.clone());
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.note(name, item)),
            Value::Object(fields) => fields.iter().for_each(|(name, value)| self.note(name, value)),
            _ => {}
        }
    }

    /// Checks the sums of all tasks, and the numbers in the callbacks.
    fn check(&mut self) {
        let list = json!({ "Number": 1_000 });
        let (_, body) = self.ask("GET", "/service/cloud/list", &list, None);
        let list: Value = serde_json::from_slice(&body).unwrap();
        let mut tasks = BTreeSet::new();
        for task in list["data"]["list"].as_array().unwrap() {
            let count = |name: &str| task[name].as_i64().unwrap();
            let parts = ["Connected", "NotConnected", "Cancelled", "Pending", "Calling"].map(count);
            assert_eq!(count("Total"), parts.iter().sum::<i64>(), "{task}");
            tasks.insert(task["TaskID"].as_str().unwrap().to_owned());
        }
        let (totals, callbacks) = self.driver.with(|engine, _| {
            let callbacks: Vec<_> = engine.unfinished().map(|(_, callback)| Arc::clone(callback)).collect();
            (engine.totals(), callbacks)
        });
        assert_eq!(totals.queued, totals.pending, "nothing was sent, and nothing is lost");
        for callback in callbacks {
            let entry = Catalog::builtin().get(&callback.event).expect("an event of the catalog");
            assert_eq!(
                (entry.direction, callback.signer.is_some()),
                (Direction::Callback, entry.signed),
                "{}",
                entry.id
            );
            let body: Value = serde_json::from_slice(&callback.body).unwrap();
            if entry.family == Family::Cloud
                && let Some(task) = body["TaskID"].as_str()
            {
                assert!(tasks.contains(task), "{} of a task that is not there: {body}", entry.id);
            }
        }
    }

    /// Applies all events. Returns all responses and callbacks.
    fn live(mut self, happenings: &[Happening]) -> Vec<Vec<u8>> {
        let requests: Vec<_> =
            Catalog::builtin().requests().flat_map(|entry| &entry.routes).cloned().collect();
        let mut answers = Vec::new();
        for (serial, happening) in happenings.iter().enumerate() {
            match happening {
                Happening::Pass(seconds) => self.pass(Duration::from_secs(u64::from(*seconds))),
                Happening::Request { which, n, fault } => {
                    let route = &requests[which % requests.len()];
                    let path = route.path.replace("{name}", "line");
                    let (status, body) = self.ask(&route.method, &path, &self.fields(*n, serial), *fault);
                    if fault.is_none() {
                        assert!((200..500).contains(&status), "{status} to {path}");
                        let answer: Value = serde_json::from_slice(&body).unwrap();
                        assert!(answer["code"].is_i64(), "{answer} to {path}");
                        self.note("", &answer);
                    }
                    answers.push(body);
                }
            }
        }
        self.check();
        self.pass(Duration::from_secs(40 * 24 * 3_600));
        self.check();
        self.driver.look(|engine, _| answers.extend(engine.unfinished().map(|(_, one)| one.body.to_vec())));
        answers
    }
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 20, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_requested_the_vendor_stays_sound(happenings in proptest::collection::vec(happening(), 1..60)) {
        let answers = Context::new().live(&happenings);
        prop_assert!(answers == Context::new().live(&happenings), "equal lives differ");
    }
}

/// The requests that the fields of such a life never fit: they need a special file, a conversation that an agent has taken
/// over, or an object in a rare state.
const NEVER: [&str; 7] = [
    "task.cancel_call",
    "workflow.update_contact",
    "chatbot.mark_read",
    "chatbot.upload",
    "chatbot.upload_map",
    "dialer.copy_task",
    "dialer.cancel_contacts",
];

/// The fields fit. If requests were refused, the property above would say little.
#[test]
fn most_requests_succeed_in_a_life_of_many() {
    let mut context = Context::new();
    let mut done = BTreeSet::new();
    let requests: Vec<_> = Catalog::builtin()
        .requests()
        .flat_map(|entry| entry.routes.iter().map(move |route| (entry.id.as_str(), entry.family, route)))
        .collect();
    for serial in 0..40 {
        for (id, family, route) in &requests {
            let n = u8::try_from(serial * 7 % 251).unwrap_or(u8::MAX);
            let path = route.path.replace("{name}", "line");
            let (status, body) = context.ask(&route.method, &path, &context.fields(n, serial), None);
            let answer: Value = serde_json::from_slice(&body).unwrap();
            if status == 200 && answer["code"] == crate::contract::envelope::success_code(*family) {
                done.insert(*id);
            }
            context.note("", &answer);
        }
        context.pass(Duration::from_secs(600));
    }
    context.check();
    let never: Vec<&str> = requests.iter().map(|(id, ..)| *id).filter(|id| !done.contains(id)).collect();
    assert_eq!(never, NEVER);
}

//! What `settle` says holds: whatever happened before, nothing is open afterwards, and nothing comes up within the time that
//! it vouches for. All of it in virtual time and without sockets.
//!
//! `AIRUDDER_MOCK_LIVES=10000` has so many lives lived in place of a few.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Mock;
use super::again_tests::delivery;
use super::assembly::Service;
use crate::delivery::{AttemptResult, CallbackId, ErrorClass, Failure, ReceiverResponse};
use crate::engine::{Receiver, Speed};
use crate::journal::{Entry, Event, KeptLimits, Sink};
use crate::net::{HttpRequest, HttpResponse, Reply};
use crate::seed::Seed;
use crate::simulator::{DEFAULT_APP_KEY, DEFAULT_APP_SECRET, TokenKind};

/// What the receiver does with a callback.
#[derive(Clone, Copy, Debug)]
enum Receives {
    Takes,
    Refuses,
    TooMany,
    NobodyListens,
    /// Takes it after so many seconds of real time.
    Slowly(u32),
    /// Each attempt fares in another way.
    AnyOfThese,
}

/// Something that happens to a mock, or that somebody does.
#[derive(Clone, Debug)]
enum Deed {
    /// A request of the vendor's, the `n`-th of [`request`], about numbers with these last digits.
    Request {
        which: usize,
        ends: Vec<u16>,
        is_late: bool,
    },
    /// A person begins a chat and writes.
    Chat(&'static str),
    /// The person of the latest chat does something.
    Act(Value),
    /// A callback is sent by hand.
    Emit(&'static str),
    /// A callback is sent again, one of those there are.
    Resend(usize),
    /// Something goes wrong from now on.
    Fault(&'static str),
    /// Nothing goes wrong on purpose any more.
    NoFaults,
    /// From now on the receiver is like this.
    Receiver(Receives),
    /// So many seconds pass.
    Pass(u32),
    Speed(&'static str),
    /// Somebody waits for the end of it all.
    Settle {
        advance: bool,
        horizon: Option<u32>,
    },
}

const REQUESTS: usize = 11;

/// The last digits of numbers that talk, are busy, or reply in WhatsApp in every way.
const ENDS: [u16; 14] =
    [9_001, 9_003, 9_005, 9_010, 9_011, 9_019, 9_033, 9_050, 9_060, 9_063, 9_064, 9_065, 9_066, 9_067];

const FAULTS: [&str; 14] = [
    "503 of task.create, 50%",
    "slow-2s of sms.send, every 2nd",
    "drop 50%",
    "at-once, every 2nd",
    "duplicate",
    "duplicate count=2 after=5m",
    "signed-anew after=1h",
    "reorder 30%",
    "hold within=2m",
    "burst count=4 within=30s",
    "delay after=1m, every 3rd",
    "answer-lost 20%",
    "replay, first 2",
    "body-unknown-fields",
];

fn receives() -> impl Strategy<Value = Receives> {
    prop_oneof![
        3 => Just(Receives::Takes),
        1 => Just(Receives::Refuses),
        1 => Just(Receives::TooMany),
        1 => Just(Receives::NobodyListens),
        1 => (1_u32..8).prop_map(Receives::Slowly),
        2 => Just(Receives::AnyOfThese),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    let acts = vec![
        json!({ "write": "Where is my parcel?" }),
        json!({ "send": "image" }),
        json!({ "ask_for_agent": true }),
        json!({ "fall_silent": true }),
        json!({ "opt_out": true }),
    ];
    let ends = proptest::collection::vec(prop::sample::select(ENDS.to_vec()), 1..4);
    let horizon = proptest::option::of(prop_oneof![0_u32..10, 0_u32..10_000, 0_u32..200_000]);
    prop_oneof![
        6 => (0..REQUESTS, ends, proptest::bool::weighted(0.1))
            .prop_map(|(which, ends, is_late)| Deed::Request { which, ends, is_late }),
        1 => prop::sample::select(vec!["hello", "agent", "Saya mau bicara dengan orang"]).prop_map(Deed::Chat),
        2 => prop::sample::select(acts).prop_map(Deed::Act),
        1 => prop::sample::select(vec!["session.transfer", "agent.message", "call.completed"]).prop_map(Deed::Emit),
        1 => any::<usize>().prop_map(Deed::Resend),
        1 => prop::sample::select(FAULTS.to_vec()).prop_map(Deed::Fault),
        1 => Just(Deed::NoFaults),
        2 => receives().prop_map(Deed::Receiver),
        2 => prop_oneof![0_u32..60, 0_u32..20_000].prop_map(Deed::Pass),
        1 => prop::sample::select(vec!["0", "1", "60", "max"]).prop_map(Deed::Speed),
        3 => (any::<bool>(), horizon).prop_map(|(advance, horizon)| Deed::Settle { advance, horizon }),
    ]
}

/// What became of the callbacks, as whoever reads the journal sees it.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<Books>>);

#[derive(Default)]
struct Books {
    queued: Vec<CallbackId>,
    open: BTreeSet<CallbackId>,
    /// When something was queued or tried last.
    last: Option<Timestamp>,
}

impl Sink for Ledger {
    fn entry(&mut self, entry: &Entry) {
        let mut books = self.0.lock().unwrap();
        match &entry.event {
            Event::Queued(callback) => {
                books.queued.push(callback.id);
                books.open.insert(callback.id);
                books.last = Some(entry.at);
            }
            Event::Attempted { .. } => books.last = Some(entry.at),
            Event::Ended { callback, .. } => {
                assert!(books.open.remove(&callback.id), "{:?} ends twice", callback.id);
            }
            _ => {}
        }
    }
}

fn answered(status: u16, headers: &[(&str, &str)]) -> AttemptResult {
    let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let answer = ReceiverResponse { status, headers, body: Bytes::from_static(b"{}"), truncated: false };
    AttemptResult { result: Ok(answer), elapsed: Duration::ZERO }
}

fn receiver(receives: Arc<Mutex<Receives>>) -> Receiver {
    Box::new(move |attempt| {
        let number = Seed(attempt.callback.id.0).derive("attempt", u64::from(attempt.number)).0;
        let how = match *receives.lock().unwrap() {
            Receives::AnyOfThese => match number % 6 {
                0 => Receives::Refuses,
                1 => Receives::TooMany,
                2 => Receives::NobodyListens,
                3 => Receives::Slowly(3),
                _ => Receives::Takes,
            },
            how => how,
        };
        Box::pin(async move {
            match how {
                Receives::Takes | Receives::AnyOfThese => answered(200, &[]),
                Receives::Refuses => answered(503, &[]),
                Receives::TooMany => answered(429, &[("retry-after", "20")]),
                Receives::NobodyListens => {
                    let failure =
                        Failure { class: ErrorClass::Refused, message: "nobody listens".to_owned() };
                    AttemptResult { result: Err(failure), elapsed: Duration::ZERO }
                }
                Receives::Slowly(seconds) => {
                    tokio::time::sleep(Duration::from_secs(seconds.into())).await;
                    answered(200, &[])
                }
            }
        })
    })
}

/// A mock, who uses it, and what is known of it from outside.
struct Life {
    mock: Service,
    ledger: Ledger,
    receives: Arc<Mutex<Receives>>,
    chat: Value,
    task: Value,
    /// The requests that are not answered yet.
    late: Vec<tokio::task::JoinHandle<()>>,
    /// How often `settle` said that all is over, and that it is not.
    settled: [usize; 2],
}

impl Life {
    fn new(seed: u64, delivery: &str) -> Self {
        let (ledger, receives) = (Ledger::default(), Arc::new(Mutex::new(Receives::Takes)));
        let mut mock = Mock::builder()
            .settings_text(delivery)
            .callback_url("http://127.0.0.1:9/hook")
            .epoch("2030-01-01T00:00:00Z".parse().unwrap())
            .seed(seed)
            .speed(Speed::Still)
            .sink(ledger.clone());
        mock.options.kept = KeptLimits::default();
        let mock = mock.service().unwrap();
        mock.driver().send_to(receiver(Arc::clone(&receives)));
        let (chat, task) = (Value::Null, Value::Null);
        Self { mock, ledger, receives, chat, task, late: Vec::new(), settled: [0; 2] }
    }

    async fn control(&self, method: &'static str, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.ask(method, path, &[], body).await;
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    fn request(method: &'static str, path: &str, headers: &[(&str, &str)], body: &Value) -> HttpRequest {
        let json = [("content-type", "application/json")];
        HttpRequest {
            method: method.into(),
            path: path.to_owned(),
            headers: json.iter().chain(headers).copied().collect(),
            body: body.to_string().into(),
            ..HttpRequest::default()
        }
    }

    async fn ask(
        &self,
        method: &'static str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> HttpResponse {
        match self.mock.answer(Self::request(method, path, headers, body)).await.here().await {
            Reply::Answer(answer) => answer,
            // It is another one on purpose.
            _ => HttpResponse::json(0, &Value::Null),
        }
    }

    /// Path and body of a request.
    fn vendor(&self, serial: usize, which: usize, ends: &[u16]) -> (&'static str, Value) {
        let number = |(at, end): (usize, &u16)| format!("+6281{serial:02}{at}{end}");
        let numbers: Vec<String> = ends.iter().enumerate().map(number).collect();
        let rows = |name: &str| numbers.iter().map(|number| json!({ name: number })).collect::<Vec<Value>>();
        let name = format!("n{serial}");
        match which {
            0 | 1 => (
                "/service/cloud/task",
                json!({ "TaskName": name, "RobotID": "Welcome call", "RepeatNumber": which + 1,
                    "RepeatInterval": 5, "Details": rows("Mobile") }),
            ),
            2 => (
                "/service/cloud/plan",
                json!({ "PlanName": name, "RobotID": "Welcome call",
                    "StrategyID": "Busy lines again", "Details": rows("Mobile") }),
            ),
            3 => (
                "/service/cloud/workflow/createinstance",
                json!({ "workflow_template_id": 1001 + serial % 3, "name": name,
                    "end_time": "2030-02-01 00:00:00+08:00", "auto_finish": serial % 3, "details": rows("callee") }),
            ),
            4 => ("/api/v1/template/send", json!({ "template_id": 35, "to": numbers })),
            5 => {
                ("/api/v1/template/send_single", json!({ "template_id": 35, "to": { "number": numbers[0] } }))
            }
            6 => (
                "/service/sms/message/v2/send",
                json!({ "to": numbers, "message": "Halo", "from": "M",
                    "callbackUrl": "http://127.0.0.1:9/sms" }),
            ),
            7 => (
                "/service/callcenter/call/predict/createtask",
                json!({ "taskName": name, "groupName": "Customer care",
                    "callback": "aHR0cDovLzEyNy4wLjAuMTo5Lw==", "contactList": rows("phoneNumber") }),
            ),
            8 => ("/service/cloud/operation", json!({ "TaskID": self.task, "Action": "Stop" })),
            9 => ("/api/v1/session/transfer_result", json!({ "call_id": self.chat, "result": "accepted" })),
            _ => (
                "/api/v1/channel/huawei/message",
                json!({ "channel": "HuaWei", "channel_id": "77",
                    "user": { "id": numbers[0] }, "messages": [{ "type": "text", "text": "I want a person" }] }),
            ),
        }
    }

    async fn happens(&mut self, serial: usize, deed: &Deed) {
        match deed {
            Deed::Request { which, ends, is_late } => {
                let (path, body) = self.vendor(serial, *which, ends);
                let kind = if path.contains("callcenter") { TokenKind::Dialer } else { TokenKind::Cloud };
                let token = self.mock.driver().with(|engine, now| {
                    let access = engine.simulator().access_mut();
                    access.token(kind, DEFAULT_APP_KEY, DEFAULT_APP_SECRET, now).unwrap()
                });
                let token = format!("Token {token}");
                let mut headers = vec![("authorization", token.as_str())];
                if *is_late {
                    // Nobody waits for its answer but `settle`.
                    headers.push(("x-mock-fault", "slow-3s"));
                    let answering = self.mock.answer(Self::request("POST", path, &headers, &body));
                    let waiting = tokio::spawn(async move { drop(answering.await.here().await) });
                    tokio::task::yield_now().await;
                    self.late.push(waiting);
                    return;
                }
                let answer = self.ask("POST", path, &headers, &body).await;
                let answer: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                if let Some(task) = answer["data"].get("TaskID") {
                    self.task = task.clone();
                }
            }
            Deed::Chat(text) => {
                let (_, begun) = self.control("POST", "/_mock/chats", &json!({ "write": text })).await;
                self.chat = begun["conversation"].clone();
            }
            Deed::Act(act) => {
                let mut act = act.clone();
                act["conversation"] = self.chat.clone();
                self.control("POST", "/_mock/user", &act).await;
            }
            Deed::Emit(event) => {
                self.control("POST", "/_mock/emit", &json!({ "event": event })).await;
            }
            Deed::Resend(which) => {
                let queued = self.ledger.0.lock().unwrap().queued.clone();
                if let Some(callback) = queued.get(which % queued.len().max(1)) {
                    let path = format!("/_mock/callbacks/{}/resend", callback.0);
                    self.control("POST", &path, &json!({})).await;
                }
            }
            Deed::Fault(fault) => {
                let (status, answer) =
                    self.control("POST", "/_mock/faults", &json!({ "fault": fault })).await;
                assert_eq!(status, 201, "{answer}");
            }
            Deed::NoFaults => {
                let (_, listed) = self.control("GET", "/_mock/faults", &Value::Null).await;
                for fault in listed["faults"].as_array().into_iter().flatten() {
                    self.control("DELETE", &format!("/_mock/faults/{}", fault["number"]), &Value::Null).await;
                }
            }
            Deed::Receiver(receives) => *self.receives.lock().unwrap() = *receives,
            Deed::Pass(seconds) => {
                self.mock.driver().travel(Duration::from_secs((*seconds).into())).await;
            }
            Deed::Speed(speed) => {
                let (status, answer) = self.control("POST", "/_mock/clock", &json!({ "speed": speed })).await;
                assert_eq!(status, 200, "{answer}");
            }
            Deed::Settle { advance, horizon } => self.settle(*advance, *horizon).await,
        }
    }

    /// Settles, and looks whether it is true.
    async fn settle(&mut self, advance: bool, horizon: Option<u32>) {
        // It looks every few milliseconds of real time, so that a long wait in vain is long here, too.
        let mut ask = json!({ "within": "5s", "advance": advance });
        if let Some(seconds) = horizon {
            ask["horizon"] = format!("{seconds}s").into();
        }
        let (status, answer) = self.control("POST", "/_mock/settle", &ask).await;
        let unanswered = self.late.iter().filter(|late| !late.is_finished()).count();
        let (totals, is_busy, now, next) = self
            .mock
            .driver()
            .look(|engine, now| (engine.totals(), engine.is_busy(), now, engine.next_wakeup()));
        let open = self.ledger.0.lock().unwrap().open.clone();
        let unfinished = totals.pending + totals.in_flight + totals.waiting;
        assert_eq!(open.len() as u64, unfinished, "the journal and the sums differ: {open:?}, {totals:?}");
        let end = now + Duration::from_secs(horizon.unwrap_or_default().into());
        self.settled[usize::from(status != 200)] += 1;
        if status != 200 {
            assert_eq!((status, &answer["settled"]), (417, &json!(false)), "{answer}");
            let why = answer["why"].as_str().unwrap_or_default();
            let is_still = why.starts_with("the clock stands still at");
            assert!(is_still || why.starts_with("not everything was over within 5s"), "{answer}");
            assert!(!is_still || totals.in_flight == 0 && next.is_some_and(|at| at > now), "{answer}");
            let is_due = horizon.is_some() && next.is_some_and(|at| at <= end);
            assert!(unfinished > 0 || is_busy || is_due || answer["late"] != 0, "nothing is open: {answer}");
            return;
        }
        assert_eq!(answer["settled"], true, "{answer}");
        assert_eq!(answer["open"], json!([]), "{answer}");
        assert!(open.is_empty(), "{open:?} of {answer}");
        // Who waits for an answer that is there gets it in his next turn.
        if unanswered > 0 {
            tokio::task::yield_now().await;
        }
        assert!(self.late.iter().all(tokio::task::JoinHandle::is_finished), "a request waits: {answer}");
        if horizon.is_none() {
            assert!(!is_busy, "{answer}");
            return;
        }
        // Time itself is the proof: nothing comes up until then.
        assert!(next.is_none_or(|at| at > end), "{next:?} within {end}: {answer}");
        self.mock.driver().travel(Duration::try_from(end.duration_since(now)).unwrap()).await;
        let last = self.ledger.0.lock().unwrap().last;
        assert!(last.is_none_or(|at| at <= now || at > end), "at {last:?}, from {now} to {end}: {answer}");
    }
}

/// Lives a life; how often `settle` said that all is over, and that it is not.
fn live(seed: u64, delivery: &str, deeds: &[Deed]) -> [usize; 2] {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut life = Life::new(seed, delivery);
        let driver = life.mock.driver().clone();
        tokio::select! {
            () = async {
                for (serial, deed) in deeds.iter().enumerate() {
                    life.happens(serial, deed).await;
                }
                for horizon in [None, Some(3_600)] {
                    life.settle(true, horizon).await;
                }
            } => {}
            _ = driver.drive(std::future::pending()) => unreachable!("a mock lasts"),
        }
        life.settled
    })
}

fn lives() -> u32 {
    std::env::var("AIRUDDER_MOCK_LIVES").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: lives(), ..ProptestConfig::default() })]

    #[test]
    fn after_settle_nothing_is_open(
        seed in any::<u64>(),
        delivery in delivery(),
        deeds in proptest::collection::vec(deed(), 1..14),
    ) {
        live(seed, &delivery, &deeds);
    }
}

/// Did `settle` always say the same, the property above would say little.
#[test]
fn settle_says_both() {
    let well = [
        Deed::Request { which: 0, ends: vec![9_001, 9_005], is_late: false },
        Deed::Request { which: 6, ends: vec![9_001], is_late: true },
        Deed::Settle { advance: false, horizon: Some(0) },
        Deed::Settle { advance: true, horizon: None },
    ];
    assert_eq!(live(1, "", &well), [4, 0]);
    let down = [
        Deed::Receiver(Receives::NobodyListens),
        Deed::Emit("session.transfer"),
        Deed::Settle { advance: false, horizon: None },
    ];
    assert_eq!(live(1, "", &down), [2, 1]);
}

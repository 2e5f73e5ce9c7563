//! A fresh mock that gets the inputs of another mock comes to the same state, whatever they are.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::assembly::Service;
use super::beginning::SharedBeginning;
use super::remake::replay;
use super::{Builder, Folder, Mock};
use crate::api::Late;
use crate::console::Beginning;
use crate::delivery::{AttemptResult, ReceiverResponse};
use crate::engine::{Checkpoint, Input, Speed, Written};
use crate::journal::{Entry, Event, KeptLimits, Lines, Sink};
use crate::net::{HttpRequest, HttpResponse, Reply};
use crate::seed::Seed;
use crate::simulator::{DEFAULT_APP_KEY, DEFAULT_APP_SECRET};

/// The entries of the journal, without what depends on real time.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Sink for Seen {
    fn entry(&mut self, entry: &Entry) {
        // Whether the mock waits for a receiver depends on real time.
        if matches!(&entry.event, Event::Note(note) if note.contains("refuses connections")) {
            return;
        }
        let line = Lines { show_secrets: true, ..Lines::default() }.line(entry);
        let mut line = Value::Object(line);
        line["seq"] = Value::Null;
        self.0.lock().unwrap().push(line.to_string());
    }

    fn takes_earlier(&self) -> bool {
        true
    }
}

impl Seen {
    fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}

/// How callbacks are delivered, and what a receiver does with them.
#[derive(Clone, Debug)]
struct Way {
    settings: String,
    /// How many of ten attempts fail.
    fails: u64,
    /// Whether time passes by itself, so that many things are under way at once.
    is_real: bool,
}

impl Default for Way {
    fn default() -> Self {
        Self { settings: String::new(), fails: 10, is_real: false }
    }
}

/// Returns settings with everything that holds callbacks back for the sake of their receiver.
pub(super) fn delivery() -> impl Strategy<Value = String> {
    let one_of = |lines: [&'static str; 4]| prop::sample::select(lines.to_vec());
    let held_back = (
        one_of(["", "", "pause_after = 1\npause = '40s'\n", "pause_after = 3\npause = '10m'\n"]),
        one_of(["", "concurrency = 1\n", "concurrency = 2\n", "concurrency = 3\n"]),
        one_of(["", "", "disable_after = '90s'\n", "disable_after = '1h'\n"]),
        one_of(["", "order = 'independent'\n", "order = 'fifo'\n", "gaps = ['1s', '7m']\n"]),
    );
    held_back.prop_map(|(pause, concurrency, disable, other)| {
        format!("[delivery]\n{pause}{concurrency}{disable}{other}")
    })
}

fn way() -> impl Strategy<Value = Way> {
    let limits = prop::sample::select(vec!["", "[limits]\nkeep_for = '30m'\n"]);
    (delivery(), limits, 0_u64..=10, any::<bool>()).prop_map(|(delivery, limits, fails, is_real)| Way {
        settings: format!("{limits}{delivery}"),
        fails,
        is_real,
    })
}

impl Way {
    /// Returns a mock that lives in this way.
    fn mock(&self, seen: &Seen) -> Service {
        let speed = if self.is_real { Speed::Times(1.0) } else { Speed::Still };
        let mock = builder(seen).settings_text(&self.settings).speed(speed).service().unwrap();
        let fails = self.fails;
        mock.driver().send_to(Box::new(move |attempt| {
            let number = Seed(attempt.callback.id.0).derive("attempt", u64::from(attempt.number)).0;
            Box::pin(async move {
                tokio::time::sleep(Duration::from_secs(number % 4)).await;
                let status = if number / 4 % 10 < fails { 503 } else { 200 };
                let body = Bytes::from_static(b"{}");
                let response = ReceiverResponse { status, headers: Vec::new(), body, truncated: false };
                AttemptResult { result: Ok(response), elapsed: Duration::ZERO }
            })
        }));
        mock
    }
}

fn builder(seen: &Seen) -> Builder {
    let mut builder = Mock::builder()
        .callback_url("http://127.0.0.1:9/hook")
        .epoch("2030-01-01T00:00:00Z".parse().unwrap())
        .seed(7)
        .speed(Speed::Still)
        .sink(seen.clone());
    (builder.options.kept, builder.options.can_go_back) = (KeptLimits::default(), true);
    builder
}

async fn ask(mock: &Service, request: HttpRequest) -> HttpResponse {
    match mock.answer(request).await {
        Reply::Answer(answer) => answer,
        other => panic!("an answer comes, not {other:?}"),
    }
}

fn post(path: &str, headers: &[(&str, &str)], body: &Value) -> HttpRequest {
    let json = [("content-type", "application/json")];
    HttpRequest {
        method: "POST".into(),
        path: path.to_owned(),
        headers: json.iter().chain(headers).copied().collect(),
        body: body.to_string().into(),
        ..HttpRequest::default()
    }
}

/// One event in the life of a mock.
#[derive(Clone, Debug)]
enum Deed {
    /// Creates a task with phone numbers whose last digits decide the outcome of each call.
    Task(Vec<u16>),
    /// A person opens a chat and writes.
    Chat(String),
    /// The person of the latest chat acts.
    Act(Value),
    /// A callback is sent by hand.
    Emit,
    /// A fault is added.
    Fault(&'static str),
    /// A request is refused or has no endpoint.
    Wrong,
    /// A request asks for its own fault.
    Delayed,
    /// This many seconds pass.
    Pass(u32),
}

const FAULTS: [&str; 10] = [
    "503 of task.create, 50%",
    "drop 50%",
    "at-once, every 2nd",
    "burst count=3 within=30s",
    "duplicate",
    "reorder 30%",
    "hold",
    "delay after=1m, every 3rd",
    "answer-lost 20%",
    "replay, first 2",
];

fn deed() -> impl Strategy<Value = Deed> {
    let ends: Vec<u16> = (9_001..=9_019).chain(9_022..=9_024).chain(9_031..=9_033).collect();
    let acts =
        vec![json!({ "write": "hello" }), json!({ "ask_for_agent": true }), json!({ "opt_out": true })];
    prop_oneof![
        proptest::collection::vec(prop::sample::select(ends), 1..5).prop_map(Deed::Task),
        "[a-z ]{0,12}".prop_map(Deed::Chat),
        prop::sample::select(acts).prop_map(Deed::Act),
        Just(Deed::Emit),
        prop::sample::select(FAULTS.to_vec()).prop_map(Deed::Fault),
        Just(Deed::Wrong),
        Just(Deed::Delayed),
        (1_u32..20_000).prop_map(Deed::Pass),
    ]
}

/// Applies these events to a mock.
async fn live(mock: &Service, way: &Way, deeds: &[Deed]) {
    let auth = json!({ "APPKey": DEFAULT_APP_KEY, "APPSecret": DEFAULT_APP_SECRET });
    let token = ask(mock, post("/service/cloud/auth", &[], &auth)).await;
    let token: Value = serde_json::from_slice(&token.body).unwrap();
    let token = format!("Token {}", token["data"]["token"].as_str().unwrap());
    let proof = [("authorization", token.as_str())];
    let mut chat = Value::Null;
    for (serial, deed) in deeds.iter().enumerate() {
        match deed {
            Deed::Task(ends) => {
                let row = |(n, end)| json!({ "Mobile": format!("+6281{n:03}{end}") });
                let rows: Vec<Value> = ends.iter().enumerate().map(row).collect();
                let fields = json!({
                    "TaskName": format!("t{serial}"), "RobotID": "Welcome call", "Details": rows,
                });
                ask(mock, post("/service/cloud/task", &proof, &fields)).await;
            }
            Deed::Chat(text) => {
                let begun = ask(mock, post("/_mock/chats", &[], &json!({ "write": text }))).await;
                let begun: Value = serde_json::from_slice(&begun.body).unwrap();
                chat = begun["conversation"].clone();
            }
            Deed::Act(act) => {
                let mut act = act.clone();
                act["conversation"] = chat.clone();
                ask(mock, post("/_mock/user", &[], &act)).await;
            }
            Deed::Emit => {
                ask(mock, post("/_mock/emit", &[], &json!({ "event": "agent.transfer" }))).await;
            }
            Deed::Fault(fault) => {
                let added = ask(mock, post("/_mock/faults", &[], &json!({ "fault": fault }))).await;
                assert_eq!(added.status, 201, "{:?}", added.body);
            }
            Deed::Wrong => {
                ask(mock, post("/service/cloud/tusk", &proof, &json!({}))).await;
                ask(mock, post("/service/cloud/task", &[], &json!({}))).await;
            }
            Deed::Delayed => {
                let headers = [proof[0], ("x-mock-fault", "slow-1ms")];
                drop(mock.answer(post("/service/cloud/task", &headers, &json!({}))).await.here().await);
            }
            Deed::Pass(seconds) => {
                let time = Duration::from_secs(u64::from(*seconds));
                if way.is_real {
                    tokio::time::sleep(time).await;
                } else {
                    mock.driver().travel(time).await;
                }
            }
        }
    }
}

fn in_time<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap().block_on(work)
}

fn kept(mock: &Service) -> Vec<Arc<Input>> {
    mock.driver().history().unwrap().inputs().unwrap().to_vec()
}

/// Returns the inputs of a life, written and read again, and its journal.
fn lived(way: &Way, deeds: &[Deed]) -> (Vec<Arc<Input>>, String) {
    in_time(async {
        let seen = Seen::default();
        let mock = way.mock(&seen);
        tokio::select! {
            () = live(&mock, way, deeds) => {}
            _ = mock.driver().drive(std::future::pending()) => unreachable!("a mock lasts"),
        }
        let written = |input: &Arc<Input>| {
            let text = serde_json::to_string(&Written::of(input)).unwrap();
            Arc::new(serde_json::from_str::<Written>(&text).unwrap().input().unwrap())
        };
        (kept(&mock).iter().map(written).collect(), seen.text())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_same_inputs_lead_to_the_same_state(
        way in way(),
        deeds in proptest::collection::vec(deed(), 1..12),
    ) {
        let (inputs, before) = lived(&way, &deeds);
        let seen = Seen::default();
        in_time(async {
            let mock = way.mock(&seen);
            replay(&mock, &inputs).unwrap();
            assert_eq!(kept(&mock).len(), inputs.len());
        });
        prop_assert_eq!(seen.text(), before);
    }
}

/// Returns a moment of a life, the later inputs, and their journal.
fn lived_on(way: &Way, deeds: &[Deed], until: usize) -> (Checkpoint, Late, Vec<Arc<Input>>, String) {
    in_time(async {
        let seen = Seen::default();
        let mock = way.mock(&seen);
        let life = async {
            live(&mock, way, &deeds[..until]).await;
            let (checkpoint, late) = mock.driver().checkpoint(|| mock.api().late()).unwrap();
            seen.0.lock().unwrap().clear();
            let before = kept(&mock).len();
            live(&mock, way, &deeds[until..]).await;
            (checkpoint, late, kept(&mock).split_off(before))
        };
        let (checkpoint, late, after) = tokio::select! {
            lived = life => lived,
            _ = mock.driver().drive(std::future::pending()) => unreachable!("a mock lasts"),
        };
        (checkpoint, late, after, seen.text())
    })
}

/// Returns the journal of a mock that continues from a moment with the same inputs.
fn gone_on(way: &Way, checkpoint: &Checkpoint, late: &Late, after: &[Arc<Input>]) -> String {
    let seen = Seen::default();
    in_time(async {
        let mock = way.mock(&seen);
        mock.driver().go_back_to(checkpoint, || mock.api().take_over_late(late.clone())).unwrap();
        replay(&mock, after).unwrap();
    });
    seen.text()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// A moment is the complete state, and a mock that continues from it does not change it.
    #[test]
    fn a_mock_goes_on_from_a_moment_as_it_did(
        way in way(),
        deeds in proptest::collection::vec(deed(), 2..12),
        until in any::<prop::sample::Index>(),
    ) {
        let (checkpoint, late, after, journal) = lived_on(&way, &deeds, until.index(deeds.len()));
        for _ in 0..2 {
            prop_assert_eq!(&gone_on(&way, &checkpoint, &late, &after), &journal);
        }
    }
}

/// The numbers of inputs begin anew when a mock is put back, and the timers of delayed requests do not end.
#[tokio::test(start_paused = true)]
async fn a_delayed_request_takes_no_other_request_over() {
    let mock = builder(&Seen::default()).service().unwrap();
    let (beginning, late) = mock.driver().checkpoint(|| mock.api().late()).unwrap();
    let slowly = async |app_key: &str| {
        let fields = json!({ "APPKey": app_key, "APPSecret": DEFAULT_APP_SECRET });
        mock.answer(post("/service/cloud/auth", &[("x-mock-fault", "slow-4s")], &fields)).await
    };
    let began = Instant::now();
    let first = slowly("of an earlier test").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    mock.driver().go_back_to(&beginning, || mock.api().take_over_late(late)).unwrap();
    let second = slowly(DEFAULT_APP_KEY).await;
    assert!(matches!(first.here().await, Reply::Close));
    assert!(began.elapsed() < Duration::from_secs(5));
    match second.here().await {
        Reply::Answer(answer) => {
            let answer: Value = serde_json::from_slice(&answer.body).unwrap();
            assert!(answer["data"]["token"].is_string(), "{answer}");
        }
        other => panic!("an answer comes, not {other:?}"),
    }
    assert!(began.elapsed() >= Duration::from_secs(5));
}

#[test]
fn what_a_mock_begins_with_is_stored_with_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let beginning = |seed| Beginning { seed, stories: None, namespace: None };
    let opened = Folder::open(folder.path(), || beginning(7)).unwrap();
    let shared = SharedBeginning::new(opened.beginning().clone());
    let mut store = opened.into_store(shared.clone());
    // It is put back to a state with another beginning.
    shared.replace(beginning(8));
    store.replace(&[]).unwrap();
    drop(store);
    assert_eq!(Folder::open(folder.path(), || beginning(9)).unwrap().beginning().seed, 8);
}

#[test]
fn a_whole_life_is_lived_again() {
    let deeds = [
        Deed::Task(vec![9_001, 9_033]),
        Deed::Chat("hello".to_owned()),
        Deed::Delayed,
        Deed::Pass(4_000),
        Deed::Act(json!({ "ask_for_agent": true })),
        Deed::Emit,
        Deed::Fault("drop of task.finished"),
        Deed::Fault("at-once"),
        Deed::Task(vec![9_002]),
        Deed::Pass(90_000),
    ];
    let way = Way::default();
    let (inputs, before) = lived(&way, &deeds);
    for what in
        ["\"event\":\"call.completed\",", "\"kind\":\"dead\"", "session.transfer", "\"call\":\"task.create\""]
    {
        assert!(before.contains(what), "{what}: {before}");
    }
    let late = inputs.iter().filter(|input| matches!(input.given, crate::engine::Given::Late(_)));
    assert_eq!(late.count(), 1);
    let seen = Seen::default();
    in_time(async {
        let mock = way.mock(&seen);
        replay(&mock, &inputs).unwrap();
    });
    assert_eq!(seen.text(), before);
}

/// Many callbacks to a receiver that fails: it is paused, tried with one, disabled. None of that may depend on how often the
/// mock looked whether something can start.
#[test]
fn a_receiver_that_was_left_alone_is_left_alone_again() {
    let settings = "[delivery]\nattempts = 10\ngaps = ['500ms']\norder = 'independent'\n";
    for more in
        ["pause_after = 1\npause = '3s'\n", "disable_after = '2s'\n", "concurrency = 2\npause_after = 2\n"]
    {
        let way = Way { settings: format!("{settings}{more}"), fails: 10, is_real: true };
        let deeds =
            [Deed::Emit, Deed::Pass(1), Deed::Emit, Deed::Emit, Deed::Pass(1), Deed::Emit, Deed::Pass(30)];
        let (inputs, before) = lived(&way, &deeds);
        let seen = Seen::default();
        in_time(async { replay(&way.mock(&seen), &inputs).unwrap() });
        assert_eq!(seen.text(), before, "{more}");
    }
}

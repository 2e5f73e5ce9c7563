//! The driver with a receiver written by the test, in virtual real time: no test waits.

use std::io;
use std::path::Path;

use bytes::Bytes;
use jiff::tz::Offset;
use serde_json::{Value, json};

use super::*;
use crate::contract::{Catalog, Direction};
use crate::delivery::{ClientOptions, ErrorClass, Failure, Policy, ReceiverResponse};
use crate::engine::{Input, NoInputs, ReadStored, Store};
use crate::journal::{Entry, Event, Sink};
use crate::mock::{Builder, Options, Prepared};
use crate::scenario::{Story, StoryRun, load};
use crate::seed::Seed;
use crate::settings::Settings;
use crate::simulator::{AccountKey, Request};

/// The journal's entries of the kinds that the tests examine.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn push(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn count(&self, start: &str) -> usize {
        self.lines().iter().filter(|line| line.starts_with(start)).count()
    }
}

impl Sink for Seen {
    fn entry(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Failed { message, .. } => self.push(format!("failed: {message}")),
            Event::Skipped(steps) => self.push(format!("skipped: {}", steps.len())),
            Event::Note(text) => self.push(format!("note: {text}")),
            Event::StoryFinished { passed } => self.push(format!("passed: {passed}")),
            _ => {}
        }
    }
}

fn answered(status: u16) -> AttemptResult {
    let body = Bytes::from_static(b"{}");
    let answer = ReceiverResponse { status, headers: Vec::new(), body, truncated: false };
    AttemptResult { result: Ok(answer), elapsed: Duration::ZERO }
}

fn refused() -> AttemptResult {
    let failure = Failure { class: ErrorClass::Refused, message: "nobody listens".to_owned() };
    AttemptResult { result: Err(failure), elapsed: Duration::ZERO }
}

/// Creates a driver for a story at full speed, with an integrator outside.
fn story(path: &Path, seed: u64, pace: Pace, seen: &Seen) -> Driver {
    beside(path, seed, pace, seen, Clients::Open)
}

/// Creates the same driver, with a choice of clients, so that the mock may outlive the story.
fn beside(path: &Path, seed: u64, pace: Pace, seen: &Seen, clients: Clients) -> Driver {
    let catalog = Catalog::builtin();
    let scenario = load::load(path, catalog, &[]).unwrap_or_else(|problems| panic!("{problems}"));
    let is_request = |id: &str| catalog.get(id).is_some_and(|entry| entry.direction == Direction::Request);
    let story = Arc::new(Story::compile(&scenario, Policy::airudder(), is_request).unwrap());
    let epoch = "2030-01-01T00:00:00Z".parse().unwrap();
    let mut run = StoryRun::new(story, "story".into(), 0, 1, Seed(seed), epoch);
    run.fail_fast();
    let options = Options { max_in_flight: 1, seed: Seed(seed), ..Options::default() };
    let engine = Builder::with(Prepared::new(Settings::default()), options)
        .callback_url("http://127.0.0.1:9/hook")
        .sink(seen.clone())
        .stories(vec![run])
        .engine()
        .unwrap();
    let client = Client::new(ClientOptions::default()).unwrap();
    Driver::new(engine, Clock::starting(epoch, Speed::Max), client, clients, pace, None)
}

fn with(driver: Driver, receiver: Receiver) -> Driver {
    driver.send_to(receiver);
    driver
}

/// Drives to the end. Returns the real time it took.
async fn drive(driver: &Driver) -> Duration {
    let began = Instant::now();
    assert_eq!(driver.drive(std::future::pending()).await, End::Over);
    began.elapsed()
}

fn ready(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(path)
}

#[tokio::test(start_paused = true)]
async fn a_silent_integrator_fails_once_within_the_time_of_its_step() {
    for (patience, least, most) in [(None, 30, 31), (Some(Duration::from_secs(5)), 5, 6)] {
        let seen = Seen::default();
        let pace = Pace { patience, ..Pace::default() };
        let driver = story(&ready("agent-transfer.toml"), 7, pace, &seen);
        let driver = with(driver, Box::new(|_| Box::pin(async { answered(200) })));
        let took = drive(&driver).await;
        assert!((least..=most).contains(&took.as_secs()), "{took:?}: {:?}", seen.lines());
        assert_eq!((seen.count("failed: "), seen.count("skipped: 7")), (1, 1), "{:?}", seen.lines());
        let says_so =
            seen.lines().iter().any(|line| line.contains("(5s of real time, the limit of --patience)"));
        assert_eq!(says_so, patience.is_some(), "{:?}", seen.lines());
        assert!(seen.lines().contains(&"passed: false".to_owned()));
    }
}

/// A store on a full disk.
struct Full;

impl Store for Full {
    fn try_room(&mut self, _: usize) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn append(&mut self, _: &Input) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }

    fn all(&mut self) -> io::Result<ReadStored> {
        Ok(Box::new(|| Ok(Vec::new())))
    }

    fn replace(&mut self, _: &[Arc<Input>]) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_does_not_keep_it_from_its_end() {
    let seen = Seen::default();
    let driver = beside(&ready("agent-transfer.toml"), 7, Pace::default(), &seen, Clients::Lasting);
    let driver = with(driver, Box::new(|_| Box::pin(async { answered(200) })));
    driver.store_inputs(Box::new(Full));
    let interrupt = tokio::time::sleep(Duration::from_secs(1));
    let ended = tokio::time::timeout(Duration::from_secs(10), driver.drive(interrupt)).await;
    assert_eq!(ended.ok(), Some(End::Interrupted));
    let left = driver.left();
    assert!(left.unstored > 0 && !left.is_empty(), "{left:?}");
    assert!(left.lines.iter().any(|line| line.contains("not in the data folder")), "{left:?}");
}

/// Another state would not know that it has to end.
#[tokio::test(start_paused = true)]
async fn a_mock_that_ends_takes_no_other_state() {
    let driver =
        beside(&ready("agent-transfer.toml"), 7, Pace::default(), &Seen::default(), Clients::Lasting);
    let slowly = async || {
        tokio::time::sleep(Duration::from_secs(20)).await;
        answered(200)
    };
    let driver = with(driver, Box::new(move |_| Box::pin(slowly())));
    driver.keep_inputs();
    let (checkpoint, ()) = driver.checkpoint(|| ()).unwrap();
    let put = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        driver.go_back_to(&checkpoint, || panic!("it is put back"))
    };
    let interrupt = tokio::time::sleep(Duration::from_secs(1));
    let ended = tokio::time::timeout(Duration::from_secs(60), driver.drive(interrupt));
    let (ended, put) = tokio::join!(ended, put);
    assert!(matches!(put, Err(NoInputs::Ending)), "{put:?}");
    assert_eq!(ended.ok(), Some(End::Interrupted));
}

/// The result of an attempt for a state that was replaced is no reason to wait for an answer to it.
#[tokio::test(start_paused = true)]
async fn a_delivery_of_a_replaced_state_holds_up_no_jump() {
    let driver =
        beside(&ready("agent-transfer.toml"), 7, Pace::default(), &Seen::default(), Clients::Lasting);
    let slowly = async || {
        tokio::time::sleep(Duration::from_secs(2)).await;
        answered(200)
    };
    let driver = with(driver, Box::new(move |_| Box::pin(slowly())));
    driver.keep_inputs();
    let (checkpoint, ()) = driver.checkpoint(|| ()).unwrap();
    let life = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(driver.look(|engine, _| engine.totals().in_flight), 1);
        driver.go_back_to(&checkpoint, || ()).unwrap();
        tokio::time::sleep(Duration::from_millis(1_050)).await;
        let held_up = |state: &mut State| state.outside.put_off(Duration::MAX, driver.real());
        assert_eq!(held_up(&mut driver.lock()), None);
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        assert!(held_up(&mut driver.lock()).is_some(), "that of the present state does");
    };
    tokio::select! {
        () = life => {}
        _ = driver.drive(std::future::pending()) => unreachable!("a mock lasts"),
    }
}

/// What is removed for its age is removed at a moment that a replay has, too.
#[tokio::test(start_paused = true)]
async fn looking_for_what_is_too_old_is_an_input() {
    let settings = Settings::from_text("[limits]\nkeep_for = '10m'\n").unwrap();
    let engine = Builder::new(Prepared::new(settings)).engine().unwrap();
    let clock = Clock::starting(Timestamp::UNIX_EPOCH, Speed::Times(1.0));
    let client = Client::new(ClientOptions::default()).unwrap();
    let driver = Driver::new(engine, clock, client, Clients::Lasting, Pace::default(), None);
    driver.keep_inputs();
    driver.with(|engine, now| engine.advance(now));
    let life = async {
        for (wait, inputs) in [(30, 0), (60, 1), (10, 1)] {
            tokio::time::sleep(Duration::from_secs(wait)).await;
            // It wakes the driver.
            driver.set_speed(Speed::Times(1.0));
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert_eq!(driver.history().unwrap().count(), inputs, "after {wait} s more");
        }
    };
    tokio::select! {
        () = life => {}
        _ = driver.drive(std::future::pending()) => unreachable!("a mock lasts"),
    }
}

/// Without its result the callback would be under way for ever.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_panics_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.toml");
    std::fs::write(&path, ONE).unwrap();
    let seen = Seen::default();
    let receiver: Receiver = Box::new(|attempt| {
        Box::pin(async move {
            assert!(attempt.number > 1, "on purpose");
            answered(200)
        })
    });
    let driver = with(story(&path, 7, Pace::default(), &seen), receiver);
    tokio::time::timeout(Duration::from_secs(3_600), drive(&driver)).await.expect("it ends");
    let totals = driver.look(|engine, _| engine.totals());
    assert_eq!((totals.attempts, totals.delivered, totals.in_flight), (2, 1, 0));
}

const CHAT: &str = r#"
[[steps]]
send = "session.transfer"
[[steps]]
await = "chatbot.agent_transfer_result"
[[steps]]
send = "agent.message"
[[steps]]
await = "chatbot.send_message"
[[steps]]
pause = "2s..6s"
[[steps]]
send = "agent.message"
[[steps]]
await = "chatbot.send_message"
[[steps]]
pause = "2s..6s"
[[steps]]
send = "agent.message"
"#;

/// Makes a request as the API would pass it on.
fn request(driver: &Driver, id: &str, fields: &Value) {
    driver.with(|engine, now| {
        let (account, zone) = (AccountKey::default(), Offset::UTC);
        let outcome = engine.request(&Request {
            id,
            fields,
            route: 0,
            is_typed: true,
            rows: None,
            files: &[],
            account,
            zone,
            now,
        });
        assert!(outcome.response.is_ok(), "{id}: {:?}", outcome.response);
    });
}

/// Plays the story with an integrator that answers every message of the user twice, some time after it accepted the callback.
/// Returns who spoke, in order: `user` and `agent`.
async fn chat(seed: u64, settle: Duration, clients: Clients) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.toml");
    std::fs::write(&path, CHAT).unwrap();
    let (seen, said) = (Seen::default(), Seen::default());
    let driver = beside(&path, seed, Pace { settle, ..Pace::default() }, &seen, clients);
    let late = move |n: u64| Duration::from_millis(Seed(seed).derive("late", n).0 % 95);
    // The integrator's own handle is weak: a strong one would form a cycle with the driver.
    let own = Arc::new(Mutex::new(None::<std::sync::Weak<Shared>>));
    let (handle, talk) = (Arc::clone(&own), said.clone());
    let receiver: Receiver = Box::new(move |attempt| {
        let (handle, talk) = (Arc::clone(&handle), talk.clone());
        Box::pin(async move {
            let body: Value = serde_json::from_slice(&attempt.callback.body).unwrap();
            let driver = Driver { shared: handle.lock().unwrap().as_ref().unwrap().upgrade().unwrap() };
            let number = attempt.callback.id.0;
            match &*attempt.callback.event {
                "session.transfer" => {
                    tokio::spawn(async move {
                        tokio::time::sleep(late(number)).await;
                        let call_id = &body["transfer"]["call_id"];
                        let fields = json!({ "call_id": call_id, "result": "accepted" });
                        request(&driver, "chatbot.agent_transfer_result", &fields);
                    });
                }
                "agent.message" => {
                    talk.push("user".to_owned());
                    tokio::spawn(async move {
                        for part in 0..2 {
                            tokio::time::sleep(late(number + part)).await;
                            let texts = [{ json!({ "type": "text", "text": "yes" }) }];
                            let fields = json!({ "call_id": body["call_id"], "messages": texts });
                            talk.push("agent".to_owned());
                            request(&driver, "chatbot.send_message", &fields);
                        }
                    });
                }
                _ => {}
            }
            answered(200)
        })
    });
    let driver = with(driver, receiver);
    *own.lock().unwrap() = Some(Arc::downgrade(&driver.shared));
    let is_over = async {
        while seen.count("passed: ") == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // The latest message is still answered.
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    driver.drive(is_over).await;
    assert!(seen.lines().contains(&"passed: true".to_owned()), "{:?}", seen.lines());
    said.lines().join(" ")
}

#[tokio::test(start_paused = true)]
async fn a_user_never_talks_over_an_answer_that_is_on_its_way() {
    let in_turn = "user agent agent user agent agent user agent agent";
    let mut overtaken = 0;
    for seed in 0..8 {
        for clients in [Clients::Open, Clients::Lasting] {
            let said = chat(seed, Duration::from_millis(100), clients).await;
            assert_eq!(said, in_turn, "seed {seed}, {clients:?}");
            overtaken += u32::from(chat(seed, Duration::ZERO, clients).await != in_turn);
        }
    }
    assert!(overtaken > 4, "without the wait it happens: {overtaken}");
}

const ONE: &str = "[[steps]]\nsend = \"session.transfer\"\nexpect = { attempts = 1 }\n";

/// Sends one callback to a receiver that starts after this time.
async fn comes_up_after(up: Duration) -> (Duration, Seen) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.toml");
    std::fs::write(&path, ONE).unwrap();
    let seen = Seen::default();
    let began = Instant::now();
    let receiver: Receiver = Box::new(move |_| {
        Box::pin(async move { if began.elapsed() < up { refused() } else { answered(200) } })
    });
    let driver = with(story(&path, 7, Pace::default(), &seen), receiver);
    (drive(&driver).await, seen)
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_restarts_is_waited_for_within_one_attempt() {
    let (took, seen) = comes_up_after(Duration::from_secs(2)).await;
    assert!((2..3).contains(&took.as_secs()), "{took:?}");
    let note = "note: 127.0.0.1:9 refuses connections: waiting up to 5s for it";
    assert_eq!(seen.lines(), [note, "passed: true"]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_gone_is_waited_for_once() {
    let (took, seen) = comes_up_after(Duration::from_secs(3_600)).await;
    assert!((5..6).contains(&took.as_secs()), "{took:?}");
    assert_eq!((seen.count("note: "), seen.count("failed: ")), (1, 2), "{:?}", seen.lines());
}

/// A step that begins to wait after a pause has its full time: neither none nor infinite.
#[tokio::test(start_paused = true)]
async fn a_pause_before_an_await_is_jumped_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pause.toml");
    let text = "[[steps]]\npause = \"1h\"\n[[steps]]\nawait = \"chatbot.end_session\"\nwithin = \"3s\"\n";
    std::fs::write(&path, text).unwrap();
    let seen = Seen::default();
    let driver = story(&path, 7, Pace::default(), &seen);
    let driver = with(driver, Box::new(|_| Box::pin(async { answered(200) })));
    let took = drive(&driver).await;
    assert!((3..4).contains(&took.as_secs()), "{took:?}");
    assert_eq!(seen.count("failed: "), 1);
}

/// A panic while the engine is locked leaves a half-updated state: the driver panics too, and no request is answered.
#[tokio::test(start_paused = true)]
async fn after_a_panic_nothing_goes_on() {
    let engine = Builder::new(Prepared::new(Settings::default())).engine().unwrap();
    let clock = Clock::starting(Timestamp::UNIX_EPOCH, Speed::Max);
    let client = Client::new(ClientOptions::default()).unwrap();
    let driver = Driver::new(engine, clock, client, Clients::Lasting, Pace::default(), None);
    let theirs = driver.clone();
    let driving = tokio::spawn(async move { theirs.drive(std::future::pending()).await });
    tokio::task::yield_now().await;
    let theirs = driver.clone();
    let panicked = tokio::spawn(async move { theirs.with(|_, _| panic!("on purpose")) });
    assert!(panicked.await.unwrap_err().is_panic());
    assert!(driving.await.unwrap_err().is_panic());
    let theirs = driver.clone();
    assert!(tokio::spawn(async move { theirs.look(|_, _| ()) }).await.unwrap_err().is_panic());
}

#[path = "faults_tests.rs"]
mod faults;

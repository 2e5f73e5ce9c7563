//! Moving time by hand takes the mock through every moment on the way.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Mock;
use super::assembly::Service;
use crate::engine::Speed;
use crate::journal::Recorder;
use crate::net::{HttpRequest, Reply};
use crate::simulator::{DEFAULT_APP_KEY, DEFAULT_APP_SECRET, TokenKind};

/// A record in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A task: the outcomes of its calls (the last four digits of each number), the number of attempts and the gap between them.
#[derive(Clone, Debug)]
struct Task {
    numbers: Vec<u16>,
    attempts: u8,
    gap_minutes: u8,
}

fn task() -> impl Strategy<Value = Task> {
    let ends: Vec<u16> = (9_001..=9_019).chain(9_022..=9_024).chain(9_031..=9_033).collect();
    let numbers = proptest::collection::vec(prop::sample::select(ends), 1..6);
    (numbers, 1_u8..4, 0_u8..40).prop_map(|(numbers, attempts, gap_minutes)| Task {
        numbers,
        attempts,
        gap_minutes,
    })
}

async fn create(mock: &Service, token: &str, serial: usize, task: &Task) {
    let rows: Vec<Value> = task
        .numbers
        .iter()
        .enumerate()
        .map(|(n, end)| json!({ "Mobile": format!("+6281{n:03}{end}") }))
        .collect();
    let fields = json!({
        "TaskName": format!("t{serial}"), "RobotID": "Welcome call", "Details": rows,
        "RepeatNumber": task.attempts, "RepeatInterval": task.gap_minutes,
    });
    let headers =
        [("authorization", format!("Token {token}")), ("content-type", "application/json".to_owned())];
    let request = HttpRequest {
        method: "POST".into(),
        path: "/service/cloud/task".to_owned(),
        headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        body: fields.to_string().into(),
        ..HttpRequest::default()
    };
    match mock.answer(request).await {
        Reply::Answer(answer) => assert_eq!(answer.status, 200, "{:?}", answer.body),
        _ => panic!("the usual answer comes"),
    }
}

/// Records the creation of tasks, each followed by moving time by these seconds. No receiver accepts the callbacks, so that
/// each is attempted as often as the vendor does.
fn record(life: &[(Task, Vec<u32>)]) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let memory = Memory::default();
        let (recorder, handle) = Recorder::new(Box::new(memory.clone()), false, None);
        let mock = Mock::builder()
            .callback_url("http://127.0.0.1:9/hook")
            .epoch("2030-01-01T00:00:00Z".parse().unwrap())
            .seed(7)
            .speed(Speed::Still)
            .sink(recorder)
            .service()
            .unwrap();
        let driver = mock.driver().clone();
        let token = driver.with(|engine, now| {
            let access = engine.simulator().access_mut();
            access.token(TokenKind::Cloud, DEFAULT_APP_KEY, DEFAULT_APP_SECRET, now).unwrap()
        });
        let live = async {
            for (serial, (task, journeys)) in life.iter().enumerate() {
                create(&mock, &token, serial, task).await;
                for seconds in journeys {
                    driver.travel(Duration::from_secs(u64::from(*seconds))).await;
                }
            }
        };
        tokio::select! {
            () = live => {}
            _ = driver.drive(std::future::pending()) => unreachable!("a mock lasts until it is interrupted"),
        }
        handle.finish().unwrap();
        let text = memory.0.lock().unwrap().clone();
        String::from_utf8(text).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn one_jump_is_as_many_steps(life in proptest::collection::vec((task(), 1_u32..20_000, 2_u32..60), 1..4)) {
        let at_once: Vec<_> = life.iter().map(|(task, length, _)| (task.clone(), vec![*length])).collect();
        let in_steps: Vec<_> = life.iter().map(|(task, length, steps)| {
            let mut journeys = vec![length / steps; *steps as usize];
            journeys.push(length % steps);
            (task.clone(), journeys)
        }).collect();
        prop_assert_eq!(record(&at_once), record(&in_steps));
    }
}

#[test]
fn what_becomes_due_on_the_way_happens_at_its_own_moment() {
    // The callback of this call is sent 30 s late; the next attempts follow at one-minute intervals.
    let task = Task { numbers: vec![9_033], attempts: 1, gap_minutes: 0 };
    let text = record(&[(task, vec![3 * 3_600])]);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let moments: Vec<jiff::Timestamp> = lines
        .iter()
        .filter(|line| line["kind"] == "tried" && line["event"] == "call.completed")
        .map(|line| line["at"].as_str().unwrap().parse().unwrap())
        .collect();
    assert_eq!(moments.len(), 5, "{text}");
    for pair in moments.windows(2) {
        assert_eq!(pair[1].duration_since(pair[0]).as_secs(), 60, "{text}");
    }
}

//! The targets.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::{edge, mock};
use crate::contract::Family;
use crate::delivery::{
    Attempt, AttemptOutcome, AttemptResult, CallbackId, ErrorClass, Failure, Outbox, Policy, QueuedCallback,
    ReceiverResponse, as_sent,
};
use crate::language::rate::{Frequency, RateProfile};
use crate::language::template::{self, TemplateSet};
use crate::load::{Report, ResponseReader, merge};
use crate::mock::Prepared;
use crate::net::{Guard, HttpRequest, Target as Url};
use crate::recordings;
use crate::seed::Seed;
use crate::settings::Settings;
use crate::time::{DurationRange, HumanDuration};

/// A parser: its name, and a function that takes arbitrary bytes and panics if something is wrong.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 11] = [
    ("answers", answers),
    ("bodies", bodies),
    ("edge", edge::edge),
    ("merge", merged),
    ("outbox", outbox),
    ("ranges", ranges),
    ("rates", rates),
    ("settings", settings),
    ("templates", templates),
    ("urls", urls),
    ("user_endpoints", user_endpoints),
];

/// Separates the parts of an input: UTF-8 has no such byte.
const BETWEEN: u8 = 0xff;

/// Runs the target with this name.
///
/// # Panics
///
/// If there is no such target, or if something is wrong.
pub fn run(name: &str, input: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(own, _)| *own == name).expect("a target of this name");
    target(input);
}

fn text(input: &[u8]) -> String {
    String::from_utf8_lossy(input).into_owned()
}

/// Responses of receivers to a load: they are parsed alike however they are cut into pieces.
fn answers(input: &[u8]) {
    let Some((cut, answer)) = input.split_first() else { return };
    let mut whole = ResponseReader::new(1 << 10);
    let at_once = whole.read(answer);
    let mut pieces = ResponseReader::new(1 << 10);
    let mut taken = Ok(None);
    for (at, piece) in answer.chunks(usize::from(*cut).max(1)).enumerate() {
        taken = pieces.read(piece);
        if !matches!(taken, Ok(None)) {
            // Data after a response counts against the connection only as far as it has arrived.
            let rest = at + 1 < answer.len().div_ceil(usize::from(*cut).max(1));
            match (&at_once, &taken) {
                (Ok(Some(whole)), Ok(Some(piece))) => {
                    assert_eq!(whole.status, piece.status);
                    assert!(rest || whole.reusable == piece.reusable);
                }
                (whole, piece) => assert_eq!(whole.is_err(), piece.is_err()),
            }
            break;
        }
    }
    assert_eq!(matches!(taken, Ok(None)), matches!(at_once, Ok(None)));
    assert_eq!(whole.body(), pieces.body());
}

/// Bodies of requests, by their content type.
fn bodies(input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == BETWEEN);
    let (kind, body) = (text(parts.next().unwrap_or_default()), parts.next().unwrap_or_default());
    let request = HttpRequest {
        method: "POST".into(),
        path: "/".to_owned(),
        headers: std::iter::once(("content-type", &*kind)).collect(),
        body: Bytes::copy_from_slice(body),
        ..HttpRequest::default()
    };
    for family in Family::ALL {
        if let Err(error) = crate::api::decode(&request, family) {
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
}

/// Load reports that are merged: a readable report can be written and read again.
fn merged(input: &[u8]) {
    let mut reports = Vec::new();
    for (at, part) in input.split(|byte| *byte == BETWEEN).take(4).enumerate() {
        if let Ok(report) = Report::read(&text(part)) {
            Report::read(&report.write()).expect("what was written reads");
            reports.push((at.to_string(), report));
        }
    }
    if let Ok(report) = merge(reports, true) {
        Report::read(&report.write()).expect("what was merged reads");
    }
}

/// An outbox with events in any order: its sums match, and no callback is in two states.
fn outbox(input: &[u8]) {
    let policy = Arc::new(Policy::airudder());
    let url: Arc<Url> = Arc::new("http://127.0.0.1/".parse().expect("a URL"));
    let mut outbox = Outbox::new(4, Seed(1));
    let mut now = Timestamp::UNIX_EPOCH;
    let (mut under_way, mut pushed) = (Vec::<Attempt>::new(), 0);
    for operation in input.chunks(2).take(400) {
        let [what, which] = [operation[0], operation.get(1).copied().unwrap_or_default()];
        match what % 5 {
            0 => {
                pushed += 1;
                let name = |n: u8| Arc::<str>::from(format!("{}", n % 3));
                outbox.push(Arc::new(QueuedCallback {
                    id: CallbackId(pushed),
                    event: "session.end".into(),
                    target: Arc::clone(&url),
                    method: "POST".into(),
                    headers: Vec::new(),
                    body: Bytes::new(),
                    signer: None,
                    message_id: String::new(),
                    order_key: (which & 1 == 1).then(|| name(which >> 4)),
                    // Calls are parts of tasks, tasks of plans.
                    part_of: match which >> 1 & 3 {
                        0 => Vec::new(),
                        1 => vec![name(which >> 5)],
                        2 => vec![name(which >> 5), "plan".into()],
                        _ => vec!["plan".into()],
                    },
                    sums_up: match which >> 1 & 3 {
                        0 if which & 8 == 8 => Some("plan".into()),
                        3 => Some(name(which >> 5)),
                        _ => None,
                    },
                    due: now,
                    policy: Arc::clone(&policy),
                    faults: Vec::new(),
                    copy_of: None,
                }));
            }
            1 => {
                if let Some((callback, number)) = outbox.start(now) {
                    under_way.push(as_sent(callback, number, now).attempt);
                }
            }
            2 | 3 if !under_way.is_empty() => {
                let attempt = under_way.swap_remove(usize::from(which) % under_way.len());
                let failed = |class| Err(Failure { class, message: String::new() });
                let result = match which % 5 {
                    0 => failed(ErrorClass::NoDescriptors),
                    1 => failed(ErrorClass::Timeout),
                    2 => failed(ErrorClass::NotAllowed),
                    _ => Ok(ReceiverResponse {
                        status: if which % 5 == 3 { 200 } else { 503 },
                        headers: Vec::new(),
                        body: Bytes::new(),
                        truncated: false,
                    }),
                };
                let before = outbox.totals();
                let outcome =
                    outbox.finish(&attempt, &AttemptResult { result, elapsed: Duration::ZERO }, now);
                let after = outbox.totals();
                let ended = after.delivered + after.failed - before.delivered - before.failed;
                assert_eq!(u64::from(matches!(outcome, AttemptOutcome::Ended(_))), ended);
            }
            _ => now = outbox.next_wakeup().unwrap_or(now).max(now),
        }
        let totals = outbox.totals();
        let sum = totals.pending + totals.in_flight + totals.waiting + totals.delivered + totals.failed;
        assert_eq!((totals.queued, totals.in_flight), (sum, under_way.len() as u64));
        assert_eq!(outbox.left().count() as u64, totals.pending + totals.in_flight + totals.waiting);
    }
    // Whatever happened, the remaining callbacks can be delivered.
    for attempt in under_way {
        let result = AttemptResult { result: Ok(answered()), elapsed: Duration::ZERO };
        outbox.finish(&attempt, &result, now);
    }
    while let Some(at) = outbox.next_wakeup() {
        now = now.max(at);
        let (callback, number) = outbox.start(now).expect("what is due starts");
        let attempt = as_sent(callback, number, now).attempt;
        outbox.finish(&attempt, &AttemptResult { result: Ok(answered()), elapsed: Duration::ZERO }, now);
    }
    assert_eq!(outbox.left().count(), 0, "nothing is held for ever");
}

fn answered() -> ReceiverResponse {
    ReceiverResponse { status: 200, headers: Vec::new(), body: Bytes::new(), truncated: false }
}

/// The headers that ask for a part of a file.
fn ranges(input: &[u8]) {
    const NAMES: [&str; 4] = ["range", "if-range", "if-match", "if-none-match"];
    let parts: Vec<String> = input.split(|byte| *byte == BETWEEN).map(text).collect();
    let headers =
        NAMES.into_iter().zip(parts.iter().map(String::as_str)).filter(|(_, value)| !value.is_empty());
    let request = HttpRequest { method: "GET".into(), headers: headers.collect(), ..HttpRequest::default() };
    for length in [0, 1, 10, u64::MAX] {
        let selected = recordings::select(&request, "\"abc\"", "audio/wav", "a.wav", length);
        assert!([200, 206, 304, 412, 416].contains(&selected.status));
        if let Some(part) = selected.part {
            assert!(part.start <= part.end && part.end <= length);
            assert!(selected.status != 200 || part == (0..length));
        }
    }
}

/// Rates and durations: a readable one is displayed in a way that reads as the same value.
fn rates(input: &[u8]) {
    let text = text(input);
    if let Ok(length) = text.parse::<HumanDuration>() {
        assert_eq!(
            length.to_string().parse::<HumanDuration>().expect("it reads").to_string(),
            length.to_string()
        );
    }
    if let Ok(range) = text.parse::<DurationRange>() {
        assert_eq!(
            range.to_string().parse::<DurationRange>().expect("it reads").to_string(),
            range.to_string()
        );
    }
    if let Ok(profile) = text.parse::<RateProfile>() {
        assert_eq!(
            profile.to_string().parse::<RateProfile>().expect("it reads").to_string(),
            profile.to_string()
        );
    }
    let _ = text.parse::<Frequency>();
}

/// Settings files, through every check and into their typed form.
fn settings(input: &[u8]) {
    match Settings::from_text(&text(input)) {
        Err(problems) => assert!(!problems.render().is_empty()),
        Ok(settings) => match Prepared::new(settings) {
            Err(error) => assert!(!error.to_string().is_empty()),
            Ok(prepared) => drop(prepared.settings.behaviour("http://127.0.0.1:2478", true)),
        },
    }
}

/// Templates, checked, compiled and filled in.
fn templates(input: &[u8]) {
    let text = text(input);
    let _ = template::check(&text);
    let mut set = TemplateSet::default();
    let Ok(template) = set.add(&text) else { return };
    let scope = template::value(&serde_json::json!({
        "user": { "name": "Siti", "id": "1" },
        "list": [1, 2, 3],
        "request": { "id": "7", "body": { "text": "x" } },
        "amount": 100,
    }));
    if let Err(error) = set.render(&template, &scope) {
        assert!(!error.to_string().is_empty());
    }
}

/// Callback URLs, and hosts that may be reached.
fn urls(input: &[u8]) {
    let text = text(input);
    if let Ok(url) = text.parse::<Url>() {
        let shown = url.to_string();
        let again: Url = shown.parse().expect("what is shown reads");
        assert_eq!((again.to_string(), again.host(), again.port()), (shown, url.host(), url.port()));
        assert!(url.path_and_query().starts_with('/'));
    }
    if let Ok(guard) = Guard::allowing(std::slice::from_ref(&text)) {
        let _ = guard.covers(&text);
        assert!(guard.covers("localhost"));
    }
}

/// Endpoints of the user's own, and a request to one of them.
fn user_endpoints(input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == BETWEEN);
    let (settings, body) = (text(parts.next().unwrap_or_default()), parts.next().unwrap_or_default());
    if settings.len() > 4_096 || !settings.contains("[[endpoints]]") {
        return;
    }
    let Ok(mock) = mock(&settings, Timestamp::UNIX_EPOCH) else { return };
    edge::RUNTIME.with(|runtime| {
        runtime.block_on(async {
            for method in ["GET", "POST"] {
                let request = HttpRequest {
                    method: method.into(),
                    path: "/own/a".to_owned(),
                    headers: [("host", "localhost"), ("content-type", "application/json")]
                        .into_iter()
                        .collect(),
                    body: Bytes::copy_from_slice(body),
                    ..HttpRequest::default()
                };
                mock.answer(request).await.here().await;
                mock.driver().with(|engine, now| engine.advance(now));
            }
        });
    });
}

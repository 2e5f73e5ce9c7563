//! The examples in the OpenAPI document of the control surface are real requests and responses. Here a complete mock lives a
//! life, always the same one; `src/console/examples.json` has the first exchange of each request.
//!
//! `UPDATE_DOCS=1` writes that file.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::Mock;
use super::assembly::Service;
use super::examples_tests::request;
use crate::console::{LoadCounts, LoadPoint, LoadRun, LoadRuns, openapi};
use crate::contract::{Catalog, envelope};
use crate::delivery::{AttemptResult, ReceiverResponse};
use crate::engine::{Receiver, Speed};
use crate::journal::KeptLimits;
use crate::net::{HttpRequest, Reply};
use crate::simulator::examples::{Answers, EPOCH, SEED, filled_in};

/// The file of the examples.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/console/examples.json");

/// Its content.
const KEPT: &str = include_str!("../console/examples.json");

/// Its maximum size; it is part of the program.
const MOST_BYTES: usize = 40_000;

/// Maximum number of elements of each list in a response; those of all requests, endpoints and scenarios are long.
const MOST_OF_A_LIST: usize = 3;

/// The requests without an example of their response, and why.
const UNANSWERED: [(&str, &str); 5] = [
    ("stream", "a stream of lines, each like an entry in the response to `journal`"),
    ("events", "the same stream as server-sent events"),
    ("openapi", "the document that contains the examples"),
    ("vendor", "a document with examples of its own"),
    ("metrics", "text for Prometheus"),
];

const CALLBACK_URL: &str = "http://127.0.0.1:3000/hook";

const SETTINGS: &str = "secret = 'of the examples'\npublic_url = 'http://127.0.0.1:2478'";

/// The requests, in order: those of the control surface by name, those of the vendor by catalog id. A text `$NAME/PATH` stands
/// for the value at PATH in the latest response to NAME.
fn life() -> Vec<(&'static str, Value)> {
    let credentials = json!({ "APPKey": "AIRudderMockKey0000001", "APPSecret": "AIRudderMockSecret0001" });
    vec![
        ("ready", json!({})),
        ("list", json!({})),
        ("settings", json!({})),
        ("catalog", json!({})),
        ("entry", json!({ "id": "robot.list" })),
        // A callback by hand.
        ("emit", json!({ "event": "session.transfer", "country": "MX", "body": { "channel": "WhatsApp" } })),
        (
            "wait",
            json!({ "callback": "session.transfer", "where": { "channel": "WhatsApp" }, "within": "5s" }),
        ),
        ("settle", json!({ "within": "10s" })),
        ("resend", json!({ "callback": "$emit/callback", "body": { "channel": "SMS" } })),
        ("settle", json!({})),
        ("journal", json!({ "event": "session.*", "limit": 3 })),
        ("signature", json!({ "entry": "$journal/entries/1/seq", "body": "{}" })),
        ("stream", json!({ "event": "session.*", "limit": 1 })),
        ("events", json!({ "event": "session.*", "limit": 1 })),
        ("clock", json!({})),
        ("move", json!({ "by": "25h" })),
        // A user writes to the chatbot.
        ("chat", json!({ "name": "Dinda", "number": "+6281112349001", "write": "hello" })),
        ("user", json!({ "conversation": "$chat/conversation", "ask_for_agent": true })),
        ("move", json!({ "by": "1m" })),
        ("chats", json!({ "limit": 1 })),
        ("chat-history", json!({ "conversation": "$chat/conversation" })),
        (
            "chatbot.agent_transfer_result",
            json!({ "call_id": "$chat/conversation", "result": "accepted", "seat_id": "1001" }),
        ),
        ("pass-on", json!({ "conversation": "$chat/conversation", "to_seat_id": "1002" })),
        // A person is called, and an agent takes a break.
        ("auth.token", credentials.clone()),
        ("dialer.auth", credentials.clone()),
        (
            "task.create",
            json!({
                "TaskName": "July reminders", "RobotID": "Payment reminder", "Colour": "green",
                "Details": [{ "Mobile": "+6281112349011", "LoanAmount": 900000, "LoanDate": "2029-12-15" }],
            }),
        ),
        ("move", json!({ "by": "2s" })),
        ("calls", json!({ "limit": 1 })),
        ("answer-call", json!({ "call": "$calls/calls/0/call", "outcome": "talked", "intention": "A" })),
        (
            "dialer.create_task",
            json!({
                "taskName": "evening", "groupName": "Customer care", "startTime": "2099-01-01 09:00:00",
                "callback": "aHR0cDovLzEyNy4wLjAuMTozMDAwL2hvb2s=", "contactList": ["+6281112340001"],
            }),
        ),
        ("objects", json!({ "limit": 1 })),
        ("agent", json!({ "agent": "$objects/agents/0/name", "break": true })),
        ("found", json!({ "kind": "unread_field" })),
        ("assumptions", json!({})),
        ("state", json!({})),
        // Stories and faults.
        ("scenarios", json!({})),
        ("start-story", json!({ "scenario": "interactive", "set": { "flow": "welcome" } })),
        ("move", json!({ "by": "1s" })),
        ("stories", json!({ "limit": 1 })),
        ("story", json!({ "story": "$start-story/stories/0/story" })),
        ("stop-story", json!({ "story": "$start-story/stories/0/story" })),
        ("add-fault", json!({ "fault": { "call": "task.create", "status": 503, "times": 2 } })),
        ("faults", json!({})),
        ("remove-fault", json!({ "fault": "$add-fault/fault" })),
        ("load", json!({})),
        // Tests side by side.
        ("add-namespace", json!({ "name": "test-1", "callback_url": CALLBACK_URL, "speed": "0", "seed": 7 })),
        ("namespaces", json!({})),
        ("reset-namespace", json!({ "name": "test-1" })),
        ("remove-namespace", json!({ "name": "test-1" })),
        // Snapshots, and the state as a file.
        ("forget", json!({})),
        ("reset", json!({})),
        ("auth.token", credentials),
        ("snapshot", json!({ "name": "logged in" })),
        ("snapshots", json!({})),
        ("branch", json!({ "name": "what-if", "snapshot": "logged in", "callback_url": CALLBACK_URL })),
        ("expire-tokens", json!({ "app_key": "AIRudderMockKey0000001" })),
        ("restore", json!({ "name": "logged in" })),
        ("export", json!({ "snapshot": "logged in" })),
        (
            "import",
            json!({
                "airudder_mock": "$export/airudder_mock", "format": "$export/format",
                "beginning": "$export/beginning", "inputs": "$export/inputs",
            }),
        ),
        ("remove-snapshot", json!({ "name": "logged in" })),
    ]
}

/// A load with fixed figures, because the measurements of a real one differ from run to run.
#[derive(Debug)]
struct Load;

impl LoadRuns for Load {
    fn now(&self) -> LoadRun {
        let counts = LoadCounts { planned: 1_000, sent: 1_000, ok: 996, late: 2, ..LoadCounts::default() };
        let point = |at_s, p99_ms| LoadPoint {
            at_s,
            planned: 500.0,
            ok: 498.0,
            in_flight: 4,
            p50_ms: 0.8,
            p99_ms,
            ..LoadPoint::default()
        };
        LoadRun {
            stories: vec!["First transfer".to_owned()],
            target: CALLBACK_URL.to_owned(),
            rate: "500/s".to_owned(),
            unit: "events".to_owned(),
            duration_s: 60.0,
            at_s: 2.0,
            counts,
            in_flight: 4,
            in_flight_limit: 1_024,
            per_second: 498.0,
            p50_ms: 0.8,
            p99_ms: 2.5,
            cpu: 0.2,
            points: vec![point(1.0, 3.0), point(2.0, 2.5)],
        }
    }
}

/// Returns a receiver that accepts every callback.
fn receiver() -> Receiver {
    Box::new(|_| {
        let body = Bytes::from_static(br#"{"code":200,"msg":"ok"}"#);
        let answer = ReceiverResponse { status: 200, headers: Vec::new(), body, truncated: false };
        Box::pin(async move { AttemptResult { result: Ok(answer), elapsed: Duration::ZERO } })
    })
}

/// Returns the operations of the document, each with its method and path.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, operations)| {
        let operations = operations.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
    })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Builds a request of the control surface, as the document describes it.
fn steering(document: &Value, name: &str, mut fields: Map<String, Value>) -> HttpRequest {
    let (method, path, operation) =
        operations(document).find(|(.., operation)| operation["operationId"] == name).unwrap();
    let mut path = path.to_owned();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for parameter in operation["parameters"].as_array().unwrap() {
        let parameter = parameter["name"].as_str().unwrap();
        let Some(value) = fields.shift_remove(parameter).map(|value| text(&value)) else { continue };
        let place = format!("{{{parameter}}}");
        if path.contains(&place) {
            path = path.replace(&place, &utf8_percent_encode(&value, NON_ALPHANUMERIC).to_string());
        } else {
            query.append_pair(parameter, &value);
        }
    }
    let mut request = HttpRequest {
        method: method.to_uppercase().into(),
        path,
        query: Some(query.finish()).filter(|query| !query.is_empty()),
        ..HttpRequest::default()
    };
    if method == "post" {
        request.headers = [("content-type", "application/json")].into_iter().collect();
        request.body = Value::Object(fields).to_string().into();
    }
    request
}

/// Makes a request and returns the body of the response: as text if it is not JSON.
async fn ask(mock: &Service, request: HttpRequest) -> Value {
    let asked = format!("{} {}", request.method, request.path_and_query());
    let (status, body) = match mock.answer(request).await.here().await {
        Reply::Answer(answer) => (answer.status, answer.body.to_vec()),
        Reply::Stream(mut stream) => {
            let mut body = Vec::new();
            while let Some(part) = stream.parts.recv().await {
                body.extend_from_slice(&part);
            }
            (stream.status, body)
        }
        other => panic!("{asked}: {other:?}"),
    };
    let body = String::from_utf8(body).unwrap();
    assert!((200..300).contains(&status), "{asked}: {status} {body}");
    serde_json::from_str(&body).unwrap_or_else(|_| body.into())
}

/// Replaces what differs between runs, versions or machines with a usual value, and shortens lists.
fn usual(value: &mut Value, most_of_a_list: usize) {
    match value {
        Value::Array(list) => {
            list.truncate(most_of_a_list);
            list.iter_mut().for_each(|one| usual(one, most_of_a_list));
        }
        Value::Object(table) => {
            for (name, one) in table {
                match name.as_str() {
                    // A duration in real time.
                    "elapsed_us" => *one = 500.into(),
                    // The time stamp of the program's file, and its version.
                    "built" => *one = "2030-01-01T00:00:00Z".into(),
                    "version" | "airudder_mock" => *one = "1.0.0".into(),
                    // Its size in memory, and when it began.
                    "journal" => {
                        one["bytes"] = 20_000.into();
                        one["id"] = "1a2b3c4d5e6f7081-0".into();
                    }
                    _ => usual(one, most_of_a_list),
                }
            }
        }
        _ => {}
    }
}

/// Makes all requests. Returns the first exchange of each request of the control surface.
async fn live(mock: &Service, document: &Value) -> Map<String, Value> {
    let (mut answers, mut examples) = (Answers::default(), Map::new());
    for (name, fields) in life() {
        let asked = filled_in(&fields, &answers);
        assert!(!asked.to_string().contains("null"), "{name}: a place leads to nothing: {fields}");
        if let Some(entry) = Catalog::builtin().get(name) {
            let answer = ask(mock, request(entry, &entry.routes[0], &asked, None, &answers)).await;
            assert_eq!(answer["code"], envelope::success_code(entry.family), "{name}: {answer}");
            answers.insert(name.to_owned(), answer[envelope::names(entry.family).1].clone());
            continue;
        }
        let answer = ask(mock, steering(document, name, asked.as_object().unwrap().clone())).await;
        answers.insert(name.to_owned(), answer.clone());
        if examples.contains_key(name) {
            continue;
        }
        let mut example = json!({ "asked": asked });
        usual(&mut example["asked"], usize::MAX);
        if !UNANSWERED.iter().any(|(unanswered, _)| *unanswered == name) {
            example["answered"] = answer;
            usual(&mut example["answered"], MOST_OF_A_LIST);
        }
        examples.insert(name.to_owned(), example);
    }
    examples
}

/// Returns the text of the file: one line for each request, and one for its response.
fn written(examples: &Map<String, Value>) -> String {
    let exchange = |(name, example): (&String, &Value)| {
        let parts = ["asked", "answered"].map(|part| Some(format!("\"{part}\": {}", example.get(part)?)));
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("\"{name}\": {{\n{}\n}}", parts.join(",\n"))
    };
    let exchanges: Vec<String> = examples.iter().map(exchange).collect();
    format!("{{\n{}\n}}\n", exchanges.join(",\n"))
}

#[tokio::test(start_paused = true)]
async fn the_examples_are_what_a_mock_is_asked_and_answers() {
    let mut mock = Mock::builder()
        .callback_url(CALLBACK_URL)
        .settings_text(SETTINGS)
        .listen("127.0.0.1:0")
        .epoch(Timestamp::from_second(EPOCH).unwrap())
        .seed(SEED.0)
        .speed(Speed::Still)
        .load(Some(Arc::new(Load)));
    (mock.options.kept, mock.options.can_go_back) = (KeptLimits::default(), true);
    let mock = mock.assemble().await.unwrap();
    mock.driver().send_to(receiver());
    let document = openapi();
    let examples = tokio::select! {
        examples = live(mock.service(), &document) => examples,
        _ = mock.drive(std::future::pending()) => unreachable!("a mock lasts"),
    };
    let text = written(&examples);
    assert!(text.len() <= MOST_BYTES, "{} bytes are too many", text.len());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(FILE, text).unwrap();
        return;
    }
    let differs = text.lines().zip(KEPT.lines()).find(|(new, old)| new != old);
    assert!(
        text == KEPT,
        "{FILE} is out of date: UPDATE_DOCS=1 cargo test --lib control_examples, then `schema control`; {differs:?}"
    );
}

#[test]
fn every_request_of_the_control_surface_has_an_example() {
    for (method, path, operation) in operations(&openapi()) {
        let name = operation["operationId"].as_str().unwrap();
        let is_unanswered = UNANSWERED.iter().any(|(unanswered, _)| *unanswered == name);
        let responses = operation["responses"].as_object().unwrap();
        let contents =
            responses.values().flat_map(|response| response["content"].as_object().unwrap().values());
        let answers = contents.filter(|content| content.get("example").is_some()).count();
        assert_eq!(answers, usize::from(!is_unanswered), "{method} {path}: examples of its answer");
        let body = &operation["requestBody"]["content"]["application/json"];
        let parameters = operation["parameters"].as_array().unwrap();
        let takes = !parameters.is_empty()
            || body["schema"]["properties"].as_object().is_some_and(|fields| !fields.is_empty());
        let shows = body.get("example").is_some()
            || parameters.iter().any(|parameter| parameter.get("example").is_some());
        assert_eq!(shows, takes, "{method} {path}: an example of what it takes");
    }
}

//! The examples of the vendor's OpenAPI document are what the mock takes, answers and calls back: the life that they are taken
//! from is lived by a whole mock, request by request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::Value;
use sha2::Sha256;

use super::Mock;
use super::assembly::Service;
use crate::contract::catalog::Route;
use crate::contract::envelope::CorrectedCodes;
use crate::contract::signature::Scheme;
use crate::contract::{Catalog, Entry, Family, envelope};
use crate::delivery::{AttemptResult, ReceiverResponse};
use crate::engine::{Receiver, Speed};
use crate::net::{HttpRequest, Reply};
use crate::simulator::DEFAULT_SIGN_KEY;
use crate::simulator::examples::{Answers, EPOCH, File, SEED, filled_in, steps};
use crate::simulator::openapi::{Described, document};

const SECRET: &str = "of the examples";

const CALLBACK_URL: &str = "http://127.0.0.1:3000/hook";

/// The document without corrections.
fn vendor_document() -> Value {
    let (catalog, scheme, codes) = (Catalog::builtin(), Scheme::default(), CorrectedCodes::default());
    document(Described { catalog, scheme: &scheme, codes: &codes })
}

/// The first callback of each event, as the receiver got it.
type Got = Arc<Mutex<BTreeMap<String, Value>>>;

fn receiver(got: Got) -> Receiver {
    Box::new(move |attempt| {
        let body = serde_json::from_slice(&attempt.callback.body).unwrap();
        got.lock().unwrap().entry(attempt.callback.event.to_string()).or_insert(body);
        // What number detection expects suits all others.
        let body = Bytes::from_static(br#"{"code":200,"msg":"ok"}"#);
        let answer = ReceiverResponse { status: 200, headers: Vec::new(), body, truncated: false };
        Box::pin(async move { AttemptResult { result: Ok(answer), elapsed: Duration::ZERO } })
    })
}

/// A request at one of its places, as a client makes it.
pub(super) fn request(
    entry: &Entry,
    route: &Route,
    fields: &Value,
    file: Option<&File>,
    tokens: &Answers,
) -> HttpRequest {
    let mut request = HttpRequest {
        method: route.method.clone().into(),
        path: route.path.replace("{name}", "line"),
        ..HttpRequest::default()
    };
    let token = |id: &str| format!("Token {}", tokens[id]["token"].as_str().unwrap());
    let mut headers: Vec<(&str, String)> = Vec::new();
    if let Some(File { name, text }) = file {
        let part =
            format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{text}");
        request.body = format!("--line\r\n{part}\r\n--line--\r\n").into();
        headers.push(("content-type", "multipart/form-data; boundary=line".to_owned()));
    } else if route.method == "GET" {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields.as_object().unwrap() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            query.append_pair(name, &text);
        }
        request.query = Some(query.finish());
    } else {
        request.body = fields.to_string().into();
        headers.push(("content-type", "application/json".to_owned()));
    }
    match entry.family {
        Family::Chatbot => {
            let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
            mac.update(&request.body);
            headers.push(("x-airudder-sign", hex::encode(mac.finalize().into_bytes())));
            headers.push(("x-airudder-sign-key", DEFAULT_SIGN_KEY.to_owned()));
        }
        Family::Detection => {}
        Family::Dialer if entry.id != "dialer.auth" => headers.push(("authorization", token("dialer.auth"))),
        _ if ["auth.token", "dialer.auth"].contains(&&*entry.id) => {}
        _ => headers.push(("authorization", token("auth.token"))),
    }
    request.headers = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    request
}

async fn ask(mock: &Service, request: HttpRequest) -> Value {
    let asked = request.path_and_query().to_string();
    let Reply::Answer(answer) = mock.answer(request).await.here().await else {
        panic!("{asked} is answered")
    };
    assert_eq!(answer.status, 200, "{asked}: {}", String::from_utf8_lossy(&answer.body));
    serde_json::from_slice(&answer.body).unwrap()
}

/// The example of a request: its body, or the values of its query.
fn example(operation: &Value) -> Value {
    let content = &operation["requestBody"]["content"];
    let body = ["application/json", "multipart/form-data"].map(|kind| content[kind].get("example"));
    if let Some(body) = body.into_iter().flatten().next() {
        return body.clone();
    }
    let parameters = operation["parameters"].as_array().unwrap().iter();
    let given =
        parameters.filter_map(|one| Some((one["name"].as_str()?.to_owned(), one.get("example")?.clone())));
    Value::Object(given.collect())
}

/// The life of the examples, with the requests that stand in the document. How often each endpoint was asked.
async fn live(mock: &Service, document: &Value) -> BTreeMap<String, usize> {
    let operation = |route: &Route| &document["paths"][&route.path][route.method.to_lowercase()];
    let (mut answers, mut asked) = (Answers::default(), BTreeMap::new());
    for step in steps() {
        if let Some(id) = &step.call {
            let entry = Catalog::builtin().get(id).unwrap();
            let [route, ..] = &*entry.routes else { panic!("{id} has no place") };
            let mut fields = filled_in(&Value::Object(step.fields), &answers);
            let times = asked.entry(id.clone()).or_default();
            *times += 1;
            let is_example = *times == 1;
            if is_example {
                fields = example(operation(route));
            }
            let answer = ask(mock, request(entry, route, &fields, step.file.as_ref(), &answers)).await;
            assert_eq!(answer["code"], envelope::success_code(entry.family), "{id}: {answer}");
            if is_example {
                let content = &operation(route)["responses"]["200"]["content"]["application/json"];
                assert_eq!(content["example"], answer, "{id}");
            }
            answers.insert(id.clone(), answer[envelope::names(entry.family).1].clone());
        }
        mock.driver().travel(step.pass.map_or(Duration::ZERO, |pass| pass.0)).await;
    }
    asked
}

/// Which begins as the life of the examples does.
fn mock() -> Service {
    Mock::builder()
        .callback_url(CALLBACK_URL)
        .settings_text(&format!("secret = '{SECRET}'"))
        .epoch(Timestamp::from_second(EPOCH).unwrap())
        .seed(SEED.0)
        .speed(Speed::Still)
        .service()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_mock_takes_answers_and_calls_back_what_the_document_says() {
    let got = Got::default();
    let mock = mock();
    mock.driver().send_to(receiver(Arc::clone(&got)));
    let (driver, document) = (mock.driver().clone(), vendor_document());
    let asked = tokio::select! {
        asked = live(&mock, &document) => asked,
        _ = driver.drive(std::future::pending()) => unreachable!("a mock lasts"),
    };
    for entry in Catalog::builtin().requests() {
        assert!(asked.contains_key(&entry.id), "{} has no example", entry.id);
    }
    let got = got.lock().unwrap();
    for entry in Catalog::builtin().callbacks() {
        let content = &document["webhooks"][&entry.id]["post"]["requestBody"]["content"]["application/json"];
        match got.get(&entry.id) {
            Some(body) => assert_eq!(content["example"], *body, "{}", entry.id),
            // Only stories, and requests of the control surface, send these.
            None => {
                assert!(["agent.transfer", "inbound.call_completed"].contains(&&*entry.id), "{}", entry.id);
            }
        }
    }
}

/// Endpoints that have several places take the same at all of them.
#[tokio::test]
async fn other_places_take_the_same_requests() {
    let (mock, document) = (mock(), vendor_document());
    let mut answers = Answers::default();
    for id in ["auth.token", "dialer.auth"] {
        let entry = Catalog::builtin().get(id).unwrap();
        let fields = example(&document["paths"][&entry.routes[0].path]["post"]);
        let answer = ask(&mock, request(entry, &entry.routes[0], &fields, None, &answers)).await;
        answers.insert(id.to_owned(), answer[envelope::names(entry.family).1].clone());
    }
    for entry in Catalog::builtin().requests() {
        for route in &entry.routes[1..] {
            let fields = example(&document["paths"][&route.path][route.method.to_lowercase()]);
            let answer = ask(&mock, request(entry, route, &fields, None, &answers)).await;
            assert_eq!(answer["code"], envelope::success_code(entry.family), "{}: {answer}", route.path);
        }
    }
}

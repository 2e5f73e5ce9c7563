//! A receiver of AI Rudder's callbacks with axum: `cargo run`
//!
//! It verifies signatures over the raw bytes, processes each event once, and responds before it works. When a user asks
//! for a person, it accepts the conversation. Try it with `airudder-mock run story.toml -- target/debug/receiver`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::sync::LazyLock;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hmac::{Hmac, KeyInit, Mac};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

fn env(name: &str, otherwise: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}

static AIRUDDER: LazyLock<String> = LazyLock::new(|| env("AIRUDDER_MOCK_URL", "http://127.0.0.1:2478"));
/// Names the secret.
static KEY: LazyLock<String> = LazyLock::new(|| env("AIRUDDER_MOCK_SIGN_KEY", "a17d0de2a17d0de2a17d0de2a17d0de2"));
static SECRET: LazyLock<String> = LazyLock::new(|| env("AIRUDDER_MOCK_SECRET", "airudder-mock-secret"));
/// Counts as well while the secret is rotated.
static NEXT_SECRET: LazyLock<String> = LazyLock::new(|| env("AIRUDDER_MOCK_NEXT_SECRET", &SECRET));
/// In your code: a table with a unique key.
static EVENTS: LazyLock<String> = LazyLock::new(|| env("EVENTS", "events"));
static CLIENT: LazyLock<Client<HttpConnector, Body>> =
    LazyLock::new(|| Client::builder(TokioExecutor::new()).build_http());

fn mac(raw: &[u8], secret: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(raw);
    mac
}

fn is_genuine(raw: &[u8], headers: &HeaderMap) -> bool {
    let mut given = headers.get_all("x-airudder-sign").iter();
    let (Some(signature), None) = (given.next(), given.next()) else { return false }; // two are never right
    let Ok(bytes) = hex::decode(signature.as_bytes()) else { return false };
    [&SECRET, &NEXT_SECRET].iter().any(|secret| mac(raw, secret).verify_slice(&bytes).is_ok())
}

/// The vendor does not sign callbacks of calls, tasks, workflows, the dialer and SMS, so anyone can send one. Chatbot
/// callbacks are signed, and name their event; so is the end of a chat in a workflow.
fn is_notice(event: &Map<String, Value>) -> bool {
    !event.contains_key("event") && !event.contains_key("session_end_reason")
}

/// Stores an event, and says whether it is new: the vendor repeats a callback without a timely response.
fn take(event: &Map<String, Value>) -> io::Result<bool> {
    let text = serde_json::to_string(event)?; // with its keys sorted, unless `preserve_order` is on
    let path = format!("{}/{}", *EVENTS, hex::encode(Sha256::digest(&text)));
    // Check and record in one step: two of the same may arrive at once.
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Runs after the response, which does not wait for it.
async fn work(event: Map<String, Value>) {
    let id = event.get("transfer").and_then(|transfer| transfer["call_id"].as_str()).unwrap_or_default();
    if event.get("event").and_then(Value::as_str) != Some("session.transfer") || id.is_empty() {
        return;
    }
    let body = json!({ "call_id": id, "result": "accepted" }).to_string();
    let signature = hex::encode(mac(body.as_bytes(), &SECRET).finalize().into_bytes());
    // The vendor may be down for a moment; a refusal is final.
    for pause in [500, 1000, 0] {
        let request = Request::post(format!("{}/api/v1/session/transfer_result", *AIRUDDER))
            .header("Content-Type", "application/json")
            .header("X-AIRudder-Sign-Key", &*KEY)
            .header("X-AIRudder-Sign", &signature)
            .body(Body::from(body.clone()))
            .expect("AIRUDDER_MOCK_URL is a URL");
        match CLIENT.request(request).await {
            Ok(response) => {
                println!("answered {id} {}", response.status());
                if !response.status().is_server_error() {
                    return;
                }
            }
            Err(error) => println!("not accepted {id} {error}"),
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

fn answer(status: StatusCode, fields: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], fields.to_string()).into_response()
}

/// `Bytes`, the raw body before any parser: not `Json<..>`.
async fn hook(headers: HeaderMap, raw: Bytes) -> Response {
    let event: Option<Map<String, Value>> = serde_json::from_slice(&raw).ok();
    let is_notice = !headers.contains_key("x-airudder-sign") && event.as_ref().is_some_and(is_notice);
    if !is_genuine(&raw, &headers) && !is_notice {
        return answer(StatusCode::UNAUTHORIZED, &json!({ "error": "wrong signature" }));
    }
    let Some(event) = event else {
        return answer(StatusCode::BAD_REQUEST, &json!({ "error": "not an event" }));
    };
    match take(&event) {
        Ok(true) => drop(tokio::spawn(work(event))),
        Ok(false) => {}
        Err(error) => {
            println!("not taken: {error}");
            return answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": "not taken" })); // it is sent again
        }
    }
    answer(StatusCode::OK, &json!({}))
}

/// How many events were accepted, for `airudder-mock audit --probe`.
async fn probe() -> Response {
    let worked = fs::read_dir(&*EVENTS).map_or(0, Iterator::count);
    answer(StatusCode::OK, &json!({ "worked": worked }))
}

#[tokio::main]
async fn main() -> io::Result<()> {
    fs::create_dir_all(&*EVENTS)?;
    let app = Router::new()
        .route("/callbacks", post(hook))
        .route("/probe", get(probe))
        .layer(DefaultBodyLimit::max(10 * 1024 * 1024));
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{}", env("PORT", "3000"))).await?;
    axum::serve(listener, app).await
}

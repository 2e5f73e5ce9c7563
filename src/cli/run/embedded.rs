//! The embedded sample integrator: a receiver on its own port that verifies every callback and plays the customer's side by
//! real requests to the mock, on the story's clock.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::contract::signature::{Signer, Signing};
use crate::contract::{Catalog, Entry, Family, expected};
use crate::engine::{Agenda, Driver};
use crate::http;
use crate::integrator::{Action, Receiver, SampleAgent, SampleCustomer, Verdict};
use crate::mock::Prepared;
use crate::net::{Headers, HttpRequest, HttpResponse, Reply};
use crate::simulator::{DEFAULT_APP_KEY, DEFAULT_APP_SECRET};
use crate::sync::lock;

/// The company whose agents refuse every transfer, for stories about refusals.
const REFUSING: &str = "Closed Desk";

/// The company whose agents never answer.
const SILENT: &str = "Silent Desk";

/// The customer's agents. The company of a transfer decides which of them gets it.
struct Agents {
    open: SampleAgent,
    closed: SampleAgent,
    silent: SampleAgent,
}

impl Default for Agents {
    fn default() -> Self {
        Self { open: SampleAgent::default(), closed: SampleAgent::refusing(), silent: SampleAgent::silent() }
    }
}

impl Agents {
    fn of(&mut self, body: &Value) -> &mut SampleAgent {
        match body.pointer("/transfer/company").or_else(|| body.get("company")).and_then(Value::as_str) {
            Some(REFUSING) => &mut self.closed,
            Some(SILENT) => &mut self.silent,
            _ => &mut self.open,
        }
    }
}

/// The embedded integrator.
pub(super) struct Embedded {
    receiver: Mutex<Receiver>,
    agents: Mutex<Agents>,
    customer: Mutex<SampleCustomer>,
    /// The key and the secret of the first account, for fetching a token.
    account: (String, String),
    /// Signs its requests with the key of the first account.
    signer: Signer,
    catalog: Arc<Catalog>,
    /// The address of the mock.
    mock: SocketAddr,
    driver: Driver,
    agenda: Agenda,
}

impl Embedded {
    pub(super) fn new(prepared: &Prepared, mock: SocketAddr, driver: Driver) -> Arc<Self> {
        let agenda = driver.agenda();
        let own = driver.with(|engine, _| engine.client_signers().into_iter().next());
        let Prepared { catalog, signer, route_signers, settings } = prepared;
        let account = settings.accounts.first();
        let account = account.map(|account| (account.app_key.clone(), account.app_secret.clone()));
        let account = account.unwrap_or((DEFAULT_APP_KEY.to_owned(), DEFAULT_APP_SECRET.to_owned()));
        let receiver = Receiver::new(signer.clone(), catalog).and(route_signers.iter().flatten().cloned());
        Arc::new(Self {
            signer: own.unwrap_or_else(|| signer.clone()),
            receiver: Mutex::new(receiver),
            agents: Mutex::new(Agents::default()),
            customer: Mutex::default(),
            account,
            catalog: Arc::clone(catalog),
            mock,
            driver,
            agenda,
        })
    }

    fn receiver(&self) -> MutexGuard<'_, Receiver> {
        lock(&self.receiver)
    }

    /// Returns the numbers of right and wrong signatures.
    pub(super) fn verified(&self) -> (u64, u64) {
        let counts = self.receiver().counts();
        (counts.verified, counts.wrong)
    }

    /// Plans the request with which a story begins, if it is one that a customer makes.
    pub(super) fn begin(self: &Arc<Self>, endpoint: &str, number: u32, wait: Duration) {
        let mut customer = lock(&self.customer);
        if let Some(action) = customer.begin(endpoint, number) {
            self.plan(Action { after: action.after + wait, ..action });
        }
    }

    fn plan(self: &Arc<Self>, action: Action) {
        let integrator = Arc::clone(self);
        self.agenda.after(action.after, async move { integrator.request(action).await });
    }

    /// Accepts a callback, responds to it, and plans the customer's reaction.
    pub(super) fn receive(self: &Arc<Self>, request: &HttpRequest) -> Reply {
        let now = self.driver.with(|_, now| now);
        let received = self.receiver().receive(request, now);
        if let Verdict::Wrong(mismatch) = received.verdict {
            let body = json!({ "error": mismatch.message });
            return HttpResponse::json(401, &body).into();
        }
        if let Ok(body) = received.body.as_ref().map(|body| self.read(received.id.as_deref(), body)) {
            let body = &body;
            let event = received.id.as_deref().or(received.event.as_deref()).unwrap_or_default();
            let mut agents = lock(&self.agents);
            let mut customer = lock(&self.customer);
            let of_customer = customer.react(event, body);
            for action in agents.of(body).react(event, body).into_iter().chain(of_customer) {
                self.plan(action);
            }
        }
        HttpResponse::json(200, &expected::response(received.id.as_deref().unwrap_or_default())).into()
    }

    /// Makes a request to the mock. The response is in the journal; the sample integrator does not use it.
    async fn request(&self, action: Action) {
        let Some(entry) = self.catalog.get(action.endpoint) else { return };
        let Some(route) = entry.routes.first() else { return };
        let body = request_body(entry, &action.body);
        let now = self.driver.with(|_, now| now);
        let signing = Signing { body: &body, path: &route.path, now, nonce: action.endpoint };
        let mut headers = Headers::from(&[("content-type", "application/json")][..]);
        if entry.family == Family::Chatbot {
            let signed = self.signer.sign_request(&signing).into_iter();
            headers.extend(signed.map(|(name, value)| (name.to_ascii_lowercase(), value)));
        } else if let Some(token) = self.token().await {
            headers.extend([("authorization".to_owned(), format!("Token {token}"))]);
        }
        let request = HttpRequest {
            method: route.method.clone().into(),
            path: route.path.clone(),
            headers,
            body: Bytes::from(body),
            ..HttpRequest::default()
        };
        let _ = http::request(self.mock, request).await;
    }

    /// Fetches a new token of the first account.
    async fn token(&self) -> Option<String> {
        let entry = self.catalog.get("auth.token")?;
        let route = entry.routes.first()?;
        let (key, secret) = &self.account;
        let body = request_body(entry, &json!({ "APPKey": key, "APPSecret": secret }));
        let request = HttpRequest {
            method: route.method.clone().into(),
            path: route.path.clone(),
            headers: Headers::from(&[("content-type", "application/json")][..]),
            body: Bytes::from(body),
            ..HttpRequest::default()
        };
        let answer = http::request(self.mock, request).await.ok()?;
        let mut body: Value = serde_json::from_slice(&answer.body).ok()?;
        let data = self.read(Some(&entry.id), &body["data"].take());
        Some(data["token"].as_str()?.to_owned())
    }

    /// Returns what the mock has written, a callback or the data of a response, with the mock's names of fields and words.
    fn read(&self, id: Option<&str>, body: &Value) -> Value {
        let names = id.and_then(|id| self.catalog.get(id)).and_then(|entry| entry.names.as_deref());
        let read = names.and_then(|names| {
            let text = names.written.reversed().apply(body.to_string().as_bytes());
            serde_json::from_slice(&text).ok()
        });
        read.unwrap_or_else(|| body.clone())
    }
}

/// Returns the body of a request with the user's names of fields and words.
fn request_body(entry: &Entry, body: &Value) -> Vec<u8> {
    let text = body.to_string().into_bytes();
    entry.names.as_ref().map_or_else(|| text.clone(), |names| names.request.apply(&text))
}

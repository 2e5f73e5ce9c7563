//! The embedded sample integrator: a receiver on a port of its own that verifies every callback and plays the
//! customer's side by real calls to the mock, on the story's clock.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::Value;

use crate::contract::signature::{Signer, Signing};
use crate::contract::{Catalog, expected};
use crate::engine::{Agenda, Driver};
use crate::http;
use crate::integrator::{Action, Receiver, SampleAgent, Verdict};
use crate::mock::Prepared;
use crate::net::{Headers, HttpRequest, HttpResponse, Reply};

/// The company whose agents refuse every transfer, so that a story can have it refused.
const REFUSING: &str = "Closed Desk";

/// The company whose agents never answer.
const SILENT: &str = "Silent Desk";

/// The customer's agents: the company of a transfer decides which of them it goes to.
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
    /// Signs its calls with the key of the first account.
    signer: Signer,
    catalog: Arc<Catalog>,
    /// Where the mock listens.
    mock: SocketAddr,
    driver: Driver,
    agenda: Agenda,
}

impl Embedded {
    pub(super) fn new(prepared: &Prepared, mock: SocketAddr, driver: Driver) -> Arc<Self> {
        let agenda = driver.agenda();
        let own = driver.with(|engine, _| engine.caller_signers().into_iter().next());
        let Prepared { catalog, signer, route_signers, .. } = prepared;
        let receiver = Receiver::new(signer.clone(), catalog).and(route_signers.iter().flatten().cloned());
        Arc::new(Self {
            signer: own.unwrap_or_else(|| signer.clone()),
            receiver: Mutex::new(receiver),
            agents: Mutex::new(Agents::default()),
            catalog: Arc::clone(catalog),
            mock,
            driver,
            agenda,
        })
    }

    fn receiver(&self) -> MutexGuard<'_, Receiver> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many signatures were right and how many wrong.
    pub(super) fn verified(&self) -> (u64, u64) {
        let counts = self.receiver().counts();
        (counts.verified, counts.wrong)
    }

    /// Takes a callback, answers it, and plans what the customer does about it.
    pub(super) fn receive(self: &Arc<Self>, call: &HttpRequest) -> Reply {
        let now = self.driver.with(|_, now| now);
        let received = self.receiver().receive(call, now);
        if let Verdict::Wrong(mismatch) = received.verdict {
            let body = serde_json::json!({ "error": mismatch.message });
            return HttpResponse::json(401, &body).into();
        }
        if let Ok(body) = &received.body {
            let event = received.id.as_deref().or(received.event.as_deref()).unwrap_or_default();
            let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
            for action in agents.of(body).react(event, body) {
                let integrator = Arc::clone(self);
                self.agenda.after(action.after, async move { integrator.call(action).await });
            }
        }
        HttpResponse::json(200, &expected::response(received.id.as_deref().unwrap_or_default())).into()
    }

    /// A call to the mock. Its answer stands in the journal; the sample integrator has no use for it.
    async fn call(&self, action: Action) {
        let Some(route) = self.catalog.get(action.call).and_then(|entry| entry.routes.first()) else {
            return;
        };
        let body = action.body.to_string();
        let now = self.driver.with(|_, now| now);
        let signing = Signing { body: body.as_bytes(), path: &route.path, now, nonce: action.call };
        let mut headers = Headers::from(&[("content-type", "application/json")][..]);
        headers.extend(
            self.signer
                .sign_call(&signing)
                .into_iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), value)),
        );
        let call = HttpRequest {
            method: route.method.clone().into(),
            path: route.path.clone(),
            query: None,
            headers,
            body: Bytes::from(body),
        };
        let _ = http::request(self.mock, call).await;
    }
}

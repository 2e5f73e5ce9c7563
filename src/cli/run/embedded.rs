//! The embedded sample integrator: a receiver on a port of its own that verifies every callback and plays the
//! customer's side by real calls to the mock, on the story's clock.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::Value;

use crate::contract::signature::{Signer, Signing};
use crate::contract::Catalog;
use crate::engine::{Agenda, Driver};
use crate::http::{self, HttpAnswer, HttpCall, Reply};
use crate::integrator::{Action, Persona, Receiver};

/// The embedded integrator.
pub(super) struct Embedded {
    receiver: Mutex<Receiver>,
    persona: Mutex<Persona>,
    signer: Signer,
    catalog: Arc<Catalog>,
    /// Where the mock listens.
    mock: SocketAddr,
    driver: Driver,
    agenda: Agenda,
}

impl Embedded {
    pub(super) fn new(signer: Signer, catalog: Arc<Catalog>, mock: SocketAddr, driver: Driver) -> Arc<Self> {
        let agenda = driver.agenda();
        Arc::new(Self {
            receiver: Mutex::new(Receiver::new(signer.clone(), Arc::clone(&catalog))),
            persona: Mutex::new(Persona::default()),
            signer,
            catalog,
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
    pub(super) fn receive(self: &Arc<Self>, call: &HttpCall) -> Reply {
        let now = self.driver.with(|_, now| now);
        let received = self.receiver().receive(call, now);
        if received.verdict.is_wrong() {
            let body = serde_json::json!({ "error": "wrong signature" });
            return Reply::Answer(HttpAnswer::json(401, &body));
        }
        if let Some(body) = &received.body {
            let actions = {
                let mut persona = self.persona.lock().unwrap_or_else(PoisonError::into_inner);
                persona.react(received.event.as_deref().unwrap_or_default(), body)
            };
            for action in actions {
                let desk = Arc::clone(self);
                self.agenda.after(action.after, async move { desk.call(action).await });
            }
        }
        Reply::Answer(HttpAnswer::json(200, &Value::Object(serde_json::Map::new())))
    }

    /// A call to the mock. Its answer stands in the journal; the sample integrator has no use for it.
    async fn call(&self, action: Action) {
        let Some(route) = self.catalog.get(action.call).and_then(|entry| entry.routes.first()) else { return };
        let body = action.body.to_string();
        let now = self.driver.with(|_, now| now);
        let signing = Signing { body: body.as_bytes(), path: &route.path, now, nonce: action.call };
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        headers.extend(self.signer.sign(&signing).into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)));
        let call = HttpCall {
            method: route.method.clone(),
            path: route.path.clone(),
            query: None,
            headers,
            body: Bytes::from(body),
        };
        let _ = http::request(self.mock, call).await;
    }
}

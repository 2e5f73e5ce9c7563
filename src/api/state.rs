//! What the handling of all requests shares.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::decode::USUAL_VALUES;
use super::delayed::LateRequests;
use super::envelop::refused;
use super::proof::Keys;
use super::stream::Threads;
use crate::contract::renames::CorrectedNames;
use crate::contract::{Catalog, Family, Route, Router};
use crate::engine::{Driver, Engine};
use crate::journal::{Event, RefusedRequest, RequestEntry};
use crate::net::{HttpRequest, HttpResponse, Reply};
use crate::settings::AccessRules;
use crate::simulator::Refusal;

/// Responds to the integrator's requests.
#[derive(Clone, Debug)]
pub struct Api {
    pub(super) driver: Driver,
    pub(super) router: Arc<Router>,
    pub(super) rules: AccessRules,
    /// Whether links begin with the host that requests used.
    pub(super) follows_host: bool,
    /// Other names of fields, by catalog id.
    pub(super) names: Arc<BTreeMap<String, Arc<CorrectedNames>>>,
    /// Checks the signatures of chatbot requests.
    pub(super) keys: Arc<Keys>,
    /// The endpoints that need no authentication according to the user's settings.
    pub(super) open: Arc<BTreeSet<String>>,
    /// Maximum number of JSON values of a body.
    pub(super) values: usize,
    pub(super) threads: Threads,
    /// Limits how many large bodies are decoded concurrently.
    pub(super) readers: Arc<Semaphore>,
    /// The requests that a fault delays.
    pub(super) delayed: LateRequests,
}

/// Status while the inputs cannot be stored.
pub(super) const NOT_STORED: u16 = 503;

/// Bodies of at least this size are decoded on a blocking thread, outside the engine lock.
pub(super) const LARGE: usize = 64 << 10;

/// How many large bodies are decoded concurrently; decoding needs several times their size in memory.
const READERS: usize = 2;

/// The response to a request. The effects of the request have happened already, even if no task awaits the response.
pub type Answering = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// Returns a response that is complete.
pub fn ready(reply: impl Into<Reply>) -> Answering {
    Box::pin(std::future::ready(reply.into()))
}

/// A request on its way to the journal.
pub(super) struct Exchange {
    /// The catalog id, if it matches an endpoint.
    pub(super) id: Option<Arc<str>>,
    pub(super) request: Arc<HttpRequest>,
    pub(super) started: Instant,
}

/// The response to a request, as it is journaled.
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) body: Bytes,
    pub(super) refusal: Option<Refusal>,
    /// The fault that applied.
    pub(super) fault: Option<Arc<str>>,
}

impl Api {
    /// Creates an API for the requests of a catalog, with the router that finds them. If it follows the header `Host`, links
    /// begin with the host that the last request used.
    pub fn new(
        driver: Driver,
        (catalog, router): (&Catalog, Arc<Router>),
        rules: AccessRules,
        follows_host: bool,
    ) -> Self {
        let (signers, open) = driver.with(|engine, _| {
            let ids = catalog.entries().iter().map(|entry| entry.id.clone());
            (engine.client_signers(), ids.filter(|id| engine.is_open(id)).collect())
        });
        let keys = Arc::new(Keys::new(signers));
        let corrected =
            catalog.entries().iter().filter_map(|entry| Some((entry.id.clone(), entry.names.clone()?)));
        let names = Arc::new(corrected.collect());
        Self {
            driver,
            router,
            rules,
            follows_host,
            names,
            keys,
            open: Arc::new(open),
            values: USUAL_VALUES,
            threads: Threads::default(),
            readers: Arc::new(Semaphore::new(READERS)),
            delayed: LateRequests::default(),
        }
    }

    /// Returns what finds the requests.
    #[cfg(test)]
    pub(crate) fn router(&self) -> &Arc<Router> {
        &self.router
    }

    /// Sets the maximum number of values of a body besides rows.
    #[must_use]
    pub fn with_values(mut self, values: usize) -> Self {
        self.values = values;
        self
    }

    /// The requests that take effect late on purpose, as they are at any moment.
    pub fn late_requests(&self) -> &LateRequests {
        &self.delayed
    }

    /// Whether a request brings a list or files, so that its body may be large.
    pub fn is_large(&self, method: &str, path: &str) -> bool {
        matches!(self.router.find(method, path), Route::Found { is_large: true, .. })
    }

    /// Returns the refusal of a request in the envelope of a family.
    pub(super) fn refused(&self, family: Family, refusal: &Refusal) -> HttpResponse {
        self.driver.look(|engine, _| refused(engine, (family, ""), refusal, self.rules.error_status))
    }
}

impl Api {
    /// Returns the refusal of a request to no endpoint as it was sent, with the code of the user's settings.
    pub(super) fn sent(&self, family: Family, refusal: Refusal) -> Refusal {
        let code = self.driver.look(|engine, _| engine.code(family, "", refusal.code));
        Refusal { code, ..refusal }
    }
}

/// Journals a request with its response.
pub(super) fn note(engine: &mut Engine, now: Timestamp, exchange: Exchange, answered: Answered) {
    let Exchange { id, request, started } = exchange;
    let Answered { status, body: answer, refusal, fault } = answered;
    let refusal = refusal.map(|Refusal { code, message }| Box::new(RefusedRequest { code, reason: message }));
    let entry = RequestEntry { id, request, status, answer, refusal, fault, elapsed: started.elapsed() };
    engine.journal().write(now, None, Event::Requested(entry));
}

//! Handles a request from its arrival to its response.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::decode::USUAL_VALUES;
use super::decoded::RouteMatch;
use super::delayed::LateRequests;
use super::download;
use super::effect::late;
use super::envelop::{plain_error, refused};
use super::media;
use super::proof::Keys;
use super::stream::Threads;
use crate::contract::renames::CorrectedNames;
use crate::contract::{Catalog, Family, Route, RouteError, Router};
use crate::engine::{Driver, Engine, TurnedAway};
use crate::journal::{Event, RefusedRequest, RequestEntry};
use crate::net::{HttpRequest, HttpResponse, Reply};
use crate::settings::AccessRules;
use crate::simulator::Refusal;

/// Responds to the integrator's requests.
#[derive(Clone, Debug)]
pub struct Api {
    pub(super) driver: Driver,
    router: Arc<Router>,
    pub(super) rules: AccessRules,
    /// Whether links begin with the host that requests used.
    pub(super) follows_host: bool,
    /// Other names of fields, by catalog id.
    names: Arc<BTreeMap<String, Arc<CorrectedNames>>>,
    /// Checks the signatures of chatbot calls.
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
    /// Creates an API for the requests of a catalog. If it follows the header `Host`, links begin with the host that the last
    /// request used.
    ///
    /// # Errors
    ///
    /// If a path in the user's settings can't be matched by any request.
    pub fn new(
        driver: Driver,
        catalog: &Catalog,
        rules: AccessRules,
        follows_host: bool,
    ) -> Result<Self, RouteError> {
        let (signers, open) = driver.with(|engine, _| {
            let ids = catalog.entries().iter().map(|entry| entry.id.clone());
            (engine.client_signers(), ids.filter(|id| engine.is_open(id)).collect())
        });
        let keys = Arc::new(Keys::new(signers));
        let corrected =
            catalog.entries().iter().filter_map(|entry| Some((entry.id.clone(), entry.names.clone()?)));
        let names = Arc::new(corrected.collect());
        Ok(Self {
            driver,
            router: Arc::new(Router::new(catalog)?),
            rules,
            follows_host,
            names,
            keys,
            open: Arc::new(open),
            values: USUAL_VALUES,
            threads: Threads::default(),
            readers: Arc::new(Semaphore::new(READERS)),
            delayed: LateRequests::default(),
        })
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

    /// Responds to a request. It takes effect at once, even if no task awaits the response.
    pub fn answer(&self, request: HttpRequest) -> Answering {
        let started = Instant::now();
        let request = Arc::new(request);
        if let Some(link) = download::link(&request.path) {
            return ready(self.download(request, &link, started));
        }
        if let Some(link) = media::link(&request.path) {
            let reply = media::answer(&self.driver, &request, link).into();
            self.note_download(request, &reply, None, started);
            return ready(reply);
        }
        match self.router.find(&request.method, &request.path) {
            Route::Found { id, family, route, provenance, params, is_large: _ } => {
                let names = self.names.get(&*id).cloned();
                let route = RouteMatch { id, family, route, provenance, names };
                self.handle(request, route, params, started)
            }
            Route::WrongMethod { family, allow } => {
                let methods = allow.replace(", ", " and ");
                let message =
                    format!("{} is served with {methods}, not with {}", request.path, request.method);
                let refusal = Refusal::new(405, message);
                let mut response = self.refused(family, &refusal);
                response.headers.push(("allow".into(), allow.into()));
                let meant = Some(request.path.clone());
                self.turned_away(Exchange { id: None, request, started }, response, refusal, meant)
            }
            Route::Unknown { nearest } => {
                let near = nearest.as_ref().map(|path| format!(", did you mean {path}?")).unwrap_or_default();
                let page =
                    if request.path == "/" { "; the page of the mock itself is at /_mock/" } else { "" };
                let message = format!("nothing is served at {}{near}{page}", request.path);
                let refusal = Refusal::new(404, message);
                let response = match Family::of_path(&request.path) {
                    Some(family) => self.refused(family, &refusal),
                    None => plain_error(404, &refusal.message),
                };
                self.turned_away(Exchange { id: None, request, started }, response, refusal, nearest)
            }
        }
    }

    /// Refuses a request that is for another server or from another site, without any effect.
    pub fn turn_away(&self, request: HttpRequest, status: u16, message: String) -> Answering {
        let started = Instant::now();
        let response = plain_error(status, &message);
        // A story may wait for it, from an integrator that reaches the mock by another name.
        let id = match self.router.find(&request.method, &request.path) {
            Route::Found { id, .. } => Some(id),
            Route::WrongMethod { .. } | Route::Unknown { .. } => None,
        };
        let exchange = Exchange { id, request: Arc::new(request), started };
        self.turned_away(exchange, response, Refusal::new(status.into(), message), None)
    }

    /// Journals a request that has no effect, with the path that was probably meant, and returns its response.
    fn turned_away(
        &self,
        exchange: Exchange,
        response: HttpResponse,
        refusal: Refusal,
        meant: Option<String>,
    ) -> Answering {
        let request = Arc::clone(&exchange.request);
        let (status, body) = (response.status, response.body.clone());
        let noted = self.driver.take_in(&request, |engine, now, _| {
            let away = match &exchange.id {
                Some(id) => TurnedAway::Refused { id, refusal: &refusal },
                None => TurnedAway::Unserved {
                    asked: format!("{} {}", request.method, request.path),
                    meant: meant.as_deref(),
                },
            };
            engine.turned_away(&away, None, now);
            let answered = Answered { status, body, refusal: Some(refusal), fault: None };
            note(engine, now, exchange, answered);
        });
        ready(match noted {
            Ok(()) => response,
            Err(error) => plain_error(NOT_STORED, &error.to_string()),
        })
    }

    /// Returns the refusal of a request in the envelope of a family.
    pub(super) fn refused(&self, family: Family, refusal: &Refusal) -> HttpResponse {
        self.driver.look(|engine, _| refused(engine, (family, ""), refusal, self.rules.error_status))
    }

    /// Responds with a file.
    fn download(&self, request: Arc<HttpRequest>, link: &download::Link, started: Instant) -> Reply {
        let planned = match download::plan(&self.driver, &request, link) {
            Ok(planned) => planned,
            Err(error) => return plain_error(NOT_STORED, &error.to_string()).into(),
        };
        if self.driver.is_replaying() {
            // Building the file would have no effect.
            return Reply::Never;
        }
        let api = self.clone();
        let (delay, fault) = (planned.delay, planned.fault.clone());
        let make = move || {
            let reply = download::answer(&request, planned, &api.threads);
            api.note_download(request, &reply, fault, started);
            reply
        };
        match delay {
            Some(delay) => late(delay, make),
            None => make(),
        }
    }

    /// Journals a download. Only its metadata is kept, because the content can be fetched again.
    fn note_download(
        &self,
        request: Arc<HttpRequest>,
        reply: &Reply,
        fault: Option<Arc<str>>,
        started: Instant,
    ) {
        let file = || Bytes::from_static(b"(a file)");
        let (status, body) = match reply {
            Reply::Answer(answer) if answer.status >= 400 => (answer.status, answer.body.clone()),
            Reply::Answer(answer) => (answer.status, file()),
            Reply::Stream(stream) if stream.length.is_some() => (stream.status, file()),
            Reply::Stream(stream) => (stream.status, Bytes::from_static(b"(an archive of recordings)")),
            Reply::Close | Reply::Reset | Reply::Half(_) | Reply::Never | Reply::Later(_) => {
                (0, Bytes::new())
            }
        };
        let answered = Answered { status, body, refusal: None, fault };
        let exchange = Exchange { id: None, request, started };
        self.driver.with(|engine, now| note(engine, now, exchange, answered));
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

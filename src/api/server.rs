//! Handles a request from its arrival to its response.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{Semaphore, oneshot};

use super::access::{Client, Proof, client, decrypted};
use super::came::{Came, Found, Who};
use super::decode::{DecodeError, Fields, USUAL_VALUES, decode_within};
use super::delayed::{Delayed, Late, LateRequests};
use super::download;
use super::envelop::{Built, built, enveloped, garbage, json as json_text, plain_error, refused, sealed};
use super::media;
use super::proof::{self, Keys, Proven};
use super::stream::Threads;

use crate::contract::envelope::{self, ErrorStatus};
use crate::contract::renames::{CorrectedNames, Renames};
use crate::contract::{Catalog, Family, Route, RouteError, Router};
use crate::engine::{Driver, Engine, RequestOutcome, TurnedAway};
use crate::faults::{self, Act, Fault, FaultKind};
use crate::journal::{Event, RefusedRequest, RequestEntry};
use crate::net::{HttpRequest, HttpResponse, Reply};
use crate::settings::{AccessRules, SignatureRule};
use crate::simulator::{Access, AccountKey, Denied, FindingKind, Refusal, Request, Simulator};

/// The journal's replacement for the body of a response that is written while it is sent.
const LONG_ANSWER: &str = "(a long answer, written while it was sent)";

/// The id that signature findings are reported under: all chatbot requests share one scheme.
const CHATBOT: &str = "chatbot.*";

/// Responds to the integrator's requests.
#[derive(Clone, Debug)]
pub struct Api {
    driver: Driver,
    router: Arc<Router>,
    rules: AccessRules,
    /// Whether links begin with the host that requests used.
    follows_host: bool,
    /// Other names of fields, by catalog id.
    names: Arc<BTreeMap<String, Arc<CorrectedNames>>>,
    /// Checks the signatures of chatbot calls.
    keys: Arc<Keys>,
    /// The endpoints that need no authentication according to the user's settings.
    open: Arc<BTreeSet<String>>,
    /// Maximum number of JSON values of a body.
    values: usize,
    threads: Threads,
    /// Limits how many large bodies are decoded concurrently.
    readers: Arc<Semaphore>,
    /// The requests that a fault delays.
    delayed: LateRequests,
}

/// Status while the inputs cannot be stored.
const NOT_STORED: u16 = 503;

/// Bodies of at least this size are decoded on a blocking thread, outside the engine lock.
const LARGE: usize = 64 << 10;

/// The requests that bring lists or files.
const LARGE_REQUESTS: [&str; 11] = [
    "task.create",
    "plan.create",
    "workflow.create",
    "workflow.add_contacts",
    "dialer.create_task",
    "dialer.copy_task",
    "dialer.cancel_contacts",
    "detection.check",
    "chatbot.send_template",
    "chatbot.upload",
    "chatbot.upload_map",
];

/// How many large bodies are decoded concurrently; decoding needs several times their size in memory.
const READERS: usize = 2;

/// The response to a request. The effects of the request have happened already, even if no task awaits the response.
pub type Answering = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// Returns a response that is complete.
pub fn ready(reply: impl Into<Reply>) -> Answering {
    Box::pin(std::future::ready(reply.into()))
}

/// Returns a reply that a fault delays. Its effects happen at that time, whether or not a client still waits for it.
fn late(delay: Duration, make: impl FnOnce() -> Reply + Send + 'static) -> Reply {
    let (reply, later) = oneshot::channel();
    tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        // The client may have gone.
        let _ = reply.send(make());
    });
    Reply::Later(later)
}

/// The response to a request, as it is journaled.
struct Answered {
    status: u16,
    body: Bytes,
    refusal: Option<Box<RefusedRequest>>,
    /// The fault that applied.
    fault: Option<Arc<str>>,
}

/// A request that matches no endpoint.
struct Stray {
    code: i64,
    message: String,
    /// The path that was probably intended.
    meant: Option<String>,
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
        matches!(self.router.find(method, path), Route::Found { id, .. } if LARGE_REQUESTS.contains(&&*id))
    }

    /// Responds to a request. It takes effect at once, even if no task awaits the response.
    pub fn answer(&self, request: HttpRequest) -> Answering {
        let started = Instant::now();
        let request = Arc::new(request);
        if let Some(link) = download::link(&request.path) {
            let planned = match download::plan(&self.driver, &request, &link) {
                Ok(planned) => planned,
                Err(error) => return ready(plain_error(NOT_STORED, &error.to_string())),
            };
            if self.driver.is_replaying() {
                // Building the file would have no effect.
                return ready(Reply::Never);
            }
            let api = self.clone();
            let (delay, fault) = (planned.delay, planned.fault.clone());
            let make = move || {
                let reply = download::answer(&request, planned, &api.threads);
                api.note_download(request, &reply, fault, started);
                reply
            };
            return ready(match delay {
                Some(delay) => late(delay, make),
                None => make(),
            });
        }
        if let Some(link) = media::link(&request.path) {
            let reply = media::answer(&self.driver, &request, link).into();
            self.note_download(request, &reply, None, started);
            return ready(reply);
        }
        let (answer, stray) = match self.router.find(&request.method, &request.path) {
            Route::Found { id, family, route, provenance, params } => {
                let names = self.names.get(&*id).cloned();
                return self.known(request, Found { id, family, route, provenance, names }, params, started);
            }
            Route::WrongMethod { family, allow } => {
                let methods = allow.replace(", ", " and ");
                let message =
                    format!("{} is served with {methods}, not with {}", request.path, request.method);
                let mut answer = self.refused(family, Refusal::new(405, message.as_str()));
                answer.headers.push(("allow".into(), allow.into()));
                (answer, Stray { code: 405, message, meant: Some(request.path.clone()) })
            }
            Route::Unknown { nearest } => {
                let near = nearest.as_ref().map(|path| format!(", did you mean {path}?")).unwrap_or_default();
                let page =
                    if request.path == "/" { "; the page of the mock itself is at /_mock/" } else { "" };
                let message = format!("nothing is served at {}{near}{page}", request.path);
                let answer = match Family::of_path(&request.path) {
                    Some(family) => self.refused(family, Refusal::new(404, message.as_str())),
                    None => plain_error(404, &message),
                };
                (answer, Stray { code: 404, message, meant: nearest })
            }
        };
        let Stray { code, message, meant } = stray;
        let body = answer.body.clone();
        let noted = self.driver.take_in(&request, |engine, now, _| {
            let asked = format!("{} {}", request.method, request.path);
            engine.turned_away(&TurnedAway::Unserved { asked, meant: meant.as_deref() }, None, now);
            let refusal = Some(Box::new(RefusedRequest { code, reason: message }));
            let answered = Answered { status: answer.status, body, refusal, fault: None };
            self.note(engine, now, (None, &request), answered, started);
        });
        ready(match noted {
            Ok(()) => answer,
            Err(error) => plain_error(NOT_STORED, &error.to_string()),
        })
    }

    /// Refuses a request that is for another server or from another site, without any effect.
    pub fn turn_away(&self, request: HttpRequest, status: u16, message: String) -> Answering {
        let started = Instant::now();
        let answer = plain_error(status, &message);
        // A story may wait for it, from an integrator that reaches the mock by another name.
        let id = match self.router.find(&request.method, &request.path) {
            Route::Found { id, .. } => Some(id),
            Route::WrongMethod { .. } | Route::Unknown { .. } => None,
        };
        let refusal = Refusal::new(status.into(), message);
        let (request, body) = (Arc::new(request), answer.body.clone());
        let noted = self.driver.take_in(&request, |engine, now, _| {
            let away = match &id {
                Some(id) => TurnedAway::Refused { id, refusal: &refusal },
                None => TurnedAway::Unserved {
                    asked: format!("{} {}", request.method, request.path),
                    meant: None,
                },
            };
            engine.turned_away(&away, None, now);
            let Refusal { code, message: reason } = refusal;
            let refusal = Some(Box::new(RefusedRequest { code, reason }));
            self.note(engine, now, (id, &request), Answered { status, body, refusal, fault: None }, started);
        });
        ready(match noted {
            Ok(()) => answer,
            Err(error) => plain_error(NOT_STORED, &error.to_string()),
        })
    }

    /// Returns the refusal of a request that matches no endpoint, in the envelope of a family.
    fn refused(&self, family: Family, refusal: Refusal) -> HttpResponse {
        self.driver.look(|engine, _| refused(engine, (family, ""), &refusal, self.rules.error_status))
    }

    /// Journals a download. Only its metadata is kept, because the content can be fetched again.
    fn note_download(
        &self,
        request: Arc<HttpRequest>,
        reply: &Reply,
        fault: Option<Arc<str>>,
        started: Instant,
    ) {
        let (status, answer) = match reply {
            Reply::Answer(answer) if answer.status >= 400 => (answer.status, answer.body.clone()),
            Reply::Answer(answer) => (answer.status, Bytes::from_static(b"(a file)")),
            Reply::Stream(stream) if stream.length.is_some() => {
                (stream.status, Bytes::from_static(b"(a file)"))
            }
            Reply::Stream(stream) => (stream.status, Bytes::from_static(b"(an archive of recordings)")),
            Reply::Close | Reply::Reset | Reply::Half(_) | Reply::Never | Reply::Later(_) => {
                (0, Bytes::new())
            }
        };
        let answered = Answered { status, body: answer, refusal: None, fault };
        self.driver.with(|engine, now| self.note(engine, now, (None, &request), answered, started));
    }

    /// Journals a request with its response, and with the catalog id, if it has one.
    fn note(
        &self,
        engine: &mut Engine,
        now: Timestamp,
        (id, request): (Option<Arc<str>>, &Arc<HttpRequest>),
        answered: Answered,
        started: Instant,
    ) {
        let (request, elapsed) = (Arc::clone(request), started.elapsed());
        let Answered { status, body: answer, refusal, fault } = answered;
        let entry = RequestEntry { id, request, status, answer, refusal, fault, elapsed };
        engine.journal().write(now, None, Event::Requested(entry));
    }

    /// Responds to a request of the catalog. It is authenticated before any of it is decoded, and a large body is decoded
    /// without holding the engine's lock.
    fn known(
        &self,
        request: Arc<HttpRequest>,
        found: Found,
        params: Vec<(String, String)>,
        started: Instant,
    ) -> Answering {
        if request.body.len() < LARGE || self.driver.is_replaying() {
            let came = |api: &Self, engine: &mut Engine, found: &Found, request: &HttpRequest, now| {
                api.came(api.who(engine, request, found, now), request, found, params)
            };
            return ready(self.effect(found, request, came, started));
        }
        let who = self.driver.look(|engine, now| self.who(engine, &request, &found, now));
        let api = self.clone();
        // It takes effect even if no task awaits the response.
        let reading = tokio::spawn(async move {
            // The semaphore is never closed, so a permit is available in the end.
            let _permit = api.readers.acquire().await;
            let reader = api.clone();
            let read = tokio::task::spawn_blocking(move || {
                let came = reader.came(who, &request, &found, params);
                (found, came, request)
            });
            match read.await {
                Ok((found, came, request)) => api.effect(found, request, |_, _, _, _, _| came, started),
                // The panic has been reported already.
                Err(_) => Reply::Close,
            }
        });
        Box::pin(async move { reading.await.unwrap_or(Reply::Close) })
    }

    /// Authenticates the request.
    fn who(&self, engine: &mut Engine, request: &HttpRequest, found: &Found, now: Timestamp) -> Who {
        let is_open = self.open.contains(&*found.id);
        let proof = Proof::of(&found.id, found.family, is_open);
        let proven = (found.family == Family::Chatbot && !is_open).then(|| self.prove(request, now));
        let signed = proven.as_ref().map_or(Ok(None), |proven| self.signed(proven).map(Some));
        let client =
            signed.and_then(|signed| client(engine.simulator(), &self.rules, proof, signed, request, now));
        Who { proven, client }
    }

    /// Decodes the request.
    fn came(
        &self,
        Who { proven, client }: Who,
        request: &HttpRequest,
        found: &Found,
        params: Vec<(String, String)>,
    ) -> Came {
        let read = client.and_then(|client| {
            let decrypted = client.cipher.as_ref().map(|cipher| decrypted(request, cipher)).transpose()?;
            Ok((read(decrypted.as_ref().unwrap_or(request), found, params, self.values), client))
        });
        Came { proven, read }
    }

    /// Applies a request, now or after the delay of a fault.
    fn effect(
        &self,
        found: Found,
        request: Arc<HttpRequest>,
        came: impl FnOnce(&Self, &mut Engine, &Found, &HttpRequest, Timestamp) -> Came,
        started: Instant,
    ) -> Reply {
        let asked = Arc::clone(&request);
        let family = found.family;
        let decided = self.driver.take_in(&asked, |engine, now, number| {
            let came = came(self, engine, &found, &request, now);
            let Came { proven, read } = &came;
            if let Some(Proven { account, cause: Some(cause) }) = proven {
                let fields = read.as_ref().ok().and_then(|(fields, _)| fields.as_ref().ok());
                let message = || proof::explained(cause, self.rules.chatbot_signature);
                let fields = fields.map(|fields| &fields.fields);
                engine.find(*account, FindingKind::Signature, (CHATBOT, cause), fields, message, now);
            }
            let fault = match read {
                Ok((Ok(fields), client)) => {
                    let header = request.header(faults::HEADER);
                    engine.fault(&found.id, header, &fields.fields, Some(client.account))
                }
                _ => None,
            };
            match fault.as_ref().and_then(|fault| fault.delay) {
                None => Ok(self.answered(engine, &found, came, (request, fault), started, now)),
                Some(delay) => {
                    self.delayed.put(number, Delayed { delay, fault, found, came, request, started });
                    Err((number, delay))
                }
            }
        });
        match decided {
            Ok(Ok(reply)) => reply,
            // During a replay, the inputs say when it takes effect.
            Ok(Err(_)) if self.driver.is_replaying() => Reply::Never,
            Ok(Err((number, delay))) => self.later(number, delay),
            Err(error) => self.refused(family, Refusal::new(NOT_STORED.into(), error.to_string())).into(),
        }
    }

    /// Applies a request after the delay of a fault.
    fn later(&self, number: u64, delay: Duration) -> Reply {
        let api = self.clone();
        late(delay, move || api.finish_late(number))
    }

    /// Applies the delayed request that has this number among the inputs.
    pub fn finish_late(&self, number: u64) -> Reply {
        // It may belong to a state that was replaced meanwhile. It is taken under the lock under which it takes effect, so
        // that at every moment it is either pending or has taken effect.
        let answered = self.driver.take_in_late(
            number,
            || self.delayed.take(number),
            |engine, now, delayed| {
                let Delayed { fault, found, came, request, started, .. } = delayed;
                self.answered(engine, &found, came, (request, fault), started, now)
            },
        );
        answered.unwrap_or(Reply::Close)
    }

    /// Delays the delayed requests again after a restart. No client waits for their responses any more.
    pub fn resume_late(&self) {
        for (number, delay) in self.delayed.all() {
            drop(self.later(number, delay));
        }
    }

    /// Returns the delayed requests that have not taken effect yet.
    pub fn late(&self) -> Late {
        self.delayed.copy()
    }

    /// Drops the delayed requests together with the state they were made for, and takes over others.
    pub fn take_over_late(&self, others: Late) {
        self.delayed.replace(others);
        self.resume_late();
    }

    /// Applies a request and journals it with its response.
    fn answered(
        &self,
        engine: &mut Engine,
        found: &Found,
        Came { read, .. }: Came,
        (request, fault): (Arc<HttpRequest>, Option<Fault>),
        started: Instant,
        now: Timestamp,
    ) -> Reply {
        let statuses = self.rules.error_status;
        let takes_effect = fault.as_ref().is_none_or(|fault| fault.effect);
        let mut refusal = None;
        let built = match &read {
            Err(denied) => {
                let away = TurnedAway::Denied { id: &found.id, refusal: denied };
                engine.turned_away(&away, None, now);
                refusal = Some(denied.clone());
                Some(Built::Whole(refused(engine, (found.family, &found.id), denied, statuses)))
            }
            Ok((Err(unread), client)) => {
                let away = TurnedAway::Refused { id: &found.id, refusal: unread };
                engine.turned_away(&away, None, now);
                refusal = Some(unread.clone());
                let answer = refused(engine, (found.family, &found.id), unread, statuses);
                Some(Built::Whole(sealed(answer, client)))
            }
            Ok((Ok(fields), client)) if takes_effect => {
                if let Some(host) = request.header("host").filter(|host| self.follows_host && is_host(host)) {
                    engine.simulator().link_by(&format!("{}://{host}", request.via.scheme()));
                }
                let (built, refused) = self.served(engine, found, fields, client, now);
                refusal = refused;
                Some(built)
            }
            Ok((Ok(fields), _)) => {
                engine.turned_away(&TurnedAway::OnPurpose { id: &found.id }, Some(&fields.fields), now);
                None
            }
        };
        let name = fault.as_ref().map(|fault| Arc::clone(&fault.name));
        let act = fault.and_then(|fault| fault.act);
        let on_purpose = act.is_some();
        let client = read.as_ref().map(|(_, client)| client).ok();
        let wrong = act.zip(client).map(|(act, client)| wrong(engine, found, client, act, built.as_ref()));
        let (status, body, reply) = match (wrong, built) {
            (Some(wrong), _) => wrong,
            (None, Some(Built::Whole(answer))) if name.is_none() && !engine.journal().takes_requests() => {
                return Reply::Answer(answer);
            }
            (None, Some(Built::Whole(answer))) => (answer.status, answer.body.clone(), Reply::Answer(answer)),
            (None, Some(long @ Built::Long(..))) => {
                let replays = self.driver.is_replaying();
                let reply = if replays { Reply::Never } else { long.into_reply(&self.threads) };
                (200, Bytes::from_static(LONG_ANSWER.as_bytes()), reply)
            }
            // A fault without effect always does something.
            (None, None) => (0, Bytes::new(), Reply::Close),
        };
        // The response of a fault takes precedence over a refusal.
        let refusal = refusal.filter(|_| !on_purpose);
        let refusal =
            refusal.map(|Refusal { code, message }| Box::new(RefusedRequest { code, reason: message }));
        let id = Some(Arc::clone(&found.id));
        self.note(engine, now, (id, &request), Answered { status, body, refusal, fault: name }, started);
        reply
    }

    /// Checks the signature of a chatbot request.
    fn prove(&self, request: &HttpRequest, now: Timestamp) -> Proven {
        self.keys.prove(self.rules.chatbot_signature, request, now)
    }

    /// Returns the account whose key signed a chatbot request.
    fn signed(&self, proven: &Proven) -> Result<AccountKey, Refusal> {
        match &proven.cause {
            Some(cause) if self.rules.chatbot_signature == SignatureRule::Require => {
                Err(Refusal::new(401, cause.clone()))
            }
            _ => Ok(proven.account),
        }
    }

    /// Lets the engine handle a request. Also returns why it is refused, if it is.
    fn served(
        &self,
        engine: &mut Engine,
        found: &Found,
        fields: &Fields,
        client: &Client,
        now: Timestamp,
    ) -> (Built, Option<Refusal>) {
        let statuses = self.rules.error_status;
        if !engine.admit(&found.id, found.provenance, now) {
            let id = &found.id;
            let message = format!(
                "`{id}` is only assumed, and the settings refuse such (assumed = \"refuse\"); if you hold the vendor's document, correct it under [catalog.\"{id}\"]"
            );
            let refusal = Refusal::new(404, message);
            let away = TurnedAway::Refused { id, refusal: &refusal };
            engine.turned_away(&away, Some(&fields.fields), now);
            let answer = refused(engine, (found.family, &found.id), &refusal, statuses);
            return (Built::Whole(sealed(answer, client)), Some(refusal));
        }
        let payer = payer(engine.simulator().access(), found, fields, client);
        let counted = payer.map_or(Ok(()), |payer| engine.simulator().access_mut().count_request(payer, now));
        if let Err(wait) = counted {
            let seconds = faults::retry_after_seconds(wait);
            let message =
                format!("the account has made all the calls it may; the next is taken in {seconds} s");
            let refusal = Refusal::new(429, message);
            let away = TurnedAway::Refused { id: &found.id, refusal: &refusal };
            engine.turned_away(&away, Some(&fields.fields), now);
            let answer = refused(engine, (found.family, &found.id), &refusal, statuses);
            let answer = answer.retry_after(seconds.max(1));
            return (Built::Whole(sealed(answer, client)), Some(refusal));
        }
        engine.doubt(&found.id, client.account, found.provenance);
        let RequestOutcome { status, response } = engine.request(&Request {
            id: &found.id,
            fields: &fields.fields,
            route: found.route,
            is_typed: fields.is_typed,
            rows: fields.rows.as_ref(),
            files: &fields.files,
            account: client.account,
            zone: client.zone,
            now,
        });
        let refusal = response.as_ref().err().cloned();
        let built = match (built(engine, (found.family, &found.id), response, client, statuses), status) {
            (Built::Whole(answer), Some(status)) => Built::Whole(HttpResponse { status, ..answer }),
            (built, _) => built,
        };
        (built, refusal)
    }
}

/// Whether a link can begin with the value of a header `Host`.
fn is_host(host: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    !host.is_empty() && host.len() <= 255 && host.bytes().all(letter)
}

/// Returns the account whose rate limit a request counts against. Requests that contain credentials count for the account they
/// name, even if another account has exhausted its limit. Requests without authentication count for none.
fn payer(access: &Access, found: &Found, fields: &Fields, client: &Client) -> Option<AccountKey> {
    let fields = &fields.fields;
    let app_key = match (&*found.id, found.family) {
        ("auth.token" | "dialer.auth", _) => fields.get("APPKey"),
        (_, Family::Detection) => fields.get("system").and_then(|system| system.get("appkey")),
        _ => return Some(client.account).filter(|_| client.is_proven),
    };
    access.by_app_key(app_key?.as_str()?)
}

/// Returns the response of a fault: the status (0 for no response) and body for the journal, and the reply.
fn wrong(
    engine: &mut Engine,
    &Found { ref id, family, .. }: &Found,
    client: &Client,
    act: Act,
    built: Option<&Built>,
) -> (u16, Bytes, Reply) {
    let silent = |what: &'static str, reply| (0, Bytes::from_static(what.as_bytes()), reply);
    match act {
        Act::Answer { status, code, message, retry_after } => {
            let message = message.unwrap_or_else(|| faults::on_purpose(family, status, code));
            // A code that the fault specifies is used as it is.
            let code = code.unwrap_or_else(|| engine.code(family, id, status.into()));
            let mut answer = sealed(enveloped(engine, family, (code, &message), status), client);
            if let Some(wait) = retry_after {
                answer = answer.retry_after(faults::retry_after_seconds(wait));
            }
            (status, answer.body.clone(), Reply::Answer(answer))
        }
        Act::Kind(FaultKind::ExpiredToken) => {
            engine.simulator().access_mut().expire(client.account);
            // As with a token that has really expired, the rest of the request can't be read yet.
            let refusal =
                Refusal::from(Denied::Expired(Proof::of(id, family, false).token().unwrap_or_default()));
            let answer = refused(engine, (family, id), &refusal, ErrorStatus::Mirror);
            (answer.status, answer.body.clone(), Reply::Answer(answer))
        }
        Act::Kind(FaultKind::Garbage) => {
            let answer = garbage();
            (200, answer.body.clone(), Reply::Answer(answer))
        }
        Act::Kind(FaultKind::Half) => {
            let answer = match built {
                Some(Built::Whole(answer)) => answer.clone(),
                Some(Built::Long(head, long)) => {
                    json_text(200, format!("{head}{}{}", long.text(), envelope::TAIL))
                }
                None => {
                    let empty = envelope::success(family, |text| text.push_str(&engine.request_id()));
                    sealed(json_text(200, empty), client)
                }
            };
            (answer.status, answer.body.clone(), Reply::Half(answer))
        }
        Act::Kind(FaultKind::Reset) => silent("(the connection was reset, on purpose)", Reply::Reset),
        Act::Kind(FaultKind::Never) => silent("(no answer, on purpose)", Reply::Never),
        Act::Kind(FaultKind::Close) => silent("(the connection was closed, on purpose)", Reply::Close),
    }
}

/// Decodes the fields of a request in any encoding. A request without fields is valid: lists need none.
fn read(
    request: &HttpRequest,
    found: &Found,
    params: Vec<(String, String)>,
    values: usize,
) -> Result<Fields, Refusal> {
    let none = Renames::default();
    let names = found.names.as_ref().map_or(&none, |names| &names.read);
    let decoded = decode_within(request, found.family, names, values);
    if let Ok(Fields { rows: Some(rows), .. }) = &decoded
        && request.body.len() >= LARGE
    {
        Simulator::read_ahead(rows);
    }
    let mut fields = match decoded {
        Err(DecodeError::Empty) => Fields::default(),
        decoded => decoded.map_err(|error| Refusal::new(400, error.to_string()))?,
    };
    if let Value::Object(table) = &mut fields.fields {
        for (name, value) in params {
            table.entry(name).or_insert(Value::String(value));
        }
    }
    Ok(fields)
}

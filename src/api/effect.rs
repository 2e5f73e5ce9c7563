//! The effect of an authenticated request: at once, or after the delay of a fault.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::access::Client;
use super::decode::Fields;
use super::decoded::{Content, Decoded, RouteMatch};
use super::decoding::hinted;
use super::delayed::{Delayed, Late, Timer};
use super::envelop::{Built, built, refused, sealed};
use super::on_purpose;
use super::proof::{self, Proven};
use super::state::{Answered, Answering, Api, Exchange, LARGE, NOT_STORED, note, ready};
use crate::contract::Family;
use crate::engine::{Engine, RequestOutcome, TurnedAway};
use crate::faults::{self, Fault};
use crate::net::{HttpRequest, HttpResponse, Reply};
use crate::simulator::{Access, AccountKey, FindingKind, Refusal, Request};

/// The journal's replacement for the body of a response that is written while it is sent.
const LONG_RESPONSE: &str = "(a long answer, written while it was sent)";

/// The id that signature findings are reported under: all chatbot requests share one scheme.
const CHATBOT: &str = "chatbot.*";

impl Api {
    /// Responds to a request of the catalog. It is authenticated before any of it is decoded, and a large body is decoded
    /// without holding the engine's lock.
    pub(super) fn handle(
        &self,
        request: Arc<HttpRequest>,
        route: RouteMatch,
        params: Vec<(String, String)>,
        started: Instant,
    ) -> Answering {
        if request.body.len() < LARGE || self.driver.is_replaying() {
            let decode = |api: &Self, engine: &mut Engine, route: &RouteMatch, request: &HttpRequest, now| {
                api.decode(api.authenticate(engine, request, route, now), request, route, params)
            };
            return ready(self.effect(route, request, decode, started));
        }
        let authenticated = self.driver.look(|engine, now| self.authenticate(engine, &request, &route, now));
        let api = self.clone();
        // It takes effect even if no task awaits the response.
        let reading = tokio::spawn(async move {
            // The semaphore is never closed, so a permit is available in the end.
            let _permit = api.readers.acquire().await;
            let reader = api.clone();
            let read = tokio::task::spawn_blocking(move || {
                let decoded = reader.decode(authenticated, &request, &route, params);
                (route, decoded, request)
            });
            match read.await {
                Ok((route, decoded, request)) => api.effect(route, request, |_, _, _, _, _| decoded, started),
                // The panic has been reported already.
                Err(_) => Reply::Close,
            }
        });
        Box::pin(async move { reading.await.unwrap_or(Reply::Close) })
    }

    /// Applies a request, now or after the delay of a fault.
    fn effect(
        &self,
        route: RouteMatch,
        request: Arc<HttpRequest>,
        decode: impl FnOnce(&Self, &mut Engine, &RouteMatch, &HttpRequest, Timestamp) -> Decoded,
        started: Instant,
    ) -> Reply {
        let input = Arc::clone(&request);
        let family = route.family;
        let decided = self.driver.take_in(&input, |engine, now, number| {
            let decoded = decode(self, engine, &route, &request, now);
            let fields = decoded.content.fields().map(|fields| &fields.fields);
            if let Some(Proven { account, cause: Some(cause) }) = &decoded.proven {
                let message = || proof::explained(cause, self.rules.chatbot_signature);
                engine.find(*account, FindingKind::Signature, (CHATBOT, cause), fields, message, now);
            }
            let fault = match &decoded.content {
                Content::Fields(fields, client) => {
                    let header = request.header(faults::HEADER);
                    engine.fault(&route.id, header, &fields.fields, Some(client.account))
                }
                Content::Denied(_) | Content::Unreadable(..) => None,
            };
            match fault.as_ref().and_then(|fault| fault.delay) {
                None => Ok(self.apply(engine, &route, decoded, (request, fault), started, now)),
                Some(delay) => {
                    let delayed = Delayed { delay, fault, route, decoded, request, started };
                    Err((self.delayed.put(number, delayed), delay))
                }
            }
        });
        match decided {
            Ok(Ok(reply)) => reply,
            // During a replay, the inputs say when it takes effect.
            Ok(Err(_)) if self.driver.is_replaying() => Reply::Never,
            Ok(Err((timer, delay))) => self.later(timer, delay),
            Err(error) => self.refused(family, &Refusal::new(NOT_STORED.into(), error.to_string())).into(),
        }
    }

    /// Applies a request after the delay of a fault.
    fn later(&self, timer: Timer, delay: Duration) -> Reply {
        let api = self.clone();
        // Its state may be replaced meanwhile, with it or with another request of its number.
        late(delay, move || api.apply_late(timer.number, || api.delayed.take_of(timer)))
    }

    /// Applies the delayed request that has this number among the inputs.
    pub fn finish_late(&self, number: u64) -> Reply {
        self.apply_late(number, || self.delayed.take(number))
    }

    /// Applies a delayed request if it is still there. It is taken under the lock under which it takes effect, so that at
    /// every moment it is either pending or has taken effect.
    fn apply_late(&self, number: u64, take: impl FnOnce() -> Option<Delayed>) -> Reply {
        let reply = self.driver.take_in_late(number, take, |engine, now, delayed| {
            let Delayed { fault, route, decoded, request, started, .. } = delayed;
            self.apply(engine, &route, decoded, (request, fault), started, now)
        });
        reply.unwrap_or(Reply::Close)
    }

    /// Delays the delayed requests again after a restart. No client waits for their responses any more.
    pub fn resume_late(&self) {
        for (timer, delay) in self.delayed.all() {
            drop(self.later(timer, delay));
        }
    }

    /// Returns the delayed requests that have not taken effect yet.
    pub fn late(&self) -> Late {
        self.delayed.copy()
    }

    /// Drops the delayed requests together with the state they were made for, and takes over others. It is called under the
    /// driver's lock, so that no request comes in between.
    pub fn take_over_late(&self, others: Late) {
        self.delayed.replace(others);
        self.resume_late();
    }

    /// Applies a request and journals it with its response.
    fn apply(
        &self,
        engine: &mut Engine,
        route: &RouteMatch,
        decoded: Decoded,
        (request, fault): (Arc<HttpRequest>, Option<Fault>),
        started: Instant,
        now: Timestamp,
    ) -> Reply {
        let content = decoded.content;
        let takes_effect = fault.as_ref().is_none_or(|fault| fault.effect);
        let (built, refusal) = match &content {
            Content::Denied(refusal) => {
                let sent = &sent(engine, route, refusal.clone());
                engine.turned_away(&TurnedAway::Denied { id: &route.id, refusal: sent }, None, now);
                (Some(Built::Whole(self.refusal(engine, route, refusal, None))), Some(refusal.clone()))
            }
            Content::Unreadable(refusal, client) => {
                let built = self.refuse(engine, route, refusal, None, client, now);
                (Some(Built::Whole(built)), Some(refusal.clone()))
            }
            Content::Fields(fields, client) if takes_effect => {
                if let Some(host) = request.header("host").filter(|host| self.follows_host && is_host(host)) {
                    engine.simulator().link_by(&format!("{}://{host}", request.via.scheme()));
                }
                let (built, refusal) = self.respond(engine, route, (&request, fields), client, now);
                (Some(built), refusal)
            }
            Content::Fields(fields, _) => {
                engine.turned_away(&TurnedAway::OnPurpose { id: &route.id }, Some(&fields.fields), now);
                (None, None)
            }
        };
        let name = fault.as_ref().map(|fault| Arc::clone(&fault.name));
        let act = fault.and_then(|fault| fault.act);
        // The response of a fault takes precedence over a refusal.
        let refusal = refusal.filter(|_| act.is_none()).map(|refusal| sent(engine, route, refusal));
        let faulty = act
            .zip(content.client())
            .map(|(act, client)| on_purpose::reply(engine, route, client, act, built.as_ref()));
        let (status, body, reply) = match (faulty, built) {
            (Some(faulty), _) => faulty,
            (None, Some(Built::Whole(response))) if name.is_none() && !engine.journal().takes_requests() => {
                return Reply::Answer(response);
            }
            (None, Some(Built::Whole(response))) => {
                (response.status, response.body.clone(), Reply::Answer(response))
            }
            (None, Some(long @ Built::Long(..))) => {
                let replays = self.driver.is_replaying();
                let reply = if replays { Reply::Never } else { long.into_reply(&self.threads) };
                (200, Bytes::from_static(LONG_RESPONSE.as_bytes()), reply)
            }
            // A fault without effect always does something.
            (None, None) => (0, Bytes::new(), Reply::Close),
        };
        let exchange = Exchange { id: Some(Arc::clone(&route.id)), request, started };
        note(engine, now, exchange, Answered { status, body, refusal, fault: name });
        reply
    }

    /// Returns a refusal in the envelope of the endpoint's family, encrypted if the client asked for that.
    fn refusal(
        &self,
        engine: &mut Engine,
        route: &RouteMatch,
        refusal: &Refusal,
        client: Option<&Client>,
    ) -> HttpResponse {
        let response = refused(engine, (route.family, &route.id), refusal, self.rules.error_status);
        match client {
            Some(client) => sealed(response, client),
            None => response,
        }
    }

    /// Refuses a request of an authenticated client: stories learn of it, and the client gets the refusal.
    fn refuse(
        &self,
        engine: &mut Engine,
        route: &RouteMatch,
        refusal: &Refusal,
        fields: Option<&Fields>,
        client: &Client,
        now: Timestamp,
    ) -> HttpResponse {
        let sent = &sent(engine, route, refusal.clone());
        let away = TurnedAway::Refused { id: &route.id, refusal: sent };
        engine.turned_away(&away, fields.map(|fields| &fields.fields), now);
        self.refusal(engine, route, refusal, Some(client))
    }

    /// Lets the engine handle a request. Also returns why it is refused, if it is.
    fn respond(
        &self,
        engine: &mut Engine,
        route: &RouteMatch,
        (request, fields): (&HttpRequest, &Fields),
        client: &Client,
        now: Timestamp,
    ) -> (Built, Option<Refusal>) {
        let id = &route.id;
        if !engine.admit(id, route.provenance, now) {
            let message = format!(
                "`{id}` is only assumed, and the settings refuse assumed entries (assumed = \"refuse\"); if you have the vendor's document, correct it under [catalog.\"{id}\"]"
            );
            let refusal = Refusal::new(404, message);
            let response = self.refuse(engine, route, &refusal, Some(fields), client, now);
            return (Built::Whole(response), Some(refusal));
        }
        let payer = payer(engine.simulator().access(), route, fields, client);
        let counted = payer.map_or(Ok(()), |payer| engine.simulator().access_mut().count_request(payer, now));
        if let Err(wait) = counted {
            let seconds = faults::retry_after_seconds(wait);
            let message = format!(
                "the rate limit of the account is exceeded; retry in {seconds} s on the mock's clock"
            );
            let refusal = Refusal::new(429, message);
            let response = self.refuse(engine, route, &refusal, Some(fields), client, now);
            return (Built::Whole(response.retry_after(seconds.max(1))), Some(refusal));
        }
        engine.doubt(id, client.account, route.provenance);
        let RequestOutcome { status, response } = engine.request(&Request {
            id,
            fields: &fields.fields,
            route: route.route,
            is_typed: fields.is_typed,
            rows: fields.rows.as_ref(),
            files: &fields.files,
            account: client.account,
            zone: client.zone,
            now,
        });
        let response = response.map_err(|refusal| hinted(refusal, request, route));
        let refusal = response.as_ref().err().cloned();
        let built = built(engine, (route.family, id), response, client, self.rules.error_status);
        let built = match (built, status) {
            (Built::Whole(response), Some(status)) => Built::Whole(HttpResponse { status, ..response }),
            (built, _) => built,
        };
        (built, refusal)
    }
}

/// Returns a refusal as it was sent, with the code of the user's settings.
fn sent(engine: &Engine, route: &RouteMatch, refusal: Refusal) -> Refusal {
    Refusal { code: engine.code(route.family, &route.id, refusal.code), ..refusal }
}

/// Returns a reply that a fault delays. Its effects happen at that time, whether or not a client still waits for it.
pub(super) fn late(delay: Duration, make: impl FnOnce() -> Reply + Send + 'static) -> Reply {
    let (reply, later) = oneshot::channel();
    tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        // The client may have gone.
        let _ = reply.send(make());
    });
    Reply::Later(later)
}

/// Whether a link can begin with the value of a header `Host`.
fn is_host(host: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    !host.is_empty() && host.len() <= 255 && host.bytes().all(letter)
}

/// Returns the account whose rate limit a request counts against. Requests that contain credentials count for the account they
/// name, even if another account has exhausted its limit. Requests without authentication count for none.
fn payer(access: &Access, route: &RouteMatch, fields: &Fields, client: &Client) -> Option<AccountKey> {
    let fields = &fields.fields;
    let app_key = match (&*route.id, route.family) {
        ("auth.token" | "dialer.auth", _) => fields.get("APPKey"),
        (_, Family::Detection) => fields.get("system").and_then(|system| system.get("appkey")),
        _ => return Some(client.account).filter(|_| client.is_proven),
    };
    access.by_app_key(app_key?.as_str()?)
}

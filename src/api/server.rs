//! Handles a request from its arrival to its response.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::decoded::RouteMatch;
use super::download;
use super::effect::late;
use super::envelop::{json, plain_error};
use super::media;
use super::state::{Answered, Answering, Api, Exchange, NOT_STORED, note, ready};
use crate::contract::{Family, Route, envelope};
use crate::engine::TurnedAway;
use crate::net::{HttpRequest, HttpResponse, Reply};
use crate::simulator::Refusal;

impl Api {
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
                let refusal = self.sent(family, refusal);
                self.turned_away(Exchange { id: None, request, started }, response, refusal, meant)
            }
            Route::Unknown { nearest } => {
                let near = nearest.as_ref().map(|path| format!(", did you mean {path}?")).unwrap_or_default();
                let page =
                    if request.path == "/" { "; the page of the mock itself is at /_mock/" } else { "" };
                let message = format!("nothing is served at {}{near}{page}", request.path);
                let refusal = Refusal::new(404, message);
                let (response, refusal) = match Family::of_path(&request.path) {
                    Some(family) => (self.refused(family, &refusal), self.sent(family, refusal)),
                    None => (plain_error(404, &refusal.message), refusal),
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

    /// Returns the refusal of a request that is not read to its end, in the envelope of the family that its path belongs to.
    pub fn refuse_unread(&self, path: &str, code: i64, message: &str) -> Option<HttpResponse> {
        let family = Family::of_path(path)?;
        // Nothing of it is among the inputs of the simulated vendor, so that it must not draw an id either.
        let none = || "0".repeat(32);
        let code = self.driver.look(|engine, _| engine.code(family, "", code));
        Some(json(200, envelope::error(family, code, message, none).to_string()))
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

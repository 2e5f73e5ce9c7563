//! One request and its response.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body as _, Incoming};
use hyper::header::{
    CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName, HeaderValue, SERVER, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;
use tokio::time::sleep;

use super::body::{Body, Cut};
use super::budget::SMALL;
use super::context::ConnContext;
use super::header_case::HeaderCase;
use super::read::{self, Unread};
use super::state::{Ending, InFlight};
use crate::net::{Header, HttpRequest, HttpResponse, HttpStream, Reply};

/// How often to check that a client waiting for a delayed reply is still connected. While such clients take all places, another
/// one waits for as long.
const LOOK: Duration = Duration::from_millis(250);

/// Reads a request, calls the handler, and carries out its reply.
pub(super) async fn exchange<H, R>(
    request: Request<Incoming>,
    context: Arc<ConnContext<H>>,
) -> Result<Response<Body>, Cut>
where
    H: Fn(HttpRequest) -> R,
    R: Future<Output = Reply>,
{
    let shared = request.version() == hyper::Version::HTTP_2;
    let limits = &context.server.limits;
    let in_flight = InFlight::new(&context.state, shared);
    let head = request.method() == Method::HEAD;
    let mut share = limits.budget.share();
    let mut leaving = context.state.leaving();
    let uri = request.uri().clone();
    let is_late = limits.turned_away.as_ref().is_some_and(|away| away.has(request.uri().path()));
    in_flight.set_reading(true);
    let read = tokio::select! {
        biased;
        read = read::read(request, limits, &mut share, context.way.via()) => read,
        Ok(()) = leaving.changed() => Err(Unread::Crowded),
    };
    in_flight.set_reading(false);
    let reply = match read {
        Ok(_) if is_late => read::ending().into(),
        Ok(request) => match context.way.check(&request) {
            Ok(()) => (context.server.handler)(request).await,
            Err(refused) => refused.answer().into(),
        },
        Err(unread) => {
            let own = limits.too_large.as_ref().filter(|_| matches!(unread, Unread::TooLarge(_)));
            unread.answer(|message| own?.answer(uri.path(), message)).into()
        }
    };
    // The request has been handled; from here on the response takes up its share of the budget.
    drop(std::mem::replace(&mut share, limits.budget.share()));
    let mut memory = 0;
    let case = &context.server.header_case;
    let answer = match here(reply, &context).await {
        Reply::Answer(answer) => {
            response(case, answer.status, &answer.headers, Body::whole(answer.body), head)
        }
        Reply::Stream(HttpStream { status, headers, parts, length, memory: needed }) => {
            memory = if head { 0 } else { needed };
            response(case, status, &headers, Body::parts(parts, length), head)
        }
        Reply::Half(mut answer) => {
            // A response without a body can't be cut in two, but the connection still ends after it.
            if head || answer.body.is_empty() {
                answer.headers.push(("connection".into(), "close".into()));
            }
            response(case, answer.status, &answer.headers, Body::half(answer.body), head)
        }
        Reply::Close if !shared => return Err(Cut),
        Reply::Reset if shared => return Err(Cut),
        Reply::Never if shared => {
            silence(&context).await;
            return Err(Cut);
        }
        Reply::Close => return ended(&context, Ending::Close).await,
        Reply::Reset => return ended(&context, Ending::Reset).await,
        Reply::Never => return ended(&context, Ending::Silence).await,
        // `here` has waited for this reply.
        Reply::Later(_) => return Err(Cut),
    };
    let mut response = answer.unwrap_or_else(unsendable);
    memory += response.body().size();
    if memory > SMALL && !share.grow(memory) {
        let HttpResponse { status, headers, body } = read::crowded();
        response = self::response(case, status, &headers, Body::whole(body), head).unwrap_or_else(unsendable);
    }
    if let Some(server) = &limits.server {
        response.headers_mut().entry(SERVER).or_insert_with(|| server.clone());
    }
    response.body_mut().hold(in_flight, share);
    Ok(response)
}

/// Waits for a delayed reply. A client that has gone meanwhile must not hold a place. Over HTTP/1.1 hyper does not check
/// for that, since a client may close its side after its request.
async fn here<H>(mut reply: Reply, context: &ConnContext<H>) -> Reply {
    while let Reply::Later(mut later) = reply {
        reply = tokio::select! {
            biased;
            // The task that was to send the reply has panicked, which has been reported already.
            came = &mut later => came.unwrap_or(Reply::Close),
            () = sleep(LOOK) => match (context.is_gone)() {
                true => Reply::Close,
                false => Reply::Later(later),
            },
        };
    }
    reply
}

/// Leaves the connection to the task that drives it; the exchange is dropped with it.
async fn ended<H>(context: &ConnContext<H>, ending: Ending) -> Result<Response<Body>, Cut> {
    context.state.end(ending);
    std::future::pending().await
}

/// Waits without responding. If the client hangs up, hyper drops the exchange.
async fn silence<H>(context: &ConnContext<H>) {
    let mut shutdown = context.server.shutdown.clone();
    tokio::select! {
        () = sleep(context.server.limits.never) => {}
        _ = shutdown.changed() => {}
    }
}

/// Why a response cannot be sent as given.
#[derive(Debug, thiserror::Error)]
enum Unsendable {
    #[error("{0} is not a status of an answer")]
    Status(u16),
    #[error("the header `{}` cannot be sent", .0.escape_debug())]
    Header(String),
}

/// The response that reports the error instead.
fn unsendable(why: Unsendable) -> Response<Body> {
    let instead = HttpResponse::json(500, &json!({ "message": why.to_string() }));
    let mut response = Response::new(Body::whole(instead.body));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn response(
    case: &HeaderCase,
    status: u16,
    headers: &[Header],
    body: Body,
    head: bool,
) -> Result<Response<Body>, Unsendable> {
    let known = StatusCode::from_u16(status).ok().filter(|status| !status.is_informational());
    let status = known.ok_or(Unsendable::Status(status))?;
    let length = body.size_hint().exact().filter(|_| head && status != StatusCode::NO_CONTENT);
    let mut response = Response::new(if head { Body::whole(bytes::Bytes::new()) } else { body });
    *response.status_mut() = status;
    for (name, value) in headers {
        // Nearly every response has this header, so skip parsing it.
        if name == "content-type" && value == "application/json" {
            response.headers_mut().append(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            continue;
        }
        let unfit = || Unsendable::Header(name.to_string());
        let name = HeaderName::try_from(&**name).map_err(|_| unfit())?;
        let value = HeaderValue::try_from(&**value).map_err(|_| unfit())?;
        if ![CONTENT_LENGTH, TRANSFER_ENCODING, DATE, TE, TRAILER, UPGRADE].contains(&name) {
            response.headers_mut().append(name, value);
        }
    }
    // Over HTTP/1.1 they are written as they are spelled here; most are lower-case anyway.
    if headers.iter().any(|(name, _)| name.bytes().any(|byte| byte.is_ascii_uppercase()))
        && let Some(extensions) = case.extensions(headers.iter().map(|(name, _)| &**name))
    {
        *response.extensions_mut() = extensions;
    }
    // Hyper takes the length from the body, and a response to HEAD has none.
    if let Some(length) = length {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    Ok(response)
}

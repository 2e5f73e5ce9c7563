//! What a fault makes of a response.

use bytes::Bytes;

use super::access::{Client, Proof};
use super::decoded::RouteMatch;
use super::envelop::{Built, enveloped, garbage, json, refused, sealed};
use crate::contract::envelope::{self, ErrorStatus};
use crate::engine::Engine;
use crate::faults::{self, Act, FaultKind};
use crate::net::Reply;
use crate::simulator::Refusal;

/// Returns the response of a fault: the status (0 for no response) and body for the journal, and the reply.
pub(super) fn reply(
    engine: &mut Engine,
    &RouteMatch { ref id, family, .. }: &RouteMatch,
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
            let access = engine.simulator().access_mut();
            access.expire(client.account);
            // As with a token that has really expired, the rest of the request can't be read yet.
            let refusal =
                Refusal::from(access.expired(Proof::of(id, family, false).token().unwrap_or_default()));
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
                    json(200, format!("{head}{}{}", long.text(), envelope::TAIL))
                }
                None => {
                    let empty = envelope::success(family, |text| text.push_str(&engine.request_id()));
                    sealed(json(200, empty), client)
                }
            };
            (answer.status, answer.body.clone(), Reply::Half(answer))
        }
        Act::Kind(FaultKind::Reset) => silent("(the connection was reset, on purpose)", Reply::Reset),
        Act::Kind(FaultKind::Never) => silent("(no answer, on purpose)", Reply::Never),
        Act::Kind(FaultKind::Close) => silent("(the connection was closed, on purpose)", Reply::Close),
    }
}

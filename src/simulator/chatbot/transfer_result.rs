//! *Agent transfer result*: whether an agent takes the conversation for which a transfer was requested.

use schemars::JsonSchema;
use serde::Deserialize;

use super::by_user::{ByUser, check_open};
use super::conversation::Phase;
use super::turns;
use crate::contract::fields::NoEffect;
use crate::simulator::endpoint::{Both, NoData};
use crate::simulator::{Refusal, Request, Simulator};

/// `POST /api/v1/session/transfer_result` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct TransferResult {
    /// The id of the conversation, as the callback of the request names it; it, or `channel_id` with `user.id`, is needed.
    call_id: Option<String>,
    /// Whether an agent takes the conversation.
    result: Decision,
    /// The id of the agent who takes it.
    seat_id: Option<String>,
    /// The name of the agent.
    #[serde(rename = "seat_name")]
    _seat_name: Option<NoEffect<String>>,
    /// The channel, as the callback of the request names it.
    #[serde(rename = "channel")]
    _channel: Option<NoEffect<String>>,
}

/// Whether an agent takes a conversation (assumed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Decision {
    /// The agent has the conversation from now on.
    Accepted,
    /// Nobody takes it: the robot goes on, or the agent who wanted to pass it on keeps it.
    Refused,
}

/// Records that an agent takes a conversation, or that none does.
pub(super) fn transfer_result(
    simulator: &mut Simulator,
    Both(body, by_user): Both<TransferResult, ByUser>,
    request: &Request<'_>,
) -> Result<NoData, Refusal> {
    let key = by_user.find(simulator, request, body.call_id.as_deref())?;
    let Simulator { chatbot, context, .. } = simulator;
    let codes = context.behaviour.chatbot.codes;
    let conversation = chatbot.conversations.get_mut(key);
    check_open(conversation, codes)?;
    match (conversation.phase, conversation.is_transfer_answered) {
        (Phase::Agent, _) => {
            let message = if conversation.is_passed_on {
                "the transfer was already refused: each transfer is answered once, and the agent who asked \
                    for it keeps the conversation"
            } else {
                "an agent already has the conversation"
            };
            return Err(Refusal::new(codes.answered.into(), message));
        }
        (Phase::Bot, true) => {
            let message = "the transfer was already refused: each transfer is answered once, and the \
                bot has the conversation";
            context.refuse(
                request,
                "transfer answered twice",
                Refusal::new(codes.answered.into(), message),
            )?;
        }
        (Phase::Bot, false) => {
            let message = "no transfer was requested in this conversation: send the result after the \
                callback session.transfer or agent.transfer";
            context.refuse(
                request,
                "transfer never requested",
                Refusal::new(codes.not_asked.into(), message),
            )?;
        }
        (Phase::Transfer | Phase::Closed, _) => {}
    }
    conversation.is_transfer_answered = true;
    conversation.last_activity = request.now;
    match body.result {
        Decision::Accepted => {
            conversation.phase = Phase::Agent;
            conversation.is_passed_on = false;
            conversation.seat_id = body.seat_id.unwrap_or_default().into();
            turns::accepted(simulator, key, request.now);
        }
        Decision::Refused if conversation.is_passed_on => conversation.phase = Phase::Agent,
        Decision::Refused => {
            conversation.phase = Phase::Bot;
            turns::refused(simulator, key, request.now);
        }
    }
    Ok(NoData)
}

//! *End session*: the customer ends a conversation.

use std::time::Duration;

use rand::RngExt;
use schemars::JsonSchema;
use serde::Deserialize;

use super::by_user::{ByUser, check_open};
use crate::contract::fields::NoEffect;
use crate::simulator::endpoint::{Both, NoData};
use crate::simulator::timer::ChatbotTimer;
use crate::simulator::{Refusal, Request, Simulator};
use crate::time::later;

/// `POST /api/v1/session/end` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct EndSession {
    /// The id of the conversation, as callbacks name it; it, or `channel_id` with `user.id`, is needed.
    call_id: Option<String>,
    /// Why it is ended; callbacks always say `seat`.
    #[serde(rename = "reason")]
    _reason: Option<NoEffect<String>>,
}

/// Ends a conversation a moment later.
pub(super) fn end_session(
    simulator: &mut Simulator,
    Both(body, by_user): Both<EndSession, ByUser>,
    request: &Request<'_>,
) -> Result<NoData, Refusal> {
    let key = by_user.find(simulator, request, body.call_id.as_deref())?;
    let codes = simulator.context.behaviour.chatbot.codes;
    let conversation = simulator.chatbot.conversations.get_mut(key);
    check_open(conversation, codes)?;
    let wait = Duration::from_millis(conversation.rng.draw().random_range(200..800));
    let timer = (key, ChatbotTimer::End("seat"));
    simulator.context.plan(later(request.now, wait), timer);
    Ok(NoData)
}

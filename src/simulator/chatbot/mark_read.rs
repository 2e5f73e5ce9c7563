//! *Mark user message as read*: an agent has seen what the user wrote.

use schemars::JsonSchema;
use serde::Deserialize;

use super::by_user::ByUser;
use crate::contract::fields::shown;
use crate::simulator::endpoint::{Both, NoData};
use crate::simulator::{Refusal, Request, Simulator};

/// `POST /api/v1/message/read` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct MarkRead {
    /// The id of the conversation, as callbacks name it; it, or `channel_id` with `user.id`, is needed.
    call_id: Option<String>,
    /// The ids of the messages; they or `msg_id` are needed.
    msg_ids: Option<Vec<String>>,
    /// The id of the message, if it is a single one.
    msg_id: Option<String>,
}

/// Marks messages of the user as read. The status of messages to the user depends on the user alone.
pub(super) fn mark_read(
    simulator: &mut Simulator,
    Both(body, by_user): Both<MarkRead, ByUser>,
    request: &Request<'_>,
) -> Result<NoData, Refusal> {
    let key = by_user.find(simulator, request, body.call_id.as_deref())?;
    let field = if body.msg_ids.is_some() { "msg_ids" } else { "msg_id" };
    let ids = body
        .msg_ids
        .or_else(|| Some(vec![body.msg_id?]))
        .ok_or_else(|| Refusal::new(400, "msg_ids is missing: a list of message ids"))?;
    let messages = &mut simulator.chatbot.conversations.get_mut(key).messages;
    if let Some(unknown) = ids.iter().find(|id| messages.position(id).is_none()) {
        return Err(Refusal::new(
            404,
            format!(
                "there is no message with {field} {} in this conversation",
                shown(&unknown.as_str().into())
            ),
        ));
    }
    for id in ids {
        if messages.position(&id).is_some_and(|at| messages[at].sender_type == "user") {
            messages.set_status(&id.as_str().into(), "read");
        }
    }
    Ok(NoData)
}

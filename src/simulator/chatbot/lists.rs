//! *Query conversation list* and *Query message list*: newest first, page by page.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::by_user::ByUser;
use super::conversation::{Conversation, Phase};
use crate::contract::bodies::conversation::User;
use crate::contract::bodies::message::ListedMessage;
use crate::contract::fields::{NoEffect, Whole};
use crate::simulator::endpoint::Both;
use crate::simulator::{Refusal, Request, Simulator};

/// The default page size of lists; the vendor's example.
const PAGE: usize = 20;

/// `POST /api/v1/session/messages` (example).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct MessageList {
    /// The id of the conversation, as callbacks name it; it, or `channel_id` with `user.id`, is needed.
    call_id: Option<String>,
    /// The id of the last message of the page before; empty for the first page.
    last_msg_id: Option<String>,
    /// Number of messages wanted; default 20 (example; the limit is assumed).
    size: Option<Whole<1, 200>>,
    /// `single` in the example; its meaning is not known.
    #[serde(rename = "type")]
    _kind: Option<NoEffect<String>>,
}

/// Returns the messages of a conversation, newest first. That a page begins after its cursor is assumed.
pub(super) fn messages(
    simulator: &mut Simulator,
    Both(body, by_user): Both<MessageList, ByUser>,
    request: &Request<'_>,
) -> Result<Vec<ListedMessage>, Refusal> {
    let key = by_user.find(simulator, request, body.call_id.as_deref())?;
    let size = body.size.map_or(PAGE, Whole::count);
    let list = &mut simulator.chatbot.conversations.get_mut(key).messages;
    let end = match body.last_msg_id {
        None => list.len(),
        Some(last) => list.position(&last).ok_or_else(|| {
            Refusal::new(400, format!("last_msg_id `{last}` is not a message of this conversation"))
        })?,
    };
    Ok(list.page(end, size, request.now))
}

/// `POST /api/v1/session/list` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ConversationList {
    /// The id of the last conversation of the page before; empty for the first page.
    last_call_id: Option<String>,
    /// Number of conversations wanted; default 20.
    size: Option<Whole<1, 200>>,
}

/// The data of the response (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ConversationPage {
    /// Total number of conversations.
    total: usize,
    /// One page of conversations, newest first.
    list: Vec<ListedConversation>,
}

/// A conversation of the list (assumed).
#[derive(Debug, Serialize, JsonSchema)]
struct ListedConversation {
    /// The id of the conversation.
    call_id: String,
    /// The channel, for example `WhatsApp`.
    channel: String,
    /// The id of the channel, a string even if it consists of digits.
    channel_id: String,
    /// The user at the other end.
    user: User,
    /// The agent who has or had it; empty if none.
    seat_id: String,
    /// Who has the conversation.
    status: Phase,
    /// When it began, in Unix seconds.
    start_time: i64,
    /// When the last message was written, in Unix seconds.
    last_time: i64,
}

impl ListedConversation {
    fn of(conversation: &Conversation) -> Self {
        Self {
            call_id: conversation.call_id.to_string(),
            channel: conversation.channel.to_string(),
            channel_id: conversation.channel_id.to_string(),
            user: User { id: conversation.user_id.to_string(), name: conversation.name() },
            seat_id: conversation.seat_id.to_string(),
            status: conversation.phase,
            start_time: conversation.started.as_second(),
            last_time: conversation.last_activity.as_second(),
        }
    }
}

/// Returns the conversations of the account, newest first.
pub(super) fn conversations(
    simulator: &mut Simulator,
    body: ConversationList,
    request: &Request<'_>,
) -> Result<ConversationPage, Refusal> {
    let conversations = &mut simulator.chatbot.conversations;
    let total = conversations.count_begun(request.account);
    let begun = conversations.begun(request.account, body.last_call_id.as_deref()).ok_or_else(|| {
        let last = body.last_call_id.as_deref().unwrap_or_default();
        Refusal::new(400, format!("last_call_id `{last}` is not a conversation"))
    })?;
    let list = begun.take(body.size.map_or(PAGE, Whole::count)).map(ListedConversation::of);
    Ok(ConversationPage { total, list: list.collect() })
}

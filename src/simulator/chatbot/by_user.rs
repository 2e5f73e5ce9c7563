//! The ways in which requests name the conversation they are about.

use schemars::JsonSchema;
use serde::Deserialize;

use super::conversation::{Conversation, Phase};
use crate::simulator::keys::ConversationKey;
use crate::simulator::rules::retention::may_be_gone;
use crate::simulator::{ChatCodes, Refusal, Request, Simulator};

/// A conversation by its channel and user, for requests that leave `call_id` empty (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ByUser {
    /// The id of the channel. With `user.id` it names the latest conversation with that user, if `call_id` is empty.
    channel_id: Option<String>,
    /// The user at the other end.
    user: Option<NamedUser>,
}

/// A user as requests name one (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct NamedUser {
    /// The id of the user within the channel.
    id: Option<String>,
}

impl NamedUser {
    /// Returns the id of the user.
    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl ByUser {
    /// Finds the conversation with this `call_id`, or with this user on this channel if that is empty.
    ///
    /// # Errors
    ///
    /// If there is no such conversation, or if it belongs to another account.
    pub(super) fn find(
        &self,
        simulator: &Simulator,
        request: &Request<'_>,
        call_id: Option<&str>,
    ) -> Result<ConversationKey, Refusal> {
        let user_id = self.user.as_ref().and_then(NamedUser::id);
        find(simulator, request, call_id, self.channel_id.as_deref(), user_id).ok_or_else(|| match call_id {
            Some(call_id) => {
                let more = may_be_gone(simulator.chatbot.conversations.list.is_any_gone());
                Refusal::new(404, format!("there is no conversation with call_id `{call_id}`{more}"))
            }
            None => Refusal::new(
                400,
                "call_id is missing, and channel_id with user.id names no conversation either",
            ),
        })
    }
}

/// Finds the conversation with this `call_id`, or with this user on this channel if that is empty, if the account may see it.
pub(super) fn find(
    simulator: &Simulator,
    request: &Request<'_>,
    call_id: Option<&str>,
    channel_id: Option<&str>,
    user_id: Option<&str>,
) -> Option<ConversationKey> {
    let conversations = &simulator.chatbot.conversations;
    let found = match call_id {
        Some(call_id) => conversations.by_call_id(call_id),
        None => conversations.of_user(&channel_id?.into(), &user_id?.into()),
    };
    found.filter(|key| conversations.get(*key).is_seen_by(request.account))
}

/// Checks that a conversation has not ended, as every action in it requires.
pub(super) fn check_open(conversation: &Conversation, codes: ChatCodes) -> Result<(), Refusal> {
    match conversation.phase {
        Phase::Closed => Err(Refusal::new(codes.closed.into(), "the conversation has ended")),
        Phase::Bot | Phase::Transfer | Phase::Agent => Ok(()),
    }
}

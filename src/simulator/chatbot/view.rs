//! The view that stories' templates have of a conversation.

use serde::Serialize;

use super::conversation::{Conversation, Phase};

/// The view that templates have of a conversation's user.
#[derive(Clone, Debug, Serialize)]
pub struct UserView {
    id: String,
    name: String,
    phone: String,
    gender: String,
    locale: String,
}

/// The view that templates have of a conversation.
#[derive(Clone, Debug, Serialize)]
pub struct ConversationView {
    call_id: String,
    channel: String,
    channel_id: String,
    company: String,
    seat_id: String,
    phase: Phase,
    last_msg_id: String,
}

/// Returns the view of a conversation and its user.
pub(in crate::simulator) fn view(conversation: &Conversation) -> (UserView, ConversationView) {
    let (user, facts) = conversation.people();
    let company = conversation.overrides.company.as_deref().map_or(facts.company, str::to_owned);
    let last = conversation.messages.last();
    (
        UserView {
            id: user.user_id,
            name: user.name,
            phone: user.phone,
            gender: user.gender.to_string(),
            locale: conversation.locale.to_owned(),
        },
        ConversationView {
            call_id: conversation.call_id.to_string(),
            channel: conversation.channel.to_string(),
            channel_id: conversation.channel_id.to_string(),
            company,
            seat_id: conversation.seat_id.to_string(),
            phase: conversation.phase,
            last_msg_id: last.map(|message| message.msg_id.to_string()).unwrap_or_default(),
        },
    )
}

//! The bodies of callbacks that come from no conversation: the case that those of all families speak of, and the bodies
//! of workflows.
//!
//! Their ids, names and the call they speak of belong to the story's conversation: whatever is sent of it agrees.

mod case;
mod workflow;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::chatbot::Conversation;
use super::context::Context;
use super::endpoint::Wanted;
use super::{ConversationKey, Simulator};
pub(super) use case::Case;

/// The body of an event; nothing if there is no such event.
pub(super) fn default_body(
    context: &Context,
    conversation: &Conversation,
    event: &str,
    now: Timestamp,
) -> Option<Value> {
    let case = Case::of(context, conversation, now);
    Some(match event {
        "workflow.api_push" => json(&workflow::api_push(&case, conversation)),
        "workflow.contact_completed" => json(&workflow::contact_completed(&case)),
        "workflow.status_changed" => json(&workflow::status_changed(&case)),
        "workflow.waba_status" => json(&workflow::waba_status(&case, conversation)),
        "workflow.session_ended" => json(&workflow::session_ended(&case, conversation)),
        _ => return None,
    })
}

impl Case {
    /// The case of a conversation for which a callback is generated.
    pub(super) fn wanted(simulator: &Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        Self::of(&simulator.context, simulator.chatbot.conversations.get(key), wanted.now)
    }
}

/// Bodies are plain data: numbers, texts, lists, and tables with text keys, which always fit into JSON.
fn json(body: &impl Serialize) -> Value {
    serde_json::to_value(body).expect("a body is plain data")
}

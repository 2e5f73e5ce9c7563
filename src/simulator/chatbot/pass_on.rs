//! An agent passes a conversation on to another one: `agent.transfer`.

use jiff::Timestamp;
use serde_json::json;

use super::conversation::Phase;
use super::played::ChatError;
use crate::contract::fields::shown;
use crate::simulator::Simulator;

impl Simulator {
    /// Lets the agent of a conversation pass it on to another agent: to this seat (empty: to any), or else to one that is drawn.
    /// The customer answers as after every transfer request.
    ///
    /// # Errors
    ///
    /// If there is no such conversation, if it has ended, or if no agent has it.
    pub fn pass_on(&mut self, call_id: &str, to: Option<&str>, now: Timestamp) -> Result<(), ChatError> {
        self.context.begin(None, now);
        let key = self.chatbot.conversations.by_call_id(call_id);
        let key = key.ok_or_else(|| ChatError::NoConversation(shown(&call_id.into())))?;
        match self.chatbot.conversations.get(key).phase {
            Phase::Agent => {}
            Phase::Closed => return Err(ChatError::Ended),
            Phase::Bot | Phase::Transfer => return Err(ChatError::NoAgent),
        }
        let patch = to.map_or_else(|| json!({}), |seat| json!({ "transfer": { "to_seat_id": seat } }));
        if let Some(callback) = super::emit(self, key, "agent.transfer", patch, now) {
            self.context.send_of_conversation(callback);
        }
        Ok(())
    }
}

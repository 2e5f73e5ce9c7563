//! A user who replies to the template message of a workflow hours later, when its row has gone on: the reply begins an ordinary
//! conversation.

use jiff::Timestamp;

use super::Chosen;
use super::callbacks::MessageReceive;
use super::campaign;
use super::messages::Message;
use super::outcome_plan::Reply;
use super::turns;
use crate::content::Gender;
use crate::content::dialogue::Dialogue;
use crate::simulator::wire_id::WireId;
use crate::simulator::{AccountKey, Simulator};

/// A late reply.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct LateReply {
    /// The account of the workflow.
    pub(in crate::simulator) account: AccountKey,
    /// The channel of the message.
    pub(in crate::simulator) channel_id: WireId,
    /// The user's number.
    pub(in crate::simulator) number: u64,
    /// The user's name.
    pub(in crate::simulator) name: Box<str>,
    /// The user's gender.
    pub(in crate::simulator) gender: Gender,
    /// The answered message, its id, and when it was sent.
    pub(in crate::simulator) message: Chosen,
    pub(in crate::simulator) msg_id: WireId,
    pub(in crate::simulator) sent: Timestamp,
}

impl LateReply {
    /// Lets the user write, after which user and bot go on along the template's graph. A conversation in progress is not begun
    /// again.
    pub(in crate::simulator) fn write(self, simulator: &mut Simulator, at: Timestamp) {
        if Dialogue::chat(self.message.template.dialogue.as_str()).is_none() {
            return;
        }
        let key = campaign::thread(simulator, self.account, &self.channel_id, self.number, at);
        let conversation = simulator.chatbot.conversations.get_mut(key);
        if conversation.begun {
            return;
        }
        conversation.overrides.text_name = Some(self.name.clone());
        conversation.overrides.name = Some(self.name);
        conversation.overrides.gender = Some(self.gender);
        let (sent, content) = (self.sent.as_second(), self.message.message(None, || conversation.facts()));
        conversation.messages.put(Message::new(self.msg_id.clone(), sent, "robot", "read", &content));
        let answered = conversation.messages.place(&self.msg_id);
        let message =
            turns::begin_with_reply(simulator, key, &self.message, Reply::Text, false, answered, at);
        let callback = turns::emit_message(simulator, key, "message.receive", message, MessageReceive::of);
        turns::plan_next(simulator, key, at);
        if let Some(callback) = callback {
            simulator.context.send_of_conversation(callback);
        }
    }
}

//! A user who replies to the template message of a workflow hours later, when its row has gone on: the reply begins an ordinary
//! conversation.

use std::sync::Arc;

use jiff::Timestamp;
use rand::RngExt;

use super::Chosen;
use super::callbacks::MessageReceive;
use super::campaign;
use super::first_reply::FirstReply;
use super::messages::Message;
use super::outcome_plan::Reply;
use super::script::Script;
use super::turns;
use crate::content::Gender;
use crate::content::dialogue::Dialogue;
use crate::contract::bodies::message::{Content, Template};
use crate::json::JsonText;
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
        let Some(dialogue) = Dialogue::chat(self.message.template.dialogue.as_str()) else { return };
        let key = campaign::thread(simulator, self.account, &self.channel_id, self.number, at);
        let conversation = simulator.chatbot.conversations.get_mut(key);
        if conversation.begun {
            return;
        }
        conversation.overrides.text_name = Some(self.name.clone());
        conversation.overrides.name = Some(self.name);
        conversation.overrides.gender = Some(self.gender);
        let template = Template::WhatsApp {
            content: self.message.content(None, || conversation.facts()),
            info: self.message.info(),
        };
        conversation.messages.put(Message {
            msg_id: self.msg_id.clone(),
            seat_id: Arc::default(),
            timestamp: self.sent.as_second(),
            sender_type: "robot".into(),
            status: "read".into(),
            content: JsonText::of(&Content::Template { template }),
            reply: None,
            way: None,
        });
        let answered = conversation.messages.place(&self.msg_id);
        let mut rng = conversation.rng.draw();
        let mut script = Script::new(dialogue, rng.random_range(11..=16));
        script.take(FirstReply::draw(&self.message, dialogue, Reply::Text, &mut rng).turn);
        drop(rng);
        let words = turns::text(conversation, script.phrase());
        conversation.script = Some(Box::new(script));
        conversation.started = at;
        let content = serde_json::json!({ "type": "text", "text": words });
        let message = turns::user_writes(simulator, key, content, answered, at);
        let callback = turns::emit_message(simulator, key, "message.receive", message, MessageReceive::of);
        turns::plan_next(simulator, key, at);
        if let Some(callback) = callback {
            simulator.context.send_of_conversation(callback);
        }
    }
}

//! The chatbot conversation of a workflow's message. It is the same conversation that the chatbot's requests list, that the
//! notice of its end repeats, and that an agent can write into. Its messages are drawn when it begins and added when they are
//! due.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::Workflow;
use super::chat::{self, Course, Session, Step, Who};
use super::dialers::Dialers;
use super::instance::Visit;
use super::person::RowPerson;
use super::row;
use crate::contract::bodies::conversation::EndReason;
use crate::contract::bodies::message::MessageStatus;
use crate::simulator::chatbot::{
    Chatbot, Conversation, DEFAULT_CHANNEL, LateReply, Message, Opening, Overrides, Phase, Reply,
    ScheduledMessages,
};
use crate::simulator::keys::{ConversationKey, InstanceKey};
use crate::simulator::timer::ChatbotTimer;
use crate::time::later;

/// How long the conversation of a workflow waits for an agent (assumed).
const TRANSFER_PATIENCE: Duration = Duration::from_secs(1_800);

impl Workflow {
    /// Returns the conversation that followed the message of a row.
    pub(super) fn conversation(
        &self,
        key: InstanceKey,
        at: u32,
        node: u16,
        chatbot: &Chatbot,
    ) -> Option<ConversationKey> {
        chatbot.conversations.by_call_id(&self.chat_id(key, at, node))
    }

    /// Begins a conversation after the person has replied to the message of a row.
    pub(super) fn converse(
        &self,
        key: InstanceKey,
        at: u32,
        visit: &Visit,
        course: &Course,
        dialers: &mut Dialers<'_>,
    ) {
        let instance = &self.instances[key];
        let message = self.message_of(key, at, visit.node, dialers);
        let way = self.reply_way(key, at, visit.node, dialers);
        let (Some(row), Some(message), Some(way)) = (instance.row(at), message, way) else { return };
        let variables = row::variables(&row.variables);
        let (call_id, msg_id) = (self.chat_id(key, at, visit.node), self.message_id(key, at, visit.node));
        let country = self.country(instance, row.number);
        let person = RowPerson::of(instance.seed, at, country, &variables);
        let picture = way.is_picture().then(|| dialers.chatbot.media.picture());
        let picture = picture.map(|path| format!("{}{path}", dialers.context.behaviour.public_url));
        let seed = instance.seed.derive("conversation", u64::from(at) << 16 | u64::from(visit.node));
        let opening = Opening { story: None, seed, country, locale: None, now: course.began(visit.came()) };
        let mut conversation = Conversation {
            owner: Some(instance.account),
            call_id: call_id.as_str().into(),
            channel: DEFAULT_CHANNEL.into(),
            channel_id: instance.channel_id.as_str().into(),
            user_id: row.number.into(),
            overrides: Overrides {
                phone: Some(row.number),
                text_name: Some(person.name.clone()),
                name: Some(person.name),
                gender: Some(person.gender),
                variables: Some(Box::new(row::own_variables(&row.variables))),
                ..Overrides::default()
            },
            begun: true,
            ..Conversation::open(&opening, instance.cause)
        };
        let facts = conversation.facts();
        let who = Who {
            seed: instance.seed,
            row: at,
            node: visit.node,
            locale: conversation.locale,
            facts: &facts,
            call_id: &call_id,
            way: &way,
            picture: picture.as_deref().unwrap_or_default(),
        };
        let Session { began, reason, messages, asks_for_agent } = chat::session(who, course, visit.came());
        let sent = course.moment(Step::Status(MessageStatus::Send), visit.came()).unwrap_or(visit.came());
        let content = message.message(None, || facts);
        conversation.messages.add(Message::new(msg_id, sent.as_second(), "robot", "read", &content));
        conversation.script = Some(Box::new(way.script(&mut conversation.rng.draw())));
        if way.opts_out() {
            dialers.chatbot.campaigns.opt_out(&conversation.channel_id, &conversation.user_id);
        }
        conversation.scheduled = Some(Box::new(ScheduledMessages {
            instance: key,
            row: at,
            messages: messages.into(),
            asks_for_agent,
            reason,
        }));
        conversation.say(began);
        let next = conversation.next_message();
        let conversation = dialers.chatbot.conversations.add(conversation);
        if let Some(next) = next {
            dialers.context.plan(next, (conversation, ChatbotTimer::Message));
        }
    }

    /// Returns the reply of a row's person to the message of a node after the row has gone on.
    pub(super) fn late_reply(
        &self,
        key: InstanceKey,
        at: u32,
        node: u16,
        dialers: &Dialers<'_>,
    ) -> Option<LateReply> {
        let instance = &self.instances[key];
        let row = instance.row(at)?;
        let visit = row.visits.iter().find(|visit| visit.node == node)?;
        let sent = self.course(key, at, visit)?.moment(Step::Status(MessageStatus::Send), visit.came())?;
        let country = self.country(instance, row.number);
        let person = RowPerson::of(instance.seed, at, country, &row::variables(&row.variables));
        Some(LateReply {
            account: instance.account,
            channel_id: instance.channel_id.as_str().into(),
            number: row.number,
            name: person.name,
            gender: person.gender,
            message: self.message_of(key, at, node, dialers)?,
            msg_id: self.message_id(key, at, node).as_str().into(),
            sent,
        })
    }

    /// Returns until when the conversation of a row does not end by itself: as long as an agent has it or is requested, or a
    /// person is played, and messages are written now and then.
    pub(super) fn held_until(
        &self,
        key: InstanceKey,
        at: u32,
        node: u16,
        dialers: &Dialers<'_>,
    ) -> Option<Timestamp> {
        let conversation =
            dialers.chatbot.conversations.get(self.conversation(key, at, node, dialers.chatbot)?);
        let patience = match conversation.phase {
            Phase::Transfer => TRANSFER_PATIENCE,
            Phase::Agent => dialers.context.behaviour.chatbot.silence,
            Phase::Bot if conversation.is_played() => dialers.context.behaviour.chatbot.silence,
            Phase::Bot | Phase::Closed => return None,
        };
        Some(later(conversation.last_activity, patience))
    }

    /// Ends the conversation of a row, unless it has ended already.
    pub(super) fn end_conversation(
        &self,
        conversation: ConversationKey,
        now: Timestamp,
        chatbot: &mut Chatbot,
    ) {
        let conversation = chatbot.conversations.get_mut(conversation);
        conversation.say(now);
        let Some(coming) = conversation.scheduled.take().filter(|_| conversation.phase != Phase::Closed)
        else {
            return;
        };
        let is_with_bot = std::mem::replace(&mut conversation.phase, Phase::Closed) == Phase::Bot;
        // The conversation had passed to an agent, who did not continue it.
        let reason = if is_with_bot { coming.reason } else { EndReason::Timeout };
        let reason = serde_json::to_value(reason).unwrap_or_default();
        conversation.ended = Some(Box::new((now, reason.as_str().unwrap_or_default().to_owned())));
    }
}

/// Returns the messages of a conversation as the notice of its end repeats them, from its beginning on; the notice calls the
/// robot `chatbot` (example).
pub(super) fn messages_of(conversation: &Conversation, template: &str) -> Vec<Value> {
    let rename = |whole: &mut Value| {
        if whole["sender_type"] == "robot" {
            whole["sender_type"] = "chatbot".into();
        }
    };
    let since = conversation.messages.iter().filter(|message| message.msg_id.as_str() != template);
    since
        .map(|message| {
            let mut whole = conversation.messages.whole(message).into_value();
            rename(&mut whole);
            if let (Some(reply), Some(Reply::Whole(_))) = (whole.get_mut("reply"), &message.reply) {
                rename(reply);
            }
            whole
        })
        .collect()
}

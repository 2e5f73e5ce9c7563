//! Callbacks that carry one or several messages.

use rand::seq::IndexedRandom;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{Head, OWN_CHANNEL, unknown_template, user};
use crate::content::phrases;
use crate::contract::bodies::conversation::User;
use crate::contract::bodies::message::{
    Content, Message, SenderType, Template, TemplateButtonKind, TemplateInfo,
};
use crate::contract::fields::Given;
use crate::seed;
use crate::simulator::Simulator;
use crate::simulator::chatbot::conversation::{Conversation, Phase};
use crate::simulator::chatbot::lead_up;
use crate::simulator::chatbot::seat::seat;
use crate::simulator::chatbot::{self, DEFAULT_CHANNEL, Reply};
use crate::simulator::endpoint::{Generate, Wanted};
use crate::simulator::keys::ConversationKey;

/// Maximum number of messages that are generated for one callback, even if the list of a story has more.
const MOST_MESSAGES: usize = 1_000;

/// `message.send`: the robot's messages, for a customer who owns the channel (example).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::simulator::chatbot) struct MessageSend {
    #[serde(flatten)]
    head: Head,
    /// The user that the robot writes to.
    user: User,
    /// The robot's message; `sender_type` is `robot`.
    messages: Vec<Given<Message>>,
}

impl MessageSend {
    pub(in crate::simulator::chatbot) fn of(
        conversation: &Conversation,
        messages: Vec<Given<Message>>,
    ) -> Self {
        let mut head = Head::of("message.send", conversation);
        // The callback goes to customers who own the channel, which the vendor calls `chatbot` (example), unless a story named
        // another one.
        if conversation.channel == DEFAULT_CHANNEL || conversation.is_on_own_channel {
            OWN_CHANNEL.clone_into(&mut head.channel);
        }
        Self { head, user: user(conversation), messages }
    }
}

impl Generate for MessageSend {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        const COURSE: [&str; 4] = ["bot_intro", "debt_reminder", "payment_link", "order_status"];
        let conversation = simulator.chatbot.conversations.get_mut(key);
        let phrase = COURSE[conversation.messages.len() / 2 % COURSE.len()];
        let messages =
            written(conversation, SenderType::Robot, phrase, wanted, |text| Content::Text { text });
        Self::of(conversation, messages)
    }
}

/// `message.receive`, *Callback message sent by user*: what the user says while the robot has the conversation
/// (assumed).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::simulator::chatbot) struct MessageReceive {
    #[serde(flatten)]
    head: Head,
    /// Who speaks.
    user: User,
    /// The user's message; `sender_type` is `user`.
    messages: Vec<Given<Message>>,
}

impl MessageReceive {
    pub(in crate::simulator::chatbot) fn of(
        conversation: &Conversation,
        messages: Vec<Given<Message>>,
    ) -> Self {
        Self { head: Head::of("message.receive", conversation), user: user(conversation), messages }
    }
}

impl Generate for MessageReceive {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let conversation = simulator.chatbot.conversations.get_mut(key);
        let is_with_agent = conversation.phase == Phase::Agent;
        let messages = written_by_user(conversation, is_with_agent, wanted);
        Self::of(conversation, messages)
    }
}

/// `agent.message`, *\*Callback messages sent by the user after transferring to agent* (assumed).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::simulator::chatbot) struct AgentMessage {
    #[serde(flatten)]
    head: Head,
    /// Who speaks.
    user: User,
    /// The agent who has the conversation.
    seat_id: String,
    /// The user's message; `sender_type` is `user`.
    messages: Vec<Given<Message>>,
}

impl AgentMessage {
    pub(in crate::simulator::chatbot) fn of(
        conversation: &Conversation,
        messages: Vec<Given<Message>>,
    ) -> Self {
        Self {
            head: Head::of("agent.message", conversation),
            user: user(conversation),
            seat_id: conversation.seat_id.to_string(),
            messages,
        }
    }
}

impl Generate for AgentMessage {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let conversation = simulator.chatbot.conversations.get_mut(key);
        let messages = written_by_user(conversation, true, wanted);
        Self { seat_id: seat(conversation), ..Self::of(conversation, messages) }
    }
}

/// `template.reply`, *Callback single template message user response*: a pressed button or a written answer (assumed).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::simulator::chatbot) struct TemplateReply {
    #[serde(flatten)]
    head: Head,
    /// Who answers.
    user: User,
    /// The answered template.
    template: TemplateInfo,
    /// The answer; its `reply` is the template message.
    messages: Vec<Given<Message>>,
}

impl TemplateReply {
    pub(in crate::simulator::chatbot) fn of(
        conversation: &Conversation,
        template: TemplateInfo,
        messages: Vec<Given<Message>>,
    ) -> Self {
        Self { head: Head::of("template.reply", conversation), user: user(conversation), template, messages }
    }
}

impl Generate for TemplateReply {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let place = lead_up::answered(simulator, key, wanted.now);
        let conversation = simulator.chatbot.conversations.get_mut(key);
        let answered = place.and_then(|place| conversation.messages.get(place as usize));
        let (template, buttons) = answered.map(of_template).unwrap_or_default();
        let template = template.unwrap_or_else(|| unknown_template(conversation));
        let button = buttons.choose(&mut *conversation.rng.draw()).cloned();
        let content = |text| match &button {
            Some(label) => Content::Button { text: label.clone() },
            None => Content::Text { text },
        };
        let mut messages = written(conversation, SenderType::User, "button_yes", wanted, content);
        if let Some(reply) = place.map(|place| conversation.messages.answered(&Reply::Whole(place))) {
            let quote = |message: Given<Message>| {
                let mut whole = message.into_value();
                whole["reply"] = reply.clone();
                Given::new(whole)
            };
            messages = messages.into_iter().map(quote).collect();
        }
        Self::of(conversation, template, messages)
    }
}

/// Returns the template of a message, and the labels of its buttons that do not end the consent to messages.
fn of_template(message: &chatbot::Message) -> (Option<TemplateInfo>, Vec<String>) {
    let Ok(Content::Template { template: Template::WhatsApp { content, info } }) =
        serde_json::from_value(message.content.value())
    else {
        return (None, Vec::new());
    };
    let replies = content.button.into_iter().filter(|button| button.kind == TemplateButtonKind::QuickReply);
    (Some(info), replies.map(|button| button.text).collect())
}

/// Returns what the user would say next.
fn written_by_user(
    conversation: &mut Conversation,
    is_with_agent: bool,
    wanted: &Wanted<'_>,
) -> Vec<Given<Message>> {
    const WITH_BOT: [&str; 4] = ["greeting", "order_question", "small_talk", "debt_promise"];
    const WITH_AGENT: [&str; 4] = ["debt_dispute", "parcel_late", "complaint", "user_thanks"];
    let course = if is_with_agent { WITH_AGENT } else { WITH_BOT };
    let phrase = course[conversation.messages.len() / 2 % course.len()];
    written(conversation, SenderType::User, phrase, wanted, |text| Content::Text { text })
}

/// Generates as many messages as requested: at least one, unless the list is empty.
fn written(
    conversation: &mut Conversation,
    sender_type: SenderType,
    phrase: &str,
    wanted: &Wanted<'_>,
    content: impl Fn(String) -> Content,
) -> Vec<Given<Message>> {
    let count = wanted.patch.get("messages").and_then(Value::as_array).map_or(1, Vec::len).min(MOST_MESSAGES);
    if count == 0 {
        return Vec::new();
    }
    let facts = conversation.facts();
    let rng = &mut *conversation.rng.draw();
    (0..count)
        .map(|_| {
            let text = phrases::phrase_with(rng, phrase, conversation.locale, &facts).unwrap_or_default();
            let message = Message {
                msg_id: seed::hex32(rng),
                sender_type,
                timestamp: wanted.now.as_second(),
                content: content(text),
                reply: None,
            };
            message.into()
        })
        .collect()
}

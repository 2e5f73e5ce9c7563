//! Conversations as the user of the control surface sees them: the people, the phase, the messages in words, and the options
//! that can be chosen.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::conversation::{Conversation, Phase};
use super::messages::Message;
use super::question;
use crate::simulator::Simulator;

/// A conversation in short.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Chat {
    /// The conversation: its `call_id`.
    conversation: String,
    /// `WhatsApp`, ...
    channel: String,
    /// The id of the channel.
    channel_id: String,
    /// The id of the user at the other end: on WhatsApp the digits of the number.
    user_id: String,
    /// The user's name.
    name: String,
    /// Who has it: `bot`, `transfer` while an agent is requested, `agent`, or `closed`.
    phase: Phase,
    /// The agent who has it; empty if none.
    seat_id: String,
    /// Whether the user is played from outside.
    played: bool,
    /// When it began, in the mock's time.
    started: String,
    /// Number of messages.
    messages: usize,
    /// The last message, in words.
    last: String,
    /// When it was written, in the mock's time; without messages, when the conversation began.
    last_at: String,
}

/// A conversation with its messages.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChatHistory {
    /// The conversation.
    chat: Chat,
    /// Why it ended, if it ended.
    ended: Option<String>,
    /// When the bot, or the user whom the mock plays, writes next, if that is planned.
    next: Option<String>,
    /// Whether the user has opted out of messages on this channel.
    opted_out: bool,
    /// Whether its user can be played: on a channel of your own, your system sends what users write.
    playable: bool,
    /// The messages, oldest first.
    messages: Vec<ChatMessage>,
}

/// A message of a conversation.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChatMessage {
    /// Its id.
    msg_id: String,
    /// When it was written, in the mock's time.
    at: String,
    /// Who wrote it: `user`, `robot`, `seat` for an agent, ...
    sender_type: String,
    /// The agent who wrote it; empty if none did.
    seat_id: String,
    /// Its status: `send`, `delivery`, `read` or `failed`.
    status: String,
    /// Its content, in words.
    text: String,
    /// The buttons and options under it.
    options: Vec<ChatOption>,
    /// The content object as it was sent.
    content: Value,
    /// The message it answers, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<String>,
}

/// A button or an option under a message.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChatOption {
    /// The action: `press` for a button of a template, `choose` for an option of a question.
    way: &'static str,
    /// The value that selects it.
    id: String,
    /// Its label.
    title: String,
}

impl Simulator {
    /// Returns up to `limit` conversations with messages, newest first.
    pub fn chats(&self, limit: usize) -> Vec<Chat> {
        self.chatbot.conversations.all_begun().take(limit).map(Chat::of).collect()
    }

    /// Returns the number of conversations with messages.
    pub fn count_chats(&self) -> usize {
        self.chatbot.conversations.count_all_begun()
    }

    /// Returns the messages of a conversation, or `None` if it does not exist.
    pub fn chat(&self, call_id: &str, now: Timestamp) -> Option<ChatHistory> {
        let conversations = &self.chatbot.conversations;
        let conversation = conversations.get(conversations.by_call_id(call_id)?);
        let answered = |message: &Message| {
            let reply = message.reply.as_ref()?;
            Some(in_words(&conversation.messages.answered(reply)["content"]))
        };
        let messages = conversation.messages.iter();
        let messages = messages.map(|message| ChatMessage::of(message, answered(message), now)).collect();
        let ended = conversation.ended.as_ref().map(|ended| ended.1.clone());
        let due = conversation.script.as_ref().and_then(|script| script.due);
        let next = due.or_else(|| conversation.next_message()).map(|at| at.to_string());
        let opted_out = self.chatbot.campaigns.is_opted_out(&conversation.channel_id, &conversation.user_id);
        let playable = !conversation.is_on_own_channel && conversation.phase != Phase::Closed;
        Some(ChatHistory { chat: Chat::of(conversation), ended, next, opted_out, playable, messages })
    }
}

impl Chat {
    fn of(conversation: &Conversation) -> Self {
        let last = conversation.messages.last();
        Self {
            conversation: conversation.call_id.to_string(),
            channel: conversation.channel.to_string(),
            channel_id: conversation.channel_id.to_string(),
            user_id: conversation.user_id.to_string(),
            name: conversation.name(),
            phase: conversation.phase,
            seat_id: conversation.seat_id.to_string(),
            played: conversation.is_played(),
            started: conversation.started.to_string(),
            messages: conversation.messages.len(),
            last_at: last.map_or(conversation.started, Message::at).to_string(),
            last: last.map(|message| in_words(&message.content.value())).unwrap_or_default(),
        }
    }
}

impl ChatMessage {
    fn of(message: &Message, reply: Option<String>, now: Timestamp) -> Self {
        let content = message.content.value();
        Self {
            msg_id: message.msg_id.to_string(),
            at: message.at().to_string(),
            sender_type: message.sender_type.to_string(),
            seat_id: message.seat_id.to_string(),
            status: message.status_at(now).to_owned(),
            text: in_words(&content),
            options: options(&content),
            content,
            reply,
        }
    }
}

/// Describes a content object in words. Texts come from outside and stay as they are.
fn in_words(content: &Value) -> String {
    let text =
        |pointer: &str| content.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let parts = [
        "/text",
        "/template/content/header/text",
        "/template/content/body",
        "/template/content/footer",
        "/interactive/body/text",
        "/interactive/footer/text",
        "/interactive/list_reply/title",
        "/interactive/button_reply/title",
    ];
    let said: Vec<&str> = parts.into_iter().filter_map(text).collect();
    if !said.is_empty() {
        return said.join("\n");
    }
    let kind = text("/type").unwrap_or("message");
    let more = ["/media/name", "/media/origin_url", "/system/type"].into_iter().filter_map(text);
    let more: Vec<&str> = more.collect();
    if more.is_empty() { format!("[{kind}]") } else { format!("[{kind}] {}", more.join(" ")) }
}

/// Returns what can be pressed or chosen under a content object.
fn options(content: &Value) -> Vec<ChatOption> {
    let buttons = content.pointer("/template/content/button").and_then(Value::as_array);
    let pressed = buttons.into_iter().flatten().filter_map(|button| {
        let label = button["text"].as_str()?;
        Some(ChatOption { way: "press", id: label.to_owned(), title: label.to_owned() })
    });
    let asked = content.get("interactive").and_then(question::offered);
    let chosen = asked.into_iter().flat_map(|(_, options)| options).filter_map(|option| {
        let (id, title) = (option["id"].as_str()?, option["title"].as_str()?);
        Some(ChatOption { way: "choose", id: id.to_owned(), title: title.to_owned() })
    });
    pressed.chain(chosen).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn contents_are_told_in_words() {
        for (content, words) in [
            (json!({ "type": "text", "text": "hi\nthere" }), "hi\nthere"),
            (json!({ "type": "button", "text": "Yes" }), "Yes"),
            (
                json!({ "type": "file", "media": { "origin_url": "http://a/b", "name": "b.pdf" } }),
                "[file] b.pdf http://a/b",
            ),
            (
                json!({ "type": "system", "system": { "type": "conversation.start" } }),
                "[system] conversation.start",
            ),
            (
                json!({ "type": "template", "template": { "content": { "body": "Hello", "footer": "", "button": [] } } }),
                "Hello",
            ),
            (json!({ "type": "text", "text": 7 }), "[text]"),
            (json!("no object"), "[message]"),
        ] {
            assert_eq!(in_words(&content), words, "{content}");
        }
    }

    #[test]
    fn buttons_are_pressed_and_options_chosen() {
        let template = json!({ "template": { "content": { "button": [{ "type": "QUICK_REPLY", "text": "Yes" }, {}] } } });
        let pressed = |title: &str| ChatOption { way: "press", id: title.into(), title: title.into() };
        assert_eq!(options(&template), [pressed("Yes")]);
        let buttons = json!([{ "type": "reply", "reply": { "id": "1", "title": "Tea" } }]);
        let question = json!({ "interactive": { "type": "button", "action": { "buttons": buttons } } });
        assert_eq!(options(&question), [ChatOption { way: "choose", id: "1".into(), title: "Tea".into() }]);
        assert_eq!(options(&json!({ "interactive": { "type": "list_reply" } })), []);
    }
}

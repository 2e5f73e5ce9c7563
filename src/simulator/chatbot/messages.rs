//! The messages of a conversation in order, found by id without a search.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::contract::bodies::message::{self as wire, ListedMessage, MessageStatus};
use crate::contract::fields::Given;
use crate::json::JsonText;
use crate::simulator::wire_id::WireId;

/// Up to this number of messages a search costs no more than an index, and takes no memory.
const FEW: usize = 16;

/// The usual words for senders and statuses.
const WORDS: [&str; 9] = ["user", "robot", "seat", "chatbot", "system", "send", "delivery", "read", "failed"];

/// Returns a word of a sender or of a status.
pub(in crate::simulator) fn word(text: &str) -> Cow<'static, str> {
    match WORDS.into_iter().find(|word| *word == text) {
        Some(word) => Cow::Borrowed(word),
        None => Cow::Owned(text.to_owned()),
    }
}

/// A message of a conversation.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Message {
    /// Its id.
    pub msg_id: WireId,
    /// The agent who wrote it; empty if no agent did.
    pub seat_id: Arc<str>,
    /// Unix seconds.
    pub timestamp: i64,
    /// The sender: `user`, `robot`, `seat`, ...
    pub sender_type: Cow<'static, str>,
    /// The status: `send`, `delivery`, `read`, or a failure.
    pub status: Cow<'static, str>,
    /// The content object as it was sent.
    pub content: JsonText,
    /// The message that it replies to, if it is a reply.
    pub reply: Option<Reply>,
    /// Its status over time, if no callback reports it.
    pub way: Option<Way>,
}

/// When a message to the user reaches its next statuses, in milliseconds after its timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Way {
    pub delivered: u32,
    pub read: u32,
}

/// What a message replies to.
#[derive(Clone, Debug)]
pub(in crate::simulator) enum Reply {
    /// The whole message at this place of the same conversation.
    Whole(u32),
    /// A message that is not in the conversation, or that has changed since.
    Other(JsonText),
}

impl Message {
    /// Creates a message that no agent wrote, that replies to none, and whose status callbacks report.
    pub(in crate::simulator) fn new(
        msg_id: impl Into<WireId>,
        timestamp: i64,
        sender_type: impl Into<Cow<'static, str>>,
        status: &'static str,
        content: &impl Serialize,
    ) -> Self {
        Self {
            msg_id: msg_id.into(),
            seat_id: Arc::default(),
            timestamp,
            sender_type: sender_type.into(),
            status: status.into(),
            content: JsonText::of(content),
            reply: None,
            way: None,
        }
    }

    /// Returns the whole message, as another one quotes it.
    pub(in crate::simulator) fn quoted(&self) -> Value {
        json!({
            "msg_id": self.msg_id,
            "sender_type": self.sender_type,
            "timestamp": self.timestamp,
            "content": self.content.value(),
        })
    }

    /// Returns when it was written.
    pub(in crate::simulator) fn at(&self) -> Timestamp {
        Timestamp::from_second(self.timestamp).unwrap_or_default()
    }

    /// Returns its status at a moment.
    pub(super) fn status_at(&self, now: Timestamp) -> &str {
        let Some(way) = self.way else { return &self.status };
        let since = now.as_millisecond().saturating_sub(self.timestamp.saturating_mul(1_000));
        if since >= way.read.into() {
            MessageStatus::Read.as_str()
        } else if since >= way.delivered.into() {
            MessageStatus::Delivery.as_str()
        } else {
            &self.status
        }
    }

    /// Whether it is a template message.
    pub(in crate::simulator) fn is_template(&self) -> bool {
        // Few messages are templates, and the text of one nearly always begins with the word.
        let text = self.content.text();
        text.contains("\"template\"") && self.content.value()["type"] == "template"
    }
}

/// The messages of a conversation, oldest first. Derefs to a slice.
#[derive(Clone, Debug, Default)]
pub(in crate::simulator) struct Messages {
    list: Vec<Message>,
    /// The first messages by id: as many as there were at the last look-up. Empty as long as there are few.
    by_id: BTreeMap<WireId, usize>,
}

impl Messages {
    /// Adds a message, or replaces the one with the same id.
    pub(in crate::simulator) fn put(&mut self, message: Message) {
        match self.find(&message.msg_id) {
            Some(place) => {
                self.keep_quotes(place);
                self.list[place] = message;
            }
            None => {
                self.add(message);
            }
        }
    }

    /// Adds a message whose id was just drawn. Returns its place, which never changes.
    pub(in crate::simulator) fn add(&mut self, message: Message) -> usize {
        let place = self.list.len();
        // Most conversations stay short.
        if place == self.list.capacity() {
            self.list.reserve_exact(1 + place / 2);
        }
        self.list.push(message);
        place
    }

    fn find(&mut self, msg_id: &WireId) -> Option<usize> {
        if self.list.len() <= FEW {
            return self.list.iter().position(|message| message.msg_id == *msg_id);
        }
        let new = self.by_id.len()..self.list.len();
        self.by_id.extend(new.map(|at| (self.list[at].msg_id.clone(), at)));
        self.by_id.get(msg_id).copied()
    }

    /// Returns a reference to the message with this id, for a reply to it.
    pub(in crate::simulator) fn place(&mut self, msg_id: &WireId) -> Option<Reply> {
        self.find(msg_id).and_then(|place| u32::try_from(place).ok()).map(Reply::Whole)
    }

    /// Returns a reference to the last message, for a reply to it.
    pub(in crate::simulator) fn last_place(&self) -> Option<Reply> {
        self.list.len().checked_sub(1).and_then(|place| u32::try_from(place).ok()).map(Reply::Whole)
    }

    /// Returns a message with the one it replies to, as callbacks carry it.
    pub(in crate::simulator) fn whole(&self, message: &Message) -> Given<wire::Message> {
        let mut whole = message.quoted();
        if let Some(reply) = &message.reply {
            whole["reply"] = self.answered(reply);
        }
        Given::new(whole)
    }

    /// Returns the position of the message with this id.
    pub(in crate::simulator) fn position(&mut self, msg_id: &str) -> Option<usize> {
        self.find(&msg_id.into())
    }

    /// Returns what a message replies to in its smallest form.
    pub(in crate::simulator) fn reply(&mut self, quoted: &Value) -> Reply {
        let place = quoted["msg_id"].as_str().and_then(|msg_id| self.position(msg_id));
        let quoted = JsonText::of(quoted);
        let is_it = |place: &usize| JsonText::of(&self.list[*place].quoted()) == quoted;
        match place.filter(is_it).and_then(|place| u32::try_from(place).ok()) {
            Some(place) => Reply::Whole(place),
            None => Reply::Other(quoted),
        }
    }

    /// Returns what a message replies to in full.
    pub(in crate::simulator) fn answered(&self, reply: &Reply) -> Value {
        match reply {
            Reply::Whole(place) => self.list.get(*place as usize).map(Message::quoted).unwrap_or_default(),
            Reply::Other(quoted) => quoted.value(),
        }
    }

    /// Keeps the old version of a message that is about to change for the messages that quote it.
    fn keep_quotes(&mut self, place: usize) {
        let before = self.list[place].quoted();
        for message in &mut self.list {
            if matches!(message.reply, Some(Reply::Whole(quoted)) if quoted as usize == place) {
                message.reply = Some(Reply::Other(JsonText::of(&before)));
            }
        }
    }

    /// Marks the delivered messages as read by the user.
    pub(in crate::simulator) fn read_by_user(&mut self) {
        for message in self.list.iter_mut().rev() {
            match (&*message.sender_type, &*message.status) {
                ("user", _) => break,
                ("robot", "delivery") if !message.is_template() => message.status = "read".into(),
                _ => {}
            }
        }
    }

    /// Sets the status of the message with this id, if there is one.
    pub(in crate::simulator) fn set_status(&mut self, msg_id: &WireId, status: &str) {
        if let Some(place) = self.find(msg_id) {
            let message = &mut self.list[place];
            (message.status, message.way) = (word(status), None);
        }
    }

    /// Returns a page of the list for *Query message list* (example): newest first, the messages before a place.
    pub(in crate::simulator) fn page(
        &self,
        before: usize,
        size: usize,
        now: Timestamp,
    ) -> Vec<ListedMessage> {
        let listed = |message: &Message| ListedMessage {
            msg_id: message.msg_id.to_string(),
            seat_id: message.seat_id.to_string(),
            timestamp: message.timestamp,
            sender_type: Given::new(message.sender_type.as_ref().into()),
            status: Given::new(message.status_at(now).into()),
            content: Given::new(message.content.clone()),
            reply: message.reply.as_ref().map(|reply| Given::new(self.listed_reply(reply))),
        };
        self.list[..before].iter().rev().take(size).map(listed).collect()
    }

    /// Returns what a message replies to, in the shape of the list. Nearly always the content is a table without an id of its
    /// own, whose text is copied: parsing and writing it again would take longer than the rest of the list.
    fn listed_reply(&self, reply: &Reply) -> JsonText {
        let plain = match reply {
            Reply::Whole(place) => self.list.get(*place as usize).and_then(|message| {
                let fields = message.content.text().strip_prefix('{').filter(|fields| *fields != "}")?;
                let msg_id = JsonText::of(&message.msg_id);
                let text = || format!("{{\"msg_id\":{},{fields}", msg_id.text());
                (!fields.contains("\"msg_id\"")).then(text).and_then(JsonText::from_text)
            }),
            Reply::Other(_) => None,
        };
        plain.unwrap_or_else(|| JsonText::of(&listed_reply(self.answered(reply))))
    }
}

/// Returns what a message replies to, in the shape of the list: the content is beside the message's id, not in a field.
fn listed_reply(reply: Value) -> Value {
    let Some(content) = reply.get("content").and_then(Value::as_object) else { return reply };
    let mut listed = Map::new();
    listed.insert("msg_id".to_owned(), reply.get("msg_id").cloned().unwrap_or_default());
    listed.extend(content.iter().map(|(key, value)| (key.clone(), value.clone())));
    Value::Object(listed)
}

impl Deref for Messages {
    type Target = [Message];

    fn deref(&self) -> &[Message] {
        &self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(msg_id: &str, content: &Value) -> Message {
        Message::new(msg_id, 7, "user", "delivery", content)
    }

    #[test]
    fn a_message_gets_on_by_itself() {
        let mut list = Messages::default();
        let way = Some(Way { delivered: 1_200, read: 3_000 });
        list.put(Message { status: "send".into(), way, ..message("1", &json!({})) });
        let status = |list: &Messages, millis: i64| {
            let now = Timestamp::from_millisecond(7_000 + millis).unwrap();
            list.page(1, 1, now)[0].status.value().as_str().unwrap().to_owned()
        };
        assert_eq!(
            [-1, 1_199, 1_200, 2_999, 3_000].map(|millis| status(&list, millis)),
            ["send", "send", "delivery", "delivery", "read"]
        );
        list.set_status(&"1".into(), "failed");
        assert_eq!(status(&list, 5_000), "failed");
    }

    #[test]
    fn what_is_answered_is_listed_alike_however_it_is_kept() {
        for content in [
            json!({ "type": "text", "text": "hi" }),
            json!({ "msg_id": "its own", "type": "text" }),
            json!({ "type": "text", "text": "a \"msg_id\"" }),
            json!({}),
            json!("no object"),
        ] {
            let mut list = Messages::default();
            list.put(message("1", &content));
            let quoted = list[0].quoted();
            let reply = Some(list.reply(&quoted));
            list.put(Message { reply, ..message("2", &json!({ "type": "text" })) });
            assert!(matches!(list[1].reply, Some(Reply::Whole(0))));
            let page = list.page(2, 1, Timestamp::UNIX_EPOCH);
            let reply = page[0].reply.clone().unwrap();
            assert_eq!(reply.into_value().text(), listed_reply(quoted.clone()).to_string());
            // A quote stays the same when the quoted message is replaced.
            list.put(message("1", &json!({ "type": "text", "text": "other" })));
            assert_eq!(list.answered(list[1].reply.as_ref().unwrap()), quoted);
        }
    }

    #[test]
    fn many_messages_are_found_like_few() {
        let mut list = Messages::default();
        for number in 0..50_usize {
            list.put(message(&format!("m{number}"), &json!({})));
            assert_eq!((list.position("m0"), list.position(&format!("m{number}"))), (Some(0), Some(number)));
            assert_eq!(list.position("m50"), None);
        }
        list.put(message("m20", &json!({ "type": "text" })));
        assert_eq!((list.len(), list[20].content.value()), (50, json!({ "type": "text" })));
    }
}

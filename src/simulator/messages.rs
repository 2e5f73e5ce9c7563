//! What was said in a conversation, in order, and found by id without a search.

use std::collections::HashMap;
use std::ops::Deref;

use serde_json::Value;

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    /// Its id.
    pub msg_id: String,
    /// The agent who wrote it; empty if nobody did.
    pub seat_id: String,
    /// Unix seconds.
    pub timestamp: i64,
    /// `user`, `robot`, `seat`, ...
    pub sender_type: String,
    /// `send`, `delivery`, `read`, or a failure.
    pub status: String,
    /// The content object as it was sent.
    pub content: Value,
    /// What it answers to, if it is an answer.
    pub reply: Option<Value>,
}

/// The messages of a conversation, oldest first. Reads like a slice.
#[derive(Debug, Default)]
pub(super) struct Messages {
    list: Vec<Message>,
    by_id: HashMap<String, usize>,
}

impl Messages {
    /// Adds a message, or puts it in the place of the one with the same id.
    pub(super) fn put(&mut self, message: Message) {
        match self.by_id.get(&message.msg_id) {
            Some(place) => self.list[*place] = message,
            None => {
                self.by_id.insert(message.msg_id.clone(), self.list.len());
                self.list.push(message);
            }
        }
    }

    /// Where the message with this id stands.
    pub(super) fn position(&self, msg_id: &str) -> Option<usize> {
        self.by_id.get(msg_id).copied()
    }

    /// The user has read what was delivered before.
    pub(super) fn read_by_user(&mut self) {
        for message in self.list.iter_mut().rev() {
            match (&*message.sender_type, &*message.status) {
                ("user", _) => break,
                ("robot", "delivery") if message.content["type"] != "template" => {
                    "read".clone_into(&mut message.status);
                }
                _ => {}
            }
        }
    }

    /// Sets the status of a message, if there is one with this id.
    pub(super) fn set_status(&mut self, msg_id: &str, status: &str) {
        if let Some(place) = self.position(msg_id) {
            status.clone_into(&mut self.list[place].status);
        }
    }
}

impl Deref for Messages {
    type Target = [Message];

    fn deref(&self) -> &[Message] {
        &self.list
    }
}

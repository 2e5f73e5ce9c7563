//! A sample customer-care agent: accepts conversations, reads, answers, and ends them.
//!
//! The callbacks it reacts to besides `session.transfer`, and the bodies of all its requests, are assumed about the vendor,
//! like the entries of the catalog they belong to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::lines::{self, Language};

/// Time until the agent accepts or refuses. Counted from the callback, like all of these.
const RESULT: Duration = Duration::from_millis(1_200);
/// Time until the first words of the agent.
const GREETING: Duration = Duration::from_millis(3_700);
/// Time until a message is read.
const READ: Duration = Duration::from_secs(1);
/// Time until it is answered.
const ANSWER: Duration = Duration::from_secs(3);
/// Time until the conversation is ended, if that was the last answer.
const END: Duration = Duration::from_secs(5);

/// The agents, by seat id and name.
const SEATS: [(&str, &str); 4] = [("1001", "Sari"), ("1002", "Miguel"), ("1003", "Priya"), ("1004", "Ana")];

/// Number of a user's messages that are answered before the agent ends the conversation.
const EXCHANGES: u32 = 3;

/// A request that the agent wants to make.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// Delay after the callback that caused it, on the story's clock.
    pub after: Duration,
    /// The catalog id of the request.
    pub endpoint: &'static str,
    /// Its body (assumed).
    pub body: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Helpful,
    Refusing,
    Silent,
}

/// The agent. What it does in a conversation depends on the callbacks of that conversation alone, so that equal
/// conversations run equally whatever other conversations run beside them.
#[derive(Clone, Debug)]
pub struct SampleAgent {
    manner: Manner,
    exchanges: u32,
    conversations: BTreeMap<Place, Vec<Conversation>>,
}

/// The place of a conversation, which every callback names: channel id and user id.
type Place = (String, String);

#[derive(Clone, Debug)]
struct Conversation {
    /// Empty until a callback names it.
    call_id: String,
    channel: String,
    channel_id: String,
    user_id: String,
    seat_id: String,
    seat_name: String,
    language: Option<Language>,
    /// Whether the agent takes part in it: it has neither refused nor ended it.
    held: bool,
    exchanges: u32,
    /// Picks the agent and the lines.
    draw: Draw,
    /// The ids of the messages read, to notice a repeated callback.
    read: BTreeSet<String>,
}

/// Numbers that look random but are the same for the same conversation.
#[derive(Clone, Copy, Debug)]
struct Draw {
    seat: usize,
    greeting: usize,
    /// Incremented with every answer.
    line: usize,
}

impl Draw {
    fn of(channel_id: &str, user_id: &str, call_id: &str) -> Self {
        let digest = Sha256::digest(format!("{channel_id}\n{user_id}\n{call_id}"));
        let [seat, greeting, line] = [0, 1, 2].map(|at| usize::from(digest[at]));
        Self { seat, greeting, line }
    }
}

impl Default for SampleAgent {
    fn default() -> Self {
        Self::new()
    }
}

impl SampleAgent {
    /// Creates an agent that accepts every conversation, answers three messages and then ends it.
    pub fn new() -> Self {
        Self::of(Manner::Helpful)
    }

    /// Creates an agent that refuses every conversation.
    pub fn refusing() -> Self {
        Self::of(Manner::Refusing)
    }

    /// Creates an agent that makes no requests.
    pub fn silent() -> Self {
        Self::of(Manner::Silent)
    }

    fn of(manner: Manner) -> Self {
        Self { manner, exchanges: EXCHANGES, conversations: BTreeMap::new() }
    }

    /// Returns the agent's reaction to a callback. `event` is the catalog id. Bodies of any shape are accepted; missing
    /// fields count as empty. A repeated callback causes nothing again.
    pub fn react(&mut self, event: &str, body: &Value) -> Vec<Action> {
        if self.manner == Manner::Silent {
            return Vec::new();
        }
        match event {
            "session.transfer" | "agent.transfer" => self.transfer(body),
            "agent.message" => self.message(body),
            "session.end" => {
                self.forget(body);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn transfer(&mut self, body: &Value) -> Vec<Action> {
        if self.find(body).is_some() {
            return Vec::new();
        }
        let refused = self.manner == Manner::Refusing;
        let conversation = self.take(body, !refused);
        if refused {
            return vec![conversation.transfer_result("refused")];
        }
        let language = conversation.language.unwrap_or_default();
        let text = language.greeting(conversation.draw.greeting, &conversation.seat_name);
        vec![conversation.transfer_result("accepted"), conversation.say(GREETING, &text)]
    }

    fn message(&mut self, body: &Value) -> Vec<Action> {
        if self.manner == Manner::Refusing {
            return Vec::new();
        }
        let exchanges = self.exchanges;
        if self.find(body).is_none() {
            self.take(body, true);
        }
        let Some(conversation) = self.find(body).filter(|conversation| conversation.held) else {
            return Vec::new();
        };
        let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ids: Vec<&str> = messages.iter().map(|message| text(&message["msg_id"])).collect();
        if ids.iter().any(|id| !id.is_empty()) && ids.iter().all(|id| conversation.read.contains(*id)) {
            return Vec::new();
        }
        conversation.read.extend(ids.iter().map(|id| (*id).to_owned()));
        conversation.exchanges += 1;
        let line = conversation.draw.line;
        conversation.draw.line += 1;
        let words: Vec<&str> = messages.iter().map(words_of).collect();
        let words = words.join("\n");
        conversation.language = conversation.language.or_else(|| Language::of_text(&words));
        let language = conversation.language.unwrap_or_default();
        let last = conversation.exchanges >= exchanges || lines::is_farewell(&words);
        let mut actions = vec![conversation.mark_read(&ids)];
        if last {
            conversation.held = false;
            actions.push(conversation.say(ANSWER, &language.closing(line)));
            actions.push(conversation.end());
        } else {
            actions.push(conversation.say(ANSWER, &language.answer(line)));
        }
        actions
    }

    /// Finds the conversation of a callback by its call id, or, while either of them has none, by its place. The
    /// conversation takes over the call id if it had none.
    fn find(&mut self, body: &Value) -> Option<&mut Conversation> {
        let call_id = call_id(body);
        let here = self.conversations.get_mut(&place(body))?;
        let at = here
            .iter()
            .position(|known| !call_id.is_empty() && known.call_id == call_id)
            .or_else(|| here.iter().position(|known| call_id.is_empty() || known.call_id.is_empty()))?;
        let found = &mut here[at];
        if found.call_id.is_empty() {
            call_id.clone_into(&mut found.call_id);
        }
        Some(found)
    }

    fn take(&mut self, body: &Value, held: bool) -> &mut Conversation {
        let (channel_id, user_id) = place(body);
        let draw = Draw::of(&channel_id, &user_id, call_id(body));
        let (seat_id, seat_name) = SEATS[draw.seat % SEATS.len()];
        // In a conversation that began elsewhere, the callback names the seat.
        let seat_id = [text(&body["seat_id"]), seat_id].into_iter().find(|seat| !seat.is_empty());
        let company = [&body["transfer"]["company"], &body["company"]].map(text);
        let by_company = company.into_iter().find_map(Language::of_company);
        let conversation = Conversation {
            call_id: call_id(body).to_owned(),
            channel: text(&body["channel"]).to_owned(),
            language: by_company.or_else(|| Language::of_number(&user_id)),
            channel_id: channel_id.clone(),
            user_id: user_id.clone(),
            seat_id: seat_id.unwrap_or_default().to_owned(),
            seat_name: seat_name.to_owned(),
            held,
            exchanges: 0,
            draw,
            read: BTreeSet::new(),
        };
        let here = self.conversations.entry((channel_id, user_id)).or_default();
        here.push(conversation);
        here.last_mut().expect("one was just added")
    }

    fn forget(&mut self, body: &Value) {
        let (place, call_id) = (place(body), call_id(body));
        if let Some(here) = self.conversations.get_mut(&place) {
            here.retain(|known| !call_id.is_empty() && !known.call_id.is_empty() && known.call_id != call_id);
            if here.is_empty() {
                self.conversations.remove(&place);
            }
        }
    }
}

impl Conversation {
    /// `chatbot.agent_transfer_result`. Body assumed.
    fn transfer_result(&self, result: &str) -> Action {
        let accepted = result == "accepted";
        let mut body = json!({
            "call_id": self.call_id,
            "channel": self.channel,
            "channel_id": self.channel_id,
            "user": { "id": self.user_id },
            "result": result,
        });
        if accepted {
            body["seat_id"] = self.seat_id.as_str().into();
            body["seat_name"] = self.seat_name.as_str().into();
        }
        Action { after: RESULT, endpoint: "chatbot.agent_transfer_result", body }
    }

    /// `chatbot.send_message`. Body assumed; the message is a content object of the vendor's examples.
    fn say(&self, after: Duration, text: &str) -> Action {
        let body = json!({
            "call_id": self.call_id,
            "channel": self.channel,
            "channel_id": self.channel_id,
            "user": { "id": self.user_id },
            "seat_id": self.seat_id,
            "messages": [{ "type": "text", "text": text }],
        });
        Action { after, endpoint: "chatbot.send_message", body }
    }

    /// `chatbot.mark_read`. Body assumed.
    fn mark_read(&self, ids: &[&str]) -> Action {
        let ids: Vec<&str> = ids.iter().copied().filter(|id| !id.is_empty()).collect();
        let body = json!({ "call_id": self.call_id, "msg_ids": ids });
        Action { after: READ, endpoint: "chatbot.mark_read", body }
    }

    /// `chatbot.end_session`. Body assumed.
    fn end(&self) -> Action {
        let body = json!({ "call_id": self.call_id, "reason": "seat" });
        Action { after: END, endpoint: "chatbot.end_session", body }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn place(body: &Value) -> Place {
    (text(&body["channel_id"]).to_owned(), text(&body["user"]["id"]).to_owned())
}

/// Transfers have the call id inside `transfer`, all other callbacks at the top.
fn call_id(body: &Value) -> &str {
    [&body["call_id"], &body["transfer"]["call_id"]]
        .map(text)
        .into_iter()
        .find(|id| !id.is_empty())
        .unwrap_or_default()
}

/// The text that a user wrote, or the button that the user pressed.
fn words_of(message: &Value) -> &str {
    let content = &message["content"];
    let interactive = &content["interactive"];
    [&content["text"], &interactive["list_reply"]["title"], &interactive["button_reply"]["title"]]
        .into_iter()
        .find_map(Value::as_str)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;

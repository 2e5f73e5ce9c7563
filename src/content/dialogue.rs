//! Chats as graphs of turns.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::seed::Rng;

/// The speaker of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The robot.
    Bot,
    /// The customer.
    User,
    /// A human agent.
    Agent,
}

impl fmt::Display for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bot => "bot",
            Self::User => "user",
            Self::Agent => "agent",
        })
    }
}

/// A graph of turns.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dialogue {
    /// Its subject, in English: for readers of the file.
    #[serde(rename = "title")]
    _title: String,
    start: String,
    turns: BTreeMap<String, Node>,
}

/// A turn of the graph.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Node {
    speaker: Speaker,
    phrase: String,
    /// A phrase that is said right after it, in the same turn.
    then: Option<String>,
    /// What the customer wants from here on.
    intention: Option<String>,
    /// The turns that may follow, with their weights. Empty if the conversation is over.
    #[serde(default)]
    next: BTreeMap<String, u32>,
    /// In a chat: how options are offered.
    ask: Option<Ask>,
    /// The turns that are offered as options, each with the phrase of its label.
    #[serde(default)]
    options: BTreeMap<String, String>,
}

/// How a question offers its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ask {
    /// With buttons.
    Button,
    /// With a list that unfolds.
    List,
}

/// All graphs, each under its name.
fn chats() -> &'static BTreeMap<String, Dialogue> {
    static CHATS: LazyLock<BTreeMap<String, Dialogue>> = LazyLock::new(|| {
        toml::from_str(include_str!("files/chats.toml")).unwrap_or_else(|error| panic!("chats.toml: {error}"))
    });
    &CHATS
}

impl Dialogue {
    /// Returns the chat with a name.
    pub(crate) fn chat(name: &str) -> Option<&'static Self> {
        chats().get(name)
    }

    /// Returns the first turn.
    pub(crate) fn start(&'static self) -> &'static str {
        &self.start
    }

    /// Returns the names of the turns.
    pub(crate) fn turns(&self) -> impl Iterator<Item = &str> {
        self.turns.keys().map(String::as_str)
    }

    /// Whether there is a turn with this name.
    pub(crate) fn has(&self, turn: &str) -> bool {
        self.turns.contains_key(turn)
    }

    /// Returns the name of a turn as the graph holds it, if it has one.
    pub(crate) fn turn(&'static self, name: &str) -> Option<&'static str> {
        self.turns.get_key_value(name).map(|(name, _)| name.as_str())
    }

    /// Returns the speaker of a turn.
    pub(crate) fn speaker(&self, turn: &str) -> Option<Speaker> {
        self.turns.get(turn).map(|node| node.speaker)
    }

    /// Returns the phrase of a turn.
    pub(crate) fn phrase(&'static self, turn: &str) -> Option<&'static str> {
        self.turns.get(turn).map(|node| node.phrase.as_str())
    }

    /// Returns the phrase that follows in the same turn.
    pub(crate) fn then(&'static self, turn: &str) -> Option<&'static str> {
        self.turns.get(turn)?.then.as_deref()
    }

    /// Returns what the customer wants from a turn on, if the turn says it.
    pub(crate) fn intention(&'static self, turn: &str) -> Option<&'static str> {
        self.turns.get(turn)?.intention.as_deref()
    }

    /// Returns the options that a turn offers: the turns they lead to, in the order of the options, each with the phrase of
    /// its label.
    pub(crate) fn options(&'static self, turn: &str) -> Option<(Ask, &'static BTreeMap<String, String>)> {
        let node = self.turns.get(turn)?;
        node.ask.map(|ask| (ask, &node.options))
    }

    /// Whether the conversation ends with a turn.
    pub(crate) fn is_last(&self, turn: &str) -> bool {
        self.turns.get(turn).is_none_or(|node| node.next.is_empty())
    }

    /// Returns the agent's turn that follows a turn, if there is one.
    pub(crate) fn after_agent(&'static self, turn: &str) -> Option<&'static str> {
        let next = self.turns.get(turn)?.next.keys();
        next.map(String::as_str).find(|turn| self.speaker(turn) == Some(Speaker::Agent))
    }

    /// Draws a turn that follows another; `None` at the end of the graph.
    pub(crate) fn after(&'static self, turn: &str, rng: &mut Rng) -> Option<&'static str> {
        self.turns.get(turn)?.draw_next(rng).map(String::as_str)
    }
}

impl Node {
    fn draw_next(&self, rng: &mut Rng) -> Option<&String> {
        let total: u32 = self.next.values().sum();
        if total == 0 {
            return None;
        }
        let mut drawn = rng.random_range(0..total);
        for (name, weight) in &self.next {
            if drawn < *weight {
                return Some(name);
            }
            drawn -= weight;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::content::asks::TOPICS;
    use crate::content::phrases;

    #[test]
    fn graphs_are_whole() {
        for (name, dialogue) in chats() {
            let mut reached = BTreeSet::new();
            let mut todo = vec![dialogue.start.as_str()];
            while let Some(turn) = todo.pop() {
                let node = dialogue.turns.get(turn).unwrap_or_else(|| panic!("{name}: no turn {turn}"));
                for phrase in [Some(&node.phrase), node.then.as_ref()].into_iter().flatten() {
                    assert!(phrases::find_key(phrase).is_ok(), "{name}: {phrase}");
                }
                assert!(node.next.values().all(|weight| *weight > 0), "{name}: {turn}");
                assert_eq!(node.ask.is_some(), !node.options.is_empty(), "{name}: {turn}");
                // WhatsApp's own public limit.
                assert!(node.ask != Some(Ask::Button) || node.options.len() <= 3, "{name}: {turn}");
                for (option, label) in &node.options {
                    assert!(node.next.contains_key(option), "{name}: {turn} does not lead to {option}");
                    assert!(phrases::find_key(label).is_ok(), "{name}: {label}");
                    assert_eq!(dialogue.speaker(option), Some(Speaker::User), "{name}: {option}");
                }
                let intention = node.intention.as_deref().unwrap_or("A");
                assert!(intention == "--" || ("A"..="I").contains(&intention) && intention.len() == 1);
                if reached.insert(turn) {
                    todo.extend(node.next.keys().map(String::as_str));
                }
            }
            assert_eq!(reached.len(), dialogue.turns.len(), "{name}: some turns are never reached");
        }
    }

    #[test]
    fn chats_have_the_turns_that_tests_ask_for() {
        for (name, chat) in chats().iter().filter(|(name, _)| !matches!(name.as_str(), "refused" | "other")) {
            assert_eq!(chat.speaker(&chat.start), Some(Speaker::Bot), "{name}");
            for turn in ["person", "media", "stop"] {
                assert_eq!(chat.speaker(turn), Some(Speaker::User), "{name}: {turn}");
            }
        }
    }

    #[test]
    fn the_bot_has_a_turn_for_every_topic_and_none_is_the_last() {
        let bot = &chats()["bot"];
        for topic in TOPICS.into_iter().chain(["unclear", "media"]) {
            assert_eq!(bot.speaker(topic), Some(Speaker::User), "{topic}");
        }
        assert!(bot.turns.values().all(|node| !node.next.is_empty()));
    }
}

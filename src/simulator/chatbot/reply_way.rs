//! The path of a user after a template message, drawn at once: along the template's graph, as conversations go that are
//! played turn by turn. The chats of workflows are drawn like this, and those of callbacks that are sent by hand.

use rand::RngExt;

use super::Chosen;
use super::first_reply::FirstReply;
use super::outcome_plan::{Reply, outcome_plan};
use super::script::Script;
use crate::content::dialogue::{Dialogue, Speaker};
use crate::content::facts::Facts;
use crate::content::phrases;
use crate::contract::bodies::message::Content;
use crate::seed::Rng;
use crate::simulator::outcome::ChatOutcome;

/// Maximum number of turns.
const LONGEST: usize = 14;

/// Maximum number of paths that are drawn to find one that leads to the requested intention.
const TRIES: usize = 200;

/// The path of a user through the graph of a template, from the first reply on.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct ReplyWay {
    dialogue: &'static Dialogue,
    first: FirstReply,
    /// The turns of user and bot.
    turns: Vec<&'static str>,
    /// Whether the user asks for an agent afterwards.
    pub(in crate::simulator) asks_for_agent: bool,
    /// Whether the user falls silent before the conversation has ended.
    pub(in crate::simulator) is_silent: bool,
    /// The user's intention, if it becomes clear: `A` to `I`.
    pub(in crate::simulator) intention: Option<u8>,
}

impl ReplyWay {
    /// Draws the path of a user with this reaction (words, if there is none), if possible one that leads to an intention.
    pub(in crate::simulator) fn draw(
        chosen: &Chosen,
        outcome: Option<ChatOutcome>,
        intention: Option<u8>,
        rng: &mut Rng,
    ) -> Option<Self> {
        let plan = outcome_plan(Some(outcome.unwrap_or(ChatOutcome::Text)), rng);
        // A user whose reply is forced elsewhere may have a number that never replies.
        let reply = plan.reply.unwrap_or(Reply::Text);
        let is_words = reply == Reply::Text;
        let reply = match intention {
            Some(b'E') if is_words => Reply::Agent,
            Some(b'H') if is_words => Reply::Stop,
            _ => reply,
        };
        let fits = |way: &Self| {
            // Who only writes gets along without an agent, unless it is an agent that is wanted.
            let needs_agent = is_words && way.asks_for_agent && intention != Some(b'E');
            !needs_agent && intention.is_none_or(|wanted| way.intention == Some(wanted))
        };
        let mut draw = |dialogue| {
            let first = FirstReply::draw(chosen, dialogue, reply, rng);
            Self::of(dialogue, first, plan.is_once, rng)
        };
        let mut find = |dialogue| (0..TRIES).map(|_| draw(dialogue)).find(fits);
        let own = Dialogue::chat(chosen.template.dialogue.as_str())?;
        let other = Dialogue::chat("other").filter(|_| is_words);
        let found = find(own).or_else(|| find(other?));
        Some(found.unwrap_or_else(|| draw(own)))
    }

    fn of(dialogue: &'static Dialogue, first: FirstReply, is_once: bool, rng: &mut Rng) -> Self {
        let mut way = Self {
            dialogue,
            turns: vec![first.turn],
            first,
            asks_for_agent: false,
            is_silent: is_once,
            intention: None,
        };
        let mut turn = way.first.turn;
        while way.turns.len() < LONGEST
            && let Some(next) = dialogue.after(turn, rng)
        {
            match dialogue.speaker(next) {
                Some(Speaker::Agent) => {
                    way.asks_for_agent = !is_once;
                    break;
                }
                Some(Speaker::User) if is_once => break,
                // The bot waits for a user who has fallen silent, and does not say goodbye.
                _ if is_once && dialogue.is_last(next) => break,
                _ => way.turns.push(next),
            }
            turn = next;
        }
        let known = way.turns.iter().rev().find_map(|turn| dialogue.intention(turn));
        way.intention = known.and_then(|letter| letter.bytes().next()).filter(u8::is_ascii_uppercase);
        way
    }

    /// Whether the user begins with a picture.
    pub(in crate::simulator) fn is_picture(&self) -> bool {
        self.first.is_picture
    }

    /// Whether the user opts out of messages.
    pub(in crate::simulator) fn opts_out(&self) -> bool {
        self.first.turn == "stop"
    }

    /// Returns what is said in each turn, and whether the user says it; the bot says the rest. `picture` is the URL of the
    /// picture that the user may begin with.
    pub(in crate::simulator) fn said(
        &self,
        rng: &mut Rng,
        locale: &str,
        facts: &Facts,
        picture: &str,
    ) -> Vec<(bool, Content)> {
        let mut words = |phrase: &str| phrases::phrase_with(rng, phrase, locale, facts).unwrap_or_default();
        let gap = if locale == "zh-CN" { "" } else { " " };
        let mut said = Vec::with_capacity(self.turns.len());
        for turn in &self.turns {
            let mut text = words(self.dialogue.phrase(turn).unwrap_or_default());
            if let Some(then) = self.dialogue.then(turn) {
                text = format!("{text}{gap}{}", words(then));
            }
            let content = if said.is_empty() {
                self.first.content(|| picture.to_owned(), || text)
            } else {
                Content::Text { text }
            };
            said.push((self.dialogue.speaker(turn) == Some(Speaker::User), content));
        }
        said
    }

    /// Returns the state of the conversation after it: an agent who takes it is answered from there on.
    pub(in crate::simulator) fn script(&self, rng: &mut Rng) -> Script {
        let mut script = Script::new(self.dialogue, rng.random_range(11..=16));
        for turn in &self.turns {
            script.take(turn);
        }
        if self.is_silent {
            script.fall_silent();
        }
        script
    }
}

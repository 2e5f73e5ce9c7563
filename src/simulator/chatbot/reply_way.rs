//! The path of a user after a template message of a workflow, if a test asks for more than words: along the template's graph,
//! as after every other template message.

use rand::RngExt;

use super::Chosen;
use super::first_reply::FirstReply;
use super::outcome_plan::outcome_plan;
use super::script::Script;
use crate::content::dialogue::{Dialogue, Speaker};
use crate::contract::bodies::message::Content;
use crate::seed::Rng;
use crate::simulator::outcome::ChatOutcome;

/// Maximum number of turns.
const LONGEST: usize = 14;

/// Maximum number of paths that are drawn to find one that leads to the requested intention.
const TRIES: usize = 40;

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
    /// Draws the path of a user with this reaction, if possible one that leads to an intention. `None` if words are enough.
    pub(in crate::simulator) fn draw(
        chosen: &Chosen,
        outcome: ChatOutcome,
        intention: Option<u8>,
        rng: &mut Rng,
    ) -> Option<Self> {
        let plan = outcome_plan(Some(outcome), rng);
        let reply = plan.reply.filter(|_| !matches!(outcome, ChatOutcome::Text | ChatOutcome::Late))?;
        let dialogue = Dialogue::chat(chosen.template.dialogue.as_str())?;
        let mut draw = || {
            let first = FirstReply::draw(chosen, dialogue, reply, rng);
            Self::of(dialogue, first, plan.is_once, rng)
        };
        let mut way = draw();
        for _ in 0..TRIES {
            if intention.is_none_or(|wanted| way.intention == Some(wanted)) {
                break;
            }
            way = draw();
        }
        Some(way)
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

    /// Returns the speaker and the phrases of each turn.
    pub(in crate::simulator) fn turns(
        &self,
    ) -> impl Iterator<Item = (Speaker, &'static str, Option<&'static str>)> + '_ {
        self.turns.iter().filter_map(|turn| {
            Some((self.dialogue.speaker(turn)?, self.dialogue.phrase(turn)?, self.dialogue.then(turn)))
        })
    }

    /// Returns the first content of the user: the label of a button, a picture, or these words.
    pub(in crate::simulator) fn first(&self, picture: &str, words: String) -> Content {
        self.first.content(|| picture.to_owned(), || words)
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

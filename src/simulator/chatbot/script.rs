//! Where a conversation stands within its graph of turns, if the simulator plays its user and its bot.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::content::dialogue::Dialogue;
use crate::contract::bodies::Fields;

/// How many turns of others are passed over at most to find the user's next one.
pub(super) const MOST_PASSED: usize = 12;

/// Where a conversation stands within its graph.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Script {
    pub(super) dialogue: &'static Dialogue,
    /// The turn taken last.
    pub(super) turn: &'static str,
    /// The turn that comes next.
    pub(super) next: Option<&'static str>,
    /// When the next turn is to be taken, if it is planned.
    pub(super) due: Option<Timestamp>,
    /// How many of an agent's messages the user still answers.
    pub(super) answers: u32,
    /// Whether the user says no more.
    pub(super) is_mute: bool,
    /// Whether somebody outside plays the user.
    pub(super) is_played: bool,
    /// Whether the user has told an agent what it is about.
    pub(super) has_explained: bool,
    /// What the user wants, as far as it has become clear: a letter.
    pub(super) intention: Option<Box<str>>,
    /// What the user wrote while the bot was still about to answer: turns of the user, in order.
    pub(super) waiting: VecDeque<&'static str>,
    /// What the bot says next instead of what the graph has, and whether it passes the conversation on then.
    pub(super) answer: Option<(String, bool)>,
    /// What the bot understood, by the name of the slot.
    pub(super) slots: Fields,
    /// What the bot marked, by the name of the label.
    pub(super) labels: Fields,
}

impl Script {
    /// A conversation at the first turn of its graph, whose user answers so many of an agent's messages.
    pub(super) fn new(dialogue: &'static Dialogue, answers: u32) -> Self {
        Self {
            dialogue,
            turn: dialogue.start(),
            next: None,
            due: None,
            answers,
            is_mute: false,
            is_played: false,
            has_explained: false,
            intention: None,
            waiting: VecDeque::new(),
            answer: None,
            slots: Fields::new(),
            labels: Fields::new(),
        }
    }

    /// Takes a turn of the graph. From then on the user wants what the turn says.
    pub(super) fn take(&mut self, turn: &'static str) {
        self.turn = turn;
        if let Some(intention) = self.dialogue.intention(turn) {
            self.intention = Some(intention.into());
        }
    }

    pub(super) fn fall_silent(&mut self) {
        self.is_mute = true;
    }

    /// Takes a turn that somebody else decided on, if the graph has it.
    pub(super) fn jump(&mut self, turn: &str) {
        if let Some(turn) = self.dialogue.turn(turn) {
            self.take(turn);
        }
    }

    pub(super) fn dialogue(&self) -> &'static Dialogue {
        self.dialogue
    }

    pub(super) fn turn(&self) -> &'static str {
        self.turn
    }

    pub(super) fn phrase(&self) -> &'static str {
        self.dialogue.phrase(self.turn).unwrap_or("greeting")
    }

    /// Whether somebody is about to take the next turn. A turn that a story took over stays in the past.
    pub(super) fn is_awaited(&self, now: Timestamp) -> bool {
        self.due.is_some_and(|due| due >= now)
    }
}

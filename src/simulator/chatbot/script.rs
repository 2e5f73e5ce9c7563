//! The state of a conversation within its graph of turns, if the simulator plays its user and its bot.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::content::dialogue::Dialogue;
use crate::contract::bodies::Fields;

/// Maximum number of turns of others that are skipped to find the user's next one.
pub(super) const MOST_PASSED: usize = 12;

/// The state of a conversation within its graph.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Script {
    pub(super) dialogue: &'static Dialogue,
    /// The last turn.
    pub(super) turn: &'static str,
    /// The next turn.
    pub(super) next: Option<&'static str>,
    /// When the next turn is due, if it is planned.
    pub(super) due: Option<Timestamp>,
    /// Number of the agent's messages that the user still answers.
    pub(super) answers: u32,
    /// Whether the user has fallen silent.
    pub(super) is_mute: bool,
    /// Whether the user is played from outside.
    pub(super) is_played: bool,
    /// Whether the user has told an agent the reason for contact.
    pub(super) has_explained: bool,
    /// The user's intention as a letter, if it has become clear.
    pub(super) intention: Option<Box<str>>,
    /// What the user wrote while the bot was about to answer: turns of the user, in order.
    pub(super) waiting: VecDeque<&'static str>,
    /// The bot's next answer in place of the graph's, and whether the bot transfers the conversation then.
    pub(super) answer: Option<(String, bool)>,
    /// The values that the bot recognized, by slot.
    pub(super) slots: Fields,
    /// The values that the bot set, by label.
    pub(super) labels: Fields,
}

impl Script {
    /// Creates the state at the first turn of a graph, with a user who answers this number of an agent's messages.
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

    /// Takes a turn of the graph. From then on the user has the intention of the turn.
    pub(super) fn take(&mut self, turn: &'static str) {
        self.turn = turn;
        if let Some(intention) = self.dialogue.intention(turn) {
            self.intention = Some(intention.into());
        }
    }

    pub(super) fn fall_silent(&mut self) {
        self.is_mute = true;
    }

    /// Takes a turn decided elsewhere, if the graph has it.
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

    /// Whether the next turn is planned and not overdue. A turn that a story took over stays in the past.
    pub(super) fn is_awaited(&self, now: Timestamp) -> bool {
        self.due.is_some_and(|due| due >= now)
    }
}

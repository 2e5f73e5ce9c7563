//! Where a conversation stands within its graph of turns, if the simulator plays its user and its bot.

use jiff::Timestamp;

use crate::content::dialogue::{Dialogue, Speaker};
use crate::seed::Rng;

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
}

impl Script {
    pub(super) fn new(dialogue: &'static Dialogue, answers: u32) -> Self {
        Self { dialogue, turn: dialogue.start(), next: None, due: None, answers, is_mute: false }
    }

    pub(super) fn fall_silent(&mut self) {
        self.is_mute = true;
    }

    /// Takes a turn that somebody else decided on, if the graph has it.
    pub(super) fn jump(&mut self, turn: &str) {
        if let Some(turn) = self.dialogue.turn(turn) {
            self.turn = turn;
        }
    }

    /// The user wrote something of their own: taken as the user's next turn, or as a new matter at the end of the graph.
    pub(super) fn user_wrote(&mut self, rng: &mut Rng) {
        for _ in 0..2 {
            for _ in 0..MOST_PASSED {
                let Some(next) = self.dialogue.after(self.turn, rng) else { break };
                self.turn = next;
                if self.dialogue.speaker(next) == Some(Speaker::User) {
                    return;
                }
            }
            self.turn = self.dialogue.start();
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

//! The strands of a running story: one for its sequence of steps, and another for each step of a block whose steps are taken at
//! the same time.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::{StoryRun, later};
use crate::delivery::CallbackId;
use crate::scenario::story::{Action, Step};

/// A sequence of steps that are taken one after the other.
#[derive(Clone, Debug)]
pub(super) struct Strand {
    /// The current step.
    pub(super) cursor: usize,
    /// The first step behind its own.
    end: usize,
    /// The current round of that step.
    pub(super) round: u32,
    pub(super) state: State,
    /// The blocks around the cursor, the innermost last.
    pub(super) blocks: Vec<Block>,
    /// The strand that waits for it; for the first one, itself.
    parent: usize,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    /// Not begun.
    Before(Timestamp),
    /// The step under the cursor is due.
    Ready,
    /// The step is due once there is room for its callback.
    ForRoom,
    /// In a pause; afterwards the cursor moves on, or, between repeats, stays.
    Pausing { until: Timestamp, then_next: bool },
    /// Waiting for the end of a callback.
    Delivering(CallbackId),
    /// Waiting for something to happen.
    Awaiting {
        deadline: Timestamp,
        /// The events so far, if several are awaited.
        taken: Vec<Value>,
    },
    /// Waiting for the strands of a block.
    Joining,
    /// All steps are taken.
    Finished,
}

/// A block whose steps are being taken.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// The step that is the block.
    pub(super) step: usize,
    /// The first step behind it.
    end: usize,
    /// The current round of the block.
    round: u32,
}

impl Strand {
    /// Creates the strand of the whole story, which begins at a moment.
    pub(super) fn first(steps: usize, start: Timestamp) -> Self {
        Self { cursor: 0, end: steps, round: 1, state: State::Before(start), blocks: Vec::new(), parent: 0 }
    }

    /// Whether its last step is taken.
    pub(super) fn is_through(&self) -> bool {
        self.cursor >= self.end
    }

    /// Returns when the passing of time alone advances it.
    pub(super) fn next_wakeup(&self) -> Option<Timestamp> {
        match &self.state {
            State::Before(at) | State::Pausing { until: at, .. } | State::Awaiting { deadline: at, .. } => {
                Some(*at)
            }
            State::Ready => Some(Timestamp::MIN),
            State::ForRoom | State::Delivering(_) | State::Joining | State::Finished => None,
        }
    }
}

impl StoryRun {
    /// Returns the current step of a strand.
    pub(super) fn current(&self, at: usize) -> Option<&Step> {
        self.story.steps.get(self.strands[at].cursor)
    }

    /// Returns the steps that are not finished yet, including the current ones.
    pub(super) fn steps_left(&self) -> BTreeSet<usize> {
        let strands = self.strands.iter().filter(|strand| !matches!(strand.state, State::Finished));
        strands
            .flat_map(|strand| {
                // The steps of a parallel block belong to other strands.
                let block = self.story.steps.get(strand.cursor);
                let block = block.filter(|_| matches!(strand.state, State::Joining));
                strand.cursor + block.map_or(0, Step::length)..strand.end
            })
            .collect()
    }

    /// Finishes the step of a strand: repeats it or moves on.
    pub(super) fn next(&mut self, at: usize, now: Timestamp) {
        while !self.stopped {
            let strand = &mut self.strands[at];
            let Some(step) = self.story.steps.get(strand.cursor) else {
                strand.state = State::Finished;
                return;
            };
            if strand.round < step.repeat {
                strand.round += 1;
                strand.state = match step.every {
                    Some(every) => State::Pausing {
                        until: later(now, self.helpers.draw(|rng| every.draw(rng))),
                        then_next: false,
                    },
                    None => State::Ready,
                };
                return;
            }
            strand.cursor += step.length();
            strand.round = 1;
            strand.state = State::Ready;
            // The last step also finishes its block: the block is what is repeated or left now.
            match strand.blocks.pop_if(|block| strand.cursor >= block.end) {
                Some(block) => {
                    (strand.cursor, strand.round) = (block.step, block.round);
                    let depth = strand.blocks.len();
                    self.leave_watches(at, depth);
                }
                None => return,
            }
        }
    }

    /// Begins the block that a strand is at.
    pub(super) fn enter(&mut self, at: usize, parallel: bool) {
        let Some(step) = self.current(at) else { return };
        let (first, end) = (self.strands[at].cursor + 1, self.strands[at].cursor + step.length());
        if !parallel {
            let strand = &mut self.strands[at];
            strand.blocks.push(Block { step: strand.cursor, end, round: strand.round });
            (strand.cursor, strand.round) = (first, 1);
            return;
        }
        self.strands[at].state = State::Joining;
        let mut cursor = first;
        while let Some(step) = self.story.steps.get(cursor).filter(|_| cursor < end) {
            let end = cursor + step.length();
            let strand =
                Strand { cursor, end, round: 1, state: State::Ready, blocks: Vec::new(), parent: at };
            // A finished strand is not needed any more.
            let free = self.strands.iter().skip(1).position(|strand| matches!(strand.state, State::Finished));
            match free {
                Some(free) => self.strands[free + 1] = strand,
                None => self.strands.push(strand),
            }
            cursor = end;
        }
    }

    /// Whether all strands that a strand waits for have finished.
    pub(super) fn has_joined(&self, at: usize) -> bool {
        let is_waited_for = |strand: &Strand| strand.parent == at && !matches!(strand.state, State::Finished);
        !self.strands.iter().skip(1).any(is_waited_for)
    }

    /// Returns the round that a strand is in: of its step, or else of the innermost repeated block around it.
    pub(super) fn loop_index(&self, at: usize) -> u32 {
        let repeats = |step: usize| self.story.steps.get(step).is_some_and(|step| step.repeat > 1);
        let strand = &self.strands[at];
        if repeats(strand.cursor) {
            return strand.round;
        }
        match strand.blocks.iter().rev().find(|block| repeats(block.step)) {
            Some(block) => block.round,
            None if at == 0 => 1,
            None => self.loop_index(strand.parent),
        }
    }
}

impl Step {
    /// Returns the number of steps it covers, including those of a block.
    pub(super) fn length(&self) -> usize {
        match self.action {
            Action::Group { size, .. } => size + 1,
            _ => 1,
        }
    }
}

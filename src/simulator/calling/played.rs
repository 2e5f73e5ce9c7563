//! A called person who is played from outside: lets it ring, answers, or is busy, as long as it rings.
//!
//! Everything that is not played happens as drawn.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::call_detail::Turn;
use super::draw::{Drawn, draw, stream};
use super::rows::RowStatus;
use super::{Calling, TaskKey};
use crate::simulator::context::Context;
use crate::simulator::ids::Kind;
use crate::simulator::outcome::{MockOutcome, Outcome};
use crate::simulator::timer::CallingTimer;
use crate::time::later;

/// The decision about a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Played {
    outcome: Outcome,
    /// The person's intention: `A` to `I`.
    intention: Option<u8>,
    /// Length of the ringing, in seconds.
    ring: u8,
}

/// A call under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CallView {
    /// Its id on the wire: `CallID`.
    call: String,
    /// The number that is called.
    number: String,
    /// The task that calls it, by its id.
    task: String,
    /// Its name.
    name: String,
    /// The robot that calls, if the task names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    robot: Option<String>,
    /// `ringing` or `talking`.
    state: &'static str,
    /// When it was dialled, in the mock's time.
    since: String,
    /// What has been said so far.
    said: Vec<Turn>,
}

/// Why a call can't be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is no such call.
    #[error("there is no call `{0}` in progress; GET /_mock/calls lists the calls")]
    NoCall(String),
    /// The call does not ring any more.
    #[error("call `{0}` no longer rings: it was answered")]
    Answered(String),
}

impl Calling {
    /// Applies an action of the called person to the rest of the call.
    pub(in crate::simulator) fn answer_call(
        &mut self,
        context: &mut Context,
        call: &str,
        (outcome, intention): (Outcome, Option<u8>),
        now: Timestamp,
    ) -> Result<(), CallError> {
        let none = || CallError::NoCall(call.escape_debug().to_string());
        let (task, at, attempt) = self.ids.open(Kind::Call, call).ok_or_else(none)?;
        let key = TaskKey(task);
        let place = *self.under_way.get(&(key, at)).ok_or_else(none)?;
        let row = *self.tasks[key].row(at).ok_or_else(none)?;
        if u32::from(row.attempts) != attempt || row.status != RowStatus::Calling {
            return Err(none());
        }
        if self.has_rung(key, at, now) {
            return Err(CallError::Answered(call.to_owned()));
        }
        let rang = now.duration_since(row.started()).as_secs();
        let ring = u8::try_from(rang).unwrap_or(u8::MAX);
        self.played.insert((key, at, row.attempts), Played { outcome, intention, ring });
        let mock_outcome = self.mock_outcome(key, at);
        let drawn = self.drawn(key, at, row.attempts, mock_outcome);
        let answered = self.attempted(key, at, row, (row.attempts, drawn), mock_outcome);
        let task = &mut self.tasks[key];
        task.change(at, |row| *row = answered);
        let cause = task.cause;
        context.resume(cause, now);
        context.agenda.cancel(Some(place));
        let ends = later(answered.ends().max(now), Duration::from_millis(drawn.wait.into()));
        let place = context.plan(ends, (key, CallingTimer::HangUp(at)));
        self.under_way.insert((key, at), place);
        Ok(())
    }

    /// Returns the result of an attempt: as it was played, or else as it is drawn.
    pub(super) fn drawn(&self, key: TaskKey, at: u32, attempt: u8, wished: MockOutcome) -> Drawn {
        let mut rng = stream(self.tasks[key].seed, "call", at, attempt);
        match self.played.get(&(key, at, attempt)) {
            None => draw(&self.rules, wished, &mut rng, attempt),
            Some(played) => {
                let outcome = Some(played.outcome);
                let wished = MockOutcome { outcome, intention: played.intention, answers_on: None, ..wished };
                Drawn { ring: played.ring, ..draw(&self.rules, wished, &mut rng, attempt) }
            }
        }
    }

    /// Whether a call under way has stopped ringing.
    fn has_rung(&self, key: TaskKey, at: u32, now: Timestamp) -> bool {
        let row = self.tasks[key].row(at);
        row.is_none_or(|row| {
            let was_played = self.played.contains_key(&(key, at, row.attempts));
            was_played || now >= later(row.started(), Duration::from_secs(row.ring.into()))
        })
    }

    /// Returns the number of calls under way.
    pub(in crate::simulator) fn count_calls(&self) -> usize {
        self.under_way.len()
    }

    /// Returns the calls under way, the longest first.
    pub(in crate::simulator) fn calls_seen(&self, now: Timestamp) -> impl Iterator<Item = CallView> {
        let mut calls: Vec<(TaskKey, u32)> = self.under_way.keys().copied().collect();
        calls.sort_by_key(|(key, at)| self.tasks[*key].row(*at).map(|row| row.started));
        calls.into_iter().filter_map(move |(key, at)| {
            let (task, row) = (&self.tasks[key], self.tasks[key].row(at)?);
            let talks = self.has_rung(key, at, now);
            Some(CallView {
                call: self.ids.seal(Kind::Call, (key.0, at, u32::from(row.attempts))),
                number: format!("+{}", row.number),
                task: self.task_id(key),
                name: task.order.name.clone(),
                robot: Some(task.order.robot.clone()).filter(|robot| !robot.is_empty()),
                state: if talks { "talking" } else { "ringing" },
                since: row.started().to_string(),
                said: if talks { self.call_reports(key).said(at, now) } else { Vec::new() },
            })
        })
    }
}

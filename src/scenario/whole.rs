//! Properties of a story that are known beforehand: whether it can be sent as a whole, as a sequence of callbacks with pauses
//! between them.

use std::time::Duration;

use super::story::{Action, CallbackTemplate, Step, Story};
use crate::delivery::StatusSet;
use crate::time::{DurationRange, HumanDuration};

/// Maximum total of the pauses in a story that is sent as a whole: it must stay within one day in every zone.
const LONGEST_PAUSES: Duration = Duration::from_secs(10 * 60);

impl Story {
    /// Returns how many callbacks its own steps send, repetitions included; at least 1.
    pub fn sends(&self) -> usize {
        let mut sends = 0_usize;
        // The blocks around a step: their ends, and how often their steps are taken.
        let mut blocks: Vec<(usize, usize)> = Vec::new();
        for (number, step) in self.steps.iter().enumerate() {
            blocks.retain(|(end, _)| number < *end);
            let around = blocks.last().map_or(1, |(_, times)| *times);
            let times = around.saturating_mul(step.repeat as usize);
            match &step.action {
                Action::Send { .. } | Action::Resend { .. } => sends = sends.saturating_add(times),
                Action::Group { size, .. } => blocks.push((number + size + 1, times)),
                Action::Await(_)
                | Action::Never(_)
                | Action::Check(_)
                | Action::Pause(_)
                | Action::Set(_) => {}
            }
        }
        sends.max(1)
    }

    /// Returns why the story can't be sent as a whole without regard to events. `None` if it can: then it is a sequence of
    /// callbacks, each of which only needs a response with a wanted status.
    pub fn obstacle(&self) -> Option<String> {
        if let Some(reaction) = self.reactions.first() {
            return Some(format!("it reacts to what happens ({})", reaction.place));
        }
        if !self.faults.is_empty() {
            return Some("it has faults".to_owned());
        }
        let is_faulty = |callback: &CallbackTemplate| !callback.faults.is_empty();
        let step = |step: &Step| matches!(&step.action, Action::Send { callback, .. } if is_faulty(callback));
        if self.steps.iter().any(step) {
            return Some("a step of it has faults".to_owned());
        }
        let obstacle = self.steps.iter().find_map(|step| {
            let why = match &step.action {
                _ if step.when.is_some() => "depends on a condition",
                _ if step.every.is_some() => "has a pause between its repetitions",
                Action::Await(_) => "waits for something",
                Action::Send { expect, .. } if !expect.is_about_status_only() => "expects more than a status",
                Action::Resend { .. } => "sends a callback again",
                Action::Never(_) => "forbids a request or callback",
                Action::Group { .. } => "is a block",
                Action::Check(_) => "checks variables",
                Action::Pause(_) | Action::Set(_) | Action::Send { .. } => return None,
            };
            Some(format!("a step {why} ({})", step.place))
        });
        obstacle.or_else(|| {
            let all: Duration = self.pauses().flatten().map(|range| range.max).sum();
            let first: Duration = self.pauses().next()?.iter().map(|range| range.max).sum();
            match () {
                () if !first.is_zero() => Some("it begins with a pause".to_owned()),
                () if all > LONGEST_PAUSES => {
                    Some(format!("its pauses take more than {}", HumanDuration(LONGEST_PAUSES)))
                }
                () => None,
            }
        })
    }

    /// Returns the pauses before each `send` step outside of blocks, in order, repetitions included.
    pub fn pauses(&self) -> impl Iterator<Item = Vec<DurationRange>> {
        let mut pauses = Vec::new();
        self.steps.iter().flat_map(move |step| {
            let times = step.repeat as usize;
            let sends = match &step.action {
                Action::Pause(range) => {
                    pauses.extend(std::iter::repeat_n(*range, times));
                    0
                }
                Action::Send { .. } => times,
                _ => 0,
            };
            // The pauses before a repeated step count only once.
            let mut before = if sends > 0 { std::mem::take(&mut pauses) } else { Vec::new() };
            std::iter::repeat_with(move || std::mem::take(&mut before)).take(sends)
        })
    }

    /// Whether time passes between its callbacks.
    pub fn has_pauses(&self) -> bool {
        self.pauses().flatten().any(|range| !range.max.is_zero())
    }

    /// Returns the wanted statuses of each `send` step outside of blocks, in order, repetitions included: those of its
    /// expectation, or else of the delivery policy.
    pub fn wanted_statuses(&self) -> impl Iterator<Item = &StatusSet> {
        self.steps.iter().flat_map(|step| {
            let wanted = match &step.action {
                Action::Send { expect, .. } => {
                    Some(expect.file.status.as_ref().unwrap_or(&self.policy.success.status))
                }
                _ => None,
            };
            wanted.into_iter().flat_map(|status| std::iter::repeat_n(status, step.repeat as usize))
        })
    }
}

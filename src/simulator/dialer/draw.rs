//! Draws the course of one call: the outcomes of calling tasks, and then what happens between person and agent.

use rand::RngExt;

use super::mock_outcome::{DialerMockOutcome, Extras, Twist};
use crate::seed::Seed;
use crate::simulator::calling::{self, Outcome, draw, stream};

/// The results that an agent may save, each with its follow-up. All of it is assumed; accounts define their own.
pub(super) const RESULTS: [(&str, &str); 6] = [
    ("Promise to pay", "Check the payment"),
    ("Call back later", "Tomorrow"),
    ("Paid already", "None"),
    ("Not interested", "None"),
    ("Wrong person", "Remove the number"),
    ("Answering machine", "Try again"),
];

/// How long a person is on hold if a test forces it, in seconds.
const HOLD: u16 = 20;

/// The result of a talk with a machine.
const MACHINE: usize = 5;

/// The course of one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallCourse {
    pub(super) outcome: Outcome,
    pub(super) twist: Twist,
    /// Milliseconds from dialling to ringing.
    pub(super) wait: u64,
    /// Length of the ringing, in seconds.
    pub(super) ring: u8,
    /// Length of the talk, in seconds.
    pub(super) talk: u16,
    pub(super) by_user: bool,
    /// The person's intention: `A` to `I`, or 0.
    pub(super) intention: u8,
    /// Seconds until the agent picks up.
    pub(super) pickup: u8,
    /// How long the person waits for an agent, in seconds.
    pub(super) waits: u8,
    /// Whether it is the person who gives up after that.
    pub(super) leaves_queue: bool,
    /// How long the agent takes to save the result, in seconds.
    pub(super) wrap_up: u8,
    pub(super) result: usize,
    /// The score of the talk in quality inspection.
    pub(super) score: u8,
    /// How long the agent puts the person on hold, in seconds.
    pub(super) hold: u16,
    pub(super) extras: Extras,
}

/// Draws the course of the `nth` call (from 1) of a contact.
pub(super) fn course(
    rules: &calling::Rules,
    mock_outcome: DialerMockOutcome,
    task: Seed,
    contact: u32,
    nth: u8,
) -> CallCourse {
    let mock_outcome = mock_outcome.in_call(nth);
    let drawn = draw(rules, mock_outcome.call, &mut stream(task, "call", contact, nth), nth);
    let mut rng = stream(task, "agent", contact, nth);
    let usual = match rng.random_range(0..100) {
        0..=3 => Twist::Rejects,
        4 => Twist::Network,
        5 | 6 => Twist::HangsUp,
        _ => Twist::Taken,
    };
    // A forced outcome leads to its usual consequences.
    let is_scripted = mock_outcome.call.outcome.is_some() || mock_outcome.call.answers_on.is_some();
    let twist = mock_outcome.twist.unwrap_or(if is_scripted { Twist::Taken } else { usual });
    let is_machine = drawn.outcome == Outcome::Voicemail;
    CallCourse {
        outcome: drawn.outcome,
        twist,
        wait: 1_000 + u64::from(drawn.wait),
        ring: drawn.ring.max(1),
        // An agent does not listen to a machine for long.
        talk: match is_machine {
            true => rng.random_range(4..10),
            // A person who is put on hold is on the phone for longer than that.
            false => drawn.talk.max(1) + if mock_outcome.extras.holds { HOLD } else { 0 },
        },
        by_user: drawn.by_user && !is_machine,
        intention: drawn.intention,
        pickup: rng.random_range(1..5),
        waits: rng.random_range(5..12),
        leaves_queue: twist == Twist::Leaves || (twist != Twist::NoAgent && rng.random_bool(0.3)),
        wrap_up: rng.random_range(3..25),
        result: if is_machine { MACHINE } else { rng.random_range(0..MACHINE) },
        score: rng.random_range(60..=100),
        hold: if mock_outcome.extras.holds { HOLD } else { 0 },
        extras: mock_outcome.extras,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_mostly_take_their_calls() {
        let rules = calling::Rules::default();
        let count = |twist: Twist| {
            let all = 0..10_000;
            all.filter(|row| course(&rules, DialerMockOutcome::default(), Seed(1), *row, 1).twist == twist)
                .count()
        };
        assert!((300..500).contains(&count(Twist::Rejects)));
        assert!((9_100..9_500).contains(&count(Twist::Taken)));
        let mock_outcome: DialerMockOutcome = "talked".parse().unwrap();
        assert!((0..500).all(|row| course(&rules, mock_outcome, Seed(1), row, 1).twist == Twist::Taken));
    }
}

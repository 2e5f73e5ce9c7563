//! Draws the result of one attempt to call a number, from a stream of its own.

use rand::RngExt;

use crate::seed::{Rng, Seed};
use crate::simulator::outcome::{MockOutcome, Outcome};
use crate::simulator::rules::calling::Rules;

/// Length of a talk that a test forces to be long, in seconds.
pub(super) const LONG_TALK: u16 = 600;

/// One attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Drawn {
    pub(in crate::simulator) outcome: Outcome,
    /// Milliseconds until the line notices its end: lines do not work in step.
    pub(in crate::simulator) wait: u16,
    /// Length of the ringing, in seconds.
    pub(in crate::simulator) ring: u8,
    /// Seconds from the answer to the end; 0 without an answer. The length of a robot's talk follows from its words instead.
    pub(in crate::simulator) talk: u16,
    /// `A` to `I`, or 0 if it did not become clear.
    pub(in crate::simulator) intention: u8,
    /// Whether the person hung up, and not the robot.
    pub(in crate::simulator) by_user: bool,
}

/// Returns the stream of one attempt.
pub(in crate::simulator) fn stream(task: Seed, label: &str, row: u32, attempt: u8) -> Rng {
    task.stream(label, u64::from(row) << 8 | u64::from(attempt))
}

/// Draws the result of the `attempt`-th attempt (from 1) of a number.
pub(in crate::simulator) fn draw(
    rules: &Rules,
    mock_outcome: MockOutcome,
    rng: &mut Rng,
    attempt: u8,
) -> Drawn {
    let drawn = weighted(rng, &rules.mix);
    let outcome = match (mock_outcome.answers_on, mock_outcome.outcome) {
        (Some(on), _) if attempt < on => Outcome::NoAnswer,
        (Some(_), outcome) => outcome.filter(|outcome| outcome.is_connected()).unwrap_or(Outcome::Talked),
        (None, Some(outcome)) => outcome,
        (None, None) => drawn,
    };
    let wait = rng.random_range(0..1_500);
    let ring = match outcome {
        Outcome::Talked | Outcome::HungUp => rng.random_range(3..18),
        Outcome::Voicemail => rng.random_range(12..25),
        Outcome::NoAnswer => rng.random_range(28..45),
        Outcome::Busy | Outcome::SwitchedOff | Outcome::OutOfArea => rng.random_range(1..5),
        Outcome::InvalidNumber | Outcome::DoNotCall => 0,
    };
    let intention = match (outcome, mock_outcome.intention) {
        (Outcome::Talked, Some(letter)) => letter,
        (Outcome::Talked, None) if mock_outcome.long_talk => long_talk_letter(rng),
        (Outcome::Talked, None) => letter(rng),
        _ => 0,
    };
    let talk = match outcome {
        Outcome::Talked if mock_outcome.long_talk => LONG_TALK,
        // Refusals are short, questions long.
        Outcome::Talked => match intention {
            b'F' | b'G' | b'H' | b'I' => rng.random_range(9..35),
            b'C' | b'D' | b'E' => rng.random_range(30..150),
            _ => rng.random_range(18..80),
        },
        Outcome::HungUp => rng.random_range(1..4),
        _ => 0,
    };
    let by_user = outcome == Outcome::HungUp || rng.random_bool(0.6);
    Drawn { outcome, wait, ring, talk, intention, by_user }
}

/// People's intentions; the ordinary ones are more frequent.
const LETTERS: [(u8, u32); 10] = [
    (b'A', 26),
    (b'B', 14),
    (b'C', 14),
    (b'D', 8),
    (b'E', 5),
    (b'F', 14),
    (b'G', 4),
    (b'H', 3),
    (b'I', 7),
    (0, 5),
];

fn letter(rng: &mut Rng) -> u8 {
    weighted(rng, &LETTERS)
}

/// Draws the intention of a person who talks for ten minutes: neither a refusal nor a wrong person.
fn long_talk_letter(rng: &mut Rng) -> u8 {
    weighted(rng, &LETTERS[..5])
}

/// Draws one of several choices by their weights. There is at least one.
fn weighted<T: Copy>(rng: &mut Rng, choices: &[(T, u32)]) -> T {
    let total: u32 = choices.iter().map(|(_, weight)| weight).sum();
    let mut at = rng.random_range(0..total.max(1));
    for (choice, weight) in choices {
        if at < *weight {
            return *choice;
        }
        at -= weight;
    }
    choices[0].0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(mock_outcome: &str, row: u32, attempt: u8) -> Drawn {
        let mock_outcome = mock_outcome.parse().unwrap();
        draw(&Rules::default(), mock_outcome, &mut stream(Seed(1), "call", row, attempt), attempt)
    }

    #[test]
    fn the_mix_is_about_as_asked() {
        let all: Vec<Outcome> = (0..10_000).map(|row| drawn("", row, 1).outcome).collect();
        for (outcome, weight) in Rules::default().mix {
            let count = all.iter().filter(|drawn| **drawn == outcome).count();
            let wanted = weight as usize * 100;
            assert!(count.abs_diff(wanted) < 60 + wanted / 8, "{}: {count} of {wanted}", outcome.as_str());
        }
    }

    #[test]
    fn what_is_drawn_fits_together() {
        for row in 0..5_000 {
            let call = drawn("", row, 1);
            assert_eq!(call, drawn("", row, 1));
            assert_eq!(call.talk > 0, call.outcome.is_connected());
            assert!(call.intention == 0 || call.outcome == Outcome::Talked);
            assert!(call.intention == 0 || (b'A'..=b'I').contains(&call.intention));
        }
    }

    #[test]
    fn scripted_outcomes_come_true() {
        for outcome in Outcome::ALL {
            assert!((0..50).all(|row| drawn(outcome.as_str(), row, 1).outcome == outcome));
        }
        for row in 0..200 {
            let long = drawn("long_talk", row, 1);
            assert_eq!(long.talk, LONG_TALK);
            assert!(matches!(long.intention, b'A'..=b'E'), "row {row}: {}", char::from(long.intention));
        }
        assert_eq!(drawn("long_talk intention_g", 0, 1).intention, b'G');
        assert_eq!(drawn("intention_d", 0, 1).intention, b'D');
        let third: Vec<Outcome> = (1..=3).map(|attempt| drawn("answers_on_3", 0, attempt).outcome).collect();
        assert_eq!(third, [Outcome::NoAnswer, Outcome::NoAnswer, Outcome::Talked]);
    }
}

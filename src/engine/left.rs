//! What the engine leaves when it ends, each thing in a line: nothing is lost without a word.

use super::Engine;

/// So many of each kind are listed; the others are counted.
const MOST_LISTED: usize = 10_000;

/// What is left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// How many callbacks were not sent, or are owed another attempt.
    pub callbacks: usize,
    /// How many numbers nobody has dialled.
    pub numbers: usize,
    /// How many notices were planned.
    pub notices: usize,
    /// How many inputs could not be stored in the folder of the data.
    pub unstored: usize,
    /// Each in a line.
    pub lines: Vec<String>,
}

impl Left {
    /// Adds what another leaves; its lines begin with these words.
    pub fn add(&mut self, words: &str, other: Self) {
        self.callbacks += other.callbacks;
        self.numbers += other.numbers;
        self.notices += other.notices;
        self.unstored += other.unstored;
        self.lines.extend(other.lines.iter().map(|line| format!("{words}{line}")));
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.callbacks + self.numbers + self.notices + self.unstored == 0
    }
}

impl Engine {
    /// What it leaves if it ends now.
    pub fn left(&self) -> Left {
        let mut lines = Vec::new();
        let mut callbacks = 0;
        for (callback, attempts) in self.dispatch.outbox.left() {
            callbacks += 1;
            if callbacks > MOST_LISTED {
                continue;
            }
            let what = match attempts {
                0 => "callback not sent".to_owned(),
                1 => "callback owed a retry after 1 attempt".to_owned(),
                many => format!("callback owed a retry after {many} attempts"),
            };
            lines.push(format!("{what}: #{} `{}` to {}", callback.id.0, callback.event, callback.target));
        }
        let work = self.simulator.left(MOST_LISTED);
        lines.extend(work.lines);
        callbacks += work.ready;
        let (numbers, notices) = (work.numbers, work.notices);
        for (count, what) in [(callbacks, "callbacks"), (numbers, "numbers"), (notices, "notices")] {
            if count > MOST_LISTED {
                lines.push(format!("{} more {what}", count - MOST_LISTED));
            }
        }
        Left { callbacks, numbers, notices, unstored: 0, lines }
    }
}

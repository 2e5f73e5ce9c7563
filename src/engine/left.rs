//! Unfinished work at shutdown, one line per item, so that nothing is lost silently.

use super::Engine;

/// Maximum number of listed items of each kind; the others are counted.
const MOST_LISTED: usize = 10_000;

/// The unfinished work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Number of callbacks that were not sent or await another attempt.
    pub callbacks: usize,
    /// Number of phone numbers that were not dialled.
    pub numbers: usize,
    /// Number of planned notices.
    pub notices: usize,
    /// Number of inputs that could not be stored in the data folder.
    pub unstored: usize,
    /// The items, one line each.
    pub lines: Vec<String>,
}

impl Left {
    /// Adds the unfinished work of another mock; its lines begin with these words.
    pub fn add(&mut self, words: &str, other: Self) {
        self.callbacks += other.callbacks;
        self.numbers += other.numbers;
        self.notices += other.notices;
        self.unstored += other.unstored;
        self.lines.extend(other.lines.iter().map(|line| format!("{words}{line}")));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.callbacks + self.numbers + self.notices + self.unstored == 0
    }
}

impl Engine {
    /// Returns the work that is left if the engine ends now.
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
                1 => "callback waiting for a retry after 1 attempt".to_owned(),
                many => format!("callback waiting for a retry after {many} attempts"),
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

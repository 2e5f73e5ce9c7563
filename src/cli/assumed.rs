//! The assumed parts of the vendor's API that were used: recorded at use, reported together at the end.

use std::sync::{Arc, Mutex};

use crate::journal::{Entry, Event, Sink};
use crate::sync::lock;

/// The assumed entries that were used, in the order of their first use. Clones share their state.
#[derive(Clone, Default)]
pub(super) struct Assumed(Arc<Mutex<Vec<Used>>>);

struct Used {
    id: Arc<str>,
    what: String,
    refused: bool,
}

impl Assumed {
    /// Returns a block of lines about all entries. Empty if none was used.
    pub(super) fn lines(&self) -> Vec<String> {
        let used = lock(&self.0);
        if used.is_empty() {
            return Vec::new();
        }
        let count = used.len();
        let noun = if count == 1 { "used entry is" } else { "used entries are" };
        let head = format!(
            "assumed     {count} {noun} assumed about the vendor; if you know better, correct airudder-mock.toml:"
        );
        let line = |Used { id, what, refused }: &Used| {
            let refused = if *refused { "  refused by the settings" } else { "" };
            format!("    [catalog.\"{id}\"]  {what}{refused}")
        };
        std::iter::once(head).chain(used.iter().map(line)).collect()
    }
}

impl Sink for Assumed {
    fn entry(&mut self, entry: &Entry) {
        if let Event::Assumed { id, what, refused } = &entry.event {
            let used = Used { id: Arc::clone(id), what: what.clone(), refused: *refused };
            lock(&self.0).push(used);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn what_is_assumed_is_told_together() {
        let assumed = Assumed::default();
        assert!(assumed.lines().is_empty());
        for (id, refused) in [("session.end", false), ("chatbot.mark_read", true)] {
            let event = Event::Assumed { id: id.into(), what: "`path`".to_owned(), refused };
            let entry = Entry { seq: 1, at: Timestamp::UNIX_EPOCH, story: None, event };
            assumed.clone().entry(&entry);
        }
        let lines = assumed.lines();
        assert!(lines[0].starts_with("assumed     2 used entries are assumed"), "{lines:?}");
        assert_eq!(lines[1], "    [catalog.\"session.end\"]  `path`");
        assert!(lines[2].ends_with("refused by the settings"), "{lines:?}");
    }
}

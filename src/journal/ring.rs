//! The journal itself: the latest entries, bounded in number and in bytes, and the sinks that see every entry.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Entry, Event};

/// Sees every entry as it is written. Called in the order of the entries; must not block for long.
pub trait Sink: Send {
    /// Takes an entry.
    fn entry(&mut self, entry: &Entry);
}

/// Keeps the latest entries and passes every entry on to its sinks.
pub struct Journal {
    /// Each with its weight.
    entries: VecDeque<(Arc<Entry>, usize)>,
    sinks: Vec<Box<dyn Sink>>,
    written: u64,
    bytes: usize,
    most_entries: usize,
    most_bytes: usize,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("written", &self.written).field("kept", &self.entries.len()).finish()
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self::bounded(10_000, 64 << 20)
    }
}

impl Journal {
    /// A journal that keeps at most so many entries and so many bytes of requests and answers.
    pub fn bounded(most_entries: usize, most_bytes: usize) -> Self {
        Self { entries: VecDeque::new(), sinks: Vec::new(), written: 0, bytes: 0, most_entries, most_bytes }
    }

    /// Adds a sink. It sees the entries from now on.
    pub fn add_sink(&mut self, sink: Box<dyn Sink>) {
        self.sinks.push(sink);
    }

    /// Writes an entry.
    pub fn write(&mut self, at: Timestamp, story: Option<Arc<str>>, event: Event) {
        self.written += 1;
        let entry = Arc::new(Entry { seq: self.written, at, story, event });
        for sink in &mut self.sinks {
            sink.entry(&entry);
        }
        let weight = weight(&entry);
        self.bytes += weight;
        self.entries.push_back((entry, weight));
        while self.entries.len() > self.most_entries
            || (self.bytes > self.most_bytes && self.entries.len() > 1)
        {
            if let Some((_, weight)) = self.entries.pop_front() {
                self.bytes -= weight;
            }
        }
    }

    /// The entries still kept, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Arc<Entry>> {
        self.entries.iter().map(|(entry, _)| entry)
    }

    /// How many entries were ever written.
    pub fn written(&self) -> u64 {
        self.written
    }
}

/// About how many bytes an entry holds on to. A callback's body is shared by its entries and counted at each: the
/// bound is on the safe side.
fn weight(entry: &Entry) -> usize {
    const FIXED: usize = 256;
    FIXED
        + match &entry.event {
            Event::Queued(callback) => callback.body.len(),
            Event::Tried { attempt, result, .. } => {
                attempt.callback.body.len() + result.result.as_ref().map_or(0, |answer| answer.body.len())
            }
            Event::Called(entry) => {
                let call = &entry.call;
                let query = call.query.as_ref().map_or(0, String::len);
                call.body.len() + entry.answer.len() + call.path.len() + query + call.headers.bytes()
            }
            Event::Failed { message, .. } | Event::Note(message) => message.len(),
            Event::Dead { reason, .. } => reason.len(),
            Event::StoryStarted
            | Event::StoryFinished { .. }
            | Event::Delivered { .. }
            | Event::Assumed { .. }
            | Event::Waiting { .. } => 0,
        }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Collect(Arc<Mutex<Vec<u64>>>);

    impl Sink for Collect {
        fn entry(&mut self, entry: &Entry) {
            self.0.lock().unwrap().push(entry.seq);
        }
    }

    #[test]
    fn it_is_bounded_and_sinks_see_everything() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut journal = Journal::bounded(3, usize::MAX);
        journal.add_sink(Box::new(Collect(Arc::clone(&seen))));
        for _ in 0..5 {
            journal.write(Timestamp::UNIX_EPOCH, None, Event::StoryStarted);
        }
        assert_eq!(journal.entries().map(|entry| entry.seq).collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(*seen.lock().unwrap(), [1, 2, 3, 4, 5]);
        assert_eq!(journal.written(), 5);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut journal = Journal::bounded(100, 2_000);
        for _ in 0..10 {
            journal.write(Timestamp::UNIX_EPOCH, None, Event::Note("x".repeat(500)));
        }
        assert_eq!(journal.entries().count(), 2);
    }
}

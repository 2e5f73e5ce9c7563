//! The journal: numbers the events and passes them to its sinks.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Entry, Event, Hits};

/// Receives every entry as it is written. Called in the order of the entries; must not block for long.
pub trait Sink: Send + Sync {
    /// Takes an entry.
    fn entry(&mut self, entry: &Entry);

    /// Whether it receives requests, too. If no sink does, no entry is built for them.
    fn takes_requests(&self) -> bool {
        true
    }

    /// Whether it also receives the replayed events of an earlier life of the mock.
    fn takes_earlier(&self) -> bool {
        false
    }
}

/// Passes every entry to its sinks and keeps none. Keeping ten thousand requests with their responses costs each of them up to
/// a microsecond, because their memory is no longer in the cache when it is used again. A sink that keeps the latest entries
/// copies what it needs.
#[derive(Default)]
pub struct Journal {
    sinks: Vec<Box<dyn Sink>>,
    written: u64,
    /// Whether the events being written happened in an earlier life of the mock.
    is_earlier: bool,
    /// The hits of faults, whether or not the entries are read.
    hits: Hits,
}

impl Clone for Journal {
    /// Clones the journal with the same count but without sinks. An engine that continues with the copy takes over the sinks.
    fn clone(&self) -> Self {
        let Self { sinks: _, written, is_earlier, hits } = self;
        Self { sinks: Vec::new(), written: *written, is_earlier: *is_earlier, hits: hits.clone() }
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("written", &self.written).field("sinks", &self.sinks.len()).finish()
    }
}

impl Journal {
    /// Adds a sink. It receives the entries from now on.
    pub fn add_sink(&mut self, sink: Box<dyn Sink>) {
        self.sinks.push(sink);
    }

    /// Sets whether the following events happened in an earlier life of the mock.
    pub fn set_earlier(&mut self, is_earlier: bool) {
        self.is_earlier = is_earlier;
    }

    /// Whether any sink receives requests. If not, entries need not be built for them.
    pub fn takes_requests(&self) -> bool {
        self.sinks.iter().any(|sink| sink.takes_requests())
    }

    /// How often each injected fault has hit so far.
    pub fn hits(&self) -> &Hits {
        &self.hits
    }

    /// Writes an entry.
    pub fn write(&mut self, at: Timestamp, story: Option<Arc<str>>, event: Event) {
        self.written += 1;
        self.hits.count(&event);
        let entry = Entry { seq: self.written, at, story, event };
        let is_earlier = self.is_earlier;
        for sink in self.sinks.iter_mut().filter(|sink| !is_earlier || sink.takes_earlier()) {
            sink.entry(&entry);
        }
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
    fn sinks_see_everything_from_when_they_came() {
        let seen = [Arc::default(), Arc::default()];
        let mut journal = Journal::default();
        for seen in &seen {
            journal.add_sink(Box::new(Collect(Arc::clone(seen))));
            journal.write(Timestamp::UNIX_EPOCH, None, Event::StoryStarted);
        }
        assert_eq!(seen.map(|seen| seen.lock().unwrap().clone()), [vec![1, 2], vec![2]]);
    }
}

//! The latest entries, for those who ask later.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::watch;

use super::{Entry, Event, Sink};
use crate::delivery::SharedBytes;

/// What an entry takes beside the texts it holds, in bytes: about what its parts are allocated with.
const OVERHEAD: usize = 512;

/// How much of the journal is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptLimits {
    /// So many entries at most.
    pub entries: usize,
    /// So many bytes at most, about.
    pub bytes: usize,
    /// For so long at most, in the mock's time; without it, age does not matter.
    pub age: Option<Duration>,
}

impl KeptLimits {
    /// Nothing is kept.
    pub const NOTHING: Self = Self { entries: 0, bytes: 0, age: None };
}

impl Default for KeptLimits {
    fn default() -> Self {
        Self { entries: 10_000, bytes: 64 << 20, age: None }
    }
}

/// A sink that keeps the latest entries, and lets others wait for the next. All clones are the same.
///
/// Entries are kept as they are, their bodies shared with what is delivered and answered. That costs a served request up
/// to a microsecond, for memory that has gone cold; keeping nothing (`entries = 0`) costs nothing.
#[derive(Clone, Debug)]
pub struct Kept(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    ring: Mutex<Ring>,
    written: watch::Sender<u64>,
}

#[derive(Debug)]
struct Ring {
    limits: KeptLimits,
    /// With what each takes, in bytes, beside the bodies of callbacks.
    entries: VecDeque<(Entry, usize)>,
    bytes: usize,
    /// The bodies of the callbacks that the entries are about, and of their attempts.
    bodies: SharedBytes,
    dropped: u64,
    last: u64,
    is_over: bool,
}

/// What is kept, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptCounts {
    /// The entries.
    pub entries: usize,
    /// What they take, about.
    pub bytes: usize,
    /// How many older ones were dropped.
    pub dropped: u64,
    /// The number of the latest entry; 0 before the first.
    pub last: u64,
}

impl Kept {
    /// Keeps nothing yet.
    pub fn new(limits: KeptLimits) -> Self {
        let ring = Ring {
            limits,
            entries: VecDeque::new(),
            bytes: 0,
            bodies: SharedBytes::default(),
            dropped: 0,
            last: 0,
            is_over: false,
        };
        Self(Arc::new(Shared { ring: Mutex::new(ring), written: watch::Sender::new(0) }))
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        // Whoever panicked while he looked has changed nothing by halves.
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entries after number `seq`, oldest first, as far as they are kept.
    pub fn after(&self, seq: u64) -> Vec<Entry> {
        let ring = self.lock();
        // Numbers have no gaps.
        let new = usize::try_from(ring.last.saturating_sub(seq)).unwrap_or(usize::MAX);
        let skip = ring.entries.len().saturating_sub(new);
        ring.entries.iter().skip(skip).map(|(entry, _)| entry.clone()).collect()
    }

    /// What is kept, in numbers.
    pub fn counts(&self) -> KeptCounts {
        let ring = self.lock();
        KeptCounts {
            entries: ring.entries.len(),
            bytes: ring.bytes + ring.bodies.sum(),
            dropped: ring.dropped,
            last: ring.last,
        }
    }

    /// Whether what is older than some age is not kept, so that somebody has to say what time it is.
    pub fn looks_at_age(&self) -> bool {
        self.lock().limits.age.is_some()
    }

    /// It is this time: what is too old is dropped.
    pub fn grow_old(&self, now: Timestamp) {
        self.lock().drop_old(now);
    }

    /// Says when more was written. Whoever watches first and looks then misses nothing.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.written.subscribe()
    }

    /// Nothing more comes: whoever watches may go.
    pub fn end(&self) {
        self.lock().is_over = true;
        self.0.written.send_modify(|_| ());
    }

    /// Whether nothing more comes.
    pub fn is_over(&self) -> bool {
        self.lock().is_over
    }

    /// Forgets all entries; their numbers go on.
    pub fn clear(&self) {
        let mut ring = self.lock();
        ring.entries.clear();
        ring.bytes = 0;
        ring.bodies = SharedBytes::default();
    }
}

impl Sink for Kept {
    fn entry(&mut self, entry: &Entry) {
        let seq = entry.seq;
        self.lock().keep(entry.clone());
        if self.0.written.receiver_count() > 0 {
            self.0.written.send_replace(seq);
        }
    }

    fn takes_earlier(&self) -> bool {
        true
    }
}

impl Ring {
    fn keep(&mut self, entry: Entry) {
        self.last = entry.seq;
        let size = size(&entry.event);
        self.bytes += size;
        bodies(&entry.event).into_iter().flatten().for_each(|body| self.bodies.hold(body));
        let now = entry.at;
        self.entries.push_back((entry, size));
        while self.entries.len() > self.limits.entries || self.bytes + self.bodies.sum() > self.limits.bytes {
            self.drop_first();
        }
        self.drop_old(now);
    }

    fn drop_old(&mut self, now: Timestamp) {
        let Some(oldest) = self.limits.age.and_then(|age| now.checked_sub(age).ok()) else { return };
        while self.entries.front().is_some_and(|(entry, _)| entry.at < oldest) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        let Some((entry, size)) = self.entries.pop_front() else { return };
        self.bytes -= size;
        bodies(&entry.event).into_iter().flatten().for_each(|body| self.bodies.let_go(body));
        self.dropped += 1;
    }
}

/// The bodies that an entry shares with others: that of the callback, and that of the attempt, which is another one where a
/// fault says so.
fn bodies(event: &Event) -> [Option<&Bytes>; 2] {
    match event {
        Event::Queued(callback) | Event::Ended { callback, .. } => [Some(&callback.body), None],
        Event::Attempted { attempt, .. } => [Some(&attempt.callback.body), Some(&attempt.body)],
        _ => [None, None],
    }
}

/// What an entry takes beside its [`bodies`], about.
fn size(event: &Event) -> usize {
    let texts = match event {
        Event::Called(call) => {
            let request = &call.call;
            let headers = request.headers.iter().map(|(name, value)| name.len() + value.len());
            let query = request.query.as_ref().map_or(0, String::len);
            request.path.len() + query + headers.sum::<usize>() + request.body.len() + call.answer.len()
        }
        Event::Attempted { attempt, result, .. } => {
            let headers = attempt.headers.iter().map(|(name, value)| name.len() + value.len());
            headers.sum::<usize>() + result.result.as_ref().map_or(0, |response| response.body.len())
        }
        Event::Failed { message, .. } | Event::Explained { message, .. } | Event::Found { message, .. } => {
            message.len()
        }
        Event::Note(text) => text.len(),
        Event::StoryStarted
        | Event::StoryFinished { .. }
        | Event::Queued(_)
        | Event::Skipped(_)
        | Event::Assumed { .. }
        | Event::Waiting { .. }
        | Event::Ended { .. } => 0,
    };
    OVERHEAD + texts
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::journal::Journal;

    fn note(journal: &mut Journal, length: usize) {
        journal.write(Timestamp::UNIX_EPOCH, None, Event::Note("x".repeat(length)));
    }

    fn seqs(kept: &Kept, after: u64) -> Vec<u64> {
        kept.after(after).iter().map(|entry| entry.seq).collect()
    }

    #[test]
    fn the_latest_are_kept_and_the_dropped_are_counted() {
        let kept = Kept::new(KeptLimits { entries: 3, ..KeptLimits::default() });
        let mut journal = Journal::default();
        journal.add_sink(Box::new(kept.clone()));
        (0..5).for_each(|_| note(&mut journal, 1));
        assert_eq!(seqs(&kept, 0), [3, 4, 5]);
        assert_eq!(seqs(&kept, 4), [5]);
        assert_eq!(seqs(&kept, 9), [0_u64; 0]);
        assert_eq!(kept.counts().dropped, 2);
    }

    #[test]
    fn bytes_are_bounded() {
        let kept = Kept::new(KeptLimits { bytes: 3 * (OVERHEAD + 100), ..KeptLimits::default() });
        let mut journal = Journal::default();
        journal.add_sink(Box::new(kept.clone()));
        (0..5).for_each(|_| note(&mut journal, 100));
        assert_eq!(seqs(&kept, 0), [3, 4, 5]);
        note(&mut journal, 10_000);
        assert_eq!(kept.counts(), KeptCounts { entries: 0, bytes: 0, dropped: 6, last: 6 });
    }

    #[test]
    fn age_counts_by_the_time_of_the_mock() {
        let kept = Kept::new(KeptLimits { age: Some(Duration::from_secs(60)), ..KeptLimits::default() });
        assert!(kept.looks_at_age());
        let mut journal = Journal::default();
        journal.add_sink(Box::new(kept.clone()));
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        for seconds in [0, 30, 60, 61] {
            journal.write(at(seconds), None, Event::StoryStarted);
        }
        assert_eq!((seqs(&kept, 0), kept.counts().dropped), (vec![2, 3, 4], 1));
        kept.grow_old(at(90));
        assert_eq!(seqs(&kept, 0), [2, 3, 4]);
        kept.grow_old(at(500));
        assert_eq!(kept.counts(), KeptCounts { entries: 0, bytes: 0, dropped: 4, last: 4 });
        // So early a time has nothing before it.
        kept.grow_old(Timestamp::MIN);
    }

    #[test]
    fn whoever_watches_hears_of_what_is_written() {
        let kept = Kept::new(KeptLimits::default());
        let mut journal = Journal::default();
        journal.add_sink(Box::new(kept.clone()));
        let mut watch = kept.watch();
        assert!(!watch.has_changed().unwrap());
        note(&mut journal, 1);
        assert!(watch.has_changed().unwrap());
        assert_eq!(*watch.borrow_and_update(), 1);
    }
}

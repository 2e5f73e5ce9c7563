//! The latest entries, kept for later queries.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::watch;

use super::{Entry, Event, Sink};
use crate::delivery::SharedBytes;
use crate::sync::lock;

/// Approximate memory of an entry besides its texts, in bytes: the allocations of its parts.
const OVERHEAD: usize = 512;

/// How much of the journal is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptLimits {
    /// Maximum number of entries.
    pub entries: usize,
    /// Approximate maximum size in bytes.
    pub bytes: usize,
    /// Maximum age, in the mock's time. Without it, age does not matter.
    pub age: Option<Duration>,
}

impl KeptLimits {
    /// Keeps nothing.
    pub const NOTHING: Self = Self { entries: 0, bytes: 0, age: None };
}

impl Default for KeptLimits {
    fn default() -> Self {
        Self { entries: 10_000, bytes: 64 << 20, age: None }
    }
}

/// A sink that keeps the latest entries, and lets readers wait for the next. All clones share their state.
///
/// Entries are kept as they are; their bodies are shared with deliveries and responses. That costs a served request up to a
/// microsecond, for memory that is no longer in the cache. Keeping nothing (`entries = 0`) costs nothing.
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
    id: KeptId,
    /// Each entry with its size in bytes, without the bodies of callbacks.
    entries: VecDeque<(Entry, usize)>,
    bytes: usize,
    /// The bodies of the callbacks in the entries, and of their attempts.
    bodies: SharedBytes,
    dropped: u64,
    last: u64,
    is_over: bool,
}

/// Identifies what a journal tells of. Only under the same id is a number that of the same entry or callback: it changes with
/// the start of the mock, and whenever the journal is cleared, which a reset and a restore do, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptId {
    /// When the journal began, in nanoseconds.
    began: i128,
    /// How often it was cleared.
    cleared: u32,
}

impl fmt::Display for KeptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.began, self.cleared)
    }
}

/// The size of the kept journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptCounts {
    /// Number of entries.
    pub entries: usize,
    /// Approximate size in bytes.
    pub bytes: usize,
    /// Number of older entries that were dropped.
    pub dropped: u64,
    /// The number of the latest entry; 0 before the first.
    pub last: u64,
}

impl Kept {
    /// Creates an empty sink whose id nobody compares with that of another.
    pub fn new(limits: KeptLimits) -> Self {
        Self::beginning(limits, Timestamp::UNIX_EPOCH)
    }

    /// Creates an empty sink that begins at this moment of real time.
    pub fn beginning(limits: KeptLimits, at: Timestamp) -> Self {
        let ring = Ring {
            limits,
            id: KeptId { began: at.as_nanosecond(), cleared: 0 },
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
        // A panic while the lock is held leaves no partial change.
        lock(&self.0.ring)
    }

    /// Whether entries are kept at all.
    pub fn keeps_any(&self) -> bool {
        self.lock().limits.entries > 0
    }

    /// Returns the entries after number `seq` that are still kept, oldest first.
    pub fn after(&self, seq: u64) -> Vec<Entry> {
        self.read(seq).1
    }

    /// Returns the same with the id under which the entries have their numbers.
    pub fn read(&self, seq: u64) -> (KeptId, Vec<Entry>) {
        let ring = self.lock();
        // Numbers have no gaps.
        let new = usize::try_from(ring.last.saturating_sub(seq)).unwrap_or(usize::MAX);
        let skip = ring.entries.len().saturating_sub(new);
        (ring.id, ring.entries.iter().skip(skip).map(|(entry, _)| entry.clone()).collect())
    }

    /// Returns the present id.
    pub fn id(&self) -> KeptId {
        self.lock().id
    }

    /// Returns the entry of this number, if it is kept.
    pub fn find(&self, seq: u64) -> Option<Entry> {
        let ring = self.lock();
        let place = usize::try_from(seq.checked_sub(ring.entries.front()?.0.seq)?).ok()?;
        ring.entries.get(place).map(|(entry, _)| entry.clone())
    }

    /// Searches backwards for the latest entry for which `wanted` returns a value, and returns the value.
    pub fn latest<T>(&self, wanted: impl FnMut(&Entry) -> Option<T>) -> Option<T> {
        self.lock().entries.iter().rev().map(|(entry, _)| entry).find_map(wanted)
    }

    /// Returns the size of the kept journal.
    pub fn counts(&self) -> KeptCounts {
        let ring = self.lock();
        KeptCounts {
            entries: ring.entries.len(),
            bytes: ring.bytes + ring.bodies.sum(),
            dropped: ring.dropped,
            last: ring.last,
        }
    }

    /// Whether entries are dropped by age, so that [`Kept::grow_old`] must be called.
    pub fn looks_at_age(&self) -> bool {
        self.lock().limits.age.is_some()
    }

    /// Drops the entries that are too old at this moment.
    pub fn grow_old(&self, now: Timestamp) {
        self.lock().drop_old(now);
    }

    /// Returns a receiver that signals new entries, and that the journal was cleared or has ended. A reader that subscribes before it reads misses nothing.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.written.subscribe()
    }

    /// Marks the journal as ended, so that waiting readers stop.
    pub fn end(&self) {
        self.lock().is_over = true;
        self.0.written.send_modify(|_| ());
    }

    /// Whether the journal has ended.
    pub fn is_over(&self) -> bool {
        self.lock().is_over
    }

    /// Removes all entries; numbering continues under another id.
    pub fn clear(&self) {
        let mut ring = self.lock();
        ring.entries.clear();
        ring.bytes = 0;
        ring.bodies = SharedBytes::default();
        ring.id.cleared += 1;
        drop(ring);
        self.0.written.send_modify(|_| ());
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

/// Returns the bodies that an entry shares with others: that of the callback, and that of the attempt, which differs where a
/// fault changes it.
fn bodies(event: &Event) -> [Option<&Bytes>; 2] {
    match event {
        Event::Queued(callback) | Event::Ended { callback, .. } => [Some(&callback.body), None],
        Event::Attempted { attempt, .. } => [Some(&attempt.callback.body), Some(&attempt.body)],
        _ => [None, None],
    }
}

/// Returns the approximate size of an entry without its [`bodies`].
fn size(event: &Event) -> usize {
    let texts = match event {
        Event::Requested(exchange) => {
            let request = &exchange.request;
            let headers = request.headers.iter().map(|(name, value)| name.len() + value.len());
            let query = request.query.as_ref().map_or(0, String::len);
            request.path.len() + query + headers.sum::<usize>() + request.body.len() + exchange.answer.len()
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
        let found = |seq| kept.find(seq).map(|entry| entry.seq);
        assert_eq!([0, 2, 3, 5, 6].map(found), [None, None, Some(3), Some(5), None]);
        let earlier = |entry: &Entry| (entry.seq < 5).then_some(entry.seq);
        assert_eq!((kept.latest(earlier), kept.latest(|_| None::<()>)), (Some(4), None));
        assert_eq!(kept.counts().dropped, 2);
    }

    #[test]
    fn numbers_go_on_under_another_id_after_a_clear() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let kept = Kept::beginning(KeptLimits::default(), at(1));
        let mut journal = Journal::default();
        journal.add_sink(Box::new(kept.clone()));
        note(&mut journal, 1);
        let (before, entries) = kept.read(0);
        assert_eq!((before, entries.len()), (kept.id(), 1));
        let mut watch = kept.watch();
        kept.clear();
        assert!(watch.has_changed().unwrap());
        watch.mark_unchanged();
        note(&mut journal, 1);
        let (after, entries) = kept.read(0);
        assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [2]);
        let ids = [before, after, Kept::beginning(KeptLimits::default(), at(2)).id()];
        assert_eq!(ids.map(|id| id.to_string()), ["3b9aca00-0", "3b9aca00-1", "77359400-0"]);
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
        // Nothing can be older than the earliest moment.
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

//! What happens later by itself, ordered by its moment and, at the same moment, by when it was planned.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// How much is done at a time. Where the clock jumps over a day of a long list, others want to be served meanwhile, and
/// what is told must not fill the memory.
pub(super) const AT_ONCE: usize = 2_000;

/// Where something stands in an agenda: its moment, and what was planned before it.
pub(super) type Place = (Timestamp, u64);

/// Something that happens later.
pub(super) trait Later {
    /// Whether a run waits for it.
    fn is_work(&self) -> bool;
}

/// What happens later.
#[derive(Debug)]
pub(super) struct Agenda<T> {
    queue: BTreeMap<Place, T>,
    planned: u64,
    /// How many entries are work.
    work: usize,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { queue: BTreeMap::new(), planned: 0, work: 0 }
    }
}

impl<T: Later> Agenda<T> {
    /// Plans something and returns its place.
    pub(super) fn plan(&mut self, at: Timestamp, what: T) -> Place {
        self.planned += 1;
        self.work += usize::from(what.is_work());
        self.queue.insert((at, self.planned), what);
        (at, self.planned)
    }

    /// How many were ever planned.
    pub(super) fn planned(&self) -> u64 {
        self.planned
    }

    /// When the next of it happens.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.queue.keys().next().map(|(at, _)| *at)
    }

    /// Takes the first that is due, with its moment.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<(Timestamp, T)> {
        let entry = self.queue.first_entry().filter(|entry| entry.key().0 <= now)?;
        let at = entry.key().0;
        let what = entry.remove();
        self.work -= usize::from(what.is_work());
        Some((at, what))
    }

    /// Takes something back, if it has not happened yet: nobody waits for what changes nothing any more.
    pub(super) fn forget(&mut self, place: Option<Place>) {
        if let Some(what) = place.and_then(|place| self.queue.remove(&place)) {
            self.work -= usize::from(what.is_work());
        }
    }

    /// Takes back what was planned after so many, unless it is to be kept.
    pub(super) fn forget_since(&mut self, planned: u64, keeps: impl Fn(&T) -> bool) {
        self.queue.retain(|(_, number), what| *number <= planned || keeps(what));
        self.work = self.queue.values().filter(|what| what.is_work()).count();
    }

    /// What was planned after so many.
    pub(super) fn since(&mut self, planned: u64) -> impl Iterator<Item = &mut T> {
        self.queue.iter_mut().filter(move |((_, number), _)| *number > planned).map(|(_, what)| what)
    }

    /// Whether anything is planned that a run waits for.
    pub(super) fn is_busy(&self) -> bool {
        self.work > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Entry(u8);

    impl Later for Entry {
        fn is_work(&self) -> bool {
            self.0 < 10
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_is_due_comes_in_order() {
        let mut agenda = Agenda::default();
        agenda.plan(at(2), Entry(1));
        agenda.plan(at(1), Entry(2));
        agenda.plan(at(1), Entry(3));
        assert_eq!(agenda.next(), Some(at(1)));
        let taken: Vec<u8> =
            std::iter::from_fn(|| agenda.take(at(1))).map(|(_, Entry(number))| number).collect();
        assert_eq!(taken, [2, 3]);
        assert_eq!((agenda.next(), agenda.take(at(2))), (Some(at(2)), Some((at(2), Entry(1)))));
        assert_eq!(agenda.take(Timestamp::MAX), None);
    }

    #[test]
    fn work_is_counted_whichever_way_it_goes() {
        let mut agenda = Agenda::default();
        let idle = agenda.plan(at(1), Entry(10));
        assert!(!agenda.is_busy());
        let place = agenda.plan(at(2), Entry(1));
        assert!(agenda.is_busy());
        agenda.forget(Some(place));
        agenda.forget(Some(place));
        agenda.forget(None);
        assert!(!agenda.is_busy());
        let mark = agenda.planned();
        agenda.plan(at(3), Entry(2));
        agenda.plan(at(3), Entry(3));
        agenda.forget_since(mark, |entry| entry.0 == 3);
        assert_eq!(agenda.since(mark).map(|entry| entry.0).collect::<Vec<_>>(), [3]);
        assert!(agenda.is_busy());
        assert!(agenda.take(at(3)).is_some() && agenda.take(at(3)).is_some());
        assert!(!agenda.is_busy() && agenda.next().is_none());
        agenda.forget(Some(idle));
    }
}

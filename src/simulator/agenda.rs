//! What happens later by itself, ordered by its moment and, at the same moment, by when it was planned.

use std::cmp::Reverse;
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

/// How long a slot is, as a power of two of milliseconds.
const SLOT: u32 = 6;

/// How many slots there are: the next 16 seconds, in which nearly everything of a conversation or call happens.
const SLOTS: usize = 256;

/// Of so many entries at most it does not matter where they are kept.
const FEW: usize = 64;

/// What happens later.
///
/// Most of it happens soon, and under load very much is planned: only what happens next is kept in order. What comes
/// soon after waits unordered in slots of time until its slot is the next, and what happens late is in order by itself.
#[derive(Debug)]
pub(super) struct Agenda<T> {
    /// What waited in the present slot, the next of it last. The last one is never taken back.
    next: Vec<Entry<T>>,
    /// What was planned for the present slot once it was that, and what was planned for before it.
    added: BTreeMap<Place, T>,
    /// The number of the present slot, counted from the beginning of the Unix era.
    present: i64,
    /// The slots after the present one, each at its number modulo their count; within, by when it was planned.
    soon: Box<[Vec<Entry<T>>]>,
    /// How many entries wait in slots.
    waiting: usize,
    /// What was planned for later than any of the slots at the time.
    late: BTreeMap<Place, T>,
    planned: u64,
    /// How many entries are work.
    work: usize,
}

/// Something in a list, unless it was taken back.
type Entry<T> = (Place, Option<T>);

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self {
            next: Vec::new(),
            added: BTreeMap::new(),
            present: 0,
            soon: (0..SLOTS).map(|_| Vec::new()).collect(),
            waiting: 0,
            late: BTreeMap::new(),
            planned: 0,
            work: 0,
        }
    }
}

/// The slot that a moment falls into.
fn slot(at: Timestamp) -> i64 {
    at.as_millisecond() >> SLOT
}

/// Where a slot is kept.
fn index(slot: i64) -> usize {
    usize::try_from(slot.rem_euclid(SLOTS as i64)).unwrap_or_default()
}

impl<T: Later> Agenda<T> {
    /// Plans something and returns its place.
    pub(super) fn plan(&mut self, at: Timestamp, what: T) -> Place {
        self.planned += 1;
        self.work += usize::from(what.is_work());
        let place = (at, self.planned);
        let slot = slot(at);
        self.go_back(slot);
        if slot <= self.present {
            self.added.insert(place, what);
        } else if slot - self.present <= SLOTS as i64 {
            self.soon[index(slot)].push((place, Some(what)));
            self.waiting += 1;
        } else {
            self.late.insert(place, what);
        }
        place
    }

    /// Makes a slot the present one if nothing happens before: where all that was planned is far off, what is planned
    /// for sooner must find its slots all the same.
    fn go_back(&mut self, to: i64) {
        let is_first = self.next().is_none_or(|at| slot(at) > to);
        if is_first && self.waiting == 0 && self.next.len() + self.added.len() <= FEW {
            self.late.extend(std::mem::take(&mut self.added));
            let next = self.next.drain(..).filter_map(|(place, what)| Some((place, what?)));
            self.late.extend(next);
            self.present = to;
        }
    }

    /// Goes on to the next slot with anything in it, once nothing is left in the present one.
    fn go_on(&mut self) {
        while self.next.pop_if(|(_, what)| what.is_none()).is_some() {}
        while self.next.is_empty() && self.added.is_empty() {
            let mut slots = self.present + 1..=self.present + SLOTS as i64;
            let soon = slots.find(|slot| self.waiting > 0 && !self.soon[index(*slot)].is_empty());
            let late = self.late.keys().next().map(|(at, _)| slot(*at));
            let Some(present) = [soon, late].into_iter().flatten().min() else { return };
            self.present = present;
            if soon == Some(present) {
                self.next = std::mem::take(&mut self.soon[index(present)]);
                self.next.retain(|(_, what)| what.is_some());
                self.waiting -= self.next.len();
                self.next.sort_unstable_by_key(|(place, _)| Reverse(*place));
            }
            while let Some(entry) = self.late.first_entry().filter(|entry| slot(entry.key().0) <= present) {
                let (place, what) = entry.remove_entry();
                self.added.insert(place, what);
            }
        }
    }

    /// How many were ever planned.
    pub(super) fn planned(&self) -> u64 {
        self.planned
    }

    /// When the next of it happens.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let (next, added) = (self.next.last(), self.added.keys().next());
        [next.map(|(place, _)| place.0), added.map(|place| place.0)].into_iter().flatten().min()
    }

    /// Takes the first that is due, with its moment.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<(Timestamp, T)> {
        let (next, added) = (self.next.last().map(|(place, _)| *place), self.added.keys().next().copied());
        let is_added = next.is_none_or(|next| added.is_some_and(|added| added < next));
        let first = if is_added { added? } else { next? };
        if first.0 > now {
            return None;
        }
        let what = if is_added {
            self.added.pop_first().map(|(_, what)| what)
        } else {
            self.next.pop().and_then(|(_, what)| what)
        }?;
        self.work -= usize::from(what.is_work());
        self.go_on();
        Some((first.0, what))
    }

    /// Takes something back, if it has not happened yet: nobody waits for what changes nothing any more.
    pub(super) fn forget(&mut self, place: Option<Place>) {
        if let Some(what) = place.and_then(|place| self.remove(place)) {
            self.work -= usize::from(what.is_work());
            self.go_on();
        }
    }

    fn remove(&mut self, place: Place) -> Option<T> {
        if let Some(what) = self.added.remove(&place).or_else(|| self.late.remove(&place)) {
            return Some(what);
        }
        if let Ok(at) = self.next.binary_search_by_key(&Reverse(place), |(place, _)| Reverse(*place)) {
            return self.next[at].1.take();
        }
        let slot = &mut self.soon[index(slot(place.0))];
        let at = slot.binary_search_by_key(&place.1, |((_, number), _)| *number).ok()?;
        let (_, what) = slot.get_mut(at).filter(|(known, _)| *known == place)?;
        let what = what.take()?;
        self.waiting -= 1;
        Some(what)
    }

    /// Takes back what was planned after so many, unless it is to be kept.
    pub(super) fn forget_since(&mut self, planned: u64, keeps: impl Fn(&T) -> bool) {
        self.added.retain(|(_, number), what| *number <= planned || keeps(what));
        self.late.retain(|(_, number), what| *number <= planned || keeps(what));
        let stays = |((_, number), what): &Entry<T>| {
            what.as_ref().is_some_and(|what| *number <= planned || keeps(what))
        };
        self.next.retain(stays);
        for slot in &mut self.soon {
            slot.retain(stays);
        }
        self.waiting = self.soon.iter().map(Vec::len).sum();
        self.go_on();
        self.work = self.all().filter(|what| what.is_work()).count();
    }

    fn all(&self) -> impl Iterator<Item = &T> {
        let listed = self.next.iter().chain(self.soon.iter().flatten()).filter_map(|(_, what)| what.as_ref());
        self.added.values().chain(self.late.values()).chain(listed)
    }

    /// What was planned after so many.
    pub(super) fn since(&mut self, planned: u64) -> impl Iterator<Item = &mut T> {
        let listed = self.next.iter_mut().chain(self.soon.iter_mut().flatten());
        let listed = listed.filter_map(|((_, number), what)| Some((*number, what.as_mut()?)));
        let others = self.added.iter_mut().chain(&mut self.late).map(|((_, number), what)| (*number, what));
        others.chain(listed).filter(move |(number, _)| *number > planned).map(|(_, what)| what)
    }

    /// Whether anything is planned that a run waits for.
    pub(super) fn is_busy(&self) -> bool {
        self.work > 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        let checkpoint = agenda.planned();
        agenda.plan(at(3), Entry(2));
        agenda.plan(at(3), Entry(3));
        agenda.forget_since(checkpoint, |entry| entry.0 == 3);
        assert_eq!(agenda.since(checkpoint).map(|entry| entry.0).collect::<Vec<_>>(), [3]);
        assert!(agenda.is_busy());
        assert!(agenda.take(at(3)).is_some() && agenda.take(at(3)).is_some());
        assert!(!agenda.is_busy() && agenda.next().is_none());
        agenda.forget(Some(idle));
    }

    /// Something done to an agenda.
    #[derive(Clone, Debug)]
    enum Deed {
        /// Planned so many milliseconds after the present.
        Plan(i64),
        /// So many milliseconds pass.
        Pass(i64),
        Forget(prop::sample::Index),
        ForgetSince(prop::sample::Index),
    }

    fn deed() -> impl Strategy<Value = Deed> {
        let millis = || prop_oneof![0..50_i64, 0..3_000_i64, 0..40_000_i64, 0..100_000_000_i64];
        prop_oneof![
            6 => millis().prop_map(Deed::Plan),
            3 => millis().prop_map(Deed::Pass),
            1 => any::<prop::sample::Index>().prop_map(Deed::Forget),
            1 => any::<prop::sample::Index>().prop_map(Deed::ForgetSince),
        ]
    }

    proptest! {
        /// Whatever is kept where, all of it comes in the order of its places.
        #[test]
        fn it_is_in_order_whatever_is_done(
            deeds in prop::collection::vec(deed(), 0..120),
            begin in -200_000..200_000_i64,
        ) {
            let mut agenda = Agenda::default();
            let mut plain: BTreeMap<Place, Entry> = BTreeMap::new();
            let mut places = vec![(at(0), 0)];
            let mut now = Timestamp::from_millisecond(begin).unwrap();
            for deed in deeds {
                match deed {
                    Deed::Plan(millis) => {
                        let at = now + std::time::Duration::from_millis(millis.unsigned_abs());
                        let number = u8::try_from(places.len() % 20).unwrap();
                        let place = agenda.plan(at, Entry(number));
                        plain.insert(place, Entry(number));
                        places.push(place);
                    }
                    Deed::Pass(millis) => {
                        now += std::time::Duration::from_millis(millis.unsigned_abs());
                        while let Some((at, entry)) = agenda.take(now) {
                            let (place, wanted) = plain.pop_first().unwrap();
                            prop_assert_eq!((at, entry), (place.0, wanted));
                        }
                    }
                    Deed::Forget(which) => {
                        let place = places[which.index(places.len())];
                        agenda.forget(Some(place));
                        plain.remove(&place);
                    }
                    Deed::ForgetSince(which) => {
                        let planned = u64::try_from(which.index(places.len())).unwrap();
                        agenda.forget_since(planned, |entry| entry.0 % 3 == 0);
                        plain.retain(|(_, number), entry| *number <= planned || entry.0 % 3 == 0);
                    }
                }
                prop_assert_eq!(agenda.next(), plain.keys().next().map(|(at, _)| *at));
                prop_assert_eq!(agenda.is_busy(), plain.values().any(Entry::is_work));
                prop_assert_eq!(agenda.since(0).count(), plain.len());
            }
        }
    }
}

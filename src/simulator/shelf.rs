//! Objects in the order of their keys. Finished ones are evicted after a while.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};
use std::sync::Arc;

use jiff::Timestamp;

use super::keys::Key;

/// Objects by their keys, which are numbered in the order in which the objects were added. A key is never reused.
#[derive(Clone, Debug)]
pub(super) struct Shelf<K, T> {
    /// The number of the first place.
    first: usize,
    /// The kept objects, each with its weight. The first place is never empty. The objects are shared with copies of the shelf
    /// until one of them changes, so that a copy costs one pointer per object.
    places: VecDeque<Option<Arc<(T, usize)>>>,
    weight: usize,
    /// Number of evicted objects.
    gone: usize,
    /// The weight from which on the shelf is scanned.
    full_at: usize,
    keys: PhantomData<K>,
}

/// How much is kept of a shelf's finished objects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep {
    /// Objects that finished before this moment are evicted.
    pub(super) since: Timestamp,
    /// Maximum total weight; beyond it the objects that finished first are evicted.
    pub(super) most: usize,
}

impl<K, T> Default for Shelf<K, T> {
    fn default() -> Self {
        Self { first: 0, places: VecDeque::new(), weight: 0, gone: 0, full_at: 0, keys: PhantomData }
    }
}

impl<K: Key, T: Clone> Shelf<K, T> {
    /// Adds an object and returns its key. Its weight counts towards [`Keep::most`].
    pub(super) fn add(&mut self, object: T, weight: usize) -> K {
        let key = self.next_key();
        self.weight += weight;
        self.places.push_back(Some(Arc::new((object, weight))));
        key
    }

    /// Returns the key of the next object.
    pub(super) fn next_key(&self) -> K {
        K::of(self.given())
    }

    /// Returns how many objects were ever added.
    pub(super) fn given(&self) -> usize {
        self.first + self.places.len()
    }

    /// Adds to the weight of an object that has grown.
    pub(super) fn add_weight(&mut self, key: K, weight: usize) {
        if let Some(place) = self.place_mut(key) {
            place.1 += weight;
            self.weight += weight;
        }
    }

    fn place_mut(&mut self, key: K) -> Option<&mut (T, usize)> {
        self.places.get_mut(key.number().checked_sub(self.first)?)?.as_mut().map(Arc::make_mut)
    }

    /// Returns the object of a key, if it is kept.
    pub(super) fn get(&self, key: K) -> Option<&T> {
        Some(&self.places.get(key.number().checked_sub(self.first)?)?.as_deref()?.0)
    }

    /// Returns the same, mutable.
    pub(super) fn get_mut(&mut self, key: K) -> Option<&mut T> {
        Some(&mut self.place_mut(key)?.0)
    }

    /// Whether an object of this key existed and was evicted.
    pub(super) fn is_gone(&self, key: K) -> bool {
        key.number() < self.given() && self.get(key).is_none()
    }

    /// Whether any object was evicted.
    pub(super) fn is_any_gone(&self) -> bool {
        self.gone > 0
    }

    /// Iterates over all kept objects, oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (K, &T)> {
        self.before(self.next_key())
    }

    /// Iterates over the same objects without their keys.
    pub(super) fn objects(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.iter().map(|(_, object)| object)
    }

    /// Iterates over the objects before a key, oldest first.
    pub(super) fn before(&self, key: K) -> impl DoubleEndedIterator<Item = (K, &T)> {
        let count = key.number().saturating_sub(self.first).min(self.places.len());
        self.places
            .range(..count)
            .enumerate()
            .filter_map(|(place, object)| Some((K::of(self.first + place), &object.as_deref()?.0)))
    }

    /// Removes an object from the shelf.
    pub(super) fn remove(&mut self, key: K) -> Option<T> {
        let place = self.places.get_mut(key.number().checked_sub(self.first)?)?;
        let (object, weight) = Arc::unwrap_or_clone(place.take()?);
        self.weight -= weight;
        self.gone += 1;
        while let Some(None) = self.places.front() {
            self.places.pop_front();
            self.first += 1;
        }
        Some(object)
    }

    /// Returns the number of kept objects.
    pub(super) fn len(&self) -> usize {
        self.given() - self.gone
    }

    /// Whether so much was added since the last scan that a scan is due.
    pub(super) fn is_full(&self, most: usize) -> bool {
        self.weight > self.full_at.max(most)
    }

    /// Scans the shelf and evicts finished objects; `finished` returns when the simulator stopped needing an object. The cost
    /// of a scan depends on the number of objects: it pays after a tenth more has been added.
    pub(super) fn put_away(
        &mut self,
        keep: Keep,
        finished: impl Fn(K, &T) -> Option<Timestamp>,
    ) -> Vec<(K, T)> {
        let weighed = self.places.iter().enumerate().filter_map(|(place, object)| {
            let (object, weight) = object.as_deref()?;
            let key = K::of(self.first + place);
            Some((finished(key, object)?, key, *weight))
        });
        let mut all: Vec<(Timestamp, K, usize)> = weighed.collect();
        all.sort_unstable();
        let mut weight: usize = all.iter().map(|(.., weight)| weight).sum();
        // Evicts a tenth more than needed, so that not every new object causes a scan.
        let most = if weight > keep.most { keep.most - keep.most / 10 } else { keep.most };
        let mut gone = Vec::new();
        for (at, key, its) in all {
            if at >= keep.since && weight <= most {
                break;
            }
            weight -= its;
            gone.extend(self.remove(key).map(|object| (key, object)));
        }
        // Objects in progress are not evicted, and may exceed the maximum by far.
        self.full_at = self.weight + keep.most.max(self.weight) / 10;
        gone
    }
}

impl<K: Key, T: Clone> Index<K> for Shelf<K, T> {
    type Output = T;

    /// Returns the object of a key.
    ///
    /// # Panics
    ///
    /// If it was evicted. The key of an object in progress, or of one that was just found, is safe to use.
    fn index(&self, key: K) -> &T {
        self.get(key).expect("it is kept while anything needs it")
    }
}

impl<K: Key, T: Clone> IndexMut<K> for Shelf<K, T> {
    fn index_mut(&mut self, key: K) -> &mut T {
        self.get_mut(key).expect("it is kept while anything needs it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Key for usize {
        fn of(number: usize) -> Self {
            number
        }

        fn number(self) -> usize {
            self
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn of(count: i64) -> Shelf<usize, i64> {
        let mut shelf = Shelf::default();
        for number in 0..count {
            shelf.add(number, 1);
        }
        shelf
    }

    fn kept(shelf: &Shelf<usize, i64>) -> Vec<i64> {
        shelf.iter().map(|(_, number)| *number).collect()
    }

    const ALL: Keep = Keep { since: Timestamp::MIN, most: 100 };

    #[test]
    fn what_finished_first_is_put_away_and_numbers_stay() {
        let mut shelf = of(20);
        // The objects with even numbers are in progress, and the last finished one finished first.
        let finished = |_: usize, object: &i64| (object % 2 == 1).then(|| at(100 - object));
        let gone = shelf.put_away(Keep { most: 10, ..ALL }, finished);
        assert!(gone.is_empty(), "ten are finished, which is the most");
        let gone = shelf.put_away(Keep { most: 9, ..ALL }, finished);
        assert_eq!(gone, [(19, 19)]);
        assert!(shelf.is_any_gone() && shelf.is_gone(19) && !shelf.is_gone(20) && !shelf.is_gone(18));
        assert_eq!(shelf.add(20, 1), 20);
        assert_eq!((shelf[18], shelf.get(19), shelf[20]), (18, None, 20));
        assert_eq!(shelf.given(), 21);
        assert_eq!(shelf.before(3).map(|(number, _)| number).collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn what_finished_long_ago_is_put_away() {
        let mut shelf = of(5);
        let gone = shelf.put_away(Keep { since: at(3), ..ALL }, |_, object| Some(at(*object)));
        assert_eq!(gone, [(0, 0), (1, 1), (2, 2)]);
        assert_eq!((kept(&shelf), shelf.given()), (vec![3, 4], 5));
        assert_eq!(shelf.before(2).count(), 0);
        assert_eq!((shelf.before(4).count(), shelf.before(100).count()), (1, 2));
    }

    #[test]
    fn it_is_looked_through_after_a_tenth_more_has_come() {
        let mut shelf = of(100);
        assert!(!shelf.is_full(100));
        shelf.add_weight(3, 1);
        assert!(shelf.is_full(100));
        let gone = shelf.put_away(ALL, |number, _| Some(at(i64::try_from(number).unwrap())));
        assert_eq!(gone.len(), 10, "down to nine tenths");
        for _ in 0..10 {
            assert!(!shelf.is_full(100));
            shelf.add(0, 1);
        }
        // None of it is finished: it is full all the same, and scanned for each tenth that is added.
        assert!(shelf.put_away(ALL, |_, _| None).is_empty());
        assert!(!shelf.is_full(100));
        shelf.add(0, 11);
        assert!(shelf.is_full(100));
    }

    #[test]
    fn a_small_limit_and_much_that_goes_on_do_not_make_it_slow() {
        let (mut shelf, mut looks) = (Shelf::<usize, usize>::default(), 0);
        for number in 0..10_000 {
            shelf.add(number, 1);
            if shelf.is_full(1) {
                looks += 1;
                shelf.put_away(Keep { most: 1, ..ALL }, |_, _| None);
            }
        }
        assert!(looks < 200, "{looks} looks");
    }
}

//! Objects by the numbers that they were given in order, of which finished ones are put away after a while.

use std::collections::VecDeque;
use std::ops::{Index, IndexMut};
use std::sync::Arc;

use jiff::Timestamp;

/// Objects by their numbers. A number is never given twice, and an object keeps its own for good.
#[derive(Clone, Debug)]
pub(super) struct Shelf<T> {
    /// The number of the first place.
    first: usize,
    /// What is kept, with its weight. The first place is never an empty one. Shared with the copies of the shelf until one of
    /// them changes it, so that a copy costs a pointer an object.
    places: VecDeque<Option<Arc<(T, usize)>>>,
    weight: usize,
    /// How many were put away.
    gone: usize,
    /// From this weight on it is looked through.
    full_at: usize,
}

/// How much of what is finished is kept on a shelf.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep {
    /// What finished before this moment is put away.
    pub(super) since: Timestamp,
    /// So much at most, by weight: beyond it what finished first is put away.
    pub(super) most: usize,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { first: 0, places: VecDeque::new(), weight: 0, gone: 0, full_at: 0 }
    }
}

impl<T: Clone> Shelf<T> {
    /// Puts an object on the shelf and returns its number. Its weight is what it counts for in [`Keep::most`].
    pub(super) fn add(&mut self, object: T, weight: usize) -> usize {
        self.weight += weight;
        self.places.push_back(Some(Arc::new((object, weight))));
        self.given() - 1
    }

    /// How many objects there ever were: the number of the next.
    pub(super) fn given(&self) -> usize {
        self.first + self.places.len()
    }

    /// Makes an object heavier: there is more of it now.
    pub(super) fn add_weight(&mut self, number: usize, weight: usize) {
        if let Some(place) = self.place_mut(number) {
            place.1 += weight;
            self.weight += weight;
        }
    }

    fn place_mut(&mut self, number: usize) -> Option<&mut (T, usize)> {
        self.places.get_mut(number.checked_sub(self.first)?)?.as_mut().map(Arc::make_mut)
    }

    /// The object of a number, if it is kept.
    pub(super) fn get(&self, number: usize) -> Option<&T> {
        Some(&self.places.get(number.checked_sub(self.first)?)?.as_deref()?.0)
    }

    /// The same, to change.
    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut T> {
        Some(&mut self.place_mut(number)?.0)
    }

    /// Whether there was an object of this number that is not kept any more.
    pub(super) fn is_gone(&self, number: usize) -> bool {
        number < self.given() && self.get(number).is_none()
    }

    /// Whether any was put away.
    pub(super) fn is_any_gone(&self) -> bool {
        self.gone > 0
    }

    /// All that are kept, oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (usize, &T)> {
        self.before(usize::MAX)
    }

    /// The same, without their numbers.
    pub(super) fn objects(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.iter().map(|(_, object)| object)
    }

    /// Those before a number, oldest first.
    pub(super) fn before(&self, number: usize) -> impl DoubleEndedIterator<Item = (usize, &T)> {
        let count = number.saturating_sub(self.first).min(self.places.len());
        self.places
            .range(..count)
            .enumerate()
            .filter_map(|(place, object)| Some((self.first + place, &object.as_deref()?.0)))
    }

    /// Takes an object off the shelf.
    pub(super) fn remove(&mut self, number: usize) -> Option<T> {
        let place = self.places.get_mut(number.checked_sub(self.first)?)?;
        let (object, weight) = Arc::unwrap_or_clone(place.take()?);
        self.weight -= weight;
        self.gone += 1;
        while let Some(None) = self.places.front() {
            self.places.pop_front();
            self.first += 1;
        }
        Some(object)
    }

    /// How many objects are kept.
    pub(super) fn len(&self) -> usize {
        self.given() - self.gone
    }

    /// Whether so much has come since it was looked through last that it may be too much.
    pub(super) fn is_full(&self, most: usize) -> bool {
        self.weight > self.full_at.max(most)
    }

    /// Looks it through and puts away what needs not be kept; `finished` says since when an object is of no more use to the
    /// simulator. To look through costs as much as there is: it pays after a tenth more has come.
    pub(super) fn put_away(
        &mut self,
        keep: Keep,
        finished: impl Fn(usize, &T) -> Option<Timestamp>,
    ) -> Vec<(usize, T)> {
        let weighed = self.places.iter().enumerate().filter_map(|(place, object)| {
            let (object, weight) = object.as_deref()?;
            let number = self.first + place;
            Some((finished(number, object)?, number, *weight))
        });
        let mut all: Vec<(Timestamp, usize, usize)> = weighed.collect();
        all.sort_unstable();
        let mut weight: usize = all.iter().map(|(.., weight)| weight).sum();
        // A tenth more than needed, so that it is not looked through for each that comes.
        let most = if weight > keep.most { keep.most - keep.most / 10 } else { keep.most };
        let mut gone = Vec::new();
        for (at, number, its) in all {
            if at >= keep.since && weight <= most {
                break;
            }
            weight -= its;
            gone.extend(self.remove(number).map(|object| (number, object)));
        }
        // Of what goes on, which is not put away, there may be far more than the most.
        self.full_at = self.weight + keep.most.max(self.weight) / 10;
        gone
    }
}

impl<T: Clone> Index<usize> for Shelf<T> {
    type Output = T;

    /// The object of a number.
    ///
    /// # Panics
    ///
    /// If it is not kept any more. Whoever holds the number of something that goes on, or has just found it, may use it so.
    fn index(&self, number: usize) -> &T {
        self.get(number).expect("it is kept while anything needs it")
    }
}

impl<T: Clone> IndexMut<usize> for Shelf<T> {
    fn index_mut(&mut self, number: usize) -> &mut T {
        self.get_mut(number).expect("it is kept while anything needs it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn of(count: i64) -> Shelf<i64> {
        let mut shelf = Shelf::default();
        for number in 0..count {
            shelf.add(number, 1);
        }
        shelf
    }

    fn kept(shelf: &Shelf<i64>) -> Vec<i64> {
        shelf.iter().map(|(_, number)| *number).collect()
    }

    const ALL: Keep = Keep { since: Timestamp::MIN, most: 100 };

    #[test]
    fn what_finished_first_is_put_away_and_numbers_stay() {
        let mut shelf = of(20);
        // The even ones go on, and the last one that is finished finished first.
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
        // Nothing of it is finished: it is full all the same, and looked through for each tenth that comes.
        assert!(shelf.put_away(ALL, |_, _| None).is_empty());
        assert!(!shelf.is_full(100));
        shelf.add(0, 11);
        assert!(shelf.is_full(100));
    }

    #[test]
    fn a_small_limit_and_much_that_goes_on_do_not_make_it_slow() {
        let (mut shelf, mut looks) = (Shelf::default(), 0);
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

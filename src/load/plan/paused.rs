//! Steps of iterations that are due later, because their story pauses.

use std::collections::BTreeMap;
use std::time::Duration;

use super::schedule::Event;

/// Steps that are due later, each with the slot that is reserved for it, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Paused {
    /// Ordered by due time, then by order of insertion.
    events: BTreeMap<(Duration, u64), (Event, Option<usize>)>,
    added: u64,
}

impl Paused {
    /// Sets a step aside until it is due.
    pub(crate) fn add(&mut self, event: Event, place: Option<usize>) {
        self.added += 1;
        self.events.insert((event.planned, self.added), (event, place));
    }

    /// Returns when the first of them is due.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.events.first_key_value().map(|((due, _), _)| *due)
    }

    /// Returns the slot that is reserved for the step that is due first.
    pub(crate) fn place(&self) -> Option<usize> {
        self.events.first_key_value().and_then(|(_, (_, place))| *place)
    }

    /// Removes and returns the first step that is due.
    pub(crate) fn take(&mut self, now: Duration) -> Option<Event> {
        let first = self.events.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove().0)
    }

    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Removes all steps.
    pub(crate) fn clear(&mut self) {
        self.events.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_due_comes_first() {
        let event = |iteration, millis| Event {
            iteration,
            story: 0,
            step: 1,
            steps: 2,
            planned: Duration::from_millis(millis),
            begun: None,
        };
        let mut paused = Paused::default();
        paused.add(event(1, 30), None);
        paused.add(event(2, 20), Some(7));
        paused.add(event(3, 20), None);
        assert_eq!((paused.next(), paused.place()), (Some(Duration::from_millis(20)), Some(7)));
        assert_eq!(paused.take(Duration::from_millis(19)), None);
        let mut taken = || paused.take(Duration::from_millis(30)).map(|event| event.iteration);
        assert_eq!([taken(), taken(), taken(), taken()], [Some(2), Some(3), Some(1), None]);
        assert!(paused.is_empty());
    }
}

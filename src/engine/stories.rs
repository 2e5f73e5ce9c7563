//! The stories of an engine, by their numbers.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::scenario::StoryRun;

/// The stories that were added to an engine. The number of a story never changes, even when others are forgotten.
#[derive(Clone, Debug, Default)]
pub struct Stories {
    /// In the order of the numbers; `None` for a forgotten story.
    slots: VecDeque<Option<Box<Slot>>>,
    /// The number of the first slot.
    first: usize,
    /// Number of forgotten stories.
    forgotten: usize,
}

/// A story, and the moment at which time advances it.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) run: StoryRun,
    pub(super) wakeup: Option<Timestamp>,
}

impl Stories {
    /// Returns the number of stories added so far, including forgotten ones.
    pub fn len(&self) -> usize {
        self.first + self.slots.len()
    }

    /// Whether no story was added.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of forgotten stories, which had finished.
    pub fn forgotten(&self) -> usize {
        self.forgotten
    }

    /// Returns a story by its number, counted from 0.
    pub fn get(&self, number: usize) -> Option<&StoryRun> {
        let slot = self.slots.get(number.checked_sub(self.first)?)?;
        slot.as_ref().map(|slot| &slot.run)
    }

    /// Returns all stories that are not forgotten, with their numbers.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (usize, &StoryRun)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(place, slot)| Some((self.first + place, &slot.as_ref()?.run)))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut StoryRun> {
        self.slots.iter_mut().flatten().map(|slot| &mut slot.run)
    }

    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut StoryRun> {
        self.slot_mut(number).map(|slot| &mut slot.run)
    }

    pub(super) fn slot_mut(&mut self, number: usize) -> Option<&mut Slot> {
        self.slots.get_mut(number.checked_sub(self.first)?)?.as_deref_mut()
    }

    pub(super) fn push(&mut self, run: StoryRun) {
        let wakeup = run.next_wakeup();
        self.slots.push_back(Some(Box::new(Slot { run, wakeup })));
    }

    /// Forgets a story. It still counts.
    pub(super) fn forget(&mut self, number: usize) {
        let slot = number.checked_sub(self.first).and_then(|place| self.slots.get_mut(place));
        if slot.and_then(Option::take).is_some() {
            self.forgotten += 1;
        }
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::delivery::Policy;
    use crate::scenario::{Story, load};
    use crate::seed::Seed;

    #[test]
    fn numbers_stay_when_stories_are_forgotten() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/agent-transfer.toml");
        let loaded = load::load(&path, crate::contract::Catalog::builtin(), &[]).unwrap();
        let story = Arc::new(Story::compile(&loaded, Policy::airudder(), |_| true).unwrap());
        let mut stories = Stories::default();
        for number in 0..4_u32 {
            let name = number.to_string().into();
            stories.push(StoryRun::new(Arc::clone(&story), name, number, 1, Seed(7), Timestamp::UNIX_EPOCH));
        }
        let there = |stories: &Stories| stories.iter().map(|(number, _)| number).collect::<Vec<_>>();
        stories.forget(1);
        stories.forget(1);
        assert_eq!((there(&stories), stories.len(), stories.forgotten()), (vec![0, 2, 3], 4, 1));
        stories.forget(0);
        assert_eq!((there(&stories), stories.len(), stories.slots.len()), (vec![2, 3], 4, 2));
        assert!(stories.get(1).is_none() && stories.get(4).is_none());
        assert_eq!(&**stories.get(3).unwrap().name(), "3");
        assert_eq!(&**stories.get_mut(2).unwrap().name(), "2");
    }
}

//! The stories that may still claim a request.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The stories that may still claim a request, by their numbers: unfinished ones, and those that awaited one in vain.
#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    all: BTreeSet<usize>,
    /// Those with a step or a reaction for a request, by the request's id. A load has thousands of stories at a time.
    by_request: HashMap<Arc<str>, BTreeSet<usize>>,
}

impl Live {
    /// Adds a story that looks for these requests.
    pub(super) fn add<'a>(&mut self, story: usize, requests: impl Iterator<Item = &'a Arc<str>>) {
        self.all.insert(story);
        for id in requests {
            match self.by_request.get_mut(id) {
                Some(stories) => drop(stories.insert(story)),
                None => drop(self.by_request.insert(Arc::clone(id), BTreeSet::from([story]))),
            }
        }
    }

    /// Removes a story that was added with these requests.
    pub(super) fn remove<'a>(&mut self, story: usize, requests: impl Iterator<Item = &'a Arc<str>>) {
        if !self.all.remove(&story) {
            return;
        }
        for id in requests {
            if let Some(stories) = self.by_request.get_mut(id) {
                stories.remove(&story);
                if stories.is_empty() {
                    self.by_request.remove(id);
                }
            }
        }
    }

    /// Returns all of them, in the order in which they were added.
    pub(super) fn all(&self) -> impl Iterator<Item = usize> {
        self.all.iter().copied()
    }

    /// Returns those with a step or a reaction for a request, in the same order.
    pub(super) fn looking_for(&self, request: &str) -> impl Iterator<Item = usize> {
        self.by_request.get(request).into_iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_finds_the_stories_that_look_for_it() {
        let [send, end]: [Arc<str>; 2] = ["chatbot.send_message", "chatbot.end_session"].map(Arc::from);
        let mut live = Live::default();
        live.add(2, [&send, &end, &send].into_iter());
        live.add(0, [&send].into_iter());
        live.add(1, [].into_iter());
        let looking = |live: &Live, id: &str| live.looking_for(id).collect::<Vec<_>>();
        assert_eq!(live.all().collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!((looking(&live, &send), looking(&live, &end)), (vec![0, 2], vec![2]));
        assert!(looking(&live, "task.list").is_empty());
        live.remove(2, [&send, &end, &send].into_iter());
        live.remove(2, [&send].into_iter());
        assert_eq!((looking(&live, &send), looking(&live, &end)), (vec![0], vec![]));
        assert_eq!((live.all().count(), live.by_request.len()), (2, 1));
    }
}

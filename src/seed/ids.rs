//! Ids, drawn apart from all other random values.
//!
//! `load` makes request templates of stories, and has to know which bytes of a callback are ids. Within [`observe`], every
//! id is replaced by one of another seed and recorded, while names, texts and numbers stay as they are. Outside of it, ids
//! are returned as drawn.

use std::cell::RefCell;
use std::collections::HashMap;

use rand::RngExt;

use super::{Rng, Seed};

/// The form of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum IdShape {
    /// Lower-case hexadecimal digits.
    Hex,
    /// Decimal digits.
    Digits,
    /// Decimal digits, the first of them not 0. Few such ids exist, so they may repeat.
    Number,
}

/// An id that was drawn within [`observe`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DrawnId {
    pub(crate) shape: IdShape,
    pub(crate) text: String,
}

struct Observed {
    seed: Seed,
    rng: Rng,
    /// The replacements, by the original id: an id that is drawn again from the same position gets the same replacement.
    replaced: HashMap<(IdShape, String), String>,
    ids: Vec<DrawnId>,
}

thread_local! {
    static OBSERVED: RefCell<Option<Observed>> = const { RefCell::new(None) };
}

/// Draws an id.
pub(crate) fn draw(rng: &mut Rng, shape: IdShape, make: impl Fn(&mut Rng) -> String) -> String {
    let own = make(rng);
    OBSERVED.with_borrow_mut(|observed| {
        let Some(observed) = observed.as_mut().filter(|_| !own.is_empty()) else { return own };
        let Observed { rng, replaced, ids, .. } = observed;
        let text = replaced.entry((shape, own)).or_insert_with(|| {
            let text = make(rng);
            ids.push(DrawnId { shape, text: text.clone() });
            text
        });
        text.clone()
    })
}

/// The key for ids that are encrypted numbers instead of drawn values.
pub(crate) fn key(seed: Seed) -> [u8; 16] {
    let seed = OBSERVED.with_borrow(|observed| observed.as_ref().map_or(seed, |observed| observed.seed));
    seed.stream("ids", 0).random()
}

/// Records an id that was made with [`key`].
pub(crate) fn sealed(text: String) -> String {
    OBSERVED.with_borrow_mut(|observed| {
        if let Some(Observed { ids, .. }) = observed
            && ids.iter().all(|id| id.text != text)
        {
            ids.push(DrawnId { shape: IdShape::Hex, text: text.clone() });
        }
    });
    text
}

/// Runs a closure with ids of a separate seed. Returns the ids in the order in which they were first drawn.
pub(crate) fn observe<T>(seed: Seed, run: impl FnOnce() -> T) -> (T, Vec<DrawnId>) {
    let observed =
        Observed { seed, rng: seed.stream("observed ids", 0), replaced: HashMap::new(), ids: Vec::new() };
    OBSERVED.set(Some(observed));
    let result = run();
    let ids = OBSERVED.take().map_or_else(Vec::new, |observed| observed.ids);
    (result, ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::hex32;

    #[test]
    fn ids_change_with_their_seed_and_nothing_else_does() {
        let draw_all = || {
            let mut rng = Seed(7).stream("session", 0);
            let (id, number) = (hex32(&mut rng), rng.random::<u64>());
            let again = hex32(&mut Seed(7).stream("session", 0));
            (id, number, again)
        };
        let (id, number, again) = draw_all();
        assert_eq!(id, again);
        let (first, ids) = observe(Seed(1), draw_all);
        let (second, _) = observe(Seed(2), draw_all);
        assert_eq!((number, number), (first.1, second.1));
        assert_eq!((&first.0, &second.0), (&first.2, &second.2));
        assert!(first.0 != id && first.0 != second.0);
        assert_eq!(ids, [DrawnId { shape: IdShape::Hex, text: first.0 }]);
        assert_eq!(draw_all(), (id, number, again));
    }
}

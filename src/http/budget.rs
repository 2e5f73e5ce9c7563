//! One memory budget over all connections: bodies in flight and answers that are not taken yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What needs no more than this is small. The last part of the budget is kept for it, so that a few large bodies never keep
/// everybody else out.
pub(super) const SMALL: usize = 64 << 10;

/// How much of the budget is kept for what is small: an eighth.
const KEPT: usize = 8;

/// The memory that connections may take together.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Pot>);

#[derive(Debug)]
struct Pot {
    most: usize,
    used: AtomicUsize,
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Pot { most, used: AtomicUsize::new(0) }))
    }

    /// A share that is empty yet.
    pub(super) fn share(&self) -> Share {
        Share { pot: Arc::clone(&self.0), bytes: 0 }
    }

    /// How much is taken.
    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }
}

/// What somebody has of the budget, until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    pot: Arc<Pot>,
    bytes: usize,
}

impl Share {
    /// Takes so much more, if there is room for it.
    pub(super) fn grow(&mut self, more: usize) -> bool {
        let most = if self.bytes.saturating_add(more) <= SMALL {
            self.pot.most
        } else {
            self.pot.most - self.pot.most / KEPT
        };
        let fits = |used: usize| used.checked_add(more).filter(|used| *used <= most);
        let taken = self.pot.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok();
        if taken {
            self.bytes += more;
        }
        taken
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pot.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_ones_leave_room_for_small_ones() {
        let budget = Budget::new(80 * SMALL);
        let (mut large, mut other, mut small) = (budget.share(), budget.share(), budget.share());
        assert!(large.grow(SMALL) && large.grow(69 * SMALL));
        assert!(!large.grow(1) && !other.grow(SMALL + 1));
        assert!(small.grow(SMALL) && other.grow(SMALL));
        assert_eq!(budget.used(), 72 * SMALL);
        // What is small becomes large like everything else.
        assert!(!small.grow(1));
        drop(large);
        assert!(small.grow(SMALL) && !small.grow(usize::MAX));
        drop((small, other));
        assert_eq!(budget.used(), 0);
    }
}

//! One memory budget over all connections, for bodies in flight and responses that are not sent yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Requests up to this size, in bytes, are small. The last part of the budget is reserved for them, so that a few large
/// bodies never keep all other clients out.
pub(super) const SMALL: usize = 64 << 10;

/// The reserved part of the budget: one eighth.
const KEPT: usize = 8;

/// The memory that all connections together may take.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Pot>);

#[derive(Debug)]
struct Pot {
    most: usize,
    used: AtomicUsize,
}

impl Budget {
    /// Creates a budget of `most` bytes.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Pot { most, used: AtomicUsize::new(0) }))
    }

    /// Returns an empty share.
    pub(super) fn share(&self) -> Share {
        Share { pot: Arc::clone(&self.0), bytes: 0 }
    }

    /// The number of bytes in use.
    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }
}

/// A part of the budget in use, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    pot: Arc<Pot>,
    bytes: usize,
}

impl Share {
    /// Takes `more` bytes if the budget has room for them.
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
        // A small share that grows past the limit is treated as a large one.
        assert!(!small.grow(1));
        drop(large);
        assert!(small.grow(SMALL) && !small.grow(usize::MAX));
        drop((small, other));
        assert_eq!(budget.used(), 0);
    }
}

//! Exclusive access to the engine, one turn at a time.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::time::HumanDuration;

/// A turn that took too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongTurn {
    /// A description of the work, as far as it is known.
    pub deed: String,
    /// How long it took, in real time.
    pub took: Duration,
}

impl fmt::Display for LongTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deed = if self.deed.is_empty() { "something" } else { &self.deed };
        write!(f, "{deed} blocked all other work for {}", HumanDuration(self.took))
    }
}

/// Reports turns that take too long.
pub struct Watchdog {
    longest: Duration,
    tell: Box<dyn Fn(LongTurn) + Send + Sync>,
}

impl Watchdog {
    /// Calls `tell` for every turn longer than `longest`.
    pub fn new(longest: Duration, tell: impl Fn(LongTurn) + Send + Sync + 'static) -> Self {
        Self { longest, tell: Box::new(tell) }
    }
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchdog").field("longest", &self.longest).finish_non_exhaustive()
    }
}

/// A state that describes the work done with it.
pub(super) trait Busy {
    /// Starts a turn.
    fn begin(&mut self);
    /// Returns a description of the work in this turn.
    fn deed(&self) -> &str;
}

/// Exclusive access to the shared state.
pub(super) struct Turn<'a, T: Busy> {
    /// Present until it is dropped.
    guard: Option<MutexGuard<'a, T>>,
    watchdog: Option<&'a Watchdog>,
    began: Option<Instant>,
    changed: &'a Notify,
}

impl<'a, T: Busy> Turn<'a, T> {
    /// Locks the state. `None` if the mutex is poisoned: the state may be half updated.
    pub(super) fn take(
        shared: &'a Mutex<T>,
        watchdog: Option<&'a Watchdog>,
        changed: &'a Notify,
    ) -> Option<Self> {
        let mut guard = shared.lock().ok()?;
        guard.begin();
        Some(Self { guard: Some(guard), watchdog, began: watchdog.map(|_| Instant::now()), changed })
    }
}

impl<T: Busy> Deref for Turn<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_ref().expect("a turn has its guard until it is dropped")
    }
}

impl<T: Busy> DerefMut for Turn<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_mut().expect("a turn has its guard until it is dropped")
    }
}

impl<T: Busy> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        let took = self.began.map(|began| began.elapsed());
        let long = match (self.watchdog, took, &self.guard) {
            (Some(watchdog), Some(took), Some(guard)) if took > watchdog.longest => {
                Some((watchdog, LongTurn { deed: guard.deed().to_owned(), took }))
            }
            _ => None,
        };
        drop(self.guard.take());
        if let Some((watchdog, long)) = long {
            (watchdog.tell)(long);
        }
        if std::thread::panicking() {
            // Wake the driver, so that it sees the poisoned lock.
            self.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    struct Work(&'static str);

    impl Busy for Work {
        fn begin(&mut self) {
            self.0 = "";
        }

        fn deed(&self) -> &str {
            self.0
        }
    }

    #[test]
    fn long_turns_are_told_of_with_what_was_done() {
        let noted = Arc::new(Mutex::new(Vec::new()));
        let (shared, changed, tells) = (Mutex::new(Work("before")), Notify::new(), Arc::clone(&noted));
        // Every turn takes longer than zero.
        let watchdog = Watchdog::new(Duration::ZERO, move |long| tells.lock().unwrap().push(long));
        let patient = Watchdog::new(Duration::MAX, |long| panic!("{long}"));
        for (watchdog, deed) in
            [(Some(&watchdog), "a request"), (Some(&patient), "another"), (None, "a third")]
        {
            let mut turn = Turn::take(&shared, watchdog, &changed).unwrap();
            assert_eq!(turn.deed(), "", "a turn begins with nothing done");
            turn.0 = deed;
        }
        let noted = noted.lock().unwrap();
        assert_eq!(noted.iter().map(|long| long.deed.as_str()).collect::<Vec<_>>(), ["a request"]);
        let long = LongTurn { deed: "`task.create`".to_owned(), took: Duration::from_millis(1_300) };
        assert_eq!(long.to_string(), "`task.create` blocked all other work for 1.3s");
    }

    #[tokio::test]
    async fn after_a_panic_nobody_has_a_turn_and_who_waits_is_woken() {
        let shared = Arc::new((Mutex::new(Work("")), Notify::new()));
        let theirs = Arc::clone(&shared);
        let panicked = tokio::task::spawn_blocking(move || {
            let _turn = Turn::take(&theirs.0, None, &theirs.1).unwrap();
            panic!("on purpose");
        });
        assert!(panicked.await.unwrap_err().is_panic());
        shared.1.notified().await;
        assert!(Turn::take(&shared.0, None, &shared.1).is_none());
    }
}

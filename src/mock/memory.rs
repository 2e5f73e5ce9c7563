//! Memory that was freed goes back to the system.
//!
//! The GNU C library returns freed memory only from the end of its heap, where small pieces that live longer stand. Without a
//! word from us, a mock that had 500 namespaces at once keeps their memory for as long as it runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;

/// How long nothing more must have been freed. Tests remove their namespaces one after the other, and each return of memory
/// goes through all of the heap.
const QUIET: Duration = Duration::from_millis(500);

/// Counts what was freed. The allocator belongs to the whole process, and so does this.
static FREED: AtomicU64 = AtomicU64::new(0);

/// Notes that much has been freed: the memory is returned when nothing more has been freed for half a second.
pub(super) fn freed() {
    // Without a runtime there is no server that goes on running.
    let Ok(runtime) = Handle::try_current() else { return };
    let own = FREED.fetch_add(1, Ordering::Relaxed) + 1;
    runtime.spawn(async move {
        tokio::time::sleep(QUIET).await;
        if FREED.load(Ordering::Relaxed) == own {
            // It takes milliseconds for each 100 MB.
            tokio::task::spawn_blocking(return_free);
        }
    });
}

/// Returns all free memory to the system.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn return_free() {
    // SAFETY: `malloc_trim` takes no pointer, leaves everything in use where it is, and may be called from any thread.
    #[expect(unsafe_code, reason = "no library offers this call in a safe form")]
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Other allocators return memory by themselves, or offer no way to ask for it.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn return_free() {}

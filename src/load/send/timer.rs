//! Waking at a moment, as precisely as the system allows.

use std::io;
use std::time::Duration;

use mio::{Events, Poll};
#[cfg(target_os = "linux")]
use nix::sys::timerfd::TimerFd;

/// The token of the timer among the events.
pub(crate) const TOKEN: mio::Token = mio::Token(usize::MAX);

/// Wakes a poll: on Linux by a kernel timer that is precise to microseconds, elsewhere by the timeout of the poll, which
/// most systems round to milliseconds.
#[derive(Debug)]
pub(crate) struct Timer {
    #[cfg(target_os = "linux")]
    timer: TimerFd,
    #[cfg(target_os = "linux")]
    set: Option<Duration>,
}

impl Timer {
    /// Creates a timer that wakes this poll.
    #[cfg(target_os = "linux")]
    pub(crate) fn new(poll: &Poll) -> io::Result<Self> {
        use std::os::fd::{AsFd, AsRawFd};

        use mio::Interest;
        use mio::unix::SourceFd;
        use nix::sys::timerfd::{ClockId, TimerFlags};

        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        poll.registry().register(&mut SourceFd(&timer.as_fd().as_raw_fd()), TOKEN, Interest::READABLE)?;
        Ok(Self { timer, set: None })
    }

    /// Creates a timer that wakes this poll.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn new(_: &Poll) -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for events until `wake`, given the current time `now`. Returns at once if `wake` is past.
    pub(crate) fn wait(
        &mut self,
        poll: &mut Poll,
        events: &mut Events,
        now: Duration,
        wake: Duration,
    ) -> io::Result<()> {
        let left = wake.saturating_sub(now);
        #[cfg(target_os = "linux")]
        if !left.is_zero() {
            use nix::sys::timerfd::{Expiration, TimerSetTimeFlags};

            if self.set != Some(wake) {
                self.timer.set(Expiration::OneShot(left.into()), TimerSetTimeFlags::empty())?;
                self.set = Some(wake);
            }
            return poll.poll(events, None);
        }
        poll.poll(events, Some(left))
    }
}

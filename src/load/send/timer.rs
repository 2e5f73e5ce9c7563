//! Waking at a moment, as exactly as the system can.

use std::io;
use std::time::Duration;

use mio::{Events, Poll};

#[cfg(target_os = "linux")]
pub(crate) use linux::Timer;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::Timer;

/// The token of the timer among the events.
pub(crate) const TOKEN: mio::Token = mio::Token(usize::MAX);

/// A timer of the kernel, exact to microseconds. Waiting with a timeout instead would round to milliseconds.
#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::{AsFd, AsRawFd};

    use mio::Interest;
    use mio::unix::SourceFd;
    use nix::sys::time::TimeSpec;
    use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

    use super::{Duration, Events, Poll, TOKEN, io};

    #[derive(Debug)]
    pub(crate) struct Timer {
        timer: TimerFd,
        set: Option<Duration>,
    }

    impl Timer {
        /// An timer that wakes this poll.
        pub(crate) fn new(poll: &Poll) -> io::Result<Self> {
            let timer =
                TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
            poll.registry().register(&mut SourceFd(&timer.as_fd().as_raw_fd()), TOKEN, Interest::READABLE)?;
            Ok(Self { timer, set: None })
        }

        /// Waits for events until `wake`, when it is `now`. Nothing waits if that is past.
        pub(crate) fn wait(
            &mut self,
            poll: &mut Poll,
            events: &mut Events,
            now: Duration,
            wake: Duration,
        ) -> io::Result<()> {
            let Some(left) = wake.checked_sub(now).filter(|left| !left.is_zero()) else {
                return poll.poll(events, Some(Duration::ZERO));
            };
            if self.set != Some(wake) {
                let spec = TimeSpec::from_duration(left);
                self.timer.set(Expiration::OneShot(spec), TimerSetTimeFlags::empty())?;
                self.set = Some(wake);
            }
            poll.poll(events, None)
        }
    }
}

/// The timeout of the poll, which is in milliseconds on most systems.
#[cfg(not(target_os = "linux"))]
mod other {
    use super::{Duration, Events, Poll, io};

    #[derive(Debug)]
    pub(crate) struct Timer;

    impl Timer {
        /// An timer that wakes this poll.
        pub(crate) fn new(_: &Poll) -> io::Result<Self> {
            Ok(Self)
        }

        /// Waits for events until `wake`, when it is `now`.
        pub(crate) fn wait(
            &mut self,
            poll: &mut Poll,
            events: &mut Events,
            now: Duration,
            wake: Duration,
        ) -> io::Result<()> {
            poll.poll(events, Some(wake.saturating_sub(now)))
        }
    }
}

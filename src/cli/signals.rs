//! The signals that end the program: of the terminal (Ctrl-C, and when it is closed) and of other programs.

use super::Exit;

/// A request to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Ctrl-C. The terminal sends it to all programs in the foreground.
    Interrupt,
    /// A request of another program, to this one alone.
    #[cfg_attr(not(unix), expect(dead_code, reason = "other systems have only Ctrl-C"))]
    Terminate,
    /// The terminal is closed.
    #[cfg_attr(not(unix), expect(dead_code, reason = "other systems have only Ctrl-C"))]
    HangUp,
}

/// The signals, caught from the creation of this value on. Until then the system ends the program.
#[derive(Debug)]
pub(super) struct Signals {
    #[cfg(unix)]
    caught: Option<Caught>,
}

#[cfg(unix)]
#[derive(Debug)]
struct Caught {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: Option<tokio::signal::unix::Signal>,
}

impl Signals {
    pub(super) fn catch() -> Self {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let caught = || {
                Ok::<_, std::io::Error>(Caught {
                    terminate: signal(SignalKind::terminate())?,
                    interrupt: signal(SignalKind::interrupt())?,
                    hang_up: if catches_hang_up() { signal(SignalKind::hangup()).ok() } else { None },
                })
            };
            Self { caught: caught().ok() }
        }
        #[cfg(not(unix))]
        Self {}
    }

    /// Returns the next request to end.
    pub(super) async fn next(&mut self) -> Ending {
        #[cfg(unix)]
        if let Some(Caught { interrupt, terminate, hang_up }) = &mut self.caught {
            let hung_up = async {
                match hang_up {
                    Some(hang_up) => hang_up.recv().await,
                    None => std::future::pending().await,
                }
            };
            return tokio::select! {
                _ = terminate.recv() => Ending::Terminate,
                _ = interrupt.recv() => Ending::Interrupt,
                _ = hung_up => Ending::HangUp,
            };
        }
        if tokio::signal::ctrl_c().await.is_err() {
            // Without signal handlers the process is ended from outside.
            std::future::pending::<()>().await;
        }
        Ending::Interrupt
    }
}

/// Returns a future that is ready when the user interrupts. A second interruption ends the process at once. The signal is
/// caught from now on, not only once the future is awaited: a user who sees that the program is up may end it at that moment.
pub(super) fn interrupted() -> impl Future<Output = ()> {
    interrupted_with(|| {})
}

/// Like [`interrupted`], with an action to perform before the process ends at once.
pub(super) fn interrupted_with(at_the_last: impl FnOnce() + Send + 'static) -> impl Future<Output = ()> {
    interrupted_or(std::future::pending(), at_the_last)
}

/// Like [`interrupted_with`], but also ready as soon as another future is. An interruption after that is a second one.
pub(super) fn interrupted_or(
    other: impl Future<Output = ()>,
    at_the_last: impl FnOnce() + Send + 'static,
) -> impl Future<Output = ()> {
    let mut signals = Signals::catch();
    async move {
        tokio::select! {
            _ = signals.next() => {}
            () = other => {}
        }
        // What came at the same time as the first is not a second one.
        let mut signals = Signals::catch();
        tokio::spawn(async move {
            signals.next().await;
            at_the_last();
            std::process::exit(i32::from(Exit::Interrupted.number()));
        });
    }
}

/// Whether the end of the terminal is to be caught: not by a program that was started to outlive it (`nohup`). Only Linux
/// tells; elsewhere the system decides, as for a program that knows nothing of the signal.
#[cfg(unix)]
fn catches_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").ok();
    status.and_then(|status| ignores_hang_up(&status)).is_some_and(|ignored| !ignored)
}

/// Whether a process ignores the end of its terminal, by its status as Linux writes it.
#[cfg(unix)]
fn ignores_hang_up(status: &str) -> Option<bool> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    Some(u64::from_str_radix(mask.trim(), 16).ok()? & 1 == 1)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_hang_up_is_left_to_the_system_unless_it_is_known_to_end_the_program() {
        let cases = [
            ("Name:\tx\nSigIgn:\t0000000000001000\n", Some(false)),
            ("Name:\tx\nSigIgn:\t0000000000001001\n", Some(true)),
            ("Name:\tx\nSigIgn:\tnone\n", None),
            ("", None),
        ];
        for (status, ignored) in cases {
            assert_eq!(ignores_hang_up(status), ignored, "{status}");
        }
    }
}

//! Writes on a separate thread: a stopped terminal (Ctrl-S), a pager, or a stuck log driver must not stop the mock.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::sync::lock;

/// Maximum number of waiting bytes.
const MOST_BYTES: usize = 16 << 20;

/// What happens to lines without room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenFull {
    /// They are left out, and a line says how many.
    LeaveOut,
    /// The writer waits.
    Wait,
}

/// The handle of the writing thread. All clones write to the same output, in order.
#[derive(Clone)]
pub(super) struct Output {
    shared: Arc<Shared>,
    when_full: WhenFull,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    left_out: u64,
    /// Whether the thread is writing what it took.
    is_writing: bool,
    /// Why nothing more is written, until the error is taken.
    error: Option<io::Error>,
    has_failed: bool,
}

impl Output {
    /// Starts to write to `out`. The first error is reported at once, and nothing is written afterwards.
    pub(super) fn new(
        out: impl Write + Send + 'static,
        when_full: WhenFull,
        tell: impl FnOnce(&io::Error) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let far = Arc::clone(&shared);
        thread::Builder::new().name("output".to_owned()).spawn(move || far.run(out, tell))?;
        Ok(Self { shared, when_full })
    }

    /// Returns standard output. Lines are left out while it does not accept them.
    pub(super) fn standard() -> io::Result<Self> {
        Self::new(anstream::stdout(), WhenFull::LeaveOut, |_| {})
    }

    /// Writes a line.
    pub(super) fn line(&self, line: &str) {
        self.push(line.as_bytes(), b"\n");
    }

    fn push(&self, text: &[u8], end: &[u8]) {
        let mut state = self.shared.lock();
        let is_full = |state: &State| {
            !state.waiting.is_empty() && state.waiting.len() + text.len() > MOST_BYTES && !state.has_failed
        };
        while is_full(&state) {
            if self.when_full == WhenFull::LeaveOut {
                state.left_out += 1;
                return;
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if !state.has_failed {
            state.waiting.extend_from_slice(text);
            state.waiting.extend_from_slice(end);
            self.shared.changed.notify_all();
        }
    }

    /// Whether a line could not be written, so that none will be.
    pub(super) fn has_failed(&self) -> bool {
        self.shared.lock().has_failed
    }

    /// Waits until everything is written, but no longer than this.
    ///
    /// # Errors
    ///
    /// Why not everything was written, if not because of the time limit.
    pub(super) fn finish(&self, within: Option<Duration>) -> io::Result<()> {
        let begun = Instant::now();
        let mut state = self.shared.lock();
        while !state.waiting.is_empty() || state.is_writing {
            let left = within.map(|within| within.saturating_sub(begun.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(());
            }
            let left = left.unwrap_or(Duration::from_secs(3600));
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        // A reader that closed the pipe is not an error.
        let error = state.error.take().filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
        error.map_or(Ok(()), Err)
    }
}

/// Ready when writing to standard output `has_failed`, or nobody reads it any more (`| head -1`).
pub(super) async fn unread(has_failed: impl Fn() -> bool) {
    while !has_failed() && !reader_is_gone() {
        tokio::time::sleep(LOOK).await;
    }
}

/// How often commands that only print check whether their output is still read.
const LOOK: Duration = Duration::from_millis(200);

/// Whether nobody reads standard output any more, as far as the system tells: the next line would fail. On other systems than
/// Unix only that line tells.
fn reader_is_gone() -> bool {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;

        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        let stdout = io::stdout();
        let mut asked = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
        let gone = PollFlags::POLLERR | PollFlags::POLLHUP;
        poll(&mut asked, PollTimeout::ZERO).is_ok()
            && asked[0].revents().is_some_and(|found| found.intersects(gone))
    }
    #[cfg(not(unix))]
    false
}

impl Write for Output {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.push(text, b"");
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.finish(None)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Writes the lines, in pieces of whole lines as they were passed on.
    fn run(&self, mut out: impl Write, tell: impl FnOnce(&io::Error)) {
        loop {
            let mut state = self.lock();
            while state.waiting.is_empty() {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let text = std::mem::take(&mut state.waiting);
            let left_out = std::mem::take(&mut state.left_out);
            state.is_writing = true;
            drop(state);
            self.changed.notify_all();
            let mut written = out.write_all(&text);
            if left_out > 0 && written.is_ok() {
                let lines = if left_out == 1 { "line was" } else { "lines were" };
                written = writeln!(out, "({left_out} {lines} left out here: the reader was too slow)");
            }
            let written = written.and_then(|()| out.flush());
            let mut state = self.lock();
            state.is_writing = false;
            if let Err(error) = written {
                tell(&error);
                state.waiting = Vec::new();
                (state.error, state.has_failed) = (Some(error), true);
                drop(state);
                self.changed.notify_all();
                return;
            }
            drop(state);
            self.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Accepts one piece for each permission, and passes on what it accepted.
    struct Stuck {
        leave: Receiver<io::Result<()>>,
        took: Sender<Vec<u8>>,
    }

    impl Write for Stuck {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.leave.recv().unwrap_or(Ok(()))?;
            let _ = self.took.send(text.to_owned());
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn stuck(when_full: WhenFull) -> (Output, Sender<io::Result<()>>, Receiver<Vec<u8>>) {
        let ((leave, leaves), (takes, took)) = (channel(), channel());
        let out = Stuck { leave: leaves, took: takes };
        (Output::new(out, when_full, |_| {}).unwrap(), leave, took)
    }

    #[test]
    fn a_stuck_reader_stops_nobody_and_learns_what_it_missed() {
        let (output, leave, took) = stuck(WhenFull::LeaveOut);
        let line = "x".repeat(1 << 20);
        output.line(&line);
        // The thread has taken the first line once it is writing.
        while !output.shared.lock().is_writing {
            thread::yield_now();
        }
        for _ in 0..100 {
            output.line(&line);
        }
        output.finish(Some(Duration::ZERO)).unwrap();
        drop(leave);
        output.line("again");
        output.finish(None).unwrap();
        let text: Vec<u8> = took.try_iter().flatten().collect();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.matches(&line).count(), 16);
        assert!(text.contains("\n(85 lines were left out here: the reader was too slow)\n"));
        assert!(text.contains("again\n"));
    }

    #[test]
    fn who_must_not_miss_anything_waits() {
        let (output, leave, took) = stuck(WhenFull::Wait);
        drop(leave);
        for number in 0..40 {
            output.line(&format!("{number} {}", "x".repeat(1 << 20)));
        }
        output.finish(None).unwrap();
        let text: Vec<u8> = took.try_iter().flatten().collect();
        assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), 40);
    }

    #[test]
    fn an_error_is_told_at_once_and_ends_the_writing() {
        let ((tells, told), (leave, leaves)) = (channel(), channel());
        let out = Stuck { leave: leaves, took: channel().0 };
        let tell = move |error: &io::Error| tells.send(error.kind()).unwrap();
        let output = Output::new(out, WhenFull::Wait, tell).unwrap();
        leave.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
        output.line("one");
        assert_eq!(told.recv(), Ok(io::ErrorKind::StorageFull));
        for _ in 0..3 {
            output.line(&"x".repeat(MOST_BYTES));
        }
        assert_eq!(output.finish(None).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}

//! A program and all processes it starts, as one group that ends together.

use std::io;
use std::process::{Child, ChildStdout, Command, ExitStatus};

/// A running program and the processes it has started. They are killed when this is dropped, unless they were let go.
#[derive(Debug)]
pub struct Group {
    child: Child,
    is_let_go: bool,
}

impl Group {
    /// Starts a program in its own group.
    ///
    /// # Errors
    ///
    /// The error of the system.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        Ok(Self { child: command.spawn()?, is_let_go: false })
    }

    /// Takes the program's output, if it is piped and was not taken before.
    pub(super) fn output(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Returns the exit status of the program, if it has ended.
    ///
    /// # Errors
    ///
    /// The error of the system.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Asks all processes to end. Returns whether that is possible, which it is only on Unix.
    pub fn ask_to_end(&self) -> bool {
        send(self.child.id(), Signal::End);
        cfg!(unix)
    }

    /// Returns a function that kills all processes at once, and that can be called elsewhere.
    pub fn killer(&self) -> impl FnOnce() + Send + use<> {
        let id = self.child.id();
        move || send(id, Signal::Kill)
    }

    /// Lets go of the group: the program has ended, and the processes it has started continue.
    pub fn let_go(mut self) {
        self.is_let_go = true;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.is_let_go {
            send(self.child.id(), Signal::Kill);
            // On other systems than Unix there is no group to kill.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// The signals that end a group.
#[derive(Clone, Copy)]
enum Signal {
    End,
    Kill,
}

#[cfg(unix)]
fn send(id: u32, signal: Signal) {
    let signal = match signal {
        Signal::End => nix::sys::signal::SIGTERM,
        Signal::Kill => nix::sys::signal::SIGKILL,
    };
    if let Ok(id) = i32::try_from(id) {
        // The group may be empty by now.
        let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(id), signal);
    }
}

#[cfg(not(unix))]
fn send(_: u32, _: Signal) {}

//! A program that is started together with all that it starts itself, so that they end together.

use std::io;
use std::process::{Child, ChildStdout, Command, ExitStatus};

/// A running program and what it has started. They are ended when this is dropped, unless they were let go.
#[derive(Debug)]
pub struct Group {
    child: Child,
    is_let_go: bool,
}

impl Group {
    /// Starts a program in a group of its own.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        Ok(Self { child: command.spawn()?, is_let_go: false })
    }

    /// Its output, if it goes into a pipe and was not taken yet.
    pub(super) fn output(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// How the program has ended, if it has.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Asks all of them to end. Whether that can be asked for: elsewhere than on Unix it can't.
    pub fn ask_to_end(&self) -> bool {
        send(self.child.id(), Signal::End);
        cfg!(unix)
    }

    /// What ends them at once, wherever this is.
    pub fn killer(&self) -> impl FnOnce() + Send + use<> {
        let id = self.child.id();
        move || send(id, Signal::Kill)
    }

    /// Leaves the others to themselves: the program has ended, and what it has started goes on.
    pub fn let_go(mut self) {
        self.is_let_go = true;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.is_let_go {
            send(self.child.id(), Signal::Kill);
            // On other systems than Unix there is no group to end.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// How a group is ended.
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
        // Nobody of it may be there any more.
        let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(id), signal);
    }
}

#[cfg(not(unix))]
fn send(_: u32, _: Signal) {}

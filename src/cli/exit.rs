//! The exit codes, and how errors are reported to the user.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use crate::mock::StartError;

/// The closing lines of `--help`.
pub(super) const HELP: &str = "\
Exit codes:
    0  success
    1  an expectation failed, a callback could not be delivered, a signature is
       wrong, a `strict` mock found a mistake in a request, an audit found
       something, or a load met a condition of --fail-if
    2  wrong usage, or a mistake in a file; nothing was sent
    3  could not start, for example because an address is in use
    4  `serve` only: callbacks were not sent or were waiting for a retry, or the
       data folder could not be written
    5  `load` and `merge` only: the run is VOID, so its figures are not valid
   70  a bug in this program, which stopped rather than continue in a broken
       state
  130  interrupted
`exec` exits with the code of its command, once that runs";

/// How the program ends. The numbers are part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Success.
    Ok,
    /// An expectation failed, a callback could not be delivered, a signature is wrong, an audit found something, or a
    /// condition of `--fail-if` is met.
    Failed,
    /// Wrong usage, or an invalid file.
    Usage,
    /// The program could not start.
    Start,
    /// Callbacks were not sent, or await another attempt; or the data folder could not be written.
    Left,
    /// The figures of a load are not reliable.
    Void,
    /// A bug in the program itself.
    Broken,
    /// The user interrupted the program.
    Interrupted,
    /// The exit code of the command run by `exec`.
    OfCommand(u8),
}

impl Exit {
    /// Returns the exit code.
    pub fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Start => 3,
            Self::Left => 4,
            Self::Void => 5,
            Self::Broken => 70,
            Self::Interrupted => 130,
            Self::OfCommand(number) => number,
        }
    }
}

/// Why a command failed: an exit code and a text for standard error.
#[derive(Debug)]
pub struct CommandError {
    exit: Exit,
    text: String,
}

impl CommandError {
    /// Returns the text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Wrong usage or an invalid file. The message is one or more sentences; it may show the right usage.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, text: format!("error: {message}") }
    }

    /// Mistakes in files, shown with their places.
    pub fn problems(problems: crate::files::Problems) -> Self {
        Self { exit: Exit::Usage, text: problems.render() }
    }

    /// Mistakes that `check` found: nothing was going to be sent.
    pub fn checked(problems: &crate::files::Problems) -> Self {
        Self { exit: Exit::Usage, text: problems.render_checked() }
    }

    /// The program could not start.
    pub fn start(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Start, text: format!("error: {message}") }
    }

    /// The command ran and the result is negative: the message says what failed.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Failed, text: format!("error: {message}") }
    }
}

impl From<StartError> for CommandError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Settings(problems) => Self::problems(problems),
            StartError::Listen(error) => Self::start(error),
            StartError::CallbackHost(error) => Self::usage(error),
            error @ (StartError::Proxy(_) | StartError::Authority(_)) => Self::start(error),
            StartError::Folder(error) => Self::start(error),
            error @ StartError::Again { .. } => Self::start(error),
            other => Self::usage(other),
        }
    }
}

/// Prints a message of clap. Help and version are not errors.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    // A closed pipe is not a failure: `airudder-mock --help | head -1`.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(Exit::Usage.number()) } else { ExitCode::SUCCESS }
}

/// Runs a command and turns its result into the process's exit code. A panic has printed its own message.
pub(super) fn code(command: impl FnOnce() -> Result<Exit, CommandError>) -> ExitCode {
    let outcome = catch_unwind(AssertUnwindSafe(command))
        .unwrap_or_else(|_| Err(CommandError { exit: Exit::Broken, text: BROKEN.to_owned() }));
    match outcome {
        Ok(exit) => ExitCode::from(exit.number()),
        Err(error) => {
            super::remark(error.text.trim_end());
            ExitCode::from(error.exit.number())
        }
    }
}

/// The message after a panic.
const BROKEN: &str = "\
error: this is a bug in airudder-mock, which stops here rather than continue in a broken state. Please report it with the \
lines above";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_of_the_program_has_a_code_of_its_own() {
        let code = |command: fn() -> Result<Exit, CommandError>| format!("{:?}", code(command));
        assert_eq!(code(|| panic!("on purpose")), format!("{:?}", ExitCode::from(70)));
        assert_eq!(code(|| Err(CommandError::usage("no"))), format!("{:?}", ExitCode::from(2)));
        assert_eq!(code(|| Ok(Exit::Ok)), format!("{:?}", ExitCode::SUCCESS));
    }
}

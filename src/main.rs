//! The `airudder-mock` program: reads the arguments, runs the command, exits with its code.

use std::process::ExitCode;

fn main() -> ExitCode {
    airudder_mock::main()
}

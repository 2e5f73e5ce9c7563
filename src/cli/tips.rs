//! Tips in errors of usage, where those of the parser of arguments lead astray or are missing.

use std::ffi::OsString;

use clap::Command;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::stories::shipped_list;

/// The commands that take scenario files.
const OF_STORIES: [&str; 3] = ["run", "load", "check"];

/// Adds tips to an error that was found in these words of the command line.
pub(super) fn with_tips(mut error: clap::Error, program: &Command, words: &[OsString]) -> clap::Error {
    if let Some(tip) = tip(&error, program, words) {
        if error.remove(ContextKind::SuggestedArg).is_some() {
            // It is about the suggested argument.
            error.remove(ContextKind::Usage);
        }
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
    }
    error
}

fn tip(error: &clap::Error, program: &Command, words: &[OsString]) -> Option<String> {
    let command = words.iter().skip(1).find_map(|word| program.find_subcommand(word))?;
    match (error.kind(), error.get(ContextKind::InvalidArg)?) {
        (ErrorKind::UnknownArgument, ContextValue::String(unknown)) => match unknown.as_str() {
            "--port" | "-p" if listens(command) => {
                Some(format!("the address is one argument: --listen 127.0.0.1:{}", port(words, unknown)))
            }
            number if is_negative(number) => Some("no argument here takes a negative number".to_owned()),
            _ => None,
        },
        (ErrorKind::MissingRequiredArgument, ContextValue::Strings(missing)) => {
            let needs_stories =
                OF_STORIES.contains(&command.get_name()) && missing.iter().any(|one| one == "<FILE>...");
            needs_stories.then(|| format!("these stories ship with the program:\n{}", shipped_list("    ")))
        }
        _ => None,
    }
}

fn listens(command: &Command) -> bool {
    command.get_arguments().any(|argument| argument.get_long() == Some("listen"))
}

/// Returns the port that was given with this flag.
fn port<'a>(words: &'a [OsString], flag: &str) -> &'a str {
    let mut words = words.iter().filter_map(|word| word.to_str()).skip_while(|word| !word.starts_with(flag));
    let beside = words.next().and_then(|word| word.strip_prefix(flag)).unwrap_or_default();
    let given = [beside.trim_start_matches('='), words.next().unwrap_or_default()];
    given.into_iter().find(|text| text.parse::<u16>().is_ok()).unwrap_or("PORT")
}

fn is_negative(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::cli::Cli;

    fn told(line: &str) -> String {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        with_tips(Cli::try_parse_from(&words).unwrap_err(), &Cli::command(), &words).to_string()
    }

    #[test]
    fn a_port_alone_is_part_of_an_address() {
        for line in [
            "serve --port 3000",
            "serve --port=3000",
            "serve -p 3000",
            "exec -p3000 -- true",
            "receive --port 3000",
        ] {
            let told = told(&format!("airudder-mock {line}"));
            assert!(told.contains("--listen 127.0.0.1:3000") && !told.contains("port-file"), "{told}");
        }
        assert!(told("airudder-mock serve --port").contains("--listen 127.0.0.1:PORT"));
        assert!(!told("airudder-mock ctl --port 3000").contains("--listen"), "it does not listen");
    }

    #[test]
    fn a_negative_number_is_not_advised_as_a_value() {
        for line in ["run first-transfer --speed -1", "serve --speed -0.5"] {
            let told = told(&format!("airudder-mock {line}"));
            assert!(told.contains("negative number") && !told.contains("-- -"), "{told}");
        }
    }

    #[test]
    fn without_a_file_the_stories_are_listed() {
        for command in OF_STORIES {
            let told = told(&format!("airudder-mock {command}"));
            assert!(told.contains("first-transfer,") && told.contains("your-workflow\n"), "{told}");
            assert!(told.lines().all(|line| line.len() <= 80 || line.starts_with("Usage")), "{told}");
        }
        assert!(!told("airudder-mock merge").contains("first-transfer"));
    }
}

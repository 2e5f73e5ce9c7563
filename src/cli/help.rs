//! Tests of the closing lines of `--help`, which the program wraps to the width of the terminal.

use std::path::Path;

use clap::CommandFactory;

use super::Cli;
use crate::scenario::load;

/// The width of a usual terminal.
const WIDTH: usize = 80;

/// The closing lines of each command.
fn closings() -> Vec<(String, String)> {
    let program = Cli::command();
    let closing = |command: &clap::Command| {
        Some((command.get_name().to_owned(), command.get_after_help()?.ansi().to_string()))
    };
    let closings: Vec<_> =
        std::iter::once(&program).chain(program.get_subcommands()).filter_map(closing).collect();
    assert!(closings.len() > 15);
    closings
}

fn is_prose(line: &str) -> bool {
    line.trim_start().starts_with(|c: char| c.is_ascii_uppercase() || c == '`')
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[test]
fn commands_fit_into_a_line_and_sentences_are_one_line() {
    for (command, text) in closings() {
        let lines: Vec<&str> = text.lines().collect();
        for line in &lines {
            assert!(is_prose(line) || line.chars().count() <= WIDTH, "{command}: {line}");
        }
        for pair in lines.windows(2) {
            let is_broken = is_prose(pair[0])
                && indent(pair[0]) == indent(pair[1])
                && pair[1].trim_start().starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && !pair[1].contains("airudder-mock ");
            assert!(!is_broken, "{command}: {pair:?}");
        }
    }
}

/// The program may be all that a user has.
#[test]
fn examples_need_no_files_of_the_source() {
    for (command, text) in closings() {
        assert!(!text.contains("scenarios/"), "{command}: {text}");
        for of_stories in ["run", "load", "serve"] {
            let beginning = format!("airudder-mock {of_stories} ");
            let named = text.split(&beginning).skip(1);
            for name in named.filter_map(|rest| rest.split_whitespace().next()) {
                let is_given = name.starts_with('-') || name.contains('*');
                assert!(is_given || load::is_shipped(Path::new(name)), "{command}: {name}");
            }
        }
    }
}

//! `check`: shows every mistake in scenario and settings files, and sends nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

use super::{CommandError, Exit};
use crate::contract::Catalog;
use crate::files::diagnostic::counted;
use crate::files::{Problems, SourceFile};
use crate::scenario::load;
use crate::settings;

/// The arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without --as, a file counts as settings if it is called airudder-mock.toml or has a key that only settings have.
A file given with --config is checked as settings too; the scenarios may use the endpoints and callbacks it declares.

Example:
    airudder-mock check scenarios/*.toml airudder-mock.toml")]
pub(super) struct Args {
    /// Scenario or settings files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the files are. Default: decided from each file.
    #[arg(long = "as", value_name = "KIND", value_enum)]
    kind: Option<Kind>,
    /// A variable that `run` will get by --set: NAME or NAME=VALUE.
    #[arg(long, value_name = "NAME")]
    set: Vec<String>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    /// A scenario.
    Scenario,
    /// Settings.
    Settings,
}

/// Keys that only settings have.
const SETTINGS_KEYS: [&str; 9] = [
    "catalog",
    "signature",
    "target",
    "listen",
    "secret",
    "assumed",
    "endpoints",
    "callbacks",
    "workflow_templates",
];

pub(super) fn run(args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    let Args { files, kind, set } = args;
    let catalog = catalog(config);
    let variables: Vec<&str> = set.iter().map(|set| set.split('=').next().unwrap_or(set)).collect();
    let mut problems = Problems::new();
    let configured = config.map(|path| (path, Some(Kind::Settings)));
    let named = files.iter().map(|path| (path.as_path(), kind));
    for (path, kind) in configured.into_iter().chain(named) {
        match check(path, kind, &catalog, &variables) {
            Ok(summary) => anstream::println!("ok  {}  ({summary})", path.display()),
            Err(more) => problems.extend(more),
        }
    }
    if problems.is_empty() { Ok(Exit::Ok) } else { Err(CommandError::checked(&problems)) }
}

/// The catalog that `run` would use. Settings with mistakes add nothing to it.
fn catalog(config: Option<&Path>) -> Catalog {
    let usual = Path::new(settings::DEFAULT_FILE);
    let source =
        config.or_else(|| usual.exists().then_some(usual)).and_then(|path| SourceFile::read(path).ok());
    let checked = source.and_then(|source| settings::check_file(&source, Catalog::builtin()).ok());
    checked.map_or_else(|| Catalog::builtin().clone(), |checked| checked.catalog)
}

fn check(path: &Path, kind: Option<Kind>, catalog: &Catalog, variables: &[&str]) -> Result<String, Problems> {
    let source = SourceFile::read(path)?;
    match kind.unwrap_or_else(|| guess(path, &source)) {
        Kind::Settings => {
            let file = settings::check_file(&source, Catalog::builtin())?.file;
            let mut summary = format!("settings, {}", counted(file.catalog.len() as u64, "correction"));
            let further = [
                (file.endpoints.len(), "endpoint"),
                (file.callbacks.len(), "callback"),
                (file.workflow_templates.len(), "workflow template"),
            ];
            for (number, what) in further {
                if number > 0 {
                    summary.push_str(&format!(", {}", counted(number as u64, what)));
                }
            }
            Ok(summary)
        }
        Kind::Scenario => {
            let scenario = load::load(path, catalog, variables)?;
            let (steps, reactions) = (scenario.steps.len(), scenario.reactions.len());
            Ok(format!("{}, {}", counted(steps as u64, "step"), counted(reactions as u64, "reaction")))
        }
    }
}

/// What a file most probably is.
fn guess(path: &Path, source: &Arc<SourceFile>) -> Kind {
    let (tree, _) = DeTable::parse_recoverable(source.text());
    let has = |keys: &[&str]| keys.iter().any(|key| tree.get_ref().contains_key(*key));
    if has(&["steps", "on"]) {
        Kind::Scenario
    } else if path.file_name().is_some_and(|name| name == settings::DEFAULT_FILE) || has(&SETTINGS_KEYS) {
        Kind::Settings
    } else {
        Kind::Scenario
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_files_are_guessed() {
        for (path, text, kind) in [
            ("a.toml", "name = 'x'", Kind::Scenario),
            ("a.toml", "secret = 'x'", Kind::Settings),
            ("a.toml", "[[endpoints]]", Kind::Settings),
            ("a.toml", "[[callbacks]]", Kind::Settings),
            ("a.toml", "[[workflow_templates]]", Kind::Settings),
            ("dir/airudder-mock.toml", "", Kind::Settings),
            ("airudder-mock.toml", "[[steps]]\npause = '1s'", Kind::Scenario),
            ("a.toml", "[catalog.'session.end']\n[[[", Kind::Settings),
        ] {
            assert_eq!(guess(Path::new(path), &SourceFile::new(path, text)), kind, "{text}");
        }
    }

    #[test]
    fn good_files_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("story.toml");
        std::fs::write(&path, "[[steps]]\npause = '1s'\n[[steps]]\npause = '{{ x }}'\n").unwrap();
        let catalog = Catalog::builtin();
        assert!(check(&path, None, catalog, &[]).is_err());
        std::fs::write(&path, "[[steps]]\nset = { y = '{{ x }}' }\n").unwrap();
        assert!(check(&path, None, catalog, &[]).is_err());
        assert_eq!(check(&path, None, catalog, &["x"]).unwrap(), "1 step, 0 reactions");
    }
}

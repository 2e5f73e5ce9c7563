//! `check`: shows every mistake in scenario and settings files, without sending anything.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

use super::destinations::destinations;
use super::{CommandError, Exit};
use crate::contract::Catalog;
use crate::files::diagnostic::counted;
use crate::files::{Diagnostic, Problems, SourceFile};
use crate::net::{Guard, Target};
use crate::scenario::begin;
use crate::scenario::load::{self, Scenario};
use crate::settings::{self, Flags, Settings};

/// The arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without --as, a file is checked as settings if it is named airudder-mock.toml or has a key that only settings have. \
A file given with --config is also checked as settings; the scenarios may use the endpoints and callbacks it declares.

Examples:
    airudder-mock check tests/*.toml airudder-mock.toml
    airudder-mock check --routes
        Shows where each callback goes according to airudder-mock.toml in this folder.")]
pub(super) struct Args {
    /// Scenario or settings files, or the names of stories that ship with the program: `first-transfer`.
    #[arg(required_unless_present = "routes", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The kind of the files. Default: detected for each file.
    #[arg(long = "as", value_name = "KIND", value_enum)]
    kind: Option<Kind>,
    /// Show for each callback where these settings send it, how it is signed and how it is delivered. Without a file,
    /// the settings of this folder are used.
    #[arg(long)]
    routes: bool,
    /// Treat this host as allowed, as `serve --allow-target` does, so that routes may lead there.
    #[arg(long = "allow-target", value_name = "HOST")]
    allow: Vec<String>,
    /// A variable that you will pass to `run` with --set: NAME or NAME=VALUE.
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
const SETTINGS_KEYS: [&str; 24] = [
    "access",
    "accounts",
    "assumed",
    "callbacks",
    "calling",
    "catalog",
    "chatbot",
    "codes",
    "confirmed",
    "dialer",
    "endpoints",
    "hosts",
    "limits",
    "listen",
    "public_url",
    "recordings",
    "routes",
    "secret",
    "signature",
    "state",
    "strict",
    "target",
    "workflow",
    "workflow_templates",
];

/// Keys that settings and scenarios have.
const SHARED_KEYS: [&str; 3] = ["callback_url", "delivery", "faults"];

pub(super) fn run(args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    let Args { files, kind, routes, allow, set } = args;
    let flags = Flags { allow, ..Flags::default() };
    Guard::allowing(&flags.allow).map_err(|error| CommandError::usage(format!("--allow-target: {error}")))?;
    if files.is_empty() {
        return show(&Settings::load(config, flags).map_err(|problems| CommandError::checked(&problems))?);
    }
    let (catalog, allowed) = of_settings(config);
    let allow = [flags.allow.clone(), allowed].concat();
    // The callbacks of scenarios also go where the settings allow it.
    let of_scenarios = Flags { allow, ..Flags::default() };
    let variables: Vec<&str> = set.iter().map(|set| set.split('=').next().unwrap_or(set)).collect();
    let mut problems = Problems::new();
    let mut scenarios = Vec::new();
    let configured = config.map(|path| (path, Some(Kind::Settings)));
    let named = files.iter().map(|path| (path.as_path(), kind));
    for (path, kind) in configured.into_iter().chain(named) {
        match check(path, kind, &catalog, &variables, (&flags, &of_scenarios)) {
            Ok(Checked { summary, settings, scenario }) => {
                super::print(&format!("ok  {}  ({summary})\n", path.display()))?;
                if let Some(settings) = settings.filter(|_| routes) {
                    show(&settings)?;
                }
                scenarios.extend(scenario);
            }
            Err(more) => problems.extend(more),
        }
    }
    if problems.is_empty() {
        begin::known_variables(&scenarios, &variables).map_err(CommandError::usage)?;
    }
    if problems.is_empty() { Ok(Exit::Ok) } else { Err(CommandError::checked(&problems)) }
}

/// Prints where each callback is sent.
fn show(settings: &Settings) -> Result<Exit, CommandError> {
    settings.check_hosts().map_err(|problems| CommandError::checked(&problems))?;
    let lines = destinations(settings).into_iter().map(|destination| format!("{destination}\n"));
    super::print(&lines.collect::<String>())
}

/// Returns the catalog that `run` would use. Settings with mistakes add nothing to it.
pub(super) fn catalog(config: Option<&Path>) -> Catalog {
    of_settings(config).0
}

/// Returns the catalog and the allowed hosts that `run` would use. Settings with mistakes add nothing to them.
fn of_settings(config: Option<&Path>) -> (Catalog, Vec<String>) {
    let usual = Path::new(settings::DEFAULT_FILE);
    let source =
        config.or_else(|| usual.exists().then_some(usual)).and_then(|path| SourceFile::read(path).ok());
    let checked = source.and_then(|source| settings::check_file(&source, Catalog::builtin()).ok());
    let usual = || (Catalog::builtin().clone(), Vec::new());
    checked.map_or_else(usual, |checked| (checked.catalog, checked.file.target.unwrap_or_default().allow))
}

/// A file without mistakes.
struct Checked {
    /// Its content in a few words.
    summary: String,
    /// What it means, if it is of settings.
    settings: Option<Settings>,
    scenario: Option<Scenario>,
}

/// Checks a file and describes its content.
fn check(
    path: &Path,
    kind: Option<Kind>,
    catalog: &Catalog,
    variables: &[&str],
    (flags, of_scenarios): (&Flags, &Flags),
) -> Result<Checked, Problems> {
    if kind != Some(Kind::Settings) && load::is_shipped(path) {
        return scenario(path, catalog, variables, of_scenarios);
    }
    let source = load::read(path)?;
    match kind.unwrap_or_else(|| guess(path, &source)) {
        Kind::Settings => {
            let file = settings::check_file(&source, Catalog::builtin())?.file;
            let settings = Settings::of_file(&source, flags.clone())?;
            settings.check_start()?;
            let mut summary = format!("settings, {}", counted(file.catalog.len() as u64, "correction"));
            let further = [
                (file.endpoints.len(), "endpoint"),
                (file.callbacks.len(), "callback"),
                (file.workflow_templates.len(), "workflow template"),
                (file.routes.len(), "route"),
            ];
            for (number, what) in further {
                if number > 0 {
                    summary.push_str(&format!(", {}", counted(number as u64, what)));
                }
            }
            Ok(Checked { summary, settings: Some(settings), scenario: None })
        }
        Kind::Scenario => scenario(path, catalog, variables, of_scenarios),
    }
}

fn scenario(path: &Path, catalog: &Catalog, variables: &[&str], flags: &Flags) -> Result<Checked, Problems> {
    let scenario = load::load(path, catalog, variables)?;
    let scenario = scenario.doubts.clone().into_result(scenario)?;
    let scenario = targets(&scenario, flags).into_result(scenario)?;
    let (steps, reactions) = (scenario.steps.len(), scenario.reactions.len());
    let summary = format!("{}, {}", counted(steps as u64, "step"), counted(reactions as u64, "reaction"));
    Ok(Checked { summary, settings: None, scenario: Some(scenario) })
}

/// Finds the hosts of a scenario to which no callback may be sent.
fn targets(scenario: &Scenario, flags: &Flags) -> Problems {
    // The allowed hosts were checked when they were read.
    let guard = Guard::allowing(&flags.allow).unwrap_or_default();
    let own = scenario.file.callback_url.as_deref().map(|url| (scenario.path.display().to_string(), url));
    let of_steps = scenario
        .steps
        .iter()
        .filter_map(|step| Some((step.place.to_string(), step.value.target.as_deref()?)));
    let of_reactions = scenario.reactions.iter().flat_map(|reaction| {
        let sent = reaction.value.send.iter().filter_map(|send| send.get_ref().target.as_deref());
        sent.map(|url| (reaction.place.to_string(), url))
    });
    let mut problems = Problems::new();
    for (place, url) in own.into_iter().chain(of_steps).chain(of_reactions) {
        // A URL that is a template is not known yet.
        let Ok(target) = url.parse::<Target>() else { continue };
        if let Err(error) = guard.consider(target.host()) {
            problems.push(Diagnostic::general(format!("{place}: {error}")));
        }
    }
    problems
}

/// Guesses the kind of a file.
fn guess(path: &Path, source: &Arc<SourceFile>) -> Kind {
    let (tree, _) = DeTable::parse_recoverable(source.text());
    let has = |keys: &[&str]| keys.iter().any(|key| tree.get_ref().contains_key(*key));
    if has(&["steps", "on"]) {
        Kind::Scenario
    } else if path.file_name().is_some_and(|name| name == settings::DEFAULT_FILE) || has(&SETTINGS_KEYS) {
        Kind::Settings
    } else if has(&SHARED_KEYS)
        && tree.get_ref().keys().all(|key| SHARED_KEYS.iter().any(|shared| key.get_ref() == shared))
    {
        // A scenario with only these keys would do nothing.
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
            ("a.toml", "[delivery]\nattempts = 2", Kind::Settings),
            ("a.toml", "name = 'x'\n[delivery]\nattempts = 2", Kind::Scenario),
            ("a.toml", "[[step]]\npause = '1s'", Kind::Scenario),
            ("dir/airudder-mock.toml", "", Kind::Settings),
            ("airudder-mock.toml", "[[steps]]\npause = '1s'", Kind::Scenario),
            ("a.toml", "[catalog.'session.end']\n[[[", Kind::Settings),
        ] {
            assert_eq!(guess(Path::new(path), &SourceFile::new(path, text)), kind, "{text}");
        }
    }

    #[test]
    fn the_keys_are_those_of_the_files() {
        let keys = |text: &str| -> std::collections::BTreeSet<String> {
            let schema: serde_json::Value = serde_json::from_str(text).unwrap();
            schema["properties"].as_object().unwrap().keys().cloned().collect()
        };
        let (scenario, settings) =
            (keys(&crate::scenario::check::schema_text()), keys(&settings::schema_text()));
        assert!(settings.difference(&scenario).eq(SETTINGS_KEYS.iter()), "{settings:?}");
        assert!(settings.intersection(&scenario).eq(SHARED_KEYS.iter()), "{scenario:?}");
    }

    #[test]
    fn good_files_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("story.toml");
        std::fs::write(&path, "[[steps]]\npause = '1s'\n[[steps]]\npause = '{{ x }}'\n").unwrap();
        let catalog = Catalog::builtin();
        let check = |variables: &[&str]| {
            check(&path, None, catalog, variables, (&Flags::default(), &Flags::default()))
                .map(|checked| checked.summary)
        };
        assert!(check(&[]).is_err());
        std::fs::write(&path, "[[steps]]\nset = { y = '{{ x }}' }\n").unwrap();
        assert!(check(&[]).is_err());
        assert_eq!(check(&["x"]).unwrap(), "1 step, 0 reactions");
        std::fs::write(&path, "[[steps]]\nsend = 'session.end'\ntarget = 'http://10.1.2.3/hook'\n").unwrap();
        assert!(check(&[]).is_err());
        let allowed = Flags { allow: vec!["10.1.2.3".to_owned()], ..Flags::default() };
        assert!(super::check(&path, None, catalog, &[], (&Flags::default(), &allowed)).is_ok());
    }
}

//! The scenarios that stories of a running mock can be begun of: those that ship with it, and those that were given.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Story;
use super::begin::{self, NoStory};
use super::load::{Scenario, Texts, load_text};
use super::shipped;
use crate::contract::Catalog;
use crate::delivery::Policy;
use crate::files::suggest::{did_you_mean, nearest};
use crate::files::{Problems, SourceFile};

/// What a scenario without a file is called.
const UNNAMED: &str = "posted.toml";

/// So many stories that were compiled are kept for the next time.
const MOST_COMPILED: usize = 64;

/// A scenario that stories can be begun of.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Offered {
    /// What it is begun by: `agent-transfer`, or the path of a file that was given.
    pub scenario: String,
    /// Its name.
    pub name: String,
    /// What its file says about it: its `description`, or the comment that it begins with.
    pub about: String,
    /// Whether it was given, and does not ship with the mock.
    pub given: bool,
    /// How many steps it has.
    pub steps: usize,
    /// How many copies of it begin.
    pub copies: u32,
    /// Its variables, each with its value unless it is set.
    pub variables: Map<String, Value>,
    /// What is wrong with it, so that it can't begin: under other settings it may be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mistake: Option<String>,
}

/// Which scenario.
#[derive(Clone, Debug)]
pub enum Given {
    /// One that is offered, by what it is begun by.
    Offered(String),
    /// The text of one.
    Text(String),
}

/// Why no story can begin.
#[derive(Debug, thiserror::Error)]
pub enum NotBegun {
    /// There is no such scenario.
    #[error("there is no scenario `{scenario}`{near}; GET /_mock/scenarios lists them")]
    Missing {
        /// What was asked for.
        scenario: String,
        /// What was meant, most likely.
        near: String,
    },
    /// It has mistakes.
    #[error("{0}")]
    Mistakes(Problems),
    /// It is no story.
    #[error("{0}")]
    NoStory(#[from] NoStory),
}

/// The scenarios of a mock. All clones are the same.
#[derive(Clone)]
pub struct Library(Arc<Inner>);

struct Inner {
    /// How callbacks are delivered where a file does not say it.
    policy: Policy,
    shipped: Texts,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Those that were given, by their paths, with all that they include.
    given: BTreeMap<String, Texts>,
    compiled: BTreeMap<(String, Vec<String>), Arc<Story>>,
}

impl Debug for Library {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").field("given", &self.lock().given.keys()).finish_non_exhaustive()
    }
}

impl Library {
    /// Those that ship. `policy` says how callbacks are delivered where a file does not.
    pub fn new(policy: Policy) -> Self {
        Self(Arc::new(Inner { policy, shipped: shipped::texts(), state: Mutex::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked while he looked has changed nothing by halves.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Offers a scenario that was read from the disk, as it is now.
    pub fn give(&self, scenario: &Scenario) {
        let mut state = self.lock();
        state.compiled.clear();
        state.given.insert(scenario.path.display().to_string(), scenario.texts.clone());
    }

    /// Those that are offered: what was given first.
    pub fn list(&self, catalog: &Catalog) -> Vec<Offered> {
        let given = self.lock().given.clone();
        let given = given.iter().map(|(path, texts)| offered(path, texts, Path::new(path), true, catalog));
        let own =
            shipped::names().map(|name| offered(name, &self.0.shipped, &shipped::path(name), false, catalog));
        given.chain(own).collect()
    }

    /// The story of a scenario under variables that are set from outside.
    ///
    /// # Errors
    ///
    /// There is none, or it has mistakes.
    pub fn story(&self, which: Given, set: &[&str], catalog: &Catalog) -> Result<Arc<Story>, NotBegun> {
        let key = match &which {
            Given::Offered(name) => name.clone(),
            Given::Text(text) => format!("\n{text}"),
        };
        let key = (key, set.iter().map(|name| (*name).to_owned()).collect());
        if let Some(known) = self.lock().compiled.get(&key) {
            return Ok(Arc::clone(known));
        }
        let (texts, path) = self.texts(which)?;
        let scenario = load_text(&texts, &path, catalog, set).map_err(NotBegun::Mistakes)?;
        let stories = begin::stories(&[scenario], set, &self.0.policy, catalog)?;
        let [story] = &stories[..] else { return Err(NoStory::Empty(path.display().to_string()).into()) };
        let mut state = self.lock();
        if state.compiled.len() >= MOST_COMPILED {
            state.compiled.clear();
        }
        state.compiled.insert(key, Arc::clone(story));
        Ok(Arc::clone(story))
    }

    fn texts(&self, which: Given) -> Result<(Texts, PathBuf), NotBegun> {
        let name = match which {
            Given::Offered(name) => name,
            Given::Text(text) => {
                let path = Path::new(shipped::FOLDER).join(UNNAMED);
                let source = SourceFile::new(UNNAMED, text);
                let shipped = self.0.shipped.iter().map(|(path, source)| (path.clone(), Arc::clone(source)));
                return Ok((shipped.chain([(path.clone(), source)]).collect(), path));
            }
        };
        let state = self.lock();
        if let Some(texts) = state.given.get(&name) {
            return Ok((texts.clone(), PathBuf::from(name)));
        }
        if shipped::names().any(|own| own == name) {
            return Ok((self.0.shipped.clone(), shipped::path(&name)));
        }
        let all: Vec<String> =
            state.given.keys().cloned().chain(shipped::names().map(str::to_owned)).collect();
        let near = did_you_mean(nearest(&name, all.iter().map(String::as_str)));
        Err(NotBegun::Missing { scenario: name.escape_debug().to_string(), near })
    }
}

fn offered(name: &str, texts: &Texts, path: &Path, given: bool, catalog: &Catalog) -> Offered {
    let about = texts.get(path).map(|source| about(source.text())).unwrap_or_default();
    let unknown = Offered {
        scenario: name.to_owned(),
        name: name.to_owned(),
        about,
        given,
        steps: 0,
        copies: 1,
        variables: Map::new(),
        mistake: None,
    };
    match load_text(texts, path, catalog, &[]) {
        Ok(scenario) => Offered {
            name: scenario.name,
            about: scenario.file.description.unwrap_or(unknown.about),
            steps: scenario.steps.len(),
            copies: scenario.file.copies.unwrap_or(1),
            variables: scenario.file.vars,
            ..unknown
        },
        Err(problems) => Offered { mistake: Some(problems.to_string()), ..unknown },
    }
}

/// The comment that a file begins with, in one line.
fn about(text: &str) -> String {
    let comments =
        text.lines().map_while(|line| line.strip_prefix('#')).filter(|line| !line.starts_with(':'));
    comments.map(str::trim).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library() -> Library {
        Library::new(Policy::airudder())
    }

    #[test]
    fn all_that_ship_begin() {
        let (library, catalog) = (library(), Catalog::builtin());
        for offered in library.list(catalog) {
            assert_eq!(offered.mistake, None);
            assert!(offered.steps > 0 && offered.about.ends_with('.'), "{offered:?}");
            library.story(Given::Offered(offered.scenario), &[], catalog).unwrap();
        }
    }

    #[test]
    fn what_is_no_scenario_is_told_and_what_is_given_needs_no_disk() {
        let (library, catalog) = (library(), Catalog::builtin());
        let story = |which: Given, set: &[&str]| {
            library.story(which, set, catalog).map_err(|error| error.to_string())
        };
        let missing = story(Given::Offered("agent-transfr".to_owned()), &[]).unwrap_err();
        assert!(missing.contains("did you mean `agent-transfer`?"), "{missing}");
        let text = |text: &str| Given::Text(text.to_owned());
        let wrong = story(text("[[steps]]\nsned = \"session.end\"\n"), &[]).unwrap_err();
        assert!(wrong.contains("posted.toml:2") && wrong.contains("did you mean `send`?"), "{wrong}");
        let outside = story(text("include = [\"/etc/passwd\"]\n"), &[]).unwrap_err();
        assert!(outside.contains("it is not among the scenarios here"), "{outside}");
        let send = "vars = { a = 1 }\n[[steps]]\nsend = \"session.end\"\nbody = { a = \"{{ a }}\" }\n";
        assert!(story(text(send), &["b"]).unwrap_err().contains("no story has a variable `b`"));
        assert_eq!(story(text(send), &["a"]).unwrap().steps.len(), 1);
        let included = story(text(&format!("include = [\"parts/opening.toml\"]\n{send}")), &[]).unwrap();
        assert!(included.steps.len() > 1);
        // Its file and what it includes may be gone.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        std::fs::write(folder.path().join("part.toml"), send).unwrap();
        std::fs::write(&path, "include = [\"part.toml\"]\n[[steps]]\npause = \"1s\"\n").unwrap();
        library.give(&crate::scenario::load::load(&path, catalog, &[]).unwrap());
        folder.close().unwrap();
        let own = library.list(catalog).remove(0);
        assert!(own.given && own.variables["a"] == 1, "{own:?}");
        assert_eq!(story(Given::Offered(own.scenario), &[]).unwrap().steps.len(), 2);
    }
}

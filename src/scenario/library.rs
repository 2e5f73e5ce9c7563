//! The scenarios from which a running mock can start stories: the shipped ones, and those given by the user.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

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
use crate::sync::lock;

/// The file name of a scenario without a file.
const UNNAMED: &str = "posted.toml";

/// Maximum number of compiled stories that are kept for the next time.
const MOST_COMPILED: usize = 64;

/// A scenario whose stories can be started.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Offered {
    /// The key to start it by: `agent-transfer`, or the path of a given file.
    pub scenario: String,
    /// Its name.
    pub name: String,
    /// Its description: `description` in the file, or the comment at its beginning.
    pub about: String,
    /// Whether it was given as a file, and does not ship with the mock.
    pub given: bool,
    /// Number of its steps.
    pub steps: usize,
    /// Number of copies that start.
    pub copies: u32,
    /// Its variables, each with the value that it has unless it is set.
    pub variables: Map<String, Value>,
    /// The mistake that keeps it from starting; with other settings there may be none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mistake: Option<String>,
}

/// The scenario to start.
#[derive(Clone, Debug)]
pub enum Given {
    /// One of the offered scenarios, by name.
    Offered(String),
    /// The text of a scenario.
    Text(String),
}

/// Why no story can begin.
#[derive(Debug, thiserror::Error)]
pub enum NotBegun {
    /// There is no such scenario.
    #[error("there is no scenario `{scenario}`{near} (GET /_mock/scenarios lists them)")]
    Missing {
        /// The requested name.
        scenario: String,
        /// The scenario that was probably meant.
        near: String,
    },
    /// It has mistakes.
    #[error("{0}")]
    Mistakes(Problems),
    /// It cannot be run as a story.
    #[error("{0}")]
    NoStory(#[from] NoStory),
}

/// The scenarios of a mock. All clones share them.
#[derive(Clone)]
pub struct Library(Arc<Inner>);

struct Inner {
    /// The delivery policy of files that state none.
    policy: Policy,
    shipped: Texts,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The scenarios given by the user, by path, with everything they include.
    given: BTreeMap<String, Texts>,
    compiled: BTreeMap<(String, Vec<String>), Arc<Story>>,
}

impl Debug for Library {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").field("given", &self.lock().given.keys()).finish_non_exhaustive()
    }
}

impl Library {
    /// Creates the library with the shipped scenarios. `policy` is the delivery policy of files that state none.
    pub fn new(policy: Policy) -> Self {
        Self(Arc::new(Inner { policy, shipped: shipped::texts(), state: Mutex::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock was held left no change half done.
        lock(&self.0.state)
    }

    /// Offers a scenario that was read from the disk, in its present version.
    pub fn give(&self, scenario: &Scenario) {
        let mut state = self.lock();
        state.compiled.clear();
        state.given.insert(scenario.path.display().to_string(), scenario.texts.clone());
    }

    /// Returns the offered scenarios, those given by the user first.
    pub fn list(&self, catalog: &Catalog) -> Vec<Offered> {
        let given = self.lock().given.clone();
        let given = given.iter().map(|(path, texts)| offered(path, texts, Path::new(path), true, catalog));
        let own =
            shipped::names().map(|name| offered(name, &self.0.shipped, &shipped::path(name), false, catalog));
        given.chain(own).collect()
    }

    /// Returns the story of a scenario with variables set from outside.
    ///
    /// # Errors
    ///
    /// If there is no such scenario, or if it has mistakes.
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

/// Returns the comment at the beginning of a file, in one line.
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

//! `serve --watch`: reloads valid files that change while the mock runs. An invalid file leaves the previous state in force.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::{CommandError, stories};
use crate::files::diagnostic::while_running;
use crate::files::visible;
use crate::journal::Event;
use crate::mock::{Assembly, Prepared};
use crate::scenario::{StoryRun, begin};
use crate::seed::Seed;
use crate::settings::{Changes, DEFAULT_FILE, Flags, changes, until_restart};

/// The interval of the checks.
const LOOK: Duration = Duration::from_millis(200);

/// The watched files, and what is needed to reload them.
pub(super) struct Watch {
    /// The settings file, whether or not it exists.
    settings: Watched,
    /// Its text at the start, and the text in force.
    start: String,
    in_force: String,
    flags: Flags,
    config: Option<PathBuf>,
    prepared: Prepared,
    /// The callback URL that wins over the settings.
    own_url: Option<String>,
    scenarios: Vec<Scenario>,
    files: Vec<PathBuf>,
    set: Vec<(String, Value)>,
    seed: Option<u64>,
    fallback: Seed,
    /// The mistakes, by file.
    mistakes: Vec<(PathBuf, String)>,
}

/// A scenario file and the stories started from it.
struct Scenario {
    file: Watched,
    /// The numbers of the stories.
    running: Vec<usize>,
    /// How often it was started.
    begun: u64,
}

/// The values from the command line.
pub(super) struct Given<'a> {
    pub config: Option<&'a Path>,
    pub flags: Flags,
    pub files: &'a [PathBuf],
    pub set: &'a [(String, Value)],
    pub seed: Option<u64>,
    pub fallback: Seed,
}

impl Watch {
    /// Remembers the present state of the files. `copies` are the numbers of stories of each file.
    pub(super) fn new(given: Given<'_>, prepared: Prepared, copies: &[usize]) -> Self {
        let settings = Watched::new(given.config.unwrap_or(Path::new(DEFAULT_FILE)));
        let start = settings.text();
        let mut first = 0;
        let scenarios = given.files.iter().zip(copies).map(|(path, copies)| {
            let running = (first..first + copies).collect();
            first += copies;
            Scenario { file: Watched::new(path), running, begun: 1 }
        });
        Self {
            scenarios: scenarios.collect(),
            in_force: start.clone(),
            start,
            settings,
            own_url: given.flags.callback_url.clone(),
            flags: given.flags,
            config: given.config.map(Path::to_owned),
            prepared,
            files: given.files.to_owned(),
            set: given.set.to_owned(),
            seed: given.seed,
            fallback: given.fallback,
            mistakes: Vec::new(),
        }
    }

    /// Checks the files repeatedly, without end.
    pub(super) async fn run(mut self, mock: &Assembly) {
        mock.reloads().lock().watched = true;
        loop {
            tokio::time::sleep(LOOK).await;
            if self.settings.has_changed() {
                let done = self.settings_changed(mock).await;
                let path = self.settings.path.clone();
                self.report(mock, &path, done);
            }
            for at in 0..self.scenarios.len() {
                if self.scenarios[at].file.has_changed() {
                    let path = self.scenarios[at].file.path.clone();
                    let done = self.scenario_changed(mock, at);
                    self.report(mock, &path, done);
                }
            }
        }
    }

    /// Applies the settings. Returns the changes, for people.
    async fn settings_changed(&mut self, mock: &Assembly) -> Result<String, CommandError> {
        let now = self.settings.text();
        let whole = Prepared::load(self.config.as_deref(), self.flags.clone())?;
        let Changes { taken, waiting } = changes(&self.start, &self.in_force, &now);
        let prepared = match waiting.is_empty() {
            true => whole,
            false => {
                // The values of the environment and the flags still apply.
                let (callback_url, faults) =
                    (whole.settings.callback_url.clone(), whole.settings.faults.clone());
                let flags = Flags { secret: Some(whole.settings.secret.clone()), ..self.flags.clone() };
                let holds = until_restart(&self.settings.path, &self.start, &now, flags);
                let mut holds = holds.map_err(|problems| {
                    let keys = waiting.join(", ");
                    CommandError::usage(format!("it needs a restart ({keys}): {}", problems.sentences()))
                })?;
                (holds.callback_url, holds.faults) = (callback_url, faults);
                Prepared::new(holds)?
            }
        };
        mock.reload(&prepared, self.own_url.as_deref()).await?;
        (self.prepared, self.in_force) = (prepared, now);
        mock.reloads().lock().waiting.clone_from(&waiting);
        let mut text = match taken.is_empty() {
            true => "no change takes effect now".to_owned(),
            false => format!("applied: {}", taken.join(", ")),
        };
        if !waiting.is_empty() {
            text.push_str(&format!("; at the next start: {}", waiting.join(", ")));
        }
        Ok(text)
    }

    /// Starts the stories of a file again.
    fn scenario_changed(&mut self, mock: &Assembly, at: usize) -> Result<String, CommandError> {
        let set: Vec<&str> = self.set.iter().map(|(name, _)| name.as_str()).collect();
        let all = stories::scenarios(&self.files, &set, &self.prepared)?;
        let read = stories::of(&all, &set, &self.prepared)?;
        let (Some(scenario), Some(story)) = (all.get(at), read.get(at)) else {
            return Ok("it has no story".to_owned());
        };
        mock.scenarios().give(scenario);
        let scenario = &mut self.scenarios[at];
        scenario.begun += 1;
        let (begun, seed, set, story) = (scenario.begun, self.seed.map(Seed), &self.set, Arc::clone(story));
        let fallback = self.fallback.derive("begun anew", begun);
        let old = std::mem::take(&mut scenario.running);
        scenario.running = mock.driver().with(|engine, now| {
            old.into_iter().for_each(|index| engine.end_story(index, now));
            let first = engine.stories().len();
            let mut runs = begin::runs((first, begun), &[story], seed, fallback, now, set);
            runs.iter_mut().for_each(StoryRun::fail_fast);
            let numbers = (first..first + runs.len()).collect();
            runs.into_iter().for_each(|run| engine.add_story(run));
            numbers
        });
        Ok("its story starts again".to_owned())
    }

    /// Reports the result: in the journal, on the terminal, and in the state shown by the control surface.
    fn report(&mut self, mock: &Assembly, path: &Path, done: Result<String, CommandError>) {
        self.mistakes.retain(|(wrong, _)| wrong != path);
        let event = match done {
            Ok(text) => {
                mock.reloads().lock().taken += 1;
                Event::Note(format!("{}: {text}", path.display()))
            }
            Err(error) => {
                let text = while_running(&anstream::adapter::strip_str(error.text()).to_string());
                super::remark(&visible(&text));
                self.mistakes.push((path.to_owned(), text));
                let message = format!("{} has mistakes: the previous version stays in force", path.display());
                Event::Found { message, is_error: true }
            }
        };
        let mistakes: Vec<&str> = self.mistakes.iter().map(|(_, text)| text.as_str()).collect();
        mock.reloads().lock().mistake = (!mistakes.is_empty()).then(|| mistakes.join("\n"));
        mock.driver().with(|engine, now| engine.journal().write(now, None, event));
    }
}

/// A file and its state at the last check.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    stamp: Option<(SystemTime, u64)>,
    /// Its content. `None` if the file does not exist.
    content: Option<Vec<u8>>,
    /// Whether it was missing at the last check, so that its content is from an earlier one.
    is_missing: bool,
}

impl Watched {
    fn new(path: &Path) -> Self {
        let mut file = Self { path: path.to_owned(), stamp: None, content: None, is_missing: false };
        file.has_changed();
        file
    }

    fn text(&self) -> String {
        self.content.clone().and_then(|content| String::from_utf8(content).ok()).unwrap_or_default()
    }

    /// Whether its content has changed since the last check. It is read only if its time or size has changed. Editors replace
    /// a file by removing it first, so a file has gone only if it is still missing at the next check.
    fn has_changed(&mut self) -> bool {
        // A pipe or another special file can be read only once.
        let known = std::fs::metadata(&self.path).ok().filter(Metadata::is_file);
        let stamp = known.and_then(|known| Some((known.modified().ok()?, known.len())));
        if stamp.is_some() && stamp == self.stamp {
            return false;
        }
        let content = stamp.and_then(|_| std::fs::read(&self.path).ok());
        self.stamp = stamp.filter(|_| content.is_some());
        let was_missing = std::mem::replace(&mut self.is_missing, content.is_none());
        if content == self.content || (content.is_none() && !was_missing) {
            return false;
        }
        self.content = content;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_changed_when_its_content_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let mut file = Watched::new(&path);
        assert!(!file.has_changed());
        std::fs::write(&path, "a").unwrap();
        assert!(file.has_changed() && !file.has_changed());
        // The file is touched, and rewritten with the same content.
        let later = SystemTime::now() + Duration::from_secs(10);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        assert!(!file.has_changed());
        std::fs::write(&path, "bb").unwrap();
        assert!(file.has_changed());
        std::fs::remove_file(&path).unwrap();
        assert!(!file.has_changed() && file.has_changed() && !file.has_changed());
        std::fs::write(&path, "c").unwrap();
        assert!(file.has_changed());
    }

    #[test]
    fn a_file_that_is_being_replaced_is_not_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        std::fs::write(&path, "a").unwrap();
        let mut file = Watched::new(&path);
        for (content, changes) in [("a", false), ("b", true)] {
            std::fs::remove_file(&path).unwrap();
            assert!(!file.has_changed());
            assert_eq!(file.text(), "a");
            std::fs::write(&path, content).unwrap();
            assert_eq!(file.has_changed(), changes);
            assert_eq!(file.text(), content);
        }
    }
}

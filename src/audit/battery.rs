//! The checks: the built-in ones and those of users.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::step::{Beside, Expect, Step};
use crate::contract::{Catalog, Direction};
use crate::faults::check::text_in;
use crate::files::read_text_within;
use crate::files::suggest::{did_you_mean, nearest};

/// Maximum size of a file of checks.
const MOST_MEGABYTES: u64 = 8;

/// The built-in files, in the order in which they are run.
const BUILT_IN: [(&str, &str); 9] = [
    ("answers.toml", include_str!("../../scenarios/audit/answers.toml")),
    ("signatures.toml", include_str!("../../scenarios/audit/signatures.toml")),
    ("bytes.toml", include_str!("../../scenarios/audit/bytes.toml")),
    ("order.toml", include_str!("../../scenarios/audit/order.toml")),
    ("repetitions.toml", include_str!("../../scenarios/audit/repetitions.toml")),
    ("unusual.toml", include_str!("../../scenarios/audit/unusual.toml")),
    ("connections.toml", include_str!("../../scenarios/audit/connections.toml")),
    ("calls.toml", include_str!("../../scenarios/audit/calls.toml")),
    ("crash.toml", include_str!("../../scenarios/audit/crash.toml")),
];

/// The checks of `--events`. `EVENT` is the placeholder for the id of the callback.
const OF_EVENTS: &str = include_str!("../../scenarios/audit/events.toml");

/// How serious it is if a check fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Useful to know.
    Hint,
    /// Will cause problems some day.
    Warning,
    /// Events are lost, doubled or forged.
    Error,
}

impl Grade {
    /// Returns the name of the grade.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a check requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Need {
    /// `--probe`.
    Probe,
    /// `--restart` and `--probe`.
    Restart,
    /// `--listen`.
    #[serde(rename = "calls")]
    Requests,
    /// `--next-secret`.
    NextSecret,
    /// A signature scheme with a timestamp.
    Timestamp,
    /// A signature scheme that accepts only one signature.
    OneSignature,
}

/// A check, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The name of the check.
    pub id: String,
    /// The group it belongs to.
    #[serde(skip)]
    pub group: Arc<str>,
    /// How serious it is if the check fails.
    pub grade: Grade,
    /// What a receiver that passes does.
    pub title: String,
    /// The consequences of failing.
    pub why: String,
    /// How to fix it.
    pub fix: String,
    /// The fix in Python.
    pub python: Option<String>,
    /// The fix in JavaScript.
    pub node: Option<String>,
    pub(super) needs: Option<Need>,
    /// Prerequisite checks: if one failed, this one is not judged.
    #[serde(default)]
    pub(super) behind: Vec<String>,
    pub(super) steps: Vec<Step>,
}

impl Check {
    /// Returns the number of its steps that send something.
    pub(super) fn requests(&self) -> u32 {
        let sends = |step: &&Step| step.send.is_some() || step.same.is_some();
        u32::try_from(self.steps.iter().filter(sends).count()).unwrap_or(u32::MAX)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatteryFile {
    group: String,
    checks: Vec<Check>,
}

/// Why a file of checks can't be used.
#[derive(Debug, thiserror::Error)]
pub enum BatteryError {
    /// It can't be read.
    #[error("{} can't be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: std::io::Error,
    },
    /// The file is not a valid file of checks.
    #[error("{file}: {error}")]
    Syntax {
        /// The file.
        file: String,
        /// The place and the reason.
        error: Box<toml::de::Error>,
    },
    /// An event to check does not exist.
    #[error("--events: the catalog has no callback `{pattern}`{near}")]
    Event {
        /// The given pattern.
        pattern: String,
        /// The event that was probably intended.
        near: String,
    },
    /// A check makes no sense.
    #[error("{file}: check `{id}`: {what}")]
    Check {
        /// The file.
        file: String,
        /// The check.
        id: String,
        /// What is wrong.
        what: String,
    },
}

/// All checks.
#[derive(Clone, Debug)]
pub struct Battery {
    /// The checks, in the order in which they are run.
    pub checks: Vec<Check>,
}

/// Returns the callbacks of `--events`: an id of the catalog, a group such as `workflow.*`, or `all`.
fn events_of<'c>(pattern: &str, catalog: &'c Catalog) -> Result<Vec<&'c str>, BatteryError> {
    let group = if pattern == "all" { Some("") } else { pattern.strip_suffix('*') };
    let ids = catalog.callbacks().map(|entry| entry.id.as_str());
    let found: Vec<&str> =
        ids.filter(|id| group.map_or(*id == pattern, |group| id.starts_with(group))).collect();
    if found.is_empty() {
        let near = did_you_mean(catalog.nearest(pattern, |entry| entry.direction == Direction::Callback));
        return Err(BatteryError::Event { pattern: pattern.to_owned(), near });
    }
    Ok(found)
}

impl Battery {
    /// Loads the built-in checks, those of these callbacks, and then those of these files.
    ///
    /// # Errors
    ///
    /// If a file can't be read, or a check makes no sense.
    pub fn load(own: &[PathBuf], events: &[String], catalog: &Catalog) -> Result<Self, BatteryError> {
        let mut battery = Self { checks: Vec::new() };
        for (file, text) in BUILT_IN {
            battery.add(file, text, catalog)?;
        }
        let mut chosen: Vec<&str> = Vec::new();
        for pattern in events {
            let new = events_of(pattern, catalog)?.into_iter().filter(|id| !chosen.contains(id));
            chosen.extend(new.collect::<Vec<_>>());
        }
        for event in chosen {
            battery.add("events.toml", &OF_EVENTS.replace("EVENT", event), catalog)?;
        }
        for path in own {
            let text = read_text_within(path, MOST_MEGABYTES)
                .map_err(|error| BatteryError::Unreadable { path: path.clone(), error })?;
            battery.add(&shown(path), &text, catalog)?;
        }
        Ok(battery)
    }

    fn add(&mut self, file: &str, text: &str, catalog: &Catalog) -> Result<(), BatteryError> {
        let read: BatteryFile = toml::from_str(text)
            .map_err(|error| BatteryError::Syntax { file: file.to_owned(), error: Box::new(error) })?;
        let group: Arc<str> = read.group.into();
        for check in read.checks {
            let check = Check { group: Arc::clone(&group), ..check };
            if let Some(what) = self.mistake(&check, catalog) {
                return Err(BatteryError::Check { file: file.to_owned(), id: check.id, what });
            }
            self.checks.push(check);
        }
        Ok(())
    }

    /// Returns the check with this name.
    pub fn get(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// Returns the first mistake in a check's definition, if any.
    fn mistake(&self, check: &Check, catalog: &Catalog) -> Option<String> {
        if self.get(&check.id).is_some() {
            return Some("another check has this name".to_owned());
        }
        for id in &check.behind {
            if self.get(id).is_none() {
                let near = did_you_mean(nearest(id, self.checks.iter().map(|check| check.id.as_str())));
                return Some(format!("`behind` names `{id}`, but no earlier check has that name{near}"));
            }
        }
        if check.steps.is_empty() {
            return Some("it has no steps".to_owned());
        }
        let mut saved: Vec<&str> = Vec::new();
        for step in &check.steps {
            let what = usize::from(step.send.is_some())
                + usize::from(step.same.is_some())
                + usize::from(step.restart)
                + usize::from(step.worked.is_some())
                + usize::from(step.requests.is_some())
                + usize::from(step.fails.is_some());
            if what != 1 {
                let known = "`send`, `same`, `restart`, `worked`, `calls` and `fails`";
                return Some(format!("each step has one of {known}"));
            }
            if let Some(fault) = &step.fails {
                match text_in(fault, catalog) {
                    Err(message) => return Some(format!("`fails`: {message}")),
                    Ok(fault) if fault.is_of_callbacks() => {
                        return Some(
                            "`fails` is about the receiver's own requests: `503 of chatbot.*`".to_owned(),
                        );
                    }
                    Ok(_) => {}
                }
            }
            if let Some(event) = &step.send
                && catalog.get(event).is_none_or(|entry| entry.direction != Direction::Callback)
            {
                let near =
                    did_you_mean(catalog.nearest(event, |entry| entry.direction == Direction::Callback));
                return Some(format!("the catalog has no callback `{event}`{near}"));
            }
            for name in step.same.iter().chain(&step.signature_of) {
                if !saved.contains(&name.as_str()) {
                    return Some(format!("no earlier step saved `{name}`"));
                }
            }
            if step.wire.breaks_off() && step.expect != Expect::Anything {
                return Some(
                    "a request that breaks off gets no response: write `expect = \"anything\"`".to_owned(),
                );
            }
            if step.at_once.is_some() && step.beside == Beside::Stalled {
                return Some("`at_once` and `beside` can't be combined".to_owned());
            }
            saved.extend(step.save.as_deref());
        }
        let needs_probe = check.steps.iter().any(|step| step.worked.is_some());
        if needs_probe && !matches!(check.needs, Some(Need::Probe | Need::Restart)) {
            return Some("`worked` asks the probe: write `needs = \"probe\"`".to_owned());
        }
        let looks = check.steps.iter().any(|step| step.requests.is_some() || step.fails.is_some());
        if looks && check.needs != Some(Need::Requests) {
            return Some(
                "`calls` and `fails` are about the receiver's own requests: write `needs = \"calls\"`"
                    .to_owned(),
            );
        }
        let restarts = check.steps.iter().any(|step| step.restart);
        (restarts && check.needs != Some(Need::Restart))
            .then(|| "`restart` needs the user's command: write `needs = \"restart\"`".to_owned())
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(text: &str) -> String {
        let catalog = Catalog::builtin();
        let mut battery = Battery::load(&[], &[], catalog).unwrap();
        battery.add("own.toml", text, catalog).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn the_battery_reads_and_is_large_enough() {
        let battery = Battery::load(&[], &[], Catalog::builtin()).unwrap();
        assert!(battery.checks.len() >= 28, "{}", battery.checks.len());
        for check in &battery.checks {
            assert!(check.id.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit()));
            for text in [&check.why, &check.fix] {
                assert!(text.ends_with('.'), "{}: {text}", check.id);
            }
            let is_first = check.id == "answer-accepted";
            assert_eq!(check.behind.is_empty(), is_first, "{} is behind nothing", check.id);
        }
    }

    #[test]
    fn callbacks_have_checks_where_they_are_asked_for() {
        let catalog = Catalog::builtin();
        let load = |events: &[&str]| {
            let events: Vec<String> = events.iter().map(|event| (*event).to_owned()).collect();
            let battery = Battery::load(&[], &events, catalog).map_err(|error| error.to_string())?;
            Ok::<_, String>(battery.checks.into_iter().map(|check| check.id).collect::<Vec<_>>())
        };
        let usual = load(&[]).unwrap();
        let one = load(&["call.completed", "call.*"]).unwrap();
        assert_eq!(one[..usual.len()], usual);
        assert!(one[usual.len()..].iter().all(|id| id.starts_with("call.completed-")), "{one:?}");
        let each = one.len() - usual.len();
        assert_eq!(load(&["all"]).unwrap().len(), usual.len() + each * catalog.callbacks().count());
        assert_eq!(
            load(&["call.complete"]).unwrap_err(),
            "--events: the catalog has no callback `call.complete`, did you mean `call.completed`?"
        );
    }

    #[test]
    fn mistakes_of_users_are_told() {
        let check = |rest: &str| {
            format!(
                "group = \"G\"\n[[checks]]\nid = \"mine\"\ngrade = \"hint\"\ntitle = \"t\"\nwhy = \"w\"\nfix = \"f\"\n{rest}"
            )
        };
        let step = |rest: &str| check(&format!("[[checks.steps]]\n{rest}"));
        assert_eq!(add(&step("send = \"session.transfer\"")), "");
        let lines = [
            add(&step("send = \"session.tranfer\"")),
            add(&step("same = \"first\"")),
            add(&step("worked = 1")),
            add(&step("restart = true")),
            add(&step("send = \"session.end\"\nwire = \"broken\"")),
            add(&step("send = \"session.end\"\nrestart = true")),
            add(&check("behind = [\"signature-wrnog\"]\nsteps = []")),
            add(&check("steps = []")),
            add(&check("steps = []").replace("mine", "slow-body")),
            add(&step("send = \"session.end\"\nsigned = 1")),
            add(&step("calls = \"some\"")),
            add(&step("fails = \"503 of chatbot.send\"")),
            add(&step("fails = \"drop\"")),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }
}

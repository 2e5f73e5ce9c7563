//! Faults: what goes wrong on purpose with requests to the mock and with its callbacks. They come from the files' `[[faults]]`,
//! the command line, the control surface, or a magic word in the request.
//!
//! This room only decides what goes wrong. The decision is deterministic: the same seed and the same requests and callbacks in
//! the same order give the same faults.

mod belongs;
mod callback;
pub(crate) mod check;
mod delay;
mod file;
mod keys;
mod line;
mod list;
mod magic;
mod name;
mod text;
mod when;

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use rand::RngExt;
use serde_json::Value;

/// The name in faults for downloads of recordings, which are not endpoints of the catalog.
pub const DOWNLOAD: &str = crate::language::formats::DOWNLOAD;

pub(crate) use belongs::is_origin;
pub use belongs::{Belongs, strangers};
pub use callback::CallbackFault;
pub use file::{DelayFile, FaultFile, FaultKind, SpreadFile};
pub(crate) use list::{FaultList, list};
pub use magic::{HEADER, MAGIC, magic_of_body, magic_of_request};
pub use name::{FaultName, Group};
#[cfg(test)]
pub use text::read as read_text;
pub use when::When;

use crate::contract::Family;
use crate::contract::envelope;
use crate::seed::{Rng, Seed};

/// The delay of the usual response under the fault `late`.
const LATE: Duration = Duration::from_secs(5);

/// Maximum delay of a response: a waiting response holds memory.
pub const LONGEST_DELAY: Duration = Duration::from_secs(600);

/// The fault of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The name under which it is counted: `503`, `reset`, `slow-2s`.
    pub name: Arc<str>,
    /// The delay before anything else, in real time whatever the speed of the story: the integrator's timeouts are real as
    /// well.
    pub delay: Option<Duration>,
    /// What happens in place of the usual response; `None` for the usual response.
    pub act: Option<Act>,
    /// Whether the request still takes effect.
    pub effect: bool,
}

/// What happens in place of the usual response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// A response with an error.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The code in the envelope, if it differs from the status.
        code: Option<i64>,
        /// The message in the envelope; the default is [`on_purpose`].
        message: Option<String>,
        /// The waiting time. The header Retry-After states it in whole seconds, rounded up.
        retry_after: Option<Duration>,
    },
    /// Something else.
    Kind(FaultKind),
}

impl Act {
    /// Whether a request takes effect before this happens, unless the file says otherwise.
    fn takes_effect(&self) -> bool {
        matches!(self, Self::Kind(FaultKind::Half))
    }
}

/// Returns the default message of an error: the meaning of its code in the family, or else of its HTTP status.
pub fn on_purpose(family: Family, status: u16, code: Option<i64>) -> String {
    let what = match code {
        Some(code) => match envelope::code(family, code) {
            Some(known) => known.meaning.to_owned(),
            None => format!("code {code}"),
        },
        None => {
            let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
            format!("{status}{}", reason.map(|reason| format!(" {reason}")).unwrap_or_default())
        }
    };
    format!("{what}, on purpose: a fault of the mock")
}

/// Returns the value of the header Retry-After: whole seconds, rounded up.
pub fn retry_after_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// The faults of one list, with their counters.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    rules: Vec<Rule>,
    seed: Option<Seed>,
    /// Number of faults that were added to a running mock.
    added: u64,
}

/// A fault of the list. It draws from its own streams, so that it hits the same requests whatever other faults there are.
#[derive(Clone, Debug)]
struct Rule {
    file: FaultFile,
    when: When,
    /// The effect on a callback, if it is a fault of callbacks.
    callback: Option<Arc<CallbackFault>>,
    /// The conditions on a request or callback.
    conditions: Option<belongs::Conditions>,
    /// Its number, if it was added to a running mock.
    added: Option<u64>,
    /// Number of requests that have matched.
    matched: u64,
    /// Number of those that it has hit.
    hit: u64,
    chance: Rng,
    delays: Rng,
}

impl Faults {
    /// Creates the faults of a list, with counters at 0.
    pub fn new(list: Vec<FaultFile>, seed: Seed) -> Self {
        let rule = |(number, file)| Rule::new(file, seed, ("fault", "fault delay"), number);
        Self { rules: (0..).zip(list).map(rule).collect(), seed: Some(seed), added: 0 }
    }

    /// Adds a fault to a running mock, before all others. Returns the number that identifies it.
    pub fn add(&mut self, file: FaultFile) -> u64 {
        self.added += 1;
        let seed = self.seed.unwrap_or(Seed(0));
        let mut rule = Rule::new(file, seed, ("added fault", "added fault delay"), self.added);
        rule.added = Some(self.added);
        self.rules.insert(0, rule);
        self.added
    }

    /// Replaces the first list. Faults that are in both lists keep their counters, and those added to the running mock stay.
    pub fn replace(&mut self, list: Vec<FaultFile>) {
        let seed = self.seed.unwrap_or(Seed(0));
        let (mut rules, mut old): (Vec<Rule>, Vec<Rule>) =
            std::mem::take(&mut self.rules).into_iter().partition(|rule| rule.added.is_some());
        for (number, file) in (0..).zip(list) {
            let known = old.iter().position(|rule| rule.file == file);
            rules.push(match known {
                Some(at) => old.remove(at),
                None => Rule::new(file, seed, ("fault", "fault delay"), number),
            });
        }
        self.rules = rules;
    }

    /// Removes a fault that was added. Returns whether it existed.
    pub fn remove(&mut self, number: u64) -> bool {
        let before = self.rules.len();
        self.rules.retain(|rule| rule.added != Some(number));
        self.rules.len() < before
    }

    /// Returns all faults in the order in which they are considered.
    pub fn in_force(&self) -> impl Iterator<Item = InForce<'_>> {
        self.rules.iter().map(|rule| InForce {
            number: rule.added,
            file: &rule.file,
            matched: rule.matched,
            hit: rule.hit,
            is_spent: rule.is_spent(),
        })
    }

    /// Whether there are none, so that callers can skip them.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns the fault of this request, if any: the first fault that hits decides. Every fault that matches counts the request,
    /// whichever decides.
    pub fn next(&mut self, id: &str, fields: &Value, belongs: &Belongs<'_>) -> Option<Fault> {
        let mut first = None;
        for rule in self.rules.iter_mut().filter(|rule| rule.callback.is_none()) {
            if rule.matches(id, fields, belongs) && rule.hits() && first.is_none() {
                rule.hit += 1;
                first = Some(rule.fault());
            }
        }
        first
    }

    /// Whether any of them affects callbacks, so that callers can skip them otherwise.
    pub fn has_callback_faults(&self) -> bool {
        self.rules.iter().any(|rule| rule.callback.is_some())
    }

    /// Whether any of those depends on the fields of callbacks.
    pub fn looks_into_callbacks(&self) -> bool {
        self.rules.iter().any(|rule| rule.callback.is_some() && rule.file.where_.is_some())
    }

    /// Returns the faults of a callback: of each group the first fault that hits. Every fault that matches counts the callback.
    pub fn next_of_callback(
        &mut self,
        event: &str,
        fields: &Value,
        belongs: &Belongs<'_>,
        found: &mut Vec<Arc<CallbackFault>>,
    ) {
        for rule in &mut self.rules {
            let Some(fault) = rule.callback.clone() else { continue };
            if rule.matches(event, fields, belongs) && rule.hits() && callback::add(found, fault) {
                rule.hit += 1;
            }
        }
    }
}

/// A fault in force.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InForce<'a> {
    /// Its number, if it was added to a running mock.
    pub number: Option<u64>,
    /// The fault as written.
    pub file: &'a FaultFile,
    /// Number of requests that have matched.
    pub matched: u64,
    /// Number of those that it has hit.
    pub hit: u64,
    /// Whether it will never hit again, because its `times` are used up.
    pub is_spent: bool,
}

impl Rule {
    fn new(file: FaultFile, seed: Seed, (chance, delays): (&str, &str), number: u64) -> Self {
        Self {
            when: file.when.unwrap_or(When {
                skip: file.skip,
                times: file.times,
                every: file.every,
                percent: file.percent,
            }),
            callback: CallbackFault::of(&file).map(Arc::new),
            conditions: file.where_.as_ref().map(belongs::Conditions::of),
            file,
            added: None,
            matched: 0,
            hit: 0,
            chance: seed.stream(chance, number),
            delays: seed.stream(delays, number),
        }
    }

    fn matches(&self, id: &str, fields: &Value, belongs: &Belongs<'_>) -> bool {
        let pattern = self.file.pattern();
        let named = match pattern.strip_suffix('*') {
            // `task.*` stands for the ids that begin with `task.`, `*` for all.
            Some(group) => id.starts_with(group),
            None => id == pattern,
        };
        named && self.conditions.as_ref().is_none_or(|conditions| conditions.meets(fields, belongs))
    }

    fn is_spent(&self) -> bool {
        let skip = u64::from(self.when.skip.unwrap_or(0));
        self.when.times.is_some_and(|times| self.matched >= skip + u64::from(times))
    }

    /// Counts a request that matches, and returns whether it is hit.
    fn hits(&mut self) -> bool {
        self.matched = self.matched.saturating_add(1);
        let skip = u64::from(self.when.skip.unwrap_or(0));
        let left = self.matched.saturating_sub(skip);
        let within = left > 0 && self.when.times.is_none_or(|times| left <= u64::from(times));
        let every = u64::from(self.when.every.unwrap_or(1).max(1));
        if !within || !left.is_multiple_of(every) {
            return false;
        }
        self.when.percent.is_none_or(|percent| self.chance.random::<f64>() * 100.0 < percent)
    }

    fn fault(&mut self) -> Fault {
        let file = &self.file;
        let answer = |status| Act::Answer {
            status,
            code: file.code,
            message: file.message.clone(),
            retry_after: file.retry_after.map(|wait| wait.0),
        };
        let act = match (file.status, file.kind) {
            (Some(status), _) => Some(answer(status)),
            (None, Some(FaultName::RefusedThoughDone | FaultName::RecordingFails)) => Some(answer(503)),
            (None, kind) => kind.and_then(FaultName::of_answer).map(Act::Kind),
        };
        let is_done = matches!(file.kind, Some(FaultName::DoneThenClosed | FaultName::RefusedThoughDone));
        let usual = act.as_ref().is_none_or(|act| is_done || act.takes_effect());
        let late = (file.kind == Some(FaultName::Late)).then(|| file.after.map_or(LATE, |after| after.0));
        let drawn = file.delay.map(|delay| delay::draw(delay, &mut self.delays));
        Fault {
            name: file.named().into(),
            delay: drawn.or(late).map(|delay| delay.min(LONGEST_DELAY)),
            effect: file.effect.unwrap_or(usual),
            act,
        }
    }
}

impl FaultName {
    /// Returns its effect in place of a response, if it has one.
    fn of_answer(self) -> Option<FaultKind> {
        match self {
            Self::Reset => Some(FaultKind::Reset),
            Self::Half | Self::RecordingTruncated => Some(FaultKind::Half),
            Self::Never => Some(FaultKind::Never),
            Self::Garbage => Some(FaultKind::Garbage),
            Self::Close | Self::DoneThenClosed => Some(FaultKind::Close),
            Self::ExpiredToken | Self::RecordingExpires => Some(FaultKind::ExpiredToken),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;

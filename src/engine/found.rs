//! Findings about the integrator: reported once; an error fails its story, or the run.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::core::Engine;
use crate::contract::{Provenance, expected};
use crate::delivery::{Attempt, AttemptResult, ErrorClass, Failure, QueuedCallback};
use crate::journal::Event;
use crate::scenario::FailureKind;
use crate::simulator::{AccountKey, Finding, FindingKind, Findings, Found, Strictness};

impl Engine {
    /// Reports a mistake in a request of an account. `fields` are those of the request, as far as they are known.
    pub fn find(
        &mut self,
        account: AccountKey,
        kind: FindingKind,
        (id, what): (&str, &str),
        fields: Option<&Value>,
        message: impl FnOnce() -> String,
        now: Timestamp,
    ) {
        self.simulator.find(account, kind, id, what, message);
        let key = fields.and_then(|fields| self.simulator.find_conversation(fields));
        let story = key.and_then(|key| self.simulator.story_of(key));
        let found = self.simulator.take_findings();
        self.report_findings(found, story.map(|story| story as usize), now);
    }

    /// Called before a request of an account is served. In `strict`, an assumed request is an error.
    pub fn doubt(&mut self, id: &str, account: AccountKey, provenance: Provenance) {
        let is_strict = self.simulator.access().account(account).strict == Strictness::Strict;
        if is_strict && provenance == Provenance::Assumed {
            self.simulator.find(account, FindingKind::Assumed, id, "path and fields", || {
                format!(
                    "`{id}` is only assumed about the vendor (path and fields), which `strict` counts as \
                    an error; if you can confirm it, write confirmed = [\"{id}\"] in airudder-mock.toml, \
                    or [catalog.\"{id}\"]"
                )
            });
        }
    }

    /// Finds a response that counts as success but is not what the vendor expects. Returns what it counts as instead, if the
    /// account is strict.
    pub(super) fn unexpected(
        &mut self,
        attempt: &Attempt,
        result: &AttemptResult,
        now: Timestamp,
    ) -> Option<AttemptResult> {
        let QueuedCallback { id, event, policy, .. } = &*attempt.callback;
        // With a fault, any response is acceptable.
        let answer = result.result.as_ref().ok().filter(|_| attempt.faults.is_empty());
        let answer = answer.filter(|answer| !answer.truncated)?;
        // If the policy specifies the body, its rule applies.
        if policy.success.body.is_some() || policy.success.judge(answer).is_err() {
            return None;
        }
        let why = expected::unexpected(event, answer.status, &answer.body)?;
        let origin = self.dispatch.origins.get(id);
        let (account, story) = origin.map_or_else(Default::default, |origin| (origin.account, origin.story));
        let is_strict = self.simulator.access().account(account).strict == Strictness::Strict;
        let message = format!("the receiver of `{event}` {why}");
        self.simulator.find(account, FindingKind::Response, event, &why, || message.clone());
        let found = self.simulator.take_findings();
        self.report_findings(found, story, now);
        let failure = Failure { class: ErrorClass::Rejected, message };
        is_strict.then(|| AttemptResult { result: Err(failure), elapsed: result.elapsed })
    }

    /// Returns all findings about the integrator.
    pub fn findings(&self) -> &Findings {
        self.simulator.findings()
    }

    /// Whether any finding is an error and belongs to no story.
    pub fn has_errors_alone(&self) -> bool {
        !self.errors_alone.is_empty()
    }

    /// Returns the findings that are errors and belong to no story, as far as they are reported.
    pub fn errors_alone(&self) -> impl Iterator<Item = &Found> {
        self.errors_alone.iter().filter_map(|place| self.findings().get((*place)?))
    }

    /// Reports findings. They belong to the given story, or else to the only one.
    pub(super) fn report_findings(&mut self, found: Vec<Finding>, story: Option<usize>, now: Timestamp) {
        if found.is_empty() {
            return;
        }
        let is_there = |story: &usize| self.stories.get(*story).is_some();
        let story = story.filter(is_there).or_else(|| self.only_story());
        for Finding { kind, place, first, message, is_error } in found {
            let allows = |story: usize| self.stories.get(story).is_some_and(|run| run.story().allows(kind));
            match story.filter(|_| is_error) {
                Some(story) if !allows(story) => {
                    if !self.failed_for.insert((story, place)) {
                        continue;
                    }
                    let Some(run) = self.stories.get_mut(story) else { continue };
                    run.count_failure(FailureKind::Request, &message);
                    let name = Arc::clone(run.name());
                    let failed = Event::Failed {
                        place: Arc::clone(&name),
                        kind: FailureKind::Request.as_str(),
                        message,
                    };
                    self.dispatch.journal.write(now, Some(name), failed);
                }
                allowed => {
                    let is_error = is_error && allowed.is_none();
                    let was_reported = is_error && !self.errors_alone.insert(place);
                    if first || is_error && !was_reported {
                        self.dispatch.journal.write(now, None, Event::Found { message, is_error });
                    }
                }
            }
        }
    }
}

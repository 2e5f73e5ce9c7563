//! The state that all departments share: the agenda, outgoing callbacks, causes, and the behaviour of the simulated vendor.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::access::{Access, AccountKey};
use super::agenda::{Agenda, Place};
use super::callback::Callback;
use super::cause::{CauseId, Causes};
use super::findings::{FindingKind, Findings};
use super::ids::Ids;
use super::node::RowEnded;
use super::outcome::Notice;
use super::request::{Refusal, Request};
use super::rules::Behaviour;
use super::rules::strictness::Strictness;
use super::timer::Timer;
use crate::seed::Seed;

/// The state that all departments share.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub(super) seed: Seed,
    pub(super) ids: Arc<Ids>,
    pub(super) behaviour: Behaviour,
    /// The accounts and their tokens.
    pub(super) access: Access,
    pub(super) agenda: Agenda,
    /// Rows of workflows whose calls are over, until the workflow handles them.
    pub(super) rows_ended: Vec<RowEnded>,
    pub(super) causes: Causes,
    /// The cause of the current step.
    cause: CauseId,
    /// The present: the moment of the current request or step.
    pub(super) now: Timestamp,
    /// The outgoing callbacks in order, each with the cause that decides whether it is sent, unless its department has decided.
    callbacks: Vec<(Option<CauseId>, Callback)>,
    /// What could not be done, and why, with its cause.
    failures: Vec<(CauseId, String)>,
    /// The notes for the integrator, and the kinds of notes made so far.
    notes: Vec<String>,
    noted: HashSet<&'static str>,
    /// What was found wrong with the integrator.
    pub(super) findings: Findings,
    /// Units of work beyond the usual in the current step.
    extra: usize,
    /// The next time to look for objects that are too old to be kept.
    pub(super) next_look: Option<Timestamp>,
}

impl Context {
    pub(super) fn new(seed: Seed, behaviour: Behaviour) -> Self {
        Self {
            seed,
            ids: Arc::new(Ids::new(seed)),
            access: Access::new(seed, behaviour.accounts.clone()).issued_by(behaviour.token_sources.clone()),
            behaviour,
            agenda: Agenda::default(),
            rows_ended: Vec::new(),
            causes: Causes::default(),
            cause: CauseId::default(),
            now: Timestamp::MIN,
            callbacks: Vec::new(),
            failures: Vec::new(),
            notes: Vec::new(),
            noted: HashSet::new(),
            findings: Findings::default(),
            extra: 0,
            next_look: None,
        }
    }

    /// Counts the current step as `things` units of work.
    pub(super) fn is_as_much_as(&mut self, things: usize) {
        self.extra += things;
    }

    /// Returns the units of work beyond one step since the last time, and resets them.
    pub(super) fn take_extra(&mut self) -> usize {
        std::mem::take(&mut self.extra)
    }

    /// Begins a request or a step of a story.
    pub(super) fn begin(&mut self, story: Option<u32>, now: Timestamp) {
        (self.cause, self.now) = (self.causes.add(story), now);
    }

    /// Begins a planned step, with the cause it was planned for.
    pub(super) fn resume(&mut self, cause: CauseId, at: Timestamp) {
        (self.cause, self.now) = (cause, at);
    }

    /// Returns the current cause, for an object that is created now.
    pub(super) fn cause(&mut self) -> CauseId {
        self.causes.carry(self.cause)
    }

    /// Returns the current cause without marking it as carried, for the story that it belongs to.
    pub(super) fn last_cause(&self) -> CauseId {
        self.cause
    }

    /// Mutes a cause: a story sends its callbacks instead.
    pub(super) fn mute(&mut self, cause: CauseId) {
        self.causes.mute(cause);
        self.agenda.mute(cause);
    }

    /// Removes the causes that nothing carries. `carried` are those of the departments' objects.
    pub(super) fn put_away_causes(&mut self, carried: impl Iterator<Item = CauseId>) {
        let planned = self.agenda.planned().map(|(_, cause, _)| cause);
        let sent = self.callbacks.iter().filter_map(|(cause, _)| *cause);
        let failed = self.failures.iter().map(|(cause, _)| *cause);
        let all = carried.chain(planned).chain(sent).chain(failed).chain([self.cause]).collect();
        self.causes.put_away(&all);
    }

    /// Whether no callback of a cause goes out, so that none needs to be generated.
    pub(super) fn is_silent(&self, cause: CauseId) -> bool {
        !self.behaviour.has_callback_url || self.causes.is_muted(cause)
    }

    /// Plans a timer and returns its place in the agenda.
    pub(super) fn plan(&mut self, at: Timestamp, timer: impl Into<Timer>) -> Place {
        let cause = self.cause();
        self.agenda.plan(at, cause, timer.into())
    }

    /// Plans a callback for later.
    pub(super) fn send_at(&mut self, at: Timestamp, cause: CauseId, callback: Callback) {
        self.causes.carry(cause);
        self.agenda.plan(at, cause, Timer::Send(Box::new(callback)));
    }

    /// Sends a callback caused by a request, unless its cause is muted. It belongs to the story of the request.
    pub(super) fn send(&mut self, cause: CauseId, callback: Callback) {
        self.callbacks.push((Some(cause), callback));
    }

    /// Sends a callback of a conversation. It belongs to the story that has the conversation, whatever opened the conversation.
    pub(super) fn send_of_conversation(&mut self, callback: Callback) {
        self.callbacks.push((None, callback));
    }

    /// Records that something could not be done.
    pub(super) fn fail(&mut self, message: String) {
        self.failures.push((self.cause, message));
    }

    /// Returns what could not be done since the last time, each with the story that it belongs to.
    pub(super) fn take_failures(&mut self) -> Vec<(Option<u32>, String)> {
        let causes = &self.causes;
        self.failures.drain(..).map(|(cause, message)| (causes.story(cause), message)).collect()
    }

    /// Notes something that an integrator should know, once for each kind: notes repeat parts of requests and must not fill the
    /// memory.
    pub(super) fn note_once(&mut self, kind: &'static str, note: impl FnOnce() -> String) {
        if self.noted.insert(kind) {
            self.notes.push(note());
        }
    }

    /// Notes that a notice is not sent because its number asks for that, for the user who waits for it.
    pub(super) fn note_swallowed(&mut self, event: &'static str, notice: Notice) {
        if notice == Notice::Never {
            self.note_once(event, || {
                format!(
                    "a `{event}` is suppressed: its number asks for `callback_never`; further ones are \
                    not noted"
                )
            });
        }
    }

    /// Records something wrong on the integrator's side of an account. `what` distinguishes it from others of its kind.
    pub(super) fn find(
        &mut self,
        account: AccountKey,
        kind: FindingKind,
        id: &str,
        what: impl Into<String>,
        message: impl FnOnce() -> String,
    ) {
        let strict = self.access.account(account).strict;
        self.findings.add(strict, kind, id, what.into(), message);
    }

    /// Refuses what no vendor would accept. For an account that is treated leniently it is recorded and accepted.
    ///
    /// # Errors
    ///
    /// Returns the refusal.
    pub(super) fn refuse(
        &mut self,
        request: &Request<'_>,
        what: &'static str,
        refusal: Refusal,
    ) -> Result<(), Refusal> {
        let Request { id, account, .. } = *request;
        if self.access.account(account).strict != Strictness::Lenient {
            return Err(refusal);
        }
        self.find(account, FindingKind::LetPass, id, what, || {
            format!("`{id}` is served because the mock is lenient; otherwise: {}", refusal.message)
        });
        Ok(())
    }

    /// Returns the reason why a row of a list is refused, with the names that the user's settings give the request's fields.
    pub(super) fn row_reason(&self, id: &str, list: &str, reason: &str) -> String {
        let names = self.behaviour.corrected.get(id).and_then(|names| names.request.at_field(list));
        names.map_or_else(|| reason.to_owned(), |names| names.message(reason))
    }

    /// Whether there are notes, failures or findings since the last time.
    pub(super) fn has_to_tell(&self) -> bool {
        !self.notes.is_empty() || !self.failures.is_empty() || self.findings.has_latest()
    }

    /// Returns the notes since the last time.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// Whether anything is under way that a run waits for.
    pub(super) fn is_busy(&self) -> bool {
        !self.callbacks.is_empty() || self.agenda.is_busy()
    }

    /// Returns when there is something to do next: at once, if callbacks wait to be taken.
    pub(super) fn next_wakeup(&self) -> Option<Timestamp> {
        if self.callbacks.is_empty() { self.agenda.next() } else { Some(self.now) }
    }

    /// Returns the events of the callbacks that wait to be taken.
    pub(super) fn ready(&self) -> impl Iterator<Item = &str> {
        let goes_out =
            |(cause, _): &&(Option<CauseId>, Callback)| cause.is_none_or(|cause| !self.is_silent(cause));
        self.callbacks.iter().filter(goes_out).map(|(_, callback)| &*callback.event)
    }

    /// Whether at least `many` callbacks wait to be taken.
    pub(super) fn has_callbacks(&self, many: usize) -> bool {
        self.callbacks.len() >= many
    }

    /// Takes up to `most` callbacks that go out now; the others wait. Only here is it decided whether a callback goes out and
    /// which story it belongs to.
    pub(super) fn take_callbacks(&mut self, most: usize) -> Vec<Callback> {
        let causes = &self.causes;
        let taken = most.min(self.callbacks.len());
        let sent = self.callbacks.drain(..taken).filter_map(|(cause, mut callback)| {
            let Some(cause) = cause else { return Some(callback) };
            callback.story = causes.story(cause);
            (!causes.is_muted(cause)).then_some(callback)
        });
        sent.collect()
    }
}

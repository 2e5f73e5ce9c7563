//! What all departments share: what happens later, what goes out, why, and how the simulated vendor behaves.

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

/// What all departments share.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub(super) seed: Seed,
    pub(super) ids: Arc<Ids>,
    pub(super) behaviour: Behaviour,
    /// Who may call.
    pub(super) access: Access,
    pub(super) agenda: Agenda,
    /// Rows of workflows whose calls are over, until their workflow takes note.
    pub(super) rows_ended: Vec<RowEnded>,
    causes: Causes,
    /// Why the present thing happens.
    cause: CauseId,
    /// When it happens.
    now: Timestamp,
    /// What goes out, in order, with the cause that decides about it unless its department did.
    callbacks: Vec<(Option<CauseId>, Callback)>,
    /// What could not be done, and why, by its cause.
    failures: Vec<(CauseId, String)>,
    /// What is to be noted, and which kinds of notes there were already.
    notes: Vec<String>,
    noted: HashSet<&'static str>,
    /// What was found wrong with the integrator.
    pub(super) findings: Findings,
    /// How much more than usual was done at once.
    extra: usize,
    /// When it is looked for what is too old to be kept.
    pub(super) next_look: Option<Timestamp>,
}

impl Context {
    pub(super) fn new(seed: Seed, behaviour: Behaviour) -> Self {
        Self {
            seed,
            ids: Arc::new(Ids::new(seed)),
            access: Access::new(seed, behaviour.accounts.clone()),
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

    /// What happens now is as much as so many things.
    pub(super) fn is_as_much_as(&mut self, things: usize) {
        self.extra += things;
    }

    /// How much more was done than one thing, since this was asked last.
    pub(super) fn take_extra(&mut self) -> usize {
        std::mem::take(&mut self.extra)
    }

    /// A request begins, or a story does something.
    pub(super) fn begin(&mut self, story: Option<u32>, now: Timestamp) {
        (self.cause, self.now) = (self.causes.add(story), now);
    }

    /// Something planned happens, because of what it was planned for.
    pub(super) fn resume(&mut self, cause: CauseId, at: Timestamp) {
        (self.cause, self.now) = (cause, at);
    }

    /// The cause of the present, for an object that is made now.
    pub(super) fn cause(&mut self) -> CauseId {
        self.causes.carry(self.cause)
    }

    /// Something carries a cause from now on.
    pub(super) fn carry(&mut self, cause: CauseId) {
        self.causes.carry(cause);
    }

    /// The cause of the present, for whoever knows what it is: a story.
    pub(super) fn last_cause(&self) -> CauseId {
        self.cause
    }

    /// What comes of a cause is a story's doing.
    pub(super) fn assign(&mut self, cause: CauseId, story: u32) {
        self.causes.assign(cause, story);
    }

    /// Somebody else sends what comes of a cause.
    pub(super) fn mute(&mut self, cause: CauseId) {
        self.causes.mute(cause);
        self.agenda.mute(cause);
    }

    /// The story whose doing a cause is.
    pub(super) fn story(&self, cause: CauseId) -> Option<u32> {
        self.causes.story(cause)
    }

    /// Whether nothing goes out of what comes of a cause: it need not be made either.
    pub(super) fn is_silent(&self, cause: CauseId) -> bool {
        !self.behaviour.has_callback_url || self.causes.is_muted(cause)
    }

    /// Whether somebody else sends what comes of a cause.
    pub(super) fn is_muted(&self, cause: CauseId) -> bool {
        self.causes.is_muted(cause)
    }

    /// Plans something and returns its place in the agenda.
    pub(super) fn plan(&mut self, at: Timestamp, timer: impl Into<Timer>) -> Place {
        let cause = self.cause();
        self.agenda.plan(at, cause, timer.into())
    }

    /// A callback goes out later.
    pub(super) fn send_at(&mut self, at: Timestamp, cause: CauseId, callback: Callback) {
        self.causes.carry(cause);
        self.agenda.plan(at, cause, Timer::Send(Box::new(callback)));
    }

    /// A callback goes out because of a request, unless somebody else sends it; the story of the request is its story.
    pub(super) fn send(&mut self, cause: CauseId, callback: Callback) {
        self.callbacks.push((Some(cause), callback));
    }

    /// A callback of a conversation goes out: a conversation goes on with whoever has it, whatever opened it.
    pub(super) fn send_of_conversation(&mut self, callback: Callback) {
        self.callbacks.push((None, callback));
    }

    /// Something could not be done.
    pub(super) fn fail(&mut self, message: String) {
        self.failures.push((self.cause, message));
    }

    /// What could not be done since this was asked last, with the story whose doing it is.
    pub(super) fn take_failures(&mut self) -> Vec<(Option<u32>, String)> {
        let causes = &self.causes;
        self.failures.drain(..).map(|(cause, message)| (causes.story(cause), message)).collect()
    }

    /// Something that an integrator should know: of each kind, the first is noted. Notes repeat what requests hold, and
    /// must not fill the memory.
    pub(super) fn note_once(&mut self, kind: &'static str, note: impl FnOnce() -> String) {
        if self.noted.insert(kind) {
            self.notes.push(note());
        }
    }

    /// A notice is not sent because its number asks for that. Who waits for it should know.
    pub(super) fn note_swallowed(&mut self, event: &'static str, notice: Notice) {
        if notice == Notice::Never {
            self.note_once(event, || {
                format!("a `{event}` is swallowed: its number asks for `callback_never`; others are not noted any more")
            });
        }
    }

    /// Something is wrong with what an account's integrator does. `what` tells it from others of its kind.
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

    /// Refuses what no vendor would take, unless the account is treated leniently: then it is noted and passes.
    ///
    /// # Errors
    ///
    /// The refusal.
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
            format!("`{id}` is served, since the mock is lenient; otherwise: {}", refusal.message)
        });
        Ok(())
    }

    /// Why a row of a list is refused, in the names that the user's settings give the fields of the request.
    pub(super) fn row_reason(&self, id: &str, list: &str, reason: &str) -> String {
        let names = self.behaviour.corrected.get(id).and_then(|names| names.request.at_field(list));
        names.map_or_else(|| reason.to_owned(), |names| names.message(reason))
    }

    /// What is to be noted since this was asked last.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// Whether anything is under way that a run waits for.
    pub(super) fn is_busy(&self) -> bool {
        !self.callbacks.is_empty() || self.agenda.is_busy()
    }

    /// When something is to be done next: at once, if callbacks wait to be taken.
    pub(super) fn next_wakeup(&self) -> Option<Timestamp> {
        if self.callbacks.is_empty() { self.agenda.next() } else { Some(self.now) }
    }

    /// The events of the callbacks that wait to be taken.
    pub(super) fn ready(&self) -> impl Iterator<Item = &str> {
        let goes_out =
            |(cause, _): &&(Option<CauseId>, Callback)| cause.is_none_or(|cause| !self.is_silent(cause));
        self.callbacks.iter().filter(goes_out).map(|(_, callback)| &*callback.event)
    }

    /// Whether so many callbacks wait to be taken.
    pub(super) fn has_callbacks(&self, many: usize) -> bool {
        self.callbacks.len() >= many
    }

    /// What goes out now, so many at most; the others wait. Here, and nowhere else, it is decided whether it does and whose
    /// it is.
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

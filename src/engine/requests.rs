//! Requests of the integrator to the simulated vendor, and the stories that react to them.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::core::Engine;
use super::correct;
use super::outcome::{RequestOutcome, is_refusal, outcome};
use crate::contract::{Direction, Provenance};
use crate::faults::{self, Belongs, Fault};
use crate::scenario::{RequestView, StoryRun};
use crate::simulator::{AccountKey, CauseId, ConversationKey, Request};

impl Engine {
    /// Whether a request may be served, given the provenance of its route. The first use of an assumed one is noted.
    pub fn admit(&mut self, id: &str, provenance: Provenance, now: Timestamp) -> bool {
        self.dispatch.admit(id, Direction::Request, provenance, now)
    }

    /// Returns the fault of a request: the one the request itself asks for (`header` is its `X-Mock-Fault`), else the one of
    /// an unfinished story that owns the conversation, else the one of the settings.
    pub fn fault(
        &mut self,
        id: &str,
        header: Option<&str>,
        fields: &Value,
        account: Option<AccountKey>,
    ) -> Option<Fault> {
        if let Some(magic) = faults::magic_of_request(header, fields) {
            return Some(magic);
        }
        if self.faulty_stories == 0 && self.dispatch.faults.is_empty() {
            return None;
        }
        let names = Arc::clone(&self.dispatch.names);
        let conversation = self.simulator.find_conversation(fields);
        let named = conversation.map(|key| self.simulator.order_key(key));
        let belongs = Belongs {
            conversation: named.as_deref(),
            ..account.map(|account| names.account(account)).unwrap_or_default()
        };
        let mut fault = None;
        if self.faulty_stories > 0 {
            let owner = conversation.and_then(|key| self.simulator.story_of(key));
            for index in self.live.all() {
                let Some(story) = self.stories.get_mut(index) else { continue };
                let is_concerned = owner.is_none_or(|owner| owner as usize == index);
                if is_concerned && !story.is_over() {
                    // Every fault counts its requests, whichever one applies.
                    let own = story.fault(id, fields, &belongs);
                    fault = fault.or(own);
                }
            }
        }
        let general = self.dispatch.faults.next(id, fields, &belongs);
        fault.or(general)
    }

    /// Handles a request of the integrator: changes the state, informs stories and returns the response.
    pub fn request(&mut self, request: &Request<'_>) -> RequestOutcome {
        let Request { id, fields, now, .. } = *request;
        self.note_deed(["a request of ", id]);
        self.requests += 1;
        let owner = match self.stories.is_empty() {
            true => None,
            false => self.simulator.find_conversation(fields).and_then(|key| self.simulator.story_of(key)),
        };
        let owner = owner.map(|story| story as usize);
        let listeners: Vec<usize> = match owner {
            Some(story) => vec![story],
            None => self.live.looking_for(id).collect(),
        };
        // Rows can be very many, so only stories that read them get them.
        let looking: Vec<&StoryRun> = listeners
            .iter()
            .filter_map(|index| self.stories.get(*index))
            .filter(|story| !story.is_over() && story.looks_for_request(id))
            .collect();
        let whole = if looking.is_empty() { Cow::Borrowed(fields) } else { request.with_rows() };
        let reads_answer = looking.iter().any(|story| story.reads_requests());
        self.uploads += u64::from(matches!(id, "workflow.create" | "workflow.add_contacts"));
        let default = self.simulator.handle(request);
        self.take_notes(now);
        let findings = self.simulator.take_findings();
        let cause = self.simulator.last_cause();
        let handled = match self.stories.is_empty() {
            true => HandledRequest::default(),
            false => self.handled(request, whole, &default, reads_answer),
        };
        let view = RequestView {
            id,
            fields: &handled.fields,
            refused: is_refusal(&default),
            conversation: handled.conversation,
            begun: handled.begun,
            answer: &handled.answer,
            arrival: handled.arrival,
        };
        let claim = self.offer(&view, listeners, owner, now);
        if owner.is_none() {
            self.assign_to_taker(&view, claim.taker, cause);
        }
        if claim.replaces_default {
            self.speak_for_the_bot(&view, cause);
        }
        // Callbacks of a user's own endpoint belong to the story that took the request, or else to the only one.
        if !self.stories.is_empty()
            && self.simulator.is_of_user(id)
            && let Some(story) = claim.taker.or_else(|| self.only_story())
        {
            self.assign_effects(cause, story);
        }
        self.report_findings(findings, claim.taker, now);
        let outcome = outcome(claim.answer, default);
        let catalog = Arc::clone(&self.dispatch.catalog);
        match catalog.get(id).filter(|entry| entry.overridden) {
            Some(entry) => correct::response(entry, fields, outcome, || self.simulator.request_id()),
            None => outcome,
        }
    }

    /// Offers a request to stories: to its owner alone, or to all until one takes it.
    fn offer(
        &mut self,
        view: &RequestView<'_>,
        listeners: Vec<usize>,
        owner: Option<usize>,
        now: Timestamp,
    ) -> Claim {
        let mut claim = Claim { taker: owner, ..Claim::default() };
        let mut keepers = Vec::new();
        let mut is_taken = false;
        for index in listeners {
            match self.stories.get(index) {
                Some(story) if !story.is_over() => {}
                Some(story) if story.missed_request(view.id) => {
                    self.with_host(index, now, |story, host| story.on_late_request(view, host));
                    continue;
                }
                _ => continue,
            }
            let reply = self.with_host(index, now, |story, host| story.on_request(view, host));
            let Some(reply) = reply else { continue };
            claim.replaces_default |= reply.replaces_default;
            claim.answer = claim.answer.or(reply.answer);
            if reply.kept {
                keepers.push(index);
            }
            // A request that names no conversation belongs to the first story that waits for it.
            if reply.taken && owner.is_none() {
                is_taken = true;
                claim.taker = Some(index);
                break;
            }
        }
        // If none waits for it, it belongs to the first that kept it for a later step; the others give it up.
        if !is_taken && owner.is_none() {
            claim.taker = keepers.first().copied();
        }
        for index in keepers.into_iter().skip(usize::from(!is_taken)) {
            if let Some(story) = self.stories.get_mut(index) {
                story.give_up_request(view.id);
            }
        }
        claim
    }

    /// Attributes a request that had no owner, its effects and its conversation to the story that took it.
    fn assign_to_taker(&mut self, view: &RequestView<'_>, taker: Option<usize>, cause: CauseId) {
        let Some(story) = taker else { return };
        self.assign_effects(cause, story);
        if let Some(arrival) = self.arrivals.get_mut(view.arrival) {
            arrival.story = self.stories.get(story).map(|story| Arc::clone(story.name()));
        }
        let conversation = view.conversation.or(view.begun);
        if let Some(key) = conversation.filter(|key| self.simulator.story_of(*key).is_none()) {
            self.simulator.adopt(key, cause);
        }
    }

    /// Attributes the effects of a request to a story.
    fn assign_effects(&mut self, cause: CauseId, story: usize) {
        self.simulator.assign(cause, u32::try_from(story).unwrap_or(u32::MAX));
    }

    /// Drops the default effects of a request, because a story speaks in place of the bot.
    fn speak_for_the_bot(&mut self, view: &RequestView<'_>, cause: CauseId) {
        self.simulator.mute(cause);
        if let Some(key) = view.conversation.or(view.begun) {
            self.simulator.lead(key);
        }
    }

    /// Whether the user's settings serve a request without authentication.
    pub fn is_open(&self, id: &str) -> bool {
        self.simulator.is_open(id)
    }
}

/// What stories made of a request.
#[derive(Default)]
struct Claim {
    /// The story that the request belongs to.
    taker: Option<usize>,
    /// The response that a story gives in place of the default one.
    answer: Option<(u16, Option<Value>)>,
    /// Whether the default effects are dropped.
    replaces_default: bool,
}

/// A request that was handled, as stories see it.
#[derive(Debug, Default)]
pub(super) struct HandledRequest {
    pub(super) fields: Arc<Value>,
    /// The conversation named in its fields.
    pub(super) conversation: Option<ConversationKey>,
    /// The conversation that it opened, or that its response names, if its fields name none.
    pub(super) begun: Option<ConversationKey>,
    /// The response, if any story reads it.
    pub(super) answer: Value,
    /// Its number among the arrivals.
    pub(super) arrival: u64,
}

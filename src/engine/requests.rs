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
use crate::simulator::{AccountKey, ConversationKey, Request};

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
            for index in &self.live {
                let Some(story) = self.stories.get_mut(*index) else { continue };
                let is_concerned = owner.is_none_or(|owner| owner as usize == *index);
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
        let listeners: Vec<usize> = match owner {
            Some(story) => vec![story as usize],
            None => self.live.iter().copied().collect(),
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
        let usual = self.simulator.handle(request);
        self.take_notes(now);
        let found = self.simulator.take_findings();
        let cause = self.simulator.last_cause();
        let came = match self.stories.is_empty() {
            true => CameIn::default(),
            false => self.came_in(request, whole, &usual, reads_answer),
        };
        let CameIn { fields: whole, conversation, begun, answer, arrival } = &came;
        let view = RequestView {
            id,
            fields: whole,
            refused: is_refusal(&usual),
            conversation: *conversation,
            begun: *begun,
            answer,
            arrival: *arrival,
        };
        let mut replaces_default = false;
        let mut from_story = None;
        let mut kept = Vec::new();
        let mut taken = false;
        let mut taker = owner.map(|story| story as usize);
        for index in listeners {
            match self.stories.get(index) {
                Some(story) if !story.is_over() => {}
                Some(story) if story.missed_request(id) => {
                    self.with_host(index, now, |story, host| story.on_late_request(&view, now, host));
                    continue;
                }
                _ => continue,
            }
            let reply = self.with_host(index, now, |story, host| story.on_request(&view, now, host));
            let Some(reply) = reply else { continue };
            replaces_default |= reply.replaces_default;
            from_story = from_story.or(reply.answer);
            if reply.kept {
                kept.push(index);
            }
            // A request that names no conversation belongs to the first story that waits for it, or else to the first that
            // will.
            if reply.taken && owner.is_none() {
                taken = true;
                taker = Some(index);
                self.simulator.assign(cause, u32::try_from(index).unwrap_or(u32::MAX));
                break;
            }
        }
        if let (false, None, Some(first)) = (taken, owner, kept.first()) {
            taker = Some(*first);
            self.simulator.assign(cause, u32::try_from(*first).unwrap_or(u32::MAX));
        }
        for index in kept.into_iter().skip(usize::from(!taken)) {
            if let Some(story) = self.stories.get_mut(index) {
                story.give_up_request(id);
            }
        }
        let its = view.conversation.or(view.begun);
        if let (Some(story), None) = (taker, owner) {
            if let Some(arrival) = self.arrivals.get_mut(view.arrival) {
                arrival.story = self.stories.get(story).map(|story| Arc::clone(story.name()));
            }
            if let Some(key) = its.filter(|key| self.simulator.story_of(*key).is_none()) {
                self.simulator.adopt(key, cause);
            }
        }
        if replaces_default {
            self.simulator.mute(cause);
            // The story speaks in place of the bot.
            if let Some(key) = its {
                self.simulator.lead(key);
            }
        }
        // Callbacks of a user's own endpoint belong to the story that took the request, or else to the only one.
        if !self.stories.is_empty()
            && self.simulator.is_of_user(id)
            && let Some(story) = taker.or_else(|| self.only_story())
        {
            self.simulator.assign(cause, u32::try_from(story).unwrap_or(u32::MAX));
        }
        self.report_findings(found, taker, now);
        let outcome = outcome(from_story, usual);
        let catalog = Arc::clone(&self.dispatch.catalog);
        match catalog.get(id).filter(|entry| entry.overridden) {
            Some(entry) => correct::response(entry, fields, outcome, || self.simulator.request_id()),
            None => outcome,
        }
    }

    /// Whether the user's settings serve a request without authentication.
    pub fn is_open(&self, id: &str) -> bool {
        self.simulator.is_open(id)
    }
}

/// A request that was handled, as stories see it.
#[derive(Debug, Default)]
pub(super) struct CameIn {
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

//! Binding of conversations to steps, and explanations for timed-out `await`s.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use minijinja::Value as Scope;
use minijinja::value::merge_maps;
use serde_json::{Value, json};

use super::scope::Moment;
use super::{Held, StoryRun};
use crate::files::Place;
use crate::language::condition::{Condition, ConditionError};
use crate::language::matcher::mismatches;
use crate::language::template;
use crate::scenario::host::{RequestView, StoryHost};
use crate::scenario::near_miss::{NearMiss, Wanted, near_miss};
use crate::scenario::story::{Action, Step, Story, Trigger};
use crate::simulator::ConversationKey;
use crate::time::HumanDuration;

/// How many field differences a near miss lists.
const MOST_DIFFERENCES: usize = 8;

/// A timed-out `await`.
#[derive(Clone, Debug)]
pub(super) struct Missed {
    place: Place,
    trigger: Trigger,
    conversation: Option<ConversationKey>,
    wanted: Sought,
    ran_out: Timestamp,
}

/// What a step was waiting for, with the values at the moment when it gave up.
#[derive(Clone, Debug)]
enum Sought {
    /// These fields.
    Fields(Value),
    /// Anything that makes the condition of this step true, with the other names in its template's scope.
    True { step: usize, scope: Scope },
}

impl Sought {
    /// Returns the differences between an event and what was awaited, one line each.
    fn differences(&self, story: &Story, trigger: &Trigger, fields: &Value) -> Vec<String> {
        let found = match self {
            Self::Fields(wanted) => {
                let found = mismatches(wanted, fields).map_err(ConditionError::from);
                found.map(|found| found.iter().map(ToString::to_string).collect())
            }
            Self::True { step, scope } => {
                let Some(Action::Await(wait)) = story.steps.get(*step).map(|step| &step.action) else {
                    return Vec::new();
                };
                let came = template::value(&json!({ trigger.variable(): { "body": fields } }));
                let scope = merge_maps([came, scope.clone()]);
                let found = wait.condition.mismatches(fields, &story.templates, &scope);
                found.or_else(|error| error.of_event(trigger.variable()))
            }
        };
        let mut found = found.unwrap_or_else(|error| vec![format!("`where` {error}")]);
        found.truncate(MOST_DIFFERENCES);
        found
    }
}

impl StoryRun {
    /// Whether an event of a conversation, or of none, may belong to the steps of this name. A conversation that was begun
    /// outside the story belongs to the first step that waits for it in a conversation without messages.
    pub(super) fn may_take(
        &self,
        came_in: Option<ConversationKey>,
        name: &str,
        host: &mut dyn StoryHost,
    ) -> bool {
        match (came_in, self.conversations.get(name)) {
            (None, _) => true,
            (Some(key), Some(held)) if held.key == key => true,
            (Some(_), Some(held)) if held.is_bound || host.simulator().is_begun(held.key) => false,
            (Some(key), _) => self.conversations.values().all(|held| held.key != key),
        }
    }

    /// Binds the steps of this name to this conversation, if they were not bound yet.
    pub(super) fn bind(&mut self, name: &str, to: Option<ConversationKey>, host: &mut dyn StoryHost) {
        if let Some(key) = to.filter(|key| self.may_take(Some(*key), name, host))
            && self.conversations.get(name).is_none_or(|held| held.key != key)
        {
            self.conversations.insert(name.to_owned(), Held { key, is_bound: true });
        }
    }

    /// Returns what arrived in place of what a strand awaited. It may still arrive late.
    pub(super) fn near_miss(&mut self, at: usize, host: &mut dyn StoryHost) -> NearMiss {
        let now = host.now();
        let story = Arc::clone(&self.story);
        let Some(Step { place, conversation, action: Action::Await(wait), .. }) =
            story.steps.get(self.strands[at].cursor)
        else {
            return NearMiss::Nothing;
        };
        let loop_index = self.loop_index(at);
        let scope = self.scope(&mut Moment::of_step(conversation, loop_index, host));
        let wanted = match &wait.condition {
            // A condition that can't be filled in has ended the story before.
            Condition::Fields(fields) => {
                Sought::Fields(fields.render(&story.templates, &scope).unwrap_or_default())
            }
            Condition::Template(..) => Sought::True { step: self.strands[at].cursor, scope },
        };
        let held = self.conversations.get(conversation).copied();
        let own = held.filter(|held| held.is_bound || host.simulator().is_begun(held.key));
        let own = own.map(|held| (held.key, host.simulator().order_key(held.key)));
        let is_under_way = match &wait.trigger {
            Trigger::Request(_) => false,
            Trigger::Callback(event) => host.is_under_way(event),
        };
        let missed = Missed {
            place: place.clone(),
            trigger: wait.trigger.clone(),
            conversation: own.as_ref().map(|(key, _)| *key),
            wanted,
            ran_out: now,
        };
        let named = |key: ConversationKey| {
            let name = self.conversations.iter().find(|(_, held)| held.key == key);
            name.map(|(name, _)| name.clone())
        };
        let wanted = Wanted {
            trigger: &wait.trigger,
            place,
            story: &self.name,
            story_began: self.begins,
            step_began: now.checked_sub(wait.within).unwrap_or(Timestamp::MIN),
            conversation: own,
            names: &named,
            differences: &|fields| missed.wanted.differences(&story, &missed.trigger, fields),
            is_under_way,
        };
        let why = near_miss(&wanted, self.callbacks.iter().chain(host.arrivals().iter()));
        self.missed.push(missed);
        why
    }

    /// Whether the `await` of any step timed out.
    pub fn has_missed(&self) -> bool {
        !self.missed.is_empty()
    }

    /// Whether the `await` of any step for this request timed out.
    pub fn missed_request(&self, id: &str) -> bool {
        self.missed
            .iter()
            .any(|missed| matches!(&missed.trigger, Trigger::Request(request) if **request == *id))
    }

    /// Handles a request that arrives after the end of the story, which may explain why a step got nothing.
    pub fn on_late_request(&mut self, request: &RequestView<'_>, host: &mut dyn StoryHost) {
        self.explain_late(request, &Trigger::Request(request.id.into()), host);
    }

    /// Handles a request that no step took: it may be what a timed-out step waited for.
    pub(super) fn explain_late(
        &mut self,
        request: &RequestView<'_>,
        trigger: &Trigger,
        host: &mut dyn StoryHost,
    ) {
        let story = Arc::clone(&self.story);
        let is_it = |missed: &Missed| {
            let both = request.conversation.zip(missed.conversation);
            missed.trigger == *trigger
                && both.is_none_or(|(came_in, own)| came_in == own)
                && missed.wanted.differences(&story, trigger, request.fields).is_empty()
        };
        let found = self.missed.iter().position(is_it).filter(|_| !request.refused);
        let Some(Missed { place, ran_out, .. }) = found.map(|at| self.missed.remove(at)) else { return };
        let late = Duration::try_from(host.now().duration_since(ran_out)).unwrap_or_default();
        let late = HumanDuration(late);
        host.explained(&place, &format!("`{}` arrived {late} too late", request.id));
    }
}

//! The scope of templates in a running story, and the rendering of its callbacks.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Held, Scope, StoryRun};
use crate::delivery::CallbackId;
use crate::faults::Belongs;
use crate::json::remove;
use crate::language::condition::{Condition, ConditionError};
use crate::language::template::{self, FillError, Template};
use crate::language::tree::TreeTemplate;
use crate::language::truth;
use crate::scenario::failure::FailureKind;
use crate::scenario::host::{Body, SendError, Sending, StoryHost};
use crate::scenario::story::{CallbackTemplate, MAIN_CONVERSATION, Story};
use crate::simulator::{AccountKey, ConversationKey, Opening};

/// Why a story can't go on as written.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoryError {
    #[error("{what} can't be filled in: {error}")]
    Fill { what: String, error: FillError },
    #[error("`where` {0}")]
    Where(ConditionError),
    #[error("`check` {0}")]
    Check(ConditionError),
    #[error("`when` could not be evaluated: {0}")]
    When(FillError),
    #[error(transparent)]
    Truth(FillError),
    #[error("`{0}` is not a callback that a step of this story sent, so it can't be sent again")]
    NotSent(String),
    #[error(transparent)]
    Send(#[from] SendError),
}

impl StoryError {
    /// Returns the kind of failure.
    pub(super) fn kind(&self) -> FailureKind {
        match self {
            Self::Fill { .. } | Self::Where(_) | Self::Check(_) | Self::When(_) | Self::Truth(_) => {
                FailureKind::Template
            }
            Self::NotSent(_) | Self::Send(_) => FailureKind::Unsendable,
        }
    }
}

/// Creates the error for something that can't be filled in.
pub(super) fn fill(what: &str) -> impl FnOnce(FillError) -> StoryError {
    |error| StoryError::Fill { what: what.to_owned(), error }
}

/// A callback that was sent, to be sent again.
#[derive(Clone, Debug)]
pub(super) struct Resendable {
    pub(super) sending: Sending,
    /// The body as templates see it.
    pub(super) value: Value,
}

/// The moment of an action: its conversation, and what its templates see beside variables.
pub(super) struct Moment<'a> {
    pub(super) conversation: &'a str,
    /// The conversation itself, if the story has no name for it.
    pub(super) unnamed: Option<ConversationKey>,
    /// The round of the repetition, from 1.
    pub(super) loop_index: u32,
    /// The scope of templates at another moment, which takes precedence over the present one.
    pub(super) then: Option<&'a Then>,
    /// The request or callback of a reaction, with its name in templates.
    pub(super) cause: Option<&'a (&'static str, Scope)>,
    pub(super) host: &'a mut dyn StoryHost,
}

/// The scope of templates at a moment, for what is sent later because of it.
#[derive(Debug)]
pub(super) struct Then {
    values: BTreeMap<String, Scope>,
    user: Scope,
    session: Scope,
}

impl<'a> Moment<'a> {
    /// Creates the moment of a step, which has no cause from outside.
    pub(super) fn of_step(conversation: &'a str, loop_index: u32, host: &'a mut dyn StoryHost) -> Self {
        Self { conversation, unnamed: None, loop_index, then: None, cause: None, host }
    }
}

impl StoryRun {
    /// Whether an event matches a `where`. The event is the cause of the moment.
    pub(super) fn matches(
        &mut self,
        condition: &Condition,
        fields: &Value,
        moment: &mut Moment<'_>,
    ) -> Result<bool, StoryError> {
        Ok(condition.is_empty() || self.mismatches(condition, fields, moment)?.is_empty())
    }

    /// Returns the mismatches against a `where`, one line each. An event that lacks a field that the `where` reads does not match.
    pub(super) fn mismatches(
        &mut self,
        condition: &Condition,
        fields: &Value,
        moment: &mut Moment<'_>,
    ) -> Result<Vec<String>, StoryError> {
        let scope = self.scope(moment);
        let found = condition.mismatches(fields, &self.story.templates, &scope);
        let event = moment.cause.map_or("", |(name, _)| *name);
        found.or_else(|error| error.of_event(event)).map_err(StoryError::Where)
    }

    /// Returns the mismatches of variables against a `check`, one line each.
    pub(super) fn unchecked(
        &mut self,
        condition: &Condition,
        moment: &mut Moment<'_>,
    ) -> Result<Vec<String>, StoryError> {
        let scope = self.scope(moment);
        let mut variables = Map::new();
        if let Condition::Fields(TreeTemplate::Table(fields)) = condition {
            for (name, _) in fields {
                if let Some(value) = scope.get_attr(name).ok().filter(|value| !value.is_undefined()) {
                    let value = serde_json::to_value(&value)
                        .map_err(|error| FillError::NoJson(error.to_string()))
                        .map_err(fill(&format!("`{name}`")))?;
                    variables.insert(name.clone(), value);
                }
            }
        }
        let found = condition.mismatches(&Value::Object(variables), &self.story.templates, &scope);
        found.map_err(StoryError::Check)
    }

    pub(super) fn is_true(&mut self, when: &Template, moment: &mut Moment<'_>) -> Result<bool, StoryError> {
        let scope = self.scope(moment);
        let value = self.story.templates.render(when, &scope);
        truth(&value.map_err(StoryError::When)?).map_err(StoryError::Truth)
    }

    /// Returns the name of the conversation that a request or callback belongs to, or the conversation itself if it was begun
    /// outside the story and the story has no name for it.
    pub(super) fn conversation_of(
        &self,
        came_in: Option<ConversationKey>,
        host: &mut dyn StoryHost,
    ) -> (String, Option<ConversationKey>) {
        let known = self.conversations.iter().find(|(_, held)| Some(held.key) == came_in);
        match known {
            Some((name, _)) => (name.clone(), None),
            None => (self.conversation(), came_in.filter(|key| host.simulator().is_of_account(*key))),
        }
    }

    fn conversation(&self) -> String {
        self.current(0).map_or(MAIN_CONVERSATION, |step| step.conversation.as_str()).to_owned()
    }

    pub(super) fn set(
        &mut self,
        entries: &[(String, TreeTemplate)],
        moment: &mut Moment<'_>,
    ) -> Result<(), StoryError> {
        for (name, value) in entries {
            let scope = self.scope(moment);
            let value = value
                .render(&self.story.templates, &scope)
                .map_err(fill(&format!("the variable `{name}`")))?;
            self.preset(name, &value);
        }
        Ok(())
    }

    /// Sends a callback. Returns its body if it is needed later: if it `is_judged`, saved or awaited.
    pub(super) fn render_and_send(
        &mut self,
        callback: &CallbackTemplate,
        is_judged: bool,
        moment: &mut Moment<'_>,
    ) -> Result<(CallbackId, Value), StoryError> {
        let story = Arc::clone(&self.story);
        // Building the scope of templates takes as long as everything else here.
        let is_fixed = callback.is_fixed() && story.callback_url.as_ref().is_none_or(Template::is_fixed);
        let scope = if is_fixed { Scope::UNDEFINED } else { self.scope(moment) };
        let (key, now) = (self.key(moment), moment.host.now());
        moment.host.simulator().lead(key);
        let text = |source: &Template| -> Result<String, FillError> {
            Ok(match story.templates.render(source, &scope)? {
                Value::String(text) => text,
                other => other.to_string(),
            })
        };
        let (body, value) = match &callback.raw {
            Some(raw) => {
                let raw = text(raw).map_err(fill("`raw`"))?;
                let value = serde_json::from_str(&raw).unwrap_or(Value::Null);
                moment.host.simulator().apply_event(key, &callback.event, &value, now);
                (Body::Raw(raw.into_bytes()), value)
            }
            None => {
                let patch = callback.body.render(&story.templates, &scope).map_err(fill("`body`"))?;
                let body = moment.host.emit(key, &callback.event, patch);
                let mut body = body.map_err(SendError::Body)?;
                for path in &callback.omit {
                    remove(&mut body, path);
                }
                let is_kept = is_judged
                    || callback.save.is_some()
                    || story.looks_for_callbacks()
                    || self.faults.looks_into_callbacks();
                let kept = if is_kept { body.clone() } else { Value::Null };
                (Body::Json(body), kept)
            }
        };
        let headers = callback
            .headers
            .iter()
            .map(|(name, value)| Ok((Arc::from(name.as_str()), text(value)?)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(fill("`headers`"))?;
        let url = |source: &Option<Template>| source.as_ref().map(text).transpose();
        let of_story = url(&story.callback_url).map_err(fill("the URL"))?;
        let target = url(&callback.target).map_err(fill("the URL"))?.or_else(|| of_story.clone());
        self.callback_url = of_story;
        let mut faults = callback.faults.clone();
        if self.faults.has_callback_faults() {
            let simulator = moment.host.simulator();
            let (account, conversation) = (AccountKey::default(), simulator.order_key(key));
            let belongs = Belongs {
                account: Some(&simulator.access().account(account).name),
                conversation: Some(&conversation),
                ..Belongs::default()
            };
            self.faults.next_of_callback(&callback.event, &value, &belongs, &mut faults);
        }
        let sending = Sending {
            event: Arc::clone(&callback.event),
            body,
            headers,
            target,
            own_target: callback.target.is_some(),
            session: key,
            policy: story.own_policy().cloned(),
            again: None,
            faults,
        };
        let resent = callback.save.as_ref().filter(|name| story.resent.contains(*name));
        let resent = resent.map(|name| (name.clone(), sending.clone()));
        let id = moment.host.send(sending)?;
        if let Some((name, sending)) = resent {
            let sending = Sending { again: Some(id), faults: Vec::new(), ..sending };
            self.resendable.insert(name, Resendable { sending, value: value.clone() });
        }
        Ok((id, value))
    }

    /// Returns the simulator's key of the moment's conversation, which is opened at its first use.
    fn key(&mut self, moment: &mut Moment<'_>) -> ConversationKey {
        if let Some(key) = moment.unnamed {
            return key;
        }
        if let Some(held) = self.conversations.get(moment.conversation) {
            return held.key;
        }
        let now = moment.host.now();
        let key = moment.host.simulator().open(Opening {
            story: Some(self.number),
            seed: self.seed.derive(moment.conversation, 0),
            country: self.story.country,
            locale: self.story.locale.clone(),
            now,
        });
        self.conversations.insert(moment.conversation.to_owned(), Held { key, is_bound: false });
        key
    }

    /// Captures the template scope, except these variables, which are read when the callback is due.
    pub(super) fn then<'n>(
        &mut self,
        without: impl Iterator<Item = &'n String>,
        moment: &mut Moment<'_>,
    ) -> Then {
        let mut values = self.values.clone();
        without.for_each(|name| drop(values.remove(name)));
        let (user, session) = self.view(moment);
        Then { values, user, session }
    }

    /// Returns the moment's user and conversation, if any template reads them.
    fn view(&mut self, moment: &mut Moment<'_>) -> (Scope, Scope) {
        // The conversation is opened in any case, so that the order of conversations does not change.
        let key = self.key(moment);
        let templates = &self.story.templates;
        if !templates.reads("user") && !templates.reads("session") {
            return (Scope::UNDEFINED, Scope::UNDEFINED);
        }
        let (user, session) = moment.host.simulator().view(key);
        (template::value(&user), template::value(&session))
    }

    /// Builds the scope of templates.
    pub(super) fn scope(&mut self, moment: &mut Moment<'_>) -> Scope {
        let (user, session) = match moment.then {
            Some(then) => (then.user.clone(), then.session.clone()),
            None => self.view(moment),
        };
        let Story { name, country, locale, templates, .. } = &*self.story;
        // A scope is built for each condition and callback: values that no template reads are left out.
        let text =
            |name: &str, text: &str| if templates.reads(name) { Scope::from(text) } else { Scope::UNDEFINED };
        let helpers = match templates.uses_functions() {
            true => Scope::from_dyn_object(Arc::clone(&*self.helpers)),
            false => Scope::UNDEFINED,
        };
        let built_in = [
            ("user", user),
            ("session", session),
            ("locale", text("locale", locale.as_deref().unwrap_or(country.default_locale()))),
            ("country", text("country", &country.to_string())),
            ("copy", Scope::from(self.instance)),
            ("story", text("story", name)),
            ("loop_index", Scope::from(moment.loop_index)),
            ("__helpers", helpers),
        ];
        let built_in = built_in.into_iter().filter(|(_, value)| !value.is_undefined());
        let own = self.values.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let then = moment.then.iter().flat_map(|then| &then.values);
        let then = then.map(|(name, value)| (name.as_str(), value.clone()));
        let cause = moment.cause.map(|(name, value)| (*name, value.clone()));
        Scope::from_pairs(own.chain(then).chain(cause).chain(built_in))
    }
}

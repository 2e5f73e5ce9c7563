//! What templates of a running story see, and how its callbacks are rendered.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{Scope, StoryRun};
use crate::delivery::CallbackId;
use crate::json::{difference, remove};
use crate::language::template::{self, Template};
use crate::language::tree::TreeTemplate;
use crate::language::truth;
use crate::scenario::host::{Body, Sending, StoryHost};
use crate::scenario::story::{CallbackTemplate, MAIN_CONVERSATION};
use crate::simulator::{ConversationKey, Opening};

impl StoryRun {
    pub(super) fn matches(
        &mut self,
        condition: &TreeTemplate,
        fields: &Value,
        conversation: &str,
        extra: &BTreeMap<String, Scope>,
        now: Timestamp,
        stage: &mut dyn StoryHost,
    ) -> Result<bool, String> {
        if matches!(condition, TreeTemplate::Table(entries) if entries.is_empty()) {
            return Ok(true);
        }
        let scope = self.scope(conversation, extra, now, stage);
        let wanted = condition.render(&self.story.templates, &scope)?;
        Ok(difference(&wanted, fields).is_none())
    }

    pub(super) fn is_true(
        &mut self,
        when: &Template,
        conversation: &str,
        extra: &BTreeMap<String, Scope>,
        now: Timestamp,
        stage: &mut dyn StoryHost,
    ) -> Result<bool, String> {
        let scope = self.scope(conversation, extra, now, stage);
        let value = self.story.templates.render(when, &scope);
        truth(&value.map_err(|error| format!("`when` can't be told: {error}"))?)
    }

    /// The name of the conversation that a call or callback belongs to.
    pub(super) fn conversation_of(&self, fields: &Value, stage: &mut dyn StoryHost) -> String {
        let found = stage.simulator().find_conversation(fields);
        let name =
            self.conversations.iter().find(|(_, key)| Some(**key) == found).map(|(name, _)| name.clone());
        name.unwrap_or_else(|| self.conversation())
    }

    pub(super) fn conversation(&self) -> String {
        self.current().map_or(MAIN_CONVERSATION, |step| step.conversation.as_str()).to_owned()
    }

    pub(super) fn set(
        &mut self,
        entries: &[(String, TreeTemplate)],
        conversation: &str,
        extra: &BTreeMap<String, Scope>,
        now: Timestamp,
        stage: &mut dyn StoryHost,
    ) -> Result<(), String> {
        for (name, value) in entries {
            let scope = self.scope(conversation, extra, now, stage);
            let value = value
                .render(&self.story.templates, &scope)
                .map_err(|error| format!("the variable `{name}` can't be filled in: {error}"))?;
            self.preset(name, &value);
        }
        Ok(())
    }

    pub(super) fn render_and_send(
        &mut self,
        callback: &CallbackTemplate,
        conversation: &str,
        extra: &BTreeMap<String, Scope>,
        now: Timestamp,
        stage: &mut dyn StoryHost,
    ) -> Result<(CallbackId, Value), String> {
        let story = Arc::clone(&self.story);
        let session = self.session(conversation, now, stage);
        let scope = self.scope(conversation, extra, now, stage);
        let text = |source: &Template| -> Result<String, String> {
            Ok(match story.templates.render(source, &scope)? {
                Value::String(text) => text,
                other => other.to_string(),
            })
        };
        let (body, value) = match &callback.raw {
            Some(raw) => {
                let raw = text(raw).map_err(|error| format!("`raw` can't be filled in: {error}"))?;
                let value = serde_json::from_str(&raw).unwrap_or(Value::Null);
                stage.simulator().apply_event(session, &callback.event, &value, now);
                (Body::Raw(raw.into_bytes()), value)
            }
            None => {
                let patch = callback
                    .body
                    .render(&story.templates, &scope)
                    .map_err(|error| format!("`body` can't be filled in: {error}"))?;
                let mut body = stage.emit(session, &callback.event, patch, now)?;
                for path in &callback.omit {
                    remove(&mut body, path);
                }
                (Body::Json(body.clone()), body)
            }
        };
        let headers = callback
            .headers
            .iter()
            .map(|(name, value)| Ok((Arc::from(name.as_str()), text(value)?)))
            .collect::<Result<Vec<_>, String>>()
            .map_err(|error| format!("`headers` can't be filled in: {error}"))?;
        let url = |source: &Option<Template>| source.as_ref().map(text).transpose();
        let wrong = |error: String| format!("the URL can't be filled in: {error}");
        let of_story = url(&story.callback_url).map_err(wrong)?;
        let target = url(&callback.target).map_err(wrong)?.or_else(|| of_story.clone());
        self.callback_url = of_story;
        let id = stage.send(Sending {
            event: Arc::clone(&callback.event),
            body,
            headers,
            target,
            own_target: callback.target.is_some(),
            session,
            policy: Arc::clone(&story.policy),
        })?;
        Ok((id, value))
    }

    /// The session of a conversation, opened at its first use.
    pub(super) fn session(
        &mut self,
        conversation: &str,
        now: Timestamp,
        stage: &mut dyn StoryHost,
    ) -> ConversationKey {
        if let Some(key) = self.conversations.get(conversation) {
            return *key;
        }
        let key = stage.simulator().open(Opening {
            story: Some(self.number),
            seed: self.seed.derive(conversation, 0),
            country: self.story.country,
            locale: self.story.locale.clone(),
            now,
        });
        self.conversations.insert(conversation.to_owned(), key);
        key
    }

    /// What templates see.
    pub(super) fn scope(
        &mut self,
        conversation: &str,
        extra: &BTreeMap<String, Scope>,
        now: Timestamp,
        stage: &mut dyn StoryHost,
    ) -> Scope {
        let session = self.session(conversation, now, stage);
        let (user, view) = stage.simulator().view(session);
        let locale =
            self.story.locale.clone().unwrap_or_else(|| self.story.country.default_locale().to_owned());
        let built_in = [
            ("user", template::value(&user)),
            ("session", template::value(&view)),
            ("locale", Scope::from(locale)),
            ("country", Scope::from(self.story.country.to_string())),
            ("copy", Scope::from(self.copy)),
            ("story", Scope::from(self.story.name.as_str())),
            ("loop_index", Scope::from(self.round)),
            ("__helpers", Scope::from_dyn_object(Arc::clone(&self.helpers))),
        ];
        let own = self.values.iter().chain(extra).map(|(name, value)| (name.as_str(), value.clone()));
        Scope::from_pairs(own.chain(built_in))
    }
}

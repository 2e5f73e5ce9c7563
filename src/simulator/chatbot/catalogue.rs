//! The message templates. Which templates exist is assumed; the shape of their content is the vendor's (example).

use std::sync::Arc;

use rand::seq::IndexedRandom;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::content;
use crate::content::facts::Facts;
use crate::contract::bodies::message::{
    Content, Template, TemplateButtonKind, TemplateContent, TemplateInfo,
};
use crate::contract::fields::{Whole, shown};
use crate::seed::Rng;
use crate::simulator::Refusal;
use crate::simulator::rules::message_template::{MessageTemplate, TemplateStatus, TemplateVersion};

/// A template in one language.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Chosen {
    pub(super) template: Arc<MessageTemplate>,
    /// The index of the language.
    at: usize,
}

impl Chosen {
    pub(super) fn every(all: &[Arc<MessageTemplate>]) -> impl Iterator<Item = Self> {
        let versions = |template: &Arc<MessageTemplate>| {
            let template = Arc::clone(template);
            (0..template.versions.len()).map(move |at| Self { template: Arc::clone(&template), at })
        };
        all.iter().flat_map(versions)
    }

    /// Returns the template of this name for a reader of this language: in that language, or else in the first one that is
    /// approved for sending.
    pub(in crate::simulator) fn named(
        all: &[Arc<MessageTemplate>],
        name: &str,
        language: &str,
    ) -> Option<Self> {
        let template = all.iter().find(|template| template.name == name)?;
        let versions = || template.versions.iter();
        let is_approved = |version: &TemplateVersion| version.status == TemplateStatus::Approved;
        let reads = |version: &TemplateVersion| version.language.eq_ignore_ascii_case(language);
        let at = versions().position(|version| is_approved(version) && reads(version));
        let at = at.or_else(|| versions().position(is_approved)).or_else(|| versions().position(reads));
        Some(Self { template: Arc::clone(template), at: at.unwrap_or(0) })
    }

    /// Draws a template with buttons that a user of this language may have received.
    pub(super) fn usual(all: &[Arc<MessageTemplate>], language: &str, rng: &mut Rng) -> Option<Self> {
        let has_buttons = |chosen: &Self| {
            let mut buttons = chosen.version().button.iter();
            buttons.any(|button| button.kind == TemplateButtonKind::QuickReply)
        };
        let sendable =
            all.iter().filter_map(|template| Self::named(all, &template.name, language)?.sendable().ok());
        let (own, others): (Vec<Self>, Vec<Self>) = sendable
            .filter(has_buttons)
            .partition(|chosen| chosen.version().language.eq_ignore_ascii_case(language));
        own.choose(rng).or_else(|| others.choose(rng)).cloned()
    }

    /// Returns the content of a message with this template, with the values of its variables, or else with those that follow from
    /// the facts about its user.
    pub(in crate::simulator) fn message(
        &self,
        texts: Option<&[String]>,
        facts: impl FnOnce() -> Facts,
    ) -> Content {
        let template = Template::WhatsApp { content: self.content(texts, facts), info: self.info() };
        Content::Template { template }
    }

    /// Returns the template in its language.
    pub(super) fn version(&self) -> &TemplateVersion {
        &self.template.versions[self.at]
    }

    /// Returns the template's details as messages name it.
    pub(in crate::simulator) fn info(&self) -> TemplateInfo {
        TemplateInfo {
            id: self.template.id,
            name: self.template.name.clone(),
            language: self.version().language.clone(),
        }
    }

    /// Returns the number of its variables.
    pub(super) fn variables(&self) -> usize {
        self.template.variables()
    }

    /// Returns its content with these texts filled in, or with samples.
    pub(in crate::simulator) fn content(
        &self,
        texts: Option<&[String]>,
        facts: impl FnOnce() -> Facts,
    ) -> TemplateContent {
        let locale = content::closest_locale(&self.version().language);
        let drawn = texts.is_none().then(facts);
        let text = |number: usize| {
            let at = number.checked_sub(1)?;
            match (texts, &drawn) {
                (Some(texts), _) => texts.get(at).cloned(),
                (None, facts) => facts.as_ref().map(|facts| facts.fill(self.template.sample(at), locale)),
            }
        };
        // In one pass, since the value of a variable may look like a variable.
        let (mut body, mut rest) = (String::new(), self.version().body.as_str());
        while let Some((before, after)) = rest.split_once("{{") {
            body.push_str(before);
            let named =
                after.split_once("}}").and_then(|(name, rest)| Some((text(name.parse().ok()?)?, rest)));
            match named {
                Some((text, after)) => {
                    body.push_str(&text);
                    rest = after;
                }
                None => {
                    body.push_str("{{");
                    rest = after;
                }
            }
        }
        body.push_str(rest);
        TemplateContent { body, ..self.raw() }
    }

    /// Returns its content with the variables not filled in.
    pub(super) fn raw(&self) -> TemplateContent {
        TemplateContent {
            header: self.version().header(),
            body: self.version().body.clone(),
            footer: self.version().footer.clone(),
            button: self.version().button.clone(),
        }
    }

    /// # Errors
    ///
    /// If the template is not approved.
    pub(in crate::simulator) fn sendable(self) -> Result<Self, Refusal> {
        let TemplateInfo { id, name, language } = self.info();
        let status = match self.version().status {
            TemplateStatus::Approved => return Ok(self),
            TemplateStatus::Pending => "pending",
            TemplateStatus::Rejected => "rejected",
        };
        let message =
            format!("template {id} (`{name}`, {language}) is {status}: only approved templates can be sent");
        Err(Refusal::new(400, message))
    }
}

/// The template that a request is about (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct TemplateRef {
    /// The number of a template, see the template list. Required unless the name is given.
    template_id: Option<Whole<0, { i64::MAX }>>,
    /// The name of the template, if it has no `template_id`.
    template_name: Option<String>,
    /// The language of the template; default: that of the first number's country.
    language: Option<String>,
    /// The same as one object, as in messages.
    template: Option<NestedTemplateRef>,
}

/// A template as messages name it (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
struct NestedTemplateRef {
    /// The number of the template.
    id: Option<Whole<0, { i64::MAX }>>,
    /// The name of the template, if it has no `id`.
    name: Option<String>,
    /// The language of the template.
    language: Option<String>,
}

impl TemplateRef {
    /// Returns the template, in the requested language.
    ///
    /// # Errors
    ///
    /// If the request names no template, or one that does not exist.
    pub(super) fn find(&self, all: &[Arc<MessageTemplate>], usual_language: &str) -> Result<Chosen, Refusal> {
        let (id, name, language) = match &self.template {
            Some(inner) => (inner.id, &inner.name, &inner.language),
            None => (self.template_id, &self.template_name, &self.language),
        };
        let (id_field, name_field, language_field) = match &self.template {
            Some(_) => ("template.id", "template.name", "template.language"),
            None => ("template_id", "template_name", "language"),
        };
        let missing = |what: String| Refusal::new(404, format!("there is no template {what}"));
        let template = match (id.map(Whole::get), name) {
            (Some(id), _) => all
                .iter()
                .find(|template| template.id == id)
                .ok_or_else(|| missing(format!("with {id_field} {id}")))?,
            (None, Some(name)) => {
                let known = all.iter().find(|template| template.name == *name);
                known.ok_or_else(|| missing(format!("with {name_field} {}", shown(&name.as_str().into()))))?
            }
            (None, None) => {
                let message =
                    format!("{id_field} is missing: the number of a template, see the template list");
                return Err(Refusal::new(400, message));
            }
        };
        let named = |wanted: &str| {
            let wanted = wanted.replace('_', "-");
            template.versions.iter().position(|version| version.language.eq_ignore_ascii_case(&wanted))
        };
        let at = match language {
            Some(language) => named(language).ok_or_else(|| {
                let language = shown(&language.as_str().into());
                missing(format!("{} with {language_field} {language}", template.id))
            })?,
            None => named(usual_language).unwrap_or(0),
        };
        Ok(Chosen { template: Arc::clone(template), at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::dialogue::Dialogue;
    use crate::simulator::rules::bot::shipped;

    #[test]
    fn the_catalogue_is_whole() {
        let mut statuses = Vec::new();
        let all = shipped();
        for one in Chosen::every(&all) {
            let (template, version) = (&one.template, one.version());
            let name = format!("{} {}", template.name, version.language);
            assert_eq!(content::closest_locale(&version.language)[..2], version.language[..2], "{name}");
            for at in 1..=one.variables() {
                assert!(version.body.contains(&format!("{{{{{at}}}}}")), "{name}");
            }
            assert_eq!(version.body.matches("{{").count(), one.variables(), "{name}");
            assert_eq!(version.button.len(), template.turns.len(), "{name}");
            assert_eq!(version.reason.is_some(), version.status == TemplateStatus::Rejected, "{name}");
            let chat = Dialogue::chat(template.dialogue.as_str()).unwrap();
            assert!(template.turns.iter().all(|turn| chat.has(turn)), "{name}");
            statuses.push(version.status);
        }
        let known = [TemplateStatus::Approved, TemplateStatus::Pending, TemplateStatus::Rejected];
        assert!(known.iter().all(|status| statuses.contains(status)));
        let mut ids: Vec<i64> = all.iter().map(|template| template.id).collect();
        ids.dedup();
        assert_eq!(ids.len(), all.len());
    }
}

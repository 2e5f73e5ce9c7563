//! The message templates there are. Which there are is assumed; the shape of their content is the vendor's (example).

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::content;
use crate::content::facts::Facts;
use crate::contract::bodies::message::{TemplateButton, TemplateContent, TemplateHeader, TemplateInfo};
use crate::contract::fields::Whole;
use crate::simulator::Refusal;

/// A template in all its languages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Template {
    /// Its number.
    pub(super) id: i64,
    /// Its name.
    pub(super) name: String,
    pub(super) category: String,
    /// The chat that its users go on with.
    pub(super) dialogue: String,
    /// What fills its variables where a call names none.
    samples: Vec<String>,
    /// The turn of the dialogue that each button leads to.
    pub(super) turns: Vec<String>,
    pub(super) versions: Vec<Version>,
}

/// A template in one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Version {
    /// The language.
    pub(super) language: String,
    pub(super) status: TemplateStatus,
    /// Why it was rejected.
    pub(super) reason: Option<String>,
    header: Option<TemplateHeader>,
    body: String,
    footer: String,
    /// Its buttons.
    pub(super) button: Vec<TemplateButton>,
}

/// Whether a template may be sent (assumed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum TemplateStatus {
    /// It may be sent.
    Approved,
    /// It is being looked at.
    Pending,
    /// It may not be sent.
    Rejected,
}

#[derive(Deserialize)]
struct File {
    templates: Vec<Template>,
}

fn all() -> &'static [Template] {
    static ALL: OnceLock<File> = OnceLock::new();
    let file = ALL.get_or_init(|| {
        toml::from_str(include_str!("templates.toml"))
            .unwrap_or_else(|error| panic!("templates.toml: {error}"))
    });
    &file.templates
}

/// A template in one language.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chosen {
    pub(super) template: &'static Template,
    pub(super) version: &'static Version,
}

impl Chosen {
    pub(super) fn every() -> impl Iterator<Item = Self> {
        all()
            .iter()
            .flat_map(|template| template.versions.iter().map(move |version| Self { template, version }))
    }

    /// Which template it is, as messages name it.
    pub(super) fn info(self) -> TemplateInfo {
        TemplateInfo {
            id: self.template.id,
            name: self.template.name.clone(),
            language: self.version.language.clone(),
        }
    }

    /// How many variables it has.
    pub(super) fn variables(self) -> usize {
        self.template.samples.len()
    }

    /// Its content, filled in: with these texts, or with samples.
    pub(super) fn content(self, texts: Option<&[String]>, facts: impl FnOnce() -> Facts) -> TemplateContent {
        let locale = content::closest_locale(&self.version.language);
        let drawn = texts.is_none().then(facts);
        let text = |number: usize| {
            let at = number.checked_sub(1)?;
            let sample = self.template.samples.get(at)?;
            match (texts, &drawn) {
                (Some(texts), _) => texts.get(at).cloned(),
                (None, facts) => facts.as_ref().map(|facts| facts.fill(sample, locale)),
            }
        };
        // In one pass: what fills a variable may look like one.
        let (mut body, mut rest) = (String::new(), self.version.body.as_str());
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

    /// Its content with its variables as they stand.
    pub(super) fn raw(self) -> TemplateContent {
        TemplateContent {
            header: self.version.header.clone(),
            body: self.version.body.clone(),
            footer: self.version.footer.clone(),
            button: self.version.button.clone(),
        }
    }

    /// # Errors
    ///
    /// It is not approved.
    pub(super) fn sendable(self) -> Result<Self, Refusal> {
        let TemplateInfo { id, name, language } = self.info();
        let status = match self.version.status {
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
    /// The number of a template, see the template list. Either it or the name says which one.
    template_id: Option<Whole<0, { i64::MAX }>>,
    /// The name of the template, if it has no `template_id`.
    template_name: Option<String>,
    /// The language of the template; that of the first number's country if it is left out.
    language: Option<String>,
    /// The same in one object, as messages carry it.
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
    /// The template, in the language it is wanted in.
    ///
    /// # Errors
    ///
    /// No template is named, or there is none such.
    pub(super) fn find(&self, usual_language: &str) -> Result<Chosen, Refusal> {
        let (id, name, language) = match &self.template {
            Some(inner) => (inner.id, &inner.name, &inner.language),
            None => (self.template_id, &self.template_name, &self.language),
        };
        let missing = |what: String| Refusal::new(404, format!("there is no template {what}"));
        let template = match (id.map(Whole::get), name) {
            (Some(id), _) => {
                all().iter().find(|template| template.id == id).ok_or_else(|| missing(id.to_string()))?
            }
            (None, Some(name)) => all()
                .iter()
                .find(|template| template.name == *name)
                .ok_or_else(|| missing(format!("`{name}`")))?,
            (None, None) => {
                let message = "template_id is missing: the number of a template, see the template list";
                return Err(Refusal::new(400, message));
            }
        };
        let named = |wanted: &str| {
            let wanted = wanted.replace('_', "-");
            template.versions.iter().find(|version| version.language.eq_ignore_ascii_case(&wanted))
        };
        let version = match language {
            Some(language) => named(language)
                .ok_or_else(|| missing(format!("{} in the language `{language}`", template.id)))?,
            None => named(usual_language).unwrap_or(&template.versions[0]),
        };
        Ok(Chosen { template, version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::dialogue::Dialogue;

    #[test]
    fn the_catalogue_is_whole() {
        let mut statuses = Vec::new();
        for one in Chosen::every() {
            let Chosen { template, version } = one;
            let name = format!("{} {}", template.name, version.language);
            assert_eq!(content::closest_locale(&version.language)[..2], version.language[..2], "{name}");
            for at in 1..=one.variables() {
                assert!(version.body.contains(&format!("{{{{{at}}}}}")), "{name}");
            }
            assert_eq!(version.body.matches("{{").count(), one.variables(), "{name}");
            assert_eq!(version.button.len(), template.turns.len(), "{name}");
            assert_eq!(version.reason.is_some(), version.status == TemplateStatus::Rejected, "{name}");
            let chat = Dialogue::chat(&template.dialogue).unwrap();
            assert!(template.turns.iter().all(|turn| chat.has(turn)), "{name}");
            statuses.push(version.status);
        }
        let known = [TemplateStatus::Approved, TemplateStatus::Pending, TemplateStatus::Rejected];
        assert!(known.iter().all(|status| statuses.contains(status)));
        let mut ids: Vec<i64> = all().iter().map(|template| template.id).collect();
        ids.dedup();
        assert_eq!(ids.len(), all().len());
    }
}

//! The message templates: the shipped ones, and those of the settings.

use std::sync::{Arc, OnceLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::bodies::message::{Media, TemplateButton, TemplateButtonKind, TemplateHeader};

/// A message template in all its languages. Its texts may have variables: `{{1}}`, `{{2}}`, ...
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a template"))]
pub struct MessageTemplate {
    /// Its number. The number of a built-in template replaces that template.
    #[schemars(range(min = 1))]
    pub id: i64,
    /// Its name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// What it is for: `UTILITY` (the default) or `MARKETING`.
    #[serde(default = "utility")]
    pub category: String,
    /// The dialogue with users who reply. Default: `parcel`.
    #[serde(default)]
    pub dialogue: TemplateDialogue,
    /// The values of its variables if a request has none, one text for each. Default: a name, a sum, a date, an order.
    #[serde(default)]
    pub samples: Vec<String>,
    /// The turn of the dialogue that each button leads to. Default: a thank-you, or the opt-out.
    #[serde(default)]
    pub turns: Vec<String>,
    /// The template in each of its languages.
    #[schemars(length(min = 1))]
    pub versions: Vec<TemplateVersion>,
}

fn utility() -> String {
    "UTILITY".to_owned()
}

/// What users talk about after a template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemplateDialogue {
    /// An instalment.
    DebtReminder,
    /// A parcel.
    #[default]
    Parcel,
    /// A loan.
    LoanOffer,
    /// Whether they were content.
    Complaint,
}

impl TemplateDialogue {
    /// Returns the name of its graph.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::DebtReminder => "debt_reminder",
            Self::Parcel => "parcel",
            Self::LoanOffer => "loan_offer",
            Self::Complaint => "complaint",
        }
    }
}

/// A template in one language.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a version"))]
pub struct TemplateVersion {
    /// The language, such as `en` or `es-MX`.
    #[schemars(length(min = 1))]
    pub language: String,
    /// Whether it may be sent. Default: `approved`.
    #[serde(default)]
    pub status: TemplateStatus,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// A heading above the text.
    pub heading: Option<String>,
    /// The URL of a picture above the text, in place of a heading.
    pub image: Option<String>,
    /// The URL of a file above the text, in place of a heading.
    pub file: Option<String>,
    /// The text.
    #[schemars(length(min = 1))]
    pub body: String,
    /// The text below the body.
    #[serde(default)]
    pub footer: String,
    /// Its buttons.
    #[serde(default)]
    pub button: Vec<TemplateButton>,
}

/// Whether a template may be sent (assumed).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TemplateStatus {
    /// It may be sent.
    #[default]
    Approved,
    /// It is being looked at.
    Pending,
    /// It may not be sent.
    Rejected,
}

impl TemplateVersion {
    /// Returns the header above the text.
    pub(in crate::simulator) fn header(&self) -> Option<TemplateHeader> {
        let media = |url: &String| Media { origin_url: url.clone(), name: None };
        let file = |url: &String| Media { name: url.rsplit('/').next().map(str::to_owned), ..media(url) };
        let image = self.image.as_ref().map(|url| TemplateHeader::Image { media: media(url) });
        let file = self.file.as_ref().map(|url| TemplateHeader::File { media: file(url) });
        image.or(file).or_else(|| self.heading.clone().map(|text| TemplateHeader::Text { text }))
    }
}

/// What fills variables without a sample, in this order.
const USUAL_SAMPLES: [&str; 4] = ["{name}", "{amount}", "{date}", "{order}"];

/// Returns the highest number of a variable in a text.
fn variables(text: &str) -> usize {
    let inside = text.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0));
    inside.filter_map(|number| number.parse().ok()).max().unwrap_or(0)
}

impl MessageTemplate {
    /// Creates a template of which only the name is known, with a minimal text in English.
    fn of_name(id: i64, name: &str) -> Self {
        let version = TemplateVersion {
            language: "en".to_owned(),
            status: TemplateStatus::Approved,
            reason: None,
            heading: None,
            image: None,
            file: None,
            body: "Hello {{1}}, please answer this message.".to_owned(),
            footer: String::new(),
            button: Vec::new(),
        };
        Self {
            id,
            name: name.to_owned(),
            category: utility(),
            dialogue: TemplateDialogue::default(),
            samples: vec!["{name}".to_owned()],
            turns: Vec::new(),
            versions: vec![version],
        }
    }

    /// Returns the number of its variables: the highest in its languages.
    pub(crate) fn variables(&self) -> usize {
        self.versions.iter().map(|version| variables(&version.body)).max().unwrap_or(0)
    }

    /// Returns the text that fills the variable at this position, counted from 0, where a request names none.
    pub(in crate::simulator) fn sample(&self, at: usize) -> &str {
        self.samples.get(at).map_or(USUAL_SAMPLES[at % USUAL_SAMPLES.len()], String::as_str)
    }

    /// Returns the turn of the dialogue that a button leads to.
    pub(in crate::simulator) fn turn(&self, button: usize, kind: TemplateButtonKind) -> &str {
        let usual = if kind == TemplateButtonKind::OptOut { "stop" } else { "thanks" };
        self.turns.get(button).map_or(usual, String::as_str)
    }
}

/// Returns the templates, and one more for each name without a template: every template that a workflow names exists.
pub(in crate::simulator) fn with_names<'a>(
    templates: &[Arc<MessageTemplate>],
    names: impl Iterator<Item = &'a str>,
) -> Vec<Arc<MessageTemplate>> {
    let mut all = templates.to_vec();
    for name in names {
        if all.iter().all(|known| known.name != name) {
            let id = all.iter().map(|known| known.id).max().unwrap_or(0) + 1;
            all.push(Arc::new(MessageTemplate::of_name(id, name)));
        }
    }
    all
}

#[derive(Deserialize)]
struct File {
    templates: Vec<Arc<MessageTemplate>>,
}

/// Returns the shipped templates.
pub(in crate::simulator) fn shipped() -> Vec<Arc<MessageTemplate>> {
    static ALL: OnceLock<File> = OnceLock::new();
    let file = ALL.get_or_init(|| {
        toml::from_str(include_str!("message_templates.toml"))
            .unwrap_or_else(|error| panic!("message_templates.toml: {error}"))
    });
    file.templates.clone()
}

/// Returns the shipped templates and those of the user, which replace shipped ones with the same number.
pub fn with_shipped(own: &[MessageTemplate]) -> Vec<Arc<MessageTemplate>> {
    let is_replaced = |template: &Arc<MessageTemplate>| own.iter().any(|one| one.id == template.id);
    let kept = shipped().into_iter().filter(|template| !is_replaced(template));
    kept.chain(own.iter().cloned().map(Arc::new)).collect()
}

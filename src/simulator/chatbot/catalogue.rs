//! The message templates there are, and the WhatsApp business accounts they are sent from. Which there are and how they
//! are listed is assumed; the shape of their content is the vendor's (example).

use std::sync::OnceLock;

use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::content;
use crate::content::facts::Facts;
use crate::contract::bodies::message::{TemplateButton, TemplateContent, TemplateHeader, TemplateInfo};
use crate::seed::Seed;
use crate::simulator::access::Account;
use crate::simulator::params::{Params, bad};
use crate::simulator::{AccountKey, Request, Response, Simulator};

/// How many business accounts an account of the vendor has.
const WABA_ACCOUNTS: u64 = 2;

/// A template in all its languages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Template {
    /// Its number.
    pub(super) id: i64,
    /// Its name.
    pub(super) name: String,
    category: String,
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
    status: Standing,
    /// Why it was rejected.
    reason: Option<String>,
    header: Option<TemplateHeader>,
    body: String,
    footer: String,
    /// Its buttons.
    pub(super) button: Vec<TemplateButton>,
}

/// Whether a template may be sent (assumed words).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Standing {
    Approved,
    Pending,
    Rejected,
}

impl Standing {
    const WORDS: [&str; 3] = ["approved", "pending", "rejected"];

    fn as_str(self) -> &'static str {
        Self::WORDS[self as usize]
    }
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
    fn every() -> impl Iterator<Item = Self> {
        all()
            .iter()
            .flat_map(|template| template.versions.iter().map(move |version| Self { template, version }))
    }

    /// Which template it is, as messages tell it.
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

    fn raw(self) -> TemplateContent {
        TemplateContent {
            header: self.version.header.clone(),
            body: self.version.body.clone(),
            footer: self.version.footer.clone(),
            button: self.version.button.clone(),
        }
    }

    fn listed(self) -> Value {
        json!({
            "id": self.template.id,
            "name": self.template.name,
            "language": self.version.language,
            "category": self.template.category,
            "type": "WhatsApp",
            "status": self.version.status,
        })
    }

    /// # Errors
    ///
    /// It is not approved.
    pub(super) fn sendable(self) -> Result<Self, Response> {
        let TemplateInfo { id, name, language } = self.info();
        match self.version.status {
            Standing::Approved => Ok(self),
            standing => Err(bad(format!(
                "template {id} (`{name}`, {language}) is {}: only approved templates can be sent",
                standing.as_str()
            ))),
        }
    }
}

/// A WhatsApp business account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Waba {
    waba_id: String,
    name: String,
    /// The channel of its messages.
    pub(super) channel_id: String,
    phone: String,
    /// The business unit that callbacks name.
    pub(super) company: String,
    status: &'static str,
}

/// The business accounts of an account: the same as long as the seed is.
pub(super) fn wabas(seed: Seed, key: AccountKey, account: &Account) -> Vec<Waba> {
    let companies = &content::market(account.country).companies;
    let first = usize::try_from(seed.stream("waba company", key.index() as u64).random::<u32>()).unwrap_or(0);
    (0..WABA_ACCOUNTS)
        .map(|at| {
            let rng = &mut seed.stream("waba", key.index() as u64 * WABA_ACCOUNTS + at);
            let company = &companies[(first + at as usize) % companies.len()];
            // Channels of one vendor never share an id.
            let channel =
                1_000 + (key.index() as u64 * WABA_ACCOUNTS + at) * 37 % 4_000 + rng.random_range(0..37);
            Waba {
                waba_id: rng.random_range(100_000_000_000_000_u64..1_000_000_000_000_000).to_string(),
                name: company.clone(),
                channel_id: channel.to_string(),
                phone: crate::content::phone(rng, account.country),
                company: company.clone(),
                status: "connected",
            }
        })
        .collect()
}

/// The business account that a call names by `channel_id` or `waba_id`; the first without either.
pub(super) fn waba(simulator: &Simulator, call: &Request<'_>) -> Result<Waba, Response> {
    let params = Params::new(call.fields);
    let own = wabas(simulator.context.seed, call.account, simulator.context.access.account(call.account));
    let (channel, id) = (params.text("channel_id")?, params.text("waba_id")?);
    let fits = |waba: &Waba| {
        channel.is_none_or(|channel| channel == waba.channel_id) && id.is_none_or(|id| id == waba.waba_id)
    };
    own.into_iter().find(fits).ok_or_else(|| {
        let named = channel.map(|channel| format!("channel_id `{channel}`"));
        let named = named.or(id.map(|id| format!("waba_id `{id}`"))).unwrap_or_default();
        Response::Error { code: 404, message: format!("there is no WABA account with {named}") }
    })
}

/// The template a call names: `template_id` or `template_name`, and `language`; or the same within `template` as `id`,
/// `name` and `language`.
pub(super) fn chosen(call: &Request<'_>, usual_language: &str) -> Result<Chosen, Response> {
    let outer = Params::new(call.fields);
    let (id, name, language) = if outer.value("template").is_some() {
        let inner = outer.object("template", "template.")?;
        (inner.whole("id", 0..=i64::MAX)?, inner.text("name")?, inner.text("language")?)
    } else {
        (outer.whole("template_id", 0..=i64::MAX)?, outer.text("template_name")?, outer.text("language")?)
    };
    let missing =
        |what: String| Response::Error { code: 404, message: format!("there is no template {what}") };
    let template = match (id, name) {
        (Some(id), _) => {
            all().iter().find(|template| template.id == id).ok_or_else(|| missing(id.to_string()))?
        }
        (None, Some(name)) => {
            all().iter().find(|template| template.name == name).ok_or_else(|| missing(format!("`{name}`")))?
        }
        (None, None) => {
            return Err(bad("template_id is missing: the number of a template, see the template list"));
        }
    };
    let named = |wanted: &str| {
        let wanted = wanted.replace('_', "-");
        template.versions.iter().find(|version| version.language.eq_ignore_ascii_case(&wanted))
    };
    let version = match language {
        Some(language) => {
            named(language).ok_or_else(|| missing(format!("{} in the language `{language}`", template.id)))?
        }
        None => named(usual_language).unwrap_or(&template.versions[0]),
    };
    Ok(Chosen { template, version })
}

/// `chatbot.waba_accounts`.
pub(super) fn waba_accounts(simulator: &Simulator, call: &Request<'_>) -> Result<Response, Response> {
    let list = wabas(simulator.context.seed, call.account, simulator.context.access.account(call.account));
    Ok(Response::Data(json!({ "total": list.len(), "list": list })))
}

/// `chatbot.templates`: filters `status`, `language`, `name` (a part of it), `category`; pages `page` and `size`.
pub(super) fn templates(call: &Request<'_>) -> Result<Response, Response> {
    let params = Params::new(call.fields);
    let status = params.word("status", &Standing::WORDS)?;
    let (language, name) = (params.text("language")?, params.text("name")?);
    let category = params.text("category")?;
    let (page, size) = paging(params)?;
    let found: Vec<Value> = Chosen::every()
        .filter(|one| {
            status.is_none_or(|status| one.version.status.as_str() == status)
                && language.is_none_or(|wanted| one.version.language.eq_ignore_ascii_case(wanted))
                && name.is_none_or(|part| one.template.name.contains(part))
                && category.is_none_or(|wanted| one.template.category.eq_ignore_ascii_case(wanted))
        })
        .map(Chosen::listed)
        .collect();
    let total = found.len();
    let list: Vec<Value> = found.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect();
    Ok(Response::Data(json!({ "total": total, "page": page, "size": size, "list": list })))
}

/// Page and size of a list.
pub(super) fn paging(params: Params<'_>) -> Result<(usize, usize), Response> {
    let read = |name, most, usual: i64| -> Result<usize, Response> {
        let number = params.whole(name, 1..=most)?.unwrap_or(usual);
        Ok(usize::try_from(number).unwrap_or(1))
    };
    Ok((read("page", i64::from(u32::MAX), 1)?, read("size", 1_000, 20)?))
}

/// `chatbot.template_detail`.
pub(super) fn template_detail(call: &Request<'_>) -> Result<Response, Response> {
    let one = chosen(call, "en")?;
    let mut detail = one.listed();
    detail["variables"] = one.variables().into();
    if let Some(reason) = &one.version.reason {
        detail["reason"] = reason.as_str().into();
    }
    detail["content"] = serde_json::to_value(one.raw()).unwrap_or_default();
    Ok(Response::Data(detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::dialogue::Dialogue;

    #[test]
    fn the_catalogue_is_whole() {
        let mut standings = Vec::new();
        for one in Chosen::every() {
            let Chosen { template, version } = one;
            let name = format!("{} {}", template.name, version.language);
            assert!(content::find_locale(&version.language).is_ok(), "{name}");
            for at in 1..=one.variables() {
                assert!(version.body.contains(&format!("{{{{{at}}}}}")), "{name}");
            }
            assert_eq!(version.body.matches("{{").count(), one.variables(), "{name}");
            assert_eq!(version.button.len(), template.turns.len(), "{name}");
            assert_eq!(version.reason.is_some(), version.status == Standing::Rejected, "{name}");
            let chat = Dialogue::chat(&template.dialogue).unwrap();
            assert!(template.turns.iter().all(|turn| chat.has(turn)), "{name}");
            standings.push(version.status.as_str());
        }
        assert!(Standing::WORDS.iter().all(|word| standings.contains(word)));
        let mut ids: Vec<i64> = all().iter().map(|template| template.id).collect();
        ids.dedup();
        assert_eq!(ids.len(), all().len());
    }
}

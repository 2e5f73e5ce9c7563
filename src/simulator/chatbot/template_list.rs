//! *Query the template list* and *Template details*. How templates are listed is assumed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::catalogue::{Chosen, TemplateRef};
use crate::contract::bodies::message::TemplateContent;
use crate::contract::fields::Whole;
use crate::simulator::endpoint::Both;
use crate::simulator::rules::message_template::TemplateStatus;
use crate::simulator::{Refusal, Request, Simulator};

/// Which page of a list is wanted (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Paging {
    /// The number of the page; default 1.
    page: Option<Whole<1, { i64::MAX }>>,
    /// Number of rows per page; default 20.
    size: Option<Whole<1, 1000>>,
}

impl Paging {
    /// Returns page and size.
    pub(super) fn get(&self) -> (usize, usize) {
        (self.page.map_or(1, Whole::count), self.size.map_or(20, Whole::count))
    }
}

/// `POST /api/v1/template/list` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct TemplateFilter {
    /// Only templates of this status.
    status: Option<TemplateStatus>,
    /// Only templates in this language.
    language: Option<String>,
    /// Only templates whose name contains this text.
    name: Option<String>,
    /// Only templates of this category.
    category: Option<String>,
}

/// The data of the response (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TemplatePage {
    /// Total number of templates, each language counted.
    total: usize,
    /// The number of the page.
    page: usize,
    /// Maximum number of templates per page.
    size: usize,
    /// The templates of the page.
    list: Vec<ListedTemplate>,
}

/// A template in one language (assumed).
#[derive(Debug, Serialize, JsonSchema)]
struct ListedTemplate {
    /// The number of the template.
    id: i64,
    /// The name of the template.
    name: String,
    /// The language, for example `en`.
    language: String,
    /// What it is for: `UTILITY` or `MARKETING`.
    category: String,
    /// The channel it is for: `WhatsApp`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Whether it may be sent.
    status: TemplateStatus,
}

impl ListedTemplate {
    fn of(chosen: &Chosen) -> Self {
        let (template, version) = (&chosen.template, chosen.version());
        Self {
            id: template.id,
            name: template.name.clone(),
            language: version.language.clone(),
            category: template.category.clone(),
            kind: "WhatsApp",
            status: version.status,
        }
    }
}

/// Lists the templates, each in each of its languages.
pub(super) fn templates(
    simulator: &mut Simulator,
    Both(filter, paging): Both<TemplateFilter, Paging>,
    _: &Request<'_>,
) -> Result<TemplatePage, Refusal> {
    let (page, size) = paging.get();
    let (language, name, category) = (filter.language.as_ref(), &filter.name, filter.category.as_ref());
    let found: Vec<Chosen> = Chosen::every(&simulator.context.behaviour.bot.templates)
        .filter(|one| {
            filter.status.is_none_or(|status| one.version().status == status)
                && language.is_none_or(|wanted| one.version().language.eq_ignore_ascii_case(wanted))
                && name.as_ref().is_none_or(|part| one.template.name.contains(part))
                && category.is_none_or(|wanted| one.template.category.eq_ignore_ascii_case(wanted))
        })
        .collect();
    let start = (page - 1).saturating_mul(size);
    let list = found.iter().skip(start).take(size).map(ListedTemplate::of);
    Ok(TemplatePage { total: found.len(), page, size, list: list.collect() })
}

/// The data of the response of `POST /api/v1/template/detail` (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TemplateDetail {
    #[serde(flatten)]
    listed: ListedTemplate,
    /// How many variables it has: `{{1}}`, `{{2}}`, ...
    variables: usize,
    /// Why it was rejected, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Its parts.
    content: TemplateContent,
}

/// Returns a template with its parts, in English unless the request says otherwise.
pub(super) fn template_detail(
    simulator: &mut Simulator,
    template: TemplateRef,
    _: &Request<'_>,
) -> Result<TemplateDetail, Refusal> {
    let chosen = template.find(&simulator.context.behaviour.bot.templates, "en")?;
    Ok(TemplateDetail {
        listed: ListedTemplate::of(&chosen),
        variables: chosen.variables(),
        reason: chosen.version().reason.clone(),
        content: chosen.raw(),
    })
}

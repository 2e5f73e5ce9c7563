//! Mistakes of routes beyond the form of their keys: unknown names, keys that conflict, two routes for the same callbacks.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::comes_of_workflows;
use crate::contract::Catalog;
use crate::files::diagnostic::{joined, quoted};
use crate::files::suggest::nearest;
use crate::files::tables::{items, key_span, spanned_text, tables, text};
use crate::files::{Diagnostic, SourceFile};
use crate::simulator::workflow;

/// The keys that select the callbacks of a route.
const CONDITIONS: [&str; 5] = ["event", "family", "account", "workflow", "node"];

/// The keys that say what happens to them.
const VALUES: [&str; 3] = ["url", "secret", "delivery"];

/// Finds every mistake in the routes of a file.
pub(in crate::settings) fn check(
    source: &Arc<SourceFile>,
    tree: &DeTable<'_>,
    catalog: &Catalog,
) -> Vec<Diagnostic> {
    let names = Names::of(tree);
    let mut found = Vec::new();
    let mut seen: Vec<(Vec<Option<String>>, Range<usize>)> = Vec::new();
    for item in items(tree, "routes") {
        let Some(route) = item.get_ref().as_table() else { continue };
        let before = found.len();
        found.extend(
            one(route, item.span(), &names, catalog)
                .into_iter()
                .map(|(span, message, help)| Diagnostic::at(source, span, message).maybe_help(help)),
        );
        if found.len() > before {
            continue;
        }
        let conditions: Vec<Option<String>> = CONDITIONS.iter().map(|key| written(route, key)).collect();
        match seen.iter().find(|(other, _)| *other == conditions) {
            Some((_, other)) => found.push(
                Diagnostic::at(source, item.span(), "two routes are for the same callbacks")
                    .context(other.clone(), "the other one")
                    .help("combine their `url`, `secret` and `delivery` in one route"),
            ),
            None => seen.push((conditions, item.span())),
        }
    }
    found
}

/// Returns a value in the form in which it is compared with those of other routes.
fn written(route: &DeTable<'_>, key: &str) -> Option<String> {
    let value = route.get(key)?.get_ref();
    value.as_str().map(str::to_owned).or_else(|| Some(value.as_integer()?.to_string()))
}

/// The names that routes may use.
struct Names {
    accounts: Vec<String>,
    /// The ids of the templates, each with the ids of its nodes.
    workflows: Vec<(String, Vec<String>)>,
}

impl Names {
    fn of(tree: &DeTable<'_>) -> Self {
        let nodes = |template: &DeTable<'_>| {
            tables(template, "nodes")
                .into_iter()
                .filter_map(|node| text(node, "id").map(str::to_owned))
                .collect()
        };
        let own = tables(tree, "workflow_templates").into_iter();
        let mut workflows: Vec<(String, Vec<String>)> =
            own.filter_map(|template| Some((written(template, "id")?, nodes(template)))).collect();
        for shipped in workflow::templates(&[]) {
            let id = shipped.id().to_string();
            if workflows.iter().all(|(own, _)| *own != id) {
                workflows.push((id, shipped.node_ids().map(str::to_owned).collect()));
            }
        }
        Self { accounts: account_names(tree), workflows }
    }
}

/// Returns the names of the accounts of a file.
pub(in crate::settings) fn account_names(tree: &DeTable<'_>) -> Vec<String> {
    let name = |(number, account): (usize, &DeTable<'_>)| {
        text(account, "name").map_or_else(|| number.to_string(), str::to_owned)
    };
    let names: Vec<String> = (1_usize..).zip(tables(tree, "accounts")).map(name).collect();
    if names.is_empty() { vec!["default".to_owned()] } else { names }
}

/// A mistake: its place, its message, and what to write instead.
type Mistake = (Range<usize>, String, Option<String>);

fn one(route: &DeTable<'_>, span: Range<usize>, names: &Names, catalog: &Catalog) -> Vec<Mistake> {
    let mut found: Vec<Mistake> = Vec::new();
    let has = |keys: &[&str]| keys.iter().any(|key| route.contains_key(*key));
    if !has(&VALUES) {
        let message = "a route without `url`, `secret` or `delivery` changes nothing".to_owned();
        found.push((
            span.clone(),
            message,
            Some("say where these callbacks go: `url = \"http://...\"`".to_owned()),
        ));
    }
    if !has(&CONDITIONS) {
        let message = "a route must say which callbacks it is for".to_owned();
        let help = "add `event`, `family`, `account` or `workflow`; for all callbacks, use `callback_url`, \
                    `secret` and `[delivery]` at the top level";
        found.push((span, message, Some(help.to_owned())));
    }
    if let (Some(_), Some(family)) = (key_span(route, "event"), key_span(route, "family")) {
        let message = "`event` and `family` can't be combined in a route".to_owned();
        found.push((family, message, Some("remove `family`: an event belongs to one family".to_owned())));
    }
    if let Some((name, span)) = spanned_text(route, "account")
        && !names.accounts.iter().any(|known| known == name)
    {
        found.push((
            span,
            format!("there is no account {}", quoted(name)),
            Some(known(name, &names.accounts, "accounts")),
        ));
    }
    let workflow = route.get("workflow");
    match (workflow.and_then(|value| Some((written(route, "workflow")?, value.span()))), node(route)) {
        (None, Some((_, span))) if workflow.is_none() => {
            let message = "`node` needs `workflow`, the id of its template".to_owned();
            found.push((span, message, None));
        }
        (Some((id, span)), node) => match names.workflows.iter().find(|(known, _)| *known == id) {
            None => {
                let ids: Vec<String> = names.workflows.iter().map(|(id, _)| id.clone()).collect();
                let message = format!("there is no workflow template {id}");
                found.push((span, message, Some(format!("the templates are {}", joined(&ids, "and")))));
            }
            Some((_, nodes)) => {
                if let Some((name, span)) = node
                    && !nodes.iter().any(|known| known == name)
                {
                    let message = format!("the workflow template {id} has no node {}", quoted(name));
                    found.push((span, message, Some(known(name, nodes, "nodes"))));
                }
            }
        },
        _ => {}
    }
    // A group that contains some workflow events is allowed.
    if let (Some(_), Some((event, span))) = (workflow, spanned_text(route, "event"))
        && catalog.get(event).is_some()
        && !comes_of_workflows(event, catalog)
    {
        let message = format!("{} is never sent by a workflow", quoted(event));
        let help = "remove `workflow`, or name a callback of workflows, such as `workflow.api_push`";
        found.push((span, message, Some(help.to_owned())));
    }
    found
}

fn node<'t>(route: &'t DeTable<'_>) -> Option<(&'t str, Range<usize>)> {
    let value: &Spanned<DeValue<'_>> = route.get("node")?;
    Some((value.get_ref().as_str()?, value.span()))
}

/// Suggests what to write instead of an unknown name.
fn known(name: &str, all: &[String], what: &str) -> String {
    match nearest(name, all.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the {what} are {}", joined(all, "and")),
    }
}

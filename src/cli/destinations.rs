//! Where each callback is sent, for people.

use std::fmt;

use crate::delivery::Policy;
use crate::settings::{Routes, Sent, Settings, url_for};
use crate::simulator::{AccountKey, FlowPlace};
use crate::time::HumanDuration;

/// An account that no route names.
const OTHER: usize = u32::MAX as usize;

/// Where and how a callback is sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Destination {
    /// The callback's id.
    pub(super) event: String,
    /// The account or workflow, if the destination depends on it: `account b, workflow 1001`.
    pub(super) of: String,
    /// The URL as written in the settings, if it is sent anywhere.
    pub(super) written: Option<String>,
    /// The URL it is sent to.
    pub(super) url: Option<String>,
    /// The owner of the secret that signs it. `None` if it is not signed.
    pub(super) signed: Option<String>,
    /// The delivery policy.
    pub(super) delivery: String,
}

impl Destination {
    fn is_as(&self, other: &Self) -> bool {
        (&self.url, &self.signed, &self.delivery) == (&other.url, &other.signed, &other.delivery)
    }

    /// Returns the callback with its account or workflow.
    pub(super) fn what(&self) -> String {
        if self.of.is_empty() { self.event.clone() } else { format!("{} ({})", self.event, self.of) }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signed =
            self.signed.as_deref().map_or_else(|| "not signed".to_owned(), |by| format!("signed by {by}"));
        let url = self.url.as_deref().unwrap_or("not sent: it has no URL");
        write!(f, "{:<32}  {url}  ({signed}; {})", self.what(), self.delivery)
    }
}

/// Returns where every callback of the catalog is sent: one line each, and one more for each account and workflow with another
/// destination.
pub(super) fn destinations(settings: &Settings) -> Vec<Destination> {
    let routes = &settings.routes;
    let mut all = Vec::new();
    for entry in settings.catalog.callbacks() {
        let look = |account: Option<AccountKey>, flow: Option<FlowPlace>| {
            let only = AccountKey::at(if settings.accounts.len() > 1 { OTHER } else { 0 });
            let sent =
                Sent { event: &entry.id, family: entry.family, account: account.unwrap_or(only), flow };
            let written = routes.url(&sent).or(settings.callback_url.as_deref());
            Destination {
                event: entry.id.clone(),
                of: of(settings, account, flow),
                written: written.map(str::to_owned),
                url: written.map(|url| url_for(url, &entry.id).into_owned()),
                signed: entry.signed.then(|| secret(routes, &sent)),
                delivery: routes
                    .policy(&sent)
                    .map_or_else(|| words(&settings.policy), |policy| words(policy)),
            }
        };
        let usual = look(None, None);
        let (accounts, mut flows) = routes.distinguished(&entry.id, entry.family);
        flows.retain(|flow| flow.is_none_or(|flow| can_come_of(settings, flow, &entry.id)));
        all.push(usual.clone());
        for account in accounts.into_iter().filter(|account| account.is_none() || settings.accounts.len() > 1)
        {
            let of_account = look(account, None);
            for flow in &flows {
                let line = look(account, *flow);
                let is_told = line.is_as(&usual)
                    || flow.is_some() && line.is_as(&of_account)
                    || account.is_some() && flow.is_some() && line.is_as(&look(None, *flow));
                if !is_told {
                    all.push(line);
                }
            }
        }
    }
    all
}

/// Whether a callback can belong to this part of a workflow: a template or one of its nodes.
fn can_come_of(settings: &Settings, flow: FlowPlace, event: &str) -> bool {
    let template = settings.workflows.iter().find(|template| template.id() == flow.template);
    template.is_some_and(|template| template.causes(flow.node, event))
}

fn of(settings: &Settings, account: Option<AccountKey>, flow: Option<FlowPlace>) -> String {
    let mut parts = Vec::new();
    if let Some(account) = account.and_then(|account| settings.accounts.get(account.index())) {
        parts.push(format!("account {}", account.name));
    }
    if let Some(flow) = flow {
        parts.push(format!("workflow {}", flow.template));
        let template = settings.workflows.iter().find(|template| template.id() == flow.template);
        let node = flow.node.and_then(|node| template?.node_ids().nth(usize::from(node)));
        parts.extend(node.map(|node| format!("node {node}")));
    }
    parts.join(", ")
}

/// Returns the owner of the secret that signs a callback.
fn secret(routes: &Routes, sent: &Sent<'_>) -> String {
    match routes.secret(sent).map(|at| routes.place_of_secret(at)) {
        None => "`secret`".to_owned(),
        Some(Some(place)) => format!("the secret in {place}"),
        Some(None) => "the account's `sign_secret`".to_owned(),
    }
}

/// Describes a policy in a few words.
fn words(policy: &Policy) -> String {
    let gaps: Vec<String> = policy.gaps.iter().take(3).map(|gap| HumanDuration(*gap).to_string()).collect();
    let more = if policy.gaps.len() > 3 { ", ..." } else { "" };
    match policy.attempts {
        1 => "1 attempt".to_owned(),
        attempts if gaps.is_empty() => format!("{attempts} attempts"),
        attempts => format!("{attempts} attempts, {}{more} apart", gaps.join(", ")),
    }
}

//! Routes: where each callback is sent, how it is signed and how it is delivered.
//!
//! `[[routes]]` are read once and sorted, the most specific first. Of all routes that match a callback, each of `url`,
//! `secret` and `delivery` comes from the first route that has it. Without one it comes from `callback_url`, from the
//! account's `sign_secret` and `secret`, and from `[delivery]`.

mod check;
mod file;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::contract::signature::{Scheme, Signer};
use crate::contract::{Catalog, Direction, Family};
use crate::delivery::{Policy, policy};
use crate::files::{Diagnostic, Place, SourceFile};
use crate::net::{Guard, Target};
use crate::simulator::workflow::Template;
use crate::simulator::{Account, AccountKey, FlowPlace};

pub(super) use check::{account_names, check};
pub use file::RouteFile;

/// The placeholder for the id of the callback in a URL.
pub(super) const EVENT: &str = "{event}";

/// Returns a URL with the id of a callback filled in.
pub fn url_for<'a>(url: &'a str, event: &str) -> Cow<'a, str> {
    if url.contains(EVENT) { url.replace(EVENT, event).into() } else { url.into() }
}

/// The properties of a callback that routes match.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// The id of the callback.
    pub event: &'a str,
    /// The family of the callback.
    pub family: Family,
    /// The account it belongs to.
    pub account: AccountKey,
    /// The workflow and node it belongs to, if any.
    pub flow: Option<FlowPlace>,
}

/// The callbacks that a route names, ordered by how specific they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Events {
    #[default]
    All,
    Family(Family),
    /// All callbacks whose ids have this prefix, which includes the dot.
    Group(String),
    One(String),
}

/// The conditions of a route. A callback must match all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Scope {
    account: Option<AccountKey>,
    flow: Option<FlowPlace>,
    events: Events,
}

impl Scope {
    fn fits(&self, sent: &Sent<'_>) -> bool {
        let is_its_flow = |flow: FlowPlace| {
            let of = sent.flow.filter(|of| of.template == flow.template);
            of.is_some_and(|of| flow.node.is_none() || flow.node == of.node)
        };
        self.account.is_none_or(|account| account == sent.account)
            && self.flow.is_none_or(is_its_flow)
            && self.names(sent.event, sent.family)
    }

    fn names(&self, event: &str, family: Family) -> bool {
        match &self.events {
            Events::All => true,
            Events::Family(own) => *own == family,
            Events::Group(start) => event.starts_with(start),
            Events::One(own) => own == event,
        }
    }

    /// Returns how specific the conditions are; the greater rank wins.
    fn rank(&self) -> (bool, bool, bool, u8, usize) {
        let (kind, length) = match &self.events {
            Events::All => (0, 0),
            Events::Family(_) => (1, 0),
            Events::Group(start) => (2, start.len()),
            Events::One(_) => (3, 0),
        };
        let has_node = self.flow.is_some_and(|flow| flow.node.is_some());
        (self.account.is_some(), has_node, self.flow.is_some(), kind, length)
    }
}

/// A URL with its place in the settings file.
#[derive(Clone, Debug)]
struct Written {
    url: String,
    source: Arc<SourceFile>,
    span: Range<usize>,
}

/// A route with its values resolved.
#[derive(Clone)]
struct Route {
    scope: Scope,
    url: Option<Written>,
    secret: Option<String>,
    policy: Option<Arc<Policy>>,
    /// Where it is written. `None` if it is the secret of an account.
    place: Option<Place>,
}

/// All routes, the most specific first.
#[derive(Clone, Default)]
pub struct Routes(Vec<Route>);

impl std::fmt::Debug for Routes {
    /// Leaves out the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|route| &route.scope)).finish()
    }
}

impl Routes {
    /// Creates the routes from a file without mistakes and from the secrets of the accounts.
    pub(super) fn new(
        source: Option<&Arc<SourceFile>>,
        files: &[toml::Spanned<RouteFile>],
        accounts: &[Account],
        workflows: &[Template],
        usual: &Policy,
    ) -> Self {
        let written = |route: &toml::Spanned<RouteFile>| {
            let (file, source) = (route.get_ref(), source?);
            Some(Route {
                scope: scope(file, accounts, workflows),
                url: file.url.as_ref().map(|url| Written {
                    url: url.get_ref().clone(),
                    source: Arc::clone(source),
                    span: url.span(),
                }),
                secret: file.secret.clone(),
                policy: file.delivery.as_ref().map(|delivery| Arc::new(policy(usual, delivery))),
                place: Some(source.place(route.span().start)),
            })
        };
        let mut routes: Vec<Route> = files.iter().filter_map(written).collect();
        // After those of the file: a route may have callbacks signed with another secret than the account's own requests.
        routes.extend(accounts.iter().enumerate().filter_map(|(at, account)| {
            let scope = Scope { account: Some(AccountKey::at(at)), ..Scope::default() };
            let secret = Some(account.sign_secret.clone()?);
            Some(Route { scope, url: None, secret, policy: None, place: None })
        }));
        routes.sort_by_key(|route| std::cmp::Reverse(route.scope.rank()));
        Self(routes)
    }

    fn fitting(&self, sent: &Sent<'_>) -> impl Iterator<Item = (usize, &Route)> {
        self.0.iter().enumerate().filter(|(_, route)| route.scope.fits(sent))
    }

    /// Returns the URL of a callback, if a route sets it.
    pub fn url(&self, sent: &Sent<'_>) -> Option<&str> {
        self.fitting(sent).find_map(|(_, route)| Some(route.url.as_ref()?.url.as_str()))
    }

    /// Returns the delivery policy of a callback, if a route sets it.
    pub fn policy(&self, sent: &Sent<'_>) -> Option<&Arc<Policy>> {
        self.fitting(sent).find_map(|(_, route)| route.policy.as_ref())
    }

    /// Returns the position in [`Routes::signers`] of the route's secret that signs a callback, if there is one.
    pub fn secret(&self, sent: &Sent<'_>) -> Option<usize> {
        self.fitting(sent).find_map(|(at, route)| route.secret.is_some().then_some(at))
    }

    /// Returns the signer of each route, where it has a secret.
    pub fn signers(&self, scheme: &Scheme) -> Vec<Option<Signer>> {
        let signer = |route: &Route| Some(Signer::new(scheme.clone(), route.secret.as_deref()?));
        self.0.iter().map(signer).collect()
    }

    /// Whether any route has a URL.
    pub fn has_url(&self) -> bool {
        self.0.iter().any(|route| route.url.is_some())
    }

    /// Returns the same routes without their URLs, so that everything goes to one receiver.
    #[must_use]
    pub fn without_urls(mut self) -> Self {
        self.0.iter_mut().for_each(|route| route.url = None);
        self
    }

    /// Returns where the secret at this position in [`Routes::signers`] is written. `None` if it is an account's own.
    pub fn place_of_secret(&self, at: usize) -> Option<&Place> {
        self.0.get(at)?.place.as_ref()
    }

    /// Returns the accounts and parts of workflows that routes for a callback distinguish. Each list begins with `None`.
    pub fn distinguished(
        &self,
        event: &str,
        family: Family,
    ) -> (BTreeSet<Option<AccountKey>>, BTreeSet<Option<FlowPlace>>) {
        let scopes = self.0.iter().map(|route| &route.scope).filter(|scope| scope.names(event, family));
        let (accounts, flows): (BTreeSet<_>, BTreeSet<_>) =
            scopes.map(|scope| (scope.account, scope.flow)).unzip();
        (accounts.into_iter().chain([None]).collect(), flows.into_iter().chain([None]).collect())
    }

    /// Limits every callback to one attempt.
    pub(super) fn deliver_once(&mut self) {
        for policy in self.0.iter_mut().filter_map(|route| route.policy.as_mut()) {
            Arc::make_mut(policy).attempts = 1;
        }
    }

    /// Returns every URL that callbacks may be sent to.
    pub fn targets(&self, catalog: &Catalog) -> Vec<Target> {
        let mut all = Vec::new();
        for (_, target) in self.urls(catalog) {
            if !all.contains(&target) {
                all.push(target);
            }
        }
        all
    }

    fn urls(&self, catalog: &Catalog) -> impl Iterator<Item = (&Written, Target)> {
        let written = self.0.iter().filter_map(|route| Some((&route.scope, route.url.as_ref()?)));
        written.flat_map(move |(scope, written)| {
            let named = catalog.callbacks().filter(|entry| scope.names(&entry.id, entry.family));
            named.filter_map(move |entry| Some((written, url_for(&written.url, &entry.id).parse().ok()?)))
        })
    }

    /// Reports the routes to hosts that are not allowed.
    pub fn not_allowed(&self, catalog: &Catalog, guard: &Guard) -> Vec<Diagnostic> {
        let mut found: Vec<Diagnostic> = Vec::new();
        for (Written { source, span, .. }, target) in self.urls(catalog) {
            let is_reported = found.iter().any(|other| other.span.as_ref() == Some(span));
            if let Err(error) = guard.consider(target.host())
                && !is_reported
            {
                let help = format!("add it here, `[target] allow = [\"{}\"]`, or by the flag", target.host());
                found.push(Diagnostic::at(source, span.clone(), error.to_string()).help(help));
            }
        }
        found
    }
}

/// Reads the conditions of a route. Names were checked when the file was read.
fn scope(file: &RouteFile, accounts: &[Account], workflows: &[Template]) -> Scope {
    let events = match (&file.event, file.family) {
        (Some(event), _) => match event.strip_suffix('*') {
            Some(start) => Events::Group(start.to_owned()),
            None => Events::One(event.clone()),
        },
        (None, Some(family)) => Events::Family(family),
        (None, None) => Events::All,
    };
    let account = file
        .account
        .as_ref()
        .and_then(|name| accounts.iter().position(|account| account.name == *name).map(AccountKey::at));
    let flow = file.workflow.map(|template| {
        let known = workflows.iter().find(|known| known.id() == template);
        let node = file.node.as_ref().and_then(|name| known?.node_ids().position(|id| id == name));
        FlowPlace { template, node: node.and_then(|node| u16::try_from(node).ok()) }
    });
    Scope { account, flow, events }
}

/// Whether a callback can belong to a workflow: it is a workflow callback, or a callback of a node's dialer task.
fn comes_of_workflows(event: &str, catalog: &Catalog) -> bool {
    let entry = catalog.get(event).filter(|entry| entry.direction == Direction::Callback);
    entry.is_some_and(|entry| matches!(entry.family, Family::Workflow | Family::Dialer))
}

#[cfg(test)]
mod tests;

//! Where each callback goes, how it is signed and how it is delivered.
//!
//! `[[routes]]` are read once and sorted, the most specific first. Of all routes that fit a callback, each of `url`,
//! `secret` and `delivery` comes from the first that has it; where none has, from `callback_url`, the account's
//! `sign_secret` and `secret`, and `[delivery]`.

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

pub(super) use check::check;
pub use file::RouteFile;

/// What stands in a URL for the id of the callback.
pub(super) const EVENT: &str = "{event}";

/// A URL as it is for a callback.
pub fn url_for<'a>(url: &'a str, event: &str) -> Cow<'a, str> {
    if url.contains(EVENT) { url.replace(EVENT, event).into() } else { url.into() }
}

/// What routes ask about a callback.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// Its id.
    pub event: &'a str,
    /// Its family.
    pub family: Family,
    /// Whose it is.
    pub account: AccountKey,
    /// Which workflow it comes of, if it comes of one.
    pub flow: Option<FlowPlace>,
}

/// Which callbacks a route names. The order is that of how much it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Events {
    #[default]
    All,
    Family(Family),
    /// All whose ids begin so, the dot included.
    Group(String),
    One(String),
}

/// Which callbacks a route is for: those that fit everything it names.
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

    /// How specific it is: the greater wins.
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

/// A route as meant.
#[derive(Clone)]
struct Route {
    scope: Scope,
    url: Option<Written>,
    secret: Option<String>,
    policy: Option<Arc<Policy>>,
    /// Where it is written; nowhere if it is the secret of an account.
    place: Option<Place>,
}

/// All routes, the most specific first.
#[derive(Clone, Default)]
pub struct Routes(Vec<Route>);

impl std::fmt::Debug for Routes {
    /// Without secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|route| &route.scope)).finish()
    }
}

impl Routes {
    /// The routes of a file without mistakes, and the secrets of the accounts.
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
        // Behind those of the file: a route may have callbacks signed otherwise than the account's own calls.
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

    /// Where a callback goes, if a route says so.
    pub fn url(&self, sent: &Sent<'_>) -> Option<&str> {
        self.fitting(sent).find_map(|(_, route)| Some(route.url.as_ref()?.url.as_str()))
    }

    /// How a callback is delivered, if a route says so.
    pub fn policy(&self, sent: &Sent<'_>) -> Option<&Arc<Policy>> {
        self.fitting(sent).find_map(|(_, route)| route.policy.as_ref())
    }

    /// Which route's secret signs a callback, if one does: its place in [`Routes::signers`].
    pub fn secret(&self, sent: &Sent<'_>) -> Option<usize> {
        self.fitting(sent).find_map(|(at, route)| route.secret.is_some().then_some(at))
    }

    /// What signs by the secret of each route that has one.
    pub fn signers(&self, scheme: &Scheme) -> Vec<Option<Signer>> {
        let signer = |route: &Route| Some(Signer::new(scheme.clone(), route.secret.as_deref()?));
        self.0.iter().map(signer).collect()
    }

    /// Whether any route has a URL.
    pub fn has_url(&self) -> bool {
        self.0.iter().any(|route| route.url.is_some())
    }

    /// The same routes without their URLs: everything goes to one.
    #[must_use]
    pub fn without_urls(mut self) -> Self {
        self.0.iter_mut().for_each(|route| route.url = None);
        self
    }

    /// Where the secret stands that signs by this place in [`Routes::signers`]; nowhere if it is an account's own.
    pub fn place_of_secret(&self, at: usize) -> Option<&Place> {
        self.0.get(at)?.place.as_ref()
    }

    /// The accounts and parts of workflows that routes for a callback distinguish. Each list begins with none.
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

    /// Makes every callback be attempted once only.
    pub(super) fn deliver_once(&mut self) {
        for policy in self.0.iter_mut().filter_map(|route| route.policy.as_mut()) {
            Arc::make_mut(policy).attempts = 1;
        }
    }

    /// Every URL that a callback may go to.
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

    /// The routes to hosts that nobody allowed.
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

/// Which callbacks a route is for. Names were checked when the file was read.
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

/// Whether a callback can come of a workflow: it is one of its own, or of the dialer task of a node.
fn comes_of_workflows(event: &str, catalog: &Catalog) -> bool {
    let entry = catalog.get(event).filter(|entry| entry.direction == Direction::Callback);
    entry.is_some_and(|entry| matches!(entry.family, Family::Workflow | Family::Dialer))
}

#[cfg(test)]
mod tests;

//! The assembled parts of a mock.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::destinations::{CallbackUrl, Destinations};
use super::{Prepared, StartError};
use crate::api::{Answering, Api, ready};
use crate::console::{self, Again, Control, Moment, Namespaces, Origin, Reloads, World};
use crate::engine::{Driver, End, Left, Reload};
use crate::http::{LargeBodies, Limits, Server, TooLarge, TurnedAway};
use crate::journal::{Hits, Kept};
use crate::net::origin;
use crate::net::{Guard, HttpRequest, HttpResponse, NotAllowed, Target, Via};
use crate::scenario::Library;

/// The mock or namespace that a request is routed to.
pub(super) enum Found {
    /// A mock, and the path of the request there.
    There(Box<Service>, String),
    /// No namespace has this name.
    Missing(String),
}

/// Other mocks behind the same address.
pub(super) trait Beside: std::fmt::Debug + Send + Sync {
    /// Finds the namespace addressed by path, header or credentials. Credentials known to the main mock (`own`) never select a
    /// namespace.
    fn find(&self, request: &HttpRequest, own: &Driver) -> Option<Found>;

    /// Returns the unfinished work of each mock if it ends now, by name.
    fn left(&self) -> Vec<(String, Left)>;

    /// Returns how often faults have hit in all of them.
    fn hits(&self) -> Hits;

    /// Ends all of them.
    fn close(&self);
}

/// A mock without its own network: it responds to the requests passed to it.
#[derive(Clone, Debug)]
pub struct Service {
    api: Api,
    world: World,
    /// The targets of callbacks, as far as they are known at the start.
    targets: Arc<[Target]>,
    /// The host names that the mock accepts.
    own: Arc<Guard>,
    /// Who may use the control surface.
    control: Control,
    /// Other mocks behind the same address.
    beside: Option<Arc<dyn Beside>>,
}

impl Service {
    pub(super) fn new(api: Api, world: World, targets: Vec<Target>, own: Guard, control: Control) -> Self {
        Self { api, world, targets: targets.into(), own: Arc::new(own), control, beside: None }
    }

    /// Adds other mocks behind the same address, and the means to create them.
    pub(super) fn beside(mut self, beside: Arc<dyn Beside>, namespaces: Arc<dyn Namespaces>) -> Self {
        self.beside = Some(beside);
        self.world.namespaces = Some(namespaces);
        self
    }

    /// Closes the journal, so that streaming readers end.
    pub(super) fn end_journal(&self) {
        self.world.kept.end();
        if let Some(beside) = &self.beside {
            beside.close();
        }
    }

    /// Checks whether the callback URLs may be reached, before anything is sent to them.
    ///
    /// # Errors
    ///
    /// If the guard allows none of the addresses of a host.
    pub async fn check_callback_urls(&self) -> Result<(), NotAllowed> {
        for target in &*self.targets {
            self.world.driver.client().check(target).await?;
        }
        Ok(())
    }

    /// Enables reset and restore.
    pub(super) fn with_again(mut self, again: Arc<dyn Again>) -> Self {
        self.world.again = Some(again);
        self
    }

    /// Returns the latest entries of the journal.
    pub(super) fn kept(&self) -> &Kept {
        &self.world.kept
    }

    /// Returns the vendor's API.
    pub(super) fn api(&self) -> &Api {
        &self.api
    }

    /// Returns a handle for snapshots and branching.
    pub(super) fn origin(&self) -> Origin {
        self.world.origin()
    }

    /// Puts the mock to a moment of another mock.
    pub(super) fn begin_with(&self, from: &Moment) -> Result<(), String> {
        console::begin_with(&self.world, from)
    }

    /// Puts the mock back to its beginning.
    pub(super) fn reset(&self) -> Result<(), String> {
        console::reset(&self.world)
    }

    /// Returns the engine with its clock.
    pub fn driver(&self) -> &Driver {
        &self.world.driver
    }

    /// Responds to a request: of the control surface, or else of the vendor's API. It takes effect at once, even if no task
    /// awaits the response. A request that a page of another origin made a browser send has no effect.
    pub fn answer(&self, request: HttpRequest) -> Answering {
        if let Err(foreign) = origin::check(&self.own, &request, console::is_of(&request)) {
            return self.api.turn_away(request, foreign.status(), foreign.to_string());
        }
        match self.beside.as_ref().and_then(|beside| beside.find(&request, self.driver())) {
            Some(Found::There(service, path)) => return service.answer(HttpRequest { path, ..request }),
            Some(Found::Missing(name)) => {
                let name = name.escape_debug();
                let message = format!("there is no namespace `{name}`; POST /_mock/namespaces makes one");
                return ready(HttpResponse::json(404, &json!({ "message": message })));
            }
            None => {}
        }
        if console::is_of(&request) && !matches!(self.control, Control::Off) {
            // Requests were authorised when first received; do not check again on replay.
            if let Some(response) =
                self.control.turned_away(&request).filter(|_| !self.driver().is_replaying())
            {
                return ready(response);
            }
            if let Some(answering) = console::answer(&self.world, &request) {
                return answering;
            }
        }
        self.api.answer(request)
    }
}

/// The vendor's own path, without the prefix that selects one of several mocks.
fn own_path(path: &str) -> &str {
    let begin = ["/service/", "/api/v1/"].iter().find_map(|begin| path.find(begin)).unwrap_or(0);
    &path[begin..]
}

/// A mock that listens and responds. Time moves while it is driven.
#[derive(Debug)]
pub struct Assembly {
    service: Service,
    address: SocketAddr,
    url: String,
    /// The address of its proxy.
    proxy: Option<SocketAddr>,
    stop: watch::Sender<()>,
    /// The tasks of the servers. Each returns the number of connections that were cut off.
    serving: Vec<JoinHandle<usize>>,
}

impl Assembly {
    pub(super) fn new(
        service: Service,
        (server, url): (Server, String),
        proxy: Option<Server>,
        mut limits: Limits,
    ) -> Self {
        let api = service.api.clone();
        limits.large_bodies = Some(LargeBodies::of(move |method, path| {
            api.is_large(method, own_path(path)) || console::is_large(method, path)
        }));
        let api = service.api.clone();
        limits.too_large =
            Some(TooLarge::refusing(move |path, message| api.refuse_unread(own_path(path), 413, message)));
        let driver = service.driver().clone();
        limits.turned_away =
            Some(TurnedAway::of(move |path| driver.is_ending() && !path.starts_with("/_mock")));
        // Users who reach an old mock at a shared port see so at once.
        limits.server = super::build::server().parse().ok();
        let (address, proxied) = (server.local_addr(), proxy.as_ref().map(Server::local_addr));
        let (stop, stopped) = watch::channel(());
        let serve = |server: Server| {
            let (answering, mut stopped) = (service.clone(), stopped.clone());
            tokio::spawn(server.serve(move |request| answering.answer(request), limits.clone(), async move {
                // Both sending and dropping mean the end.
                let _ = stopped.changed().await;
            }))
        };
        let serving = std::iter::once(server).chain(proxy).map(serve).collect();
        Self { service, address, url, proxy: proxied, stop, serving }
    }

    /// Returns the mock itself, to which requests can be passed without a network.
    #[cfg(test)]
    pub(super) fn service(&self) -> &Service {
        &self.service
    }

    /// Returns the address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns its URL on this machine: `http://127.0.0.1:2478`.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Returns the URL of its proxy on this machine, if it has one.
    pub(crate) fn proxy_url(&self) -> Option<String> {
        // Clients talk to the proxy itself without TLS, whatever they send through it.
        self.proxy.map(|address| reached_url(Via::default().scheme(), address))
    }

    /// Returns the engine with its clock.
    pub fn driver(&self) -> &Driver {
        self.service.driver()
    }

    /// Returns the unfinished work of this mock and of the others behind its address, if they end now.
    pub(crate) fn left(&self) -> Left {
        let mut left = self.driver().left();
        for (name, other) in self.service.beside.iter().flat_map(|beside| beside.left()) {
            left.add(&format!("namespace {name}: "), other);
        }
        left
    }

    /// Returns how often faults have hit, here and in the other mocks behind its address.
    pub(crate) fn hits(&self) -> Hits {
        let mut hits = self.driver().look(|engine, _| engine.hits().clone());
        self.service.beside.iter().for_each(|beside| hits.merge(&beside.hits()));
        hits
    }

    /// Returns the results of reloading changed files.
    pub(crate) fn reloads(&self) -> &Reloads {
        &self.service.world.reloads
    }

    /// Returns the scenarios from which stories can be started.
    pub(crate) fn scenarios(&self) -> &Library {
        &self.service.world.scenarios
    }

    /// Applies changed settings. `own_url` is the callback URL that wins over theirs.
    ///
    /// # Errors
    ///
    /// If the host of a callback URL is not allowed. The previous settings then stay in force.
    pub(crate) async fn reload(&self, prepared: &Prepared, own_url: Option<&str>) -> Result<(), StartError> {
        let settings = &prepared.settings;
        let callback_url = own_url.map_or(CallbackUrl::OfSettings, |url| CallbackUrl::Only(url.to_owned()));
        let Destinations { url, routes, targets, .. } = Destinations::of(prepared, &callback_url)?;
        for target in &targets {
            self.driver().client().check(target).await?;
        }
        let new = Reload {
            callback_url: url,
            has_callback_url: !targets.is_empty(),
            routes,
            route_signers: prepared.route_signers.clone(),
            policy: Arc::new(settings.policy.clone()),
            assumed: settings.assumed,
            faults: settings.faults.clone(),
            codes: settings.codes.clone(),
            chatbot: settings.chatbot,
            bot: Arc::clone(&settings.bot),
        };
        self.driver().with(|engine, _| {
            let has_callback_url = new.has_callback_url || !engine.stories().is_empty();
            engine.reload(Reload { has_callback_url, ..new });
        });
        self.service.world.settings.set(prepared.in_force(own_url.map(str::to_owned)));
        Ok(())
    }

    /// Returns the latest entries of the journal.
    pub(crate) fn kept(&self) -> &Kept {
        self.service.kept()
    }

    /// Moves time and sends due callbacks, until nothing is left to do or `interrupt` is ready.
    pub async fn drive(&self, interrupt: impl Future<Output = ()>) -> End {
        self.driver().drive(interrupt).await
    }

    /// Stops accepting requests and waits for the responses under way, within the server's own limit.
    pub async fn close(self) {
        self.service.end_journal();
        let _ = self.stop.send(());
        for serving in self.serving {
            // A panic of a handler has been reported already.
            let _ = serving.await;
        }
    }
}

/// Returns the URL of a mock on this machine. The unspecified address is not one to connect to, so loopback replaces it.
pub(super) fn reached_url(scheme: &str, address: SocketAddr) -> String {
    let reached = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    format!("{scheme}://{}", SocketAddr::new(reached, address.port()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::console::NewNamespace;
    use crate::mock::Mock;

    fn there(service: &Service, path: &str) -> Service {
        let request = HttpRequest { path: path.to_owned(), ..HttpRequest::default() };
        match service.beside.as_ref().unwrap().find(&request, service.driver()) {
            Some(Found::There(there, _)) => *there,
            _ => panic!("nothing is at {path}"),
        }
    }

    #[tokio::test]
    async fn a_namespace_shares_what_the_catalog_gives_and_is_dropped_when_it_is_removed() {
        let mock = Mock::builder().listen("127.0.0.1:0").assemble().await.unwrap();
        let service = &mock.service;
        let namespaces = service.world.namespaces.as_ref().unwrap();
        let wanted = NewNamespace { name: Some("one".to_owned()), ..NewNamespace::default() };
        namespaces.create(wanted, None).await.unwrap();
        let one = there(service, "/_ns/one/");
        assert!(Arc::ptr_eq(&one.world.catalog, &service.world.catalog));
        assert!(Arc::ptr_eq(one.api.router(), service.api.router()));
        // The engine, its driver and the service hold the journal; it ends when the last of them is dropped.
        let mut written = one.world.kept.watch();
        assert!(namespaces.remove("one"));
        drop(one);
        let ended = async { while written.changed().await.is_ok() {} };
        timeout(Duration::from_secs(10), ended).await.expect("something still holds the namespace");
    }
}

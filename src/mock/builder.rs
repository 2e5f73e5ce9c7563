//! What a mock is to be like.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::assembly::{Assembly, Service, reached_url};
use super::{Prepared, StartError};
use crate::api::Api;
use crate::contract::VENDOR_HOSTS;
use crate::delivery::{Client, ClientOptions};
use crate::engine::{Callers, Clock, Driver, Engine, EngineOptions, Pace, Speed, Watchdog};
use crate::http::Server;
use crate::journal::{Journal, Sink};
use crate::net::{Guard, Target};
use crate::scenario::StoryRun;
use crate::seed::Seed;
use crate::settings::{DEFAULT_LISTEN, Flags, Settings, url_for};

/// How many attempts are under way at the same time at most.
const MOST_IN_FLIGHT: usize = 64;

/// The seed of a mock that names none.
const DEFAULT_SEED: u64 = 1;

/// What a mock is to be like. Everything has a default: loopback, the settings' defaults, real time from now on.
#[derive(Debug)]
#[must_use = "nothing runs before it is started"]
pub struct Builder {
    prepared: Result<Prepared, StartError>,
    callback_url: Option<String>,
    /// Whether `callback_url` wins over the URLs that stories name.
    callback_url_wins: bool,
    expects_callbacks: bool,
    seed: Seed,
    speed: Speed,
    epoch: Option<Timestamp>,
    callers: Callers,
    pace: Pace,
    watchdog: Option<Watchdog>,
    max_in_flight: usize,
    listen: Option<String>,
    server: Option<Server>,
    public_url: Option<String>,
    stories: Vec<StoryRun>,
    journal: Journal,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new(Prepared::new(Settings::default()))
    }
}

impl Builder {
    pub(crate) fn new(prepared: Result<Prepared, StartError>) -> Self {
        Self {
            prepared,
            callback_url: None,
            callback_url_wins: false,
            expects_callbacks: false,
            seed: Seed(DEFAULT_SEED),
            speed: Speed::Times(1.0),
            epoch: None,
            callers: Callers::Lasting,
            pace: Pace { settle: Duration::ZERO, ..Pace::default() },
            watchdog: None,
            max_in_flight: MOST_IN_FLIGHT,
            listen: None,
            server: None,
            public_url: None,
            stories: Vec::new(),
            journal: Journal::default(),
        }
    }

    /// Takes the settings from a file in place of the defaults. Mistakes in it are reported at the start.
    pub fn settings_file(mut self, path: impl AsRef<Path>) -> Self {
        self.prepared = Prepared::load(Some(path.as_ref()), Flags::default());
        self
    }

    /// Takes the settings from this text in place of the defaults, as it would stand in `airudder-mock.toml`. Mistakes in
    /// it are reported at the start.
    pub fn settings_text(mut self, toml: &str) -> Self {
        self.prepared = Settings::from_text(toml).map_err(StartError::from).and_then(Prepared::new);
        self
    }

    /// Sends callbacks to this URL, whatever the settings and the stories say. `{event}` in it becomes the id of the
    /// callback.
    pub fn callback_url(mut self, url: impl Into<String>) -> Self {
        self.callback_url = Some(url.into());
        self.callback_url_wins = true;
        self
    }

    /// Sends callbacks to this URL where the stories name none.
    pub(crate) fn default_callback_url(mut self, url: Option<String>) -> Self {
        self.callback_url = url;
        self.callback_url_wins = false;
        self
    }

    /// Stories may come later that name callback URLs of their own, though nothing else names one now.
    pub(crate) fn expects_callbacks(mut self) -> Self {
        self.expects_callbacks = true;
        self
    }

    /// The seed of all random values. Same seed, same start and same requests: the same bytes.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Seed(seed);
        self
    }

    /// How fast the mock's clock runs.
    pub fn speed(mut self, speed: Speed) -> Self {
        self.speed = speed;
        self
    }

    /// The time on the mock's clock at the start, in place of now.
    pub fn epoch(mut self, epoch: Timestamp) -> Self {
        self.epoch = Some(epoch);
        self
    }

    /// The address to listen on, `ADDRESS:PORT`; port 0 takes a free one.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = Some(address.into());
        self
    }

    /// Shows every entry of the journal to this sink.
    pub(crate) fn sink(mut self, sink: impl Sink + 'static) -> Self {
        self.journal.add_sink(Box::new(sink));
        self
    }

    /// Listens already.
    pub(crate) fn server(mut self, server: Server) -> Self {
        self.server = Some(server);
        self
    }

    /// Who makes requests, and for how long the mock is there.
    pub(crate) fn callers(mut self, callers: Callers) -> Self {
        self.callers = callers;
        self
    }

    /// How long a clock that jumps waits for what lives outside.
    pub(crate) fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Has turns of the engine that take long told of.
    pub(crate) fn watchdog(mut self, watchdog: Watchdog) -> Self {
        self.watchdog = Some(watchdog);
        self
    }

    /// At most so many attempts are under way at the same time.
    pub(crate) fn max_in_flight(mut self, most: usize) -> Self {
        self.max_in_flight = most;
        self
    }

    /// Runs these stories. Their numbers count from 0 in this order.
    pub(crate) fn stories(mut self, stories: Vec<StoryRun>) -> Self {
        self.stories = stories;
        self
    }

    /// The engine alone: no network, no clock.
    ///
    /// # Errors
    ///
    /// Settings or a callback URL that cannot be used.
    pub(crate) fn engine(self) -> Result<Engine, StartError> {
        self.split().map(|(engine, _)| engine)
    }

    /// Engine, clock and API, ready to answer requests that are handed to it; nothing listens and nothing is driven.
    ///
    /// # Errors
    ///
    /// Settings, a callback URL, hosts to allow or certificates that cannot be used.
    pub(crate) fn service(self) -> Result<Service, StartError> {
        let (engine, rest) = self.split()?;
        rest.service(engine, None)
    }

    /// Everything but the driving: it listens, and [`Assembly::drive`] moves time.
    ///
    /// # Errors
    ///
    /// As [`Builder::service`]; an address that is taken; a callback URL whose host is not allowed.
    pub(crate) async fn assemble(mut self) -> Result<Assembly, StartError> {
        let server = match self.server.take() {
            Some(server) => server,
            None => {
                let of_settings =
                    self.prepared.as_ref().ok().and_then(|prepared| prepared.settings.listen.clone());
                let address = self.listen.take().or(of_settings);
                Server::bind(address.as_deref().unwrap_or(DEFAULT_LISTEN))?
            }
        };
        self.public_url = Some(reached_url(server.local_addr()));
        let (engine, rest) = self.split()?;
        let limits = rest.prepared.settings.limits.clone();
        let service = rest.service(engine, Some(server.local_addr().ip()))?;
        service.check_callback_urls().await?;
        Ok(Assembly::new(service, server, limits))
    }

    fn split(self) -> Result<(Engine, Rest), StartError> {
        let prepared = self.prepared?;
        let settings = &prepared.settings;
        let url = self.callback_url.or_else(|| settings.callback_url.clone());
        let routes = match self.callback_url_wins {
            true => settings.routes.clone().without_urls(),
            false => settings.routes.clone(),
        };
        let guard = Guard::allowing(&settings.allow)?;
        if !self.callback_url_wins {
            settings.check_hosts()?;
        }
        let mut targets = routes.targets(&prepared.catalog);
        for entry in prepared.catalog.callbacks() {
            let Some(url) = &url else { break };
            let own = url_for(url, &entry.id);
            let target = own.parse().map_err(|error| StartError::CallbackUrl { url: url.clone(), error })?;
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        let has_callback_url = !targets.is_empty() || self.expects_callbacks || !self.stories.is_empty();
        let public_url = self.public_url.unwrap_or_else(|| format!("http://{DEFAULT_LISTEN}"));
        let mut behaviour = settings.behaviour(&public_url, has_callback_url);
        if self.speed != Speed::Max || self.callers == Callers::Closed {
            behaviour.workflow.quiet = Duration::ZERO;
        }
        let mut engine = Engine::new(EngineOptions {
            catalog: Arc::clone(&prepared.catalog),
            signer: prepared.signer.clone(),
            callback_url: url,
            url_wins: self.callback_url_wins,
            routes,
            route_signers: prepared.route_signers.clone(),
            policy: Arc::new(settings.policy.clone()),
            assumed: settings.assumed,
            seed: self.seed,
            behaviour,
            faults: settings.faults.clone(),
            codes: settings.codes.clone(),
            max_in_flight: self.max_in_flight,
            journal: self.journal,
        });
        for story in self.stories {
            engine.add_story(story);
        }
        let rest = Rest {
            targets,
            guard,
            speed: self.speed,
            epoch: self.epoch.unwrap_or_else(Timestamp::now),
            callers: self.callers,
            pace: self.pace,
            watchdog: self.watchdog,
            idle: self.max_in_flight.max(MOST_IN_FLIGHT),
            prepared,
        };
        Ok((engine, rest))
    }
}

/// What is left to assemble around an engine.
struct Rest {
    prepared: Prepared,
    targets: Vec<Target>,
    guard: Guard,
    speed: Speed,
    epoch: Timestamp,
    callers: Callers,
    pace: Pace,
    watchdog: Option<Watchdog>,
    /// Idle connections kept for each receiver.
    idle: usize,
}

impl Rest {
    fn service(self, engine: Engine, listens_on: Option<IpAddr>) -> Result<Service, StartError> {
        let settings = &self.prepared.settings;
        let options =
            ClientOptions { guard: self.guard, tls: settings.tls.clone(), idle_per_target: self.idle };
        let client = Client::new(options)?;
        let clock = Clock::starting(self.epoch, self.speed);
        let mut driver = Driver::new(engine, clock, client, self.callers, self.pace);
        if let Some(watchdog) = self.watchdog {
            driver = driver.watched(watchdog);
        }
        let mut api =
            Api::new(driver.clone(), &self.prepared.catalog, settings.access, settings.public_url.is_none())?;
        if let Some(values) = settings.json_values {
            api = api.with_values(values);
        }
        let public = settings.public_url.as_ref().and_then(|url| url.parse::<Target>().ok());
        let public = public.map(|url| url.host().to_owned());
        let hosts = settings.hosts.iter().cloned().chain(public).chain(VENDOR_HOSTS.map(str::to_owned));
        let own = Guard::of_server(&hosts.collect::<Vec<_>>(), listens_on)?;
        Ok(Service::new(driver, api, self.targets, own))
    }
}

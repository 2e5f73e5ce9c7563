//! Configuration of a mock.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::assembly::Service;
use super::destinations::{CallbackUrl, Destinations};
use super::secured::names;
use super::{Folder, Prepared, Secured, StartError};
use crate::api::Api;
use crate::console::{Control, LoadRuns, Reloads, SettingsInForce, Snapshots, World};
use crate::contract::Router;
use crate::delivery::{Client, ClientOptions};
use crate::engine::{Clients, Clock, Driver, Engine, EngineOptions, Pace, Speed, Watchdog};
use crate::files::SourceFile;
use crate::http::Server;
use crate::journal::{Journal, Kept, KeptLimits, Lines, Mask, Sink};
use crate::net::{Guard, Target};
use crate::scenario::{Library, StoryRun};
use crate::seed::Seed;
use crate::settings::{DEFAULT_LISTEN, Flags, Settings};

/// Default for the maximum number of concurrent attempts.
const MOST_IN_FLIGHT: usize = 64;

/// The default seed.
const DEFAULT_SEED: u64 = 1;

/// The address of a mock inside a program, if none is given: mocks that run at once share no port.
const FREE_PORT: &str = "127.0.0.1:0";

/// Configuration of a mock. Everything has a default: a free port of loopback, the settings' defaults, the seed 1, real time
/// from now on. The environment is not read.
#[derive(Debug)]
#[must_use = "nothing runs before the start"]
pub struct Builder {
    pub(super) prepared: Result<Prepared, StartError>,
    pub(super) options: Options,
    /// The secret of [`Builder::secret`].
    secret: Option<String>,
    /// The hosts of [`Builder::allow_target`].
    allowed: Vec<String>,
    expects_callbacks: bool,
    watchdog: Option<Watchdog>,
    pub(super) listen: Option<String>,
    pub(super) server: Option<Server>,
    /// The URL that links begin with, if the settings name none.
    pub(super) public_url: Option<String>,
    stories: Vec<StoryRun>,
    journal: Journal,
    load: Option<Arc<dyn LoadRuns>>,
    pub(super) folder: Option<Folder>,
}

/// What a mock has in common with its namespaces, and with the mock that it becomes when it is put back.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) callback_url: CallbackUrl,
    pub(crate) seed: Seed,
    pub(crate) speed: Speed,
    /// The time at its start. Default: now.
    pub(crate) epoch: Option<Timestamp>,
    /// Who makes requests, and for how long the mock runs.
    pub(crate) clients: Clients,
    /// How long a jumping clock waits for the outside.
    pub(crate) pace: Pace,
    /// Maximum number of concurrent attempts.
    pub(crate) max_in_flight: usize,
    /// The scenarios for starting stories, if they are not the built-in ones.
    pub(crate) scenarios: Option<Library>,
    /// What finds the requests of the catalog, once it is built.
    pub(crate) router: Option<Arc<Router>>,
    /// How many of the latest entries of the journal are kept, which the control surface shows and waits for.
    pub(crate) kept: KeptLimits,
    /// Whether tokens and the secrets of accounts are shown in the journal.
    pub(crate) show_secrets: bool,
    /// Whether the inputs are recorded, so that the mock can be put back.
    pub(crate) can_go_back: bool,
    /// Who may use the control surface. Default: everyone who can reach the mock.
    pub(crate) control: Control,
    /// The address that requests reach it at, once it listens.
    pub(crate) listens_on: Option<IpAddr>,
    /// TLS and the proxy, if there are any.
    pub(crate) secured: Option<Secured>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new(Prepared::new(Settings::default()))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            callback_url: CallbackUrl::OfSettings,
            seed: Seed(DEFAULT_SEED),
            speed: Speed::Times(1.0),
            epoch: None,
            clients: Clients::Lasting,
            pace: Pace { settle: Duration::ZERO, ..Pace::default() },
            max_in_flight: MOST_IN_FLIGHT,
            scenarios: None,
            router: None,
            kept: KeptLimits::NOTHING,
            show_secrets: false,
            can_go_back: false,
            control: Control::default(),
            listens_on: None,
            secured: None,
        }
    }
}

impl Builder {
    /// Returns what masks the secrets in everything shown and recorded.
    pub(crate) fn mask(&self) -> Mask {
        self.prepared.as_ref().map_or_else(|_| Mask::default(), |prepared| Mask::of(&prepared.catalog))
    }

    pub(crate) fn new(prepared: Result<Prepared, StartError>) -> Self {
        Self::with(prepared, Options::default())
    }

    pub(crate) fn with(prepared: Result<Prepared, StartError>, options: Options) -> Self {
        Self {
            prepared,
            options,
            secret: None,
            allowed: Vec::new(),
            expects_callbacks: false,
            watchdog: None,
            listen: None,
            server: None,
            public_url: None,
            stories: Vec::new(),
            journal: Journal::default(),
            load: None,
            folder: None,
        }
    }

    /// Reads the settings from a file instead of using the defaults. Mistakes in it are reported at the start. Unlike for the
    /// program, the variables of the environment (`AIRUDDER_MOCK_SECRET` and others) don't win over the file.
    pub fn settings_file(mut self, path: impl AsRef<Path>) -> Self {
        let settings =
            SourceFile::read(path.as_ref()).and_then(|source| Settings::of_file(&source, Flags::default()));
        self.prepared = settings.map_err(StartError::from).and_then(Prepared::new);
        self
    }

    /// Reads the settings from this text instead of using the defaults, in the format of `airudder-mock.toml`. Mistakes in it
    /// are reported at the start.
    pub fn settings_text(mut self, toml: &str) -> Self {
        self.prepared = Settings::from_text(toml).map_err(StartError::from).and_then(Prepared::new);
        self
    }

    /// Sends callbacks to this URL, whatever the settings and the stories say. `{event}` in it becomes the id of the callback.
    pub fn callback_url(mut self, url: impl Into<String>) -> Self {
        self.options.callback_url = CallbackUrl::Only(url.into());
        self
    }

    /// Signs callbacks with this secret, whatever the settings say. Default: `airudder-mock-secret`.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// Allows callbacks to this host as well: a host name, an address, a network such as `10.0.0.0/8`, or `*` for all hosts.
    /// Otherwise they go only to loopback and to the hosts that the settings allow (`[target] allow`).
    pub fn allow_target(mut self, host: impl Into<String>) -> Self {
        self.allowed.push(host.into());
        self
    }

    /// Expects stories with their own callback URLs to be added later, although no URL is known now.
    pub(crate) fn expects_callbacks(mut self) -> Self {
        self.expects_callbacks = true;
        self
    }

    /// Sets the seed of all random values. Same seed, same start and same requests: the same bytes. Default: 1, so two mocks
    /// have the same ids unless they have different seeds.
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = Seed(seed);
        self
    }

    /// Sets the speed of the mock's clock. Default: that of real time.
    pub fn speed(mut self, speed: Speed) -> Self {
        self.options.speed = speed;
        self
    }

    /// Sets the time on the mock's clock at the start. Default: now.
    pub fn epoch(mut self, epoch: Timestamp) -> Self {
        self.options.epoch = Some(epoch);
        self
    }

    /// Sets the address to listen on, `ADDRESS:PORT`; port 0 picks a free one. Default: that of the settings (`listen`), or
    /// else a free port of loopback.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = Some(address.into());
        self
    }

    /// Adds a sink that receives every entry of the journal.
    pub(crate) fn sink(mut self, sink: impl Sink + 'static) -> Self {
        self.journal.add_sink(Box::new(sink));
        self
    }

    /// Keeps the state in this folder, and continues from the state found there. The seed is the folder's.
    pub(crate) fn folder(mut self, folder: Option<Folder>) -> Self {
        if let Some(folder) = &folder {
            self.options.seed = Seed(folder.beginning().seed);
        }
        self.folder = folder;
        self
    }

    /// Uses a server that listens already.
    pub(crate) fn server(mut self, server: Server) -> Self {
        self.server = Some(server);
        self
    }

    /// Reports engine turns that hold the lock too long.
    pub(crate) fn watchdog(mut self, watchdog: Watchdog) -> Self {
        self.watchdog = Some(watchdog);
        self
    }

    /// Runs these stories. They are numbered from 0 in this order.
    pub(crate) fn stories(mut self, stories: Vec<StoryRun>) -> Self {
        self.stories = stories;
        self
    }

    /// Runs the mock beside a load, which its page shows.
    pub(crate) fn load(mut self, load: Option<Arc<dyn LoadRuns>>) -> Self {
        self.load = load;
        self
    }

    /// Completes the configuration of a mock inside a program: everything that the control surface promises works there.
    pub(super) fn embedded(mut self) -> Self {
        let (secret, allowed) = (self.secret.take(), std::mem::take(&mut self.allowed));
        self.prepared = self.prepared.and_then(|mut prepared| {
            prepared.settings.allow.extend(allowed);
            let Some(secret) = secret else { return Ok(prepared) };
            Prepared::new(Settings { secret, ..prepared.settings })
        });
        if let Ok(Prepared { settings, .. }) = &self.prepared {
            self.options.kept = settings.journal;
            self.listen =
                self.listen.or_else(|| settings.listen.clone()).or_else(|| Some(FREE_PORT.to_owned()));
        }
        self.options.can_go_back = true;
        self
    }

    /// Builds only the engine, without network and clock.
    ///
    /// # Errors
    ///
    /// If the settings or a callback URL cannot be used.
    pub(crate) fn engine(self) -> Result<Engine, StartError> {
        self.split().map(|(engine, _)| engine)
    }

    /// Builds engine, clock and API, ready for requests that are passed to them. Nothing listens and nothing is driven.
    ///
    /// # Errors
    ///
    /// If the settings, a callback URL, allowed hosts or certificates cannot be used.
    pub(crate) fn service(self) -> Result<Service, StartError> {
        let (engine, rest) = self.split()?;
        rest.service(engine)
    }

    pub(super) fn split(self) -> Result<(Engine, Rest), StartError> {
        let Self { mut journal, mut options, stories, .. } = self;
        // Real time, even where the mock's own stands still: two mocks never have the same id.
        let kept = Kept::beginning(options.kept, Timestamp::now());
        if options.kept.entries > 0 {
            journal.add_sink(Box::new(kept.clone()));
        }
        options.speed = options.speed.checked()?;
        let prepared = self.prepared?;
        let settings = &prepared.settings;
        let scenarios =
            options.scenarios.get_or_insert_with(|| Library::new(settings.policy.clone())).clone();
        let router = match &options.router {
            Some(router) => Arc::clone(router),
            None => Arc::new(Router::new(&prepared.catalog)?),
        };
        options.router = Some(Arc::clone(&router));
        let Destinations { url, url_wins, routes, targets } =
            Destinations::of(&prepared, &options.callback_url)?;
        let guard = Guard::allowing(&settings.allow)?;
        let has_callback_url = !targets.is_empty() || self.expects_callbacks || !stories.is_empty();
        let public_url = self.public_url.unwrap_or_else(|| format!("http://{DEFAULT_LISTEN}"));
        let mut behaviour = settings.behaviour(&public_url, has_callback_url);
        if options.speed != Speed::Max || options.clients == Clients::Closed {
            behaviour.workflow.quiet = Duration::ZERO;
        }
        let mut engine = Engine::new(EngineOptions {
            catalog: Arc::clone(&prepared.catalog),
            signer: prepared.signer.clone(),
            callback_url: url,
            url_wins,
            routes,
            route_signers: prepared.route_signers.clone(),
            policy: Arc::new(settings.policy.clone()),
            assumed: settings.assumed,
            seed: options.seed,
            behaviour,
            faults: settings.faults.clone(),
            codes: settings.codes.clone(),
            max_in_flight: options.max_in_flight,
            journal,
        });
        let fresh = stories.iter().filter(|_| options.can_go_back);
        let fresh: Vec<StoryRun> = fresh.map(|story| story.fresh(SignedDuration::ZERO)).collect();
        for story in stories {
            engine.add_story(story);
        }
        let rest = Rest {
            epoch: options.epoch.unwrap_or_else(Timestamp::now),
            options,
            load: self.load,
            stories: fresh.into(),
            scenarios,
            router,
            kept,
            targets,
            guard,
            watchdog: self.watchdog,
            prepared,
        };
        Ok((engine, rest))
    }
}

/// The configuration that remains to be applied around an engine.
pub(super) struct Rest {
    pub(super) options: Options,
    pub(super) prepared: Prepared,
    load: Option<Arc<dyn LoadRuns>>,
    /// The stories of the mock, before they start. Empty if the mock can't be put back.
    pub(super) stories: Arc<[StoryRun]>,
    scenarios: Library,
    router: Arc<Router>,
    kept: Kept,
    targets: Vec<Target>,
    guard: Guard,
    /// The time at its start.
    pub(super) epoch: Timestamp,
    watchdog: Option<Watchdog>,
}

impl Rest {
    pub(super) fn service(self, engine: Engine) -> Result<Service, StartError> {
        let Self { options, prepared, .. } = self;
        let settings = &prepared.settings;
        // Idle connections are kept for each receiver.
        let idle_per_target = options.max_in_flight.max(MOST_IN_FLIGHT);
        let client =
            Client::new(ClientOptions { guard: self.guard, tls: settings.tls.clone(), idle_per_target })?;
        let clock = Clock::starting(self.epoch, options.speed);
        let driver = Driver::new(engine, clock, client, options.clients, options.pace, self.watchdog);
        if options.can_go_back {
            driver.keep_inputs();
        }
        let found_by = (&*prepared.catalog, self.router);
        let mut api = Api::new(driver.clone(), found_by, settings.access, settings.public_url.is_none());
        if let Some(values) = settings.json_values {
            api = api.with_values(values);
        }
        let proxied = options.secured.map(|secured| secured.proxied).unwrap_or_default();
        let own = Guard::of_server(&names(settings, proxied), options.listens_on)?;
        let catalog = Arc::clone(&prepared.catalog);
        let in_force = SettingsInForce::default();
        in_force.set(prepared.in_force(options.callback_url.only().cloned()));
        let world = World {
            driver,
            catalog,
            kept: self.kept,
            lines: Lines {
                timing: true,
                show_secrets: options.show_secrets,
                mask: Mask::of(&prepared.catalog),
                ..Lines::default()
            },
            built: super::build::built(),
            settings: in_force,
            scenarios: self.scenarios,
            reloads: Reloads::default(),
            late: api.late_requests().clone(),
            load: self.load,
            namespaces: None,
            again: None,
            snapshots: Snapshots::default(),
            request: None,
        };
        Ok(Service::new(api, world, self.targets, own, options.control))
    }
}

//! Mocks of their own behind one address.
//!
//! A namespace is a whole mock: engine, clock, API, journal. Nothing is shared but the address and the settings it began
//! with, so that nothing leaks from one to another.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::StartError;
use super::assembly::{Beside, Found, Service};
use crate::api::decode;
use crate::console::{Beginning, Moment, Namespace, NamespaceError, Namespaces, NewNamespace, Origin};
use crate::contract::Family;
use crate::engine::{Driver, Left, Speed};
use crate::journal::Hits;
use crate::net::HttpRequest;
use crate::seed::Seed;
use crate::simulator::{Access, Account};

/// The first part of the path of requests to a namespace.
const PREFIX: &str = "/_ns/";

/// Names the namespace of a request in place of its path.
const HEADER: &str = "x-mock-namespace";

/// So many there are at most: each has a state and a journal of its own.
const MOST: usize = 2_000;

/// What namespaces have in common with the mock they stand beside.
#[derive(Clone, Debug)]
pub(super) struct Usual {
    /// How the mock is reached: `http://127.0.0.1:2478`.
    pub(super) base_url: String,
    /// Where callbacks go.
    pub(super) callback_url: Option<String>,
    pub(super) seed: Seed,
    /// The secret, where a fresh one might not do.
    pub(super) secret: Option<String>,
    /// The header that names the key of a chatbot request, in lower case, if there is one.
    pub(super) sign_key_header: Option<String>,
    /// The first account of the mock itself, and what signs its callbacks.
    pub(super) account: Account,
    pub(super) own_secret: String,
}

/// What a namespace is to be like.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) namespace: Namespace,
    pub(super) seed: Seed,
    pub(super) speed: Option<Speed>,
    pub(super) epoch: Option<Timestamp>,
}

/// Makes a mock for a namespace.
type Make = Box<dyn Fn(&Asked) -> Result<Service, StartError> + Send + Sync>;

/// The namespaces of a mock.
pub(super) struct Registry {
    usual: Usual,
    make: Make,
    state: Mutex<State>,
}

impl Debug for Registry {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("state", &self.state).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct State {
    running: BTreeMap<String, Running>,
    /// The names of those that are being made, with their numbers.
    reserved: BTreeMap<String, u64>,
    /// The highest number of those that were made so far.
    made: u64,
}

/// A name that is kept free for a namespace until this is dropped.
struct Reserved<'a> {
    registry: &'a Registry,
    name: String,
    number: u64,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.registry.lock().reserved.remove(&self.name);
    }
}

/// A namespace that runs. It ends when it is dropped.
#[derive(Debug)]
struct Running {
    service: Service,
    shown: Namespace,
    _stop: oneshot::Sender<()>,
}

impl Running {
    /// Lets a mock run until this is dropped.
    fn new(service: Service, shown: Namespace) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let driver = service.driver().clone();
        tokio::spawn(async move {
            driver
                .drive(async {
                    // Dropped with the namespace.
                    let _ = stopped.await;
                })
                .await;
        });
        Self { service, shown, _stop: stop }
    }
}

impl Registry {
    pub(super) fn new(
        usual: Usual,
        make: impl Fn(&Asked) -> Result<Service, StartError> + Send + Sync + 'static,
    ) -> Self {
        Self { usual, make: Box::new(make), state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked while he looked has changed nothing by halves.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn make(
        &self,
        wanted: NewNamespace,
        speed: Option<Speed>,
        from: Option<Moment>,
    ) -> Result<Namespace, NamespaceError> {
        let epoch = wanted.epoch.as_deref().map(str::parse::<Timestamp>).transpose().map_err(|_| {
            NamespaceError::Wrong(
                "epoch is not a timestamp: write for example \"2030-01-01T00:00:00Z\"".to_owned(),
            )
        })?;
        let reserved = self.reserve(wanted.name.as_deref())?;
        let (number, name) = (reserved.number, reserved.name.clone());
        // The name is part of the seed, and so is the number where nobody asks for the same ids again.
        let given = wanted.seed.map(|seed| u64::try_from(seed.get()).unwrap_or_default());
        let seed = match given {
            Some(seed) => Seed(seed).derive(&name, 0),
            None => self.usual.seed.derive(&name, number),
        };
        let word = |what: &str| format!("{:016x}", seed.derive(what, 0).0);
        let mut shown = Namespace {
            base_url: format!("{}{PREFIX}{name}", self.usual.base_url),
            app_key: format!("{name}-{}", &word("app key")[..8]),
            app_secret: word("app secret"),
            sign_key: format!("{name}-{}", &word("sign key")[..8]),
            secret: wanted.secret.or_else(|| self.usual.secret.clone()).unwrap_or_else(|| word("secret")),
            callback_url: wanted.callback_url,
            seed: given,
            name: name.clone(),
        };
        if let Some(from) = &from {
            shown = self.credentials(&from.beginning, shown);
        }
        let wrong = |error: StartError| NamespaceError::Wrong(error.to_string());
        let asked = Asked { namespace: shown.clone(), seed, speed, epoch };
        let service = (self.make)(&asked).map_err(wrong)?;
        let refused = |error: crate::net::NotAllowed| wrong(error.into());
        service.check_callback_urls().await.map_err(refused)?;
        if let Some(from) = from {
            // All that the other one was given is gone through, which may take seconds.
            let begun = service.clone();
            let begun = tokio::task::spawn_blocking(move || begun.begin_with(&from)).await;
            begun.unwrap_or_else(|error| resume_unwind(error.into_panic())).map_err(NamespaceError::Unfit)?;
        }
        shown.callback_url = shown.callback_url.or_else(|| self.usual.callback_url.clone());
        let running = Running::new(service, shown.clone());
        let mut state = self.lock();
        state.made = state.made.max(number);
        state.running.insert(name, running);
        Ok(shown)
    }

    /// Reserves a name, and a number: only those that come to be are counted, so that a refused one changes nothing for
    /// those after it.
    fn reserve(&self, name: Option<&str>) -> Result<Reserved<'_>, NamespaceError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_name = |name: &str| {
            !name.is_empty() && name.len() <= 64 && name.bytes().all(fits) && !name.starts_with('.')
        };
        if let Some(name) = name.filter(|name| !is_name(name)) {
            return Err(NamespaceError::Name(name.to_owned()));
        }
        let mut state = self.lock();
        let State { running, reserved, made } = &mut *state;
        if running.len() + reserved.len() >= MOST {
            return Err(NamespaceError::TooMany(MOST));
        }
        let is_taken = |name: &str| running.contains_key(name) || reserved.contains_key(name);
        let usual = |number: u64| format!("ns-{number}");
        let is_free = |number: &u64| {
            !reserved.values().any(|other| other == number) && (name.is_some() || !is_taken(&usual(*number)))
        };
        let number = (*made + 1..).find(is_free).unwrap_or(u64::MAX);
        let name = name.map_or_else(|| usual(number), str::to_owned);
        if is_taken(&name) {
            return Err(NamespaceError::Taken(name));
        }
        reserved.insert(name.clone(), number);
        Ok(Reserved { registry: self, name, number })
    }

    /// The namespace whose credentials a request has: its token, its APPKey where it fetches one, its key where it is signed.
    fn by_credentials(&self, request: &HttpRequest, own: &Driver) -> Option<Service> {
        if request.path.starts_with("/_") || self.lock().running.is_empty() {
            return None;
        }
        let credentials = Credentials::of(request, self.usual.sign_key_header.as_deref())?;
        let knows =
            |driver: &Driver| driver.look(|engine, _| credentials.are_of(engine.simulator().access()));
        if knows(own) {
            return None;
        }
        // Nobody waits for the list of all while one of them is asked.
        let all: Vec<Service> = self.lock().running.values().map(|running| running.service.clone()).collect();
        all.into_iter().find(|service| knows(service.driver()))
    }

    /// A namespace with the credentials that a state begins with.
    fn credentials(&self, beginning: &Beginning, fresh: Namespace) -> Namespace {
        let Namespace { name, base_url, callback_url, .. } = fresh;
        match &beginning.namespace {
            Some(its) => {
                let callback_url = callback_url.or_else(|| its.callback_url.clone());
                Namespace { name, base_url, callback_url, ..its.clone() }
            }
            None => Namespace {
                name,
                base_url,
                callback_url,
                app_key: self.usual.account.app_key.clone(),
                app_secret: self.usual.account.app_secret.clone(),
                sign_key: self.usual.account.sign_key.clone(),
                secret: self.usual.own_secret.clone(),
                seed: None,
            },
        }
    }
}

/// What a request says of who makes it.
enum Credentials<'a> {
    Token(&'a str),
    AppKey(String),
    SignKey(&'a str),
}

impl<'a> Credentials<'a> {
    fn of(request: &'a HttpRequest, sign_key_header: Option<&str>) -> Option<Self> {
        if let Some(key) = sign_key_header.and_then(|header| request.header(header)) {
            return Some(Self::SignKey(key.trim()));
        }
        if let Some((_, token)) =
            request.header("authorization").and_then(|header| header.trim().split_once(' '))
        {
            return Some(Self::Token(token.trim()));
        }
        let fields = decode(request, Family::Cloud).ok()?.fields;
        Some(Self::AppKey(fields.get("APPKey")?.as_str()?.to_owned()))
    }

    fn are_of(&self, access: &Access) -> bool {
        match self {
            Self::Token(token) => access.has_given(token),
            Self::AppKey(key) => access.by_app_key(key).is_some(),
            Self::SignKey(key) => access.iter().any(|account| account.sign_key == *key),
        }
    }
}

impl Beside for Registry {
    fn find(&self, request: &HttpRequest, own: &Driver) -> Option<Found> {
        let by_path = request.path.strip_prefix(PREFIX).map(|rest| {
            let (name, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            (name.to_owned(), if rest.is_empty() { "/".to_owned() } else { rest.to_owned() })
        });
        let by_header = || Some((request.header(HEADER)?.to_owned(), request.path.clone()));
        let Some((name, path)) = by_path.or_else(by_header) else {
            let service = self.by_credentials(request, own)?;
            return Some(Found::There(Box::new(service), request.path.clone()));
        };
        Some(match self.lock().running.get(&name) {
            Some(running) => Found::There(Box::new(running.service.clone()), path),
            None => Found::Missing(name),
        })
    }

    fn left(&self) -> Vec<(String, Left)> {
        let left = |running: &Running| running.service.driver().left();
        self.lock().running.iter().map(|(name, running)| (name.clone(), left(running))).collect()
    }

    fn hits(&self) -> Hits {
        let mut all = Hits::default();
        for running in self.lock().running.values() {
            running.service.driver().look(|engine, _| all.merge(engine.hits()));
        }
        all
    }

    fn close(&self) {
        let running = std::mem::take(&mut self.lock().running);
        // Whoever reads a stream of a journal is told the end.
        running.values().for_each(|running| running.service.end_journal());
    }
}

impl Namespaces for Registry {
    fn create(
        &self,
        wanted: NewNamespace,
        speed: Option<Speed>,
    ) -> Pin<Box<dyn Future<Output = Result<Namespace, NamespaceError>> + Send + '_>> {
        Box::pin(self.make(wanted, speed, None))
    }

    fn branch(
        &self,
        wanted: NewNamespace,
        speed: Speed,
        from: Moment,
    ) -> Pin<Box<dyn Future<Output = Result<Namespace, NamespaceError>> + Send + '_>> {
        Box::pin(self.make(wanted, Some(speed), Some(from)))
    }

    fn origin(&self, name: &str) -> Option<Origin> {
        self.lock().running.get(name).map(|running| running.service.origin())
    }

    fn list(&self) -> Vec<Namespace> {
        self.lock().running.values().map(|running| running.shown.clone()).collect()
    }

    fn reset(&self, name: &str) -> Result<Option<Namespace>, NamespaceError> {
        let found = self.lock().running.get(name).map(|it| (it.service.clone(), it.shown.clone()));
        let Some((service, shown)) = found else { return Ok(None) };
        service.reset().map_err(NamespaceError::Wrong)?;
        Ok(Some(shown))
    }

    fn remove(&self, name: &str) -> bool {
        let removed = self.lock().running.remove(name);
        // Whoever reads a stream of its journal is told the end.
        if let Some(running) = &removed {
            running.service.end_journal();
        }
        removed.is_some()
    }
}

//! Namespaces: separate mocks behind one address.
//!
//! A namespace is a complete mock: engine, clock, API, journal. It shares only the address and the initial settings, so that
//! nothing leaks from one namespace to another.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard};

use jiff::Timestamp;
use rand::RngExt;
use tokio::sync::oneshot;

use super::StartError;
use super::assembly::{Beside, Found, Service};
use super::memory;
use crate::api::decode;
use crate::console::{Beginning, Moment, Namespace, NamespaceError, Namespaces, NewNamespace, Origin};
use crate::contract::Family;
use crate::engine::{Driver, Left, Speed};
use crate::journal::Hits;
use crate::net::HttpRequest;
use crate::seed::{Seed, hex32};
use crate::simulator::{Access, Account};
use crate::sync::lock;

/// The first part of the path of requests to a namespace.
const PREFIX: &str = "/_ns/";

/// The header that selects the namespace of a request instead of its path.
const HEADER: &str = "x-mock-namespace";

/// Maximum number of namespaces; each has its own state and journal.
const MOST: usize = 2_000;

/// The characters of keys: of the vendor's base64 alphabet those that need no escape in a form.
const OF_KEYS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The length of the vendor's APPKey and APPSecret.
const KEY_LENGTH: usize = 22;

/// Returns a key in the form of the vendor's APPKey and APPSecret.
fn key(seed: Seed, what: &str) -> String {
    let mut rng = seed.stream(what, 0);
    (0..KEY_LENGTH).map(|_| char::from(OF_KEYS[rng.random_range(0..OF_KEYS.len())])).collect()
}

/// What namespaces share with the main mock.
#[derive(Clone, Debug)]
pub(super) struct Usual {
    /// The URL of the mock: `http://127.0.0.1:2478`.
    pub(super) base_url: String,
    /// The URL of callbacks.
    pub(super) callback_url: Option<String>,
    pub(super) seed: Seed,
    /// The secret, if the signature scheme may not accept a generated one.
    pub(super) secret: Option<String>,
    /// The header that names the key of a chatbot request, in lower case, if there is one.
    pub(super) sign_key_header: Option<String>,
    /// The first account of the main mock, and the secret that signs its callbacks.
    pub(super) account: Account,
    pub(super) own_secret: String,
}

/// The configuration of a new namespace.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) namespace: Namespace,
    pub(super) seed: Seed,
    pub(super) speed: Option<Speed>,
    pub(super) epoch: Option<Timestamp>,
}

/// Makes the mock of a namespace.
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
    /// The names of the namespaces being created, with their numbers.
    reserved: BTreeMap<String, u64>,
    /// The highest number of the namespaces created so far.
    made: u64,
}

/// A name reserved for a namespace until this value is dropped.
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

/// A running namespace. It ends when it is dropped.
#[derive(Debug)]
struct Running {
    service: Service,
    shown: Namespace,
    _stop: oneshot::Sender<()>,
}

impl Running {
    /// Drives a mock until this value is dropped.
    fn new(service: Service, shown: Namespace) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let driver = service.driver().clone();
        tokio::spawn(async move {
            driver
                .drive(async {
                    // The sender is dropped with the namespace.
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
        // A panic while the lock is held leaves no partial change.
        lock(&self.state)
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
        // The name is part of the seed. Without a requested seed the number is part of it too.
        let given = wanted.seed.map(|seed| u64::try_from(seed.get()).unwrap_or_default());
        let seed = match given {
            Some(seed) => Seed(seed).derive(&name, 0),
            None => self.usual.seed.derive(&name, number),
        };
        let word = |what: &str| format!("{:016x}", seed.derive(what, 0).0);
        let mut shown = Namespace {
            base_url: format!("{}{PREFIX}{name}", self.usual.base_url),
            app_key: key(seed, "app key"),
            app_secret: key(seed, "app secret"),
            sign_key: hex32(&mut seed.stream("sign key", 0)),
            secret: wanted.secret.or_else(|| self.usual.secret.clone()).unwrap_or_else(|| word("secret")),
            callback_url: wanted.callback_url,
            seed: given,
            name: name.clone(),
        };
        if let Some(from) = &from {
            shown = self.credentials(&from.beginning, shown);
        }
        let wrong = |error: StartError| {
            NamespaceError::Wrong(match error {
                // It is read by whoever controls the mock, who may have no builder.
                StartError::CallbackHost(error) => error.to_string(),
                other => other.to_string(),
            })
        };
        let asked = Asked { namespace: shown.clone(), seed, speed, epoch };
        let service = (self.make)(&asked).map_err(wrong)?;
        let refused = |error: crate::net::NotAllowed| wrong(error.into());
        service.check_callback_urls().await.map_err(refused)?;
        if let Some(from) = from {
            // All inputs of the other mock are replayed, which may take seconds.
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

    /// Reserves a name and a number. Only namespaces that are created count, so that a refused one has no effect on later
    /// ones.
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

    /// Returns the namespace whose credentials a request has: its token, its APPKey if it fetches a token, or its key if it is
    /// signed.
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
        // Clone the list first, so that the registry is not locked while drivers are.
        let all: Vec<Service> = self.lock().running.values().map(|running| running.service.clone()).collect();
        all.into_iter().find(|service| knows(service.driver()))
    }

    /// Returns a namespace with the credentials of a state's beginning.
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

/// The credentials in a request.
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
        // Readers that stream a journal see the end.
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
        let Some(running) = self.lock().running.remove(name) else { return false };
        // Readers that stream its journal see the end.
        running.service.end_journal();
        memory::freed();
        true
    }
}

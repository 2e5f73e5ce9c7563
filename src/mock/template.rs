//! A listening mock, and the template of its namespaces.

use std::sync::Arc;

use jiff::Timestamp;

use super::assembly::Service;
use super::assembly::{Assembly, reached_url};
use super::beginning::SharedBeginning;
use super::builder::{Builder, Options, Rest};
use super::destinations::CallbackUrl;
use super::namespaces::{Asked, Registry, Usual};
use super::remake::{self, Remake};
use super::{Folder, Prepared, StartError};
use crate::console::{Beginning, Namespace};
use crate::engine::Speed;
use crate::http::Server;
use crate::net::Via;
use crate::scenario::StoryRun;
use crate::seed::Seed;
use crate::settings::DEFAULT_LISTEN;
use crate::simulator::Account;

/// The default configuration of a mock's namespaces: that of the mock itself.
#[derive(Clone, Debug)]
struct Template {
    prepared: Prepared,
    options: Options,
    /// The stories of the main mock, and the moment from which they count.
    stories: Arc<[StoryRun]>,
    began: Timestamp,
    /// The URL of the mock: `http://127.0.0.1:2478`.
    base_url: String,
}

impl Builder {
    /// Builds everything: the mock listens, and [`Assembly::drive`] moves time.
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
        let at = server.local_addr();
        self.options.listens_on = Some(at.ip());
        let folder = self.folder.take();
        let secured = self.options.secured.clone();
        let scheme = Via { tls: secured.as_ref().is_some_and(|secured| secured.tls), proxy: false }.scheme();
        let url = reached_url(scheme, at);
        self.public_url = Some(url.clone());
        let (engine, rest) = self.split()?;
        let limits = rest.prepared.settings.limits.clone();
        let template = Arc::new(Template::of(&rest, &url));
        let of_namespaces = Arc::clone(&template);
        let make = move |asked: &Asked| of_namespaces.namespace(asked);
        let registry = Arc::new(Registry::new(template.usual(), make));
        let can_go_back = rest.options.can_go_back;
        let mut service = rest.service(engine)?.beside(Arc::clone(&registry) as _, registry);
        let stories = (!template.stories.is_empty()).then_some(template.began);
        let beginning = Beginning { seed: template.options.seed.0, stories, namespace: None };
        let beginning = SharedBeginning::new(beginning);
        if can_go_back {
            service = template.with_again(service, beginning.clone(), template.options.epoch, None);
        }
        service.check_callback_urls().await?;
        if let Some(folder) = folder {
            go_on(&service, folder, beginning)?;
        }
        let (server, proxy) = match secured {
            None => (server, None),
            Some(secured) => {
                let tls = secured.issue(&template.prepared.settings, at.ip())?;
                let proxy = secured.proxy(&tls, service.driver().clone())?;
                (if secured.tls { server.with_tls(tls) } else { server }, proxy)
            }
        };
        Ok(Assembly::new(service, (server, url), proxy, limits))
    }
}

/// Lets a mock continue from the state in a folder, and keeps its state there. A clock that runs with real time has advanced
/// meanwhile; any other was stopped.
fn go_on(service: &Service, folder: Folder, beginning: SharedBeginning) -> Result<(), StartError> {
    let driver = service.driver();
    let (now, speed) = (driver.look(|_, now| now), driver.speed());
    let path = folder.path().display().to_string();
    driver.forget_inputs();
    remake::replay(service, folder.inputs()).map_err(|error| StartError::Again { path, error })?;
    let then = folder.inputs().last().map(|input| input.at);
    let away = folder.written().and_then(|written| written.elapsed().ok()).unwrap_or_default();
    let from = match then {
        None => now,
        Some(then) if speed == Speed::Times(1.0) => then.checked_add(away).unwrap_or(then),
        Some(then) => then,
    };
    driver.store_inputs(folder.into_store(beginning));
    driver.go_on(from, speed);
    service.api().resume_late();
    Ok(())
}

impl Template {
    /// Lets a mock with this beginning be put back.
    fn with_again(
        self: &Arc<Self>,
        service: Service,
        beginning: SharedBeginning,
        epoch: Option<Timestamp>,
        own: Option<Namespace>,
    ) -> Service {
        let template = Arc::clone(self);
        let again = Remake::new(&service, beginning, epoch, move |beginning| {
            template.again(beginning, own.as_ref()).service()
        });
        service.with_again(Arc::new(again))
    }

    /// Returns the builder of a mock with this beginning. If it replaces a namespace, it keeps the namespace's base URL and
    /// callback URL.
    fn again(&self, beginning: &Beginning, own: Option<&Namespace>) -> Builder {
        let Beginning { seed, stories, namespace } = beginning;
        let mut prepared = self.prepared.clone();
        let mut callback_url = None;
        if let Some(own) = own {
            prepared.settings.public_url = Some(own.base_url.clone());
            callback_url.clone_from(&own.callback_url);
        }
        let builder = match namespace {
            Some(namespace) => {
                let base_url = own.unwrap_or(namespace).base_url.clone();
                self.builder(&Namespace { base_url, ..namespace.clone() }, Seed(*seed), None)
            }
            None => {
                let mut builder = self.usual_builder(prepared, Seed(*seed), None);
                builder.public_url =
                    Some(own.map_or_else(|| self.base_url.clone(), |own| own.base_url.clone()));
                match stories {
                    Some(began) => {
                        let later = began.duration_since(self.began);
                        builder.stories(self.stories.iter().map(|story| story.fresh(later)).collect())
                    }
                    None => builder,
                }
            }
        };
        match callback_url {
            Some(url) => builder.callback_url(url),
            None => builder,
        }
    }

    /// Returns a mock for a namespace.
    fn namespace(self: &Arc<Self>, asked: &Asked) -> Result<Service, StartError> {
        let Asked { namespace, seed, speed, epoch } = asked;
        let mut builder = self.builder(namespace, *seed, *speed);
        if let Some(epoch) = epoch {
            builder = builder.epoch(*epoch);
        }
        let service = builder.service()?;
        let beginning = Beginning { seed: seed.0, stories: None, namespace: Some(namespace.clone()) };
        let own = Some(namespace.clone());
        let beginning = SharedBeginning::new(beginning);
        Ok(if self.options.can_go_back { self.with_again(service, beginning, *epoch, own) } else { service })
    }

    fn of(rest: &Rest, url: &str) -> Self {
        // A URL that only stands in for those of stories is nothing to namespaces.
        let callback_url = CallbackUrl::given(rest.options.callback_url.only());
        let public_url = rest.prepared.settings.public_url.clone();
        Self {
            prepared: rest.prepared.clone(),
            options: Options { callback_url, ..rest.options.clone() },
            stories: Arc::clone(&rest.stories),
            began: rest.epoch,
            base_url: public_url.unwrap_or_else(|| url.to_owned()),
        }
    }

    fn usual(&self) -> Usual {
        let settings = &self.prepared.settings;
        Usual {
            base_url: self.base_url.clone(),
            callback_url: self.options.callback_url.only().or(settings.callback_url.as_ref()).cloned(),
            seed: self.options.seed,
            // The signature scheme decides the form of secrets.
            secret: settings.signature.is_some().then(|| settings.secret.clone()),
            sign_key_header: self
                .prepared
                .signer
                .scheme()
                .key
                .as_ref()
                .map(|key| key.name.to_ascii_lowercase()),
            account: settings.accounts.first().cloned().unwrap_or_default(),
            own_secret: settings.secret.clone(),
        }
    }

    /// Returns the builder of a namespace.
    fn builder(&self, namespace: &Namespace, seed: Seed, speed: Option<Speed>) -> Builder {
        let mut settings = self.prepared.settings.clone();
        settings.secret.clone_from(&namespace.secret);
        settings.public_url = Some(namespace.base_url.clone());
        let usual = settings.accounts.first().cloned().unwrap_or_default();
        settings.accounts = vec![Account {
            name: namespace.name.clone(),
            app_key: namespace.app_key.clone(),
            app_secret: namespace.app_secret.clone(),
            sign_key: namespace.sign_key.clone(),
            sign_secret: None,
            ..usual
        }];
        let builder = match Prepared::new(settings) {
            Ok(prepared) => self.usual_builder(prepared, seed, speed),
            Err(error) => Builder::new(Err(error)),
        };
        match &namespace.callback_url {
            Some(url) => builder.callback_url(url),
            None => builder,
        }
    }

    /// Returns a builder with what the mock and its namespaces share.
    fn usual_builder(&self, prepared: Prepared, seed: Seed, speed: Option<Speed>) -> Builder {
        let speed = speed.unwrap_or(self.options.speed);
        Builder::with(Ok(prepared), Options { seed, speed, epoch: None, ..self.options.clone() })
    }
}

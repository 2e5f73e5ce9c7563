//! A mock that listens, and what the namespaces beside it are like unless they ask for something else.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::assembly::{Assembly, reached_url};
use super::builder::{Builder, Rest};
use super::namespaces::{Asked, Registry, Usual};
use super::{Prepared, StartError};
use crate::engine::{Callers, Pace, Speed};
use crate::http::Server;
use crate::journal::KeptLimits;
use crate::seed::Seed;
use crate::settings::DEFAULT_LISTEN;
use crate::simulator::Account;

/// What the namespaces of a mock are like unless they ask for something else: as the mock itself.
#[derive(Clone, Debug)]
struct Template {
    prepared: Prepared,
    /// The callback URL that wins over those of the settings, if one was given.
    callback_url: Option<String>,
    seed: Seed,
    speed: Speed,
    callers: Callers,
    pace: Pace,
    max_in_flight: usize,
    kept: KeptLimits,
    show_secrets: bool,
    /// How the mock is reached: `http://127.0.0.1:2478`.
    base_url: String,
    /// The address that the mock listens on.
    listens_on: IpAddr,
}

impl Builder {
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
        self.listens_on = Some(server.local_addr().ip());
        let (engine, rest) = self.split()?;
        let limits = rest.prepared.settings.limits.clone();
        let template = Template::of(&rest, server.local_addr());
        let registry =
            Arc::new(Registry::new(template.usual(), move |asked| template.builder(asked).service()));
        let service = rest.service(engine)?.beside(Arc::clone(&registry) as _, registry);
        service.check_callback_urls().await?;
        Ok(Assembly::new(service, server, limits))
    }
}

impl Template {
    fn of(rest: &Rest, address: SocketAddr) -> Self {
        let public_url = rest.prepared.settings.public_url.clone();
        Self {
            prepared: rest.prepared.clone(),
            callback_url: rest.callback_url.clone(),
            seed: rest.seed,
            speed: rest.speed,
            callers: rest.callers,
            pace: rest.pace,
            max_in_flight: rest.max_in_flight,
            kept: rest.kept_limits,
            show_secrets: rest.lines.show_secrets,
            base_url: public_url.unwrap_or_else(|| reached_url(address)),
            listens_on: address.ip(),
        }
    }

    fn usual(&self) -> Usual {
        let settings = &self.prepared.settings;
        Usual {
            base_url: self.base_url.clone(),
            callback_url: self.callback_url.clone().or_else(|| settings.callback_url.clone()),
            seed: self.seed,
            // The signature scheme says what secrets look like.
            secret: settings.signature.is_some().then(|| settings.secret.clone()),
        }
    }

    /// A mock for a namespace.
    fn builder(&self, Asked { namespace, seed, speed, epoch }: &Asked) -> Builder {
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
        let builder = Builder::new(Prepared::new(settings))
            .seed(seed.0)
            .speed(speed.unwrap_or(self.speed))
            .callers(self.callers)
            .pace(self.pace)
            .max_in_flight(self.max_in_flight)
            .kept(self.kept)
            .show_secrets(self.show_secrets)
            .listens_on(self.listens_on);
        let builder = match epoch {
            Some(epoch) => builder.epoch(*epoch),
            None => builder,
        };
        match namespace.callback_url.as_ref().or(self.callback_url.as_ref()) {
            Some(url) => builder.callback_url(url),
            None => builder,
        }
    }
}

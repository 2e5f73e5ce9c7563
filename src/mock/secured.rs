//! TLS for the mock, and its proxy.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use super::StartError;
use crate::contract::VENDOR_HOSTS;
use crate::engine::Driver;
use crate::http::{Authority, Refused, Server, ServerTls};
use crate::journal::Event;
use crate::net::Target;
use crate::settings::Settings;
use crate::sync::lock;

/// The beginning of the note about a host that the proxy refused.
pub(crate) const PROXY_REFUSED: &str = "the proxy refused ";

/// Maximum number of refused hosts that are noted in the journal, each once.
const MOST_NOTED: usize = 100;

/// What a mock issues certificates for.
#[derive(Clone, Debug)]
pub(crate) struct Secured {
    /// The authority that issues them.
    pub(crate) authority: Arc<Authority>,
    /// Whether the mock's own address uses TLS.
    pub(crate) tls: bool,
    /// The address of a proxy for clients that connect to the vendor's hosts, if there is one.
    pub(crate) proxy: Option<String>,
    /// Hosts that the proxy serves in addition to the vendor's.
    pub(crate) proxied: Vec<String>,
}

impl Secured {
    /// Issues a certificate for all names of a mock.
    pub(super) fn issue(&self, settings: &Settings, listens_on: IpAddr) -> Result<ServerTls, StartError> {
        let is_one = |host: &String| !host.contains(['*', '/']);
        let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let address = (!listens_on.is_unspecified()).then(|| listens_on.to_string());
        let mut all = Vec::new();
        let others = names(settings, self.proxied.iter().cloned()).into_iter().filter(is_one);
        for name in own.into_iter().chain(address).chain(others) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        Ok(self.authority.issue(&all)?)
    }

    /// Returns the hosts that the proxy serves.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = String> {
        VENDOR_HOSTS.into_iter().map(str::to_owned).chain(self.proxied.iter().cloned())
    }

    /// Starts the proxy, if there is one.
    pub(super) fn proxy(&self, tls: &ServerTls, driver: Driver) -> Result<Option<Server>, StartError> {
        let Some(address) = &self.proxy else { return Ok(None) };
        let noted: Mutex<BTreeSet<String>> = Mutex::default();
        // Many programs do not tell their users why a proxy refused them.
        let note = move |refused: &Refused| {
            let Refused::Host { host, .. } = refused else { return };
            // A panic while the lock is held leaves no partial change.
            let mut noted = lock(&noted);
            if noted.len() < MOST_NOTED && noted.insert(host.clone()) {
                driver.with(|engine, now| {
                    let text =
                        format!("{PROXY_REFUSED}`{host}`, which it does not play (add --proxy-host {host})");
                    engine.journal().write(now, None, Event::Note(text));
                });
            }
        };
        let server = Server::bind(address).map_err(|error| StartError::Proxy(error.of_flag("--proxy")))?;
        Ok(Some(server.with_proxy(tls.clone(), self.hosts(), note)))
    }
}

/// Returns the names of a mock besides those of this machine.
pub(super) fn names(settings: &Settings, proxied: impl IntoIterator<Item = String>) -> Vec<String> {
    let public = settings.public_url.as_ref().and_then(|url| url.parse::<Target>().ok());
    let public = public.map(|url| url.host().to_owned());
    let vendor = VENDOR_HOSTS.map(str::to_owned);
    settings.hosts.iter().cloned().chain(public).chain(vendor).chain(proxied).collect()
}

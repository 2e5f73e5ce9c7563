//! `serve` with TLS and a proxy.

use std::sync::Arc;

use crate::cli::authority::CaDir;
use crate::cli::{CommandError, argument};
use crate::mock::Secured;
use crate::net::Via;

/// TLS, and the proxy.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct SecuredArgs {
    /// Use TLS at the address, with a certificate of your own authority, which is created on first use. `airudder-mock
    /// ca` shows how to make programs trust it.
    #[arg(long)]
    tls: bool,
    /// Also act as a proxy at this address, for programs with https://api.airudder.com hard-coded: with
    /// https_proxy=http://ADDR their requests reach this mock. The proxy forwards nothing to other hosts.
    #[arg(long, value_name = "ADDR")]
    proxy: Option<String>,
    /// Another host that the proxy redirects to the mock, besides api.airudder.com and detection.airudder.com. May be
    /// given more than once.
    #[arg(long = "proxy-host", value_name = "HOST", requires = "proxy", value_parser = argument::host)]
    proxy_hosts: Vec<String>,
    #[command(flatten)]
    ca: CaDir,
}

impl SecuredArgs {
    /// Returns how requests to the address itself arrive.
    pub(super) fn via(&self) -> Via {
        Via { tls: self.tls, proxy: false }
    }

    /// Opens the certificate authority, if TLS or the proxy needs it.
    pub(super) fn open(&self) -> Result<Option<Secured>, CommandError> {
        if !self.tls && self.proxy.is_none() {
            return Ok(None);
        }
        Ok(Some(Secured {
            authority: Arc::new(self.ca.open()?),
            tls: self.tls,
            proxy: self.proxy.clone(),
            proxied: self.proxy_hosts.clone(),
        }))
    }
}

/// Returns the lines of the start page about them.
pub(super) fn lines(secured: Option<&Secured>, proxy: Option<String>) -> Vec<String> {
    let Some(secured) = secured else { return Vec::new() };
    let proxy = proxy.map(|url| {
        let hosts = secured.hosts().collect::<Vec<_>>().join(", ");
        format!("proxy             https_proxy={url}   for {hosts}")
    });
    let file = secured.authority.file();
    let authority =
        format!("certificates      of {}   (`airudder-mock ca` shows how to trust it)", file.display());
    proxy.into_iter().chain([authority]).collect()
}

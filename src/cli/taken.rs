//! Finds out which program occupies an address, as far as it responds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::CommandError;
use super::remote::Remote;
use crate::files::visible;
use crate::http::BindError;
use crate::mock::StartError;

/// Time limit for the program to identify itself.
const PATIENCE: Duration = Duration::from_secs(1);

/// Maximum number of namespaces listed.
const NAMED: usize = 5;

/// Explains why a mock could not start. If its address is taken by another mock, that is included.
pub(super) async fn why(error: StartError) -> CommandError {
    match error {
        StartError::Listen(error) => by_whom(error).await,
        StartError::Proxy(error) if matches!(error, BindError::InUse { .. }) => by_whom(error).await,
        other => other.into(),
    }
}

/// Explains why an address can't be listened on, and what listens there already.
pub(super) async fn by_whom(error: BindError) -> CommandError {
    let BindError::InUse { addr, flag } = &error else { return CommandError::start(error) };
    match mock_at(*addr).await {
        Some(who) => CommandError::start(format!(
            "{addr} is taken by another mock, {who}: stop it, use it in place of this one, or give this one a free port \
             with {flag} 127.0.0.1:0 and send your requests there"
        )),
        // Another program listens there, or it does not respond.
        None => CommandError::start(error),
    }
}

/// Describes the mock that listens there, with TLS or without, if it is one.
async fn mock_at(address: SocketAddr) -> Option<String> {
    let reached = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let reached = SocketAddr::new(reached, address.port());
    let ask = |scheme: &'static str| async move { timeout(PATIENCE, mock(reached, scheme)).await.ok()? };
    let (plain, tls) = tokio::join!(ask("http"), async {
        // No one can intercept connections between two programs of this machine, so the certificate does not matter there.
        if reached.ip().is_loopback() { ask("https").await } else { None }
    });
    plain.or(tls)
}

/// Returns what the mock there says about itself: its version and its namespaces.
async fn mock(address: SocketAddr, scheme: &str) -> Option<String> {
    let url = format!("{scheme}://{address}");
    let remote = Remote::whoever(&url).ok()?;
    let health = remote.ask("ready", Value::Null).await.ok()?;
    let (name, version) = (health["name"].as_str()?, health["version"].as_str()?);
    let listing = remote.ask("namespaces", Value::Null).await.unwrap_or_default();
    let names = listing["namespaces"].as_array().into_iter().flatten();
    let names: Vec<&str> = names.filter_map(|one| one["name"].as_str()).collect();
    let at = if scheme == "https" { format!(" at {url}") } else { String::new() };
    let beside = match names.as_slice() {
        [] => String::new(),
        some => {
            let more = if some.len() > NAMED { ", ..." } else { "" };
            format!(" with the namespaces {}{more}", some[..some.len().min(NAMED)].join(", "))
        }
    };
    Some(visible(&format!("{name} {version}{at}{beside}")).into_owned())
}

//! An address that is taken: by whom, as far as who listens there says so.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::CommandError;
use super::remote::Remote;
use crate::files::visible;
use crate::http::BindError;
use crate::mock::StartError;

/// How long whoever listens there may take to say who it is.
const PATIENCE: Duration = Duration::from_millis(300);

/// So many namespaces are named.
const NAMED: usize = 5;

/// Why a mock could not start. If its address is taken by another mock, that is said.
pub(super) async fn why(error: StartError) -> CommandError {
    let StartError::Listen(BindError::InUse { addr, .. }) = &error else { return error.into() };
    match timeout(PATIENCE, mock_at(*addr)).await {
        Ok(Some(who)) => CommandError::start(format!(
            "{addr} is taken by another mock, {who}: use that one, stop it, or give this one a free port with --listen \
             127.0.0.1:0"
        )),
        // Something else listens there, or it does not say.
        Ok(None) | Err(_) => error.into(),
    }
}

/// The mock that listens there, if it is one: its version and its namespaces.
async fn mock_at(address: SocketAddr) -> Option<String> {
    let reached = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let remote = Remote::at(&format!("http://{}", SocketAddr::new(reached, address.port()))).ok()?;
    let health = remote.ask("ready", Value::Null).await.ok()?;
    let (name, version) = (health["name"].as_str()?, health["version"].as_str()?);
    let listing = remote.ask("namespaces", Value::Null).await.unwrap_or_default();
    let names = listing["namespaces"].as_array().into_iter().flatten();
    let names: Vec<&str> = names.filter_map(|one| one["name"].as_str()).collect();
    let beside = match names.as_slice() {
        [] => String::new(),
        some => {
            let more = if some.len() > NAMED { ", ..." } else { "" };
            format!(" with the namespaces {}{more}", some[..some.len().min(NAMED)].join(", "))
        }
    };
    Some(visible(&format!("{name} {version}{beside}")).into_owned())
}

//! Preparation of a load: its stories are compiled or prepared for simulation, and its receiver is resolved.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::compile::{Context, NotCompilable, StoryTemplate};
use super::options::Options;
use crate::delivery::Failure;
use crate::http::{Tls, TlsError, TlsPlan};
use crate::net::{Guard, NotAllowed, Target, TargetError};
use crate::scenario::Story;

/// How long a connection may take before the next address is tried.
const CONNECTING: Duration = Duration::from_secs(2);

/// Stories ready to be sent at any rate.
#[derive(Debug)]
pub struct Load<'a> {
    pub(super) context: Context<'a>,
    pub(super) options: Options,
    /// The stories as request templates. Otherwise they are simulated on the engine: for the given reason, or because the
    /// user asked for it.
    pub(super) templates: Result<Arc<[StoryTemplate]>, Option<NotCompilable>>,
    pub(super) target: Arc<Target>,
    /// All that its host stands for, in the order in which they are tried; at least one.
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) tls: Option<TlsPlan>,
    pub(super) guard: Guard,
}

/// Why a load can't begin.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// There is no story.
    #[error("there is no story")]
    NoStory,
    /// There is no callback URL.
    #[error(
        "there is no callback URL: say where the load goes with --callback-url; `airudder-mock receive` shows what \
         arrives"
    )]
    NoTarget,
    /// A story's own callback URL is invalid.
    #[error("{url}: {error}")]
    Target {
        /// As written.
        url: String,
        /// What is wrong with it.
        error: TargetError,
    },
    /// The receiver's host has no address.
    #[error("{}", .0.message)]
    Unresolved(Failure),
    /// The receiver is neither on loopback nor allowed by the user.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// TLS can't be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl<'a> Load<'a> {
    /// Compiles the stories and resolves the receiver.
    ///
    /// # Errors
    ///
    /// If there is no receiver, or it can't be used.
    pub fn prepare(context: Context<'a>, guard: &Guard, mut options: Options) -> Result<Self, PrepareError> {
        options.in_flight = options.in_flight.max(1);
        let templates = if options.simulated { Err(None) } else { compile(&context, &options).map_err(Some) };
        let target = match &templates {
            Ok(templates) => Arc::clone(&templates.first().ok_or(PrepareError::NoStory)?.target),
            Err(_) => target(&context, &options.stories)?,
        };
        let addresses = addresses(&target, guard)?;
        let tls = match templates {
            Ok(_) => Tls::new(&context.settings.tls, options.protocol.alpn())?.plan(&target)?,
            // The mock of a simulation has a client of its own.
            Err(_) => None,
        };
        Ok(Self { context, options, templates, target, addresses, tls, guard: guard.clone() })
    }

    /// Returns the receiver as its URL names it.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Returns the address to send to: of several, the first that accepts a connection now. A name such as `localhost` may
    /// also resolve to addresses where no server listens.
    pub(super) async fn address(&self) -> SocketAddr {
        let first = self.addresses[0];
        if self.addresses.len() > 1 { reachable(&self.addresses).await.unwrap_or(first) } else { first }
    }

    /// Returns why the stories have to be simulated, with their pauses and waits, if they could not be compiled.
    pub fn simulated_because(&self) -> Option<&NotCompilable> {
        self.templates.as_ref().err()?.as_ref()
    }

    /// Whether the stories are simulated.
    pub(super) fn is_simulated(&self) -> bool {
        self.templates.is_err()
    }
}

fn compile(context: &Context<'_>, options: &Options) -> Result<Arc<[StoryTemplate]>, NotCompilable> {
    let today = Timestamp::now();
    let mut templates = Vec::new();
    for (number, (story, _)) in options.stories.iter().enumerate() {
        let seed = options.seed.derive("load story", number as u64);
        let compiled = StoryTemplate::compile(context, story, seed, today);
        let named = |why| NotCompilable::Story { story: story.name.clone(), why: Box::new(why) };
        templates.push(compiled.map_err(named)?);
    }
    let is_one_server = templates.windows(2).all(|pair| pair[0].target.origin() == pair[1].target.origin());
    if is_one_server { Ok(templates.into()) } else { Err(NotCompilable::SeveralServers) }
}

/// Finds where the callbacks go, as far as that is known beforehand.
fn target(context: &Context<'_>, stories: &[(Arc<Story>, u32)]) -> Result<Arc<Target>, PrepareError> {
    let own = stories.iter().find_map(|(story, _)| story.callback_url_text());
    match (context.target, own) {
        (Some(target), own) if context.target_wins || own.is_none() => Ok(Arc::clone(target)),
        (_, Some(url)) => {
            url.parse().map(Arc::new).map_err(|error| PrepareError::Target { url: url.to_owned(), error })
        }
        // Routes may be the only place that says where callbacks go.
        (_, None) => match context.settings.routes.targets(context.catalog).into_iter().next() {
            Some(target) => Ok(Arc::new(target)),
            None => Err(PrepareError::NoTarget),
        },
    }
}

/// Returns the addresses of a target that may be connected to; at least one.
fn addresses(target: &Target, guard: &Guard) -> Result<Vec<SocketAddr>, PrepareError> {
    guard.consider(target.host())?;
    let unknown = |error: Option<&io::Error>| PrepareError::Unresolved(Failure::unresolved(target, error));
    let found = (target.host(), target.port()).to_socket_addrs().map_err(|error| unknown(Some(&error)))?;
    let admitted = guard.admit(target.host(), &found.collect::<Vec<_>>())?;
    if admitted.is_empty() { Err(unknown(None)) } else { Ok(admitted) }
}

/// The first of these addresses that takes a connection.
async fn reachable(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    for address in addresses {
        if let Ok(Ok(_)) = timeout(CONNECTING, TcpStream::connect(address)).await {
            return Some(*address);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn of_several_addresses_the_one_is_taken_where_somebody_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = listener.local_addr().unwrap();
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(reachable(&[nobody, there]).await, Some(there));
        assert_eq!(reachable(&[nobody]).await, None);
    }
}

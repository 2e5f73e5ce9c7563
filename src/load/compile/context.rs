//! The environment in which stories are simulated: that of `run`, without the network.

use std::sync::Arc;

use serde_json::Value;

use crate::contract::Catalog;
use crate::contract::signature::Signer;
use crate::mock::{Builder, CallbackUrl, Options, Prepared};
use crate::net::Target;
use crate::seed::Seed;
use crate::settings::{AssumedFile, Settings};

/// The environment in which stories are simulated.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The settings.
    pub settings: &'a Settings,
    /// The catalog of endpoints and callbacks.
    pub catalog: &'a Arc<Catalog>,
    /// Signs callbacks.
    pub signer: &'a Signer,
    /// The signers of those routes that have a secret of their own, by index.
    pub route_signers: &'a [Option<Signer>],
    /// Where callbacks go unless a story says otherwise.
    pub target: Option<&'a Arc<Target>>,
    /// Whether that takes precedence over a story's own URL.
    pub target_wins: bool,
    /// Variables of the stories, in place of those of the files.
    pub set: &'a [(String, Value)],
}

impl Context<'_> {
    /// Builds the mock that stories run in, with a journal that is not read. At most `in_flight` attempts are made at a
    /// time.
    pub(crate) fn builder(&self, seed: Seed, in_flight: usize) -> Builder {
        let mut settings = self.settings.clone();
        if settings.assumed == AssumedFile::Warn {
            // A note at each first use would be repeated for each of many engines.
            settings.assumed = AssumedFile::Serve;
        }
        let prepared = Prepared {
            settings,
            catalog: Arc::clone(self.catalog),
            signer: self.signer.clone(),
            route_signers: self.route_signers.to_vec(),
        };
        let callback_url = match self.target.map(|target| target.to_string()) {
            Some(url) if self.target_wins => CallbackUrl::Only(url),
            Some(url) => CallbackUrl::Default(url),
            None => CallbackUrl::OfSettings,
        };
        let options = Options { callback_url, seed, max_in_flight: in_flight, ..Options::default() };
        Builder::with(Ok(prepared), options).expects_callbacks()
    }
}

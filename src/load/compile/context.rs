//! What stories are simulated with: the world of `run`, but for the network.

use std::sync::Arc;

use serde_json::Value;

use crate::contract::Catalog;
use crate::contract::signature::Signer;
use crate::engine::EngineOptions;
use crate::journal::Journal;
use crate::net::Target;
use crate::seed::Seed;
use crate::settings::{AssumedFile, Settings};
use crate::simulator::user_endpoints::Custom;

/// What stories are simulated with.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The settings.
    pub settings: &'a Settings,
    /// The list of what exists.
    pub catalog: &'a Arc<Catalog>,
    /// Signs callbacks.
    pub signer: &'a Signer,
    /// Where callbacks go unless a story says otherwise.
    pub target: Option<&'a Arc<Target>>,
    /// Whether that wins over a story's own URL.
    pub target_wins: bool,
    /// Variables of the stories, in place of those of the files.
    pub set: &'a [(String, Value)],
}

impl Context<'_> {
    /// Everything an engine needs, with a journal that nobody reads. At most `in_flight` attempts are made at a time.
    pub(crate) fn engine(&self, seed: Seed, in_flight: usize, mock_url: &str) -> EngineOptions {
        EngineOptions {
            catalog: Arc::clone(self.catalog),
            signer: self.signer.clone(),
            default_target: self.target.cloned(),
            target_wins: self.target_wins,
            policy: Arc::new(self.settings.policy.clone()),
            assumed: match self.settings.assumed {
                AssumedFile::Warn => AssumedFile::Serve,
                other => other,
            },
            seed,
            behaviour: self.settings.behaviour(mock_url, true),
            faults: self.settings.faults.clone(),
            custom: Custom::new(&self.settings.custom, seed),
            max_in_flight: in_flight,
            journal: Journal::default(),
        }
    }
}

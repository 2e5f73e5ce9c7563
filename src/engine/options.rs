//! The options of an engine.

use std::sync::Arc;

use crate::contract::Catalog;
use crate::contract::envelope::CorrectedCodes;
use crate::contract::signature::Signer;
use crate::delivery::Policy;
use crate::faults::FaultFile;
use crate::journal::Journal;
use crate::seed::Seed;
use crate::settings::{AssumedFile, Routes};
use crate::simulator::Behaviour;

/// The options of an engine.
#[derive(Debug)]
pub struct EngineOptions {
    /// The catalog with the user's corrections.
    pub catalog: Arc<Catalog>,
    /// Signs callbacks.
    pub signer: Signer,
    /// The URL of callbacks unless a story or a route sets another. It has been checked.
    pub callback_url: Option<String>,
    /// Whether `callback_url` wins over those of stories and routes, because it was given on the command line.
    pub url_wins: bool,
    /// The callbacks with another URL, secret or delivery.
    pub routes: Routes,
    /// The signers with the secrets of the routes.
    pub route_signers: Vec<Option<Signer>>,
    /// The delivery policy unless a story or a route sets another.
    pub policy: Arc<Policy>,
    /// What happens at the first use of an assumed entry.
    pub assumed: AssumedFile,
    /// The seed of everything that belongs to no story.
    pub seed: Seed,
    /// How the simulated vendor behaves.
    pub behaviour: Behaviour,
    /// The faults, except those of stories.
    pub faults: Vec<FaultFile>,
    /// The replacements for codes of refusals.
    pub codes: CorrectedCodes,
    /// Maximum number of attempts in flight.
    pub max_in_flight: usize,
    /// The journal, with its sinks.
    pub journal: Journal,
}

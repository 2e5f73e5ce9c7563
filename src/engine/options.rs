//! What an engine is made of.

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

/// What an engine is made of.
#[derive(Debug)]
pub struct EngineOptions {
    /// The list of what exists, with the user's corrections.
    pub catalog: Arc<Catalog>,
    /// Signs callbacks.
    pub signer: Signer,
    /// Where callbacks go unless a story or a route says otherwise: a URL that reads.
    pub callback_url: Option<String>,
    /// Whether `callback_url` wins over those of stories and routes: it was given on the command line.
    pub url_wins: bool,
    /// Which callbacks go elsewhere, or are signed or delivered otherwise.
    pub routes: Routes,
    /// What signs by the secrets of the routes.
    pub route_signers: Vec<Option<Signer>>,
    /// How callbacks are delivered unless a story or a route says otherwise.
    pub policy: Arc<Policy>,
    /// What happens at the first use of something assumed.
    pub assumed: AssumedFile,
    /// The seed of what belongs to no story.
    pub seed: Seed,
    /// How the simulated vendor behaves.
    pub behaviour: Behaviour,
    /// What goes wrong on purpose with calls, beside what stories want.
    pub faults: Vec<FaultFile>,
    /// Other codes of refusals.
    pub codes: CorrectedCodes,
    /// How many attempts may be in flight.
    pub max_in_flight: usize,
    /// The journal, with its sinks.
    pub journal: Journal,
}

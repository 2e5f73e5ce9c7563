//! What an engine is made of.

use std::sync::Arc;

use crate::contract::Catalog;
use crate::contract::signature::Signer;
use crate::delivery::Policy;
use crate::faults::FaultFile;
use crate::journal::Journal;
use crate::net::Target;
use crate::seed::Seed;
use crate::settings::AssumedFile;
use crate::simulator::Behaviour;

/// What an engine is made of.
#[derive(Debug)]
pub struct EngineOptions {
    /// The list of what exists, with the user's corrections.
    pub catalog: Arc<Catalog>,
    /// Signs callbacks.
    pub signer: Signer,
    /// Where callbacks go unless a story says otherwise.
    pub default_target: Option<Arc<Target>>,
    /// Whether `default_target` wins over a story's own URL: it was given on the command line.
    pub target_wins: bool,
    /// How the simulator's own callbacks are delivered outside of stories.
    pub policy: Arc<Policy>,
    /// What happens at the first use of something assumed.
    pub assumed: AssumedFile,
    /// The seed of what belongs to no story.
    pub seed: Seed,
    /// How the simulated vendor behaves.
    pub behaviour: Behaviour,
    /// What goes wrong on purpose with calls, beside what stories want.
    pub faults: Vec<FaultFile>,
    /// How many attempts may be in flight.
    pub max_in_flight: usize,
    /// The journal, with its sinks.
    pub journal: Journal,
}

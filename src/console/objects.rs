//! `GET /_mock/objects`: lists the objects of the simulated vendor.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::World;
use super::endpoint::Answered;
use super::refused::Refused;
use crate::contract::fields::Whole;
use crate::simulator::{AccountView, AgentView, ObjectCounts, ObjectView};

/// Default for the number of objects shown of each kind.
const LIMIT: usize = 50;

/// How many.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Ask {
    /// Maximum number of each kind, the newest ones. Default: 50.
    limit: Option<Whole<1, 10_000>>,
}

/// The objects.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Objects {
    /// Plans, tasks, tasks of the dialer, instances of workflows, campaigns: newest first of each kind.
    objects: Vec<ObjectView>,
    /// How many there are of each kind, listed or not.
    totals: ObjectCounts,
    /// The agents of the dialer.
    agents: Vec<AgentView>,
    /// The accounts, and when their tokens expire.
    accounts: Vec<AccountView>,
}

/// Lists the objects.
pub(super) async fn list(world: World, ask: Ask) -> Result<Answered<Objects>, Refused> {
    let most = ask.limit.map_or(LIMIT, Whole::count);
    Ok(Answered::ok(world.driver.look(|engine, now| {
        let simulator = engine.simulator();
        Objects {
            objects: simulator.objects(most),
            totals: simulator.object_counts(),
            agents: simulator.agents(),
            accounts: simulator.accounts(now),
        }
    })))
}

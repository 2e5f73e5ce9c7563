//! *Obtain the list of strategies* and *create a dialing plan with strategy*.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::create_task::{LONGEST_NAME, Schedule};
use super::rows::RefusedRow;
use super::{Calling, unknown};
use crate::contract::fields::Text;
use crate::simulator::endpoint::{Assumed, Both, NoFields};
use crate::simulator::ids::Kind;
use crate::simulator::{Refusal, Request, Simulator};

/// The strategies of the account (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StrategyList {
    /// All of them.
    list: Vec<StrategySummary>,
}

/// A strategy (assumed).
#[derive(Debug, Serialize, JsonSchema)]
struct StrategySummary {
    /// The strategy, 32 hex.
    #[serde(rename = "StrategyID")]
    strategy_id: String,
    /// Its name.
    #[serde(rename = "StrategyName")]
    strategy_name: String,
    /// Maximum number of rounds.
    #[serde(rename = "Rounds")]
    rounds: usize,
}

/// `GET /service/cloud/strategy` (assumed): lists the strategies. The vendor's users create them in its console; here they are
/// settings.
pub(super) fn strategies(
    simulator: &mut Simulator,
    _: NoFields,
    _: &Request<'_>,
) -> Result<StrategyList, Refusal> {
    let calling = &simulator.calling;
    let list = calling.rules.strategies.iter().enumerate().map(|(at, strategy)| StrategySummary {
        strategy_id: calling.strategy_id(at),
        strategy_name: strategy.name.clone(),
        rounds: strategy.rounds.len(),
    });
    Ok(StrategyList { list: list.collect() })
}

/// `POST /service/cloud/plan` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct CreatePlan {
    /// A name of at most 63 characters, unique within the account.
    #[serde(rename = "PlanName")]
    name: Text<LONGEST_NAME>,
    /// The id of a strategy, 32 hex digits, or its name.
    #[serde(rename = "StrategyID")]
    strategy: String,
}

/// The plan that was created (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PlanCreated {
    /// The plan, 32 hex.
    #[serde(rename = "PlanID")]
    plan_id: String,
    /// The rows that were refused; the plan consists of the others. Left out if every row was accepted.
    #[serde(rename = "detail_error_list", skip_serializing_if = "Option::is_none")]
    refused: Option<Vec<RefusedRow>>,
}

/// Creates a plan. Its first round begins at once if its start has passed.
pub(super) fn create_plan(
    simulator: &mut Simulator,
    Both(asked, Assumed(schedule)): Both<CreatePlan, Assumed<Schedule>>,
    request: &Request<'_>,
) -> Result<PlanCreated, Refusal> {
    let Simulator { calling, context, .. } = simulator;
    let strategy = calling.find_strategy(&asked.strategy)?;
    let mut order = schedule.order(asked.name.into_string(), request)?;
    calling.check_order(context, &mut order, request)?;
    calling.check_plan_name(request.account, &order.name, strategy)?;
    let (rows, refused) = calling.read_rows(context, &order, request)?;
    let key = calling.add_plan(context, order, strategy, rows, refused.count);
    if let Some(first) = calling.plans[key].rounds.first().map(|round| round.task) {
        calling.begin_at_once(context, first);
    }
    let named = |reason: &str| context.row_reason(request.id, "Details", reason);
    Ok(PlanCreated { plan_id: calling.plan_id(key), refused: refused.into_list(named) })
}

impl Calling {
    /// Returns the strategy of this id or name.
    fn find_strategy(&self, asked: &str) -> Result<usize, Refusal> {
        let strategies = &self.rules.strategies;
        let by_id = self.ids.open(Kind::Strategy, asked).map(|(at, ..)| at as usize);
        let by_name = || strategies.iter().position(|strategy| strategy.name == asked);
        let found = by_id.filter(|at| *at < strategies.len()).or_else(by_name);
        found.ok_or_else(|| {
            let refusal = unknown("strategy", "StrategyID", asked);
            Refusal { message: format!("{}: GET the list of strategies", refusal.message), ..refusal }
        })
    }
}

//! `/_mock/calls` and `/_mock/agents`: a test or a person plays the called people and the agents of the dialer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::World;
use super::endpoint::{Answered, Done};
use super::refused::Refused;
use crate::contract::fields::Whole;
use crate::files::suggest::{did_you_mean, nearest};
use crate::simulator::calling::{CallError, CallView, Outcome};
use crate::simulator::dialer::{AgentAct, AgentError};

/// Default for the number of calls listed.
const LISTED: usize = 50;

/// Which calls.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ListAsk {
    /// Maximum number of calls, the longest ones first. Default: 50.
    limit: Option<Whole<1, 10_000>>,
}

/// The calls in progress.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Calls {
    /// The calls of calling tasks, plans and workflows.
    calls: Vec<CallView>,
    /// How many there are, listed or not.
    total: usize,
}

/// Lists the calls under way.
pub(super) async fn list(world: World, ask: ListAsk) -> Result<Answered<Calls>, Refused> {
    let most = ask.limit.map_or(LISTED, Whole::count);
    Ok(Answered::ok(world.driver.look(|engine, now| {
        let simulator = engine.simulator();
        Calls { calls: simulator.calls(most, now), total: simulator.count_calls() }
    })))
}

/// The reaction of the called person.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct AnswerAsk {
    /// The call, by its `CallID`.
    call: String,
    /// The outcome: `talked`, `hung_up`, `voicemail`, `no_answer`, `busy`, `switched_off`, `out_of_area`, `invalid_number`
    /// or `do_not_call`.
    outcome: String,
    /// With `talked`: what the person wants, `A` to `I`. Default: random.
    intention: Option<String>,
}

/// Sets the outcome of a call.
pub(super) async fn answer(world: World, ask: AnswerAsk) -> Result<Answered<Done>, Refused> {
    let words = || Outcome::ALL.iter().map(|outcome| outcome.as_str());
    let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == ask.outcome);
    let outcome = outcome.ok_or_else(|| {
        let near = did_you_mean(nearest(&ask.outcome, words()));
        let known = words().collect::<Vec<_>>().join(", ");
        Refused::wrong(format!(
            "there is no outcome `{}`{near}; the outcomes are {known}",
            ask.outcome.escape_debug()
        ))
    })?;
    let intention = match ask.intention.as_deref().map(str::as_bytes) {
        None => None,
        Some([letter @ b'A'..=b'I']) if outcome == Outcome::Talked => Some(*letter),
        Some(_) => {
            return Err(Refused::wrong(
                "intention must be a letter from A to I, and needs the outcome `talked`",
            ));
        }
    };
    world.change(|engine, now| {
        let done = engine.simulator().answer_call(&ask.call, outcome, intention, now);
        done.map(|()| Answered::ok(Done {})).map_err(|error| match error {
            CallError::NoCall(_) => Refused::missing(error.to_string()),
            CallError::Answered(_) => Refused::new(409, error.to_string()),
        })
    })
}

/// An action of an agent, exactly one.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct AgentAsk {
    /// The agent's name, as `objects` lists it.
    agent: String,
    /// Goes on a break (`true`) or comes back (`false`): an agent on a break gets no calls.
    #[serde(rename = "break")]
    break_: Option<bool>,
    /// Takes the ringing call (`true`).
    take: Option<bool>,
    /// Rejects it (`true`).
    reject: Option<bool>,
    /// Ends the call (`true`).
    hang_up: Option<bool>,
    /// Saves this result of the finished call: `Promise to pay`.
    save: Option<String>,
}

/// Makes an agent act.
pub(super) async fn agent(world: World, ask: AgentAsk) -> Result<Answered<Done>, Refused> {
    let AgentAsk { agent, break_, take, reject, hang_up, save } = ask;
    let wants = |wanted: Option<bool>, act: AgentAct| (wanted == Some(true)).then_some(act);
    let acts = [
        break_.map(AgentAct::Break),
        wants(take, AgentAct::Take),
        wants(reject, AgentAct::Reject),
        wants(hang_up, AgentAct::HangUp),
        save.map(AgentAct::Save),
    ];
    let mut acts = acts.into_iter().flatten();
    let (Some(act), None) = (acts.next(), acts.next()) else {
        return Err(Refused::wrong(
            "give exactly one action of the agent: `break`, `take`, `reject`, `hang_up` or `save`",
        ));
    };
    world.change(|engine, now| {
        let done = engine.simulator().agent_acts(&agent, &act, now);
        done.map(|()| Answered::ok(Done {})).map_err(|error| {
            let status = match error {
                AgentError::NoAgent { .. } => 404,
                AgentError::NoResult { .. } => 400,
                AgentError::NothingRings(..) | AgentError::NoTalk(..) | AgentError::NothingToSave(..) => 409,
            };
            Refused::new(status, error.to_string())
        })
    })
}

//! Agents of the dialer played from outside: they go on a break, take and reject calls, hang up, and save results.
//!
//! The mock itself does whatever is not played: an agent who is not played takes the call a moment later.

use jiff::Timestamp;

use super::draw::RESULTS;
use super::{Dialer, PoolKey, TaskKey};
use crate::files::suggest::{did_you_mean, nearest};
use crate::simulator::cause::CauseId;
use crate::simulator::context::Context;
use crate::simulator::ending::Ending;
use crate::simulator::object_view::AgentView;

/// The decisions about a call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Played {
    /// Whether the agent takes it, whatever the drawn course.
    pub(super) is_taken: bool,
    /// The result to be saved.
    pub(super) result: Option<usize>,
}

/// An action of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentAct {
    /// Goes on a break, or returns from it.
    Break(bool),
    /// Takes the ringing call.
    Take,
    /// Rejects the ringing call.
    Reject,
    /// Ends the talk.
    HangUp,
    /// Saves this result of the finished talk.
    Save(String),
}

/// Why an action of an agent is not possible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// There is no agent of this name.
    #[error("there is no agent `{name}`{near}")]
    NoAgent {
        /// The requested name.
        name: String,
        /// The agent who was probably meant, or why there is none.
        near: String,
    },
    /// No call rings at the agent.
    #[error("no call rings at `{0}`, who {1}")]
    NothingRings(String, &'static str),
    /// The agent has no talk.
    #[error("`{0}` is not on a call, but {1}")]
    NoTalk(String, &'static str),
    /// The agent has no result to save.
    #[error("`{0}` has no call result to save, but {1}")]
    NothingToSave(String, &'static str),
    /// There is no such result.
    #[error("there is no result `{result}`{near}; the results are {known}")]
    NoResult {
        /// The requested result.
        result: String,
        /// The result that was probably meant.
        near: String,
        /// The existing results.
        known: String,
    },
}

impl Dialer {
    pub(in crate::simulator) fn agent_acts(
        &mut self,
        context: &mut Context,
        name: &str,
        act: &AgentAct,
        now: Timestamp,
    ) -> Result<(), AgentError> {
        let (pool, at) = self.agent_named(name)?;
        let agent = &mut self.pools[pool.0].agents[at];
        let call = agent.call;
        if let AgentAct::Break(on_break) = act {
            agent.on_break = *on_break;
            if !on_break && !agent.is_busy {
                let cause = self.free_agent(pool, at).unwrap_or(context.last_cause());
                context.resume(cause, now);
                self.next_waiting(context, pool, at);
                self.fill(context, pool);
            }
            return Ok(());
        }
        let does = self.doing(call, at, pool);
        let name = || name.to_owned();
        let is =
            |wanted: fn(&super::CallRow) -> bool| call.filter(|(key, call)| wanted(self.call(*key, *call)));
        let (key, call) = match act {
            AgentAct::Break(_) => return Ok(()),
            AgentAct::Take | AgentAct::Reject => {
                is(|row| row.rings_at_agent()).ok_or_else(|| AgentError::NothingRings(name(), does))?
            }
            AgentAct::HangUp => is(|row| row.is_talking()).ok_or_else(|| AgentError::NoTalk(name(), does))?,
            AgentAct::Save(_) => is(|row| row.ending.is_some() && !row.is_saved)
                .ok_or_else(|| AgentError::NothingToSave(name(), does))?,
        };
        context.resume(self.tasks[key].cause, now);
        let row = *self.call(key, call);
        let ends_with = match act {
            AgentAct::Break(_) => return Ok(()),
            AgentAct::Take => {
                self.played.entry((key, row.contact, row.nth)).or_default().is_taken = true;
                self.pick_up(context, key, call);
                return Ok(());
            }
            AgentAct::Save(result) => {
                let known = || RESULTS.iter().map(|(label, _)| *label);
                let at = known().position(|label| label.eq_ignore_ascii_case(result.trim()));
                let at = at.ok_or_else(|| AgentError::NoResult {
                    result: result.clone(),
                    near: did_you_mean(nearest(result, known())),
                    known: known().collect::<Vec<_>>().join(", "),
                })?;
                self.played.entry((key, row.contact, row.nth)).or_default().result = Some(at);
                self.save_result(context, key, call);
                return Ok(());
            }
            AgentAct::Reject => Ending::Rejected,
            AgentAct::HangUp => Ending::TalkedByAgent,
        };
        self.end(context, key, call, ends_with);
        self.fill(context, pool);
        Ok(())
    }

    /// Returns the cause of one of the agent's tasks, to which the effects of the agent's return belong.
    fn free_agent(&self, pool: PoolKey, agent: usize) -> Option<CauseId> {
        let pool = &self.pools[pool.0];
        let waiting = pool.waiting.iter().map(|(key, _)| *key).chain(pool.queue.iter().copied());
        let mut served = waiting.filter(|key| self.tasks[*key].settings.agents.contains(&agent));
        served.next().map(|key| self.tasks[key].cause)
    }

    fn agent_named(&self, name: &str) -> Result<(PoolKey, usize), AgentError> {
        let all = || {
            self.pools.iter().enumerate().flat_map(|(pool, it)| {
                it.agents.iter().enumerate().map(move |(at, agent)| (PoolKey(pool), at, agent))
            })
        };
        let found = all().find(|(_, _, agent)| agent.name == name).map(|(pool, at, _)| (pool, at));
        found.ok_or_else(|| {
            let near = match self.pools.is_empty() {
                true => ": they come to work with the first task of the dialer".to_owned(),
                false => did_you_mean(nearest(name, all().map(|(_, _, agent)| agent.name.as_str()))),
            };
            AgentError::NoAgent { name: name.escape_debug().to_string(), near }
        })
    }

    /// Describes the agent's activity in words.
    fn doing(&self, call: Option<(TaskKey, u32)>, agent: usize, pool: PoolKey) -> &'static str {
        match call.map(|(key, call)| self.call(key, call)) {
            Some(row) if row.rings_at_agent() => "has a call that rings",
            Some(row) if row.is_talking() => "talks",
            Some(_) => "is writing down the result of a call",
            None if self.pools[pool.0].agents[agent].on_break => "is on a break",
            None => "is free",
        }
    }

    /// Returns the agents who have come to work.
    pub(in crate::simulator) fn agents_seen(&self) -> impl Iterator<Item = AgentView> {
        self.pools.iter().flat_map(|pool| &pool.agents).map(|agent| {
            let row = agent.call.map(|(key, call)| (key, self.call(key, call)));
            AgentView {
                name: agent.name.clone(),
                busy: agent.is_busy,
                on_break: agent.on_break,
                doing: match row {
                    Some((_, row)) if row.rings_at_agent() => "ringing",
                    Some((_, row)) if row.is_talking() => "talking",
                    Some(_) => "result",
                    None if agent.on_break => "break",
                    None => "free",
                },
                number: row.map(|(key, row)| format!("+{}", self.tasks[key].number_of(row))),
                calls: agent.calls,
            }
        })
    }
}

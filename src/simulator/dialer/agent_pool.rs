//! The agents of a group of an account: their states, their statistics of the day, and the answered calls that wait for them.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::TaskKey;

/// An agent.
#[derive(Clone, Debug)]
pub(super) struct Agent {
    pub(super) name: String,
    /// Whether the agent has a call, or still has to save its result.
    pub(super) is_busy: bool,
    /// Whether the agent is on a break: no new call arrives, and one in progress goes on.
    pub(super) on_break: bool,
    /// The call of the agent, or the call whose result is to be saved.
    pub(super) call: Option<(TaskKey, u32)>,
    /// Since when the agent has been free. The agent who has waited longest gets the next call.
    free_since: Timestamp,
    /// Number of calls dialled for this agent that no agent has taken yet.
    pub(super) pending: u32,
    online_since: Timestamp,
    day: Date,
    pub(super) calls: i64,
    pub(super) seconds: i64,
    /// Total time of calls on hold today, in seconds.
    pub(super) on_hold: i64,
    /// How often each result was saved today.
    pub(super) results: BTreeMap<usize, i64>,
}

impl Agent {
    fn is_free(&self) -> bool {
        !self.is_busy && !self.on_break
    }
}

/// The agents of a group of an account.
#[derive(Clone, Debug)]
pub(super) struct AgentPool {
    pub(super) agents: Vec<Agent>,
    zone: Offset,
    /// The tasks that may have something to dial, in turn.
    pub(super) queue: VecDeque<TaskKey>,
    /// The answered calls that wait for an agent, the longest first.
    pub(super) waiting: VecDeque<(TaskKey, u32)>,
}

impl AgentPool {
    /// Creates the pool. All agents come to work when the first task is created.
    pub(super) fn new(names: &[String], zone: Offset, now: Timestamp) -> Self {
        let agent = |name: &String| Agent {
            name: name.clone(),
            is_busy: false,
            on_break: false,
            call: None,
            free_since: now,
            pending: 0,
            online_since: now,
            day: zone.to_datetime(now).date(),
            calls: 0,
            seconds: 0,
            on_hold: 0,
            results: BTreeMap::new(),
        };
        Self {
            agents: names.iter().map(agent).collect(),
            zone,
            queue: VecDeque::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Returns the agent, among these, for whom another number may be dialled now, with `factor` numbers for each free agent.
    pub(super) fn room(&self, of: &[usize], factor: f64) -> Option<usize> {
        let agents = || of.iter().filter_map(|at| Some((*at, self.agents.get(*at)?)));
        let free = agents().filter(|(_, agent)| agent.is_free()).count();
        let pending: u32 = agents().map(|(_, agent)| agent.pending).sum();
        // A factor below 1 slows a task down, but does not stop it.
        if f64::from(pending) >= (free as f64 * factor).floor().max(1.0) {
            return None;
        }
        let free = agents().filter(|(_, agent)| agent.is_free());
        free.min_by_key(|(at, agent)| (agent.pending, *at)).map(|(at, _)| at)
    }

    /// Returns the free agent among these who has waited longest.
    pub(super) fn free(&self, of: &[usize]) -> Option<usize> {
        let agents = of.iter().filter_map(|at| Some((*at, self.agents.get(*at)?)));
        agents
            .filter(|(_, agent)| agent.is_free())
            .min_by_key(|(at, agent)| (agent.free_since, *at))
            .map(|(at, _)| at)
    }

    pub(super) fn release(&mut self, agent: usize, now: Timestamp) {
        self.agents[agent].is_busy = false;
        self.agents[agent].call = None;
        self.agents[agent].free_since = now;
    }

    /// Returns an agent with the statistics of the present day; those of an earlier day are reset.
    pub(super) fn today(&mut self, agent: usize, now: Timestamp) -> &mut Agent {
        let day = self.zone.to_datetime(now).date();
        let agent = &mut self.agents[agent];
        if agent.day != day {
            agent.day = day;
            (agent.calls, agent.seconds, agent.on_hold) = (0, 0, 0);
            agent.results.clear();
        }
        agent
    }

    /// Returns how long an agent was at work today, in seconds.
    pub(super) fn online(&self, agent: usize, now: Timestamp) -> i64 {
        let midnight = self
            .zone
            .to_timestamp(self.zone.to_datetime(now).date().to_datetime(jiff::civil::Time::midnight()));
        let since = self.agents[agent].online_since.max(midnight.unwrap_or(Timestamp::MIN));
        now.duration_since(since).as_secs().max(0)
    }
}

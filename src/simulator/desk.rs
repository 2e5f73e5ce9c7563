//! Control of the people who are called, and of the agents of the dialer.

use jiff::Timestamp;

use super::Simulator;
use super::calling::{CallError, CallView, Outcome};
use super::dialer::{AgentAct, AgentError};
use super::workflow::Workflow;

impl Simulator {
    /// Returns up to `most` calls under way, the longest first.
    pub fn calls(&self, most: usize, now: Timestamp) -> Vec<CallView> {
        self.calling.calls_seen(now).take(most).collect()
    }

    /// Returns the number of calls under way.
    pub fn count_calls(&self) -> usize {
        self.calling.count_calls()
    }

    /// Lets the called person act while it rings; `intention` is a letter.
    ///
    /// # Errors
    ///
    /// If there is no such call, or if it does not ring.
    pub fn answer_call(
        &mut self,
        call: &str,
        outcome: Outcome,
        intention: Option<u8>,
        now: Timestamp,
    ) -> Result<(), CallError> {
        let Self { calling, context, .. } = self;
        calling.answer_call(context, call, (outcome, intention), now)
    }

    /// Lets an agent of the dialer act.
    ///
    /// # Errors
    ///
    /// If there is no such agent, or if the agent has no call for the act.
    pub fn agent_acts(&mut self, name: &str, act: &AgentAct, now: Timestamp) -> Result<(), AgentError> {
        let Self { dialer, context, .. } = self;
        let done = dialer.agent_acts(context, name, act, now);
        // A row of a workflow goes on when its call ends.
        Workflow::take_ended(self);
        done
    }
}

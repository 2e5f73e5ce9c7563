//! Somebody plays the people who are called, and the agents of the dialer.

use jiff::Timestamp;

use super::Simulator;
use super::calling::{CallError, CallView, Outcome};
use super::dialer::{AgentAct, AgentError};
use super::workflow::Workflow;

impl Simulator {
    /// The calls under way, the longest first.
    pub fn calls(&self, most: usize, now: Timestamp) -> Vec<CallView> {
        self.calling.calls_seen(now).take(most).collect()
    }

    /// The person called does something, as long as it rings; `intention` is a letter.
    ///
    /// # Errors
    ///
    /// There is no such call, or it does not ring.
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

    /// An agent of the dialer does something.
    ///
    /// # Errors
    ///
    /// There is no such agent, or nothing to do it with.
    pub fn agent_acts(&mut self, name: &str, act: &AgentAct, now: Timestamp) -> Result<(), AgentError> {
        let Self { dialer, context, .. } = self;
        let done = dialer.agent_acts(context, name, act, now);
        // A row of a workflow goes on when its call ends.
        Workflow::take_ended(self);
        done
    }
}

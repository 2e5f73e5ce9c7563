//! From the answer of a call to its result: the call waits for an agent, rings at the agent, is talked and ends, and the agent
//! saves the result.

use std::time::Duration;

use super::callbacks::CallState;
use super::mock_outcome::Twist;
use super::{Dialer, PoolKey, TaskKey};
use crate::simulator::calling::Outcome;
use crate::simulator::context::Context;
use crate::simulator::ending::Ending;
use crate::simulator::timer::DialerTimer;
use crate::time::later;

/// How long the recognition of a machine takes (assumed).
const NOTICING: Duration = Duration::from_secs(3);

fn seconds(number: impl Into<u64>) -> Duration {
    Duration::from_secs(number.into())
}

impl Dialer {
    pub(super) fn answer(&mut self, context: &mut Context, key: TaskKey, call: u32) {
        let row = self.call_mut(key, call);
        row.answer(context.now);
        let (contact, row) = (row.contact, *row);
        let course = self.course(key, &row);
        let task = &mut self.tasks[key];
        task.contacts.list[contact as usize].answered = true;
        let detects = task.settings.detects_machines;
        self.emit_contact_status(context, key, call, CallState::Answered);
        match course.outcome {
            Outcome::Voicemail if detects => {
                context.plan(later(context.now, NOTICING), (key, DialerTimer::End(call, Ending::Machine)));
                return;
            }
            Outcome::HungUp => {
                context.plan(
                    later(context.now, seconds(course.talk)),
                    (key, DialerTimer::End(call, Ending::Abandoned)),
                );
                return;
            }
            _ => {}
        }
        self.tasks[key].reached += 1;
        let task = &self.tasks[key];
        let pool = task.pool;
        let agent = self.pools[pool.0].free(&task.settings.agents);
        let avoids = matches!(course.twist, Twist::NoAgent | Twist::Leaves);
        match agent.filter(|_| !avoids) {
            Some(agent) => {
                self.assign(context, key, call, agent);
                self.fill(context, pool);
            }
            None => {
                self.call_mut(key, call).waits = true;
                if !avoids {
                    self.pools[pool.0].waiting.push_back((key, call));
                }
                context.plan(later(context.now, seconds(course.waits)), (key, DialerTimer::GiveUp(call)));
            }
        }
    }

    /// Ends an answered call that no agent could take.
    pub(super) fn give_up(&mut self, context: &mut Context, key: TaskKey, call: u32) {
        let row = *self.call(key, call);
        if !row.waits {
            return;
        }
        let pool = self.tasks[key].pool;
        self.pools[pool.0].waiting.retain(|waiting| *waiting != (key, call));
        self.tasks[key].lost += 1;
        let ending = if self.course(key, &row).leaves_queue { Ending::Left } else { Ending::NoAgent };
        self.end(context, key, call, ending);
        self.fill(context, pool);
    }

    /// Stops counting a call against the free agents.
    fn close_slot(&mut self, key: TaskKey, call: u32) {
        let pool = self.tasks[key].pool;
        let row = self.call_mut(key, call);
        if std::mem::take(&mut row.is_open) {
            let slot = usize::from(row.slot);
            self.pools[pool.0].agents[slot].pending -= 1;
        }
    }

    fn assign(&mut self, context: &mut Context, key: TaskKey, call: u32, agent: usize) {
        let pool = self.tasks[key].pool;
        self.close_slot(key, call);
        self.call_mut(key, call).assign(agent);
        self.pools[pool.0].agents[agent].is_busy = true;
        self.pools[pool.0].agents[agent].call = Some((key, call));
        self.emit_agent_status(context, key, call, CallState::Calling);
        self.emit_agent_status(context, key, call, CallState::Ringing);
        let pickup = self.course(key, self.call(key, call)).pickup;
        context.plan(later(context.now, seconds(pickup)), (key, DialerTimer::PickUp(call)));
    }

    pub(super) fn pick_up(&mut self, context: &mut Context, key: TaskKey, call: u32) {
        // An agent played from outside was faster.
        if !self.call(key, call).rings_at_agent() {
            return;
        }
        let course = self.course(key, self.call(key, call));
        let ending = match course.twist {
            Twist::Rejects => Ending::Rejected,
            Twist::Network => Ending::Network,
            Twist::HangsUp => Ending::HungUp,
            _ => {
                self.call_mut(key, call).talk(context.now);
                self.emit_agent_status(context, key, call, CallState::Answered);
                let ending = if course.by_user { Ending::TalkedByUser } else { Ending::TalkedByAgent };
                context.plan(later(context.now, seconds(course.talk)), (key, DialerTimer::End(call, ending)));
                return;
            }
        };
        self.end(context, key, call, ending);
        self.fill(context, self.tasks[key].pool);
    }

    /// Ends a call. The caller of this function lets the pool dial afterwards.
    pub(super) fn end(&mut self, context: &mut Context, key: TaskKey, call: u32, ending: Ending) {
        self.close_slot(key, call);
        let row = self.call_mut(key, call);
        row.end(ending, context.now);
        let row = *row;
        let pool = self.tasks[key].pool;
        if let Some(agent) = row.agent().filter(|_| ending.talked()) {
            let hold = self.course(key, &row).hold;
            let agent = self.pools[pool.0].today(agent, context.now);
            agent.calls += 1;
            agent.seconds += row.talk_seconds();
            agent.on_hold += i64::from(hold);
        }
        self.emit_contact_status(context, key, call, CallState::Hangup);
        let Some(agent) = row.agent() else {
            return self.settle(context, key, row.contact, ending);
        };
        self.emit_agent_status(context, key, call, CallState::Hangup);
        if ending.talked() {
            let wrap_up = seconds(self.course(key, &row).wrap_up).min(self.tasks[key].settings.wrap_up);
            context.plan(later(context.now, wrap_up), (key, DialerTimer::Result(call)));
        } else {
            self.release(context, pool, agent);
            self.settle(context, key, row.contact, ending);
        }
    }

    /// Saves the result of a call and frees its agent.
    pub(super) fn save_result(&mut self, context: &mut Context, key: TaskKey, call: u32) {
        if std::mem::replace(&mut self.call_mut(key, call).is_saved, true) {
            return;
        }
        let row = *self.call(key, call);
        let pool = self.tasks[key].pool;
        let result = self.course(key, &row).result;
        if let Some(agent) = row.agent() {
            *self.pools[pool.0].today(agent, context.now).results.entry(result).or_default() += 1;
            self.emit_agent_status(context, key, call, CallState::TalkResult);
            self.release(context, pool, agent);
        }
        if let Some(ending) = row.ending {
            self.settle(context, key, row.contact, ending);
        }
        self.fill(context, pool);
    }

    /// Frees an agent and connects the call of the agent's tasks that has waited longest.
    fn release(&mut self, context: &mut Context, pool: PoolKey, agent: usize) {
        self.pools[pool.0].release(agent, context.now);
        self.next_waiting(context, pool, agent);
    }

    /// Connects the call that has waited longest to an agent, unless the agent is on a break.
    pub(super) fn next_waiting(&mut self, context: &mut Context, pool: PoolKey, agent: usize) {
        if self.pools[pool.0].agents[agent].on_break {
            return;
        }
        let serves = |(key, _): &&(TaskKey, u32)| self.tasks[*key].settings.agents.contains(&agent);
        let next = self.pools[pool.0].waiting.iter().find(serves).copied();
        if let Some((key, call)) = next {
            self.pools[pool.0].waiting.retain(|waiting| *waiting != (key, call));
            self.assign(context, key, call, agent);
        }
    }
}

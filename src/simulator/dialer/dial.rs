//! From a task's creation to its end: it begins, pauses, dials as many numbers as its free agents allow, dials again, and ends.
//!
//! The cost of a call does not depend on the number of contacts: a pool has a queue of tasks with something to dial, a task has
//! a position in its list and a queue of redials, and only the calls under way wait in the agenda.

use std::time::Duration;

use jiff::Timestamp;

use super::call::CallRow;
use super::callbacks::CallState;
use super::contacts::ContactStatus;
use super::draw::{CallCourse, course};
use super::mock_outcome::{DialerMockOutcome, Twist};
use super::task::State;
use super::{Dialer, PoolKey, TaskKey};
use crate::simulator::calling::Outcome;
use crate::simulator::context::Context;
use crate::simulator::ending::Ending;
use crate::simulator::timer::DialerTimer;
use crate::time::later;

/// How long a line takes to cut a call (assumed).
const FUSING: Duration = Duration::from_millis(1_200);

/// The result of a task's turn.
enum Turn {
    Dial(u32, usize),
    /// No agent is free for the task.
    Full,
    /// There is nothing to dial before this moment.
    Later(Timestamp),
    Nothing,
}

impl Dialer {
    pub(super) fn created(&mut self, context: &mut Context, key: TaskKey) {
        if self.tasks[key].state == State::Creating {
            self.enter(context, key, State::NotStarted);
        }
    }

    /// Sets the state of a task, and sends a notice of it.
    fn enter(&mut self, context: &mut Context, key: TaskKey, state: State) {
        self.tasks[key].state = state;
        self.emit_task_status(context, key);
    }

    pub(super) fn start(&mut self, context: &mut Context, key: TaskKey) {
        if self.tasks[key].state != State::NotStarted {
            return;
        }
        self.tasks[key].began = Some(context.now);
        self.enter(context, key, State::Running);
        self.rest(context, key);
        self.queue(key);
        self.fill(context, self.tasks[key].pool);
    }

    /// Begins or ends a pause. During a pause nothing new is dialled, and calls under way go on.
    pub(super) fn rest(&mut self, context: &mut Context, key: TaskKey) {
        let task = &self.tasks[key];
        let Some((resting, next)) =
            task.rest(context.now).filter(|_| !task.state.is_over() && !task.is_closed)
        else {
            return;
        };
        match (resting, task.state) {
            (true, State::Running) => self.enter(context, key, State::Paused),
            (false, State::Paused) => {
                self.enter(context, key, State::Running);
                self.queue(key);
            }
            _ => {}
        }
        let place =
            context.plan(next, if resting { (key, DialerTimer::Resume) } else { (key, DialerTimer::Pause) });
        self.tasks[key].schedule.push(place);
        self.tasks[key].schedule.retain(|(at, _)| *at > context.now);
        self.fill(context, self.tasks[key].pool);
    }

    /// Ends the schedule of a task: contacts not reached by then never will be, and calls under way go on.
    pub(in crate::simulator) fn close(&mut self, context: &mut Context, key: TaskKey) {
        let task = &mut self.tasks[key];
        if task.state.is_over() {
            return;
        }
        task.is_closed = true;
        for contact in 0..task.total() {
            if self.tasks[key].contacts.list[contact as usize].status == ContactStatus::Waiting {
                self.tasks[key].set_status(contact, ContactStatus::Done);
                self.note_ended(context, key, contact);
            }
        }
        self.finish_if_done(context, key);
    }

    /// Ends a task whose contacts are all finished.
    pub(super) fn finish_if_done(&mut self, context: &mut Context, key: TaskKey) {
        let task = &self.tasks[key];
        let is_cancelled = task.sums.cancelled == task.total();
        let may_end = task.is_finished() && !task.is_open();
        if task.state.is_over() || !may_end || !(task.state.has_begun() || is_cancelled) {
            return;
        }
        for place in std::mem::take(&mut self.tasks[key].schedule) {
            context.agenda.cancel(Some(place));
        }
        self.enter(context, key, if is_cancelled { State::Cancelled } else { State::Finished });
    }

    pub(super) fn queue(&mut self, key: TaskKey) {
        let task = &mut self.tasks[key];
        if !std::mem::replace(&mut task.is_queued, true) {
            let pool = task.pool;
            self.pools[pool.0].queue.push_back(key);
        }
    }

    /// Lets the tasks of a pool dial, one number at a time in turn, as far as the free agents allow.
    pub(super) fn fill(&mut self, context: &mut Context, pool: PoolKey) {
        let mut full = 0;
        while full < self.pools[pool.0].queue.len() {
            let Some(key) = self.pools[pool.0].queue.pop_front() else { break };
            self.tasks[key].is_queued = false;
            match self.turn(key, context.now) {
                Turn::Dial(contact, slot) => {
                    full = 0;
                    self.dial(context, key, contact, slot);
                    self.queue(key);
                }
                Turn::Full => {
                    full += 1;
                    self.queue(key);
                }
                Turn::Later(at) => self.wake_to_dial(context, key, at),
                Turn::Nothing => {}
            }
        }
    }

    fn turn(&mut self, key: TaskKey, now: Timestamp) -> Turn {
        let task = &mut self.tasks[key];
        if task.state != State::Running || task.is_closed {
            return Turn::Nothing;
        }
        if !task.has_contact(now) {
            return task.redials.first().map_or(Turn::Nothing, |(due, _)| Turn::Later(*due));
        }
        if task.dials_after > now {
            return Turn::Later(task.dials_after);
        }
        let task = &self.tasks[key];
        let Some(slot) = self.pools[task.pool.0].room(&task.settings.agents, task.factor()) else {
            return Turn::Full;
        };
        self.tasks[key].next_contact(now).map_or(Turn::Nothing, |contact| Turn::Dial(contact, slot))
    }

    pub(super) fn wake_to_dial(&mut self, context: &mut Context, key: TaskKey, at: Timestamp) {
        let task = &mut self.tasks[key];
        if task.woken_at.is_none_or(|known| at < known) {
            task.woken_at = Some(at);
            context.plan(at, (key, DialerTimer::Dial));
        }
    }

    /// Returns the forced course of a call: that of the contact, or else of the dialled number.
    fn mock_outcome(&self, key: TaskKey, contact: u32, number: u64) -> DialerMockOutcome {
        let contacts = &self.tasks[key].contacts;
        contacts.mock_outcome(&contacts.list[contact as usize], number, |number| {
            self.calling.mock_outcome_of(number)
        })
    }

    pub(super) fn mock_outcome_of_call(&self, key: TaskKey, call: &CallRow) -> DialerMockOutcome {
        self.mock_outcome(key, call.contact, self.tasks[key].number_of(call))
    }

    /// Returns the course of a call.
    pub(super) fn course(&self, key: TaskKey, call: &CallRow) -> CallCourse {
        let mock_outcome = self.mock_outcome_of_call(key, call);
        let drawn = course(&self.calling, mock_outcome, self.tasks[key].seed, call.contact, call.nth);
        match self.played.get(&(key, call.contact, call.nth)) {
            Some(played) => CallCourse {
                twist: if played.is_taken { Twist::Taken } else { drawn.twist },
                result: played.result.unwrap_or(drawn.result),
                ..drawn
            },
            None => drawn,
        }
    }

    /// Whether a number has already been dialled as often today as allowed. If not, it is counted once more.
    fn is_overrun(&mut self, key: TaskKey, number: u64, now: Timestamp) -> bool {
        let settings = &self.tasks[key].settings;
        let day = settings.zone.to_datetime(now).date();
        let entry = self.dialled.entry((settings.account, number)).or_insert((day, 0));
        if entry.0 != day {
            *entry = (day, 0);
        }
        if entry.1 >= self.rules.attempt_limit {
            return true;
        }
        entry.1 += 1;
        false
    }

    fn dial(&mut self, context: &mut Context, key: TaskKey, contact: u32, slot: usize) {
        let task = &self.tasks[key];
        let entry = &task.contacts.list[contact as usize];
        let numbers = task.contacts.numbers(entry, &task.settings.columns);
        let (column, number) = numbers[usize::from(entry.attempts) % numbers.len()];
        let nth = entry.attempts.saturating_add(1);
        let mock_outcome = self.mock_outcome(key, contact, number);
        let task = &mut self.tasks[key];
        task.contacts.list[contact as usize].attempts = nth;
        task.set_status(contact, ContactStatus::Calling);
        task.dials_after = later(context.now, task.settings.call_gap);
        let at = u32::try_from(task.calls.len()).unwrap_or(u32::MAX);
        let mut row = CallRow::new(contact, nth, column, u16::try_from(slot).unwrap_or(0), context.now);
        let (pool, ring_limit) = (task.pool, u64::from(task.settings.ring_limit));
        let course = course(&self.calling, mock_outcome, self.tasks[key].seed, contact, nth);
        self.pools[pool.0].agents[slot].pending += 1;
        let refused = if course.outcome == Outcome::DoNotCall {
            Some(Ending::DoNotCall)
        } else if course.twist == Twist::Overrun || self.is_overrun(key, number, context.now) {
            Some(Ending::Overrun)
        } else {
            None
        };
        row.was_dialled = refused.is_none();
        let task = &mut self.tasks[key];
        task.calls.push(row);
        if let Some(node) = &mut task.node {
            node.called(contact, at);
        }
        if let Some(ending) = refused {
            return self.end(context, key, at, ending);
        }
        self.emit_contact_status(context, key, at, CallState::Calling);
        let rings = later(context.now, Duration::from_millis(course.wait));
        match course.outcome {
            _ if course.twist == Twist::Fusing => {
                context.plan(later(context.now, FUSING), (key, DialerTimer::End(at, Ending::Fusing)));
            }
            Outcome::Busy | Outcome::SwitchedOff | Outcome::OutOfArea | Outcome::InvalidNumber => {
                let ending = Ending::of_silence(course.outcome);
                context.plan(
                    later(rings, Duration::from_secs(u64::from(course.ring))),
                    (key, DialerTimer::End(at, ending)),
                );
            }
            outcome => {
                context.plan(rings, (key, DialerTimer::Ring(at)));
                let ring = u64::from(course.ring);
                let wake = if outcome == Outcome::NoAnswer || ring > ring_limit {
                    (key, DialerTimer::End(at, Ending::NoAnswer))
                } else {
                    (key, DialerTimer::Answer(at))
                };
                context.plan(later(rings, Duration::from_secs(ring.min(ring_limit))), wake);
            }
        }
    }

    pub(super) fn ring(&mut self, context: &mut Context, key: TaskKey, call: u32) {
        self.call_mut(key, call).ring(context.now);
        self.emit_contact_status(context, key, call, CallState::Ringing);
    }

    /// Plans the next call to a contact whose call is over, or finishes the contact.
    pub(super) fn settle(&mut self, context: &mut Context, key: TaskKey, contact: u32, ending: Ending) {
        let again = self.again(key, contact, ending).map(|gap| later(context.now, gap));
        let task = &mut self.tasks[key];
        let in_time = |again: &Timestamp| task.settings.ends.is_none_or(|ends| *again < ends);
        match again.filter(|again| !task.is_closed && in_time(again)) {
            Some(again) => {
                task.set_status(contact, ContactStatus::Waiting);
                task.redials.insert((again, contact));
                self.queue(key);
            }
            None => {
                task.set_status(contact, ContactStatus::Done);
                self.note_ended(context, key, contact);
                self.finish_if_done(context, key);
            }
        }
    }

    /// Returns the delay after which a contact is dialled again: its next number, at once or after the gap between numbers, or
    /// else the first number again, as its result or the task says. `None` if it is finished.
    fn again(&self, key: TaskKey, contact: u32, ending: Ending) -> Option<Duration> {
        let task = &self.tasks[key];
        let (settings, contact) = (&task.settings, &task.contacts.list[contact as usize]);
        if contact.is_let_go {
            return None;
        }
        let numbers = task.contacts.numbers(contact, &settings.columns).len();
        let calls = usize::from(contact.attempts);
        if !calls.is_multiple_of(numbers) && ending.leads_to_next_number() {
            return Some(settings.number_gap);
        }
        let strategy = settings.strategies.iter().find(|strategy| strategy.result == ending.result_type());
        let (attempts, gap) = match strategy {
            Some(strategy) => (strategy.attempts, strategy.gap),
            None if ending.is_final(settings.redials_machines) => return None,
            None => (settings.attempts, settings.repeat_gap),
        };
        (calls.div_ceil(numbers) < usize::from(attempts)).then_some(gap)
    }
}

//! How rows go from node to node, and how instances begin and end.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::callers::{Callers, NodeTask};
use super::chat::{self, Step};
use super::conversation::Chats;
use super::file::CameTo;
use super::instance::{AutoFinish, InstanceKey, Phase, Row, Standing};
use super::row;
use super::template::Kind;
use super::{Wake, Workflows};
use crate::simulator::calling::MockOutcome;
use crate::simulator::dialer::Wished;
use crate::simulator::later;
use crate::simulator::node::{Ended, NodeOrder, Part, Repeat, Taken};

/// How long an instance with `auto_finish` 2 waits for further rows after its last one (assumed).
const PAUSE: Duration = Duration::from_secs(300);

impl Workflows {
    /// What a row wishes for by itself or, if it does not, by its number.
    pub(super) fn mock_outcome(&self, row: &Row) -> MockOutcome {
        if row.mock_outcome == Wished::default() {
            self.rules.mock_outcome_of(row.number)
        } else {
            row.mock_outcome.call
        }
    }

    /// Rows begin at the first node.
    pub(super) fn begin(
        &mut self,
        key: InstanceKey,
        first: u32,
        count: u32,
        now: Timestamp,
        callers: &mut Callers<'_>,
    ) {
        if self.instance(key).phase == Phase::Created {
            self.instance_mut(key).phase = Phase::Running;
            self.tell_status(key, Phase::Running, callers);
        }
        for row in first..first + count {
            let instance = self.instance_mut(key);
            // It may have been taken out meanwhile.
            if instance.phase.is_open()
                && instance.row(row).is_some_and(|row| row.standing == Standing::Pending)
            {
                instance.set_standing(row, Standing::Running);
                self.enter(key, row, Some(0), now, callers);
            }
        }
    }

    /// A row comes to a node, and goes on as far as it need not wait.
    fn enter(
        &mut self,
        key: InstanceKey,
        row: u32,
        mut node: Option<u16>,
        now: Timestamp,
        callers: &mut Callers<'_>,
    ) {
        let templates = Arc::clone(&self.templates);
        let nodes = &templates[self.instance(key).template].nodes;
        while let Some((at, known)) = node.and_then(|at| Some((at, nodes.get(usize::from(at))?))) {
            self.instance_mut(key).arrive(row, at, now);
            match &known.kind {
                Kind::Voice { .. } | Kind::Dialer { .. } => return self.call(key, row, at, now, callers),
                Kind::WhatsApp { .. } => return self.message(key, row, at, now),
                Kind::Wait(time) => return self.plan_step(key, row, later(now, *time)),
                Kind::Branch(cases) => {
                    let (came_to, intention) = self.came_to(key, row);
                    let fits = |when: &[super::When]| when.iter().any(|when| when.fits(came_to, intention));
                    let case = cases.iter().find(|(when, _)| fits(when));
                    node = case.map_or(known.next, |(_, next)| *next);
                }
                Kind::Api => {
                    self.push(key, row, at);
                    node = known.next;
                }
                Kind::End => node = None,
            }
            self.instance_mut(key).depart(row);
        }
        self.leave(key, row, Standing::Finished, now, callers);
    }

    /// What the last call or message of a row came to.
    fn came_to(&self, key: InstanceKey, row: u32) -> (CameTo, u8) {
        let visits = self.instance(key).row(row).map(|row| row.visits.as_slice()).unwrap_or_default();
        let last = visits.iter().rev().find(|visit| visit.came_to != CameTo::Nothing);
        last.map(|visit| (visit.came_to, visit.intention)).unwrap_or_default()
    }

    fn plan_step(&mut self, key: InstanceKey, row: u32, at: Timestamp) {
        let slot = self.agenda.plan(at, Wake::Step(key, row));
        if let Some(row) = self.instance_mut(key).row_mut(row) {
            row.wake = Some(slot);
        }
    }

    /// A row comes to a voice or dialer node.
    fn call(&mut self, key: InstanceKey, at: u32, node: u16, now: Timestamp, callers: &mut Callers<'_>) {
        let Some(task) = self.node_task(key, node, now, callers) else { return };
        let Some(row) = self.instance(key).row(at) else { return };
        let (number, mock_outcome) = (row.number, row.mock_outcome);
        let place = match task {
            NodeTask::Voice(task) => {
                let text = row::of_task(number, &row.case_id, &row.variables);
                callers.calling.append_row(task, number, mock_outcome.call, text, at, now)
            }
            NodeTask::Dialer(task) => {
                let text = row::of_dialer(number, &row.case_id, &row.variables);
                callers.dialer.append(task, (number, mock_outcome), &text, at, now)
            }
        };
        let Some(visit) = self.instance_mut(key).visit_mut(at) else { return };
        match place {
            Some(place) => visit.work = place,
            None => {
                visit.came_to = CameTo::NotDialled;
                self.go_on(key, at, now, callers);
            }
        }
    }

    /// The task of a voice or dialer node, made when the first row comes.
    fn node_task(
        &mut self,
        key: InstanceKey,
        node: u16,
        now: Timestamp,
        callers: &mut Callers<'_>,
    ) -> Option<NodeTask> {
        let instance = self.instance(key);
        if let Some(task) = instance.tasks[usize::from(node)] {
            return Some(task);
        }
        let known = self.node(instance.template, node)?;
        let order = |repeat: &Repeat| NodeOrder {
            account: instance.account,
            part: Part {
                instance: key.0,
                node,
                workflow_id: self.workflow_id(key),
                workflow_name: instance.name.clone(),
                nodetask_id: self.nodetask_id(key, node),
                nodetask_name: known.name.clone(),
            },
            ends: instance.ends,
            repeat: *repeat,
            story: instance.story,
            is_muted: instance.is_muted,
        };
        let task = match &known.kind {
            Kind::Dialer { group, repeat } => {
                NodeTask::Dialer(callers.dialer.add_for_node(order(repeat), group.as_deref(), now))
            }
            Kind::Voice { robot, line, repeat } => {
                NodeTask::Voice(callers.calling.add_voice(order(repeat), (robot, line), now))
            }
            _ => return None,
        };
        self.instance_mut(key).tasks[usize::from(node)] = Some(task);
        Some(task)
    }

    /// A row comes to a WhatsApp node.
    fn message(&mut self, key: InstanceKey, at: u32, node: u16, now: Timestamp) {
        let instance = self.instance(key);
        let Some(row) = instance.row(at) else { return };
        let mock_outcome = self.mock_outcome(row);
        let (came_to, intention) = chat::outcome(instance.seed, at, node, mock_outcome, row.message_outcome);
        if let Some(visit) = self.instance_mut(key).visit_mut(at) {
            visit.came_to = came_to;
            visit.intention = intention;
        }
        self.plan_message_step(key, at, now);
    }

    /// Plans what happens next to the message of a row.
    fn plan_message_step(&mut self, key: InstanceKey, at: u32, now: Timestamp) {
        let Some(visit) = self.instance(key).row(at).and_then(|row| row.visits.last()).copied() else {
            return;
        };
        let course = self.course(key, at, &visit);
        let next = course.as_ref().and_then(|course| course.steps.get(usize::from(visit.steps)));
        if let Some((after, _)) = next {
            let moment = later(visit.came(), Duration::from_millis(u64::try_from(*after).unwrap_or(0)));
            self.plan_step(key, at, moment.max(now));
        }
    }

    /// What a row waited for has come.
    pub(super) fn step_row(
        &mut self,
        key: InstanceKey,
        at: u32,
        now: Timestamp,
        callers: &mut Callers<'_>,
        chats: &mut Chats<'_>,
    ) {
        let Some(row) = self.instance_mut(key).row_mut(at) else { return };
        row.wake = None;
        let Some(visit) = row.visits.last_mut() else { return };
        visit.steps = visit.steps.saturating_add(1);
        let visit = *visit;
        let Some(course) = self.course(key, at, &visit) else {
            // It waited in a node where time passes.
            return self.go_on(key, at, now, callers);
        };
        let done = usize::from(visit.steps);
        match course.steps.get(done - 1).map(|(_, step)| *step) {
            Some(Step::Status(status)) => self.tell_message(key, at, visit.node, status, now),
            Some(Step::Reply) => self.converse(key, at, &visit, &course, chats),
            Some(Step::Close) => self.tell_session(key, at, &course, now, chats),
            Some(Step::GiveUp) | None => {}
        }
        if done < course.steps.len() {
            self.plan_message_step(key, at, now);
        } else {
            self.go_on(key, at, now, callers);
        }
    }

    /// Somebody has ended the conversation of a row: it goes on at once.
    pub(in crate::simulator) fn conversation_ended(&mut self, instance: u32, at: u32, now: Timestamp) {
        let key = InstanceKey(instance);
        let Some(slot) = self.instance_mut(key).row_mut(at).and_then(|row| row.wake.take()) else { return };
        self.agenda.forget(Some(slot));
        self.plan_step(key, at, now);
    }

    /// Takes note of the numbers whose calls have ended.
    pub(super) fn take_ended(&mut self, callers: &mut Callers<'_>) {
        for ended in callers.take_ended() {
            self.call_ended(ended, callers);
        }
    }

    fn call_ended(&mut self, ended: Ended<CameTo>, callers: &mut Callers<'_>) {
        let key = InstanceKey(ended.instance);
        let Some(row) = self.instance_mut(key).row_mut(ended.row) else { return };
        if row.standing != Standing::Running {
            return;
        }
        let Some(visit) = row.visits.last_mut().filter(|visit| visit.node == ended.node) else { return };
        visit.came_to = ended.came_to;
        visit.intention = ended.intention;
        self.go_on(key, ended.row, ended.at, callers);
    }

    /// A row is done with its node.
    fn go_on(&mut self, key: InstanceKey, at: u32, now: Timestamp, callers: &mut Callers<'_>) {
        let instance = self.instance(key);
        let Some((row, visit)) = instance.row(at).and_then(|row| Some((row, row.visits.last()?))) else {
            return;
        };
        // The calling part closes its tasks at the end time, a moment before the instance itself ends.
        let is_cut = row.is_let_go || !instance.phase.is_open() || now >= instance.ends;
        let next = self.node(instance.template, visit.node).and_then(|node| node.next);
        let after = next.and_then(|next| self.node(instance.template, next));
        let ends_anyway = after.is_none_or(|node| node.kind == Kind::End);
        self.instance_mut(key).depart(at);
        if is_cut && !ends_anyway {
            self.leave(key, at, Standing::Cancelled, now, callers);
        } else {
            self.enter(key, at, next, now, callers);
        }
    }

    /// A row leaves the instance. Who was taken out or cut off has not come to the end of the flow, and no notice
    /// says so (assumed).
    fn leave(&mut self, key: InstanceKey, at: u32, to: Standing, now: Timestamp, callers: &mut Callers<'_>) {
        let slot = self.instance_mut(key).row_mut(at).and_then(|row| row.wake.take());
        self.agenda.forget(slot);
        self.instance_mut(key).set_standing(at, to);
        if to == Standing::Finished {
            self.tell_contact(key, at, callers);
        }
        self.settle(key, now, callers);
    }

    /// Takes a row out: at once if it waits, after the call or session that is under way otherwise. Whether there was
    /// anything left to take.
    pub(super) fn let_go(
        &mut self,
        key: InstanceKey,
        at: u32,
        now: Timestamp,
        callers: &mut Callers<'_>,
    ) -> bool {
        let instance = self.instance(key);
        let Some(row) = instance.row(at).filter(|row| !row.standing.is_over()) else { return false };
        if row.standing == Standing::Running {
            let under_way = match row.visits.last() {
                Some(visit) => match (instance.tasks[usize::from(visit.node)], self.course(key, at, visit)) {
                    (Some(task), _) => callers.take_out(task, visit.work, now) == Taken::Calling,
                    (None, Some(course)) => course.is_in_session(visit.steps),
                    (None, None) => false,
                },
                None => false,
            };
            let instance = self.instance_mut(key);
            if under_way {
                let Some(row) = instance.row_mut(at) else { return false };
                return !std::mem::replace(&mut row.is_let_go, true);
            }
            instance.depart(at);
        }
        self.leave(key, at, Standing::Cancelled, now, callers);
        true
    }

    /// Looks whether an instance is over when none of its rows is left.
    pub(super) fn settle(&mut self, key: InstanceKey, now: Timestamp, callers: &mut Callers<'_>) {
        let instance = self.instance(key);
        if instance.active() > 0 {
            return;
        }
        match (instance.phase, instance.auto_finish) {
            (Phase::Ending { stopped: true }, _) => self.conclude(key, Phase::Stopped, now, callers),
            (Phase::Ending { stopped: false }, _) | (Phase::Running, AutoFinish::AtOnce) => {
                self.conclude(key, Phase::Finished, now, callers);
            }
            (Phase::Running, AutoFinish::AfterPause) => {
                self.keep_open(key);
                let slot = self.agenda.plan(later(now, PAUSE), Wake::Pause(key));
                self.instance_mut(key).pause = Some(slot);
            }
            _ => {}
        }
    }

    /// Rows have been added: an instance that was about to end goes on.
    pub(super) fn keep_open(&mut self, key: InstanceKey) {
        let slot = self.instance_mut(key).pause.take();
        self.agenda.forget(slot);
    }

    /// Nobody has added a row since the last one was through.
    pub(super) fn paused(&mut self, key: InstanceKey, now: Timestamp, callers: &mut Callers<'_>) {
        self.instance_mut(key).pause = None;
        if self.instance(key).phase == Phase::Running && self.instance(key).active() == 0 {
            self.conclude(key, Phase::Finished, now, callers);
        }
    }

    fn conclude(&mut self, key: InstanceKey, phase: Phase, now: Timestamp, callers: &mut Callers<'_>) {
        self.keep_open(key);
        let instance = self.instance_mut(key);
        instance.phase = phase;
        instance.ended = Some(now);
        let end = instance.end.take();
        let tasks: Vec<NodeTask> = instance.tasks.iter().flatten().copied().collect();
        self.agenda.forget(end);
        for task in tasks {
            callers.seal(task, now);
        }
        self.agenda.plan(now, Wake::Tell(key, phase));
    }

    /// The end time of an instance has come: what was tried is through, the rest goes no further.
    pub(super) fn end(&mut self, key: InstanceKey, now: Timestamp, callers: &mut Callers<'_>) {
        self.instance_mut(key).end = None;
        self.wind_up(key, false, now, callers);
    }

    /// Ends an instance as soon as the calls and sessions under way have ended.
    pub(super) fn wind_up(
        &mut self,
        key: InstanceKey,
        stopped: bool,
        now: Timestamp,
        callers: &mut Callers<'_>,
    ) {
        if !self.instance(key).phase.is_open() {
            return;
        }
        self.instance_mut(key).phase = Phase::Ending { stopped };
        let tasks: Vec<NodeTask> = self.instance(key).tasks.iter().flatten().copied().collect();
        for task in tasks {
            if stopped {
                callers.stop(task, now);
            } else {
                callers.close(task, now);
            }
        }
        self.take_ended(callers);
        for row in 0..u32::try_from(self.instance(key).rows.len()).unwrap_or(u32::MAX) {
            self.let_go(key, row, now, callers);
        }
        if !self.instance(key).phase.is_over() {
            self.settle(key, now, callers);
        }
    }
}

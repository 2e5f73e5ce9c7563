//! The flow of rows from node to node, and the beginning and end of instances.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Workflow;
use super::chat::{self, Course, Step};
use super::dialers::{Dialers, NodeTask};
use super::instance::{Instance, Row, RowStatus, Visit};
use super::row;
use crate::contract::bodies::message::MessageStatus;
use crate::simulator::dialer::DialerMockOutcome;
use crate::simulator::keys::InstanceKey;
use crate::simulator::node::{CameTo, InstancePhase as Phase, NodeOrder, Part, Repeat, RowEnded, Taken};
use crate::simulator::outcome::{ChatOutcome, MockOutcome};
use crate::simulator::rules::template::{Kind, Node};
use crate::simulator::rules::workflow::AutoFinish;
use crate::simulator::timer::WorkflowTimer;
use crate::time::later;

/// How long an instance with `auto_finish` 2 waits for further rows after its last one (assumed).
const PAUSE: Duration = Duration::from_secs(300);

impl Workflow {
    /// Returns the outcome forced by a row itself or, if there is none, by its number.
    pub(super) fn mock_outcome(&self, row: &Row) -> MockOutcome {
        if row.mock_outcome == DialerMockOutcome::default() {
            self.rules.mock_outcome_of(row.number)
        } else {
            row.mock_outcome.call
        }
    }

    /// Begins rows at the first node.
    pub(super) fn begin(&mut self, key: InstanceKey, first: u32, count: u32, dialers: &mut Dialers<'_>) {
        if self.instances[key].phase == Phase::Created {
            let instance = &mut self.instances[key];
            instance.phase = Phase::Running;
            instance.has_news = true;
        }
        for row in first..first + count {
            let instance = &mut self.instances[key];
            // It may have been taken out in the meantime.
            if instance.phase.is_open()
                && instance.row(row).is_some_and(|row| row.status == RowStatus::Pending)
            {
                instance.set_status(row, RowStatus::Running);
                self.enter(key, row, Some(0), dialers);
            }
        }
    }

    /// Moves a row into a node, and on until it has to wait.
    fn enter(&mut self, key: InstanceKey, row: u32, mut node: Option<u16>, dialers: &mut Dialers<'_>) {
        let templates = Arc::clone(&self.templates);
        let nodes = &templates[self.instances[key].template].nodes;
        while let Some((at, known)) = node.and_then(|at| Some((at, nodes.get(usize::from(at))?))) {
            self.instances[key].arrive(row, at, dialers.context.now);
            self.node_begins(key, at, known, dialers);
            match &known.kind {
                Kind::Voice { .. } | Kind::Dialer { .. } => return self.call(key, row, at, dialers),
                Kind::WhatsApp { .. } => return self.message(key, row, at, dialers),
                Kind::Wait(time) => {
                    return self.plan_step(key, row, later(dialers.context.now, *time), dialers);
                }
                Kind::Branch(cases) => {
                    let (came_to, intention) = self.came_to(key, row);
                    let fits = |when: &[crate::simulator::rules::template_file::When]| {
                        when.iter().any(|when| when.fits(came_to, intention))
                    };
                    let case = cases.iter().find(|(when, _)| fits(when));
                    node = case.map_or(known.next, |(_, next)| *next);
                }
                Kind::Api => {
                    self.emit_push(key, row, at, dialers);
                    node = known.next;
                }
                Kind::End => node = None,
            }
            self.instances[key].depart(row);
        }
        self.leave(key, row, RowStatus::Finished, dialers);
    }

    /// Handles the arrival of a row at a node. The first row begins the node's run: its task is created, and this is reported
    /// before any result of it. A node where rows only branch or leave has no run.
    fn node_begins(&mut self, key: InstanceKey, at: u16, node: &Node, dialers: &mut Dialers<'_>) {
        let is_first = self.instances[key].nodes[usize::from(at)].total == 1;
        if is_first && !matches!(node.kind, Kind::Branch(_) | Kind::End) {
            self.node_task(key, at, dialers);
            self.instances[key].has_news = true;
        }
        self.tell_news(key, dialers);
    }

    /// Reports changes of an instance and the runs of its nodes, while it is in progress.
    fn tell_news(&mut self, key: InstanceKey, dialers: &mut Dialers<'_>) {
        let Instance { has_news, phase, .. } = self.instances[key];
        if has_news && !phase.is_over() {
            self.emit_status(key, phase, dialers);
        }
    }

    /// Returns the result of a row's last call or message.
    fn came_to(&self, key: InstanceKey, row: u32) -> (CameTo, u8) {
        let visits = self.instances[key].row(row).map(|row| row.visits.as_slice()).unwrap_or_default();
        let last = visits.iter().rev().find(|visit| visit.came_to != CameTo::Nothing);
        last.map(|visit| (visit.came_to, visit.intention)).unwrap_or_default()
    }

    fn plan_step(&mut self, key: InstanceKey, row: u32, at: Timestamp, dialers: &mut Dialers<'_>) {
        let slot = dialers.context.plan(at, (key, WorkflowTimer::Step(row)));
        if let Some(row) = self.instances[key].row_mut(row) {
            row.wake = Some(slot);
        }
    }

    /// Handles a row that arrives at a voice or dialer node.
    fn call(&mut self, key: InstanceKey, at: u32, node: u16, dialers: &mut Dialers<'_>) {
        let Some(task) = self.node_task(key, node, dialers) else { return };
        let Some(row) = self.instances[key].row(at) else { return };
        let (number, mock_outcome) = (row.number, row.mock_outcome);
        let place = match task {
            NodeTask::Voice(task) => {
                let text = row::of_task(number, &row.case_id, &row.variables);
                dialers.calling.append_row(dialers.context, task, (number, mock_outcome.call), text, at)
            }
            NodeTask::Dialer(task) => {
                let text = row::of_dialer(number, &row.case_id, &row.variables);
                dialers.dialer.append(dialers.context, task, (number, mock_outcome), &text, at)
            }
        };
        let Some(visit) = self.instances[key].visit_mut(at) else { return };
        match place {
            Some(place) => visit.work = place,
            None => {
                visit.came_to = CameTo::NotDialled;
                self.go_on(key, at, dialers);
            }
        }
    }

    /// Returns the task of a voice or dialer node, which is created when the first row arrives.
    fn node_task(&mut self, key: InstanceKey, node: u16, dialers: &mut Dialers<'_>) -> Option<NodeTask> {
        let instance = &self.instances[key];
        if let Some(task) = instance.tasks[usize::from(node)] {
            return Some(task);
        }
        let known = self.node(instance.template, node)?;
        let order = |repeat: &Repeat| NodeOrder {
            account: instance.account,
            part: Part {
                instance: key,
                template: self.templates[instance.template].id,
                node,
                workflow_id: self.workflow_id(key),
                workflow_name: instance.name.clone(),
                nodetask_id: self.nodetask_id(key, node),
                nodetask_name: known.name.clone(),
            },
            ends: instance.ends,
            repeat: *repeat,
            cause: instance.cause,
        };
        let task = match &known.kind {
            Kind::Dialer { group, repeat } => NodeTask::Dialer(dialers.dialer.add_for_node(
                dialers.context,
                order(repeat),
                group.as_deref(),
            )),
            Kind::Voice { robot, line, repeat } => {
                NodeTask::Voice(dialers.calling.add_voice(dialers.context, order(repeat), (robot, line)))
            }
            _ => return None,
        };
        self.instances[key].tasks[usize::from(node)] = Some(task);
        Some(task)
    }

    /// Handles a row that arrives at a WhatsApp node.
    fn message(&mut self, key: InstanceKey, at: u32, node: u16, dialers: &mut Dialers<'_>) {
        let instance = &self.instances[key];
        let Some(row) = instance.row(at) else { return };
        let is_sendable = self.failure(key, at, node, dialers).is_none();
        let wanted = if is_sendable { row.message_outcome } else { Some(CameTo::Failed) };
        let Some(Kind::WhatsApp { reply_within, .. }) =
            self.node(instance.template, node).map(|node| &node.kind)
        else {
            return;
        };
        let mock_outcome = self.mock_outcome(row);
        let came_to = chat::outcome(instance.seed, at, node, mock_outcome, wanted, *reply_within);
        let said = || self.reply_way(key, at, node, dialers)?.intention;
        let intention = (came_to == CameTo::Replied).then(|| mock_outcome.intention.or_else(said)).flatten();
        if let Some(visit) = self.instances[key].visit_mut(at) {
            visit.came_to = came_to;
            visit.intention = intention.unwrap_or_default();
        }
        self.plan_message_step(key, at, dialers);
    }

    /// Plans the next step of a row's message.
    fn plan_message_step(&mut self, key: InstanceKey, at: u32, dialers: &mut Dialers<'_>) {
        let Some(visit) = self.instances[key].row(at).and_then(|row| row.visits.last()).copied() else {
            return;
        };
        let course = self.course(key, at, &visit);
        let next = course.as_ref().and_then(|course| course.steps.get(usize::from(visit.steps)));
        if let Some((after, _)) = next {
            let moment = later(visit.came(), Duration::from_millis(u64::try_from(*after).unwrap_or(0)));
            self.plan_step(key, at, moment.max(dialers.context.now), dialers);
        }
    }

    /// Continues a row when the event that it waited for happens.
    pub(super) fn step_row(&mut self, key: InstanceKey, at: u32, dialers: &mut Dialers<'_>) {
        let Some(row) = self.instances[key].row_mut(at) else { return };
        row.wake = None;
        let Some(mut visit) = row.visits.last().copied() else { return };
        let course = self.course(key, at, &visit);
        let next = course.as_ref().and_then(|course| course.steps.get(usize::from(visit.steps)));
        if matches!(next, Some((_, Step::Close)))
            && let Some(until) =
                self.held_until(key, at, visit.node, dialers).filter(|until| *until > dialers.context.now)
        {
            return self.plan_step(key, at, until, dialers);
        }
        visit.steps = visit.steps.saturating_add(1);
        if let Some(known) = self.instances[key].visit_mut(at) {
            *known = visit;
        }
        let Some(course) = course else {
            // The row was in a wait node.
            return self.go_on(key, at, dialers);
        };
        let done = usize::from(visit.steps);
        match course.steps.get(done - 1).map(|(_, step)| *step) {
            Some(Step::Status(status)) => self.emit_message_status(key, at, visit.node, status, dialers),
            Some(Step::Reply) => self.converse(key, at, &visit, &course, dialers),
            Some(Step::Close) => self.emit_session_ended(key, at, &course, dialers),
            Some(Step::GiveUp) => self.plan_late_reply(key, at, &visit, &course, dialers),
            None => {}
        }
        if done < course.steps.len() {
            self.plan_message_step(key, at, dialers);
        } else {
            self.go_on(key, at, dialers);
        }
    }

    /// Plans a reply that comes hours after the wait for it has ended.
    fn plan_late_reply(
        &self,
        key: InstanceKey,
        at: u32,
        visit: &Visit,
        course: &Course,
        dialers: &mut Dialers<'_>,
    ) {
        let instance = &self.instances[key];
        let Some(row) = instance.row(at) else { return };
        let is_late = row.message_outcome.is_none() && self.mock_outcome(row).chat == Some(ChatOutcome::Late);
        let read = course.moment(Step::Status(MessageStatus::Read), visit.came());
        if let Some(read) = read.filter(|_| is_late) {
            let moment = later(read, chat::late(instance.seed, at, visit.node)).max(dialers.context.now);
            dialers.context.plan(moment, (key, WorkflowTimer::LateReply(at, visit.node)));
        }
    }

    /// Lets a row go on at once after its conversation was ended early.
    pub(super) fn conversation_ended(&mut self, key: InstanceKey, at: u32, dialers: &mut Dialers<'_>) {
        let Some(place) = self.instances[key].row_mut(at).and_then(|row| row.wake.take()) else { return };
        dialers.context.agenda.cancel(Some(place));
        self.plan_step(key, at, dialers.context.now, dialers);
    }

    /// Handles the rows whose calls have ended.
    pub(super) fn take_rows_ended(&mut self, dialers: &mut Dialers<'_>) {
        for ended in std::mem::take(&mut dialers.context.rows_ended) {
            self.call_ended(ended, dialers);
        }
    }

    fn call_ended(&mut self, ended: RowEnded, dialers: &mut Dialers<'_>) {
        let key = ended.instance;
        let Some(row) = self.instances[key].row_mut(ended.row) else { return };
        if row.status != RowStatus::Running {
            return;
        }
        let Some(visit) = row.visits.last_mut().filter(|visit| visit.node == ended.node) else { return };
        visit.came_to = ended.came_to;
        visit.intention = ended.intention;
        self.go_on(key, ended.row, dialers);
    }

    /// Moves a row on from a finished node.
    fn go_on(&mut self, key: InstanceKey, at: u32, dialers: &mut Dialers<'_>) {
        let instance = &self.instances[key];
        let Some((row, visit)) = instance.row(at).and_then(|row| Some((row, row.visits.last()?))) else {
            return;
        };
        // The calling department closes its tasks at the end time, a moment before the instance itself ends.
        let is_cut = row.is_let_go || !instance.phase.is_open() || dialers.context.now >= instance.ends;
        let next = self.node(instance.template, visit.node).and_then(|node| node.next);
        let after = next.and_then(|next| self.node(instance.template, next));
        let ends_anyway = after.is_none_or(|node| node.kind == Kind::End);
        self.instances[key].depart(at);
        if is_cut && !ends_anyway {
            self.leave(key, at, RowStatus::Cancelled, dialers);
        } else {
            self.enter(key, at, next, dialers);
        }
        self.tell_news(key, dialers);
    }

    /// Removes a row from the instance. A row that was taken out or cut off has not reached the end of the flow, and no notice
    /// says so (assumed).
    fn leave(&mut self, key: InstanceKey, at: u32, to: RowStatus, dialers: &mut Dialers<'_>) {
        let slot = self.instances[key].row_mut(at).and_then(|row| row.wake.take());
        dialers.context.agenda.cancel(slot);
        self.instances[key].set_status(at, to);
        if to == RowStatus::Finished {
            self.emit_contact_completed(key, at, dialers);
        }
        self.settle(key, dialers);
    }

    /// Takes a row out: at once if it waits, otherwise after the call or session under way. Returns whether there was anything
    /// left to take out.
    pub(super) fn let_go(&mut self, key: InstanceKey, at: u32, dialers: &mut Dialers<'_>) -> bool {
        let instance = &self.instances[key];
        let Some(row) = instance.row(at).filter(|row| !row.status.is_over()) else { return false };
        if row.status == RowStatus::Running {
            let under_way = match row.visits.last() {
                Some(visit) => match (instance.tasks[usize::from(visit.node)], self.course(key, at, visit)) {
                    (Some(task), _) => dialers.take_out(task, visit.work) == Taken::Calling,
                    (None, Some(course)) => course.is_in_session(visit.steps),
                    (None, None) => false,
                },
                None => false,
            };
            let instance = &mut self.instances[key];
            if under_way {
                let Some(row) = instance.row_mut(at) else { return false };
                return !std::mem::replace(&mut row.is_let_go, true);
            }
            instance.depart(at);
        }
        self.leave(key, at, RowStatus::Cancelled, dialers);
        true
    }

    /// Checks whether an instance is over when it has no rows left.
    pub(super) fn settle(&mut self, key: InstanceKey, dialers: &mut Dialers<'_>) {
        let instance = &self.instances[key];
        if instance.active() > 0 {
            return;
        }
        let quiet = dialers.context.behaviour.workflow.quiet;
        match (instance.phase, instance.auto_finish) {
            (Phase::Ending { stopped: true }, _) => self.conclude(key, Phase::Stopped, dialers),
            (Phase::Ending { stopped: false }, _) => self.conclude(key, Phase::Finished, dialers),
            (Phase::Running, AutoFinish::AtOnce) if quiet.is_zero() => {
                self.conclude(key, Phase::Finished, dialers);
            }
            // If time jumps, a client that uploads in real time may not be done yet.
            (Phase::Running, AutoFinish::AtOnce) => {
                self.plan_end(key, later(dialers.context.now, quiet), dialers);
            }
            (Phase::Running, AutoFinish::AfterPause) => {
                self.plan_end(key, later(dialers.context.now, PAUSE), dialers);
            }
            _ => {}
        }
    }

    /// Plans the end of the instance, unless rows are added before.
    fn plan_end(&mut self, key: InstanceKey, at: Timestamp, dialers: &mut Dialers<'_>) {
        self.keep_open(key, dialers);
        let slot = dialers.context.plan(at, (key, WorkflowTimer::Pause));
        self.instances[key].pause = Some(slot);
    }

    /// Cancels the planned end of an instance, because rows have been added.
    pub(super) fn keep_open(&mut self, key: InstanceKey, dialers: &mut Dialers<'_>) {
        let slot = self.instances[key].pause.take();
        dialers.context.agenda.cancel(slot);
    }

    /// Handles the end of the wait for further rows.
    pub(super) fn paused(&mut self, key: InstanceKey, dialers: &mut Dialers<'_>) {
        self.instances[key].pause = None;
        if self.instances[key].phase == Phase::Running && self.instances[key].active() == 0 {
            self.conclude(key, Phase::Finished, dialers);
        }
    }

    fn conclude(&mut self, key: InstanceKey, phase: Phase, dialers: &mut Dialers<'_>) {
        self.keep_open(key, dialers);
        let instance = &mut self.instances[key];
        instance.phase = phase;
        instance.ended = Some(dialers.context.now);
        let end = instance.end.take();
        let tasks: Vec<NodeTask> = instance.tasks.iter().flatten().copied().collect();
        dialers.context.agenda.cancel(end);
        for task in tasks {
            dialers.seal(task);
        }
        dialers.context.plan(dialers.context.now, (key, WorkflowTimer::StatusNotice(phase)));
    }

    /// Ends an instance at its end time: rows that were attempted are finished, the others go no further.
    pub(super) fn end(&mut self, key: InstanceKey, dialers: &mut Dialers<'_>) {
        self.instances[key].end = None;
        self.wind_up(key, false, dialers);
    }

    /// Ends an instance as soon as the calls and sessions under way have ended.
    pub(super) fn wind_up(&mut self, key: InstanceKey, stopped: bool, dialers: &mut Dialers<'_>) {
        if !self.instances[key].phase.is_open() {
            return;
        }
        self.instances[key].phase = Phase::Ending { stopped };
        let tasks: Vec<NodeTask> = self.instances[key].tasks.iter().flatten().copied().collect();
        for task in tasks {
            if stopped {
                dialers.stop(task);
            } else {
                dialers.close(task);
            }
        }
        self.take_rows_ended(dialers);
        for row in 0..u32::try_from(self.instances[key].rows.len()).unwrap_or(u32::MAX) {
            self.let_go(key, row, dialers);
        }
        if !self.instances[key].phase.is_over() {
            self.settle(key, dialers);
            self.tell_news(key, dialers);
        }
    }
}

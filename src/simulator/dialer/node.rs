//! Tasks of workflows: the contacts of a node come one by one while its task runs, and the result of each goes to the workflow.
//! That such a task is like any other task of the dialer is assumed; its notices go where the customer's callbacks go.

use std::time::Duration;

use jiff::tz::Offset;

use super::contacts::{ContactStatus, Contacts};
use super::fields::is_dialled;
use super::mock_outcome::DialerMockOutcome;
use super::notices::Notices;
use super::settings::TaskSettings;
use super::{Dialer, TaskKey};
use crate::simulator::access::AccountKey;
use crate::simulator::context::Context;
use crate::simulator::ending::Ending;
use crate::simulator::ids::Kind;
use crate::simulator::keys::InstanceKey;
use crate::simulator::node::{CameTo, FlowPlace, NodeOrder, RowEnded, Taken};
use crate::simulator::request::Refusal;

/// The node of an instance that a task belongs to.
#[derive(Clone, Debug)]
pub(super) struct Node {
    instance: InstanceKey,
    node: u16,
    /// The origin of its callbacks.
    pub(super) place: FlowPlace,
    pub(super) workflow_id: String,
    contacts: Vec<Origin>,
    /// Whether contacts may still come.
    pub(super) is_open: bool,
}

/// The origin of a contact in its instance.
#[derive(Clone, Copy, Debug)]
struct Origin {
    /// The row of the instance.
    row: u32,
    /// The last call to it.
    call: Option<u32>,
}

impl Node {
    /// Records a call to a contact.
    pub(super) fn called(&mut self, contact: u32, call: u32) {
        if let Some(origin) = self.contacts.get_mut(contact as usize) {
            origin.call = Some(call);
        }
    }
}

impl Dialer {
    /// Adds a task without contacts for a dialer node. It is for a group of agents: the first one if the node names none.
    pub(in crate::simulator) fn add_for_node(
        &mut self,
        context: &mut Context,
        order: NodeOrder,
        group: Option<&str>,
    ) -> TaskKey {
        let group = group.and_then(|name| self.rules.group(name)).unwrap_or(0);
        let agents = self.rules.groups.get(group).map_or(0, |group| group.agents.len());
        let home = self.homes.get(order.account.index());
        let task = TaskSettings {
            account: order.account,
            zone: home.map_or(Offset::UTC, |home| home.zone),
            name: order.part.task_name(),
            starts: context.now,
            ends: Some(order.ends),
            group,
            agents: (0..agents).collect(),
            remark: String::new(),
            rests: Vec::new(),
            notices: Notices::Account,
            attempts: order.repeat.number,
            repeat_gap: order.repeat.interval,
            strategies: Vec::new(),
            columns: Vec::new(),
            number_gap: Duration::ZERO,
            call_gap: Duration::ZERO,
            ring_limit: super::settings::RING_LIMIT,
            factor: 1.0,
            is_one_by_one: false,
            max_lost: None,
            wrap_up: super::settings::WRAP_UP,
            detects_machines: self.rules.voicemail,
            redials_machines: false,
            inspects: false,
        };
        let key = self.add_task(context, task, Contacts::default());
        let (instance, node, place) = (order.part.instance, order.part.node, order.part.place());
        let workflow_id = order.part.workflow_id;
        let task = &mut self.tasks[key];
        task.node = Some(Node { instance, node, place, workflow_id, contacts: Vec::new(), is_open: true });
        task.cause = order.cause;
        key
    }

    /// Adds a row to a dialer node. Returns its index in the node's task, or `None` if the dialer cannot dial its number.
    pub(in crate::simulator) fn append(
        &mut self,
        context: &mut Context,
        key: TaskKey,
        (number, mock_outcome): (u64, DialerMockOutcome),
        row: &str,
        origin: u32,
    ) -> Option<u32> {
        if !is_dialled(number) {
            return None;
        }
        let task = &mut self.tasks[key];
        let contact = task.contacts.append(number, mock_outcome, row, true)?;
        task.sums.waiting += 1;
        task.node.as_mut()?.contacts.push(Origin { row: origin, call: None });
        // A task that has not begun dials by itself when it does.
        if task.state.has_begun() {
            self.wake_to_dial(context, key, context.now);
        }
        Some(contact)
    }

    /// Declares that no more contacts come: the task ends with its last one.
    pub(in crate::simulator) fn seal(&mut self, context: &mut Context, key: TaskKey) {
        if let Some(node) = &mut self.tasks[key].node {
            node.is_open = false;
        }
        self.finish_if_done(context, key);
    }

    /// Stops a task: nothing new is dialled, and unfinished contacts are cancelled.
    pub(in crate::simulator) fn stop_for_node(&mut self, context: &mut Context, key: TaskKey) {
        let task = &mut self.tasks[key];
        if task.state.is_over() {
            return;
        }
        task.is_closed = true;
        for contact in 0..task.total() {
            if task.contacts.list[contact as usize].status == ContactStatus::Waiting {
                task.set_status(contact, ContactStatus::Cancelled);
            }
        }
        self.seal(context, key);
    }

    /// Takes a contact out, unless it is being called: then that call is its last.
    pub(in crate::simulator) fn take_out(
        &mut self,
        context: &mut Context,
        key: TaskKey,
        contact: u32,
    ) -> Taken {
        let task = &mut self.tasks[key];
        match task.contacts.list.get(contact as usize).map(|contact| contact.status) {
            Some(ContactStatus::Calling) => {
                task.contacts.list[contact as usize].is_let_go = true;
                return Taken::Calling;
            }
            Some(ContactStatus::Waiting) => task.set_status(contact, ContactStatus::Cancelled),
            _ => {}
        }
        self.finish_if_done(context, key);
        Taken::Out
    }

    /// Reports a finished contact to its workflow, if it was ever called.
    pub(super) fn note_ended(&mut self, context: &mut Context, key: TaskKey, contact: u32) {
        let task = &self.tasks[key];
        let Some(node) = &task.node else { return };
        let Some(Origin { row, call: Some(call) }) = node.contacts.get(contact as usize).copied() else {
            return;
        };
        let call = &task.calls[call as usize];
        let Some(ending) = call.ending else { return };
        let intention = if ending.talked() { self.course(key, call).intention } else { 0 };
        let (instance, node) = (node.instance, node.node);
        context.rows_ended.push(RowEnded { instance, node, row, came_to: came_to(ending), intention });
    }

    /// Whether an id belongs to a workflow's task of this account.
    pub(in crate::simulator) fn is_of_workflow(&self, id: &str, account: AccountKey) -> bool {
        let task = self.ids.open(Kind::DialerTask, id).and_then(|(at, ..)| self.tasks.get(TaskKey(at)));
        task.is_some_and(|task| task.node.is_some() && task.settings.account == account)
    }

    /// Returns the workflow's row of a contact, as the notices of workflows name it (assumed to be `wfContactId`).
    pub(super) fn workflow_contact(&self, key: TaskKey, contact: u32) -> Option<String> {
        let node = self.tasks[key].node.as_ref()?;
        let origin = node.contacts.get(contact as usize)?;
        Some(self.ids.seal(Kind::Detail, (node.instance.0, origin.row, 0)))
    }

    /// Refuses to change tasks of workflows, which the workflow's own requests change.
    pub(super) fn not_of_workflow(&self, key: TaskKey) -> Result<(), Refusal> {
        match self.tasks[key].node {
            Some(_) => {
                Err(Refusal::new(10704, "the task belongs to a workflow: use the workflow's own requests"))
            }
            None => Ok(()),
        }
    }
}

/// Returns the result of a row's last call for branches.
fn came_to(ending: Ending) -> CameTo {
    match ending.outcome() {
        Some(outcome) => CameTo::Call(outcome),
        None if ending.was_held_back() => CameTo::NotDialled,
        None => CameTo::NoAgent,
    }
}

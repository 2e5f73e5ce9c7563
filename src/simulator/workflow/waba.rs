//! The WhatsApp tasks of an instance, and their messages.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Workflow;
use super::chat::Step;
use super::fields::{List, OneInstance, unknown};
use super::instances::NodeStatus;
use crate::contract::bodies::message::MessageStatus;
use crate::simulator::ids::Kind as Id;
use crate::simulator::keys::InstanceKey;
use crate::simulator::rules::template::Kind;
use crate::simulator::{MessageTemplate, Refusal, Request, Simulator};

/// `GET /service/cloud/workflow/wabataskdetail` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct OneWabaTask {
    /// The id of a WhatsApp task, 32 hex digits.
    waba_task_id: String,
}

/// A WhatsApp task (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct WabaTask {
    /// The WhatsApp task, 32 hex.
    waba_task_id: String,
    /// The instance, 32 hex.
    workflow_id: String,
    /// Its name.
    workflow_name: String,
    /// The node's run, 32 hex.
    nodetask_id: String,
    /// Its name.
    nodetask_name: String,
    /// The message template, as in the template list.
    template_id: i64,
    /// Its name.
    template_name: String,
    /// The sending channel, as in the list of business accounts.
    channel_id: String,
    /// The status of the node's run.
    status: NodeStatus,
    /// Number of messages.
    total: i64,
    /// Number of messages that are not sent yet.
    pending: i64,
    /// Number of messages that are sent, without further status.
    send: i64,
    /// Number of messages that are delivered and not read.
    delivery: i64,
    /// Number of messages that are read.
    read: i64,
    /// Number of messages that could not be delivered.
    failed: i64,
    /// Number of read messages that were answered.
    replied: i64,
}

/// The task and its messages (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct WabaTaskDetail {
    #[serde(flatten)]
    task: WabaTask,
    /// Its messages.
    detail: Vec<WabaDetail>,
}

/// A message of a WhatsApp task (assumed).
#[derive(Debug, Serialize, JsonSchema)]
struct WabaDetail {
    /// The row, 32 hex.
    wfdetail_uuid: String,
    /// The customer's own id of the row.
    case_id: String,
    /// The number, in E.164.
    callee: String,
    /// The message.
    msg_id: String,
    /// Its status: `pending` before it is sent, then `send`, `delivery`, `read` or `failed`.
    status: String,
    /// The resulting conversation, 32 hex; empty if the person has not answered.
    call_id: String,
    /// What the person wanted, one letter; `--` until it is known.
    intention: String,
}

/// Lists the WhatsApp tasks of an instance.
pub(super) fn waba_tasks(
    simulator: &mut Simulator,
    OneInstance { workflow_id }: OneInstance,
    request: &Request<'_>,
) -> Result<List<WabaTask>, Refusal> {
    let templates = &simulator.context.behaviour.bot.templates;
    let workflow = &simulator.workflow;
    let key = workflow.find_instance(&workflow_id, request)?;
    let nodes = 0..u16::try_from(workflow.instances[key].nodes.len()).unwrap_or(u16::MAX);
    Ok(List::whole(nodes.filter_map(|node| workflow.waba_task(key, node, templates)).collect()))
}

/// Returns a WhatsApp task and its messages.
pub(super) fn waba_task_detail(
    simulator: &mut Simulator,
    OneWabaTask { waba_task_id: id }: OneWabaTask,
    request: &Request<'_>,
) -> Result<WabaTaskDetail, Refusal> {
    let workflow = &simulator.workflow;
    let missing = || unknown("WhatsApp task with waba_task_id", &id);
    let (at, node, _) = workflow.ids.open(Id::WabaTask, &id).ok_or_else(missing)?;
    let key = InstanceKey(at);
    let own = workflow.instances.get(key).filter(|instance| instance.account == request.account);
    let node = own.and_then(|_| u16::try_from(node).ok()).ok_or_else(missing)?;
    let task =
        workflow.waba_task(key, node, &simulator.context.behaviour.bot.templates).ok_or_else(missing)?;
    let instance = &workflow.instances[key];
    let detail = workflow.messages(key, node).filter_map(|(status, replied, at)| {
        let row = instance.row(at)?;
        let visit = row.visits.iter().find(|visit| visit.node == node)?;
        // The person's intention is known when the session has ended.
        let is_over = row.visits.last().is_some_and(|last| last.node != node) || row.status.is_over();
        let intention = match visit.intention {
            letter @ b'A'..=b'I' if replied && is_over => char::from(letter).to_string(),
            _ => "--".to_owned(),
        };
        Some(WabaDetail {
            wfdetail_uuid: workflow.detail_id(key, at),
            case_id: row.case_id.to_string(),
            callee: format!("+{}", row.number),
            msg_id: workflow.message_id(key, at, node),
            status: status.map_or("pending", MessageStatus::as_str).to_owned(),
            call_id: if replied { workflow.chat_id(key, at, node) } else { String::new() },
            intention,
        })
    });
    Ok(WabaTaskDetail { task, detail: detail.collect() })
}

impl Workflow {
    fn waba_task(&self, key: InstanceKey, node: u16, templates: &[Arc<MessageTemplate>]) -> Option<WabaTask> {
        let instance = &self.instances[key];
        let known = self.node(instance.template, node)?;
        let Kind::WhatsApp { template, .. } = &known.kind else { return None };
        if instance.nodes[usize::from(node)].total == 0 {
            return None;
        }
        let mut task = WabaTask {
            waba_task_id: self.waba_task_id(key, node),
            workflow_id: self.workflow_id(key),
            workflow_name: instance.name.clone(),
            nodetask_id: self.nodetask_id(key, node),
            nodetask_name: known.name.clone(),
            template_id: templates.iter().find(|known| known.name == *template)?.id,
            template_name: template.clone(),
            channel_id: instance.channel_id.clone(),
            status: self.node_status(key, node),
            total: 0,
            pending: 0,
            send: 0,
            delivery: 0,
            read: 0,
            failed: 0,
            replied: 0,
        };
        for (status, replied, _) in self.messages(key, node) {
            task.total += 1;
            *match status {
                None => &mut task.pending,
                Some(MessageStatus::Send) => &mut task.send,
                Some(MessageStatus::Delivery) => &mut task.delivery,
                Some(MessageStatus::Read) => &mut task.read,
                Some(MessageStatus::Failed) => &mut task.failed,
            } += 1;
            task.replied += i64::from(replied);
        }
        Some(task)
    }

    /// Returns the messages of a node: the status of each, whether it was answered, and its row.
    fn messages(
        &self,
        key: InstanceKey,
        node: u16,
    ) -> impl Iterator<Item = (Option<MessageStatus>, bool, u32)> + '_ {
        let rows = (0_u32..).zip(&self.instances[key].rows);
        rows.filter_map(move |(at, row)| {
            let visit = row.visits.iter().find(|visit| visit.node == node)?;
            let course = self.course(key, at, visit)?;
            let mut done = course.steps.iter().take(usize::from(visit.steps));
            let replied = done.any(|(_, step)| *step == Step::Reply);
            Some((course.status(visit.steps), replied, at))
        })
    }
}

//! Notices of workflows. The one of an ended chatbot session is signed, the data push is not; that the others are
//! not signed is assumed.
//!
//! None of them names its event: a receiver tells them apart by their URL or their fields.

use serde::{Deserialize, Serialize};

use super::Fields;
use super::conversation::{EndReason, SendError, SessionStatus};
use super::message::{Message, MessageStatus};

/// `workflow.api_push`, *Custom API Node Data Push*: a Custom API node tells a row's data.
///
/// Documented, but the list of the callee's fields is cut off. Not signed: the receiver asks `workflow.verify_push`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiPush {
    /// The instance, 32 hex.
    pub workflow_id: String,
    /// Its name.
    pub workflow_name: String,
    /// The node, 32 hex.
    pub node_id: String,
    /// Its name.
    pub node_name: String,
    /// The row.
    pub callee: Callee,
}

/// A row as a Custom API node tells it (documented, cut off).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callee {
    /// The customer's own id of the row.
    pub case_id: String,
    /// The person's name.
    pub callee_name: String,
    /// `male` or `female`.
    pub callee_gender: String,
    /// The number, in E.164.
    pub callee_number: String,
    /// The customer's platform the row is about.
    pub platform_name: String,
    /// A field of the customer's own.
    pub extra_a: String,
    /// Further fields; which the vendor has is unknown.
    #[serde(flatten)]
    pub more: Fields,
}

/// `workflow.contact_completed`, *Notification for Workflow List Completion*: a row has come to the end of its flow.
///
/// Documented; the values of `node_type` are assumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactCompleted {
    /// The instance, 32 hex.
    pub workflow_id: String,
    /// Its name.
    pub workflow_name: String,
    /// The customer's own id of the row.
    pub case_id: String,
    /// The number, in E.164.
    pub callee_number: String,
    /// The nodes the row went through, in order.
    pub rows: Vec<NodeRow>,
}

/// A node a row went through (documented).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRow {
    /// The node's run, 32 hex.
    pub nodetask_id: String,
    /// Its name.
    pub nodetask_name: String,
    /// What kind of node it is (values assumed).
    pub node_type: String,
    /// The task the node made, if it made one: a calling task, or one of the predictive dialer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
}

/// `workflow.status_changed`, *Notification of Workflow Status Change*.
///
/// Documented; the values of `status`, `node_type` and `task_status` are assumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChanged {
    /// The instance, 32 hex.
    pub workflow_id: String,
    /// Its name.
    pub workflow_name: String,
    /// What the instance does now.
    pub status: String,
    /// Its nodes, in order.
    pub actions: Vec<NodeAction>,
}

/// What a node of an instance does (documented).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeAction {
    /// The node's run, 32 hex.
    pub nodetask_id: String,
    /// Its name.
    pub nodetask_name: String,
    /// What kind of node it is (values assumed).
    pub node_type: String,
    /// The task the node made, if it made one: a calling task, or one of the predictive dialer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// What that task does, in the words of its family (values assumed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_status: Option<String>,
}

/// `workflow.waba_status`, *Notification of WABA Message Status Alteration in Workflow*.
///
/// Assumed: the head of [`SessionEnded`], and the status of a message as the chatbot tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WabaStatus {
    /// The instance, 32 hex.
    pub workflow_id: String,
    /// Its name.
    pub workflow_name: String,
    /// The node's run, 32 hex.
    pub nodetask_id: String,
    /// Its name.
    pub nodetask_name: String,
    /// The WhatsApp task, 32 hex.
    pub waba_task_id: String,
    /// The row, 32 hex.
    pub wfdetail_uuid: String,
    /// When the status changed, in Unix seconds.
    pub timestamp: i64,
    /// `WhatsApp`.
    pub channel: String,
    /// The channel's id, digits in a string.
    pub channel_id: String,
    /// The number, in E.164.
    pub callee: String,
    /// The message.
    pub msg_id: String,
    /// How far it has come.
    pub status: MessageStatus,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<SendError>,
}

/// `workflow.session_ended`, *Chatbot Session End Notification in Workflow*: a chatbot session of a workflow is over.
///
/// Documented up to `call_id`, example from `robot_id` on. Signed with `X-AIRudder-Sign` (documented).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionEnded {
    /// The instance, 32 hex.
    pub workflow_id: String,
    /// Its name.
    pub workflow_name: String,
    /// The node's run, 32 hex.
    pub nodetask_id: String,
    /// Its name.
    pub nodetask_name: String,
    /// The WhatsApp task, 32 hex.
    pub waba_task_id: String,
    /// The row, 32 hex.
    pub wfdetail_uuid: String,
    /// When the notice was made, in Unix seconds.
    pub timestamp: i64,
    /// `WhatsApp`.
    pub channel: String,
    /// The channel's id, digits in a string.
    pub channel_id: String,
    /// The number, in E.164.
    pub callee: String,
    /// The conversation, 32 hex.
    pub call_id: String,
    /// The robot, digits in a string.
    pub robot_id: String,
    /// `closed`.
    pub status: SessionStatus,
    /// When it began: `2025-04-15T06:41:00Z`.
    pub session_start_time: String,
    /// When it ended: `2025-04-15T06:41:00Z`.
    pub session_end_time: String,
    /// Who or what ended it, `robot` in the example.
    pub session_end_reason: EndReason,
    /// What the user wanted, one letter.
    pub intention: String,
    /// How often user and robot took turns.
    pub talk_round: i64,
    /// What the robot understood, name to text.
    pub ner_slots: Fields,
    /// Labels the robot set, name to text.
    pub event_label: Fields,
    /// The row's variables, name to text.
    pub variables: Fields,
    /// The conversation, oldest first; it begins with a `system` entry, `conversation.start`.
    pub messages: Vec<Message>,
}

/// A template in *templates list* (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateSummary {
    /// The template, a whole number.
    pub workflow_template_id: i64,
    /// Its name.
    pub workflow_template_name: String,
    /// Its nodes, in order.
    pub nodes: Vec<TemplateNode>,
}

/// A node of a template (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateNode {
    /// The node, 32 hex.
    pub node_id: String,
    /// Its name.
    pub node_name: String,
    /// What kind of node it is.
    pub node_type: String,
}

/// An instance in *instance list* (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSummary {
    /// The instance, 32 hex.
    pub workflow_id: String,
    /// Its name.
    pub workflow_name: String,
    /// The template it was made from.
    pub workflow_template_id: i64,
    /// Its name.
    pub workflow_template_name: String,
    /// `created`, `running`, `finished` or `stopped`.
    pub status: String,
    /// When it ends by itself.
    pub auto_finish: i64,
    /// When it was made: `2025-04-15T06:41:00Z`.
    pub create_time: String,
    /// When it ends at the latest: `2025-04-15T06:41:00Z`.
    pub end_time: String,
    /// When it ended: `2025-04-15T06:41:00Z`; empty before.
    pub finish_time: String,
    /// Its rows.
    #[serde(flatten)]
    pub counts: RowCounts,
}

/// How many rows stand where; `total` is the sum of the others (assumed).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    /// All rows.
    pub total: i64,
    /// Not begun.
    pub pending: i64,
    /// On their way.
    pub running: i64,
    /// At the end of their flow.
    pub finished: i64,
    /// Taken out, or cut off by the end of the instance.
    pub cancelled: i64,
}

/// A node's run in *subtask list* (assumed beside the names that notices share).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeTaskSummary {
    /// The node's run, 32 hex.
    pub nodetask_id: String,
    /// Its name.
    pub nodetask_name: String,
    /// What kind of node it is.
    pub node_type: String,
    /// The node of the template, 32 hex.
    pub node_id: String,
    /// `pending`, `running`, `finished` or `stopped`.
    pub status: String,
    /// The task it made, if it made one: a calling task, or one of the predictive dialer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// The WhatsApp task it made, if it made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waba_task_id: Option<String>,
    /// How many rows have come to it.
    pub total: i64,
    /// How many of them are at it.
    pub running: i64,
}

/// An instance that a case or a number is in (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundInstance {
    /// The instance, 32 hex.
    pub workflow_id: String,
    /// Its name.
    pub workflow_name: String,
    /// The customer's own id of the row.
    pub case_id: String,
    /// The number, in E.164.
    pub callee: String,
    /// The row, 32 hex.
    pub wfdetail_uuid: String,
    /// `pending`, `running`, `finished` or `cancelled`.
    pub status: String,
}

/// A WhatsApp task in a list, and the head of its details (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WabaTask {
    /// The WhatsApp task, 32 hex.
    pub waba_task_id: String,
    /// The instance, 32 hex.
    pub workflow_id: String,
    /// Its name.
    pub workflow_name: String,
    /// The node's run, 32 hex.
    pub nodetask_id: String,
    /// Its name.
    pub nodetask_name: String,
    /// The message template.
    pub template_name: String,
    /// As that of the node's run.
    pub status: String,
    /// How many messages it has.
    pub total: i64,
    /// How many of them have not left yet.
    pub pending: i64,
    /// How many have left and no more is known.
    pub send: i64,
    /// How many have arrived and are not read.
    pub delivery: i64,
    /// How many are read.
    pub read: i64,
    /// How many could not be delivered.
    pub failed: i64,
    /// How many of the read ones were answered.
    pub replied: i64,
}

/// The data of *WABA task details* (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WabaTaskDetail {
    /// The task.
    #[serde(flatten)]
    pub task: WabaTask,
    /// Its messages.
    pub detail: Vec<WabaDetail>,
}

/// A message of a WhatsApp task (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WabaDetail {
    /// The row, 32 hex.
    pub wfdetail_uuid: String,
    /// The customer's own id of the row.
    pub case_id: String,
    /// The number, in E.164.
    pub callee: String,
    /// The message.
    pub msg_id: String,
    /// How far it has come; `pending` before it has left.
    pub status: String,
    /// The conversation that came of it, 32 hex; empty if the person has not answered.
    pub call_id: String,
    /// What the person wanted, one letter; `--` as long as it is not known.
    pub intention: String,
}

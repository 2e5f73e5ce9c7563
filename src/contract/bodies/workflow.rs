//! Notices of workflows. The one of an ended chatbot session is signed, the data push is not; that the others are
//! not signed is assumed.
//!
//! None of them names its event: a receiver tells them apart by their URL or their fields.

use serde::{Deserialize, Serialize};

use super::Fields;
use super::calling::CallCompleted;
use super::chatbot::{EndReason, SendError, SessionStatus};
use super::message::{Message, MessageStatus};

/// `workflow.call_completed`, *Notification of Call Completion in Workflow*: a voice node is through with a number.
///
/// The call data is assumed like [`CallCompleted`]; the workflow's own fields are documented. An info check carries
/// its own results within the call data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkflowCallCompleted {
    /// What `call.completed` tells.
    #[serde(flatten)]
    pub call: CallCompleted,
    /// The instance, 32 hex.
    pub workflow_id: String,
    /// Its name.
    pub workflow_name: String,
    /// The node's run, 32 hex.
    pub nodetask_id: String,
    /// Its name.
    pub nodetask_name: String,
    /// The customer's own id of the row.
    pub case_id: String,
}

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
    /// The task the node made, if it made one.
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
    /// The task the node made, if it made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// What that task does (values assumed).
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

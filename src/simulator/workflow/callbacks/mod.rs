//! The callbacks of workflows: the type of each body, and the code that emits and generates it. The callback of a call belongs
//! to the calling department.
//!
//! The callback of an ended session is signed, the data push is not; that the others are not signed is assumed. None of them
//! names its event: a receiver distinguishes them by their URL or their fields.

mod messages;
mod rows;

use serde::Serialize;

use super::Workflow;
use super::chat::{self, Course};
use super::dialers::Dialers;
use super::instance::{Instance, Visit};
use crate::content::Country;
use crate::simulator::callback::{Callback, CallbackBody};
use crate::simulator::endpoint::{CallbackShape, callbacks};
use crate::simulator::ids::Kind as Id;
use crate::simulator::keys::{InstanceKey, PushKey};
use crate::simulator::node::FlowPlace;
use crate::simulator::outcome::ChatOutcome;
use crate::simulator::rules::template::{Kind, NodeType, Template};

pub(super) use rows::ApiPush;

/// The callbacks of workflows.
pub(in crate::simulator) const CALLBACKS: &[CallbackShape] = callbacks! {
    "workflow.api_push" => rows::ApiPush,
    "workflow.contact_completed" => rows::ContactCompleted,
    "workflow.status_changed" => rows::StatusChanged,
    "workflow.waba_status" => messages::WabaStatus,
    "workflow.session_ended" => messages::SessionEnded,
};

/// Returns the template of generated bodies: the first that calls and sends a message, or else the first one.
fn shown(workflow: &Workflow) -> Option<&Template> {
    let has =
        |template: &Template, kind: NodeType| template.nodes.iter().any(|node| node.kind.node_type() == kind);
    let both = |template: &&Template| has(template, NodeType::Voice) && has(template, NodeType::Waba);
    workflow.templates.iter().find(both).or(workflow.templates.first())
}

/// Returns the name of the first node of a kind in that template.
fn shown_name(workflow: &Workflow, kind: NodeType) -> Option<String> {
    let node = shown(workflow)?.nodes.iter().find(|node| node.kind.node_type() == kind)?;
    Some(node.name.clone())
}

impl Workflow {
    pub(super) fn workflow_id(&self, key: InstanceKey) -> String {
        self.ids.seal(Id::Workflow, (key.0, 0, 0))
    }

    pub(super) fn nodetask_id(&self, key: InstanceKey, node: u16) -> String {
        self.ids.seal(Id::NodeTask, (key.0, u32::from(node), 0))
    }

    pub(super) fn waba_task_id(&self, key: InstanceKey, node: u16) -> String {
        self.ids.seal(Id::WabaTask, (key.0, u32::from(node), 0))
    }

    pub(super) fn detail_id(&self, key: InstanceKey, row: u32) -> String {
        self.ids.seal(Id::Detail, (key.0, row, 0))
    }

    pub(super) fn node_id(&self, template: usize, node: u16) -> String {
        let template = u32::try_from(template).unwrap_or(u32::MAX);
        self.ids.seal(Id::Node, (template, u32::from(node), 0))
    }

    pub(super) fn message_id(&self, key: InstanceKey, row: u32, node: u16) -> String {
        self.ids.seal(Id::WabaMessage, (key.0, row, u32::from(node)))
    }

    pub(super) fn chat_id(&self, key: InstanceKey, row: u32, node: u16) -> String {
        self.ids.seal(Id::Chat, (key.0, row, u32::from(node)))
    }

    fn is_silent(&self, key: InstanceKey, dialers: &Dialers<'_>) -> bool {
        dialers.context.is_silent(self.instances[key].cause)
    }

    /// Sends a callback of an instance, or of one of its nodes. Returns the text of its body.
    fn send(
        &self,
        (key, node): (InstanceKey, Option<u16>),
        event: &'static str,
        body: &impl Serialize,
        order: String,
        push: Option<PushKey>,
        dialers: &mut Dialers<'_>,
    ) -> String {
        let instance = &self.instances[key];
        // Bodies are plain data, which always fits into JSON.
        let text = serde_json::to_string(body).unwrap_or_default();
        let is_sum = event == "workflow.status_changed";
        let callback = Callback {
            part_of: if is_sum { Vec::new() } else { vec![self.workflow_id(key)] },
            sums_up: is_sum.then(|| self.workflow_id(key)),
            flow: Some(FlowPlace { template: self.templates[instance.template].id, node }),
            push,
            ..Callback::of(instance.account, event, CallbackBody::Text(text.clone()), Some(order))
        };
        dialers.context.send(instance.cause, callback);
        text
    }

    /// Returns the country of a number, or else that of the account.
    pub(super) fn country(&self, instance: &Instance, number: u64) -> Country {
        let digits = number.to_string();
        let by_code = Country::of_number(&digits);
        let home = self.countries.get(instance.account.0 as usize).copied();
        by_code.or(home).unwrap_or(Country::Id)
    }

    /// Returns the course of a row's message at a node, or `None` if the node sends none.
    pub(super) fn course(&self, key: InstanceKey, row: u32, visit: &Visit) -> Option<Course> {
        let instance = &self.instances[key];
        let Kind::WhatsApp { reply_within, .. } = &self.node(instance.template, visit.node)?.kind else {
            return None;
        };
        let chat = self.mock_outcome(instance.row(row)?).chat;
        Some(chat::course(instance.seed, row, visit, *reply_within, chat == Some(ChatOutcome::Late)))
    }
}

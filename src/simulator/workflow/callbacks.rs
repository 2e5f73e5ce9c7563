//! The notices of workflows, except that of a call, which the calling part tells.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::Workflow;
use super::chat::{self, Course};
use super::conversation;
use super::dialers::Dialers;
use super::instance::{Instance, Visit};
use super::row;
use crate::content::Country;
use crate::contract::bodies::chatbot::{EndReason, SendError, SessionStatus};
use crate::contract::bodies::message::MessageStatus;
use crate::contract::bodies::utc_text;
use crate::contract::bodies::workflow::{
    ApiPush, Callee, ContactCompleted, NodeAction, NodeRow, SessionEnded, StatusChanged, WabaStatus,
};
use crate::simulator::callback::{Callback, CallbackBody};
use crate::simulator::chatbot::{Chatbot, DEFAULT_CHANNEL};
use crate::simulator::ids::Kind as Id;
use crate::simulator::keys::InstanceKey;
use crate::simulator::node::InstancePhase as Phase;
use crate::simulator::rules::template::Kind;

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
        dialers.context.is_silent(self.instance(key).cause)
    }

    /// A callback of an instance goes out. The text of its body comes back.
    fn send(
        &self,
        key: InstanceKey,
        event: &'static str,
        body: &impl Serialize,
        order: String,
        dialers: &mut Dialers<'_>,
    ) -> String {
        let instance = self.instance(key);
        // Bodies are plain data, which always fits into JSON.
        let text = serde_json::to_string(body).unwrap_or_default();
        let callback = Callback {
            account: instance.account,
            story: None,
            event: event.into(),
            body: CallbackBody::Text(text.clone()),
            order_key: Some(order),
            target: None,
        };
        dialers.context.send(instance.cause, callback);
        text
    }

    /// The country a number belongs to, or else that of the account.
    pub(super) fn country(&self, instance: &Instance, number: u64) -> Country {
        let digits = number.to_string();
        let by_code = Country::of_number(&digits);
        let home = self.countries.get(instance.account.0 as usize).copied();
        by_code.or(home).unwrap_or(Country::Id)
    }

    /// An instance has changed its status.
    pub(super) fn emit_status(&mut self, key: InstanceKey, phase: Phase, dialers: &mut Dialers<'_>) {
        if self.is_silent(key, dialers) {
            return;
        }
        let instance = self.instance(key);
        let nodes = self.nodes(instance.template).iter();
        let actions = (0_u16..).zip(nodes).map(|(at, node)| {
            let task = instance.tasks[usize::from(at)];
            NodeAction {
                nodetask_id: self.nodetask_id(key, at),
                nodetask_name: node.name.clone(),
                node_type: node.kind.as_str().to_owned(),
                task_id: task.map(|task| dialers.id(task)),
                task_status: task.map(|task| dialers.status(task).to_owned()),
            }
        });
        let body = StatusChanged {
            workflow_id: self.workflow_id(key),
            workflow_name: instance.name.clone(),
            status: phase.as_str().to_owned(),
            actions: actions.collect(),
        };
        let order = self.workflow_id(key);
        self.send(key, "workflow.status_changed", &body, order, dialers);
    }

    /// A row has come to the end of its flow.
    pub(super) fn emit_contact_completed(&mut self, key: InstanceKey, at: u32, dialers: &mut Dialers<'_>) {
        if self.is_silent(key, dialers) {
            return;
        }
        let instance = self.instance(key);
        let Some(row) = instance.row(at) else { return };
        let nodes = self.nodes(instance.template);
        let passed = row.visits.iter().filter_map(|visit| {
            let node = nodes.get(usize::from(visit.node))?;
            Some(NodeRow {
                nodetask_id: self.nodetask_id(key, visit.node),
                nodetask_name: node.name.clone(),
                node_type: node.kind.as_str().to_owned(),
                task_id: instance.tasks[usize::from(visit.node)].map(|task| dialers.id(task)),
            })
        });
        let body = ContactCompleted {
            workflow_id: self.workflow_id(key),
            workflow_name: instance.name.clone(),
            case_id: row.case_id.to_string(),
            callee_number: format!("+{}", row.number),
            rows: passed.collect(),
        };
        let order = self.detail_id(key, at);
        self.send(key, "workflow.contact_completed", &body, order, dialers);
    }

    /// A Custom API node pushes a row's data: what the list says of it, and nothing where it says nothing.
    pub(super) fn push(&mut self, key: InstanceKey, at: u32, node: u16, dialers: &mut Dialers<'_>) {
        if self.is_silent(key, dialers) {
            return;
        }
        let instance = self.instance(key);
        let Some(row) = instance.row(at) else { return };
        let mut more = row::variables(&row.variables);
        more.shift_remove(row::CALL_WISH);
        more.shift_remove(row::MESSAGE_WISH);
        let mut take = |name: &str| match more.shift_remove(name) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let body = ApiPush {
            workflow_id: self.workflow_id(key),
            workflow_name: instance.name.clone(),
            node_id: self.node_id(instance.template, node),
            node_name: self.nodes(instance.template)[usize::from(node)].name.clone(),
            callee: Callee {
                case_id: row.case_id.to_string(),
                callee_name: take("callee_name"),
                callee_gender: take("callee_gender"),
                callee_number: format!("+{}", row.number),
                platform_name: take("platform_name"),
                extra_a: take("extra_a"),
                more: {
                    for own in ["case_id", "callee_number"] {
                        more.shift_remove(own);
                    }
                    more
                },
            },
        };
        let order = self.detail_id(key, at);
        let text = self.send(key, "workflow.api_push", &body, order, dialers);
        self.instance_mut(key).pushes.insert((at, node), text);
    }

    /// A message has changed its status.
    pub(super) fn emit_message_status(
        &mut self,
        key: InstanceKey,
        at: u32,
        node: u16,
        status: MessageStatus,
        now: Timestamp,
        dialers: &mut Dialers<'_>,
    ) {
        if self.is_silent(key, dialers) {
            return;
        }
        let instance = self.instance(key);
        let Some(row) = instance.row(at) else { return };
        let error = (status == MessageStatus::Failed)
            .then(|| SendError { code: 1006, reason: "the number has no WhatsApp account".to_owned() });
        let body = WabaStatus {
            workflow_id: self.workflow_id(key),
            workflow_name: instance.name.clone(),
            nodetask_id: self.nodetask_id(key, node),
            nodetask_name: self.nodes(instance.template)[usize::from(node)].name.clone(),
            waba_task_id: self.waba_task_id(key, node),
            wfdetail_uuid: self.detail_id(key, at),
            timestamp: now.as_second(),
            channel: DEFAULT_CHANNEL.to_owned(),
            channel_id: chat::channel_id(instance.seed, node),
            callee: format!("+{}", row.number),
            msg_id: self.message_id(key, at, node),
            status,
            error,
        };
        let order = self.detail_id(key, at);
        self.send(key, "workflow.waba_status", &body, order, dialers);
    }

    /// The conversation that came of a message has ended.
    pub(super) fn emit_session_ended(
        &mut self,
        key: InstanceKey,
        at: u32,
        course: &Course,
        now: Timestamp,
        chatbot: &mut Chatbot,
        dialers: &mut Dialers<'_>,
    ) {
        let instance = self.instance(key);
        let Some((row, visit)) = instance.row(at).and_then(|row| Some((row, row.visits.last()?))) else {
            return;
        };
        let node = visit.node;
        let Some(conversation) = self.conversation(key, at, node, chatbot) else { return };
        self.end_conversation(conversation, now, chatbot);
        if self.is_silent(key, dialers) {
            return;
        }
        let conversation = chatbot.conversations.get(conversation);
        let (ended, reason) = conversation.ended.as_deref().map_or((now, ""), |(at, reason)| (*at, reason));
        let said = conversation::told(conversation, &self.message_id(key, at, node));
        let rounds = said.iter().filter(|message| message["sender_type"] == "user").count();
        let mut variables = row::variables(&row.variables);
        variables.shift_remove(row::CALL_WISH);
        variables.shift_remove(row::MESSAGE_WISH);
        let body = SessionEnded {
            workflow_id: self.workflow_id(key),
            workflow_name: instance.name.clone(),
            nodetask_id: self.nodetask_id(key, node),
            nodetask_name: self.nodes(instance.template)[usize::from(node)].name.clone(),
            waba_task_id: self.waba_task_id(key, node),
            wfdetail_uuid: self.detail_id(key, at),
            timestamp: now.as_second(),
            channel: DEFAULT_CHANNEL.to_owned(),
            channel_id: chat::channel_id(instance.seed, node),
            callee: format!("+{}", row.number),
            call_id: self.chat_id(key, at, node),
            robot_id: chat::robot_id(instance.seed, node),
            status: SessionStatus::Closed,
            session_start_time: utc_text(conversation.started),
            session_end_time: utc_text(ended),
            session_end_reason: EndReason::Robot,
            intention: char::from(course.intention).to_string(),
            talk_round: i64::try_from(rounds).unwrap_or(i64::MAX),
            // What the vendor's robots understand and label is unknown; they are left empty rather than made up.
            ner_slots: serde_json::Map::new(),
            event_label: serde_json::Map::new(),
            variables,
            messages: Vec::new(),
        };
        // Bodies are plain data, which always fits into JSON. Agents may have written what no type describes.
        let mut body = serde_json::to_value(body).unwrap_or_default();
        body["session_end_reason"] = reason.into();
        body["messages"] = said.into();
        let order = self.detail_id(key, at);
        self.send(key, "workflow.session_ended", &body, order, dialers);
    }

    /// The course of a row's message, by its stay at the node; nothing if the node sends none.
    pub(super) fn course(&self, key: InstanceKey, row: u32, visit: &Visit) -> Option<Course> {
        let instance = self.instance(key);
        let Kind::WhatsApp { reply_within, .. } = &self.node(instance.template, visit.node)?.kind else {
            return None;
        };
        Some(chat::course(instance.seed, row, visit, *reply_within))
    }
}

//! Callbacks about the messages of WhatsApp nodes and the sessions that follow from them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{shown, shown_name};
use crate::contract::bodies::conversation::{EndReason, SendError, SessionStatus};
use crate::contract::bodies::message::{
    Content, Message, MessageStatus, Quoted, SenderType, System, SystemKind,
};
use crate::contract::bodies::{Fields, utc_text};
use crate::contract::fields::Given;
use crate::simulator::Simulator;
use crate::simulator::case::Case;
use crate::simulator::chatbot::{Chosen, DEFAULT_CHANNEL, ReplyWay, error_of};
use crate::simulator::endpoint::{Generate, Wanted};
use crate::simulator::keys::{ConversationKey, InstanceKey};
use crate::simulator::outcome::MessageFailure;
use crate::simulator::rules::template::{Kind, NodeType};
use crate::simulator::talk::writing_time;
use crate::simulator::workflow::chat::{self, Course};
use crate::simulator::workflow::dialers::Dialers;
use crate::simulator::workflow::{Workflow, conversation, row};

/// Where a message and its conversation belong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
struct MessageHead {
    /// The instance, 32 hex.
    workflow_id: String,
    /// Its name.
    workflow_name: String,
    /// The node's run, 32 hex.
    nodetask_id: String,
    /// Its name.
    nodetask_name: String,
    /// The WhatsApp task, 32 hex.
    waba_task_id: String,
    /// The row, 32 hex.
    wfdetail_uuid: String,
    /// When the notice was created, in Unix seconds.
    timestamp: i64,
    /// `WhatsApp`.
    channel: String,
    /// The channel's id, digits in a string.
    channel_id: String,
    /// The number, in E.164.
    callee: String,
}

/// `workflow.waba_status`, *Notification of WABA Message Status Alteration in Workflow*: a WhatsApp message was sent,
/// delivered or read, or failed (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(in crate::simulator) struct WabaStatus {
    #[serde(flatten)]
    head: MessageHead,
    /// The message.
    msg_id: String,
    /// Its status.
    status: MessageStatus,
    /// Why it failed, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<SendError>,
}

/// `workflow.session_ended`, *Chatbot Session End Notification in Workflow*: a chatbot session of a workflow is over
/// (documented).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(in crate::simulator) struct SessionEnded {
    #[serde(flatten)]
    head: MessageHead,
    /// The conversation, 32 hex.
    call_id: String,
    /// The robot, digits in a string (example).
    robot_id: String,
    /// The status of the session (example).
    status: SessionStatus,
    /// When it began: `2025-04-15T06:41:00Z` (example).
    session_start_time: String,
    /// When it ended: `2025-04-15T06:41:00Z` (example).
    session_end_time: String,
    /// Who or what ended it (example).
    session_end_reason: Given<EndReason>,
    /// What the user wanted, one letter (example).
    intention: String,
    /// Number of turns of user and robot (example).
    talk_round: i64,
    /// What the robot understood, name to text (example).
    ner_slots: Fields,
    /// Labels the robot set, name to text (example).
    event_label: Fields,
    /// The row's variables, name to text (example).
    variables: Fields,
    /// The conversation, oldest first; it begins with a `system` entry, `conversation.start` (example).
    messages: Vec<Given<Message>>,
}

impl SessionEnded {
    /// Creates the report of a session of which only the people and the messages are known.
    fn new(head: MessageHead, call_id: String, robot_id: String, messages: Vec<Given<Message>>) -> Self {
        let rounds = messages.iter().filter(|message| message.value()["sender_type"] == "user").count();
        Self {
            head,
            call_id,
            robot_id,
            status: SessionStatus::Closed,
            session_start_time: String::new(),
            session_end_time: String::new(),
            session_end_reason: EndReason::Robot.into(),
            intention: String::new(),
            talk_round: i64::try_from(rounds).unwrap_or(i64::MAX),
            // What the vendor's robots recognize and label is unknown. These fields are left empty rather than made up.
            ner_slots: Fields::new(),
            event_label: Fields::new(),
            variables: Fields::new(),
            messages,
        }
    }
}

impl Workflow {
    /// Returns the head of a row's message at a node.
    fn message_head(&self, key: InstanceKey, at: u32, node: u16, now: Timestamp) -> Option<MessageHead> {
        let instance = &self.instances[key];
        Some(MessageHead {
            workflow_id: self.workflow_id(key),
            workflow_name: instance.name.clone(),
            nodetask_id: self.nodetask_id(key, node),
            nodetask_name: self.node(instance.template, node)?.name.clone(),
            waba_task_id: self.waba_task_id(key, node),
            wfdetail_uuid: self.detail_id(key, at),
            timestamp: now.as_second(),
            channel: DEFAULT_CHANNEL.to_owned(),
            channel_id: instance.channel_id.clone(),
            callee: format!("+{}", instance.row(at)?.number),
        })
    }

    /// Reports that a message has changed its status.
    pub(in crate::simulator::workflow) fn emit_message_status(
        &mut self,
        key: InstanceKey,
        at: u32,
        node: u16,
        status: MessageStatus,
        dialers: &mut Dialers<'_>,
    ) {
        if self.is_silent(key, dialers) {
            return;
        }
        let Some(head) = self.message_head(key, at, node, dialers.context.now) else { return };
        let failed = status == MessageStatus::Failed;
        let why = || {
            self.failure(key, at, node, dialers).unwrap_or_else(|| error_of(MessageFailure::NotOnWhatsApp))
        };
        let error = failed.then(why);
        let body = WabaStatus { head, msg_id: self.message_id(key, at, node), status, error };
        let order = self.detail_id(key, at);
        self.send((key, Some(node)), "workflow.waba_status", &body, order, None, dialers);
    }

    /// Reports that the conversation that followed a message has ended.
    pub(in crate::simulator::workflow) fn emit_session_ended(
        &mut self,
        key: InstanceKey,
        at: u32,
        course: &Course,
        dialers: &mut Dialers<'_>,
    ) {
        let instance = &self.instances[key];
        let Some((row, visit)) = instance.row(at).and_then(|row| Some((row, row.visits.last()?))) else {
            return;
        };
        let node = visit.node;
        let Some(conversation) = self.conversation(key, at, node, dialers.chatbot) else { return };
        self.end_conversation(conversation, dialers.context.now, dialers.chatbot);
        if self.is_silent(key, dialers) {
            return;
        }
        let Some(head) = self.message_head(key, at, node, dialers.context.now) else { return };
        let conversation = dialers.chatbot.conversations.get(conversation);
        let (ended, reason) =
            conversation.ended.as_deref().map_or((dialers.context.now, ""), |(at, reason)| (*at, reason));
        // Agents may have written content that no type describes.
        let messages = conversation::messages_of(conversation, &self.message_id(key, at, node));
        let messages = messages.into_iter().map(Given::new).collect();
        let (call_id, robot_id) = (self.chat_id(key, at, node), chat::robot_id(instance.seed, node));
        let body = SessionEnded {
            session_start_time: utc_text(conversation.started),
            session_end_time: utc_text(ended),
            session_end_reason: Given::new(reason.into()),
            intention: letter((course.intention != 0).then_some(course.intention)),
            variables: row::own_variables(&row.variables),
            ..SessionEnded::new(head, call_id, robot_id, messages)
        };
        let order = self.detail_id(key, at);
        self.send((key, Some(node)), "workflow.session_ended", &body, order, None, dialers);
    }
}

impl MessageHead {
    /// Returns the WhatsApp node of generated bodies.
    fn generated(simulator: &Simulator, key: ConversationKey, case: &Case) -> Self {
        let conversation = simulator.chatbot.conversations.get(key);
        Self {
            workflow_id: case.workflow_id.clone(),
            workflow_name: case.workflow_name.clone(),
            nodetask_id: case.waba_nodetask_id.clone(),
            nodetask_name: shown_name(&simulator.workflow, NodeType::Waba).unwrap_or_default(),
            waba_task_id: case.waba_task_id.clone(),
            wfdetail_uuid: case.row_id.clone(),
            timestamp: case.now.as_second(),
            channel: conversation.channel.to_string(),
            channel_id: conversation.channel_id.to_string(),
            callee: case.phone.clone(),
        }
    }
}

impl Generate for WabaStatus {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let case = Case::wanted(simulator, key, wanted);
        Self {
            head: MessageHead::generated(simulator, key, &case),
            msg_id: case.msg_id,
            status: MessageStatus::Delivery,
            error: None,
        }
    }
}

impl Generate for SessionEnded {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let case = Case::wanted(simulator, key, wanted);
        let head = MessageHead::generated(simulator, key, &case);
        let call_id = simulator.chatbot.conversations.get(key).call_id.to_string();
        let chat = GeneratedChat::draw(simulator, key, &case);
        Self {
            session_start_time: utc_text(chat.started),
            session_end_time: utc_text(case.ended),
            intention: letter(chat.intention),
            ..Self::new(head, call_id, case.chat_robot_id, chat.messages)
        }
    }
}

/// Returns an intention as the wire has it.
fn letter(intention: Option<u8>) -> String {
    intention.map_or_else(|| "--".to_owned(), |letter| char::from(letter).to_string())
}

/// A generated conversation about the template message of a workflow.
struct GeneratedChat {
    started: Timestamp,
    messages: Vec<Given<Message>>,
    intention: Option<u8>,
}

impl GeneratedChat {
    /// Draws the conversation, which has just ended: the entry that opens every conversation of a workflow, and what the user
    /// and the bot say. The first message replies to the template message.
    fn draw(simulator: &Simulator, key: ConversationKey, case: &Case) -> Self {
        let mut rng = simulator.chatbot.conversations.get(key).rng.seed().stream("chat of a workflow", 0);
        let chosen = message_template(simulator, case);
        let way = chosen.as_ref().and_then(|chosen| ReplyWay::draw(chosen, None, None, &mut rng));
        let said = way.as_ref().map(|way| way.said(&mut rng, case.locale, &case.facts, ""));
        let said = said.unwrap_or_default();
        let lasted: i64 = said.iter().map(|(_, content)| writing_time(content)).sum();
        let started = case.ended.as_second() - lasted;
        let message = |number: usize, sender_type, timestamp, content| Message {
            msg_id: format!("{}-{number}", case.msg_id),
            sender_type,
            timestamp,
            content,
            reply: None,
        };
        let system =
            System { kind: SystemKind::Start, from_seat_id: String::new(), to_seat_id: String::new() };
        let mut messages = vec![message(1, SenderType::System, started, Content::System { system }).into()];
        let mut quoted = chosen.map(|chosen| quoted(&chosen, case, started));
        let mut at = started;
        for (number, (is_user, content)) in (2..).zip(said) {
            let sender_type = if is_user { SenderType::User } else { SenderType::Chatbot };
            let takes = writing_time(&content);
            let said = Message { reply: quoted.take(), ..message(number, sender_type, at, content) };
            messages.push(said.into());
            at += takes;
        }
        let started = Timestamp::from_second(started).unwrap_or(case.ended);
        Self { started, messages, intention: way.and_then(|way| way.intention) }
    }
}

/// Returns the message template of the workflow that generated callbacks show.
fn message_template(simulator: &Simulator, case: &Case) -> Option<Chosen> {
    let mut nodes = shown(&simulator.workflow)?.nodes.iter();
    let name = nodes.find_map(|node| match &node.kind {
        Kind::WhatsApp { template, .. } => Some(template),
        _ => None,
    })?;
    Chosen::named(&simulator.context.behaviour.bot.templates, name, case.locale)
}

/// Returns the template message that a generated conversation replies to.
fn quoted(chosen: &Chosen, case: &Case, started: i64) -> Quoted {
    /// How long after the template message the user replies, in seconds.
    const REPLIED_AFTER: i64 = 45;
    Quoted {
        msg_id: case.msg_id.clone(),
        sender_type: SenderType::Chatbot,
        timestamp: started - REPLIED_AFTER,
        content: chosen.message(None, || case.facts.clone()),
    }
}

//! Samples of what workflows send: a voice node, then a WhatsApp node.

use super::case::Case;
use crate::contract::bodies::conversation::{EndReason, SessionStatus};
use crate::contract::bodies::message::{Content, Message, MessageStatus, SenderType, System, SystemKind};
use crate::contract::bodies::workflow::{
    ApiPush, Callee, ContactCompleted, NodeAction, NodeRow, SessionEnded, StatusChanged, WabaStatus,
};
use crate::contract::bodies::{Fields, utc_text};
use crate::simulator::calling::Speaker;
use crate::simulator::chatbot::Conversation;

const VOICE: &str = "Voice call";
const WHATSAPP: &str = "WhatsApp message";

pub(super) fn api_push(case: &Case, conversation: &Conversation) -> ApiPush {
    ApiPush {
        workflow_id: case.workflow_id.clone(),
        workflow_name: case.workflow_name.clone(),
        node_id: case.node_id.clone(),
        node_name: "Push to the customer".to_owned(),
        callee: Callee {
            case_id: case.case_id.clone(),
            callee_name: case.name.clone(),
            callee_gender: case.gender.clone(),
            callee_number: case.phone.clone(),
            platform_name: conversation.facts().company,
            extra_a: String::new(),
            more: Fields::new(),
        },
    }
}

pub(super) fn contact_completed(case: &Case) -> ContactCompleted {
    ContactCompleted {
        workflow_id: case.workflow_id.clone(),
        workflow_name: case.workflow_name.clone(),
        case_id: case.case_id.clone(),
        callee_number: case.phone.clone(),
        rows: vec![
            NodeRow {
                nodetask_id: case.nodetask_id.clone(),
                nodetask_name: VOICE.to_owned(),
                node_type: "voice".to_owned(),
                task_id: Some(case.task_id.clone()),
            },
            NodeRow {
                nodetask_id: case.waba_nodetask_id.clone(),
                nodetask_name: WHATSAPP.to_owned(),
                node_type: "waba".to_owned(),
                task_id: None,
            },
        ],
    }
}

pub(super) fn status_changed(case: &Case) -> StatusChanged {
    StatusChanged {
        workflow_id: case.workflow_id.clone(),
        workflow_name: case.workflow_name.clone(),
        status: "running".to_owned(),
        actions: vec![NodeAction {
            nodetask_id: case.nodetask_id.clone(),
            nodetask_name: VOICE.to_owned(),
            node_type: "voice".to_owned(),
            task_id: Some(case.task_id.clone()),
            task_status: Some("running".to_owned()),
        }],
    }
}

pub(super) fn waba_status(case: &Case, conversation: &Conversation) -> WabaStatus {
    WabaStatus {
        workflow_id: case.workflow_id.clone(),
        workflow_name: case.workflow_name.clone(),
        nodetask_id: case.waba_nodetask_id.clone(),
        nodetask_name: WHATSAPP.to_owned(),
        waba_task_id: case.waba_task_id.clone(),
        wfdetail_uuid: case.row_id.clone(),
        timestamp: case.now.as_second(),
        channel: conversation.channel.to_string(),
        channel_id: conversation.channel_id.to_string(),
        callee: case.phone.clone(),
        msg_id: case.msg_id.clone(),
        status: MessageStatus::Delivery,
        error: None,
    }
}

pub(super) fn session_ended(case: &Case, conversation: &Conversation) -> SessionEnded {
    let rounds = case.turns.iter().filter(|turn| turn.speaker == Speaker::User).count();
    SessionEnded {
        workflow_id: case.workflow_id.clone(),
        workflow_name: case.workflow_name.clone(),
        nodetask_id: case.waba_nodetask_id.clone(),
        nodetask_name: WHATSAPP.to_owned(),
        waba_task_id: case.waba_task_id.clone(),
        wfdetail_uuid: case.row_id.clone(),
        timestamp: case.now.as_second(),
        channel: conversation.channel.to_string(),
        channel_id: conversation.channel_id.to_string(),
        callee: case.phone.clone(),
        call_id: conversation.call_id.to_string(),
        robot_id: case.chat_robot_id.clone(),
        status: SessionStatus::Closed,
        session_start_time: utc_text(case.started),
        session_end_time: utc_text(case.ended),
        session_end_reason: EndReason::Robot,
        intention: if case.intention == "--" { "C".to_owned() } else { case.intention.clone() },
        talk_round: i64::try_from(rounds).unwrap_or(i64::MAX),
        ner_slots: Fields::new(),
        event_label: Fields::new(),
        variables: Fields::new(),
        messages: messages(case),
    }
}

/// What was said, after the entry that opens every conversation of a workflow.
fn messages(case: &Case) -> Vec<Message> {
    let opening = Message {
        msg_id: format!("{}-1", case.msg_id),
        sender_type: SenderType::System,
        timestamp: case.started.as_second(),
        content: Content::System {
            system: System {
                kind: SystemKind::Start,
                from_seat_id: String::new(),
                to_seat_id: String::new(),
            },
        },
        reply: None,
    };
    let said = case.turns.iter().enumerate().map(|(index, turn)| Message {
        msg_id: format!("{}-{}", case.msg_id, index + 2),
        sender_type: if turn.speaker == Speaker::User { SenderType::User } else { SenderType::Chatbot },
        timestamp: case.started.as_second() + turn.offset,
        content: Content::Text { text: turn.text.clone() },
        reply: None,
    });
    std::iter::once(opening).chain(said).collect()
}

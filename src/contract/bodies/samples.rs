//! One filled value of every callback's body: pins names, letter case, types and order of every field.

use std::collections::BTreeSet;
use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::calling::{CallCompleted, CallDetail, CheckResult, Counts, PlanFinished, TaskFinished, Turn};
use super::chatbot::{
    AgentMessage, AgentMessageStatus, AgentTransfer, EndReason, InboundCallCompleted, MessageReceive,
    MessageSend, MessageStatusChange, SeatTransfer, SendError, SessionEnd, SessionReport, SessionStatus,
    SessionTransfer, TemplateReply, TemplateResult, Transfer, User, UserRef,
};
use super::detection::{Business, DetectionResult};
use super::message::{
    Content, Message, MessageStatus, Quoted, SenderType, System, SystemKind, Template, TemplateButton,
    TemplateButtonKind, TemplateContent, TemplateInfo,
};
use super::sms::SmsReceipt;
use super::workflow::{
    ApiPush, Callee, ContactCompleted, NodeAction, NodeRow, SessionEnded, StatusChanged, WabaStatus,
    WorkflowCallCompleted,
};
use super::{Fields, utc_text};
use crate::contract::Catalog;

fn text(text: &str) -> String {
    text.to_owned()
}

/// An id of 32 hexadecimal digits that can be told from the others.
fn id(n: u8) -> String {
    format!("{n:02x}").repeat(16)
}

fn fields(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        other => panic!("not an object: {other}"),
    }
}

const NOW: i64 = 1_893_456_000;

fn at(seconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(NOW + seconds).unwrap()
}

fn user_ref() -> UserRef {
    UserRef { id: text("628123456789") }
}

fn user() -> User {
    User { id: text("628123456789"), name: text("Sari Wulandari") }
}

fn template_info() -> TemplateInfo {
    TemplateInfo { id: 35, name: text("due_reminder"), language: text("en") }
}

fn says(n: u8, sender_type: SenderType, words: &str) -> Message {
    let content = Content::Text { text: text(words) };
    Message { msg_id: id(n), sender_type, timestamp: NOW + i64::from(n), content, reply: None }
}

fn started() -> Message {
    let system = System { kind: SystemKind::Start, from_seat_id: String::new(), to_seat_id: String::new() };
    Message {
        msg_id: id(1),
        sender_type: SenderType::System,
        timestamp: NOW,
        content: Content::System { system },
        reply: None,
    }
}

fn pressed() -> Message {
    let content = TemplateContent {
        header: None,
        body: text("Your payment is due tomorrow."),
        footer: String::new(),
        button: vec![TemplateButton { kind: TemplateButtonKind::QuickReply, text: text("I will pay") }],
    };
    let template = Template::WhatsApp { content, info: template_info() };
    Message {
        msg_id: id(3),
        sender_type: SenderType::User,
        timestamp: NOW + 3,
        content: Content::Button { text: text("I will pay") },
        reply: Some(Quoted {
            msg_id: id(2),
            sender_type: SenderType::Chatbot,
            timestamp: NOW + 2,
            content: Content::Template { template },
        }),
    }
}

fn refused() -> SendError {
    SendError { code: 1006, reason: text("the number has no WhatsApp account") }
}

fn call_detail() -> CallDetail {
    CallDetail {
        comments: Some(json!(4711)),
        status: text("finished"),
        ring_type: text("answered"),
        hangup_type: text("user"),
        intention: text("A"),
        multi_intention: text("A"),
        call_start_time: Some(utc_text(at(0))),
        call_end_time: Some(utc_text(at(42))),
        robot_id: id(9),
        callee_number: text("+628123456789"),
        call_id: id(10),
        record_link: text("https://example.com/a.wav"),
        talk_duration: 30,
        attempts: 2,
        dialog: vec![Turn { speaker: text("robot"), text: text("Hello?"), offset: 0 }],
        check_results: Some(vec![CheckResult {
            item: text("company_name"),
            expected: text("Toko Maju"),
            answer: text("Toko Maju"),
            result: text("match"),
        }]),
    }
}

fn call_completed() -> CallCompleted {
    CallCompleted { task_id: id(11), task_name: text("January reminders"), call: call_detail() }
}

fn counts() -> Counts {
    Counts { total: 10, connected: 6, not_connected: 3, cancelled: 1 }
}

/// What the body is as bytes. Reading them back must give the same value, and the same bytes again.
fn wire<T: Serialize + DeserializeOwned + PartialEq + Debug>(body: &T) -> String {
    let bytes = serde_json::to_string(body).unwrap();
    let back: T = serde_json::from_str(&bytes).unwrap();
    assert_eq!(&back, body);
    assert_eq!(serde_json::to_string(&back).unwrap(), bytes);
    let by_value: T = serde_json::from_value(serde_json::to_value(body).unwrap()).unwrap();
    assert_eq!(serde_json::to_string(&by_value).unwrap(), bytes);
    serde_json::to_string_pretty(body).unwrap()
}

fn calling(id_: &str) -> Option<String> {
    Some(match id_ {
        "call.completed" => wire(&call_completed()),
        "task.finished" => wire(&TaskFinished {
            task_id: id(11),
            task_name: text("January reminders"),
            status: text("finished"),
            counts: counts(),
            task_start_time: utc_text(at(0)),
            task_end_time: utc_text(at(600)),
        }),
        "plan.finished" => wire(&PlanFinished {
            plan_id: id(12),
            plan_name: text("January plan"),
            strategy_id: id(13),
            status: text("finished"),
            task_ids: vec![id(11), id(14)],
            counts: counts(),
            plan_start_time: utc_text(at(0)),
            plan_end_time: utc_text(at(7200)),
        }),
        "detection.result" => wire(&DetectionResult {
            business: Business { callee: text("+628123456789"), numstatus: 2, prvdata: text("row 7") },
        }),
        "sms.receipt" => wire(&SmsReceipt {
            message_id: id(15),
            to: text("+628123456789"),
            status: text("failed"),
            reason: Some(text("the number is not in use")),
            timestamp: NOW,
        }),
        _ => return None,
    })
}

fn workflow(id_: &str) -> Option<String> {
    Some(match id_ {
        "workflow.call_completed" => wire(&WorkflowCallCompleted {
            call: call_completed(),
            workflow_id: id(20),
            workflow_name: text("Voice, then WhatsApp"),
            nodetask_id: id(21),
            nodetask_name: text("First call"),
            case_id: text("case-7"),
        }),
        "workflow.api_push" => wire(&ApiPush {
            workflow_id: id(20),
            workflow_name: text("Voice, then WhatsApp"),
            node_id: id(22),
            node_name: text("Tell the CRM"),
            callee: Callee {
                case_id: text("case-7"),
                callee_name: text("Sari Wulandari"),
                callee_gender: text("female"),
                callee_number: text("+628123456789"),
                platform_name: text("Toko Maju"),
                extra_a: text("gold"),
                more: fields(json!({ "extra_b": "vip" })),
            },
        }),
        "workflow.contact_completed" => wire(&ContactCompleted {
            workflow_id: id(20),
            workflow_name: text("Voice, then WhatsApp"),
            case_id: text("case-7"),
            callee_number: text("+628123456789"),
            rows: vec![
                NodeRow {
                    nodetask_id: id(21),
                    nodetask_name: text("First call"),
                    node_type: text("call"),
                    task_id: Some(id(11)),
                },
                NodeRow {
                    nodetask_id: id(23),
                    nodetask_name: text("Wait a day"),
                    node_type: text("wait"),
                    task_id: None,
                },
            ],
        }),
        "workflow.status_changed" => wire(&StatusChanged {
            workflow_id: id(20),
            workflow_name: text("Voice, then WhatsApp"),
            status: text("running"),
            actions: vec![
                NodeAction {
                    nodetask_id: id(21),
                    nodetask_name: text("First call"),
                    node_type: text("call"),
                    task_id: Some(id(11)),
                    task_status: Some(text("finished")),
                },
                NodeAction {
                    nodetask_id: id(23),
                    nodetask_name: text("Wait a day"),
                    node_type: text("wait"),
                    task_id: None,
                    task_status: None,
                },
            ],
        }),
        "workflow.waba_status" => wire(&WabaStatus {
            workflow_id: id(20),
            workflow_name: text("Voice, then WhatsApp"),
            nodetask_id: id(24),
            nodetask_name: text("WhatsApp reminder"),
            waba_task_id: id(25),
            wfdetail_uuid: id(26),
            timestamp: NOW,
            channel: text("WhatsApp"),
            channel_id: text("3709"),
            callee: text("+628123456789"),
            msg_id: id(2),
            status: MessageStatus::Failed,
            error: Some(refused()),
        }),
        "workflow.session_ended" => wire(&SessionEnded {
            workflow_id: id(20),
            workflow_name: text("Voice, then WhatsApp"),
            nodetask_id: id(24),
            nodetask_name: text("WhatsApp reminder"),
            waba_task_id: id(25),
            wfdetail_uuid: id(26),
            timestamp: NOW + 60,
            channel: text("WhatsApp"),
            channel_id: text("3709"),
            callee: text("+628123456789"),
            call_id: id(27),
            robot_id: text("512"),
            status: SessionStatus::Closed,
            session_start_time: utc_text(at(0)),
            session_end_time: utc_text(at(60)),
            session_end_reason: EndReason::Robot,
            intention: text("A"),
            talk_round: 1,
            ner_slots: fields(json!({ "date": "2030-01-02" })),
            event_label: fields(json!({ "promise": "yes" })),
            variables: fields(json!({ "name": "Sari", "amount": "150000" })),
            messages: vec![started(), pressed(), says(4, SenderType::Chatbot, "Thank you!")],
        }),
        _ => return None,
    })
}

fn chatbot(id_: &str) -> Option<String> {
    let (event, call_id, company) = (text(id_), id(27), text("Indonesia"));
    let (channel, channel_id) = (text("WhatsApp"), text("3709"));
    Some(match id_ {
        "session.transfer" => wire(&SessionTransfer {
            event,
            channel,
            channel_id,
            user: user_ref(),
            transfer: Transfer { company, call_id },
        }),
        "agent.transfer" => wire(&AgentTransfer {
            event,
            channel,
            channel_id,
            user: user_ref(),
            transfer: SeatTransfer {
                company,
                call_id,
                from_seat_id: text("putri"),
                to_seat_id: text("budi"),
            },
        }),
        "message.send" => wire(&MessageSend {
            event,
            call_id,
            company,
            channel: text("chatbot"),
            channel_id,
            user: user(),
            messages: vec![says(2, SenderType::Robot, "Hello!"), says(3, SenderType::Robot, "How are you?")],
        }),
        "message.receive" => wire(&MessageReceive {
            event,
            call_id,
            company,
            channel,
            channel_id,
            user: user(),
            messages: vec![says(4, SenderType::User, "Where is my order?")],
        }),
        "agent.message" => wire(&AgentMessage {
            event,
            call_id,
            company,
            channel,
            channel_id,
            user: user(),
            seat_id: text("putri"),
            messages: vec![says(5, SenderType::User, "Thank you, Putri")],
        }),
        "message.status" => wire(&MessageStatusChange {
            event,
            call_id,
            company,
            channel,
            channel_id,
            user: user_ref(),
            msg_id: id(2),
            status: MessageStatus::Failed,
            timestamp: NOW,
            error: Some(refused()),
        }),
        "agent.message_status" => wire(&AgentMessageStatus {
            event,
            call_id,
            company,
            channel,
            channel_id,
            user: user_ref(),
            seat_id: text("putri"),
            msg_id: id(6),
            status: MessageStatus::Failed,
            timestamp: NOW,
            error: Some(refused()),
        }),
        "template.result" => wire(&TemplateResult {
            event,
            task_id: id(28),
            company,
            channel,
            channel_id,
            user: user_ref(),
            template: template_info(),
            msg_id: id(2),
            status: MessageStatus::Failed,
            timestamp: NOW,
            error: Some(refused()),
        }),
        "template.reply" => wire(&TemplateReply {
            event,
            call_id,
            company,
            channel,
            channel_id,
            user: user(),
            template: template_info(),
            messages: vec![pressed()],
        }),
        "session.end" => wire(&SessionEnd {
            event,
            call_id,
            company,
            channel,
            channel_id,
            user: user_ref(),
            seat_id: text("putri"),
            status: SessionStatus::Closed,
            session_start_time: utc_text(at(0)),
            session_end_time: utc_text(at(60)),
            session_end_reason: EndReason::Seat,
            timestamp: NOW + 60,
        }),
        "session.report" => wire(&SessionReport {
            event,
            call_id,
            company,
            channel,
            channel_id,
            user: user(),
            robot_id: text("512"),
            seat_id: text("putri"),
            status: SessionStatus::Closed,
            session_start_time: utc_text(at(0)),
            session_end_time: utc_text(at(60)),
            session_end_reason: EndReason::Seat,
            intention: text("A"),
            talk_round: 2,
            ner_slots: fields(json!({ "order": "A-1" })),
            event_label: fields(json!({ "solved": "yes" })),
            variables: fields(json!({ "name": "Sari" })),
            timestamp: NOW + 60,
            messages: vec![started(), says(4, SenderType::User, "Hi"), says(5, SenderType::Seat, "Hello")],
        }),
        "inbound.call_completed" => wire(&InboundCallCompleted {
            event,
            call_id,
            company,
            channel: text("voice"),
            channel_id,
            user: UserRef { id: text("+628123456789") },
            callee: text("+622150001234"),
            robot_id: text("512"),
            seat_id: String::new(),
            call_start_time: utc_text(at(0)),
            call_end_time: utc_text(at(60)),
            talk_duration: 55,
            talk_round: 4,
            hangup_type: text("user"),
            intention: text("A"),
            record_link: text("https://example.com/a.wav"),
            timestamp: NOW + 60,
        }),
        _ => return None,
    })
}

#[test]
fn every_callback_has_a_typed_body() {
    let mut seen = BTreeSet::new();
    for entry in Catalog::builtin().callbacks() {
        let name = entry.id.as_str();
        let body = calling(name).or_else(|| workflow(name)).or_else(|| chatbot(name));
        // The others stand with their departments.
        let Some(body) = body else { continue };
        let value: Value = serde_json::from_str(&body).unwrap();
        let named = value.get("event").or_else(|| value.get("type")).and_then(Value::as_str);
        assert_eq!(named, entry.event.as_deref(), "{name}: the event's name on the wire");
        insta::assert_snapshot!(name, body);
        assert!(seen.insert(name));
    }
}

#[test]
fn what_is_absent_stays_absent() {
    let mut detail = call_detail();
    detail.comments = None;
    detail.call_start_time = None;
    detail.call_end_time = None;
    detail.check_results = None;
    let bytes = wire(&detail);
    for name in ["Comments", "CallStartTime", "CallEndTime", "CheckResults"] {
        assert!(!bytes.contains(name), "{bytes}");
    }
}

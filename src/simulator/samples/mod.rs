//! Believable bodies of the callbacks that come from no conversation: calls, tasks, plans, workflows, the dialer,
//! number detection, SMS.
//!
//! Their ids, names and the call they speak of belong to the story's conversation: whatever is sent of it agrees.

mod calling;
mod case;
mod workflow;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::chatbot::Conversation;
use super::endpoint::{Generate, Wanted};
use super::{ConversationKey, Simulator};
use crate::contract::bodies::detection::{Business, DetectionResult};
use crate::contract::bodies::sms::SmsReceipt;
pub(super) use case::Case;

/// The body of an event; nothing if there is no such event.
pub(super) fn default_body(conversation: &Conversation, event: &str, now: Timestamp) -> Option<Value> {
    let case = Case::of(conversation, now);
    Some(match event {
        "call.completed" => json(&calling::call_completed(&case)),
        "task.finished" => json(&calling::task_finished(&case)),
        "plan.finished" => json(&calling::plan_finished(&case)),
        "workflow.call_completed" => json(&workflow::call_completed(&case)),
        "workflow.api_push" => json(&workflow::api_push(&case, conversation)),
        "workflow.contact_completed" => json(&workflow::contact_completed(&case)),
        "workflow.status_changed" => json(&workflow::status_changed(&case)),
        "workflow.waba_status" => json(&workflow::waba_status(&case, conversation)),
        "workflow.session_ended" => json(&workflow::session_ended(&case, conversation)),
        _ => return None,
    })
}

impl Generate for DetectionResult {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let case = Case::of(simulator.chatbot.conversations.get(key), wanted.now);
        Self { business: Business { callee: case.phone.clone(), numstatus: 2, prvdata: case.case_id } }
    }
}

impl Generate for SmsReceipt {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let case = Case::of(simulator.chatbot.conversations.get(key), wanted.now);
        Self {
            message_id: case.msg_id.clone(),
            to: case.phone,
            status: "delivered".to_owned(),
            reason: None,
            timestamp: wanted.now.as_second(),
        }
    }
}

/// Bodies are plain data: numbers, texts, lists, and tables with text keys, which always fit into JSON.
fn json(body: &impl Serialize) -> Value {
    serde_json::to_value(body).expect("a body is plain data")
}

//! The case a story's samples speak of: one person of a list, one call, the task and the workflow it belongs to.

use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::seed::hex32;
use crate::simulator::calling::{CallDetail, CaseCall, Turn};
use crate::simulator::chatbot::Conversation;
use crate::simulator::context::Context;
use crate::simulator::e164::e164;

/// Ids and names are drawn anew for every body, from the same stream, so that they are the same in all of them.
pub(in crate::simulator) struct Case {
    pub(in crate::simulator) now: Timestamp,
    pub(in crate::simulator) phone: String,
    pub(in crate::simulator) name: String,
    pub(in crate::simulator) gender: String,
    pub(in crate::simulator) case_id: String,
    pub(in crate::simulator) msg_id: String,
    pub(in crate::simulator) task_id: String,
    pub(in crate::simulator) task_name: String,
    pub(in crate::simulator) plan_id: String,
    pub(in crate::simulator) strategy_id: String,
    pub(in crate::simulator) call_id: String,
    /// The chatbot's robot: digits in a text.
    pub(in crate::simulator) chat_robot_id: String,
    pub(in crate::simulator) workflow_id: String,
    pub(in crate::simulator) workflow_name: String,
    pub(in crate::simulator) node_id: String,
    pub(in crate::simulator) nodetask_id: String,
    pub(in crate::simulator) waba_nodetask_id: String,
    pub(in crate::simulator) waba_task_id: String,
    pub(in crate::simulator) row_id: String,
    pub(in crate::simulator) agent: String,
    pub(in crate::simulator) call: CallDetail,
    pub(in crate::simulator) intention: String,
    pub(in crate::simulator) turns: Vec<Turn>,
    /// Seconds both sides talked.
    pub(in crate::simulator) talk: i64,
    /// When dialling began.
    pub(in crate::simulator) started: Timestamp,
    /// When the call ended.
    pub(in crate::simulator) ended: Timestamp,
    /// How many numbers the list has.
    pub(in crate::simulator) total: i64,
}

impl Case {
    /// The case of a conversation, a moment after its call.
    pub(in crate::simulator) fn of(context: &Context, conversation: &Conversation, now: Timestamp) -> Self {
        const PURPOSES: [&str; 4] = ["Reminder", "Welcome call", "Delivery check", "Offer"];
        const AGENTS: [&str; 4] = ["agent_01", "agent_02", "agent_07", "agent_12"];
        let mut rng = conversation.samples();
        let purpose = PURPOSES.choose(&mut rng).copied().unwrap_or_default();
        let day = conversation.started.strftime("%Y-%m-%d");
        let (user, facts) = conversation.people();
        let second_before = now.checked_sub(Duration::from_secs(1)).unwrap_or(now);
        let ended = conversation.started.max(second_before);
        let order = facts.order.clone();
        let number = e164(&user.phone).unwrap_or_default();
        let robot = hex32(&mut rng);
        let about = (facts, conversation.locale);
        let call = CaseCall::draw(context, &mut rng, robot, (number, &order), about, ended);
        Self {
            now,
            phone: user.phone,
            name: user.name,
            gender: user.gender.to_string(),
            case_id: order,
            msg_id: hex32(&mut rng),
            task_id: call.task_id,
            task_name: format!("{purpose} {day}"),
            plan_id: hex32(&mut rng),
            strategy_id: hex32(&mut rng),
            call_id: call.detail.call_id.clone(),
            chat_robot_id: crate::simulator::chatbot::four_digits(&mut rng),
            workflow_id: hex32(&mut rng),
            workflow_name: format!("{purpose}, voice then WhatsApp"),
            node_id: hex32(&mut rng),
            nodetask_id: hex32(&mut rng),
            waba_nodetask_id: hex32(&mut rng),
            waba_task_id: hex32(&mut rng),
            row_id: hex32(&mut rng),
            agent: AGENTS.choose(&mut rng).copied().unwrap_or_default().to_owned(),
            intention: call.intention.as_str().to_owned(),
            turns: call.detail.dialog.clone(),
            talk: i64::from(call.detail.talk_duration),
            call: call.detail,
            started: call.started,
            ended,
            total: rng.random_range(20..2_000),
        }
    }
}

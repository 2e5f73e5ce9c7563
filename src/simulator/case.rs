//! The data of generated callbacks that do not come from a conversation: one person of a list, one call, and the task and
//! workflow it belongs to. It is derived from a conversation all the same, so that all callbacks emitted for that conversation
//! agree.

use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::content::facts::Facts;
use crate::seed::{Seed, hex32};
use crate::simulator::calling::{CallDetail, CaseCall};
use crate::simulator::e164::e164;
use crate::simulator::endpoint::Wanted;
use crate::simulator::{ConversationKey, Simulator};

/// Ids and names are drawn anew for every body, from the same stream, so that they are the same in all of them.
pub(super) struct Case {
    pub(super) now: Timestamp,
    pub(super) phone: String,
    pub(super) name: String,
    pub(super) gender: String,
    pub(super) case_id: String,
    pub(super) msg_id: String,
    pub(super) task_id: String,
    pub(super) task_name: String,
    pub(super) plan_id: String,
    pub(super) strategy_id: String,
    pub(super) call_id: String,
    /// The chatbot's robot: digits in a text.
    pub(super) chat_robot_id: String,
    pub(super) workflow_id: String,
    pub(super) workflow_name: String,
    pub(super) node_id: String,
    pub(super) nodetask_id: String,
    pub(super) waba_nodetask_id: String,
    pub(super) waba_task_id: String,
    pub(super) row_id: String,
    pub(super) agent: String,
    pub(super) call: CallDetail,
    /// Length of the talk in seconds.
    pub(super) talk: i64,
    /// When dialling began.
    pub(super) started: Timestamp,
    /// When the call ended.
    pub(super) ended: Timestamp,
    /// Number of phone numbers in the list.
    pub(super) total: i64,
    /// The seed of the ids of its workflow's other nodes.
    pub(super) nodes: Seed,
    /// The facts and the language of the texts.
    pub(super) facts: Facts,
    pub(super) locale: &'static str,
}

impl Case {
    /// Generates the case of a conversation for which a callback is wanted, a moment after its call.
    pub(super) fn wanted(simulator: &Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        const PURPOSES: [&str; 4] = ["Reminder", "Welcome call", "Delivery check", "Offer"];
        const AGENTS: [&str; 4] = ["agent_01", "agent_02", "agent_07", "agent_12"];
        let now = wanted.now;
        let conversation = simulator.chatbot.conversations.get(key);
        let mut rng = conversation.samples();
        let purpose = PURPOSES.choose(&mut rng).copied().unwrap_or_default();
        let day = conversation.started.strftime("%Y-%m-%d");
        let (user, facts) = conversation.people();
        let second_before = now.checked_sub(Duration::from_secs(1)).unwrap_or(now);
        let ended = conversation.started.max(second_before);
        let order = facts.order.clone();
        let number = e164(&user.phone).unwrap_or_default();
        let robot = hex32(&mut rng);
        let about = (facts.clone(), conversation.locale);
        let call = CaseCall::draw(
            &simulator.context,
            &mut rng,
            robot,
            (number, &order, purpose == PURPOSES[0]),
            about,
            ended,
        );
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
            talk: i64::from(call.detail.talk_duration),
            call: call.detail,
            started: call.started,
            ended,
            total: rng.random_range(20..2_000),
            nodes: Seed(rng.random()),
            facts,
            locale: conversation.locale,
        }
    }
}

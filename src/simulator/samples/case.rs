//! The case a story's samples speak of: one person of a list, one call, the task and the workflow it belongs to.

use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::content::dialogue::{Dialogue, Speaker};
use crate::content::facts::Facts;
use crate::contract::bodies::calling::Turn;
use crate::seed::{Rng, hex32};
use crate::simulator::chatbot::Conversation;
use crate::simulator::context::Context;
use crate::simulator::talk::{record_link, speaking_time};

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
    pub(in crate::simulator) robot_id: String,
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
    pub(in crate::simulator) record_link: String,
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
    pub(in crate::simulator) fn of(_context: &Context, conversation: &Conversation, now: Timestamp) -> Self {
        const PURPOSES: [&str; 4] = ["Reminder", "Welcome call", "Delivery check", "Offer"];
        const AGENTS: [&str; 4] = ["agent_01", "agent_02", "agent_07", "agent_12"];
        let mut rng = conversation.samples();
        let purpose = PURPOSES.choose(&mut rng).copied().unwrap_or_default();
        let day = conversation.started.strftime("%Y-%m-%d");
        let (user, facts) = conversation.people();
        let (turns, intention, talk) = talk(&mut rng, conversation.locale, &facts);
        let ring = rng.random_range(3..20);
        let ended = conversation.started.max(before(now, 1));
        let started = before(ended, u64::try_from(talk).unwrap_or(0) + ring);
        Self {
            now,
            phone: user.phone,
            name: user.name,
            gender: user.gender.to_string(),
            case_id: facts.order,
            msg_id: hex32(&mut rng),
            task_id: hex32(&mut rng),
            task_name: format!("{purpose} {day}"),
            plan_id: hex32(&mut rng),
            strategy_id: hex32(&mut rng),
            call_id: hex32(&mut rng),
            robot_id: hex32(&mut rng),
            chat_robot_id: rng.random_range(1_000..10_000).to_string(),
            workflow_id: hex32(&mut rng),
            workflow_name: format!("{purpose}, voice then WhatsApp"),
            node_id: hex32(&mut rng),
            nodetask_id: hex32(&mut rng),
            waba_nodetask_id: hex32(&mut rng),
            waba_task_id: hex32(&mut rng),
            row_id: hex32(&mut rng),
            agent: AGENTS.choose(&mut rng).copied().unwrap_or_default().to_owned(),
            record_link: record_link(&mut rng, ended),
            intention,
            turns,
            talk,
            started,
            ended,
            total: rng.random_range(20..2_000),
        }
    }
}

fn before(moment: Timestamp, seconds: u64) -> Timestamp {
    moment.checked_sub(Duration::from_secs(seconds)).unwrap_or(moment)
}

/// What robot and person said, what the person wants, and how long it took.
fn talk(rng: &mut Rng, locale: &str, facts: &Facts) -> (Vec<Turn>, String, i64) {
    let names: Vec<&str> = Dialogue::names().collect();
    let name = names.choose(rng).copied().unwrap_or_default();
    let Ok(dialogue) = Dialogue::named(name) else { return (Vec::new(), "--".to_owned(), 0) };
    let told = dialogue.tell(rng, locale, facts, 12);
    let mut offset = 0;
    let turns = told.turns.into_iter().map(|turn| {
        let at = offset;
        offset += speaking_time(&turn.text);
        let speaker = if turn.speaker == Speaker::User { "user" } else { "robot" };
        Turn { speaker: speaker.to_owned(), text: turn.text, offset: at }
    });
    let turns: Vec<Turn> = turns.collect();
    (turns, told.intention, offset)
}

//! WhatsApp nodes: how far a template message gets, and the chatbot session with people who reply.
//!
//! It is drawn from the instance's seed, the row and the node whenever it is needed. For people who reply, the conversation is
//! stored among the chatbot's. How often people read and reply is assumed.

use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;

use super::instance::Visit;
use crate::content::facts::Facts;
use crate::contract::bodies::conversation::EndReason;
use crate::contract::bodies::message::{Content, MessageStatus, System, SystemKind};
use crate::seed::{Rng, Seed};
use crate::simulator::calling::MockOutcome;
use crate::simulator::chatbot::{Message, Reply, ReplyWay};
use crate::simulator::node::CameTo;
use crate::simulator::outcome::ChatOutcome;
use crate::simulator::talk::writing_time;

/// A step of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Its status changes.
    Status(MessageStatus),
    /// The person replies: a session begins.
    Reply,
    /// The session ends.
    Close,
    /// The wait for a reply ends.
    GiveUp,
}

/// The course of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Course {
    /// The person's intention: `A` to `I`; 0 without a reply.
    pub(super) intention: u8,
    /// The steps, each with its moment in milliseconds after the row's arrival.
    pub(super) steps: Vec<(i64, Step)>,
}

/// Returns the stream of a row at a node.
pub(super) fn stream(seed: Seed, label: &str, row: u32, node: u16) -> Rng {
    seed.stream(label, u64::from(row) << 16 | u64::from(node))
}

/// Returns the result of a row's message.
pub(super) fn outcome(
    seed: Seed,
    row: u32,
    node: u16,
    mock_outcome: MockOutcome,
    message_outcome: Option<CameTo>,
    within: Duration,
) -> CameTo {
    let mut rng = stream(seed, "message", row, node);
    let drawn = match rng.random_range(0..100) {
        0..4 => CameTo::Failed,
        4..24 => CameTo::Delivered,
        24..60 => CameTo::Read,
        _ => CameTo::Replied,
    };
    let of_number = mock_outcome.chat.map(|chat| match of_chat(chat) {
        // By then the wait for a reply has ended.
        _ if chat == ChatOutcome::Late && late(seed, row, node) > within => CameTo::Read,
        came_to => came_to,
    });
    let of_number = of_number.or(mock_outcome.sms_fails.then_some(CameTo::Failed));
    message_outcome.or(of_number).unwrap_or(drawn)
}

/// Returns the result of a template message for a user with this reaction.
fn of_chat(outcome: ChatOutcome) -> CameTo {
    match outcome {
        ChatOutcome::Unregistered | ChatOutcome::OptedOut => CameTo::Failed,
        ChatOutcome::Blocked => CameTo::Sent,
        ChatOutcome::Unread => CameTo::Delivered,
        ChatOutcome::Silent => CameTo::Read,
        ChatOutcome::Button(_)
        | ChatOutcome::Agent
        | ChatOutcome::Media
        | ChatOutcome::Late
        | ChatOutcome::OptsOut
        | ChatOutcome::Text
        | ChatOutcome::Once => CameTo::Replied,
    }
}

/// Returns how long a late reply takes.
pub(super) fn late(seed: Seed, row: u32, node: u16) -> Duration {
    Duration::from_millis(stream(seed, "late", row, node).random_range(3 * 3_600_000..9 * 3_600_000))
}

/// Returns the course of a row's message with this result; `is_late` says whether the person replies late.
pub(super) fn course(seed: Seed, row: u32, visit: &Visit, within: Duration, is_late: bool) -> Course {
    let Visit { node, came_to, intention, .. } = *visit;
    let mut rng = stream(seed, "course", row, node);
    let within = i64::try_from(within.as_millis()).unwrap_or(i64::MAX);
    // No step takes longer than the wait for a reply.
    let mut at = 0_i64;
    let mut after = |rng: &mut Rng, range: std::ops::Range<i64>| {
        at = at.saturating_add(rng.random_range(range)).min(within);
        at
    };
    let mut steps = vec![(after(&mut rng, 200..2_000), Step::Status(MessageStatus::Send))];
    if came_to == CameTo::Failed {
        steps.push((after(&mut rng, 500..5_000), Step::Status(MessageStatus::Failed)));
        return Course { intention, steps };
    }
    if came_to == CameTo::Sent {
        steps.push((within, Step::GiveUp));
        return Course { intention, steps };
    }
    steps.push((after(&mut rng, 500..8_000), Step::Status(MessageStatus::Delivery)));
    if came_to != CameTo::Delivered {
        steps.push((after(&mut rng, 3_000..600_000), Step::Status(MessageStatus::Read)));
    }
    if came_to != CameTo::Replied {
        steps.push((within, Step::GiveUp));
        return Course { intention, steps };
    }
    let usual = after(&mut rng, 4_000..300_000);
    let replied = if is_late {
        i64::try_from(late(seed, row, node).as_millis()).unwrap_or(i64::MAX).min(within)
    } else {
        usual
    };
    steps.push((replied, Step::Reply));
    steps.push((replied.saturating_add(rng.random_range(45_000..420_000)), Step::Close));
    Course { intention, steps }
}

impl Course {
    /// Returns when a step happens.
    pub(super) fn moment(&self, wanted: Step, came: Timestamp) -> Option<Timestamp> {
        let (after, _) = self.steps.iter().find(|(_, step)| *step == wanted)?;
        Timestamp::from_millisecond(came.as_millisecond().saturating_add(*after)).ok()
    }

    /// Returns when the person replies and the session begins.
    pub(super) fn began(&self, came: Timestamp) -> Timestamp {
        self.moment(Step::Reply, came).unwrap_or(came)
    }

    /// Returns the status after a number of steps; `None` before the first.
    pub(super) fn status(&self, done: u8) -> Option<MessageStatus> {
        let done = self.steps.iter().take(usize::from(done)).rev();
        done.map(|(_, step)| step).find_map(|step| match step {
            Step::Status(status) => Some(*status),
            _ => None,
        })
    }

    /// Whether a session is in progress after a number of steps.
    pub(super) fn is_in_session(&self, done: u8) -> bool {
        matches!(usize::from(done).checked_sub(1).and_then(|at| self.steps.get(at)), Some((_, Step::Reply)))
    }
}

/// The planned content of a session.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) began: Timestamp,
    pub(super) reason: EndReason,
    pub(super) messages: Vec<Message>,
    /// When the bot asks for an agent after the messages, if it does.
    pub(super) asks_for_agent: Option<Timestamp>,
}

/// The participants and parameters of a session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who<'a> {
    pub(super) seed: Seed,
    pub(super) row: u32,
    pub(super) node: u16,
    /// The language in which the person writes.
    pub(super) locale: &'static str,
    /// What the texts say of the person.
    pub(super) facts: &'a Facts,
    /// The id of the conversation.
    pub(super) call_id: &'a str,
    /// The person's path from the reply on.
    pub(super) way: &'a ReplyWay,
    /// The URL of the picture that the person sends, if one is forced.
    pub(super) picture: &'a str,
}

/// Returns the robot of a node, as digits in a text.
pub(super) fn robot_id(seed: Seed, node: u16) -> String {
    crate::simulator::chatbot::four_digits(&mut stream(seed, "robot", 0, node))
}

/// Returns the planned content of a session, from the person's reply to the template message on.
pub(super) fn session(who: Who<'_>, course: &Course, came: Timestamp) -> Session {
    let mut rng = stream(who.seed, "session", who.row, who.node);
    let began = course.began(came);
    let ended = course.moment(Step::Close, came).unwrap_or(began);
    let said = who.way.said(&mut rng, who.locale, who.facts, who.picture);
    let system = System { kind: SystemKind::Start, from_seat_id: String::new(), to_seat_id: String::new() };
    let message = |number: usize, at: i64, sender: &'static str, content: &Content| {
        Message::new(format!("{}-{number}", who.call_id), at, sender, "delivery", content)
    };
    let lengths: Vec<i64> = said.iter().map(|(_, content)| writing_time(content)).collect();
    let total = lengths.iter().sum::<i64>().max(1);
    let lasted = ended.as_second() - began.as_second();
    let mut before = 0;
    let mut messages = vec![message(1, began.as_second(), "system", &Content::System { system })];
    // The first message replies to the template message, with which the conversation begins.
    let mut template = Some(Reply::Whole(0));
    for ((number, (is_user, content)), length) in (2..).zip(said).zip(lengths) {
        // The conversation API calls the chatbot `robot` (example).
        let sender = if is_user { "user" } else { "robot" };
        let said = message(number, began.as_second() + before * lasted / total, sender, &content);
        messages.push(Message { reply: template.take(), ..said });
        before += length;
    }
    let reason = match rng.random_bool(0.85) {
        _ if who.way.is_silent => EndReason::Timeout,
        true => EndReason::Robot,
        false => EndReason::User,
    };
    let last = messages.last().map_or(began.as_second(), |message| message.timestamp);
    let asked = Timestamp::from_second(last + 1).unwrap_or(ended).min(ended);
    let asks_for_agent = who.way.asks_for_agent.then_some(asked);
    Session { began, reason, messages, asks_for_agent }
}

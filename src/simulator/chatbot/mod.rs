//! The chatbot: conversations on WhatsApp and other channels, their calls and callbacks.
//!
//! The story inferred from the vendor's menu: the bot talks with the user; a transfer to a person is asked for; the
//! customer accepts or refuses it; an agent and the user exchange messages, each followed by its statuses; someone
//! ends the conversation; its end and a report go out. Which calls cause which callbacks, and when, is assumed.

mod absorb;
mod calls;
mod campaign;
mod catalogue;
mod channel;
mod defaults;
mod fate;
mod media;
mod question;
mod recipients;
mod script;

use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use serde_json::Value;

use super::session::{ConversationKey, Phase};
use super::timers::ChatTimer;
use super::{Callback, Simulator, later};
use crate::seed::Rng;
use crate::seed::ids::{self, IdShape};

pub(super) use absorb::absorb;
pub(super) use calls::handle;
pub(super) use campaign::{Campaigns, Step};
pub(super) use defaults::default_body;
pub(super) use media::Media;
pub use media::Stored;
pub(super) use script::Script;

/// How conversations go on and how much is kept of them. All of it is assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatRules {
    /// How long after the user's last message free-form messages may be sent; nothing: always.
    pub window: Option<Duration>,
    /// The largest file that is taken, in bytes.
    pub upload_bytes: usize,
    /// How many bytes of files are kept.
    pub uploads_bytes: usize,
    /// How many files are kept.
    pub uploads: usize,
}

impl Default for ChatRules {
    fn default() -> Self {
        Self {
            window: Some(Duration::from_secs(24 * 3600)),
            upload_bytes: 16 << 20,
            uploads_bytes: 64 << 20,
            uploads: 1_000,
        }
    }
}

/// The channel of the vendor's example.
pub(super) const DEFAULT_CHANNEL: &str = "WhatsApp";

/// An id of four digits, as the vendor's examples have them.
pub(super) fn four_digits(rng: &mut Rng) -> String {
    ids::draw(rng, IdShape::Number, |rng| rng.random_range(1_000..10_000).to_string())
}

/// A channel id in the form of the vendor's example, `3709`.
pub(super) fn channel_id(rng: &mut Rng) -> String {
    four_digits(rng)
}

/// Does what a timer says; the callbacks that come of it.
pub(super) fn timer(simulator: &mut Simulator, timer: ChatTimer, at: Timestamp) -> Vec<Callback> {
    let one = match timer {
        ChatTimer::Turn { session } => return script::turn(simulator, session, at),
        ChatTimer::Template { task, row, step } => return campaign::step(simulator, task, row, step, at),
        ChatTimer::Status { session, place, status, by_agent } => {
            let event = if by_agent { "agent.message_status" } else { "message.status" };
            let message = simulator.sessions.get(session).messages.get(place as usize);
            let msg_id = message.map(|message| &message.msg_id);
            let patch = serde_json::json!({ "msg_id": msg_id, "status": status });
            emit(simulator, session, event, patch, at)
        }
        ChatTimer::End { session, reason } => {
            if simulator.sessions.get(session).phase == Phase::Closed {
                return Vec::new();
            }
            if let Some(coming) = simulator.sessions.get_mut(session).coming.take() {
                simulator.workflows.conversation_ended(coming.instance, coming.row, at);
            }
            let report_at = later(at, Duration::from_millis(2_500));
            simulator.timers.plan(report_at, ChatTimer::Report { session });
            emit(simulator, session, "session.end", serde_json::json!({ "session_end_reason": reason }), at)
        }
        ChatTimer::Word { session: key } => {
            let session = simulator.sessions.get_mut(key);
            session.say(at);
            if let Some(next) = session.next_word() {
                simulator.timers.plan(next, ChatTimer::Word { session: key });
            }
            None
        }
        ChatTimer::Report { session } => {
            emit(simulator, session, "session.report", Value::Object(serde_json::Map::new()), at)
        }
        ChatTimer::Silence { session } => {
            let state = simulator.sessions.get(session);
            let silent_at = later(state.last_activity, simulator.behaviour.silence);
            if state.phase == Phase::Closed {
                return Vec::new();
            }
            let timer = if silent_at <= at {
                ChatTimer::End { session, reason: "timeout" }
            } else {
                ChatTimer::Silence { session }
            };
            simulator.timers.plan(silent_at.max(at), timer);
            None
        }
    };
    one.into_iter().collect()
}

fn emit(
    simulator: &mut Simulator,
    session: ConversationKey,
    event: &'static str,
    patch: Value,
    at: Timestamp,
) -> Option<Callback> {
    let body = simulator.emit(session, event, patch, at).ok()?;
    script::callback(simulator, session, event, || body)
}

#[cfg(test)]
mod tests;

//! The chatbot: conversations on WhatsApp and other channels, their calls and callbacks.
//!
//! The story inferred from the vendor's menu: the bot talks with the user; a transfer to a person is asked for; the
//! customer accepts or refuses it; an agent and the user exchange messages, each followed by its statuses; someone
//! ends the conversation; its end and a report go out. Which calls cause which callbacks, and when, is assumed.

mod absorb;
mod calls;
mod defaults;

use jiff::Timestamp;
use rand::RngExt;
use serde_json::Value;

use super::seed::Rng;
use super::session::{Phase, SessionKey};
use super::timers::ChatTimer;
use super::{AccountKey, Emission, EmissionBody, Simulator, later};

pub(super) use absorb::absorb;
pub(super) use calls::handle;
pub(super) use defaults::default_body;

/// The channel of the vendor's example.
pub(super) const DEFAULT_CHANNEL: &str = "WhatsApp";

/// A channel id in the form of the vendor's example, `3709`.
pub(super) fn channel_id(rng: &mut Rng) -> String {
    rng.random_range(1_000..10_000).to_string()
}

/// Does what a timer says; the callback that comes of it, if any.
pub(super) fn timer(simulator: &mut Simulator, timer: ChatTimer, at: Timestamp) -> Option<Emission> {
    match timer {
        ChatTimer::Status { session, msg_id, status, by_agent } => {
            let event = if by_agent { "agent.message_status" } else { "message.status" };
            let patch = serde_json::json!({ "msg_id": msg_id, "status": status });
            emit(simulator, session, event, patch, at)
        }
        ChatTimer::End { session, reason } => {
            if simulator.sessions.get(session).phase == Phase::Closed {
                return None;
            }
            let report_at = later(at, std::time::Duration::from_millis(2_500));
            simulator.timers.plan(report_at, ChatTimer::Report { session });
            emit(simulator, session, "session.end", serde_json::json!({ "session_end_reason": reason }), at)
        }
        ChatTimer::Report { session } => {
            emit(simulator, session, "session.report", Value::Object(serde_json::Map::new()), at)
        }
        ChatTimer::Silence { session } => {
            let state = simulator.sessions.get(session);
            let silent_at = later(state.last_activity, simulator.behaviour.silence);
            if state.phase == Phase::Closed {
                return None;
            }
            let timer = if silent_at <= at {
                ChatTimer::End { session, reason: "timeout" }
            } else {
                ChatTimer::Silence { session }
            };
            simulator.timers.plan(silent_at.max(at), timer);
            None
        }
    }
}

fn emit(
    simulator: &mut Simulator,
    session: SessionKey,
    event: &'static str,
    patch: Value,
    at: Timestamp,
) -> Option<Emission> {
    let play = simulator.sessions.get(session).play;
    let body = simulator.emit(session, event, patch, at).ok()?;
    let order_key = Some(simulator.order_key(session));
    let account = AccountKey::default();
    Some(Emission {
        account,
        play,
        event: event.into(),
        body: EmissionBody::Json(body),
        order_key,
        target: None,
    })
}

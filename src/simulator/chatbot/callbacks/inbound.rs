//! The callback of an inbound call.

use std::time::Duration;

use rand::RngExt;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Head, intention, robot_id};
use crate::content::phone;
use crate::contract::bodies::conversation::UserRef;
use crate::contract::bodies::utc_text;
use crate::simulator::Simulator;
use crate::simulator::endpoint::{Generate, Wanted};
use crate::simulator::keys::ConversationKey;
use crate::simulator::talk::record_link;

/// The channel of an inbound call (assumed).
const VOICE_CHANNEL: &str = "voice";

/// `inbound.call_completed`, *Inbound Callback*: somebody called, and the call is over. The head follows `message.send`,
/// the facts follow the calling family, in the letter case of this one (assumed).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct InboundCallCompleted {
    #[serde(flatten)]
    head: Head,
    /// Who called; the id is the number in E.164.
    user: UserRef,
    /// The number called, in E.164.
    callee: String,
    /// The robot that answered, digits in a string; empty if none did.
    robot_id: String,
    /// The agent the call was passed to, empty if none.
    seat_id: String,
    /// When it rang: `2025-04-15T06:41:00Z`.
    call_start_time: String,
    /// When it ended: `2025-04-15T06:41:00Z`.
    call_end_time: String,
    /// How long both sides talked, in seconds.
    talk_duration: u64,
    /// Number of turns of caller and robot.
    talk_round: u64,
    /// Who hung up.
    hangup_type: &'static str,
    /// What the caller wanted, one letter; `--` if unknown.
    intention: String,
    /// The URL of the recording; empty if nobody talked.
    record_link: String,
    /// When the callback was created, in Unix seconds.
    timestamp: i64,
}

impl Generate for InboundCallCompleted {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let conversation = simulator.chatbot.conversations.get_mut(key);
        let (user, _) = conversation.people();
        let talk = conversation.rng.draw().random_range(15..240);
        let ring = conversation.rng.draw().random_range(2..12);
        let started = wanted.now.checked_sub(Duration::from_secs(talk + ring)).unwrap_or(wanted.now);
        let intention = intention(conversation);
        let callee = phone(&mut conversation.rng.draw(), user.country);
        let mut head = Head::of(wanted.event, conversation);
        VOICE_CHANNEL.clone_into(&mut head.channel);
        Self {
            head,
            user: UserRef { id: user.phone },
            callee,
            robot_id: robot_id(conversation),
            seat_id: conversation.seat_id.to_string(),
            call_start_time: utc_text(started),
            call_end_time: utc_text(wanted.now),
            talk_duration: talk,
            talk_round: talk / 12 + 1,
            hangup_type: "user",
            intention,
            record_link: record_link(&mut conversation.samples(), wanted.now),
            timestamp: wanted.now.as_second(),
        }
    }
}

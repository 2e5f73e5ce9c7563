//! The seats of generated callbacks: the agent who has a conversation, and the one who may have it next.

use super::conversation::{Conversation, Phase};
use super::four_digits;

/// Returns the agent who has a conversation. If a callback about an agent is sent by hand or by a story before any agent has
/// the conversation, one is drawn.
pub(super) fn seat(conversation: &Conversation) -> String {
    // An agent whose seat was not named when the transfer was accepted has none.
    let is_taken = conversation.phase == Phase::Agent || conversation.is_transfer_answered;
    if is_taken || !conversation.seat_id.is_empty() {
        return conversation.seat_id.to_string();
    }
    four_digits(&mut conversation.rng.seed().stream("seat", 0))
}

/// Returns another agent, to whom the present one passes the conversation on.
pub(super) fn next_seat(conversation: &Conversation) -> String {
    let mut rng = conversation.rng.seed().stream("seat", 1);
    loop {
        let seat = four_digits(&mut rng);
        if seat != *conversation.seat_id && seat != self::seat(conversation) {
            return seat;
        }
    }
}

//! Template messages: who gets one, what becomes of it, and the query that tells it. When a message moves on, its state
//! and the callback that tells it change at the same moment, so that both always agree. All of it is assumed.

mod reply;
mod result;
mod send;
mod steps;
mod thread;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::catalogue::{Chosen, Waba};
use super::fate::Fate;
use crate::contract::bodies::message::MessageStatus;
use crate::simulator::AccountKey;
use crate::simulator::keys::ConversationKey;
use crate::simulator::outcome::MockOutcome;
use crate::simulator::wire_id::WireId;

pub(super) use result::template_result;
pub(super) use send::send;
pub(super) use steps::step;
pub(super) use thread::{Thread, thread};

const STATUSES: [&str; 5] = ["pending", "send", "delivery", "read", "failed"];

use crate::simulator::timer::TemplateStep as Step;

/// A message to one number.
#[derive(Clone, Debug)]
struct Row {
    conversation: ConversationKey,
    number: u64,
    msg_id: WireId,
    /// What fills the template, where it is not what fills it for all.
    texts: Option<Box<[String]>>,
    /// Nothing as long as it is under way.
    status: Option<MessageStatus>,
    at: Timestamp,
    fate: Fate,
    mock_outcome: MockOutcome,
    replied: bool,
}

/// All messages of one call.
#[derive(Clone, Debug)]
struct Campaign {
    id: String,
    account: AccountKey,
    chosen: Chosen,
    waba: Waba,
    /// Who hears of it: a reply to a single message is told by an event of its own.
    is_single: bool,
    /// What fills the template.
    texts: Option<Vec<String>>,
    rows: Vec<Row>,
    /// How many messages are at each of [`STATUSES`].
    counts: [usize; 5],
    replied: usize,
}

/// All campaigns, and who wants no messages.
#[derive(Clone, Debug, Default)]
pub(in crate::simulator) struct Campaigns {
    list: Vec<Campaign>,
    by_id: BTreeMap<String, usize>,
    /// Channel and user.
    opted_out: BTreeSet<(WireId, WireId)>,
    threads: u64,
}

impl Campaigns {
    /// A user wants no more messages on a channel.
    pub(super) fn opt_out(&mut self, channel_id: &WireId, user_id: &WireId) {
        self.opted_out.insert((channel_id.clone(), user_id.clone()));
    }

    /// A number for a new conversation, which its seed is made from.
    pub(super) fn next_thread(&mut self) -> u64 {
        self.threads += 1;
        self.threads
    }
}

fn place(status: Option<MessageStatus>) -> usize {
    match status {
        None => 0,
        Some(MessageStatus::Send) => 1,
        Some(MessageStatus::Delivery) => 2,
        Some(MessageStatus::Read) => 3,
        Some(MessageStatus::Failed) => 4,
    }
}

/// A message comes so far.
fn move_to(campaign: &mut Campaign, row: usize, status: MessageStatus, at: Timestamp) {
    let state = &mut campaign.rows[row];
    campaign.counts[place(state.status)] -= 1;
    campaign.counts[place(Some(status))] += 1;
    (state.status, state.at) = (Some(status), at);
}

//! Template messages: their recipients, their results, and the query for them. When a message reaches its next status, its
//! state and the callback about it change at the same moment, so that both always agree. All of it is assumed.

mod put_away;
mod reply;
mod result;
mod seen;
mod send;
mod steps;
mod thread;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::catalogue::Chosen;
use super::outcome_plan::OutcomePlan;
use super::recipients::To;
use super::waba::Waba;
use crate::contract::bodies::message::MessageStatus;
use crate::simulator::AccountKey;
use crate::simulator::keys::{CampaignKey, ConversationKey};
use crate::simulator::outcome::MockOutcome;
use crate::simulator::shelf::Shelf;
use crate::simulator::timer::TemplateStep as Step;
use crate::simulator::wire_id::WireId;

pub(super) use reply::replied;
pub(super) use result::template_result;
use send::begin;
pub(super) use send::{send_single_template, send_template};
pub(super) use steps::step;
pub(super) use thread::{Thread, thread};

/// Weight of a campaign without its messages, in messages of about equal memory.
const CAMPAIGN_WEIGHT: usize = 10;

/// Number of messages that begin at once.
const PART: usize = 1_000;

/// A message to one number.
#[derive(Clone, Debug)]
struct Row {
    conversation: ConversationKey,
    number: u64,
    msg_id: WireId,
    /// The values of the template's variables, if they differ from those for all.
    texts: Option<Box<[String]>>,
    status: RowStatus,
    at: Timestamp,
    outcome: OutcomePlan,
    mock_outcome: MockOutcome,
    replied: bool,
}

/// All messages of one request.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Campaign {
    id: String,
    account: AccountKey,
    chosen: Chosen,
    waba: Waba,
    /// Whether it is a single message: the reply to one has an event of its own.
    is_single: bool,
    /// The values of the template's variables.
    texts: Option<Vec<String>>,
    rows: Vec<Row>,
    /// The recipients that are not among the rows yet: a long list begins in parts.
    waiting: VecDeque<To>,
    counts: Counts,
    replied: usize,
}

/// All campaigns, and the users who have opted out of messages.
#[derive(Clone, Debug, Default)]
pub(in crate::simulator) struct Campaigns {
    pub(in crate::simulator) list: Shelf<CampaignKey, Campaign>,
    by_id: BTreeMap<String, CampaignKey>,
    /// The users who opted out, as channel and user.
    opted_out: BTreeSet<(WireId, WireId)>,
    threads: u64,
}

impl Campaigns {
    /// Records that a user wants no more messages on a channel.
    pub(in crate::simulator) fn opt_out(&mut self, channel_id: &WireId, user_id: &WireId) {
        self.opted_out.insert((channel_id.clone(), user_id.clone()));
    }

    /// Whether a user wants no more messages on a channel.
    pub(in crate::simulator) fn is_opted_out(&self, channel_id: &WireId, user_id: &WireId) -> bool {
        !self.opted_out.is_empty() && self.opted_out.contains(&(channel_id.clone(), user_id.clone()))
    }

    /// Returns the number from which the seed of a new conversation is made.
    pub(super) fn next_thread(&mut self) -> u64 {
        self.threads += 1;
        self.threads
    }
}

/// How far a template message has come (assumed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RowStatus {
    /// It is on its way out.
    Pending,
    /// It was sent.
    Send,
    /// It has reached the user's device.
    Delivery,
    /// The user has seen it.
    Read,
    /// It could not be delivered.
    Failed,
}

impl From<MessageStatus> for RowStatus {
    fn from(status: MessageStatus) -> Self {
        match status {
            MessageStatus::Send => Self::Send,
            MessageStatus::Delivery => Self::Delivery,
            MessageStatus::Read => Self::Read,
            MessageStatus::Failed => Self::Failed,
        }
    }
}

/// Number of messages by status (assumed).
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
struct Counts {
    /// Being sent.
    pending: usize,
    /// Sent.
    send: usize,
    /// Delivered.
    delivery: usize,
    /// Read.
    read: usize,
    /// Failed.
    failed: usize,
}

impl Counts {
    fn of(&mut self, status: RowStatus) -> &mut usize {
        match status {
            RowStatus::Pending => &mut self.pending,
            RowStatus::Send => &mut self.send,
            RowStatus::Delivery => &mut self.delivery,
            RowStatus::Read => &mut self.read,
            RowStatus::Failed => &mut self.failed,
        }
    }
}

/// Sets the status that a message has reached.
fn move_to(campaign: &mut Campaign, row: usize, status: MessageStatus, at: Timestamp) {
    let state = &mut campaign.rows[row];
    *campaign.counts.of(state.status) -= 1;
    (state.status, state.at) = (status.into(), at);
    *campaign.counts.of(state.status) += 1;
}

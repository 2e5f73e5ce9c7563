//! Callbacks sent by hand: by `emit`, and by resending.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::core::Engine;
use super::dispatch::{NewCallback, Origin};
use crate::content::Country;
use crate::delivery::{Attempt, QueuedCallback, as_sent};
use crate::scenario::{Body, SendError};
use crate::simulator::{AccountKey, ConversationKey, Opening};

impl Engine {
    /// Reconstructs a conversation from callbacks that were sent without this engine.
    pub fn put_up(&mut self, opening: Opening, said: Vec<(Arc<str>, Value)>) {
        let now = opening.now;
        let key = self.simulator.open(opening);
        for (event, body) in said {
            self.simulator.apply_event(key, &event, &body, now);
        }
    }

    /// Checks whether a callback that belongs to no story can be sent at all, before anything is made for it.
    ///
    /// # Errors
    ///
    /// If it can't.
    pub fn check_alone(&mut self, event: &str, now: Timestamp) -> Result<(), SendError> {
        self.dispatch.check(&alone(event, None), now).map(drop)
    }

    /// Sends a callback that belongs to no story, for `emit`.
    ///
    /// # Errors
    ///
    /// If it can't be sent at all.
    pub fn send_alone(
        &mut self,
        event: &str,
        body: Body,
        session: ConversationKey,
        now: Timestamp,
    ) -> Result<Arc<QueuedCallback>, SendError> {
        let order = alone(event, Some(self.simulator.order_key(session)));
        self.dispatch.send(order, body, Origin::default(), now)
    }

    /// Opens a new conversation that belongs to no story, for callbacks sent by hand.
    pub fn open_alone(&mut self, country: Country, now: Timestamp) -> ConversationKey {
        self.opened_alone += 1;
        let seed = self.seed.derive("emit", self.opened_alone);
        self.simulator.open(Opening { story: None, seed, country, locale: None, now })
    }

    /// Returns the number of a new person in Indonesia, who is played from outside.
    pub fn new_number(&mut self) -> u64 {
        self.opened_alone += 1;
        let drawn = self.seed.derive("person", self.opened_alone).0;
        // The last four digits begin with 1; those of the magic numbers begin with 9.
        6_281_200_001_000 + drawn % 10_000 * 10_000 + drawn / 10_000 % 1_000
    }

    /// Sends a callback again: the same bytes under the same id, or another body, which is signed anew. It waits for no other
    /// callback.
    pub fn send_again(
        &mut self,
        old: &QueuedCallback,
        body: Option<Bytes>,
        now: Timestamp,
    ) -> Arc<QueuedCallback> {
        self.dispatch.send_again(old, body, now)
    }

    /// Returns a callback as it would be sent now, without sending it.
    pub fn preview(&self, callback: Arc<QueuedCallback>, now: Timestamp) -> Attempt {
        as_sent(callback, 1, now).attempt
    }
}

/// A callback that belongs to no story.
fn alone(event: &str, order_key: Option<String>) -> NewCallback<'_> {
    NewCallback {
        event,
        headers: &[],
        target: None,
        own_target: false,
        policy: None,
        order_key,
        part_of: Vec::new(),
        sums_up: None,
        account: AccountKey::default(),
        flow: None,
        again: None,
        faults: Vec::new(),
    }
}

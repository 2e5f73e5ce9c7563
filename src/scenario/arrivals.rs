//! Everything that arrived, whatever its outcome: every request of the integrator, including refused ones and those for which
//! nothing is served. A story that waits in vain looks here for what arrived in place of what it waits for.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::files::Place;
use crate::simulator::ConversationKey;

/// Maximum number of arrivals that are kept; the oldest are forgotten.
const KEPT: usize = 1_000;

/// A request or callback that arrived.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// When it arrived.
    pub at: Timestamp,
    /// What arrived.
    pub what: Came,
    /// Its fields, as far as they could be read.
    pub fields: Arc<Value>,
    /// The conversation that it names, if that is known.
    pub conversation: Option<ConversationKey>,
    /// Its outcome.
    pub outcome: Outcome,
    /// The story that it belongs to, if that is known.
    pub story: Option<Arc<str>>,
    /// The step that took it.
    pub taken: Option<Place>,
}

/// The kind of an arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// A request, with the catalog id of its endpoint.
    Request(Arc<str>),
    /// A request for which nothing is served.
    Stray {
        /// Its method and path, as received.
        asked: String,
        /// The endpoints that were probably meant.
        meant: Vec<Arc<str>>,
    },
    /// A callback of the mock, with its event id.
    Callback(Arc<str>),
}

/// The outcome of an arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The request took effect, or the callback was delivered.
    Good,
    /// The mock refused the request.
    Refused {
        /// The vendor's code.
        code: i64,
        /// The reason given in the response.
        reason: String,
        /// Whether it is about authentication: a signature, a token, the encryption.
        is_proof: bool,
    },
    /// A fault of a story or the settings kept the request from taking effect.
    OnPurpose,
    /// The callback was given up.
    Undelivered(String),
    /// The callback was sent by the story itself.
    OfStory,
}

/// The latest arrivals, each identified by a number.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    list: VecDeque<Arrival>,
    /// How many were forgotten: the number of the first one that is kept.
    first: u64,
}

impl Arrivals {
    /// Adds an arrival, and returns its number.
    pub fn push(&mut self, arrival: Arrival) -> u64 {
        if self.list.len() == KEPT {
            self.list.pop_front();
            self.first += 1;
        }
        self.list.push_back(arrival);
        self.first + self.list.len() as u64 - 1
    }

    /// Returns the arrival with a number, unless it was forgotten.
    pub fn get_mut(&mut self, number: u64) -> Option<&mut Arrival> {
        self.list.get_mut(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// Returns all arrivals, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arrival> {
        self.list.iter()
    }
}

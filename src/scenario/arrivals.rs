//! What came, whatever became of it: every request of the integrator, also one that was refused or that nothing is served
//! for. A story that waits in vain looks here for what came in place of what it waits for.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::files::Place;
use crate::simulator::ConversationKey;

/// So many are kept; the oldest are forgotten.
const KEPT: usize = 1_000;

/// Something that came.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Came,
    /// Its fields, as far as they could be read.
    pub fields: Arc<Value>,
    /// The conversation that it names, if it is known.
    pub conversation: Option<ConversationKey>,
    /// What became of it.
    pub outcome: Outcome,
    /// The story whose it is, if it is known to be one's.
    pub story: Option<Arc<str>>,
    /// The step that took it.
    pub taken: Option<Place>,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// A request, by the catalog id of its endpoint.
    Call(Arc<str>),
    /// A request for which nothing is served.
    Stray {
        /// Its method and path, as it came.
        asked: String,
        /// The endpoints that were meant, most likely.
        meant: Vec<Arc<str>>,
    },
    /// A callback of the mock's, by its event id.
    Callback(Arc<str>),
}

/// What became of something that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The request took effect, or the callback was delivered.
    Good,
    /// The mock refused the request.
    Refused {
        /// The vendor's code.
        code: i64,
        /// The reason, as it was answered.
        reason: String,
        /// Whether it is about the proof of who calls: a signature, a token, the encryption.
        is_proof: bool,
    },
    /// A fault kept the request from taking effect, as a story or the settings ask for.
    OnPurpose,
    /// The callback was given up.
    Undelivered(String),
    /// The callback is one that the story itself sent.
    OfStory,
}

/// The latest things that came, each by a number.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    list: VecDeque<Arrival>,
    /// How many were forgotten: the number of the first one that is there.
    first: u64,
}

impl Arrivals {
    /// Notes one, and gives its number.
    pub fn push(&mut self, arrival: Arrival) -> u64 {
        if self.list.len() == KEPT {
            self.list.pop_front();
            self.first += 1;
        }
        self.list.push_back(arrival);
        self.first + self.list.len() as u64 - 1
    }

    /// The one of a number, unless it was forgotten.
    pub fn get_mut(&mut self, number: u64) -> Option<&mut Arrival> {
        self.list.get_mut(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arrival> {
        self.list.iter()
    }
}

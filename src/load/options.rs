//! The options of a load.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::report::{Shard, Share};
use crate::language::{Arrivals, RateUnit};
use crate::scenario::Story;
use crate::seed::Seed;

/// The options of a load.
#[derive(Clone, Debug)]
pub struct Options {
    /// The stories, each with its weight in the mix.
    pub stories: Vec<(Arc<Story>, u32)>,
    /// What rates count.
    pub unit: RateUnit,
    /// How arrivals are spaced.
    pub arrivals: Arrivals,
    /// Number of events, or stories, after which to end. Stories already running are allowed to finish.
    pub count: Option<u64>,
    /// Maximum number of events in flight; at least 1.
    pub in_flight: u32,
    /// Number of threads that send; at least 1.
    pub workers: u32,
    /// Time after which an unanswered event counts as timed out.
    pub timeout: Duration,
    /// Lag from which an event counts as late.
    pub late: Duration,
    /// Lag after which an event is dropped.
    pub drop_after: Duration,
    /// The seed of ids, people and arrivals.
    pub seed: Seed,
    /// Which part of the whole run this is.
    pub shard: Shard,
    /// The protocol that is spoken with the receiver.
    pub protocol: Protocol,
    /// Whether stories are simulated even if they could be compiled.
    pub simulated: bool,
    /// Whether requests are served besides request templates; simulated stories are always served.
    pub serves: bool,
    /// Whether each event is kept, to compare it with the receiver's own list.
    pub keeps_events: bool,
    /// Maximum share of the events that the sender may hold back before the run is void, 0 to 1.
    pub most_held_back: f64,
    /// When to begin; `None` for at once.
    pub start_at: Option<Timestamp>,
}

impl Options {
    /// Returns the mix, with no story started yet.
    pub(super) fn shares(&self) -> Vec<Share> {
        let stories = self.stories.iter();
        stories
            .map(|(story, weight)| Share { name: story.name.clone(), weight: *weight, ..Share::default() })
            .collect()
    }
}

/// The protocol that is spoken with the receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// One event at a time over each connection.
    #[default]
    Http1,
    /// All events of a worker over one connection.
    Http2,
}

impl Protocol {
    /// Returns its name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 => "http/2",
        }
    }

    /// Returns its name in the TLS negotiation (RFC 7301, RFC 9113).
    pub(crate) fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }
}

//! What is asked of a load.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::report::{Shard, Share};
use crate::language::{Arrivals, RateUnit};
use crate::scenario::Story;
use crate::seed::Seed;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The stories, each with its weight in the mix.
    pub stories: Vec<(Arc<Story>, u32)>,
    /// What rates count.
    pub unit: RateUnit,
    /// How arrivals are spaced.
    pub arrivals: Arrivals,
    /// After how many events, or stories, to end. Stories already running are allowed to finish.
    pub count: Option<u64>,
    /// How many events may be in flight; at least 1.
    pub in_flight: u32,
    /// How many threads send; at least 1.
    pub workers: u32,
    /// After how long an unanswered event counts as timed out.
    pub timeout: Duration,
    /// From which lag on an event counts as late.
    pub late: Duration,
    /// After which lag an event is dropped.
    pub drop_after: Duration,
    /// The seed of ids, people and arrivals.
    pub seed: Seed,
    /// Which part of the whole this is.
    pub shard: Shard,
    /// What is spoken with the receiver.
    pub protocol: Protocol,
    /// Whether stories are simulated even if they could be compiled.
    pub simulated: bool,
    /// Whether requests are served beside request templates; simulated stories always are.
    pub serves: bool,
    /// Whether each event is kept, to look it up in the receiver's own list.
    pub keeps_events: bool,
    /// Which share of the events the sender may hold back before the run is void, 0 to 1.
    pub most_held_back: f64,
    /// When to begin; nothing: at once.
    pub start_at: Option<Timestamp>,
}

impl Options {
    /// The mix, of which nothing was started yet.
    pub(super) fn shares(&self) -> Vec<Share> {
        let stories = self.stories.iter();
        stories
            .map(|(story, weight)| Share { name: story.name.clone(), weight: *weight, ..Share::default() })
            .collect()
    }
}

/// What is spoken with the receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// One event at a time over each connection.
    #[default]
    Http1,
    /// All events of a worker over one connection.
    Http2,
}

impl Protocol {
    /// Its name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 => "http/2",
        }
    }

    /// Its name when it is agreed on over TLS (RFC 7301, RFC 9113).
    pub(crate) fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }
}

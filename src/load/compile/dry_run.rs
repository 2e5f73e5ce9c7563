//! Runs a story without a network and without waiting, to see what it sends.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::context::Context;
use super::error::{MOST_SENT, NotCompilable};
use crate::delivery::{Attempt, AttemptResult, ReceiverResponse, StatusSet};
use crate::scenario::{Story, StoryRun};
use crate::seed::Seed;
use crate::seed::ids::{self, DrawnId};

/// Maximum duration of a story: a compiled story has to be sent within one day in all countries.
const LONGEST: Duration = Duration::from_secs(12 * 60);

/// What a story sends, and when.
type Sent = Vec<(Arc<Attempt>, Timestamp)>;

/// The parameters of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct DryRun<'a> {
    /// The seed of people, texts and everything else but ids.
    pub(super) seed: Seed,
    /// The seed of ids.
    pub(super) ids: Seed,
    /// The number of the copy.
    pub(super) copy: u32,
    pub(super) at: Timestamp,
    /// Delay of each response.
    pub(super) latency: Duration,
    /// The body of every response.
    pub(super) response: &'a str,
}

impl DryRun<'_> {
    /// Returns what the story sends and when, and the ids it draws. Every callback is answered with a wanted status.
    ///
    /// # Errors
    ///
    /// If the story sends nothing, or does not end.
    pub(super) fn run(
        &self,
        context: &Context<'_>,
        story: &Arc<Story>,
    ) -> Result<(Sent, Vec<DrawnId>), NotCompilable> {
        let (sent, ids) = ids::observe(self.ids, || self.attempts(context, story));
        Ok((sent?, ids))
    }

    fn attempts(&self, context: &Context<'_>, story: &Arc<Story>) -> Result<Sent, NotCompilable> {
        let Self { seed, copy, mut at, latency, response, .. } = *self;
        let mut run = StoryRun::new(Arc::clone(story), Arc::from("dry run"), 0, copy, seed, at);
        for (name, value) in context.set {
            run.preset(name, value);
        }
        let mut engine = context.builder(seed, 1).stories(vec![run]).engine()?;
        let ends = at.checked_add(LONGEST).unwrap_or(Timestamp::MAX);
        let mut sent = Vec::new();
        let mut wanted = story.wanted_statuses();
        loop {
            engine.advance(at);
            let Some(attempt) = engine.start(at) else {
                let is_over = engine.stories().get(0).is_none_or(StoryRun::is_over);
                match engine.next_wakeup().filter(|_| !is_over) {
                    Some(next) if next > at && next <= ends => at = next,
                    _ => break,
                }
                continue;
            };
            let sent_at = at;
            at = at.checked_add(latency).unwrap_or(Timestamp::MAX);
            let response = ReceiverResponse {
                status: wanted.next().map_or(200, StatusSet::usual),
                headers: Vec::new(),
                body: Bytes::copy_from_slice(response.as_bytes()),
                truncated: false,
            };
            engine.finish(&attempt, AttemptResult { result: Ok(response), elapsed: latency }, at);
            sent.push((attempt, sent_at));
            if sent.len() > MOST_SENT {
                return Err(NotCompilable::SendsTooMuch);
            }
        }
        match engine.stories().get(0) {
            Some(run) if run.is_over() && !sent.is_empty() => Ok(sent),
            Some(run) if run.is_over() => Err(NotCompilable::SendsNothing),
            _ => Err(NotCompilable::Waits),
        }
    }
}

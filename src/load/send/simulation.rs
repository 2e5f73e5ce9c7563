//! Stories simulated at a rate: which of them begin, when they move on, and what is to be sent. It is given the time and
//! never waits or sends.
//!
//! Every moment is processed at its own time, however late this side is: a pause that was over a while ago was over then,
//! and the callback after it was planned for that instant. So a delay of this side is attributed neither to the plan nor to
//! the receiver.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::keeper::Keeper;
use crate::delivery::Attempt;
use crate::engine::Engine;
use crate::load::options::Options;
use crate::load::plan::{Event, Next, Schedule};
use crate::scenario::StoryRun;

/// Number of stories, moments and requests that are processed before everything else gets its turn.
const AT_ONCE: usize = 16;

/// How often a closed loop checks whether a story has ended.
const LOOK: Duration = Duration::from_millis(5);

/// The result of a turn.
#[derive(Debug)]
pub(super) struct Turn {
    /// The attempts to be made now.
    pub(super) attempts: Vec<Arc<Attempt>>,
    /// When the next turn is due; `None` for as soon as something happens.
    pub(super) wake: Option<Timestamp>,
    /// Whether all stories have begun.
    pub(super) has_begun_all: bool,
}

/// Stories simulated at a rate.
pub(super) struct Simulation<'a> {
    options: &'a Options,
    set: &'a [(String, Value)],
    schedule: Schedule,
    keeper: Keeper,
    started: Timestamp,
    /// Number of stories begun.
    begun: u32,
}

impl<'a> Simulation<'a> {
    /// Stories that this engine runs and nobody else adds to.
    pub(super) fn new(
        engine: &mut Engine,
        options: &'a Options,
        set: &'a [(String, Value)],
        schedule: Schedule,
        keeper: Keeper,
        started: Timestamp,
    ) -> Self {
        engine.forget_over();
        Self { options, set, schedule, keeper, started, begun: 0 }
    }

    fn moment(&self, since_start: Duration) -> Timestamp {
        self.started.checked_add(since_start).unwrap_or(Timestamp::MAX)
    }

    /// Processes everything that is due.
    pub(super) fn turn(&mut self, engine: &mut Engine, now: Duration) -> Turn {
        let present = self.moment(now);
        let mut left = AT_ONCE;
        let next = self.begin(engine, now, &mut left);
        while left > 0
            && let Some(at) = engine.due(present)
        {
            left -= 1;
            engine.advance(at);
        }
        let mut attempts = Vec::new();
        let is_full = loop {
            if attempts.len() == AT_ONCE {
                break false;
            }
            match engine.start(present) {
                Some(attempt) => attempts.push(attempt),
                None => break engine.totals().in_flight >= u64::from(self.options.in_flight),
            }
        };
        {
            let recorder = &mut self.keeper.lock().recorder;
            if is_full { recorder.full() } else { recorder.free(now) }
        }
        let (wake, has_begun_all) = match next {
            Next::Wait(due) => (Some(self.moment(due)), false),
            Next::Over => (None, true),
            // More is due already.
            Next::Release(_) => (Some(present), false),
        };
        let wake = [wake, engine.next_wakeup()].into_iter().flatten().min();
        Turn { attempts, wake, has_begun_all }
    }

    /// Begins the stories that are due; returns what is next.
    fn begin(&mut self, engine: &mut Engine, now: Duration, left: &mut usize) -> Next {
        loop {
            let running = {
                let keeping = &mut *self.keeper.lock();
                keeping.recorder.drop_overdue(&mut self.schedule, now, self.options.drop_after);
                keeping.running()
            };
            if self.schedule.is_closed() && running >= self.options.in_flight as usize {
                // No event signals that a story has ended, so poll.
                return Next::Wait(now + LOOK);
            }
            match self.schedule.next(now) {
                Next::Release(event) => self.begin_one(engine, event),
                next => return next,
            }
            *left -= 1;
            if *left == 0 {
                return Next::Wait(now);
            }
        }
    }

    fn begin_one(&mut self, engine: &mut Engine, event: Event) {
        let (story, _) = &self.options.stories[event.story];
        let label: Arc<str> = Arc::from(format!("{} #{}", story.name, event.iteration + 1));
        let seed = self.options.seed.derive("load story", event.story as u64).derive("copy", event.iteration);
        let copy = u32::try_from(event.iteration + 1).unwrap_or(u32::MAX);
        let start = self.moment(event.planned);
        let mut run = StoryRun::new(Arc::clone(story), Arc::clone(&label), self.begun, copy, seed, start);
        for (name, value) in self.set {
            run.preset(name, value);
        }
        self.begun += 1;
        self.keeper.lock().begin(label, event);
        engine.add_story(run);
    }
}

#[cfg(test)]
#[path = "simulation_tests.rs"]
mod tests;

//! What to send next: the events of one worker in order, released when they are due and overdue when they are too late. It
//! is given the time and never asks for it.

use std::sync::Arc;
use std::time::Duration;

use super::pacer::Pacer;

/// An event of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// The number of the iteration, across all workers and shards.
    pub(crate) iteration: u64,
    /// Index of its story in the mix.
    pub(crate) story: usize,
    /// Index of its step.
    pub(crate) step: usize,
    /// Number of steps of the story.
    pub(crate) steps: usize,
    /// When it is due, from the start of the run.
    pub(crate) planned: Duration,
    /// When the first step of its iteration was sent, unless it is this one.
    pub(crate) begun: Option<Duration>,
}

impl Event {
    /// Returns the next step of its iteration, once this one has been sent and has ended: it is due after a pause.
    pub(crate) fn following(
        self,
        sent: Duration,
        now: Duration,
        pause: impl FnOnce(&Self) -> Duration,
    ) -> Option<Self> {
        let step = self.step + 1;
        let next = Self { step, planned: now, begun: self.begun.or(Some(sent)), ..self };
        (step < self.steps).then(|| Self { planned: now + pause(&next), ..next })
    }
}

/// The stories of a mix, in the order in which iterations use them.
#[derive(Debug)]
pub(crate) struct Mix {
    /// Number of steps of each story.
    steps: Vec<usize>,
    /// The story of each iteration; repeats at its end.
    order: Vec<usize>,
}

impl Mix {
    /// Creates a mix from stories by their steps and weights; stories with more weight come up more often, evenly spread.
    pub(crate) fn new(stories: &[(usize, u32)]) -> Self {
        let total: u64 = stories.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut credit = vec![0_i64; stories.len()];
        let mut order = Vec::new();
        for _ in 0..total {
            for (credit, (_, weight)) in credit.iter_mut().zip(stories) {
                *credit += i64::from(*weight);
            }
            let richest = (0..stories.len()).max_by_key(|story| (credit[*story], std::cmp::Reverse(*story)));
            if let Some(richest) = richest {
                credit[richest] -= i64::try_from(total).unwrap_or(i64::MAX);
                order.push(richest);
            }
        }
        Self { steps: stories.iter().map(|(steps, _)| *steps).collect(), order }
    }

    /// Returns the story of an iteration.
    pub(crate) fn story(&self, iteration: u64) -> usize {
        self.order[(iteration % self.order.len() as u64) as usize]
    }

    /// Returns the number of events of an iteration.
    pub(crate) fn steps_of(&self, iteration: u64) -> usize {
        self.steps[self.story(iteration)]
    }

    /// Returns the first event of an iteration.
    fn event(&self, iteration: u64, planned: Duration) -> Event {
        let story = self.story(iteration);
        Event { iteration, story, step: 0, steps: self.steps[story], planned, begun: None }
    }

    /// Returns how many iterations, from the first on, have at least `events` events.
    pub(crate) fn iterations_of(&self, events: u64) -> u64 {
        let round: u64 = self.order.iter().map(|story| self.steps[*story] as u64).sum();
        if round == 0 {
            return u64::MAX;
        }
        let mut left = events % round;
        let begun = self.order.iter().take_while(|story| {
            let is_missing = left > 0;
            left = left.saturating_sub(self.steps[**story] as u64);
            is_missing
        });
        let begun = begun.count() as u64;
        (events / round).saturating_mul(self.order.len() as u64).saturating_add(begun)
    }

    /// Returns the number of events of the iterations `first`, `first + stride`, ... before `end`.
    pub(crate) fn events_of(&self, first: u64, stride: u64, end: u64) -> u64 {
        let count = end.saturating_sub(first).div_ceil(stride);
        let round = self.order.len() as u64;
        let sum = |count: u64| {
            let iterations = (0..count).map(|number| first.wrapping_add(number.wrapping_mul(stride)));
            iterations.map(|iteration| self.steps_of(iteration) as u64).sum::<u64>()
        };
        // After as many iterations as the order is long it begins again, whatever the stride.
        (count / round)
            .saturating_mul(if count >= round { sum(round) } else { 0 })
            .saturating_add(sum(count % round))
    }

    /// Returns the average number of events per iteration.
    pub(crate) fn events_per_iteration(&self) -> f64 {
        let all: usize = self.order.iter().map(|story| self.steps[*story]).sum();
        all as f64 / self.order.len() as f64
    }
}

/// Where iterations come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// From a plan.
    Open(Box<Pacer>),
    /// Whenever a slot is free, until the time is up.
    Closed {
        /// The number of the next iteration.
        next: u64,
        /// The difference to the one after it.
        stride: u64,
        /// Iterations from this number on are not run.
        limit: u64,
        /// When the time is up.
        until: Duration,
    },
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This event is due.
    Release(Event),
    /// Nothing is due before this moment.
    Wait(Duration),
    /// Nothing is left.
    Over,
}

/// The events of a worker, in order.
#[derive(Debug)]
pub(crate) struct Schedule {
    source: Source,
    mix: Arc<Mix>,
}

impl Schedule {
    pub(crate) fn new(source: Source, mix: Arc<Mix>) -> Self {
        Self { source, mix }
    }

    /// Whether iterations begin whenever a slot is free.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.source, Source::Closed { .. })
    }

    /// Returns what to do next, given that a slot is free. A released event is not returned again.
    pub(crate) fn next(&mut self, now: Duration) -> Next {
        match &mut self.source {
            Source::Open(pacer) => match pacer.peek() {
                None => Next::Over,
                Some((_, planned)) if planned > now => Next::Wait(planned),
                Some((iteration, planned)) => {
                    pacer.advance();
                    Next::Release(self.mix.event(iteration, planned))
                }
            },
            Source::Closed { next, limit, until, .. } if *next >= *limit || now >= *until => Next::Over,
            Source::Closed { next, stride, .. } => {
                let iteration = *next;
                *next = next.saturating_add(*stride);
                Next::Release(self.mix.event(iteration, now))
            }
        }
    }

    /// Returns when the next event of a plan is due, whether or not a slot is free.
    pub(crate) fn peek(&self) -> Option<Duration> {
        match &self.source {
            Source::Open(pacer) => pacer.peek().map(|(_, planned)| planned),
            Source::Closed { .. } => None,
        }
    }

    /// Returns the next event if it should have been released more than `lag` ago: neither it nor the later steps of its
    /// iteration will be sent.
    pub(crate) fn overdue(&mut self, now: Duration, lag: Duration) -> Option<Event> {
        if now.saturating_sub(self.peek()?) <= lag {
            return None;
        }
        match self.next(now) {
            Next::Release(event) => Some(event),
            Next::Wait(_) | Next::Over => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stories_take_turns_by_weight() {
        let mix = Mix::new(&[(1, 3), (5, 1)]);
        let order: Vec<usize> = (0..8).map(|iteration| mix.story(iteration)).collect();
        assert_eq!(order, [0, 0, 1, 0, 0, 0, 1, 0]);
        assert!((mix.events_per_iteration() - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn events_of_a_part_are_the_sum_of_its_iterations() {
        let mix = Mix::new(&[(1, 3), (5, 1), (2, 2)]);
        for (first, stride, end) in [(0, 1, 0), (0, 1, 100), (1, 3, 100), (2, 4, 101), (5, 6, 3), (4, 12, 77)]
        {
            let one_by_one =
                (first..end).step_by(stride as usize).map(|iteration| mix.steps_of(iteration) as u64);
            assert_eq!(mix.events_of(first, stride, end), one_by_one.sum::<u64>(), "{first} {stride} {end}");
        }
        assert_eq!(mix.events_of(0, 1, 6_000_000_000_000), 12_000_000_000_000);
    }

    #[test]
    fn iterations_of_a_mix_have_at_least_so_many_events() {
        let mix = Mix::new(&[(1, 3), (5, 1)]);
        for (events, iterations) in
            [(0, 0), (1, 1), (2, 2), (3, 3), (7, 3), (8, 4), (9, 5), (11, 7), (u64::MAX, u64::MAX / 2)]
        {
            assert_eq!(mix.iterations_of(events), iterations, "{events}");
        }
        assert_eq!(Mix::new(&[(0, 1)]).iterations_of(5), u64::MAX);
    }
}

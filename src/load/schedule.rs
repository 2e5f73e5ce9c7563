//! What to send next: the events of one worker in their order, released when they are due, dropped when it is too
//! late. Knows the time only by being told.

use std::sync::Arc;
use std::time::Duration;

use super::pacer::Pacer;

/// An event of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// The number of the telling, across all workers and shards.
    pub(super) telling: u64,
    /// Which story of the mix.
    pub(super) story: usize,
    /// Which step of it.
    pub(super) step: usize,
    /// When it is due, from the start of the run.
    pub(super) planned: Duration,
}

/// The stories of a mix, in the order in which tellings take turns.
#[derive(Debug)]
pub(super) struct Mix {
    /// How many steps each story has.
    steps: Vec<usize>,
    /// The story of each telling; begins anew at its end.
    order: Vec<usize>,
}

impl Mix {
    /// Stories by their steps and weights; those with more weight come up more often, evenly spread.
    pub(super) fn new(stories: &[(usize, u32)]) -> Self {
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

    /// The story of a telling.
    pub(super) fn story(&self, telling: u64) -> usize {
        self.order[(telling % self.order.len() as u64) as usize]
    }

    /// How many steps a story has.
    pub(super) fn steps(&self, story: usize) -> usize {
        self.steps[story]
    }

    /// How many tellings it takes, from the first on, to have so many events.
    pub(super) fn tellings_of(&self, events: u64) -> u64 {
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

    /// How many events a telling has on average.
    pub(super) fn events_per_telling(&self) -> f64 {
        let all: usize = self.order.iter().map(|story| self.steps[*story]).sum();
        all as f64 / self.order.len() as f64
    }
}

/// Where tellings come from.
#[derive(Debug)]
pub(super) enum Source {
    /// From a plan.
    Open(Box<Pacer>),
    /// From whoever is free, until the time is up.
    Closed {
        /// The number of the next telling.
        next: u64,
        /// The step to the one after it.
        stride: u64,
        /// Tellings from this number on are not told.
        limit: u64,
        /// When the time is up.
        until: Duration,
    },
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This event is due.
    Release(Event),
    /// This event was due so long ago that it is not sent any more; so are the later steps of its telling.
    Drop(Event),
    /// Nothing is due before this moment.
    Wait(Duration),
    /// Nothing is left.
    Over,
}

/// The events of a worker in their order.
#[derive(Debug)]
pub(super) struct Schedule {
    source: Source,
    mix: Arc<Mix>,
    /// How late an event may be released.
    patience: Duration,
}

impl Schedule {
    pub(super) fn new(source: Source, mix: Arc<Mix>, patience: Duration) -> Self {
        Self { source, mix, patience }
    }

    /// Whether tellings come as fast as there is somebody to tell them.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.source, Source::Closed { .. })
    }

    /// What comes next at a moment, for somebody who is free to send. What is released or dropped does not come again.
    pub(super) fn next(&mut self, now: Duration) -> Next {
        let (telling, planned) = match &mut self.source {
            Source::Open(pacer) => {
                let Some((telling, planned)) = pacer.peek() else { return Next::Over };
                if planned > now {
                    return Next::Wait(planned);
                }
                pacer.advance();
                (telling, planned)
            }
            Source::Closed { next, stride, limit, until } => {
                if *next >= *limit || now >= *until {
                    return Next::Over;
                }
                let telling = *next;
                *next = next.saturating_add(*stride);
                (telling, now)
            }
        };
        let event = Event { telling, story: self.mix.story(telling), step: 0, planned };
        if now - planned > self.patience { Next::Drop(event) } else { Next::Release(event) }
    }

    /// When the next event is due, if nobody is free to send it: it may have to be dropped before somebody is.
    pub(super) fn peek(&self) -> Option<Duration> {
        match &self.source {
            Source::Open(pacer) => pacer.peek().map(|(_, planned)| planned),
            Source::Closed { .. } => None,
        }
    }

    /// An event that became too late while nobody was free.
    pub(super) fn expired(&mut self, now: Duration) -> Option<Event> {
        let planned = self.peek()?;
        if now.saturating_sub(planned) <= self.patience {
            return None;
        }
        match self.next(now) {
            Next::Drop(event) => Some(event),
            _ => None,
        }
    }

    /// An event that is due and that nobody is going to send any more.
    pub(super) fn give_up(&mut self, now: Duration) -> Option<Event> {
        if self.peek()? > now {
            return None;
        }
        match self.next(now) {
            Next::Release(event) | Next::Drop(event) => Some(event),
            Next::Wait(_) | Next::Over => None,
        }
    }

    /// What follows an event that came to its end at a moment: the next step of its telling, due at once.
    pub(super) fn after(&self, event: Event, now: Duration) -> Option<Event> {
        let step = event.step + 1;
        (step < self.mix.steps(event.story)).then_some(Event { step, planned: now, ..event })
    }

    /// How many events a telling has.
    pub(super) fn steps(&self, story: usize) -> usize {
        self.mix.steps(story)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stories_take_turns_by_weight() {
        let mix = Mix::new(&[(1, 3), (5, 1)]);
        let order: Vec<usize> = (0..8).map(|telling| mix.story(telling)).collect();
        assert_eq!(order, [0, 0, 1, 0, 0, 0, 1, 0]);
        assert!((mix.events_per_telling() - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn tellings_of_a_mix_have_at_least_so_many_events() {
        let mix = Mix::new(&[(1, 3), (5, 1)]);
        for (events, tellings) in
            [(0, 0), (1, 1), (2, 2), (3, 3), (7, 3), (8, 4), (9, 5), (11, 7), (u64::MAX, u64::MAX / 2)]
        {
            assert_eq!(mix.tellings_of(events), tellings, "{events}");
        }
        assert_eq!(Mix::new(&[(0, 1)]).tellings_of(5), u64::MAX);
    }
}

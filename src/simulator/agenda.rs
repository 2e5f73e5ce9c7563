//! What happens later by itself, ordered by its moment and, at the same moment, by when it was planned.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::cause::CauseId;
use super::timer::{Timer, WorkflowTimer};

/// Where something stands in the agenda: its moment, and its number among all that was ever planned.
pub(super) type Place = (Timestamp, u64);

/// What happens later by itself, in all departments.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    entries: BTreeMap<Place, (CauseId, Timer)>,
    planned: u64,
    /// How many of the entries a run waits for.
    work: usize,
    /// Until when things go on that need nobody to do them.
    busy_until: Option<Timestamp>,
}

impl Agenda {
    /// Plans something and returns its place.
    pub(super) fn plan(&mut self, at: Timestamp, cause: CauseId, timer: Timer) -> Place {
        self.planned += 1;
        self.work += usize::from(timer.is_work());
        let place = (at, self.planned);
        self.entries.insert(place, (cause, timer));
        place
    }

    /// Something goes on by itself until then, which a run has to wait for.
    pub(super) fn stay_busy(&mut self, until: Timestamp) {
        self.busy_until = self.busy_until.max(Some(until));
    }

    /// Takes something back, if it has not happened yet: nobody waits for what changes nothing any more.
    pub(super) fn cancel(&mut self, place: Option<Place>) {
        if let Some((_, timer)) = place.and_then(|place| self.entries.remove(&place)) {
            self.work -= usize::from(timer.is_work());
        }
    }

    /// Takes back what a muted cause has planned.
    pub(super) fn mute(&mut self, muted: CauseId) {
        self.entries.retain(|_, (cause, timer)| *cause != muted || timer.outlives_muting());
        self.work = self.entries.values().filter(|(_, timer)| timer.is_work()).count();
    }

    /// Takes the first that is due, with its moment and its cause.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<(Timestamp, CauseId, Timer)> {
        self.busy_until = self.busy_until.filter(|until| *until > now);
        let first = self.entries.first_entry().filter(|entry| entry.key().0 <= now)?;
        let ((at, _), (cause, timer)) = first.remove_entry();
        self.work -= usize::from(timer.is_work());
        Some((at, cause, timer))
    }

    /// When the next of it happens.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let first = self.entries.keys().next().map(|(at, _)| *at);
        [first, self.busy_until].into_iter().flatten().min()
    }

    /// Whether an instance of a workflow ends by itself in the next moment at which anything happens.
    pub(super) fn ends_workflow(&self) -> bool {
        let first = self.next();
        let next = self.entries.iter().take_while(|((at, _), _)| Some(*at) == first);
        next.into_iter().any(|(_, (_, timer))| matches!(timer, Timer::Workflow(WorkflowTimer::Pause(_))))
    }

    /// How much is planned.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What is planned, in its order, with its moment and its cause.
    pub(super) fn planned(&self) -> impl Iterator<Item = (Timestamp, CauseId, &Timer)> {
        self.entries.iter().map(|((at, _), (cause, timer))| (*at, *cause, timer))
    }

    /// What is planned.
    pub(super) fn timers(&self) -> impl Iterator<Item = &Timer> {
        self.entries.values().map(|(_, timer)| timer)
    }

    /// Whether anything is planned that a run waits for.
    pub(super) fn is_busy(&self) -> bool {
        self.work > 0 || self.busy_until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::keys::TaskKey;
    use crate::simulator::timer::CallingTimer;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn plan(agenda: &mut Agenda, second: i64, timer: CallingTimer) -> Place {
        agenda.plan(at(second), CauseId::default(), timer.into())
    }

    #[test]
    fn what_is_due_comes_in_order() {
        let mut agenda = Agenda::default();
        for (second, task) in [(2, 1), (1, 2), (1, 3)] {
            plan(&mut agenda, second, CallingTimer::Start(TaskKey(task)));
        }
        assert_eq!(agenda.next(), Some(at(1)));
        let taken: Vec<Timer> =
            std::iter::from_fn(|| agenda.take(at(1))).map(|(_, _, timer)| timer).collect();
        assert_eq!(taken, [2, 3].map(|task| Timer::from(CallingTimer::Start(TaskKey(task)))));
        assert_eq!(agenda.next(), Some(at(2)));
        assert!(agenda.take(at(2)).is_some_and(|(due, ..)| due == at(2)));
        assert_eq!(agenda.take(Timestamp::MAX), None);
    }

    #[test]
    fn a_run_waits_for_work_alone() {
        let mut agenda = Agenda::default();
        plan(&mut agenda, 1, CallingTimer::Close(TaskKey(0)));
        assert!(!agenda.is_busy());
        let place = plan(&mut agenda, 2, CallingTimer::Start(TaskKey(0)));
        assert!(agenda.is_busy());
        agenda.cancel(Some(place));
        agenda.cancel(Some(place));
        agenda.cancel(None);
        assert!(!agenda.is_busy());
        agenda.stay_busy(at(5));
        assert!(agenda.is_busy() && agenda.take(at(5)).is_some());
        assert!(!agenda.is_busy() && agenda.next().is_none());
    }
}

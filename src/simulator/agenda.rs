//! Future events, ordered by moment and, within the same moment, by the order in which they were planned.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::cause::CauseId;
use super::timer::{Timer, WorkflowTimer};

/// The place of an entry in the agenda: its moment, and its number among all entries ever planned.
pub(super) type Place = (Timestamp, u64);

/// The future events of all departments.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    entries: BTreeMap<Place, (CauseId, Timer)>,
    planned: u64,
    /// Number of entries that a run waits for.
    work: usize,
    /// The cause of the latest request, and what it has planned: a story that takes over the request cancels that. `None` once
    /// time has moved on.
    latest: Option<(CauseId, Vec<Place>)>,
    /// The latest end of activity that has no timer of its own.
    busy_until: Option<Timestamp>,
}

impl Agenda {
    /// Plans a timer and returns its place.
    pub(super) fn plan(&mut self, at: Timestamp, cause: CauseId, timer: Timer) -> Place {
        self.planned += 1;
        self.work += usize::from(timer.is_work());
        let place = (at, self.planned);
        self.entries.insert(place, (cause, timer));
        if let Some((_, places)) = self.latest.as_mut().filter(|(latest, _)| *latest == cause) {
            places.push(place);
        }
        place
    }

    /// Begins a request with this cause.
    pub(super) fn begin(&mut self, cause: CauseId) {
        self.latest = Some((cause, Vec::new()));
    }

    /// Records activity without a timer until this moment, which a run has to wait for.
    pub(super) fn stay_busy(&mut self, until: Timestamp) {
        self.busy_until = self.busy_until.max(Some(until));
    }

    /// Cancels an entry that has not happened yet, so that a run does not wait for a timer without effect.
    pub(super) fn cancel(&mut self, place: Option<Place>) {
        if let Some((_, timer)) = place.and_then(|place| self.entries.remove(&place)) {
            self.work -= usize::from(timer.is_work());
        }
    }

    /// Cancels what a muted cause has planned.
    pub(super) fn mute(&mut self, muted: CauseId) {
        let goes = |cause: CauseId, timer: &Timer| cause == muted && !timer.outlives_muting();
        let places = match self.latest.take() {
            // A mock with many tasks has very many entries.
            Some((latest, places)) if latest == muted => places,
            _ => self.entries.keys().copied().collect(),
        };
        for place in places {
            if self.entries.get(&place).is_some_and(|(cause, timer)| goes(*cause, timer)) {
                self.cancel(Some(place));
            }
        }
    }

    /// Takes the first entry that is due, with its moment and its cause.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<(Timestamp, CauseId, Timer)> {
        self.busy_until = self.busy_until.filter(|until| *until > now);
        let first = self.entries.first_entry().filter(|entry| entry.key().0 <= now)?;
        self.latest = None;
        let ((at, _), (cause, timer)) = first.remove_entry();
        self.work -= usize::from(timer.is_work());
        Some((at, cause, timer))
    }

    /// Returns the moment of the next entry.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let first = self.entries.keys().next().map(|(at, _)| *at);
        [first, self.busy_until].into_iter().flatten().min()
    }

    /// Whether an instance of a workflow ends by itself at the moment of the next entry.
    pub(super) fn ends_workflow(&self) -> bool {
        let first = self.next();
        let next = self.entries.iter().take_while(|((at, _), _)| Some(*at) == first);
        next.into_iter().any(|(_, (_, timer))| matches!(timer, Timer::Workflow(_, WorkflowTimer::Pause)))
    }

    /// Returns the number of entries.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the entries in order, with their moments and causes.
    pub(super) fn planned(&self) -> impl Iterator<Item = (Timestamp, CauseId, &Timer)> {
        self.entries.iter().map(|((at, _), (cause, timer))| (*at, *cause, timer))
    }

    /// Returns the timers of all entries.
    pub(super) fn timers(&self) -> impl Iterator<Item = &Timer> {
        self.entries.values().map(|(_, timer)| timer)
    }

    /// Whether there is an entry that a run waits for.
    pub(super) fn is_busy(&self) -> bool {
        self.work > 0 || self.busy_until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::keys::{ConversationKey, TaskKey};
    use crate::simulator::timer::{CallingTimer, ChatbotTimer};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn plan(agenda: &mut Agenda, second: i64, timer: (TaskKey, CallingTimer)) -> Place {
        agenda.plan(at(second), CauseId::default(), timer.into())
    }

    #[test]
    fn what_is_due_comes_in_order() {
        let mut agenda = Agenda::default();
        for (second, task) in [(2, 1), (1, 2), (1, 3)] {
            plan(&mut agenda, second, (TaskKey(task), CallingTimer::Start));
        }
        assert_eq!(agenda.next(), Some(at(1)));
        let taken: Vec<Timer> =
            std::iter::from_fn(|| agenda.take(at(1))).map(|(_, _, timer)| timer).collect();
        assert_eq!(taken, [2, 3].map(|task| Timer::from((TaskKey(task), CallingTimer::Start))));
        assert_eq!(agenda.next(), Some(at(2)));
        assert!(agenda.take(at(2)).is_some_and(|(due, ..)| due == at(2)));
        assert_eq!(agenda.take(Timestamp::MAX), None);
    }

    #[test]
    fn a_run_waits_for_work_alone() {
        let mut agenda = Agenda::default();
        plan(&mut agenda, 1, (TaskKey(0), CallingTimer::Close));
        assert!(!agenda.is_busy());
        let place = plan(&mut agenda, 2, (TaskKey(0), CallingTimer::Start));
        assert!(agenda.is_busy());
        agenda.cancel(Some(place));
        agenda.cancel(Some(place));
        agenda.cancel(None);
        assert!(!agenda.is_busy());
        agenda.stay_busy(at(5));
        assert!(agenda.is_busy() && agenda.take(at(5)).is_some());
        assert!(!agenda.is_busy() && agenda.next().is_none());
    }

    #[test]
    fn a_muted_request_loses_what_it_has_planned_and_others_lose_nothing() {
        let mut causes = crate::simulator::cause::Causes::default();
        let [before, muted] = [(); 2].map(|()| {
            let cause = causes.add(None);
            causes.carry(cause)
        });
        let turn = || Timer::from((ConversationKey(0), ChatbotTimer::Turn));
        let silence = || Timer::from((ConversationKey(0), ChatbotTimer::Silence));
        let planned = || {
            let mut agenda = Agenda::default();
            agenda.begin(before);
            agenda.plan(at(1), before, turn());
            agenda.begin(muted);
            agenda.plan(at(2), muted, turn());
            agenda.plan(at(3), before, turn());
            let cancelled = agenda.plan(at(4), muted, turn());
            agenda.plan(at(5), muted, silence());
            agenda.cancel(Some(cancelled));
            agenda
        };
        let left = |agenda: &Agenda| agenda.planned().map(|(at, ..)| at).collect::<Vec<_>>();
        let mut agenda = planned();
        agenda.mute(muted);
        // The same as by a look at all entries.
        let mut other = planned();
        other.begin(CauseId::default());
        other.mute(muted);
        assert_eq!((left(&agenda), agenda.work), (vec![at(1), at(3), at(5)], 2));
        assert_eq!((left(&other), other.work), (vec![at(1), at(3), at(5)], 2));
        // What was planned before time went on is found as well.
        let mut later = planned();
        later.take(at(1));
        later.plan(at(9), muted, turn());
        later.mute(muted);
        assert_eq!((left(&later), later.work), (vec![at(3), at(5)], 1));
    }
}

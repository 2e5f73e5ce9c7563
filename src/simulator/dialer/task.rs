//! A task of the dialer, and the sums over its contacts.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan};

use super::DeskKey;
use super::call::CallRow;
use super::contacts::{Contacts, Standing};
use super::node::Node;
use super::order::TaskOrder;
use crate::seed::Seed;
use crate::simulator::agenda::Place;
use crate::simulator::cause::CauseId;

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Creating,
    NotStarted,
    Running,
    /// In one of its pauses.
    Paused,
    /// All its contacts were taken out.
    Cancelled,
    Finished,
}

impl State {
    pub(super) const ALL: [Self; 6] =
        [Self::Creating, Self::NotStarted, Self::Running, Self::Paused, Self::Cancelled, Self::Finished];

    /// The word on the wire (client).
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "Creating",
            Self::NotStarted => "Not Started",
            Self::Running => "Running",
            Self::Paused => "Paused",
            Self::Cancelled => "Cancelled",
            Self::Finished => "Finished",
        }
    }

    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::Cancelled | Self::Finished)
    }

    pub(super) fn has_begun(self) -> bool {
        !matches!(self, Self::Creating | Self::NotStarted)
    }
}

/// How many contacts stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) waiting: u32,
    pub(super) calling: u32,
    pub(super) done: u32,
    pub(super) cancelled: u32,
}

impl Sums {
    pub(super) fn of(&mut self, standing: Standing) -> &mut u32 {
        match standing {
            Standing::Waiting => &mut self.waiting,
            Standing::Calling => &mut self.calling,
            Standing::Done => &mut self.done,
            Standing::Cancelled => &mut self.cancelled,
        }
    }
}

/// A task.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) order: TaskOrder,
    pub(super) seed: Seed,
    pub(super) desk: DeskKey,
    pub(super) state: State,
    /// When it began.
    pub(super) began: Option<Timestamp>,
    pub(super) contacts: Contacts,
    pub(super) sums: Sums,
    /// Its calls, in the order in which they were dialled.
    pub(super) calls: Vec<CallRow>,
    /// The number it calls with.
    pub(super) caller: String,
    /// Contacts before this one have been dialled at least once, or will never be.
    fresh: usize,
    /// Contacts to be dialled again, in the order of their moments.
    pub(super) redials: BTreeSet<(Timestamp, u32)>,
    /// The moment at which it is woken to dial.
    pub(super) woken_at: Option<Timestamp>,
    /// Not before this moment it dials again.
    pub(super) dials_after: Timestamp,
    /// Answered calls, and those of them for which no agent was free.
    pub(super) reached: u32,
    pub(super) lost: u32,
    /// The end of its schedule has come.
    pub(super) is_closed: bool,
    /// The workflow it belongs to.
    pub(super) node: Option<Node>,
    /// Where its schedule stands in the agenda.
    pub(super) schedule: Vec<Place>,
    /// Whether it stands in the queue of its desk.
    pub(super) is_queued: bool,
    /// The request that made it.
    pub(super) cause: CauseId,
}

impl Task {
    pub(super) fn new(
        order: TaskOrder,
        contacts: Contacts,
        desk: DeskKey,
        seed: Seed,
        caller: String,
        cause: CauseId,
    ) -> Self {
        let waiting = u32::try_from(contacts.list.len()).unwrap_or(u32::MAX);
        Self {
            order,
            seed,
            desk,
            state: State::Creating,
            began: None,
            contacts,
            sums: Sums { waiting, ..Sums::default() },
            calls: Vec::new(),
            caller,
            fresh: 0,
            redials: BTreeSet::new(),
            woken_at: None,
            dials_after: Timestamp::MIN,
            reached: 0,
            lost: 0,
            is_closed: false,
            node: None,
            schedule: Vec::new(),
            is_queued: false,
            cause,
        }
    }

    /// How many contacts there are.
    pub(super) fn total(&self) -> u32 {
        u32::try_from(self.contacts.list.len()).unwrap_or(u32::MAX)
    }

    /// The same sums, counted anew.
    #[cfg(test)]
    pub(super) fn recount(&self) -> Sums {
        let mut sums = Sums::default();
        for contact in &self.contacts.list {
            *sums.of(contact.standing) += 1;
        }
        sums
    }

    pub(super) fn stand(&mut self, contact: u32, standing: Standing) {
        let contact = &mut self.contacts.list[contact as usize];
        *self.sums.of(contact.standing) -= 1;
        *self.sums.of(standing) += 1;
        contact.standing = standing;
    }

    pub(super) fn is_through(&self) -> bool {
        self.sums.waiting == 0 && self.sums.calling == 0
    }

    /// Whether contacts may still come.
    pub(super) fn is_open(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.is_open)
    }

    /// The number that a call dials.
    pub(super) fn number_of(&self, call: &CallRow) -> u64 {
        let contact = &self.contacts.list[call.contact as usize];
        let column = call.column().and_then(|at| self.order.columns.get(at));
        column.and_then(|column| self.contacts.number_in(contact, column)).unwrap_or(contact.number)
    }

    /// The column that the number of a call stands in, empty if the task names none.
    pub(super) fn column_of(&self, call: &CallRow) -> String {
        call.column().and_then(|at| self.order.columns.get(at)).cloned().unwrap_or_default()
    }

    /// The contact to dial now: one that is due again, or else the next.
    pub(super) fn next_contact(&mut self, now: Timestamp) -> Option<u32> {
        while let Some((due, contact)) = self.redials.first().copied() {
            if due > now {
                break;
            }
            self.redials.pop_first();
            if self.contacts.list[contact as usize].standing == Standing::Waiting {
                return Some(contact);
            }
        }
        while let Some(contact) = self.contacts.list.get(self.fresh) {
            let at = u32::try_from(self.fresh).ok()?;
            self.fresh += 1;
            if contact.standing == Standing::Waiting {
                return Some(at);
            }
        }
        None
    }

    /// Whether there is a contact to dial now.
    pub(super) fn has_contact(&mut self, now: Timestamp) -> bool {
        let is_gone =
            |task: &Self, contact: u32| task.contacts.list[contact as usize].standing != Standing::Waiting;
        while self.redials.first().is_some_and(|(_, contact)| is_gone(self, *contact)) {
            self.redials.pop_first();
        }
        while self.contacts.list.get(self.fresh).is_some_and(|contact| contact.standing != Standing::Waiting)
        {
            self.fresh += 1;
        }
        self.fresh < self.contacts.list.len() || self.redials.first().is_some_and(|(due, _)| *due <= now)
    }

    /// How many numbers are dialled for each free agent now: one, while too many calls are lost.
    pub(super) fn factor(&self) -> f64 {
        let is_over = self
            .order
            .max_lost
            .is_some_and(|most| f64::from(self.lost) * 100.0 > most * f64::from(self.reached));
        if is_over || self.order.is_one_by_one { 1.0 } else { self.order.factor }
    }

    /// Whether a moment lies in one of its pauses, and when that changes next; nothing without pauses.
    pub(super) fn rest(&self, now: Timestamp) -> Option<(bool, Timestamp)> {
        let local = self.order.zone.to_datetime(now);
        let rests = &self.order.rests;
        let resting = rests.iter().find(|(start, end)| (*start..*end).contains(&local.time()));
        let next = match resting {
            Some((_, end)) => local.date().to_datetime(*end),
            None => match rests.iter().find(|(start, _)| *start > local.time()) {
                Some((start, _)) => local.date().to_datetime(*start),
                None => local.date().checked_add(1.day()).ok()?.to_datetime(rests.first()?.0),
            },
        };
        Some((resting.is_some(), self.order.zone.to_timestamp(next).ok()?))
    }
}

//! A task of the dialer, and the sums over its contacts.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PoolKey;
use super::call::CallRow;
use super::contacts::{ContactStatus, Contacts};
use super::node::Node;
use super::settings::TaskSettings;
use crate::seed::Seed;
use crate::simulator::agenda::Place;
use crate::simulator::cause::CauseId;

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) enum State {
    Creating,
    #[serde(rename = "Not Started")]
    NotStarted,
    Running,
    /// In one of its pauses.
    Paused,
    /// All its contacts were taken out.
    Cancelled,
    Finished,
}

impl State {
    /// Returns the word on the wire (client).
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

/// Number of contacts in each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) waiting: u32,
    pub(super) calling: u32,
    pub(super) done: u32,
    pub(super) cancelled: u32,
}

impl Sums {
    pub(super) fn of(&mut self, status: ContactStatus) -> &mut u32 {
        match status {
            ContactStatus::Waiting => &mut self.waiting,
            ContactStatus::Calling => &mut self.calling,
            ContactStatus::Done => &mut self.done,
            ContactStatus::Cancelled => &mut self.cancelled,
        }
    }
}

/// A task.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Task {
    pub(super) settings: TaskSettings,
    pub(super) seed: Seed,
    pub(super) pool: PoolKey,
    pub(super) state: State,
    /// When it began.
    pub(super) began: Option<Timestamp>,
    pub(super) contacts: Contacts,
    pub(super) sums: Sums,
    /// Its calls, in the order in which they were dialled.
    pub(super) calls: Vec<CallRow>,
    /// The number it calls with.
    pub(super) caller: String,
    /// Contacts before this index have been dialled at least once, or never will be.
    fresh: usize,
    /// Contacts to be dialled again, in the order of their moments.
    pub(super) redials: BTreeSet<(Timestamp, u32)>,
    /// The moment at which a timer lets it dial.
    pub(super) woken_at: Option<Timestamp>,
    /// The earliest moment at which it dials again.
    pub(super) dials_after: Timestamp,
    /// Number of answered calls, and number of those for which no agent was free.
    pub(super) reached: u32,
    pub(super) lost: u32,
    /// Whether its schedule has ended.
    pub(super) is_closed: bool,
    /// The workflow's node that it belongs to.
    pub(super) node: Option<Node>,
    /// The places of its schedule in the agenda.
    pub(super) schedule: Vec<Place>,
    /// Whether it is in the queue of its pool.
    pub(super) is_queued: bool,
    /// The request that created it.
    pub(in crate::simulator) cause: CauseId,
}

impl Task {
    pub(super) fn new(
        settings: TaskSettings,
        contacts: Contacts,
        pool: PoolKey,
        seed: Seed,
        caller: String,
        cause: CauseId,
    ) -> Self {
        let waiting = u32::try_from(contacts.list.len()).unwrap_or(u32::MAX);
        Self {
            settings,
            seed,
            pool,
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

    /// Returns the number of contacts.
    pub(super) fn total(&self) -> u32 {
        u32::try_from(self.contacts.list.len()).unwrap_or(u32::MAX)
    }

    /// Counts the same sums again.
    #[cfg(test)]
    pub(super) fn recount(&self) -> Sums {
        let mut sums = Sums::default();
        for contact in &self.contacts.list {
            *sums.of(contact.status) += 1;
        }
        sums
    }

    pub(super) fn set_status(&mut self, contact: u32, status: ContactStatus) {
        let contact = &mut self.contacts.list[contact as usize];
        *self.sums.of(contact.status) -= 1;
        *self.sums.of(status) += 1;
        contact.status = status;
    }

    pub(super) fn is_finished(&self) -> bool {
        self.sums.waiting == 0 && self.sums.calling == 0
    }

    /// Whether contacts may still come.
    pub(super) fn is_open(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.is_open)
    }

    /// Returns the number that a call dials.
    pub(super) fn number_of(&self, call: &CallRow) -> u64 {
        let contact = &self.contacts.list[call.contact as usize];
        let column = call.column().and_then(|at| self.settings.columns.get(at));
        column.and_then(|column| self.contacts.number_in(contact, column)).unwrap_or(contact.number)
    }

    /// Returns the column of a call's number; empty if the task names none.
    pub(super) fn column_of(&self, call: &CallRow) -> String {
        call.column().and_then(|at| self.settings.columns.get(at)).cloned().unwrap_or_default()
    }

    /// Returns the contact to dial now: one that is due again, or else the next.
    pub(super) fn next_contact(&mut self, now: Timestamp) -> Option<u32> {
        while let Some((due, contact)) = self.redials.first().copied() {
            if due > now {
                break;
            }
            self.redials.pop_first();
            if self.contacts.list[contact as usize].status == ContactStatus::Waiting {
                return Some(contact);
            }
        }
        while let Some(contact) = self.contacts.list.get(self.fresh) {
            let at = u32::try_from(self.fresh).ok()?;
            self.fresh += 1;
            if contact.status == ContactStatus::Waiting {
                return Some(at);
            }
        }
        None
    }

    /// Whether there is a contact to dial now.
    pub(super) fn has_contact(&mut self, now: Timestamp) -> bool {
        let is_gone =
            |task: &Self, contact: u32| task.contacts.list[contact as usize].status != ContactStatus::Waiting;
        while self.redials.first().is_some_and(|(_, contact)| is_gone(self, *contact)) {
            self.redials.pop_first();
        }
        while self
            .contacts
            .list
            .get(self.fresh)
            .is_some_and(|contact| contact.status != ContactStatus::Waiting)
        {
            self.fresh += 1;
        }
        self.fresh < self.contacts.list.len() || self.redials.first().is_some_and(|(due, _)| *due <= now)
    }

    /// Returns how many numbers are dialled for each free agent now: one, while too many calls are lost.
    pub(super) fn factor(&self) -> f64 {
        let is_over = self
            .settings
            .max_lost
            .is_some_and(|most| f64::from(self.lost) * 100.0 > most * f64::from(self.reached));
        if is_over || self.settings.is_one_by_one { 1.0 } else { self.settings.factor }
    }

    /// Returns whether a moment lies in one of its pauses, and when that changes next; `None` without pauses.
    pub(super) fn rest(&self, now: Timestamp) -> Option<(bool, Timestamp)> {
        let local = self.settings.zone.to_datetime(now);
        let rests = &self.settings.rests;
        let resting = rests.iter().find(|(start, end)| (*start..*end).contains(&local.time()));
        let next = match resting {
            Some((_, end)) => local.date().to_datetime(*end),
            None => match rests.iter().find(|(start, _)| *start > local.time()) {
                Some((start, _)) => local.date().to_datetime(*start),
                None => local.date().checked_add(1.day()).ok()?.to_datetime(rests.first()?.0),
            },
        };
        Some((resting.is_some(), self.settings.zone.to_timestamp(next).ok()?))
    }
}

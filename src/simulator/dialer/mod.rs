//! The predictive dialer: tasks that dial lists of numbers for groups of agents, and hand over who answers.
//!
//! It dials as many numbers as its free agents are likely to take; a person who answers when nobody is free is lost.
//! Calls come in through `handle`, time through `advance`; what the vendor would tell the integrator waits in
//! `take_callbacks`, each notice for the URL that its task named. Nodes of workflows have tasks of their own here, whose
//! notices go where all callbacks go. The sums of a task match at every moment, and what a notice told is what a query
//! tells.

mod ask;
mod call;
mod calls;
mod contacts;
mod desk;
mod dial;
mod draw;
mod mock_outcome;
mod node;
mod order;
mod queries;
mod row;
mod rules;
mod talk;
mod task;
mod tell;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::access::{Account, AccountKey};
use super::agenda::{Agenda, Later};
use super::calling;
use super::ids::{Ids, Kind};
use super::node::Ended;
use super::{Behaviour, Callback, Request, Response};
use crate::content::Country;
use crate::content::phone;
use crate::seed::Seed;
use call::CallRow;
pub(super) use call::Ending;
pub(super) use calls::token;
use contacts::Contacts;
use desk::Desk;
pub(super) use mock_outcome::Wished;
use order::TaskOrder;
pub use rules::{Group, Pace, Rules};
use task::Task;

/// Names a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TaskKey(u32);

/// Names the agents of a group of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct DeskKey(usize);

/// Something that happens by itself.
#[derive(Debug)]
enum Wake {
    /// A task is there.
    Created(TaskKey),
    /// A task begins.
    Start(TaskKey),
    /// The schedule of a task ends.
    Close(TaskKey),
    /// A task may have come to its end by contacts that were taken out.
    Check(TaskKey),
    /// A pause of a task begins.
    Pause(TaskKey),
    /// A pause of a task ends.
    Resume(TaskKey),
    /// A task has something to dial again.
    Dial(TaskKey),
    Ring(TaskKey, u32),
    Response(TaskKey, u32),
    /// Nobody waits any longer for an agent to be free.
    GiveUp(TaskKey, u32),
    /// An agent takes the call, or does not.
    Pickup(TaskKey, u32),
    End(TaskKey, u32, Ending),
    /// The agent saves the result.
    Result(TaskKey, u32),
    /// A notice that is wished to be late.
    Late(Box<Callback>),
}

impl Later for Wake {
    /// The end of a schedule mostly finds nothing left to end, and a
    /// pause does nothing by itself.
    fn is_work(&self) -> bool {
        !matches!(self, Self::Close(_) | Self::Pause(_))
    }
}

/// Where a present moment stood, for taking back or adopting what came after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint(usize);

/// All tasks of the dialer, and all agents.
#[derive(Debug)]
pub(super) struct Dialer {
    ids: Arc<Ids>,
    seed: Seed,
    rules: Arc<Rules>,
    /// How numbers answer: as in calling tasks.
    calling: Arc<calling::Rules>,
    /// Whether anybody listens to callbacks that go to no URL of their own.
    has_callback_url: bool,
    /// Where recordings are served: `http://127.0.0.1:2478`.
    public_url: Arc<str>,
    homes: Vec<Account>,
    tasks: Vec<Task>,
    desks: Vec<Desk>,
    desk_keys: HashMap<(AccountKey, usize), DeskKey>,
    /// Names are unique within the account.
    names: HashMap<(AccountKey, String), TaskKey>,
    /// The tasks of an account, oldest first.
    of_account: HashMap<AccountKey, Vec<TaskKey>>,
    /// How often a number was dialled on the last day on which it was.
    dialled: HashMap<(AccountKey, u64), (Date, u32)>,
    agenda: Agenda<Wake>,
    callbacks: Vec<Callback>,
    /// Contacts of workflows that are through, until their workflow takes note.
    ended: Vec<Ended<Ending>>,
}

impl Dialer {
    pub(super) fn new(seed: Seed, ids: Arc<Ids>, world: &Behaviour) -> Self {
        Self {
            ids,
            seed: seed.derive("dialer", 0),
            rules: Arc::clone(&world.dialer),
            calling: Arc::clone(&world.calling),
            has_callback_url: world.has_callback_url,
            public_url: Arc::clone(&world.public_url),
            homes: world.accounts.clone(),
            tasks: Vec::new(),
            desks: Vec::new(),
            desk_keys: HashMap::new(),
            names: HashMap::new(),
            of_account: HashMap::new(),
            dialled: HashMap::new(),
            agenda: Agenda::default(),
            callbacks: Vec::new(),
            ended: Vec::new(),
        }
    }

    fn task(&self, key: TaskKey) -> &Task {
        &self.tasks[key.0 as usize]
    }

    fn task_mut(&mut self, key: TaskKey) -> &mut Task {
        &mut self.tasks[key.0 as usize]
    }

    fn call(&self, key: TaskKey, call: u32) -> &CallRow {
        &self.task(key).calls[call as usize]
    }

    fn call_mut(&mut self, key: TaskKey, call: u32) -> &mut CallRow {
        &mut self.task_mut(key).calls[call as usize]
    }

    fn task_id(&self, key: TaskKey) -> String {
        self.ids.seal(Kind::DialerTask, (key.0, 0, 0))
    }

    /// Puts a task among the others, at the desk of its group.
    fn push_task(&mut self, key: TaskKey, order: TaskOrder, contacts: Contacts, now: Timestamp) {
        let (rules, desks) = (&self.rules, &mut self.desks);
        let desk = *self.desk_keys.entry((order.account, order.group)).or_insert_with(|| {
            let names =
                rules.groups.get(order.group).map(|group| group.agents.as_slice()).unwrap_or_default();
            desks.push(Desk::new(names, order.zone, now));
            DeskKey(desks.len() - 1)
        });
        let seed = self.seed.derive("task", u64::from(key.0));
        let country = self.homes.get(order.account.index()).map_or(Country::Id, |home| home.country);
        let caller = phone(&mut seed.stream("caller", 0), country);
        self.tasks.push(Task::new(order, contacts, desk, seed, caller));
    }

    /// When [`Dialer::advance`] has something to do next.
    pub(super) fn next_wakeup(&self) -> Option<Timestamp> {
        self.agenda.next()
    }

    /// Whether anything is under way that a run waits for.
    pub(super) fn is_busy(&self) -> bool {
        self.agenda.is_busy()
    }

    /// What the vendor would tell now.
    pub(super) fn take_callbacks(&mut self) -> Vec<Callback> {
        std::mem::take(&mut self.callbacks)
    }

    pub(super) fn checkpoint(&self) -> Checkpoint {
        Checkpoint(self.tasks.len())
    }

    /// Somebody else tells what comes of the tasks made since the checkpoint.
    pub(super) fn mute_since(&mut self, checkpoint: Checkpoint) {
        for task in &mut self.tasks[checkpoint.0..] {
            task.is_muted = true;
        }
    }

    /// The tasks made since the checkpoint are a story's doing.
    pub(super) fn assign_since(&mut self, checkpoint: Checkpoint, story: u32) {
        for task in &mut self.tasks[checkpoint.0..] {
            task.story = Some(story);
        }
    }

    /// Answers a call of the dialer.
    pub(super) fn handle(&mut self, call: &Request<'_>) -> Option<Response> {
        let work = match call.id {
            "dialer.create_task" => Self::create_task,
            "dialer.copy_task" => Self::copy_task,
            "dialer.cancel_contacts" => Self::cancel_contacts,
            "dialer.tasks" => Self::list_tasks,
            "dialer.task_detail" => Self::task_detail,
            "dialer.recording" => Self::recording_link,
            _ => return None,
        };
        Some(work(self, call).unwrap_or_else(|refusal| refusal))
    }
}

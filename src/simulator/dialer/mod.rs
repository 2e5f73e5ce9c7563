//! The predictive dialer: tasks that dial lists of numbers for groups of agents, and connect the people who answer.
//!
//! It dials as many numbers as its free agents are likely to handle; a person who answers while no agent is free is lost. Each
//! notice goes to the URL that its task named. Nodes of workflows have their own tasks here, whose notices go where all
//! callbacks go. The sums of a task match at every moment, and a query returns what a notice said.

mod agent_pool;
mod agents;
mod auth;
mod call;
mod callbacks;
mod cancel_contacts;
mod contacts;
mod create_task;
mod dial;
mod draw;
mod fields;
mod mock_outcome;
mod node;
mod notices;
mod put_away;
mod queries;
mod recording;
mod row;
mod seen;
mod settings;
mod talk;
mod task;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::Simulator;
use super::access::{Account, AccountKey};
use super::calling;
use super::cause::CauseId;
use super::context::Context;
use super::endpoint::{Endpoint, endpoints};
use super::ids::{Ids, Kind};
pub(super) use super::keys::DialerTaskKey as TaskKey;
pub use super::rules::dialer::Rules;
use super::shelf::Shelf;
use super::timer::DialerTimer;
use crate::content::Country;
use crate::content::phone;
use crate::seed::Seed;
use agent_pool::AgentPool;
use agents::Played;
pub use agents::{AgentAct, AgentError};
use call::CallRow;
pub(super) use callbacks::CALLBACKS;
use contacts::Contacts;
pub(super) use mock_outcome::DialerMockOutcome;
use settings::TaskSettings;
use task::Task;

/// The endpoints of the dialer.
pub(super) const ENDPOINTS: &[Endpoint] = endpoints! {
    refuse: fields::refuse,
    "dialer.auth" => auth::token,
    "dialer.create_task" => create_task::create_task,
    "dialer.copy_task" => create_task::copy_task,
    "dialer.cancel_contacts" => cancel_contacts::cancel_contacts,
    "dialer.tasks" => queries::list_tasks,
    "dialer.task_detail" => queries::task_detail,
    "dialer.recording" => recording::recording,
};

/// Weight of a task without its contacts, in contacts of about equal memory.
const TASK_WEIGHT: usize = 10;

/// Identifies the agents of a group of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PoolKey(usize);

/// All tasks of the dialer, and all agents.
#[derive(Clone, Debug)]
pub(super) struct Dialer {
    ids: Arc<Ids>,
    seed: Seed,
    rules: Arc<Rules>,
    /// The behaviour of numbers, as in calling tasks.
    calling: Arc<calling::Rules>,
    /// The URL prefix of recordings: `http://127.0.0.1:2478`.
    public_url: Arc<str>,
    homes: Vec<Account>,
    pub(super) tasks: Shelf<TaskKey, Task>,
    pools: Vec<AgentPool>,
    pool_keys: HashMap<(AccountKey, usize), PoolKey>,
    /// Names are unique within the account.
    names: HashMap<(AccountKey, String), TaskKey>,
    /// The tasks of an account, oldest first.
    of_account: HashMap<AccountKey, Vec<TaskKey>>,
    /// The decisions of agents played from outside, by contact and call number.
    played: BTreeMap<(TaskKey, u32, u8), Played>,
    /// How often a number was dialled on the last day on which it was dialled.
    dialled: HashMap<(AccountKey, u64), (Date, u32)>,
}

impl Dialer {
    /// Returns the numbers that are still to be dialled, each with the name of its task.
    pub(super) fn undialled(&self) -> impl Iterator<Item = (&str, u64)> {
        let open = self.tasks.objects().filter(|task| !task.state.is_over());
        open.flat_map(|task| {
            let waits = |contact: &&contacts::Contact| contact.status == contacts::ContactStatus::Waiting;
            task.contacts.list.iter().filter(waits).map(|contact| (&*task.settings.name, contact.number))
        })
    }

    /// Sets the URL with which links to recordings begin.
    pub(in crate::simulator) fn link_by(&mut self, url: Arc<str>) {
        self.public_url = url;
    }

    pub(super) fn new(context: &Context) -> Self {
        let behaviour = &context.behaviour;
        Self {
            ids: Arc::clone(&context.ids),
            seed: context.seed.derive("dialer", 0),
            rules: Arc::clone(&behaviour.dialer),
            calling: Arc::clone(&behaviour.calling),
            public_url: Arc::clone(&behaviour.public_url),
            homes: behaviour.accounts.clone(),
            tasks: Shelf::default(),
            pools: Vec::new(),
            pool_keys: HashMap::new(),
            names: HashMap::new(),
            of_account: HashMap::new(),
            played: BTreeMap::new(),
            dialled: HashMap::new(),
        }
    }

    fn call(&self, key: TaskKey, call: u32) -> &CallRow {
        &self.tasks[key].calls[call as usize]
    }

    fn call_mut(&mut self, key: TaskKey, call: u32) -> &mut CallRow {
        &mut self.tasks[key].calls[call as usize]
    }

    pub(super) fn task_id(&self, key: TaskKey) -> String {
        self.ids.seal(Kind::DialerTask, (key.0, 0, 0))
    }

    /// Adds a task to the pool of its group.
    fn push_task(
        &mut self,
        key: TaskKey,
        settings: TaskSettings,
        contacts: Contacts,
        cause: CauseId,
        now: Timestamp,
    ) {
        let (rules, pools) = (&self.rules, &mut self.pools);
        let pool = *self.pool_keys.entry((settings.account, settings.group)).or_insert_with(|| {
            let names =
                rules.groups.get(settings.group).map(|group| group.agents.as_slice()).unwrap_or_default();
            pools.push(AgentPool::new(names, settings.zone, now));
            PoolKey(pools.len() - 1)
        });
        let seed = self.seed.derive("task", u64::from(key.0));
        let country = self.homes.get(settings.account.index()).map_or(Country::Id, |home| home.country);
        let caller = phone(&mut seed.stream("caller", 0), country);
        let weight = TASK_WEIGHT + contacts.list.len();
        self.tasks.add(Task::new(settings, contacts, pool, seed, caller, cause), weight);
    }
}

impl Dialer {
    /// Carries out what was planned for this moment.
    pub(in crate::simulator) fn wake(simulator: &mut Simulator, task: TaskKey, timer: DialerTimer) {
        let Simulator { dialer, context, .. } = simulator;
        match timer {
            DialerTimer::Created => dialer.created(context, task),
            DialerTimer::Start => dialer.start(context, task),
            DialerTimer::Close => dialer.close(context, task),
            DialerTimer::Check => dialer.finish_if_done(context, task),
            DialerTimer::Pause | DialerTimer::Resume => dialer.rest(context, task),
            DialerTimer::Dial => {
                dialer.tasks[task].woken_at = None;
                dialer.queue(task);
                dialer.fill(context, dialer.tasks[task].pool);
            }
            DialerTimer::Ring(call) => dialer.ring(context, task, call),
            DialerTimer::Answer(call) => dialer.answer(context, task, call),
            DialerTimer::GiveUp(call) => dialer.give_up(context, task, call),
            DialerTimer::PickUp(call) => dialer.pick_up(context, task, call),
            // An agent played from outside has ended it already.
            DialerTimer::End(call, _) if dialer.call(task, call).ending.is_some() => {}
            DialerTimer::End(call, ending) => {
                dialer.end(context, task, call, ending);
                dialer.fill(context, dialer.tasks[task].pool);
            }
            DialerTimer::Result(call) => dialer.save_result(context, task, call),
        }
    }
}

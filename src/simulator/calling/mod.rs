//! Calling tasks and plans: the same for Collection, Telemarketing & E-commerce, and Info Check.
//!
//! A task is one round of robot calls over a list of numbers; a plan is an ordered set of tasks made by a strategy
//! (documented). The sums of a task match at every moment.

mod call_detail;
mod callbacks;
mod check_order;
mod create_plan;
mod create_task;
mod dial;
mod dialog;
mod draw;
mod info_check;
mod names;
mod plan;
mod plan_queries;
mod played;
mod put_away;
mod recordings;
mod row_text;
mod rows;
mod seen;
mod task;
mod task_control;
mod task_detail;
mod task_list;
#[cfg(test)]
mod tests;
mod voice;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::Simulator;
use super::access::AccountKey;
use super::agenda::Place;
use super::context::Context;
use super::endpoint::{CallbackShape, Endpoint, KeptResponses, bad_request, callbacks, endpoints};
use super::ids::{Ids, Kind};
pub(super) use super::keys::{PlanKey, TaskKey};
pub use super::outcome::{MOCK_OUTCOMES, MockOutcome, Outcome, UnknownMockOutcome};
pub use super::raw_rows::RawRows;
use super::request::{Refusal, Request};
pub(crate) use super::rules::calling::magic;
pub use super::rules::calling::{MAGIC, Robot, Rules, Script, Strategy};
use super::rules::retention;
use super::shelf::Shelf;
use super::timer::{CallingTimer, PlanTimer};
use crate::content::Country;
use crate::contract::fields::shown;
use crate::seed::Seed;
pub(super) use call_detail::{CallDetail, CaseCall};
pub(super) use dialog::agent_talk;
pub(super) use draw::{draw, stream};
use plan::Plan;
use played::Played;
pub use played::{CallError, CallView};
pub(super) use rows::read_ahead;
use task::{Task, TaskOrder};
pub(super) use task_list::TaskSummary;
pub(super) use voice::{WorkflowCallFacts, WorkflowTaskDetail};

use crate::recordings::Recording;

/// The endpoints of this department.
pub(super) const ENDPOINTS: &[Endpoint] = endpoints! {
    refuse: bad_request,
    "task.create" => create_task::create_task,
    "task.list" => task_list::list_tasks,
    "task.stop" => task_control::operate_task,
    "task.cancel_call" => task_control::cancel_call,
    "task.detail" => task_detail::task_detail,
    "task.recording" => recordings::recording_of_number,
    "task.recordings" => recordings::recordings_of_task,
    "robot.list" => task_list::robots,
    "call.by_id" => recordings::call_by_id,
    "strategy.list" => create_plan::strategies,
    "plan.create" => create_plan::create_plan,
    "plan.status" => plan_queries::plan_status,
    "plan.rounds" => plan_queries::plan_rounds,
    "plan.cancel_call" => plan_queries::cancel_plan_call,
    "plan.recordings" => plan_queries::plan_recordings,
};

/// The callbacks of this department.
pub(super) const CALLBACKS: &[CallbackShape] = callbacks! {
    "call.completed" => callbacks::CallCompleted,
    "task.finished" => callbacks::TaskFinished,
    "plan.finished" => callbacks::PlanFinished,
    "workflow.call_completed" => voice::WorkflowCallCompleted,
};

/// Identifies a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct LineKey(usize);

/// A line of an account, with its maximum number of simultaneous calls.
#[derive(Clone, Debug)]
struct Line {
    channels: u32,
    busy: u32,
    /// The tasks that may have something to dial, in turn.
    queue: VecDeque<TaskKey>,
}

/// The file of a link.
pub enum Download {
    /// One recording.
    One {
        /// The name of its file.
        name: String,
        /// The recording.
        recording: Recording,
    },
    /// All recordings of a task, with their file names, generated one after the other.
    All(Box<dyn Iterator<Item = (String, Recording)> + Send>),
}

/// All tasks and plans.
#[derive(Clone, Debug)]
pub(super) struct Calling {
    ids: Arc<Ids>,
    seed: Seed,
    rules: Arc<Rules>,
    /// The URL prefix of recordings: `http://127.0.0.1:2478`.
    public_url: Arc<str>,
    /// The home countries of the accounts.
    countries: Vec<Country>,
    pub(super) tasks: Shelf<TaskKey, Task>,
    pub(super) plans: Shelf<PlanKey, Plan>,
    lines: Vec<Line>,
    line_keys: HashMap<(AccountKey, String), LineKey>,
    /// Names are unique within the account (client).
    task_names: HashMap<(AccountKey, String), TaskKey>,
    plan_names: HashMap<(AccountKey, String), PlanKey>,
    /// The tasks of an account, oldest first.
    of_account: HashMap<AccountKey, Vec<TaskKey>>,
    /// The details of finished tasks. The key includes the catalog id of the request: a workflow's task has two forms.
    details: KeptResponses<(TaskKey, &'static str)>,
    /// The calls under way, and the place of each one's end in the agenda.
    under_way: BTreeMap<(TaskKey, u32), Place>,
    /// The decisions of people played from outside, by row and attempt.
    played: BTreeMap<(TaskKey, u32, u8), Played>,
}

impl Calling {
    /// Sets the URL with which links to recordings begin. Cached responses contain the previous one.
    pub(in crate::simulator) fn link_by(&mut self, url: Arc<str>) {
        self.public_url = url;
        self.details = KeptResponses::new();
    }

    pub(super) fn new(context: &Context) -> Self {
        let behaviour = &context.behaviour;
        Self {
            ids: Arc::clone(&context.ids),
            seed: context.seed.derive("calling", 0),
            rules: Arc::clone(&behaviour.calling),
            public_url: Arc::clone(&behaviour.public_url),
            countries: behaviour.accounts.iter().map(|account| account.country).collect(),
            tasks: Shelf::default(),
            plans: Shelf::default(),
            lines: Vec::new(),
            line_keys: HashMap::new(),
            task_names: HashMap::new(),
            plan_names: HashMap::new(),
            of_account: HashMap::new(),
            details: KeptResponses::new(),
            under_way: BTreeMap::new(),
            played: BTreeMap::new(),
        }
    }

    pub(super) fn task_id(&self, key: TaskKey) -> String {
        self.ids.seal(Kind::Task, (key.0, 0, 0))
    }

    fn line(&mut self, account: AccountKey, name: &str) -> LineKey {
        let channels = self.rules.channels_of(name);
        let lines = &mut self.lines;
        *self.line_keys.entry((account, name.to_owned())).or_insert_with(|| {
            lines.push(Line { channels, busy: 0, queue: VecDeque::new() });
            LineKey(lines.len() - 1)
        })
    }

    /// Adds a task. From now on it runs by itself.
    fn add_task(
        &mut self,
        context: &mut Context,
        order: TaskOrder,
        rows: rows::Rows,
        refused: usize,
    ) -> TaskKey {
        let key = self.tasks.next_key();
        let line = self.line(order.account, &order.line);
        let seed = self.seed.derive("task", u64::from(key.0));
        let (account, starts, ends) = (order.account, order.starts.max(context.now), order.ends);
        if order.plan.is_none() && order.workflow.is_none() {
            self.task_names.insert((account, order.name.clone()), key);
        }
        // Tasks of a workflow are listed by requests of their own.
        if order.workflow.is_none() {
            self.of_account.entry(account).or_default().push(key);
        }
        let weight = TASK_WEIGHT + rows.list.len();
        self.tasks.add(Task::new(order, line, seed, context.now, rows, refused, context.cause()), weight);
        let start = context.plan(starts, (key, CallingTimer::Start));
        self.tasks[key].start = Some(start);
        if let Some(ends) = ends {
            let close = context.plan(ends, (key, CallingTimer::Close));
            self.tasks[key].close = Some(close);
        }
        key
    }

    /// Returns the numbers that are still to be dialled, each with the name of its task.
    pub(super) fn undialled(&self) -> impl Iterator<Item = (&str, u64)> {
        let open = self.tasks.objects().filter(|task| !task.status.is_over());
        open.flat_map(|task| {
            let waits = |row: &&rows::Row| row.status == rows::RowStatus::Pending;
            task.rows.list.iter().filter(waits).map(|row| (&*task.order.name, row.number))
        })
    }

    /// Returns the task of this id, if it belongs to the account.
    fn find_task(&self, id: &str, request: &Request<'_>) -> Result<TaskKey, Refusal> {
        let found = self.ids.open(Kind::Task, id).map(|(at, ..)| TaskKey(at));
        let own =
            |key: &TaskKey| self.tasks.get(*key).is_some_and(|task| task.order.account == request.account);
        if found.is_some_and(|key| self.tasks.is_gone(key)) {
            return Err(not_kept("task", "TaskID", id));
        }
        found.filter(own).ok_or_else(|| unknown("task", "TaskID", id))
    }
}

/// Weight of a task without its rows, in rows of about equal memory.
const TASK_WEIGHT: usize = 10;

/// Refuses an id whose object has finished and was evicted.
fn not_kept(what: &str, field: &str, id: &str) -> Refusal {
    Refusal::new(404, retention::not_kept(&format!("the {what} with {field} {}", shown(&Value::from(id)))))
}

/// Refuses an id that stands for nothing of the account.
fn unknown(what: &str, field: &str, id: &str) -> Refusal {
    Refusal::new(404, format!("there is no {what} with {field} {}", shown(&Value::from(id))))
}

impl Calling {
    /// Carries out what was planned for this moment.
    pub(in crate::simulator) fn wake(simulator: &mut Simulator, task: TaskKey, timer: CallingTimer) {
        let Simulator { calling, context, .. } = simulator;
        match timer {
            CallingTimer::Start => calling.start(context, task),
            CallingTimer::Close => calling.close(context, task),
            CallingTimer::Redial => {
                calling.tasks[task].redial = None;
                calling.queue(task);
                calling.fill(context, calling.tasks[task].line);
            }
            CallingTimer::HangUp(row) => calling.hang_up(context, task, row),
            CallingTimer::CallNotice(row) => calling.emit_call_completed(context, task, row),
            CallingTimer::TaskNotice => calling.emit_task_finished(context, task),
        }
    }

    /// Carries out what was planned for this moment with a plan.
    pub(in crate::simulator) fn wake_plan(simulator: &mut Simulator, plan: PlanKey, timer: PlanTimer) {
        let Simulator { calling, context, .. } = simulator;
        match timer {
            PlanTimer::Round => calling.next_round(context, plan),
            PlanTimer::Notice => calling.emit_plan_finished(context, plan),
        }
    }
}

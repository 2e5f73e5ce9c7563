//! Calling tasks and plans: the same for Collection, Telemarketing & E-commerce, and Info Check.
//!
//! A task is one round of robot calls over a list of numbers; a plan is an ordered set of tasks made by a strategy
//! (documented). The sums of a task match at every moment.

mod calls;
mod detail;
mod dial;
mod draw;
mod plan;
mod plan_calls;
mod rows;
mod task;
#[cfg(test)]
mod tests;
mod workflow;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::Simulator;
use super::access::AccountKey;
use super::callback::{Callback, CallbackBody};
use super::context::Context;
use super::department::Department;
use super::ids::{Ids, Kind};
pub(super) use super::keys::{PlanKey, TaskKey};
pub use super::outcome::{MOCK_OUTCOMES, MockOutcome, Outcome, UnknownMockOutcome};
pub use super::raw_rows::RawRows;
use super::request::{Request, Response};
pub(crate) use super::rules::calling::magic;
pub use super::rules::calling::{Business, MAGIC, Robot, Round, Rules, Strategy};
use super::timer::CallingTimer;
use crate::content::Country;
use crate::seed::Seed;
pub(super) use draw::{draw, stream};
use plan::Plan;
use task::{Task, TaskOrder};

use crate::recordings::Recording;

/// Names a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct LineKey(usize);

/// A line of an account: so many calls at a time.
#[derive(Clone, Debug)]
struct Line {
    channels: u32,
    busy: u32,
    /// The tasks that may have something to dial, in turn.
    queue: VecDeque<TaskKey>,
}

/// What is behind a link.
pub enum Download {
    /// One recording.
    One {
        /// The name of its file.
        name: String,
        /// The recording.
        recording: Recording,
    },
    /// All recordings of a task, with the names of their files, made one after the other.
    All(Box<dyn Iterator<Item = (String, Recording)> + Send>),
}

/// All tasks and plans.
#[derive(Clone, Debug)]
pub(super) struct Calling {
    ids: Arc<Ids>,
    seed: Seed,
    rules: Arc<Rules>,
    /// Where recordings are served: `http://127.0.0.1:2478`.
    public_url: Arc<str>,
    /// Where the accounts are at home.
    countries: Vec<Country>,
    tasks: Vec<Task>,
    plans: Vec<Plan>,
    lines: Vec<Line>,
    line_keys: HashMap<(AccountKey, String), LineKey>,
    /// Names are unique within the account (client).
    task_names: HashMap<(AccountKey, String), TaskKey>,
    plan_names: HashMap<(AccountKey, String), PlanKey>,
    /// The tasks of an account, oldest first.
    of_account: HashMap<AccountKey, Vec<TaskKey>>,
}

impl Calling {
    pub(super) fn new(context: &Context) -> Self {
        let behaviour = &context.behaviour;
        Self {
            ids: Arc::clone(&context.ids),
            seed: context.seed.derive("calling", 0),
            rules: Arc::clone(&behaviour.calling),
            public_url: Arc::clone(&behaviour.public_url),
            countries: behaviour.accounts.iter().map(|account| account.country).collect(),
            tasks: Vec::new(),
            plans: Vec::new(),
            lines: Vec::new(),
            line_keys: HashMap::new(),
            task_names: HashMap::new(),
            plan_names: HashMap::new(),
            of_account: HashMap::new(),
        }
    }

    fn task(&self, key: TaskKey) -> &Task {
        &self.tasks[key.0 as usize]
    }

    fn task_mut(&mut self, key: TaskKey) -> &mut Task {
        &mut self.tasks[key.0 as usize]
    }

    fn task_id(&self, key: TaskKey) -> String {
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

    /// Takes a task up: from now on it happens by itself.
    fn add_task(
        &mut self,
        context: &mut Context,
        order: TaskOrder,
        rows: rows::Rows,
        refused: usize,
        now: Timestamp,
    ) -> TaskKey {
        let key = TaskKey(u32::try_from(self.tasks.len()).unwrap_or(u32::MAX));
        let line = self.line(order.account, &order.line);
        let seed = self.seed.derive("task", u64::from(key.0));
        let (account, starts, ends) = (order.account, order.starts.max(now), order.ends);
        if order.plan.is_none() && order.workflow.is_none() {
            self.task_names.insert((account, order.name.clone()), key);
        }
        // Those of a workflow are listed by calls of their own.
        if order.workflow.is_none() {
            self.of_account.entry(account).or_default().push(key);
        }
        self.tasks.push(Task::new(order, line, seed, now, rows, refused, context.cause()));
        let start = context.plan(starts, CallingTimer::Start(key));
        self.task_mut(key).start = Some(start);
        if let Some(ends) = ends {
            let close = context.plan(ends, CallingTimer::Close(key));
            self.task_mut(key).close = Some(close);
        }
        key
    }

    /// A number is through.
    fn emit_call_completed(&self, context: &mut Context, key: TaskKey, row: u32) {
        let task = self.task(key);
        if context.is_silent(task.cause) {
            return;
        }
        let (event, body, order_key) = match task.order.workflow {
            Some(_) => {
                let Some((body, order)) = self.workflow_call_completed(key, row) else { return };
                ("workflow.call_completed", body, Some(order))
            }
            None => {
                let Some(body) = self.call_completed(key, row) else { return };
                // Notices of different numbers do not wait for each other.
                ("call.completed", body, None)
            }
        };
        context.send(task.cause, callback(task.order.account, event, body, order_key));
    }

    fn emit_task_finished(&self, context: &mut Context, key: TaskKey) {
        let task = self.task(key);
        if context.is_silent(task.cause) {
            return;
        }
        let body = self.task_finished(key);
        let order_key = Some(self.task_id(key));
        context.send(task.cause, callback(task.order.account, "task.finished", body, order_key));
    }

    /// What is behind a link.
    pub(super) fn download(&self, folder: &str, file: &str) -> Option<Download> {
        let same = |folder_kind, kind| {
            let place = self.ids.open(kind, file)?;
            (self.ids.open(folder_kind, folder) == Some(place)).then_some(place)
        };
        if let Some((task, row, attempt)) = same(Kind::RecordingFolder, Kind::Recording) {
            let known = self.tasks.get(task as usize)?.row(row)?;
            if u32::from(known.attempts) != attempt {
                return None;
            }
            let teller = self.teller(TaskKey(task));
            return Some(Download::One { name: teller.file_name(row), recording: teller.recording(row)? });
        }
        let (task, ..) = same(Kind::ArchiveFolder, Kind::Archive)?;
        let key = TaskKey(task);
        self.tasks.get(task as usize)?;
        let (teller, rows) = (self.teller(key), self.recorded(key).collect::<Vec<u32>>());
        let entries =
            rows.into_iter().filter_map(move |row| Some((teller.file_name(row), teller.recording(row)?)));
        Some(Download::All(Box::new(entries)))
    }
}

/// A callback that goes to the account's URL.
fn callback(account: AccountKey, event: &'static str, body: String, order_key: Option<String>) -> Callback {
    let body = CallbackBody::Text(body);
    Callback { account, story: None, event: event.into(), body, order_key, target: None }
}

impl Department for Calling {
    type Timer = CallingTimer;

    fn handle(simulator: &mut Simulator, call: &Request<'_>) -> Option<Response> {
        let work = match call.id {
            "task.create" => Self::create_task,
            "task.list" => Self::list_tasks,
            "task.stop" => Self::operate_task,
            "task.cancel_call" => Self::cancel_call,
            "task.detail" => Self::detail,
            "task.recording" => Self::recording_of_number,
            "task.recordings" => Self::recordings_of_task,
            "robot.list" => Self::robots,
            "call.by_id" => Self::call_by_id,
            "strategy.list" => Self::strategies,
            "plan.create" => Self::create_plan,
            "plan.status" => Self::plan_status,
            "plan.rounds" => Self::plan_rounds,
            "plan.cancel_call" => Self::cancel_plan_call,
            "plan.recordings" => Self::plan_recordings,
            _ => return None,
        };
        Some(work(&mut simulator.calling, &mut simulator.context, call).unwrap_or_else(|refusal| refusal))
    }

    fn wake(simulator: &mut Simulator, timer: CallingTimer, at: Timestamp) {
        let Simulator { calling, context, .. } = simulator;
        match timer {
            CallingTimer::Start(task) => calling.start(context, task, at),
            CallingTimer::Close(task) => calling.close(context, task, at),
            CallingTimer::Redial(task) => {
                calling.task_mut(task).redial = None;
                calling.queue(task);
                calling.fill(context, calling.task(task).line, at);
            }
            CallingTimer::HangUp(task, row) => calling.hang_up(context, task, row, at),
            CallingTimer::CallNotice(task, row) => calling.emit_call_completed(context, task, row),
            CallingTimer::TaskNotice(task) => calling.emit_task_finished(context, task),
            CallingTimer::Round(plan) => calling.next_round(context, plan, at),
            CallingTimer::PlanNotice(plan) => calling.emit_plan_finished(context, plan),
        }
    }
}

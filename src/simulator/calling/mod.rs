//! Calling tasks and plans: the same for Collection, Telemarketing & E-commerce, and Info Check.
//!
//! A task is one round of robot calls over a list of numbers; a plan is an ordered set of tasks made by a strategy
//! (documented). Calls come in through `handle`, time through `advance`; what the vendor would
//! tell the integrator waits in `take_callbacks`. The sums of a task match at every moment.

mod calls;
mod detail;
mod dial;
mod draw;
mod outcome;
mod plan;
mod plan_calls;
mod rows;
mod rules;
mod task;
#[cfg(test)]
mod tests;
mod workflow;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::access::AccountKey;
use super::agenda::{Agenda, Later};
use super::ids::{Ids, Kind};
use super::node::Ended;
use super::{Behaviour, Callback, CallbackBody, Request, Response};
use crate::content::Country;
use crate::seed::Seed;
pub(super) use draw::{draw, stream};
pub(crate) use outcome::ChatOutcome;
pub use outcome::{MOCK_OUTCOMES, MockOutcome, Outcome, UnknownMockOutcome};
use plan::Plan;
pub use rows::RawRows;
pub(crate) use rows::{e164, e164_or_bare};
pub(crate) use rules::magic;
pub use rules::{Business, MAGIC, Robot, Round, Rules, Strategy};
use task::{Task, TaskOrder};

use crate::recordings::Recording;

/// Names a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TaskKey(u32);

/// Names a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PlanKey(u32);

/// Names a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct LineKey(usize);

/// Something that happens by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wake {
    /// A task begins.
    Start(TaskKey),
    /// The schedule of a task ends.
    Close(TaskKey),
    /// A number of a task is to be called again.
    Redial(TaskKey),
    /// A call ends.
    Hangup(TaskKey, u32),
    /// The late notice of a number.
    Notice(TaskKey, u32),
    /// A task is told to be over.
    TaskNotice(TaskKey),
    /// The next round of a plan begins.
    Round(PlanKey),
    /// A plan is told to be over.
    PlanNotice(PlanKey),
}

impl Later for Wake {
    /// The end of a schedule mostly finds nothing left to end.
    fn is_work(&self) -> bool {
        !matches!(self, Self::Close(_))
    }
}

/// A line of an account: so many calls at a time.
#[derive(Debug)]
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

/// Where a present moment stood, for taking back or adopting what came after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    tasks: usize,
    plans: usize,
}

/// All tasks and plans.
#[derive(Debug)]
pub(super) struct Calling {
    ids: Arc<Ids>,
    seed: Seed,
    rules: Arc<Rules>,
    /// Where recordings are served: `http://127.0.0.1:2478`.
    public_url: Arc<str>,
    /// Whether anybody listens to callbacks.
    has_callback_url: bool,
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
    agenda: Agenda<Wake>,
    callbacks: Vec<Callback>,
    /// Numbers of workflows that are through, until their workflow takes note.
    ended: Vec<Ended<Outcome>>,
}

impl Calling {
    pub(super) fn new(seed: Seed, ids: Arc<Ids>, world: &Behaviour) -> Self {
        Self {
            ids,
            seed: seed.derive("calling", 0),
            rules: Arc::clone(&world.calling),
            public_url: Arc::clone(&world.public_url),
            has_callback_url: world.has_callback_url,
            countries: world.accounts.iter().map(|account| account.country).collect(),
            tasks: Vec::new(),
            plans: Vec::new(),
            lines: Vec::new(),
            line_keys: HashMap::new(),
            task_names: HashMap::new(),
            plan_names: HashMap::new(),
            of_account: HashMap::new(),
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

    fn task_id(&self, key: TaskKey) -> String {
        self.ids.seal(Kind::Task, (key.0, 0, 0))
    }

    /// When [`Calling::advance`] has something to do next.
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
        Checkpoint { tasks: self.tasks.len(), plans: self.plans.len() }
    }

    /// Somebody else tells what comes of the tasks and plans made since the checkpoint.
    pub(super) fn mute_since(&mut self, checkpoint: Checkpoint) {
        for task in &mut self.tasks[checkpoint.tasks..] {
            task.is_muted = true;
        }
        for plan in &mut self.plans[checkpoint.plans..] {
            plan.is_muted = true;
        }
    }

    /// The tasks and plans made since the checkpoint are a story's doing.
    pub(super) fn assign_since(&mut self, checkpoint: Checkpoint, story: u32) {
        for task in &mut self.tasks[checkpoint.tasks..] {
            task.story = Some(story);
        }
        for plan in &mut self.plans[checkpoint.plans..] {
            plan.story = Some(story);
        }
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
    fn add_task(&mut self, order: TaskOrder, rows: rows::Rows, refused: usize, now: Timestamp) -> TaskKey {
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
        self.tasks.push(Task::new(order, line, seed, now, rows, refused));
        let start = self.agenda.plan(starts, Wake::Start(key));
        self.task_mut(key).start = Some(start);
        if let Some(ends) = ends {
            let close = self.agenda.plan(ends, Wake::Close(key));
            self.task_mut(key).close = Some(close);
        }
        key
    }

    fn emit(
        &mut self,
        account: AccountKey,
        story: Option<u32>,
        event: &'static str,
        body: String,
        order: Option<String>,
    ) {
        self.callbacks.push(Callback {
            account,
            story,
            event: event.into(),
            body: CallbackBody::Text(body),
            order_key: order,
            target: None,
        });
    }

    /// A number is through.
    fn tell_call(&mut self, key: TaskKey, row: u32) {
        let task = self.task(key);
        if task.is_muted || !self.has_callback_url {
            return;
        }
        let (account, story) = (task.order.account, task.story);
        if task.order.workflow.is_some() {
            let Some((body, order)) = self.workflow_call_completed(key, row) else { return };
            return self.emit(account, story, "workflow.call_completed", body, Some(order));
        }
        let Some(body) = self.call_completed(key, row) else { return };
        // Notices of different numbers do not wait for each other.
        self.emit(account, story, "call.completed", body, None);
    }

    fn tell_task(&mut self, key: TaskKey) {
        let task = self.task(key);
        if task.is_muted || !self.has_callback_url {
            return;
        }
        let (account, story) = (task.order.account, task.story);
        let body = self.task_finished(key);
        let order = self.task_id(key);
        self.emit(account, story, "task.finished", body, Some(order));
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

    /// Answers a call of the calling API.
    pub(super) fn handle(&mut self, call: &Request<'_>) -> Option<Response> {
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
        Some(work(self, call).unwrap_or_else(|refusal| refusal))
    }
}

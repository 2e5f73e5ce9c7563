//! The integrator's calls about tasks, numbers and robots.

use std::time::Duration;

use serde_json::{Value, json};

use super::rows::{Refusals, Rows, Standing};
use super::task::{Detail, Phase, TaskOrder};
use super::{Calling, TaskKey};
use crate::contract::bodies::calling::{CallFacts, RobotSummary, TaskDetail, TaskSummary};
use crate::contract::bodies::{local_text, utc_text};
use crate::simulator::context::Context;
use crate::simulator::e164::e164_or_bare;
use crate::simulator::ids::Kind;
use crate::simulator::params::{Params, bad};
use crate::simulator::{Long, Request, Response};

/// The longest name of a task (client).
const LONGEST_NAME: usize = 63;

/// The page size of lists where the call names none (assumed).
const PAGE: i64 = 20;

/// The largest page of a list (assumed).
const LARGEST_PAGE: i64 = 1_000;

/// From so many rows on an answer is written while it is sent.
const LONG: usize = 500;

pub(super) type Outcome = Result<Response, Response>;

const NO_DATA: Response = Response::Data(Value::Null);

pub(super) fn unknown(message: String) -> Response {
    Response::Error { code: 404, message }
}

/// A typed body as the answer's data.
pub(super) fn data(body: &impl serde::Serialize) -> Response {
    // Bodies are plain data: numbers, texts, lists, and tables with text keys, which always fit into JSON.
    Response::Text(serde_json::to_string(body).unwrap_or_default())
}

/// A name of a task or plan.
pub(super) fn name<'a>(params: Params<'a>, field: &str) -> Result<&'a str, Response> {
    let name = params.needed(field, &format!("a name of at most {LONGEST_NAME} characters"))?;
    let length = name.chars().count();
    if length > LONGEST_NAME {
        return Err(bad(format!("{field} has {length} characters, {LONGEST_NAME} is the most")));
    }
    Ok(name)
}

/// What tasks and plans share: when, by which line and robot, and how often.
pub(super) fn order(call: &Request<'_>, name: &str) -> Result<TaskOrder, Response> {
    let params = Params::new(call.fields);
    let starts = params.moment("ScheduleStartTime", call.zone)?;
    let ends = params.moment("ScheduleEndTime", call.zone)?;
    if let Some(ends) = ends {
        if starts.is_some_and(|starts| ends <= starts) {
            return Err(bad("ScheduleEndTime must be after ScheduleStartTime"));
        }
        if ends <= call.now {
            let now = local_text(call.now, &call.zone.to_time_zone());
            return Err(bad(format!("ScheduleEndTime is in the past: it is {now} in the account's zone")));
        }
    }
    Ok(TaskOrder {
        account: call.account,
        name: name.to_owned(),
        plan: None,
        workflow: None,
        robot: params.text("RobotID")?.unwrap_or_default().to_owned(),
        line: params.text("SIPLine")?.unwrap_or_default().to_owned(),
        starts: starts.unwrap_or(call.now),
        ends,
        repeat_number: params
            .whole("RepeatNumber", 1..=100)?
            .and_then(|number| u8::try_from(number).ok())
            .unwrap_or(1),
        repeat_interval: params
            .whole("RepeatInterval", 0..=100_000)?
            .and_then(|minutes| u64::try_from(minutes).ok())
            .map_or(Duration::ZERO, |minutes| Duration::from_secs(minutes * 60)),
    })
}

impl Calling {
    /// The rows of a call.
    pub(super) fn rows(&self, call: &Request<'_>) -> Result<(Rows, Refusals), Response> {
        let Some(raw) = call.rows else {
            let params = Params::new(call.fields);
            return Err(match params.value("Details") {
                Some(_) => bad("Details must be a list of rows"),
                None => params.missing("Details", "a list of rows such as {\"Mobile\": \"+6281112345678\"}"),
            });
        };
        Rows::read(raw, "Details", |number| self.rules.mock_outcome_of(number))
    }

    pub(super) fn create_task(&mut self, context: &mut Context, call: &Request<'_>) -> Outcome {
        let params = Params::new(call.fields);
        let name = name(params, "TaskName")?;
        params.word("RobotMethod", &["single", "group"])?;
        params.word("Type", &["normal"])?;
        params.whole("Perform", 1..=1)?;
        let order = order(call, name)?;
        if self.task_names.contains_key(&(call.account, name.to_owned())) {
            return Err(Response::Error {
                code: 409,
                message: format!("TaskName `{}` is taken: names are unique", short(name)),
            });
        }
        let (rows, refused) = self.rows(call)?;
        let key = self.add_task(context, order, rows, refused.count, call.now);
        self.begin_at_once(context, key, call.now);
        let mut answer = json!({ "TaskID": self.task_id(key) });
        if let Some(list) = refused.list() {
            answer["detail_error_list"] = list;
        }
        Ok(Response::Data(answer))
    }

    /// The task a call names, if it is the caller's.
    pub(super) fn find_task(&self, call: &Request<'_>) -> Result<TaskKey, Response> {
        let id = Params::new(call.fields).needed("TaskID", "the id of a task, 32 hex digits")?;
        let found = self.ids.open(Kind::Task, id).map(|(at, ..)| TaskKey(at));
        let own = |key: &TaskKey| {
            self.tasks.get(key.0 as usize).is_some_and(|task| task.order.account == call.account)
        };
        found.filter(own).ok_or_else(|| unknown(format!("there is no task with TaskID `{}`", short(id))))
    }

    pub(super) fn list_tasks(&mut self, _context: &mut Context, call: &Request<'_>) -> Outcome {
        let params = Params::new(call.fields);
        let size = params.whole("Number", 1..=LARGEST_PAGE)?.unwrap_or(PAGE);
        let page = params.whole("Page", 1..=i64::MAX)?.unwrap_or(1);
        let of_plans = params.word("Type", &["normal", "plan"])?.map(|word| word == "plan");
        let all = self.of_account.get(&call.account).map(Vec::as_slice).unwrap_or_default();
        let is_wanted =
            |key: &&TaskKey| of_plans.is_none_or(|plan| self.task(**key).order.plan.is_some() == plan);
        let total = match of_plans {
            None => all.len(),
            Some(_) => all.iter().filter(is_wanted).count(),
        };
        let skip = usize::try_from((page - 1).saturating_mul(size)).unwrap_or(usize::MAX);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        // The newest first (assumed).
        let keys = all.iter().rev().filter(is_wanted).skip(skip).take(size);
        let list: Vec<TaskSummary> = keys.map(|key| self.summary(*key, call)).collect();
        Ok(data(&TaskList { total, list }))
    }

    pub(super) fn summary(&self, key: TaskKey, call: &Request<'_>) -> TaskSummary {
        let task = self.task(key);
        let zone = call.zone.to_time_zone();
        TaskSummary {
            task_id: self.task_id(key),
            task_name: task.order.name.clone(),
            kind: if task.order.plan.is_some() { "plan" } else { "normal" }.to_owned(),
            status: task.phase.as_str().to_owned(),
            robot_id: task.order.robot.clone(),
            sip_line: task.order.line.clone(),
            schedule_start_time: local_text(task.order.starts, &zone),
            schedule_end_time: task.order.ends.map(|ends| local_text(ends, &zone)).unwrap_or_default(),
            create_time: utc_text(task.created),
            counts: self.counts(key),
            pending: i64::from(task.sums.pending),
            calling: i64::from(task.sums.calling),
        }
    }

    pub(super) fn operate_task(&mut self, context: &mut Context, call: &Request<'_>) -> Outcome {
        let key = self.find_task(call)?;
        self.not_of_workflow(key)?;
        let params = Params::new(call.fields);
        // `Stop` is known from a client, the others are assumed.
        let Some(action) = params.word("Action", &["Stop", "Pause", "Resume"])? else {
            return Err(params.missing("Action", "`Stop`"));
        };
        let phase = self.task(key).phase;
        // A plan is stopped through its tasks, also while it waits for its next round.
        if let ("Stop", true, Some((plan, _))) = (action, phase.is_over(), self.task(key).order.plan)
            && self.stop_between_rounds(context, plan, key, call.now)
        {
            return Ok(NO_DATA);
        }
        let refuse = |why: &str| Err(bad(format!("the task {why}")));
        match (action, phase) {
            (_, Phase::Finished) => return refuse("is finished already"),
            (_, Phase::Stopping | Phase::Cancelled) => return refuse("is stopped already"),
            ("Stop", _) => self.stop_task(context, key, call.now),
            ("Pause", Phase::Running) => self.pause_task(key),
            ("Pause", _) => return refuse("is not running"),
            ("Resume", Phase::Paused) => self.resume_task(context, key, call.now),
            (_, _) => return refuse("is not paused"),
        }
        Ok(NO_DATA)
    }

    /// The number a call names.
    pub(super) fn number(call: &Request<'_>, field: &str) -> Result<u64, Response> {
        let params = Params::new(call.fields);
        let text = params.needed(field, "a number in E.164 such as `+6281112345678`")?;
        e164_or_bare(text).ok_or_else(|| {
            bad(format!("{field} is `{}`, expected a number in E.164 such as `+6281112345678`", short(text)))
        })
    }

    pub(super) fn cancel_call(&mut self, context: &mut Context, call: &Request<'_>) -> Outcome {
        let key = self.find_task(call)?;
        self.not_of_workflow(key)?;
        let number = Self::number(call, "CalleeNumber")?;
        let rows = self.task_mut(key).rows_of(number);
        if rows.is_empty() {
            return Err(unknown(format!("+{number} is not in this task")));
        }
        let mut cancelled = false;
        for row in &rows {
            cancelled |= self.cancel_row(context, key, *row, call.now);
        }
        if !cancelled {
            let standing = rows.first().and_then(|row| self.task(key).row(*row)).map(|row| row.standing);
            let standing = standing.map_or("", Standing::as_str);
            return Err(bad(format!("+{number} cannot be cancelled: it is {standing}")));
        }
        Ok(NO_DATA)
    }

    pub(super) fn detail(&mut self, _context: &mut Context, call: &Request<'_>) -> Outcome {
        let key = self.find_task(call)?;
        let task = self.task(key);
        if let Some(text) = task.told(Detail::Task) {
            return Ok(Response::Text(text.to_owned()));
        }
        let status = task.phase.as_str();
        let teller = self.teller(key);
        let count = u32::try_from(teller.rows.list.len()).unwrap_or(u32::MAX);
        if teller.rows.list.len() < LONG {
            let detail = (0..count).filter_map(|row| teller.call(row)).collect();
            let detail = TaskDetail { task_id: teller.task_id, status: status.to_owned(), detail };
            // Bodies are plain data, which always fits into JSON.
            let text = serde_json::to_string(&detail).unwrap_or_default();
            self.task_mut(key).remember(Detail::Task, &text);
            return Ok(Response::Text(text));
        }
        Ok(Response::Long(Long::new(move |out| {
            let head =
                TaskDetail { task_id: teller.task_id.clone(), status: status.to_owned(), detail: Vec::new() };
            let head = serde_json::to_string(&head)?;
            // The list is the last field and empty.
            out.write_all(head.trim_end_matches("]}").as_bytes())?;
            for row in 0..count {
                if row > 0 {
                    out.write_all(b",")?;
                }
                if let Some(call) = teller.call(row) {
                    serde_json::to_writer(&mut *out, &call)?;
                }
            }
            out.write_all(b"]}")
        })))
    }

    pub(super) fn recording_of_number(&mut self, _context: &mut Context, call: &Request<'_>) -> Outcome {
        let key = self.find_task(call)?;
        let number = Self::number(call, "Callee")?;
        let rows = self.task_mut(key).rows_of(number);
        if rows.is_empty() {
            return Err(unknown(format!("+{number} is not in this task")));
        }
        let teller = self.teller(key);
        let recorded = rows.into_iter().rev().find(|row| teller.recording(*row).is_some());
        let Some(facts) = recorded.and_then(|row| teller.call(row)) else {
            return Err(unknown(format!("there is no recording of +{number}: nobody has talked")));
        };
        Ok(data(&CallFacts { link: facts.record_link.clone(), task_id: teller.task_id, call: facts }))
    }

    pub(super) fn recordings_of_task(&mut self, _context: &mut Context, call: &Request<'_>) -> Outcome {
        let key = self.find_task(call)?;
        if self.recorded(key).next().is_none() {
            return Err(unknown("there are no recordings in this task: nobody has talked".to_owned()));
        }
        let place = (key.0, 0, 0);
        let day = self.task(key).created.strftime("%Y%m%d");
        let folder = self.ids.seal(Kind::ArchiveFolder, place);
        let file = self.ids.seal(Kind::Archive, place);
        Ok(Response::Data(
            json!({ "link": format!("{}/download/{day}/{folder}/{file}.zip", self.public_url) }),
        ))
    }

    /// The rows of a task that have a recording.
    pub(super) fn recorded(&self, key: TaskKey) -> impl Iterator<Item = u32> + '_ {
        let rows = &self.task(key).rows.list;
        rows.iter().enumerate().filter_map(|(at, row)| {
            let talked = row.attempts > 0
                && row.standing != Standing::Calling
                && row.outcome == super::Outcome::Talked;
            u32::try_from(at).ok().filter(|_| talked)
        })
    }

    pub(super) fn robots(&mut self, _context: &mut Context, _call: &Request<'_>) -> Outcome {
        let robots = self.rules.robots.iter().enumerate().map(|(at, robot)| RobotSummary {
            robot_id: self.ids.seal(Kind::Robot, (u32::try_from(at).unwrap_or(u32::MAX), 0, 0)),
            robot_name: robot.name.clone(),
            business: robot.business.as_str().to_owned(),
        });
        Ok(Response::Data(json!({ "list": robots.collect::<Vec<_>>() })))
    }

    pub(super) fn call_by_id(&mut self, _context: &mut Context, call: &Request<'_>) -> Outcome {
        let id = Params::new(call.fields).needed("CallID", "the id of a call, 32 hex digits")?;
        let missing = || unknown(format!("there is no call with CallID `{}`", short(id)));
        let (task, at, attempt) = self.ids.open(Kind::Call, id).ok_or_else(missing)?;
        let key = TaskKey(task);
        let own = self.tasks.get(task as usize).filter(|task| task.order.account == call.account);
        let row = own.and_then(|task| task.row(at)).copied().ok_or_else(missing)?;
        let attempt = u8::try_from(attempt).map_err(|_| missing())?;
        let teller = self.teller(key);
        let facts = if attempt == row.attempts {
            teller.call(at)
        } else {
            self.earlier_try(key, at, attempt).map(|row| teller.tell(at, &row))
        };
        let facts = facts.ok_or_else(missing)?;
        Ok(data(&CallFacts { link: facts.record_link.clone(), task_id: teller.task_id, call: facts }))
    }

    /// A number as it stood after an earlier try.
    fn earlier_try(&self, key: TaskKey, at: u32, attempt: u8) -> Option<super::rows::Row> {
        let task = self.task(key);
        let mut row = *task.row(at)?;
        row.started = *task.earlier.get(&(at, attempt))?;
        let rng = &mut super::draw::stream(task.seed, "call", at, attempt);
        let drawn = super::draw::draw(&self.rules, self.mock_outcome(key, at), rng, attempt);
        row.attempts = attempt;
        row.standing = Standing::Finished;
        row.outcome = drawn.outcome;
        row.ring = drawn.ring;
        row.talk = drawn.talk;
        row.intention = drawn.intention;
        row.by_user = drawn.by_user;
        Some(row)
    }
}

/// A text of the caller as a message repeats it.
pub(super) fn short(text: &str) -> String {
    text.chars().take(LONGEST_NAME).flat_map(char::escape_debug).collect()
}

/// The data of `task.list`.
#[derive(serde::Serialize)]
struct TaskList {
    total: usize,
    list: Vec<TaskSummary>,
}

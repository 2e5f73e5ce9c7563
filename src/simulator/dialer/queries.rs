//! Queries about tasks and their calls.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::Offset;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::{Flag, List, Pattern, is_id};
use super::row::DetailRow;
use super::task::{State, Task};
use super::{Dialer, TaskKey};
use crate::contract::bodies::utc_text;
use crate::contract::fields::{LocalTime, Whole, shown};
use crate::simulator::ids::Kind;
use crate::simulator::rules::retention::not_kept;
use crate::simulator::{Refusal, Request, Simulator};
use crate::time::later;

/// The default page size (assumed).
const PAGE: i64 = 20;

/// Maximum page size (assumed); a larger one is refused with a code of its own (client).
const LARGEST_PAGE: i64 = 1_000;

/// A count.
type Count = Whole<0, { i64::MAX }>;

/// `POST /service/callcenter/call/predict/querytasklist` (client).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ListTasks {
    /// Tasks that start then or later, in the account's zone.
    minstarttime: Option<LocalTime>,
    /// Tasks that start then or earlier, in the account's zone.
    maxstarttime: Option<LocalTime>,
    /// A whole number: maximum number of tasks, up to 1,000 (client; the limit is assumed).
    limit: Count,
    /// Only tasks of this name.
    #[serde(rename = "taskName")]
    task_name: Option<String>,
    /// Only tasks in this state.
    state: Option<State>,
    /// The start that the time span applies to. Default: `actualStartTime`, or the planned one of a task that has not begun
    /// (client; the words are assumed).
    #[serde(rename = "filterTime")]
    filter_time: Option<FilterTime>,
    /// What the tasks are ordered by: `CreatedAt`, `actualStartTime`, `startTime` or `endTime`. The latest comes first, with
    /// ` asc` after the word the earliest; tasks without such a time come last. Default: `CreatedAt` (client; the two
    /// directions are assumed).
    #[serde(rename = "orderBy")]
    order_by: Option<String>,
}

/// Which start of a task is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum FilterTime {
    /// When it began.
    ActualStartTime,
    /// When it was to begin.
    StartTime,
}

/// The body of the response (client).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TaskList {
    /// The tasks.
    list: Vec<TaskRow>,
}

/// A task in the list (client).
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct TaskRow {
    /// The task, 32 hex.
    task_id: String,
    /// Its name; `taskName` everywhere else.
    name: String,
    /// The group of agents.
    group_name: String,
    /// When it began, `2025-04-15T06:41:00Z`; empty before it has.
    actual_start_time: String,
}

/// `POST /service/callcenter/call/predict/querytaskdetail` (client).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskDetail {
    /// The id of the task.
    task_id: String,
    /// Maximum number of calls, up to 1,000. Default: 20 (client; limit and default are assumed).
    limit: Option<Count>,
    /// Number of calls to skip. Default: 0.
    offset: Option<Count>,
    /// What the calls are ordered by: `calltime` for the oldest first; with ` desc` after it or `-` before it for the
    /// newest first. Default: `calltime` (client; that the order can be reversed, and that other words are refused, is
    /// assumed).
    order_by: Option<String>,
    /// Whether `customerInfo` is filled. Default: `N` (client; the words are assumed).
    need_customer_info: Option<Flag>,
    /// Conditions that must all hold.
    like: Option<List<Like>>,
    /// Calls dialled then or later, in the account's zone.
    #[serde(rename = "minstarttime")]
    min_start_time: Option<LocalTime>,
    /// Calls dialled then or earlier, in the account's zone.
    #[serde(rename = "maxstarttime")]
    max_start_time: Option<LocalTime>,
}

/// A condition on a field of a call (client).
#[derive(Debug, Deserialize, JsonSchema)]
struct Like {
    /// A field of the rows, or a column of `customerInfo` (client; that any other is refused is assumed).
    field: String,
    /// Its value; `%` stands for any text, as in SQL (client; the meaning is assumed).
    pattern: Pattern,
}

/// The body of the response (client).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Detail {
    /// Number of matching calls.
    total: usize,
    /// The calls of this page.
    list: Vec<DetailRow>,
}

fn limit(limit: Option<Count>) -> Result<usize, Refusal> {
    match limit.map_or(PAGE, Whole::get) {
        limit @ ..=LARGEST_PAGE => Ok(usize::try_from(limit).unwrap_or(0)),
        limit => Err(Refusal::new(10705, format!("limit is {limit}, but at most {LARGEST_PAGE} is allowed"))),
    }
}

/// Returns a time range, including both ends.
fn span(
    from: Option<LocalTime>,
    to: Option<LocalTime>,
    zone: Offset,
    code: i64,
) -> Result<std::ops::RangeInclusive<Timestamp>, Refusal> {
    let from = from.map_or(Timestamp::MIN, |time| time.in_zone(zone));
    let to = to.map_or(Timestamp::MAX, |time| time.in_zone(zone));
    if from > to {
        return Err(Refusal::new(code, "minstarttime is later than maxstarttime"));
    }
    // The fields are whole seconds, calls are not.
    Ok(from..=later(to, Duration::from_millis(999)))
}

/// Returns the word of `orderBy`, and whether the latest come first, if it says so. How a direction is written is not known;
/// the notations of other systems are accepted.
fn ordered_by(order_by: &str) -> (&str, Option<bool>) {
    let order = order_by.trim();
    if let Some(word) = order.strip_prefix('-') {
        return (word.trim(), Some(true));
    }
    match order.rsplit_once(' ') {
        Some((word, direction)) if direction.eq_ignore_ascii_case("desc") => (word.trim(), Some(true)),
        Some((word, direction)) if direction.eq_ignore_ascii_case("asc") => (word.trim(), Some(false)),
        _ => (order, None),
    }
}

/// Whether the calls are ordered by falling `calltime`, by the `orderBy` of *detail*.
fn descends(order_by: &str) -> Result<bool, Refusal> {
    match ordered_by(order_by) {
        ("calltime", descends) => Ok(descends == Some(true)),
        _ => Err(Refusal::new(10607, format!("orderBy is {}, expected `calltime`", shown(&order_by.into())))),
    }
}

impl Like {
    fn fits(&self, row: &Value) -> bool {
        let found = row.get(&self.field).or_else(|| row["customerInfo"].get(&self.field));
        match found {
            Some(Value::String(text)) => fits(text, &self.pattern.0),
            Some(Value::Number(number)) => fits(&number.to_string(), &self.pattern.0),
            _ => false,
        }
    }
}

fn fits(text: &str, pattern: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('%') else { return text == pattern };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let (middle, tail) = rest.rsplit_once('%').unwrap_or(("", rest));
    for part in middle.split('%') {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(tail)
}

/// Lists tasks.
pub(super) fn list_tasks(
    simulator: &mut Simulator,
    fields: ListTasks,
    request: &Request<'_>,
) -> Result<TaskList, Refusal> {
    let dialer = &simulator.dialer;
    let limit = limit(Some(fields.limit))?;
    let span = span(fields.minstarttime, fields.maxstarttime, request.zone, 10606)?;
    let by_plan = fields.filter_time == Some(FilterTime::StartTime);
    let mut keys = dialer.of_account.get(&request.account).cloned().unwrap_or_default();
    dialer.sort_tasks(&mut keys, fields.order_by.as_deref().unwrap_or("CreatedAt"))?;
    let is_asked_for = |key: &TaskKey| {
        let task = &dialer.tasks[*key];
        // A task that has not begun counts by its planned start.
        let starts = task.began.filter(|_| !by_plan).unwrap_or(task.settings.starts);
        fields.task_name.as_ref().is_none_or(|name| task.settings.name == *name)
            && fields.state.is_none_or(|state| task.state == state)
            && span.contains(&starts)
    };
    let row = |key: TaskKey| TaskRow {
        task_id: dialer.task_id(key),
        name: dialer.tasks[key].settings.name.clone(),
        group_name: dialer.group_name(key),
        actual_start_time: dialer.tasks[key].began.map(utc_text).unwrap_or_default(),
    };
    Ok(TaskList { list: keys.into_iter().filter(is_asked_for).take(limit).map(row).collect() })
}

/// Lists the calls of a task, oldest first.
pub(super) fn task_detail(
    simulator: &mut Simulator,
    fields: TaskDetail,
    request: &Request<'_>,
) -> Result<Detail, Refusal> {
    let dialer = &simulator.dialer;
    let key = dialer.find_task(request, "taskId", &fields.task_id)?;
    let limit = limit(fields.limit)?;
    let offset = fields.offset.map_or(0, Whole::count);
    let span = span(fields.min_start_time, fields.max_start_time, request.zone, 10607)?;
    let with_info = fields.need_customer_info == Some(Flag(true));
    let descends = fields.order_by.as_deref().map_or(Ok(false), descends)?;
    let likes = List::items(fields.like);
    dialer.check_likes(key, &likes)?;
    let count = u32::try_from(dialer.tasks[key].calls.len()).unwrap_or(u32::MAX);
    let mut found: Vec<u32> = (0..count)
        .filter(|at| span.contains(&dialer.call(key, *at).started_at()))
        .filter(|at| likes.is_empty() || dialer.fits_all(key, *at, &likes))
        .collect();
    if descends {
        found.reverse();
    }
    let page = found.iter().skip(offset).take(limit);
    let list = page.map(|at| dialer.row(key, *at, with_info)).collect();
    Ok(Detail { total: found.len(), list })
}

impl Dialer {
    /// Returns the task that a field names.
    pub(super) fn find_task(&self, request: &Request<'_>, field: &str, id: &str) -> Result<TaskKey, Refusal> {
        if !is_id(id) {
            return Err(Refusal::new(
                10702,
                format!("{field} is not an id: expected 32 lower-case hexadecimal digits"),
            ));
        }
        let key = self.ids.open(Kind::DialerTask, id).map(|(task, ..)| TaskKey(task));
        if key.is_some_and(|key| self.tasks.is_gone(key)) {
            return Err(Refusal::new(10506, not_kept(&format!("the task that {field} names"))));
        }
        let known = key.filter(|key| self.tasks.get(*key).is_some());
        let key = known.ok_or_else(|| Refusal::new(10506, format!("{field} names no task")))?;
        if self.tasks[key].settings.account != request.account {
            return Err(Refusal::new(10703, format!("{field} names a task of another account")));
        }
        Ok(key)
    }

    /// Sorts tasks, given oldest first, by `orderBy`.
    fn sort_tasks(&self, keys: &mut [TaskKey], order_by: &str) -> Result<(), Refusal> {
        let (word, descends) = ordered_by(order_by);
        // A word alone is in the direction of the default.
        let descends = descends.unwrap_or(true);
        if descends {
            keys.reverse();
        }
        let moment: fn(&Task) -> Option<Timestamp> = match word {
            "CreatedAt" => return Ok(()),
            "actualStartTime" => |task| task.began,
            "startTime" => |task| Some(task.settings.starts),
            "endTime" => |task| task.settings.ends,
            _ => {
                let order = shown(&order_by.into());
                let words = "`CreatedAt`, `actualStartTime`, `startTime` or `endTime`";
                return Err(Refusal::new(10606, format!("orderBy is {order}, expected {words}")));
            }
        };
        keys.sort_by(|one, other| match (moment(&self.tasks[*one]), moment(&self.tasks[*other])) {
            (Some(one), Some(other)) if descends => other.cmp(&one),
            (Some(one), Some(other)) => one.cmp(&other),
            (one, other) => other.is_some().cmp(&one.is_some()),
        });
        Ok(())
    }

    fn fits_all(&self, key: TaskKey, call: u32, likes: &[Like]) -> bool {
        let row = serde_json::to_value(self.row(key, call, true)).unwrap_or_default();
        likes.iter().all(|like| like.fits(&row))
    }

    /// Checks that every condition names a field of the rows or a column of the customer's own.
    fn check_likes(&self, key: TaskKey, likes: &[Like]) -> Result<(), Refusal> {
        let task = &self.tasks[key];
        if likes.is_empty() || task.calls.is_empty() {
            return Ok(());
        }
        let row = serde_json::to_value(self.row(key, 0, false)).unwrap_or_default();
        for Like { field, .. } in likes.iter().filter(|like| row.get(&like.field).is_none()) {
            let shown = shown(&field.as_str().into());
            if !task.contacts.has_info {
                return Err(Refusal::new(
                    10617,
                    format!("the task has no customer info, so no field {shown}"),
                ));
            }
            if !task.contacts.has_column(field) {
                let message = format!(
                    "like names {shown}, which is no field of the calls and no column of the contacts"
                );
                return Err(Refusal::new(10607, message));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns_fit_as_in_sql() {
        for (text, pattern, expected) in [
            ("agent_01", "agent%", true),
            ("agent_01", "%01", true),
            ("agent_01", "a%t%1", true),
            ("agent_01", "%gen%", true),
            ("agent_01", "agent", false),
            ("agent_01", "%02", false),
            ("aa", "aa%aa", false),
            ("", "%", true),
            ("", "", true),
        ] {
            assert_eq!(fits(text, pattern), expected, "{text} {pattern}");
        }
    }
}

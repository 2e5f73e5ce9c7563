//! The calls that ask: tasks, calls, recordings.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::ask::{Ask, is_id, refuse};
use super::calls::{Outcome, data};
use super::task::State;
use super::{Dialer, TaskKey};
use crate::contract::bodies::dialer::{DetailRow, TaskRow};
use crate::contract::bodies::utc_text;
use crate::simulator::context::Context;
use crate::simulator::ids::Kind;
use crate::simulator::params::shown;
use crate::simulator::{Request, Response};

/// The page size where the call names none (assumed).
const PAGE: usize = 20;

/// The largest page (assumed); more is refused with a code of its own (client).
const LARGEST_PAGE: usize = 1_000;

fn limit(ask: Ask<'_>) -> Result<usize, Response> {
    match ask.whole("limit", u32::MAX)? {
        Some(limit) if limit as usize > LARGEST_PAGE => {
            Err(refuse(10705, format!("limit is {limit}, {LARGEST_PAGE} is the most")))
        }
        Some(limit) => Ok(limit as usize),
        None => Ok(PAGE),
    }
}

/// A span of time: both ends belong to it.
fn span(ask: Ask<'_>, call: &Request<'_>) -> Result<(Timestamp, Timestamp), Response> {
    let from = ask.moment("minstarttime", call.zone)?.unwrap_or(Timestamp::MIN);
    let to = ask.moment("maxstarttime", call.zone)?.unwrap_or(Timestamp::MAX);
    if from > to {
        return Err(ask.wrong("minstarttime", &json!(from.to_string()), "a time before maxstarttime"));
    }
    // The parameters are of whole seconds, calls are not.
    Ok((from, crate::time::later(to, std::time::Duration::from_millis(999))))
}

/// Which start of a task the span of time is about: that `filterTime` says so, by the name of the field, is assumed.
fn by_plan(ask: Ask<'_>) -> Result<bool, Response> {
    match ask.text("filterTime")? {
        None | Some("actualStartTime") => Ok(false),
        Some("startTime") => Ok(true),
        Some(other) => Err(ask.wrong("filterTime", &json!(other), "`actualStartTime` or `startTime`")),
    }
}

/// Whether `orderBy` asks for the other direction. Which words it takes beside `calltime` is not known; those of other
/// systems are understood.
fn descends(ask: Ask<'_>) -> Result<Option<bool>, Response> {
    let Some(order) = ask.text("orderBy")? else { return Ok(None) };
    let order = order.trim().to_ascii_lowercase();
    Ok(Some(order.starts_with('-') || order.ends_with(" desc")))
}

/// A condition on a field: `%` stands for any text, as in SQL (assumed).
struct Like {
    field: String,
    pattern: String,
}

impl Like {
    fn read(ask: Ask<'_>) -> Result<Vec<Self>, Response> {
        let read = |value: &Value| {
            let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
            let like = text("field").zip(text("pattern")).filter(|(field, _)| !field.is_empty());
            let expected = "{\"field\": ..., \"pattern\": ...}";
            like.map(|(field, pattern)| Self { field, pattern })
                .ok_or_else(|| ask.wrong("like", value, expected))
        };
        ask.list("like")?.iter().map(read).collect()
    }

    fn fits(&self, row: &Value) -> bool {
        let found = row.get(&self.field).or_else(|| row["customerInfo"].get(&self.field));
        match found {
            Some(Value::String(text)) => fits(text, &self.pattern),
            Some(Value::Number(number)) => fits(&number.to_string(), &self.pattern),
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

impl Dialer {
    /// `dialer.tasks`.
    pub(super) fn list_tasks(&mut self, _context: &mut Context, call: &Request<'_>) -> Outcome {
        let ask = Ask::new(call.fields, 10606);
        let limit = limit(ask)?;
        let (from, to) = span(ask, call)?;
        let name = ask.text("taskName")?;
        let state = ask.text("state")?;
        if let Some(state) = state
            && State::ALL.iter().all(|known| known.as_str() != state)
        {
            let words: Vec<String> = State::ALL.iter().map(|known| format!("`{}`", known.as_str())).collect();
            return Err(ask.wrong("state", &json!(state), &words.join(" or ")));
        }
        let by_plan = by_plan(ask)?;
        // The newest first, unless asked otherwise.
        let newest_first = descends(ask)?.unwrap_or(true);
        let mut keys = self.of_account.get(&call.account).cloned().unwrap_or_default();
        if newest_first {
            keys.reverse();
        }
        let wanted = |key: &TaskKey| {
            let task = self.task(*key);
            // A task that has not begun counts by its plan.
            let starts = task.began.filter(|_| !by_plan).unwrap_or(task.order.starts);
            name.is_none_or(|name| task.order.name == name)
                && state.is_none_or(|state| task.state.as_str() == state)
                && (from..=to).contains(&starts)
        };
        let row = |key: TaskKey| TaskRow {
            task_id: self.task_id(key),
            name: self.task(key).order.name.clone(),
            group_name: self.group_name(key),
            actual_start_time: self.task(key).began.map(utc_text).unwrap_or_default(),
        };
        let list: Vec<TaskRow> = keys.into_iter().filter(wanted).take(limit).map(row).collect();
        Ok(Response::Data(json!({ "list": list })))
    }

    /// `dialer.task_detail`: the calls of a task, oldest first.
    pub(super) fn task_detail(&mut self, _context: &mut Context, call: &Request<'_>) -> Outcome {
        let key = self.find_task(call, "taskId", 10502)?;
        let ask = Ask::new(call.fields, 10607);
        let limit = limit(ask)?;
        let offset = ask.whole("offset", u32::MAX)?.unwrap_or(0) as usize;
        let (from, to) = span(ask, call)?;
        let with_info = ask.flag("needCustomerInfo")?.unwrap_or(false);
        let likes = Like::read(ask)?;
        self.check_fields(key, &likes)?;
        let newest_first = descends(ask)?.unwrap_or(false);
        let task = self.task(key);
        let count = u32::try_from(task.calls.len()).unwrap_or(u32::MAX);
        let mut found: Vec<u32> = (0..count)
            .filter(|at| (from..=to).contains(&self.call(key, *at).started_at()))
            .filter(|at| likes.is_empty() || self.fits_all(key, *at, &likes))
            .collect();
        if newest_first {
            found.reverse();
        }
        let page = found.iter().skip(offset).take(limit);
        let list = page.map(|at| self.row(key, *at, with_info)).collect();
        Ok(data(&Detail { total: found.len(), list }))
    }

    fn fits_all(&self, key: TaskKey, call: u32, likes: &[Like]) -> bool {
        let row = serde_json::to_value(self.row(key, call, true)).unwrap_or_default();
        likes.iter().all(|like| like.fits(&row))
    }

    /// A condition on a column of the customer's own needs a list that has any.
    fn check_fields(&self, key: TaskKey, likes: &[Like]) -> Result<(), Response> {
        let task = self.task(key);
        if task.contacts.has_info || task.calls.is_empty() {
            return Ok(());
        }
        let row = serde_json::to_value(self.row(key, 0, false)).unwrap_or_default();
        match likes.iter().find(|like| row.get(&like.field).is_none()) {
            Some(like) => {
                let field = shown(&json!(like.field));
                Err(refuse(10617, format!("the task has no customer info, so no field {field}")))
            }
            None => Ok(()),
        }
    }

    /// `dialer.recording`: a link to what agent and person said.
    pub(super) fn recording_link(&mut self, _context: &mut Context, call: &Request<'_>) -> Outcome {
        let id = Ask::new(call.fields, 10609).text("callid")?;
        let id = id.ok_or_else(|| refuse(10608, "callid is missing: the id of a call"))?;
        if !is_id(id) {
            return Err(refuse(10609, "callid is no id: 32 lower-case hexadecimal digits"));
        }
        let unknown = || refuse(10609, "callid names no call");
        let (task, at, _) = self.ids.open(Kind::DialerCall, id).ok_or_else(unknown)?;
        let task = self.tasks.get(task as usize).map(|known| (TaskKey(task), known)).ok_or_else(unknown)?;
        let row = task.1.calls.get(at as usize).ok_or_else(unknown)?;
        if task.1.order.account != call.account {
            return Err(refuse(10610, "callid names a call of another account"));
        }
        match row.ending {
            None => Err(refuse(10611, "the call is not finished")),
            Some(ending) if !ending.talked() => Err(refuse(10612, "no agent answered the call")),
            Some(_) if !self.is_recorded(task.0, row) => Err(refuse(10516, "the call has no recording")),
            Some(_) => Ok(Response::Data(json!({ "link": self.record_link(task.0, at) }))),
        }
    }
}

/// The data of `dialer.task_detail`.
#[derive(serde::Serialize)]
struct Detail {
    total: usize,
    list: Vec<DetailRow>,
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

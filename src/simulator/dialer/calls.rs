//! The calls that change something: tokens, tasks created and copied, contacts taken out.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::ask::{Ask, is_id, phone, refuse};
use super::contacts::{Contacts, Standing};
use super::order::TaskOrder;
use super::task::State;
use super::{Dialer, TaskKey};
use crate::simulator::Simulator;
use crate::simulator::access::{Denied, TokenKind};
use crate::simulator::context::Context;
use crate::simulator::ids::Kind;
use crate::simulator::params::shown;
use crate::simulator::timer::DialerTimer;
use crate::simulator::{Request, Response};
use crate::time::later;

/// How long it takes to create a task (assumed).
pub(super) const CREATING: Duration = Duration::from_secs(1);

pub(super) type Outcome = Result<Response, Response>;

/// A typed body as the answer's data.
pub(super) fn data(body: &impl Serialize) -> Response {
    // Bodies are plain data, which always fits into JSON.
    Response::Text(serde_json::to_string(body).unwrap_or_default())
}

/// `dialer.auth`: exchanges the credentials of an account for a token of this family.
pub(super) fn token(simulator: &mut Simulator, call: &Request<'_>) -> Outcome {
    let text = |name: &str, code: i64| {
        let text = Ask::new(call.fields, code).text(name)?;
        text.ok_or_else(|| refuse(code, format!("{name} is missing")))
    };
    let (key, secret) = (text("APPKey", 10301)?, text("APPSecret", 10302)?);
    match simulator.context.access.token(TokenKind::Dialer, key, secret, call.now) {
        Ok(token) => Ok(Response::Data(json!({ "token": token }))),
        Err(denied @ Denied::AppKey) => Err(refuse(10301, denied.to_string())),
        Err(denied) => Err(refuse(10302, denied.to_string())),
    }
}

/// What `dialingOrder` names must be there.
fn check_columns(order: &TaskOrder, contacts: &Contacts) -> Result<(), Response> {
    match order.columns.iter().find(|column| !contacts.has_column(column)) {
        Some(column) => {
            let shown = shown(&json!(column));
            Err(refuse(10501, format!("dialingOrder names {shown}, which no row of customizeContacts has")))
        }
        None => Ok(()),
    }
}

impl Dialer {
    /// The task that a parameter names. `empty` is the code where it names none.
    pub(super) fn find_task(&self, call: &Request<'_>, field: &str, empty: i64) -> Result<TaskKey, Response> {
        let id = Ask::new(call.fields, 10702).text(field)?;
        let id = id.ok_or_else(|| refuse(empty, format!("{field} is missing: the id of a task")))?;
        if !is_id(id) {
            return Err(refuse(10702, format!("{field} is no id: 32 lower-case hexadecimal digits")));
        }
        let key = self.ids.open(Kind::DialerTask, id).map(|(task, ..)| TaskKey(task));
        let known = key.filter(|key| (key.0 as usize) < self.tasks.len());
        let key = known.ok_or_else(|| refuse(10506, format!("{field} names no task")))?;
        if self.task(key).order.account != call.account {
            return Err(refuse(10703, format!("{field} names a task of another account")));
        }
        Ok(key)
    }

    /// Names are unique within the account (client).
    fn check_name(&self, call: &Request<'_>, order: &TaskOrder) -> Result<(), Response> {
        match self.names.get(&(call.account, order.name.clone())) {
            Some(_) => Err(refuse(10508, "a task with this taskName exists already")),
            None => Ok(()),
        }
    }

    pub(super) fn create_task(&mut self, context: &mut Context, call: &Request<'_>) -> Outcome {
        let order = TaskOrder::read(call, &self.rules, None)?;
        self.check_name(call, &order)?;
        let ask = Ask::new(call.fields, 10501);
        let (contacts, refused) = Contacts::read(ask, |number| self.calling.mock_outcome_of(number))?;
        check_columns(&order, &contacts)?;
        let key = self.add_task(context, order, contacts, call.now);
        // The elements of the list are assumed: what stood in the place of the number.
        Ok(Response::Data(json!({ "taskId": self.task_id(key), "errorContactList": refused })))
    }

    /// Copies the contacts of a task, all of them or those that nobody answered, into a new one with the same callback.
    pub(super) fn copy_task(&mut self, context: &mut Context, call: &Request<'_>) -> Outcome {
        let from = self.find_task(call, "fromTask", 10519)?;
        let ask = Ask::new(call.fields, 10501);
        let only_unanswered = ask.flag("noanswerOnly")?.unwrap_or(false);
        let without_cancelled = ask.flag("ignoreCancelled")?.unwrap_or(false);
        self.not_of_workflow(from)?;
        let order = TaskOrder::read(call, &self.rules, Some(self.task(from).order.callback.as_deref()))?;
        self.check_name(call, &order)?;
        let source = self.task(from);
        if only_unanswered {
            // Who has not answered is known when everybody was called.
            let code = match source.state {
                State::Creating | State::NotStarted => 10514,
                State::Running | State::Paused => 10515,
                State::Cancelled if source.calls.is_empty() => 10507,
                State::Cancelled | State::Finished => 0,
            };
            if code != 0 {
                let state = source.state.as_str();
                let message =
                    format!("noanswerOnly needs a task that has called its contacts, this one is {state}");
                return Err(refuse(code, message));
            }
        }
        let contacts = source.contacts.fresh(|contact| {
            let is_cancelled = contact.standing == Standing::Cancelled;
            (!only_unanswered || !contact.answered) && (!without_cancelled || !is_cancelled)
        });
        if contacts.list.is_empty() {
            return Err(refuse(10505, "no contact of the task to copy is left"));
        }
        check_columns(&order, &contacts)?;
        let key = self.add_task(context, order, contacts, call.now);
        // What the answer holds is not known; clients read nothing of it.
        Ok(Response::Data(json!({ "taskId": self.task_id(key) })))
    }

    /// Takes a task up: from now on it happens by itself.
    pub(super) fn add_task(
        &mut self,
        context: &mut Context,
        order: TaskOrder,
        contacts: Contacts,
        now: jiff::Timestamp,
    ) -> TaskKey {
        let key = TaskKey(u32::try_from(self.tasks.len()).unwrap_or(u32::MAX));
        let created = later(now, CREATING);
        let (starts, ends) = (order.starts.max(created), order.ends);
        self.names.entry((order.account, order.name.clone())).or_insert(key);
        self.of_account.entry(order.account).or_default().push(key);
        let cause = context.cause();
        self.push_task(key, order, contacts, cause, now);
        context.plan(created, DialerTimer::Created(key));
        let mut schedule = vec![context.plan(starts, DialerTimer::Start(key))];
        if let Some(ends) = ends {
            schedule.push(context.plan(ends, DialerTimer::Close(key)));
        }
        self.task_mut(key).schedule = schedule;
        key
    }

    /// Takes contacts out that have not been reached yet. Those that are being called or through already are passed over;
    /// that it is refused if none is left to take out is assumed.
    pub(super) fn cancel_contacts(&mut self, context: &mut Context, call: &Request<'_>) -> Outcome {
        let key = self.find_task(call, "TaskID", 10502)?;
        self.not_of_workflow(key)?;
        let list = Ask::new(call.fields, 10501).list("contactList")?;
        if list.is_empty() {
            return Err(refuse(10505, "contactList is empty"));
        }
        let number = |value: &Value| {
            let text = value.as_str().or_else(|| value.get("phoneNumber")?.as_str());
            text.and_then(phone).ok_or_else(|| {
                let shown = shown(value);
                refuse(
                    10510,
                    format!("contactList has {shown}: a leading + and at most 14 digits are needed"),
                )
            })
        };
        let wanted: std::collections::BTreeSet<u64> = list.iter().map(number).collect::<Result<_, _>>()?;
        if self.task(key).state.is_over() {
            return Err(refuse(10513, "the task is finished"));
        }
        let task = self.task_mut(key);
        let mut cancelled = 0;
        for contact in 0..task.total() {
            let known = task.contacts.list[contact as usize];
            if known.standing == Standing::Waiting && wanted.contains(&known.number) {
                task.stand(contact, Standing::Cancelled);
                cancelled += 1;
            }
        }
        if cancelled == 0 {
            return Err(refuse(10507, "none of these numbers waits to be called"));
        }
        // What comes of it happens after the answer, as everything that is told.
        context.plan(call.now, DialerTimer::Check(key));
        Ok(Response::Data(Value::Null))
    }
}

//! Creates tasks, and copies others.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::contacts::{ContactStatus, Contacts, CustomContact, ListedContact};
use super::fields::{EncodedCallback, Flag, List, Unread, is_id};
use super::notices::Notices;
use super::settings::{TaskFields, TaskSettings};
use super::task::State;
use super::{Dialer, TaskKey};
use crate::contract::fields::shown;
use crate::net::Target;
use crate::simulator::context::Context;
use crate::simulator::endpoint::Both;
use crate::simulator::timer::DialerTimer;
use crate::simulator::{Refusal, Request, Simulator};
use crate::time::later;

/// How long the creation of a task takes (assumed).
pub(super) const CREATING: Duration = Duration::from_secs(1);

/// `POST /service/callcenter/call/predict/createtask` (client).
pub(super) type CreateTask = Both<TaskFields, NewTask>;

/// What only the request has that creates a task (client).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewTask {
    /// The base64 of the URL that the notices go to. A text that is not a URL, such as `dummy`, is accepted as well: then
    /// no notices are sent (client; that text other than base64 is refused is assumed).
    callback: EncodedCallback,
    /// Contacts: numbers, or objects with details. One of the two lists must not be empty.
    #[serde(rename = "contactList")]
    _contact_list: Option<List<Unread<ListedContact>>>,
    /// Contacts with columns of the customer's own; all values are strings.
    #[serde(rename = "customizeContacts")]
    _customize_contacts: Option<List<Unread<CustomContact>>>,
}

/// The body of the response (client).
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreatedTask {
    /// The task, 32 hex.
    task_id: String,
    /// The refused numbers, as received; the task is created without them (client; the elements are assumed).
    error_contact_list: Vec<Value>,
}

/// `POST /service/callcenter/call/predict/copytask` (client).
pub(super) type CopyTask = Both<TaskFields, CopiedFrom>;

/// What only the request has that copies a task (client).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CopiedFrom {
    /// The name of the task to copy, or its id. Its callback is taken over (client; that it may be the id is assumed).
    from_task: String,
    /// Whether only contacts are copied whose calls were never answered. Default: `N` (client; the words are assumed).
    noanswer_only: Option<Flag>,
    /// Whether cancelled contacts are left out. Default: `N` (client; the words are assumed).
    ignore_cancelled: Option<Flag>,
}

/// The body of the response (assumed).
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CopiedTask {
    /// The new task, 32 hex.
    task_id: String,
}

/// Creates a task.
pub(super) fn create_task(
    simulator: &mut Simulator,
    Both(fields, new): CreateTask,
    request: &Request<'_>,
) -> Result<CreatedTask, Refusal> {
    let Simulator { dialer, context, .. } = simulator;
    let EncodedCallback(callback) = new.callback;
    let goes_out = callback.parse::<Target>().is_ok();
    let notices = if goes_out { Notices::Url(callback.clone()) } else { Notices::Nowhere };
    note_mode(&fields, dialer, context);
    let settings = TaskSettings::new(fields, notices, request, &dialer.rules)?;
    dialer.check_name(&settings)?;
    let (contacts, error_contact_list) =
        Contacts::read(request, |number| dialer.calling.mock_outcome_of(number))?;
    check_columns(&settings, &contacts)?;
    let key = dialer.add_task(context, settings, contacts);
    if !goes_out {
        let note = || {
            format!(
                "a dialer task whose callback is {}, which is not a URL, sends no notices",
                shown(&callback.into())
            )
        };
        context.note_once("dialer callback", note);
    }
    Ok(CreatedTask { task_id: dialer.task_id(key), error_contact_list })
}

/// Copies the contacts of a task, all of them or those without an answer, into a new task with the same callback.
pub(super) fn copy_task(
    simulator: &mut Simulator,
    Both(fields, copied): CopyTask,
    request: &Request<'_>,
) -> Result<CopiedTask, Refusal> {
    let Simulator { dialer, context, .. } = simulator;
    let is_set = |flag: Option<Flag>| flag == Some(Flag(true));
    let only_unanswered = is_set(copied.noanswer_only);
    let from = dialer.find_source(request, &copied.from_task)?;
    dialer.not_of_workflow(from)?;
    let notices = dialer.tasks[from].settings.notices.clone();
    note_mode(&fields, dialer, context);
    let settings = TaskSettings::new(fields, notices, request, &dialer.rules)?;
    dialer.check_name(&settings)?;
    let source = &dialer.tasks[from];
    if only_unanswered {
        // Which contacts have not answered is known after all were called.
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
            return Err(Refusal::new(code, message));
        }
    }
    let contacts = source.contacts.fresh(|contact| {
        let is_left_out = is_set(copied.ignore_cancelled) && contact.status == ContactStatus::Cancelled;
        (!only_unanswered || !contact.answered) && !is_left_out
    });
    if contacts.list.is_empty() {
        return Err(Refusal::new(10505, "the task to copy has no contacts left"));
    }
    check_columns(&settings, &contacts)?;
    let key = dialer.add_task(context, settings, contacts);
    Ok(CopiedTask { task_id: dialer.task_id(key) })
}

/// Notes an unknown `dialingMode`, once.
fn note_mode(fields: &TaskFields, dialer: &Dialer, context: &mut Context) {
    if let Some(note) = fields.unknown_mode(&dialer.rules) {
        context.note_once("dialingMode", || note);
    }
}

/// Checks that the columns in `dialingOrder` exist.
fn check_columns(settings: &TaskSettings, contacts: &Contacts) -> Result<(), Refusal> {
    match settings.columns.iter().find(|column| !contacts.has_column(column)) {
        Some(column) => {
            let shown = shown(&column.as_str().into());
            let message = format!("dialingOrder names {shown}, which no row of customizeContacts has");
            Err(Refusal::new(10501, message))
        }
        None => Ok(()),
    }
}

impl Dialer {
    /// Returns the task to copy, by its name or its id.
    fn find_source(&self, request: &Request<'_>, name: &str) -> Result<TaskKey, Refusal> {
        if let Some(key) = self.names.get(&(request.account, name.to_owned())) {
            return Ok(*key);
        }
        if is_id(name) {
            return self.find_task(request, "fromTask", name);
        }
        let name = shown(&name.into());
        Err(Refusal::new(10506, format!("fromTask names no task: {name} is neither a taskName nor an id")))
    }

    /// Names are unique within the account (client).
    fn check_name(&self, settings: &TaskSettings) -> Result<(), Refusal> {
        match self.names.get(&(settings.account, settings.name.clone())) {
            Some(_) => Err(Refusal::new(10508, "a task with this taskName exists already")),
            None => Ok(()),
        }
    }

    /// Adds a task. From now on it runs by itself.
    pub(super) fn add_task(
        &mut self,
        context: &mut Context,
        settings: TaskSettings,
        contacts: Contacts,
    ) -> TaskKey {
        let key = self.tasks.next_key();
        let created = later(context.now, CREATING);
        let (starts, ends) = (settings.starts.max(created), settings.ends);
        self.names.entry((settings.account, settings.name.clone())).or_insert(key);
        self.of_account.entry(settings.account).or_default().push(key);
        let cause = context.cause();
        self.push_task(key, settings, contacts, cause, context.now);
        context.plan(created, (key, DialerTimer::Created));
        let mut schedule = vec![context.plan(starts, (key, DialerTimer::Start))];
        if let Some(ends) = ends {
            schedule.push(context.plan(ends, (key, DialerTimer::Close)));
        }
        self.tasks[key].schedule = schedule;
        key
    }
}

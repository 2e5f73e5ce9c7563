//! Takes contacts out of a task.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::contacts::{ContactStatus, ListedContact};
use super::fields::{List, Unread, elements, phone};
use crate::contract::fields::shown;
use crate::simulator::endpoint::NoData;
use crate::simulator::timer::DialerTimer;
use crate::simulator::{Refusal, Request, Simulator};

/// `POST /service/callcenter/call/predict/canceltaskcontacts` (client).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct CancelContacts {
    /// The id of the task; a capital T, unlike `taskId` everywhere else.
    #[serde(rename = "TaskID")]
    task_id: String,
    /// Numbers of contacts that have not been reached yet. Numbers that are being called or are already finished are
    /// skipped (client; which are skipped is assumed).
    #[serde(rename = "contactList")]
    _contact_list: List<Unread<ListedContact>>,
}

/// Takes contacts out. That the request is refused if none is left to take out is assumed.
pub(super) fn cancel_contacts(
    simulator: &mut Simulator,
    fields: CancelContacts,
    request: &Request<'_>,
) -> Result<NoData, Refusal> {
    let Simulator { dialer, context, .. } = simulator;
    let key = dialer.find_task(request, "TaskID", &fields.task_id)?;
    dialer.not_of_workflow(key)?;
    let list = elements(request, "contactList");
    if list.is_empty() {
        return Err(Refusal::new(10505, "contactList is empty"));
    }
    let numbers: BTreeSet<u64> = list.iter().map(number).collect::<Result<_, _>>()?;
    if dialer.tasks[key].state.is_over() {
        return Err(Refusal::new(10513, "the task is finished"));
    }
    let task = &mut dialer.tasks[key];
    let mut cancelled = 0;
    for contact in 0..task.total() {
        let known = task.contacts.list[contact as usize];
        if known.status == ContactStatus::Waiting && numbers.contains(&known.number) {
            task.set_status(contact, ContactStatus::Cancelled);
            cancelled += 1;
        }
    }
    if cancelled == 0 {
        return Err(Refusal::new(10507, "none of these numbers is waiting to be called"));
    }
    // Its consequences follow after the response, like all callbacks.
    context.plan(request.now, (key, DialerTimer::Check));
    Ok(NoData)
}

fn number(contact: &Value) -> Result<u64, Refusal> {
    let text = contact.as_str().or_else(|| contact.get("phoneNumber")?.as_str());
    text.and_then(phone).ok_or_else(|| {
        let shown = shown(contact);
        let message = format!(
            "contactList has {shown}: a phoneNumber with a leading + and at most 14 digits is needed"
        );
        Refusal::new(10510, message)
    })
}

//! A call as the query lists it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::callbacks::{CallType, FOLLOW_UP};
use super::{Dialer, TaskKey};
use crate::contract::bodies::{Fields, utc_text};
use crate::simulator::ending::{CallResultType, Ending, HangupReason};
use crate::simulator::ids::Kind;

/// A call. Moments are texts like `2025-04-15T06:41:00Z`, empty if it did not happen (client).
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DetailRow {
    /// The task, 32 hex.
    task_id: String,
    /// Its name; `name` in the list of tasks.
    task_name: String,
    /// The call, 32 hex; lower case throughout.
    callid: String,
    /// The number that calls.
    caller: String,
    /// The number dialled, in E.164.
    phone_number: String,
    /// The person's main number, in E.164.
    main_number: String,
    /// The dialled number of the person (client; that it names a column is assumed).
    phone_tag: String,
    /// When it was dialled; empty if the dialer held it back.
    calltime: String,
    /// When it rang.
    ringtime: String,
    /// When someone or something answered.
    answertime: String,
    /// When an agent took it.
    talktime: String,
    /// When it was over.
    endtime: String,
    /// How long person and agent talked, in seconds (client; the unit is assumed).
    talk_duration: i64,
    /// How long the person waited for an agent, in seconds (client; the unit is assumed).
    waiting_duration: i64,
    /// As `talkDuration`, in seconds (client; how the two differ is not known).
    talked_time: i64,
    /// How long the person was on hold, in seconds (client; the unit is assumed).
    hold_duration: i64,
    /// The name of the group of agents, `groupName` in the notices.
    biztype: String,
    /// The agent who got it.
    agent_name: String,
    /// The organization: the account's name (client; the meaning is assumed).
    #[serde(rename = "OrgName")]
    org_name: String,
    /// When the task began.
    #[serde(rename = "TaskStartTime")]
    task_start_time: String,
    /// The result the agent saved.
    talk_result: String,
    /// The task's remark.
    remark: String,
    /// The agent's remark on the call; lower case throughout. Empty unless it is asked for (`remarked`).
    talkremarks: String,
    /// The person's name.
    customer_name: String,
    /// Why the call ended; 0 before its end. 1 no agent after the answer, 2 normal, 3 busy, 4 not in use, 5 on hold, 6
    /// switched off, 7 out of area, 8 invalid, 9 wrong number, 12 talked, 13 the agent rejected, 14 the user hung up, 15
    /// fusing, 16 a machine answered, 17 the agent's network failed, 18 attempt limit, 19 abandoned shortly after contact,
    /// 20 do not call.
    hangup_reason: HangupReason,
    /// Its result; empty before it has ended.
    call_result_type: CallResultType,
    /// Who made the call.
    call_type: CallType,
    /// The URL of the recording, empty if there is none; `recLink` in the notices.
    reclink: String,
    /// The row of a workflow that it was made for, empty if none (client; the meaning is assumed).
    wf_contact_id: String,
    /// Why it was transferred. Empty unless it is asked for (`passed_on`).
    transfer_reason: String,
    /// The findings of quality inspection. Empty unless it is asked for (`inspected`).
    se_text: String,
    /// The score of quality inspection, 0 if nothing was inspected.
    se_score: i64,
    /// The number of this call to the person, counted from 1 (client; the meaning is assumed).
    nth_call: i64,
    /// The actions of an administrator. Always empty here (client; the elements are not known).
    admin_act: Vec<Value>,
    /// The result's own fields; a list here, an object in the notices.
    customize_results: Vec<CustomizeResult>,
    /// The person's data in the customer's list, if the request asked for it.
    customer_info: Fields,
}

/// A field of a result (client).
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct CustomizeResult {
    /// Its title.
    title: String,
    /// The group of fields it belongs to.
    group_name: String,
    /// What the agent wrote or chose.
    value: String,
}

fn text(moment: Option<Timestamp>) -> String {
    moment.map(utc_text).unwrap_or_default()
}

impl Dialer {
    pub(super) fn call_id(&self, key: TaskKey, call: u32) -> String {
        self.ids.seal(Kind::DialerCall, (key.0, call, 0))
    }

    /// Returns a call as the query lists it.
    pub(super) fn row(&self, key: TaskKey, call: u32, with_info: bool) -> DetailRow {
        let (task, row) = (&self.tasks[key], self.call(key, call));
        let (closing, person) = (self.closing(key, call), self.person(key, row.contact));
        let main_number = format!("+{}", task.contacts.list[row.contact as usize].number);
        let talked = row.ending.is_some_and(Ending::talked);
        DetailRow {
            task_id: self.task_id(key),
            task_name: task.settings.name.clone(),
            callid: self.call_id(key, call),
            caller: task.caller.clone(),
            phone_number: format!("+{}", task.number_of(row)),
            main_number,
            phone_tag: task.column_of(row),
            calltime: text(row.was_dialled.then(|| row.started_at())),
            ringtime: text(row.rang_at()),
            answertime: text(row.answered_at()),
            talktime: text(row.talked_at()),
            endtime: text(row.ended_at()),
            talk_duration: row.talk_seconds(),
            waiting_duration: row.waiting_seconds(),
            talked_time: row.talk_seconds(),
            hold_duration: i64::from(closing.hold),
            biztype: self.group_name(key),
            agent_name: self.agent_name(key, call),
            org_name: self
                .homes
                .get(task.settings.account.index())
                .map(|home| home.name.clone())
                .unwrap_or_default(),
            task_start_time: text(task.began),
            talk_result: closing.result.to_owned(),
            remark: task.settings.remark.clone(),
            talkremarks: closing.remarks.to_owned(),
            customer_name: person.name,
            hangup_reason: closing.reason.unwrap_or_default(),
            call_result_type: row.ending.map(Ending::result_type).unwrap_or_default(),
            call_type: CallType::Auto,
            reclink: closing.link.unwrap_or_default(),
            wf_contact_id: self.workflow_contact(key, row.contact).unwrap_or_default(),
            transfer_reason: closing.transfer_reason.to_owned(),
            se_text: closing.inspection.to_owned(),
            se_score: if task.settings.inspects && talked {
                i64::from(self.course(key, row).score)
            } else {
                0
            },
            nth_call: i64::from(row.nth),
            admin_act: Vec::new(),
            customize_results: closing
                .follow_up
                .into_iter()
                .map(|value| CustomizeResult {
                    title: FOLLOW_UP.0.to_owned(),
                    group_name: FOLLOW_UP.1.to_owned(),
                    value: value.to_owned(),
                })
                .collect(),
            customer_info: if with_info { person.info } else { Fields::new() },
        }
    }
}

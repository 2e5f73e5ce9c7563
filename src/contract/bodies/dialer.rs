//! Notices of the predictive dialer. Not signed. Client, all of them; the order of the fields is ours.
//!
//! The traps are the vendor's and are kept: `state` in two notices and `State` in the third; `customizeResults` an
//! object here and a list in the query; `recLink` here and `reclink` there; a timestamp in milliseconds, as a string,
//! beside durations that are numbers.

use serde::{Deserialize, Serialize};

use super::Fields;

/// The envelope of a notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice<B> {
    /// `TaskStatus`, `ContactStatus` or `AgentStatus`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it tells.
    pub body: B,
}

/// The body of `dialer.task_status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskStatus {
    /// The task, 32 hex.
    pub task_id: String,
    /// Its name.
    pub task_name: String,
    /// `Creating`, `Not Started`, `Running`, `Paused`, `Cancelled` or `Finished`.
    pub state: String,
}

/// What the notices of a call tell of it, whichever they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallNotice {
    /// `auto`.
    pub call_type: String,
    /// The task, 32 hex.
    pub task_id: String,
    /// Its name.
    pub task_name: String,
    /// The group of agents.
    pub group_name: String,
    /// The number dialled, in E.164.
    pub phone_number: String,
    /// The call, 32 hex; lower case throughout.
    pub callid: String,
    /// The person's name.
    pub contact_name: String,
    /// The person's address.
    pub address: String,
    /// A field of the customer's own.
    pub info1: String,
    /// A field of the customer's own.
    pub info2: String,
    /// A field of the customer's own.
    pub info3: String,
    /// The task's remark.
    pub remark: String,
    /// What the customer gave along, sent back as it was.
    pub private_data: String,
    /// When, in Unix milliseconds, as a string.
    pub timestamp: String,
    /// The label of the result the agent saved, empty before.
    pub talk_result_label: String,
    /// The agent's remark on the call; lower case throughout.
    pub talkremarks: String,
    /// The person's main number, in E.164.
    pub main_number: String,
    /// Which of the person's numbers was dialled.
    pub phone_tag: String,
    /// Why the call ended, see [`HANGUP_REASONS`]; only when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hangup_reason: Option<i64>,
    /// Where the recording is, when there is one; `reclink` in the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rec_link: Option<String>,
    /// Which call to the person this is, counted from 1, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth_call: Option<i64>,
    /// The result's own fields, title to value; an object here, a list in the query.
    pub customize_results: Fields,
    /// What the customer's list has of the person.
    pub customer_info: Fields,
}

/// The body of `dialer.contact_status`: the keys of [`AgentStatus`] that make sense without an agent. Which of them
/// the vendor sends is assumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactStatus {
    /// `CALLING`, `RINGING`, `ANSWERED`, `HANGUP` or `TALKRESULT`; a small s, unlike that of the agent.
    pub state: String,
    /// The agent the call went to, empty if none.
    pub agent_name: String,
    /// What both notices tell of the call.
    #[serde(flatten)]
    pub call: CallNotice,
}

/// The body of `dialer.agent_status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentStatus {
    /// The agent.
    pub agent_name: String,
    /// `Registered`, if the agent's telephone is.
    pub register_state: String,
    /// `CALLING`, `RINGING`, `ANSWERED`, `HANGUP` or `TALKRESULT`; a capital S, unlike that of the other notices.
    #[serde(rename = "State")]
    pub state: String,
    /// The result as the agent sees it.
    pub display_talk_result: String,
    /// Whether the number is hidden from the agent.
    pub is_conceal_callee: String,
    /// The state of a call of three, empty if there is none.
    pub threeway_state: String,
    /// The third party, empty if there is none.
    pub threeway_account: String,
    /// How long the agent was at work today, in seconds.
    pub cur_day_online_duration: i64,
    /// How long the agent rested today, in seconds.
    pub cur_day_rest_duration: i64,
    /// How many calls wait for this agent.
    pub cur_waiting_call_count: i64,
    /// How many calls of the group wait for any agent.
    pub group_unallocated_call: i64,
    /// How long the first of them has waited, in seconds.
    pub earliest_call_wait_time: i64,
    /// How many numbers are still to be dialled.
    pub waiting_dial_number: i64,
    /// How many numbers there are.
    pub total_number: i64,
    /// When the call was put on hold, 0 if it is not. The unit is unknown; Unix milliseconds is assumed.
    pub hold_timestamp: i64,
    /// The agent's calls today.
    pub cur_day_call_count: Split,
    /// How long they took, in seconds.
    pub cur_day_call_duration: Split,
    /// How long calls were on hold, in seconds.
    pub hold_duration: Split,
    /// The results the agent saved today.
    pub cur_day_talk_results: Vec<TalkResultCount>,
    /// What both notices tell of the call.
    #[serde(flatten)]
    pub call: CallNotice,
}

/// A number for calls the dialer made, and one for calls made by hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// The dialer's.
    pub auto: i64,
    /// By hand.
    pub manual: i64,
}

/// How often an agent saved a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TalkResultCount {
    /// The result.
    pub talk_result: String,
    /// How often.
    pub count: i64,
}

/// The values of `hangupReason` and what they mean (client).
pub const HANGUP_REASONS: [(i64, &str); 19] = [
    (0, "unknown"),
    (1, "no agent after the answer"),
    (2, "normal"),
    (3, "busy"),
    (4, "not in use"),
    (5, "on hold"),
    (6, "switched off"),
    (7, "out of area"),
    (8, "invalid"),
    (9, "wrong number"),
    (12, "talked"),
    (13, "the agent rejected"),
    (14, "the user hung up"),
    (15, "fusing"),
    (16, "a machine answered"),
    (17, "the agent's network failed"),
    (18, "attempt limit"),
    (19, "abandoned shortly after contact"),
    (20, "do not call"),
];

/// The values of `callResultType` (client).
pub const CALL_RESULT_TYPES: [&str; 13] = [
    "Dnc",
    "Overrun",
    "NoRinging",
    "Fusing",
    "Voicemail",
    "NoAnswered",
    "AgentBusy",
    "UserHangupBeforeAssign",
    "AgentReject",
    "AgentNetworkError",
    "UserHangup",
    "SuccUserHangup",
    "SuccAgentHangup",
];

/// A call in the answer of `/querytaskdetail`. Client; moments are texts that are empty when it did not happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DetailRow {
    /// The task, 32 hex.
    pub task_id: String,
    /// Its name; `name` in the list of tasks.
    pub task_name: String,
    /// The call, 32 hex; lower case throughout.
    pub callid: String,
    /// The number that calls.
    pub caller: String,
    /// The number dialled.
    pub phone_number: String,
    /// The person's main number.
    pub main_number: String,
    /// Which of the person's numbers was dialled.
    pub phone_tag: String,
    /// When it was dialled.
    pub calltime: String,
    /// When it rang.
    pub ringtime: String,
    /// When somebody or something answered.
    pub answertime: String,
    /// When an agent took it.
    pub talktime: String,
    /// When it was over.
    pub endtime: String,
    /// How long person and agent talked, in seconds.
    pub talk_duration: i64,
    /// How long the person waited for an agent, in seconds.
    pub waiting_duration: i64,
    /// How long was talked, in seconds. How it differs from `talkDuration` is not known; time on hold is assumed.
    pub talked_time: i64,
    /// How long the person was on hold, in seconds.
    pub hold_duration: i64,
    /// The business it was for.
    pub biztype: String,
    /// The agent it went to.
    pub agent_name: String,
    /// The organization.
    #[serde(rename = "OrgName")]
    pub org_name: String,
    /// When the task began.
    #[serde(rename = "TaskStartTime")]
    pub task_start_time: String,
    /// The result the agent saved.
    pub talk_result: String,
    /// The task's remark.
    pub remark: String,
    /// The agent's remark on the call; lower case throughout.
    pub talkremarks: String,
    /// The person's name.
    pub customer_name: String,
    /// Why the call ended, see [`HANGUP_REASONS`]; 0 before it has.
    pub hangup_reason: i64,
    /// What it came to, one of [`CALL_RESULT_TYPES`].
    pub call_result_type: String,
    /// `auto`.
    pub call_type: String,
    /// Where the recording is; `recLink` in the notices.
    pub reclink: String,
    /// The row of a workflow it was for.
    pub wf_contact_id: String,
    /// Why it was transferred.
    pub transfer_reason: String,
    /// What quality inspection heard.
    pub se_text: String,
    /// What quality inspection gave.
    pub se_score: i64,
    /// Which call to the number this is, counted from 1.
    pub nth_call: i64,
    /// What an administrator did.
    pub admin_act: Vec<serde_json::Value>,
    /// The result's own fields; a list here, an object in the notices.
    pub customize_results: Vec<CustomizeResult>,
    /// What the customer's list has of the person, if the query asked for it.
    pub customer_info: Fields,
}

/// A field of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomizeResult {
    /// Its title.
    pub title: String,
    /// The group of fields it belongs to.
    pub group_name: String,
    /// What the agent wrote or chose.
    pub value: String,
}

/// A task in the answer of `/querytasklist` (client).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskRow {
    /// The task, 32 hex.
    pub task_id: String,
    /// Its name; `taskName` everywhere else.
    pub name: String,
    /// The group of agents.
    pub group_name: String,
    /// When it began, empty before it has.
    pub actual_start_time: String,
}

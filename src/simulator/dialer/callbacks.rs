//! The notices: their types, how the dialer emits them, and how they are generated for a story. They and the responses to
//! queries are derived from the same facts, so that they agree.
//!
//! None of them is signed, and the order of the fields is ours. The vendor's irregularities are kept: `state` in two notices
//! and `State` in the third; `customizeResults` as an object here and a list in the query; `recLink` here and `reclink` there;
//! a timestamp in milliseconds, as a string, beside durations that are numbers.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::draw::RESULTS;
use super::mock_outcome::Extras;
use super::notices::Notices;
use super::task::{State, Task};
use super::{Dialer, TaskKey};
use crate::contract::bodies::{Fields, millis_text};
use crate::simulator::callback::Callback;
use crate::simulator::case::Case;
use crate::simulator::context::Context;
use crate::simulator::ending::{Ending, HangupReason};
use crate::simulator::endpoint::{CallbackShape, Generate, Wanted, callbacks};
use crate::simulator::{ConversationKey, Simulator};

/// The callbacks of the dialer.
pub(in crate::simulator) const CALLBACKS: &[CallbackShape] = callbacks! {
    "dialer.task_status" => Notice<TaskStatus>,
    "dialer.contact_status" => Notice<ContactStatus>,
    "dialer.agent_status" => Notice<AgentStatus>,
};

/// The envelope of a notice (client).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(in crate::simulator) struct Notice<B> {
    /// The kind of notice, one of three.
    #[serde(rename = "type")]
    kind: NoticeKind,
    /// What it says.
    body: B,
}

/// The three notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
enum NoticeKind {
    #[serde(rename = "TaskStatus")]
    Task,
    #[serde(rename = "ContactStatus")]
    Contact,
    #[serde(rename = "AgentStatus")]
    Agent,
}

/// A task has changed its state (client).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::simulator) struct TaskStatus {
    /// The task, 32 hex.
    task_id: String,
    /// Its name.
    task_name: String,
    /// The status of the task; a small s, unlike that of agents.
    state: State,
}

/// The state of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum CallState {
    Calling,
    Ringing,
    Answered,
    Hangup,
    /// The agent has saved the result.
    TalkResult,
}

/// Who made a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum CallType {
    /// The dialer.
    Auto,
}

/// Whether an agent's telephone is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
enum RegisterState {
    Registered,
}

/// A call has changed its state. Which of the fields of the agent's notice are in it is not known (client).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::simulator) struct ContactStatus {
    /// The state of the call; a small s, unlike that of agents.
    state: CallState,
    /// The agent who got the call, empty if none.
    agent_name: String,
    #[serde(flatten)]
    call: CallNotice,
}

/// An agent has changed state: rings, talks, hung up, saved the result (client).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::simulator) struct AgentStatus {
    /// The agent.
    agent_name: String,
    /// Whether the agent's telephone is registered.
    register_state: RegisterState,
    /// The state of the agent's call; a capital S, unlike that of the other notices.
    #[serde(rename = "State")]
    state: CallState,
    /// The result as the agent sees it (client; the meaning is assumed).
    display_talk_result: String,
    /// Whether the number is hidden from the agent: `Y` or `N` (client; the words are assumed).
    is_conceal_callee: String,
    /// The state of a call of three, empty if there is none.
    threeway_state: String,
    /// The third party, empty if there is none.
    threeway_account: String,
    /// How long the agent was at work today, in seconds (client; the unit is assumed).
    cur_day_online_duration: i64,
    /// How long the agent rested today, in seconds (client; the unit is assumed).
    cur_day_rest_duration: i64,
    /// Number of calls waiting for this agent.
    cur_waiting_call_count: i64,
    /// Number of calls of the group waiting for any agent.
    group_unallocated_call: i64,
    /// Waiting time of the first of them, in seconds (client; the unit is assumed).
    earliest_call_wait_time: i64,
    /// Numbers still to be dialled.
    waiting_dial_number: i64,
    /// Total number of numbers.
    total_number: i64,
    /// When the call was put on hold, in Unix milliseconds; 0 if it is not (client; the unit is assumed).
    hold_timestamp: i64,
    /// The agent's calls today.
    cur_day_call_count: Split,
    /// Their duration, in seconds (client; the unit is assumed).
    cur_day_call_duration: Split,
    /// How long calls were on hold, in seconds (client; the unit is assumed).
    hold_duration: Split,
    /// The results the agent saved today.
    cur_day_talk_results: Vec<TalkResultCount>,
    #[serde(flatten)]
    call: CallNotice,
}

/// What the notices of a call say of it, whichever they are (client).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct CallNotice {
    /// Who made the call.
    call_type: CallType,
    /// The task, 32 hex.
    task_id: String,
    /// Its name.
    task_name: String,
    /// The group of agents.
    group_name: String,
    /// The number dialled, in E.164.
    phone_number: String,
    /// The call, 32 hex; lower case throughout.
    callid: String,
    /// The person's name.
    contact_name: String,
    /// The person's address.
    address: String,
    /// A field of the customer's own.
    info1: String,
    /// A field of the customer's own.
    info2: String,
    /// A field of the customer's own.
    info3: String,
    /// The task's remark.
    remark: String,
    /// The customer's data for the contact, sent back unchanged.
    private_data: String,
    /// When, in Unix milliseconds, as a string.
    timestamp: String,
    /// The label of the result that the agent saved, empty before.
    talk_result_label: String,
    /// The agent's remark on the call; lower case throughout.
    talkremarks: String,
    /// The person's main number, in E.164.
    main_number: String,
    /// The dialled number of the person (client; that it names a column is assumed).
    phone_tag: String,
    /// Why the call ended; only after its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    hangup_reason: Option<HangupReason>,
    /// The URL of the recording, if there is one; `reclink` in the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    rec_link: Option<String>,
    /// The number of this call to the person, counted from 1 (client; the meaning is assumed).
    #[serde(skip_serializing_if = "Option::is_none")]
    nth_call: Option<i64>,
    /// The result's own fields, title to value; an object here, a list in the query.
    customize_results: Fields,
    /// The person's data in the customer's list.
    customer_info: Fields,
}

/// A number for calls the dialer made, and one for calls made by hand (client).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
struct Split {
    /// For calls made by the dialer.
    auto: i64,
    /// For calls made by hand.
    manual: i64,
}

impl Split {
    fn auto(auto: i64) -> Self {
        Self { auto, manual: 0 }
    }
}

/// How often an agent saved a result (client).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct TalkResultCount {
    /// The result.
    talk_result: String,
    /// How often.
    count: i64,
}

impl TalkResultCount {
    fn of((result, count): (&usize, &i64)) -> Self {
        Self { talk_result: RESULTS[*result].0.to_owned(), count: *count }
    }
}

/// The columns in which a person's name is looked for (assumed).
const NAMES: [&str; 5] = ["contactName", "customerName", "name", "Name", "callee_name"];

/// The person described by a contact's row.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) info: Fields,
    fields: Fields,
}

impl Person {
    fn new(fields: Fields, info: Fields) -> Self {
        let name = NAMES.iter().find_map(|name| fields.get(*name)?.as_str()).unwrap_or_default().to_owned();
        Self { name, info, fields }
    }

    /// Returns a field of the row; empty if there is none of this name.
    fn field(&self, name: &str) -> String {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

/// The final data of a call, as far as they are known.
#[derive(Default)]
pub(super) struct Closing {
    pub(super) reason: Option<HangupReason>,
    pub(super) link: Option<String>,
    /// The label of the result that the agent saved.
    pub(super) result: &'static str,
    /// The follow-up.
    pub(super) follow_up: Option<&'static str>,
    /// The agent's remarks on the talk.
    pub(super) remarks: &'static str,
    /// Why the agent transferred the person.
    pub(super) transfer_reason: &'static str,
    /// The remarks of quality inspection on the talk.
    pub(super) inspection: &'static str,
    /// How long the person was on hold, in seconds.
    pub(super) hold: u16,
}

/// The agent's remarks, the reason for a transfer, and the remarks of quality inspection, if a test forces them.
const REMARKS: &str = "Asked to be called in the evening";
const TRANSFER_REASON: &str = "Asked for a supervisor";
const INSPECTION: &str = "Greeted by name, checked the identity, summed up at the end";

/// The title of the only field that results have here (accounts define their own), and its group.
pub(super) const FOLLOW_UP: (&str, &str) = ("Follow-up", "Result");

/// The facts behind a notice of a call.
struct CallFacts<'a> {
    task_id: String,
    task_name: &'a str,
    group_name: String,
    remark: &'a str,
    callid: String,
    number: String,
    main_number: String,
    column: String,
    nth: u8,
    person: Person,
    closing: Closing,
    now: Timestamp,
}

impl CallNotice {
    fn new(facts: CallFacts<'_>) -> Self {
        let CallFacts { person, closing, .. } = facts;
        let results = closing.follow_up.into_iter().map(|value| (FOLLOW_UP.0.to_owned(), Value::from(value)));
        Self {
            call_type: CallType::Auto,
            task_id: facts.task_id,
            task_name: facts.task_name.to_owned(),
            group_name: facts.group_name,
            phone_number: facts.number,
            callid: facts.callid,
            address: person.field("address"),
            info1: person.field("info1"),
            info2: person.field("info2"),
            info3: person.field("info3"),
            remark: facts.remark.to_owned(),
            private_data: person.field("privateData"),
            timestamp: millis_text(facts.now),
            talk_result_label: closing.result.to_owned(),
            talkremarks: closing.remarks.to_owned(),
            main_number: facts.main_number,
            phone_tag: facts.column,
            hangup_reason: closing.reason,
            rec_link: closing.link,
            nth_call: Some(i64::from(facts.nth)),
            customize_results: results.collect(),
            contact_name: person.name,
            customer_info: person.info,
        }
    }
}

impl AgentStatus {
    /// Creates the notice for an agent without earlier activity, in a group in which no person waits.
    fn new(agent_name: String, state: CallState, call: CallNotice) -> Self {
        Self {
            agent_name,
            register_state: RegisterState::Registered,
            state,
            display_talk_result: call.talk_result_label.clone(),
            is_conceal_callee: "N".to_owned(),
            threeway_state: String::new(),
            threeway_account: String::new(),
            cur_day_online_duration: 0,
            cur_day_rest_duration: 0,
            cur_waiting_call_count: 0,
            group_unallocated_call: 0,
            earliest_call_wait_time: 0,
            waiting_dial_number: 0,
            total_number: 0,
            hold_timestamp: 0,
            cur_day_call_count: Split::default(),
            cur_day_call_duration: Split::default(),
            hold_duration: Split::default(),
            cur_day_talk_results: Vec::new(),
            call,
        }
    }
}

impl Dialer {
    pub(super) fn person(&self, key: TaskKey, contact: u32) -> Person {
        let contacts = &self.tasks[key].contacts;
        let contact = &contacts.list[contact as usize];
        Person::new(contacts.fields(contact), contacts.info(contact))
    }

    pub(super) fn closing(&self, key: TaskKey, call: u32) -> Closing {
        let row = self.call(key, call);
        let Some(ending) = row.ending else { return Closing::default() };
        let (result, follow_up) = match row.is_saved {
            true => {
                let (result, follow_up) = RESULTS[self.course(key, row).result];
                (result, Some(follow_up))
            }
            false => ("", None),
        };
        let link = self.is_recorded(key, row).then(|| self.record_link(key, call));
        let course = self.course(key, row);
        let Extras { transfers, remarks, inspected, .. } = course.extras;
        let if_talked = |is_so: bool, text| if is_so && ending.talked() { text } else { "" };
        Closing {
            reason: Some(ending.reason()),
            link,
            result,
            follow_up,
            remarks: if_talked(remarks && row.is_saved, REMARKS),
            transfer_reason: if_talked(transfers, TRANSFER_REASON),
            inspection: if_talked(inspected, INSPECTION),
            hold: if ending.talked() { course.hold } else { 0 },
        }
    }

    /// Returns the agent of a call; empty if there is none.
    pub(super) fn agent_name(&self, key: TaskKey, call: u32) -> String {
        let agents = &self.pools[self.tasks[key].pool.0].agents;
        let agent = self.call(key, call).agent().and_then(|agent| agents.get(agent));
        agent.map(|agent| agent.name.clone()).unwrap_or_default()
    }

    pub(super) fn group_name(&self, key: TaskKey) -> String {
        self.rules
            .groups
            .get(self.tasks[key].settings.group)
            .map(|group| group.name.clone())
            .unwrap_or_default()
    }

    /// Whether notices of a task go nowhere, or a story sends them instead.
    fn is_silent(&self, context: &Context, key: TaskKey) -> bool {
        let task = &self.tasks[key];
        match task.settings.notices {
            Notices::Account => context.is_silent(task.cause),
            Notices::Url(_) => context.causes.is_muted(task.cause),
            Notices::Nowhere => true,
        }
    }

    pub(super) fn emit_task_status(&mut self, context: &mut Context, key: TaskKey) {
        if self.is_silent(context, key) {
            return;
        }
        let task_id = self.task_id(key);
        let task = &self.tasks[key];
        let body =
            TaskStatus { task_id: task_id.clone(), task_name: task.settings.name.clone(), state: task.state };
        let callback = self.notice(key, NoticeKind::Task, body, task_id);
        self.send(context, callback, key, context.now);
    }

    pub(super) fn emit_contact_status(
        &mut self,
        context: &mut Context,
        key: TaskKey,
        call: u32,
        state: CallState,
    ) {
        if self.is_silent(context, key) {
            return;
        }
        let agent_name = self.agent_name(key, call);
        let body = ContactStatus { state, agent_name, call: self.call_notice(key, call, context.now) };
        let callid = body.call.callid.clone();
        let callback = self.notice(key, NoticeKind::Contact, body, callid);
        self.send_of_call(context, callback, key, call);
    }

    pub(super) fn emit_agent_status(
        &mut self,
        context: &mut Context,
        key: TaskKey,
        call: u32,
        state: CallState,
    ) {
        let agent = self.call(key, call).agent();
        let Some(agent) = agent.filter(|_| !self.is_silent(context, key)) else { return };
        let pool = self.tasks[key].pool;
        self.pools[pool.0].today(agent, context.now);
        let (task, pool) = (&self.tasks[key], &self.pools[pool.0]);
        let first = pool.waiting.front().and_then(|(key, call)| self.call(*key, *call).answered_at());
        let counted = &pool.agents[agent];
        let call_notice = self.call_notice(key, call, context.now);
        let callid = call_notice.callid.clone();
        let body = AgentStatus {
            cur_day_online_duration: pool.online(agent, context.now),
            group_unallocated_call: i64::try_from(pool.waiting.len()).unwrap_or(i64::MAX),
            earliest_call_wait_time: first.map_or(0, |first| context.now.duration_since(first).as_secs()),
            waiting_dial_number: i64::from(task.sums.waiting),
            total_number: i64::from(task.total()),
            cur_day_call_count: Split::auto(counted.calls),
            cur_day_call_duration: Split::auto(counted.seconds),
            cur_day_talk_results: counted.results.iter().map(TalkResultCount::of).collect(),
            hold_duration: Split::auto(counted.on_hold),
            ..AgentStatus::new(counted.name.clone(), state, call_notice)
        };
        let callback = self.notice(key, NoticeKind::Agent, body, callid);
        self.send_of_call(context, callback, key, call);
    }

    /// Returns the part about the call in a notice of either kind.
    fn call_notice(&self, key: TaskKey, call: u32, now: Timestamp) -> CallNotice {
        let (task, row) = (&self.tasks[key], self.call(key, call));
        CallNotice::new(CallFacts {
            task_id: self.task_id(key),
            task_name: &task.settings.name,
            group_name: self.group_name(key),
            remark: &task.settings.remark,
            callid: self.call_id(key, call),
            number: format!("+{}", task.number_of(row)),
            main_number: format!("+{}", task.contacts.list[row.contact as usize].number),
            column: task.column_of(row),
            nth: row.nth,
            person: self.person(key, row.contact),
            closing: self.closing(key, call),
            now,
        })
    }

    fn notice(&self, key: TaskKey, kind: NoticeKind, body: impl Serialize, order_key: String) -> Callback {
        let Task { settings, node, .. } = &self.tasks[key];
        let event = match kind {
            NoticeKind::Task => "dialer.task_status",
            NoticeKind::Contact => "dialer.contact_status",
            NoticeKind::Agent => "dialer.agent_status",
        };
        Callback {
            target: settings.notices.url().map(str::to_owned),
            part_of: self.wholes(key, kind),
            sums_up: (kind == NoticeKind::Task).then(|| self.task_id(key)),
            flow: node.as_ref().map(|node| node.place),
            ..Callback::new(settings.account, event, &Notice { kind, body }, Some(order_key))
        }
    }

    /// Returns the objects that a notice is part of: the task, unless the notice sums it up, and the task's workflow.
    fn wholes(&self, key: TaskKey, kind: NoticeKind) -> Vec<String> {
        let task = (kind != NoticeKind::Task).then(|| self.task_id(key));
        let node = self.tasks[key].node.as_ref();
        task.into_iter().chain(node.map(|node| node.workflow_id.clone())).collect()
    }

    /// Sends a notice of a call as often and as late as its mock_outcome says.
    fn send_of_call(&mut self, context: &mut Context, callback: Callback, key: TaskKey, call: u32) {
        let mock_outcome = self.mock_outcome_of_call(key, self.call(key, call));
        context.note_swallowed("dialer.contact_status", mock_outcome.call.notice);
        for at in mock_outcome.call.notice.moments(context.now) {
            self.send(context, callback.clone(), key, at);
        }
    }

    fn send(&self, context: &mut Context, callback: Callback, key: TaskKey, at: Timestamp) {
        let cause = self.tasks[key].cause;
        if at == context.now {
            context.send(cause, callback);
        } else {
            context.send_at(at, cause, callback);
        }
    }
}

/// Generates the notice of a running task.
fn generated_task_status(case: &Case) -> Notice<TaskStatus> {
    let (task_id, task_name) = (case.task_id.clone(), case.task_name.clone());
    Notice { kind: NoticeKind::Task, body: TaskStatus { task_id, task_name, state: State::Running } }
}

/// Generates the data of a call that an agent has just ended.
fn generated_call(case: &Case) -> CallNotice {
    let info = json!({ "PhoneNumber": case.phone, "name": case.name });
    let info = info.as_object().cloned().unwrap_or_default();
    let mut fields = info.clone();
    fields.insert("privateData".to_owned(), case.case_id.clone().into());
    CallNotice::new(CallFacts {
        task_id: case.task_id.clone(),
        task_name: &case.task_name,
        group_name: "Customer care".to_owned(),
        remark: "",
        callid: case.call_id.clone(),
        number: case.phone.clone(),
        main_number: case.phone.clone(),
        column: String::new(),
        nth: 1,
        person: Person::new(fields, info),
        closing: Closing { reason: Some(Ending::TalkedByUser.reason()), ..Closing::default() },
        now: case.now,
    })
}

/// Generates the notice of a call that an agent has just ended.
fn generated_contact_status(case: &Case) -> Notice<ContactStatus> {
    let (state, agent_name) = (CallState::Hangup, case.agent.clone());
    let body = ContactStatus { state, agent_name, call: generated_call(case) };
    Notice { kind: NoticeKind::Contact, body }
}

/// Generates the notice of the agent of that call.
fn generated_agent_status(case: &Case) -> Notice<AgentStatus> {
    let body = AgentStatus {
        cur_day_online_duration: 3_600 + case.talk,
        cur_day_rest_duration: 300,
        waiting_dial_number: case.total / 3,
        total_number: case.total,
        cur_day_call_count: Split::auto(1),
        cur_day_call_duration: Split::auto(case.talk),
        cur_day_talk_results: vec![TalkResultCount::of((&0, &1))],
        ..AgentStatus::new(case.agent.clone(), CallState::Hangup, generated_call(case))
    };
    Notice { kind: NoticeKind::Agent, body }
}

impl Generate for Notice<TaskStatus> {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        generated_task_status(&Case::wanted(simulator, key, wanted))
    }
}

impl Generate for Notice<ContactStatus> {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        generated_contact_status(&Case::wanted(simulator, key, wanted))
    }
}

impl Generate for Notice<AgentStatus> {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        generated_agent_status(&Case::wanted(simulator, key, wanted))
    }
}

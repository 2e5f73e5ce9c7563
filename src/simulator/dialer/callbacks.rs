//! The notices. They and the answers to queries are made from the same facts, so that they agree.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::draw::RESULTS;
use super::{Dialer, TaskKey};
use crate::contract::bodies::dialer::{
    AgentStatus, CallNotice, ContactStatus, Notice, Split, TalkResultCount, TaskStatus,
};
use crate::contract::bodies::{Fields, millis_text};
use crate::simulator::callback::{Callback, CallbackBody};
use crate::simulator::context::Context;

/// The columns a person's name is looked for in (assumed).
const NAMES: [&str; 5] = ["contactName", "customerName", "name", "Name", "callee_name"];

/// What the row of a contact says.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) info: Fields,
    fields: Fields,
}

impl Person {
    /// A field of the row, empty if it has none of this name.
    pub(super) fn field(&self, name: &str) -> String {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

/// What a call ended with, as far as it has.
#[derive(Default)]
pub(super) struct Closing {
    pub(super) reason: Option<i64>,
    pub(super) link: Option<String>,
    /// The label of the result the agent saved.
    pub(super) result: &'static str,
    /// What is to follow.
    pub(super) follow_up: Option<&'static str>,
}

/// The title of the one field that results have here (accounts make their own), and the group it belongs to.
pub(super) const FOLLOW_UP: (&str, &str) = ("Follow-up", "Result");

impl Dialer {
    pub(super) fn person(&self, key: TaskKey, contact: u32) -> Person {
        let contacts = &self.task(key).contacts;
        let contact = &contacts.list[contact as usize];
        let fields = contacts.fields(contact);
        let name = NAMES.iter().find_map(|name| fields.get(*name)?.as_str()).unwrap_or_default().to_owned();
        Person { name, info: contacts.info(contact), fields }
    }

    pub(super) fn closing(&self, key: TaskKey, call: u32) -> Closing {
        let row = self.call(key, call);
        let Some(ending) = row.ending else { return Closing::default() };
        let (result, follow_up) = match row.is_saved {
            true => {
                let (result, follow_up) = RESULTS[self.fate(key, row).result];
                (result, Some(follow_up))
            }
            false => ("", None),
        };
        let link = self.is_recorded(key, row).then(|| self.record_link(key, call));
        Closing { reason: Some(ending.reason()), link, result, follow_up }
    }

    fn customize_results(closing: &Closing) -> Fields {
        closing.follow_up.into_iter().map(|value| (FOLLOW_UP.0.to_owned(), Value::from(value))).collect()
    }

    /// The agent of a call, empty if none has it.
    pub(super) fn agent_name(&self, key: TaskKey, call: u32) -> String {
        let agents = &self.desks[self.task(key).desk.0].agents;
        let agent = self.call(key, call).agent().and_then(|agent| agents.get(agent));
        agent.map(|agent| agent.name.clone()).unwrap_or_default()
    }

    pub(super) fn group_name(&self, key: TaskKey) -> String {
        self.rules.groups.get(self.task(key).order.group).map(|group| group.name.clone()).unwrap_or_default()
    }

    /// Whether notices of a task go to nobody, or somebody else sends them.
    fn is_silent(&self, context: &Context, key: TaskKey) -> bool {
        let task = self.task(key);
        context.is_muted(task.cause) || task.order.callback.is_none() && context.is_silent(task.cause)
    }

    pub(super) fn emit_task_status(&mut self, context: &mut Context, key: TaskKey, now: Timestamp) {
        if self.is_silent(context, key) {
            return;
        }
        let task_id = self.task_id(key);
        let task = self.task(key);
        let body = TaskStatus {
            task_id: task_id.clone(),
            task_name: task.order.name.clone(),
            state: task.state.as_str().to_owned(),
        };
        let callback = self.notice(key, "dialer.task_status", "TaskStatus", body, task_id);
        self.send(context, callback, key, now, now);
    }

    pub(super) fn emit_contact_status(
        &mut self,
        context: &mut Context,
        key: TaskKey,
        call: u32,
        state: &str,
        now: Timestamp,
    ) {
        if self.is_silent(context, key) {
            return;
        }
        let body = ContactStatus {
            state: state.to_owned(),
            agent_name: self.agent_name(key, call),
            call: self.call_notice(key, call, now),
        };
        let callid = body.call.callid.clone();
        let callback = self.notice(key, "dialer.contact_status", "ContactStatus", body, callid);
        self.send_of_call(context, callback, key, call, now);
    }

    pub(super) fn emit_agent_status(
        &mut self,
        context: &mut Context,
        key: TaskKey,
        call: u32,
        state: &str,
        now: Timestamp,
    ) {
        let agent = self.call(key, call).agent();
        let Some(agent) = agent.filter(|_| !self.is_silent(context, key)) else { return };
        let desk = self.task(key).desk;
        self.desks[desk.0].today(agent, now);
        let (task, desk) = (self.task(key), &self.desks[desk.0]);
        let first = desk.waiting.front().and_then(|(key, call)| self.call(*key, *call).answered_at());
        let counted = &desk.agents[agent];
        let auto = |auto: i64| Split { auto, manual: 0 };
        let told = self.call_notice(key, call, now);
        let callid = told.callid.clone();
        let body = AgentStatus {
            agent_name: counted.name.clone(),
            register_state: "Registered".to_owned(),
            state: state.to_owned(),
            display_talk_result: told.talk_result_label.clone(),
            is_conceal_callee: "N".to_owned(),
            threeway_state: String::new(),
            threeway_account: String::new(),
            cur_day_online_duration: desk.online(agent, now),
            cur_day_rest_duration: 0,
            cur_waiting_call_count: 0,
            group_unallocated_call: i64::try_from(desk.waiting.len()).unwrap_or(i64::MAX),
            earliest_call_wait_time: first.map_or(0, |first| now.duration_since(first).as_secs()),
            waiting_dial_number: i64::from(task.sums.waiting),
            total_number: i64::from(task.total()),
            hold_timestamp: 0,
            cur_day_call_count: auto(counted.calls),
            cur_day_call_duration: auto(counted.seconds),
            hold_duration: auto(0),
            cur_day_talk_results: counted
                .results
                .iter()
                .map(|(result, count)| TalkResultCount {
                    talk_result: RESULTS[*result].0.to_owned(),
                    count: *count,
                })
                .collect(),
            call: told,
        };
        let callback = self.notice(key, "dialer.agent_status", "AgentStatus", body, callid);
        self.send_of_call(context, callback, key, call, now);
    }

    /// What a notice of either kind tells of a call.
    fn call_notice(&self, key: TaskKey, call: u32, now: Timestamp) -> CallNotice {
        let (task, row) = (self.task(key), self.call(key, call));
        let (closing, person) = (self.closing(key, call), self.person(key, row.contact));
        CallNotice {
            call_type: "auto".to_owned(),
            task_id: self.task_id(key),
            task_name: task.order.name.clone(),
            group_name: self.group_name(key),
            phone_number: format!("+{}", task.number_of(row)),
            callid: self.call_id(key, call),
            contact_name: person.name.clone(),
            address: person.field("address"),
            info1: person.field("info1"),
            info2: person.field("info2"),
            info3: person.field("info3"),
            remark: task.order.remark.clone(),
            private_data: person.field("privateData"),
            timestamp: millis_text(now),
            talk_result_label: closing.result.to_owned(),
            talkremarks: String::new(),
            main_number: format!("+{}", task.contacts.list[row.contact as usize].number),
            phone_tag: task.column_of(row),
            hangup_reason: closing.reason,
            rec_link: closing.link.clone(),
            nth_call: Some(i64::from(row.nth)),
            customize_results: Self::customize_results(&closing),
            customer_info: person.info,
        }
    }

    fn notice(
        &self,
        key: TaskKey,
        event: &'static str,
        kind: &str,
        body: impl Serialize,
        order: String,
    ) -> Callback {
        let task = self.task(key);
        let notice = Notice { kind: kind.to_owned(), body };
        Callback {
            account: task.order.account,
            story: None,
            event: event.into(),
            // Bodies are plain data, which always fits into JSON.
            body: CallbackBody::Text(serde_json::to_string(&notice).unwrap_or_default()),
            order_key: Some(order),
            target: task.order.callback.clone(),
        }
    }

    /// Sends a notice of a call as often and as late as its contact wishes.
    fn send_of_call(
        &mut self,
        context: &mut Context,
        callback: Callback,
        key: TaskKey,
        call: u32,
        now: Timestamp,
    ) {
        let wished = self.wished_of(key, self.call(key, call));
        for at in wished.call.notice.moments(now) {
            self.send(context, callback.clone(), key, at, now);
        }
    }

    fn send(&self, context: &mut Context, callback: Callback, key: TaskKey, at: Timestamp, now: Timestamp) {
        let cause = self.task(key).cause;
        if at == now {
            context.send(cause, callback);
        } else {
            context.send_at(at, cause, callback);
        }
    }
}

//! Tests of the life of dialer tasks, on virtual time.

mod codes;
mod dialling;
mod life;
mod schema;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::*;
use crate::simulator::Behaviour;
use crate::simulator::Simulator;
use crate::simulator::testing::{self, DAY};

const URL: &str = "http://127.0.0.1:9/dialer";

/// A notice: moment, event, target, body.
#[derive(Clone, Debug, PartialEq)]
struct Sent {
    at: Timestamp,
    event: String,
    target: Option<String>,
    body: Value,
}

impl Sent {
    fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap()
    }

    fn state(&self) -> &str {
        let name = if self.kind() == "AgentStatus" { "State" } else { "state" };
        self.body["body"][name].as_str().unwrap()
    }

    fn field(&self, name: &str) -> &str {
        self.body["body"][name].as_str().unwrap_or_default()
    }
}

thread_local! {
    /// The codes of all refusals on this thread.
    static SEEN: RefCell<BTreeSet<i64>> = const { RefCell::new(BTreeSet::new()) };
}

/// A simulator and its clock, with the notices of the dialer.
struct Vendor {
    world: testing::Vendor,
    sent: Vec<Sent>,
    /// Whether every notice is compared with the queries.
    compares: bool,
}

impl Deref for Vendor {
    type Target = testing::Vendor;

    fn deref(&self) -> &testing::Vendor {
        &self.world
    }
}

impl DerefMut for Vendor {
    fn deref_mut(&mut self) -> &mut testing::Vendor {
        &mut self.world
    }
}

impl Vendor {
    fn new() -> Self {
        Self::with(Rules::default())
    }

    fn with(rules: Rules) -> Self {
        Self::behaving(Behaviour { dialer: Arc::new(rules), ..Behaviour::default() })
    }

    fn behaving(behaviour: Behaviour) -> Self {
        let world = testing::Vendor::new(1, behaviour, assert_sums);
        Self { world, sent: Vec::new(), compares: true }
    }

    fn request_as(&mut self, account: u32, id: &str, fields: &Value) -> Result<Value, i64> {
        let answer = self.world.request_as(account, id, fields.clone()).map_err(|(code, _)| code);
        if let Err(code) = answer {
            SEEN.with_borrow_mut(|seen| seen.insert(code));
        }
        answer
    }

    fn request(&mut self, id: &str, fields: Value) -> Result<Value, i64> {
        self.request_as(0, id, &fields)
    }

    /// Lets time pass, event by event.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(callbacks) = self.world.step(until) {
            let from = self.sent.len();
            for callback in callbacks.into_iter().filter(|callback| callback.event.starts_with("dialer.")) {
                let body = callback.body.value();
                let (event, target) = (callback.event.to_string(), callback.target);
                self.sent.push(Sent { at: self.now, event, target, body });
            }
            if self.compares {
                self.compare(from);
            }
        }
        self.now = until;
    }

    /// Checks that the last notices of this moment and the queries agree.
    fn compare(&mut self, from: usize) {
        for at in from..self.sent.len() {
            let sent = self.sent[at].clone();
            let body = &sent.body["body"];
            let task_id = sent.field("taskId").to_owned();
            let later = &self.sent[at + 1..];
            if sent.kind() == "TaskStatus" {
                if later.iter().any(|other| other.kind() == "TaskStatus" && other.field("taskId") == task_id)
                {
                    continue;
                }
                let fields = json!({ "state": sent.state(), "taskName": body["taskName"], "limit": 1000 });
                let list = self.request("dialer.tasks", fields).unwrap();
                assert_eq!(list["list"][0]["taskId"], task_id.as_str(), "{sent:?}");
                continue;
            }
            if later.iter().any(|other| other.field("callid") == sent.field("callid")) {
                continue;
            }
            let like = json!([{ "field": "callid", "pattern": body["callid"] }]);
            let fields = json!({ "taskId": task_id, "like": like, "needCustomerInfo": "Y" });
            let answer = self.request("dialer.task_detail", fields).unwrap();
            assert_eq!(answer["total"], 1);
            let row = &answer["list"][0];
            for name in [
                "taskId",
                "taskName",
                "callid",
                "phoneNumber",
                "mainNumber",
                "agentName",
                "remark",
                "nthCall",
            ] {
                assert_eq!(row[name], body[name], "{name}");
            }
            assert_eq!(row["customerName"], body["contactName"]);
            assert_eq!(row["customerInfo"], body["customerInfo"]);
            assert_eq!(row["talkResult"], body["talkResultLabel"]);
            assert_eq!(row["hangupReason"], body.get("hangupReason").cloned().unwrap_or(json!(0)));
            assert_eq!(row["reclink"], body.get("recLink").cloned().unwrap_or(json!("")));
            let results = row["customizeResults"].as_array().unwrap();
            let results = results.iter().map(|one| (one["title"].as_str().unwrap(), one["value"].clone()));
            assert_eq!(json!(results.collect::<BTreeMap<_, _>>()), body["customizeResults"]);
            let moment = |name: &str| row[name].as_str().unwrap().to_owned();
            let stamp: i64 = sent.field("timestamp").parse().unwrap();
            let stamp = Timestamp::from_second(stamp / 1000).unwrap().to_string();
            let time = match (sent.kind(), sent.state()) {
                ("ContactStatus", "CALLING") => moment("calltime"),
                ("ContactStatus", "RINGING") => moment("ringtime"),
                ("ContactStatus", "ANSWERED") => moment("answertime"),
                ("AgentStatus", "ANSWERED") => moment("talktime"),
                (_, "HANGUP") => moment("endtime"),
                _ => stamp.clone(),
            };
            assert_eq!(time, stamp, "{sent:?}");
            assert_eq!(moment("endtime").is_empty(), body.get("hangupReason").is_none());
            assert_eq!(moment("endtime").is_empty(), moment("callResultType").is_empty());
        }
    }

    /// Returns the reported states of a call or task in order, those of agents with an `A` in front.
    fn states(&self, number: &str) -> Vec<String> {
        let of = self.sent.iter().filter(|sent| sent.field("phoneNumber") == number);
        of.map(|sent| match sent.kind() {
            "AgentStatus" => format!("A {}", sent.state()),
            _ => sent.state().to_owned(),
        })
        .collect()
    }

    fn task_states(&self, id: &str) -> Vec<&str> {
        let of = self.sent.iter().filter(|sent| sent.kind() == "TaskStatus" && sent.field("taskId") == id);
        of.map(Sent::state).collect()
    }

    /// Returns the calls to a number as the query lists them.
    fn rows(&mut self, task: &str, number: &str) -> Vec<Value> {
        let like = json!([{ "field": "phoneNumber", "pattern": number }]);
        let fields = json!({ "taskId": task, "like": like, "limit": 1000, "orderBy": "calltime" });
        let answer = self.request("dialer.task_detail", fields).unwrap();
        answer["list"].as_array().unwrap().clone()
    }

    fn create(&mut self, fields: Value) -> String {
        self.request("dialer.create_task", fields).unwrap()["taskId"].as_str().unwrap().to_owned()
    }
}

fn assert_sums(simulator: &Simulator) {
    let dialer = &simulator.dialer;
    for task in dialer.tasks.objects() {
        assert_eq!(task.sums, task.recount());
        assert!(!task.state.is_over() || task.is_finished());
        let calls = task.contacts.list.iter().map(|contact| usize::from(contact.attempts)).sum::<usize>();
        assert_eq!(calls, task.calls.len());
    }
    for (at, pool) in dialer.pools.iter().enumerate() {
        let of_desk = || dialer.tasks.objects().filter(|task| task.pool.0 == at);
        let open = of_desk().flat_map(|task| &task.calls).filter(|call| call.is_open).count();
        assert_eq!(pool.agents.iter().map(|agent| agent.pending as usize).sum::<usize>(), open);
        for (agent, known) in pool.agents.iter().enumerate() {
            let of_agent = |call: &&CallRow| {
                let is_finished = match call.ending {
                    Some(ending) => !ending.talked() || call.is_saved,
                    None => false,
                };
                call.agent() == Some(agent) && !is_finished
            };
            let busy = of_desk().flat_map(|task| &task.calls).filter(of_agent).count();
            assert_eq!(busy, usize::from(known.is_busy));
        }
    }
}

fn number(last: u32) -> String {
    format!("+62811123{last:04}")
}

fn row(last: u32, mock_outcome: &str) -> Value {
    json!({ "PhoneNumber": number(last), "name": "Budi Santoso", "Debt": "150000", "mock_outcome": mock_outcome })
}

fn task(name: &str, rows: Vec<Value>) -> Value {
    json!({
        "taskName": name,
        "startTime": "",
        "groupName": "Customer care",
        "remark": "evening",
        "callback": BASE64_STANDARD.encode(URL),
        "customizeContacts": rows,
    })
}

/// Replaces some fields.
fn with(mut base: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else { panic!("{fields}") };
    for (name, value) in fields {
        base[name] = value;
    }
    base
}

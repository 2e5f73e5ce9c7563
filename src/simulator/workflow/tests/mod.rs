//! The life of workflows, on virtual time.

mod conversation;
mod life;
mod paths;
mod property;
mod refusals;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::access::AccountKey;
use super::super::calling::RawRows;
use super::super::seed::Seed;
use super::super::{Account, Answer, Behaviour, Call, Simulator};
use super::*;

pub(super) const DAY: Duration = Duration::from_secs(24 * 3_600);

/// What was told: when, the event, the body.
pub(super) type Told = (Timestamp, String, Value);

/// A simulator and its clock.
pub(super) struct Vendor {
    pub(super) simulator: Simulator,
    pub(super) now: Timestamp,
    pub(super) told: Vec<Told>,
    /// Whether the sums are counted anew after every event.
    pub(super) counts: bool,
}

impl Vendor {
    pub(super) fn new(seed: u64) -> Self {
        Self::with(seed, Behaviour::default())
    }

    pub(super) fn with(seed: u64, behaviour: Behaviour) -> Self {
        let other = Account { app_key: "other".into(), ..Account::default() };
        let behaviour = Behaviour { accounts: vec![Account::default(), other], ..behaviour };
        let now = "2030-01-01T02:00:00Z".parse().unwrap();
        Self { simulator: Simulator::new(Seed(seed), behaviour), now, told: Vec::new(), counts: true }
    }

    pub(super) fn call_as(
        &mut self,
        account: u32,
        id: &str,
        mut fields: Value,
    ) -> Result<Value, (i64, String)> {
        let rows = match fields.get("details") {
            Some(Value::Array(_)) => {
                let text = fields["details"].take().to_string();
                fields.as_object_mut().unwrap().remove("details");
                RawRows::named("details", Bytes::from(text))
            }
            _ => None,
        };
        let account = AccountKey(account);
        let zone = self.simulator.access().account(account).zone;
        let call =
            Call { id, fields: &fields, rows: rows.as_ref(), files: &[], account, zone, now: self.now };
        match self.simulator.handle(&call) {
            Answer::Data(data) => Ok(data),
            Answer::Text(text) => Ok(serde_json::from_str(&text).unwrap()),
            Answer::Long(long) => Ok(serde_json::from_str(&long.text()).unwrap()),
            Answer::Error { code, message } => Err((code, message)),
            Answer::NotSimulated => panic!("{id} is not simulated"),
        }
    }

    pub(super) fn call(&mut self, id: &str, fields: Value) -> Result<Value, (i64, String)> {
        self.call_as(0, id, fields)
    }

    /// Lets so much time pass, event by event.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.simulator.next_wakeup().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.advance();
        }
        self.now = until;
    }

    /// Lets so much time pass in one leap.
    pub(super) fn leap(&mut self, time: Duration) {
        self.now += time;
        self.advance();
    }

    fn advance(&mut self) {
        for emission in self.simulator.advance(self.now) {
            self.told.push((self.now, emission.event.to_string(), emission.body.value()));
        }
        if self.counts {
            self.assert_sums();
        }
    }

    pub(super) fn assert_sums(&self) {
        for instance in &self.simulator.workflows.instances {
            let (counts, nodes) = instance.recount();
            assert_eq!((instance.counts, &instance.nodes), (counts, &nodes));
            assert_eq!(
                counts.total,
                counts.pending + counts.running + counts.finished + counts.cancelled,
                "{counts:?}"
            );
            assert!(!instance.phase.is_over() || instance.active() == 0, "{:?}", instance.phase);
        }
    }

    /// The bodies of an event, in order.
    pub(super) fn told(&self, event: &str) -> Vec<Value> {
        self.told.iter().filter(|(_, name, _)| name == event).map(|(.., body)| body.clone()).collect()
    }

    /// The words of status of an instance, in order.
    pub(super) fn statuses(&self, workflow: &str) -> Vec<String> {
        let told = self.told("workflow.status_changed");
        let of = told.iter().filter(|body| body["workflow_id"] == workflow);
        of.map(|body| text(&body["status"])).collect()
    }

    /// Makes an instance of a template.
    pub(super) fn create(&mut self, template: i64, rows: &[Value]) -> String {
        let mut fields = create(template);
        fields["details"] = rows.into();
        text(&self.call("workflow.create", fields).unwrap()["workflow_id"])
    }

    /// The elements of a list that names an instance.
    pub(super) fn list(&mut self, id: &str, workflow: &str) -> Vec<Value> {
        let answer = self.call(id, json!({ "workflow_id": workflow })).unwrap();
        let list = answer["list"].as_array().unwrap().clone();
        assert_eq!(answer["total"], list.len());
        list
    }

    /// An instance as the list of instances has it.
    pub(super) fn summary(&mut self, workflow: &str) -> Value {
        let answer = self.call("workflow.list", json!({ "size": 1_000 })).unwrap();
        let list = answer["list"].as_array().unwrap();
        list.iter().find(|instance| instance["workflow_id"] == workflow).unwrap().clone()
    }
}

/// The fields of a call that makes an instance, without rows.
pub(super) fn create(template: i64) -> Value {
    json!({
        "workflow_template_id": template, "name": format!("flow {template}"),
        "end_time": "2030-01-04 10:00:00+08:00",
    })
}

/// A row that wishes for an outcome.
pub(super) fn row(number: u32, wish: &str) -> Value {
    json!({
        "callee": format!("+62811{number:08}"), "case_id": format!("case-{number}"),
        "variables": { "callee_name": "Budi Santoso", "amount": "1500", "mock_outcome": wish },
    })
}

/// Rows that wish for nothing.
pub(super) fn rows(count: u32) -> Vec<Value> {
    (0..count).map(|number| row(number, "")).collect()
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// What a template of one's own looks like in the settings.
pub(super) fn with_template(text: &str) -> Behaviour {
    #[derive(serde::Deserialize)]
    struct File {
        workflow_templates: Vec<TemplateFile>,
    }
    let file: File = toml::from_str(text).unwrap();
    Behaviour { workflows: Arc::new(templates(&file.workflow_templates)), ..Behaviour::default() }
}

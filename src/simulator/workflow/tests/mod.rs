//! Tests of the life of workflows, on virtual time.

mod conversation;
mod dialer;
mod life;
mod notices;
mod paths;
mod property;
mod refusals;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::simulator::Behaviour;
use crate::simulator::Simulator;
pub(super) use crate::simulator::testing::{DAY, Sent, Vendor};

pub(super) fn a_vendor(seed: u64) -> Vendor {
    a_vendor_with(seed, Behaviour::default())
}

pub(super) fn a_vendor_with(seed: u64, behaviour: Behaviour) -> Vendor {
    Vendor::new(seed, behaviour, assert_sums)
}

pub(super) fn assert_sums(simulator: &Simulator) {
    for instance in simulator.workflow.instances.objects() {
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

impl Vendor {
    /// Lets time pass in one leap.
    pub(super) fn leap(&mut self, time: Duration) {
        self.now += time;
        self.advance();
    }

    /// Returns the words of an instance's status in order, one for each change.
    pub(super) fn statuses(&self, workflow: &str) -> Vec<String> {
        let sent = self.sent("workflow.status_changed");
        let of = sent.iter().filter(|body| body["workflow_id"] == workflow);
        let mut words: Vec<String> = of.map(|body| text(&body["status"])).collect();
        words.dedup();
        words
    }

    /// Creates an instance of a template.
    pub(super) fn create(&mut self, template: i64, rows: &[Value]) -> String {
        let mut fields = create(template);
        fields["details"] = rows.into();
        text(&self.request("workflow.create", fields).unwrap()["workflow_id"])
    }

    /// Returns the elements of a list for an instance.
    pub(super) fn list(&mut self, id: &str, workflow: &str) -> Vec<Value> {
        let answer = self.request(id, json!({ "workflow_id": workflow })).unwrap();
        let list = answer["list"].as_array().unwrap().clone();
        assert_eq!(answer["total"], list.len());
        list
    }

    /// Returns an instance as the list of instances has it.
    pub(super) fn summary(&mut self, workflow: &str) -> Value {
        let answer = self.request("workflow.list", json!({ "size": 1_000 })).unwrap();
        let list = answer["list"].as_array().unwrap();
        list.iter().find(|instance| instance["workflow_id"] == workflow).unwrap().clone()
    }
}

/// Returns the fields of a request that creates an instance, without rows.
pub(super) fn create(template: i64) -> Value {
    json!({
        "workflow_template_id": template, "name": format!("flow {template}"),
        "end_time": "2030-01-04 10:00:00+08:00",
    })
}

/// Returns a row with a forced outcome.
pub(super) fn row(number: u32, mock_outcome: &str) -> Value {
    json!({
        "callee": format!("+62811{number:08}"), "case_id": format!("case-{number}"),
        "variables": { "callee_name": "Budi Santoso", "amount": "1500", "mock_outcome": mock_outcome },
    })
}

/// Returns rows without forced outcomes.
pub(super) fn rows(count: u32) -> Vec<Value> {
    (0..count).map(|number| row(number, "")).collect()
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Returns the behaviour with a user's template from the settings.
pub(super) fn with_template(text: &str) -> Behaviour {
    #[derive(serde::Deserialize)]
    struct File {
        workflow_templates: Vec<TemplateFile>,
    }
    let file: File = toml::from_str(text).unwrap();
    Behaviour { workflows: Arc::new(templates(&file.workflow_templates)), ..Behaviour::default() }
}

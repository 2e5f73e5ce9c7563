//! Instances with the activity at their nodes, as the control surface shows them.

use super::Workflow;
use super::instance::{Instance, RowStatus};
use crate::simulator::keys::InstanceKey;
use crate::simulator::object_view::{ObjectView, PartView, WayView, sums, word};
use crate::simulator::rules::template::{Kind, Node};

/// Maximum number of rows that are named at a node.
const NAMED: usize = 6;

impl Workflow {
    /// Returns the instances, newest first.
    pub(in crate::simulator) fn instances_seen(&self) -> impl Iterator<Item = ObjectView> {
        self.instances.iter().rev().map(|(key, instance)| {
            let count = |count: i64| u64::try_from(count).unwrap_or_default();
            let counts = instance.counts;
            ObjectView {
                kind: "workflow",
                id: self.workflow_id(key),
                name: instance.name.clone(),
                status: word(instance.phase.status()),
                created: Some(instance.created.to_string()),
                total: count(counts.total),
                done: count(counts.finished + counts.cancelled),
                sums: sums([
                    ("pending", count(counts.pending)),
                    ("running", count(counts.running)),
                    ("finished", count(counts.finished)),
                    ("cancelled", count(counts.cancelled)),
                ]),
                parts: self.nodes_seen(key, instance),
            }
        })
    }

    fn nodes_seen(&self, key: InstanceKey, instance: &Instance) -> Vec<PartView> {
        let mut rows: Vec<Vec<String>> = vec![Vec::new(); instance.nodes.len()];
        for row in instance.rows.iter().filter(|row| row.status == RowStatus::Running) {
            let here = row.visits.last().and_then(|visit| rows.get_mut(usize::from(visit.node)));
            if let Some(here) = here.filter(|here| here.len() < NAMED) {
                here.push(format!("+{}", row.number));
            }
        }
        let nodes = (0..).zip(instance.nodes.iter().zip(rows));
        let seen = nodes.filter_map(|(at, (sums, rows))| {
            let node = self.node(instance.template, at)?;
            Some(PartView {
                id: Some(self.nodetask_id(key, at)),
                name: node.name.clone(),
                kind: word(node.kind.node_type()),
                status: word(self.node_status(key, at)),
                total: sums.total.into(),
                done: (sums.total - sums.running).into(),
                next: ways(node),
                rows,
            })
        });
        seen.collect()
    }
}

/// Returns the routes from a node: the cases of a branch in their order, then the default.
fn ways(node: &Node) -> Vec<WayView> {
    let cases = match &node.kind {
        Kind::Branch(cases) => cases.as_slice(),
        _ => &[],
    };
    let cases = cases.iter().filter_map(|(when, to)| {
        Some(WayView { to: (*to)?, when: when.iter().map(|when| word(*when)).collect() })
    });
    let otherwise = node.next.map(|to| WayView { to, when: Vec::new() });
    cases.chain(otherwise).collect()
}

//! Instances with what happens at their nodes, for whoever looks at the mock.

use super::Workflow;
use super::instance::NodeSums;
use crate::simulator::keys::InstanceKey;
use crate::simulator::object_view::{ObjectView, PartView, sums, word};

impl Workflow {
    /// The instances, newest first.
    pub(in crate::simulator) fn instances_seen(&self) -> impl Iterator<Item = ObjectView> {
        let keys = self.instances.iter().rev().filter_map(|(at, _)| u32::try_from(at).ok().map(InstanceKey));
        keys.map(|key| {
            let instance = self.instance(key);
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
                parts: (0..)
                    .zip(&instance.nodes)
                    .filter_map(|(at, node)| self.node_seen(key, at, *node))
                    .collect(),
            }
        })
    }

    fn node_seen(&self, key: InstanceKey, at: u16, sums: NodeSums) -> Option<PartView> {
        let node = self.node(self.instance(key).template, at)?;
        Some(PartView {
            id: Some(self.nodetask_id(key, at)),
            name: node.name.clone(),
            kind: word(node.kind.node_type()),
            status: word(self.node_status(key, at)),
            total: sums.total.into(),
            done: (sums.total - sums.running).into(),
        })
    }
}

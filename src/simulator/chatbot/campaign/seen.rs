//! Campaigns as the control surface shows them.

use super::Campaigns;
use crate::simulator::object_view::{ObjectView, sums};

impl Campaigns {
    /// Returns the messages to lists of numbers and to single ones, newest first.
    pub(in crate::simulator) fn seen(&self) -> impl Iterator<Item = ObjectView> {
        self.list.objects().rev().map(|campaign| {
            let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
            let counts = campaign.counts;
            let open = counts.pending + campaign.waiting.len();
            let total = campaign.rows.len() + campaign.waiting.len();
            ObjectView {
                kind: "campaign",
                id: campaign.id.clone(),
                name: campaign.chosen.template.name.clone(),
                status: if open > 0 { "sending" } else { "sent" }.to_owned(),
                created: None,
                total: count(total),
                done: count(total - open),
                sums: sums([
                    ("pending", count(open)),
                    ("sent", count(counts.send)),
                    ("delivered", count(counts.delivery)),
                    ("read", count(counts.read)),
                    ("failed", count(counts.failed)),
                    ("replied", count(campaign.replied)),
                ]),
                parts: Vec::new(),
            }
        })
    }
}

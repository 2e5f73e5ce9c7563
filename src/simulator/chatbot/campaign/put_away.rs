//! Evicts campaigns after a while, once all their messages have reached their last status.

use std::collections::HashSet;

use super::Campaigns;
use crate::simulator::keys::ConversationKey;
use crate::simulator::planned::Planned;
use crate::simulator::shelf::Keep;

impl Campaigns {
    /// Evicts finished campaigns.
    pub(in crate::simulator::chatbot) fn put_away(&mut self, keep: Keep, planned: &Planned) {
        let gone = self.list.put_away(keep, |key, campaign| {
            let is_free = campaign.waiting.is_empty() && !planned.campaigns.contains(&key);
            campaign.rows.iter().map(|row| row.at).max().filter(|_| is_free)
        });
        for (_, campaign) in gone {
            self.by_id.remove(&campaign.id);
        }
    }

    /// Returns the conversations that its messages belong to.
    pub(in crate::simulator::chatbot) fn conversations(&self) -> HashSet<ConversationKey> {
        let rows = self.list.objects().flat_map(|campaign| &campaign.rows);
        rows.map(|row| row.conversation).collect()
    }
}

//! Campaigns whose messages have come as far as they come are put away after a while.

use std::collections::HashSet;

use super::Campaigns;
use crate::simulator::keys::ConversationKey;
use crate::simulator::planned::Planned;
use crate::simulator::shelf::Keep;

impl Campaigns {
    /// Whether so much came that something may have to be put away.
    pub(in crate::simulator::chatbot) fn is_full(&self, most: usize) -> bool {
        self.list.is_full(most)
    }

    /// How many objects of it are kept.
    pub(in crate::simulator::chatbot) fn objects(&self) -> usize {
        self.list.len()
    }

    /// Puts away what needs not be kept.
    pub(in crate::simulator::chatbot) fn put_away(&mut self, keep: Keep, planned: &Planned) {
        let gone = self.list.put_away(keep, |number, campaign| {
            let is_free = campaign.waiting.is_empty() && !planned.campaigns.contains(&number);
            campaign.rows.iter().map(|row| row.at).max().filter(|_| is_free)
        });
        for (_, campaign) in gone {
            self.by_id.remove(&campaign.id);
        }
    }

    /// The conversations that its messages stand in.
    pub(in crate::simulator::chatbot) fn conversations(&self) -> HashSet<ConversationKey> {
        let rows = self.list.objects().flat_map(|campaign| &campaign.rows);
        rows.map(|row| row.conversation).collect()
    }
}

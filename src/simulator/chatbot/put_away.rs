//! Evicts finished campaigns and conversations after a while.

use super::Chatbot;
use super::conversation::Conversation;
use crate::simulator::Retention;
use crate::simulator::cause::CauseId;
use crate::simulator::context::Context;
use crate::simulator::keys::ConversationKey;
use crate::simulator::planned::Planned;
use crate::simulator::shelf::Keep;

impl Chatbot {
    /// Whether an eviction scan is due.
    pub(in crate::simulator) fn is_full(&self, retention: &Retention) -> bool {
        self.campaigns.is_full(retention.rows) || self.conversations.is_full(retention.conversations)
    }

    /// Returns the number of kept objects.
    pub(in crate::simulator) fn objects(&self) -> usize {
        self.campaigns.objects() + self.conversations.objects()
    }

    /// Returns the causes of the kept conversations. Campaigns carry none.
    pub(in crate::simulator) fn causes(&self) -> impl Iterator<Item = CauseId> {
        self.conversations.causes()
    }

    /// Evicts finished objects.
    pub(in crate::simulator) fn put_away(
        &mut self,
        campaigns: Keep,
        conversations: Keep,
        planned: &Planned,
        context: &Context,
    ) {
        self.campaigns.put_away(campaigns, planned);
        let of_campaigns = self.campaigns.conversations();
        let is_needed = |number: usize, conversation: &Conversation| {
            let key = ConversationKey(number);
            planned.conversations.contains(&key)
                || of_campaigns.contains(&key)
                || context.is_needed(conversation.cause)
        };
        self.conversations.put_away(conversations, is_needed);
    }
}

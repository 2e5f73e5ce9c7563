//! Evicts finished campaigns and conversations after a while.

use super::Chatbot;
use super::conversation::Conversation;
use crate::simulator::context::Context;
use crate::simulator::keys::ConversationKey;
use crate::simulator::planned::Planned;
use crate::simulator::shelf::Keep;

impl Chatbot {
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
        let is_needed = |key: ConversationKey, conversation: &Conversation| {
            planned.conversations.contains(&key)
                || of_campaigns.contains(&key)
                || context.causes.is_needed(conversation.cause)
        };
        self.conversations.put_away(conversations, is_needed);
    }
}

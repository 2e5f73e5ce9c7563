//! New conversations with the user of a phone number, or with a user of a channel that the customer owns.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::content::Country;
use crate::simulator::chatbot::DEFAULT_CHANNEL;
use crate::simulator::chatbot::conversation::{Conversation, Overrides, Phase};
use crate::simulator::chatbot::recipients::country;
use crate::simulator::keys::ConversationKey;
use crate::simulator::wire_id::WireId;
use crate::simulator::{AccountKey, Opening, Simulator};

/// A conversation to begin.
pub(in crate::simulator::chatbot) struct Thread {
    pub(in crate::simulator::chatbot) account: AccountKey,
    /// The country where the user lives.
    pub(in crate::simulator::chatbot) country: Country,
    pub(in crate::simulator::chatbot) channel: Cow<'static, str>,
    pub(in crate::simulator::chatbot) channel_id: WireId,
    pub(in crate::simulator::chatbot) user_id: WireId,
    /// The known facts about the user.
    pub(in crate::simulator::chatbot) overrides: Overrides,
}

impl Thread {
    /// Begins the conversation. In lists it appears with its first message.
    pub(in crate::simulator::chatbot) fn begin(
        self,
        simulator: &mut Simulator,
        now: Timestamp,
    ) -> ConversationKey {
        let n = simulator.chatbot.campaigns.next_thread();
        let seed = simulator.context.seed.derive("chat", n);
        let opening = Opening { story: None, seed, country: self.country, locale: None, now };
        let cause = simulator.context.cause();
        simulator.chatbot.conversations.add(Conversation {
            owner: Some(self.account),
            channel: self.channel,
            channel_id: self.channel_id,
            user_id: self.user_id,
            overrides: self.overrides,
            // The customer begins it; the user writes later.
            last_user: Timestamp::MIN,
            ..Conversation::open(&opening, cause)
        })
    }
}

/// Returns the open conversation with a user on a channel, or a new one.
pub(in crate::simulator::chatbot) fn thread(
    simulator: &mut Simulator,
    account: AccountKey,
    channel_id: &WireId,
    number: u64,
    now: Timestamp,
) -> ConversationKey {
    let user_id = WireId::from(number);
    let known = simulator.chatbot.conversations.of_user(channel_id, &user_id).filter(|key| {
        let conversation = simulator.chatbot.conversations.get(*key);
        conversation.phase != Phase::Closed && conversation.is_seen_by(account)
    });
    known.unwrap_or_else(|| {
        let thread = Thread {
            account,
            country: country(number),
            channel: DEFAULT_CHANNEL.into(),
            channel_id: channel_id.clone(),
            user_id,
            overrides: Overrides { phone: Some(number), ..Overrides::default() },
        };
        thread.begin(simulator, now)
    })
}

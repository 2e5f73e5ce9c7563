//! New conversations: with the user of a number, or with a user of a channel of the customer's own.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::content::Country;
use crate::simulator::chatbot::DEFAULT_CHANNEL;
use crate::simulator::chatbot::recipients::country;
use crate::simulator::session::{ConversationKey, Known, Phase, Session};
use crate::simulator::wire_id::WireId;
use crate::simulator::{AccountKey, Opening, Simulator};

/// A conversation to begin.
pub(in crate::simulator::chatbot) struct Thread {
    pub(in crate::simulator::chatbot) account: AccountKey,
    /// Where the user lives.
    pub(in crate::simulator::chatbot) country: Country,
    pub(in crate::simulator::chatbot) channel: Cow<'static, str>,
    pub(in crate::simulator::chatbot) channel_id: WireId,
    pub(in crate::simulator::chatbot) user_id: WireId,
    /// What is known of the user.
    pub(in crate::simulator::chatbot) known: Known,
}

impl Thread {
    /// Begins it. For the lists it begins with its first word.
    pub(in crate::simulator::chatbot) fn begin(
        self,
        simulator: &mut Simulator,
        now: Timestamp,
    ) -> ConversationKey {
        let n = simulator.campaigns.next_thread();
        let seed = simulator.seed.derive("chat", n);
        let opening = Opening { story: None, seed, country: self.country, locale: None, now };
        simulator.sessions.add(Session {
            owner: Some(self.account),
            channel: self.channel,
            channel_id: self.channel_id,
            user_id: self.user_id,
            known: self.known,
            ..Session::open(&opening)
        })
    }
}

/// The conversation with a user that is open on a channel, or a new one.
pub(in crate::simulator::chatbot) fn thread(
    simulator: &mut Simulator,
    account: AccountKey,
    channel_id: &WireId,
    number: u64,
    now: Timestamp,
) -> ConversationKey {
    let user_id = WireId::Number(number);
    let known = simulator.sessions.of_user(channel_id, &user_id).filter(|key| {
        let session = simulator.sessions.get(*key);
        session.phase != Phase::Closed && session.is_seen_by(account)
    });
    known.unwrap_or_else(|| {
        let thread = Thread {
            account,
            country: country(number),
            channel: DEFAULT_CHANNEL.into(),
            channel_id: channel_id.clone(),
            user_id,
            known: Known { phone: Some(number), ..Known::default() },
        };
        thread.begin(simulator, now)
    })
}

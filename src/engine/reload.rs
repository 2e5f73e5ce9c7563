//! Changes of a running engine: new settings, and stories that start again.

use std::sync::Arc;

use jiff::Timestamp;

use super::Engine;
use crate::contract::envelope::CorrectedCodes;
use crate::contract::signature::Signer;
use crate::delivery::Policy;
use crate::faults::FaultFile;
use crate::settings::{AssumedFile, Routes};
use crate::simulator::{Bot, ChatRules};

/// The settings that take effect from the next request or callback on. Queued callbacks are sent unchanged.
#[derive(Debug)]
pub struct Reload {
    /// The URL of callbacks unless a story or a route sets another. It has been checked.
    pub callback_url: Option<String>,
    /// The callbacks with another URL, secret or delivery.
    pub routes: Routes,
    /// The signers with the secrets of the routes.
    pub route_signers: Vec<Option<Signer>>,
    /// The delivery policy unless a story or a route sets another.
    pub policy: Arc<Policy>,
    /// What happens at the first use of an assumed entry.
    pub assumed: AssumedFile,
    /// The faults of the settings; those added to the running mock stay.
    pub faults: Vec<FaultFile>,
    /// The replacements for codes of refusals.
    pub codes: CorrectedCodes,
    /// How conversations proceed.
    pub chatbot: ChatRules,
    /// What the bot replies.
    pub bot: Arc<Bot>,
    /// Whether callbacks have a receiver.
    pub has_callback_url: bool,
}

impl Engine {
    /// Replaces the settings.
    pub fn reload(&mut self, new: Reload) {
        self.simulator.take_rules(new.chatbot, new.bot, new.has_callback_url);
        self.faults().replace(new.faults);
        self.codes = new.codes;
        self.dispatch.reload(new.callback_url, new.routes, new.route_signers, new.policy, new.assumed);
    }

    /// Ends a story where it is, because another one replaces it or it is no longer wanted.
    pub fn end_story(&mut self, index: usize, now: Timestamp) {
        if index < self.stories.len() {
            self.with_host(index, now, |story, _| story.call_off());
        }
    }
}

//! What changes while an engine runs: settings that are taken over, and stories that begin anew.

use std::sync::Arc;

use jiff::Timestamp;

use super::Engine;
use crate::contract::envelope::CorrectedCodes;
use crate::contract::signature::Signer;
use crate::delivery::Policy;
use crate::faults::FaultFile;
use crate::settings::{AssumedFile, Routes};
use crate::simulator::{Bot, ChatRules};

/// The settings that hold from the next request or callback on. What is queued already goes out as it was.
#[derive(Debug)]
pub struct Reload {
    /// Where callbacks go unless a story or a route says otherwise: a URL that reads.
    pub callback_url: Option<String>,
    /// Which callbacks go elsewhere, or are signed or delivered otherwise.
    pub routes: Routes,
    /// What signs by the secrets of the routes.
    pub route_signers: Vec<Option<Signer>>,
    /// How callbacks are delivered unless a story or a route says otherwise.
    pub policy: Arc<Policy>,
    /// What happens at the first use of something assumed.
    pub assumed: AssumedFile,
    /// What goes wrong on purpose; those added to the running mock stay.
    pub faults: Vec<FaultFile>,
    /// Other codes of refusals.
    pub codes: CorrectedCodes,
    /// How conversations go on.
    pub chatbot: ChatRules,
    /// What the bot answers.
    pub bot: Arc<Bot>,
    /// Whether callbacks have somewhere to go.
    pub has_callback_url: bool,
}

impl Engine {
    /// Takes settings over.
    pub fn reload(&mut self, new: Reload) {
        self.simulator.take_rules(new.chatbot, new.bot, new.has_callback_url);
        self.faults().replace(new.faults);
        self.codes = new.codes;
        self.dispatch.reload(new.callback_url, new.routes, new.route_signers, new.policy, new.assumed);
    }

    /// A story ends where it is, because another takes its place or nobody wants it any more.
    pub fn end_story(&mut self, index: usize, now: Timestamp) {
        if index < self.stories.len() {
            self.with_host(index, now, |story, _| story.call_off());
        }
    }
}

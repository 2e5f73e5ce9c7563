//! The message of a WhatsApp node. Its template is one of the account's list, as for every message of the chatbot.

use super::Workflow;
use super::chat;
use super::dialers::Dialers;
use crate::contract::bodies::conversation::SendError;
use crate::simulator::chatbot::{Chosen, ReplyWay, error_of};
use crate::simulator::keys::InstanceKey;
use crate::simulator::outcome::{ChatOutcome, MessageFailure, MockOutcome};
use crate::simulator::rules::template::Kind;

/// The code of a message whose template may not be sent (assumed).
const NOT_APPROVED: i64 = 1003;

impl Workflow {
    /// Returns the message template of a node, in the language of a row.
    pub(super) fn message_of(
        &self,
        key: InstanceKey,
        at: u32,
        node: u16,
        dialers: &Dialers<'_>,
    ) -> Option<Chosen> {
        let instance = &self.instances[key];
        let Kind::WhatsApp { template, .. } = &self.node(instance.template, node)?.kind else { return None };
        let country = self.country(instance, instance.row(at)?.number);
        Chosen::named(&dialers.context.behaviour.bot.templates, template, country.default_locale())
    }

    /// Returns the path of a row's person after the message of a node.
    pub(super) fn reply_way(
        &self,
        key: InstanceKey,
        at: u32,
        node: u16,
        dialers: &Dialers<'_>,
    ) -> Option<ReplyWay> {
        let instance = &self.instances[key];
        let MockOutcome { chat, intention, .. } = self.mock_outcome(instance.row(at)?);
        let message = self.message_of(key, at, node, dialers)?;
        ReplyWay::draw(&message, chat, intention, &mut chat::stream(instance.seed, "way", at, node))
    }

    /// Returns why the message of a row is bound to fail, if it is.
    pub(super) fn failure(
        &self,
        key: InstanceKey,
        at: u32,
        node: u16,
        dialers: &Dialers<'_>,
    ) -> Option<SendError> {
        let refused = self.message_of(key, at, node, dialers)?.sendable().err();
        if let Some(refused) = refused {
            return Some(SendError { code: NOT_APPROVED, reason: refused.message });
        }
        let instance = &self.instances[key];
        let row = instance.row(at)?;
        let is_scripted =
            row.message_outcome.is_none() && self.mock_outcome(row).chat == Some(ChatOutcome::OptedOut);
        let has_said_so = || {
            dialers.chatbot.campaigns.is_opted_out(&instance.channel_id.as_str().into(), &row.number.into())
        };
        (is_scripted || has_said_so()).then(|| error_of(MessageFailure::OptedOut))
    }
}

//! The chatbot: conversations on WhatsApp and other channels, their requests and callbacks.
//!
//! The course of a conversation is inferred from the vendor's menu: the bot talks with the user; a transfer to a person is
//! requested; the customer accepts or refuses it; an agent and the user exchange messages, each followed by its statuses; one
//! side ends the conversation; its end and a report go out. Which requests cause which callbacks, and when, is assumed.

mod apply_event;
mod by_user;
mod callbacks;
mod campaign;
mod catalogue;
mod channel;
mod contents;
mod conversation;
mod end_session;
mod first_reply;
mod late_reply;
mod lead_up;
mod lists;
mod mark_read;
mod media;
mod messages;
mod outcome_plan;
mod overview;
mod pass_on;
mod played;
mod put_away;
mod question;
mod recipients;
mod reply_way;
mod script;
mod seat;
mod send_message;
mod template_list;
mod transfer_result;
mod turns;
mod upload;
mod view;
mod waba;

use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use serde_json::{Value, json};

use super::Simulator;
use super::callback::Callback;
use super::context::Context;
use super::endpoint::{Endpoint, bad_request, endpoints};
use super::keys::{CampaignKey, ConversationKey};
use super::timer::{ChatbotTimer, TemplateStep, WorkflowTimer};
use crate::seed::Rng;
use crate::seed::ids::{self, IdShape};
use crate::time::later;
pub(super) use callbacks::CALLBACKS;
use campaign::Campaigns;
pub(super) use catalogue::Chosen;
pub(super) use contents::note_contents;
use conversation::Conversations;
pub use conversation::Opening;
pub(super) use conversation::{Conversation, Overrides, Phase, ScheduledMessages};
pub(super) use late_reply::LateReply;
use media::Media;
pub use media::Stored;
pub(super) use messages::{Message, Reply};
pub(super) use outcome_plan::error_of;
pub use overview::{Chat, ChatHistory};
pub use played::{ChatAct, ChatError, FileKind, NewChat};
pub(super) use reply_way::ReplyWay;
pub(super) use view::view;
pub use view::{ConversationView, UserView};
pub(super) use waba::sender;

/// The endpoints of this family.
pub(super) const ENDPOINTS: &[Endpoint] = endpoints! {
    refuse: bad_request,
    "chatbot.waba_accounts" => waba::waba_accounts,
    "chatbot.templates" => template_list::templates,
    "chatbot.template_detail" => template_list::template_detail,
    "chatbot.send_template" => campaign::send_template,
    "chatbot.template_result" => campaign::template_result,
    "chatbot.send_single_template" => campaign::send_single_template,
    "chatbot.agent_transfer_result" => transfer_result::transfer_result,
    "chatbot.sessions" => lists::conversations,
    "chatbot.messages" => lists::messages,
    "chatbot.mark_read" => mark_read::mark_read,
    "chatbot.send_message" => send_message::send_message,
    "chatbot.end_session" => end_session::end_session,
    "chatbot.upload" => upload::upload,
    "chatbot.upload_map" => upload::upload_map,
    "chatbot.channel_message" => channel::channel_message,
};

/// The chatbot's department.
#[derive(Clone, Debug)]
pub(super) struct Chatbot {
    pub(super) conversations: Conversations,
    pub(super) campaigns: Campaigns,
    pub(super) media: Media,
}

/// The channel of the vendor's example.
pub(super) const DEFAULT_CHANNEL: &str = "WhatsApp";

/// Draws an id of four digits, as in the vendor's examples.
pub(super) fn four_digits(rng: &mut Rng) -> String {
    ids::draw(rng, IdShape::Number, |rng| rng.random_range(1_000..10_000).to_string())
}

/// Draws a channel id in the form of the vendor's example, `3709`.
pub(super) fn channel_id(rng: &mut Rng) -> String {
    four_digits(rng)
}

impl Chatbot {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            conversations: Conversations::default(),
            campaigns: Campaigns::default(),
            media: Media::new(context.seed, context.behaviour.chatbot),
        }
    }

    /// Opens a conversation: a user, a channel, ids. It sends nothing.
    pub(super) fn open(&mut self, context: &mut Context, opening: &Opening) -> ConversationKey {
        self.conversations.add(Conversation::open(opening, context.cause()))
    }

    /// Applies the contents of an event's body to a conversation.
    pub(super) fn apply_event(
        &mut self,
        context: &mut Context,
        key: ConversationKey,
        event: &str,
        body: &Value,
        now: Timestamp,
    ) {
        // A call or a notice of a workflow is no chat, although its person is that of a conversation.
        if callbacks::are_of_chats(event) {
            self.begin(context, key, now);
        }
        apply_event::apply_event(&mut self.conversations, key, event, body, now);
        let conversation = self.conversations.get(key);
        if event != "session.report" && apply_event::opts_out(conversation, event, body) {
            self.campaigns.opt_out(&conversation.channel_id, &conversation.user_id);
        }
    }

    /// Records the first message of a conversation. From then on it can fall silent.
    fn begin(&mut self, context: &mut Context, key: ConversationKey, now: Timestamp) {
        if self.conversations.begin(key) {
            let at = later(now, context.behaviour.chatbot.silence);
            context.plan(at, (key, ChatbotTimer::Silence));
        }
    }
}

impl Chatbot {
    /// Carries out what was planned for this moment with a conversation.
    pub(in crate::simulator) fn wake(
        simulator: &mut Simulator,
        key: ConversationKey,
        timer: ChatbotTimer,
        at: Timestamp,
    ) {
        let callbacks = match timer {
            ChatbotTimer::Turn => turns::turn(simulator, key, at),
            ChatbotTimer::Status { place, status, failure, by_agent } => {
                let event = if by_agent { "agent.message_status" } else { "message.status" };
                let message = simulator.chatbot.conversations.get(key).messages.get(place as usize);
                let msg_id = message.map(|message| &message.msg_id);
                let patch = match failure {
                    None => json!({ "msg_id": msg_id, "status": status }),
                    Some(failure) => {
                        json!({ "msg_id": msg_id, "status": status, "error": failure.error() })
                    }
                };
                emit(simulator, key, event, patch, at).into_iter().collect()
            }
            ChatbotTimer::End(reason) => end(simulator, key, reason, at),
            ChatbotTimer::Report => {
                emit(simulator, key, "session.report", json!({}), at).into_iter().collect()
            }
            ChatbotTimer::Message => {
                let conversation = simulator.chatbot.conversations.get_mut(key);
                conversation.say(at);
                let asks_for_agent = conversation.take_ask(at);
                if let Some(next) = conversation.next_message() {
                    simulator.context.plan(next, (key, ChatbotTimer::Message));
                }
                if asks_for_agent { turns::ask_for_agent(simulator, key, at) } else { Vec::new() }
            }
            ChatbotTimer::Silence => {
                silence(simulator, key, at);
                Vec::new()
            }
        };
        send(simulator, callbacks);
    }

    /// Lets a template message take the step that was planned for this moment.
    pub(in crate::simulator) fn wake_template(
        simulator: &mut Simulator,
        (campaign, row): (CampaignKey, u32),
        step: TemplateStep,
        at: Timestamp,
    ) {
        let callbacks = campaign::step(simulator, campaign, row, step, at);
        send(simulator, callbacks);
    }
}

/// Sends callbacks of conversations.
fn send(simulator: &mut Simulator, callbacks: Vec<Callback>) {
    for callback in callbacks {
        simulator.context.send_of_conversation(callback);
    }
}

/// Ends a conversation, and plans its report.
fn end(
    simulator: &mut Simulator,
    key: ConversationKey,
    reason: &'static str,
    at: Timestamp,
) -> Vec<Callback> {
    let conversation = simulator.chatbot.conversations.get_mut(key);
    if conversation.phase == Phase::Closed {
        return Vec::new();
    }
    if let Some(scheduled) = conversation.scheduled.take() {
        let timer = (scheduled.instance, WorkflowTimer::ConversationEnded(scheduled.row));
        simulator.context.plan(at, timer);
    }
    let report_at = later(at, Duration::from_millis(2_500));
    simulator.context.plan(report_at, (key, ChatbotTimer::Report));
    let patch = json!({ "session_end_reason": reason });
    emit(simulator, key, "session.end", patch, at).into_iter().collect()
}

/// Ends a conversation in which neither side has said anything for long enough.
fn silence(simulator: &mut Simulator, key: ConversationKey, at: Timestamp) {
    let conversation = simulator.chatbot.conversations.get(key);
    if conversation.phase == Phase::Closed {
        return;
    }
    let silent_at = later(conversation.last_activity, simulator.context.behaviour.chatbot.silence);
    let timer =
        if silent_at <= at { (key, ChatbotTimer::End("timeout")) } else { (key, ChatbotTimer::Silence) };
    simulator.context.plan(silent_at.max(at), timer);
}

/// Returns the callback of an event, and applies it to the conversation.
fn emit(
    simulator: &mut Simulator,
    key: ConversationKey,
    event: &'static str,
    patch: Value,
    at: Timestamp,
) -> Option<Callback> {
    let body = simulator.emit(key, event, patch, at).ok()?;
    turns::callback(simulator, key, event, || body)
}

#[cfg(test)]
mod tests;

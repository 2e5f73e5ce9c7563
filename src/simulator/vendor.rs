//! The simulated vendor as a whole: its inputs, its outputs, and the next step.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use serde_json::Value;

use super::Simulator;
use super::access::{Access, AccountKey};
use super::callback::Callback;
use super::calling::{self, Calling};
use super::cause::CauseId;
use super::chatbot::{self, Chatbot, ConversationView, Opening, Stored, UserView};
use super::context::Context;
use super::detection::Detection;
use super::dialer::Dialer;
use super::endpoint::Wanted;
use super::findings::{Finding, FindingKind, Findings};
use super::keys::{ConversationKey, PushKey};
use super::raw_rows::RawRows;
use super::reference;
use super::request::{Refusal, Request, Response};
use super::rules::Behaviour;
use super::rules::bot::Bot;
use super::rules::chatbot::ChatRules;
use super::rules::recordings::NoRecording;
use super::sms::Sms;
use super::timer::Timer;
use super::user_endpoints::{self, UserEndpoints};
use super::workflow::{PushReach, Workflow};
use crate::seed::hex32::Hex32;
use crate::seed::{Resting, Seed};

/// Work limit per call: when the clock jumps over a long list, other requests must be served meanwhile, and memory stays
/// bounded.
pub(super) const AT_ONCE: usize = 2_000;

/// Why an event has no body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// The catalog has no such event.
    #[error("there is no event `{0}`")]
    Unknown(String),
    /// The event is declared by the user, and a template of its body cannot be filled in.
    #[error(
        "the body of `{event}` in your settings can't be filled in without a request: {error}; give the \
        field, or a default in the settings such as `{{{{ request.id | default(id()) }}}}`"
    )]
    Template {
        /// The event.
        event: String,
        /// The template, and the reason.
        error: crate::language::template::FillError,
    },
}

impl Simulator {
    /// Creates a vendor without conversations.
    pub fn new(seed: Seed, behaviour: Behaviour) -> Self {
        let context = Context::new(seed, behaviour.with_message_templates());
        Self {
            calling: Calling::new(&context),
            dialer: Dialer::new(&context),
            workflow: Workflow::new(&context),
            chatbot: Chatbot::new(&context),
            sms: Sms::default(),
            detection: Detection::default(),
            user_endpoints: UserEndpoints::new(&context.behaviour.user_endpoints, seed),
            request_ids: Resting::new(seed, "request"),
            context,
        }
    }

    /// Applies the rules of conversations, and whether a default callback URL is configured.
    pub fn take_rules(&mut self, chatbot: ChatRules, bot: Arc<Bot>, has_callback_url: bool) {
        let behaviour = Behaviour { chatbot, bot, has_callback_url, ..self.context.behaviour.clone() };
        self.context.behaviour = behaviour.with_message_templates();
        self.chatbot.media.take_rules(chatbot);
    }

    /// Opens a conversation: a user, a channel, ids. It sends nothing.
    pub fn open(&mut self, opening: Opening) -> ConversationKey {
        self.context.begin(opening.story, opening.now);
        self.chatbot.open(&mut self.context, &opening)
    }

    /// Returns what templates see of a conversation.
    pub fn view(&self, key: ConversationKey) -> (UserView, ConversationView) {
        chatbot::view(self.chatbot.conversations.get(key))
    }

    /// Returns the body of an event of this conversation: generated values with `patch` (a table or null) over them. The
    /// contents of the body are applied to the conversation.
    ///
    /// # Errors
    ///
    /// If there is no such event, or if a template of a user's own event cannot be filled in.
    pub fn emit(
        &mut self,
        key: ConversationKey,
        event: &str,
        patch: Value,
        now: Timestamp,
    ) -> Result<Value, EmitError> {
        if self.user_endpoints.declares(event) {
            let body = self.user_endpoints.generate(event, patch, now);
            return body.map_err(|error| EmitError::Template { event: event.to_owned(), error });
        }
        let callback = reference::callback(event).ok_or_else(|| EmitError::Unknown(event.to_owned()))?;
        let mut body = (callback.generate)(self, key, &Wanted { event: callback.id, patch: &patch, now });
        let is_patched = !patch.is_null();
        if is_patched {
            crate::json::merge(&mut body, patch);
        }
        if is_patched && event != "session.report" {
            chatbot::note_contents(self, key, event, &body);
        }
        self.apply_event(key, event, &body, now);
        Ok(body)
    }

    /// Applies the contents of an event's body to the conversation.
    pub fn apply_event(&mut self, key: ConversationKey, event: &str, body: &Value, now: Timestamp) {
        self.chatbot.apply_event(&mut self.context, key, event, body, now);
    }

    /// Finds the conversation that a request or callback refers to: by `call_id`, or by user and channel if that is empty.
    pub fn find_conversation(&self, fields: &Value) -> Option<ConversationKey> {
        self.chatbot.conversations.find(fields)
    }

    /// Returns the story that a conversation belongs to.
    pub fn story_of(&self, key: ConversationKey) -> Option<u32> {
        self.context.causes.story(self.chatbot.conversations.get(key).cause)
    }

    /// Whether a conversation has any messages.
    pub fn is_begun(&self, key: ConversationKey) -> bool {
        self.chatbot.conversations.get(key).begun
    }

    /// Whether a conversation was started by a request of an account and not by a story.
    pub fn is_of_account(&self, key: ConversationKey) -> bool {
        self.chatbot.conversations.get(key).owner.is_some()
    }

    /// Whether a story plays the user of a conversation that a request began, so that the user says nothing by themselves.
    pub fn leaves_user_to_story(&self, key: ConversationKey) -> bool {
        let conversation = self.chatbot.conversations.get(key);
        conversation.owner.is_some() && conversation.script.is_none() && self.story_of(key).is_some()
    }

    /// Hands control of a conversation to a story: its bot and its user say no more by themselves.
    pub fn lead(&mut self, key: ConversationKey) {
        self.chatbot.conversations.get_mut(key).is_led = true;
    }

    /// Returns the first conversation that was opened because of a request.
    pub(crate) fn opened_by(&self, cause: CauseId) -> Option<ConversationKey> {
        self.chatbot.conversations.opened_by(cause)
    }

    /// Gives a conversation to the story that a request belongs to.
    pub(crate) fn adopt(&mut self, key: ConversationKey, cause: CauseId) {
        self.context.causes.carry(cause);
        self.chatbot.conversations.get_mut(key).cause = cause;
    }

    /// Returns the id of a conversation on the wire, by which its callbacks keep their order.
    pub fn order_key(&self, key: ConversationKey) -> String {
        self.chatbot.conversations.get(key).order_key()
    }

    /// Returns the accounts and their tokens.
    pub fn access(&self) -> &Access {
        &self.context.access
    }

    /// Returns the accounts and their tokens, mutable.
    pub fn access_mut(&mut self) -> &mut Access {
        &mut self.context.access
    }

    /// Sets the URL with which links begin from now on: a client that reached the mock by it can follow them.
    pub fn link_by(&mut self, url: &str) {
        if *self.context.behaviour.public_url == *url {
            return;
        }
        let url: Arc<str> = url.into();
        self.calling.link_by(Arc::clone(&url));
        self.dialer.link_by(Arc::clone(&url));
        self.context.behaviour.public_url = url;
    }

    /// Parses ahead of time what needs nothing but the text of a list, while other requests are handled.
    pub fn read_ahead(rows: &RawRows) {
        calling::read_ahead(rows);
    }

    /// Answers a request, and plans the callbacks that the vendor would send because of it.
    ///
    /// # Errors
    ///
    /// If the vendor would refuse it.
    pub fn handle(&mut self, request: &Request<'_>) -> Result<Response, Refusal> {
        self.put_away(request.now);
        self.context.begin(None, request.now);
        self.context.agenda.begin(self.context.last_cause());
        let response = match reference::endpoint(request.id) {
            Some(endpoint) => (endpoint.handle)(self, request),
            None => user_endpoints::handle(self, request),
        };
        // A row of a workflow goes on when its call ends.
        Workflow::take_ended(self);
        response
    }

    /// Returns the cause of the last handled request, for [`Simulator::assign`] and [`Simulator::mute`].
    pub(crate) fn last_cause(&self) -> CauseId {
        self.context.last_cause()
    }

    /// Attributes the effects of a request to a story, unless they belong to another's conversation.
    pub(crate) fn assign(&mut self, cause: CauseId, story: u32) {
        self.context.causes.assign(cause, story);
    }

    /// Records that a story is over and forgotten: what it caused is kept no longer than anything else.
    pub(crate) fn forget_story(&mut self, story: u32) {
        self.context.causes.forget_story(story);
    }

    /// Mutes the callbacks of a request, because a story sends them instead. Tasks go on, but no callbacks about them go out.
    pub(crate) fn mute(&mut self, cause: CauseId) {
        self.context.mute(cause);
    }

    /// Carries out what is due, without a limit on callbacks.
    #[cfg(test)]
    pub(crate) fn advance(&mut self, now: Timestamp) -> Vec<Callback> {
        self.advance_within(now, usize::MAX)
    }

    /// Carries out what is due and returns up to `room` resulting callbacks, in order: once they are there, nothing more is
    /// begun, and further callbacks wait. If very much is due, it carries out the first part; then [`Simulator::next_wakeup`]
    /// is still due.
    pub fn advance_within(&mut self, now: Timestamp, room: usize) -> Vec<Callback> {
        self.put_away(now);
        let mut done = 0;
        while done < AT_ONCE && !self.context.has_callbacks(room) {
            let Some((at, cause, timer)) = self.context.agenda.take(now) else { break };
            self.context.resume(cause, at);
            match timer {
                Timer::Calling(task, timer) => Calling::wake(self, task, timer),
                Timer::Plan(plan, timer) => Calling::wake_plan(self, plan, timer),
                Timer::Dialer(task, timer) => Dialer::wake(self, task, timer),
                Timer::Workflow(key, timer) => Workflow::wake(self, key, timer),
                Timer::Chatbot(key, timer) => Chatbot::wake(self, key, timer, at),
                Timer::Template { campaign, row, step } => {
                    Chatbot::wake_template(self, (campaign, row), step, at);
                }
                Timer::UserEndpoint(planned) => UserEndpoints::wake(self, *planned, at),
                Timer::Send(callback) => self.context.send(cause, *callback),
            }
            // A row of a workflow goes on when its call ends.
            Workflow::take_ended(self);
            done += 1 + self.context.take_extra();
        }
        self.context.take_callbacks(room)
    }

    /// Whether [`Simulator::advance`] has something to do at this moment besides what [`Simulator::next_wakeup`] promises:
    /// objects have become too old, or there is something to tell.
    pub fn has_more(&self, now: Timestamp) -> bool {
        self.context.is_time_to_look(now) || self.context.has_to_tell()
    }

    /// Returns what could not be done since the last time, each with the story that it belongs to, so that no failure is
    /// silent.
    pub fn take_failures(&mut self) -> Vec<(Option<u32>, String)> {
        self.context.take_failures()
    }

    /// Records something wrong with a request of an account, or with the response to one of its callbacks.
    pub fn find(
        &mut self,
        account: AccountKey,
        kind: FindingKind,
        id: &str,
        what: &str,
        message: impl FnOnce() -> String,
    ) {
        self.context.find(account, kind, id, what, message);
    }

    /// Returns what was found wrong with the integrator since the last time.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        self.context.findings.take()
    }

    /// Returns all findings about the integrator.
    pub fn findings(&self) -> &Findings {
        &self.context.findings
    }

    /// Returns what an integrator should know, each kind of note once.
    pub fn take_notes(&mut self) -> Vec<String> {
        self.context.take_notes()
    }

    /// Records that an attempt to deliver a push of a workflow begins, or has failed. The vendor answers for pushes that the
    /// receiver has: those on their way to it, and those it has answered.
    pub fn push_reached(&mut self, push: PushKey, reach: PushReach) {
        self.workflow.push_reached(push, reach);
    }

    /// Whether an endpoint is declared by the user.
    pub fn is_of_user(&self, id: &str) -> bool {
        self.user_endpoints.has(id)
    }

    /// Whether an endpoint is served without authentication, because the user's settings say so.
    pub fn is_open(&self, id: &str) -> bool {
        self.user_endpoints.is_open(id)
    }

    /// Whether an instance of a workflow ends by itself at the moment of the next timer.
    pub fn ends_workflow(&self) -> bool {
        self.context.agenda.ends_workflow()
    }

    /// Returns the real time without new rows before time jumps to the end of an instance.
    pub fn quiet(&self) -> Duration {
        self.context.behaviour.workflow.quiet
    }

    /// Returns when [`Simulator::advance`] has something to do next.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        self.context.next_wakeup()
    }

    /// Whether something is planned that a run has to wait for. A conversation that may fall silent does not count.
    pub fn is_busy(&self) -> bool {
        self.context.is_busy()
    }

    /// Returns the file of a link to a recording or an archive, by the last two parts of its path.
    ///
    /// # Errors
    ///
    /// If there is no file now.
    pub fn download(
        &self,
        folder: &str,
        file: &str,
        now: Timestamp,
    ) -> Result<calling::Download, NoRecording> {
        match self.calling.download(folder, file, now) {
            Err(NoRecording::Unknown) => self.dialer.download(folder, file, now),
            known => known,
        }
    }

    /// Returns the file of a link to an uploaded file or a user's picture, by the last two parts of its path.
    pub fn media(&self, id: &str, name: &str) -> Option<Stored> {
        self.chatbot.media.get(id, name)
    }

    /// Returns a new `request_id` for an envelope.
    pub fn request_id(&mut self) -> String {
        Hex32::of(&self.request_ids.draw().random()).as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// An event in the life of a simulator.
    #[derive(Clone, Debug)]
    enum Deed {
        Task(u32),
        Workflow(u32),
        Text(u32),
        Template(u32),
        UserWrites(u32),
        Lists,
        Pass(u64),
    }

    fn deed() -> impl Strategy<Value = Deed> {
        prop_oneof![
            1 => (0..50_u32).prop_map(Deed::Task),
            1 => (0..50_u32).prop_map(Deed::Workflow),
            1 => (0..50_u32).prop_map(Deed::Text),
            1 => (0..50_u32).prop_map(Deed::Template),
            1 => (0..5_u32).prop_map(Deed::UserWrites),
            1 => Just(Deed::Lists),
            4 => (0..400_000_u64).prop_map(Deed::Pass),
        ]
    }

    /// Returns all outputs: responses, their ids, and callbacks.
    fn run(simulator: &mut Simulator, now: &mut Timestamp, deeds: &[Deed]) -> Vec<String> {
        let mut out = Vec::new();
        for deed in deeds {
            let number = |n: &u32| format!("+62811123{:05}", 45_000 + n);
            let (id, fields, rows) = match deed {
                Deed::Task(n) => (
                    "task.create",
                    json!({ "TaskName": format!("task {n}"), "RepeatNumber": 2, "RepeatInterval": 1 }),
                    RawRows::named("Details", Bytes::from(json!([{ "Mobile": number(n) }]).to_string())),
                ),
                Deed::Workflow(n) => (
                    "workflow.create",
                    json!({ "workflow_template_id": 1001, "name": "flow", "end_time": "2031-01-01 00:00:00+00:00" }),
                    RawRows::named("details", Bytes::from(json!([{ "callee": number(n) }]).to_string())),
                ),
                Deed::Text(n) => (
                    "sms.send",
                    json!({ "to": [number(n)], "message": "Hi", "from": "A", "callbackUrl": "http://127.0.0.1:9/" }),
                    None,
                ),
                Deed::Template(n) => {
                    ("chatbot.send_single_template", json!({ "template_id": 36, "to": number(n) }), None)
                }
                Deed::UserWrites(n) => (
                    "chatbot.channel_message",
                    json!({
                        "channel_id": "7",
                        "user": { "id": n.to_string() },
                        "messages": [{ "type": "text", "text": "hello" }],
                    }),
                    None,
                ),
                Deed::Lists => ("chatbot.sessions", json!({}), None),
                Deed::Pass(millis) => {
                    *now += Duration::from_millis(*millis);
                    out.extend(simulator.advance(*now).iter().map(|callback| format!("{callback:?}")));
                    continue;
                }
            };
            let account = AccountKey::default();
            let zone = simulator.access().account(account).zone;
            let request = Request {
                id,
                fields: &fields,
                route: 0,
                is_typed: true,
                rows: rows.as_ref(),
                files: &[],
                account,
                zone,
                now: *now,
            };
            out.push(format!("{:?} {}", simulator.handle(&request), simulator.request_id()));
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        /// A checkpoint is a value: going back to it and repeating the same events gives the same bytes, whatever happened in
        /// between.
        #[test]
        fn going_back_and_on_again_gives_the_same_bytes(
            before in prop::collection::vec(deed(), 0..12),
            after in prop::collection::vec(deed(), 0..24),
        ) {
            let mut simulator = Simulator::new(Seed(7), Behaviour::default());
            let begin: Timestamp = "2030-01-01T02:00:00Z".parse().unwrap();
            let mut now = begin;
            run(&mut simulator, &mut now, &before);
            let (checkpoint, moment) = (simulator.clone(), now);
            let first = run(&mut simulator, &mut now, &after);
            let next = simulator.next_wakeup();
            simulator = checkpoint;
            now = moment;
            prop_assert_eq!(run(&mut simulator, &mut now, &after), first);
            prop_assert_eq!(simulator.next_wakeup(), next);
        }
    }
}

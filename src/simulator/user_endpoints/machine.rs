//! Answers calls of the user's own endpoints.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::context::{Context, Named, Tools, Trouble};
use super::file::StoreMode;
use super::plan::{AnswerPlan, Declarations, Endpoint, Plan};
use super::sends::{Sends, UserCallback};
use super::state::State;
use crate::content::Country;
use crate::language::template::FillError;
use crate::language::template::{self, Helpers};
use crate::language::tree::TreeTemplate;
use crate::seed::Seed;
use crate::simulator::{AccountKey, Refusal, Response};

/// Where the people of `name()` and `phone()` come from unless a template says otherwise.
const COUNTRY: Country = Country::Id;

/// The answer to a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Goes into the envelope of the endpoint's family.
    Answer(Result<Response, Refusal>),
    /// The whole answer.
    Whole {
        /// The HTTP status.
        status: u16,
        /// Further headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: Value,
    },
}

impl Reply {
    /// Whether the call was refused.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Answer(answer) => answer.is_err(),
            Self::Whole { status, .. } => *status >= 400,
        }
    }
}

/// The user's own endpoints at work: calls and time go in, answers and callbacks come out.
#[derive(Debug)]
pub struct UserEndpoints {
    plan: Arc<Plan>,
    seed: Seed,
    strangers: u64,
    state: State,
    /// One for each endpoint, so that calls of one never change what another answers.
    call_helpers: BTreeMap<Arc<str>, Arc<Helpers>>,
    /// One for each callback, for bodies that no endpoint causes.
    callback_helpers: BTreeMap<Arc<str>, Arc<Helpers>>,
    sends: Sends,
}

impl Default for UserEndpoints {
    fn default() -> Self {
        Self::new(&Declarations::default(), Seed(0))
    }
}

impl UserEndpoints {
    /// Endpoints with the state that is declared.
    pub fn new(declarations: &Declarations, seed: Seed) -> Self {
        let plan = Arc::clone(declarations.plan());
        let seed = seed.derive("custom", 0);
        let helpers = |kind: &str, id: &str| {
            let rng = seed.stream(&format!("{kind} {id}"), 0);
            Arc::new(Helpers::new(rng, COUNTRY, None, Timestamp::UNIX_EPOCH))
        };
        let state = State::default();
        for (collection, objects) in &plan.state {
            for (key, value) in objects {
                // A file has at most 8 MB, so that nothing of it can be too much.
                let _ = state.change(StoreMode::Put, collection, key, value.clone());
            }
        }
        let endpoints = plan.endpoints.keys();
        Self {
            call_helpers: endpoints.clone().map(|id| (Arc::clone(id), helpers("call", id))).collect(),
            callback_helpers: plan.callbacks.keys().map(|id| (Arc::clone(id), helpers("body", id))).collect(),
            sends: Sends::new(endpoints.map(|id| (Arc::clone(id), helpers("send", id))).collect()),
            state,
            seed,
            strangers: 0,
            plan,
        }
    }

    /// The seed of a conversation nobody knows yet, for an event of the vendor's that an endpoint sends.
    pub fn stranger(&mut self) -> Seed {
        self.strangers += 1;
        self.seed.derive("person", self.strangers)
    }

    /// Whether a call is one of these endpoints.
    pub fn has(&self, id: &str) -> bool {
        self.plan.endpoints.contains_key(id)
    }

    /// Whether an endpoint is served without any proof of the caller.
    pub fn is_open(&self, id: &str) -> bool {
        self.plan.endpoints.get(id).is_some_and(|endpoint| endpoint.open)
    }

    /// Whether a callback is declared here, so that its whole body is.
    pub fn declares(&self, event: &str) -> bool {
        self.plan.callbacks.contains_key(event)
    }

    /// Answers a call, changes the state, and plans what comes later of it.
    pub fn handle(&mut self, id: &str, fields: &Value, now: Timestamp) -> Reply {
        let plan = Arc::clone(&self.plan);
        let found = plan.endpoints.get_key_value(id).zip(self.call_helpers.get(id).cloned());
        let Some(((id, endpoint), helpers)) = found else {
            return Reply::Answer(Err(Refusal::new(404, format!("there is no endpoint `{id}`"))));
        };
        helpers.set_now(now);
        let tools = Tools { set: &plan.set, helpers: &helpers };
        self.answer(id, endpoint, tools, fields, now).unwrap_or_else(|trouble| {
            let (code, message) = match trouble {
                Trouble::Refused(code, message) => (code, message),
                Trouble::Broken(message) => (500, format!("the endpoint `{id}` of your settings: {message}")),
            };
            Reply::Answer(Err(Refusal { code, message }))
        })
    }

    fn answer(
        &mut self,
        id: &Arc<str>,
        endpoint: &Endpoint,
        tools: Tools<'_>,
        fields: &Value,
        now: Timestamp,
    ) -> Result<Reply, Trouble> {
        let mut request = fields.as_object().cloned().unwrap_or_default();
        for check in &endpoint.fields {
            check.apply(&mut request).map_err(|wrong| Trouble::Refused(400, wrong))?;
        }
        let mut context =
            Context { state: self.state.clone(), request: template::value(&request), names: Vec::new() };
        prepare(endpoint, tools, &mut context)?;
        self.sends.check_room(endpoint.send.len()).map_err(|full| Trouble::Refused(507, full))?;
        let done = context.store(tools, &endpoint.store)?;
        context.keep_what_is_gone();
        let reply = match reply(&endpoint.answer, tools, &context) {
            Ok(reply) => reply,
            Err(trouble) => {
                // A call that is answered with an error must not have changed anything.
                self.state.undo(done);
                return Err(trouble);
            }
        };
        self.sends.plan(id, endpoint, &context, now);
        Ok(reply)
    }

    /// The body of a declared callback that no endpoint causes, with `patch` (a table or null) over it: for `emit`
    /// and stories. `request` has no fields there. None if the callback is not declared here.
    pub fn default_body(
        &mut self,
        event: &str,
        patch: Value,
        now: Timestamp,
    ) -> Option<Result<Value, String>> {
        let callback = self.plan.callbacks.get(event)?;
        let helpers = self.callback_helpers.get(event)?;
        helpers.set_now(now);
        let request = template::value(&serde_json::Map::new());
        let context = Context { state: self.state.clone(), request, names: Vec::new() };
        let tools = Tools { set: &self.plan.set, helpers };
        let body = under(&callback.body, &patch, tools, &context.scope(helpers)).map_err(|error| {
            format!(
                "the body of `{event}` in your settings can't be filled in without a call: {error}; give the \
                 field, or a default in the settings such as `{{{{ request.id | default(id()) }}}}`"
            )
        });
        Some(body.map(|mut body| {
            if !patch.is_null() {
                crate::json::merge(&mut body, patch);
            }
            body
        }))
    }

    /// Marks the present, for [`UserEndpoints::discard_since`] and [`UserEndpoints::assign`].
    pub fn checkpoint(&self) -> u64 {
        self.sends.checkpoint()
    }

    /// Takes back what was planned since a checkpoint: somebody else does it. The state stays changed.
    pub fn discard_since(&mut self, checkpoint: u64) {
        self.sends.discard_since(checkpoint);
    }

    /// What was planned since a checkpoint belongs to this story, if to any, and to this account.
    pub fn assign(&mut self, checkpoint: u64, story: Option<usize>, account: AccountKey) {
        self.sends.assign(checkpoint, story, account);
    }

    /// When [`UserEndpoints::advance`] has something to do next.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        self.sends.next_wakeup()
    }

    /// Whether something is planned that a run has to wait for.
    pub fn is_busy(&self) -> bool {
        self.sends.next_wakeup().is_some()
    }

    /// Does what is due and returns the callbacks that come of it, in order.
    pub fn advance(&mut self, now: Timestamp) -> Vec<UserCallback> {
        self.sends.advance(&self.plan, now)
    }

    /// What could not be done since this was asked last, in words, with the story it belonged to: nothing is lost
    /// silently.
    pub fn take_failures(&mut self) -> Vec<(Option<usize>, String)> {
        self.sends.take_failures()
    }
}

/// Looks objects up, works values out, refuses.
fn prepare(endpoint: &Endpoint, tools: Tools<'_>, context: &mut Context) -> Result<(), Trouble> {
    for find in &endpoint.find {
        let scope = context.scope(tools.helpers);
        let key = tools.text("find.key", &find.key, &scope)?;
        if context.state.get(&find.collection, &key).is_none() {
            let message = match &find.message {
                Some(message) => tools.text("find.message", message, &scope)?,
                None => format!("there is no `{key}` in `{}`", find.collection),
            };
            return Err(Trouble::Refused(find.code, message));
        }
        context.name_object(find.name.as_ref(), &find.collection, &key);
    }
    for (name, value) in &endpoint.set {
        let value = tools.tree(&format!("set.{name}"), value, &context.scope(tools.helpers))?;
        context.name(name, Named::Value(template::value(&value)));
    }
    let scope = context.scope(tools.helpers);
    for refuse in &endpoint.refuse {
        if tools.holds("refuse.when", &refuse.when, &scope)? {
            let message = tools.text("refuse.message", &refuse.message, &scope)?;
            return Err(Trouble::Refused(refuse.code, message));
        }
    }
    Ok(())
}

fn reply(answer: &AnswerPlan, tools: Tools<'_>, context: &Context) -> Result<Reply, Trouble> {
    let scope = context.scope(tools.helpers);
    match answer {
        AnswerPlan::Data(None) => Ok(Reply::Answer(Ok(Response::Data(Value::Null)))),
        AnswerPlan::Data(Some(data)) => {
            Ok(Reply::Answer(Ok(Response::Data(tools.tree("answer.data", data, &scope)?))))
        }
        AnswerPlan::Whole { status, headers, body } => {
            let mut filled = Vec::new();
            for (name, value) in headers {
                let what = format!("answer.headers.{name}");
                let value = tools.text(&what, value, &scope)?;
                if value.contains(|c: char| c.is_control()) {
                    return Err(Trouble::Broken(format!(
                        "`{what}` has a line end or another control character"
                    )));
                }
                filled.push((name.clone(), value));
            }
            let body = tools.tree("answer.body", body, &scope)?;
            Ok(Reply::Whole { status: *status, headers: filled, body })
        }
    }
}

/// Fills a body in, passing over what the patch replaces anyway.
fn under(
    tree: &TreeTemplate,
    patch: &Value,
    tools: Tools<'_>,
    scope: &minijinja::Value,
) -> Result<Value, FillError> {
    match (tree, patch) {
        (TreeTemplate::Table(entries), Value::Object(patch)) => {
            let entry = |(key, value): &(String, TreeTemplate)| {
                let filled = match patch.get(key) {
                    None => value.render(tools.set, scope),
                    Some(patch) => under(value, patch, tools, scope),
                };
                filled.map(|filled| (key.clone(), filled)).map_err(|error| error.inside(key))
            };
            entries.iter().map(entry).collect::<Result<_, _>>().map(Value::Object)
        }
        (_, Value::Null) => tree.render(tools.set, scope),
        (TreeTemplate::List(_), Value::Array(_)) => tree.render(tools.set, scope),
        (_, replaced) => Ok(replaced.clone()),
    }
}

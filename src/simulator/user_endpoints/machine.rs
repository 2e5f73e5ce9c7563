//! Answers requests of the user's own endpoints, and carries out their later effects: callbacks and changes of the state.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::context::{Context, Named, Tools, Trouble};
use super::file::StoreMode;
use super::plan::{AnswerPlan, Declarations, Endpoint, Plan, Send};
use super::planned::PlannedSend;
use super::state::State;
use crate::content::Country;
use crate::language::template::FillError;
use crate::language::template::{self, Helpers, OwnHelpers};
use crate::language::tree::TreeTemplate;
use crate::seed::Seed;
use crate::simulator::access::AccountKey;
use crate::simulator::callback::{Callback, CallbackBody};
use crate::simulator::raw_rows::RawRows;
use crate::simulator::timer::Timer;
use crate::simulator::{Opening, Refusal, Request, Response, Simulator, reference};

/// The country of the people in `name()` and `phone()`, unless a template says otherwise.
const COUNTRY: Country = Country::Id;

/// Maximum number of sends that may be planned at a time.
const MOST_PLANNED: usize = 100_000;

/// The department of the user's own endpoints.
#[derive(Debug)]
pub(in crate::simulator) struct UserEndpoints {
    plan: Arc<Plan>,
    seed: Seed,
    /// Number of conversations opened for events of the vendor that an endpoint sends.
    strangers: u64,
    state: State,
    /// One for each endpoint, one for its sends, and one for each callback that no endpoint causes, so that the draws of one do
    /// not affect another.
    helpers: BTreeMap<String, OwnHelpers>,
}

impl Clone for UserEndpoints {
    /// Returns an independent copy of the same state.
    fn clone(&self) -> Self {
        Self {
            plan: Arc::clone(&self.plan),
            seed: self.seed,
            strangers: self.strangers,
            state: self.state.copy(),
            helpers: self.helpers.clone(),
        }
    }
}

impl UserEndpoints {
    /// Creates the endpoints with the declared state.
    pub(in crate::simulator) fn new(declarations: &Declarations, seed: Seed) -> Self {
        let plan = Arc::clone(declarations.plan());
        let state = State::default();
        for (collection, objects) in &plan.state {
            for (key, value) in objects {
                // A file has at most 8 MB, so the limits cannot be exceeded.
                let _ = state.change(StoreMode::Put, collection, key, value.clone());
            }
        }
        Self { plan, seed: seed.derive("custom", 0), strangers: 0, state, helpers: BTreeMap::new() }
    }

    /// Whether a request is for one of these endpoints.
    pub(in crate::simulator) fn has(&self, id: &str) -> bool {
        self.plan.endpoints.contains_key(id)
    }

    /// Whether an endpoint is served without authentication.
    pub(in crate::simulator) fn is_open(&self, id: &str) -> bool {
        self.plan.endpoints.get(id).is_some_and(|endpoint| endpoint.open)
    }

    /// Whether a callback is declared here, with its complete body.
    pub(in crate::simulator) fn declares(&self, event: &str) -> bool {
        self.plan.callbacks.contains_key(event)
    }

    /// Returns the random helpers of templates: those of a request (`call`), of its sends (`send`), or of a callback by itself
    /// (`body`).
    fn helpers(&mut self, kind: &str, id: &str, now: Timestamp) -> Arc<Helpers> {
        let entry = self.helpers.entry(format!("{kind} {id}"));
        let seed = self.seed;
        let helpers =
            entry.or_insert_with_key(|name| Helpers::new(seed.stream(name, 0), COUNTRY, None, now).into());
        helpers.set_now(now);
        Arc::clone(helpers)
    }

    /// Returns the body of a declared callback that no endpoint causes, with `patch` (a table or null) over it: for `emit` and
    /// stories. `request` has no fields there.
    ///
    /// # Errors
    ///
    /// If a template cannot be filled in. The error names it.
    pub(in crate::simulator) fn generate(
        &mut self,
        event: &str,
        patch: Value,
        now: Timestamp,
    ) -> Result<Value, FillError> {
        let helpers = self.helpers("body", event, now);
        let tools = Tools { set: &self.plan.set, helpers: &helpers, state: &self.state };
        let request = template::value(&serde_json::Map::new());
        let scope = Context { request, names: Vec::new() }.scope(tools);
        let mut body = match self.plan.callbacks.get(event) {
            Some(callback) => under(&callback.body, &patch, tools, &scope)?,
            None => Value::Null,
        };
        if !patch.is_null() {
            crate::json::merge(&mut body, patch);
        }
        Ok(body)
    }
}

/// Answers a request, changes the state, and plans the later effects.
pub(in crate::simulator) fn handle(
    simulator: &mut Simulator,
    request: &Request<'_>,
) -> Result<Response, Refusal> {
    let id = request.id;
    let plan = Arc::clone(&simulator.user_endpoints.plan);
    let Some(endpoint) = plan.endpoints.get(id) else {
        return Err(Refusal::new(404, format!("there is no endpoint `{id}`")));
    };
    answer(simulator, request, &plan, endpoint).map_err(|trouble| match trouble {
        Trouble::Refused(code, message) => Refusal::new(code, message),
        Trouble::Broken(message) => {
            Refusal::new(500, format!("the endpoint `{id}` of your settings: {message}"))
        }
    })
}

fn answer(
    simulator: &mut Simulator,
    request: &Request<'_>,
    plan: &Plan,
    endpoint: &Endpoint,
) -> Result<Response, Trouble> {
    let fields = request.with_rows();
    let mut fields = fields.as_object().cloned().unwrap_or_default();
    for check in &endpoint.fields {
        check.apply(&mut fields).map_err(|wrong| Trouble::Refused(400, wrong))?;
    }
    let helpers = simulator.user_endpoints.helpers("call", request.id, request.now);
    let tools = Tools { set: &plan.set, helpers: &helpers, state: &simulator.user_endpoints.state };
    let mut context = Context { request: template::value(&fields), names: Vec::new() };
    prepare(endpoint, tools, &mut context)?;
    check_room(simulator, endpoint.send.len())?;
    for ask in &endpoint.ask {
        let tools = Tools { set: &plan.set, helpers: &helpers, state: &simulator.user_endpoints.state };
        let fields = match &ask.fields {
            Some(tree) => tools.tree("ask.fields", tree, &context.scope(tools))?,
            None => Value::Object(fields.clone()),
        };
        let data = ask_vendor(simulator, request, &ask.endpoint, fields)?;
        if let Some(name) = &ask.name {
            context.name(name, Named::Value(template::value(&data)));
        }
    }
    let tools = Tools { set: &plan.set, helpers: &helpers, state: &simulator.user_endpoints.state };
    let done = context.store(tools, &endpoint.store)?;
    context.keep_what_is_gone(tools.state);
    let response = response(&endpoint.answer, tools, &context).inspect_err(|_| {
        // A request that is answered with an error must not have changed the state. What it asked of the vendor has happened.
        tools.state.undo(done);
    })?;
    // Separate from the helpers of the responses: the moment of a callback does not change a response.
    let helpers = simulator.user_endpoints.helpers("send", request.id, request.now);
    for (index, send) in endpoint.send.iter().enumerate() {
        let wait = helpers.draw(|rng| send.after.draw(rng));
        let due = request.now.checked_add(wait).unwrap_or(Timestamp::MAX);
        let (context, account) = (context.clone(), request.account);
        let planned = PlannedSend { endpoint: request.id.into(), index, context, account };
        simulator.context.plan(due, Timer::UserEndpoint(Box::new(planned)));
    }
    Ok(response)
}

/// Makes a request to the vendor's own endpoint within a request, and returns the data of the response.
fn ask_vendor(
    simulator: &mut Simulator,
    request: &Request<'_>,
    id: &str,
    mut fields: Value,
) -> Result<Value, Trouble> {
    let vendors = reference::endpoint(id);
    let vendors =
        vendors.ok_or_else(|| Trouble::Broken(format!("`{id}` is not an endpoint of the vendor")))?;
    // Lists of rows are passed on as text.
    let rows = ["Details", "details"].into_iter().find_map(|name| {
        let list = fields.get(name).filter(|list| list.is_array())?;
        let rows = RawRows::named(name, list.to_string().into())?;
        fields.as_object_mut()?.shift_remove(name);
        Some(rows)
    });
    let asked = Request {
        id: vendors.id,
        fields: &fields,
        route: 0,
        is_typed: false,
        rows: rows.as_ref(),
        ..*request
    };
    match (vendors.handle)(simulator, &asked) {
        Ok(response) => Ok(serde_json::from_str(&response.into_text()).unwrap_or_default()),
        Err(refusal) => Err(Trouble::Refused(refusal.code, refusal.message)),
    }
}

/// Checks that there is room for more planned sends.
fn check_room(simulator: &Simulator, more: usize) -> Result<(), Trouble> {
    let agenda = &simulator.context.agenda;
    if more == 0 || agenda.len() + more <= MOST_PLANNED {
        return Ok(());
    }
    let planned = agenda.timers().filter(|timer| matches!(timer, Timer::UserEndpoint(_))).count();
    if planned + more <= MOST_PLANNED {
        return Ok(());
    }
    let full = format!("{MOST_PLANNED} callbacks of your own endpoints are already waiting, the maximum");
    Err(Trouble::Refused(507, full))
}

impl UserEndpoints {
    /// Carries out what was planned for this moment.
    pub(in crate::simulator) fn wake(simulator: &mut Simulator, planned: PlannedSend, at: Timestamp) {
        let id = Arc::clone(&planned.endpoint);
        let cause = simulator.context.last_cause();
        let sent = send(simulator, planned, at);
        // A conversation that was opened for it has a cause of its own.
        simulator.context.resume(cause, at);
        match sent {
            Ok(Some(callback)) => simulator.context.send(cause, callback),
            Ok(None) => {}
            Err(Trouble::Refused(_, message) | Trouble::Broken(message)) => {
                simulator.context.fail(format!("a `send` of the endpoint `{id}` did not happen: {message}"));
            }
        }
    }
}

/// Carries out a planned send. Returns the callback, if there is one.
fn send(simulator: &mut Simulator, planned: PlannedSend, at: Timestamp) -> Result<Option<Callback>, Trouble> {
    let PlannedSend { endpoint, index, mut context, account } = planned;
    let own = &mut simulator.user_endpoints;
    let plan = Arc::clone(&own.plan);
    let Some(send) = plan.endpoints.get(&endpoint).and_then(|endpoint| endpoint.send.get(index)) else {
        return Ok(None);
    };
    let helpers = own.helpers("send", &endpoint, at);
    let tools = Tools { set: &plan.set, helpers: &helpers, state: &own.state };
    if let Some(when) = &send.when
        && !tools.holds("send.when", when, &context.scope(tools))?
    {
        return Ok(None);
    }
    let done = context.store(tools, &send.store)?;
    let Some(event) = &send.event else { return Ok(None) };
    let sent = callback(simulator, send, event, account, &context, &helpers, at);
    // A send that did not happen must not have changed the state.
    sent.map(Some).inspect_err(|_| simulator.user_endpoints.state.undo(done))
}

/// Returns the callback of a planned send.
fn callback(
    simulator: &mut Simulator,
    send: &Send,
    event: &Arc<str>,
    account: AccountKey,
    context: &Context,
    helpers: &Arc<Helpers>,
    at: Timestamp,
) -> Result<Callback, Trouble> {
    let own = &simulator.user_endpoints;
    let tools = Tools { set: &own.plan.set, helpers, state: &own.state };
    let scope = context.scope(tools);
    let body = tools.tree("send.body", &send.body, &scope)?;
    let target = match &send.target {
        Some(target) => Some(tools.text("send.target", target, &scope)?).filter(|url| !url.is_empty()),
        None => None,
    };
    let (body, order_key) = if own.declares(event) {
        (body, context.order_key())
    } else {
        // An event of the vendor: it belongs to the conversation that the body names, or else to a new one.
        let key = simulator.find_conversation(&body).unwrap_or_else(|| {
            simulator.user_endpoints.strangers += 1;
            let seed = simulator.user_endpoints.seed.derive("person", simulator.user_endpoints.strangers);
            simulator.open(Opening { story: None, seed, country: COUNTRY, locale: None, now: at })
        });
        let body = simulator.emit(key, event, body, at);
        let body = body.map_err(|error| Trouble::Broken(error.to_string()))?;
        (body, Some(simulator.order_key(key)))
    };
    let body = CallbackBody::Json(body);
    Ok(Callback { target, ..Callback::of(account, event.to_string(), body, order_key) })
}

/// Looks up objects, computes values, and refuses requests.
fn prepare(endpoint: &Endpoint, tools: Tools<'_>, context: &mut Context) -> Result<(), Trouble> {
    for find in &endpoint.find {
        let scope = context.scope(tools);
        let key = tools.text("find.key", &find.key, &scope)?;
        if tools.state.get(&find.collection, &key).is_none() {
            let message = match &find.message {
                Some(message) => tools.text("find.message", message, &scope)?,
                None => format!("there is no `{key}` in `{}`", find.collection),
            };
            return Err(Trouble::Refused(find.code, message));
        }
        context.name_object(tools.state, find.name.as_ref(), &find.collection, &key);
    }
    for (name, value) in &endpoint.set {
        let value = tools.tree(&format!("set.{name}"), value, &context.scope(tools))?;
        context.name(name, Named::Value(template::value(&value)));
    }
    let scope = context.scope(tools);
    for refuse in &endpoint.refuse {
        if tools.holds("refuse.when", &refuse.when, &scope)? {
            let message = tools.text("refuse.message", &refuse.message, &scope)?;
            return Err(Trouble::Refused(refuse.code, message));
        }
    }
    Ok(())
}

fn response(answer: &AnswerPlan, tools: Tools<'_>, context: &Context) -> Result<Response, Trouble> {
    let scope = context.scope(tools);
    match answer {
        AnswerPlan::Data(None) => Ok(Response::Data(Value::Null)),
        AnswerPlan::Data(Some(data)) => Ok(Response::Data(tools.tree("answer.data", data, &scope)?)),
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
            Ok(Response::Whole { status: *status, headers: filled, body })
        }
    }
}

/// Fills in a body, skipping what the patch replaces anyway.
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

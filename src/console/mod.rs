//! The control surface under `/_mock/`, by which tests inspect and control the mock. None of it belongs to the vendor's API.
//!
//! [`answer`] is the only entry point for other modules. Each request is a row of a table ([`endpoint`]) and a function in
//! the file of its subject.

mod again;
mod beside;
mod branch;
mod clock;
mod control;
mod desk;
mod emit;
mod endpoint;
mod entry;
mod faults;
mod find;
mod found;
mod in_force;
mod journal;
mod load;
mod load_run;
mod look;
mod metrics;
mod namespace;
mod namespaces;
mod objects;
mod openapi;
mod refused;
mod reloads;
mod settings;
mod settle;
mod signature;
mod snapshots;
mod stories;
mod tokens;
mod user;
mod vendor;
mod wait;
mod world;

use std::sync::Arc;

use serde_json::{Map, Value};

use self::endpoint::{Row, control};
use self::refused::Refused;
use crate::api::{Answering, decode, ready};
use crate::contract::Family;
use crate::files::suggest::{did_you_mean, nearest};
use crate::net::HttpRequest;
use crate::page;

pub use again::{Again, AgainError, Beginning, Moment, Origin, Snapshots};
pub use beside::{NamespaceError, Namespaces, NewNamespace};
pub use control::Control;
pub use in_force::SettingsInForce;
pub use load_run::{LoadCounts, LoadPoint, LoadRun, LoadRuns};
pub use namespace::Namespace;
pub use openapi::document as openapi;
pub use reloads::Reloads;
pub use snapshots::{begin_with, reset};
pub use world::World;

/// The prefix of all paths: one that the vendor does not use.
pub const PREFIX: &str = "/_mock";

/// All requests of the control surface.
static ROWS: [Row; 53] = control! {
    "list" GET "/" => look::list,
        "lists all operations";
    "ready" GET "/ready" { statuses: &[200, 503] } => look::ready,
        "returns the version of the mock, and whether it accepts requests (503 while it shuts down or can't \
         write its data folder)";
    "state" GET "/state" => look::look,
        "shows the mock's time, the numbers of callbacks, whether anything is in progress, and the findings \
         about your requests";
    "objects" GET "/objects" => objects::list,
        "lists tasks, plans, workflows and campaigns with their progress, the dialer's agents, and when \
         tokens expire";
    "load" GET "/load" => load::show,
        "shows the progress of the load that this mock serves (`airudder-mock load --listen`): rates, times \
         and errors";
    "catalog" GET "/catalog" => look::list_catalog,
        "lists every endpoint and every event, with its provenance";
    "entry" GET "/catalog/{id}" => entry::show,
        "shows an endpoint or an event with its fields, each with its provenance";
    "assumptions" GET "/assumptions" => found::assumed,
        "lists the endpoints and events used so far that are only assumed about the vendor, and which parts \
         of each: verify them";
    "found" GET "/found" => found::list,
        "lists the findings about your requests; `?kind=unread_field` lists the fields of your requests that the mock does not use";
    "settings" GET "/settings" => settings::show,
        "shows the settings in force, from the file, the environment and the command line, without secrets";
    "journal" GET "/journal" => journal::list,
        "lists requests and callbacks; `?event=task.finished`, `?endpoint=task.*`, `?status=500`, \
         `?text=...` and other filters select";
    "forget" DELETE "/journal" => journal::clear,
        "clears the journal; its numbers continue under another `journal.id`";
    "stream" GET "/journal/stream" { content_type: journal::Format::Ndjson.content_type() } => journal::stream,
        "streams the journal as it is written: one line of JSON per entry";
    "events" GET "/journal/events" { content_type: journal::Format::Sse.content_type() } => journal::events,
        "streams the journal as server-sent events, for a page in a browser; an event `journal` says under \
         which `id` the entries after it are numbered";
    "wait" POST "/wait" { statuses: &[200, wait::NOT_MET] } => wait::wait,
        "waits for a request or callback that matches: {\"callback\": \"task.finished\", \"within\": \
         \"10s\"}; or for the end of a story: {\"story\": 1}";
    "settle" POST "/settle" { statuses: &[200, settle::NOT_SETTLED] } => settle::settle,
        "returns when everything caused so far is answered, delivered or failed: {\"within\": \"10s\"}";
    "clock" GET "/clock" => clock::show,
        "shows the mock's time and its speed";
    "move" POST "/clock" { statuses: &[200, 202] } => clock::travel,
        "moves the mock's time forward and returns when everything due has happened: {\"by\": \"25h\"} or \
         {\"to\": \"2030-01-01T00:00:00Z\"}; or changes its speed: {\"speed\": \"0\"}";
    "emit" POST "/emit" { statuses: &[201] } => emit::emit,
        "sends a callback of an existing conversation or of a new one: {\"event\": \"agent.transfer\", \
         \"conversation\": \"CALL_ID\"}";
    "resend" POST "/callbacks/{callback}/resend" { statuses: &[201] } => emit::resend,
        "sends a callback again: the same bytes and the same id, or with {\"body\": {...}} another body with \
         a new signature";
    "signature" POST "/journal/{entry}/signature" => signature::take_apart,
        "explains the signature of an attempt or of a chatbot request: what was signed, the result, and the \
         results of usual mistakes; with {\"computed\": \"SIGNATURE\"} also what your receiver's signature \
         was computed over";
    "chat" POST "/chats" { statuses: &[201] } => user::begin,
        "starts a WhatsApp chat in which you play the user: {\"write\": \"hello\"}";
    "chats" GET "/chats" => user::list,
        "lists the chats that have messages, newest first";
    "chat-history" GET "/chats/{conversation}" => user::history,
        "shows the messages of a chat with their status, and the buttons that can be pressed";
    "user" POST "/user" => user::act,
        "lets the user of a chat write, press a button, choose an option, send a file, ask for a human agent, fall silent or opt out: {\"conversation\": \"CALL_ID\", \"write\": \"hello\"}";
    "pass-on" POST "/chats/{conversation}/pass-on" => user::pass_on,
        "lets the agent who has a chat pass it on to another agent: `agent.transfer` is sent, and you answer \
         it with chatbot.agent_transfer_result: {\"to_seat_id\": \"1002\"}";
    "calls" GET "/calls" => desk::list,
        "lists the current phone calls; ringing ones can be answered";
    "answer-call" POST "/calls/{call}" => desk::answer,
        "decides whether and how the called person answers a ringing call: {\"outcome\": \"talked\", \
         \"intention\": \"B\"}";
    "agent" POST "/agents" => desk::agent,
        "lets an agent of the dialer go on a break, take or reject the ringing call, hang up, or save a \
         result: {\"agent\": \"NAME\", \"take\": true}";
    "expire-tokens" POST "/tokens/expire" => tokens::expire,
        "expires all tokens, or with {\"app_key\": \"...\"} those of one account";
    "scenarios" GET "/scenarios" => stories::list_scenarios,
        "lists the scenarios that can be started: those shipped, and those given with `serve`";
    "start-story" POST "/stories" { statuses: &[201] } => stories::start,
        "starts a story of a scenario alongside everything else: {\"scenario\": \"agent-transfer\", \"set\": \
         {\"company\": \"Indonesia\"}}";
    "stories" GET "/stories" => stories::list,
        "lists the stories, newest first, with the progress of each and its failed expectations";
    "story" GET "/stories/{story}" => stories::show,
        "shows the progress of a story and its failed expectations; `wait` waits for its end";
    "stop-story" DELETE "/stories/{story}" => stories::stop,
        "stops a story: no further steps, no further reactions. Callbacks that it has sent continue";
    "add-fault" POST "/faults" { statuses: &[201] } => faults::add,
        "adds a fault of requests or callbacks, as [[faults]] in files do: {\"fault\": {\"call\": \
         \"task.create\", \"status\": 503, \"times\": 2}} or {\"fault\": \"duplicate of session.end, every \
         2nd\"}";
    "faults" GET "/faults" => faults::list,
        "lists the active faults, how often each was applied, and every fault applied so far";
    "remove-fault" DELETE "/faults/{fault}" => faults::remove,
        "removes an added fault";
    "snapshot" POST "/snapshots" { statuses: &[201] } => snapshots::take,
        "saves the present state under a name, to restore it later; it replaces a snapshot of the same name: \
         {\"name\": \"logged in\"}";
    "snapshots" GET "/snapshots" => snapshots::list,
        "lists the snapshots";
    "restore" POST "/snapshots/{name}/restore" => snapshots::restore,
        "restores a snapshot, its time included; everything that happened since then is undone";
    "remove-snapshot" DELETE "/snapshots/{name}" => snapshots::remove,
        "deletes a snapshot";
    "reset" POST "/reset" => snapshots::begin_again,
        "resets the mock: the same requests give the same ids again. Undelivered callbacks are dropped; \
         snapshots and namespaces stay";
    "export" GET "/export" => snapshots::export,
        "exports the present state, or a snapshot (`?snapshot=NAME`), as one file: all inputs of the mock, \
         uploaded files included";
    "import" POST "/import" { is_large: true } => snapshots::import,
        "sets the mock to an exported state, its time included; its settings must be those of the mock that \
         exported it";
    "branch" POST "/branch" { statuses: &[201] } => branch::branch,
        "creates a namespace that continues from a snapshot, or from the present state, with the same \
         credentials, objects and ids: {\"snapshot\": \"logged in\"}";
    "openapi" GET "/openapi.json" => openapi::describe,
        "describes these requests as OpenAPI 3.1, for client generators";
    "vendor" GET "/vendor/openapi.json" => vendor::describe,
        "describes the vendor's requests (`paths`) and callbacks (`webhooks`) as OpenAPI 3.1, with the \
         provenance of each part and your corrections applied";
    "add-namespace" POST "/namespaces" { statuses: &[201] } => namespaces::create,
        "creates a namespace, a separate mock at this address with its own credentials, state, clock and \
         journal: {\"callback_url\": \"http://127.0.0.1:3000/hook\"}";
    "namespaces" GET "/namespaces" => namespaces::list,
        "lists the namespaces";
    "reset-namespace" POST "/namespaces/{name}/reset" => namespaces::reset,
        "resets a namespace: its credentials and its seed stay, its undelivered callbacks are dropped";
    "remove-namespace" DELETE "/namespaces/{name}" => namespaces::remove,
        "deletes a namespace with everything in it; its undelivered callbacks are dropped";
    "metrics" GET "/metrics" { content_type: metrics::CONTENT_TYPE } => metrics::show,
        "returns metrics for Prometheus";
};

/// A request of the control surface, described for command-line clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name in `airudder-mock ctl`.
    pub name: &'static str,
    /// Its method, upper case.
    pub method: &'static str,
    /// Its whole path. A part `{name}` stands for the field of that name.
    pub path: &'static str,
    /// What it does.
    pub what: &'static str,
}

/// Returns all requests of the control surface; their paths are below [`PREFIX`].
pub fn described() -> impl Iterator<Item = Described> {
    ROWS.iter().map(|row| Described { name: row.name, method: row.method, path: row.path, what: row.what })
}

/// Returns the JSON Schema of the fields of a request, by its name.
pub fn asked(name: &str) -> Option<Value> {
    let row = ROWS.iter().find(|row| row.name == name)?;
    let [asked, _] = (row.schemas)();
    Some(asked)
}

/// Whether a request belongs to the control surface.
pub fn is_of(request: &HttpRequest) -> bool {
    path(request).is_some()
}

/// Whether the body of a request below [`PREFIX`] may be large.
pub fn is_large(method: &str, path: &str) -> bool {
    let rows = || ROWS.iter().filter(|row| row.form.is_large && row.method == method);
    path.find(PREFIX).is_some_and(|begin| rows().any(|row| row.path == &path[begin + PREFIX.len()..]))
}

fn path(request: &HttpRequest) -> Option<&str> {
    request.path.strip_prefix(PREFIX).filter(|path| path.is_empty() || path.starts_with('/'))
}

/// Responds to a request under the prefix. `None` for other requests.
pub fn answer(world: &World, request: &HttpRequest) -> Option<Answering> {
    let path = path(request)?;
    if let Some(page) = page::answer(request, path) {
        return Some(ready(page));
    }
    let path = if path.is_empty() { "/" } else { path };
    let method = if request.method == "HEAD" { "GET" } else { &*request.method };
    let here: Vec<(&Row, Map<String, Value>)> =
        ROWS.iter().filter_map(|row| Some((row, row.matches(path)?))).collect();
    let Some((row, named)) = here.iter().find(|(row, _)| row.method == method) else {
        return Some(ready(nowhere(request, path, &here).response()));
    };
    let decoded =
        if row.form.is_large { Err(crate::api::DecodeError::Empty) } else { decode(request, Family::Cloud) };
    let mut fields = match decoded {
        Ok(fields) => fields.fields,
        // A request without a body is valid.
        Err(crate::api::DecodeError::Empty) => Value::Object(Map::new()),
        Err(error) => return Some(ready(Refused::wrong(error.to_string()).response())),
    };
    if let Value::Object(fields) = &mut fields {
        fields.extend(named.clone());
    }
    let world = World { request: Some(Arc::new(request.clone())), ..world.clone() };
    Some((row.answer)(row, world, fields))
}

/// Returns the 404 or 405 for an unmatched control request.
fn nowhere(request: &HttpRequest, path: &str, here: &[(&Row, Map<String, Value>)]) -> Refused {
    if here.is_empty() {
        let near = did_you_mean(nearest(path, ROWS.iter().map(|row| row.path)));
        return Refused::missing(format!("there is no such request{near}; GET /_mock/ lists them all"));
    }
    let methods: Vec<&str> = here.iter().map(|(row, _)| row.method).collect();
    let message = format!("it is served with {}, not with {}", methods.join(" or "), request.method);
    let head = if methods.contains(&"GET") { ", HEAD" } else { "" };
    let allow = Some(format!("{}{head}", methods.join(", ")));
    Refused { allow, ..Refused::new(405, message) }
}

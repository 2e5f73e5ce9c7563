//! The settings file as written. Doc comments here become the descriptions in the JSON Schema, which editors show.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::access::AccessRules;
use super::routes::RouteFile;
use super::vendor_file::{AccountFile, CallingFile, ChatbotFile, LimitsFile, WorkflowFile};
use crate::contract::EntryFile;
use crate::contract::signature::SchemeFile;
use crate::delivery::DeliveryFile;
use crate::faults::FaultFile;
use crate::files::Tree;
use crate::simulator::Strictness;
use crate::simulator::dialer;
use crate::simulator::user_endpoints::file::{CallbackFile, EndpointFile, UserEndpointsFile};
use crate::simulator::workflow::TemplateFile;

/// The settings file `airudder-mock.toml`. Every key is optional.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "airudder-mock settings", extend("x-noun" = "the settings"))]
pub struct SettingsFile {
    /// Where callbacks go, unless `--callback-url`, a scenario or a route says otherwise. `{event}` in it becomes the id
    /// of the callback.
    #[schemars(extend("format" = "callback-url"))]
    pub callback_url: Option<String>,
    /// The secret of the signature. `--secret` and the environment variable AIRUDDER_MOCK_SECRET win over it.
    pub secret: Option<String>,
    /// Where some of the callbacks go, and how they are signed and delivered, in place of `callback_url`, `secret` and
    /// `[delivery]`: by event, family, account, workflow template and node.
    #[serde(default)]
    #[schemars(with = "Vec<RouteFile>")]
    pub routes: Vec<Spanned<RouteFile>>,
    /// The address the mock listens on, for example `127.0.0.1:2478`. Port 0 picks a free one.
    #[schemars(extend("format" = "address"))]
    pub listen: Option<String>,
    /// What happens at the first use of something that is only assumed about the vendor. Default: `warn`.
    pub assumed: Option<AssumedFile>,
    /// How strict the mock is with you, unless an account says otherwise: `lenient`, `standard` (the default) or `strict`.
    pub strict: Option<Strictness>,
    /// Requests whose assumptions you vouch for, since you hold the vendor's own document or have seen them work: an id
    /// such as `task.detail`, a group such as `task.*`, or `*` for all. Their paths and fields do not count as assumed.
    #[serde(default)]
    #[schemars(extend("x-items" = "call-pattern"))]
    pub confirmed: Vec<String>,
    /// How the mock is reached from outside, for links to recordings: `http://mock.test:2478`. Default: as the last
    /// request reached it, by its header `Host`.
    #[schemars(extend("format" = "url"))]
    pub public_url: Option<String>,
    /// Further names by which requests may reach the mock, as they stand in the header `Host`, for example the name of
    /// its container: names, addresses, networks, or `*` for any. It always answers to names of this machine, to the
    /// address it listens on, to the host of `public_url` and to the vendor's own hosts; others are refused, since a page
    /// in a browser can have its own name lead here.
    #[serde(default)]
    #[schemars(extend("x-items" = "host"))]
    pub hosts: Vec<String>,
    /// Codes of refusals, where you know others than the mock's: by family, by endpoint such as `"task.detail"`, or by group
    /// such as `"task.*"`, each the mock's code and yours: `cloud = { 404 = 40401 }`. The HTTP status stays.
    #[serde(default)]
    #[schemars(extend("x-keys" = "code-scope"))]
    pub codes: BTreeMap<String, CodesFile>,
    /// How requests are checked and refused.
    pub access: Option<AccessRules>,
    /// The accounts of the vendor, each with credentials of its own.
    #[serde(default)]
    pub accounts: Vec<AccountFile>,
    /// How simulated numbers answer, lines dial and strategies go on.
    pub calling: Option<CallingFile>,
    /// Recordings of your own, by the name or the id of the robot that called: `"Payment reminder" = "my.wav"`. A path
    /// is meant from the folder of this file. Every call of that robot has this recording, whatever was said and however
    /// long; other recordings are made, with a tone for each of the two speakers.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub recordings: BTreeMap<String, Spanned<String>>,
    /// The agents of the predictive dialer, and what it allows.
    pub dialer: Option<dialer::Rules>,
    /// How conversations go on.
    pub chatbot: Option<ChatbotFile>,
    /// How instances of workflows end by themselves.
    pub workflow: Option<WorkflowFile>,
    /// Workflow templates of your own, besides the three built-in ones.
    #[serde(default)]
    pub workflow_templates: Vec<TemplateFile>,
    /// How much the mock accepts.
    pub limits: Option<LimitsFile>,
    /// How callbacks and calls are signed. The vendor's own scheme is not public; the default is assumed.
    pub signature: Option<SchemeFile>,
    /// How callbacks are delivered.
    pub delivery: Option<DeliveryFile>,
    /// Which hosts callbacks may go to, and how TLS is checked.
    pub target: Option<TargetFile>,
    /// What goes wrong on purpose with requests to the mock and with its callbacks: tables, or texts such as
    /// `"duplicate of session.end, every 2nd"`. The first fault that hits decides; those of a running scenario come first.
    #[serde(default, deserialize_with = "crate::faults::list")]
    #[schemars(with = "crate::faults::FaultList")]
    pub faults: Vec<FaultFile>,
    /// Corrections to the catalog, by entry id: `[catalog."session.end"]`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, EntryFile>", extend("x-keys" = "entry-key"))]
    pub catalog: BTreeMap<String, Spanned<EntryFile>>,
    /// Callbacks of your own, for parts of the vendor's API that only you have documents of.
    #[serde(default)]
    #[schemars(with = "Vec<CallbackFile>")]
    pub callbacks: Vec<Spanned<CallbackFile>>,
    /// Endpoints of your own: calls that the mock serves as written here.
    #[serde(default)]
    #[schemars(with = "Vec<EndpointFile>")]
    pub endpoints: Vec<Spanned<EndpointFile>>,
    /// What your own endpoints find in their state from the start, by collection and key:
    /// `[state.routes.r1]`, or `[state.routes] r1 = { name = "first" }`.
    #[serde(default)]
    #[schemars(extend("x-keys" = "collection"))]
    pub state: BTreeMap<String, Tree>,
}

impl SettingsFile {
    /// Returns the user's own endpoints, callbacks and state.
    pub(crate) fn user_endpoints(&self) -> UserEndpointsFile<'_> {
        UserEndpointsFile { endpoints: &self.endpoints, callbacks: &self.callbacks, state: Some(&self.state) }
    }
}

/// Other codes of refusals: the mock's code, and the one in its place.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("x-keys" = "code"))]
pub struct CodesFile(pub BTreeMap<String, i64>);

/// What happens at the first use of something that is only assumed about the vendor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AssumedFile {
    /// Served, silently.
    Serve,
    /// Served; one line per entry says that it is assumed and how to override it.
    #[default]
    Warn,
    /// Not served: assumed calls answer 404 with an explanation, assumed callbacks are not sent.
    Refuse,
}

/// Which hosts callbacks may go to, and how TLS is checked.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetFile {
    /// Hosts besides this machine: names, addresses, or networks such as `10.0.0.0/8`.
    #[serde(default)]
    #[schemars(extend("x-items" = "host"))]
    pub allow: Vec<String>,
    /// A PEM file of further certificate authorities, relative to this file.
    pub ca: Option<String>,
    /// Accepts any certificate. Only for tests.
    #[serde(default)]
    pub insecure: bool,
    /// A PEM file of a client certificate for receivers that ask for one, relative to this file.
    pub client_cert: Option<String>,
    /// A PEM file of the key of the client certificate, if it is not in the same file, relative to this file.
    pub client_key: Option<String>,
}

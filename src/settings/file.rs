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
    /// The secret of the signature. `--secret` and the environment variable AIRUDDER_MOCK_SECRET take precedence over
    /// it.
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
    /// How strictly the mock checks requests, unless an account says otherwise: `lenient`, `standard` (the default) or
    /// `strict`.
    pub strict: Option<Strictness>,
    /// Requests whose assumptions you confirm, because you have the vendor's own document or have seen them work: an id
    /// such as `task.detail`, a group such as `task.*`, or `*` for all. Their paths and fields do not count as assumed.
    #[serde(default)]
    #[schemars(extend("x-items" = "call-pattern"))]
    pub confirmed: Vec<String>,
    /// The URL of the mock as seen from outside, for links to recordings: `http://mock.test:2478`. Default: the host of
    /// the last request, from its header `Host`.
    #[schemars(extend("format" = "url"))]
    pub public_url: Option<String>,
    /// Additional names by which requests may reach the mock, as in the header `Host`, for example the name of its
    /// container: names, addresses, networks, or `*` for any. The mock always accepts names of this machine, the
    /// address it listens on, the host of `public_url` and the vendor's own hosts. It refuses others, since a page in a
    /// browser can make its own name point to this machine.
    #[serde(default)]
    #[schemars(extend("x-items" = "host"))]
    pub hosts: Vec<String>,
    /// Codes of error responses, if you know others than the mock's: by family, by endpoint such as `"task.detail"`, or
    /// by group such as `"task.*"`. Each entry maps the mock's code to yours: `cloud = { 404 = 40401 }`. The HTTP
    /// status does not change.
    #[serde(default)]
    #[schemars(extend("x-keys" = "code-scope"))]
    pub codes: BTreeMap<String, CodesFile>,
    /// How requests are checked and refused.
    pub access: Option<AccessRules>,
    /// The accounts of the vendor, each with its own credentials.
    #[serde(default)]
    pub accounts: Vec<AccountFile>,
    /// How simulated numbers answer, lines dial and strategies continue.
    pub calling: Option<CallingFile>,
    /// Your own recordings, by the name or the id of the robot that makes the call: `"Payment reminder" = "my.wav"`.
    /// Paths are relative to the folder of this file. Every call of that robot has this recording, whatever was said
    /// and however long it took; other recordings are generated, with a tone for each of the two speakers.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub recordings: BTreeMap<String, Spanned<String>>,
    /// The agents of the predictive dialer, and what it allows.
    pub dialer: Option<dialer::Rules>,
    /// How conversations continue.
    pub chatbot: Option<ChatbotFile>,
    /// How instances of workflows end by themselves.
    pub workflow: Option<WorkflowFile>,
    /// Your own workflow templates, besides the three built-in ones.
    #[serde(default)]
    pub workflow_templates: Vec<TemplateFile>,
    /// Limits of the mock.
    pub limits: Option<LimitsFile>,
    /// How callbacks and requests are signed. The vendor's own scheme is not public; the default is assumed.
    pub signature: Option<SchemeFile>,
    /// How callbacks are delivered.
    pub delivery: Option<DeliveryFile>,
    /// Which hosts callbacks may go to, and how TLS is checked.
    pub target: Option<TargetFile>,
    /// Faults of requests to the mock and of its callbacks: tables, or texts such as `"duplicate of session.end, every
    /// 2nd"`. The first fault that matches is used; those of a running scenario come first.
    #[serde(default, deserialize_with = "crate::faults::list")]
    #[schemars(with = "crate::faults::FaultList")]
    pub faults: Vec<FaultFile>,
    /// Corrections to the catalog, by entry id: `[catalog."session.end"]`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, EntryFile>", extend("x-keys" = "entry-key"))]
    pub catalog: BTreeMap<String, Spanned<EntryFile>>,
    /// Your own callbacks, for parts of the vendor's API whose documents only you have.
    #[serde(default)]
    #[schemars(with = "Vec<CallbackFile>")]
    pub callbacks: Vec<Spanned<CallbackFile>>,
    /// Your own endpoints: requests that the mock serves as defined here.
    #[serde(default)]
    #[schemars(with = "Vec<EndpointFile>")]
    pub endpoints: Vec<Spanned<EndpointFile>>,
    /// The initial state of your own endpoints, by collection and key: `[state.routes.r1]`, or `[state.routes] r1 = {
    /// name = "first" }`.
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

/// Other codes of error responses: the mock's code, and the code to use in its place.
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
    /// Not served: assumed requests are answered with 404 and an explanation, assumed callbacks are not sent.
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
    /// A PEM file of additional certificate authorities, relative to this file.
    pub ca: Option<String>,
    /// Accepts any certificate. Only for tests.
    #[serde(default)]
    pub insecure: bool,
    /// A PEM file of a client certificate for receivers that ask for one, relative to this file.
    pub client_cert: Option<String>,
    /// A PEM file of the key of the client certificate, if it is not in the same file, relative to this file.
    pub client_key: Option<String>,
}

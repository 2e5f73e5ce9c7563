//! The settings file as written. Doc comments here become the descriptions in the JSON Schema, which editors show.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::vendor_file::{AccessFile, AccountFile, CallingFile, ChatbotFile, DialerFile, LimitsFile};
use crate::contract::FaultFile;
use crate::contract::signature::SchemeFile;
use crate::delivery::{Order, StatusSet};
use crate::files::Tree;
use crate::simulator::workflow::TemplateFile;
use crate::time::HumanDuration;
use crate::user_endpoints::file::{CallbackFile, CustomFile, EndpointFile};

/// The settings file `airudder-mock.toml`. Every key is optional.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "airudder-mock settings", extend("x-noun" = "the settings"))]
pub struct SettingsFile {
    /// Where callbacks go, unless `--callback-url` or a scenario says otherwise.
    #[schemars(extend("format" = "url"))]
    pub callback_url: Option<String>,
    /// The secret of the signature. `--secret` and the environment variable AIRUDDER_MOCK_SECRET win over it.
    pub secret: Option<String>,
    /// The address the mock listens on, for example `127.0.0.1:2478`. Port 0 picks a free one.
    #[schemars(extend("format" = "address"))]
    pub listen: Option<String>,
    /// What happens at the first use of something that is only assumed about the vendor. Default: `warn`.
    pub assumed: Option<AssumedFile>,
    /// How the mock is reached from outside, for links to recordings: `http://mock.test:2478`. Default: the address it
    /// listens on.
    #[schemars(extend("format" = "url"))]
    pub public_url: Option<String>,
    /// How callers are checked and refused.
    pub access: Option<AccessFile>,
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
    pub dialer: Option<DialerFile>,
    /// How conversations go on.
    pub chatbot: Option<ChatbotFile>,
    /// Workflow templates of your own, beside the three there are.
    #[serde(default)]
    pub workflow_templates: Vec<TemplateFile>,
    /// How much the mock takes.
    pub limits: Option<LimitsFile>,
    /// How callbacks and calls are signed. The vendor's own scheme is not public; the default is assumed.
    pub signature: Option<SchemeFile>,
    /// How callbacks are delivered.
    pub delivery: Option<DeliveryFile>,
    /// Which hosts callbacks may go to, and how TLS is checked.
    pub target: Option<TargetFile>,
    /// What the mock does wrong on purpose when it is called. The first fault that hits decides; those of a running
    /// scenario come first.
    #[serde(default)]
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
    /// Everything of the user's own.
    pub(crate) fn custom(&self) -> CustomFile<'_> {
        CustomFile { endpoints: &self.endpoints, callbacks: &self.callbacks, state: Some(&self.state) }
    }
}

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

/// How callbacks are delivered. What is missing comes from the preset.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryFile {
    /// Where the other keys start from. Default: `airudder`, 5 tries, 60 s apart, 10 s for each.
    pub preset: Option<PolicyPreset>,
    /// How long one try may take, connecting included. Real time, whatever the speed of the story.
    pub timeout: Option<HumanDuration>,
    /// How often a callback is sent at most, the first time included.
    #[schemars(range(min = 1, max = 1000))]
    pub tries: Option<u32>,
    /// The gaps between tries; the last one repeats: `["60s"]`.
    pub gaps: Option<Vec<HumanDuration>>,
    /// A random part of each gap by which it gets longer, 0.0 to 1.0.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub jitter: Option<f64>,
    /// The statuses that count as success: `"2xx"`, or a list such as `[200, 204]`.
    pub success: Option<StatusSet>,
    /// Fields the JSON answer must have to count as success, for example `{ code = 200 }`.
    pub success_body: Option<Tree>,
    /// Whether callbacks of one conversation wait for each other. Default: `fifo-per-session`.
    pub order: Option<Order>,
    /// How much of an answer's body is kept, in bytes. Default: 65536.
    #[schemars(range(max = 16_777_216))]
    pub answer_cap: Option<u32>,
}

/// The named delivery policies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyPreset {
    /// 5 tries, 60 s apart: documented for dialer and workflow notices, assumed for the rest. Timeout 10 s: assumed.
    #[default]
    Airudder,
    /// One try, timeout 10 s.
    Once,
    /// The Standard Webhooks schedule: at once, then after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
    /// Timeout 20 s.
    StandardWebhooks,
}

/// Which hosts callbacks may go to, and how TLS is checked.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetFile {
    /// Hosts beside loopback: names, addresses, or networks such as `10.0.0.0/8`.
    #[serde(default)]
    #[schemars(extend("x-items" = "host"))]
    pub allow: Vec<String>,
    /// A PEM file of further certificate authorities, relative to this file.
    pub ca: Option<String>,
    /// Accepts any certificate. Only for tests.
    #[serde(default)]
    pub insecure: bool,
}

/// A correction to one entry of the catalog, for users who hold the vendor's own document.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryFile {
    /// Of a call: its path, beginning with `/`.
    #[schemars(extend("format" = "path"))]
    pub path: Option<String>,
    /// Its HTTP method. Default for callbacks: POST.
    #[schemars(extend("format" = "method"))]
    pub method: Option<String>,
    /// Of a callback: the event's name on the wire.
    pub event: Option<String>,
    /// Of a callback: whether it carries the signature.
    pub signed: Option<bool>,
    /// Of a callback: further headers, or others in place of the usual ones. An empty text removes a header.
    #[serde(default)]
    #[schemars(extend("x-keys" = "header"))]
    pub headers: BTreeMap<String, String>,
    /// Of a callback: the whole body as a template. `body` holds the usual body: `{"id": "{{ body.user.id }}"}`.
    #[schemars(extend("format" = "template"))]
    pub body: Option<String>,
    /// Where the correction comes from, shown in the catalog in place of `assumed`. Default: `documented`.
    #[serde(rename = "mark")]
    pub provenance: Option<crate::contract::Provenance>,
}

//! Faults as written in settings and scenario files. Doc comments here become the descriptions in the JSON Schema, which
//! editors show.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::name::FaultName;
use super::when::When;
use crate::contract::signature::Preset;
use crate::files::Tree;
use crate::time::{DurationRange, HumanDuration};

/// A fault: what goes wrong on purpose with requests to the mock (`call`) or with its callbacks (`callback`). Of several
/// faults for a request the first one that hits decides; of those for a callback the first one of each group. Of the calls
/// or callbacks that match, `skip` lets some pass, `times` ends the fault, and of those between, `every` and `percent`
/// choose; `when` says the same in words. Without any of them every one that matches is hit.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a fault"))]
pub struct FaultFile {
    /// The calls: an id of `airudder-mock catalog`, a group such as `task.*`, or `*` for all. `recording.download` are the
    /// downloads of recordings.
    #[schemars(extend("format" = "fault-pattern"))]
    pub call: Option<String>,
    /// The callbacks: an id of `airudder-mock catalog`, a group such as `session.*`, or `*` for all. Default, where `kind`
    /// happens to callbacks: all.
    #[schemars(extend("format" = "fault-callbacks"))]
    pub callback: Option<String>,
    /// Fields the call or the callback's body must have, as values or matchers such as `{ contains = "order" }`. Where it has no
    /// such field, `account` is the name of its account, `workflow` the id of the template it comes of, `node` that of the node in
    /// it, `conversation` the id of the conversation, and `task` that of the task, plan or instance.
    #[serde(rename = "where")]
    pub where_: Option<Tree>,
    /// Which of those that match, in words: `first 2`, `every 3rd`, `the 3rd`, `after 5`, `10%`, or several of them with
    /// commas between.
    pub when: Option<When>,
    /// Lets the first so many that match pass.
    pub skip: Option<u32>,
    /// After those, only the next so many are looked at; later ones pass.
    #[schemars(range(min = 1))]
    pub times: Option<u32>,
    /// Hits only every Nth of those that are left: 2 hits the second, the fourth, and so on.
    #[schemars(range(min = 1))]
    pub every: Option<u32>,
    /// Hits only so many of a hundred of those that are left, chosen by the seed.
    #[schemars(range(min = 0, max = 100))]
    pub percent: Option<f64>,
    /// Answers with this HTTP status and an error.
    #[schemars(range(min = 200, max = 599))]
    pub status: Option<u16>,
    /// With `status`: the code in the envelope. Default: the status.
    pub code: Option<i64>,
    /// With `status`: the message in the envelope.
    pub message: Option<String>,
    /// With `status`: the header Retry-After, in whole seconds, rounded up.
    pub retry_after: Option<HumanDuration>,
    /// What goes wrong, by name: `airudder-mock catalog --faults` lists all of them.
    pub kind: Option<FaultName>,
    /// With `call`: waits before it answers or goes wrong: `200ms`, a random length out of a range, `200ms..2s`, or mostly short
    /// and now and then long, `{ median = "100ms", p99 = "2s" }`; 10 minutes at most. Real time, whatever the speed of the story.
    pub delay: Option<DelayFile>,
    /// Whether the call still takes effect before it goes wrong. Default: true for `kind = "half"` and for a delay
    /// alone, else false.
    pub effect: Option<bool>,
    /// So many attempts of a callback go out so, counted from the first. Default: 1 where the fault is about how an attempt
    /// goes out, such as a wrong signature, so that the next one is right; all where it is about the callback itself.
    #[schemars(range(min = 1))]
    pub attempts: Option<u32>,
    /// How much later, for the kinds that have a time; `signature-stale` is by so much too old.
    pub after: Option<HumanDuration>,
    /// How long it waits at most, for the kinds that wait for something.
    pub within: Option<HumanDuration>,
    /// Over how long it is spread, in real time, for the kinds that take time.
    pub over: Option<HumanDuration>,
    /// How many: copies, callbacks, connections.
    #[schemars(range(min = 1, max = 10_000))]
    pub count: Option<u32>,
    /// How many bytes.
    #[schemars(range(min = 1, max = 67_108_864))]
    pub bytes: Option<u32>,
    /// Which field of the body, as a path: `user.name`.
    #[schemars(extend("format" = "field-path"))]
    pub field: Option<String>,
    /// Which secret signs.
    #[schemars(extend("minLength" = 1))]
    pub secret: Option<String>,
    /// Which scheme signs.
    pub scheme: Option<Preset>,
    /// Which URL it goes to.
    #[schemars(extend("format" = "url"))]
    pub to: Option<String>,
    /// The line that it was written as, if it was one.
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) written: Option<String>,
}

impl FaultFile {
    /// Whether it affects callbacks, not requests.
    pub fn is_of_callbacks(&self) -> bool {
        self.kind.is_some_and(FaultName::is_of_callbacks)
    }

    /// Returns the calls or callbacks that it affects.
    pub fn pattern(&self) -> &str {
        let recordings =
            [FaultName::RecordingFails, FaultName::RecordingExpires, FaultName::RecordingTruncated];
        match (&self.call, &self.callback) {
            (Some(call), _) => call,
            (None, Some(callback)) => callback,
            _ if self.kind.is_some_and(|kind| recordings.contains(&kind)) => super::DOWNLOAD,
            _ => "*",
        }
    }

    /// Returns the effect in a word.
    pub fn named(&self) -> String {
        match (self.kind, self.status) {
            (Some(kind), _) => kind.to_string(),
            (None, Some(status)) => status.to_string(),
            (None, None) => "slow".to_owned(),
        }
    }
}

/// An effect on a request other than a response with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The connection is reset.
    Reset,
    /// About half of the response is sent, then the connection is closed.
    Half,
    /// There is no response until the client gives up.
    Never,
    /// The response is not JSON.
    Garbage,
    /// The connection is closed without a response.
    Close,
    /// The response says that the token has expired.
    ExpiredToken,
}

/// How long the mock waits: a text or a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DelayFile {
    /// Uniform over a range; both ends may be the same.
    Range(DurationRange),
    /// Usually short, occasionally long.
    Spread(SpreadFile),
}

/// A log-normal spread of lengths of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a delay"))]
pub struct SpreadFile {
    /// Half of the delays are shorter.
    pub median: HumanDuration,
    /// One delay of a hundred is longer.
    pub p99: HumanDuration,
}

impl<'de> Deserialize<'de> for DelayFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = DelayFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a length of time such as \"2s\" or \"1s..3s\", or { median = \"1s\", p99 = \"3s\" }",
                )
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<DelayFile, E> {
                text.parse().map(DelayFile::Range).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<DelayFile, A::Error> {
                SpreadFile::deserialize(MapAccessDeserializer::new(map)).map(DelayFile::Spread)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for DelayFile {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "DelayFile".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            generator.subschema_for::<DurationRange>(),
            generator.subschema_for::<SpreadFile>(),
        ]})
    }
}

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

/// A fault: what goes wrong on purpose with requests to the mock (`call`) or with its callbacks (`callback`). If several
/// faults match a request, the first one applies; for a callback, the first one of each group. Of the matching requests or
/// callbacks, `skip` lets the first ones pass, `times` ends the fault, and `every` and `percent` select among those in
/// between; `when` says the same in words. Without any of these keys the fault applies to every match.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a fault"))]
pub struct FaultFile {
    /// The requests: an id of `airudder-mock catalog`, a group such as `task.*`, or `*` for all. `recording.download`
    /// stands for downloads of recordings.
    #[schemars(extend("format" = "fault-pattern"))]
    pub call: Option<String>,
    /// The callbacks: an id of `airudder-mock catalog`, a group such as `session.*`, or `*` for all. Default, if `kind`
    /// applies to callbacks: all.
    #[schemars(extend("format" = "fault-callbacks"))]
    pub callback: Option<String>,
    /// Fields that the request or the callback's body must have, as values or matchers such as `{ contains = "order" }`. If
    /// there is no such field, `account` is the name of its account, `workflow` the id of its workflow template, `node` the
    /// id of the node in it, `conversation` the id of the conversation, and `task` the id of the task, plan or instance.
    #[serde(rename = "where")]
    pub where_: Option<Tree>,
    /// Which of the matches, in words: `first 2`, `every 3rd`, `the 3rd`, `after 5`, `10%`, or several of these separated
    /// by commas.
    pub when: Option<When>,
    /// Number of matches that pass before the fault applies.
    pub skip: Option<u32>,
    /// Number of matches considered after those; later ones pass.
    #[schemars(range(min = 1))]
    pub times: Option<u32>,
    /// Applies only to every Nth of the remaining matches: 2 means the second, the fourth, and so on.
    #[schemars(range(min = 1))]
    pub every: Option<u32>,
    /// Applies only to this percentage of the remaining matches, chosen by the seed.
    #[schemars(range(min = 0, max = 100))]
    pub percent: Option<f64>,
    /// Responds with this HTTP status and an error.
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
    /// With `call`: delay before the response or the fault: `200ms`, a random duration from a range, `200ms..2s`, or
    /// usually short and occasionally long, `{ median = "100ms", p99 = "2s" }`; 10 minutes at most. Real time, whatever the
    /// speed of the story.
    pub delay: Option<DelayFile>,
    /// Whether the request still takes effect before the fault. Default: true for `kind = "half"` and for a delay alone,
    /// otherwise false.
    pub effect: Option<bool>,
    /// Number of attempts of a callback that are affected, counted from the first. Default: 1 if the fault changes how an
    /// attempt is sent, such as a wrong signature, so that the next attempt is right; all if it changes the callback
    /// itself.
    #[schemars(range(min = 1))]
    pub attempts: Option<u32>,
    /// The delay, for kinds with a time; for `signature-stale`, how much too old the timestamp is.
    pub after: Option<HumanDuration>,
    /// Maximum waiting time, for kinds that wait for something.
    pub within: Option<HumanDuration>,
    /// Duration over which it is spread, in real time, for kinds that take time.
    pub over: Option<HumanDuration>,
    /// Number of copies, callbacks or connections.
    #[schemars(range(min = 1, max = 10_000))]
    pub count: Option<u32>,
    /// Number of bytes.
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
    /// The URL it is sent to.
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

    /// Returns the requests or callbacks that it affects.
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
                f.write_str("a duration such as \"2s\" or \"1s..3s\", or { median = \"1s\", p99 = \"3s\" }")
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

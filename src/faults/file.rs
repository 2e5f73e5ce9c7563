//! What the mock does wrong on purpose when it is called, as written in settings and scenario files. Doc comments here
//! become the descriptions in the JSON Schema, which editors show.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::files::Tree;

use crate::time::{DurationRange, HumanDuration};

/// A fault: what the mock does wrong on purpose when it is called. Of several faults the first one that hits decides.
/// Of the calls that match, `skip` lets some pass, `times` ends the fault, and of those between, `every` and `percent`
/// choose. Without any of them every matching call is hit.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a fault"))]
pub struct FaultFile {
    /// The calls: an id of `airudder-mock catalog`, a group such as `task.*`, or `*` for all. `recording.download` are the
    /// downloads of recordings.
    #[schemars(extend("format" = "fault-pattern"))]
    pub call: String,
    /// Fields the call must have, as values or matchers such as `{ contains = "order" }`.
    #[serde(rename = "where")]
    pub where_: Option<Tree>,
    /// Lets the first so many matching calls pass.
    pub skip: Option<u32>,
    /// After those, only the next so many are looked at; later ones pass.
    #[schemars(range(min = 1))]
    pub times: Option<u32>,
    /// Hits only every Nth of the calls that are left: 2 hits the second, the fourth, and so on.
    #[schemars(range(min = 1))]
    pub every: Option<u32>,
    /// Hits only so many of a hundred of the calls that are left, chosen by the seed.
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
    /// Goes wrong in another way than by an answer with an error.
    pub kind: Option<FaultKind>,
    /// Waits before it answers or goes wrong: `200ms`, a random length out of a range, `200ms..2s`, or mostly short and
    /// now and then long, `{ median = "100ms", p99 = "2s" }`; 10 minutes at most. Real time, whatever the speed of the story.
    pub delay: Option<DelayFile>,
    /// Whether the call still takes effect before it goes wrong. Default: true for `kind = "half"` and for a delay
    /// alone, else false.
    pub effect: Option<bool>,
}

/// What goes wrong other than by an answer with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The connection is reset.
    Reset,
    /// About half of the answer is sent, then the connection is closed.
    Half,
    /// There is no answer until the client gives up.
    Never,
    /// The answer is no JSON.
    Garbage,
    /// The connection is closed without an answer.
    Close,
    /// The answer says that the token has expired.
    ExpiredToken,
}

/// How long the mock waits: a text or a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DelayFile {
    /// Evenly spread over a range; both ends may be the same.
    Range(DurationRange),
    /// Mostly short, now and then long.
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

//! How a callback is sent, tried again and judged, as data.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// How a callback is sent, tried again and judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How long one try may take, connecting included, in real time.
    pub timeout: Duration,
    /// How often it is sent at most, the first time included; at least 1.
    pub tries: u32,
    /// The gaps between tries; the last one repeats. Empty means no gap.
    pub gaps: Vec<Duration>,
    /// The random part by which each gap gets longer, 0.0 to 1.0.
    pub jitter: f64,
    /// What counts as success.
    pub success: SuccessRule,
    /// Whether callbacks of one conversation wait for each other.
    pub order: Order,
    /// How many bytes of an answer's body are kept.
    pub answer_cap: usize,
}

/// What counts as success.
#[derive(Clone, Debug, PartialEq)]
pub struct SuccessRule {
    /// The statuses.
    pub status: StatusSet,
    /// Fields the JSON answer must have; a subset of an object.
    pub body: Option<Value>,
}

/// Whether callbacks of one conversation wait for each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Each callback goes out when it is due.
    Independent,
    /// The next callback of a conversation goes out when the one before it is delivered or dead.
    #[default]
    FifoPerSession,
}

/// A set of HTTP statuses: `200`, `"2xx"`, or a list of such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusSet(Vec<StatusPattern>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StatusPattern {
    One(u16),
    Class(u16),
}

impl<'de> Deserialize<'de> for StatusSet {
    fn deserialize<D: Deserializer<'de>>(_deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(vec![StatusPattern::Class(2), StatusPattern::One(200)]))
    }
}

impl JsonSchema for StatusSet {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "StatusSet".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = serde_json::json!({ "anyOf": [
            { "type": "integer", "minimum": 100, "maximum": 599 },
            { "type": "string", "pattern": "^[1-5]xx$" },
        ]});
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

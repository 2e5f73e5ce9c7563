//! Scripts of robots as data: what they say and hear. The built-in scripts of each language, and those of users.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// What people want, as calls report it.
pub(crate) const INTENTIONS: [&str; 10] = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "--"];

/// The placeholders in braces, besides words that depend on the gender.
pub(crate) const PLACEHOLDERS: [&str; 4] = ["name", "amount", "date", "company"];

/// What a robot says and what it hears. Every key may be left out: the robot then speaks as those of its business line do.
/// Of several texts one is drawn. Texts may have `{name}`, `{company}`, `{amount}` and `{date}`, and words by the person's
/// gender: `{Mr |Ms |}{name}` is for a man, a woman, and somebody of whom the row does not say it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-noun" = "a script"))]
pub struct Script {
    /// The first words: who calls, and who is called.
    #[schemars(extend("x-items" = "spoken"))]
    pub open: Vec<String>,
    /// What the robot says to somebody who wants to know who calls.
    #[schemars(extend("x-items" = "spoken"))]
    pub introduce: Vec<String>,
    /// What the call is for.
    #[schemars(extend("x-items" = "spoken"))]
    pub ask: Vec<String>,
    /// What people may ask on the way, and what the robot answers. Long calls have many of them.
    pub topics: Vec<Exchange>,
    /// How calls end, by what the person wants: `A` to `I`, or `--` if it does not become clear.
    #[schemars(extend("x-keys" = "intention"))]
    pub ends: BTreeMap<String, Exchange>,
    /// Whole talks, for those intentions where every word matters.
    pub talks: Vec<WrittenTalk>,
}

/// What a person says, and what the robot says to it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "an exchange"))]
pub struct Exchange {
    /// The person; one of these.
    #[schemars(length(min = 1), extend("x-items" = "spoken"))]
    pub person: Vec<String>,
    /// The robot; one of these.
    #[schemars(length(min = 1), extend("x-items" = "spoken"))]
    pub robot: Vec<String>,
}

/// A talk from its first word to its last.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a talk"))]
pub struct WrittenTalk {
    /// What the person wants: `A` to `I`, or `--`. Of several talks for the same one is drawn.
    #[schemars(extend("format" = "intention"))]
    pub intention: String,
    /// What is said, in order.
    #[schemars(length(min = 1))]
    pub turns: Vec<WrittenTurn>,
}

/// A turn of a talk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-noun" = "a turn", "x-exactly-one" = ["robot", "person", "questions"]))]
pub struct WrittenTurn {
    /// The robot says this.
    #[schemars(extend("format" = "spoken"))]
    pub robot: Option<String>,
    /// The person says this.
    #[schemars(extend("format" = "spoken"))]
    pub person: Option<String>,
    /// Here the robot asks its questions, and the person answers them: `questions = true`.
    pub questions: bool,
}

impl WrittenTalk {
    /// Returns all its texts.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.turns.iter().flat_map(|turn| [turn.robot.as_deref(), turn.person.as_deref()]).flatten()
    }
}

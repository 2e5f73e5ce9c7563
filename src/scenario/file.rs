//! The scenario file as written. Doc comments here become the descriptions in the JSON Schema, which editors show.
//!
//! `format` names the meaning of a string; [`super::check`] knows all formats and checks each string with its position.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::delivery::DeliveryFile;
use crate::delivery::StatusSet;
use crate::faults::FaultFile;
use crate::files::Tree;
use crate::language::condition::ConditionFile;
use crate::language::{Arrivals, RateProfile, RateUnit};
use crate::simulator::FindingKind;
use crate::time::{DurationRange, HumanDuration};

/// A scenario: a story that is sent to the integrator's callback URL step by step, with what is expected in return.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "airudder-mock scenario", extend("x-noun" = "a scenario"))]
pub struct ScenarioFile {
    /// What the story is called in the timeline and in reports. Default: the file's name.
    pub name: Option<String>,
    /// What the story shows, in a sentence or two.
    pub(super) description: Option<String>,
    /// The seed of all random values of this story. `--seed` wins over it. Default: another one for each run.
    pub seed: Option<u64>,
    /// The language of names and texts, for example `id` or `es-MX`. Default: that of the country.
    #[schemars(extend("format" = "locale"))]
    pub locale: Option<String>,
    /// The country of the people in the story, two letters: ID, PH, MX, TH, VN, MY, IN or CN. Default: ID.
    #[schemars(extend("format" = "country"))]
    pub country: Option<String>,
    /// How many copies of the story run at the same time, each with its own people and ids. Default: 1.
    #[schemars(
        range(min = 1, max = 100_000),
        extend("x-more" = "write `spread` beside it to have fewer at a time, or `[load]` with a rate for as many as you want")
    )]
    pub copies: Option<u32>,
    /// The copies start at random moments within this length of time. Default: all at once.
    pub spread: Option<HumanDuration>,
    /// How long the story may take, on its own clock: what has not ended by then fails, and the rest is skipped. Default: as
    /// long as its steps take.
    pub within: Option<HumanDuration>,
    /// Whether the story goes on after an expectation failed. Default: false, it stops and skips the steps that are left.
    pub keep_going: Option<bool>,
    /// Where callbacks go, unless `--callback-url` says otherwise. `{event}` in it becomes the id of the callback.
    #[schemars(extend("format" = "url-template"))]
    pub callback_url: Option<String>,
    /// What does not fail this story, although it would: kinds of things that are wrong with a request of yours, such as
    /// `signature` for a chatbot request that is not signed as it should be.
    #[serde(default)]
    pub allow: Vec<FindingKind>,
    /// Other scenario files, below the folder of this one or the working folder: their variables, reactions and steps come before those of this file.
    #[serde(default)]
    #[schemars(with = "Vec<String>", extend("x-items" = "include"))]
    #[expect(dead_code, reason = "read with its place, before the file is typed")]
    include: Vec<Spanned<String>>,
    /// Variables for templates, for example `amount = 150`. `--set amount=200` wins over them. They may be templates.
    #[serde(default)]
    #[schemars(extend("format" = "template-tree"))]
    pub vars: Tree,
    /// How callbacks of this story are delivered. What is missing comes from the settings.
    pub delivery: Option<DeliveryFile>,
    /// How `airudder-mock load` runs the story, unless its arguments say otherwise.
    pub load: Option<LoadFile>,
    /// The steps, one after the other.
    #[serde(default)]
    #[schemars(with = "Vec<StepFile>")]
    pub steps: Vec<Spanned<StepFile>>,
    /// Reactions: what happens whenever something occurs, for as long as the story runs.
    #[serde(default)]
    #[schemars(with = "Vec<ReactionFile>")]
    pub on: Vec<Spanned<ReactionFile>>,
    /// What goes wrong on purpose with requests to the mock and with the callbacks of this story, for as long as it runs: tables,
    /// or texts such as `"duplicate of session.end, every 2nd"`. The first fault that hits decides.
    #[serde(default, deserialize_with = "crate::faults::list")]
    #[schemars(with = "crate::faults::FaultList")]
    pub faults: Vec<FaultFile>,
}

/// How `airudder-mock load` runs the story, unless its arguments say otherwise.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadFile {
    /// How often: `5000/s`, `300/m`, a ramp `100/s..1000/s for 30s`, steps `100/s for 10s, 200/s for 10s`, a wave
    /// `100/s~500/s every 1m`, or `max`: as fast as answers come.
    pub rate: Option<RateProfile>,
    /// For how long. Default: the sum of the rate's stages, or 10s.
    pub duration: Option<HumanDuration>,
    /// What the rate counts: `events` (callbacks) or `stories`. Default: `events`.
    pub unit: Option<RateUnit>,
    /// How arrivals are spaced: `even` or `poisson`. Default: `even`.
    pub arrivals: Option<Arrivals>,
    /// How often the story runs, relative to the others of a mix. Default: 1.
    #[schemars(range(min = 1, max = 1000))]
    pub weight: Option<u32>,
    /// How many callbacks may be in flight. Default: 256, with the rate `max` 32.
    #[schemars(range(min = 1, max = 100_000))]
    pub in_flight: Option<u32>,
}

/// One step. It does exactly one thing: `send`, `resend`, `await`, `never`, `check`, `pause`, `set`, `group` or `include`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a step", "x-exactly-one" = ["send", "resend", "await", "never", "check", "pause", "set", "group", "include"]))]
pub struct StepFile {
    /// Sends this callback: an event id of `airudder-mock catalog`. What `body` does not name is generated.
    #[schemars(extend("format" = "callback-id"))]
    pub send: Option<String>,
    /// Sends the callback again that a `send` step saved under this name, byte for byte: a duplicate.
    #[schemars(extend("format" = "name"))]
    pub resend: Option<String>,
    /// Waits for a request of yours, or for a callback to be delivered: an id of `airudder-mock catalog`.
    #[serde(rename = "await")]
    #[schemars(extend("format" = "entry-id"))]
    pub await_: Option<String>,
    /// From here on this request or callback must not come: to the end of the block that the step stands in, or of the story,
    /// or for as long as `within` says. A request counts even if the mock refuses it.
    #[schemars(extend("format" = "entry-id"))]
    pub never: Option<String>,
    /// Looks at variables, and fails if they are not as they should be: a condition, `check = "{{ amount > 0 }}"`, or
    /// variables with their values or matchers, `check = { amount = { above = 0 } }`.
    pub check: Option<ConditionFile>,
    /// Waits: `2s`, or a random length out of a range, `1s..3s`.
    pub pause: Option<DurationRange>,
    /// Sets variables: `set = { amount = "{{ amount - 50 }}" }`.
    #[schemars(extend("format" = "template-tree"))]
    pub set: Option<Tree>,
    /// Takes these steps one after the other, as a block that can have a condition and be repeated. `[[steps.group]]`
    /// begins each of them, and a block may stand in a block.
    #[serde(default)]
    #[schemars(with = "Vec<StepFile>", extend("minItems" = 1))]
    pub group: Vec<Spanned<StepFile>>,
    /// Runs the steps of another scenario file here.
    #[schemars(extend("format" = "include"))]
    #[expect(dead_code, reason = "read with its place, before the file is typed")]
    include: Option<String>,
    /// The step is taken only if this is true: `when = "{{ chance(0.3) }}"`.
    #[schemars(extend("format" = "template"))]
    pub when: Option<String>,
    /// Takes the step this many times. The template variable `loop_index` counts from 1, also for the steps of a block.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub repeat: Option<u32>,
    /// With `group`: its steps begin at the same time, and the story goes on when all of them are done. Default: false.
    pub parallel: Option<bool>,
    /// The pause between the repeats of a step.
    pub every: Option<DurationRange>,
    /// Which conversation of the story the step belongs to; each name has a user and ids of its own. Default: `main`.
    pub conversation: Option<String>,
    /// With `send`: fields that override the generated ones. With `await`: not allowed, see `where`.
    #[schemars(extend("format" = "template-tree"))]
    pub body: Option<Tree>,
    /// Further fields on purpose: as `body`, or `where`, for fields and words that the vendor does not have, so that `check`
    /// takes them for no slip of the pen.
    #[schemars(extend("format" = "template-tree"))]
    pub extra: Option<Tree>,
    /// Fields left out of the body, as paths: `["user.name", "messages[0].reply"]`.
    #[serde(default)]
    #[schemars(extend("x-items" = "field-path"))]
    pub omit: Vec<String>,
    /// The whole body as a text, sent byte for byte. A template; `body` and `omit` are not allowed with it.
    #[schemars(extend("format" = "template"))]
    pub raw: Option<String>,
    /// Further headers, or others in place of the usual ones. An empty text removes a header.
    #[serde(default)]
    #[schemars(extend("format" = "template-tree", "x-keys" = "header"))]
    pub headers: BTreeMap<String, String>,
    /// Sends this callback to another URL.
    #[schemars(extend("format" = "url-template"))]
    pub target: Option<String>,
    /// Whether the story waits until the callback is delivered or has failed. Default: true.
    pub wait: Option<bool>,
    /// What must come of the step. Without it, a callback has to be delivered.
    pub expect: Option<ExpectFile>,
    /// With `send`: what goes wrong with this callback on purpose, by name: `["signature-wrong"]`. `airudder-mock catalog --faults`
    /// lists all names.
    #[serde(default, deserialize_with = "crate::faults::list")]
    #[schemars(with = "crate::faults::FaultList")]
    pub faults: Vec<FaultFile>,
    /// Keeps the callback or the request under this name: `{{ NAME.body.user.id }}`, `{{ NAME.answer.body.x }}`.
    #[schemars(extend("format" = "name"))]
    pub save: Option<String>,
    /// With `await` and `never`: fields the call or callback must have, as values or matchers such as `{ contains = "order" }`; or a
    /// condition: `where = "{{ call.body.messages | length > 1 }}"`.
    #[serde(rename = "where")]
    pub where_: Option<ConditionFile>,
    /// With `await`: how many must come. The last one is saved, and all of them are `{{ NAME.all }}`. Default: 1.
    #[schemars(range(min = 1, max = 1000))]
    pub times: Option<u32>,
    /// With `await`: how long to wait. Default: 30s. With `never`: for how long it must not come.
    pub within: Option<HumanDuration>,
    /// With `await`: the story goes on, and does not fail, if nothing comes in time. Default: false.
    pub optional: Option<bool>,
    /// With `await` for a call: what the mock answers instead of its usual answer, also to a call that comes before its step.
    pub answer: Option<AnswerFile>,
}

/// What must come of a callback.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectFile {
    /// The status of the last answer: `200`, `"2xx"`, or a list of such. An answer with it counts as expected even if
    /// the callback was not delivered by the policy.
    pub status: Option<StatusSet>,
    /// Fields the JSON answer must have, as values or matchers such as `{ at_least = 1 }`.
    #[schemars(extend("format" = "template-tree"))]
    pub body: Option<Tree>,
    /// A condition that must be true of it: `check = "{{ callback.answer.body.code == 200 }}"`.
    #[schemars(extend("format" = "condition"))]
    pub check: Option<String>,
    /// The longest time from the sending to the final answer, retries included.
    pub within: Option<HumanDuration>,
    /// How many attempts it takes.
    #[serde(alias = "tries")]
    #[schemars(extend("x-old-name" = "tries"))]
    pub attempts: Option<u32>,
    /// How it ends: `delivered` or `failed`. Default: `delivered`, unless `status` or `error` is given.
    pub outcome: Option<OutcomeFile>,
    /// The class of the last error.
    pub error: Option<crate::delivery::ErrorClass>,
}

/// How a callback ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeFile {
    /// The receiver accepted it.
    Delivered,
    /// All attempts failed.
    Failed,
    /// The old word for `failed`, which is still accepted.
    #[schemars(extend("deprecated" = true))]
    Dead,
}

/// An answer of the mock, in place of its usual one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerFile {
    /// The HTTP status. Default: 200.
    #[schemars(range(min = 200, max = 599))]
    pub status: Option<u16>,
    /// The whole JSON body. Default: the mock's usual answer.
    #[schemars(extend("format" = "template-tree"))]
    pub body: Option<Tree>,
    /// Further fields of the body on purpose: those that the vendor does not have.
    #[schemars(extend("format" = "template-tree"))]
    pub extra: Option<Tree>,
}

/// A reaction to something that happens while the story runs. Names exactly one of `call` and `callback`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a reaction", "x-exactly-one" = ["call", "callback"]))]
pub struct ReactionFile {
    /// A request of yours, by its catalog id. The template variable `call` holds it.
    #[schemars(extend("format" = "call-id"))]
    pub call: Option<String>,
    /// A callback that was delivered, by its event id. The template variable `callback` holds it.
    #[schemars(extend("format" = "callback-id"))]
    pub callback: Option<String>,
    /// Fields the call or callback must have, as values or matchers; or a condition.
    #[serde(rename = "where")]
    pub where_: Option<ConditionFile>,
    /// Further fields on purpose, as `where`: those that the vendor does not have.
    #[schemars(extend("format" = "template-tree"))]
    pub extra: Option<Tree>,
    /// The reaction happens only if this is true.
    #[schemars(extend("format" = "template"))]
    pub when: Option<String>,
    /// How often it happens at most. Default: always.
    #[schemars(range(min = 1))]
    pub times: Option<u32>,
    /// Whether the mock also does what it does by itself, such as sending statuses for a message. Default: false.
    pub keep_default: Option<bool>,
    /// With `call`: what the mock answers instead of its usual answer.
    pub answer: Option<AnswerFile>,
    /// Sets variables of the story.
    #[schemars(extend("format" = "template-tree"))]
    pub set: Option<Tree>,
    /// The callbacks that go out.
    #[serde(default)]
    #[schemars(with = "Vec<ReactionSendFile>")]
    pub send: Vec<Spanned<ReactionSendFile>>,
}

/// A callback of a reaction.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a callback of a reaction"))]
pub struct ReactionSendFile {
    /// The event id.
    #[schemars(extend("format" = "callback-id"))]
    pub event: String,
    /// How long after the request. Default: at once.
    pub after: Option<DurationRange>,
    /// Sent only if this is true when it is due: it sees the variables of that moment, so that a callback can be called off. Other
    /// templates see what was when the reaction happened.
    #[schemars(extend("format" = "template"))]
    pub when: Option<String>,
    /// Fields that override the generated ones.
    #[schemars(extend("format" = "template-tree"))]
    pub body: Option<Tree>,
    /// Further fields on purpose, as `body`: those that the vendor does not have.
    #[schemars(extend("format" = "template-tree"))]
    pub extra: Option<Tree>,
    /// Fields left out of the body, as paths.
    #[serde(default)]
    #[schemars(extend("x-items" = "field-path"))]
    pub omit: Vec<String>,
    /// The whole body as a text, sent byte for byte.
    #[schemars(extend("format" = "template"))]
    pub raw: Option<String>,
    /// Further headers, or others in place of the usual ones. An empty text removes a header.
    #[serde(default)]
    #[schemars(extend("format" = "template-tree", "x-keys" = "header"))]
    pub headers: BTreeMap<String, String>,
    /// Sends this callback to another URL.
    #[schemars(extend("format" = "url-template"))]
    pub target: Option<String>,
    /// What goes wrong with this callback on purpose, by name: `["signature-wrong"]`.
    #[serde(default, deserialize_with = "crate::faults::list")]
    #[schemars(with = "crate::faults::FaultList")]
    pub faults: Vec<FaultFile>,
    /// Keeps the callback under this name.
    #[schemars(extend("format" = "name"))]
    pub save: Option<String>,
}

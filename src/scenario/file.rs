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
    /// The name of the story in the timeline and in reports. Default: the name of the file.
    pub name: Option<String>,
    /// What the story shows, in a sentence or two.
    pub(super) description: Option<String>,
    /// The seed of all random values of this story. `--seed` takes precedence over it. Default: a different one for
    /// each run.
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
        extend("x-more" = "add `spread` to run fewer at a time, or `[load]` with a rate for any number")
    )]
    pub copies: Option<u32>,
    /// The copies start at random times within this period. Default: all at once.
    pub spread: Option<HumanDuration>,
    /// The time limit of the story, on its own clock: a step that is still waiting then fails, and the rest is skipped.
    /// Default: no limit.
    pub within: Option<HumanDuration>,
    /// Whether the story continues after a failed expectation. Default: false, so it stops and skips the remaining
    /// steps.
    pub keep_going: Option<bool>,
    /// Where callbacks go, unless `--callback-url` says otherwise. `{event}` in it becomes the id of the callback.
    #[schemars(extend("format" = "url-template"))]
    pub callback_url: Option<String>,
    /// Kinds of findings that do not fail this story, although they usually would: kinds of mistakes in your requests,
    /// such as `signature` for a chatbot request with a wrong signature.
    #[serde(default)]
    pub allow: Vec<FindingKind>,
    /// Other scenario files, in or below the folder of this one or the working folder: their variables, reactions and
    /// steps come before those of this file.
    #[serde(default)]
    #[schemars(with = "Vec<String>", extend("x-items" = "include"))]
    #[expect(dead_code, reason = "read with its place, before the file is typed")]
    include: Vec<Spanned<String>>,
    /// Variables for templates, for example `amount = 150`. `--set amount=200` takes precedence over them. They may be
    /// templates.
    #[serde(default)]
    #[schemars(extend("format" = "template-tree"))]
    pub vars: Tree,
    /// How callbacks of this story are delivered. Missing keys come from the settings.
    pub delivery: Option<DeliveryFile>,
    /// How `airudder-mock load` runs the story, unless its arguments say otherwise.
    pub load: Option<LoadFile>,
    /// The steps, one after the other.
    #[serde(default)]
    #[schemars(with = "Vec<StepFile>")]
    pub steps: Vec<Spanned<StepFile>>,
    /// Reactions: what the mock does whenever something happens while the story runs.
    #[serde(default)]
    #[schemars(with = "Vec<ReactionFile>")]
    pub on: Vec<Spanned<ReactionFile>>,
    /// Faults of requests to the mock and of the callbacks of this story, while it runs: tables, or texts such as
    /// `"duplicate of session.end, every 2nd"`. The first fault that matches is used.
    #[serde(default, deserialize_with = "crate::faults::list")]
    #[schemars(with = "crate::faults::FaultList")]
    pub faults: Vec<FaultFile>,
}

/// How `airudder-mock load` runs the story, unless its arguments say otherwise.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadFile {
    /// The rate: `5000/s`, `300/m`, a ramp `100/s..1000/s for 30s`, steps `100/s for 10s, 200/s for 10s`, a wave
    /// `100/s~500/s every 1m`, or `max`: as fast as responses arrive.
    pub rate: Option<RateProfile>,
    /// The duration of the load. Default: the sum of the rate's stages, or 10s.
    pub duration: Option<HumanDuration>,
    /// What the rate counts: `events` (callbacks) or `stories`. Default: `events`.
    pub unit: Option<RateUnit>,
    /// How arrivals are spaced: `even` or `poisson`. Default: `even`.
    pub arrivals: Option<Arrivals>,
    /// How often the story runs, relative to the others of a mix. Default: 1.
    #[schemars(range(min = 1, max = 1000))]
    pub weight: Option<u32>,
    /// Maximum number of callbacks in flight. Default: 256, or 32 with the rate `max`.
    #[schemars(range(min = 1, max = 100_000))]
    pub in_flight: Option<u32>,
}

/// One step, which does exactly one thing: `send`, `resend`, `await`, `never`, `check`, `pause`, `set`, `group` or
/// `include`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a step", "x-exactly-one" = ["send", "resend", "await", "never", "check", "pause", "set", "group", "include"]))]
pub struct StepFile {
    /// Sends this callback: an event id of `airudder-mock catalog`. Fields that are not in `body` are generated.
    #[schemars(extend("format" = "callback-id"))]
    pub send: Option<String>,
    /// Sends a callback again, byte for byte: a duplicate of the one that a `send` step saved under this name.
    #[schemars(extend("format" = "name"))]
    pub resend: Option<String>,
    /// Waits for a request from you, or for a callback to be delivered: an id of `airudder-mock catalog`.
    #[serde(rename = "await")]
    #[schemars(extend("format" = "entry-id"))]
    pub await_: Option<String>,
    /// Forbids this request or callback from here on: until the end of the block that contains the step, or of the
    /// story. With `within` it holds for that time instead, also after the block, and the story does not end before. A
    /// request counts even if the mock refuses it.
    #[schemars(extend("format" = "entry-id"))]
    pub never: Option<String>,
    /// Checks variables, and fails if they are wrong: a condition, `check = "{{ amount > 0 }}"`, or variables with
    /// their values or matchers, `check = { amount = { above = 0 } }`.
    pub check: Option<ConditionFile>,
    /// Pauses: `2s`, or a random time from a range, `1s..3s`.
    pub pause: Option<DurationRange>,
    /// Sets variables: `set = { amount = "{{ amount - 50 }}" }`.
    #[schemars(extend("format" = "template-tree"))]
    pub set: Option<Tree>,
    /// Runs these steps one after the other, as a block that can have a condition and be repeated. `[[steps.group]]`
    /// begins each of them, and blocks can be nested.
    #[serde(default)]
    #[schemars(with = "Vec<StepFile>", extend("minItems" = 1))]
    pub group: Vec<Spanned<StepFile>>,
    /// Runs the steps of another scenario file here.
    #[schemars(extend("format" = "include"))]
    #[expect(dead_code, reason = "read with its place, before the file is typed")]
    include: Option<String>,
    /// The step runs only if this is true: `when = "{{ chance(0.3) }}"`.
    #[schemars(extend("format" = "condition"))]
    pub when: Option<String>,
    /// Runs the step this many times. The template variable `loop_index` counts from 1, also for the steps of a block.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub repeat: Option<u32>,
    /// With `group`: its steps begin at the same time, and the story continues when all of them are done. Default:
    /// false.
    pub parallel: Option<bool>,
    /// The pause between repetitions of the step.
    pub every: Option<DurationRange>,
    /// The conversation of the story that the step belongs to; each name has its own user and ids. Default: `main`.
    pub conversation: Option<String>,
    /// With `send`: fields that override the generated ones. With `await`: not allowed, see `where`.
    #[schemars(extend("format" = "template-tree"))]
    pub body: Option<Tree>,
    /// Additional fields that are intended: like `body` or `where`, for fields and words that the vendor does not have,
    /// so that `check` does not report them as typos.
    #[schemars(extend("format" = "template-tree"))]
    pub extra: Option<Tree>,
    /// Fields left out of the body, as paths: `["user.name", "messages[0].reply"]`.
    #[serde(default)]
    #[schemars(extend("x-items" = "field-path"))]
    pub omit: Vec<String>,
    /// The whole body as text, sent byte for byte. A template; it can't be combined with `body` and `omit`.
    #[schemars(extend("format" = "template"))]
    pub raw: Option<String>,
    /// Additional headers, or replacements of the usual ones. An empty text removes a header.
    #[serde(default)]
    #[schemars(extend("format" = "template-tree", "x-keys" = "header"))]
    pub headers: BTreeMap<String, String>,
    /// Sends this callback to another URL.
    #[schemars(extend("format" = "url-template"))]
    pub target: Option<String>,
    /// Whether the story waits until the callback is delivered or has failed. Default: true.
    pub wait: Option<bool>,
    /// The expected result of the step. Without it, a callback must be delivered.
    pub expect: Option<ExpectFile>,
    /// With `send`: faults of this callback, by name: `["signature-wrong"]`. `airudder-mock catalog --faults` lists all
    /// names.
    #[serde(default, deserialize_with = "crate::faults::list")]
    #[schemars(with = "crate::faults::FaultList")]
    pub faults: Vec<FaultFile>,
    /// Saves the callback or the request under this name: `{{ NAME.body.user.id }}`, `{{ NAME.answer.body.x }}`.
    #[schemars(extend("format" = "name"))]
    pub save: Option<String>,
    /// With `await` and `never`: fields that the request or callback must have, as values or matchers such as `{
    /// contains = "order" }`; or a condition: `where = "{{ call.body.messages | length > 1 }}"`.
    #[serde(rename = "where")]
    pub where_: Option<ConditionFile>,
    /// With `await`: the number of requests or callbacks to wait for. The last one is saved, and all of them are in `{{
    /// NAME.all }}`. Default: 1.
    #[schemars(range(min = 1, max = 1000))]
    pub times: Option<u32>,
    /// With `await`: the time limit. Default: 30s. With `never`: for how long the request or callback is forbidden.
    pub within: Option<HumanDuration>,
    /// With `await`: the story continues, and does not fail, if nothing arrives in time. Default: false.
    pub optional: Option<bool>,
    /// With `await` for a request: the mock's response in place of its usual one, also to a request that arrives before
    /// its step.
    pub answer: Option<AnswerFile>,
}

/// The expected result of a callback.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectFile {
    /// The status of the last response: `200`, `"2xx"`, or a list of such. A response with it counts as expected even
    /// if the policy did not accept the callback as delivered.
    pub status: Option<StatusSet>,
    /// Fields that the JSON response must have, as values or matchers such as `{ at_least = 1 }`.
    #[schemars(extend("format" = "template-tree"))]
    pub body: Option<Tree>,
    /// A condition that must be true: `check = "{{ callback.answer.body.code == 200 }}"`.
    #[schemars(extend("format" = "condition"))]
    pub check: Option<String>,
    /// Maximum time from sending to the final response, including retries.
    pub within: Option<HumanDuration>,
    /// The number of attempts.
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

/// A response of the mock, in place of its usual one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerFile {
    /// The HTTP status. Default: 200.
    #[schemars(range(min = 200, max = 599))]
    pub status: Option<u16>,
    /// The whole JSON body. Default: the body of the mock's usual response.
    #[schemars(extend("format" = "template-tree"))]
    pub body: Option<Tree>,
    /// Additional fields of the body that are intended, which the vendor does not have.
    #[schemars(extend("format" = "template-tree"))]
    pub extra: Option<Tree>,
}

/// A reaction to something that happens while the story runs. It has exactly one of `call` and `callback`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a reaction", "x-exactly-one" = ["call", "callback"]))]
pub struct ReactionFile {
    /// A request from you, by its catalog id. The template variable `call` holds it.
    #[schemars(extend("format" = "call-id"))]
    pub call: Option<String>,
    /// A callback that was delivered, by its event id. The template variable `callback` holds it.
    #[schemars(extend("format" = "callback-id"))]
    pub callback: Option<String>,
    /// Fields that the request or callback must have, as values or matchers; or a condition.
    #[serde(rename = "where")]
    pub where_: Option<ConditionFile>,
    /// Additional fields that are intended, like `where`: those that the vendor does not have.
    #[schemars(extend("format" = "template-tree"))]
    pub extra: Option<Tree>,
    /// The reaction happens only if this is true.
    #[schemars(extend("format" = "condition"))]
    pub when: Option<String>,
    /// Maximum number of times that it happens. Default: any number.
    #[schemars(range(min = 1))]
    pub times: Option<u32>,
    /// Whether the mock also does what it would do by itself, such as sending statuses for a message. Default: false.
    pub keep_default: Option<bool>,
    /// With `call`: the mock's response in place of its usual one.
    pub answer: Option<AnswerFile>,
    /// Sets variables of the story.
    #[schemars(extend("format" = "template-tree"))]
    pub set: Option<Tree>,
    /// The callbacks to send.
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
    /// Sent only if this is true when the callback is due. It sees the variables of that time, so that a callback can
    /// be cancelled. Other templates see the variables at the time of the reaction.
    #[schemars(extend("format" = "condition"))]
    pub when: Option<String>,
    /// Fields that override the generated ones.
    #[schemars(extend("format" = "template-tree"))]
    pub body: Option<Tree>,
    /// Additional fields that are intended, like `body`: those that the vendor does not have.
    #[schemars(extend("format" = "template-tree"))]
    pub extra: Option<Tree>,
    /// Fields left out of the body, as paths.
    #[serde(default)]
    #[schemars(extend("x-items" = "field-path"))]
    pub omit: Vec<String>,
    /// The whole body as text, sent byte for byte.
    #[schemars(extend("format" = "template"))]
    pub raw: Option<String>,
    /// Additional headers, or replacements of the usual ones. An empty text removes a header.
    #[serde(default)]
    #[schemars(extend("format" = "template-tree", "x-keys" = "header"))]
    pub headers: BTreeMap<String, String>,
    /// Sends this callback to another URL.
    #[schemars(extend("format" = "url-template"))]
    pub target: Option<String>,
    /// Faults of this callback, by name: `["signature-wrong"]`.
    #[serde(default, deserialize_with = "crate::faults::list")]
    #[schemars(with = "crate::faults::FaultList")]
    pub faults: Vec<FaultFile>,
    /// Saves the callback under this name.
    #[schemars(extend("format" = "name"))]
    pub save: Option<String>,
}

//! The delivery policy as written in settings and scenario files, and from there to the one that is followed. Doc
//! comments here become the descriptions in the JSON Schema, which editors show.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::policy::{Ordering, Policy, SuccessRule};
use super::status_set::StatusSet;
use crate::files::Tree;
use crate::time::{DurationRange, HumanDuration};

/// How callbacks are delivered. Missing keys come from the preset.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryFile {
    /// Where missing keys get their values from. Default: `airudder`: 5 attempts, 60 s apart, 10 s each.
    pub preset: Option<PolicyPreset>,
    /// Maximum duration of an attempt, connecting included. Real time, whatever the speed of the story.
    pub timeout: Option<HumanDuration>,
    /// Maximum number of attempts per callback, the first one included.
    #[serde(alias = "tries")]
    #[schemars(range(min = 1, max = 1000), extend("x-old-name" = "tries"))]
    pub attempts: Option<u32>,
    /// The gaps between attempts; the last one repeats: `["60s"]`.
    pub gaps: Option<Vec<HumanDuration>>,
    /// Lengthens each gap by a random share of itself, at most this one: 0.0 to 1.0.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub jitter: Option<f64>,
    /// The statuses that count as success: `"2xx"`, or a list such as `[200, 204]`.
    pub success: Option<StatusSet>,
    /// Fields that the JSON response must have to count as success, for example `{ code = 200 }`.
    pub success_body: Option<Tree>,
    /// Whether callbacks of one conversation, or all to one receiver, wait for each other, and whether callbacks that
    /// sum up others wait until those were attempted. Default: `fifo-per-session`.
    pub order: Option<Ordering>,
    /// Maximum number of bytes kept of a response body. Default: 65536.
    #[schemars(range(max = 16_777_216))]
    pub answer_cap: Option<u32>,
    /// Follows the Retry-After header of a response, in seconds or as a date, within these bounds: `1s..1h`. Default:
    /// ignored.
    pub retry_after: Option<DurationRange>,
    /// Maximum number of simultaneous attempts to one receiver (host and port). Default: unlimited.
    #[schemars(range(min = 1))]
    pub concurrency: Option<u32>,
    /// Number of failures in a row after which a receiver is paused, then tried with one callback. Default: never.
    #[schemars(range(min = 1))]
    pub pause_after: Option<u32>,
    /// With `pause_after`: how long a receiver is paused. Default: 1m.
    pub pause: Option<HumanDuration>,
    /// Disables a receiver that has failed for this long without a success: its remaining callbacks fail, and a note
    /// says so. Default: never.
    pub disable_after: Option<HumanDuration>,
}

/// The named delivery policies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyPreset {
    /// 5 attempts, 60 s apart: documented for dialer and workflow callbacks, assumed for the rest. Timeout 10 s:
    /// assumed.
    #[default]
    Airudder,
    /// One attempt, timeout 10 s.
    Once,
    /// The Standard Webhooks schedule: at once, then after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
    /// Timeout 20 s.
    StandardWebhooks,
    /// Like Stripe: twelve attempts within three days at growing intervals, unordered; Retry-After is followed; after a
    /// week without a success the receiver is disabled.
    StripeLike,
    /// One callback after the other to each receiver: nothing overtakes a failing callback, which is tried a thousand
    /// times, at most a minute apart. Retry-After is followed.
    Fifo,
}

/// A named policy.
pub fn preset(preset: PolicyPreset) -> Policy {
    match preset {
        PolicyPreset::Airudder => Policy::airudder(),
        PolicyPreset::Once => Policy::once(),
        PolicyPreset::StandardWebhooks => Policy::standard_webhooks(),
        PolicyPreset::StripeLike => Policy::stripe_like(),
        PolicyPreset::Fifo => Policy::fifo(),
    }
}

/// A policy as written, on top of another: what the file does not name stays as it is in `base`, or, if the file
/// names a preset, as it is there.
pub fn policy(base: &Policy, file: &DeliveryFile) -> Policy {
    let base = file.preset.map_or_else(|| base.clone(), preset);
    Policy {
        timeout: file.timeout.map_or(base.timeout, |timeout| timeout.0),
        attempts: file.attempts.unwrap_or(base.attempts),
        gaps: file.gaps.as_ref().map_or(base.gaps, |gaps| gaps.iter().map(|gap| gap.0).collect()),
        jitter: file.jitter.unwrap_or(base.jitter),
        success: SuccessRule {
            status: file.success.clone().unwrap_or(base.success.status),
            body: file.success_body.clone().map(Value::Object).or(base.success.body),
        },
        ordering: file.order.unwrap_or(base.ordering),
        answer_cap: file
            .answer_cap
            .map_or(base.answer_cap, |cap| usize::try_from(cap).unwrap_or(base.answer_cap)),
        retry_after: file.retry_after.or(base.retry_after),
        concurrency: file.concurrency.or(base.concurrency),
        pause: {
            let usual = base.pause.map_or(Duration::from_secs(60), |(_, length)| length);
            let length = file.pause.map_or(usual, |length| length.0);
            file.pause_after.or(base.pause.map(|(after, _)| after)).map(|after| (after, length))
        },
        disable_after: file.disable_after.map(|after| after.0).or(base.disable_after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_comes_from_the_base() {
        let base = Policy { attempts: 3, jitter: 0.5, ..preset(PolicyPreset::Airudder) };
        let file =
            DeliveryFile { timeout: Some(HumanDuration(Duration::from_secs(1))), ..DeliveryFile::default() };
        assert_eq!(policy(&base, &file), Policy { timeout: Duration::from_secs(1), ..base });
    }

    #[test]
    fn a_preset_replaces_the_base() {
        let base = Policy { attempts: 3, jitter: 0.5, ..preset(PolicyPreset::Airudder) };
        let file =
            DeliveryFile { preset: Some(PolicyPreset::Once), answer_cap: Some(7), ..DeliveryFile::default() };
        assert_eq!(policy(&base, &file), Policy { answer_cap: 7, ..preset(PolicyPreset::Once) });
    }

    #[test]
    fn presets_are_as_described() {
        let airudder = preset(PolicyPreset::Airudder);
        assert_eq!((airudder.timeout, airudder.attempts), (Duration::from_secs(10), 5));
        assert_eq!(airudder.gaps, [Duration::from_secs(60)]);
        assert_eq!(preset(PolicyPreset::Once).attempts, 1);
        let standard = preset(PolicyPreset::StandardWebhooks);
        assert_eq!(
            (standard.timeout, standard.gaps.len() + 1),
            (Duration::from_secs(20), standard.attempts as usize)
        );
    }
}

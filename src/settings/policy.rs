//! From the delivery policy as written to the one that is followed.

use serde_json::Value;

use super::file::{DeliveryFile, PolicyPreset};
use crate::delivery::{Policy, SuccessRule};

/// A named policy.
pub fn preset(preset: PolicyPreset) -> Policy {
    match preset {
        PolicyPreset::Airudder => Policy::airudder(),
        PolicyPreset::Once => Policy::once(),
        PolicyPreset::StandardWebhooks => Policy::standard_webhooks(),
    }
}

/// A policy as written, on top of another: what the file does not name stays as it is in `base`, or, if the file
/// names a preset, as it is there.
pub fn policy(base: &Policy, file: &DeliveryFile) -> Policy {
    let base = file.preset.map_or_else(|| base.clone(), preset);
    Policy {
        timeout: file.timeout.map_or(base.timeout, |timeout| timeout.0),
        tries: file.tries.unwrap_or(base.tries),
        gaps: file.gaps.as_ref().map_or(base.gaps, |gaps| gaps.iter().map(|gap| gap.0).collect()),
        jitter: file.jitter.unwrap_or(base.jitter),
        success: SuccessRule {
            status: file.success.clone().unwrap_or(base.success.status),
            body: file.success_body.clone().map(Value::Object).or(base.success.body),
        },
        order: file.order.unwrap_or(base.order),
        answer_cap: file
            .answer_cap
            .map_or(base.answer_cap, |cap| usize::try_from(cap).unwrap_or(base.answer_cap)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::time::HumanDuration;

    #[test]
    fn what_is_not_named_comes_from_the_base() {
        let base = Policy { tries: 3, jitter: 0.5, ..preset(PolicyPreset::Airudder) };
        let file =
            DeliveryFile { timeout: Some(HumanDuration(Duration::from_secs(1))), ..DeliveryFile::default() };
        assert_eq!(policy(&base, &file), Policy { timeout: Duration::from_secs(1), ..base });
    }

    #[test]
    fn a_preset_replaces_the_base() {
        let base = Policy { tries: 3, jitter: 0.5, ..preset(PolicyPreset::Airudder) };
        let file =
            DeliveryFile { preset: Some(PolicyPreset::Once), answer_cap: Some(7), ..DeliveryFile::default() };
        assert_eq!(policy(&base, &file), Policy { answer_cap: 7, ..preset(PolicyPreset::Once) });
    }

    #[test]
    fn presets_are_as_described() {
        let airudder = preset(PolicyPreset::Airudder);
        assert_eq!((airudder.timeout, airudder.tries), (Duration::from_secs(10), 5));
        assert_eq!(airudder.gaps, [Duration::from_secs(60)]);
        assert_eq!(preset(PolicyPreset::Once).tries, 1);
        let standard = preset(PolicyPreset::StandardWebhooks);
        assert_eq!(
            (standard.timeout, standard.gaps.len() + 1),
            (Duration::from_secs(20), standard.tries as usize)
        );
    }
}

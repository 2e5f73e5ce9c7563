//! From the delivery policy as written to the one that is followed.

use std::time::Duration;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use serde_json::Value;

use super::file::{DeliveryFile, PolicyPreset};
use crate::delivery::{Order, Policy, StatusSet, SuccessRule};

/// How much of an answer's body is kept unless a file says otherwise, in bytes.
const ANSWER_CAP: usize = 65_536;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A named policy.
pub fn preset(preset: PolicyPreset) -> Policy {
    let (timeout, tries, gaps) = match preset {
        PolicyPreset::Airudder => (10, 5, vec![MINUTE]),
        PolicyPreset::Once => (10, 1, Vec::new()),
        PolicyPreset::StandardWebhooks => {
            let gaps = [
                Duration::from_secs(5),
                5 * MINUTE,
                30 * MINUTE,
                2 * HOUR,
                5 * HOUR,
                10 * HOUR,
                14 * HOUR,
                20 * HOUR,
            ];
            (15, 10, gaps.into_iter().chain([24 * HOUR]).collect())
        }
    };
    Policy {
        timeout: Duration::from_secs(timeout),
        tries,
        gaps,
        jitter: 0.0,
        success: SuccessRule { status: any_success(), body: None },
        order: Order::default(),
        answer_cap: ANSWER_CAP,
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

/// Any status of the class 200.
fn any_success() -> StatusSet {
    let text: StrDeserializer<'_, Error> = "2xx".into_deserializer();
    StatusSet::deserialize(text).expect("`2xx` is a set of statuses")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Lapse;

    #[test]
    fn what_is_not_named_comes_from_the_base() {
        let base = Policy { tries: 3, jitter: 0.5, ..preset(PolicyPreset::Airudder) };
        let file = DeliveryFile { timeout: Some(Lapse(Duration::from_secs(1))), ..DeliveryFile::default() };
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
        assert_eq!(airudder.gaps, [MINUTE]);
        assert_eq!(preset(PolicyPreset::Once).tries, 1);
        let standard = preset(PolicyPreset::StandardWebhooks);
        assert_eq!(standard.gaps.len() + 1, standard.tries as usize);
    }
}

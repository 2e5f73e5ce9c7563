//! How a callback is sent, retried and judged, as data.

use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::response::ReceiverResponse;
use super::status_set::StatusSet;
use crate::json::difference;
use crate::seed::Rng;
use crate::time::DurationRange;

/// Default for the number of bytes kept of a response's body.
const ANSWER_CAP: usize = 64 * 1024;

/// How a callback is sent, retried and judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Time limit of one attempt, connecting included, in real time.
    pub timeout: Duration,
    /// Maximum number of attempts, at least 1.
    pub attempts: u32,
    /// The gaps between attempts; the last one repeats. Empty means no gap.
    pub gaps: Vec<Duration>,
    /// The maximum random part by which each gap is extended, 0.0 to 1.0.
    pub jitter: f64,
    /// The rule for success.
    pub success: SuccessRule,
    /// Whether callbacks of one conversation wait for each other.
    pub ordering: Ordering,
    /// Maximum number of bytes kept of a response's body.
    pub answer_cap: usize,
    /// The bounds within which a receiver's Retry-After is followed. Without them it is ignored.
    pub retry_after: Option<DurationRange>,
    /// Maximum number of concurrent attempts to one receiver. Without it there is no limit.
    pub concurrency: Option<u32>,
    /// After this many consecutive failures, pause the receiver for this long.
    pub pause: Option<(u32, Duration)>,
    /// Disable a receiver after it has only failed for this long.
    pub disable_after: Option<Duration>,
}

impl Policy {
    /// The vendor's policy: 10 s, 5 attempts, 60 s apart, success is any 2xx.
    ///
    /// Attempts and gaps are documented for predictive-dialer and workflow callbacks and assumed for everything else; the
    /// timeout and the rule for success are assumed everywhere.
    pub fn airudder() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            attempts: 5,
            gaps: vec![Duration::from_secs(60)],
            jitter: 0.0,
            success: SuccessRule { status: StatusSet::success(), body: None },
            ordering: Ordering::default(),
            answer_cap: ANSWER_CAP,
            retry_after: None,
            concurrency: None,
            pause: None,
            disable_after: None,
        }
    }

    /// A single attempt with a timeout of 10 s; success is any 2xx.
    pub fn once() -> Self {
        Self { attempts: 1, gaps: Vec::new(), ..Self::airudder() }
    }

    /// The schedule of the Standard Webhooks specification: ten attempts within about three days, 20 s for each.
    pub fn standard_webhooks() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        let gaps =
            [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
        Self {
            timeout: Duration::from_secs(20),
            attempts: 10,
            gaps: gaps.map(Duration::from_secs).to_vec(),
            ..Self::airudder()
        }
    }

    /// Similar to Stripe: twelve attempts within three days at growing intervals, without ordering. Retry-After is followed,
    /// and a receiver that only fails is disabled after a week.
    pub fn stripe_like() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        let gaps = [
            5 * MINUTE,
            30 * MINUTE,
            HOUR,
            2 * HOUR,
            4 * HOUR,
            6 * HOUR,
            8 * HOUR,
            12 * HOUR,
            12 * HOUR,
            12 * HOUR,
            14 * HOUR,
        ];
        Self {
            timeout: Duration::from_secs(20),
            attempts: 12,
            gaps: gaps.map(Duration::from_secs).to_vec(),
            ordering: Ordering::Independent,
            retry_after: Some(DurationRange {
                min: Duration::from_secs(1),
                max: Duration::from_secs(24 * HOUR),
            }),
            disable_after: Some(Duration::from_secs(7 * 24 * HOUR)),
            ..Self::airudder()
        }
    }

    /// Sends the callbacks to each receiver one after the other, regardless of the conversation: no callback overtakes one
    /// that fails. A thousand attempts, at most a minute apart.
    pub fn fifo() -> Self {
        Self {
            attempts: 1_000,
            gaps: [1, 5, 15, 60].map(Duration::from_secs).to_vec(),
            ordering: Ordering::Fifo,
            retry_after: Some(DurationRange { min: Duration::from_secs(1), max: Duration::from_secs(600) }),
            ..Self::airudder()
        }
    }

    /// Returns how long a receiver asks to wait, within the bounds of the policy.
    pub fn asked(&self, answer: &ReceiverResponse, now: Timestamp) -> Option<Duration> {
        let bounds = self.retry_after?;
        let (_, asked) = answer.headers.iter().find(|(name, _)| name == "retry-after")?;
        let asked = match asked.trim().parse::<u64>() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => {
                let at = jiff::fmt::rfc2822::parse(asked.trim()).ok()?.timestamp();
                Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
            }
        };
        Some(asked.clamp(bounds.min, bounds.max))
    }

    /// Returns the gap between the end of an attempt (counted from 1) and the next one.
    ///
    /// Nothing is drawn from `rng` if there is no jitter. Jitter is in whole milliseconds.
    pub fn gap(&self, after_attempt: u32, rng: &mut Rng) -> Duration {
        let index = usize::try_from(after_attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        let Some(gap) = self.gaps.get(index).or(self.gaps.last()).copied() else { return Duration::ZERO };
        if self.jitter.is_nan() || self.jitter <= 0.0 {
            return gap;
        }
        let longest = gap.as_secs_f64() * 1000.0 * self.jitter.min(1.0);
        // Casting a float that is too large gives the type's largest value, so this can't overflow.
        let extra = Duration::from_millis((longest * rng.random::<f64>()) as u64);
        gap.saturating_add(extra)
    }
}

/// The rule for success.
#[derive(Clone, Debug, PartialEq)]
pub struct SuccessRule {
    /// The statuses that count as success.
    pub status: StatusSet,
    /// Fields the JSON response must have; a subset of an object.
    pub body: Option<Value>,
}

impl SuccessRule {
    /// Judges a response.
    ///
    /// # Errors
    ///
    /// If it does not count as success.
    pub fn judge(&self, answer: &ReceiverResponse) -> Result<(), Rejection> {
        let status = answer.status;
        if !self.status.contains(status) {
            let expected = self.status.clone();
            let location = answer.headers.iter().find(|(name, _)| name == "location");
            return Err(match location {
                Some((_, location)) if (300..=399).contains(&status) => {
                    Rejection::Redirect { status, location: location.clone(), expected }
                }
                _ => Rejection::Status { status, expected },
            });
        }
        let Some(expected) = &self.body else { return Ok(()) };
        let got: Value = serde_json::from_slice(&answer.body).map_err(|error| {
            let body = match (answer.body.is_empty(), answer.truncated) {
                (true, _) => "no body".to_owned(),
                (false, true) => format!("a body longer than the {} bytes that are kept", answer.body.len()),
                (false, false) => format!("a body that is not JSON ({error})"),
            };
            Rejection::NotJson { status, body, expected: expected.clone() }
        })?;
        match difference(expected, &got) {
            None => Ok(()),
            Some(difference) => Err(Rejection::Different { status, difference }),
        }
    }
}

/// Why a response does not count as success. The message continues a sentence that begins with "the receiver".
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// The status is a different one.
    #[error("answered {status} instead of {expected}")]
    Status {
        /// The status of the response.
        status: u16,
        /// The statuses that count as success.
        expected: StatusSet,
    },
    /// The response is a redirect.
    #[error(
        "answered {status}, a redirect to {location}, instead of {expected}; callbacks don't follow \
        redirects: set the callback URL to the final address"
    )]
    Redirect {
        /// The status of the response.
        status: u16,
        /// The target of the redirect.
        location: String,
        /// The statuses that count as success.
        expected: StatusSet,
    },
    /// The body is not JSON, so that its fields can't be checked.
    #[error("answered {status} with {body}, but its JSON must have {expected}")]
    NotJson {
        /// The status, which is right.
        status: u16,
        /// The kind of body in the response.
        body: String,
        /// The fields it must have.
        expected: Value,
    },
    /// The body has other fields.
    #[error("answered {status}, but {difference}")]
    Different {
        /// The status, which is right.
        status: u16,
        /// The first difference.
        difference: String,
    },
}

/// Whether callbacks of one conversation wait for each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ordering {
    /// Each callback goes out when it is due.
    Independent,
    /// The next callback of a conversation goes out when the one before it is delivered or has failed.
    #[default]
    FifoPerSession,
    /// The next callback to a receiver goes out when the one before it is delivered or has failed, whatever conversation.
    Fifo,
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::seed::Seed;

    fn answer(status: u16, body: &'static str) -> ReceiverResponse {
        ReceiverResponse {
            status,
            headers: Vec::new(),
            body: Bytes::from_static(body.as_bytes()),
            truncated: false,
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn answers_are_judged_by_status_and_by_json() {
        let rule = SuccessRule {
            status: StatusSet::success(),
            body: Some(json!({ "code": 200, "data": { "ok": true, "list": [1] } })),
        };
        let body = r#"{"code":200.0,"msg":"x","data":{"ok":true,"list":[1],"n":null}}"#;
        assert_eq!(rule.judge(&answer(201, body)), Ok(()));
        for (answer, message) in [
            (answer(500, "{}"), "answered 500 instead of 2xx"),
            (
                answer(200, ""),
                r#"answered 200 with no body, but its JSON must have {"code":200,"data":{"ok":true,"list":[1]}}"#,
            ),
            (
                answer(200, "[]"),
                r#"answered 200, but the body is [], expected {"code":200,"data":{"ok":true,"list":[1]}}"#,
            ),
            (answer(200, r#"{"code":500}"#), "answered 200, but `code` is 500, expected 200"),
            (
                answer(200, r#"{"code":200}"#),
                r#"answered 200, but `data` is missing, expected {"ok":true,"list":[1]}"#,
            ),
            (
                answer(200, r#"{"code":200,"data":{"ok":true,"list":[1,2]}}"#),
                "answered 200, but `data.list` is [1,2], expected [1]",
            ),
            (
                ReceiverResponse { headers: vec![("location".into(), "/new".into())], ..answer(302, "") },
                "answered 302, a redirect to /new, instead of 2xx; callbacks don't follow redirects: \
                set the callback URL to the final address",
            ),
        ] {
            assert_eq!(rule.judge(&answer).unwrap_err().to_string(), message);
        }
        let text = rule.judge(&answer(200, "<html>")).unwrap_err().to_string();
        assert!(text.starts_with("answered 200 with a body that is not JSON"), "{text}");
    }

    #[test]
    fn the_last_gap_repeats() {
        let mut rng = Seed(1).stream("test", 0);
        let policy = Policy { gaps: vec![seconds(1), seconds(5)], ..Policy::airudder() };
        let gaps: Vec<_> = (0..5).map(|after| policy.gap(after, &mut rng)).collect();
        assert_eq!(gaps, [1, 1, 5, 5, 5].map(seconds));
        assert_eq!(Policy::once().gap(1, &mut rng), Duration::ZERO);
        assert_eq!(rng, Seed(1).stream("test", 0), "nothing is drawn without jitter");
    }

    #[test]
    fn what_a_receiver_asks_for_is_heeded_within_bounds() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let asked = |value: &str| {
            let headers = vec![("retry-after".to_owned(), value.to_owned())];
            Policy::stripe_like().asked(&ReceiverResponse { headers, ..answer(503, "") }, now)
        };
        assert_eq!(asked("120"), Some(seconds(120)));
        assert_eq!(asked("0"), Some(seconds(1)));
        assert_eq!(asked("99999999"), Some(seconds(24 * 3600)));
        assert_eq!(asked("Tue, 14 Nov 2023 22:15:20 GMT"), Some(seconds(120)));
        assert_eq!(asked("Tue, 14 Nov 2000 22:15:20 GMT"), Some(seconds(1)));
        assert_eq!(asked("soon"), None);
        assert_eq!(Policy::stripe_like().asked(&answer(503, ""), now), None);
        let headers = vec![("retry-after".to_owned(), "5".to_owned())];
        assert_eq!(Policy::airudder().asked(&ReceiverResponse { headers, ..answer(503, "") }, now), None);
    }

    #[test]
    fn jitter_only_lengthens() {
        let policy = |jitter| Policy { jitter, ..Policy::airudder() };
        let mut rng = Seed(1).stream("test", 0);
        let drawn: Vec<_> = (1..200).map(|after| policy(0.5).gap(after, &mut rng)).collect();
        assert!(drawn.iter().all(|gap| (seconds(60)..=seconds(90)).contains(gap)));
        assert!(drawn.iter().any(|gap| *gap > seconds(80)));
        for odd in [f64::NAN, f64::NEG_INFINITY, -1.0] {
            assert_eq!(policy(odd).gap(1, &mut rng), seconds(60));
        }
        assert!(policy(f64::INFINITY).gap(1, &mut rng) <= seconds(120));
        let endless = Policy { gaps: vec![Duration::MAX], jitter: 1.0, ..Policy::airudder() };
        assert_eq!(endless.gap(1, &mut rng), Duration::MAX);
    }

    #[test]
    fn presets_are_as_described() {
        let vendor = Policy::airudder();
        assert_eq!(
            (vendor.timeout, vendor.attempts, vendor.gaps.as_slice()),
            (seconds(10), 5, &[seconds(60)][..])
        );
        assert_eq!(vendor.success.status.to_string(), "2xx");
        assert_eq!(Policy::once().attempts, 1);
        let days = |policy: &Policy| policy.gaps.iter().sum::<Duration>().as_secs_f64() / 86_400.0;
        let stripe = Policy::stripe_like();
        assert_eq!(stripe.attempts as usize, stripe.gaps.len() + 1);
        assert!((2.9..=3.1).contains(&days(&stripe)), "{} days", days(&stripe));
        assert_eq!(Policy::fifo().ordering, Ordering::Fifo);
        let standard = Policy::standard_webhooks();
        assert_eq!(standard.attempts as usize, standard.gaps.len() + 1);
        assert_eq!(standard.gaps.iter().sum::<Duration>(), seconds(5 + 35 * 60 + 75 * 3600));
    }
}

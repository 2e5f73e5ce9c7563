//! The expected result of a callback, and the check whether it occurred.

use std::fmt::Display;
use std::time::Duration;

use minijinja::Value as Scope;
use serde_json::Value;

use super::file::{ExpectFile, OutcomeFile};
use crate::delivery::{End, ErrorClass, Failure, ReceiverResponse};
use crate::files::diagnostic::counted;
use crate::language::condition::unmet;
use crate::language::matcher::mismatches;
use crate::language::template::{Template, TemplateSet};
use crate::language::tree::TreeTemplate;
use crate::time::HumanDuration;

/// The expected result of a callback. The default is that it is delivered.
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    /// The expectation as written.
    pub file: ExpectFile,
    /// The required fields of the JSON response.
    pub body: Option<TreeTemplate>,
    /// A condition that must be true, and its source.
    pub check: Option<(Template, String)>,
}

/// How a callback ended.
#[derive(Clone, Debug)]
pub struct DeliveryEnd {
    /// The number of attempts, and why the last one failed if it was not delivered.
    pub end: End,
    /// The last response, if there was one.
    pub answer: Option<ReceiverResponse>,
    /// The time from the first attempt to the end: real time of the attempts, and the story's time between them.
    pub took: Duration,
}

impl Expectation {
    /// Whether at most a status is expected.
    pub fn is_about_status_only(&self) -> bool {
        let ExpectFile { status: _, body, check, within, attempts, outcome, error } = &self.file;
        body.is_none()
            && check.is_none()
            && within.is_none()
            && attempts.is_none()
            && outcome.is_none()
            && error.is_none()
    }

    /// Whether it depends on what templates see.
    pub fn needs_scope(&self) -> bool {
        self.body.is_some() || self.check.is_some()
    }

    /// Returns everything that is not as expected, one line each.
    pub fn judge(&self, end: &DeliveryEnd, set: &TemplateSet, scope: &Scope) -> Vec<String> {
        let ExpectFile { status, within, attempts, outcome, error, .. } = &self.file;
        let mut wrong = Vec::new();
        let took = counted(end.end.attempts.into(), "attempt");
        let implied = (status.is_none() && error.is_none()).then_some(OutcomeFile::Delivered);
        match (outcome.or(implied), &end.end.failure) {
            // A callback that the mock never sent breaks no expectation, unless one about delivery is written.
            (Some(OutcomeFile::Delivered), Some(failure))
                if outcome.is_none() && failure.class == ErrorClass::Dropped => {}
            (Some(OutcomeFile::Delivered), Some(failure)) => {
                let reason = &failure.message;
                wrong.push(format!("expected it to be delivered, but it failed after {took}: {reason}"));
            }
            (Some(OutcomeFile::Failed | OutcomeFile::Dead), None) => {
                wrong.push(format!("expected it to fail, but it was delivered after {took}"));
            }
            _ => {}
        }
        if let Some(wanted) = status {
            match &end.answer {
                Some(answer) if wanted.contains(answer.status) => {}
                Some(answer) => wrong.push(format!("expected status {wanted}, got {}", answer.status)),
                None => wrong.push(format!("expected status {wanted}, got no response")),
            }
        }
        if let Some(wanted) = error {
            match &end.end.failure {
                Some(failure) if failure.class == *wanted => {}
                Some(Failure { class, message, .. }) => {
                    wrong.push(format!("expected the error `{wanted}`, got `{class}`: {message}"));
                }
                None => wrong.push(format!("expected the error `{wanted}`, got none")),
            }
        }
        if let Some(wanted) = attempts.filter(|wanted| end.end.attempts != *wanted) {
            wrong.push(format!("expected {}, it took {took}", counted(wanted.into(), "attempt")));
        }
        if let Some(within) = within.filter(|within| end.took > within.0) {
            wrong.push(too_late(within, end));
        }
        if let Some(body) = &self.body {
            wrong.extend(judge_body(body, end.answer.as_ref(), set, scope));
        }
        if let Some((check, source)) = &self.check {
            match unmet(check, source, set, scope) {
                Ok(unmet) => wrong.extend(unmet.map(|unmet| format!("`check` failed: {unmet}"))),
                Err(error) => wrong.push(format!("`check` can't be filled in: {error}")),
            }
        }
        wrong
    }
}

/// Describes that the end came too late, and whether only the receiver's time counts.
fn too_late(within: HumanDuration, end: &DeliveryEnd) -> String {
    let took = HumanDuration(rounded_up(end.took));
    match (end.end.attempts, &end.answer) {
        (1, Some(_)) => format!("expected a response within {within}, your server took {took}"),
        (1, None) => format!("expected the callback to end within {within}, it took {took}"),
        (attempts, _) => {
            let attempts = counted(attempts.into(), "attempt");
            format!(
                "expected the callback to end within {within}, the {attempts} and the time between them took {took}"
            )
        }
    }
}

/// Rounds a measured time for display, and never down: `3.1s` is more than the allowed `3s`.
fn rounded_up(took: Duration) -> Duration {
    let step = if took >= Duration::from_secs(1) { 100 } else { 1 };
    let millis = took.as_micros().div_ceil(step * 1000) * step;
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

fn judge_body(
    body: &TreeTemplate,
    answer: Option<&ReceiverResponse>,
    set: &TemplateSet,
    scope: &Scope,
) -> Option<String> {
    let wanted = match body.render(set, scope) {
        Ok(wanted) => wanted,
        Err(error) => return Some(format!("the expected body can't be filled in: {error}")),
    };
    let Some(answer) = answer else { return Some("expected a body, got no response".to_owned()) };
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(got) => match mismatches(&wanted, &got) {
            Ok(found) => listed("in the response", &found),
            Err(error) => Some(format!("in the expected body, {error}")),
        },
        Err(error) => Some(format!("expected a JSON response, but it is not JSON: {error}")),
    }
}

/// Lists what is wrong after its place: one mistake on the same line, several on lines of their own.
pub(super) fn listed<T: Display>(place: &str, wrong: &[T]) -> Option<String> {
    match wrong {
        [] => None,
        [only] => Some(format!("{place}, {only}")),
        several => {
            let lines: String = several.iter().map(|one| format!("\n    {one}")).collect();
            Some(format!("{place}:{lines}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn end(delivered: bool, status: Option<u16>) -> DeliveryEnd {
        let failure = (!delivered)
            .then(|| Failure { class: ErrorClass::Rejected, message: "the answer was 500".to_owned() });
        DeliveryEnd {
            end: End { attempts: 2, failure },
            answer: status.map(|status| ReceiverResponse {
                status,
                headers: Vec::new(),
                body: Bytes::from_static(b"{\"code\":200}"),
                truncated: false,
            }),
            took: Duration::from_secs(3),
        }
    }

    fn judge(expectation: &Expectation, end: &DeliveryEnd) -> Vec<String> {
        expectation.judge(end, &TemplateSet::default(), &Scope::UNDEFINED)
    }

    #[test]
    fn by_default_it_has_to_be_delivered() {
        assert!(judge(&Expectation::default(), &end(true, Some(200))).is_empty());
        assert_eq!(
            judge(&Expectation::default(), &end(false, Some(500))),
            ["expected it to be delivered, but it failed after 2 attempts: the answer was 500"]
        );
    }

    #[test]
    fn every_expectation_is_judged() {
        let file = ExpectFile {
            within: Some("2s".parse().unwrap()),
            attempts: Some(1),
            outcome: Some(OutcomeFile::Failed),
            error: Some(ErrorClass::Timeout),
            ..ExpectFile::default()
        };
        let expectation = Expectation { file, body: None, check: None };
        assert_eq!(
            judge(&expectation, &end(true, Some(200))),
            [
                "expected it to fail, but it was delivered after 2 attempts",
                "expected the error `timeout`, got none",
                "expected 1 attempt, it took 2 attempts",
                "expected the callback to end within 2s, the 2 attempts and the time between them took 3s",
            ]
        );
    }

    #[test]
    fn what_came_too_late_says_how_long_it_took() {
        let file = ExpectFile { within: Some("3s".parse().unwrap()), ..ExpectFile::default() };
        let expectation = Expectation { file, body: None, check: None };
        let late = |micros: u64, status: Option<u16>| {
            let end = DeliveryEnd {
                end: End { attempts: 1, failure: None },
                took: Duration::from_micros(micros),
                ..end(true, status)
            };
            judge(&expectation, &end)
        };
        assert!(late(3_000_000, Some(200)).is_empty());
        assert_eq!(late(4_012_300, Some(200)), ["expected a response within 3s, your server took 4.1s"]);
        assert_eq!(late(3_000_001, Some(200)), ["expected a response within 3s, your server took 3.1s"]);
        assert_eq!(late(10_000_000, None), ["expected the callback to end within 3s, it took 10s"]);
    }
}

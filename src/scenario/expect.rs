//! What must come of a callback, and whether it did.

use std::time::Duration;

use minijinja::Value as Scope;
use serde_json::Value;

use super::file::OutcomeFile;
use crate::delivery::{ErrorClass, ReceiverResponse, StatusSet};
use crate::json::difference;
use crate::language::template::TemplateSet;
use crate::language::tree::TreeTemplate;

/// What must come of a callback. The default: that it is delivered.
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    /// The status of the last answer.
    pub status: Option<StatusSet>,
    /// Fields the JSON answer must have.
    pub body: Option<TreeTemplate>,
    /// The longest time from the sending to the end.
    pub within: Option<Duration>,
    /// How many tries it takes.
    pub tries: Option<u32>,
    /// How it ends.
    pub outcome: Option<OutcomeFile>,
    /// The class of the last error.
    pub error: Option<ErrorClass>,
}

/// How a callback ended.
#[derive(Clone, Debug)]
pub struct DeliveryEnd {
    /// Whether the receiver accepted it.
    pub delivered: bool,
    /// After how many tries.
    pub tries: u32,
    /// The last answer, if one came.
    pub answer: Option<ReceiverResponse>,
    /// The class of the last error and the error in words, if it is dead.
    pub error: Option<(ErrorClass, String)>,
    /// From the first try to the end: real time of the tries and the story's time of the gaps between them.
    pub took: Duration,
}

impl Expectation {
    /// Whether nothing is expected but a status, if that.
    pub fn is_about_status_only(&self) -> bool {
        let Self { status: _, body, within, tries, outcome, error } = self;
        body.is_none() && within.is_none() && tries.is_none() && outcome.is_none() && error.is_none()
    }

    /// Everything that is not as expected, a line each; nothing if all is well.
    pub fn judge(&self, end: &DeliveryEnd, set: &TemplateSet, scope: &Scope) -> Vec<String> {
        let mut wrong = Vec::new();
        let implied = match (self.status.is_some(), self.error.is_some()) {
            (false, false) => Some(OutcomeFile::Delivered),
            _ => None,
        };
        match (self.outcome.or(implied), end.delivered) {
            (Some(OutcomeFile::Delivered), false) => {
                let reason = end.error.as_ref().map_or("", |(_, reason)| reason);
                wrong.push(format!(
                    "expected it to be delivered, but it is dead after {}: {reason}",
                    tries(end.tries)
                ));
            }
            (Some(OutcomeFile::Dead), true) => {
                wrong.push(format!(
                    "expected it to be given up, but it was delivered after {}",
                    tries(end.tries)
                ));
            }
            _ => {}
        }
        if let Some(wanted) = &self.status {
            match &end.answer {
                Some(answer) if wanted.contains(answer.status) => {}
                Some(answer) => wrong.push(format!("expected status {wanted}, got {}", answer.status)),
                None => wrong.push(format!("expected status {wanted}, got no answer")),
            }
        }
        if let Some(wanted) = self.error {
            match &end.error {
                Some((class, _)) if *class == wanted => {}
                Some((class, reason)) => {
                    wrong.push(format!("expected the error `{wanted}`, got `{class}`: {reason}"));
                }
                None => wrong.push(format!("expected the error `{wanted}`, got none")),
            }
        }
        if let Some(wanted) = self.tries
            && end.tries != wanted
        {
            wrong.push(format!("expected {}, it took {}", tries(wanted), tries(end.tries)));
        }
        if let Some(within) = self.within
            && end.took > within
        {
            use crate::time::HumanDuration;
            wrong.push(format!("expected an end within {}, it took longer", HumanDuration(within)));
        }
        if let Some(body) = &self.body {
            wrong.extend(judge_body(body, end.answer.as_ref(), set, scope));
        }
        wrong
    }
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
    let Some(answer) = answer else { return Some("expected a body, got no answer".to_owned()) };
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(got) => difference(&wanted, &got).map(|difference| format!("in the answer, {difference}")),
        Err(error) => Some(format!("expected a JSON answer, but it does not read: {error}")),
    }
}

fn tries(count: u32) -> String {
    if count == 1 { "1 try".to_owned() } else { format!("{count} tries") }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn end(delivered: bool, status: Option<u16>) -> DeliveryEnd {
        DeliveryEnd {
            delivered,
            tries: 2,
            answer: status.map(|status| ReceiverResponse {
                status,
                headers: Vec::new(),
                body: Bytes::from_static(b"{\"code\":200}"),
                truncated: false,
            }),
            error: (!delivered).then(|| (ErrorClass::Rejected, "the answer was 500".to_owned())),
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
            ["expected it to be delivered, but it is dead after 2 tries: the answer was 500"]
        );
    }

    #[test]
    fn every_wish_is_judged() {
        let expectation = Expectation {
            within: Some(Duration::from_secs(2)),
            tries: Some(1),
            outcome: Some(OutcomeFile::Dead),
            error: Some(ErrorClass::Timeout),
            ..Expectation::default()
        };
        assert_eq!(
            judge(&expectation, &end(true, Some(200))),
            [
                "expected it to be given up, but it was delivered after 2 tries",
                "expected the error `timeout`, got none",
                "expected 1 try, it took 2 tries",
                "expected an end within 2s, it took longer",
            ]
        );
    }
}

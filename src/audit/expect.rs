//! Checks whether a response meets the expectation, and describes the difference.

use std::time::Duration;

use serde_json::Value;

use super::step::Expect;
use super::wire::{Answer, Trouble};
use crate::time::HumanDuration;

/// What responses are compared with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Yardstick {
    /// Maximum time of a response that must be quick.
    pub quick: Duration,
    /// The status of the first response of the check.
    pub first: Option<u16>,
}

/// Describes what is wrong with a response, if anything is.
pub(super) fn complaint(
    expect: Expect,
    result: &Result<Answer, Trouble>,
    yardstick: Yardstick,
) -> Option<String> {
    let answer = match (expect, result) {
        (Expect::Anything, _) => return None,
        (_, Err(trouble @ Trouble::NoConnection(_))) => return Some(trouble.to_string()),
        // A request without a response is not accepted either.
        (Expect::Refused, Err(_)) => return None,
        (_, Err(trouble)) => return Some(trouble.to_string()),
        (_, Ok(answer)) => answer,
    };
    let is_accepted = (200..300).contains(&answer.status);
    let is_refused = (400..500).contains(&answer.status);
    let answered_not = |wanted: &str| Some(format!("it was answered with {}, not {wanted}", came(result)));
    match expect {
        Expect::Refused if is_accepted => Some(format!("it was accepted: {}", came(result))),
        Expect::RefusedInOrder if !is_refused => answered_not("with 4xx"),
        Expect::InOrder if !is_accepted && !is_refused => answered_not("with 2xx or 4xx"),
        Expect::Refused | Expect::RefusedInOrder | Expect::InOrder | Expect::Anything => None,
        _ if !is_accepted => answered_not("with 2xx"),
        Expect::Quick if answer.took > yardstick.quick => {
            let (took, quick) = (HumanDuration(millis(answer.took)), HumanDuration(yardstick.quick));
            Some(format!("the response took {took}, but only {quick} is allowed"))
        }
        Expect::Status200 if answer.status != 200 => answered_not("with 200"),
        Expect::JsonObject if !is_object(&answer.body) => answered_not("with a JSON object"),
        Expect::JsonType if !is_json(answer) => Some(match answer.header("content-type") {
            Some(other) => format!("its content type is `{other}`, not `application/json`"),
            None => "it has no content type".to_owned(),
        }),
        Expect::Kept if !answer.keeps => {
            Some("the receiver closes the connection after its response".to_owned())
        }
        Expect::SameAnswer if yardstick.first.is_some_and(|first| first != answer.status) => {
            answered_not("as the first time")
        }
        _ => None,
    }
}

/// Describes a response in short, or why there is none.
pub(super) fn came(result: &Result<Answer, Trouble>) -> String {
    match result {
        Err(trouble) => trouble.to_string(),
        Ok(answer) => {
            let text = String::from_utf8_lossy(&answer.body);
            let short: String =
                text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(120).collect();
            match short.trim() {
                "" => answer.status.to_string(),
                short => format!("{} `{short}`", answer.status),
            }
        }
    }
}

/// Rounds a time to whole milliseconds.
pub(super) fn millis(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

fn is_object(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|value| value.is_object())
}

fn is_json(answer: &Answer) -> bool {
    let named = answer.header("content-type").unwrap_or_default();
    let named = named.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    named == "application/json" || named.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(expect: Expect, status: u16, body: &str, content_type: &str) -> Option<String> {
        let answer = Answer {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.as_bytes().to_vec(),
            keeps: false,
            took: Duration::from_millis(1500),
        };
        let yardstick = Yardstick { quick: Duration::from_secs(1), first: Some(201) };
        complaint(expect, &Ok(answer), yardstick)
    }

    #[test]
    fn every_expectation_has_what_meets_it_and_what_does_not() {
        use Expect as E;
        let json = "application/json";
        let meets = [
            (E::Accepted, 204, "", json),
            (E::Refused, 500, "", json),
            (E::RefusedInOrder, 401, "{}", json),
            (E::InOrder, 400, "{}", json),
            (E::Anything, 500, "", ""),
            (E::Status200, 200, "", ""),
            (E::JsonObject, 200, "{}", ""),
            (E::JsonType, 200, "{}", "application/json; charset=utf-8"),
            (E::SameAnswer, 201, "", ""),
        ];
        for (expect, status, body, named) in meets {
            assert_eq!(judged(expect, status, body, named), None, "{expect:?}");
        }
        let lines: Vec<String> = [
            (E::Accepted, 401, "no", json),
            (E::Refused, 200, "{}", json),
            (E::RefusedInOrder, 500, "oh", json),
            (E::InOrder, 302, "", json),
            (E::Quick, 200, "{}", json),
            (E::Status200, 202, "", json),
            (E::JsonObject, 200, "OK", json),
            (E::JsonType, 200, "{}", "text/html"),
            (E::Kept, 200, "{}", json),
            (E::SameAnswer, 200, "{}", json),
        ]
        .into_iter()
        .filter_map(|(expect, status, body, named)| judged(expect, status, body, named))
        .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn no_answer_is_a_refusal_and_nothing_else() {
        let yardstick = Yardstick { quick: Duration::from_secs(1), first: None };
        let judged = |expect| complaint(expect, &Err(Trouble::Closed), yardstick);
        assert_eq!(judged(Expect::Refused), None);
        for expect in [Expect::Accepted, Expect::RefusedInOrder, Expect::InOrder, Expect::Quick] {
            assert_eq!(judged(expect).as_deref(), Some("the connection was closed before it was answered"));
        }
    }
}

//! How a request is answered, before the family's envelope.

use serde_json::Value;

use crate::simulator::user_endpoints::Reply;
use crate::simulator::{Refusal, Response};

/// How a request is answered, before the envelope.
#[derive(Clone, Debug, PartialEq)]
pub enum RequestOutcome {
    /// The simulator answers.
    Simulated {
        /// The HTTP status, where a story gives it.
        status: Option<u16>,
        /// What goes into the envelope.
        response: Result<Response, Refusal>,
    },
    /// A story, or an endpoint of the user's own, gives the whole response.
    Whole {
        /// The HTTP status.
        status: u16,
        /// Further headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: Value,
    },
}

/// What a story answers wins over the usual response.
pub(super) fn outcome(from_story: Option<(u16, Option<Value>)>, usual: Reply) -> RequestOutcome {
    let status = from_story.as_ref().map(|(status, _)| *status);
    match (from_story, usual) {
        (Some((status, Some(body))), _) => RequestOutcome::Whole { status, headers: Vec::new(), body },
        (_, Reply::Answer(response)) => RequestOutcome::Simulated { status, response },
        (_, Reply::Whole { status: own, headers, body }) => {
            RequestOutcome::Whole { status: status.unwrap_or(own), headers, body }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_story_answers_wins_over_a_whole_answer() {
        let whole = || Reply::Whole { status: 200, headers: vec![("A".into(), "b".into())], body: json!(1) };
        let own = RequestOutcome::Whole { status: 503, headers: Vec::new(), body: json!(2) };
        assert_eq!(outcome(Some((503, Some(json!(2)))), whole()), own);
        let RequestOutcome::Whole { status: 503, headers, body } = outcome(Some((503, None)), whole()) else {
            panic!("the whole answer with another status");
        };
        assert_eq!((headers.len(), body), (1, json!(1)));
    }
}

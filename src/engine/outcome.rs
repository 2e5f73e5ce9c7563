//! How a request is answered, before the family's envelope.

use serde_json::Value;

use crate::simulator::Response;
use crate::simulator::user_endpoints::Reply;

/// How a request is answered, before the envelope.
#[derive(Clone, Debug, PartialEq)]
pub enum RequestOutcome {
    /// A story answers: the HTTP status and, if it differs from the usual one, the whole body.
    FromStory {
        /// The HTTP status.
        status: u16,
        /// The whole body.
        body: Option<Value>,
        /// What the simulator would have answered.
        usual: Response,
    },
    /// The simulator answers.
    Simulated(Response),
    /// An endpoint of the user's own gives the whole answer.
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
    match (from_story, usual) {
        (Some((status, body)), Reply::Answer(usual)) => RequestOutcome::FromStory { status, body, usual },
        (Some((status, Some(body))), Reply::Whole { .. }) => {
            RequestOutcome::Whole { status, headers: Vec::new(), body }
        }
        (Some((status, None)), Reply::Whole { headers, body, .. }) => {
            RequestOutcome::Whole { status, headers, body }
        }
        (None, Reply::Answer(answer)) => RequestOutcome::Simulated(answer),
        (None, Reply::Whole { status, headers, body }) => RequestOutcome::Whole { status, headers, body },
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

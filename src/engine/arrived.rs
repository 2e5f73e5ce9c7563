//! Records incoming requests, so that a story whose `await` times out can say what arrived instead.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::core::Engine;
use super::outcome::usual_answer;
use super::requests::HandledRequest;
use crate::scenario::{Arrival, Came, Outcome};
use crate::simulator::{ConversationKey, Refusal, Request, Response};

/// A request without effect.
#[derive(Clone, Debug)]
pub enum TurnedAway<'a> {
    /// No endpoint serves it.
    Unserved {
        /// The method and path.
        asked: String,
        /// The path that was probably intended.
        meant: Option<&'a str>,
    },
    /// Authentication failed.
    Denied {
        /// The catalog id of the endpoint.
        id: &'a Arc<str>,
        /// The reason, with the code that was sent.
        refusal: &'a Refusal,
    },
    /// The request was refused before it reached the simulated vendor.
    Refused {
        /// The catalog id of the endpoint.
        id: &'a Arc<str>,
        /// The reason, with the code that was sent.
        refusal: &'a Refusal,
    },
    /// A fault produced the response.
    OnPurpose {
        /// The catalog id of the endpoint.
        id: &'a Arc<str>,
    },
}

impl Engine {
    /// Records a request that was handled, with the details that stories may need.
    pub(super) fn handled(
        &mut self,
        request: &Request<'_>,
        fields: Cow<'_, Value>,
        usual: &Result<Response, Refusal>,
        reads_answer: bool,
    ) -> HandledRequest {
        let fields = Arc::new(fields.into_owned());
        let conversation = self.simulator.find_conversation(&fields);
        let family = self.dispatch.catalog.get(request.id).map(|entry| entry.family);
        let is_needed = reads_answer || conversation.is_none();
        let answer = family.filter(|_| is_needed).map_or(Value::Null, |family| usual_answer(family, usual));
        let named = || self.simulator.find_conversation(answer.get("body")?.get("data")?);
        let begun = match conversation {
            Some(_) => None,
            None => self.simulator.opened_by(self.simulator.last_cause()).or_else(named),
        };
        let refused = |code, reason| Outcome::Refused { code, reason, is_proof: false };
        let outcome = match usual {
            Err(Refusal { code, message }) => {
                let sent = family.map_or(*code, |family| self.code(family, request.id, *code));
                refused(sent, message.clone())
            }
            Ok(Response::Whole { status, body, .. }) if *status >= 400 => {
                refused(i64::from(*status), body.to_string())
            }
            Ok(_) => Outcome::Good,
        };
        let what = Came::Request(request.id.into());
        let arrival = self.arrived(what, Arc::clone(&fields), conversation, outcome, request.now);
        HandledRequest { fields, conversation, begun, answer, arrival }
    }

    /// Records a request without effect, for stories that wait in vain.
    pub fn turned_away(&mut self, what: &TurnedAway<'_>, fields: Option<&Value>, now: Timestamp) {
        if self.over == self.stories.len() {
            return;
        }
        let refused = |refusal: &Refusal, is_proof| Outcome::Refused {
            code: refusal.code,
            reason: refusal.message.clone(),
            is_proof,
        };
        let (what, outcome) = match what {
            TurnedAway::Unserved { asked, meant } => {
                let mut meant = meant.map(|path| self.served_at(path)).unwrap_or_default();
                meant.extend(self.begun_by(asked.split_once(' ').map_or("", |(_, path)| path)));
                (Came::Stray { asked: asked.clone(), meant }, Outcome::Good)
            }
            TurnedAway::Denied { id, refusal } => (Came::Request(Arc::clone(id)), refused(refusal, true)),
            TurnedAway::Refused { id, refusal } => (Came::Request(Arc::clone(id)), refused(refusal, false)),
            TurnedAway::OnPurpose { id } => (Came::Request(Arc::clone(id)), Outcome::OnPurpose),
        };
        let conversation = fields.and_then(|fields| self.simulator.find_conversation(fields));
        let fields = Arc::new(fields.cloned().unwrap_or_default());
        self.arrived(what, fields, conversation, outcome, now);
    }

    fn arrived(
        &mut self,
        what: Came,
        fields: Arc<Value>,
        conversation: Option<ConversationKey>,
        outcome: Outcome,
        at: Timestamp,
    ) -> u64 {
        let owner = conversation.and_then(|key| self.simulator.story_of(key));
        let story = owner.and_then(|story| self.stories.get(story as usize));
        let story = story.map(|story| Arc::clone(story.name()));
        self.arrivals.push(Arrival { at, what, fields, conversation, outcome, story, taken: None })
    }

    /// Returns the ids of the requests at whose path only the end of the last name is missing: `/session/transfer` may be meant
    /// as `/session/transfer_result`.
    fn begun_by(&self, path: &str) -> Vec<Arc<str>> {
        let requests = self.dispatch.catalog.entries().iter();
        let begun = requests.filter(|entry| entry.routes.iter().any(|route| is_begun(&route.path, path)));
        begun.map(|entry| Arc::from(entry.id.as_str())).collect()
    }

    /// Returns the ids of the requests served at a path, whatever their method.
    fn served_at(&self, path: &str) -> Vec<Arc<str>> {
        let requests = self.dispatch.catalog.entries().iter();
        let served = requests.filter(|entry| entry.routes.iter().any(|route| is_path(&route.path, path)));
        served.map(|entry| Arc::from(entry.id.as_str())).collect()
    }
}

/// Whether a path matches a route, whose parameters stand for any text.
fn is_path(route: &str, path: &str) -> bool {
    let [mut route, mut path] = [route, path].map(|path| path.trim_end_matches('/').split('/'));
    loop {
        match (route.next(), path.next()) {
            (None, None) => return true,
            (Some(wanted), Some(came)) if wanted.starts_with('{') || wanted == came => {}
            _ => return false,
        }
    }
}

/// Whether a path is a route without the end of its last name.
fn is_begun(route: &str, path: &str) -> bool {
    match (route.rsplit_once('/'), path.trim_end_matches('/').rsplit_once('/')) {
        (Some((folder, name)), Some((of, begin))) => {
            folder == of && !begin.is_empty() && name != begin && name.starts_with(begin)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_begun, is_path};

    #[test]
    fn a_name_may_lack_its_end() {
        let route = "/api/v1/session/transfer_result";
        for (path, is_it) in [
            ("/api/v1/session/transfer", true),
            ("/api/v1/session/transfer/", true),
            ("/api/v1/session/transfer_result", false),
            ("/api/v1/session/", false),
            ("/api/v1/transfer", false),
            ("", false),
        ] {
            assert_eq!(is_begun(route, path), is_it, "{path}");
        }
    }

    #[test]
    fn parameters_stand_for_anything() {
        for (route, path, is_it) in [
            ("/a/b", "/a/b/", true),
            ("/a/{name}/c", "/a/x/c", true),
            ("/a/{name}/c", "/a/{name}/c", true),
            ("/a/b", "/a", false),
            ("/a", "/a/b", false),
            ("/a/b", "/a/c", false),
        ] {
            assert_eq!(is_path(route, path), is_it, "{route} {path}");
        }
    }
}

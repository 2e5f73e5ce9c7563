//! What a receiver does with a callback: verifies the bytes, parses the body, notices repetitions, counts.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::contract::signature::{self, Mismatch, Signer};
use crate::contract::{Catalog, Entry};
use crate::net::HttpRequest;

/// Maximum number of bodies that are remembered to notice repetitions. The oldest are forgotten first.
const REMEMBERED: usize = 100_000;

/// The result of checking a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The signature is right.
    Verified,
    /// It is wrong, or missing although the event must have one.
    Wrong(Mismatch),
    /// The event needs no signature, and there was none.
    Unsigned,
}

/// Why a body can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The body is empty.
    #[error("the body is empty")]
    Empty,
    /// The body is not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
}

/// A callback that was received.
#[derive(Clone, Debug)]
pub struct Received {
    /// The event's name in the body: in `event`, or in `type` for the notices of the dialer.
    pub event: Option<String>,
    /// The catalog id, if the name is in the catalog.
    pub id: Option<Arc<str>>,
    /// The result of checking the signature.
    pub verdict: Verdict,
    /// The body, or why it is not JSON.
    pub body: Result<Value, BodyError>,
    /// The exact body.
    pub raw: Bytes,
    /// How many times this exact body has been received, this time included.
    pub times: u32,
}

/// Counts of the callbacks received so far. `received` is the sum of `verified`, `wrong` and `unsigned`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All callbacks.
    pub received: u64,
    /// Callbacks with a correct signature.
    pub verified: u64,
    /// Callbacks with a wrong signature, or without a required one.
    pub wrong: u64,
    /// Callbacks that need no signature and have none.
    pub unsigned: u64,
    /// Callbacks whose body had been received before; they count among the above too.
    pub duplicates: u64,
}

/// A callback of the catalog whose body names it.
#[derive(Debug)]
struct Known {
    /// The event's name on the wire.
    name: String,
    /// The fields that may have it: `event` and `type`, under the names that the user gives them.
    fields: [String; 2],
    /// The catalog id.
    id: Arc<str>,
    signed: bool,
}

impl Known {
    fn of(entry: &Entry) -> Option<Self> {
        let field = |own: &str| {
            let other = entry.names.as_ref().and_then(|names| names.written.path(own));
            other.unwrap_or_else(|| own.to_owned())
        };
        Some(Self {
            name: entry.event.clone()?,
            fields: ["event", "type"].map(field),
            id: Arc::from(entry.id.as_str()),
            signed: entry.signed,
        })
    }

    fn is(&self, body: &Value) -> bool {
        let text = |field: &String| body.get(field).and_then(Value::as_str);
        self.fields.iter().find_map(text) == Some(&self.name)
    }
}

/// Receives callbacks.
#[derive(Debug)]
pub struct Receiver {
    signer: Signer,
    /// Other signers whose signatures are accepted.
    others: Vec<Signer>,
    events: Vec<Known>,
    counts: Counts,
    seen: Seen,
}

impl Receiver {
    /// Creates a receiver that verifies with this signer and knows the callbacks of this catalog.
    pub fn new(signer: Signer, catalog: &Catalog) -> Self {
        Self {
            signer,
            others: Vec::new(),
            events: catalog.callbacks().filter_map(Known::of).collect(),
            counts: Counts::default(),
            seen: Seen::default(),
        }
    }

    /// Also accepts what these signers signed: the secrets of accounts and routes.
    #[must_use]
    pub fn and(mut self, others: impl IntoIterator<Item = Signer>) -> Self {
        self.others.extend(others);
        self
    }

    /// Receives a request. The signature is verified over the exact bytes if there is one, or if the catalog says that the
    /// event has one.
    pub fn receive(&mut self, request: &HttpRequest, now: Timestamp) -> Received {
        let body: Result<Value, BodyError> = match &*request.body {
            [] => Err(BodyError::Empty),
            bytes => serde_json::from_slice(bytes).map_err(|error| BodyError::NotJson(error.to_string())),
        };
        let known = body.as_ref().ok().and_then(|body| self.events.iter().find(|known| known.is(body)));
        let other = || body.as_ref().ok().and_then(name_of).map(str::to_owned);
        let event = known.map(|known| known.name.clone()).or_else(other);
        let id = known.map(|known| known.id.clone());
        let must = known.is_some_and(|known| known.signed);
        let header = &self.signer.scheme().header;
        let came = request.headers.values(header).next().is_some();
        let verdict = if must || came { self.verify(request, now) } else { Verdict::Unsigned };
        let times = self.seen.again(&request.body);
        self.counts.received += 1;
        self.counts.duplicates += u64::from(times > 1);
        *match verdict {
            Verdict::Verified => &mut self.counts.verified,
            Verdict::Wrong(_) => &mut self.counts.wrong,
            Verdict::Unsigned => &mut self.counts.unsigned,
        } += 1;
        Received { event, id, verdict, body, raw: request.body.clone(), times }
    }

    fn verify(&self, request: &HttpRequest, now: Timestamp) -> Verdict {
        let path = request.path_and_query();
        let received =
            signature::Received { body: &request.body, path: &path, headers: &request.headers, now };
        match self.signer.verify(&received) {
            Err(wrong) if self.others.iter().all(|other| other.verify(&received).is_err()) => {
                Verdict::Wrong(wrong)
            }
            _ => Verdict::Verified,
        }
    }

    /// Returns the counts so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

fn name_of(body: &Value) -> Option<&str> {
    body.get("event").or_else(|| body.get("type"))?.as_str()
}

/// The received bodies, by their digests.
#[derive(Debug, Default)]
struct Seen {
    times: HashMap<[u8; 32], u32>,
    order: VecDeque<[u8; 32]>,
}

impl Seen {
    fn again(&mut self, body: &[u8]) -> u32 {
        let digest: [u8; 32] = Sha256::digest(body).into();
        let times = self.times.entry(digest).or_insert(0);
        *times = times.saturating_add(1);
        let times = *times;
        if times == 1 {
            self.order.push_back(digest);
            if self.order.len() > REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.times.remove(&oldest);
            }
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::signature::{Scheme, Signing};
    use serde_json::json;

    fn now() -> Timestamp {
        "2030-01-01T00:00:00Z".parse().unwrap()
    }

    fn signer() -> Signer {
        Signer::new(Scheme::default(), "s3cret")
    }

    fn receiver() -> Receiver {
        Receiver::new(signer(), Catalog::builtin())
    }

    fn request(body: &str, signature: Option<String>) -> HttpRequest {
        HttpRequest {
            method: "POST".into(),
            path: "/hook".to_owned(),
            headers: signature.map(|value| ("x-airudder-sign", value)).into_iter().collect(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            ..HttpRequest::default()
        }
    }

    fn signed(body: &str) -> HttpRequest {
        let signing = Signing { body: body.as_bytes(), path: "/hook", now: now(), nonce: "" };
        request(body, Some(signer().signature(&signing)))
    }

    #[test]
    fn verdicts_and_counts() {
        let mut receiver = receiver();
        let body = json!({ "event": "session.transfer", "user": { "id": "1" } }).to_string();
        let right = receiver.receive(&signed(&body), now());
        assert_eq!(right.event.as_deref(), Some("session.transfer"));
        assert_eq!(right.id.as_deref(), Some("session.transfer"));
        assert_eq!((right.verdict, right.times), (Verdict::Verified, 1));
        assert_eq!(right.raw, body);
        assert_eq!(right.body.unwrap()["user"]["id"], "1");

        let mut changed = signed(&body);
        changed.body = Bytes::from(body.replace(':', ": "));
        let wrong = receiver.receive(&changed, now());
        assert!(matches!(wrong.verdict, Verdict::Wrong(_)));
        let missing = receiver.receive(&request(&body, None), now());
        assert!(matches!(missing.verdict, Verdict::Wrong(_)), "a signed event without a signature");
        assert_eq!(missing.times, 2);

        let notice = json!({ "type": "TaskStatus", "body": {} }).to_string();
        let unsigned = receiver.receive(&request(&notice, None), now());
        assert_eq!(
            (unsigned.id.as_deref(), unsigned.verdict),
            (Some("dialer.task_status"), Verdict::Unsigned)
        );
        assert_eq!(receiver.receive(&signed(&notice), now()).verdict, Verdict::Verified);
        assert!(matches!(
            receiver.receive(&request(&notice, Some("00".to_owned())), now()).verdict,
            Verdict::Wrong(_)
        ));

        assert_eq!(
            receiver.counts(),
            Counts { received: 6, verified: 2, wrong: 3, unsigned: 1, duplicates: 3 }
        );
    }

    #[test]
    fn bodies_that_are_no_callbacks() {
        let mut receiver = receiver();
        for (body, event, message) in [
            ("", None, "the body is empty"),
            ("{", None, "the body is not JSON: EOF while parsing an object at line 1 column 1"),
            ("[]", None, ""),
            ("{\"event\": 1}", None, ""),
            ("{\"event\": \"no.such\"}", Some("no.such"), ""),
        ] {
            let received = receiver.receive(&request(body, None), now());
            assert_eq!(received.event.as_deref(), event);
            assert_eq!((received.id, received.verdict), (None, Verdict::Unsigned));
            assert_eq!(received.body.err().map(|error| error.to_string()).unwrap_or_default(), message);
        }
        assert_eq!(receiver.receive(&signed("{"), now()).verdict, Verdict::Verified);
    }

    #[test]
    fn an_event_renamed_by_the_user_is_known_by_its_new_name() {
        let corrections: std::collections::BTreeMap<String, crate::contract::EntryFile> = toml::from_str(
            "['session.end']\nevent = 'closed'\n['session.transfer']\nfields = { event = 'kind' }",
        )
        .unwrap();
        let corrections = corrections.iter().map(|(id, correction)| (id.as_str(), correction));
        let catalog = Catalog::builtin().overridden(corrections).unwrap();
        let mut receiver = Receiver::new(signer(), &catalog);
        let received = receiver.receive(&request("{\"kind\":\"session.transfer\"}", None), now());
        assert_eq!(
            (received.id.as_deref(), received.event.as_deref()),
            (Some("session.transfer"), Some("session.transfer"))
        );
        let received = receiver.receive(&request("{\"event\":\"closed\"}", None), now());
        assert_eq!(received.id.as_deref(), Some("session.end"));
        assert!(matches!(received.verdict, Verdict::Wrong(_)));
    }

    #[test]
    fn memory_of_bodies_is_bounded() {
        let mut seen = Seen::default();
        for n in 0..REMEMBERED + 10 {
            assert_eq!(seen.again(&n.to_le_bytes()), 1);
        }
        assert_eq!((seen.times.len(), seen.order.len()), (REMEMBERED, REMEMBERED));
        assert_eq!(seen.again(&(REMEMBERED + 9).to_le_bytes()), 2);
        assert_eq!(seen.again(&0_usize.to_le_bytes()), 1);
    }
}

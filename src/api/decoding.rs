//! Authenticates and decodes a request.

use jiff::Timestamp;
use serde_json::Value;

use super::access::{Proof, client, decrypted, with_hint};
use super::decode::{DecodeError, Fields, decode_within};
use super::decoded::{Authenticated, Content, Decoded, RouteMatch};
use super::proof::Proven;
use super::state::{Api, LARGE};
use crate::contract::Family;
use crate::contract::renames::Renames;
use crate::engine::Engine;
use crate::net::HttpRequest;
use crate::settings::SignatureRule;
use crate::simulator::{AccountKey, Refusal, Simulator};

impl Api {
    /// Authenticates the request.
    pub(super) fn authenticate(
        &self,
        engine: &mut Engine,
        request: &HttpRequest,
        route: &RouteMatch,
        now: Timestamp,
    ) -> Authenticated {
        let is_open = self.open.contains(&*route.id);
        let proof = Proof::of(&route.id, route.family, is_open);
        let proven = (route.family == Family::Chatbot && !is_open).then(|| self.prove(request, now));
        let signed = proven.as_ref().map_or(Ok(None), |proven| self.signed(proven).map(Some));
        let client =
            signed.and_then(|signed| client(engine.simulator(), &self.rules, proof, signed, request, now));
        Authenticated { proven, client }
    }

    /// Decodes the request.
    pub(super) fn decode(
        &self,
        Authenticated { proven, client }: Authenticated,
        request: &HttpRequest,
        route: &RouteMatch,
        params: Vec<(String, String)>,
    ) -> Decoded {
        let decrypted = client.and_then(|client| {
            let decrypted = client.cipher.as_ref().map(|cipher| decrypted(request, cipher)).transpose()?;
            Ok((client, decrypted))
        });
        let content = match decrypted {
            Err(denied) => Content::Denied(denied),
            Ok((client, decrypted)) => {
                let fields = read(decrypted.as_ref().unwrap_or(request), route, params, self.values);
                match fields {
                    Ok(fields) => Content::Fields(fields, client),
                    Err(refusal) => Content::Unreadable(hinted(refusal, request, route), client),
                }
            }
        };
        Decoded { proven, content }
    }

    /// Checks the signature of a chatbot request.
    fn prove(&self, request: &HttpRequest, now: Timestamp) -> Proven {
        self.keys.prove(self.rules.chatbot_signature, request, now)
    }

    /// Returns the account whose key signed a chatbot request.
    fn signed(&self, proven: &Proven) -> Result<AccountKey, Refusal> {
        match &proven.cause {
            Some(cause) if self.rules.chatbot_signature == SignatureRule::Require => {
                Err(Refusal::new(401, cause.clone()))
            }
            _ => Ok(proven.account),
        }
    }
}

/// Adds to the refusal of a request what its headers explain.
pub(super) fn hinted(refusal: Refusal, request: &HttpRequest, route: &RouteMatch) -> Refusal {
    match route.family {
        Family::Cloud | Family::Workflow => with_hint(refusal, request),
        Family::Chatbot | Family::Dialer | Family::Sms | Family::Detection => refusal,
    }
}

/// Decodes the fields of a request in any encoding. A request without fields is valid: lists need none.
fn read(
    request: &HttpRequest,
    route: &RouteMatch,
    params: Vec<(String, String)>,
    values: usize,
) -> Result<Fields, Refusal> {
    let none = Renames::default();
    let names = route.names.as_ref().map_or(&none, |names| &names.read);
    let decoded = decode_within(request, route.family, names, values);
    if let Ok(Fields { rows: Some(rows), .. }) = &decoded
        && request.body.len() >= LARGE
    {
        Simulator::read_ahead(rows);
    }
    let mut fields = match decoded {
        Err(DecodeError::Empty) => Fields::default(),
        decoded => decoded.map_err(|error| Refusal::new(400, error.to_string()))?,
    };
    if let Value::Object(table) = &mut fields.fields {
        for (name, value) in params {
            table.entry(name).or_insert(Value::String(value));
        }
    }
    Ok(fields)
}

//! A story as requests with gaps.
//!
//! A template has several variants, each a whole story with people and texts of its own; iterations take turns with
//! them. Ids and times are gaps, so that every iteration has ids of its own and the present time.

use std::sync::Arc;

use jiff::Timestamp;

use super::ids::{IdForm, IdKeys};
use super::segments::{Filler, Segments};
use crate::contract::signature::{Signer, Signing};
use crate::delivery::{MessageIds, SuccessRule};
use crate::net::Target;

/// A story ready to be sent at any rate.
#[derive(Debug)]
pub struct StoryTemplate {
    /// Where every callback goes.
    pub target: Arc<Target>,
    /// What counts as success, for each step.
    pub success: Vec<SuccessRule>,
    pub(super) variants: Vec<Variant>,
    pub(super) signer: Signer,
    pub(super) keys: IdKeys,
    pub(super) message_ids: MessageIds,
}

/// A story with gaps.
#[derive(Debug, PartialEq)]
pub(super) struct Variant {
    /// The forms of its ids.
    pub(super) ids: Vec<IdForm>,
    /// Its callbacks, one for each step.
    pub(super) requests: Vec<RequestTemplate>,
}

/// A request with gaps.
#[derive(Debug, PartialEq)]
pub(super) struct RequestTemplate {
    /// From the request line to the last header before those of the signature, each with its line break.
    pub(super) head: Segments,
    /// The names of the headers of the signature, in their order.
    pub(super) signature: Vec<(Arc<str>, SignatureField)>,
    /// Whether the length is written: always, but for a GET without a body.
    pub(super) has_length: bool,
    /// The body.
    pub(super) body: Segments,
}

/// What a header of the signature holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignatureField {
    Signature,
    Timestamp,
    Nonce,
}

/// Room that is used again for every request.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    body: Vec<u8>,
    signature: String,
    nonce: String,
}

impl StoryTemplate {
    /// How many callbacks an iteration has.
    pub fn steps(&self) -> usize {
        self.success.len()
    }

    /// Appends the whole request of a step, as it goes over the wire of HTTP/1.1. `iteration` numbers the iterations of a
    /// run across all its workers and shards, `nonce` the requests.
    pub(crate) fn write(
        &self,
        iteration: u64,
        step: usize,
        nonce: u64,
        now: Timestamp,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) {
        let variant = &self.variants[(iteration % self.variants.len() as u64) as usize];
        let plan = &variant.requests[step];
        let filler = Filler { ids: &variant.ids, keys: self.keys, iteration, now };
        scratch.body.clear();
        plan.body.write(&filler, &mut scratch.body);
        plan.head.write(&filler, out);
        let mut number = itoa::Buffer::new();
        if !plan.signature.is_empty() {
            scratch.nonce.clear();
            scratch.nonce.push_str(self.message_ids.begin());
            scratch.nonce.push_str(number.format(nonce));
            let signing = Signing {
                body: &scratch.body,
                path: self.target.path_and_query(),
                now,
                nonce: &scratch.nonce,
            };
            for (name, field) in &plan.signature {
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b": ");
                scratch.signature.clear();
                match field {
                    SignatureField::Signature => self.signer.signature_into(&signing, &mut scratch.signature),
                    SignatureField::Timestamp => scratch.signature.push_str(&self.signer.timestamp(now)),
                    SignatureField::Nonce => scratch.signature.push_str(&scratch.nonce),
                }
                out.extend_from_slice(scratch.signature.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
        }
        if plan.has_length {
            out.extend_from_slice(b"Content-Length: ");
            out.extend_from_slice(number.format(scratch.body.len()).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&scratch.body);
    }
}

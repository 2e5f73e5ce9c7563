//! A story as requests with gaps.
//!
//! A template has several variants, each a whole story with people and texts of its own; iterations alternate between them.
//! Ids and times are gaps, so that every iteration has ids of its own and the present time.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::ids::{IdForm, IdKeys};
use super::segments::{Filler, Segments};
use crate::contract::signature::{Signer, Signing};
use crate::delivery::{Failure, MessageIds, SuccessRule};
use crate::load::hpack;
use crate::net::Target;
use crate::seed::Seed;
use crate::time::DurationRange;

/// A story ready to be sent at any rate.
#[derive(Debug)]
pub struct StoryTemplate {
    /// Where every callback goes.
    pub target: Arc<Target>,
    /// What counts as success, for each step.
    pub success: Vec<SuccessRule>,
    /// The event of each step.
    pub(super) events: Vec<Arc<str>>,
    pub(super) variants: Vec<Variant>,
    pub(super) keys: IdKeys,
    pub(super) message_ids: MessageIds,
    /// The pauses before each step, and the source of their lengths.
    pub(super) pauses: Vec<Vec<DurationRange>>,
    pub(super) seed: Seed,
}

/// Identifies the request to write, and its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sending {
    /// The number of the iteration in a run across all its workers and shards.
    pub(crate) iteration: u64,
    /// Index of the step.
    pub(crate) step: usize,
    /// The number of the request.
    pub(crate) nonce: u64,
    pub(crate) now: Timestamp,
    /// When the first step of the iteration was sent.
    pub(crate) begun: Timestamp,
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
    /// The names of the signature headers, in order.
    pub(super) signature: Vec<(Arc<str>, SignatureField)>,
    /// The head as a header block for HTTP/2, if nothing in it varies.
    pub(super) block: Option<Vec<u8>>,
    /// The signer, if the request is signed.
    pub(super) signer: Option<SignedBy>,
    /// Whether the length is written: always, except for a GET without a body.
    pub(super) has_length: bool,
    /// The body.
    pub(super) body: Segments,
}

/// The signer of a request. It is always the same for a step, so that it is ignored when requests are compared.
#[derive(Clone, Debug)]
pub(super) struct SignedBy(pub(super) Signer);

impl PartialEq for SignedBy {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// The value of a signature header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignatureField {
    Signature,
    Timestamp,
    Nonce,
}

/// Buffers that are reused for every request.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    body: Vec<u8>,
    signature: String,
    nonce: String,
}

impl StoryTemplate {
    /// Returns the number of callbacks of an iteration.
    pub fn steps(&self) -> usize {
        self.success.len()
    }

    /// Returns the length of an iteration's pause before a step, counted from the response to the step before it.
    pub(crate) fn pause(&self, iteration: u64, step: usize) -> Duration {
        let draw = |(place, range): (usize, &DurationRange)| match range.min == range.max {
            true => range.min,
            false => {
                let place = (step as u64) << 32 | place as u64;
                range.draw(&mut self.seed.derive("load pauses", iteration).stream("pause", place))
            }
        };
        self.pauses[step].iter().enumerate().map(draw).sum()
    }

    /// Appends a whole request, as it goes over the wire in HTTP/1.1.
    pub(crate) fn write(&self, sending: &Sending, scratch: &mut Scratch, out: &mut Vec<u8>) {
        let Sending { iteration, step, nonce, now, begun } = *sending;
        let (variant, plan) = self.plan(iteration, step);
        let filler = Filler { ids: &variant.ids, keys: self.keys, iteration, now, begun };
        scratch.body.clear();
        plan.body.write(&filler, &mut scratch.body);
        plan.head.write(&filler, out);
        self.sign(plan, nonce, now, scratch, |name, value| {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        });
        let mut number = itoa::Buffer::new();
        if plan.has_length {
            out.extend_from_slice(b"Content-Length: ");
            out.extend_from_slice(number.format(scratch.body.len()).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&scratch.body);
    }

    /// Returns the header block of a request for HTTP/2. The body is left in the scratch buffer.
    ///
    /// # Errors
    ///
    /// If the request can't be put into frames.
    pub(crate) fn write_http2(
        &self,
        sending: &Sending,
        scratch: &mut Scratch,
        block: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let Sending { iteration, step, nonce, now, begun } = *sending;
        let (variant, plan) = self.plan(iteration, step);
        let filler = Filler { ids: &variant.ids, keys: self.keys, iteration, now, begun };
        scratch.body.clear();
        plan.body.write(&filler, &mut scratch.body);
        match &plan.block {
            Some(fixed) => block.extend_from_slice(fixed),
            None => {
                let mut head = Vec::new();
                plan.head.write(&filler, &mut head);
                head_block(&head, &self.target, block)?;
            }
        }
        self.sign(plan, nonce, now, scratch, |name, value| hpack::header(name, value.as_bytes(), block));
        if plan.has_length {
            hpack::content_length(scratch.body.len(), block);
        }
        Ok(())
    }

    /// Returns the variant and the request of an iteration's step.
    fn plan(&self, iteration: u64, step: usize) -> (&Variant, &RequestTemplate) {
        let variant = &self.variants[(iteration % self.variants.len() as u64) as usize];
        (variant, &variant.requests[step])
    }

    /// Signs the body in the scratch buffer and passes the resulting headers to `write`.
    fn sign(
        &self,
        plan: &RequestTemplate,
        nonce: u64,
        now: Timestamp,
        scratch: &mut Scratch,
        mut write: impl FnMut(&str, &str),
    ) {
        let Some(SignedBy(signer)) = plan.signer.as_ref().filter(|_| !plan.signature.is_empty()) else {
            return;
        };
        scratch.nonce.clear();
        scratch.nonce.push_str(self.message_ids.begin());
        scratch.nonce.push_str(itoa::Buffer::new().format(nonce));
        let signing =
            Signing { body: &scratch.body, path: self.target.path_and_query(), now, nonce: &scratch.nonce };
        for (name, field) in &plan.signature {
            scratch.signature.clear();
            match field {
                SignatureField::Signature => signer.signature_into(&signing, &mut scratch.signature),
                SignatureField::Timestamp => scratch.signature.push_str(&signer.timestamp(now)),
                SignatureField::Nonce => scratch.signature.push_str(&scratch.nonce),
            }
            write(name, &scratch.signature);
        }
    }
}

impl Scratch {
    /// Returns the body written last.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }
}

/// Converts a head of HTTP/1.1 to a header block for HTTP/2. The authority replaces `Host`, and the length is written with
/// the body.
pub(super) fn head_block(head: &[u8], target: &Target, block: &mut Vec<u8>) -> Result<(), Failure> {
    let text = [head, b"\r\n"].concat();
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(&text) {
        Ok(httparse::Status::Complete(_)) => {}
        other => return Err(Failure::unsendable(format!("the request can't be put into frames: {other:?}"))),
    }
    let (method, path) = (parsed.method.unwrap_or("POST"), parsed.path.unwrap_or("/"));
    hpack::request(method, target.is_tls(), target.authority(), path, block);
    let is_left_out =
        |name: &str| ["host", "content-length"].iter().any(|other| name.eq_ignore_ascii_case(other));
    for header in parsed.headers.iter().filter(|header| !is_left_out(header.name)) {
        hpack::header(header.name, header.value, block);
    }
    Ok(())
}

//! A story as bytes with gaps: what is the same in every iteration is written once, what differs is filled in.
//!
//! A template has several variants, each a whole iteration with people and texts of its own; iterations take turns with
//! them. Ids and times are gaps, so that every iteration has ids of its own and tells the present time. An id is a
//! function of the seed and the iteration's number, which no two workers or shards share.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::contract::signature::{Signer, Signing};
use crate::delivery::SuccessRule;
use crate::net::Target;
use crate::seed::Seed;

/// A story ready to be told at any rate.
#[derive(Debug)]
pub struct StoryTemplate {
    /// Where every callback goes.
    pub target: Arc<Target>,
    /// What counts as success, for each step.
    pub success: Vec<SuccessRule>,
    /// The catalog ids of the events, for each step.
    pub events: Vec<Arc<str>>,
    /// Fields that take turns instead of being of their own in each iteration, although they look like ids.
    pub repeating: Vec<String>,
    pub(crate) variants: Vec<Variant>,
    pub(crate) signer: Signer,
    pub(crate) keys: IdKeys,
}

/// A iteration with gaps.
#[derive(Debug)]
pub(crate) struct Variant {
    /// The forms of its ids.
    pub(crate) ids: Vec<IdForm>,
    /// Its callbacks, one for each step.
    pub(crate) requests: Vec<RequestTemplate>,
}

/// A request with gaps.
#[derive(Debug)]
pub(crate) struct RequestTemplate {
    /// From the request line to the last header before those of the signature, each with its line break.
    pub(crate) head: Segments,
    /// The names of the headers of the signature, in their order.
    pub(crate) signature: Vec<(Arc<str>, SignatureField)>,
    /// Whether the length is written: always, but for a GET without a body.
    pub(crate) has_length: bool,
    /// The body.
    pub(crate) body: Segments,
}

/// What a header of the signature holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureField {
    Signature,
    Timestamp,
    Nonce,
}

/// Bytes with gaps.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    /// All fixed bytes, joined.
    bytes: Vec<u8>,
    pieces: Vec<Segment>,
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Fixed bytes.
    Fixed(Range<usize>),
    /// An id of the iteration.
    Id(usize),
    /// The present time and so many seconds.
    Time(TimeForm, i64),
    /// The iteration's number, from 1.
    Copy,
}

/// How a moment is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeForm {
    /// Unix seconds.
    Seconds,
    /// Unix milliseconds.
    Millis,
    /// `2030-01-01T00:00:00Z`.
    Utc,
    /// `2030-01-01 00:00:00`.
    Spaced,
}

/// How an id looks: fixed text around what is made anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct IdForm {
    pub(crate) start: String,
    pub(crate) made: Made,
    pub(crate) end: String,
}

/// What is made anew in an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// So many lower-case hexadecimal digits. From 16 on, no two iterations have the same.
    Hex(usize),
    /// A UUID of version 4.
    Uuid,
    /// So many digits. No two of `10^count` iterations in a row have the same.
    Digits(usize),
    /// So many digits, the first not 0, drawn at random.
    Drawn(usize),
}

impl Default for Made {
    fn default() -> Self {
        Self::Hex(0)
    }
}

/// What ids are made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdKeys {
    first: u64,
    second: u64,
}

impl IdKeys {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { first: seed.derive("load ids", 0).0, second: seed.derive("load ids", 1).0 }
    }

    /// 128 bits for an id. The first 64 are a bijection of iteration and id, so that they never repeat.
    fn bits(self, iteration: u64, id: usize) -> (u64, u64) {
        const IDS: u64 = 1 << 12;
        let place = iteration.wrapping_mul(IDS).wrapping_add(id as u64 % IDS);
        let first = scatter(place ^ self.first);
        (first, scatter(first ^ self.second.wrapping_add(place)))
    }
}

/// A bijection of 64 bits without a visible pattern: the finalizer of SplitMix64.
fn scatter(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

impl IdForm {
    /// Appends the id of a iteration.
    fn write(&self, keys: IdKeys, iteration: u64, id: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(self.start.as_bytes());
        self.made.write(keys, iteration, id, out);
        out.extend_from_slice(self.end.as_bytes());
    }
}

impl Made {
    fn write(self, keys: IdKeys, iteration: u64, id: usize, out: &mut Vec<u8>) {
        let (first, second) = keys.bits(iteration, id);
        match self {
            Self::Hex(count) => {
                let text = hex_of(first, second);
                let whole = count / text.len();
                for _ in 0..whole {
                    out.extend_from_slice(&text);
                }
                out.extend_from_slice(&text[..count % text.len()]);
            }
            Self::Uuid => {
                let mut text = hex_of(first, second);
                text[12] = b'4';
                text[16] = b"89ab"[(second >> 62) as usize];
                for (index, part) in [0..8, 8..12, 12..16, 16..20, 20..32].into_iter().enumerate() {
                    if index > 0 {
                        out.push(b'-');
                    }
                    out.extend_from_slice(&text[part]);
                }
            }
            Self::Digits(count) => {
                let room = 10_u64.pow(u32::try_from(count).unwrap_or(u32::MAX).min(18));
                // A factor that shares none with 10 makes each number appear once before any appears again.
                let factor = (room / 1000 * 618) | 1;
                let factor = if factor % 5 == 0 { factor + 2 } else { factor };
                let offset = scatter(keys.first ^ id as u64) % room;
                let product = u128::from(iteration % room) * u128::from(factor) + u128::from(offset);
                let number = (product % u128::from(room)) as u64;
                write_padded(number, count, out);
            }
            Self::Drawn(count) => {
                let low = 10_u64.pow(u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX).min(17));
                write_padded(low + first % (low * 9), count, out);
            }
        }
    }
}

fn hex_of(first: u64, second: u64) -> [u8; 32] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 32];
    let bytes = (u128::from(first) << 64 | u128::from(second)).to_be_bytes();
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

fn write_padded(number: u64, width: usize, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(number);
    out.resize(out.len() + width.saturating_sub(text.len()), b'0');
    out.extend_from_slice(text.as_bytes());
}

impl Segments {
    /// Appends fixed bytes.
    pub(crate) fn push_fixed(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        match self.pieces.last_mut() {
            Some(Segment::Fixed(range)) if range.end == start => range.end = self.bytes.len(),
            _ => self.pieces.push(Segment::Fixed(start..self.bytes.len())),
        }
    }

    /// Appends a gap.
    pub(crate) fn push(&mut self, piece: Segment) {
        self.pieces.push(piece);
    }

    fn write(&self, filler: &Filler<'_>, out: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Segment::Fixed(range) => out.extend_from_slice(&self.bytes[range.clone()]),
                Segment::Id(id) => filler.ids[*id].write(filler.keys, filler.iteration, *id, out),
                Segment::Time(form, offset) => form.write(filler.now, *offset, out),
                Segment::Copy => {
                    out.extend_from_slice(itoa::Buffer::new().format(filler.iteration + 1).as_bytes());
                }
            }
        }
    }
}

impl TimeForm {
    /// A format of jiff, of the forms that are texts.
    fn format(self) -> &'static str {
        match self {
            Self::Utc => "%Y-%m-%dT%H:%M:%SZ",
            Self::Spaced | Self::Seconds | Self::Millis => "%Y-%m-%d %H:%M:%S",
        }
    }

    fn write(self, now: Timestamp, offset: i64, out: &mut Vec<u8>) {
        let second = now.as_second().saturating_add(offset);
        let mut number = itoa::Buffer::new();
        match self {
            Self::Seconds => out.extend_from_slice(number.format(second).as_bytes()),
            Self::Millis => {
                let millis = now.as_millisecond().saturating_add(offset.saturating_mul(1000));
                out.extend_from_slice(number.format(millis).as_bytes());
            }
            Self::Utc | Self::Spaced => {
                let moment = Timestamp::from_second(second).unwrap_or(now);
                let text = TimeZone::UTC.to_datetime(moment).strftime(self.format()).to_string();
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
}

/// What the gaps of a iteration are filled with.
struct Filler<'a> {
    ids: &'a [IdForm],
    keys: IdKeys,
    iteration: u64,
    now: Timestamp,
}

/// Room that is used again for every request.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    body: Vec<u8>,
    signature: String,
    nonce: String,
}

impl StoryTemplate {
    /// How many callbacks a iteration has.
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
            scratch.nonce.push_str("msg_");
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn text(form: &IdForm, iteration: u64, id: usize) -> String {
        let mut out = Vec::new();
        form.write(IdKeys::new(Seed(1)), iteration, id, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn ids_have_their_form_and_never_repeat() {
        let form =
            |start: &str, made, end: &str| IdForm { start: start.to_owned(), made, end: end.to_owned() };
        let (digits, uuid) = (form("+62812", Made::Digits(6), ""), form("", Made::Uuid, ""));
        let hex = |count, end| form("", Made::Hex(count), end);
        let forms = [hex(32, ""), hex(16, ".wav"), hex(40, ""), uuid, digits];
        let looks = [
            "^[0-9a-f]{32}$",
            r"^[0-9a-f]{16}\.wav$",
            "^[0-9a-f]{40}$",
            "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
            r"^\+62812[0-9]{6}$",
        ];
        for (form, look) in forms.iter().zip(looks) {
            let look = regex_lite::Regex::new(look).unwrap();
            let all: HashSet<String> = (0..10_000).map(|iteration| text(form, iteration, 3)).collect();
            assert_eq!(all.len(), 10_000, "{form:?}");
            assert!(all.iter().all(|id| look.is_match(id)), "{form:?}");
            assert_ne!(text(form, 5, 3), text(form, 5, 4), "{form:?}");
        }
        // All of the numbers of a form of digits appear before one appears again.
        for count in 1..5 {
            let form = form("", Made::Digits(count), "");
            let all: HashSet<String> =
                (0..10_u64.pow(count as u32)).map(|iteration| text(&form, iteration, 0)).collect();
            assert_eq!(all.len(), 10_usize.pow(count as u32));
        }
        let drawn: HashSet<String> =
            (0..100_000).map(|iteration| text(&form("", Made::Drawn(4), ""), iteration, 0)).collect();
        assert_eq!(drawn.len(), 9000);
        assert!(drawn.iter().all(|id| id.len() == 4 && !id.starts_with('0')));
    }

    #[test]
    fn times_are_written_in_every_form() {
        let now: Timestamp = "2030-01-02T03:04:05.678Z".parse().unwrap();
        let text = |form: TimeForm, offset| {
            let mut out = Vec::new();
            form.write(now, offset, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(TimeForm::Seconds, 60), "1893553505");
        assert_eq!(text(TimeForm::Millis, -1), "1893553444678");
        assert_eq!(text(TimeForm::Utc, 0), "2030-01-02T03:04:05Z");
        assert_eq!(text(TimeForm::Spaced, 3600), "2030-01-02 04:04:05");
    }
}

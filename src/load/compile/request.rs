//! A callback as it goes over the wire in HTTP/1.1, split into the parts of its template.

use std::sync::Arc;

use super::align::Moments;
use super::error::NotCompilable;
use super::template::SignatureField;
use crate::contract::signature::Scheme;
use crate::delivery::Attempt;

/// A request that was sent.
pub(super) struct SentRequest {
    pub(super) attempt: Arc<Attempt>,
    pub(super) moments: Moments,
    /// From the request line to the last header before those of the signature, each with its line break.
    pub(super) head: Vec<u8>,
    pub(super) signature: Vec<(Arc<str>, SignatureField)>,
}

impl SentRequest {
    /// # Errors
    ///
    /// If its body is encrypted, or delivery would refuse it.
    pub(super) fn of(
        attempt: Arc<Attempt>,
        moments: Moments,
        scheme: &Scheme,
    ) -> Result<Self, NotCompilable> {
        let callback = &attempt.callback;
        if callback.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Is-Encrypted")) {
            return Err(NotCompilable::Encrypted);
        }
        crate::delivery::check(&attempt).map_err(NotCompilable::Unsendable)?;
        let (own, added) = attempt.headers.split_at(callback.headers.len());
        let signature = added.iter().map(|(name, _)| {
            let is = |other: &Option<Arc<str>>| other.as_ref().is_some_and(|other| other == name);
            let field = match () {
                () if is(&scheme.timestamp_header) => SignatureField::Timestamp,
                () if is(&scheme.nonce_header) => SignatureField::Nonce,
                () => SignatureField::Signature,
            };
            (Arc::clone(name), field)
        });
        let signature = signature.collect();
        let mut head = format!("{} {} HTTP/1.1\r\n", callback.method, callback.target.path_and_query());
        // The client writes `Host` first, and all values of a name at the position of its first one.
        if !own.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("Host: {}\r\n", callback.target.authority()));
        }
        for (index, (name, _)) in own.iter().enumerate() {
            let is_same = |(other, _): &&(Arc<str>, String)| other.eq_ignore_ascii_case(name);
            if own[..index].iter().any(|header| is_same(&header)) {
                continue;
            }
            for (name, value) in own.iter().filter(is_same) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        Ok(Self { head: head.into_bytes(), signature, attempt, moments })
    }

    pub(super) fn event(&self) -> &Arc<str> {
        &self.attempt.callback.event
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.attempt.callback.body
    }

    /// Whether the length is written: always, except for a GET without a body.
    pub(super) fn has_length(&self) -> bool {
        !self.body().is_empty() || !matches!(&*self.attempt.callback.method, "GET" | "HEAD")
    }
}

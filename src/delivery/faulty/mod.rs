//! Turns a callback into one attempt: signs it and applies its faults.
//!
//! This is the only place between the signature and the wire where faults are applied. Faults of the body come first, so that
//! the sent body is the signed one; then faults of the signature. Faults on the wire are left to the client.

mod body;
mod signature;
mod wire;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

pub(super) use wire::{Plan, Step};

use super::{Attempt, QueuedCallback};
use crate::contract::signature::Signing;
use crate::faults::{FaultName, Group};

/// An attempt, and the faults that could not be applied to it.
#[derive(Debug)]
pub struct AsSent {
    /// The attempt.
    pub attempt: Attempt,
    /// The faults that make no difference to this callback, each with the reason.
    pub missed: Vec<(FaultName, &'static str)>,
}

/// Prepares an attempt of a callback to be sent now.
pub fn as_sent(callback: Arc<QueuedCallback>, number: u32, now: Timestamp) -> AsSent {
    let mut body = callback.body.clone();
    let (mut faults, mut missed, mut wire) = (Vec::new(), Vec::new(), Vec::new());
    let mut signing_fault = None;
    for fault in callback.faults.iter().filter(|fault| number <= fault.attempts) {
        match fault.name.group() {
            Group::Signature => signing_fault = Some(fault),
            Group::Body if !fault.name.is_of_attempts() => match body::changed(fault, &body) {
                Some(changed) => {
                    body = Bytes::from(changed);
                    faults.push(fault.name);
                }
                None => missed.push((fault.name, "its body has nothing that this fault could change")),
            },
            Group::Body | Group::Connection => wire.push(Arc::clone(fault)),
            Group::Delivery if fault.name == FaultName::AnswerLost => wire.push(Arc::clone(fault)),
            // The others affect when and where it is sent, not how.
            Group::Delivery => faults.push(fault.name),
            Group::Api => {}
        }
    }
    faults.extend(callback.copy_of.map(|copy| copy.by));
    faults.extend(wire.iter().map(|fault| fault.name));
    let mut headers = callback.headers.clone();
    let path = callback.target.path_and_query();
    let signing = Signing { body: &body, path, now, nonce: &callback.message_id };
    let signed = match (&callback.signer, signing_fault) {
        (None, fault) => {
            missed.extend(fault.map(|fault| (fault.name, "it is not signed")));
            Vec::new()
        }
        (Some(signer), None) => signer.sign(&signing),
        (Some(signer), Some(fault)) => match signature::wrong(fault, signer, &signing) {
            Ok((headers, other)) => {
                faults.push(fault.name);
                if let Cow::Owned(other) = other {
                    body = Bytes::from(other);
                }
                headers
            }
            Err(why) => {
                missed.push((fault.name, why));
                signer.sign(&signing)
            }
        },
    };
    // A header set by the story wins, for example a wrong signature.
    let is_own = |name: &str| callback.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    headers.extend(signed.into_iter().filter(|(name, _)| !is_own(name)));
    AsSent { attempt: Attempt { body, callback, number, headers, wire, faults }, missed }
}

#[cfg(test)]
mod tests;

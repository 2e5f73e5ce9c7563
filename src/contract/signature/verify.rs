//! Verifies received signatures, and explains why one is wrong.

use std::time::Duration;

use jiff::Timestamp;
use subtle::{Choice, ConstantTimeEq};

use super::scheme::{Part, TimestampUnit};
use super::signer::Signer;
use super::signing::{Mismatch, Received, Signing};
use super::{compute, explain};
use crate::time::HumanDuration;

impl Signer {
    /// Checks a callback's signature and explains a mismatch. The time of the comparison does not depend on where the texts
    /// differ.
    pub fn verify(&self, received: &Received<'_>) -> Result<(), Mismatch> {
        let scheme = self.scheme();
        if received.values(&scheme.header).next().is_none() {
            return Err(explain::missing(&scheme.header, "it holds the signature", received));
        }
        let timestamp = self.received_timestamp(received)?;
        let nonce = self.received_nonce(received)?;
        let signing = Signing {
            body: received.body,
            path: received.path,
            now: timestamp.unwrap_or(received.now),
            nonce: nonce.unwrap_or_default(),
        };
        let expected = self.signature(&signing);
        let mut right = Choice::from(0);
        for given in self.candidates(received) {
            right |= is_same(given.as_bytes(), expected.as_bytes());
        }
        if !bool::from(right) {
            return Err(explain::explain(self, received, &signing, &expected));
        }
        match (scheme.tolerance, timestamp) {
            (Some(tolerance), Some(timestamp)) => self.check_age(timestamp, received.now, tolerance),
            _ => Ok(()),
        }
    }

    /// Checks a request's signature and that its key is the one of the scheme, and explains a mismatch.
    pub fn verify_request(&self, received: &Received<'_>) -> Result<(), Mismatch> {
        if let Some(key) = &self.scheme().key
            && let Some(id) = &key.id
        {
            let message = match received.values(&key.name).next() {
                Some(given) if given == &**id => return self.verify(received),
                Some(given) => format!("{} names the key `{given}`, but the key here is `{id}`", key.name),
                None => format!("the header {} is missing; it names the key, here `{id}`", key.name),
            };
            return Err(Mismatch::new(message));
        }
        self.verify(received)
    }

    /// Returns the moment that a message names, if it can be parsed.
    pub(super) fn timestamp_of(&self, received: &Received<'_>) -> Option<Timestamp> {
        self.received_timestamp(received).ok().flatten()
    }

    fn received_timestamp(&self, received: &Received<'_>) -> Result<Option<Timestamp>, Mismatch> {
        let scheme = self.scheme();
        let Some(name) = &scheme.timestamp_header else { return Ok(None) };
        let Some(text) = received.values(name).next() else {
            return if scheme.signs(&Part::Timestamp) || scheme.tolerance.is_some() {
                Err(explain::missing(name, "it holds the timestamp", received))
            } else {
                Ok(None)
            };
        };
        let read = text.parse::<i64>().ok().and_then(|number| match scheme.timestamp_unit {
            TimestampUnit::Seconds => Timestamp::from_second(number).ok(),
            TimestampUnit::Milliseconds => Timestamp::from_millisecond(number).ok(),
        });
        // A number in another notation, such as `+5` or `05`, would be signed as written by its sender but as `5` here.
        let read = read.filter(|moment| compute::timestamp(*moment, scheme.timestamp_unit) == text);
        read.map(Some).ok_or_else(|| {
            let unit = match scheme.timestamp_unit {
                TimestampUnit::Seconds => "seconds",
                TimestampUnit::Milliseconds => "milliseconds",
            };
            Mismatch::new(format!(
                "{name} is `{}`, which is not a timestamp in Unix {unit}",
                explain::shown(text)
            ))
        })
    }

    fn received_nonce<'s>(&self, received: &'s Received<'_>) -> Result<Option<&'s str>, Mismatch> {
        let scheme = self.scheme();
        let Some(name) = &scheme.nonce_header else { return Ok(None) };
        match received.values(name).next() {
            Some(value) => Ok(Some(value)),
            None if scheme.signs(&Part::Nonce) => {
                Err(explain::missing(name, "it holds the message's id, which is signed", received))
            }
            None => Err(explain::missing(name, "it holds the message's id", received)),
        }
    }

    fn check_age(&self, timestamp: Timestamp, now: Timestamp, tolerance: Duration) -> Result<(), Mismatch> {
        let off = now.as_millisecond().abs_diff(timestamp.as_millisecond());
        // Whole seconds are signed: a message of the current second must not count as one of the future.
        if off / 1000 <= tolerance.as_secs() {
            return Ok(());
        }
        let direction = if timestamp < now { "old" } else { "ahead of the clock here" };
        let mut mismatch = Mismatch::new(format!(
            "the signature is right, but its timestamp is {} {direction}; {} are allowed: compare the \
            clocks, or sign again at the time of sending",
            HumanDuration(Duration::from_secs(off / 1000)),
            HumanDuration(Duration::from_secs(tolerance.as_secs())),
        ));
        mismatch.hints.push(format!("timestamp {timestamp}, now {now}"));
        Err(mismatch)
    }
}

/// Compares two texts in a time that depends on their lengths alone. It compares eight bytes at a time: byte by byte would take
/// longer than the digest itself.
fn is_same(one: &[u8], other: &[u8]) -> Choice {
    if one.len() != other.len() {
        return Choice::from(0);
    }
    let ((ones, rest), (others, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let words = ones.iter().zip(others);
    words.fold(rest.ct_eq(other_rest), |same, (one, other)| {
        same & u64::from_ne_bytes(*one).ct_eq(&u64::from_ne_bytes(*other))
    })
}

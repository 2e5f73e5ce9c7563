//! Delivers callbacks to the integrator: outbox, policy, target guard, HTTP client, attempts.
//!
//! The [`Outbox`] is a state machine without sockets or clock: the engine pushes callbacks into it, asks which attempt is due,
//! and reports the result of each attempt. The [`Client`] makes one attempt over the network. At all times every pushed
//! callback is pending, in flight, waiting for a retry, delivered, or failed with its reason, and the sums match.

mod attempt;
mod client;
mod failure;
mod faulty;
mod file;
mod message_id;
mod outbox;
mod play;
mod policy;
mod pool;
mod receivers;
mod response;
#[cfg(test)]
mod scripted;
mod shared_bytes;
mod status_set;
mod tls_failure;

pub use attempt::{
    Attempt, AttemptOutcome, AttemptResult, CallbackId, CopyOf, End, ErrorClass, Failure, QueuedCallback,
};
pub(crate) use client::check;
pub use client::{Client, ClientOptions};
pub use faulty::as_sent;
pub use file::{DeliveryFile, PolicyPreset, policy, preset};
pub use message_id::MessageIds;
pub use outbox::{Outbox, Totals};
pub use policy::{Ordering, Policy, SuccessRule};
pub use response::ReceiverResponse;
pub use shared_bytes::SharedBytes;
pub use status_set::StatusSet;

//! A callback ready to send, one attempt to deliver it, and the result of the attempt.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::policy::Policy;
use super::response::ReceiverResponse;
use crate::contract::signature::Signer;
use crate::faults::{CallbackFault, FaultName, Group};
use crate::net::Target;

/// Numbers the callbacks of a run, from 1, in the order in which they were handed to delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct CallbackId(pub u64);

/// A callback that was handed to delivery. It is rendered once, so that every attempt sends the same bytes.
#[derive(Clone, Debug)]
pub struct QueuedCallback {
    /// The number of the callback.
    pub id: CallbackId,
    /// The event id in the catalog.
    pub event: Arc<str>,
    /// The URL it is sent to.
    pub target: Arc<Target>,
    /// The HTTP method, upper case.
    pub method: Arc<str>,
    /// All headers except `Host`, `Content-Length` and those of the signature, in their letter case on the wire.
    pub headers: Vec<(Arc<str>, String)>,
    /// The exact body.
    pub body: Bytes,
    /// Adds the headers of the signature to every attempt, if the callback is signed.
    pub signer: Option<Signer>,
    /// Identifies the callback to the receiver, for schemes that sign a nonce. It is the same for every attempt.
    pub message_id: String,
    /// The conversation's id. Callbacks with the same key keep their order if the policy demands it.
    pub order_key: Option<Arc<str>>,
    /// The names of the groups it is a part of: a task, a plan, a workflow.
    pub part_of: Vec<Arc<str>>,
    /// The groups it sums up. It waits until each earlier part was attempted, and later parts wait for it.
    pub sums_up: Option<Arc<str>>,
    /// When the first attempt is due.
    pub due: Timestamp,
    /// How it is sent, retried and judged.
    pub policy: Arc<Policy>,
    /// The faults applied to it: at most one of each group.
    pub faults: Vec<Arc<CallbackFault>>,
    /// The original, if a fault sends this copy.
    pub copy_of: Option<CopyOf>,
}

/// The original of a copy that a fault sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyOf {
    /// The original callback.
    pub callback: CallbackId,
    /// The fault that sends the copy.
    pub by: FaultName,
}

impl QueuedCallback {
    /// Whether it is exempt from ordering because of a fault.
    pub fn is_out_of_order(&self) -> bool {
        let is_freed = |fault: &Arc<CallbackFault>| {
            matches!(fault.name, FaultName::Hold | FaultName::Reorder | FaultName::Burst)
        };
        self.copy_of.is_some() || self.faults.iter().any(is_freed)
    }

    /// Its delivery fault (when, how often, where), if any.
    pub fn delivery_fault(&self) -> Option<&Arc<CallbackFault>> {
        self.faults.iter().find(|fault| fault.name.group() == Group::Delivery)
    }
}

/// One transmission of a callback. The client adds `Host` and `Content-Length`.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The callback.
    pub callback: Arc<QueuedCallback>,
    /// The number of the attempt, counted from 1 for each callback.
    pub number: u32,
    /// All headers except `Host` and `Content-Length`: those of the callback, then those of the signature.
    pub headers: Vec<(Arc<str>, String)>,
    /// The exact body: that of the callback, unless a fault changes it.
    pub body: Bytes,
    /// The faults on the wire.
    pub wire: Vec<Arc<CallbackFault>>,
    /// The names of all faults of this attempt.
    pub faults: Vec<FaultName>,
}

/// Why an attempt has no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The class, for counting and for expectations.
    pub class: ErrorClass,
    /// What happened and what to do about it, in one line.
    pub message: String,
}

/// The result of one attempt.
#[derive(Clone, Debug)]
pub struct AttemptResult {
    /// The response, or why there is none.
    pub result: Result<ReceiverResponse, Failure>,
    /// Real time from the start of the attempt to its end.
    pub elapsed: Duration,
}

/// What follows after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// There will be another attempt.
    Retry {
        /// When the next attempt is due.
        at: Timestamp,
    },
    /// It was the last attempt.
    Ended(End),
}

/// The final state of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The number of attempts.
    pub attempts: u32,
    /// Why the last attempt failed. `None` if the callback was delivered.
    pub failure: Option<Failure>,
}

impl End {
    /// Whether a fault dropped it, so that it was never sent.
    pub fn is_dropped(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.class == ErrorClass::Dropped)
    }
}

/// The classes of errors of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The target is neither on loopback nor allowed by the user.
    NotAllowed,
    /// The request can't be sent as it is, for example for a line break in a header.
    Unsendable,
    /// The host's name has no address.
    Unresolved,
    /// Nothing listens there.
    Refused,
    /// This machine cannot open another connection: it is out of descriptors. It does not count as an attempt.
    NoDescriptors,
    /// No complete response within the policy's timeout.
    Timeout,
    /// The connection ended before the response was complete.
    Reset,
    /// The TLS handshake failed.
    Tls,
    /// The response is not HTTP.
    BadAnswer,
    /// It was never sent, because a fault says so.
    Dropped,
    /// Its receiver is disabled because it failed for too long without a success.
    Disabled,
    /// There was a response, but its status or body does not count as success under the policy.
    Rejected,
}

impl ErrorClass {
    /// Whether further attempts can't succeed, so that the callback fails at once.
    pub fn is_final(self) -> bool {
        matches!(self, Self::NotAllowed | Self::Unsendable | Self::Dropped | Self::Disabled)
    }

    /// Returns the name of this class in files, records and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAllowed => "not_allowed",
            Self::Unsendable => "unsendable",
            Self::Unresolved => "unresolved",
            Self::Refused => "refused",
            Self::NoDescriptors => "no_descriptors",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Tls => "tls",
            Self::BadAnswer => "bad_answer",
            Self::Dropped => "dropped",
            Self::Disabled => "disabled",
            Self::Rejected => "rejected",
        }
    }
}

impl std::fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

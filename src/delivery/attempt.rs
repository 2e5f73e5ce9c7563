//! What goes out and what comes back: a callback ready to send, one attempt to deliver it, and what came of that.

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

/// A callback handed to delivery: rendered once, so that every attempt sends the same bytes.
#[derive(Clone, Debug)]
pub struct QueuedCallback {
    /// Its number.
    pub id: CallbackId,
    /// Its event id in the catalog.
    pub event: Arc<str>,
    /// Where it goes.
    pub target: Arc<Target>,
    /// The HTTP method, upper case.
    pub method: Arc<str>,
    /// All headers but `Host`, `Content-Length` and those of the signature, in their letter case on the wire.
    pub headers: Vec<(Arc<str>, String)>,
    /// The exact body.
    pub body: Bytes,
    /// What adds the headers of the signature to every attempt, if it is signed.
    pub signer: Option<Signer>,
    /// Names it to the receiver, for schemes that sign a nonce: the same for every attempt.
    pub message_id: String,
    /// Callbacks with the same key keep their order if the policy says so: the conversation's id.
    pub order_key: Option<Arc<str>>,
    /// What it is a part of, by any names: a task, a plan, a workflow.
    pub part_of: Vec<Arc<str>>,
    /// What it sums up: it waits until each part that came before it was attempted, and parts that come after it wait
    /// for it.
    pub sums_up: Option<Arc<str>>,
    /// When the first attempt is due.
    pub due: Timestamp,
    /// How it is sent, retried and judged.
    pub policy: Arc<Policy>,
    /// What goes wrong with it on purpose: at most one of each group.
    pub faults: Vec<Arc<CallbackFault>>,
    /// What it is once more, if a fault makes it come again.
    pub copy_of: Option<CopyOf>,
}

/// What a callback is once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyOf {
    /// The callback.
    pub callback: CallbackId,
    /// The fault that makes it come again.
    pub by: FaultName,
}

impl QueuedCallback {
    /// Whether it stands in no order, because a fault says so.
    pub fn is_out_of_order(&self) -> bool {
        let is_freed = |fault: &Arc<CallbackFault>| {
            matches!(fault.name, FaultName::Hold | FaultName::Reorder | FaultName::Burst)
        };
        self.copy_of.is_some() || self.faults.iter().any(is_freed)
    }

    /// The fault of it that is about when, how often and where it comes.
    pub fn delivery_fault(&self) -> Option<&Arc<CallbackFault>> {
        self.faults.iter().find(|fault| fault.name.group() == Group::Delivery)
    }
}

/// One transmission of a callback as it goes out: the client adds `Host` and `Content-Length`.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The callback.
    pub callback: Arc<QueuedCallback>,
    /// Counts the attempts of a callback from 1.
    pub number: u32,
    /// All headers but `Host` and `Content-Length`: those of the callback, then those of the signature.
    pub headers: Vec<(Arc<str>, String)>,
    /// The exact body: that of the callback, unless a fault makes it another one.
    pub body: Bytes,
    /// What goes wrong on the wire on purpose.
    pub wire: Vec<Arc<CallbackFault>>,
    /// All that goes wrong with it on purpose, by name.
    pub faults: Vec<FaultName>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The class, for counting and for expectations.
    pub class: ErrorClass,
    /// What happened and what to do about it, one line.
    pub message: String,
}

/// What came of one attempt.
#[derive(Clone, Debug)]
pub struct AttemptResult {
    /// The answer, or why there is none.
    pub result: Result<ReceiverResponse, Failure>,
    /// Real time from the start of the attempt to its end.
    pub elapsed: Duration,
}

/// What follows from an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// There will be another one.
    Retry {
        /// When.
        at: Timestamp,
    },
    /// It was the last one.
    Ended(End),
}

/// How a callback came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// After how many attempts.
    pub attempts: u32,
    /// Why the last one failed; nothing if the callback was delivered.
    pub failure: Option<Failure>,
}

impl End {
    /// Whether it was never sent, because a fault says so.
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
    /// Nobody listens there.
    Refused,
    /// This machine gives no further connection: it is out of descriptors. It is no attempt.
    NoDescriptors,
    /// No whole answer within the policy's timeout.
    Timeout,
    /// The connection ended before the answer did.
    Reset,
    /// The TLS handshake failed.
    Tls,
    /// What came back is not HTTP.
    BadAnswer,
    /// It was never sent, because a fault says so.
    Dropped,
    /// Its receiver has only failed for so long that it gets nothing more.
    Disabled,
    /// An answer came, but its status or body is not what the policy calls success.
    Rejected,
}

impl ErrorClass {
    /// Whether another attempt can't end better, so that the callback is given up at once.
    pub fn is_final(self) -> bool {
        matches!(self, Self::NotAllowed | Self::Unsendable | Self::Dropped | Self::Disabled)
    }

    /// The word of this class in files, records and reports.
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

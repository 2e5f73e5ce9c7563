//! The response of a receiver.

use bytes::Bytes;

/// The response of a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, up to the policy's `answer_cap`.
    pub body: Bytes,
    /// Whether the body was longer than the cap.
    pub truncated: bool,
}

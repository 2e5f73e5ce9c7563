//! What a receiver answered.

use bytes::Bytes;

/// What the receiver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, at most as long as the policy's `answer_cap`.
    pub body: Bytes,
    /// Whether the body was longer than the cap.
    pub truncated: bool,
}

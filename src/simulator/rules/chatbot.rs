//! Rules of conversations, and limits on what is kept of them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

/// Rules of conversations, and limits on what is kept of them. All of it is assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatRules {
    /// How long after the user's last message free-form messages may be sent. `None`: always.
    pub window: Option<Duration>,
    /// The silence after which a conversation ends by itself.
    pub silence: Duration,
    /// Maximum size of a file, in bytes.
    pub upload_bytes: usize,
    /// Maximum total size of kept files, in bytes.
    pub uploads_bytes: usize,
    /// Maximum number of kept files.
    pub uploads: usize,
    /// The codes of refusals.
    pub codes: ChatCodes,
}

/// The codes of what the chatbot refuses. All of them are assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-noun" = "the codes"))]
pub struct ChatCodes {
    /// A message is not what the vendor's examples show. Default: 400.
    #[schemars(range(min = 1, max = 99_999))]
    pub content: u32,
    /// The conversation has ended. Default: 400.
    #[schemars(range(min = 1, max = 99_999))]
    pub closed: u32,
    /// The window for free-form messages is closed. Default: 400.
    #[schemars(range(min = 1, max = 99_999))]
    pub window: u32,
    /// A transfer is answered that was never asked for. Default: 409.
    #[schemars(range(min = 1, max = 99_999))]
    pub not_asked: u32,
    /// A transfer is answered again. Default: 409.
    #[schemars(range(min = 1, max = 99_999))]
    pub answered: u32,
    /// An agent writes before accepting the transfer. Default: 409.
    #[schemars(range(min = 1, max = 99_999))]
    pub not_accepted: u32,
}

impl Default for ChatCodes {
    fn default() -> Self {
        Self { content: 400, closed: 400, window: 400, not_asked: 409, answered: 409, not_accepted: 409 }
    }
}

impl Default for ChatRules {
    fn default() -> Self {
        Self {
            window: Some(Duration::from_secs(24 * 3600)),
            silence: Duration::from_secs(24 * 3600),
            upload_bytes: 16 << 20,
            uploads_bytes: 64 << 20,
            uploads: 1_000,
            codes: ChatCodes::default(),
        }
    }
}

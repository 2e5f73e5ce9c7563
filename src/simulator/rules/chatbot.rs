//! How conversations go on and how much is kept of them.

use std::time::Duration;

/// How conversations go on and how much is kept of them. All of it is assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatRules {
    /// How long after the user's last message free-form messages may be sent; nothing: always.
    pub window: Option<Duration>,
    /// The largest file that is taken, in bytes.
    pub upload_bytes: usize,
    /// How many bytes of files are kept.
    pub uploads_bytes: usize,
    /// How many files are kept.
    pub uploads: usize,
}

impl Default for ChatRules {
    fn default() -> Self {
        Self {
            window: Some(Duration::from_secs(24 * 3600)),
            upload_bytes: 16 << 20,
            uploads_bytes: 64 << 20,
            uploads: 1_000,
        }
    }
}

//! The receipt of a text message. Assumed, also that it is not signed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `sms.receipt`: what became of a text message (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SmsReceipt {
    /// The message, as the sending request answered it (client).
    pub message_id: String,
    /// The number, in E.164.
    pub to: String,
    /// `delivered` or `failed`.
    pub status: String,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When, in Unix seconds.
    pub timestamp: i64,
}

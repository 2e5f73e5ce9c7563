//! The result of number detection. Not signed. Client.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `detection.result`: whether a number is in use. Receivers answer `{"code":200,"msg":"ok"}` (client).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DetectionResult {
    /// What it tells.
    pub business: Business,
}

/// What became of one number (client).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Business {
    /// The number, in E.164.
    pub callee: String,
    /// What was found, see [`NUMBER_STATUSES`].
    pub numstatus: i64,
    /// What the customer gave along, sent back as it was.
    pub prvdata: String,
}

/// The values of `numstatus` and what they mean (client).
pub const NUMBER_STATUSES: [(i64, &str); 10] = [
    (0, "unknown"),
    (1, "invalid"),
    (2, "valid"),
    (3, "busy"),
    (4, "in arrears"),
    (5, "on hold"),
    (6, "switched off"),
    (7, "out of area"),
    (8, "not registered"),
    (9, "wrong number"),
];

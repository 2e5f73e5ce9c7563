//! The vendor's business lines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The vendor's business lines. Their robots speak of different things; the notices of an info check have additional
/// fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Business {
    /// Debt collection.
    #[default]
    Collection,
    /// Telemarketing and e-commerce.
    Telemarketing,
    /// Checks of what somebody said of themselves.
    InfoCheck,
}

//! The provenance of facts about the vendor.

use serde::{Deserialize, Serialize};

/// The provenance of a fact about the vendor's wire. It is shown wherever the fact is used. What is less sure is greater.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Provenance {
    /// Read in the vendor's public documentation.
    Documented,
    /// Read off an example in that documentation: required marks, limits and full enumerations are unknown.
    Example,
    /// Read off, or observed on the wire of, a third-party client in real use.
    Client,
    /// Not public: chosen in the style of its family, overridable by the user.
    Assumed,
}

impl Provenance {
    /// All of them, the most certain first.
    pub const ALL: [Self; 4] = [Self::Documented, Self::Example, Self::Client, Self::Assumed];

    /// Returns the word shown to users.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Example => "example",
            Self::Client => "client",
            Self::Assumed => "assumed",
        }
    }
}

impl std::fmt::Display for Provenance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

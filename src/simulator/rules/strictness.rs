//! How strict the simulated vendor is with an integrator.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How strict the simulated vendor is with an integrator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Strictness {
    /// Takes what `standard` refuses beyond the vendor's own documents; what was wrong is noted.
    Lenient,
    /// Refuses what no vendor would take, and notes what an integrator probably did not mean.
    #[default]
    Standard,
    /// Besides, every note about the integrator and every use of something only assumed is an error: it fails a story
    /// and a run.
    Strict,
}

impl Strictness {
    /// Returns the word of the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lenient => "lenient",
            Self::Standard => "standard",
            Self::Strict => "strict",
        }
    }
}

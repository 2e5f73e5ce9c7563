//! The gender of a simulated customer.

use std::fmt;

use rand::RngExt;
use serde::Serialize;

use crate::seed::Rng;

/// The vendor's field `Gender`; the texts use it for forms of address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gender {
    /// `male`
    Male,
    /// `female`
    Female,
}

impl Gender {
    /// Draws one of the two with equal probability.
    pub fn draw(rng: &mut Rng) -> Self {
        if rng.random() { Self::Female } else { Self::Male }
    }
}

impl fmt::Display for Gender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Male => "male",
            Self::Female => "female",
        })
    }
}

//! The market of a country: invented companies, typical amounts.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::country::Country;

/// The market of a country: invented companies, typical amounts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Market {
    /// Invented shops that also sell on instalments, so that a name fits debts, parcels and loans alike.
    pub(crate) companies: Vec<String>,
    /// The lowest and highest amount of an instalment, in whole units of the money.
    pub(crate) amount: [u64; 2],
    /// Amounts are multiples of this.
    pub(crate) step: u64,
}

/// Returns the market of a country.
pub(crate) fn market(country: Country) -> &'static Market {
    static MARKETS: OnceLock<BTreeMap<String, Market>> = OnceLock::new();
    MARKETS
        .get_or_init(|| {
            toml::from_str(include_str!("files/markets.toml"))
                .unwrap_or_else(|error| panic!("markets.toml: {error}"))
        })
        .get(country.code())
        .expect("markets.toml has every country")
}

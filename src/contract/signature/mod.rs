//! Signatures. To be written.

/// The signature scheme as written in a settings file.
#[derive(Clone, Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemeFile {}

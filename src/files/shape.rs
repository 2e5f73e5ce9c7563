//! Checks a spanned TOML tree against a JSON Schema.

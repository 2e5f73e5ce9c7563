//! `schema`: prints the JSON Schema of the files users write, for editors.

use super::{CommandError, Exit};

/// The arguments of `schema`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An editor with TOML support checks and completes a file whose first line is
    #:schema ../schema/scenario.schema.json")]
pub(super) struct Args {
    /// Which kind of file.
    #[arg(value_name = "KIND", value_enum)]
    kind: super::check::Kind,
}
pub(super) fn run(args: Args) -> Result<Exit, CommandError> {
    super::print(&text(args.kind))
}

fn text(kind: super::check::Kind) -> String {
    match kind {
        super::check::Kind::Scenario => crate::scenario::check::schema_text(),
        super::check::Kind::Settings => crate::settings::schema_text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::Kind;

    #[test]
    fn committed_schemas_are_current() {
        for (kind, name) in [(Kind::Scenario, "scenario"), (Kind::Settings, "settings")] {
            let path = format!("{}/schema/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
            if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
                std::fs::write(&path, text(kind)).unwrap();
            }
            let committed = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
            assert!(
                committed == text(kind),
                "schema/{name}.schema.json is out of date, write it anew with:\n    \
                 cargo run -- schema {name} > schema/{name}.schema.json"
            );
        }
    }
}

//! `schema`: prints the JSON Schema of the files users write, for editors, and the OpenAPI document of the control surface.

use super::{CommandError, Exit};

/// The arguments of `schema`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An editor with TOML support checks and completes a file whose first line is
    #:schema ../schema/scenario.schema.json")]
pub(super) struct Args {
    /// What is described.
    #[arg(value_name = "KIND", value_enum)]
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Scenario files.
    Scenario,
    /// The settings file.
    Settings,
    /// The requests under /_mock/, as OpenAPI.
    Control,
}

impl Kind {
    /// The file of the repository that has it.
    #[cfg(test)]
    fn file(self) -> &'static str {
        match self {
            Self::Scenario => "schema/scenario.schema.json",
            Self::Settings => "schema/settings.schema.json",
            Self::Control => "schema/control.openapi.json",
        }
    }

    fn text(self) -> String {
        match self {
            Self::Scenario => crate::scenario::check::schema_text(),
            Self::Settings => crate::settings::schema_text(),
            Self::Control => format!("{:#}\n", crate::console::openapi()),
        }
    }
}

pub(super) fn run(args: Args) -> Result<Exit, CommandError> {
    super::print(&args.kind.text())
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn committed_schemas_are_current() {
        for kind in Kind::value_variants() {
            let path = format!("{}/{}", env!("CARGO_MANIFEST_DIR"), kind.file());
            if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
                std::fs::write(&path, kind.text()).unwrap();
            }
            let committed = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
            assert!(
                committed == kind.text(),
                "{} is out of date; INSTA_UPDATE=always writes it anew, and so does `cargo run -- schema KIND`",
                kind.file()
            );
        }
    }
}

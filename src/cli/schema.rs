//! `schema`: prints the JSON Schema of the files users write, for editors, and the OpenAPI documents of the control
//! surface and of the vendor.

use std::path::Path;

use super::{CommandError, Exit};
use crate::mock::Prepared;
use crate::settings::Flags;
use crate::simulator::openapi::{Described, document};

/// The arguments of `schema`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An editor with TOML support checks and completes a file whose first line is
    #:schema ../schema/scenario.schema.json")]
pub(super) struct Args {
    /// What to describe.
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
    /// The vendor's requests and callbacks, as OpenAPI, with the corrections of the settings.
    Vendor,
}

impl Kind {
    /// Returns the file of the repository that contains it, if there is one.
    #[cfg(test)]
    fn file(self) -> Option<&'static str> {
        Some(match self {
            Self::Scenario => "schema/scenario.schema.json",
            Self::Settings => "schema/settings.schema.json",
            Self::Control => "schema/control.openapi.json",
            Self::Vendor => return None,
        })
    }

    fn text(self, config: Option<&Path>) -> Result<String, CommandError> {
        Ok(match self {
            Self::Scenario => crate::scenario::check::schema_text(),
            Self::Settings => crate::settings::schema_text(),
            Self::Control => format!("{:#}\n", crate::console::openapi()),
            Self::Vendor => {
                let Prepared { settings, catalog, signer, .. } =
                    super::prepare(config, &Flags::default(), None)?;
                let described =
                    Described { catalog: &catalog, scheme: signer.scheme(), codes: &settings.codes };
                format!("{:#}\n", document(described))
            }
        })
    }
}

pub(super) fn run(args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    super::print(&args.kind.text(config)?)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn committed_schemas_are_current() {
        for kind in Kind::value_variants() {
            let Some(file) = kind.file() else { continue };
            let text = kind.text(None).unwrap();
            let path = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
            if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
                std::fs::write(&path, &text).unwrap();
            }
            let committed = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
            assert!(
                committed == text,
                "{file} is out of date; INSTA_UPDATE=always writes it anew, and so does `cargo run -- schema KIND`",
            );
        }
    }
}

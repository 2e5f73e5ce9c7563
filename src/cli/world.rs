//! The settings with what follows from them: the corrected catalog and the signer.

use std::path::Path;
use std::sync::Arc;

use super::CommandError;
use crate::contract::Catalog;
use crate::contract::signature::{Scheme, Signer};
use crate::settings::{Flags, Settings};

/// What commands that send or verify start from.
pub(super) struct World {
    pub(super) settings: Settings,
    /// The list of what exists, with the user's corrections.
    pub(super) catalog: Arc<Catalog>,
    /// Signs and verifies by the user's scheme.
    pub(super) signer: Signer,
}

impl World {
    /// Reads the settings and works out what they mean.
    pub(super) fn load(config: Option<&Path>, flags: Flags) -> Result<Self, CommandError> {
        let settings = Settings::load(config, flags).map_err(CommandError::problems)?;
        let catalog = Arc::new(settings.catalog.clone());
        let scheme = scheme(&settings)?;
        for account in &settings.accounts {
            if let Some(secret) = &account.sign_secret {
                let explained =
                    |error| format!("the `sign_secret` of the account `{}`: {error}", account.name);
                Signer::try_new(scheme.clone(), secret)
                    .map_err(|error| CommandError::usage(explained(error)))?;
            }
        }
        let signer = Signer::try_new(scheme, &settings.secret).map_err(CommandError::usage)?;
        Ok(Self { settings, catalog, signer })
    }
}

/// The user's signature scheme.
pub(super) fn scheme(settings: &Settings) -> Result<Scheme, CommandError> {
    match &settings.signature {
        Some(file) => Scheme::from_file(file).map_err(|error| {
            CommandError::usage(format!("in the settings, [signature] {}: {error}", error.place().0))
        }),
        None => Ok(Scheme::default()),
    }
}

//! The settings and what is derived from them: the corrected catalog and the signer.

use std::path::Path;
use std::sync::Arc;

use super::StartError;
use crate::contract::Catalog;
use crate::contract::signature::{Scheme, Signer};
use crate::settings::{Flags, InForce, Settings};

/// The settings and what is derived from them, for everything that sends, serves or verifies.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The merged settings.
    pub settings: Settings,
    /// The catalog with the user's corrections.
    pub catalog: Arc<Catalog>,
    /// Signs and verifies by the user's scheme.
    pub signer: Signer,
    /// The signers with the secrets of the routes, in their order.
    pub route_signers: Vec<Option<Signer>>,
}

impl Prepared {
    /// Reads the settings (the named file, or else `airudder-mock.toml` in this folder if there is one) under these flags, and
    /// derives the rest.
    ///
    /// # Errors
    ///
    /// Every mistake in the file, the environment and the flags; or a signature scheme or secret that does not fit.
    pub fn load(config: Option<&Path>, flags: Flags) -> Result<Self, StartError> {
        Self::new(Settings::load(config, flags)?)
    }

    /// Derives the rest from settings.
    ///
    /// # Errors
    ///
    /// If the signature scheme or a secret does not fit.
    pub fn new(settings: Settings) -> Result<Self, StartError> {
        let catalog = Arc::clone(&settings.catalog);
        let scheme = scheme(&settings)?;
        for account in &settings.accounts {
            if let Some(secret) = &account.sign_secret {
                Signer::try_new(scheme.clone(), secret)
                    .map_err(|error| StartError::AccountSecret { account: account.name.clone(), error })?;
            }
        }
        let route_signers = settings.routes.signers(&scheme);
        let signer = Signer::try_new(scheme, &settings.secret).map_err(StartError::Secret)?;
        Ok(Self { settings, catalog, signer, route_signers })
    }

    /// Returns the settings in force, with a callback URL that wins over theirs.
    pub(crate) fn in_force(&self, callback_url: Option<String>) -> InForce {
        let callback_url = callback_url.or_else(|| self.settings.callback_url.clone());
        InForce::of(&self.settings, callback_url, self.signer.scheme().describe())
    }
}

/// Returns the user's signature scheme.
pub(crate) fn scheme(settings: &Settings) -> Result<Scheme, StartError> {
    match &settings.signature {
        Some(file) => Scheme::from_file(file).map_err(|error| StartError::Scheme { error }),
        None => Ok(Scheme::default()),
    }
}

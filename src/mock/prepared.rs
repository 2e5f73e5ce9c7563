//! The settings with what follows from them: the corrected catalog and the signer.

use std::path::Path;
use std::sync::Arc;

use super::StartError;
use crate::contract::Catalog;
use crate::contract::signature::{Scheme, Signer};
use crate::settings::{Flags, InForce, Settings};

/// What everything that sends, serves or verifies starts from.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The settings as meant.
    pub settings: Settings,
    /// The list of what exists, with the user's corrections.
    pub catalog: Arc<Catalog>,
    /// Signs and verifies by the user's scheme.
    pub signer: Signer,
    /// Signs by the secrets of the routes, in their order.
    pub route_signers: Vec<Option<Signer>>,
}

impl Prepared {
    /// Reads the settings (the file named, or else `airudder-mock.toml` in this folder if there is one) under these
    /// flags, and works out what they mean.
    ///
    /// # Errors
    ///
    /// Every mistake in the file, the environment and the flags; or a signature scheme or secret that does not fit.
    pub fn load(config: Option<&Path>, flags: Flags) -> Result<Self, StartError> {
        Self::new(Settings::load(config, flags)?)
    }

    /// Works out what settings mean.
    ///
    /// # Errors
    ///
    /// A signature scheme or a secret that does not fit.
    pub fn new(settings: Settings) -> Result<Self, StartError> {
        let catalog = Arc::new(settings.catalog.clone());
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

    /// The settings in force, where this callback URL wins over theirs.
    pub(crate) fn in_force(&self, callback_url: Option<String>) -> InForce {
        let callback_url = callback_url.or_else(|| self.settings.callback_url.clone());
        InForce::of(&self.settings, callback_url, self.signer.scheme().describe())
    }
}

/// The user's signature scheme.
pub(crate) fn scheme(settings: &Settings) -> Result<Scheme, StartError> {
    match &settings.signature {
        Some(file) => Scheme::from_file(file).map_err(|error| StartError::Scheme { error }),
        None => Ok(Scheme::default()),
    }
}

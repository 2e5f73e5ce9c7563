//! Where the certificate authority of the mocks is stored.

use std::path::PathBuf;

use super::CommandError;
use crate::http::{Authority, AuthorityError};

/// The variable that names the folder for the commands started by a command.
pub(super) const VARIABLE: &str = "AIRUDDER_MOCK_CA_DIR";

/// Which certificate authority is meant.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct CaDir {
    /// The folder of the certificate authority, which is created there on first use. Default: airudder-mock/ca in
    /// $XDG_DATA_HOME or ~/.local/share.
    #[arg(long, value_name = "DIR", env = VARIABLE, hide_env_values = true)]
    ca_dir: Option<PathBuf>,
}

impl CaDir {
    fn folder(&self) -> Result<PathBuf, AuthorityError> {
        match &self.ca_dir {
            // The started commands run in other folders, so the path is made absolute.
            Some(folder) => Ok(std::path::absolute(folder).unwrap_or_else(|_| folder.clone())),
            None => Authority::usual_folder(|name| std::env::var_os(name)),
        }
    }

    /// Opens the authority, and creates it if it does not exist.
    pub(super) fn open(&self) -> Result<Authority, CommandError> {
        self.folder().and_then(|folder| Authority::open(&folder)).map_err(CommandError::start)
    }

    /// Returns the file of its certificate, if it exists.
    pub(super) fn certificate(&self) -> Option<PathBuf> {
        let file = Authority::certificate_in(&self.folder().ok()?);
        file.exists().then_some(file)
    }
}

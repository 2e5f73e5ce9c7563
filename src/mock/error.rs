//! Why a mock cannot start.

use crate::console::AgainError;
use crate::contract::signature::{SchemeError, SecretError};
use crate::engine::SpeedError;
use crate::files::Problems;
use crate::http::{AuthorityError, BindError, TlsError};
use crate::net::{GuardError, NotAllowed, TargetError};

/// Why a mock cannot start. Each message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Mistakes in the settings file, in the environment or among the flags.
    #[error("{}", .0.render())]
    Settings(Problems),
    /// The signature scheme of the settings contradicts itself.
    #[error("in the settings, [signature] {place}: {error}", place = .error.place().0)]
    Scheme {
        /// What is wrong.
        error: SchemeError,
    },
    /// No clock can go at this speed.
    #[error("the speed: {0}")]
    Speed(#[from] SpeedError),
    /// The secret does not fit the signature scheme.
    #[error("{0}")]
    Secret(SecretError),
    /// The secret of an account does not fit the signature scheme.
    #[error("the `sign_secret` of the account `{account}`: {error}")]
    AccountSecret {
        /// The name of the account.
        account: String,
        /// What is wrong.
        error: SecretError,
    },
    /// The callback URL is none.
    #[error("{url}: {error}")]
    CallbackUrl {
        /// What was given.
        url: String,
        /// What is wrong.
        error: TargetError,
    },
    /// Callbacks may not go to the host of the callback URL.
    #[error(transparent)]
    CallbackHost(#[from] NotAllowed),
    /// A host to allow is none.
    #[error(transparent)]
    Allow(#[from] GuardError),
    /// The file of certificate authorities cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A path of the settings by which no request can be found.
    #[error(transparent)]
    Route(#[from] crate::contract::RouteError),
    /// The folder of the data can't be used.
    #[error(transparent)]
    Folder(#[from] super::folder::FolderError),
    /// What is in the folder of the data leads to another state now.
    #[error("{path}: {error}. Start with the settings of before, or begin in another folder")]
    Again {
        /// The file.
        path: String,
        /// What does not fit.
        error: AgainError,
    },
    /// There is no certificate for the mock to show.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The address to listen on is taken or is none.
    #[error(transparent)]
    Listen(#[from] BindError),
    /// The address of the proxy is taken or is none.
    #[error("the proxy: {0}")]
    Proxy(BindError),
}

impl From<Problems> for StartError {
    fn from(problems: Problems) -> Self {
        Self::Settings(problems)
    }
}

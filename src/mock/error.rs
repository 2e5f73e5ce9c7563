//! Why a mock cannot start.

use std::fmt;

use crate::console::AgainError;
use crate::contract::signature::{SchemeError, SecretError};
use crate::engine::SpeedError;
use crate::files::Problems;
use crate::http::{AuthorityError, BindError, TlsError};
use crate::net::{GuardError, NotAllowed, TargetError};

/// Why a mock cannot start. Each message says what to do about it, and `Debug` shows the same message: a test that returns
/// the error prints it.
#[derive(thiserror::Error)]
pub enum StartError {
    /// There are mistakes in the settings file, in the environment or among the flags.
    #[error("{0}")]
    Settings(Problems),
    /// The signature scheme of the settings contradicts itself.
    #[error("in the settings, [signature] {place}: {error}", place = .error.place().0)]
    Scheme {
        /// The contradiction.
        error: SchemeError,
    },
    /// The speed is not possible for a clock.
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
    /// The callback URL cannot be parsed.
    #[error("{url}: {error}")]
    CallbackUrl {
        /// The given text.
        url: String,
        /// What is wrong.
        error: TargetError,
    },
    /// Callbacks may not be sent to the host of the callback URL.
    #[error("{}", .0.unless(&format!(
        "`Builder::allow_target(\"{}\")`, or `[target] allow` in the settings", .0.host()
    )))]
    CallbackHost(#[from] NotAllowed),
    /// An allowed host cannot be parsed.
    #[error(transparent)]
    Allow(#[from] GuardError),
    /// The file of certificate authorities cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A path in the settings can't be matched by any request.
    #[error(transparent)]
    Route(#[from] crate::contract::RouteError),
    /// The data folder can't be used.
    #[error(transparent)]
    Folder(#[from] super::folder::FolderError),
    /// The inputs in the data folder lead to a different state now.
    #[error("{path}: {error}. Start with the previous settings, or use another folder")]
    Again {
        /// The file.
        path: String,
        /// The mismatch.
        error: AgainError,
    },
    /// No certificate could be issued for the mock.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The address to listen on is taken or invalid.
    #[error("{}", listening(.0))]
    Listen(#[from] BindError),
    /// The address of the proxy is taken or invalid.
    #[error("the proxy: {0}")]
    Proxy(BindError),
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Says why an address cannot be listened on, with the method that sets another one. Commands name their flag instead.
fn listening(error: &BindError) -> String {
    match error {
        BindError::InUse { addr, .. } => format!(
            "{addr} is taken by another program: stop it, name another port, or use `Builder::listen(\"127.0.0.1:0\")` for \
             a free port"
        ),
        other => other.to_string(),
    }
}

impl From<Problems> for StartError {
    fn from(problems: Problems) -> Self {
        Self::Settings(problems)
    }
}

//! The arguments about where callbacks go and how they are signed, shared by the commands that send.

use std::path::PathBuf;

use crate::settings::Flags;

/// Where callbacks go and how they are signed.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct TargetArgs {
    /// Where callbacks go. Default: the URL in the scenario or the settings. Without one, `run` starts a sample
    /// receiver of its own, `emit` sends to http://127.0.0.1:2479/, `serve` sends no callbacks, and `load` refuses to
    /// start.
    #[arg(long, value_name = "URL")]
    pub(super) callback_url: Option<String>,
    /// The secret that signs callbacks. Also read from AIRUDDER_MOCK_SECRET. Default: `airudder-mock-secret`.
    #[arg(long, value_name = "S")]
    secret: Option<String>,
    /// Allow callbacks to this host as well as to this machine: a name, an address, or a network such as 10.0.0.0/8.
    /// May be given more than once.
    #[arg(long, value_name = "HOST")]
    allow_target: Vec<String>,
    /// Trust the certificate authorities in this PEM file, as well as the system's.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Accept any TLS certificate. Only for tests.
    #[arg(long)]
    insecure: bool,
}

impl TargetArgs {
    /// As flags of the settings.
    pub(super) fn flags(&self, listen: Option<String>) -> Flags {
        if self.insecure {
            super::remark("warning: --insecure accepts any certificate, so nobody is authenticated");
        }
        Flags {
            callback_url: self.callback_url.clone(),
            secret: self.secret.clone(),
            listen,
            allow: self.allow_target.clone(),
            ca: self.ca.clone(),
            insecure: self.insecure,
        }
    }
}

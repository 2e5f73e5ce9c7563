//! The arguments about where callbacks go and how they are signed, shared by the commands that send.

use std::path::PathBuf;

use crate::settings::Flags;

/// Where callbacks go and how they are signed.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct TargetArgs {
    /// Where callbacks go. Default: the URL of the scenario or of the settings; without one, `run` has an embedded
    /// sample integrator receive them, `emit` sends to http://127.0.0.1:2479/, and `load` sends nothing.
    #[arg(long, value_name = "URL")]
    pub(super) callback_url: Option<String>,
    /// The secret of the signature. Also read from AIRUDDER_MOCK_SECRET.
    #[arg(long, value_name = "S")]
    secret: Option<String>,
    /// A host beside loopback that callbacks may go to: a name, an address, or a network such as 10.0.0.0/8.
    #[arg(long, value_name = "HOST")]
    allow_target: Vec<String>,
    /// A PEM file of certificate authorities to trust beside the system's.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Accepts any TLS certificate. Only for tests.
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

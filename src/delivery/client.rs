//! One attempt over the network.

use super::{Attempt, AttemptResult, Guard, TlsOptions};

/// What a client needs to know.
#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    /// Which hosts may be reached.
    pub guard: Guard,
    /// How TLS is checked.
    pub tls: TlsOptions,
    /// Idle connections kept per target.
    pub idle_per_target: usize,
}

/// Sends attempts over kept-alive connections, pooled by target.
#[derive(Debug)]
pub struct Client {}

impl Client {
    /// A client without connections.
    pub fn new(_options: ClientOptions) -> Result<Self, super::TlsError> {
        Ok(Self {})
    }

    /// Makes one attempt. Never fails: what goes wrong is part of the result.
    pub async fn send(&self, _attempt: &Attempt) -> AttemptResult {
        std::future::pending().await
    }
}

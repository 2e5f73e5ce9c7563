//! Waits until a receiver accepts connections: a server started beside a run may be ready later.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::{CommandError, remark};
use crate::net::{Guard, Target};
use crate::time::HumanDuration;

/// Time limit of a connection attempt, and the pause between two attempts.
const CONNECTING: Duration = Duration::from_secs(2);
const BETWEEN: Duration = Duration::from_millis(50);

/// How long to wait for a receiver.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct ReceiverWait {
    /// Maximum time to wait for the callback URL to accept connections before anything is sent. 0 does not wait.
    #[arg(long, value_name = "TIME", default_value = "30s")]
    wait_for_receiver: HumanDuration,
}

impl ReceiverWait {
    /// Waits until all receivers accept connections, and prints a note if they don't at once.
    ///
    /// # Errors
    ///
    /// If a receiver does not in time.
    pub(super) async fn wait_for(self, receivers: &[Target], guard: &Guard) -> Result<(), CommandError> {
        let within = self.wait_for_receiver.0;
        let began = Instant::now();
        for receiver in receivers.iter().filter(|_| !within.is_zero()) {
            let mut has_waited = false;
            while let Err(error) = connect(receiver, guard).await {
                if began.elapsed() >= within {
                    return Err(CommandError::start(format!(
                        "{} accepted no connection within {} ({error}): start your server, or give \
                         --wait-for-receiver 0 to continue without it",
                        receiver.origin(),
                        self.wait_for_receiver
                    )));
                }
                if !std::mem::replace(&mut has_waited, true) {
                    remark(&format!(
                        "waiting for {} to accept connections, up to {}",
                        receiver.origin(),
                        self.wait_for_receiver
                    ));
                }
                sleep(BETWEEN.min(within.saturating_sub(began.elapsed()))).await;
            }
            if has_waited {
                let took = HumanDuration(Duration::from_millis(began.elapsed().as_millis() as u64));
                remark(&format!("{} accepts connections after {took}", receiver.origin()));
            }
        }
        Ok(())
    }
}

async fn connect(receiver: &Target, guard: &Guard) -> io::Result<()> {
    let found = tokio::net::lookup_host((receiver.host(), receiver.port())).await?;
    let found: Vec<SocketAddr> = found.collect();
    let addresses = guard.admit(receiver.host(), &found).map_err(io::Error::other)?;
    let connection = timeout(CONNECTING, TcpStream::connect(&addresses[..])).await;
    let connection = connection.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    // While nothing listens, a connection may by chance get its own target port as source port, and connect to itself.
    let is_itself = connection.local_addr()? == connection.peer_addr()?;
    if is_itself { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(()) }
}

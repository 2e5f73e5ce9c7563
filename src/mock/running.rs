//! A mock that runs by itself, for programs and tests that embed it.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Assembly, Builder, StartError};
use crate::delivery::Totals;
use crate::engine::Driver;

/// A running mock AI Rudder. Dropping it ends it without waiting; [`Mock::stop`] ends it in order.
#[derive(Debug)]
pub struct Mock {
    address: SocketAddr,
    url: String,
    driver: Driver,
    interrupt: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

/// The state of a mock when it was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The totals of the callbacks: queued, delivered, failed, and those never sent.
    pub totals: Totals,
}

impl Mock {
    /// Returns a builder with the default configuration.
    pub fn builder() -> Builder {
        Builder::default()
    }

    fn running(assembly: Assembly) -> Self {
        let (interrupt, interrupted) = oneshot::channel::<()>();
        let (address, url, driver) = (assembly.address(), assembly.url(), assembly.driver().clone());
        let running = tokio::spawn(async move {
            assembly
                .drive(async {
                    // Both sending and dropping mean the end.
                    let _ = interrupted.await;
                })
                .await;
            assembly.close().await;
        });
        Self { address, url, driver, interrupt, running }
    }

    /// Returns the address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the base URL for clients: `http://127.0.0.1:41234`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the time on its clock.
    pub fn now(&self) -> Timestamp {
        self.driver.look(|_, now| now)
    }

    /// Moves its clock forward by this much, through every moment on the way: each event happens at its own moment and in
    /// order, and callbacks are delivered or retried as time passes. Returns the new time once everything is done.
    pub async fn skip(&self, by: Duration) -> Timestamp {
        self.driver.travel(by).await
    }

    /// Returns the totals of the callbacks so far.
    pub fn totals(&self) -> Totals {
        self.driver.look(|engine, _| engine.totals())
    }

    /// Ends it in order: nothing new is started, and attempts in flight are finished.
    pub async fn stop(self) -> Stopped {
        let _ = self.interrupt.send(());
        // A panic of the driver has been reported already.
        let _ = self.running.await;
        Stopped { totals: self.driver.look(|engine, _| engine.totals()) }
    }
}

impl Builder {
    /// Starts the mock on this tokio runtime.
    ///
    /// ```
    /// # use airudder_mock::Mock;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let mock = Mock::builder()
    ///     .callback_url("http://127.0.0.1:3000/hook")
    ///     .seed(7)
    ///     .start()
    ///     .await?;
    /// println!("point your client at {}", mock.url());
    /// mock.skip(std::time::Duration::from_secs(25 * 3600)).await;
    /// let stopped = mock.stop().await;
    /// assert_eq!(stopped.totals.queued, 0);
    /// # Ok::<(), airudder_mock::StartError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// A mistake in the settings or a file; a secret that the signature scheme refuses; an address that is taken; a callback
    /// URL whose host is not allowed.
    pub async fn start(self) -> Result<Mock, StartError> {
        Ok(Mock::running(self.embedded().assemble().await?))
    }
}

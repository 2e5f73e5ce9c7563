//! Attempts whose bytes are written by hand because no HTTP library would produce them.

use std::sync::Arc;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::client::exchange;
use super::faulty::{Plan, Step};
use super::pool::Connection;
use super::{Attempt, Client, Failure, ReceiverResponse};
use crate::http::{Manner, Stream};

impl Client {
    /// Makes an attempt by a plan, over its own connection. The response is read as usual.
    pub(super) async fn play(
        &self,
        attempt: &Attempt,
        plan: &Plan,
        deadline: Instant,
    ) -> Result<ReceiverResponse, Failure> {
        let target = &*attempt.callback.target;
        let policy = &*attempt.callback.policy;
        // A request that can't be sent at all is refused here as usual.
        let mut request = self.request(attempt)?;
        let connect = async {
            let mut others: Vec<Stream> = Vec::new();
            for _ in 0..plan.others {
                others.push(
                    self.connector().connect_as(target, Manner { is_bare: true, is_abrupt: false }).await?,
                );
            }
            let manner = Manner { is_bare: plan.is_bare(), is_abrupt: plan.is_abrupt() };
            Ok((others, self.connector().connect_as(target, manner).await?))
        };
        let (_others, stream) = match timeout_at(deadline, connect).await {
            Ok(connected) => connected.map_err(|error| Failure::connecting(target, error))?,
            Err(_) => return Err(Failure::no_connection(target, policy.timeout)),
        };
        let (stream, writer, written) = stream.split();
        let go_on = Arc::new(Notify::new());
        let continued = Arc::clone(&go_on);
        hyper::ext::on_informational(&mut request, move |_| continued.notify_one());
        // hyper's output is discarded, and its input comes from the receiver.
        let mut connection = match timeout_at(deadline, Connection::start(stream)).await {
            Ok(started) => started.map_err(|error| Failure::connecting(target, error))?,
            Err(_) => return Err(Failure::no_connection(target, policy.timeout)),
        };
        let answer = exchange(&mut connection, request, target, policy.answer_cap);
        tokio::select! {
            biased;
            () = play(writer, plan.steps(attempt), &written, &go_on) => Err(Failure::broken_off(&attempt.faults)),
            answer = timeout_at(deadline, answer) => match answer {
                Ok(answer) => answer.map(|(answer, _)| answer).map_err(super::client::Broken::failure),
                Err(_) => Err(Failure::no_answer(target, policy.timeout)),
            },
        }
    }
}

/// Performs the steps. It completes only when the connection is to be torn down.
async fn play(mut writer: impl AsyncWrite + Unpin, steps: Vec<Step>, written: &Notify, go_on: &Notify) {
    // hyper would not accept a response to a request it has not written yet.
    written.notified().await;
    for step in steps {
        match step {
            // A receiver that stops reading may have responded already, so the response decides.
            Step::Write(bytes) => {
                if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                    break;
                }
            }
            Step::Pause(pause) => sleep(pause).await,
            Step::AwaitContinue(most) => drop(timeout(most, go_on.notified()).await),
            Step::Shutdown => drop(writer.shutdown().await),
            Step::Reset => return,
        }
    }
    std::future::pending::<()>().await;
}

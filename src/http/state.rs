//! What the exchanges of a connection report to the task that drives it: whether it is idle, which of them wait for their
//! client, and whether it is to end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::Limits;

use crate::sync::lock;

/// How an exchange ends its connection, in place of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Closed.
    Close,
    /// Reset.
    Reset,
    /// Kept open, in silence.
    Silence,
}

/// The state of a connection.
#[derive(Debug)]
pub(super) struct ConnState {
    activity: Mutex<Activity>,
    /// Whether the connection gives its place to another one.
    leaving: watch::Sender<bool>,
}

#[derive(Debug)]
struct Activity {
    /// Number of exchanges that have begun.
    begun: usize,
    /// Number of exchanges in progress.
    open: usize,
    /// Since when there is no exchange in progress, if there is none.
    idle_since: Instant,
    /// The exchanges that wait for their client, and since when.
    waiting: BTreeMap<usize, (WaitsFor, Instant)>,
    /// Since when the client reads nothing of what is written.
    stuck: Option<Instant>,
    /// Receives how the connection is to end.
    ending: Option<oneshot::Sender<Ending>>,
}

/// What an exchange waits for its client to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WaitsFor {
    /// To send more of the request.
    Request,
    /// To read more of the response.
    Response,
}

/// Why a connection is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// There was no request for too long.
    Idle,
    /// The client reads nothing of a response.
    Stuck,
}

impl ConnState {
    /// Creates the state of a new connection, and the receiver of its ending.
    pub(super) fn new() -> (Self, oneshot::Receiver<Ending>) {
        let (ending, asked) = oneshot::channel();
        let activity = Activity {
            begun: 0,
            open: 0,
            idle_since: Instant::now(),
            waiting: BTreeMap::new(),
            stuck: None,
            ending: Some(ending),
        };
        (Self { activity: Mutex::new(activity), leaving: watch::Sender::new(false) }, asked)
    }

    fn activity(&self) -> MutexGuard<'_, Activity> {
        lock(&self.activity)
    }

    /// Asks for the end of the connection. If several exchanges ask, the first one decides.
    pub(super) fn end(&self, ending: Ending) {
        if let Some(asked) = self.activity().ending.take() {
            // The receiver is gone only if the connection has ended already.
            let _ = asked.send(ending);
        }
    }

    /// Asks the connection to end because another one needs its place.
    pub(super) fn leave(&self) {
        self.leaving.send_replace(true);
    }

    /// Signals when the connection is to give up its place.
    pub(super) fn leaving(&self) -> watch::Receiver<bool> {
        self.leaving.subscribe()
    }

    /// Records that the client stopped reading what is written to it, or resumed.
    pub(super) fn set_stuck(&self, is_stuck: bool) {
        let mut activity = self.activity();
        match (is_stuck, activity.stuck) {
            (true, None) => activity.stuck = Some(Instant::now()),
            (false, Some(_)) => activity.stuck = None,
            _ => {}
        }
    }

    /// Since when the connection waits for its client alone, if it does. A connection that was asked to leave is not asked
    /// again.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        let activity = self.activity();
        if *self.leaving.borrow() {
            return None;
        }
        match activity.open {
            0 => Some(activity.idle_since),
            open if activity.waiting.len() == open => {
                activity.waiting.values().map(|(_, since)| *since).max()
            }
            _ => activity.stuck,
        }
    }

    /// Whether a request is being read, so that it can be answered before the connection ends.
    pub(super) fn is_reading(&self) -> bool {
        self.activity().waiting.values().any(|(what, _)| *what == WaitsFor::Request)
    }

    /// Checks whether the connection has to end now; otherwise returns when to check again.
    pub(super) fn check(&self, limits: &Limits) -> Result<Instant, Overdue> {
        let now = Instant::now();
        let activity = self.activity();
        let is_over = |(what, since): &(WaitsFor, Instant)| {
            *what == WaitsFor::Response && *since + limits.write_timeout <= now
        };
        if activity.waiting.values().any(is_over) {
            return Err(Overdue::Stuck);
        }
        let mut next = now + limits.write_timeout.min(limits.header_timeout);
        if activity.open == 0 {
            let end = activity.idle_since + limits.header_timeout;
            if end <= now {
                return Err(Overdue::Idle);
            }
            next = next.min(end);
        }
        Ok(next)
    }
}

/// An exchange in progress, until its response is sent.
#[derive(Debug)]
pub(super) struct InFlight {
    state: Arc<ConnState>,
    number: usize,
    /// Whether it shares its connection with other exchanges, as over HTTP/2.
    is_shared: bool,
}

impl InFlight {
    pub(super) fn new(state: &Arc<ConnState>, is_shared: bool) -> Self {
        let mut activity = state.activity();
        activity.begun += 1;
        activity.open += 1;
        Self { state: Arc::clone(state), number: activity.begun, is_shared }
    }

    /// Records that the client has to send more of the request, or has sent all of it.
    pub(super) fn set_reading(&self, is_reading: bool) {
        self.set(WaitsFor::Request, is_reading);
    }

    /// Records that the response waits for its client to read more, or no longer does. Over HTTP/1.1 the connection itself
    /// tracks that more precisely.
    pub(super) fn set_waiting(&self, is_waiting: bool) {
        if self.is_shared {
            self.set(WaitsFor::Response, is_waiting);
        }
    }

    fn set(&self, what: WaitsFor, is_waiting: bool) {
        let mut activity = self.state.activity();
        match is_waiting {
            true => activity.waiting.insert(self.number, (what, Instant::now())),
            false => activity.waiting.remove(&self.number),
        };
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut activity = self.state.activity();
        activity.waiting.remove(&self.number);
        activity.open -= 1;
        activity.idle_since = Instant::now();
    }
}

//! A worker that sends its part of a run over HTTP/2: one connection with many streams.
//!
//! The requests are those of HTTP/1.1, put into frames by hyper. Timers of the runtime are exact to a millisecond, and
//! so is the release of events.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use tokio::sync::Mutex;
use tokio::task::{JoinSet, LocalSet};

use super::job::{GRACE, Job};
use super::run_stats::{Outcome, Recorder, RunStats};
use crate::delivery::Failure;
use crate::http::{ConnectError, Http2, Stream};
use crate::load::compile::Scratch;
use crate::load::plan::{Event, Next, Schedule};

/// How often a worker looks for an interruption, and publishes where it stands.
const LOOK: Duration = Duration::from_millis(50);

/// How long a closed loop rests after a failure.
const REST: Duration = Duration::from_millis(20);

/// A connection.
#[derive(Clone)]
struct Link {
    sender: Http2,
    /// Whether an answer ever came over it.
    has_answered: Rc<Cell<bool>>,
}

/// What the tasks of a worker share. They run on one thread.
struct Shared {
    job: Arc<Job>,
    schedule: RefCell<Schedule>,
    recorder: RefCell<Recorder>,
    scratch: RefCell<(Scratch, Vec<u8>)>,
    /// The connection, while it is good.
    link: Mutex<Option<Link>>,
    opened: Cell<u64>,
}

/// Sends a worker's part of a run.
///
/// # Errors
///
/// If the system has no event loop to give.
pub(crate) fn run(job: &Arc<Job>, number: u32) -> io::Result<RunStats> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, work(Arc::clone(job), number))
}

async fn work(job: Arc<Job>, number: u32) -> io::Result<RunStats> {
    let shared = Rc::new(Shared {
        schedule: RefCell::new(job.schedule(number)),
        recorder: RefCell::new(job.recorder()),
        scratch: RefCell::default(),
        link: Mutex::new(None),
        opened: Cell::new(0),
        job,
    });
    let job = Arc::clone(&shared.job);
    // Nothing else is to be done on this thread meanwhile.
    let mut stopped_at = (!job.wait_for_start()).then_some(Duration::ZERO);
    let slots = job.slots(number);
    let mut iterations = JoinSet::new();
    loop {
        if job.is_stopped() && stopped_at.is_none() {
            stopped_at = Some(job.now());
            // What was due and not sent yet will not be.
            shared.drop_overdue(Duration::ZERO);
        }
        let mut due = None;
        let mut over = stopped_at.is_some();
        loop {
            shared.drop_overdue(job.options.drop_after);
            if over || due.is_some() || iterations.len() >= slots {
                break;
            }
            match shared.schedule.borrow_mut().next(job.now()) {
                Next::Release(event) => drop(iterations.spawn_local(send_all(Rc::clone(&shared), event))),
                Next::Wait(at) => due = Some(at),
                Next::Over => over = true,
            }
        }
        {
            let mut recorder = shared.recorder.borrow_mut();
            recorder.tick(job.now());
            job.publish(number, |progress| recorder.progress(progress));
        }
        if over && iterations.is_empty() || stopped_at.is_some_and(|at| job.now() >= at + GRACE) {
            break;
        }
        let wake = due.unwrap_or(Duration::MAX).min(job.now() + LOOK);
        tokio::select! {
            _ = iterations.join_next(), if !iterations.is_empty() => while iterations.try_join_next().is_some() {},
            () = tokio::time::sleep_until((job.start + wake).into()) => {}
        }
    }
    iterations.shutdown().await;
    let shared =
        Rc::into_inner(shared).ok_or_else(|| io::Error::other("an iteration outlived its worker"))?;
    Ok(RunStats { connections: shared.opened.get(), ..shared.recorder.into_inner().close() })
}

/// Sends all events of an iteration, one after the other.
async fn send_all(shared: Rc<Shared>, first: Event) {
    let mut next = Some(first);
    while let Some(event) = next {
        let released = shared.job.now();
        shared.recorder.borrow_mut().release(&event, released);
        // Whatever becomes of this task, the event has an end.
        let mut flight = Flight { shared: &shared, event, released, outcome: None };
        let outcome = shared.send(&event).await;
        let failed = matches!(outcome, Outcome::Failed(..));
        flight.outcome = Some(outcome);
        drop(flight);
        next = event.following(shared.job.now());
        if failed && next.is_none() && shared.schedule.borrow().is_closed() {
            tokio::time::sleep(REST).await;
        }
    }
}

/// An event in flight. Dropped without an outcome, the run was interrupted.
struct Flight<'a> {
    shared: &'a Shared,
    event: Event,
    released: Duration,
    outcome: Option<Outcome>,
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let outcome = self.outcome.take().unwrap_or_else(Outcome::interrupted);
        self.shared.recorder.borrow_mut().end(&self.event, self.released, self.shared.job.now(), outcome);
    }
}

impl Shared {
    fn drop_overdue(&self, lag: Duration) {
        let mut schedule = self.schedule.borrow_mut();
        self.recorder.borrow_mut().drop_overdue(&mut schedule, self.job.now(), lag);
    }

    async fn send(&self, event: &Event) -> Outcome {
        let timeout = self.job.options.timeout;
        match tokio::time::timeout(timeout, self.exchange(event)).await {
            Ok(outcome) => outcome.unwrap_or_else(Outcome::from),
            Err(_) => Failure::no_answer(&self.job.target, timeout).into(),
        }
    }

    async fn exchange(&self, event: &Event) -> Result<Outcome, Failure> {
        let request = self.request(event)?;
        let Link { mut sender, has_answered } = self.link().await?;
        let broken = |error: hyper::Error| match has_answered.get() {
            true => Failure::broken(&self.job.target, None),
            false => Failure::no_http2(&self.job.target, &error),
        };
        sender.ready().await.map_err(broken)?;
        let response = sender.send_request(request).await.map_err(broken)?;
        has_answered.set(true);
        let status = response.status().as_u16();
        let mut body = response.into_body();
        let (cap, mut kept) = (self.job.answer_cap(), Vec::new());
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.map_err(broken)?.into_data() {
                let room = cap.saturating_sub(kept.len()).min(data.len());
                kept.extend_from_slice(&data[..room]);
            }
        }
        Ok(self.job.judge(event, status, &kept))
    }

    /// The connection, opened anew if the last one is of no use any more.
    async fn link(&self) -> Result<Link, Failure> {
        let mut link = self.link.lock().await;
        if let Some(good) = link.as_ref().filter(|link| !link.sender.is_closed()) {
            return Ok(good.clone());
        }
        let target = &self.job.target;
        let connected = Stream::connect(&[self.job.address]).await;
        let stream = connected.map_err(|error| Failure::connecting(target, error))?;
        self.opened.set(self.opened.get() + 1);
        let started = async { stream.secure(self.job.tls.as_ref()).await?.http2().await };
        let sender = started.await.map_err(|error| match error {
            ConnectError::Http(error) => Failure::no_http(target, &format!("HTTP/2: {error}")),
            other => Failure::connecting(target, other),
        })?;
        let opened = Link { sender, has_answered: Rc::default() };
        *link = Some(opened.clone());
        Ok(opened)
    }

    /// The request of an event, from the bytes it has in HTTP/1.1.
    fn request(&self, event: &Event) -> Result<Request<Full<Bytes>>, Failure> {
        let mut scratch = self.scratch.borrow_mut();
        let (scratch, bytes) = &mut *scratch;
        bytes.clear();
        let target = &self.job.target;
        self.job.write(event, self.job.now(), scratch, bytes);
        let mut headers = [httparse::EMPTY_HEADER; 128];
        let mut parsed = httparse::Request::new(&mut headers);
        let length = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            other => {
                let message = format!("the request can't be put into frames: {other:?}");
                return Err(Failure::unsendable(message));
            }
        };
        let scheme = if target.is_tls() { "https" } else { "http" };
        let path = parsed.path.unwrap_or("/");
        let mut request = Request::builder()
            .method(parsed.method.unwrap_or("POST"))
            .uri(format!("{scheme}://{}{path}", target.authority()));
        // The authority stands in the place of the first, and frames know their length.
        let is_left_out =
            |name: &str| ["host", "content-length"].iter().any(|other| name.eq_ignore_ascii_case(other));
        for header in parsed.headers.iter().filter(|header| !is_left_out(header.name)) {
            request = request.header(header.name, header.value);
        }
        let body = Full::new(Bytes::copy_from_slice(&bytes[length..]));
        request.body(body).map_err(|error| Failure::unsendable(error.to_string()))
    }
}

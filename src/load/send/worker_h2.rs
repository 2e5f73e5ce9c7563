//! A worker that sends its part of a run over HTTP/2: one connection with many streams.
//!
//! The requests are those of HTTP/1.1, put into frames. All requests that are due at a moment leave in one write, and all
//! available responses are taken in one read.

use std::io;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};

use super::http2::{End, Session};
use super::job::{GRACE, Job};
use super::nonblocking_conn::NonblockingConn;
use super::run_stats::{Outcome, Recorder, RunStats};
use super::timer::{self, Timer};
use crate::delivery::Failure;
use crate::http::{is_closed, is_out_of_files};
use crate::load::compile::Scratch;
use crate::load::plan::{Event, Next, Paused, Schedule};

/// Size of one read, in bytes.
const READ: usize = 64 * 1024;

/// Maximum number of reads from a connection before something else has its turn.
const READS: usize = 16;

/// Maximum number of events that leave in one write, before responses have their turn.
const AT_ONCE: usize = 256;

/// How long a closed loop pauses after a failure.
const REST: Duration = Duration::from_millis(20);

/// An event in flight, and when it was written.
type Flight = (Event, Duration);

/// A connection.
struct Link {
    conn: NonblockingConn,
    session: Session<Flight>,
    /// How much of the output has been written.
    written: usize,
    /// Whether any response has arrived over it.
    has_answered: bool,
    /// Whether HTTP/2 was negotiated, if TLS is used.
    is_agreed: bool,
    token: usize,
}

/// A running worker.
struct Worker<'a> {
    job: &'a Job,
    number: u32,
    schedule: Schedule,
    recorder: Recorder,
    poll: Poll,
    /// The open connections; the last one takes requests, the others finish.
    links: Vec<Link>,
    slots: usize,
    /// Next steps of iterations.
    following: Vec<Event>,
    /// Next steps of iterations that are due later. In a closed loop they count as in flight.
    paused: Paused,
    /// Until when a closed loop sends nothing.
    resting: Duration,
    scratch: Scratch,
    block: Vec<u8>,
    buffer: Vec<u8>,
    ends: Vec<(Flight, End)>,
    cap: usize,
    opened: u64,
    next_look: Duration,
}

/// Sends a worker's part of a run.
///
/// # Errors
///
/// If the system refuses an event loop.
pub(crate) fn run(job: &Job, number: u32) -> io::Result<RunStats> {
    let poll = Poll::new()?;
    let mut timer = Timer::new(&poll)?;
    let mut worker = Worker {
        job,
        number,
        schedule: job.schedule(number),
        recorder: job.recorder(),
        poll,
        links: Vec::new(),
        slots: job.slots(number),
        following: Vec::new(),
        paused: Paused::default(),
        resting: Duration::ZERO,
        scratch: Scratch::default(),
        block: Vec::new(),
        buffer: vec![0; READ],
        ends: Vec::new(),
        cap: job.answer_cap(),
        opened: 0,
        next_look: Duration::ZERO,
    };
    worker.work(&mut timer)?;
    Ok(RunStats { connections: worker.opened, ..worker.recorder.close() })
}

impl Worker<'_> {
    fn work(&mut self, timer: &mut Timer) -> io::Result<()> {
        let mut events = Events::with_capacity(16);
        if !self.job.wait_for_start() {
            return Ok(());
        }
        let mut stopped_at = None;
        loop {
            let mut now = self.job.now();
            if stopped_at.is_none() && self.job.is_stopped() {
                stopped_at = Some(now);
                // Events that were due and have not been sent yet will not be.
                self.recorder.interrupt(&mut self.schedule, now);
            }
            if now >= self.next_look {
                self.look(now, stopped_at);
                now = self.job.now();
            }
            let due = match stopped_at {
                Some(_) => None,
                None => self.release(now),
            };
            self.flush_all();
            let is_telling = !self.following.is_empty() || !self.paused.is_empty();
            if due.is_none() && self.recorder.in_flight() == 0 && !is_telling {
                self.publish();
                return Ok(());
            }
            let mut wake = due.unwrap_or(self.next_look).min(self.next_look);
            if stopped_at.is_none() && (self.recorder.in_flight() as usize) < self.room() {
                wake = wake.min(self.paused.next().unwrap_or(wake));
            }
            match timer.wait(&mut self.poll, &mut events, self.job.now(), wake) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            for event in &events {
                if event.token() != timer::TOKEN {
                    self.turn(event.token().0);
                }
            }
        }
    }

    /// Makes the requests that are due. Returns when something is due next, or `None` if nothing is left.
    fn release(&mut self, now: Duration) -> Option<Duration> {
        while let Some(event) = self.following.pop() {
            self.send(event);
        }
        let mut now = now;
        let mut released = 0;
        // Continue running stories before starting new ones.
        while (self.recorder.in_flight() as usize) < self.room()
            && let Some(event) = self.paused.take(now)
        {
            self.send(event);
        }
        loop {
            self.drop_overdue(now, self.job.options.drop_after);
            if self.schedule.is_closed() && now < self.resting {
                return Some(self.resting);
            }
            let paused = if self.schedule.is_closed() { self.paused.len() } else { 0 };
            if self.recorder.in_flight() as usize + paused >= self.room() {
                self.recorder.full();
                // In a closed loop the next event follows the next response.
                let is_left = self.schedule.is_closed() || self.schedule.peek().is_some();
                return is_left.then_some(Duration::MAX);
            }
            self.recorder.free(now);
            match self.schedule.next(now) {
                Next::Release(event) => {
                    self.send(event);
                    now = self.job.now();
                    released += 1;
                    if released == AT_ONCE {
                        return Some(now);
                    }
                }
                Next::Wait(due) => return Some(due),
                Next::Over => return None,
            }
        }
    }

    /// Returns how many events may be in flight: at most as many as the receiver allows.
    fn room(&self) -> usize {
        let most = self.links.last().map_or(usize::MAX, |link| link.session.most_streams());
        self.slots.min(most)
    }

    fn drop_overdue(&mut self, now: Duration, lag: Duration) {
        self.recorder.drop_overdue(&mut self.schedule, now, lag);
    }

    /// Handles time-outs, and publishes the progress.
    fn look(&mut self, now: Duration, stopped_at: Option<Duration>) {
        let timeout = self.job.options.timeout;
        self.next_look = now + (timeout / 50).clamp(Duration::from_millis(1), Duration::from_millis(50));
        self.recorder.tick(now);
        let ends = stopped_at.is_some_and(|at| now >= at + GRACE);
        let mut over = Vec::new();
        for link in &mut self.links {
            let is_connected = matches!(link.conn.connected(), Ok(true));
            let late = link.session.give_up(|(_, released)| now.saturating_sub(*released) >= timeout);
            over.extend(late.into_iter().map(|flight| {
                let failure = match is_connected {
                    true => Failure::no_answer(&self.job.target, timeout),
                    false => Failure::no_connection(&self.job.target, timeout),
                };
                (flight, Outcome::from(failure))
            }));
            if ends {
                let left = link.session.give_up(|_| true);
                over.extend(left.into_iter().map(|flight| (flight, Outcome::interrupted())));
            }
        }
        for (flight, outcome) in over {
            self.finish(flight, outcome);
        }
        if stopped_at.is_some() {
            self.following.clear();
            self.paused.clear();
        }
        self.links.retain(|link| link.session.is_open() || !link.session.is_idle());
        self.publish();
    }

    fn publish(&self) {
        self.job.publish(self.number, |progress| self.recorder.progress(progress));
    }

    /// Makes the request of an event.
    fn send(&mut self, event: Event) {
        let now = self.job.now();
        self.recorder.release(&event, now);
        if let Err(error) = self.open() {
            return self.finish((event, now), self.unconnected(&error).into());
        }
        self.block.clear();
        match self.job.write_http2(&event, now, &mut self.scratch, &mut self.block) {
            Ok(()) => {
                if let Some(link) = self.links.last_mut() {
                    link.session.request(&self.block, self.scratch.body(), (event, now));
                }
            }
            Err(failure) => self.finish((event, now), failure.into()),
        }
    }

    /// Starts connecting, unless there is a connection that takes requests.
    fn open(&mut self) -> io::Result<()> {
        if self.links.last().is_some_and(|link| link.session.is_open()) {
            return Ok(());
        }
        let mut conn = NonblockingConn::open(self.job.address, self.job.tls.as_ref())?;
        let token = self.opened as usize;
        self.poll.registry().register(
            conn.source(),
            Token(token),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        self.opened += 1;
        let session = Session::new(self.cap);
        self.links.push(Link { conn, session, written: 0, has_answered: false, is_agreed: false, token });
        Ok(())
    }

    /// Handles a signal for a connection.
    fn turn(&mut self, token: usize) {
        let Some(at) = self.links.iter().position(|link| link.token == token) else { return };
        match self.links[at].conn.connected() {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return self.end(at, &self.unconnected(&error)),
        }
        if self.flush(at) {
            self.read(at);
        }
    }

    /// Describes why there is no connection.
    fn unconnected(&self, error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::AddrNotAvailable => Failure::no_room(error),
            _ if is_out_of_files(error) => Failure::no_room(error),
            _ => Failure::connect(&self.job.target, error),
        }
    }

    fn flush_all(&mut self) {
        // Remove connections that break.
        for at in (0..self.links.len()).rev() {
            self.flush(at);
        }
    }

    /// Writes the available output; returns false if the connection is gone.
    fn flush(&mut self, at: usize) -> bool {
        let link = &mut self.links[at];
        match link.conn.connected() {
            Ok(true) => {}
            Ok(false) => return true,
            Err(error) => {
                self.end(at, &self.unconnected(&error));
                return false;
            }
        }
        let written = loop {
            let out = link.session.out();
            if link.written == out.len() {
                out.clear();
                link.written = 0;
                break link.conn.flush().map(drop);
            }
            match link.conn.write(&out[link.written..]) {
                Ok(count) => link.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        match written {
            // What can be read decides.
            Err(error) if is_closed(&error) => true,
            Err(error) => {
                let failure = self.broken(at, Some(&error));
                self.end(at, &failure);
                false
            }
            Ok(()) => true,
        }
    }

    fn read(&mut self, at: usize) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut ends = std::mem::take(&mut self.ends);
        let mut failure = None;
        for reads in 1.. {
            let link = &mut self.links[at];
            let took = match link.conn.read(&mut buffer) {
                Ok(0) => Err(self.broken(at, None)),
                Ok(count) => {
                    let is_last = link.conn.is_drained(count, buffer.len());
                    let read = link.session.read(&buffer[..count], |flight, end| ends.push((flight, end)));
                    match read {
                        Ok(()) => Ok(is_last),
                        Err(why) => Err(Failure::no_http2(&self.job.target, Some(&why.0))),
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
                Err(error) => Err(self.broken(at, Some(&error))),
            };
            match took {
                Ok(true) if self.is_agreed(at) => break,
                Ok(true) => {
                    let what = "TLS began without agreeing on it";
                    failure = Some(Failure::no_http2(&self.job.target, Some(what)));
                    break;
                }
                Ok(false) if reads < READS => {}
                Ok(false) => {
                    // The system does not report available data again, so register anew.
                    let Link { conn, token, .. } = &mut self.links[at];
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    let _ = self.poll.registry().reregister(conn.source(), Token(*token), interest);
                    break;
                }
                Err(why) => {
                    failure = Some(why);
                    break;
                }
            }
        }
        self.buffer = buffer;
        for (flight, end) in ends.drain(..) {
            let outcome = match end {
                End::Answer(status, body) => {
                    self.links[at].has_answered = true;
                    self.job.judge(&flight.0, status, &body)
                }
                End::Reset => Failure::broken(&self.job.target, None).into(),
            };
            self.finish(flight, outcome);
        }
        self.ends = ends;
        if let Some(failure) = failure {
            self.end(at, &failure);
        }
    }

    /// Whether HTTP/2 may be spoken, as far as is known by now.
    fn is_agreed(&mut self, at: usize) -> bool {
        let link = &mut self.links[at];
        link.is_agreed = link.is_agreed || link.conn.negotiated().is_none_or(|protocol| protocol == b"h2");
        link.is_agreed
    }

    /// Describes why a connection ended.
    fn broken(&self, at: usize, error: Option<&io::Error>) -> Failure {
        let target = &self.job.target;
        let tls = error.and_then(|error| error.get_ref()).and_then(|inner| inner.downcast_ref());
        match tls {
            Some(error) => Failure::tls_error(target, error),
            None if self.links[at].has_answered => Failure::broken(target, error),
            None => Failure::no_http2(target, None),
        }
    }

    /// Ends a connection, and everything in flight on it.
    fn end(&mut self, at: usize, failure: &Failure) {
        let mut link = self.links.remove(at);
        // Closing removes it from the poll too, so an error here does no harm.
        let _ = self.poll.registry().deregister(link.conn.source());
        for flight in link.session.into_tags() {
            self.finish(flight, failure.clone().into());
        }
    }

    /// Ends an event in flight.
    fn finish(&mut self, (event, released): Flight, outcome: Outcome) {
        let now = self.job.now();
        let failed = matches!(outcome, Outcome::Failed(..));
        self.recorder.end(&event, released, now, outcome);
        let next = self.job.following(&event, released, now);
        if let Some(next) = next.filter(|next| next.planned <= now) {
            self.following.push(next);
        } else if let Some(next) = next {
            self.paused.add(next, None);
        } else if failed && self.schedule.is_closed() {
            // Reconnecting at once after every refusal would only burn CPU, so back off.
            self.resting = now + REST;
        }
    }
}

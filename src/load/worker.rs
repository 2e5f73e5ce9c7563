//! A worker: one thread with connections of its own that sends its part of a run over HTTP/1.1.
//!
//! It waits for the system to say which connections can be read or written, and for the instant of the next event.
//! What has to be done for an event is done at once and in place: fill the gaps, sign, write. There is no lock, no
//! channel and no task per event, and all room is used again.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use mio::{Events, Interest, Poll, Token};

use super::alarm::{self, Alarm};
use super::answer::{AnswerReader, Ended};
use super::blueprint::Scratch;
use super::job::{ANSWER_CAP, GRACE, Job};
use super::ledger::{Books, Ledger, Outcome};
use super::pipe::Pipe;
use super::schedule::{Event, Next, Schedule};
use crate::delivery::{Failure, ReceiverResponse};

/// How much is read at once, in bytes.
const READ: usize = 16 * 1024;

/// How many times a connection is read before others have their turn.
const READS: usize = 64;

/// How many events of the system are taken at once.
const EVENTS: usize = 256;

/// How long a closed loop rests after a connection that failed, at first and at most.
const SHORTEST_REST: Duration = Duration::from_millis(5);
const LONGEST_REST: Duration = Duration::from_millis(500);

/// A place for one event in flight, with the connection it goes over.
struct Lane {
    pipe: Option<Pipe>,
    /// The request, and how much of it is written.
    out: Vec<u8>,
    written: usize,
    reader: AnswerReader,
    /// What is in flight, and since when.
    event: Option<(Event, Duration)>,
    /// How long a closed loop rests if this connection fails again.
    rest: Duration,
}

/// A worker at work.
pub(super) struct Worker<'a> {
    job: &'a Job,
    number: u32,
    schedule: Schedule,
    ledger: Ledger,
    poll: Poll,
    lanes: Vec<Lane>,
    /// Lanes with an open connection and nothing in flight; the one used last is used next.
    idle: Vec<usize>,
    /// Lanes without a connection.
    closed: Vec<usize>,
    /// Lanes that rest until a moment.
    resting: Vec<(Duration, usize)>,
    /// Next steps of tellings, to be sent over the same lane.
    following: Vec<(usize, Event)>,
    /// Lanes with something left to read, and whether that is the last of it.
    unread: Vec<(usize, bool)>,
    scratch: Scratch,
    buffer: Vec<u8>,
    opened: u64,
    next_look: Duration,
}

/// Sends a worker's part of a run. Errs if the system has no event loop to give.
pub(super) fn run(job: &Job, number: u32) -> io::Result<(Books, u64)> {
    let poll = Poll::new()?;
    let mut alarm = Alarm::new(&poll)?;
    let lanes = job.lanes(number);
    let keeps =
        job.blueprints.iter().any(|blueprint| blueprint.success.iter().any(|rule| rule.body.is_some()));
    let cap = if keeps { ANSWER_CAP } else { 0 };
    let lane = || Lane {
        pipe: None,
        out: Vec::new(),
        written: 0,
        reader: AnswerReader::new(cap),
        event: None,
        rest: SHORTEST_REST,
    };
    let mut worker = Worker {
        job,
        number,
        schedule: job.schedule(number),
        ledger: Ledger::new(job.late, job.interval, job.blueprints.len(), job.intervals),
        poll,
        lanes: std::iter::repeat_with(lane).take(lanes).collect(),
        idle: Vec::with_capacity(lanes),
        closed: (0..lanes).rev().collect(),
        resting: Vec::new(),
        following: Vec::new(),
        unread: Vec::new(),
        scratch: Scratch::default(),
        buffer: vec![0; READ],
        opened: 0,
        next_look: Duration::ZERO,
    };
    worker.work(&mut alarm)?;
    Ok((worker.ledger.close(), worker.opened))
}

impl Worker<'_> {
    fn work(&mut self, alarm: &mut Alarm) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        if !self.job.wait_for_start() {
            return Ok(());
        }
        let mut stopped_at = None;
        loop {
            let mut now = self.job.now();
            if stopped_at.is_none() && self.job.is_stopped() {
                stopped_at = Some(now);
                self.drop_due(now);
            }
            if now >= self.next_look {
                self.look(now, stopped_at);
                now = self.job.now();
            }
            let due = match stopped_at {
                Some(_) => None,
                None => self.release(now),
            };
            let over = due.is_none();
            if over && self.ledger.in_flight() == 0 && self.following.is_empty() && self.resting_is_over() {
                self.publish();
                return Ok(());
            }
            let mut wake = due.unwrap_or(self.next_look).min(self.next_look);
            if !self.unread.is_empty() {
                wake = now;
            }
            let unread = std::mem::take(&mut self.unread);
            match alarm.wait(&mut self.poll, &mut events, now, wake) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            for event in &events {
                if event.token() == alarm::TOKEN {
                    continue;
                }
                let ends = event.is_read_closed() || event.is_error();
                self.turn(event.token().0, event.is_readable() || ends, ends);
            }
            for (lane, ends) in unread {
                self.read(lane, ends);
            }
        }
    }

    /// Nothing is left to tell, so that lanes which rest may as well go on resting.
    fn resting_is_over(&self) -> bool {
        self.resting.is_empty() || self.schedule.is_closed()
    }

    /// Sends what is due; when something is due next, or nothing if nothing is left.
    fn release(&mut self, now: Duration) -> Option<Duration> {
        while let Some((lane, event)) = self.following.pop() {
            self.send(lane, event);
        }
        let mut now = now;
        let mut released = 0;
        while let Some(lane) = self.idle.pop().or_else(|| self.closed.pop()) {
            match self.schedule.next(now) {
                Next::Release(event) => {
                    self.send(lane, event);
                    now = self.job.now();
                    released += 1;
                    if released == EVENTS {
                        // Others have their turn too: answers, time-outs, an interruption.
                        return Some(now);
                    }
                }
                Next::Drop(event) => {
                    let steps = self.schedule.steps(event.story);
                    self.ledger.drop(&event, steps, now);
                    self.free(lane);
                }
                Next::Wait(due) => {
                    self.free(lane);
                    return Some(due);
                }
                Next::Over => {
                    self.free(lane);
                    return self
                        .resting
                        .iter()
                        .map(|(until, _)| *until)
                        .min()
                        .filter(|_| !self.resting_is_over());
                }
            }
        }
        while let Some(event) = self.schedule.expired(now) {
            let steps = self.schedule.steps(event.story);
            self.ledger.drop(&event, steps, now);
        }
        // Everybody is busy. In a closed loop the next event comes with the next answer.
        match (self.schedule.is_closed(), self.schedule.peek()) {
            (true, _) | (false, Some(_)) => Some(Duration::MAX),
            (false, None) => None,
        }
    }

    /// What was due at an interruption and not sent yet will not be.
    fn drop_due(&mut self, now: Duration) {
        while let Some(event) = self.schedule.give_up(now) {
            let steps = self.schedule.steps(event.story);
            self.ledger.drop(&event, steps, now);
        }
    }

    fn free(&mut self, lane: usize) {
        if self.lanes[lane].pipe.is_some() { self.idle.push(lane) } else { self.closed.push(lane) }
    }

    /// Looks after what takes too long, and tells where things stand.
    fn look(&mut self, now: Duration, stopped_at: Option<Duration>) {
        let gap = (self.job.timeout / 50).clamp(Duration::from_millis(1), Duration::from_millis(50));
        self.next_look = now + gap;
        self.ledger.tick(now);
        let ends_at = stopped_at.map(|at| at + GRACE);
        for lane in 0..self.lanes.len() {
            let Some((_, released)) = self.lanes[lane].event else { continue };
            if now.saturating_sub(released) >= self.job.timeout {
                let was_open =
                    self.lanes[lane].pipe.as_mut().is_some_and(|pipe| matches!(pipe.connected(), Ok(true)));
                let failure = match was_open {
                    true => Failure::no_answer(&self.job.target, self.job.timeout),
                    false => Failure::no_connection(&self.job.target, self.job.timeout),
                };
                self.close(lane);
                self.finish(lane, Outcome::TimedOut(failure.message));
            } else if ends_at.is_some_and(|end| now >= end) {
                self.close(lane);
                self.finish(lane, Outcome::interrupted());
            }
        }
        if stopped_at.is_some() {
            self.following.clear();
        }
        let mut rested = Vec::new();
        self.resting.retain(|(until, lane)| {
            let is_over = *until <= now;
            if is_over {
                rested.push(*lane);
            }
            !is_over
        });
        self.closed.extend(rested);
        self.publish();
    }

    fn publish(&self) {
        self.job.publish(self.number, |progress| self.ledger.progress(progress));
    }

    /// Sends an event over a lane.
    fn send(&mut self, lane: usize, event: Event) {
        let now = self.job.now();
        let place = &mut self.lanes[lane];
        place.event = Some((event, now));
        place.out.clear();
        place.written = 0;
        self.ledger.release(&event, now);
        let nonce = self.job.nonce(event.telling, event.step);
        let wall = self.job.wall(now);
        let blueprint = &self.job.blueprints[event.story];
        blueprint.write(event.telling, event.step, nonce, wall, &mut self.scratch, &mut place.out);
        if place.pipe.is_none() {
            match self.open(lane) {
                Ok(()) => {}
                Err(error) => self.fail_to_connect(lane, &error),
            }
            return;
        }
        self.flush(lane);
    }

    fn open(&mut self, lane: usize) -> io::Result<()> {
        let mut pipe = Pipe::open(self.job.address, self.job.tls.as_ref())?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(pipe.source(), Token(lane), interest)?;
        self.opened += 1;
        let place = &mut self.lanes[lane];
        place.reader = place.reader.fresh();
        place.pipe = Some(pipe);
        Ok(())
    }

    fn close(&mut self, lane: usize) {
        if let Some(mut pipe) = self.lanes[lane].pipe.take() {
            self.unread.retain(|(other, _)| *other != lane);
            // Closing takes it out of the poll too, unless the system is out of order.
            let _ = self.poll.registry().deregister(pipe.source());
        }
    }

    /// Something can be done on a lane's connection. `ends` tells that nothing more comes after what is there.
    fn turn(&mut self, lane: usize, is_readable: bool, ends: bool) {
        let Some(pipe) = self.lanes.get_mut(lane).and_then(|place| place.pipe.as_mut()) else { return };
        match pipe.connected() {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return self.fail_to_connect(lane, &error),
        }
        self.lanes[lane].rest = SHORTEST_REST;
        self.flush(lane);
        if is_readable {
            self.read(lane, ends);
        }
    }

    fn flush(&mut self, lane: usize) {
        let place = &mut self.lanes[lane];
        let Some(pipe) = &mut place.pipe else { return };
        if !matches!(pipe.connected(), Ok(true)) {
            return;
        }
        while place.written < place.out.len() {
            match pipe.write(&place.out[place.written..]) {
                Ok(count) => place.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // A receiver may answer before it has read everything, and close: what can be read decides.
                Err(error) if is_closed(&error) => place.written = place.out.len(),
                Err(error) => return self.break_off(lane, &error),
            }
        }
        if pipe.is_tls()
            && let Err(error) = pipe.flush()
            && !is_closed(&error)
        {
            self.break_off(lane, &error);
        }
    }

    fn read(&mut self, lane: usize, ends: bool) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut reads = 0;
        while let Some(pipe) = &mut self.lanes[lane].pipe {
            if reads == READS {
                // Whoever sends without end does not keep the others from their turn, nor time-outs from theirs.
                self.unread.push((lane, ends));
                break;
            }
            reads += 1;
            let is_tls = pipe.is_tls();
            match pipe.read(&mut buffer) {
                Ok(0) => {
                    self.ended(lane);
                    break;
                }
                Ok(count) => {
                    self.take(lane, &buffer[..count]);
                    // The system tells of bytes and of the end after them only once, if both came together.
                    if count < buffer.len() && !is_tls && !ends {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.break_off(lane, &error);
                    break;
                }
            }
        }
        self.buffer = buffer;
    }

    /// Bytes came over a lane.
    fn take(&mut self, lane: usize, bytes: &[u8]) {
        let place = &mut self.lanes[lane];
        let Some((event, _)) = place.event else {
            // Nobody asked for anything: such a connection is of no use.
            self.give_up_idle(lane);
            return;
        };
        match place.reader.read(bytes) {
            Ok(None) => {}
            Ok(Some(ended)) => self.answered(lane, event, ended),
            Err(error) => {
                let failure = Failure::no_http(&self.job.target, &error.0);
                self.fail(lane, failure);
            }
        }
    }

    fn answered(&mut self, lane: usize, event: Event, ended: Ended) {
        // An answer before the whole request was written leaves the connection in the middle of it.
        let is_whole = self.lanes[lane].written == self.lanes[lane].out.len();
        if !ended.reusable || !is_whole {
            self.close(lane);
        }
        let rule = &self.job.blueprints[event.story].success[event.step];
        let is_ok = match &rule.body {
            None => rule.status.contains(ended.status),
            Some(_) => {
                let body = Bytes::copy_from_slice(self.lanes[lane].reader.body());
                rule.judge(&ReceiverResponse {
                    status: ended.status,
                    headers: Vec::new(),
                    body,
                    truncated: false,
                })
                .is_ok()
            }
        };
        let outcome = if is_ok { Outcome::Ok(ended.status) } else { Outcome::Wrong(ended.status) };
        self.finish(lane, outcome);
    }

    /// The other side ended the connection.
    fn ended(&mut self, lane: usize) {
        let Some((event, _)) = self.lanes[lane].event else { return self.give_up_idle(lane) };
        match self.lanes[lane].reader.close() {
            Some(ended) => self.answered(lane, event, ended),
            None => {
                let failure = Failure::broken(&self.job.target, None);
                self.fail(lane, failure);
            }
        }
    }

    fn give_up_idle(&mut self, lane: usize) {
        self.close(lane);
        if let Some(at) = self.idle.iter().position(|idle| *idle == lane) {
            self.idle.swap_remove(at);
            self.closed.push(lane);
        }
    }

    fn break_off(&mut self, lane: usize, error: &io::Error) {
        if self.lanes[lane].event.is_none() {
            return self.give_up_idle(lane);
        }
        let target = &self.job.target;
        let failure = match tls_error(error) {
            Some(error) => Failure::tls_error(target, error),
            None => Failure::broken(target, Some(error)),
        };
        self.fail(lane, failure);
    }

    fn fail_to_connect(&mut self, lane: usize, error: &io::Error) {
        let failure = match error.kind() {
            io::ErrorKind::AddrNotAvailable => Failure::no_room(error),
            _ if is_out_of_files(error) => Failure::no_room(error),
            _ => Failure::connect(&self.job.target, error),
        };
        self.fail(lane, failure);
    }

    fn fail(&mut self, lane: usize, failure: Failure) {
        self.close(lane);
        let class = if failure.class.is_final() { "local" } else { failure.class.as_str() };
        self.finish(lane, Outcome::Failed(class, failure.message));
    }

    /// What was in flight on a lane came to its end.
    fn finish(&mut self, lane: usize, outcome: Outcome) {
        let Some((event, released)) = self.lanes[lane].event.take() else { return };
        let now = self.job.now();
        let failed = matches!(outcome, Outcome::Failed(..));
        self.ledger.end(&event, released, now, outcome);
        if let Some(next) = self.schedule.after(event, now) {
            self.following.push((lane, next));
        } else if failed && self.schedule.is_closed() {
            // Whoever asks again at once whenever he is refused keeps himself busy and nobody else.
            let place = &mut self.lanes[lane];
            self.resting.push((now + place.rest, lane));
            place.rest = (place.rest * 2).min(LONGEST_REST);
        } else {
            self.free(lane);
        }
    }
}

fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::BrokenPipe | Kind::ConnectionReset | Kind::ConnectionAborted)
}

/// Whether the process, or the system, has no room for another open file.
fn is_out_of_files(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use nix::errno::Errno;
        error.raw_os_error().is_some_and(|code| code == Errno::EMFILE as i32 || code == Errno::ENFILE as i32)
    }
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

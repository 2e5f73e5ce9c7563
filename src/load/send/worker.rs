//! A worker: one thread with connections of its own that sends its part of a run over HTTP/1.1.
//!
//! It waits for the system to say which connections can be read or written, and for the instant of the next event.
//! What has to be done for an event is done at once and in place: fill the gaps, sign, write. There is no lock, no
//! channel and no task per event, and all room is used again.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use mio::{Events, Interest, Poll, Token};

use super::job::{ANSWER_CAP, GRACE, Job};
use super::nonblocking_conn::NonblockingConn;
use super::response::{Ended, ResponseReader};
use super::run_stats::{Outcome, Recorder, RunStats};
use super::timer::{self, Timer};
use crate::delivery::{Failure, ReceiverResponse};
use crate::load::compile::Scratch;
use crate::load::plan::{Event, Next, Schedule};

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
struct Slot {
    pipe: Option<NonblockingConn>,
    /// The request, and how much of it is written.
    out: Vec<u8>,
    written: usize,
    reader: ResponseReader,
    /// What is in flight, and since when.
    event: Option<(Event, Duration)>,
    /// How long a closed loop rests if this connection fails again.
    rest: Duration,
}

/// A worker at work.
pub(crate) struct Worker<'a> {
    job: &'a Job,
    number: u32,
    schedule: Schedule,
    recorder: Recorder,
    poll: Poll,
    slots: Vec<Slot>,
    /// Lanes with an open connection and nothing in flight; the one used last is used next.
    idle: Vec<usize>,
    /// Lanes without a connection.
    closed: Vec<usize>,
    /// Lanes that rest until a moment.
    resting: Vec<(Duration, usize)>,
    /// Next steps of iterations, to be sent over the same slot.
    following: Vec<(usize, Event)>,
    /// Lanes with something left to read, and whether that is the last of it.
    unread: Vec<(usize, bool)>,
    scratch: Scratch,
    buffer: Vec<u8>,
    opened: u64,
    next_look: Duration,
}

/// Sends a worker's part of a run. Errs if the system has no event loop to give.
pub(crate) fn run(job: &Job, number: u32) -> io::Result<(RunStats, u64)> {
    let poll = Poll::new()?;
    let mut timer = Timer::new(&poll)?;
    let slots = job.slots(number);
    let keeps = job.templates.iter().any(|template| template.success.iter().any(|rule| rule.body.is_some()));
    let cap = if keeps { ANSWER_CAP } else { 0 };
    let slot = || Slot {
        pipe: None,
        out: Vec::new(),
        written: 0,
        reader: ResponseReader::new(cap),
        event: None,
        rest: SHORTEST_REST,
    };
    let mut worker = Worker {
        job,
        number,
        schedule: job.schedule(number),
        recorder: Recorder::new(job.late, job.interval, job.templates.len(), job.intervals),
        poll,
        slots: std::iter::repeat_with(slot).take(slots).collect(),
        idle: Vec::with_capacity(slots),
        closed: (0..slots).rev().collect(),
        resting: Vec::new(),
        following: Vec::new(),
        unread: Vec::new(),
        scratch: Scratch::default(),
        buffer: vec![0; READ],
        opened: 0,
        next_look: Duration::ZERO,
    };
    worker.work(&mut timer)?;
    Ok((worker.recorder.close(), worker.opened))
}

impl Worker<'_> {
    fn work(&mut self, timer: &mut Timer) -> io::Result<()> {
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
            if over && self.recorder.in_flight() == 0 && self.following.is_empty() && self.resting_is_over() {
                self.publish();
                return Ok(());
            }
            let mut wake = due.unwrap_or(self.next_look).min(self.next_look);
            if !self.unread.is_empty() {
                wake = now;
            }
            let unread = std::mem::take(&mut self.unread);
            match timer.wait(&mut self.poll, &mut events, now, wake) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            for event in &events {
                if event.token() == timer::TOKEN {
                    continue;
                }
                let ends = event.is_read_closed() || event.is_error();
                self.turn(event.token().0, event.is_readable() || ends, ends);
            }
            for (slot, ends) in unread {
                self.read(slot, ends);
            }
        }
    }

    /// Nothing is left to tell, so that slots which rest may as well go on resting.
    fn resting_is_over(&self) -> bool {
        self.resting.is_empty() || self.schedule.is_closed()
    }

    /// Sends what is due; when something is due next, or nothing if nothing is left.
    fn release(&mut self, now: Duration) -> Option<Duration> {
        while let Some((slot, event)) = self.following.pop() {
            self.send(slot, event);
        }
        let mut now = now;
        let mut released = 0;
        while let Some(slot) = self.idle.pop().or_else(|| self.closed.pop()) {
            match self.schedule.next(now) {
                Next::Release(event) => {
                    self.send(slot, event);
                    now = self.job.now();
                    released += 1;
                    if released == EVENTS {
                        // Others have their turn too: answers, time-outs, an interruption.
                        return Some(now);
                    }
                }
                Next::Drop(event) => {
                    let steps = self.schedule.steps(event.story);
                    self.recorder.drop(&event, steps, now);
                    self.free(slot);
                }
                Next::Wait(due) => {
                    self.free(slot);
                    return Some(due);
                }
                Next::Over => {
                    self.free(slot);
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
            self.recorder.drop(&event, steps, now);
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
            self.recorder.drop(&event, steps, now);
        }
    }

    fn free(&mut self, slot: usize) {
        if self.slots[slot].pipe.is_some() { self.idle.push(slot) } else { self.closed.push(slot) }
    }

    /// Looks after what takes too long, and tells where things stand.
    fn look(&mut self, now: Duration, stopped_at: Option<Duration>) {
        let gap = (self.job.timeout / 50).clamp(Duration::from_millis(1), Duration::from_millis(50));
        self.next_look = now + gap;
        self.recorder.tick(now);
        let ends_at = stopped_at.map(|at| at + GRACE);
        for slot in 0..self.slots.len() {
            let Some((_, released)) = self.slots[slot].event else { continue };
            if now.saturating_sub(released) >= self.job.timeout {
                let was_open =
                    self.slots[slot].pipe.as_mut().is_some_and(|pipe| matches!(pipe.connected(), Ok(true)));
                let failure = match was_open {
                    true => Failure::no_answer(&self.job.target, self.job.timeout),
                    false => Failure::no_connection(&self.job.target, self.job.timeout),
                };
                self.close(slot);
                self.finish(slot, Outcome::TimedOut(failure.message));
            } else if ends_at.is_some_and(|end| now >= end) {
                self.close(slot);
                self.finish(slot, Outcome::interrupted());
            }
        }
        if stopped_at.is_some() {
            self.following.clear();
        }
        let mut rested = Vec::new();
        self.resting.retain(|(until, slot)| {
            let is_over = *until <= now;
            if is_over {
                rested.push(*slot);
            }
            !is_over
        });
        self.closed.extend(rested);
        self.publish();
    }

    fn publish(&self) {
        self.job.publish(self.number, |progress| self.recorder.progress(progress));
    }

    /// Sends an event over a slot.
    fn send(&mut self, slot: usize, event: Event) {
        let now = self.job.now();
        let place = &mut self.slots[slot];
        place.event = Some((event, now));
        place.out.clear();
        place.written = 0;
        self.recorder.release(&event, now);
        let nonce = self.job.nonce(event.iteration, event.step);
        let wall = self.job.wall(now);
        let template = &self.job.templates[event.story];
        template.write(event.iteration, event.step, nonce, wall, &mut self.scratch, &mut place.out);
        if place.pipe.is_none() {
            match self.open(slot) {
                Ok(()) => {}
                Err(error) => self.fail_to_connect(slot, &error),
            }
            return;
        }
        self.flush(slot);
    }

    fn open(&mut self, slot: usize) -> io::Result<()> {
        let mut pipe = NonblockingConn::open(self.job.address, self.job.tls.as_ref())?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(pipe.source(), Token(slot), interest)?;
        self.opened += 1;
        let place = &mut self.slots[slot];
        place.reader = place.reader.fresh();
        place.pipe = Some(pipe);
        Ok(())
    }

    fn close(&mut self, slot: usize) {
        if let Some(mut pipe) = self.slots[slot].pipe.take() {
            self.unread.retain(|(other, _)| *other != slot);
            // Closing takes it out of the poll too, unless the system is out of order.
            let _ = self.poll.registry().deregister(pipe.source());
        }
    }

    /// Something can be done on a slot's connection. `ends` tells that nothing more comes after what is there.
    fn turn(&mut self, slot: usize, is_readable: bool, ends: bool) {
        let Some(pipe) = self.slots.get_mut(slot).and_then(|place| place.pipe.as_mut()) else { return };
        match pipe.connected() {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return self.fail_to_connect(slot, &error),
        }
        self.slots[slot].rest = SHORTEST_REST;
        self.flush(slot);
        if is_readable {
            self.read(slot, ends);
        }
    }

    fn flush(&mut self, slot: usize) {
        let place = &mut self.slots[slot];
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
                Err(error) => return self.break_off(slot, &error),
            }
        }
        if pipe.is_tls()
            && let Err(error) = pipe.flush()
            && !is_closed(&error)
        {
            self.break_off(slot, &error);
        }
    }

    fn read(&mut self, slot: usize, ends: bool) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut reads = 0;
        while let Some(pipe) = &mut self.slots[slot].pipe {
            if reads == READS {
                // Whoever sends without end does not keep the others from their turn, nor time-outs from theirs.
                self.unread.push((slot, ends));
                break;
            }
            reads += 1;
            let is_tls = pipe.is_tls();
            match pipe.read(&mut buffer) {
                Ok(0) => {
                    self.ended(slot);
                    break;
                }
                Ok(count) => {
                    self.take(slot, &buffer[..count]);
                    // The system tells of bytes and of the end after them only once, if both came together.
                    if count < buffer.len() && !is_tls && !ends {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.break_off(slot, &error);
                    break;
                }
            }
        }
        self.buffer = buffer;
    }

    /// Bytes came over a slot.
    fn take(&mut self, slot: usize, bytes: &[u8]) {
        let place = &mut self.slots[slot];
        let Some((event, _)) = place.event else {
            // Nobody asked for anything: such a connection is of no use.
            self.give_up_idle(slot);
            return;
        };
        match place.reader.read(bytes) {
            Ok(None) => {}
            Ok(Some(ended)) => self.answered(slot, event, ended),
            Err(error) => {
                let failure = Failure::no_http(&self.job.target, &error.0);
                self.fail(slot, failure);
            }
        }
    }

    fn answered(&mut self, slot: usize, event: Event, ended: Ended) {
        // An answer before the whole request was written leaves the connection in the middle of it.
        let is_whole = self.slots[slot].written == self.slots[slot].out.len();
        if !ended.reusable || !is_whole {
            self.close(slot);
        }
        let rule = &self.job.templates[event.story].success[event.step];
        let is_ok = match &rule.body {
            None => rule.status.contains(ended.status),
            Some(_) => {
                let body = Bytes::copy_from_slice(self.slots[slot].reader.body());
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
        self.finish(slot, outcome);
    }

    /// The other side ended the connection.
    fn ended(&mut self, slot: usize) {
        let Some((event, _)) = self.slots[slot].event else { return self.give_up_idle(slot) };
        match self.slots[slot].reader.close() {
            Some(ended) => self.answered(slot, event, ended),
            None => {
                let failure = Failure::broken(&self.job.target, None);
                self.fail(slot, failure);
            }
        }
    }

    fn give_up_idle(&mut self, slot: usize) {
        self.close(slot);
        if let Some(at) = self.idle.iter().position(|idle| *idle == slot) {
            self.idle.swap_remove(at);
            self.closed.push(slot);
        }
    }

    fn break_off(&mut self, slot: usize, error: &io::Error) {
        if self.slots[slot].event.is_none() {
            return self.give_up_idle(slot);
        }
        let target = &self.job.target;
        let failure = match tls_error(error) {
            Some(error) => Failure::tls_error(target, error),
            None => Failure::broken(target, Some(error)),
        };
        self.fail(slot, failure);
    }

    fn fail_to_connect(&mut self, slot: usize, error: &io::Error) {
        let failure = match error.kind() {
            io::ErrorKind::AddrNotAvailable => Failure::no_room(error),
            _ if is_out_of_files(error) => Failure::no_room(error),
            _ => Failure::connect(&self.job.target, error),
        };
        self.fail(slot, failure);
    }

    fn fail(&mut self, slot: usize, failure: Failure) {
        self.close(slot);
        let class = if failure.class.is_final() { "local" } else { failure.class.as_str() };
        self.finish(slot, Outcome::Failed(class, failure.message));
    }

    /// What was in flight on a slot came to its end.
    fn finish(&mut self, slot: usize, outcome: Outcome) {
        let Some((event, released)) = self.slots[slot].event.take() else { return };
        let now = self.job.now();
        let failed = matches!(outcome, Outcome::Failed(..));
        self.recorder.end(&event, released, now, outcome);
        if let Some(next) = self.schedule.after(event, now) {
            self.following.push((slot, next));
        } else if failed && self.schedule.is_closed() {
            // Whoever asks again at once whenever he is refused keeps himself busy and nobody else.
            let place = &mut self.slots[slot];
            self.resting.push((now + place.rest, slot));
            place.rest = (place.rest * 2).min(LONGEST_REST);
        } else {
            self.free(slot);
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

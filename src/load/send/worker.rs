//! A worker: one thread with connections of its own that sends its part of a run over HTTP/1.1.
//!
//! It waits for the system to say which connections can be read or written, and for the instant of the next event. An event
//! is processed at once and in place: fill the gaps, sign, write. There is no lock, no channel and no task per event, and
//! all buffers are reused.

use std::io;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};

use super::job::{GRACE, Job};
use super::nonblocking_conn::NonblockingConn;
use super::response::{Ended, ResponseReader};
use super::run_stats::{Outcome, Recorder, RunStats};
use super::timer::{self, Timer};
use crate::delivery::Failure;
use crate::http::{is_closed, is_out_of_files};
use crate::load::compile::Scratch;
use crate::load::plan::{Event, Next, Paused, Schedule};

/// Size of one read, in bytes.
const READ: usize = 16 * 1024;

/// Maximum number of reads from a connection before others have their turn.
const READS: usize = 64;

/// Maximum number of system events that are processed at once.
const EVENTS: usize = 256;

/// How long a closed loop pauses after a connection that failed, at first and at most.
const SHORTEST_REST: Duration = Duration::from_millis(5);
const LONGEST_REST: Duration = Duration::from_millis(500);

/// A slot for one event in flight, with its connection.
struct Slot {
    conn: Option<NonblockingConn>,
    /// The request, and how much of it has been written.
    out: Vec<u8>,
    written: usize,
    reader: ResponseReader,
    /// The event in flight, and since when.
    event: Option<(Event, Duration)>,
    /// How long a closed loop pauses if this connection fails again.
    rest: Duration,
}

/// A running worker.
pub(crate) struct Worker<'a> {
    job: &'a Job,
    number: u32,
    schedule: Schedule,
    recorder: Recorder,
    poll: Poll,
    slots: Vec<Slot>,
    /// Slots with an open connection and nothing in flight; the one used last is used next.
    idle: Vec<usize>,
    /// Slots without a connection.
    closed: Vec<usize>,
    /// Slots that pause until a moment.
    resting: Vec<(Duration, usize)>,
    /// Next steps of iterations, to be sent over the same slot.
    following: Vec<(usize, Event)>,
    /// Next steps of iterations that are due later. In a closed loop a story keeps its slot while it pauses.
    paused: Paused,
    /// Slots with unread data, and whether that is the last of it.
    unread: Vec<(usize, bool)>,
    scratch: Scratch,
    buffer: Vec<u8>,
    /// How many bytes of each response's body are needed.
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
    let slots = job.slots(number);
    let cap = job.answer_cap();
    let slot = || Slot {
        conn: None,
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
        recorder: job.recorder(),
        poll,
        slots: std::iter::repeat_with(slot).take(slots).collect(),
        idle: Vec::with_capacity(slots),
        closed: (0..slots).rev().collect(),
        resting: Vec::new(),
        following: Vec::new(),
        paused: Paused::default(),
        unread: Vec::new(),
        scratch: Scratch::default(),
        buffer: vec![0; READ],
        cap,
        opened: 0,
        next_look: Duration::ZERO,
    };
    worker.work(&mut timer)?;
    Ok(RunStats { connections: worker.opened, ..worker.recorder.close() })
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
            let over = due.is_none();
            let is_telling = !self.following.is_empty() || !self.paused.is_empty();
            if over && self.recorder.in_flight() == 0 && !is_telling && self.resting_is_over() {
                self.publish();
                return Ok(());
            }
            let mut wake = due.unwrap_or(self.next_look).min(self.next_look);
            if stopped_at.is_none() && self.can_send() {
                wake = wake.min(self.paused.next().unwrap_or(wake));
            }
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

    /// Whether pausing slots need not be waited for.
    fn resting_is_over(&self) -> bool {
        self.resting.is_empty() || self.schedule.is_closed()
    }

    /// Sends what is due. Returns when something is due next, or `None` if nothing is left.
    fn release(&mut self, now: Duration) -> Option<Duration> {
        while let Some((slot, event)) = self.following.pop() {
            self.send(slot, event);
        }
        let mut now = now;
        let mut released = 0;
        // Continue running stories before starting new ones.
        while self.can_send()
            && let place = self.paused.place()
            && let Some(event) = self.paused.take(now)
            && let Some(slot) = place.or_else(|| self.take_slot())
        {
            self.send(slot, event);
        }
        loop {
            self.drop_overdue(now, self.job.options.drop_after);
            let Some(slot) = self.take_slot() else {
                self.recorder.full();
                break;
            };
            match self.schedule.next(now) {
                Next::Release(event) => {
                    self.send(slot, event);
                    now = self.job.now();
                    released += 1;
                    if released == EVENTS {
                        // Let responses, time-outs and an interruption have their turn.
                        return Some(now);
                    }
                }
                Next::Wait(due) => {
                    self.free(slot);
                    return Some(due);
                }
                Next::Over => {
                    self.free(slot);
                    let resting = self.resting.iter().map(|(until, _)| *until).min();
                    return resting.filter(|_| !self.resting_is_over());
                }
            }
        }
        // All slots are busy. In a closed loop the next event follows the next response.
        (self.schedule.is_closed() || self.schedule.peek().is_some()).then_some(Duration::MAX)
    }

    fn drop_overdue(&mut self, now: Duration, lag: Duration) {
        self.recorder.drop_overdue(&mut self.schedule, now, lag);
    }

    /// Returns a slot for the next event.
    fn take_slot(&mut self) -> Option<usize> {
        self.idle.pop().or_else(|| self.closed.pop())
    }

    /// Whether there is a slot for the next step of a story that pauses.
    fn can_send(&self) -> bool {
        self.paused.place().is_some() || !self.idle.is_empty() || !self.closed.is_empty()
    }

    fn free(&mut self, slot: usize) {
        if self.slots[slot].conn.is_some() { self.idle.push(slot) } else { self.closed.push(slot) }
    }

    /// Handles time-outs, and publishes the progress.
    fn look(&mut self, now: Duration, stopped_at: Option<Duration>) {
        let timeout = self.job.options.timeout;
        self.next_look = now + (timeout / 50).clamp(Duration::from_millis(1), Duration::from_millis(50));
        self.recorder.tick(now);
        let ends_at = stopped_at.map(|at| at + GRACE);
        for slot in 0..self.slots.len() {
            let Some((_, released)) = self.slots[slot].event else { continue };
            if now.saturating_sub(released) >= timeout {
                let conn = self.slots[slot].conn.as_mut();
                match conn.map(NonblockingConn::connected) {
                    Some(Ok(true)) => self.fail(slot, Failure::no_answer(&self.job.target, timeout)),
                    Some(Err(error)) => self.fail_to_connect(slot, &error),
                    _ => self.fail(slot, Failure::no_connection(&self.job.target, timeout)),
                }
            } else if ends_at.is_some_and(|end| now >= end) {
                self.close(slot);
                self.finish(slot, Outcome::interrupted());
            }
        }
        if stopped_at.is_some() {
            self.following.clear();
            self.paused.clear();
        }
        self.closed.extend(self.resting.extract_if(.., |(until, _)| *until <= now).map(|(_, slot)| slot));
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
        self.job.write(&event, now, &mut self.scratch, &mut place.out);
        if place.conn.is_some() {
            self.flush(slot);
        } else if let Err(error) = self.open(slot) {
            self.fail_to_connect(slot, &error);
        }
    }

    fn open(&mut self, slot: usize) -> io::Result<()> {
        let mut conn = NonblockingConn::open(self.job.address, self.job.tls.as_ref())?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(conn.source(), Token(slot), interest)?;
        self.opened += 1;
        let place = &mut self.slots[slot];
        place.reader = ResponseReader::new(self.cap);
        place.conn = Some(conn);
        Ok(())
    }

    fn close(&mut self, slot: usize) {
        if let Some(mut conn) = self.slots[slot].conn.take() {
            self.unread.retain(|(other, _)| *other != slot);
            // Closing removes it from the poll too, so an error here does no harm.
            let _ = self.poll.registry().deregister(conn.source());
        }
    }

    /// Handles a signal for a slot's connection. `ends` means that nothing follows after the available data.
    fn turn(&mut self, slot: usize, is_readable: bool, ends: bool) {
        let Some(conn) = self.slots.get_mut(slot).and_then(|place| place.conn.as_mut()) else { return };
        match conn.connected() {
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
        let Some(conn) = &mut place.conn else { return };
        if !matches!(conn.connected(), Ok(true)) {
            return;
        }
        while place.written < place.out.len() {
            match conn.write(&place.out[place.written..]) {
                Ok(count) => place.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // A receiver may respond before it has read everything, and close: what can be read decides.
                Err(error) if is_closed(&error) => place.written = place.out.len(),
                Err(error) => return self.break_off(slot, &error),
            }
        }
        if conn.is_tls()
            && let Err(error) = conn.flush()
            && !is_closed(&error)
        {
            self.break_off(slot, &error);
        }
    }

    fn read(&mut self, slot: usize, ends: bool) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut reads = 0;
        while let Some(conn) = &mut self.slots[slot].conn {
            if reads == READS {
                // A receiver that sends without end must not starve the others, nor delay time-outs.
                self.unread.push((slot, ends));
                break;
            }
            reads += 1;
            match conn.read(&mut buffer) {
                Ok(0) => {
                    self.ended(slot);
                    break;
                }
                Ok(count) => {
                    let is_drained = conn.is_drained(count, buffer.len());
                    self.take(slot, &buffer[..count]);
                    // If data and EOF arrive together, the system reports them in one event.
                    if is_drained && !ends {
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

    /// Processes bytes that arrived on a slot.
    fn take(&mut self, slot: usize, bytes: &[u8]) {
        let place = &mut self.slots[slot];
        let Some((event, _)) = place.event else {
            // An unsolicited response: the connection can't be used.
            self.give_up_idle(slot);
            return;
        };
        match place.reader.read(bytes) {
            Ok(None) => {}
            Ok(Some(ended)) => self.answered(slot, event, ended),
            Err(error) => {
                let failure = place.reader.no_http(&self.job.target, &error);
                self.fail(slot, failure);
            }
        }
    }

    fn answered(&mut self, slot: usize, event: Event, ended: Ended) {
        // A response before the whole request was written leaves the connection in the middle of it.
        let is_whole = self.slots[slot].written == self.slots[slot].out.len();
        if !ended.reusable || !is_whole {
            self.close(slot);
        }
        let outcome = self.job.judge(&event, ended.status, self.slots[slot].reader.body());
        self.finish(slot, outcome);
    }

    /// Handles the end of a connection by the other side.
    fn ended(&mut self, slot: usize) {
        let Some((event, _)) = self.slots[slot].event else { return self.give_up_idle(slot) };
        match self.slots[slot].reader.close() {
            Some(ended) => self.answered(slot, event, ended),
            None => {
                let failure = self.slots[slot].reader.broken(&self.job.target, None);
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
        let failure = match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(error) => Failure::tls_error(target, error),
            None => self.slots[slot].reader.broken(target, Some(error)),
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
        self.finish(slot, failure.into());
    }

    /// Ends the event in flight on a slot.
    fn finish(&mut self, slot: usize, outcome: Outcome) {
        let Some((event, released)) = self.slots[slot].event.take() else { return };
        let now = self.job.now();
        let failed = matches!(outcome, Outcome::Failed(..));
        self.recorder.end(&event, released, now, outcome);
        let next = self.job.following(&event, released, now);
        if let Some(next) = next.filter(|next| next.planned <= now) {
            self.following.push((slot, next));
        } else if let Some(next) = next {
            let keeps = self.schedule.is_closed();
            self.paused.add(next, keeps.then_some(slot));
            if !keeps {
                self.free(slot);
                self.recorder.free(now);
            }
        } else if failed && self.schedule.is_closed() {
            // Reconnecting at once after every refusal would only burn CPU, so back off.
            let place = &mut self.slots[slot];
            self.resting.push((now + place.rest, slot));
            place.rest = (place.rest * 2).min(LONGEST_REST);
        } else {
            self.free(slot);
            self.recorder.free(now);
        }
    }
}

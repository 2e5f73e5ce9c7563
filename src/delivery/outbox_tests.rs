use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::delivery::{Policy, ReceiverResponse, as_sent};

fn at(millis: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_millis(millis)
}

fn callback(id: u64, due: i64, key: Option<&str>, policy: &Arc<Policy>) -> Arc<QueuedCallback> {
    Arc::new(QueuedCallback {
        id: CallbackId(id),
        event: "session.end".into(),
        target: Arc::new("http://127.0.0.1/".parse().unwrap()),
        method: "POST".into(),
        headers: Vec::new(),
        body: Bytes::new(),
        signer: None,
        message_id: String::new(),
        part_of: Vec::new(),
        sums_up: None,
        order_key: key.map(Arc::from),
        due: at(due),
        policy: policy.clone(),
        faults: Vec::new(),
        copy_of: None,
    })
}

fn vendor() -> Arc<Policy> {
    Arc::new(Policy::airudder())
}

fn outbox(max: usize) -> Outbox {
    Outbox::new(max, Seed(1))
}

fn attempt((callback, number): (Arc<QueuedCallback>, u32)) -> Attempt {
    as_sent(callback, number, at(0)).attempt
}

fn answered(status: u16) -> AttemptResult {
    let answer = ReceiverResponse { status, headers: Vec::new(), body: Bytes::new(), truncated: false };
    AttemptResult { result: Ok(answer), elapsed: Duration::ZERO }
}

fn failed(class: ErrorClass) -> AttemptResult {
    let failure = Failure { class, message: "it went wrong".to_owned() };
    AttemptResult { result: Err(failure), elapsed: Duration::ZERO }
}

fn gave_up(attempts: u32, class: ErrorClass, message: &str) -> AttemptOutcome {
    AttemptOutcome::Ended(End { attempts, failure: Some(Failure { class, message: message.to_owned() }) })
}

fn sum(totals: Totals) -> u64 {
    totals.pending + totals.in_flight + totals.waiting + totals.delivered + totals.failed
}

#[test]
fn starts_by_due_time_then_by_number() {
    let mut outbox = outbox(10);
    for (id, due) in [(1, 50), (2, 10), (3, 10), (4, 0)] {
        outbox.push(callback(id, due, None, &vendor()));
    }
    assert_eq!(outbox.next_wakeup(), Some(at(0)));
    assert_eq!(outbox.start(at(-1)).map(|(callback, _)| callback.id.0), None);
    let mut started = Vec::new();
    while let Some((callback, number)) = outbox.start(at(20)) {
        started.push((callback.id.0, number));
    }
    assert_eq!(started, [(4, 1), (2, 1), (3, 1)]);
    assert_eq!(outbox.next_wakeup(), Some(at(50)));
    let unfinished: Vec<_> = outbox.unfinished().map(|(id, _)| id.0).collect();
    assert_eq!(unfinished, [1, 2, 3, 4]);
    assert_eq!(outbox.totals(), Totals { queued: 4, pending: 1, in_flight: 3, ..Totals::default() });
}

#[test]
fn the_limit_holds_attempts_back() {
    let mut outbox = outbox(1);
    outbox.push(callback(1, 0, None, &vendor()));
    outbox.push(callback(2, 0, None, &vendor()));
    let first = attempt(outbox.start(at(0)).unwrap());
    assert!(outbox.start(at(0)).is_none());
    assert_eq!(outbox.next_wakeup(), None);
    assert_eq!(
        outbox.finish(&first, &answered(204), at(5)),
        AttemptOutcome::Ended(End { attempts: 1, failure: None })
    );
    assert_eq!(outbox.next_wakeup(), Some(at(0)));
    assert_eq!(outbox.start(at(5)).unwrap().0.id, CallbackId(2));
}

#[test]
fn a_limit_of_zero_still_lets_one_through() {
    let mut outbox = outbox(0);
    outbox.push(callback(1, 0, None, &vendor()));
    assert!(outbox.start(at(0)).is_some());
}

#[test]
fn what_sums_up_waits_for_the_first_attempts_of_its_parts() {
    let part = |id, wholes: &[&str]| {
        let part_of = wholes.iter().map(|name| Arc::from(*name)).collect();
        Arc::new(QueuedCallback { part_of, ..(*callback(id, 0, None, &vendor())).clone() })
    };
    let sum = |id, name: &str, of: &[&str]| {
        Arc::new(QueuedCallback { sums_up: Some(name.into()), ..(*part(id, of)).clone() })
    };
    let mut outbox = outbox(10);
    for callback in [
        part(1, &["task", "plan"]),
        part(2, &["task", "plan"]),
        sum(3, "task", &["plan"]),
        sum(4, "plan", &[]),
        part(5, &["plan"]),
    ] {
        outbox.push(callback);
    }
    let mut started = Vec::new();
    let mut start = |outbox: &mut Outbox| {
        let begun: Vec<Attempt> = std::iter::from_fn(|| outbox.start(at(0))).map(attempt).collect();
        started.push(begun.iter().map(|attempt| attempt.callback.id.0).collect::<Vec<_>>());
        begun
    };
    let first = start(&mut outbox);
    outbox.finish(&first[1], &answered(200), at(0));
    assert!(start(&mut outbox).is_empty());
    // A failed attempt counts as an attempt.
    outbox.finish(&first[0], &answered(500), at(0));
    for _ in 0..3 {
        let next = start(&mut outbox);
        assert_eq!(
            outbox.next_wakeup().map(|at| at > Timestamp::UNIX_EPOCH),
            Some(true),
            "only the retry is planned"
        );
        outbox.finish(&next[0], &answered(200), at(0));
    }
    assert_eq!(started, [vec![1, 2], vec![], vec![3], vec![4], vec![5]]);
    assert!(outbox.wholes.is_empty());
}

#[test]
fn retries_follow_the_gaps_and_end_with_the_reason() {
    let gaps = vec![Duration::from_secs(1), Duration::from_secs(10)];
    let policy = Arc::new(Policy { attempts: 4, gaps, ..Policy::airudder() });
    let mut outbox = outbox(10);
    outbox.push(callback(1, 0, None, &policy));
    let mut now = 0;
    for (number, next) in [(1, 1_007), (2, 11_014), (3, 21_021)] {
        let started = outbox.start(at(now)).unwrap();
        assert_eq!(started.1, number);
        let verdict = outbox.finish(&attempt(started), &failed(ErrorClass::Timeout), at(now + 7));
        assert_eq!(verdict, AttemptOutcome::Retry { at: at(next) });
        assert_eq!(outbox.totals().waiting, 1);
        assert!(outbox.start(at(next - 1)).is_none());
        now = next;
    }
    let last = attempt(outbox.start(at(now)).unwrap());
    assert_eq!(
        outbox.finish(&last, &answered(500), at(now)),
        gave_up(4, ErrorClass::Rejected, "the receiver answered 500 instead of 2xx")
    );
    assert_eq!(outbox.totals(), Totals { queued: 1, failed: 1, attempts: 4, ..Totals::default() });
    assert_eq!(outbox.unfinished().count(), 0);
}

#[test]
fn what_cannot_get_better_is_given_up_at_once() {
    for class in [ErrorClass::NotAllowed, ErrorClass::Unsendable] {
        let mut outbox = outbox(10);
        outbox.push(callback(1, 0, None, &vendor()));
        let first = attempt(outbox.start(at(0)).unwrap());
        let verdict = outbox.finish(&first, &failed(class), at(0));
        assert_eq!(verdict, gave_up(1, class, "it went wrong"));
    }
}

#[test]
fn a_conversation_keeps_its_order_through_retries() {
    let mut outbox = outbox(10);
    outbox.push(callback(1, 0, Some("a"), &vendor()));
    outbox.push(callback(2, 0, Some("a"), &vendor()));
    outbox.push(callback(3, 5, Some("b"), &vendor()));
    let first = attempt(outbox.start(at(10)).unwrap());
    let other = outbox.start(at(10)).unwrap();
    assert_eq!((first.callback.id.0, other.0.id.0), (1, 3));
    assert!(outbox.start(at(10)).is_none());
    outbox.finish(&first, &answered(500), at(10));
    assert!(outbox.start(at(60_009)).is_none(), "the second one waits for the retry of the first");
    let again = outbox.start(at(60_010)).unwrap();
    assert_eq!((again.0.id.0, again.1), (1, 2));
    outbox.finish(&attempt(again), &answered(200), at(60_010));
    assert_eq!(outbox.start(at(60_010)).unwrap().0.id.0, 2);
}

#[test]
fn a_failed_callback_lets_the_next_one_pass() {
    let mut outbox = outbox(10);
    let once = Arc::new(Policy::once());
    outbox.push(callback(1, 0, Some("a"), &once));
    outbox.push(callback(2, 0, Some("a"), &once));
    let first = attempt(outbox.start(at(0)).unwrap());
    outbox.finish(&first, &failed(ErrorClass::Refused), at(0));
    assert_eq!(outbox.start(at(0)).unwrap().0.id.0, 2);
}

#[test]
fn within_a_conversation_the_due_time_decides_until_the_first_try() {
    let mut outbox = outbox(10);
    outbox.push(callback(1, 2_000, Some("a"), &vendor()));
    outbox.push(callback(2, 1_000, Some("a"), &vendor()));
    assert_eq!(outbox.next_wakeup(), Some(at(1_000)));
    let earlier = attempt(outbox.start(at(1_000)).unwrap());
    assert_eq!(earlier.callback.id.0, 2);
    outbox.finish(&earlier, &answered(500), at(1_000));
    outbox.push(callback(3, 0, Some("a"), &vendor()));
    assert_eq!(outbox.next_wakeup(), Some(at(61_000)), "what was attempted is not overtaken");
}

#[test]
fn independent_callbacks_do_not_wait() {
    let policy = Arc::new(Policy { ordering: Ordering::Independent, ..Policy::airudder() });
    let mut outbox = outbox(10);
    outbox.push(callback(1, 0, Some("a"), &policy));
    outbox.push(callback(2, 0, Some("a"), &policy));
    assert!(outbox.start(at(0)).is_some());
    assert!(outbox.start(at(0)).is_some());
}

#[test]
fn a_result_nobody_waits_for_changes_nothing() {
    let mut outbox = outbox(10);
    outbox.push(callback(1, 0, None, &vendor()));
    let first = attempt(outbox.start(at(0)).unwrap());
    outbox.finish(&first, &answered(200), at(0));
    let before = outbox.totals();
    let verdict = outbox.finish(&first, &answered(200), at(0));
    assert_eq!(verdict, gave_up(1, ErrorClass::Rejected, "callback 1 has no attempt in flight"));
    assert_eq!(outbox.totals(), before);
}

#[test]
fn jitter_depends_on_seed_and_number_alone() {
    let policy = Arc::new(Policy { jitter: 1.0, ..Policy::airudder() });
    let retry = |seed, others: u64, id| {
        let mut outbox = Outbox::new(100, Seed(seed));
        for other in 0..others {
            outbox.push(callback(100 + other, 0, None, &policy));
        }
        outbox.push(callback(id, 0, None, &policy));
        let mut found = None;
        while let Some(started) = outbox.start(at(0)) {
            let this = started.0.id.0 == id;
            let verdict = outbox.finish(&attempt(started), &answered(500), at(0));
            if this {
                found = Some(verdict);
            }
        }
        found.unwrap()
    };
    assert_eq!(retry(1, 0, 1), retry(1, 7, 1));
    assert_ne!(retry(1, 0, 1), retry(2, 0, 1));
    assert_ne!(retry(1, 0, 1), retry(1, 0, 2));
}

#[test]
fn many_callbacks_are_no_burden() {
    let mut outbox = outbox(100);
    let policy = Arc::new(Policy { attempts: 2, ..Policy::airudder() });
    let keys: Vec<String> = (0..1_000).map(|key| format!("conversation {key}")).collect();
    for id in 0..30_000_u64 {
        let key = &keys[usize::try_from(id * 7 % 1_000).unwrap()];
        outbox.push(callback(id, i64::try_from(id % 997).unwrap(), Some(key), &policy));
    }
    let mut now = at(0);
    while let Some(next) = outbox.next_wakeup() {
        now = now.max(next);
        while let Some(started) = outbox.start(now) {
            let status = if started.0.id.0 % 3 == 0 { 500 } else { 200 };
            outbox.finish(&attempt(started), &answered(status), now);
        }
    }
    let totals = outbox.totals();
    assert_eq!((totals.delivered + totals.failed, totals.failed, sum(totals)), (30_000, 10_000, 30_000));
    assert!(outbox.queues.is_empty() && outbox.ready.is_empty() && outbox.slots.is_empty());
}

/// One operation on an outbox.
#[derive(Clone, Debug)]
enum Act {
    Push {
        key: Option<u8>,
        fifo: bool,
        delay: i64,
        attempts: u32,
        held_back: HeldBack,
    },
    /// Adds a part of a group, or a callback that sums it up. These are due when they are made.
    Join {
        key: Option<u8>,
        whole: u8,
        is_sum: bool,
        attempts: u32,
    },
    Start,
    /// Starts a callback that was not attempted yet, whatever the limits.
    StartThis {
        which: usize,
    },
    /// Lets a callback start at another time, if it keeps no order.
    Move {
        which: usize,
        delay: i64,
    },
    Finish {
        which: usize,
        how: u8,
    },
    Wait {
        millis: i64,
    },
}

/// How a policy holds callbacks back for the sake of one of two receivers.
#[derive(Clone, Copy, Debug)]
struct HeldBack {
    receiver: u8,
    concurrency: Option<u32>,
    pauses: bool,
    disables: bool,
}

fn held_back() -> impl Strategy<Value = HeldBack> {
    let concurrency = prop_oneof![3 => Just(None), 2 => (1..3_u32).prop_map(Some)];
    let sometimes = || proptest::bool::weighted(0.3);
    (0..2_u8, concurrency, sometimes(), sometimes()).prop_map(|(receiver, concurrency, pauses, disables)| {
        HeldBack { receiver, concurrency, pauses, disables }
    })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (proptest::option::of(0..3_u8), any::<bool>(), -50..200_i64, 1..4_u32, held_back()).prop_map(
            |(key, fifo, delay, attempts, held_back)| Act::Push { key, fifo, delay, attempts, held_back }
        ),
        (proptest::option::of(0..3_u8), 0..2_u8, any::<bool>(), 1..4_u32)
            .prop_map(|(key, whole, is_sum, attempts)| Act::Join { key, whole, is_sum, attempts }),
        Just(Act::Start),
        Just(Act::Start),
        any::<usize>().prop_map(|which| Act::StartThis { which }),
        (any::<usize>(), -50..200_i64).prop_map(|(which, delay)| Act::Move { which, delay }),
        (any::<usize>(), 0..6_u8).prop_map(|(which, how)| Act::Finish { which, how }),
        (0..120_i64).prop_map(|millis| Act::Wait { millis }),
    ]
}

/// The expected state of one callback, kept apart from the outbox.
#[derive(Debug)]
struct Known {
    callback: Arc<QueuedCallback>,
    due: Timestamp,
    started: u32,
    in_flight: bool,
}

impl Known {
    /// Whether it was attempted, which parts and sums wait for.
    fn is_attempted(&self) -> bool {
        self.started > 1 || (self.started == 1 && !self.in_flight)
    }

    fn whole(&self) -> Option<&Arc<str>> {
        self.callback.part_of.first().or(self.callback.sums_up.as_ref())
    }

    fn line(&self) -> Option<&str> {
        let fifo = self.callback.policy.ordering == Ordering::FifoPerSession;
        self.callback.order_key.as_deref().filter(|_| fifo)
    }
}

/// Whether a policy depends on the state of the receiver.
fn looks(policy: &Policy) -> bool {
    policy.concurrency.is_some() || policy.pause.is_some() || policy.disable_after.is_some()
}

struct World {
    outbox: Outbox,
    /// Gets all that the first one gets, but for questions what can start when nothing can.
    again: Outbox,
    now: Timestamp,
    known: BTreeMap<CallbackId, Known>,
    pushed: u64,
    ended: u64,
}

impl World {
    fn new(max: usize) -> Self {
        let (outbox, again) = (outbox(max), outbox(max));
        Self { outbox, again, now: at(0), known: BTreeMap::new(), pushed: 0, ended: 0 }
    }

    fn push(
        &mut self,
        key: Option<u8>,
        (fifo, held_back): (bool, HeldBack),
        delay: i64,
        attempts: u32,
        whole: Option<(u8, bool)>,
    ) {
        self.pushed += 1;
        let ordering = if fifo { Ordering::FifoPerSession } else { Ordering::Independent };
        let gaps = vec![Duration::from_millis(30), Duration::from_millis(90)];
        let HeldBack { receiver, concurrency, pauses, disables } = held_back;
        let pause = pauses.then_some((2, Duration::from_millis(150)));
        let disable_after = disables.then_some(Duration::from_millis(400));
        let policy = Policy { attempts, gaps, jitter: 0.5, ordering, ..Policy::airudder() };
        let policy = Arc::new(Policy { concurrency, pause, disable_after, ..policy });
        let due = self.now.as_millisecond() + delay;
        let callback = callback(self.pushed, due, key.map(|key| key.to_string()).as_deref(), &policy);
        let name = whole.map(|(whole, _)| Arc::from(whole.to_string()));
        let is_sum = whole.is_some_and(|(_, is_sum)| is_sum);
        let callback = Arc::new(QueuedCallback {
            part_of: name.clone().filter(|_| !is_sum).into_iter().collect(),
            sums_up: name.filter(|_| is_sum),
            target: Arc::new(format!("http://127.0.0.1:{}/", 1 + receiver).parse().unwrap()),
            ..(*callback).clone()
        });
        self.outbox.push(callback.clone());
        self.again.push(callback.clone());
        let known = Known { due: callback.due, callback, started: 0, in_flight: false };
        self.known.insert(CallbackId(self.pushed), known);
    }

    fn start(&mut self) {
        let expected = self.outbox.next_wakeup().filter(|at| *at <= self.now);
        let is_full = self.outbox.totals().in_flight >= self.outbox.max_in_flight;
        let Some((callback, number)) = self.outbox.start(self.now) else {
            assert_eq!(expected, None, "the wake-up promised a start");
            return;
        };
        let again = self.again.start(self.now).map(|(callback, number)| (callback.id, number));
        assert_eq!(again, Some((callback.id, number)), "questions have changed what starts");
        assert!(expected.is_some() && !is_full, "the wake-up promised no start");
        let this = &self.known[&callback.id];
        if !self.outbox.is_disabled(&callback) {
            let most = callback.policy.concurrency.unwrap_or(u32::MAX);
            assert!(self.under_way(&callback) < most as usize, "more than {most} under way");
        }
        for other in self.known.values().filter(|other| !other.in_flight && other.due <= self.now) {
            let is_free = other.callback.policy.ordering == Ordering::Independent;
            let is_like = |one: &QueuedCallback| {
                (one.target.origin().to_owned(), one.policy.concurrency, looks(&one.policy))
            };
            if is_free && is_like(&other.callback) == is_like(&callback) {
                let start = |known: &Known| (known.due, known.callback.id);
                assert!(start(this) <= start(other), "an earlier one could have started");
            }
        }
        assert!(!this.in_flight, "two attempts of one callback");
        assert!(this.due <= self.now, "started before it was due");
        assert_eq!(number, this.started + 1);
        assert!(number <= callback.policy.attempts, "more attempts than the policy allows");
        if let Some(line) = this.line() {
            for other in self.known.values().filter(|other| other.line() == Some(line)) {
                if other.callback.id == callback.id {
                    continue;
                }
                assert!(!other.in_flight && other.started == 0, "overtook one that was attempted");
                let earlier = (other.due, other.callback.id) < (this.due, callback.id);
                assert!(number > 1 || !earlier, "overtook an earlier one");
            }
        }
        for other in self.known.values().filter(|other| other.callback.id < callback.id && number == 1) {
            let is_same = other.whole().is_some() && other.whole() == this.whole();
            let matters = callback.sums_up.is_some() || other.callback.sums_up.is_some();
            assert!(
                !(is_same && matters) || other.is_attempted(),
                "a sum overtook its part, or a part a sum"
            );
        }
        self.begun(&callback, number);
    }

    /// Returns the number of attempts under way to its receiver that count.
    fn under_way(&self, callback: &QueuedCallback) -> usize {
        let counts = |known: &&Known| {
            let its = &known.callback;
            known.in_flight && looks(&its.policy) && its.target.origin() == callback.target.origin()
        };
        self.known.values().filter(counts).count()
    }

    fn begun(&mut self, callback: &Arc<QueuedCallback>, number: u32) {
        if self.outbox.is_disabled(callback) {
            for outbox in [&mut self.outbox, &mut self.again] {
                assert_eq!(outbox.end_started(callback, false, self.now), number - 1);
            }
            self.known.remove(&callback.id);
            self.ended += 1;
            return;
        }
        let this = self.known.get_mut(&callback.id).unwrap();
        this.started = number;
        this.in_flight = true;
    }

    /// Returns a callback that was not attempted yet.
    fn fresh(&self, which: usize) -> Option<CallbackId> {
        let fresh: Vec<_> = self.known.iter().filter(|(_, known)| known.started == 0).collect();
        fresh.get(which % fresh.len().max(1)).map(|(id, _)| **id)
    }

    fn start_this(&mut self, which: usize) {
        let Some(id) = self.fresh(which) else { return };
        let started = self.outbox.start_this(id, self.now);
        let again = self.again.start_this(id, self.now);
        let names = |started: &Option<(Arc<QueuedCallback>, u32)>| {
            started.as_ref().map(|(its, number)| (its.id, *number))
        };
        assert_eq!(names(&started), names(&again));
        if let Some((callback, number)) = started {
            self.begun(&callback, number);
        }
    }

    fn move_to(&mut self, which: usize, delay: i64) {
        let Some(id) = self.fresh(which) else { return };
        let known = self.known.get_mut(&id).unwrap();
        if known.callback.policy.ordering == Ordering::Independent && known.whole().is_none() {
            known.due = at(self.now.as_millisecond() + delay);
            let due = known.due;
            self.outbox.move_to(id, due);
            self.again.move_to(id, due);
        }
    }

    fn finish(&mut self, which: usize, how: u8) {
        let flying: Vec<_> = self.known.values().filter(|known| known.in_flight).collect();
        if flying.is_empty() {
            return;
        }
        let known = flying[which % flying.len()];
        let (callback, attempts) = (known.callback.clone(), known.started);
        let result = match how {
            0 => failed(ErrorClass::NotAllowed),
            1 => failed(ErrorClass::Reset),
            2 => answered(302),
            3 => answered(500),
            _ => answered(200),
        };
        let attempt = attempt((callback.clone(), attempts));
        let outcome = self.outbox.finish(&attempt, &result, self.now);
        assert_eq!(self.again.finish(&attempt, &result, self.now), outcome);
        match outcome {
            AttemptOutcome::Retry { at } => {
                assert!((1..4).contains(&how) && attempts < callback.policy.attempts);
                let known = self.known.get_mut(&callback.id).unwrap();
                known.in_flight = false;
                assert!(at >= self.now + SignedDuration::from_millis(30));
                known.due = at;
                return;
            }
            AttemptOutcome::Ended(End { attempts: said, failure: None }) => {
                assert!(how >= 4 && said == attempts);
            }
            AttemptOutcome::Ended(End { attempts: said, failure: Some(_) }) => {
                assert!(how == 0 || (how < 4 && attempts == callback.policy.attempts));
                assert_eq!(said, attempts);
            }
        }
        self.known.remove(&callback.id);
        self.ended += 1;
    }

    fn check(&self) {
        let totals = self.outbox.totals();
        assert_eq!(sum(totals), totals.queued);
        assert_eq!(totals.queued, self.pushed);
        assert_eq!(totals.delivered + totals.failed, self.ended);
        let count =
            |test: &dyn Fn(&Known) -> bool| self.known.values().filter(|known| test(known)).count() as u64;
        assert_eq!(totals.in_flight, count(&|known| known.in_flight));
        assert_eq!(totals.pending, count(&|known| known.started == 0));
        assert_eq!(totals.waiting, count(&|known| known.started > 0 && !known.in_flight));
        assert!(self.outbox.unfinished().map(|(id, _)| id).eq(self.known.keys().copied()));
    }
}

proptest! {
    #[test]
    fn whatever_happens_nothing_is_lost(acts in proptest::collection::vec(act(), 0..200), max in 1..4_usize) {
        let mut world = World::new(max);
        let mut hows = Vec::new();
        for act in acts {
            match act {
                Act::Push { key, fifo, delay, attempts, held_back } => {
                    world.push(key, (fifo, held_back), delay, attempts, None);
                }
                Act::Join { key, whole, is_sum, attempts } => {
                    let held_back =
                        HeldBack { receiver: 0, concurrency: None, pauses: false, disables: false };
                    world.push(key, (true, held_back), 0, attempts, Some((whole, is_sum)));
                }
                Act::Start => world.start(),
                Act::StartThis { which } => world.start_this(which),
                Act::Move { which, delay } => world.move_to(which, delay),
                Act::Finish { which, how } => {
                    hows.push(how);
                    world.finish(which, how);
                }
                Act::Wait { millis } => world.now += SignedDuration::from_millis(millis),
            }
            world.check();
        }
        // Without further operations, all callbacks end.
        let mut steps = 0;
        while !world.known.is_empty() {
            steps += 1;
            assert!(steps < 10_000, "it never ends");
            if let Some(next) = world.outbox.next_wakeup() {
                world.now = world.now.max(next);
                world.start();
            }
            world.finish(steps, hows.get(steps % hows.len().max(1)).copied().unwrap_or(5));
            world.check();
        }
        assert!(world.outbox.queues.is_empty() && world.outbox.ready.is_empty());
        assert_eq!(world.outbox.receivers.next_wakeup(), None);
    }
}

/// A callback that never left this machine uses up no attempt, and no other callback of its conversation overtakes it.
#[test]
fn out_of_descriptors_is_no_attempt() {
    let mut outbox = outbox(8);
    outbox.push(callback(1, 0, Some("chat"), &vendor()));
    outbox.push(callback(2, 0, Some("chat"), &vendor()));
    for second in 0..20 {
        let first = attempt(outbox.start(at(second * 1_000)).unwrap());
        assert_eq!((first.callback.id, first.number), (CallbackId(1), 1));
        assert!(outbox.start(at(second * 1_000)).is_none());
        let outcome = outbox.finish(&first, &failed(ErrorClass::NoDescriptors), at(second * 1_000));
        assert_eq!(outcome, AttemptOutcome::Retry { at: at((second + 1) * 1_000) });
        let totals = outbox.totals();
        assert_eq!((totals.pending, totals.waiting, totals.in_flight, totals.attempts), (2, 0, 0, 0));
    }
    let first = attempt(outbox.start(at(20_000)).unwrap());
    assert!(matches!(outbox.finish(&first, &answered(503), at(20_000)), AttemptOutcome::Retry { .. }));
    assert_eq!(
        outbox.left().map(|(callback, attempts)| (callback.id.0, attempts)).collect::<Vec<_>>(),
        [(1, 1), (2, 0)]
    );
}

/// Returns the moments, in seconds, of the attempts of one callback to a receiver that answers 503, when time passes as fast
/// as possible.
fn retries(policy: Policy) -> Vec<i64> {
    let mut outbox = outbox(8);
    outbox.push(callback(1, 0, Some("a"), &Arc::new(policy)));
    let mut moments = Vec::new();
    while let Some(now) = outbox.next_wakeup() {
        let started = outbox.start(now).unwrap();
        moments.push(now.as_second());
        outbox.finish(&attempt(started), &answered(503), now);
    }
    moments
}

#[test]
fn three_days_of_retries_take_no_time() {
    let began = std::time::Instant::now();
    let standard = retries(Policy::standard_webhooks());
    assert_eq!(standard.len(), 10);
    assert_eq!(standard[..4], [0, 5, 305, 2105]);
    assert!((259_000..=273_000).contains(&standard[9]), "{standard:?}");
    let stripe = retries(Policy::stripe_like());
    assert_eq!((stripe.len(), stripe[11] / 3600), (12, 71));
    assert_eq!(retries(Policy::airudder()), [0, 60, 120, 180, 240]);
    assert_eq!(retries(Policy::fifo()).len(), 1_000);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn nothing_passes_a_callback_that_fails_where_all_wait_for_each_other() {
    let policy = Arc::new(Policy { attempts: 2, ..Policy::fifo() });
    let mut outbox = outbox(8);
    outbox.push(callback(1, 0, Some("a"), &policy));
    outbox.push(callback(2, 0, Some("b"), &policy));
    outbox.push(callback(3, 0, None, &policy));
    let first = outbox.start(at(0)).unwrap();
    assert!(outbox.start(at(0)).is_none());
    outbox.finish(&attempt(first), &answered(500), at(0));
    assert!(outbox.start(at(500)).is_none(), "the others wait for its second attempt");
    let order: Vec<u64> = std::iter::from_fn(|| {
        let (callback, number) = outbox.start(at(5_000))?;
        outbox.finish(&attempt((Arc::clone(&callback), number)), &answered(200), at(5_000));
        Some(callback.id.0)
    })
    .collect();
    assert_eq!(order, [1, 2, 3]);
}

#[test]
fn a_receiver_gets_so_many_at_a_time() {
    let policy = Arc::new(Policy { concurrency: Some(2), ..Policy::airudder() });
    let mut outbox = outbox(64);
    (1..=5).for_each(|id| outbox.push(callback(id, 0, None, &policy)));
    let begun: Vec<_> = std::iter::from_fn(|| outbox.start(at(0))).collect();
    assert_eq!(begun.len(), 2);
    assert_eq!(outbox.next_wakeup(), None, "the others wait for an end, not for a moment");
    outbox.finish(&attempt(begun[0].clone()), &answered(200), at(1));
    assert_eq!(std::iter::from_fn(|| outbox.start(at(1))).count(), 1);
    assert_eq!((outbox.totals().in_flight, outbox.totals().pending), (2, 2));
}

#[test]
fn a_receiver_that_gets_few_at_a_time_is_no_burden() {
    const MANY: u64 = 20_000;
    let policy = Arc::new(Policy { concurrency: Some(2), ..Policy::once() });
    let mut outbox = outbox(64);
    (1..=MANY).for_each(|id| outbox.push(callback(id, 0, None, &policy)));
    let before = outbox.receivers.listings;
    let mut begun: VecDeque<_> = std::iter::from_fn(|| outbox.start(at(0))).collect();
    while let Some(started) = begun.pop_front() {
        outbox.finish(&attempt(started), &answered(200), at(0));
        begun.extend(std::iter::from_fn(|| outbox.start(at(0))));
    }
    assert_eq!(outbox.totals().delivered, MANY);
    // Once for the beginning of an attempt, and once for its end.
    assert_eq!((outbox.receivers.listings - before) as u64, 2 * MANY);
}

#[test]
fn attempts_that_a_fault_starts_beside_others_count() {
    let policy = Arc::new(Policy { concurrency: Some(2), ..Policy::airudder() });
    let mut outbox = outbox(64);
    (1..=9).for_each(|id| outbox.push(callback(id, 0, None, &policy)));
    let mut begun: Vec<_> = std::iter::from_fn(|| outbox.start(at(0))).collect();
    begun.extend((3..=5).filter_map(|id| outbox.start_this(CallbackId(id), at(0))));
    assert_eq!(begun.len(), 5);
    for (left, started) in (0..5).rev().zip(begun) {
        outbox.finish(&attempt(started), &answered(200), at(1));
        let more = std::iter::from_fn(|| outbox.start(at(1))).count();
        assert_eq!(more, usize::from(left < 2), "{left} of them are still under way");
    }
}

#[test]
fn each_policy_has_its_own_limit_at_a_receiver() {
    let limited = |most| Arc::new(Policy { concurrency: Some(most), ..Policy::airudder() });
    let mut outbox = outbox(64);
    (1..=3).for_each(|id| outbox.push(callback(id, 0, None, &limited(1))));
    (4..=6).for_each(|id| outbox.push(callback(id, 0, None, &limited(3))));
    let ids = |outbox: &mut Outbox| -> Vec<_> { std::iter::from_fn(|| outbox.start(at(0))).collect() };
    let begun = ids(&mut outbox);
    assert_eq!(begun.iter().map(|(callback, _)| callback.id.0).collect::<Vec<_>>(), [1, 4, 5]);
    outbox.finish(&attempt(begun[0].clone()), &answered(200), at(0));
    assert_eq!(ids(&mut outbox).iter().map(|(callback, _)| callback.id.0).collect::<Vec<_>>(), [6]);
}

/// A callback that waits for its receiver is overtaken like any other of its conversation.
#[test]
fn an_earlier_callback_of_a_conversation_comes_first_at_a_busy_receiver() {
    let policy = Arc::new(Policy { concurrency: Some(1), ..Policy::airudder() });
    let mut outbox = outbox(64);
    outbox.push(callback(1, 0, None, &policy));
    outbox.push(callback(2, 20, Some("a"), &policy));
    let first = outbox.start(at(30)).unwrap();
    assert!(outbox.start(at(30)).is_none());
    outbox.push(callback(3, 10, Some("a"), &policy));
    outbox.finish(&attempt(first), &answered(200), at(30));
    let order: Vec<u64> = std::iter::from_fn(|| {
        let (callback, number) = outbox.start(at(30))?;
        outbox.finish(&attempt((Arc::clone(&callback), number)), &answered(200), at(30));
        Some(callback.id.0)
    })
    .collect();
    assert_eq!(order, [3, 2]);
}

/// Callbacks that were held back for a pause start in the order in which they were due, whether or not anybody asked during
/// the pause.
#[test]
fn asking_during_a_pause_changes_nothing() {
    let policy = Policy { pause: Some((1, Duration::from_secs(3))), attempts: 9, ..Policy::airudder() };
    let policy = Arc::new(Policy { gaps: vec![Duration::from_millis(500)], ..policy });
    for asks in [false, true] {
        let mut outbox = outbox(64);
        outbox.push(callback(1, 0, None, &policy));
        let first = outbox.start(at(0)).unwrap();
        outbox.finish(&attempt(first), &answered(503), at(0));
        outbox.push(callback(2, 200, None, &policy));
        for millis in [200, 500, 2_999] {
            assert!(!asks || outbox.start(at(millis)).is_none());
        }
        assert_eq!(outbox.next_wakeup(), Some(at(3_000)));
        assert_eq!(outbox.start(at(3_000)).unwrap().0.id, CallbackId(2), "asked: {asks}");
    }
}

#[test]
fn a_receiver_that_fails_is_left_alone_and_then_tried_with_one() {
    let policy = Policy { pause: Some((2, Duration::from_secs(30))), attempts: 9, ..Policy::airudder() };
    let policy = Arc::new(Policy { gaps: vec![Duration::from_secs(1)], ..policy });
    let mut outbox = outbox(64);
    (1..=4).for_each(|id| outbox.push(callback(id, 0, None, &policy)));
    for _ in 0..2 {
        let started = outbox.start(at(0)).unwrap();
        outbox.finish(&attempt(started), &answered(503), at(0));
    }
    assert_eq!(outbox.take_notes(), ["127.0.0.1 failed 2 times in a row: it is paused for 30s"]);
    assert!(outbox.start(at(29_999)).is_none());
    let trial = outbox.start(at(30_000)).unwrap();
    assert!(outbox.start(at(30_000)).is_none(), "one shows whether it is over");
    outbox.finish(&attempt(trial), &answered(503), at(30_000));
    assert!(outbox.start(at(59_999)).is_none());
    let trial = outbox.start(at(60_000)).unwrap();
    outbox.finish(&attempt(trial), &answered(200), at(60_000));
    assert_eq!(outbox.take_notes(), ["127.0.0.1 accepts callbacks again: the pause is over"]);
    let others: Vec<_> = std::iter::from_fn(|| outbox.start(at(61_000))).collect();
    assert_eq!((others.len(), outbox.receivers.len()), (3, 1));
    for other in others {
        outbox.finish(&attempt(other), &answered(200), at(62_000));
    }
    assert_eq!(outbox.receivers.len(), 0, "of a receiver that is well nothing has to be known");
}

#[test]
fn a_receiver_that_only_fails_gets_nothing_more() {
    let policy = Arc::new(Policy { disable_after: Some(Duration::from_secs(100)), ..Policy::airudder() });
    let mut outbox = outbox(64);
    outbox.push(callback(1, 0, None, &policy));
    outbox.push(callback(2, 500_000, None, &policy));
    let mut number = 0;
    while let Some(now) = outbox.next_wakeup().filter(|now| *now < at(500_000)) {
        number += 1;
        let started = outbox.start(now).unwrap();
        assert!(!outbox.is_disabled(&started.0) || number > 3, "attempt {number}");
        if outbox.is_disabled(&started.0) {
            outbox.end_started(&started.0, false, now);
        } else {
            outbox.finish(&attempt(started), &answered(503), now);
        }
    }
    assert_eq!(
        outbox.take_notes(),
        ["127.0.0.1 has failed for 1m40s without a success: it is disabled and gets no more callbacks"]
    );
    let (second, _) = outbox.start(at(500_000)).unwrap();
    assert!(outbox.is_disabled(&second));
    assert_eq!(outbox.end_started(&second, false, at(500_000)), 0);
    assert_eq!((outbox.totals().failed, outbox.totals().in_flight), (2, 0));
}

#[test]
fn a_receiver_is_asked_again_when_it_says() {
    let policy = Arc::new(Policy::stripe_like());
    let mut outbox = outbox(8);
    outbox.push(callback(1, 0, None, &policy));
    let started = outbox.start(at(0)).unwrap();
    let mut later = answered(429);
    later.result.as_mut().unwrap().headers.push(("retry-after".to_owned(), "7".to_owned()));
    assert_eq!(outbox.finish(&attempt(started), &later, at(0)), AttemptOutcome::Retry { at: at(7_000) });
}

//! Makes request templates of a story. The story is run on the engine with people and texts of several seeds, and each of
//! those runs is repeated with other ids, another number and at another time: the differences must be exactly those known
//! values, or the story is not compilable.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::align::{Aligner, Moments, Values};
use super::context::Context;
use super::dry_run::DryRun;
use super::error::NotCompilable;
use super::ids::IdKeys;
use super::request::SentRequest;
use super::segments::Segments;
use super::template::{RequestTemplate, SignedBy, StoryTemplate, Variant, head_block};
use crate::delivery::{MessageIds, StatusSet, SuccessRule};
use crate::scenario::Story;
use crate::seed::Seed;

/// Number of variants with people and texts of their own, unless [`MOST_BYTES`] allows fewer.
const VARIANTS: u64 = 32;

/// Maximum total size of the variants of a story, in bytes. Large bodies are mostly fixed, and each of them is rendered,
/// compared and kept for every variant.
const MOST_BYTES: usize = 8 << 20;

/// When the runs take place, in seconds of the day. Dates in texts stay those of today, so that it has to be the same day
/// in all countries of the simulated people, UTC-6 to UTC+8.
const TIMES: [i64; 3] = [12 * 3600, 15 * 3600 + 47 * 60 + 23, 8 * 3600 + 31 * 60 + 7];

/// Delay of responses in these runs, if a story has pauses: it shows from which moment a time in a later request is
/// counted. In whole seconds, so that fractions are cut off alike.
const LATENCIES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2)];

/// The numbers of the copies; no two have a common prefix.
const COPIES: [u32; 3] = [73_400_339, 84_500_617, 95_600_921];

/// Maximum number of new draws of ids that are the same in both runs, as short ones may be.
const MOST_DRAWS: u64 = 100;

impl StoryTemplate {
    /// Compiles a story.
    ///
    /// # Errors
    ///
    /// If what it sends is not known beforehand: then it has to be simulated.
    pub fn compile(
        context: &Context<'_>,
        story: &Arc<Story>,
        seed: Seed,
        today: Timestamp,
    ) -> Result<Self, NotCompilable> {
        Self::compile_variants(context, story, seed, today, VARIANTS)
    }

    pub(super) fn compile_variants(
        context: &Context<'_>,
        story: &Arc<Story>,
        seed: Seed,
        today: Timestamp,
        count: u64,
    ) -> Result<Self, NotCompilable> {
        if let Some(obstacle) = story.obstacle() {
            return Err(NotCompilable::NeedsEngine(obstacle));
        }
        let faults = context.settings.faults_of_callbacks();
        if !faults.is_empty() {
            return Err(NotCompilable::Faults(faults.join(", ")));
        }
        let compiler =
            Compiler { context, story, seed, midnight: today.as_second().div_euclid(86_400) * 86_400 };
        let first = compiler.run(0, 0, 0)?;
        compiler.ignores_responses(&first)?;
        let mut variants = vec![compiler.variant(0, &first, 1)?];
        if compiler.variant(0, &first, 2)? != variants[0] {
            return Err(NotCompilable::IdsVary);
        }
        let bytes: usize = first.sent.iter().map(|sent| sent.head.len() + sent.body().len()).sum();
        let count = count.min((MOST_BYTES / bytes) as u64);
        for number in 1..count {
            let base = compiler.run(number, 0, 0)?;
            has_same_course(&first, &base)?;
            variants.push(compiler.variant(number, &base, 1)?);
        }
        if variants.iter().all(|variant| *variant == variants[0]) {
            variants.truncate(1);
        }
        let success = |status: &StatusSet| SuccessRule {
            status: status.clone(),
            body: story.policy.success.body.clone(),
        };
        let success: Vec<_> = story.wanted_statuses().take(first.sent.len()).map(success).collect();
        if success.len() != first.sent.len() {
            return Err(NotCompilable::MoreThanSteps);
        }
        // A route may have its callbacks delivered by another policy than the story's.
        if first.sent.iter().any(|sent| *sent.attempt.callback.policy != *story.policy) {
            return Err(NotCompilable::RouteDelivery);
        }
        let pauses: Vec<_> = story.pauses().take(first.sent.len()).collect();
        Ok(Self {
            pauses,
            target: Arc::clone(&first.sent[0].attempt.callback.target),
            success,
            events: first.sent.iter().map(|sent| Arc::clone(sent.event())).collect(),
            variants,
            keys: IdKeys::new(seed),
            message_ids: MessageIds::new(seed),
            seed,
        })
    }
}

/// A run and the values it was made with.
struct Observed {
    sent: Vec<SentRequest>,
    values: Values,
}

struct Compiler<'a> {
    context: &'a Context<'a>,
    story: &'a Arc<Story>,
    seed: Seed,
    midnight: i64,
}

impl Compiler<'_> {
    /// Runs the story with the people and texts of a variant. `moment` selects the time, `draw` the ids.
    fn run(&self, variant: u64, moment: usize, draw: u64) -> Result<Observed, NotCompilable> {
        // A response without anything that the story looks for.
        let body = self.story.policy.success.body.as_ref();
        self.run_with(variant, moment, draw, &body.map_or_else(|| "{}".to_owned(), ToString::to_string))
    }

    fn run_with(
        &self,
        variant: u64,
        moment: usize,
        draw: u64,
        response: &str,
    ) -> Result<Observed, NotCompilable> {
        let at = Timestamp::from_second(self.midnight + TIMES[moment]);
        let at = at.map_err(|error| NotCompilable::Clock(error.to_string()))?;
        let seed = self.seed.derive("load variant", variant);
        let copy = COPIES[moment];
        let ids = seed.derive("load sentinel ids", draw * TIMES.len() as u64 + moment as u64);
        let latency = if self.story.has_pauses() { LATENCIES[moment] } else { Duration::ZERO };
        let run = DryRun { seed, ids, copy, at, latency, response };
        let (attempts, ids) = run.run(self.context, self.story)?;
        let scheme = self.context.signer.scheme();
        let begun = attempts.first().map_or(at, |(_, first)| *first).as_millisecond();
        let sent = attempts.into_iter().map(|(attempt, at)| {
            SentRequest::of(attempt, Moments { now: at.as_millisecond(), begun }, scheme)
        });
        Ok(Observed { sent: sent.collect::<Result<_, _>>()?, values: Values { ids, copy: copy.to_string() } })
    }

    /// Checks that the story ignores responses, by a response with additional content: a story that looks at responses now
    /// sends something else.
    fn ignores_responses(&self, base: &Observed) -> Result<(), NotCompilable> {
        if self.story.policy.success.body.is_some() {
            return Ok(());
        }
        let other = self.run_with(0, 0, 0, r#"{"code":73400339,"message":"73400339"}"#)?;
        let bytes = |sent: &SentRequest| (sent.head.clone(), sent.attempt.callback.body.clone());
        let is_same = base.sent.iter().map(bytes).eq(other.sent.iter().map(bytes));
        if is_same { Ok(()) } else { Err(NotCompilable::DependsOnResponses) }
    }

    /// Makes the template of a variant, by a second run at another moment.
    fn variant(&self, number: u64, base: &Observed, moment: usize) -> Result<Variant, NotCompilable> {
        for draw in 0..MOST_DRAWS {
            let other = self.run(number, moment, draw)?;
            has_same_course(base, &other)?;
            let (ids, others) = (&base.values.ids, &other.values.ids);
            if ids.len() != others.len() {
                return Err(NotCompilable::IdsVary);
            }
            // Ids are recognised by being different: from run to run, and from each other.
            let mut pairs = HashSet::new();
            let mut ids = ids.iter().zip(others);
            if ids.all(|(one, other)| one.text != other.text && pairs.insert((&one.text, &other.text))) {
                return variant(base, &other);
            }
        }
        Err(NotCompilable::IdsVary)
    }
}

/// Checks that two runs send the same events to the same place.
fn has_same_course(one: &Observed, other: &Observed) -> Result<(), NotCompilable> {
    if !one.sent.iter().map(SentRequest::event).eq(other.sent.iter().map(SentRequest::event)) {
        return Err(NotCompilable::EventsVary);
    }
    let target = |sent: &SentRequest| Arc::clone(&sent.attempt.callback.target);
    let mut targets = one.sent.iter().chain(&other.sent).map(target);
    let first = targets.next();
    if targets.all(|target| Some(target) == first) { Ok(()) } else { Err(NotCompilable::SeveralTargets) }
}

fn variant(base: &Observed, other: &Observed) -> Result<Variant, NotCompilable> {
    let mut aligner = Aligner::new(&base.values, &other.values);
    let mut requests = Vec::new();
    for (sent, other) in base.sent.iter().zip(&other.sent) {
        let moments = [sent.moments, other.moments];
        let mut align = |one: &[u8], other: &[u8]| {
            let mut segments = Segments::default();
            let aligned = aligner.align(one, other, moments, &mut segments);
            aligned.map(|()| segments).map_err(|place| unexplained(sent, one, place))
        };
        let head = align(&sent.head, &other.head)?;
        let body = align(sent.body(), other.body())?;
        let mut block = Vec::new();
        let fixed = head
            .fixed()
            .is_some_and(|head| head_block(head, &sent.attempt.callback.target, &mut block).is_ok());
        requests.push(RequestTemplate {
            head,
            block: fixed.then_some(block),
            signature: sent.signature.clone(),
            signer: sent.attempt.callback.signer.clone().map(SignedBy),
            has_length: sent.has_length(),
            body,
        });
    }
    Ok(Variant { ids: aligner.into_forms(), requests })
}

fn unexplained(sent: &SentRequest, text: &[u8], place: usize) -> NotCompilable {
    let before = String::from_utf8_lossy(&text[place.saturating_sub(24)..place]).into_owned();
    // Shows the name of the field and the beginning of its value.
    let from = before.rfind([',', '{', '\n']).map_or(0, |at| at + 1);
    NotCompilable::Unexplained { event: sent.event().to_string(), near: before[from..].to_owned() }
}

#[cfg(test)]
#[path = "compiler_tests.rs"]
mod tests;

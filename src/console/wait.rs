//! `POST /_mock/wait`: returns as soon as a request has arrived or a callback was sent.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

use super::World;
use super::endpoint::Answered;
use super::find::is_named;
use super::refused::Refused;
use super::stories::{Shown, find};
use crate::api::{Fields, decode};
use crate::contract::fields::Whole;
use crate::contract::{Catalog, Direction, Family};
use crate::files::diagnostic::counted;
use crate::files::suggest::did_you_mean;
use crate::journal::{Entry, Event, Lines};
use crate::language::matcher::{Mismatch, add_paths, mismatches};
use crate::time::HumanDuration;

/// Default for how long to wait, in real time.
const WITHIN: std::time::Duration = std::time::Duration::from_secs(10);

/// The interval of checks on a story while nothing is written to the journal.
const LOOK: std::time::Duration = std::time::Duration::from_millis(5);

/// The status if the condition was not met in time, so that `curl --fail` and every client notice it.
pub(super) const NOT_MET: u16 = 417;

/// Why a wait is over before its time.
pub(super) const ENDING: &str = "the mock is ending";

/// Maximum number of differences shown.
const MOST: usize = 20;

/// The condition to wait for: a request of yours, a callback, or the end of a story.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(super) struct Ask {
    /// The endpoint of a request that you make: `chatbot.send_message`. `chatbot.*` matches the whole group.
    request: Option<String>,
    /// The event of a callback: `task.finished`. `task.*` matches the whole group.
    callback: Option<String>,
    /// The number of a story: waits for its end. It must have passed.
    story: Option<Whole<1, 10_000>>,
    /// The fields it must have: values, or matchers such as `{"contains": "order"}`, as in scenarios. `user.id` is the field
    /// `id` in the table `user`.
    #[serde(rename = "where")]
    where_: Option<Map<String, Value>>,
    /// Required number of occurrences. Default: 1.
    times: Option<Whole<1, 1_000_000>>,
    /// Only entries after this one in the journal. Default: 0, which means all that are kept.
    since: Option<Whole<0, { i64::MAX }>>,
    /// The state that a callback must reach: `delivered` (the default), `queued`, `tried`, or `dead` (failed).
    state: Option<State>,
    /// Whether the mock must have refused the request. Default: false, it must have served it.
    refused: Option<bool>,
    /// Maximum waiting time, in real time. Default: 10s.
    within: Option<HumanDuration>,
}

/// The state of a callback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    Queued,
    Tried,
    #[default]
    Delivered,
    Dead,
}

/// The result of waiting.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Whether the condition was met.
    met: bool,
    /// The matching journal entries, with `body` as sent.
    entries: Vec<Value>,
    /// The number of the last entry examined: continue from it with `since`.
    last: u64,
    /// Why the condition was not met.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// The closest entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest: Option<Value>,
    /// How the closest entry differs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    differences: Vec<String>,
    /// The story that was waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    story: Option<Shown>,
}

/// Waits for the condition.
pub(super) async fn wait(world: World, ask: Ask) -> Result<Answered<Answer>, Refused> {
    let until = Instant::now() + ask.within.map_or(WITHIN, |within| within.0);
    if let Some(story) = ask.story {
        return until_over(&world, &ask, story.count(), until).await;
    }
    if !world.kept.keeps_any() {
        return Err(Refused::new(
            409,
            "this mock keeps no journal, so it can wait only for stories: leave `journal_entries = 0` out of its settings",
        ));
    }
    let since = ask.since.map_or(0, |since| u64::try_from(since.get()).unwrap_or_default());
    let mut hunt = Hunt::new(&world.catalog, ask, since)?;
    // Subscribe before reading, so that nothing is missed in between.
    let mut written = world.kept.watch();
    loop {
        let is_ending = world.kept.is_over();
        for entry in world.journal().after(hunt.last) {
            hunt.see(entry)?;
            if hunt.is_met() {
                break;
            }
        }
        if hunt.is_met() {
            return Ok(Answered::ok(hunt.answer(&world)));
        }
        if is_ending || timeout_at(until, written.changed()).await.is_err() {
            let mut answer = hunt.answer(&world);
            if is_ending {
                answer.why = answer.why.map(|why| format!("{ENDING}: {why}"));
            }
            return Ok(Answered::Json(NOT_MET, answer));
        }
    }
}

/// Waits until a story is over.
async fn until_over(
    world: &World,
    ask: &Ask,
    number: usize,
    until: Instant,
) -> Result<Answered<Answer>, Refused> {
    let is_alone = matches!(
        ask,
        Ask { request: None, callback: None, where_: None, times: None, state: None, refused: None, .. }
    );
    if !is_alone {
        return Err(Refused::wrong("`story` goes only with `within`"));
    }
    let mut written = world.kept.watch();
    loop {
        let is_ending = world.kept.is_over();
        let (_, story) = world.driver.look(|engine, _| find(engine, number))?;
        if !story.is_over() && !is_ending && Instant::now() < until {
            // Without a journal nothing signals an entry.
            let _ = timeout_at(until.min(Instant::now() + LOOK), written.changed()).await;
            continue;
        }
        let met = story.has_passed();
        let why = (!met).then(|| match is_ending {
            true => format!("{ENDING}: {}", story.why_not()),
            false => with_clock(story.why_not(), world),
        });
        let last = world.journal().counts().last;
        let (entries, differences) = (Vec::new(), Vec::new());
        let answer = Answer { met, entries, last, why, nearest: None, differences, story: Some(story) };
        return Ok(Answered::Json(if met { 200 } else { NOT_MET }, answer));
    }
}

/// Adds to a reason that the clock stands still, if that may be the reason.
fn with_clock(why: String, world: &World) -> String {
    match world.why_nothing_happens() {
        Some(still) => format!("{why}; {still}"),
        None => why,
    }
}

/// Progress of a wait.
struct Hunt {
    wanted: Wanted,
    /// The families of the endpoints, which decide how their fields are decoded.
    families: BTreeMap<String, Family>,
    within: std::time::Duration,
    last: u64,
    met: Vec<Entry>,
    nearest: Option<Near>,
    /// Other entries of the same kind, by name: the numbers of callbacks, of which each has several entries, or the entries of
    /// requests.
    others: BTreeMap<String, BTreeSet<u64>>,
}

struct Wanted {
    name: String,
    is_request: bool,
    where_: Value,
    times: usize,
    state: State,
    refused: bool,
}

/// Returns the number that identifies a callback or a request.
fn number(entry: &Entry) -> u64 {
    match &entry.event {
        Event::Queued(callback) | Event::Ended { callback, .. } => callback.id.0,
        Event::Attempted { attempt, .. } => attempt.callback.id.0,
        _ => entry.seq,
    }
}

/// The closest entry that does not match.
struct Near {
    /// The smaller, the closer.
    distance: usize,
    entry: Entry,
    why: String,
    differences: Vec<String>,
}

impl Hunt {
    fn new(catalog: &Catalog, ask: Ask, since: u64) -> Result<Self, Refused> {
        let (name, direction) = match (ask.request, ask.callback) {
            (Some(request), None) => (request, Direction::Request),
            (None, Some(callback)) => (callback, Direction::Callback),
            (None, None) => {
                return Err(Refused::wrong(
                    "there is nothing to wait for: give `request`, such as \"chatbot.send_message\", \
                    `callback`, such as \"task.finished\", or `story`, the number of a story",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(Refused::wrong(
                    "give `request` or `callback`, not both; to wait for both, wait twice",
                ));
            }
        };
        let is_request = direction == Direction::Request;
        if is_request && ask.state.is_some() {
            return Err(Refused::wrong(
                "`state` applies to callbacks only; a request is over when it is answered",
            ));
        }
        if !is_request && ask.refused.is_some() {
            return Err(Refused::wrong(
                "`refused` applies to requests only; wait for a callback with \"state\": \"dead\"",
            ));
        }
        let is_it = |id: &str| is_named(&name, id);
        let any = |direction| {
            catalog.entries().iter().any(|entry| entry.direction == direction && is_it(&entry.id))
        };
        if !any(direction) {
            let (other, kind, key) = match direction {
                Direction::Request => (Direction::Callback, "a callback", "callback"),
                Direction::Callback => (Direction::Request, "a request", "request"),
            };
            if any(other) {
                return Err(Refused::wrong(format!("`{name}` is {kind}: write `{key}`")));
            }
            let near = did_you_mean(catalog.nearest(&name, |entry| entry.direction == direction));
            let what = if is_request { "endpoint" } else { "event" };
            return Err(Refused::wrong(format!(
                "there is no {what} `{name}`{near}; GET /_mock/catalog lists all"
            )));
        }
        let families = catalog.entries().iter().map(|entry| (entry.id.clone(), entry.family)).collect();
        let wanted = Wanted {
            is_request,
            where_: Value::Object(ask.where_.unwrap_or_default()),
            times: ask.times.map_or(1, Whole::count),
            state: ask.state.unwrap_or_default(),
            refused: ask.refused.unwrap_or(false),
            name,
        };
        let within = ask.within.map_or(WITHIN, |within| within.0);
        Ok(Self {
            wanted,
            families,
            within,
            last: since,
            met: Vec::new(),
            nearest: None,
            others: BTreeMap::new(),
        })
    }

    fn is_met(&self) -> bool {
        self.met.len() >= self.wanted.times
    }

    /// Processes the next entry.
    fn see(&mut self, entry: Entry) -> Result<(), Refused> {
        self.last = entry.seq;
        let Some((name, state)) = self.what(&entry) else { return Ok(()) };
        if !is_named(&self.wanted.name, &name) {
            self.others.entry(name).or_default().insert(number(&entry));
            return Ok(());
        }
        if let Some(unfit) = state {
            self.near(usize::MAX / 2, entry, unfit, Vec::new());
            return Ok(());
        }
        let mut fields = self.fields(&entry, &name);
        add_paths(&self.wanted.where_, &mut fields);
        let found =
            mismatches(&self.wanted.where_, &fields).map_err(|error| Refused::wrong(error.to_string()))?;
        if found.is_empty() {
            self.met.push(entry);
        } else {
            let differences: Vec<String> = found.iter().take(MOST).map(Mismatch::to_string).collect();
            self.near(found.len(), entry, "with other fields".to_owned(), differences);
        }
        Ok(())
    }

    /// Returns the name of a request or callback, and why it does not count, if so. `None` for other entries, and for other
    /// states of a callback.
    fn what(&self, entry: &Entry) -> Option<(String, Option<String>)> {
        let wanted = &self.wanted;
        match &entry.event {
            Event::Requested(exchange) if wanted.is_request => {
                let name = exchange.id.as_deref()?.to_owned();
                let unfit = match (&exchange.refusal, wanted.refused) {
                    (Some(refused), false) => {
                        Some(format!("it was refused with {}: {}", refused.code, refused.reason))
                    }
                    (None, true) => Some(format!("it was served, with {}", exchange.status)),
                    _ => None,
                };
                Some((name, unfit))
            }
            Event::Queued(callback) if !wanted.is_request => {
                let is_it = wanted.state == State::Queued;
                let unfit = (!is_it).then(|| "it is on its way".to_owned());
                Some((callback.event.to_string(), unfit))
            }
            Event::Attempted { attempt, result, .. } if !wanted.is_request => {
                let unfit = match (&result.result, wanted.state) {
                    (_, State::Tried) => None,
                    (_, State::Queued) => return None,
                    (Ok(response), _) => {
                        Some(format!("attempt {} was answered with {}", attempt.number, response.status))
                    }
                    (Err(failure), _) => Some(format!("attempt {}: {}", attempt.number, failure.message)),
                };
                Some((attempt.callback.event.to_string(), unfit))
            }
            Event::Ended { callback, end } if !wanted.is_request => {
                let is_dead = end.failure.is_some();
                let unfit = match wanted.state {
                    State::Queued | State::Tried => return None,
                    State::Delivered if is_dead => {
                        let attempts = if end.attempts == 1 { "attempt" } else { "attempts" };
                        Some(format!("it was given up after {} {attempts}", end.attempts))
                    }
                    State::Dead if !is_dead => Some("it was delivered".to_owned()),
                    State::Delivered | State::Dead => None,
                };
                Some((callback.event.to_string(), unfit))
            }
            _ => None,
        }
    }

    fn fields(&self, entry: &Entry, name: &str) -> Value {
        let body = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap_or(Value::Null);
        match &entry.event {
            Event::Requested(exchange) => {
                let family = self.families.get(name).copied().unwrap_or(Family::Cloud);
                let fields = decode(&exchange.request, family).ok();
                fields.map_or(Value::Null, Fields::whole)
            }
            Event::Queued(callback) | Event::Ended { callback, .. } => body(&callback.body),
            Event::Attempted { attempt, .. } => body(&attempt.callback.body),
            _ => Value::Null,
        }
    }

    /// Records a near miss. Among equally near entries the latest wins.
    fn near(&mut self, distance: usize, entry: Entry, why: String, differences: Vec<String>) {
        if self.nearest.as_ref().is_none_or(|nearest| distance <= nearest.distance) {
            self.nearest = Some(Near { distance, entry, why, differences });
        }
    }

    fn answer(self, world: &World) -> Answer {
        let met = self.is_met();
        let why = (!met).then(|| with_clock(self.why(), world));
        // A client that waits for the end of a callback needs its body.
        let lines = Lines { whole: true, ..world.lines.clone() };
        let line = |entry: &Entry| Value::Object(lines.line(entry));
        let near = self.nearest.filter(|_| !met);
        Answer {
            met,
            entries: self.met.iter().map(line).collect(),
            last: self.last,
            why,
            nearest: near.as_ref().map(|near| line(&near.entry)),
            differences: near.map(|near| near.differences).unwrap_or_default(),
            story: None,
        }
    }

    /// Returns in one line why the condition is not met.
    fn why(&self) -> String {
        let Wanted { name, is_request, times, .. } = &self.wanted;
        let what = if *is_request { "request" } else { "callback" };
        let within = HumanDuration(self.within);
        let mut why = match self.met.len() {
            0 => format!("no matching {what} `{name}` within {within}"),
            some => format!("{some} of {times} {what}s `{name}` within {within}"),
        };
        match &self.nearest {
            Some(near) => {
                let seq = near.entry.seq;
                why.push_str(&format!("; the closest is entry {seq} of the journal: {}", near.why));
            }
            None if self.others.is_empty() => why.push_str(&format!("; no {what} arrived at all")),
            None => {
                let others = self
                    .others
                    .iter()
                    .map(|(name, numbers)| format!("{name} ({})", counted(numbers.len() as u64, what)));
                why.push_str(&format!("; these arrived: {}", others.collect::<Vec<_>>().join(", ")));
            }
        }
        why
    }
}

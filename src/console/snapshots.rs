//! `/_mock/snapshots`, `/_mock/reset`, `/_mock/export` and `/_mock/import`: puts the mock back to a state, or moves a state
//! elsewhere.

use std::sync::Arc;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;

use super::World;
use super::again::{Again, AgainError, Beginning, Moment, Origin, Snapshots};
use super::endpoint::{Answered, Done, Nothing};
use super::refused::Refused;
#[cfg(doc)]
use crate::engine::Checkpoint;
use crate::engine::{NoInputs, Written};
use crate::files::suggest::{did_you_mean, nearest};
use crate::journal::Event;
use crate::net::HttpResponse;

/// Maximum number of snapshots.
const MOST: usize = 1_000;

/// Maximum total size of all snapshots, as counted by [`Checkpoint::size`]: each unit takes about a hundred bytes.
const MOST_IN_ALL: usize = 2_000_000;

/// The version of the format of exported states.
const FORMAT: u32 = 1;

fn again(again: &Option<Arc<dyn Again>>) -> Result<&dyn Again, Refused> {
    let none =
        || Refused::new(409, "this mock can't be restored: its files are watched, or it keeps no inputs");
    again.as_deref().ok_or_else(none)
}

fn refused(error: NoInputs) -> Refused {
    match error {
        NoInputs::NotKept | NoInputs::TooMuch => Refused::new(409, error.to_string()),
        NoInputs::Folder(_) | NoInputs::Ending => Refused::new(503, error.to_string()),
    }
}

/// Puts the mock to a state and notes it in its journal, which has forgotten the earlier entries.
fn go_back(
    world: &World,
    change: impl FnOnce(&dyn Again) -> Result<(), AgainError>,
    note: String,
) -> Result<(), Refused> {
    change(again(&world.again)?).map_err(|error| match error {
        AgainError::Wrong(_) => Refused::new(503, error.to_string()),
        AgainError::Misfit { .. } => Refused::new(409, error.to_string()),
    })?;
    world.driver.with(|engine, now| engine.journal().write(now, None, Event::Note(note)));
    Ok(())
}

/// Runs work that may take seconds on another thread, so that other requests are served meanwhile.
async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn to_beginning(world: &World) -> Result<(), Refused> {
    go_back(world, |again| again.go_back(None, &[]), "reset to its beginning".to_owned())
}

/// Puts a mock back to its beginning.
///
/// # Errors
///
/// If that fails: why, in words.
pub fn reset(world: &World) -> Result<(), String> {
    to_beginning(world).map_err(|refused| refused.message)
}

/// Puts a newly created mock to a moment of another one.
///
/// # Errors
///
/// If that fails: why, in words.
pub fn begin_with(world: &World, from: &Moment) -> Result<(), String> {
    let inputs = from.checkpoint.history().inputs().map_err(|error| error.to_string())?;
    let beginning = Some(from.beginning.clone());
    let note = "branched off from another mock".to_owned();
    go_back(world, |again| again.go_back(beginning, inputs), note).map_err(|refused| refused.message)
}

/// Returns a moment of a mock: that of a snapshot, or the present one, for which a data folder is read.
pub(super) async fn moment(origin: Origin, snapshot: Option<&str>) -> Result<Moment, Refused> {
    match snapshot {
        Some(name) => find(&origin.snapshots, name),
        None => beside(move || again(&origin.again)?.moment().map_err(refused)).await,
    }
}

/// A snapshot.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Shown {
    /// Its name.
    name: String,
    /// The mock's time there.
    at: String,
    /// Number of inputs of the mock up to there: requests, passing time, results of callbacks.
    inputs: u64,
}

impl Shown {
    fn of(name: &str, snapshot: &Moment) -> Self {
        let checkpoint = &snapshot.checkpoint;
        let inputs = checkpoint.history().count();
        Self { name: name.to_owned(), at: checkpoint.at().to_string(), inputs }
    }
}

/// Which snapshot.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Named {
    /// Its name: `before the campaign`.
    name: String,
}

/// Takes a snapshot.
pub(super) async fn take(world: World, ask: Named) -> Result<Answered<Shown>, Refused> {
    again(&world.again)?;
    let name = ask.name;
    if name.len() > 200 {
        return Err(Refused::wrong("name must be at most 200 bytes long"));
    }
    let snapshot = moment(world.origin(), None).await?;
    let mut all = world.snapshots.lock();
    if all.len() >= MOST && !all.contains_key(&name) {
        return Err(Refused::new(429, format!("there are already {MOST} snapshots, the maximum")));
    }
    let others = all.iter().filter(|(other, _)| **other != name);
    let others: usize = others.map(|(_, other)| other.checkpoint.size()).sum();
    if others > 0 && others + snapshot.checkpoint.size() > MOST_IN_ALL {
        return Err(Refused::new(
            429,
            format!(
                "the snapshots would hold more than {MOST_IN_ALL} tasks, conversations, inputs and \
                other objects, the maximum: delete some with DELETE /_mock/snapshots/NAME"
            ),
        ));
    }
    let shown = Shown::of(&name, &snapshot);
    all.insert(name, snapshot);
    Ok(Answered::Json(201, shown))
}

/// The snapshots.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Listing {
    /// By name.
    snapshots: Vec<Shown>,
}

/// Lists the snapshots.
pub(super) async fn list(world: World, _: Nothing) -> Result<Answered<Listing>, Refused> {
    let all = world.snapshots.lock();
    let snapshots = all.iter().map(|(name, snapshot)| Shown::of(name, snapshot)).collect();
    Ok(Answered::ok(Listing { snapshots }))
}

fn find(snapshots: &Snapshots, name: &str) -> Result<Moment, Refused> {
    let all = snapshots.lock();
    all.get(name).cloned().ok_or_else(|| missing(name, all.keys()))
}

fn missing<'a>(name: &str, all: impl Iterator<Item = &'a String>) -> Refused {
    let near = did_you_mean(nearest(name, all.map(String::as_str)));
    Refused::missing(format!("there is no snapshot `{}`{near}", name.escape_debug()))
}

/// Puts the mock back to a snapshot.
pub(super) async fn restore(world: World, ask: Named) -> Result<Answered<Shown>, Refused> {
    let snapshot = find(&world.snapshots, &ask.name)?;
    let note = format!("restored to the snapshot `{}`", ask.name);
    go_back(&world, |again| again.restore(&snapshot), note)?;
    Ok(Answered::ok(Shown::of(&ask.name, &snapshot)))
}

/// Deletes a snapshot.
pub(super) async fn remove(world: World, ask: Named) -> Result<Answered<Done>, Refused> {
    let mut all = world.snapshots.lock();
    if all.remove(&ask.name).is_none() {
        return Err(missing(&ask.name, all.keys()));
    }
    Ok(Answered::ok(Done {}))
}

/// Puts the mock back to its beginning.
pub(super) async fn begin_again(world: World, _: Nothing) -> Result<Answered<Done>, Refused> {
    to_beginning(&world)?;
    Ok(Answered::ok(Done {}))
}

/// An exported state.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct Exported {
    /// The version that wrote it.
    airudder_mock: String,
    /// The version of this format.
    format: u32,
    /// What the state begins with.
    beginning: Beginning,
    /// The inputs of the mock, in order.
    #[schemars(with = "Vec<Map<String, Value>>")]
    inputs: Vec<Written>,
}

impl Exported {
    /// Returns the state of a snapshot, or the present one, as text.
    fn text(world: &World, snapshot: Option<&str>) -> Result<Vec<u8>, Refused> {
        let (beginning, history) = match snapshot {
            None => (again(&world.again)?.beginning(), world.driver.history().map_err(refused)?),
            Some(name) => {
                let snapshot = find(&world.snapshots, name)?;
                (snapshot.beginning, snapshot.checkpoint.history().clone())
            }
        };
        let exported = Self {
            airudder_mock: env!("CARGO_PKG_VERSION").to_owned(),
            format: FORMAT,
            beginning,
            inputs: history.inputs().map_err(refused)?.iter().map(|input| Written::of(input)).collect(),
        };
        serde_json::to_vec(&exported).map_err(|error| Refused::new(500, error.to_string()))
    }

    /// Puts a mock to this state.
    fn put(self, world: &World) -> Result<(), Refused> {
        let Self { airudder_mock, format, beginning, inputs } = self;
        if format != FORMAT {
            return Err(Refused::wrong(format!(
                "format is {format}, but this version ({}) reads {FORMAT}; the state was written by \
                {airudder_mock}",
                env!("CARGO_PKG_VERSION")
            )));
        }
        let mut read = Vec::with_capacity(inputs.len());
        for (number, written) in inputs.into_iter().enumerate() {
            let input = written.input();
            read.push(Arc::new(input.map_err(|error| Refused::wrong(format!("inputs[{number}]: {error}")))?));
        }
        let note = "set to an imported state".to_owned();
        go_back(world, |again| again.go_back(Some(beginning), &read), note)
    }
}

/// Which state to export.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ExportAsk {
    /// The name of a snapshot. Default: the present state.
    snapshot: Option<String>,
}

/// Exports a state.
pub(super) async fn export(world: World, ask: ExportAsk) -> Result<Answered<Exported>, Refused> {
    let body = beside(move || Exported::text(&world, ask.snapshot.as_deref())).await?;
    let headers = vec![
        ("content-type".into(), "application/json".into()),
        ("content-disposition".into(), "attachment; filename=\"airudder-mock-state.json\"".into()),
    ];
    Ok(Answered::Other(HttpResponse { status: 200, headers, body: Bytes::from(body) }.into()))
}

/// Imports a state.
pub(super) async fn import(world: World, ask: Exported) -> Result<Answered<Done>, Refused> {
    beside(move || ask.put(&world)).await?;
    Ok(Answered::ok(Done {}))
}

//! `GET /_mock/journal`: lists the entries of the journal, and streams new ones.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::World;
use super::endpoint::{Answered, Done, Nothing};
use super::find::Find;
use super::refused::Refused;
use crate::journal::KeptId;
use crate::net::{HttpStream, Reply};

/// Default for the number of entries shown at once.
const LIMIT: usize = 100;

/// Number of lines of a stream that wait for a slow reader.
const WAITING: usize = 64;

/// The entries.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Listing {
    /// The entries, oldest first, each in the form of a line of `--record`.
    entries: Vec<Value>,
    /// The number of the last entry examined: continue from it with `since`.
    last: u64,
    /// Whether there are more matches.
    more: bool,
    /// Number of older entries that are no longer kept.
    dropped: u64,
}

/// Lists entries.
pub(super) async fn list(world: World, ask: Find) -> Result<Answered<Listing>, Refused> {
    ask.check()?;
    let limit = ask.limit().unwrap_or(LIMIT);
    let after = ask.after();
    let counts = world.journal().counts();
    let mut listing =
        Listing { entries: Vec::new(), last: counts.last, more: false, dropped: counts.dropped };
    let lines = ask.lines(&world.lines);
    for entry in &ask.of_kept(world.journal().after(after)) {
        if listing.entries.len() == limit {
            listing.more = true;
            break;
        }
        listing.last = if listing.entries.len() + 1 == limit { entry.seq } else { listing.last };
        listing.entries.push(Value::Object(lines.line(entry)));
    }
    Ok(Answered::ok(listing))
}

/// Removes the kept entries.
pub(super) async fn clear(world: World, _: Nothing) -> Result<Answered<Done>, Refused> {
    world.kept.clear();
    Ok(Answered::ok(Done {}))
}

/// The format of streamed entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// One line of JSON for each entry.
    Ndjson,
    /// Server-sent events.
    Sse,
}

impl Format {
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Sse => "text/event-stream",
        }
    }

    fn text(self, seq: u64, line: &Value) -> String {
        match self {
            Self::Ndjson => format!("{line}\n"),
            Self::Sse => format!("id: {seq}\ndata: {line}\n\n"),
        }
    }

    /// What says under which id the next entries are numbered. Lines of JSON are entries and nothing else.
    fn heading(self, id: KeptId) -> Option<String> {
        match self {
            Self::Ndjson => None,
            Self::Sse => Some(format!("event: journal\ndata: {}\n\n", json!({ "id": id.to_string() }))),
        }
    }
}

/// Streams entries.
pub(super) async fn stream(world: World, ask: Find) -> Result<Answered<Value>, Refused> {
    streamed(world, ask, Format::Ndjson)
}

/// Streams entries as server-sent events.
pub(super) async fn events(world: World, ask: Find) -> Result<Answered<Value>, Refused> {
    streamed(world, ask, Format::Sse)
}

fn streamed(world: World, find: Find, format: Format) -> Result<Answered<Value>, Refused> {
    find.check()?;
    let (sender, parts) = mpsc::channel(WAITING);
    tokio::spawn(send(world, find, format, sender));
    let headers = vec![
        ("content-type".into(), format.content_type().into()),
        ("cache-control".into(), "no-store".into()),
    ];
    Ok(Answered::Other(Reply::Stream(HttpStream { status: 200, headers, length: None, parts, memory: 0 })))
}

/// Sends the kept entries and then new ones, until the reader is gone or the mock ends. A reader that is too slow misses the
/// entries that are dropped meanwhile, which it can tell by the numbers.
async fn send(world: World, find: Find, format: Format, sender: mpsc::Sender<Bytes>) {
    let mut written = world.kept.watch();
    let mut last = find.after();
    let mut left = find.limit().unwrap_or(usize::MAX);
    let lines = find.lines(&world.lines);
    let mut is_first = true;
    let mut said = None;
    loop {
        let (id, mut entries) = world.journal().read(last);
        if said.replace(id) != Some(id)
            && let Some(heading) = format.heading(id)
            && sender.send(heading.into()).await.is_err()
        {
            return;
        }
        last = entries.last().map_or(last, |entry| entry.seq);
        match std::mem::take(&mut is_first) {
            true => entries = find.of_kept(entries),
            false => entries.retain(|entry| find.is_meant(entry)),
        }
        for entry in entries {
            let line = Value::Object(lines.line(&entry));
            left -= 1;
            if sender.send(format.text(entry.seq, &line).into()).await.is_err() || left == 0 {
                return;
            }
        }
        if world.kept.is_over() {
            return;
        }
        tokio::select! {
            more = written.changed() => if more.is_err() { return },
            () = sender.closed() => return,
        }
    }
}

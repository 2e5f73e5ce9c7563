//! Long responses, written while they are sent, with limits on threads and memory.

use std::io::{self, Write};

use std::ops::Range;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::contract::envelope;
use crate::net::{Header, HttpResponse, HttpStream, JSON, Reply};
use crate::recordings::{self, Recording};
use crate::simulator::Long;

/// The size of the parts in which a long response is passed on, in bytes.
const PART: usize = 64 << 10;

/// Number of parts of a long response that wait for a slow client.
const PARTS: usize = 4;

/// Memory needed to write a response while it is sent: the waiting parts, the one being written and the one being sent.
const MEMORY: usize = (PARTS + 2) * PART;

/// Memory needed for an archive. The longest usual recordings have ten minutes, and an archive holds one of them twice in
/// memory.
const ARCHIVE_MEMORY: usize = MEMORY + 2 * 600 * 16_000;

/// Maximum number of lists written concurrently. Each keeps a thread as long as its client takes.
const LISTS: usize = 64;

/// Maximum number of archives written concurrently. Each keeps a recording in memory as well.
const ARCHIVES: usize = 16;

/// The threads for long responses, so that slow clients delay no other request.
#[derive(Clone, Debug)]
pub(super) struct Threads {
    lists: Arc<Semaphore>,
    archives: Arc<Semaphore>,
}

impl Default for Threads {
    fn default() -> Self {
        Self { lists: Arc::new(Semaphore::new(LISTS)), archives: Arc::new(Semaphore::new(ARCHIVES)) }
    }
}

impl Threads {
    /// Writes a long response while it is sent, on a thread that may wait for the client.
    pub(super) fn list(&self, head: String, long: Long) -> Reply {
        let Ok(permit) = Arc::clone(&self.lists).try_acquire_owned() else { return busy("lists").into() };
        let (sender, parts) = mpsc::channel(PARTS);
        tokio::task::spawn_blocking(move || {
            let mut out = Parts { sender, part: BytesMut::with_capacity(PART) };
            // The only possible error is that the client has gone, so the rest is not needed.
            let _ = out
                .write_all(head.as_bytes())
                .and_then(|()| long.write(&mut out))
                .and_then(|()| out.write_all(envelope::TAIL.as_bytes()))
                .and_then(|()| out.flush());
            drop(permit);
        });
        HttpStream { status: 200, headers: vec![JSON], length: None, parts, memory: MEMORY }.into()
    }

    /// Builds an archive while it is sent, on such a thread.
    pub(super) fn archive(
        &self,
        entries: impl Iterator<Item = (String, Recording)> + Send + 'static,
    ) -> Reply {
        let Ok(permit) = Arc::clone(&self.archives).try_acquire_owned() else {
            return busy("archives").into();
        };
        let headers = vec![
            ("content-type".into(), "application/zip".into()),
            ("content-disposition".into(), "attachment; filename=\"recordings.zip\"".into()),
        ];
        let parts = recordings::zip(Permitted { entries, _permit: permit });
        HttpStream { status: 200, headers, length: None, parts, memory: ARCHIVE_MEMORY }.into()
    }
}

/// Entries that hold a permit for their thread.
struct Permitted<I> {
    entries: I,
    _permit: OwnedSemaphorePermit,
}

impl<I: Iterator> Iterator for Permitted<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.entries.next()
    }
}

/// Returns the response when too many long responses are being sent.
fn busy(what: &str) -> HttpResponse {
    let message = format!("too many {what} are being sent to slow clients: try again");
    HttpResponse::json(503, &serde_json::json!({ "code": 503, "message": message })).retry_after(1)
}

/// Sends a part of a recording. It is generated piece by piece while it is sent; with `half`, the second half is never sent.
pub(super) fn recording(
    (status, headers): (u16, Vec<Header>),
    recording: Recording,
    part: Range<u64>,
    half: bool,
) -> HttpStream {
    let length = part.end - part.start;
    let end = if half { part.start + length / 2 } else { part.end };
    let (sender, parts) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut at = part.start;
        while at < end {
            let next = end.min(at + PART as u64);
            // A piece takes less time than most requests do.
            if sender.send(recording.read(at..next)).await.is_err() {
                return;
            }
            at = next;
        }
    });
    HttpStream { status, headers, length: Some(length), parts, memory: 3 * PART }
}

/// Passes on what is written in parts of equal size.
struct Parts {
    sender: mpsc::Sender<Bytes>,
    part: BytesMut,
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.part.put_slice(bytes);
        if self.part.len() >= PART {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.part.is_empty() {
            return Ok(());
        }
        let part = self.part.split().freeze();
        self.part.reserve(PART);
        self.sender.blocking_send(part).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

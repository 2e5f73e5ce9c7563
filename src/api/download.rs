//! Recordings and archives of recordings. Every client that has the link may fetch them, as with the vendor (client).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::envelop::{garbage, plain_error, wrong_method};
use super::stream::{self, Threads};
use crate::contract::Family;
use crate::engine::{Driver, NotStored};
use crate::faults::{self, Act, DOWNLOAD, Fault, FaultKind};
use crate::net::{HttpRequest, HttpResponse, Reply};
use crate::recordings::{self, Recording};
use crate::simulator::NoRecording;
use crate::simulator::calling::Download;

/// The last two parts of the path of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    folder: String,
    file: String,
    is_archive: bool,
}

/// Parses a link, `/download/YYYYMMDD/<32 hex>/<32 hex>.wav`. `None` for other paths.
pub(super) fn link(path: &str) -> Option<Link> {
    let (day, rest) = path.strip_prefix("/download/")?.split_once('/')?;
    let (folder, name) = rest.split_once('/')?;
    let (file, extension) = name.split_once('.')?;
    let is_day = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
    match extension {
        "wav" | "zip" if is_day => {
            Some(Link { folder: folder.to_owned(), file: file.to_owned(), is_archive: extension == "zip" })
        }
        _ => None,
    }
}

/// The content of a link, and its fault.
pub(super) struct Planned {
    /// The delay of the response.
    pub(super) delay: Option<Duration>,
    /// The fault that applies.
    pub(super) fault: Option<Arc<str>>,
    act: Option<Act>,
    found: Result<Download, NoRecording>,
    is_archive: bool,
}

/// Looks up the content of a link.
pub(super) fn plan(driver: &Driver, request: &Arc<HttpRequest>, link: &Link) -> Result<Planned, NotStored> {
    let (found, fault) = driver.take_in(request, |engine, now, _| {
        let fault = engine.fault(DOWNLOAD, request.header(faults::HEADER), &Value::Null, None);
        (engine.simulator().download(&link.folder, &link.file, now), fault)
    })?;
    let (fault, delay, act) = match fault {
        Some(Fault { name, delay, act, .. }) => (Some(name), delay, act),
        None => (None, None, None),
    };
    Ok(Planned { delay, fault, act, found, is_archive: link.is_archive })
}

/// Sends the content.
pub(super) fn answer(request: &HttpRequest, planned: Planned, threads: &Threads) -> Reply {
    if !matches!(&*request.method, "GET" | "HEAD") {
        return wrong_method("recordings are fetched with GET", "GET, HEAD").into();
    }
    let Planned { act, found, is_archive, .. } = planned;
    match act {
        None => found_answer(request, is_archive, found, threads, false),
        Some(Act::Kind(FaultKind::Half)) => found_answer(request, is_archive, found, threads, true),
        Some(act) => wrong(act),
    }
}

/// Returns the response of a fault instead of a file.
fn wrong(act: Act) -> Reply {
    match act {
        Act::Answer { status, code, message, retry_after } => {
            let message = message.unwrap_or_else(|| faults::on_purpose(Family::Cloud, status, code));
            let mut answer = plain_error(status, &message);
            if let Some(wait) = retry_after {
                answer = answer.retry_after(faults::retry_after_seconds(wait));
            }
            answer.into()
        }
        Act::Kind(FaultKind::ExpiredToken) => {
            plain_error(410, "the link has expired, on purpose: a fault of the mock").into()
        }
        Act::Kind(FaultKind::Garbage) => garbage().into(),
        Act::Kind(FaultKind::Half | FaultKind::Close) => Reply::Close,
        Act::Kind(FaultKind::Reset) => Reply::Reset,
        Act::Kind(FaultKind::Never) => Reply::Never,
    }
}

fn found_answer(
    request: &HttpRequest,
    is_archive: bool,
    found: Result<Download, NoRecording>,
    threads: &Threads,
    half: bool,
) -> Reply {
    match (found, is_archive) {
        (Ok(Download::One { name, recording }), false) => {
            let selected =
                recordings::select(request, &recording.etag(), "audio/wav", &name, recording.length());
            match (&recording, selected.part.clone()) {
                (Recording::Own(file), _) => {
                    let answer = selected.of(&file.bytes());
                    if half { Reply::Half(answer) } else { answer.into() }
                }
                (_, None) => {
                    HttpResponse { status: selected.status, headers: selected.headers, body: Bytes::new() }
                        .into()
                }
                (_, Some(part)) => {
                    stream::recording((selected.status, selected.headers), recording, part, half).into()
                }
            }
        }
        (Ok(Download::All(entries)), true) => threads.archive(entries),
        (Err(error), _) => plain_error(error.status(), &error.to_string()).into(),
        (Ok(_), _) => plain_error(404, &NoRecording::Unknown.to_string()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_told_from_other_paths() {
        let whole = "/download/20300101/0123/4567.wav";
        assert_eq!(
            link(whole),
            Some(Link { folder: "0123".to_owned(), file: "4567".to_owned(), is_archive: false })
        );
        for path in [
            "/download/",
            "/download/20300101/a/b.mp3",
            "/download/2030/a/b.wav",
            "/service/a",
            "/download/20300101/a.wav",
        ] {
            assert_eq!(link(path), None, "{path}");
        }
    }
}

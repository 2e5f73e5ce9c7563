//! Recordings and archives of recordings: whoever has the link may fetch them, as with the vendor (client).

use super::envelop::{plain_error, wrong_method};
use crate::engine::Driver;
use crate::net::{HttpRequest, HttpStream, Reply};
use crate::recordings;
use crate::simulator::calling::Download;

/// The last two parts of the path of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    folder: String,
    file: String,
    is_archive: bool,
}

/// The parts of a link, `/download/YYYYMMDD/<32 hex>/<32 hex>.wav`; nothing if the path is another.
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

/// Sends what is behind a link.
pub(super) async fn answer(driver: &Driver, call: &HttpRequest, link: Link) -> Reply {
    if !matches!(&*call.method, "GET" | "HEAD") {
        return wrong_method("recordings are fetched with GET", "GET, HEAD").into();
    }
    let found = driver.with(|engine, _| engine.simulator().download(&link.folder, &link.file));
    match (found, link.is_archive) {
        (Some(Download::One { name, recording }), false) => {
            let etag = recording.etag();
            // Ten minutes take some hundredths of a second, in which others are served.
            let made = tokio::task::spawn_blocking(move || recording.wav()).await;
            match made {
                Ok(wav) => recordings::answer(call, &etag, "audio/wav", &name, wav).into(),
                Err(error) => plain_error(500, &error.to_string()).into(),
            }
        }
        (Some(Download::All(entries)), true) => Reply::Stream(HttpStream {
            status: 200,
            headers: vec![
                ("content-type".into(), "application/zip".into()),
                ("content-disposition".into(), "attachment; filename=\"recordings.zip\"".into()),
            ],
            length: None,
            parts: recordings::zip(entries),
        }),
        _ => plain_error(404, "there is no recording behind this link").into(),
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

//! Uploaded files and users' pictures. Every client that has the link may fetch them (assumed).

use super::envelop::{plain_error, wrong_method};
use crate::engine::Driver;
use crate::net::{HttpRequest, HttpResponse};
use crate::recordings;

/// Parses the path of a file, `/media/<32 hex>/<name>`. `None` for other paths.
pub(super) fn link(path: &str) -> Option<(&str, &str)> {
    let (id, name) = path.strip_prefix("/media/")?.split_once('/')?;
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_id && !name.is_empty() && !name.contains('/')).then_some((id, name))
}

/// Sends the content of a link.
pub(super) fn answer(driver: &Driver, request: &HttpRequest, (id, name): (&str, &str)) -> HttpResponse {
    if !matches!(&*request.method, "GET" | "HEAD") {
        return wrong_method("files are fetched with GET", "GET, HEAD");
    }
    match driver.with(|engine, _| engine.simulator().media(id, name)) {
        Some(file) => {
            let etag = format!("\"{id}\"");
            let length = file.bytes.len() as u64;
            let selected = recordings::select(request, &etag, &file.content_type, &file.name, length);
            let mut answer = selected.of(&file.bytes);
            // Prevents browsers from treating an uploaded file as another type, or an uploaded page as one of the mock's.
            answer.headers.push(("x-content-type-options".into(), "nosniff".into()));
            answer.headers.push(("content-security-policy".into(), "sandbox; default-src 'none'".into()));
            answer
        }
        None => plain_error(404, "there is no file behind this link"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_told_from_other_paths() {
        let id = "0123456789abcdef0123456789abcdef";
        assert_eq!(link(&format!("/media/{id}/a.png")), Some((id, "a.png")));
        for path in ["/media/", "/media/12/a.png", &format!("/media/{id}"), &format!("/media/{id}/a/b")] {
            assert_eq!(link(path), None, "{path}");
        }
    }
}

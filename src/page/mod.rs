//! The page under `/_mock/` that people keep open. It uses the control surface alone.
//!
//! Its files are in `assets/` as they are sent, and are part of the program. Nothing in them is loaded from elsewhere, and
//! data from outside is shown as text ([`POLICY`] allows no scripts and styles but these files).

mod assets;
mod trace;

use bytes::Bytes;

use crate::net::{HttpRequest, HttpResponse};
pub use trace::{Run, trace};

/// The page's Content-Security-Policy: only its own files and responses of its own origin.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Answers a request for the page or one of its files; `path` is the part after the prefix. `None` if the request is for
/// something else: the root is the page only for a client that accepts HTML.
pub fn answer(request: &HttpRequest, path: &str) -> Option<HttpResponse> {
    if !matches!(&*request.method, "GET" | "HEAD") {
        return None;
    }
    let accepts_html = || request.header("accept").is_some_and(|accept| accept.contains("text/html"));
    match path {
        // Its files are named relative to it.
        "" if accepts_html() => Some(HttpResponse {
            status: 308,
            headers: vec![("location".into(), "_mock/".into())],
            body: Bytes::new(),
        }),
        "/" if accepts_html() => assets::find("index.html").map(file),
        _ => assets::find(path.strip_prefix("/assets/")?).map(file),
    }
}

fn file((kind, text): (&'static str, &'static str)) -> HttpResponse {
    let header = |name: &'static str, value: &'static str| (name.into(), value.into());
    let headers = vec![
        header("content-type", kind),
        header("content-security-policy", POLICY),
        header("x-content-type-options", "nosniff"),
        header("referrer-policy", "no-referrer"),
        // Another version may run at the same address later.
        header("cache-control", "no-cache"),
    ];
    HttpResponse { status: 200, headers, body: Bytes::from_static(text.as_bytes()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str, accept: &'static str) -> Option<HttpResponse> {
        let headers = (&[("accept", accept)][..]).into();
        let request = HttpRequest { method: "GET".into(), headers, ..HttpRequest::default() };
        answer(&request, path)
    }

    #[test]
    fn browsers_get_the_page_and_programs_the_list() {
        let page = get("/", "text/html,application/xhtml+xml,*/*;q=0.8").unwrap();
        assert_eq!(page.status, 200);
        assert!(get("/", "*/*").is_none());
        assert!(get("/state", "text/html").is_none());
        assert_eq!(get("", "text/html").unwrap().status, 308);
    }

    #[test]
    fn no_file_allows_more_than_the_page_is_made_of() {
        for name in assets::names() {
            let file = get(&format!("/assets/{name}"), "*/*").unwrap();
            let policy = file.headers.iter().find(|(name, _)| name == "content-security-policy").unwrap();
            assert!(!policy.1.contains("unsafe"), "{name}");
            assert!(!String::from_utf8_lossy(&file.body).contains("innerHTML"), "{name}");
        }
        assert!(get("/assets/../mod.rs", "*/*").is_none());
    }
}

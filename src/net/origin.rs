//! Whether a request comes from a program, or from a foreign page in a browser on this machine.
//!
//! Any page can have a browser send requests to loopback. Browsers say so in `Origin` and `Sec-Fetch-Site` (Fetch Standard
//! and Fetch Metadata), and a page whose own name was made to resolve to this machine (DNS rebinding) names itself in
//! `Host`. Programs send none of these.

use super::{Guard, HttpRequest};

/// Why a request is not for this server, or not from its user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// The name in `Host` is not one of the server's.
    #[error(
        "the Host header is `{0}`, which is not one of this mock's names (a web page may have pointed \
        its own name here); if it is right, add it to the settings: hosts = [\"{0}\"]"
    )]
    Host(String),
    /// The request was made by a page of another origin.
    #[error(
        "a web page of another origin ({0}) sent this request; the mock accepts requests from programs \
        and from its own pages"
    )]
    Origin(String),
    /// The body is of a type that any page can send without a preflight request.
    #[error(
        "requests under /_mock/ must have JSON bodies, but the content type of this one is `{0}`: add \
        the header Content-Type: application/json"
    )]
    ContentType(String),
}

impl Foreign {
    /// The status of the response (RFC 9110).
    pub fn status(&self) -> u16 {
        match self {
            Self::Host(_) => 421,
            Self::Origin(_) => 403,
            Self::ContentType(_) => 415,
        }
    }
}

/// Checks whether a request is addressed to this server and made by its user. `own` holds the names of the server. Requests
/// that control the mock are checked more strictly than those for the vendor's endpoints, where a page of the integrator
/// may well play a recording.
///
/// # Errors
///
/// What is wrong with it.
pub fn check(own: &Guard, request: &HttpRequest, is_control: bool) -> Result<(), Foreign> {
    let host = request.header("host");
    if let Some(host) = host
        && !own.covers(without_port(host))
    {
        return Err(Foreign::Host(without_port(host).escape_debug().to_string()));
    }
    let reads = matches!(&*request.method, "GET" | "HEAD");
    let site = request.header("sec-fetch-site").filter(|site| matches!(*site, "cross-site" | "same-site"));
    let origin = request.header("origin").filter(|origin| !is_of_host(origin, host.unwrap_or_default()));
    let follows_link = reads && request.header("sec-fetch-mode") == Some("navigate");
    if let Some(other) = origin.or(site)
        && (is_control || !reads)
        && !follows_link
    {
        return Err(Foreign::Origin(other.escape_debug().to_string()));
    }
    let kind = request.header("content-type").filter(|_| is_control && !request.body.is_empty());
    match kind.map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()) {
        Some(kind) if kind != "application/json" && !kind.ends_with("+json") => {
            Err(Foreign::ContentType(kind.escape_debug().to_string()))
        }
        _ => Ok(()),
    }
}

/// Returns a host without credentials and port, and without the brackets of an IPv6 address.
fn without_port(host: &str) -> &str {
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// Whether an origin is the server under the name by which the request reached it.
fn is_of_host(origin: &str, host: &str) -> bool {
    origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(method: &'static str, headers: &[(&str, &str)], is_control: bool) -> Result<(), u16> {
        let own = Guard::allowing(&["mock".to_owned()]).unwrap();
        let body = if method == "POST" { bytes::Bytes::from_static(b"{}") } else { bytes::Bytes::new() };
        let request =
            HttpRequest { method: method.into(), headers: headers.into(), body, ..HttpRequest::default() };
        check(&own, &request, is_control).map_err(|foreign| foreign.status())
    }

    #[test]
    fn the_mock_answers_to_its_own_names() {
        for host in [
            "localhost",
            "LOCALHOST:2478",
            "127.0.0.1:1",
            "[::1]:80",
            "[::1]",
            "mock",
            "Mock.:8",
            "a.localhost",
            "user:word@localhost:1",
        ] {
            for is_control in [false, true] {
                assert_eq!(checked("POST", &[("host", host)], is_control), Ok(()), "{host}");
            }
        }
        for host in [
            "evil.example",
            "evil.example:2478",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "localhost.evil",
            "",
            "[",
            "mock/",
        ] {
            assert_eq!(checked("GET", &[("host", host)], false), Err(421), "{host}");
        }
        // A request without a `Host` header came over HTTP/1.0.
        assert_eq!(checked("GET", &[], true), Ok(()));
    }

    #[test]
    fn pages_of_other_origins_do_not_steer_the_mock() {
        let host = ("host", "localhost:2478");
        for (other, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://localhost:3000"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let headers = [host, (other, value)];
            assert_eq!(checked("POST", &headers, true), Err(403), "{other}: {value}");
            assert_eq!(checked("POST", &headers, false), Err(403), "{other}: {value}");
            assert_eq!(checked("GET", &headers, true), Err(403), "{other}: {value}");
            // A foreign page may play a recording, and link to the mock's own page.
            assert_eq!(checked("GET", &headers, false), Ok(()), "{other}: {value}");
            let follows = [host, (other, value), ("sec-fetch-mode", "navigate")];
            assert_eq!(checked("GET", &follows, true), Ok(()), "{other}: {value}");
            assert_eq!(checked("POST", &follows, true), Err(403), "{other}: {value}");
        }
        for (own, value) in [
            ("origin", "http://LOCALHOST:2478"),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
        ] {
            assert_eq!(checked("POST", &[host, (own, value)], true), Ok(()), "{own}: {value}");
        }
    }

    #[test]
    fn bodies_that_any_page_can_send_do_not_steer_the_mock() {
        for (kind, wanted) in [
            ("application/json", Ok(())),
            ("Application/JSON; charset=utf-8", Ok(())),
            ("application/merge-patch+json", Ok(())),
            ("text/plain", Err(415)),
            ("application/x-www-form-urlencoded", Err(415)),
            ("multipart/form-data; boundary=x", Err(415)),
            ("text/plain; application/json", Err(415)),
            ("", Err(415)),
        ] {
            assert_eq!(
                checked("POST", &[("host", "localhost"), ("content-type", kind)], true),
                wanted,
                "{kind}"
            );
            assert_eq!(
                checked("POST", &[("host", "localhost"), ("content-type", kind)], false),
                Ok(()),
                "{kind}"
            );
        }
    }
}

//! A callback URL.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::ops::Range;
use std::str::FromStr;

use hyper::Uri;

/// What error messages offer as an example.
const EXAMPLE: &str = "http://127.0.0.1:3000/hook";

/// A callback URL, parsed: `http` or `https`, a host, a port, a path with an optional query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The canonical form: scheme and host in lower case, the port only where it is not the scheme's own.
    url: String,
    is_tls: bool,
    host: String,
    port: u16,
    /// Where the authority lies in `url`; path and query follow it.
    authority: Range<usize>,
}

/// Why a text is no callback URL: one line that says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(pub String);

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        parse(text).map_err(TargetError)
    }
}

impl Target {
    /// Path and query, at least `/`.
    pub fn path_and_query(&self) -> &str {
        &self.url[self.authority.end..]
    }

    /// Host and port as in the `Host` header: the port is left out where it is the scheme's own.
    pub fn authority(&self) -> &str {
        &self.url[self.authority.clone()]
    }

    /// Scheme and authority, `https://example.com:8443`: what a connection can be shared by.
    pub fn origin(&self) -> &str {
        &self.url[..self.authority.end]
    }

    /// The host's name or address in lower case; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own if the URL names none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the scheme is `https`.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.url)
    }
}

/// The longest URL in bytes: about what servers take as a request line.
const LONGEST: usize = 8_000;

fn parse(text: &str) -> Result<Target, String> {
    // Other messages repeat the text.
    if text.len() > LONGEST {
        return Err(format!("the callback URL has {} bytes, {LONGEST} is the most", text.len()));
    }
    if text.trim().is_empty() {
        return Err(format!("the callback URL is empty, write for example {EXAMPLE}"));
    }
    check_letters(text)?;
    let (scheme, rest) = split_scheme(text)?;
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = &rest[..authority_end];
    // The text itself is not repeated: it may hold a password.
    if authority.contains('@') {
        return Err("a callback URL takes no user name or password: they would end up in logs and records; \
                    set an `Authorization` header instead"
            .to_owned());
    }
    if let Some((before, fragment)) = text.split_once('#') {
        return Err(format!("`#{fragment}` never reaches a server, write {before}"));
    }
    if authority.is_empty() {
        return Err(format!("`{text}` has no host, write for example {EXAMPLE}"));
    }
    let is_tls = scheme == "https";
    let (host, port) = split_port(authority, if is_tls { 443 } else { 80 })?;
    let host = check_host(host)?;
    let uri: Uri = text.parse().map_err(|error| format!("`{text}` is no URL: {error}"))?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());

    let mut url = format!("{scheme}://");
    let start = url.len();
    if host.contains(':') {
        url.push_str(&format!("[{host}]"));
    } else {
        url.push_str(&host);
    }
    if port != if is_tls { 443 } else { 80 } {
        url.push_str(&format!(":{port}"));
    }
    let authority = start..url.len();
    if !path.starts_with('/') {
        url.push('/');
    }
    url.push_str(path);
    Ok(Target { url, is_tls, host, port, authority })
}

/// The scheme in lower case, and what follows `://`.
fn split_scheme(text: &str) -> Result<(&'static str, &str), String> {
    let Some((scheme, rest)) = text.split_once("://") else {
        // `http:/host` and `http:host` are slips of the pen, `localhost:3000` is a host.
        for scheme in ["https", "http"] {
            let slip = text.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme));
            if let Some(rest) = slip.and_then(|_| text[scheme.len()..].strip_prefix(':')) {
                return Err(format!(
                    "`{text}` lacks the two slashes, write {scheme}://{}",
                    rest.trim_start_matches('/')
                ));
            }
        }
        return Err(match text.strip_prefix("//") {
            Some(rest) => format!("`{text}` has no scheme, write http://{rest}"),
            None if text.starts_with('/') => {
                format!("`{text}` has no scheme and no host, write http://127.0.0.1:3000{text}")
            }
            None => format!("`{text}` has no scheme, write http://{text}"),
        });
    };
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Ok(("http", rest)),
        "https" => Ok(("https", rest)),
        "" => Err(format!("`{text}` has no scheme, write http://{rest}")),
        other => Err(match crate::files::suggest::nearest(other, ["http", "https"]) {
            Some(near) => format!("`{scheme}` is no scheme callbacks can go over, write {near}://{rest}"),
            None => {
                format!("callbacks go over http or https, not `{scheme}`, write for example {EXAMPLE}")
            }
        }),
    }
}

fn check_letters(text: &str) -> Result<(), String> {
    let wrong = |letter: &char| !letter.is_ascii_graphic() || "<>\\^`".contains(*letter);
    match text.chars().find(wrong) {
        None => Ok(()),
        Some(_) if text.trim() != text => {
            Err(format!("`{}` has white space around it, take it away", text.trim()))
        }
        Some(letter) => {
            let mut bytes = [0; 4];
            let escaped: String =
                letter.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect();
            Err(match letter.is_ascii() {
                true => format!("{letter:?} can't stand in a URL, write {escaped}"),
                false => format!(
                    "{letter:?} can't stand in a URL, write {escaped} in a path or query, or the `xn--` form of a host"
                ),
            })
        }
    }
}

fn split_port(authority: &str, default: u16) -> Result<(&str, u16), String> {
    if authority.starts_with('[') && !authority.contains(']') {
        return Err(format!("`{authority}` lacks the closing bracket of an IPv6 address"));
    }
    let colon = match authority.rfind(']') {
        Some(bracket) => authority[bracket..].find(':').map(|colon| bracket + colon),
        None => authority.find(':'),
    };
    let Some(colon) = colon else { return Ok((authority, default)) };
    let (host, port) = (&authority[..colon], &authority[colon + 1..]);
    if port.contains(':') && authority.parse::<Ipv6Addr>().is_ok() {
        return Err(format!(
            "`{authority}` is an IPv6 address, which goes in brackets: http://[::1]:3000/hook"
        ));
    }
    if port.is_empty() {
        return Err(format!("the port after `{host}:` is missing, write for example {host}:3000"));
    }
    match port.parse::<u16>() {
        Ok(number) if number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()) => Ok((host, number)),
        _ => Err(format!("`{port}` is no port, they go from 1 to 65535")),
    }
}

/// The host in lower case, without brackets.
fn check_host(host: &str) -> Result<String, String> {
    if let Some(inner) = host.strip_prefix('[') {
        let Some(inner) = inner.strip_suffix(']') else {
            return Err(format!("`{host}` is no host, after an IPv6 address goes a port: [::1]:3000"));
        };
        if inner.contains('%') {
            return Err(format!("`{inner}` names a network interface, which a URL can't, leave it out"));
        }
        return match inner.parse::<Ipv6Addr>() {
            Ok(address) => Ok(IpAddr::V6(address).to_string()),
            Err(_) => Err(format!("`{inner}` is no IPv6 address")),
        };
    }
    if host.is_empty() {
        return Err(format!("the host is missing, write for example {EXAMPLE}"));
    }
    let lower = host.to_ascii_lowercase();
    let labels = lower.strip_suffix('.').unwrap_or(&lower);
    let letters = |label: &str| {
        label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
    };
    if lower.len() > 253
        || labels.split('.').any(|label| label.is_empty() || label.len() > 63 || !letters(label))
    {
        return Err(format!("`{host}` is no host name"));
    }
    Ok(lower)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target(text: &str) -> Target {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn urls_have_a_canonical_form() {
        for (text, canonical, host, port, tls, authority, path) in [
            ("http://127.0.0.1:3000/hook", "", "127.0.0.1", 3000, false, "127.0.0.1:3000", "/hook"),
            ("HTTP://LocalHost", "http://localhost/", "localhost", 80, false, "localhost", "/"),
            ("http://a.example:80/x", "http://a.example/x", "a.example", 80, false, "a.example", "/x"),
            ("https://a.example:443", "https://a.example/", "a.example", 443, true, "a.example", "/"),
            ("https://a.example:80", "https://a.example:80/", "a.example", 80, true, "a.example:80", "/"),
            ("http://[::1]:3000/Hook?a=B%20c&d", "", "::1", 3000, false, "[::1]:3000", "/Hook?a=B%20c&d"),
            ("http://[0:0::1]", "http://[::1]/", "::1", 80, false, "[::1]", "/"),
            (
                "http://a_b.example.?q=/x@y",
                "http://a_b.example./?q=/x@y",
                "a_b.example.",
                80,
                false,
                "a_b.example.",
                "/?q=/x@y",
            ),
        ] {
            let target = target(text);
            assert_eq!(target.to_string(), if canonical.is_empty() { text } else { canonical });
            assert_eq!((target.host(), target.port(), target.is_tls()), (host, port, tls), "{text}");
            assert_eq!((target.authority(), target.path_and_query()), (authority, path), "{text}");
            assert_eq!(format!("{}{}", target.origin(), target.path_and_query()), target.to_string());
        }
    }

    #[test]
    fn wrong_urls_say_what_to_write() {
        let long = format!("http://{}.example/", "a".repeat(64));
        let mistakes: Vec<String> = [
            "",
            "  ",
            "127.0.0.1:3000/hook",
            "localhost:3000",
            "//localhost/hook",
            "/hook",
            "http:/localhost/hook",
            "https:localhost",
            "://localhost",
            "htp://localhost/hook",
            "htttps://localhost/hook",
            "ftp://localhost/hook",
            "http://",
            "http:///hook",
            "http://:3000/hook",
            "http://user:secret@localhost/hook",
            "http://localhost/hook#top",
            "http://localhost:/hook",
            "http://localhost:0/hook",
            "http://localhost:65536/hook",
            "http://localhost:+80/hook",
            "http://localhost:port/hook",
            "http://::1/hook",
            "http://::1:3000/hook",
            "http://[::1/hook",
            "http://[::g]/hook",
            "http://[fe80::1%eth0]/hook",
            "http://[::1]x/hook",
            " http://localhost/hook",
            "http://localhost/a b",
            "http://localhost/\u{e9}",
            "http://b\u{fc}cher.example/",
            "http://local..host/",
            "http://local%20host/",
            "http://localhost/<hook>",
            "http://localhost/\u{7f}",
            "http://user:secret@localhost/#top",
            &long,
        ]
        .into_iter()
        .map(|text| match text.parse::<Target>() {
            Ok(target) => panic!("{text} was taken for {target}"),
            Err(error) => format!("{text}\n    {error}"),
        })
        .collect();
        insta::assert_snapshot!(mistakes.join("\n"));
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(text in any::<String>()) {
            let _ = text.parse::<Target>();
        }

        #[test]
        fn the_canonical_form_is_read_as_itself(text in "https?://[a-zA-Z0-9:.\\[\\]-]{1,12}(/[!-~]{0,12})?") {
            if let Ok(target) = text.parse::<Target>() {
                prop_assert_eq!(&target.to_string().parse::<Target>().unwrap(), &target);
            }
        }
    }
}

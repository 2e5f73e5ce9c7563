//! A callback URL.

use std::fmt;
use std::net::Ipv6Addr;
use std::ops::Range;
use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::InvalidUri;

use crate::files::suggest::nearest;

/// The example that error messages give.
const EXAMPLE: &str = "http://127.0.0.1:3000/hook";

/// A callback URL, parsed: `http` or `https`, a host, a port, a path with an optional query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The canonical form: scheme and host in lower case, the port only if it is not the scheme's default.
    url: String,
    is_tls: bool,
    host: String,
    port: u16,
    /// Position of the authority in `url`; path and query follow it.
    authority: Range<usize>,
}

/// Why a text is not a callback URL, in one line that says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The URL is longer than servers accept.
    #[error("the callback URL has {0} bytes, but at most {LONGEST} are allowed")]
    TooLong(usize),
    /// The text is empty.
    #[error("the callback URL is empty: write for example {EXAMPLE}")]
    Empty,
    /// There is white space before or after this URL.
    #[error("`{0}` has white space around it: remove it")]
    Spaces(String),
    /// A character that has to be escaped in URLs.
    #[error("{letter:?} is not allowed in a URL: write {}", escaped(*letter))]
    Letter {
        /// The character.
        letter: char,
    },
    /// The text has no `http://`.
    #[error("`{text}` has no scheme: write http://{rest}")]
    NoScheme {
        /// As written.
        text: String,
        /// What follows the scheme.
        rest: String,
    },
    /// The text is only a path.
    #[error("`{0}` has no scheme and no host: write http://127.0.0.1:3000{0}")]
    PathOnly(String),
    /// The text has `http:` without slashes.
    #[error("`{text}` lacks the two slashes: write {scheme}://{rest}")]
    NoSlashes {
        /// As written.
        text: String,
        /// Its scheme.
        scheme: &'static str,
        /// What follows the slashes.
        rest: String,
    },
    /// A misspelling of `http` or `https`.
    #[error("callbacks cannot use the scheme `{scheme}`: write {near}://{rest}")]
    Misspelt {
        /// As written.
        scheme: String,
        /// The scheme that was probably meant.
        near: &'static str,
        /// What follows it.
        rest: String,
    },
    /// The scheme is that of another protocol.
    #[error("callbacks use http or https, not `{0}`: write for example {EXAMPLE}")]
    OtherScheme(String),
    /// The URL has a user name. The text itself is not repeated: it may hold a password.
    #[error(
        "a callback URL must not contain a user name or password: they would end up in logs and records; \
        set an `Authorization` header instead"
    )]
    Credentials,
    /// The URL has a fragment.
    #[error("`#{fragment}` is never sent to a server: write {before}")]
    Fragment {
        /// The part after `#`.
        fragment: String,
        /// The part before it.
        before: String,
    },
    /// A scheme with nothing after it.
    #[error("`{0}` has no host: write for example {EXAMPLE}")]
    NoHost(String),
    /// A port without a host before it.
    #[error("the host is missing: write for example {EXAMPLE}")]
    PortOnly,
    /// A bracket that is not closed.
    #[error("`{0}` lacks the closing bracket of an IPv6 address")]
    Bracket(String),
    /// An IPv6 address without brackets.
    #[error("`{0}` is an IPv6 address, which needs brackets: http://[::1]:3000/hook")]
    NoBrackets(String),
    /// Something other than a port follows an IPv6 address.
    #[error("`{0}` is not a host: after an IPv6 address only a port can follow, as in [::1]:3000")]
    AfterAddress(String),
    /// An IPv6 address with its zone.
    #[error("`{0}` names a network interface, which is not allowed in a URL: leave it out")]
    Interface(String),
    /// Brackets around something other than an IPv6 address.
    #[error("`{0}` is not an IPv6 address")]
    Address(String),
    /// The host is not a valid name.
    #[error("`{0}` is not a host name")]
    Host(String),
    /// A colon with nothing after it.
    #[error("the port after `{0}:` is missing: write for example {0}:3000")]
    NoPort(String),
    /// The port is invalid.
    #[error("`{0}` is not a port: use 1 to 65535")]
    Port(String),
    /// Any other error.
    #[error("`{text}` is not a URL: {reason}")]
    Unreadable {
        /// As written.
        text: String,
        /// The error of the parser.
        reason: String,
    },
}

/// Returns a character in its escaped form.
fn escaped(letter: char) -> String {
    let bytes =
        letter.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    match letter.is_ascii() {
        true => bytes,
        false => format!("{bytes} in a path or query, or the `xn--` form of a host"),
    }
}

impl Target {
    /// Returns path and query, at least `/`.
    pub fn path_and_query(&self) -> &str {
        &self.url[self.authority.end..]
    }

    /// Returns host and port as in the `Host` header: the port is left out if it is the scheme's default.
    pub fn authority(&self) -> &str {
        &self.url[self.authority.clone()]
    }

    /// Returns scheme and authority, `https://example.com:8443`: targets with the same origin can share a connection.
    pub fn origin(&self) -> &str {
        &self.url[..self.authority.end]
    }

    /// Returns the host's name or address in lower case; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port, the scheme's default if the URL names none.
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

/// Maximum length of a URL in bytes: about what servers accept as a request line.
const LONGEST: usize = 8_000;

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        // Checked first, since other messages repeat the text.
        if text.len() > LONGEST {
            return Err(TargetError::TooLong(text.len()));
        }
        if text.trim().is_empty() {
            return Err(TargetError::Empty);
        }
        let wrong = |letter: &char| !letter.is_ascii_graphic() || "<>\\^`".contains(*letter);
        if let Some(letter) = text.chars().find(wrong) {
            let is_around = text.trim() != text;
            return Err(if is_around {
                TargetError::Spaces(text.trim().to_owned())
            } else {
                TargetError::Letter { letter }
            });
        }
        let (scheme, rest) = split_scheme(text)?;
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        if authority.contains('@') {
            return Err(TargetError::Credentials);
        }
        if let Some((before, fragment)) = text.split_once('#') {
            return Err(TargetError::Fragment { fragment: fragment.to_owned(), before: before.to_owned() });
        }
        if authority.is_empty() {
            return Err(TargetError::NoHost(text.to_owned()));
        }
        let is_tls = scheme == "https";
        let usual_port = if is_tls { 443 } else { 80 };
        let (host, port) = split_port(authority, usual_port)?;
        let host = check_host(host)?;
        let unreadable = |reason: String| TargetError::Unreadable { text: text.to_owned(), reason };
        let uri: Uri = text.parse().map_err(|error: InvalidUri| unreadable(error.to_string()))?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());

        let mut url = format!("{scheme}://");
        let start = url.len();
        match host.contains(':') {
            true => url += &format!("[{host}]"),
            false => url += &host,
        }
        if port != usual_port {
            url += &format!(":{port}");
        }
        let authority = start..url.len();
        if !path.starts_with('/') {
            url.push('/');
        }
        url.push_str(path);
        Ok(Self { url, is_tls, host, port, authority })
    }
}

/// Returns the scheme in lower case, and what follows `://`.
fn split_scheme(text: &str) -> Result<(&'static str, &str), TargetError> {
    let no_scheme = |rest: &str| TargetError::NoScheme { text: text.to_owned(), rest: rest.to_owned() };
    let Some((scheme, rest)) = text.split_once("://") else {
        // `http:/host` and `http:host` are typing errors, `localhost:3000` is a host.
        for scheme in ["https", "http"] {
            let slip = text.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme));
            if let Some(rest) = slip.and_then(|_| text[scheme.len()..].strip_prefix(':')) {
                let rest = rest.trim_start_matches('/').to_owned();
                return Err(TargetError::NoSlashes { text: text.to_owned(), scheme, rest });
            }
        }
        return Err(match text.strip_prefix("//") {
            Some(rest) => no_scheme(rest),
            None if text.starts_with('/') => TargetError::PathOnly(text.to_owned()),
            None => no_scheme(text),
        });
    };
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Ok(("http", rest)),
        "https" => Ok(("https", rest)),
        "" => Err(no_scheme(rest)),
        other => Err(match nearest(other, ["http", "https"]) {
            Some(near) => TargetError::Misspelt { scheme: scheme.to_owned(), near, rest: rest.to_owned() },
            None => TargetError::OtherScheme(scheme.to_owned()),
        }),
    }
}

fn split_port(authority: &str, default: u16) -> Result<(&str, u16), TargetError> {
    if authority.starts_with('[') && !authority.contains(']') {
        return Err(TargetError::Bracket(authority.to_owned()));
    }
    let colon = match authority.rfind(']') {
        Some(bracket) => authority[bracket..].find(':').map(|colon| bracket + colon),
        None => authority.find(':'),
    };
    let Some(colon) = colon else { return Ok((authority, default)) };
    let (host, port) = (&authority[..colon], &authority[colon + 1..]);
    if port.contains(':') && authority.parse::<Ipv6Addr>().is_ok() {
        return Err(TargetError::NoBrackets(authority.to_owned()));
    }
    if port.is_empty() {
        return Err(TargetError::NoPort(host.to_owned()));
    }
    match port.parse::<u16>() {
        Ok(number) if number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()) => Ok((host, number)),
        _ => Err(TargetError::Port(port.to_owned())),
    }
}

/// Returns the host in lower case, without brackets.
fn check_host(host: &str) -> Result<String, TargetError> {
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or_else(|| TargetError::AfterAddress(host.to_owned()))?;
        if inner.contains('%') {
            return Err(TargetError::Interface(inner.to_owned()));
        }
        let address = inner.parse::<Ipv6Addr>().map_err(|_| TargetError::Address(inner.to_owned()))?;
        return Ok(address.to_string());
    }
    if host.is_empty() {
        return Err(TargetError::PortOnly);
    }
    let lower = host.to_ascii_lowercase();
    let labels = lower.strip_suffix('.').unwrap_or(&lower);
    let letters = |label: &str| {
        label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
    };
    let is_label = |label: &str| (1..=63).contains(&label.len()) && letters(label);
    if lower.len() > 253 || !labels.split('.').all(is_label) {
        return Err(TargetError::Host(host.to_owned()));
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

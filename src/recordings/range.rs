//! Serving a file in full, in part, or not at all because the client has it: RFC 9110, sections 13 and 14.
//!
//! A player seeks with `Range`, a download manager resumes with `Range` and `If-Range`, a cache revalidates with
//! `If-None-Match`. If a request has several ranges the whole file is sent, as the RFC allows: no player requests a
//! recording that way, and it avoids the multipart response.

use std::ops::Range;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::net::{Header, HttpRequest, HttpResponse};

/// Characters that are not escaped in `filename*` (RFC 8187, `attr-char`).
const NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// What to send of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<Header>,
    /// The part of the file, if any is sent.
    pub part: Option<Range<u64>>,
}

impl Selected {
    /// Builds the response from the selected part of the file.
    pub fn of(self, body: &Bytes) -> HttpResponse {
        let Self { status, headers, part } = self;
        let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(body.len());
        let body = part.map(|part| body.slice(at(part.start)..at(part.end))).unwrap_or_default();
        HttpResponse { status, headers, body }
    }
}

/// Selects the response to a GET or HEAD of a file of this length. The entity tag is a strong one, with its quotes.
///
/// For HEAD it returns what GET would get, including the part: the server leaves the body out and keeps its length.
pub fn select(
    request: &HttpRequest,
    etag: &str,
    content_type: &str,
    file_name: &str,
    length: u64,
) -> Selected {
    let header = |name: &'static str, value: &str| (name.into(), value.to_owned().into());
    let mut headers: Vec<Header> = vec![
        header("accept-ranges", "bytes"),
        header("etag", etag),
        // Recordings are personal. A cache may keep one, but has to revalidate it: after a restart with another seed the
        // same address may belong to another call.
        header("cache-control", "private, no-cache"),
    ];
    let bare = |status, headers| Selected { status, headers, part: None };
    // The order of the conditions is that of RFC 9110, section 13.2.2.
    if every(request, "if-match").is_some_and(|tags| !matches(&tags, etag, same_strongly)) {
        return bare(412, headers);
    }
    if every(request, "if-none-match").is_some_and(|tags| matches(&tags, etag, same_weakly)) {
        return bare(304, headers);
    }
    // A date never matches here: no response says when a recording was last modified.
    let current = request.header("if-range").is_none_or(|tag| same_strongly(tag.trim(), etag));
    let asked = match request.header("range") {
        // Ranges are defined for GET only.
        Some(range) if request.method == "GET" && current => Asked::read(range, length),
        _ => Asked::Whole,
    };
    let (status, part) = match asked {
        Asked::Whole => (200, 0..length),
        Asked::Part(part) => {
            headers.push(header("content-range", &format!("bytes {}-{}/{length}", part.start, part.end - 1)));
            (206, part)
        }
        Asked::Nothing => {
            headers.push(header("content-range", &format!("bytes */{length}")));
            return bare(416, headers);
        }
    };
    headers.push(header("content-type", content_type));
    headers.push(("content-disposition".into(), disposition(file_name).into()));
    Selected { status, headers, part: Some(part) }
}

/// What a `Range` header requests.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// The whole file: several ranges, another unit, or an invalid header.
    Whole,
    /// A part of it, never empty.
    Part(Range<u64>),
    /// Only a range beyond the end.
    Nothing,
}

impl Asked {
    fn read(header: &str, length: u64) -> Self {
        let Some((unit, set)) = header.split_once('=') else { return Self::Whole };
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return Self::Whole;
        }
        let mut inside = None;
        let mut any = false;
        // A list may have empty elements (section 5.6.1).
        for range in
            set.split(',').map(|range| range.trim_matches([' ', '\t'])).filter(|range| !range.is_empty())
        {
            let Some(range) = one(range, length) else { return Self::Whole };
            any = true;
            if range.start < range.end && inside.replace(range).is_some() {
                return Self::Whole;
            }
        }
        match inside {
            Some(part) => Self::Part(part),
            None if !any || length == 0 => Self::Whole,
            None => Self::Nothing,
        }
    }
}

/// Reads one range of a list, cut to the file. It is empty if it lies beyond the end, and `None` if it is invalid.
fn one(range: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = range.split_once('-')?;
    match (first, last) {
        ("", suffix) => Some(length.saturating_sub(number(suffix)?)..length),
        (first, "") => Some(number(first)?..length),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| first..last.saturating_add(1).min(length))
        }
    }
}

/// Reads a number of any length. A number that does not fit is beyond every file, so it becomes the largest that fits.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.bytes().try_fold(0_u64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        Some(value.saturating_mul(10).saturating_add(digit))
    })
}

/// Joins all values of a header in one list, as if they stood in one line. `None` if there is no such header.
fn every(request: &HttpRequest, name: &str) -> Option<String> {
    let values: Vec<&str> =
        request.headers.iter().filter(|(key, _)| *key == name).map(|(_, value)| value).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// Whether a list of entity tags contains the same tag, or is the star that stands for any. A comma within a tag does no
/// harm: our tag has none, so neither half of such a tag equals it.
fn matches(tags: &str, etag: &str, same: fn(&str, &str) -> bool) -> bool {
    let tags = tags.trim();
    tags == "*" || tags.split(',').any(|tag| same(tag.trim(), etag))
}

fn same_strongly(tag: &str, etag: &str) -> bool {
    tag == etag && !tag.starts_with("W/")
}

fn same_weakly(tag: &str, etag: &str) -> bool {
    tag.strip_prefix("W/").unwrap_or(tag) == etag.strip_prefix("W/").unwrap_or(etag)
}

/// Shown in the browser, saved under the name (RFC 6266). A name that is not plain ASCII is given twice, for old and new
/// clients.
fn disposition(file_name: &str) -> String {
    let plain: String = file_name
        .chars()
        .map(|letter| match letter {
            '"' | '\\' | '/' | '%' => '_',
            ' '..='~' => letter,
            _ => '_',
        })
        .collect();
    if plain == file_name {
        format!("inline; filename=\"{plain}\"")
    } else {
        format!("inline; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(file_name, NAME))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &[u8] = b"0123456789";
    const TAG: &str = "\"abc\"";

    fn request(method: &str, headers: &[(&str, &str)]) -> HttpRequest {
        HttpRequest {
            method: method.to_owned().into(),
            path: "/download/a.wav".to_owned(),
            headers: headers.into(),
            ..HttpRequest::default()
        }
    }

    fn answer(request: &HttpRequest, body: &Bytes) -> HttpResponse {
        select(request, TAG, "audio/wav", "a.wav", body.len() as u64).of(body)
    }

    fn answered(method: &str, headers: &[(&str, &str)]) -> HttpResponse {
        answer(&request(method, headers), &Bytes::from_static(BODY))
    }

    fn header<'a>(answer: &'a HttpResponse, name: &str) -> Option<&'a str> {
        answer.headers.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// Returns status, content range and body in one line.
    fn summary(answer: &HttpResponse) -> String {
        let range = header(answer, "content-range").unwrap_or("-");
        format!("{} {range} {}", answer.status, String::from_utf8_lossy(&answer.body))
    }

    #[test]
    fn ranges() {
        const WHOLE: &str = "200 - 0123456789";
        const NOTHING: &str = "416 bytes */10 ";
        for (range, expected) in [
            ("bytes=0-0", "206 bytes 0-0/10 0"),
            ("bytes=0-", "206 bytes 0-9/10 0123456789"),
            ("bytes=2-4", "206 bytes 2-4/10 234"),
            ("bytes=9-9", "206 bytes 9-9/10 9"),
            ("bytes=7-100", "206 bytes 7-9/10 789"),
            ("bytes=0-99999999999999999999999999", "206 bytes 0-9/10 0123456789"),
            ("bytes=0-18446744073709551615", "206 bytes 0-9/10 0123456789"),
            ("bytes=007-008", "206 bytes 7-8/10 78"),
            ("bytes=-3", "206 bytes 7-9/10 789"),
            ("bytes=-10", "206 bytes 0-9/10 0123456789"),
            ("bytes=-99999999999999999999999999", "206 bytes 0-9/10 0123456789"),
            ("Bytes=1-1", "206 bytes 1-1/10 1"),
            ("bytes= 1-1 ", "206 bytes 1-1/10 1"),
            ("bytes=,1-1,", "206 bytes 1-1/10 1"),
            // One of the two lies beyond the end.
            ("bytes=1-2, 20-30", "206 bytes 1-2/10 12"),
            ("bytes=0-1,3-4", WHOLE),
            ("bytes=10-", NOTHING),
            ("bytes=10-12", NOTHING),
            ("bytes=-0", NOTHING),
            ("bytes=10-,-0", NOTHING),
            ("bytes=99999999999999999999999999-", NOTHING),
            ("bytes=99999999999999999999998-99999999999999999999999", NOTHING),
            // Invalid ranges.
            ("", WHOLE),
            ("bytes", WHOLE),
            ("bytes=", WHOLE),
            ("bytes=,", WHOLE),
            ("bytes=-", WHOLE),
            ("bytes=--1", WHOLE),
            ("bytes=4-2", WHOLE),
            ("bytes=1", WHOLE),
            ("bytes=a-b", WHOLE),
            ("bytes=1-2-3", WHOLE),
            ("bytes=+1-2", WHOLE),
            ("bytes=1 - 2", WHOLE),
            ("bytes=0x1-2", WHOLE),
            ("bytes=1-2, x", WHOLE),
            ("seconds=1-2", WHOLE),
            ("bytes=1-2=3", WHOLE),
        ] {
            assert_eq!(summary(&answered("GET", &[("range", range)])), expected, "{range}");
        }
    }

    #[test]
    fn an_empty_file_has_no_parts() {
        for range in ["bytes=0-", "bytes=-5", "bytes=0-0"] {
            let request = request("GET", &[("range", range)]);
            assert_eq!(summary(&answer(&request, &Bytes::new())), "200 - ", "{range}");
        }
    }

    #[test]
    fn conditions() {
        const PART: &str = "206 bytes 1-1/10 1";
        const WHOLE: &str = "200 - 0123456789";
        let part = ("range", "bytes=1-1");
        for (headers, expected) in [
            (vec![part, ("if-range", "\"abc\"")], PART),
            (vec![part, ("if-range", "\"abd\"")], WHOLE),
            (vec![part, ("if-range", "W/\"abc\"")], WHOLE),
            (vec![part, ("if-range", "Sat, 29 Oct 1994 19:43:31 GMT")], WHOLE),
            // Ranges of an outdated file cannot lie beyond the end either.
            (vec![("range", "bytes=99-"), ("if-range", "\"abd\"")], WHOLE),
            (vec![("if-range", "\"abc\"")], WHOLE),
            (vec![("if-none-match", "\"abc\"")], "304 - "),
            (vec![("if-none-match", "W/\"abc\"")], "304 - "),
            (vec![("if-none-match", "\"x\", \"a,b\" ,W/\"abc\"")], "304 - "),
            (vec![("if-none-match", "\"x\""), ("if-none-match", "\"abc\"")], "304 - "),
            (vec![("if-none-match", "*")], "304 - "),
            (vec![("if-none-match", "abc")], WHOLE),
            (vec![("if-none-match", "")], WHOLE),
            (vec![part, ("if-none-match", "\"abc\"")], "304 - "),
            (vec![part, ("if-none-match", "\"abd\"")], PART),
            (vec![part, ("if-match", "\"abc\"")], PART),
            (vec![part, ("if-match", "*")], PART),
            (vec![part, ("if-match", "\"abd\"")], "412 - "),
            (vec![("if-match", "W/\"abc\"")], "412 - "),
        ] {
            assert_eq!(summary(&answered("GET", &headers)), expected, "{headers:?}");
        }
    }

    #[test]
    fn head_knows_no_ranges() {
        assert_eq!(answered("HEAD", &[("range", "bytes=1-1")]).status, 200);
        assert_eq!(answered("HEAD", &[("range", "bytes=99-")]).status, 200);
        assert_eq!(answered("HEAD", &[]).headers, answered("GET", &[]).headers);
        assert_eq!(answered("HEAD", &[]).body.len(), BODY.len());
        assert_eq!(answered("HEAD", &[("if-none-match", TAG)]).status, 304);
    }

    #[test]
    fn headers() {
        let whole = answered("GET", &[]);
        let part = answered("GET", &[("range", "bytes=1-1")]);
        let nothing = answered("GET", &[("range", "bytes=99-")]);
        let unchanged = answered("GET", &[("if-none-match", TAG)]);
        for answer in [&whole, &part, &nothing, &unchanged] {
            assert_eq!(header(answer, "accept-ranges"), Some("bytes"));
            assert_eq!(header(answer, "etag"), Some(TAG));
            assert_eq!(header(answer, "cache-control"), Some("private, no-cache"));
        }
        for answer in [&whole, &part] {
            assert_eq!(header(answer, "content-type"), Some("audio/wav"));
            assert_eq!(header(answer, "content-disposition"), Some("inline; filename=\"a.wav\""));
        }
        for answer in [&nothing, &unchanged] {
            assert_eq!(header(answer, "content-type"), None);
        }
    }

    #[test]
    fn names() {
        for (name, expected) in [
            ("+62 812.wav", "inline; filename=\"+62 812.wav\""),
            ("a\"b\r\nc.wav", "inline; filename=\"a_b__c.wav\"; filename*=UTF-8''a%22b%0D%0Ac.wav"),
            ("séance.wav", "inline; filename=\"s_ance.wav\"; filename*=UTF-8''s%C3%A9ance.wav"),
        ] {
            assert_eq!(disposition(name), expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn no_header_does_harm(range in "(bytes=)?([0-9]{0,25}|-|,| |[a-z]|=|\\PC){0,12}", tag in "(W/|\"|,|abc|\\*| ){0,6}") {
            let headers =
                [("range", range.as_str()), ("if-range", &tag), ("if-none-match", &tag), ("if-match", &tag)];
            for count in 1..=headers.len() {
                let answer = answered("GET", &headers[..count]);
                prop_assert!([200, 206, 304, 412, 416].contains(&answer.status));
            }
        }

        #[test]
        fn a_range_gives_exactly_its_slice(
            length in 1_usize..300, first in 0_usize..320, more in 0_usize..320, open: bool,
        ) {
            let body = Bytes::from((0..length).map(|index| index as u8).collect::<Vec<_>>());
            let asked = if open { format!("bytes={first}-") } else { format!("bytes={first}-{}", first + more) };
            let request = request("GET", &[("range", &asked)]);
            let answer = answer(&request, &body);
            if first >= length {
                prop_assert_eq!(answer.status, 416);
            } else {
                let end = if open { length } else { length.min(first + more + 1) };
                prop_assert_eq!(answer.status, 206);
                prop_assert_eq!(&answer.body, &body.slice(first..end));
                let range = format!("bytes {first}-{}/{length}", end - 1);
                prop_assert_eq!(header(&answer, "content-range"), Some(range.as_str()));
            }
        }
    }
}

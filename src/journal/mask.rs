//! Masks secrets in everything shown and recorded: account secrets and tokens, in any format of a body.
//!
//! Bodies are not parsed: they may be very large, and malformed bodies contain secrets, too.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::contract::Catalog;

/// The replacement for a secret.
const MASK: &str = "***";

/// The fields whose values are secrets, in lower case.
const FIELDS: [&[u8]; 6] = [b"appsecret", b"app_secret", b"app-secret", b"secret", b"password", b"token"];

/// Masks secrets by the names of their fields: the usual ones, and those that the user's settings give them.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    /// Further names, in lower case.
    further: Arc<[Vec<u8>]>,
}

impl Mask {
    /// Creates the mask for the names of a catalog.
    pub fn of(catalog: &Catalog) -> Self {
        let mut further = Vec::new();
        let mut add = |own: &str, name: &str| {
            let is_secret = FIELDS.iter().any(|field| field.eq_ignore_ascii_case(own.as_bytes()));
            let name = name.to_ascii_lowercase().into_bytes();
            if is_secret && !name.is_empty() && !further.contains(&name) {
                further.push(name);
            }
        };
        for names in catalog.entries().iter().filter_map(|entry| entry.names.as_deref()) {
            names.request.each_name(&mut add);
            names.written.each_name(&mut add);
        }
        Self { further: further.into() }
    }

    /// Masks the secrets in a body, or in a path with its query.
    pub fn masked<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let mut out: Vec<u8> = Vec::new();
        let mut done = 0;
        let mut at = 0;
        while let Some(value) = self.next_secret(text, at) {
            out.extend_from_slice(&text[done..value.start]);
            out.extend_from_slice(MASK.as_bytes());
            (done, at) = (value.end, value.end);
        }
        if done == 0 {
            return Cow::Borrowed(text);
        }
        out.extend_from_slice(&text[done..]);
        Cow::Owned(out)
    }

    /// Does the same if the user's settings give secrets other names, and otherwise returns the text as it is.
    pub fn masked_further<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        if self.further.is_empty() { Cow::Borrowed(text) } else { self.masked(text) }
    }

    /// Returns the range of the next value of a secret field.
    fn next_secret(&self, text: &[u8], from: usize) -> Option<Range<usize>> {
        let names = || FIELDS.into_iter().chain(self.further.iter().map(Vec::as_slice));
        let mut at = from;
        loop {
            let found = names().filter_map(|name| Some((find(&text[at..], name)? + at, name.len())));
            // Of two names that begin at one place, the longer one is meant.
            let (name, length) = found.min_by_key(|(place, length)| (*place, std::cmp::Reverse(*length)))?;
            let begins = name.checked_sub(1).map(|before| text[before]);
            if let Some(value) = value(text, begins, name + length).filter(|value| !value.is_empty()) {
                return Some(value);
            }
            // A shorter name may still begin within it.
            at = name + 1;
        }
    }
}

/// Masks the secrets in the value of a header. Of credentials only the scheme remains.
pub fn masked_header<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if !["authorization", "proxy-authorization", "cookie"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
    {
        return Cow::Borrowed(value);
    }
    match value.trim().split_once(' ') {
        Some((kind, _)) => Cow::Owned(format!("{kind} {MASK}")),
        None => Cow::Borrowed(MASK),
    }
}

/// Finds a word in any letter case.
fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    let (small, large) = (*word.first()?, word.first()?.to_ascii_uppercase());
    let mut from = 0;
    loop {
        let at = from + text[from..].iter().position(|byte| *byte == small || *byte == large)?;
        if text[at..].get(..word.len())?.eq_ignore_ascii_case(word) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Returns the value of the field whose name ends before `at`: in JSON, also with wrong quotes, in XML, in a form or query, or
/// in a part of a multipart body.
fn value(text: &[u8], begins: Option<u8>, at: usize) -> Option<Range<usize>> {
    let rest = text.get(at..)?;
    let ends = |from: usize, is_end: &dyn Fn(u8) -> bool| {
        text[from..].iter().position(|byte| is_end(*byte)).map_or(text.len(), |end| from + end)
    };
    if rest.first() == Some(&b'=') && matches!(begins, None | Some(b'&' | b'?' | b'\n' | b';')) {
        return Some(at + 1..ends(at + 1, &|byte| byte == b'&' || byte == b'\r' || byte == b'\n'));
    }
    if rest.first() == Some(&b'>') && begins == Some(b'<') {
        let end = ends(at + 1, &|byte| byte == b'<');
        // Without the end of the element it is cut off, or no element: "send `Token <token>`, please".
        let is_open = end == text.len();
        let of_prose = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'`' | b'"' | b'\'');
        return Some(at + 1..if is_open { ends(at + 1, &of_prose) } else { end });
    }
    if !matches!(rest.first(), Some(b'"' | b'\'')) || begins != rest.first().copied() {
        return None;
    }
    let after = at + 1;
    let colon = ends(after, &|byte| !byte.is_ascii_whitespace());
    if text.get(colon) == Some(&b':') {
        let start = ends(colon + 1, &|byte| !byte.is_ascii_whitespace());
        if let Some(quote @ (b'"' | b'\'')) = text.get(start) {
            return Some(start + 1..closing_quote(text, *quote, start + 1));
        }
        return Some(start..ends(start, &|byte| matches!(byte, b',' | b'}' | b']')));
    }
    // The headers of a part end with an empty line.
    let head = &text[after..text.len().min(after + 1_000)];
    let (empty, length) = match (find_bytes(head, b"\r\n\r\n"), find_bytes(head, b"\n\n")) {
        (Some(at), _) => (at, 4),
        (None, Some(at)) => (at, 2),
        (None, None) => return None,
    };
    let start = after + empty + length;
    Some(start..ends(start, &|byte| byte == b'\r' || byte == b'\n'))
}

fn closing_quote(text: &[u8], quote: u8, from: usize) -> usize {
    let mut at = from;
    while let Some(byte) = text.get(at) {
        match byte {
            byte if *byte == quote => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

fn find_bytes(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        String::from_utf8_lossy(&Mask::default().masked(text.as_bytes())).into_owned()
    }

    #[test]
    fn secrets_of_every_form_are_masked() {
        for (text, masked) in [
            (r#"{"APPKey":"K","APPSecret":"s3cr\"et","x":1}"#, r#"{"APPKey":"K","APPSecret":"***","x":1}"#),
            (r#"{ "appSecret" : 12345 }"#, r#"{ "appSecret" : ***}"#),
            (r#"{"data":{"token":"abc+/"}}"#, r#"{"data":{"token":"***"}}"#),
            ("APPKey=K&APPSecret=s3cret", "APPKey=K&APPSecret=***"),
            ("APPSecret=s3cret&APPKey=K", "APPSecret=***&APPKey=K"),
            ("/service/cloud/auth?appsecret=a&token=b", "/service/cloud/auth?appsecret=***&token=***"),
            (
                "--b\r\nContent-Disposition: form-data; name=\"APPSecret\"\r\n\r\ns3cret\r\n--b--\r\n",
                "--b\r\nContent-Disposition: form-data; name=\"APPSecret\"\r\n\r\n***\r\n--b--\r\n",
            ),
            ("appkey=K&app_secret=s3cret", "appkey=K&app_secret=***"),
            ("{'APPSecret': 's3cret', 'x': 1}", "{'APPSecret': '***', 'x': 1}"),
            ("<APPSecret>s3cret</APPSecret>", "<APPSecret>***</APPSecret>"),
            ("<APPSecret>s3 cret</APPSecret>", "<APPSecret>***</APPSecret>"),
            ("<APPSecret>s3cr", "<APPSecret>***"),
            (r#"{"secret":"s3cret","password":"p"}"#, r#"{"secret":"***","password":"***"}"#),
            // A body that is cut off in the middle of the secret.
            (r#"{"APPSecret":"s3cr"#, r#"{"APPSecret":"***"#),
        ] {
            assert_eq!(shown(text), masked);
        }
    }

    #[test]
    fn secrets_under_corrected_names_are_masked() {
        let corrections: std::collections::BTreeMap<String, crate::contract::EntryFile> = toml::from_str(
            "['auth.token']\nrequest = { APPSecret = 'client_secret', APPKey = 'id' }\nresponse = { token = 'Key' }\n\
             ['dialer.auth']\nrequest = { appSecret = 'pass', appKey = 'passport' }\n",
        )
        .unwrap();
        let corrections = corrections.iter().map(|(id, correction)| (id.as_str(), correction));
        let mask = Mask::of(&Catalog::builtin().overridden(corrections).unwrap());
        let shown = |text: &str| String::from_utf8_lossy(&mask.masked(text.as_bytes())).into_owned();
        for (text, masked) in [
            (r#"{"id":"K","client_secret":"s3cret"}"#, r#"{"id":"K","client_secret":"***"}"#),
            ("id=K&client_secret=s3cret&x=1", "id=K&client_secret=***&x=1"),
            (r#"{"data":{"Key":"abc"}}"#, r#"{"data":{"Key":"***"}}"#),
            (r#"{"passport":"K","pass":"s"}"#, r#"{"passport":"K","pass":"***"}"#),
            (r#"{"APPSecret":"by habit"}"#, r#"{"APPSecret":"***"}"#),
        ] {
            assert_eq!(shown(text), masked);
        }
    }

    #[test]
    fn other_texts_stay() {
        for text in [
            "",
            r#"{"text":"the token is gone","Tokens":"3","my_token":"x"}"#,
            r#"{"token":""}"#,
            "mytoken=3",
            "APPSecret",
            "\"APPSecret\"",
            "a token = b",
            r#"{"message":"send `Authorization: Token <token>`, with the token of auth"}"#,
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn proofs_in_headers_are_masked() {
        assert_eq!(masked_header("Authorization", "Token abc"), "Token ***");
        assert_eq!(masked_header("authorization", "abc"), "***");
        assert_eq!(masked_header("X-AIRudder-Sign", "abc"), "abc");
    }

    proptest! {
        #[test]
        fn any_secret_in_json_or_form_is_masked(secret in "[a-zA-Z0-9+/]{6,22}", before in ".{0,20}") {
            let json = serde_json::json!({ "x": before, "APPSecret": secret, "y": 1 }).to_string();
            let form = format!("APPKey=K&APPSecret={secret}&y=1");
            for text in [json, form] {
                let shown = shown(&text);
                prop_assert!(!shown.replace(&before, "").contains(&secret) && shown.contains(MASK), "{}", shown);
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            Mask::default().masked(&[b"\"token\"".as_slice(), &bytes].concat());
        }
    }
}

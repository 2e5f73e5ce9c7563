//! The ways in which a body may change between signer and verifier: the same JSON as other libraries write it, and accidents
//! with text. A signature that matches one of these shows what went wrong.

use serde_json::Value;

use super::numbers::Numbers;

/// A body that differs from the received one, with its description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rewritten {
    /// A name that continues "the signature was made over ...".
    pub(super) name: String,
    /// The kind of accident.
    pub(super) cause: Cause,
    /// The bytes.
    pub(super) bytes: Vec<u8>,
}

/// The cause of a different body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The body was parsed and written again.
    Json,
    /// Line ends or white space at the end differ.
    Lines,
    /// The character encoding differs.
    Charset,
    /// The signed text was not the body at all.
    Lost,
}

/// Returns every rewriting of a body that gives other bytes, the likeliest first and without duplicates.
pub(super) fn rewritings(body: &[u8]) -> Vec<Rewritten> {
    let mut found = Vec::new();
    let mut add = |name: &str, cause: Cause, bytes: Vec<u8>| {
        if bytes != body && !found.iter().any(|other: &Rewritten| other.bytes == bytes) {
            found.push(Rewritten { name: name.to_owned(), cause, bytes });
        }
    };
    line_ends(body, &mut add);
    let styled = json_styles(body);
    for (name, bytes) in &styled {
        add(name, Cause::Json, bytes.clone());
    }
    charsets(body, &mut add);
    for (name, bytes) in styled {
        add(&format!("{name} with a newline at the end"), Cause::Json, [&bytes[..], b"\n"].concat());
    }
    add("an empty body", Cause::Lost, Vec::new());
    for lost in ["{}", "null", "undefined", "None", "[object Object]"] {
        add(&format!("the text `{lost}`"), Cause::Lost, lost.into());
    }
    found
}

/// Returns the style of the bytes themselves: the first style that writes them in this way.
pub(super) fn style_of(body: &[u8]) -> Option<&'static str> {
    json_styles(body).into_iter().find(|(_, bytes)| bytes == body).map(|(name, _)| name)
}

fn line_ends(body: &[u8], add: &mut impl FnMut(&str, Cause, Vec<u8>)) {
    let cause = Cause::Lines;
    add("the body without the white space at its end", cause, body.trim_ascii_end().to_vec());
    add("the body without the white space around it", cause, body.trim_ascii().to_vec());
    add("the body with a newline at its end", cause, [body, b"\n"].concat());
    add("the body with CR LF at its end", cause, [body, b"\r\n"].concat());
    let unix = replace(body, b"\r\n", b"\n");
    let windows = replace(&unix, b"\n", b"\r\n");
    add("the body with LF line ends in place of CR LF", cause, unix);
    add("the body with CR LF line ends in place of LF", cause, windows);
}

fn charsets(body: &[u8], add: &mut impl FnMut(&str, Cause, Vec<u8>)) {
    const BOM: &[u8] = b"\xef\xbb\xbf";
    let cause = Cause::Charset;
    if let Some(rest) = body.strip_prefix(BOM) {
        add("the body without its byte order mark", cause, rest.to_vec());
    } else {
        add("the body after a byte order mark", cause, [BOM, body].concat());
    }
    let text = String::from_utf8_lossy(body);
    add("the body with U+FFFD in place of what is not UTF-8", cause, text.as_bytes().to_vec());
    if !text.is_ascii() {
        let narrow = |limit: u32| {
            text.chars().map(move |c| {
                u8::try_from(u32::from(c)).ok().filter(|_| u32::from(c) < limit).unwrap_or(b'?')
            })
        };
        add("the body in ISO 8859-1", cause, narrow(0x100).collect());
        add("the body in ASCII with `?` for the rest", cause, narrow(0x80).collect());
        let twice: String = body.iter().map(|byte| char::from(*byte)).collect();
        add("the body encoded in UTF-8 twice", cause, twice.into_bytes());
    }
    let wide = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    add("the body in UTF-16", cause, wide);
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        if let Some(tail) = rest.strip_prefix(from) {
            out.extend_from_slice(to);
            rest = tail;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}

/// The way in which a library writes JSON.
#[derive(Clone, Copy)]
struct Style {
    name: &'static str,
    space: Space,
    keys: Keys,
    escapes: Escapes,
    numbers: Numbers,
}

/// The text between items, the text after a key, and the indentation of each item on its own line.
type Space = (&'static str, &'static str, &'static str);

const COMPACT: Space = (",", ":", "");
const SPACED: Space = (", ", ": ", "");
const TWO: Space = (",", ": ", "  ");
const FOUR: Space = (",", ": ", "    ");
const TABS: Space = (",", ": ", "\t");

/// The order of keys.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Kept,
    Sorted,
}

/// What is escaped beyond what JSON requires.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    /// Nothing.
    Least,
    /// All but printable ASCII.
    Ascii,
    /// `/`, and all but ASCII.
    Php,
    /// `/` alone.
    Slash,
    /// `<`, `>`, `&` and the two Unicode line ends.
    Go,
    /// `<`, `>`, `&`, `=`, `'` and the two Unicode line ends.
    Gson,
    /// `"`, `&`, `'`, `+`, `<`, `>`, `` ` `` and all but ASCII, in upper-case hex.
    DotNet,
}

use Escapes::{Ascii, DotNet, Go, Gson, Least, Php, Slash};
use Keys::{Kept, Sorted};
use Numbers::{Double, Exact, Python};

/// The styles, the likeliest first. If two write the same bytes, the first one gives the name.
const STYLES: [Style; 20] = [
    style("the compact JSON of the body", COMPACT, Kept, Least, Exact),
    style("the JSON that JavaScript's JSON.stringify makes of the body", COMPACT, Kept, Least, Double),
    style("the JSON that Python's json.dumps makes of the body", SPACED, Kept, Ascii, Python),
    style(
        "the JSON that Python's json.dumps(ensure_ascii=False) makes of the body",
        SPACED,
        Kept,
        Least,
        Python,
    ),
    style(
        "the JSON that Python's json.dumps(separators=(',', ':')) makes of the body",
        COMPACT,
        Kept,
        Ascii,
        Python,
    ),
    style("the compact JSON of the body with its keys sorted", COMPACT, Sorted, Least, Exact),
    style(
        "the JSON that Python's json.dumps(sort_keys=True) makes of the body",
        SPACED,
        Sorted,
        Ascii,
        Python,
    ),
    style(
        "the JSON that Python's json.dumps(sort_keys=True, separators=(',', ':')) makes of the body",
        COMPACT,
        Sorted,
        Ascii,
        Python,
    ),
    style(
        "the JSON that Go's encoding/json makes of the body (with <, > and & escaped)",
        COMPACT,
        Kept,
        Go,
        Exact,
    ),
    style(
        "the JSON that Go's encoding/json makes of the body as a map, with its keys sorted",
        COMPACT,
        Sorted,
        Go,
        Double,
    ),
    style("the JSON of the body indented by 2 spaces", TWO, Kept, Least, Exact),
    style("the JSON of the body indented by 4 spaces", FOUR, Kept, Least, Exact),
    style("the JSON that Python's json.dumps(indent=2) makes of the body", TWO, Kept, Ascii, Python),
    style("the JSON that Python's json.dumps(indent=4) makes of the body", FOUR, Kept, Ascii, Python),
    style("the JSON of the body indented by tabs", TABS, Kept, Least, Exact),
    style("the JSON of the body indented by 2 spaces with its keys sorted", TWO, Sorted, Least, Exact),
    style("the JSON that PHP's json_encode makes of the body", COMPACT, Kept, Php, Exact),
    style(
        "the JSON that PHP's json_encode with JSON_UNESCAPED_UNICODE makes of the body",
        COMPACT,
        Kept,
        Slash,
        Exact,
    ),
    style("the JSON that Java's Gson makes of the body", COMPACT, Kept, Gson, Exact),
    style("the JSON that .NET's System.Text.Json makes of the body", COMPACT, Kept, DotNet, Exact),
];

const fn style(name: &'static str, space: Space, keys: Keys, escapes: Escapes, numbers: Numbers) -> Style {
    Style { name, space, keys, escapes, numbers }
}

/// Returns the body in every style, if it is JSON.
fn json_styles(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    STYLES
        .iter()
        .map(|style| {
            let mut out = Vec::with_capacity(body.len());
            style.write(&value, 0, &mut out);
            (style.name, out)
        })
        .collect()
}

impl Style {
    /// Recursion is safe: serde_json rejects values that are nested more than 128 levels deep.
    fn write(&self, value: &Value, depth: usize, out: &mut Vec<u8>) {
        match value {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Bool(true) => out.extend_from_slice(b"true"),
            Value::Bool(false) => out.extend_from_slice(b"false"),
            Value::Number(number) => self.numbers.write(number, out),
            Value::String(text) => self.write_string(text, out),
            Value::Array(items) => {
                let items = items.iter().map(|item| (None, item)).collect();
                self.write_items(b"[]", items, depth, out);
            }
            Value::Object(object) => {
                let mut items: Vec<_> = object.iter().map(|(key, item)| (Some(key), item)).collect();
                if self.keys == Sorted {
                    items.sort_by_key(|(key, _)| *key);
                }
                self.write_items(b"{}", items, depth, out);
            }
        }
    }

    fn write_items(
        &self,
        [open, close]: &[u8; 2],
        items: Vec<(Option<&String>, &Value)>,
        depth: usize,
        out: &mut Vec<u8>,
    ) {
        let (between, after_key, _) = self.space;
        let is_filled = !items.is_empty();
        out.push(*open);
        for (index, (key, item)) in items.into_iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(between.as_bytes());
            }
            self.break_line(depth + 1, out);
            if let Some(key) = key {
                self.write_string(key, out);
                out.extend_from_slice(after_key.as_bytes());
            }
            self.write(item, depth + 1, out);
        }
        if is_filled {
            self.break_line(depth, out);
        }
        out.push(*close);
    }

    fn break_line(&self, depth: usize, out: &mut Vec<u8>) {
        let (.., indent) = self.space;
        if !indent.is_empty() {
            out.push(b'\n');
            out.extend_from_slice(indent.repeat(depth).as_bytes());
        }
    }

    fn write_string(&self, text: &str, out: &mut Vec<u8>) {
        out.push(b'"');
        for c in text.chars() {
            let short = match c {
                '"' if self.escapes != Escapes::DotNet => Some("\\\""),
                '\\' => Some("\\\\"),
                '\n' => Some("\\n"),
                '\r' => Some("\\r"),
                '\t' => Some("\\t"),
                '\u{8}' => Some("\\b"),
                '\u{c}' => Some("\\f"),
                '/' if matches!(self.escapes, Escapes::Php | Escapes::Slash) => Some("\\/"),
                _ => None,
            };
            if let Some(short) = short {
                out.extend_from_slice(short.as_bytes());
            } else if c < ' ' || self.escapes.covers(c) {
                let upper = self.escapes == Escapes::DotNet;
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let escape = if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
                    out.extend_from_slice(escape.as_bytes());
                }
            } else {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        out.push(b'"');
    }
}

impl Escapes {
    /// Whether a character is written as `\uXXXX` although JSON would accept it unescaped.
    fn covers(self, c: char) -> bool {
        match self {
            Self::Least | Self::Slash => false,
            Self::Ascii => !c.is_ascii() || c == '\u{7f}',
            Self::Php => !c.is_ascii(),
            Self::Go => matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'),
            Self::Gson => matches!(c, '<' | '>' | '&' | '=' | '\'' | '\u{2028}' | '\u{2029}'),
            Self::DotNet => matches!(c, '"' | '&' | '\'' | '+' | '<' | '>' | '`' | '\u{7f}') || !c.is_ascii(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BODY: &str = r#"{"b": "a/b <é> & 'q' = 1+1 \u2028 😀", "a": [1, 1.0, [], {}, {"x": null, "w": "\"\\\n\u0001"}], "n": 12345678901234567890}"#;

    fn written(name: &str) -> String {
        let (_, bytes) =
            json_styles(BODY.as_bytes()).into_iter().find(|(other, _)| other.contains(name)).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// The expected texts are what the libraries print for the body above.
    #[test]
    fn as_node_writes_it() {
        let name = "JSON.stringify";
        assert_eq!(
            written(name),
            "{\"b\":\"a/b <é> & 'q' = 1+1 \u{2028} 😀\",\"a\":[1,1,[],{},{\"x\":null,\"w\":\"\\\"\\\\\\n\\u0001\"}],\"n\":12345678901234567000}"
        );
    }

    #[test]
    fn as_python_writes_it() {
        assert_eq!(
            written("json.dumps makes"),
            r#"{"b": "a/b <\u00e9> & 'q' = 1+1 \u2028 \ud83d\ude00", "a": [1, 1.0, [], {}, {"x": null, "w": "\"\\\n\u0001"}], "n": 12345678901234567890}"#
        );
        assert_eq!(
            written("json.dumps(sort_keys=True, separators=(',', ':'))"),
            r#"{"a":[1,1.0,[],{},{"w":"\"\\\n\u0001","x":null}],"b":"a/b <\u00e9> & 'q' = 1+1 \u2028 \ud83d\ude00","n":12345678901234567890}"#
        );
    }

    #[test]
    fn as_go_php_gson_and_dotnet_write_it() {
        let head = |name: &str| written(name).split_once(",\"a\":").unwrap().0.to_owned();
        assert_eq!(
            head("Go's encoding/json makes of the body ("),
            r#"{"b":"a/b \u003cé\u003e \u0026 'q' = 1+1 \u2028 😀""#
        );
        assert_eq!(
            head("PHP's json_encode makes"),
            r#"{"b":"a\/b <\u00e9> & 'q' = 1+1 \u2028 \ud83d\ude00""#
        );
        assert_eq!(head("Gson"), r#"{"b":"a/b \u003cé\u003e \u0026 \u0027q\u0027 \u003d 1+1 \u2028 😀""#);
        assert_eq!(
            head(".NET"),
            r#"{"b":"a/b \u003C\u00E9\u003E \u0026 \u0027q\u0027 = 1\u002B1 \u2028 \uD83D\uDE00""#
        );
    }

    #[test]
    fn indented() {
        let body = br#"{"b":[1,{}],"a":[]}"#;
        let by = |indent: &str| {
            let name = format!("the JSON of the body indented by {indent}");
            let styles = json_styles(body);
            let (_, bytes) = styles.into_iter().find(|(other, _)| *other == name).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(by("2 spaces"), "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": []\n}");
        assert_eq!(by("tabs"), "{\n\t\"b\": [\n\t\t1,\n\t\t{}\n\t],\n\t\"a\": []\n}");
        let value: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(by("2 spaces"), serde_json::to_string_pretty(&value).unwrap());
    }

    #[test]
    fn accidents_of_text() {
        let names = |body: &[u8]| -> Vec<(String, Vec<u8>)> {
            rewritings(body).into_iter().map(|made| (made.name, made.bytes)).collect()
        };
        let found = names("\u{feff}é\r\n".as_bytes());
        let has = |name: &str, bytes: &[u8]| {
            assert!(found.iter().any(|made| made.0 == name && made.1 == bytes), "{name}");
        };
        has("the body without the white space at its end", "\u{feff}é".as_bytes());
        has("the body with LF line ends in place of CR LF", "\u{feff}é\n".as_bytes());
        has("the body without its byte order mark", "é\r\n".as_bytes());
        has("the body in ISO 8859-1", b"?\xe9\r\n");
        has("the body in ASCII with `?` for the rest", b"??\r\n");
        has("the body encoded in UTF-8 twice", "ï»¿Ã©\r\n".as_bytes());
        has("an empty body", b"");
        has("the text `[object Object]`", b"[object Object]");
    }

    proptest! {
        #[test]
        fn rewritings_differ_from_the_body_and_from_each_other(body: Vec<u8>) {
            let mut seen = vec![body.clone()];
            for made in rewritings(&body) {
                prop_assert!(!seen.contains(&made.bytes));
                seen.push(made.bytes);
            }
        }

        #[test]
        fn every_style_keeps_the_text(key: String, text: String, number: i32) {
            let value = serde_json::json!({ key: [text, number, { "z": true, "y": [] }] });
            for (name, bytes) in json_styles(value.to_string().as_bytes()) {
                let back: Value = serde_json::from_slice(&bytes).unwrap();
                prop_assert_eq!(&back, &value, "{}", name);
            }
        }
    }
}

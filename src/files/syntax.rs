//! Parses text into a spanned TOML tree, and rewords every syntax error so that it says what to write.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::DeTable;

use super::diagnostic::{Diagnostic, SourceFile, boundary_before, quoted};

/// The beginnings of the parser's messages if a bracket was not closed on an earlier line.
const UNCLOSED: [&str; 2] = ["missing key for inline table element", "unexpected `=` in array"];

/// A parsed file.
pub(crate) struct Parsed<'a> {
    /// The tree; if there are syntax errors, as much as could be parsed.
    pub(crate) tree: Spanned<DeTable<'a>>,
    /// The syntax errors.
    pub(crate) errors: Vec<Diagnostic>,
    /// The offset up to which the tree is as the user meant it: the start of the line of the first syntax error.
    pub(crate) sound_until: usize,
}

/// Parses a file. Never fails: everything unreadable is among the errors.
pub(crate) fn parse(source: &Arc<SourceFile>) -> Parsed<'_> {
    let text = source.text();
    let (tree, raw) = DeTable::parse_recoverable(text);
    let mut found: Vec<(Range<usize>, String)> = raw
        .iter()
        .map(|error| {
            let span = error.span().unwrap_or(text.len()..text.len());
            (span.start.min(text.len())..span.end.min(text.len()), error.message().to_owned())
        })
        .collect();
    found.sort_by_key(|(span, _)| (span.start, span.end));
    let mut errors: Vec<Diagnostic> = Vec::new();
    let mut last_line = None;
    for (span, message) in found {
        // One mistake often affects the rest of its line: the first message of a line is the helpful one.
        let line = line_start(text, span.start);
        if last_line == Some(line) {
            continue;
        }
        last_line = Some(line);
        errors.push(explain(source, span, &message));
        // From here on the parser takes the lines of the file for parts of a list or table.
        if UNCLOSED.iter().any(|begin| message.starts_with(begin)) {
            break;
        }
    }
    let sound_until = errors
        .first()
        .and_then(|error| error.span.as_ref())
        .map_or(text.len() + 1, |span| line_start(text, span.start));
    Parsed { tree, errors, sound_until }
}

fn line_start(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1)
}

/// Rewords the parser's message for users who do not know the grammar.
fn explain(source: &Arc<SourceFile>, span: Range<usize>, message: &str) -> Diagnostic {
    let text = source.text();
    let start = boundary_before(text, span.start);
    let rest = text[start..].split('\n').next().unwrap_or_default();
    let bare = rest.split([',', ']', '}', '#']).next().unwrap_or_default().trim();
    let at = |message: String| Diagnostic::at(source, span.clone(), message);
    let what = message.split(", expected").next().unwrap_or(message);
    match what {
        // The parser guesses the kind of a bare word by its first letter: `i` for `inf`, `t` for `true`.
        "string values must be quoted" | "invalid boolean" | "invalid float"
            if bare.starts_with(|c: char| c.is_ascii_digit()) && bare.contains(' ') =>
        {
            let value = bare.split(' ').next().unwrap_or(bare);
            Diagnostic::at(
                source,
                start + value.len()..start + bare.len(),
                "more text than expected after the value",
            )
            .help("begin a new line for the next key, or put text in quotes")
        }
        "string values must be quoted" | "invalid boolean" | "invalid float"
            if bare.starts_with(char::is_alphabetic) =>
        {
            let whole = Diagnostic::at(source, start..start + bare.len(), "");
            let (message, help) = match bare.to_lowercase().as_str() {
                "true" | "yes" | "on" => ("not a value".to_owned(), "write `true`, in lower case".to_owned()),
                "false" | "no" | "off" => {
                    ("not a value".to_owned(), "write `false`, in lower case".to_owned())
                }
                "null" | "none" | "nil" => {
                    (format!("TOML has no {}", quoted(bare)), "leave the key out".to_owned())
                }
                _ => (
                    "text must be in quotes".to_owned(),
                    format!("write {}", quoted(&format!("\"{}\"", bare.trim_matches(['"', '\''])))),
                ),
            };
            Diagnostic { message, ..whole }.help(help)
        }
        "duplicate key" => duplicate(source, &span),
        "key with no value" => at("a key without a value".to_owned()).help("write `key = value`"),
        "unexpected key or value" => {
            at("more text than expected after the value".to_owned()).help("begin a new line for the next key")
        }
        "invalid basic string" | "invalid literal string" | "invalid multi-line basic string" => {
            at("a text that does not end".to_owned()).label("its closing quote is missing")
        }
        "unclosed array" => at("a list that does not end".to_owned()).label("`]` is missing"),
        "unclosed inline table" => at("a table that does not end".to_owned()).label("`}` is missing"),
        "unclosed table" => {
            at("a table header that does not end".to_owned()).label("`]` is missing").help("write `[name]`")
        }
        "unclosed array table" => at("a table header that does not end".to_owned())
            .label("`]]` is missing")
            .help("write `[[name]]`"),
        "missing key for inline table element" => at("this is not allowed in a table in braces".to_owned())
            .help("the `{` before it is not closed: write `}`"),
        "unexpected `=` in array" => {
            at("`=` is not allowed in a list".to_owned()).help("the `[` before it is not closed: write `]`")
        }
        "invalid key-value pair" if text.trim_start().starts_with('{') => {
            at("this looks like JSON, but the file must be TOML".to_owned()).help("write `key = value`")
        }
        "missing comma between array elements" => {
            at("a comma is missing in this list".to_owned()).label("`,` expected here")
        }
        "missing comma between key-value pairs" => {
            at("a comma is missing in this table".to_owned()).label("`,` expected here")
        }
        "missing escaped value" => at("not a TOML escape".to_owned())
            .help("write `\\\\` for a backslash, or put the text in single quotes"),
        "recursion limit" => at("nested too deeply".to_owned()),
        _ if what.starts_with("cannot extend value") => {
            at("this key already has a value of its own".to_owned()).label("can't be a table as well")
        }
        _ => at(message.trim_end_matches(", expected nothing").to_owned()),
    }
}

fn duplicate(source: &Arc<SourceFile>, span: &Range<usize>) -> Diagnostic {
    let text = source.text();
    let key = text.get(span.clone()).unwrap_or_default();
    let line = text[line_start(text, span.start)..].split('\n').next().unwrap_or_default().trim();
    if line.starts_with("[[") {
        let is_list = text[..span.start].lines().any(|line| {
            let value = line.trim().strip_prefix(key).and_then(|rest| rest.trim_start().strip_prefix('='));
            value.is_some_and(|value| value.trim_start().starts_with('['))
        });
        if is_list {
            let message = format!("{} has a value already", quoted(&format!("{key} = [...]")));
            let help =
                format!("put everything into that list, or write each as {}", quoted(&format!("[[{key}]]")));
            return Diagnostic::at(source, span.clone(), message).help(help);
        }
        let message = format!("{} is a table already, it can't be a list as well", quoted(key));
        Diagnostic::at(source, span.clone(), message)
    } else if line.starts_with('[') {
        let header = line.split(']').next().unwrap_or(line).trim_start_matches('[').trim();
        Diagnostic::at(source, span.clone(), format!("the table {} already exists", quoted(header)))
            .help(format!("put all its keys under one {}", quoted(&format!("[{header}]"))))
    } else {
        Diagnostic::at(source, span.clone(), format!("{} already exists", quoted(key)))
            .help("each key may be given once")
    }
}

/// Returns the range in the file of a range in a decoded string, given the range of the whole literal.
///
/// `None` if the two can't be matched, for example because line ends were rewritten.
pub(crate) fn inside_text(
    source: &str,
    literal: &Range<usize>,
    decoded: &str,
    range: &Range<usize>,
) -> Option<Range<usize>> {
    let raw = source.get(literal.clone())?;
    let (open, multi, escapes) = match raw {
        _ if raw.starts_with("\"\"\"") => (3, true, true),
        _ if raw.starts_with("'''") => (3, true, false),
        _ if raw.starts_with('"') => (1, false, true),
        _ if raw.starts_with('\'') => (1, false, false),
        _ => return None,
    };
    let mut body = raw.get(open..raw.len().checked_sub(open)?)?;
    let mut offset = literal.start + open;
    if multi {
        let cut = body.strip_prefix("\r\n").or_else(|| body.strip_prefix('\n')).unwrap_or(body);
        offset += body.len() - cut.len();
        body = cut;
    }
    let place = |wanted: usize| -> Option<usize> {
        if !escapes || !body.contains('\\') {
            return (body == decoded && wanted <= body.len()).then_some(offset + wanted);
        }
        let mut seen = 0;
        let mut rest = body;
        while seen < wanted {
            let (raw_length, length) = unit(rest)?;
            rest = rest.get(raw_length..)?;
            seen += length;
        }
        (seen == wanted).then(|| offset + body.len() - rest.len())
    };
    let (mut start, end) = (place(range.start)?, place(range.end)?);
    // An escaped line end before the range stands for nothing and does not belong to it.
    while let Some((skipped, 0)) = source.get(start..end).and_then(unit).filter(|_| escapes) {
        start += skipped;
    }
    Some(start..end)
}

/// Returns the lengths of the first character of a basic string, as written and as decoded.
fn unit(rest: &str) -> Option<(usize, usize)> {
    let mut letters = rest.chars();
    let first = letters.next()?;
    if first != '\\' {
        return Some((first.len_utf8(), first.len_utf8()));
    }
    let digits = match letters.next()? {
        'u' => 4,
        'U' => 8,
        'x' => 2,
        c if c.is_whitespace() => {
            let skipped = rest.len() - rest[1..].trim_start().len();
            return Some((skipped, 0));
        }
        c => return Some((1 + c.len_utf8(), 1)),
    };
    let code = u32::from_str_radix(rest.get(2..2 + digits)?, 16).ok()?;
    Some((2 + digits, char::from_u32(code)?.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Problems;

    fn shown(text: &str) -> String {
        let source = SourceFile::new("a.toml", text);
        let mut problems = Problems::new();
        problems.extend(parse(&source).errors);
        problems.to_string()
    }

    #[test]
    fn syntax_errors_say_what_to_write() {
        let texts = [
            "name = Agent transfer # x\nsend = session.transfer\nflag = True\nnothing = null\nn = [yes, 1]\n",
            "a = 1\na = 2\n[t]\n[t]\n[[t]]\n",
            "a = \"abc\nb = 'x\n",
            "a = 1 b = 2\nkey\nkey:\n= 3\n",
            "[x\n[[y]\n",
            "x = [1 2]\ny = {a=1 b=2}\n",
            "z = [1,",
            "z = [1, 2\na = 3\nb = 4\n",
            "z = { a = 1\n[[steps]]\nb = 4\n",
            "z = {a = 1,",
            "p = \"C:\\dir\"\n",
            "a.b = 1\n[a.b.c]\n",
            "a = 1_\nb = 2026-13-01\nc = 1.5.2\nd = id\ne = @x\n",
        ];
        let all: Vec<String> = texts.iter().map(|text| shown(text)).collect();
        insta::assert_snapshot!(all.join("\n\n=====\n\n"));
    }

    #[test]
    fn a_list_that_is_given_in_two_ways_is_called_a_list() {
        let told = shown("faults = ['drop']\n[[faults]]\nkind = 'drop'\n");
        assert!(told.contains("`faults = [...]` has a value already"), "{told}");
        assert!(told.contains("put everything into that list, or write each as `[[faults]]`"), "{told}");
    }

    #[test]
    fn ranges_are_found_in_literals() {
        for (literal, wanted) in [
            (r#""abc {{ x }}""#, "{{ x }}"),
            (r"'abc {{ x }}'", "{{ x }}"),
            (r#""a\n\"\u00e9 {{ x }} \U0001F600""#, "{{ x }}"),
            ("\"\"\"\nabc \\\n   {{ x }}\n\"\"\"", "{{ x }}"),
            ("'''\nabc\n{{ x }}'''", "{{ x }}"),
        ] {
            let text = format!("key = {literal}\n");
            let tree = DeTable::parse(&text).unwrap();
            let value = tree.get_ref().get("key").unwrap();
            let decoded = value.get_ref().as_str().unwrap();
            let start = decoded.find(wanted).unwrap();
            let range = inside_text(&text, &value.span(), decoded, &(start..start + wanted.len())).unwrap();
            assert_eq!(&text[range], wanted, "{literal}");
        }
        assert_eq!(inside_text("a = 1", &(4..5), "1", &(0..1)), None);
        assert_eq!(inside_text("'''a\r\nb'''", &(0..10), "a\nb", &(2..3)), None);
        assert_eq!(inside_text("\"a\"", &(0..3), "a", &(0..9)), None);
    }
}

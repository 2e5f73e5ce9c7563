//! Rewrites a JSON text while it is written.

use std::io::{self, Write};

use super::Renames;

/// The current nesting level: an object, with the renames that apply to it and to the field whose value comes next, or a list.
enum Frame<'r> {
    Object {
        known: Option<&'r Renames>,
        field: Option<&'r Renames>,
        /// Whether the next text is a name.
        at_name: bool,
    },
    List(Option<&'r Renames>),
}

/// A writer that passes JSON on with other names, in chunks of any size.
pub struct Rewriter<'r, W> {
    root: &'r Renames,
    out: W,
    frames: Vec<Frame<'r>>,
    /// The text, number or literal that is being read.
    token: Vec<u8>,
    in_text: bool,
    escaped: bool,
    ready: Vec<u8>,
    /// Whether every value is a text, even one that means a number.
    of_texts: bool,
}

impl<'r, W: Write> Rewriter<'r, W> {
    /// Creates a rewriter that passes the JSON on to `out`.
    pub fn new(root: &'r Renames, out: W) -> Self {
        Self {
            root,
            out,
            frames: Vec::new(),
            token: Vec::new(),
            in_text: false,
            escaped: false,
            ready: Vec::new(),
            of_texts: false,
        }
    }

    /// Also translates a text that reads as a number, `true` or `false` as that value: queries and forms have texts only.
    #[must_use]
    pub fn of_texts(self) -> Self {
        Self { of_texts: true, ..self }
    }

    /// Writes the rest and returns the inner writer.
    ///
    /// # Errors
    ///
    /// Returns the error of the inner writer.
    pub fn finish(mut self) -> io::Result<W> {
        match self.in_text {
            true => self.ready.append(&mut self.token),
            false => self.end_scalar(),
        }
        self.out.write_all(&self.ready)?;
        Ok(self.out)
    }

    fn push(&mut self, bytes: &[u8]) {
        self.ready.extend_from_slice(bytes);
    }

    /// Returns the renames that apply to the next value.
    fn of_value(&self) -> Option<&'r Renames> {
        match self.frames.last() {
            None => Some(self.root),
            Some(Frame::Object { field, .. }) => *field,
            Some(Frame::List(known)) => *known,
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.in_text {
            self.token.push(byte);
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.end_text(),
                _ => {}
            }
            return;
        }
        let is_of_scalar =
            !matches!(byte, b'"' | b'{' | b'}' | b'[' | b']' | b',' | b':') && !byte.is_ascii_whitespace();
        if is_of_scalar {
            self.token.push(byte);
            return;
        }
        self.end_scalar();
        match byte {
            b'"' => {
                self.in_text = true;
                self.token.push(byte);
            }
            b'{' => {
                let known = self.of_value();
                self.push(b"{");
                self.frames.push(Frame::Object { known, field: None, at_name: true });
            }
            b'[' => {
                let known = self.of_value();
                self.push(b"[");
                self.frames.push(Frame::List(known));
            }
            b'}' | b']' => {
                self.frames.pop();
                self.push(&[byte]);
            }
            b',' => {
                if let Some(Frame::Object { at_name, .. }) = self.frames.last_mut() {
                    *at_name = true;
                }
                self.push(b",");
            }
            b':' => {
                if let Some(Frame::Object { at_name, .. }) = self.frames.last_mut() {
                    *at_name = false;
                }
                self.push(b":");
            }
            _ => self.push(&[byte]),
        }
    }

    /// Handles the end of a text: a name or a value.
    fn end_text(&mut self) {
        self.in_text = false;
        let token = std::mem::take(&mut self.token);
        let Some(Frame::Object { known, field, at_name: true }) = self.frames.last_mut() else {
            return self.value(&token);
        };
        let found = known.and_then(|known| match plain(&token) {
            Some(name) => known.fields.get(name),
            None => serde_json::from_slice::<String>(&token).ok().and_then(|name| known.fields.get(&name)),
        });
        *field = found;
        match found.and_then(|found| found.name.as_deref()) {
            Some(name) => self.push(serde_json::Value::from(name).to_string().as_bytes()),
            None => self.push(&token),
        }
    }

    fn end_scalar(&mut self) {
        if !self.token.is_empty() {
            let token = std::mem::take(&mut self.token);
            self.value(&token);
        }
    }

    fn value(&mut self, token: &[u8]) {
        let words = self.of_value().map(|known| &known.words).filter(|words| !words.is_empty());
        let other = words.and_then(|words| {
            let value: serde_json::Value = serde_json::from_slice(token).ok()?;
            let bare = || value.as_str().filter(|text| self.of_texts && !text.starts_with('"'));
            words.get(&value.to_string()).or_else(|| words.get(bare()?))
        });
        match other {
            Some(other) => self.push(other.as_bytes()),
            None => self.push(token),
        }
    }
}

/// Returns a name that has no escapes.
fn plain(token: &[u8]) -> Option<&str> {
    let name = token.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    std::str::from_utf8(name).ok().filter(|name| !name.contains('\\'))
}

impl<W: Write> Write for Rewriter<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        bytes.iter().for_each(|byte| self.byte(*byte));
        self.out.write_all(&self.ready)?;
        self.ready.clear();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

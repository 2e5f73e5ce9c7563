//! One request exactly as it is written to the wire.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::signing::Headers;
use super::step::Wire;
use crate::net::Target;

/// The number of pieces of a slow request, and the time between them.
const PIECES: usize = 6;
const BETWEEN: Duration = Duration::from_millis(200);

/// The time between two pieces that are cut within characters: long enough for them to be read one by one.
const BETWEEN_CUTS: Duration = Duration::from_millis(80);

/// A longer body is not shown as part of a command.
const MOST_SHOWN: usize = 4096;

/// An exact request.
#[derive(Clone, Debug)]
pub(super) struct Crafted {
    /// A description of the request in words.
    pub words: String,
    pub target: Arc<Target>,
    pub method: Arc<str>,
    /// All headers except `Host` and those about the length of the body.
    pub headers: Headers,
    pub body: Bytes,
    pub wire: Wire,
}

impl Crafted {
    /// Creates a request without a body.
    pub(super) fn get(target: Target) -> Self {
        Self {
            words: "GET".to_owned(),
            target: Arc::new(target),
            method: "GET".into(),
            headers: vec![("Accept".to_owned(), b"application/json, text/plain".to_vec())],
            body: Bytes::new(),
            wire: Wire::Whole,
        }
    }

    fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target.path_and_query()).into_bytes();
        let mut put = |name: &str, value: &[u8]| {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        };
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            put("Host", self.target.authority().as_bytes());
        }
        for (name, value) in &self.headers {
            put(name, value);
        }
        match self.wire {
            Wire::Chunked => put("Transfer-Encoding", b"chunked"),
            _ if self.body.is_empty() && &*self.method == "GET" => {}
            _ => put("Content-Length", self.body.len().to_string().as_bytes()),
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    /// Returns the pieces that are written one after the other, with [`Crafted::pause`] in between.
    pub(super) fn pieces(&self) -> Vec<Vec<u8>> {
        let mut head = self.head();
        match self.wire {
            Wire::Whole => {
                head.extend_from_slice(&self.body);
                vec![head]
            }
            Wire::Chunked => {
                for chunk in self.body.chunks((self.body.len() / 3).max(1)) {
                    head.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    head.extend_from_slice(chunk);
                    head.extend_from_slice(b"\r\n");
                }
                head.extend_from_slice(b"0\r\n\r\n");
                vec![head]
            }
            Wire::Broken | Wire::Reset => {
                head.extend_from_slice(&self.body[..self.body.len() / 2]);
                vec![head]
            }
            Wire::Slow => {
                let cuts = (1..PIECES).map(|piece| self.body.len() * piece / PIECES);
                self.cut(head, cuts)
            }
            Wire::SplitCharacter => {
                let within = |at: &usize| self.body[*at] & 0xC0 == 0x80;
                let cuts: Vec<usize> = (0..self.body.len()).filter(within).collect();
                let few = cuts.len().div_ceil(PIECES).max(1);
                self.cut(head, cuts.into_iter().step_by(few))
            }
        }
    }

    /// Returns the head and the body, cut at these places of the body.
    fn cut(&self, head: Vec<u8>, cuts: impl Iterator<Item = usize>) -> Vec<Vec<u8>> {
        let mut pieces = vec![head];
        let mut begin = 0;
        for end in cuts.chain([self.body.len()]) {
            let piece = &self.body[begin..end];
            match pieces.len() {
                1 if begin == 0 => pieces[0].extend_from_slice(piece),
                _ => pieces.push(piece.to_vec()),
            }
            begin = end;
        }
        pieces
    }

    /// Returns the time between two pieces.
    pub(super) fn pause(&self) -> Duration {
        if self.wire == Wire::SplitCharacter { BETWEEN_CUTS } else { BETWEEN }
    }

    /// Returns a command that sends the same bytes, if curl can do it.
    pub(super) fn curl(&self) -> Option<String> {
        let is_possible = matches!(self.wire, Wire::Whole | Wire::Chunked) && self.body.len() <= MOST_SHOWN;
        if !is_possible {
            return None;
        }
        let mut command =
            format!("curl -sS -i -X {} {}", self.method, quoted(self.target.to_string().as_bytes()));
        let chunked =
            (self.wire == Wire::Chunked).then(|| ("Transfer-Encoding".to_owned(), b"chunked".to_vec()));
        for (name, value) in self.headers.iter().chain(&chunked) {
            let mut header = name.clone().into_bytes();
            // With a semicolon, curl sends a header without a value.
            header.extend_from_slice(if value.is_empty() { b";" } else { b": " });
            header.extend_from_slice(value);
            command.push_str(&format!(" -H {}", quoted(&header)));
        }
        Some(format!("{command} --data-binary {}", quoted(&self.body)))
    }
}

/// Quotes a word for the shell. Control characters are escaped for bash and zsh, so that a terminal does not act on them.
fn quoted(word: &[u8]) -> String {
    match std::str::from_utf8(word) {
        Ok(text) if !text.chars().any(char::is_control) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => {
            let mut out = "$'".to_owned();
            for byte in word {
                match byte {
                    b'\'' | b'\\' => out.extend(['\\', char::from(*byte)]),
                    b' '..=b'~' => out.push(char::from(*byte)),
                    other => out.push_str(&format!("\\x{other:02x}")),
                }
            }
            out + "'"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crafted(wire: Wire, body: &str) -> Crafted {
        Crafted {
            words: String::new(),
            target: Arc::new("http://127.0.0.1:3000/hook".parse().unwrap()),
            method: "POST".into(),
            headers: vec![("X-AIRudder-Sign".to_owned(), b"00".to_vec())],
            body: Bytes::copy_from_slice(body.as_bytes()),
            wire,
        }
    }

    fn text(pieces: &[Vec<u8>]) -> String {
        String::from_utf8_lossy(&pieces.concat()).into_owned()
    }

    #[test]
    fn what_goes_over_the_wire() {
        let head = "POST /hook HTTP/1.1\r\nHost: 127.0.0.1:3000\r\nX-AIRudder-Sign: 00\r\n";
        let whole = crafted(Wire::Whole, "{\"a\":1}").pieces();
        assert_eq!(whole.len(), 1);
        assert_eq!(text(&whole), format!("{head}Content-Length: 7\r\n\r\n{{\"a\":1}}"));
        let chunked = crafted(Wire::Chunked, "{\"a\":1}").pieces();
        let body = "2\r\n{\"\r\n2\r\na\"\r\n2\r\n:1\r\n1\r\n}\r\n0\r\n\r\n";
        assert_eq!(text(&chunked), format!("{head}Transfer-Encoding: chunked\r\n\r\n{body}"));
        let broken = crafted(Wire::Broken, "{\"a\":1}").pieces();
        assert_eq!(text(&broken), format!("{head}Content-Length: 7\r\n\r\n{{\"a"));
        let slow = crafted(Wire::Slow, "0123456789").pieces();
        assert_eq!(slow.len(), PIECES);
        assert_eq!(text(&slow), format!("{head}Content-Length: 10\r\n\r\n0123456789"));
        let split = crafted(Wire::SplitCharacter, "{\"a\":\"👩🏽‍🚀\"}");
        let pieces = split.pieces();
        assert!(pieces.len() > 2 && pieces.len() <= PIECES + 1, "{}", pieces.len());
        assert!(pieces.iter().skip(1).all(|piece| std::str::from_utf8(piece).is_err()));
        assert!(pieces.concat().ends_with(&split.body));
    }

    #[test]
    fn commands_are_quoted() {
        assert_eq!(
            crafted(Wire::Whole, "{\"it's\":1}").curl().unwrap(),
            r#"curl -sS -i -X POST 'http://127.0.0.1:3000/hook' -H 'X-AIRudder-Sign: 00' --data-binary '{"it'\''s":1}'"#
        );
        let lines = crafted(Wire::Whole, "'\\\r\né").curl().unwrap();
        assert!(lines.ends_with(r"--data-binary $'\'\\\x0d\x0a\xc3\xa9'"), "{lines}");
        assert_eq!(crafted(Wire::Slow, "{}").curl(), None);
        assert_eq!(crafted(Wire::Whole, &"x".repeat(5000)).curl(), None);
    }
}

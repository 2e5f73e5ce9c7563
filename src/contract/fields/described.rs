//! The description of a field, and the mark at its end: the provenance of the field, and what differs from it.
//!
//! `(client)` marks the whole field. `(client; the unit is assumed)` says what the mark does not cover. `(the words are
//! assumed)` leaves the mark to the type around the field.

use serde_json::Value;

use crate::contract::Provenance;

/// A description, taken apart.
pub(super) struct Described {
    /// The text before the mark.
    text: String,
    /// The provenance of the field.
    pub(super) provenance: Option<Provenance>,
    /// The part of it with another provenance.
    pub(super) note: Option<Note>,
}

/// The part of a field that the mark does not cover.
pub(super) struct Note {
    /// The note in words: `the unit is assumed`.
    text: String,
    /// The provenance of that part.
    pub(super) provenance: Provenance,
}

impl Described {
    /// Reads the description of a schema.
    pub(super) fn of(schema: &Value) -> Self {
        let text = schema.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " ");
        let text = text.trim();
        let Some((before, provenance, note)) = marked(text) else {
            return Self { text: text.to_owned(), provenance: None, note: None };
        };
        let before = before.trim_end();
        let dot = if before.is_empty() || before.ends_with(['.', ':']) { "" } else { "." };
        Self { text: format!("{before}{dot}"), provenance, note }
    }

    /// Whether it consists of nothing but the mark.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Returns the text, with what a mark does not cover.
    pub(super) fn with_note(&self, note: Option<&Note>) -> String {
        match note {
            Some(note) if self.text.is_empty() => note.sentence(),
            Some(note) => format!("{} {}", self.text, note.sentence()),
            None => self.text.clone(),
        }
    }
}

impl Note {
    fn new(text: &str, mark: Option<Provenance>) -> Option<Self> {
        let words = || text.split(|letter: char| !letter.is_ascii_alphabetic());
        let is_unknown = text.contains("not known");
        let named = Provenance::ALL.into_iter().find(|known| words().any(|word| word == known.as_str()));
        let provenance = if is_unknown { Some(Provenance::Assumed) } else { named }.or(mark)?;
        Some(Self { text: text.to_owned(), provenance })
    }

    /// Whether the note covers every word that the field may hold.
    pub(super) fn is_about_words(&self) -> bool {
        self.text.starts_with("the words are ")
    }

    fn sentence(&self) -> String {
        let mut letters = self.text.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        format!("{first}{}.", letters.as_str())
    }
}

/// Splits a text into the part before the mark at its end, the mark, and the note on what it does not cover.
fn marked(text: &str) -> Option<(&str, Option<Provenance>, Option<Note>)> {
    let (before, words) = text.trim_end_matches('.').strip_suffix(')')?.rsplit_once('(')?;
    let (first, rest) = match words.split_once([';', ',', ':']) {
        Some((first, rest)) => (first.trim(), Some(rest.trim())),
        None => (words.trim(), None),
    };
    if let Some(mark) = Provenance::ALL.into_iter().find(|known| known.as_str() == first) {
        return Some((before, Some(mark), rest.and_then(|rest| Note::new(rest, Some(mark)))));
    }
    let is_note = words.ends_with(" assumed") || words.ends_with(" not known");
    let note = if is_note { Note::new(words, None) } else { None };
    note.map(|note| (before, None, Some(note)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mark_says_what_it_does_not_hold_for() {
        let read = |text: &str| {
            let found = Described::of(&json!({ "description": text }));
            let note = found.note.as_ref();
            let known = [found.provenance, note.map(|note| note.provenance)];
            let known = known.map(|known| known.map_or("-", Provenance::as_str));
            (found.with_note(note), known.join(" "), note.is_some_and(Note::is_about_words))
        };
        for (text, help, known, about_words) in [
            ("The number.", "The number.", "- -", false),
            ("The number (in E.164).", "The number (in E.164).", "- -", false),
            ("The\nnumber (client).", "The number.", "client -", false),
            ("The number `n` (client).", "The number `n`.", "client -", false),
            (
                "Minutes (example; the unit is assumed).",
                "Minutes. The unit is assumed.",
                "example assumed",
                false,
            ),
            (
                "Kind (client; the words are not known)",
                "Kind. The words are not known.",
                "client assumed",
                true,
            ),
            (
                "A name (example; the limits are from a client).",
                "A name. The limits are from a client.",
                "example client",
                false,
            ),
            ("One (assumed: as the notices).", "One. As the notices.", "assumed assumed", false),
            (
                "Who hung up (the words are assumed).",
                "Who hung up. The words are assumed.",
                "- assumed",
                true,
            ),
        ] {
            assert_eq!(read(text), (help.to_owned(), known.to_owned(), about_words), "{text}");
        }
    }
}

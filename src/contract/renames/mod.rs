//! The user's names for fields and words of a body, if the vendor's document has other names than the mock.
//!
//! Names are translated on the wire, in the text of a body. Code that reads and generates bodies uses the mock's names, and the
//! order of fields, the form of numbers and the white space stay as they are.

mod rewriter;
mod schema;

use std::collections::BTreeMap;
use std::io::Write as _;

use serde_json::Value;

pub use rewriter::Rewriter;

/// Other names of fields, and other words in them, in the shape of the body. A list has the shape of its items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renames {
    fields: BTreeMap<String, Self>,
    /// The other name of this field.
    name: Option<String>,
    /// The replacement of each value, both as JSON.
    words: BTreeMap<String, String>,
}

impl Renames {
    /// Creates the table from other names by the paths of fields, such as `detail[].RingType`, and other words by path and
    /// word. A word that reads as a number, `true` or `false` stands for that value as well.
    pub fn new<'a>(
        names: impl IntoIterator<Item = (&'a String, &'a String)>,
        words: impl IntoIterator<Item = (&'a String, &'a BTreeMap<String, Value>)>,
    ) -> Self {
        let mut root = Self::default();
        for (path, name) in names {
            root.at(path).name = Some(name.clone());
        }
        for (path, others) in words {
            let field = root.at(path);
            for (word, other) in others {
                field.words.insert(Value::from(word.as_str()).to_string(), other.to_string());
                if matches!(serde_json::from_str(word), Ok(Value::Number(_) | Value::Bool(_))) {
                    field.words.insert(word.clone(), other.to_string());
                }
            }
        }
        root
    }

    fn at(&mut self, path: &str) -> &mut Self {
        names_of(path).fold(self, |place, name| place.fields.entry(name.to_owned()).or_default())
    }

    /// Whether there are no other names.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the reverse translation. A name or word that was replaced is no longer valid unless another one took it: it is
    /// translated to one that nothing reads and that states the new one.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let mut fields = BTreeMap::new();
        for (own, field) in &self.fields {
            let mut reversed = field.reversed();
            if let Some(name) = &field.name {
                reversed.name = Some(own.clone());
                fields.insert(name.clone(), reversed);
            } else {
                fields.insert(own.clone(), reversed);
            }
        }
        for (own, field) in self.fields.iter().filter(|(_, field)| field.name.is_some()) {
            let name = field.name.as_ref().map(|name| format!("{own} (now {name})"));
            fields.entry(own.clone()).or_insert_with(|| Self { name, ..Self::default() });
        }
        let mut words: BTreeMap<String, String> =
            self.words.iter().map(|(own, other)| (other.clone(), own.clone())).collect();
        for (own, other) in &self.words {
            words.entry(own.clone()).or_insert_with(|| Value::from(replaced(own, other)).to_string());
        }
        Self { fields, name: None, words }
    }

    /// Returns the renames below the field with this name of the mock.
    pub fn at_field(&self, own: &str) -> Option<&Self> {
        self.fields.get(own)
    }

    /// Returns the renames below the field that gets this name.
    pub fn of(&self, name: &str) -> Option<&Self> {
        let gets = |(key, field): &(&String, &Self)| field.name.as_ref().unwrap_or(key) == name;
        self.fields.iter().find(gets).map(|(_, field)| field)
    }

    /// Calls `with` with each field that has another name: the mock's name, and the other one.
    pub fn each_name(&self, with: &mut impl FnMut(&str, &str)) {
        for (own, field) in &self.fields {
            if let Some(name) = &field.name {
                with(own, name);
            }
            field.each_name(with);
        }
    }

    /// Translates the names in a JSON text. A text that is not JSON is returned unchanged.
    pub fn apply(&self, text: &[u8]) -> Vec<u8> {
        let mut rewriter = Rewriter::new(self, Vec::with_capacity(text.len()));
        // Writing into memory does not fail.
        let _ = rewriter.write_all(text);
        rewriter.finish().unwrap_or_default()
    }

    /// Does the same for the fields of a query or form, which has texts only: there the text `1` is also the number.
    pub fn apply_to_texts(&self, text: &[u8]) -> Vec<u8> {
        let mut rewriter = Rewriter::new(self, Vec::with_capacity(text.len())).of_texts();
        // As above.
        let _ = rewriter.write_all(text);
        rewriter.finish().unwrap_or_default()
    }

    /// Translates the names in a message about fields: its first word if that is a path, every path or word in backquotes, and
    /// every path elsewhere that can't be an English word, such as `DueDate`, `call_id` or `user.id`.
    /// Words are those of the field that the message named before. A word that is now a number, `true` or `false` stands without
    /// backquotes, as in JSON.
    pub fn message(&self, text: &str) -> String {
        let (first, rest) = text.split_at(text.find([' ', '`']).unwrap_or(text.len()));
        let mut out = self.path(first).unwrap_or_else(|| first.to_owned());
        let mut fields: Vec<&Self> = self.field(first).into_iter().collect();
        let mut parts = rest.split('`').enumerate().peekable();
        while let Some((at, part)) = parts.next() {
            match (at % 2 == 1, parts.peek().is_some()) {
                (true, true) => out.push_str(&self.quoted(part, &mut fields)),
                // A backquote without its partner.
                (true, false) => out.extend(["`", part]),
                (false, _) => self.unquoted(part, &mut out),
            }
        }
        out
    }

    /// Translates the paths in a part of a message that stands outside of backquotes.
    fn unquoted(&self, mut rest: &str, out: &mut String) {
        let is_of_path = |letter: char| letter.is_ascii_alphanumeric() || "_.[]".contains(letter);
        while let Some(begin) = rest.find(is_of_path) {
            let (before, from) = rest.split_at(begin);
            let (run, after) = from.split_at(from.find(|letter| !is_of_path(letter)).unwrap_or(from.len()));
            // A full stop ends the sentence.
            let word = run.trim_end_matches('.');
            let is_english = word.bytes().all(|letter| letter.is_ascii_lowercase());
            out.push_str(before);
            match self.path(word).filter(|_| !is_english) {
                Some(path) => out.extend([&path, &run[word.len()..]]),
                None => out.push_str(run),
            }
            rest = after;
        }
        out.push_str(rest);
    }

    /// Translates a part of a message that stands in backquotes: a path, a word or a text that was received. `fields` are those
    /// that the message has named.
    fn quoted<'a>(&'a self, part: &str, fields: &mut Vec<&'a Self>) -> String {
        if let Some(field) = self.field(part) {
            fields.push(field);
            return format!("`{}`", self.path(part).unwrap_or_else(|| part.to_owned()));
        }
        match fields.iter().rev().find_map(|field| field.own_word(part)) {
            Some(Value::String(word)) => format!("`{word}`"),
            Some(word) => word.to_string(),
            None if fields.iter().any(|field| field.has_bare(part)) => format!("the text `{part}`"),
            None => format!("`{part}`"),
        }
    }

    /// Returns the field at a path, if it or a field in it has another name or other words.
    fn field(&self, path: &str) -> Option<&Self> {
        if path.is_empty() {
            return None;
        }
        names_of(path).try_fold(self, |place, name| place.fields.get(name))
    }

    /// Whether the field at a path has another name or other words.
    pub fn corrects(&self, path: &str) -> bool {
        self.field(path).is_some_and(|field| field.name.is_some() || !field.words.is_empty())
    }

    /// Returns the other name of a path, or `None` if it stays.
    pub fn path(&self, path: &str) -> Option<String> {
        let mut place = Some(self);
        let mut renamed = false;
        let mut out = String::new();
        for (name, index) in segments(path) {
            if name.is_empty() {
                // The items of a list that is the whole body.
                out.push_str(index);
                continue;
            }
            place = place.and_then(|place| place.fields.get(name));
            let other = place.and_then(|place| place.name.as_deref());
            renamed |= other.is_some();
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(other.unwrap_or(name));
            out.push_str(index);
        }
        renamed.then_some(out)
    }

    /// Returns the replacement of a word in the field at a path, or `None` if it stays.
    pub fn word(&self, path: &str, word: &str) -> Option<Value> {
        self.field(path)?.own_word(word)
    }

    fn own_word(&self, word: &str) -> Option<Value> {
        serde_json::from_str(self.words.get(&Value::from(word).to_string())?).ok()
    }

    /// Whether this number, `true` or `false` replaces a word.
    fn has_bare(&self, word: &str) -> bool {
        self.words.values().any(|other| other == word)
    }
}

/// Returns the text that stands for a word that was replaced, both given as JSON.
fn replaced(own: &str, other: &str) -> String {
    let [own, other] = [own, other].map(|word| serde_json::from_str(word).unwrap_or(Value::Null));
    let text = |word: &Value| word.as_str().map_or_else(|| word.to_string(), str::to_owned);
    let kind = match &other {
        Value::Number(_) => "the number ",
        Value::String(other) if *other == text(&own) => "the text ",
        _ => "",
    };
    format!("{} (now {kind}{})", text(&own), text(&other))
}

/// Returns the names in a path. The items of a list have the shape of the list, and so the path of a field in a list that is the
/// whole body, `[].id`, is that of `id`.
fn names_of(path: &str) -> impl Iterator<Item = &str> {
    segments(path).map(|(name, _)| name).filter(|name| !name.is_empty())
}

/// Splits a path into names, each with the index behind it: `detail[3].RingType` is `detail` with `[3]`, then `RingType`.
fn segments(path: &str) -> impl Iterator<Item = (&str, &str)> {
    path.split('.').map(|segment| segment.split_at(segment.find('[').unwrap_or(segment.len())))
}

/// The corrected names of a catalog entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorrectedNames {
    /// From the mock's names of a request's fields to the user's.
    pub request: Renames,
    /// From the user's names of a request's fields to the mock's.
    pub read: Renames,
    /// From the mock's names of the fields of a response's data, or of a callback, to the user's.
    pub written: Renames,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn renames(names: &Value, words: &Value) -> Renames {
        let names: BTreeMap<String, String> = serde_json::from_value(names.clone()).unwrap();
        let words: BTreeMap<String, BTreeMap<String, Value>> = serde_json::from_value(words.clone()).unwrap();
        Renames::new(&names, &words)
    }

    fn apply(renames: &Renames, text: &str) -> String {
        String::from_utf8(renames.apply(text.as_bytes())).unwrap()
    }

    #[test]
    fn names_and_words_change_where_they_stand_and_nothing_else_does() {
        let renames = renames(
            &json!({ "detail": "rows", "detail[].RingType": "ring", "TaskID": "task" }),
            &json!({ "detail[].RingType": { "answered": "UP", "busy": 7 }, "ok": { "true": "yes", "1": false } }),
        );
        let text = r#" {"TaskID" : "RingType","detail":[ {"RingType":"answered","TaskID":1.50},{"x":{"RingType":"busy"},"RingType":"busy"}],"ok":true,"RingType":"busy" } "#;
        let wanted = r#" {"task" : "RingType","rows":[ {"ring":"UP","TaskID":1.50},{"x":{"RingType":"busy"},"ring":7}],"ok":"yes","RingType":"busy" } "#;
        assert_eq!(apply(&renames, text), wanted);
        let reversed = renames.reversed();
        assert_eq!(
            apply(&reversed, r#"{"task":1,"rows":[{"ring":7}],"ok":"yes"}"#),
            r#"{"TaskID":1,"detail":[{"RingType":"busy"}],"ok":true}"#
        );
    }

    #[test]
    fn fields_of_a_list_that_is_the_whole_body_are_renamed() {
        let renames = renames(&json!({ "[].id": "key" }), &json!({ "[].by": { "user": "customer" } }));
        assert_eq!(
            apply(&renames, r#"[{"id":1,"by":"user"},{"id":2}]"#),
            r#"[{"key":1,"by":"customer"},{"key":2}]"#
        );
        assert_eq!(renames.path("[].id").as_deref(), Some("[].key"));
        assert_eq!(renames.word("[].by", "user"), Some(json!("customer")));
    }

    #[test]
    fn a_word_that_was_replaced_means_nothing_and_says_what_it_is_now() {
        let words =
            json!({ "Action": { "Stop": "halt", "Wait": 3, "1": "1" }, "swap": { "a": "b", "b": "a" } });
        let back = renames(&json!({ "Action": "verb" }), &words).reversed();
        for (sent, read) in [
            (r#"{"verb":"halt"}"#, r#"{"Action":"Stop"}"#),
            (r#"{"verb":"Stop"}"#, r#"{"Action":"Stop (now halt)"}"#),
            (r#"{"verb":3}"#, r#"{"Action":"Wait"}"#),
            (r#"{"verb":"3"}"#, r#"{"Action":"3"}"#),
            (r#"{"verb":"Wait"}"#, r#"{"Action":"Wait (now the number 3)"}"#),
            (r#"{"verb":"1"}"#, r#"{"Action":1}"#),
            (r#"{"verb":1}"#, r#"{"Action":"1 (now the text 1)"}"#),
            (r#"{"verb":"Pause"}"#, r#"{"Action":"Pause"}"#),
            (r#"{"swap":["a","b"]}"#, r#"{"swap":["b","a"]}"#),
        ] {
            assert_eq!(apply(&back, sent), read);
        }
        let form = |text: &str| String::from_utf8(back.apply_to_texts(text.as_bytes())).unwrap();
        assert_eq!(form(r#"{"verb":"3"}"#), r#"{"Action":"Wait"}"#, "a form has texts only");
        assert_eq!(form(r#"{"verb":"\"halt\""}"#), r#"{"Action":"\"halt\""}"#);
    }

    #[test]
    fn a_name_that_was_replaced_means_nothing_and_says_what_it_is_now() {
        let back = renames(&json!({ "A": "B" }), &json!({})).reversed();
        assert_eq!(
            apply(&back, r#"{"A":{"x":[1,"]"]},"B":2,"C":3}"#),
            r#"{"A (now B)":{"x":[1,"]"]},"A":2,"C":3}"#
        );
        let swapped = renames(&json!({ "A": "B", "B": "A" }), &json!({})).reversed();
        assert_eq!(apply(&swapped, r#"{"A":1,"B":2}"#), r#"{"B":1,"A":2}"#);
    }

    #[test]
    fn escaped_names_and_words_are_the_same_names_and_words() {
        let renames = renames(&json!({ "a": "b" }), &json!({ "a": { "\u{e9}\"": "\n" } }));
        assert_eq!(apply(&renames, r#"{"\u0061":"\u00e9\""}"#), r#"{"b":"\n"}"#);
    }

    fn renames_of_numbers() -> Renames {
        renames(&json!({ "result": "outcome" }), &json!({ "result": { "yes": 1, "no": 2 } }))
    }

    #[test]
    fn messages_speak_of_the_other_names() {
        let renames = renames(
            &json!({ "Details": "rows", "Details[].Mobile": "phone", "result": "outcome" }),
            &json!({ "result": { "accepted": "yes" } }),
        );
        assert_eq!(
            renames.message("`Details[3].Mobile` is wrong, `result` is `accepted`, `x` stays"),
            "`rows[3].phone` is wrong, `outcome` is `yes`, `x` stays"
        );
        assert_eq!(renames.message("Details[0].Mobile is missing"), "rows[0].phone is missing");
        assert_eq!(renames.message("one ` alone"), "one ` alone");
        let numbers = renames_of_numbers();
        assert_eq!(
            numbers.message("result is `1`, expected `yes` or `no`"),
            "outcome is the text `1`, expected 1 or 2"
        );
        assert_eq!(numbers.message("result is 3, expected `yes` or `no`"), "outcome is 3, expected 1 or 2");
    }

    #[test]
    fn names_in_the_middle_of_a_message_are_translated_unless_they_may_be_english() {
        let names = json!({ "DueDate": "due", "LoanDate": "lent", "user": "person", "user.id": "uid", "to": "target" });
        let renames = renames(&names, &json!({}));
        for (own, other) in [
            (
                "LoanDate 2026-01-02 must be before DueDate 2026-01-01.",
                "lent 2026-01-02 must be before due 2026-01-01.",
            ),
            ("there is no task with DueDate `to x`", "there is no task with due `to x`"),
            (
                "call_id is missing, and channel_id with user.id names nothing",
                "call_id is missing, and channel_id with person.uid names nothing",
            ),
            ("the user wants to go", "the user wants to go"),
            ("Due to DueDates...", "Due to DueDates..."),
        ] {
            assert_eq!(renames.message(own), other);
        }
    }

    #[test]
    fn words_of_other_fields_stay_in_a_message() {
        let words = json!({ "filterTime": { "start": "began" }, "kind": { "a": "b" } });
        let renames = renames(&json!({ "kind": "sort" }), &words);
        assert_eq!(
            renames.message("orderBy is `x`, expected `created` or `start`"),
            "orderBy is `x`, expected `created` or `start`"
        );
        assert_eq!(
            renames.message("filterTime is `x`, expected `start`"),
            "filterTime is `x`, expected `began`"
        );
        assert_eq!(renames.message("`kind` is `a`, not `start`"), "`sort` is `b`, not `start`");
    }

    #[test]
    fn a_comma_before_a_text_without_end_stays_there() {
        assert_eq!(apply(&renames(&json!({ "x": "y" }), &json!({})), "{,\""), "{,\"");
    }

    proptest! {
        #[test]
        fn whatever_comes_nothing_is_lost_where_nothing_is_renamed(text in ".{0,60}") {
            let renames = renames(&json!({ "never there": "x" }), &json!({}));
            prop_assert_eq!(apply(&renames, &text), text);
        }

        #[test]
        fn there_and_back_again_in_parts_of_any_size(
            keys in proptest::collection::vec("[abc]", 1..5), size in 1_usize..7
        ) {
            let renames = renames(&json!({ "a": "x", "b": "a", "a.c": "y", "c[].b": "z" }), &json!({ "b": { "1": "one" } }));
            let mut value = json!({ "b": 1, "c": [{ "b": "e\"", "a": [] }] });
            for key in keys {
                value = json!({ key: value });
            }
            let text = value.to_string();
            let mut rewriter = Rewriter::new(&renames, Vec::new());
            for part in text.as_bytes().chunks(size) {
                rewriter.write_all(part).unwrap();
            }
            let there = rewriter.finish().unwrap();
            prop_assert_eq!(&there, &renames.apply(text.as_bytes()));
            serde_json::from_slice::<Value>(&there).unwrap();
        }
    }
}

//! The names that a request may have; any other field is ignored.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::reference::Field;
use crate::contract::Provenance;
use crate::files::suggest::nearest_of;

/// Maximum number of items of a list that are inspected, on the assumption that the others are like the first ones.
const MOST_ITEMS: usize = 100;

/// Maximum length of a foreign name that a message repeats, in characters.
const SHOWN: usize = 80;

/// The names of the fields of a request.
#[derive(Clone, Debug, Default)]
pub struct Names(Node);

#[derive(Clone, Debug, Default)]
struct Node {
    provenance: Option<Provenance>,
    /// The words of the field that are assumed although the field itself is not.
    assumed: Words,
    /// What it is if it is never a text.
    bare: Option<Bare>,
    is_list: bool,
    /// Whether it is a phone number, or a list of them.
    is_phone: bool,
    /// Whether other names are kept, too: they are the customer's own.
    keeps_more: bool,
    within: BTreeMap<String, Node>,
}

/// A type of values that JSON writes without quotes.
#[derive(Clone, Copy, Debug)]
enum Bare {
    Whole,
    Number,
    Boolean,
}

impl Bare {
    /// Returns the type of a field's description, if it is one of these alone.
    fn of(kind: &str) -> Option<Self> {
        match kind.split([' ', ',']).next().unwrap_or_default() {
            _ if kind.contains(" or ") => None,
            "integer" => Some(Self::Whole),
            "number" => Some(Self::Number),
            "boolean" => Some(Self::Boolean),
            _ => None,
        }
    }

    /// Whether a text reads as a value of this type. Any other text is wrong in a form, too, and is refused where it is read.
    fn reads(self, text: &str) -> bool {
        match self {
            Self::Whole => text.parse::<i64>().is_ok(),
            Self::Number => text.parse::<f64>().is_ok_and(f64::is_finite),
            Self::Boolean => matches!(text, "true" | "false"),
        }
    }
}

/// A part of the words that a field may hold.
#[derive(Clone, Debug, Default)]
enum Words {
    #[default]
    None,
    These(Vec<String>),
    All,
}

/// What to look for in a request besides fields that nothing reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookFor {
    /// Fields that are read but only assumed.
    pub assumed: bool,
    /// Texts in place of numbers, single values in place of lists, and phone numbers without their `+`: JSON has all of
    /// them, while forms and queries have texts only, and lose a `+` easily.
    pub types: bool,
}

/// A field of a request that is worth reporting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// Nothing reads the field.
    Unread {
        /// Its path, without the positions in lists: `messages[].txt`.
        path: String,
        /// The name that was probably meant.
        nearest: Option<String>,
        /// Whether it is kept as one of the customer's own names.
        is_kept: bool,
    },
    /// The field is read, but it is only assumed that the vendor reads it.
    Assumed {
        /// Its path.
        path: String,
    },
    /// The field is known, but the word it holds is only assumed.
    AssumedWord {
        /// Its path.
        path: String,
        /// The word.
        word: String,
    },
    /// The field was sent in another form than JSON has for it.
    Form {
        /// Its path.
        path: String,
        /// The form.
        form: Form,
    },
}

/// How a field was sent although JSON can send it as what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A number or a boolean was sent as this text.
    Text(String),
    /// A list was sent as a single value.
    Single,
    /// A phone number was sent as these digits, without its `+`.
    NoPlus(String),
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "was sent as the text \"{text}\" in JSON: write {text}"),
            Self::Single => f.write_str("was sent as a single value in JSON: write a list"),
            Self::NoPlus(digits) => {
                write!(f, "was sent as {digits} in JSON, without the plus of E.164: write \"+{digits}\"")
            }
        }
    }
}

/// The path of a field, from the inside to the outside.
#[derive(Clone, Copy)]
struct Place<'a> {
    outer: Option<&'a Place<'a>>,
    name: &'a str,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(outer) = self.outer {
            write!(f, "{outer}.")?;
        }
        if self.name == "[]" {
            return f.write_str("[]");
        }
        let mut letters = self.name.chars();
        for letter in letters.by_ref().take(SHOWN).flat_map(char::escape_debug) {
            write!(f, "{letter}")?;
        }
        if letters.next().is_some() { f.write_str("...") } else { Ok(()) }
    }
}

impl Place<'_> {
    fn path(&self) -> String {
        self.to_string().replace(".[]", "[]")
    }
}

impl Names {
    /// Returns the names of these fields.
    pub fn of(fields: &[Field]) -> Self {
        let mut root = Node::default();
        for field in fields {
            let mut node = &mut root;
            for name in field.path.split('.') {
                node = node.within.entry(name.trim_end_matches("[]").to_owned()).or_default();
            }
            node.provenance = field.provenance;
            node.assumed = match field.assumed.is_empty() {
                _ if field.is_any_assumed => Words::All,
                true => Words::None,
                false => Words::These(field.assumed.clone()),
            };
            node.bare = Bare::of(&field.kind);
            node.keeps_more = field.keeps_more;
            node.is_list = field.kind.starts_with("list of ");
            node.is_phone = field.is_phone;
        }
        Self(root)
    }

    /// Returns the names of the outermost fields.
    pub fn outermost(&self) -> impl Iterator<Item = &str> {
        self.0.within.keys().map(String::as_str)
    }

    /// Reports every field that nothing reads, and what else is wanted.
    pub fn look(&self, fields: &Value, wanted: LookFor, report: &mut dyn FnMut(Noticed)) {
        self.0.look(fields, None, wanted, report);
    }

    /// Does the same for a list of rows that is still unparsed text.
    pub fn look_rows(&self, name: &str, text: &[u8], wanted: LookFor, report: &mut dyn FnMut(Noticed)) {
        let Some(node) = self.0.within.get(name) else { return };
        let place = Place { outer: None, name };
        let place = Place { outer: Some(&place), name: "[]" };
        // A value that is not a list of objects is refused where it is read.
        let _ = FirstRows(&mut |row| {
            node.names(row.keys().map(Cow::as_ref), Some(&place), wanted.assumed, report);
            for (name, raw) in row {
                let Some(node) = node.within.get(&**name) else { continue };
                let assumed = wanted.assumed && node.provenance != Some(Provenance::Assumed);
                // Lists and objects are not values, and a long text is no number.
                if raw.get().len() <= SHOWN
                    && !raw.get().starts_with(['[', '{'])
                    && let Ok(value) = serde_json::from_str(raw.get())
                {
                    let place = Place { outer: Some(&place), name };
                    node.value(&value, &place, LookFor { assumed, ..wanted }, report);
                }
            }
        })
        .deserialize(&mut serde_json::Deserializer::from_slice(text));
    }
}

impl Node {
    fn look(
        &self,
        value: &Value,
        place: Option<&Place<'_>>,
        wanted: LookFor,
        report: &mut dyn FnMut(Noticed),
    ) {
        match value {
            Value::Array(items) => {
                let place = Place { outer: place, name: "[]" };
                for item in items.iter().take(MOST_ITEMS) {
                    self.look(item, Some(&place), wanted, report);
                }
            }
            Value::Object(fields) => {
                self.names(fields.keys().map(String::as_str), place, wanted.assumed, report);
                for (name, value) in fields {
                    let Some(node) = self.within.get(name) else { continue };
                    let place = Place { outer: place, name };
                    // The fields of an assumed object have been reported with it.
                    let assumed = wanted.assumed && node.provenance != Some(Provenance::Assumed);
                    let wanted = LookFor { assumed, ..wanted };
                    node.value(value, &place, wanted, report);
                    if !node.within.is_empty() {
                        node.look(value, Some(&place), wanted, report);
                    }
                }
            }
            _ => {}
        }
    }

    /// Reports a value in another form than JSON has for it, or one whose word is only assumed.
    fn value(&self, value: &Value, place: &Place<'_>, wanted: LookFor, report: &mut dyn FnMut(Noticed)) {
        if wanted.types && (self.is_list || self.is_phone) {
            self.form(value, place, report);
        }
        let Some(word) = scalar(value) else { return };
        if wanted.types
            && value.is_string()
            && let Some(bare) = self.bare
        {
            let text = word.trim();
            if bare.reads(text) {
                report(Noticed::Form { path: place.path(), form: Form::Text(text.to_owned()) });
            }
            return;
        }
        let word: String = word.chars().take(SHOWN).flat_map(char::escape_debug).collect();
        let is_assumed = match &self.assumed {
            Words::None => false,
            Words::These(words) => words.contains(&word),
            Words::All => true,
        };
        if wanted.assumed && is_assumed {
            report(Noticed::AssumedWord { path: place.path(), word });
        }
    }

    /// Reports a list that is a single value, and phone numbers without their `+`.
    fn form(&self, value: &Value, place: &Place<'_>, report: &mut dyn FnMut(Noticed)) {
        let is_single = self.is_list && !matches!(value, Value::Null | Value::Array(_)) && *value != "";
        if is_single {
            report(Noticed::Form { path: place.path(), form: Form::Single });
        }
        if !self.is_phone {
            return;
        }
        let inner = Place { outer: Some(place), name: "[]" };
        let (numbers, place) = match value {
            Value::Array(items) => (items.as_slice(), &inner),
            single => (std::slice::from_ref(single), if self.is_list { &inner } else { place }),
        };
        for digits in numbers.iter().take(MOST_ITEMS).filter_map(scalar) {
            let digits = digits.trim();
            // With its plus it must be a number: a local one such as 0811 is refused either way.
            let may_be_number = (7..=15).contains(&digits.len()) && !digits.starts_with('0');
            if may_be_number && digits.bytes().all(|byte| byte.is_ascii_digit()) {
                let form = Form::NoPlus(digits.to_owned());
                report(Noticed::Form { path: place.path(), form });
            }
        }
    }

    /// Reports the names of one object.
    fn names<'a>(
        &self,
        names: impl Iterator<Item = &'a str> + Clone,
        outer: Option<&Place<'_>>,
        wants_assumed: bool,
        report: &mut dyn FnMut(Noticed),
    ) {
        for name in names.clone() {
            let path = || Place { outer, name }.path();
            match self.within.get(name) {
                // A field that belongs to this mock alone is not an assumption about the vendor.
                Some(node) if wants_assumed && node.provenance == Some(Provenance::Assumed) => {
                    if !name.starts_with("mock_") {
                        report(Noticed::Assumed { path: path() });
                    }
                }
                Some(_) => {}
                None if self.keeps_more => {
                    let meant = self.within.keys().find(|known| known.eq_ignore_ascii_case(name));
                    if let Some(meant) = meant.filter(|meant| !names.clone().any(|sent| sent == **meant)) {
                        let nearest = Some(meant.clone());
                        report(Noticed::Unread { path: path(), nearest, is_kept: true });
                    }
                }
                None => {
                    let nearest = self.nearest(name, |known| names.clone().any(|sent| sent == known));
                    report(Noticed::Unread { path: path(), nearest, is_kept: false });
                }
            }
        }
    }

    /// Returns the name that was probably meant: one that was not sent, or one within a neighbouring field, `user.id` for
    /// `user_id`.
    fn nearest(&self, name: &str, is_sent: impl Fn(&str) -> bool) -> Option<String> {
        let within = |(outer, node): (&String, &Node)| {
            let outer = outer.clone();
            node.within.keys().map(move |inner| format!("{outer}.{inner}")).collect::<Vec<_>>()
        };
        let here = self.within.keys().filter(|known| !is_sent(known)).cloned();
        let known: Vec<String> = here.chain(self.within.iter().flat_map(within)).collect();
        nearest_of(name, known.iter().map(|known| (known.as_str(), known))).cloned()
    }
}

/// Returns the text of a value that is neither empty nor made of others.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Reads the first rows of a list and stops there.
struct FirstRows<'f>(&'f mut dyn FnMut(&Row<'_>));

/// A row: the names of its fields, and their values as text.
type Row<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

impl<'de> DeserializeSeed<'de> for FirstRows<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for FirstRows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        for _ in 0..MOST_ITEMS {
            match rows.next_element::<Row<'de>>()? {
                Some(row) => (self.0)(&row),
                None => break,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;

    use super::super::{Given, Use, fields_of};
    use super::*;

    /// Sends (example).
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its shape is looked at")]
    struct Send {
        /// Which.
        call_id: String,
        /// To whom.
        user: User,
        /// What.
        messages: Vec<Given<Content>>,
        /// The rows.
        rows: Vec<Person>,
        /// Anything.
        variables: Option<serde_json::Map<String, Value>>,
        /// Guessed (assumed).
        guess: Option<User>,
        /// This mock's own (assumed).
        mock_outcome: Option<String>,
        /// What is done.
        action: Option<Action>,
        /// How it is paced (example; the words are not known).
        pace: Option<String>,
        /// How often.
        times: Option<i64>,
        /// Whether it is.
        is: Option<bool>,
        /// The number that is called.
        phone: Option<Phone>,
        /// Numbers, alone or with a name.
        to: Option<Given<Vec<To>>>,
    }

    /// A number.
    #[derive(Deserialize, JsonSchema)]
    #[schemars(inline, extend("x-form" = "in E.164"))]
    #[expect(dead_code, reason = "only its shape is looked at")]
    struct Phone(String);

    /// A number, alone or with a name (example).
    #[derive(JsonSchema)]
    #[schemars(untagged)]
    #[expect(dead_code, reason = "only its shape is looked at")]
    enum To {
        Number(Phone),
        With {
            /// The number.
            number: Phone,
        },
    }

    /// What is done.
    #[derive(Deserialize, JsonSchema)]
    enum Action {
        /// It stops.
        Stop,
        /// It waits (assumed).
        Pause,
    }

    /// Somebody (example).
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its shape is looked at")]
    struct User {
        /// The id.
        id: String,
    }

    /// A content (example).
    #[derive(JsonSchema)]
    #[schemars(tag = "type", rename_all = "lowercase")]
    #[expect(dead_code, reason = "only its shape is looked at")]
    enum Content {
        /// A text.
        Text {
            /// The words.
            text: String,
        },
        /// A picture.
        Image {
            /// Where it is.
            url: String,
        },
    }

    /// A row (example).
    #[derive(Deserialize, JsonSchema)]
    #[schemars(extend("x-keeps-more" = true))]
    #[expect(dead_code, reason = "only its shape is looked at")]
    struct Person {
        /// The number.
        #[serde(rename = "Mobile")]
        mobile: String,
        /// The amount.
        sum: Option<f64>,
    }

    fn noticed(fields: &Value, wants_assumed: bool) -> Vec<String> {
        let names = Names::of(&fields_of::<Send>(Use::Read));
        let mut lines = Vec::new();
        names.look(fields, LookFor { assumed: wants_assumed, types: wants_assumed }, &mut |noticed| {
            lines.push(match noticed {
                Noticed::Unread { path, nearest, is_kept } => format!("{path} {nearest:?} {is_kept}"),
                Noticed::Assumed { path } => format!("{path} is assumed"),
                Noticed::AssumedWord { path, word } => format!("{path} is {word}, which is assumed"),
                Noticed::Form { path, form } => format!("{path}: {form:?}"),
            });
        });
        lines
    }

    #[test]
    fn what_nothing_reads_is_reported_with_the_name_that_was_meant() {
        let fields = json!({
            "call_id": "", "callId": "", "user_id": "7", "user": {"id": "7", "ID": "7", "Name": "x"},
            "messages": [{"type": "text", "txt": "hi"}, {"type": "image", "url": "x", "size": 3}],
            "rows": [{"mobile": "+1", "anything": {"goes": 1}}, {"Mobile": "+1", "mobile": "+2"}],
            "variables": {"any": {"name": 1}}, "mock_outcome": "busy", "mock_other": 1,
        });
        assert_eq!(
            noticed(&fields, false),
            [
                "callId None false",
                "user_id Some(\"user.id\") false",
                "mock_other None false",
                "user.ID None false",
                "user.Name None false",
                "messages[].txt Some(\"text\") false",
                "messages[].size None false",
                "rows[].mobile Some(\"Mobile\") true",
            ]
        );
        assert_eq!(noticed(&json!({"callid": "x"}), false), ["callid Some(\"call_id\") false"]);
    }

    #[test]
    fn what_is_assumed_is_reported_where_it_is_asked_for() {
        let fields = json!({"guess": {"id": "x"}, "mock_outcome": "busy", "call_id": "x"});
        assert_eq!(noticed(&fields, true), ["guess is assumed"]);
        assert!(noticed(&fields, false).is_empty());
    }

    #[test]
    fn a_word_that_is_only_assumed_is_reported() {
        let fields = json!({"action": "Pause", "pace": "slow\n", "times": 3});
        assert_eq!(
            noticed(&fields, true),
            ["action is Pause, which is assumed", "pace is slow\\n, which is assumed"]
        );
        assert!(noticed(&fields, false).is_empty());
        assert!(noticed(&json!({"action": "Stop", "pace": ""}), true).is_empty());
    }

    #[test]
    fn a_number_that_comes_as_a_text_is_reported() {
        let fields = json!({"times": "3", "is": "true", "call_id": "3"});
        assert_eq!(noticed(&fields, true), ["times: Text(\"3\")", "is: Text(\"true\")"]);
        assert!(noticed(&fields, false).is_empty());
    }

    #[test]
    fn a_number_without_its_plus_and_a_value_in_place_of_a_list_are_reported() {
        let right = json!({"phone": "+6281112345678", "to": ["+6281112345678", {"number": "+6281111"}], "rows": null});
        assert!(noticed(&right, true).is_empty());
        let fields = json!({
            "phone": "6281112345678", "to": [" 6281111", {"number": 6281112}, "+6281113", "0811", "08111234567"], "rows": {"Mobile": "+1"},
        });
        let wanted = [
            "phone: NoPlus(\"6281112345678\")",
            "to[]: NoPlus(\"6281111\")",
            "to[].number: NoPlus(\"6281112\")",
            "rows: Single",
        ];
        assert_eq!(noticed(&fields, true), wanted);
        assert_eq!(noticed(&json!({"to": "6281111"}), true), ["to: Single", "to[]: NoPlus(\"6281111\")"]);
        assert!(noticed(&fields, false).is_empty());
        assert!(noticed(&json!({"times": 3, "is": true}), true).is_empty());
        // To write them without quotes would not make them right.
        assert!(noticed(&json!({"times": "three", "is": "yes"}), true).is_empty());
        assert_eq!(noticed(&json!({"times": " 3 "}), true), ["times: Text(\"3\")"]);
    }

    #[test]
    fn rows_that_are_still_text_are_looked_at_from_the_front() {
        let names = Names::of(&fields_of::<Send>(Use::Read));
        let mut seen = Vec::new();
        let many = format!(r#"[{{"mobile":"+1"}},{}7,{{"MOBILE":"+1"}}]"#, r#"{"Mobile":"+1"},"#.repeat(200));
        for text in [many.as_str(), r#"[{"MobilE":1},7,{"mobile":1}]"#, "[", "7"] {
            names.look_rows("rows", text.as_bytes(), LookFor::default(), &mut |noticed| {
                if let Noticed::Unread { path, .. } = noticed {
                    seen.push(path);
                }
            });
        }
        assert_eq!(seen, ["rows[].mobile", "rows[].MobilE"]);
    }

    #[test]
    fn values_of_rows_that_are_still_text_are_looked_at() {
        let names = Names::of(&fields_of::<Send>(Use::Read));
        let look = |types| {
            let mut seen = Vec::new();
            let text =
                br#"[{"Mobile":"1","sum":"5","m\u006fre":"6"},{"sum":5},{"sum":"five"},{"sum":["7"]}]"#;
            names.look_rows("rows", text, LookFor { assumed: false, types }, &mut |noticed| {
                seen.push(noticed);
            });
            seen
        };
        let text = Noticed::Form { path: "rows[].sum".to_owned(), form: Form::Text("5".to_owned()) };
        assert_eq!(look(true), [text]);
        assert_eq!(look(false), []);
    }

    #[test]
    fn a_name_of_somebody_elses_is_not_repeated_without_end() {
        let fields = json!({"x\n".repeat(100): 1});
        let lines = noticed(&fields, false);
        assert!(lines[0].len() < 200 && !lines[0].contains('\n'), "{lines:?}");
    }
}

//! The field reference: every field of a type, read from its JSON Schema.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use super::described::Described;
use crate::contract::Provenance;

/// The direction in which a type is used: it decides what is optional.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A request, written by the integrator.
    Read,
    /// A response or a callback, written by the mock.
    Written,
}

/// A field as the reference lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its path: `business.calls[].callee`.
    pub path: String,
    /// Its type in words: `string`, `integer 1 to 100`, `list of objects`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its provenance. A test refuses a field without one.
    pub provenance: Option<Provenance>,
    /// Of a request: whether the field must be present. Of what the mock writes: whether it is always present.
    pub required: bool,
    /// The words it may hold, if they are fixed.
    pub allowed: Vec<String>,
    /// The provenance of the value (its words, its unit, its limit), if that is less well known than the field itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Provenance>,
    /// The assumed words, if others are not assumed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assumed: Vec<String>,
    /// Whether every word is assumed although the field itself is not.
    #[serde(skip)]
    pub is_any_assumed: bool,
    /// Whether the field has any effect. A field without effect is accepted and checked for its type only.
    pub has_effect: bool,
    /// Whether unlisted names within it are kept: they are the customer's own.
    #[serde(skip)]
    pub keeps_more: bool,
    /// Whether it is a phone number, or a list of them.
    #[serde(skip)]
    pub is_phone: bool,
    /// The description.
    pub help: String,
}

impl Field {
    /// Returns the field as an assumed one: known from another family or another request.
    #[must_use]
    pub fn assumed(self) -> Self {
        let provenance = Some(Provenance::Assumed);
        Self { provenance, values: None, assumed: Vec::new(), is_any_assumed: false, ..self }
    }

    /// Returns all its words if the field is assumed, or else the assumed ones.
    fn assumed_words(&self) -> Vec<String> {
        let is_assumed = self.provenance == Some(Provenance::Assumed);
        if is_assumed { self.allowed.clone() } else { self.assumed.clone() }
    }

    /// Whether it belongs to this mock alone, such as `mock_outcome`, and so is not an assumption about the vendor.
    pub fn is_own(&self) -> bool {
        self.path.rsplit('.').next().is_some_and(|name| name.starts_with("mock_"))
    }
}

/// Returns the schema of a type as it is on the wire.
pub(crate) fn schema_of<T: JsonSchema>(used: Use) -> Value {
    let settings = SchemaSettings::draft2020_12();
    let settings = match used {
        Use::Read => settings.for_deserialize(),
        Use::Written => settings.for_serialize(),
    };
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Returns the complete schema of a type for a published document, with the description of each field in `description` and its
/// provenance in `x-provenance`. The provenance of the value is in `x-values` if it differs.
pub(crate) fn document_schema<T: JsonSchema>(used: Use) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let settings = match used {
        Use::Read => settings.for_deserialize(),
        Use::Written => settings.for_serialize(),
    };
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    mark(&mut schema, Provenance::Documented);
    schema
}

/// Takes the provenance marks out of descriptions. Nothing is better known than the field that contains it: `surest`.
fn mark(schema: &mut Value, surest: Provenance) {
    let Value::Object(parts) = schema else {
        if let Value::Array(all) = schema {
            all.iter_mut().for_each(|value| mark(value, surest));
        }
        return;
    };
    if parts.get("description").is_some_and(Value::is_string) {
        let found = Described::of(&Value::Object(parts.clone()));
        parts.insert("description".to_owned(), found.with_note(found.note.as_ref()).into());
        let mut say = |name: &str, known: Provenance| {
            parts.insert(name.to_owned(), known.max(surest).as_str().into());
        };
        found.provenance.into_iter().for_each(|known| say("x-provenance", known));
        found.note.iter().for_each(|note| say("x-values", note.provenance));
    }
    for (name, part) in parts.iter_mut() {
        match part {
            Value::Object(fields) if name == "properties" => {
                fields.values_mut().for_each(|field| mark_field(field, surest));
            }
            other => mark(other, surest),
        }
    }
}

/// Marks a schema whose marks have been taken out as assumed altogether.
pub(crate) fn assume(schema: &mut Value) {
    match schema {
        Value::Object(parts) => {
            if parts.contains_key("x-provenance") {
                parts.insert("x-provenance".to_owned(), Provenance::Assumed.as_str().into());
            }
            parts.values_mut().for_each(assume);
        }
        Value::Array(all) => all.iter_mut().for_each(assume),
        _ => {}
    }
}

/// Does the same for a field and what it contains.
fn mark_field(field: &mut Value, surest: Provenance) {
    let own = Described::of(field).provenance.unwrap_or(surest);
    mark(field, own.max(surest));
}

/// Returns every field of a type, in the order of the wire.
pub fn fields_of<T: JsonSchema>(used: Use) -> Vec<Field> {
    let root = schema_of::<T>(used);
    let mut fields = Vec::new();
    let around = Around { usual: Described::of(&root).provenance, surest: Provenance::Documented };
    Walk { root: &root, fields: &mut fields }.inside(&root, "", around);
    fields
}

/// Describes what belongs at a path, for the message that it is missing.
pub(super) fn hint<T: JsonSchema>(path: &str) -> String {
    let place: String = path.split('[').enumerate().fold(String::new(), |place, (at, part)| match at {
        0 => part.to_owned(),
        _ => format!("{place}[{}", part.trim_start_matches(|digit: char| digit.is_ascii_digit())),
    });
    let found = fields_of::<T>(Use::Read).into_iter().find(|field| field.path == place);
    let Some(field) = found else { return String::new() };
    let sentence = field.help.split(". ").next().unwrap_or_default().trim_end_matches('.');
    let mut letters = sentence.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    let mut hint = format!("{first}{}", letters.as_str());
    if !field.allowed.is_empty() {
        let words: Vec<String> = field.allowed.iter().map(|word| format!("`{word}`")).collect();
        hint = format!("{hint}, {}", words.join(" or "));
    }
    hint
}

/// What is known of the place of a field.
#[derive(Clone, Copy)]
struct Around {
    /// The provenance of a field that does not state its own.
    usual: Option<Provenance>,
    /// The best provenance that a field here can have.
    surest: Provenance,
}

impl Around {
    /// Returns the same for the fields within a value of this type.
    fn of_type(self, schema: &Value) -> Self {
        Self { usual: Described::of(schema).provenance.or(self.usual), ..self }
    }
}

struct Walk<'a> {
    root: &'a Value,
    fields: &'a mut Vec<Field>,
}

impl<'a> Walk<'a> {
    /// Returns the schema that a reference stands for, or the single branch of an optional value.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            return self
                .root
                .pointer(name.trim_start_matches('#'))
                .map_or(schema, |found| self.resolve(found));
        }
        let branches = schema.get("anyOf").and_then(Value::as_array);
        let real =
            branches.map(|branches| branches.iter().filter(|branch| !is_null(branch)).collect::<Vec<_>>());
        match real.as_deref() {
            Some([only]) => self.resolve(only),
            _ => schema,
        }
    }

    fn object(&mut self, schema: &'a Value, path: &str, around: Around) {
        let Some(Value::Object(properties)) = schema.get("properties") else { return };
        for (name, property) in properties {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            self.field(property, path, requires(schema, name), around);
        }
    }

    fn field(&mut self, schema: &'a Value, path: String, required: bool, around: Around) {
        let inner = self.resolve(schema);
        let items = inner.get("items").map(|items| self.resolve(items));
        let (own, of_type) = (Described::of(schema), Described::of(inner));
        let of_items = items.map(Described::of);
        let known = own.provenance.or(around.usual).or(of_type.provenance);
        let provenance = known.map(|known| known.max(around.surest));
        // The mark of a type of plain values applies to its words.
        let of_words = of_type.provenance.filter(|_| !self.holds_fields(inner));
        let note = own.note.as_ref().or(of_type.note.as_ref());
        let note = note.or_else(|| of_items.as_ref().and_then(|items| items.note.as_ref()));
        let is_less_sure = |known: &Provenance| provenance.is_some_and(|own| *known > own);
        let of_note = note.map(|note| note.provenance).filter(is_less_sure);
        let of_words = of_words.filter(is_less_sure);
        let assumed = Some(Provenance::Assumed);
        let words = words(inner);
        let are_assumed = words.iter().filter(|(_, known)| *known == assumed && provenance != assumed);
        let is_any_assumed =
            of_words == assumed || of_note == assumed && note.is_some_and(|note| note.is_about_words());
        let has_effect = schema.get("x-no-effect").or(inner.get("x-no-effect")).is_none();
        let keeps_more =
            [Some(inner), items].into_iter().flatten().any(|one| one.get("x-keeps-more").is_some());
        let described = if own.is_empty() { &of_type } else { &own };
        let mut help = described.with_note(note);
        if is_any_assumed && note.is_none() {
            help.push_str(" The words are assumed.");
        }
        self.fields.push(Field {
            path: path.clone(),
            kind: self.kind(inner),
            provenance,
            required,
            values: of_note.max(of_words),
            assumed: are_assumed.map(|(word, _)| word.clone()).collect(),
            is_any_assumed,
            allowed: words.into_iter().map(|(word, _)| word).collect(),
            has_effect,
            keeps_more,
            is_phone: self.is_phone(inner),
            help: help.trim_start().to_owned(),
        });
        let surest = provenance.unwrap_or(around.surest);
        self.inside(inner, &path, Around { usual: of_type.provenance.or(provenance), surest });
    }

    /// Whether it is a phone number, a list of them, or a choice with one in it.
    fn is_phone(&self, schema: &'a Value) -> bool {
        let mut within = alternatives(schema).chain(schema.get("items"));
        schema.get("x-form").is_some_and(|form| form == "in E.164")
            || within.any(|one| self.is_phone(self.resolve(one)))
    }

    /// Whether it is an object, a list of objects, or a choice with an object in it.
    fn holds_fields(&self, schema: &'a Value) -> bool {
        let mut within = alternatives(schema).chain(schema.get("items"));
        schema.get("properties").is_some() || within.any(|one| self.holds_fields(self.resolve(one)))
    }

    /// Lists the fields within a value.
    fn inside(&mut self, schema: &'a Value, path: &str, around: Around) {
        self.object(schema, path, around);
        if let Some(items) = schema.get("items") {
            let items = self.resolve(items);
            self.inside(items, &format!("{path}[]"), around.of_type(items));
        }
        let branches: Vec<&Value> = alternatives(schema).map(|branch| self.resolve(branch)).collect();
        let known = self.fields.len();
        for branch in &branches {
            let start = self.fields.len();
            self.inside(branch, path, around.of_type(branch));
            let fresh = self.fields.split_off(start);
            self.merge(known, fresh);
        }
        // A nested field is required or not within its own object.
        for field in &mut self.fields[known..] {
            let name = field.path.strip_prefix(path).unwrap_or_default().trim_start_matches('.');
            field.required &= name.contains(['.', '[']) || branches.iter().all(|one| requires(one, name));
        }
    }

    /// Lists the fields that several alternatives share only once, with the words of all of them. A field has the best
    /// provenance among the alternatives; the words of the others are assumed.
    fn merge(&mut self, from: usize, fresh: Vec<Field>) {
        for field in fresh {
            match self.fields[from..].iter_mut().find(|other| other.path == field.path) {
                Some(listed) => {
                    let mut assumed = listed.assumed_words();
                    assumed.extend(field.assumed_words());
                    listed.provenance = listed.provenance.min(field.provenance);
                    if listed.provenance != Some(Provenance::Assumed) {
                        listed.assumed = assumed;
                    }
                    let new = field.allowed.into_iter().filter(|word| !listed.allowed.contains(word));
                    let new: Vec<String> = new.collect();
                    listed.allowed.extend(new);
                }
                None => self.fields.push(field),
            }
        }
    }

    fn kind(&self, schema: &'a Value) -> String {
        let mut names = match schema.get("type") {
            Some(Value::String(name)) => vec![name.as_str()],
            Some(Value::Array(names)) => {
                names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect()
            }
            _ => Vec::new(),
        };
        if names.is_empty() {
            for branch in alternatives(schema) {
                if let Some(name) = self.resolve(branch).get("type").and_then(Value::as_str)
                    && !names.contains(&name)
                    && name != "null"
                {
                    names.push(name);
                }
            }
        }
        match names.as_slice() {
            [] if schema.get("const").is_some() || schema.get("enum").is_some() => "string".to_owned(),
            [] => "any value".to_owned(),
            ["array"] => {
                let items = schema.get("items").map(|items| self.kind(self.resolve(items)));
                format!("list of {}", items.map_or("values".to_owned(), |item| plural(&item)))
            }
            ["integer" | "number"] => {
                let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
                match (limit("minimum"), limit("maximum")) {
                    (Some(least), Some(most)) if least == most => format!("{}, always {least}", names[0]),
                    // A limit that only comes from the machine type says nothing to users.
                    (Some(0.0), Some(most)) if most == f64::from(u8::MAX) || most == f64::from(u16::MAX) => {
                        format!("{} from 0", names[0])
                    }
                    (Some(least), Some(most)) if most < f64::from(u32::MAX) => {
                        format!("{} {least} to {most}", names[0])
                    }
                    (Some(least), Some(most)) if most < 9e15 => format!("{} from {least}", names[0]),
                    _ => names[0].to_owned(),
                }
            }
            ["string"] => {
                let form = schema.get("x-form").and_then(Value::as_str);
                let most = schema.get("maxLength").and_then(Value::as_u64);
                match (form, most) {
                    (Some(form), _) => format!("string {form}"),
                    (None, Some(most)) => format!("string of at most {most} characters"),
                    (None, None) => "string".to_owned(),
                }
            }
            names => names.join(" or "),
        }
    }
}

/// Returns a kind in the plural: `strings in E.164`.
fn plural(kind: &str) -> String {
    match kind.split_once(" in ") {
        Some((kind, form)) => format!("{kind}s in {form}"),
        None => format!("{kind}s"),
    }
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").is_some_and(|name| name == "null")
}

/// Whether an object always has a field.
fn requires(schema: &Value, name: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    required.is_some_and(|required| required.iter().any(|other| other == name))
}

fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    let of = |name: &str| schema.get(name).and_then(Value::as_array).into_iter().flatten();
    of("oneOf").chain(of("anyOf"))
}

/// Returns the fixed words of a schema, each with its provenance if it states one.
fn words(schema: &Value) -> Vec<(String, Option<Provenance>)> {
    let word = |value: &Value| match value {
        Value::String(word) => word.clone(),
        other => other.to_string(),
    };
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    let plain = schema.get("const").into_iter().chain(listed).map(|value| (value, None));
    let marked = |branch| (branch, Described::of(branch).provenance);
    let consts = alternatives(schema).map(marked).filter_map(|(one, known)| Some((one.get("const")?, known)));
    let nested = alternatives(schema).filter_map(|branch| branch.get("enum")?.as_array()).flatten();
    plain
        .chain(consts)
        .chain(nested.map(|value| (value, None)))
        // What is left empty is said in the words of the field.
        .filter(|(value, _)| !value.is_null() && **value != "")
        .map(|(value, known)| (word(value), known))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::contract::fields::{NoEffect, RowList, Whole};

    /// Creates a task (client).
    #[derive(Debug, Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its shape is looked at")]
    struct Create {
        /// The name.
        name: String,
        /// How often, in turns (example; the unit is assumed).
        repeat: Option<Whole<1, 10>>,
        /// What kind it is (documented).
        kind: Option<Kind>,
        /// A remark.
        remark: NoEffect<Option<String>>,
        /// The rows.
        #[serde(default)]
        details: RowList<Row>,
        /// Anything.
        variables: Option<serde_json::Map<String, Value>>,
        /// Who.
        owner: Option<Row>,
    }

    /// A row (assumed).
    #[derive(Debug, Deserialize, Serialize, JsonSchema)]
    struct Row {
        /// The number,
        /// in E.164 (example).
        mobile: String,
        /// Its case.
        case: Option<String>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Normal,
        Plan,
    }

    #[test]
    fn every_field_is_listed_with_all_that_is_known_of_it() {
        let lines: Vec<String> = fields_of::<Create>(Use::Read)
            .iter()
            .map(|field| {
                let Field { path, kind, provenance, required, allowed, has_effect, help, .. } = field;
                format!("{path} | {kind} | {provenance:?} | {required} | {allowed:?} | {has_effect} | {help}")
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    /// One of two shapes (example).
    #[derive(Debug, Serialize, JsonSchema)]
    #[serde(tag = "type", rename_all = "snake_case")]
    #[expect(dead_code, reason = "only its shape is looked at")]
    enum Shape {
        /// A circle.
        Circle {
            /// In metres.
            radius: i64,
            /// Its colour.
            colour: String,
        },
        /// A frame.
        Frame {
            /// Its colour.
            colour: String,
            /// What is in it.
            picture: Option<Row>,
        },
    }

    #[test]
    fn alternatives_are_listed_as_one() {
        let fields = fields_of::<Vec<Shape>>(Use::Written);
        let lines: Vec<String> = fields
            .iter()
            .map(|field| format!("{} {} {:?}", field.path, field.required, field.allowed))
            .collect();
        assert_eq!(
            lines,
            [
                "[].type true [\"circle\", \"frame\"]",
                "[].radius false []",
                "[].colour true []",
                "[].picture false []",
                "[].picture.mobile true []",
                "[].picture.case true []",
            ]
        );
    }

    #[test]
    fn what_is_written_is_required_unless_it_may_be_left_out() {
        let fields = fields_of::<Row>(Use::Written);
        assert_eq!(fields.iter().map(|field| field.required).collect::<Vec<_>>(), [true, true]);
    }

    #[test]
    fn hints_come_from_the_reference() {
        assert_eq!(hint::<Create>("details[17].mobile"), "the number, in E.164");
        assert_eq!(hint::<Create>("kind"), "what kind it is, `normal` or `plan`");
        assert_eq!(hint::<Create>("nothing"), "");
    }
}

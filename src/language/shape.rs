//! Checks a TOML tree against a JSON Schema and collects every mistake with its position.

use std::ops::Range;
use std::sync::Arc;

use regex_lite::Regex;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::format_mistake::FormatMistake;
use super::words;
use crate::files::diagnostic::{joined, quoted};
use crate::files::suggest;
use crate::files::syntax::inside_text;
use crate::files::{Diagnostic, SourceFile};

/// Maximum number of mistakes for which a suggestion is looked up.
const MOST_ADVICE: usize = 1_000;

/// Checks a text against a named `format`. Texts of unknown formats are accepted.
pub(crate) type FormatCheck<'a> = dyn Fn(&str, &str) -> Result<(), FormatMistake> + 'a;

/// Returns all mistakes of the tree that end before `sound_until`; the tree beyond it is only guessed.
pub(crate) fn check(
    source: &Arc<SourceFile>,
    tree: &Spanned<DeTable<'_>>,
    sound_until: usize,
    schema: &Value,
    formats: &FormatCheck<'_>,
) -> Vec<Diagnostic> {
    let mut walk = Walk { source, root: schema, formats, found: Vec::new() };
    let noun = schema.get("x-noun").and_then(Value::as_str).unwrap_or("this file");
    walk.table("", noun, None, tree.get_ref(), schema);
    let guessed = sound_until <= source.text().len();
    let sound = |found: &Found| !guessed || (!found.absent && found.ends_before(sound_until));
    walk.found.into_iter().filter(sound).map(|found| found.diagnostic).collect()
}

/// A mistake. `absent` is true if it concerns something that is missing.
struct Found {
    diagnostic: Diagnostic,
    absent: bool,
}

impl Found {
    fn ends_before(&self, limit: usize) -> bool {
        self.diagnostic.span.as_ref().is_some_and(|span| span.end < limit)
    }
}

struct Walk<'a> {
    source: &'a Arc<SourceFile>,
    root: &'a Value,
    formats: &'a FormatCheck<'a>,
    found: Vec<Found>,
}

impl<'a> Walk<'a> {
    fn wrong(&mut self, diagnostic: Diagnostic) {
        self.found.push(Found { diagnostic, absent: false });
    }

    fn absent(&mut self, diagnostic: Diagnostic) {
        self.found.push(Found { diagnostic, absent: true });
    }

    fn at(&self, span: Range<usize>, message: String) -> Diagnostic {
        Diagnostic::at(self.source, span, message)
    }

    /// Checks a value. `path` is its position, `name` its name in messages.
    fn value(&mut self, path: &str, name: &str, node: &Spanned<DeValue<'_>>, schema: &'a Value) {
        let schema = words::resolve(self.root, schema);
        if let Some(branches) = words::branches(self.root, schema) {
            return self.any_of(path, name, node, &branches);
        }
        if let Some(options) = words::options(schema) {
            if node.get_ref().as_str().is_some_and(|text| words::is_old_word(schema, text)) {
                return;
            }
            let listed = schema.get("x-listed").and_then(Value::as_str);
            return self.one_of(name, node, &options, listed);
        }
        let Some(kind) = schema.get("type").and_then(Value::as_str) else {
            self.free(node);
            if schema.get("format").and_then(Value::as_str) == Some("template-tree") {
                self.templates(node);
            }
            return;
        };
        if !words::fits(kind, node.get_ref()) {
            return self.wrong_type(name, node, &[schema]);
        }
        match node.get_ref() {
            DeValue::String(text) => self.text(name, node.span(), text, schema),
            DeValue::Integer(_) | DeValue::Float(_) => self.number(name, node, schema),
            DeValue::Array(items) => {
                let fewest = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
                if (items.len() as u64) < fewest {
                    self.wrong(self.at(node.span(), format!("{name} must not be empty")));
                }
                for item in items {
                    let called = format!("an item of {name}");
                    if let Some(inner) = schema.get("items") {
                        self.value(path, &called, item, inner);
                    }
                    if let (Some(format), DeValue::String(text)) =
                        (schema.get("x-items").and_then(Value::as_str), item.get_ref())
                    {
                        self.format(format, text, &item.span());
                    }
                }
            }
            DeValue::Table(table) => {
                let noun = schema.get("x-noun").and_then(Value::as_str).unwrap_or(name);
                self.table(path, noun, Some(node.span()), table, schema);
                if schema.get("format").and_then(Value::as_str) == Some("template-tree") {
                    self.templates(node);
                }
            }
            DeValue::Boolean(_) | DeValue::Datetime(_) => {}
        }
    }

    /// Checks a value that may have several forms; the mistakes shown are those of the form that was probably meant.
    fn any_of(&mut self, path: &str, name: &str, node: &Spanned<DeValue<'_>>, branches: &[&'a Value]) {
        let before = std::mem::take(&mut self.found);
        let mut meant = None;
        for branch in branches.iter().filter(|branch| words::accepts(branch, node.get_ref())) {
            self.value(path, name, node, branch);
            let mistakes = std::mem::take(&mut self.found);
            if mistakes.is_empty() {
                self.found = before;
                return;
            }
            meant.get_or_insert(mistakes);
        }
        self.found = before;
        match meant {
            Some(mistakes) => self.found.extend(mistakes),
            None => self.wrong_type(name, node, branches),
        }
    }

    /// Checks a choice. `listed` is the command that lists all options, if they are too many for a message.
    fn one_of(&mut self, name: &str, node: &Spanned<DeValue<'_>>, options: &[&str], listed: Option<&str>) {
        let DeValue::String(text) = node.get_ref() else {
            if let Some(command) = listed {
                let found = words::found(node.get_ref());
                let message = format!("{name} must be a name, not {found}");
                return self.wrong(self.at(node.span(), message).help(format!("`{command}` lists them all")));
            }
            let found = words::found(node.get_ref());
            let quoted: Vec<String> = options.iter().map(|option| format!("`\"{option}\"`")).collect();
            let message = format!("{name} must be {}, not {found}", joined(&quoted, "or"));
            return self.wrong(self.at(node.span(), message));
        };
        if options.contains(&text.as_ref()) {
            return;
        }
        let mistake = self.at(node.span(), format!("{name} can't be {}", quoted(text)));
        self.wrong(match suggest::nearest(text, options.iter().copied()) {
            Some(near) => mistake.help(format!("did you mean `\"{near}\"`?")),
            None => match listed {
                Some(command) => mistake.help(format!("`{command}` lists them all")),
                None => {
                    let options: Vec<_> = options.iter().map(|option| quoted(option)).collect();
                    mistake.help(format!("it is {}", joined(&options, "or")))
                }
            },
        });
    }

    fn wrong_type(&mut self, name: &str, node: &Spanned<DeValue<'_>>, wanted: &[&Value]) {
        let mut kinds: Vec<String> = Vec::new();
        for schema in wanted {
            let kind = words::wanted(self.root, schema);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        let found = words::found(node.get_ref());
        let literal = self.source.text().get(node.span()).unwrap_or_default();
        let mistake = self.at(node.span(), format!("{name} must be {}, not {found}", joined(&kinds, "or")));
        let help = wanted.iter().find_map(|schema| words::repair(schema, node.get_ref(), literal, name));
        self.wrong(mistake.maybe_help(help));
    }

    fn text(&mut self, name: &str, span: Range<usize>, text: &str, schema: &Value) {
        if text.is_empty() && schema.get("minLength").and_then(Value::as_u64).is_some_and(|fewest| fewest > 0)
        {
            return self.wrong(self.at(span, format!("{name} must not be empty")));
        }
        if let Some(format) = schema.get("format").and_then(Value::as_str) {
            self.format(format, text, &span);
        }
        let pattern = schema.get("pattern").and_then(Value::as_str);
        if let Some(pattern) = pattern.and_then(|pattern| Regex::new(pattern).ok())
            && !pattern.is_match(text)
        {
            let mistake = self.at(span, format!("{name} can't be {}", quoted(text)));
            let wanted = schema.get("x-wanted").and_then(Value::as_str);
            self.wrong(mistake.maybe_help(wanted.map(|wanted| format!("write {wanted}"))));
        }
    }

    /// Checks a text against a format and reports a mistake. Returns whether the text is right.
    fn format(&mut self, format: &str, text: &str, span: &Range<usize>) -> bool {
        let Err(mistake) = (self.formats)(format, text) else { return true };
        let inner = mistake.range.and_then(|range| inside_text(self.source.text(), span, text, &range));
        let span = inner.filter(|range| !range.is_empty()).unwrap_or_else(|| span.clone());
        self.wrong(self.at(span, mistake.message).maybe_help(mistake.help));
        false
    }

    fn number(&mut self, name: &str, node: &Spanned<DeValue<'_>>, schema: &Value) {
        if !words::in_range(schema, node.get_ref()) {
            let literal = self.source.text().get(node.span()).unwrap_or_default();
            let range = words::range(schema);
            let mistake = self.at(node.span(), format!("{name} must be {range}, not {}", quoted(literal)));
            let more = schema.get("x-more").and_then(Value::as_str);
            let more = more.filter(|_| words::is_too_large(schema, node.get_ref()));
            self.wrong(mistake.maybe_help(more.map(str::to_owned)));
        }
    }

    fn table(
        &mut self,
        path: &str,
        noun: &str,
        span: Option<Range<usize>>,
        table: &DeTable<'_>,
        schema: &'a Value,
    ) {
        let none = serde_json::Map::new();
        let properties = schema.get("properties").and_then(Value::as_object);
        let known: Vec<&str> = properties
            .unwrap_or(&none)
            .iter()
            .filter(|(_, property)| !words::is_old_name(property))
            .map(|(key, _)| key.as_str())
            .collect();
        // Keys that were probably meant by unknown ones: they are not reported as missing as well.
        let mut meant: Vec<&str> = Vec::new();
        for (key, value) in table {
            let text = key.get_ref().as_ref();
            if let Some(property) = properties.and_then(|properties| properties.get(text)) {
                self.value(&words::below(path, text), &quoted(text), value, property);
                continue;
            }
            match schema.get("additionalProperties") {
                Some(Value::Bool(false)) => {
                    let mut mistake = self.at(key.span(), format!("unknown key {} in {noun}", quoted(text)));
                    // Only the first mistakes are shown, and the search for a suggestion takes longest.
                    if self.found.len() < MOST_ADVICE {
                        let advice = words::unknown_key(self.root, path, text, &known);
                        meant.extend(advice.meant);
                        mistake.help = advice.help;
                    }
                    self.wrong(mistake);
                }
                Some(inner @ Value::Object(_)) => {
                    // The value under a wrong key can't be judged.
                    if let Some(format) = schema.get("x-keys").and_then(Value::as_str)
                        && !self.format(format, text, &key.span())
                    {
                        continue;
                    }
                    self.value(&words::below(path, text), &quoted(text), value, inner);
                    if let (Some(format), DeValue::String(text)) =
                        (schema.get("x-values").and_then(Value::as_str), value.get_ref())
                    {
                        self.format(format, text, &value.span());
                    }
                }
                _ => self.free(value),
            }
        }
        let span = span.unwrap_or(0..0);
        for key in words::list(schema, "required") {
            if !table.contains_key(key) && !meant.contains(&key) {
                self.absent(self.at(span.clone(), format!("`{key}` is missing in {noun}")));
            }
        }
        self.exactly_one(&words::list(schema, "x-exactly-one"), noun, &span, table, &meant);
    }

    fn exactly_one(
        &mut self,
        choice: &[&str],
        noun: &str,
        span: &Range<usize>,
        table: &DeTable<'_>,
        meant: &[&str],
    ) {
        let mut present: Vec<(&str, Range<usize>)> = table
            .iter()
            .map(|(key, _)| key)
            .filter_map(|key| {
                let known = choice.iter().find(|one| **one == key.get_ref().as_ref())?;
                Some((*known, key.span()))
            })
            .collect();
        present.sort_by_key(|(_, span)| span.start);
        if let [(first, first_span), others @ ..] = present.as_slice() {
            for (other, other_span) in others {
                let message = format!("`{first}` and `{other}` can't be used together in {noun}");
                let one = joined(&choice.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>(), "or");
                let mistake =
                    self.at(other_span.clone(), message).context(first_span.clone(), "the first one");
                self.wrong(mistake.help(format!("it has exactly one of {one}")));
            }
        } else if !choice.is_empty() && !choice.iter().any(|key| meant.contains(key)) {
            let one = joined(&choice.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>(), "or");
            self.absent(self.at(span.clone(), format!("{noun} needs one of {one}")).label("it has none"));
        }
    }

    /// Checks a free value, which may be anything that JSON can express.
    fn free(&mut self, node: &Spanned<DeValue<'_>>) {
        let literal = self.source.text().get(node.span()).unwrap_or_default();
        let quotes = || format!("put it in quotes: {}", quoted(&format!("\"{literal}\"")));
        match node.get_ref() {
            DeValue::Datetime(_) => {
                let mistake = self.at(node.span(), "a date is not allowed here without quotes".to_owned());
                self.wrong(mistake.help(quotes()));
            }
            DeValue::Float(float) if !float.as_str().parse().is_ok_and(f64::is_finite) => {
                let message = format!("JSON does not have the number {}", quoted(literal));
                self.wrong(self.at(node.span(), message).help(quotes()));
            }
            DeValue::Integer(_) if !words::in_json(node.get_ref()) => {
                let message = format!("the number {} is too large", quoted(literal));
                self.wrong(self.at(node.span(), message).help(quotes()));
            }
            DeValue::Array(items) => items.iter().for_each(|item| self.free(item)),
            DeValue::Table(table) => table.iter().for_each(|(_, value)| self.free(value)),
            _ => {}
        }
    }

    /// Checks a tree in which every text is a template; keys are taken literally.
    fn templates(&mut self, node: &Spanned<DeValue<'_>>) {
        match node.get_ref() {
            DeValue::String(text) => {
                self.format("template", text, &node.span());
            }
            DeValue::Array(items) => items.iter().for_each(|item| self.templates(item)),
            DeValue::Table(table) => table.iter().for_each(|(_, value)| self.templates(value)),
            _ => {}
        }
    }
}

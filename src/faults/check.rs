//! Rules about the keys of a fault, shared by scenario files, settings files and texts.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::keys::{Mistake, OF_WHEN, mistakes};
use super::name::FaultName;
use super::text;
use crate::contract::Catalog;
use crate::files::suggest::nearest;
use crate::files::tables::{items, key_span};
use crate::files::{Diagnostic, SourceFile};
use crate::language::formats::Formats;
use crate::language::matcher;
use crate::time::HumanDuration;

/// The keys of which a fault has at least one: its effect.
const HAPPENS: [&str; 3] = ["status", "kind", "delay"];

/// The keys that describe the response of `status` further.
const OF_THE_ANSWER: [&str; 3] = ["code", "message", "retry_after"];

/// Returns all mistakes in the faults of a file. Values of the wrong type are skipped: they are reported elsewhere.
pub(crate) fn check(source: &Arc<SourceFile>, tree: &DeTable<'_>, catalog: &Catalog) -> Vec<Diagnostic> {
    list(source, tree, "faults", catalog)
}

/// Returns all mistakes in the faults in a list of a table.
pub(crate) fn list(
    source: &Arc<SourceFile>,
    tree: &DeTable<'_>,
    key: &str,
    catalog: &Catalog,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for item in items(tree, key) {
        if let Some(fault) = item.get_ref().as_table() {
            let mut rules = Rules { source, fault, found: &mut found };
            rules.happens(item.span());
            rules.together(item.span());
            rules.effect();
            rules.spread();
            rules.conditions();
        } else if let Some(text) = item.get_ref().as_str()
            && let Err(message) = text_in(text, catalog)
        {
            found.push(Diagnostic::at(source, item.span(), message));
        }
    }
    found
}

/// Returns all mistakes in the faults of one callback: they must affect callbacks, and apply whenever it is sent.
pub(crate) fn of_one_callback(
    source: &Arc<SourceFile>,
    callback: &DeTable<'_>,
    catalog: &Catalog,
) -> Vec<Diagnostic> {
    let mut found = list(source, callback, "faults", catalog);
    if !found.is_empty() {
        return found;
    }
    for item in items(callback, "faults") {
        let written = match item.get_ref() {
            DeValue::String(text) => text::table(text).ok(),
            table => serde_json::Value::deserialize(ValueDeserializer::from(Spanned::new(
                item.span(),
                table.clone(),
            )))
            .ok()
            .and_then(|value| value.as_object().cloned()),
        };
        let Some(written) = written else { continue };
        let kind = written.get("kind").and_then(|kind| kind.as_str()?.parse().ok());
        let mut wrong = |message: String| found.push(Diagnostic::at(source, item.span(), message));
        if !kind.is_some_and(FaultName::is_of_callbacks) {
            wrong("this fault applies to requests, not to callbacks".to_owned());
        }
        let general = ["callback", "where", "when"].into_iter().chain(OF_WHEN);
        for key in general.filter(|key| written.contains_key(*key)) {
            wrong(format!(
                "`{key}` is not allowed here: the fault applies to this callback whenever it is sent"
            ));
        }
    }
    found
}

/// Checks a fault that is written as a text against the catalog.
pub(crate) fn text_in(text: &str, catalog: &Catalog) -> Result<super::FaultFile, String> {
    let fault = text::read(text).map_err(|error| error.to_string())?;
    let formats = Formats::new(catalog);
    let is_of_callbacks = fault.is_of_callbacks();
    let (pattern, format) = match is_of_callbacks {
        true => (fault.callback.as_deref(), "fault-callbacks"),
        false => (fault.call.as_deref(), "fault-pattern"),
    };
    let explain = |mistake: crate::language::FormatMistake| match mistake.help {
        Some(help) => format!("{}; {help}", mistake.message),
        None => mistake.message,
    };
    if let Some(pattern) = pattern {
        formats.check(format, pattern).map_err(explain)?;
    }
    if let Some(to) = &fault.to {
        formats.check("url", to).map_err(explain)?;
    }
    if let Some(wanted) = &fault.where_ {
        matcher::has_fields(wanted, &serde_json::Value::Null).map_err(|error| format!("`where`: {error}"))?;
    }
    Ok(fault)
}

struct Rules<'a> {
    source: &'a Arc<SourceFile>,
    fault: &'a DeTable<'a>,
    found: &'a mut Vec<Diagnostic>,
}

impl Rules<'_> {
    fn at(&self, span: Range<usize>, message: String) -> Diagnostic {
        Diagnostic::at(self.source, span, message)
    }

    /// Checks that a fault has one effect, and that the keys beside it belong to the effect.
    fn happens(&mut self, whole: Range<usize>) {
        let [status, kind] = ["status", "kind"].map(|key| key_span(self.fault, key));
        if let (Some(status), Some(kind)) = (&status, &kind) {
            let (first, second) = if status.start < kind.start { (status, kind) } else { (kind, status) };
            let mistake =
                self.at(second.clone(), "a fault has either `status` or `kind`, not both".to_owned());
            let mistake = mistake.context(first.clone(), "the first one");
            self.found.push(mistake.help("write two faults, the first one with `times` or `percent`"));
            return;
        }
        let mut stray = false;
        for key in OF_THE_ANSWER.into_iter().filter(|_| status.is_none()) {
            let Some(span) = key_span(self.fault, key) else { continue };
            stray = true;
            self.found.push(match &kind {
                Some(kind) => self
                    .at(span, format!("`{key}` goes with `status`, not with `kind`"))
                    .context(kind.clone(), "what this fault does"),
                None => self.at(span, format!("`{key}` needs `status`")).help("for example `status = 503`"),
            });
        }
        let mistyped = self.fault.keys().any(|key| {
            let near = nearest(key.get_ref(), HAPPENS);
            near.is_some_and(|near| near != key.get_ref().as_ref())
        });
        if !stray && !mistyped && HAPPENS.iter().all(|key| !self.fault.contains_key(*key)) {
            let mistake = self.at(whole, "this fault does nothing".to_owned());
            self.found.push(mistake.help("it needs `status`, `kind` or `delay`"));
        }
    }

    /// Checks which keys do not go together with the effect.
    fn together(&mut self, whole: Range<usize>) {
        let kind = self.fault.get("kind").and_then(|kind| kind.get_ref().as_str()?.parse().ok());
        for Mistake { key, message } in mistakes(kind, |key| self.fault.contains_key(key)) {
            let span = key.and_then(|key| key_span(self.fault, key)).unwrap_or_else(|| whole.clone());
            self.found.push(self.at(span, message));
        }
    }

    /// Checks that a request with its usual response takes effect.
    fn effect(&mut self) {
        let Some((key, value)) = self.fault.get_key_value("effect") else { return };
        let wrong = self.fault.contains_key("status") || self.fault.contains_key("kind");
        if value.get_ref().as_bool() == Some(false) && !wrong && self.fault.contains_key("delay") {
            let message = "a request that is only delayed always takes effect".to_owned();
            let mistake = self.at(key.span(), message);
            self.found.push(mistake.help("`effect` goes with `status` or `kind`"));
        }
    }

    /// Checks that a spread has a median, and a 99th percentile beyond it.
    fn spread(&mut self) {
        let Some(delay) = self.fault.get("delay").and_then(|delay| delay.get_ref().as_table()) else {
            return;
        };
        let read = |key: &str| {
            let value = delay.get(key)?;
            Some((value.get_ref().as_str()?.parse::<HumanDuration>().ok()?, value.span()))
        };
        let (Some((median, at)), Some((p99, far))) = (read("median"), read("p99")) else { return };
        if median.0.is_zero() {
            self.found.push(self.at(at, "the median of a delay must be longer than 0".to_owned()));
        } else if p99 < median {
            let mistake = self.at(far, format!("`p99` must not be shorter than the median of {median}"));
            self.found.push(mistake.context(at, "the median"));
        }
    }

    /// Checks the conditions on a request, which are compared as written.
    fn conditions(&mut self) {
        if let Some(condition) = self.fault.get("where") {
            self.plain(condition);
            if let Some(fields) = condition.get_ref().as_table() {
                self.found.extend(matcher::check::check(self.source, fields));
            }
        }
    }

    fn plain(&mut self, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::String(text) if text.contains("{{") || text.contains("{%") => {
                let message = "templates are not filled in here".to_owned();
                let mistake = self.at(value.span(), message);
                self.found.push(
                    mistake
                        .help("a fault compares the fields of a request with the values exactly as written"),
                );
            }
            DeValue::Array(items) => items.iter().for_each(|item| self.plain(item)),
            DeValue::Table(table) => table.iter().for_each(|(_, value)| self.plain(value)),
            _ => {}
        }
    }
}

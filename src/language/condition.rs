//! Conditions: fields that have to be present, given as values or matchers, or a template that has to be true.

use std::borrow::Cow;
use std::fmt;

use minijinja::Value as Scope;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::FormatMistake;
use super::matcher::{MatchError, mismatches};
use super::template::{self, FillError, Template, TemplateSet};
use super::tree::TreeTemplate;
use super::truth;
use crate::files::Tree;

/// A condition as written: a table of fields, or a text that is a template.
#[derive(Clone, Debug, PartialEq)]
pub enum ConditionFile {
    /// Fields with their values or matchers.
    Fields(Tree),
    /// A template that has to be true.
    Template(String),
}

impl<'de> Deserialize<'de> for ConditionFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = ConditionFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of fields or a template")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ConditionFile, E> {
                Ok(ConditionFile::Template(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ConditionFile, A::Error> {
                Tree::deserialize(MapAccessDeserializer::new(map)).map(ConditionFile::Fields)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for ConditionFile {
    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "object", "format": "template-tree", "additionalProperties": true },
                { "type": "string", "format": "condition" },
            ]
        })
    }
}

/// A condition, compiled.
#[derive(Debug)]
pub enum Condition {
    /// Fields with their values or matchers; empty for a condition that always holds.
    Fields(TreeTemplate),
    /// A template that has to be true, and its source.
    Template(Template, String),
}

impl Default for Condition {
    fn default() -> Self {
        Self::Fields(TreeTemplate::default())
    }
}

/// Why a condition cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// A template can't be filled in.
    #[error("can't be filled in: {0}")]
    Fill(#[from] FillError),
    /// A matcher is invalid.
    #[error("makes no sense: {0}")]
    Match(#[from] MatchError),
}

impl ConditionError {
    /// Returns the differences of an event from a condition that can't be evaluated, if that is only because the event, which
    /// has this name in templates, lacks a field: it does not match.
    ///
    /// # Errors
    ///
    /// If there is another reason.
    pub(crate) fn of_event(self, name: &str) -> Result<Vec<String>, Self> {
        match self {
            Self::Fill(error) if error.is_lack_of(name) => Ok(vec![error.to_string()]),
            other => Err(other),
        }
    }
}

impl Condition {
    /// Compiles a condition. `None` gives a condition that always holds.
    pub fn compile(file: Option<&ConditionFile>, set: &mut TemplateSet) -> Result<Self, FormatMistake> {
        Ok(match file {
            None => Self::default(),
            Some(ConditionFile::Fields(tree)) => Self::Fields(TreeTemplate::compile_table(tree, set)?),
            Some(ConditionFile::Template(text)) => Self::Template(set.add(text)?, text.clone()),
        })
    }

    /// Whether the condition always holds.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Fields(TreeTemplate::Table(entries)) if entries.is_empty())
    }

    /// Returns the differences between `got` and the condition, one per line: nothing if it holds. `scope` is what
    /// templates see.
    ///
    /// # Errors
    ///
    /// If a template can't be filled in, or if a matcher is invalid.
    pub fn mismatches(
        &self,
        got: &Value,
        set: &TemplateSet,
        scope: &Scope,
    ) -> Result<Vec<String>, ConditionError> {
        match self {
            Self::Fields(_) if self.is_empty() => Ok(Vec::new()),
            Self::Fields(fields) => {
                let found = mismatches(&fields.render(set, scope)?, got)?;
                Ok(found.iter().map(ToString::to_string).collect())
            }
            Self::Template(template, source) => {
                Ok(unmet(template, source, set, scope)?.into_iter().collect())
            }
        }
    }
}

/// Explains why a template is not true: its source and the values it reads.
pub(crate) fn unmet(
    template: &Template,
    source: &str,
    set: &TemplateSet,
    scope: &Scope,
) -> Result<Option<String>, FillError> {
    if truth(&set.render(template, scope)?)? {
        return Ok(None);
    }
    let mut values: Vec<String> = template::values(source)
        .iter()
        .filter_map(|value| Some(format!("`{}` is {}", value.path(), template::shown(scope, value)?)))
        .collect();
    values.sort_unstable();
    let values = if values.is_empty() { String::new() } else { format!(": {}", values.join(", ")) };
    Ok(Some(format!("`{}` is not true{values}", source.trim())))
}

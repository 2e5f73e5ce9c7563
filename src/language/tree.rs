//! Tables of a scenario that contain templates: compiled once, filled in at each use.

use minijinja::Value as Scope;
use serde_json::{Map, Value};

use super::FormatMistake;
use super::template::{FillError, Template, TemplateSet};
use crate::files::Tree;

/// A value of a scenario file whose strings may be templates.
#[derive(Clone, Debug)]
pub enum TreeTemplate {
    /// A string.
    Text(Template),
    /// A number, a truth value or null.
    Plain(Value),
    /// A list.
    List(Vec<TreeTemplate>),
    /// A table, in the order of the file.
    Table(Vec<(String, TreeTemplate)>),
}

impl Default for TreeTemplate {
    fn default() -> Self {
        Self::Table(Vec::new())
    }
}

impl TreeTemplate {
    /// Compiles a table.
    pub fn compile_table(tree: &Tree, set: &mut TemplateSet) -> Result<Self, FormatMistake> {
        let entries = tree.iter().map(|(key, value)| Ok((key.clone(), Self::compile(value, set)?)));
        Ok(Self::Table(entries.collect::<Result<_, FormatMistake>>()?))
    }

    /// Compiles a value.
    pub fn compile(value: &Value, set: &mut TemplateSet) -> Result<Self, FormatMistake> {
        Ok(match value {
            Value::String(text) => Self::Text(set.add(text)?),
            Value::Array(items) => {
                Self::List(items.iter().map(|item| Self::compile(item, set)).collect::<Result<_, _>>()?)
            }
            Value::Object(table) => Self::compile_table(table, set)?,
            plain => Self::Plain(plain.clone()),
        })
    }

    /// Whether the value is constant.
    pub fn is_fixed(&self) -> bool {
        match self {
            Self::Text(template) => template.is_fixed(),
            Self::Plain(_) => true,
            Self::List(items) => items.iter().all(Self::is_fixed),
            Self::Table(entries) => entries.iter().all(|(_, value)| value.is_fixed()),
        }
    }

    /// Fills the templates in.
    pub fn render(&self, set: &TemplateSet, scope: &Scope) -> Result<Value, FillError> {
        match self {
            Self::Text(template) => set.render(template, scope),
            Self::Plain(value) => Ok(value.clone()),
            Self::List(items) => {
                let items = items.iter().enumerate().map(|(index, item)| {
                    item.render(set, scope).map_err(|error| error.inside(&format!("[{index}]")))
                });
                Ok(Value::Array(items.collect::<Result<_, _>>()?))
            }
            Self::Table(entries) => {
                let mut table = Map::new();
                for (key, value) in entries {
                    let value = value.render(set, scope).map_err(|error| error.inside(key))?;
                    table.insert(key.clone(), value);
                }
                Ok(Value::Object(table))
            }
        }
    }
}

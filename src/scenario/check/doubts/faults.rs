//! Doubts about the fields that select the requests or callbacks of a fault.

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Doubts, fields_of};
use crate::contract::fields::FieldTree;
use crate::faults;
use crate::files::diagnostic::quoted;
use crate::files::tables::{items, table, text};
use crate::language::matcher::is_matcher;

impl Doubts<'_> {
    /// Checks the faults of a file.
    pub(super) fn faults(&mut self, tree: &DeTable<'_>) {
        for item in items(tree, "faults") {
            match item.get_ref() {
                DeValue::Table(fault) => self.fault(fault),
                DeValue::String(line) => self.fault_line(item, line),
                _ => {}
            }
        }
    }

    fn fault(&mut self, fault: &DeTable<'_>) {
        let id = text(fault, "call").or(text(fault, "callback")).unwrap_or_default();
        let (Some(wanted), Some(tree)) = (table(fault, "where"), self.tree(id)) else { return };
        let fields = wanted.iter().filter(|(key, _)| !is_origin(key.get_ref(), &tree));
        let fields: DeTable<'_> = fields.map(|(key, value)| (key.clone(), value.clone())).collect();
        self.fields(&fields, &tree, id, "", true);
    }

    /// Checks a fault that is written as a line.
    fn fault_line(&mut self, item: &Spanned<DeValue<'_>>, line: &str) {
        let Ok(fault) = faults::check::text_in(line, self.catalog) else { return };
        let (Some(wanted), Some(tree)) = (&fault.where_, self.tree(fault.pattern())) else { return };
        let mut paths = Vec::new();
        wanted
            .iter()
            .filter(|(name, _)| !is_origin(name, &tree))
            .for_each(|(name, value)| leaves(name, value, &mut paths));
        for path in paths {
            let Err(unknown) = tree.find(&path) else { continue };
            let at = line.find(&format!("{path}=")).map(|at| at..at + path.len());
            let span = at.map_or_else(|| item.span(), |at| self.inside(item, line, &at));
            let help = unknown.meant.map(|near| format!("did you mean `{near}`?"));
            let help = help.unwrap_or_else(|| fields_of(fault.pattern(), &unknown.known));
            self.doubt(span, format!("`{}` has no field {}", fault.pattern(), quoted(&path)), help);
        }
    }
}

/// Whether a name of a `where` stands for what a request or callback belongs to, and not for a field.
fn is_origin(name: &str, tree: &FieldTree) -> bool {
    faults::is_origin(name) && tree.field(name).is_none()
}

/// Adds the paths of the values in a condition.
fn leaves(path: &str, value: &Value, paths: &mut Vec<String>) {
    match value {
        Value::Object(fields) if !is_matcher(fields.keys().map(String::as_str)) => {
            fields.iter().for_each(|(name, value)| leaves(&format!("{path}.{name}"), value, paths));
        }
        _ => paths.push(path.to_owned()),
    }
}

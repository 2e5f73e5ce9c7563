//! Doubts about the fields of saved requests and callbacks that a `check` compares.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Doubts, SAVED, listed, near_or};
use crate::contract::Direction;
use crate::files::diagnostic::quoted;
use crate::files::tables::table;
use crate::language::matcher::is_matcher;

/// The fields of the response to a saved request or callback.
const ANSWER: [&str; 2] = ["status", "body"];

impl Doubts<'_> {
    /// Checks what a `check` compares. A field that does not exist is never wrong for `not` and for `exists = false`.
    pub(super) fn checked(&mut self, step: &DeTable<'_>) {
        for (name, value) in table(step, "check").into_iter().flatten() {
            if let Some(Some(id)) = self.saved.get(name.get_ref().as_ref()).cloned() {
                self.saved_value(name.get_ref(), value, &id);
            }
        }
    }

    /// Checks what is compared with the request or callback that is saved under a name.
    fn saved_value(&mut self, name: &str, value: &Spanned<DeValue<'_>>, id: &str) {
        let Some(fields) = value.get_ref().as_table() else { return };
        let has_field = fields.keys().any(|key| SAVED.contains(&key.get_ref().as_ref()));
        if is_matcher(fields.keys().map(|key| key.get_ref().as_ref())) && !has_field {
            for (_, inner) in
                fields.iter().filter(|(word, _)| matches!(word.get_ref().as_ref(), "equals" | "not"))
            {
                self.saved_value(name, inner, id);
            }
            return;
        }
        for (key, value) in fields {
            match key.get_ref().as_ref() {
                "body" => self.saved_body(value, id),
                "answer" => self.saved_answer(name, value, id),
                known if SAVED.contains(&known) => {}
                unknown => self.no_field(key, name, unknown, &SAVED),
            }
        }
    }

    fn no_field(&mut self, key: &Spanned<impl Sized>, of: &str, unknown: &str, known: &[&str]) {
        let help = near_or(unknown, known, || format!("it has {}", listed(known)));
        self.doubt(key.span(), format!("`{of}` has no field {}", quoted(unknown)), help);
    }

    fn saved_body(&mut self, value: &Spanned<DeValue<'_>>, id: &str) {
        let Some(tree) = self.tree(id) else { return };
        match value.get_ref().as_table() {
            Some(fields) if !is_matcher(fields.keys().map(|key| key.get_ref().as_ref())) => {
                self.fields(fields, &tree, id, "", true);
            }
            _ => self.value(value, &tree, (id, "body"), true, false),
        }
    }

    fn saved_answer(&mut self, name: &str, value: &Spanned<DeValue<'_>>, id: &str) {
        let Some(fields) = value.get_ref().as_table() else { return };
        if is_matcher(fields.keys().map(|key| key.get_ref().as_ref())) {
            return;
        }
        let is_request = self.catalog.get(id).is_some_and(|entry| entry.direction == Direction::Request);
        for (key, value) in fields {
            match (key.get_ref().as_ref(), value.get_ref().as_table()) {
                ("body", Some(body)) if is_request && !self.answers_itself.contains(id) => {
                    let Some(tree) = self.answer_tree(id) else { continue };
                    self.of = "the response to ";
                    self.fields(body, &tree, id, "", true);
                    self.of = "";
                }
                (known, _) if ANSWER.contains(&known) => {}
                (unknown, _) => self.no_field(key, &format!("{name}.answer"), unknown, &ANSWER),
            }
        }
    }
}

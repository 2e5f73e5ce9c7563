//! The view that the templates of one request have, at the request itself and at its later sends.

use std::sync::Arc;

use minijinja::Value as Scope;
use serde_json::Value;

use super::file::StoreMode;
use super::plan::Store;
use super::state::{State, StoreError, Undo};
use crate::language::template::FillError;
use crate::language::template::{Helpers, Template, TemplateSet};
use crate::language::tree::TreeTemplate;
use crate::language::truth;

/// Why templates could not do their work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The declared response to a state: a code and the reason.
    Refused(i64, String),
    /// A template that can't be filled in, and its name.
    Broken(String),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.code(), error.to_string())
    }
}

/// The value of a name in templates.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Named {
    /// A value computed at the request.
    Value(Scope),
    /// An object of the state: always the current version.
    Object {
        /// Its collection.
        collection: String,
        /// Its key.
        key: String,
        /// The version that was last seen.
        last: Scope,
    },
}

/// The names that the templates of one request see beside the state.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Context {
    pub(super) request: Scope,
    pub(super) names: Vec<(String, Named)>,
}

/// The tools for filling in templates, besides the context.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tools<'a> {
    pub(super) set: &'a TemplateSet,
    pub(super) helpers: &'a Arc<Helpers>,
    pub(super) state: &'a State,
}

impl Tools<'_> {
    /// Fills in a tree of templates; `what` is its name in the error.
    pub(super) fn tree(&self, what: &str, tree: &TreeTemplate, scope: &Scope) -> Result<Value, Trouble> {
        tree.render(self.set, scope).map_err(|error| broken(what, &error))
    }

    /// Fills in a template that yields a text.
    pub(super) fn text(&self, what: &str, template: &Template, scope: &Scope) -> Result<String, Trouble> {
        let value = self.set.render(template, scope).map_err(|error| broken(what, &error))?;
        Ok(match value {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        })
    }

    /// Whether a `when` is true.
    pub(super) fn holds(&self, what: &str, when: &Template, scope: &Scope) -> Result<bool, Trouble> {
        let value = self.set.render(when, scope);
        value.and_then(|value| truth(&value)).map_err(|error| broken(what, &error))
    }
}

fn broken(what: &str, error: &FillError) -> Trouble {
    Trouble::Broken(format!("`{what}` can't be filled in: {error}"))
}

impl Context {
    /// Returns the scope of templates at this moment. An object that is gone has no name.
    pub(super) fn scope(&self, tools: Tools<'_>) -> Scope {
        let names = self.names.iter().filter_map(|(name, named)| {
            let value = match named {
                Named::Value(value) => Some(value.clone()),
                Named::Object { collection, key, .. } => tools.state.get(collection, key),
            };
            Some((name.as_str(), value?))
        });
        let built_in = [
            ("request", self.request.clone()),
            ("state", tools.state.view()),
            ("__helpers", Scope::from_dyn_object(Arc::clone(tools.helpers))),
        ];
        Scope::from_pairs(names.chain(built_in).collect::<Vec<_>>())
    }

    /// Assigns a name to a value, replacing an earlier one.
    pub(super) fn name(&mut self, name: &str, named: Named) {
        self.names.retain(|(known, _)| known != name);
        self.names.push((name.to_owned(), named));
    }

    /// Assigns a name to an object, if it exists.
    pub(super) fn name_object(&mut self, state: &State, name: Option<&String>, collection: &str, key: &str) {
        if let (Some(name), Some(last)) = (name, state.get(collection, key)) {
            self.name(name, Named::Object { collection: collection.to_owned(), key: key.to_owned(), last });
        }
    }

    /// Records the current versions of the objects; objects that are gone keep their last version.
    pub(super) fn keep_what_is_gone(&mut self, state: &State) {
        for (_, named) in &mut self.names {
            let Named::Object { collection, key, last } = named else { continue };
            match state.get(collection, key) {
                Some(now) => *last = now,
                None => *named = Named::Value(last.clone()),
            }
        }
    }

    /// Returns the key by which callbacks about one object keep their order.
    pub(super) fn order_key(&self) -> Option<String> {
        self.names.iter().find_map(|(_, named)| match named {
            Named::Object { collection, key, .. } => Some(format!("{collection}/{key}")),
            Named::Value(_) => None,
        })
    }

    /// Changes the state. If one of the changes fails, the state stays as it was.
    pub(super) fn store(&mut self, tools: Tools<'_>, stores: &[Store]) -> Result<Vec<Undo>, Trouble> {
        let mut done = Vec::new();
        for store in stores {
            match self.store_one(tools, store) {
                Ok(undo) => done.push(undo),
                Err(trouble) => {
                    tools.state.undo(done);
                    return Err(trouble);
                }
            }
        }
        Ok(done)
    }

    fn store_one(&mut self, tools: Tools<'_>, store: &Store) -> Result<Undo, Trouble> {
        let scope = self.scope(tools);
        let key = tools.text("store.key", &store.key, &scope)?;
        if key.is_empty() {
            return Err(Trouble::Broken(format!("the key of what goes to `{}` is empty", store.collection)));
        }
        let value = match &store.value {
            Some(value) => tools.tree("store.value", value, &scope)?,
            None => Value::Null,
        };
        if store.mode == StoreMode::Remove {
            self.name_object(tools.state, store.name.as_ref(), &store.collection, &key);
        }
        let undo = tools.state.change(store.mode, &store.collection, &key, value)?;
        if store.mode == StoreMode::Remove {
            self.keep_what_is_gone(tools.state);
        } else {
            self.name_object(tools.state, store.name.as_ref(), &store.collection, &key);
        }
        Ok(undo)
    }
}

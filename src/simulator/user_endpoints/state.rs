//! The state behind the user's endpoints: named collections of objects, and the view that templates have of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object};
use minijinja::{Error, ErrorKind, State as Rendering, Value as Scope};
use serde_json::Value;

use super::file::StoreMode;
use crate::language::template;
use crate::sync::lock;

/// Maximum number of objects in a collection.
pub(super) const MOST_OBJECTS: usize = 100_000;

/// Maximum total size of the objects in a collection, in bytes of JSON.
pub(super) const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Why the state was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum StoreError {
    #[error("there is no `{key}` in `{collection}`")]
    Missing { collection: String, key: String },
    #[error("`{collection}` already has a `{key}`")]
    Exists { collection: String, key: String },
    #[error(
        "the collection `{collection}` is full: it can hold {MOST_OBJECTS} objects or {MOST_BYTES} bytes"
    )]
    Full { collection: String },
}

impl StoreError {
    /// Returns the code of the response.
    pub(super) fn code(&self) -> i64 {
        match self {
            Self::Missing { .. } => 404,
            Self::Exists { .. } => 409,
            Self::Full { .. } => 507,
        }
    }
}

/// An object, as JSON and as templates see it: converting it at each reading would make long lists slow.
#[derive(Clone, Debug)]
struct Stored {
    json: Value,
    seen: Scope,
    bytes: usize,
}

/// The objects by key, in insertion order.
#[derive(Clone, Debug, Default)]
struct Collection {
    objects: IndexMap<Arc<str>, Stored>,
    bytes: usize,
}

impl Collection {
    /// Inserts an object. An existing one is replaced in its place and returned with it.
    fn put(&mut self, key: Arc<str>, stored: Stored) -> Option<(usize, Stored)> {
        self.bytes += stored.bytes;
        let (place, old) = self.objects.insert_full(key, stored);
        let old = old?;
        self.bytes -= old.bytes;
        Some((place, old))
    }

    /// Removes an object, and returns it with its place in the order.
    fn take(&mut self, key: &str) -> Option<(usize, Stored)> {
        let (place, _, stored) = self.objects.shift_remove_full(key)?;
        self.bytes -= stored.bytes;
        Some((place, stored))
    }
}

type Collections = BTreeMap<String, Collection>;

/// The data needed to undo a change.
#[derive(Debug)]
pub(super) struct Undo {
    collection: String,
    key: String,
    before: Option<(usize, Stored)>,
    /// Whether the collection did not exist before.
    is_new: bool,
}

/// All collections. Clones share the same state, which templates read while they are filled in.
#[derive(Clone, Debug, Default)]
pub(super) struct State(Arc<Mutex<Collections>>);

impl State {
    /// Returns an independent copy of the same objects.
    pub(super) fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.lock().clone())))
    }

    fn lock(&self) -> MutexGuard<'_, Collections> {
        // Each change is complete before anything that may panic.
        lock(&self.0)
    }

    /// Returns the value of `state` in templates.
    pub(super) fn view(&self) -> Scope {
        Scope::from_object(StateView(self.clone()))
    }

    /// Returns an object as templates see it.
    pub(super) fn get(&self, collection: &str, key: &str) -> Option<Scope> {
        self.lock().get(collection)?.objects.get(key).map(|stored| stored.seen.clone())
    }

    /// Changes an object; `value` is a table, or null for [`StoreMode::Remove`].
    pub(super) fn change(
        &self,
        mode: StoreMode,
        collection: &str,
        key: &str,
        value: Value,
    ) -> Result<Undo, StoreError> {
        let mut state = self.lock();
        let known = state.get(collection);
        let names = || (collection.to_owned(), key.to_owned());
        let missing = || {
            let (collection, key) = names();
            StoreError::Missing { collection, key }
        };
        let old = known.and_then(|known| known.objects.get(key));
        let value = match mode {
            StoreMode::Create if old.is_some() => {
                let (collection, key) = names();
                return Err(StoreError::Exists { collection, key });
            }
            StoreMode::Put | StoreMode::Create => Some(value),
            StoreMode::Update => {
                let mut whole = old.ok_or_else(missing)?.json.clone();
                crate::json::merge(&mut whole, value);
                Some(whole)
            }
            StoreMode::Remove => {
                old.ok_or_else(missing)?;
                None
            }
        };
        let bytes = value.as_ref().map_or(0, |value| value.to_string().len());
        let freed = old.map_or(0, |old| old.bytes);
        let grows = value.is_some() && old.is_none();
        let (count, size) = known.map_or((0, 0), |known| (known.objects.len(), known.bytes));
        if grows && count >= MOST_OBJECTS || size - freed + bytes > MOST_BYTES {
            return Err(StoreError::Full { collection: collection.to_owned() });
        }
        let is_new = known.is_none();
        let objects = state.entry(collection.to_owned()).or_default();
        let before = match value {
            Some(json) => {
                let seen = template::value(&json);
                objects.put(key.into(), Stored { json, seen, bytes })
            }
            None => objects.take(key),
        };
        let (collection, key) = names();
        Ok(Undo { collection, key, before, is_new })
    }

    /// Undoes changes, the latest first.
    pub(super) fn undo(&self, changes: Vec<Undo>) {
        let mut state = self.lock();
        for Undo { collection, key, before, is_new } in changes.into_iter().rev() {
            if is_new {
                state.remove(&collection);
                continue;
            }
            let objects = state.entry(collection).or_default();
            let was_there = objects.take(&key);
            if let Some((place, stored)) = before {
                // Everything removed since then has been restored by now, so the place is the original one.
                let place = was_there.map_or(place, |(place, _)| place);
                objects.bytes += stored.bytes;
                objects.objects.shift_insert(place, key.into(), stored);
            }
        }
    }
}

/// `state` in templates: each name is a collection, which may be empty.
#[derive(Debug)]
struct StateView(State);

impl Object for StateView {
    fn get_value(self: &Arc<Self>, key: &Scope) -> Option<Scope> {
        let name = key.as_str()?.to_owned();
        Some(Scope::from_object(CollectionView { state: self.0.clone(), name }))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.lock().keys().map(Scope::from).collect())
    }
}

/// A collection in templates: a map from keys to objects, with the methods of Python's dict.
#[derive(Debug)]
struct CollectionView {
    state: State,
    name: String,
}

impl CollectionView {
    fn list(&self, item: impl Fn(&Arc<str>, &Stored) -> Scope) -> Vec<Scope> {
        let state = self.state.lock();
        let objects = state.get(&self.name).map(|collection| &collection.objects);
        objects.into_iter().flatten().map(|(key, stored)| item(key, stored)).collect()
    }
}

impl Object for CollectionView {
    fn get_value(self: &Arc<Self>, key: &Scope) -> Option<Scope> {
        // A key that consists of digits may be given as a number.
        match key.as_str() {
            Some(key) => self.state.get(&self.name, key),
            None if key.is_number() => self.state.get(&self.name, &key.to_string()),
            None => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.list(|key, _| Scope::from(Arc::clone(key))))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.state.lock().get(&self.name).map_or(0, |objects| objects.objects.len()))
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut Rendering<'_, '_>,
        method: &str,
        args: &[Scope],
    ) -> Result<Scope, Error> {
        match (method, args) {
            ("values", []) => Ok(Scope::from(self.list(|_, stored| stored.seen.clone()))),
            ("keys", []) => Ok(Scope::from(self.list(|key, _| Scope::from(Arc::clone(key))))),
            ("items", []) => {
                Ok(Scope::from(self.list(|key, stored| {
                    Scope::from(vec![Scope::from(Arc::clone(key)), stored.seen.clone()])
                })))
            }
            ("get", [key]) => Ok(self.get_value(key).unwrap_or_else(|| Scope::from(()))),
            ("get", [key, default]) => Ok(self.get_value(key).unwrap_or_else(|| default.clone())),
            ("values" | "keys" | "items" | "get", _) => Err(Error::new(
                ErrorKind::InvalidOperation,
                format!(
                    "`{method}` of a collection takes other arguments: values(), keys(), items(), get(key, default)"
                ),
            )),
            _ => Err(Error::new(
                ErrorKind::UnknownMethod,
                format!(
                    "a collection has no method `{method}`: it has values(), keys(), items() and get(key, default)"
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn collections_are_bounded() {
        let state = State::default();
        for number in 0..MOST_OBJECTS {
            state.change(StoreMode::Put, "c", &number.to_string(), json!({})).unwrap();
        }
        let more = state.change(StoreMode::Put, "c", "more", json!({})).unwrap_err();
        assert!(more.to_string().contains("the collection `c` is full"), "{more}");
        state.change(StoreMode::Update, "c", "7", json!({"n": 1})).unwrap();
        state.change(StoreMode::Remove, "c", "8", Value::Null).unwrap();
        state.change(StoreMode::Create, "c", "more", json!({})).unwrap();
        let large = json!({"text": "x".repeat(MOST_BYTES)});
        assert!(state.change(StoreMode::Put, "d", "1", large).is_err());
    }
}

//! Corrections of the catalog by the user's settings.

use std::sync::Arc;

use thiserror::Error;

use crate::contract::renames::{CorrectedNames, Renames};
use crate::files::suggest::did_you_mean;

use super::{Catalog, Direction, Entry, EntryFile, Provenance, Route};

/// Why a correction cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CorrectionError {
    /// The catalog has no such entry.
    #[error("the catalog has no entry `{id}`{}", did_you_mean(.nearest.as_deref()))]
    UnknownId {
        /// The id as written.
        id: String,
        /// The id that was probably meant.
        nearest: Option<String>,
    },
    /// The key does not apply to the entry's direction.
    #[error("`{key}` cannot be set for `{id}`: it is a {direction}")]
    WrongKey {
        /// The entry.
        id: String,
        /// The key of the correction.
        key: &'static str,
        /// The direction of the entry.
        direction: Direction,
    },
    /// The path has no leading slash, or has characters that no path may have.
    #[error(
        "`{path}` is not a path for `{id}`: it must begin with `/` and have no spaces, no query, no fragment"
    )]
    BadPath {
        /// The entry.
        id: String,
        /// The path as written.
        path: String,
    },
    /// The text is not an HTTP method.
    #[error("`{method}` is not an HTTP method for `{id}`: write for example `POST`")]
    BadMethod {
        /// The entry.
        id: String,
        /// The method as written.
        method: String,
    },
    /// Two entries would be served under the same method and path.
    #[error("`{id}` cannot be served at {method} {path}: `{by}` is served there")]
    Taken {
        /// The entry that was to move.
        id: String,
        /// The HTTP method.
        method: String,
        /// The path.
        path: String,
        /// The entry that is already served there.
        by: String,
    },
}

impl Catalog {
    /// Returns the entry that is already served where this one would be, if there is one.
    pub(crate) fn taken(&self, id: &str) -> Option<String> {
        self.occupant(self.position(id)?).map(|by| by.id.clone())
    }

    /// Returns another entry that is served where this one was moved to.
    fn occupant(&self, at: usize) -> Option<&Entry> {
        let main = self.entries[at].routes.first()?;
        let there = |route: &Route| is_same_place(route, main);
        let mut others = self.entries.iter().enumerate().filter(|(other, _)| *other != at);
        others.find(|(_, entry)| entry.routes.iter().any(there)).map(|(_, entry)| entry)
    }

    /// Removes the routes where one of the user's own endpoints takes the place of the entry that it asks.
    fn give_places(&mut self) {
        let taken: Vec<(String, Route)> = (self.entries.iter())
            .flat_map(|entry| {
                entry.replaces.iter().filter_map(|id| Some((id.clone(), entry.routes.first()?.clone())))
            })
            .collect();
        for (id, place) in taken {
            if let Some(at) = self.position(&id) {
                self.entries[at].routes.retain(|own| !is_same_place(own, &place));
            }
        }
    }

    /// Returns the catalog with corrections by entry id.
    ///
    /// A corrected path or method replaces the entry's main route; its further routes stay. Then the user's own endpoints take the
    /// places of the entries that they ask. A route, an event or a body given
    /// without a mark counts as documented: the user has the vendor's document.
    ///
    /// # Errors
    ///
    /// Returns every correction that cannot be applied, in the order given. Then no correction is applied.
    pub fn overridden<'a>(
        &self,
        corrections: impl IntoIterator<Item = (&'a str, &'a EntryFile)>,
    ) -> Result<Self, Vec<CorrectionError>> {
        let mut corrected = self.clone();
        let mut errors = Vec::new();
        let mut moved = Vec::new();
        for (id, correction) in corrections {
            let Some(at) = self.position(id) else {
                let nearest = self.nearest(id, |_| true).map(str::to_owned);
                errors.push(CorrectionError::UnknownId { id: id.to_owned(), nearest });
                continue;
            };
            let problems = check(&self.entries[at], correction);
            if problems.is_empty() {
                apply(&mut corrected.entries[at], correction);
                if correction.path.is_some() || correction.method.is_some() {
                    moved.push(at);
                }
            }
            errors.extend(problems);
        }
        corrected.give_places();
        // Checked only now, since two entries may have changed places.
        for at in moved {
            let entry = &corrected.entries[at];
            errors.extend(corrected.occupant(at).map(|by| CorrectionError::Taken {
                id: entry.id.clone(),
                method: entry.routes[0].method.clone(),
                path: entry.routes[0].path.clone(),
                by: by.id.clone(),
            }));
        }
        if errors.is_empty() { Ok(corrected) } else { Err(errors) }
    }
}

impl Catalog {
    /// Returns the catalog with the endpoints that the user confirms, each given by its id, a group such as `task.*`, or `*` for
    /// all.
    #[must_use]
    pub fn confirming(mut self, patterns: &[String]) -> Self {
        let is_meant = |id: &str| {
            patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(group) => id.starts_with(group),
                None => pattern == id,
            })
        };
        for entry in self.entries.iter_mut().filter(|entry| is_meant(&entry.id)) {
            (entry.confirmed, entry.method_mark) = (true, None);
            let marks = entry.routes.iter_mut().map(|route| &mut route.provenance);
            for mark in marks.chain([&mut entry.provenance]) {
                // The user has the vendor's document.
                if *mark == Provenance::Assumed {
                    *mark = Provenance::Documented;
                }
            }
        }
        self
    }
}

fn check(entry: &Entry, correction: &EntryFile) -> Vec<CorrectionError> {
    let id = || entry.id.clone();
    let keys = [
        ("path", Direction::Request, correction.path.is_some()),
        ("request", Direction::Request, !correction.request.is_empty()),
        ("response", Direction::Request, !correction.response.is_empty()),
        ("event", Direction::Callback, correction.event.is_some()),
        ("signed", Direction::Callback, correction.signed.is_some()),
        ("headers", Direction::Callback, !correction.headers.is_empty()),
        ("fields", Direction::Callback, !correction.fields.is_empty()),
    ];
    let foreign = keys.into_iter().filter(|(_, of, is_given)| *is_given && *of != entry.direction);
    let wrong = |key| CorrectionError::WrongKey { id: id(), key, direction: entry.direction };
    let mut errors: Vec<CorrectionError> = foreign.map(|(key, ..)| wrong(key)).collect();
    if entry.direction == Direction::Request
        && let Some(path) = &correction.path
    {
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#');
        if !path.starts_with('/') || path.contains(odd) {
            errors.push(CorrectionError::BadPath { id: id(), path: path.clone() });
        }
    }
    if let Some(method) = &correction.method
        && (method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphabetic()))
    {
        errors.push(CorrectionError::BadMethod { id: id(), method: method.clone() });
    }
    errors
}

fn apply(entry: &mut Entry, correction: &EntryFile) {
    entry.overridden = true;
    entry.confirmed |= correction.provenance.is_some_and(|given| given != Provenance::Assumed);
    // The mark of an endpoint applies to its path, that of a callback to its body: a corrected name alone says nothing about the
    // fields.
    let known = match entry.direction {
        Direction::Request => correction.path.is_some() || correction.method.is_some(),
        Direction::Callback => correction.body.is_some(),
    };
    if let Some(provenance) = correction.provenance.or(known.then_some(Provenance::Documented)) {
        entry.provenance = provenance;
    }
    if known {
        // The mark applies to the method, too.
        entry.method_mark = None;
    }
    if let Some(main) = entry.routes.first_mut() {
        main.provenance = entry.provenance;
        if let Some(path) = &correction.path {
            main.path.clone_from(path);
        }
        if let Some(method) = &correction.method {
            main.method = method.to_ascii_uppercase();
        }
        let main = main.clone();
        let same = |route: &Route| route.method == main.method && route.path == main.path;
        let mut first = true;
        entry.routes.retain(|route| std::mem::take(&mut first) || !same(route));
    }
    if entry.direction == Direction::Callback
        && let Some(method) = &correction.method
    {
        entry.method = method.to_ascii_uppercase();
    }
    if let Some(event) = &correction.event {
        entry.event = Some(event.clone());
    }
    if let Some(signed) = correction.signed {
        (entry.signed, entry.signed_mark) = (signed, correction.provenance.unwrap_or(Provenance::Documented));
    }
    if let Some(body) = &correction.body {
        entry.body = Some(body.clone());
    }
    entry.headers.extend(correction.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    let request = Renames::new(&correction.request, &correction.words);
    let written = Renames::new(correction.response.iter().chain(&correction.fields), &correction.words);
    if !(request.is_empty() && written.is_empty()) {
        entry.names = Some(Arc::new(CorrectedNames { read: request.reversed(), request, written }));
    }
}

/// Whether two routes are the same place. Names of parameters do not make paths different.
fn is_same_place(one: &Route, other: &Route) -> bool {
    one.method == other.method && shape(&one.path).eq(shape(&other.path))
}

fn shape(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').map(|segment| {
        let parameter = segment.starts_with('{') && segment.ends_with('}');
        if parameter { "{}" } else { segment }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn corrected(toml: &str) -> Result<Catalog, Vec<String>> {
        let corrections: BTreeMap<String, EntryFile> = toml::from_str(toml).unwrap();
        Catalog::builtin()
            .overridden(corrections.iter().map(|(id, correction)| (id.as_str(), correction)))
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_corrected_path_takes_the_place_of_the_main_one() {
        let catalog = corrected(
            r#"
            ["chatbot.end_session"]
            path = "/api/v2/session/close"
            method = "put"
            ["task.create"]
            path = "/service/cloud/v2/task"
            mark = "client"
            "#,
        )
        .unwrap();
        let entry = catalog.get("chatbot.end_session").unwrap();
        assert_eq!(
            entry.routes,
            [Route {
                method: "PUT".to_owned(),
                path: "/api/v2/session/close".to_owned(),
                provenance: Provenance::Documented
            }]
        );
        assert_eq!(entry.provenance, Provenance::Documented);
        assert!(entry.overridden);
        let entry = catalog.get("task.create").unwrap();
        assert_eq!(entry.routes.len(), 1, "a route is listed once");
        assert_eq!(entry.provenance, Provenance::Client);
        assert_eq!(Catalog::builtin().get("chatbot.end_session").unwrap().provenance, Provenance::Assumed);
        assert_eq!(catalog.entries().iter().filter(|entry| entry.overridden).count(), 2);
    }

    #[test]
    fn a_corrected_callback_keeps_its_id() {
        let catalog = corrected(
            r#"
            ["session.end"]
            event = "session.closed"
            signed = false
            headers = { "X-Extra" = "1", "User-Agent" = "" }
            body = '{"id": "{{ body.user.id }}"}'
            ["session.report"]
            signed = false
            "#,
        )
        .unwrap();
        let entry = catalog.get("session.end").unwrap();
        assert_eq!(entry.event.as_deref(), Some("session.closed"));
        assert!(!entry.signed);
        assert_eq!(entry.provenance, Provenance::Documented);
        assert_eq!(
            entry.headers,
            [("User-Agent".to_owned(), String::new()), ("X-Extra".to_owned(), "1".to_owned())]
        );
        assert_eq!(entry.body.as_deref(), Some(r#"{"id": "{{ body.user.id }}"}"#));
        let entry = catalog.get("session.report").unwrap();
        assert_eq!(entry.provenance, Provenance::Assumed, "its body is still only assumed");
        assert!(entry.overridden);
    }

    #[test]
    fn entries_may_change_places_but_not_share_one() {
        corrected(
            r#"
            ["chatbot.end_session"]
            path = "/api/v1/session/list"
            ["chatbot.sessions"]
            path = "/api/v1/session/end"
            "#,
        )
        .unwrap();
        let errors = corrected(
            r#"
            ["chatbot.end_session"]
            path = "/api/v1/channel/{channel}/message"
            "#,
        )
        .unwrap_err();
        assert_eq!(
            errors,
            ["`chatbot.end_session` cannot be served at POST /api/v1/channel/{channel}/message: \
              `chatbot.channel_message` is served there"]
        );
    }

    #[test]
    fn every_mistake_is_reported() {
        let errors = corrected(
            r#"
            ["session.transfr"]
            event = "x"
            ["session.transfer"]
            path = "session"
            ["chatbot.sessions"]
            path = "/api list"
            method = "GET IT"
            signed = true
            ["hologram"]
            "#,
        )
        .unwrap_err();
        insta::assert_snapshot!(errors.join("\n"));
    }
}

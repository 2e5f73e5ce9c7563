//! The single list of endpoints and callbacks: every endpoint and callback of the vendor.
//!
//! `catalog.toml` is compiled in and read once. Settings correct it into a catalog of their own; nothing else changes it.
//! Routes, listings, suggestions and the tests of completeness are all derived from this list.

mod correct;
mod entry_file;
mod read;

use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::files::suggest::nearest;

pub use correct::CorrectionError;
pub use entry_file::EntryFile;

use super::Provenance;
use super::renames::CorrectedNames;

/// The direction of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// A request of the integrator to the vendor.
    #[serde(rename = "call")]
    Request,
    /// A request of the vendor to the integrator.
    Callback,
}

impl Direction {
    /// Returns the word shown to users and written in the catalog.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "call",
            Self::Callback => "callback",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Families of endpoints that share authentication and envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// `/service/cloud/*`: calling.
    Cloud,
    /// `/service/cloud/workflow/*`.
    Workflow,
    /// `/api/v1/*`: chatbot.
    Chatbot,
    /// `/service/callcenter/call/predict/*`: predictive dialer.
    Dialer,
    /// `/service/sms/*`.
    Sms,
    /// `/service/cloud/emptycheck`: number detection.
    Detection,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 6] =
        [Self::Cloud, Self::Workflow, Self::Chatbot, Self::Dialer, Self::Sms, Self::Detection];

    /// Returns the family whose paths begin as this one does.
    pub fn of_path(path: &str) -> Option<Self> {
        let begins = [
            ("/service/cloud/workflow/", Self::Workflow),
            ("/service/cloud/emptycheck", Self::Detection),
            ("/service/cloud/", Self::Cloud),
            ("/api/v1/", Self::Chatbot),
            ("/service/callcenter/call/predict/", Self::Dialer),
            ("/service/sms/", Self::Sms),
        ];
        begins.into_iter().find(|(begin, _)| path.starts_with(begin)).map(|(_, family)| family)
    }

    /// Returns the word shown to users and written in the catalog.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Workflow => "workflow",
            Self::Chatbot => "chatbot",
            Self::Dialer => "dialer",
            Self::Sms => "sms",
            Self::Detection => "detection",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A method and path under which an endpoint is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The HTTP method, upper case.
    pub method: String,
    /// The path, beginning with `/`; a segment in braces such as `{name}` matches anything.
    pub path: String,
    /// The provenance of the path.
    #[serde(rename = "mark")]
    pub provenance: Provenance,
}

/// An endpoint or a callback.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The catalog id, for example `session.transfer`.
    pub id: String,
    /// The vendor's titles of the entry, as its menu prints them.
    pub titles: Vec<String>,
    /// The group that the entry is listed under.
    pub group: String,
    /// The direction of the request.
    pub direction: Direction,
    /// The family, which decides the authentication and the envelope.
    pub family: Family,
    /// Of an endpoint: where it is served. The first route is the main one.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Of a callback: its HTTP method. Documented as POST for all but the inbound one, where it is assumed.
    #[serde(default = "post")]
    pub method: String,
    /// Of a callback: the event's name on the wire, if its body names it.
    pub event: Option<String>,
    /// Of a callback: whether it is signed.
    #[serde(default)]
    pub signed: bool,
    /// Of a callback: the provenance of whether it is signed.
    #[serde(default = "assumed")]
    pub signed_mark: Provenance,
    /// The provenance of the path (endpoints) or the body (callbacks).
    #[serde(rename = "mark")]
    pub provenance: Provenance,
    /// Of an endpoint: the provenance of its method, if that is better known than its path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method_mark: Option<Provenance>,
    /// Of an endpoint: whether it brings a list or files, so that its body may be large.
    #[serde(default, skip_serializing)]
    pub large: bool,
    /// One line of help.
    pub help: String,
    /// Of a callback: headers that the user's settings set or, with an empty value, remove.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body template from the user's settings, for a callback or the response to a request.
    pub body: Option<String>,
    /// Other names of fields and words, from the user's settings.
    #[serde(skip)]
    pub names: Option<Arc<CorrectedNames>>,
    /// Of the user's own endpoint: the ids of the entries whose place it takes if it has their method and path.
    #[serde(skip)]
    pub replaces: Vec<String>,
    /// Whether the user's settings changed it.
    #[serde(default)]
    pub overridden: bool,
    /// Whether the user confirms the whole entry: none of it counts as assumed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmed: bool,
}

impl Entry {
    /// Whether the assumed fields and words of this request count as errors in `strict`: not if the user vouches for them, and
    /// not if the request is assumed as a whole, since then its use is the error.
    pub fn doubts_fields(&self) -> bool {
        !self.confirmed && self.provenance != Provenance::Assumed
    }

    /// Replaces an event's usual name in a body by the user's. A name that a story wrote itself stays; a body that usually has
    /// none gets the name as its first field.
    pub(crate) fn name_event(&self, body: &mut Value) {
        let Some(name) = self.event.as_ref().filter(|_| self.overridden) else { return };
        let usual = Catalog::builtin().get(&self.id).and_then(|usual| usual.event.as_deref());
        for key in ["event", "type"] {
            if let Some(slot) = body.get_mut(key)
                && usual.is_some()
                && slot.as_str() == usual
            {
                *slot = name.as_str().into();
                return;
            }
        }
        if let (None, Some(table)) = (usual, body.as_object_mut()) {
            table.shift_insert(0, "event".to_owned(), name.as_str().into());
        }
    }
}

fn assumed() -> Provenance {
    Provenance::Assumed
}

fn post() -> String {
    "POST".to_owned()
}

/// A menu of the vendor that lists entries of other groups again, under its own titles.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Menu {
    /// Its name, as the vendor prints it.
    pub group: String,
    /// Its titles, in order. Each is a title of one entry, or of several that the vendor describes together.
    pub titles: Vec<String>,
}

/// The catalog.
#[derive(Clone, Debug)]
pub struct Catalog {
    menus: Vec<Menu>,
    entries: Vec<Entry>,
    /// Positions in `entries`, sorted by id.
    by_id: Vec<usize>,
}

static BUILTIN: LazyLock<Catalog> = LazyLock::new(|| {
    let (menus, entries) = read::builtin();
    Catalog::new(menus, entries)
});

impl Catalog {
    fn new(menus: Vec<Menu>, entries: Vec<Entry>) -> Self {
        let mut by_id: Vec<usize> = (0..entries.len()).collect();
        by_id.sort_by(|a, b| entries[*a].id.cmp(&entries[*b].id));
        Self { menus, entries, by_id }
    }

    /// Returns this catalog with further entries, each behind those of its group.
    #[must_use]
    pub fn and(&self, more: impl IntoIterator<Item = Entry>) -> Self {
        let mut entries = self.entries.clone();
        for entry in more {
            let group = entries.iter().rposition(|other| other.group == entry.group);
            entries.insert(group.map_or(entries.len(), |last| last + 1), entry);
        }
        Self::new(self.menus.clone(), entries)
    }

    /// Returns the catalog as compiled in, without the user's corrections.
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// Returns every entry, in the order of the list.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns every endpoint, in the order of the list.
    pub fn requests(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.direction == Direction::Request)
    }

    /// Returns every callback, in the order of the list.
    pub fn callbacks(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.direction == Direction::Callback)
    }

    /// Returns the names of the groups, each once, in the order of the list.
    pub fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for entry in &self.entries {
            if !groups.contains(&entry.group.as_str()) {
                groups.push(&entry.group);
            }
        }
        groups
    }

    /// Returns the menus that list entries of other groups again.
    pub fn menus(&self) -> &[Menu] {
        &self.menus
    }

    /// Returns the entries of a menu in its order, each with its title there.
    pub fn listed<'a>(&'a self, menu: &'a Menu) -> impl Iterator<Item = (&'a str, &'a Entry)> {
        menu.titles.iter().flat_map(|title| self.titled(title).map(move |entry| (title.as_str(), entry)))
    }

    /// Returns the entries with this title in the vendor's menus, ignoring letter case.
    pub fn titled<'a>(&'a self, title: &'a str) -> impl Iterator<Item = &'a Entry> {
        let is_meant = move |own: &String| {
            own.trim_start_matches('*').eq_ignore_ascii_case(title.trim_start_matches('*'))
        };
        self.entries.iter().filter(move |entry| entry.titles.iter().any(is_meant))
    }

    fn position(&self, id: &str) -> Option<usize> {
        let found = self.by_id.binary_search_by(|at| self.entries[*at].id.as_str().cmp(id)).ok()?;
        Some(self.by_id[found])
    }

    /// Returns the entry with this id.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.position(id).map(|at| &self.entries[at])
    }

    /// Returns the method and path of an endpoint, for messages. An endpoint without a route of its own is named by its id.
    pub fn place_of(&self, id: &str) -> String {
        let route = self.get(id).and_then(|entry| entry.routes.first());
        route.map_or_else(|| format!("`{id}`"), |route| format!("{} {}", route.method, route.path))
    }

    /// Returns the id that was most likely meant by `text`, among the entries that pass the filter. Letter case and the choice
    /// between `.`, `_`, `-` and space do not matter. An event's name on the wire and the end of an id are recognized too.
    pub fn nearest(&self, text: &str, filter: impl Fn(&Entry) -> bool) -> Option<&str> {
        let wanted = text.trim().to_lowercase();
        let ending = format!(".{}", wanted.replace(['_', '-', ' '], "."));
        let entries = || self.entries.iter().filter(|entry| filter(entry));
        let called =
            |entry: &&Entry| entry.event.as_deref().is_some_and(|event| event.eq_ignore_ascii_case(&wanted));
        let same = |entry: &&Entry| entry.id.replace('_', ".") == ending[1..];
        let ends = |entry: &&Entry| ending.len() > 1 && entry.id.replace('_', ".").ends_with(&ending);
        entries()
            .find(same)
            .or_else(|| entries().find(called))
            .or_else(|| entries().find(ends))
            .map(|entry| entry.id.as_str())
            .or_else(|| nearest(text, entries().map(|entry| entry.id.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A copy of the vendor's menu: entry, id, direction, method, path, mark. An endpoint with two paths has two rows.
    const MENU: &str = include_str!("../../../tests/it/menu.tsv");

    fn provenance(letters: &str) -> Provenance {
        // Where the menu names two marks, each for one part, the catalog holds the weaker one.
        match letters.rsplit('/').next() {
            Some("D") => Provenance::Documented,
            Some("E") => Provenance::Example,
            Some("C") => Provenance::Client,
            Some("A") => Provenance::Assumed,
            _ => panic!("unknown provenance {letters}"),
        }
    }

    #[test]
    fn the_catalog_holds_the_whole_menu_and_nothing_else() {
        let mut menu = BTreeSet::new();
        for line in MENU.lines().skip(1) {
            let [_, id, direction, method, path, letters] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("a row of the menu has six columns: {line}");
            };
            assert!(
                menu.insert((id, direction, method, path, provenance(letters))),
                "twice in the menu: {line}"
            );
        }
        let mut listed = BTreeSet::new();
        for entry in Catalog::builtin().entries() {
            let direction = entry.direction.as_str();
            for route in &entry.routes {
                listed.insert((
                    entry.id.as_str(),
                    direction,
                    route.method.as_str(),
                    route.path.as_str(),
                    route.provenance,
                ));
            }
            if entry.direction == Direction::Callback {
                listed.insert((entry.id.as_str(), direction, "", "", entry.provenance));
            }
        }
        let missing: Vec<_> = menu.difference(&listed).collect();
        let unknown: Vec<_> = listed.difference(&menu).collect();
        assert!(missing.is_empty() && unknown.is_empty(), "missing: {missing:#?}\nunknown: {unknown:#?}");
        assert_eq!(Catalog::builtin().entries().len(), 82);
        assert_eq!(Catalog::builtin().callbacks().count(), 26);
        assert_eq!(Catalog::builtin().requests().count(), 56);
    }

    #[test]
    fn entries_are_well_formed() {
        let catalog = Catalog::builtin();
        let mut ids = BTreeSet::new();
        let mut routes = BTreeSet::new();
        for entry in catalog.entries() {
            let id = &entry.id;
            assert!(ids.insert(id), "{id} is there twice");
            assert!(!entry.titles.is_empty() && !entry.help.is_empty(), "{id} says nothing");
            assert!(!entry.help.ends_with('.') && entry.help.chars().count() <= 90, "{id}: {}", entry.help);
            assert!(!entry.overridden && entry.headers.is_empty() && entry.body.is_none());
            for route in &entry.routes {
                assert!(
                    routes.insert((&route.method, &route.path)),
                    "{} {} is there twice",
                    route.method,
                    route.path
                );
                assert!(matches!(route.method.as_str(), "GET" | "POST") && route.path.starts_with('/'));
            }
            match entry.direction {
                Direction::Request => {
                    assert!(!entry.routes.is_empty() && entry.event.is_none() && !entry.signed, "{id}");
                    assert_eq!(entry.routes[0].provenance, entry.provenance, "{id}");
                }
                Direction::Callback => assert!(entry.routes.is_empty(), "{id}"),
            }
        }
        for entry in catalog.callbacks() {
            let chatbot = entry.family == Family::Chatbot;
            assert_eq!(entry.signed, chatbot || entry.id == "workflow.session_ended", "{}", entry.id);
            let known = match &*entry.id {
                "inbound.call_completed" => Provenance::Assumed,
                "workflow.api_push" => Provenance::Documented,
                _ if entry.signed => Provenance::Documented,
                id if id.starts_with("dialer.") => Provenance::Client,
                _ => Provenance::Assumed,
            };
            assert_eq!(entry.signed_mark, known, "{}", entry.id);
            if chatbot {
                assert_eq!(entry.event.as_deref(), Some(entry.id.as_str()));
            }
        }
    }

    #[test]
    fn paths_tell_their_family() {
        for entry in Catalog::builtin().requests() {
            for route in &entry.routes {
                assert_eq!(Family::of_path(&route.path), Some(entry.family), "{}", route.path);
            }
        }
        assert_eq!(Family::of_path("/service/other"), None);
    }

    #[test]
    fn groups_stand_together() {
        let catalog = Catalog::builtin();
        let mut runs: Vec<&str> = catalog.entries().iter().map(|entry| entry.group.as_str()).collect();
        runs.dedup();
        assert_eq!(runs, catalog.groups());
    }

    #[test]
    fn the_menu_of_leads_generation_is_whole() {
        let catalog = Catalog::builtin();
        let [menu] = catalog.menus() else { panic!("one menu: {:?}", catalog.menus()) };
        assert_eq!((menu.group.as_str(), menu.titles.len()), ("WorkFlow_LeadsGeneration", 13));
        for title in &menu.titles {
            let count = catalog.titled(title).count();
            assert!(count == 1 || count == 3 && title.contains("Dialer"), "{title}: {count}");
        }
        let listed: BTreeSet<&str> = catalog.listed(menu).map(|(_, entry)| entry.id.as_str()).collect();
        assert_eq!(listed.len(), 15);
    }

    #[test]
    fn every_id_is_found() {
        let catalog = Catalog::builtin();
        for entry in catalog.entries() {
            assert_eq!(catalog.get(&entry.id).map(|found| &found.id), Some(&entry.id));
        }
        assert!(catalog.get("session.transfr").is_none());
        assert!(catalog.get("").is_none());
    }

    #[test]
    fn near_misses_are_understood() {
        let catalog = Catalog::builtin();
        for (text, meant) in [
            ("session.transfr", Some("session.transfer")),
            ("session_transfer", Some("session.transfer")),
            ("Session.Transfer", Some("session.transfer")),
            ("transfer_result", Some("chatbot.agent_transfer_result")),
            ("agent.mesage_status", Some("agent.message_status")),
            ("call_completed", Some("call.completed")),
            ("AgentStatus", Some("dialer.agent_status")),
            ("task.crate", Some("task.create")),
            ("api_push", Some("workflow.api_push")),
            ("hologram", None),
            ("", None),
        ] {
            assert_eq!(catalog.nearest(text, |_| true), meant, "{text}");
        }
        let callbacks = |entry: &Entry| entry.direction == Direction::Callback;
        assert_eq!(catalog.nearest("task.create", callbacks), None);
        assert_eq!(catalog.nearest("transfer", callbacks), Some("session.transfer"));
    }
}

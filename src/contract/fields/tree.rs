//! The fields of a body as a tree, for checking a body written by hand: does a field exist, and may it hold a given word?

use std::collections::BTreeMap;

use super::json_type::JsonType;
use super::reference::Field;
use crate::files::suggest::nearest_of;
use crate::json::path_keys;

/// Minimum length of a name that is looked for anywhere in a body, in letters.
const SHORTEST: usize = 4;

/// What one place of a body may hold.
#[derive(Clone, Debug, Default)]
pub struct FieldTree {
    within: BTreeMap<String, FieldTree>,
    words: Vec<String>,
    types: Vec<JsonType>,
    item_types: Vec<JsonType>,
    keeps_more: bool,
}

impl FieldTree {
    /// Builds the tree of these fields.
    pub fn of(fields: &[Field]) -> Self {
        let mut root = Self::default();
        for field in fields {
            let mut node = &mut root;
            // A list as a whole has no name.
            let names = field.path.split('.').map(|name| name.trim_end_matches("[]"));
            for name in names.filter(|name| !name.is_empty()) {
                node = node.within.entry(name.to_owned()).or_default();
            }
            node.words.clone_from(&field.allowed);
            node.keeps_more = field.keeps_more;
            (node.types, node.item_types) = JsonType::of_kind(&field.kind);
        }
        root
    }

    /// Returns the tree of a table that has these fields, with this tree in one of them.
    #[must_use]
    pub fn inside<'a>(self, name: &str, beside: impl IntoIterator<Item = &'a str>) -> Self {
        let beside = beside.into_iter().map(|name| (name.to_owned(), Self::default()));
        Self { within: beside.chain([(name.to_owned(), self)]).collect(), ..Self::default() }
    }

    /// Returns the field of this name.
    pub fn field(&self, name: &str) -> Option<&Self> {
        self.within.get(name)
    }

    /// Whether all fields in it are known, so that any other is a mistake.
    pub fn is_closed(&self) -> bool {
        !self.within.is_empty() && !self.keeps_more
    }

    /// Whether no fields are known in it.
    pub fn is_leaf(&self) -> bool {
        self.within.is_empty()
    }

    /// Whether it is a text, a number or a boolean rather than a table.
    pub fn is_plain(&self) -> bool {
        let is_plain = |kind: &JsonType| !matches!(kind, JsonType::List | JsonType::Table);
        self.types.first().is_some_and(is_plain) && self.within.is_empty()
    }

    /// Whether it is a text and nothing else.
    pub fn is_text(&self) -> bool {
        self.types == [JsonType::Text] && self.within.is_empty()
    }

    /// Returns the field at a path such as `messages[0].content.text`.
    pub fn at(&self, path: &str) -> Option<&Self> {
        path_keys(path)
            .filter(|name| name.parse::<usize>().is_err())
            .try_fold(self, |node, name| node.field(name))
    }

    /// Returns the types of its values; nothing if any type is right.
    pub fn types(&self) -> &[JsonType] {
        &self.types
    }

    /// Returns the types of the items of a list; nothing if any type is right.
    pub fn item_types(&self) -> &[JsonType] {
        &self.item_types
    }

    /// Whether it is a list and nothing else.
    pub fn is_list(&self) -> bool {
        self.types == [JsonType::List]
    }

    /// Returns the words it may hold, if they are fixed.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Returns the names of the fields in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.within.keys().map(String::as_str)
    }

    /// Returns the path, from here, of the field that was most likely meant by an unknown name.
    pub fn nearest(&self, name: &str) -> Option<String> {
        let within = |(outer, node): (&String, &Self)| {
            let outer = outer.clone();
            node.within.keys().map(move |inner| format!("{outer}.{inner}")).collect::<Vec<_>>()
        };
        let known: Vec<String> =
            self.within.keys().cloned().chain(self.within.iter().flat_map(within)).collect();
        let near = nearest_of(name, known.iter().map(|known| (known.as_str(), known))).cloned();
        // A name as short as `id` occurs in too many places to say which one is meant.
        near.or_else(|| self.deeper(name).filter(|_| name.len() >= SHORTEST))
    }

    /// Returns the path of the nearest field below with exactly this name.
    fn deeper(&self, name: &str) -> Option<String> {
        let inner = |(outer, node): (&String, &Self)| {
            let inner = if node.within.contains_key(name) { name.to_owned() } else { node.deeper(name)? };
            Some(format!("{outer}.{inner}"))
        };
        self.within.iter().filter_map(inner).min_by_key(|path| path.matches('.').count())
    }

    /// Looks for the first name of a path that is not a field.
    ///
    /// # Errors
    ///
    /// Returns that name, and the field that was probably meant.
    pub fn find(&self, path: &str) -> Result<(), UnknownField> {
        let mut node = self;
        let mut outer = String::new();
        for name in path_keys(path).filter(|name| name.parse::<usize>().is_err()) {
            if node.is_leaf() {
                return Ok(());
            }
            match node.within.get(name) {
                Some(inner) => node = inner,
                None if node.keeps_more => return Ok(()),
                None => {
                    let meant = node.nearest(name).map(|near| format!("{outer}{near}"));
                    let known = node.names().map(str::to_owned).collect();
                    return Err(UnknownField { name: name.to_owned(), meant, known });
                }
            }
            outer.push_str(name);
            outer.push('.');
        }
        Ok(())
    }
}

/// A name that is not a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownField {
    /// The name as written.
    pub name: String,
    /// The path that was probably meant.
    pub meant: Option<String>,
    /// The known fields in its place.
    pub known: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::super::{Use, fields_of};
    use super::*;
    use crate::contract::bodies::message::Message;

    #[test]
    fn a_wrong_name_is_found_with_the_path_that_was_meant() {
        let tree = FieldTree::of(&fields_of::<Message>(Use::Written));
        for (path, meant) in [
            ("msg_id", None),
            ("content.media.origin_url", None),
            ("reply[0].content.type", None),
            ("msgid", Some(Some("msg_id"))),
            ("content.media.orign_url", Some(Some("content.media.origin_url"))),
            ("origin_url", Some(Some("content.media.origin_url"))),
            ("quux", Some(None)),
        ] {
            let found = tree.find(path).err().map(|unknown| unknown.meant);
            assert_eq!(found, meant.map(|meant: Option<&str>| meant.map(str::to_owned)), "{path}");
        }
        assert!(tree.at("content.text").unwrap().is_text() && !tree.at("content").unwrap().is_text());
        assert!(tree.field("sender_type").unwrap().words().contains(&"robot".to_owned()));
    }
}

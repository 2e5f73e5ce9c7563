//! Reads the compiled-in list.

use serde::Deserialize;

use super::{Entry, Menu};

const TEXT: &str = include_str!("catalog.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    menus: Vec<Menu>,
    entries: Vec<toml::Table>,
}

pub(super) fn builtin() -> (Vec<Menu>, Vec<Entry>) {
    const VALID: &str = "catalog.toml is compiled in and read by the tests";
    let list: List = toml::from_str(TEXT).expect(VALID);
    let entries = list.entries.into_iter().map(|row| marked(row).try_into().expect(VALID));
    (list.menus, entries.collect())
}

/// Gives a route without a provenance of its own that of its entry.
fn marked(mut row: toml::Table) -> toml::Table {
    if let Some(mark) = row.get("mark").cloned()
        && let Some(routes) = row.get_mut("routes").and_then(toml::Value::as_array_mut)
    {
        for route in routes.iter_mut().filter_map(toml::Value::as_table_mut) {
            route.entry("mark").or_insert_with(|| mark.clone());
        }
    }
    row
}

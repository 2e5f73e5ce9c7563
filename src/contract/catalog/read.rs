//! Reading the compiled-in list.

use serde::Deserialize;

use super::{Direction, Entry, Family, Mark, Route};

const TEXT: &str = include_str!("catalog.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    entries: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    titles: Vec<String>,
    group: String,
    direction: Direction,
    family: Family,
    mark: Mark,
    #[serde(default)]
    routes: Vec<RouteRow>,
    event: Option<String>,
    #[serde(default)]
    signed: bool,
    help: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteRow {
    method: String,
    path: String,
    mark: Option<Mark>,
}

pub(super) fn builtin() -> Vec<Entry> {
    let list: List = toml::from_str(TEXT).expect("catalog.toml is compiled in and read by the tests");
    list.entries.into_iter().map(entry).collect()
}

fn entry(row: Row) -> Entry {
    let routes = row
        .routes
        .into_iter()
        .map(|route| Route { method: route.method, path: route.path, mark: route.mark.unwrap_or(row.mark) })
        .collect();
    Entry {
        id: row.id,
        titles: row.titles,
        group: row.group,
        direction: row.direction,
        family: row.family,
        routes,
        method: "POST".to_owned(),
        event: row.event,
        signed: row.signed,
        mark: row.mark,
        help: row.help,
        headers: Vec::new(),
        body: None,
        overridden: false,
    }
}

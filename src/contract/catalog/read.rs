//! Reading the compiled-in list.

use serde::Deserialize;

use super::{Direction, Entry, Family, Provenance, Route};

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
    #[serde(rename = "mark")]
    provenance: Provenance,
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
    #[serde(rename = "mark")]
    provenance: Option<Provenance>,
}

pub(super) fn builtin() -> Vec<Entry> {
    let list: List = toml::from_str(TEXT).expect("catalog.toml is compiled in and read by the tests");
    list.entries.into_iter().map(entry).collect()
}

fn entry(row: Row) -> Entry {
    let routes = row
        .routes
        .into_iter()
        .map(|route| Route {
            method: route.method,
            path: route.path,
            provenance: route.provenance.unwrap_or(row.provenance),
        })
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
        provenance: row.provenance,
        help: row.help,
        headers: Vec::new(),
        body: None,
        overridden: false,
    }
}

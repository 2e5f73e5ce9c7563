//! `GET /_mock/openapi.json`: describes the control surface for client generators.

use serde_json::{Map, Value, json};

use super::World;
use super::endpoint::{Answered, Endpoint, Nothing, Row};
use super::refused::Refused;

/// Describes the control surface.
pub(super) struct Describe;

impl Endpoint for Describe {
    const NAME: &'static str = "openapi";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/openapi.json";
    const WHAT: &'static str = "describes these for generators of clients, as OpenAPI 3.1";
    type Ask = Nothing;
    type Answer = Value;

    async fn answer(_: World, _: Nothing) -> Result<Answered<Value>, Refused> {
        Ok(Answered::ok(document()))
    }
}

/// Returns the document, derived from the types of the requests.
pub fn document() -> Value {
    let mut paths = Map::new();
    for row in &super::ROWS {
        let path = format!("{}{}", super::PREFIX, row.path);
        let path = paths.entry(path).or_insert_with(|| json!({}));
        path[row.method.to_lowercase()] = operation(row);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "airudder-mock: looking at a mock, and steering it",
            "description": "None of this is the vendor's.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "paths": paths,
    })
}

fn operation(row: &Row) -> Value {
    let [mut ask, answer] = (row.schemas)();
    let in_path = |name: &str| row.path.contains(&format!("{{{name}}}"));
    let mut parameters = Vec::new();
    let is_body = row.method == "POST";
    if let Some(Value::Object(fields)) = ask.get_mut("properties") {
        fields.retain(|name, schema| {
            let place = match (in_path(name), is_body) {
                (true, _) => "path",
                (false, true) => return true,
                (false, false) => "query",
            };
            let description = schema.as_object_mut().and_then(|schema| schema.shift_remove("description"));
            parameters.push(json!({
                "name": name, "in": place, "required": place == "path", "description": description, "schema": schema,
            }));
            false
        });
    }
    if let Some(Value::Array(required)) = ask.get_mut("required") {
        required.retain(|name| !name.as_str().is_some_and(in_path));
    }
    let refused = json!({ "description": "It is refused; `message` says why.", "content": { "application/json": { "schema": {
        "type": "object", "properties": { "message": { "type": "string" } }, "required": ["message"],
    } } } });
    let done = json!({ "description": "It is done.", "content": { row.content_type: { "schema": answer } } });
    let mut responses = json!({ "400": refused, "404": refused, "405": refused });
    for status in row.statuses {
        responses[status.to_string()] = done.clone();
    }
    for status in ["409", "415", "429"].into_iter().filter(|_| is_body) {
        responses[status] = refused.clone();
    }
    let mut operation = json!({
        "operationId": row.name,
        "summary": row.what,
        "parameters": parameters,
        "responses": responses,
    });
    if is_body {
        operation["requestBody"] = json!({ "content": { "application/json": { "schema": ask } } });
    }
    operation
}

//! `GET /_mock/openapi.json`: describes the control surface for client generators.

use serde_json::{Map, Value, json};

use super::World;
use super::endpoint::{Answered, Nothing, Row};
use super::refused::Refused;

/// Describes the control surface.
pub(super) async fn describe(_: World, _: Nothing) -> Result<Answered<Value>, Refused> {
    Ok(Answered::ok(document()))
}

/// Real requests and responses of a mock, by the names of the requests. A test makes them again and compares.
const EXAMPLES: &str = include_str!("examples.json");

/// Returns the document, derived from the types of the requests.
pub fn document() -> Value {
    let mut paths = Map::new();
    // A test ensures that they can be parsed.
    let examples: Value = serde_json::from_str(EXAMPLES).unwrap_or_default();
    for row in &super::ROWS {
        let path = format!("{}{}", super::PREFIX, row.path);
        let path = paths.entry(path).or_insert_with(|| json!({}));
        path[row.method.to_lowercase()] = operation(row, &examples[row.name]);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "airudder-mock: inspecting and controlling a mock",
            "description": "None of this is part of the vendor's API.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "paths": paths,
    })
}

fn operation(row: &Row, example: &Value) -> Value {
    let [mut ask, answer] = (row.schemas)();
    let mut asked = example["asked"].as_object().cloned().unwrap_or_default();
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
            let mut parameter = json!({
                "name": name, "in": place, "required": place == "path", "description": description, "schema": schema,
            });
            if let Some(value) = asked.shift_remove(name) {
                parameter["example"] = value;
            }
            parameters.push(parameter);
            false
        });
    }
    if let Some(Value::Array(required)) = ask.get_mut("required") {
        required.retain(|name| !name.as_str().is_some_and(in_path));
    }
    let refused = json!({ "description": "The request is refused; `message` says why.", "content": { "application/json": { "schema": {
        "type": "object", "properties": { "message": { "type": "string" } }, "required": ["message"],
    } } } });
    let done =
        json!({ "description": "It is done.", "content": { row.form.content_type: { "schema": answer } } });
    let mut responses = json!({ "400": refused, "404": refused, "405": refused });
    for status in row.form.statuses {
        responses[status.to_string()] = done.clone();
    }
    if let (Some(answered), [status, ..]) = (example.get("answered"), row.form.statuses) {
        responses[status.to_string()]["content"][row.form.content_type]["example"] = answered.clone();
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
        let mut content = json!({ "schema": ask });
        if !asked.is_empty() {
            content["example"] = Value::Object(asked);
        }
        operation["requestBody"] = json!({ "content": { "application/json": content } });
    }
    operation
}

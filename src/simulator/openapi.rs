//! The vendor's API as an OpenAPI document: requests, callbacks, and the provenance of each part.
//!
//! It is generated from the types that decode requests and write responses and callbacks, under the user's own catalog. Its
//! examples are taken from one fixed session with the mock, see [`super::examples`].

use serde_json::{Map, Value, json};

use super::examples::{Exchange, examples};
use super::reference::{callback, endpoint};
use crate::contract::catalog::Route;
use crate::contract::{Catalog, Direction, Entry, Family, Provenance, envelope, expected};

/// Generates the document.
pub fn document(catalog: &Catalog) -> Value {
    let (mut paths, mut webhooks) = (Map::new(), Map::new());
    for entry in catalog.entries() {
        match entry.direction {
            Direction::Request => {
                for (number, route) in entry.routes.iter().enumerate() {
                    let path = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
                    path[route.method.to_lowercase()] = request(entry, number, route);
                }
            }
            Direction::Callback => {
                let method = entry.method.to_lowercase();
                webhooks.insert(entry.id.clone(), json!({ method: webhook(entry) }));
            }
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "AI Rudder, as airudder-mock serves it",
            "description": "Not made by the vendor. `x-provenance` says where each part is known from: \
                `documented` (the vendor's public documentation), `example` (an example in it), `client` \
                (a third-party client in real use), `assumed` (not public, so it may be different). \
                Where there is also `x-values`, it says where the words, the unit or the limit of a \
                field are known from. `x-codes` lists the codes of responses.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "webhooks": webhooks,
        "x-codes": codes(),
        "components": { "securitySchemes": {
            "token": { "type": "apiKey", "in": "header", "name": "Authorization", "description": "`Token TOKEN`, with the token of POST /service/cloud/auth; the predictive dialer has one of its own." },
            "signature": { "type": "apiKey", "in": "header", "name": "X-AIRudder-Sign", "description": "The signature of the body; X-AIRudder-Sign-Key names its key." },
        } },
    })
}

/// Returns the vendor's title and the mock's description of an entry.
fn about(entry: &Entry, id: String) -> Map<String, Value> {
    let summary = entry.titles.first().unwrap_or(&entry.help);
    let about = json!({
        "operationId": id, "summary": summary, "description": entry.help, "tags": [entry.group],
        "x-provenance": entry.provenance, "x-family": entry.family,
    });
    match about {
        Value::Object(about) => about,
        _ => Map::new(),
    }
}

/// Describes a request at one of its routes.
fn request(entry: &Entry, number: usize, route: &Route) -> Value {
    let id = if number == 0 { entry.id.clone() } else { format!("{}.{}", entry.id, number + 1) };
    let mut operation = about(entry, id);
    operation.insert("x-provenance".to_owned(), json!(route.provenance));
    if let Some(method) = entry.method_mark {
        operation.insert("x-method-provenance".to_owned(), json!(method));
    }
    let [asked, answered] = endpoint(&entry.id).map_or_else(
        || [json!({ "type": "object" }), json!({})],
        |endpoint| (endpoint.shape)().schemas.map(|schema| schema()),
    );
    // An example is of what the mock has itself: of the user's own endpoints there is none.
    let example = examples().exchanges.get(&entry.id);
    let mut parameters: Vec<Value> = route.path.split('/').filter_map(in_path).collect();
    if matches!(route.method.as_str(), "GET" | "DELETE") {
        parameters.extend(in_query(&asked, example));
    } else {
        let kind = if has_file(&asked) { "multipart/form-data" } else { "application/json" };
        let mut body = json!({ "schema": asked });
        if let Some(Exchange { asked, .. }) = example {
            body["example"] = asked.clone();
        }
        operation.insert("requestBody".to_owned(), json!({ "content": { kind: body } }));
    }
    operation.insert("parameters".to_owned(), parameters.into());
    let mut done = json!({ "schema": ok(entry.family, answered) });
    if let Some(Exchange { answered, .. }) = example {
        done["example"] = answered.clone();
    }
    operation.insert("responses".to_owned(), json!({
        "200": { "description": "The request succeeded, or \
            was refused with a code that is not an HTTP status.", "content": { "application/json": done } },
        "default": { "description": "The request was refused; the envelope has the code and the reason.", "content": {
            "application/json": { "schema": refused(entry.family) },
        } },
    }));
    let security = match entry.family {
        Family::Chatbot => json!([{ "signature": [] }]),
        Family::Detection => json!([]),
        _ if matches!(entry.id.as_str(), "auth.token" | "dialer.auth") => json!([]),
        _ => json!([{ "token": [] }]),
    };
    operation.insert("security".to_owned(), security);
    Value::Object(operation)
}

/// Describes a part of a path that stands for a value.
fn in_path(part: &str) -> Option<Value> {
    let name = part.strip_prefix('{')?.strip_suffix('}')?;
    Some(json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
}

/// Whether a file goes with a request.
fn has_file(asked: &Value) -> bool {
    asked["properties"]
        .as_object()
        .is_some_and(|fields| fields.values().any(|field| field["x-form"] == "(a file)"))
}

/// Describes the fields of a request that has no body.
fn in_query(asked: &Value, example: Option<&Exchange>) -> Vec<Value> {
    // Fields that several requests share have a schema of their own.
    if let Some(parts) = asked["allOf"].as_array() {
        return parts.iter().flat_map(|part| in_query(part, example)).collect();
    }
    let is_required = |name: &str| {
        let required = asked["required"].as_array().into_iter().flatten();
        required.into_iter().any(|one| one == name)
    };
    let fields = asked["properties"].as_object().into_iter().flatten();
    fields
        .map(|(name, schema)| {
            let mut parameter =
                json!({ "name": name, "in": "query", "required": is_required(name), "schema": schema });
            if let Some(description) = schema.get("description") {
                parameter["description"] = description.clone();
            }
            if let Some(example) = example.and_then(|example| example.asked.get(name)) {
                parameter["example"] = example.clone();
            }
            parameter
        })
        .collect()
}

/// Returns the schema of a value that always looks like this one.
fn like(sample: &Value) -> Value {
    match sample {
        Value::Number(_) => json!({ "type": "integer", "const": sample }),
        _ => json!({ "type": "string" }),
    }
}

/// Returns the envelope of a family around the data of a response.
fn enveloped(family: Family, data: Value) -> Value {
    let text = envelope::success(family, |id| id.push_str(&"0".repeat(32)));
    let sample: Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
    let mut properties: Map<String, Value> =
        sample.iter().map(|(name, value)| (name.clone(), like(value))).collect();
    let required: Vec<String> = properties.keys().cloned().collect();
    properties.insert(envelope::names(family).1.to_owned(), data);
    json!({ "type": "object", "properties": properties, "required": required })
}

/// Describes the responses with status 200: the data, or a refusal whose code is not an HTTP status.
fn ok(family: Family, data: Value) -> Value {
    let done = enveloped(family, data);
    let mut refused = refused(family);
    refused["properties"]["code"]["not"] = done["properties"]["code"].clone();
    json!({ "anyOf": [done, refused] })
}

/// Returns the envelope of a family around nothing but the reason of a refusal.
fn refused(family: Family) -> Value {
    let sample = envelope::error(family, 400, "", String::new);
    let names: Vec<&String> = sample.as_object().into_iter().flat_map(Map::keys).collect();
    let kind = |name: &str| if name == "code" { "integer" } else { "string" };
    let properties: Map<String, Value> =
        names.iter().map(|name| ((*name).clone(), json!({ "type": kind(name) }))).collect();
    json!({ "type": "object", "properties": properties, "required": names })
}

/// Describes a callback.
fn webhook(entry: &Entry) -> Value {
    let mut operation = about(entry, entry.id.clone());
    operation.insert("x-signed".to_owned(), entry.signed.into());
    operation.insert("x-signed-provenance".to_owned(), json!(entry.signed_mark));
    if entry.signed {
        operation.insert(
            "parameters".to_owned(),
            json!([{
                "name": "X-AIRudder-Sign", "in": "header", "required": true, "schema": { "type": "string" },
                "description": "The signature of the body. How it is made is not public.",
                "x-provenance": entry.signed_mark,
            }]),
        );
    }
    let mut content =
        json!({ "schema": callback(&entry.id).map_or_else(|| json!({}), |known| (known.schema)()) });
    let examples = examples();
    if let Some(example) = examples.callbacks.get(&entry.id).or(examples.by_hand.get(&entry.id)) {
        content["example"] = example.clone();
    }
    operation.insert(
        "requestBody".to_owned(),
        json!({ "required": true, "content": { "application/json": content } }),
    );
    operation.insert("responses".to_owned(), taken(&entry.id));
    Value::Object(operation)
}

/// Describes the response to a callback that is accepted.
fn taken(event: &str) -> Value {
    match event {
        "session.transfer" => json!({ "200": {
            "description": "The callback was accepted. After any other status it is tried again, as the \
                delivery policy says.",
            "content": { "application/json": { "schema": { "type": "object" }, "example": expected::response(event) } },
            "x-provenance": Provenance::Documented,
        } }),
        _ => json!({
            "2XX": { "description": "The callback was accepted. After any other status it is tried \
                again, as the delivery policy says." },
        }),
    }
}

/// Lists the codes of every family, with the provenance of each.
fn codes() -> Value {
    let code = |code: &envelope::Code| json!({ "code": code.code, "meaning": code.meaning, "x-provenance": code.provenance });
    let of = |family: Family| {
        let all: Vec<Value> = envelope::codes(family).iter().map(code).collect();
        (family.as_str().to_owned(), all.into())
    };
    Value::Object(Family::ALL.into_iter().map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_the_catalog_is_there_with_its_provenance() {
        let catalog = Catalog::builtin();
        let document = document(catalog);
        for entry in catalog.entries() {
            let operations: Vec<&Value> = match entry.direction {
                Direction::Callback => vec![&document["webhooks"][&entry.id]["post"]],
                Direction::Request => entry
                    .routes
                    .iter()
                    .map(|route| &document["paths"][&route.path][route.method.to_lowercase()])
                    .collect(),
            };
            for operation in operations {
                assert!(operation["operationId"].as_str().unwrap().starts_with(&entry.id), "{}", entry.id);
                assert!(
                    operation["x-provenance"].is_string() && operation["responses"].is_object(),
                    "{operation}"
                );
            }
        }
        let transfer =
            &document["webhooks"]["session.transfer"]["post"]["requestBody"]["content"]["application/json"];
        assert!(transfer["example"]["user"]["id"].is_string(), "{transfer}");
        let callback = |event: &str| &document["webhooks"][event]["post"];
        let transfer = callback("session.transfer");
        assert_eq!(transfer["parameters"][0]["name"], "X-AIRudder-Sign");
        assert_eq!(transfer["parameters"][0]["x-provenance"], "documented");
        assert_eq!(
            transfer["responses"]["200"]["content"]["application/json"]["schema"],
            json!({ "type": "object" })
        );
        let known = |event: &str| (&callback(event)["x-signed"], &callback(event)["x-signed-provenance"]);
        assert_eq!(known("workflow.api_push"), (&json!(false), &json!("documented")));
        assert_eq!(known("call.completed"), (&json!(false), &json!("assumed")));
        assert!(callback("call.completed")["parameters"].is_null());
        assert_eq!(document["paths"]["/service/cloud/plan"]["post"]["x-method-provenance"], "documented");
        let codes = document["x-codes"]["dialer"].as_array().unwrap();
        let gone = codes.iter().find(|code| code["code"] == 10506).unwrap();
        assert_eq!(gone["x-provenance"], "client");
        let name = &document["paths"]["/service/cloud/task"]["post"]["requestBody"]["content"]["application/json"]
            ["schema"]["allOf"][0]["properties"]["TaskName"];
        assert!(
            name["x-provenance"].is_string()
                && !name["description"].as_str().unwrap().contains("(documented)"),
            "{name}"
        );
    }
}

//! The vendor's API as an OpenAPI document: requests, callbacks, and the provenance of each part.
//!
//! It is generated from the types that decode requests and write responses and callbacks, with the user's corrections. Its
//! examples are taken from one fixed session with the mock, see [`super::examples`].

use serde_json::{Map, Value, json};

use super::examples::{Exchange, examples};
use super::reference::{callback, endpoint};
use crate::contract::catalog::Route;
use crate::contract::envelope::CorrectedCodes;
use crate::contract::renames::{CorrectedNames, Renames};
use crate::contract::signature::Scheme;
use crate::contract::{Catalog, Direction, Entry, Family, Provenance, envelope, expected};

/// What the document describes: the vendor's API as the user's settings have it.
#[derive(Clone, Copy, Debug)]
pub struct Described<'a> {
    /// The entries, with their corrected paths and names.
    pub catalog: &'a Catalog,
    /// How requests and callbacks are signed.
    pub scheme: &'a Scheme,
    /// The corrected codes of refusals.
    pub codes: &'a CorrectedCodes,
}

/// Generates the document.
pub fn document(described: Described<'_>) -> Value {
    let Described { catalog, scheme, codes } = described;
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
                webhooks.insert(entry.id.clone(), json!({ method: webhook(entry, scheme) }));
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
        "x-codes": all_codes(codes),
        "components": { "securitySchemes": {
            "token": { "type": "apiKey", "in": "header", "name": "Authorization", "description": format!("`Token TOKEN`, with the token of {}; the predictive dialer has one of its own.", catalog.place_of("auth.token")) },
            "signature": { "type": "apiKey", "in": "header", "name": scheme.header, "description": signature(scheme) },
        } },
    })
}

/// Describes the signature of requests.
fn signature(scheme: &Scheme) -> String {
    match &scheme.key {
        Some(key) => format!("The signature, {}; {} names its key.", scheme.describe(), key.name),
        None => format!("The signature, {}.", scheme.describe()),
    }
}

/// Returns a schema and an example with the names that the user's settings give fields and words.
fn renamed(
    names: Option<&CorrectedNames>,
    of: fn(&CorrectedNames) -> &Renames,
    schema: &Value,
    example: Option<&Value>,
) -> (Value, Option<Value>) {
    match names.map(of).filter(|names| !names.is_empty()) {
        Some(names) => (names.schema(schema), example.map(|example| names.value(example))),
        None => (schema.clone(), example.cloned()),
    }
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
    let names = entry.names.as_deref();
    let (asked, asked_example) =
        renamed(names, |names| &names.request, &asked, example.map(|example| &example.asked));
    let mut parameters: Vec<Value> = route.path.split('/').filter_map(in_path).collect();
    if matches!(route.method.as_str(), "GET" | "DELETE") {
        parameters.extend(in_query(&asked, asked_example.as_ref()));
    } else {
        let kind = if has_file(&asked) { "multipart/form-data" } else { "application/json" };
        let mut body = json!({ "schema": asked });
        if let Some(example) = asked_example {
            body["example"] = example;
        }
        operation.insert("requestBody".to_owned(), json!({ "content": { kind: body } }));
    }
    operation.insert("parameters".to_owned(), parameters.into());
    let done = response(entry, &answered, example);
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

/// Describes the body of a response to a request that succeeds.
fn response(entry: &Entry, data: &Value, example: Option<&Exchange>) -> Value {
    if entry.body.is_some() {
        return json!({ "schema": { "description": BY_TEMPLATE } });
    }
    let in_envelope = envelope::names(entry.family).1;
    let answered = example.map(|example| &example.answered);
    let (data, data_example) = renamed(
        entry.names.as_deref(),
        |names| &names.written,
        data,
        answered.and_then(|answered| answered.get(in_envelope)),
    );
    let mut body = json!({ "schema": ok(entry.family, data) });
    if let Some(answered) = answered {
        body["example"] = answered.clone();
    }
    if let Some(data) = data_example {
        body["example"][in_envelope] = data;
    }
    body
}

/// Describes a body that a template of the settings makes.
const BY_TEMPLATE: &str = "As the template of the settings makes it.";

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
fn in_query(asked: &Value, example: Option<&Value>) -> Vec<Value> {
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
            if let Some(example) = example.and_then(|example| example.get(name)) {
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
fn webhook(entry: &Entry, scheme: &Scheme) -> Value {
    let mut operation = about(entry, entry.id.clone());
    operation.insert("x-signed".to_owned(), entry.signed.into());
    operation.insert("x-signed-provenance".to_owned(), json!(entry.signed_mark));
    if entry.signed {
        operation.insert("parameters".to_owned(), signed(entry, scheme));
    }
    let content = callback_body(entry);
    operation.insert(
        "requestBody".to_owned(),
        json!({ "required": true, "content": { "application/json": content } }),
    );
    operation.insert("responses".to_owned(), taken(&entry.id));
    Value::Object(operation)
}

/// Describes the headers of a signed callback.
fn signed(entry: &Entry, scheme: &Scheme) -> Value {
    let made = match scheme.provenance {
        Provenance::Assumed => format!("How it is made is not public; the mock's is {}.", scheme.describe()),
        _ => format!("It is {}.", scheme.describe()),
    };
    let header = |name: &str, description: String, provenance: Provenance| {
        json!({
            "name": name, "in": "header", "required": true, "schema": { "type": "string" },
            "description": description, "x-provenance": provenance,
        })
    };
    let mut headers =
        vec![header(&scheme.header, format!("The signature of the body. {made}"), entry.signed_mark)];
    let others = [
        (&scheme.timestamp_header, "The time of the attempt."),
        (&scheme.nonce_header, "The id of the message."),
    ];
    for (name, description) in others {
        headers.extend(name.as_ref().map(|name| header(name, description.to_owned(), scheme.provenance)));
    }
    headers.into()
}

/// Describes the body of a callback.
fn callback_body(entry: &Entry) -> Value {
    if entry.body.is_some() {
        return json!({ "schema": { "description": BY_TEMPLATE } });
    }
    let schema = callback(&entry.id).map_or_else(|| json!({}), |known| (known.schema)());
    let examples = examples();
    let mut example = examples.callbacks.get(&entry.id).or(examples.by_hand.get(&entry.id)).cloned();
    if let Some(example) = &mut example {
        entry.name_event(example);
    }
    let (schema, example) =
        renamed(entry.names.as_deref(), |names| &names.written, &schema, example.as_ref());
    let mut body = json!({ "schema": schema });
    if let Some(example) = example {
        body["example"] = example;
    }
    body
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
fn all_codes(corrected: &CorrectedCodes) -> Value {
    let code = |code: envelope::Code| json!({ "code": code.code, "meaning": code.meaning, "x-provenance": code.provenance });
    let of = |family: Family| {
        let all: Vec<Value> =
            envelope::codes(family).iter().map(|one| code(corrected.shown(family, *one))).collect();
        (family.as_str().to_owned(), all.into())
    };
    Value::Object(Family::ALL.into_iter().map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corrections_are_applied() {
        let corrections: std::collections::BTreeMap<String, crate::contract::EntryFile> = toml::from_str(
            r#"
            ["plan.create"]
            request = { PlanName = "plan_title", "Details[].Mobile" = "phone" }
            response = { PlanID = "plan_id" }
            ["plan.status"]
            request = { PlanID = "plan_id" }
            response = { Status = "state" }
            words = { Status = { pending = 0, running = 1 } }
            ["session.end"]
            event = "closed"
            fields = { event = "kind" }
            ["task.create"]
            body = "{}"
            ["auth.token"]
            path = "/oauth/token"
            "#,
        )
        .unwrap();
        let corrections = corrections.iter().map(|(id, correction)| (id.as_str(), correction));
        let catalog = Catalog::builtin().overridden(corrections).unwrap();
        let scheme = Scheme {
            header: "X-Sig".into(),
            timestamp_header: Some("X-Time".into()),
            provenance: Provenance::Documented,
            ..Scheme::default()
        };
        let codes = [("cloud", "404", 40_401)]
            .map(|(scope, code, other)| (scope.to_owned(), [(code.to_owned(), other)].into()));
        let codes = CorrectedCodes::new(codes.into());
        let document = document(Described { catalog: &catalog, scheme: &scheme, codes: &codes });
        let create = &document["paths"]["/service/cloud/plan"]["post"];
        let asked = &create["requestBody"]["content"]["application/json"];
        assert!(
            asked["example"]["plan_title"].is_string() && asked["example"].get("PlanName").is_none(),
            "{asked}"
        );
        assert!(asked["example"]["Details"][0]["phone"].is_string());
        let schema = asked["schema"].to_string();
        assert!(schema.contains("\"plan_title\":{") && !schema.contains("\"PlanName\""), "{schema}");
        let answered = &create["responses"]["200"]["content"]["application/json"];
        assert!(answered["example"]["data"]["plan_id"].is_string());
        assert!(answered["schema"].to_string().contains("\"plan_id\":{"));
        let status = &document["paths"]["/service/cloud/plan/status"]["get"];
        assert!(status["parameters"].as_array().unwrap().iter().any(|one| one["name"] == "plan_id"));
        let state = &status["responses"]["200"]["content"]["application/json"];
        assert!(
            state["example"]["data"]["state"].is_number() || state["example"]["data"]["state"].is_string()
        );
        assert!(state["schema"].to_string().contains("\"const\":0"), "{}", state["schema"]);
        let end = &document["webhooks"]["session.end"]["post"];
        let body = &end["requestBody"]["content"]["application/json"];
        assert_eq!(body["example"]["kind"], "closed");
        assert!(body["schema"]["properties"]["kind"].is_object());
        let headers: Vec<&Value> =
            end["parameters"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert_eq!(headers, ["X-Sig", "X-Time"]);
        assert!(!end["parameters"].to_string().contains("not public"));
        assert_eq!(document["components"]["securitySchemes"]["signature"]["name"], "X-Sig");
        let token = document["components"]["securitySchemes"]["token"]["description"].as_str().unwrap();
        assert!(token.contains("POST /oauth/token"), "{token}");
        let template = &document["paths"]["/service/cloud/task"]["post"]["responses"]["200"]["content"];
        assert!(template["application/json"].get("example").is_none());
        let codes = document["x-codes"]["cloud"].as_array().unwrap();
        assert!(codes.iter().any(|code| code["code"] == 40_401 && code["x-provenance"] == "documented"));
    }

    #[test]
    fn all_of_the_catalog_is_there_with_its_provenance() {
        let catalog = Catalog::builtin();
        let (scheme, codes) = (Scheme::default(), CorrectedCodes::default());
        let document = document(Described { catalog, scheme: &scheme, codes: &codes });
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

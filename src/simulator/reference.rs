//! The fields of every entry of the catalog, for the reference.

use super::endpoint::{CallbackShape, Endpoint};
use super::{auth, calling, chatbot, detection, dialer, sms, workflow};
use crate::contract::fields::Field;

/// The endpoints of every family.
pub(super) const ENDPOINTS: [&[Endpoint]; 7] = [
    auth::ENDPOINTS,
    calling::ENDPOINTS,
    chatbot::ENDPOINTS,
    detection::ENDPOINTS,
    dialer::ENDPOINTS,
    sms::ENDPOINTS,
    workflow::ENDPOINTS,
];

/// The callbacks of every family.
const CALLBACKS: [&[CallbackShape]; 6] = [
    calling::CALLBACKS,
    chatbot::CALLBACKS,
    detection::CALLBACKS,
    dialer::CALLBACKS,
    sms::CALLBACKS,
    workflow::CALLBACKS,
];

/// The fields of an entry of the catalog.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryFields {
    /// A request of the integrator, and the data of the response inside the family's envelope.
    Endpoint {
        /// The fields of the request.
        request: Vec<Field>,
        /// The fields of the response's data.
        response: Vec<Field>,
    },
    /// A callback to the integrator.
    Callback(Vec<Field>),
}

/// Returns the endpoint with this catalog id.
pub(super) fn endpoint(id: &str) -> Option<&'static Endpoint> {
    ENDPOINTS.iter().copied().flatten().find(|endpoint| endpoint.id == id)
}

/// Returns the callback with this catalog id.
pub(super) fn callback(id: &str) -> Option<&'static CallbackShape> {
    CALLBACKS.iter().copied().flatten().find(|callback| callback.id == id)
}

/// Returns the fields of the entry with this catalog id, or `None` if the vendor has no such entry.
pub fn fields(id: &str) -> Option<EntryFields> {
    if let Some(endpoint) = endpoint(id) {
        let shape = (endpoint.shape)();
        return Some(EntryFields::Endpoint { request: shape.request, response: shape.response });
    }
    Some(EntryFields::Callback((callback(id)?.fields)()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::contract::{Catalog, Direction, Provenance};

    #[test]
    fn the_tables_are_those_of_the_catalog() {
        let ids = |direction: Direction| -> BTreeSet<String> {
            let entries = Catalog::builtin().entries().iter().filter(|entry| entry.direction == direction);
            entries.map(|entry| entry.id.clone()).collect()
        };
        let endpoints: Vec<String> =
            ENDPOINTS.iter().copied().flatten().map(|endpoint| endpoint.id.to_owned()).collect();
        let callbacks: Vec<String> =
            CALLBACKS.iter().copied().flatten().map(|callback| callback.id.to_owned()).collect();
        for (listed, direction) in [(endpoints, Direction::Request), (callbacks, Direction::Callback)] {
            let unique: BTreeSet<String> = listed.iter().cloned().collect();
            assert_eq!(unique.len(), listed.len(), "{listed:?}");
            assert_eq!(unique, ids(direction));
        }
    }

    /// Finds a provenance in brackets that is not recognized, because it is misspelt or because more text follows it.
    fn stray(text: &str) -> Option<&str> {
        text.split('(').skip(1).find_map(|inner| {
            let word = inner.split(|letter: char| !letter.is_ascii_alphabetic()).next()?;
            let is_near = |known: &Provenance| strsim::osa_distance(known.as_str(), word) <= 2;
            Provenance::ALL.iter().any(is_near).then_some(word)
        })
    }

    #[test]
    fn a_provenance_that_nobody_reads_is_noticed() {
        assert_eq!(stray("The number (cleint)."), Some("cleint"));
        assert_eq!(stray("Default: 2 (assumed), or 3."), Some("assumed"));
        assert_eq!(stray("The number (in E.164). The unit is assumed."), None);
    }

    /// Collects every description of a schema whose marks are taken out, including the descriptions of types.
    fn descriptions(schema: &Value, out: &mut Vec<String>) {
        match schema {
            Value::Object(parts) => {
                out.extend(parts.get("description").and_then(Value::as_str).map(str::to_owned));
                parts.values().for_each(|part| descriptions(part, out));
            }
            Value::Array(all) => all.iter().for_each(|one| descriptions(one, out)),
            _ => {}
        }
    }

    #[test]
    fn no_description_has_a_provenance_that_nobody_reads_or_a_link_that_leads_nowhere() {
        let mut schemas: Vec<Value> = Vec::new();
        for endpoint in ENDPOINTS.iter().copied().flatten() {
            let shape = (endpoint.shape)();
            schemas.extend(shape.schemas.map(|schema| schema()));
        }
        schemas.extend(CALLBACKS.iter().copied().flatten().map(|callback| (callback.schema)()));
        let mut texts = Vec::new();
        schemas.iter().for_each(|schema| descriptions(schema, &mut texts));
        let wrong: Vec<&String> =
            texts.iter().filter(|text| stray(text).is_some() || text.contains("[`")).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        // What the mark of a whole body does not cover is stated by its fields: only fields are listed.
        let roots = schemas.iter().filter(|schema| schema.get("x-values").is_some());
        assert_eq!(roots.map(|root| root["description"].to_string()).collect::<Vec<_>>(), [""; 0]);
    }

    fn field(id: &str, path: &str) -> Field {
        let (mut all, more) = match fields(id).unwrap() {
            EntryFields::Endpoint { request, response } => (request, response),
            EntryFields::Callback(body) => (body, Vec::new()),
        };
        all.extend(more);
        all.into_iter().find(|field| field.path == path).unwrap_or_else(|| panic!("{id} has no {path}"))
    }

    #[test]
    fn words_are_as_sure_as_somebody_has_seen_them() {
        let words = |id: &str, path: &str| {
            let field = field(id, path);
            let every = if field.is_any_assumed { "every" } else { "" };
            format!("{} {every}{}", field.provenance.unwrap(), field.assumed.join(" "))
        };
        for (id, path, wanted) in [
            ("workflow.contact_completed", "rows[].node_type", "documented every"),
            ("workflow.status_changed", "status", "documented every"),
            ("workflow.status_changed", "actions[].task_status", "documented every"),
            ("task.detail", "Status", "client running paused cancelled"),
            ("task.detail", "detail[].Status", "client "),
            ("task.detail", "detail[].RingType", "client every"),
            ("task.detail", "detail[].HangupType", "client every"),
            ("call.completed", "RingType", "assumed "),
            ("workflow.call_completed", "HangupType", "assumed "),
            ("plan.recordings", "list[].Multi_intention", "assumed "),
            ("task.stop", "Action", "client Pause Resume"),
            ("task.list", "Type", "client plan"),
            ("workflow.call_task_detail", "detail[].case_id", "documented "),
            ("workflow.call_task_detail", "detail[].Comments", "client "),
            ("workflow.session_ended", "status", "example open"),
            ("workflow.session_ended", "session_end_reason", "example seat user timeout"),
            ("chatbot.messages", "[].status", "example failed"),
            ("chatbot.messages", "[].sender_type", "example seat"),
            ("chatbot.messages", "[].content.system.type", "example conversation.transfer conversation.end"),
            ("chatbot.messages", "[].content.template.content.header.type", "example text video file"),
            ("template.result", "template.name", "assumed "),
            ("dialer.create_task", "dialingMode", "client every"),
            ("dialer.create_task", "autoSlotFactor", "client every"),
            ("dialer.create_task", "autoQa", "client "),
            ("dialer.create_task", "contactList[].contactName", "assumed "),
            ("sms.receipt", "messageId", "assumed "),
            ("workflow.verify_push", "push.callee.case_id", "assumed "),
            ("auth.token", "token", "documented "),
        ] {
            assert_eq!(words(id, path), wanted, "{id} {path}");
        }
    }

    #[test]
    fn either_spelling_of_the_number_column_will_do() {
        let path = |name: &str| format!("customizeContacts[].{name}");
        for (name, other) in [("PhoneNumber", "phonenumber"), ("phonenumber", "PhoneNumber")] {
            let field = field("dialer.create_task", &path(name));
            assert_eq!((field.provenance, field.required), (Some(Provenance::Client), false), "{name}");
            assert!(field.help.contains(&format!("`{other}` is needed")), "{}", field.help);
        }
        let schema = (endpoint("dialer.create_task").unwrap().shape)().schemas[0]();
        let text = schema.to_string();
        assert!(
            text.contains(r#""anyOf":[{"required":["PhoneNumber"]},{"required":["phonenumber"]}]"#),
            "{text}"
        );
    }

    #[test]
    fn the_link_to_a_recording_is_described_where_it_is_answered() {
        assert!(field("task.recording", "link").help.contains("404"));
        assert!(field("call.by_id", "link").help.contains("empty"));
    }

    #[test]
    fn units_and_limits_that_nobody_knows_are_said_to_be_assumed() {
        for (id, path) in [
            ("task.create", "RepeatInterval"),
            ("task.create", "RepeatNumber"),
            ("task.list", "Number"),
            ("workflow.create", "name"),
            ("workflow.create", "auto_finish"),
            ("dialer.create_task", "slotFactor"),
            ("dialer.create_task", "callInterval"),
            ("dialer.create_task", "repeatTimes"),
            ("dialer.create_task", "acwTime"),
            ("dialer.create_task", "ringLimit"),
            ("dialer.create_task", "maxLostRate"),
            ("dialer.create_task", "resultStrategies[].oper"),
            ("dialer.create_task", "dialingOrder"),
            ("dialer.create_task", "callback"),
            ("dialer.auth", "token"),
            ("chatbot.messages", "size"),
            // The page prints one mark for several fields.
            ("workflow.verify_push", "workflow_id"),
            ("workflow.verify_push", "node_id"),
        ] {
            let field = field(id, path);
            assert_eq!(field.values, Some(Provenance::Assumed), "{id} {path}");
            assert!(field.help.contains("assumed"), "{id} {path}: {}", field.help);
        }
    }

    #[test]
    fn every_field_says_what_it_is_and_where_that_comes_from() {
        let mut wrong = Vec::new();
        let mut look = |id: &str, fields: Vec<Field>| {
            for Field { path, provenance, help, .. } in fields {
                let has_no_help = help.is_empty() && !path.ends_with("type");
                if provenance.is_none() || has_no_help || stray(&help).is_some() {
                    wrong.push(format!("{id} {path}: {provenance:?} {help}"));
                }
            }
        };
        for endpoint in ENDPOINTS.iter().copied().flatten() {
            let shape = (endpoint.shape)();
            look(endpoint.id, shape.request);
            look(endpoint.id, shape.response);
        }
        for callback in CALLBACKS.iter().copied().flatten() {
            look(callback.id, (callback.fields)());
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

//! The content of each side of a conversation, as the reference shows it: the content objects that are accepted from that side.
//!
//! Which side sends what is taken from the vendor's examples; that the rest is refused is assumed.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use super::check::Speaker;
use super::message::{Content, Interactive};

/// The content of a user.
pub struct UserSays;

/// The content of the bot, or of an agent of the customer.
pub struct BusinessSays;

impl JsonSchema for UserSays {
    fn schema_name() -> Cow<'static, str> {
        "UserSays".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        said(Speaker::User, generator)
    }
}

impl JsonSchema for BusinessSays {
    fn schema_name() -> Cow<'static, str> {
        "BusinessSays".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        said(Speaker::Business, generator)
    }
}

/// Returns the schema of a content object without the shapes that this side does not send.
fn said(speaker: Speaker, generator: &mut SchemaGenerator) -> Schema {
    let mut content = Content::json_schema(generator);
    keep(&mut content, speaker.types());
    let mut question = Interactive::json_schema(generator);
    keep(&mut question, speaker.questions());
    let branches = content.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten();
    for branch in branches.filter(|branch| kind(branch) == Some("interactive")) {
        let mut question = question.clone();
        if let Some(help) = branch["properties"]["interactive"].get("description").cloned() {
            question.insert("description".to_owned(), help);
        }
        branch["properties"]["interactive"] = question.to_value();
    }
    let help = "A content object (example; that those of other types are refused is assumed)";
    content.insert("description".to_owned(), help.into());
    content
}

/// Returns the word of `type` in one of several shapes.
fn kind(branch: &Value) -> Option<&str> {
    branch.pointer("/properties/type/const").and_then(Value::as_str)
}

/// Keeps only the shapes with these words.
fn keep(schema: &mut Schema, words: &[&str]) {
    if let Some(branches) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        branches.retain(|branch| kind(branch).is_some_and(|kind| words.contains(&kind)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::fields::{Field, Use, fields_of};

    fn words(fields: &[Field], path: &str) -> Vec<String> {
        fields.iter().find(|field| field.path == path).unwrap().allowed.clone()
    }

    #[test]
    fn each_side_says_what_is_taken_from_it() {
        let user = fields_of::<Vec<UserSays>>(Use::Read);
        assert_eq!(words(&user, "[].type"), Speaker::User.types());
        assert_eq!(words(&user, "[].interactive.type"), Speaker::User.questions());
        assert!(user.iter().all(|field| field.path != "[].template"));
        let business = fields_of::<Vec<BusinessSays>>(Use::Read);
        assert_eq!(words(&business, "[].type"), Speaker::Business.types());
        assert_eq!(words(&business, "[].interactive.type"), Speaker::Business.questions());
        assert!(business.iter().any(|field| field.path == "[].template.info.name"));
    }
}

//! Checks whether a content object is one that the vendor's examples show, by its type (example; which fields are required and
//! how long texts may be is assumed: the limits are those that WhatsApp publishes).

use std::fmt;

use serde_json::Value;

use crate::contract::fields::shown;
use crate::files::suggest::{did_you_mean, nearest};

/// Maximum length of a message's text.
const TEXT: usize = 4_096;
/// Maximum length of a question above options.
const QUESTION: usize = 1_024;
/// Maximum length of the small print.
const FOOTER: usize = 60;
/// Maximum length of a button's label.
const LABEL: usize = 20;
/// Maximum length of the title of an option or of a group of options.
const TITLE: usize = 24;
/// Maximum length of an option's id.
const ID: usize = 256;
/// Maximum number of buttons under a question.
const BUTTONS: usize = 3;
/// Maximum number of options in a list, over all groups.
const OPTIONS: usize = 10;

/// The speaker of a content object. Only users choose options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The user.
    User,
    /// The bot, or an agent of the customer.
    Business,
}

impl Speaker {
    pub(super) fn types(self) -> &'static [&'static str] {
        match self {
            Self::User => &["text", "image", "video", "audio", "file", "interactive", "button"],
            Self::Business => &["text", "image", "video", "audio", "file", "interactive", "template"],
        }
    }

    pub(super) fn questions(self) -> &'static [&'static str] {
        match self {
            Self::User => &["list_reply", "button_reply"],
            Self::Business => &["list", "button"],
        }
    }
}

/// What is wrong with a content object: the path of the field within it, and what is expected there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentError {
    path: String,
    wrong: String,
}

impl ContentError {
    /// Returns the message with the place of the content before the path: `messages[0].text is missing`.
    pub fn at(&self, place: &str) -> String {
        let dot = if self.path.is_empty() { "" } else { "." };
        format!("{place}{dot}{} {}", self.path, self.wrong)
    }
}

impl fmt::Display for ContentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.wrong)
    }
}

type Checked = Result<(), ContentError>;

fn wrong<T>(path: &str, wrong: impl Into<String>) -> Result<T, ContentError> {
    Err(ContentError { path: path.to_owned(), wrong: wrong.into() })
}

/// Checks a content object.
///
/// # Errors
///
/// Returns the first mistake in it.
pub fn check(content: &Value, speaker: Speaker) -> Checked {
    if !content.is_object() {
        return wrong(
            "",
            format!("is {}, expected an object such as {{\"type\": \"text\", ...}}", shown(content)),
        );
    }
    match word(content, "type", speaker.types())? {
        "text" => text(content, "text", TEXT),
        "button" => text(content, "text", LABEL),
        "interactive" => interactive(content, speaker),
        "template" => template(content),
        // image, video, audio, file
        _ => media(content, "media"),
    }
}

/// Returns the value at a path of names.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| value.get(name))
}

/// Reads a word that must be in a list.
fn word(value: &Value, path: &str, words: &'static [&'static str]) -> Result<&'static str, ContentError> {
    let listed = || words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    match at(value, path) {
        None | Some(Value::Null) => wrong(path, format!("is missing: one of {}", listed())),
        Some(Value::String(text)) => match words.iter().find(|word| *word == text) {
            Some(word) => Ok(*word),
            None => {
                let near = did_you_mean(nearest(text, words.iter().copied()));
                let text = shown(&Value::from(text.as_str()));
                wrong(path, format!("is {text}{near}: expected one of {}", listed()))
            }
        },
        Some(other) => wrong(path, format!("is {}, expected one of {}", shown(other), listed())),
    }
}

/// Checks a text that must be present and not too long.
fn text(value: &Value, path: &str, most: usize) -> Checked {
    match at(value, path) {
        None | Some(Value::Null) => wrong(path, "is missing: a text"),
        Some(Value::String(text)) if text.is_empty() => wrong(path, "is empty"),
        Some(Value::String(text)) => match text.chars().count() {
            length if length > most => {
                wrong(path, format!("has {length} characters, but at most {most} are allowed"))
            }
            _ => Ok(()),
        },
        Some(other) => wrong(path, format!("is {}, expected a text", shown(other))),
    }
}

/// Checks a text that may be empty or missing, but not too long.
fn small_print(value: &Value, path: &str) -> Checked {
    match at(value, path) {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(text)) if text.is_empty() => Ok(()),
        Some(_) => text(value, path, FOOTER),
    }
}

/// Reads a list with at least one and at most `most` elements.
fn list<'a>(value: &'a Value, path: &str, most: usize) -> Result<&'a [Value], ContentError> {
    match at(value, path) {
        None | Some(Value::Null) => wrong(path, "is missing: a list"),
        Some(Value::Array(items)) if items.is_empty() => wrong(path, "is empty: at least one is needed"),
        Some(Value::Array(items)) if items.len() > most => {
            wrong(path, format!("has {} elements, but at most {most} are allowed", items.len()))
        }
        Some(Value::Array(items)) => Ok(items),
        Some(other) => wrong(path, format!("is {}, expected a list", shown(other))),
    }
}

/// Puts the place in the list before the path of a mistake in an element.
fn within(path: &str, index: usize, checked: Checked) -> Checked {
    checked.map_err(|error| ContentError { path: format!("{path}[{index}].{}", error.path), ..error })
}

fn media(value: &Value, path: &str) -> Checked {
    if at(value, path).is_none_or(Value::is_null) {
        return wrong(path, "is missing: {\"origin_url\": \"https://...\"}");
    }
    let url = format!("{path}.origin_url");
    text(value, &url, 2_048)?;
    let is_url = |text: &str| text.starts_with("https://") || text.starts_with("http://");
    match at(value, &url) {
        Some(Value::String(text)) if !is_url(text) => wrong(
            &url,
            format!("is {}, expected a URL such as `https://...`", shown(&Value::from(text.as_str()))),
        ),
        _ => Ok(()),
    }
}

fn choice(value: &Value, path: &str, longest: usize) -> Checked {
    text(value, &format!("{path}.id"), ID)?;
    text(value, &format!("{path}.title"), longest)
}

fn interactive(content: &Value, speaker: Speaker) -> Checked {
    if content.get("interactive").is_none_or(|inner| !inner.is_object()) {
        return wrong("interactive", "is missing: an object with `type`");
    }
    let kind = word(content, "interactive.type", speaker.questions())?;
    match kind {
        "list_reply" | "button_reply" => return choice(content, &format!("interactive.{kind}"), TITLE),
        _ => {}
    }
    text(content, "interactive.body.text", QUESTION)?;
    small_print(content, "interactive.footer.text")?;
    if kind == "button" {
        let path = "interactive.action.buttons";
        for (index, button) in list(content, path, BUTTONS)?.iter().enumerate() {
            within(
                path,
                index,
                word(button, "type", &["reply"]).and_then(|_| choice(button, "reply", LABEL)),
            )?;
        }
        return Ok(());
    }
    text(content, "interactive.action.button", LABEL)?;
    let path = "interactive.action.sections";
    let mut options = 0;
    for (index, section) in list(content, path, OPTIONS)?.iter().enumerate() {
        let rows = || {
            let rows = list(section, "rows", OPTIONS)?;
            for (row, option) in rows.iter().enumerate() {
                let option_at = |name: &str, most| within("rows", row, text(option, name, most));
                option_at("id", ID).and_then(|()| option_at("title", TITLE))?;
            }
            Ok(rows.len())
        };
        match rows() {
            Ok(count) => options += count,
            Err(error) => within(path, index, Err(error))?,
        }
    }
    if options > OPTIONS {
        return wrong(path, format!("have {options} rows together, but at most {OPTIONS} are allowed"));
    }
    Ok(())
}

fn template(content: &Value) -> Checked {
    if content.get("template").is_none_or(|inner| !inner.is_object()) {
        return wrong("template", "is missing: an object with `type`");
    }
    match word(content, "template.type", &["WhatsApp", "Instagram"])? {
        "WhatsApp" => {
            if at(content, "template.info").is_none_or(|info| !info.is_object()) {
                return wrong(
                    "template.info",
                    "is missing: {\"id\": 35, \"name\": \"...\", \"language\": \"en\"}",
                );
            }
            Ok(())
        }
        _ => {
            let path = "template.ins_content.payload.elements";
            for (index, element) in list(content, path, OPTIONS)?.iter().enumerate() {
                within(path, index, text(element, "title", 80))?;
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn button(title: &str) -> Value {
        json!({ "type": "reply", "reply": { "id": "x-button-0-", "title": title } })
    }

    fn question(buttons: Value) -> Value {
        json!({ "type": "interactive", "interactive": { "type": "button", "body": { "text": "?" },
            "footer": { "text": "" }, "action": { "buttons": buttons } } })
    }

    fn options(rows: usize) -> Value {
        let rows: Vec<Value> = (0..rows).map(|at| json!({ "id": format!("{at}-"), "title": "A" })).collect();
        json!({ "type": "interactive", "interactive": { "type": "list", "body": { "text": "?" },
            "action": { "button": "b", "sections": [{ "title": "t", "rows": rows }] } } })
    }

    #[test]
    fn the_vendors_examples_are_right() {
        let media = json!({ "origin_url": "https://example.com/a.jpg" });
        let elements = json!([{ "title": "t", "subtitle": "s", "buttons": [] }]);
        for content in [
            json!({ "type": "text", "text": "hi" }),
            json!({ "type": "image", "media": media }),
            json!({ "type": "video", "media": media }),
            json!({ "type": "audio", "media": media }),
            json!({ "type": "file", "media": { "origin_url": "https://example.com/a.pdf", "name": "a.pdf" } }),
            question(json!([button("Yes"), button("No")])),
            options(10),
            json!({ "type": "template", "template": { "type": "WhatsApp", "info": { "id": 35 } } }),
            json!({ "type": "template", "template": { "type": "Instagram", "ins_content": { "type": "template",
                "payload": { "template_type": "generic", "elements": elements } } } }),
        ] {
            assert_eq!(check(&content, Speaker::Business), Ok(()), "{content}");
        }
        let chosen = json!({ "id": "x-list-0-0-", "title": "A" });
        for content in [
            json!({ "type": "text", "text": "hi" }),
            json!({ "type": "button", "text": "no" }),
            json!({ "type": "interactive", "interactive": { "type": "list_reply", "list_reply": chosen } }),
            json!({ "type": "interactive", "interactive": { "type": "button_reply", "button_reply": chosen } }),
        ] {
            assert_eq!(check(&content, Speaker::User), Ok(()), "{content}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path() {
        let interactive = |inner: Value| json!({ "type": "interactive", "interactive": inner });
        let lines: Vec<String> = [
            json!("hi"),
            json!({}),
            json!({ "type": "txt", "text": "hi" }),
            json!({ "type": 7 }),
            json!({ "type": "system", "system": { "type": "conversation.start" } }),
            json!({ "type": "text" }),
            json!({ "type": "text", "text": "" }),
            json!({ "type": "text", "text": 5 }),
            json!({ "type": "text", "text": "x".repeat(4_097) }),
            json!({ "type": "image" }),
            json!({ "type": "image", "media": {} }),
            json!({ "type": "file", "media": { "origin_url": "a.pdf" } }),
            interactive(json!(7)),
            interactive(json!({ "type": "list_reply" })),
            interactive(json!({ "type": "button" })),
            question(json!([])),
            question(json!([button("a"), button("b"), button("c"), button("d")])),
            question(json!([button("a"), button(&"x".repeat(21))])),
            question(json!([{ "type": "url" }])),
            options(0),
            options(11),
            json!({ "type": "template" }),
            json!({ "type": "template", "template": { "type": "whatsapp" } }),
            json!({ "type": "template", "template": { "type": "WhatsApp" } }),
        ]
        .iter()
        .map(|content| check(content, Speaker::Business).unwrap_err().at("messages[0]"))
        .collect();
        insta::assert_snapshot!(lines.join("\n"));
        let error = check(&question(json!([button("a")])), Speaker::User).unwrap_err().to_string();
        assert!(error.starts_with("interactive.type is `button`"), "{error}");
    }
}

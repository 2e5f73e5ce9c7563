//! The messages of people, bots and agents: content objects, and the message records around them.
//!
//! Stories and requests may contain content that no type here describes. Where such content is passed on unchanged, the field
//! is a [`Given`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::fields::Given;
use crate::json::JsonText;

/// What a message says. Which further fields exist and how long texts may be is unknown (example).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// Plain text.
    Text {
        /// What was written.
        text: String,
    },
    /// A picture.
    Image {
        /// Where it is.
        media: Media,
    },
    /// A film, shaped like a picture.
    Video {
        /// Where it is.
        media: Media,
    },
    /// A voice note or music, shaped like a picture.
    Audio {
        /// Where it is.
        media: Media,
    },
    /// A document; its media has a name.
    File {
        /// Where it is, and what it is called.
        media: Media,
    },
    /// A question with options to choose from, or the choice.
    Interactive {
        /// The question or the choice.
        interactive: Interactive,
    },
    /// A message made from a template.
    Template {
        /// The template, filled in.
        template: Template,
    },
    /// A pressed button of a template.
    Button {
        /// The button's label.
        text: String,
    },
    /// Something that happened to the conversation itself.
    System {
        /// What happened.
        system: System,
    },
}

/// A file the vendor hosts or fetched (example).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Media {
    /// Its download URL.
    pub origin_url: String,
    /// The file's name; seen with `file` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A question with options, or the option a user chose (example).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Interactive {
    /// A question whose options unfold from one button.
    List {
        /// The question.
        body: Text,
        /// The small print; its text is empty if there is none.
        footer: Text,
        /// The options.
        action: ListAction,
    },
    /// A question with a few buttons.
    Button {
        /// The question.
        body: Text,
        /// The small print; its text is empty if there is none.
        footer: Text,
        /// The buttons.
        action: ButtonAction,
    },
    /// The option chosen from a list.
    ListReply {
        /// The option.
        list_reply: Choice,
    },
    /// The button pressed, shaped like the option of a list.
    ButtonReply {
        /// The button.
        button_reply: Choice,
    },
}

/// A text in an object of its own (example).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Text {
    /// The text.
    pub text: String,
}

/// The options of a list (example).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListAction {
    /// The label of the button that unfolds the list.
    pub button: String,
    /// The options in groups.
    pub sections: Vec<Section>,
}

/// A group of options (example).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Section {
    /// The group's heading.
    pub title: String,
    /// The options.
    pub rows: Vec<Choice>,
}

/// One option: of a list, of a button, or the one a user chose (example).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// `<32 hex>-<n>-<n>-list-<section>-<row>-` or `<32 hex>-<n>-<n>-button-<index>-`, with the trailing hyphen.
    pub id: String,
    /// What the user sees.
    pub title: String,
}

/// The buttons under a question (example).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ButtonAction {
    /// The buttons.
    pub buttons: Vec<ReplyButton>,
}

/// A button under a question (example).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ReplyButton {
    /// A button that answers with its option.
    Reply {
        /// The option.
        reply: Choice,
    },
}

/// A message made from a template (example).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Template {
    /// A WhatsApp template, approved beforehand.
    WhatsApp {
        /// The filled-in parts.
        content: TemplateContent,
        /// The template.
        info: TemplateInfo,
    },
    /// An Instagram template.
    Instagram {
        /// The filled-in parts.
        ins_content: InsContent,
    },
}

/// The parts of a WhatsApp template (example; that parts can be missing is assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateContent {
    /// The heading above the text, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<TemplateHeader>,
    /// The text.
    pub body: String,
    /// The small print, empty if there is none.
    pub footer: String,
    /// The buttons; the name is singular although it is a list.
    pub button: Vec<TemplateButton>,
}

/// What stands above the text of a template (example).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TemplateHeader {
    /// A heading (assumed).
    Text {
        /// The heading.
        text: String,
    },
    /// A picture (example).
    Image {
        /// Where it is.
        media: Media,
    },
    /// A film (assumed).
    Video {
        /// Where it is.
        media: Media,
    },
    /// A document (assumed).
    File {
        /// Where it is, and what it is called.
        media: Media,
    },
}

/// A button of a template (example).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateButton {
    /// What it does.
    #[serde(rename = "type")]
    pub kind: TemplateButtonKind,
    /// Its label.
    pub text: String,
}

/// What a button of a template does; there may be more kinds (example).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TemplateButtonKind {
    /// Answers with its label.
    QuickReply,
    /// Ends the user's consent to further messages.
    OptOut,
}

/// Which template a message was made from (example).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateInfo {
    /// The template's number.
    pub id: i64,
    /// The template's name.
    pub name: String,
    /// Its language, for example `en`.
    pub language: String,
}

/// The parts of an Instagram template (example).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum InsContent {
    /// Cards with buttons.
    Template {
        /// The cards.
        payload: InsPayload,
    },
}

/// The cards of an Instagram template (example).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "template_type", rename_all = "snake_case")]
pub enum InsPayload {
    /// Cards of the general kind.
    Generic {
        /// The cards.
        elements: Vec<InsElement>,
    },
}

/// A card (example).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InsElement {
    /// The heading.
    pub title: String,
    /// The text.
    pub subtitle: String,
    /// The buttons.
    pub buttons: Vec<InsButton>,
}

/// A button of a card (example).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum InsButton {
    /// A button that answers with its payload.
    Postback {
        /// The label.
        title: String,
        /// An option id, formed like that of a list's row.
        payload: String,
    },
}

/// Something that happened to the conversation (example).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct System {
    /// What happened.
    #[serde(rename = "type")]
    pub kind: SystemKind,
    /// The agent who had the conversation, empty if none.
    pub from_seat_id: String,
    /// The agent who has it now, empty if none.
    pub to_seat_id: String,
}

/// What happened to a conversation (example).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SystemKind {
    /// It began (example).
    #[serde(rename = "conversation.start")]
    Start,
    /// It passed to an agent, or from one agent to another (assumed).
    #[serde(rename = "conversation.transfer")]
    Transfer,
    /// It ended (assumed).
    #[serde(rename = "conversation.end")]
    End,
}

/// Who wrote a message (example).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SenderType {
    /// The user (example).
    User,
    /// The robot, as message lists and `message.send` call it (example).
    Robot,
    /// The robot, as the workflow notice calls it (example).
    Chatbot,
    /// Nobody: a message about the conversation itself (example).
    System,
    /// A human agent (assumed).
    Seat,
}

/// How far a message has come (example).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MessageStatus {
    /// It left; the word is not `sent` (example).
    Send,
    /// It reached the user's device; the word is not `delivered` (example).
    Delivery,
    /// The user has seen it (example).
    Read,
    /// It could not be delivered (assumed).
    Failed,
}

impl MessageStatus {
    /// Returns the word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Delivery => "delivery",
            Self::Read => "read",
            Self::Failed => "failed",
        }
    }
}

/// A message in a callback, and in the workflow's notice of an ended session (example).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// The id of the message, opaque: 32 hexadecimal digits, the same and `-1`, or digits.
    pub msg_id: String,
    /// Who wrote it.
    pub sender_type: SenderType,
    /// When it was written, in Unix seconds.
    pub timestamp: i64,
    /// What it says.
    pub content: Content,
    /// The whole message it answers, if it answers one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Quoted>,
}

/// The message another one answers, in full (example).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quoted {
    /// Its id.
    pub msg_id: String,
    /// Who wrote it.
    pub sender_type: SenderType,
    /// When it was written, in Unix seconds.
    pub timestamp: i64,
    /// What it says.
    pub content: Content,
}

/// A message in the response of *Query message list* (example).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct ListedMessage {
    /// The id of the message, opaque: 32 hexadecimal digits, the same and `-1`, or digits.
    pub msg_id: String,
    /// The agent, empty if none was involved.
    pub seat_id: String,
    /// When it was written, in Unix seconds.
    pub timestamp: i64,
    /// Who wrote it.
    pub sender_type: Given<SenderType>,
    /// Its status.
    pub status: Given<MessageStatus>,
    /// What it says.
    pub content: Given<Content, JsonText>,
    /// The message it answers, if it answers one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<Given<ListedReply, JsonText>>,
}

/// The message another one answers, in a message list: its id and its content side by side, for example
/// `{"msg_id": ..., "type": "interactive", "interactive": {...}}` (example; other contents than `interactive` are assumed).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ListedReply {
    /// Its id.
    pub msg_id: String,
    /// What it says.
    #[serde(flatten)]
    pub content: Content,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn same(text: &str) -> Content {
        let content: Content = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&content).unwrap(), text);
        content
    }

    #[test]
    fn contents_keep_their_exact_wire_shape() {
        let option = "6a0f3c1e5b7d4f2890abcdef12345678-1-2-list-0-1-";
        for text in [
            r#"{"type":"text","text":"hi"}"#,
            r#"{"type":"image","media":{"origin_url":"https://example.com/a.jpg"}}"#,
            r#"{"type":"video","media":{"origin_url":"https://example.com/a.mp4"}}"#,
            r#"{"type":"audio","media":{"origin_url":"https://example.com/a.ogg"}}"#,
            r#"{"type":"file","media":{"origin_url":"https://example.com/a.pdf","name":"a.pdf"}}"#,
            &format!(
                r#"{{"type":"interactive","interactive":{{"type":"list","body":{{"text":"Which order?"}},"footer":{{"text":""}},"action":{{"button":"Choose","sections":[{{"title":"Open","rows":[{{"id":"{option}","title":"A-1"}}]}}]}}}}}}"#
            ),
            &format!(
                r#"{{"type":"interactive","interactive":{{"type":"button","body":{{"text":"Pay now?"}},"footer":{{"text":""}},"action":{{"buttons":[{{"type":"reply","reply":{{"id":"{option}","title":"Yes"}}}}]}}}}}}"#
            ),
            &format!(
                r#"{{"type":"interactive","interactive":{{"type":"list_reply","list_reply":{{"id":"{option}","title":"A-1"}}}}}}"#
            ),
            &format!(
                r#"{{"type":"interactive","interactive":{{"type":"button_reply","button_reply":{{"id":"{option}","title":"Yes"}}}}}}"#
            ),
            r#"{"type":"template","template":{"type":"WhatsApp","content":{"header":{"type":"image","media":{"origin_url":"https://example.com/a.jpg"}},"body":"Your parcel is here","footer":"Stop?","button":[{"type":"QUICK_REPLY","text":"no"},{"type":"OPT_OUT","text":"yes"}]},"info":{"id":35,"name":"parcel","language":"en"}}}"#,
            r#"{"type":"template","template":{"type":"WhatsApp","content":{"body":"Your parcel is here","footer":"","button":[]},"info":{"id":35,"name":"parcel","language":"en"}}}"#,
            &format!(
                r#"{{"type":"template","template":{{"type":"Instagram","ins_content":{{"type":"template","payload":{{"template_type":"generic","elements":[{{"title":"Shoes","subtitle":"Size 42","buttons":[{{"type":"postback","title":"Buy","payload":"{option}"}}]}}]}}}}}}}}"#
            ),
            r#"{"type":"button","text":"no"}"#,
            r#"{"type":"system","system":{"type":"conversation.start","from_seat_id":"","to_seat_id":""}}"#,
        ] {
            same(text);
        }
    }

    #[test]
    fn the_two_shapes_of_an_answered_message_differ() {
        let question = same(
            r#"{"type":"interactive","interactive":{"type":"button","body":{"text":"Pay now?"},"footer":{"text":""},"action":{"buttons":[]}}}"#,
        );
        let answer = Content::Text { text: "yes".to_owned() };
        let listed = ListedMessage {
            msg_id: "2".to_owned(),
            seat_id: String::new(),
            timestamp: 1_893_456_000,
            sender_type: SenderType::User.into(),
            status: MessageStatus::Read.into(),
            content: Given::new(JsonText::of(&answer)),
            reply: Some(Given::new(JsonText::of(&ListedReply {
                msg_id: "1".to_owned(),
                content: question.clone(),
            }))),
        };
        assert_eq!(
            serde_json::to_string(&listed).unwrap(),
            r#"{"msg_id":"2","seat_id":"","timestamp":1893456000,"sender_type":"user","status":"read","content":{"type":"text","text":"yes"},"reply":{"msg_id":"1","type":"interactive","interactive":{"type":"button","body":{"text":"Pay now?"},"footer":{"text":""},"action":{"buttons":[]}}}}"#
        );
        let quoting = Message {
            msg_id: "2".to_owned(),
            sender_type: SenderType::User,
            timestamp: 1_893_456_000,
            content: answer,
            reply: Some(Quoted {
                msg_id: "1".to_owned(),
                sender_type: SenderType::Chatbot,
                timestamp: 1_893_455_990,
                content: question,
            }),
        };
        assert_eq!(
            serde_json::to_string(&quoting).unwrap(),
            r#"{"msg_id":"2","sender_type":"user","timestamp":1893456000,"content":{"type":"text","text":"yes"},"reply":{"msg_id":"1","sender_type":"chatbot","timestamp":1893455990,"content":{"type":"interactive","interactive":{"type":"button","body":{"text":"Pay now?"},"footer":{"text":""},"action":{"buttons":[]}}}}}"#
        );
    }

    #[test]
    fn an_unknown_content_is_an_error_that_names_it() {
        let unknown: Value = json!({"type": "hologram", "media": {}});
        let error = serde_json::from_value::<Content>(unknown).unwrap_err().to_string();
        assert!(error.contains("hologram"), "{error}");
    }

    #[test]
    fn status_words_agree_with_the_wire() {
        for status in
            [MessageStatus::Send, MessageStatus::Delivery, MessageStatus::Read, MessageStatus::Failed]
        {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}

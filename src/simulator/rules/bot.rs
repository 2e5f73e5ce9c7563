//! The answers of the bot in customers' own channels, the business accounts that send messages, and the message
//! templates. All of it is assumed and can be changed in the settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::message_template::MessageTemplate;
pub(in crate::simulator) use super::message_template::shipped;

/// The bot's own answers, business accounts and templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bot {
    /// The bot's answers. The first one that matches is used.
    pub answers: Vec<BotAnswer>,
    /// The WhatsApp business accounts of every account, in place of the two made-up ones.
    pub waba: Vec<WabaAccount>,
    /// The message templates of every account.
    pub templates: Vec<Arc<MessageTemplate>>,
}

impl Default for Bot {
    fn default() -> Self {
        Self { answers: Vec::new(), waba: Vec::new(), templates: shipped() }
    }
}

/// Something that the bot answers. It is looked for before anything that the bot knows by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "an answer"))]
pub struct BotAnswer {
    /// Words or phrases that trigger this answer, in any language; letter case does not matter.
    #[schemars(length(min = 1))]
    pub when: Vec<String>,
    /// What the bot says; one of these. `{name}`, `{company}`, `{amount}`, `{date}` and `{order}` are filled in.
    #[schemars(length(min = 1))]
    pub say: Vec<String>,
    /// Whether the conversation is then passed to a human agent. Default: false.
    #[serde(default)]
    pub transfer: bool,
    /// What a user who asks this wants: `A` to `I`, or `--`. It is what `session.report` says, unless another follows.
    #[schemars(extend("format" = "intention"))]
    pub intention: Option<String>,
    /// What the bot extracts from it: `ner_slots` of `session.report`, name to text; `{text}` is what the user wrote.
    #[serde(default)]
    pub slots: BTreeMap<String, String>,
    /// The labels that the bot sets: `event_label` of `session.report`, name to text; `{text}` is what the user wrote.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The variables that the bot sets: `variables` of `session.report`, name to text; `{text}` is what the user wrote.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

/// A WhatsApp business account. What is left out is made up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a business account"))]
pub struct WabaAccount {
    /// The name that users see.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The id of its channel, such as `3709`.
    #[schemars(length(min = 1))]
    pub channel_id: Option<String>,
    /// Its own id.
    #[schemars(length(min = 1))]
    pub waba_id: Option<String>,
    /// The number it sends from, in E.164.
    #[schemars(length(min = 1))]
    pub phone: Option<String>,
    /// The business unit that callbacks name. Default: its name.
    #[schemars(length(min = 1))]
    pub company: Option<String>,
    /// The account it belongs to, by its name. Default: all of them.
    #[schemars(length(min = 1))]
    pub account: Option<String>,
}

//! The behaviour of the simulated vendor where the vendor's own behaviour is not known. All of it is assumed and can be changed
//! in the settings.

pub(super) mod bot;
pub(super) mod calling;
pub(super) mod chatbot;
pub(super) mod dialer;
pub(super) mod message_template;
pub(super) mod recordings;
pub(super) mod retention;
pub(super) mod strictness;
pub(super) mod template;
pub(super) mod template_file;
pub(super) mod workflow;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::access::{Account, TokenSources};
use super::user_endpoints::Declarations;
use crate::contract::renames;
use chatbot::ChatRules;
use retention::Retention;
use template::{Kind, Template};
use workflow::WorkflowRules;

/// The behaviour of the simulated vendor where the vendor's own behaviour is not known. All of it is assumed.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// The accounts. If there are none, the default one exists.
    pub accounts: Vec<Account>,
    /// The requests that issue tokens, for messages.
    pub token_sources: TokenSources,
    /// The behaviour of numbers, lines and strategies.
    pub calling: Arc<calling::Rules>,
    /// The agents and limits of the predictive dialer.
    pub dialer: Arc<dialer::Rules>,
    /// The workflow templates, oldest first.
    pub workflows: Arc<Vec<Template>>,
    /// How instances of workflows end.
    pub workflow: WorkflowRules,
    /// The user's own endpoints and callbacks.
    pub user_endpoints: Declarations,
    /// The ids of the endpoints whose assumed fields count as assumed in `strict`.
    pub doubted: Arc<BTreeSet<String>>,
    /// The names that the user's settings give the fields of requests, by the ids of the endpoints.
    pub corrected: Arc<BTreeMap<String, Arc<renames::CorrectedNames>>>,
    /// The scheme and authority of the mock's URL, for links.
    pub public_url: Arc<str>,
    /// The rules of conversations.
    pub chatbot: ChatRules,
    /// The bot's answers, and the senders of messages.
    pub bot: Arc<bot::Bot>,
    /// How much is kept of finished objects.
    pub retention: Retention,
    /// Whether a default callback URL is configured. Without one, callbacks that name no URL are not created.
    pub has_callback_url: bool,
}

impl Behaviour {
    /// Returns the same with a message template for every name that a workflow uses.
    pub(super) fn with_message_templates(self) -> Self {
        let nodes = self.workflows.iter().flat_map(|template| &template.nodes);
        let names = nodes.filter_map(|node| match &node.kind {
            Kind::WhatsApp { template, .. } => Some(template.as_str()),
            _ => None,
        });
        let templates = message_template::with_names(&self.bot.templates, names);
        Self { bot: Arc::new(bot::Bot { templates, ..(*self.bot).clone() }), ..self }
    }
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            accounts: vec![Account::default()],
            token_sources: TokenSources::default(),
            calling: Arc::new(calling::Rules::default()),
            dialer: Arc::new(dialer::Rules::default()),
            chatbot: ChatRules::default(),
            bot: Arc::default(),
            workflows: Arc::new(template::shipped()),
            workflow: WorkflowRules::default(),
            user_endpoints: Declarations::default(),
            doubted: Arc::default(),
            corrected: Arc::default(),
            public_url: "http://127.0.0.1:2478".into(),
            retention: Retention::default(),
            has_callback_url: true,
        }
    }
}

//! How the simulated vendor behaves where the vendor's own behaviour is not known. All of it is assumed, and settings
//! change it.

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

use super::access::Account;
use super::user_endpoints::Declarations;
use crate::contract::renames;
use chatbot::ChatRules;
use retention::Retention;
use template::{Kind, Template};
use workflow::WorkflowRules;

/// How the simulated vendor behaves where the vendor's own behaviour is not known. All of it is assumed.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// The accounts. Without any there is the default one.
    pub accounts: Vec<Account>,
    /// How numbers answer, lines dial and strategies go on.
    pub calling: Arc<calling::Rules>,
    /// The agents of the predictive dialer, and what it allows.
    pub dialer: Arc<dialer::Rules>,
    /// The workflow templates, oldest first.
    pub workflows: Arc<Vec<Template>>,
    /// How instances of workflows end.
    pub workflow: WorkflowRules,
    /// The endpoints and callbacks of the user's own.
    pub user_endpoints: Declarations,
    /// The calls whose assumed fields count as such in `strict`, by their ids.
    pub doubted: Arc<BTreeSet<String>>,
    /// The names that the user's settings give fields of requests, by the ids of the calls.
    pub corrected: Arc<BTreeMap<String, Arc<renames::CorrectedNames>>>,
    /// Where the mock is reached, for links: scheme and authority.
    pub public_url: Arc<str>,
    /// How conversations go on.
    pub chatbot: ChatRules,
    /// What the bot answers, and who sends messages.
    pub bot: Arc<bot::Bot>,
    /// How much of what is finished is kept.
    pub retention: Retention,
    /// Whether a default callback URL is configured; without one, callbacks that name no URL are not made.
    pub has_callback_url: bool,
}

impl Behaviour {
    /// The same, with a message template for every name that a workflow sends by.
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

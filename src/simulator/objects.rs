//! The objects of the simulated vendor, for the control surface.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::object_view::{AgentView, ObjectView};
use super::{Simulator, TokenKind};

/// An account with its tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AccountView {
    /// Its name.
    name: String,
    /// Its APPKey.
    app_key: String,
    /// When its tokens run out, by what they are for; those that have run out are not there.
    tokens: Vec<TokenView>,
}

/// The tokens of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
struct TokenView {
    /// What they are for: `cloud` (calling, workflows, text messages) or `dialer`.
    kind: &'static str,
    /// When they run out.
    expires: String,
}

/// The numbers of objects, by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ObjectCounts {
    /// Plans.
    plan: usize,
    /// Tasks that belong to no plan.
    task: usize,
    /// Tasks of the dialer.
    dialer_task: usize,
    /// Instances of workflows.
    workflow: usize,
    /// Campaigns.
    campaign: usize,
}

impl Simulator {
    /// Returns how many objects there are of each kind.
    pub(crate) fn object_counts(&self) -> ObjectCounts {
        ObjectCounts {
            plan: self.calling.plans.len(),
            task: self.calling.count_tasks(),
            dialer_task: self.dialer.tasks.len(),
            workflow: self.workflow.instances.len(),
            campaign: self.chatbot.campaigns.list.len(),
        }
    }

    /// Returns tasks, plans, tasks of the dialer, instances of workflows and campaigns: up to `most` of each kind, newest
    /// first.
    pub(crate) fn objects(&self, most: usize) -> Vec<ObjectView> {
        let mut all: Vec<ObjectView> = Vec::new();
        all.extend(self.calling.plans_seen().take(most));
        all.extend(self.calling.tasks_seen().take(most));
        all.extend(self.dialer.tasks_seen().take(most));
        all.extend(self.workflow.instances_seen().take(most));
        all.extend(self.chatbot.campaigns.seen().take(most));
        all
    }

    /// Returns the agents of the dialer.
    pub(crate) fn agents(&self) -> Vec<AgentView> {
        self.dialer.agents_seen().collect()
    }

    /// Returns the accounts, and how long their tokens are valid.
    pub(crate) fn accounts(&self, now: Timestamp) -> Vec<AccountView> {
        let view = |(account, valid): (&super::Account, Vec<(TokenKind, Timestamp)>)| AccountView {
            name: account.name.clone(),
            app_key: account.app_key.clone(),
            tokens: valid
                .into_iter()
                .map(|(kind, expires)| TokenView {
                    kind: match kind {
                        TokenKind::Cloud => "cloud",
                        TokenKind::Dialer => "dialer",
                    },
                    expires: expires.to_string(),
                })
                .collect(),
        };
        self.context.access.valid(now).map(view).collect()
    }
}

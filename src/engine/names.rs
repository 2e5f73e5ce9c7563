//! The names of accounts and parts of workflows, for faults that depend on the owner of a request or callback.

use std::sync::Arc;

use crate::contract::Family;
use crate::faults::{Belongs, FaultFile, strangers};
use crate::simulator::workflow::Template;
use crate::simulator::{AccountKey, Behaviour, FlowPlace};

/// The names.
#[derive(Debug)]
pub(super) struct Names {
    accounts: Vec<String>,
    workflows: Arc<Vec<Template>>,
}

/// The owner of a callback, when it is handed to delivery.
pub(super) struct Owner<'a> {
    pub(super) family: Family,
    pub(super) account: AccountKey,
    pub(super) flow: Option<FlowPlace>,
    pub(super) order_key: Option<&'a str>,
    pub(super) part_of: &'a [String],
    pub(super) sums_up: Option<&'a str>,
}

impl Names {
    pub(super) fn of(behaviour: &Behaviour) -> Self {
        let accounts = behaviour.accounts.iter().map(|account| account.name.clone()).collect();
        Self { accounts, workflows: Arc::clone(&behaviour.workflows) }
    }

    /// Returns a sentence about an unknown name in a fault.
    pub(super) fn stranger(&self, fault: &FaultFile) -> Option<String> {
        let accounts: Vec<&str> = self.accounts.iter().map(String::as_str).collect();
        let workflows: Vec<i64> = self.workflows.iter().map(Template::id).collect();
        strangers(fault, &accounts, &workflows)
    }

    /// Returns the owner of something that belongs only to an account.
    pub(super) fn account(&self, account: AccountKey) -> Belongs<'_> {
        Belongs { account: self.accounts.get(account.index()).map(String::as_str), ..Belongs::default() }
    }

    /// Returns the owner of a callback.
    pub(super) fn callback<'a>(&'a self, owner: &Owner<'a>) -> Belongs<'a> {
        let node = owner.flow.and_then(|flow| {
            let template = self.workflows.iter().find(|template| template.id() == flow.template)?;
            template.node_ids().nth(flow.node?.into())
        });
        let is_chat = owner.family == Family::Chatbot;
        let tasks = owner.part_of.iter().map(String::as_str).chain(owner.sums_up);
        Belongs {
            workflow: owner.flow.map(|flow| flow.template),
            node,
            conversation: owner.order_key.filter(|_| is_chat),
            tasks: tasks.chain(owner.order_key.filter(|_| !is_chat)).collect(),
            ..self.account(owner.account)
        }
    }
}

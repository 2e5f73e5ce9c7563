//! Workflow: a template's flow over a list, row by row (documented; the form of the vendor's templates, the words of status and
//! most paths are assumed).
//!
//! An instance runs a template; the run of a node is a node task. Voice nodes create calling tasks and dialer nodes create
//! tasks of the predictive dialer. Their calls happen in those departments and come back as ended numbers. WhatsApp nodes send
//! a message and hold a session with people who reply. All parts move on one clock, event by event, so that the consequences of
//! a call begin when the call ends. The sums of an instance match at every moment.

mod callbacks;
mod calls;
mod chat;
mod contacts;
mod conversation;
mod create;
mod dialers;
mod fields;
mod flow;
mod instance;
mod instances;
mod message;
mod person;
mod put_away;
mod row;
mod seen;
#[cfg(test)]
mod tests;
mod verify_push;
mod waba;

use std::collections::HashMap;
use std::sync::Arc;

use super::Simulator;
use super::access::AccountKey;
use super::context::Context;
use super::endpoint::{Endpoint, bad_request, endpoints};
use super::ids::Ids;
use super::keys::{InstanceKey, PushKey};
use super::rules::calling::Rules;
use super::rules::template::Node;
pub use super::rules::template::Template;
pub(crate) use super::rules::template::templates;
pub use super::rules::template_file::TemplateFile;
use super::shelf::Shelf;
use super::timer::WorkflowTimer;
use crate::content::Country;
use crate::seed::Seed;
pub(super) use callbacks::CALLBACKS;
use dialers::Dialers;
use instance::Instance;
pub use instance::PushReach;

/// The endpoints of workflows.
pub(super) const ENDPOINTS: &[Endpoint] = endpoints! {
    refuse: bad_request,
    "workflow.create" => create::create,
    "workflow.templates" => instances::list_templates,
    "workflow.add_contacts" => create::add_contacts,
    "workflow.update_contact" => contacts::update_contact,
    "workflow.cancel_contact" => contacts::cancel_contact,
    "workflow.verify_push" => verify_push::verify_push,
    "workflow.stop" => instances::stop,
    "workflow.list" => instances::list,
    "workflow.subtasks" => instances::subtasks,
    "workflow.call_tasks" => calls::call_tasks,
    "workflow.call_task_detail" => calls::call_task_detail,
    "workflow.call_info" => calls::call_info,
    "workflow.recordings" => calls::recordings,
    "workflow.find" => instances::find,
    "workflow.waba_tasks" => waba::waba_tasks,
    "workflow.waba_task_detail" => waba::waba_task_detail,
};

/// Weight of an instance without its rows, in rows of about equal memory.
const INSTANCE_WEIGHT: usize = 10;

/// All instances.
#[derive(Clone, Debug)]
pub(super) struct Workflow {
    ids: Arc<Ids>,
    seed: Seed,
    rules: Arc<Rules>,
    /// The home countries of the accounts.
    countries: Vec<Country>,
    /// The templates, oldest first.
    templates: Arc<Vec<Template>>,
    pub(super) instances: Shelf<InstanceKey, Instance>,
    /// The instances of an account, oldest first.
    of_account: HashMap<AccountKey, Vec<InstanceKey>>,
}

impl Workflow {
    pub(super) fn new(context: &Context) -> Self {
        let behaviour = &context.behaviour;
        Self {
            ids: Arc::clone(&context.ids),
            seed: context.seed.derive("workflow", 0),
            rules: Arc::clone(&behaviour.calling),
            countries: behaviour.accounts.iter().map(|account| account.country).collect(),
            templates: Arc::clone(&behaviour.workflows),
            instances: Shelf::default(),
            of_account: HashMap::new(),
        }
    }

    /// Records that an attempt to deliver a push begins, or has ended.
    pub(super) fn push_reached(&mut self, PushKey { instance, row, node }: PushKey, reach: PushReach) {
        // It may have finished and been evicted in the meantime.
        let instance = self.instances.get_mut(instance);
        if let Some(push) = instance.and_then(|instance| instance.pushes.get_mut(&(row, node))) {
            push.reached(reach);
        }
    }

    fn nodes(&self, template: usize) -> &[Node] {
        &self.templates[template].nodes
    }

    fn node(&self, template: usize, node: u16) -> Option<&Node> {
        self.nodes(template).get(usize::from(node))
    }

    /// Lets rows go on whose calls have ended, in any department.
    pub(super) fn take_ended(simulator: &mut Simulator) {
        if !simulator.context.rows_ended.is_empty() {
            let (workflow, mut dialers) = parts(simulator);
            workflow.take_rows_ended(&mut dialers);
        }
    }
}

/// Returns the workflows of a simulator, and the departments that work for them.
fn parts(simulator: &mut Simulator) -> (&mut Workflow, Dialers<'_>) {
    let Simulator { context, calling, dialer, workflow, chatbot, .. } = simulator;
    (workflow, Dialers { context, calling, dialer, chatbot })
}

impl Workflow {
    /// Carries out what was planned for this moment.
    pub(in crate::simulator) fn wake(simulator: &mut Simulator, key: InstanceKey, timer: WorkflowTimer) {
        let (workflow, mut dialers) = parts(simulator);
        let dialers = &mut dialers;
        match timer {
            WorkflowTimer::LateReply(row, node) => {
                if let Some(reply) = workflow.late_reply(key, row, node, dialers) {
                    reply.write(simulator, simulator.context.now);
                }
            }
            WorkflowTimer::StatusNotice(phase) => workflow.emit_status(key, phase, dialers),
            WorkflowTimer::Begin(first, count) => workflow.begin(key, first, count, dialers),
            WorkflowTimer::Step(row) => workflow.step_row(key, row, dialers),
            WorkflowTimer::ConversationEnded(row) => workflow.conversation_ended(key, row, dialers),
            WorkflowTimer::Pause => workflow.paused(key, dialers),
            WorkflowTimer::End => workflow.end(key, dialers),
        }
    }
}

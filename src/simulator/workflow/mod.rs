//! Workflows: a template's flow over a list, row by row (documented; what the vendor's templates look like, the words
//! of status and most paths are assumed).
//!
//! An instance runs a template; a node's run is a node task. Voice nodes make calling tasks and dialer nodes tasks of the
//! predictive dialer, whose calls happen there and come back as ended numbers; WhatsApp nodes send a message and hold a
//! session with those who answer. All parts move on one clock, event by event, so that what follows from a call begins
//! when the call ends. The sums of an instance match at every moment.

mod callers;
mod calls;
mod chat;
mod conversation;
pub(crate) mod file;
mod flow;
mod instance;
mod queries;
mod row;
mod tell;
mod template;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::access::AccountKey;
use super::agenda::{AT_ONCE, Agenda, Later};
use super::calling::Rules;
use super::ids::Ids;
use super::{Behaviour, Callback, Request, Response};
use crate::content::Country;
use crate::seed::Seed;
pub(super) use callers::Callers;
pub(super) use conversation::Chats;
pub use file::{CaseFile, KindFile, NodeFile, TemplateFile, When};
use instance::{Instance, InstanceKey, Phase};
use template::Node;
pub use template::Template;
pub(crate) use template::{shipped, templates};

/// Something that happens by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wake {
    /// The status of an instance is told.
    Tell(InstanceKey, Phase),
    /// Rows begin: so many from this one on.
    Begin(InstanceKey, u32, u32),
    /// A row goes on.
    Step(InstanceKey, u32),
    /// Every row has been through for some time.
    Pause(InstanceKey),
    /// The end time of an instance.
    End(InstanceKey),
}

impl Later for Wake {
    /// The end time mostly finds nothing left to end.
    fn is_work(&self) -> bool {
        !matches!(self, Self::End(_))
    }
}

/// All instances.
#[derive(Debug)]
pub(super) struct Workflows {
    ids: Arc<Ids>,
    seed: Seed,
    rules: Arc<Rules>,
    /// Whether anybody listens to callbacks.
    has_callback_url: bool,
    /// Where the accounts are at home.
    countries: Vec<Country>,
    /// The templates, oldest first.
    templates: Arc<Vec<Template>>,
    instances: Vec<Instance>,
    /// The instances of an account, oldest first.
    of_account: HashMap<AccountKey, Vec<InstanceKey>>,
    agenda: Agenda<Wake>,
    callbacks: Vec<Callback>,
}

impl Workflows {
    pub(super) fn new(seed: Seed, ids: Arc<Ids>, world: &Behaviour) -> Self {
        Self {
            ids,
            seed: seed.derive("workflow", 0),
            rules: Arc::clone(&world.calling),
            has_callback_url: world.has_callback_url,
            countries: world.accounts.iter().map(|account| account.country).collect(),
            templates: Arc::clone(&world.workflows),
            instances: Vec::new(),
            of_account: HashMap::new(),
            agenda: Agenda::default(),
            callbacks: Vec::new(),
        }
    }

    fn instance(&self, key: InstanceKey) -> &Instance {
        &self.instances[key.0 as usize]
    }

    fn instance_mut(&mut self, key: InstanceKey) -> &mut Instance {
        &mut self.instances[key.0 as usize]
    }

    fn nodes(&self, template: usize) -> &[Node] {
        &self.templates[template].nodes
    }

    fn node(&self, template: usize, node: u16) -> Option<&Node> {
        self.nodes(template).get(usize::from(node))
    }

    /// When [`Workflows::advance`] has something to do next, beside what calls bring about.
    pub(super) fn next_wakeup(&self) -> Option<Timestamp> {
        self.agenda.next()
    }

    /// Whether anything is under way that a run waits for.
    pub(super) fn is_busy(&self) -> bool {
        self.agenda.is_busy()
    }

    /// How many instances there are, for taking back or adopting those made after.
    pub(super) fn checkpoint(&self) -> usize {
        self.instances.len()
    }

    /// Somebody else tells what comes of the instances made since the checkpoint.
    pub(super) fn mute_since(&mut self, checkpoint: usize) {
        for instance in &mut self.instances[checkpoint..] {
            instance.is_muted = true;
        }
    }

    /// The instances made since the checkpoint are a story's doing.
    pub(super) fn assign_since(&mut self, checkpoint: usize, story: u32) {
        for instance in &mut self.instances[checkpoint..] {
            instance.story = Some(story);
        }
    }

    /// Does what is due until `now`, in this part and in those that call, and returns what the vendor would tell, in
    /// order.
    pub(super) fn advance(
        &mut self,
        now: Timestamp,
        callers: &mut Callers<'_>,
        chats: &mut Chats<'_>,
    ) -> Vec<Callback> {
        if self.instances.is_empty() {
            callers.advance(now);
            return callers.take_callbacks();
        }
        let mut told = callers.take_callbacks();
        self.take_ended(callers);
        told.append(&mut self.callbacks);
        // Of very much, the first part: whoever drives comes back for the rest, and serves others in between.
        for _ in 0..AT_ONCE {
            let next = [self.next_wakeup(), callers.next_wakeup()].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at <= now) else { break };
            callers.advance(at);
            told.append(&mut callers.take_callbacks());
            self.take_ended(callers);
            self.step(at, callers, chats);
            // The tasks of an instance end before it does.
            told.append(&mut callers.take_callbacks());
            told.append(&mut self.callbacks);
        }
        told
    }

    /// Does what is due at a moment.
    fn step(&mut self, now: Timestamp, callers: &mut Callers<'_>, chats: &mut Chats<'_>) {
        while let Some((at, wake)) = self.agenda.take(now) {
            match wake {
                Wake::Tell(key, phase) => self.tell_status(key, phase, callers),
                Wake::Begin(key, first, count) => self.begin(key, first, count, at, callers),
                Wake::Step(key, row) => self.step_row(key, row, at, callers, chats),
                Wake::Pause(key) => self.paused(key, at, callers),
                Wake::End(key) => self.end(key, at, callers),
            }
        }
    }

    /// Answers a call of the workflow API.
    pub(super) fn handle(&mut self, call: &Request<'_>, callers: &mut Callers<'_>) -> Option<Response> {
        let work = match call.id {
            "workflow.create" => Self::create,
            "workflow.templates" => Self::list_templates,
            "workflow.add_contacts" => Self::add_contacts,
            "workflow.update_contact" => Self::update_contact,
            "workflow.cancel_contact" => Self::cancel_contact,
            "workflow.verify_push" => Self::verify_push,
            "workflow.stop" => Self::stop,
            "workflow.list" => Self::list,
            "workflow.subtasks" => Self::subtasks,
            "workflow.call_tasks" => Self::call_tasks,
            "workflow.call_task_detail" => Self::call_task_detail,
            "workflow.call_info" => Self::call_info,
            "workflow.recordings" => Self::recordings,
            "workflow.find" => Self::find,
            "workflow.waba_tasks" => Self::waba_tasks,
            "workflow.waba_task_detail" => Self::waba_task_detail,
            _ => return None,
        };
        // What other calls have moved on counts before this one.
        self.take_ended(callers);
        Some(work(self, call, callers).unwrap_or_else(|refusal| refusal))
    }
}

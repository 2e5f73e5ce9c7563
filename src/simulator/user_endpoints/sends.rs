//! What the user's own endpoints do later: callbacks and changes of the state, each at its moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::context::{Context, Tools, Trouble};
use super::machine::Custom;
use super::plan::{Endpoint, Plan};
use crate::language::template::Helpers;
use crate::simulator::AccountKey;

/// So much may be planned at a time.
const MOST_PLANNED: usize = 100_000;

/// A callback that is due.
#[derive(Clone, Debug, PartialEq)]
pub struct UserCallback {
    /// The event id.
    pub event: Arc<str>,
    /// The body; of an event that is not declared here, what differs from the simulator's own body.
    pub body: Value,
    /// The URL that the endpoint names for it, if it does.
    pub target: Option<String>,
    /// The story that the call belonged to, if any.
    pub story: Option<usize>,
    /// Whose call it comes of.
    pub account: AccountKey,
    /// Callbacks with the same key keep their order.
    pub order_key: Option<String>,
}

#[derive(Debug)]
struct Planned {
    endpoint: Arc<str>,
    index: usize,
    context: Context,
    story: Option<usize>,
    account: AccountKey,
}

/// What is planned.
#[derive(Debug)]
pub(super) struct Sends {
    /// One for each endpoint, apart from that of its answers: the moment of a callback changes no answer.
    helpers: BTreeMap<Arc<str>, Arc<Helpers>>,
    queue: BTreeMap<(Timestamp, u64), Planned>,
    planned: u64,
    /// When each of them is due, by its number.
    moments: BTreeMap<u64, Timestamp>,
    /// What could not be done, in words.
    failures: Vec<(Option<usize>, String)>,
}

impl Sends {
    pub(super) fn new(helpers: BTreeMap<Arc<str>, Arc<Helpers>>) -> Self {
        Self { helpers, queue: BTreeMap::new(), planned: 0, moments: BTreeMap::new(), failures: Vec::new() }
    }

    /// Errs in words if so many more are too many.
    pub(super) fn check_room(&self, more: usize) -> Result<(), String> {
        if more > 0 && self.queue.len() + more > MOST_PLANNED {
            return Err(format!(
                "{MOST_PLANNED} callbacks of your own endpoints wait already, that is the most"
            ));
        }
        Ok(())
    }

    /// Plans everything an endpoint sends after a call.
    pub(super) fn plan(&mut self, id: &Arc<str>, endpoint: &Endpoint, context: &Context, now: Timestamp) {
        let Some(helpers) = self.helpers.get(id) else { return };
        for (index, send) in endpoint.send.iter().enumerate() {
            let wait = helpers.draw(|rng| send.after.draw(rng));
            let due = now.checked_add(wait).unwrap_or(Timestamp::MAX);
            self.planned += 1;
            let planned = Planned {
                endpoint: Arc::clone(id),
                index,
                context: context.clone(),
                story: None,
                account: AccountKey::default(),
            };
            self.moments.insert(self.planned, due);
            self.queue.insert((due, self.planned), planned);
        }
    }
}

impl Custom {
    /// Marks the present, for [`Custom::discard_since`] and [`Custom::assign`].
    pub fn checkpoint(&self) -> u64 {
        self.sends.planned
    }

    /// Takes back what was planned since a checkpoint: somebody else does it. The state stays changed.
    pub fn discard_since(&mut self, checkpoint: u64) {
        for (number, at) in self.sends.moments.split_off(&(checkpoint + 1)) {
            self.sends.queue.remove(&(at, number));
        }
    }

    /// What was planned since a checkpoint belongs to this story, if to any, and to this account.
    pub fn assign(&mut self, checkpoint: u64, story: Option<usize>, account: AccountKey) {
        for (number, at) in self.sends.moments.range(checkpoint + 1..) {
            if let Some(planned) = self.sends.queue.get_mut(&(*at, *number)) {
                (planned.story, planned.account) = (story, account);
            }
        }
    }

    /// When [`Custom::advance`] has something to do next.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        self.sends.queue.keys().next().map(|(at, _)| *at)
    }

    /// Whether something is planned that a run has to wait for.
    pub fn is_busy(&self) -> bool {
        !self.sends.queue.is_empty()
    }

    /// Does what is due and returns the callbacks that come of it, in order.
    pub fn advance(&mut self, now: Timestamp) -> Vec<UserCallback> {
        let mut callbacks = Vec::new();
        while let Some(entry) = self.sends.queue.first_entry() {
            let (at, number) = *entry.key();
            if at > now {
                break;
            }
            let planned = entry.remove();
            self.sends.moments.remove(&number);
            let (id, story) = (Arc::clone(&planned.endpoint), planned.story);
            let plan = Arc::clone(&self.plan);
            match self.sends.happen(&plan, planned, at) {
                Ok(callback) => callbacks.extend(callback),
                Err(Trouble::Refused(_, message) | Trouble::Broken(message)) => {
                    let message = format!("a `send` of the endpoint `{id}` did not happen: {message}");
                    self.sends.failures.push((story, message));
                }
            }
        }
        callbacks
    }

    /// What could not be done since this was asked last, in words, with the story it belonged to: nothing is lost
    /// silently.
    pub fn take_failures(&mut self) -> Vec<(Option<usize>, String)> {
        std::mem::take(&mut self.sends.failures)
    }
}

impl Sends {
    fn happen(&self, plan: &Plan, planned: Planned, at: Timestamp) -> Result<Option<UserCallback>, Trouble> {
        let Planned { endpoint, index, mut context, story, account } = planned;
        let send = plan.endpoints.get(&endpoint).and_then(|endpoint| endpoint.send.get(index));
        let (Some(send), Some(helpers)) = (send, self.helpers.get(&endpoint)) else { return Ok(None) };
        helpers.set_now(at);
        let tools = Tools { set: &plan.set, helpers };
        if let Some(when) = &send.when
            && !tools.holds("send.when", when, &context.scope(helpers))?
        {
            return Ok(None);
        }
        context.store(tools, &send.store)?;
        let Some(event) = &send.event else { return Ok(None) };
        let scope = context.scope(helpers);
        let body = tools.tree("send.body", &send.body, &scope)?;
        let target = match &send.target {
            Some(target) => Some(tools.text("send.target", target, &scope)?).filter(|url| !url.is_empty()),
            None => None,
        };
        let order_key = context.order_key();
        Ok(Some(UserCallback { event: Arc::clone(event), body, target, story, account, order_key }))
    }
}

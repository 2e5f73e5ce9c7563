//! The compiled story: a scenario with its templates compiled and its defaults filled in. Immutable; any number of runs share
//! one.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::expect::Expectation;
use super::file::{AnswerFile, ExpectFile, LoadFile, OutcomeFile, ReactionFile, ReactionSendFile};
use super::load::{Placed, PlacedStep, Scenario};
use crate::content::Country;
use crate::delivery::Policy;
use crate::faults::{CallbackFault, FaultFile};
use crate::files::{Place, Tree};
use crate::json::merge;
use crate::language::FormatMistake;
use crate::language::condition::{Condition, ConditionFile};
use crate::language::template::{Template, TemplateSet};
use crate::language::tree::TreeTemplate;
use crate::seed::Seed;
use crate::simulator::FindingKind;
use crate::time::DurationRange;

/// Default time that an `await` waits.
const DEFAULT_WITHIN: Duration = Duration::from_secs(30);

/// Default country of a story.
const DEFAULT_COUNTRY: Country = Country::Id;

/// Default conversation of a step.
pub(super) const MAIN_CONVERSATION: &str = "main";

/// A compiled scenario.
#[derive(Debug)]
pub struct Story {
    /// Its name.
    pub name: String,
    /// Its file, as given.
    pub file: Arc<str>,
    /// Its time limit, from its start.
    pub within: Option<Duration>,
    /// Whether its file lets it go on after a failed expectation.
    pub keep_going: bool,
    /// The seed of the file, if it names one.
    pub seed: Option<Seed>,
    /// The language of texts, if it differs from the country's.
    pub locale: Option<String>,
    /// The country of its people.
    pub country: Country,
    /// Number of instances that run.
    pub copies: u32,
    /// The period within which the copies start at random moments.
    pub spread: Duration,
    /// The URL of its callbacks, if the story states one.
    pub callback_url: Option<Template>,
    /// The variables in the order of the file.
    pub vars: Vec<(String, TreeTemplate)>,
    /// The parameters of `load`.
    pub load: LoadFile,
    /// The delivery policy of its callbacks.
    pub policy: Arc<Policy>,
    /// Whether the file states a policy, so that routes do not apply.
    pub has_own_policy: bool,
    /// The steps.
    pub steps: Vec<Step>,
    /// The reactions.
    pub reactions: Vec<Reaction>,
    /// The faults of requests to the mock.
    pub faults: Vec<FaultFile>,
    /// The findings about requests that do not fail it.
    pub allow: Vec<FindingKind>,
    /// The names of callbacks that are sent again.
    pub resent: BTreeSet<String>,
    /// The compiled templates.
    pub templates: TemplateSet,
}

/// One step.
#[derive(Debug)]
pub struct Step {
    /// Its place in the file.
    pub place: Place,
    /// The step is taken only if this is true.
    pub when: Option<Template>,
    /// Number of repetitions.
    pub repeat: u32,
    /// The pause between repetitions.
    pub every: Option<DurationRange>,
    /// The conversation that it belongs to.
    pub conversation: String,
    /// Its action.
    pub action: Action,
}

/// The action of a step.
#[derive(Debug)]
pub enum Action {
    /// Sends a callback.
    Send {
        /// The callback.
        callback: CallbackTemplate,
        /// Whether the story waits for its end.
        wait: bool,
        /// The expected result.
        expect: Box<Expectation>,
    },
    /// Waits for an event.
    Await(Await),
    /// Pauses.
    Pause(DurationRange),
    /// Sends a callback again, byte for byte.
    Resend {
        /// The name that it was saved under.
        name: String,
        /// Whether the story waits for its end.
        wait: bool,
        /// The expected result.
        expect: Box<Expectation>,
        /// The name that it is saved under again.
        save: Option<String>,
    },
    /// Makes sure that an event does not occur.
    Never(Never),
    /// Checks variables.
    Check(Condition),
    /// Sets variables.
    Set(Vec<(String, TreeTemplate)>),
    /// Takes the following steps as a block.
    Group {
        /// Number of these steps, including those of inner blocks.
        size: usize,
        /// Whether they begin at the same time.
        parallel: bool,
    },
}

/// A callback to render and send.
#[derive(Debug)]
pub struct CallbackTemplate {
    /// The event id.
    pub event: Arc<str>,
    /// The differences from the generated body.
    pub body: TreeTemplate,
    /// The paths that are left out.
    pub omit: Vec<String>,
    /// The whole body as a text, in place of `body` and `omit`.
    pub raw: Option<Template>,
    /// Further headers; an empty value removes one.
    pub headers: Vec<(String, Template)>,
    /// Another URL.
    pub target: Option<Template>,
    /// The name that it is saved under.
    pub save: Option<String>,
    /// The faults that affect it.
    pub faults: Vec<Arc<CallbackFault>>,
}

impl CallbackTemplate {
    /// Whether no template has to be filled in.
    pub(super) fn is_fixed(&self) -> bool {
        let texts = self.raw.iter().chain(&self.target).chain(self.headers.iter().map(|(_, value)| value));
        self.body.is_fixed() && texts.into_iter().all(Template::is_fixed)
    }
}

/// The event that an `await` or a reaction looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A request of the integrator.
    Request(Arc<str>),
    /// A callback that was delivered.
    Callback(Arc<str>),
}

impl Trigger {
    /// Returns its id in the catalog.
    pub(super) fn id(&self) -> &Arc<str> {
        match self {
            Self::Request(id) | Self::Callback(id) => id,
        }
    }

    /// Describes it in words.
    pub(super) fn described(&self) -> String {
        let kind = match self {
            Self::Request(_) => "request",
            Self::Callback(_) => "callback",
        };
        format!("the {kind} `{}`", self.id())
    }

    /// Returns the name under which templates see the event.
    pub(super) fn variable(&self) -> &'static str {
        match self {
            Self::Request(_) => "call",
            Self::Callback(_) => "callback",
        }
    }
}

/// A wait for an event.
#[derive(Debug)]
pub struct Await {
    /// The event.
    pub trigger: Trigger,
    /// The condition on it.
    pub condition: Condition,
    /// Number of events.
    pub times: u32,
    /// Maximum waiting time.
    pub within: Duration,
    /// Whether the story goes on without it.
    pub optional: bool,
    /// The mock's response in place of its usual one.
    pub answer: Option<AnswerTemplate>,
    /// The name that it is saved under.
    pub save: Option<String>,
}

/// An event that must not occur.
#[derive(Debug)]
pub struct Never {
    /// The request or callback.
    pub trigger: Trigger,
    /// The condition on it.
    pub condition: Condition,
    /// For how long it is watched, whatever the story does meanwhile. Without it, until the end of the block or the story.
    pub within: Option<Duration>,
}

/// A response of the mock.
#[derive(Debug)]
pub struct AnswerTemplate {
    /// The HTTP status.
    pub status: Option<u16>,
    /// The whole body.
    pub body: Option<TreeTemplate>,
}

/// A reaction.
#[derive(Debug)]
pub struct Reaction {
    /// Its place in the file.
    pub place: Place,
    /// The event that triggers it.
    pub trigger: Trigger,
    /// The condition on the event.
    pub condition: Condition,
    /// The reaction happens only if this is true.
    pub when: Option<Template>,
    /// Maximum number of times.
    pub times: u32,
    /// Whether the mock's own reaction happens as well.
    pub keep_default: bool,
    /// The mock's response in place of its usual one.
    pub answer: Option<AnswerTemplate>,
    /// The variables that it sets.
    pub set: Vec<(String, TreeTemplate)>,
    /// The callbacks that it sends.
    pub send: Vec<ReactionSend>,
}

/// A callback of a reaction.
#[derive(Debug)]
pub struct ReactionSend {
    /// The delay.
    pub after: DurationRange,
    /// The callback is sent only if this is true.
    pub when: Option<Template>,
    /// The callback.
    pub callback: CallbackTemplate,
}

impl Story {
    /// Returns the name of a copy, with its number if there are several.
    pub fn label(&self, copy: u32) -> String {
        if self.copies > 1 { format!("{} #{copy}", self.name) } else { self.name.clone() }
    }

    /// Whether a finding about a request does not fail the story.
    pub fn allows(&self, kind: FindingKind) -> bool {
        self.allow.contains(&kind)
    }

    /// Returns the delivery policy of its file, if it states one.
    pub fn own_policy(&self) -> Option<&Arc<Policy>> {
        self.has_own_policy.then_some(&self.policy)
    }

    /// Returns its callback URL, if it has one that is not a template.
    pub fn callback_url_text(&self) -> Option<&str> {
        match &self.callback_url {
            Some(Template::Literal(url)) => Some(url),
            _ => None,
        }
    }

    /// Whether a step or a reaction sends to a URL of its own.
    pub fn has_own_targets(&self) -> bool {
        let step =
            |step: &Step| matches!(&step.action, Action::Send { callback, .. } if callback.target.is_some());
        let reactions = self.reactions.iter().flat_map(|reaction| &reaction.send);
        self.steps.iter().any(step) || reactions.into_iter().any(|send| send.callback.target.is_some())
    }

    /// Returns the request of the integrator that it begins with: before it nothing is sent, and nothing else is awaited.
    pub fn begins_with(&self) -> Option<&Arc<str>> {
        let is_quiet =
            |step: &&Step| matches!(step.action, Action::Pause(_) | Action::Set(_) | Action::Group { .. });
        match &self.steps.iter().find(|step| !is_quiet(step))?.action {
            Action::Await(Await { trigger: Trigger::Request(id), .. }) => Some(id),
            _ => None,
        }
    }

    /// Whether any step or reaction looks for this event.
    pub fn looks_for(&self, trigger: &Trigger) -> bool {
        let step = |step: &Step| match &step.action {
            Action::Await(wait) => wait.trigger == *trigger,
            Action::Never(never) => never.trigger == *trigger,
            _ => false,
        };
        self.steps.iter().any(step) || self.reactions.iter().any(|reaction| reaction.trigger == *trigger)
    }

    /// Returns the ids of the requests that its steps and reactions look for, some of them more than once.
    pub fn requests(&self) -> impl Iterator<Item = &Arc<str>> {
        let steps = self.steps.iter().filter_map(|step| match &step.action {
            Action::Await(wait) => Some(&wait.trigger),
            Action::Never(never) => Some(&never.trigger),
            _ => None,
        });
        let triggers = steps.chain(self.reactions.iter().map(|reaction| &reaction.trigger));
        triggers.filter_map(|trigger| match trigger {
            Trigger::Request(id) => Some(id),
            Trigger::Callback(_) => None,
        })
    }

    /// Whether any step or reaction looks for requests.
    pub fn looks_for_requests(&self) -> bool {
        self.requests().next().is_some()
    }

    /// Whether anything in the story except its conditions reads the data of a request.
    pub fn reads_requests(&self) -> bool {
        let is_request = |trigger: &Trigger| matches!(trigger, Trigger::Request(_));
        let saves = |step: &Step| matches!(&step.action, Action::Await(wait) if wait.save.is_some() && is_request(&wait.trigger));
        self.templates.reads("call") || self.steps.iter().any(saves)
    }

    /// Whether any step or reaction looks for callbacks. Otherwise the sent ones need not be checked.
    pub fn looks_for_callbacks(&self) -> bool {
        let is_callback = |trigger: &Trigger| matches!(trigger, Trigger::Callback(_));
        let step = |step: &Step| matches!(&step.action, Action::Await(wait) if is_callback(&wait.trigger));
        self.steps.iter().any(step) || self.reactions.iter().any(|reaction| is_callback(&reaction.trigger))
    }

    /// Whether a step expects that a callback is not delivered.
    pub fn expects_failures(&self) -> bool {
        let fails = |expect: &Expectation| {
            expect.file.error.is_some()
                || matches!(expect.file.outcome, Some(OutcomeFile::Failed | OutcomeFile::Dead))
        };
        let step = |step: &Step| matches!(&step.action, Action::Send { expect, .. } if fails(expect));
        self.steps.iter().any(step)
    }

    /// Compiles a scenario that was loaded without mistakes. `policy` is the scenario's own. An error means that the check
    /// missed a mistake in a template.
    pub fn compile(
        scenario: &Scenario,
        policy: Policy,
        is_request: impl Fn(&str) -> bool,
    ) -> Result<Self, FormatMistake> {
        let mut compiler = Compiler { set: TemplateSet::default(), is_request: &is_request };
        let file = &scenario.file;
        let vars = compiler.entries(&file.vars)?;
        let steps = scenario.steps.iter().map(|step| compiler.step(step)).collect::<Result<_, _>>()?;
        let reactions = scenario
            .reactions
            .iter()
            .map(|reaction| compiler.reaction(reaction))
            .collect::<Result<_, _>>()?;
        let callback_url = compiler.optional(file.callback_url.as_deref())?;
        Ok(Self {
            name: scenario.name.clone(),
            file: scenario.path.display().to_string().into(),
            within: file.within.map(|within| within.0),
            keep_going: file.keep_going.unwrap_or(false),
            seed: file.seed.map(Seed),
            locale: file.locale.clone(),
            country: file.country.as_deref().and_then(|code| code.parse().ok()).unwrap_or(DEFAULT_COUNTRY),
            copies: file.copies.unwrap_or(1),
            spread: file.spread.map_or(Duration::ZERO, |spread| spread.0),
            callback_url,
            load: file.load.clone().unwrap_or_default(),
            vars,
            policy: Arc::new(policy),
            has_own_policy: file.delivery.is_some(),
            steps,
            reactions,
            faults: file.faults.clone(),
            allow: file.allow.clone(),
            resent: scenario.steps.iter().filter_map(|step| step.value.resend.clone()).collect(),
            templates: compiler.set,
        })
    }
}

impl Action {
    /// Describes the action of a step for a report that it was skipped. `None` for steps that are not worth a report.
    pub(super) fn described(&self) -> Option<String> {
        match self {
            Self::Send { callback, .. } => Some(format!("send {}", callback.event)),
            Self::Await(Await { trigger: Trigger::Request(id) | Trigger::Callback(id), .. }) => {
                Some(format!("await {id}"))
            }
            Self::Resend { name, .. } => Some(format!("resend {name}")),
            Self::Never(never) => Some(format!("never {}", never.trigger.id())),
            Self::Check(_) => Some("check".to_owned()),
            Self::Pause(_) | Self::Set(_) | Self::Group { .. } => None,
        }
    }
}

/// Returns the faults of one callback. All others were refused with the file.
fn of_callbacks(faults: &[FaultFile]) -> Vec<Arc<CallbackFault>> {
    faults.iter().filter_map(CallbackFault::of).map(Arc::new).collect()
}

const NO_TIME: DurationRange = DurationRange { min: Duration::ZERO, max: Duration::ZERO };

/// Returns fields together with further ones.
fn both<'a>(fields: Option<&'a Tree>, extra: Option<&'a Tree>) -> Option<Cow<'a, Tree>> {
    let (Some(fields), Some(extra)) = (fields, extra) else { return fields.or(extra).map(Cow::Borrowed) };
    let mut all = Value::Object(fields.clone());
    merge(&mut all, Value::Object(extra.clone()));
    match all {
        Value::Object(all) => Some(Cow::Owned(all)),
        _ => None,
    }
}

/// Compiles what is written, including its templates.
struct Compiler<'a> {
    set: TemplateSet,
    is_request: &'a dyn Fn(&str) -> bool,
}

impl Compiler<'_> {
    fn optional(&mut self, source: Option<&str>) -> Result<Option<Template>, FormatMistake> {
        source.map(|source| self.set.add(source)).transpose()
    }

    fn tree(&mut self, tree: Option<&Tree>) -> Result<TreeTemplate, FormatMistake> {
        tree.map_or(Ok(TreeTemplate::default()), |tree| TreeTemplate::compile_table(tree, &mut self.set))
    }

    /// Compiles a `where` with the further fields beside it, which are only allowed beside fields.
    fn condition(
        &mut self,
        condition: Option<&ConditionFile>,
        extra: Option<&Tree>,
    ) -> Result<Condition, FormatMistake> {
        let fields = match condition {
            Some(ConditionFile::Fields(fields)) => Some(fields),
            Some(ConditionFile::Template(_)) => return Condition::compile(condition, &mut self.set),
            None => None,
        };
        let fields = both(fields, extra).map(|fields| ConditionFile::Fields(fields.into_owned()));
        Condition::compile(fields.as_ref(), &mut self.set)
    }

    fn entries(&mut self, tree: &Tree) -> Result<Vec<(String, TreeTemplate)>, FormatMistake> {
        match TreeTemplate::compile_table(tree, &mut self.set)? {
            TreeTemplate::Table(entries) => Ok(entries),
            _ => Ok(Vec::new()),
        }
    }

    fn trigger(&self, id: &str) -> Trigger {
        if (self.is_request)(id) { Trigger::Request(id.into()) } else { Trigger::Callback(id.into()) }
    }

    fn headers<'a>(
        &mut self,
        headers: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Result<Vec<(String, Template)>, FormatMistake> {
        headers.into_iter().map(|(name, value)| Ok((name.clone(), self.set.add(value)?))).collect()
    }

    fn answer(&mut self, answer: Option<&AnswerFile>) -> Result<Option<AnswerTemplate>, FormatMistake> {
        let Some(answer) = answer else { return Ok(None) };
        let body = both(answer.body.as_ref(), answer.extra.as_ref());
        let body = body.map(|body| TreeTemplate::compile_table(&body, &mut self.set)).transpose()?;
        Ok(Some(AnswerTemplate { status: answer.status, body }))
    }

    fn expect(&mut self, expect: Option<&ExpectFile>) -> Result<Expectation, FormatMistake> {
        let file = expect.cloned().unwrap_or_default();
        let body =
            file.body.as_ref().map(|body| TreeTemplate::compile_table(body, &mut self.set)).transpose()?;
        let check = file.check.as_ref().map(|text| Ok((self.set.add(text)?, text.clone()))).transpose()?;
        Ok(Expectation { file, body, check })
    }

    fn step(&mut self, placed: &PlacedStep) -> Result<Step, FormatMistake> {
        let step = &placed.value;
        let action = if let Some(event) = &step.send {
            let callback = CallbackTemplate {
                event: event.as_str().into(),
                body: self.tree(both(step.body.as_ref(), step.extra.as_ref()).as_deref())?,
                omit: step.omit.clone(),
                raw: self.optional(step.raw.as_deref())?,
                headers: self.headers(&step.headers)?,
                target: self.optional(step.target.as_deref())?,
                save: step.save.clone(),
                faults: of_callbacks(&step.faults),
            };
            Action::Send {
                callback,
                wait: step.wait.unwrap_or(true),
                expect: Box::new(self.expect(step.expect.as_ref())?),
            }
        } else if let Some(id) = &step.await_ {
            Action::Await(Await {
                times: step.times.unwrap_or(1),
                trigger: self.trigger(id),
                condition: self.condition(step.where_.as_ref(), step.extra.as_ref())?,
                within: step.within.map_or(DEFAULT_WITHIN, |within| within.0),
                optional: step.optional.unwrap_or(false),
                answer: self.answer(step.answer.as_ref())?,
                save: step.save.clone(),
            })
        } else if let Some(name) = &step.resend {
            Action::Resend {
                name: name.clone(),
                wait: step.wait.unwrap_or(true),
                expect: Box::new(self.expect(step.expect.as_ref())?),
                save: step.save.clone(),
            }
        } else if let Some(id) = &step.never {
            Action::Never(Never {
                trigger: self.trigger(id),
                condition: self.condition(step.where_.as_ref(), step.extra.as_ref())?,
                within: step.within.map(|within| within.0),
            })
        } else if let Some(condition) = &step.check {
            if let ConditionFile::Fields(variables) = condition {
                self.set.note_reads(variables.keys().map(String::as_str));
            }
            Action::Check(Condition::compile(Some(condition), &mut self.set)?)
        } else if let Some(table) = &step.set {
            Action::Set(self.entries(table)?)
        } else if placed.size > 0 {
            Action::Group { size: placed.size, parallel: step.parallel.unwrap_or(false) }
        } else {
            Action::Pause(step.pause.unwrap_or(NO_TIME))
        };
        Ok(Step {
            place: placed.place.clone(),
            when: self.optional(step.when.as_deref())?,
            repeat: step.repeat.unwrap_or(1),
            every: step.every,
            conversation: step.conversation.clone().unwrap_or_else(|| MAIN_CONVERSATION.to_owned()),
            action,
        })
    }

    fn reaction(&mut self, placed: &Placed<ReactionFile>) -> Result<Reaction, FormatMistake> {
        let reaction = &placed.value;
        let trigger = match (&reaction.call, &reaction.callback) {
            (Some(id), _) => Trigger::Request(id.as_str().into()),
            (None, id) => Trigger::Callback(id.as_deref().unwrap_or_default().into()),
        };
        Ok(Reaction {
            place: placed.place.clone(),
            trigger,
            condition: self.condition(reaction.where_.as_ref(), reaction.extra.as_ref())?,
            when: self.optional(reaction.when.as_deref())?,
            times: reaction.times.unwrap_or(u32::MAX),
            keep_default: reaction.keep_default.unwrap_or(false),
            answer: self.answer(reaction.answer.as_ref())?,
            set: reaction.set.as_ref().map_or(Ok(Vec::new()), |table| self.entries(table))?,
            send: reaction
                .send
                .iter()
                .map(|send| self.reaction_send(send.get_ref()))
                .collect::<Result<_, _>>()?,
        })
    }

    fn reaction_send(&mut self, send: &ReactionSendFile) -> Result<ReactionSend, FormatMistake> {
        Ok(ReactionSend {
            after: send.after.unwrap_or(NO_TIME),
            when: self.optional(send.when.as_deref())?,
            callback: CallbackTemplate {
                event: send.event.as_str().into(),
                body: self.tree(both(send.body.as_ref(), send.extra.as_ref()).as_deref())?,
                omit: send.omit.clone(),
                raw: self.optional(send.raw.as_deref())?,
                headers: self.headers(&send.headers)?,
                target: self.optional(send.target.as_deref())?,
                save: send.save.clone(),
                faults: of_callbacks(&send.faults),
            },
        })
    }
}

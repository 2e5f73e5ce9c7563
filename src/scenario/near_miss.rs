//! Explains why an `await` got nothing: what arrived in place of what it waits for.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::arrivals::{Arrival, Came, Outcome};
use super::failure::FailureKind;
use super::story::Trigger;
use crate::files::Place;
use crate::simulator::ConversationKey;
use crate::time::HumanDuration;

/// The wait of an `await`.
pub(super) struct Wanted<'a> {
    /// The request or the callback.
    pub(super) trigger: &'a Trigger,
    /// The step.
    pub(super) place: &'a Place,
    /// The name of the story.
    pub(super) story: &'a str,
    /// When the story began.
    pub(super) story_began: Timestamp,
    /// When the step began to wait.
    pub(super) step_began: Timestamp,
    /// The conversation of the step, with its id on the wire, if it is determined.
    pub(super) conversation: Option<(ConversationKey, String)>,
    /// Returns the story's name of a conversation.
    pub(super) names: &'a dyn Fn(ConversationKey) -> Option<String>,
    /// Returns the differences of these fields from the awaited ones, one line each.
    pub(super) differences: &'a dyn Fn(&Value) -> Vec<String>,
    /// Whether the awaited callback is being delivered to the integrator.
    pub(super) is_under_way: bool,
}

/// When something happened, relative to a waiting step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// This long before the step.
    Before(Duration),
    /// This long after it began to wait.
    After(Duration),
}

/// A shorter time is expressed in words.
const SHORT: Duration = Duration::from_millis(1);

impl When {
    fn of(at: Timestamp, step_began: Timestamp) -> Self {
        let span = |from: Timestamp, to: Timestamp| Duration::try_from(to.duration_since(from));
        match span(step_began, at) {
            Ok(after) => Self::After(after),
            Err(_) => Self::Before(span(at, step_began).unwrap_or_default()),
        }
    }
}

impl Display for When {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(after) if *after < SHORT => write!(f, "as the step began"),
            Self::After(after) => write!(f, "{} after the step began", HumanDuration(*after)),
            Self::Before(before) if *before < SHORT => write!(f, "right before the step"),
            Self::Before(before) => write!(f, "{} before the step", HumanDuration(*before)),
        }
    }
}

/// What arrived in place of what a step waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NearMiss {
    /// It arrived, and the mock refused it.
    Refused { when: When, code: i64, reason: String, is_proof: bool },
    /// It arrived with other fields.
    OtherFields { when: When, differences: Vec<String> },
    /// A fault answered it.
    OnPurpose { when: When },
    /// It arrived in a conversation that is not the step's.
    OtherConversation { when: When, came_in: String, name: Option<String>, wanted: Option<String> },
    /// It arrived before the condition of the step was true.
    Unfit { when: When },
    /// A request arrived for which nothing is served, and which was probably meant to be it.
    Stray { when: When, asked: String },
    /// Another step, or an earlier round of the same one, took it.
    Taken { when: When, by: Place, is_same: bool },
    /// It arrived before the story began.
    BeforeStory { when: When },
    /// Another story took it.
    OtherStory { when: When, story: Arc<str> },
    /// The callback was given up.
    Undelivered { when: When, reason: String },
    /// The callback is being delivered.
    UnderWay,
    /// The story itself sends the callback, which an `await` does not count.
    OfStory { when: When },
    /// Nothing similar arrived; this is the last request of the integrator.
    OtherRequest { when: When, what: String },
    /// The integrator made no request at all.
    Nothing,
}

/// Returns the nearest of the arrivals. It is a pure function, so that the terminal and all reports agree.
pub(super) fn near_miss<'a>(
    wanted: &Wanted<'_>,
    arrivals: impl DoubleEndedIterator<Item = &'a Arrival>,
) -> NearMiss {
    let mut nearest = (if wanted.is_under_way { NearMiss::UnderWay } else { NearMiss::Nothing }).ranked();
    // Of equally near arrivals, the latest counts.
    for arrival in arrivals.rev() {
        if let Some(candidate) = candidate(wanted, arrival).filter(|(rank, _)| *rank < nearest.0) {
            nearest = candidate;
        }
    }
    nearest.1
}

/// Returns how an arrival relates to the step, with a rank: the smaller, the nearer.
fn candidate(wanted: &Wanted<'_>, arrival: &Arrival) -> Option<(usize, NearMiss)> {
    let when = When::of(arrival.at, wanted.step_began);
    let is_it = match (&arrival.what, wanted.trigger) {
        (Came::Request(came), Trigger::Request(id)) | (Came::Callback(came), Trigger::Callback(id)) => {
            came == id
        }
        (Came::Stray { meant, .. }, Trigger::Request(id)) => meant.contains(id),
        _ => false,
    };
    let is_of_another = arrival.story.as_deref().is_some_and(|story| story != wanted.story);
    if !is_it {
        let what = match &arrival.what {
            Came::Request(id) => format!("`{id}`"),
            Came::Stray { asked, .. } => format!("{asked}, where nothing is served"),
            // A callback sent by the mock itself says nothing about the integrator.
            Came::Callback(_) => return None,
        };
        let is_ours = !is_of_another && arrival.at >= wanted.story_began;
        let is_stray = matches!(arrival.what, Came::Stray { .. });
        let (rank, miss) = NearMiss::OtherRequest { when, what }.ranked();
        // A request for which nothing is served was perhaps meant to be the awaited one.
        return is_ours.then_some((if is_stray { rank - 1 } else { rank }, miss));
    }
    let differences = || (wanted.differences)(&arrival.fields);
    let miss = match &arrival.outcome {
        _ if is_of_another => NearMiss::OtherStory { when, story: arrival.story.clone().unwrap_or_default() },
        Outcome::Refused { code, reason, is_proof } => {
            let miss = NearMiss::Refused { when, code: *code, reason: reason.clone(), is_proof: *is_proof };
            let (rank, miss) = miss.ranked();
            // A request that only its refusal kept from matching is nearer than any other.
            let is_whole = !arrival.fields.is_null() && differences().is_empty();
            return Some((if is_whole { 0 } else { rank }, miss));
        }
        Outcome::OnPurpose => NearMiss::OnPurpose { when },
        Outcome::Undelivered(reason) => NearMiss::Undelivered { when, reason: reason.clone() },
        Outcome::OfStory => {
            let miss = NearMiss::OfStory { when };
            // What the story itself sent in the conversation of the step is nearer than anything in another one.
            let own = wanted.conversation.as_ref().map(|(own, _)| *own);
            let is_whole = own.is_some() && arrival.conversation == own && differences().is_empty();
            return Some(if is_whole { (1, miss) } else { miss.ranked() });
        }
        Outcome::Good => match (&arrival.what, &arrival.taken) {
            (Came::Stray { asked, .. }, _) => NearMiss::Stray { when, asked: asked.clone() },
            (_, Some(by)) => NearMiss::Taken { when, by: by.clone(), is_same: by == wanted.place },
            _ if arrival.at < wanted.story_began => NearMiss::BeforeStory { when },
            _ => unclaimed(wanted, arrival, when, differences()),
        },
    };
    Some(miss.ranked())
}

/// Returns why no step took an arrival: because of its conversation or of its fields.
fn unclaimed(wanted: &Wanted<'_>, arrival: &Arrival, when: When, differences: Vec<String>) -> NearMiss {
    let own = wanted.conversation.as_ref();
    let elsewhere = arrival.conversation.filter(|came_in| own.is_none_or(|(own, _)| own != came_in));
    let name = elsewhere.and_then(|key| (wanted.names)(key));
    // A step without a bound conversation takes any that no other step has.
    if elsewhere.is_some() && (own.is_some() || name.is_some()) {
        let came_in = conversation_id(&arrival.fields);
        let wanted = own.map(|(_, id)| id.clone());
        return NearMiss::OtherConversation { when, came_in, name, wanted };
    }
    match differences.is_empty() {
        true => NearMiss::Unfit { when },
        false => NearMiss::OtherFields { when, differences },
    }
}

/// Returns how fields name a conversation.
fn conversation_id(fields: &Value) -> String {
    let text = |pointer: &str| fields.pointer(pointer).and_then(Value::as_str).filter(|id| !id.is_empty());
    match text("/call_id").or_else(|| text("/transfer/call_id")) {
        Some(call_id) => call_id.to_owned(),
        None => {
            format!("{}/{}", text("/channel_id").unwrap_or_default(), text("/user/id").unwrap_or_default())
        }
    }
}

impl NearMiss {
    /// Whether nothing similar arrived.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::OtherRequest { .. } | Self::Nothing)
    }

    /// Returns how much would have to change until it is what was awaited, and the kind of failure of a wait that ended for
    /// this reason.
    fn rank_and_kind(&self) -> (usize, FailureKind) {
        match self {
            Self::OtherFields { differences, .. } => {
                (10 + differences.len().min(9), FailureKind::AwaitOtherFields)
            }
            Self::Refused { is_proof: true, .. } => (20, FailureKind::AwaitUnproved),
            Self::Refused { is_proof: false, .. } => (20, FailureKind::AwaitRefused),
            Self::OnPurpose { .. } => (21, FailureKind::AwaitFault),
            Self::OtherConversation { .. } => (22, FailureKind::AwaitOtherConversation),
            Self::Unfit { .. } => (23, FailureKind::AwaitTooEarly),
            Self::Stray { .. } => (24, FailureKind::AwaitOtherPath),
            Self::UnderWay => (25, FailureKind::AwaitUnderWay),
            Self::Undelivered { .. } => (26, FailureKind::AwaitUndelivered),
            Self::Taken { .. } => (27, FailureKind::AwaitTaken),
            Self::BeforeStory { .. } => (28, FailureKind::AwaitBeforeStory),
            Self::OfStory { .. } => (29, FailureKind::AwaitOfStory),
            Self::OtherStory { .. } => (30, FailureKind::AwaitOtherStory),
            Self::OtherRequest { .. } => (32, FailureKind::AwaitOtherRequest),
            Self::Nothing => (33, FailureKind::AwaitNothing),
        }
    }

    fn ranked(self) -> (usize, Self) {
        (self.rank_and_kind().0, self)
    }

    pub(super) fn kind(&self) -> FailureKind {
        self.rank_and_kind().1
    }
}

/// Formats the continuation of "expected the request `X` within 10s: ".
impl Display for NearMiss {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { when, code, reason, is_proof: true } => {
                write!(f, "it arrived {when}, but without valid credentials: code {code}, {reason}")
            }
            Self::Refused { when, code, reason, is_proof: false } => {
                write!(f, "it arrived {when}, but the mock refused it: code {code}, {reason}")
            }
            Self::OtherFields { when, differences } => {
                write!(f, "it arrived {when}, but with other fields:")?;
                differences.iter().try_for_each(|difference| write!(f, "\n    {difference}"))
            }
            Self::OnPurpose { when } => {
                write!(
                    f,
                    "it arrived {when}, but a fault of a story or of the settings kept it from taking effect"
                )
            }
            Self::OtherConversation { when, came_in, name, wanted } => {
                write!(f, "it arrived {when}, but in another conversation, {came_in}")?;
                match name {
                    Some(name) => write!(f, " (the story's `{name}`)")?,
                    None => write!(f, " (which has no name in the story)")?,
                }
                match wanted {
                    Some(wanted) => write!(f, "; the conversation of the step is {wanted}"),
                    None => write!(f, "; the conversation of the step has not begun"),
                }
            }
            Self::Unfit { when } => {
                write!(f, "it arrived {when}, when its `where` was not true yet")
            }
            Self::Stray { when, asked } => {
                write!(
                    f,
                    "{asked} arrived {when}, where nothing is served; this is probably the request that was meant"
                )
            }
            Self::Taken { when, is_same: true, .. } => {
                write!(f, "the last one arrived {when}, but an earlier repetition of the step took it")
            }
            Self::Taken { when, by, is_same: false } => {
                write!(f, "it arrived {when}, but the step at {by} took it")
            }
            Self::BeforeStory { when } => write!(f, "it arrived {when}, before the story began"),
            Self::OtherStory { when, story } => {
                write!(f, "it arrived {when}, but belongs to the story \"{story}\"")
            }
            Self::Undelivered { when, reason } => {
                write!(f, "the mock sent it, but gave up {when}: {reason}")
            }
            Self::UnderWay => write!(f, "it is on its way, but not delivered yet"),
            Self::OfStory { when } => {
                write!(
                    f,
                    "the story itself sent it {when}; an `await` only takes callbacks that the mock sends by itself"
                )
            }
            Self::OtherRequest { when, what } => {
                write!(f, "it never arrived; the last request was {what}, {when}")
            }
            Self::Nothing => write!(f, "it never arrived, nor did any other request"),
        }
    }
}

#[cfg(test)]
mod tests;

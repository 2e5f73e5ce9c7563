//! The simulated vendor: a deterministic state machine without sockets, threads, wall clock or ambient randomness.
//!
//! Requests of the integrator and steps of stories enter with the moment at which they happen; responses and callbacks are
//! returned. Future events wait in one agenda until [`Simulator::advance`]. Every conversation draws from its own stream, so
//! that conversations never affect each other.
//!
//! The departments (`Calling`, `Dialer`, `Workflow`, `Chatbot`, `Sms`, `Detection`, `UserEndpoints`) own their objects and
//! share the `Context`. The shared files beside them do not depend on any department.

mod access;
mod agenda;
mod auth;

mod callback;
pub mod calling;
mod case;
mod cause;
mod chatbot;
mod context;
mod desk;
mod detection;
pub mod dialer;
mod e164;
#[cfg(test)]
mod emitted;
mod encoded_text;
mod ending;
pub mod endpoint;
pub(crate) mod examples;
mod findings;
mod ids;
mod keys;
mod left;
mod node;
mod object_view;
mod objects;
pub mod openapi;
mod outcome;
mod planned;
mod put_away;
mod raw_rows;
pub mod reference;
mod request;
mod rules;
mod shelf;
mod sms;
mod talk;
#[cfg(test)]
mod testing;
mod timer;
pub mod user_endpoints;
mod vendor;
mod wire_id;
pub mod workflow;
#[cfg(test)]
mod wrong_values;

pub use access::{
    Access, Account, AccountKey, DEFAULT_APP_KEY, DEFAULT_APP_SECRET, DEFAULT_SIGN_KEY, Encryption, Rate,
    TokenKind, TokenSources,
};
pub use callback::{Callback, CallbackBody};
use calling::Calling;
pub(crate) use cause::CauseId;
use chatbot::Chatbot;
pub use chatbot::{Chat, ChatAct, ChatError, ChatHistory, FileKind, NewChat, Opening};
use context::Context;
use detection::Detection;
#[cfg(test)]
pub(crate) use detection::signature as detection_signature;
use dialer::Dialer;
pub use findings::{Finding, FindingKind, Findings, Found};
pub use keys::{ConversationKey, PushKey};
pub use node::FlowPlace;
pub use object_view::{AgentView, ObjectView};
pub use objects::{AccountView, ObjectCounts};
pub use request::{Long, Refusal, Request, Response, Upload};
pub use rules::Behaviour;
pub use rules::bot::{Bot, BotAnswer, WabaAccount};
pub use rules::chatbot::{ChatCodes, ChatRules};
pub use rules::message_template::{MessageTemplate, with_shipped};
pub use rules::recordings::{NoRecording, RecordingTimes};
pub use rules::retention::Retention;
pub use rules::strictness::Strictness;
pub use rules::workflow::{AutoFinish, WorkflowRules};
use sms::Sms;
use user_endpoints::UserEndpoints;
pub use vendor::EmitError;
use workflow::Workflow;

use crate::seed::Resting;

/// The simulated vendor.
#[derive(Clone, Debug)]
pub struct Simulator {
    context: Context,
    calling: Calling,
    dialer: Dialer,
    workflow: Workflow,
    chatbot: Chatbot,
    sms: Sms,
    detection: Detection,
    user_endpoints: UserEndpoints,
    request_ids: Resting,
}

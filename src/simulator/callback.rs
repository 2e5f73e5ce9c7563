//! A callback that the simulator sends by itself.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use super::access::AccountKey;
use super::keys::PushKey;
use super::node::FlowPlace;

/// A callback that the simulator sends by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Callback {
    /// The account that receives it.
    pub account: AccountKey,
    /// The story it belongs to, if any.
    pub story: Option<u32>,
    /// The event id.
    pub event: Cow<'static, str>,
    /// The body.
    pub body: CallbackBody,
    /// Callbacks with the same key keep their order. The key is the id of the conversation or of the task.
    pub order_key: Option<String>,
    /// The ids of the objects that it is a part of: its task, its plan, its workflow.
    pub part_of: Vec<String>,
    /// The id of the object that it sums up. It goes out after the earlier callbacks of that object's parts and before the
    /// later ones.
    pub sums_up: Option<String>,
    /// The URL named by the request that caused it.
    pub target: Option<String>,
    /// The node and template of the workflow that it comes from, if any.
    pub flow: Option<FlowPlace>,
    /// The push of a workflow that it is, if any: the simulator only answers for pushes that reached the receiver.
    pub push: Option<PushKey>,
}

impl Callback {
    /// Creates a callback that goes to the account's URL.
    pub(super) fn new(
        account: AccountKey,
        event: &'static str,
        body: &impl Serialize,
        order_key: Option<String>,
    ) -> Self {
        // Bodies are plain data: numbers, texts, lists, and tables with text keys, which always fit into JSON.
        let body = CallbackBody::Text(serde_json::to_string(body).unwrap_or_default());
        Self::of(account, event, body, order_key)
    }

    /// Creates a callback with a finished body, which goes to the account's URL.
    pub(super) fn of(
        account: AccountKey,
        event: impl Into<Cow<'static, str>>,
        body: CallbackBody,
        order_key: Option<String>,
    ) -> Self {
        Self {
            account,
            story: None,
            event: event.into(),
            body,
            order_key,
            part_of: Vec::new(),
            sums_up: None,
            target: None,
            flow: None,
            push: None,
        }
    }
}

/// The body of a callback that the simulator sends by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum CallbackBody {
    /// A value.
    Json(Value),
    /// JSON text, as it goes out.
    Text(String),
}

impl CallbackBody {
    /// Returns the body as a value.
    pub fn value(&self) -> Value {
        match self {
            Self::Json(value) => value.clone(),
            Self::Text(text) => serde_json::from_str(text).unwrap_or_default(),
        }
    }
}

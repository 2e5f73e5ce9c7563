//! Text messages: the response has a message id, and a receipt follows later (client; the receipt's body is assumed).

use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::callback::Callback;
use super::case::Case;
use super::e164::PhoneNumber;
use super::endpoint::{CallbackShape, Endpoint, Generate, Wanted, bad_request, callbacks, endpoints};
use super::ids::Kind;
use super::outcome::MockOutcome;
use super::{ConversationKey, Refusal, Request, Simulator};
use crate::contract::fields::{NoEffect, Text};
use crate::net::Target;
use crate::time::later;

/// The endpoints of this department.
pub(super) const ENDPOINTS: &[Endpoint] = endpoints! {
    refuse: bad_request,
    "sms.send" => send,
};

/// The callbacks of this department.
pub(super) const CALLBACKS: &[CallbackShape] = callbacks! {
    "sms.receipt" => SmsReceipt,
};

/// Maximum length of a text (assumed): ten parts of 160 letters.
const LONGEST: usize = 1_600;

/// The department of text messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Sms {
    /// Number of sent messages.
    sent: u32,
}

/// `POST /service/sms/message/v2/send` (client).
#[derive(Debug, Deserialize, JsonSchema)]
struct Send {
    /// A list of one number in E.164.
    to: OneNumber,
    /// The text (client; the limit is assumed).
    #[serde(rename = "message")]
    _message: Text<LONGEST>,
    /// The sender's name.
    #[serde(rename = "from")]
    _from: NoEffect<String>,
    /// The URL that the receipt is sent to. Without it no receipt is sent.
    #[serde(rename = "callbackUrl")]
    callback_url: Option<CallbackUrl>,
}

/// The number of a message, in a list.
#[derive(Debug, JsonSchema)]
#[schemars(inline)]
struct OneNumber(#[schemars(with = "Vec<PhoneNumber>")] PhoneNumber);

impl<'de> Deserialize<'de> for OneNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = match Value::deserialize(deserializer)? {
            Value::Array(mut items) if items.len() == 1 => items.remove(0),
            Value::Array(items) => {
                return Err(D::Error::custom(format_args!(
                    "has {} numbers, expected exactly one",
                    items.len()
                )));
            }
            // A form has no lists.
            other => other,
        };
        let number = PhoneNumber::deserialize(number).map_err(|_| {
            D::Error::custom("must be a list of one number in E.164 such as `+6281112345678`")
        })?;
        Ok(Self(number))
    }
}

/// A URL that callbacks go to: it must be one. Whether it may be called is decided when it is.
#[derive(Debug, JsonSchema)]
#[schemars(inline, extend("x-form" = "URL"))]
struct CallbackUrl(String);

impl<'de> Deserialize<'de> for CallbackUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let url = String::deserialize(deserializer)?;
        match url.parse::<Target>() {
            Ok(_) => Ok(Self(url)),
            Err(error) => Err(D::Error::custom(format_args!("cannot be called: {error}"))),
        }
    }
}

/// The message that was taken (client).
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Sent {
    /// The message, 32 hex. The receipt names it.
    message_id: String,
}

/// Sends a text message.
fn send(simulator: &mut Simulator, asked: Send, request: &Request<'_>) -> Result<Sent, Refusal> {
    let Simulator { context, sms, .. } = simulator;
    sms.sent += 1;
    let message_id = context.ids.seal(Kind::Sms, (sms.sent, 0, 0));
    if let Some(CallbackUrl(url)) = asked.callback_url {
        let OneNumber(number) = asked.to;
        let mock_outcome = context.behaviour.calling.mock_outcome_of(number.digits());
        let mut rng = context.seed.stream("sms", u64::from(sms.sent));
        let fails =
            mock_outcome.sms_fails || mock_outcome == MockOutcome::default() && rng.random_ratio(1, 25);
        let due = later(request.now, Duration::from_millis(rng.random_range(1_500..6_000)));
        let cause = context.cause();
        context.note_swallowed("sms.receipt", mock_outcome.notice);
        for at in mock_outcome.notice.moments(due) {
            let body = SmsReceipt::new(&message_id, number.to_string(), fails, at);
            let callback = Callback::new(request.account, "sms.receipt", &body, Some(message_id.clone()));
            context.send_at(at, cause, Callback { target: Some(url.clone()), ..callback });
        }
    }
    Ok(Sent { message_id })
}

/// What became of a text message (assumed).
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SmsReceipt {
    /// The message, as named in the response to its request.
    message_id: String,
    /// The number, in E.164.
    to: String,
    /// The result.
    status: SmsStatus,
    /// Why it failed, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// When, in Unix seconds.
    timestamp: i64,
}

/// What became of a text message.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum SmsStatus {
    Delivered,
    Failed,
}

impl SmsReceipt {
    fn new(message_id: &str, to: String, fails: bool, at: Timestamp) -> Self {
        Self {
            message_id: message_id.to_owned(),
            to,
            status: if fails { SmsStatus::Failed } else { SmsStatus::Delivered },
            reason: fails.then_some("the handset did not confirm"),
            timestamp: at.as_second(),
        }
    }
}

impl Generate for SmsReceipt {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let case = Case::wanted(simulator, key, wanted);
        Self::new(&case.msg_id, case.phone, false, wanted.now)
    }
}

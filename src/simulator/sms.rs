//! Text messages: a message id at once, a receipt later (client; the receipt's body is assumed).

use std::convert::Infallible;
use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use serde_json::{Value, json};

use super::Simulator;
use super::access::AccountKey;
use super::callback::{Callback, CallbackBody};
use super::department::Department;
use super::e164::e164_or_bare;
use super::ids::Kind;
use super::outcome::MockOutcome;
use super::params::{Params, bad};
use super::request::{Request, Response};
use crate::contract::bodies::sms::SmsReceipt;
use crate::time::later;

/// The longest text (assumed): ten parts of 160 letters.
const LONGEST: usize = 1_600;

/// The department of text messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Sms {
    /// How many were sent.
    sent: u32,
}

impl Department for Sms {
    /// Receipts are ready when they are planned.
    type Timer = Infallible;

    fn handle(simulator: &mut Simulator, call: &Request<'_>) -> Option<Response> {
        (call.id == "sms.send").then(|| send(simulator, call).unwrap_or_else(|refusal| refusal))
    }

    fn wake(_: &mut Simulator, timer: Infallible, _: Timestamp) {
        match timer {}
    }
}

/// Sends a text message.
fn send(simulator: &mut Simulator, call: &Request<'_>) -> Result<Response, Response> {
    let params = Params::new(call.fields);
    let to = match params.value("to") {
        Some(Value::Array(items)) if items.len() == 1 => items[0].as_str(),
        // A form has no lists.
        Some(Value::String(text)) => Some(text.as_str()),
        Some(Value::Array(items)) => {
            return Err(bad(format!("to has {} numbers, expected a list of one", items.len())));
        }
        Some(_) => None,
        None => return Err(params.missing("to", "a list of one number in E.164")),
    };
    let number = to.and_then(e164_or_bare);
    let number =
        number.ok_or_else(|| bad("to must be a list of one number in E.164 such as `+6281112345678`"))?;
    let message = params.needed("message", "the text")?;
    if message.chars().count() > LONGEST {
        return Err(bad(format!("message has more than {LONGEST} characters")));
    }
    params.needed("from", "the sender's name")?;
    let target = callback(params, "callbackUrl")?;
    simulator.sms.sent += 1;
    let count = simulator.sms.sent;
    let message_id = simulator.context.ids.seal(Kind::Sms, (count, 0, 0));
    if let Some(target) = target {
        let mock_outcome = simulator.context.behaviour.calling.mock_outcome_of(number);
        let mut rng = simulator.context.seed.stream("sms", u64::from(count));
        let fails =
            mock_outcome.sms_fails || mock_outcome == MockOutcome::default() && rng.random_ratio(1, 25);
        let at = later(call.now, Duration::from_millis(rng.random_range(1_500..6_000)));
        let receipt =
            Receipt { message_id: message_id.clone(), number, fails, target, account: call.account };
        let cause = simulator.context.cause();
        for at in mock_outcome.notice.moments(at) {
            simulator.context.send_at(at, cause, receipt.callback(at));
        }
    }
    Ok(Response::Data(json!({ "messageId": message_id })))
}

/// A callback URL in a call: it must read. Whether it may be called is decided when it is.
fn callback(params: Params<'_>, name: &str) -> Result<Option<String>, Response> {
    let Some(url) = params.text(name)? else { return Ok(None) };
    match url.parse::<crate::net::Target>() {
        Ok(_) => Ok(Some(url.to_owned())),
        Err(error) => Err(bad(format!("{name}: {error}"))),
    }
}

/// A receipt to be sent.
struct Receipt {
    message_id: String,
    number: u64,
    fails: bool,
    target: String,
    account: AccountKey,
}

impl Receipt {
    /// The receipt as it goes out at a moment.
    fn callback(&self, at: Timestamp) -> Callback {
        let body = SmsReceipt {
            message_id: self.message_id.clone(),
            to: format!("+{}", self.number),
            status: if self.fails { "failed" } else { "delivered" }.to_owned(),
            reason: self.fails.then(|| "the handset did not confirm".to_owned()),
            timestamp: at.as_second(),
        };
        Callback {
            account: self.account,
            story: None,
            event: "sms.receipt".into(),
            // Bodies are plain data, which always fits into JSON.
            body: CallbackBody::Text(serde_json::to_string(&body).unwrap_or_default()),
            order_key: Some(self.message_id.clone()),
            target: Some(self.target.clone()),
        }
    }
}

//! To whom a template message goes: the numbers of a call, read one by one.

use serde_json::Value;

use crate::content::Country;
use crate::simulator::e164::e164_or_bare;
use crate::simulator::outcome::MockOutcome;
use crate::simulator::params::{Params, bad, shown};
use crate::simulator::{Request, Response, Simulator};

/// The most numbers of one call.
const MOST_NUMBERS: usize = 10_000;

/// A number to send to, with what is meant for it alone.
pub(super) struct To {
    pub(super) number: u64,
    pub(super) variables: Option<Vec<String>>,
    pub(super) mock_outcome: Option<MockOutcome>,
}

/// The numbers as they were written: `to`, or for a single message also the conversation that the call names.
pub(super) fn recipients(
    simulator: &Simulator,
    call: &Request<'_>,
    is_single: bool,
) -> Result<Vec<Value>, Response> {
    let params = Params::new(call.fields);
    let expected = if is_single { "a number in E.164" } else { "a list of numbers in E.164" };
    let items = match params.value("to") {
        Some(Value::Array(items)) => items.clone(),
        // A form has no lists.
        Some(Value::String(text)) => text.split(',').map(|part| Value::from(part.trim())).collect(),
        Some(object) if object.is_object() => vec![object.clone()],
        Some(other) => return Err(bad(format!("to is {}, expected {expected}", shown(other)))),
        None => {
            let known =
                simulator.find_conversation(call.fields).map(|key| simulator.chatbot.conversations.get(key));
            match known.filter(|conversation| is_single && conversation.is_seen_by(call.account)) {
                Some(conversation) => vec![Value::from(conversation.user_id.to_string())],
                None => return Err(params.missing("to", expected)),
            }
        }
    };
    match items.len() {
        0 => Err(params.missing("to", expected)),
        1 => Ok(items),
        many if is_single => Err(bad(format!("to has {many} numbers, expected one"))),
        many if many > MOST_NUMBERS => {
            Err(bad(format!("to has {many} numbers, and at most {MOST_NUMBERS} are taken by one call")))
        }
        _ => Ok(items),
    }
}

/// One of them, read.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn recipient(item: &Value) -> Result<To, String> {
    let text = match item {
        Value::String(text) => Some(text.clone()),
        Value::Object(fields) => fields.get("number").and_then(Value::as_str).map(str::to_owned),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let text = text.ok_or("expected a number in E.164, or an object with `number`")?;
    let number = e164_or_bare(&text).ok_or_else(|| {
        format!("{} is no number in E.164 such as `+6281112345678`", shown(&Value::from(text)))
    })?;
    let message = |refusal: Response| match refusal {
        Response::Error { message, .. } => message,
        _ => String::new(),
    };
    let mock_outcome = match item.get("mock_outcome").and_then(Value::as_str) {
        Some(text) => Some(text.parse::<MockOutcome>().map_err(|error| format!("mock_outcome: {error}"))?),
        None => None,
    };
    Ok(To { number, variables: variables(item.get("variables")).map_err(message)?, mock_outcome })
}

/// The texts that fill a template.
pub(super) fn variables(value: Option<&Value>) -> Result<Option<Vec<String>>, Response> {
    let wrong = || bad("variables must be a list of texts, in the order of {{1}}, {{2}}, ...");
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(items)) => {
            let text = |item: &Value| match item {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            };
            items.iter().map(text).collect::<Option<Vec<_>>>().map(Some).ok_or_else(wrong)
        }
        Some(_) => Err(wrong()),
    }
}

/// The country of a number.
pub(super) fn country(number: u64) -> Country {
    let digits = number.to_string();
    let by_code = Country::of_number(&digits);
    by_code.unwrap_or(Country::Id)
}

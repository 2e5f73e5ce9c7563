//! Number detection: a signature inside the body, a base64 callback URL for each number, a result later (client).

use std::convert::Infallible;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_PAD_INDIFFERENT, URL_SAFE_PAD_INDIFFERENT};
use base64::prelude::BASE64_URL_SAFE;
use jiff::Timestamp;
use md5::{Digest, Md5};
use rand::RngExt;
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::Simulator;
use super::access::AccountKey;
use super::callback::{Callback, CallbackBody};
use super::department::Department;
use super::e164::e164;
use super::outcome::{MockOutcome, Outcome};
use super::params::{Params, bad, shown};
use super::request::{Request, Response};
use crate::contract::bodies::detection::{Business, DetectionResult};
use crate::time::later;

/// The most numbers of one call (assumed).
const MOST_NUMBERS: usize = 10_000;

/// What is signed and how (client): URL-safe base64 of the raw MD5 of `<secret>+<unix seconds>+<version>`.
pub(crate) fn signature(secret: &str, timestamp: &str, version: &str) -> String {
    BASE64_URL_SAFE.encode(Md5::digest(format!("{secret}+{timestamp}+{version}")))
}

/// The department of number detection.
#[derive(Clone, Debug, Default)]
pub(super) struct Detection {
    /// How many numbers were detected.
    detected: u64,
}

impl Department for Detection {
    /// Results are ready when they are planned.
    type Timer = Infallible;

    fn handle(simulator: &mut Simulator, call: &Request<'_>) -> Option<Response> {
        (call.id == "detection.check").then(|| check(simulator, call).unwrap_or_else(|refusal| refusal))
    }

    fn wake(_: &mut Simulator, timer: Infallible, _: Timestamp) {
        match timer {}
    }
}

/// Takes numbers to be detected.
fn check(simulator: &mut Simulator, call: &Request<'_>) -> Result<Response, Response> {
    let params = Params::new(call.fields);
    let account = caller(simulator, params.object("system", "system.")?)?;
    let business = params.object("business", "business.")?;
    let calls = match business.value("calls") {
        Some(Value::Array(calls)) if !calls.is_empty() => calls,
        Some(Value::Array(_)) => return Err(bad("business.calls is empty: at least one number is needed")),
        Some(value) => return Err(bad(format!("business.calls is {}, expected a list", shown(value)))),
        None => return Err(business.missing("calls", "a list of {callee, callback, prvdata}")),
    };
    if calls.len() > MOST_NUMBERS {
        return Err(bad(format!("business.calls has {} numbers, {MOST_NUMBERS} is the most", calls.len())));
    }
    let wanted: Vec<Wanted> =
        calls.iter().enumerate().map(|(at, item)| detection(at, item, account)).collect::<Result<_, _>>()?;
    for detection in wanted {
        plan(simulator, detection, call.now);
    }
    Ok(Response::Data(Value::Null))
}

/// The account whose secret signed the call.
fn caller(simulator: &Simulator, system: Params<'_>) -> Result<AccountKey, Response> {
    let app_key = system.needed("appkey", "the APPKey of an account")?;
    if system.word("charset", &["UTF-8"])?.is_none() {
        return Err(system.missing("charset", "`UTF-8`"));
    }
    if system.word("signtype", &["MD5"])?.is_none() {
        return Err(system.missing("signtype", "`MD5`"));
    }
    let timestamp = match system.value("timestamp") {
        Some(Value::String(text)) if !text.is_empty() => text.clone(),
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => number.to_string(),
        Some(value) => {
            return Err(bad(format!("system.timestamp is {}, expected Unix seconds", shown(value))));
        }
        None => return Err(system.missing("timestamp", "Unix seconds")),
    };
    let version = system.needed("version", "`1.0.0`")?;
    let given = system.needed("sign", "the signature")?;
    let account = simulator
        .context
        .access
        .by_app_key(app_key)
        .ok_or(Response::Error { code: 401, message: "system.appkey names no account".to_owned() })?;
    let expected = signature(&simulator.context.access.account(account).app_secret, &timestamp, version);
    // Some libraries leave the padding away.
    let plain = |text: &str| text.trim_end_matches('=').to_owned();
    if plain(given).as_bytes().ct_eq(plain(&expected).as_bytes()).into() {
        return Ok(account);
    }
    Err(Response::Error {
        code: 401,
        message: "system.sign is wrong: expected URL-safe base64 of the raw MD5 of `<APPSecret>+<timestamp>+<version>`"
            .to_owned(),
    })
}

fn detection(at: usize, item: &Value, account: AccountKey) -> Result<Wanted, Response> {
    let wrong = |field: &str, why: &str| bad(format!("business.calls[{at}].{field} {why}"));
    let text = |field: &str, expected: &str| match item.get(field) {
        None | Some(Value::Null) => Err(wrong(field, &format!("is missing: {expected}"))),
        Some(Value::String(text)) if text.is_empty() => Err(wrong(field, &format!("is empty: {expected}"))),
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(other) => Err(wrong(field, &format!("is {}, expected {expected}", shown(other)))),
    };
    let callee = text("callee", "a number in E.164")?;
    let callback = text("callback", "the base64 of a URL")?;
    // Some libraries leave the padding away.
    let url = STANDARD_PAD_INDIFFERENT
        .decode(callback)
        .ok()
        .or_else(|| URL_SAFE_PAD_INDIFFERENT.decode(callback).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| wrong("callback", "is not the base64 of a URL"))?;
    if let Err(error) = url.parse::<crate::net::Target>() {
        return Err(wrong("callback", &format!("holds no URL: {error}")));
    }
    let private = match item.get("prvdata") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    Ok(Wanted { callee: callee.to_owned(), private, target: url, account })
}

fn plan(simulator: &mut Simulator, wanted: Wanted, now: Timestamp) {
    simulator.detection.detected += 1;
    let mut rng = simulator.context.seed.stream("detection", simulator.detection.detected);
    let number = e164(&wanted.callee);
    let mock_outcome =
        number.map(|number| simulator.context.behaviour.calling.mock_outcome_of(number)).unwrap_or_default();
    let usual = match rng.random_range(0..20) {
        0 => 0,
        1 => 1,
        2 => 3,
        3 => 6,
        4 => 8,
        _ => 2,
    };
    let status = match (number, mock_outcome) {
        (None, _) => 9,
        (_, MockOutcome { number_status: Some(status), .. }) => i64::from(status),
        // A number that wishes for an outcome of calls is what the outcome says.
        (_, MockOutcome { outcome: Some(outcome), .. }) => match outcome {
            Outcome::Busy => 3,
            Outcome::SwitchedOff => 6,
            Outcome::OutOfArea => 7,
            Outcome::InvalidNumber => 1,
            _ => 2,
        },
        _ => usual,
    };
    let at = later(now, Duration::from_millis(rng.random_range(800..4_000)));
    let callback = wanted.result(status);
    let cause = simulator.context.cause();
    for at in mock_outcome.notice.moments(at) {
        simulator.context.send_at(at, cause, callback.clone());
    }
}

/// A number to be detected.
struct Wanted {
    callee: String,
    private: String,
    target: String,
    account: AccountKey,
}

impl Wanted {
    /// The result as it goes out.
    fn result(self, status: i64) -> Callback {
        let business = Business { callee: self.callee, numstatus: status, prvdata: self.private };
        Callback {
            account: self.account,
            story: None,
            event: "detection.result".into(),
            // Bodies are plain data, which always fits into JSON.
            body: CallbackBody::Text(
                serde_json::to_string(&DetectionResult { business }).unwrap_or_default(),
            ),
            order_key: None,
            target: Some(self.target),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_url_safe_base64_of_a_raw_digest() {
        // Computed with Python: base64.urlsafe_b64encode(hashlib.md5(b"secret+1893456000+1.0.0").digest())
        assert_eq!(signature("secret", "1893456000", "1.0.0"), "Z1gE-ETzd-DB1ZQIMKYnug==");
    }
}

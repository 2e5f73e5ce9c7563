//! Number detection: a signature inside the body, a base64 callback URL for each number, a result later (client).

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE;
use jiff::Timestamp;
use md5::{Digest, Md5};
use rand::RngExt;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::access::AccountKey;
use super::callback::Callback;
use super::case::Case;
use super::e164::e164;
use super::encoded_text::encoded_text;
use super::endpoint::{CallbackShape, Endpoint, Generate, NoData, Wanted, bad_request, callbacks, endpoints};
use super::outcome::{MockOutcome, Outcome};
use super::{ConversationKey, Refusal, Request, Simulator};
use crate::contract::fields::{NoEffect, shown};
use crate::net::Target;
use crate::time::later;

/// The endpoints of this department.
pub(super) const ENDPOINTS: &[Endpoint] = endpoints! {
    refuse: bad_request,
    "detection.check" => check,
};

/// The callbacks of this department.
pub(super) const CALLBACKS: &[CallbackShape] = callbacks! {
    "detection.result" => DetectionResult,
};

/// Maximum number of phone numbers in one request (assumed).
const MOST_NUMBERS: usize = 10_000;

/// Computes the signature (client): URL-safe base64 of the raw MD5 of `<secret>+<unix seconds>+<version>`.
pub(crate) fn signature(secret: &str, timestamp: &str, version: &str) -> String {
    BASE64_URL_SAFE.encode(Md5::digest(format!("{secret}+{timestamp}+{version}")))
}

/// The department of number detection.
#[derive(Clone, Debug, Default)]
pub(super) struct Detection {
    /// Count of detected numbers.
    detected: u64,
}

/// `POST /service/cloud/emptycheck` on the host of number detection (client).
#[derive(Debug, Deserialize, JsonSchema)]
struct Check {
    /// The sender and the signature.
    system: System,
    /// The numbers to check.
    business: Numbers,
}

/// The sender and the signature (client).
#[derive(Debug, Deserialize, JsonSchema)]
struct System {
    /// The APPKey of an account.
    appkey: String,
    /// The encoding of the body.
    #[serde(rename = "charset")]
    _charset: NoEffect<Charset>,
    /// When it was signed, in Unix seconds. Its age is not checked.
    timestamp: UnixSeconds,
    /// The algorithm of the signature.
    #[serde(rename = "signtype")]
    _signtype: NoEffect<SignType>,
    /// The signature: URL-safe base64 of the raw MD5 of `<APPSecret>+<timestamp>+<version>`.
    sign: String,
    /// The version, `1.0.0`. It is part of the signed text; any version is accepted.
    version: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
enum Charset {
    #[serde(rename = "UTF-8")]
    Utf8,
}

#[derive(Debug, Deserialize, JsonSchema)]
enum SignType {
    #[serde(rename = "MD5")]
    Md5,
}

/// Unix seconds, a number or a text, as they were signed.
#[derive(Debug, JsonSchema)]
#[schemars(inline, extend("type" = ["integer", "string"]))]
struct UnixSeconds(String);

impl<'de> Deserialize<'de> for UnixSeconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) if !text.is_empty() => Ok(Self(text)),
            Value::Number(number) if number.is_i64() || number.is_u64() => Ok(Self(number.to_string())),
            other => Err(D::Error::custom(format_args!("is {}, expected Unix seconds", shown(&other)))),
        }
    }
}

/// The numbers to check (client).
#[derive(Debug, Deserialize, JsonSchema)]
struct Numbers {
    /// A list of {callee, callback, prvdata}, one element per number (client; the limit of 10,000 is assumed).
    calls: Vec<AskedNumber>,
}

/// A number to be detected (client).
#[derive(Debug, Deserialize, JsonSchema)]
struct AskedNumber {
    /// A number in E.164. Any other text is reported as a wrong number.
    callee: String,
    /// The base64 of the URL that the result is sent to.
    callback: EncodedUrl,
    /// Sent back with the result, as received.
    prvdata: Option<Value>,
}

/// A URL in base64. Whether it may be called is decided when it is.
#[derive(Debug, JsonSchema)]
#[schemars(inline, extend("x-form" = "base64 of a URL"))]
struct EncodedUrl(String);

impl<'de> Deserialize<'de> for EncodedUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let url = encoded_text(&text).ok_or_else(|| D::Error::custom("is not the base64 of a URL"))?;
        match url.parse::<Target>() {
            Ok(_) => Ok(Self(url)),
            Err(error) => Err(D::Error::custom(format_args!("does not contain a URL: {error}"))),
        }
    }
}

/// Accepts numbers for detection.
fn check(simulator: &mut Simulator, asked: Check, request: &Request<'_>) -> Result<NoData, Refusal> {
    let account = account_of(simulator, &asked.system)?;
    let calls = asked.business.calls;
    if calls.is_empty() {
        return Err(Refusal::new(400, "business.calls is empty: at least one number is needed"));
    }
    if calls.len() > MOST_NUMBERS {
        let message =
            format!("business.calls has {} numbers, but at most {MOST_NUMBERS} are allowed", calls.len());
        return Err(Refusal::new(400, message));
    }
    for wanted in calls {
        detect(simulator, account, wanted, request.now);
    }
    Ok(NoData)
}

/// Returns the account whose secret signed the request.
fn account_of(simulator: &Simulator, system: &System) -> Result<AccountKey, Refusal> {
    let access = &simulator.context.access;
    let account = access.by_app_key(&system.appkey);
    let account = account.ok_or_else(|| Refusal::new(401, "system.appkey names no account"))?;
    let timestamp = &system.timestamp.0;
    if timestamp.is_empty() || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        let message =
            format!("system.timestamp is {}, expected Unix seconds", shown(&timestamp.as_str().into()));
        return Err(Refusal::new(400, message));
    }
    // The sender signs the version under the name that it has for the sender.
    let names = simulator.context.behaviour.corrected.get("detection.check");
    let sent = names.and_then(|names| names.request.word("system.version", &system.version));
    let version = sent.as_ref().and_then(Value::as_str).unwrap_or(&system.version);
    let expected = signature(&access.account(account).app_secret, timestamp, version);
    // Some libraries omit the padding.
    let (given, expected) = (system.sign.trim_end_matches('='), expected.trim_end_matches('='));
    if given.as_bytes().ct_eq(expected.as_bytes()).into() {
        return Ok(account);
    }
    Err(Refusal::new(
        401,
        "system.sign is wrong: expected URL-safe base64 of the raw MD5 of `<APPSecret>+<timestamp>+<version>`",
    ))
}

fn detect(simulator: &mut Simulator, account: AccountKey, wanted: AskedNumber, now: Timestamp) {
    let Simulator { context, detection, .. } = simulator;
    detection.detected += 1;
    let mut rng = context.seed.stream("detection", detection.detected);
    let number = e164(&wanted.callee);
    let mock_outcome =
        number.map(|number| context.behaviour.calling.mock_outcome_of(number)).unwrap_or_default();
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
        (_, MockOutcome { number_status: Some(status), .. }) => status,
        // For a number with a simulated call outcome, the status follows from that outcome.
        (_, MockOutcome { outcome: Some(outcome), .. }) => match outcome {
            Outcome::Busy => 3,
            Outcome::SwitchedOff => 6,
            Outcome::OutOfArea => 7,
            Outcome::InvalidNumber => 1,
            _ => 2,
        },
        _ => usual,
    };
    let due = later(now, Duration::from_millis(rng.random_range(800..4_000)));
    let prvdata = wanted.prvdata.unwrap_or_else(|| String::new().into());
    let body = DetectionResult::new(wanted.callee, status, prvdata);
    let callback = Callback::new(account, "detection.result", &body, None);
    let callback = Callback { target: Some(wanted.callback.0), ..callback };
    let cause = context.cause();
    context.note_swallowed("detection.result", mock_outcome.notice);
    for at in mock_outcome.notice.moments(due) {
        context.send_at(at, cause, callback.clone());
    }
}

/// Whether a number is in use. Receivers answer `{"code":200,"msg":"ok"}` (client).
#[derive(Debug, Serialize, JsonSchema)]
struct DetectionResult {
    /// The result.
    business: Detected,
}

/// What was found of one number (client).
#[derive(Debug, Serialize, JsonSchema)]
struct Detected {
    /// The number, as it was given.
    callee: String,
    /// The status of the number: 0 unknown, 1 invalid, 2 valid, 3 busy, 4 in arrears, 5 on hold, 6 switched off, 7 out of
    /// area, 8 not registered, 9 wrong number.
    #[schemars(range(min = 0, max = 9))]
    numstatus: u8,
    /// The customer's data from the request, as received; an empty text if there was none (client; for values other than
    /// texts this is assumed).
    prvdata: Value,
}

impl DetectionResult {
    fn new(callee: String, numstatus: u8, prvdata: Value) -> Self {
        Self { business: Detected { callee, numstatus, prvdata } }
    }
}

impl Generate for DetectionResult {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let case = Case::wanted(simulator, key, wanted);
        Self::new(case.phone, 2, case.case_id.into())
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

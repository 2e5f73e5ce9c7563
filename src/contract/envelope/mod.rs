//! The envelopes around the data of responses. They differ from family to family on purpose.
//!
//! The shapes of successes are documented, taken from examples, or observed (see each arm). The shapes of errors are assumed:
//! the family's own envelope with the code, a message, and no data.

mod codes;
mod corrected;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use codes::{Code, ELSEWHERE, INTERNAL, code, codes};
pub use corrected::CorrectedCodes;

use super::Family;

/// Which HTTP status an answer has whose envelope holds an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ErrorStatus {
    /// The code itself, where it is an HTTP status; 200 otherwise, as for the dialer's own codes (assumed).
    #[default]
    #[serde(rename = "mirror")]
    Mirror,
    /// 200, whatever the code; only 401 stays what it is, for that is known from clients.
    #[serde(rename = "always-200")]
    Always200,
}

impl ErrorStatus {
    /// Returns the HTTP status of a response with this code.
    pub fn http_status(self, code: i64) -> u16 {
        match u16::try_from(code) {
            Ok(401) => 401,
            Ok(status @ 400..=599) if self == Self::Mirror => status,
            _ => 200,
        }
    }
}

/// Returns the code of a success.
pub fn success_code(family: Family) -> i64 {
    match family {
        // Documented for the calling API, client for the workflow, example for the chatbot, assumed for detection.
        Family::Cloud | Family::Workflow | Family::Chatbot | Family::Detection => 200,
        // Client.
        Family::Dialer | Family::Sms => 0,
    }
}

/// Appends the fields of a successful response except its data, and returns the name of the data field.
fn push_fields(text: &mut String, family: Family, request_id: impl FnOnce(&mut String)) -> &'static str {
    let (fields, data) = match family {
        // Documented.
        Family::Cloud => (r#"{"code":200,"status":"OK""#, "data"),
        // Client; the wording of the message is assumed.
        Family::Workflow => (r#"{"code":200,"message":"success""#, "data"),
        // Example.
        Family::Chatbot => {
            text.push_str(r#"{"request_id":""#);
            request_id(text);
            (r#"","code":200,"message":"Success""#, "data")
        }
        // Client: clients compare the message with exactly this word. The wording of the status is assumed.
        Family::Dialer => (r#"{"code":0,"message":"successfully","status":"OK""#, "body"),
        // Client; the wording of the message is assumed.
        Family::Sms => (r#"{"code":0,"message":"success""#, "body"),
        // Assumed: the response that receivers give to this family's callback.
        Family::Detection => (r#"{"code":200,"msg":"ok""#, "data"),
    };
    text.push_str(fields);
    data
}

/// Returns a successful response that has no data.
///
/// `request_id` appends its 32 hexadecimal digits. It is called only if the envelope has them.
pub fn success(family: Family, request_id: impl FnOnce(&mut String)) -> String {
    let mut text = String::new();
    push_fields(&mut text, family, request_id);
    text + TAIL
}

/// The text that follows the data in a successful response.
pub const TAIL: &str = "}";

/// Appends the text before the data of a successful response; [`TAIL`] follows the data.
///
/// `request_id` appends its 32 hexadecimal digits. It is called only if the envelope has them.
pub fn push_head(text: &mut String, family: Family, request_id: impl FnOnce(&mut String)) {
    let data = push_fields(text, family, request_id);
    text.extend([",\"", data, "\":"]);
}

/// Returns the names of the envelope's fields other than its data, and the name of the data field.
pub fn names(family: Family) -> (Vec<String>, &'static str) {
    let mut text = String::new();
    let data = push_fields(&mut text, family, |_| {});
    let success: Value = serde_json::from_str(&(text + TAIL)).unwrap_or_default();
    let error = error(family, 0, "", String::new);
    let mut names: Vec<String> = Vec::new();
    for name in [success, error].iter().filter_map(Value::as_object).flat_map(serde_json::Map::keys) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    (names, data)
}

/// Returns the response to a failed request (assumed).
///
/// `request_id` returns 32 hexadecimal digits. It is called only if the envelope has them.
pub fn error(family: Family, code: i64, message: &str, request_id: impl FnOnce() -> String) -> Value {
    match family {
        Family::Cloud => json!({ "code": code, "status": reason(code), "message": message }),
        Family::Workflow | Family::Sms => json!({ "code": code, "message": message }),
        Family::Chatbot => json!({ "request_id": request_id(), "code": code, "message": message }),
        Family::Dialer => json!({ "code": code, "message": message, "status": "ERROR" }),
        Family::Detection => json!({ "code": code, "msg": message }),
    }
}

/// Returns the word beside a code of the calling API, in the field where a success has `OK` (assumed).
fn reason(code: i64) -> &'static str {
    u16::try_from(code)
        .ok()
        .and_then(|code| hyper::StatusCode::from_u16(code).ok())
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Error")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> String {
        "0123456789abcdef0123456789abcdef".to_owned()
    }

    #[test]
    fn every_family_has_its_own_envelope() {
        let mut lines = Vec::new();
        for family in Family::ALL {
            let mut answer = String::new();
            push_head(&mut answer, family, |text| text.push_str(&id()));
            lines.push(format!("{family} success   {answer}{{\"a\":1}}{TAIL}"));
            lines.push(format!("{family} no data   {}", success(family, |text| text.push_str(&id()))));
            let (names, data) = names(family);
            lines.push(format!("{family} names     {} and {data}", names.join(", ")));
            lines.push(format!("{family} error 401 {}", error(family, 401, "the token has expired", id)));
        }
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn only_the_chatbot_asks_for_a_request_id() {
        for family in Family::ALL.into_iter().filter(|family| *family != Family::Chatbot) {
            success(family, |_| unreachable!("{family} has none"));
            error(family, 400, "no", || unreachable!("{family} has none"));
        }
    }

    #[test]
    fn the_http_status_follows_the_code_only_where_it_is_one() {
        for (code, mirror, always) in [
            (0, 200, 200),
            (200, 200, 200),
            (400, 400, 200),
            (401, 401, 401),
            (501, 501, 200),
            (-1, 200, 200),
            (10506, 200, 200),
            (i64::MAX, 200, 200),
        ] {
            assert_eq!(ErrorStatus::Mirror.http_status(code), mirror, "{code}");
            assert_eq!(ErrorStatus::Always200.http_status(code), always, "{code}");
        }
    }

    #[test]
    fn the_setting_reads_as_written() {
        for (text, mode) in [("\"mirror\"", ErrorStatus::Mirror), ("\"always-200\"", ErrorStatus::Always200)]
        {
            assert_eq!(serde_json::from_str::<ErrorStatus>(text).unwrap(), mode);
        }
    }
}

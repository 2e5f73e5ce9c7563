//! What answers to calls look like around their data: the envelopes differ from family to family on purpose.
//!
//! The shapes of successes are documented, read off examples, or observed (see each arm); the shapes of errors are
//! assumed: the family's own envelope with the code, a message, and no data.

mod codes;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use codes::{Code, ELSEWHERE, INTERNAL, code, codes};

use super::Family;

/// Which HTTP status an answer has whose envelope tells of an error.
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
    /// The HTTP status of an answer with this code.
    pub fn http_status(self, code: i64) -> u16 {
        match u16::try_from(code) {
            Ok(401) => 401,
            Ok(status @ 400..=599) if self == Self::Mirror => status,
            _ => 200,
        }
    }
}

/// The HTTP status of an answer with this code, where settings say nothing else: see [`ErrorStatus::Mirror`].
///
/// No family's own codes fall among the HTTP statuses, so that one rule serves all of them.
pub fn http_status(_family: Family, code: i64) -> u16 {
    ErrorStatus::Mirror.http_status(code)
}

/// The code of a success.
pub fn success_code(family: Family) -> i64 {
    match family {
        // Documented for the calling API, client for the workflow, example for the chatbot, assumed for detection.
        Family::Cloud | Family::Workflow | Family::Chatbot | Family::Detection => 200,
        // Client.
        Family::Dialer | Family::Sms => 0,
    }
}

/// The answer of a successful call. Data that is null is left out.
///
/// `request_id` is asked for 32 hexadecimal digits only where the envelope has them.
pub fn success(family: Family, data: Value, request_id: impl FnOnce() -> String) -> Value {
    let code = success_code(family);
    match family {
        // Documented.
        Family::Cloud => envelope(json!({ "code": code, "status": "OK" }), "data", data),
        // Client; the wording of the message is assumed.
        Family::Workflow => envelope(json!({ "code": code, "message": "success" }), "data", data),
        // Example.
        Family::Chatbot => {
            envelope(json!({ "request_id": request_id(), "code": code, "message": "Success" }), "data", data)
        }
        // Client: clients compare the message with exactly this word. The wording of the status is assumed.
        Family::Dialer => {
            envelope(json!({ "code": code, "message": "successfully", "status": "OK" }), "body", data)
        }
        // Client; the wording of the message is assumed.
        Family::Sms => envelope(json!({ "code": code, "message": "success" }), "body", data),
        // Assumed: what receivers answer to this family's callback.
        Family::Detection => envelope(json!({ "code": code, "msg": "ok" }), "data", data),
    }
}

/// What stands behind the data in the answer of a successful call.
pub const TAIL: &str = "}";

/// Appends what stands before the data in the answer of a successful call, for data that is text already: with [`TAIL`]
/// the same answer as that of [`success`].
///
/// `request_id` appends its 32 hexadecimal digits; it is asked only where the envelope has them.
pub fn push_head(text: &mut String, family: Family, request_id: impl FnOnce(&mut String)) {
    let head = match family {
        Family::Cloud => r#"{"code":200,"status":"OK","data":"#,
        Family::Workflow => r#"{"code":200,"message":"success","data":"#,
        Family::Chatbot => {
            text.push_str(r#"{"request_id":""#);
            request_id(text);
            r#"","code":200,"message":"Success","data":"#
        }
        Family::Dialer => r#"{"code":0,"message":"successfully","status":"OK","body":"#,
        Family::Sms => r#"{"code":0,"message":"success","body":"#,
        Family::Detection => r#"{"code":200,"msg":"ok","data":"#,
    };
    text.push_str(head);
}

/// The answer of a call that failed (assumed).
///
/// `request_id` is asked for 32 hexadecimal digits only where the envelope has them.
pub fn error(family: Family, code: i64, message: &str, request_id: impl FnOnce() -> String) -> Value {
    match family {
        Family::Cloud => json!({ "code": code, "status": reason(code), "message": message }),
        Family::Workflow | Family::Sms => json!({ "code": code, "message": message }),
        Family::Chatbot => json!({ "request_id": request_id(), "code": code, "message": message }),
        Family::Dialer => json!({ "code": code, "message": message, "status": "ERROR" }),
        Family::Detection => json!({ "code": code, "msg": message }),
    }
}

fn envelope(mut head: Value, name: &str, data: Value) -> Value {
    if let Value::Object(fields) = &mut head {
        put(fields, name, data);
    }
    head
}

fn put(fields: &mut Map<String, Value>, name: &str, data: Value) {
    if !data.is_null() {
        fields.insert(name.to_owned(), data);
    }
}

/// The word beside a code of the calling API, in the place where a success says `OK` (assumed).
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
            lines.push(format!("{family} success   {}", success(family, json!({ "a": 1 }), id)));
            lines.push(format!("{family} no data   {}", success(family, Value::Null, id)));
            lines.push(format!("{family} error 401 {}", error(family, 401, "the token has expired", id)));
        }
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn around_text_it_is_the_same_answer() {
        for family in Family::ALL {
            let data = json!({ "list": [1, "}"] });
            let mut head = String::new();
            push_head(&mut head, family, |text| text.push_str(&id()));
            assert_eq!(format!("{head}{data}{TAIL}"), success(family, data, id).to_string());
        }
    }

    #[test]
    fn only_the_chatbot_asks_for_a_request_id() {
        for family in Family::ALL.into_iter().filter(|family| *family != Family::Chatbot) {
            success(family, Value::Null, || unreachable!("{family} has none"));
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
            assert_eq!(http_status(Family::Cloud, code), mirror, "{code}");
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

//! The response that the vendor expects from a receiver beyond any success. It is known of two callbacks only.

use serde_json::{Value, json};

/// Returns the expected response of a receiver to a callback, by the catalog id of the event.
pub fn response(event: &str) -> Value {
    match event {
        // Client.
        "detection.result" => json!({ "code": 200, "msg": "ok" }),
        // Documented for `session.transfer`.
        _ => json!({}),
    }
}

/// Explains why a response is not the one that the vendor expects to an event, as a continuation of "the receiver". `None` if
/// it is the expected one, or if nothing is known.
pub fn unexpected(event: &str, status: u16, body: &[u8]) -> Option<String> {
    let read = || serde_json::from_slice::<Value>(body).ok();
    match event {
        // Documented.
        "session.transfer" if status != 200 => Some(format!(
            "answered {status}, but the vendor's document asks for 200 with a JSON object such as `{{}}`"
        )),
        "session.transfer" if !read().is_some_and(|body| body.is_object()) => Some(
            "answered with a body that is not a JSON object, but the vendor's document asks for one such \
            as `{}`"
                .to_owned(),
        ),
        // Client.
        "detection.result" if !read().is_some_and(|body| body["code"] == 200 && body["msg"] == "ok") => {
            Some("did not answer `{\"code\":200,\"msg\":\"ok\"}`, as a client of the vendor does".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_expected_and_nothing_else() {
        let wrong = |event, status, body: &str| unexpected(event, status, body.as_bytes()).is_some();
        assert!(wrong("session.transfer", 204, "") && wrong("session.transfer", 200, ""));
        assert!(wrong("session.transfer", 200, "[]") && wrong("session.transfer", 202, "{}"));
        assert!(wrong("detection.result", 200, "{}") && wrong("detection.result", 200, "ok"));
        for event in ["session.transfer", "detection.result", "call.completed"] {
            assert!(!wrong(event, 200, &response(event).to_string()), "{event}");
        }
        assert!(!wrong("call.completed", 204, "anything"));
    }
}

//! The reasons why a request of the control surface is refused.

use serde_json::json;

use crate::net::HttpResponse;

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) message: String,
    /// The methods served at the path, if the method is wrong.
    pub(super) allow: Option<String>,
}

impl Refused {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), allow: None }
    }

    /// Returns the refusal of an invalid field.
    pub(super) fn wrong(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// Returns the refusal of a name that does not exist.
    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self::new(404, message)
    }

    pub(super) fn response(&self) -> HttpResponse {
        let mut response = HttpResponse::json(self.status, &json!({ "message": self.message }));
        response.headers.extend(self.allow.clone().map(|methods| ("allow".into(), methods.into())));
        response
    }
}

//! Access to the control surface.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use subtle::ConstantTimeEq;

use super::refused::Refused;
use crate::net::{HttpRequest, HttpResponse};

/// Who may use the control surface.
#[derive(Clone, Default)]
pub enum Control {
    /// Everyone who can reach the mock.
    #[default]
    Open,
    /// No one.
    Off,
    /// Everyone who has this token.
    Token(String),
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Off => "Off",
            Self::Token(_) => "Token",
        })
    }
}

impl Control {
    /// Returns the response to a request that lacks the required token. Whether the mock is ready may be asked without it.
    pub fn turned_away(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let Self::Token(token) = self else { return None };
        if request.path == "/_mock/ready"
            || given(request).is_some_and(|given| given.ct_eq(token.as_bytes()).into())
        {
            return None;
        }
        let message = "this mock was started with --control-token: send `Authorization: Bearer TOKEN`, give `airudder-mock ctl` --control-token, or type it as the password in a browser";
        let mut response = Refused::new(401, message).response();
        response
            .headers
            .push(("www-authenticate".into(), "Basic realm=\"airudder-mock\", charset=\"UTF-8\"".into()));
        Some(response)
    }
}

/// Returns the token of a request: the token sent by a program, or the password typed into a browser.
fn given(request: &HttpRequest) -> Option<Vec<u8>> {
    let (kind, value) = request.header("authorization")?.trim().split_once(' ')?;
    if kind.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().as_bytes().to_owned());
    }
    let credentials =
        BASE64_STANDARD.decode(value.trim()).ok().filter(|_| kind.eq_ignore_ascii_case("basic"))?;
    let colon = credentials.iter().position(|byte| *byte == b':')?;
    Some(credentials[colon + 1..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_that_of_programs_or_a_password() {
        let control = Control::Token("t0ken:".to_owned());
        let turned_away = |path: &str, authorization: &str| {
            let headers = [("authorization", authorization)].into_iter().collect();
            let request = HttpRequest { path: path.to_owned(), headers, ..HttpRequest::default() };
            control.turned_away(&request).is_some()
        };
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        assert!(!turned_away("/_mock/state", "Bearer t0ken:"));
        assert!(!turned_away("/_mock/state", &basic("anybody:t0ken:")));
        assert!(!turned_away("/_mock/ready", ""));
        for wrong in
            ["", "t0ken:", "Bearer t0ken", "Bearer t0ken::", "Token t0ken:", "Basic ???", &basic("t0ken:")]
        {
            assert!(turned_away("/_mock/state", wrong), "{wrong}");
        }
        let message = control.turned_away(&HttpRequest::default()).unwrap();
        assert_eq!(message.status, 401);
        assert!(Control::Open.turned_away(&HttpRequest::default()).is_none());
    }
}

//! Who may use the control surface of a mock: the flags of `serve` and `exec`.

use crate::console::Control;

/// The variable that the token is read from, and that tells it to the command of `exec`.
pub(super) const TOKEN_VARIABLE: &str = "AIRUDDER_MOCK_CONTROL_TOKEN";

/// Whether there is a control surface, and for whom.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ControlArgs {
    /// Require this token for the control surface (everything under /_mock/, including the page): as `Authorization:
    /// Bearer TOKEN`, or as the password in a browser. Also read from AIRUDDER_MOCK_CONTROL_TOKEN. Default: no token is
    /// needed.
    #[arg(long, value_name = "TOKEN", env = TOKEN_VARIABLE, hide_env_values = true, value_parser = token)]
    control_token: Option<String>,
    /// Switch off the control surface: nothing under /_mock/ is served.
    #[arg(long)]
    no_control: bool,
}

/// Reads a token. An empty one, which a variable without content would be, protects nothing.
fn token(text: &str) -> Result<String, String> {
    match text.trim().is_empty() {
        true => Err(format!(
            "the token is empty: give one, or leave out the flag and the variable {TOKEN_VARIABLE}"
        )),
        false => Ok(text.to_owned()),
    }
}

impl ControlArgs {
    /// For whom it is.
    pub(super) fn control(&self) -> Control {
        match (self.no_control, &self.control_token) {
            (true, _) => Control::Off,
            (false, Some(token)) => Control::Token(token.clone()),
            (false, None) => Control::Open,
        }
    }

    /// What a command has to know to use it.
    pub(super) fn variable(&self) -> Option<(&'static str, String)> {
        match self.control() {
            Control::Token(token) => Some((TOKEN_VARIABLE, token)),
            Control::Open | Control::Off => None,
        }
    }
}

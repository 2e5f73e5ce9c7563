//! Addresses during a run: of the mock and the receivers, and the variables that a COMMAND gets.

use std::net::TcpListener;
use std::ops::Range;
use std::sync::Arc;

use crate::cli::CommandError;
use crate::http::{BindError, Server};
use crate::mock::Prepared;
use crate::net::Target;
use crate::scenario::{Story, StoryRun};
use crate::settings::url_for;

/// The ports given to a COMMAND. Systems pick the ports of connections above them, so that no connection takes the port before
/// the command listens.
const PORTS: Range<u16> = 10_000..32_000;

/// Maximum number of ports that are tried.
const MOST_PORTS: usize = 1_000;

/// Listens at the requested address. If no program outside needs to know the address beforehand, any free port is used.
pub(super) fn listen(wanted: Option<&str>, is_announced: bool) -> Result<Server, BindError> {
    let usual = if is_announced { "127.0.0.1:0" } else { crate::settings::DEFAULT_LISTEN };
    Server::bind(wanted.unwrap_or(usual))
}

/// Returns the receivers of these stories' callbacks, as far as they are known beforehand and can be connected to: the default
/// URL and those of stories and routes, unless the default wins over them. A step that sends to another URL may intentionally
/// use one where nothing listens.
pub(super) fn receivers(prepared: &Prepared, usual_wins: bool, stories: &[StoryRun]) -> Vec<Target> {
    let settings = &prepared.settings;
    let parsed = |url: &str| url_for(url, "session.end").parse::<Target>().ok();
    let of_stories = stories.iter().filter_map(|story| parsed(story.story().callback_url_text()?));
    let of_routes = settings.routes.targets(&prepared.catalog);
    let others = of_stories.chain(of_routes).filter(|_| !usual_wins);
    let mut found: Vec<Target> = Vec::new();
    for target in settings.callback_url.as_deref().and_then(parsed).into_iter().chain(others) {
        if found.iter().all(|known| known.origin() != target.origin()) {
            found.push(target);
        }
    }
    found
}

/// Replaces port 0 in a URL by a free port, on which a COMMAND should listen.
pub(super) fn with_free_port(url: &str) -> Result<String, CommandError> {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let end = url[after_scheme..].find(['/', '?']).map_or(url.len(), |at| after_scheme + at);
    let Some(host) = url[after_scheme..end].strip_suffix(":0") else { return Ok(url.to_owned()) };
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let mut some =
        std::iter::repeat_with(|| PORTS.start + crate::cli::fresh_seed() as u16 % PORTS.len() as u16);
    let port = some.by_ref().take(MOST_PORTS).find(is_free);
    let port =
        port.ok_or_else(|| CommandError::start("there is no free port: give one in --callback-url"))?;
    Ok(format!("{}{host}:{port}{}", &url[..after_scheme], &url[end..]))
}

/// Returns the environment variables of a COMMAND.
pub(in crate::cli) fn variables(
    prepared: &Prepared,
    url: &str,
    receivers: &[Target],
) -> Vec<(&'static str, String)> {
    let settings = &prepared.settings;
    let mut variables =
        vec![("AIRUDDER_MOCK_URL", url.to_owned()), ("AIRUDDER_MOCK_SECRET", settings.secret.clone())];
    variables.extend(receivers.first().map(|receiver| ("PORT", receiver.port().to_string())));
    variables.extend(settings.callback_url.clone().map(|url| ("AIRUDDER_MOCK_CALLBACK_URL", url)));
    if let Some(account) = settings.accounts.first() {
        let sign_secret = account.sign_secret.as_ref().unwrap_or(&settings.secret);
        variables.extend([
            ("AIRUDDER_MOCK_APP_KEY", account.app_key.clone()),
            ("AIRUDDER_MOCK_APP_SECRET", account.app_secret.clone()),
            ("AIRUDDER_MOCK_SIGN_KEY", account.sign_key.clone()),
            ("AIRUDDER_MOCK_SIGN_SECRET", sign_secret.clone()),
        ]);
    }
    variables
}

/// Whether a target for callbacks is set anywhere.
pub(super) fn names_receiver(prepared: &Prepared, stories: &[Arc<Story>]) -> bool {
    let settings = &prepared.settings;
    settings.callback_url.is_some()
        || settings.routes.has_url()
        || stories.iter().any(|story| story.callback_url.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_0_becomes_a_free_one_where_the_host_ends() {
        for (url, before, after) in [
            ("http://127.0.0.1:0/hook?x=:0", "http://127.0.0.1:", "/hook?x=:0"),
            ("http://localhost:0", "http://localhost:", ""),
            ("https://[::1]:0?a", "https://[::1]:", "?a"),
        ] {
            let free = with_free_port(url).unwrap();
            let port = free.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).unwrap();
            assert!(PORTS.contains(&port.parse().unwrap()), "{free}");
        }
        for url in ["http://127.0.0.1:3000/:0/", "http://127.0.0.1/:0", "nonsense", ""] {
            assert_eq!(with_free_port(url).unwrap(), url);
        }
    }
}

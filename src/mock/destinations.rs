//! Where the callbacks of a mock go.

use super::{Prepared, StartError};
use crate::net::Target;
use crate::settings::{Routes, url_for};

/// The callback URL that was given beside the settings.
#[derive(Clone, Debug)]
pub(crate) enum CallbackUrl {
    /// All callbacks go here, whatever the settings and the stories say.
    Only(String),
    /// Callbacks go here if neither the stories nor the routes name a URL.
    Default(String),
    /// None: callbacks go where the settings and the stories say.
    OfSettings,
}

impl CallbackUrl {
    /// All callbacks go to this URL, if there is one.
    pub(crate) fn given(url: Option<&String>) -> Self {
        url.map_or(Self::OfSettings, |url| Self::Only(url.clone()))
    }

    /// The URL that wins over all others, if there is one.
    pub(super) fn only(&self) -> Option<&String> {
        match self {
            Self::Only(url) => Some(url),
            Self::Default(_) | Self::OfSettings => None,
        }
    }
}

/// The places that callbacks go to, by settings and callback URL.
pub(super) struct Destinations {
    pub(super) url: Option<String>,
    /// Whether `url` wins over the URLs of stories.
    pub(super) url_wins: bool,
    pub(super) routes: Routes,
    /// All of them, apart from those of stories.
    pub(super) targets: Vec<Target>,
}

impl Destinations {
    /// # Errors
    ///
    /// If the callback URL is not one, or the settings name a host that they don't allow.
    pub(super) fn of(prepared: &Prepared, callback_url: &CallbackUrl) -> Result<Self, StartError> {
        let settings = &prepared.settings;
        let (url, url_wins) = match callback_url.clone() {
            CallbackUrl::Only(url) => (Some(url), true),
            CallbackUrl::Default(url) => (Some(url), false),
            CallbackUrl::OfSettings => (settings.callback_url.clone(), false),
        };
        let routes = match url_wins {
            true => settings.routes.clone().without_urls(),
            false => {
                settings.check_hosts()?;
                settings.routes.clone()
            }
        };
        let mut targets = routes.targets(&prepared.catalog);
        for entry in prepared.catalog.callbacks() {
            let Some(url) = &url else { break };
            // `{event}` in it becomes the id of the callback.
            let own = url_for(url, &entry.id);
            let target = own.parse().map_err(|error| StartError::CallbackUrl { url: url.clone(), error })?;
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        Ok(Self { url, url_wins, routes, targets })
    }
}

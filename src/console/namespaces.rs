//! `/_mock/namespaces`: separate mocks behind one address, so that tests can run in parallel.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::World;
use super::beside::{NamespaceError, Namespaces, NewNamespace};
use super::endpoint::{Answered, Done, Endpoint, Nothing};
use super::namespace::Namespace;
use super::refused::Refused;
use crate::engine::Speed;

pub(super) fn of(world: &World) -> Result<&dyn Namespaces, Refused> {
    let none = || Refused::missing("a namespace has no namespaces of its own: ask the main mock");
    world.namespaces.as_deref().ok_or_else(none)
}

pub(super) fn refused(error: &NamespaceError) -> Refused {
    let status = match error {
        NamespaceError::Taken(_) | NamespaceError::Unfit(_) => 409,
        NamespaceError::TooMany(_) => 429,
        NamespaceError::Name(_) | NamespaceError::Wrong(_) => 400,
    };
    Refused::new(status, error.to_string())
}

/// Creates a namespace.
pub(super) struct Create;

impl Endpoint for Create {
    const NAME: &'static str = "add-namespace";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/namespaces";
    const WHAT: &'static str = "creates a namespace, a separate mock at this address with its own \
        credentials, state, clock and journal: {\"callback_url\": \"http://127.0.0.1:3000/hook\"}";
    const STATUSES: &'static [u16] = &[201];
    type Ask = NewNamespace;
    type Answer = Namespace;

    async fn answer(world: World, ask: NewNamespace) -> Result<Answered<Namespace>, Refused> {
        let speed = ask.speed.as_deref().map(str::parse::<Speed>).transpose();
        let speed = speed.map_err(|error| Refused::wrong(format!("speed: {error}")))?;
        let made = of(&world)?.create(ask, speed).await.map_err(|error| refused(&error))?;
        Ok(Answered::Json(201, made))
    }
}

/// The namespaces.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Listing {
    /// By name.
    namespaces: Vec<Namespace>,
}

/// Lists the namespaces.
pub(super) struct List;

impl Endpoint for List {
    const NAME: &'static str = "namespaces";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/namespaces";
    const WHAT: &'static str = "lists the namespaces";
    type Ask = Nothing;
    type Answer = Listing;

    async fn answer(world: World, _: Nothing) -> Result<Answered<Listing>, Refused> {
        Ok(Answered::ok(Listing { namespaces: of(&world)?.list() }))
    }
}

/// Which namespace.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Named {
    /// Its name.
    name: String,
}

/// Puts a namespace back to its beginning.
pub(super) struct Reset;

impl Endpoint for Reset {
    const NAME: &'static str = "reset-namespace";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/namespaces/{name}/reset";
    const WHAT: &'static str =
        "resets a namespace: its credentials and its seed stay, its undelivered callbacks are dropped";
    type Ask = Named;
    type Answer = Namespace;

    async fn answer(world: World, ask: Named) -> Result<Answered<Namespace>, Refused> {
        let reset = of(&world)?.reset(&ask.name).map_err(|error| Refused::wrong(error.to_string()))?;
        let missing = || Refused::missing(format!("there is no namespace `{}`", ask.name));
        reset.map(Answered::ok).ok_or_else(missing)
    }
}

/// Ends a namespace.
pub(super) struct Remove;

impl Endpoint for Remove {
    const NAME: &'static str = "remove-namespace";
    const METHOD: &'static str = "DELETE";
    const PATH: &'static str = "/namespaces/{name}";
    const WHAT: &'static str =
        "deletes a namespace with everything in it; its undelivered callbacks are dropped";
    type Ask = Named;
    type Answer = Done;

    async fn answer(world: World, ask: Named) -> Result<Answered<Done>, Refused> {
        match of(&world)?.remove(&ask.name) {
            true => Ok(Answered::ok(Done {})),
            false => Err(Refused::missing(format!("there is no namespace `{}`", ask.name))),
        }
    }
}

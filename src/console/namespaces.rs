//! `/_mock/namespaces`: separate mocks behind one address, so that tests can run in parallel.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::World;
use super::beside::{NamespaceError, Namespaces, NewNamespace};
use super::endpoint::{Answered, Done, Nothing};
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
pub(super) async fn create(world: World, ask: NewNamespace) -> Result<Answered<Namespace>, Refused> {
    let speed = ask.speed.as_deref().map(str::parse::<Speed>).transpose();
    let speed = speed.map_err(|error| Refused::wrong(format!("speed: {error}")))?;
    let made = of(&world)?.create(ask, speed).await.map_err(|error| refused(&error))?;
    Ok(Answered::Json(201, made))
}

/// The namespaces.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Listing {
    /// By name.
    namespaces: Vec<Namespace>,
}

/// Lists the namespaces.
pub(super) async fn list(world: World, _: Nothing) -> Result<Answered<Listing>, Refused> {
    Ok(Answered::ok(Listing { namespaces: of(&world)?.list() }))
}

/// Which namespace.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Named {
    /// Its name.
    name: String,
}

/// Puts a namespace back to its beginning.
pub(super) async fn reset(world: World, ask: Named) -> Result<Answered<Namespace>, Refused> {
    let reset = of(&world)?.reset(&ask.name).map_err(|error| Refused::wrong(error.to_string()))?;
    let missing = || Refused::missing(format!("there is no namespace `{}`", ask.name));
    reset.map(Answered::ok).ok_or_else(missing)
}

/// Ends a namespace.
pub(super) async fn remove(world: World, ask: Named) -> Result<Answered<Done>, Refused> {
    match of(&world)?.remove(&ask.name) {
        true => Ok(Answered::ok(Done {})),
        false => Err(Refused::missing(format!("there is no namespace `{}`", ask.name))),
    }
}

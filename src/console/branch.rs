//! `POST /_mock/branch`: creates a namespace that continues from a moment of this mock.

use schemars::JsonSchema;
use serde::Deserialize;

use super::World;
use super::beside::NewNamespace;
use super::endpoint::Answered;
use super::namespace::Namespace;
use super::namespaces::{of, refused};
use super::refused::Refused;
use super::snapshots::moment;

/// A branch.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Ask {
    /// The name of the new namespace. Default: a free name.
    name: Option<String>,
    /// The snapshot to continue from. Default: the present state.
    snapshot: Option<String>,
    /// The namespace that has the snapshot or state. Default: the main mock.
    of: Option<String>,
    /// The URL for its callbacks. Default: that of the mock it branches off from.
    callback_url: Option<String>,
}

/// Creates a branch.
pub(super) async fn branch(world: World, ask: Ask) -> Result<Answered<Namespace>, Refused> {
    let namespaces = of(&world)?;
    let origin = match &ask.of {
        None => world.origin(),
        Some(name) => namespaces
            .origin(name)
            .ok_or_else(|| Refused::missing(format!("there is no namespace `{}`", name.escape_debug())))?,
    };
    let speed = origin.driver.speed();
    let from = moment(origin, ask.snapshot.as_deref()).await?;
    let wanted = NewNamespace { name: ask.name, callback_url: ask.callback_url, ..NewNamespace::default() };
    let made = namespaces.branch(wanted, speed, from).await;
    made.map(|made| Answered::Json(201, made)).map_err(|error| refused(&error))
}

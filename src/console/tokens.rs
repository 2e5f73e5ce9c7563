//! `POST /_mock/tokens/expire`: makes tokens expire early.

use schemars::JsonSchema;
use serde::Deserialize;

use super::World;
use super::endpoint::{Answered, Done};
use super::refused::Refused;

/// The tokens to expire.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Ask {
    /// The APPKey of the account. Default: all accounts.
    app_key: Option<String>,
}

/// Makes tokens expire.
pub(super) async fn expire(world: World, ask: Ask) -> Result<Answered<Done>, Refused> {
    world.change(|engine, _| {
        let access = engine.simulator().access_mut();
        match ask.app_key {
            None => access.expire_all(),
            Some(key) => match access.by_app_key(&key) {
                Some(account) => access.expire(account),
                None => return Err(Refused::missing("app_key names no account")),
            },
        }
        Ok(Answered::ok(Done {}))
    })
}

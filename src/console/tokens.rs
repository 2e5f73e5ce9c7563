//! `POST /_mock/tokens/expire`: makes tokens expire early.

use schemars::JsonSchema;
use serde::Deserialize;

use super::World;
use super::endpoint::{Answered, Done, Endpoint};
use super::refused::Refused;

/// The tokens to expire.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Ask {
    /// The APPKey of the account. Default: all accounts.
    app_key: Option<String>,
}

/// Makes tokens expire.
pub(super) struct Expire;

impl Endpoint for Expire {
    const NAME: &'static str = "expire-tokens";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/tokens/expire";
    const WHAT: &'static str = "expires all tokens, or with {\"app_key\": \"...\"} those of one account";
    type Ask = Ask;
    type Answer = Done;

    async fn answer(world: World, ask: Ask) -> Result<Answered<Done>, Refused> {
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
}

//! The WhatsApp business accounts that messages are sent from. Which ones exist and how they are listed is assumed.

use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::content;
use crate::seed::Seed;
use crate::simulator::access::Account;
use crate::simulator::context::Context;
use crate::simulator::{AccountKey, Refusal, Request, Simulator, WabaAccount};

/// Number of business accounts of each account, if the settings declare none.
const WABA_ACCOUNTS: usize = 2;

/// A WhatsApp business account (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(in crate::simulator) struct Waba {
    /// The id of the business account, 15 digits.
    waba_id: String,
    /// The name that users see.
    name: String,
    /// The channel of its messages, a string even if it consists of digits.
    pub(in crate::simulator) channel_id: String,
    /// The number it sends from, in E.164.
    phone: String,
    /// The business unit that callbacks name.
    pub(super) company: String,
    /// Whether it can send; `connected`.
    status: &'static str,
}

/// Returns the business accounts of an account: those of the settings, or two that depend only on the seed.
fn wabas(seed: Seed, key: AccountKey, account: &Account, declared: &[WabaAccount]) -> Vec<Waba> {
    if declared.is_empty() {
        return (0..WABA_ACCOUNTS).map(|at| draw(seed, key, account, at, declared)).collect();
    }
    let own = declared.iter().filter(|waba| waba.account.as_ref().is_none_or(|name| *name == account.name));
    own.enumerate()
        .map(|(at, waba)| {
            let usual = draw(seed, key, account, at, declared);
            Waba {
                waba_id: waba.waba_id.clone().unwrap_or(usual.waba_id),
                name: waba.name.clone(),
                channel_id: waba.channel_id.clone().unwrap_or(usual.channel_id),
                phone: waba.phone.clone().unwrap_or(usual.phone),
                company: waba.company.clone().unwrap_or_else(|| waba.name.clone()),
                status: usual.status,
            }
        })
        .collect()
}

/// Makes up the business account of an account that has this index among its own.
fn draw(seed: Seed, key: AccountKey, account: &Account, at: usize, declared: &[WabaAccount]) -> Waba {
    let companies = &content::market(account.country).companies;
    let first = usize::try_from(seed.stream("waba company", key.index() as u64).random::<u32>()).unwrap_or(0);
    // No account has more than this, so that the numbers of all accounts differ.
    let most = declared.len().max(WABA_ACCOUNTS);
    let number = (key.index() * most + at) as u64;
    let rng = &mut seed.stream("waba", number);
    let company = &companies[(first + at) % companies.len()];
    // Channels of one vendor never share an id.
    let channel = 1_000 + number * 37 + rng.random_range(0..37);
    Waba {
        waba_id: rng.random_range(100_000_000_000_000_u64..1_000_000_000_000_000).to_string(),
        name: company.clone(),
        channel_id: channel.to_string(),
        phone: crate::content::phone(rng, account.country),
        company: company.clone(),
        status: "connected",
    }
}

/// The business account that a request sends from (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct WabaRef {
    /// The id of the channel to send from. If this and `waba_id` are left out, the first business account sends.
    pub(super) channel_id: Option<String>,
    /// The id of the business account to send from.
    waba_id: Option<String>,
}

impl WabaRef {
    /// Returns the business account.
    ///
    /// # Errors
    ///
    /// If the account has no such business account.
    pub(super) fn find(&self, simulator: &Simulator, request: &Request<'_>) -> Result<Waba, Refusal> {
        let (channel, id) = (self.channel_id.as_ref(), self.waba_id.as_ref());
        let fits = |waba: &Waba| {
            channel.is_none_or(|channel| *channel == waba.channel_id)
                && id.is_none_or(|id| *id == waba.waba_id)
        };
        own(simulator, request).into_iter().find(fits).ok_or_else(|| {
            let named = channel.map(|channel| format!("channel_id `{channel}`"));
            let named = named.or_else(|| id.map(|id| format!("waba_id `{id}`")));
            let message = match named {
                Some(named) => format!("there is no WABA account with {named}"),
                None => {
                    "no WABA account belongs to this account: declare one in `[[chatbot.waba]]`".to_owned()
                }
            };
            Refusal::new(404, message)
        })
    }
}

fn own(simulator: &Simulator, request: &Request<'_>) -> Vec<Waba> {
    of_account(&simulator.context, request.account)
}

pub(super) fn of_account(context: &Context, key: AccountKey) -> Vec<Waba> {
    wabas(context.seed, key, context.access.account(key), &context.behaviour.bot.waba)
}

/// Returns the business account that the workflows of an account send from: the first, or else a made-up one.
pub(in crate::simulator) fn sender(context: &Context, key: AccountKey) -> Waba {
    let first = of_account(context, key).into_iter().next();
    let declared = &context.behaviour.bot.waba;
    first.unwrap_or_else(|| draw(context.seed, key, context.access.account(key), 0, declared))
}

/// `POST /api/v1/waba/accounts` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct WabaAccounts {}

/// The data of the response (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct WabaList {
    /// Number of business accounts.
    total: usize,
    /// All of them.
    list: Vec<Waba>,
}

/// Lists the business accounts of the account.
pub(super) fn waba_accounts(
    simulator: &mut Simulator,
    _: WabaAccounts,
    request: &Request<'_>,
) -> Result<WabaList, Refusal> {
    let list = own(simulator, request);
    Ok(WabaList { total: list.len(), list })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_business_accounts_share_an_id() {
        let account = Account::default();
        for declared in 0..5 {
            let one = WabaAccount {
                name: "Toko".to_owned(),
                channel_id: None,
                waba_id: None,
                phone: None,
                company: None,
                account: None,
            };
            let declared = vec![one; declared];
            let (mut ids, mut channels, mut count) = (BTreeSet::new(), BTreeSet::new(), 0);
            for key in (0..200).map(AccountKey::at) {
                for waba in wabas(Seed(5), key, &account, &declared) {
                    ids.insert(waba.waba_id);
                    channels.insert(waba.channel_id);
                    count += 1;
                }
            }
            assert_eq!((ids.len(), channels.len()), (count, count), "{} declared", declared.len());
        }
    }
}

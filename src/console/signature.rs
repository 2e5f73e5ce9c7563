//! `POST /_mock/journal/{entry}/signature`: analyses a signature.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::World;
use super::endpoint::{Answered, Endpoint};
use super::refused::Refused;
use crate::contract::fields::Whole;
use crate::contract::signature::{Explained, TakenApart};
use crate::journal::Signed;

/// Which signature, and what another side has made of it.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Ask {
    /// The number of the entry: of an attempt (`tried`), or of a request to the chatbot (`called`).
    entry: Whole<1, { i64::MAX }>,
    /// The signature that your receiver has computed: what it was made of is found out.
    computed: Option<String>,
    /// The body that your receiver has seen, in place of the one that was sent.
    body: Option<String>,
}

/// A signature taken apart.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Apart {
    /// What was signed, and what it gives.
    #[serde(flatten)]
    signature: TakenApart,
    /// Whether what was `computed` or seen as `body` fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    fits: Option<bool>,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Explained>,
}

/// Analyses a signature.
pub(super) struct TakeApart;

impl Endpoint for TakeApart {
    const NAME: &'static str = "signature";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/journal/{entry}/signature";
    const WHAT: &'static str = "takes the signature of an attempt or of a chatbot request apart: what was signed, what that gives, what mistakes would give; with {\"computed\": \"SIGNATURE\"} also what your receiver's signature was made of";
    type Ask = Ask;
    type Answer = Apart;

    async fn answer(world: World, ask: Ask) -> Result<Answered<Apart>, Refused> {
        let seq = u64::try_from(ask.entry.get()).unwrap_or_default();
        let entry = world.journal().find(seq).ok_or_else(|| {
            Refused::missing(format!("there is no entry {seq} in the journal, or it is not kept any more"))
        })?;
        let signers = world.driver.look(|engine, _| engine.client_signers());
        let signed = Signed::of(&entry, &signers).ok_or_else(|| {
            Refused::wrong(format!(
                "entry {seq} has no signature: those of attempts (`tried`) and of chatbot requests (`called`) have one"
            ))
        })?;
        let computed = ask.computed.as_deref().map(str::trim).filter(|computed| !computed.is_empty());
        let is_compared = computed.is_some() || ask.body.is_some();
        let why = is_compared.then(|| signed.explain(computed, ask.body.as_deref())).flatten();
        Ok(Answered::ok(Apart {
            signature: signed.apart(world.lines.show_secrets, true),
            fits: is_compared.then_some(why.is_none()),
            why: why.map(Explained::from),
        }))
    }
}

//! `POST /_mock/journal/{entry}/signature`: analyses a signature.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::World;
use super::endpoint::Answered;
use super::refused::Refused;
use crate::contract::fields::Whole;
use crate::contract::signature::{Explained, TakenApart};
use crate::journal::Signed;

/// A signature, and optionally the receiver's own values.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Ask {
    /// The number of the entry: of an attempt (`tried`), or of a request to the chatbot (`called`).
    entry: Whole<1, { i64::MAX }>,
    /// The signature that your receiver has computed: the mock finds out what it was computed over.
    computed: Option<String>,
    /// The body that your receiver has seen, instead of the one that was sent.
    body: Option<String>,
}

/// The analysis of a signature.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Apart {
    /// What was signed, and the resulting signature.
    #[serde(flatten)]
    signature: TakenApart,
    /// Whether the given `computed` or `body` is right.
    #[serde(skip_serializing_if = "Option::is_none")]
    fits: Option<bool>,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Explained>,
}

/// Analyses a signature.
pub(super) async fn take_apart(world: World, ask: Ask) -> Result<Answered<Apart>, Refused> {
    let seq = u64::try_from(ask.entry.get()).unwrap_or_default();
    let entry = world.journal().find(seq).ok_or_else(|| {
        Refused::missing(format!("there is no entry {seq} in the journal, or it is no longer kept"))
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

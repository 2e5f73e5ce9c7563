//! Analyses the signature of a journal entry.

use crate::contract::signature::{Received, Signer, TakenApart};
use crate::net::Headers;

use super::{Entry, Event};

/// The signed content and the key: of an attempt of a callback, or of a chatbot request.
#[derive(Debug)]
pub struct Signed {
    signer: Signer,
    headers: Headers,
    body: bytes::Bytes,
    path: String,
    now: jiff::Timestamp,
}

impl Signed {
    /// Returns the signed content of an entry. `signers` sign the requests of the accounts. `None` if the entry has no
    /// signature and needs none.
    pub fn of(entry: &Entry, signers: &[Signer]) -> Option<Self> {
        match &entry.event {
            Event::Attempted { attempt, .. } => Some(Self {
                signer: attempt.callback.signer.clone()?,
                headers: attempt.headers.iter().map(|(name, value)| (&**name, value.as_str())).collect(),
                body: attempt.body.clone(),
                path: attempt.callback.target.path_and_query().to_owned(),
                now: entry.at,
            }),
            Event::Requested(exchange) => {
                let headers = &exchange.request.headers;
                let names = |signer: &&Signer| {
                    let key = signer.scheme().key.as_ref();
                    key.is_some_and(|key| key.id.as_deref() == headers.get(&key.name.to_ascii_lowercase()))
                };
                let is_signed = exchange.id.as_deref().is_some_and(|id| id.starts_with("chatbot."));
                let signer = signers.iter().find(names).or(signers.first()).filter(|_| is_signed)?;
                Some(Self {
                    signer: signer.clone(),
                    headers: headers.clone(),
                    body: exchange.request.body.clone(),
                    path: exchange.request.path_and_query().into_owned(),
                    now: entry.at,
                })
            }
            _ => None,
        }
    }

    /// Returns the name of the header that holds the signature.
    pub fn header(&self) -> &str {
        &self.signer.scheme().header
    }

    /// Returns the parts of the signature, with the results of common mistakes if wanted.
    pub fn apart(&self, show_secret: bool, with_others: bool) -> TakenApart {
        self.signer.take_apart(&self.received(&self.headers, &self.body), show_secret, with_others)
    }

    /// Explains how another signature, or another body with the same signature, may have come about. Returns why it is wrong,
    /// or `None` if it is right.
    pub fn explain(
        &self,
        computed: Option<&str>,
        body: Option<&str>,
    ) -> Option<crate::contract::signature::Mismatch> {
        let header = &self.signer.scheme().header;
        let others = self.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(header));
        let headers: Headers = match computed {
            Some(computed) => others.chain([(&**header, computed)]).collect(),
            None => self.headers.clone(),
        };
        let body = body.map_or(&self.body[..], str::as_bytes);
        self.signer.verify(&self.received(&headers, body)).err()
    }

    fn received<'a>(&'a self, headers: &'a Headers, body: &'a [u8]) -> Received<'a> {
        Received { body, path: &self.path, headers, now: self.now }
    }
}

//! Makes the requests of a check's steps.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use rand::RngExt;
use serde_json::Value;

use super::craft::Crafted;
use super::form;
use super::requests::RequestsMade;
use super::signing::{self, Headers};
use super::step::{Form, Signature, Step, Wire};
use crate::content::Country;
use crate::contract::Catalog;
use crate::contract::signature::{Scheme, SecretError, Signer, Signing};
use crate::delivery::QueuedCallback;
use crate::engine::{Driver, Engine};
use crate::faults::check::text_in;
use crate::http::Server;
use crate::mock::{Assembly, Builder, CallbackUrl, Options, Prepared, StartError};
use crate::scenario::{Body, SendError};
use crate::seed::{Rng, Seed};
use crate::simulator::{ConversationKey, Opening};

/// Makes requests with the simulated vendor and the user's signer.
pub struct Kit {
    driver: Driver,
    /// The REST side served to the receiver, if there is one. Its clock is stopped: it sends nothing by itself.
    served: Option<Assembly>,
    requests: RequestsMade,
    catalog: Arc<Catalog>,
    signer: Signer,
    secret: String,
    next: Option<Signer>,
    seed: Seed,
}

/// The state of one check.
pub(super) struct Case<'k> {
    kit: &'k mut Kit,
    seed: Seed,
    made: u64,
    /// Identifies the conversation of the latest callback.
    latest: Option<String>,
    /// The faults of the receiver's requests.
    faults: Vec<u64>,
    conversations: HashMap<String, ConversationKey>,
    saved: HashMap<String, Made>,
}

/// A callback, and the request it was sent as.
#[derive(Clone)]
struct Made {
    callback: Arc<QueuedCallback>,
    value: Value,
    crafted: Crafted,
}

impl Kit {
    /// Creates a kit that sends to this URL by these settings, and serves the REST side at an address if one is given.
    ///
    /// # Errors
    ///
    /// If the address, the callback URL or a setting can't be used.
    pub async fn new(
        mut prepared: Prepared,
        url: &str,
        seed: Seed,
        now: Timestamp,
        listen: Option<&str>,
    ) -> Result<Self, StartError> {
        // The checks decide about faults.
        prepared.settings.faults.clear();
        let (signer, secret) = (prepared.signer.clone(), prepared.settings.secret.clone());
        let (catalog, requests) = (Arc::clone(&prepared.catalog), RequestsMade::default());
        let callback_url = CallbackUrl::Only(url.to_owned());
        let options = Options { callback_url, seed, epoch: Some(now), ..Options::default() };
        let builder = Builder::with(Ok(prepared), options).sink(requests.clone());
        let (driver, served) = match listen {
            None => (builder.service()?.driver().clone(), None),
            Some(address) => {
                let mock = builder.server(Server::bind(address)?).assemble().await?;
                (mock.driver().clone(), Some(mock))
            }
        };
        Ok(Self { driver, served, requests, catalog, signer, secret, next: None, seed })
    }

    /// Returns the URL of the REST side served to the receiver, if there is one.
    pub fn url(&self) -> Option<String> {
        self.served.as_ref().map(Assembly::url)
    }

    /// Whether a callback is signed.
    pub(super) fn is_signed(&self, event: &str) -> bool {
        self.catalog.get(event).is_some_and(|entry| entry.signed)
    }

    /// Locks the engine for some work.
    fn with<T>(&self, work: impl FnOnce(&mut Engine) -> T) -> T {
        self.driver.with(|engine, _| work(engine))
    }

    /// Sets the next secret.
    ///
    /// # Errors
    ///
    /// If it does not have the form of the scheme.
    pub fn with_next(mut self, secret: Option<&str>) -> Result<Self, SecretError> {
        let made = secret.map(|secret| Signer::try_new(self.signer.scheme().clone(), secret));
        self.next = made.transpose()?;
        Ok(self)
    }

    /// Returns the signature scheme.
    pub fn scheme(&self) -> &Scheme {
        self.signer.scheme()
    }

    /// Whether the next secret is known.
    pub(super) fn has_next(&self) -> bool {
        self.next.is_some()
    }

    /// Begins a check. Its requests depend only on the seed and the name of the check.
    pub(super) fn begin(&mut self, id: &str) -> Case<'_> {
        let seed = self.seed.derive(id, 0);
        self.requests.clear();
        Case {
            kit: self,
            seed,
            made: 0,
            latest: None,
            faults: Vec::new(),
            conversations: HashMap::new(),
            saved: HashMap::new(),
        }
    }
}

impl Drop for Case<'_> {
    fn drop(&mut self) {
        self.kit.with(|engine| {
            for fault in &self.faults {
                engine.faults().remove(*fault);
            }
        });
    }
}

impl Case<'_> {
    /// Returns how many requests the receiver has made about the conversation of the latest callback: all, and those that were
    /// served.
    pub(super) fn requests(&self) -> (usize, usize) {
        self.latest.as_deref().map(|id| self.kit.requests.about(id)).unwrap_or_default()
    }

    /// Applies a fault to the receiver's requests from now on to the end of the check. The text was parsed with the check.
    pub(super) fn fails(&mut self, fault: &str) {
        let Ok(fault) = text_in(fault, &self.kit.catalog) else { return };
        let number = self.kit.with(|engine| engine.faults().add(fault));
        self.faults.push(number);
    }

    /// Makes the requests of a step. Empty if a secret that should be unknown is the user's own.
    pub(super) fn make(&mut self, step: &Step, now: Timestamp) -> Result<Vec<Crafted>, SendError> {
        if step.secret.as_ref().is_some_and(|secret| *secret == self.kit.secret) {
            return Ok(Vec::new());
        }
        let count = step.at_once.unwrap_or(1);
        let mut all = Vec::with_capacity(count);
        while all.len() < count {
            if step.identical && !all.is_empty() {
                all.extend(all.first().cloned());
                continue;
            }
            let made = match step.same.as_ref().and_then(|name| self.saved.get(name)).cloned() {
                Some(made) => self.again(made, step, now),
                None => self.fresh(step, now)?,
            };
            if let Some(name) = &step.save {
                self.saved.insert(name.clone(), made.clone());
            }
            all.push(made.crafted);
        }
        Ok(all)
    }

    fn fresh(&mut self, step: &Step, now: Timestamp) -> Result<Made, SendError> {
        let event = step.send.as_deref().unwrap_or_default();
        let session = self.conversation(step.conversation.as_deref(), now);
        let mut patch = step.set.clone();
        let id = new_id(&mut self.seed.stream("id", 0));
        replace(&mut patch, "{id}", &id);
        let emitted = self.kit.with(|engine| engine.simulator().emit(session, event, patch, now));
        let mut value = emitted?;
        if let Some(count) = step.messages {
            many_messages(&mut value, count, self.seed);
        }
        let body = match &step.raw {
            Some(raw) => Body::Raw(raw.clone().into_bytes()),
            None => Body::Json(value),
        };
        let (callback, named) = self.kit.with(|engine| {
            let callback = engine.send_alone(event, body, session, now)?;
            Ok::<_, SendError>((callback, engine.simulator().order_key(session)))
        })?;
        self.latest = Some(named);
        let value = serde_json::from_slice(&callback.body).unwrap_or_default();
        let body = match step.form {
            Form::Compact => callback.body.clone(),
            form => Bytes::from(form::write(&value, form)),
        };
        let crafted = self.craft(&callback, body, step, now);
        Ok(Made { callback, value, crafted })
    }

    /// Makes the same request again, or writes the same event in another way.
    fn again(&self, made: Made, step: &Step, now: Timestamp) -> Made {
        let mut words = format!("the same {} again", made.callback.event);
        let crafted = match (step.form, step.signature) {
            (Form::Compact, Signature::Right) => Crafted { wire: step.wire, ..made.crafted },
            (form, _) => {
                words.push_str(", with other bytes");
                self.craft(&made.callback, Bytes::from(form::write(&made.value, form)), step, now)
            }
        };
        Made { crafted: Crafted { words, ..crafted }, ..made }
    }

    fn craft(&self, callback: &QueuedCallback, body: Bytes, step: &Step, now: Timestamp) -> Crafted {
        let mut headers: Headers = callback
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.clone().into_bytes()))
            .collect();
        for (name, value) in &step.headers {
            headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
            headers.push((name.clone(), value.clone().into_bytes()));
        }
        if self.kit.is_signed(&callback.event) {
            headers.extend(self.signature(callback, &body, step, now));
        }
        Crafted {
            words: words(step, &callback.event),
            target: Arc::clone(&callback.target),
            method: Arc::clone(&callback.method),
            headers,
            body,
            wire: step.wire,
        }
    }

    /// Returns the headers of the signature for the step.
    fn signature(&self, callback: &QueuedCallback, body: &Bytes, step: &Step, now: Timestamp) -> Headers {
        let usual = callback.signer.as_ref().unwrap_or(&self.kit.signer);
        let signing =
            Signing { body, path: callback.target.path_and_query(), now, nonce: &callback.message_id };
        if let Some(made) = step.signature_of.as_ref().and_then(|name| self.saved.get(name)) {
            let signature = &usual.scheme().header;
            let is_it = |(name, _): &&(String, Vec<u8>)| **name == **signature;
            let mut own = signing::headers(usual, None, &signing, Signature::Missing);
            own.extend(made.crafted.headers.iter().filter(is_it).cloned());
            return own;
        }
        let other = step.secret.as_ref().map(|secret| Signer::new(usual.scheme().clone(), secret));
        signing::headers(other.as_ref().unwrap_or(usual), self.kit.next.as_ref(), &signing, step.signature)
    }

    fn conversation(&mut self, name: Option<&str>, now: Timestamp) -> ConversationKey {
        if let Some(known) = name.and_then(|name| self.conversations.get(name)) {
            return *known;
        }
        self.made += 1;
        let seed = self.seed.derive("conversation", self.made);
        let opening = Opening { story: None, seed, country: Country::Id, locale: None, now };
        let key = self.kit.with(|engine| engine.simulator().open(opening));
        if let Some(name) = name {
            self.conversations.insert(name.to_owned(), key);
        }
        key
    }
}

/// Describes in words what is sent.
fn words(step: &Step, event: &str) -> String {
    let form = match step.form {
        Form::Compact => None,
        Form::Spaced => Some("with white space in its body"),
        Form::LineEnds => Some("with CR LF in its body"),
        Form::TrailingNewline => Some("with a newline after its body"),
        Form::Reversed => Some("with its keys in another order"),
        Form::Escaped => Some("with escaped characters"),
    };
    let wire = match step.wire {
        Wire::Whole => None,
        Wire::Chunked => Some("in chunks"),
        Wire::Slow => Some("in six pieces over a second"),
        Wire::SplitCharacter => Some("cut inside its characters"),
        Wire::Broken => Some("broken off in the middle of its body"),
        Wire::Reset => Some("with a reset in the middle of its body"),
    };
    let signature = step.signature.words().map(str::to_owned);
    let secret = step.secret.as_ref().map(|secret| format!("signed with the secret `{secret}`"));
    let of_other = step.signature_of.as_ref().map(|_| "with the signature of another callback".to_owned());
    let headers = step.headers.iter().map(|(name, value)| format!("with `{name}: {value}`"));
    let raw = step.raw.as_ref().map(|raw| format!("with the body `{raw}`"));
    let set = step.set.as_object().map(|set| format!("with {}", Value::Object(set.clone())));
    let many = step.messages.map(|count| format!("with {count} messages"));
    let times = step.at_once.map(|count| format!("{count} at once"));
    let clauses = form.map(str::to_owned).into_iter().chain(signature).chain(secret).chain(of_other);
    let clauses = clauses.chain(headers).chain(raw).chain(set).chain(many).chain(wire.map(str::to_owned));
    let all: Vec<String> = std::iter::once(event.to_owned()).chain(clauses).chain(times).collect();
    all.join(", ")
}

/// Replaces a text by another one, in every text of a value.
fn replace(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text.contains(from) => *text = text.replace(from, to),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, from, to)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, from, to)),
        _ => {}
    }
}

/// Makes an id like the vendor's: 32 hex digits.
fn new_id(rng: &mut Rng) -> String {
    let bytes: [u8; 16] = rng.random();
    hex::encode(bytes)
}

/// Repeats the first message this many times, each with its own id.
fn many_messages(body: &mut Value, count: usize, seed: Seed) {
    let Some(messages) = body.get_mut("messages").and_then(Value::as_array_mut) else { return };
    let Some(first) = messages.first().cloned() else { return };
    let mut ids = seed.stream("messages", 0);
    while messages.len() < count {
        let mut message = first.clone();
        message["msg_id"] = new_id(&mut ids).into();
        messages.push(message);
    }
}

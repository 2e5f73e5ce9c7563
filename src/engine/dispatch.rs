//! From a callback's body to the outbox: target, headers, encryption, the user's corrections, faults.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::correct;
use super::held::Held;
use super::names::{Names, Owner};
use super::options::EngineOptions;
use super::room::Most;
use crate::contract::aes::{self, Cipher};
use crate::contract::fields::Field;
use crate::contract::signature::Signer;
use crate::contract::{Catalog, Direction, Entry, Family, Provenance};
use crate::delivery::{Attempt, CallbackId, CopyOf, MessageIds, Outbox, Policy, QueuedCallback};
use crate::faults::{CallbackFault, FaultName, Faults, magic_of_body};
use crate::journal::{Event, Journal};
use crate::net::Target;
use crate::scenario::{Body, SendError};
use crate::settings::{AssumedFile, Routes, Sent, url_for};
use crate::simulator::reference::{EntryFields, fields};
use crate::simulator::{AccountKey, FlowPlace, PushKey};

/// Maximum number of assumed fields in the note about the first use of an entry; `catalog ID` lists all.
const MOST_LISTED: usize = 6;

/// The headers of every callback.
static CONTENT_TYPE: LazyLock<Arc<str>> = LazyLock::new(|| "Content-Type".into());
static USER_AGENT: LazyLock<Arc<str>> = LazyLock::new(|| "User-Agent".into());

/// Everything needed to turn a body into a callback in the outbox.
#[derive(Clone)]
pub(super) struct Dispatch {
    pub(super) catalog: Arc<Catalog>,
    pub(super) signer: Signer,
    policy: Arc<Policy>,
    pub(super) outbox: Outbox,
    pub(super) journal: Journal,
    pub(super) origins: BTreeMap<CallbackId, Origin>,
    callback_url: Option<String>,
    url_wins: bool,
    routes: Routes,
    /// The signers with the secrets of routes, by position.
    route_signers: Vec<Option<Signer>>,
    message_ids: MessageIds,
    assumed: AssumedFile,
    noted: BTreeSet<String>,
    /// Parsed URLs, since a run has few URLs and many callbacks.
    targets: BTreeMap<String, Arc<Target>>,
    /// The ciphers for the callbacks of each account, if the settings ask for them.
    ciphers: Vec<Option<Cipher>>,
    queued: u64,
    /// The limits on unfinished callbacks, and whether they were reached.
    pub(super) most: Most,
    pub(super) was_full: bool,
    /// The assumed entries used so far, by id.
    pub(super) assumptions: BTreeMap<String, Assumption>,
    /// The faults, except those of stories.
    pub(super) faults: Faults,
    /// The callbacks held back by faults.
    pub(super) held: Held,
    /// Names of accounts and workflows, for the `where` of faults.
    pub(super) names: Arc<Names>,
}

/// An assumed entry that was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumption {
    /// The assumed parts, each with the key that corrects it.
    pub what: String,
    /// Whether it was refused according to the settings.
    pub refused: bool,
}

/// The origin of a callback.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    /// The position of the story.
    pub(super) story: Option<usize>,
    /// The story's name.
    pub(super) label: Option<Arc<str>>,
    /// The body as a value.
    pub(super) body: Value,
    /// The real time of the attempts and the story's time of the gaps so far.
    pub(super) took: Duration,
    /// The account it belongs to.
    pub(super) account: AccountKey,
    /// The push of a workflow it stands for, if any.
    pub(super) push: Option<PushKey>,
}

/// A callback to be handed to delivery.
pub(super) struct NewCallback<'a> {
    pub(super) event: &'a str,
    pub(super) headers: &'a [(Arc<str>, String)],
    pub(super) target: Option<String>,
    pub(super) own_target: bool,
    /// The policy of the story, if it has its own.
    pub(super) policy: Option<Arc<Policy>>,
    pub(super) order_key: Option<String>,
    pub(super) part_of: Vec<String>,
    pub(super) sums_up: Option<String>,
    pub(super) account: AccountKey,
    pub(super) flow: Option<FlowPlace>,
    /// The original of a resent callback.
    pub(super) again: Option<CallbackId>,
    /// The faults that the story applies to it.
    pub(super) faults: Vec<Arc<CallbackFault>>,
}

impl NewCallback<'_> {
    /// Returns its owner, for faults with a `where`.
    pub(super) fn owner(&self, family: Family) -> Owner<'_> {
        Owner {
            family,
            account: self.account,
            flow: self.flow,
            order_key: self.order_key.as_deref(),
            part_of: &self.part_of,
            sums_up: self.sums_up.as_deref(),
        }
    }
}

impl Dispatch {
    pub(super) fn new(options: EngineOptions, outbox: Outbox) -> Self {
        let names = Arc::new(Names::of(&options.behaviour));
        let accounts = options.behaviour.accounts.iter();
        Self {
            names,
            ciphers: accounts.map(|own| own.cipher.clone().filter(|_| own.encrypt_callbacks)).collect(),
            catalog: options.catalog,
            signer: options.signer,
            policy: options.policy,
            outbox,
            journal: options.journal,
            origins: BTreeMap::new(),
            callback_url: options.callback_url,
            url_wins: options.url_wins,
            routes: options.routes,
            route_signers: options.route_signers,
            message_ids: MessageIds::new(options.seed),
            assumed: options.assumed,
            noted: BTreeSet::new(),
            targets: BTreeMap::new(),
            queued: 0,
            most: Most::default(),
            was_full: false,
            assumptions: BTreeMap::new(),
            faults: Faults::new(options.faults, options.seed),
            held: Held::default(),
        }
    }

    /// Replaces the settings.
    pub(super) fn reload(
        &mut self,
        callback_url: Option<String>,
        routes: Routes,
        route_signers: Vec<Option<Signer>>,
        policy: Arc<Policy>,
        assumed: AssumedFile,
    ) {
        (self.callback_url, self.routes, self.route_signers) = (callback_url, routes, route_signers);
        (self.policy, self.assumed) = (policy, assumed);
    }

    /// Whether an entry may be used, given its provenance. The first use of an assumed entry is noted.
    pub(super) fn admit(
        &mut self,
        id: &str,
        direction: Direction,
        provenance: Provenance,
        now: Timestamp,
    ) -> bool {
        if provenance != Provenance::Assumed {
            return true;
        }
        let refused = self.assumed == AssumedFile::Refuse;
        if !self.assumptions.contains_key(id) {
            let what = assumed_parts(self.catalog.get(id), id, direction);
            self.assumptions.insert(id.to_owned(), Assumption { what: what.clone(), refused });
            if self.assumed != AssumedFile::Serve {
                self.journal.write(now, None, Event::Assumed { id: Arc::from(id), what, refused });
            }
        }
        !refused
    }

    /// Resolves the target URL in this order: the callback's own, `--callback-url`, the story's, a route's, the default.
    fn target(
        &mut self,
        own: Option<&str>,
        own_wins: bool,
        sent: &Sent<'_>,
    ) -> Result<Arc<Target>, SendError> {
        let winner = self.callback_url.as_deref().filter(|_| self.url_wins);
        let own_first = own.filter(|_| own_wins);
        let url =
            own_first.or(winner).or(own).or_else(|| self.routes.url(sent)).or(self.callback_url.as_deref());
        let text = url_for(url.ok_or(SendError::NoUrl)?, sent.event);
        if let Some(target) = self.targets.get(&*text) {
            return Ok(Arc::clone(target));
        }
        let target: Arc<Target> = Arc::new(text.parse()?);
        // A story can make up any number of URLs, which are not worth caching.
        if self.targets.len() < 1_000 {
            self.targets.insert(text.into_owned(), Arc::clone(&target));
        }
        Ok(target)
    }

    /// Writes a note, unless it was written before.
    pub(super) fn note_once(&mut self, note: String, now: Timestamp) {
        if self.noted.insert(note.clone()) {
            self.journal.write(now, None, Event::Note(note));
        }
    }

    /// Whether this is the first callback of an event without a URL.
    pub(super) fn is_first_without_url(&mut self, event: &str) -> bool {
        self.noted.insert(format!("no URL for {event}"))
    }

    /// Checks whether a callback can be sent at all: its entry may be used, and it has a URL. Returns the catalog, and where
    /// the callback goes.
    pub(super) fn check(
        &mut self,
        order: &NewCallback<'_>,
        now: Timestamp,
    ) -> Result<(Arc<Catalog>, Arc<Target>), SendError> {
        let NewCallback { event, account, flow, .. } = *order;
        let catalog = Arc::clone(&self.catalog);
        let entry = catalog.get(event).ok_or_else(|| SendError::UnknownEvent(event.to_owned()))?;
        if !self.admit(event, Direction::Callback, entry.provenance, now) {
            return Err(SendError::Assumed);
        }
        let sent = Sent { event, family: entry.family, account, flow };
        let target = self.target(order.target.as_deref(), order.own_target, &sent)?;
        Ok((catalog, target))
    }

    /// Turns a body into a callback and hands it to the outbox.
    pub(super) fn send(
        &mut self,
        mut order: NewCallback<'_>,
        body: Body,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Arc<QueuedCallback>, SendError> {
        let (catalog, mut target) = self.check(&order, now)?;
        let entry =
            catalog.get(order.event).ok_or_else(|| SendError::UnknownEvent(order.event.to_owned()))?;
        let sent =
            Sent { event: order.event, family: entry.family, account: order.account, flow: order.flow };
        let mut body = match body {
            Body::Raw(bytes) => bytes,
            Body::Json(value) => correct::callback(entry, value)?.into_bytes(),
        };
        let mut faults = std::mem::take(&mut order.faults);
        self.ask_faults(order.event, &body, &order.owner(entry.family), &mut faults);
        if let Some(to) = faults.iter().find_map(|fault| fault.to.as_deref()) {
            target = Arc::new(to.parse()?);
        }
        self.queued += 1;
        let id = CallbackId(self.queued);
        // A fault may reuse the message id of the previous callback.
        let is_reused = faults.iter().any(|fault| fault.name == FaultName::SignatureReusedNonce);
        let named = order.again.map_or(id.0, |again| again.0).saturating_sub(u64::from(is_reused)).max(1);
        let mut headers: Vec<(Arc<str>, String)> = vec![
            (Arc::clone(&CONTENT_TYPE), "application/json".to_owned()),
            (Arc::clone(&USER_AGENT), "Airudder".to_owned()),
        ];
        for (name, value) in &entry.headers {
            set_header(&mut headers, &Arc::from(name.as_str()), value);
        }
        // Assumed: the scheme of encrypted responses, applied to the body of callbacks.
        if let Some(cipher) = self.ciphers.get(order.account.index()).and_then(Option::as_ref) {
            headers.push((Arc::from("Is-Encrypted"), "1".to_owned()));
            headers.push((Arc::from("Signed"), aes::digest(&body)));
            body = cipher.encrypt(&body).into_bytes();
        }
        for (name, value) in order.headers {
            set_header(&mut headers, name, value);
        }
        let policy = order.policy.as_ref().or_else(|| self.routes.policy(&sent)).unwrap_or(&self.policy);
        // A story that sets the signature's header to an empty value wants no signature.
        let sign_header = &self.signer.scheme().header;
        let emptied =
            |(name, value): &(Arc<str>, String)| value.is_empty() && name.eq_ignore_ascii_case(sign_header);
        let is_signed = entry.signed && !order.headers.iter().any(emptied);
        let of_route = || self.route_signers.get(self.routes.secret(&sent)?)?.as_ref();
        let signer = is_signed.then(|| of_route().unwrap_or(&self.signer).clone());
        let callback = Arc::new(QueuedCallback {
            id,
            event: Arc::from(order.event),
            target,
            method: Arc::from(entry.method.as_str()),
            headers,
            body: Bytes::from(body),
            signer,
            message_id: self.message_ids.of(named),
            order_key: order.order_key.map(Arc::from),
            part_of: order.part_of.into_iter().map(Arc::from).collect(),
            sums_up: order.sums_up.map(Arc::from),
            due: now,
            policy: Arc::clone(policy),
            faults,
            copy_of: None,
        });
        let callback = self.held.take(callback, now);
        self.journal.write(now, origin.label.clone(), Event::Queued(Arc::clone(&callback)));
        self.origins.insert(id, Origin { account: order.account, ..origin });
        self.outbox.push(Arc::clone(&callback));
        for id in self.held.released() {
            self.outbox.move_to(id, now);
        }
        Ok(callback)
    }

    /// Adds the faults of a callback to those of its story. A fault requested by the callback's own texts comes first.
    fn ask_faults(
        &mut self,
        event: &str,
        body: &[u8],
        owner: &Owner<'_>,
        faults: &mut Vec<Arc<CallbackFault>>,
    ) {
        if let Some(name) = magic_of_body(body) {
            faults.retain(|fault| fault.name.group() != name.group());
            faults.insert(0, Arc::new(CallbackFault::named(name)));
        }
        if self.faults.has_callback_faults() {
            let fields = match self.faults.looks_into_callbacks() {
                true => serde_json::from_slice(body).unwrap_or_default(),
                false => Value::Null,
            };
            let names = Arc::clone(&self.names);
            self.faults.next_of_callback(event, &fields, &names.callback(owner), faults);
        }
    }
}

impl Dispatch {
    /// Enqueues a copy that belongs to no story, queue or task.
    pub(super) fn send_again(
        &mut self,
        old: &QueuedCallback,
        body: Option<Bytes>,
        now: Timestamp,
    ) -> Arc<QueuedCallback> {
        self.queued += 1;
        let callback = Arc::new(QueuedCallback {
            id: CallbackId(self.queued),
            body: body.unwrap_or_else(|| old.body.clone()),
            order_key: None,
            part_of: Vec::new(),
            sums_up: None,
            due: now,
            faults: Vec::new(),
            copy_of: None,
            ..old.clone()
        });
        self.journal.write(now, None, Event::Queued(Arc::clone(&callback)));
        self.origins.insert(callback.id, Origin::default());
        self.outbox.push(Arc::clone(&callback));
        callback
    }
}

impl Dispatch {
    /// Returns the number of callbacks there is room for.
    pub(super) fn room(&self) -> usize {
        let is_full = self.outbox.bytes() >= self.most.megabytes << 20;
        if is_full { 0 } else { self.most.callbacks.saturating_sub(self.unfinished()) }
    }

    /// Returns the number of unfinished callbacks.
    pub(super) fn unfinished(&self) -> usize {
        let totals = self.outbox.totals();
        usize::try_from(totals.pending + totals.in_flight + totals.waiting).unwrap_or(usize::MAX)
    }

    /// Notes once that new callbacks wait, and how to change that.
    pub(super) fn note_full(&mut self, now: Timestamp) {
        if !std::mem::replace(&mut self.was_full, true) {
            let Most { callbacks, megabytes } = self.most;
            let note = format!(
                "{callbacks} callbacks or {megabytes} MB of them are not delivered yet: new ones wait \
                until the receiver accepts some; for fewer at a time use `spread` with `copies`, `every` \
                with `repeat`, or a lower `count` of a fault"
            );
            self.note_once(note, now);
        }
    }

    /// Returns how many copies of a callback a fault makes. They share its bytes, so that only their number counts. Copies
    /// without room are not made, which is noted once.
    pub(super) fn copies(&mut self, count: u32, by: FaultName, now: Timestamp) -> usize {
        let room = self.most.callbacks.saturating_sub(self.unfinished());
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > room {
            let most = self.most.callbacks;
            let note = format!(
                "the fault {by} makes no further copies while {most} callbacks are not delivered yet: \
                set a lower `count`, or let it apply to fewer callbacks"
            );
            self.note_once(note, now);
        }
        count.min(room)
    }
}

/// Lists the assumed parts of an entry that no correction covers, each with the key that corrects it.
fn assumed_parts(entry: Option<&Entry>, id: &str, direction: Direction) -> String {
    let names = entry.and_then(|entry| entry.names.as_deref());
    let listed = |key: &str, fields: &[Field]| {
        let is_assumed = |field: &&Field| field.provenance == Some(Provenance::Assumed) && !field.is_own();
        let is_corrected = |field: &&Field| {
            let names = names.map(|names| if key == "request" { &names.request } else { &names.written });
            names.is_some_and(|names| names.corrects(&field.path))
        };
        let assumed = fields.iter().filter(|field| field.has_effect).filter(is_assumed);
        let assumed = assumed.filter(|field| !is_corrected(field));
        let mut names: Vec<&str> = assumed.map(|field| field.path.as_str()).collect();
        // The contents of an assumed field are assumed, too.
        names.dedup_by(|path, outer| {
            path.strip_prefix(*outer).is_some_and(|within| within.starts_with(['.', '[']))
        });
        let more = names.len().saturating_sub(MOST_LISTED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = names[..names.len().min(MOST_LISTED)].join(", ");
        (!names.is_empty()).then(|| format!("`{key}` ({names}{more})"))
    };
    let has_event =
        entry.zip(Catalog::builtin().get(id)).is_some_and(|(own, usual)| own.event != usual.event);
    let mut parts = match direction {
        Direction::Request => vec!["`path`".to_owned()],
        Direction::Callback if has_event => Vec::new(),
        Direction::Callback => vec!["`event`".to_owned()],
    };
    match fields(id) {
        Some(EntryFields::Endpoint { request, response }) => {
            parts.extend(listed("request", &request));
            parts.extend(listed("response", &response));
        }
        Some(EntryFields::Callback(body)) => parts.extend(listed("fields", &body)),
        None => {}
    }
    if parts.is_empty() {
        return "nothing is left to correct, so set `provenance = \"documented\"`".to_owned();
    }
    parts.join(", ")
}

/// Sets a header in place, so that the order on the wire is kept; an empty value removes it.
fn set_header(headers: &mut Vec<(Arc<str>, String)>, name: &Arc<str>, value: &str) {
    let place = headers.iter().position(|(own, _)| own.eq_ignore_ascii_case(name));
    match (place, value.is_empty()) {
        (Some(place), true) => {
            headers.remove(place);
        }
        (Some(place), false) => headers[place] = (Arc::clone(name), value.to_owned()),
        (None, true) => {}
        (None, false) => headers.push((Arc::clone(name), value.to_owned())),
    }
}

impl Dispatch {
    /// Records that a callback was attempted for the first time, or never will be: callbacks that waited for it may start, and
    /// copies caused by a fault are enqueued. `attempt` is the attempt that was sent, if any.
    pub(super) fn passed(&mut self, callback: &QueuedCallback, attempt: Option<&Attempt>, now: Timestamp) {
        self.held.passed(callback);
        for id in self.held.released() {
            self.outbox.move_to(id, now);
        }
        let (Some(fault), Some(attempt)) = (callback.delivery_fault().cloned(), attempt) else { return };
        let copies = match fault.name {
            FaultName::Duplicate | FaultName::SignedAnew | FaultName::Replay => {
                self.copies(fault.count, fault.name, now)
            }
            _ => 0,
        };
        for _ in 0..copies {
            let due = now.checked_add(fault.after).unwrap_or(Timestamp::MAX);
            let own_id = self.message_ids.of(self.queued + 1);
            let copy = match fault.name {
                FaultName::SignedAnew => QueuedCallback { message_id: own_id, ..callback.clone() },
                // A body that is already signed is sent unchanged.
                _ => QueuedCallback {
                    headers: attempt.headers.clone(),
                    body: attempt.body.clone(),
                    signer: None,
                    ..callback.clone()
                },
            };
            self.copy(copy, fault.name, due, now);
        }
    }

    /// Enqueues a copy of a callback because of a fault.
    pub(super) fn copy(
        &mut self,
        copy: QueuedCallback,
        by: FaultName,
        due: Timestamp,
        now: Timestamp,
    ) -> CallbackId {
        self.queued += 1;
        let id = CallbackId(self.queued);
        let original = self.origins.get(&copy.id);
        let (label, account) =
            original.map_or_else(Default::default, |origin| (origin.label.clone(), origin.account));
        let callback = Arc::new(QueuedCallback {
            id,
            order_key: None,
            part_of: Vec::new(),
            sums_up: None,
            due,
            faults: Vec::new(),
            copy_of: Some(CopyOf { callback: copy.id, by }),
            ..copy
        });
        self.journal.write(now, label.clone(), Event::Queued(Arc::clone(&callback)));
        self.origins.insert(id, Origin { label, account, ..Origin::default() });
        self.outbox.push(callback);
        id
    }
}

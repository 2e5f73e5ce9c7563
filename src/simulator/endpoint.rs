//! Typed endpoints: a table per family from catalog ids to handlers, and the types of requests, responses and callbacks.
//!
//! A handler takes a decoded request and returns its response as a value; the types carry the field reference. A unit test
//! checks the tables against the catalog, so that every listed endpoint has a handler.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ConversationKey, FindingKind, Long, Refusal, Request, Response, Simulator, Strictness};
use crate::contract::Provenance;
use crate::contract::fields::{
    Field, FieldError, LookFor, Names, Noticed, Use, assume, decode, document_schema, fields_of,
};

/// The handler of one request of the catalog. Created by `endpoints!`.
pub struct Endpoint {
    /// Its catalog id.
    pub id: &'static str,
    /// Decodes a request and answers it.
    pub handle: fn(&mut Simulator, &Request<'_>) -> Result<Response, Refusal>,
    /// Returns the fields of the request and the response.
    pub shape: fn() -> Shape,
}

/// The shape of one callback of the catalog. Created by `callbacks!`.
pub struct CallbackShape {
    /// Its catalog id.
    pub id: &'static str,
    /// Returns its fields.
    pub fields: fn() -> Vec<Field>,
    /// Returns its JSON Schema.
    pub schema: fn() -> Value,
    /// Returns its body, generated for a conversation.
    pub generate: fn(&mut Simulator, ConversationKey, &Wanted<'_>) -> Value,
}

/// The body of a callback that can be generated for a conversation: for `emit` and for stories, which put their own fields over
/// it.
pub trait Generate: Serialize + JsonSchema {
    /// Generates the body.
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self;
}

/// What is known of a callback that is to be generated.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Its catalog id.
    pub event: &'static str,
    /// The fields that will be put over it.
    pub patch: &'a Value,
    /// The current time.
    pub now: Timestamp,
}

/// The fields of an endpoint.
pub struct Shape {
    /// The fields of the request.
    pub request: Vec<Field>,
    /// The fields of the response's data, inside the family's envelope.
    pub response: Vec<Field>,
    /// Functions that return the JSON Schemas of both.
    pub schemas: [fn() -> Value; 2],
}

/// The table of a family. `refuse` creates the refusal, with the family's code, for a field of this request that cannot be
/// used. Each handler is a `fn(&mut Simulator, RequestType, &Request<'_>) -> Result<ResponseType, Refusal>`.
macro_rules! endpoints {
    (refuse: $refuse:path, $($id:literal => $handler:path),* $(,)?) => {
        &[$($crate::simulator::endpoint::Endpoint {
            id: $id,
            handle: |simulator, request| {
                static NAMES: std::sync::LazyLock<$crate::contract::fields::Names> = std::sync::LazyLock::new(|| {
                    $crate::contract::fields::Names::of(&$crate::simulator::endpoint::shape($handler).request)
                });
                $crate::simulator::endpoint::answer(simulator, request, &NAMES, $refuse, $handler)
            },
            shape: || $crate::simulator::endpoint::shape($handler),
        }),*]
    };
}
pub(crate) use endpoints;

/// The callbacks of a family: the catalog id and the type of the body, which implements [`Generate`].
macro_rules! callbacks {
    ($($id:literal => $body:ty),* $(,)?) => {
        &[$($crate::simulator::endpoint::CallbackShape {
            id: $id,
            fields: || $crate::contract::fields::fields_of::<$body>($crate::contract::fields::Use::Written),
            schema: || $crate::contract::fields::document_schema::<$body>($crate::contract::fields::Use::Written),
            generate: $crate::simulator::endpoint::generate::<$body>,
        }),*]
    };
}
pub(crate) use callbacks;

/// Generates a body as a value.
pub fn generate<B: Generate>(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Value {
    // Bodies are plain data: numbers, texts, lists, and tables with text keys, which always fit into JSON.
    serde_json::to_value(B::generate(simulator, key, wanted)).unwrap_or_default()
}

/// A handler of requests of one type.
type Handler<Q, A> = fn(&mut Simulator, Q, &Request<'_>) -> Result<A, Refusal>;

/// Answers a request through its typed handler.
pub fn answer<Q: Fields, A: Answer>(
    simulator: &mut Simulator,
    request: &Request<'_>,
    names: &Names,
    refuse: fn(&Request<'_>, FieldError) -> Refusal,
    handler: Handler<Q, A>,
) -> Result<Response, Refusal> {
    let meant = look(simulator, request, names);
    let typed = Q::decode(request.fields).map_err(|error| {
        let wrong = meant.iter().find(|(_, meant)| error.is_missing() && error.path() == meant);
        let mut refusal = refuse(request, error);
        if let Some((sent, meant)) = wrong {
            refusal.message.push_str(&format!("; got `{sent}`, did you mean `{meant}`?"));
        }
        refusal
    })?;
    handler(simulator, typed, request)?.into_response()
}

/// Maximum number of fields of one request that are reported.
const MOST_REPORTED: usize = 100;

/// Reports the fields of a request that nothing reads. Returns those that were probably meant to be another field, with the
/// path of that field.
fn look(simulator: &mut Simulator, request: &Request<'_>, names: &Names) -> Vec<(String, String)> {
    let Request { id, account, .. } = *request;
    let context = &mut simulator.context;
    let is_strict = context.access.account(account).strict == Strictness::Strict;
    let assumed = is_strict && context.behaviour.doubted.contains(id);
    let look_for = LookFor { assumed, types: request.is_typed };
    let corrected = context.behaviour.corrected.get(id).map(Arc::clone);
    let renames = corrected.as_ref().map(|names| &names.request);
    let mut reported = 0;
    let mut meant = Vec::new();
    let mut report = |noticed: Noticed| match noticed {
        // One request may have very many unread fields.
        _ if reported >= MOST_REPORTED => {}
        Noticed::Unread { path, nearest, is_kept } => {
            reported += 1;
            let near = crate::files::suggest::did_you_mean(nearest.as_deref());
            let is = if is_kept { "kept as your own field" } else { "not used by the mock" };
            let message = format!("`{path}` of `{id}` is {is}{near}");
            let message = renames.map(|renames| renames.message(&message)).unwrap_or(message);
            // The error itself covers a difference in letter case.
            if let Some(nearest) = nearest.filter(|nearest| !path.eq_ignore_ascii_case(nearest)) {
                let outer = path.rsplit_once('.').map(|(outer, _)| format!("{outer}.")).unwrap_or_default();
                meant.push((path.clone(), format!("{outer}{nearest}")));
            }
            context.find(account, FindingKind::UnreadField, id, path, || message);
        }
        // A name given by the user is not an assumption.
        Noticed::Assumed { path } if renames.is_some_and(|renames| renames.path(&path).is_some()) => {}
        Noticed::Assumed { path } => {
            reported += 1;
            let message = || format!("`{path}` of `{id}` is only assumed about the vendor");
            context.find(account, FindingKind::Assumed, id, path.clone(), message);
        }
        // Nor is a word given by the user.
        Noticed::AssumedWord { path, word }
            if renames.is_some_and(|renames| renames.word(&path, &word).is_some()) => {}
        Noticed::AssumedWord { path, word } => {
            reported += 1;
            let message =
                format!("`{path}` of `{id}` is `{word}`, a word that is only assumed about the vendor");
            let message = renames.map(|renames| renames.message(&message)).unwrap_or(message);
            context.find(account, FindingKind::Assumed, id, format!("{path} {word}"), || message);
        }
        Noticed::Form { path, form } => {
            reported += 1;
            let message = format!("`{path}` of `{id}` {form}");
            let message = renames.map(|renames| renames.message(&message)).unwrap_or(message);
            context.find(account, FindingKind::WrongType, id, path, || message);
        }
    };
    names.look(request.fields, look_for, &mut report);
    if let Some(rows) = request.rows {
        names.look_rows(rows.name(), rows.text(), look_for, &mut report);
    }
    meant
}

/// Returns the fields of a handler's request and response.
pub fn shape<Q: Fields, A: Answer>(_: Handler<Q, A>) -> Shape {
    Shape { request: Q::fields(), response: A::fields(), schemas: [Q::schema, A::schema] }
}

/// The request type of a handler.
pub trait Fields: Sized {
    /// Decodes the request.
    ///
    /// # Errors
    ///
    /// Returns the first field that is missing or cannot be used.
    fn decode(fields: &Value) -> Result<Self, FieldError>;
    /// Returns its fields.
    fn fields() -> Vec<Field>;
    /// Returns its JSON Schema.
    fn schema() -> Value;
}

impl<T: DeserializeOwned + JsonSchema> Fields for T {
    fn decode(fields: &Value) -> Result<Self, FieldError> {
        decode(fields)
    }

    fn fields() -> Vec<Field> {
        fields_of::<T>(Use::Read)
    }

    fn schema() -> Value {
        document_schema::<T>(Use::Read)
    }
}

/// The fields of two types side by side: fields that several requests share have a type of their own. (Flattened by serde,
/// errors would lose the path of the field.)
pub struct Both<A, B>(pub A, pub B);

impl<A: Fields, B: Fields> Fields for Both<A, B> {
    fn decode(fields: &Value) -> Result<Self, FieldError> {
        Ok(Self(A::decode(fields)?, B::decode(fields)?))
    }

    fn fields() -> Vec<Field> {
        let mut fields = A::fields();
        fields.append(&mut B::fields());
        fields
    }

    fn schema() -> Value {
        json!({ "allOf": [A::schema(), B::schema()] })
    }
}

/// A request without fields.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct NoFields {}

/// Fields that are known from another family or another request, and assumed here.
pub struct Assumed<T>(pub T);

impl<T: Fields> Fields for Assumed<T> {
    fn decode(fields: &Value) -> Result<Self, FieldError> {
        T::decode(fields).map(Self)
    }

    fn fields() -> Vec<Field> {
        T::fields().into_iter().map(Field::assumed).collect()
    }

    fn schema() -> Value {
        let mut schema = T::schema();
        assume(&mut schema);
        json!({ "allOf": [schema], "x-provenance": Provenance::Assumed.as_str() })
    }
}

/// The response type of a handler.
pub trait Answer {
    /// Converts it into the response.
    fn into_response(self) -> Result<Response, Refusal>;
    /// Returns its fields.
    fn fields() -> Vec<Field>;
    /// Returns its JSON Schema.
    fn schema() -> Value;
}

impl<T: Serialize + JsonSchema> Answer for T {
    fn into_response(self) -> Result<Response, Refusal> {
        // Responses are plain data: numbers, texts, lists, and tables with text keys, which always fit into JSON.
        Ok(Response::Text(serde_json::to_string(&self).unwrap_or_default()))
    }

    fn fields() -> Vec<Field> {
        fields_of::<T>(Use::Written)
    }

    fn schema() -> Value {
        document_schema::<T>(Use::Written)
    }
}

/// Success without data: `null` in the envelope.
pub struct NoData;

impl Answer for NoData {
    fn into_response(self) -> Result<Response, Refusal> {
        Ok(Response::Data(Value::Null))
    }

    fn fields() -> Vec<Field> {
        Vec::new()
    }

    fn schema() -> Value {
        json!({ "type": "null" })
    }
}

/// Success with data of this type, or without data.
pub struct MaybeData<T>(pub Option<T>);

impl<T: Answer> Answer for MaybeData<T> {
    fn into_response(self) -> Result<Response, Refusal> {
        self.0.map_or_else(|| NoData.into_response(), T::into_response)
    }

    fn fields() -> Vec<Field> {
        T::fields().into_iter().map(|field| Field { required: false, ..field }).collect()
    }

    fn schema() -> Value {
        json!({ "anyOf": [T::schema(), NoData::schema()] })
    }
}

/// A response of this type that may be so long that it is streamed.
pub enum MaybeLong<T> {
    /// A short response, written at once.
    Whole(T),
    /// A response written before, which has not changed since.
    Kept(Arc<str>),
    /// A streamed response.
    Long(Long),
}

/// Responses with at least this many rows are streamed.
const LONG: u32 = 500;

impl<T: Serialize + Send + Sync + 'static> MaybeLong<T> {
    /// Creates a response that ends with a list of `count` rows. `list` is that list in `head`, where it is empty.
    pub fn with_rows<R: Serialize>(
        mut head: T,
        list: fn(&mut T) -> &mut Vec<R>,
        count: u32,
        row: impl Fn(u32) -> Option<R> + Send + Sync + 'static,
    ) -> Self {
        if count < LONG {
            *list(&mut head) = (0..count).filter_map(row).collect();
            return Self::Whole(head);
        }
        Self::Long(Long::new(move |out| {
            let head = serde_json::to_string(&head)?;
            out.write_all(head.trim_end_matches("]}").as_bytes())?;
            let mut comma: &[u8] = b"";
            for row in (0..count).filter_map(&row) {
                out.write_all(comma)?;
                serde_json::to_writer(&mut *out, &row)?;
                comma = b",";
            }
            out.write_all(b"]}")
        }))
    }
}

impl<T: Answer> Answer for MaybeLong<T> {
    fn into_response(self) -> Result<Response, Refusal> {
        match self {
            Self::Whole(data) => data.into_response(),
            Self::Kept(text) => Ok(Response::Text(text.to_string())),
            Self::Long(long) => Ok(Response::Long(long)),
        }
    }

    fn fields() -> Vec<Field> {
        T::fields()
    }

    fn schema() -> Value {
        T::schema()
    }
}

/// A cache of short responses that never change, by their subject. What was said in a call is not stored but generated, which
/// takes 10 to 20 us for three calls: more than the rest of a request, and clients ask repeatedly.
#[derive(Clone, Debug)]
pub struct KeptResponses<K> {
    texts: BTreeMap<K, Arc<str>>,
    bytes: usize,
}

impl<K: Ord> KeptResponses<K> {
    /// Maximum size in bytes; the cache is cleared when it is exceeded.
    const MOST: usize = 4 << 20;

    /// Creates an empty cache.
    pub fn new() -> Self {
        Self { texts: BTreeMap::new(), bytes: 0 }
    }

    /// Returns the response of this key, and creates it if it is missing.
    pub fn get<T: Serialize>(&mut self, key: K, make: impl FnOnce() -> MaybeLong<T>) -> MaybeLong<T> {
        if let Some(text) = self.texts.get(&key) {
            return MaybeLong::Kept(Arc::clone(text));
        }
        let data = match make() {
            MaybeLong::Whole(data) => data,
            long => return long,
        };
        let text: Arc<str> = serde_json::to_string(&data).unwrap_or_default().into();
        if self.bytes + text.len() > Self::MOST {
            *self = Self::new();
        }
        self.bytes += text.len();
        self.texts.insert(key, Arc::clone(&text));
        MaybeLong::Kept(text)
    }
}

/// Creates a refusal with code 400 (assumed for the families whose codes are not known).
pub fn bad_request(request: &Request<'_>, error: FieldError) -> Refusal {
    Refusal::new(400, error.with_case_of(request.fields).to_string())
}

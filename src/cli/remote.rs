//! A running mock, controlled from another process by its control surface.

use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use super::CommandError;
use super::authority::CaDir;
use super::control::TOKEN_VARIABLE;
use crate::console::{Described, PREFIX, described};
use crate::http::{Peer, RequestError, Tls, TlsError, TlsOptions, request_parts};
use crate::net::{Headers, HttpRequest, Target};
use crate::settings::DEFAULT_LISTEN;
use crate::time::HumanDuration;

/// Time limit for requests that only read. They wait for everything else that the mock is doing.
const TO_LOOK: Duration = Duration::from_secs(30);

/// Time limit for requests that change something: to go back to a moment, a mock replays what led to it.
const TO_CHANGE: Duration = Duration::from_secs(600);

/// Which mock is asked.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Where {
    /// The URL of the mock, or of one of its namespaces: `http://127.0.0.1:2478/_ns/NAME`. Default:
    /// http://127.0.0.1:2478.
    #[arg(long, value_name = "URL", env = "AIRUDDER_MOCK_URL")]
    pub(super) url: Option<String>,
    /// The control token of the mock, if it has one (`serve --control-token`, `exec --control-token`).
    #[arg(long, value_name = "TOKEN", env = TOKEN_VARIABLE, hide_env_values = true)]
    control_token: Option<String>,
    #[command(flatten)]
    pub(super) ca: CaDir,
}

/// Why there is no result from a mock.
#[derive(Debug, thiserror::Error)]
pub(super) enum RemoteError {
    #[error("the control surface has no operation `{0}`")]
    NoOperation(String),
    #[error("`{operation}` needs `{field}={}`", .field.to_uppercase())]
    NoField { operation: &'static str, field: String },
    #[error(
        "no mock answers at {url}: {why}; start one with `airudder-mock serve`, or give its address with --url"
    )]
    Unreachable { url: String, why: String },
    #[error("the server at {url} is not a mock AI Rudder")]
    Other { url: String },
    /// The mock refused the request.
    #[error("{message}")]
    Refused { status: u16, message: String },
}

impl From<RemoteError> for CommandError {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::NoOperation(_) | RemoteError::NoField { .. } => Self::usage(error),
            RemoteError::Refused { status: 400, .. } => Self::usage(error),
            RemoteError::Refused { status, message } => Self::failed(format!("{status}: {message}")),
            RemoteError::Unreachable { .. } | RemoteError::Other { .. } => Self::start(error),
        }
    }
}

/// Maximum size of the response of an unknown server that is asked for its identity.
const MOST_OF_WHOEVER: usize = 1 << 20;

/// A running mock.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    url: String,
    /// The prefix of the paths of its control surface.
    base: String,
    peer: Peer,
    token: Option<String>,
    /// Maximum number of bytes read of a response.
    most: usize,
}

impl Where {
    /// Returns the mock that the arguments select.
    pub(super) fn remote(&self) -> Result<Remote, CommandError> {
        let ca = || self.ca.certificate();
        let remote = match &self.url {
            Some(url) => Remote::trusting(url, ca)?,
            None => Remote::at(&format!("http://{DEFAULT_LISTEN}"))?,
        };
        Ok(remote.with_token(self.control_token.clone()))
    }
}

impl Remote {
    /// Returns a mock that is reached without TLS.
    pub(super) fn at(url: &str) -> Result<Self, CommandError> {
        Self::trusting(url, || None)
    }

    /// Returns an unknown server, which may not be a mock and may have any certificate. It is sent no secrets, and its
    /// response is limited to a megabyte.
    pub(super) fn whoever(url: &str) -> Result<Self, CommandError> {
        let remote = Self::by(url, || TlsOptions { insecure: true, ..TlsOptions::default() })?;
        Ok(Self { most: MOST_OF_WHOEVER, ..remote })
    }

    /// Returns a mock whose certificates are issued by this authority, or by one that the system trusts.
    fn trusting(url: &str, ca: impl FnOnce() -> Option<PathBuf>) -> Result<Self, CommandError> {
        Self::by(url, || TlsOptions { ca: ca(), ..TlsOptions::default() })
    }

    fn by(url: &str, options: impl FnOnce() -> TlsOptions) -> Result<Self, CommandError> {
        if !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(CommandError::usage(format!(
                "--url {url}: the URL of a mock begins with http:// or https://"
            )));
        }
        let target: Target =
            url.parse().map_err(|error| CommandError::usage(format!("--url {url}: {error}")))?;
        let tls = |target: &Target| Tls::new(&options(), b"http/1.1")?.plan(target);
        let plan = if target.is_tls() { tls(&target) } else { Ok(None) };
        let plan = plan.map_err(|error: TlsError| CommandError::start(error))?;
        let addresses = (target.host(), target.port()).to_socket_addrs();
        let addresses: Vec<_> = addresses.into_iter().flatten().collect();
        if addresses.is_empty() {
            let why = "the host has no address".to_owned();
            return Err(RemoteError::Unreachable { url: url.to_owned(), why }.into());
        }
        let base = format!("{}{PREFIX}", target.path_and_query().trim_end_matches('/'));
        let peer = Peer::new(addresses, plan);
        Ok(Self { url: url.trim_end_matches('/').to_owned(), base, peer, token: None, most: usize::MAX })
    }

    /// Returns the same mock, with a token for its control surface.
    pub(super) fn with_token(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }

    /// Returns the URL of the mock.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Makes a request by name and passes on the parts of the response as they arrive. Returns the status.
    pub(super) async fn parts(
        &self,
        operation: Described,
        fields: Map<String, Value>,
        take: impl FnMut(u16, &[u8]),
    ) -> Result<u16, RemoteError> {
        let within = patience(operation, &fields);
        let mut request = request(operation, fields, &self.base)?;
        request.headers.extend(self.token.iter().map(|token| ("authorization", format!("Bearer {token}"))));
        let answered = request_parts(&self.peer, request, Some(within), take).await;
        let unreachable = |error: RequestError| {
            let hint = match error {
                RequestError::Connect(_) if self.url.starts_with("https:") => {
                    " (its certificate is checked with the authority in the folder of --ca-dir)"
                }
                _ => "",
            };
            RemoteError::Unreachable { url: self.url.clone(), why: format!("{error}{hint}") }
        };
        answered.map(|response| response.status).map_err(unreachable)
    }

    /// Makes a request by name. Returns the response.
    pub(super) async fn ask(&self, name: &str, fields: Value) -> Result<Value, RemoteError> {
        let operation = described().find(|operation| operation.name == name);
        let operation = operation.ok_or_else(|| RemoteError::NoOperation(name.to_owned()))?;
        let fields = match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        let mut body = Vec::new();
        let take = |_, part: &[u8]| {
            let room = self.most.saturating_sub(body.len());
            body.extend_from_slice(&part[..part.len().min(room)]);
        };
        let status = self.parts(operation, fields, take).await?;
        let value: Option<Value> = serde_json::from_slice(&body).ok();
        let value = value.ok_or_else(|| RemoteError::Other { url: self.url.clone() })?;
        if (200..300).contains(&status) {
            return Ok(value);
        }
        let message = value["message"].as_str().map_or_else(|| value.to_string(), str::to_owned);
        Err(RemoteError::Refused { status, message })
    }
}

/// Returns how long the response may take to begin. A request that changes something may take long, and some requests specify
/// how long they wait.
fn patience(operation: Described, fields: &Map<String, Value>) -> Duration {
    let usual = if operation.method == "GET" { TO_LOOK } else { TO_CHANGE };
    let own = fields.get("within").and_then(Value::as_str).and_then(|within| within.parse().ok());
    usual.saturating_add(own.map_or(Duration::ZERO, |HumanDuration(within)| within))
}

/// Returns the request with its fields in the right places: the path, the query or the body.
fn request(
    operation: Described,
    mut fields: Map<String, Value>,
    base: &str,
) -> Result<HttpRequest, RemoteError> {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let encoded = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let mut path = base.to_owned();
    for part in operation.path.split('/').skip(1) {
        let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        let part = match name {
            Some(name) => {
                let missing = || RemoteError::NoField { operation: operation.name, field: name.to_owned() };
                let value = fields.shift_remove(name).map(text).filter(|text| !text.is_empty());
                encoded(&value.ok_or_else(missing)?)
            }
            None => part.to_owned(),
        };
        path.push('/');
        path.push_str(&part);
    }
    if operation.method == "POST" {
        let body = Value::Object(fields).to_string().into();
        let headers: Headers = [("content-type", "application/json")].into_iter().collect();
        let method = operation.method.into();
        return Ok(HttpRequest { method, path, headers, body, ..HttpRequest::default() });
    }
    let query: Vec<String> = fields
        .into_iter()
        .map(|(name, value)| format!("{}={}", encoded(&name), encoded(&text(value))))
        .collect();
    let query = (!query.is_empty()).then(|| query.join("&"));
    Ok(HttpRequest { method: operation.method.into(), path, query, ..HttpRequest::default() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made(name: &str, fields: Value) -> Result<String, String> {
        let operation = described().find(|operation| operation.name == name).unwrap();
        let Value::Object(fields) = fields else { panic!("{fields} is no table") };
        let request = request(operation, fields, "/_ns/a/_mock").map_err(|error| error.to_string())?;
        let body = String::from_utf8_lossy(&request.body).into_owned();
        Ok(format!("{} {} {body}", request.method, request.path_and_query()).trim_end().to_owned())
    }

    #[test]
    fn fields_go_where_they_belong() {
        let made_ok = |name, fields| made(name, fields).unwrap();
        assert_eq!(made_ok("journal", json!({ "event": "a.*" })), "GET /_ns/a/_mock/journal?event=a%2E%2A");
        assert_eq!(made_ok("chat-history", json!({ "conversation": "a/b" })), "GET /_ns/a/_mock/chats/a%2Fb");
        assert_eq!(
            made_ok("resend", json!({ "callback": 7, "body": 1 })),
            "POST /_ns/a/_mock/callbacks/7/resend {\"body\":1}"
        );
        assert_eq!(made("resend", json!({})), Err("`resend` needs `callback=CALLBACK`".to_owned()));
        assert_eq!(made("entry", json!({ "id": "" })), Err("`entry` needs `id=ID`".to_owned()));
    }
}

//! Where the list comes from: a file, or a URL of the receiver.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};

use super::list::{self, ListError, Receipt};
use crate::files::read_within;
use crate::http::{ConnectError, Connector, TlsError, TlsOptions};
use crate::net::{Guard, Target, TargetError};

/// Maximum size of the list, in megabytes.
const MOST_MEGABYTES: u64 = 2_048;

/// How long the receiver may take to return its list.
const LONGEST: Duration = Duration::from_secs(60);

/// Where a list comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A file that the receiver writes.
    File(PathBuf),
    /// A URL that returns it.
    Url(Arc<Target>),
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file can't be read.
    #[error("{} can't be read: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: std::io::Error,
    },
    /// TLS can't be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The connection failed.
    #[error("{0}")]
    Connect(String),
    /// The exchange was cut off.
    #[error("{url} did not answer: {why}")]
    Exchange {
        /// The URL of the list.
        url: String,
        /// Why there is no list.
        why: String,
    },
    /// The status of the response is not 200.
    #[error("{url} answered {status} instead of 200")]
    Status {
        /// The URL of the list.
        url: String,
        /// The status of the response.
        status: u16,
    },
    /// The response or file is not a list.
    #[error("{from} does not give a list of ids: {error}")]
    List {
        /// Where it came from.
        from: String,
        /// What is wrong.
        error: ListError,
    },
}

impl FromStr for Source {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        match text.starts_with("http://") || text.starts_with("https://") {
            true => Ok(Self::Url(Arc::new(text.parse()?))),
            false => Ok(Self::File(text.into())),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(target) => target.fmt(f),
        }
    }
}

impl Source {
    /// Reads the list in its current state.
    pub(crate) async fn read(&self, guard: &Guard, tls: &TlsOptions) -> Result<Vec<Receipt>, SourceError> {
        let text = match self {
            Self::File(path) => {
                let read = read_within(path, MOST_MEGABYTES);
                read.map_err(|error| SourceError::File { path: path.clone(), error })?.into()
            }
            Self::Url(target) => get(target, guard, tls).await?,
        };
        list::read(&String::from_utf8_lossy(&text))
            .map_err(|error| SourceError::List { from: self.to_string(), error })
    }
}

async fn get(target: &Target, guard: &Guard, tls: &TlsOptions) -> Result<Bytes, SourceError> {
    let broken = |why: String| SourceError::Exchange { url: target.to_string(), why };
    let exchange = async {
        let connected = Connector::new(guard.clone(), tls)?.connect(target).await;
        let unconnected = |error: ConnectError| SourceError::Connect(format!("{target}: {error}"));
        let (mut sender, ..) = connected.map_err(unconnected)?.http1().await.map_err(unconnected)?;
        let request = hyper::Request::get(target.path_and_query())
            .header("host", target.authority())
            .header("accept", "application/json, application/x-ndjson, text/plain")
            .body(Full::new(Bytes::new()))
            .map_err(|error| broken(error.to_string()))?;
        let response = sender.send_request(request).await.map_err(|error| broken(error.to_string()))?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(SourceError::Status { url: target.to_string(), status });
        }
        let body = response.into_body().collect().await.map_err(|error| broken(error.to_string()))?;
        Ok(body.to_bytes())
    };
    let within = tokio::time::timeout(LONGEST, exchange).await;
    within.unwrap_or_else(|_| Err(broken(format!("no data arrived within {} s", LONGEST.as_secs()))))
}

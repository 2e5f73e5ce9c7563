//! What can go wrong with an attempt, in words.

use std::error::Error as StdError;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::{ErrorClass, Failure, tls_failure};
use crate::http::{ConnectError, is_closed};
use crate::net::Target;
use crate::time::HumanDuration;

impl Failure {
    fn new(class: ErrorClass, message: String) -> Self {
        Self { class, message }
    }

    /// No connection, or no HTTP/1.1 over it.
    pub(crate) fn connecting(target: &Target, error: ConnectError) -> Self {
        match error {
            ConnectError::NotAllowed(error) => Self::new(ErrorClass::NotAllowed, error.to_string()),
            ConnectError::Unresolved(error) => Self::unresolved(target, error.as_ref()),
            ConnectError::Tcp(error) => Self::connect(target, &error),
            ConnectError::Tls(error) => Self::tls(error.to_string()),
            ConnectError::Handshake(error) => Self::handshake(target, &error),
            ConnectError::Http(error) => Self::head(target, &error, false),
        }
    }

    /// The request itself is at fault.
    pub(crate) fn unsendable(message: String) -> Self {
        Self::new(ErrorClass::Unsendable, message)
    }

    /// The host's name has no address.
    pub(crate) fn unresolved(target: &Target, error: Option<&io::Error>) -> Self {
        let why = error.map_or_else(String::new, |error| format!(" ({error})"));
        Self::new(
            ErrorClass::Unresolved,
            format!(
                "no address is known for the host {}{why}: check its spelling in the callback URL; hosts beside loopback \
                 also need --allow-target",
                target.host()
            ),
        )
    }

    /// No TCP connection came about.
    pub(crate) fn connect(target: &Target, error: &io::Error) -> Self {
        let place = place(target);
        match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                let advice = match loopback(target) {
                    Some(address) => {
                        format!(
                            "start your receiver there, or try `airudder-mock receive --listen {address}`"
                        )
                    }
                    None => {
                        "start your receiver there, or check host and port of the callback URL".to_owned()
                    }
                };
                Self::new(ErrorClass::Refused, format!("nobody listens on {place}: {advice}"))
            }
            io::ErrorKind::TimedOut => Self::new(
                ErrorClass::Timeout,
                format!("{place} did not take the connection: check host, port and firewall"),
            ),
            _ if is_closed(error) => {
                Self::new(ErrorClass::Reset, format!("{place} closed the connection while it was opened"))
            }
            _ => Self::new(
                ErrorClass::Refused,
                format!("{place} can't be reached ({error}): check host and port of the callback URL"),
            ),
        }
    }

    /// No connection within the timeout.
    pub(crate) fn no_connection(target: &Target, timeout: Duration) -> Self {
        Self::new(
            ErrorClass::Timeout,
            format!(
                "no connection to {} within {}: check host, port and firewall",
                place(target),
                HumanDuration(timeout)
            ),
        )
    }

    /// A connection, but no whole answer within the timeout.
    pub(crate) fn no_answer(target: &Target, timeout: Duration) -> Self {
        Self::new(
            ErrorClass::Timeout,
            format!(
                "no whole answer from {} within {}: answer first and do the work afterwards, or raise the timeout",
                place(target),
                HumanDuration(timeout)
            ),
        )
    }

    /// TLS can't be set up on this side.
    fn tls(message: String) -> Self {
        Self::new(ErrorClass::Tls, message)
    }

    /// The TLS handshake failed.
    fn handshake(target: &Target, error: &io::Error) -> Self {
        let message = match find_tls(error) {
            Some(error) => tls_failure::explain(error, target),
            None => format!(
                "{} closed the connection during the TLS handshake: if it speaks plain HTTP there, write http:// in \
                 the callback URL",
                place(target)
            ),
        };
        Self::tls(message)
    }

    /// The connection failed before the head of the answer was there. `spoke_first` says that bytes came before a
    /// request was written.
    pub(super) fn head(target: &Target, error: &hyper::Error, spoke_first: bool) -> Self {
        if let Some(error) = find_tls(error) {
            return Self::tls(tls_failure::explain(error, target));
        }
        if error.is_parse() || spoke_first {
            let what = if spoke_first { "it spoke first".to_owned() } else { error.to_string() };
            return Self::no_http(target, &what);
        }
        Self::broken(target, find_io(error))
    }

    /// The connection ended, or broke, before there was an answer.
    pub(crate) fn broken(target: &Target, error: Option<&io::Error>) -> Self {
        let place = place(target);
        let how = match error {
            Some(error) if !is_closed(error) => format!("the connection to {place} broke ({error})"),
            _ => format!("{place} closed the connection before it answered"),
        };
        let https =
            if target.is_tls() { "" } else { "; if it speaks TLS, write https:// in the callback URL" };
        Self::new(ErrorClass::Reset, format!("{how}: the log of the receiver may say why{https}"))
    }

    /// What came is no answer of HTTP.
    pub(crate) fn no_http(target: &Target, what: &str) -> Self {
        let place = place(target);
        let advice = if target.is_tls() {
            "check that an HTTP/1.1 server listens there"
        } else {
            "check that an HTTP/1.1 server listens there; if it speaks TLS, write https:// in the callback URL"
        };
        Self::new(ErrorClass::BadAnswer, format!("what {place} answers is not HTTP ({what}): {advice}"))
    }

    /// A connection for HTTP/2 ended before anything was answered over it.
    pub(crate) fn no_http2(target: &Target, error: &hyper::Error) -> Self {
        let place = place(target);
        let last = causes(error).last().map_or_else(String::new, ToString::to_string);
        let advice = "check that it speaks HTTP/2, or leave out `--http2`";
        if find_io(error).is_some() || error.is_closed() || error.is_canceled() {
            return Self::new(
                ErrorClass::Reset,
                format!("{place} closed the connection before it answered: {advice}"),
            );
        }
        Self::new(ErrorClass::BadAnswer, format!("what {place} answers is not HTTP/2 ({last}): {advice}"))
    }

    /// This machine has no room for another connection.
    pub(crate) fn no_room(error: &io::Error) -> Self {
        let advice = match error.kind() {
            io::ErrorKind::AddrNotAvailable => {
                "all local ports are in use or waiting; let the receiver keep connections open"
            }
            _ => "raise the limit of open files (`ulimit -n`), or allow fewer in flight",
        };
        Self::new(
            ErrorClass::Unsendable,
            format!("no further connection can be opened here ({error}): {advice}"),
        )
    }

    /// A TLS error.
    pub(crate) fn tls_error(target: &Target, error: &rustls::Error) -> Self {
        Self::tls(tls_failure::explain(error, target))
    }

    /// The connection failed within the body of an answer.
    pub(super) fn body(target: &Target, error: &hyper::Error, status: u16, length: usize) -> Self {
        let place = place(target);
        if let Some(error) = find_tls(error) {
            return Self::tls(tls_failure::explain(error, target));
        }
        let malformed = find_io(error)
            .filter(|error| matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput));
        if let Some(error) = malformed {
            return Self::new(
                ErrorClass::BadAnswer,
                format!(
                    "the body of the {status} answer of {place} is malformed ({error}): check its framing"
                ),
            );
        }
        Self::new(
            ErrorClass::Reset,
            format!(
                "{place} closed the connection within its {status} answer, {length} bytes into the body: check the \
                 length it announces"
            ),
        )
    }
}

/// Host and port as one writes them, the port always.
fn place(target: &Target) -> String {
    let host = target.host();
    match host.contains(':') {
        true => format!("[{host}]:{}", target.port()),
        false => format!("{host}:{}", target.port()),
    }
}

/// The address a receiver on this machine would listen on to be the target.
fn loopback(target: &Target) -> Option<SocketAddr> {
    let address = match target.host() {
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        host => host.parse().ok().filter(IpAddr::is_loopback)?,
    };
    Some(SocketAddr::new(address, target.port()))
}

fn find_tls<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

fn find_io<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// An error and its causes.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

/// The cause of an error. Of an `io::Error` that is what it wraps; its own `source` passes over that.
fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

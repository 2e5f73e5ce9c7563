//! Failures of attempts, with their messages.

use std::error::Error as StdError;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::{ErrorClass, Failure, tls_failure};
use crate::faults::FaultName;
use crate::http::{ConnectError, is_closed, is_out_of_files};
use crate::net::Target;
use crate::time::HumanDuration;

impl Failure {
    fn new(class: ErrorClass, message: String) -> Self {
        Self { class, message }
    }

    /// There was no connection, or no HTTP/1.1 over it.
    pub(crate) fn connecting(target: &Target, error: ConnectError) -> Self {
        match error {
            ConnectError::NotAllowed(error) => Self::new(ErrorClass::NotAllowed, error.to_string()),
            ConnectError::Unresolved(error) => Self::unresolved(target, error.as_ref()),
            ConnectError::Tcp(error) => Self::connect(target, &error),
            ConnectError::Tls(error) => Self::new(ErrorClass::Tls, error.to_string()),
            ConnectError::Handshake(error) => Self::handshake(target, &error),
            ConnectError::Http(error) => Self::head(target, &error, false),
        }
    }

    /// A fault cancelled the attempt.
    pub(crate) fn broken_off(faults: &[FaultName]) -> Self {
        let names: Vec<&str> = faults.iter().map(|fault| fault.as_str()).collect();
        Self::new(ErrorClass::Reset, format!("the attempt was aborted on purpose ({})", names.join(", ")))
    }

    /// A fault discarded the response.
    pub(crate) fn lost(status: u16) -> Self {
        let name = FaultName::AnswerLost;
        Self::new(ErrorClass::Reset, format!("the response {status} was discarded on purpose ({name})"))
    }

    /// The mock panicked while it made the attempt.
    pub(crate) fn panicked() -> Self {
        let message = "the mock itself failed while it made this attempt: that is a mistake in the mock, and \
            its error output says where";
        Self::new(ErrorClass::Reset, message.to_owned())
    }

    /// The receiver is disabled, because it only fails.
    pub(crate) fn disabled(target: &Target) -> Self {
        let message =
            format!("{} has failed for so long without a success that it is disabled", target.authority());
        Self::new(ErrorClass::Disabled, message)
    }

    /// A fault dropped the callback, so that it was never sent.
    pub(crate) fn dropped() -> Self {
        Self::new(ErrorClass::Dropped, format!("it was never sent, on purpose ({})", FaultName::Drop))
    }

    /// The request itself is invalid.
    pub(crate) fn unsendable(message: String) -> Self {
        Self::new(ErrorClass::Unsendable, message)
    }

    /// The host name does not resolve to an address.
    pub(crate) fn unresolved(target: &Target, error: Option<&io::Error>) -> Self {
        let (host, why) = (target.host(), error.map_or_else(String::new, |error| format!(" ({error})")));
        let message = format!(
            "no address is known for the host {host}{why}: check its spelling in the callback URL; hosts \
            other than loopback also need --allow-target"
        );
        Self::new(ErrorClass::Unresolved, message)
    }

    /// The TCP connection failed.
    pub(crate) fn connect(target: &Target, error: &io::Error) -> Self {
        if is_out_of_files(error) {
            return Self { class: ErrorClass::NoDescriptors, ..Self::no_room(error) };
        }
        let place = place(target);
        let (class, message) = match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                let advice = match loopback(target) {
                    Some(address) => format!("try `airudder-mock receive --listen {address}`"),
                    None => "check host and port of the callback URL".to_owned(),
                };
                (
                    ErrorClass::Refused,
                    format!("nothing listens on {place}: start your receiver there, or {advice}"),
                )
            }
            io::ErrorKind::TimedOut => (
                ErrorClass::Timeout,
                format!("{place} did not take the connection: check host, port and firewall"),
            ),
            _ if is_closed(error) => {
                (ErrorClass::Reset, format!("{place} closed the connection while it was being opened"))
            }
            _ => (
                ErrorClass::Refused,
                format!("{place} can't be reached ({error}): check host and port of the callback URL"),
            ),
        };
        Self::new(class, message)
    }

    /// No connection was established within the timeout.
    pub(crate) fn no_connection(target: &Target, timeout: Duration) -> Self {
        let (place, within) = (place(target), HumanDuration(timeout));
        let message = format!("no connection to {place} within {within}: check host, port and firewall");
        Self::new(ErrorClass::Timeout, message)
    }

    /// A connection was established, but no complete response arrived within the timeout.
    pub(crate) fn no_answer(target: &Target, timeout: Duration) -> Self {
        let (place, within) = (place(target), HumanDuration(timeout));
        let message = format!(
            "no complete response from {place} within {within}: respond first and process afterwards, or \
            raise the timeout"
        );
        Self::new(ErrorClass::Timeout, message)
    }

    /// The TLS handshake failed.
    fn handshake(target: &Target, error: &io::Error) -> Self {
        if let Some(error) = find_tls(error) {
            return Self::tls_error(target, error);
        }
        let message = format!(
            "{} closed the connection during the TLS handshake: if it speaks plain HTTP there, write http:// in the \
             callback URL",
            place(target)
        );
        Self::new(ErrorClass::Tls, message)
    }

    /// The connection failed before the head of the response arrived. `spoke_first` says that bytes arrived before a request
    /// was written.
    pub(super) fn head(target: &Target, error: &hyper::Error, spoke_first: bool) -> Self {
        if let Some(error) = find_tls(error) {
            return Self::tls_error(target, error);
        }
        if error.is_parse() || spoke_first {
            let what = if spoke_first { "it sent data first".to_owned() } else { error.to_string() };
            return Self::no_http(target, &what);
        }
        Self::broken(target, find_io(error))
    }

    /// The connection was closed or reset before there was a response.
    pub(crate) fn broken(target: &Target, error: Option<&io::Error>) -> Self {
        let place = place(target);
        let how = match error {
            Some(error) if !is_closed(error) => format!("the connection to {place} broke ({error})"),
            _ => format!("{place} closed the connection before it responded"),
        };
        let https =
            if target.is_tls() { "" } else { "; if it speaks TLS, write https:// in the callback URL" };
        Self::new(ErrorClass::Reset, format!("{how}: the receiver's log may say why{https}"))
    }

    /// The bytes received are not an HTTP response.
    pub(crate) fn no_http(target: &Target, what: &str) -> Self {
        let place = place(target);
        let https =
            if target.is_tls() { "" } else { "; if it speaks TLS, write https:// in the callback URL" };
        let message = format!(
            "the response of {place} is not HTTP ({what}): check that an HTTP/1.1 server listens there{https}"
        );
        Self::new(ErrorClass::BadAnswer, message)
    }

    /// An HTTP/2 connection ended before it carried a response, or the bytes received are something else.
    pub(crate) fn no_http2(target: &Target, what: Option<&str>) -> Self {
        let place = place(target);
        let (class, what) = match what {
            None => (ErrorClass::Reset, format!("{place} closed the connection before it responded")),
            Some(what) => (ErrorClass::BadAnswer, format!("the response of {place} is not HTTP/2 ({what})")),
        };
        Self::new(class, format!("{what}: check that it speaks HTTP/2, or leave out `--http2`"))
    }

    /// This machine has no file descriptors for another connection.
    pub(crate) fn no_room(error: &io::Error) -> Self {
        let advice = match error.kind() {
            io::ErrorKind::AddrNotAvailable => {
                "all local ports are in use or waiting: let the receiver keep connections open"
            }
            _ => "raise the limit of open files (`ulimit -n`), or allow fewer attempts in flight",
        };
        Self::unsendable(format!("this machine cannot open another connection ({error}): {advice}"))
    }

    /// A TLS error.
    pub(crate) fn tls_error(target: &Target, error: &rustls::Error) -> Self {
        Self::new(ErrorClass::Tls, tls_failure::explain(error, target))
    }

    /// The connection failed within the body of a response.
    pub(super) fn body(target: &Target, error: &hyper::Error, status: u16, length: usize) -> Self {
        if let Some(error) = find_tls(error) {
            return Self::tls_error(target, error);
        }
        let malformed = find_io(error)
            .filter(|error| matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput));
        match malformed {
            Some(error) => Self::malformed(target, status, &error.to_string()),
            None => Self::cut_off(target, status, length as u64),
        }
    }

    /// The body of a response is not framed as HTTP/1.1 is.
    pub(crate) fn malformed(target: &Target, status: u16, what: &str) -> Self {
        let place = place(target);
        let message =
            format!("the body of the {status} response of {place} is malformed ({what}): check its framing");
        Self::new(ErrorClass::BadAnswer, message)
    }

    /// The connection ended after so many bytes of a response's body.
    pub(crate) fn cut_off(target: &Target, status: u16, length: u64) -> Self {
        let place = place(target);
        let message = format!(
            "{place} closed the connection within its {status} response, {length} bytes into the body: check the \
            length that it announces"
        );
        Self::new(ErrorClass::Reset, message)
    }
}

/// `host:port`, with brackets around IPv6.
fn place(target: &Target) -> String {
    let host = target.host();
    match host.contains(':') {
        true => format!("[{host}]:{}", target.port()),
        false => format!("{host}:{}", target.port()),
    }
}

/// Returns the address a receiver on this machine would listen on to be the target.
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

/// Returns the cause of an error. For an `io::Error` that is the error it wraps, which its own `source` skips.
fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

//! Messages for TLS errors.

use jiff::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription as Alert, CertificateError};

use crate::http::SelfSigned;
use crate::net::Target;

/// Returns what a TLS error means and what to do about it, in one line.
pub(super) fn explain(error: &rustls::Error, target: &Target) -> String {
    use rustls::Error as E;
    let host = target.host();
    let anyway = "accept any certificate with --insecure";
    match error {
        E::InvalidCertificate(error) => match error {
            CertificateError::UnknownIssuer => format!(
                "the certificate of {host} is signed by an authority that this machine does not know: \
                give it with --ca FILE, or {anyway}"
            ),
            CertificateError::BadSignature => format!(
                "the certificate of {host} is not signed by the authority that it names: check that --ca \
                FILE is the current one, or {anyway}"
            ),
            CertificateError::ExpiredContext { not_after, .. } => {
                format!("the certificate of {host} expired on {}: renew it, or {anyway}", day(*not_after))
            }
            CertificateError::Expired => format!("the certificate of {host} expired: renew it, or {anyway}"),
            CertificateError::NotValidYetContext { not_before, .. } => format!(
                "the certificate of {host} is valid only from {} on: check the clock, or {anyway}",
                day(*not_before)
            ),
            CertificateError::NotValidYet => {
                format!("the certificate of {host} is not valid yet: check the clock, or {anyway}")
            }
            CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => format!(
                "the certificate of {host} is for {}: write that name in the callback URL, or {anyway}",
                presented.iter().map(|name| plain_name(name)).collect::<Vec<_>>().join(", ")
            ),
            CertificateError::NotValidForNameContext { .. } | CertificateError::NotValidForName => {
                format!(
                    "the certificate of {host} is for another name: write that name in the callback URL, or {anyway}"
                )
            }
            CertificateError::Other(why) if why.0.is::<SelfSigned>() => {
                format!("the certificate of {host} is self-signed: trust it with --ca FILE, or {anyway}")
            }
            CertificateError::Other(_) => format!(
                "the certificate of {host} is not a server certificate, but for example that of an \
                authority itself: give the receiver one signed by that authority, or {anyway}"
            ),
            other => {
                format!(
                    "the certificate of {host} is not accepted: {other}; to continue nevertheless, {anyway}"
                )
            }
        },
        E::InvalidMessage(_) => format!(
            "{host} does not speak TLS on port {}: if it speaks plain HTTP there, write http:// in the callback URL",
            target.port()
        ),
        E::AlertReceived(Alert::NoApplicationProtocol) => format!(
            "{host} does not support the protocol requested over TLS: HTTP/2 with `--http2`, HTTP/1.1 without"
        ),
        E::AlertReceived(Alert::CertificateRequired) => {
            format!(
                "{host} asks for a client certificate: give one with --client-cert FILE and --client-key FILE"
            )
        }
        E::AlertReceived(Alert::UnrecognisedName) => format!(
            "{host} does not know that host name (SNI): write a name that it has a certificate for in \
            the callback URL"
        ),
        E::AlertReceived(
            alert @ (Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied),
        ) => format!(
            "{host} rejects the client certificate, or requires one ({alert:?}): give one that its \
            authority has signed with --client-cert FILE"
        ),
        E::AlertReceived(alert) => format!(
            "{host} aborted TLS ({alert:?}): its log says why; if it asks for a client certificate, give \
            one with --client-cert FILE"
        ),
        E::PeerIncompatible(why) => {
            format!(
                "{host} and this program have no TLS version or cipher in common ({why:?}): this program \
                uses TLS 1.2 or 1.3"
            )
        }
        other => format!("TLS with {host} failed: {other}"),
    }
}

/// Returns the day of a moment, or the bare seconds if it lies outside of the calendar.
fn day(moment: UnixTime) -> String {
    i64::try_from(moment.as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map_or_else(|| moment.as_secs().to_string(), |at| at.strftime("%Y-%m-%d").to_string())
}

/// Extracts the bare name from a name printed by rustls, for example `DnsName("a.example")`.
fn plain_name(printed: &str) -> &str {
    match printed.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')) {
        Some(inner) => inner.trim_matches('"'),
        None => printed,
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;

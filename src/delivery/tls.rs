//! TLS towards the receiver.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;

use crate::net::Target;

/// How certificates are checked.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// A PEM file of further authorities beside the system's.
    pub ca: Option<PathBuf>,
    /// Accepts any certificate.
    pub insecure: bool,
}

/// Why TLS can't be set up.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(pub String);

/// TLS as it is set up. The user's authorities are read at once, so that a wrong file is told at the start; those of
/// the system are read when the first `https` target is met, so that nobody else pays for them.
#[derive(Debug)]
pub(crate) struct Tls {
    extra: RootCertStore,
    insecure: bool,
    config: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl Tls {
    /// Reads the user's authorities.
    pub(super) fn new(options: &TlsOptions) -> Result<Self, TlsError> {
        let mut extra = RootCertStore::empty();
        if let Some(path) = &options.ca {
            let name = path.display();
            let pem = std::fs::read(path)
                .map_err(|error| TlsError(format!("can't read the authorities of --ca {name}: {error}")))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| {
                    let why = match error {
                        pem::Error::MissingSectionEnd { .. } => "a section has no end line".to_owned(),
                        other => other.to_string(),
                    };
                    TlsError(format!("--ca {name} is no PEM file: {why}"))
                })?;
                extra.add(certificate).map_err(|error| {
                    TlsError(format!("--ca {name} holds a certificate that can't be read: {error}"))
                })?;
            }
            if extra.is_empty() {
                return Err(TlsError(format!(
                    "--ca {name} holds no certificate, it needs a section that begins with -----BEGIN CERTIFICATE-----"
                )));
            }
        }
        Ok(Self { extra, insecure: options.insecure, config: OnceLock::new() })
    }

    /// Opens connections. Errs, in words, if there is no authority to trust.
    pub(super) fn connector(&self) -> Result<TlsConnector, String> {
        self.config.get_or_init(|| self.configure()).clone().map(TlsConnector::from)
    }

    fn configure(&self) -> Result<Arc<ClientConfig>, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS can't be set up: {error}"))?;
        let mut config = if self.insecure {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyCertificate { provider }))
                .with_no_client_auth()
        } else {
            let mut roots = self.extra.clone();
            let native = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(native.certs);
            if roots.is_empty() {
                let why = native.errors.first().map_or_else(String::new, |error| format!(" ({error})"));
                return Err(format!(
                    "this machine has no certificate authorities{why}: name them with --ca FILE, or accept any \
                     certificate with --insecure"
                ));
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// The configuration itself, for those who drive connections by themselves, with the protocol they speak.
    pub(crate) fn client_config(
        options: &TlsOptions,
        protocol: &[u8],
    ) -> Result<Arc<ClientConfig>, TlsError> {
        let mut config = (*Self::new(options)?.configure().map_err(TlsError)?).clone();
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(Arc::new(config))
    }
}

/// The name a target's certificate has to be for.
pub(crate) fn server_name(target: &Target) -> Result<ServerName<'static>, String> {
    let host = target.host();
    ServerName::try_from(host.strip_suffix('.').unwrap_or(host).to_owned())
        .map_err(|_| format!("`{host}` is no name a certificate can be for"))
}

/// What a TLS error means and what to do about it, in one line.
pub(super) fn explain(error: &rustls::Error, target: &Target) -> String {
    use rustls::Error as E;
    let host = target.host();
    let anyway = "accept any certificate with --insecure";
    match error {
        E::InvalidCertificate(error) => match error {
            CertificateError::UnknownIssuer => format!(
                "the certificate of {host} is signed by an authority this machine does not know: name it with --ca \
                 FILE, or {anyway}"
            ),
            CertificateError::BadSignature => format!(
                "the certificate of {host} is not signed by the authority it names: check that --ca FILE is the \
                 current one, or {anyway}"
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
            CertificateError::Other(_) => format!(
                "the certificate of {host} is not one of a server, for example that of an authority itself: give the \
                 receiver one signed by that authority, or {anyway}"
            ),
            other => {
                format!("the certificate of {host} is not accepted: {other}; to go on all the same, {anyway}")
            }
        },
        E::InvalidMessage(_) => format!(
            "{host} does not speak TLS on port {}: if it speaks plain HTTP there, write http:// in the callback URL",
            target.port()
        ),
        E::AlertReceived(rustls::AlertDescription::NoApplicationProtocol) => format!(
            "{host} does not speak over TLS what is asked for, which is HTTP/2 with `--http2` and HTTP/1.1 without"
        ),
        E::AlertReceived(alert) => {
            format!(
                "{host} broke off TLS ({alert:?}): its log says why; client certificates are not supported"
            )
        }
        E::PeerIncompatible(why) => {
            format!("{host} and this program have no TLS in common ({why:?}): it takes TLS 1.2 or 1.3")
        }
        other => format!("TLS with {host} failed: {other}"),
    }
}

/// The day of a moment, or the bare seconds if they lie outside of the calendar.
fn day(moment: UnixTime) -> String {
    i64::try_from(moment.as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map_or_else(|| moment.as_secs().to_string(), |at| at.strftime("%Y-%m-%d").to_string())
}

/// The bare name in what rustls prints of it, for example `DnsName("a.example")`.
fn plain_name(printed: &str) -> &str {
    match printed.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')) {
        Some(inner) => inner.trim_matches('"'),
        None => printed,
    }
}

/// Takes any certificate, but still has the peer prove that it holds the certificate's key.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;

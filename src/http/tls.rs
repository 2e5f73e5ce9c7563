//! TLS as a client speaks it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

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
pub enum TlsError {
    /// The file of further authorities can't be read.
    #[error("can't read the authorities of --ca {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file is not in PEM format.
    #[error("--ca {} is no PEM file: {reason}", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// Where it is malformed.
        reason: String,
    },
    /// A section of the file is not a certificate.
    #[error("--ca {} holds a certificate that can't be read: {error}", path.display())]
    NotACertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: rustls::Error,
    },
    /// The file holds no certificate.
    #[error(
        "--ca {} holds no certificate, it needs a section that begins with -----BEGIN CERTIFICATE-----",
        path.display()
    )]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Neither the system nor the user names an authority.
    #[error(
        "this machine has no certificate authorities{}: name them with --ca FILE, or accept any certificate with \
         --insecure",
        reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"))
    )]
    NoAuthorities {
        /// Why those of the system were not found.
        reason: Option<rustls_native_certs::Error>,
    },
    /// The TLS library refuses the settings.
    #[error("TLS can't be set up: {0}")]
    Setup(rustls::Error),
    /// The certificate authorities cannot be used.
    #[error("the certificate authorities can't be used: {0}")]
    Verifier(String),
    /// No certificate can be issued for such a host.
    #[error("`{0}` is no name a certificate can be for")]
    ServerName(String),
}

/// TLS as it is set up. The user's authorities are read at once, so that a wrong file is reported at the start; those of
/// the system are read when the first `https` target is met, so that nobody else pays for them.
#[derive(Debug)]
pub(crate) struct Tls {
    extra: RootCertStore,
    /// The certificates in the user's file: one of a receiver itself is as good as that of its authority.
    named: Vec<CertificateDer<'static>>,
    insecure: bool,
    /// The protocol that is spoken over it (ALPN).
    protocol: &'static [u8],
    config: OnceLock<Arc<ClientConfig>>,
}

/// How TLS is spoken with one target.
#[derive(Clone, Debug)]
pub(crate) struct TlsPlan {
    /// The client's side of the handshake.
    pub(crate) config: Arc<ClientConfig>,
    /// The name the target's certificate has to be for.
    pub(crate) name: ServerName<'static>,
}

/// The largest file of authorities, in bytes. All those of a system take a fraction of it.
const LARGEST: u64 = 16 << 20;

/// Reads a file of authorities, which may be anything that the user named by mistake.
fn read_authorities(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut pem = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut pem)?;
    if pem.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 16 MB"));
    }
    Ok(pem)
}

impl Tls {
    /// Reads the user's authorities.
    pub(crate) fn new(options: &TlsOptions, protocol: &'static [u8]) -> Result<Self, TlsError> {
        let mut extra = RootCertStore::empty();
        let mut named = Vec::new();
        if let Some(path) = &options.ca {
            let path = || path.clone();
            let pem =
                read_authorities(path()).map_err(|error| TlsError::Unreadable { path: path(), error })?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| {
                    let reason = match error {
                        pem::Error::MissingSectionEnd { .. } => "a section has no end line".to_owned(),
                        other => other.to_string(),
                    };
                    TlsError::NotPem { path: path(), reason }
                })?;
                named.push(certificate.clone());
                extra.add(certificate).map_err(|error| TlsError::NotACertificate { path: path(), error })?;
            }
            if extra.is_empty() {
                return Err(TlsError::Empty { path: path() });
            }
        }
        Ok(Self { extra, named, insecure: options.insecure, protocol, config: OnceLock::new() })
    }

    /// How a target is spoken with; nothing if it is not `https`.
    pub(crate) fn plan(&self, target: &Target) -> Result<Option<TlsPlan>, TlsError> {
        if !target.is_tls() {
            return Ok(None);
        }
        let config = match self.config.get() {
            Some(config) => config,
            None => {
                let config = self.configure()?;
                self.config.get_or_init(|| config)
            }
        };
        let host = target.host();
        let name = ServerName::try_from(host.strip_suffix('.').unwrap_or(host).to_owned())
            .map_err(|_| TlsError::ServerName(host.to_owned()))?;
        Ok(Some(TlsPlan { config: config.clone(), name }))
    }

    fn configure(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?;
        let mut config = if self.insecure {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyCertificate { provider }))
                .with_no_client_auth()
        } else {
            let mut roots = self.extra.clone();
            let named = self.named.clone();
            let native = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(native.certs);
            if roots.is_empty() {
                return Err(TlsError::NoAuthorities { reason: native.errors.into_iter().next() });
            }
            let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| TlsError::Verifier(error.to_string()))?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(NamedCertificates { named, usual }))
                .with_no_client_auth()
        };
        config.alpn_protocols = vec![self.protocol.to_vec()];
        Ok(Arc::new(config))
    }
}

/// Checks certificates as usual, and takes those of the user's file for the host they name. A certificate that signs itself
/// is usually marked as an authority's, and by the rules nobody's server may have such a one.
#[derive(Debug)]
struct NamedCertificates {
    named: Vec<CertificateDer<'static>>,
    usual: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for NamedCertificates {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let usual = self.usual.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let is_other = matches!(&usual, Err(rustls::Error::InvalidCertificate(CertificateError::Other(_))));
        if is_other && self.named.iter().any(|named| named == end_entity) {
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        usual
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
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

//! The client side of TLS.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;

use super::verifier::{AnyCertificate, NamedCertificates};
use crate::files::read_within;
use crate::net::Target;

/// How certificates are checked, and which one the client presents.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// A PEM file of further authorities, in addition to the system's.
    pub ca: Option<PathBuf>,
    /// Whether any certificate is accepted.
    pub insecure: bool,
    /// A PEM file of the client's own certificate and any intermediate certificates.
    pub client_cert: Option<PathBuf>,
    /// A PEM file of the client's key, if it is not in the same file.
    pub client_key: Option<PathBuf>,
}

/// Why TLS can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file of certificates or keys can't be read.
    #[error("can't read {what} {}: {error}", path.display())]
    Unreadable {
        /// The flag, and what the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The file is not in PEM format.
    #[error("{flag} {} is not a PEM file: {reason}", path.display())]
    NotPem {
        /// The flag.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// Where it is malformed.
        reason: String,
    },
    /// A section of the file is not a certificate.
    #[error("{flag} {} holds a certificate that can't be read: {error}", path.display())]
    NotACertificate {
        /// The flag.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: rustls::Error,
    },
    /// The file holds no certificate.
    #[error(
        "{flag} {} holds no certificate: it needs a section that begins with -----BEGIN CERTIFICATE-----",
        path.display()
    )]
    Empty {
        /// The flag.
        flag: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The file holds no key.
    #[error(
        "{flag} {} holds no key: it needs a section that begins with -----BEGIN PRIVATE KEY----- \
        (`openssl pkey -in FILE -out PLAIN` decrypts an encrypted one){}",
        path.display(),
        if *flag == CERT_FLAG { "; or name the file of the key with --client-key FILE" } else { "" }
    )]
    NoKey {
        /// The flag.
        flag: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A key was given without the certificate that it belongs to.
    #[error("a client key needs its certificate: `client_cert` under [target], or --client-cert FILE")]
    KeyAlone,
    /// The key is invalid, or does not belong to the certificate.
    #[error("{} and its key can't be used as a client certificate: {}", path.display(), unusable(error))]
    ClientCertificate {
        /// The file of the certificate.
        path: PathBuf,
        /// What is wrong with them.
        error: rustls::Error,
    },
    /// Neither the system nor the user names an authority.
    #[error(
        "this machine has no certificate authorities{}: give them with --ca FILE, or accept any \
        certificate with --insecure",
        reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"))
    )]
    NoAuthorities {
        /// Why the system's authorities were not found.
        reason: Option<rustls_native_certs::Error>,
    },
    /// The TLS library refuses the settings.
    #[error("TLS can't be set up: {0}")]
    Setup(rustls::Error),
    /// The certificate authorities cannot be used.
    #[error("the certificate authorities can't be used: {0}")]
    Verifier(String),
    /// The host is not a name that a certificate can be for.
    #[error("`{0}` is not a name that a certificate can be issued for")]
    ServerName(String),
}

impl TlsOptions {
    /// Checks that the files can be used.
    ///
    /// # Errors
    ///
    /// If one of them can't be read, or they do not fit together.
    pub fn check(&self) -> Result<(), TlsError> {
        Tls::new(self, b"http/1.1").map(drop)
    }
}

impl TlsError {
    /// Returns the key of the settings file that names the file in question.
    pub fn key(&self) -> &'static str {
        let flag = match self {
            Self::Unreadable { what: flag, .. }
            | Self::NotPem { flag, .. }
            | Self::NotACertificate { flag, .. }
            | Self::Empty { flag, .. }
            | Self::NoKey { flag, .. } => flag,
            Self::KeyAlone => KEY_FLAG,
            Self::ClientCertificate { .. } => CERT_FLAG,
            Self::NoAuthorities { .. } | Self::Setup(_) | Self::Verifier(_) | Self::ServerName(_) => CA_FLAG,
        };
        match flag {
            flag if flag.ends_with(KEY_FLAG) => "client_key",
            flag if flag.ends_with(CERT_FLAG) => "client_cert",
            _ => "ca",
        }
    }
}

/// The TLS settings of a client. The user's authorities are read at once, so that a wrong file is reported at the start.
/// Those of the system are read at the first `https` target, so that plain HTTP does not pay for them.
#[derive(Debug)]
pub(crate) struct Tls {
    extra: RootCertStore,
    /// The certificates in the user's file: the certificate of a receiver itself is accepted as well as that of its
    /// authority.
    named: Vec<CertificateDer<'static>>,
    insecure: bool,
    client: Option<ClientCertificate>,
    /// The protocol that is spoken over TLS (ALPN).
    protocol: &'static [u8],
    config: OnceCell<Arc<ClientConfig>>,
}

/// The certificate that the client presents to a server that asks for one.
#[derive(Debug)]
struct ClientCertificate {
    path: PathBuf,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

const CA_FLAG: &str = "--ca";
const CERT_FLAG: &str = "--client-cert";
const KEY_FLAG: &str = "--client-key";

/// The TLS settings for one target.
#[derive(Clone, Debug)]
pub(crate) struct TlsPlan {
    /// The client side of the handshake.
    pub(crate) config: Arc<ClientConfig>,
    /// The name that the target's certificate has to be for.
    pub(crate) name: ServerName<'static>,
}

/// Maximum size of a file of authorities, in megabytes. All authorities of a system take a fraction of it.
const LARGEST: u64 = 16;

/// Reads a file of certificates or keys. Limited in size, since the user may have named any file by mistake.
fn read_pem(path: &Path) -> io::Result<Vec<u8>> {
    read_within(path, LARGEST)
}

/// Describes what is wrong with a PEM file.
fn not_pem(flag: &'static str, path: &Path, error: pem::Error) -> TlsError {
    let reason = match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end line".to_owned(),
        other => other.to_string(),
    };
    TlsError::NotPem { flag, path: path.to_owned(), reason }
}

/// Reads the certificates of a file; at least one.
fn certificates(
    flag: &'static str,
    what: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read_pem(path).map_err(|error| TlsError::Unreadable { what, path: path.to_owned(), error })?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|error| not_pem(flag, path, error))?;
    match certificates.is_empty() {
        true => Err(TlsError::Empty { flag, path: path.to_owned() }),
        false => Ok(certificates),
    }
}

impl ClientCertificate {
    /// Reads the files that the user named and checks that they fit together.
    fn read(options: &TlsOptions) -> Result<Option<Self>, TlsError> {
        let Some(path) = &options.client_cert else {
            return if options.client_key.is_some() { Err(TlsError::KeyAlone) } else { Ok(None) };
        };
        let chain = certificates(CERT_FLAG, "the certificate of --client-cert", path)?;
        let (flag, key_path) = match &options.client_key {
            Some(key) => (KEY_FLAG, key),
            None => (CERT_FLAG, path),
        };
        let pem = read_pem(key_path).map_err(|error| TlsError::Unreadable {
            what: "the key of --client-key",
            path: key_path.clone(),
            error,
        })?;
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
            pem::Error::NoItemsFound => TlsError::NoKey { flag, path: key_path.clone() },
            other => not_pem(flag, key_path, other),
        })?;
        CertifiedKey::from_der(chain.clone(), key.clone_key(), &ring::default_provider())
            .map_err(|error| TlsError::ClientCertificate { path: path.clone(), error })?;
        Ok(Some(Self { path: path.clone(), chain, key }))
    }
}

impl Tls {
    /// Reads the user's files.
    pub(crate) fn new(options: &TlsOptions, protocol: &'static [u8]) -> Result<Self, TlsError> {
        let mut extra = RootCertStore::empty();
        let mut named = Vec::new();
        if let Some(path) = &options.ca {
            named = certificates(CA_FLAG, "the authorities of --ca", path)?;
            for certificate in &named {
                let unfit = |error| TlsError::NotACertificate { flag: CA_FLAG, path: path.clone(), error };
                extra.add(certificate.clone()).map_err(unfit)?;
            }
        }
        let client = ClientCertificate::read(options)?;
        Ok(Self { extra, named, insecure: options.insecure, client, protocol, config: OnceCell::new() })
    }

    /// Returns the TLS settings for a target; nothing if its scheme is not `https`. Unless they are [ready](Tls::ready), this
    /// waits for files.
    pub(crate) fn plan(&self, target: &Target) -> Result<Option<TlsPlan>, TlsError> {
        if !target.is_tls() {
            return Ok(None);
        }
        let config = match self.config.get() {
            Some(config) => Arc::clone(config),
            None => {
                let roots = (!self.insecure).then(|| with_the_systems(self.extra.clone())).transpose()?;
                let config = self.configure(roots)?;
                // Another thread may have set the same.
                let _ = self.config.set(Arc::clone(&config));
                config
            }
        };
        let host = target.host();
        let name = ServerName::try_from(host.strip_suffix('.').unwrap_or(host).to_owned())
            .map_err(|_| TlsError::ServerName(host.to_owned()))?;
        Ok(Some(TlsPlan { config, name }))
    }

    /// Reads what the settings for a target need, on a thread on which an event loop does not wait.
    pub(crate) async fn ready(&self, target: &Target) -> Result<(), TlsError> {
        if !target.is_tls() {
            return Ok(());
        }
        let reading = || async {
            let roots = if self.insecure {
                None
            } else {
                let extra = self.extra.clone();
                let read = tokio::task::spawn_blocking(move || with_the_systems(extra)).await;
                Some(read.map_err(|error| TlsError::Verifier(error.to_string()))??)
            };
            self.configure(roots)
        };
        self.config.get_or_try_init(reading).await.map(drop)
    }

    /// Builds the settings that trust these authorities; without any, all certificates are accepted.
    fn configure(&self, roots: Option<RootCertStore>) -> Result<Arc<ClientConfig>, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?;
        let builder = match roots {
            None => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate { provider }))
            }
            Some(roots) => {
                let named = self.named.clone();
                let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .map_err(|error| TlsError::Verifier(error.to_string()))?;
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(NamedCertificates { named, usual }))
            }
        };
        let mut config = match &self.client {
            None => builder.with_no_client_auth(),
            Some(client) => builder
                .with_client_auth_cert(client.chain.clone(), client.key.clone_key())
                .map_err(|error| TlsError::ClientCertificate { path: client.path.clone(), error })?,
        };
        config.alpn_protocols = vec![self.protocol.to_vec()];
        Ok(Arc::new(config))
    }
}

/// Why a certificate can't be used, for people.
fn unusable(error: &rustls::Error) -> String {
    match error.to_string() {
        // What `openssl x509 -req` makes without an extension file.
        text if text.contains("UnsupportedCertVersion") => {
            "it is an X.509 v1 certificate: issue it as v3 (openssl x509 -req ... -extfile FILE)".to_owned()
        }
        text => text,
    }
}

/// Adds the system's authorities to these: on some systems hundreds of files.
fn with_the_systems(mut roots: RootCertStore) -> Result<RootCertStore, TlsError> {
    let native = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(native.certs);
    if roots.is_empty() {
        return Err(TlsError::NoAuthorities { reason: native.errors.into_iter().next() });
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::http::Authority;

    #[test]
    fn certificates_of_the_first_version_are_named() {
        let other = rustls::OtherError(Arc::new(webpki::Error::UnsupportedCertVersion));
        let error = rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other));
        assert!(unusable(&error).starts_with("it is an X.509 v1 certificate"), "{}", unusable(&error));
        assert_eq!(unusable(&rustls::Error::HandshakeNotComplete), "handshake not complete");
    }

    #[tokio::test]
    async fn an_event_loop_does_not_wait_for_the_systems_authorities() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open(folder.path()).unwrap();
        let options = TlsOptions { ca: Some(authority.file()), ..TlsOptions::default() };
        let tls = Tls::new(&options, b"http/1.1").unwrap();
        let target: Target = "https://localhost/".parse().unwrap();
        let mut ready = Box::pin(tls.ready(&target));
        assert!(ready.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        ready.await.unwrap();
        assert!(tls.config.initialized());
        assert!(tls.plan(&target).unwrap().is_some());
        let plain: Target = "http://localhost/".parse().unwrap();
        let ready = std::pin::pin!(tls.ready(&plain)).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(ready, Poll::Ready(Ok(()))));
    }
}

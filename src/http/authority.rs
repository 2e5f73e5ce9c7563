//! The certificate authority of a user's mocks: created at first use and kept in a folder. It issues every certificate that
//! a mock presents.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData as _, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;

/// The certificate that clients have to trust.
const CERTIFICATE: &str = "ca.pem";

/// The key and the certificate that it belongs to. One file holds both, so that they cannot get separated.
const KEY: &str = "ca-key.pem";

/// Validity of a server certificate, in days. Some programs reject certificates that are valid for more than 825 days.
const DAYS: i64 = 397;

/// Days by which a certificate is backdated, since clocks of other machines may be behind.
const EARLIER: i64 = 1;

/// The certificate authority of a user's mocks.
pub struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

/// Why there is no certificate authority, or why it cannot issue a certificate.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Neither the environment nor the system names a folder for the user's data.
    #[error(
        "HOME is not set, so there is no default folder for the certificate authority: give one with \
        --ca-dir DIR"
    )]
    NoFolder,
    /// A file of the authority can't be read or written.
    #[error("the certificate authority can't be kept in {}: {error}; name another folder with --ca-dir DIR", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The key file holds something else.
    #[error(
        "{} is not the key and certificate of an authority ({why}): remove it, and the next use creates \
        a new one, which has to be trusted again",
        path.display()
    )]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A certificate can't be made.
    #[error("no certificate can be issued for {}: {error}", names.join(", "))]
    Issue {
        /// The names that the certificate is for.
        names: Vec<String>,
        /// What is wrong.
        error: rcgen::Error,
    },
    /// TLS can't be set up with the certificate.
    #[error("TLS can't be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// The server side of TLS: a certificate and its key.
#[derive(Clone, Debug)]
pub struct ServerTls(pub(super) Arc<ServerConfig>);

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Authority {
    /// Returns the default folder of this user's authority: below the XDG data folder, on Windows below the local
    /// application data. `variable` looks up an environment variable.
    ///
    /// # Errors
    ///
    /// If neither is known.
    pub fn usual_folder(
        variable: impl Fn(&str) -> Option<std::ffi::OsString>,
    ) -> Result<PathBuf, AuthorityError> {
        let folder = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let data = folder("XDG_DATA_HOME")
            .or_else(|| folder("LOCALAPPDATA").filter(|_| cfg!(windows)))
            .or_else(|| Some(folder("HOME").or_else(|| folder("USERPROFILE"))?.join(".local").join("share")));
        Ok(data.ok_or(AuthorityError::NoFolder)?.join("airudder-mock").join("ca"))
    }

    /// Opens the authority kept in a folder, and creates it if there is none. If several programs create one at the same
    /// moment, all of them get the same one.
    ///
    /// # Errors
    ///
    /// If the folder can't be used, or if a file in it holds something else.
    pub fn open(folder: &Path) -> Result<Self, AuthorityError> {
        let key_file = folder.join(KEY);
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error| AuthorityError::File { path, error }
        };
        let text = match std::fs::read_to_string(&key_file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_folder(folder).map_err(at(folder))?;
                publish(&key_file, &made()?).map_err(at(&key_file))?;
                std::fs::read_to_string(&key_file).map_err(at(&key_file))?
            }
            Err(error) => return Err(at(&key_file)(error)),
        };
        let (issuer, certificate) =
            read(&text).map_err(|why| AuthorityError::Broken { path: key_file, why })?;
        let authority = Self { folder: folder.to_owned(), issuer, certificate };
        let (copy, pem) = (authority.file(), pem_of(&authority.certificate));
        if !std::fs::read_to_string(&copy).is_ok_and(|there| there == pem) {
            replace(&copy, pem.as_bytes()).map_err(at(&copy))?;
        }
        Ok(authority)
    }

    /// The folder of the authority.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of its certificate, in PEM format.
    pub fn file(&self) -> PathBuf {
        Self::certificate_in(&self.folder)
    }

    /// The path of the certificate of an authority kept in this folder.
    pub fn certificate_in(folder: &Path) -> PathBuf {
        folder.join(CERTIFICATE)
    }

    /// Its certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Issues a certificate for these names and addresses and returns the server side of TLS.
    ///
    /// # Errors
    ///
    /// If no certificate can be issued for one of the names.
    pub fn issue(&self, names: &[String]) -> Result<ServerTls, AuthorityError> {
        let refused = |error| AuthorityError::Issue { names: names.to_owned(), error };
        let bare: Vec<String> = names.iter().map(|name| bare(name)).collect();
        let mut params = CertificateParams::new(bare).map_err(refused)?;
        params.distinguished_name = named("airudder-mock");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let (yesterday, end) = (from_now(-EARLIER), from_now(DAYS));
        params.not_before = date_time_ymd(yesterday.0, yesterday.1, yesterday.2);
        params.not_after = date_time_ymd(end.0, end.1, end.2);
        let key = KeyPair::generate().map_err(refused)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(refused)?;
        let chain = vec![certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        // A client that supports both gets HTTP/1.1, as over a plain connection.
        config.alpn_protocols = vec![b"http/1.1".to_vec(), b"h2".to_vec()];
        Ok(ServerTls(Arc::new(config)))
    }
}

/// Returns a name in the form that certificates use.
fn bare(name: &str) -> String {
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    match name.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => name.trim_end_matches('.').to_ascii_lowercase(),
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut all = DistinguishedName::new();
    all.push(DnType::OrganizationName, "airudder-mock, for tests on this machine");
    all.push(DnType::CommonName, name);
    all
}

/// Returns the date `days` days from now as year, month, day.
fn from_now(days: i64) -> (i32, u8, u8) {
    let date = TimeZone::UTC.to_datetime(Timestamp::now()).date().saturating_add(days.days());
    (date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
}

/// The parameters of the certificate of an authority with this key. Its name follows from the key: issuing needs the key
/// alone, and two authorities are never mistaken for each other.
fn params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    let identifier = params.key_identifier(key);
    let short: String = identifier.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    params.distinguished_name = named(&format!("airudder-mock CA {short}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let yesterday = from_now(-EARLIER);
    params.not_before = date_time_ymd(yesterday.0, yesterday.1, yesterday.2);
    params.not_after = date_time_ymd(2049, 12, 31);
    params
}

/// Generates the file of a new authority.
fn made() -> Result<String, AuthorityError> {
    let failed = |error| AuthorityError::Issue { names: vec!["an authority".to_owned()], error };
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params(&key).self_signed(&key).map_err(failed)?;
    Ok(pem("PRIVATE KEY", &key.serialize_der()) + &pem_of(certificate.der()))
}

type Read = (Issuer<'static, KeyPair>, CertificateDer<'static>);

/// Reads the file of an authority. The error says what is wrong with it.
fn read(text: &str) -> Result<Read, String> {
    let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| format!("the key: {error}"))?;
    let key = KeyPair::try_from(&key).map_err(|error| format!("the key: {error}"))?;
    let certificate = CertificateDer::from_pem_slice(text.as_bytes())
        .map_err(|error| format!("the certificate: {error}"))?;
    let parsed =
        ParsedCertificate::try_from(&certificate).map_err(|error| format!("the certificate: {error}"))?;
    if parsed.subject_public_key_info().as_ref() != key.subject_public_key_info() {
        return Err("the certificate is of another key".to_owned());
    }
    Ok((Issuer::new(params(&key), key), certificate))
}

/// Encodes a certificate in PEM format.
pub(crate) fn pem_of(certificate: &CertificateDer<'_>) -> String {
    pem("CERTIFICATE", certificate)
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let text = BASE64_STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

/// Creates a folder that only its user may access, if it does not exist.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes a complete file next to `path`, readable by its owner alone, that is then moved into its place.
fn beside(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    static WRITTEN: AtomicU32 = AtomicU32::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let beside = path.with_file_name(format!(".{name}.{}.{number}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file: File = options.open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(beside)
}

/// Creates a file atomically unless it exists; the first process wins.
fn publish(path: &Path, text: &str) -> io::Result<()> {
    let beside = beside(path, text.as_bytes())?;
    let linked = match std::fs::hard_link(&beside, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // Not every file system supports links.
        Err(_) => create(path, text),
        Ok(()) => Ok(()),
    };
    // A file that can't be removed stays: it is never read.
    let _ = std::fs::remove_file(&beside);
    linked
}

/// Writes a file for its owner alone, unless one exists. For a moment others may read a part of it.
fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(mut file) => file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .inspect_err(|_| drop(std::fs::remove_file(path))),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes a file atomically, readable by every user.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = beside(path, bytes)?;
    #[cfg(unix)]
    std::fs::set_permissions(&beside, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    std::fs::rename(&beside, path).inspect_err(|_| drop(std::fs::remove_file(&beside)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777
    }

    #[test]
    fn it_is_made_once_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("data").join("ca");
        let first = Authority::open(&at).unwrap();
        let pem = std::fs::read_to_string(first.file()).unwrap();
        assert_eq!(pem, pem_of(first.certificate()));
        assert_eq!((mode(&at), mode(&at.join(KEY)), mode(&first.file())), (0o700, 0o600, 0o644));
        // The copy is restored; everything else in the folder is gone.
        std::fs::remove_file(first.file()).unwrap();
        let again = Authority::open(&at).unwrap();
        assert_eq!(std::fs::read_to_string(again.file()).unwrap(), pem);
        assert_eq!(std::fs::read_dir(&at).unwrap().count(), 2);
    }

    #[test]
    fn of_several_that_make_one_all_get_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("ca");
        let made: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| Authority::open(&at).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap().certificate().clone()).collect()
        });
        assert!(made.iter().all(|certificate| *certificate == made[0]));
    }

    #[test]
    fn without_links_the_first_one_stays_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join(KEY);
        create(&key, "the first").unwrap();
        create(&key, "the second").unwrap();
        assert_eq!(std::fs::read_to_string(&key).unwrap(), "the first");
        assert_eq!(mode(&key), 0o600);
    }

    #[test]
    fn what_is_no_authority_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join(KEY);
        let two = [made().unwrap(), made().unwrap()];
        let mixed = [
            two[0].split("-----BEGIN CERT").next().unwrap(),
            &two[1][two[1].find("-----BEGIN CERT").unwrap()..],
        ]
        .concat();
        let mut messages = Vec::new();
        for text in ["", "nonsense", two[0].split("-----BEGIN CERT").next().unwrap(), &mixed] {
            std::fs::write(&key, text).unwrap();
            let error = Authority::open(folder.path()).unwrap_err().to_string();
            messages.push(error.replace(&key.display().to_string(), "ca-key.pem"));
        }
        insta::assert_snapshot!(messages.join("\n"));
    }

    #[test]
    fn its_folder_follows_the_rules_of_xdg() {
        let folder = |variables: &[(&str, &str)]| {
            let look = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into())
            };
            Authority::usual_folder(look).map(|folder| folder.display().to_string()).ok()
        };
        let home = ("HOME", "/home/a");
        assert_eq!(folder(&[home]).as_deref(), Some("/home/a/.local/share/airudder-mock/ca"));
        assert_eq!(folder(&[home, ("XDG_DATA_HOME", "/data")]).as_deref(), Some("/data/airudder-mock/ca"));
        // The XDG specification says to ignore a path that is not absolute.
        assert_eq!(folder(&[home, ("XDG_DATA_HOME", "data")]), folder(&[home]));
        assert_eq!(folder(&[]), None);
    }

    #[test]
    fn names_as_people_write_them() {
        assert_eq!(["[::1]", "API.Example.", "0:0::1"].map(bare), ["::1", "api.example", "::1"]);
    }
}

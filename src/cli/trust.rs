//! How programs trust the certificate authority of the mocks and use their proxy: the files they read, and the variables that
//! name these files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use sha1::{Digest as _, Sha1};

use super::{CommandError, cannot_write};
use crate::http::{Authority, pem_of, replace};

/// Routes connections of Node.js through the proxy, where Node.js does not do so by itself.
const NODE: &str = include_str!("trust/node.cjs");

/// Protects a Java keystore against accidental changes. It is the well-known default.
const PASSWORD: &str = "changeit";

/// Hosts that are reached without the proxy.
const DIRECT: &str = "localhost,127.0.0.1,::1";

/// The files by which programs trust the authority. Files that replace the system's authorities contain these, too.
#[derive(Clone, Debug)]
pub(super) struct TrustFiles {
    /// The authority's certificate alone.
    pub(super) certificate: PathBuf,
    /// The certificates of the system's authorities and of this one.
    pub(super) bundle: PathBuf,
    /// The same certificates for Java.
    pub(super) keystore: PathBuf,
    /// A folder with settings for PHP.
    pub(super) php: PathBuf,
    /// The file that Node.js must load first.
    pub(super) node: PathBuf,
}

/// A proxy, and the hosts that it serves.
#[derive(Clone, Debug)]
pub(super) struct Proxied {
    pub(super) url: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) hosts: Vec<String>,
}

impl TrustFiles {
    /// Writes the files beside the authority.
    pub(super) fn write(authority: &Authority) -> Result<Self, CommandError> {
        let folder = authority.folder();
        let files = Self {
            certificate: authority.file(),
            bundle: folder.join("bundle.pem"),
            keystore: folder.join("truststore.jks"),
            php: folder.join("php"),
            node: folder.join("node.cjs"),
        };
        // On a machine without authorities this is the only one.
        let mut all = rustls_native_certs::load_native_certs().certs;
        // It is already included if SSL_CERT_FILE names a bundle written here before.
        if !all.contains(authority.certificate()) {
            all.push(authority.certificate().clone());
        }
        std::fs::create_dir_all(&files.php).map_err(|error| cannot_write(&files.php, &error))?;
        let ini = files.php.join("airudder-mock.ini");
        let bundle = files.bundle.display();
        let settings = format!("curl.cainfo = \"{bundle}\"\nopenssl.cafile = \"{bundle}\"\n");
        let pem: String = all.iter().map(pem_of).collect();
        for (path, bytes) in [
            (&files.bundle, pem.into_bytes()),
            (&files.keystore, keystore(&all)),
            (&ini, settings.into_bytes()),
            (&files.node, NODE.as_bytes().to_vec()),
        ] {
            put(path, &bytes).map_err(|error| cannot_write(path, &error))?;
        }
        Ok(files)
    }

    /// Returns the variables by which programs trust the authority and, with a proxy, use it. `given` returns the present
    /// values of the environment.
    pub(super) fn variables(
        &self,
        proxied: Option<&Proxied>,
        given: impl Fn(&str) -> Option<OsString>,
    ) -> Vec<(&'static str, OsString)> {
        let mut variables = BTreeMap::new();
        for name in ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"] {
            variables.insert(name, self.bundle.clone().into_os_string());
        }
        variables.insert("NODE_EXTRA_CA_CERTS", self.certificate.clone().into_os_string());
        // If the variable is set already, the default folder is not added.
        variables.insert("PHP_INI_SCAN_DIR", behind(given("PHP_INI_SCAN_DIR"), "", &self.php()));
        let java = behind(given("JAVA_TOOL_OPTIONS"), " ", &self.java(proxied));
        variables.insert("JAVA_TOOL_OPTIONS", java);
        if let Some(proxied) = proxied {
            for name in ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"] {
                variables.insert(name, OsString::from(&proxied.url));
            }
            let direct = behind(given("NO_PROXY").or_else(|| given("no_proxy")), ",", DIRECT);
            variables.insert("no_proxy", direct.clone());
            variables.insert("NO_PROXY", direct);
            variables.insert("NODE_USE_ENV_PROXY", "1".into());
            variables.insert("NODE_OPTIONS", behind(given("NODE_OPTIONS"), " ", &self.node()));
            variables.insert("AIRUDDER_MOCK_PROXY", OsString::from(&proxied.url));
            variables.insert("AIRUDDER_MOCK_PROXY_HOSTS", proxied.hosts.join(",").into());
        }
        variables.into_iter().collect()
    }

    /// Returns the folders that PHP must read besides its own settings. An empty part stands for the default folder.
    pub(super) fn php(&self) -> String {
        let separator = if cfg!(windows) { ";" } else { ":" };
        format!("{separator}{}", self.php.display())
    }

    /// Returns the options by which Node.js loads a file first.
    pub(super) fn node(&self) -> String {
        format!("--require \"{}\"", self.node.display().to_string().replace('\\', "\\\\"))
    }

    /// Returns the options of a Java program that trusts the authority and uses the proxy.
    pub(super) fn java(&self, proxied: Option<&Proxied>) -> String {
        let keystore = format!("-Djavax.net.ssl.trustStore={}", self.keystore.display());
        let mut options = match keystore.contains(char::is_whitespace) {
            true => format!("\"{keystore}\""),
            false => keystore,
        };
        options.push_str(" -Djavax.net.ssl.trustStoreType=JKS");
        if let Some(Proxied { host, port, .. }) = proxied {
            for scheme in ["https", "http"] {
                options.push_str(&format!(" -D{scheme}.proxyHost={host} -D{scheme}.proxyPort={port}"));
            }
            options.push_str(" -Dhttp.nonProxyHosts=localhost|127.*|[::1]");
        }
        options
    }
}

/// Appends to an existing value.
fn behind(given: Option<OsString>, separator: &str, more: &str) -> OsString {
    let mut all = given.unwrap_or_default();
    if !all.is_empty() {
        all.push(separator);
    }
    all.push(more);
    all
}

/// Writes a file unless it has the right content already.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match std::fs::read(path) {
        Ok(there) if there == bytes => Ok(()),
        _ => replace(path, bytes),
    }
}

/// Returns a keystore of certificates in the format that every version of Java reads: JKS.
fn keystore(certificates: &[CertificateDer<'_>]) -> Vec<u8> {
    const MAGIC: u32 = 0xFEED_FEED;
    const VERSION: u32 = 2;
    const TRUSTED: u32 = 2;
    let size = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let text = |text: &str| {
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        [&length.to_be_bytes(), text.as_bytes()].concat()
    };
    let mut all = [MAGIC.to_be_bytes(), VERSION.to_be_bytes(), size(certificates.len())].concat();
    for (number, certificate) in certificates.iter().enumerate() {
        all.extend(TRUSTED.to_be_bytes());
        all.extend(text(&format!("authority-{number}")));
        // The date of the entry, which is not used.
        all.extend(0_u64.to_be_bytes());
        all.extend(text("X.509"));
        all.extend(size(certificate.len()));
        all.extend_from_slice(certificate);
    }
    let mut digest = Sha1::new();
    for unit in PASSWORD.encode_utf16() {
        digest.update(unit.to_be_bytes());
    }
    digest.update(b"Mighty Aphrodite");
    digest.update(&all);
    all.extend(digest.finalize());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &str) -> TrustFiles {
        let at = |name: &str| Path::new(folder).join(name);
        TrustFiles {
            certificate: at("ca.pem"),
            bundle: at("bundle.pem"),
            keystore: at("truststore.jks"),
            php: at("php"),
            node: at("node.cjs"),
        }
    }

    fn proxied() -> Proxied {
        let (host, hosts) = ("127.0.0.1".to_owned(), vec!["a.example".to_owned(), "b.example".to_owned()]);
        Proxied { url: "http://127.0.0.1:1".to_owned(), host, port: 1, hosts }
    }

    #[test]
    fn what_the_environment_says_already_stays() {
        let given = |name: &str| match name {
            "NO_PROXY" => Some("own.example".into()),
            "NODE_OPTIONS" => Some("--no-warnings".into()),
            "JAVA_TOOL_OPTIONS" => Some("-Da=b".into()),
            "PHP_INI_SCAN_DIR" => Some("/own".into()),
            _ => None,
        };
        let lines = |proxied: Option<&Proxied>, given: &dyn Fn(&str) -> Option<OsString>| {
            let all = files("/a b").variables(proxied, given);
            all.iter().map(|(name, value)| format!("{name}={}\n", value.display())).collect::<String>()
        };
        insta::assert_snapshot!([lines(Some(&proxied()), &given), lines(None, &|_| None)].join("\n"));
    }

    /// The tests of the proxy check whether Java can read it.
    #[test]
    fn a_keystore_holds_its_certificates_and_a_digest() {
        let all = keystore(&[CertificateDer::from(vec![7; 3]), CertificateDer::from(vec![8])]);
        assert_eq!(all[..12], [0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2, 0, 0, 0, 2]);
        let entry = |name: &[u8], certificate: &[u8]| {
            let size = [0, 0, 0, certificate.len() as u8];
            [&[0, 0, 0, 2, 0, 11][..], name, &[0; 8], b"\0\x05X.509", &size, certificate].concat()
        };
        let entries = [entry(b"authority-0", &[7; 3]), entry(b"authority-1", &[8])].concat();
        assert_eq!(all[12..all.len() - 20], entries);
    }
}

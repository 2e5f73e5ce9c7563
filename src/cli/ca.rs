//! `ca`: manages the certificate authority of the mocks, and shows how programs can trust it.

use std::path::PathBuf;

use super::authority::CaDir;
use super::shell::quoted;
use super::trust::TrustFiles;
use super::{CommandError, Exit, cannot_write};
use crate::files::visible;

const EXAMPLES: &str = "\
Examples:
  airudder-mock ca
      Prints the file of the authority's certificate and, for each language, the variable that makes its \
      programs trust it.
  eval \"$(airudder-mock ca)\"
      Sets these variables in a shell.
  airudder-mock ca --export ca.pem
      Copy the certificate, for a container image or another machine.";

/// The arguments of `ca`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Write the certificate to this file, in PEM format, and print only the file's name.
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    #[command(flatten)]
    ca: CaDir,
}

pub(super) fn run(args: &Args) -> Result<Exit, CommandError> {
    let authority = args.ca.open()?;
    if let Some(path) = &args.export {
        let copied = std::fs::copy(authority.file(), path);
        copied.map_err(|error| cannot_write(path, &error))?;
        return super::print(&format!("{}\n", visible(&path.display().to_string())));
    }
    super::print(&help(&TrustFiles::write(&authority)?))
}

/// Returns commands for a shell, with comments for people.
fn help(files: &TrustFiles) -> String {
    let (own, bundle) = (files.certificate.display().to_string(), files.bundle.display().to_string());
    let (own, bundle) = (quoted(&own), quoted(&bundle));
    let (php, java, node) = (quoted(&files.php()), quoted(&files.java(None)), quoted(&files.node()));
    format!(
        "\
# The certificate authority of your mocks is in {own}
# No program trusts it until you tell it to. Its key is stored beside it: anyone with that key can impersonate any host to
# programs that trust it. bundle.pem also contains the system's authorities.

# curl: or curl --cacert {own}
export CURL_CA_BUNDLE={bundle}
# Python: requests
export REQUESTS_CA_BUNDLE={bundle}
# Python: urllib and httpx. Go, Ruby, Perl, .NET on Linux
export SSL_CERT_FILE={bundle}
# Node.js
export NODE_EXTRA_CA_CERTS={own}
# Java
export JAVA_TOOL_OPTIONS={java}
# PHP: curl and streams
export PHP_INI_SCAN_DIR={php}

# For `serve --proxy`: Node.js uses https_proxy from 22.21 and 24.5 on with
#   export NODE_USE_ENV_PROXY=1
# and before that with
#   export NODE_OPTIONS={node}
# Java takes -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=8081, and Ruby uses http_proxy instead of https_proxy

# For a whole machine, if you must:
#   Debian, Ubuntu: cp {own} /usr/local/share/ca-certificates/airudder-mock.crt && update-ca-certificates
#   Fedora:         trust anchor {own}
#   macOS:          security add-trusted-cert -k ~/Library/Keychains/login.keychain-db {own}
#   Windows, .NET:  certutil -user -addstore Root {own}
"
    )
}

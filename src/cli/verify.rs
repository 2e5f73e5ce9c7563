//! `verify`: checks the signature of a body, and says what is wrong with it.

use std::path::Path;

use jiff::Timestamp;

use super::sign::{SignerArgs, path_for, read_body};
use super::{CommandError, Exit, argument};
use crate::contract::signature::{Received, Scheme, Signer};
use crate::net::Headers;

const EXAMPLES: &str = "\
Prints `valid` and exits with 0, or says what is wrong with the signature and exits
with 1.
To explain a mismatch it tries other encodings of the digest, the body re-serialised
as the JSON libraries of common languages do, line ends and byte order marks, white
space around the secret, and other algorithms and presets.

Examples:
  A signature from a log, against the body as it was received:
      airudder-mock verify --secret s3cret --signature 5f1c... < body.json
  With the headers as received, for schemes with a timestamp:
      airudder-mock verify --preset standard-webhooks \\
          --secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw \\
          --header 'webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek' \\
          --header 'webhook-timestamp: 1614265330' \\
          --header 'webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=' \\
          --now 1614265330 < body.json
  Sign and verify in one line:
      airudder-mock verify --signature \"$(airudder-mock sign --value-only < body.json)\" < body.json

The vendor's own algorithm is not public. The preset `airudder` is assumed; see docs/signing.md.";

/// The arguments of `verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    signer: SignerArgs,
    /// The signature, as in its header.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    signature: Option<String>,
    /// A header of the request. May be given more than once; headers that do not matter are ignored.
    #[arg(short = 'H', long, value_name = "NAME: VALUE", value_parser = argument::header)]
    header: Vec<(String, String)>,
    /// Path and query of the request, for schemes that sign it.
    #[arg(long, value_name = "PATH", value_parser = argument::path)]
    path: Option<String>,
    /// When the request was received, for schemes that check its age: Unix seconds, or a time like
    /// 2030-01-01T00:00:00Z. Default: now.
    #[arg(long, value_name = "TIME", value_parser = argument::moment, allow_hyphen_values = true)]
    now: Option<Timestamp>,
}

pub(super) fn run(args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    let (settings, scheme) = args.signer.settings(config)?;
    let headers = headers(&scheme, args.header, args.signature)?;
    let signer = Signer::try_new(scheme, &settings.secret).map_err(CommandError::usage)?;
    let path = path_for(signer.scheme(), args.path.as_deref())?;
    let body = read_body()?;
    let now = args.now.unwrap_or_else(Timestamp::now);
    match signer.verify(&Received { body: &body, path, headers: &Headers::from(&headers[..]), now }) {
        Ok(()) => super::print("valid\n"),
        Err(mismatch) => {
            let hints: String = mismatch.hints.iter().map(|hint| format!("  {hint}\n")).collect();
            super::print(&format!("invalid: {mismatch}\n{hints}"))?;
            Ok(Exit::Failed)
        }
    }
}

/// Returns the given headers, including the signature.
fn headers(
    scheme: &Scheme,
    mut headers: Vec<(String, String)>,
    signature: Option<String>,
) -> Result<Vec<(String, String)>, CommandError> {
    let name = &scheme.header;
    match signature {
        None if headers.is_empty() => Err(CommandError::usage(format!(
            "there is no signature to verify: add `--signature TEXT`, or `--header '{name}: TEXT'`"
        ))),
        Some(_) if headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) => {
            Err(CommandError::usage(format!(
                "the signature is given twice: by --signature and by the header {name}"
            )))
        }
        signature => {
            headers.extend(signature.map(|signature| (name.to_string(), signature)));
            Ok(headers)
        }
    }
}

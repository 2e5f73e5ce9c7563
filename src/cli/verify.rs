//! `verify`: checks the signature of a body, and says what is wrong with it.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::sign::{SignerArgs, path_for, read_body};
use super::{CommandError, Exit, argument};
use crate::contract::signature::{Received, Scheme, Signer, TimestampUnit};
use crate::net::Headers;

const EXAMPLES: &str = "\
Prints `valid` and exits with 0, or says what is wrong with the signature and exits with 1.

To explain a mismatch it tries other encodings of the digest, the body re-serialised \
as the JSON libraries of common languages do, line ends and byte order marks, white \
space around the secret, and other algorithms and presets.

Examples:
  A signature from a log, against the body as it was received:
      airudder-mock verify --secret s3cret --signature 5f1c... < body.json
  For schemes with a timestamp, with the headers as received; `--timestamp`, `--nonce` \
  and `--signature` take their values alone:
      airudder-mock verify --preset standard-webhooks \\
          --secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw \\
          --header 'webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek' \\
          --header 'webhook-timestamp: 1614265330' \\
          --signature v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= \\
          --now 1614265330 < body.json
  Sign and verify in one line:
      airudder-mock verify --signature \\
          \"$(airudder-mock sign --value-only < body.json)\" < body.json

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
    /// The timestamp of the message, for schemes with a header for it: Unix seconds or milliseconds, or a time like
    /// 2030-01-01T00:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = argument::signed_moment, allow_hyphen_values = true)]
    timestamp: Option<Timestamp>,
    /// The message's id, for schemes with a header for it.
    #[arg(long, value_name = "ID", value_parser = argument::id)]
    nonce: Option<String>,
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
    let timestamp = args.timestamp.map(|moment| match scheme.timestamp_unit {
        TimestampUnit::Seconds => moment.as_second().to_string(),
        TimestampUnit::Milliseconds => moment.as_millisecond().to_string(),
    });
    let given = [
        Given { option: "--signature", header: Some(&scheme.header), value: args.signature },
        Given { option: "--timestamp", header: scheme.timestamp_header.as_ref(), value: timestamp },
        Given { option: "--nonce", header: scheme.nonce_header.as_ref(), value: args.nonce },
    ];
    let headers = headers(&scheme, args.header, given)?;
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

/// A value of a header that has an option of its own.
struct Given<'a> {
    option: &'static str,
    /// The header, if the scheme has one for this.
    header: Option<&'a Arc<str>>,
    value: Option<String>,
}

/// Returns the given headers, including those that have an option of their own.
fn headers(
    scheme: &Scheme,
    mut headers: Vec<(String, String)>,
    given: [Given<'_>; 3],
) -> Result<Vec<(String, String)>, CommandError> {
    if headers.is_empty() && given.iter().all(|given| given.value.is_none()) {
        return Err(CommandError::usage(format!(
            "there is no signature to verify: add `--signature TEXT`, or `--header '{}: TEXT'`",
            scheme.header
        )));
    }
    for Given { option, header, value } in given {
        let Some(value) = value else { continue };
        let what = option.trim_start_matches('-');
        let Some(name) = header else {
            let message = format!("this scheme has no header for a {what}: leave {option} out");
            return Err(CommandError::usage(message));
        };
        if headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            let message = format!("the {what} is given twice: by {option} and by the header {name}");
            return Err(CommandError::usage(message));
        }
        headers.push((name.to_string(), value));
    }
    Ok(headers)
}

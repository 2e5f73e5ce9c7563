//! `sign`: prints the headers that the mock would send with a body read from standard input.

use std::io::{self, IsTerminal, Read};
use std::path::Path;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{CommandError, Exit, argument};
use crate::contract::signature::{Part, Preset, Scheme, Signer, Signing};
use crate::settings::{Flags, Settings};

const EXAMPLES: &str = "\
The body is signed byte for byte. `echo` adds a newline that is signed too; `printf` does not.

Examples:
  The header of a body in a file:
      airudder-mock sign < body.json
  A request with the right signature:
      curl -H \"$(airudder-mock sign --secret s3cret < body.json)\" \\
          --data-binary @body.json URL
  Only the signature, by another scheme:
      printf '%s' '{\"id\":1}' |
          airudder-mock sign --preset md5-body-secret --value-only
  A fixed time and id, for a test vector:
      airudder-mock sign --preset standard-webhooks \\
          --secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw \\
          --nonce msg_p5jXN8AQM9LWM0D4loKWxJek \\
          --timestamp 1614265330 < body.json

The vendor's own algorithm is not public. The preset `airudder` is assumed; see docs/signing.md.";

/// The arguments of `sign`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    signer: SignerArgs,
    /// Path and query of the request, for schemes that sign it.
    #[arg(long, value_name = "PATH", value_parser = argument::path)]
    path: Option<String>,
    /// The time of signing, for schemes that sign it: Unix seconds or milliseconds, or a time like
    /// 2030-01-01T00:00:00Z. Default: now.
    #[arg(long, value_name = "TIME", value_parser = argument::signed_moment, allow_hyphen_values = true)]
    timestamp: Option<Timestamp>,
    /// The message's id, for schemes that sign it. Default: derived from the body and the time.
    #[arg(long, value_name = "ID", value_parser = argument::id)]
    nonce: Option<String>,
    /// Sign a request to the mock, and put this key into its key header.
    #[arg(long, value_name = "ID", value_parser = argument::id)]
    key_id: Option<String>,
    /// Print only the signature, without the name of its header.
    #[arg(long)]
    value_only: bool,
    /// Print the headers as one JSON object.
    #[arg(long, conflicts_with = "value_only")]
    json: bool,
}

/// Which scheme and which secret: the arguments that `sign` and `verify` share.
#[derive(Debug, clap::Args)]
pub(super) struct SignerArgs {
    /// The signing secret. Default: the environment variable AIRUDDER_MOCK_SECRET, or else the mock's default,
    /// `airudder-mock-secret`.
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
    /// The scheme. Default: `airudder`.
    #[arg(long, value_name = "NAME", value_parser = presets())]
    preset: Option<Preset>,
}

impl SignerArgs {
    /// Returns the settings, where a secret given here wins over the environment and the file, and the scheme: that of the
    /// preset, or else theirs.
    pub(super) fn settings(&self, config: Option<&Path>) -> Result<(Settings, Scheme), CommandError> {
        let flags = Flags { secret: self.secret.clone(), ..Flags::default() };
        let settings = Settings::load(config, flags).map_err(CommandError::problems)?;
        let scheme = match self.preset {
            Some(preset) => Scheme::preset(preset),
            None => crate::mock::scheme(&settings)?,
        };
        Ok((settings, scheme))
    }
}

pub(super) fn run(args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    let (settings, mut scheme) = args.signer.settings(config)?;
    if let Some(id) = args.key_id.as_deref() {
        let header = scheme.key.as_mut();
        let header =
            header.ok_or_else(|| CommandError::usage("this scheme has no header that names the key"))?;
        header.id = Some(id.into());
    }
    let signer = Signer::try_new(scheme, &settings.secret).map_err(CommandError::usage)?;
    let path = path_for(signer.scheme(), args.path.as_deref())?;
    let body = read_body()?;
    let now = args.timestamp.unwrap_or_else(Timestamp::now);
    let nonce = args.nonce.unwrap_or_else(|| made_nonce(&body, now));
    let signing = Signing { body: &body, path, now, nonce: &nonce };
    if args.value_only {
        return super::print(&format!("{}\n", signer.signature(&signing)));
    }
    let headers = if args.key_id.is_some() { signer.sign_request(&signing) } else { signer.sign(&signing) };
    if args.json {
        let object = headers.into_iter().map(|(name, value)| (name.to_string(), value.into())).collect();
        return super::print(&format!("{}\n", serde_json::Value::Object(object)));
    }
    super::print(&headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect::<String>())
}

/// Returns the path that is signed or verified. Only schemes that sign it need one.
pub(super) fn path_for<'a>(scheme: &Scheme, path: Option<&'a str>) -> Result<&'a str, CommandError> {
    match path {
        Some(path) => Ok(path),
        None if scheme.parts.contains(&Part::Path) => {
            Err(CommandError::usage("this scheme signs the path: add `--path /the/path?and=query`"))
        }
        None => Ok("/"),
    }
}

/// Reads the body, byte for byte.
pub(super) fn read_body() -> Result<Vec<u8>, CommandError> {
    let stdin = io::stdin().lock();
    if stdin.is_terminal() {
        anstream::eprintln!(
            "reading the body from the terminal, until Ctrl-D at the start of a line; each line ends with a newline, \
             which counts. From a file: `< body.json`"
        );
    }
    let mut body = Vec::new();
    stdin
        .take((MOST_MEGABYTES << 20) + 1)
        .read_to_end(&mut body)
        .map_err(|error| CommandError::start(format!("cannot read the body from standard input: {error}")))?;
    if body.len() as u64 > MOST_MEGABYTES << 20 {
        let message = format!("the body from standard input is larger than {MOST_MEGABYTES} MB");
        return Err(CommandError::usage(message));
    }
    Ok(body)
}

/// Maximum size of a body that is signed, verified or sent, in megabytes.
pub(super) const MOST_MEGABYTES: u64 = 256;

/// Makes an id for a message without one. It is the same for the same body at the same moment.
fn made_nonce(body: &[u8], now: Timestamp) -> String {
    let digest = Sha256::new().chain_update(now.as_nanosecond().to_be_bytes()).chain_update(body).finalize();
    let (head, _) = digest.split_at(12);
    format!("msg_{}", hex::encode(head))
}

pub(super) fn presets() -> impl TypedValueParser<Value = Preset> {
    PossibleValuesParser::new(Preset::ALL.map(Preset::as_str)).try_map(|name| name.parse::<Preset>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_nonce_differs_with_body_and_moment() {
        let (one, two) = (argument::moment("1").unwrap(), argument::moment("2").unwrap());
        assert_eq!(made_nonce(b"a", one), made_nonce(b"a", one));
        assert_ne!(made_nonce(b"a", one), made_nonce(b"b", one));
        assert_ne!(made_nonce(b"a", one), made_nonce(b"a", two));
    }
}

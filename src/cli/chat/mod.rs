//! `chat`: the end user's phone in the terminal, over the control surface of a running mock or of one started for it.

mod history;
mod line;
mod session;

use std::path::Path;

use self::session::{Session, Start};
use super::remote::{Remote, Where};
use super::{CommandError, Exit, taken};
use crate::engine::Speed;
use crate::mock::{Builder, CallbackUrl, Options};
use crate::seed::Seed;
use crate::settings::Flags;

const EXAMPLES: &str = "\
Examples:
  airudder-mock chat
      Uses the mock at http://127.0.0.1:2478, or starts one if none runs there.
  airudder-mock chat --callback-url http://127.0.0.1:3000/hook \\
          --listen 127.0.0.1:2478
      Starts a mock whose callbacks go to your system.
  airudder-mock chat --conversation CALL_ID
      Continues as the user of an existing conversation, such as one of a campaign.
  printf '%s\\n' hello /agent | airudder-mock chat
      From a script: each line is one message, and each waits for the answer to the previous one.

In the chat, /help lists the commands.";

/// The arguments of `chat`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    mock: Where,
    /// Join this conversation, by its call_id. Default: a new one, which begins with the first message.
    #[arg(long, value_name = "CALL_ID", conflicts_with_all = ["name", "number"])]
    conversation: Option<String>,
    /// Your name in a new conversation. Default: a name that fits the number.
    #[arg(long)]
    name: Option<String>,
    /// Your number in a new conversation, with the country code: +6281234567890. Default: a new one.
    #[arg(long)]
    number: Option<String>,
    /// Start a mock for this chat, even if one is running.
    #[arg(long, conflicts_with = "url")]
    start: bool,
    /// Start a mock for this chat, which sends its callbacks to this URL.
    #[arg(long, value_name = "URL", conflicts_with = "url")]
    callback_url: Option<String>,
    /// Start a mock for this chat, which listens on this address. Default: a free port on this machine.
    #[arg(long, value_name = "ADDR", conflicts_with = "url")]
    listen: Option<String>,
    /// Start a mock for this chat, whose clock runs at this speed. Default: 1.
    #[arg(long, value_name = "1|60|max", conflicts_with = "url", value_parser = super::argument::moving)]
    speed: Option<Speed>,
    /// Start a mock for this chat, with this seed of all random values. Default: a different one each time.
    #[arg(long, value_name = "N", conflicts_with = "url")]
    seed: Option<u64>,
}

pub(super) fn run(args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    let wants_own = args.start
        || args.callback_url.is_some()
        || args.listen.is_some()
        || args.speed.is_some()
        || args.seed.is_some();
    super::runtime()?.block_on(async {
        if !wants_own {
            let remote = args.mock.remote()?;
            // A mock that was named must be running; the default one may be.
            match remote.ask("ready", serde_json::Value::Null).await {
                Ok(_) => return Session::new(remote, start(args), false)?.run().await,
                Err(error) if args.mock.url.is_some() => return Err(error.into()),
                Err(_) => {}
            }
        }
        with_own(args, config).await
    })
}

fn start(args: Args) -> Start {
    Start { conversation: args.conversation, name: args.name, number: args.number }
}

/// Chats with a mock that runs as long as the chat.
async fn with_own(args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    let flags = Flags { callback_url: args.callback_url.clone(), ..Flags::default() };
    let prepared = super::prepare(config, &flags, args.listen.as_deref())?;
    let options = Options {
        callback_url: CallbackUrl::given(args.callback_url.as_ref()),
        seed: Seed(args.seed.unwrap_or_else(super::fresh_seed)),
        speed: args.speed.unwrap_or(Speed::Times(1.0)),
        kept: prepared.settings.journal,
        ..Options::default()
    };
    let builder =
        Builder::with(Ok(prepared), options).listen(args.listen.as_deref().unwrap_or("127.0.0.1:0"));
    let mock = match builder.assemble().await {
        Ok(mock) => mock,
        Err(error) => return Err(taken::why(error).await),
    };
    let session = Session::new(Remote::at(&mock.url())?, start(args), true)?;
    let mut outcome = Ok(Exit::Ok);
    mock.drive(async { outcome = session.run().await }).await;
    mock.close().await;
    outcome
}

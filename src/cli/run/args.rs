//! The arguments of `run`.

use std::ffi::OsString;
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::Value;

use crate::cli::CommandError;
use crate::cli::announce::AddressFiles;
use crate::cli::argument;
use crate::cli::reachable::ReceiverWait;
use crate::cli::stories::shipped_list;
use crate::cli::trace::TraceArgs;
use crate::engine::Speed;
use crate::scenario::load;
use crate::settings::Flags;
use crate::time::HumanDuration;

const EXAMPLES: &str = "\
Examples:
  airudder-mock run agent-transfer
      The embedded sample receiver receives the callbacks and responds as your server would.
  airudder-mock run agent-transfer --callback-url http://127.0.0.1:3000/hook
      Your own server receives them; it sends its requests to http://127.0.0.1:2478.
  airudder-mock run tests/*.toml --speed max --junit report.xml --quiet
      In CI: every story of a folder, as fast as possible.
  airudder-mock run first-transfer --speed max -- node receiver.js
      The same with your own server: it is started with the port to listen on in PORT, and stopped at the end.
  airudder-mock run agent-transfer --seed 42 --epoch 2030-01-01T00:00:00Z \\
          --speed max --record run.ndjson
      Sends the same bytes every time.";

/// Returns the closing lines of the help.
fn closing() -> String {
    format!("{EXAMPLES}\n\nStories that ship with the program:\n{}", shipped_list("  "))
}

/// The arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = closing())]
pub(in crate::cli) struct Args {
    /// Scenario files, or the names of stories that ship with the program: `first-transfer`. Several run concurrently.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) target: Flags,
    /// The seed of all random values, in place of the seeds in the files. Default: the seed of the first file that has
    /// one, or a different one each time.
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// The speed of the story's clock: 1, 60, ... times real time, or `max`, which jumps over every pause.
    #[arg(long, value_name = "1|60|max", default_value = "1", value_parser = argument::moving)]
    pub(super) speed: Speed,
    /// The time on the story's clock at the start, for example 2030-01-01T00:00:00Z. Default: now.
    #[arg(long, value_name = "TIME", value_parser = argument::epoch)]
    pub(super) epoch: Option<Timestamp>,
    /// The address on which the mock serves your requests. Port 0 picks a free one. Default: 127.0.0.1:2478; a free
    /// port with the embedded receiver or with a COMMAND, which gets the URL in AIRUDDER_MOCK_URL.
    #[arg(long, value_name = "ADDR")]
    pub(super) listen: Option<String>,
    #[command(flatten)]
    pub(super) address_files: AddressFiles,
    #[command(flatten)]
    pub(super) receiver_wait: ReceiverWait,
    /// With --speed max: how long, in real time, to wait for other programs. A request that a story awaits must arrive
    /// within this time [default: as long as the story says]; a receiver that refuses connections must accept them
    /// within this time, or it counts as an attempt [default: 5s].
    #[arg(long, value_name = "TIME")]
    pub(super) patience: Option<HumanDuration>,
    /// With --speed max: how long, in real time, your server may take to send a request after it accepted a callback,
    /// or after its last request, before the clock jumps ahead.
    #[arg(long, value_name = "TIME", default_value = "100ms")]
    pub(super) settle: HumanDuration,
    /// Continue a story after one of its expectations failed. Default: it stops and skips its remaining steps;
    /// `keep_going = true` in a file lets that story continue.
    #[arg(long)]
    pub(super) keep_going: bool,
    /// Time limit of the whole run, in real time: a story that has not ended by then fails. The time limit of a story
    /// on its own clock is `within` at the top of its file. Default: no limit.
    #[arg(long, value_name = "TIME")]
    pub(super) timeout: Option<HumanDuration>,
    /// Set a variable of the stories, in place of its value in the files: `--set amount=200`. JSON values keep their
    /// type.
    #[arg(long = "set", value_name = "VAR=VALUE", value_parser = argument::variable)]
    pub(super) set: Vec<(String, Value)>,
    /// Write everything that happens to this file, one JSON object per line.
    #[arg(long, value_name = "FILE.ndjson")]
    pub(super) record: Option<PathBuf>,
    /// Write a report as JSON.
    #[arg(long, value_name = "FILE.json")]
    pub(super) report: Option<PathBuf>,
    /// Write a report as JUnit XML, one test case per story.
    #[arg(long, value_name = "FILE.xml")]
    pub(super) junit: Option<PathBuf>,
    #[command(flatten)]
    pub(super) trace: TraceArgs,
    /// Show tokens and account secrets in the record and the trace, which are masked by default.
    #[arg(long)]
    pub(super) show_secrets: bool,
    /// Print only failures and the summary, without the timeline.
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// Your server, which is started for the run and stopped at its end. It gets environment variables: PORT, the port
    /// to listen on; AIRUDDER_MOCK_URL, the URL for its requests; AIRUDDER_MOCK_SECRET, the secret that signs
    /// callbacks; AIRUDDER_MOCK_CALLBACK_URL, AIRUDDER_MOCK_APP_KEY, _APP_SECRET, _SIGN_KEY and _SIGN_SECRET.
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}

impl Args {
    /// Recognises a COMMAND without the `--` before it, whose words were read as files.
    pub(super) fn check_files(&self) -> Result<(), CommandError> {
        let is_no_story =
            |path: &PathBuf| load::is_neither(path) && path.extension().is_none_or(|ending| ending != "toml");
        let Some(at) = self.files.iter().skip(1).position(is_no_story).filter(|_| self.command.is_empty())
        else {
            return Ok(());
        };
        let (stories, command) = self.files.split_at(at + 1);
        let line =
            |words: &[PathBuf]| words.iter().map(|word| format!(" {}", word.display())).collect::<String>();
        Err(CommandError::usage(format!(
            "`{}` is neither a file nor a story that ships with the program; a command that starts your server comes after `--`: \
             airudder-mock run{} --{}",
            command[0].display(),
            line(stories),
            line(command)
        )))
    }
}

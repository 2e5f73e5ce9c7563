//! `--trace`: writes the run into one file that a browser can open from disk.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{CommandError, cannot_write};
use crate::engine::Driver;
use crate::journal::{Kept, KeptLimits, Lines, Mask};
use crate::mock::Builder;
use crate::page::{Run, trace};

/// Maximum part of a run in a trace: its latest entries.
const LIMITS: KeptLimits = KeptLimits { entries: 50_000, bytes: 64 << 20, age: None };

/// Maximum number of conversations in a trace.
const CHATS: usize = 100;

/// Maximum number of messages of each conversation.
const MESSAGES: usize = 50;

/// The flags.
#[derive(Debug, clap::Args)]
pub(super) struct TraceArgs {
    /// Write a trace of the run to this file, which opens in a browser: the timeline with every byte, the
    /// conversations, the signatures, and the first failure.
    #[arg(long, value_name = "FILE.html")]
    trace: Option<PathBuf>,
    /// With --trace: write it only if the run failed.
    #[arg(long, requires = "trace")]
    trace_on_failure: bool,
}

/// The trace of a command, if one was requested.
pub(super) struct Tracing<'a>(Option<(&'a Path, bool, Kept, Mask)>);

/// How a run ended.
pub(super) struct Outcome {
    /// The command that was run.
    pub(super) command: String,
    /// Whether it passed.
    pub(super) passed: bool,
    /// The URL of the mock.
    pub(super) url: String,
    /// Other facts about the run.
    pub(super) facts: Vec<(&'static str, String)>,
    /// Whether tokens and secrets are shown.
    pub(super) show_secrets: bool,
}

impl<'a> Tracing<'a> {
    /// Starts to keep all entries for the trace. A file that could not be written at the end is an error now.
    pub(super) fn begin(args: &'a TraceArgs, builder: Builder) -> Result<(Self, Builder), CommandError> {
        let Some(path) = &args.trace else { return Ok((Self(None), builder)) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Err(error) = std::fs::read_dir(folder.unwrap_or(Path::new("."))) {
            return Err(cannot_write(path, &error));
        }
        if path.is_dir() {
            return Err(cannot_write(path, &std::io::ErrorKind::IsADirectory.into()));
        }
        let kept = Kept::new(LIMITS);
        Ok((Self(Some((path, args.trace_on_failure, kept.clone(), builder.mask()))), builder.sink(kept)))
    }

    /// Writes the trace, and prints where it is.
    pub(super) fn write(&self, driver: &Driver, outcome: Outcome) -> Result<(), CommandError> {
        let Some((path, only_failed, kept, mask)) = &self.0 else { return Ok(()) };
        if *only_failed && outcome.passed {
            return Ok(());
        }
        let Outcome { command, passed, url, mut facts, show_secrets } = outcome;
        let (signers, chats) = driver.look(|engine, now| {
            if !engine.hits().is_empty() {
                facts.push(("on purpose", engine.hits().to_string()));
            }
            let signers = engine.client_signers();
            let simulator = engine.simulator();
            let ids = simulator.chats(CHATS).into_iter().map(|chat| json!(chat)["conversation"].take());
            let chats =
                ids.filter_map(|id| simulator.chat(id.as_str()?, now)).map(|chat| shortened(json!(chat)));
            (signers, chats.collect::<Vec<Value>>())
        });
        let run =
            Run { command, passed, url, facts, left_out: kept.counts().dropped, chats, signers: &signers };
        let lines = Lines { timing: true, show_secrets, mask: mask.clone(), ..Lines::default() };
        let text = trace(run, &kept.after(0), &lines);
        std::fs::write(path, text).map_err(|error| cannot_write(path, &error))?;
        super::remark(&format!("trace: open {} in a browser", path.display()));
        Ok(())
    }
}

/// Returns a conversation with its last messages, without redundant data.
fn shortened(mut chat: Value) -> Value {
    if let Some(messages) = chat["messages"].as_array_mut() {
        messages.drain(..messages.len().saturating_sub(MESSAGES));
        for message in messages.iter_mut().filter_map(Value::as_object_mut) {
            message.retain(|key, _| !matches!(key.as_str(), "text" | "options"));
        }
    }
    chat
}

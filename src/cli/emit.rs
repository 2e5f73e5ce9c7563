//! `emit`: sends one callback at once, without a story.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::control::TOKEN_VARIABLE;
use super::remote::Remote;
use super::{CommandError, Exit, argument, body_field};
use crate::content::Country;
use crate::contract::{Catalog, Direction, fields};
use crate::delivery::{Attempt, QueuedCallback};
use crate::engine::{Clients, End, Engine};
use crate::files::read_within;
use crate::files::suggest::did_you_mean;
use crate::journal::{Entry, Event, Sink, assumed_text};
use crate::json::path_keys;
use crate::mock::{Builder, CallbackUrl, Options, StartError};
use crate::scenario::{Body, SendError};
use crate::seed::Seed;
use crate::settings::Flags;
use crate::simulator::Opening;
use crate::time::HumanDuration;

/// The default target of callbacks: the address of `airudder-mock receive`.
const DEFAULT_TARGET: &str = "http://127.0.0.1:2479/";

const EXAMPLES: &str = "\
Examples:
  airudder-mock emit session.transfer --print
      Shows the exact request with its signature, and sends nothing.
  airudder-mock emit session.transfer --set user.id=123 \\
          --set transfer.company=Indonesia
      Sends it to http://127.0.0.1:2479/, where `airudder-mock receive` listens.
  airudder-mock emit message.receive --set 'messages[0].content.text=hello'
  airudder-mock emit message.status --count 100 \\
          --callback-url http://127.0.0.1:3000/hook
  airudder-mock emit agent.transfer --into http://127.0.0.1:2478
      The running mock sends it as one of its own callbacks.
  echo '{\"any\": \"thing\"}' | airudder-mock emit session.end --body -
      Signs the body exactly as given and sends it.

All events: airudder-mock catalog";

/// The arguments of `emit`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The event id, for example session.transfer.
    event: String,
    /// Have a running mock send it, through its control surface, with the mock's own secret, callback URL, retries and
    /// journal. Give the URL of the mock or of one of its namespaces: `--into http://127.0.0.1:2478`.
    #[arg(long, value_name = "URL", conflicts_with_all = ["callback_url", "secret", "body", "print", "retry", "seed", "epoch"])]
    into: Option<String>,
    /// The control token of the mock given by --into, if it has one (`serve --control-token`).
    #[arg(long, value_name = "TOKEN", env = TOKEN_VARIABLE, hide_env_values = true)]
    control_token: Option<String>,
    #[command(flatten)]
    target: Flags,
    /// Override a field of the generated body: `--set user.id=123`. A value that is valid JSON is read as JSON. Digits
    /// become a string if the field is a string; quote them to be sure: `--set 'user.id="123"'`.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = argument::field)]
    set: Vec<(String, Value)>,
    /// Like --set, for a field or word that the vendor does not have: it is not reported as a likely typo.
    #[arg(long, value_name = "PATH=VALUE", value_parser = argument::field)]
    extra: Vec<(String, Value)>,
    /// Send the bytes of this file as the body; `-` reads standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["set", "extra"])]
    body: Option<PathBuf>,
    /// The number of callbacks to send, each with its own ids.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// Show the exact request with headers and signature, and send nothing.
    #[arg(long)]
    print: bool,
    /// Retry according to the delivery policy if the receiver does not accept it. Default: a single attempt.
    #[arg(long)]
    retry: bool,
    /// The seed of all random values. Default: a different one each time.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The country of the generated people, for example MX.
    #[arg(long, value_name = "CC", default_value = "ID")]
    country: Country,
    /// The time used in timestamps. Default: now.
    #[arg(long, value_name = "TIME", value_parser = argument::epoch)]
    epoch: Option<Timestamp>,
}

pub(super) fn run(args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    let mut prepared = super::prepare(config, &args.target, None)?;
    let settings = &mut prepared.settings;
    check_event(&prepared.catalog, &args.event)?;
    for doubt in doubts(&args) {
        super::remark(&format!("warning: {doubt}; use --extra if this is intended"));
    }
    if let Some(url) = &args.into {
        return into(&args, &Remote::at(url)?.with_token(args.control_token.clone()));
    }
    let raw = args.body.as_deref().map(read_body).transpose()?;
    let url = settings.callback_url.clone().unwrap_or_else(|| DEFAULT_TARGET.to_owned());
    if !args.retry {
        settings.deliver_once();
    }
    // A user who sends twice wants two different callbacks.
    let seed = Seed(args.seed.unwrap_or_else(super::fresh_seed));
    let now = args.epoch.unwrap_or_else(Timestamp::now);
    let options = Options {
        callback_url: match &args.target.callback_url {
            Some(url) => CallbackUrl::Only(url.clone()),
            None => CallbackUrl::Default(url),
        },
        seed,
        epoch: Some(now),
        clients: Clients::Open,
        max_in_flight: 16,
        ..Options::default()
    };
    let builder = Builder::with(Ok(prepared), options).sink(Lines { quiet: args.print });
    let queue_all = |engine: &mut Engine| {
        (0..args.count)
            .map(|number| {
                let seed = seed.derive("emit", u64::from(number));
                queue(engine, &args, raw.as_deref(), seed, now).map_err(CommandError::usage)
            })
            .collect::<Result<Vec<_>, CommandError>>()
    };
    if args.print {
        let mut engine = builder.engine()?;
        for callback in queue_all(&mut engine)? {
            print(&engine.preview(callback, now));
        }
        return Ok(Exit::Ok);
    }
    let (end, totals) = super::runtime()?.block_on(async {
        let mock = builder.service()?;
        mock.check_callback_urls().await.map_err(StartError::from)?;
        let driver = mock.driver();
        driver.with(|engine, _| queue_all(engine))?;
        Ok::<_, CommandError>((
            driver.drive(super::interrupted()).await,
            driver.with(|engine, _| engine.totals()),
        ))
    })?;
    if args.count > 1 {
        super::say(&format!("{} delivered, {} failed of {}", totals.delivered, totals.failed, totals.queued));
    }
    if end == End::Interrupted {
        let left = totals.pending + totals.in_flight + totals.waiting;
        super::say(&format!("interrupted; {left} not sent"));
        return Ok(Exit::Interrupted);
    }
    Ok(if totals.failed > 0 { Exit::Failed } else { Exit::Ok })
}

/// Lets a running mock send the callbacks.
fn into(args: &Args, remote: &Remote) -> Result<Exit, CommandError> {
    let given = args.set.iter().chain(&args.extra);
    let typed = given.map(|(path, value)| (path.clone(), body_field::typed(&args.event, path, value)));
    let body = argument::table(&typed.collect::<Vec<_>>());
    let fields = json!({ "event": args.event, "body": body, "country": args.country.code() });
    super::runtime()?.block_on(async {
        for _ in 0..args.count {
            let sent = remote.ask("emit", fields.clone()).await?;
            super::say(&format!("{} is callback {} of {}", args.event, sent["callback"], remote.url()));
        }
        Ok(Exit::Ok)
    })
}

fn check_event(catalog: &Catalog, event: &str) -> Result<(), CommandError> {
    match catalog.get(event) {
        Some(entry) if entry.direction == Direction::Callback => Ok(()),
        Some(_) => Err(CommandError::usage(format!(
            "`{event}` is a request that you make to the vendor, not a callback; `airudder-mock catalog` lists the callbacks"
        ))),
        None => {
            let near = did_you_mean(catalog.nearest(event, |entry| entry.direction == Direction::Callback));
            Err(CommandError::usage(format!(
                "there is no event `{event}`{near}\n`airudder-mock catalog` lists all events."
            )))
        }
    }
}

/// Returns the probable mistakes in the fields that are set.
fn doubts(args: &Args) -> Vec<String> {
    let Some(tree) = body_field::tree(&args.event) else { return Vec::new() };
    let typed =
        args.set.iter().map(|(path, value)| (path.clone(), body_field::typed(&args.event, path, value)));
    fields::doubts(&tree, &args.event, &argument::table(&typed.collect::<Vec<_>>()).into())
}

fn read_body(path: &Path) -> Result<Vec<u8>, CommandError> {
    if path == Path::new("-") {
        return super::sign::read_body();
    }
    read_within(path, super::sign::MOST_MEGABYTES)
        .map_err(|error| CommandError::usage(format!("{} can't be read: {error}", path.display())))
}

fn queue(
    engine: &mut Engine,
    args: &Args,
    raw: Option<&[u8]>,
    seed: Seed,
    now: Timestamp,
) -> Result<Arc<QueuedCallback>, SendError> {
    let opening = Opening { story: None, seed, country: args.country, locale: None, now };
    let session = engine.simulator().open(opening);
    let body = match raw {
        Some(raw) => Body::Raw(raw.to_owned()),
        None => {
            let usual = engine.simulator().emit(session, &args.event, Value::Null, now);
            let mut patch = Value::Object(serde_json::Map::new());
            let usual = usual?;
            for (path, value) in args.set.iter().chain(&args.extra) {
                let value = body_field::typed(&args.event, path, value);
                argument::put(&mut patch, path, as_usual(&usual, path, &value));
            }
            Body::Json(engine.simulator().emit(session, &args.event, patch, now)?)
        }
    };
    engine.send_alone(&args.event, body, session, now)
}

/// Converts digits to a text if the usual value is one, also for a callback whose fields the catalog does not know.
fn as_usual(usual: &Value, path: &str, value: &Value) -> Value {
    let pointer: String = path_keys(path).map(|key| format!("/{key}")).collect();
    match (usual.pointer(&pointer), value) {
        (Some(Value::String(_)), Value::Number(_) | Value::Bool(_)) => Value::String(value.to_string()),
        _ => value.clone(),
    }
}

/// Prints the request as it is written to the wire.
fn print(attempt: &Attempt) {
    let callback = &attempt.callback;
    let mut text = format!("{} {} HTTP/1.1\n", callback.method, callback.target.path_and_query());
    text.push_str(&format!("Host: {}\n", callback.target.authority()));
    for (name, value) in &attempt.headers {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text.push_str(&format!("Content-Length: {}\n\n", attempt.body.len()));
    text.push_str(&String::from_utf8_lossy(&attempt.body));
    super::say(&text);
}

/// Prints the result of each callback.
struct Lines {
    quiet: bool,
}

impl Sink for Lines {
    fn entry(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Assumed { id, what, refused } => {
                super::remark(&format!("note: {}", assumed_text(id, what, *refused)));
            }
            Event::Note(text) | Event::Found { message: text, .. } => super::remark(&format!("note: {text}")),
            _ if self.quiet => {}
            Event::Attempted { attempt, result, retry_at } => {
                let callback = &attempt.callback;
                let outcome = match &result.result {
                    Ok(answer) => {
                        let body = String::from_utf8_lossy(&answer.body);
                        let body: String = body.chars().filter(|c| !c.is_control()).take(200).collect();
                        format!("{} {body}", answer.status)
                    }
                    Err(failure) => format!("{}: {}", failure.class, failure.message),
                };
                let again = match retry_at {
                    Some(at) => {
                        let wait =
                            std::time::Duration::try_from(at.duration_since(entry.at)).unwrap_or_default();
                        format!("; attempt {} failed, next in {}", attempt.number, HumanDuration(wait))
                    }
                    None => String::new(),
                };
                super::say(&format!(
                    "{} to {} in {}: {outcome}{again}",
                    callback.event,
                    callback.target,
                    HumanDuration(result.elapsed)
                ));
            }
            Event::Ended { end, .. } if end.failure.is_some() && end.attempts > 1 => {
                super::say(&format!("given up after {} attempts", end.attempts));
            }
            _ => {}
        }
    }
}

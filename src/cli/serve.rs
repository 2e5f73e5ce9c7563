//! `serve`: the fake REST side, for as long as it is wanted.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::target_args::TargetArgs;
use super::timeline::Timeline;
use super::world::World;
use super::{CommandError, Exit};
use crate::api::Api;
use crate::contract::{Catalog, Direction, Provenance};
use crate::delivery::{Client, ClientOptions};
use crate::engine::{Callers, Clock, Driver, Engine, EngineOptions, Speed};
use crate::http::Server;
use crate::journal::{Journal, Recorder};
use crate::net::{Guard, Target};
use crate::seed::Seed;
use crate::settings::{AssumedFile, DEFAULT_LISTEN, Settings};
use crate::simulator::DEFAULT_APP_KEY;
use crate::simulator::user_endpoints::Custom;

/// The most attempts under way at the same time.
const MOST_IN_FLIGHT: usize = 64;

const EXAMPLES: &str = "\
Examples:
  airudder-mock serve --callback-url http://127.0.0.1:3000/hook
      Point the base URL of your AI Rudder client at http://127.0.0.1:2478.
  airudder-mock serve --listen 127.0.0.1:0 --port-file port.txt --speed max
      In CI: a free port, written to a file, and no waiting for simulated people.";

/// The arguments of `serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// The address to listen on. Port 0 picks a free one. Default: 127.0.0.1:2478.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Write the port to this file once the mock listens.
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
    /// The seed of all random values.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How fast the mock's clock runs: 1, 60, ... times real time, or `max`, which jumps to whatever happens next.
    #[arg(long, value_name = "1|60|max", default_value = "1")]
    speed: Speed,
    /// The time on the mock's clock at the start, for example 2030-01-01T00:00:00Z. Default: now.
    #[arg(long, value_name = "TIME", value_parser = super::assignment::moment)]
    epoch: Option<Timestamp>,
    /// Write everything that happens to this file, one JSON object per line.
    #[arg(long, value_name = "FILE.ndjson")]
    record: Option<PathBuf>,
    /// Show the secrets from the settings on the start page; the default ones are always shown.
    #[arg(long)]
    show_secrets: bool,
    /// Print nothing but the address.
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn run(args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    let world = World::load(config, args.target.flags(args.listen.clone()))?;
    super::runtime()?.block_on(serve(args, world))
}

async fn serve(args: Args, world: World) -> Result<Exit, CommandError> {
    let World { settings, catalog, signer } = world;
    let epoch = args.epoch.unwrap_or_else(Timestamp::now);
    let server =
        Server::bind(settings.listen.as_deref().unwrap_or(DEFAULT_LISTEN)).map_err(CommandError::start)?;
    let address = server.local_addr();
    let target: Option<Arc<Target>> = settings
        .callback_url
        .as_deref()
        .map(|url| url.parse().map(Arc::new).map_err(|error| CommandError::usage(format!("{url}: {error}"))))
        .transpose()?;

    let mut journal = Journal::default();
    if !args.quiet {
        journal.add_sink(Box::new(Timeline::new(epoch, false, args.speed == Speed::Max)));
    }
    let mut record = None;
    if let Some(path) = &args.record {
        let file = fs::File::create(path).map_err(|error| super::cannot_write(path, &error))?;
        let (recorder, handle) = Recorder::new(Box::new(file), true, None);
        journal.add_sink(Box::new(recorder));
        record = Some((path, handle));
    }
    let scheme = signer.scheme().describe();
    let engine = Engine::new(EngineOptions {
        catalog: Arc::clone(&catalog),
        signer,
        default_target: target.clone(),
        target_wins: args.target.callback_url.is_some(),
        policy: Arc::new(settings.policy.clone()),
        assumed: settings.assumed,
        seed: Seed(args.seed),
        behaviour: settings.behaviour(&usual_url(address), target.is_some()),
        faults: settings.faults.clone(),
        custom: Custom::new(&settings.custom, Seed(args.seed)),
        max_in_flight: MOST_IN_FLIGHT,
        journal,
    });
    let guard = Guard::allowing(&settings.allow).map_err(CommandError::usage)?;
    let options = ClientOptions { guard, tls: settings.tls.clone(), idle_per_target: MOST_IN_FLIGHT };
    let client = Client::new(options).map_err(CommandError::usage)?;
    if let Some(target) = &target {
        client.check(target).await.map_err(CommandError::usage)?;
    }
    let driver = Driver::new(engine, Clock::starting(epoch, args.speed), client, Callers::Lasting);
    let api = Api::new(driver.clone(), &catalog, settings.access).map_err(CommandError::usage)?;
    let interrupted = super::interrupted();
    if let Some(path) = &args.port_file {
        fs::write(path, format!("{}\n", address.port()))
            .map_err(|error| super::cannot_write(path, &error))?;
    }
    if args.quiet {
        super::say(&format!("http://{address}"));
    } else {
        super::say(&page(&args, &settings, &catalog, address, &scheme));
    }

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(move |call| api.answer(call), settings.limits.clone(), async {
        // Dropped or sent, both mean the end.
        let _ = stopped.await;
    }));
    driver.drive(interrupted).await;
    let _ = stop.send(());
    // Running exchanges end within the server's own limit.
    let _ = serving.await;
    let unsent = driver.with(|engine, _| engine.unfinished().len());
    if !args.quiet {
        let calls = if unsent == 1 { "callback was" } else { "callbacks were" };
        super::say(&format!("stopped; {unsent} {calls} not sent"));
    }
    if let Some((path, handle)) = record {
        handle.finish().map_err(|error| super::cannot_write(path, &error))?;
    }
    Ok(Exit::Ok)
}

/// How the mock is reached on this machine: an address that stands for all of it is nothing to connect to.
fn usual_url(address: SocketAddr) -> String {
    let reached = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    format!("http://{}", SocketAddr::new(reached, address.port()))
}

/// What somebody needs to know to make the first call.
fn page(args: &Args, settings: &Settings, catalog: &Catalog, address: SocketAddr, scheme: &str) -> String {
    let base = usual_url(address);
    let mut lines = vec![format!("AI Rudder mock    {base}   (HTTP/1.1 and HTTP/2)")];
    for account in &settings.accounts {
        let is_default = account.app_key == DEFAULT_APP_KEY;
        let secret = if is_default || args.show_secrets { &account.app_secret } else { "(see the settings)" };
        let mut line = format!("account           APPKey {}   APPSecret {secret}", account.app_key);
        if account.cipher.is_some() {
            line.push_str(match account.encryption {
                crate::simulator::Encryption::Off => "   encryption off",
                crate::simulator::Encryption::Accept => "   encryption accepted",
                crate::simulator::Encryption::Require => "   encryption required",
            });
        }
        lines.push(line);
        // The header's value beside the signature, for calls to /api/v1/*.
        lines.push(format!("chatbot calls     X-AIRudder-Sign-Key {}", account.sign_key));
    }
    match &settings.callback_url {
        Some(url) => lines.push(format!("callbacks         to {url}")),
        None => lines.push("callbacks         not sent: give --callback-url URL".to_owned()),
    }
    let default_secret = settings.secret == crate::contract::signature::DEFAULT_SECRET;
    let secret = if default_secret || args.show_secrets { &settings.secret } else { "(see the settings)" };
    lines.push(format!("signing           secret {secret}   {scheme}"));
    let assumed = catalog
        .entries()
        .iter()
        .filter(|entry| match entry.direction {
            Direction::Call => entry.routes.iter().all(|route| route.provenance == Provenance::Assumed),
            Direction::Callback => entry.provenance == Provenance::Assumed,
        })
        .count();
    let what = match settings.assumed {
        AssumedFile::Serve => "served silently",
        AssumedFile::Warn => "noted at first use",
        AssumedFile::Refuse => "refused",
    };
    lines.push(format!(
        "assumed           {assumed} of {} entries, {what}; `airudder-mock catalog` lists them",
        catalog.entries().len()
    ));
    lines.push(format!(
        "first call        curl -s {base}/service/cloud/auth -d 'APPKey={}' -d 'APPSecret={}'",
        settings.accounts.first().map_or(DEFAULT_APP_KEY, |account| &account.app_key),
        if settings.accounts.first().is_none_or(|account| account.app_key == DEFAULT_APP_KEY) {
            crate::simulator::DEFAULT_APP_SECRET
        } else {
            "..."
        }
    ));
    lines.push("stop              Ctrl-C\n".to_owned());
    lines.join("\n")
}

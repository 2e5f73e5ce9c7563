//! `receive`: a receiver for trying things out. It verifies and prints callbacks, and says why a signature is wrong.

mod looks;
mod show;

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::Notify;

use super::announce::AddressFiles;
use super::sign::SignerArgs;
use super::signals::Signals;
use super::{CommandError, Exit, taken};
use crate::contract::signature::{DEFAULT_SECRET, Signer};
use crate::http::{BindError, Limits, Server};
use crate::integrator::{Receiver, Verdict};
use crate::net::{HttpRequest, HttpResponse, Reply};
use crate::sync::lock;
use crate::time::HumanDuration;

const DEFAULT_LISTEN: &str = "127.0.0.1:2479";

const EXAMPLES: &str = "\
Requests to every path, with every method, count as callbacks. The signature is \
verified over the exact bytes received. An event that the catalog lists as signed \
must have a signature; others may. A wrong signature is reported, but gets the \
same response as a right one; with --refuse it gets a 401, as from a real \
receiver.

Stops on Ctrl-C or after --count, and then prints totals. Exits with 0 if no \
signature was wrong, and with 1 otherwise.

Examples:
  In one terminal, a receiver; in the other, a story sent to it:
      airudder-mock receive
      airudder-mock run agent-transfer \\
          --callback-url http://127.0.0.1:2479/hook
  See how failed deliveries are retried:
      airudder-mock receive --fail-first 2
  A slow receiver:
      airudder-mock receive --delay 12s
  Wait for three callbacks, save them, and fail if a signature is wrong:
      airudder-mock receive --count 3 --json > callbacks.ndjson

The vendor's own algorithm is not public. The preset `airudder` is assumed; \
see docs/signing.md.";

/// The arguments of `receive`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The address to listen on. Port 0 picks a free one, which is printed.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = DEFAULT_LISTEN)]
    listen: String,
    #[command(flatten)]
    address_files: AddressFiles,
    #[command(flatten)]
    signer: SignerArgs,
    /// The status of the responses.
    #[arg(long, value_name = "STATUS", default_value_t = 200, value_parser = clap::value_parser!(u16).range(200..=599))]
    answer: u16,
    /// The body of the responses. It is sent as JSON if it is valid JSON, and as plain text otherwise.
    #[arg(long, value_name = "TEXT", default_value = "{}", allow_hyphen_values = true)]
    body: String,
    /// Respond with 401 if the signature is wrong or missing, as a real receiver must. Default: it is only reported.
    #[arg(long)]
    refuse: bool,
    /// Respond with 500 to the first N callbacks.
    #[arg(long, value_name = "N", default_value_t = 0)]
    fail_first: u64,
    /// Wait this long before each response, for example `300ms` or `12s`.
    #[arg(long, value_name = "TIME", default_value = "0")]
    delay: HumanDuration,
    /// Print one line of JSON with all details for each callback. The other output goes to standard error.
    #[arg(long)]
    json: bool,
    /// Stop after N callbacks.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

pub(super) fn run(args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    let (settings, scheme) = args.signer.settings(config)?;
    let signer = Signer::try_new(scheme, &settings.secret).map_err(CommandError::usage)?;
    let of_routes = settings.routes.signers(signer.scheme());
    let scheme = signer.scheme().describe();
    let receiver = Receiver::new(signer, &settings.catalog).and(of_routes.into_iter().flatten());
    let endpoint = Arc::new(Endpoint {
        state: Mutex::new(State { receiver, unprinted: None, ended: 0 }),
        answer: answer(args.answer, args.body),
        refuse: args.refuse,
        fail_first: args.fail_first,
        delay: args.delay,
        json: args.json,
        count: args.count,
        done: Notify::new(),
    });
    super::runtime()?.block_on(async {
        let server = match Server::bind(&args.listen) {
            Ok(server) => server,
            Err(error @ BindError::Unreadable(_)) => return Err(CommandError::usage(error)),
            Err(error) => return Err(taken::by_whom(error).await),
        };
        let address = server.local_addr();
        let url = format!("http://{address}");
        let _files = args.address_files.write(address, &url).map_err(CommandError::start)?;
        endpoint.print_aside(&start_lines(server.local_addr(), &scheme, &settings.secret));
        let (exchanges, end) = (endpoint.clone(), endpoint.clone());
        let handler = move |request| exchanges.clone().exchange(request);
        // The vendor's side closes the connection when it stops waiting, which must be noticed.
        let limits = Limits { half_close: false, ..Limits::default() };
        let mut signals = Signals::catch();
        server
            .serve(handler, limits, async move {
                tokio::select! {
                    () = end.done.notified() => {}
                    _ = signals.next() => {}
                }
            })
            .await;
        let counts = endpoint.state().receiver.counts();
        endpoint.print_aside(&show::totals(counts));
        let unprinted = endpoint.state().unprinted.take();
        if let Some(error) = unprinted.filter(|error| error.kind() != std::io::ErrorKind::BrokenPipe) {
            return Err(super::cannot_print(error));
        }
        Ok(if counts.wrong == 0 { Exit::Ok } else { Exit::Failed })
    })
}

fn answer(status: u16, body: String) -> HttpResponse {
    let json = serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok();
    let content_type = if json { "application/json" } else { "text/plain; charset=utf-8" };
    HttpResponse {
        status,
        headers: vec![("content-type".into(), content_type.into())],
        body: Bytes::from(body),
    }
}

fn start_lines(addr: SocketAddr, scheme: &str, secret: &str) -> String {
    let secret = if secret == DEFAULT_SECRET {
        format!("the default, {DEFAULT_SECRET}")
    } else {
        show::masked(secret)
    };
    format!("receiving on http://{addr}/\nsignature: {scheme}\nsecret: {secret}\n")
}

/// The state shared by all exchanges.
struct Endpoint {
    state: Mutex<State>,
    answer: HttpResponse,
    /// Whether wrong signatures are refused.
    refuse: bool,
    fail_first: u64,
    delay: HumanDuration,
    json: bool,
    count: Option<u64>,
    /// Notified when the command must end.
    done: Notify,
}

struct State {
    receiver: Receiver,
    /// Why a callback could not be printed.
    unprinted: Option<std::io::Error>,
    /// Number of finished exchanges.
    ended: u64,
}

/// An exchange from callback to response. It also ends when a client stops waiting.
struct Running<'a>(&'a Endpoint);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.ended += 1;
        if self.0.count == Some(state.ended) {
            self.0.done.notify_one();
        }
    }
}

impl Endpoint {
    fn state(&self) -> MutexGuard<'_, State> {
        // The state is complete between any two of its changes.
        lock(&self.state)
    }

    async fn exchange(self: Arc<Self>, request: HttpRequest) -> Reply {
        let now = Timestamp::now();
        let (received, number) = {
            let mut state = self.state();
            let before = state.receiver.counts().received;
            if self.count.is_some_and(|count| before >= count) {
                // It arrived while the last one was being answered.
                return Reply::Close;
            }
            (state.receiver.receive(&request, now), before + 1)
        };
        let answer = match &received.verdict {
            Verdict::Wrong(mismatch) if self.refuse => {
                HttpResponse::json(401, &json!({ "message": mismatch.message }))
            }
            _ if number <= self.fail_first => self.failure(number),
            _ => self.answer.clone(),
        };
        let text = if self.json {
            show::json_line(&request, &received, now, number, answer.status)
        } else {
            show::block(&request, &received, now, answer.status)
        };
        self.print(&text);
        let _running = Running(&self);
        tokio::time::sleep(self.delay.0).await;
        answer.into()
    }

    fn failure(&self, number: u64) -> HttpResponse {
        let message = format!("failing on purpose, {number} of {}", self.fail_first);
        HttpResponse::json(500, &json!({ "message": message }))
    }

    /// Prints a callback. The command ends when the reader is gone.
    fn print(&self, text: &str) {
        let mut stdout = anstream::stdout().lock();
        if let Err(error) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            self.state().unprinted = Some(error);
            self.done.notify_one();
        }
    }

    /// Prints other lines to standard error, so that they do not mix with the lines of JSON.
    fn print_aside(&self, text: &str) {
        if self.json {
            // Nothing else can be done about a closed terminal.
            let _ = anstream::stderr().lock().write_all(text.as_bytes());
        } else {
            self.print(text);
        }
    }
}

//! Runs one check after the other, and judges the responses.

use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::baseline::Baseline;
use super::battery::{Battery, Check, Grade, Need};
use super::craft::Crafted;
use super::expect::{Yardstick, complaint, millis};
use super::kit::{Case, Kit};
use super::outside::{OutsideError, Probe, Restart};
use super::report::{Code, Counts, Finding, Outcome, Report, Threshold, Verdict};
use super::select::Selection;
use super::step::{Beside, Requests, Reuse, Step, Wire};
use super::wire::{Answer, Connection, Trouble};
use crate::http::Connector;
use crate::net::Target;
use crate::scenario::SendError;
use crate::time::HumanDuration;

/// The interval at which the probe is asked while a number is awaited.
const LOOK: Duration = Duration::from_millis(20);

/// Maximum time for a receiver to notice that a request broke off.
const TO_NOTICE: Duration = Duration::from_secs(1);

/// The language of a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// Python.
    Python,
    /// JavaScript in Node.js.
    Node,
}

/// The options of an audit.
#[derive(Clone, Debug)]
pub struct Options {
    /// The target of the callbacks.
    pub target: Target,
    /// The checks to run.
    pub selection: Selection,
    /// The accepted findings.
    pub baseline: Baseline,
    /// The grade from which on a finding makes the audit fail.
    pub threshold: Threshold,
    /// Returns how many events were processed.
    pub probe: Option<Probe>,
    /// Restarts the receiver.
    pub restart: Option<Restart>,
    /// Maximum time of a response that must be quick.
    pub quick: Duration,
    /// Maximum time of any response.
    pub timeout: Duration,
    /// Maximum time for the receiver to process the events it has accepted.
    pub work: Duration,
    /// How long the probe must stay unchanged before its number counts.
    pub settle: Duration,
    /// The language of the receiver. Default: derived from its responses.
    pub language: Option<Language>,
    /// The seed of the requests.
    pub seed: u64,
    /// The command that repeats the audit, without the name of a check.
    pub again: String,
}

/// The progress of an audit, for display.
pub enum Progress<'a> {
    /// A check begins.
    Begins(&'a Check),
    /// A request was sent, with this result.
    Exchange {
        /// The request as written to the wire.
        request: Vec<u8>,
        /// The response, or why there is none.
        came: String,
    },
    /// The receiver takes longer for a response than allowed. Reported once.
    Slow {
        /// The time of the response.
        took: Duration,
        /// How long the rest of the audit takes, if all responses take as long.
        left: Duration,
    },
    /// A check has ended.
    Outcome(&'a Outcome),
}

/// Runs the checks. When `interrupted` is over, the check under way and those after it are not judged.
///
/// # Errors
///
/// If the probe can't be run.
pub async fn audit(
    kit: &mut Kit,
    connector: &Connector,
    battery: &Battery,
    options: &Options,
    interrupted: impl Future<Output = ()>,
    mut tell: impl FnMut(Progress<'_>),
) -> Result<Report, OutsideError> {
    if let Some(probe) = &options.probe {
        probe.ask(connector).await?;
    }
    let (begun, began) = (Instant::now(), Timestamp::now());
    let mut player = Player {
        connector,
        options,
        failed: HashSet::new(),
        gone: None,
        slow: false,
        left: 0,
        language: options.language,
        tell: &mut tell,
    };
    let mut interrupted = pin!(interrupted);
    let mut is_interrupted = false;
    let mut checks = Vec::new();
    let selected: Vec<&Check> =
        battery.checks.iter().filter(|check| options.selection.takes(check)).collect();
    for (at, &check) in selected.iter().enumerate() {
        player.left = selected[at + 1..].iter().map(|check| check.requests()).sum();
        (player.tell)(Progress::Begins(check));
        let outcome = tokio::select! {
            biased;
            outcome = player.outcome(check, kit) => outcome,
            () = &mut interrupted => {
                is_interrupted = true;
                let never = |check: &&Check| Outcome::not_judged(check, "the audit was interrupted");
                checks.extend(selected[at..].iter().map(never));
                break;
            }
        };
        (player.tell)(Progress::Outcome(&outcome));
        checks.push(outcome);
    }
    let fails = |outcome: &Outcome| {
        outcome.open_finding().is_some() && options.threshold.is_reached_by(outcome.grade)
    };
    let passes = |id: &&str| {
        checks.iter().any(|outcome| outcome.id == **id && matches!(outcome.verdict, Verdict::Passed))
    };
    Ok(Report {
        format: "airudder-mock audit 1",
        version: env!("CARGO_PKG_VERSION"),
        url: options.target.to_string(),
        signed: kit.scheme().describe(),
        seed: options.seed,
        began: began.to_string(),
        seconds: seconds(begun.elapsed()),
        interrupted: is_interrupted,
        passed: !is_interrupted && !checks.iter().any(fails),
        counts: Counts::of(&checks),
        baseline_outdated: options.baseline.ids().filter(passes).map(str::to_owned).collect(),
        checks,
    })
}

/// Rounds to whole milliseconds, so that reports can be compared.
fn seconds(time: Duration) -> f64 {
    millis(time).as_secs_f64()
}

struct Player<'a> {
    connector: &'a Connector,
    options: &'a Options,
    failed: HashSet<String>,
    /// The check since which the receiver has stopped accepting connections.
    gone: Option<String>,
    /// Whether slow responses were reported.
    slow: bool,
    /// Number of sending steps in the remaining checks.
    left: u32,
    language: Option<Language>,
    tell: &'a mut dyn FnMut(Progress<'_>),
}

/// What is wrong, before it becomes a finding.
#[derive(Default)]
struct Complaint {
    came: String,
    curl: Option<String>,
    /// The status of the response, if there was one.
    status: Option<u16>,
}

/// Why a check ends before its last step.
enum Stop {
    Found(Complaint),
    NotJudged(String),
}

impl From<SendError> for Stop {
    fn from(error: SendError) -> Self {
        Self::NotJudged(error.to_string())
    }
}

impl From<OutsideError> for Stop {
    fn from(error: OutsideError) -> Self {
        Self::NotJudged(error.to_string())
    }
}

/// The state of a running check.
#[derive(Default)]
struct Run {
    /// Descriptions of what was sent.
    sent: Vec<String>,
    first: Option<u16>,
    /// Whether the latest callback was accepted.
    was_accepted: bool,
    kept: Option<Connection>,
    worked_before: u64,
    /// The usual number of the receiver's own requests.
    usual_requests: usize,
}

impl Player<'_> {
    async fn outcome(&mut self, check: &Check, kit: &mut Kit) -> Outcome {
        let begun = Instant::now();
        let (verdict, grade) = match self.obstacle(check, kit) {
            Some(why) => (Verdict::NotJudged(why), check.grade),
            None => self.verdict(check, kit).await,
        };
        Outcome {
            id: check.id.clone(),
            group: check.group.to_string(),
            grade,
            title: check.title.clone(),
            verdict,
            seconds: seconds(begun.elapsed()),
        }
    }

    /// Returns the verdict of a check and its grade. A receiver that terminates because of the check loses events, whatever
    /// the check is about.
    async fn verdict(&mut self, check: &Check, kit: &mut Kit) -> (Verdict, Grade) {
        let mut run = Run::default();
        let played = self.play(check, &mut kit.begin(&check.id), &mut run).await;
        let is_gone = self.connector.connect(&self.options.target).await.is_err();
        let found = match played {
            Ok(()) if !is_gone => return (Verdict::Passed, check.grade),
            Err(Stop::NotJudged(why)) if !is_gone => return (Verdict::NotJudged(why), check.grade),
            Err(Stop::Found(complaint)) => complaint,
            Ok(()) | Err(Stop::NotJudged(_)) => Complaint::default(),
        };
        self.failed.insert(check.id.clone());
        let mut finding = self.finding(check, &run, found, kit);
        if !is_gone {
            return (Verdict::Found(Box::new(finding)), check.grade);
        }
        self.gone = Some(check.id.clone());
        let before = if finding.came.is_empty() { "" } else { "; then " };
        finding.came.push_str(&format!("{before}the receiver had stopped accepting connections"));
        "A receiver that has ended accepts no callbacks until it is started again."
            .clone_into(&mut finding.why);
        let requests =
            if kit.url().is_none() { " Without --listen, its own requests go nowhere." } else { "" };
        finding.fix = format!("Your receiver ended: read its log, and fix the cause.{requests}");
        (finding.code, finding.accepted) = (None, None);
        (Verdict::Found(Box::new(finding)), Grade::Error)
    }

    /// Returns why a check can't be judged, if that is so.
    fn obstacle(&self, check: &Check, kit: &Kit) -> Option<String> {
        if let Some(id) = &self.gone {
            return Some(format!("the receiver has stopped accepting connections since `{id}`"));
        }
        if let Some(id) = check.behind.iter().find(|id| self.failed.contains(*id)) {
            return Some(format!("`{id}` failed, and this most likely has the same cause"));
        }
        let unsigned = |step: &&Step| {
            step.is_of_signatures() && step.send.as_ref().is_some_and(|event| !kit.is_signed(event))
        };
        if let Some(event) = check.steps.iter().find(unsigned).and_then(|step| step.send.as_ref()) {
            return Some(format!("`{event}` is not signed"));
        }
        let has_probe = self.options.probe.is_some();
        let missing = match check.needs? {
            Need::Probe if !has_probe => "needs --probe, which says how many events were processed",
            Need::Restart if !has_probe => "needs --probe and --restart",
            Need::Restart if self.options.restart.is_none() => "needs --restart with the command",
            Need::Requests if kit.url().is_none() => {
                "needs --listen, which serves the vendor's REST endpoints to your receiver"
            }
            Need::NextSecret if !kit.has_next() => "needs --next-secret with the next secret",
            Need::Timestamp if kit.scheme().timestamp_header.is_none() => "the signature has no timestamp",
            Need::OneSignature if kit.scheme().several => "the scheme allows several signatures",
            Need::Probe
            | Need::Restart
            | Need::Requests
            | Need::NextSecret
            | Need::Timestamp
            | Need::OneSignature => return None,
        };
        Some(missing.to_owned())
    }

    async fn play(&mut self, check: &Check, case: &mut Case<'_>, run: &mut Run) -> Result<(), Stop> {
        if let Some(probe) = self.options.probe.as_ref().filter(|_| check.needs.is_some()) {
            run.worked_before = probe.ask(self.connector).await?;
        }
        for (at, step) in check.steps.iter().enumerate() {
            // A receiver with one thread may handle only the open connection.
            let is_reused = check.steps.get(at + 1).is_some_and(|next| next.connection == Reuse::Same);
            if step.restart {
                if let Some(restart) = &self.options.restart {
                    run.sent.push("a restart".to_owned());
                    restart.run(self.connector, &self.options.target).await?;
                }
            } else if let Some(count) = step.worked {
                self.worked(count, run).await?;
            } else if let Some(requests) = step.requests {
                self.requests(requests, case, run).await?;
            } else if let Some(fault) = &step.fails {
                run.sent.push(format!("`{fault}` for its requests"));
                case.fails(fault);
            } else if step.unless_accepted && run.was_accepted {
                // A callback that was accepted is not sent again.
            } else {
                self.send(step, case, run).await?;
            }
            run.kept = run.kept.take().filter(|_| is_reused);
        }
        Ok(())
    }

    async fn send(&mut self, step: &Step, case: &mut Case<'_>, run: &mut Run) -> Result<(), Stop> {
        let requests = case.make(step, Timestamp::now())?;
        let Some(first) = requests.first() else { return Ok(()) };
        run.sent.push(first.words.clone());
        let reused = match step.connection {
            Reuse::Same => run.kept.take(),
            Reuse::New => None,
        };
        let begun = Instant::now();
        let results = match (step.beside, requests.as_slice()) {
            (Beside::Stalled, _) => vec![self.beside_stalled(first).await],
            (Beside::Nothing, [request]) => {
                let (result, connection) = self.alone(request, reused).await;
                run.kept = connection;
                vec![result]
            }
            (Beside::Nothing, requests) => self.at_once(requests).await,
        };
        let is_plain = step.wire == Wire::Whole && step.beside == Beside::Nothing;
        if is_plain && begun.elapsed() > self.options.quick && !self.slow {
            self.slow = true;
            let (took, left) = (begun.elapsed(), self.left);
            (self.tell)(Progress::Slow { took, left: took.saturating_mul(left) });
        }
        for (request, result) in requests.iter().zip(&results) {
            self.tell_exchange(request, result);
            if let Ok(answer) = result {
                self.language = self.language.or_else(|| language_of(answer));
            }
            let yardstick = Yardstick { quick: self.options.quick, first: run.first };
            if let Some(came) = complaint(step.expect, result, yardstick) {
                let curl = if step.connection == Reuse::New
                    && results.len() == 1
                    && step.beside == Beside::Nothing
                {
                    request.curl()
                } else {
                    None
                };
                let status = result.as_ref().ok().map(|answer| answer.status);
                return Err(Stop::Found(Complaint { came, curl, status }));
            }
            run.was_accepted = result.as_ref().is_ok_and(|answer| (200..300).contains(&answer.status));
            run.first = run.first.or(result.as_ref().ok().map(|answer| answer.status));
        }
        Ok(())
    }

    fn tell_exchange(&mut self, request: &Crafted, result: &Result<Answer, Trouble>) {
        let came = match result {
            Ok(answer) => {
                let headers: String =
                    answer.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
                format!("{}\n{headers}\n{}", answer.status, String::from_utf8_lossy(&answer.body))
            }
            Err(trouble) => trouble.to_string(),
        };
        (self.tell)(Progress::Exchange { request: request.pieces().concat(), came });
    }

    async fn open(&self) -> Result<Connection, Trouble> {
        Connection::open(self.connector, &self.options.target, self.options.timeout).await
    }

    /// Sends one request, over the kept connection if there is one. The connection is returned if it stays open.
    async fn alone(
        &self,
        request: &Crafted,
        reused: Option<Connection>,
    ) -> (Result<Answer, Trouble>, Option<Connection>) {
        let opened = match (reused, request.wire) {
            (Some(connection), _) => Ok(connection),
            (None, Wire::Reset) => {
                let target = &self.options.target;
                Connection::open_abruptly(self.connector, target, self.options.timeout).await
            }
            (None, _) => self.open().await,
        };
        let mut connection = match opened {
            Ok(connection) => connection,
            Err(trouble) => return (Err(trouble), None),
        };
        if request.wire.breaks_off() {
            let written = connection.write(request).await;
            if request.wire == Wire::Broken {
                connection.leave(TO_NOTICE).await;
            }
            return (written.and(Err(Trouble::Closed)), None);
        }
        let result = connection.exchange(request, self.options.timeout).await;
        let stays = result.as_ref().is_ok_and(|answer| answer.keeps);
        (result, stays.then_some(connection))
    }

    /// Sends one request while half of another one is stalled.
    async fn beside_stalled(&self, request: &Crafted) -> Result<Answer, Trouble> {
        let mut stalled = self.open().await?;
        stalled.stall(request).await?;
        let limit = self.options.quick;
        let mut connection = Connection::open(self.connector, &self.options.target, limit).await?;
        let result = connection.exchange(request, limit).await;
        drop(stalled);
        result
    }

    /// Sends all requests at the same time, once a connection is open for each.
    async fn at_once(&self, requests: &[Crafted]) -> Vec<Result<Answer, Trouble>> {
        let mut opened = Vec::with_capacity(requests.len());
        for _ in requests {
            opened.push(self.open().await);
        }
        let mut exchanges = JoinSet::new();
        for (at, (connection, request)) in opened.into_iter().zip(requests).enumerate() {
            let (request, limit) = (request.clone(), self.options.timeout);
            exchanges.spawn(async move {
                let result = match connection {
                    Ok(mut connection) => connection.exchange(&request, limit).await,
                    Err(trouble) => Err(trouble),
                };
                (at, result)
            });
        }
        let mut results = exchanges.join_all().await;
        results.sort_by_key(|(at, _)| *at);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// Waits until this many events were processed, and a little longer to see whether more follow.
    async fn worked(&self, count: u64, run: &Run) -> Result<(), Stop> {
        let Some(probe) = &self.options.probe else { return Ok(()) };
        let begun = Instant::now();
        let wanted = run.worked_before + count;
        while probe.ask(self.connector).await? < wanted && begun.elapsed() < self.options.work {
            sleep(LOOK).await;
        }
        sleep(self.options.settle).await;
        let now = probe.ask(self.connector).await?;
        if now == wanted {
            return Ok(());
        }
        let came = match now.checked_sub(run.worked_before) {
            Some(worked) => format!("the probe counts {worked} processed events instead of {count}"),
            None => format!("the probe went back from {} to {now}", run.worked_before),
        };
        Err(Stop::Found(Complaint { came, ..Complaint::default() }))
    }

    /// Waits until the receiver has made the wanted requests, and a little longer to see whether more follow.
    async fn requests(&self, wanted: Requests, case: &Case<'_>, run: &mut Run) -> Result<(), Stop> {
        // A repeated request may be refused the second time; it was made nevertheless.
        let is_there = |(all, served): (usize, usize)| match wanted {
            Requests::Some | Requests::InTheEnd => served > 0,
            Requests::AsUsual => all >= run.usual_requests,
            Requests::None => true,
        };
        let begun = Instant::now();
        while !is_there(case.requests()) && begun.elapsed() < self.options.work {
            sleep(LOOK).await;
        }
        sleep(self.options.settle).await;
        let (all, served) = case.requests();
        let came = match wanted {
            Requests::Some if served == 0 => {
                let refused = if all > 0 { ", except for some that were refused" } else { "" };
                let within = HumanDuration(self.options.work);
                return Err(Stop::NotJudged(format!(
                    "the receiver has sent no request about it within {within}{refused}: does it know the mock's address?"
                )));
            }
            Requests::Some => {
                run.usual_requests = all;
                return Ok(());
            }
            Requests::AsUsual if all == run.usual_requests => return Ok(()),
            Requests::AsUsual => {
                format!("the receiver sent {all} requests because of it, but usually {}", run.usual_requests)
            }
            Requests::InTheEnd if served > 0 => return Ok(()),
            Requests::InTheEnd => {
                let within = HumanDuration(self.options.work);
                format!(
                    "none of its {all} requests succeeded, and no other arrived within {within} (--work-within)"
                )
            }
            Requests::None if all == 0 => return Ok(()),
            Requests::None => {
                format!("the receiver sent {all} requests because of it, but should send none")
            }
        };
        Err(Stop::Found(Complaint { came, ..Complaint::default() }))
    }

    fn finding(&self, check: &Check, run: &Run, complaint: Complaint, kit: &Kit) -> Finding {
        let mut events = check.steps.iter().filter_map(|step| step.send.as_deref());
        let unsigned =
            events.find(|event| !kit.is_signed(event) && matches!(complaint.status, Some(401 | 403)));
        let code = match self.language {
            Some(Language::Python) => check.python.clone().map(|text| Code { language: "python", text }),
            Some(Language::Node) => check.node.clone().map(|text| Code { language: "node", text }),
            None => None,
        };
        Finding {
            sent: run.sent.join("; then "),
            came: complaint.came,
            why: check.why.clone(),
            fix: unsigned.map_or_else(|| check.fix.clone(), without_signature),
            code,
            again: format!("{} --only {}", self.options.again, check.id),
            curl: complaint.curl,
            accepted: self.options.baseline.reason(&check.id).map(str::to_owned),
        }
    }
}

/// Returns what to do if a receiver refuses unsigned callbacks.
fn without_signature(event: &str) -> String {
    format!(
        "As far as is known, the vendor does not sign `{event}`, but your receiver seems to require a signature: accept it \
             without one, recognised by its fields or at a URL of its own ([[routes]]). If yours is signed, write \
             [catalog.\"{event}\"] signed = true into the settings."
    )
}

/// Returns the receiver's language, as far as the headers of a response reveal it.
fn language_of(answer: &Answer) -> Option<Language> {
    let says = |name: &str, words: &[&str]| {
        let value = answer.header(name).unwrap_or_default().to_ascii_lowercase();
        words.iter().any(|word| value.contains(word))
    };
    if says("server", &["python", "werkzeug", "gunicorn", "uvicorn", "hypercorn", "daphne", "waitress"]) {
        return Some(Language::Python);
    }
    says("x-powered-by", &["express", "next.js", "koa"]).then_some(Language::Node)
}

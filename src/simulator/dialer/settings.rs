//! The settings of a task, as the requests that create and copy tasks give them.
//!
//! Names are known from clients. Units, limits and defaults are assumed, and so is which field leads to which of the known
//! codes.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::Offset;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::fields::{Clock, Flag, List, Name, Word};
use super::notices::Notices;
use crate::contract::fields::{LocalTime, NoEffect, Number, Whole, shown};
use crate::simulator::access::AccountKey;
use crate::simulator::ending::CallResultType;
use crate::simulator::rules::dialer::{Pace, Rules};
use crate::simulator::{Refusal, Request};
use crate::time::later;

/// How far a start may lie in the past: clients name the present second, and the request takes some time.
const TOLERANCE: Duration = Duration::from_secs(60);

/// The default maximum length of the ringing, in seconds.
pub(super) const RING_LIMIT: u8 = 45;

/// The default maximum time for an agent to save the result.
pub(super) const WRAP_UP: Duration = Duration::from_secs(30);

/// Maximum number of phone numbers of a contact.
const MOST_NUMBERS: usize = 10;

/// Minimum time between start and end (client).
const SHORTEST: Duration = Duration::from_secs(300);

/// The time between two calls of a contact, in seconds; the client never sends less.
type Gap = Whole<60, 86_400>;

/// Number of times that a contact is dialled again.
type Repeats = Whole<0, 10>;

/// What the requests that create and copy tasks have in common (client).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskFields {
    /// The name of the task, unique within the account, of 1 to 63 visible characters (client; the limits are assumed).
    task_name: Name,
    /// When the task begins, in the account's zone. Empty: at once. A start up to a minute ago counts as now
    /// (client; the minute is assumed).
    start_time: Option<LocalTime>,
    /// When the task ends: on the day of its start, at least five minutes later. Default: with its last contact.
    auto_end_time: Option<LocalTime>,
    /// The group of agents who take the calls.
    group_name: String,
    /// Names of agents of the group. Default: all of them.
    agent_name: Option<List<String>>,
    /// A remark, which notices and queries repeat.
    remark: Option<String>,
    /// Daily pauses, apart from each other, in which no new calls are made (client; that they are apart is assumed).
    rest_times: Option<List<RestTime>>,
    /// Columns of `customizeContacts` whose numbers are dialled in turn, at most 10, each once (client; the meaning is
    /// assumed, from `phoneTag` and `mainNumber` of the responses).
    dialing_order: Option<List<String>>,
    /// Whether the dialer chooses the factor: 1.5. Default: `N` (client; the words are assumed).
    auto_slot_factor: Option<Flag>,
    /// Numbers dialled for each free agent, at least one for all of them; it may have a fraction. 0 counts as not given.
    /// Default: 1 (client; meaning and default are assumed).
    slot_factor: Option<Number<0, { i64::MAX }>>,
    /// Seconds between two calls of the task. Default: 0 (client; unit, limit and default are assumed).
    call_interval: Option<Whole<0, 3_600>>,
    /// Maximum number of seconds in which an agent writes down the result. Default: 30 (client; unit, limit and default are
    /// assumed).
    acw_time: Option<Whole<0, 3_600>>,
    /// The share of lost calls, in percent, above which only one number is dialled for each free agent
    /// (client; unit and meaning are assumed).
    max_lost_rate: Option<Number<0, 100>>,
    /// Seconds between two numbers of a contact. Default: 0 (client; unit, limit and default are assumed).
    contact_number_interval: Option<Whole<0, 86_400>>,
    /// Maximum ringing time in seconds, at least 5. Default: 45 (client; unit, limit and default are assumed).
    ring_limit: Option<Whole<0, 120>>,
    /// The pacing of the dialer, a word of the setting `[dialer] dialing_modes`; any other word has no effect (client; the
    /// words are not known).
    dialing_mode: Option<Word>,
    /// Number of redials per contact. Default: 0 (client; limit and default are assumed).
    repeat_times: Option<Repeats>,
    /// Seconds between two calls to a contact, at least 60. Default: 60 (client; unit, limit and default are assumed).
    bulk_call_interval: Option<Gap>,
    /// Whether talks are inspected. Default: `N`.
    auto_qa: Option<Flag>,
    /// The same field in the other letter case in use.
    #[serde(rename = "autoQA")]
    auto_qa_upper: Option<Flag>,
    /// Whether an answering machine is dialled again. Default: `N` (client; the words are assumed).
    voicemail_redial: Option<Flag>,
    /// Whether answering machines are detected. Default: the account's setting (client; the words are assumed).
    voicemail_check: Option<Flag>,
    /// The name of a template; its purpose is not known.
    #[serde(rename = "templateName")]
    _template_name: Option<NoEffect<Name>>,
    /// Rules for certain results.
    result_strategies: Option<List<ResultStrategy>>,
}

/// A pause of every day (client).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct RestTime {
    /// When it begins, in the account's zone.
    start: Clock,
    /// When it ends, later on the same day.
    end: Clock,
}

/// What holds after a result. A client sends `oper`, `title`, `value`, `action` and `dncDay`, whose meaning is not known;
/// the other three fields are this mock's own shape.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResultStrategy {
    /// How the value is compared (client; the meaning is assumed).
    oper: Option<NoEffect<Value>>,
    /// The title of a field of the result that agents save (client; the meaning is assumed).
    title: Option<NoEffect<Value>>,
    /// The value of the field (client; the meaning is assumed).
    value: Option<NoEffect<Value>>,
    /// The actions: a list of integers, of which 1 and 2 are in use (client; the meaning is assumed).
    action: Option<NoEffect<List<i64>>>,
    /// Number of days without calls to the number (client; the meaning is assumed).
    dnc_day: Option<NoEffect<i64>>,
    /// The result of a call; each appears in the list once. Its contacts are redialled by these values instead of
    /// `repeatTimes` and `bulkCallInterval` of the task (assumed).
    call_result_type: Option<CallResultType>,
    /// Number of redials per contact. Default: 0 (assumed).
    repeat_times: Option<Repeats>,
    /// Seconds between two calls to a contact, at least 60. Default: 60 (assumed).
    bulk_call_interval: Option<Gap>,
}

impl ResultStrategy {
    /// Whether it has the shape that a client sends.
    fn is_of_client(&self) -> bool {
        let Self { oper, title, value, action, dnc_day, .. } = self;
        oper.is_some() || title.is_some() || value.is_some() || action.is_some() || dnc_day.is_some()
    }
}

/// A daily pause of a task: its start and end.
pub(super) type Rest = (Time, Time);

/// The repetition rules for a contact after calls with a certain result.
#[derive(Clone, Debug)]
pub(super) struct Strategy {
    pub(super) result: CallResultType,
    /// Number of times that the contact is dialled, including the first.
    pub(super) attempts: u8,
    pub(super) gap: Duration,
}

/// The settings of a task, without its contacts.
#[derive(Clone, Debug)]
pub(super) struct TaskSettings {
    pub(super) account: AccountKey,
    pub(super) zone: Offset,
    pub(super) name: String,
    pub(super) starts: Timestamp,
    pub(super) ends: Option<Timestamp>,
    pub(super) group: usize,
    /// Indexes within the group.
    pub(super) agents: Vec<usize>,
    pub(super) remark: String,
    pub(super) rests: Vec<Rest>,
    /// The destination of the notices.
    pub(super) notices: Notices,
    /// Number of times that a contact is dialled, including the first.
    pub(super) attempts: u8,
    /// The time between two attempts of a contact.
    pub(super) repeat_gap: Duration,
    /// The replacements of attempts and gap after certain results.
    pub(super) strategies: Vec<Strategy>,
    /// The columns whose numbers are dialled in turn within an attempt; empty for the contact's original number.
    pub(super) columns: Vec<String>,
    /// The time between two numbers of a contact.
    pub(super) number_gap: Duration,
    /// The time between two calls of the task.
    pub(super) call_gap: Duration,
    /// Maximum length of the ringing, in seconds.
    pub(super) ring_limit: u8,
    /// Number of phone numbers that are dialled for each free agent.
    pub(super) factor: f64,
    /// Whether that number is one, whatever the factor.
    pub(super) is_one_by_one: bool,
    /// The share of lost calls, in percent, from which on only one number is dialled for each free agent.
    pub(super) max_lost: Option<f64>,
    /// Maximum time for an agent to save the result.
    pub(super) wrap_up: Duration,
    pub(super) detects_machines: bool,
    pub(super) redials_machines: bool,
    /// Whether talks are inspected.
    pub(super) inspects: bool,
}

impl TaskSettings {
    /// Checks the fields in combination.
    pub(super) fn new(
        fields: TaskFields,
        notices: Notices,
        request: &Request<'_>,
        rules: &Rules,
    ) -> Result<Self, Refusal> {
        let (starts, ends) = schedule(&fields, request)?;
        let group = group(&fields.group_name, rules)?;
        let (detects_machines, redials_machines) = machines(&fields, rules)?;
        let (attempts, repeat_gap) = repeats(fields.repeat_times, fields.bulk_call_interval);
        let ring_limit = fields.ring_limit.map(|limit| limit.get().max(5));
        Ok(Self {
            account: request.account,
            zone: request.zone,
            starts,
            ends,
            group,
            agents: agents(List::items(fields.agent_name), rules, group)?,
            rests: rests(List::items(fields.rest_times))?,
            notices,
            attempts,
            repeat_gap,
            strategies: strategies(List::items(fields.result_strategies))?,
            columns: columns(List::items(fields.dialing_order))?,
            number_gap: fields.contact_number_interval.map_or(Duration::ZERO, seconds),
            call_gap: fields.call_interval.map_or(Duration::ZERO, seconds),
            ring_limit: ring_limit.and_then(|limit| u8::try_from(limit).ok()).unwrap_or(RING_LIMIT),
            factor: match fields.auto_slot_factor {
                Some(Flag(true)) => 1.5,
                _ => fields.slot_factor.map(Number::get).filter(|factor| *factor > 0.0).unwrap_or(1.0),
            },
            is_one_by_one: mode(fields.dialing_mode.as_ref(), rules) == Pace::OnePerAgent,
            max_lost: fields.max_lost_rate.map(Number::get),
            wrap_up: fields.acw_time.map_or(WRAP_UP, |time| seconds(time).max(Duration::from_secs(1))),
            detects_machines,
            redials_machines,
            inspects: inspection(fields.auto_qa, fields.auto_qa_upper)?,
            remark: fields.remark.unwrap_or_default(),
            name: fields.task_name.0,
        })
    }
}

fn seconds<const MIN: i64, const MAX: i64>(number: Whole<MIN, MAX>) -> Duration {
    Duration::from_secs(number.get().unsigned_abs())
}

fn schedule(fields: &TaskFields, request: &Request<'_>) -> Result<(Timestamp, Option<Timestamp>), Refusal> {
    let (zone, now) = (request.zone, request.now);
    let starts = fields.start_time.map(|time| time.in_zone(zone));
    if starts.is_some_and(|starts| later(starts, TOLERANCE) < now) {
        let now = zone.to_datetime(now).strftime("%Y-%m-%d %H:%M:%S");
        let message = format!("startTime is in the past: it is {now} in the account's zone");
        return Err(Refusal::new(10509, message));
    }
    let starts = starts.unwrap_or(now).max(now);
    let ends = fields.auto_end_time.map(|time| time.in_zone(zone));
    if let Some(ends) = ends {
        let day = |at: Timestamp| zone.to_datetime(at).date();
        if ends < later(starts, SHORTEST) {
            return Err(Refusal::new(10620, "autoEndTime must be at least 5 minutes after startTime"));
        }
        if day(starts) != day(ends) {
            return Err(Refusal::new(10621, "startTime and autoEndTime must be on the same day"));
        }
    }
    Ok((starts, ends))
}

fn group(name: &str, rules: &Rules) -> Result<usize, Refusal> {
    if name.trim().is_empty() {
        return Err(Refusal::new(10512, "groupName is missing: the name of a group of agents"));
    }
    rules.group(name).ok_or_else(|| {
        let known: Vec<String> = rules.groups.iter().map(|group| format!("`{}`", group.name)).collect();
        let known = known.join(", ");
        Refusal::new(10511, format!("groupName is not a group of this account; its groups are {known}"))
    })
}

/// Returns the agents that a task names, or else the whole group.
fn agents(names: Vec<String>, rules: &Rules, group: usize) -> Result<Vec<usize>, Refusal> {
    let group = &rules.groups[group];
    let mut agents = Vec::new();
    for name in names {
        if !rules.is_agent(&name) {
            let name = shown(&name.into());
            return Err(Refusal::new(10550, format!("agentName has {name}, expected names of agents")));
        }
        let at = group.agents.iter().position(|agent| *agent == name);
        agents.push(at.ok_or_else(|| {
            Refusal::new(10551, format!("the agent `{name}` is not in the group `{}`", group.name))
        })?);
    }
    agents.sort_unstable();
    agents.dedup();
    Ok(if agents.is_empty() { (0..group.agents.len()).collect() } else { agents })
}

/// Returns the daily pauses in order.
fn rests(pauses: Vec<RestTime>) -> Result<Vec<Rest>, Refusal> {
    let mut rests: Vec<Rest> = pauses.into_iter().map(|pause| (pause.start.0, pause.end.0)).collect();
    rests.sort_unstable();
    if rests.iter().any(|(start, end)| start >= end) {
        return Err(Refusal::new(10520, "restTimes has a pause whose end is not after its start"));
    }
    if rests.windows(2).any(|pair| pair[0].1 >= pair[1].0) {
        return Err(Refusal::new(10520, "restTimes has pauses that overlap or touch"));
    }
    Ok(rests)
}

/// Returns how often a contact is dialled, including the first time, and the time between two attempts.
fn repeats(repeats: Option<Repeats>, gap: Option<Gap>) -> (u8, Duration) {
    let attempts = repeats.map_or(1, |repeats| u8::try_from(repeats.get() + 1).unwrap_or(u8::MAX));
    (attempts, gap.map_or(Duration::from_secs(60), seconds))
}

fn strategies(list: Vec<ResultStrategy>) -> Result<Vec<Strategy>, Refusal> {
    let mut strategies: Vec<Strategy> = Vec::new();
    for (at, strategy) in list.into_iter().enumerate() {
        let ResultStrategy { call_result_type, repeat_times, bulk_call_interval, .. } = strategy;
        let Some(result) = call_result_type else {
            if strategy.is_of_client() {
                continue;
            }
            let message = format!(
                "resultStrategies[{at}] has none of oper, title, value, action and dncDay, and no callResultType"
            );
            return Err(Refusal::new(10501, message));
        };
        if strategies.iter().any(|known| known.result == result) {
            return Err(Refusal::new(10501, format!("resultStrategies has {result:?} twice")));
        }
        let (attempts, gap) = repeats(repeat_times, bulk_call_interval);
        strategies.push(Strategy { result, attempts, gap });
    }
    Ok(strategies)
}

fn columns(names: Vec<String>) -> Result<Vec<String>, Refusal> {
    if let Some((at, name)) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        let name = shown(&name.as_str().into());
        return Err(Refusal::new(
            10501,
            format!("dialingOrder[{at}] is {name}, which is already in the list"),
        ));
    }
    if names.len() > MOST_NUMBERS {
        let message =
            format!("dialingOrder has {} columns, but at most {MOST_NUMBERS} are allowed", names.len());
        return Err(Refusal::new(10501, message));
    }
    Ok(names)
}

/// Returns the pace of a `dialingMode`. Its words are not known and are taken from the settings. Another word may be right, and
/// has no effect.
fn mode(word: Option<&Word>, rules: &Rules) -> Pace {
    word.and_then(|Word(word)| rules.dialing_modes.get(word).copied()).unwrap_or(Pace::Factor)
}

impl TaskFields {
    /// Returns a note for the integrator if `dialingMode` is an unknown word.
    pub(super) fn unknown_mode(&self, rules: &Rules) -> Option<String> {
        let Word(word) = self.dialing_mode.as_ref().filter(|Word(word)| !word.is_empty())?;
        if rules.dialing_modes.contains_key(word) {
            return None;
        }
        let known: Vec<&str> = rules.dialing_modes.keys().map(String::as_str).collect();
        Some(format!(
            "dialingMode {} has no effect: the vendor's words are not known; here they are {} \
            (settings: [dialer] dialing_modes)",
            shown(&word.as_str().into()),
            known.join(" and ")
        ))
    }
}

/// Returns whether answering machines are detected, and dialled again. Detection is on if the account has it and the request
/// does not mention it.
fn machines(fields: &TaskFields, rules: &Rules) -> Result<(bool, bool), Refusal> {
    let (check, redial) = (fields.voicemail_check, fields.voicemail_redial);
    if !rules.voicemail && (check == Some(Flag(true)) || redial == Some(Flag(true))) {
        let message = "voicemail is not enabled for this account (settings: [dialer] voicemail)";
        return Err(Refusal::new(10901, message));
    }
    if check == Some(Flag(false)) && redial == Some(Flag(true)) {
        return Err(Refusal::new(10523, "voicemailRedial needs voicemailCheck"));
    }
    Ok((check.map_or(rules.voicemail, |check| check.0), redial.is_some_and(|redial| redial.0)))
}

/// Returns whether talks are inspected: `autoQa` and `autoQA` are both in use (client).
fn inspection(one: Option<Flag>, other: Option<Flag>) -> Result<bool, Refusal> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => {
            Err(Refusal::new(10524, "autoQa and autoQA have different values"))
        }
        (one, other) => Ok(one.or(other).is_some_and(|flag| flag.0)),
    }
}

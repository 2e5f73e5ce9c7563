//! What a task is made of, as the calls that create and copy tasks say it.
//!
//! Names are known from clients; units, limits and defaults are assumed, and so is which parameter leads to which of the
//! known codes.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::Offset;
use serde_json::Value;

use super::ask::{Ask, refuse};
use crate::contract::bodies::dialer::CALL_RESULT_TYPES;
use crate::simulator::access::AccountKey;
use crate::simulator::rules::dialer::{Pace, Rules};
use crate::simulator::{Request, Response};
use crate::time::later;

/// The longest name of a task.
const LONGEST_NAME: usize = 63;

/// How far a start may lie in the past: clients name the present second, and the call takes its time.
const TOLERANCE: Duration = Duration::from_secs(60);

/// The longest ringing unless the call says so, in seconds.
pub(super) const RING_LIMIT: u8 = 45;

/// How long an agent may take to write down the result unless the call says so.
pub(super) const WRAP_UP: Duration = Duration::from_secs(30);

/// The most redials of a contact.
const MOST_REPEATS: u32 = 10;

/// The longest gap between two calls of a contact, in seconds.
const LONGEST_GAP: u32 = 86_400;

/// The most numbers of a contact.
const MOST_NUMBERS: usize = 10;

/// The least time between start and end (client).
const SHORTEST: Duration = Duration::from_secs(300);

/// A time of the day at which a task rests, and until when.
pub(super) type Rest = (Time, Time);

/// After calls with a result a contact is tried again in a way of its own.
#[derive(Clone, Debug)]
pub(super) struct Strategy {
    /// A word of `callResultType`.
    pub(super) result: &'static str,
    /// How often the contact is dialled, the first time included.
    pub(super) tries: u8,
    pub(super) gap: Duration,
}

/// What a task is made of, apart from its contacts.
#[derive(Clone, Debug)]
pub(super) struct TaskOrder {
    pub(super) account: AccountKey,
    pub(super) zone: Offset,
    pub(super) name: String,
    pub(super) starts: Timestamp,
    pub(super) ends: Option<Timestamp>,
    pub(super) group: usize,
    /// Positions within the group.
    pub(super) agents: Vec<usize>,
    pub(super) remark: String,
    pub(super) rests: Vec<Rest>,
    /// Where the notices go; nothing for where the customer's callbacks go.
    pub(super) callback: Option<String>,
    /// How often a contact is dialled, the first time included.
    pub(super) tries: u8,
    /// The gap between two tries of a contact.
    pub(super) repeat_gap: Duration,
    /// What holds in place of tries and gap after certain results.
    pub(super) strategies: Vec<Strategy>,
    /// The columns whose numbers are dialled in turn within a try; none for the number a contact comes with.
    pub(super) columns: Vec<String>,
    /// The gap between two numbers of a contact.
    pub(super) number_gap: Duration,
    /// The gap between two calls of the task.
    pub(super) call_gap: Duration,
    /// The longest ringing, in seconds.
    pub(super) ring_limit: u8,
    /// How many numbers are dialled for each free agent.
    pub(super) factor: f64,
    /// Whether it is one, whatever the factor.
    pub(super) is_one_by_one: bool,
    /// From this share of lost calls on, only one number is dialled for each free agent. In percent.
    pub(super) max_lost: Option<f64>,
    /// How long an agent may take to write down the result.
    pub(super) wrap_up: Duration,
    pub(super) detects_machines: bool,
    pub(super) redials_machines: bool,
    /// Whether talks are inspected.
    pub(super) inspects: bool,
}

impl TaskOrder {
    /// Reads everything but the contacts. `callback` is that of the task to copy, if there is one.
    pub(super) fn read(
        call: &Request<'_>,
        rules: &Rules,
        callback: Option<Option<&str>>,
    ) -> Result<Self, Response> {
        let ask = Ask::new(call.fields, 10501);
        let name = name(ask)?.to_owned();
        let (starts, ends) = schedule(ask, call)?;
        let group = ask.code(10512).text("groupName")?.filter(|name| !name.trim().is_empty());
        let group =
            group.ok_or_else(|| refuse(10512, "groupName is missing: the name of a group of agents"))?;
        let at = rules.group(group).ok_or_else(|| {
            let known: Vec<String> = rules.groups.iter().map(|group| format!("`{}`", group.name)).collect();
            refuse(10511, format!("groupName is no group of this account, those are {}", known.join(", ")))
        })?;
        let agents = agents(ask.code(10550), rules, at)?;
        let rests = rests(ask.code(10520))?;
        let callback = match callback {
            Some(callback) => callback.map(str::to_owned),
            None => Some(ask.callback()?),
        };
        let (tries, repeat_gap) = repeats(ask)?;
        let number_gap = ask.code(10526).whole("contactNumberInterval", LONGEST_GAP)?;
        let max_lost = ask.code(10525).number("maxLostRate", 0.0..=100.0)?;
        let factor = ask.number("slotFactor", 1.0..=10.0)?;
        let is_auto = ask.flag("autoSlotFactor")?.unwrap_or(false);
        let (detects_machines, redials_machines) = machines(ask.code(10523), rules)?;
        let inspects = inspection(ask.code(10524))?;
        let (ring_limit, wrap_up) = (ask.whole("ringLimit", 120)?, ask.whole("acwTime", 3_600)?);
        let is_one_by_one = mode(ask, rules)? == Pace::OnePerAgent;
        let strategies = strategies(ask)?;
        let columns = columns(ask)?;
        template_name(ask)?;
        Ok(Self {
            account: call.account,
            zone: call.zone,
            name,
            starts,
            ends,
            group: at,
            agents,
            remark: ask.text("remark")?.unwrap_or_default().to_owned(),
            rests,
            callback,
            tries,
            repeat_gap,
            strategies,
            columns,
            number_gap: Duration::from_secs(u64::from(number_gap.unwrap_or(0))),
            is_one_by_one,
            call_gap: Duration::from_secs(u64::from(ask.whole("callInterval", 3_600)?.unwrap_or(0))),
            ring_limit: ring_limit.and_then(|limit| u8::try_from(limit.max(5)).ok()).unwrap_or(RING_LIMIT),
            // Left to the dialer, it is one and a half.
            factor: if is_auto { 1.5 } else { factor.unwrap_or(1.0) },
            max_lost,
            wrap_up: wrap_up.map_or(WRAP_UP, |wrap_up| Duration::from_secs(u64::from(wrap_up.max(1)))),
            detects_machines,
            redials_machines,
            inspects,
        })
    }
}

fn name(ask: Ask<'_>) -> Result<&str, Response> {
    let name = ask.code(10518).text("taskName")?.unwrap_or_default();
    let length = name.chars().count();
    if name.trim().is_empty() || length > LONGEST_NAME || name.chars().any(char::is_control) {
        let message =
            format!("taskName must have 1 to {LONGEST_NAME} characters, and none that cannot be seen");
        return Err(refuse(10518, message));
    }
    Ok(name)
}

/// How often a contact is dialled, the first time included, and after which gap.
fn repeats(ask: Ask<'_>) -> Result<(u8, Duration), Response> {
    let repeats = ask.code(10521).whole("repeatTimes", MOST_REPEATS)?.unwrap_or(0);
    let gap = ask.code(10522).whole("bulkCallInterval", LONGEST_GAP)?.unwrap_or(60);
    Ok((u8::try_from(repeats + 1).unwrap_or(u8::MAX), Duration::from_secs(u64::from(gap))))
}

/// `resultStrategies`: that its elements name a result and repeat the parameters of redials is assumed.
fn strategies(ask: Ask<'_>) -> Result<Vec<Strategy>, Response> {
    let mut strategies: Vec<Strategy> = Vec::new();
    for value in ask.list("resultStrategies")?.iter() {
        let word = value.get("callResultType").and_then(Value::as_str);
        let result = word.and_then(|word| CALL_RESULT_TYPES.into_iter().find(|known| *known == word));
        let result = result.filter(|result| strategies.iter().all(|known| known.result != *result));
        let result = result.ok_or_else(|| {
            let expected = format!(
                "{{\"callResultType\": ..., \"repeatTimes\": 2, \"bulkCallInterval\": 600}}, each result once, of {}",
                CALL_RESULT_TYPES.join(", ")
            );
            ask.wrong("resultStrategies", value, &expected)
        })?;
        let (tries, gap) = repeats(Ask::new(value, 10501))?;
        strategies.push(Strategy { result, tries, gap });
    }
    Ok(strategies)
}

/// `dialingOrder`: that it names the columns whose numbers are dialled in turn is assumed, from `phoneTag` and
/// `mainNumber` of the answers.
fn columns(ask: Ask<'_>) -> Result<Vec<String>, Response> {
    let list = ask.list("dialingOrder")?;
    let mut columns: Vec<String> = Vec::new();
    for value in list.iter() {
        let column = value.as_str().filter(|name| !name.is_empty() && columns.iter().all(|one| one != name));
        let expected = "names of columns of customizeContacts, each once";
        columns.push(column.ok_or_else(|| ask.wrong("dialingOrder", value, expected))?.to_owned());
    }
    if columns.len() > MOST_NUMBERS {
        let message = format!("dialingOrder has {} columns, {MOST_NUMBERS} is the most", columns.len());
        return Err(refuse(10501, message));
    }
    Ok(columns)
}

/// `dialingMode`: its words are not known, they are settings.
fn mode(ask: Ask<'_>, rules: &Rules) -> Result<Pace, Response> {
    let Some(value) = ask.value("dialingMode") else { return Ok(Pace::Factor) };
    let word = match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    rules.dialing_modes.get(&word).copied().ok_or_else(|| {
        let known: Vec<&str> = rules.dialing_modes.keys().map(String::as_str).collect();
        let expected = format!("one of {} (settings: [dialer] dialing_modes)", known.join(", "));
        ask.wrong("dialingMode", value, &expected)
    })
}

/// `templateName`: what it is the template of is not known. It must be a name as tasks have one, and changes nothing.
fn template_name(ask: Ask<'_>) -> Result<(), Response> {
    let name = ask.text("templateName")?.unwrap_or_default();
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        let expected = format!("a name of at most {LONGEST_NAME} characters that can be seen");
        return Err(ask.wrong("templateName", &Value::from(name), &expected));
    }
    Ok(())
}

fn schedule(ask: Ask<'_>, call: &Request<'_>) -> Result<(Timestamp, Option<Timestamp>), Response> {
    let starts = ask.moment("startTime", call.zone)?;
    if starts.is_some_and(|starts| later(starts, TOLERANCE) < call.now) {
        let now = call.zone.to_datetime(call.now).strftime("%Y-%m-%d %H:%M:%S");
        return Err(refuse(10509, format!("startTime is in the past: it is {now} in the account's zone")));
    }
    let starts = starts.unwrap_or(call.now).max(call.now);
    let ends = ask.moment("autoEndTime", call.zone)?;
    if let Some(ends) = ends {
        let day = |at: Timestamp| call.zone.to_datetime(at).date();
        if ends < later(starts, SHORTEST) {
            return Err(refuse(10620, "autoEndTime must be at least 5 minutes after startTime"));
        }
        if day(starts) != day(ends) {
            return Err(refuse(10621, "startTime and autoEndTime must be on the same day"));
        }
    }
    Ok((starts, ends))
}

/// The agents a task names, or else the whole group.
fn agents(ask: Ask<'_>, rules: &Rules, group: usize) -> Result<Vec<usize>, Response> {
    let (names, group) = (ask.list("agentName")?, &rules.groups[group]);
    let mut agents = Vec::new();
    for value in names.iter() {
        let known = value.as_str().filter(|name| rules.is_agent(name));
        let name = known.ok_or_else(|| ask.wrong("agentName", value, "names of agents"))?;
        let at = group.agents.iter().position(|agent| agent == name);
        agents.push(at.ok_or_else(|| {
            refuse(10551, format!("the agent `{name}` is not in the group `{}`", group.name))
        })?);
    }
    agents.sort_unstable();
    agents.dedup();
    Ok(if agents.is_empty() { (0..group.agents.len()).collect() } else { agents })
}

/// The pauses of every day, in their order. They must not touch each other.
fn rests(ask: Ask<'_>) -> Result<Vec<Rest>, Response> {
    let mut rests = Vec::new();
    for value in ask.list("restTimes")?.iter() {
        let time = |name: &str| Time::strptime("%H:%M:%S", value.get(name)?.as_str()?).ok();
        let rest = time("start").zip(time("end")).filter(|(start, end)| start < end);
        let expected = "{\"start\": \"12:00:00\", \"end\": \"13:00:00\"}, the start before the end";
        rests.push(rest.ok_or_else(|| ask.wrong("restTimes", value, expected))?);
    }
    rests.sort_unstable();
    if rests.windows(2).any(|pair| pair[0].1 >= pair[1].0) {
        return Err(ask.wrong("restTimes", &Value::from("overlapping"), "pauses apart from each other"));
    }
    Ok(rests)
}

/// Whether answering machines are detected, and dialled again. Detection is on where the account has it and the call
/// says nothing.
fn machines(ask: Ask<'_>, rules: &Rules) -> Result<(bool, bool), Response> {
    let (check, redial) = (ask.flag("voicemailCheck")?, ask.flag("voicemailRedial")?);
    if !rules.voicemail && (check == Some(true) || redial == Some(true)) {
        return Err(refuse(
            10901,
            "voicemail is not enabled for this account (settings: [dialer] voicemail)",
        ));
    }
    if check == Some(false) && redial == Some(true) {
        return Err(refuse(10523, "voicemailRedial needs voicemailCheck"));
    }
    Ok((check.unwrap_or(rules.voicemail), redial.unwrap_or(false)))
}

/// Whether talks are inspected: `autoQa` and `autoQA` are both in use (client).
fn inspection(ask: Ask<'_>) -> Result<bool, Response> {
    match (ask.flag("autoQa")?, ask.flag("autoQA")?) {
        (Some(one), Some(other)) if one != other => {
            Err(refuse(10524, "autoQa and autoQA say different things"))
        }
        (one, other) => Ok(one.or(other).unwrap_or(false)),
    }
}

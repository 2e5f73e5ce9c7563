//! What a task is made of, as the calls that create and copy tasks say it.
//!
//! Names are known from clients; units, limits and defaults are assumed, and so is which parameter leads to which of the
//! known codes.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::Offset;
use serde_json::Value;

use super::super::access::AccountKey;
use super::super::{Answer, Call, later};
use super::ask::{Ask, refuse};
use super::rules::Rules;

/// The longest name of a task.
const LONGEST_NAME: usize = 63;

/// How far a start may lie in the past: clients name the present second, and the call takes its time.
const TOLERANCE: Duration = Duration::from_secs(60);

/// The least time between start and end (client).
const SHORTEST: Duration = Duration::from_secs(300);

/// A time of the day at which a task rests, and until when.
pub(super) type Rest = (Time, Time);

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
    /// Where the notices go.
    pub(super) callback: String,
    /// How often a contact is dialled, the first time included.
    pub(super) tries: u8,
    /// The gap between two tries of a contact.
    pub(super) repeat_gap: Duration,
    /// The gap between two calls of the task.
    pub(super) call_gap: Duration,
    /// The longest ringing, in seconds.
    pub(super) ring_limit: u8,
    /// How many numbers are dialled for each free agent.
    pub(super) factor: f64,
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
    pub(super) fn read(call: &Call<'_>, rules: &Rules, callback: Option<&str>) -> Result<Self, Answer> {
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
            Some(callback) => callback.to_owned(),
            None => ask.callback()?,
        };
        let repeats = ask.code(10521).whole("repeatTimes", 10)?.unwrap_or(0);
        let repeat_gap = ask.code(10522).whole("bulkCallInterval", 86_400)?.unwrap_or(60);
        ask.code(10526).whole("contactNumberInterval", 86_400)?;
        let max_lost = ask.code(10525).number("maxLostRate", 0.0..=100.0)?;
        let factor = ask.number("slotFactor", 1.0..=10.0)?;
        let is_auto = ask.flag("autoSlotFactor")?.unwrap_or(false);
        let (detects_machines, redials_machines) = machines(ask.code(10523), rules)?;
        let inspects = inspection(ask.code(10524))?;
        for list in ["dialingOrder", "resultStrategies"] {
            ask.list(list)?;
        }
        ask.text("templateName")?;
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
            tries: u8::try_from(repeats + 1).unwrap_or(u8::MAX),
            repeat_gap: Duration::from_secs(u64::from(repeat_gap)),
            call_gap: Duration::from_secs(u64::from(ask.whole("callInterval", 3_600)?.unwrap_or(0))),
            ring_limit: u8::try_from(ask.whole("ringLimit", 120)?.unwrap_or(45).max(5)).unwrap_or(45),
            // Left to the dialer, it is one and a half.
            factor: if is_auto { 1.5 } else { factor.unwrap_or(1.0) },
            max_lost,
            wrap_up: Duration::from_secs(u64::from(ask.whole("acwTime", 3_600)?.unwrap_or(30).max(1))),
            detects_machines,
            redials_machines,
            inspects,
        })
    }
}

fn name(ask: Ask<'_>) -> Result<&str, Answer> {
    let name = ask.code(10518).text("taskName")?.unwrap_or_default();
    let length = name.chars().count();
    if name.trim().is_empty() || length > LONGEST_NAME || name.chars().any(char::is_control) {
        let message =
            format!("taskName must have 1 to {LONGEST_NAME} characters, and none that cannot be seen");
        return Err(refuse(10518, message));
    }
    Ok(name)
}

fn schedule(ask: Ask<'_>, call: &Call<'_>) -> Result<(Timestamp, Option<Timestamp>), Answer> {
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
fn agents(ask: Ask<'_>, rules: &Rules, group: usize) -> Result<Vec<usize>, Answer> {
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
fn rests(ask: Ask<'_>) -> Result<Vec<Rest>, Answer> {
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
fn machines(ask: Ask<'_>, rules: &Rules) -> Result<(bool, bool), Answer> {
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
fn inspection(ask: Ask<'_>) -> Result<bool, Answer> {
    match (ask.flag("autoQa")?, ask.flag("autoQA")?) {
        (Some(one), Some(other)) if one != other => {
            Err(refuse(10524, "autoQa and autoQA say different things"))
        }
        (one, other) => Ok(one.or(other).unwrap_or(false)),
    }
}

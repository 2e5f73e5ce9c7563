//! What became of a number, as queries and callbacks report it.
//!
//! Nothing of it is kept: what was said, who said it and where the recording lies follow from the row, its attempt and the
//! task's seed, and are worked out anew whenever somebody asks.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use rand::RngExt;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::draw::{draw, stream};
use super::info_check::{CheckResult, checks};
use super::row_text::RowText;
use super::rows::{Row, RowStatus, Rows};
use super::{Calling, TaskKey};
use crate::content::dialogue::{self, Talk};
use crate::content::facts::{Facts, Money};
use crate::content::{self, Country, Gender};
use crate::contract::bodies::utc_text;
use crate::contract::fields::or_empty;
use crate::recordings;
use crate::seed::{Rng, Seed};
use crate::simulator::context::Context;
use crate::simulator::ids::{Ids, Kind};
use crate::simulator::outcome::{MockOutcome, Outcome};
use crate::simulator::rules::calling::{Business, Robot, Rules};
use crate::simulator::talk::speaking_time;

/// What became of one number (client).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(in crate::simulator) struct CallDetail {
    /// The customer's own id, as it was given: a string or an integer. Left out if none was given.
    #[serde(rename = "Comments", skip_serializing_if = "Option::is_none")]
    comments: Option<Value>,
    /// Where the number stands.
    #[serde(rename = "Status")]
    status: RowStatus,
    /// What the last call came to; empty before it has ended (client; the words are assumed).
    #[serde(rename = "RingType", serialize_with = "or_empty")]
    #[schemars(with = "RingType")]
    ring_type: Option<RingType>,
    /// Who hung up; empty if nobody answered (client; the words are assumed).
    #[serde(rename = "HangupType", serialize_with = "or_empty")]
    #[schemars(with = "Speaker")]
    hangup_type: Option<Speaker>,
    /// What the person wanted; `--` if it did not become clear.
    #[serde(rename = "Intention")]
    intention: Intention,
    /// Everything the person wanted.
    #[serde(rename = "Multi_intention")]
    multi_intention: Intention,
    /// When dialling began: `2025-04-15T06:41:00Z`. Left out if the number was cancelled.
    #[serde(rename = "CallStartTime", skip_serializing_if = "Option::is_none")]
    call_start_time: Option<String>,
    /// When the call ended: `2025-04-15T06:41:00Z`. Left out if the number was cancelled.
    #[serde(rename = "CallEndTime", skip_serializing_if = "Option::is_none")]
    call_end_time: Option<String>,
    /// The robot that called, as it was given.
    #[serde(rename = "RobotID")]
    robot_id: String,
    /// The number, in E.164 (assumed).
    #[serde(rename = "CalleeNumber")]
    callee_number: String,
    /// The last call to the number, 32 hex; empty if there was none (assumed).
    #[serde(rename = "CallID")]
    pub(in crate::simulator) call_id: String,
    /// Where the recording is; empty if nobody talked (assumed).
    #[serde(rename = "RecordLink")]
    pub(in crate::simulator) record_link: String,
    /// How long both sides talked, in seconds (assumed).
    #[serde(rename = "TalkDuration")]
    pub(in crate::simulator) talk_duration: u16,
    /// How often the number was dialled (assumed).
    #[serde(rename = "Attempts")]
    pub(super) attempts: u8,
    /// What was said, in order (assumed).
    #[serde(rename = "Dialog")]
    pub(in crate::simulator) dialog: Vec<Turn>,
    /// Info Check only: what was asked, and how the answers compare (assumed).
    #[serde(rename = "CheckResults", skip_serializing_if = "Option::is_none")]
    check_results: Option<Vec<CheckResult>>,
}

/// What a call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum RingType {
    /// A person answered.
    Answered,
    /// A machine answered.
    Voicemail,
    /// It rang, and nobody answered.
    NoAnswer,
    /// The line was busy.
    Busy,
    /// The phone was switched off.
    SwitchedOff,
    /// The phone was out of reach.
    OutOfArea,
    /// There is no such number.
    InvalidNumber,
    /// The person does not want to be called.
    DoNotCall,
}

impl From<Outcome> for RingType {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Talked | Outcome::HungUp => Self::Answered,
            Outcome::Voicemail => Self::Voicemail,
            Outcome::NoAnswer => Self::NoAnswer,
            Outcome::Busy => Self::Busy,
            Outcome::SwitchedOff => Self::SwitchedOff,
            Outcome::OutOfArea => Self::OutOfArea,
            Outcome::InvalidNumber => Self::InvalidNumber,
            Outcome::DoNotCall => Self::DoNotCall,
        }
    }
}

/// One turn of a dialogue (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::simulator) struct Turn {
    /// Who says it.
    pub(in crate::simulator) speaker: Speaker,
    /// What is said.
    pub(in crate::simulator) text: String,
    /// Seconds since the call was answered.
    pub(in crate::simulator) offset: i64,
}

/// One side of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::simulator) enum Speaker {
    Robot,
    User,
}

impl Speaker {
    fn of(speaker: dialogue::Speaker) -> Self {
        if speaker == dialogue::Speaker::User { Self::User } else { Self::Robot }
    }

    fn voice(self) -> recordings::Speaker {
        match self {
            Self::Robot => recordings::Speaker::Robot,
            Self::User => recordings::Speaker::User,
        }
    }
}

/// What a person wants: `A` to `I`, or 0 if it did not become clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Intention(pub(super) u8);

/// The words of intentions.
const INTENTIONS: [&str; 10] = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "--"];

impl Intention {
    /// Its word.
    pub(in crate::simulator) fn as_str(self) -> &'static str {
        let place = usize::from(self.0.wrapping_sub(b'A'));
        INTENTIONS.get(place).copied().unwrap_or("--")
    }
}

impl Serialize for Intention {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl JsonSchema for Intention {
    fn schema_name() -> Cow<'static, str> {
        "Intention".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": INTENTIONS })
    }
}

/// Everything it takes to report what became of the numbers of a task, apart from the task itself, so that a long response
/// can be written while calls go on.
#[derive(Clone)]
pub(in crate::simulator) struct CallReports {
    pub(super) key: TaskKey,
    pub(in crate::simulator) task_id: String,
    rows: Arc<Rows>,
    seed: Seed,
    robot: String,
    country: Country,
    starts: Timestamp,
    ids: Arc<Ids>,
    rules: Arc<Rules>,
    /// Where recordings are served: `http://127.0.0.1:2478`.
    public_url: Arc<str>,
    /// What talks are about and their language, where a story's conversation says so.
    about: Option<(Facts, &'static str)>,
}

impl Calling {
    pub(super) fn call_reports(&self, key: TaskKey) -> CallReports {
        let task = self.task(key);
        CallReports {
            key,
            task_id: self.task_id(key),
            rows: Arc::clone(&task.rows),
            seed: task.seed,
            robot: task.order.robot.clone(),
            country: self.countries.get(task.order.account.index()).copied().unwrap_or(Country::Id),
            starts: task.order.starts,
            ids: Arc::clone(&self.ids),
            rules: Arc::clone(&self.rules),
            public_url: Arc::clone(&self.public_url),
            about: None,
        }
    }
}

impl CallReports {
    /// How many rows there are.
    pub(in crate::simulator) fn count(&self) -> u32 {
        u32::try_from(self.rows.list.len()).unwrap_or(u32::MAX)
    }

    /// What became of a number so far.
    pub(in crate::simulator) fn latest(&self, at: u32) -> Option<CallDetail> {
        let row = self.rows.list.get(at as usize)?;
        Some(self.report(at, row))
    }

    /// What became of a number, reported of a row that may be an earlier attempt of it.
    pub(super) fn report(&self, at: u32, row: &Row) -> CallDetail {
        let text = self.rows.read_row(row);
        let robot = text.robot().unwrap_or(Cow::Borrowed(&*self.robot));
        let is_over = row.attempts > 0 && row.status != RowStatus::Calling;
        let talked = is_over && row.outcome == Outcome::Talked;
        let dialog = if talked { self.turns(at, row, &text) } else { Vec::new() };
        let intention = Intention(if is_over { row.intention } else { 0 });
        let has_times = row.status != RowStatus::Cancelled;
        // Clients read the times of every row that is not cancelled, also of those that nobody has called yet.
        let (from, to) = match row.attempts {
            0 => (self.starts, self.starts),
            _ if row.status == RowStatus::Calling => (row.started(), row.started()),
            _ => (row.started(), row.ends()),
        };
        CallDetail {
            comments: text.comments(),
            status: row.status,
            ring_type: is_over.then(|| row.outcome.into()),
            hangup_type: (is_over && row.outcome.is_connected()).then_some(if row.by_user {
                Speaker::User
            } else {
                Speaker::Robot
            }),
            intention,
            multi_intention: intention,
            call_start_time: has_times.then(|| utc_text(from)),
            call_end_time: has_times.then(|| utc_text(to)),
            check_results: self.checks(at, row, &text, &robot, talked),
            robot_id: robot.into_owned(),
            callee_number: format!("+{}", row.number),
            call_id: match row.attempts {
                0 => String::new(),
                attempt => self.ids.seal(Kind::Call, (self.key.0, at, u32::from(attempt))),
            },
            record_link: if talked { self.record_link(at, row) } else { String::new() },
            talk_duration: if is_over { row.talk } else { 0 },
            attempts: row.attempts,
            dialog,
        }
    }

    /// Where the recording of a number is, in the form of the vendor's links (client).
    fn record_link(&self, at: u32, row: &Row) -> String {
        let place = (self.key.0, at, u32::from(row.attempts));
        let folder = self.ids.seal(Kind::RecordingFolder, place);
        let file = self.ids.seal(Kind::Recording, place);
        format!("{}/download/{}/{folder}/{file}.wav", self.public_url, row.started().strftime("%Y%m%d"))
    }

    /// The country a number belongs to, or else that of the account.
    fn country_of(&self, row: &Row) -> Country {
        Country::of_number(&row.number.to_string()).unwrap_or(self.country)
    }

    /// What the talk was about: what the row says, the rest made up.
    fn facts(&self, at: u32, row: &Row, text: &RowText<'_>) -> Facts {
        let mut rng = stream(self.seed, "facts", at, row.attempts);
        let country = self.country_of(row);
        let name = text.debtor().unwrap_or_default();
        let drawn = Facts::draw(&mut rng, country, row.started(), &name);
        let amount = match text.arrears() {
            Some(sum) => {
                let cents = (sum.abs().min(1e15) * 100.0).round() as u64;
                Money { country, units: cents / 100, cents: u8::try_from(cents % 100).unwrap_or(0) }
            }
            None => drawn.amount,
        };
        let gender = match text.is_female() {
            Some(true) => Gender::Female,
            Some(false) => Gender::Male,
            None => drawn.gender,
        };
        Facts {
            amount,
            gender,
            date: text.due_date().unwrap_or(drawn.date),
            company: text.platform().map_or(drawn.company.clone(), Cow::into_owned),
            ..drawn
        }
    }

    /// What was said, in the customer's language, leading to what the customer wants, spread over the talk.
    fn turns(&self, at: u32, row: &Row, text: &RowText<'_>) -> Vec<Turn> {
        let mut rng = stream(self.seed, "dialogue", at, row.attempts);
        let intention = Intention(row.intention).as_str();
        let (facts, locale) = match &self.about {
            Some((facts, locale)) => (Cow::Borrowed(facts), *locale),
            None => (Cow::Owned(self.facts(at, row, text)), self.country_of(row).default_locale()),
        };
        let locale = content::closest_locale(locale);
        let Talk { turns, .. } = dialogue::leading_to(&mut rng, intention, locale, &facts);
        let lengths: Vec<i64> = turns.iter().map(|turn| speaking_time(&turn.text)).collect();
        let total = lengths.iter().sum::<i64>().max(1);
        let mut before = 0;
        turns
            .into_iter()
            .zip(lengths)
            .map(|(turn, length)| {
                let offset = before * i64::from(row.talk) / total;
                before += length;
                Turn { speaker: Speaker::of(turn.speaker), text: turn.text, offset }
            })
            .collect()
    }

    /// What an info check asked for and heard; nothing for other robots.
    fn checks(
        &self,
        at: u32,
        row: &Row,
        text: &RowText<'_>,
        robot: &str,
        talked: bool,
    ) -> Option<Vec<CheckResult>> {
        self.listed_robot(robot).filter(|(robot, _)| robot.business == Business::InfoCheck)?;
        let mut rng = stream(self.seed, "checks", at, row.attempts);
        let variables = RowText::variables(self.rows.text(row)).into_iter();
        let texts = variables.filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())));
        Some(checks(&mut rng, text.debtor().map(Cow::into_owned), texts, talked))
    }

    /// The recording of a number; nothing where nobody talked.
    pub(super) fn recording(&self, at: u32) -> Option<recordings::Recording> {
        let row = self.rows.list.get(at as usize)?;
        if row.status == RowStatus::Calling || row.attempts == 0 || row.outcome != Outcome::Talked {
            return None;
        }
        let text = self.rows.read_row(row);
        let robot = text.robot().unwrap_or(Cow::Borrowed(&*self.robot));
        if let Some(file) = self.own_recording(&robot) {
            return Some(recordings::Recording::Own(file.clone()));
        }
        let turns = self.turns(at, row, &text).into_iter();
        let turns: Vec<recordings::Turn> = turns
            .map(|turn| recordings::Turn {
                speaker: turn.speaker.voice(),
                offset: turn.offset,
                letters: turn.text.chars().count(),
            })
            .collect();
        Some(recordings::Recording::of_dialog(u32::from(row.talk), &turns))
    }

    /// The robot of the list that a call names, by its name or its id, and that id.
    fn listed_robot(&self, named: &str) -> Option<(&Robot, String)> {
        let robots = self.rules.robots.iter().zip(0..);
        robots
            .map(|(robot, at)| (robot, self.ids.seal(Kind::Robot, (at, 0, 0))))
            .find(|(robot, id)| robot.name == named || id == named)
    }

    /// The user's own recording of a robot, which the settings name as the call does or in the other way.
    fn own_recording(&self, robot: &str) -> Option<&recordings::WavFile> {
        let files = &self.rules.recordings;
        if files.is_empty() {
            return None;
        }
        files.get(robot).or_else(|| {
            let (robot, id) = self.listed_robot(robot)?;
            files.get(&robot.name).or_else(|| files.get(&id))
        })
    }

    /// The customer's own id of a workflow's row.
    pub(in crate::simulator) fn case_id(&self, at: u32) -> String {
        let text = self.rows.list.get(at as usize).map(|row| self.rows.read_row(row));
        text.and_then(|text| text.case_id().map(Cow::into_owned)).unwrap_or_default()
    }

    /// The name of a recording within the archive of its task.
    pub(super) fn file_name(&self, at: u32) -> String {
        let number = self.rows.list.get(at as usize).map_or(0, |row| row.number);
        format!("{number}_{}.wav", at + 1)
    }
}

/// The call of a story's case: it belongs to no task, and nothing is served behind its link.
pub(in crate::simulator) struct CaseCall {
    pub(in crate::simulator) task_id: String,
    pub(in crate::simulator) started: Timestamp,
    pub(in crate::simulator) intention: Intention,
    pub(in crate::simulator) detail: CallDetail,
}

impl CaseCall {
    /// A talk about these facts that ended at a moment.
    pub(in crate::simulator) fn draw(
        context: &Context,
        rng: &mut Rng,
        robot: String,
        (number, comments): (u64, &str),
        (facts, locale): (Facts, &'static str),
        ended: Timestamp,
    ) -> Self {
        let rules = Arc::clone(&context.behaviour.calling);
        let wanted = MockOutcome { outcome: Some(Outcome::Talked), ..MockOutcome::default() };
        let drawn = draw(&rules, wanted, rng, 1);
        let text = serde_json::json!({ "Comments": comments }).to_string();
        let (rows, row) = Rows::of_one(number, text.into(), drawn, ended);
        // Real tasks are numbered from 0, so that nobody's is meant.
        let key = TaskKey(rng.random::<u32>() | 1 << 31);
        let reports = CallReports {
            key,
            task_id: context.ids.seal(Kind::Task, (key.0, 0, 0)),
            rows: Arc::new(rows),
            seed: Seed(rng.random()),
            robot,
            country: facts.country,
            starts: row.started(),
            ids: Arc::clone(&context.ids),
            rules,
            public_url: "https://recordings.example".into(),
            about: Some((facts, locale)),
        };
        let detail = reports.report(rng.random(), &row);
        Self { started: row.started(), intention: detail.intention, detail, task_id: reports.task_id }
    }
}

//! The result of a call to a number, as queries and callbacks report it.
//!
//! It is not stored: what was said, the speakers and the link of the recording follow from the row, its attempt and the task's
//! seed, and are computed anew for each report.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::dialog::{self, Dialogs};
use super::draw::draw;
use super::info_check::{CheckResult, results};
use super::rows::{Row, RowStatus, Rows};
use super::{Calling, TaskKey};
use crate::content::Country;
use crate::content::dialogue;
use crate::content::facts::Facts;
use crate::content::voice::{INTENTIONS, Talk};
use crate::contract::bodies::utc_text;
use crate::contract::fields::{OrEmpty, or_empty};
use crate::recordings;
use crate::seed::{Rng, Seed};
use crate::simulator::context::Context;
use crate::simulator::ids::Kind;
use crate::simulator::outcome::{MockOutcome, Outcome};
use crate::simulator::rules::recordings::{NoRecording, RecordingTimes};
use crate::time::later;

/// What became of one number (client).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(in crate::simulator) struct CallDetail {
    /// The customer's own id, as it was given: a string or an integer. Left out if none was given.
    #[serde(rename = "Comments", skip_serializing_if = "Option::is_none")]
    comments: Option<Value>,
    /// The status of the number.
    #[serde(rename = "Status")]
    status: RowStatus,
    /// The result of the last call; empty before it has ended (the words are assumed).
    #[serde(rename = "RingType", serialize_with = "or_empty")]
    #[schemars(with = "OrEmpty<RingType>")]
    ring_type: Option<RingType>,
    /// Who hung up; empty if nobody answered (the words are assumed).
    #[serde(rename = "HangupType", serialize_with = "or_empty")]
    #[schemars(with = "OrEmpty<Speaker>")]
    hangup_type: Option<Speaker>,
    /// What the person wanted; `--` if unclear.
    #[serde(rename = "Intention")]
    intention: Intention,
    /// Everything the person wanted, in the order in which it was said, separated by commas: `C,A`; `--` if unclear (the
    /// commas are assumed).
    #[serde(rename = "Multi_intention")]
    multi_intention: Cow<'static, str>,
    /// When dialling began: `2025-04-15T06:41:00Z`; before the first call, when the task was created. Left out if the number was
    /// cancelled (the time before the first call is assumed).
    #[serde(rename = "CallStartTime", skip_serializing_if = "Option::is_none")]
    call_start_time: Option<String>,
    /// When the call ended: `2025-04-15T06:41:00Z`; the same as `CallStartTime` before the first call and during a call. Left
    /// out if the number was cancelled (the time before the end is assumed).
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
    /// The URL of the recording; empty if nobody talked (assumed).
    #[serde(rename = "RecordLink")]
    pub(in crate::simulator) record_link: String,
    /// How long both sides talked, in seconds; 0 if the person hung up at once (assumed).
    #[serde(rename = "TalkDuration")]
    pub(in crate::simulator) talk_duration: u16,
    /// How often the number was dialled (assumed).
    #[serde(rename = "Attempts")]
    pub(super) attempts: u8,
    /// The dialogue, in order (assumed).
    #[serde(rename = "Dialog")]
    pub(in crate::simulator) dialog: Vec<Turn>,
    /// Info Check only: the questions, and how the answers compare (assumed).
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
    /// The speaker.
    pub(in crate::simulator) speaker: Speaker,
    /// The text.
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

/// A person's intention: `A` to `I`, or 0 if it did not become clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Intention(pub(super) u8);

impl Intention {
    /// Returns its word.
    pub(in crate::simulator) fn as_str(self) -> &'static str {
        dialog::word(self.0)
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

/// Everything needed to report the results of a task's numbers, apart from the task itself, so that a long response can be
/// written while calls go on.
#[derive(Clone)]
pub(in crate::simulator) struct CallReports {
    pub(super) key: TaskKey,
    pub(in crate::simulator) task_id: String,
    rows: Arc<Rows>,
    /// The round of a plan, counted from 1.
    round: u32,
    starts: Timestamp,
    /// The URL prefix of recordings: `http://127.0.0.1:2478`.
    public_url: Arc<str>,
    dialogs: Dialogs,
}

impl Calling {
    /// Returns everything needed to generate what is said in the calls of a task.
    pub(super) fn dialogs(&self, key: TaskKey) -> Dialogs {
        let task = &self.tasks[key];
        Dialogs {
            rules: Arc::clone(&self.rules),
            ids: Arc::clone(&self.ids),
            seed: task.seed,
            robot: task.order.robot.clone(),
            country: self.countries.get(task.order.account.index()).copied().unwrap_or(Country::Id),
            about: None,
        }
    }

    pub(super) fn call_reports(&self, key: TaskKey) -> CallReports {
        let task = &self.tasks[key];
        CallReports {
            key,
            task_id: self.task_id(key),
            rows: Arc::clone(&task.rows),
            round: task.round(),
            // For a number not called yet, report no future times.
            starts: task.created,
            public_url: Arc::clone(&self.public_url),
            dialogs: self.dialogs(key),
        }
    }
}

impl CallReports {
    /// Returns the number of rows.
    pub(in crate::simulator) fn count(&self) -> u32 {
        u32::try_from(self.rows.list.len()).unwrap_or(u32::MAX)
    }

    /// Returns the result of a number so far.
    pub(in crate::simulator) fn latest(&self, at: u32) -> Option<CallDetail> {
        let row = self.rows.list.get(at as usize)?;
        Some(self.report(at, row))
    }

    /// Returns what has been said so far in a call under way.
    pub(super) fn said(&self, at: u32, now: Timestamp) -> Vec<Turn> {
        let Some(row) = self.rows.list.get(at as usize) else { return Vec::new() };
        let answered = later(row.started(), Duration::from_secs(row.ring.into()));
        let (Ok(talked), Outcome::Talked) = (Duration::try_from(now.duration_since(answered)), row.outcome)
        else {
            return Vec::new();
        };
        let text = self.rows.read_row(row);
        let dialog = self.dialogs.dialog(at, row, (&self.rows, &text), self.mock_outcome(row), true);
        let Some(mut talk) = dialog.talk else { return Vec::new() };
        talk.turns.retain(|said| u128::from(said.from) <= talked.as_millis());
        turns(talk)
    }

    /// Returns the report of a number for a row, which may describe an earlier attempt.
    pub(super) fn report(&self, at: u32, row: &Row) -> CallDetail {
        let text = self.rows.read_row(row);
        let is_over = row.attempts > 0 && row.status != RowStatus::Calling;
        let talked = row.has_talk();
        let mock_outcome = self.mock_outcome(row);
        let dialog = self.dialogs.dialog(at, row, (&self.rows, &text), mock_outcome, talked);
        let heard = dialog.talk.as_ref().map(|talk| &*talk.heard).unwrap_or_default();
        let check_results = dialog.questions.map(|questions| results(questions, heard));
        let intention = Intention(if is_over { row.intention } else { 0 });
        let multi_intention = match dialog::letters(mock_outcome, intention.0) {
            letters if talked && letters.len() > 1 => Cow::Owned(letters.join(",")),
            _ => Cow::Borrowed(intention.as_str()),
        };
        let has_times = row.status != RowStatus::Cancelled;
        // Clients read the times of every row that is not cancelled, even if it has not been called yet.
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
            multi_intention,
            call_start_time: has_times.then(|| utc_text(from)),
            call_end_time: has_times.then(|| utc_text(to)),
            check_results,
            robot_id: self.dialogs.robot_of(&text).into_owned(),
            callee_number: format!("+{}", row.number),
            call_id: match row.attempts {
                0 => String::new(),
                attempt => self.dialogs.ids.seal(Kind::Call, (self.key.0, at, u32::from(attempt))),
            },
            record_link: if talked { self.record_link(at, row) } else { String::new() },
            // Somebody who hangs up at once was on the line, but did not talk.
            talk_duration: if talked { row.talk } else { 0 },
            attempts: row.attempts,
            dialog: dialog.talk.map(turns).unwrap_or_default(),
        }
    }

    /// Returns the link to the recording of a number, in the form of the vendor's links (client).
    fn record_link(&self, at: u32, row: &Row) -> String {
        let place = (self.key.0, at, u32::from(row.attempts));
        let folder = self.dialogs.ids.seal(Kind::RecordingFolder, place);
        let file = self.dialogs.ids.seal(Kind::Recording, place);
        format!("{}/download/{}/{folder}/{file}.wav", self.public_url, row.started().strftime("%Y%m%d"))
    }

    /// Returns the mock outcome of a row in this round of the plan.
    fn mock_outcome(&self, row: &Row) -> MockOutcome {
        let mock_outcome = self.rows.mock_outcome(row, |number| self.dialogs.rules.mock_outcome_of(number));
        mock_outcome.in_round(self.round)
    }

    /// Returns when recordings are available.
    pub(super) fn recording_times(&self) -> RecordingTimes {
        self.dialogs.rules.recording_times
    }

    /// Whether the latest call to a number is over and had a talk.
    pub(super) fn is_recorded(&self, at: u32) -> bool {
        self.rows.list.get(at as usize).is_some_and(Row::has_talk)
    }

    /// Checks whether the recording of that call is available.
    pub(super) fn is_there(&self, at: u32, now: Timestamp) -> Result<(), NoRecording> {
        let row = self.rows.list.get(at as usize).ok_or(NoRecording::Unknown)?;
        self.recording_times().check(row.ends(), now)
    }

    /// Returns the recording of a number, or `None` if there was no talk.
    pub(super) fn recording(&self, at: u32) -> Option<recordings::Recording> {
        let row = self.rows.list.get(at as usize)?;
        if !self.is_recorded(at) {
            return None;
        }
        let text = self.rows.read_row(row);
        if let Some(file) = self.own_recording(&self.dialogs.robot_of(&text)) {
            return Some(recordings::Recording::Own(file.clone()));
        }
        let dialog = self.dialogs.dialog(at, row, (&self.rows, &text), self.mock_outcome(row), true);
        let said = dialog.talk.into_iter().flat_map(|talk| talk.turns);
        let turns: Vec<recordings::Turn> = said
            .map(|said| recordings::Turn {
                speaker: Speaker::of(said.speaker).voice(),
                from: said.from,
                lasts: said.lasts,
            })
            .collect();
        Some(recordings::Recording::of_dialog(u32::from(row.talk), &turns))
    }

    /// Returns the user's own recording for a robot, which the settings may name by its name or its id, whichever the call
    /// uses.
    fn own_recording(&self, robot: &str) -> Option<&recordings::WavFile> {
        let files = &self.dialogs.rules.recordings;
        if files.is_empty() {
            return None;
        }
        files.get(robot).or_else(|| {
            let (robot, at) = self.dialogs.listed_robot(robot)?;
            files.get(&robot.name).or_else(|| files.get(&self.dialogs.ids.seal(Kind::Robot, (at, 0, 0))))
        })
    }

    /// Returns the customer's own id of a workflow's row.
    pub(in crate::simulator) fn case_id(&self, at: u32) -> String {
        let text = self.rows.list.get(at as usize).map(|row| self.rows.read_row(row));
        text.and_then(|text| text.case_id().map(Cow::into_owned)).unwrap_or_default()
    }

    /// Returns the file name of a recording within the archive of its task.
    pub(super) fn file_name(&self, at: u32) -> String {
        let number = self.rows.list.get(at as usize).map_or(0, |row| row.number);
        format!("{number}_{}.wav", at + 1)
    }
}

/// Returns the turns of a talk as they are reported.
fn turns(talk: Talk) -> Vec<Turn> {
    let said = talk.turns.into_iter();
    said.map(|said| Turn {
        speaker: Speaker::of(said.speaker),
        text: said.text,
        offset: i64::from(said.from / 1_000),
    })
    .collect()
}

/// The call of a story's case. It belongs to no task, and its link is not served.
pub(in crate::simulator) struct CaseCall {
    pub(in crate::simulator) task_id: String,
    pub(in crate::simulator) started: Timestamp,
    pub(in crate::simulator) detail: CallDetail,
}

impl CaseCall {
    /// Draws a talk about these facts that ended at a moment, about a debt or about something else.
    pub(in crate::simulator) fn draw(
        context: &Context,
        rng: &mut Rng,
        robot: String,
        (number, comments, has_debt): (u64, &str, bool),
        (mut facts, locale): (Facts, &'static str),
        ended: Timestamp,
    ) -> Self {
        let rules = Arc::clone(&context.behaviour.calling);
        let wanted = MockOutcome { outcome: Some(Outcome::Talked), ..MockOutcome::default() };
        let drawn = draw(&rules, wanted, rng, 1);
        let mut text = serde_json::json!({ "Comments": comments });
        if has_debt {
            text["Arrears"] = facts.amount.units.into();
            facts.date = facts.overdue(ended);
        }
        let (rows, mut row) = Rows::of_one(number, text.to_string().into(), drawn);
        // Real tasks are numbered from 0, so this key belongs to none of them.
        let key = TaskKey(rng.random::<u32>() | 1 << 31);
        let dialogs = Dialogs {
            rules,
            ids: Arc::clone(&context.ids),
            seed: Seed(rng.random()),
            robot,
            country: facts.country,
            about: Some((dialog::about(facts), locale)),
        };
        let at = rng.random();
        row.talk = dialogs.seconds(at, &row, &rows, wanted);
        row.started = ended.as_millisecond() - row.lasts();
        let reports = CallReports {
            key,
            task_id: context.ids.seal(Kind::Task, (key.0, 0, 0)),
            rows: Arc::new(rows),
            round: 1,
            starts: row.started(),
            public_url: "https://recordings.example".into(),
            dialogs,
        };
        let detail = reports.report(at, &row);
        Self { started: row.started(), detail, task_id: reports.task_id }
    }
}

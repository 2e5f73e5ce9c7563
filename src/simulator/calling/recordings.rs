//! *Obtain a call recording*, *obtain task recordings*, *call information by callid*, and what is behind their links.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call_detail::CallDetail;
use super::draw::{draw, stream};
use super::rows::{Row, RowStatus};
use super::{Calling, Download, TaskKey, unknown};
use crate::simulator::e164::PhoneNumber;
use crate::simulator::ids::Kind;
use crate::simulator::outcome::Outcome;
use crate::simulator::{Refusal, Request, Simulator};

/// `GET /service/cloud/case` (client).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct AskRecording {
    /// The id of a task, 32 hex digits.
    #[serde(rename = "TaskID")]
    task_id: String,
    /// A number in E.164 such as `+6281112345678`.
    #[serde(rename = "Callee")]
    number: PhoneNumber,
}

/// The facts of one call, with the link to its recording (assumed).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(in crate::simulator) struct CallFacts {
    /// Where the recording is; empty if nobody talked.
    link: String,
    /// The task, 32 hex.
    #[serde(rename = "TaskID")]
    task_id: String,
    /// What became of the call.
    #[serde(flatten)]
    call: CallDetail,
}

impl CallFacts {
    pub(super) fn new(task_id: &str, call: CallDetail) -> Self {
        Self { link: call.record_link.clone(), task_id: task_id.to_owned(), call }
    }

    /// Whether somebody talked.
    pub(super) fn is_recorded(&self) -> bool {
        !self.link.is_empty()
    }
}

/// The latest recorded call to a number of a task.
pub(super) fn recording_of_number(
    simulator: &mut Simulator,
    asked: AskRecording,
    request: &Request<'_>,
) -> Result<CallFacts, Refusal> {
    let calling = &mut simulator.calling;
    let key = calling.find_task(&asked.task_id, request)?;
    let rows = calling.rows_of(key, asked.number)?;
    let reports = calling.call_reports(key);
    let recorded = rows.into_iter().rev().find(|row| reports.recording(*row).is_some());
    match recorded.and_then(|row| reports.latest(row)) {
        Some(call) => Ok(CallFacts::new(&reports.task_id, call)),
        None => {
            Err(Refusal::new(404, format!("there is no recording of {}: nobody has talked", asked.number)))
        }
    }
}

/// `GET /service/cloud/recording` (client).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct AskRecordings {
    /// The id of a task, 32 hex digits.
    #[serde(rename = "TaskID")]
    task_id: String,
}

/// All recordings of a task (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Archive {
    /// Where the zip with all of them is (client; that it is a link is assumed).
    link: String,
}

/// The archive of all recordings of a task.
pub(super) fn recordings_of_task(
    simulator: &mut Simulator,
    asked: AskRecordings,
    request: &Request<'_>,
) -> Result<Archive, Refusal> {
    let calling = &simulator.calling;
    let key = calling.find_task(&asked.task_id, request)?;
    if calling.recorded(key).next().is_none() {
        return Err(Refusal::new(404, "there are no recordings in this task: nobody has talked"));
    }
    let place = (key.0, 0, 0);
    let day = calling.task(key).created.strftime("%Y%m%d");
    let folder = calling.ids.seal(Kind::ArchiveFolder, place);
    let file = calling.ids.seal(Kind::Archive, place);
    Ok(Archive { link: format!("{}/download/{day}/{folder}/{file}.zip", calling.public_url) })
}

/// `GET /service/cloud/callinfo` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct AskCall {
    /// The id of a call, 32 hex digits.
    #[serde(rename = "CallID")]
    call_id: String,
}

/// The facts of one call, also of an earlier attempt to reach a number.
pub(super) fn call_by_id(
    simulator: &mut Simulator,
    asked: AskCall,
    request: &Request<'_>,
) -> Result<CallFacts, Refusal> {
    let calling = &simulator.calling;
    let missing = || unknown("call", "CallID", &asked.call_id);
    let (task, at, attempt) = calling.ids.open(Kind::Call, &asked.call_id).ok_or_else(missing)?;
    let key = TaskKey(task);
    let own = calling.tasks.get(task as usize).filter(|task| task.order.account == request.account);
    let row = own.and_then(|task| task.row(at)).copied().ok_or_else(missing)?;
    let attempt = u8::try_from(attempt).map_err(|_| missing())?;
    let reports = calling.call_reports(key);
    let call = if attempt == row.attempts {
        reports.latest(at)
    } else {
        calling.earlier_attempt(key, at, attempt).map(|row| reports.report(at, &row))
    };
    Ok(CallFacts::new(&reports.task_id, call.ok_or_else(missing)?))
}

impl Calling {
    /// Every call to a number of a task, the first one first.
    pub(super) fn calls_to(&self, key: TaskKey, at: u32) -> Vec<CallFacts> {
        let reports = self.call_reports(key);
        let attempts = self.task(key).row(at).map_or(0, |row| row.attempts);
        let earlier = (1..attempts).filter_map(|attempt| self.earlier_attempt(key, at, attempt));
        let calls = earlier.map(|row| reports.report(at, &row)).chain(reports.latest(at));
        calls.filter(|call| call.attempts > 0).map(|call| CallFacts::new(&reports.task_id, call)).collect()
    }

    /// A number as it stood after an earlier attempt.
    fn earlier_attempt(&self, key: TaskKey, at: u32, attempt: u8) -> Option<Row> {
        let task = self.task(key);
        let mut row = *task.row(at)?;
        row.started = *task.earlier.get(&(at, attempt))?;
        row.status = RowStatus::Finished;
        let mock_outcome = self.mock_outcome(key, at);
        let drawn = draw(&self.rules, mock_outcome, &mut stream(task.seed, "call", at, attempt), attempt);
        Some(self.attempted(key, at, row, (attempt, drawn), mock_outcome))
    }

    /// The rows of a task that have a recording.
    fn recorded(&self, key: TaskKey) -> impl Iterator<Item = u32> + '_ {
        let rows = &self.task(key).rows.list;
        rows.iter().enumerate().filter_map(|(at, row)| {
            let talked =
                row.attempts > 0 && row.status != RowStatus::Calling && row.outcome == Outcome::Talked;
            u32::try_from(at).ok().filter(|_| talked)
        })
    }

    /// What is behind a link.
    pub(in crate::simulator) fn download(&self, folder: &str, file: &str) -> Option<Download> {
        let same = |folder_kind, kind| {
            let place = self.ids.open(kind, file)?;
            (self.ids.open(folder_kind, folder) == Some(place)).then_some(place)
        };
        if let Some((task, row, attempt)) = same(Kind::RecordingFolder, Kind::Recording) {
            let known = self.tasks.get(task as usize)?.row(row)?;
            if u32::from(known.attempts) != attempt {
                return None;
            }
            let reports = self.call_reports(TaskKey(task));
            return Some(Download::One { name: reports.file_name(row), recording: reports.recording(row)? });
        }
        let (task, ..) = same(Kind::ArchiveFolder, Kind::Archive)?;
        let key = TaskKey(task);
        self.tasks.get(task as usize)?;
        let (reports, rows) = (self.call_reports(key), self.recorded(key).collect::<Vec<u32>>());
        let entries =
            rows.into_iter().filter_map(move |row| Some((reports.file_name(row), reports.recording(row)?)));
        Some(Download::All(Box::new(entries)))
    }
}

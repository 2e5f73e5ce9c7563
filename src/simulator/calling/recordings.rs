//! *Obtain a call recording*, *obtain task recordings*, *call information by callid*, and the files of their links.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call_detail::{CallDetail, CallReports};
use super::rows::{Row, RowStatus};
use super::{Calling, Download, TaskKey, unknown};
use crate::simulator::e164::PhoneNumber;
use crate::simulator::ids::Kind;
use crate::simulator::rules::recordings::NoRecording;
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

/// The recording of a number, and the facts of its call (assumed).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct NumberRecording {
    /// The URL of the recording. If nobody talked, and until it exists, the response is 404 instead.
    link: String,
    /// The task, 32 hex.
    #[serde(rename = "TaskID")]
    task_id: String,
    /// What became of the call.
    #[serde(flatten)]
    call: CallDetail,
}

/// The facts of one call, with the link to its recording (assumed).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(in crate::simulator) struct CallFacts {
    /// The URL of the recording; empty if nobody talked, and until it exists.
    link: String,
    /// The task, 32 hex.
    #[serde(rename = "TaskID")]
    task_id: String,
    /// What became of the call.
    #[serde(flatten)]
    call: CallDetail,
}

impl CallFacts {
    /// Creates the facts of a row's latest call, or of an earlier one.
    fn new(reports: &CallReports, at: u32, row: &Row, now: Timestamp) -> Self {
        let call = reports.report(at, row);
        let is_there = reports.recording_times().check(row.ends(), now).is_ok();
        let link = if is_there { call.record_link.clone() } else { String::new() };
        Self { link, task_id: reports.task_id.clone(), call }
    }

    /// Whether it has a recording.
    pub(super) fn is_recorded(&self) -> bool {
        !self.link.is_empty()
    }
}

/// Returns the latest recorded call to a number of a task.
pub(super) fn recording_of_number(
    simulator: &mut Simulator,
    asked: AskRecording,
    request: &Request<'_>,
) -> Result<NumberRecording, Refusal> {
    let calling = &mut simulator.calling;
    let key = calling.find_task(&asked.task_id, request)?;
    let rows = calling.rows_of(key, asked.number)?;
    let reports = calling.call_reports(key);
    let recorded = rows.iter().copied().rev().find(|row| reports.is_recorded(*row));
    let Some(call) = recorded.and_then(|row| Some((row, reports.latest(row)?))) else {
        let statuses = rows.iter().filter_map(|row| Some(calling.tasks[key].row(*row)?.status));
        let why = match statuses.min_by_key(|status| (*status != RowStatus::Calling, *status as u8)) {
            Some(RowStatus::Calling) => " yet: it is being called",
            Some(RowStatus::Pending) => " yet: it is still to be called",
            _ => ": nobody talked",
        };
        return Err(Refusal::new(404, format!("there is no recording of {}{why}", asked.number)));
    };
    reports.is_there(call.0, request.now).map_err(|error| Refusal::new(404, error.to_string()))?;
    let call = call.1;
    Ok(NumberRecording { link: call.record_link.clone(), task_id: reports.task_id, call })
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
    /// The URL of the zip file with all of them.
    link: String,
}

/// Returns the archive of all recordings of a task.
pub(super) fn recordings_of_task(
    simulator: &mut Simulator,
    asked: AskRecordings,
    request: &Request<'_>,
) -> Result<Archive, Refusal> {
    let calling = &simulator.calling;
    let key = calling.find_task(&asked.task_id, request)?;
    let reports = calling.call_reports(key);
    let mut recorded = calling.recorded(key).map(|row| reports.is_there(row, request.now)).peekable();
    match recorded.peek().cloned() {
        None => {
            return Err(Refusal::new(404, calling.why_not_recorded(key)));
        }
        // One available recording is enough.
        Some(first) => recorded.find(Result::is_ok).unwrap_or(first),
    }
    .map_err(|error| Refusal::new(404, error.to_string()))?;
    let place = (key.0, 0, 0);
    let day = calling.tasks[key].created.strftime("%Y%m%d");
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

/// Returns the facts of one call, which may be an earlier attempt to reach a number.
pub(super) fn call_by_id(
    simulator: &mut Simulator,
    asked: AskCall,
    request: &Request<'_>,
) -> Result<CallFacts, Refusal> {
    let calling = &simulator.calling;
    let missing = || unknown("call", "CallID", &asked.call_id);
    let (task, at, attempt) = calling.ids.open(Kind::Call, &asked.call_id).ok_or_else(missing)?;
    let key = TaskKey(task);
    let own = calling.tasks.get(key).filter(|task| task.order.account == request.account);
    let row = own.and_then(|task| task.row(at)).copied().ok_or_else(missing)?;
    let attempt = u8::try_from(attempt).map_err(|_| missing())?;
    let reports = calling.call_reports(key);
    let row = if attempt == row.attempts { Some(row) } else { calling.earlier_attempt(key, at, attempt) };
    Ok(CallFacts::new(&reports, at, &row.ok_or_else(missing)?, request.now))
}

impl Calling {
    /// Returns every call to a number of a task, the first one first.
    pub(super) fn calls_to(&self, key: TaskKey, at: u32, now: Timestamp) -> Vec<CallFacts> {
        let reports = self.call_reports(key);
        let latest = self.tasks[key].row(at).copied();
        let attempts = latest.map_or(0, |row| row.attempts);
        let earlier = (1..attempts).filter_map(|attempt| self.earlier_attempt(key, at, attempt));
        let calls = earlier.chain(latest).filter(|row| row.attempts > 0);
        calls.map(|row| CallFacts::new(&reports, at, &row, now)).collect()
    }

    /// Returns the row as it was after an earlier attempt.
    fn earlier_attempt(&self, key: TaskKey, at: u32, attempt: u8) -> Option<Row> {
        let task = &self.tasks[key];
        let mut row = *task.row(at)?;
        row.started = *task.earlier.get(&(at, attempt))?;
        row.status = RowStatus::Finished;
        let mock_outcome = self.mock_outcome(key, at);
        let drawn = self.drawn(key, at, attempt, mock_outcome);
        Some(self.attempted(key, at, row, (attempt, drawn), mock_outcome))
    }

    /// Returns why a task has no recording.
    fn why_not_recorded(&self, key: TaskKey) -> &'static str {
        let task = &self.tasks[key];
        match (task.sums.calling, task.sums.pending, task.began) {
            (0, 0, _) => "this task has no recordings: nobody talked",
            (0, _, None) => "this task has no recordings yet: it has not begun",
            _ => "this task has no recordings yet: its calls are not over",
        }
    }

    /// Returns the rows of a task that have a recording.
    fn recorded(&self, key: TaskKey) -> impl Iterator<Item = u32> + '_ {
        let rows = &self.tasks[key].rows.list;
        rows.iter().enumerate().filter_map(|(at, row)| u32::try_from(at).ok().filter(|_| row.has_talk()))
    }

    /// Returns the file of a link.
    pub(in crate::simulator) fn download(
        &self,
        folder: &str,
        file: &str,
        now: Timestamp,
    ) -> Result<Download, NoRecording> {
        let same = |folder_kind, kind| {
            let place = self.ids.open(kind, file)?;
            (self.ids.open(folder_kind, folder) == Some(place)).then_some(place)
        };
        if let Some((task, row, attempt)) = same(Kind::RecordingFolder, Kind::Recording) {
            let key = TaskKey(task);
            let known = self.tasks.get(key).and_then(|task| task.row(row));
            let known = known.filter(|known| u32::from(known.attempts) == attempt);
            known.ok_or(NoRecording::Unknown)?;
            let reports = self.call_reports(key);
            let recording = reports.recording(row).ok_or(NoRecording::Unknown)?;
            reports.is_there(row, now)?;
            return Ok(Download::One { name: reports.file_name(row), recording });
        }
        let (task, ..) = same(Kind::ArchiveFolder, Kind::Archive).ok_or(NoRecording::Unknown)?;
        let key = TaskKey(task);
        self.tasks.get(key).ok_or(NoRecording::Unknown)?;
        let reports = self.call_reports(key);
        let (there, missing): (Vec<u32>, Vec<u32>) =
            self.recorded(key).partition(|row| reports.is_there(*row, now).is_ok());
        // An archive contains the available recordings; without any, there is no archive.
        if let (true, Some(first)) = (there.is_empty(), missing.first()) {
            reports.is_there(*first, now)?;
        }
        let entries =
            there.into_iter().filter_map(move |row| Some((reports.file_name(row), reports.recording(row)?)));
        Ok(Download::All(Box::new(entries)))
    }
}

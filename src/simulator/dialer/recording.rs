//! Recordings of calls. What was said and the link of the recording follow from the call and the task's seed, and are computed
//! anew each time.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::CallRow;
use super::fields::is_id;
use super::mock_outcome::Twist;
use super::{Dialer, TaskKey};
use crate::content::Country;
use crate::content::dialogue;
use crate::content::facts::Facts;
use crate::recordings::{Recording, Speaker, Turn};
use crate::simulator::calling::{Download, agent_talk, stream};
use crate::simulator::ending::Ending;
use crate::simulator::ids::Kind;
use crate::simulator::rules::recordings::NoRecording;
use crate::simulator::{Refusal, Request, Simulator};

/// `POST /service/callcenter/call/predict/case/recording` (client).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct RecordingOf {
    /// The id of the call.
    callid: String,
}

/// The body of the response (client).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RecordingLink {
    /// The URL of the recording, a WAV file.
    link: String,
}

/// Returns links to what agent and person said.
pub(super) fn recording(
    simulator: &mut Simulator,
    RecordingOf { callid }: RecordingOf,
    request: &Request<'_>,
) -> Result<RecordingLink, Refusal> {
    let dialer = &simulator.dialer;
    if !is_id(&callid) {
        return Err(Refusal::new(10609, "callid is not an id: expected 32 lower-case hexadecimal digits"));
    }
    let unknown = || Refusal::new(10609, "callid names no call");
    let (task, at, _) = dialer.ids.open(Kind::DialerCall, &callid).ok_or_else(unknown)?;
    let key = TaskKey(task);
    let task = dialer.tasks.get(key).ok_or_else(unknown)?;
    let call = task.calls.get(at as usize).ok_or_else(unknown)?;
    if task.settings.account != request.account {
        return Err(Refusal::new(10610, "callid names a call of another account"));
    }
    match call.ending {
        None => Err(Refusal::new(10611, "the call is not finished")),
        Some(ending) if !ending.talked() => Err(Refusal::new(10612, "no agent answered the call")),
        Some(_) if !dialer.is_recorded(key, call) => Err(Refusal::new(10516, "the call has no recording")),
        Some(_) => {
            let there = dialer.is_there(call, request.now);
            there.map_err(|error| Refusal::new(10516, error.to_string()))?;
            Ok(RecordingLink { link: dialer.record_link(key, at) })
        }
    }
}

impl Dialer {
    /// Returns the link to the recording of a call, in the form of the vendor's links (client).
    pub(super) fn record_link(&self, key: TaskKey, call: u32) -> String {
        let place = (key.0, call, 0);
        let folder = self.ids.seal(Kind::DialerRecordingFolder, place);
        let file = self.ids.seal(Kind::DialerRecording, place);
        let day = self.call(key, call).started_at().strftime("%Y%m%d");
        format!("{}/download/{day}/{folder}/{file}.wav", self.public_url)
    }

    /// Whether a call has a recording: if agent and person talked, unless its mock_outcome says otherwise.
    pub(super) fn is_recorded(&self, key: TaskKey, call: &CallRow) -> bool {
        call.ending.is_some_and(Ending::talked) && self.course(key, call).twist != Twist::Unrecorded
    }

    /// Returns the file of a link, or `None` if there was no talk.
    pub(in crate::simulator) fn download(
        &self,
        folder: &str,
        file: &str,
        now: Timestamp,
    ) -> Result<Download, NoRecording> {
        let place = self.ids.open(Kind::DialerRecording, file);
        let place = place.filter(|place| self.ids.open(Kind::DialerRecordingFolder, folder) == Some(*place));
        let (task, call, _) = place.ok_or(NoRecording::Unknown)?;
        let key = TaskKey(task);
        let row = self.tasks.get(key).and_then(|task| task.calls.get(call as usize));
        let row = *row.filter(|row| self.is_recorded(key, row)).ok_or(NoRecording::Unknown)?;
        self.is_there(&row, now)?;
        let number = self.tasks[key].number_of(&row);
        let name = format!("{number}_{}.wav", call + 1);
        Ok(Download::One { name, recording: self.recording(key, call) })
    }

    /// Checks whether the recording of a call is available.
    fn is_there(&self, row: &CallRow, now: Timestamp) -> Result<(), NoRecording> {
        self.calling.recording_times.check(row.ended_at().unwrap_or(now), now)
    }

    fn recording(&self, key: TaskKey, call: u32) -> Recording {
        let (task, row) = (&self.tasks[key], self.call(key, call));
        let number = task.number_of(row).to_string();
        let home = self.homes.get(task.settings.account.index()).map_or(Country::Id, |home| home.country);
        let by_code = Country::of_number(&number);
        let country = by_code.unwrap_or(home);
        let mut rng = stream(task.seed, "dialogue", row.contact, row.nth);
        let name = self.person(key, row.contact).name;
        let facts = Facts::draw(&mut rng, country, row.started_at(), &name);
        let seconds = u16::try_from(row.talk_seconds()).unwrap_or(u16::MAX);
        let said = agent_talk(&mut rng, facts, self.course(key, row).intention, seconds).turns.into_iter();
        let turns: Vec<Turn> = said
            .map(|said| Turn {
                speaker: if said.speaker == dialogue::Speaker::User { Speaker::User } else { Speaker::Robot },
                from: said.from,
                lasts: said.lasts,
            })
            .collect();
        Recording::of_dialog(seconds.into(), &turns)
    }
}

//! A call as the query tells it, and its recording. What was said and where the recording lies follow from the call and
//! the task's seed, and are worked out anew whenever somebody asks.

use jiff::Timestamp;
use rand::RngExt;

use super::call::CallRow;
use super::callbacks::FOLLOW_UP;
use super::mock_outcome::Twist;
use super::{Dialer, TaskKey};
use crate::content;
use crate::content::Country;
use crate::content::dialogue::{self, Talk};
use crate::content::facts::Facts;
use crate::contract::bodies::dialer::{CustomizeResult, DetailRow};
use crate::contract::bodies::{Fields, utc_text};
use crate::recordings::{Recording, Speaker, Turn};
use crate::simulator::calling::{Download, stream};
use crate::simulator::ending::Ending;
use crate::simulator::ids::Kind;
use crate::simulator::talk::speaking_time;

fn text(moment: Option<Timestamp>) -> String {
    moment.map(utc_text).unwrap_or_default()
}

impl Dialer {
    pub(super) fn call_id(&self, key: TaskKey, call: u32) -> String {
        self.ids.seal(Kind::DialerCall, (key.0, call, 0))
    }

    /// Where the recording of a call is, in the form of the vendor's links (client).
    pub(super) fn record_link(&self, key: TaskKey, call: u32) -> String {
        let place = (key.0, call, 0);
        let folder = self.ids.seal(Kind::DialerRecordingFolder, place);
        let file = self.ids.seal(Kind::DialerRecording, place);
        let day = self.call(key, call).started_at().strftime("%Y%m%d");
        format!("{}/download/{day}/{folder}/{file}.wav", self.public_url)
    }

    /// Whether there is a recording of a call: where agent and person talked, unless its wish says otherwise.
    pub(super) fn is_recorded(&self, key: TaskKey, call: &CallRow) -> bool {
        call.ending.is_some_and(Ending::talked) && self.fate(key, call).twist != Twist::Unrecorded
    }

    /// A call as the query tells it.
    pub(super) fn row(&self, key: TaskKey, call: u32, with_info: bool) -> DetailRow {
        let (task, row) = (self.task(key), self.call(key, call));
        let (closing, person) = (self.closing(key, call), self.person(key, row.contact));
        let main_number = format!("+{}", task.contacts.list[row.contact as usize].number);
        let talked = row.ending.is_some_and(Ending::talked);
        DetailRow {
            task_id: self.task_id(key),
            task_name: task.order.name.clone(),
            callid: self.call_id(key, call),
            caller: task.caller.clone(),
            phone_number: format!("+{}", task.number_of(row)),
            main_number,
            phone_tag: task.column_of(row),
            calltime: text(row.was_dialled.then(|| row.started_at())),
            ringtime: text(row.rang_at()),
            answertime: text(row.answered_at()),
            talktime: text(row.talked_at()),
            endtime: text(row.ended_at()),
            talk_duration: row.talk_seconds(),
            waiting_duration: row.waiting_seconds(),
            talked_time: row.talk_seconds(),
            hold_duration: 0,
            biztype: String::new(),
            agent_name: self.agent_name(key, call),
            org_name: self
                .homes
                .get(task.order.account.index())
                .map(|home| home.name.clone())
                .unwrap_or_default(),
            task_start_time: text(task.began),
            talk_result: closing.result.to_owned(),
            remark: task.order.remark.clone(),
            talkremarks: String::new(),
            customer_name: person.name,
            hangup_reason: closing.reason.unwrap_or(0),
            call_result_type: row.ending.map(|ending| ending.result_type().to_owned()).unwrap_or_default(),
            call_type: "auto".to_owned(),
            reclink: closing.link.unwrap_or_default(),
            wf_contact_id: self.workflow_contact(key, row.contact).unwrap_or_default(),
            transfer_reason: String::new(),
            se_text: String::new(),
            se_score: if task.order.inspects && talked { i64::from(self.fate(key, row).score) } else { 0 },
            nth_call: i64::from(row.nth),
            admin_act: Vec::new(),
            customize_results: closing
                .follow_up
                .into_iter()
                .map(|value| CustomizeResult {
                    title: FOLLOW_UP.0.to_owned(),
                    group_name: FOLLOW_UP.1.to_owned(),
                    value: value.to_owned(),
                })
                .collect(),
            customer_info: if with_info { person.info } else { Fields::new() },
        }
    }

    /// What is behind a link; nothing where nobody has talked.
    pub(in crate::simulator) fn download(&self, folder: &str, file: &str) -> Option<Download> {
        let place = self.ids.open(Kind::DialerRecording, file)?;
        if self.ids.open(Kind::DialerRecordingFolder, folder) != Some(place) {
            return None;
        }
        let (task, call, _) = place;
        let row = *self.tasks.get(task as usize)?.calls.get(call as usize)?;
        let key = TaskKey(task);
        if !self.is_recorded(key, &row) {
            return None;
        }
        let number = self.task(key).number_of(&row);
        let name = format!("{number}_{}.wav", call + 1);
        Some(Download::One { name, recording: self.recording(key, call) })
    }

    fn recording(&self, key: TaskKey, call: u32) -> Recording {
        let (task, row) = (self.task(key), self.call(key, call));
        let number = task.number_of(row).to_string();
        let home = self.homes.get(task.order.account.index()).map_or(Country::Id, |home| home.country);
        let by_code = Country::of_number(&number);
        let country = by_code.unwrap_or(home);
        let mut rng = stream(task.seed, "dialogue", row.contact, row.nth);
        let name = self.person(key, row.contact).name;
        let facts = Facts::draw(&mut rng, country, row.started_at(), &name);
        let intention = match self.fate(key, row).intention {
            0 => "--".to_owned(),
            letter => char::from(letter).to_string(),
        };
        let locale = content::closest_locale(country.default_locale());
        let Talk { turns, .. } = dialogue::leading_to(&mut rng, &intention, locale, &facts);
        let total = turns.iter().map(|turn| speaking_time(&turn.text)).sum::<i64>().max(1);
        let (seconds, mut before) = (row.talk_seconds(), 0);
        let turns: Vec<Turn> = turns
            .into_iter()
            .map(|turn| {
                let offset = before * seconds / total;
                before += speaking_time(&turn.text);
                let is_user = turn.speaker == dialogue::Speaker::User;
                let speaker = if is_user { Speaker::User } else { Speaker::Robot };
                Turn { speaker, offset, letters: turn.text.chars().count() }
            })
            .collect();
        let seed = stream(task.seed, "voice", row.contact, row.nth).random();
        Recording::of_dialog(seed, u32::try_from(seconds).unwrap_or(0), &turns)
    }
}

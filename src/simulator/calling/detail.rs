//! What became of a number, as answers and notices tell it.
//!
//! Nothing of it is kept: what was said, who said it and where the recording lies follow from the row, its try and the
//! task's seed, and are worked out anew whenever somebody asks.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use rand::RngExt;
use rand::seq::IndexedRandom;
use serde_json::Value;

use super::draw::stream;
use super::rows::{Row, RowText, Rows, Standing};
use super::{Calling, TaskKey};
use crate::content;
use crate::content::Country;
use crate::content::Gender;
use crate::content::dialogue::{self, Speaker, Talk};
use crate::content::facts::{Facts, Money};
use crate::contract::bodies::calling::{CallCompleted, CallDetail, CheckResult, Counts, TaskFinished, Turn};
use crate::contract::bodies::utc_text;
use crate::recordings::Recording;
use crate::seed::Seed;
use crate::simulator::ids::{Ids, Kind};
use crate::simulator::outcome::Outcome;
use crate::simulator::rules::calling::{Business, Rules};
use crate::simulator::talk::speaking_time;

/// The longest list of what an info check asked for.
const MOST_CHECKS: usize = 5;

/// Everything it takes to tell what became of the numbers of a task, apart from the task itself, so that a long
/// answer can be written while calls go on.
#[derive(Clone)]
pub(super) struct Teller {
    pub(super) key: TaskKey,
    pub(super) task_id: String,
    pub(super) rows: Arc<Rows>,
    task_name: String,
    seed: Seed,
    robot: String,
    country: Country,
    starts: Timestamp,
    ids: Arc<Ids>,
    rules: Arc<Rules>,
    public_url: Arc<str>,
}

impl Calling {
    pub(super) fn teller(&self, key: TaskKey) -> Teller {
        let task = self.task(key);
        Teller {
            key,
            task_id: self.task_id(key),
            rows: Arc::clone(&task.rows),
            task_name: task.order.name.clone(),
            seed: task.seed,
            robot: task.order.robot.clone(),
            country: self.countries.get(task.order.account.0 as usize).copied().unwrap_or(Country::Id),
            starts: task.order.starts,
            ids: Arc::clone(&self.ids),
            rules: Arc::clone(&self.rules),
            public_url: Arc::clone(&self.public_url),
        }
    }

    /// The body of `call.completed`.
    pub(super) fn call_completed(&self, key: TaskKey, row: u32) -> Option<String> {
        let teller = self.teller(key);
        let call = teller.call(row)?;
        let body = CallCompleted { task_id: teller.task_id, task_name: teller.task_name, call };
        serde_json::to_string(&body).ok()
    }

    /// The body of `task.finished`.
    pub(super) fn task_finished(&self, key: TaskKey) -> String {
        let task = self.task(key);
        let moment = |at: Option<Timestamp>| utc_text(at.unwrap_or(task.order.starts));
        let body = TaskFinished {
            task_id: self.task_id(key),
            task_name: task.order.name.clone(),
            status: task.phase.as_str().to_owned(),
            counts: self.counts(key),
            task_start_time: moment(task.began),
            task_end_time: moment(task.ended),
        };
        serde_json::to_string(&body).unwrap_or_default()
    }

    /// The sums of a task as notices and lists have them. Refused rows are not among them: they are no part of the
    /// task.
    pub(super) fn counts(&self, key: TaskKey) -> Counts {
        let sums = self.task(key).sums;
        Counts {
            total: i64::from(sums.created() - sums.refused),
            connected: i64::from(sums.connected),
            not_connected: i64::from(sums.finished - sums.connected),
            cancelled: i64::from(sums.cancelled),
        }
    }
}

impl Teller {
    /// What became of a number so far.
    pub(super) fn call(&self, at: u32) -> Option<CallDetail> {
        let row = self.rows.list.get(at as usize)?;
        Some(self.tell(at, row))
    }

    /// What became of a number, told of a row that may be an earlier try of it.
    pub(super) fn tell(&self, at: u32, row: &Row) -> CallDetail {
        let text = self.rows.read_row(row);
        let robot = text.robot().unwrap_or(Cow::Borrowed(&*self.robot));
        let is_told = row.attempts > 0 && row.standing != Standing::Calling;
        let talked = is_told && row.outcome == Outcome::Talked;
        let facts = talked.then(|| self.facts(at, row, &text));
        let locale = self.country_of(row).default_locale();
        let dialog = facts.as_ref().map(|facts| self.turns(at, row, locale, facts)).unwrap_or_default();
        let intention = match row.intention {
            0 => "--".to_owned(),
            _ if !is_told => "--".to_owned(),
            letter => char::from(letter).to_string(),
        };
        let has_times = row.standing != Standing::Cancelled;
        // Clients read the times of every row that is not cancelled, also of those that nobody has called yet.
        let (from, to) = match row.attempts {
            0 => (self.starts, self.starts),
            _ if row.standing == Standing::Calling => (row.started(), row.started()),
            _ => (row.started(), row.ends()),
        };
        CallDetail {
            comments: text.comments(),
            status: row.standing.as_str().to_owned(),
            ring_type: if is_told { row.outcome.ring_type().to_owned() } else { String::new() },
            hangup_type: match (is_told && row.outcome.is_connected(), row.by_user) {
                (false, _) => String::new(),
                (true, true) => "user".to_owned(),
                (true, false) => "robot".to_owned(),
            },
            multi_intention: intention.clone(),
            intention,
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
            talk_duration: if is_told { i64::from(row.talk) } else { 0 },
            attempts: i64::from(row.attempts),
            dialog,
        }
    }

    /// Where the recording of a number is, in the form of the vendor's links (client).
    pub(super) fn record_link(&self, at: u32, row: &Row) -> String {
        let place = (self.key.0, at, u32::from(row.attempts));
        let folder = self.ids.seal(Kind::RecordingFolder, place);
        let file = self.ids.seal(Kind::Recording, place);
        format!("{}/download/{}/{folder}/{file}.wav", self.public_url, row.started().strftime("%Y%m%d"))
    }

    /// The country a number belongs to, or else that of the account.
    fn country_of(&self, row: &Row) -> Country {
        let digits = row.number.to_string();
        let by_code = Country::of_number(&digits);
        by_code.unwrap_or(self.country)
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
    fn turns(&self, at: u32, row: &Row, locale: &str, facts: &Facts) -> Vec<Turn> {
        let mut rng = stream(self.seed, "dialogue", at, row.attempts);
        let intention = match row.intention {
            0 => "--".to_owned(),
            letter => char::from(letter).to_string(),
        };
        let locale = content::closest_locale(locale);
        let Talk { turns, .. } = dialogue::leading_to(&mut rng, &intention, locale, facts);
        let lengths: Vec<i64> = turns.iter().map(|turn| speaking_time(&turn.text)).collect();
        let total = lengths.iter().sum::<i64>().max(1);
        let mut before = 0;
        turns
            .into_iter()
            .zip(lengths)
            .map(|(turn, length)| {
                let offset = before * i64::from(row.talk) / total;
                before += length;
                let speaker = if turn.speaker == Speaker::User { "user" } else { "robot" };
                Turn { speaker: speaker.to_owned(), text: turn.text, offset }
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
        let business = self.rules.robots.iter().enumerate().find(|(index, known)| {
            let index = u32::try_from(*index).unwrap_or(u32::MAX);
            known.name == robot || self.ids.open(Kind::Robot, robot) == Some((index, 0, 0))
        });
        if business.is_none_or(|(_, robot)| robot.business != Business::InfoCheck) {
            return None;
        }
        let mut rng = stream(self.seed, "checks", at, row.attempts);
        let mut items: Vec<(String, String)> = text
            .variables(self.rows.text(row))
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
            .take(MOST_CHECKS)
            .collect();
        if let Some(debtor) = text.debtor() {
            items.insert(0, ("Debtor".to_owned(), debtor.into_owned()));
        }
        Some(
            items
                .into_iter()
                .map(|(item, expected)| {
                    let result = match rng.random_range(0..10) {
                        _ if !talked => "unanswered",
                        0 => "unanswered",
                        1 => "mismatch",
                        _ => "match",
                    };
                    let answer = match result {
                        "match" => expected.clone(),
                        "mismatch" => other_answer(&mut rng, &expected),
                        _ => String::new(),
                    };
                    CheckResult { item, expected, answer, result: result.to_owned() }
                })
                .collect(),
        )
    }

    /// The recording of a number; nothing where nobody talked.
    pub(super) fn recording(&self, at: u32) -> Option<Recording> {
        let row = self.rows.list.get(at as usize)?;
        if row.standing == Standing::Calling || row.attempts == 0 || row.outcome != Outcome::Talked {
            return None;
        }
        let text = self.rows.read_row(row);
        let facts = self.facts(at, row, &text);
        let turns = self.turns(at, row, self.country_of(row).default_locale(), &facts);
        let seed = stream(self.seed, "voice", at, row.attempts).random();
        Some(Recording::of_dialog(seed, u32::from(row.talk), &turns))
    }

    /// The customer's own id of a workflow's row.
    pub(super) fn case_id(&self, at: u32) -> String {
        let text = self.rows.list.get(at as usize).map(|row| self.rows.read_row(row));
        text.and_then(|text| text.case_id().map(Cow::into_owned)).unwrap_or_default()
    }

    /// The name of a recording within the archive of its task.
    pub(super) fn file_name(&self, at: u32) -> String {
        let number = self.rows.list.get(at as usize).map_or(0, |row| row.number);
        format!("{number}_{}.wav", at + 1)
    }
}

/// What somebody says who says something else.
fn other_answer(rng: &mut crate::seed::Rng, expected: &str) -> String {
    const OTHERS: [&str; 4] = ["-", "?", "2", "B"];
    let other = OTHERS.choose(rng).copied().unwrap_or("-");
    match expected.parse::<i64>() {
        Ok(number) => number.wrapping_add(rng.random_range(1..10)).to_string(),
        Err(_) => format!("{expected} {other}"),
    }
}

impl RowText<'_> {
    /// The keys that are the robot's own variables, in their order.
    fn variables(&self, text: &str) -> Vec<(String, Value)> {
        const NAMED: [&str; 14] = [
            "Mobile",
            "Debtor",
            "LoanDate",
            "DueDate",
            "Arrears",
            "LoanAmount",
            "Unit",
            "Platform",
            "RobotID",
            "Comments",
            "Gender",
            "mock_outcome",
            "mock_whatsapp",
            "case_id",
        ];
        let Ok(Value::Object(fields)) = serde_json::from_str(text) else { return Vec::new() };
        fields.into_iter().filter(|(name, _)| !NAMED.contains(&name.as_str())).collect()
    }
}

//! The rows of a list: their text as it came, kept once, and beside it what became of each in as few bytes as possible.
//!
//! Lists have up to a million rows. A row's text is never copied: it stays where it arrived, and a row knows where its
//! own begins. What is asked for rarely (the debtor's name, the robot's variables) is read from there again.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::simulator::e164::e164;
use crate::simulator::outcome::{MockOutcome, Outcome};
use crate::simulator::params::{bad, shown};
use crate::simulator::raw_rows::RawRows;
use crate::simulator::request::Response;

/// The most rows of one call.
const MOST_ROWS: usize = 4_000_000;

/// Where a number stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Standing {
    /// Not called yet, or to be called again.
    Pending,
    /// Being called.
    Calling,
    /// Through.
    Finished,
    /// Taken out, or never dialled.
    Cancelled,
}

impl Standing {
    /// The word of `Status` (client).
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Calling => "calling",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One number of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The digits of the number. E.164 has 15 at most, and none begins with 0.
    pub(super) number: u64,
    /// When the latest try began, in Unix milliseconds.
    pub(super) started: i64,
    /// Where its text lies: in which of the list's texts, and where there.
    at: u32,
    len: u32,
    chunk: u32,
    /// The talk of the latest try, in seconds.
    pub(super) talk: u16,
    /// Which of the list's wishes is its own, counted from 1; 0 for none.
    mock_outcome: u16,
    /// The ringing of the latest try, in seconds.
    pub(super) ring: u8,
    pub(super) attempts: u8,
    pub(super) standing: Standing,
    /// What the latest try came to.
    pub(super) outcome: Outcome,
    /// What the person wants: `A` to `I`, or 0.
    pub(super) intention: u8,
    pub(super) by_user: bool,
}

impl Row {
    /// A row that nobody has called yet. Nothing if its text lies beyond all bounds.
    fn new(number: u64, mock_outcome: u16, chunk: usize, at: usize, len: usize) -> Option<Self> {
        Some(Self {
            number,
            started: 0,
            chunk: u32::try_from(chunk).ok()?,
            at: u32::try_from(at).ok()?,
            len: u32::try_from(len).ok()?,
            talk: 0,
            mock_outcome,
            ring: 0,
            attempts: 0,
            standing: Standing::Pending,
            outcome: Outcome::NoAnswer,
            intention: 0,
            by_user: false,
        })
    }

    /// When the latest try began.
    pub(super) fn started(&self) -> Timestamp {
        Timestamp::from_millisecond(self.started).unwrap_or(Timestamp::MIN)
    }

    /// When the latest try ends or ended.
    pub(super) fn ends(&self) -> Timestamp {
        let millis = (i64::from(self.ring) + i64::from(self.talk)) * 1_000;
        Timestamp::from_millisecond(self.started.saturating_add(millis)).unwrap_or(Timestamp::MAX)
    }
}

/// What a row says, read from its text. Keys that are not named here are the robot's variables.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RowText<'a> {
    #[serde(rename = "Mobile", borrow)]
    mobile: Option<&'a RawValue>,
    #[serde(rename = "Debtor", borrow)]
    debtor: Option<&'a RawValue>,
    #[serde(rename = "LoanDate", borrow)]
    loan_date: Option<&'a RawValue>,
    #[serde(rename = "DueDate", borrow)]
    due_date: Option<&'a RawValue>,
    #[serde(rename = "Arrears", borrow)]
    arrears: Option<&'a RawValue>,
    #[serde(rename = "LoanAmount", borrow)]
    loan_amount: Option<&'a RawValue>,
    #[serde(rename = "Platform", borrow)]
    platform: Option<&'a RawValue>,
    #[serde(rename = "RobotID", borrow)]
    robot: Option<&'a RawValue>,
    #[serde(rename = "Comments", borrow)]
    comments: Option<&'a RawValue>,
    #[serde(rename = "Gender", borrow)]
    gender: Option<&'a RawValue>,
    /// What a test wishes for this row.
    #[serde(borrow)]
    mock_outcome: Option<&'a RawValue>,
    /// The customer's own id of a workflow's row.
    #[serde(borrow)]
    case_id: Option<&'a RawValue>,
}

/// A text, if the value is one.
fn text_of(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let raw = raw?.get();
    // Without anything escaped the text is there as it is.
    if let Some(inner) = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'))
        && !inner.contains('\\')
    {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str::<String>(raw).ok().map(Cow::Owned)
}

fn value_of(raw: Option<&RawValue>) -> Option<Value> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).filter(|value: &Value| !value.is_null())
}

fn number_of(raw: Option<&RawValue>) -> Option<f64> {
    let raw = raw?;
    raw.get().parse().ok().or_else(|| text_of(Some(raw))?.trim().parse().ok()).filter(|n: &f64| n.is_finite())
}

fn given(raw: Option<&RawValue>) -> Option<&RawValue> {
    raw.filter(|raw| raw.get() != "null" && raw.get() != "\"\"")
}

impl<'a> RowText<'a> {
    fn read(text: &'a str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| {
            let reason = error.to_string();
            let reason = reason.split(" at line").next().unwrap_or_default();
            format!("the row cannot be read: {reason}")
        })
    }

    pub(super) fn comments(&self) -> Option<Value> {
        value_of(self.comments)
    }

    pub(super) fn mobile(&self) -> Option<Value> {
        value_of(self.mobile)
    }

    pub(super) fn debtor(&self) -> Option<Cow<'a, str>> {
        text_of(given(self.debtor))
    }

    pub(super) fn platform(&self) -> Option<Cow<'a, str>> {
        text_of(given(self.platform))
    }

    pub(super) fn case_id(&self) -> Option<Cow<'a, str>> {
        text_of(self.case_id)
    }

    pub(super) fn robot(&self) -> Option<Cow<'a, str>> {
        text_of(given(self.robot))
    }

    pub(super) fn arrears(&self) -> Option<f64> {
        number_of(self.arrears)
    }

    pub(super) fn is_female(&self) -> Option<bool> {
        text_of(given(self.gender)).map(|gender| gender == "female")
    }

    pub(super) fn due_date(&self) -> Option<Date> {
        date(given(self.due_date)).ok().flatten()
    }

    /// Everything that is wrong with the row, the first thing first (what is checked is read off the vendor's example
    /// and a client; that a row is refused for it is known, the reasons' wording is ours).
    fn check(&self) -> Result<(u64, MockOutcome), String> {
        let Some(mobile) = given(self.mobile) else { return Err("Mobile is missing".to_owned()) };
        let number = text_of(Some(mobile)).and_then(|text| e164(&text));
        let number = number.ok_or_else(|| {
            format!("Mobile is {}, expected a number in E.164: a `+` and 7 to 15 digits", shown_raw(mobile))
        })?;
        let loan = date(given(self.loan_date)).map_err(|raw| wrong_date("LoanDate", raw))?;
        let due = date(given(self.due_date)).map_err(|raw| wrong_date("DueDate", raw))?;
        if let (Some(loan), Some(due)) = (loan, due)
            && loan >= due
        {
            return Err(format!("LoanDate {loan} must be before DueDate {due}"));
        }
        for (name, raw) in [("Arrears", given(self.arrears)), ("LoanAmount", given(self.loan_amount))] {
            match (raw, number_of(raw)) {
                (Some(raw), None) => return Err(format!("{name} is {}, expected a number", shown_raw(raw))),
                (Some(_), Some(0.0)) if name == "Arrears" => return Err("Arrears must not be 0".to_owned()),
                _ => {}
            }
        }
        if let Some(raw) = given(self.gender)
            && !matches!(text_of(Some(raw)).as_deref(), Some("male" | "female"))
        {
            return Err(format!("Gender is {}, expected `male` or `female`", shown_raw(raw)));
        }
        if let Some(raw) = given(self.comments)
            && !value_of(Some(raw)).is_some_and(|own| own.is_string() || own.is_i64() || own.is_u64())
        {
            return Err(format!("Comments is {}, expected a string or an integer", shown_raw(raw)));
        }
        for (name, raw) in [("Debtor", self.debtor), ("Platform", self.platform), ("RobotID", self.robot)] {
            if let Some(raw) = given(raw)
                && text_of(Some(raw)).is_none()
            {
                return Err(format!("{name} is {}, expected a string", shown_raw(raw)));
            }
        }
        let mock_outcome = match given(self.mock_outcome) {
            None => MockOutcome::default(),
            Some(raw) => {
                let text = text_of(Some(raw)).ok_or("mock_outcome must be a string")?;
                text.parse().map_err(|error| format!("mock_outcome: {error}"))?
            }
        };
        Ok((number, mock_outcome))
    }
}

fn shown_raw(raw: &RawValue) -> String {
    match serde_json::from_str::<Value>(raw.get()) {
        Ok(value) => shown(&value),
        Err(_) => raw.get().chars().take(60).collect(),
    }
}

fn wrong_date(name: &str, raw: &RawValue) -> String {
    format!("{name} is {}, expected a day such as `2030-01-31`", shown_raw(raw))
}

fn date(raw: Option<&RawValue>) -> Result<Option<Date>, &RawValue> {
    let Some(raw) = raw else { return Ok(None) };
    let text = text_of(Some(raw)).ok_or(raw)?;
    // A year before our era reads, too.
    let sound = text.starts_with(|first: char| first.is_ascii_digit());
    let date = Date::strptime("%Y-%m-%d", &*text).ok().filter(|_| sound).ok_or(raw)?;
    Ok(Some(date))
}

/// Of so many refused rows an answer says what is wrong with each; it tells how many more there are. A short body can
/// hold millions of wrong rows, and an answer about each would be a hundred times as long.
const MOST_TOLD: usize = 100_000;

/// The rows of a call that were refused.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusals {
    /// The first of them.
    pub(super) told: Vec<Refused>,
    /// All of them.
    pub(super) count: usize,
}

impl Refusals {
    /// Whose row, and why.
    fn add(&mut self, refused: impl FnOnce() -> Refused) {
        self.count += 1;
        if self.told.len() < MOST_TOLD {
            self.told.push(refused());
        }
    }

    /// `detail_error_list`; nothing if every row was taken. The list is known from a client, its elements are assumed.
    pub(super) fn list(&self) -> Option<Value> {
        if self.count == 0 {
            return None;
        }
        let told = self.told.iter();
        let mut list: Vec<Value> = told
            .map(|row| json!({ "Mobile": row.mobile, "Comments": row.comments, "reason": row.reason }))
            .collect();
        if self.count > self.told.len() {
            let reason = format!("{} more rows are refused", self.count - self.told.len());
            list.push(json!({ "Mobile": null, "Comments": null, "reason": reason }));
        }
        Some(Value::Array(list))
    }
}

/// A row that was refused.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refused {
    pub(super) mobile: Option<Value>,
    pub(super) comments: Option<Value>,
    pub(super) reason: String,
}

/// The rows of a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    /// The text of the list as it came. Rows that were added one by one each have a text of their own.
    texts: Vec<Bytes>,
    pub(super) list: Vec<Row>,
    /// What rows wish for by a variable of their own.
    mock_outcomes: Vec<MockOutcome>,
}

impl Rows {
    /// Reads the rows of a call. `magic` tells what a number wishes for; rows that wish to be refused are.
    pub(super) fn read(
        raw: &RawRows,
        name: &'static str,
        magic: impl Fn(u64) -> MockOutcome,
    ) -> Result<(Self, Refusals), Response> {
        let text = std::str::from_utf8(raw.text()).map_err(|_| bad(format!("{name} is not UTF-8")))?;
        let mut rows = Self { texts: vec![raw.text().clone()], ..Self::default() };
        let mut refused = Refusals::default();
        // Only asked by key, so that its random order shows nowhere.
        let mut mock_outcomes = HashMap::new();
        let items: Vec<&RawValue> =
            serde_json::from_str(text).map_err(|error| bad(format!("{name} cannot be read: {error}")))?;
        if items.is_empty() {
            return Err(bad(format!("{name} is empty: at least one row is needed")));
        }
        if items.len() > MOST_ROWS {
            return Err(bad(format!("{name} has {} rows, {MOST_ROWS} is the most", items.len())));
        }
        rows.list.reserve_exact(items.len());
        let base = text.as_ptr().addr();
        for item in items {
            let read = if item.get().starts_with('{') {
                RowText::read(item.get())
            } else {
                Err(format!("the row is {}, expected an object", shown_raw(item)))
            };
            let checked = read.as_ref().map_err(Clone::clone).and_then(RowText::check).and_then(
                |(number, mock_outcome)| {
                    let asked = mock_outcome.refused
                        || (mock_outcome == MockOutcome::default() && magic(number).refused);
                    if asked {
                        Err("the row is refused, as it wishes".to_owned())
                    } else {
                        Ok((number, mock_outcome))
                    }
                },
            );
            match checked {
                Ok((number, mock_outcome)) => {
                    let at = item.get().as_ptr().addr() - base;
                    let mock_outcome = rows.wish_number(mock_outcome, &mut mock_outcomes);
                    let row = mock_outcome
                        .and_then(|mock_outcome| Row::new(number, mock_outcome, 0, at, item.get().len()));
                    rows.list.push(row.ok_or_else(|| bad(format!("{name} has too many different wishes")))?);
                }
                Err(reason) => {
                    let row = read.unwrap_or_default();
                    refused.add(|| Refused { mobile: row.mobile(), comments: row.comments(), reason });
                }
            }
        }
        rows.list.shrink_to_fit();
        Ok((rows, refused))
    }

    /// The number of a wish among those of the list.
    fn wish_number(
        &mut self,
        mock_outcome: MockOutcome,
        known: &mut HashMap<MockOutcome, u16>,
    ) -> Option<u16> {
        if mock_outcome == MockOutcome::default() {
            return Some(0);
        }
        if let Some(number) = known.get(&mock_outcome) {
            return Some(*number);
        }
        let number = u16::try_from(self.mock_outcomes.len() + 1).ok()?;
        self.mock_outcomes.push(mock_outcome);
        known.insert(mock_outcome, number);
        Some(number)
    }

    /// Adds a row with a text of its own, as if it had never been called. Its place in the list.
    pub(super) fn append(&mut self, number: u64, mock_outcome: MockOutcome, text: Bytes) -> Option<u32> {
        let len = text.len();
        self.texts.push(text);
        let chunk = self.texts.len() - 1;
        let known = self.mock_outcomes.iter().position(|known| *known == mock_outcome);
        let mock_outcome = match (mock_outcome == MockOutcome::default(), known) {
            (true, _) => 0,
            (false, Some(at)) => u16::try_from(at + 1).ok()?,
            (false, None) => {
                self.mock_outcomes.push(mock_outcome);
                u16::try_from(self.mock_outcomes.len()).ok()?
            }
        };
        let row = Row::new(number, mock_outcome, chunk, 0, len)?;
        self.list.push(row);
        u32::try_from(self.list.len() - 1).ok()
    }

    /// Some of the rows as if they had never been called, for the next round of a plan. The text is shared.
    pub(super) fn fresh(&self, rows: impl Iterator<Item = usize>) -> Self {
        let list = rows.filter_map(|at| self.list.get(at)).map(|row| Row {
            started: 0,
            talk: 0,
            ring: 0,
            attempts: 0,
            standing: Standing::Pending,
            outcome: Outcome::NoAnswer,
            intention: 0,
            by_user: false,
            ..*row
        });
        Self { texts: self.texts.clone(), list: list.collect(), mock_outcomes: self.mock_outcomes.clone() }
    }

    /// The text of a row as it came.
    pub(super) fn text(&self, row: &Row) -> &str {
        let text = self.texts.get(row.chunk as usize);
        let bytes = text.and_then(|text| text.get(row.at as usize..(row.at + row.len) as usize));
        let bytes = bytes.unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// What a row says. Rows are read when they come, so this does not fail.
    pub(super) fn read_row(&self, row: &Row) -> RowText<'_> {
        RowText::read(self.text(row)).unwrap_or_default()
    }

    /// What a row wishes for by itself or, if it does not, by its number.
    pub(super) fn mock_outcome(&self, row: &Row, magic: impl Fn(u64) -> MockOutcome) -> MockOutcome {
        match row.mock_outcome.checked_sub(1) {
            Some(own) => self.mock_outcomes.get(usize::from(own)).copied().unwrap_or_default(),
            None => magic(row.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::e164::e164_or_bare;
    use crate::simulator::rules::calling::Rules;

    fn read(value: &Value) -> Result<(Rows, Refusals), Response> {
        let raw = RawRows::new(Bytes::from(value.to_string())).unwrap();
        let rules = Rules::default();
        Rows::read(&raw, "Details", |number| rules.mock_outcome_of(number))
    }

    #[test]
    fn a_number_may_have_lost_its_plus_and_has_no_two() {
        for text in ["+6281112340001", "6281112340001", " 6281112340001"] {
            assert_eq!(e164_or_bare(text), Some(6_281_112_340_001), "{text}");
        }
        for text in ["++6281112340001", "+ 6281112340001", "081112340001", "", "+"] {
            assert_eq!(e164_or_bare(text), None, "{text}");
        }
    }

    #[test]
    fn a_row_is_small() {
        assert_eq!(size_of::<Row>(), 40);
    }

    #[test]
    fn what_is_wrong_with_a_row_is_told_and_the_others_stay() {
        let good = json!({ "Mobile": "+6281112345678", "Comments": 7, "anything": { "goes": [1] } });
        let wrong = json!([
            1,
            {},
            { "Mobile": 6281112345678_i64 },
            { "Mobile": "081112345678" },
            { "Mobile": "+0281112345678" },
            { "Mobile": "+6281112345678", "LoanDate": "2030-02-01", "DueDate": "2030-01-01" },
            { "Mobile": "+6281112345678", "DueDate": "tomorrow", "Comments": "mine" },
            { "Mobile": "+6281112345678", "Arrears": 0 },
            { "Mobile": "+6281112345678", "Arrears": "much" },
            { "Mobile": "+6281112345678", "Gender": "x" },
            { "Mobile": "+6281112345678", "Comments": [1] },
            { "Mobile": "+6281112345678", "mock_outcome": "buzy" },
            { "Mobile": "+6281112345678", "mock_outcome": "refused" },
            { "Mobile": "+6281112349030" },
        ]);
        let mut all = wrong.as_array().unwrap().clone();
        all.insert(5, good.clone());
        let (rows, refused) = read(&Value::Array(all)).unwrap();
        assert_eq!(rows.list.len(), 1);
        assert_eq!(rows.list[0].number, 6_281_112_345_678);
        assert_eq!(rows.text(&rows.list[0]), good.to_string());
        assert_eq!(rows.read_row(&rows.list[0]).comments(), Some(json!(7)));
        assert_eq!(refused.count, 14);
        let lines: Vec<String> = refused
            .told
            .iter()
            .map(|row| format!("{:?} {:?}: {}", row.mobile, row.comments, row.reason))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn of_very_many_refused_rows_some_are_told_and_all_counted() {
        let wrong = MOST_TOLD + 5;
        let (rows, refused) = read(&json!(vec![1; wrong])).unwrap();
        assert_eq!((rows.list.len(), refused.count), (0, wrong));
        let list = refused.list().unwrap();
        assert_eq!(list.as_array().unwrap().len(), MOST_TOLD + 1);
        assert_eq!(list[MOST_TOLD]["reason"], "5 more rows are refused");
        assert_eq!(Refusals::default().list(), None);
    }

    #[test]
    fn a_list_needs_rows() {
        assert!(RawRows::new(Bytes::from_static(b"{}")).is_none());
        assert!(read(&json!([])).is_err());
        let cut = RawRows::new(Bytes::from_static(b"[{\"Mobile\": \"+62")).unwrap();
        assert!(Rows::read(&cut, "Details", |_| MockOutcome::default()).is_err());
    }

    #[test]
    fn wishes_of_rows_win_over_those_of_numbers() {
        let (rows, _) = read(&json!([
            { "Mobile": "+6281112349005" },
            { "Mobile": "+6281112349005", "mock_outcome": "talked" },
            { "Mobile": "+6281112349030", "mock_outcome": "none busy" },
        ]))
        .unwrap();
        let rules = Rules::default();
        let outcomes: Vec<_> = rows
            .list
            .iter()
            .map(|row| rows.mock_outcome(row, |number| rules.mock_outcome_of(number)).outcome.unwrap())
            .collect();
        assert_eq!(outcomes, [Outcome::Busy, Outcome::Talked, Outcome::Busy]);
    }
}

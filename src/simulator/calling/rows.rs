//! The rows of a list: their text as received, stored once, and beside it the result of each row in as few bytes as possible.
//!
//! Lists have up to a million rows. A row's text is never copied: it stays where it was received, and a row knows where its
//! text begins. Values that are rarely needed (the debtor's name, the robot's variables) are parsed from there again.

use std::collections::HashMap;
use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::draw::Drawn;
use super::row_text::{Loan, RowText, shown_raw};
use crate::simulator::Refusal;
use crate::simulator::outcome::{MockOutcome, Outcome};
use crate::simulator::raw_rows::RawRows;

/// Maximum number of rows in one request.
const MOST_ROWS: usize = 4_000_000;

/// Where a number stands (client).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub(super) enum RowStatus {
    /// Not called yet, or to be called again.
    Pending,
    /// Being called.
    Calling,
    /// Called as often as needed.
    Finished,
    /// Taken out, or never dialled.
    Cancelled,
}

impl RowStatus {
    /// Returns the word of `Status` (client).
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Calling => "calling",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A number of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The digits of the number. E.164 allows up to 15, and the first is never 0.
    pub(super) number: u64,
    /// When the latest attempt began, in Unix milliseconds.
    pub(super) started: i64,
    /// The place of its text: the index of the text among those of the list, and the position in it.
    at: u32,
    len: u32,
    chunk: u32,
    /// Seconds from the answer to the end of the latest attempt. Somebody who hung up at once did not talk in them.
    pub(super) talk: u16,
    /// The number of its own outcome in the list's outcomes, counted from 1; 0 for none.
    mock_outcome: u16,
    /// Length of the ringing in the latest attempt, in seconds.
    pub(super) ring: u8,
    pub(super) attempts: u8,
    pub(super) status: RowStatus,
    /// The outcome of the latest attempt.
    pub(super) outcome: Outcome,
    /// The person's intention: `A` to `I`, or 0.
    pub(super) intention: u8,
    pub(super) by_user: bool,
    /// What it states about a loan, which some robots require.
    loan: Loan,
}

impl Row {
    /// Creates a row that has not been called yet. `None` if its text lies out of range.
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
            status: RowStatus::Pending,
            outcome: Outcome::NoAnswer,
            intention: 0,
            by_user: false,
            loan: Loan::Given,
        })
    }

    /// Returns when the latest attempt began.
    pub(super) fn started(&self) -> Timestamp {
        Timestamp::from_millisecond(self.started).unwrap_or(Timestamp::MIN)
    }

    /// Whether the latest attempt is over and had a talk.
    pub(super) fn has_talk(&self) -> bool {
        self.attempts > 0 && self.status != RowStatus::Calling && self.outcome == Outcome::Talked
    }

    /// Returns the length of the latest attempt in milliseconds, including its ringing.
    pub(super) fn lasts(&self) -> i64 {
        (i64::from(self.ring) + i64::from(self.talk)) * 1_000
    }

    /// Returns when the latest attempt ends or ended.
    pub(super) fn ends(&self) -> Timestamp {
        Timestamp::from_millisecond(self.started.saturating_add(self.lasts())).unwrap_or(Timestamp::MAX)
    }
}

/// Maximum number of refused rows that a response describes; of the others it states the number. A short body can hold millions
/// of wrong rows, and a response about each would be a hundred times as long.
const MOST_LISTED: usize = 100_000;

/// The rows of a request that were refused.
#[derive(Clone, Debug, Default)]
pub(super) struct RefusedRows {
    /// The first of them, each with its position in the text.
    listed: Vec<(usize, RefusedRow)>,
    /// Number of all refused rows.
    pub(super) count: usize,
}

/// A row that was refused (assumed).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct RefusedRow {
    /// The number as it was given, or null.
    #[serde(rename = "Mobile")]
    mobile: Option<Value>,
    /// The customer's own id of the row, or null.
    #[serde(rename = "Comments")]
    comments: Option<Value>,
    /// Why it was refused, naming the field.
    reason: String,
}

impl RefusedRow {
    /// Creates the entry of a refused row from its text.
    fn of(text: &str, reason: String) -> Self {
        let row = RowText::read(text).unwrap_or_default();
        Self { mobile: row.mobile(), comments: row.comments(), reason }
    }
}

impl RefusedRows {
    fn add(&mut self, at: usize, refused: impl FnOnce() -> RefusedRow) {
        self.count += 1;
        if self.listed.len() < MOST_LISTED {
            self.listed.push((at, refused()));
        }
    }

    /// Sorts them in the order of the text.
    fn in_order(mut self) -> Self {
        self.listed.sort_by_key(|(at, _)| *at);
        self
    }

    /// Returns the value of `detail_error_list`, with the names that the user's settings give the fields; `None` if every row
    /// was accepted.
    pub(super) fn into_list(mut self, named: impl Fn(&str) -> String) -> Option<Vec<RefusedRow>> {
        if self.count == 0 {
            return None;
        }
        let left = self.count - self.listed.len();
        let mut listed: Vec<RefusedRow> = self.listed.drain(..).map(|(_, row)| row).collect();
        for row in &mut listed {
            row.reason = named(&row.reason);
        }
        if left > 0 {
            let reason = format!("{left} more rows are refused");
            listed.push(RefusedRow { mobile: None, comments: None, reason });
        }
        Some(listed)
    }
}

fn bad_list(message: String) -> Refusal {
    Refusal::new(400, message)
}

/// The part of reading a list that needs nothing but its text.
#[derive(Debug)]
struct ReadAhead {
    /// The rows that are valid by themselves.
    rows: Rows,
    /// The robots that rows name themselves, by the row's index.
    robots: Vec<(usize, Box<str>)>,
    refused: RefusedRows,
}

impl ReadAhead {
    fn read(raw: &RawRows, most: usize) -> Result<Self, Refusal> {
        let name = raw.name();
        let text = std::str::from_utf8(raw.text()).map_err(|_| bad_list(format!("{name} is not UTF-8")))?;
        let rows = Rows { texts: vec![raw.text().clone()], ..Rows::default() };
        let mut read = Reader {
            ahead: Self { rows, robots: Vec::new(), refused: RefusedRows::default() },
            base: text.as_ptr().addr(),
            outcomes: HashMap::new(),
            count: 0,
            most,
        };
        let mut reader = serde_json::Deserializer::from_str(text);
        let list = reader.deserialize_seq(&mut read).and_then(|()| reader.end());
        match (list, read.count) {
            (_, count) if count > most => Err(bad_list(format!("{name} has more than {most} rows"))),
            (Err(error), _) => Err(bad_list(format!("{name} cannot be read: {error}"))),
            (Ok(()), 0) => Err(bad_list(format!("{name} is empty: at least one row is needed"))),
            (Ok(()), _) => Ok(read.ahead),
        }
    }
}

/// Parses ahead of time what needs nothing but the text of a list.
pub(in crate::simulator) fn read_ahead(raw: &RawRows) {
    if raw.name() == "Details" {
        raw.keep(ReadAhead::read(raw, MOST_ROWS));
    }
}

/// Reads the rows of a list one by one, since a text of some bytes may hold very many.
struct Reader {
    ahead: ReadAhead,
    /// The position of the list's text.
    base: usize,
    /// Only looked up by key, so that its random order has no effect.
    outcomes: HashMap<MockOutcome, u16>,
    count: usize,
    most: usize,
}

impl<'de> Visitor<'de> for &mut Reader {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<&RawValue>()? {
            self.count += 1;
            if self.count > self.most {
                return Err(A::Error::custom("too many"));
            }
            self.take(item).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

impl Reader {
    fn take(&mut self, item: &RawValue) -> Result<(), &'static str> {
        let at = item.get().as_ptr().addr() - self.base;
        let read = if item.get().starts_with('{') {
            RowText::read(item.get())
        } else {
            Err(format!("the row is {}, expected an object", shown_raw(item)))
        };
        let checked = read.as_ref().map_err(Clone::clone).and_then(|row| Ok((row, row.check()?)));
        let (row, (number, mock_outcome)) = match checked {
            Ok(sound) => sound,
            Err(reason) => {
                self.ahead.refused.add(at, || RefusedRow::of(item.get(), reason));
                return Ok(());
            }
        };
        let rows = &mut self.ahead.rows;
        let mock_outcome = rows.number_outcome(mock_outcome, &mut self.outcomes);
        let taken = mock_outcome.and_then(|outcome| Row::new(number, outcome, 0, at, item.get().len()));
        let taken = taken.ok_or("it has too many different mock outcomes")?;
        if let Some(robot) = row.robot() {
            self.ahead.robots.push((rows.list.len(), robot.into()));
        }
        rows.list.push(Row { loan: row.loan(), ..taken });
        Ok(())
    }
}

/// The rows of a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    /// The text of the list as received. Rows that were added one by one have a text of their own each.
    texts: Vec<Bytes>,
    pub(super) list: Vec<Row>,
    /// The mock outcomes that rows name themselves.
    mock_outcomes: Vec<MockOutcome>,
}

impl Rows {
    /// Reads the rows of a request. `rule` returns what is wrong with a row beyond the requirements for all rows, given the
    /// robot that it names and what it states about a loan. `magic` is the outcome of a number by its last digits; rows whose
    /// mock outcome is to be refused are refused.
    pub(super) fn read(
        raw: &RawRows,
        magic: impl Fn(u64) -> MockOutcome,
        rule: impl Fn(Option<&str>, Loan) -> Result<(), String>,
    ) -> Result<(Self, RefusedRows), Refusal> {
        let ReadAhead { mut rows, robots, mut refused } =
            raw.take::<Result<ReadAhead, Refusal>>().unwrap_or_else(|| ReadAhead::read(raw, MOST_ROWS))?;
        let (texts, outcomes) = (&rows.texts, &rows.mock_outcomes);
        let mut robots = robots.iter().peekable();
        let mut at = 0;
        rows.list.retain(|row| {
            let robot = robots.next_if(|(place, _)| *place == at).map(|(_, robot)| &**robot);
            at += 1;
            let own = row.mock_outcome.checked_sub(1).and_then(|own| outcomes.get(usize::from(own)));
            let checked = rule(robot, row.loan).and_then(|()| {
                match own.copied().unwrap_or_else(|| magic(row.number)).refused {
                    true => Err("the row is refused, as its mock outcome says".to_owned()),
                    false => Ok(()),
                }
            });
            let Err(reason) = checked else { return true };
            refused.add(row.at as usize, || {
                let text =
                    texts.first().and_then(|text| text.get(row.at as usize..(row.at + row.len) as usize));
                RefusedRow::of(std::str::from_utf8(text.unwrap_or_default()).unwrap_or_default(), reason)
            });
            false
        });
        rows.list.shrink_to_fit();
        Ok((rows, refused.in_order()))
    }

    /// Whether any row lacks the required statement about a loan.
    pub(super) fn lack_loans(&self) -> bool {
        self.list.iter().any(|row| row.loan != Loan::Given)
    }

    /// Returns the number of a mock outcome among those of the list.
    fn number_outcome(
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

    /// Adds a row with a text of its own that has not been called. Returns its index.
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

    /// Creates a list of one row that was called once, with the drawn result.
    pub(super) fn of_one(number: u64, text: Bytes, drawn: Drawn) -> (Self, Row) {
        let row = Row {
            number,
            started: 0,
            at: 0,
            len: u32::try_from(text.len()).unwrap_or(0),
            chunk: 0,
            talk: drawn.talk,
            mock_outcome: 0,
            ring: drawn.ring,
            attempts: 1,
            status: RowStatus::Finished,
            outcome: drawn.outcome,
            intention: drawn.intention,
            by_user: drawn.by_user,
            loan: Loan::Given,
        };
        (Self { texts: vec![text], list: vec![row], mock_outcomes: Vec::new() }, row)
    }

    /// Copies some of the rows as not called yet, for the next round of a plan. The text is shared.
    pub(super) fn fresh(&self, rows: impl Iterator<Item = usize>) -> Self {
        let list = rows.filter_map(|at| self.list.get(at)).map(|row| Row {
            started: 0,
            talk: 0,
            ring: 0,
            attempts: 0,
            status: RowStatus::Pending,
            outcome: Outcome::NoAnswer,
            intention: 0,
            by_user: false,
            ..*row
        });
        Self { texts: self.texts.clone(), list: list.collect(), mock_outcomes: self.mock_outcomes.clone() }
    }

    /// Returns the text of a row as received.
    pub(super) fn text(&self, row: &Row) -> &str {
        let text = self.texts.get(row.chunk as usize);
        let bytes = text.and_then(|text| text.get(row.at as usize..(row.at + row.len) as usize));
        let bytes = bytes.unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Parses a row. Rows are checked when they are received, so this does not fail.
    pub(super) fn read_row(&self, row: &Row) -> RowText<'_> {
        RowText::read(self.text(row)).unwrap_or_default()
    }

    /// Returns the mock outcome that a row names or, if it names none, that of its number.
    pub(super) fn mock_outcome(&self, row: &Row, magic: impl Fn(u64) -> MockOutcome) -> MockOutcome {
        match row.mock_outcome.checked_sub(1) {
            Some(own) => self.mock_outcomes.get(usize::from(own)).copied().unwrap_or_default(),
            None => magic(row.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::simulator::e164::e164_or_bare;
    use crate::simulator::rules::calling::Rules;

    fn read(value: &Value) -> Result<(Rows, RefusedRows), Refusal> {
        let raw = RawRows::named("Details", Bytes::from(value.to_string())).unwrap();
        let rules = Rules::default();
        Rows::read(&raw, |number| rules.mock_outcome_of(number), |_, _| Ok(()))
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
    fn what_is_wrong_with_a_row_is_listed_and_the_others_stay() {
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
            .listed
            .iter()
            .map(|(_, row)| format!("{:?} {:?}: {}", row.mobile, row.comments, row.reason))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn of_very_many_refused_rows_some_are_listed_and_all_counted() {
        let wrong = MOST_LISTED + 5;
        let (rows, refused) = read(&json!(vec![1; wrong])).unwrap();
        assert_eq!((rows.list.len(), refused.count), (0, wrong));
        let list = refused.into_list(str::to_owned).unwrap();
        assert_eq!(list.len(), MOST_LISTED + 1);
        assert_eq!(list[MOST_LISTED].reason, "5 more rows are refused");
        assert_eq!(RefusedRows::default().into_list(str::to_owned), None);
    }

    #[test]
    fn what_was_read_ahead_is_the_same() {
        let list =
            json!([{ "Mobile": "+6281112345678" }, { "Mobile": "1" }, { "Mobile": "+6281112349030" }, 7]);
        let raw = RawRows::named("Details", Bytes::from(list.to_string())).unwrap();
        read_ahead(&raw);
        let rules = Rules::default();
        let (rows, refused) =
            Rows::read(&raw, |number| rules.mock_outcome_of(number), |_, _| Ok(())).unwrap();
        let (again, refused_again) = read(&list).unwrap();
        assert_eq!(rows.list.len(), again.list.len());
        assert_eq!(refused.listed, refused_again.listed);
        assert_eq!(refused.listed.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [29, 44, 72]);
    }

    #[test]
    fn very_many_rows_are_refused_before_they_take_memory() {
        let raw = RawRows::named("Details", Bytes::from_static(b"[1, 2, 3, {}, broken")).unwrap();
        let refusal = ReadAhead::read(&raw, 3).unwrap_err();
        assert_eq!(refusal.message, "Details has more than 3 rows");
    }

    #[test]
    fn a_list_needs_rows() {
        assert!(RawRows::named("Details", Bytes::from_static(b"{}")).is_none());
        assert!(read(&json!([])).is_err());
        let cut = RawRows::named("Details", Bytes::from_static(b"[{\"Mobile\": \"+62")).unwrap();
        assert!(Rows::read(&cut, |_| MockOutcome::default(), |_, _| Ok(())).is_err());
    }

    #[test]
    fn outcomes_of_rows_win_over_those_of_numbers() {
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

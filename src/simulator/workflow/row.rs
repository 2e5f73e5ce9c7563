//! The rows of a request: `callee`, `variables`, `case_id`.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::contract::bodies::Fields;
use crate::contract::fields::shown;
use crate::files::suggest::nearest;
use crate::simulator::Refusal;
use crate::simulator::dialer::DialerMockOutcome;
use crate::simulator::e164::e164;
use crate::simulator::node::CameTo;
use crate::simulator::outcome::MockOutcome;
use crate::simulator::raw_rows::RawRows;

/// Maximum number of rows of an instance over its life (client).
pub(super) const MOST_ROWS: usize = 10_000;

/// The variable of a row that forces the outcome of its calls, for tests.
pub(super) const CALL_OUTCOME: &str = "mock_outcome";

/// The variable of a row that forces the result of its messages, for tests.
pub(super) const MESSAGE_OUTCOME: &str = "mock_whatsapp";

/// A row that may be added.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Detail {
    pub(super) number: u64,
    pub(super) case_id: Box<str>,
    /// The text of a JSON object.
    pub(super) variables: Box<str>,
    pub(super) mock_outcome: DialerMockOutcome,
    pub(super) message_outcome: Option<CameTo>,
}

/// A row of a request (client).
#[derive(Debug, JsonSchema)]
#[expect(dead_code, reason = "describes the list for the schema; the rows are read one by one")]
pub(super) struct DetailFields {
    /// The number, in E.164.
    callee: String,
    /// An object of strings: the row's data for the nodes. `mock_outcome` and `mock_whatsapp` are this mock's own: they set
    /// the results of calls and messages, for tests.
    variables: Option<Fields>,
    /// The customer's own id of the row (assumed).
    case_id: Option<String>,
}

/// A row that is refused (assumed).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct RefusedRow {
    /// Its number, as received.
    callee: Value,
    /// Its id, as received.
    case_id: Value,
    /// Why it is refused.
    pub(super) reason: String,
}

/// The rows that can be added, and the refused ones.
pub(super) type Details = (Vec<Detail>, Vec<RefusedRow>);

/// The forced outcomes of a row's calls and messages, from its variables.
pub(super) type MockOutcomes = (DialerMockOutcome, Option<CameTo>);

/// A row as received. Its other fields are ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Written {
    callee: Value,
    variables: Value,
    case_id: Value,
}

/// Reads the rows of a request: those that can be added, and those that are refused (that the others stay is assumed, as with
/// calling tasks). `before` is the number of rows that the instance already has.
pub(super) fn read(
    raw: &RawRows,
    before: usize,
    magic: impl Fn(u64) -> MockOutcome,
) -> Result<Details, Refusal> {
    let items: Vec<&RawValue> = serde_json::from_slice(raw.text())
        .map_err(|error| Refusal::new(400, format!("details cannot be read: {error}")))?;
    if before + items.len() > MOST_ROWS {
        let already = if before == 0 { String::new() } else { format!(" and the instance has {before}") };
        let message = format!(
            "details has {} rows{already}: one instance accepts at most {MOST_ROWS} over its life",
            items.len()
        );
        return Err(Refusal::new(400, message));
    }
    let mut rows = Vec::with_capacity(items.len());
    let mut refused = Vec::new();
    for item in items {
        let written: Result<Written, _> = serde_json::from_str(item.get());
        let read = match &written {
            Ok(written) if item.get().starts_with('{') => detail(written, &magic),
            _ => Err("the row is not an object with callee, variables and case_id".to_owned()),
        };
        match read {
            Ok(row) => rows.push(row),
            Err(reason) => {
                let Written { callee, case_id, .. } = written.unwrap_or_default();
                refused.push(RefusedRow { callee, case_id, reason });
            }
        }
    }
    Ok((rows, refused))
}

fn detail(written: &Written, magic: &dyn Fn(u64) -> MockOutcome) -> Result<Detail, String> {
    let number = match &written.callee {
        Value::Null => return Err("callee is missing".to_owned()),
        value => value.as_str().and_then(e164).ok_or_else(|| {
            format!("callee is {}, expected a number in E.164: a `+` and 7 to 15 digits", shown(value))
        })?,
    };
    let case_id = match &written.case_id {
        Value::Null => "",
        Value::String(text) => text.as_str(),
        value => return Err(format!("case_id is {}, expected a string", shown(value))),
    };
    let none = Map::new();
    let variables = match &written.variables {
        Value::Null => &none,
        value => value
            .as_object()
            .ok_or_else(|| format!("variables is {}, expected an object of strings", shown(value)))?,
    };
    let (mock_outcome, message_outcome) = mock_outcomes(variables)?;
    if mock_outcome.call.refused || (mock_outcome == DialerMockOutcome::default() && magic(number).refused) {
        return Err("the row is refused, as its mock outcome says".to_owned());
    }
    Ok(Detail { number, case_id: case_id.into(), variables: text(variables), mock_outcome, message_outcome })
}

/// Formats variables as text. They are plain data, which always fits into JSON.
pub(super) fn text(variables: &Map<String, Value>) -> Box<str> {
    serde_json::to_string(variables).unwrap_or_default().into()
}

/// Checks variables, and returns the forced outcomes of calls and messages.
pub(super) fn mock_outcomes(variables: &Map<String, Value>) -> Result<MockOutcomes, String> {
    if let Some((name, value)) = variables.iter().find(|(_, value)| !value.is_string()) {
        let name: String = name.chars().take(60).flat_map(char::escape_debug).collect();
        return Err(format!("variables.{name} is {}, expected a string", shown(value)));
    }
    let word = |name: &str| variables.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mock_outcome = match word(CALL_OUTCOME) {
        None => DialerMockOutcome::default(),
        Some(text) => text.parse().map_err(|error| format!("variables.{CALL_OUTCOME}: {error}"))?,
    };
    let message_outcome = match word(MESSAGE_OUTCOME) {
        None => None,
        Some(text) => Some(CameTo::of_word(text).ok_or_else(|| {
            let given: String = text.chars().take(60).flat_map(char::escape_debug).collect();
            let words = CameTo::WORDS.map(|(word, _)| word);
            match nearest(text, words) {
                Some(near) => {
                    format!(
                        "variables.{MESSAGE_OUTCOME}: `{given}` is not an outcome, did you mean `{near}`?"
                    )
                }
                None => format!("variables.{MESSAGE_OUTCOME}: `{given}` is not one of {}", words.join(", ")),
            }
        })?),
    };
    Ok((mock_outcome, message_outcome))
}

/// Returns the variables of a row as given.
pub(super) fn variables(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

/// Returns the variables of a row without those that belong to this mock alone.
pub(super) fn own_variables(text: &str) -> Map<String, Value> {
    let mut own = variables(text);
    own.shift_remove(CALL_OUTCOME);
    own.shift_remove(MESSAGE_OUTCOME);
    own
}

/// Returns a row in the form of a calling task's: the subject of its calls.
pub(super) fn of_task(number: u64, case_id: &str, text: &str) -> Bytes {
    let mut row = Map::new();
    row.insert("Mobile".to_owned(), format!("+{number}").into());
    row.insert("case_id".to_owned(), case_id.into());
    for (name, value) in variables(text) {
        row.entry(name).or_insert(value);
    }
    if !case_id.is_empty() {
        row.entry("Comments").or_insert(case_id.into());
    }
    Bytes::from(serde_json::to_string(&row).unwrap_or_default())
}

/// Returns a row in the form of a dialer's contact: what its agents see, with text values only.
pub(super) fn of_dialer(number: u64, case_id: &str, text: &str) -> String {
    let mut row = Map::new();
    row.insert("PhoneNumber".to_owned(), format!("+{number}").into());
    row.insert("case_id".to_owned(), case_id.into());
    for (name, value) in variables(text) {
        row.entry(name).or_insert(value);
    }
    // Plain data always fits into JSON.
    serde_json::to_string(&row).unwrap_or_default()
}

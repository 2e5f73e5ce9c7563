//! The contacts of a task: the text they came in, and 32 bytes for each.

use std::sync::Arc;

use serde_json::{Value, json};

use super::ask::{Ask, phone, refuse};
use super::mock_outcome::Wished;
use crate::contract::bodies::Fields;
use crate::simulator::Response;
use crate::simulator::calling::MockOutcome;
use crate::simulator::params::shown;

/// The most contacts of a task (assumed).
const MOST: usize = 1_000_000;

/// The longest `privateData`, in characters (assumed).
const LONGEST_PRIVATE: usize = 1_024;

/// The column with the number in `customizeContacts` (client).
const COLUMNS: [&str; 2] = ["PhoneNumber", "phonenumber"];

/// A contact with details in `contactList`: the names of the notices (assumed; plain numbers are taken as well).
const DETAILS: [&str; 6] = ["contactName", "address", "info1", "info2", "info3", "privateData"];

/// Where a contact stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It will be dialled, for the first time or again.
    Waiting,
    /// It is being called, or its agent writes down the result.
    Calling,
    /// It will not be dialled any more.
    Done,
    /// It was taken out.
    Cancelled,
}

/// A contact.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contact {
    pub(super) number: u64,
    /// Its row in the text; none if it came as a number alone.
    at: u32,
    len: u32,
    /// Its wish among those of the list, from 1; 0 if it wishes nothing.
    mock_outcome: u16,
    pub(super) standing: Standing,
    /// How often it was dialled.
    pub(super) tries: u8,
    /// Whether anybody or anything ever answered.
    pub(super) answered: bool,
    /// Whether the call under way is its last, whatever comes of it.
    pub(super) is_let_go: bool,
    /// Whether the row is one of `customizeContacts`.
    is_custom: bool,
}

/// The contacts of a task. Copies share the text.
#[derive(Clone, Debug, Default)]
pub(super) struct Contacts {
    pub(super) list: Vec<Contact>,
    text: Arc<String>,
    mock_outcomes: Arc<Vec<Wished>>,
    /// Whether any of them came with columns of the customer's own.
    pub(super) has_info: bool,
}

/// A row that is taken, not yet packed.
struct Row<'a> {
    number: u64,
    wished: Wished,
    text: Option<&'a Value>,
    is_custom: bool,
}

impl Contacts {
    /// Reads `contactList` and `customizeContacts`, and tells the numbers that are refused, as they came. What becomes
    /// of a bad row beside good ones is assumed: it is listed in `errorContactList`, and the task is created without it.
    pub(super) fn read(
        ask: Ask<'_>,
        magic: impl Fn(u64) -> MockOutcome,
    ) -> Result<(Self, Vec<Value>), Response> {
        let (plain, custom) = (ask.list("contactList")?, ask.list("customizeContacts")?);
        if plain.is_empty() && custom.is_empty() {
            return Err(refuse(10505, "contactList and customizeContacts are empty: at least one is needed"));
        }
        if plain.len() + custom.len() > MOST {
            return Err(refuse(10501, format!("more than {MOST} contacts")));
        }
        let has_column = |row: &Value| COLUMNS.iter().any(|column| row.get(column).is_some());
        if !custom.is_empty() && !custom.iter().any(has_column) {
            let message = "customizeContacts has no column PhoneNumber or phonenumber";
            return Err(refuse(10618, message));
        }
        let mut rows = Vec::with_capacity(plain.len() + custom.len());
        let mut refused = Vec::new();
        for value in plain.iter() {
            take(plain_row(value)?, &magic, &mut rows, &mut refused);
        }
        for value in custom.iter() {
            take(custom_row(value)?, &magic, &mut rows, &mut refused);
        }
        if rows.is_empty() {
            let first = refused.first().map(shown).unwrap_or_default();
            let message =
                format!("no number is right, the first is {first}: a leading + and at most 14 digits");
            return Err(refuse(10510, message));
        }
        Ok((Self::pack(&rows)?, refused))
    }

    fn pack(rows: &[Row<'_>]) -> Result<Self, Response> {
        let too_much = || refuse(10501, "the contacts are too long, or have too many different wishes");
        let (mut text, mut mock_outcomes) = (String::new(), Vec::new());
        let mut list = Vec::with_capacity(rows.len());
        for row in rows {
            let at = u32::try_from(text.len()).map_err(|_| too_much())?;
            if let Some(value) = row.text {
                text.push_str(&value.to_string());
            }
            let mock_outcome = if row.wished == Wished::default() {
                0
            } else {
                let known = mock_outcomes.iter().position(|known| *known == row.wished);
                let position = known.unwrap_or_else(|| {
                    mock_outcomes.push(row.wished);
                    mock_outcomes.len() - 1
                });
                u16::try_from(position + 1).map_err(|_| too_much())?
            };
            list.push(Contact {
                number: row.number,
                at,
                len: u32::try_from(text.len()).map_err(|_| too_much())? - at,
                mock_outcome,
                standing: Standing::Waiting,
                tries: 0,
                answered: false,
                is_let_go: false,
                is_custom: row.is_custom,
            });
        }
        let has_info = rows.iter().any(|row| row.is_custom);
        Ok(Self { list, text: Arc::new(text), mock_outcomes: Arc::new(mock_outcomes), has_info })
    }

    /// Some of the contacts as if they had never been dialled, for a copy of the task.
    pub(super) fn fresh(&self, wanted: impl Fn(&Contact) -> bool) -> Self {
        let fresh = |contact: &Contact| Contact {
            standing: Standing::Waiting,
            tries: 0,
            answered: false,
            is_let_go: false,
            ..*contact
        };
        let list: Vec<Contact> = self.list.iter().filter(|contact| wanted(contact)).map(fresh).collect();
        Self { list, ..self.clone() }
    }

    /// Adds a contact with columns of its own, a JSON object as text. Its position.
    pub(super) fn append(&mut self, number: u64, wished: Wished, row: &str) -> Option<u32> {
        let position = u32::try_from(self.list.len()).ok()?;
        let at = u32::try_from(self.text.len()).ok()?;
        let len = u32::try_from(row.len()).ok()?;
        let mock_outcome = if wished == Wished::default() {
            0
        } else {
            let known = self.mock_outcomes.iter().position(|known| *known == wished);
            let place = known.unwrap_or_else(|| {
                Arc::make_mut(&mut self.mock_outcomes).push(wished);
                self.mock_outcomes.len() - 1
            });
            u16::try_from(place + 1).ok()?
        };
        Arc::make_mut(&mut self.text).push_str(row);
        self.list.push(Contact {
            number,
            at,
            len,
            mock_outcome,
            standing: Standing::Waiting,
            tries: 0,
            answered: false,
            is_let_go: false,
            is_custom: true,
        });
        self.has_info = true;
        Some(position)
    }

    /// What a contact wishes for by itself or, if it does not, by the number that is dialled.
    pub(super) fn wished(
        &self,
        contact: &Contact,
        number: u64,
        magic: impl Fn(u64) -> MockOutcome,
    ) -> Wished {
        match contact.mock_outcome.checked_sub(1) {
            Some(own) => self.mock_outcomes.get(usize::from(own)).copied().unwrap_or_default(),
            None => Wished { call: magic(number), twist: None },
        }
    }

    /// The number in a column of a contact; nothing if it has no such column, or no right number in it.
    pub(super) fn number_in(&self, contact: &Contact, column: &str) -> Option<u64> {
        if COLUMNS.contains(&column) {
            return Some(contact.number);
        }
        let fields = if contact.is_custom { self.fields(contact) } else { Fields::new() };
        fields.get(column)?.as_str().and_then(phone)
    }

    /// The numbers of a contact as they are dialled in turn, each with its place among the columns. A contact without a
    /// right number in any of these columns is dialled by the one it came with.
    pub(super) fn numbers(&self, contact: &Contact, columns: &[String]) -> Vec<(Option<u8>, u64)> {
        let mut numbers: Vec<(Option<u8>, u64)> = Vec::new();
        for (at, column) in (0_u8..).zip(columns) {
            let number = self.number_in(contact, column);
            if let Some(number) = number.filter(|number| numbers.iter().all(|(_, known)| known != number)) {
                numbers.push((Some(at), number));
            }
        }
        if numbers.is_empty() {
            numbers.push((None, contact.number));
        }
        numbers
    }

    /// Whether any of the contacts has a column.
    pub(super) fn has_column(&self, column: &str) -> bool {
        let has = |contact: &Contact| contact.is_custom && self.fields(contact).contains_key(column);
        COLUMNS.contains(&column) || self.list.iter().any(has)
    }

    /// The row of a contact as it came.
    pub(super) fn fields(&self, contact: &Contact) -> Fields {
        let (from, to) = (contact.at as usize, contact.at as usize + contact.len as usize);
        let text = self.text.get(from..to).unwrap_or_default();
        serde_json::from_str(text).unwrap_or_default()
    }

    /// The columns of the customer's own.
    pub(super) fn info(&self, contact: &Contact) -> Fields {
        let mut info = if contact.is_custom { self.fields(contact) } else { Fields::new() };
        // They are this mock's, not the customer's.
        info.shift_remove("mock_outcome");
        info.shift_remove("mock_whatsapp");
        info
    }
}

/// A row, or the number it is refused with.
type Read<'a> = Result<(u64, Wished, Option<&'a Value>, bool), Value>;

fn take<'a>(
    read: Read<'a>,
    magic: impl Fn(u64) -> MockOutcome,
    rows: &mut Vec<Row<'a>>,
    refused: &mut Vec<Value>,
) {
    match read {
        Ok((number, wished, text, is_custom)) => {
            let asked = wished.call.refused || wished == Wished::default() && magic(number).refused;
            if asked {
                refused.push(json!(format!("+{number}")));
            } else {
                rows.push(Row { number, wished, text, is_custom });
            }
        }
        Err(number) => refused.push(number),
    }
}

fn plain_row(value: &Value) -> Result<Read<'_>, Response> {
    if let Value::String(text) = value {
        let read = phone(text).map(|number| (number, Wished::default(), None, false));
        return Ok(read.ok_or_else(|| value.clone()));
    }
    let number = value.get("phoneNumber").unwrap_or(&Value::Null);
    for name in DETAILS {
        let code = if name == "privateData" { 10517 } else { 10501 };
        match value.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if code == 10517 && text.chars().count() > LONGEST_PRIVATE => {
                let message = format!("privateData has more than {LONGEST_PRIVATE} characters");
                return Err(refuse(code, message));
            }
            Some(Value::String(_)) => {}
            Some(other) => {
                let message = format!("{name} of a contact is {}, expected a string", shown(other));
                return Err(refuse(code, message));
            }
        }
    }
    read_row(value, number, false)
}

fn custom_row(value: &Value) -> Result<Read<'_>, Response> {
    let number = COLUMNS.iter().find_map(|column| value.get(column)).unwrap_or(&Value::Null);
    // All values are strings (client).
    let is_sound = value.as_object().is_some_and(|row| row.values().all(Value::is_string));
    if !is_sound {
        return Ok(Err(number.clone()));
    }
    read_row(value, number, true)
}

fn read_row<'a>(value: &'a Value, number: &Value, is_custom: bool) -> Result<Read<'a>, Response> {
    let wished = match value.get("mock_outcome").and_then(Value::as_str) {
        None => Wished::default(),
        Some(text) => text.parse().map_err(|error| refuse(10501, format!("mock_outcome: {error}")))?,
    };
    let digits = number.as_str().and_then(phone);
    Ok(digits.map(|digits| (digits, wished, Some(value), is_custom)).ok_or_else(|| number.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &Value) -> Result<(Contacts, Vec<Value>), Response> {
        Contacts::read(Ask::new(value, 10501), |_| MockOutcome::default())
    }

    #[test]
    fn bad_rows_are_listed_as_they_came() {
        let (contacts, refused) = read(&json!({
            "contactList": ["+6281112340001", "081112340002", 7, { "phoneNumber": "+62811123400031234" }],
            "customizeContacts": [
                { "phonenumber": "+6281112340004", "Debt": "10", "mock_outcome": "busy" },
                { "PhoneNumber": "+6281112340005", "Debt": 10 },
                { "Debt": "10" },
                { "PhoneNumber": "+6281112340006", "mock_outcome": "refused" },
            ],
        }))
        .unwrap();
        let numbers: Vec<u64> = contacts.list.iter().map(|contact| contact.number).collect();
        assert_eq!(numbers, [6_281_112_340_001, 6_281_112_340_004]);
        let wanted =
            json!(["081112340002", null, "+62811123400031234", "+6281112340005", null, "+6281112340006"]);
        assert_eq!(Value::from(refused), wanted);
        let info = contacts.info(&contacts.list[1]);
        assert_eq!(Value::Object(info), json!({ "phonenumber": "+6281112340004", "Debt": "10" }));
        assert!(contacts.info(&contacts.list[0]).is_empty());
    }
}

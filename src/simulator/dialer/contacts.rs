//! The contacts of a task: their text as received, and 32 bytes for each.

use std::sync::Arc;

use schemars::JsonSchema;
use serde_json::Value;

use super::fields::{elements, phone};
use super::mock_outcome::DialerMockOutcome;
use crate::contract::bodies::Fields;
use crate::contract::fields::shown;
use crate::simulator::outcome::MockOutcome;
use crate::simulator::{Refusal, Request};

/// Maximum number of contacts of a task (assumed).
const MOST: usize = 1_000_000;

/// Maximum length of `privateData`, in characters (assumed).
const LONGEST_PRIVATE: usize = 1_024;

/// The column with the number in `customizeContacts` (client).
const COLUMNS: [&str; 2] = ["PhoneNumber", "phonenumber"];

/// The fields of a contact with details in `contactList`: the names of the notices (assumed; plain numbers are accepted as
/// well).
const DETAILS: [&str; 6] = ["contactName", "address", "info1", "info2", "info3", "privateData"];

/// A contact of `contactList`: its number alone, or an object with details (client).
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the list for the schema; the elements are read as received")]
pub(super) enum ListedContact {
    /// The number: a leading `+` and at most 14 digits.
    Number(String),
    /// With details.
    Detailed(DetailedContact),
}

/// A contact with details, under the names of the notices (assumed).
#[derive(Debug, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the list for the schema; the elements are read as received")]
pub(super) struct DetailedContact {
    /// The number: a leading `+` and at most 14 digits.
    phone_number: String,
    /// The person's name.
    contact_name: Option<String>,
    /// The person's address.
    address: Option<String>,
    /// A field of the customer's own.
    info1: Option<String>,
    /// A field of the customer's own.
    info2: Option<String>,
    /// A field of the customer's own.
    info3: Option<String>,
    /// A text that notices send back as it is, of at most 1,024 characters (assumed).
    private_data: Option<String>,
    /// This mock's own: the result of the calls to the contact, for tests (assumed).
    #[serde(rename = "mock_outcome")]
    mock_outcome: Option<String>,
}

/// A contact of `customizeContacts`. Its other columns are the customer's own; all values are strings (client).
#[derive(Debug, JsonSchema)]
#[schemars(extend("x-keeps-more" = true, "anyOf" = [{ "required": [COLUMNS[0]] }, { "required": [COLUMNS[1]] }]))]
#[expect(dead_code, reason = "describes the list for the schema; the elements are read as received")]
pub(super) struct CustomContact {
    /// The number: a leading `+` and at most 14 digits. It or `phonenumber` is needed.
    #[serde(rename = "PhoneNumber")]
    phone_number: Option<String>,
    /// The same column in the other spelling in use. It or `PhoneNumber` is needed.
    #[serde(rename = "phonenumber")]
    lower_phone_number: Option<String>,
    /// This mock's own: the result of the calls to the contact, for tests (assumed).
    mock_outcome: Option<String>,
}

/// The status of a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContactStatus {
    /// It is still to be dialled, for the first time or again.
    Waiting,
    /// It is being called, or its agent is saving the result.
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
    /// The place of its row in the text; none if it was given as a number alone.
    at: u32,
    len: u32,
    /// The number of its forced outcome among those of the list, from 1; 0 if it has none.
    outcome: u16,
    pub(super) status: ContactStatus,
    /// Number of times it was dialled.
    pub(super) attempts: u8,
    /// Whether a person or a machine ever answered.
    pub(super) answered: bool,
    /// Whether the call under way is its last, whatever its result.
    pub(super) is_let_go: bool,
    /// Whether the row is one of `customizeContacts`.
    is_custom: bool,
}

/// The contacts of a task. Copies share the text.
#[derive(Clone, Debug, Default)]
pub(super) struct Contacts {
    pub(super) list: Vec<Contact>,
    text: Arc<String>,
    mock_outcomes: Arc<Vec<DialerMockOutcome>>,
    /// Whether any of them has columns of the customer's own.
    pub(super) has_info: bool,
}

/// A parsed contact.
struct Row<'a> {
    number: u64,
    mock_outcome: DialerMockOutcome,
    /// Its value; `None` if it was given as a number alone.
    value: Option<&'a Value>,
    is_custom: bool,
}

impl Contacts {
    /// Reads `contactList` and `customizeContacts`. Besides the contacts it returns the refused numbers as received. The
    /// treatment of a bad row beside good ones is assumed: it is listed in `errorContactList`, and the task is created without
    /// it.
    pub(super) fn read(
        request: &Request<'_>,
        magic: impl Fn(u64) -> MockOutcome,
    ) -> Result<(Self, Vec<Value>), Refusal> {
        let (plain, custom) = (elements(request, "contactList"), elements(request, "customizeContacts"));
        if plain.is_empty() && custom.is_empty() {
            return Err(Refusal::new(
                10505,
                "contactList and customizeContacts are empty: at least one is needed",
            ));
        }
        if plain.len() + custom.len() > MOST {
            return Err(Refusal::new(10501, format!("more than {MOST} contacts")));
        }
        let has_column = |row: &Value| COLUMNS.iter().any(|column| row.get(column).is_some());
        if !custom.is_empty() && !custom.iter().any(has_column) {
            let message = "customizeContacts has no column `customizeContacts[].PhoneNumber` or \
                `customizeContacts[].phonenumber`";
            return Err(Refusal::new(10618, message));
        }
        let (mut contacts, mut refused, mut with_outcome) = (Self::default(), Vec::new(), None);
        for row in plain.iter().map(plain_row).chain(custom.iter().map(custom_row)) {
            match row? {
                Ok(row) if row.is_refused(&magic) => {
                    with_outcome.get_or_insert(row.number);
                    refused.push(format!("+{}", row.number).into());
                }
                Ok(row) => {
                    let text = row.value.map(Value::to_string).unwrap_or_default();
                    let position = contacts.append(row.number, row.mock_outcome, &text, row.is_custom);
                    position.ok_or_else(|| {
                        let message = "the contacts are too long, or have too many different mock_outcomes";
                        Refusal::new(10501, message)
                    })?;
                }
                Err(number) => refused.push(number),
            }
        }
        if contacts.list.is_empty() {
            // Beside a valid number, another column may be wrong.
            let of_customer = custom.first().filter(|_| plain.is_empty()).and_then(no_text);
            if let Some((name, value)) = of_customer {
                // Only a number can be a bad phone number.
                let code = if COLUMNS.contains(&name.as_str()) { 10510 } else { 10501 };
                let name = shown(&name.as_str().into());
                let message =
                    format!("customizeContacts[0] has {} in {name}, expected a string", shown(value));
                return Err(Refusal::new(code, message));
            }
            if let Some(number) = with_outcome {
                let message = format!("contactList has no usable number: +{number} asks to be refused");
                return Err(Refusal::new(10510, message));
            }
            // A contact that is not a table has no number to be listed.
            let first = refused.first().filter(|number| !number.is_null()).or(plain.first());
            let first = first.map(shown).unwrap_or_default();
            let (list, column) = if plain.is_empty() {
                ("customizeContacts", COLUMNS[0])
            } else {
                ("contactList", "phoneNumber")
            };
            let message = format!(
                "{list} has no valid {column}; the first is {first}: a leading + and at most 14 digits"
            );
            return Err(Refusal::new(10510, message));
        }
        Ok((contacts, refused))
    }

    /// Copies some of the contacts as not dialled yet, for a copy of the task.
    pub(super) fn fresh(&self, wanted: impl Fn(&Contact) -> bool) -> Self {
        let fresh = |contact: &Contact| Contact {
            status: ContactStatus::Waiting,
            attempts: 0,
            answered: false,
            is_let_go: false,
            ..*contact
        };
        let list: Vec<Contact> = self.list.iter().filter(|contact| wanted(contact)).map(fresh).collect();
        Self { list, ..self.clone() }
    }

    /// Adds a contact with its row, a JSON object as text. Returns its index, or `None` if there is no room for it.
    pub(super) fn append(
        &mut self,
        number: u64,
        mock_outcome: DialerMockOutcome,
        row: &str,
        is_custom: bool,
    ) -> Option<u32> {
        let position = u32::try_from(self.list.len()).ok()?;
        let at = u32::try_from(self.text.len()).ok()?;
        let len = u32::try_from(row.len()).ok()?;
        let outcome = if mock_outcome == DialerMockOutcome::default() {
            0
        } else {
            let known = self.mock_outcomes.iter().position(|known| *known == mock_outcome);
            let place = known.unwrap_or_else(|| {
                Arc::make_mut(&mut self.mock_outcomes).push(mock_outcome);
                self.mock_outcomes.len() - 1
            });
            u16::try_from(place + 1).ok()?
        };
        Arc::make_mut(&mut self.text).push_str(row);
        self.list.push(Contact {
            number,
            at,
            len,
            outcome,
            status: ContactStatus::Waiting,
            attempts: 0,
            answered: false,
            is_let_go: false,
            is_custom,
        });
        self.has_info |= is_custom;
        Some(position)
    }

    /// Returns the forced course of the calls to a contact: its own, or else that of the dialled number.
    pub(super) fn mock_outcome(
        &self,
        contact: &Contact,
        number: u64,
        magic: impl Fn(u64) -> MockOutcome,
    ) -> DialerMockOutcome {
        match contact.outcome.checked_sub(1) {
            Some(own) => self.mock_outcomes.get(usize::from(own)).copied().unwrap_or_default(),
            None => DialerMockOutcome { call: magic(number), ..DialerMockOutcome::default() },
        }
    }

    /// Returns the number in a column of a contact, or `None` if it has no such column, or no valid number in it.
    pub(super) fn number_in(&self, contact: &Contact, column: &str) -> Option<u64> {
        if COLUMNS.contains(&column) {
            return Some(contact.number);
        }
        let fields = if contact.is_custom { self.fields(contact) } else { Fields::new() };
        fields.get(column)?.as_str().and_then(phone)
    }

    /// Returns the numbers of a contact in dialling order, each with the index of its column. A contact without a valid number
    /// in any of these columns is dialled by its original number.
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

    /// Returns the row of a contact as received.
    pub(super) fn fields(&self, contact: &Contact) -> Fields {
        let (from, to) = (contact.at as usize, contact.at as usize + contact.len as usize);
        let text = self.text.get(from..to).unwrap_or_default();
        serde_json::from_str(text).unwrap_or_default()
    }

    /// Returns the columns of the customer's own.
    pub(super) fn info(&self, contact: &Contact) -> Fields {
        let mut info = if contact.is_custom { self.fields(contact) } else { Fields::new() };
        // These belong to the mock, not to the customer.
        info.shift_remove("mock_outcome");
        info.shift_remove("mock_whatsapp");
        info
    }
}

impl Row<'_> {
    /// Whether it is to be refused, because of its forced outcome or else its number.
    fn is_refused(&self, magic: impl Fn(u64) -> MockOutcome) -> bool {
        self.mock_outcome.call.refused
            || self.mock_outcome == DialerMockOutcome::default() && magic(self.number).refused
    }
}

/// A row, or the number with which it is refused.
type Read<'a> = Result<Row<'a>, Value>;

fn plain_row(value: &Value) -> Result<Read<'_>, Refusal> {
    if let Value::String(text) = value {
        let row = |number| Row {
            number,
            mock_outcome: DialerMockOutcome::default(),
            value: None,
            is_custom: false,
        };
        return Ok(phone(text).map(row).ok_or_else(|| value.clone()));
    }
    let number = value.get("phoneNumber").unwrap_or(&Value::Null);
    for name in DETAILS {
        let code = if name == "privateData" { 10517 } else { 10501 };
        match value.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if code == 10517 && text.chars().count() > LONGEST_PRIVATE => {
                let message = format!("privateData has more than {LONGEST_PRIVATE} characters");
                return Err(Refusal::new(code, message));
            }
            Some(Value::String(_)) => {}
            Some(other) => {
                let message = format!("{name} of a contact is {}, expected a string", shown(other));
                return Err(Refusal::new(code, message));
            }
        }
    }
    read_row(value, number, false)
}

/// Returns the first column of a row that is not a text.
fn no_text(row: &Value) -> Option<(&String, &Value)> {
    row.as_object()?.iter().find(|(_, value)| !value.is_string())
}

fn custom_row(value: &Value) -> Result<Read<'_>, Refusal> {
    let number = COLUMNS.iter().find_map(|column| value.get(column)).unwrap_or(&Value::Null);
    // All values are strings (client).
    if !value.is_object() || no_text(value).is_some() {
        return Ok(Err(number.clone()));
    }
    read_row(value, number, true)
}

fn read_row<'a>(value: &'a Value, number: &Value, is_custom: bool) -> Result<Read<'a>, Refusal> {
    let mock_outcome = match value.get("mock_outcome") {
        None | Some(Value::Null) => DialerMockOutcome::default(),
        Some(Value::String(text)) => {
            text.parse().map_err(|error| Refusal::new(10501, format!("mock_outcome: {error}")))?
        }
        Some(_) => return Err(Refusal::new(10501, "mock_outcome must be a string")),
    };
    let row = |number| Row { number, mock_outcome, value: Some(value), is_custom };
    Ok(number.as_str().and_then(phone).map(row).ok_or_else(|| number.clone()))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::Offset;
    use serde_json::json;

    use super::*;
    use crate::simulator::AccountKey;

    fn read(fields: &Value) -> Result<(Contacts, Vec<Value>), Refusal> {
        let request = Request {
            id: "dialer.create_task",
            fields,
            route: 0,
            is_typed: true,
            rows: None,
            files: &[],
            account: AccountKey(0),
            zone: Offset::UTC,
            now: Timestamp::UNIX_EPOCH,
        };
        Contacts::read(&request, |_| MockOutcome::default())
    }

    #[test]
    fn a_column_that_is_no_text_is_no_bad_phone_number() {
        let refused = |row: Value| {
            let refusal = read(&json!({ "customizeContacts": [row] })).unwrap_err();
            (refusal.code, refusal.message)
        };
        let number = "+6281112340001";
        let (code, message) = refused(json!({ "PhoneNumber": number, "age": 5 }));
        assert_eq!((code, &*message), (10501, "customizeContacts[0] has 5 in `age`, expected a string"));
        let (code, message) = refused(json!({ "phonenumber": 6_281_112_340_001_i64 }));
        let wanted = "customizeContacts[0] has 6281112340001 in `phonenumber`, expected a string";
        assert_eq!((code, &*message), (10510, wanted));
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

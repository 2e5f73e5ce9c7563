//! The contents of a row's text, parsed each time they are needed.

use std::borrow::Cow;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::content::Gender;
use crate::contract::fields::shown;
use crate::simulator::e164::e164;
use crate::simulator::outcome::MockOutcome;

/// What a row states about a loan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Loan {
    /// Everything that is required.
    Given,
    /// The amount of the loan is missing.
    NoAmount,
    /// The date of the loan is missing.
    NoDate,
}

/// A row of a list, read from its text. Keys that are not named here are the robot's variables (example).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(extend("x-keeps-more" = true))]
pub(super) struct RowText<'a> {
    /// The number to call, in E.164.
    #[serde(rename = "Mobile", borrow)]
    #[schemars(with = "String")]
    mobile: Option<&'a RawValue>,
    /// The person's name.
    #[serde(rename = "Debtor", borrow)]
    #[schemars(with = "Option<String>")]
    debtor: Option<&'a RawValue>,
    /// When the loan was taken, `YYYY-MM-DD`; before `DueDate`. Required whether the robot uses it or not (client).
    #[serde(rename = "LoanDate", borrow)]
    #[schemars(with = "String")]
    loan_date: Option<&'a RawValue>,
    /// The due date, `YYYY-MM-DD`. The robot mentions it; without it, a robot that collects debts makes up a day before the call.
    #[serde(rename = "DueDate", borrow)]
    #[schemars(with = "Option<String>")]
    due_date: Option<&'a RawValue>,
    /// The amount owed; not 0. The robot mentions it.
    #[serde(rename = "Arrears", borrow)]
    #[schemars(with = "Option<f64>")]
    arrears: Option<&'a RawValue>,
    /// The amount lent. Required whether the robot uses it or not; the robot mentions it if there is no `Arrears` (client).
    #[serde(rename = "LoanAmount", borrow)]
    #[schemars(with = "f64")]
    loan_amount: Option<&'a RawValue>,
    /// The currency, such as `IDR` or `Rp`. The robot mentions it; default: the currency of the number's country.
    #[serde(rename = "Unit", borrow)]
    #[schemars(with = "Option<String>")]
    unit: Option<&'a RawValue>,
    /// The company in whose name the robot calls.
    #[serde(rename = "Platform", borrow)]
    #[schemars(with = "Option<String>")]
    platform: Option<&'a RawValue>,
    /// The robot that calls this number instead of the task's (example; that it takes precedence is assumed).
    #[serde(rename = "RobotID", borrow)]
    #[schemars(with = "Option<String>")]
    robot: Option<&'a RawValue>,
    /// The customer's own id of the row, a string or an integer. It comes back in details and callbacks (client).
    #[serde(rename = "Comments", borrow)]
    #[schemars(with = "Option<Comments>")]
    comments: Option<&'a RawValue>,
    /// The person's gender (client).
    #[serde(rename = "Gender", borrow)]
    #[schemars(with = "Option<GenderWord>")]
    gender: Option<&'a RawValue>,
    /// Any text; one of the robot's variables (client).
    #[serde(rename = "ExtraA", borrow)]
    #[schemars(with = "Option<String>")]
    _extra_a: Option<&'a RawValue>,
    /// The mock's own: the result of the calls to this number, such as `busy` or `answers_on_3` (assumed).
    #[serde(borrow)]
    #[schemars(with = "Option<String>")]
    mock_outcome: Option<&'a RawValue>,
    /// The customer's own id of a workflow's row.
    #[serde(borrow)]
    #[schemars(skip)]
    case_id: Option<&'a RawValue>,
    /// The person's name in a workflow's row.
    #[serde(borrow)]
    #[schemars(skip)]
    callee_name: Option<&'a RawValue>,
    /// The person's gender in a workflow's row.
    #[serde(borrow)]
    #[schemars(skip)]
    callee_gender: Option<&'a RawValue>,
    /// The company in a workflow's row.
    #[serde(borrow)]
    #[schemars(skip)]
    platform_name: Option<&'a RawValue>,
}

/// A person's gender, for the reference.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its shape is looked at")]
enum GenderWord {
    Male,
    Female,
}

/// The customer's own id of a row, for the reference.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is looked at")]
enum Comments {
    Text(String),
    Number(i64),
}

/// Maximum length, in bytes, of a value that is repeated in full when a row is refused.
const LONGEST_SHOWN: usize = 64 << 10;

/// Returns a text, if the value is one.
fn text_of(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let raw = raw?.get();
    // A text without escapes is used as it is.
    if let Some(inner) = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'))
        && !inner.contains('\\')
    {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str::<String>(raw).ok().map(Cow::Owned)
}

fn value_of(raw: Option<&RawValue>) -> Option<Value> {
    if let Some(long) = raw.filter(|raw| raw.get().len() > LONGEST_SHOWN) {
        // Such a value need not be repeated, and may take a hundred times the memory of its text.
        return Some(Value::String(cut(long)));
    }
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
    /// Returns the keys that are the robot's own variables, in order.
    pub(super) fn variables(text: &str) -> Vec<(String, Value)> {
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

    pub(super) fn read(text: &'a str) -> Result<Self, String> {
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
        text_of(given(self.debtor)).filter(|name| !name.trim().is_empty())
    }

    /// Returns the person's name.
    pub(super) fn name(&self) -> Option<Cow<'a, str>> {
        self.debtor().or_else(|| text_of(given(self.callee_name)).filter(|name| !name.trim().is_empty()))
    }

    pub(super) fn platform(&self) -> Option<Cow<'a, str>> {
        let mut texts = [self.platform, self.platform_name].into_iter().filter_map(|raw| text_of(given(raw)));
        texts.find(|company| !company.trim().is_empty())
    }

    pub(super) fn unit(&self) -> Option<Cow<'a, str>> {
        text_of(given(self.unit)).filter(|unit| !unit.trim().is_empty())
    }

    /// Whether the row mentions a debt.
    pub(super) fn has_debt(&self) -> bool {
        [self.arrears, self.loan_amount, self.loan_date, self.due_date]
            .into_iter()
            .any(|raw| given(raw).is_some())
    }

    pub(super) fn case_id(&self) -> Option<Cow<'a, str>> {
        text_of(self.case_id)
    }

    pub(super) fn robot(&self) -> Option<Cow<'a, str>> {
        text_of(given(self.robot))
    }

    /// Returns the amount owed, or else the amount lent.
    pub(super) fn amount(&self) -> Option<f64> {
        number_of(self.arrears).or_else(|| number_of(self.loan_amount))
    }

    pub(super) fn gender(&self) -> Option<Gender> {
        let given = text_of(given(self.gender).or(given(self.callee_gender)))?;
        match given.to_ascii_lowercase().as_str() {
            "male" | "m" => Some(Gender::Male),
            "female" | "f" => Some(Gender::Female),
            _ => None,
        }
    }

    /// Returns any field of a row as a text.
    pub(super) fn field(text: &str, name: &str) -> Option<String> {
        let fields: serde_json::Map<String, Value> = serde_json::from_str(text).ok()?;
        match fields.get(name)? {
            Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    pub(super) fn loan_date(&self) -> Option<Date> {
        date(given(self.loan_date)).ok().flatten()
    }

    pub(super) fn due_date(&self) -> Option<Date> {
        date(given(self.due_date)).ok().flatten()
    }

    /// Returns what the row states about a loan.
    pub(super) fn loan(&self) -> Loan {
        match (given(self.loan_amount), given(self.loan_date)) {
            (None, _) => Loan::NoAmount,
            (_, None) => Loan::NoDate,
            _ => Loan::Given,
        }
    }

    /// Returns everything that is wrong with the row, the first mistake first (what is checked is taken from the vendor's
    /// example and a client; that a row is refused for it is known, the wording of the reasons is ours).
    pub(super) fn check(&self) -> Result<(u64, MockOutcome), String> {
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

pub(super) fn shown_raw(raw: &RawValue) -> String {
    if raw.get().len() > LONGEST_SHOWN {
        return cut(raw);
    }
    match serde_json::from_str::<Value>(raw.get()) {
        Ok(value) => shown(&value),
        Err(_) => raw.get().chars().take(60).collect(),
    }
}

/// Returns the beginning of a long value.
fn cut(raw: &RawValue) -> String {
    raw.get().chars().take(60).chain("...".chars()).collect()
}

fn wrong_date(name: &str, raw: &RawValue) -> String {
    format!("{name} is {}, expected a day such as `2030-01-31`", shown_raw(raw))
}

fn date(raw: Option<&RawValue>) -> Result<Option<Date>, &RawValue> {
    let Some(raw) = raw else { return Ok(None) };
    let text = text_of(Some(raw)).ok_or(raw)?;
    // A year before our era would parse, too.
    let sound = text.starts_with(|first: char| first.is_ascii_digit());
    let date = Date::strptime("%Y-%m-%d", &*text).ok().filter(|_| sound).ok_or(raw)?;
    Ok(Some(date))
}

//! The subject of a call, and how it is worded.

use std::borrow::Cow;

use jiff::civil::Date;

use super::spoken::{self, Sum};
use crate::content::placeholders;
use crate::content::texts::day_text;
use crate::content::{Country, Gender};

/// The subject of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct About {
    /// The person's full name; empty if it is not known, and then it is not said.
    pub(crate) name: String,
    /// The form of address, if it is known.
    pub(crate) form: Option<Gender>,
    /// How the person speaks, in languages where that depends on the gender.
    pub(crate) gender: Gender,
    pub(crate) country: Country,
    pub(crate) amount: Sum,
    pub(crate) date: Date,
    /// The calling company.
    pub(crate) company: String,
}

impl About {
    /// Whether a text can be said: one with a name needs the name to be known.
    pub(super) fn can_say(&self, text: &str) -> bool {
        !self.name.is_empty() || !text.contains("{name}")
    }

    /// Fills in a text completely.
    pub(super) fn fill(&self, text: &str, locale: &str) -> String {
        placeholders::fill(text, self.gender, self.form, |placeholder| {
            Some(Cow::Owned(match placeholder {
                "name" => return Some(Cow::Borrowed(&*self.name)),
                "company" => return Some(Cow::Borrowed(&*self.company)),
                "amount" => spoken::sum(&self.amount, locale),
                "date" => day_text(self.date, locale),
                _ => return None,
            }))
        })
    }
}

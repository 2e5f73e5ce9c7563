//! What a call is about, and how that is said.

use std::borrow::Cow;

use jiff::civil::Date;

use super::spoken::{self, Sum};
use crate::content::placeholders;
use crate::content::texts::day_text;
use crate::content::{Country, Gender};

/// What a call is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct About {
    /// The person's whole name; empty if nobody knows it, and then nobody says it.
    pub(crate) name: String,
    /// By which form the person is addressed, if that is known.
    pub(crate) form: Option<Gender>,
    /// How the person speaks, in languages where that differs.
    pub(crate) gender: Gender,
    pub(crate) country: Country,
    pub(crate) amount: Sum,
    pub(crate) date: Date,
    /// The company that calls.
    pub(crate) company: String,
}

impl About {
    /// Whether a text can be said: one that names somebody needs a name.
    pub(super) fn can_say(&self, text: &str) -> bool {
        !self.name.is_empty() || !text.contains("{name}")
    }

    /// A text with everything filled in.
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

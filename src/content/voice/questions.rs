//! The questions of an info check: their subjects, their wording, and people's answers.

use jiff::civil::Date;
use jiff::{Span, ToSpan};
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::about::About;
use super::texts::{Questions, questions};
use crate::content::market::market;
use crate::content::person::Person;
use crate::seed::Rng;

/// The subject of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Name,
    Company,
    Address,
    Birthday,
    Job,
    Income,
    Contact,
    Loan,
    Other,
}

/// The names of fields in lists, without their punctuation.
const NAMES: [(Item, &[&str]); 8] = [
    (Item::Name, &["debtor", "calleename", "name", "fullname", "customername"]),
    (Item::Company, &["company", "companyname", "employer", "employername", "workplace"]),
    (Item::Address, &["address", "homeaddress", "residence", "street"]),
    (Item::Birthday, &["birthday", "birthdate", "dateofbirth", "dob"]),
    (Item::Job, &["job", "jobtitle", "occupation", "profession", "position"]),
    (Item::Income, &["income", "salary", "monthlyincome", "monthlysalary"]),
    (Item::Contact, &["contact", "contactname", "emergencycontact", "spousename", "referencename"]),
    (Item::Loan, &["loanamount"]),
];

impl Item {
    /// Returns the subject of a field of a list, by its name.
    pub(crate) fn of_field(name: &str) -> Self {
        let plain: String =
            name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        let known = NAMES.iter().find(|(_, names)| names.contains(&&*plain));
        known.map_or(Self::Other, |(item, _)| *item)
    }

    fn asks(self, questions: &'static Questions) -> &'static [String] {
        match self {
            Self::Name => &questions.name,
            Self::Company => &questions.company,
            Self::Address => &questions.address,
            Self::Birthday => &questions.birthday,
            Self::Job => &questions.job,
            Self::Income => &questions.income,
            Self::Contact => &questions.contact,
            Self::Loan => &questions.loan,
            Self::Other => &questions.other,
        }
    }
}

/// How a person answers a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// As the list says.
    Right,
    /// Differently from the list.
    Wrong,
    /// Without an answer.
    Silent,
}

/// A question to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The field of the list.
    pub(crate) item: String,
    /// Its wording; `None` for the default one.
    pub(crate) ask: Option<String>,
    /// The expected answer, from the list.
    pub(crate) expected: String,
    /// Answers that differ from the list, if they are given.
    pub(crate) others: Vec<String>,
    pub(crate) reply: Reply,
}

/// The result of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Its index among the questions.
    pub(crate) question: usize,
    /// The answer of the person; empty if there was none.
    pub(crate) answer: String,
}

/// Splits a field's name into words: `company_name` and `CompanyName` become `company name`.
fn words(name: &str) -> String {
    let mut words = String::new();
    let mut was_lower = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && was_lower) {
            words.push(' ');
        }
        was_lower = letter.is_lowercase();
        if letter.is_alphanumeric() {
            words.extend(letter.to_lowercase());
        }
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn one(rng: &mut Rng, texts: &[String]) -> String {
    texts.choose(rng).cloned().unwrap_or_default()
}

impl Asked {
    /// Draws the robot's wording of the question.
    pub(super) fn ask_text(&self, rng: &mut Rng, about: &About, locale: &str) -> String {
        match &self.ask {
            Some(ask) if about.can_say(ask) => about.fill(ask, locale),
            _ => {
                let asks = Item::of_field(&self.item).asks(questions(locale));
                one(rng, asks).replace("{item}", &words(&self.item))
            }
        }
    }

    /// Draws the person's words, and the answer contained in them.
    pub(super) fn answer(&self, rng: &mut Rng, about: &About, locale: &str) -> (String, String) {
        let questions = questions(locale);
        let (forms, answer) = match self.reply {
            Reply::Right => (&questions.right, self.expected.clone()),
            Reply::Silent => return (about.fill(&one(rng, &questions.silent), locale), String::new()),
            Reply::Wrong => match (0..8)
                .filter_map(|_| self.other(rng, about, locale))
                .find(|other| *other != self.expected)
            {
                Some(other) => (&questions.wrong, other),
                None => {
                    let denied = about.fill(&one(rng, &questions.denied), locale);
                    return (denied.clone(), denied);
                }
            },
        };
        (about.fill(&one(rng, forms), locale).replace("{answer}", &answer), answer)
    }

    /// Draws an answer that differs from the list; `None` if none can be made up.
    fn other(&self, rng: &mut Rng, about: &About, locale: &str) -> Option<String> {
        if !self.others.is_empty() {
            return self.others.choose(rng).cloned();
        }
        if let Ok(number) = self.expected.parse::<i64>() {
            let step = (number / 10).saturating_abs().max(1);
            return Some(number.wrapping_sub(step.wrapping_mul(rng.random_range(1..5))).to_string());
        }
        if let Ok(day) = self.expected.parse::<Date>() {
            let (days, years): (Span, Span) =
                (rng.random_range(1_i32..28).days(), rng.random_range(1_i32..4).years());
            return day
                .checked_sub(years)
                .and_then(|day| day.checked_sub(days))
                .ok()
                .map(|day| day.to_string());
        }
        let questions = questions(locale);
        match Item::of_field(&self.item) {
            Item::Name | Item::Contact => Some(Person::draw_name(rng, locale).1),
            Item::Company => market(about.country).companies.choose(rng).cloned(),
            Item::Address => questions.places.choose(rng).cloned(),
            Item::Job => questions.jobs.choose(rng).cloned(),
            Item::Birthday | Item::Income | Item::Loan | Item::Other => None,
        }
    }
}

/// Draws the robot's acknowledgement of an answer.
pub(super) fn noted(rng: &mut Rng, about: &About, locale: &str) -> String {
    about.fill(&one(rng, &questions(locale).noted), locale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_known_by_many_names() {
        assert_eq!(Item::of_field("company_name"), Item::Company);
        assert_eq!(Item::of_field("CompanyName"), Item::Company);
        assert_eq!(Item::of_field("shoe_size"), Item::Other);
        assert_eq!(words("monthly_rent"), "monthly rent");
        assert_eq!(words("MonthlyRent"), "monthly rent");
    }
}

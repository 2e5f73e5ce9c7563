//! The facts of a conversation, which fill the placeholders of its texts.

use std::fmt::Write as _;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use rand::RngExt;
use rand::seq::IndexedRandom;
use serde::Serialize;

use super::country::Country;
use super::gender::Gender;
use super::market::market;
use super::person::Person;
use super::placeholders;
use super::texts::{self, Called};
use crate::seed::Rng;
use crate::seed::ids::{self, IdShape};

/// A sum in a country's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Money {
    /// The country of the currency.
    pub country: Country,
    /// Whole units: rupiah, pesos, baht.
    pub units: u64,
    /// Hundredths, 0 to 99. Always 0 where people do not write them (ID, VN, TH, IN).
    pub cents: u8,
}

impl Money {
    /// Formats the sum as a language writes it, for example `Rp1.250.000`, `₱3,450.50`, `₹1,25,000`.
    pub fn text(self, locale: &str) -> String {
        let (before, separator, group, cents, after) = match self.country {
            Country::Id => ("Rp", '.', 3, false, ""),
            Country::Ph => ("₱", ',', 3, true, ""),
            Country::Mx => ("$", ',', 3, true, ""),
            Country::Th if texts::closest_locale(locale) == "th" => ("", ',', 3, false, " บาท"),
            Country::Th => ("฿", ',', 3, false, ""),
            Country::Vn => ("", '.', 3, false, "đ"),
            Country::My => ("RM", ',', 3, true, ""),
            Country::In => ("₹", ',', 2, false, ""),
            Country::Cn => ("¥", ',', 3, true, ""),
        };
        let digits = self.units.to_string();
        let mut text = before.to_owned();
        for (index, digit) in digits.chars().enumerate() {
            let left = digits.len() - index;
            // The last three digits always form a group; India groups the digits before them by two.
            if index > 0 && left >= 3 && (left - 3).is_multiple_of(group) {
                text.push(separator);
            }
            text.push(digit);
        }
        if cents {
            let _ = write!(text, ".{:02}", self.cents);
        }
        text.push_str(after);
        text
    }
}

/// The facts of one conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The customer's full name; texts address people as their language does.
    pub name: String,
    /// Selects forms of address, and the customer's own words where the language distinguishes them.
    pub gender: Gender,
    /// Where the customer lives.
    pub country: Country,
    /// The amount of an instalment or a price.
    pub amount: Money,
    /// A date in the near future: when a payment is due, when a parcel will arrive.
    pub date: Date,
    /// An invented company.
    pub company: String,
    /// The number of an order or contract.
    pub order: String,
}

impl Facts {
    /// Draws the facts of a conversation that takes place at `now`, with a customer of this name. The gender is drawn as
    /// well; [`Facts::of`] uses that of a person.
    pub fn draw(rng: &mut Rng, country: Country, now: Timestamp, name: &str) -> Self {
        // Without letters that are mistaken for one another when read out.
        const LETTERS: &[u8] = b"ACDEFHJKLMNPRTUVWXY";
        let market = market(country);
        let [lowest, highest] = market.amount;
        let units = rng.random_range(lowest / market.step..=highest / market.step) * market.step;
        let cents = match country {
            Country::Ph | Country::Mx | Country::My | Country::Cn => {
                [0, 0, 50, 90, rng.random_range(0..100)].choose(rng).copied().unwrap_or(0)
            }
            _ => 0,
        };
        let today = country.offset().to_datetime(now).date();
        let date = today.saturating_add(rng.random_range(2_i32..=12).days());
        let ordered = today.saturating_sub(rng.random_range(3_i32..=20).days());
        let mut order = ordered.strftime("%y%m%d").to_string();
        for _ in 0..2 {
            order.push(char::from(*LETTERS.choose(rng).expect("there are letters")));
        }
        order
            .push_str(&ids::draw(rng, IdShape::Digits, |rng| format!("{:05}", rng.random_range(0..100_000))));
        Self {
            name: name.to_owned(),
            gender: Gender::draw(rng),
            country,
            amount: Money { country, units, cents },
            date,
            company: market.companies.choose(rng).cloned().unwrap_or_default(),
            order,
        }
    }

    /// Draws the facts of a conversation with this person.
    pub fn of(rng: &mut Rng, person: &Person, now: Timestamp) -> Self {
        Self { gender: person.gender, ..Self::draw(rng, person.country, now, &person.name) }
    }

    /// Returns a day that is as far before `now`, when these facts were drawn, as their date is after it: when a payment was due
    /// that has not arrived.
    pub fn overdue(&self, now: Timestamp) -> Date {
        let today = self.country.offset().to_datetime(now).date();
        today.saturating_sub(self.date - today)
    }

    /// Formats the day as a language writes it, without the year: `15 Maret`, `3月15日`.
    pub fn date_text(&self, locale: &str) -> String {
        texts::day_text(self.date, locale)
    }

    /// Returns the name by which a language addresses the customer: the given name, or the full name in Chinese.
    pub fn called(&self, locale: &str) -> &str {
        let mut words = self.name.split_whitespace();
        let word = match texts::names(locale).called {
            Called::First => words.next(),
            Called::Last => words.next_back(),
            Called::Whole => None,
        };
        word.unwrap_or(&self.name)
    }

    /// Fills the placeholders of a text: `{name}`, `{amount}`, `{date}`, `{company}`, `{order}`, and `{his|her}` by gender.
    /// Other placeholders stay as they are.
    pub fn fill(&self, text: &str, locale: &str) -> String {
        placeholders::fill(text, self.gender, Some(self.gender), |placeholder| {
            Some(match placeholder {
                "name" => self.called(locale).into(),
                "amount" => self.amount.text(locale).into(),
                "date" => self.date_text(locale).into(),
                "company" => self.company.as_str().into(),
                "order" => self.order.as_str().into(),
                _ => return None,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn money_is_written_as_at_home() {
        for (country, units, cents, locale, text) in [
            (Country::Id, 1_250_000, 0, "id", "Rp1.250.000"),
            (Country::Ph, 3_450, 50, "tl", "₱3,450.50"),
            (Country::Mx, 950, 0, "es-MX", "$950.00"),
            (Country::Th, 12_000, 0, "th", "12,000 บาท"),
            (Country::Th, 12_000, 0, "en", "฿12,000"),
            (Country::Vn, 850_000, 0, "vi", "850.000đ"),
            (Country::My, 1_200, 5, "ms", "RM1,200.05"),
            (Country::In, 125_000, 0, "hi", "₹1,25,000"),
            (Country::In, 12_345_678, 0, "hi", "₹1,23,45,678"),
            (Country::In, 999, 0, "hi", "₹999"),
            (Country::Cn, 0, 0, "zh-CN", "¥0.00"),
        ] {
            assert_eq!(Money { country, units, cents }.text(locale), text);
        }
    }

    #[test]
    fn facts_of_every_country() {
        let now: Timestamp = "2030-01-31T20:00:00Z".parse().unwrap();
        let mut rng = Seed(7).stream("facts", 0);
        let mut lines = Vec::new();
        for country in Country::ALL {
            let person = Person::draw(&mut rng, country, None);
            let facts = Facts::of(&mut rng, &person, now);
            assert_eq!(facts.gender, person.gender);
            let today = country.offset().to_datetime(now).date();
            assert!(facts.date > today);
            assert_eq!((today - facts.overdue(now)).fieldwise(), facts.date - today);
            let text = facts.fill("{name} ({Mr|Ms}): {amount}, {date}, {company}, {order}", person.locale);
            lines.push(format!("{country} {text}"));
        }
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn the_edges_of_time_are_survived() {
        for now in [Timestamp::MIN, Timestamp::MAX] {
            for country in Country::ALL {
                Facts::draw(&mut Seed(1).stream("facts", 0), country, now, "").overdue(now);
            }
        }
    }
}

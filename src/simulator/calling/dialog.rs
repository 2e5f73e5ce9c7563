//! What is said in a call: the row's robot, its subject, and the person's answers.
//!
//! It is drawn from the task's seed each time it is needed. The length of a talk follows from its words, so it is drawn when
//! the number is dialled, too.

use std::borrow::Cow;
use std::sync::Arc;

use rand::seq::IndexedRandom;

use super::draw::{LONG_TALK, stream};
use super::info_check::asked;
use super::row_text::RowText;
use super::rows::{Row, Rows};
use crate::content::facts::Facts;
use crate::content::voice::{About, Asked, Business, Call, INTENTIONS, Sum, Talk};
use crate::content::{self, Country};
use crate::seed::{Rng, Seed};
use crate::simulator::ids::{Ids, Kind};
use crate::simulator::outcome::MockOutcome;
use crate::simulator::rules::calling::{Robot, Rules};

/// Everything needed to generate what is said in the calls of a task.
#[derive(Clone)]
pub(super) struct Dialogs {
    pub(super) rules: Arc<Rules>,
    pub(super) ids: Arc<Ids>,
    pub(super) seed: Seed,
    /// The robot of the task, as given.
    pub(super) robot: String,
    /// The home country of the account.
    pub(super) country: Country,
    /// The subject and language of talks, if a story's conversation determines them.
    pub(super) about: Option<(About, &'static str)>,
}

/// A call of a row: the questions asked and the words said.
pub(super) struct Dialog {
    pub(super) questions: Option<Vec<Asked>>,
    pub(super) talk: Option<Talk>,
}

/// Returns the word of an intention: a letter, or 0 if it did not become clear.
pub(super) fn word(letter: u8) -> &'static str {
    let place = usize::from(letter.wrapping_sub(b'A'));
    INTENTIONS.get(place).filter(|_| place < 9).copied().unwrap_or("--")
}

/// Returns the person's intentions on the way, followed by the final one.
pub(super) fn letters(mock_outcome: MockOutcome, last: u8) -> Vec<&'static str> {
    let on_the_way = (b'A'..=b'I').filter(|letter| mock_outcome.before & 1 << (letter - b'A') != 0);
    on_the_way.filter(|letter| *letter != last).chain([last]).map(word).collect()
}

impl Dialogs {
    /// Returns the robot that calls a row, as given.
    pub(super) fn robot_of<'a>(&'a self, text: &RowText<'a>) -> Cow<'a, str> {
        text.robot().unwrap_or(Cow::Borrowed(&*self.robot))
    }

    /// Returns the listed robot that a call names by name or id, with its index.
    pub(super) fn listed_robot(&self, named: &str) -> Option<(&Robot, u32)> {
        let robots = &self.rules.robots;
        let by_name = || robots.iter().position(|robot| robot.name == named);
        let by_id = || self.ids.open(Kind::Robot, named).map(|(at, ..)| at as usize);
        let at = by_name().or_else(by_id)?;
        Some((robots.get(at)?, u32::try_from(at).ok()?))
    }

    /// Returns the country of a number, or else that of the account.
    fn country_of(&self, row: &Row) -> Country {
        Country::of_number(&row.number.to_string()).unwrap_or(self.country)
    }

    /// Generates the latest attempt of a row. Without a talk nothing is said, but questions are listed all the same.
    pub(super) fn dialog(
        &self,
        at: u32,
        row: &Row,
        (rows, text): (&Rows, &RowText<'_>),
        mock_outcome: MockOutcome,
        talked: bool,
    ) -> Dialog {
        let robot = self.listed_robot(&self.robot_of(text)).map(|(robot, _)| robot);
        // An undeclared robot speaks of debts to people who have any (assumed).
        let usual = if text.has_debt() { Business::Collection } else { Business::Telemarketing };
        let business = robot.map_or(usual, |robot| robot.business);
        let questions = (business == Business::InfoCheck).then(|| {
            let mut rng = stream(self.seed, "checks", at, row.attempts);
            let declared = robot.map(|robot| &*robot.questions).unwrap_or_default();
            asked(&mut rng, declared, text.debtor().map(Cow::into_owned), rows.text(row), mock_outcome.checks)
        });
        if !talked {
            return Dialog { questions, talk: None };
        }
        let (about, locale) = match &self.about {
            Some((about, locale)) => (Cow::Borrowed(about), *locale),
            None => (Cow::Owned(self.about(at, row, text, business)), self.country_of(row).default_locale()),
        };
        let locale = robot.and_then(|robot| robot.locale.as_deref()).unwrap_or(locale);
        let script = robot.and_then(|robot| self.rules.scripts.get(robot.script.as_ref()?));
        let mut letters = letters(mock_outcome, row.intention);
        let intention = letters.pop().unwrap_or("--");
        let call = Call {
            business,
            script,
            locale: content::closest_locale(locale),
            about: &about,
            intention,
            before: letters,
            questions: questions.as_deref().unwrap_or_default(),
            seconds: mock_outcome.long_talk.then_some(LONG_TALK),
        };
        let talk = call.draw(&mut stream(self.seed, "dialogue", at, row.attempts));
        Dialog { questions, talk: Some(talk) }
    }

    /// Returns the length of a row's talk in seconds.
    pub(super) fn seconds(&self, at: u32, row: &Row, rows: &Rows, mock_outcome: MockOutcome) -> u16 {
        let text = rows.read_row(row);
        let dialog = self.dialog(at, row, (rows, &text), mock_outcome, true);
        dialog.talk.map_or(0, |talk| talk.seconds)
    }

    /// Returns the subject of the talk: the values of the row, the rest made up.
    fn about(&self, at: u32, row: &Row, text: &RowText<'_>, business: Business) -> About {
        let mut rng = stream(self.seed, "facts", at, row.attempts);
        let country = self.country_of(row);
        let name = text.name().unwrap_or_default();
        let drawn = Facts::draw(&mut rng, country, row.started(), &name);
        let (units, cents) = match text.amount() {
            Some(sum) => {
                let cents = (sum.abs().min(1e15) * 100.0).round() as u64;
                (cents / 100, u8::try_from(cents % 100).unwrap_or(0))
            }
            None => (drawn.amount.units, drawn.amount.cents),
        };
        let date = match business {
            // What a robot asks for was due before the call, and after the loan was taken.
            Business::Collection => {
                let overdue = drawn.overdue(row.started());
                text.loan_date().map_or(overdue, |loan| overdue.max(loan.tomorrow().unwrap_or(loan)))
            }
            Business::Telemarketing | Business::InfoCheck => drawn.date,
        };
        let form = text.gender();
        // All calls of a task are made for one company.
        let company = content::market(country).companies.choose(&mut self.seed.stream("company", 0));
        About {
            form,
            gender: form.unwrap_or(drawn.gender),
            country,
            amount: Sum {
                units,
                cents,
                unit: text.unit().map_or(country.currency().to_owned(), Cow::into_owned),
            },
            date: text.due_date().unwrap_or(date),
            company: text.platform().map(Cow::into_owned).or(company.cloned()).unwrap_or(drawn.company),
            name: drawn.name,
        }
    }
}

/// Returns the subject of a call that belongs to a conversation.
pub(super) fn about(facts: Facts) -> About {
    About {
        form: Some(facts.gender),
        gender: facts.gender,
        country: facts.country,
        amount: Sum {
            units: facts.amount.units,
            cents: facts.amount.cents,
            unit: facts.country.currency().to_owned(),
        },
        date: facts.date,
        company: facts.company,
        name: facts.name,
    }
}

/// Generates the talk of an agent of the dialer and a person with a length in seconds.
pub(in crate::simulator) fn agent_talk(rng: &mut Rng, facts: Facts, intention: u8, seconds: u16) -> Talk {
    let locale = content::closest_locale(facts.country.default_locale());
    let call = Call {
        business: Business::Collection,
        script: None,
        locale,
        about: &about(facts),
        intention: word(intention),
        before: Vec::new(),
        questions: &[],
        seconds: Some(seconds),
    };
    call.draw(rng)
}

//! What is said in a call: the robot of the row, what it speaks of, and what the person answers.
//!
//! It is drawn from the task's seed whenever it is asked for. How long a talk lasts follows from its words, so that it is
//! drawn when the number is dialled, too.

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

/// Everything it takes to say what is said in the calls of a task.
#[derive(Clone)]
pub(super) struct Dialogs {
    pub(super) rules: Arc<Rules>,
    pub(super) ids: Arc<Ids>,
    pub(super) seed: Seed,
    /// The robot of the task, as it was given.
    pub(super) robot: String,
    /// Where the account is at home.
    pub(super) country: Country,
    /// What talks are about and their language, where a story's conversation says so.
    pub(super) about: Option<(About, &'static str)>,
}

/// A call of a row: what was asked and said in it.
pub(super) struct Dialog {
    pub(super) questions: Option<Vec<Asked>>,
    pub(super) talk: Option<Talk>,
}

/// The word of an intention: a letter, or 0 if it did not become clear.
pub(super) fn word(letter: u8) -> &'static str {
    let place = usize::from(letter.wrapping_sub(b'A'));
    INTENTIONS.get(place).filter(|_| place < 9).copied().unwrap_or("--")
}

/// What a person wanted on the way, and then in the end.
pub(super) fn letters(mock_outcome: MockOutcome, last: u8) -> Vec<&'static str> {
    let on_the_way = (b'A'..=b'I').filter(|letter| mock_outcome.before & 1 << (letter - b'A') != 0);
    on_the_way.filter(|letter| *letter != last).chain([last]).map(word).collect()
}

impl Dialogs {
    /// The robot that calls a row, as it was given.
    pub(super) fn robot_of<'a>(&'a self, text: &RowText<'a>) -> Cow<'a, str> {
        text.robot().unwrap_or(Cow::Borrowed(&*self.robot))
    }

    /// The robot of the list that a call names, by its name or its id, and its place there.
    pub(super) fn listed_robot(&self, named: &str) -> Option<(&Robot, u32)> {
        let robots = &self.rules.robots;
        let by_name = || robots.iter().position(|robot| robot.name == named);
        let by_id = || self.ids.open(Kind::Robot, named).map(|(at, ..)| at as usize);
        let at = by_name().or_else(by_id)?;
        Some((robots.get(at)?, u32::try_from(at).ok()?))
    }

    /// The country a number belongs to, or else that of the account.
    fn country_of(&self, row: &Row) -> Country {
        Country::of_number(&row.number.to_string()).unwrap_or(self.country)
    }

    /// What is said in the latest attempt of a row; nothing is said if nobody talked, but questions are listed all the same.
    pub(super) fn dialog(
        &self,
        at: u32,
        row: &Row,
        (rows, text): (&Rows, &RowText<'_>),
        mock_outcome: MockOutcome,
        talked: bool,
    ) -> Dialog {
        let robot = self.listed_robot(&self.robot_of(text)).map(|(robot, _)| robot);
        // A robot that nobody declared speaks of debts to those who have any (assumed).
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
            None => (Cow::Owned(self.about(at, row, text)), self.country_of(row).default_locale()),
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

    /// How many seconds the talk of a row takes.
    pub(super) fn seconds(&self, at: u32, row: &Row, rows: &Rows, mock_outcome: MockOutcome) -> u16 {
        let text = rows.read_row(row);
        let dialog = self.dialog(at, row, (rows, &text), mock_outcome, true);
        dialog.talk.map_or(0, |talk| talk.seconds)
    }

    /// What the talk is about: what the row says, the rest made up.
    fn about(&self, at: u32, row: &Row, text: &RowText<'_>) -> About {
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
            date: text.due_date().unwrap_or(drawn.date),
            company: text.platform().map(Cow::into_owned).or(company.cloned()).unwrap_or(drawn.company),
            name: drawn.name,
        }
    }
}

/// What a call is about that belongs to a conversation.
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

/// What an agent of the dialer and a person say in a talk of so many seconds.
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

//! A call from its first word to its last.

use rand::RngExt;
use rand::seq::SliceRandom;

use super::about::About;
use super::business::Business;
use super::questions::{Asked, Heard, noted};
use super::script::{Exchange, Script, WrittenTalk};
use super::spoken::milliseconds;
use super::texts::voices;
use crate::content::dialogue::Speaker;
use crate::seed::Rng;

/// A call to be drawn.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) business: Business,
    /// The robot's own script; the default one is used for what it does not have.
    pub(crate) script: Option<&'a Script>,
    pub(crate) locale: &'static str,
    pub(crate) about: &'a About,
    /// What the person wants in the end: `A` to `I`, or `--`.
    pub(crate) intention: &'static str,
    /// What the person wants before that.
    pub(crate) before: Vec<&'static str>,
    pub(crate) questions: &'a [Asked],
    /// Duration of the call in seconds; `None` for as long as the talk takes.
    pub(crate) seconds: Option<u16>,
}

/// A turn of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) speaker: Speaker,
    pub(crate) text: String,
    /// Start in milliseconds since the call was answered.
    pub(crate) from: u32,
    /// Duration in milliseconds.
    pub(crate) lasts: u32,
}

/// A drawn call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Talk {
    pub(crate) turns: Vec<Said>,
    /// The results of the questions that were asked.
    pub(crate) heard: Vec<Heard>,
    pub(crate) seconds: u16,
}

/// Maximum number of exchanges of a call, however long it is to be.
const MOST_EXCHANGES: usize = 200;

/// Duration in seconds from which a call is not cut off before the robot has said its purpose.
const LONGEST_CUT_OFF: u16 = 120;

type Turns = Vec<(Speaker, String)>;

impl Call<'_> {
    /// Draws the call.
    pub(crate) fn draw(&self, rng: &mut Rng) -> Talk {
        let mut heard = Vec::new();
        let mut turns = Turns::new();
        match self.written(rng) {
            Some(talk) => {
                for turn in &talk.turns {
                    match (&turn.robot, &turn.person) {
                        (Some(text), _) => turns.push((Speaker::Bot, self.about.fill(text, self.locale))),
                        (None, Some(text)) => turns.push((Speaker::User, self.about.fill(text, self.locale))),
                        (None, None) => self.ask_questions(rng, &mut turns, &mut heard),
                    }
                }
            }
            None => {
                let is_open = self.begin(rng, &mut turns);
                if is_open {
                    if self.business == Business::InfoCheck && matches!(self.intention, "A" | "C" | "D") {
                        self.say(rng, &mut turns, Speaker::User, self.listening());
                        self.ask_questions(rng, &mut turns, &mut heard);
                    }
                    for letter in &self.before {
                        self.say(rng, &mut turns, Speaker::User, self.ends(letter).map(|end| &*end.person));
                        self.say(rng, &mut turns, Speaker::Bot, self.scripts().map(|script| &*script.ask));
                    }
                }
                let mut end = Turns::new();
                self.say(rng, &mut end, Speaker::User, self.ends(self.intention).map(|end| &*end.person));
                self.say(rng, &mut end, Speaker::Bot, self.ends(self.intention).map(|end| &*end.robot));
                if is_open {
                    self.talk_on(rng, &mut turns, &end);
                }
                turns.extend(end);
            }
        }
        self.timed(rng, turns, heard)
    }

    /// Draws a matching talk of the script, if it has one.
    fn written(&self, rng: &mut Rng) -> Option<&WrittenTalk> {
        let fits = |talk: &&WrittenTalk| {
            talk.intention == self.intention && talk.texts().all(|text| self.about.can_say(text))
        };
        let fitting: Vec<&WrittenTalk> = self.script?.talks.iter().filter(fits).collect();
        fitting.get(rng.random_range(0..fitting.len().max(1))).copied()
    }

    /// Returns the scripts to search, best first.
    fn scripts(&self) -> impl Iterator<Item = &Script> {
        self.script.into_iter().chain(voices(self.locale).map(|voices| voices.script(self.business)))
    }

    /// Returns how calls of an intention end, best first.
    fn ends(&self, intention: &str) -> impl Iterator<Item = &Exchange> {
        let own = self.script.and_then(|script| script.ends.get(intention));
        let usual = voices(self.locale).flat_map(move |voices| {
            let of_line = voices.script(self.business).ends.get(intention);
            of_line.or_else(|| voices.everyone.ends.get(intention))
        });
        own.into_iter().chain(usual)
    }

    fn listening(&self) -> impl Iterator<Item = &[String]> {
        voices(self.locale).map(|voices| &*voices.everyone.listening)
    }

    /// The robot opens the call, and says its purpose unless the person does not let it. Returns whether it did.
    fn begin(&self, rng: &mut Rng, turns: &mut Turns) -> bool {
        self.say(rng, turns, Speaker::Bot, self.scripts().map(|script| &*script.open));
        let cuts_off =
            matches!(self.intention, "G" | "--") || (self.intention == "H" && rng.random_bool(0.4));
        // A person who is to be on the phone for minutes lets the robot speak.
        if cuts_off && self.seconds.is_none_or(|seconds| seconds < LONGEST_CUT_OFF) {
            return false;
        }
        if rng.random_bool(0.7) {
            self.say(rng, turns, Speaker::User, voices(self.locale).map(|voices| &*voices.everyone.speaking));
        } else {
            self.say(rng, turns, Speaker::User, voices(self.locale).map(|voices| &*voices.everyone.who));
            self.say(rng, turns, Speaker::Bot, self.scripts().map(|script| &*script.introduce));
            self.say(rng, turns, Speaker::User, self.listening());
        }
        self.say(rng, turns, Speaker::Bot, self.scripts().map(|script| &*script.ask));
        true
    }

    fn ask_questions(&self, rng: &mut Rng, turns: &mut Turns, heard: &mut Vec<Heard>) {
        for (number, question) in self.questions.iter().enumerate() {
            let mut text = question.ask_text(rng, self.about, self.locale);
            if number > 0 {
                let gap = if self.locale == "zh-CN" { "" } else { " " };
                text = format!("{}{gap}{text}", noted(rng, self.about, self.locale));
            }
            turns.push((Speaker::Bot, text));
            let (said, answer) = question.answer(rng, self.about, self.locale);
            turns.push((Speaker::User, said));
            heard.push(Heard { question: number, answer });
        }
        // The person who has just answered does not speak twice in a row.
        if !self.questions.is_empty() {
            turns.push((Speaker::Bot, noted(rng, self.about, self.locale)));
        }
    }

    /// Adds what people ask on the way: a little if they are curious, and as much as a long call has room for.
    fn talk_on(&self, rng: &mut Rng, turns: &mut Turns, end: &Turns) {
        let mut topics: Vec<&Exchange> = self
            .scripts()
            .map(|script| &script.topics)
            .find(|topics| !topics.is_empty())
            .into_iter()
            .flatten()
            .collect();
        let everyones =
            voices(self.locale).map(|voices| &voices.everyone.topics).find(|topics| !topics.is_empty());
        topics.shuffle(rng);
        let least = match self.intention {
            "C" => 1 + usize::from(rng.random_bool(0.5)),
            "A" | "B" | "D" | "E" => usize::from(rng.random_bool(0.4)),
            _ => 0,
        };
        // A long call runs through all available questions, again and again.
        let mut others: Vec<&Exchange> = everyones.into_iter().flatten().collect();
        others.shuffle(rng);
        topics.extend(others);
        let wanted = u32::from(self.seconds.unwrap_or(0)) * 1_000;
        let length = |turns: &[(Speaker, String)]| {
            turns.iter().map(|(_, text)| milliseconds(text) + USUAL_PAUSE).sum::<u32>()
        };
        let (mut before, after) = (length(turns), length(end));
        for (number, topic) in topics.iter().cycle().take(MOST_EXCHANGES).enumerate() {
            let from = turns.len();
            self.say(rng, turns, Speaker::User, std::iter::once(&*topic.person));
            self.say(rng, turns, Speaker::Bot, std::iter::once(&*topic.robot));
            let takes = length(&turns[from..]);
            if number >= least && before + takes + after > wanted {
                turns.truncate(from);
                break;
            }
            before += takes;
        }
    }

    /// Says one of the best usable texts, preferably one that has not been said before.
    fn say<'t>(
        &self,
        rng: &mut Rng,
        turns: &mut Turns,
        speaker: Speaker,
        lists: impl Iterator<Item = &'t [String]>,
    ) {
        for texts in lists {
            let sayable: Vec<&String> = texts.iter().filter(|text| self.about.can_say(text)).collect();
            if sayable.is_empty() {
                continue;
            }
            let first = rng.random_range(0..sayable.len());
            let filled = |at: usize| self.about.fill(sayable[at % sayable.len()], self.locale);
            let is_new = |text: &String| turns.iter().all(|(_, said)| said != text);
            let text =
                (first..first + sayable.len()).map(filled).find(is_new).unwrap_or_else(|| filled(first));
            turns.push((speaker, text));
            return;
        }
    }

    /// Assigns times to the turns: as long as it takes to say them, with a short pause between them.
    fn timed(&self, rng: &mut Rng, turns: Turns, heard: Vec<Heard>) -> Talk {
        let speaking: u32 = turns.iter().map(|(_, text)| milliseconds(text)).fold(0, u32::saturating_add);
        let count = u32::try_from(turns.len().max(1)).unwrap_or(u32::MAX);
        let room = self.seconds.and_then(|seconds| (u32::from(seconds) * 1_000).checked_sub(speaking));
        let mut at = 0_u32;
        let mut said = Vec::with_capacity(turns.len());
        for (speaker, text) in turns {
            let lasts = milliseconds(&text);
            said.push(Said { speaker, text, from: at, lasts });
            let pause = match room {
                Some(room) => room / count,
                None => rng.random_range(USUAL_PAUSE - 250..=USUAL_PAUSE + 250),
            };
            at = at.saturating_add(lasts).saturating_add(pause);
        }
        let seconds = self.seconds.filter(|_| room.is_some());
        let seconds = seconds.unwrap_or_else(|| u16::try_from(at.div_ceil(1_000).max(1)).unwrap_or(u16::MAX));
        Talk { turns: said, heard, seconds }
    }
}

/// Approximate pause between two turns, in milliseconds.
const USUAL_PAUSE: u32 = 600;

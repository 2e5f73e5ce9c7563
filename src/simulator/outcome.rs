//! The outcome of a call, and the `mock_outcome` that forces it.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::files::suggest::nearest;
use crate::time::later;

/// What a call comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Outcome {
    /// A person answered and talked.
    Talked,
    /// A person answered and hung up at once.
    HungUp,
    /// A machine answered.
    Voicemail,
    /// It rang, and nobody answered.
    NoAnswer,
    /// The line was busy.
    Busy,
    /// The phone was switched off.
    SwitchedOff,
    /// The phone was out of reach.
    OutOfArea,
    /// There is no such number.
    InvalidNumber,
    /// The person does not want to be called.
    DoNotCall,
}

impl Outcome {
    /// Every outcome, in the order in which they are listed.
    pub const ALL: [Self; 9] = [
        Self::Talked,
        Self::HungUp,
        Self::Voicemail,
        Self::NoAnswer,
        Self::Busy,
        Self::SwitchedOff,
        Self::OutOfArea,
        Self::InvalidNumber,
        Self::DoNotCall,
    ];

    /// Returns the word of settings and of `mock_outcome`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Talked => "talked",
            Self::HungUp => "hung_up",
            Self::Voicemail => "voicemail",
            Self::NoAnswer => "no_answer",
            Self::Busy => "busy",
            Self::SwitchedOff => "switched_off",
            Self::OutOfArea => "out_of_area",
            Self::InvalidNumber => "invalid_number",
            Self::DoNotCall => "do_not_call",
        }
    }

    /// Whether a person answered. Such a number is not called again.
    pub fn is_connected(self) -> bool {
        matches!(self, Self::Talked | Self::HungUp)
    }

    /// Whether calling again makes no sense (assumed).
    pub fn is_final(self) -> bool {
        self.is_connected() || matches!(self, Self::InvalidNumber | Self::DoNotCall)
    }
}

/// How the notice of a number or message arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Notice {
    /// Once, when it is due.
    #[default]
    Usual,
    /// Twice, as after a network failure in which the receiver's response was lost.
    Twice,
    /// Not at all.
    Never,
    /// Half a minute late.
    Late,
}

/// Delay of a late notice.
const LATE: Duration = Duration::from_secs(30);

impl Notice {
    /// Returns when a notice arrives that is due at a moment.
    pub(crate) fn moments(self, due: Timestamp) -> Vec<Timestamp> {
        match self {
            Self::Usual => vec![due],
            Self::Twice => vec![due, due],
            Self::Late => vec![later(due, LATE)],
            Self::Never => Vec::new(),
        }
    }
}

/// Why a message to a user fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageFailure {
    /// The number is not on WhatsApp.
    NotOnWhatsApp,
    /// The user wants no messages.
    OptedOut,
}

/// The result of a template message to a number, and the reaction of its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ChatOutcome {
    Unregistered,
    OptedOut,
    Blocked,
    Unread,
    Silent,
    Button(u8),
    Agent,
    Media,
    Late,
    OptsOut,
    Text,
    Once,
}

impl ChatOutcome {
    const ALL: [(&str, Self); 13] = [
        ("wa_unregistered", Self::Unregistered),
        ("wa_opted_out", Self::OptedOut),
        ("wa_blocked", Self::Blocked),
        ("wa_unread", Self::Unread),
        ("wa_silent", Self::Silent),
        ("wa_button_1", Self::Button(1)),
        ("wa_button_2", Self::Button(2)),
        ("wa_agent", Self::Agent),
        ("wa_media", Self::Media),
        ("wa_late", Self::Late),
        ("wa_opts_out", Self::OptsOut),
        ("wa_text", Self::Text),
        ("wa_once", Self::Once),
    ];
}

/// The answers to the questions of an info check. Questions that are not named here are answered as in the row. One bit
/// for each question, beginning with the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ForcedChecks {
    /// Questions answered differently from the row.
    pub(crate) wrong: u16,
    /// Questions that are not answered.
    pub(crate) silent: u16,
}

/// What `mock_outcome` forces for one number. Everything else is drawn as usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MockOutcome {
    /// The outcome of its calls.
    pub outcome: Option<Outcome>,
    /// The attempt that the person answers; earlier attempts are not answered.
    pub answers_on: Option<u8>,
    /// The round of a plan that reaches the person; earlier rounds do not.
    pub in_round: Option<u8>,
    /// The person's intention: `A` to `I`.
    pub intention: Option<u8>,
    /// The person's earlier intentions, one bit for each letter from `A` on.
    pub before: u16,
    /// The answers to the questions of an info check.
    pub(crate) checks: Option<ForcedChecks>,
    /// Whether the talk lasts ten minutes.
    pub long_talk: bool,
    /// Whether the row is refused when the task is created.
    pub refused: bool,
    /// How its notice arrives.
    pub notice: Notice,
    /// The result of number detection, 0 to 9.
    pub number_status: Option<u8>,
    /// Whether a text message to it fails.
    pub sms_fails: bool,
    /// The result of a template message to it.
    pub(crate) chat: Option<ChatOutcome>,
    /// What is forced in single rounds of a plan: the second, the third and the fourth.
    pub(crate) rounds: [RoundOutcome; 3],
}

/// What `round_2:WORD` and similar words force in one round of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct RoundOutcome {
    outcome: Option<Outcome>,
    intention: Option<u8>,
    checks: Option<ForcedChecks>,
    long_talk: bool,
}

impl MockOutcome {
    /// Returns what it forces in a round of a plan, counted from 1.
    pub(crate) fn in_round(self, round: u32) -> Self {
        if let Some(asked) = self.of_round(round) {
            let RoundOutcome { outcome, intention, checks, long_talk } = asked;
            return Self { outcome, intention, checks, long_talk, answers_on: None, before: 0, ..self };
        }
        let outcome = match self.in_round {
            None => return self,
            Some(wanted) if round < u32::from(wanted) => Outcome::NoAnswer,
            Some(_) => self.outcome.filter(|outcome| outcome.is_connected()).unwrap_or(Outcome::Talked),
        };
        Self { outcome: Some(outcome), answers_on: None, ..self }
    }
}

impl MockOutcome {
    /// Returns what is forced in this round alone, counted from 1.
    fn of_round(&self, round: u32) -> Option<RoundOutcome> {
        let asked = self.rounds.get(usize::try_from(round.checked_sub(2)?).ok()?)?;
        (*asked != RoundOutcome::default()).then_some(*asked)
    }

    /// Parses `round_2:WORD` and stores what it forces. Words about a number as a whole, such as how its notice
    /// arrives, cannot differ by round.
    fn take_round(&mut self, word: &str) -> Option<Result<(), ()>> {
        let (round, word) = word.strip_prefix("round_")?.split_once(':')?;
        let round: usize = round.parse().ok()?;
        let slot = round.checked_sub(2).and_then(|at| self.rounds.get_mut(at));
        let (Some(slot), Ok(asked)) = (slot, word.parse::<Self>()) else { return Some(Err(())) };
        let Self { outcome, intention, checks, long_talk, .. } = asked;
        let of_round = Self { outcome, intention, checks, long_talk, ..Self::default() };
        if asked != of_round || asked == Self::default() {
            return Some(Err(()));
        }
        // Several words are combined, as they are without a round.
        *slot = RoundOutcome {
            outcome: outcome.or(slot.outcome),
            intention: intention.or(slot.intention),
            checks: match (checks, slot.checks) {
                (Some(new), Some(old)) => {
                    Some(ForcedChecks { wrong: new.wrong | old.wrong, silent: new.silent | old.silent })
                }
                (new, old) => new.or(old),
            },
            long_talk: long_talk || slot.long_talk,
        };
        Some(Ok(()))
    }
}

/// A text that is not a `mock_outcome`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not an outcome{}", .suggestion.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default())]
pub struct UnknownMockOutcome {
    /// The text as written.
    pub given: String,
    /// The word that it resembles.
    pub suggestion: Option<&'static str>,
}

/// Every word of `mock_outcome`, and its effect.
pub const MOCK_OUTCOMES: [(&str, &str); 65] = [
    ("talked", "a person answers and talks"),
    ("hung_up", "a person answers and hangs up at once"),
    ("voicemail", "an answering machine answers, every time"),
    ("no_answer", "it rings without an answer, every time"),
    ("busy", "the line is busy, every time"),
    ("switched_off", "the phone is switched off, every time"),
    ("out_of_area", "the phone is out of reach, every time"),
    ("invalid_number", "there is no such number; it is not called again"),
    ("do_not_call", "the person does not want to be called; it is not called again"),
    ("long_talk", "a talk of ten minutes"),
    ("intention_a", "a talk with the intention A"),
    ("intention_b", "a talk with the intention B"),
    ("intention_c", "a talk with the intention C"),
    ("intention_d", "a talk with the intention D"),
    ("intention_e", "a talk with the intention E"),
    ("intention_f", "a talk with the intention F"),
    ("intention_g", "a talk with the intention G"),
    ("intention_h", "a talk with the intention H"),
    ("intention_i", "a talk with the intention I; with several intentions the last one is final"),
    ("all_match", "every answer of an info check matches the row"),
    (
        "mismatch_1",
        "the first answer of an info check differs from the row; several of these can be combined",
    ),
    ("mismatch_2", "the second answer of an info check differs"),
    ("mismatch_3", "the third answer of an info check differs"),
    ("mismatch_4", "the fourth answer of an info check differs"),
    ("mismatch_5", "the fifth answer of an info check differs"),
    ("unanswered_1", "the first question of an info check is not answered"),
    ("unanswered_2", "the second question of an info check is not answered"),
    ("unanswered_3", "the third question of an info check is not answered"),
    ("unanswered_4", "the fourth question of an info check is not answered"),
    ("unanswered_5", "the fifth question of an info check is not answered"),
    ("answers_on_2", "nobody answers the first attempt, a person answers the second"),
    ("answers_on_3", "a person answers the third attempt"),
    ("answers_on_4", "a person answers the fourth attempt"),
    ("reached_in_round_2", "a person answers in the second round of a plan, nobody in the first"),
    ("reached_in_round_3", "a person answers in the third round of a plan, nobody before"),
    ("reached_in_round_4", "a person answers in the fourth round of a plan, nobody before"),
    ("refused", "the row is refused in `detail_error_list`"),
    ("callback_twice", "the callback arrives twice"),
    ("callback_never", "the callback never arrives"),
    ("callback_late", "the callback arrives 30 s late"),
    ("numstatus_0", "number detection finds: unknown"),
    ("numstatus_1", "number detection finds: invalid"),
    ("numstatus_2", "number detection finds: valid"),
    ("numstatus_3", "number detection finds: busy"),
    ("numstatus_4", "number detection finds: in arrears"),
    ("numstatus_5", "number detection finds: on hold"),
    ("numstatus_6", "number detection finds: switched off"),
    ("numstatus_7", "number detection finds: out of area"),
    ("numstatus_8", "number detection finds: not registered"),
    ("numstatus_9", "number detection finds: wrong number"),
    ("sms_fails", "a text message to it fails"),
    ("wa_unregistered", "messages to it fail: the number is not on WhatsApp"),
    ("wa_opted_out", "messages to it fail: the user has opted out"),
    ("wa_blocked", "messages to it are sent and never delivered: the user blocked the sender"),
    ("wa_unread", "messages to it are delivered and never read"),
    ("wa_silent", "the user reads a template message and never replies"),
    ("wa_button_1", "the user presses the first button of a template message"),
    ("wa_button_2", "the user presses the second button of a template message"),
    ("wa_agent", "the user replies to a template message and asks for a human agent"),
    ("wa_media", "the user replies to a template message with a picture"),
    ("wa_late", "the user replies to a template message after hours"),
    ("wa_opts_out", "the user opts out of messages; later ones fail"),
    ("wa_text", "the user replies to a template message in words"),
    ("wa_once", "the user replies to a template message once and then stops replying"),
    ("none", "nothing special"),
];

impl FromStr for MockOutcome {
    type Err = UnknownMockOutcome;

    /// Parses one or several words, separated by spaces or commas: `busy`, `answers_on_3 callback_twice`.
    fn from_str(text: &str) -> Result<Self, UnknownMockOutcome> {
        let mut mock_outcome = Self::default();
        for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
            let unknown = || UnknownMockOutcome {
                given: word.chars().take(60).collect(),
                suggestion: nearest(word, MOCK_OUTCOMES.iter().map(|(name, _)| *name)),
            };
            match mock_outcome.take_round(word) {
                Some(Ok(())) => continue,
                Some(Err(())) => return Err(unknown()),
                None => {}
            }
            let digit = |prefix: &str| {
                let rest = word.strip_prefix(prefix)?;
                rest.parse::<u8>().ok().filter(|_| rest.len() == 1)
            };
            if !MOCK_OUTCOMES.iter().any(|(name, _)| *name == word) {
                return Err(unknown());
            }
            if let Some(outcome) = Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == word) {
                mock_outcome.outcome = Some(outcome);
            } else if let Some(letter) = word.strip_prefix("intention_") {
                mock_outcome.outcome = Some(Outcome::Talked);
                if let Some(earlier) = mock_outcome.intention {
                    mock_outcome.before |= 1 << (earlier - b'A');
                }
                mock_outcome.intention = letter.bytes().next().map(|letter| letter.to_ascii_uppercase());
            } else if let Some(round) = digit("reached_in_round_") {
                mock_outcome.in_round = Some(round);
            } else if let Some(number) = digit("mismatch_") {
                mock_outcome.checks.get_or_insert_default().wrong |= 1 << number;
            } else if let Some(number) = digit("unanswered_") {
                mock_outcome.checks.get_or_insert_default().silent |= 1 << number;
            } else if let Some(number) = digit("answers_on_") {
                mock_outcome.answers_on = Some(number);
            } else if let Some((_, chat)) = ChatOutcome::ALL.into_iter().find(|(name, _)| *name == word) {
                mock_outcome.chat = Some(chat);
            } else if let Some(status) = digit("numstatus_") {
                mock_outcome.number_status = Some(status);
            } else {
                match word {
                    "long_talk" => {
                        mock_outcome.outcome = Some(Outcome::Talked);
                        mock_outcome.long_talk = true;
                    }
                    "all_match" => drop(mock_outcome.checks.get_or_insert_default()),
                    "refused" => mock_outcome.refused = true,
                    "callback_twice" => mock_outcome.notice = Notice::Twice,
                    "callback_never" => mock_outcome.notice = Notice::Never,
                    "callback_late" => mock_outcome.notice = Notice::Late,
                    "sms_fails" => mock_outcome.sms_fails = true,
                    "none" => {}
                    _ => return Err(unknown()),
                }
            }
        }
        // Only a connected call has an info check.
        if mock_outcome.checks.is_some() {
            mock_outcome.outcome = Some(Outcome::Talked);
            mock_outcome.intention.get_or_insert(b'A');
        }
        Ok(mock_outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_and_does_something() {
        for (name, _) in MOCK_OUTCOMES {
            let mock_outcome: MockOutcome = name.parse().unwrap();
            assert_eq!(mock_outcome == MockOutcome::default(), name == "none", "{name}");
        }
        for outcome in Outcome::ALL {
            assert_eq!(outcome.as_str().parse::<MockOutcome>().unwrap().outcome, Some(outcome));
        }
    }

    #[test]
    fn words_add_up() {
        let mock_outcome: MockOutcome = "answers_on_3, callback_twice".parse().unwrap();
        assert_eq!((mock_outcome.answers_on, mock_outcome.notice), (Some(3), Notice::Twice));
        assert_eq!("".parse(), Ok(MockOutcome::default()));
    }

    #[test]
    fn rounds_have_outcomes_of_their_own() {
        let asked: MockOutcome =
            "no_answer round_2:mismatch_1 round_2:unanswered_2 round_3:busy".parse().unwrap();
        assert_eq!(asked.in_round(1).outcome, Some(Outcome::NoAnswer));
        let second = asked.in_round(2);
        assert_eq!((second.outcome, second.intention), (Some(Outcome::Talked), Some(b'A')));
        assert_eq!(second.checks, Some(ForcedChecks { wrong: 1 << 1, silent: 1 << 2 }));
        assert_eq!(asked.in_round(3).outcome, Some(Outcome::Busy));
        assert_eq!(asked.in_round(4).outcome, Some(Outcome::NoAnswer));
        for wrong in [
            "round_1:busy",
            "round_5:busy",
            "round_2:buzy",
            "round_2:callback_twice",
            "round_2:",
            "round_x:busy",
        ] {
            assert!(wrong.parse::<MockOutcome>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_slip_gets_a_suggestion() {
        let error = |text: &str| text.parse::<MockOutcome>().unwrap_err().to_string();
        assert_eq!(error("buzy"), "`buzy` is not an outcome, did you mean `busy`?");
        assert_eq!(error("hologram"), "`hologram` is not an outcome");
        assert!(error("answers_on_9").starts_with("`answers_on_9` is not an outcome"));
    }
}

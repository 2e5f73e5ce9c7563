//! The behaviour of simulated numbers, lines and strategies. All of it is assumed and can be changed in the settings.

use std::collections::BTreeMap;
use std::time::Duration;

use super::recordings::RecordingTimes;
pub use crate::content::voice::{Business, Script};
use crate::recordings::WavFile;
use crate::simulator::outcome::{MockOutcome, Outcome};
use crate::time::HumanDuration;

/// The last four digits of a number and the `mock_outcome` they stand for, unless settings say otherwise.
pub const MAGIC: [(&str, &str); 47] = [
    ("9001", "talked"),
    ("9002", "hung_up"),
    ("9003", "voicemail"),
    ("9004", "no_answer"),
    ("9005", "busy"),
    ("9006", "switched_off"),
    ("9007", "out_of_area"),
    ("9008", "invalid_number"),
    ("9009", "do_not_call"),
    ("9010", "long_talk"),
    ("9011", "intention_a"),
    ("9012", "intention_b"),
    ("9013", "intention_c"),
    ("9014", "intention_d"),
    ("9015", "intention_e"),
    ("9016", "intention_f"),
    ("9017", "intention_g"),
    ("9018", "intention_h"),
    ("9019", "intention_i"),
    ("9022", "answers_on_2"),
    ("9023", "answers_on_3"),
    ("9024", "answers_on_4"),
    ("9030", "refused"),
    ("9031", "callback_twice"),
    ("9032", "callback_never"),
    ("9033", "callback_late"),
    ("9040", "numstatus_0"),
    ("9041", "numstatus_1"),
    ("9042", "numstatus_2"),
    ("9043", "numstatus_3"),
    ("9044", "numstatus_4"),
    ("9045", "numstatus_5"),
    ("9046", "numstatus_6"),
    ("9047", "numstatus_7"),
    ("9048", "numstatus_8"),
    ("9049", "numstatus_9"),
    ("9050", "sms_fails"),
    ("9060", "wa_unregistered"),
    ("9061", "wa_opted_out"),
    ("9062", "wa_blocked"),
    ("9063", "wa_unread"),
    ("9064", "wa_silent"),
    ("9065", "wa_button_1"),
    ("9066", "wa_agent"),
    ("9067", "wa_media"),
    ("9068", "wa_late"),
    ("9069", "wa_opts_out"),
];

/// A robot of the account's list.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a robot"))]
pub struct Robot {
    /// Its name. Tasks refer to it by this name or by its id.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Its business line, which decides what it speaks about. Default: `collection`. The notices of an `info_check`
    /// have additional fields.
    #[serde(default)]
    pub business: Business,
    /// The language it speaks. Default: the language of the called number's country.
    #[schemars(extend("format" = "locale"))]
    pub locale: Option<String>,
    /// What it says: a script of `[calling.scripts]`. Default: the built-in texts of its business line.
    #[schemars(length(min = 1))]
    pub script: Option<String>,
    /// What an `info_check` asks, in this order. Default: the name, and those of the row's variables that a person can
    /// be asked for.
    #[serde(default)]
    pub questions: Vec<Question>,
}

/// A question of an info check.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a question"))]
pub struct Question {
    /// The field of the row that has the expected answer, such as `Debtor` or `company_name`. Rows without it are not
    /// asked.
    #[schemars(length(min = 1))]
    pub item: String,
    /// How it is asked, with the braces of scripts. Default: a question that fits the name of the field.
    #[schemars(extend("format" = "spoken"))]
    pub ask: Option<String>,
    /// What people answer if their answer differs from the row. Default: another value of the same kind.
    #[serde(default)]
    pub others: Vec<String>,
}

/// A strategy plans are made by.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a strategy"))]
pub struct Strategy {
    /// Its name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Its rounds; the first calls the whole list.
    #[schemars(length(min = 1, max = 100))]
    pub rounds: Vec<Round>,
}

/// A round of a strategy.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a round"))]
pub struct Round {
    /// Which numbers it calls, by the result of the previous round: `["busy", "no_answer"]`. The first round calls all.
    #[serde(default)]
    pub select: Vec<Outcome>,
    /// How long after the end of the previous round. Default: at once.
    pub after: Option<HumanDuration>,
    /// Maximum number of calls to a number within the round, the first one included. Default: as the plan says.
    #[schemars(range(min = 1, max = 100))]
    pub repeat_number: Option<u32>,
}

/// The behaviour of simulated numbers, lines and strategies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Maximum number of simultaneous calls of a line.
    pub channels: u32,
    /// The same for lines by name.
    pub lines: BTreeMap<String, u32>,
    /// The relative frequency of each outcome.
    pub mix: Vec<(Outcome, u32)>,
    /// The `mock_outcome` by the last four digits of a number.
    pub magic: BTreeMap<u16, MockOutcome>,
    /// The robots of every account.
    pub robots: Vec<Robot>,
    /// Whether they are declared by the user. Then there are no others.
    pub are_robots_declared: bool,
    /// The strategies of every account.
    pub strategies: Vec<Strategy>,
    /// The scripts that robots refer to.
    pub scripts: BTreeMap<String, Script>,
    /// The user's own recordings, by the name or the id of the robot that calls.
    pub recordings: BTreeMap<String, WavFile>,
    /// When recordings are available, including those of the dialer.
    pub recording_times: RecordingTimes,
}

impl Default for Rules {
    fn default() -> Self {
        use Outcome::*;
        let robot = |name: &str, business| Robot { name: name.to_owned(), business, ..Robot::default() };
        let round = |select: &[Outcome], hours: u64| Round {
            select: select.to_vec(),
            after: Some(HumanDuration(Duration::from_secs(hours * 3600))),
            repeat_number: None,
        };
        let unreached = [Voicemail, NoAnswer, Busy, SwitchedOff, OutOfArea];
        Self {
            channels: 50,
            lines: BTreeMap::new(),
            mix: vec![
                (Talked, 42),
                (HungUp, 8),
                (Voicemail, 8),
                (NoAnswer, 22),
                (Busy, 8),
                (SwitchedOff, 6),
                (OutOfArea, 3),
                (InvalidNumber, 2),
                (DoNotCall, 1),
            ],
            magic: magic(),
            robots: vec![
                robot("Payment reminder", Business::Collection),
                robot("Welcome call", Business::Telemarketing),
                robot("Information check", Business::InfoCheck),
            ],
            are_robots_declared: false,
            strategies: vec![
                Strategy {
                    name: "Three rounds until reached".to_owned(),
                    rounds: vec![round(&[], 0), round(&unreached, 1), round(&unreached, 2)],
                },
                Strategy {
                    name: "Busy lines again".to_owned(),
                    rounds: vec![round(&[], 0), round(&[Busy, NoAnswer], 1)],
                },
                Strategy {
                    name: "Follow up on talks".to_owned(),
                    rounds: vec![round(&[], 0), round(&[Talked], 24)],
                },
            ],
            scripts: BTreeMap::new(),
            recordings: BTreeMap::new(),
            recording_times: RecordingTimes::default(),
        }
    }
}

/// Returns the table of magic numbers without settings.
pub(crate) fn magic() -> BTreeMap<u16, MockOutcome> {
    MAGIC
        .iter()
        .filter_map(|(digits, mock_outcome)| Some((digits.parse().ok()?, mock_outcome.parse().ok()?)))
        .collect()
}

impl Rules {
    /// Returns the `mock_outcome` of a number, by its last four digits.
    pub(crate) fn mock_outcome_of(&self, number: u64) -> MockOutcome {
        let digits = u16::try_from(number % 10_000).unwrap_or_default();
        self.magic.get(&digits).copied().unwrap_or_default()
    }

    pub(in crate::simulator) fn channels_of(&self, line: &str) -> u32 {
        self.lines.get(line).copied().unwrap_or(self.channels).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_magic_number_reads() {
        assert_eq!(magic().len(), MAGIC.len());
        assert_eq!(Rules::default().mock_outcome_of(628_111_239_005).outcome, Some(Outcome::Busy));
        assert_eq!(Rules::default().mock_outcome_of(628_111_230_005), MockOutcome::default());
    }
}

//! The forced course of the calls to one contact, for tests: the words of calling tasks, and those that only a dialer with
//! agents has.

use std::str::FromStr;

use crate::simulator::calling::{MockOutcome, Outcome, UnknownMockOutcome};

/// What happens between the dialer, the person and the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Twist {
    /// An agent takes the call.
    Taken,
    /// An agent takes the call, and nothing is recorded.
    Unrecorded,
    /// No agent is free for it in time.
    NoAgent,
    /// The person waits for an agent, and hangs up.
    Leaves,
    /// The agent rejects the call.
    Rejects,
    /// The agent's network fails.
    Network,
    /// The person hangs up while the agent's phone rings.
    HangsUp,
    /// The line cuts the call before it rings, to protect itself.
    Fusing,
    /// The number has been dialled too often.
    Overrun,
}

/// The words that only the dialer knows. They may be used in `mock_outcome` together with those of calling tasks.
const WORDS: [(&str, Twist); 9] = [
    ("agent_takes", Twist::Taken),
    ("no_recording", Twist::Unrecorded),
    ("no_agent", Twist::NoAgent),
    ("leaves_queue", Twist::Leaves),
    ("agent_rejects", Twist::Rejects),
    ("agent_network", Twist::Network),
    ("hangs_up_on_agent", Twist::HangsUp),
    ("fusing", Twist::Fusing),
    ("attempt_limit", Twist::Overrun),
];

/// Further actions of an agent, and remarks on the talk. Calls have them only if they are forced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::simulator) struct Extras {
    /// The agent puts the person on hold.
    pub(in crate::simulator) holds: bool,
    /// The agent transfers the person.
    pub(in crate::simulator) transfers: bool,
    /// The agent writes a remark.
    pub(in crate::simulator) remarks: bool,
    /// Quality inspection writes remarks.
    pub(in crate::simulator) inspected: bool,
}

impl Extras {
    fn take(&mut self, word: &str) -> bool {
        let extra = match word {
            "on_hold" => &mut self.holds,
            "passed_on" => &mut self.transfers,
            "remarked" => &mut self.remarks,
            "inspected" => &mut self.inspected,
            _ => return false,
        };
        *extra = true;
        true
    }
}

/// The forced course of the calls to one contact, for tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::simulator) struct DialerMockOutcome {
    pub(in crate::simulator) call: MockOutcome,
    pub(in crate::simulator) twist: Option<Twist>,
    pub(in crate::simulator) extras: Extras,
    /// The forced actions of agents in single calls to the contact: the second, the third and the fourth.
    pub(in crate::simulator) twists: [Option<Twist>; 3],
}

impl DialerMockOutcome {
    /// Returns what is forced in a call to the contact, counted from 1. What is forced for this call alone replaces the rest.
    pub(super) fn in_call(self, nth: u8) -> Self {
        let own = usize::from(nth).checked_sub(2).and_then(|at| *self.twists.get(at)?);
        let call = self.call.in_round(nth.into());
        match own {
            None => Self { call, ..self },
            Some(twist) => Self { call: twist.reached(call), twist: Some(twist), ..self },
        }
    }
}

impl Twist {
    /// Whether it requires that a person answers.
    fn needs_person(self) -> bool {
        !matches!(self, Self::Fusing | Self::Overrun)
    }

    /// Returns a call in which this can happen: a person answers, if that is required.
    fn reached(self, call: MockOutcome) -> MockOutcome {
        let outcome = call.outcome.filter(|outcome| outcome.is_connected()).unwrap_or(Outcome::Talked);
        let outcome = if self.needs_person() { Some(outcome) } else { call.outcome };
        MockOutcome { outcome, answers_on: None, ..call }
    }

    /// Returns the call and the twist of a word such as `round_2:agent_takes`.
    fn of_call(word: &str) -> Option<(usize, Self)> {
        let (nth, word) = word.strip_prefix("round_")?.split_once(':')?;
        let (_, twist) = WORDS.iter().find(|(known, _)| *known == word)?;
        Some((nth.parse::<usize>().ok()?.checked_sub(2).filter(|at| *at < 3)?, *twist))
    }
}

impl FromStr for DialerMockOutcome {
    type Err = UnknownMockOutcome;

    fn from_str(text: &str) -> Result<Self, UnknownMockOutcome> {
        let (mut twist, mut extras, mut twists) = (None, Extras::default(), [None; 3]);
        let mut others = Vec::new();
        for word in text.split_whitespace() {
            match WORDS.iter().find(|(known, _)| *known == word) {
                Some((_, found)) => twist = Some(*found),
                None if extras.take(word) => {}
                None => match Twist::of_call(word) {
                    Some((at, found)) => twists[at] = Some(found),
                    None => others.push(word),
                },
            }
        }
        let mut call: MockOutcome = others.join(" ").parse()?;
        let needs_person = twist.map_or(extras != Extras::default(), Twist::needs_person);
        if needs_person && call.answers_on.is_none() {
            call.outcome.get_or_insert(Outcome::Talked);
        }
        Ok(Self { call, twist, extras, twists })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_both_kinds_stand_beside_each_other() {
        let mock_outcome: DialerMockOutcome = "agent_rejects callback_twice".parse().unwrap();
        assert_eq!(
            (mock_outcome.twist, mock_outcome.call.outcome),
            (Some(Twist::Rejects), Some(Outcome::Talked))
        );
        let extras = "on_hold passed_on".parse::<DialerMockOutcome>().unwrap();
        assert!(extras.extras.holds && extras.extras.transfers && !extras.extras.remarks);
        assert_eq!(extras.call.outcome, Some(Outcome::Talked));
        assert_eq!("busy".parse::<DialerMockOutcome>().unwrap().call.outcome, Some(Outcome::Busy));
        assert_eq!("fusing".parse::<DialerMockOutcome>().unwrap().call.outcome, None);
        assert!("agent_reject".parse::<DialerMockOutcome>().is_err());
    }

    #[test]
    fn calls_have_outcomes_of_their_own() {
        let outcome: DialerMockOutcome = "agent_rejects round_2:busy round_3:agent_takes".parse().unwrap();
        let calls =
            [1, 2, 3, 4].map(|nth| outcome.in_call(nth)).map(|outcome| (outcome.twist, outcome.call.outcome));
        let (rejects, takes) = (Some(Twist::Rejects), Some(Twist::Taken));
        let (talked, busy) = (Some(Outcome::Talked), Some(Outcome::Busy));
        assert_eq!(calls, [(rejects, talked), (rejects, busy), (takes, talked), (rejects, talked)]);
        assert!("round_2:agent_take".parse::<DialerMockOutcome>().is_err());
    }
}

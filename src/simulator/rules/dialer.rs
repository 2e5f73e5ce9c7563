//! The agents there are and what the dialer allows: all of it assumed, all of it settings.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A group of agents; tasks name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its agents. Nobody is in two groups.
    pub agents: Vec<String>,
}

/// How many numbers are dialled for each free agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// As many as `slotFactor` says.
    Factor,
    /// One.
    OnePerAgent,
}

/// The agents there are and what the dialer allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The groups of every account.
    pub groups: Vec<Group>,
    /// How often a number is dialled within a day at most, over all tasks of the account.
    pub attempt_limit: u32,
    /// Whether the account may have answering machines detected.
    pub voicemail: bool,
    /// The words of `dialingMode`, and what each means.
    pub dialing_modes: BTreeMap<String, Pace>,
}

impl Default for Rules {
    fn default() -> Self {
        let group = |name: &str, agents: &[&str]| Group {
            name: name.to_owned(),
            agents: agents.iter().map(|agent| (*agent).to_owned()).collect(),
        };
        Self {
            groups: vec![
                group("Customer care", &["agent_01", "agent_02", "agent_07", "agent_12"]),
                group("Collections", &["agent_21", "agent_22", "agent_23"]),
            ],
            attempt_limit: 10,
            voicemail: true,
            dialing_modes: [("predictive", Pace::Factor), ("progressive", Pace::OnePerAgent)]
                .into_iter()
                .map(|(word, pace)| (word.to_owned(), pace))
                .collect(),
        }
    }
}

impl Rules {
    pub(in crate::simulator) fn group(&self, name: &str) -> Option<usize> {
        self.groups.iter().position(|group| group.name == name)
    }

    /// Whether anybody has this name, in whichever group.
    pub(in crate::simulator) fn is_agent(&self, name: &str) -> bool {
        self.groups.iter().any(|group| group.agents.iter().any(|agent| agent == name))
    }
}

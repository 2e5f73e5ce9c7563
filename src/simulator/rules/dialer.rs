//! The agents and limits of the dialer. All of it is assumed and can be changed in the settings.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A group of agents.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a group"))]
pub struct Group {
    /// Its name, by which tasks refer to it.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The names of its agents.
    #[schemars(length(min = 1, max = 10_000))]
    pub agents: Vec<String>,
}

/// Numbers dialled for each free agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// As many as `slotFactor` says.
    Factor,
    /// One.
    OnePerAgent,
}

/// The agents of the predictive dialer, and what it allows. All of it is assumed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// The groups of agents, in place of the two built-in ones. An agent can be in one group only.
    #[schemars(length(min = 1))]
    pub groups: Vec<Group>,
    /// Maximum number of calls to a number per day, over all tasks of the account. Default: 10.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub attempt_limit: u32,
    /// Whether accounts may use the detection of answering machines. Default: true.
    pub voicemail: bool,
    /// The values of `dialingMode`, and how many numbers each dials per free agent. Default: `predictive` by
    /// `slotFactor`, and `progressive` one.
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

    /// Whether an agent of any group has this name.
    pub(in crate::simulator) fn is_agent(&self, name: &str) -> bool {
        self.groups.iter().any(|group| group.agents.iter().any(|agent| agent == name))
    }
}

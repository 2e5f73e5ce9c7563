//! The names of tasks and plans: unique within the account (client). Those of the rounds of plans, which are tasks, too, are
//! reserved from the plan's creation on (assumed).

use super::Calling;
use crate::simulator::Refusal;
use crate::simulator::access::AccountKey;

/// Returns the name of the task of a plan's round. Rounds are counted from 0 here, and from 1 in names.
pub(super) fn round_name(plan: &str, round: usize) -> String {
    format!("{plan} (round {})", round + 1)
}

/// Returns the plan and the round whose task may have this name.
fn named_round(name: &str) -> Option<(&str, usize)> {
    let (plan, number) = name.strip_suffix(')')?.rsplit_once(" (round ")?;
    let round = number.parse::<usize>().ok()?.checked_sub(1)?;
    (round_name(plan, round) == name).then_some((plan, round))
}

impl Calling {
    /// Returns the maximum number of rounds of a strategy.
    fn rounds(&self, strategy: usize) -> usize {
        self.rules.strategies.get(strategy).map_or(0, |strategy| strategy.rounds.len())
    }

    /// Refuses the name of a task that another task of the account has, or will have as a plan's round.
    pub(super) fn check_task_name(&self, account: AccountKey, name: &str) -> Result<(), Refusal> {
        let is_round = named_round(name).is_some_and(|(plan, round)| {
            let plan = self.plan_names.get(&(account, plan.to_owned()));
            plan.is_some_and(|key| round < self.rounds(self.plans[*key].strategy))
        });
        match is_round || self.task_names.contains_key(&(account, name.to_owned())) {
            true => Err(taken("TaskName", name)),
            false => Ok(()),
        }
    }

    /// Refuses the name of a plan that another plan of the account has, or one of whose rounds would have the name of a task.
    pub(super) fn check_plan_name(
        &self,
        account: AccountKey,
        name: &str,
        strategy: usize,
    ) -> Result<(), Refusal> {
        if self.plan_names.contains_key(&(account, name.to_owned())) {
            return Err(taken("PlanName", name));
        }
        let mut rounds = (0..self.rounds(strategy)).map(|round| round_name(name, round));
        match rounds.find(|round| self.task_names.contains_key(&(account, round.clone()))) {
            Some(round) => {
                let (name, round) = (name.escape_debug(), round.escape_debug());
                let message = format!(
                    "PlanName `{name}` is taken: a round of the plan would be called `{round}`, as a task is already, and names are unique"
                );
                Err(Refusal::new(409, message))
            }
            None => Ok(()),
        }
    }
}

/// Refuses a name that another task or plan of the account has (client; the code is assumed).
fn taken(field: &str, name: &str) -> Refusal {
    Refusal::new(409, format!("{field} `{}` is taken: names are unique", name.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rounds_are_recognized() {
        assert_eq!(named_round(&round_name("z", 0)), Some(("z", 0)));
        assert_eq!(named_round("z (round 1) (round 12)"), Some(("z (round 1)", 11)));
        for other in ["z", "z (round 0)", "z (round 01)", "z (round +1)", "z (round one)", "z(round 1)"] {
            assert_eq!(named_round(other), None, "{other}");
        }
    }
}

//! The integrator's calls about plans and strategies.

use serde_json::{Value, json};

use super::calls::{Outcome, data, name, order, short, unknown};
use super::{Calling, PlanKey};
use crate::contract::bodies::calling::{CallFacts, PlanRound, PlanStatus, StrategySummary};
use crate::contract::bodies::utc_text;
use crate::simulator::context::Context;
use crate::simulator::ids::Kind;
use crate::simulator::params::{Params, bad};
use crate::simulator::{Request, Response};

impl Calling {
    pub(super) fn strategies(&mut self, _context: &mut Context, _call: &Request<'_>) -> Outcome {
        let list = self.rules.strategies.iter().enumerate().map(|(at, strategy)| StrategySummary {
            strategy_id: self.strategy_id(at),
            strategy_name: strategy.name.clone(),
            rounds: i64::try_from(strategy.rounds.len()).unwrap_or(i64::MAX),
        });
        Ok(Response::Data(json!({ "list": list.collect::<Vec<_>>() })))
    }

    pub(super) fn create_plan(&mut self, context: &mut Context, call: &Request<'_>) -> Outcome {
        let params = Params::new(call.fields);
        let name = name(params, "PlanName")?;
        let id = params.needed("StrategyID", "the id of a strategy, 32 hex digits")?;
        let strategies = &self.rules.strategies;
        let by_id = self.ids.open(Kind::Strategy, id).map(|(at, ..)| at as usize);
        let by_name = || strategies.iter().position(|strategy| strategy.name == id);
        let strategy = by_id.filter(|at| *at < strategies.len()).or_else(by_name).ok_or_else(|| {
            unknown(format!(
                "there is no strategy with StrategyID `{}`: GET the list of strategies",
                short(id)
            ))
        })?;
        params.word("RobotMethod", &["single", "group"])?;
        let order = order(call, name)?;
        if self.plan_names.contains_key(&(call.account, name.to_owned())) {
            return Err(Response::Error {
                code: 409,
                message: format!("PlanName `{}` is taken: names are unique", short(name)),
            });
        }
        let (rows, refused) = self.rows(call)?;
        let key = self.add_plan(context, order, strategy, rows, refused.count, call.now);
        let first = self.plan(key).rounds.first().map(|run| run.task);
        if let Some(task) = first {
            self.begin_at_once(context, task, call.now);
        }
        let mut answer = json!({ "PlanID": self.plan_id(key) });
        if let Some(list) = refused.list() {
            answer["detail_error_list"] = list;
        }
        Ok(Response::Data(answer))
    }

    fn find_plan(&self, call: &Request<'_>) -> Result<PlanKey, Response> {
        let id = Params::new(call.fields).needed("PlanID", "the id of a plan, 32 hex digits")?;
        let found = self.ids.open(Kind::Plan, id).map(|(at, ..)| PlanKey(at));
        let own = |key: &PlanKey| {
            self.plans.get(key.0 as usize).is_some_and(|plan| plan.order.account == call.account)
        };
        found.filter(own).ok_or_else(|| unknown(format!("there is no plan with PlanID `{}`", short(id))))
    }

    pub(super) fn plan_status(&mut self, _context: &mut Context, call: &Request<'_>) -> Outcome {
        let key = self.find_plan(call)?;
        let plan = self.plan(key);
        let strategy = self.rules.strategies.get(plan.strategy);
        let began = plan.rounds.first().and_then(|run| self.task(run.task).began);
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        Ok(data(&PlanStatus {
            plan_id: self.plan_id(key),
            plan_name: plan.order.name.clone(),
            strategy_id: self.strategy_id(plan.strategy),
            status: self.plan_status_word(key).to_owned(),
            round: number(plan.rounds.len()),
            rounds: strategy.map_or(0, |strategy| number(strategy.rounds.len())),
            counts: plan.counts(),
            create_time: utc_text(plan.created),
            plan_start_time: began.map(utc_text).unwrap_or_default(),
            plan_end_time: plan.ended.map(utc_text).unwrap_or_default(),
        }))
    }

    pub(super) fn plan_rounds(&mut self, _context: &mut Context, call: &Request<'_>) -> Outcome {
        let key = self.find_plan(call)?;
        let rounds = self.plan(key).rounds.iter().enumerate().map(|(at, run)| {
            let task = self.task(run.task);
            PlanRound {
                round: i64::try_from(at + 1).unwrap_or(i64::MAX),
                task_id: self.task_id(run.task),
                task_name: task.order.name.clone(),
                status: task.phase.as_str().to_owned(),
                counts: self.counts(run.task),
                task_start_time: task.began.map(utc_text).unwrap_or_default(),
                task_end_time: task.ended.map(utc_text).unwrap_or_default(),
            }
        });
        Ok(Response::Data(json!({ "PlanID": self.plan_id(key), "list": rounds.collect::<Vec<_>>() })))
    }

    /// Whether a number is in a plan: its first round calls the whole list.
    fn is_in_plan(&mut self, key: PlanKey, number: u64) -> bool {
        let first = self.plan(key).rounds.first().map(|run| run.task);
        first.is_some_and(|task| !self.task_mut(task).rows_of(number).is_empty())
    }

    pub(super) fn cancel_plan_call(&mut self, context: &mut Context, call: &Request<'_>) -> Outcome {
        let key = self.find_plan(call)?;
        let number = Self::number(call, "CalleeNumber")?;
        if !self.is_in_plan(key, number) {
            return Err(unknown(format!("+{number} is not in this plan")));
        }
        if self.plan(key).ended.is_some() {
            return Err(bad("the plan has ended already"));
        }
        // Where it is being called, or through with this round, no later one calls it.
        self.cancel_in_plan(context, key, number, call.now);
        Ok(Response::Data(Value::Null))
    }

    pub(super) fn plan_recordings(&mut self, _context: &mut Context, call: &Request<'_>) -> Outcome {
        let key = self.find_plan(call)?;
        let number = Self::number(call, "Callee")?;
        if !self.is_in_plan(key, number) {
            return Err(unknown(format!("+{number} is not in this plan")));
        }
        let tasks: Vec<_> = self.plan(key).rounds.iter().map(|run| run.task).collect();
        let mut list = Vec::new();
        for task in tasks {
            let rows = self.task_mut(task).rows_of(number);
            let teller = self.teller(task);
            list.extend(
                rows.into_iter().filter_map(|row| teller.call(row)).filter(|call| call.attempts > 0).map(
                    |call| CallFacts {
                        link: call.record_link.clone(),
                        task_id: teller.task_id.clone(),
                        call,
                    },
                ),
            );
        }
        Ok(Response::Data(json!({ "PlanID": self.plan_id(key), "list": list })))
    }
}

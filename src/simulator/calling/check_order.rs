//! Checks the robot, line and start of an order against the account.

use std::time::Duration;

use super::Calling;
use super::row_text::Loan;
use super::task::TaskOrder;
use crate::contract::bodies::local_text;
use crate::files::suggest::{did_you_mean, nearest};
use crate::simulator::context::Context;
use crate::simulator::ids::Kind;
use crate::simulator::rules::calling::{Business, Robot};
use crate::simulator::{FindingKind, Refusal, Request, Strictness};
use crate::time::later;

/// A schedule that begins earlier than the present by this much is a mistake; less is the time that a request takes.
const TOO_EARLY: Duration = Duration::from_secs(300);

impl Calling {
    /// Checks an order. One that begins in the past begins now.
    ///
    /// # Errors
    ///
    /// If it names a robot or a line that the settings do not have, although they declare some.
    pub(super) fn check_order(
        &self,
        context: &mut Context,
        order: &mut TaskOrder,
        request: &Request<'_>,
    ) -> Result<(), Refusal> {
        let Request { id, account, now, .. } = *request;
        if later(order.starts, TOO_EARLY) < now {
            let zone = request.zone.to_time_zone();
            let [starts, now] = [order.starts, now].map(|moment| local_text(moment, &zone));
            context.find(account, FindingKind::PastSchedule, id, "ScheduleStartTime", || {
                format!(
                    "`ScheduleStartTime` of `{id}` is in the past: {starts}, while it is {now} in the \
                    account's zone; it counts as now"
                )
            });
        }
        order.starts = order.starts.max(now);
        self.check_robot(context, &order.robot, request)?;
        let lines = &self.rules.lines;
        let line = order.line.escape_debug().to_string();
        if lines.is_empty() && !line.is_empty() {
            let known = "declare your lines under [calling] lines, then others are refused";
            context.note_once("SIPLine", || format!("`SIPLine` `{line}` is accepted as it is: {known}"));
        } else if !line.is_empty() && !lines.contains_key(&order.line) {
            let near = did_you_mean(nearest(&order.line, lines.keys().map(String::as_str)));
            let message = format!("SIPLine `{line}` is not a line of the account{near}");
            context.refuse(request, "unknown line", Refusal::new(400, message))?;
        }
        Ok(())
    }

    /// Refuses an unknown robot if the settings declare robots, and otherwise makes a note.
    fn check_robot(&self, context: &mut Context, robot: &str, request: &Request<'_>) -> Result<(), Refusal> {
        let Some((wrong, near)) = self.unknown_robot(robot) else { return Ok(()) };
        if self.rules.are_robots_declared {
            return context.refuse(request, "unknown robot", Refusal::new(400, wrong + &near));
        }
        let what = format!("RobotID {}", robot.escape_debug());
        context.find(request.account, FindingKind::UnknownName, request.id, what, || {
            format!("{wrong} (declare your robots under [calling] robots, then others are refused){near}")
        });
        Ok(())
    }

    /// Returns the robot of this name or id.
    fn robot(&self, named: &str) -> Option<&Robot> {
        let robots = &self.rules.robots;
        let by_id = || robots.get(self.ids.open(Kind::Robot, named)?.0 as usize);
        robots.iter().find(|robot| robot.name == named).or_else(by_id)
    }

    /// Explains that a name belongs to no robot, and returns the one that was probably meant.
    fn unknown_robot(&self, named: &str) -> Option<(String, String)> {
        if named.is_empty() || self.robot(named).is_some() {
            return None;
        }
        let near = did_you_mean(nearest(named, self.rules.robots.iter().map(|robot| robot.name.as_str())));
        Some((format!("RobotID `{}` is not a robot of the account", named.escape_debug()), near))
    }

    /// Returns the requirements for rows in an order by this robot; none if the account is treated leniently. That each row
    /// must state the amount and the date of the loan is known from a client; that it is refused otherwise, and for which
    /// robots, is assumed.
    pub(super) fn row_rule<'a>(
        &'a self,
        context: &Context,
        order: &'a TaskOrder,
        request: &Request<'_>,
    ) -> impl Fn(Option<&str>, Loan) -> Result<(), String> + 'a {
        let strict = context.access.account(request.account).strict;
        let is_collection = self.is_collection(&order.robot);
        move |own, loan| {
            if strict == Strictness::Lenient {
                return Ok(());
            }
            if let Some((wrong, near)) = own.and_then(|robot| self.unknown_robot(robot))
                && self.rules.are_robots_declared
            {
                return Err(wrong + &near);
            }
            let collects = own.map_or(is_collection, |robot| self.is_collection(robot));
            let missing = match loan {
                _ if !collects && strict == Strictness::Standard => return Ok(()),
                Loan::Given => return Ok(()),
                Loan::NoAmount => "LoanAmount",
                Loan::NoDate => "LoanDate",
            };
            Err(format!("{missing} is missing: every row must have it, whatever its robot"))
        }
    }

    /// Whether a robot is known to collect debts.
    fn is_collection(&self, robot: &str) -> bool {
        self.robot(robot).is_some_and(|robot| robot.business == Business::Collection)
    }
}

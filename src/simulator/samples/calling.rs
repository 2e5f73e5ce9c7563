//! Samples of what calling tasks and plans send.

use serde_json::Value;

use super::case::Case;
use crate::contract::bodies::calling::{CallCompleted, CallDetail, Counts, PlanFinished, TaskFinished};
use crate::contract::bodies::utc_text;

/// A call that was answered.
pub(super) fn call_detail(case: &Case) -> CallDetail {
    CallDetail {
        comments: Some(Value::String(case.case_id.clone())),
        status: "finished".to_owned(),
        ring_type: "answered".to_owned(),
        hangup_type: "user".to_owned(),
        intention: case.intention.clone(),
        multi_intention: case.intention.clone(),
        call_start_time: Some(utc_text(case.started)),
        call_end_time: Some(utc_text(case.ended)),
        robot_id: case.robot_id.clone(),
        callee_number: case.phone.clone(),
        call_id: case.call_id.clone(),
        record_link: case.record_link.clone(),
        talk_duration: case.talk,
        attempts: 1,
        dialog: case.turns.clone(),
        check_results: None,
    }
}

pub(super) fn call_completed(case: &Case) -> CallCompleted {
    CallCompleted {
        task_id: case.task_id.clone(),
        task_name: case.task_name.clone(),
        call: call_detail(case),
    }
}

/// Two of three answer.
fn counts(case: &Case) -> Counts {
    let connected = case.total * 2 / 3;
    Counts { total: case.total, connected, not_connected: case.total - connected, cancelled: 0 }
}

pub(super) fn task_finished(case: &Case) -> TaskFinished {
    TaskFinished {
        task_id: case.task_id.clone(),
        task_name: case.task_name.clone(),
        status: "finished".to_owned(),
        counts: counts(case),
        task_start_time: utc_text(case.started),
        task_end_time: utc_text(case.now),
    }
}

pub(super) fn plan_finished(case: &Case) -> PlanFinished {
    PlanFinished {
        plan_id: case.plan_id.clone(),
        plan_name: case.task_name.clone(),
        strategy_id: case.strategy_id.clone(),
        status: "finished".to_owned(),
        task_ids: vec![case.task_id.clone()],
        counts: counts(case),
        plan_start_time: utc_text(case.started),
        plan_end_time: utc_text(case.now),
    }
}

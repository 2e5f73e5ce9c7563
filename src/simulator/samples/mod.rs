//! Believable bodies of the callbacks that come from no conversation: calls, tasks, plans, workflows, the dialer,
//! number detection, SMS.
//!
//! Their ids, names and the call they speak of belong to the story's conversation: whatever is sent of it agrees.

mod calling;
mod case;
mod dialer;
mod workflow;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::chatbot::Conversation;
use super::context::Context;
pub(super) use case::Case;

/// The body of an event; nothing if there is no such event.
pub(super) fn default_body(
    context: &Context,
    conversation: &Conversation,
    event: &str,
    now: Timestamp,
) -> Option<Value> {
    let case = Case::of(context, conversation, now);
    Some(match event {
        "call.completed" => json(&calling::call_completed(&case)),
        "task.finished" => json(&calling::task_finished(&case)),
        "plan.finished" => json(&calling::plan_finished(&case)),
        "workflow.call_completed" => json(&workflow::call_completed(&case)),
        "workflow.api_push" => json(&workflow::api_push(&case, conversation)),
        "workflow.contact_completed" => json(&workflow::contact_completed(&case)),
        "workflow.status_changed" => json(&workflow::status_changed(&case)),
        "workflow.waba_status" => json(&workflow::waba_status(&case, conversation)),
        "workflow.session_ended" => json(&workflow::session_ended(&case, conversation)),
        "dialer.task_status" => json(&dialer::task_status(&case)),
        "dialer.contact_status" => json(&dialer::contact_status(&case)),
        "dialer.agent_status" => json(&dialer::agent_status(&case)),
        _ => return None,
    })
}

/// Bodies are plain data: numbers, texts, lists, and tables with text keys, which always fit into JSON.
fn json(body: &impl Serialize) -> Value {
    serde_json::to_value(body).expect("a body is plain data")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::content::Country;
    use crate::contract::Catalog;
    use crate::seed::Seed;
    use crate::simulator::{Behaviour, Opening, Simulator};

    fn now() -> Timestamp {
        "2030-01-01T00:00:00Z".parse().unwrap()
    }

    fn opened(country: Country) -> (Simulator, crate::simulator::ConversationKey) {
        let mut simulator = Simulator::new(Seed(1), Behaviour::default());
        let opening = Opening { story: None, seed: Seed(5), country, locale: None, now: now() };
        let key = simulator.open(opening);
        (simulator, key)
    }

    #[test]
    fn every_callback_of_the_catalog_has_a_body() {
        for country in Country::ALL {
            let (mut simulator, key) = opened(country);
            for entry in Catalog::builtin().callbacks() {
                let body = simulator.emit(key, &entry.id, Value::Null, now());
                let body = body.unwrap_or_else(|error| panic!("{}: {error}", entry.id));
                assert!(body.as_object().is_some_and(|body| !body.is_empty()), "{}", entry.id);
                assert!(!body.to_string().contains('{') || !body.to_string().contains("{name}"), "{body}");
            }
        }
    }

    #[test]
    fn what_is_sent_of_one_case_agrees() {
        let (mut simulator, key) = opened(Country::Id);
        let mut emit = |event: &str, seconds: u64| {
            simulator.emit(key, event, Value::Null, now() + Duration::from_secs(seconds)).unwrap()
        };
        let call = emit("workflow.call_completed", 0);
        let contact = emit("workflow.contact_completed", 60);
        let status = emit("workflow.status_changed", 120);
        for field in ["workflow_id", "workflow_name"] {
            assert_eq!(call[field], contact[field]);
            assert_eq!(call[field], status[field]);
        }
        assert_eq!(call["case_id"], contact["case_id"]);
        assert_eq!(call["CalleeNumber"], contact["callee_number"]);
        assert_eq!(call["TaskID"], contact["rows"][0]["task_id"]);
        assert_eq!(call["nodetask_id"], contact["rows"][0]["nodetask_id"]);
    }

    #[test]
    fn the_talk_of_a_call_fits_its_times() {
        let (mut simulator, key) = opened(Country::Mx);
        let call = simulator.emit(key, "call.completed", Value::Null, now()).unwrap();
        let moment = |name: &str| call[name].as_str().unwrap().parse::<Timestamp>().unwrap();
        let talk = call["TalkDuration"].as_i64().unwrap();
        let lasted = moment("CallEndTime").duration_since(moment("CallStartTime")).as_secs();
        assert!(talk > 0 && talk < lasted, "{talk} of {lasted}");
        let turns = call["Dialog"].as_array().unwrap();
        assert!(
            turns.len() >= 2 && turns.iter().all(|turn| turn["Offset"].as_i64().unwrap() < talk),
            "{call}"
        );
    }
}

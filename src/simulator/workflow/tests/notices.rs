//! Tests of what notices and queries report about the runs of nodes, messages and pushes.

use jiff::Timestamp;

use super::*;
use crate::simulator::workflow::PushReach;
use crate::simulator::{AutoFinish, CallbackBody, WorkflowRules};

#[test]
fn the_status_follows_every_node_run() {
    let mut vendor = a_vendor(1);
    let mut silent = row(1, "no_answer");
    silent["variables"]["mock_whatsapp"] = "read".into();
    let workflow = vendor.create(1001, &[row(2, "talked"), silent]);
    vendor.leap(DAY);
    let lines: Vec<String> = vendor
        .sent("workflow.status_changed")
        .iter()
        .map(|body| {
            let actions = body["actions"].as_array().unwrap();
            for action in actions {
                // Exactly these five; the task belongs to the calling department.
                let names: Vec<&String> = action.as_object().unwrap().keys().collect();
                let has_task = action["node_type"] == "voice" && action["task_status"] != "pending";
                let all = ["nodetask_id", "nodetask_name", "node_type", "task_id", "task_status"];
                assert!(
                    names.iter().eq(all.iter().filter(|name| has_task || **name != "task_id")),
                    "{action}"
                );
            }
            let runs = actions.iter().map(|action| text(&action["task_status"]));
            format!("{} {}", text(&body["status"]), runs.collect::<Vec<_>>().join(" "))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    created pending pending pending pending pending
    running running pending pending pending pending
    running running running pending running pending
    running running running running running running
    finished finished finished finished finished finished
    ");
    let runs = vendor.list("workflow.subtasks", &workflow);
    assert!(runs.iter().all(|run| run["status"] == "finished"));

    // An instance that reaches its end time while people talk: the runs end one after the other.
    let mut vendor = a_vendor(1);
    let mut late = create(1001);
    late["end_time"] = "2030-01-01 10:02:00+08:00".into();
    late["details"] = json!([row(3, "long_talk"), row(4, "busy")]);
    vendor.request("workflow.create", late).unwrap();
    vendor.leap(DAY);
    let last = vendor.sent("workflow.status_changed").pop().unwrap();
    assert_eq!(
        (&last["status"], &last["actions"][0]["task_status"]),
        (&json!("finished"), &json!("finished"))
    );
}

#[test]
fn messages_are_of_the_accounts_lists() {
    let own = r#"
[[workflow_templates]]
id = 7
name = "Three messages"
nodes = [
    { id = "first", kind = "whatsapp", template = "payment_reminder", next = "second" },
    { id = "second", kind = "whatsapp", template = "prize_draw", next = "sorry_we_missed_you" },
    { id = "sorry_we_missed_you", kind = "whatsapp" },
]
"#;
    let mut vendor = a_vendor_with(1, with_template(own));
    let mut replies = row(1, "");
    replies["variables"]["mock_whatsapp"] = "replied".into();
    let workflow = vendor.create(7, &[replies]);
    vendor.leap(DAY);
    let accounts = vendor.request("chatbot.waba_accounts", json!({})).unwrap();
    let channel = &accounts["list"][0]["channel_id"];
    let listed = vendor.request("chatbot.templates", json!({ "size": 100 })).unwrap();
    let is_listed = |id: &Value, name: &Value| {
        listed["list"].as_array().unwrap().iter().any(|one| (&one["id"], &one["name"]) == (id, name))
    };
    let tasks = vendor.list("workflow.waba_tasks", &workflow);
    assert_eq!(tasks.len(), 3);
    for task in &tasks {
        assert!(is_listed(&task["template_id"], &task["template_name"]), "{task} {listed}");
        assert_eq!(task["channel_id"], *channel);
    }
    // A template that is not approved is not sent.
    assert_eq!((&tasks[1]["template_name"], &tasks[1]["failed"]), (&json!("prize_draw"), &json!(1)));
    let failed =
        vendor.sent("workflow.waba_status").into_iter().find(|body| body["status"] == "failed").unwrap();
    assert!(text(&failed["error"]["reason"]).contains("rejected"), "{failed}");
    for event in ["workflow.waba_status", "workflow.session_ended"] {
        assert!(vendor.sent(event).iter().all(|body| body["channel_id"] == *channel), "{event}");
    }
    let ended = &vendor.sent("workflow.session_ended")[0];
    let answered = &ended["messages"][1]["reply"]["content"]["template"];
    assert!(is_listed(&answered["info"]["id"], &answered["info"]["name"]), "{answered}");
    assert!(text(&answered["content"]["body"]).contains("Budi"), "{answered}");
}

#[test]
fn a_push_is_vouched_for_as_soon_as_somebody_has_it() {
    let mut vendor = a_vendor(1);
    let workflow = vendor.create(1003, &[row(1, "talked")]);
    let mut push = None;
    while push.is_none() {
        let at = vendor.simulator.next_wakeup().unwrap();
        vendor.now = at;
        push = vendor.simulator.advance(at).into_iter().find_map(|sent| Some((sent.push?, sent)));
    }
    let (push, sent) = push.unwrap();
    let contact = CallbackBody::value(&sent.body);
    let asked = json!({ "workflow_id": workflow, "node_id": contact["node_id"], "callee": contact["callee"]["callee_number"] });
    let mut is_valid = |reach: Option<PushReach>| {
        if let Some(reach) = reach {
            vendor.simulator.push_reached(push, reach);
        }
        vendor.request("workflow.verify_push", asked.clone()).unwrap()["valid"] == true
    };
    assert!(!is_valid(None), "it waits in the queue");
    assert!(is_valid(Some(PushReach::UnderWay)), "the receiver asks before it answers");
    assert!(!is_valid(Some(PushReach::Lost)), "nobody listened");
    assert!(is_valid(Some(PushReach::UnderWay)) && is_valid(Some(PushReach::Answered)));
    assert!(is_valid(Some(PushReach::UnderWay)) && is_valid(Some(PushReach::Lost)), "it has it since then");
    // It has an order key of its own, so that nothing waits for it.
    assert!(sent.order_key.is_some_and(|key| key.ends_with("/push")));
}

#[test]
fn auto_finish_has_a_default_of_ones_own() {
    for (default, given, status) in [
        (AutoFinish::AtOnce, None, "finished"),
        (AutoFinish::AfterPause, None, "running"),
        (AutoFinish::AtOnce, Some(0), "running"),
        (AutoFinish::Never, Some(1), "finished"),
    ] {
        let workflow = WorkflowRules { auto_finish: default, ..WorkflowRules::default() };
        let mut vendor = a_vendor_with(1, Behaviour { workflow, ..Behaviour::default() });
        let mut fields = create(1003);
        fields["details"] = json!([row(1, "invalid_number")]);
        if let Some(given) = given {
            fields["auto_finish"] = json!(given);
        }
        let made = vendor.request("workflow.create", fields).unwrap();
        while vendor.sent("workflow.contact_completed").is_empty() {
            vendor.step(Timestamp::MAX);
        }
        vendor.pass(Duration::from_secs(1));
        assert_eq!(vendor.summary(&text(&made["workflow_id"]))["status"], status, "{default:?} {given:?}");
    }
}

/// The callbacks that routes by node list are the ones that nodes really send.
#[test]
fn a_node_causes_what_such_a_node_can_cause() {
    let with_agents = r#"
[[workflow_templates]]
id = 7
name = "Agents"
nodes = [{ id = "agents", kind = "dialer" }]
"#;
    let behaviour = with_template(with_agents);
    let known = Arc::clone(&behaviour.workflows);
    let mut vendor = a_vendor_with(1, behaviour);
    let mut replies = row(2, "no_answer");
    replies["variables"]["mock_whatsapp"] = "replied".into();
    for template in [1001, 1002, 1003, 7] {
        vendor.create(template, &[row(1, "talked"), replies.clone()]);
    }
    let until = vendor.now + DAY;
    let mut events = std::collections::BTreeSet::new();
    while let Some(callbacks) = vendor.step(until) {
        for callback in callbacks {
            let Some(flow) = callback.flow else { continue };
            let template = known.iter().find(|template| template.id() == flow.template).unwrap();
            assert!(template.causes(flow.node, &callback.event), "{flow:?} {}", callback.event);
            assert!(template.causes(None, &callback.event), "{flow:?} {}", callback.event);
            events.insert((callback.event.to_string(), flow.node.is_some()));
        }
    }
    for (event, is_of_node) in [
        ("workflow.call_completed", true),
        ("workflow.api_push", true),
        ("workflow.waba_status", true),
        ("workflow.session_ended", true),
        ("dialer.task_status", true),
        ("workflow.contact_completed", false),
        ("workflow.status_changed", false),
    ] {
        assert!(events.contains(&(event.to_owned(), is_of_node)), "{event} {events:?}");
    }
    let push = &known[0];
    assert!(!push.causes(Some(3), "workflow.call_completed") && !push.causes(None, "dialer.task_status"));
    assert!(!push.causes(None, "task.finished"));
}

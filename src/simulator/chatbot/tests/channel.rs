//! A channel of the customer's own.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

#[test]
fn the_bot_answers_on_a_channel_of_the_customers_own() {
    let world = &mut World::new(4);
    let push = |call_id: &str, text: &str| {
        json!({
            "call_id": call_id, "channel": "HuaWei", "channel_id": "77", "user": { "id": "u1", "name": "Ana" },
            "messages": [{ "type": "text", "text": text }],
        })
    };
    let pushed = world.ok("chatbot.channel_message", push("", "hello"));
    let call_id = pushed["call_id"].as_str().unwrap().to_owned();
    let answer = world.until("message.send");
    assert_eq!((&answer["channel"], &answer["channel_id"]), (&json!("chatbot"), &json!("77")));
    assert_eq!(answer["messages"][0]["sender_type"], "robot");
    world.minutes(1);
    world.ok("chatbot.channel_message", push(&call_id, "I want a person"));
    let transfer = world.until("session.transfer");
    assert_eq!(transfer["channel"], "HuaWei");
    world.ok("chatbot.agent_transfer_result", json!({ "call_id": call_id, "result": "accepted" }));
    world.ok("chatbot.send_message", say(&call_id, "hello"));
    world.minutes(5);
    assert!(!world.events().iter().any(|event| event.contains("status") || *event == "agent.message"));
    let senders: BTreeSet<String> =
        world.messages(&call_id).iter().map(|message| message["sender_type"].to_string()).collect();
    assert_eq!(senders.len(), 3);
    world.ok("chatbot.end_session", json!({ "call_id": call_id }));
    world.until("session.report");
    assert!(world.wrong("chatbot.channel_message", push(&call_id, "again")).1.contains("has ended"));
    world.ok("chatbot.channel_message", push("", "again"));
    assert_eq!(world.ok("chatbot.sessions", json!({}))["total"], 2);
}

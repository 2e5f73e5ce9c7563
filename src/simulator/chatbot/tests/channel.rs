//! Tests of a channel of the customer's own.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

#[test]
fn the_bot_answers_on_a_channel_of_the_customers_own() {
    let vendor = &mut Vendor::new(4);
    let push = |call_id: &str, text: &str| {
        json!({
            "call_id": call_id, "channel": "HuaWei", "channel_id": "77", "user": { "id": "u1", "name": "Ana" },
            "messages": [{ "type": "text", "text": text }],
        })
    };
    let pushed = vendor.ok("chatbot.channel_message", push("", "hello"));
    let call_id = pushed["call_id"].as_str().unwrap().to_owned();
    let answer = vendor.until("message.send");
    assert_eq!((&answer["channel"], &answer["channel_id"]), (&json!("chatbot"), &json!("77")));
    assert_eq!(answer["messages"][0]["sender_type"], "robot");
    vendor.minutes(1);
    vendor.ok("chatbot.channel_message", push(&call_id, "I want a person"));
    let transfer = vendor.until("session.transfer");
    assert_eq!(transfer["channel"], "HuaWei");
    vendor.ok("chatbot.agent_transfer_result", json!({ "call_id": call_id, "result": "accepted" }));
    vendor.ok("chatbot.send_message", say(&call_id, "hello"));
    vendor.minutes(5);
    assert!(!vendor.events().iter().any(|event| event.contains("status") || *event == "agent.message"));
    let senders: BTreeSet<String> =
        vendor.messages(&call_id).iter().map(|message| message["sender_type"].to_string()).collect();
    assert_eq!(senders.len(), 3);
    vendor.ok("chatbot.end_session", json!({ "call_id": call_id }));
    vendor.until("session.report");
    assert!(vendor.wrong("chatbot.channel_message", push(&call_id, "again")).1.contains("has ended"));
    vendor.ok("chatbot.channel_message", push("", "again"));
    assert_eq!(vendor.ok("chatbot.sessions", json!({}))["total"], 2);
}

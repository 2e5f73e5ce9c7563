//! Tests of conversations that are transferred to an agent and back.

use serde_json::json;

use super::*;

#[test]
fn a_transfer_accepted_goes_on_with_the_agent() {
    let vendor = &mut Vendor::new(1);
    let call_id = vendor.chat("wa_agent");
    let reply = vendor.until("template.reply");
    assert_eq!(reply["template"]["id"], 35);
    assert_eq!(reply["messages"][0]["reply"]["content"]["type"], "template");
    let transfer = vendor.until("session.transfer");
    assert_eq!(transfer["transfer"]["call_id"], json!(call_id));
    vendor.ok(
        "chatbot.agent_transfer_result",
        json!({ "call_id": call_id, "result": "accepted", "seat_id": "7" }),
    );
    assert_eq!(vendor.until("agent.message")["seat_id"], "7");
    for at in 0..9 {
        vendor.ok("chatbot.send_message", say(&call_id, &format!("answer {at}")));
        vendor.until("agent.message");
    }
    vendor.ok("chatbot.end_session", json!({ "call_id": call_id }));
    let report = vendor.until("session.report");
    assert_eq!(report["session_end_reason"], "seat");
    let said = vendor.messages(&call_id);
    let by = |sender: &str| said.iter().filter(|message| message["sender_type"] == sender).count();
    assert_eq!((by("seat"), by("user")), (9, 11));
    assert_eq!(report["messages"].as_array().unwrap().len(), said.len());
    vendor.minutes(60 * 48);
    assert_eq!(vendor.events().iter().filter(|event| **event == "session.end").count(), 1);
}

#[test]
fn the_user_chooses_what_the_agent_offers() {
    let vendor = &mut Vendor::new(7);
    let call_id = vendor.chat("wa_agent");
    vendor.until("session.transfer");
    vendor.ok("chatbot.agent_transfer_result", json!({ "call_id": call_id, "result": "accepted" }));
    vendor.until("agent.message");
    let id = "0123456789abcdef0123456789abcdef-1-1";
    let buttons = json!({ "type": "interactive", "interactive": { "type": "button", "body": { "text": "?" },
        "footer": { "text": "" },
        "action": { "buttons": [{ "type": "reply", "reply": { "id": format!("{id}-button-0-"), "title": "Yes" } }] } } });
    let list = json!({ "type": "interactive", "interactive": { "type": "list", "body": { "text": "?" },
        "footer": { "text": "" },
        "action": { "button": "b", "sections": [{ "title": "t", "rows": [{ "id": format!("{id}-list-0-0-"), "title": "A" }] }] } } });
    for (question, kind, title) in [(buttons, "button_reply", "Yes"), (list, "list_reply", "A")] {
        vendor.ok("chatbot.send_message", json!({ "call_id": call_id, "messages": [question] }));
        let sent = vendor.until("agent.message");
        let message = &sent["messages"][0];
        assert_eq!(message["content"]["interactive"][kind]["title"], title);
        assert_eq!(message["reply"]["content"], question);
    }
    // A question without options is not a question.
    let empty = json!({ "type": "interactive", "interactive": { "type": "list" } });
    let (code, message) =
        vendor.wrong("chatbot.send_message", json!({ "call_id": call_id, "messages": [empty] }));
    assert_eq!((code, message.as_str()), (400, "messages[0].interactive.body.text is missing: a text"));
}

#[test]
fn a_transfer_refused_goes_on_with_the_bot() {
    let vendor = &mut Vendor::new(2);
    let call_id = vendor.chat("wa_agent");
    vendor.until("session.transfer");
    vendor.ok("chatbot.agent_transfer_result", json!({ "call_id": call_id, "result": "refused" }));
    vendor.until("message.receive");
    assert_eq!(vendor.until("session.report")["session_end_reason"], "robot");
    assert!(!vendor.events().contains(&"agent.message"));
}

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
fn an_agent_passes_the_conversation_on() {
    let vendor = &mut Vendor::new(1);
    let call_id = vendor.chat("wa_agent");
    let pass_on = |vendor: &mut Vendor, to| {
        let done = vendor.simulator.pass_on(&call_id, to, vendor.now);
        vendor.pass(Duration::ZERO);
        done.map(|()| vendor.sent.last().unwrap().1["transfer"].clone())
    };
    let take = |vendor: &mut Vendor, fields: Value| {
        let mut fields = fields;
        fields["call_id"] = call_id.as_str().into();
        vendor.ok("chatbot.agent_transfer_result", fields);
    };
    vendor.until("session.transfer");
    assert_eq!(pass_on(vendor, None), Err(ChatError::NoAgent), "none has taken it yet");
    take(vendor, json!({ "result": "accepted", "seat_id": "7" }));
    assert_eq!(vendor.until("agent.message")["seat_id"], "7");

    let passed = pass_on(vendor, Some("8")).unwrap();
    assert_eq!(passed["call_id"], json!(call_id));
    assert_eq!((&passed["from_seat_id"], &passed["to_seat_id"]), (&json!("7"), &json!("8")));
    assert_eq!(pass_on(vendor, None), Err(ChatError::NoAgent), "the transfer is not answered yet");
    take(vendor, json!({ "result": "accepted", "seat_id": "8" }));
    assert_eq!(vendor.until("agent.message")["seat_id"], "8");

    let passed = pass_on(vendor, None).unwrap();
    assert_eq!(passed["from_seat_id"], "8");
    let next = passed["to_seat_id"].as_str().unwrap();
    assert!(!next.is_empty() && next != "8", "{passed}");
    take(vendor, json!({ "result": "refused" }));
    let late = json!({ "call_id": call_id, "result": "accepted" });
    let (code, message) = vendor.wrong("chatbot.agent_transfer_result", late);
    assert!(code == 409 && message.contains("already refused"), "{code} {message}");
    vendor.ok("chatbot.send_message", say(&call_id, "I go on myself."));
    assert_eq!(vendor.until("agent.message")["seat_id"], "8", "the agent keeps what nobody takes");
    vendor.ok("chatbot.end_session", json!({ "call_id": call_id }));
    vendor.until("session.end");
    assert_eq!(pass_on(vendor, None), Err(ChatError::Ended));
    let nobody = vendor.simulator.pass_on("none", None, vendor.now);
    assert_eq!(nobody, Err(ChatError::NoConversation("`none`".to_owned())));
}

#[test]
fn an_agent_without_a_seat_gets_none() {
    let vendor = &mut Vendor::new(1);
    let call_id = vendor.chat("wa_agent");
    vendor.until("session.transfer");
    vendor.ok("chatbot.agent_transfer_result", json!({ "call_id": call_id, "result": "accepted" }));
    assert_eq!(vendor.until("agent.message")["seat_id"], "");
    vendor.ok("chatbot.send_message", say(&call_id, "Hello"));
    assert_eq!(vendor.until("agent.message_status")["seat_id"], "");
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

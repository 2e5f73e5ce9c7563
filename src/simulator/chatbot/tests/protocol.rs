//! Tests of transfers as a protocol, and of numbers that agents and templates reach in the same way.

use serde_json::json;

use super::*;
use crate::simulator::{ChatCodes, ChatRules, FindingKind};

fn accept(call_id: &str) -> Value {
    json!({ "call_id": call_id, "result": "accepted", "seat_id": "7" })
}

#[test]
fn a_transfer_is_answered_once_and_only_where_one_was_asked_for() {
    let codes = ChatCodes { not_asked: 4_021, ..ChatCodes::default() };
    let chatbot = ChatRules { codes, ..ChatRules::default() };
    let vendor = &mut Vendor::behaving(1, Behaviour { chatbot, ..Behaviour::default() });
    let call_id = vendor.chat("wa_agent");
    vendor.until("template.reply");
    let (code, message) = vendor.wrong("chatbot.agent_transfer_result", accept(&call_id));
    assert!(code == 4_021 && message.contains("no transfer was requested"), "{code} {message}");
    let mut by_seat = say(&call_id, "hello");
    by_seat["seat_id"] = "7".into();
    assert_eq!(vendor.wrong("chatbot.send_message", by_seat.clone()).0, 409);
    vendor.until("session.transfer");
    let (code, message) = vendor.wrong("chatbot.send_message", say(&call_id, "hello"));
    assert!(code == 409 && message.contains("not accepted yet"), "{code} {message}");
    vendor.ok("chatbot.agent_transfer_result", accept(&call_id));
    assert_eq!(vendor.wrong("chatbot.agent_transfer_result", accept(&call_id)).0, 409);
    vendor.ok("chatbot.send_message", by_seat);
    vendor.ok("chatbot.end_session", json!({ "call_id": call_id }));
    vendor.until("session.end");
    for id in ["chatbot.send_message", "chatbot.agent_transfer_result"] {
        let mut fields = accept(&call_id);
        fields["messages"] = say(&call_id, "hello")["messages"].clone();
        assert_eq!(vendor.wrong(id, fields), (400, "the conversation has ended".to_owned()));
    }
}

#[test]
fn a_transfer_refused_is_answered_and_one_between_agents_can_be_answered() {
    let vendor = &mut Vendor::new(2);
    let call_id = vendor.chat("wa_agent");
    vendor.until("session.transfer");
    vendor.ok("chatbot.agent_transfer_result", json!({ "call_id": call_id, "result": "refused" }));
    let (code, message) = vendor.wrong("chatbot.agent_transfer_result", accept(&call_id));
    assert!(code == 409 && message.contains("already refused"), "{code} {message}");
    let key = vendor.simulator.find_conversation(&json!({ "call_id": call_id })).unwrap();
    for event in ["session.transfer", "agent.transfer"] {
        vendor.simulator.emit(key, event, json!({}), vendor.now).unwrap();
        vendor.ok("chatbot.agent_transfer_result", accept(&call_id));
    }
}

#[test]
fn a_lenient_mock_lets_pass_what_others_refuse_and_says_so() {
    let vendor = &mut Vendor::treating(1, Strictness::Lenient, Behaviour::default());
    let call_id = vendor.chat("wa_agent");
    vendor.until("template.reply");
    vendor.ok("chatbot.agent_transfer_result", accept(&call_id));
    vendor.ok("chatbot.send_message", json!({ "call_id": call_id, "messages": [{ "type": "text" }] }));
    assert_eq!(vendor.simulator.findings().counts()[&FindingKind::LetPass], 2);
}

/// Returns the result of an agent's message to a number with this outcome: statuses, and the code of the error.
fn fate(vendor: &mut Vendor, mut message: Value, call_id: &str) -> (Vec<String>, Value) {
    message["call_id"] = call_id.into();
    let from = vendor.sent.len();
    vendor.ok("chatbot.send_message", message);
    vendor.minutes(5);
    let statuses: Vec<&Value> = vendor.sent[from..]
        .iter()
        .filter(|(event, _)| event.ends_with("message.status") || event == "agent.message_status")
        .map(|(_, body)| body)
        .collect();
    let words = statuses.iter().map(|body| body["status"].as_str().unwrap().to_owned()).collect();
    (words, statuses.last().map(|body| body["error"]["code"].clone()).unwrap_or_default())
}

#[test]
fn messages_of_agents_fail_and_stop_as_templates_do() {
    for (outcome, statuses, code) in [
        ("wa_unregistered", vec!["failed"], json!(1001)),
        ("wa_opted_out", vec!["failed"], json!(1002)),
        ("wa_blocked", vec!["send"], Value::Null),
        ("wa_unread", vec!["send", "delivery"], Value::Null),
        ("wa_silent", vec!["send", "delivery", "read"], Value::Null),
    ] {
        let vendor = &mut Vendor::new(4);
        let call_id = vendor.chat("wa_once");
        vendor.until("template.reply");
        let mut message = say(&call_id, "hello");
        message["mock_outcome"] = outcome.into();
        let (words, error) = fate(vendor, message, &call_id);
        assert_eq!(
            (words, error),
            (statuses.iter().map(|word| (*word).to_owned()).collect(), code),
            "{outcome}"
        );
        let said = vendor.messages(&call_id);
        let own = said.iter().find(|message| message["sender_type"] == "seat").unwrap();
        assert_eq!(own["status"], **statuses.last().unwrap(), "{outcome}");
    }
}

#[test]
fn who_wants_no_messages_gets_none_and_who_never_wrote_is_not_written_to_freely() {
    let vendor = &mut Vendor::new(5);
    let call_id = vendor.chat("wa_opts_out");
    vendor.until("template.reply");
    let (words, error) = fate(vendor, say(&call_id, "hello"), &call_id);
    assert_eq!((words, error), (vec!["failed".to_owned()], json!(1002)));
    assert_eq!(vendor.simulator.findings().counts()[&FindingKind::OptedOut], 1);

    let vendor = &mut Vendor::new(6);
    let call_id = vendor.chat("wa_silent");
    vendor.until("message.status");
    let (code, message) = vendor.wrong("chatbot.send_message", say(&call_id, "hello"));
    assert!(code == 400 && message.contains("the user has never written"), "{code} {message}");
}

#[test]
fn a_button_that_opts_out_in_a_story_counts() {
    let vendor = &mut Vendor::new(7);
    let call_id = vendor.chat("wa_once");
    vendor.until("template.reply");
    let key = vendor.simulator.find_conversation(&json!({ "call_id": call_id })).unwrap();
    let template = json!({ "type": "template", "template": { "type": "WhatsApp",
        "content": { "button": [{ "type": "OPT_OUT", "text": "yes" }] } } });
    let pressed = |text: &str| {
        json!({ "messages": [{ "sender_type": "user", "content": { "type": "button", "text": text },
            "reply": { "content": template } }] })
    };
    for (text, statuses) in [("no", vec!["send", "delivery", "read"]), ("yes", vec!["failed"])] {
        vendor.simulator.emit(key, "template.reply", pressed(text), vendor.now).unwrap();
        let (words, _) = fate(vendor, say(&call_id, "hello"), &call_id);
        assert_eq!(words, statuses, "{text}");
    }
}

#[test]
fn the_usual_words_of_an_opt_out_count_in_a_story() {
    for (event, kind, text, counts) in [
        ("template.reply", "button", "Stop langganan", true),
        ("template.reply", "button", "Dừng", true),
        ("template.reply", "button", "Ya, saya bayar", false),
        ("message.receive", "text", "Unsubscribe me.", true),
        ("message.receive", "text", "ขอยกเลิกการรับข่าวสารค่ะ", true),
        ("message.receive", "text", "My bus does not stop here", false),
        ("agent.message", "text", "Unsubscribe me.", false),
    ] {
        let vendor = &mut Vendor::new(7);
        let call_id = vendor.chat("wa_once");
        vendor.until("template.reply");
        let key = vendor.simulator.find_conversation(&json!({ "call_id": call_id })).unwrap();
        let body =
            json!({ "messages": [{ "sender_type": "user", "content": { "type": kind, "text": text } }] });
        vendor.simulator.emit(key, event, body, vendor.now).unwrap();
        let (words, _) = fate(vendor, say(&call_id, "hello"), &call_id);
        assert_eq!(words.last().unwrap() == "failed", counts, "{event} {text}");
    }
}

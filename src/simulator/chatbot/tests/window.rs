//! Tests of the window for free-form messages, and of silence.

use serde_json::json;

use super::*;
use crate::simulator::Behaviour;
use crate::simulator::ChatRules;

#[test]
fn whoever_says_no_more_ends_by_silence_and_the_window_closes() {
    let vendor = &mut Vendor::new(3);
    let call_id = vendor.chat("wa_once");
    vendor.until("template.reply");
    vendor.minutes(60 * 23);
    vendor.ok("chatbot.send_message", say(&call_id, "are you there?"));
    vendor.minutes(90);
    let (code, message) = vendor.wrong("chatbot.send_message", say(&call_id, "hello?"));
    assert_eq!(code, 400);
    assert!(message.contains("the window is closed") && message.contains("within 1d"), "{message}");
    vendor.ok(
        "chatbot.send_single_template",
        json!({ "call_id": call_id, "template_id": 36, "to": "+6281112345678" }),
    );
    assert_eq!(vendor.until("template.result")["status"], "send");
    vendor.minutes(60 * 22);
    assert_eq!(vendor.until("session.end")["session_end_reason"], "timeout");
    assert!(vendor.wrong("chatbot.send_message", say(&call_id, "hello?")).1.contains("ended"));
}

#[test]
fn an_open_window_never_closes() {
    let chatbot = ChatRules { window: None, ..ChatRules::default() };
    let vendor = &mut Vendor::behaving(3, Behaviour { chatbot, ..Behaviour::default() });
    let call_id = vendor.chat("wa_once");
    vendor.until("template.reply");
    for _ in 0..3 {
        vendor.minutes(60 * 20);
        vendor.ok("chatbot.send_message", say(&call_id, "are you there?"));
    }
}

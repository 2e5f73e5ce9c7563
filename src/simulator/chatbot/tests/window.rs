//! The window for free-form messages, and silence.

use serde_json::json;

use super::*;
use crate::simulator::Behaviour;
use crate::simulator::ChatRules;

#[test]
fn whoever_says_no_more_ends_by_silence_and_the_window_closes() {
    let world = &mut World::new(3);
    let call_id = world.chat("wa_once");
    world.until("template.reply");
    world.minutes(60 * 23);
    world.ok("chatbot.send_message", say(&call_id, "are you there?"));
    world.minutes(90);
    let (code, message) = world.wrong("chatbot.send_message", say(&call_id, "hello?"));
    assert_eq!(code, 400);
    assert!(message.contains("the window is closed") && message.contains("24h"), "{message}");
    world.ok(
        "chatbot.send_single_template",
        json!({ "call_id": call_id, "template_id": 36, "to": "+6281112345678" }),
    );
    assert_eq!(world.until("template.result")["status"], "send");
    world.minutes(60 * 22);
    assert_eq!(world.until("session.end")["session_end_reason"], "timeout");
    assert!(world.wrong("chatbot.send_message", say(&call_id, "hello?")).1.contains("ended"));
}

#[test]
fn an_open_window_never_closes() {
    let chatbot = ChatRules { window: None, ..ChatRules::default() };
    let world = &mut World::behaving(3, Behaviour { chatbot, ..Behaviour::default() });
    let call_id = world.chat("wa_once");
    world.until("template.reply");
    for _ in 0..3 {
        world.minutes(60 * 20);
        world.ok("chatbot.send_message", say(&call_id, "are you there?"));
    }
}

//! The bot of a channel of the customer's own, through the real program, over real sockets.

use serde_json::{Value, json};

use crate::serving::Serving;
use crate::support::{Receiver, Request, plain};

const SETTINGS: &str = r#"
[access]
chatbot_signature = "off"

[[chatbot.answers]]
when = ["opening hours"]
say = ["We open at eight."]
intention = "C"
labels = { hours = "yes" }

[[chatbot.waba]]
name = "Kirana"
channel_id = "3709"

[[chatbot.templates]]
id = 900
name = "welcome"
versions = [{ language = "en", body = "Welcome!" }]
"#;

fn events(receiver: &Receiver, event: &str) -> Vec<Value> {
    let bodies = receiver.requests().into_iter().map(|request: Request| request.json());
    bodies.filter(|body| body["event"] == event).collect()
}

#[test]
fn a_bot_answers_passes_on_and_reports() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let serving = Serving::with(SETTINGS, &["--callback-url", &receiver.url()]);
    let ask = |path: &str, body: Value| {
        let (status, answer) = serving.post("", &format!("/api/v1{path}"), &body);
        assert_eq!(status, 200, "{answer}");
        answer["data"].clone()
    };
    let push = |call_id: &str, text: &str| {
        let said = json!({
            "call_id": call_id, "channel": "HuaWei", "channel_id": "77", "user": { "id": "u-1", "name": "Budi" },
            "messages": [{ "type": "text", "text": text }],
        });
        let call_id = ask("/channel/huawei/message", said)["call_id"].as_str().unwrap().to_owned();
        serving.skip("1m");
        call_id
    };
    let call_id = push("", "Di mana paket saya?");
    push(&call_id, "What are your opening hours?");
    push(&call_id, "bye");
    serving.skip("3h");
    let said = events(&receiver, "message.send");
    assert_eq!(said.len(), 3, "{said:?}");
    let text = |at: usize| said[at]["messages"][0]["content"]["text"].as_str().unwrap().to_owned();
    assert!(text(0).contains("esanan") || text(0).contains("aket"), "{}", text(0));
    assert_eq!(text(1), "We open at eight.");
    assert!(events(&receiver, "session.end").is_empty(), "nobody closed the chat");
    push(&call_id, "Saya mau bicara dengan petugas");
    assert_eq!(events(&receiver, "session.transfer").len(), 1);
    ask("/session/end", json!({ "call_id": call_id }));
    serving.skip("1m");
    let report = &events(&receiver, "session.report")[0];
    assert_eq!((&report["intention"], &report["event_label"]), (&json!("E"), &json!({ "hours": "yes" })));
    assert_eq!(ask("/waba/accounts", json!({}))["list"][0]["name"], "Kirana");
    assert_eq!(ask("/template/detail", json!({ "template_id": 900 }))["content"]["body"], "Welcome!");
    serving.end();
}

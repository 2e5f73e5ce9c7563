//! Tests that callbacks and queries agree whatever happens.

use std::collections::BTreeSet;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;

use super::campaigns::assert_agrees;
use super::*;
use crate::simulator::request::Upload;

/// An action of an integrator.
#[derive(Clone, Debug)]
enum Deed {
    Single(u16),
    Campaign(u16),
    Accept(usize),
    Refuse(usize),
    Say(usize),
    End(usize),
    Read(usize),
    Push(u8),
    Upload,
    Pass(u32),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (9_055_u16..9_075).prop_map(Deed::Single),
        (9_055_u16..9_075).prop_map(Deed::Campaign),
        (0_usize..8).prop_map(Deed::Accept),
        (0_usize..8).prop_map(Deed::Refuse),
        (0_usize..8).prop_map(Deed::Say),
        (0_usize..8).prop_map(Deed::End),
        (0_usize..8).prop_map(Deed::Read),
        (0_u8..3).prop_map(Deed::Push),
        Just(Deed::Upload),
        (0_u32..600_000).prop_map(Deed::Pass),
        (0_u32..40_000_000).prop_map(Deed::Pass),
    ]
}

/// Carries out all actions and returns what the vendor sent and answered.
fn done(deeds: &[Deed], seed: u64) -> (Vendor, Vec<String>) {
    let mut vendor = Vendor::new(seed);
    let (mut calls, mut tasks, mut answers): (Vec<String>, Vec<String>, Vec<String>) = Default::default();
    for deed in deeds {
        let call_id = |at: usize| calls.get(at % calls.len().max(1)).cloned().unwrap_or_default();
        let (id, fields) = match *deed {
            Deed::Single(end) => (
                "chatbot.send_single_template",
                json!({ "template_id": 41, "language": "en", "to": format!("+63917123{end:04}") }),
            ),
            Deed::Campaign(end) => {
                let to: Vec<String> = (0..12).map(|at| format!("+62811123{:04}", end + at)).collect();
                ("chatbot.send_template", json!({ "template_id": 47, "to": to }))
            }
            Deed::Accept(at) => {
                ("chatbot.agent_transfer_result", json!({ "call_id": call_id(at), "result": "accepted" }))
            }
            Deed::Refuse(at) => {
                ("chatbot.agent_transfer_result", json!({ "call_id": call_id(at), "result": "refused" }))
            }
            Deed::Say(at) => ("chatbot.send_message", say(&call_id(at), "hello")),
            Deed::End(at) => ("chatbot.end_session", json!({ "call_id": call_id(at) })),
            Deed::Read(at) => {
                let list = vendor.answer_to(0, "chatbot.messages", &json!({ "call_id": call_id(at) }), &[]);
                let Ok(Value::Array(list)) = list else { continue };
                let Some(message) = list.first() else { continue };
                ("chatbot.mark_read", json!({ "call_id": call_id(at), "msg_id": message["msg_id"] }))
            }
            Deed::Push(user) => (
                "chatbot.channel_message",
                json!({
                    "channel": "HuaWei", "channel_id": "5", "user": { "id": format!("u{user}") },
                    "messages": [{ "type": "text", "text": "hi" }],
                }),
            ),
            Deed::Upload => ("chatbot.upload", json!({})),
            Deed::Pass(millis) => {
                vendor.pass(Duration::from_millis(millis.into()));
                continue;
            }
        };
        let file = Upload {
            field: "file".into(),
            name: "a.png".into(),
            content_type: None,
            bytes: Bytes::from_static(b"x"),
        };
        let answer = vendor.answer_to(0, id, &fields, &[file]);
        if let Ok(data) = &answer {
            calls.extend(data["call_id"].as_str().map(str::to_owned));
            tasks.extend(data["task_id"].as_str().map(str::to_owned));
        }
        answers.push(format!("{answer:?}"));
    }
    for task in &tasks {
        assert_agrees(&mut vendor, task);
    }
    for call_id in &calls {
        vendor.messages(call_id);
    }
    (vendor, answers)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 10, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_callbacks_and_queries_agree(deeds in prop::collection::vec(deed(), 0..40), seed: u64) {
        let (mut vendor, answers) = done(&deeds, seed);
        let (again, same) = done(&deeds, seed);
        prop_assert_eq!(&answers, &same);
        prop_assert_eq!(&vendor.sent, &again.sent);
        let mut ended = BTreeSet::new();
        for (event, body) in vendor.sent.clone() {
            let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
            match event.as_str() {
                "template.result" => {
                    let task = json!({ "task_id": text("/task_id") });
                    vendor.ok("chatbot.template_result", task);
                }
                "session.transfer" => drop(vendor.messages(&text("/transfer/call_id"))),
                _ => {
                    let call_id = text("/call_id");
                    let listed = vendor.messages(&call_id);
                    if !text("/msg_id").is_empty() && listed.len() < 200 {
                        prop_assert!(listed.iter().any(|message| message["msg_id"] == body["msg_id"]));
                    }
                    if event == "session.end" {
                        prop_assert!(ended.insert(call_id), "ended twice");
                    } else if event.ends_with("message") || event == "message.receive" {
                        prop_assert!(!ended.contains(&call_id), "{} after the end", event);
                    }
                }
            }
        }
    }
}

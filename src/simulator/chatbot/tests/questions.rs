//! Tests of the bot's questions and the users' choices.

use serde_json::json;

use super::*;

fn push(call_id: &str, content: Value) -> Value {
    json!({
        "call_id": call_id, "channel": "HuaWei", "channel_id": "77", "user": { "id": "u1" },
        "messages": [content],
    })
}

/// Returns every question of a list of messages, with the message after it.
fn asked(messages: &[Value]) -> Vec<(Value, Option<Value>)> {
    let mut found = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        if message["sender_type"] == "robot" && message["content"]["type"] == "interactive" {
            found.push((message.clone(), messages.get(at + 1).cloned()));
        }
    }
    found
}

#[test]
fn users_choose_what_the_bot_offers() {
    let mut seen = [0, 0];
    for seed in 0..24 {
        let vendor = &mut Vendor::new(seed);
        let sent: Vec<String> = [35, 36, 41, 47]
            .map(|template| {
                let to = json!({ "number": format!("+62811123{template}45"), "mock_outcome": "wa_text" });
                let sent = json!({ "template_id": template, "language": "en", "to": to });
                vendor.ok("chatbot.send_single_template", sent)["call_id"].as_str().unwrap().to_owned()
            })
            .into();
        vendor.minutes(60);
        for call_id in sent {
            let mut messages = vendor.messages(&call_id);
            messages.reverse();
            for (question, answer) in asked(&messages) {
                let Some(answer) = answer.filter(|answer| answer["content"]["type"] == "interactive") else {
                    continue;
                };
                let (asked, chosen) =
                    (&question["content"]["interactive"], &answer["content"]["interactive"]);
                let (options, kind) = match asked["type"].as_str().unwrap() {
                    "button" => (asked["action"]["buttons"].clone(), "button_reply"),
                    _ => (asked["action"]["sections"][0]["rows"].clone(), "list_reply"),
                };
                seen[usize::from(kind == "list_reply")] += 1;
                assert_eq!(chosen["type"], kind);
                let options: Vec<Value> = options
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|option| option.get("reply").unwrap_or(option).clone())
                    .collect();
                assert!(options.contains(&chosen[kind]), "{chosen} {options:?}");
                let id = chosen[kind]["id"].as_str().unwrap();
                let start = format!("{}-1-1-", question["msg_id"].as_str().unwrap());
                assert!(id.starts_with(&start) && id.ends_with('-'), "{id}");
                // The list has the question's id and content side by side; the callback has the whole question.
                let reply =
                    json!({ "msg_id": question["msg_id"], "type": "interactive", "interactive": asked });
                assert_eq!(answer["reply"], reply);
                let sent =
                    vendor.sent.iter().find(|(_, body)| body["messages"][0]["msg_id"] == answer["msg_id"]);
                let sent = &sent.unwrap().1["messages"][0]["reply"];
                assert_eq!(sent["content"], question["content"]);
                assert_eq!(sent["sender_type"], "robot");
            }
        }
    }
    assert!(seen[0] > 5 && seen[1] > 0, "{seen:?}");
}

#[test]
fn an_option_chosen_on_a_channel_of_the_customers_own_leads_on() {
    let mut asked = 0;
    for seed in 0..40 {
        let vendor = &mut Vendor::new(seed);
        let text = |text: &str| json!({ "type": "text", "text": text });
        let pushed = vendor.ok("chatbot.channel_message", push("", text("hello")));
        let call_id = pushed["call_id"].as_str().unwrap().to_owned();
        for _ in 0..3 {
            let from = vendor.sent.len();
            vendor.minutes(1);
            let question = vendor.sent[from..].iter().find_map(|(_, body)| {
                let buttons = body.pointer("/messages/0/content/interactive/action/buttons")?.as_array()?;
                buttons.iter().map(|button| button["reply"].clone()).next_back()
            });
            // The last button of an apology calls for a person.
            if let Some(option) = question {
                asked += 1;
                let chosen = json!({ "type": "interactive", "interactive": { "type": "button_reply", "button_reply": option } });
                let known = vendor.messages(&call_id).len();
                vendor.ok("chatbot.channel_message", push(&call_id, chosen));
                vendor.minutes(1);
                assert!(vendor.messages(&call_id).len() > known + 1, "the bot goes on");
                break;
            }
            let closed = vendor.ok("chatbot.sessions", json!({}))["list"][0]["status"] == "closed";
            if closed {
                break;
            }
            vendor.ok("chatbot.channel_message", push(&call_id, text("and now?")));
        }
    }
    assert!(asked > 3, "{asked}");
}

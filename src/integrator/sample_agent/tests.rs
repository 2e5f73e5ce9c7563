use proptest::prelude::*;

use super::*;

const CALL: &str = "0123456789abcdef0123456789abcdef";

fn transfer(event: &str, company: &str, user: &str, call_id: &str) -> Value {
    json!({
        "event": event, "channel": "WhatsApp", "channel_id": "3709", "user": { "id": user },
        "transfer": { "company": company, "call_id": call_id },
    })
}

fn message(user: &str, call_id: &str, said: &[(&str, &str)]) -> Value {
    let messages: Vec<Value> = said
        .iter()
        .map(|(id, text)| {
            json!({ "msg_id": id, "sender_type": "user", "timestamp": 1, "content": { "type": "text", "text": text } })
        })
        .collect();
    json!({
        "event": "agent.message", "call_id": call_id, "company": "c", "channel": "WhatsApp", "channel_id": "3709",
        "user": { "id": user, "name": "N" }, "seat_id": "", "messages": messages,
    })
}

fn end(user: &str, call_id: &str) -> Value {
    json!({ "event": "session.end", "call_id": call_id, "channel_id": "3709", "user": { "id": user } })
}

/// Passes callbacks to the agent and writes down its reactions.
fn play(sample_agent: &mut SampleAgent, callbacks: &[Value]) -> String {
    let mut out = String::new();
    for body in callbacks {
        let event = body["event"].as_str().unwrap();
        out += &format!("{event}\n");
        for action in sample_agent.react(event, body) {
            let after = crate::time::HumanDuration(action.after);
            out += &format!("  {after} {}\n      {}\n", action.endpoint, action.body);
        }
    }
    out
}

#[test]
fn a_whole_conversation_with_a_call_id() {
    insta::assert_snapshot!(play(
        &mut SampleAgent::new(),
        &[
            transfer("session.transfer", "Indonesia", "628123456789", CALL),
            json!({ "event": "message.receive", "call_id": CALL }),
            message("628123456789", CALL, &[("m1", "Pesanan saya belum sampai")]),
            message("628123456789", CALL, &[("m2", "Nomornya 12"), ("m3", "atas nama Budi")]),
            message("628123456789", CALL, &[("m4", "Baik")]),
            message("628123456789", CALL, &[("m5", "Halo?")]),
            end("628123456789", CALL),
            transfer("session.transfer", "Indonesia", "628123456789", CALL),
        ]
    ));
}

#[test]
fn the_vendors_example_without_a_call_id() {
    insta::assert_snapshot!(play(
        &mut SampleAgent::new(),
        &[
            transfer("session.transfer", "Acme", "123", ""),
            message("123", "", &[("m1", "¿Cuándo llega mi pedido?")]),
            message("123", CALL, &[("m2", "ok, gracias")]),
            end("123", CALL),
        ]
    ));
}

#[test]
fn refusing_and_silent_agents() {
    let callbacks = [
        transfer("session.transfer", "Acme", "123", CALL),
        transfer("agent.transfer", "Acme", "123", CALL),
        message("123", CALL, &[("m1", "hello")]),
        end("123", CALL),
    ];
    insta::assert_snapshot!(play(&mut SampleAgent::refusing(), &callbacks));
    assert!(callbacks.iter().all(|body| SampleAgent::silent().react(text(&body["event"]), body).is_empty()));
}

#[test]
fn what_comes_again_causes_nothing_again() {
    let mut agent = SampleAgent::new();
    let first = transfer("session.transfer", "Acme", "123", "");
    assert_eq!(agent.react("session.transfer", &first).len(), 2);
    assert!(agent.react("session.transfer", &first).is_empty());
    assert!(agent.react("agent.transfer", &transfer("agent.transfer", "Acme", "123", CALL)).is_empty());
    let said = message("123", CALL, &[("m1", "hello")]);
    assert_eq!(agent.react("agent.message", &said).len(), 2);
    assert!(agent.react("agent.message", &said).is_empty());
    assert_eq!(agent.react("agent.transfer", &transfer("agent.transfer", "Acme", "456", CALL)).len(), 2);
}

#[test]
fn conversations_side_by_side_do_not_mix() {
    let mut agent = SampleAgent { exchanges: 1, ..SampleAgent::new() };
    let other = "f".repeat(32);
    for call_id in [CALL, &other] {
        assert_eq!(agent.react("session.transfer", &transfer("", "Acme", "123", call_id)).len(), 2);
    }
    agent.react("session.end", &end("123", CALL));
    let actions = agent.react("agent.message", &message("123", &other, &[("m1", "hello")]));
    assert_eq!(actions.len(), 3);
    assert!(actions.iter().all(|action| action.body["call_id"] == other), "{actions:?}");
    assert_eq!(actions[2].endpoint, "chatbot.end_session");
    assert!(agent.react("agent.message", &message("123", &other, &[("m2", "?")])).is_empty());
    agent.react("session.end", &end("123", &other));
    assert!(agent.conversations.is_empty());
}

#[test]
fn a_conversation_that_began_elsewhere_keeps_its_seat() {
    let mut said = message("123", CALL, &[("m1", "hello")]);
    said["seat_id"] = "77".into();
    let actions = SampleAgent::new().react("agent.message", &said);
    assert_eq!(actions[0].endpoint, "chatbot.mark_read");
    assert_eq!(actions[1].body["seat_id"], "77");
}

#[test]
fn every_request_is_in_the_catalog() {
    let mut agent = SampleAgent { exchanges: 1, ..SampleAgent::new() };
    let mut actions = agent.react("session.transfer", &transfer("", "Acme", "123", CALL));
    actions.extend(agent.react("agent.message", &message("123", CALL, &[("m1", "hello")])));
    let catalog = crate::contract::Catalog::builtin();
    assert_eq!(actions.len(), 5);
    assert!(actions.iter().all(|action| catalog.get(action.endpoint).is_some()));
}

proptest! {
    #[test]
    fn any_body_is_survived(
        event in prop_oneof![
            Just("session.transfer"), Just("agent.transfer"), Just("agent.message"), Just("session.end")
        ],
        key in prop_oneof![Just("messages"), Just("user"), Just("transfer"), Just("call_id")],
        value in prop_oneof![
            Just(json!(null)), Just(json!([1, null, {}])), Just(json!("x")), Just(json!({ "id": 1 })), Just(json!(-1))
        ],
    ) {
        let mut agent = SampleAgent::new();
        agent.react(event, &value);
        agent.react(event, &json!({ key: value }));
    }
}

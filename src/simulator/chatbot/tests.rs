//! Conversations and campaigns over days of the vendor's time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use jiff::tz::Offset;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::simulator::call::Upload;
use crate::simulator::calling::Rules;
use crate::simulator::seed::Seed;
use crate::simulator::{Account, AccountKey, Answer, Behaviour, Call};

/// A vendor, the callbacks it sent, and what time it is there.
struct World {
    simulator: Simulator,
    now: Timestamp,
    sent: Vec<(String, Value)>,
}

impl World {
    fn new(seed: u64) -> Self {
        Self::behaving(seed, Behaviour::default())
    }

    fn behaving(seed: u64, mut behaviour: Behaviour) -> Self {
        behaviour.accounts =
            vec![Account::default(), Account { app_key: "other".into(), ..Account::default() }];
        let now = Timestamp::from_second(1_893_456_000).unwrap();
        Self { simulator: Simulator::new(Seed(seed), behaviour), now, sent: Vec::new() }
    }

    fn answer_to(&mut self, account: usize, id: &str, fields: &Value, files: &[Upload]) -> Answer {
        let account = AccountKey::at(account);
        let call = Call { id, fields, rows: None, files, account, zone: Offset::UTC, now: self.now };
        self.simulator.handle(&call)
    }

    #[track_caller]
    fn ok(&mut self, id: &str, fields: Value) -> Value {
        match self.answer_to(0, id, &fields, &[]) {
            Answer::Data(data) => data,
            Answer::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{id} {fields}: {other:?}"),
        }
    }

    #[track_caller]
    fn wrong(&mut self, id: &str, fields: Value) -> (i64, String) {
        match self.answer_to(0, id, &fields, &[]) {
            Answer::Error { code, message } => (code, message),
            other => panic!("{id} {fields}: {other:?}"),
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = later(self.now, time);
        for emission in self.simulator.advance(self.now) {
            self.sent.push((emission.event.to_string(), emission.body.value()));
        }
    }

    fn minutes(&mut self, minutes: u64) {
        self.pass(Duration::from_secs(minutes * 60));
    }

    /// Lets time pass until a callback of this event comes; its body.
    #[track_caller]
    fn until(&mut self, event: &str) -> Value {
        let from = self.sent.len();
        for _ in 0..40_000 {
            self.pass(Duration::from_millis(500));
            if let Some((_, body)) = self.sent[from..].iter().find(|(known, _)| known == event) {
                return body.clone();
            }
        }
        panic!("{event} did not come: {:?}", &self.sent[from..]);
    }

    fn events(&self) -> Vec<&str> {
        self.sent.iter().map(|(event, _)| event.as_str()).collect()
    }

    /// A conversation that a single template opened, by its call_id.
    fn chat(&mut self, outcome: &str) -> String {
        let to = json!({ "number": "+6281112345678", "mock_outcome": outcome });
        let sent = self.ok("chatbot.send_single_template", json!({ "template_id": 35, "to": to }));
        sent["call_id"].as_str().unwrap().to_owned()
    }

    fn messages(&mut self, call_id: &str) -> Vec<Value> {
        let list = self.ok("chatbot.messages", json!({ "call_id": call_id, "size": 200 }));
        list.as_array().unwrap().clone()
    }
}

fn say(call_id: &str, text: &str) -> Value {
    json!({ "call_id": call_id, "messages": [{ "type": "text", "text": text }] })
}

#[test]
fn templates_are_listed_filtered_and_told() {
    let world = &mut World::new(1);
    let all = world.ok("chatbot.templates", json!({ "size": 3, "page": 2 }));
    assert_eq!(all["list"].as_array().unwrap().len(), 3);
    let pending = world.ok("chatbot.templates", json!({ "status": "pending" }));
    assert!(pending["total"].as_u64().unwrap() >= 2);
    assert!(pending["list"].as_array().unwrap().iter().all(|one| one["status"] == "pending"));
    let detail = world.ok("chatbot.template_detail", json!({ "template_id": "35", "language": "id" }));
    assert_eq!(detail["content"]["button"][2]["type"], "OPT_OUT");
    assert_eq!(detail["variables"], 3);
    assert_eq!(world.wrong("chatbot.template_detail", json!({ "template_id": 7 })).0, 404);
    assert_eq!(world.wrong("chatbot.template_detail", json!({ "template_id": 35, "language": "xx" })).0, 404);
    assert_eq!(world.wrong("chatbot.template_detail", json!({})).0, 400);
    let wabas = world.ok("chatbot.waba_accounts", json!({}));
    let second = wabas["list"][1]["channel_id"].clone();
    assert_ne!(second, wabas["list"][0]["channel_id"]);
    let to = json!("+6281112345678");
    world.ok("chatbot.send_template", json!({ "channel_id": second, "template_id": 35, "to": to }));
    let unknown = json!({ "channel_id": "1", "template_id": 35, "to": to });
    assert_eq!(world.wrong("chatbot.send_template", unknown).0, 404);
    let rejected = world.wrong("chatbot.send_template", json!({ "template_id": 58, "to": to }));
    assert!(rejected.1.contains("rejected"), "{rejected:?}");
    let pending = json!({ "template": { "name": "payment_reminder", "language": "vi" }, "to": to });
    assert!(world.wrong("chatbot.send_template", pending).1.contains("pending"));
}

#[test]
fn wrong_numbers_are_told_one_by_one() {
    let world = &mut World::new(1);
    let to = json!([
        "+6281112349064", "6281112349064", "12", { "number": "+6281112345678", "mock_outcome": "wa_slient" },
        { "number": "+6281112345679", "variables": ["a"] }, 7,
    ]);
    let sent = world.ok("chatbot.send_template", json!({ "template_id": 35, "to": to }));
    assert_eq!((&sent["total"], &sent["accepted"]), (&json!(6), &json!(1)));
    let reasons: Vec<&str> = sent["error_list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["reason"].as_str().unwrap())
        .collect();
    insta::assert_snapshot!(reasons.join("\n"));
    assert!(
        world
            .wrong("chatbot.send_template", json!({ "template_id": 35, "to": [] }))
            .1
            .contains("to is missing")
    );
    let two = json!({ "template_id": 35, "to": ["+6281112349064", "+6281112349065"] });
    assert!(world.wrong("chatbot.send_single_template", two).1.contains("expected one"));
}

#[test]
fn variables_are_filled_in_or_made_up() {
    let world = &mut World::new(1);
    let body = |world: &mut World, variables: Value| -> String {
        let to = json!({ "number": "+628111239064", "variables": variables });
        let sent = world
            .ok("chatbot.send_single_template", json!({ "template_id": 41, "language": "en", "to": to }));
        world.pass(Duration::from_secs(5));
        let list = world.messages(sent["call_id"].as_str().unwrap());
        list[0]["content"]["template"]["content"]["body"].as_str().unwrap().to_owned()
    };
    let given = body(world, json!(["{{2}}", 500]));
    assert_eq!(given, "{{2}}, a loan of up to 500 is ready for you. Shall we tell you more?");
    let drawn = body(world, Value::Null);
    assert!(drawn.contains("a loan of up to Rp") && !drawn.contains('{'), "{drawn}");
}

/// What the callbacks so far say of each number of a task: its last status.
fn told(sent: &[(String, Value)], task_id: &str) -> BTreeMap<String, usize> {
    let mut of = BTreeMap::new();
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    for (event, body) in sent {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let user = body["user"]["id"].as_str().unwrap_or_default().to_owned();
        match event.as_str() {
            "template.result" if text("task_id") == task_id => {
                if !text("msg_id").is_empty() {
                    of.insert(text("msg_id"), user.clone());
                }
                last.insert(user, text("status"));
            }
            "message.status" => {
                if let Some(user) = of.get(&text("msg_id")) {
                    last.insert(user.clone(), text("status"));
                }
            }
            _ => {}
        }
    }
    let mut counts = BTreeMap::new();
    for status in last.into_values() {
        *counts.entry(status).or_default() += 1;
    }
    counts
}

fn assert_agrees(world: &mut World, task_id: &str) {
    let result = world.ok("chatbot.template_result", json!({ "task_id": task_id, "size": 1_000 }));
    let counts = told(&world.sent, task_id);
    let total: u64 =
        result["counts"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(json!(total), result["total"]);
    for status in ["send", "delivery", "read", "failed"] {
        let counted = counts.get(status).copied().unwrap_or_default();
        assert_eq!(result["counts"][status], json!(counted), "{status}: {result}");
    }
    for row in result["list"].as_array().unwrap() {
        let call_id = row["call_id"].as_str().unwrap();
        let listed = world.messages(call_id);
        let own = listed.iter().find(|message| message["msg_id"] == row["msg_id"]);
        match row["status"].as_str().unwrap() {
            "pending" | "failed" => assert_eq!(own, None),
            status => assert_eq!(own.unwrap()["status"], status),
        }
    }
}

#[test]
fn a_campaign_is_told_and_queried_alike_at_every_moment() {
    let world = &mut World::new(1);
    let to: Vec<String> = (0..60).map(|at| format!("+62811123{:04}", 9_055 + at)).collect();
    let sent = world.ok("chatbot.send_template", json!({ "template_id": 35, "to": to }));
    let task = sent["task_id"].as_str().unwrap().to_owned();
    for _ in 0..40 {
        assert_agrees(world, &task);
        world.pass(Duration::from_millis(700));
    }
    for _ in 0..20 {
        world.minutes(40);
        assert_agrees(world, &task);
    }
    let row = |world: &mut World, end: &str| -> Value {
        let result = world.ok("chatbot.template_result", json!({ "task_id": task, "size": 100 }));
        let rows = result["list"].as_array().unwrap().clone();
        rows.into_iter().find(|row| row["number"].as_str().unwrap().ends_with(end)).unwrap()
    };
    for (end, status, replied) in [
        ("9060", "failed", false),
        ("9061", "failed", false),
        ("9062", "send", false),
        ("9063", "delivery", false),
        ("9064", "read", false),
        ("9065", "read", true),
        ("9066", "read", true),
        ("9067", "read", true),
        ("9068", "read", true),
        ("9069", "read", true),
    ] {
        let row = row(world, end);
        assert_eq!((&row["status"], &row["replied"]), (&json!(status), &json!(replied)), "{end}");
    }
    // Whoever opted out gets no more.
    let again = json!({ "template_id": 35, "to": "+628111239069" });
    world.ok("chatbot.send_single_template", again);
    let result = world.until("template.result");
    assert_eq!((&result["status"], &result["error"]["code"]), (&json!("failed"), &json!(1002)));
    assert_eq!(world.wrong("chatbot.template_result", json!({ "task_id": "x" })).0, 404);
}

#[test]
fn notices_come_as_often_as_is_wished() {
    let world = &mut World::new(1);
    let to = ["+628111239031", "+628111239032", "+628111239033"];
    let sent = world.ok("chatbot.send_template", json!({ "template_id": 36, "to": to }));
    world.pass(Duration::from_secs(10));
    let results = |world: &World, end: &str| {
        let is_it = |(event, body): &&(String, Value)| {
            event == "template.result" && body["user"]["id"].as_str().unwrap().ends_with(end)
        };
        world.sent.iter().filter(is_it).count()
    };
    assert_eq!(["9031", "9032", "9033"].map(|end| results(world, end)), [2, 0, 0]);
    world.pass(Duration::from_secs(40));
    assert_eq!(["9031", "9032", "9033"].map(|end| results(world, end)), [2, 0, 1]);
    assert!(sent["error_list"].as_array().unwrap().is_empty());
}

#[test]
fn a_transfer_accepted_goes_on_with_the_agent() {
    let world = &mut World::new(1);
    let call_id = world.chat("wa_agent");
    let reply = world.until("template.reply");
    assert_eq!(reply["template"]["id"], 35);
    assert_eq!(reply["messages"][0]["reply"]["content"]["type"], "template");
    let transfer = world.until("session.transfer");
    assert_eq!(transfer["transfer"]["call_id"], json!(call_id));
    world.ok(
        "chatbot.agent_transfer_result",
        json!({ "call_id": call_id, "result": "accepted", "seat_id": "7" }),
    );
    assert_eq!(world.until("agent.message")["seat_id"], "7");
    for at in 0..9 {
        world.ok("chatbot.send_message", say(&call_id, &format!("answer {at}")));
        world.until("agent.message");
    }
    world.ok("chatbot.end_session", json!({ "call_id": call_id }));
    let report = world.until("session.report");
    assert_eq!(report["session_end_reason"], "seat");
    let said = world.messages(&call_id);
    let by = |sender: &str| said.iter().filter(|message| message["sender_type"] == sender).count();
    assert_eq!((by("seat"), by("user")), (9, 11));
    assert_eq!(report["messages"].as_array().unwrap().len(), said.len());
    world.minutes(60 * 48);
    assert_eq!(world.events().iter().filter(|event| **event == "session.end").count(), 1);
}

#[test]
fn the_user_chooses_what_the_agent_offers() {
    let world = &mut World::new(7);
    let call_id = world.chat("wa_agent");
    world.until("session.transfer");
    world.ok("chatbot.agent_transfer_result", json!({ "call_id": call_id, "result": "accepted" }));
    world.until("agent.message");
    let id = "0123456789abcdef0123456789abcdef-1-1";
    let buttons = json!({ "type": "interactive", "interactive": { "type": "button", "body": { "text": "?" },
        "footer": { "text": "" },
        "action": { "buttons": [{ "type": "reply", "reply": { "id": format!("{id}-button-0-"), "title": "Yes" } }] } } });
    let list = json!({ "type": "interactive", "interactive": { "type": "list", "body": { "text": "?" },
        "footer": { "text": "" },
        "action": { "button": "b", "sections": [{ "title": "t", "rows": [{ "id": format!("{id}-list-0-0-"), "title": "A" }] }] } } });
    for (question, kind, title) in [(buttons, "button_reply", "Yes"), (list, "list_reply", "A")] {
        world.ok("chatbot.send_message", json!({ "call_id": call_id, "messages": [question] }));
        let told = world.until("agent.message");
        let message = &told["messages"][0];
        assert_eq!(message["content"]["interactive"][kind]["title"], title);
        assert_eq!(message["reply"]["content"], question);
    }
    // A question without options is answered in words.
    let empty = json!({ "type": "interactive", "interactive": { "type": "list" } });
    world.ok("chatbot.send_message", json!({ "call_id": call_id, "messages": [empty] }));
    assert_eq!(world.until("agent.message")["messages"][0]["content"]["type"], "text");
}

#[test]
fn a_transfer_refused_goes_on_with_the_bot() {
    let world = &mut World::new(2);
    let call_id = world.chat("wa_agent");
    world.until("session.transfer");
    world.ok("chatbot.agent_transfer_result", json!({ "call_id": call_id, "result": "refused" }));
    world.until("message.receive");
    assert_eq!(world.until("session.report")["session_end_reason"], "robot");
    assert!(!world.events().contains(&"agent.message"));
}

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

#[test]
fn the_bot_answers_on_a_channel_of_the_customers_own() {
    let world = &mut World::new(4);
    let push = |call_id: &str, text: &str| {
        json!({
            "call_id": call_id, "channel": "HuaWei", "channel_id": "77", "user": { "id": "u1", "name": "Ana" },
            "messages": [{ "type": "text", "text": text }],
        })
    };
    let pushed = world.ok("chatbot.channel_message", push("", "hello"));
    let call_id = pushed["call_id"].as_str().unwrap().to_owned();
    let answer = world.until("message.send");
    assert_eq!((&answer["channel"], &answer["channel_id"]), (&json!("chatbot"), &json!("77")));
    assert_eq!(answer["messages"][0]["sender_type"], "robot");
    world.minutes(1);
    world.ok("chatbot.channel_message", push(&call_id, "I want a person"));
    let transfer = world.until("session.transfer");
    assert_eq!(transfer["channel"], "HuaWei");
    world.ok("chatbot.agent_transfer_result", json!({ "call_id": call_id, "result": "accepted" }));
    world.ok("chatbot.send_message", say(&call_id, "hello"));
    world.minutes(5);
    assert!(!world.events().iter().any(|event| event.contains("status") || *event == "agent.message"));
    let senders: BTreeSet<String> =
        world.messages(&call_id).iter().map(|message| message["sender_type"].to_string()).collect();
    assert_eq!(senders.len(), 3);
    world.ok("chatbot.end_session", json!({ "call_id": call_id }));
    world.until("session.report");
    assert!(world.wrong("chatbot.channel_message", push(&call_id, "again")).1.contains("has ended"));
    world.ok("chatbot.channel_message", push("", "again"));
    assert_eq!(world.ok("chatbot.sessions", json!({}))["total"], 2);
}

#[test]
fn accounts_do_not_see_each_other() {
    let world = &mut World::new(5);
    let call_id = world.chat("wa_text");
    world.until("template.reply");
    let other = |world: &mut World, id: &str, fields: Value| world.answer_to(1, id, &fields, &[]);
    let refused = other(world, "chatbot.messages", json!({ "call_id": call_id }));
    assert!(matches!(refused, Answer::Error { code: 404, .. }), "{refused:?}");
    let none = Answer::Text(r#"{"total":0,"list":[]}"#.to_owned());
    assert_eq!(other(world, "chatbot.sessions", json!({})), none);
}

#[test]
fn nobody_is_told_where_nobody_listens() {
    let world = &mut World::behaving(5, Behaviour { is_heard: false, ..Behaviour::default() });
    let call_id = world.chat("wa_button_1");
    world.minutes(60);
    assert!(world.sent.is_empty());
    assert!(world.messages(&call_id).len() > 2);
}

#[test]
fn files_are_kept_and_too_large_ones_refused() {
    let chatbot = ChatRules { upload_bytes: 10, ..ChatRules::default() };
    let world = &mut World::behaving(1, Behaviour { chatbot, ..Behaviour::default() });
    let file = |size: usize| Upload {
        field: "file".into(),
        name: "a.pdf".into(),
        content_type: Some("application/pdf".into()),
        bytes: Bytes::from(vec![1; size]),
    };
    let Answer::Data(kept) = world.answer_to(0, "chatbot.upload", &json!({}), &[file(10)]) else { panic!() };
    let id = kept["media_id"].as_str().unwrap();
    assert!(kept["url"].as_str().unwrap().ends_with(&format!("/media/{id}/a.pdf")));
    let stored = world.simulator.media(id, "a.pdf").unwrap();
    assert_eq!((stored.bytes.len(), stored.content_type.as_str()), (10, "application/pdf"));
    for files in [vec![file(11)], vec![file(0)], Vec::new()] {
        let answer = world.answer_to(0, "chatbot.upload", &json!({}), &files);
        assert!(matches!(answer, Answer::Error { code: 400, .. }), "{answer:?}");
    }
    let place = json!({ "latitude": -6.2, "longitude": "106.8" });
    let Answer::Data(map) = world.answer_to(0, "chatbot.upload_map", &place, &[file(3)]) else { panic!() };
    assert_eq!((&map["latitude"], &map["longitude"]), (&json!(-6.2), &json!("106.8")));
}

/// Something an integrator may do.
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

/// Does all of it and returns what the vendor sent and answered.
fn done(deeds: &[Deed], seed: u64) -> (World, Vec<String>) {
    let mut world = World::new(seed);
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
                let list = world.answer_to(0, "chatbot.messages", &json!({ "call_id": call_id(at) }), &[]);
                let Answer::Text(list) = list else { continue };
                let list: Vec<Value> = serde_json::from_str(&list).unwrap();
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
                world.pass(Duration::from_millis(millis.into()));
                continue;
            }
        };
        let file = Upload {
            field: "file".into(),
            name: "a.png".into(),
            content_type: None,
            bytes: Bytes::from_static(b"x"),
        };
        let answer = world.answer_to(0, id, &fields, &[file]);
        if let Answer::Data(data) = &answer {
            calls.extend(data["call_id"].as_str().map(str::to_owned));
            tasks.extend(data["task_id"].as_str().map(str::to_owned));
        }
        answers.push(format!("{answer:?}"));
    }
    for task in &tasks {
        assert_agrees(&mut world, task);
    }
    for call_id in &calls {
        world.messages(call_id);
    }
    (world, answers)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_callbacks_and_queries_agree(deeds in prop::collection::vec(deed(), 0..40), seed: u64) {
        let (mut world, answers) = done(&deeds, seed);
        let (again, same) = done(&deeds, seed);
        prop_assert_eq!(&answers, &same);
        prop_assert_eq!(&world.sent, &again.sent);
        let mut ended = BTreeSet::new();
        for (event, body) in world.sent.clone() {
            let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
            match event.as_str() {
                "template.result" => {
                    let task = json!({ "task_id": text("/task_id") });
                    world.ok("chatbot.template_result", task);
                }
                "session.transfer" => drop(world.messages(&text("/transfer/call_id"))),
                _ => {
                    let call_id = text("/call_id");
                    let listed = world.messages(&call_id);
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

#[test]
fn stories_keep_their_sessions_to_themselves() {
    let world = &mut World::new(6);
    let mark = world.simulator.mark();
    let call_id = world.chat("wa_agent");
    world.simulator.adopt(mark, 3);
    world.minutes(60);
    assert_eq!(world.events(), ["template.result", "message.status", "message.status"]);
    assert_eq!(world.messages(&call_id).len(), 1);
    let mark = world.simulator.mark();
    world.ok("chatbot.send_single_template", json!({ "template_id": 36, "to": "+6281112345000" }));
    world.simulator.take_back(mark);
    world.minutes(60);
    assert_eq!(world.events().len(), 3);
}

#[test]
fn the_rules_of_calling_hold_for_chats_too() {
    let magic = BTreeMap::from([(1_234, "wa_silent".parse().unwrap())]);
    let rules = Rules { magic, ..Rules::default() };
    let world = &mut World::behaving(1, Behaviour { calling: Arc::new(rules), ..Behaviour::default() });
    world.ok("chatbot.send_template", json!({ "template_id": 35, "to": "+628111231234" }));
    world.minutes(60);
    assert_eq!(world.events(), ["template.result", "message.status", "message.status"]);
}

//! Tests of a person played from outside.

use super::*;
use crate::simulator::chatbot::played::{ChatAct, ChatError, FileKind, NewChat};

const CALLER: u64 = 6_281_112_340_000;

impl Vendor {
    fn caller(&mut self) -> String {
        let chat = NewChat {
            account: AccountKey::at(0),
            channel_id: None,
            number: CALLER,
            name: Some("Ana".into()),
        };
        self.simulator.begin_chat(chat, self.now).unwrap()
    }

    #[track_caller]
    fn act(&mut self, call_id: &str, act: ChatAct) {
        self.simulator.act(call_id, &act, self.now).unwrap();
        self.pass(Duration::ZERO);
    }

    fn said(&mut self, call_id: &str) -> Vec<Value> {
        let mut said = self.ok("chatbot.messages", json!({ "call_id": call_id })).as_array().unwrap().clone();
        said.reverse();
        said
    }

    fn count(&self, event: &str) -> usize {
        self.sent.iter().filter(|(name, _)| name == event).count()
    }
}

fn words(text: &str) -> ChatAct {
    ChatAct::Write(text.to_owned())
}

#[test]
fn a_person_writes_chooses_sends_and_the_bot_answers() {
    let mut vendor = Vendor::new(1);
    let call_id = vendor.caller();
    assert_eq!(vendor.count("message.receive"), 0, "nobody has said anything yet");
    vendor.act(&call_id, words("hello"));
    let (_, came) = vendor.sent.iter().find(|(event, _)| event == "message.receive").unwrap();
    assert_eq!((&came["call_id"], &came["user"]["name"]), (&json!(call_id), &json!("Ana")));
    assert_eq!(came["messages"][0]["content"], json!({ "type": "text", "text": "hello" }));
    vendor.pass(Duration::from_secs(600));
    let asked = vendor.said(&call_id).last().unwrap().clone();
    assert_eq!((&asked["sender_type"], &asked["content"]["type"]), (&json!("robot"), &json!("interactive")));
    let option = asked["content"]["interactive"]["action"]["sections"][0]["rows"][1].clone();
    let wrong = vendor.simulator.act(&call_id, &ChatAct::Choose("tea".into()), vendor.now).unwrap_err();
    let title = option["title"].as_str().unwrap();
    assert!(wrong.to_string().contains("no option `tea`") && wrong.to_string().contains(title), "{wrong}");
    vendor.act(&call_id, ChatAct::Choose(title.to_owned()));
    let chosen = vendor.said(&call_id).last().unwrap().clone();
    assert_eq!(chosen["content"]["interactive"]["list_reply"], option);
    assert_eq!(chosen["reply"]["msg_id"], asked["msg_id"]);
    for kind in [FileKind::Video, FileKind::Audio, FileKind::File] {
        let (url, name) = (Some("https://files.example/1".to_owned()), Some("one".to_owned()));
        vendor.act(&call_id, ChatAct::Send { kind, url, name });
    }
    assert_eq!(vendor.said(&call_id).last().unwrap()["content"]["media"]["name"], "one");
    vendor.act(&call_id, ChatAct::Send { kind: FileKind::Image, url: None, name: None });
    assert!(vendor.said(&call_id).last().unwrap()["content"]["media"]["origin_url"].is_string());
    vendor.pass(Duration::from_secs(600));
    assert_eq!(vendor.count("message.receive"), 6, "nobody else speaks for the person");
    assert!(vendor.said(&call_id).iter().filter(|message| message["sender_type"] == "robot").count() >= 3);
}

#[test]
fn a_person_is_passed_on_and_talks_to_the_agent() {
    let mut vendor = Vendor::new(1);
    let call_id = vendor.caller();
    vendor.act(&call_id, ChatAct::AskForAgent);
    vendor.pass(Duration::from_secs(60));
    assert_eq!(vendor.count("session.transfer"), 1);
    vendor.ok("chatbot.agent_transfer_result", json!({ "call_id": call_id, "result": "accepted" }));
    let question = json!({ "type": "interactive", "interactive": { "type": "button", "body": { "text": "Well?" }, "footer": { "text": "" },
        "action": { "buttons": [{ "type": "reply", "reply": { "id": "a", "title": "Yes" } }] } } });
    vendor.ok("chatbot.send_message", json!({ "call_id": call_id, "messages": [question] }));
    vendor.pass(Duration::from_secs(3_600));
    assert_eq!(vendor.count("agent.message"), 0, "the person decides when to answer");
    vendor.act(&call_id, ChatAct::Choose("a".into()));
    vendor.act(&call_id, ChatAct::FallSilent);
    assert_eq!(vendor.count("agent.message"), 1);
    vendor.pass(Duration::from_secs(25 * 3_600));
    assert_eq!(vendor.count("agent.message"), 1);
    assert_eq!(vendor.count("session.end"), 1, "by silence");
    assert_eq!(vendor.simulator.act(&call_id, &words("late"), vendor.now), Err(ChatError::Ended));
}

#[test]
fn a_transfer_refused_leaves_the_person_to_the_bot() {
    let mut vendor = Vendor::new(1);
    let call_id = vendor.caller();
    vendor.act(&call_id, ChatAct::AskForAgent);
    vendor.pass(Duration::from_secs(60));
    vendor.ok("chatbot.agent_transfer_result", json!({ "call_id": call_id, "result": "refused" }));
    let before = vendor.said(&call_id).len();
    vendor.pass(Duration::from_secs(600));
    assert_eq!(vendor.said(&call_id).len(), before + 1, "the bot is sorry, once");
}

#[test]
fn a_person_presses_a_button_of_a_template_and_wants_no_more() {
    let mut vendor = Vendor::new(1);
    let to = format!("+{CALLER}");
    let template =
        json!({ "template_name": "payment_reminder", "to": { "number": to, "mock_outcome": "wa_silent" } });
    let sent = vendor.ok("chatbot.send_single_template", template.clone());
    let call_id = sent["call_id"].as_str().unwrap().to_owned();
    vendor.pass(Duration::from_secs(3_600));
    let shown = vendor.said(&call_id)[0].clone();
    let label = shown["content"]["template"]["content"]["button"][0]["text"].as_str().unwrap().to_owned();
    let wrong = vendor.simulator.act(&call_id, &ChatAct::Press("tea".into()), vendor.now).unwrap_err();
    assert!(wrong.to_string().contains(&label), "{wrong}");
    vendor.act(&call_id, ChatAct::Press(label.clone()));
    let (_, came) = vendor.sent.iter().find(|(event, _)| event == "template.reply").unwrap();
    assert_eq!(came["messages"][0]["content"], json!({ "type": "button", "text": label }));
    assert_eq!(vendor.ok("chatbot.template_result", json!({ "task_id": sent["task_id"] }))["replied"], 1);
    vendor.act(&call_id, ChatAct::OptOut);
    vendor.pass(Duration::from_secs(60));
    let again = vendor.ok("chatbot.send_single_template", template);
    vendor.pass(Duration::from_secs(60));
    let result = vendor.ok("chatbot.template_result", json!({ "task_id": again["task_id"] }));
    assert_eq!(result["list"][0]["error"]["code"], 1002, "{result}");
}

/// The messages of a long list take a while: a later one to the same user may be sent first.
#[test]
fn a_reply_is_to_the_template_that_was_sent_last() {
    let mut vendor = Vendor::new(1);
    let silent = |number: String| json!({ "number": number, "mock_outcome": "wa_silent" });
    let mut to: Vec<Value> = (0..500).map(|last| silent(format!("+6281112350{last:03}"))).collect();
    to.push(silent(format!("+{CALLER}")));
    let many = vendor.ok("chatbot.send_template", json!({ "template_id": 35, "to": to }));
    let single = json!({ "template_id": 35, "to": silent(format!("+{CALLER}")) });
    let single = vendor.ok("chatbot.send_single_template", single);
    let call_id = single["call_id"].as_str().unwrap().to_owned();
    let replied = |vendor: &mut Vendor| {
        [&many, &single].map(|sent| {
            let result = vendor.ok("chatbot.template_result", json!({ "task_id": sent["task_id"] }));
            result["replied"].as_i64().unwrap()
        })
    };
    vendor.pass(Duration::from_secs(5));
    vendor.act(&call_id, words("halo"));
    assert_eq!(replied(&mut vendor), [0, 1]);
    vendor.pass(Duration::from_secs(60));
    vendor.act(&call_id, words("halo lagi"));
    assert_eq!(replied(&mut vendor), [1, 1]);
}

#[test]
fn what_is_not_there_is_told() {
    let mut vendor = Vendor::new(1);
    let error = |result: Result<(), ChatError>| result.unwrap_err().to_string();
    assert_eq!(
        error(vendor.simulator.act("none", &words("x"), vendor.now)),
        "there is no conversation with call_id `none`"
    );
    let chat =
        NewChat { account: AccountKey::at(0), channel_id: Some("1".into()), number: CALLER, name: None };
    let refused = vendor.simulator.begin_chat(chat, vendor.now).unwrap_err().to_string();
    assert!(refused.starts_with("the account has no channel `1`; its channels are "), "{refused}");
    let call_id = vendor.caller();
    let nothing = error(vendor.simulator.act(&call_id, &ChatAct::Press("x".into()), vendor.now));
    assert_eq!(nothing, "no template message of this conversation has a button `x`, there is none");
}

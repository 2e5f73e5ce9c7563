//! Tests of the bot on a channel of the customer's own, and of its settings.

use serde_json::json;

use super::*;
use crate::content::closest_locale;
use crate::simulator::{Bot, BotAnswer, MessageTemplate, WabaAccount, with_shipped};

fn push(vendor: &mut Vendor, call_id: &str, text: &str) -> String {
    let said = json!({
        "call_id": call_id, "channel": "HuaWei", "channel_id": "77", "user": { "id": "u1", "name": "Ana" },
        "messages": [{ "type": "text", "text": text }],
    });
    vendor.ok("chatbot.channel_message", said)["call_id"].as_str().unwrap().to_owned()
}

/// Returns what the bot has said so far, oldest first.
fn bot_said(vendor: &mut Vendor, call_id: &str) -> Vec<String> {
    let said = vendor.messages(call_id).into_iter().filter(|message| message["sender_type"] == "robot");
    let text = |message: Value| {
        let content = &message["content"];
        let body = content["interactive"]["body"]["text"].as_str();
        content["text"].as_str().or(body).unwrap_or_default().to_owned()
    };
    let mut said: Vec<String> = said.map(text).collect();
    said.reverse();
    said
}

/// Whether a text is one of a phrase in a language, except for what is filled in.
fn is_of(text: &str, phrase: &str, locale: &str) -> bool {
    let rng = &mut crate::seed::Seed(1).stream("phrases", 0);
    (0..200).filter_map(|_| crate::content::phrases::phrase(rng, phrase, closest_locale(locale))).any(
        |variant| {
            let mut rest = text;
            let mut parts = variant.split(['{', '}']).step_by(2).filter(|part| part.chars().count() > 2);
            parts.all(|part| match rest.split_once(part) {
                Some((_, after)) => {
                    rest = after;
                    true
                }
                None => false,
            })
        },
    )
}

#[test]
fn the_bot_greets_answers_in_the_users_language_and_asks_back() {
    for (asked, phrase, locale) in [
        ("Where is my parcel?", "order_status", "en"),
        ("Di mana paket saya ya?", "order_status", "id"),
        ("¿Dónde está mi pedido?", "order_status", "es-MX"),
        ("พัสดุของฉันอยู่ที่ไหน", "order_status", "th"),
        ("我的快递到哪儿了？", "order_status", "zh-CN"),
        ("Đơn hàng của tôi ở đâu?", "order_status", "vi"),
        ("मेरा पार्सल कहाँ है?", "order_status", "hi"),
        ("أين الطرد الخاص بي؟", "order_status", "ar"),
        ("Can I get a loan?", "loan_offer", "en"),
        ("Flibber the gabble, please", "bot_ask_back", "en"),
    ] {
        let vendor = &mut Vendor::new(4);
        let call_id = push(vendor, "", asked);
        vendor.minutes(5);
        let said = bot_said(vendor, &call_id);
        assert_eq!(said.len(), 1, "{asked}: {said:?}");
        assert!(
            is_of(&said[0], "bot_hello", locale) && is_of(&said[0], phrase, locale),
            "{asked}: {}",
            said[0]
        );
        // It goes on in the same language, and does not greet again.
        push(vendor, &call_id, "123");
        vendor.minutes(5);
        let said = bot_said(vendor, &call_id);
        assert!(is_of(&said[1], "bot_ask_back", locale), "{said:?}");
    }
}

#[test]
fn the_bot_passes_on_whoever_asks_for_a_person_in_any_language() {
    for asked in [
        "I want to talk to a human",
        "Saya mau bicara dengan petugas",
        "Saya nak cakap dengan pegawai",
        "Quiero hablar con un asesor",
        "Gusto ko pong makausap ang ahente",
        "Cho tôi gặp nhân viên",
        "ขอคุยกับเจ้าหน้าที่",
        "मुझे किसी इंसान से बात करनी है",
        "转人工",
        "أريد التحدث مع موظف",
    ] {
        let vendor = &mut Vendor::new(5);
        let call_id = push(vendor, "", asked);
        let transfer = vendor.until("session.transfer");
        assert_eq!(transfer["transfer"]["call_id"], call_id.as_str(), "{asked}");
    }
}

#[test]
fn the_bot_closes_no_chat_and_answers_everything_that_is_written() {
    let vendor = &mut Vendor::new(6);
    let call_id = push(vendor, "", "hello");
    push(vendor, &call_id, "where is my order?");
    push(vendor, &call_id, "and what do I have to pay?");
    vendor.minutes(3);
    let said = bot_said(vendor, &call_id);
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(is_of(&said[1], "order_status", "en") && is_of(&said[2], "payment_link", "en"), "{said:?}");
    for text in ["thanks", "bye", "nothing", "stop", "hello again"] {
        push(vendor, &call_id, text);
        vendor.minutes(60);
    }
    assert!(!vendor.events().contains(&"session.end"), "nobody closed it");
    assert_eq!(bot_said(vendor, &call_id).len(), 8);
    // If no agent takes the conversation, the bot goes on.
    push(vendor, &call_id, "give me a person");
    vendor.until("session.transfer");
    vendor.ok("chatbot.agent_transfer_result", json!({ "call_id": call_id, "result": "refused" }));
    vendor.minutes(60);
    assert!(is_of(bot_said(vendor, &call_id).last().unwrap(), "apology", "en"));
    assert!(!vendor.events().contains(&"session.end"));
}

#[test]
fn reports_say_what_the_dialogue_led_to() {
    for (text, letter) in [
        ("Stop writing to me, unsubscribe", "H"),
        ("I will pay tomorrow", "A"),
        ("I have paid already", "B"),
        ("I have a complaint, it came broken", "D"),
        ("how nice", "--"),
    ] {
        let vendor = &mut Vendor::new(7);
        let call_id = push(vendor, "", text);
        vendor.minutes(5);
        vendor.ok("chatbot.end_session", json!({ "call_id": call_id }));
        assert_eq!(vendor.until("session.report")["intention"], letter, "{text}");
    }
    // The same for users that the simulator plays.
    let vendor = &mut Vendor::new(8);
    let to = json!({ "number": "+6281112340000", "mock_outcome": "wa_opts_out" });
    vendor.ok("chatbot.send_single_template", json!({ "template_id": 35, "to": to }));
    assert_eq!(vendor.until("session.report")["intention"], "H");
}

#[test]
fn answers_accounts_and_templates_come_from_the_settings() {
    let answers = vec![
        BotAnswer {
            when: vec!["opening hours".into(), "jam buka".into()],
            say: vec!["We open at eight, {name}.".into()],
            intention: Some("C".into()),
            slots: [("topic".to_owned(), "hours".to_owned()), ("asked".to_owned(), "{text}".to_owned())]
                .into(),
            labels: [("hours".to_owned(), "yes".to_owned())].into(),
            variables: [("opens".to_owned(), "8:00".to_owned())].into(),
            ..BotAnswer::default()
        },
        BotAnswer {
            when: vec!["lawyer".into()],
            say: vec!["One moment.".into()],
            transfer: true,
            ..BotAnswer::default()
        },
    ];
    let account = |name: &str, account: Option<&str>| WabaAccount {
        name: name.to_owned(),
        channel_id: Some(format!("{name} channel")),
        account: account.map(str::to_owned),
        ..WabaAccount::default()
    };
    let template: MessageTemplate = toml::from_str(
        "id = 900\nname = 'mine'\nsamples = ['{name}']\n[[versions]]\nlanguage = 'en'\nbody = 'Dear {{1}}'\n\
         button = [{ type = 'QUICK_REPLY', text = 'ok' }]",
    )
    .unwrap();
    let waba = vec![account("Ours", None), account("Theirs", Some("nobody"))];
    let bot = Bot { answers, waba, templates: with_shipped(&[template]) };
    let behaviour = Behaviour { bot: std::sync::Arc::new(bot), ..Behaviour::default() };
    let vendor = &mut Vendor::behaving(9, behaviour);
    let call_id = push(vendor, "", "What are your Opening-Hours?");
    vendor.minutes(2);
    assert!(bot_said(vendor, &call_id)[0].ends_with("We open at eight, Ana."));
    push(vendor, &call_id, "I will send my lawyer");
    vendor.until("session.transfer");
    assert_eq!(bot_said(vendor, &call_id).last().unwrap(), "One moment.");
    vendor.ok("chatbot.end_session", json!({ "call_id": call_id }));
    let report = vendor.until("session.report");
    assert_eq!(report["ner_slots"], json!({ "topic": "hours", "asked": "What are your Opening-Hours?" }));
    assert_eq!(report["event_label"], json!({ "hours": "yes" }));
    assert_eq!(report["variables"], json!({ "opens": "8:00" }));
    let wabas = vendor.ok("chatbot.waba_accounts", json!({}));
    assert_eq!((&wabas["total"], &wabas["list"][0]["name"]), (&json!(1), &json!("Ours")));
    let sent = json!({
        "channel_id": "Ours channel", "template": { "name": "mine", "language": "en" },
        "to": { "number": "+6281112340000", "mock_outcome": "wa_button_1" }, "variables": ["Ana"],
    });
    vendor.ok("chatbot.send_single_template", sent);
    let reply = vendor.until("template.reply");
    assert_eq!(reply["messages"][0]["content"]["text"], "ok");
    assert_eq!(reply["messages"][0]["reply"]["content"]["template"]["content"]["body"], "Dear Ana");
    vendor.ok("chatbot.end_session", json!({ "call_id": reply["call_id"] }));
    assert_eq!(
        vendor.until("session.report")["variables"],
        json!({ "1": "Ana" }),
        "what the request filled in"
    );
}

#[test]
fn users_answer_what_an_agent_asks() {
    let vendor = &mut Vendor::new(10);
    let to = json!({ "number": "+6281112340000", "mock_outcome": "wa_agent" });
    vendor.ok("chatbot.send_single_template", json!({ "template_id": 35, "to": to }));
    let call_id = vendor.until("session.transfer")["transfer"]["call_id"].as_str().unwrap().to_owned();
    vendor.ok("chatbot.agent_transfer_result", json!({ "call_id": call_id, "result": "accepted" }));
    vendor.minutes(5);
    for round in 0..25 {
        vendor.ok("chatbot.send_message", say(&call_id, "Boleh minta nomornya?"));
        vendor.minutes(5);
        let last = vendor.messages(&call_id)[0].clone();
        assert_eq!(last["sender_type"], "user", "round {round}");
        assert!(is_of(last["content"]["text"].as_str().unwrap(), "user_answer", "id"), "{last}");
    }
}

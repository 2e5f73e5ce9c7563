//! Tests of the chat of a WhatsApp node as the chatbot's requests see it.

use super::*;
use crate::content::texts;

const SECOND: Duration = Duration::from_secs(1);

/// Creates an instance with one row whose person replies, at the moment when the conversation has just begun. Returns its id,
/// and the row.
fn replied(vendor: &mut Vendor) -> (String, String) {
    let mut replying = row(1, "");
    replying["variables"]["mock_whatsapp"] = "replied".into();
    let workflow = vendor.create(1002, &[replying]);
    let none = json!({ "total": 0, "list": [] });
    for _ in 0..3_600 {
        let listed = vendor.request("chatbot.sessions", json!({})).unwrap();
        if listed != none {
            return (workflow, text(&listed["list"][0]["call_id"]));
        }
        vendor.pass(SECOND);
    }
    panic!("nobody replied");
}

fn messages(vendor: &mut Vendor, call_id: &str) -> Vec<Value> {
    let asked = json!({ "call_id": call_id, "size": 200 });
    let mut list = vendor.request("chatbot.messages", asked).unwrap().as_array().unwrap().clone();
    list.reverse();
    list
}

#[test]
fn what_is_said_is_listed_in_its_time_and_repeated_at_the_end() {
    let mut vendor = a_vendor(1);
    let (workflow, call_id) = replied(&mut vendor);
    let begun = messages(&mut vendor, &call_id);
    let senders: Vec<&Value> = begun.iter().map(|message| &message["sender_type"]).collect();
    assert_eq!(senders, ["robot", "system", "user"]);
    assert_eq!(begun[2]["reply"]["msg_id"], begun[0]["msg_id"]);
    assert_eq!(begun[2]["reply"]["type"], "template", "the shape of the list");
    let task = vendor.list("workflow.waba_tasks", &workflow)[0]["waba_task_id"].clone();
    let detail = vendor.request("workflow.waba_task_detail", json!({ "waba_task_id": task })).unwrap();
    assert_eq!(detail["detail"][0]["call_id"], *call_id);
    assert_eq!(detail["detail"][0]["msg_id"], begun[0]["msg_id"]);
    let mut said = begun.len();
    while vendor.sent("workflow.session_ended").is_empty() {
        vendor.pass(SECOND);
        let listed = messages(&mut vendor, &call_id);
        let now = vendor.now.as_second();
        assert!(listed.len() >= said && listed.iter().all(|one| one["timestamp"].as_i64() <= Some(now)));
        said = listed.len();
    }
    assert!(said > begun.len());
    let notice = &vendor.sent("workflow.session_ended")[0];
    let listed = messages(&mut vendor, &call_id);
    assert_eq!(notice["call_id"], *call_id);
    let sent = notice["messages"].as_array().unwrap();
    assert_eq!(sent.len() + 1, listed.len(), "all but the template message");
    for (sent, listed) in sent.iter().zip(&listed[1..]) {
        for field in ["msg_id", "timestamp", "content"] {
            assert_eq!(sent[field], listed[field]);
        }
        let robot = listed["sender_type"] == "robot";
        assert_eq!(sent["sender_type"], if robot { json!("chatbot") } else { listed["sender_type"].clone() });
    }
    assert_eq!(sent[1]["reply"]["sender_type"], "chatbot", "the shape of the notice");
    let session = &vendor.request("chatbot.sessions", json!({})).unwrap()["list"][0];
    assert_eq!(session["status"], "closed");
    assert_eq!(vendor.sent("session.end").len() + vendor.sent("message.receive").len(), 0);
    assert_eq!(vendor.request_as(1, "chatbot.sessions", json!({})).unwrap()["total"], 0);
}

#[test]
fn whoever_ends_the_conversation_lets_the_row_go_on() {
    let mut vendor = a_vendor(1);
    let (workflow, call_id) = replied(&mut vendor);
    let content = json!({ "type": "text", "text": "office" });
    let spoken = json!({ "call_id": call_id, "messages": [content] });
    let sent = vendor.request("chatbot.send_message", spoken).unwrap();
    vendor.request("chatbot.end_session", json!({ "call_id": call_id })).unwrap();
    vendor.pass(SECOND);
    let ended = vendor.sent("workflow.session_ended");
    assert_eq!((ended.len(), &ended[0]["session_end_reason"]), (1, &json!("seat")));
    let own = ended[0]["messages"].as_array().unwrap().iter().find(|one| one["sender_type"] == "seat");
    assert_eq!(own.unwrap()["msg_id"], sent["messages"][0]["msg_id"]);
    assert_eq!(own.unwrap()["content"], content);
    assert_eq!(vendor.sent("session.end").len(), 1);
    let before = messages(&mut vendor, &call_id).len();
    vendor.pass(DAY);
    assert_eq!(messages(&mut vendor, &call_id).len(), before, "nothing is said after the end");
    assert_eq!(vendor.sent("workflow.session_ended").len(), 1);
    assert_eq!(vendor.summary(&workflow)["finished"], 1);
}

#[test]
fn an_agent_who_takes_it_has_the_word() {
    let mut vendor = a_vendor(1);
    let (_, call_id) = replied(&mut vendor);
    let key = vendor.simulator.find_conversation(&json!({ "call_id": call_id })).unwrap();
    vendor.simulator.emit(key, "session.transfer", json!({}), vendor.now).unwrap();
    let taken = json!({ "call_id": call_id, "result": "accepted", "seat_id": "7" });
    vendor.request("chatbot.agent_transfer_result", taken).unwrap();
    let before = messages(&mut vendor, &call_id).len();
    vendor.pass(60 * SECOND);
    let explained = messages(&mut vendor, &call_id);
    assert_eq!(explained.len(), before + 1, "the user tells the agent the reason, and the bot is silent");
    let lain = vendor.now.as_second() - explained[before]["timestamp"].as_i64().unwrap();
    vendor.pass(DAY - (u32::try_from(lain).unwrap() + 1) * SECOND);
    assert!(vendor.sent("workflow.session_ended").is_empty(), "the agent has not let it lie for a day");
    vendor.pass(2 * SECOND);
    let ended = &vendor.sent("workflow.session_ended")[0];
    assert_eq!((&ended["call_id"], &ended["session_end_reason"]), (&json!(call_id), &json!("timeout")));
}

/// Returns whether a text is one of a phrase's, in Indonesian: all but what its placeholders stand for.
fn says(text: &str, phrase: &str) -> bool {
    texts::variants(phrase, "id").unwrap().iter().any(|variant| {
        let mut rest = text;
        let parts = variant.split('{').map(|part| part.split_once('}').map_or(part, |(_, after)| after));
        parts.into_iter().all(|part| rest.find(part).map(|at| rest = &rest[at + part.len()..]).is_some())
    })
}

/// Asserts that a chat is about its template: the bot speaks for itself and no agent for it, and the user answers what was asked.
fn assert_fits(ended: &Value, foreign: &[&str]) {
    let agents = ["agent_greeting", "agent_question", "agent_answer", "agent_goodbye"];
    for message in ended["messages"].as_array().unwrap() {
        let sender = text(&message["sender_type"]);
        assert!(["system", "chatbot", "user"].contains(&&*sender), "{message}");
        let Some(said) = message["content"]["text"].as_str() else { continue };
        for phrase in foreign.iter().chain(agents.iter().filter(|_| sender == "chatbot")) {
            assert!(!says(said, phrase), "{phrase}: {message}");
        }
    }
}

#[test]
fn chats_are_about_their_template_and_the_bot_is_no_agent() {
    let about_orders = ["order_question", "parcel_late", "order_status"];
    let about_loans = ["loan_interest", "loan_decline", "loan_offer"];
    let about_debts = ["debt_promise", "debt_dispute", "payment_done"];
    for (template, word, foreign) in [
        (1001, "no_answer", [&about_orders[..], &about_loans[..]].concat()),
        (1002, "", [&about_orders[..], &about_debts[..]].concat()),
    ] {
        let mut vendor = a_vendor(1);
        let rows: Vec<Value> = (0..20)
            .map(|number| {
                let mut row = row(number, word);
                row["variables"]["mock_whatsapp"] = "replied".into();
                row
            })
            .collect();
        vendor.create(template, &rows);
        vendor.leap(DAY);
        let ended = vendor.sent("workflow.session_ended");
        assert_eq!(ended.len(), 20, "{template}");
        let mut intentions: Vec<String> = ended.iter().map(|body| text(&body["intention"])).collect();
        intentions.sort_unstable();
        intentions.dedup();
        assert!(intentions.len() > 1 && intentions.iter().all(|letter| letter.len() == 1), "{intentions:?}");
        ended.iter().for_each(|body| assert_fits(body, &foreign));
        assert!(vendor.sent("session.transfer").is_empty(), "nobody asked for an agent");
    }
}

#[test]
fn an_intention_is_led_to_whatever_the_template_is_about() {
    for letter in 'a'..='i' {
        let vendor = scripted(&format!("wa_text intention_{letter}"));
        let ended = vendor.sent("workflow.session_ended")[0].clone();
        assert_eq!(ended["intention"], letter.to_ascii_uppercase().to_string());
        assert_ne!(ended["talk_round"], 0);
        assert_fits(&ended, &[]);
        assert_eq!(vendor.sent("session.transfer").len(), usize::from(letter == 'e'), "{letter}");
    }
}

#[test]
fn a_row_without_a_name_is_addressed_by_one() {
    let mut vendor = a_vendor(1);
    let rows: Vec<Value> = (0..20)
        .map(|number| {
            let mut row = row(number, "");
            row["variables"] = json!({ "mock_whatsapp": "replied" });
            row
        })
        .collect();
    vendor.create(1002, &rows);
    vendor.leap(DAY);
    let ended = vendor.sent("workflow.session_ended");
    assert_eq!(ended.len(), 20);
    let texts = ended.iter().flat_map(|body| {
        let messages = body["messages"].as_array().unwrap().clone();
        let quoted = messages[1]["reply"]["content"]["template"]["content"]["body"].clone();
        messages.into_iter().map(|message| message["content"]["text"].clone()).chain([quoted])
    });
    let texts: Vec<String> = texts.filter_map(|text| text.as_str().map(str::to_owned)).collect();
    assert!(texts.len() > 60, "{}", texts.len());
    for text in texts {
        let is_whole = !text.contains(" ,") && !text.contains("  ") && !text.starts_with(',');
        assert!(is_whole && !text.contains(" !") && !text.contains(" ."), "{text}");
    }
}

/// Returns a vendor a day after one row with this forced outcome was added.
fn scripted(mock_outcome: &str) -> Vendor {
    let mut vendor = a_vendor(1);
    vendor.create(1002, &[row(1, mock_outcome)]);
    vendor.leap(DAY);
    vendor
}

#[test]
fn a_button_is_pressed() {
    for (word, at) in [("wa_button_1", 0), ("wa_button_2", 1)] {
        let ended = &scripted(word).sent("workflow.session_ended")[0];
        let first = &ended["messages"][1];
        let button = &first["reply"]["content"]["template"]["content"]["button"][at];
        assert_eq!(first["content"], json!({ "type": "button", "text": button["text"] }), "{word}");
        assert_ne!(button["type"], "OPT_OUT", "{word}");
    }
}

#[test]
fn a_picture_is_sent_that_can_be_fetched() {
    let vendor = scripted("wa_media");
    let content = &vendor.sent("workflow.session_ended")[0]["messages"][1]["content"];
    assert_eq!(content["type"], "image");
    let url = text(&content["media"]["origin_url"]);
    let path: Vec<&str> = url.split("/media/").nth(1).unwrap().split('/').collect();
    assert!(vendor.simulator.media(path[0], path[1]).is_some(), "{url}");
}

#[test]
fn whoever_asks_for_a_person_is_passed_on_and_answers_the_agent() {
    let mut vendor = a_vendor(1);
    let workflow = vendor.create(1002, &[row(1, "wa_agent")]);
    while vendor.sent("session.transfer").is_empty() {
        vendor.pass(SECOND);
    }
    let call_id = text(&vendor.sent("session.transfer")[0]["transfer"]["call_id"]);
    let taken = json!({ "call_id": call_id, "result": "accepted", "seat_id": "7" });
    vendor.request("chatbot.agent_transfer_result", taken).unwrap();
    vendor.pass(30 * SECOND);
    let content = json!({ "type": "text", "text": "What can I do for you?" });
    vendor.request("chatbot.send_message", json!({ "call_id": call_id, "messages": [content] })).unwrap();
    vendor.pass(60 * SECOND);
    assert!(vendor.sent("agent.message").len() >= 2, "{}", vendor.sent("agent.message").len());
    vendor.pass(3_600 * SECOND);
    assert!(vendor.sent("workflow.session_ended").is_empty(), "the agent has it");
    vendor.request("chatbot.end_session", json!({ "call_id": call_id })).unwrap();
    vendor.pass(10 * SECOND);
    let ended = &vendor.sent("workflow.session_ended")[0];
    assert_eq!((&ended["session_end_reason"], &ended["intention"]), (&json!("seat"), &json!("E")));
    assert_eq!(vendor.sent("session.report")[0]["intention"], "E");
    assert_eq!(vendor.summary(&workflow)["finished"], 1);
}

#[test]
fn nobody_who_takes_it_lets_the_row_go_on_after_half_an_hour() {
    let mut vendor = scripted("wa_agent");
    assert_eq!(vendor.sent("session.transfer").len(), 1);
    let ended = &vendor.sent("workflow.session_ended")[0];
    assert_eq!(ended["session_end_reason"], "timeout");
    let call_id = ended["call_id"].clone();
    let late =
        vendor.request("chatbot.agent_transfer_result", json!({ "call_id": call_id, "result": "accepted" }));
    assert!(late.is_err());
}

#[test]
fn an_opt_out_is_remembered() {
    let mut vendor = scripted("wa_opts_out");
    let ended = vendor.sent("workflow.session_ended")[0].clone();
    assert_eq!(ended["intention"], "H");
    vendor.create(1002, &[row(1, "wa_silent")]);
    vendor.leap(DAY);
    let last = vendor.sent("workflow.waba_status").last().unwrap().clone();
    assert_eq!((&last["status"], &last["error"]["code"]), (&json!("failed"), &json!(1002)));
    let head = json!({ "template_name": "parcel_update", "channel_id": ended["channel_id"], "to": "+6281100000001" });
    vendor.request("chatbot.send_single_template", head).unwrap();
    vendor.leap(DAY);
    assert_eq!(vendor.sent("template.result")[0]["error"]["code"], 1002);
}

#[test]
fn whoever_answers_once_says_no_more() {
    let ended = &scripted("wa_once").sent("workflow.session_ended")[0];
    assert_eq!((&ended["talk_round"], &ended["session_end_reason"]), (&json!(1), &json!("timeout")));
}

#[test]
fn a_late_answer_comes_while_it_is_waited_for_or_begins_a_conversation_of_its_own() {
    let vendor = scripted("wa_late");
    let heard =
        vendor.sent("workflow.waba_status").iter().map(|body| text(&body["status"])).collect::<Vec<_>>();
    assert_eq!(heard.join(" "), "send delivery read");
    assert!(vendor.sent("workflow.session_ended").is_empty());
    assert_eq!(vendor.sent("workflow.contact_completed").len(), 1);
    assert!(!vendor.sent("message.receive").is_empty(), "the row has gone on, and the answer comes");

    let behaviour = with_template(
        r#"
        [[workflow_templates]]
        id = 7
        name = "patient"
        nodes = [
            { id = "wa", kind = "whatsapp", template = "parcel_update", reply_within = "10h", next = "end" },
            { id = "end", kind = "end" },
        ]
        "#,
    );
    let mut vendor = a_vendor_with(1, behaviour);
    vendor.create(7, &[row(1, "wa_late")]);
    vendor.leap(3 * 3_600 * SECOND);
    assert!(vendor.sent("workflow.session_ended").is_empty());
    vendor.leap(DAY);
    assert_eq!(vendor.sent("workflow.session_ended").len(), 1);
    assert!(vendor.sent("message.receive").is_empty());
}

#[test]
fn what_a_number_does_on_whatsapp_it_does_here() {
    let wanted = [
        ("wa_unregistered", "send failed", 0),
        ("wa_opted_out", "send failed", 0),
        ("wa_blocked", "send", 0),
        ("wa_unread", "send delivery", 0),
        ("wa_silent", "send delivery read", 0),
        ("wa_agent", "send delivery read", 1),
    ];
    for (word, statuses, sessions) in wanted {
        let mut vendor = a_vendor(1);
        vendor.create(1002, &[row(1, word)]);
        vendor.leap(DAY);
        let heard =
            vendor.sent("workflow.waba_status").iter().map(|body| text(&body["status"])).collect::<Vec<_>>();
        assert_eq!(heard.join(" "), statuses, "{word}");
        assert_eq!(vendor.sent("workflow.session_ended").len(), sessions, "{word}");
        assert_eq!(vendor.sent("workflow.contact_completed").len(), 1, "{word}");
    }
    // The same by the last four digits alone.
    let mut vendor = a_vendor(1);
    let mut silent = row(9_062, "");
    silent["variables"] = json!({});
    vendor.create(1002, &[silent]);
    vendor.leap(DAY);
    let heard =
        vendor.sent("workflow.waba_status").iter().map(|body| text(&body["status"])).collect::<Vec<_>>();
    assert_eq!(heard, ["send"]);
}

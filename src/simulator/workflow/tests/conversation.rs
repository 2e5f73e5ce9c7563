//! The chat of a WhatsApp node as the chatbot's calls see it.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// An instance with one row whose person replies, when the conversation has just begun: its id, and the row.
fn replied(vendor: &mut Vendor) -> (String, String) {
    let mut replying = row(1, "");
    replying["variables"]["mock_whatsapp"] = "replied".into();
    let workflow = vendor.create(1002, &[replying]);
    let none = json!({ "total": 0, "list": [] });
    for _ in 0..3_600 {
        let listed = vendor.call("chatbot.sessions", json!({})).unwrap();
        if listed != none {
            return (workflow, text(&listed["list"][0]["call_id"]));
        }
        vendor.pass(SECOND);
    }
    panic!("nobody replied");
}

fn messages(vendor: &mut Vendor, call_id: &str) -> Vec<Value> {
    let asked = json!({ "call_id": call_id, "size": 200 });
    let mut list = vendor.call("chatbot.messages", asked).unwrap().as_array().unwrap().clone();
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
    let detail = vendor.call("workflow.waba_task_detail", json!({ "waba_task_id": task })).unwrap();
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
    let session = &vendor.call("chatbot.sessions", json!({})).unwrap()["list"][0];
    assert_eq!(session["status"], "closed");
    assert_eq!(vendor.sent("session.end").len() + vendor.sent("message.receive").len(), 0);
    assert_eq!(vendor.call_as(1, "chatbot.sessions", json!({})).unwrap()["total"], 0);
}

#[test]
fn whoever_ends_the_conversation_lets_the_row_go_on() {
    let mut vendor = a_vendor(1);
    let (workflow, call_id) = replied(&mut vendor);
    let content = json!({ "type": "text", "text": "office" });
    let spoken = json!({ "call_id": call_id, "messages": [content] });
    let sent = vendor.call("chatbot.send_message", spoken).unwrap();
    vendor.call("chatbot.end_session", json!({ "call_id": call_id })).unwrap();
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
    vendor.call("chatbot.agent_transfer_result", taken).unwrap();
    let before = messages(&mut vendor, &call_id).len();
    vendor.pass(DAY);
    assert_eq!(messages(&mut vendor, &call_id).len(), before);
    assert_eq!(vendor.sent("workflow.session_ended")[0]["call_id"], *call_id);
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

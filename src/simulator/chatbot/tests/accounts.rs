//! Tests of what accounts see and keep, and of accounts without a callback URL.

use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::simulator::Behaviour;
use crate::simulator::ChatRules;
use crate::simulator::request::Upload;

#[test]
fn accounts_do_not_see_each_other() {
    let vendor = &mut Vendor::new(5);
    let call_id = vendor.chat("wa_text");
    vendor.until("template.reply");
    let other = |vendor: &mut Vendor, id: &str, fields: Value| vendor.answer_to(1, id, &fields, &[]);
    let refused = other(vendor, "chatbot.messages", json!({ "call_id": call_id }));
    assert!(matches!(refused, Err(Refusal { code: 404, .. })), "{refused:?}");
    let none = Ok(json!({ "total": 0, "list": [] }));
    assert_eq!(other(vendor, "chatbot.sessions", json!({})), none);
}

#[test]
fn nothing_is_sent_where_nobody_listens() {
    let vendor = &mut Vendor::behaving(5, Behaviour { has_callback_url: false, ..Behaviour::default() });
    let call_id = vendor.chat("wa_button_1");
    vendor.minutes(60);
    assert!(vendor.sent.is_empty());
    assert!(vendor.messages(&call_id).len() > 2);
}

#[test]
fn files_are_kept_and_too_large_ones_refused() {
    let chatbot = ChatRules { upload_bytes: 10, ..ChatRules::default() };
    let vendor = &mut Vendor::behaving(1, Behaviour { chatbot, ..Behaviour::default() });
    let file = |size: usize| Upload {
        field: "file".into(),
        name: "a.pdf".into(),
        content_type: Some("application/pdf".into()),
        bytes: Bytes::from(vec![1; size]),
    };
    let kept = vendor.answer_to(0, "chatbot.upload", &json!({}), &[file(10)]).unwrap();
    let id = kept["media_id"].as_str().unwrap();
    assert!(kept["url"].as_str().unwrap().ends_with(&format!("/media/{id}/a.pdf")));
    let stored = vendor.simulator.media(id, "a.pdf").unwrap();
    assert_eq!((stored.bytes.len(), stored.content_type.as_str()), (10, "application/pdf"));
    for files in [vec![file(11)], vec![file(0)], Vec::new()] {
        let answer = vendor.answer_to(0, "chatbot.upload", &json!({}), &files);
        assert!(matches!(answer, Err(Refusal { code: 400, .. })), "{answer:?}");
    }
    let place = json!({ "latitude": -6.2, "longitude": "106.8" });
    let map = vendor.answer_to(0, "chatbot.upload_map", &place, &[file(3)]).unwrap();
    assert_eq!((&map["latitude"], &map["longitude"]), (&json!(-6.2), &json!("106.8")));
}

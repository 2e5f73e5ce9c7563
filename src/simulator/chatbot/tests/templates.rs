//! Tests of the template catalogue, and of the requests that send templates.

use serde_json::json;

use super::*;

#[test]
fn templates_are_listed_filtered_and_described() {
    let vendor = &mut Vendor::new(1);
    let all = vendor.ok("chatbot.templates", json!({ "size": 3, "page": 2 }));
    assert_eq!(all["list"].as_array().unwrap().len(), 3);
    let pending = vendor.ok("chatbot.templates", json!({ "status": "pending" }));
    assert!(pending["total"].as_u64().unwrap() >= 2);
    assert!(pending["list"].as_array().unwrap().iter().all(|one| one["status"] == "pending"));
    let detail = vendor.ok("chatbot.template_detail", json!({ "template_id": "35", "language": "id" }));
    assert_eq!(detail["content"]["button"][2]["type"], "OPT_OUT");
    assert_eq!(detail["variables"], 3);
    assert_eq!(vendor.wrong("chatbot.template_detail", json!({ "template_id": 7 })).0, 404);
    assert_eq!(
        vendor.wrong("chatbot.template_detail", json!({ "template_id": 35, "language": "xx" })).0,
        404
    );
    assert_eq!(vendor.wrong("chatbot.template_detail", json!({})).0, 400);
    let wabas = vendor.ok("chatbot.waba_accounts", json!({}));
    let second = wabas["list"][1]["channel_id"].clone();
    assert_ne!(second, wabas["list"][0]["channel_id"]);
    let to = json!("+6281112345678");
    vendor.ok("chatbot.send_template", json!({ "channel_id": second, "template_id": 35, "to": to }));
    let unknown = json!({ "channel_id": "1", "template_id": 35, "to": to });
    assert_eq!(vendor.wrong("chatbot.send_template", unknown).0, 404);
    let rejected = vendor.wrong("chatbot.send_template", json!({ "template_id": 58, "to": to }));
    assert!(rejected.1.contains("rejected"), "{rejected:?}");
    let pending = json!({ "template": { "name": "payment_reminder", "language": "vi" }, "to": to });
    assert!(vendor.wrong("chatbot.send_template", pending).1.contains("pending"));
}

#[test]
fn wrong_numbers_are_listed_one_by_one() {
    let vendor = &mut Vendor::new(1);
    let to = json!([
        "+6281112349064", "6281112349064", "12", { "number": "+6281112345678", "mock_outcome": "wa_slient" },
        { "number": "+6281112345679", "variables": ["a"] }, 7,
    ]);
    let sent = vendor.ok("chatbot.send_template", json!({ "template_id": 35, "to": to }));
    assert_eq!((&sent["total"], &sent["accepted"]), (&json!(6), &json!(1)));
    let reasons: Vec<&str> = sent["error_list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["reason"].as_str().unwrap())
        .collect();
    insta::assert_snapshot!(reasons.join("\n"));
    assert!(
        vendor
            .wrong("chatbot.send_template", json!({ "template_id": 35, "to": [] }))
            .1
            .contains("to is missing")
    );
    let two = json!({ "template_id": 35, "to": ["+6281112349064", "+6281112349065"] });
    assert!(vendor.wrong("chatbot.send_single_template", two).1.contains("expected one"));
}

#[test]
fn variables_are_filled_in_or_made_up() {
    let vendor = &mut Vendor::new(1);
    let body = |vendor: &mut Vendor, variables: Value| -> String {
        let to = json!({ "number": "+628111239064", "variables": variables });
        let sent = vendor
            .ok("chatbot.send_single_template", json!({ "template_id": 41, "language": "en", "to": to }));
        vendor.pass(Duration::from_secs(5));
        let list = vendor.messages(sent["call_id"].as_str().unwrap());
        list[0]["content"]["template"]["content"]["body"].as_str().unwrap().to_owned()
    };
    let given = body(vendor, json!(["{{2}}", 500]));
    assert_eq!(given, "{{2}}, a loan of up to 500 is ready for you. Shall we tell you more?");
    let drawn = body(vendor, Value::Null);
    assert!(drawn.contains("a loan of up to Rp") && !drawn.contains('{'), "{drawn}");
}

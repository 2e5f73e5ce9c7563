//! What a page in a browser can have it send changes nothing and reads nothing.

use serde_json::json;

use crate::serving::{JSON, Serving, request};

#[test]
fn pages_of_other_origins_and_names_of_others_change_nothing() {
    let serving = Serving::with("hosts = ['mock.test']\n", &["--speed", "0"]);
    let before = serving.state()["now"].clone();
    let by = json!({ "by": "1h" }).to_string();
    let post = |host: &str, headers: &[(&str, &str)]| {
        let bytes = request("POST", "/_mock/clock", headers, by.as_bytes());
        let text = String::from_utf8(bytes).unwrap().replace("Host: localhost", &format!("Host: {host}"));
        let mut wire = serving.wire();
        wire.send(text.as_bytes());
        let reply = wire.reply();
        (reply.status, reply.text())
    };
    let (status, text) = post("rebound.example:2478", &[JSON]);
    assert_eq!(status, 421);
    assert!(text.contains(r#"hosts = [\"rebound.example\"]"#), "{text}");
    for header in [("Origin", "https://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site")] {
        let (status, text) = post("mock.test", &[JSON, header]);
        assert!(status == 403 && text.contains("another origin"), "{header:?}: {status} {text}");
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        let (status, text) = post("mock.test", &[("Content-Type", kind)]);
        assert!(status == 415 && text.contains("Content-Type: application/json"), "{kind}: {status} {text}");
    }
    assert_eq!(serving.state()["now"], before);
    assert_eq!(post("mock.test", &[JSON, ("Origin", "http://mock.test")]).0, 200);
    assert_ne!(serving.state()["now"], before);
    // The vendor's side: a form that a page submits gets no token.
    let fields = b"APPKey=AIRudderMockKey0000001&APPSecret=AIRudderMockSecret0001";
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let auth =
        |headers: &[(&str, &str)]| serving.request("POST", "/service/cloud/auth", headers, fields).status;
    assert_eq!(auth(&[form, ("Origin", "https://evil.example")]), 403);
    assert_eq!(auth(&[form]), 200);
    // What was refused stands in the record, as everything does.
    let (_, record) = serving.end();
    let refused = record.iter().filter(|line| line["status"] == 421 || line["status"] == 403);
    assert_eq!(refused.count(), 5, "{record:?}");
}

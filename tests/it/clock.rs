//! Moving the mock's time: a jump is a journey, whatever its length.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::serving::{JSON, Serving};
use crate::support::{Answer, Receiver, plain};

/// A receiver that fails at the first two attempts of every callback.
fn failing_twice() -> Receiver {
    let seen: Mutex<HashMap<Vec<u8>, u32>> = Mutex::default();
    Receiver::with(move |request| {
        let mut seen = seen.lock().unwrap();
        let count = seen.entry(request.body.clone()).or_default();
        *count += 1;
        if *count > 2 { plain("200 OK", "{}") } else { plain("500 Internal Server Error", "oh no") }
    })
}

/// What is recorded in thirty days, in so many steps of the same length: redials, late and doubled notices, a
/// campaign whose chats fall silent, and a token that expires.
fn thirty_days(steps: u32) -> Vec<Value> {
    let receiver = failing_twice();
    let url = receiver.url();
    let settings = "public_url = 'http://mock.test'\n[access]\nchatbot_signature = 'off'\n";
    let serving = Serving::with(settings, &["--speed", "0", "--seed", "7", "--callback-url", &url]);
    let token = serving.token();
    let rows =
        [9_004, 9_005, 9_010, 9_022, 9_031, 9_033].map(|end| json!({ "Mobile": format!("+6281110{end}") }));
    let fields = json!({ "TaskName": "t", "RepeatNumber": 3, "RepeatInterval": 60, "Details": rows });
    assert_eq!(serving.post(&token, "/service/cloud/task", &fields).0, 200);
    let to: Vec<_> = (9_060..=9_069).map(|end| json!({ "number": format!("+62811123{end}") })).collect();
    let (status, answer) = serving.post("", "/api/v1/template/send", &json!({ "template_id": 35, "to": to }));
    assert_eq!(status, 200, "{answer}");
    for _ in 0..steps {
        serving.skip(&format!("{}s", 30 * 86_400 / steps));
    }
    assert_eq!(serving.get(&token, "/service/cloud/robot").0, 401);
    let (_, mut record) = serving.end();
    for line in &mut record {
        // The port of the receiver is another each time.
        let text = line.to_string().replace(&receiver.address.to_string(), "receiver");
        *line = serde_json::from_str(&text).unwrap();
    }
    record
}

#[test]
fn a_long_jump_is_as_many_steps() {
    let at_once = thirty_days(1);
    let in_steps = thirty_days(1_000);
    let attempts = at_once.iter().filter(|line| line["kind"] == "tried").count();
    assert!(attempts > 100, "{attempts} attempts");
    for (one, other) in at_once.iter().zip(&in_steps) {
        assert_eq!(one, other);
    }
    assert_eq!(at_once.len(), in_steps.len());
}

#[test]
fn a_journey_that_takes_longer_than_its_client_waits_goes_on() {
    let receiver = Receiver::answering(vec![Answer::Never]);
    let serving = Serving::with("", &["--speed", "0", "--callback-url", &receiver.url()]);
    let token = serving.token();
    serving.task(&token, "t", &json!([{ "Mobile": "+6281110009001" }]));
    let body = br#"{"by": "1h", "within": "20ms"}"#;
    let reply = serving.request("POST", "/_mock/clock", &[JSON], body);
    let answer = reply.json();
    assert_eq!((reply.status, &answer["arrived"]), (202, &json!(false)), "{answer}");
    assert!(answer["now"].as_str().unwrap() < "2030-01-01T01:00:00Z", "{answer}");
    // The end of the mock is the end of the journey.
    serving.ask_to_stop();
}

#[test]
fn wrong_journeys_are_refused() {
    let serving = Serving::new();
    let refused = |body: &str| {
        let reply = serving.request("POST", "/_mock/clock", &[JSON], body.as_bytes());
        assert_eq!(reply.status, 400, "{body}");
        reply.json()["message"].as_str().unwrap().to_owned()
    };
    assert!(refused("{}").starts_with("by is missing"));
    assert!(refused(r#"{"by": 3}"#).starts_with("by is 3"));
    assert!(refused(r#"{"by": "soon"}"#).starts_with("by `soon` is not a duration"));
    assert!(refused(r#"{"by": "1h", "within": "soon"}"#).starts_with("within `soon`"));
    assert!(serving.state()["now"].as_str().unwrap() < "2030-01-01T00:59:00Z", "time has not moved");
}

//! The end of a mock: nobody is kept waiting.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::Mock;
use super::assembly::Service;
use crate::engine::Speed;
use crate::journal::KeptLimits;
use crate::net::{HttpRequest, Reply};

async fn control(mock: &Service, path: &str, body: &Value) -> (u16, Value) {
    let request = HttpRequest {
        method: "POST".into(),
        path: path.to_owned(),
        headers: [("content-type", "application/json")].into_iter().collect(),
        body: body.to_string().into(),
        ..HttpRequest::default()
    };
    match mock.answer(request).await {
        Reply::Answer(answer) => (answer.status, serde_json::from_slice(&answer.body).unwrap()),
        other => panic!("an answer comes, not {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_answered_when_the_mock_ends() {
    let mut mock = Mock::builder().callback_url("http://127.0.0.1:9/hook").speed(Speed::Still);
    mock.options.kept = KeptLimits::default();
    let mock = mock.service().unwrap();
    // It is not driven, so that none of these happens.
    let (status, _) = control(&mock, "/_mock/emit", &json!({ "event": "session.transfer" })).await;
    assert_eq!(status, 201);
    let (status, _) = control(&mock, "/_mock/stories", &json!({ "scenario": "agent-transfer" })).await;
    assert_eq!(status, 201);
    for (path, ask) in [
        ("/_mock/wait", json!({ "callback": "session.transfer", "within": "1h" })),
        ("/_mock/wait", json!({ "story": 1, "within": "1h" })),
        ("/_mock/settle", json!({ "within": "1h" })),
    ] {
        let began = Instant::now();
        let end = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            mock.end_journal();
        };
        let ((status, answer), ()) = tokio::join!(control(&mock, path, &ask), end);
        assert_eq!(status, 417, "{answer}");
        assert!(began.elapsed() <= Duration::from_secs(1), "{ask}: {:?}", began.elapsed());
        let why = answer["why"].as_str().unwrap_or_default();
        assert!(why.starts_with("the mock is ending"), "{answer}");
    }
}

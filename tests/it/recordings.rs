//! Recordings over real sockets: they appear after the call, go after a while, and fail on purpose.

use serde_json::{Value, json};

use crate::serving::{JSON, Serving, request};

const SETTINGS: &str = r#"
faults = [
    { call = "recording.download", skip = 1, times = 1, status = 500, retry_after = "3s" },
    "recording-fails the 4th",
    "recording-expires the 5th",
    "recording-truncated the 6th",
]

[calling]
recording_lag = "2h"
recording_lifetime = "24h"
"#;

#[test]
fn recordings_come_go_and_fail() {
    let serving = Serving::with(SETTINGS, &["--speed", "0"]);
    let token = serving.token();
    let pass = |by: &str| {
        let body = json!({ "by": by }).to_string();
        assert_eq!(serving.request("POST", "/_mock/clock", &[JSON], body.as_bytes()).status, 200);
    };
    let task = serving.task(&token, "talks", &json!([{ "Mobile": "+6281112349001" }]));
    pass("30m");
    let (_, detail) = serving.get(&token, &format!("/service/cloud/detail?TaskID={task}"));
    let row = &detail["data"]["detail"][0];
    let link = row["RecordLink"].as_str().unwrap().strip_prefix(&serving.url()).unwrap();
    let case = format!("/service/cloud/case?TaskID={task}&Callee=%2B6281112349001");
    let zip = format!("/service/cloud/recording?TaskID={task}");
    let by_id = format!("/service/cloud/callinfo?CallID={}", row["CallID"].as_str().unwrap());
    let download = |headers: &[(&str, &str)]| serving.request("GET", link, headers, b"");
    let message = |body: &Value| body["message"].as_str().or(body["status"].as_str()).unwrap().to_owned();

    // Not there yet: what links to it says so, and the link leads nowhere.
    let not_yet = "the recording is not there yet: it appears 2h after the call, at ";
    for query in [&case, &zip] {
        let (status, body) = serving.get(&token, query);
        assert!(status == 404 && message(&body).contains(not_yet), "{query}: {status} {body}");
    }
    assert_eq!(serving.get(&token, &by_id).1["data"]["link"], "");
    let early = download(&[]);
    assert!(early.status == 404 && early.text().contains(not_yet), "{}", early.text());

    // There, unless something goes wrong on purpose.
    pass("2h");
    let busy = download(&[("X-Mock-Fault", "503")]);
    assert!(busy.status == 503 && busy.text().contains("on purpose"), "{}", busy.text());
    let wrong = download(&[]);
    assert_eq!((wrong.status, wrong.header("retry-after")), (500, Some("3")));
    let wav = download(&[]);
    assert_eq!((wav.status, &wav.body[..4]), (200, &b"RIFF"[..]));
    assert_eq!(download(&[]).status, 503);
    assert_eq!(download(&[]).status, 410);
    let mut half = serving.wire();
    half.send(&request("GET", link, &[], b""));
    half.head();
    let came = half.rest().unwrap().len();
    assert!(came > 0 && came < wav.body.len(), "{came} of {}", wav.body.len());
    for query in [&case, &zip, &by_id] {
        let (status, body) = serving.get(&token, query);
        assert!(status == 200 && body["data"]["link"] != "", "{query}: {body}");
    }

    // Gone.
    pass("24h");
    let late = download(&[]);
    assert!(late.status == 410 && late.text().contains("the link has expired"), "{}", late.text());
    let (status, body) = serving.get(&serving.token(), &case);
    assert!(status == 404 && message(&body).contains("has expired"), "{body}");
    serving.end();
}

//! What sums up others arrives after them, at every speed: eighteen workflows and as many tasks of the dialer, with eighteen rows
//! each.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::serving::Serving;
use crate::support::{Answer, Receiver, base64, plain};

/// Wholes of a kind, and rows of each.
const MANY: usize = 18;

fn settings() -> String {
    let agents: Vec<String> = (0..100).map(|agent| format!("'agent {agent}'")).collect();
    format!(
        "[workflow]\nquiet = '1ms'\n[calling]\nchannels = 2000\n[dialer]\ngroups = [{{ name = 'All', agents = [{}] }}]\n\
         [[workflow_templates]]\nid = 7\nname = 'Call and push'\nnodes = [\n\
         {{ id = 'call', kind = 'voice', next = 'push' }}, {{ id = 'push', kind = 'api', next = 'end' }}, {{ id = 'end', kind = 'end' }},\n]\n",
        agents.join(", ")
    )
}

/// Makes all workflows and tasks.
fn create(serving: &Serving, receiver: &Receiver) {
    let (cloud, dialer) = (serving.token(), serving.dialer_token());
    for whole in 0..MANY {
        let number = |row: usize, end: &str| format!("+6281{whole:02}{row:02}{end}");
        // Most are busy, so that an hour of agents does not have to pass at real speed.
        let end = |row: usize| if row.is_multiple_of(15) { "9002" } else { "9005" };
        let rows: Vec<Value> = (0..MANY)
            .map(|row| json!({ "callee": number(row, end(row)), "case_id": row.to_string() }))
            .collect();
        let fields = json!({
            "workflow_template_id": 7, "name": format!("flow {whole}"), "end_time": "2199-01-01 00:00:00+08:00",
            "auto_finish": 2, "details": rows,
        });
        let (status, answer) = serving.post(&cloud, "/service/cloud/workflow/createinstance", &fields);
        assert_eq!(status, 200, "{answer}");
        let contacts: Vec<Value> =
            (0..MANY).map(|row| json!({ "PhoneNumber": number(row, end(row)) })).collect();
        let fields = json!({
            "taskName": format!("task {whole}"), "startTime": "", "groupName": "All",
            "callback": base64(&receiver.url()), "customizeContacts": contacts,
        });
        let path = "/service/callcenter/call/predict/createtask";
        let (status, answer) = serving.post(&dialer, path, &fields);
        assert_eq!((status, &answer["code"]), (200, &json!(0)), "{answer}");
    }
}

/// What came of one workflow or task so far.
#[derive(Debug, Default)]
struct Seen {
    runs: bool,
    is_over: bool,
    parts: usize,
    ends: usize,
}

/// Checks the callbacks in the order in which they arrived.
fn check(receiver: &Receiver) {
    let mut wholes: BTreeMap<String, Seen> = BTreeMap::new();
    for request in receiver.requests() {
        let body = request.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if body.get("workflow_id").is_some() {
            let seen = wholes.entry(text(&body["workflow_id"])).or_default();
            assert!(!seen.is_over, "after the end: {body}");
            match body["status"].as_str() {
                Some("finished") => {
                    assert_eq!((seen.parts, seen.ends), (3 * MANY, MANY), "too early: {body}");
                    seen.is_over = true;
                }
                // Later ones say that a node's run has begun.
                Some("running") => {
                    assert!(seen.runs || seen.parts == 0, "too late: {body}");
                    seen.runs = true;
                }
                Some(_) => {}
                None => {
                    assert!(seen.runs, "before the instance runs: {body}");
                    seen.parts += 1;
                    seen.ends += usize::from(body.get("rows").is_some());
                }
            }
        } else {
            let inner = &body["body"];
            let seen = wholes.entry(text(&inner["taskId"])).or_default();
            assert!(!seen.is_over, "after the end: {body}");
            match (body["type"].as_str(), inner["state"].as_str()) {
                (Some("TaskStatus"), Some("Running")) => seen.runs = true,
                (Some("TaskStatus"), Some("Finished")) => {
                    assert_eq!(seen.ends, MANY, "too early: {body}");
                    seen.is_over = true;
                }
                (Some("TaskStatus"), _) => {}
                (_, state) => {
                    assert!(seen.runs, "before the task runs: {body}");
                    seen.ends += usize::from(body["type"] == "ContactStatus" && state == Some("HANGUP"));
                }
            }
        }
    }
    assert_eq!(wholes.len(), 2 * MANY);
    for (id, seen) in wholes {
        assert!(seen.is_over, "{id} did not end: {seen:?}");
    }
}

#[test]
fn sums_come_last_at_speed_1() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let serving = Serving::with(&settings(), &["--speed", "1", "--callback-url", &receiver.url()]);
    create(&serving, &receiver);
    // Real time goes on meanwhile, in which many callbacks are under way at once.
    serving.run_out();
    check(&receiver);
}

#[test]
fn sums_come_last_at_speed_60() {
    // Every so often an answer takes its time, so that others could overtake.
    let count = AtomicUsize::new(0);
    let receiver = Receiver::with(move |_| match count.fetch_add(1, Ordering::Relaxed) % 11 {
        0 => Answer::Trickle("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned()),
        _ => plain("200 OK", "{}"),
    });
    let serving = Serving::with(&settings(), &["--speed", "60", "--callback-url", &receiver.url()]);
    create(&serving, &receiver);
    serving.settle();
    check(&receiver);
}

#[test]
fn sums_come_last_at_speed_max() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let serving = Serving::with(&settings(), &["--speed", "max", "--callback-url", &receiver.url()]);
    create(&serving, &receiver);
    serving.settle();
    check(&receiver);
}

//! More of the control surface: what holds and what was relied on, who may ask, credentials that lead to a namespace, and
//! playing the people on the phone and the agents of the dialer.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::serving::{APP_KEY, APP_SECRET, JSON, Serving};
use crate::support::{Receiver, assert_code, base64, plain, post_signed_by, program, stderr, stdout};

fn ok() -> Receiver {
    Receiver::answering(vec![plain("200 OK", "{}")])
}

fn get(serving: &Serving, path: &str) -> Value {
    let (status, answer) = serving.control("GET", path, &Value::Null);
    assert_eq!(status, 200, "{answer}");
    answer
}

#[test]
fn what_holds_and_what_was_relied_on_is_shown() {
    let receiver = ok();
    let settings = "secret = \"my-s3cret\"\n[[accounts]]\napp_key = \"AIRudderMockKey0000001\"\napp_secret = \"AIRudderMockSecret0001\"\n\
                    [catalog.\"session.end\"]\nevent = \"over\"\n";
    let serving =
        Serving::with(settings, &["--speed", "0", "--seed", "7", "--callback-url", &receiver.url()]);
    let shown = get(&serving, "/_mock/settings");
    assert_eq!((&shown["seed"], &shown["speed"]), (&json!("7"), &json!("0")), "{shown}");
    assert_eq!(
        (&shown["written"]["secret"], &shown["callback_url"]),
        (&json!("***"), &json!(receiver.url()))
    );
    assert_eq!(
        (&shown["corrected"], &shown["accounts"][0]["app_key"]),
        (&json!(["session.end"]), &json!(APP_KEY))
    );
    assert!(!shown.to_string().contains("s3cret") && !shown.to_string().contains(APP_SECRET), "{shown}");

    assert_eq!(get(&serving, "/_mock/assumptions")["assumptions"], json!([]));
    serving.control("POST", "/_mock/emit", &json!({ "event": "inbound.call_completed" }));
    let used = &get(&serving, "/_mock/assumptions")["assumptions"][0];
    assert_eq!((&used["id"], &used["refused"]), (&json!("inbound.call_completed"), &json!(false)), "{used}");
    assert!(used["what"].as_str().unwrap().contains("`event`"), "{used}");

    let token = serving.token();
    let fields = json!({ "TaskName": "t", "RobotID": "Welcome call", "Nonsense": 1, "Details": [{ "Mobile": "+6281112340001" }] });
    assert_eq!(serving.post(&token, "/service/cloud/task", &fields).0, 200);
    let unread = &get(&serving, "/_mock/found?kind=unread_field")["found"];
    assert_eq!((unread.as_array().unwrap().len(), &unread[0]["what"]), (1, &json!("Nonsense")), "{unread}");
    assert_eq!(get(&serving, "/_mock/found?kind=opted_out")["found"], json!([]));

    // Whoever finds an old mock at a shared port sees it in any answer.
    for (path, body) in [("/_mock/state", ""), ("/service/cloud/auth", "{}"), ("/nowhere", "")] {
        let reply =
            serving.request(if body.is_empty() { "GET" } else { "POST" }, path, &[JSON], body.as_bytes());
        let server = reply.header("server").unwrap();
        let version = concat!("airudder-mock/", env!("CARGO_PKG_VERSION"), " (built 20");
        assert!(server.starts_with(version), "{path}: {server}");
    }
    assert!(get(&serving, "/_mock/ready")["built"].as_str().unwrap().ends_with('Z'));

    // A callback from another shell, sent by this mock.
    let args =
        ["emit", "session.transfer", "--into", &serving.url(), "--set", "channel=WhatsApp", "--count", "2"];
    let output = program().args(args).output().unwrap();
    assert_code(&output, 0);
    assert_eq!(stdout(&output).lines().count(), 2, "{}", stdout(&output));
    let wanted = json!({ "callback": "session.transfer", "times": 2, "where": { "channel": "WhatsApp" } });
    assert_eq!(serving.control("POST", "/_mock/wait", &wanted).0, 200);
    let output = program().args([&args[..6], &["--count", "1", "--retry"]].concat()).output().unwrap();
    assert_code(&output, 2);
    assert!(stderr(&output).contains("--into"), "{}", stderr(&output));
}

/// Why a receiver that demands signatures refuses notices: told once, and the page knows that there is none to look at.
#[test]
fn a_refused_callback_without_signature_is_explained() {
    let receiver = Receiver::answering(vec![plain("401 Unauthorized", "{}")]);
    let serving = Serving::with("", &["--speed", "max", "--callback-url", &receiver.url()]);
    for event in ["call.completed", "call.completed", "session.end"] {
        assert_eq!(serving.control("POST", "/_mock/emit", &json!({ "event": event })).0, 201);
    }
    serving.control("POST", "/_mock/settle", &json!({}));
    let journal = get(&serving, "/_mock/journal?limit=100");
    let entries = journal["entries"].as_array().unwrap();
    let notes: Vec<&str> = entries.iter().filter_map(|entry| entry["text"].as_str()).collect();
    let told: Vec<&&str> = notes.iter().filter(|note| note.contains("carries no signature")).collect();
    assert_eq!(told.len(), 1, "{notes:?}");
    assert!(told[0].starts_with("`call.completed` was answered with 401"), "{told:?}");
    let unsigned = |event: &str| {
        let is_it = |entry: &&Value| entry["kind"] == "queued" && entry["event"] == event;
        entries.iter().find(is_it).unwrap()["unsigned"] == true
    };
    assert!(unsigned("call.completed") && !unsigned("session.end"));
}

#[test]
fn a_token_keeps_the_control_surface_for_whoever_has_it() {
    let serving = Serving::with("", &["--control-token", "my t0ken"]);
    let status = |path: &str, headers: &[(&str, &str)]| serving.request("GET", path, headers, b"").status;
    let bearer = [("Authorization", "Bearer my t0ken")];
    for path in ["/_mock/state", "/_mock/", "/_mock/assets/main.js", "/_mock/nothing"] {
        assert_eq!(status(path, &[]), 401, "{path}");
    }
    assert_eq!(status("/_mock/ready", &[]), 200);
    assert_eq!(status("/_mock/state", &bearer), 200);
    let password = format!("Basic {}", base64("me:my t0ken"));
    assert_eq!(status("/_mock/", &[("Authorization", &password), ("Accept", "text/html")]), 200);
    let asked = serving.request("GET", "/_mock/", &[("Accept", "text/html")], b"");
    assert!(asked.header("www-authenticate").unwrap().starts_with("Basic "), "{}", asked.head);
    assert!(serving.token().starts_with("Token "), "the vendor's requests need none");
    let made = serving.request("POST", "/_mock/namespaces", &[bearer[0], JSON], b"{\"name\":\"a\"}");
    assert_eq!(made.status, 201);
    assert_eq!((status("/_ns/a/_mock/state", &[]), status("/_ns/a/_mock/state", &bearer)), (401, 200));
    let ctl = |token: Option<&str>| {
        let mut command = program();
        command.args(["ctl", "state", "--url", &serving.url()]).stdout(Stdio::null());
        token.map(|token| command.env("AIRUDDER_MOCK_CONTROL_TOKEN", token));
        command.output().unwrap()
    };
    assert_code(&ctl(Some("my t0ken")), 0);
    let refused = ctl(None);
    assert_code(&refused, 1);
    assert!(stderr(&refused).contains("--control-token"), "{}", stderr(&refused));

    let serving = Serving::with("", &["--no-control"]);
    let status = |path: &str| serving.request("GET", path, &[("Accept", "text/html")], b"").status;
    assert_eq!(["/_mock/", "/_mock/state", "/_mock/ready"].map(status), [404; 3]);
    assert!(serving.token().starts_with("Token "));
}

#[test]
fn credentials_lead_to_their_namespace_without_a_header() {
    let serving = Serving::new();
    let (status, made) =
        serving.control("POST", "/_mock/namespaces", &json!({ "name": "mine", "secret": "its secret" }));
    assert_eq!(status, 201, "{made}");
    let (app_key, app_secret) = (made["app_key"].as_str().unwrap(), made["app_secret"].as_str().unwrap());
    let fields = json!({ "APPKey": app_key, "APPSecret": app_secret });
    let (status, answer) = serving.post("", "/service/cloud/auth", &fields);
    assert_eq!(status, 200, "{answer}");
    let token = format!("Token {}", answer["data"]["token"].as_str().unwrap());
    assert_eq!(serving.get(&token, "/service/cloud/robot").0, 200);
    let form = format!("APPKey={app_key}&APPSecret={app_secret}");
    let urlencoded = [("Content-Type", "application/x-www-form-urlencoded")];
    let path = "/service/callcenter/call/predict/auth";
    assert_eq!(serving.request("POST", path, &urlencoded, form.as_bytes()).json()["code"], 0);
    let key = made["sign_key"].as_str().unwrap();
    let (status, answer) =
        post_signed_by(serving.address, "/api/v1/session/list", key, "its secret", &json!({ "size": 10 }));
    assert_eq!(status, 200, "{answer}");
    let requested = |base: &str| -> Vec<String> {
        let listed = get(&serving, &format!("{base}/_mock/journal?kind=called"));
        listed["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["path"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(requested("/_ns/mine").len(), 4, "{:?}", requested("/_ns/mine"));
    assert!(requested("").is_empty());
    // Credentials of the mock itself, and of nobody, are for the mock.
    serving.token();
    assert_eq!(serving.get("Token nonsense", "/service/cloud/robot").0, 401);
    assert_eq!((requested("").len(), requested("/_ns/mine").len()), (2, 4));
}

#[test]
fn a_call_that_rings_is_answered_by_whoever_plays_the_person() {
    let receiver = ok();
    let serving = Serving::with("", &["--speed", "0", "--callback-url", &receiver.url()]);
    let token = serving.token();
    // Numbers that ring for long, whatever the seed.
    let rows: Vec<Value> =
        (1..=3).map(|which| json!({ "Mobile": format!("+62811123{which}9004") })).collect();
    serving.task(&token, "played", &json!(rows));
    let calls = get(&serving, "/_mock/calls")["calls"].as_array().unwrap().clone();
    assert_eq!(
        (calls.len(), &calls[0]["state"], &calls[0]["name"]),
        (3, &json!("ringing"), &json!("played"))
    );
    let answer = |call: &Value, fields: Value| {
        let path = format!("/_mock/calls/{}", call["call"].as_str().unwrap());
        serving.control("POST", &path, &fields)
    };
    serving.skip("1s");
    assert_eq!(answer(&calls[0], json!({ "outcome": "talked", "intention": "C" })).0, 200);
    assert_eq!(answer(&calls[1], json!({ "outcome": "busy" })).0, 200);
    assert_eq!(get(&serving, "/_mock/calls?limit=1")["calls"].as_array().unwrap().len(), 1);
    let now = get(&serving, "/_mock/calls");
    let talking =
        now["calls"].as_array().unwrap().iter().find(|call| call["call"] == calls[0]["call"]).unwrap();
    assert_eq!(talking["state"], "talking", "{now}");
    let first = talking["said"].as_array().unwrap().clone();
    assert!(first.len() <= 1, "nothing more than a greeting was said at once: {now}");
    for (call, fields, status, says) in [
        (&calls[0], json!({ "outcome": "busy" }), 409, "no longer rings"),
        (&json!({ "call": "nobody" }), json!({ "outcome": "busy" }), 404, "there is no call `nobody`"),
        (&calls[2], json!({ "outcome": "bussy" }), 400, "did you mean `busy`?"),
        (&calls[2], json!({ "outcome": "busy", "intention": "A" }), 400, "intention must be a letter"),
        (&calls[2], json!({ "outcome": "talked", "intention": "Z" }), 400, "intention must be a letter"),
    ] {
        let (was, refused) = answer(call, fields);
        let message = refused["message"].as_str().unwrap();
        assert!(was == status && message.contains(says), "{was} {message}");
    }
    // What is said is there as it is said.
    let more = (0..30).find_map(|_| {
        serving.skip("1s");
        let now = get(&serving, "/_mock/calls");
        let talking =
            now["calls"].as_array().unwrap().iter().find(|call| call["call"] == calls[0]["call"])?.clone();
        let said = talking["said"].as_array().unwrap().clone();
        (said.len() > first.len()).then_some(said)
    });
    let said = more.expect("somebody says more while the call goes on");
    // A snapshot knows what was decided.
    assert_eq!(serving.control("POST", "/_mock/snapshots", &json!({ "name": "answered" })).0, 201);
    for _ in 0..2 {
        serving.skip("20m");
        let wanted = json!({ "callback": "call.completed", "where": { "CalleeNumber": calls[0]["number"] } });
        let (status, met) = serving.control("POST", "/_mock/wait", &wanted);
        assert_eq!(status, 200, "{met}");
        let body: Value = serde_json::from_str(met["entries"][0]["body"].as_str().unwrap()).unwrap();
        assert_eq!((&body["Intention"], &body["RingType"]), (&json!("C"), &json!("answered")), "{body}");
        assert_eq!(body["CallID"], calls[0]["call"]);
        let dialog = body["Dialog"].as_array().unwrap();
        assert!(dialog.len() > said.len() && dialog.starts_with(&said), "{body}\n{said:?}");
        serving.control("POST", "/_mock/snapshots/answered/restore", &json!({}));
    }
}

#[test]
fn an_agent_is_played() {
    let receiver = ok();
    let serving = Serving::with("", &["--speed", "0", "--callback-url", &receiver.url()]);
    let token = serving.dialer_token();
    let agent = |fields: Value| serving.control("POST", "/_mock/agents", &fields);
    assert_eq!(agent(json!({ "agent": "agent_01", "take": true })).0, 404);
    let contact = |last: u32| json!({ "PhoneNumber": format!("+62811123000{last}"), "name": "Budi", "mock_outcome": "talked" });
    let fields = json!({ "taskName": "evening", "startTime": "", "groupName": "Customer care", "callback": base64(&receiver.url()),
        "customizeContacts": [contact(1), contact(2)] });
    let path = "/service/callcenter/call/predict/createtask";
    assert_eq!(serving.post(&token, path, &fields).0, 200);
    let agents = || get(&serving, "/_mock/objects")["agents"].as_array().unwrap().clone();
    // Nobody is there but one, and comes back from a break when the first call has waited.
    serving.skip("1s");
    let names: Vec<String> =
        agents().iter().map(|agent| agent["name"].as_str().unwrap().to_owned()).collect();
    for name in &names[1..] {
        assert_eq!(agent(json!({ "agent": name, "break": true })).0, 200);
    }
    let mine = names[0].as_str();
    let doing = || agents()[0]["doing"].as_str().unwrap().to_owned();
    let until = |what: &str| {
        for _ in 0..600 {
            if doing() == what {
                return;
            }
            serving.skip("1s");
        }
        panic!("{mine} never is {what}: {:?}", agents());
    };
    let refused = |fields: Value, status: u16, says: &str| {
        let (was, answer) = agent(fields);
        let message = answer["message"].as_str().unwrap_or_default();
        assert!(was == status && message.contains(says), "{was} {answer}");
    };
    until("ringing");
    refused(json!({ "agent": mine, "hang_up": true }), 409, "has a call that rings");
    assert_eq!(agent(json!({ "agent": mine, "reject": true })).0, 200);
    let rejected = json!({ "callback": "dialer.agent_status", "where": { "body": { "State": "HANGUP", "hangupReason": 13 } } });
    assert_eq!(serving.control("POST", "/_mock/wait", &rejected).0, 200);
    until("ringing");
    assert_eq!(agent(json!({ "agent": mine, "take": true })).0, 200);
    assert_eq!(doing(), "talking");
    refused(json!({ "agent": mine, "take": true }), 409, "no call rings");
    assert_eq!(agent(json!({ "agent": mine, "hang_up": true })).0, 200);
    assert_eq!(doing(), "result");
    refused(json!({ "agent": mine, "save": "Promise" }), 400, "the results are Promise to pay");
    assert_eq!(agent(json!({ "agent": mine, "save": "call back later" })).0, 200);
    let saved = json!({ "callback": "dialer.agent_status", "where": { "body": { "State": "TALKRESULT", "displayTalkResult": "Call back later" } } });
    let (status, answer) = serving.control("POST", "/_mock/wait", &saved);
    assert_eq!(status, 200, "{answer}");
    refused(json!({ "agent": mine }), 400, "give exactly one action");
    refused(json!({ "agent": "agent_0", "take": true }), 404, "did you mean");
}

//! The control surface: seeing, waiting, steering, and mocks side by side.

use std::collections::BTreeSet;
use std::thread;

use serde_json::{Value, json};

use crate::serving::{JSON, Serving, is_there, request};
use crate::support::{
    DEFAULT_SECRET, Receiver, assert_code, independent_hmac, plain, program, run, run_with_input, stderr,
    stdout,
};

/// A receiver that is content.
fn ok() -> Receiver {
    Receiver::answering(vec![plain("200 OK", "{}")])
}

/// A message that the mock refuses with.
fn refused(reply: (u16, Value), status: u16) -> String {
    assert_eq!(reply.0, status, "{}", reply.1);
    reply.1["message"].as_str().unwrap().to_owned()
}

#[test]
fn the_journal_shows_both_directions_and_is_searched() {
    let receiver = ok();
    let serving = Serving::with("", &["--speed", "max", "--callback-url", &receiver.url()]);
    let token = serving.token();
    let task = serving.task(&token, "searched", &json!([{ "Mobile": "+6281110009001" }]));
    assert_eq!(serving.get("Token nonsense", "/service/cloud/robot").0, 401);
    serving.settle();
    let entries = |query: &str| {
        let (status, listing) = serving.control("GET", &format!("/_mock/journal?{query}"), &Value::Null);
        assert_eq!(status, 200, "{listing}");
        listing["entries"].as_array().unwrap().clone()
    };
    let all = entries("limit=1000");
    let seqs: Vec<u64> = all.iter().map(|entry| entry["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "numbers have no gaps");
    let of = |query: &str, key: &str| -> BTreeSet<String> {
        entries(query).iter().map(|entry| entry[key].as_str().unwrap_or("-").to_owned()).collect()
    };
    assert_eq!(of("endpoint=task.*", "call"), BTreeSet::from(["task.create".to_owned()]));
    assert_eq!(of("status=401", "call"), BTreeSet::from(["robot.list".to_owned()]));
    assert_eq!(of("kind=delivered&event=task.finished", "kind"), BTreeSet::from(["delivered".to_owned()]));
    assert!(of(&format!("task={task}&direction=out"), "event").contains("call.completed"));
    assert!(entries(&format!("task={}", &task[1..])).is_empty(), "an id is a whole one");
    assert!(!entries(&format!("text={}", &task[1..])).is_empty());
    assert_eq!(entries("limit=3").len(), 3);
    // The token is a secret here as in records.
    assert!(!all.iter().any(|entry| entry.to_string().contains(&token[6..])));
    for (query, says) in [
        ("knd=called", "there is no field `knd`, did you mean `kind`?"),
        ("kind=call", "`kind` cannot be `call`"),
        ("kind=waitin", "did you mean `waiting`?"),
        ("direction=inwards", "`direction` cannot be `inwards`"),
        ("limit=many", "limit is `many`, expected a whole number"),
    ] {
        let message = refused(serving.control("GET", &format!("/_mock/journal?{query}"), &Value::Null), 400);
        assert!(message.contains(says), "{query}: {message}");
    }
    assert_eq!(serving.control("DELETE", "/_mock/journal", &Value::Null).0, 200);
    let left = entries("limit=1000");
    assert!(left.iter().all(|entry| entry["seq"].as_u64() > seqs.last().copied()), "{left:?}");
}

#[test]
fn waiting_ends_as_soon_as_it_comes_and_says_why_it_did_not() {
    let receiver = ok();
    let serving = Serving::with("", &["--speed", "0", "--callback-url", &receiver.url()]);
    let wait = |fields: Value| serving.control("POST", "/_mock/wait", &fields);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| wait(json!({ "callback": "agent.transfer", "within": "60s" })));
        serving.control("POST", "/_mock/emit", &json!({ "event": "agent.transfer" }));
        let (status, answer) = waiting.join().unwrap();
        assert_eq!((status, &answer["met"]), (200, &json!(true)), "{answer}");
        assert_eq!(answer["entries"][0]["event"], "agent.transfer", "{answer}");
    });
    // The nearest miss, with what is different in it.
    let (status, answer) =
        wait(json!({ "callback": "agent.*", "where": { "user": { "id": "7" } }, "within": "0s" }));
    assert_eq!((status, &answer["met"]), (417, &json!(false)), "{answer}");
    assert!(answer["differences"][0].as_str().unwrap().starts_with("`user.id` is "), "{answer}");
    // A callback counts once, however many entries tell of it.
    serving.control("POST", "/_mock/emit", &json!({ "event": "agent.transfer" }));
    serving.control("POST", "/_mock/wait", &json!({ "callback": "agent.transfer", "times": 2 }));
    let (_, answer) = wait(json!({ "callback": "session.end", "within": "0s" }));
    let why = answer["why"].as_str().unwrap();
    assert!(
        why.contains("these arrived: agent.transfer (2 callbacks); the clock stands still at 20"),
        "{why}"
    );
    assert!(why.ends_with(": move it"), "nothing is left to settle: {why}");
    // A request that was refused is no request that was served, and the reason is told.
    serving.get("Token nonsense", "/service/cloud/robot");
    let (_, answer) = wait(json!({ "request": "robot.list", "within": "0s" }));
    assert!(answer["why"].as_str().unwrap().contains("it was refused with 401"), "{answer}");
    assert_eq!(wait(json!({ "request": "robot.list", "refused": true, "within": "0s" })).0, 200);
    // Fields of requests, whatever their encoding; and counts.
    let token = serving.token();
    serving.task(&token, "one", &json!([{ "Mobile": "+6281110009001" }]));
    let of_task = json!({ "request": "task.create", "where": { "TaskName": { "contains": "on" },
        "Details": { "count": 1 } }, "within": "0s" });
    assert_eq!(wait(of_task).0, 200);
    let (_, answer) = wait(json!({ "request": "task.create", "times": 2, "within": "0s" }));
    assert!(answer["why"].as_str().unwrap().starts_with("1 of 2 requests `task.create`"), "{answer}");
    let last = answer["last"].clone();
    assert_eq!(wait(json!({ "request": "task.create", "since": last, "within": "0s" })).0, 417);
    for (fields, says) in [
        (json!({}), "there is nothing to wait for"),
        (json!({ "callback": "task.finishd" }), "did you mean `task.finished`?"),
        (json!({ "request": "task.finished" }), "`task.finished` is a callback: write `callback`"),
        (json!({ "request": "session.*" }), "`session.*` is a callback: write `callback`"),
        (json!({ "callback": "task.create" }), "`task.create` is a request: write `request`"),
        (json!({ "callback": "nothing" }), "there is no event `nothing`"),
        (json!({ "request": "task.create", "state": "queued" }), "`state` applies to callbacks only"),
        (json!({ "callback": "task.finished", "wthin": "1s" }), "did you mean `within`?"),
        (json!({ "callback": "task.finished", "within": "soon" }), "within `soon` is not a duration"),
        (json!({ "callback": "agent.transfer", "where": { "a": { "matches": "(" } } }), "regular expression"),
    ] {
        let message = refused(wait(fields.clone()), 400);
        assert!(message.contains(says), "{fields}: {message}");
    }
}

#[test]
fn a_wait_for_a_callback_that_was_given_up_says_so() {
    let receiver = Receiver::answering(vec![plain("500 Internal Server Error", "{}")]);
    let once = "[delivery]\npreset = \"once\"\n";
    let serving = Serving::with(once, &["--speed", "max", "--callback-url", &receiver.url()]);
    serving.control("POST", "/_mock/emit", &json!({ "event": "agent.transfer" }));
    serving.settle();
    let wanted = json!({ "callback": "agent.transfer", "within": "0s" });
    let (status, answer) = serving.control("POST", "/_mock/wait", &wanted);
    assert_eq!(status, 417, "{answer}");
    assert!(answer.to_string().contains("it was given up after 1 attempt\""), "{answer}");
}

#[test]
fn settling_waits_for_all_or_says_what_is_open() {
    let receiver = Receiver::with(|request| match request.json()["event"].as_str() {
        Some("session.end") => plain("500 Internal Server Error", "no"),
        _ => plain("200 OK", "{}"),
    });
    let serving = Serving::with("", &["--speed", "0", "--callback-url", &receiver.url()]);
    let settle = |fields: Value| serving.control("POST", "/_mock/settle", &fields);
    let token = serving.token();
    let rows: Vec<_> = (1..=20).map(|end| json!({ "Mobile": format!("+62811100090{end:02}") })).collect();
    serving.task(&token, "settled", &json!(rows));
    // Somebody has to move a clock that stands still: no need to wait ten minutes in vain.
    let began = std::time::Instant::now();
    let (status, answer) = settle(json!({ "within": "10m" }));
    assert!(began.elapsed().as_secs() < 60, "{answer}");
    assert_eq!((status, &answer["settled"], &answer["busy"]), (417, &json!(false), &json!(true)), "{answer}");
    let next = answer["next"].as_str().unwrap();
    let still = format!("; next is due at {next}: move it, or settle with `advance`");
    let why = answer["why"].as_str().unwrap();
    assert!(why.starts_with("the clock stands still at ") && why.ends_with(&still), "{why}");
    let waited =
        serving.control("POST", "/_mock/wait", &json!({ "callback": "task.finished", "within": "0s" }));
    assert!(waited.1["why"].as_str().unwrap().ends_with(&still), "{waited:?}");
    let (status, answer) = settle(json!({ "advance": true }));
    assert_eq!((status, &answer["settled"]), (200, &json!(true)), "{answer}");
    assert_eq!(answer["callbacks"]["delivered"], answer["callbacks"]["queued"], "{answer}");
    // A callback that is owed another attempt is open, and named.
    serving.control("POST", "/_mock/emit", &json!({ "event": "session.end" }));
    serving.control("POST", "/_mock/wait", &json!({ "callback": "session.end", "state": "tried" }));
    let (status, answer) = settle(json!({}));
    assert_eq!((status, &answer["open"][0]["event"]), (417, &json!("session.end")), "{answer}");
    assert_eq!(settle(json!({ "advance": true })).1["callbacks"]["failed"], 1);
    // A running clock gets there.
    serving.control("POST", "/_mock/clock", &json!({ "speed": 1 }));
    serving.control("POST", "/_mock/emit", &json!({ "event": "session.end" }));
    let (status, answer) = settle(json!({ "within": "10ms" }));
    let why = answer["why"].as_str().unwrap();
    assert_eq!((status, why), (417, "not everything was over within 10ms"), "{answer}");
}

#[test]
fn callbacks_are_emitted_sent_again_and_edited() {
    let receiver = ok();
    let serving = Serving::with("", &["--callback-url", &receiver.url()]);
    let (status, first) = serving.control("POST", "/_mock/emit", &json!({ "event": "session.transfer" }));
    assert_eq!(status, 201, "{first}");
    let conversation = first["body"]["transfer"]["call_id"].clone();
    let more = json!({ "event": "message.receive", "conversation": conversation,
        "body": { "extra": 1 } });
    let (status, second) = serving.control("POST", "/_mock/emit", &more);
    assert_eq!((status, &second["body"]["extra"]), (201, &json!(1)), "{second}");
    assert_eq!(second["body"]["user"]["id"], first["body"]["user"]["id"], "it is the same person");
    let path = format!("/_mock/callbacks/{}/resend", first["callback"]);
    serving.settle();
    assert_eq!(serving.control("POST", &path, &json!({})).0, 201);
    serving.settle();
    let edited = json!({ "body": { "edited": "\u{e9}" } });
    assert_eq!(serving.control("POST", &path, &edited).0, 201);
    serving.settle();
    let requests = receiver.requests();
    let bodies: Vec<&[u8]> = requests.iter().map(|request| &*request.body).collect();
    assert_eq!(bodies.len(), 4);
    assert_eq!(bodies[2], bodies[0], "the same bytes");
    assert_eq!(bodies[3], "{\"edited\":\"\u{e9}\"}".as_bytes());
    for request in &requests {
        let wanted = independent_hmac(DEFAULT_SECRET, &request.body);
        assert_eq!(request.exact_header("X-AIRudder-Sign"), Some(&*wanted));
    }
    for (path, fields, status, says) in [
        ("/_mock/callbacks/99/resend", json!({}), 404, "callback 99 is not in the journal"),
        ("/_mock/emit", json!({ "event": "session.transfr" }), 400, "did you mean `session.transfer`?"),
        ("/_mock/emit", json!({ "event": "session.end", "conversation": "x" }), 404, "no conversation `x`"),
        ("/_mock/emit", json!({ "event": "session.end", "country": "Atlantis" }), 400, "country: "),
        ("/_mock/emit", json!({}), 400, "event"),
        ("/_mock/emit", json!({ "event": "chatbot.send_message" }), 400, "only callbacks are emitted"),
        (
            "/_mock/emit",
            json!({ "event": "session.end", "text": "hi" }),
            400,
            "there is no field `text`; the fields are `body`, `conversation`, `country` and `event`",
        ),
        ("/_mock/user", json!({ "conversation": "x", "says": "hi" }), 400, "no field `says`; the fields are"),
        ("/_mock/reset", json!({ "says": "hi" }), 400, "no field `says`; this request has no fields"),
        ("/_mock/emitt", json!({}), 404, "did you mean `/emit`?"),
    ] {
        let message = refused(serving.control("POST", path, &fields), status);
        assert!(message.contains(says), "{path} {fields}: {message}");
    }
    let typo = json!({ "event": "message.status", "body": { "status": "delivered", "timestamp": "now", "statu": 1 } });
    let (_, typo) = serving.control("POST", "/_mock/emit", &typo);
    let warnings = [
        "`status` of `message.status` is never `delivered`, did you mean `delivery`?",
        "`timestamp` of `message.status` is a number, not a text",
        "`message.status` has no field `statu`, did you mean `status`?",
    ];
    assert_eq!((&typo["warnings"], &first["warnings"]), (&json!(warnings), &Value::Null));
}

#[test]
fn the_clock_changes_its_speed_and_goes_to_a_moment() {
    let serving = Serving::with("", &["--speed", "0"]);
    let clock = |fields: Value| serving.control("POST", "/_mock/clock", &fields);
    let (_, at) = clock(json!({ "to": "2030-03-01T00:00:00Z" }));
    assert_eq!((&at["now"], &at["speed"]), (&json!("2030-03-01T00:00:00Z"), &json!("0")), "{at}");
    assert!(refused(clock(json!({ "to": "2030-02-01T00:00:00Z" })), 400).contains("time only moves forward"));
    assert_eq!(clock(json!({ "speed": "max" })).1["speed"], "max");
    assert_eq!(clock(json!({ "speed": "1000000" })).1["speed"], "1000000");
    assert!(refused(clock(json!({ "speed": "fast" })), 400).starts_with("speed: `fast`"));
    assert!(refused(clock(json!({ "speed": -1 })), 400).starts_with("speed: `-1`"));
    assert!(refused(clock(json!({ "speed": true })), 400).contains("a number such as 60"));
    assert_eq!(clock(json!({ "speed": 60 })).1["speed"], "60");
    assert_eq!(clock(json!({ "speed": "0", "by": "1d" })).1["speed"], "0");
    let shown = serving.control("GET", "/_mock/clock", &Value::Null).1;
    assert_eq!(shown, serving.control("GET", "/_mock/clock", &Value::Null).1, "it stands still");
}

#[test]
fn faults_come_and_go_while_it_runs() {
    let serving = Serving::new();
    let add = |fault: Value| serving.control("POST", "/_mock/faults", &json!({ "fault": fault }));
    let (status, added) = add(json!({ "call": "robot.list", "status": 503, "skip": 1 }));
    assert_eq!((status, &added["fault"]), (201, &json!(1)), "{added}");
    let token = serving.token();
    let statuses: Vec<u16> = (0..3).map(|_| serving.get(&token, "/service/cloud/robot").0).collect();
    assert_eq!(statuses, [200, 503, 503]);
    let (_, listing) = serving.control("GET", "/_mock/faults", &Value::Null);
    assert_eq!(
        listing["faults"],
        json!([{ "fault": 1, "call": "robot.list", "kind": "503", "line": "503 of robot.list, after 1", "matched": 3, "hit": 2, "spent": false }])
    );
    assert_eq!(serving.control("DELETE", "/_mock/faults/1", &Value::Null).0, 200);
    assert_eq!(serving.get(&token, "/service/cloud/robot").0, 200);
    assert!(
        refused(serving.control("DELETE", "/_mock/faults/1", &Value::Null), 404).contains("no added fault 1")
    );
    let message = refused(add(json!({ "call": "robot.list", "status": 503, "tims": 1 })), 400);
    assert!(message.contains("unknown key `tims`") && message.contains("did you mean `times`?"), "{message}");
    assert!(refused(add(json!({ "call": "robot.lst", "status": 503 })), 400).contains("robot.list"));
    assert!(refused(add(json!({ "call": "robot.list" })), 400).contains("this fault does nothing"));
}

#[test]
fn namespaces_share_nothing_but_the_address() {
    let receivers = [ok(), ok()];
    let serving = Serving::with("", &["--speed", "0"]);
    let make = |name: &str, receiver: &Receiver| {
        let fields = json!({ "name": name, "callback_url": receiver.url(), "seed": 7 });
        let (status, made) = serving.control("POST", "/_mock/namespaces", &fields);
        assert_eq!(status, 201, "{made}");
        made
    };
    let made = [make("a", &receivers[0]), make("b", &receivers[1])];
    // The forms of the vendor's credentials, of which no two are the same.
    for made in &made {
        for name in ["app_key", "app_secret"] {
            let key = made[name].as_str().unwrap();
            assert!(key.len() == 22 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{made}");
        }
        let sign_key = made["sign_key"].as_str().unwrap();
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        assert!(sign_key.len() == 32 && sign_key.bytes().all(is_hex), "{made}");
    }
    for name in ["app_key", "app_secret", "sign_key"] {
        assert_ne!(made[0][name], made[1][name]);
    }
    assert_ne!(made[0]["app_key"], made[0]["app_secret"]);
    let tasks: Vec<String> = made
        .iter()
        .map(|made| {
            let base = made["base_url"].as_str().unwrap().strip_prefix(&serving.url()).unwrap();
            let credentials = json!({ "APPKey": made["app_key"], "APPSecret": made["app_secret"] });
            let (status, answer) = serving.post("", &format!("{base}/service/cloud/auth"), &credentials);
            assert_eq!(status, 200, "{answer}");
            let token = format!("Token {}", answer["data"]["token"].as_str().unwrap());
            // Wherever no namespace is named the token leads to its own; the other one does not know it.
            let other = if made["name"] == "a" { "b" } else { "a" };
            assert_eq!(serving.get(&token, &format!("/_ns/{other}/service/cloud/robot")).0, 401);
            assert_eq!(serving.get(&token, "/service/cloud/robot").0, 200);
            let fields = json!({ "TaskName": "t", "RobotID": "Welcome call", "Details": [{ "Mobile": "+6281110009001" }] });
            let (status, answer) = serving.post(&token, &format!("{base}/service/cloud/task"), &fields);
            assert_eq!(status, 200, "{answer}");
            // The same by the header.
            let reply = serving.request(
                "POST",
                "/_mock/settle",
                &[JSON, ("X-Mock-Namespace", made["name"].as_str().unwrap())],
                br#"{"advance": true}"#,
            );
            assert_eq!(reply.status, 200, "{}", reply.text());
            let emit = json!({ "event": "session.end" });
            assert_eq!(serving.control("POST", &format!("{base}/_mock/emit"), &emit).0, 201);
            let wait = json!({ "callback": "session.end" });
            assert_eq!(serving.control("POST", &format!("{base}/_mock/wait"), &wait).0, 200);
            answer["data"]["TaskID"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_ne!(tasks[0], tasks[1], "ids of the same seed under two names");
    let mut signed = 0;
    for (index, receiver) in receivers.iter().enumerate() {
        let requests = receiver.requests();
        assert!(!requests.is_empty());
        for request in requests {
            let body = String::from_utf8(request.body.clone()).unwrap();
            assert!(!body.contains(&tasks[1 - index]), "{body}");
            let wanted = independent_hmac(made[index]["secret"].as_str().unwrap(), body.as_bytes());
            let sign = request.exact_header("X-AIRudder-Sign");
            assert!(sign.is_none_or(|sign| sign == wanted), "signed with its own secret");
            signed += usize::from(sign.is_some());
        }
    }
    assert!(signed >= 2, "{signed}");
    // The mock itself has seen nothing of it, and its time has not moved.
    let state = serving.state();
    assert_eq!((&state["callbacks"]["queued"], &state["now"]), (&json!(0), &json!("2030-01-01T00:00:00Z")));
    let names = |listing: Value| -> Vec<Value> {
        listing["namespaces"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect()
    };
    assert_eq!(names(serving.control("GET", "/_mock/namespaces", &Value::Null).1), ["a", "b"]);
    let make = |fields: Value| serving.control("POST", "/_mock/namespaces", &fields);
    assert!(refused(make(json!({ "name": "a" })), 409).contains("there is a namespace `a` already"));
    assert!(refused(make(json!({ "name": "a/b" })), 400).starts_with("name "));
    assert!(refused(make(json!({ "callback_url": "http://example.com/" })), 400).contains("example.com"));
    // The refused ones are not counted: names and ids of those after them do not depend on them.
    let name = |fields: Value| make(fields).1["name"].clone();
    assert_eq!([name(json!({})), name(json!({ "name": "ns-5" })), name(json!({}))], ["ns-3", "ns-5", "ns-6"]);
    for name in ["ns-3", "ns-5", "ns-6"] {
        assert_eq!(serving.control("DELETE", &format!("/_mock/namespaces/{name}"), &Value::Null).0, 200);
    }
    // Back to the beginning: the same credentials, and nothing else is left.
    let (status, again) = serving.control("POST", "/_mock/namespaces/b/reset", &json!({}));
    assert_eq!((status, &again), (200, &made[1]));
    let state = serving.control("GET", "/_ns/b/_mock/state", &Value::Null).1;
    assert_eq!(
        (&state["callbacks"]["queued"], &state["journal"]["entries"]),
        (&json!(0), &json!(1)),
        "{state}"
    );
    let metrics = serving.request("GET", "/_mock/metrics", &[], b"").text();
    assert!(metrics.contains("\nairudder_mock_namespaces 2\n"), "{metrics}");
    // What a namespace leaves is told at the end like everything else.
    serving.control(
        "POST",
        "/_mock/namespaces",
        &json!({ "name": "left", "callback_url": receivers[0].url() }),
    );
    let chat = serving.control("POST", "/_ns/left/_mock/chats", &json!({ "write": "hello" })).1;
    let number = chat["number"].as_str().unwrap();
    assert!(!number[number.len() - 4..].starts_with('9'), "{number} is no magic number");
    assert_eq!(serving.control("DELETE", "/_mock/namespaces/a", &Value::Null).0, 200);
    let gone = serving.control("GET", "/_ns/a/_mock/state", &Value::Null);
    assert!(refused(gone, 404).contains("there is no namespace `a`"));
    assert!(
        refused(serving.control("POST", "/_ns/b/_mock/namespaces", &json!({})), 404)
            .contains("no namespaces of its own")
    );
    let (_, record) = serving.end();
    let is_left = |line: &Value| {
        line["text"].as_str().is_some_and(|text| text.starts_with("left: namespace left: notice"))
    };
    assert!(record.iter().any(is_left), "{record:?}");
}

/// The memory that a mock uses, in kB.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn in_use(serving: &Serving) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", serving.process())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn the_memory_of_what_a_restored_mock_gave_up_goes_back_to_the_system() {
    let receiver = ok();
    let serving = Serving::with("", &["--speed", "0", "--callback-url", &receiver.url()]);
    let work = |count: usize| {
        for _ in 0..count {
            let emit = json!({ "event": "session.transfer", "body": { "remark": "x".repeat(5_000) } });
            assert_eq!(serving.control("POST", "/_mock/emit", &emit).0, 201);
        }
    };
    work(20);
    assert_eq!(serving.control("POST", "/_mock/snapshots", &json!({ "name": "early" })).0, 201);
    let before = in_use(&serving);
    work(1_000);
    let most = in_use(&serving);
    assert!(most > before + 4_000, "{before} to {most} kB");
    assert_eq!(serving.control("POST", "/_mock/snapshots/early/restore", &json!({})).0, 200);
    crate::serving::eventually("the memory is returned", || {
        (in_use(&serving) < before + (most - before) / 3).then_some(())
    });
}

#[test]
fn settle_moves_no_clock_while_a_callback_is_under_way() {
    let slow = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_owned();
    let receiver = Receiver::answering(vec![crate::support::Answer::Trickle(slow)]);
    let serving = Serving::with("", &["--speed", "0", "--callback-url", &receiver.url()]);
    let emit = json!({ "event": "session.transfer" });
    assert_eq!(serving.control("POST", "/_mock/emit", &emit).0, 201);
    let (status, settled) = serving.control("POST", "/_mock/settle", &json!({ "advance": true }));
    assert_eq!(status, 200, "{settled}");
    // The conversation would end for silence a day later; nothing has to wait for that.
    let (callbacks, now) = (&settled["callbacks"], &settled["now"]);
    assert_eq!((&callbacks["delivered"], &callbacks["queued"]), (&json!(1), &json!(1)), "{settled}");
    assert!(now.as_str().unwrap().starts_with("2030-01-01"), "{settled}");
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn the_memory_of_removed_namespaces_goes_back_to_the_system() {
    let receiver = ok();
    let serving = Serving::new();
    let in_use = || in_use(&serving);
    let names: Vec<String> = (0..60).map(|number| format!("test-{number}")).collect();
    let work = |name: &String| {
        let fields = json!({ "name": name, "callback_url": receiver.url() });
        assert_eq!(serving.control("POST", "/_mock/namespaces", &fields).0, 201);
        for _ in 0..20 {
            let emit = json!({ "event": "session.transfer", "body": { "remark": "x".repeat(5_000) } });
            let (status, answer) = serving.control("POST", &format!("/_ns/{name}/_mock/emit"), &emit);
            assert_eq!(status, 201, "{answer}");
        }
    };
    // What the first one brings into memory stays: tables of the program, texts.
    work(&"first".to_owned());
    let before = in_use();
    names.iter().for_each(work);
    let most = in_use();
    assert!(most > before + 4_000, "{before} to {most} kB");
    for name in &names {
        assert_eq!(serving.control("DELETE", &format!("/_mock/namespaces/{name}"), &Value::Null).0, 200);
    }
    crate::serving::eventually("the memory is returned", || {
        (in_use() < before + (most - before) / 3).then_some(())
    });
}

#[test]
fn the_journal_comes_as_it_happens_until_the_mock_ends() {
    let serving = Serving::new();
    let mut wire = serving.wire();
    wire.send(&request("GET", "/_mock/journal/stream?kind=called", &[], b""));
    serving.token();
    assert_eq!(serving.get("Token nonsense", "/service/cloud/robot").0, 401);
    let mut counted = serving.wire();
    counted.send(&request("GET", "/_mock/journal/events?kind=called&limit=2", &[], b""));
    let reply = counted.reply();
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    assert_eq!(reply.text().matches("\ndata: {\"seq\":").count(), 2, "{}", reply.text());
    assert_eq!(serving.control("POST", "/_mock/namespaces", &json!({ "name": "a" })).0, 201);
    let mut of_namespace = serving.wire();
    of_namespace.send(&request("GET", "/_ns/a/_mock/journal/stream", &[], b""));
    of_namespace.head();
    let (_, record) = serving.end();
    // It is told the end, too, and not cut off.
    let rest = of_namespace.rest().unwrap();
    assert!(rest.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&rest));
    let reply = wire.reply();
    let lines: Vec<Value> = reply.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), record.iter().filter(|line| line["kind"] == "called").count());
}

#[test]
fn the_stream_says_when_numbers_begin_to_mean_something_else() {
    let receiver = ok();
    let serving = Serving::with("", &["--speed", "0", "--callback-url", &receiver.url()]);
    let control = |method: &str, path: &str, fields: &Value| {
        let (status, answer) = serving.control(method, path, fields);
        assert!((200..300).contains(&status), "{path}: {answer}");
        answer
    };
    let mut wire = serving.wire();
    wire.send(&request("GET", "/_mock/journal/events?kind=queued", &[], b""));
    // After each change its id comes first, and then a callback that has the same number as the one before.
    let mut ids: Vec<Value> = Vec::new();
    let mut next = |is_new: bool| {
        let id = control("GET", "/_mock/state", &Value::Null)["journal"]["id"].clone();
        assert!(!ids.contains(&id), "{id} of {ids:?}");
        let said = wire.until("data: {\"id\"");
        assert!(said.ends_with(&format!("event: journal\ndata: {}\n", json!({ "id": id }))), "{said}");
        ids.push(id);
        if is_new {
            let sent = control("POST", "/_mock/emit", &json!({ "event": "session.end" }));
            assert_eq!(sent["callback"], 1);
            assert!(wire.until("\"kind\"").contains("\"kind\":\"queued\",\"callback\":1,"));
        }
    };
    next(true);
    control("POST", "/_mock/reset", &json!({}));
    control("POST", "/_mock/snapshots", &json!({ "name": "one" }));
    next(true);
    control("POST", "/_mock/snapshots/one/restore", &json!({}));
    next(true);
    control("DELETE", "/_mock/journal", &Value::Null);
    next(false);
}

#[test]
fn every_callback_is_in_one_state_of_the_metrics() {
    let receiver = ok();
    let serving = Serving::with("", &["--callback-url", &receiver.url(), "--fault", "drop of session.end"]);
    for event in ["session.end", "session.transfer"] {
        assert_eq!(serving.control("POST", "/_mock/emit", &json!({ "event": event })).0, 201);
    }
    serving.settle();
    let metrics = serving.request("GET", "/_mock/metrics", &[], b"").text();
    let figure = |line: &str| line.rsplit_once(' ').and_then(|(_, figure)| figure.parse::<u64>().ok());
    let sum = |start: &str| -> u64 {
        metrics.lines().filter(|line| line.starts_with(start)).filter_map(figure).sum()
    };
    assert_eq!(sum("airudder_mock_callbacks{state=\"dropped\"}"), 1, "{metrics}");
    let (states, total) = (sum("airudder_mock_callbacks{"), sum("airudder_mock_callbacks_total"));
    assert_eq!((states, total), (2, 2), "{metrics}");
}

#[test]
fn an_event_that_is_not_there_is_told_in_a_sentence() {
    let serving = Serving::new();
    for (path, fields) in
        [("emit", json!({ "event": "no.such.thing" })), ("wait", json!({ "callback": "no.such.thing" }))]
    {
        let message = refused(serving.control("POST", &format!("/_mock/{path}"), &fields), 400);
        assert_eq!(message, "there is no event `no.such.thing`; GET /_mock/catalog lists all");
    }
}

#[test]
fn a_refused_emit_changes_nothing() {
    let serving = Serving::with("", &["--seed", "7"]);
    for event in ["session.end", "call.completed"] {
        let message = refused(serving.control("POST", "/_mock/emit", &json!({ "event": event })), 409);
        assert!(message.contains("--callback-url"), "{message}");
    }
    assert_eq!(serving.control("GET", "/_mock/chats", &Value::Null).1["total"], 0);
    // The next person is the same as in a mock that refused nothing.
    let begin = |serving: &Serving| serving.control("POST", "/_mock/chats", &json!({})).1;
    assert_eq!(begin(&serving), begin(&Serving::with("", &["--seed", "7"])));
}

/// The person of a call has no chat, in which nothing would be written for a day.
#[test]
fn an_emitted_callback_of_a_call_begins_no_chat() {
    let receiver = ok();
    let serving = Serving::with("", &["--speed", "0", "--callback-url", &receiver.url()]);
    assert_eq!(serving.control("POST", "/_mock/emit", &json!({ "event": "call.completed" })).0, 201);
    assert_eq!(serving.control("GET", "/_mock/chats", &Value::Null).1["total"], 0);
    serving.skip("48h");
    let events: Vec<Value> =
        receiver.requests().iter().map(|request| request.json()["type"].clone()).collect();
    assert_eq!(events.len(), 1, "{events:?}");
}

#[test]
fn wait_looks_into_tables() {
    let receiver = ok();
    let serving = Serving::with("", &["--callback-url", &receiver.url()]);
    let body = json!({ "user": { "id": "5" } });
    serving.control("POST", "/_mock/emit", &json!({ "event": "session.transfer", "body": body }));
    let wait = |path: &str, value: &str| {
        let wanted = json!({ "callback": "session.transfer", "where": { path: value }, "within": "200ms" });
        serving.control("POST", "/_mock/wait", &wanted)
    };
    assert_eq!(serving.control("POST", "/_mock/wait", &json!({ "callback": "session.transfer" })).0, 200);
    assert_eq!(wait("user.id", "5").0, 200);
    let (status, answer) = wait("user.id", "6");
    assert_eq!(status, 417);
    assert!(answer["differences"][0].as_str().unwrap().starts_with("`user.id` is "), "{answer}");
    let (_, answer) = wait("user.idd", "6");
    assert!(answer["differences"][0].as_str().unwrap().starts_with("`user.idd` is missing"), "{answer}");
}

#[test]
fn ctl_does_it_from_a_shell() {
    let receiver = ok();
    let serving = Serving::with("", &["--callback-url", &receiver.url()]);
    let url = serving.url();
    let ctl = |args: &[&str]| run(&[&["ctl", "--url", &url], args].concat());
    let emitted = ctl(&["emit", "event=session.transfer", "body.channel=WhatsApp"]);
    assert_code(&emitted, 0);
    assert!(stdout(&emitted).contains("\"event\": \"session.transfer\""), "{}", stdout(&emitted));
    assert_code(&ctl(&["wait", "callback=session.transfer", "where.channel=WhatsApp"]), 0);
    // Digits are a text where the vendor's field or the operation's is one.
    let sent: Value = serde_json::from_str(&stdout(&emitted)).unwrap();
    let user = format!("where.user.id={}", sent["body"]["user"]["id"].as_str().unwrap());
    assert_code(&ctl(&["wait", "callback=session.transfer", &user, "within=0s"]), 0);
    assert_code(&ctl(&["snapshot", "name=1"]), 0);
    // A state is taken elsewhere by way of standard output and input.
    let state = ctl(&["export", "snapshot=1"]);
    assert_code(&state, 0);
    let imported = run_with_input(&["ctl", "--url", &url, "import"], &state.stdout);
    assert_code(&imported, 0);
    assert!(stdout(&ctl(&["journal", "limit=1"])).contains("set to an imported state"));
    assert!(stdout(&ctl(&["chats"])).contains("\"total\": 1"));
    // What follows needs a callback in the journal, which has begun anew.
    assert_code(&ctl(&["emit", "event=session.transfer"]), 0);
    for (args, says) in [
        (&["wait", "--help"][..], "\n  callback: text\n"),
        (&["help", "wait"], "\n  callback: text\n"),
        (&["import", "-h"], "Usage: airudder-mock ctl import < FILE"),
        (&["help"], "\nUsage: airudder-mock ctl [OPTIONS] [OPERATION] [FIELD=VALUE]..."),
    ] {
        let output = ctl(args);
        assert_code(&output, 0);
        assert!(stdout(&output).contains(says), "{args:?}: {}", stdout(&output));
    }
    let missed = ctl(&["wait", "callback=session.end", "within=0s"]);
    assert_code(&missed, 1);
    assert!(stdout(&missed).contains("no matching callback `session.end`"), "{}", stdout(&missed));
    assert_code(&ctl(&["resend", "callback=2"]), 0);
    assert_code(&ctl(&["move", "by=25h"]), 0);
    let streamed = ctl(&["stream", "kind=queued", "limit=1"]);
    assert_code(&streamed, 0);
    assert_eq!(stdout(&streamed).lines().count(), 1);
    let listing = stdout(&ctl(&[]));
    assert!(listing.contains("\nwait ") && listing.contains("\nadd-namespace "), "{listing}");
    for (args, code, says) in [
        (&["wiat"][..], 2, "did you mean `wait`?"),
        (&["resend"], 2, "`resend` needs `callback=CALLBACK`"),
        (&["wait", "session.end"], 2, "`airudder-mock ctl wait --help` lists the fields"),
        (&["import", "file=state.json"], 2, "airudder-mock ctl import < state.json"),
        (&["import"], 2, "airudder-mock ctl import < state.json"),
        (&["help", "wiat"], 2, "did you mean `wait`?"),
        (&["wait", "callback=session.endd"], 2, "did you mean `session.end`?"),
        (&["resend", "callback=99"], 1, "404: callback 99 is not in the journal"),
    ] {
        let output = ctl(args);
        assert_code(&output, code);
        assert!(stderr(&output).contains(says), "{args:?}: {}", stderr(&output));
    }
    let elsewhere = run(&["ctl", "--url", "ftp://x", "state"]);
    assert_code(&elsewhere, 2);
    assert!(stderr(&elsewhere).contains("the URL of a mock begins with http://"), "{}", stderr(&elsewhere));
    drop(serving);
    let nobody = ctl(&["state"]);
    assert_code(&nobody, 3);
    assert!(stderr(&nobody).contains("start one with `airudder-mock serve`"), "{}", stderr(&nobody));
}

#[test]
fn exec_gives_a_command_a_mock_and_ends_as_it_does() {
    let receiver = ok();
    let folder = tempfile::tempdir().unwrap();
    let exec = |receive_on: &str, script: &str| {
        program()
            .current_dir(folder.path())
            .args(["exec", "--receive-on", receive_on, "--", "sh", "-c", script])
            .output()
            .unwrap()
    };
    let port = receiver.address.port().to_string();
    let program = env!("CARGO_BIN_EXE_airudder-mock");
    let good = exec(
        &port,
        &format!(
            "test \"$PORT\" = {port} && {program} ctl emit event=session.end && {program} ctl wait callback=session.end"
        ),
    );
    assert_code(&good, 0);
    assert_eq!(receiver.requests().len(), 1);
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing is left of a good run");
    let bad = exec(&port, &format!("{program} ctl emit event=session.end >&2; exit 7"));
    assert_code(&bad, 7);
    assert!(stderr(&bad).contains("the journal is in airudder-mock-exec.ndjson"), "{}", stderr(&bad));
    let left = std::fs::read_to_string(folder.path().join("airudder-mock-exec.ndjson")).unwrap();
    assert!(left.contains("\"kind\":\"queued\""), "{left}");
    let missing = exec(&port, "kill -9 $$");
    assert_code(&missing, 137);
    assert!(
        stderr(&missing).contains("the mock received no requests and sent no callbacks"),
        "{}",
        stderr(&missing)
    );
}

#[test]
#[cfg(unix)]
fn exec_passes_requests_to_end_on_to_its_command() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    for (signal, code) in [("TERM", 5), ("HUP", 6)] {
        let folder = tempfile::tempdir().unwrap();
        let script = format!(
            "sleep 60 & trap \"kill $!; exit {code}\" {signal}; airudder-mock ctl state >/dev/null; echo up; wait"
        );
        let mut child = program()
            .current_dir(folder.path())
            .args(["exec", "--", "sh", "-c", &script])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "up\n");
        let id = child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success());
        // The output is open until both have ended.
        assert_eq!(out.read_line(&mut line).unwrap(), 0);
        let ended = child.wait_with_output().unwrap();
        assert_code(&ended, code);
        assert!(stderr(&ended).contains("for the same ids again: --seed "), "{}", stderr(&ended));
    }
}

/// What runs under `exec` finds the token where `ctl` and the fixtures look for it; without it, it is turned away.
#[test]
fn exec_tells_its_command_the_token_of_the_control_surface() {
    let folder = tempfile::tempdir().unwrap();
    let exec = |flags: &[&str], script: &str| {
        let mut command = program();
        command.current_dir(folder.path()).arg("exec").args(flags).args(["--", "sh", "-c", script]);
        command.output().unwrap()
    };
    let token = ["--control-token", "my t0ken"];
    assert_code(&exec(&token, "airudder-mock ctl state"), 0);
    let emit = "airudder-mock emit session.end --into $AIRUDDER_MOCK_URL";
    let token = [&token[..], &["--callback-url", "http://127.0.0.1:9/hook"]].concat();
    assert_code(&exec(&token, emit), 0);
    for refused in ["airudder-mock ctl state", emit] {
        let refused = exec(&token, &format!("unset AIRUDDER_MOCK_CONTROL_TOKEN; {refused}"));
        assert_code(&refused, 1);
        assert!(stderr(&refused).contains("--control-token"), "{}", stderr(&refused));
    }
    let vendor = "curl -sf $AIRUDDER_MOCK_URL/service/cloud/auth -d APPKey=$AIRUDDER_MOCK_APP_KEY -d APPSecret=$AIRUDDER_MOCK_APP_SECRET";
    if is_there("curl") {
        assert_code(&exec(&["--no-control"], vendor), 0);
    }
    let none = exec(&["--no-control"], "airudder-mock ctl state");
    assert!(!none.status.success(), "{}", stderr(&none));
}

#[test]
fn the_end_user_is_played_from_outside() {
    let receiver = ok();
    let serving = Serving::with("", &["--speed", "0", "--callback-url", &receiver.url()]);
    let post = |path: &str, fields: Value| serving.control("POST", path, &fields);
    let (status, begun) = post("/_mock/chats", json!({ "name": "Dinda", "write": "hello" }));
    assert_eq!(status, 201, "{begun}");
    let conversation = begun["conversation"].clone();
    let number = begun["number"].as_str().unwrap().trim_start_matches('+').to_owned();
    let says = |what: &str| {
        json!({ "callback": "message.receive", "where": { "user": { "id": number, "name": "Dinda" },
        "messages": { "contains": { "content": { "text": what } } } } })
    };
    let (status, answer) = post("/_mock/wait", says("hello"));
    assert_eq!(status, 200, "{answer}");
    let act = |mut fields: Value| {
        fields["conversation"] = conversation.clone();
        post("/_mock/user", fields)
    };
    assert_eq!(act(json!({ "send": "image" })).0, 200);
    assert_eq!(act(json!({ "ask_for_agent": true })).0, 200);
    // The bot is quick, but not as quick as that: its answer is due a little later.
    serving.skip("1m");
    let transfer =
        json!({ "callback": "session.transfer", "where": { "transfer": { "call_id": conversation } } });
    let (status, answer) = post("/_mock/wait", transfer);
    assert_eq!(status, 200, "{answer}");
    for (fields, status, says) in [
        (json!({ "press": "Yes" }), 400, "no template message of this conversation has a button"),
        (json!({ "write": "a", "opt_out": true }), 400, "give exactly one action of the person"),
        (json!({}), 400, "give exactly one action of the person"),
        (json!({ "write": "a", "name": "b" }), 400, "`url` and `name` describe a file"),
        (json!({ "send": "picture" }), 400, "send is `picture`"),
    ] {
        let message = refused(act(fields.clone()), status);
        assert!(message.contains(says), "{fields}: {message}");
    }
    let nobody = post("/_mock/user", json!({ "conversation": "x", "write": "a" }));
    assert!(refused(nobody, 404).contains("no conversation"), "a conversation that is not there");
    for (fields, says) in
        [(json!({ "number": "12" }), "number is `12`"), (json!({ "channel_id": "1" }), "no channel `1`")]
    {
        assert!(refused(post("/_mock/chats", fields), 400).contains(says));
    }
}

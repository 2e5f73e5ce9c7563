//! Workflows through the real program, over real sockets.

use std::fs;

use serde_json::{Value, json};

use crate::serving::{JSON, Serving, eventually};
use crate::support::{
    Receiver, Request, assert_code, free_address, independent_hmac, plain, post, run, run_story, stdout,
};

const SECRET: &str = "of the workflow test";

const SETTINGS: &str = r#"
secret = "of the workflow test"

[workflow]
quiet = "1ms"

[[workflow_templates]]
id = 7
name = "Call, message, push"
nodes = [
    { id = "call", name = "First call", kind = "voice", robot = "Information check", line = "main", repeat_number = 2, repeat_interval = "5m", next = "reached" },
    { id = "reached", kind = "branch", cases = [{ when = ["talked"], next = "push" }, { when = ["invalid_number"], next = "end" }], next = "message" },
    { id = "message", kind = "whatsapp", template = "sorry_we_missed_you", reply_within = "30m", next = "push" },
    { id = "push", kind = "api", next = "end" },
    { id = "end", kind = "end" },
]
"#;

/// Which notice a body is: none of them names its event.
fn event(request: &Request) -> &'static str {
    let body = request.json();
    let has = |name: &str| body.get(name).is_some();
    match () {
        () if has("messages") => "session_ended",
        () if has("msg_id") => "waba_status",
        () if has("CallID") => "call_completed",
        () if has("callee") => "api_push",
        () if has("rows") => "contact_completed",
        () if has("actions") => "status_changed",
        () => panic!("{body}"),
    }
}

#[test]
fn a_workflow_over_real_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.toml");
    fs::write(&settings, SETTINGS).unwrap();
    let settings = settings.to_str().unwrap();
    let output = run(&["check", settings]);
    assert_code(&output, 0);
    assert!(stdout(&output).contains("settings, 0 corrections, 1 workflow template"), "{}", stdout(&output));

    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let serving = Serving::with(SETTINGS, &["--speed", "max", "--callback-url", &receiver.url()]);
    let token = serving.token();
    let post =
        |name: &str, fields: Value| serving.post(&token, &format!("/service/cloud/workflow/{name}"), &fields);
    let ask = |query: &str| asked_of(&serving, &token, query);

    let templates = ask("templatelist");
    assert_eq!(templates["list"][0]["workflow_template_id"], 7);
    let row = |number: u32, variables: Value| json!({ "callee": format!("+62811123450{number:02}"), "case_id": format!("case {number}"), "variables": variables });
    let (status, answer) = post(
        "createinstance",
        json!({ "workflow_template_id": 7, "name": "over sockets", "end_time": "2199-01-01 00:00:00+08:00" }),
    );
    let envelope = (answer["code"].as_i64(), answer["message"].as_str());
    assert_eq!((status, envelope), (200, (Some(200), Some("success"))));
    let workflow = answer["data"]["workflow_id"].as_str().unwrap().to_owned();
    // As long as it has no rows nothing is under way, and time does not jump.
    let (status, answer) = post(
        "uploaddetails",
        json!({
            "workflow_id": workflow,
            "details": [
                row(1, json!({ "mock_outcome": "talked", "callee_name": "Budi" })),
                row(2, json!({ "mock_outcome": "no_answer", "mock_whatsapp": "replied", "amount": "1500" })),
                row(3, json!({ "mock_outcome": "invalid_number" })),
                row(4, json!({ "mock_outcome": "busy", "mock_whatsapp": "failed" })),
                row(5, json!({ "mock_outcome": "switched_off", "mock_whatsapp": "read" })),
                { "callee": "no number" },
            ],
        }),
    );
    assert_eq!((status, &answer["code"]), (200, &json!(200)), "{answer}");
    assert_eq!(answer["data"]["detail_error_list"].as_array().map(Vec::len), Some(1));

    // Time jumps from event to event until nothing is under way.
    serving.settle();
    let sent = receiver.requests();
    let of = |name: &str| -> Vec<&Request> { sent.iter().filter(|one| event(one) == name).collect() };
    let counts =
        ["status_changed", "call_completed", "waba_status", "session_ended", "api_push", "contact_completed"]
            .map(|name| of(name).len());
    // Created, running with the calls, the messages, the pushes, finished.
    assert_eq!(counts, [5, 5, 3 + 2 + 3, 1, 4, 5]);
    // Only the end of a session is signed, over the very bytes; the push is known not to be.
    for request in &sent {
        let sign = request.exact_header("X-AIRudder-Sign");
        match event(request) {
            "session_ended" => {
                assert_eq!(sign, Some(independent_hmac(SECRET, &request.body).as_str()));
            }
            _ => assert_eq!(sign, None),
        }
    }
    let statuses: Vec<Value> = of("status_changed").iter().map(|one| one.json()["status"].clone()).collect();
    assert_eq!(statuses, ["created", "running", "running", "running", "finished"]);

    // The receiver asks whether a push was real.
    let push = of("api_push")[0].json();
    let mut asked = json!({
        "workflow_id": workflow, "node_id": push["node_id"], "callee": push["callee"]["callee_number"],
        "case_id": push["callee"]["case_id"],
    });
    assert_eq!(post("apinoticeinfo", asked.clone()).1["data"], json!({ "valid": true, "push": push }));
    asked["callee"] = "+6281112345003".into();
    asked["case_id"] = "case 3".into();
    assert_eq!(post("apinoticeinfo", asked).1["data"], json!({ "valid": false }));

    // A recording behind the link that the notice and the queries name alike.
    let facts = ask(&format!("callinfo?workflow_id={workflow}&case_id=case+1"));
    let notice = of("call_completed").iter().map(|one| one.json()).find(|one| one["case_id"] == "case 1");
    let notice = notice.unwrap();
    assert_eq!(facts["list"][0]["RecordLink"], notice["RecordLink"]);
    assert!(notice["CheckResults"].is_array(), "{notice}");
    let link = notice["RecordLink"].as_str().unwrap().strip_prefix(&serving.url()).unwrap();
    let wav = serving.request("GET", link, &[], b"");
    assert_eq!((wav.status, &wav.body[..4]), (200, &b"RIFF"[..]));

    // The chat of the one who replied is the chatbot's, under the ids of the notice.
    let notice = of("session_ended")[0].json();
    let (_, sessions) = serving.post(&token, "/api/v1/session/list", &json!({}));
    let sessions = &sessions["data"];
    assert_eq!((&sessions["total"], &sessions["list"][0]["call_id"]), (&json!(1), &notice["call_id"]));
    assert_eq!(sessions["list"][0]["status"], "closed");
    let (_, said) =
        serving.post(&token, "/api/v1/session/messages", &json!({ "call_id": notice["call_id"] }));
    let ids = |list: &Value| -> Vec<Value> {
        list.as_array().unwrap().iter().map(|message| message["msg_id"].clone()).collect()
    };
    let (mut listed, noticed) = (ids(&said["data"]), ids(&notice["messages"]));
    listed.reverse();
    let sent = of("waba_status").iter().any(|one| one.json()["msg_id"] == listed[0]);
    assert!(sent && listed[1..] == noticed, "{listed:?} {noticed:?}");
    let list = ask("instancelist");
    assert_eq!((&list["list"][0]["status"], &list["list"][0]["finished"]), (&json!("finished"), &json!(5)));
    let tasks = ask(&format!("wabatasklist?workflow_id={workflow}"));
    assert_eq!((&tasks["list"][0]["total"], &tasks["list"][0]["replied"]), (&json!(3), &json!(1)));
    serving.end();
}

/// What a query of the workflow API says.
fn asked_of(serving: &Serving, token: &str, query: &str) -> Value {
    let (status, answer) = serving.get(token, &format!("/service/cloud/workflow/{query}"));
    assert_eq!((status, &answer["code"]), (200, &json!(200)), "{query}: {answer}");
    answer["data"].clone()
}

/// Agents call for a node of a workflow: the notices and queries of the dialer and of the workflow are of one task.
#[test]
fn agents_call_for_a_workflow() {
    let settings = r#"
        [workflow]
        quiet = "1ms"

        [dialer]
        groups = [{ name = "Evening", agents = ["sari", "budi"] }]

        [[workflow_templates]]
        id = 8
        name = "Agents, then a push"
        nodes = [
            { id = "agents", name = "Agents call", kind = "dialer", group = "Evening", next = "reached" },
            { id = "reached", kind = "branch", cases = [{ when = ["no_agent"], next = "end" }], next = "push" },
            { id = "push", kind = "api", next = "end" },
            { id = "end", kind = "end" },
        ]
    "#;
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let serving = Serving::with(settings, &["--speed", "max", "--callback-url", &receiver.url()]);
    let (token, agents) = (serving.token(), serving.dialer_token());
    let row = |number: u32, mock_outcome: &str| {
        let variables = json!({ "callee_name": "Budi", "amount": "1500", "mock_outcome": mock_outcome });
        json!({ "callee": format!("+62811123451{number:02}"), "case_id": format!("case {number}"), "variables": variables })
    };
    let (_, made) = serving.post(
        &token,
        "/service/cloud/workflow/createinstance",
        &json!({
            "workflow_template_id": 8, "name": "evening", "end_time": "2199-01-01 00:00:00+08:00",
            "details": [row(1, "talked"), row(2, "agent_rejects"), row(3, "busy")],
        }),
    );
    let workflow = made["data"]["workflow_id"].as_str().unwrap();
    serving.settle();

    let bodies: Vec<Value> = receiver.requests().iter().map(Request::json).collect();
    let notices = |kind: &str| -> Vec<&Value> {
        bodies.iter().filter(|body| body["type"] == kind).map(|body| &body["body"]).collect()
    };
    let subtask =
        asked_of(&serving, &token, &format!("nodetasklist?workflow_id={workflow}"))["list"][0].clone();
    let id = &subtask["task_id"];
    let states: Vec<&Value> = notices("TaskStatus").iter().map(|body| &body["state"]).collect();
    assert_eq!(states, ["Not Started", "Running", "Finished"]);
    assert!(notices("TaskStatus").iter().all(|body| body["taskId"] == *id));
    let ended: Vec<&Value> =
        notices("ContactStatus").into_iter().filter(|body| body["state"] == "HANGUP").collect();
    assert_eq!((ended.len(), &subtask["total"]), (3, &json!(3)));
    assert!(notices("AgentStatus").iter().any(|body| body["State"] == "TALKRESULT"));

    let prefix = "/service/callcenter/call/predict";
    let dialer = |path: &str, fields: Value| serving.post(&agents, &format!("{prefix}{path}"), &fields).1;
    let list = dialer("/querytasklist", json!({ "state": "Finished", "limit": 10 }));
    assert_eq!(
        (&list["body"]["list"][0]["taskId"], &list["body"]["list"][0]["name"]),
        (id, &json!("evening - Agents call"))
    );
    let detail = dialer("/querytaskdetail", json!({ "taskId": id, "needCustomerInfo": "Y" }));
    assert_eq!(detail["body"]["total"], 3);
    for call in detail["body"]["list"].as_array().unwrap() {
        let sent = ended.iter().find(|body| body["callid"] == call["callid"]).unwrap();
        assert_eq!(sent["hangupReason"], call["hangupReason"]);
        assert_eq!(sent["customerInfo"], call["customerInfo"]);
        let recording = dialer("/case/recording", json!({ "callid": call["callid"] }));
        let wanted = if call["hangupReason"] == 12 { &call["reclink"] } else { &Value::Null };
        assert_eq!(recording["body"]["link"], *wanted);
    }
    let refused = dialer("/canceltaskcontacts", json!({ "TaskID": id, "contactList": ["+6281112345101"] }));
    assert_eq!(refused["code"], 10704);

    // The flow goes on by what came of the calls.
    let pushed = bodies.iter().filter(|body| body.get("callee").is_some());
    let mut pushed: Vec<&str> = pushed.map(|body| body["callee"]["case_id"].as_str().unwrap()).collect();
    pushed.sort_unstable();
    assert_eq!(pushed, ["case 1", "case 3"]);
    let completed = bodies.iter().filter(|body| body.get("rows").is_some());
    assert!(completed.clone().all(|body| body["rows"][0]["task_id"] == *id) && completed.count() == 3);
    serving.end();
}

/// Where time jumps, five minutes are over at once, and so is everything of a row; whoever uploads in several requests
/// does so in real time.
#[test]
fn jumping_time_ends_nothing_while_somebody_uploads() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let settings = "[workflow]\nauto_finish = 1\nquiet = '1h'\n";
    let serving = Serving::with(settings, &["--speed", "max", "--callback-url", &receiver.url()]);
    let token = serving.token();
    let details = |number: u32| json!([{ "callee": format!("+62811123450{number:02}"), "variables": { "mock_outcome": "busy" } }]);
    let post = |name: &str, fields: Value| {
        let (status, answer) = serving.post(&token, &format!("/service/cloud/workflow/{name}"), &fields);
        assert_eq!(status, 200, "{answer}");
        answer["data"].clone()
    };
    let made = post(
        "createinstance",
        json!({
            "workflow_template_id": 1003, "name": "in parts", "end_time": "2199-01-01 00:00:00+08:00",
            "details": details(1),
        }),
    );
    let workflow = &made["workflow_id"];
    let finished = |rows: u32| {
        eventually("the rows are finished", || {
            let list = asked_of(&serving, &token, "instancelist");
            let instance = &list["list"][0];
            assert_eq!((&instance["status"], &instance["auto_finish"]), (&json!("running"), &json!(1)));
            (instance["finished"] == rows).then_some(())
        });
    };
    finished(1);
    for number in 2..4 {
        post("uploaddetails", json!({ "workflow_id": workflow, "details": details(number) }));
        finished(number);
    }
    // Whoever moves the clock by hand wants it so.
    serving.request("POST", "/_mock/clock", &[JSON], br#"{"by": "2h"}"#);
    assert_eq!(asked_of(&serving, &token, "instancelist")["list"][0]["status"], "finished");
    serving.end();
}

#[test]
fn a_story_awaits_the_rows_of_a_workflow() {
    let folder = tempfile::tempdir().unwrap();
    let story = folder.path().join("story.toml");
    fs::write(
        &story,
        "[[steps]]\nsend = 'session.transfer'\n\
         [[steps]]\nawait = 'workflow.create'\nwhere = { workflow_template_id = 1003 }\nsave = 'made'\n\
         [[steps]]\nawait = 'workflow.contact_completed'\nwhere = { case_id = '{{ made.body.details[0].case_id }}' }\nwithin = '2d'\n",
    )
    .unwrap();
    let settings = folder.path().join("settings.toml");
    fs::write(&settings, "[access]\ntoken = 'off'\n[workflow]\nquiet = '1ms'\n").unwrap();
    let mock = free_address();
    let receiver = Receiver::with(move |request| {
        if request.json()["event"] == "session.transfer" {
            let fields = json!({
                "workflow_template_id": 1003, "name": "of a story", "end_time": "2199-01-01 00:00:00+08:00",
                "auto_finish": 1,
                "details": [{ "callee": "+6281112349001", "case_id": "one", "variables": {} }],
            });
            let (status, answer) = post(mock, "/service/cloud/workflow/createinstance", &fields);
            assert_eq!((status, answer["data"]["workflow_id"].as_str().map(str::len)), (200, Some(32)));
        }
        plain("200 OK", "{}")
    });
    let output = run_story(&story, &settings, &receiver.url(), mock, "max");
    assert_code(&output, 0);
    assert!(stdout(&output).contains("1 passed, 0 failed"), "{}", stdout(&output));
    assert_eq!(receiver.requests().len(), 1 + 7);
}

/// The words and numbers of WhatsApp do in workflows what they do in the chatbot.
#[test]
fn people_press_buttons_send_pictures_ask_for_a_person_and_opt_out() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let settings = "[access]\nchatbot_signature = 'off'\n";
    let serving = Serving::with(settings, &["--speed", "0", "--callback-url", &receiver.url()]);
    let token = serving.token();
    let row = |end: u32| json!({ "callee": format!("+6281112340{end}") });
    let fields = json!({
        "workflow_template_id": 1002, "name": "offers", "end_time": "2199-01-01 00:00:00+08:00",
        "details": [row(9_065), row(9_066), row(9_067), row(9_069)],
    });
    let (status, answer) = serving.post(&token, "/service/cloud/workflow/createinstance", &fields);
    assert_eq!(status, 200, "{answer}");
    serving.skip("3h");
    let bodies: Vec<Value> = receiver.requests().iter().map(|request| request.json()).collect();
    let chat = |end: u32| {
        let of_row =
            |body: &&Value| body["callee"] == format!("+6281112340{end}") && body["messages"].is_array();
        bodies.iter().find(of_row).unwrap_or_else(|| panic!("no chat of {end}"))
    };
    let first = |end: u32| &chat(end)["messages"][1]["content"];
    assert_eq!(first(9_065)["type"], "button");
    assert_eq!(first(9_067)["type"], "image");
    let picture = first(9_067)["media"]["origin_url"].as_str().unwrap();
    let picture = serving.request("GET", picture.strip_prefix(&serving.url()).unwrap(), &[], b"").body;
    assert_eq!(&picture[1..4], b"PNG");
    let asks = |end: u32| bodies.iter().any(|body| body["transfer"]["call_id"] == chat(end)["call_id"]);
    assert!(asks(9_066) && !asks(9_069));
    assert_eq!(
        (&chat(9_066)["session_end_reason"], &chat(9_066)["intention"]),
        (&json!("timeout"), &json!("E"))
    );
    assert_eq!(chat(9_069)["intention"], "H", "an opt-out is not an A");
    // It is remembered, by whatever way the next message comes.
    let message = json!({ "template_name": "parcel_update", "channel_id": chat(9_069)["channel_id"], "to": "+62811123409069" });
    assert_eq!(serving.post("", "/api/v1/template/send_single", &message).0, 200);
    serving.skip("1m");
    let bodies = receiver.requests();
    let result = bodies.iter().map(|request| request.json()).find(|body| body["event"] == "template.result");
    assert_eq!(result.unwrap()["error"]["code"], 1002);
    serving.end();
}

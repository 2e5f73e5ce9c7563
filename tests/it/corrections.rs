//! Fields, words and whole bodies that the user corrects by the vendor's own document.

use std::fs;

use serde_json::{Value, json};

use crate::serving::{APP_KEY, APP_SECRET, Serving};
use crate::support::{Receiver, assert_code, plain, program, run, stderr};

fn serving(settings: &str, receiver: &Receiver) -> Serving {
    let settings = format!("{settings}\n[access]\nchatbot_signature = 'off'\n");
    Serving::with(&settings, &["--speed", "0", "--callback-url", &receiver.url()])
}

/// The bodies of an event's callbacks, found by a field that they alone have.
fn bodies(receiver: &Receiver, field: &str) -> Vec<Value> {
    let all = receiver.requests().into_iter().map(|request| request.json());
    all.filter(|body| body.get(field).is_some()).collect()
}

/// The example of docs/corrections.md: an invented handbook of plans and of the answer to a transfer.
#[test]
fn a_handbook_of_the_vendor_is_followed() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/corrections/handbook.toml");
    let serving = serving(&fs::read_to_string(path).unwrap(), &receiver);
    let token = serving.token();

    // The names that were assumed mean nothing any more, and messages speak of the handbook's.
    let old = json!({ "PlanName": "p", "StrategyID": "s", "Details": [] });
    let (status, answer) = serving.post(&token, "/service/cloud/plan/create", &old);
    assert_eq!(status, 400);
    assert!(answer["message"].as_str().unwrap().starts_with("plan_title is missing"), "{answer}");
    assert_eq!(serving.post(&token, "/service/cloud/plan", &old).0, 404, "the path has moved");

    let contacts = json!([{ "phone": "+6281110009001" }, { "phone": "12" }]);
    let plan = json!({ "plan_title": "p", "strategy": "Busy lines again", "contacts": contacts });
    let (status, answer) = serving.post(&token, "/service/cloud/plan/create", &plan);
    assert_eq!(status, 200, "{answer}");
    let refused = answer["data"]["detail_error_list"][0]["reason"].as_str().unwrap();
    assert!(refused.starts_with("phone is"), "{refused}");
    let id = answer["data"]["plan_id"].as_str().unwrap().to_owned();
    let state = || {
        let (status, answer) = serving.get(&token, &format!("/service/cloud/plan/status?plan_id={id}"));
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["data"]["plan_id"], id.as_str());
        answer["data"]["state"].clone()
    };
    assert_eq!(state(), 1);
    serving.skip("2h");
    assert_eq!(state(), 3);
    // The callback has the same field, whose name there was assumed as well.
    let finished = bodies(&receiver, "TaskIDs");
    assert_eq!((finished.len(), &finished[0]["plan_id"]), (1, &json!(id)));
    assert!(finished[0].get("PlanID").is_none());

    let to = json!([{ "number": "+6281112349066" }]);
    let (status, answer) = serving.post("", "/api/v1/template/send", &json!({ "template_id": 35, "to": to }));
    assert_eq!(status, 200, "{answer}");
    serving.skip("1h");
    let transfer = bodies(&receiver, "transfer").pop().expect("the user asks for a person");
    let call_id = &transfer["transfer"]["call_id"];
    let result = |fields: Value| serving.post("", "/api/v1/session/transfer_result", &fields);
    let (status, refused) = result(json!({ "call_id": call_id, "outcome": "maybe" }));
    assert_eq!(status, 400);
    let message = refused["message"].as_str().unwrap();
    assert!(
        message.contains("outcome") && message.contains("`yes`") && message.contains("`no`"),
        "{message}"
    );
    // A name by guess is not the handbook's, although the mock once knew it.
    let accepted =
        result(json!({ "call_id": call_id, "outcome": "yes", "agent_id": "sari", "seat_id": "budi" }));
    assert_eq!(accepted, (200, json!({ "ok": true, "agent": "sari" })), "the whole body is the handbook's");
    let found = serving.state()["found"].to_string();
    assert!(
        found.contains("`seat_id (now agent_id)` of `chatbot.agent_transfer_result` is not used by the mock"),
        "{found}"
    );
    // The state behind it is the usual one: the user talks to the agent now.
    let text =
        json!({ "call_id": call_id, "seat_id": "sari", "messages": [{ "type": "text", "text": "halo" }] });
    assert_eq!(serving.post("", "/api/v1/message/send", &text).0, 200);
    serving.end();
}

#[test]
fn a_corrected_word_takes_the_place_of_the_mocks_own() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let settings = "[catalog.'task.stop']\nwords = { Action = { Stop = 'halt' } }\n\
        [catalog.'chatbot.agent_transfer_result']\nwords = { result = { accepted = 1, refused = 2 } }\n";
    let serving = serving(settings, &receiver);
    let token = serving.token();
    let task = serving.task(&token, "t", &json!([{ "Mobile": "+6281110009001" }]));
    let stop = |word: Value| {
        let (status, answer) =
            serving.post(&token, "/service/cloud/operation", &json!({ "TaskID": task, "Action": word }));
        (status, answer["message"].as_str().unwrap_or_default().to_owned())
    };
    let (status, message) = stop(json!("Stop"));
    assert_eq!(status, 400);
    assert_eq!(message, "Action is `Stop (now halt)`, expected `halt` or `Pause` or `Resume`");
    assert_eq!(stop(json!("halt")).0, 200);

    // Words that became numbers.
    let result = |body: &str, kind: &str| {
        let reply = serving.request(
            "POST",
            "/api/v1/session/transfer_result",
            &[("Content-Type", kind)],
            body.as_bytes(),
        );
        reply.json()["message"].as_str().unwrap().to_owned()
    };
    let sent =
        |word: Value| result(&json!({ "call_id": "c", "result": word }).to_string(), "application/json");
    assert_eq!(sent(json!("1")), "result is the text `1`, expected 1 or 2");
    assert_eq!(sent(json!(3)), "result is 3, expected 1 or 2");
    assert_eq!(sent(json!("accepted")), "result is `accepted (now the number 1)`, expected 1 or 2");
    let read = "there is no conversation";
    assert!(sent(json!(1)).starts_with(read), "{}", sent(json!(1)));
    // A form has texts only.
    let form = result("call_id=c&result=2", "application/x-www-form-urlencoded");
    assert!(form.starts_with(read), "{form}");
    serving.end();
}

#[test]
fn a_field_that_callbacks_and_queries_share_changes_in_both() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let settings = "[catalog.'call.completed']\nfields = { TalkDuration = 'talk_seconds' }\n";
    let serving = serving(settings, &receiver);
    let token = serving.token();
    let rows: Vec<Value> = (0..600).map(|n| json!({ "Mobile": format!("+628{n:03}9011") })).collect();
    let task = serving.task(&token, "t", &json!(rows));
    serving.skip("12h");
    let (status, answer) = serving.get(&token, &format!("/service/cloud/detail?TaskID={task}"));
    assert_eq!(status, 200);
    // So many rows are written while they are sent.
    let rows = answer["data"]["detail"].as_array().unwrap();
    assert_eq!(rows.len(), 600);
    assert!(
        rows.iter().all(|row| row["talk_seconds"].as_u64() > Some(5) && row.get("TalkDuration").is_none())
    );
    let calls = bodies(&receiver, "CalleeNumber");
    assert_eq!(calls.len(), 600);
    assert!(calls.iter().all(|call| call["talk_seconds"].as_u64() > Some(5)), "{}", calls[0]);
    assert!(rows.iter().all(|row| row["RingType"] == "answered"), "what a client was seen to read stays");
    serving.end();
}

#[test]
fn an_endpoint_of_ones_own_takes_the_vendors_place_and_asks_it() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let manual = include_str!("../../docs/own-endpoints.md");
    let example = manual.split("```toml\n").find(|part| part.contains("own.plan")).unwrap();
    let serving = serving(example.split("```").next().unwrap(), &receiver);
    let token = serving.token();
    let create = |fields: Value| serving.post(&token, "/service/cloud/plan", &fields);
    let (status, answer) = create(json!({ "title": "July", "phones": ["+6281110009001"] }));
    assert_eq!((status, &answer["all"]), (200, &json!(1)), "{answer}");
    let id = answer["created"].as_str().unwrap();
    serving.skip("2h");
    let (_, answer) = serving.get(&token, &format!("/service/cloud/plan/status?PlanID={id}"));
    assert_eq!(answer["data"]["Status"], "finished", "{answer}");
    assert_eq!(bodies(&receiver, "TaskIDs")[0]["PlanName"], "July");
    // What the vendor refuses is refused, and the endpoint's own state stays.
    let (status, answer) = create(json!({ "title": "July", "phones": ["+6281110009001"] }));
    assert_eq!(status, 409, "{answer}");
    let (_, answer) = create(json!({ "title": "August", "phones": ["+6281110009001"] }));
    assert_eq!(answer["all"], 2);
    serving.end();
}

#[test]
fn codes_of_refusals_are_the_users() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let settings = "[codes]\ncloud = { 404 = 40400, 401 = 10001 }\n'task.*' = { 404 = 40410 }\nworkflow = { 400 = 71 }\n";
    let serving = serving(settings, &receiver);
    let token = serving.token();
    let get = |path: &str| {
        let (status, answer) = serving.get(&token, path);
        (status, answer["code"].as_i64().unwrap())
    };
    // The HTTP status stays, since clients go by it.
    assert_eq!(get("/service/cloud/detail?TaskID=none"), (404, 40410));
    assert_eq!(get("/service/cloud/plan/status?PlanID=none"), (404, 40400));
    assert_eq!(get("/service/cloud/nothing"), (404, 40400));
    assert_eq!(get("/service/cloud/workflow/nodetasklist"), (400, 71));
    assert_eq!(serving.get("Token wrong", "/service/cloud/list").1["code"], 10001);
    serving.end();
}

/// The items of a list that is the whole response are corrected as well, here the messages of a conversation.
#[test]
fn fields_of_a_list_that_is_the_whole_response_are_renamed() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let settings = "[catalog.'chatbot.messages']\nresponse = { '[].msg_id' = 'message_id' }\n\
        words = { '[].sender_type' = { user = 'customer' } }\n";
    let serving = serving(settings, &receiver);
    let user = json!({ "id": "u1", "name": "Ana" });
    let messages = json!([{ "type": "text", "text": "hi" }]);
    let pushed = json!({ "channel": "HuaWei", "channel_id": "77", "user": user, "messages": messages });
    let (status, answer) = serving.post("", "/api/v1/channel/huawei/message", &pushed);
    assert_eq!(status, 200, "{answer}");
    let call_id = answer["data"]["call_id"].as_str().unwrap().to_owned();
    let (status, answer) = serving.post("", "/api/v1/session/messages", &json!({ "call_id": call_id }));
    assert_eq!(status, 200, "{answer}");
    let first = &answer["data"][0];
    assert!(first["message_id"].is_string() && first.get("msg_id").is_none(), "{answer}");
    assert_eq!(first["sender_type"], "customer", "{answer}");
    serving.end();
}

/// An endpoint that was moved stays where it was moved to, although one of the user's own takes its old place.
#[test]
fn an_own_endpoint_at_the_old_or_the_corrected_path_of_the_one_it_asks() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let own = |path: &str| {
        format!(
            "[catalog.'plan.create']\npath = '/service/cloud/plan/create'\n[[endpoints]]\nid = 'own.plan'\n\
             path = '{path}'\nask = [{{ call = 'plan.create', as = 'plan', fields = {{ PlanName = 'own', \
             StrategyID = 'Busy lines again', Details = [{{ Mobile = '+6281110009001', LoanAmount = 1, \
             LoanDate = '2026-01-15' }}] }} }}]\nanswer = {{ body = {{ own = '{{{{ plan.PlanID }}}}' }} }}\n"
        )
    };
    let plan = json!({ "PlanName": "p", "StrategyID": "Busy lines again", "Details": [{ "Mobile": "+6281110009001" }] });
    let at_old = serving(&own("/service/cloud/plan"), &receiver);
    let token = at_old.token();
    assert!(at_old.post(&token, "/service/cloud/plan", &json!({})).1["own"].is_string());
    let (status, answer) = at_old.post(&token, "/service/cloud/plan/create", &plan);
    assert_eq!((status, answer["data"]["PlanID"].is_string()), (200, true), "{answer}");
    at_old.end();
    let at_new = serving(&own("/service/cloud/plan/create"), &receiver);
    let token = at_new.token();
    assert!(at_new.post(&token, "/service/cloud/plan/create", &json!({})).1["own"].is_string());
    assert_eq!(at_new.post(&token, "/service/cloud/plan", &plan).0, 404);
    at_new.end();
}

#[test]
fn secrets_under_corrected_names_stay_out_of_the_record_and_the_journal() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let settings = "[catalog.'auth.token']\nrequest = { APPKey = 'client_id', APPSecret = 'client_secret' }\n\
        response = { token = 'access_key' }\n";
    let serving = serving(settings, &receiver);
    let asked = json!({ "client_id": APP_KEY, "client_secret": APP_SECRET });
    let (status, answer) = serving.post("", "/service/cloud/auth", &asked);
    let token =
        answer["data"]["access_key"].as_str().unwrap_or_else(|| panic!("{status} {answer}")).to_owned();
    let form = format!("client_id={APP_KEY}&client_secret={APP_SECRET}");
    let encoded = ("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(serving.request("POST", "/service/cloud/auth", &[encoded], form.as_bytes()).status, 200);
    let journal = serving.request("GET", "/_mock/journal", &[], b"").text();
    let (_, record) = serving.end();
    let record: String = record.iter().map(ToString::to_string).collect();
    for text in [journal, record] {
        assert!(text.contains("client_secret") && text.contains("access_key"), "{text}");
        assert!(!text.contains(APP_SECRET) && !text.contains(&token), "{text}");
    }
}

/// The start page and every 401 name the path at which a token is fetched.
#[test]
fn a_corrected_path_of_the_token_is_named_where_it_is_needed() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let settings = "[catalog.'auth.token']\npath = '/oauth/token'\n";
    let serving = serving(settings, &receiver);
    let (status, answer) = serving.get("", "/service/cloud/list");
    assert_eq!(status, 401);
    assert!(answer["message"].as_str().unwrap().ends_with("with the token of POST /oauth/token"), "{answer}");
    let document = serving.get("", "/_mock/vendor/openapi.json").1;
    assert!(document["paths"]["/oauth/token"]["post"].is_object());
    let token = &document["components"]["securitySchemes"]["token"]["description"];
    assert!(token.as_str().unwrap().contains("POST /oauth/token"), "{token}");
    serving.end();
}

/// The sample integrator of `run` speaks the names of the settings.
#[test]
fn stories_pass_under_corrected_names() {
    let folder = tempfile::tempdir().unwrap();
    let more = folder.path().join("more.toml");
    fs::write(
        &more,
        "[catalog.'session.transfer']\nfields = { 'transfer.call_id' = 'conv', event = 'kind' }\n\
         [catalog.'chatbot.channel_message']\nrequest = { channel_id = 'chan' }\n\
         [catalog.'chatbot.send_template']\nrequest = { template_id = 'tpl' }\n\
         [catalog.'auth.token']\nrequest = { APPSecret = 'secret_key' }\nresponse = { token = 'jwt' }\n\
         [catalog.'workflow.create']\nrequest = { name = 'title', 'details[].callee' = 'phone' }\n",
    )
    .unwrap();
    let handbook = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/corrections/handbook.toml");
    let more = more.to_str().unwrap();
    for (config, story) in [
        (handbook, "agent-transfer"),
        (handbook, "agent-transfer-refused"),
        (more, "first-transfer"),
        (more, "own-channel"),
        (more, "template-campaign"),
        (more, "your-workflow"),
    ] {
        let arguments = ["run", "--config", config, story, "--speed", "max", "--listen", "127.0.0.1:0"];
        assert_code(&run(&arguments), 0);
    }
}

/// `check` says what would prevent a start, at its place.
#[test]
fn check_refuses_what_serve_cannot_start_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("airudder-mock.toml");
    for (settings, wanted) in [
        ("callback_url = 'http://other.example/hook'", "allow = [\"other.example\"]"),
        ("secret = 'zz'\n[signature]\nsecret_form = 'hex'", "airudder-mock.toml:1:10"),
        ("[signature]\npreset = 'standard-webhooks'", "no `secret` is set"),
        ("[target]\nca = 'nope.pem'", "airudder-mock.toml:2:6"),
        ("[target]\nclient_key = 'key.pem'", "`client_cert` under [target]"),
        ("[signature]\nheader = 'Content-Type'", "has its own content in every request"),
        ("[catalog.'session.end']\nheaders = { 'Content-Length' = '1' }", "written by the mock itself"),
        ("[catalog.'plan.create']\npath = '/_mock/plan'", "`/_mock/` is the mock's own"),
        ("[[endpoints]]\nid = 'x.y'\npath = '/download/{a}/{b}/{c}'", "links to recordings look like this"),
        (
            "[catalog.'task.stop']\nwords = { Action = { Stop = 'Pause' } }",
            "would mean both `Pause` and `Stop`",
        ),
        ("[catalog.'task.stop']\nwords = { Action = { Stop = 'x', Pause = 'x' } }", "by \"x\""),
    ] {
        fs::write(&path, settings).unwrap();
        let output = program()
            .args(["check", path.to_str().unwrap()])
            .env_remove("AIRUDDER_MOCK_SECRET")
            .output()
            .unwrap();
        assert_code(&output, 2);
        let said = stderr(&output);
        assert!(said.contains(wanted) && said.contains("airudder-mock.toml:"), "{settings}\n{said}");
    }
    // What the vendor answers may well have fewer words.
    fs::write(&path, "[catalog.'plan.status']\nwords = { Status = { running = 1, paused = 1 } }").unwrap();
    assert_code(&run(&["check", path.to_str().unwrap()]), 0);
}

#[test]
fn a_template_has_the_variables_of_its_text() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let settings = "[[chatbot.templates]]\nid = 900\nname = 'two'\n\
        versions = [{ language = 'en', body = 'Hi {{1}}, pay {{2}}' }]\n";
    let serving = serving(settings, &receiver);
    let (_, answer) = serving.post("", "/api/v1/template/detail", &json!({ "template_id": 900 }));
    assert_eq!(answer["data"]["variables"], 2, "{answer}");
    let send = |variables: Value| {
        let asked = json!({ "template_id": 900, "to": "+6281112349064", "variables": variables });
        serving.post("", "/api/v1/template/send_single", &asked)
    };
    assert_eq!(send(json!(["A", "B"])).0, 200);
    assert_eq!(send(json!(["A"])).0, 400);
    assert_eq!(send(Value::Null).0, 200);
    serving.end();
}

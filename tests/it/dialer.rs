//! The predictive dialer over real sockets: a token, a task, its notices at the receiver, the query, the recording.

use airudder_mock::contract::Family;
use airudder_mock::contract::envelope::codes;
use serde_json::{Value, json};

use crate::serving::{APP_KEY, APP_SECRET, Serving};
use crate::support::{Receiver, base64, plain};

const PREFIX: &str = "/service/callcenter/call/predict";

/// Makes a call of the dialer under a token.
fn request(serving: &Serving, token: &str, path: &str, body: &Value) -> (u16, Value) {
    serving.post(token, &format!("{PREFIX}{path}"), body)
}

/// Asks for a token by the urlencoded call that clients make.
fn authorize(serving: &Serving, key: &str) -> (u16, Value) {
    let body = format!("APPKey={key}&APPSecret={APP_SECRET}");
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let reply = serving.request("POST", &format!("{PREFIX}/auth"), &form, body.as_bytes());
    (reply.status, reply.json())
}

#[test]
fn a_task_from_its_token_to_its_recordings() {
    let serving = Serving::with("", &["--speed", "max"]);
    let receiver = Receiver::answering(vec![plain("200 OK", "{\"status\":\"success\"}")]);

    // Tokens of other families do not count here, nor this family's there.
    let (status, refused) = request(&serving, &serving.token(), "/querytasklist", &json!({ "limit": 10 }));
    assert_eq!((status, &refused["code"], &refused["status"]), (401, &json!(401), &json!("ERROR")));
    let (status, wrong) = authorize(&serving, "nobody");
    assert_eq!((status, &wrong["code"]), (200, &json!(10301)));
    let (status, answer) = authorize(&serving, APP_KEY);
    assert_eq!((status, &answer["code"], &answer["message"]), (200, &json!(0), &json!("successfully")));
    let token = format!("Token {}", answer["body"]["token"].as_str().unwrap());
    assert_eq!(serving.post(&token, "/service/cloud/task", &json!({})).0, 401);

    let contact = |last: u32, mock_outcome: &str| json!({ "PhoneNumber": format!("+62811123{last:04}"), "name": "Budi", "mock_outcome": mock_outcome });
    let task = json!({
        "taskName": "evening", "startTime": "", "groupName": "Customer care",
        "callback": base64(&receiver.url()),
        "customizeContacts": [
            contact(1, "talked"), contact(2, "no_answer"), contact(3, "agent_rejects"), contact(4, "voicemail"),
        ],
    });
    let (status, created) = request(&serving, &token, "/createtask", &task);
    assert_eq!((status, &created["message"]), (200, &json!("successfully")), "{created}");
    let id = created["body"]["taskId"].as_str().unwrap();
    serving.settle();

    let notices: Vec<Value> = receiver.requests().iter().map(|request| request.json()).collect();
    assert!(receiver.requests().iter().all(|request| request.exact_header("X-AIRudder-Sign").is_none()));
    let states = |last: u32| -> Vec<String> {
        let number = format!("+62811123{last:04}");
        let of_call = notices.iter().filter(|notice| notice["body"]["phoneNumber"] == number.as_str());
        let state = |notice: &Value| match notice["type"].as_str() {
            Some("AgentStatus") => format!("A {}", notice["body"]["State"].as_str().unwrap()),
            _ => notice["body"]["state"].as_str().unwrap().to_owned(),
        };
        of_call.map(state).collect()
    };
    let answered = ["CALLING", "RINGING", "ANSWERED"];
    let agent = ["A CALLING", "A RINGING"];
    let end = ["HANGUP", "A HANGUP"];
    let talked = [&answered[..], &agent, &["A ANSWERED"], &end, &["A TALKRESULT"]].concat();
    assert_eq!(states(1), talked);
    assert_eq!(states(2), ["CALLING", "RINGING", "HANGUP"]);
    assert_eq!(states(3), [&answered[..], &agent, &end].concat());
    assert_eq!(states(4), ["CALLING", "RINGING", "ANSWERED", "HANGUP"]);
    let of_task: Vec<&Value> =
        notices.iter().filter(|n| n["type"] == "TaskStatus").map(|n| &n["body"]["state"]).collect();
    assert_eq!(of_task, ["Not Started", "Running", "Finished"]);

    let (_, detail) = request(
        &serving,
        &token,
        "/querytaskdetail",
        &json!({ "taskId": id, "limit": 10, "orderBy": "calltime" }),
    );
    assert_eq!(detail["body"]["total"], 4);
    let rows = detail["body"]["list"].as_array().unwrap();
    let row = |last: u32| {
        let number = format!("+62811123{last:04}");
        rows.iter().find(|row| row["phoneNumber"] == number.as_str()).unwrap()
    };
    for (last, reason, result) in [(2, 2, "NoAnswered"), (3, 13, "AgentReject"), (4, 16, "Voicemail")] {
        assert_eq!(
            (&row(last)["hangupReason"], &row(last)["callResultType"]),
            (&json!(reason), &json!(result))
        );
    }
    assert_eq!(row(1)["hangupReason"], 12);

    let (_, link) = request(&serving, &token, "/case/recording", &json!({ "callid": row(1)["callid"] }));
    let link = link["body"]["link"].as_str().unwrap();
    assert_eq!(row(1)["reclink"], link);
    let wav = serving.request("GET", link.strip_prefix(&serving.url()).unwrap(), &[], b"").body;
    assert_eq!(&wav[..4], b"RIFF");
    let number = |at: usize| u32::from_le_bytes(wav[at..at + 4].try_into().unwrap());
    let (bytes_per_second, data) = (number(28), number(40));
    assert_eq!(i64::from(data / bytes_per_second), row(1)["talkDuration"].as_i64().unwrap());
    let (_, refused) = request(&serving, &token, "/case/recording", &json!({ "callid": row(2)["callid"] }));
    assert_eq!(refused["code"], 10612);
}

/// What clients were seen to send: the word `dummy` for no notices, strategies in a shape of their own, a copy by the
/// name of its task, the order of the list.
#[test]
fn clients_may_send_what_clients_were_seen_to_send() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let serving = Serving::with("", &["--speed", "0", "--callback-url", &receiver.url()]);
    let token = serving.dialer_token();
    let task = json!({
        "taskName": "quiet", "groupName": "Customer care", "callback": base64("dummy"), "slotFactor": 1.5,
        "resultStrategies": [{ "oper": "=", "title": "Promise", "value": "yes", "action": [1, 2], "dncDay": 30 }],
        "contactList": ["+6281112349005"],
    });
    let (_, created) = request(&serving, &token, "/createtask", &task);
    assert_eq!(created["code"], 0, "{created}");
    serving.skip("1h");
    assert!(receiver.requests().is_empty(), "base64 of a text that is no URL asks for no notices");
    let copy = json!({ "fromTask": "quiet", "taskName": "again", "groupName": "Collections" });
    let (_, copied) = request(&serving, &token, "/copytask", &copy);
    assert_eq!(copied["code"], 0, "{copied}");
    serving.skip("1h");
    let (_, detail) =
        request(&serving, &token, "/querytaskdetail", &json!({ "taskId": copied["body"]["taskId"] }));
    assert_eq!(detail["body"]["list"][0]["biztype"], "Collections", "{detail}");
    let (_, list) =
        request(&serving, &token, "/querytasklist", &json!({ "limit": 5, "orderBy": "CreatedAt" }));
    let names: Vec<&Value> =
        list["body"]["list"].as_array().unwrap().iter().map(|task| &task["name"]).collect();
    assert_eq!(names, ["again", "quiet"]);
    let (_, refused) = request(&serving, &token, "/querytasklist", &json!({}));
    assert_ne!(refused["code"], 0, "limit is required");
    let wrong =
        json!({ "fromTask": "quiet", "taskName": "x", "groupName": "Collections", "bulkCallInterval": 59 });
    assert_eq!(request(&serving, &token, "/copytask", &wrong).1["code"], 10522);
    let notes: Vec<_> = serving.end().1.into_iter().filter(|line| line["kind"] == "note").collect();
    assert_eq!(
        notes.iter().filter(|note| note["text"].to_string().contains("not a URL")).count(),
        1,
        "{notes:?}"
    );
}

#[test]
fn tokens_run_out_after_a_day() {
    let serving = Serving::new();
    let token = serving.dialer_token();
    let ask = || request(&serving, &token, "/querytasklist", &json!({ "limit": 10 }));
    assert_eq!(ask().0, 200);
    serving.skip("25h");
    let (status, refused) = ask();
    assert_eq!((status, &refused["code"]), (401, &json!(401)));
}

/// Every code there is comes with its meaning when it is asked for: by a fault of the settings, and by a magic word.
#[test]
fn any_code_can_be_asked_for() {
    let settings = r#"
        [[faults]]
        call = "dialer.recording"
        where = { callid = "lost" }
        status = 200
        code = 10820

        [[faults]]
        call = "dialer.*"
        where = { callid = "broken" }
        status = 200
        code = -1
        message = "in words of one's own"
    "#;
    let serving = Serving::with(settings, &[]);
    let token = serving.dialer_token();
    let record = |callid: &str| request(&serving, &token, "/case/recording", &json!({ "callid": callid })).1;
    let refusal = |answer: &Value| {
        (
            answer["code"].as_i64().unwrap(),
            answer["message"].as_str().unwrap().to_owned(),
            answer["status"].clone(),
        )
    };
    let lost = "the file is missing, on purpose: a fault of the mock".to_owned();
    assert_eq!(refusal(&record("lost")), (10820, lost, json!("ERROR")));
    assert_eq!(refusal(&record("broken")), (-1, "in words of one's own".to_owned(), json!("ERROR")));
    assert_eq!(record("")["code"], 10608);

    let codes = codes(Family::Dialer).iter().filter(|code| code.code != 0);
    for code in codes {
        let name = format!("evening mock:code-{}", code.code);
        let (status, answer) =
            request(&serving, &token, "/querytasklist", &json!({ "taskName": name, "limit": 10 }));
        let wanted = if (400..600).contains(&code.code) { code.code } else { 200 };
        assert_eq!(i64::from(status), wanted, "{}", code.code);
        let message = format!("{}, on purpose: a fault of the mock", code.meaning);
        assert_eq!(refusal(&answer), (code.code, message, json!("ERROR")));
    }
}

//! The responses to wrong values: every field of every request with a value of another type, without a required value, and with
//! an implausible value, while all other fields are right. The snapshot is meant to be read.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::reference::ENDPOINTS;
use super::request::Upload;
use super::testing::Vendor;
use super::{Behaviour, detection_signature};
use crate::contract::fields::Field;
use crate::contract::{Catalog, Direction};

const NUMBER: &str = "+6281112345678";

/// The limits of machine types, which say nothing to users.
const MACHINE_LIMITS: [&str; 6] =
    ["4294967295", "4294967296", "2147483647", "18446744073709551615", "9223372036854775807", "65535"];

/// A vendor with an object of every kind, and a request to each endpoint that is accepted.
struct World {
    vendor: Vendor,
    requests: Vec<(&'static str, Value)>,
}

impl World {
    fn new() -> Self {
        let mut vendor = Vendor::new(1, Behaviour::default(), |_| {});
        let id = |vendor: &mut Vendor, endpoint: &str, fields: &Value, name: &str| -> Value {
            let answer = vendor
                .request(endpoint, fields.clone())
                .unwrap_or_else(|error| panic!("{endpoint}: {error:?}"));
            answer[name].clone()
        };
        let rows = json!([{
            "Mobile": NUMBER, "Debtor": "Budi", "LoanAmount": 100, "LoanDate": "2029-12-01", "mock_outcome": "talked",
        }]);
        let order = json!({ "RobotID": "Payment reminder", "SIPLine": "", "Details": rows });
        let with = |more: Value, order: &Value| {
            let mut all = more;
            all.as_object_mut().unwrap().extend(order.as_object().unwrap().clone());
            all
        };
        let task = with(json!({ "TaskName": "first" }), &order);
        let task_id = id(&mut vendor, "task.create", &task, "TaskID");
        let later = with(json!({ "TaskName": "later", "ScheduleStartTime": "2030-01-02 08:00:00" }), &order);
        let later_id = id(&mut vendor, "task.create", &later, "TaskID");
        let later = with(
            json!({
                "PlanName": "later plan", "StrategyID": "Busy lines again", "ScheduleStartTime": "2030-01-02 08:00:00",
            }),
            &order,
        );
        let later_plan = id(&mut vendor, "plan.create", &later, "PlanID");
        let plan = with(json!({ "PlanName": "first plan", "StrategyID": "Busy lines again" }), &order);
        let plan_id = id(&mut vendor, "plan.create", &plan, "PlanID");
        let details =
            json!([{ "callee": NUMBER, "case_id": "1", "variables": { "mock_outcome": "wa_silent" } }]);
        let workflow = json!({
            "workflow_template_id": 1002, "name": "flow", "end_time": "2030-02-01 10:00:00+08:00", "details": details,
        });
        let workflow_id = id(&mut vendor, "workflow.create", &workflow, "workflow_id");
        let dialer = json!({
            "taskName": "first", "groupName": "Collections", "callback": "aHR0cDovLzEyNy4wLjAuMTo5Lw==",
            "contactList": [{ "phoneNumber": NUMBER, "mock_outcome": "talked" }], "restTimes": [{ "start": "12:00:00", "end": "13:00:00" }],
        });
        let waiting = with(
            json!({ "taskName": "waiting", "startTime": "2030-01-02 08:00:00" }),
            &without(&dialer, "taskName"),
        );
        let waiting_id = id(&mut vendor, "dialer.create_task", &waiting, "taskId");
        let dialer_id = id(&mut vendor, "dialer.create_task", &dialer, "taskId");
        let template = json!({ "to": { "number": "+6281110009064" }, "template_name": "parcel_update" });
        let nested = json!({ "to": { "number": "+6281110009064" }, "template": { "name": "parcel_update" } });
        let single = vendor.request("chatbot.send_single_template", template.clone()).unwrap();
        vendor.pass(Duration::from_secs(3_600));
        let calls = vendor.request("task.detail", json!({ "TaskID": task_id })).unwrap();
        let call_id = calls["detail"][0]["CallID"].clone();
        let dialed = vendor.request("dialer.task_detail", json!({ "taskId": dialer_id })).unwrap();
        let waba = vendor.request("workflow.waba_tasks", json!({ "workflow_id": workflow_id })).unwrap();
        let voice = {
            let second = json!({
                "workflow_template_id": 1003, "name": "flow", "end_time": "2030-02-01 10:00:00+08:00",
                "details": details,
            });
            let second = id(&mut vendor, "workflow.create", &second, "workflow_id");
            vendor.pass(Duration::from_secs(60));
            vendor.request("workflow.call_tasks", json!({ "workflow_id": second })).unwrap()
        };
        let (chat, campaign) = (single["call_id"].clone(), single["task_id"].clone());
        let key = vendor.simulator.find_conversation(&json!({ "call_id": chat })).unwrap();
        vendor.simulator.emit(key, "session.transfer", json!({}), vendor.now).unwrap();
        let message =
            vendor.request("chatbot.messages", json!({ "call_id": chat })).unwrap()[0]["msg_id"].clone();
        let other = json!({ "to": "+6281110019064", "template_name": "parcel_update" });
        let talk = id(&mut vendor, "chatbot.send_single_template", &other, "call_id");
        let key = vendor.simulator.find_conversation(&json!({ "call_id": talk })).unwrap();
        vendor.simulator.emit(key, "session.transfer", json!({}), vendor.now).unwrap();
        vendor
            .request("chatbot.agent_transfer_result", json!({ "call_id": talk, "result": "accepted" }))
            .unwrap();
        let secret = super::DEFAULT_APP_SECRET;
        let system = json!({
            "appkey": super::DEFAULT_APP_KEY, "charset": "UTF-8", "timestamp": 1_893_456_000, "signtype": "MD5",
            "sign": detection_signature(secret, "1893456000", "1.0.0"), "version": "1.0.0",
        });
        let auth = json!({ "APPKey": super::DEFAULT_APP_KEY, "APPSecret": secret });
        let text = json!([{ "type": "text", "text": "hello" }]);
        let one = json!({ "workflow_id": workflow_id });
        let calls = json!({ "callee": NUMBER, "workflow_id": workflow_id });
        let span = json!({ "callee": NUMBER, "start_time": "2029-12-31 00:00:00", "end_time": "2030-01-03 00:00:00" });
        let requests = [
            ("auth.token", auth.clone()),
            ("task.create", with(json!({ "TaskName": "second" }), &order)),
            ("task.list", json!({})),
            ("task.stop", json!({ "TaskID": later_id, "Action": "Stop" })),
            ("task.cancel_call", json!({ "TaskID": later_id, "CalleeNumber": NUMBER })),
            ("task.detail", json!({ "TaskID": task_id })),
            ("task.recording", json!({ "TaskID": task_id, "Callee": NUMBER })),
            ("task.recordings", json!({ "TaskID": task_id })),
            ("robot.list", json!({})),
            ("call.by_id", json!({ "CallID": call_id })),
            ("strategy.list", json!({})),
            ("plan.create", with(json!({ "PlanName": "second", "StrategyID": "Busy lines again" }), &order)),
            ("plan.status", json!({ "PlanID": plan_id })),
            ("plan.rounds", json!({ "PlanID": plan_id })),
            ("plan.cancel_call", json!({ "PlanID": later_plan, "CalleeNumber": NUMBER })),
            ("plan.recordings", json!({ "PlanID": plan_id, "Callee": NUMBER })),
            ("workflow.create", workflow),
            ("workflow.templates", json!({})),
            ("workflow.add_contacts", with(json!({ "details": details }), &one)),
            ("workflow.update_contact", with(json!({ "callee": NUMBER, "variables": { "a": "b" } }), &one)),
            ("workflow.cancel_contact", with(json!({ "callee": NUMBER }), &one)),
            ("workflow.verify_push", with(json!({ "callee": NUMBER, "node_id": "0".repeat(32) }), &one)),
            ("workflow.stop", one.clone()),
            ("workflow.list", json!({})),
            ("workflow.subtasks", one.clone()),
            ("workflow.call_tasks", one.clone()),
            ("workflow.call_task_detail", json!({ "task_id": voice["list"][0]["TaskID"] })),
            ("workflow.call_info", calls.clone()),
            ("workflow.recordings", calls),
            ("workflow.find", span),
            ("workflow.waba_tasks", one),
            ("workflow.waba_task_detail", json!({ "waba_task_id": waba["list"][0]["waba_task_id"] })),
            ("chatbot.waba_accounts", json!({})),
            ("chatbot.templates", json!({})),
            ("chatbot.template_detail", json!({ "template_name": "parcel_update" })),
            ("chatbot.template_detail", json!({ "template": { "name": "parcel_update" } })),
            (
                "chatbot.send_template",
                json!({ "to": [{ "number": NUMBER }], "template_name": "parcel_update" }),
            ),
            (
                "chatbot.send_template",
                json!({ "to": [{ "number": NUMBER }], "template": { "name": "parcel_update" } }),
            ),
            ("chatbot.template_result", json!({ "task_id": campaign })),
            ("chatbot.send_single_template", template),
            ("chatbot.send_single_template", nested),
            ("chatbot.agent_transfer_result", json!({ "call_id": chat, "result": "accepted" })),
            ("chatbot.sessions", json!({})),
            ("chatbot.messages", json!({ "call_id": chat })),
            ("chatbot.mark_read", json!({ "call_id": chat, "msg_ids": [message] })),
            ("chatbot.mark_read", json!({ "call_id": chat, "msg_id": message })),
            ("chatbot.send_message", json!({ "call_id": talk, "messages": text })),
            ("chatbot.end_session", json!({ "call_id": chat })),
            ("chatbot.upload", json!({})),
            ("chatbot.upload_map", json!({})),
            (
                "chatbot.channel_message",
                json!({ "channel_id": "3709", "user": { "id": "u1" }, "messages": text }),
            ),
            ("dialer.auth", auth),
            ("dialer.create_task", with(json!({ "taskName": "second" }), &without(&dialer, "taskName"))),
            (
                "dialer.create_task",
                json!({
                    "taskName": "second", "groupName": "Collections", "callback": "aHR0cDovLzEyNy4wLjAuMTo5Lw==",
                    "customizeContacts": [{ "PhoneNumber": NUMBER }],
                }),
            ),
            (
                "dialer.copy_task",
                json!({
                    "taskName": "third", "groupName": "Collections", "fromTask": "first",
                    "restTimes": [{ "start": "12:00:00", "end": "13:00:00" }],
                }),
            ),
            (
                "dialer.cancel_contacts",
                json!({ "TaskID": waiting_id, "contactList": [{ "phoneNumber": NUMBER }] }),
            ),
            ("dialer.tasks", json!({ "limit": 10 })),
            (
                "dialer.task_detail",
                json!({ "taskId": dialer_id, "like": [{ "field": "phoneNumber", "pattern": "%" }] }),
            ),
            ("dialer.recording", json!({ "callid": dialed["list"][0]["callid"] })),
            (
                "detection.check",
                json!({
                    "system": system,
                    "business": { "calls": [{ "callee": NUMBER, "callback": "aHR0cDovLzEyNy4wLjAuMTo5Lw==" }] },
                }),
            ),
            ("sms.send", json!({ "to": [NUMBER], "message": "hello", "from": "me" })),
        ];
        Self { vendor, requests: requests.into() }
    }

    /// Returns the response of an endpoint to a request, in one line.
    fn answer(&self, id: &str, fields: Value) -> String {
        let mut vendor = Vendor {
            simulator: self.vendor.simulator.clone(),
            now: self.vendor.now,
            sent: Vec::new(),
            check: None,
            route: 0,
        };
        let name = "file".to_owned();
        let file = Upload { field: name.clone(), name, content_type: None, bytes: "x".into() };
        match vendor.request_with(0, id, fields, &[file]) {
            Err((code, message)) => format!("{code} {message}"),
            Ok(answer) => {
                let listed = ["detail_error_list", "error_list"].into_iter().find_map(|list| {
                    Some(format!("row: {}", answer.get(list)?.get(0)?.get("reason")?.as_str()?))
                });
                listed.unwrap_or_else(|| "taken".to_owned())
            }
        }
    }
}

fn without(fields: &Value, name: &str) -> Value {
    let mut fields = fields.clone();
    fields.as_object_mut().unwrap().remove(name);
    fields
}

/// Returns the request with another value at a path, or without one. Lists have one item.
fn changed(request: &Value, path: &str, value: Option<Value>) -> Value {
    let mut request = request.clone();
    let mut place = &mut request;
    let mut parts = path.split('.').peekable();
    while let Some(part) = parts.next() {
        let (name, is_list) = (part.trim_end_matches("[]"), part.ends_with("[]"));
        if !place.is_object() {
            *place = json!({});
        }
        let fields = place.as_object_mut().unwrap();
        if parts.peek().is_none() && !is_list {
            match value {
                Some(value) => fields.insert(name.to_owned(), value),
                None => fields.remove(name),
            };
            break;
        }
        place = fields.entry(name).or_insert(Value::Null);
        if is_list {
            if place.as_array().is_none_or(Vec::is_empty) {
                *place = json!([null]);
            }
            place = &mut place[0];
            if parts.peek().is_none() {
                *place = value.unwrap_or_default();
                break;
            }
        }
    }
    request
}

/// Returns values that a field of this kind does not accept.
fn wrong_values(field: &Field, is_query: bool) -> Vec<Option<Value>> {
    let kind = field.kind.as_str();
    let mut values = Vec::new();
    if field.required {
        values.push(None);
        values.push(Some(json!("")));
    }
    let is_scalar = ["string", "integer", "number", "boolean"].iter().any(|scalar| kind.starts_with(scalar));
    if !is_query {
        values.push(Some(if is_scalar { json!({ "no": "such" }) } else { json!(true) }));
    }
    if kind.starts_with("integer") || kind.starts_with("number") {
        values.extend([json!("many"), json!(-1), json!(1e12), json!(7.5)].map(Some));
    } else if kind.starts_with("list") {
        values.extend([Some(json!([])), Some(json!([true]))]);
    } else if is_scalar {
        values.push(Some(json!("nonsense")));
        if !is_query {
            values.push(Some(json!(7)));
        }
        if kind.contains("at most") {
            values.push(Some(json!("x".repeat(5_000))));
        }
    }
    values
}

#[test]
fn every_wrong_value_is_told_by_its_field() {
    let world = World::new();
    let queries: Vec<String> = Catalog::builtin()
        .entries()
        .iter()
        .filter(|entry| {
            entry.direction == Direction::Request && entry.routes.iter().all(|route| route.method == "GET")
        })
        .map(|entry| entry.id.clone())
        .collect();
    let (mut said, mut odd) = (String::new(), Vec::new());
    for endpoint in ENDPOINTS.iter().copied().flatten() {
        let id = endpoint.id;
        let requests: Vec<&Value> =
            world.requests.iter().filter(|(of, _)| *of == id).map(|(_, request)| request).collect();
        said.push_str(&format!("{id}\n"));
        for request in &requests {
            let answer = world.answer(id, (*request).clone());
            assert_eq!(answer, "taken", "{id} {request}");
        }
        let is_query = queries.iter().any(|query| query == id);
        for field in (endpoint.shape)().request {
            // Contents have a table of their own, which is longer than all of this.
            if field.path.contains("messages[].") {
                continue;
            }
            let mut names = field.path.split('.').map(|name| name.trim_end_matches("[]")).rev();
            let (name, around) = (names.next().unwrap_or_default(), names.next_back());
            let has_it = |request: &&&Value| request.get(around.unwrap_or(name)).is_some();
            let request = requests.iter().find(has_it).or(requests.first());
            let request = request.unwrap_or_else(|| panic!("no request to {id}"));
            for value in wrong_values(&field, is_query) {
                let shown = value.as_ref().map_or_else(|| "(missing)".to_owned(), Value::to_string);
                let shown: String = shown.chars().take(20).collect();
                let answer = world.answer(id, changed(request, &field.path, value));
                let has_limit = MACHINE_LIMITS.iter().any(|limit| answer.contains(limit));
                // A row is identified by its place in the list of refused ones.
                let is_named = answer == "taken"
                    || answer.to_lowercase().contains(&name.to_lowercase())
                    || answer.starts_with("row: the row is");
                if has_limit || !is_named {
                    odd.push(format!("{id} {} = {shown}: {answer}", field.path));
                }
                said.push_str(&format!("  {} = {shown}: {answer}\n", field.path));
            }
        }
    }
    insta::assert_snapshot!("wrong_values", said);
    assert!(odd.is_empty(), "{} name no field:\n{}", odd.len(), odd.join("\n"));
}

#[test]
fn a_field_that_is_refused_when_it_is_missing_is_not_called_optional() {
    let world = World::new();
    let mut wrong = Vec::new();
    for (id, request) in &world.requests {
        let fields = (super::reference::endpoint(id).unwrap().shape)().request;
        for name in request.as_object().unwrap().keys() {
            let answer = world.answer(id, without(request, name));
            let is_refused = answer.contains(&format!(" {name} is missing"))
                || answer.contains(&format!(" {name} is empty"));
            let field = fields.iter().find(|field| field.path == *name).unwrap();
            let help = field.help.to_lowercase();
            let is_told = field.required || help.contains("required unless") || help.contains("needed");
            if is_refused && !is_told {
                wrong.push(format!("{id} {name}: {answer}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The requests above have a file beside their fields.
    for id in ["chatbot.upload", "chatbot.upload_map"] {
        let fields = (super::reference::endpoint(id).unwrap().shape)().request;
        assert!(fields.iter().any(|field| field.path == "file" && field.required), "{id}");
    }
}

/// The fields of planned times, which may lie in the future.
const PLANNED: [&str; 4] = ["ScheduleStartTime", "ScheduleEndTime", "end_time", "startTime"];

/// Collects the moments in a value that lie after another one, with their fields.
fn later_than(now: Timestamp, name: &str, value: &Value, found: &mut Vec<String>) {
    let moment = match value {
        Value::Object(fields) => {
            return fields.iter().for_each(|(name, value)| later_than(now, name, value, found));
        }
        Value::Array(items) => return items.iter().for_each(|item| later_than(now, name, item, found)),
        Value::String(text) => text.parse().ok(),
        Value::Number(number) if name == "timestamp" => {
            number.as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok())
        }
        _ => None,
    };
    if moment.is_some_and(|moment: Timestamp| moment > now) && !PLANNED.contains(&name) {
        found.push(format!("{name} = {value}"));
    }
}

#[test]
fn no_answer_has_a_time_of_the_future() {
    let mut world = World::new();
    let is_query = |id: &str| {
        let asks = [
            "list",
            "detail",
            "status",
            "rounds",
            "recording",
            "by_id",
            "tasks",
            "info",
            "find",
            "result",
            "sessions",
            "messages",
        ];
        asks.iter().any(|word| id.ends_with(word) || id.ends_with(&format!("{word}s")))
            && id != "chatbot.agent_transfer_result"
    };
    // What waited for the next day begins, and all of it is checked as it comes.
    let until = world.vendor.now + Duration::from_secs(36 * 3_600);
    let (mut moments, mut answers) = (0, 0);
    while world.vendor.step(until).is_some() {
        moments += 1;
        let queries = world.requests.iter().filter(|(id, _)| is_query(id));
        for (id, fields) in queries.cloned().collect::<Vec<_>>() {
            let Ok(answer) = world.vendor.request(id, fields) else { continue };
            answers += 1;
            let mut found = Vec::new();
            later_than(world.vendor.now, "", &answer, &mut found);
            assert!(found.is_empty(), "{id} at {}: {}", world.vendor.now, found.join(", "));
        }
    }
    assert!(moments > 20 && answers > 500, "{moments} moments, {answers} answers");
}

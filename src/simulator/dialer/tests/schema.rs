//! Tests of the types and letter case of every field, written from the description of the vendor's API and not from the code.

use super::*;

const CALL_STATES: [&str; 5] = ["CALLING", "RINGING", "ANSWERED", "HANGUP", "TALKRESULT"];
const TASK_STATES: [&str; 6] = ["Creating", "Not Started", "Running", "Paused", "Cancelled", "Finished"];
const REASONS: [i64; 19] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17, 18, 19, 20];
const RESULTS: [&str; 13] = [
    "Dnc",
    "Overrun",
    "NoRinging",
    "Fusing",
    "Voicemail",
    "NoAnswered",
    "AgentBusy",
    "UserHangupBeforeAssign",
    "AgentReject",
    "AgentNetworkError",
    "UserHangup",
    "SuccUserHangup",
    "SuccAgentHangup",
];

/// Checks every field against its type: s, i, o, a, and ? for one that may be absent.
fn check(value: &Value, fields: &str) {
    let table = value.as_object().unwrap();
    let mut known = Vec::new();
    for field in fields.split_whitespace() {
        let (name, kind) = field.split_once(':').unwrap();
        known.push(name);
        let Some(found) = table.get(name) else {
            assert!(kind.ends_with('?'), "{name} is missing");
            continue;
        };
        let fits = match kind.trim_end_matches('?') {
            "s" => found.is_string(),
            "i" => found.is_i64(),
            "o" => found.is_object(),
            "a" => found.is_array(),
            _ => panic!("{kind}"),
        };
        assert!(fits, "{name} is {found}");
    }
    for name in table.keys() {
        assert!(known.contains(&name.as_str()), "{name} is not known");
    }
}

const AGENT: &str = "agentName:s registerState:s State:s callType:s taskId:s taskName:s groupName:s phoneNumber:s \
    callid:s contactName:s address:s info1:s info2:s info3:s remark:s privateData:s timestamp:s talkResultLabel:s \
    talkremarks:s mainNumber:s phoneTag:s displayTalkResult:s isConcealCallee:s threewayState:s threewayAccount:s \
    curDayOnlineDuration:i curDayRestDuration:i curWaitingCallCount:i groupUnallocatedCall:i earliestCallWaitTime:i \
    waitingDialNumber:i totalNumber:i holdTimestamp:i curDayCallCount:o curDayCallDuration:o holdDuration:o \
    curDayTalkResults:a customizeResults:o customerInfo:o hangupReason:i? recLink:s? nthCall:i?";

const CONTACT: &str = "agentName:s state:s callType:s taskId:s taskName:s groupName:s phoneNumber:s callid:s \
    contactName:s address:s info1:s info2:s info3:s remark:s privateData:s timestamp:s talkResultLabel:s \
    talkremarks:s mainNumber:s phoneTag:s customizeResults:o customerInfo:o hangupReason:i? recLink:s? nthCall:i?";

const ROW: &str = "talkDuration:i waitingDuration:i talkedTime:i holdDuration:i seScore:i nthCall:i hangupReason:i \
    taskId:s taskName:s callid:s caller:s phoneNumber:s mainNumber:s phoneTag:s calltime:s ringtime:s answertime:s \
    talktime:s endtime:s biztype:s agentName:s OrgName:s TaskStartTime:s talkResult:s remark:s talkremarks:s \
    customerName:s callResultType:s callType:s reclink:s wfContactId:s transferReason:s seText:s adminAct:a \
    customizeResults:a customerInfo:o";

fn check_notice(sent: &Sent) {
    check(&sent.body, "type:s body:o");
    let body = &sent.body["body"];
    match sent.kind() {
        "TaskStatus" => {
            assert_eq!(sent.event, "dialer.task_status");
            check(body, "taskId:s taskName:s state:s");
            assert!(TASK_STATES.contains(&sent.state()));
            return;
        }
        "ContactStatus" => {
            assert_eq!(sent.event, "dialer.contact_status");
            check(body, CONTACT);
        }
        "AgentStatus" => {
            assert_eq!(sent.event, "dialer.agent_status");
            check(body, AGENT);
            for name in ["curDayCallCount", "curDayCallDuration", "holdDuration"] {
                check(&body[name], "auto:i manual:i");
            }
            for result in body["curDayTalkResults"].as_array().unwrap() {
                check(result, "talkResult:s count:i");
            }
            assert_eq!(body["registerState"], "Registered");
        }
        other => panic!("{other}"),
    }
    assert!(CALL_STATES.contains(&sent.state()));
    assert_eq!(sent.field("timestamp").parse::<i64>().unwrap(), sent.at.as_millisecond());
    assert_eq!(sent.field("timestamp").len(), 13);
    if let Some(reason) = body.get("hangupReason") {
        assert!(REASONS.contains(&reason.as_i64().unwrap()));
    }
}

#[test]
fn every_field_has_its_type_and_letter_case() {
    let mut vendor = Vendor::new();
    let rows = (1..400).map(|last| row(last, if last % 9 == 0 { "no_agent" } else { "" })).collect();
    let fields = json!({
        "repeatTimes": 2, "slotFactor": 3, "autoQA": "Y",
        "contactList": [{ "phoneNumber": number(500), "contactName": "Siti", "privateData": "p", "info1": "i" }],
    });
    vendor.compares = false;
    let id = vendor.create(with(task("schema", rows), fields));
    vendor.pass(Duration::from_secs(600));
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let fields = json!({ "taskId": id, "limit": 1000, "needCustomerInfo": true });
        let answer = vendor.request("dialer.task_detail", fields).unwrap();
        check(&answer, "total:i list:a");
        for row in answer["list"].as_array().unwrap() {
            check(row, ROW);
            assert_eq!(row["callType"], "auto");
            let (result, ended) = (row["callResultType"].as_str().unwrap(), row["endtime"] != "");
            assert!(if ended { RESULTS.contains(&result) } else { result.is_empty() });
            assert!(REASONS.contains(&row["hangupReason"].as_i64().unwrap()));
            seen.insert(result.to_owned());
            for name in ["calltime", "ringtime", "answertime", "talktime", "endtime", "TaskStartTime"] {
                let text = row[name].as_str().unwrap();
                assert!(text.is_empty() || text.len() == 20 && text.ends_with('Z'), "{name} {text}");
            }
            for result in row["customizeResults"].as_array().unwrap() {
                check(result, "title:s groupName:s value:s");
            }
            assert!(row["customerInfo"].get("mock_outcome").is_none());
        }
        vendor.pass(DAY);
    }
    assert!(seen.len() >= 9, "{seen:?}");
    vendor.sent.iter().for_each(check_notice);
    let private: Vec<&Sent> =
        vendor.sent.iter().filter(|sent| sent.field("phoneNumber") == number(500)).collect();
    let fits = |sent: &&Sent| {
        (sent.field("privateData"), sent.field("info1"), sent.field("contactName")) == ("p", "i", "Siti")
    };
    assert!(!private.is_empty() && private.iter().all(fits));
    let list = vendor.request("dialer.tasks", json!({ "limit": 10 })).unwrap();
    check(&list, "list:a");
    check(&list["list"][0], "taskId:s name:s groupName:s actualStartTime:s");
    let fields = with(task("next", vec![row(1, "")]), json!({ "contactList": "x" }));
    check(&vendor.request("dialer.create_task", fields).unwrap(), "taskId:s errorContactList:a");
}

//! Tests of the dialer's own codes: every one that these requests can return.

use super::*;
use crate::contract::envelope::{ELSEWHERE, INTERNAL, codes};
use crate::contract::{Family, Provenance};
use crate::simulator::Behaviour;
use crate::simulator::workflow::{TemplateFile, templates};

fn refused(vendor: &mut Vendor, id: &str, base: &Value, fields: Value) -> i64 {
    let sent = fields.to_string();
    vendor.request(id, with(base.clone(), fields)).expect_err(&sent)
}

#[test]
fn tokens_are_refused_with_codes_of_their_own() {
    let mut vendor = Vendor::new();
    let base = json!({ "APPKey": "other", "APPSecret": "secret" });
    for (fields, code) in [
        (json!({ "APPKey": "nobody" }), 10301),
        (json!({ "APPKey": "" }), 10301),
        (json!({ "APPSecret": "wrong" }), 10302),
        (json!({ "APPSecret": null }), 10302),
    ] {
        assert_eq!(refused(&mut vendor, "dialer.auth", &base, fields), code);
    }
    let token = vendor.request("dialer.auth", base).unwrap();
    assert_eq!(token["token"].as_str().map(str::len), Some(56));
}

#[test]
fn tasks_are_refused_by_what_is_wrong() {
    let mut vendor = Vendor::new();
    let base = task("known", vec![row(1, "")]);
    vendor.create(base.clone());
    let base = with(base, json!({ "taskName": "other" }));
    for (fields, code) in [
        (json!({ "slotFactor": -1 }), 10501),
        (json!({ "remark": 7 }), 10501),
        (json!({ "resultStrategies": {} }), 10501),
        (json!({ "resultStrategies": ["NoAnswered"] }), 10501),
        (json!({ "resultStrategies": [{ "callResultType": "noanswered" }] }), 10501),
        (json!({ "resultStrategies": [{ "callResultType": "Dnc" }, { "callResultType": "Dnc" }] }), 10501),
        (json!({ "resultStrategies": [{ "callResultType": "Dnc", "repeatTimes": 11 }] }), 10521),
        (json!({ "resultStrategies": [{ "callResultType": "Dnc", "bulkCallInterval": "x" }] }), 10522),
        (json!({ "dialingOrder": 7 }), 10501),
        (json!({ "dialingOrder": [7] }), 10501),
        (json!({ "dialingOrder": ["Debt", "Debt"] }), 10501),
        (json!({ "dialingOrder": ["Office"] }), 10501),
        (json!({ "dialingOrder": (0..11).map(|n| format!("n{n}")).collect::<Vec<_>>() }), 10501),
        (json!({ "dialingMode": ["preview"] }), 10501),
        (json!({ "templateName": 7 }), 10501),
        (json!({ "templateName": "x".repeat(64) }), 10501),
        (json!({ "startTime": "tomorrow" }), 10501),
        (json!({ "ringLimit": 1.5 }), 10501),
        (json!({ "customizeContacts": [row(1, "buzy")] }), 10501),
        (json!({ "callback": "" }), 10503),
        (json!({ "callback": null }), 10503),
        (json!({ "callback": "!" }), 10504),
        (json!({ "callback": 1 }), 10504),
        (json!({ "customizeContacts": [] }), 10505),
        (json!({ "taskName": "known" }), 10508),
        (json!({ "startTime": "2030-01-01 08:58:00" }), 10509),
        (json!({ "customizeContacts": [{ "PhoneNumber": "+628111230001123" }] }), 10510),
        (json!({ "customizeContacts": [], "contactList": ["0811123"] }), 10510),
        (json!({ "groupName": "Nobody" }), 10511),
        (json!({ "groupName": "" }), 10512),
        (json!({ "contactList": [{ "phoneNumber": number(1), "privateData": 7 }] }), 10517),
        (json!({ "taskName": "" }), 10518),
        (json!({ "taskName": "x".repeat(64) }), 10518),
        (json!({ "taskName": 5 }), 10518),
        (json!({ "restTimes": [{ "start": "12:00:00" }] }), 10520),
        (json!({ "restTimes": [{ "start": "12:00:00", "end": "11:00:00" }] }), 10520),
        (
            json!({ "restTimes": [
                { "start": "12:00:00", "end": "14:00:00" }, { "start": "13:00:00", "end": "15:00:00" },
            ] }),
            10520,
        ),
        (json!({ "repeatTimes": 11 }), 10521),
        (json!({ "bulkCallInterval": 59 }), 10522),
        (json!({ "resultStrategies": [{}] }), 10501),
        (json!({ "resultStrategies": [{ "title": "Debt", "action": ["x"] }] }), 10501),
        (json!({ "voicemailCheck": "maybe" }), 10523),
        (json!({ "voicemailCheck": "N", "voicemailRedial": "Y" }), 10523),
        (json!({ "autoQa": "maybe" }), 10524),
        (json!({ "autoQa": "Y", "autoQA": "N" }), 10524),
        (json!({ "maxLostRate": 101 }), 10525),
        (json!({ "contactNumberInterval": "soon" }), 10526),
        (json!({ "agentName": ["nobody"] }), 10550),
        (json!({ "agentName": [7] }), 10550),
        (json!({ "agentName": ["agent_21"] }), 10551),
        (json!({ "customizeContacts": [{ "Number": "+6281112340001" }] }), 10618),
        (json!({ "autoEndTime": "2030-01-01 09:04:59" }), 10620),
        (json!({ "autoEndTime": "2030-01-02 09:04:59" }), 10621),
    ] {
        let sent = fields.to_string();
        assert_eq!(refused(&mut vendor, "dialer.create_task", &base, fields), code, "{sent}");
    }
    assert_eq!(vendor.simulator.dialer.tasks.given(), 1);
    let mut vendor = Vendor::with(Rules { voicemail: false, ..Rules::default() });
    assert_eq!(refused(&mut vendor, "dialer.create_task", &base, json!({ "voicemailCheck": "Y" })), 10901);
}

#[test]
fn bad_numbers_are_listed_beside_good_ones() {
    let mut vendor = Vendor::new();
    let fields = with(task("mixed", vec![row(1, "busy")]), json!({ "contactList": [number(2), "0811"] }));
    let answer = vendor.request("dialer.create_task", fields).unwrap();
    assert_eq!(answer["errorContactList"], json!(["0811"]));
    vendor.pass(DAY);
    assert_eq!(vendor.states(&number(1)), ["CALLING", "HANGUP"]);
    assert!(!vendor.states(&number(2)).is_empty());
}

#[test]
fn copies_need_a_task_that_fits() {
    let mut vendor = Vendor::new();
    let late =
        vendor.create(with(task("late", vec![row(1, "")]), json!({ "startTime": "2030-01-02 12:00:00" })));
    let gone =
        vendor.create(with(task("gone", vec![row(1, "")]), json!({ "startTime": "2030-01-02 12:00:00" })));
    vendor.request("dialer.cancel_contacts", json!({ "TaskID": gone, "contactList": [number(1)] })).unwrap();
    let runs = vendor.create(task("runs", vec![row(2, "long_talk talked")]));
    vendor.pass(Duration::from_secs(60));
    let base = json!({ "taskName": "copy", "groupName": "Customer care", "fromTask": late });
    for (fields, code) in [
        (json!({ "fromTask": "" }), 10519),
        (json!({ "fromTask": "x" }), 10506),
        (json!({ "fromTask": "0".repeat(32) }), 10506),
        (json!({ "noanswerOnly": "Y" }), 10514),
        (json!({ "noanswerOnly": "Y", "fromTask": runs }), 10515),
        (json!({ "noanswerOnly": "Y", "fromTask": gone }), 10507),
        (json!({ "ignoreCancelled": "Y", "fromTask": gone }), 10505),
        (json!({ "noanswerOnly": "maybe" }), 10501),
        (json!({ "taskName": "late" }), 10508),
        (json!({ "groupName": null }), 10512),
    ] {
        let sent = fields.to_string();
        assert_eq!(refused(&mut vendor, "dialer.copy_task", &base, fields), code, "{sent}");
    }
    assert_eq!(vendor.request_as(1, "dialer.copy_task", &base), Err(10703));
}

#[test]
fn taking_contacts_out_needs_a_task_and_numbers() {
    let mut vendor = Vendor::new();
    let done = vendor.create(task("done", vec![row(1, "busy")]));
    let late =
        vendor.create(with(task("late", vec![row(2, "")]), json!({ "startTime": "2030-01-02 12:00:00" })));
    vendor.pass(Duration::from_secs(600));
    let base = json!({ "TaskID": late, "contactList": [number(2)] });
    for (fields, code) in [
        (json!({ "TaskID": "" }), 10502),
        (json!({ "TaskID": "x" }), 10702),
        (json!({ "TaskID": "0".repeat(32) }), 10506),
        (json!({ "TaskID": done }), 10513),
        (json!({ "contactList": [] }), 10505),
        (json!({ "contactList": ["0811"] }), 10510),
        (json!({ "contactList": [number(9)] }), 10507),
    ] {
        let sent = fields.to_string();
        assert_eq!(refused(&mut vendor, "dialer.cancel_contacts", &base, fields), code, "{sent}");
    }
    assert_eq!(vendor.request_as(1, "dialer.cancel_contacts", &base), Err(10703));
}

#[test]
fn queries_are_checked() {
    let mut vendor = Vendor::new();
    for (fields, code) in [
        (json!({ "state": "running" }), 10606),
        (json!({ "minstarttime": "x" }), 10606),
        (json!({ "filterTime": "createTime" }), 10606),
        (json!({ "minstarttime": "2030-01-02 00:00:00", "maxstarttime": "2030-01-01 00:00:00" }), 10606),
        (json!({ "limit": null }), 10606),
        (json!({ "orderBy": "created" }), 10606),
        (json!({ "orderBy": "createdat" }), 10606),
        (json!({ "orderBy": "-starttime" }), 10606),
        (json!({ "limit": 1001 }), 10705),
    ] {
        let sent = fields.to_string();
        assert_eq!(refused(&mut vendor, "dialer.tasks", &json!({ "limit": 10 }), fields), code, "{sent}");
    }
    let plain = with(task("plain", vec![]), json!({ "contactList": [number(1)], "customizeContacts": [] }));
    let id = vendor.create(plain);
    vendor.pass(Duration::from_secs(600));
    let base = json!({ "taskId": id });
    for (fields, code) in [
        (json!({ "taskId": null }), 10502),
        (json!({ "taskId": "x" }), 10702),
        (json!({ "taskId": "0".repeat(32) }), 10506),
        (json!({ "offset": -1 }), 10607),
        (json!({ "like": [{ "field": "caller" }] }), 10607),
        (json!({ "needCustomerInfo": "maybe" }), 10607),
        (json!({ "orderBy": "talktime" }), 10607),
        (json!({ "orderBy": "calltime sideways" }), 10607),
        (json!({ "orderBy": "-answertime" }), 10607),
        (json!({ "limit": 1001 }), 10705),
        (json!({ "like": [{ "field": "Debt", "pattern": "%" }] }), 10617),
    ] {
        let sent = fields.to_string();
        assert_eq!(refused(&mut vendor, "dialer.task_detail", &base, fields), code, "{sent}");
    }
    assert_eq!(vendor.request_as(1, "dialer.task_detail", &base), Err(10703));
    // A column that some contact has, and one that none has.
    let mut other = row(3, "busy");
    other["Branch"] = "Bogor".into();
    let id = vendor.create(task("columns", vec![row(2, "busy"), other]));
    vendor.pass(Duration::from_secs(600));
    let base = json!({ "taskId": id });
    let like = |field: &str| json!({ "like": [{ "field": field, "pattern": "Bo%" }] });
    let found = vendor.request("dialer.task_detail", with(base.clone(), like("Branch"))).unwrap();
    assert_eq!(found["total"], 1);
    assert_eq!(refused(&mut vendor, "dialer.task_detail", &base, like("branch")), 10607);
}

#[test]
fn recordings_need_a_talk() {
    let mut vendor = Vendor::new();
    let rows = vec![row(1, "busy"), row(2, "long_talk talked"), row(3, "no_recording")];
    let id = vendor.create(task("rec", rows));
    vendor.pass(Duration::from_secs(60));
    let busy = vendor.rows(&id, &number(1)).remove(0);
    let talks = vendor.rows(&id, &number(2)).remove(0);
    let mut code =
        |callid: &Value| vendor.request("dialer.recording", json!({ "callid": callid })).unwrap_err();
    assert_eq!(code(&json!("")), 10608);
    assert_eq!(code(&json!("x")), 10609);
    assert_eq!(code(&json!("0".repeat(32))), 10609);
    assert_eq!(code(&json!(7)), 10609);
    assert_eq!(code(&talks["callid"]), 10611);
    assert_eq!(code(&busy["callid"]), 10612);
    vendor.pass(Duration::from_secs(600));
    let unrecorded = vendor.rows(&id, &number(3)).remove(0);
    assert_eq!((&unrecorded["hangupReason"], &unrecorded["reclink"]), (&json!(12), &json!("")));
    let fields = json!({ "callid": unrecorded["callid"] });
    assert_eq!(vendor.request("dialer.recording", fields), Err(10516));
    let other = vendor.request_as(1, "dialer.recording", &json!({ "callid": busy["callid"] }));
    assert_eq!(other, Err(10610));
}

#[test]
fn tasks_of_workflows_are_left_to_them() {
    let file: TemplateFile =
        toml::from_str("id = 7\nname = 'Agents'\nnodes = [{ id = 'agents', kind = 'dialer' }]").unwrap();
    let workflows = Arc::new(templates(&[file]));
    let mut vendor = Vendor::behaving(Behaviour { workflows, ..Behaviour::default() });
    let made = json!({
        "workflow_template_id": 7, "name": "flow", "end_time": "2030-01-04 10:00:00+08:00",
        "details": [{ "callee": number(1), "variables": {} }, { "callee": number(2), "variables": {} }],
    });
    vendor.request("workflow.create", made).unwrap();
    vendor.pass(Duration::from_secs(1));
    let list = vendor.request("dialer.tasks", json!({ "limit": 10 })).unwrap();
    let id = &list["list"][0]["taskId"];
    let cancel = json!({ "TaskID": id, "contactList": [number(2)] });
    assert_eq!(vendor.request("dialer.cancel_contacts", cancel), Err(10704));
    let copy = json!({ "fromTask": id, "taskName": "copy", "groupName": "Customer care" });
    assert_eq!(vendor.request("dialer.copy_task", copy), Err(10704));
}

/// Every code of the table is returned in these tests, or no state of a task leads to it, or it belongs to requests outside the
/// dialer's seven.
#[test]
fn no_code_is_forgotten() {
    SEEN.take();
    tokens_are_refused_with_codes_of_their_own();
    tasks_are_refused_by_what_is_wrong();
    copies_need_a_task_that_fits();
    taking_contacts_out_needs_a_task_and_numbers();
    queries_are_checked();
    recordings_need_a_talk();
    tasks_of_workflows_are_left_to_them();
    let reached = SEEN.take();
    let elsewhere: BTreeSet<i64> = ELSEWHERE.iter().flat_map(|(codes, _)| *codes).copied().collect();
    let internal = BTreeSet::from(INTERNAL);
    assert!(reached.is_disjoint(&elsewhere) && reached.is_disjoint(&internal));
    let known =
        codes(Family::Dialer).iter().filter(|code| code.provenance == Provenance::Client && code.code != 0);
    let known: BTreeSet<i64> = known.map(|code| code.code).collect();
    assert_eq!(&(&reached | &elsewhere) | &internal, known);
}

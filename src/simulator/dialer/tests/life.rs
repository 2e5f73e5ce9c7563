//! Tests of the states of tasks and calls.

use proptest::prelude::*;

use super::*;
use crate::recordings::Recording;
use crate::simulator::calling::Download;

#[test]
fn every_ending_has_its_states_its_reason_and_its_result() {
    let mut vendor = Vendor::new();
    let contact = ["CALLING", "RINGING", "ANSWERED", "HANGUP"];
    let talked = [
        "CALLING",
        "RINGING",
        "ANSWERED",
        "A CALLING",
        "A RINGING",
        "A ANSWERED",
        "HANGUP",
        "A HANGUP",
        "A TALKRESULT",
    ];
    let refused = ["CALLING", "RINGING", "ANSWERED", "A CALLING", "A RINGING", "HANGUP", "A HANGUP"];
    let cases: [(&str, &[&str], i64, &[&str]); 15] = [
        ("talked", &talked, 12, &["SuccUserHangup", "SuccAgentHangup"]),
        ("long_talk talked", &talked, 12, &["SuccUserHangup", "SuccAgentHangup"]),
        ("no_answer", &["CALLING", "RINGING", "HANGUP"], 2, &["NoAnswered"]),
        ("busy", &["CALLING", "HANGUP"], 3, &["NoRinging"]),
        ("switched_off", &["CALLING", "HANGUP"], 6, &["NoRinging"]),
        ("out_of_area", &["CALLING", "HANGUP"], 7, &["NoRinging"]),
        ("invalid_number", &["CALLING", "HANGUP"], 8, &["NoRinging"]),
        ("voicemail", &contact, 16, &["Voicemail"]),
        ("hung_up", &contact, 19, &["UserHangupBeforeAssign"]),
        ("do_not_call", &["HANGUP"], 20, &["Dnc"]),
        ("attempt_limit", &["HANGUP"], 18, &["Overrun"]),
        ("fusing", &["CALLING", "HANGUP"], 15, &["Fusing"]),
        ("agent_rejects", &refused, 13, &["AgentReject"]),
        ("agent_network", &refused, 17, &["AgentNetworkError"]),
        ("hangs_up_on_agent", &refused, 14, &["UserHangup"]),
    ];
    let mut rows: Vec<Value> = (1..).zip(&cases).map(|(last, case)| row(last, case.0)).collect();
    rows.push(row(101, "no_agent"));
    rows.push(row(102, "leaves_queue"));
    let id = vendor.create(task("all", rows));
    vendor.pass(DAY);
    for (last, (mock_outcome, states, reason, results)) in (1..).zip(&cases) {
        assert_eq!(vendor.states(&number(last)), *states, "{mock_outcome}");
        let rows = vendor.rows(&id, &number(last));
        assert_eq!((rows.len(), &rows[0]["hangupReason"]), (1, &json!(reason)), "{mock_outcome}");
        assert!(results.contains(&rows[0]["callResultType"].as_str().unwrap()), "{mock_outcome}");
        let talk = rows[0]["talkDuration"].as_i64().unwrap();
        assert_eq!((talk > 0, rows[0]["reclink"] != ""), (*reason == 12, *reason == 12), "{mock_outcome}");
        assert_eq!(talk == 600, *mock_outcome == "long_talk talked");
    }
    for (last, reason, result) in [(101, 1, "AgentBusy"), (102, 14, "UserHangupBeforeAssign")] {
        assert_eq!(vendor.states(&number(last)), contact);
        let row = &vendor.rows(&id, &number(last))[0];
        if last == 102 {
            assert_eq!((&row["hangupReason"], &row["callResultType"]), (&json!(reason), &json!(result)));
        }
        assert!(row["waitingDuration"].as_i64().unwrap() >= 5);
    }
    assert_eq!(vendor.task_states(&id), ["Not Started", "Running", "Finished"]);
    assert!(vendor.sent.iter().all(|sent| sent.target.as_deref() == Some(URL)));
    assert!(!vendor.simulator.is_busy() && vendor.simulator.next_wakeup().is_none());
    assert_eq!(vendor.sent.last().map(Sent::state), Some("Finished"));
}

#[test]
fn free_agents_and_the_factor_set_the_pace() {
    for (factor, agents) in [(1.0, 1_usize), (1.0, 3), (2.0, 2), (3.5, 2), (0.5, 1), (12.0, 1)] {
        let mut vendor = Vendor::new();
        vendor.compares = false;
        let names: Vec<&str> = ["agent_01", "agent_02", "agent_07"][..agents].to_vec();
        let rows = (1..60).map(|last| row(last, "talked")).collect();
        let pace = json!({ "slotFactor": factor, "agentName": names });
        vendor.create(with(task("pace", rows), pace));
        let most = (agents as f64 * factor).floor().max(1.0) as usize;
        let mut seen = 0;
        for _ in 0..600 {
            vendor.pass(Duration::from_secs(3));
            let calls = &vendor.simulator.dialer.tasks[TaskKey(0)].calls;
            let open = calls.iter().filter(|call| call.is_open).count();
            assert!(open <= most, "{open} of {most}");
            seen = seen.max(open);
        }
        assert_eq!(seen, most);
        let lost = vendor.simulator.dialer.tasks[TaskKey(0)].lost;
        assert_eq!(lost > 0, factor > 1.0, "{lost} lost with {factor}");
        let used = vendor.sent.iter().filter(|sent| sent.kind() == "AgentStatus");
        assert!(used.into_iter().all(|sent| names.contains(&sent.field("agentName"))));
    }
}

#[test]
fn a_factor_below_one_dials_fewer_numbers_than_there_are_free_agents() {
    let at_once = |factor: f64| {
        let mut vendor = Vendor::new();
        let rows = (1..20).map(|last| row(last, "no_answer")).collect();
        let pace = json!({ "slotFactor": factor, "agentName": ["agent_01", "agent_02", "agent_07"] });
        vendor.create(with(task("pace", rows), pace));
        vendor.pass(Duration::from_secs(5));
        vendor.simulator.dialer.tasks[TaskKey(0)].calls.iter().filter(|call| call.is_open).count()
    };
    assert_eq!([0.1, 0.7, 1.0].map(at_once), [1, 2, 3]);
}

#[test]
fn a_factor_of_zero_counts_as_not_given() {
    let notices = |more: Value| {
        let mut vendor = Vendor::new();
        let rows = (1..20).map(|last| row(last, "talked")).collect();
        vendor.create(with(task("pace", rows), more));
        vendor.pass(DAY);
        vendor.sent.iter().map(|sent| format!("{sent:?}")).collect::<Vec<_>>()
    };
    assert_eq!(notices(json!({ "slotFactor": 0 })), notices(json!({})));
}

#[test]
fn too_many_lost_calls_slow_the_dialer_down() {
    let lost = |limit: Value| {
        let mut vendor = Vendor::new();
        vendor.compares = false;
        let rows = (1..300).map(|last| row(last, "talked")).collect();
        vendor.create(with(task("lost", rows), with(json!({ "slotFactor": 4 }), limit)));
        vendor.pass(DAY);
        vendor.simulator.dialer.tasks[TaskKey(0)].lost
    };
    let (free, limited) = (lost(json!({})), lost(json!({ "maxLostRate": 3 })));
    assert!(limited > 0 && limited * 3 < free, "{limited} and {free}");
}

#[test]
fn who_was_not_reached_is_dialled_again() {
    let mut vendor = Vendor::with(Rules { attempt_limit: 3, ..Rules::default() });
    let rows = vec![
        row(1, "answers_on_2"),
        row(2, "no_answer"),
        row(3, "invalid_number"),
        row(4, "voicemail"),
        row(5, "agent_rejects"),
    ];
    let repeats = json!({ "repeatTimes": 4, "bulkCallInterval": 600, "callInterval": 2, "ringLimit": 30 });
    let id = vendor.create(with(task("again", rows), repeats));
    vendor.pass(DAY);
    let mut reasons = |last: u32| -> Vec<i64> {
        vendor.rows(&id, &number(last)).iter().map(|row| row["hangupReason"].as_i64().unwrap()).collect()
    };
    assert_eq!(reasons(1), [2, 12]);
    // After three calls the number has been dialled too often for one day.
    assert_eq!(reasons(2), [2, 2, 2, 18]);
    assert_eq!(reasons(3), [8]);
    assert_eq!(reasons(4), [16]);
    assert_eq!(reasons(5), [13, 13, 13, 18]);
    let rows = vendor.rows(&id, &number(2));
    let nth: Vec<&Value> = rows.iter().map(|row| &row["nthCall"]).collect();
    assert_eq!(nth, [1, 2, 3, 4]);
    let moment = |row: &Value, name: &str| row[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert!(moment(&rows[1], "calltime").duration_since(moment(&rows[0], "endtime")).as_secs() >= 599);
    assert!(moment(&rows[0], "endtime").duration_since(moment(&rows[0], "ringtime")).as_secs() <= 30);
    // There is a minimum interval between any two calls of the task.
    let calls = &vendor.simulator.dialer.tasks[TaskKey(0)].calls;
    let gaps =
        calls.windows(2).map(|two| two[1].started_at().duration_since(two[0].started_at()).as_millis());
    assert!(gaps.into_iter().all(|gap| gap >= 2_000));
}

#[test]
fn schedules_start_rest_and_end() {
    let mut vendor = Vendor::new();
    // It is 09:00 in Jakarta.
    let schedule = json!({
        "startTime": "2030-01-01 10:00:00",
        "autoEndTime": "2030-01-01 11:00:00",
        "restTimes": [{ "start": "10:10:00", "end": "10:20:00" }],
        "agentName": ["agent_01"],
    });
    let rows = (1..200).map(|last| row(last, "talked")).collect();
    let id = vendor.create(with(task("day", rows), schedule));
    vendor.pass(Duration::from_secs(3_590));
    assert_eq!(vendor.task_states(&id), ["Not Started"]);
    let empty = vendor.request("dialer.task_detail", json!({ "taskId": id })).unwrap();
    assert_eq!(empty, json!({ "total": 0, "list": [] }));
    vendor.pass(Duration::from_secs(20));
    assert_eq!(vendor.task_states(&id), ["Not Started", "Running"]);
    vendor.pass(DAY);
    assert_eq!(vendor.task_states(&id), ["Not Started", "Running", "Paused", "Running", "Finished"]);
    let rest = "2030-01-01T03:10:00Z".parse::<Timestamp>().unwrap()..="2030-01-01T03:19:59Z".parse().unwrap();
    let task = &vendor.simulator.dialer.tasks[TaskKey(0)];
    assert!(task.calls.iter().all(|call| !rest.contains(&call.started_at())));
    let ends: Timestamp = "2030-01-01T04:00:00Z".parse().unwrap();
    assert!(task.calls.iter().all(|call| call.started_at() < ends));
    assert!(task.calls.len() > 20 && task.calls.len() < 150, "{}", task.calls.len());
    assert_eq!(task.sums.done, 199);
    assert!(vendor.simulator.next_wakeup().is_none());
}

#[test]
fn contacts_are_taken_out_and_tasks_copied() {
    let mut vendor = Vendor::new();
    let rows = vec![row(1, "talked"), row(2, "no_answer"), row(3, "talked"), row(4, "voicemail")];
    let later = json!({ "startTime": "2030-01-01 12:00:00" });
    let id = vendor.create(with(task("first", rows), later));
    let cancel = |list: Value| json!({ "TaskID": id, "contactList": list });
    assert_eq!(vendor.request("dialer.cancel_contacts", cancel(json!([number(3)]))), Ok(Value::Null));
    assert_eq!(vendor.request("dialer.cancel_contacts", cancel(json!([number(3)]))), Err(10507));
    vendor.pass(DAY);
    assert_eq!(vendor.states(&number(3)), [""; 0]);
    assert_eq!(vendor.simulator.dialer.tasks[TaskKey(0)].sums.cancelled, 1);
    let mut copied = |name: &str, flags: Value| -> Vec<u64> {
        let base = json!({ "taskName": name, "groupName": "Collections", "fromTask": id });
        vendor.request("dialer.copy_task", with(base, flags)).unwrap();
        let task = vendor.simulator.dialer.tasks.objects().next_back().unwrap();
        assert_eq!(task.settings.notices.url(), Some(URL));
        task.contacts.list.iter().map(|contact| contact.number % 10).collect()
    };
    assert_eq!(copied("all", json!({})), [1, 2, 3, 4]);
    assert_eq!(copied("left", json!({ "ignoreCancelled": "Y" })), [1, 2, 4]);
    assert_eq!(copied("unanswered", json!({ "noanswerOnly": "Y" })), [2, 3]);
    assert_eq!(copied("both", json!({ "noanswerOnly": "Y", "ignoreCancelled": "Y" })), [2]);
    vendor.pass(DAY);
    assert!(vendor.simulator.dialer.tasks.objects().all(|task| task.state.is_over()));
    // A task with no contacts left was cancelled.
    let id =
        vendor.create(with(task("gone", vec![row(7, "")]), json!({ "startTime": "2030-01-05 12:00:00" })));
    let cancel = json!({ "TaskID": id, "contactList": [number(7)] });
    vendor.request("dialer.cancel_contacts", cancel).unwrap();
    vendor.pass(DAY);
    assert_eq!(vendor.task_states(&id), ["Cancelled"]);
    assert!(vendor.simulator.next_wakeup().is_none());
}

#[test]
fn recordings_are_as_long_as_the_talk() {
    let mut vendor = Vendor::new();
    let id = vendor.create(task("rec", vec![row(1, "talked"), row(2, "busy")]));
    vendor.pass(DAY);
    let call = vendor.rows(&id, &number(1)).remove(0);
    let link = vendor.request("dialer.recording", json!({ "callid": call["callid"] })).unwrap();
    assert_eq!(link["link"], call["reclink"]);
    let mut parts = link["link"].as_str().unwrap().trim_end_matches(".wav").rsplit('/');
    let (file, folder) = (parts.next().unwrap(), parts.next().unwrap());
    let Ok(Download::One { name, recording: Recording::Made(recording) }) =
        vendor.simulator.download(folder, file, vendor.now)
    else {
        panic!("nothing there")
    };
    assert_eq!(name, "628111230001_1.wav");
    assert_eq!(i64::from(recording.seconds), call["talkDuration"].as_i64().unwrap());
    assert!(recording.turns.len() > 1);
    assert!(vendor.simulator.download(file, folder, vendor.now).is_err());
}

#[test]
fn queries_page_sort_and_filter() {
    let mut vendor = Vendor::new();
    let id = vendor.create(task("pages", (1..30).map(|last| row(last, "busy")).collect()));
    vendor.pass(DAY);
    let mut ask = |fields: Value| {
        let fields = with(json!({ "taskId": id, "orderBy": "calltime" }), fields);
        let answer = vendor.request("dialer.task_detail", fields).unwrap();
        let list = answer["list"].as_array().unwrap().clone();
        (answer["total"].as_i64().unwrap(), list)
    };
    let (total, all) = ask(json!({ "limit": 100 }));
    assert_eq!((total, all.len()), (29, 29));
    assert!(all.is_sorted_by_key(|row| row["calltime"].as_str().unwrap().to_owned()));
    let (total, page) = ask(json!({ "limit": "10", "offset": "25" }));
    assert_eq!((total, page), (29, all[25..].to_vec()));
    let (_, back) = ask(json!({ "limit": 100, "orderBy": "calltime desc" }));
    assert_eq!(back[0], all[28]);
    let like = json!([{ "field": "phoneNumber", "pattern": "%0001" }, { "field": "Debt", "pattern": "15%" }]);
    let (total, found) = ask(json!({ "like": like }));
    assert_eq!((total, &found[0]["phoneNumber"]), (1, &json!(number(1))));
    assert_eq!(found[0]["customerInfo"], json!({}));
    let (total, _) = ask(json!({ "maxstarttime": "2029-12-31 00:00:00" }));
    assert_eq!(total, 0);
}

#[test]
fn notices_come_as_often_as_is_asked_for() {
    let mut vendor = Vendor::new();
    vendor.compares = false;
    let rows =
        vec![row(1, "busy callback_twice"), row(2, "busy callback_never"), row(3, "busy callback_late")];
    vendor.create(task("outcomes", rows));
    vendor.pass(DAY);
    assert_eq!(vendor.states(&number(1)), ["CALLING", "CALLING", "HANGUP", "HANGUP"]);
    assert_eq!(vendor.states(&number(2)), [""; 0]);
    assert_eq!(vendor.states(&number(3)), ["CALLING", "HANGUP"]);
}

#[test]
fn a_story_may_tell_by_itself_or_take_over() {
    let mut vendor = Vendor::new();
    vendor.create(task("muted", vec![row(1, "talked")]));
    let cause = vendor.simulator.last_cause();
    vendor.simulator.mute(cause);
    vendor.create(task("adopted", vec![row(2, "talked")]));
    let cause = vendor.simulator.last_cause();
    vendor.simulator.assign(cause, 5);
    let mut stories = Vec::new();
    while let Some(at) = vendor.simulator.next_wakeup() {
        stories.extend(vendor.simulator.advance(at).into_iter().map(|callback| callback.story));
    }
    assert_eq!(stories, vec![Some(5); 12]);
}

/// An event in the life of a simulator.
#[derive(Clone, Debug)]
enum Step {
    Create { rows: u32, factor: u32, repeats: u32, agents: u32, group: bool },
    Copy { from: u32, unanswered: bool },
    Cancel { task: u32, last: u32 },
    Ask { task: u32 },
    Pass { seconds: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..30_u32, 1..4_u32, 0..4_u32, 0..4_u32, any::<bool>()).prop_map(
            |(rows, factor, repeats, agents, group)| Step::Create { rows, factor, repeats, agents, group }
        ),
        (0..4_u32, any::<bool>()).prop_map(|(from, unanswered)| Step::Copy { from, unanswered }),
        (0..4_u32, 0..30_u32).prop_map(|(task, last)| Step::Cancel { task, last }),
        (0..4_u32).prop_map(|task| Step::Ask { task }),
        (0..2_000_u32).prop_map(|seconds| Step::Pass { seconds }),
    ]
}

/// Applies the steps and returns everything that was answered and sent.
fn played(steps: &[Step]) -> (Vec<String>, Vec<Sent>) {
    let mut vendor = Vendor::new();
    vendor.compares = false;
    let (mut answers, mut made) = (Vec::new(), 0);
    for step in steps {
        let known = |at: u32| {
            let tasks = vendor.simulator.dialer.tasks.given();
            vendor.simulator.dialer.task_id(TaskKey(at % tasks.max(1) as u32))
        };
        made += 1;
        let (id, fields) = match step {
            Step::Create { rows, factor, repeats, agents, group } => {
                let names = ["agent_01", "agent_02", "agent_07"];
                let agents: &[&str] = if *group { &[] } else { &names[..*agents as usize] };
                let group = if *group { "Collections" } else { "Customer care" };
                let contact = |last: u32| {
                    let home = json!({ "Home": number(last + 50) });
                    with(row(last, if last.is_multiple_of(7) { "no_agent" } else { "" }), home)
                };
                let rows = (0..*rows).map(contact);
                let columns: &[&str] = if factor.is_multiple_of(2) { &["Home", "PhoneNumber"] } else { &[] };
                let fields = json!({
                    "groupName": group, "agentName": agents, "slotFactor": factor, "repeatTimes": repeats,
                    "restTimes": [{ "start": "09:20:00", "end": "09:30:00" }],
                    "dialingOrder": columns, "contactNumberInterval": 30,
                    "resultStrategies": [{ "callResultType": "NoAnswered", "repeatTimes": agents.len() }],
                });
                ("dialer.create_task", with(task(&format!("t{made}"), rows.collect()), fields))
            }
            Step::Copy { from, unanswered } => {
                let fields = json!({
                    "taskName": format!("t{made}"), "groupName": "Customer care", "fromTask": known(*from),
                    "noanswerOnly": unanswered,
                });
                ("dialer.copy_task", fields)
            }
            Step::Cancel { task, last } => {
                ("dialer.cancel_contacts", json!({ "TaskID": known(*task), "contactList": [number(*last)] }))
            }
            Step::Ask { task } => ("dialer.task_detail", json!({ "taskId": known(*task), "limit": 1000 })),
            Step::Pass { seconds } => {
                vendor.pass(Duration::from_secs(u64::from(*seconds)));
                continue;
            }
        };
        answers.push(format!("{:?}", vendor.request(id, fields)));
        assert_sums(&vendor.simulator);
    }
    vendor.pass(20 * DAY);
    assert!(!vendor.simulator.is_busy());
    assert!(vendor.simulator.dialer.tasks.objects().all(|task| task.state.is_over()));
    (answers, vendor.sent)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 20, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_sums_match_and_notices_are_of_what_exists(
        steps in prop::collection::vec(step(), 1..24),
    ) {
        let (answers, sent) = played(&steps);
        prop_assert_eq!(&(answers, sent.clone()), &played(&steps));
        let mut state = BTreeMap::new();
        for sent in &sent {
            if sent.kind() == "TaskStatus" {
                let before: Option<String> =
                    state.insert(sent.field("taskId").to_owned(), sent.state().to_owned());
                let is_over = before.is_some_and(|before| before == "Finished" || before == "Cancelled");
                prop_assert!(!is_over, "{:?}", sent);
            } else {
                let running = state.get(sent.field("taskId")).is_some_and(|state| state == "Running" || state == "Paused");
                prop_assert!(running, "{:?}", sent);
            }
        }
    }
}

#[test]
fn a_callback_that_is_no_url_sends_nothing_and_is_noted_once() {
    let mut vendor = Vendor::new();
    for (name, text) in [("one", "dummy"), ("other", "none")] {
        let fields = json!({ "callback": BASE64_STANDARD.encode(text) });
        let id = vendor.create(with(task(name, vec![row(1, "talked")]), fields));
        vendor.pass(DAY);
        assert_eq!(vendor.rows(&id, &number(1)).len(), 1);
    }
    assert!(vendor.sent.is_empty());
    let note = "a dialer task whose callback is `dummy`, which is not a URL, sends no notices";
    assert_eq!(vendor.simulator.take_notes(), [note]);
}

#[test]
fn a_task_is_copied_by_its_name() {
    let mut vendor = Vendor::new();
    vendor.create(task("first", vec![row(1, "busy")]));
    let copy = json!({ "fromTask": "first", "taskName": "second", "groupName": "Customer care" });
    let id = vendor.request("dialer.copy_task", copy).unwrap()["taskId"].as_str().unwrap().to_owned();
    vendor.pass(DAY);
    let rows = vendor.rows(&id, &number(1));
    assert_eq!((&rows[0]["taskName"], &rows[0]["biztype"]), (&json!("second"), &json!("Customer care")));
}

#[test]
fn strategies_in_the_shape_of_a_client_are_taken() {
    let mut vendor = Vendor::new();
    let strategy = json!({ "oper": "=", "title": "Promise", "value": "yes", "action": [1, 2], "dncDay": 30 });
    let fields =
        json!({ "resultStrategies": [strategy, { "callResultType": "NoRinging", "repeatTimes": 2 }] });
    let id = vendor.create(with(task("shapes", vec![row(1, "busy")]), fields));
    assert!(!id.is_empty());
}

#[test]
fn what_an_agent_does_besides_talking_is_there_where_it_is_asked_for() {
    let mut vendor = Vendor::new();
    let rows = vec![row(1, "on_hold passed_on remarked inspected"), row(2, "talked")];
    let id = vendor.create(task("extras", rows));
    vendor.pass(DAY);
    let said = |row: &Value| {
        let text = |name: &str| row[name].as_str().unwrap().len();
        (row["holdDuration"].as_i64().unwrap(), text("talkremarks"), text("transferReason"), text("seText"))
    };
    let scripted = vendor.rows(&id, &number(1)).remove(0);
    let (hold, remarks, reason, inspection) = said(&scripted);
    assert!(hold > 0 && remarks > 0 && reason > 0 && inspection > 0, "{scripted}");
    assert!(scripted["talkDuration"].as_i64().unwrap() > hold, "{scripted}");
    let usual = vendor.rows(&id, &number(2)).remove(0);
    assert_eq!(said(&usual), (0, 0, 0, 0));
}

//! Tests of requests and time in any order.

use proptest::prelude::*;
use proptest::strategy::Strategy as Strategy_;

use super::*;

/// An event in the life of the vendor.
#[derive(Clone, Debug)]
enum Happening {
    Create { rows: u8, repeat: u8, interval: u8, channels: bool, window: Option<u16> },
    Plan { rows: u8, strategy: u8 },
    Pass(u16),
    Cancel { task: u8, row: u8 },
    Operate { task: u8, action: u8 },
    CancelInPlan { plan: u8, row: u8 },
    Ask { task: u8 },
}

fn happening() -> impl Strategy_<Value = Happening> {
    prop_oneof![
        3 => (1_u8..30, 1_u8..4, 0_u8..5, any::<bool>(), proptest::option::of(1_u16..2_000)).prop_map(
            |(rows, repeat, interval, channels, window)| Happening::Create { rows, repeat, interval, channels, window }
        ),
        1 => (1_u8..20, 0_u8..3).prop_map(|(rows, strategy)| Happening::Plan { rows, strategy }),
        6 => (0_u16..4_000).prop_map(Happening::Pass),
        2 => (any::<u8>(), any::<u8>()).prop_map(|(task, row)| Happening::Cancel { task, row }),
        2 => (any::<u8>(), 0_u8..3).prop_map(|(task, action)| Happening::Operate { task, action }),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(plan, row)| Happening::CancelInPlan { plan, row }),
        2 => any::<u8>().prop_map(|task| Happening::Ask { task }),
    ]
}

/// Applies all events and returns what was sent as text.
fn live(happenings: &[Happening]) -> String {
    let mut vendor = a_vendor(Rules { channels: 4, ..Rules::default() });
    let (mut tasks, mut plans) = (Vec::new(), Vec::new());
    let list = |rows: u8| (0..rows).map(|n| row(&format!("{:04}", 9_000 + u16::from(n)))).collect::<Vec<_>>();
    let strategies = vendor.request("strategy.list", json!({})).unwrap();
    for (number, happening) in happenings.iter().enumerate() {
        let pick = |of: &[String], at: u8| of.get(usize::from(at) % of.len().max(1)).cloned();
        match happening {
            Happening::Create { rows, repeat, interval, channels, window } => {
                let mut fields = task(&format!("t{number}"), &list(*rows));
                fields["RepeatNumber"] = (*repeat).into();
                fields["RepeatInterval"] = (*interval).into();
                fields["SIPLine"] = if *channels { "a" } else { "" }.into();
                if let Some(seconds) = window {
                    let ends = vendor.now + Duration::from_secs(u64::from(*seconds));
                    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(7));
                    fields["ScheduleEndTime"] = crate::contract::bodies::local_text(ends, &zone).into();
                }
                tasks.push(id(vendor.request("task.create", fields).unwrap()));
            }
            Happening::Plan { rows, strategy } => {
                let strategy = &strategies["list"][usize::from(*strategy)]["StrategyID"];
                let fields = json!({ "PlanName": format!("p{number}"), "StrategyID": strategy, "Details": list(*rows) });
                plans.push(
                    vendor.request("plan.create", fields).unwrap()["PlanID"].as_str().unwrap().to_owned(),
                );
            }
            Happening::Pass(seconds) => vendor.pass(Duration::from_secs(u64::from(*seconds))),
            Happening::Cancel { task, row } => {
                if let Some(task) = pick(&tasks, *task) {
                    let number = format!("+62811123{}", 9_000 + u16::from(*row % 30));
                    let _ =
                        vendor.request("task.cancel_call", json!({ "TaskID": task, "CalleeNumber": number }));
                }
            }
            Happening::Operate { task, action } => {
                if let Some(task) = pick(&tasks, *task) {
                    let action = ["Stop", "Pause", "Resume"][usize::from(*action)];
                    let _ = vendor.request("task.stop", json!({ "TaskID": task, "Action": action }));
                }
            }
            Happening::CancelInPlan { plan, row } => {
                if let Some(plan) = pick(&plans, *plan) {
                    let number = format!("+62811123{}", 9_000 + u16::from(*row % 20));
                    let _ =
                        vendor.request("plan.cancel_call", json!({ "PlanID": plan, "CalleeNumber": number }));
                }
            }
            Happening::Ask { task } => {
                if let Some(task) = pick(&tasks, *task) {
                    let answer = vendor.request("task.detail", json!({ "TaskID": task })).unwrap();
                    let count = |status: &str| {
                        answer["detail"]
                            .as_array()
                            .unwrap()
                            .iter()
                            .filter(|row| row["Status"] == status)
                            .count()
                    };
                    let calling = &vendor.simulator.calling;
                    let (at, ..) = calling.ids.open(Kind::Task, &task).unwrap();
                    let sums = calling.tasks[TaskKey(at)].sums;
                    assert_eq!(count("pending"), sums.pending as usize);
                    assert_eq!(count("calling"), sums.calling as usize);
                    assert_eq!(count("finished"), sums.finished as usize);
                    assert_eq!(count("cancelled"), sums.cancelled as usize);
                }
            }
        }
        assert_sums(&vendor.simulator);
    }
    // Everything that is not paused ends.
    vendor.pass(DAY * 10);
    for task in vendor.simulator.calling.tasks.objects() {
        assert!(task.status.is_over() || task.status == task::TaskStatus::Paused, "{:?}", task.status);
        assert!(task.status == task::TaskStatus::Paused || task.sums.calling == 0);
    }
    // Every number is reported once, except those whose outcome says otherwise.
    let mut seen = BTreeSet::new();
    for call in vendor.sent("call.completed") {
        let number = call["CalleeNumber"].as_str().unwrap();
        let key = (call["TaskID"].to_string(), number.to_owned());
        assert!(seen.insert(key) || number.ends_with("9031"), "{number} was sent of twice");
    }
    vendor.sent.iter().map(|(at, event, body)| format!("{at} {event} {body}\n")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 10, ..ProptestConfig::default() })]

    #[test]
    fn sums_match_whatever_happens_and_equal_lives_are_equal(happenings in proptest::collection::vec(happening(), 1..25)) {
        let sent = live(&happenings);
        prop_assert_eq!(live(&happenings), sent);
    }
}

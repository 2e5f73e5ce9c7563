use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::faults::{DelayFile, SpreadFile};
use crate::time::HumanDuration;

/// Returns the faults of a file.
fn faults(toml: &str, seed: u64) -> Faults {
    #[derive(serde::Deserialize)]
    struct File {
        #[serde(deserialize_with = "list")]
        faults: Vec<FaultFile>,
    }
    Faults::new(toml::from_str::<File>(toml).unwrap().faults, Seed(seed))
}

/// Returns the numbers, from 1, of the requests that are hit.
fn hits(keys: &str, requests: usize, seed: u64) -> Vec<usize> {
    let mut faults = faults(&format!("[[faults]]\ncall = '*'\nstatus = 500\n{keys}"), seed);
    (1..=requests).filter(|_| faults.next("task.list", &Value::Null, &Belongs::default()).is_some()).collect()
}

#[test]
fn which_requests_are_hit() {
    for (keys, wanted) in [
        ("", vec![1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("skip = 7", vec![8, 9]),
        ("times = 2", vec![1, 2]),
        ("every = 3", vec![3, 6, 9]),
        ("skip = 2\ntimes = 3", vec![3, 4, 5]),
        ("skip = 2\nevery = 3", vec![5, 8]),
        ("times = 5\nevery = 2", vec![2, 4]),
        ("skip = 1\ntimes = 6\nevery = 2", vec![3, 5, 7]),
        ("skip = 1\ntimes = 6\nevery = 2\npercent = 100", vec![3, 5, 7]),
        ("times = 6\npercent = 0", vec![]),
    ] {
        assert_eq!(hits(keys, 9, 1), wanted, "{keys}");
    }
}

#[test]
fn chance_is_seeded() {
    let hit = hits("percent = 30", 10_000, 7);
    assert!((2_850..=3_150).contains(&hit.len()), "{}", hit.len());
    assert_eq!(hit, hits("percent = 30", 10_000, 7));
    assert_ne!(hit, hits("percent = 30", 10_000, 8));
    let some = hits("skip = 10\ntimes = 1000\npercent = 12.5", 10_000, 7);
    assert!((90..=160).contains(&some.len()) && some.iter().all(|request| (11..=1010).contains(request)));
}

#[test]
fn the_first_that_hits_decides_and_all_count() {
    let mut faults = faults(
        "[[faults]]\ncall = 'task.list'\nevery = 2\nkind = 'reset'\n\
         [[faults]]\ncall = 'task.*'\nskip = 1\ntimes = 2\nkind = 'close'\n\
         [[faults]]\ncall = '*'\ntimes = 3\nkind = 'never'\n",
        1,
    );
    let mut next =
        |id: &str| faults.next(id, &Value::Null, &Belongs::default()).map(|fault| fault.act.unwrap());
    let acts =
        ["task.list", "task.list", "task.detail", "plan.create", "task.list", "task.list"].map(&mut next);
    let wanted = [
        Some(Act::Kind(FaultKind::Never)),
        Some(Act::Kind(FaultKind::Reset)),
        Some(Act::Kind(FaultKind::Close)),
        None,
        None,
        Some(Act::Kind(FaultKind::Reset)),
    ];
    assert_eq!(acts, wanted);
    assert_eq!(next("tasks.list"), None, "a group ends with its dot");
}

#[test]
fn a_fault_hits_the_same_requests_whatever_stands_beside_it() {
    let own = "[[faults]]\ncall = 'task.list'\npercent = 50\nkind = 'reset'\n";
    let other = "[[faults]]\ncall = '*'\npercent = 50\ndelay = '1s..2s'\n";
    let (mut alone, mut beside) = (faults(own, 3), faults(&format!("{own}{other}"), 3));
    for _ in 0..100 {
        beside.next("plan.create", &Value::Null, &Belongs::default());
        let wanted = alone.next("task.list", &Value::Null, &Belongs::default());
        let got =
            beside.next("task.list", &Value::Null, &Belongs::default()).filter(|fault| fault.act.is_some());
        assert_eq!(got, wanted);
    }
}

#[test]
fn the_fields_of_a_request_are_compared_in_part() {
    let mut faults = faults(
        "[[faults]]\ncall = '*'\nwhere = { task = { id = 7 }, kind = 'x' }\nkind = 'garbage'\n\
         [[faults]]\ncall = '*'\nwhere = {}\nkind = 'close'\ntimes = 9\n",
        1,
    );
    let mut act =
        |fields: Value| faults.next("task.list", &fields, &Belongs::default()).and_then(|fault| fault.act);
    assert_eq!(
        act(json!({ "task": { "id": 7, "n": 1 }, "kind": "x", "more": 2 })),
        Some(Act::Kind(FaultKind::Garbage))
    );
    for fields in [
        json!({ "task": { "id": 8 }, "kind": "x" }),
        json!({ "task": { "id": 7 } }),
        json!({}),
        json!(["task"]),
        Value::Null,
    ] {
        assert_eq!(act(fields.clone()), Some(Act::Kind(FaultKind::Close)), "{fields}");
    }
}

#[test]
fn errors_without_a_message_say_what_their_code_means() {
    for (family, status, code, message) in [
        (Family::Cloud, 503, None, "503 Service Unavailable, on purpose: a fault of the mock"),
        (Family::Dialer, 200, Some(10201), "internal error, on purpose: a fault of the mock"),
        (
            Family::Dialer,
            200,
            Some(10620),
            "the end is less than 5 minutes after the start, on purpose: a fault of the mock",
        ),
        (Family::Cloud, 200, Some(10201), "code 10201, on purpose: a fault of the mock"),
    ] {
        assert_eq!(on_purpose(family, status, code), message);
    }
}

#[test]
fn what_happens_is_as_written() {
    let one = |keys: &str| {
        faults(&format!("[[faults]]\ncall = '*'\n{keys}"), 1)
            .next("x", &Value::Null, &Belongs::default())
            .unwrap()
    };
    let answer = |code, message: Option<&str>, retry_after| Act::Answer {
        status: 503,
        code,
        message: message.map(str::to_owned),
        retry_after,
    };
    assert_eq!(
        one("status = 503"),
        Fault { name: "503".into(), delay: None, act: Some(answer(None, None, None)), effect: false }
    );
    assert_eq!(
        one(
            "status = 503\ncode = 10201\nmessage = 'later'\nretry_after = '1500ms'\neffect = true\ndelay = '2s'"
        ),
        Fault {
            name: "503".into(),
            delay: Some(Duration::from_secs(2)),
            act: Some(answer(Some(10201), Some("later"), Some(Duration::from_millis(1500)))),
            effect: true,
        }
    );
    for (kind, act, effect) in [
        ("reset", Act::Kind(FaultKind::Reset), false),
        ("half", Act::Kind(FaultKind::Half), true),
        ("never", Act::Kind(FaultKind::Never), false),
        ("garbage", Act::Kind(FaultKind::Garbage), false),
        ("close", Act::Kind(FaultKind::Close), false),
        ("expired-token", Act::Kind(FaultKind::ExpiredToken), false),
    ] {
        let wanted = Fault { name: kind.into(), delay: None, act: Some(act), effect };
        assert_eq!(one(&format!("kind = '{kind}'")), wanted);
    }
    assert!(!one("kind = 'half'\neffect = false").effect);
    let slow = one("delay = '200ms..2s'");
    let delay = slow.delay.unwrap().as_millis();
    assert!((200..=2000).contains(&delay) && slow.act.is_none() && slow.effect);
    assert!(one("delay = { median = '100ms', p99 = '2s' }").delay.is_some());
}

#[test]
fn retry_after_is_rounded_up() {
    for (millis, seconds) in [(0, 0), (1, 1), (1000, 1), (1001, 2)] {
        assert_eq!(retry_after_seconds(Duration::from_millis(millis)), seconds);
    }
}

fn fault() -> impl Strategy<Value = FaultFile> {
    let counts = (any::<Option<u32>>(), any::<Option<u32>>(), any::<Option<u32>>(), any::<Option<f64>>());
    let spread = prop::option::of((any::<u32>(), any::<u32>()));
    (prop::sample::select(vec!["*", "a.*", "a.b", "", "**"]), counts, any::<Option<u16>>(), spread).prop_map(
        |(request, (skip, times, every, percent), status, spread)| FaultFile {
            call: Some(request.to_owned()),
            where_: status.map(|_| serde_json::Map::from_iter([("a".to_owned(), json!({ "b": [1] }))])),
            skip,
            times,
            every,
            percent,
            status,
            delay: spread.map(|(median, p99)| {
                let [median, p99] = [median, p99].map(|millis| Duration::from_millis(millis.into()));
                DelayFile::Spread(SpreadFile { median: HumanDuration(median), p99: HumanDuration(p99) })
            }),
            ..FaultFile::default()
        },
    )
}

proptest! {
    #[test]
    fn whatever_stands_in_the_list_is_survived(
        list in prop::collection::vec(fault(), 0..4),
        requests in prop::collection::vec(("[a.b*]{0,4}", 0..4u8), 0..12),
        seed in any::<u64>(),
    ) {
        let mut faults = Faults::new(list, Seed(seed));
        for (id, form) in requests {
            let fields = [Value::Null, json!({ "a": { "b": [1], "c": 2 } }), json!({ "a": 1 }), json!("a")];
            faults.next(&id, &fields[usize::from(form)], &Belongs::default());
        }
    }
}

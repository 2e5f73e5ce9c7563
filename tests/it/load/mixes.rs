//! Stories of several steps, and several stories side by side.

use std::collections::BTreeMap;

use super::harness::{SECRET, command, finished, load_story, number, story};
use super::receiver::Receiver;

const PAIR: &str = r#"
name = "Pair"
[[steps]]
send = "session.transfer"
save = "transfer"
[[steps]]
send = "session.end"
body = { call_id = "{{ transfer.body.transfer.call_id }}" }
"#;

#[test]
fn the_steps_of_a_story_follow_each_other_and_share_its_ids() {
    let (_folder, file) = story(PAIR);
    let receiver = Receiver::new();
    load_story(&file, &receiver.url(), &["--rate", "400/s", "--duration", "500ms"]).assert_all_well(200);
    let mut open: BTreeMap<String, usize> = BTreeMap::new();
    for (index, request) in receiver.arrived().iter().enumerate() {
        request.assert_signed(SECRET);
        let body = request.json();
        match body["event"].as_str().unwrap() {
            "session.transfer" => {
                let id = body["transfer"]["call_id"].as_str().unwrap().to_owned();
                assert_eq!(open.insert(id, index), None, "no two stories share a call");
            }
            _ => assert!(open.remove(body["call_id"].as_str().unwrap()).is_some(), "{body}"),
        }
    }
    assert!(open.is_empty(), "every story came to its end");
}

#[test]
fn a_rate_of_stories_counts_stories() {
    let (_folder, file) = story(PAIR);
    let receiver = Receiver::new();
    let run =
        load_story(&file, &receiver.url(), &["--rate", "200/s", "--duration", "500ms", "--unit", "stories"]);
    run.assert_all_well(200);
    assert_eq!(number(&run.report["plan"]["stories"][0]["started"]), 100);
}

#[test]
fn stories_are_mixed_by_weight() {
    let (_one, heavy) = story(
        "name = \"Heavy\"\n[load]\nweight = 3\nrate = \"400/s\"\nduration = \"500ms\"\n[[steps]]\nsend = \"session.transfer\"\n",
    );
    let (_other, light) = story("name = \"Light\"\n[[steps]]\nsend = \"message.receive\"\n");
    let receiver = Receiver::new();
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path(), &heavy, &receiver.url(), &[]);
    let run = finished(command.arg(&light).spawn().unwrap(), folder);
    run.assert_all_well(200);
    let mut events: BTreeMap<String, u64> = BTreeMap::new();
    for request in receiver.arrived() {
        request.assert_signed(SECRET);
        *events.entry(request.json()["event"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(events.into_values().collect::<Vec<_>>(), [50, 150], "message.receive and session.transfer");
    let started: Vec<(&str, u64)> = run.report["plan"]["stories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|share| (share["name"].as_str().unwrap(), number(&share["started"])))
        .collect();
    assert_eq!(started, [("Heavy", 150), ("Light", 50)]);
}
